//! Certificates.

use api::certificate::{CertificateDetail, CertificateRevocation, CertificateView, CheckedCertificate, IssuedCertificate};

use super::{Column, Section, Tabular, or_none};
use crate::times::{people, people_or_none, raw_or_none};

/// The columns of a certificate, wherever it stands in `$row`; a list and a record have the same in the same order. A list shows
/// what fits beside the whole serial number, which every other verb wants.
macro_rules! columns_of_certificate {
    ($type:ty, |$row:ident| $certificate:expr, [$($more:expr),*]) => {
        const {
            &[
                Column::text("serial", "SERIAL", |$row: &$type| $certificate.serial.to_string()),
                Column::text("profile", "PROFILE", |$row: &$type| $certificate.profile.clone()).wide(),
                Column::text("holder", "HOLDER", |$row: &$type| $certificate.holder.clone()),
                Column::text("state", "STATE", |$row: &$type| $certificate.state.to_string()),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |$row: &$type| $certificate.days_left.to_string(),
                    |$row: &$type| $certificate.days_left.to_string(),
                ),
                Column::two(
                    "not_after",
                    "UNTIL",
                    |$row: &$type| people($certificate.not_after),
                    |$row: &$type| $certificate.not_after.to_string(),
                )
                .wide(),
                Column::text("subject", "SUBJECT", |$row: &$type| $certificate.subject.clone()).wide(),
                Column::text("issuer", "ISSUER", |$row: &$type| $certificate.issuer.clone()).wide(),
                Column::text("holder_kind", "KIND", |$row: &$type| $certificate.holder_kind.to_string()).wide(),
                Column::two(
                    "not_before",
                    "FROM",
                    |$row: &$type| people($certificate.not_before),
                    |$row: &$type| $certificate.not_before.to_string(),
                )
                .wide(),
                Column::two(
                    "revoked_at",
                    "REVOKED",
                    |$row: &$type| people_or_none($certificate.revoked_at),
                    |$row: &$type| raw_or_none($certificate.revoked_at),
                )
                .wide(),
                Column::text("revoked_reason", "REASON", |$row: &$type| or_none($certificate.revoked_reason.as_ref())).wide(),
                $($more,)*
            ]
        }
    };
}

impl Tabular for CertificateView {
    fn columns() -> &'static [Column<Self>] {
        columns_of_certificate!(Self, |row| row, [])
    }
}

impl Tabular for CertificateRevocation {
    fn columns() -> &'static [Column<Self>] {
        columns_of_certificate!(
            Self,
            |row| row.certificate,
            [Column::text("already", "REVOKED BEFORE", |row: &Self| row.already.to_string()).wide()]
        )
    }
}

pub(super) fn pem_sections(pem: Option<&String>, chain: &[String]) -> Vec<Section> {
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
        columns_of_certificate!(
            Self,
            |row| row.certificate,
            [
                Column::text("sha256", "SHA-256", |row: &Self| row.sha256.clone().unwrap_or_default()).wide(),
                Column::text("key", "KEY", |row: &Self| row.key.clone().unwrap_or_default()).wide()
            ]
        )
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
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
        columns_of_certificate!(Self, |row| row.certificate, [])
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
