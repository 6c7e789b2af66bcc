//! Figures broken down.

use api::stats::{AccountsRow, DefinitionRow, TopRow, Trend, UsageRow};
use domain::Formula;

use super::{Column, Kind, Line, Section, Sheet, Tabular, Tone};
use crate::table;
use crate::times::spaced;
use crate::width::Align;

/// A number that may be left out, for people.
pub(super) fn told(number: Option<u64>) -> String {
    number.map_or_else(|| "–".to_owned(), spaced)
}

/// The same for machines: nothing where it is left out.
pub(super) fn raw(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

impl Tabular for UsageRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.clone()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()).wide(),
                Column::number("uses", "USES", |row: &Self| told(row.uses), |row: &Self| raw(row.uses)),
                Column::number(
                    "not_completed",
                    "NOT COMPLETED",
                    |row: &Self| told(row.not_completed),
                    |row: &Self| raw(row.not_completed),
                ),
            ]
        }
    }
}

impl Tabular for TopRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::number("rank", "RANK", |row: &Self| row.rank.to_string(), |row: &Self| row.rank.to_string()),
                Column::text("service", "SERVICE", |row: &Self| row.service.clone()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()).wide(),
                Column::number("uses", "USES", |row: &Self| told(row.uses), |row: &Self| raw(row.uses)),
            ]
        }
    }

    fn name(&self) -> String {
        self.service.clone()
    }
}

impl Tabular for AccountsRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.clone()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()).wide(),
                Column::number("registered", "REGISTERED", |row: &Self| told(row.registered), |row: &Self| raw(row.registered)),
                Column::number("plus", "PLUS", |row: &Self| told(row.plus), |row: &Self| raw(row.plus)),
            ]
        }
    }
}

impl Tabular for DefinitionRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.definition.id.clone()),
                Column::number(
                    "version",
                    "VERSION",
                    |row: &Self| row.definition.version.to_string(),
                    |row: &Self| row.definition.version.to_string(),
                ),
                Column::text("kind", "KIND", |row: &Self| {
                    match row.definition.formula {
                        Formula::Count(_) => "figure",
                        Formula::Table(_) => "table",
                        Formula::Unavailable(_) => "not compiled",
                    }
                    .to_owned()
                }),
                Column::text("since", "SINCE", |row: &Self| row.definition.since.to_string()),
                Column::text("name", "NAME", |row: &Self| row.definition.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.definition.name.zh_hant.clone()).wide(),
                Column::text("edition", "EDITION", |row: &Self| row.edition.clone()).wide(),
                Column::text("recorded", "RECORDED", |row: &Self| row.recorded.map(|day| day.to_string()).unwrap_or_default())
                    .wide(),
                Column::text("meaning", "MEANING", |row: &Self| row.definition.meaning.en.clone()).wide(),
                Column::text("digest", "DIGEST", |row: &Self| row.digest.clone()).wide(),
            ]
        }
    }

    fn name(&self) -> String {
        self.definition.id.clone()
    }
}

impl Tabular for Trend {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("tendency", "TENDENCY", |row: &Self| row.tendency.to_string()),
                Column::number(
                    "slope_milli",
                    "SLOPE, THOUSANDTHS",
                    |row: &Self| row.slope_milli.to_string(),
                    |row: &Self| row.slope_milli.to_string(),
                ),
                Column::text("text", "TEXT", |row: &Self| row.text.en.clone()),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let rows = self.months.iter().map(|month| vec![month.month.to_string(), told(month.value)]).collect();
        let headings = vec![("MONTH".to_owned(), Align::Left), ("NUMBER".to_owned(), Align::Right)];
        let section = Section { title: String::new(), headings, rows };
        let mut lines: Vec<Line> = table::of(&section, None).into_iter().map(|line| Line::new(Tone::Plain, line)).collect();
        lines.push(Line::new(Tone::Plain, ""));
        lines.push(Line::new(Tone::Heading, self.text.en.clone()));
        lines.push(Line::new(Tone::Heading, self.text.zh_hant.clone()));
        Some(lines)
    }

    fn sheet(&self) -> Option<Sheet> {
        let rows = self.months.iter().map(|month| vec![(Kind::Text, month.month.to_string()), number(month.value)]).collect();
        Some(Sheet { headings: vec!["month", "value"], rows })
    }
}

/// A cell of a sheet; empty where the number is left out.
pub(super) fn number(number: Option<u64>) -> (Kind, String) {
    number.map_or((Kind::Text, String::new()), |number| (Kind::Number, number.to_string()))
}
