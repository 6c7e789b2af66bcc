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
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.redirect_uris.is_empty() {
            sections.push(Section::lines("Redirect URIs", self.redirect_uris.iter().cloned()));
        }
        if !self.form_fields.is_empty() {
            sections.push(Section::lines("Form fields", [self.form_fields.join(" ")]));
        }
        sections
    }
}
