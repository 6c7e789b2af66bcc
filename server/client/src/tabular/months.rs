//! Months that are closed, restated and counted again; raw events.

use api::stats::{FrozenMonth, RawEvent, Restatement, Verification};
use domain::Bilingual;

use super::stats::number;
use super::{Column, Kind, Line, Section, Sheet, Tabular, Tone, or_none};
use crate::safe::visible;
use crate::times::{people, spaced};

impl Tabular for FrozenMonth {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("month", "MONTH", |row: &Self| row.month.to_string()),
                Column::text("known_at", "KNOWN AT", |row: &Self| row.known_at.to_string()),
                Column::text("definitions", "DEFINITIONS", |row: &Self| row.definitions.clone()),
                Column::number("uses", "USES", |row: &Self| spaced(row.uses), |row: &Self| row.uses.to_string()),
                Column::number("users", "USERS", |row: &Self| spaced(row.users), |row: &Self| row.users.to_string()),
                Column::number(
                    "registered",
                    "REGISTERED",
                    |row: &Self| spaced(row.registered),
                    |row: &Self| row.registered.to_string(),
                ),
                Column::two("frozen_at", "FROZEN AT", |row: &Self| people(row.frozen_at), |row: &Self| row.frozen_at.to_string()),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.to_string()),
                Column::text("digest", "DIGEST", |row: &Self| row.digest.clone()).wide(),
                // A note has several lines, and stands below where there is room for them.
                Column::two("checkpoint", "CHECKPOINT", |_: &Self| String::new(), |row: &Self| row.checkpoint.clone()).wide(),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section {
            title: "Signed note".to_owned(),
            headings: Vec::new(),
            rows: self.checkpoint.lines().map(|line| vec![line.to_owned()]).collect(),
        }]
    }
}

impl Tabular for Restatement {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("month", "MONTH", |row: &Self| row.frozen.month.to_string()),
                Column::text("frozen_known_at", "FROZEN AS KNOWN AT", |row: &Self| row.frozen.known_at.to_string()),
                Column::text("known_at", "KNOWN AT", |row: &Self| row.known_at.to_string()),
                Column::text("differs", "DIFFERS", |row: &Self| row.differs.to_string()),
                Column::text("digest", "DIGEST", |row: &Self| row.frozen.digest.clone()),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let mut lines = vec![Line::new(
            Tone::Heading,
            format!(
                "{}: frozen as known at {}, beside what is known at {}",
                self.frozen.month, self.frozen.known_at, self.known_at
            ),
        )];
        if !self.intact {
            let said = "the counters no longer give the digest that was frozen: 'iamctl stats verify' finds where";
            lines.push(Line::new(Tone::Changed, said));
        }
        if !self.differs {
            lines.push(Line::new(Tone::Plain, "nothing differs"));
        }
        for row in &self.rows {
            let (sign, by) = if row.now >= row.frozen { ('+', row.now - row.frozen) } else { ('-', row.frozen - row.now) };
            let name = visible(&row.name.en);
            lines.push(Line::new(
                Tone::Changed,
                format!("  {name} ({}): {} then, {} now ({sign}{})", row.id, spaced(row.frozen), spaced(row.now), spaced(by)),
            ));
        }
        if self.suppressed > 0 {
            let services = if self.suppressed == 1 { "service differs" } else { "services differ" };
            lines.push(Line::new(
                Tone::Plain,
                format!("  {} {services} whose numbers reports leave out", spaced(self.suppressed)),
            ));
        }
        for reason in &self.reasons {
            lines.push(Line::new(Tone::Plain, format!("- {}", reason.text.en)));
            lines.push(Line::new(Tone::Plain, format!("  {}", reason.text.zh_hant)));
        }
        lines.push(Line::new(Tone::Faint, format!("digest as frozen {}", self.frozen.digest)));
        Some(lines)
    }

    /// Each figure and service that differs, then why; no row where nothing does.
    fn sheet(&self) -> Option<Sheet> {
        let text = |text: &str| (Kind::Text, text.to_owned());
        let of = |part: &str, id: &str, then: Option<u64>, now: Option<u64>, words: &Bilingual| {
            vec![text(part), text(id), number(then), number(now), text(&words.en), text(&words.zh_hant)]
        };
        let differing = self.rows.iter().map(|row| of("differs", &row.id, Some(row.frozen), Some(row.now), &row.name));
        let reasons = self.reasons.iter().map(|reason| of("because", &reason.kind, None, Some(reason.count), &reason.text));
        let words = Bilingual {
            en: "Services that differ, left out".to_owned(), zh_hant: "有差異但數字從略的服務".to_owned()
        };
        let suppressed = (self.suppressed > 0).then(|| of("suppressed", "services", None, Some(self.suppressed), &words));
        let rows = differing.chain(suppressed).chain(reasons).collect();
        Some(Sheet { headings: vec!["part", "id", "frozen", "now", "en", "zh-Hant"], rows })
    }
}

impl Tabular for Verification {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("month", "MONTH", |row: &Self| row.month.to_string()),
                Column::two(
                    "ok",
                    "OK",
                    |row: &Self| if row.ok { "ok" } else { "NOT OK" }.to_owned(),
                    |row: &Self| row.ok.to_string(),
                ),
                Column::number("events", "EVENTS", |row: &Self| spaced(row.events), |row: &Self| row.events.to_string()),
                Column::number("cells", "CELLS", |row: &Self| spaced(row.cells), |row: &Self| row.cells.to_string()),
                Column::number("users", "USERS", |row: &Self| spaced(row.users), |row: &Self| row.users.to_string()),
                Column::text("frozen", "FROZEN", |row: &Self| or_none(row.frozen.as_ref().map(|frozen| &frozen.digest))),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let verdict = if self.ok { "agrees with its counters to the unit" } else { "DOES NOT AGREE" };
        let tone = if self.ok { Tone::Plain } else { Tone::Changed };
        let counted = format!(
            "{} {verdict}: {} raw events counted again, {} counters, {} different users",
            self.month,
            spaced(self.events),
            spaced(self.cells),
            spaced(self.users)
        );
        let mut lines = vec![Line::new(tone, counted)];
        lines.push(Line::new(
            Tone::Plain,
            self.frozen.as_ref().map_or_else(
                || {
                    if self.differences.iter().any(|found| found.what == "frozen") { "frozen, and damaged" } else { "not frozen" }
                        .to_owned()
                },
                |frozen| format!("frozen as known at {}, digest {}", frozen.known_at, frozen.digest),
            ),
        ));
        let number = |count: Option<i64>| count.map_or_else(|| "nothing".to_owned(), |count| count.to_string());
        for found in &self.differences {
            let said = match (found.counted, found.recounted) {
                (None, None) => String::new(),
                (counted, recounted) => format!(": {} on record, {} recounted", number(counted), number(recounted)),
            };
            lines.push(Line::new(Tone::Changed, format!("  {} {}{said}", found.what, visible(&found.cell))));
        }
        Some(lines)
    }
}

impl Tabular for RawEvent {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("event_day", "EVENT DAY", |row: &Self| row.event_day.to_string()),
                Column::text("recorded_day", "RECORDED DAY", |row: &Self| row.recorded_day.to_string()),
                Column::text("service", "SERVICE", |row: &Self| or_none(row.service.as_ref())),
                Column::text("what", "WHAT", |row: &Self| row.what.clone()),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("channel", "CHANNEL", |row: &Self| row.channel.clone()),
                Column::text("outcome", "OUTCOME", |row: &Self| or_none(row.outcome.as_ref())),
                Column::number("count", "COUNT", |row: &Self| row.count.to_string(), |row: &Self| row.count.to_string()),
            ]
        }
    }
}
