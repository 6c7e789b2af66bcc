//! Colours and marks. Without colour, bold, reverse and underline say the same; out of ASCII, the marks are ASCII.

use ratatui::style::{Color, Modifier, Style};

use crate::state::Look;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// A heading, or what the eye is to find first.
    Strong,
    /// Beside the point.
    Faint,
    /// As it should be.
    Good,
    /// On its way, or to be looked at.
    Warn,
    /// Not as it should be.
    Bad,
    /// A key of the keyboard.
    Key,
    /// The selected row or tab.
    Selected,
    /// A production instance.
    Production,
}

/// Marks and lines.
#[derive(Debug)]
pub(crate) struct Glyphs {
    /// Horizontal and vertical line; corners from the upper left clockwise.
    pub(crate) horizontal: &'static str,
    pub(crate) vertical: &'static str,
    pub(crate) corners: [&'static str; 4],
    /// Where a text was cut.
    pub(crate) cut: &'static str,
    /// Live, and not.
    pub(crate) live: &'static str,
    pub(crate) waiting: &'static str,
    /// The selected row.
    pub(crate) pointer: &'static str,
    /// A character that is not shown.
    pub(crate) hidden: &'static str,
    /// Where the next character goes.
    pub(crate) cursor: &'static str,
    /// Bars from nothing to full.
    pub(crate) bars: &'static [&'static str],
    /// Done and to be done.
    pub(crate) done: &'static str,
    pub(crate) left: &'static str,
    /// Keys in time: out of use, taken over, signing, signing beside another, to come, revoked.
    pub(crate) past: &'static str,
    pub(crate) change: &'static str,
    pub(crate) signs: &'static str,
    pub(crate) beside: &'static str,
    pub(crate) next: &'static str,
    pub(crate) revoked: &'static str,
    /// Between facts on a line.
    pub(crate) dot: &'static str,
    /// More above, more below.
    pub(crate) above: &'static str,
    pub(crate) below: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    horizontal: "─",
    vertical: "│",
    corners: ["┌", "┐", "┘", "└"],
    cut: "…",
    live: "●",
    waiting: "○",
    pointer: "▸",
    hidden: "•",
    cursor: "▏",
    bars: &[" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    done: "█",
    left: "░",
    past: "─",
    change: "┼",
    signs: "█",
    beside: "▓",
    next: "░",
    revoked: "x",
    dot: "·",
    above: "↑",
    below: "↓",
};

const ASCII: Glyphs = Glyphs {
    horizontal: "-",
    vertical: "|",
    corners: ["+", "+", "+", "+"],
    cut: "~",
    live: "*",
    waiting: "o",
    pointer: ">",
    hidden: "*",
    cursor: "_",
    bars: &[" ", ".", ":", "#"],
    done: "#",
    left: ".",
    past: "-",
    change: "+",
    signs: "=",
    beside: "#",
    next: ":",
    revoked: "x",
    dot: "-",
    above: "^",
    below: "v",
};

/// How things look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    color: bool,
    /// Marks and lines.
    pub(crate) glyphs: &'static Glyphs,
}

impl Theme {
    pub(crate) fn of(look: Look) -> Self {
        Self { color: look.color, glyphs: if look.ascii { &ASCII } else { &UNICODE } }
    }

    /// The style of a tone.
    pub(crate) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let colored = |color: Color| if self.color { plain.fg(color) } else { plain };
        match tone {
            Tone::Plain => plain,
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Faint => plain.add_modifier(Modifier::DIM),
            Tone::Good => colored(Color::Green),
            Tone::Warn if self.color => plain.fg(Color::Yellow),
            Tone::Warn => plain.add_modifier(Modifier::UNDERLINED),
            Tone::Bad => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Key => colored(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Selected => plain.add_modifier(Modifier::REVERSED),
            Tone::Production if self.color => plain.fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Production => plain.add_modifier(Modifier::BOLD).add_modifier(Modifier::REVERSED),
        }
    }
}
