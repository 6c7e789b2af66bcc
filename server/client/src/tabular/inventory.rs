//! The inventory and the calendar.

use api::inventory::{CalendarEntry, InventoryItem};
use domain::Next;

use super::{Column, Tabular, or_none};
use crate::ics::Event;
use crate::times::{people, people_or_none, raw_or_none, spaced};

// A table shows what fits a terminal beside the longest id: what ends, when, and what is next.
impl Tabular for InventoryItem {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("id", "ID", |row: &Self| row.id.clone()),
                Column::text("kind", "KIND", |row: &Self| row.kind.to_string()).wide(),
                Column::text("direction", "DIRECTION", |row: &Self| row.direction.to_string()).wide(),
                Column::text("what", "WHAT", |row: &Self| row.what.clone()).wide(),
                Column::text("holder", "HOLDER", |row: &Self| row.holder.clone()).wide(),
                Column::text("state", "STATE", |row: &Self| row.state.clone()),
                Column::number(
                    "days_left",
                    "DAYS LEFT",
                    |row: &Self| or_none(row.days_left.as_ref()),
                    |row: &Self| or_none(row.days_left.as_ref()),
                ),
                Column::two("ends_at", "UNTIL", |row: &Self| people_or_none(row.ends_at), |row: &Self| raw_or_none(row.ends_at))
                    .wide(),
                Column::text("renewed", "RENEWED", |row: &Self| if row.renewed { "yes" } else { "no" }.to_owned()).wide(),
                Column::text("next", "NEXT", |row: &Self| or_none(row.next.map(|Next { step, .. }| step).as_ref())),
                Column::two(
                    "next_at",
                    "NEXT AT",
                    |row: &Self| people_or_none(row.next.map(|next| next.at)),
                    |row: &Self| raw_or_none(row.next.map(|next| next.at)),
                )
                .wide(),
                Column::text("depends", "DEPENDS ON IT", |row: &Self| row.depends.join("; ")).wide(),
                Column::text("how", "HOW", |row: &Self| or_none(row.how.as_ref())).wide(),
            ]
        }
    }
}

impl Tabular for CalendarEntry {
    const EVENT: Option<fn(&Self) -> Event> = Some(event);

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("day", "DAY", |row: &Self| row.day.to_string()),
                Column::text("kind", "KIND", |row: &Self| row.kind.to_string()).wide(),
                Column::text("title", "WHAT", |row: &Self| row.title.clone()),
                Column::text("how", "TO DO", |row: &Self| or_none(row.how.as_ref())).wide(),
                Column::two("at", "AT", |row: &Self| people(row.at), |row: &Self| row.at.to_string()).wide(),
                Column::text("subject", "SUBJECT", |row: &Self| row.subject.clone()).wide(),
                Column::text("holder", "HOLDER", |row: &Self| or_none(row.holder.as_ref())).wide(),
                Column::number("count", "COUNT", |row: &Self| spaced(row.count), |row: &Self| row.count.to_string()).wide(),
                Column::text("uid", "UID", |row: &Self| row.uid.clone()).wide(),
                Column::number(
                    "sequence",
                    "SEQUENCE",
                    |row: &Self| row.sequence.to_string(),
                    |row: &Self| row.sequence.to_string(),
                )
                .wide(),
            ]
        }
    }

    fn name(&self) -> String {
        self.uid.clone()
    }
}

fn event(entry: &CalendarEntry) -> Event {
    let moment = (entry.count == 1).then(|| format!("At {}.", people(entry.at)));
    let subject = format!("{}: {}", entry.kind, entry.subject);
    let how = entry.how.as_ref().map(|how| format!("To do: {how}."));
    let description: Vec<String> = moment.into_iter().chain([subject]).chain(how).collect();
    Event {
        uid: entry.uid.clone(),
        day: entry.day,
        noted_at: entry.noted_at,
        sequence: entry.sequence,
        summary: entry.title.clone(),
        description: description.join("\n"),
        category: entry.kind.to_string(),
    }
}
