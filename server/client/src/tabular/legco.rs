//! The reply to the Legislative Council, part by part.

use api::stats::{LegcoAnswer, LegcoFigure, LegcoNote, LegcoReply, LegcoTable, Unit};
use domain::Bilingual;

use super::stats::{number, told};
use super::{Column, Kind, Line, Section, Sheet, Tabular, Tone};
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
        for part in &self.parts {
            let mut label = format!("({}) ", part.number);
            if let Some(asks) = &part.asks {
                lines.push(Line::new(Tone::Heading, format!("{label}{}", asks.en)));
                lines.push(Line::new(Tone::Heading, format!("    {}", asks.zh_hant)));
                label = "    ".to_owned();
            }
            for answer in &part.answers {
                match piece(self, answer) {
                    Piece::Text(text, exactly) => {
                        lines.push(Line::new(Tone::Plain, format!("{label}{}", text.en)));
                        lines.push(Line::new(Tone::Plain, format!("    {}", text.zh_hant)));
                        lines.extend(exactly.map(|exactly| Line::new(Tone::Faint, format!("    {exactly}"))));
                    }
                    Piece::Table(table) => {
                        apart(&mut lines);
                        lines.push(Line::new(Tone::Heading, format!("{}  {}", table.title.en, table.title.zh_hant)));
                        lines.extend(table::of(&section(table), None).into_iter().map(|line| Line::new(Tone::Plain, line)));
                        apart(&mut lines);
                    }
                    Piece::Nothing => {}
                }
                label = "    ".to_owned();
            }
        }
        if !others.is_empty() {
            apart(&mut lines);
            lines.push(Line::new(Tone::Heading, "Notes  附註"));
        }
        for note in others {
            lines.push(Line::new(Tone::Plain, format!("- {}", note.text.en)));
            lines.push(Line::new(Tone::Plain, format!("  {}", note.text.zh_hant)));
        }
        apart(&mut lines);
        lines.push(Line::new(Tone::Faint, format!("digest {}", self.digest)));
        Some(lines)
    }

    /// What the documents say, as rows: a number with its unit, and why there is none where there is none.
    fn sheet(&self) -> Option<Sheet> {
        let text = |text: &str| (Kind::Text, text.to_owned());
        let said = |part: &str, id: &str, words: &Bilingual| {
            vec![text(part), text(id), text(""), text(""), text(&words.en), text(&words.zh_hant), text(""), text("")]
        };
        let mut rows: Vec<Vec<(Kind, String)>> = Vec::new();
        for figure in &self.figures {
            rows.push(vec![
                text("figures"),
                text(&figure.id),
                text("value"),
                number(Some(figure.value)),
                text(&figure.text.en),
                text(&figure.text.zh_hant),
                text(unit_word(figure.unit)),
                text(""),
            ]);
            if let Some(share) = &figure.share {
                let below = |words: &str| format!("{words}, {}, {}", share.as_at, share.source);
                rows.push(vec![
                    text("figures"),
                    text(&figure.id),
                    text("denominator"),
                    number(Some(share.whole)),
                    text(&below(&share.name.en)),
                    text(&below(&share.name.zh_hant)),
                    text(unit_word(Unit::Count)),
                    text(""),
                ]);
            }
        }
        for table in &self.tables {
            for row in &table.rows {
                for (place, (column, value)) in (0_u32..).zip(table.columns.iter().zip(&row.values)) {
                    let unit = table.units.get(place as usize).copied().unwrap_or(Unit::Count);
                    let without = match value {
                        Some(_) => "",
                        None if row.suppressed.contains(&place) => "suppressed",
                        None => "not given",
                    };
                    rows.push(vec![
                        text(&table.id),
                        text(&row.id),
                        text(&column.en),
                        number(*value),
                        text(&row.name.en),
                        text(&row.name.zh_hant),
                        text(unit_word(unit)),
                        text(without),
                    ]);
                }
            }
        }
        for part in &self.parts {
            for answer in &part.answers {
                match answer {
                    LegcoAnswer::Text { text } => rows.push(said("words", &part.number.to_string(), text)),
                    LegcoAnswer::Unavailable { id, text } => rows.push(said("unavailable", id, text)),
                    LegcoAnswer::Figure { .. } | LegcoAnswer::Table { .. } => {}
                }
            }
        }
        rows.extend(self.notes.iter().map(|note| said("notes", &note.id, &note.text)));
        for (id, value) in [
            ("as_at", self.as_at.to_string()),
            ("known_at", self.known_at.to_string()),
            ("environment", self.environment.to_string()),
            ("definitions", self.definitions.clone()),
            ("digest", self.digest.clone()),
        ] {
            rows.push(said("reply", id, &Bilingual { en: value.clone(), zh_hant: value }));
        }
        Some(Sheet { headings: vec!["part", "id", "column", "value", "en", "zh-Hant", "unit", "without"], rows })
    }
}

/// An empty line, where none stands yet.
fn apart(lines: &mut Vec<Line>) {
    if lines.last().is_some_and(|line| !line.text.is_empty()) {
        lines.push(Line::new(Tone::Plain, ""));
    }
}

/// What a piece of an answer is drawn as.
enum Piece<'r> {
    /// A sentence, and the number behind it.
    Text(&'r Bilingual, Option<String>),
    Table(&'r LegcoTable),
    Nothing,
}

fn piece<'r>(reply: &'r LegcoReply, answer: &'r LegcoAnswer) -> Piece<'r> {
    match answer {
        LegcoAnswer::Text { text } | LegcoAnswer::Unavailable { text, .. } => Piece::Text(text, None),
        LegcoAnswer::Figure { id } => match reply.figures.iter().find(|figure| figure.id == *id) {
            Some(figure) => Piece::Text(&figure.text, Some(exactly(figure))),
            None => Piece::Nothing,
        },
        LegcoAnswer::Table { id } => reply.tables.iter().find(|table| table.id == *id).map_or(Piece::Nothing, Piece::Table),
    }
}

/// The number that the sentence rounds; of a share, what is above the line and below it.
fn exactly(figure: &LegcoFigure) -> String {
    match &figure.share {
        None => format!("exactly 實數 {}", spaced(figure.value)),
        Some(share) => format!("{} ÷ {} ({})", spaced(share.part), spaced(share.whole), share.source),
    }
}

/// A unit, as the reply's JSON writes it.
fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::PerMille => "per-mille",
        Unit::Seconds => "seconds",
        Unit::Rank => "rank",
    }
}

/// A number in its unit: parts of a thousand as a percentage.
fn in_unit(value: Option<u64>, unit: Option<&Unit>, suppressed: bool) -> String {
    match (value, unit) {
        (Some(value), Some(Unit::PerMille)) => format!("{}.{}%", value / 10, value % 10),
        (None, _) if !suppressed => "..".to_owned(),
        _ => told(value),
    }
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
                .chain((0..).zip(&row.values).map(|(place, value)| {
                    let given = row.id == "total" || row.suppressed.contains(&place);
                    in_unit(*value, table.units.get(place as usize), given)
                }))
                .collect()
        })
        .collect();
    Section { title: table.title.en.clone(), headings, rows }
}
