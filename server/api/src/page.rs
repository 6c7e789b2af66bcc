//! Lists come in pages; the clients ask on until there is no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most rows a page holds; asking for more gives this many.
pub const MAX_LIMIT: u32 = 1_000;

/// One page of a list, by keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give this as `after` to go on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The part of a list operation that asks for a page. Flattened into it; the operation refuses unknown fields for both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageRequest {
    /// Go on after this row: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most this many rows, 1 to 1 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl PageRequest {
    /// Rows to give, within bounds.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::from(self.limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT))
    }
}
