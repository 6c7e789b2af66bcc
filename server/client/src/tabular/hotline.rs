//! The hotline.

use api::hotline::{CallClosed, CallOpened, FoundAccount};

use super::{Column, Tabular, joined, or_none};
use crate::times::people;

impl Tabular for CallOpened {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("call", "CALL", |row: &Self| row.call.to_string()),
                Column::text("spoken", "READ ALOUD", |row: &Self| row.call.spoken()),
                Column::two("opened_at", "OPENED", |row: &Self| people(row.opened_at), |row: &Self| row.opened_at.to_string()),
            ]
        }
    }
}

impl Tabular for FoundAccount {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("name_masked", "NAME", |row: &Self| or_none(row.name_masked.as_ref())),
                Column::text("hkic_masked", "HKIC", |row: &Self| or_none(row.hkic_masked.as_ref())),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.to_string()),
                Column::text("device", "DEVICE", |row: &Self| or_none(row.device.as_ref())),
            ]
        }
    }
}

impl Tabular for CallClosed {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("call", "CALL", |row: &Self| row.call.to_string()),
                Column::two("opened_at", "OPENED", |row: &Self| people(row.opened_at), |row: &Self| row.opened_at.to_string()),
                Column::two("closed_at", "CLOSED", |row: &Self| people(row.closed_at), |row: &Self| row.closed_at.to_string()),
                Column::text("suspended", "SUSPENDED", |row: &Self| joined(&row.suspended)),
            ]
        }
    }
}
