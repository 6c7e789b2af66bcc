//! A document as a tagged PDF: headings, paragraphs, tables with header cells and charts with descriptions in reading order, fonts
//! embedded in part, text that can be searched. What stands at the head and foot of pages is no part of what is read.

mod draw;
mod layout;
mod paper;
mod text;

use krilla::metadata::{DateTime, Metadata};
use krilla::{Document, SerializeSettings};

use crate::RenderError;
use crate::font::Fonts;
use crate::outline::Outline;

/// The PDF.
///
/// # Errors
/// When the library refuses, which is a fault of ours.
pub fn pdf(outline: &Outline, fonts: &Fonts) -> Result<Vec<u8>, RenderError> {
    let refused = |what: &str| RenderError::Pdf(what.to_owned());
    let faces = text::Faces::of(fonts).ok_or_else(|| refused("the font cannot be read"))?;
    let laid = layout::layout(outline, &faces);
    let settings = SerializeSettings { enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let (year, month, day) =
        (outline.known_at.year(), outline.known_at.month().number().rem_euclid(12) + 1, outline.known_at.day_of_month());
    let made = DateTime::new(u16::try_from(year).unwrap_or(0))
        .month(u8::try_from(month).unwrap_or(1))
        .day(u8::try_from(day).unwrap_or(1));
    document.set_metadata(
        Metadata::new()
            .title(outline.title.line())
            .language(outline.language.tag().to_owned())
            .creation_date(made)
            .document_id(outline.foot.join("\n")),
    );
    let tree = draw::draw(&mut document, outline, &laid, &faces).ok_or_else(|| refused("a page has no size"))?;
    document.set_tag_tree(tree);
    document.finish().map_err(|error| RenderError::Pdf(format!("{error:?}")))
}
