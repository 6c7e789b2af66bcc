//! Operators.

use api::operator::{Identity, OperatorAdded, OperatorCertificate, OperatorView};

use super::{Column, Section, Tabular, joined, or_none, word};
use crate::times::{people, people_or_none};

impl Tabular for OperatorView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("state", "STATE", |row: &Self| word(&row.state)),
                Column::text("roles", "ROLES", |row: &Self| joined(&row.roles)),
                Column::two(
                    "created_at",
                    "CREATED",
                    |row: &Self| people(row.created_at),
                    |row: &Self| row.created_at.to_string(),
                )
                .wide(),
                Column::number(
                    "certificates",
                    "CERTIFICATES",
                    |row: &Self| row.certificates.len().to_string(),
                    |row: &Self| row.certificates.len().to_string(),
                )
                .wide(),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        if self.certificates.is_empty() { Vec::new() } else { vec![Section::of("Certificates", &self.certificates)] }
    }
}

impl Tabular for OperatorCertificate {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("serial", "SERIAL", |row: &Self| row.serial.clone()),
                Column::two("not_before", "FROM", |row: &Self| people(row.not_before), |row: &Self| row.not_before.to_string()),
                Column::two("not_after", "UNTIL", |row: &Self| people(row.not_after), |row: &Self| row.not_after.to_string()),
                Column::two(
                    "revoked_at",
                    "REVOKED",
                    |row: &Self| people_or_none(row.revoked_at),
                    |row: &Self| row.revoked_at.map(|at| at.to_string()).unwrap_or_default(),
                ),
            ]
        }
    }
}

impl Tabular for OperatorAdded {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("roles", "ROLES", |row: &Self| joined(&row.roles)),
                Column::text("code", "ENROLMENT CODE", |row: &Self| or_none(row.code.as_ref())),
                Column::two(
                    "expires_at",
                    "GOOD UNTIL",
                    |row: &Self| people(row.expires_at),
                    |row: &Self| row.expires_at.to_string(),
                ),
                Column::text("note", "NOTE", |row: &Self| or_none(row.note.as_ref())).wide(),
            ]
        }
    }
}

impl Tabular for Identity {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("roles", "ROLES", |row: &Self| joined(&row.roles)),
                Column::text("instance", "INSTANCE", |row: &Self| row.instance.clone()),
                Column::text("environment", "ENVIRONMENT", |row: &Self| row.environment.to_string()),
                Column::two(
                    "certificate_not_after",
                    "CERTIFICATE UNTIL",
                    |row: &Self| people(row.certificate_not_after),
                    |row: &Self| row.certificate_not_after.to_string(),
                ),
                Column::two(
                    "server_time",
                    "SERVER TIME",
                    |row: &Self| people(row.server_time),
                    |row: &Self| row.server_time.to_string(),
                ),
                Column::text("version", "SERVER VERSION", |row: &Self| row.version.clone()),
            ]
        }
    }
}
