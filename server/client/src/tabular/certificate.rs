//! Certificates.

use api::certificate::{CertificateDetail, CertificateView, CheckedCertificate, IssuedCertificate};

use super::{Column, Section, Tabular, or_none, word};
use crate::times::{people, people_or_none, raw_or_none};

impl Tabular for CertificateView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("serial", "SERIAL", |row: &Self| row.serial.to_string()),
                Column::text("profile", "PROFILE", |row: &Self| row.profile.clone()),
                Column::text("holder", "HOLDER", |row: &Self| row.holder.clone()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |row: &Self| row.days_left.to_string(),
                    |row: &Self| row.days_left.to_string(),
                ),
                Column::two("not_after", "UNTIL", |row: &Self| people(row.not_after), |row: &Self| row.not_after.to_string()),
                Column::text("subject", "SUBJECT", |row: &Self| row.subject.clone()).wide(),
                Column::text("issuer", "ISSUER", |row: &Self| row.issuer.clone()),
                Column::text("holder_kind", "KIND", |row: &Self| row.holder_kind.to_string()).wide(),
                Column::two("not_before", "FROM", |row: &Self| people(row.not_before), |row: &Self| row.not_before.to_string())
                    .wide(),
                Column::two(
                    "revoked_at",
                    "REVOKED",
                    |row: &Self| people_or_none(row.revoked_at),
                    |row: &Self| raw_or_none(row.revoked_at),
                )
                .wide(),
                Column::text("revoked_reason", "REASON", |row: &Self| or_none(row.revoked_reason.as_ref())).wide(),
            ]
        }
    }
}

/// The columns of a certificate that stands in a larger reply.
macro_rules! of_certificate {
    () => {
        const {
            &[
                Column::text("serial", "SERIAL", |row: &Self| row.certificate.serial.to_string()),
                Column::text("profile", "PROFILE", |row: &Self| row.certificate.profile.clone()),
                Column::text("subject", "SUBJECT", |row: &Self| row.certificate.subject.clone()),
                Column::text("issuer", "ISSUER", |row: &Self| row.certificate.issuer.clone()),
                Column::text("holder", "HOLDER", |row: &Self| row.certificate.holder.clone()),
                Column::text("state", "STATE", |row: &Self| row.certificate.state.to_string()),
                Column::two(
                    "not_before",
                    "FROM",
                    |row: &Self| people(row.certificate.not_before),
                    |row: &Self| row.certificate.not_before.to_string(),
                ),
                Column::two(
                    "not_after",
                    "UNTIL",
                    |row: &Self| people(row.certificate.not_after),
                    |row: &Self| row.certificate.not_after.to_string(),
                ),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |row: &Self| row.certificate.days_left.to_string(),
                    |row: &Self| row.certificate.days_left.to_string(),
                ),
            ]
        }
    };
}

fn pem_sections(pem: Option<&String>, chain: &[String]) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(pem) = pem {
        sections.push(Section::lines("Certificate", pem.lines().map(str::to_owned)));
    }
    if !chain.is_empty() {
        sections.push(Section::lines("Its issuers", chain.iter().flat_map(|pem| pem.lines()).map(str::to_owned)));
    }
    sections
}

impl Tabular for CertificateDetail {
    fn columns() -> &'static [Column<Self>] {
        of_certificate!()
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if let (Some(at), Some(reason)) = (self.certificate.revoked_at, self.certificate.revoked_reason) {
            sections.push(Section::lines("Not good", [format!("{} since {}", word(&reason), people(at))]));
        }
        if !self.depends.is_empty() {
            sections.push(Section::lines("Depends on it", self.depends.iter().cloned()));
        }
        if let Some(next) = &self.next {
            sections.push(Section::lines("Next", [next.clone()]));
        }
        sections.extend(pem_sections(self.pem.as_ref(), &self.chain));
        sections
    }
}

impl Tabular for IssuedCertificate {
    fn columns() -> &'static [Column<Self>] {
        of_certificate!()
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.ignored.is_empty() {
            sections.push(Section::lines("Asked for and not given", self.ignored.iter().cloned()));
        }
        sections.extend(pem_sections(self.pem.as_ref(), &self.chain));
        sections
    }
}

impl Tabular for CheckedCertificate {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("serial", "SERIAL", |row: &Self| row.serial.to_string()),
                Column::text("holder", "HOLDER", |row: &Self| or_none(row.holder.as_ref())),
                Column::text("state", "STATE", |row: &Self| or_none(row.state.as_ref())),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |row: &Self| row.days_left.to_string(),
                    |row: &Self| row.days_left.to_string(),
                ),
                Column::text("ok", "OK", |row: &Self| if row.ok { "yes" } else { "NO" }.to_owned()),
                Column::text("findings", "FINDINGS", |row: &Self| row.findings.join("; ")),
                Column::text("subject", "SUBJECT", |row: &Self| row.subject.clone()).wide(),
                Column::two("not_after", "UNTIL", |row: &Self| people(row.not_after), |row: &Self| row.not_after.to_string())
                    .wide(),
            ]
        }
    }
}
