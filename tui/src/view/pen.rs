//! The one hand that writes on the screen: every text is made visible and cut to its room here.

use client::{safe, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::theme::{Theme, Tone};

/// A line of pieces, each in its tone.
pub(crate) type Pieces = Vec<(Tone, String)>;

/// A line of one piece.
pub(crate) fn line(tone: Tone, text: impl Into<String>) -> Pieces {
    vec![(tone, text.into())]
}

/// Writes on the screen.
pub(crate) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub(crate) theme: Theme,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme }
    }

    /// A text in at most `room` columns. Answers how many it took.
    pub(crate) fn text(&mut self, x: u16, y: u16, room: u16, tone: Tone, text: &str) -> u16 {
        let text = width::truncate(&safe::visible(text), usize::from(room), self.theme.glyphs.cut);
        let area = self.buffer.area;
        if y < area.bottom() && x < area.right() {
            // Nothing of what was there shines through.
            let style = Style::reset().patch(self.theme.style(tone));
            self.buffer.set_stringn(x, y, &text, usize::from(room), style);
        }
        // At most `room`.
        u16::try_from(width::columns(&text)).unwrap_or(room)
    }

    /// A text at the right end of `room` columns.
    pub(crate) fn right(&mut self, x: u16, y: u16, room: u16, tone: Tone, text: &str) {
        let wanted = u16::try_from(width::columns(&safe::visible(text))).unwrap_or(room).min(room);
        self.text(x + room - wanted, y, wanted, tone, text);
    }

    /// Pieces one after the other in `room` columns; a piece that does not fit is cut, and what follows it is left out.
    pub(crate) fn pieces(&mut self, x: u16, y: u16, room: u16, pieces: &[(Tone, String)]) {
        let mut taken = 0;
        for (tone, text) in pieces {
            if taken >= room {
                break;
            }
            taken += self.text(x + taken, y, room - taken, *tone, text);
        }
    }

    /// A heading with a line to the end of its room; `aside` stands at the right end.
    pub(crate) fn heading(&mut self, x: u16, y: u16, room: u16, title: &str, aside: &str) {
        let rule = self.theme.glyphs.horizontal.repeat(usize::from(room));
        self.text(x, y, room, Tone::Faint, &rule);
        let title = format!(" {title} ");
        let taken = 1 + self.text(x + 1, y, room.saturating_sub(2), Tone::Strong, &title);
        let aside = if aside.is_empty() { String::new() } else { format!(" {aside} ") };
        let wanted = u16::try_from(width::columns(&safe::visible(&aside))).unwrap_or(room);
        if !aside.is_empty() && taken + 2 < room {
            let wanted = wanted.min(room - taken - 1);
            self.text(x + room - 1 - wanted, y, wanted, Tone::Faint, &aside);
        }
    }

    /// One tone over a part of the screen, over what is written there.
    pub(crate) fn tint(&mut self, area: Rect, tone: Tone) {
        self.buffer.set_style(area.intersection(self.buffer.area), self.theme.style(tone));
    }

    /// A frame with room inside, on cleared ground. The ground is cleared one column further to the left: a wide character
    /// whose right half is covered would leave its left half behind.
    pub(crate) fn frame(&mut self, area: Rect, title: &str, tone: Tone) -> Rect {
        let area = area.intersection(self.buffer.area);
        let ground = Rect { x: area.x.saturating_sub(1), width: area.width + area.x.min(1), ..area };
        for position in ground.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
        let glyphs = self.theme.glyphs;
        let inside = usize::from(area.width.saturating_sub(2));
        let [upper_left, upper_right, lower_right, lower_left] = glyphs.corners;
        let rule = glyphs.horizontal.repeat(inside);
        self.text(area.x, area.y, area.width, tone, &format!("{upper_left}{rule}{upper_right}"));
        let bottom = area.bottom().saturating_sub(1);
        self.text(area.x, bottom, area.width, tone, &format!("{lower_left}{rule}{lower_right}"));
        for y in area.y + 1..bottom {
            self.text(area.x, y, 1, tone, glyphs.vertical);
            self.text(area.right().saturating_sub(1), y, 1, tone, glyphs.vertical);
        }
        if !title.is_empty() {
            self.text(area.x + 2, area.y, area.width.saturating_sub(4), Tone::Strong, &format!(" {title} "));
        }
        Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: area.height.saturating_sub(2) }
    }

    /// Lines from `scroll` on in an area, with marks at the right where there is more.
    pub(crate) fn lines(&mut self, area: Rect, lines: &[Pieces], scroll: usize) {
        let height = usize::from(area.height);
        let scroll = scroll.min(lines.len().saturating_sub(height));
        for (y, pieces) in (area.y..area.bottom()).zip(lines.iter().skip(scroll)) {
            self.pieces(area.x, y, area.width.saturating_sub(2), pieces);
        }
        let mark = area.right().saturating_sub(1);
        if scroll > 0 {
            self.text(mark, area.y, 1, Tone::Key, self.theme.glyphs.above);
        }
        if scroll + height < lines.len() {
            self.text(mark, area.bottom().saturating_sub(1), 1, Tone::Key, self.theme.glyphs.below);
        }
    }

    /// Part of the screen in the middle of it.
    pub(crate) fn middle(&self, columns: u16, rows: u16) -> Rect {
        let area = self.buffer.area;
        let (columns, rows) = (columns.min(area.width), rows.min(area.height));
        Rect { x: area.x + (area.width - columns) / 2, y: area.y + (area.height - rows) / 2, width: columns, height: rows }
    }
}
