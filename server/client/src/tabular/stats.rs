//! Figures.

use api::stats::{LegcoFigure, LegcoNote, LegcoReply, LegcoTable, TopRow, UsageRow};

use std::fmt::Write as _;

use super::{Column, Kind, Line, Section, Sheet, Tabular, Tone};
use crate::safe::visible;
use crate::table;
use crate::times::spaced;
use crate::width::Align;

impl Tabular for LegcoReply {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("as_at", "AS AT", |row: &Self| row.as_at.to_string()),
                Column::text("known_at", "KNOWN AT", |row: &Self| row.known_at.to_string()),
                Column::text("environment", "ENVIRONMENT", |row: &Self| row.environment.to_string()),
                Column::text("definitions", "DEFINITIONS", |row: &Self| row.definitions.clone()),
                Column::text("digest", "DIGEST", |row: &Self| row.digest.clone()),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let mut lines = vec![
            Line::new(
                Tone::Heading,
                format!(
                    "As at {} (as recorded up to {}), definitions {}",
                    self.as_at.english(),
                    self.known_at.english(),
                    self.definitions
                ),
            ),
            Line::new(Tone::Plain, ""),
        ];
        let (first, others) = notes(self);
        for note in first {
            lines.push(Line::new(Tone::Changed, note.text.en.clone()));
            lines.push(Line::new(Tone::Changed, note.text.zh_hant.clone()));
            lines.push(Line::new(Tone::Plain, ""));
        }
        for (number, figure) in self.figures.iter().enumerate() {
            lines.push(Line::new(Tone::Plain, format!("({}) {}", number + 1, figure.text.en)));
            lines.push(Line::new(Tone::Plain, format!("    {}", figure.text.zh_hant)));
            lines.push(Line::new(Tone::Faint, format!("    {}", exactly(figure))));
        }
        for table in &self.tables {
            lines.push(Line::new(Tone::Plain, ""));
            lines.push(Line::new(Tone::Heading, format!("{}  {}", table.title.en, table.title.zh_hant)));
            lines.extend(table::of(&section(table), None).into_iter().map(|line| Line::new(Tone::Plain, line)));
        }
        if !others.is_empty() {
            lines.push(Line::new(Tone::Plain, ""));
            lines.push(Line::new(Tone::Heading, "Notes  附註"));
        }
        for note in others {
            lines.push(Line::new(Tone::Plain, format!("- {}", note.text.en)));
            lines.push(Line::new(Tone::Plain, format!("  {}", note.text.zh_hant)));
        }
        lines.push(Line::new(Tone::Plain, ""));
        lines.push(Line::new(Tone::Faint, format!("digest {}", self.digest)));
        Some(lines)
    }

    fn markdown(&self) -> Option<String> {
        let mut text = format!("# As at {}\n\n", self.as_at.english());
        let (first, others) = notes(self);
        for note in first {
            let _ = writeln!(text, "**{}**\\\n**{}**\n", visible(&note.text.en), visible(&note.text.zh_hant));
        }
        for (number, figure) in self.figures.iter().enumerate() {
            // The hard breaks keep both languages and the number in one item.
            let (en, zh_hant) = (visible(&figure.text.en), visible(&figure.text.zh_hant));
            let _ = writeln!(text, "{}. {en}\\\n   {zh_hant}\\\n   {}", number + 1, exactly(figure));
        }
        for table in &self.tables {
            let section = section(table);
            let _ = writeln!(text, "\n## {} {}\n", visible(&table.title.en), visible(&table.title.zh_hant));
            let _ = writeln!(text, "{}", table::markdown_row(section.headings.iter().map(|(heading, _)| heading.as_str())));
            let _ = writeln!(text, "{}", table::markdown_rule(section.headings.iter().map(|(_, align)| *align)));
            for row in &section.rows {
                let _ = writeln!(text, "{}", table::markdown_row(row.iter().map(String::as_str)));
            }
        }
        if !others.is_empty() {
            text.push_str("\n## Notes 附註\n\n");
        }
        for note in others {
            let _ = writeln!(text, "- {}\\\n  {}", visible(&note.text.en), visible(&note.text.zh_hant));
        }
        let _ = writeln!(
            text,
            "\nDefinitions {}, as recorded up to {}, digest `{}`.",
            self.definitions,
            self.known_at.english(),
            self.digest
        );
        Some(text)
    }

    fn sheet(&self) -> Option<Sheet> {
        let text = |text: &str| (Kind::Text, text.to_owned());
        let number = |number: u64| (Kind::Number, number.to_string());
        let mut rows: Vec<Vec<(Kind, String)>> = self
            .figures
            .iter()
            .map(|figure| {
                vec![
                    text("figures"),
                    text(&figure.id),
                    text("value"),
                    number(figure.value),
                    text(&figure.text.en),
                    text(&figure.text.zh_hant),
                ]
            })
            .collect();
        for table in &self.tables {
            for row in &table.rows {
                for (column, value) in table.columns.iter().zip(&row.values) {
                    rows.push(vec![
                        text(&table.id),
                        text(&row.id),
                        text(&column.en),
                        value.map_or_else(|| text(""), number),
                        text(&row.name.en),
                        text(&row.name.zh_hant),
                    ]);
                }
            }
        }
        for note in &self.notes {
            rows.push(vec![text("notes"), text(&note.id), text(""), text(""), text(&note.text.en), text(&note.text.zh_hant)]);
        }
        Some(Sheet { headings: vec!["part", "id", "column", "value", "en", "zh-Hant"], rows })
    }
}

/// The number that the sentence rounds.
fn exactly(figure: &LegcoFigure) -> String {
    format!("exactly 實數 {}", spaced(figure.value))
}

/// What a reader must see before any figure, that they are synthetic, and what may stand below them.
fn notes(reply: &LegcoReply) -> (Vec<&LegcoNote>, Vec<&LegcoNote>) {
    reply.notes.iter().partition(|note| note.id == "synthetic-data")
}

/// A table of the report as rows for people.
fn section(table: &LegcoTable) -> Section {
    let mut headings = vec![(String::new(), Align::Left), (String::new(), Align::Left)];
    headings.extend(table.columns.iter().map(|column| (format!("{} {}", column.en, column.zh_hant), Align::Right)));
    let rows = table
        .rows
        .iter()
        .map(|row| {
            [row.name.en.clone(), row.name.zh_hant.clone()]
                .into_iter()
                .chain(row.values.iter().map(|value| value.map_or_else(|| "–".to_owned(), spaced)))
                .collect()
        })
        .collect();
    Section { title: table.title.en.clone(), headings, rows }
}

impl Tabular for UsageRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.clone()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()).wide(),
                Column::number("uses", "USES", |row: &Self| spaced(row.uses), |row: &Self| row.uses.to_string()),
                Column::number(
                    "not_completed",
                    "NOT COMPLETED",
                    |row: &Self| spaced(row.not_completed),
                    |row: &Self| row.not_completed.to_string(),
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
                Column::number("uses", "USES", |row: &Self| spaced(row.uses), |row: &Self| row.uses.to_string()),
            ]
        }
    }

    fn name(&self) -> String {
        self.service.clone()
    }
}
