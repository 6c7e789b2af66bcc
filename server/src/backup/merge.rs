//! What a database that lost its end learns from the revocation lists that were published before: whatever they name is revoked
//! here, too, and the numbers of the next lists lie above everything that anybody may have seen.

use std::collections::BTreeSet;

use anyhow::ensure;
use domain::{CertificateStanding, CertificateState, Holder, HolderKind, Revocation, Serial, Timestamp};
use pki::crl::Revoked;
use pki::profile::{self, Profile};
use pki::{AuthorityName, AuthorityPurpose, Certificate};

use super::evidence::{Here, Shown, ShownList, is_root};
use crate::app::App;
use crate::certificate::publish;
use crate::store::{CertificateRow, RevocationListRow, Write};

/// How far numbers of lists jump ahead of the highest that is known: what was published after the newest evidence has a number
/// as well. A list a minute for almost two years.
pub const MARGIN: u64 = 1_000_000;

/// What was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Certificates that are revoked now.
    pub revoked: u64,
    /// Certificates that are on hold now.
    pub on_hold: u64,
    /// Of both, those that this database had no record of.
    pub unknown: u64,
    /// Accounts with a certificate that a list names: what else happened to them is not known here.
    pub accounts: Vec<String>,
    /// Numbers of the lists that were published.
    pub numbers: Vec<(String, u64)>,
    /// Roots that have a newer list now and need more: they sign with a key that is not here.
    pub roots: Vec<String>,
}

/// Revokes and puts on hold whatever the shown lists name and this database does not.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn merge(tx: &mut Write, here: &Here, shown: &Shown, now: Timestamp) -> anyhow::Result<Merged> {
    let mut merged = Merged::default();
    let mut accounts = BTreeSet::new();
    for list in &shown.lists {
        let ends = here.authorities.iter().find(|(row, _)| row.kid == list.authority).map(|(_, certificate)| certificate);
        for entry in &list.missing {
            let listed = Revocation { at: entry.at, reason: entry.reason };
            let row = match tx.certificate_locked(&entry.serial.parse()?).await? {
                Some(row) => row,
                None => {
                    merged.unknown += 1;
                    let row = unknown(list, entry, ends, now)?;
                    tx.insert_certificate(&row).await?;
                    row
                }
            };
            let Some(standing) = row.standing()?.listed(listed) else { continue };
            tx.put_standing(&row, standing).await?;
            match standing {
                CertificateStanding::OnHold { .. } => merged.on_hold += 1,
                _ => merged.revoked += 1,
            }
            if row.holder_kind == HolderKind::Account.as_str() {
                accounts.insert(row.holder.clone());
            }
        }
        if is_root(&list.authority) && here.lists.get(&list.authority).is_none_or(|number| *number < list.list.number()) {
            // Its key is not here: what it has signed counts again, and the next goes on from its number.
            tx.insert_revocation_list(&row_of(list)?).await?;
            merged.roots.push(list.authority.clone());
        }
    }
    merged.accounts = accounts.into_iter().collect();
    Ok(merged)
}

/// A certificate of ours of which nothing is left but that it is not good. It stays on the lists until its authority ends.
fn unknown(list: &ShownList, entry: &Revoked, issuer: Option<&Certificate>, now: Timestamp) -> anyhow::Result<CertificateRow> {
    let serial: Serial = entry.serial.parse()?;
    let name: AuthorityName = list.authority.parse()?;
    Ok(CertificateRow {
        serial: serial.to_string(),
        issuer: list.authority.clone(),
        profile: leaf(name.purpose).name.to_owned(),
        subject: "lost".to_owned(),
        holder_kind: HolderKind::Key.to_string(),
        holder: Holder::Key(list.authority.parse()?).to_string(),
        state: CertificateState::Planned.to_string(),
        version: 1,
        planned_at: now.micros(),
        not_before: entry.at.micros(),
        not_after: issuer.map_or(now, |issuer| issuer.view().not_after).micros(),
        signed_digest: None,
        key_id: None,
        fingerprint: None,
        der: None,
        revoked_at: None,
        revoked_reason: None,
    })
}

/// What an authority issues.
fn leaf(purpose: AuthorityPurpose) -> &'static Profile {
    match purpose {
        AuthorityPurpose::Root => &profile::ISSUING_CA,
        AuthorityPurpose::Operators => &profile::OPERATOR,
        AuthorityPurpose::Servers => &profile::SERVER,
        AuthorityPurpose::RelyingParties => &profile::RELYING_PARTY,
        AuthorityPurpose::Citizens => &profile::CITIZEN_SIGNING,
        AuthorityPurpose::TimeStamping => &profile::TIME_STAMPING,
    }
}

fn row_of(shown: &ShownList) -> anyhow::Result<RevocationListRow> {
    Ok(RevocationListRow {
        issuer: shown.authority.clone(),
        number: i64::try_from(shown.list.number())?,
        this_update: shown.list.this_update().micros(),
        next_update: shown.list.next_update().micros(),
        entries: i64::try_from(shown.list.len())?,
        der: shown.list.der().to_vec(),
    })
}

/// Publishes a list of each authority whose key is here, under a number that nobody has seen.
///
/// # Errors
/// When a key does not answer.
pub(super) async fn publish(app: &App, here: &Here, shown: &Shown) -> anyhow::Result<Vec<(String, u64)>> {
    let now = app.clock.now();
    let seen = shown.high_water()?.with(&here.high_water());
    let mut numbers = Vec::new();
    for (row, certificate) in here.authorities.iter().filter(|(row, _)| !is_root(&row.kid)) {
        if certificate.is_valid_at(now) {
            let number = seen.lists.get(&row.kid).copied().unwrap_or_default() + MARGIN;
            let published = publish::publish(app, row, i64::try_from(number)?, now).await?;
            ensure!(published, "another node publishes the lists of {} at this moment; stop it, and run this again", row.kid);
            numbers.push((row.kid.clone(), number));
        }
    }
    Ok(numbers)
}
