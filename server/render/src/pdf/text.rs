//! Letters: how wide they are, where lines break, and the glyphs that are drawn.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_segmentation::UnicodeSegmentation;

use crate::font::{Face, Fonts};

/// A face, to measure and to draw.
pub(super) struct Letters<'f> {
    measured: FontRef<'f>,
    pub(super) drawn: Font,
    em: f32,
}

/// The faces of a document.
pub(super) struct Faces<'f> {
    pub(super) regular: Letters<'f>,
    pub(super) bold: Letters<'f>,
}

impl<'f> Faces<'f> {
    pub(super) fn of(fonts: &'f Fonts) -> Option<Self> {
        Some(Self { regular: Letters::of(&fonts.regular)?, bold: Letters::of(&fonts.bold)? })
    }
}

impl<'f> Letters<'f> {
    fn of(face: &'f Face) -> Option<Self> {
        let measured = face.font()?;
        let em = f32::from(measured.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let drawn = Font::new(face.data.to_vec().into(), face.index)?;
        Some(Self { measured, drawn, em })
    }

    /// The glyphs of a text. A character that the font lacks is drawn as the empty box it is.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let characters = self.measured.charmap();
        let metrics = self.measured.glyph_metrics(Size::unscaled(), LocationRef::default());
        text.char_indices()
            .map(|(at, character)| {
                let glyph = characters.map(character).unwrap_or_default();
                let advance = metrics.advance_width(glyph).unwrap_or(self.em) / self.em;
                let (offset, advance) = halved(character, advance);
                let range = at..at + character.len_utf8();
                KrillaGlyph::new(GlyphId::new(glyph.to_u32()), advance, offset, 0.0, 0.0, range, None)
            })
            .collect()
    }

    /// How wide a text is at a size.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text).iter().map(|glyph| glyph.x_advance * size).sum()
    }

    /// The text in lines that are no wider than `room`; a word that is wider is broken.
    pub(super) fn lines(&self, text: &str, size: f32, room: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for piece in pieces(text) {
            if self.width(&format!("{line}{}", piece.trim_end()), size) <= room {
                line.push_str(&piece);
                continue;
            }
            if !line.trim().is_empty() {
                lines.push(line.trim_end().to_owned());
            }
            line.clear();
            for character in piece.trim_start().chars() {
                if !line.is_empty() && self.width(&format!("{line}{character}"), size) > room {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(character);
            }
        }
        if !line.trim().is_empty() || lines.is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        lines
    }
}

/// Curly quotes are as wide as a Chinese character in fonts for Chinese, half of it empty; here they stand around English, and
/// Chinese has marks of its own. Offset and advance, in ems.
fn halved(character: char, advance: f32) -> (f32, f32) {
    match character {
        '“' | '‘' if advance > 0.9 => (-0.5, 0.5),
        '”' | '’' if advance > 0.9 => (0.0, 0.5),
        _ => (0.0, advance),
    }
}

/// Characters that do not begin a line.
const NOT_FIRST: &str = "，。、；：？！）」』》〉】％%),.;:!?”’";
/// Characters that do not end one.
const NOT_LAST: &str = "（「『《〈【(“‘";

/// What may be parted: words, and Chinese characters one by one, each with what must not be parted from it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_word_bounds() {
        let hangs = word.chars().all(|character| NOT_FIRST.contains(character) || character == ' ');
        match pieces.last_mut() {
            Some(last) if open || hangs => last.push_str(word),
            _ => pieces.push(word.to_owned()),
        }
        open = word.chars().all(|character| NOT_LAST.contains(character));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stay_with_what_they_belong_to() {
        assert_eq!(pieces("more than 400 000, “iAM Smart+”."), ["more ", "than ", "400 ", "000, ", "“iAM ", "Smart", "+”."]);
        assert_eq!(pieces("截至「智方便」，共"), ["截", "至", "「智", "方", "便」，", "共"]);
    }
}
