//! Services.

use api::service::ServiceView;

use super::{Column, Section, Tabular, joined, or_none};
use crate::times::day_or_none;

impl Tabular for ServiceView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("service", "SERVICE", |row: &Self| row.service.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.en.clone()),
                Column::text("name_zh", "名稱", |row: &Self| row.name.zh_hant.clone()).wide(),
                Column::text("organisation", "ORGANISATION", |row: &Self| row.organisation.en.clone()),
                Column::text("organisation_zh", "機構", |row: &Self| row.organisation.zh_hant.clone()).wide(),
                Column::text("sector", "SECTOR", |row: &Self| row.sector.to_string()).wide(),
                Column::text("category", "CATEGORY", |row: &Self| or_none(row.category.as_ref())),
                Column::text("functions", "FUNCTIONS", |row: &Self| joined(&row.functions)).wide(),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("since", "SINCE", |row: &Self| day_or_none(row.since)).wide(),
                Column::two(
                    "synthetic",
                    "SYNTHETIC",
                    |row: &Self| if row.synthetic { "yes" } else { "" }.to_owned(),
                    |row: &Self| row.synthetic.to_string(),
                )
                .wide(),
                Column::text("client_profile", "CLIENT PROFILE", |row: &Self| row.client_profile.to_string()).wide(),
                Column::text("client_authentication", "AUTHENTICATION", |row: &Self| row.client_authentication.to_string())
                    .wide(),
                Column::text("sender_constraint", "TOKENS BOUND BY", |row: &Self| row.sender_constraint.to_string()).wide(),
                Column::text("scopes", "SCOPES", |row: &Self| joined(&row.scopes)).wide(),
                Column::text("ciba", "CIBA", |row: &Self| or_none(row.ciba.as_ref())).wide(),
                Column::two(
                    "offline_access",
                    "OFFLINE ACCESS",
                    |row: &Self| if row.offline_access { "yes" } else { "" }.to_owned(),
                    |row: &Self| row.offline_access.to_string(),
                )
                .wide(),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.redirect_uris.is_empty() {
            sections.push(Section::lines("Redirect URIs", self.redirect_uris.iter().cloned()));
        }
        if !self.post_logout_redirect_uris.is_empty() {
            sections.push(Section::lines("Back to after a logout", self.post_logout_redirect_uris.iter().cloned()));
        }
        if let Some(uri) = &self.backchannel_logout_uri {
            sections.push(Section::lines("Told of logouts at", [uri.clone()]));
        }
        if let Some(uri) = &self.ciba_notification_uri {
            sections.push(Section::lines("Told of decisions at", [uri.clone()]));
        }
        if !self.form_fields.is_empty() {
            sections.push(Section::lines("Form fields", [self.form_fields.join(" ")]));
        }
        sections
    }
}
