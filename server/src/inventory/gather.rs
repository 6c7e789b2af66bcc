//! The inventory as it stands now, out of one snapshot.

use std::collections::HashMap;
use std::time::Duration;

use domain::{
    CertificateState, Direction, HolderKind, ItemKind, Next, NextStep, RelyingPartyId, RotationPlan, Timestamp, days_left,
    lists_end, next_of_certificate, next_of_lists,
};

use super::keys::{Held, held_keys};
use super::{parties, words};
use crate::app::App;
use crate::failure::Failure;
use crate::operator::again::invite_again;
use crate::store::{HeldCertificateRow, KeyRow, OperatorRow, PlanRow, Read, RevocationHead, StoreError};

/// What has ended stays in the inventory for so long: somebody may still be looking for the cause.
const SHOWN_AFTER: Duration = Duration::from_hours(30 * 24);
/// What is made by itself is late when it has not come by then.
const LATE: Duration = Duration::from_hours(24);
/// Operators that are read at a time.
const OPERATORS: i64 = 1_000;

/// Whose the keys of the platform are.
pub(super) const PLATFORM: &str = "platform";

/// A thing with everything that the list, the calendar and the alarms want to know.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its id.
    pub id: String,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Who makes and exchanges it.
    pub direction: Direction,
    /// What it is for.
    pub what: String,
    /// Whose it is.
    pub holder: String,
    /// The relying party whose it is, which is told when it runs out.
    pub party: Option<RelyingPartyId>,
    /// How it stands.
    pub state: String,
    /// Last moment.
    pub ends_at: Option<Timestamp>,
    /// Whether another one is there in its place.
    pub renewed: bool,
    /// Whether something stops when it ends: then alarms sound.
    pub counts: bool,
    /// What depends on it.
    pub depends: Vec<String>,
    /// What is next.
    pub next: Option<Next>,
    /// What to do about that.
    pub how: Option<String>,
    /// When it was recorded.
    pub noted_at: Timestamp,
    /// Counts up with its changes.
    pub version: i64,
}

impl Item {
    /// Whole days until it ends.
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        self.ends_at.map(|end| days_left(end, now))
    }
}

/// The inventory, and the rotations that are not over.
pub(crate) struct Inventory {
    /// Every thing, the one that ends first at the top, what has no end behind it.
    pub items: Vec<Item>,
    /// Open rotations.
    pub plans: Vec<RotationPlan>,
    /// What the newest list of each authority says of itself.
    pub lists: Vec<RevocationHead>,
    /// Authorities whose lists are signed beforehand.
    pub beforehand: Vec<String>,
}

/// Gathers everything but citizens' certificates.
pub(crate) async fn gather(app: &App, read: &mut Read, now: Timestamp) -> Result<Inventory, Failure> {
    let rows = read.live_keys().await?;
    let plans = read.open_plans().await?.iter().map(PlanRow::plan).collect::<Result<Vec<_>, _>>()?;
    let lists = read.revocation_heads().await?;
    let operators = operators(read).await?;
    let keys = held_keys(app, &rows, &plans)?;
    let mut items: Vec<Item> = keys.iter().map(Held::item).collect();
    for row in read.certificates_held(now.minus(SHOWN_AFTER)).await? {
        items.push(certificate(&row, &keys, &operators, now)?);
    }
    items.extend(parties::credentials(read, now).await?);
    items.extend(parties::copies(read, &rows, now).await?);
    let beforehand = roots(&rows);
    items.extend(lists.iter().filter(|head| beforehand.contains(&head.issuer)).map(stock));
    items.sort_by(|a, b| (a.ends_at.is_none(), a.ends_at, a.kind, &a.id).cmp(&(b.ends_at.is_none(), b.ends_at, b.kind, &b.id)));
    Ok(Inventory { items, plans, lists, beforehand })
}

/// A certificate that this platform issued.
fn certificate(
    row: &HeldCertificateRow,
    keys: &[Held<'_>],
    operators: &HashMap<String, OperatorRow>,
    now: Timestamp,
) -> Result<Item, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("certificate {} has a bad {what}", row.serial));
    let stored: CertificateState = row.state.parse().map_err(|_| broken("state"))?;
    let kind: HolderKind = row.holder_kind.parse().map_err(|_| broken("holder"))?;
    let ends_at = Timestamp::from_micros(row.not_after);
    let state = if ends_at < now { CertificateState::Expired } else { stored };
    let mut item = Item {
        id: row.serial.clone(),
        kind: ItemKind::Certificate,
        direction: Direction::Ours,
        what: row.profile.clone(),
        holder: row.holder.clone(),
        party: None,
        state: state.to_string(),
        ends_at: Some(ends_at),
        renewed: row.followed,
        counts: stored == CertificateState::Valid && !row.followed,
        depends: Vec::new(),
        next: next_of_certificate(state, Timestamp::from_micros(row.not_before), ends_at, row.followed),
        how: None,
        noted_at: Timestamp::from_micros(row.planned_at),
        version: row.version,
    };
    match kind {
        HolderKind::Key => {
            // The generation has one certificate at a time; those before it are only still good.
            let of = keys.iter().find(|key| key.is_certified_by(&row.serial));
            item.renewed = !of.is_some_and(Held::is_active);
            item.counts = !item.renewed;
            item.depends = of.map(Held::depends).unwrap_or_default();
            let ends = Some(Next { step: NextStep::LetEnd, at: ends_at }).filter(|_| state == CertificateState::Valid);
            item.next = of.filter(|_| !item.renewed).map_or(ends, |key| key.next);
            item.how = of.filter(|_| !item.renewed).and_then(Held::how);
            // What is followed by itself is no matter for anybody, unless it is late.
            let waits = |next: Next| next.step == NextStep::RenewsItself && now < next.at.plus(LATE);
            item.counts &= !item.next.is_some_and(waits);
        }
        HolderKind::Operator => {
            let operator = operators.get(&row.holder).ok_or_else(|| broken("holder"))?;
            item.counts &= operator.state != "disabled";
            item.depends = vec![format!("operator {} comes in with it", operator.id)];
            let again = invite_again(operator)?;
            item.how = words::to_do(&item.next, || format!("{again} makes a new code, then 'iamctl enrol'"));
        }
        HolderKind::RelyingParty => {
            item.party = Some(row.holder.parse().map_err(|_| broken("holder"))?);
            item.depends = vec![format!("relying party {} authenticates and signs requests with it", row.holder)];
            item.how = words::to_do(&item.next, || format!("'iamctl cert renew {}', with --csr FILE for a new key", row.serial));
        }
        HolderKind::Station => {
            item.depends = vec![format!("people register at the station {} as long as it has one", row.holder)];
            item.how = words::to_do(&item.next, || {
                format!("'iamctl registration station add {}' again, with the request of a new key", row.holder)
            });
        }
        HolderKind::Account => return Err(broken("holder")),
    }
    Ok(item)
}

/// The lists that were signed beforehand, as one thing that runs out.
fn stock(head: &RevocationHead) -> Item {
    let last = Timestamp::from_micros(head.this_update);
    Item {
        id: head.issuer.clone(),
        kind: ItemKind::Lists,
        direction: Direction::Ours,
        what: format!("lists up to number {}", head.number),
        holder: PLATFORM.to_owned(),
        party: None,
        state: "signed".to_owned(),
        ends_at: Some(lists_end(last)),
        renewed: false,
        counts: true,
        depends: vec![format!("whoever checks certificates that {} issued", head.issuer)],
        next: Some(next_of_lists(last)),
        how: Some(words::SIGN_LISTS.to_owned()),
        noted_at: last,
        version: head.number,
    }
}

fn roots(rows: &[KeyRow]) -> Vec<String> {
    let root = domain::KeyPurpose::RootCa.as_str();
    rows.iter().filter(|row| row.purpose == root).map(|row| row.kid.clone()).collect()
}

async fn operators(read: &mut Read) -> Result<HashMap<String, OperatorRow>, Failure> {
    let mut operators = HashMap::new();
    let mut after = String::new();
    loop {
        let rows = read.operators(&after, OPERATORS).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.id);
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= OPERATORS);
        operators.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        if !full {
            break;
        }
    }
    Ok(operators)
}
