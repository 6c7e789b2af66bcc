//! What the root has signed is taken in: looked at as though a stranger had brought it, and then in one transaction.

use anyhow::{Context, ensure};
use domain::{Holder, KeyGeneration, KeyPurpose, KeyState, RevocationReason, Timestamp};
use pki::{Authority, AuthorityName, Certificate, RevocationList, lint};
use serde_json::json;

use super::papers::{Answer, Certified, RevokedAuthority, decoded};
use super::request::root_row;
use crate::app::App;
use crate::credential::issued::revoke_with_certificate;
use crate::failure::Failure;
use crate::key::revoke::settle;
use crate::operator::last::last_administrators;
use crate::store::{CertificateFilter, CertificateRow, Housekeeping, KeyRow, RevocationListRow, UntoldRow, Write};

/// What was taken in.
#[derive(Debug, Default)]
pub struct Installed {
    /// Authorities that have their certificate now: NAME and its last moment.
    pub certified: Vec<(String, Timestamp)>,
    /// Authorities that are revoked now, and how many certificates with them.
    pub revoked: Vec<(String, u64)>,
    /// The lists: the first number and the last one, and until when there is one for each day.
    pub lists: Option<(u64, u64, Timestamp)>,
}

/// Takes an answer in. The same one again changes nothing and is refused.
///
/// # Errors
/// One line that says what is wrong with it; nothing was changed then.
pub async fn install(app: &App, answer: &Answer) -> anyhow::Result<Installed> {
    ensure!(
        answer.instance == app.instance && answer.environment == app.environment,
        "the answer is for the {} instance {}, and this is {} {}; nothing was changed",
        answer.environment,
        answer.instance,
        app.environment,
        app.instance
    );
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let root = root_row(&mut tx).await?;
    let root_certificate = Certificate::from_der(root.certificate.as_deref().unwrap_or_default())?;
    let mut installed = Installed::default();
    for certified in &answer.certificates {
        let ends = take_certificate(app, &mut tx, &root_certificate, certified, now).await?;
        installed.certified.push((certified.name.clone(), ends));
    }
    let mut lists = Vec::with_capacity(answer.lists.len());
    for list in &answer.lists {
        lists.push(RevocationList::from_der(&decoded(list, "a list")?)?);
    }
    for revoked in &answer.revoked {
        let on_all = lists.iter().all(|list| list.entries().any(|entry| entry.serial == revoked.entry.serial));
        ensure!(on_all && !lists.is_empty(), "{} is revoked and its lists do not say so; nothing was changed", revoked.name);
        let certificates = revoke(app, &mut tx, &root.kid, revoked, now).await.map_err(told)?;
        installed.revoked.push((revoked.name.clone(), certificates));
    }
    if !lists.is_empty() {
        installed.lists = Some(take_lists(&mut tx, &root.kid, &root_certificate, &lists).await?);
    }
    let names: Vec<&String> = installed.certified.iter().map(|(name, _)| name).collect();
    let facts = json!({
        "certified": names,
        "revoked": answer.revoked.iter().map(|one| json!({ "name": one.name, "serial": one.entry.serial, "reason": one.entry.reason })).collect::<Vec<_>>(),
        "certificates_revoked": installed.revoked.iter().map(|(_, count)| count).sum::<u64>(),
        "lists": installed.lists.map(|(first, last, _)| [first, last]),
    });
    tx.commit_housekeeping(Housekeeping::Step { action: "ca.install", subject: root.kid, facts }).await?;
    app.wake.revocations.notify_one();
    app.wake.keys.notify_one();
    Ok(installed)
}

/// Gives a key that waits its certificate.
async fn take_certificate(
    app: &App,
    tx: &mut Write,
    root: &Certificate,
    certified: &Certified,
    now: Timestamp,
) -> anyhow::Result<Timestamp> {
    let name: AuthorityName = certified.name.parse()?;
    let row = tx.key(&certified.name.parse()?).await?;
    let waits = |row: &KeyRow| {
        row.purpose == KeyPurpose::IssuingCa.as_str() && row.state == KeyState::Published.as_str() && row.certificate.is_none()
    };
    let row = row.filter(waits).with_context(|| format!("no key of {name} waits for a certificate; nothing was changed"))?;
    let certificate = Certificate::from_pem(certified.certificate.as_bytes())?;
    let profile = name.purpose.profile();
    ensure!(
        certificate.is_signed_by(root)? && certificate.is_valid_at(now),
        "the certificate of {name} is not one of this instance's root, or not good at {}; nothing was changed",
        now.people()
    );
    let findings = lint::lint(certificate.der(), Some(root.der()), profile);
    ensure!(findings.is_empty(), "the certificate of {name} breaks a rule: {findings:?}; nothing was changed");
    // Instance, subject and key.
    Authority::load(app.keys.instance(), name, certificate.clone(), app.keys.signer(&row)?)?;
    tx.put_key_certificate(&row, certificate.der()).await?;
    let holder = Holder::Key(row.kid.parse()?);
    tx.insert_certificate(&CertificateRow::made(&certificate, profile, &holder, now)?).await?;
    Ok(certificate.view().not_after)
}

/// Lists that follow on those that are there, and take none of what they say back.
async fn take_lists(
    tx: &mut Write,
    issuer: &str,
    root: &Certificate,
    lists: &[RevocationList],
) -> anyhow::Result<(u64, u64, Timestamp)> {
    let heads = tx.revocation_heads().await?;
    let mut last = heads.iter().find(|head| head.issuer == issuer).map_or(0, |head| head.number);
    let known = tx.revoked_by(issuer, Timestamp::from_micros(0)).await?;
    let first = last + 1;
    for list in lists {
        let number = i64::try_from(list.number())?;
        ensure!(
            number > last,
            "list {number} of {issuer} is not above {last}, the highest that there is: this answer was taken in before, or is for an older request; nothing was changed"
        );
        ensure!(list.is_signed_by(root)?, "list {number} is not signed by {issuer}; nothing was changed");
        let forgets = known.iter().find(|row| !list.entries().any(|entry| entry.serial == row.serial));
        if let Some(row) = forgets {
            anyhow::bail!("list {number} of {issuer} leaves {} out, which is revoked; nothing was changed", row.serial);
        }
        let (this_update, next_update) = (list.this_update().micros(), list.next_update().micros());
        let entries = i64::try_from(list.len())?;
        let der = list.der().to_vec();
        tx.insert_revocation_list(&RevocationListRow {
            issuer: issuer.to_owned(),
            number,
            this_update,
            next_update,
            entries,
            der,
        })
        .await?;
        last = number;
    }
    let until = lists.last().map_or(Timestamp::from_micros(0), super::stock::covered_until);
    // The old stock has lower numbers: for each day to come there is a new list above it.
    tx.forget_revocation_lists(issuer, first).await?;
    Ok((u64::try_from(first)?, u64::try_from(last)?, until))
}

/// Refuses an authority from now on, with all that it has issued; gives how many certificates that were.
async fn revoke(app: &App, tx: &mut Write, root: &str, revoked: &RevokedAuthority, now: Timestamp) -> Result<u64, Failure> {
    let kid = revoked.name.parse().map_err(anyhow::Error::from)?;
    let row = tx.key(&kid).await?.filter(|row| row.purpose == KeyPurpose::IssuingCa.as_str());
    let row = row.ok_or_else(|| anyhow::anyhow!("there is no authority {}", domain::visible(&revoked.name)))?;
    let serial = revoked.entry.serial.parse().map_err(anyhow::Error::from)?;
    let own = tx.certificate_locked(&serial).await?.filter(|own| own.holder == row.kid && own.issuer == root);
    let own = own.ok_or_else(|| anyhow::anyhow!("{serial} is not the certificate of {}; nothing was changed", revoked.name))?;
    let reason = revoked.entry.reason;
    let generation = row.generation()?;
    if row.name == crate::keys::OPERATORS {
        somebody_stays(tx, &row.kid, now).await?;
    }
    tx.put_key(&row.with(&generation.revoke(reason, now)?)).await?;
    tx.put_standing(&own, own.standing()?.revoke(reason, own.not_after(), now)?).await?;
    // The root's lists came with it.
    let told = UntoldRow { serial: own.serial.clone(), version: own.version + 1, issuer: own.issuer.clone(), at: now.micros() };
    tx.delete_untold(&told).await?;
    let because = match reason {
        RevocationReason::KeyCompromise => RevocationReason::CaCompromise,
        other => other,
    };
    if row.name == crate::keys::RELYING_PARTIES {
        let filter = CertificateFilter { issuer: Some(row.kid.clone()), ..CertificateFilter::default() };
        for certificate in tx.certificates(&filter, now, None, i64::MAX).await? {
            revoke_with_certificate(tx, &certificate.serial()?, because, now).await?;
        }
    }
    let count = tx.revoke_all_of(&row.kid, because, now).await?;
    withdraw_keys(tx, &row.kid, because, now).await?;
    settle(tx, KeyPurpose::IssuingCa, now).await?;
    app.wake.outbox.notify_one();
    Ok(count)
}

/// Keys that only sign under a certificate of the revoked authority: its responders, and the time-stamping service. The listeners'
/// goes on: whoever mends this comes in by it.
async fn withdraw_keys(tx: &mut Write, authority: &str, reason: RevocationReason, now: Timestamp) -> Result<(), Failure> {
    for purpose in [KeyPurpose::Ocsp, KeyPurpose::TimeStamping] {
        for row in tx.keys(Some(purpose), None).await? {
            let certificate = row.certificate.as_deref().map(Certificate::from_der).transpose().map_err(anyhow::Error::from)?;
            let generation: KeyGeneration = row.generation()?;
            let live = matches!(generation.state, KeyState::Published | KeyState::Active | KeyState::Draining);
            if live && certificate.is_some_and(|certificate| certificate.view().issuer == authority) {
                tx.put_key(&row.with(&generation.revoke(reason, now)?)).await?;
            }
        }
        settle(tx, purpose, now).await?;
    }
    Ok(())
}

/// An instance that nobody can enter any more cannot be mended.
async fn somebody_stays(tx: &mut Write, authority: &str, now: Timestamp) -> Result<(), Failure> {
    tx.hold_administrators().await?;
    let goes = |certificate: &CertificateRow| certificate.issuer == authority;
    if last_administrators(tx, goes, now).await?.is_empty() {
        return Ok(());
    }
    Err(anyhow::anyhow!(
        "every administrator's certificate is of {authority}: revoked with it, nobody could come in. Rotate it first ('iamctl key rotate --purpose issuing-ca --line operators --activate now', 'iamd ca issue'), enrol an administrator again ('iamctl operator add', with the name and roles on record, and 'iamctl enrol'), then revoke it; nothing was changed"
    )
    .into())
}

fn told(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Internal(error) => error,
        other => anyhow::anyhow!("{}; nothing was changed", other.into_problem(None).message),
    }
}
