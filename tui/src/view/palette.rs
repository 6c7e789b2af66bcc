//! The palette: a line to type in, and the commands that fit it.

use client::width::Align;
use ratatui::layout::Rect;

use super::pen::Pen;
use crate::state::State;
use crate::state::palette::{Palette, items};
use crate::theme::Tone;
use crate::words::{self, fitted};

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, palette: &Palette) {
    let middle = pen.middle(76, 18);
    let area = Rect { y: 2, ..middle };
    let inside = pen.frame(area, "Commands", Tone::Key);
    let typed = format!("{}{}", palette.input.value(), pen.theme.glyphs.cursor);
    // The end of a long line is where it is typed.
    let room = usize::from(inside.width) - 2;
    let typed = tail(&typed, room);
    pen.pieces(inside.x, inside.y, inside.width, &[(Tone::Key, ": ".to_owned()), (Tone::Strong, typed)]);
    let mut y = inside.y + 1;
    if let Some(wrong) = &palette.wrong {
        for text in words::wrapped(wrong, usize::from(inside.width)).into_iter().take(3) {
            pen.text(inside.x, y, inside.width, Tone::Bad, &text);
            y += 1;
        }
    }
    y += 1;
    let found = items(state, palette);
    let rows = usize::from(inside.bottom().saturating_sub(y));
    let first = palette.selected.saturating_sub(rows.saturating_sub(1));
    for (y, (place, item)) in (y..inside.bottom()).zip(found.iter().enumerate().skip(first)) {
        let usable = item.enabled.is_ok();
        let tone = if usable { Tone::Plain } else { Tone::Faint };
        let key = item.command.keys.first().copied().unwrap_or_default();
        let about = match (&item.enabled, item.cli.is_empty()) {
            (Err(why), _) => why.clone(),
            (Ok(()), true) => item.command.what.to_owned(),
            (Ok(()), false) => item.cli.clone(),
        };
        let name = fitted(item.command.name, 14, Align::Left, "");
        let pieces = [(Tone::Key, fitted(key, 9, Align::Left, "")), (tone, name), (Tone::Faint, format!(" {about}"))];
        pen.pieces(inside.x, y, inside.width, &pieces);
        if place == palette.selected {
            pen.tint(Rect { y, height: 1, ..inside }, Tone::Selected);
        }
    }
}

/// The last columns of a text.
pub(super) fn tail(text: &str, room: usize) -> String {
    let mut kept = text;
    while client::width::columns(&client::safe::visible(kept)) > room {
        let mut characters = kept.chars();
        if characters.next().is_none() {
            break;
        }
        kept = characters.as_str();
    }
    kept.to_owned()
}
