//! `iamctl context`.

use client::tabular::Column;
use client::{Context, Tabular};
use serde::Serialize;

use crate::noun::noun;

noun! {
    /// Contexts: which server, as whom, with which certificate
    Verbs { List(list), Use(use_), Show(show), Import(import) }
}

/// A context, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ContextView {
    name: String,
    current: bool,
    server: Option<String>,
    environment: Option<domain::Environment>,
    operator: Option<domain::OperatorId>,
    instance: Option<String>,
    file: String,
    chosen: Option<&'static str>,
    certificate_not_after: Option<domain::Timestamp>,
    error: Option<String>,
}

impl ContextView {
    /// Of a context that could be read.
    pub fn of(context: &Context, current: bool) -> Self {
        let credential = client::tls::Credential::of(context);
        Self {
            name: context.file.name.clone(),
            current,
            server: Some(context.file.server.clone()),
            environment: Some(context.file.environment),
            operator: Some(context.file.operator.clone()),
            instance: Some(context.file.instance.clone()),
            file: context.path.display().to_string(),
            chosen: None,
            certificate_not_after: credential.as_ref().ok().map(|credential| credential.not_after),
            error: credential.err().map(|error| error.to_string()),
        }
    }
}

impl Tabular for ContextView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::two(
                    "current",
                    "CURRENT",
                    |row: &Self| if row.current { "*" } else { "" }.to_owned(),
                    |row: &Self| row.current.to_string(),
                ),
                Column::text("server", "SERVER", |row: &Self| row.server.clone().unwrap_or_default()),
                Column::two(
                    "environment",
                    "ENVIRONMENT",
                    |row: &Self| match row.environment {
                        Some(domain::Environment::Production) => "PRODUCTION".to_owned(),
                        Some(other) => other.to_string(),
                        None => String::new(),
                    },
                    |row: &Self| row.environment.map(|environment| environment.to_string()).unwrap_or_default(),
                ),
                Column::text("operator", "OPERATOR", |row: &Self| {
                    row.operator.as_ref().map(ToString::to_string).unwrap_or_default()
                }),
                Column::text("instance", "INSTANCE", |row: &Self| row.instance.clone().unwrap_or_default()).wide(),
                Column::two(
                    "certificate_not_after",
                    "CERTIFICATE UNTIL",
                    |row: &Self| client::times::people_or_none(row.certificate_not_after),
                    |row: &Self| client::times::raw_or_none(row.certificate_not_after),
                ),
                Column::text("file", "FILE", |row: &Self| row.file.clone()).wide(),
                Column::text("chosen", "CHOSEN", |row: &Self| row.chosen.unwrap_or_default().to_owned()).wide(),
                Column::text("error", "ERROR", |row: &Self| row.error.clone().unwrap_or_default()),
            ]
        }
    }
}
