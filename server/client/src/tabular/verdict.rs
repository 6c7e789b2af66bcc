//! What the offline verifier says of an audit log.

use pki::audit_log::Verdict;

use super::{Column, Line, Tabular, Tone};
use crate::times::spaced;

impl Tabular for Verdict {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::two(
                    "ok",
                    "OK",
                    |row: &Self| if row.ok { "ok" } else { "NOT OK" }.to_owned(),
                    |row: &Self| row.ok.to_string(),
                ),
                Column::number("entries", "ENTRIES", |row: &Self| spaced(row.entries), |row: &Self| row.entries.to_string()),
                Column::number(
                    "checkpoints",
                    "CHECKPOINTS",
                    |row: &Self| spaced(row.checkpoints),
                    |row: &Self| row.checkpoints.to_string(),
                ),
                Column::number(
                    "tree_size",
                    "TREE SIZE",
                    |row: &Self| spaced(row.tree_size),
                    |row: &Self| row.tree_size.to_string(),
                ),
                Column::text("root", "ROOT", |row: &Self| row.root.clone()),
                Column::text("first_bad", "FIRST BAD", |row: &Self| {
                    row.first_bad.as_ref().map(|bad| format!("{}..{}: {}", bad.from, bad.to, bad.reason)).unwrap_or_default()
                }),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let seen = format!(
            "{} entries, {} checkpoints, tree of {}",
            spaced(self.entries),
            spaced(self.checkpoints),
            spaced(self.tree_size)
        );
        let mut lines = Vec::new();
        match &self.first_bad {
            Some(bad) => {
                let place =
                    if bad.from == bad.to { format!("leaf {}", bad.from) } else { format!("leaves {} to {}", bad.from, bad.to) };
                lines.push(Line::new(Tone::Bad, format!("NOT OK  {place}: {}", bad.reason)));
                lines.push(Line::new(Tone::Plain, format!("        {seen}")));
            }
            None if self.ok => lines.push(Line::new(Tone::Good, format!("ok      {seen}"))),
            None => lines.push(Line::new(Tone::Bad, format!("NOT OK  {seen}"))),
        }
        lines.push(Line::new(Tone::Plain, format!("root    {}", self.root)));
        Some(lines)
    }
}
