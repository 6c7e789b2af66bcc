//! The only part of this program that prints.
//!
//! Standard output carries data and nothing else. Everything told beside it goes to standard error.

mod answer;
mod columns;
mod error;
mod human;
mod program;
mod terminal;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Body};
pub use columns::Columns;
pub use error::tell_failure;
pub use terminal::{Look, Terminal, reader_gone};

use std::io::{self, Write};

use api::Exit;
use client::Tabular;
use futures_util::TryStreamExt;

use crate::failure::Failure;
use crate::flags::Format;

/// How a reply is printed.
#[derive(Debug, Clone)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Columns asked for; all that the format shows when empty.
    pub columns: Vec<String>,
    /// Whether CSV begins with a byte order mark.
    pub bom: bool,
    /// Colours and width.
    pub look: Look,
}

/// Why printing ended before its end.
#[derive(Debug)]
pub enum Broken {
    /// Nobody reads any more: no error.
    Pipe,
    /// The reply could not be had, or not be written.
    Failed(Failure),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Pipe;
        }
        Self::Failed(
            Failure::new(Exit::Failed, "output", format!("standard output cannot be written: {error}"))
                .hint("see that there is room where it goes"),
        )
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A word beside the data, on standard error.
pub fn aside(text: &str) {
    // Where standard error is closed there is nobody to tell it to.
    let _ = writeln!(io::stderr().lock(), "{}", client::safe::visible(text));
}

/// Prints an answer.
///
/// # Errors
/// When the reply breaks off or nobody reads it.
pub async fn print<T: Tabular>(body: Body<T>, style: &Style, to: &mut dyn Write) -> Result<(), Broken> {
    let columns = Columns::<T>::chosen(style)?;
    match body {
        Body::One(item) => match style.format {
            Format::Json => program::json_document(to, &item)?,
            Format::Jsonl => program::json_line(to, &item)?,
            Format::Yaml => program::yaml_document(to, &item)?,
            Format::Csv => program::csv(to, style, &columns, &[item], program::Part::Whole)?,
            Format::Name => writeln!(to, "{}", client::safe::visible(&item.name()))?,
            Format::Md => human::markdown_rows(to, &columns, std::slice::from_ref(&item), program::Part::Whole)?,
            // A report that can be written so has been; no other gets here.
            Format::Text | Format::Html | Format::Pdf | Format::Xlsx | Format::Svg => {}
            Format::Ics => {
                let mut list = Listing::new(style, &columns);
                list.page(to, &[item])?;
                list.end(to)?;
            }
            Format::Table | Format::Wide => human::one(to, style, &columns, &item)?,
        },
        Body::Document(bytes) => to.write_all(&bytes)?,
        Body::Elsewhere => {}
        Body::List(items) => {
            let mut list = Listing::new(style, &columns);
            list.page(to, &items)?;
            list.end(to)?;
        }
        Body::Pages(mut pages) => {
            let mut list = Listing::new(style, &columns);
            while let Some(items) = pages.try_next().await? {
                list.page(to, &items)?;
            }
            list.end(to)?;
        }
        Body::Live(mut items) => {
            let mut list = Listing::new(style, &columns);
            while let Some(item) = items.try_next().await? {
                list.page(to, &[item])?;
                to.flush()?;
            }
            list.end(to)?;
        }
    }
    to.flush()?;
    Ok(())
}

/// A list on its way out, page by page: memory holds one page.
struct Listing<'a, T: 'static> {
    style: &'a Style,
    columns: &'a Columns<T>,
    widths: Vec<usize>,
    rows: u64,
}

impl<'a, T: Tabular> Listing<'a, T> {
    fn new(style: &'a Style, columns: &'a Columns<T>) -> Self {
        Self { style, columns, widths: Vec::new(), rows: 0 }
    }

    fn page(&mut self, to: &mut dyn Write, items: &[T]) -> io::Result<()> {
        let part = if self.rows == 0 { program::Part::First } else { program::Part::Later };
        match self.style.format {
            Format::Json => {
                for (number, item) in items.iter().enumerate() {
                    program::json_element(to, item, self.rows + number as u64)?;
                }
            }
            Format::Jsonl => items.iter().try_for_each(|item| program::json_line(to, item))?,
            Format::Yaml => program::yaml_elements(to, items)?,
            Format::Csv | Format::Ics if items.is_empty() => {}
            Format::Csv => program::csv(to, self.style, self.columns, items, part)?,
            Format::Name => items.iter().try_for_each(|item| writeln!(to, "{}", client::safe::visible(&item.name())))?,
            Format::Md if items.is_empty() => {}
            Format::Md => human::markdown_rows(to, self.columns, items, part)?,
            Format::Ics => program::events(to, items, part)?,
            Format::Text | Format::Html | Format::Pdf | Format::Xlsx | Format::Svg => {}
            Format::Table | Format::Wide => human::rows(to, self.style, self.columns, items, &mut self.widths, part)?,
        }
        self.rows += items.len() as u64;
        Ok(())
    }

    fn end(&self, to: &mut dyn Write) -> io::Result<()> {
        match (self.style.format, self.rows) {
            (Format::Json | Format::Yaml, 0) => writeln!(to, "[]"),
            (Format::Json, _) => writeln!(to, "\n]"),
            (Format::Ics, 0) => program::events::<T>(to, &[], program::Part::First).and_then(|()| client::ics::end(to)),
            (Format::Ics, _) => client::ics::end(to),
            // The heading stands also over no rows: a sheet keeps its form.
            (Format::Csv, 0) => program::csv::<T>(to, self.style, self.columns, &[], program::Part::First),
            _ => Ok(()),
        }
    }
}
