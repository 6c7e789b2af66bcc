//! Jobs.

use api::job::JobView;

use super::{Column, Tabular, or_none, word};
use crate::times::{people, people_or_none, raw_or_none, spaced};

impl Tabular for JobView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("job", "JOB", |row: &Self| row.job.to_string()),
                Column::text("kind", "KIND", |row: &Self| row.kind.clone()),
                Column::text("state", "STATE", |row: &Self| word(&row.state)),
                Column::number("percent", "%", percent, percent),
                Column::text("message", "MESSAGE", |row: &Self| row.error.clone().unwrap_or_else(|| row.message.clone())),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.clone()).wide(),
                Column::number("done", "DONE", |row: &Self| spaced(row.done), |row: &Self| row.done.to_string()).wide(),
                Column::number("total", "TOTAL", |row: &Self| spaced(row.total), |row: &Self| row.total.to_string()).wide(),
                Column::two(
                    "created_at",
                    "CREATED",
                    |row: &Self| people(row.created_at),
                    |row: &Self| row.created_at.to_string(),
                ),
                Column::two(
                    "started_at",
                    "STARTED",
                    |row: &Self| people_or_none(row.started_at),
                    |row: &Self| raw_or_none(row.started_at),
                )
                .wide(),
                Column::two(
                    "finished_at",
                    "FINISHED",
                    |row: &Self| people_or_none(row.finished_at),
                    |row: &Self| raw_or_none(row.finished_at),
                )
                .wide(),
                Column::text("error", "ERROR", |row: &Self| or_none(row.error.as_ref())).wide(),
            ]
        }
    }
}

/// Done of total in hundredths, rounded down; nothing while the total is not known.
fn percent(row: &JobView) -> String {
    let hundredths = u128::from(row.done) * 100;
    hundredths.checked_div(u128::from(row.total)).map(|percent| percent.min(100).to_string()).unwrap_or_default()
}
