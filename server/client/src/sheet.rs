//! CSV (RFC 4180, CRLF): fixed columns, raw forms, and no cell that a spreadsheet would run.

use std::io::{self, Write};

use crate::safe::visible;
use crate::tabular::{Kind, Sheet};

/// What Excel needs to take a file for UTF-8.
pub const BOM: &str = "\u{feff}";

/// Writes rows of cells.
pub struct SheetWriter<W: Write>(csv::Writer<W>);

impl<W: Write> SheetWriter<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to))
    }

    /// One row.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = (Kind, &'a str)>) -> io::Result<()> {
        let cells: Vec<String> = cells.into_iter().map(|(kind, text)| cell(kind, text)).collect();
        // The writer's own error is wanted, not one about it: that nobody reads any more is no failure.
        self.0.write_record(&cells).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    }

    /// A report: its headings, and its rows.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn report(&mut self, report: &Sheet) -> io::Result<()> {
        self.row(report.headings.iter().map(|heading| (Kind::Text, *heading)))?;
        report.rows.iter().try_for_each(|row| self.row(row.iter().map(|(kind, text)| (*kind, text.as_str()))))?;
        self.flush()
    }

    /// Hands everything on.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A cell as it is written: unsafe characters visible, and a leading `'` where a spreadsheet would see a formula.
fn cell(kind: Kind, text: &str) -> String {
    let runs = kind == Kind::Text && text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let mut cell = String::with_capacity(text.len() + 1);
    if runs {
        cell.push('\'');
    }
    cell.push_str(&visible(text));
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose reader has gone.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_told_as_such() {
        let long = "x".repeat(1 << 16);
        let mut sheet = SheetWriter::new(Gone);
        assert_eq!(sheet.row([(Kind::Text, long.as_str())]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_formula_becomes_text_and_a_number_stays_one() {
        let mut bytes = Vec::new();
        let mut sheet = SheetWriter::new(&mut bytes);
        sheet.row([(Kind::Text, "name"), (Kind::Text, "n")]).unwrap();
        sheet.row([(Kind::Text, "=cmd|'/C calc'!A0"), (Kind::Number, "-5")]).unwrap();
        sheet.row([(Kind::Text, "+85291234567"), (Kind::Text, "a \"b\", c")]).unwrap();
        sheet.row([(Kind::Text, "\tx\u{202e}"), (Kind::Text, "稅務局")]).unwrap();
        sheet.flush().unwrap();
        drop(sheet);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "name,n\r\n'=cmd|'/C calc'!A0,-5\r\n'+85291234567,\"a \"\"b\"\", c\"\r\n'\\u{9}x\\u{202e},稅務局\r\n"
        );
    }
}
