//! How a reply is laid out in rows and columns: once, for tables, CSV and the dashboard.

use serde::Serialize;

use crate::ics::Event;
use crate::width::Align;

mod account;
mod audit;
mod certificate;
mod credential;
mod hotline;
mod instance;
mod inventory;
mod job;
mod key;
mod legco;
mod months;
mod operator;
mod registration;
mod relying_party;
mod rotation;
mod service;
mod stats;
mod verdict;

/// A reply that can be shown as rows.
pub trait Tabular: Serialize + Sized + 'static {
    /// The columns, in their fixed order. The first one names the row.
    fn columns() -> &'static [Column<Self>];

    /// What `-o name` prints.
    fn name(&self) -> String {
        Self::columns().first().map(|column| (column.raw)(self)).unwrap_or_default()
    }

    /// What people see besides the columns, when it is shown alone: nested lists, each with a title.
    fn sections(&self) -> Vec<Section> {
        Vec::new()
    }

    /// Text for people in place of columns, for replies that are not rows: each element one line, already harmless.
    fn lines(&self) -> Option<Vec<Line>> {
        None
    }

    /// Text that is printed as it is, for replies that are one text of our own making: a script, a help page.
    fn verbatim(&self) -> Option<&str> {
        None
    }

    /// Rows for a spreadsheet in place of one row, for replies that are reports.
    fn sheet(&self) -> Option<Sheet> {
        None
    }

    /// How a row becomes an event of a calendar (`-o ics`), for replies that have days.
    const EVENT: Option<fn(&Self) -> Event> = None;
}

/// Rows for a spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The first row.
    pub headings: Vec<&'static str>,
    /// The others.
    pub rows: Vec<Vec<(Kind, String)>>,
}

/// One column of rows of `T`.
pub struct Column<T> {
    /// Stable name for `--columns` and the CSV heading.
    pub id: &'static str,
    /// Heading for people.
    pub heading: &'static str,
    /// Shown only when asked for (`-o wide`).
    pub wide: bool,
    /// What it holds.
    pub kind: Kind,
    /// For people: local times, spaced thousands.
    pub people: fn(&T) -> String,
    /// For programs: RFC 3339 times, plain digits.
    pub raw: fn(&T) -> String,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, possibly from outside.
    Text,
    /// A number: right-aligned, and no formula for a spreadsheet.
    Number,
}

impl Kind {
    /// On which side the room is left.
    #[must_use]
    pub fn align(self) -> Align {
        match self {
            Self::Text => Align::Left,
            Self::Number => Align::Right,
        }
    }
}

impl<T> Column<T> {
    /// Text that people and programs read alike.
    #[must_use]
    pub const fn text(id: &'static str, heading: &'static str, both: fn(&T) -> String) -> Self {
        Self { id, heading, wide: false, kind: Kind::Text, people: both, raw: both }
    }

    /// Text in two forms.
    #[must_use]
    pub const fn two(id: &'static str, heading: &'static str, people: fn(&T) -> String, raw: fn(&T) -> String) -> Self {
        Self { id, heading, wide: false, kind: Kind::Text, people, raw }
    }

    /// A number in two forms.
    #[must_use]
    pub const fn number(id: &'static str, heading: &'static str, people: fn(&T) -> String, raw: fn(&T) -> String) -> Self {
        Self { id, heading, wide: false, kind: Kind::Number, people, raw }
    }

    /// Shown only when asked for.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }
}

/// A nested list below a reply that is shown alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// Headings and their alignment; empty for plain lines.
    pub headings: Vec<(String, Align)>,
    /// Rows; of one cell each for plain lines.
    pub rows: Vec<Vec<String>>,
}

impl Section {
    /// Plain lines.
    pub fn lines(title: impl Into<String>, lines: impl IntoIterator<Item = String>) -> Self {
        Self { title: title.into(), headings: Vec::new(), rows: lines.into_iter().map(|line| vec![line]).collect() }
    }

    /// Rows of another reply type, in its own columns for people.
    pub fn of<'a, T: Tabular>(title: impl Into<String>, items: impl IntoIterator<Item = &'a T>) -> Self {
        let columns: Vec<&Column<T>> = T::columns().iter().filter(|column| !column.wide).collect();
        Self {
            title: title.into(),
            headings: columns.iter().map(|column| (column.heading.to_owned(), column.kind.align())).collect(),
            rows: items.into_iter().map(|item| columns.iter().map(|column| (column.people)(item)).collect()).collect(),
        }
    }
}

/// One line of text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is, for colour.
    pub tone: Tone,
    /// The text; made visible by the printer.
    pub text: String,
}

impl Line {
    /// A line of that tone.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// A heading.
    Heading,
    /// Something new.
    Added,
    /// Something gone.
    Removed,
    /// Something that differs.
    Changed,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Beside the point.
    Faint,
}

/// Words of a list in one cell.
pub(crate) fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A value, or nothing.
pub(crate) fn or_none<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// The word that a value has in JSON: for enums that are words on the wire.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
