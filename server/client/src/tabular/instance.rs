//! The instance: its health, and one look at everything.

use api::instance::Check;

use super::{Column, Line, Tabular, Tone, or_none};

impl Tabular for Check {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "CHECK", |row: &Self| row.id.clone()),
                Column::two(
                    "ok",
                    "OK",
                    |row: &Self| if row.ok { "ok" } else { "NOT OK" }.to_owned(),
                    |row: &Self| row.ok.to_string(),
                ),
                Column::text("detail", "FOUND", |row: &Self| row.detail.clone()),
                Column::text("mend", "MEND", |row: &Self| or_none(row.mend.as_ref())),
            ]
        }
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let (tone, word) = if self.ok { (Tone::Good, "ok      ") } else { (Tone::Bad, "NOT OK  ") };
        let mut lines = vec![Line::new(tone, format!("{word}{:<16} {}", self.id, self.detail))];
        if let Some(mend) = &self.mend {
            lines.push(Line::new(Tone::Plain, format!("        {:<16} -> {mend}", "")));
        }
        Some(lines)
    }
}
