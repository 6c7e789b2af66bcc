use api::Page;
use api::inventory::{CalendarEntry, ShowCalendar};
use domain::{CalendarKind, Day, ItemKind, Next, NextStep, PlanState, RotationPlan, Timestamp, spaced};

use super::gather::PLATFORM;
use super::{Inventory, Item, gather};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{EndingDayRow, RevocationHead};

/// Days of a calendar when no last day is given.
const A_YEAR: i32 = 365;
/// The most days a calendar has.
const MOST_DAYS: i32 = 3_660;
/// An authority signs a list twice a day by itself: one that is older than this is overdue.
const LIST_OVERDUE: std::time::Duration = std::time::Duration::from_hours(24);

/// What ends, what is to be done, and the steps of rotations, day by day. What should have been done before the first day and is
/// still open stands at its own day, before the others, where today is in the calendar.
pub async fn calendar(app: &App, _: &Caller, op: ShowCalendar) -> Result<Page<CalendarEntry>, Failure> {
    let now = app.clock.now();
    let today = now.hk_day();
    let from = op.from.unwrap_or(today);
    let to = op.to.unwrap_or_else(|| from.plus_days(A_YEAR));
    if to < from || to.number().saturating_sub(from.number()) >= MOST_DAYS {
        let message = format!("the last day is the first one or later, and a calendar has at most {MOST_DAYS} days");
        return Err(Failure::invalid_field("calendar.days", "to", message));
    }
    let mut read = app.store.read().await?;
    let inventory = gather(app, &mut read, now).await?;
    let citizens = read.citizens_ending(from.start(), to.end()).await?;
    drop(read);
    let writer = Writer { instance: &app.instance, now };
    let mut entries = writer.of_inventory(&inventory);
    entries.extend(citizens.iter().map(|row| writer.citizens(row)));
    let late = from <= today && today <= to;
    entries.retain(|entry| {
        let open = late && entry.day < from && is_to_do(entry.kind);
        (open || (from <= entry.day && entry.day <= to)) && op.kind.is_none_or(|kind| entry.kind == kind)
    });
    entries.sort_by(|a, b| (a.at, a.kind, &a.uid).cmp(&(b.at, b.kind, &b.uid)));
    let after = op.page.after.as_deref();
    let begin = after.map_or(0, |after| entries.iter().position(|entry| entry.uid == after).map_or(0, |at| at + 1));
    let limit = usize::try_from(op.page.limit()).unwrap_or(usize::MAX);
    let items: Vec<CalendarEntry> = entries.into_iter().skip(begin).take(limit).collect();
    let next = crate::page::next(&items, op.page.limit(), |entry| entry.uid.clone());
    Ok(Page { items, next })
}

/// Whether somebody has to do something, so that it stays open when its day has passed.
const fn is_to_do(kind: CalendarKind) -> bool {
    matches!(kind, CalendarKind::Renew | CalendarKind::Rotate | CalendarKind::Activate)
}

struct Writer<'a> {
    instance: &'a str,
    now: Timestamp,
}

impl Writer<'_> {
    fn of_inventory(&self, inventory: &Inventory) -> Vec<CalendarEntry> {
        let mut entries = Vec::new();
        for item in &inventory.items {
            entries.extend(self.end(item));
            entries.extend(item.next.and_then(|next| self.next(item, next)));
        }
        for plan in &inventory.plans {
            entries.extend(self.steps(plan));
        }
        let overdue = |list: &&RevocationHead| {
            !inventory.beforehand.contains(&list.issuer)
                && self.now.saturating_since(Timestamp::from_micros(list.this_update)) > LIST_OVERDUE
                && inventory.items.iter().any(|item| item.kind == ItemKind::Key && item.id == list.issuer)
        };
        entries.extend(inventory.lists.iter().filter(overdue).map(|list| self.overdue(list)));
        entries
    }

    fn entry(&self, kind: CalendarKind, subject: &str, at: Timestamp, title: String) -> CalendarEntry {
        CalendarEntry {
            uid: format!("{kind}.{subject}@{}", self.instance),
            day: at.hk_day(),
            at,
            kind,
            subject: subject.to_owned(),
            holder: None,
            count: 1,
            title,
            how: None,
            noted_at: at,
            sequence: 0,
        }
    }

    fn about(&self, item: &Item, kind: CalendarKind, at: Timestamp, title: String) -> CalendarEntry {
        CalendarEntry {
            holder: Some(item.holder.clone()).filter(|holder| holder != PLATFORM),
            noted_at: item.noted_at,
            sequence: u32::try_from(item.version).unwrap_or(u32::MAX),
            ..self.entry(kind, &item.id, at, title)
        }
    }

    /// The day on which something ends. A generation ends with its certificate, which has the entry.
    fn end(&self, item: &Item) -> Option<CalendarEntry> {
        let at = item.ends_at.filter(|_| item.kind != ItemKind::Key)?;
        let kind = if item.kind == ItemKind::Lists { CalendarKind::ListsRunOut } else { CalendarKind::Ends };
        let mut title = match item.kind {
            ItemKind::Lists => format!("revocation lists of {} that were signed beforehand run out", item.holder_or_id()),
            ItemKind::PartyCertificate | ItemKind::PartyKey => format!("{} of {} ends", item.what, item.holder),
            _ => format!("certificate of {} ends ({})", item.holder, item.what),
        };
        if item.renewed {
            title.push_str("; another one is in its place");
        }
        let how = item.how.clone().filter(|_| !item.renewed);
        Some(CalendarEntry { how, ..self.about(item, kind, at, title) })
    }

    /// The day from which on something is to be done about it. The steps of rotations are told by their plans.
    fn next(&self, item: &Item, next: Next) -> Option<CalendarEntry> {
        let what = format!("{} ({})", item.holder, item.what);
        let (kind, title) = match (item.kind, next.step) {
            (ItemKind::Key, NextStep::Rotate) => (CalendarKind::Rotate, format!("rotation of {} is due", item.what)),
            (ItemKind::Key, NextStep::RenewsItself) => {
                (CalendarKind::Rotate, format!("{} is followed by another one, by itself", item.what))
            }
            (ItemKind::Key, NextStep::Activate) if item.how.is_none() => {
                (CalendarKind::Activate, format!("{} takes over", item.what))
            }
            (ItemKind::Key, NextStep::Retire) if item.how.is_none() => {
                (CalendarKind::Retire, format!("{} leaves use", item.what))
            }
            (ItemKind::Lists, NextStep::SignLists) => {
                (CalendarKind::Renew, format!("sign revocation lists of {} for the days to come", item.id))
            }
            (ItemKind::Certificate, NextStep::Renew) => (CalendarKind::Renew, format!("renew the certificate of {what}")),
            (ItemKind::PartyCertificate | ItemKind::PartyKey, NextStep::AskParty) => {
                (CalendarKind::Renew, format!("ask for another credential: {what}"))
            }
            _ => return None,
        };
        Some(CalendarEntry { how: item.how.clone(), ..self.about(item, kind, next.at, title) })
    }

    /// The dated steps of a rotation that are still to come.
    fn steps(&self, plan: &RotationPlan) -> Vec<CalendarEntry> {
        let line = format!("{} {}", plan.purpose, plan.name);
        let step = |kind, at, title, how: Option<&str>| CalendarEntry {
            how: how.map(|how| format!("'iamctl key {how} {}'", plan.id)),
            noted_at: plan.created_at,
            sequence: u32::try_from(plan.version).unwrap_or(u32::MAX),
            ..self.entry(kind, &plan.id.to_string(), at, title)
        };
        if plan.state == PlanState::Planned {
            let title = format!("the rotation of {line} that was planned lapses unless it is run");
            return vec![step(CalendarKind::Lapse, plan.lapses_at(), title, Some("rotate --plan"))];
        }
        let [.., activate, _, retire] = plan.steps(self.now);
        let stands = matches!(plan.state, PlanState::Paused | PlanState::Held);
        let waits = if stands { format!("; the rotation is {}", plan.state) } else { String::new() };
        let mut steps = Vec::new();
        if plan.activated_at.is_none() {
            // It tells who is ready, and what a rotation that stands waits for.
            steps.push(step(CalendarKind::Activate, activate.at, format!("new keys of {line} take over{waits}"), Some("plan")));
        }
        let how = stands.then_some("plan");
        steps.push(step(CalendarKind::Retire, retire.at, format!("old keys of {line} leave use{waits}"), how));
        steps
    }

    /// An authority's newest list that should have been followed.
    fn overdue(&self, list: &RevocationHead) -> CalendarEntry {
        let signed = Timestamp::from_micros(list.this_update);
        let title = format!("the revocation list of {} ends, and none was signed since {}", list.issuer, signed.people());
        CalendarEntry {
            how: Some("'iamctl doctor' tells what is in the way".to_owned()),
            noted_at: signed,
            sequence: u32::try_from(list.number).unwrap_or(u32::MAX),
            ..self.entry(CalendarKind::ListOverdue, &list.issuer, Timestamp::from_micros(list.next_update), title)
        }
    }

    /// Citizens are told by their own app; the office sees how many.
    fn citizens(&self, row: &EndingDayRow) -> CalendarEntry {
        let day = Day::from_number(i32::try_from(row.day).unwrap_or(i32::MAX));
        let count = u64::try_from(row.count).unwrap_or(0);
        let title = format!("{} signing certificates of citizens end", spaced(count));
        CalendarEntry { count, noted_at: self.now, ..self.entry(CalendarKind::CitizensEnd, &day.to_string(), day.start(), title) }
    }
}

impl Item {
    fn holder_or_id(&self) -> &str {
        if self.holder == PLATFORM { &self.id } else { &self.holder }
    }
}
