//! The instance: its health, and one look at everything.

use api::instance::{AccountCount, Check, DayCount, Overview};

use super::{Column, Line, Section, Tabular, Tone, or_none};
use crate::times::{people, spaced};

impl Tabular for Check {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "CHECK", |row: &Self| row.id.clone()),
                Column::two(
                    "ok",
                    "OK",
                    |row: &Self| if row.ok { "ok" } else { "NOT OK" }.to_owned(),
                    |row: &Self| row.ok.to_string(),
                ),
                Column::text("detail", "FOUND", |row: &Self| row.detail.clone()),
                Column::text("mend", "MEND", |row: &Self| or_none(row.mend.as_ref())),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let (tone, word) = if self.ok { (Tone::Good, "ok      ") } else { (Tone::Bad, "NOT OK  ") };
        let mut lines = vec![Line::new(tone, format!("{word}{:<16} {}", self.id, self.detail))];
        if let Some(mend) = &self.mend {
            lines.push(Line::new(Tone::Plain, format!("        {:<16} -> {mend}", "")));
        }
        Some(lines)
    }
}

impl Tabular for Overview {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("instance", "INSTANCE", |row: &Self| row.instance.clone()),
                Column::text("environment", "ENVIRONMENT", |row: &Self| row.environment.to_string()),
                Column::text("version", "VERSION", |row: &Self| row.version.clone()),
                Column::two("at", "AT", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
                Column::number("parties", "PARTIES", |row: &Self| spaced(row.parties), |row: &Self| row.parties.to_string()),
                Column::number("services", "SERVICES", |row: &Self| spaced(row.services), |row: &Self| row.services.to_string()),
                Column::number("uses", "USES", |row: &Self| spaced(row.uses), |row: &Self| row.uses.to_string()),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::of("Accounts", &self.accounts),
            Section::of("Keys", &self.keys),
            Section::of("Jobs", &self.jobs),
            Section::of("Latest audit entries", &self.audit),
        ]
    }
}

impl Tabular for AccountCount {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::number("count", "ACCOUNTS", |row: &Self| spaced(row.count), |row: &Self| row.count.to_string()),
            ]
        }
    }
}

impl Tabular for DayCount {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("day", "DAY", |row: &Self| row.day.to_string()),
                Column::number("count", "USES", |row: &Self| spaced(row.count), |row: &Self| row.count.to_string()),
            ]
        }
    }
}
