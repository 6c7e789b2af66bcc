//! Which columns are shown.

use client::Tabular;
use client::tabular::Column;

use super::Style;
use crate::failure::Failure;
use crate::flags::Format;

/// The columns that are shown, in their order.
pub struct Columns<T: 'static> {
    /// The columns.
    pub shown: Vec<&'static Column<T>>,
    /// Whether they were asked for by name.
    pub asked: bool,
}

impl<T: Tabular> Columns<T> {
    /// The columns asked for, or those of the format.
    ///
    /// # Errors
    /// When a name is none.
    pub fn chosen(style: &Style) -> Result<Self, Failure> {
        if style.columns.is_empty() {
            let all = matches!(style.format, Format::Wide | Format::Csv);
            return Ok(Self { shown: T::columns().iter().filter(|column| all || !column.wide).collect(), asked: false });
        }
        let shown = style.columns.iter().map(|name| Self::named(name)).collect::<Result<_, _>>()?;
        Ok(Self { shown, asked: true })
    }

    fn named(name: &str) -> Result<&'static Column<T>, Failure> {
        let name = name.trim();
        T::columns().iter().find(|column| column.id == name).ok_or_else(|| {
            let names: Vec<&str> = T::columns().iter().map(|column| column.id).collect();
            let failure = Failure::usage("usage.column", format!("there is no column '{}'", client::safe::visible(name)));
            match domain::suggest(name, &names) {
                Some(near) => failure.hint(format!("did you mean '{near}'? '--columns help' lists them")),
                None => failure.hint(format!("the columns are {}; '-o json' has long texts as well", names.join(", "))),
            }
        })
    }
}

impl<T: Tabular> Columns<T> {
    /// Every column for `--columns help`: id, heading, whether only `-o wide` shows it.
    pub fn described() -> Vec<ColumnLine> {
        T::columns().iter().map(|column| ColumnLine { column: column.id, heading: column.heading, wide: column.wide }).collect()
    }
}

/// A column, described.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ColumnLine {
    column: &'static str,
    heading: &'static str,
    wide: bool,
}

impl Tabular for ColumnLine {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("column", "COLUMN", |row: &Self| row.column.to_owned()),
                Column::text("heading", "HEADING", |row: &Self| row.heading.to_owned()),
                Column::two(
                    "wide",
                    "SHOWN",
                    |row: &Self| if row.wide { "wide, csv" } else { "always" }.to_owned(),
                    |row: &Self| row.wide.to_string(),
                ),
            ]
        }
    }
}
