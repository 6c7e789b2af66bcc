//! A reply in the order in which it is read, in the languages that were asked for.

use std::collections::BTreeMap;

use api::stats::{Chart, LegcoAnswer, LegcoFigure, LegcoReply, LegcoRow, LegcoTable, Unit, View};
use client::safe::visible;
use domain::{Bilingual, Day, Environment, spaced};

use crate::words::{self, Word};

/// Which languages a document is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Traditional Chinese.
    ZhHant,
    /// Each thing in English, then in Traditional Chinese.
    Both,
}

impl Language {
    /// The words, for the command line.
    pub const WORDS: &'static [&'static str] = &["en", "zh-Hant", "both"];

    /// The language of that word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "en" => Some(Self::En),
            "zh-Hant" => Some(Self::ZhHant),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    /// What a document of it declares (BCP 47): its first language.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En | Self::Both => "en",
            Self::ZhHant => "zh-Hant",
        }
    }

    /// Both texts, or the one. What comes from outside is made harmless.
    fn say(self, text: &Bilingual) -> Said {
        self.take(&text.en, &text.zh_hant)
    }

    fn word(self, word: Word) -> Said {
        self.take(word.en, word.zh_hant)
    }

    fn take(self, en: &str, zh_hant: &str) -> Said {
        let en = || ("en", visible(en).into_owned());
        let zh_hant = || ("zh-Hant", visible(zh_hant).into_owned());
        Said(match self {
            Self::En => vec![en()],
            Self::ZhHant => vec![zh_hant()],
            Self::Both => vec![en(), zh_hant()],
        })
    }
}

/// Words in the languages of the document, each with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(pub Vec<(&'static str, String)>);

impl Said {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let texts: Vec<&str> = self.0.iter().map(|(_, text)| text.as_str()).collect();
        texts.join(" ")
    }

    /// The same with something in front of each.
    fn prefixed(self, prefix: &str) -> Self {
        Self(self.0.into_iter().map(|(tag, text)| (tag, format!("{prefix}{text}"))).collect())
    }

    /// Each followed by the other's of the same language.
    fn then(self, between: &str, other: &Said) -> Self {
        let joined = self.0.into_iter().zip(&other.0).map(|((tag, text), (_, after))| (tag, format!("{text}{between}{after}")));
        Self(joined.collect())
    }
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Which languages it is in.
    pub language: Language,
    /// What it is called.
    pub title: Said,
    /// As at which day.
    pub as_at: Said,
    /// The day that it is known at, which dates the document.
    pub known_at: Day,
    /// What stands across every page: that data are synthetic, that a view is not for publication.
    pub across: Vec<Said>,
    /// What is read from top to bottom.
    pub blocks: Vec<Block>,
    /// What stands at the foot of every page: cut-off, definitions, digest.
    pub foot: Vec<String>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The heading of a part.
    Heading(Said),
    /// What was asked.
    Asked(Said),
    /// A sentence, and the exact value that it rounds.
    Sentence {
        /// The sentence.
        text: Said,
        /// "exactly 1 312 480", with what it is a share of and where that was taken from.
        exactly: Option<Said>,
    },
    /// A table.
    Table(Table),
    /// A remark.
    Note(Said),
}

/// A table and how it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Said,
    /// Column headings, without that of the names.
    pub columns: Vec<Said>,
    /// What the columns count.
    pub units: Vec<Unit>,
    /// Rows.
    pub rows: Vec<Row>,
    /// How it is drawn.
    pub chart: Option<Chart>,
    /// What the signs stand for that are in cells without a number.
    pub signs: Vec<Said>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id: a sector, a service, a month.
    pub id: String,
    /// Its name.
    pub name: Said,
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Whether it is the row of totals.
    pub total: bool,
}

/// Why a cell has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// It is suppressed.
    Suppressed,
    /// Nobody gave it.
    Given,
    /// A total that nothing sums to.
    Total,
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The number, if there is one.
    pub value: Option<u64>,
    /// Why there is none, where there is none.
    pub without: Without,
    /// What it counts.
    pub unit: Unit,
}

impl Cell {
    /// As people read it: `1 312 480`, `31.4%`, `42 s`, `–` where it is suppressed, `..` where there is none.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some(value) = self.value else {
            return match self.without {
                Without::Suppressed => "–",
                Without::Given => "..",
                Without::Total => "",
            }
            .to_owned();
        };
        match self.unit {
            Unit::Count | Unit::Rank => spaced(value),
            Unit::PerMille => format!("{}.{}%", spaced(value / 10), value % 10),
            Unit::Seconds => format!("{} s", spaced(value)),
        }
    }
}

impl Outline {
    /// Lays a reply out.
    #[must_use]
    pub fn of(reply: &LegcoReply, language: Language) -> Self {
        let figures: BTreeMap<&str, &LegcoFigure> = reply.figures.iter().map(|figure| (figure.id.as_str(), figure)).collect();
        let tables: BTreeMap<&str, &LegcoTable> = reply.tables.iter().map(|table| (table.id.as_str(), table)).collect();
        let mut blocks = Vec::new();
        let mut placed = Vec::new();
        for part in &reply.parts {
            let number = format!("({})", part.number);
            match &part.asks {
                Some(asks) => {
                    blocks.push(Block::Heading(language.word(words::ASKED).prefixed(&format!("{number} "))));
                    blocks.push(Block::Asked(language.say(asks)));
                }
                None => blocks.push(Block::Heading(Said(vec![(language.tag(), number)]))),
            }
            for answer in &part.answers {
                match answer {
                    LegcoAnswer::Figure { id } => {
                        blocks.extend(figures.get(id.as_str()).map(|figure| sentence(figure, language)));
                    }
                    LegcoAnswer::Table { id } => {
                        blocks.extend(tables.get(id.as_str()).map(|table| Block::Table(of_table(table, language))));
                        placed.push(id.as_str());
                    }
                    LegcoAnswer::Text { text } | LegcoAnswer::Unavailable { text, .. } => {
                        blocks.push(Block::Sentence { text: language.say(text), exactly: None });
                    }
                }
            }
        }
        // Tables that no part asks for stand behind all parts.
        let rest = reply.tables.iter().filter(|table| !placed.contains(&table.id.as_str()));
        blocks.extend(rest.map(|table| Block::Table(of_table(table, language))));
        if !reply.notes.is_empty() || !reply.meanings.is_empty() {
            blocks.push(Block::Heading(language.word(words::NOTES)));
            blocks.extend(reply.notes.iter().map(|note| Block::Note(language.say(&note.text))));
            for meaning in &reply.meanings {
                let version =
                    language.word(words::VERSION).then(&format!(" {}: ", meaning.version), &language.say(&meaning.meaning));
                blocks.push(Block::Note(version.prefixed(&format!("{}, ", visible(&meaning.id)))));
            }
        }
        Self {
            language,
            title: language.say(&reply.title),
            as_at: language.take(&format!("As at {}", reply.as_at.english()), &format!("截至{}", reply.as_at.chinese())),
            known_at: reply.known_at,
            across: across(reply, language),
            blocks,
            foot: foot(reply, language),
        }
    }
}

fn across(reply: &LegcoReply, language: Language) -> Vec<Said> {
    let mut across = Vec::new();
    if reply.environment == Environment::Sandbox {
        across.push(language.word(words::SYNTHETIC));
    }
    if reply.view == View::Auditor {
        across.push(language.word(words::NOT_FOR_PUBLICATION));
    }
    across
}

fn foot(reply: &LegcoReply, language: Language) -> Vec<String> {
    let cut_off = language.take(
        &format!("As at {}, as recorded up to {}, Hong Kong time.", reply.as_at.english(), reply.known_at.english()),
        &format!("截至{}，按截至{}的紀錄（香港時間）。", reply.as_at.chinese(), reply.known_at.chinese()),
    );
    vec![
        cut_off.line(),
        format!(
            "{} {} · {} {}",
            language.word(words::DEFINITIONS).line(),
            visible(&reply.definitions),
            language.word(words::DIGEST).line(),
            visible(&reply.digest)
        ),
    ]
}

fn sentence(figure: &LegcoFigure, language: Language) -> Block {
    let cell = Cell { value: Some(figure.value), without: Without::Given, unit: figure.unit };
    let mut exactly = language.word(words::EXACTLY).then(" ", &language.take(&cell.shown(), &cell.shown()));
    if let Some(share) = &figure.share {
        let of = format!(": {} / {}", spaced(share.part), spaced(share.whole));
        let name = language.say(&share.name);
        let day = language.take(&share.as_at.english(), &share.as_at.chinese());
        let source = language.word(words::SOURCE).then(": ", &language.take(&share.source, &share.source));
        exactly = exactly.then(&format!("{of} (",), &name).then(", ", &day).then("). ", &source);
    }
    Block::Sentence { text: language.say(&figure.text), exactly: Some(exactly) }
}

fn without(row: &LegcoRow, place: u32) -> Without {
    match (row.suppressed.contains(&place), row.id.as_str()) {
        (true, _) => Without::Suppressed,
        (false, "total") => Without::Total,
        (false, _) => Without::Given,
    }
}

fn of_table(table: &LegcoTable, language: Language) -> Table {
    let rows: Vec<Row> = table
        .rows
        .iter()
        .map(|row| Row {
            id: row.id.clone(),
            name: language.say(&row.name),
            cells: (0..)
                .zip(&row.values)
                .zip(&table.units)
                .map(|((place, value), unit)| Cell { value: *value, without: without(row, place), unit: *unit })
                .collect(),
            total: row.id == "total",
        })
        .collect();
    let stands = |why: Without| rows.iter().flat_map(|row| &row.cells).any(|cell| cell.value.is_none() && cell.without == why);
    let signs = [(Without::Suppressed, words::SUPPRESSED), (Without::Given, words::NOT_GIVEN)];
    let signs = signs.into_iter().filter(|(why, _)| stands(*why)).map(|(_, word)| language.word(word)).collect();
    Table {
        id: table.id.clone(),
        title: language.say(&table.title),
        columns: table.columns.iter().map(|column| language.say(column)).collect(),
        units: table.units.clone(),
        rows,
        chart: table.chart,
        signs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        for (without, shown) in [(Without::Suppressed, "–"), (Without::Given, ".."), (Without::Total, "")] {
            assert_eq!(Cell { value: None, without, unit: Unit::Count }.shown(), shown);
        }
        for (value, unit, shown) in [
            (Some(1_312_480), Unit::Count, "1 312 480"),
            (Some(314), Unit::PerMille, "31.4%"),
            (Some(1_000), Unit::PerMille, "100.0%"),
            (Some(7), Unit::PerMille, "0.7%"),
            (Some(42), Unit::Seconds, "42 s"),
        ] {
            assert_eq!(Cell { value, without: Without::Given, unit }.shown(), shown);
        }
    }
}
