//! Keys.

use api::key::{KeyDetail, KeyRevocation, KeyView, KnownTo, Notices, RotatedKey};

use super::{Column, Section, Tabular, joined, or_none};
use crate::json;
use crate::times::{people, people_or_none, raw_or_none};

// A table shows what fits a terminal beside a thumbprint, by which every other verb knows a key.
impl Tabular for KeyView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("kid", "KID", |row: &Self| row.kid.to_string()),
                Column::text("purpose", "PURPOSE", |row: &Self| row.purpose.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()).wide(),
                Column::text("algorithm", "ALGORITHM", |row: &Self| row.algorithm.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::two(
                    "created_at",
                    "CREATED",
                    |row: &Self| people(row.created_at),
                    |row: &Self| row.created_at.to_string(),
                )
                .wide(),
                Column::two(
                    "activate_at",
                    "ACTIVE FROM",
                    |row: &Self| people_or_none(row.activate_at),
                    |row: &Self| raw_or_none(row.activate_at),
                )
                .wide(),
                Column::two(
                    "retire_at",
                    "UNTIL",
                    |row: &Self| people_or_none(row.retire_at),
                    |row: &Self| raw_or_none(row.retire_at),
                )
                .wide(),
                Column::two(
                    "not_after",
                    "CERTIFICATE UNTIL",
                    |row: &Self| people_or_none(row.not_after),
                    |row: &Self| raw_or_none(row.not_after),
                )
                .wide(),
                Column::two(
                    "revoked_at",
                    "REVOKED",
                    |row: &Self| people_or_none(row.revoked.as_ref().map(|revoked| revoked.at)),
                    |row: &Self| raw_or_none(row.revoked.as_ref().map(|revoked| revoked.at)),
                )
                .wide(),
                Column::text("revoked_reason", "REASON", |row: &Self| {
                    row.revoked.as_ref().map(|revoked| revoked.reason.to_string()).unwrap_or_default()
                })
                .wide(),
                Column::text("plan", "PLAN", |row: &Self| or_none(row.plan.as_ref())).wide(),
                Column::text("work", "WORK", |row: &Self| row.work.as_ref().map(super::rotation::work).unwrap_or_default())
                    .wide(),
            ]
        }
    }
}

impl Tabular for RotatedKey {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("kid", "KID", |row: &Self| row.key.kid.to_string()),
                Column::text("purpose", "PURPOSE", |row: &Self| row.key.purpose.to_string()).wide(),
                Column::text("name", "NAME", |row: &Self| row.key.name.clone()).wide(),
                Column::text("algorithm", "ALGORITHM", |row: &Self| row.key.algorithm.to_string()),
                Column::text("state", "STATE", |row: &Self| row.key.state.to_string()),
                Column::two(
                    "activate_at",
                    "ACTIVE FROM",
                    |row: &Self| people_or_none(row.key.activate_at),
                    |row: &Self| raw_or_none(row.key.activate_at),
                )
                .wide(),
                Column::text("replaced", "REPLACED", |row: &Self| or_none(row.replaced.as_ref())).wide(),
                Column::text("ready", "READY", |row: &Self| super::rotation::share(&row.readiness)).wide(),
                Column::text("without_a_way", "NOT TOLD", |row: &Self| not_told(row.notices.as_ref())).wide(),
                Column::text("plan", "PLAN", |row: &Self| or_none(row.key.plan.as_ref())),
            ]
        }
    }
}

impl Tabular for KeyDetail {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("kid", "KID", |row: &Self| row.key.kid.to_string()),
                Column::text("purpose", "PURPOSE", |row: &Self| row.key.purpose.to_string()),
                Column::text("name", "NAME", |row: &Self| row.key.name.clone()),
                Column::text("algorithm", "ALGORITHM", |row: &Self| row.key.algorithm.to_string()),
                Column::text("state", "STATE", |row: &Self| row.key.state.to_string()),
                Column::two(
                    "created_at",
                    "CREATED",
                    |row: &Self| people(row.key.created_at),
                    |row: &Self| row.key.created_at.to_string(),
                ),
                Column::two(
                    "activate_at",
                    "ACTIVE FROM",
                    |row: &Self| people_or_none(row.key.activate_at),
                    |row: &Self| raw_or_none(row.key.activate_at),
                ),
                Column::two(
                    "retire_at",
                    "UNTIL",
                    |row: &Self| people_or_none(row.key.retire_at),
                    |row: &Self| raw_or_none(row.key.retire_at),
                ),
                Column::two(
                    "not_after",
                    "CERTIFICATE UNTIL",
                    |row: &Self| people_or_none(row.key.not_after),
                    |row: &Self| raw_or_none(row.key.not_after),
                ),
                Column::two(
                    "in_jwks",
                    "IN JWKS",
                    |row: &Self| if row.in_jwks { "yes" } else { "no" }.to_owned(),
                    |row: &Self| row.in_jwks.to_string(),
                ),
                Column::text("next", "NEXT", |row: &Self| or_none(row.next.as_ref())),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if let Some(revoked) = &self.key.revoked {
            sections.push(Section::lines("Revoked", [format!("{} at {}", revoked.reason, people(revoked.at))]));
        }
        if !self.depends.is_empty() {
            sections.push(Section::lines("Depends on it", self.depends.iter().cloned()));
        }
        if !self.known_to.is_empty() {
            sections.push(Section::of("Relying parties that have it", &self.known_to));
        }
        if let Some(jwk) = &self.jwk {
            sections.push(Section::lines("Public JWK", [json::to_line(jwk)]));
        }
        if let Some(certificate) = &self.certificate {
            sections.push(Section::lines("Certificate", certificate.lines().map(str::to_owned)));
        }
        sections
    }
}

impl Tabular for KnownTo {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RP", |row: &Self| row.rp.to_string()),
                Column::text("client", "CLIENT", |row: &Self| or_none(row.client.as_ref())),
                Column::text("how", "KNOWN BY", |row: &Self| row.how.to_string()),
                Column::two("at", "LAST KEY SET", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
            ]
        }
    }
}

/// The parties that no notice reaches.
fn not_told(notices: Option<&Notices>) -> String {
    notices.map(|notices| joined(&notices.without_a_way)).unwrap_or_default()
}

impl Tabular for KeyRevocation {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("kid", "KID", |row: &Self| row.key.kid.to_string()),
                Column::text("purpose", "PURPOSE", |row: &Self| row.key.purpose.to_string()),
                Column::text("algorithm", "ALGORITHM", |row: &Self| row.key.algorithm.to_string()),
                Column::text("state", "STATE", |row: &Self| row.key.state.to_string()),
                Column::text("replaced_by", "REPLACED BY", |row: &Self| or_none(row.replaced_by.as_ref())),
                Column::text("ready", "READY", |row: &Self| {
                    row.readiness.as_ref().map(super::rotation::share).unwrap_or_default()
                })
                .wide(),
                Column::text("without_a_way", "NOT TOLD", |row: &Self| not_told(row.notices.as_ref())).wide(),
            ]
        }
    }
}
