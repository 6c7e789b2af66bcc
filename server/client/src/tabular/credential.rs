//! Credentials of relying parties.

use api::credential::{CredentialAdded, CredentialRevocation, CredentialView, LeakReport, LeakedCertificate, LeakedKey};

use super::{Column, Section, Tabular, joined, or_none, word};
use crate::times::{people, people_or_none, raw_or_none};

/// The columns of a credential, wherever it stands in `$row`.
macro_rules! columns_of_credential {
    ($type:ty, |$row:ident| $credential:expr, [$($first:expr),*]) => {
        const {
            &[
                $($first,)*
                Column::text("id", "ID", |$row: &$type| $credential.id.to_string()),
                Column::text("rp", "RP", |$row: &$type| $credential.rp.to_string()),
                Column::two(
                    "kind",
                    "KIND",
                    |$row: &$type| kind_for_people(&$credential),
                    |$row: &$type| $credential.kind.to_string(),
                ),
                Column::text("state", "STATE", |$row: &$type| $credential.state.to_string()),
                Column::text("source", "SOURCE", |$row: &$type| $credential.source.to_string()).wide(),
                Column::text("label", "LABEL", |$row: &$type| or_none($credential.label.as_ref())).wide(),
                Column::two(
                    "not_after",
                    "UNTIL",
                    |$row: &$type| people_or_none($credential.not_after),
                    |$row: &$type| raw_or_none($credential.not_after),
                )
                .wide(),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |$row: &$type| or_none($credential.days_left.as_ref()),
                    |$row: &$type| or_none($credential.days_left.as_ref()),
                ),
                Column::two(
                    "last_used_at",
                    "LAST USED",
                    |$row: &$type| people_or_none($credential.last_used_at),
                    |$row: &$type| raw_or_none($credential.last_used_at),
                )
                .wide(),
                Column::text("fault", "FAULT", |$row: &$type| {
                    $credential
                        .address
                        .as_ref()
                        .and_then(|address| address.fault.as_ref())
                        .map(|fault| fault.message.clone())
                        .unwrap_or_default()
                }),
                Column::text("thumbprint", "THUMBPRINT", |$row: &$type| or_none($credential.thumbprint.as_ref())).wide(),
                Column::text("kid", "KID", |$row: &$type| or_none($credential.kid.as_ref())).wide(),
                Column::text("serial", "SERIAL", |$row: &$type| or_none($credential.serial.as_ref())).wide(),
                Column::text("service", "SERVICE", |$row: &$type| or_none($credential.service.as_ref())).wide(),
                Column::text("under", "UNDER", |$row: &$type| or_none($credential.under.as_ref())).wide(),
                Column::text("url", "URL", |$row: &$type| {
                    $credential.address.as_ref().map(|address| address.url.clone()).unwrap_or_default()
                })
                .wide(),
                Column::two(
                    "fetched_at",
                    "FETCHED",
                    |$row: &$type| people_or_none($credential.address.as_ref().and_then(|address| address.fetched_at)),
                    |$row: &$type| raw_or_none($credential.address.as_ref().and_then(|address| address.fetched_at)),
                )
                .wide(),
                Column::two(
                    "created_at",
                    "CREATED",
                    |$row: &$type| people($credential.created_at),
                    |$row: &$type| $credential.created_at.to_string(),
                )
                .wide(),
                Column::two(
                    "revoked_at",
                    "REVOKED",
                    |$row: &$type| people_or_none($credential.revoked.as_ref().map(|revoked| revoked.at)),
                    |$row: &$type| raw_or_none($credential.revoked.as_ref().map(|revoked| revoked.at)),
                )
                .wide(),
                Column::text("reason", "REASON", |$row: &$type| {
                    $credential.revoked.as_ref().map(|revoked| revoked.reason.to_string()).unwrap_or_default()
                })
                .wide(),
            ]
        }
    };
}

/// `client-secret of portal`: several secrets of a party are told apart by whose they are.
fn kind_for_people(credential: &CredentialView) -> String {
    match &credential.service {
        Some(service) => format!("{} of {service}", credential.kind),
        None => credential.kind.to_string(),
    }
}

impl Tabular for CredentialView {
    fn columns() -> &'static [Column<Self>] {
        columns_of_credential!(Self, |row| row, [])
    }
}

impl Tabular for CredentialAdded {
    fn columns() -> &'static [Column<Self>] {
        columns_of_credential!(
            Self,
            |row| row.credential,
            [
                Column::text("change", "CHANGE", |row: &Self| word(&row.change)),
                Column::text("secret", "SECRET", |row: &Self| or_none(row.secret.as_ref())),
                Column::text("note", "NOTE", |row: &Self| or_none(row.note.as_ref())).wide()
            ]
        )
    }

    fn name(&self) -> String {
        self.credential.id.to_string()
    }
}

impl Tabular for CredentialRevocation {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.credential.id.to_string()),
                Column::text("rp", "RP", |row: &Self| row.credential.rp.to_string()),
                Column::text("kind", "KIND", |row: &Self| row.credential.kind.to_string()),
                Column::text("state", "STATE", |row: &Self| row.credential.state.to_string()),
                Column::text("with_it", "WITH IT", |row: &Self| joined(&row.with_it)),
                Column::text("blocked", "BLOCKED", |row: &Self| joined(&row.blocked)),
                Column::number("left", "LEFT", |row: &Self| row.left.to_string(), |row: &Self| row.left.to_string()),
                Column::text("already", "REVOKED BEFORE", |row: &Self| row.already.to_string()).wide(),
            ]
        }
    }
}

impl Tabular for LeakReport {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("keys", "KEYS", |row: &Self| {
                    joined(&row.keys.iter().map(|key| key.thumbprint.as_str()).collect::<Vec<_>>())
                }),
                Column::text("parties", "PARTIES", |row: &Self| {
                    joined(&row.parties.iter().map(|party| party.rp.as_str()).collect::<Vec<_>>())
                }),
                Column::text("credentials", "REVOKED", |row: &Self| {
                    joined(&row.credentials.iter().map(|credential| credential.id).collect::<Vec<_>>())
                }),
                Column::two("since", "SINCE", |row: &Self| people(row.since), |row: &Self| row.since.to_string()),
                Column::number(
                    "audit_entries",
                    "AUDIT ENTRIES",
                    |row: &Self| row.audit_entries.to_string(),
                    |row: &Self| row.audit_entries.to_string(),
                ),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::of("Blocked keys", &self.keys)];
        if !self.credentials.is_empty() {
            sections.push(Section::of("Revoked credentials", &self.credentials));
        }
        let services = self.parties.iter().flat_map(|party| {
            let left = match party.left {
                1 => format!("{}: 1 active credential left", party.rp),
                left => format!("{}: {left} active credentials left", party.rp),
            };
            let used =
                party.services.iter().map(|service| format!("{}.{}: {} uses since", party.rp, service.service, service.uses));
            std::iter::once(left).chain(used)
        });
        if self.parties.is_empty() {
            sections
                .push(Section::lines("What it could speak for", ["no relying party: it is on record as nobody's".to_owned()]));
        } else {
            sections.push(Section::lines("What it could speak for", services));
        }
        if !self.certificates.is_empty() {
            sections.push(Section::of("Certificates over the key", &self.certificates));
        }
        if !self.audit.is_empty() {
            sections.push(Section::of("Audit entries since, newest first", &self.audit));
        }
        sections
    }
}

impl Tabular for LeakedKey {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("thumbprint", "THUMBPRINT", |row: &Self| row.thumbprint.clone()),
                Column::text("spki_sha256", "SPKI SHA-256", |row: &Self| row.spki_sha256.clone()),
                Column::two(
                    "blocked_at",
                    "BLOCKED",
                    |row: &Self| people(row.blocked_at),
                    |row: &Self| row.blocked_at.to_string(),
                ),
            ]
        }
    }
}

impl Tabular for LeakedCertificate {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("serial", "SERIAL", |row: &Self| row.serial.to_string()),
                Column::text("holder_kind", "HOLDER KIND", |row: &Self| row.holder_kind.to_string()),
                Column::text("holder", "HOLDER", |row: &Self| row.holder.clone()),
                Column::two(
                    "revoked",
                    "REVOKED",
                    |row: &Self| if row.revoked { "yes" } else { "NO" }.to_owned(),
                    |row: &Self| row.revoked.to_string(),
                ),
            ]
        }
    }
}
