//! A screen written down: its text, and below it which parts are styled and how.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use tui::State;

/// The screen as it is drawn now.
pub fn drawn(state: &State, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| tui::draw(state, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// Its text, one line a row. A wide character stands for the two columns it takes.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(client::width::columns(symbol)).unwrap().max(1);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Text and styles: each styled run of a row as `row: from-to style "text"`.
pub fn styled(buffer: &Buffer) -> String {
    let mut written = text(buffer);
    written.push_str("----\n");
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = named(buffer, x, y);
            let start = x;
            let mut run = String::new();
            while x < buffer.area.width && named(buffer, x, y) == style {
                let symbol = buffer[(x, y)].symbol();
                run.push_str(symbol);
                x += u16::try_from(client::width::columns(symbol)).unwrap().max(1);
            }
            if !style.is_empty() && !run.trim().is_empty() {
                let _ = writeln!(written, "{y:>2}: {start}-{} {style} {:?}", x - 1, run.trim());
            }
        }
    }
    written
}

fn named(buffer: &Buffer, x: u16, y: u16) -> String {
    let cell = &buffer[(x, y)];
    let mut names = Vec::new();
    for (color, name) in
        [(Color::Green, "green"), (Color::Yellow, "yellow"), (Color::Red, "red"), (Color::Cyan, "cyan"), (Color::White, "white")]
    {
        if cell.fg == color {
            names.push(name.to_owned());
        }
        if cell.bg == color {
            names.push(format!("on-{name}"));
        }
    }
    for (modifier, name) in
        [(Modifier::BOLD, "bold"), (Modifier::DIM, "dim"), (Modifier::REVERSED, "reversed"), (Modifier::UNDERLINED, "underlined")]
    {
        if cell.modifier.contains(modifier) {
            names.push(name.to_owned());
        }
    }
    names.join("+")
}
