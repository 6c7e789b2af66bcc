//! Accounts.

use api::account::{AccountEventView, AccountSummary, AccountView, PartyNotice, RefusedRow, Suspension};

use super::{Column, Section, Tabular, or_none, word};
use crate::json;
use crate::times::{people, people_or_none, raw_or_none, spaced};

impl Tabular for AccountSummary {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("channel", "CHANNEL", |row: &Self| row.channel.to_string()),
                Column::text("location", "LOCATION", |row: &Self| or_none(row.location.as_ref())),
                Column::two(
                    "registered_at",
                    "REGISTERED",
                    |row: &Self| people(row.registered_at),
                    |row: &Self| row.registered_at.to_string(),
                ),
            ]
        }
    }
}

impl Tabular for AccountView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("name_masked", "NAME", |row: &Self| or_none(row.name_masked.as_ref())),
                Column::text("hkic_masked", "HKIC", |row: &Self| or_none(row.hkic_masked.as_ref())),
                Column::text("phone_masked", "PHONE", |row: &Self| or_none(row.phone_masked.as_ref())),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("device", "DEVICE", |row: &Self| or_none(row.device.as_ref())),
                Column::text("channel", "CHANNEL", |row: &Self| row.channel.to_string()).wide(),
                Column::text("location", "LOCATION", |row: &Self| or_none(row.location.as_ref())).wide(),
                Column::two(
                    "registered_at",
                    "REGISTERED",
                    |row: &Self| people(row.registered_at),
                    |row: &Self| row.registered_at.to_string(),
                ),
                Column::two(
                    "suspended_since",
                    "SUSPENDED SINCE",
                    |row: &Self| people_or_none(row.suspended.as_ref().map(|facts| facts.since)),
                    |row: &Self| raw_or_none(row.suspended.as_ref().map(|facts| facts.since)),
                )
                .wide(),
                Column::text("suspended_reason", "REASON", |row: &Self| {
                    row.suspended.as_ref().map(|facts| facts.reason.to_string()).unwrap_or_default()
                })
                .wide(),
                Column::text("suspended_by", "SUSPENDED BY", |row: &Self| {
                    row.suspended
                        .as_ref()
                        .map(|facts| facts.by.as_ref().map_or_else(|| "citizen".to_owned(), ToString::to_string))
                        .unwrap_or_default()
                })
                .wide(),
                Column::text("suspended_call", "CALL", |row: &Self| {
                    or_none(row.suspended.as_ref().and_then(|facts| facts.call.as_ref()))
                })
                .wide(),
                Column::number("version", "VERSION", |row: &Self| row.version.to_string(), |row: &Self| row.version.to_string())
                    .wide(),
            ]
        }
    }
}

impl Tabular for AccountEventView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::two("at", "AT", |row: &Self| people(row.at), |row: &Self| row.at.to_string()),
                Column::text("action", "ACTION", |row: &Self| row.action.clone()),
                Column::text("operator", "OPERATOR", |row: &Self| row.operator.clone()),
                Column::text("outcome", "OUTCOME", |row: &Self| row.outcome.clone()),
                Column::text("call", "CALL", |row: &Self| or_none(row.call.as_ref())),
                Column::text("facts", "FACTS", |row: &Self| json::to_line(&row.facts)).wide(),
            ]
        }
    }
}

impl Tabular for Suspension {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::two(
                    "already",
                    "NOTE",
                    |row: &Self| if row.already { "it was suspended before; nothing was changed" } else { "" }.to_owned(),
                    |row: &Self| row.already.to_string(),
                ),
                Column::text("call", "CALL", |row: &Self| row.call.map(|call| call.to_string()).unwrap_or_default()),
                Column::two(
                    "suspended_at",
                    "SUSPENDED",
                    |row: &Self| people(row.suspended_at),
                    |row: &Self| row.suspended_at.to_string(),
                ),
                Column::number(
                    "sessions",
                    "SESSIONS ENDED",
                    |row: &Self| spaced(row.ended.sessions),
                    |row: &Self| row.ended.sessions.to_string(),
                ),
                Column::number(
                    "tokens",
                    "TOKENS ENDED",
                    |row: &Self| spaced(row.ended.tokens),
                    |row: &Self| row.ended.tokens.to_string(),
                ),
                Column::number(
                    "requests",
                    "REQUESTS ENDED",
                    |row: &Self| spaced(row.ended.requests),
                    |row: &Self| row.ended.requests.to_string(),
                )
                .wide(),
                Column::number(
                    "certificates",
                    "CERTIFICATES HELD",
                    |row: &Self| spaced(row.ended.certificates),
                    |row: &Self| row.ended.certificates.to_string(),
                )
                .wide(),
                Column::number("took_ms", "TOOK MS", |row: &Self| row.took_ms.to_string(), |row: &Self| row.took_ms.to_string())
                    .wide(),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.relying_parties.is_empty() {
            sections.push(Section::of("Relying parties told", &self.relying_parties));
        }
        if !self.read_back.en.is_empty() {
            sections.push(Section::lines("Read back to the caller", [self.read_back.en.clone(), self.read_back.zh_hant.clone()]));
        }
        sections
    }
}

impl Tabular for PartyNotice {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("rp", "RELYING PARTY", |row: &Self| row.rp.to_string()),
                Column::text("status", "STATUS", |row: &Self| word(&row.status)),
            ]
        }
    }
}

impl Tabular for RefusedRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::number("line", "LINE", |row: &Self| row.line.to_string(), |row: &Self| row.line.to_string()),
                Column::text("code", "CODE", |row: &Self| row.code.clone()),
                Column::text("message", "WHY", |row: &Self| row.message.clone()),
            ]
        }
    }
}
