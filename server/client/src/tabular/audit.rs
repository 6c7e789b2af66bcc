//! The audit log and the change feed.

use api::audit::{AuditDetail, AuditView};
use api::event::ChangeEvent;

use super::{Column, Section, Tabular, or_none, word};
use crate::json;
use crate::times::people;

impl Tabular for AuditView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.to_string()).wide(),
                Column::number(
                    "index",
                    "LEAF",
                    |row: &Self| row.index.map_or_else(|| "-".into(), |index| index.to_string()),
                    |row: &Self| or_none(row.index.as_ref()),
                ),
                Column::two("at", "AT", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.clone()),
                Column::text("action", "ACTION", |row: &Self| row.action.clone()),
                Column::text("subject", "SUBJECT", |row: &Self| row.subject.clone()),
                Column::text("outcome", "OUTCOME", |row: &Self| word(&row.outcome)),
                Column::text("call", "CALL", |row: &Self| or_none(row.call.as_ref())),
                Column::text("request_id", "REQUEST", |row: &Self| or_none(row.request_id.as_ref())).wide(),
            ]
        }
    }
}

impl Tabular for AuditDetail {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.entry.id.to_string()),
                Column::number(
                    "index",
                    "LEAF",
                    |row: &Self| row.entry.index.map_or_else(|| "not sealed yet".into(), |index| index.to_string()),
                    |row: &Self| or_none(row.entry.index.as_ref()),
                ),
                Column::two("at", "AT", |row: &Self| people(row.entry.at), |row: &Self| row.entry.at.to_string()),
                Column::text("operator", "OPERATOR", |row: &Self| row.entry.operator.clone()),
                Column::text("action", "ACTION", |row: &Self| row.entry.action.clone()),
                Column::text("subject", "SUBJECT", |row: &Self| row.entry.subject.clone()),
                Column::text("outcome", "OUTCOME", |row: &Self| word(&row.entry.outcome)),
                Column::text("call", "CALL", |row: &Self| or_none(row.entry.call.as_ref())),
                Column::text("request_id", "REQUEST", |row: &Self| or_none(row.entry.request_id.as_ref())),
                Column::text("leaf_hash", "LEAF HASH", |row: &Self| row.leaf_hash.clone()),
                Column::number(
                    "tree_size",
                    "TREE SIZE",
                    |row: &Self| or_none(row.tree_size.as_ref()),
                    |row: &Self| or_none(row.tree_size.as_ref()),
                ),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut pretty = Vec::new();
        let leaf = match json::write_pretty(&mut pretty, &self.leaf) {
            Ok(()) => String::from_utf8(pretty).unwrap_or_default(),
            Err(_) => String::new(),
        };
        vec![Section::lines("Leaf", leaf.lines().map(str::to_owned))]
    }
}

impl Tabular for ChangeEvent {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::number("index", "LEAF", |row: &Self| row.index.to_string(), |row: &Self| row.index.to_string()),
                Column::text("id", "ID", |row: &Self| row.id.to_string()).wide(),
                Column::two("at", "AT", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.clone()),
                Column::text("action", "ACTION", |row: &Self| row.action.clone()),
                Column::text("subject", "SUBJECT", |row: &Self| row.subject.clone()),
                Column::text("outcome", "OUTCOME", |row: &Self| row.outcome.clone()),
            ]
        }
    }
}
