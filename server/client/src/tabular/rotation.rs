//! Rotations and who is ready for them.

use std::time::Duration;

use api::rotation::{PartyReadiness, PlanView, Readiness, SettingView, StepView, WorkProgress};
use domain::StepState;

use super::{Column, Section, Tabular, joined, or_none};
use crate::times::{people, people_or_none, raw_or_none, spaced, span};

impl Tabular for PlanView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("plan", "PLAN", |row: &Self| row.plan.to_string()),
                Column::text("purpose", "PURPOSE", |row: &Self| row.purpose.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("algorithms", "ALGORITHMS", |row: &Self| joined(&row.algorithms)).wide(),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("held_for", "HELD FOR", |row: &Self| or_none(row.held_for.as_ref())).wide(),
                Column::two(
                    "activate_at",
                    "TAKES OVER",
                    |row: &Self| people(row.activate_at),
                    |row: &Self| row.activate_at.to_string(),
                ),
                Column::two(
                    "finished_at",
                    "ENDED",
                    |row: &Self| people_or_none(row.finished_at),
                    |row: &Self| raw_or_none(row.finished_at),
                )
                .wide(),
                Column::text("ready", "READY", |row: &Self| row.readiness.map(|ready| share(&ready)).unwrap_or_default()).wide(),
                Column::text("work", "WORK", |row: &Self| row.work.as_ref().map(work).unwrap_or_default()).wide(),
                Column::text("kids", "NEW KEYS", |row: &Self| joined(&row.kids)).wide(),
                Column::text("replaces", "REPLACES", |row: &Self| joined(&row.replaces)).wide(),
                Column::two(
                    "created_at",
                    "PLANNED",
                    |row: &Self| people(row.created_at),
                    |row: &Self| row.created_at.to_string(),
                )
                .wide(),
                Column::text("created_by", "BY", |row: &Self| or_none(row.created_by.as_ref())).wide(),
                Column::text("emergency", "EMERGENCY", |row: &Self| or_none(row.emergency.as_ref())).wide(),
                Column::text("override", "OVERRIDE", |row: &Self| {
                    row.overridden.as_ref().map(|word| format!("{}: {}", word.by, word.reason)).unwrap_or_default()
                })
                .wide(),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.steps.is_empty() {
            sections.push(Section::of("Steps", &self.steps));
        }
        if let Some(word) = &self.overridden {
            let told = format!("{} at {}: {}", word.by, people(word.at), word.reason);
            sections.push(Section::lines("Goes on without those that are not ready", [told]));
        }
        let Some(readiness) = &self.readiness else { return sections };
        let counting: Vec<&PartyReadiness> = self.ledger.iter().filter(|party| party.verdict.counts()).collect();
        if !counting.is_empty() {
            sections.push(Section::of("Relying parties that count", counting));
        }
        if readiness.not_tracked > 0 {
            let count = readiness.not_tracked;
            let told =
                format!("{count} may have pinned what is replaced; that is not tracked, and nothing waits for them: ask them");
            sections.push(Section::lines("Relying parties of which nothing is known", [told]));
        }
        let others = format!("{} log nobody in (no credential, or no service) and do not count", readiness.not_counted);
        sections.push(Section::lines("Other relying parties", [others]));
        sections
    }
}

/// `700 of 1 000 data keys rewrapped`.
pub(super) fn work(work: &WorkProgress) -> String {
    format!("{} of {} {}", spaced(work.done), spaced(work.total), work.what)
}

/// `3 of 5`.
pub(super) fn share(readiness: &Readiness) -> String {
    if readiness.not_tracked > 0 {
        return "not tracked".to_owned();
    }
    format!("{} of {}", readiness.ready, readiness.ready + readiness.awaited())
}

impl Tabular for StepView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("step", "STEP", |row: &Self| row.step.to_string()),
                Column::text("state", "STATE", |row: &Self| match row.state {
                    StepState::Ahead => String::new(),
                    state => state.to_string(),
                }),
                Column::two("at", "FROM", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
                Column::two("until", "UNTIL", |row: &Self| people_or_none(row.until), |row: &Self| raw_or_none(row.until)),
                Column::text("settings", "RESTS ON", |row: &Self| {
                    row.settings.iter().map(setting).collect::<Vec<_>>().join(", ")
                }),
            ]
        }
    }
}

fn setting(setting: &SettingView) -> String {
    format!("{} {}", setting.name, span(Duration::from_secs(setting.seconds)))
}

impl Tabular for PartyReadiness {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("verdict", "READINESS", |row: &Self| row.verdict.to_string()),
                Column::two(
                    "seen_at",
                    "LAST KEY SET",
                    |row: &Self| people_or_none(row.seen.as_ref().map(|seen| seen.at)),
                    |row: &Self| raw_or_none(row.seen.as_ref().map(|seen| seen.at)),
                ),
                Column::text("seen_how", "KNOWN BY", |row: &Self| or_none(row.seen.as_ref().map(|seen| seen.how).as_ref())),
                Column::text("seen_kids", "WITH KEYS", |row: &Self| {
                    row.seen.as_ref().map(|seen| joined(&seen.kids)).unwrap_or_default()
                })
                .wide(),
                Column::text("credential", "CREDENTIAL", |row: &Self| {
                    row.credential
                        .as_ref()
                        .map(|credential| format!("{} {}", credential.kind, credential.credential))
                        .unwrap_or_default()
                })
                .wide(),
                Column::two(
                    "credential_used_at",
                    "CREDENTIAL USED",
                    |row: &Self| people_or_none(row.credential.as_ref().and_then(|credential| credential.last_used_at)),
                    |row: &Self| raw_or_none(row.credential.as_ref().and_then(|credential| credential.last_used_at)),
                ),
                Column::text("breaks", "WOULD BREAK NOW", |row: &Self| row.breaks.clone()),
            ]
        }
    }
}
