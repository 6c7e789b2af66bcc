//! Rows under headings, with one of them selected.

use client::width::{self, Align};
use ratatui::layout::Rect;

use super::pen::Pen;
use crate::theme::Tone;
use crate::words::fitted;

/// A column of a list.
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// Columns of the screen; 0 for what the others leave.
    pub(super) room: u16,
    pub(super) align: Align,
}

/// A column of text.
pub(super) const fn text(heading: &'static str, room: u16) -> Column {
    Column { heading, room, align: Align::Left }
}

/// A column of numbers.
pub(super) const fn number(heading: &'static str, room: u16) -> Column {
    Column { heading, room, align: Align::Right }
}

/// Draws the rows that fit, so that the selected one is among them. `row` makes the cells of one row.
pub(super) fn draw(
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &[Column],
    count: usize,
    selected: usize,
    row: impl Fn(usize) -> Vec<(Tone, String)>,
) {
    if area.height < 2 || area.width < 10 {
        return;
    }
    let rooms = rooms(columns, area.width - 3);
    let headings: Vec<(Tone, String)> = columns.iter().map(|column| (Tone::Faint, column.heading.to_owned())).collect();
    cells(pen, Rect { x: area.x + 2, height: 1, ..area }, columns, &rooms, &headings);
    let height = usize::from(area.height - 1);
    let first = selected.saturating_sub(height / 2).min(count.saturating_sub(height));
    for (y, place) in (area.y + 1..area.bottom()).zip(first..count) {
        cells(pen, Rect { x: area.x + 2, y, height: 1, ..area }, columns, &rooms, &row(place));
        if place == selected {
            pen.text(area.x, y, 2, Tone::Plain, pen.theme.glyphs.pointer);
            pen.tint(Rect { x: area.x, y, width: area.width - 1, height: 1 }, Tone::Selected);
        }
    }
    let mark = area.right() - 1;
    if first > 0 {
        pen.text(mark, area.y + 1, 1, Tone::Key, pen.theme.glyphs.above);
    }
    if first + height < count {
        pen.text(mark, area.bottom() - 1, 1, Tone::Key, pen.theme.glyphs.below);
    }
}

fn rooms(columns: &[Column], room: u16) -> Vec<u16> {
    let gaps = u16::try_from(columns.len().saturating_sub(1)).unwrap_or_default();
    let fixed: u16 = columns.iter().map(|column| column.room).sum::<u16>() + gaps;
    let open = u16::try_from(columns.iter().filter(|column| column.room == 0).count()).unwrap_or(1).max(1);
    let share = room.saturating_sub(fixed) / open;
    columns.iter().map(|column| if column.room == 0 { share } else { column.room }).collect()
}

fn cells(pen: &mut Pen<'_>, area: Rect, columns: &[Column], rooms: &[u16], cells: &[(Tone, String)]) {
    let mut x = area.x;
    for ((column, room), (tone, text)) in columns.iter().zip(rooms).zip(cells) {
        let text = fitted(text, usize::from(*room), column.align, pen.theme.glyphs.cut);
        pen.text(x, area.y, *room, *tone, &text);
        x += u16::try_from(width::columns(&text)).unwrap_or(*room) + 1;
    }
}
