//! For programs: JSON, JSON lines, YAML, CSV, calendars.

use std::io::{self, Write};

use client::sheet::{BOM, SheetWriter};
use client::{Tabular, ics, json, yaml};
use serde::Serialize;

use super::{Columns, Style};

/// Which part of a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One thing, or a whole list.
    Whole,
    /// The first page.
    First,
    /// A page after it.
    Later,
}

pub fn json_document<T: Serialize>(to: &mut dyn Write, item: &T) -> io::Result<()> {
    json::write_pretty(&mut *to, item)?;
    writeln!(to)
}

pub fn json_line<T: Serialize>(to: &mut dyn Write, item: &T) -> io::Result<()> {
    json::write_line(&mut *to, item)?;
    writeln!(to)
}

/// An element of an array that is written as it comes; the closing bracket is for whoever knows the end.
pub fn json_element<T: Serialize>(to: &mut dyn Write, item: &T, number: u64) -> io::Result<()> {
    to.write_all(if number == 0 { b"[\n" } else { b",\n" })?;
    let mut bytes = Vec::new();
    json::write_pretty(&mut bytes, item)?;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        to.write_all(if number == 0 { b"  " } else { b"\n  " })?;
        to.write_all(line)?;
    }
    Ok(())
}

pub fn yaml_document<T: Serialize>(to: &mut dyn Write, item: &T) -> io::Result<()> {
    to.write_all(yaml::to_string(item).map_err(io::Error::other)?.as_bytes())
}

/// Elements of a list; each page is a part of one document.
pub fn yaml_elements<T: Serialize>(to: &mut dyn Write, items: &[T]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    to.write_all(yaml::to_string(items).map_err(io::Error::other)?.as_bytes())
}

pub fn csv<T: Tabular>(to: &mut dyn Write, style: &Style, columns: &Columns<T>, items: &[T], part: Part) -> io::Result<()> {
    if style.bom && part != Part::Later {
        to.write_all(BOM.as_bytes())?;
    }
    let mut sheet = SheetWriter::new(&mut *to);
    let report = match items {
        [only] if part == Part::Whole && !columns.asked => only.sheet(),
        _ => None,
    };
    if let Some(report) = report {
        return sheet.report(&report);
    }
    if part != Part::Later {
        sheet.row(columns.shown.iter().map(|column| (client::tabular::Kind::Text, column.id)))?;
    }
    for item in items {
        let cells: Vec<String> = columns.shown.iter().map(|column| (column.raw)(item)).collect();
        sheet.row(columns.shown.iter().zip(&cells).map(|(column, text)| (column.kind, text.as_str())))?;
    }
    sheet.flush()
}

/// The events of a calendar; the head stands before the first page, the end is for whoever knows it.
pub fn events<T: Tabular>(to: &mut dyn Write, items: &[T], part: Part) -> io::Result<()> {
    if part != Part::Later {
        ics::begin(to, "Keys and certificates")?;
    }
    let Some(event) = T::EVENT else { return Ok(()) };
    items.iter().try_for_each(|item| ics::event(to, &event(item)))
}
