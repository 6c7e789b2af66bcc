//! Relying parties.

use api::relying_party::{
    PartyApplied, PartyChange, PartyCredential, PartyPlan, PartyService, PartySummary, PartyVersion, PartyView,
};
use domain::{Change, ChangeKind};

use super::{Column, Line, Section, Tabular, Tone, joined, or_none, word};
use crate::times::{people, people_or_none, raw_or_none};

impl Tabular for PartySummary {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("organisation", "ORGANISATION", |row: &Self| row.organisation.en.clone()),
                Column::text("organisation_zh", "機構", |row: &Self| row.organisation.zh_hant.clone()).wide(),
                Column::text("sector", "SECTOR", |row: &Self| row.sector.to_string()),
                Column::text("industry", "INDUSTRY", |row: &Self| or_none(row.industry.as_ref())),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::number(
                    "services",
                    "SERVICES",
                    |row: &Self| row.services.to_string(),
                    |row: &Self| row.services.to_string(),
                ),
                Column::two(
                    "synthetic",
                    "SYNTHETIC",
                    |row: &Self| if row.synthetic { "yes" } else { "" }.to_owned(),
                    |row: &Self| row.synthetic.to_string(),
                )
                .wide(),
                Column::number("version", "VERSION", |row: &Self| row.version.to_string(), |row: &Self| row.version.to_string())
                    .wide(),
            ]
        }
    }
}

impl Tabular for PartyView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("organisation", "ORGANISATION", |row: &Self| row.organisation.en.clone()),
                Column::text("organisation_zh", "機構", |row: &Self| row.organisation.zh_hant.clone()),
                Column::text("sector", "SECTOR", |row: &Self| row.sector.to_string()),
                Column::text("industry", "INDUSTRY", |row: &Self| or_none(row.industry.as_ref())),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("suspended_reason", "SUSPENDED BECAUSE", |row: &Self| or_none(row.suspended_reason.as_ref())),
                Column::text("contact", "CONTACT", |row: &Self| {
                    format!("{} <{}>", row.manifest.contact.name, row.manifest.contact.email)
                }),
                Column::two(
                    "created_at",
                    "CREATED",
                    |row: &Self| people(row.created_at),
                    |row: &Self| row.created_at.to_string(),
                ),
                Column::two(
                    "updated_at",
                    "UPDATED",
                    |row: &Self| people(row.updated_at),
                    |row: &Self| row.updated_at.to_string(),
                ),
                Column::number("version", "VERSION", |row: &Self| row.version.to_string(), |row: &Self| row.version.to_string()),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::of("Services", &self.services)];
        if !self.credentials.is_empty() {
            sections.push(Section::of("Credentials", &self.credentials));
        }
        if !self.warnings.is_empty() {
            sections.push(Section::lines("In its way", self.warnings.iter().cloned()));
        }
        sections
    }
}

impl Tabular for PartyService {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("service", "SERVICE", |row: &Self| row.service.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()),
                Column::text("category", "CATEGORY", |row: &Self| or_none(row.category.as_ref())),
                Column::text("functions", "FUNCTIONS", |row: &Self| joined(&row.functions)),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
            ]
        }
    }
}

impl Tabular for PartyCredential {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.to_string()),
                Column::text("kind", "KIND", |row: &Self| row.kind.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("service", "SERVICE", |row: &Self| or_none(row.service.as_ref())),
                Column::text("source", "SOURCE", |row: &Self| row.source.to_string()),
                Column::text("label", "LABEL", |row: &Self| or_none(row.label.as_ref())),
                Column::two(
                    "not_after",
                    "UNTIL",
                    |row: &Self| people_or_none(row.not_after),
                    |row: &Self| raw_or_none(row.not_after),
                ),
            ]
        }
    }
}

impl Tabular for PartyApplied {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("change", "CHANGE", |row: &Self| word(&row.change)),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
            ]
        }
    }
}

impl Tabular for PartyPlan {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("change", "CHANGE", |row: &Self| word(&row.change)),
                Column::number(
                    "fields",
                    "FIELDS",
                    |row: &Self| row.changes.len().to_string(),
                    |row: &Self| row.changes.len().to_string(),
                ),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let (tone, mark) = match self.change {
            PartyChange::Created => (Tone::Added, "+"),
            PartyChange::Updated => (Tone::Changed, "~"),
            PartyChange::Unchanged => (Tone::Faint, " "),
        };
        let mut lines = vec![Line::new(tone, format!("{mark} {} ({})", self.rp, word(&self.change)))];
        lines.extend(self.changes.iter().map(change_line));
        lines.extend(self.notes.iter().map(|note| Line::new(Tone::Faint, format!("    = {note}"))));
        Some(lines)
    }
}

/// One field: `    ~ contact.email: "old" -> "new"`.
fn change_line(change: &Change) -> Line {
    let before = change.before.as_deref().unwrap_or_default();
    let after = change.after.as_deref().unwrap_or_default();
    match change.kind {
        ChangeKind::Added => Line::new(Tone::Added, format!("    + {}: {after}", change.path)),
        ChangeKind::Removed => Line::new(Tone::Removed, format!("    - {}: {before}", change.path)),
        ChangeKind::Changed => Line::new(Tone::Changed, format!("    ~ {}: {before} -> {after}", change.path)),
    }
}

impl Tabular for PartyVersion {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::number("version", "VERSION", |row: &Self| row.version.to_string(), |row: &Self| row.version.to_string()),
                Column::two("valid_from", "FROM", |row: &Self| people(row.valid_from), |row: &Self| row.valid_from.to_string()),
                Column::two("valid_to", "TO", |row: &Self| people_or_none(row.valid_to), |row: &Self| raw_or_none(row.valid_to)),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.clone()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("reason", "REASON", |row: &Self| or_none(row.reason.as_ref())),
                Column::number(
                    "fields",
                    "FIELDS",
                    |row: &Self| row.changes.len().to_string(),
                    |row: &Self| row.changes.len().to_string(),
                ),
                Column::text("changes", "CHANGES", |row: &Self| {
                    row.changes
                        .iter()
                        .map(|change| change_line(change).text.trim_start().to_owned())
                        .collect::<Vec<_>>()
                        .join("; ")
                })
                .wide(),
            ]
        }
    }
}
