//! The transaction in which a registration is completed: the account comes into being, or comes back, and its device is bound.

use std::sync::Arc;

use api::account::Ended;
use api::app::registration::Bound;
use api::audit::AuditOutcome;
use domain::account::ReRegistration;
use domain::registering::{events_of, kind_of};
use domain::{
    Account, AccountId, DeviceKey, Holder, Outcome, Profile, Progress, Refusal, RegistrationId, RegistrationKind, RequestId,
    Tier, Timestamp,
};
use pki::CsrRequest;
use serde_json::json;
use uuid::Uuid;

use super::certificates::{certificate_of, issue_certificate, settle};
use crate::account::seal::{Foreseen, NextIndexes, Sealer, reseal};
use crate::app::App;
use crate::certificate::request::{check_key_is_free, key_id};
use crate::failure::Failure;
use crate::keys::Unlocked;
use crate::request::record_ended;
use crate::store::{
    AccountEvent, Batch, EndReason, Left, NewAccount, Person, PublicActor, PublicUse, StoreError, StoredAccount,
    StoredRegistration, Write,
};

/// How often it is tried again because a fresh reference was taken.
const TRIES: u32 = 4;

/// The key that a phone binds: it has signed the request.
#[derive(Debug, Clone)]
pub struct Device {
    /// RFC 7638 thumbprint.
    pub thumbprint: String,
    /// Its public half, a JWK in JSON.
    pub public_key: String,
}

/// What a registration is completed with.
pub(super) struct Completion<'a> {
    pub(super) id: RegistrationId,
    /// The person, where they were found valid just now; otherwise they are in the row.
    pub(super) profile: Option<Profile>,
    pub(super) device: &'a Device,
    pub(super) name: &'a str,
    pub(super) csr: Option<&'a CsrRequest>,
    pub(super) request: RequestId,
}

/// What came of it.
pub(super) struct Completed {
    pub(super) bound: Bound,
    pub(super) until: Timestamp,
}

/// Completes a registration, and issues the signing certificate of one that can sign.
///
/// # Errors
/// `registration.state`, `registration.device-key`, `registration.csr`, and by the rules of accounts and certificates; then nothing was
/// changed, unless it is `registration.certificate-outstanding`.
pub(super) async fn complete(app: &App, completion: &Completion<'_>) -> Result<Completed, Failure> {
    let mut tries = 0;
    let (row, account, until) = loop {
        tries += 1;
        match once(app, completion).await {
            Err(Failure::Conflict(refusal)) if refusal.code == "store.unique" && tries < TRIES => {}
            done => break done?,
        }
    };
    app.wake.sealer.notify_one();
    app.wake.folder.notify_one();
    app.wake.revocations.notify_one();
    let certificate = match completion.csr {
        Some(csr) if row.tier == Tier::IamSmartPlus => Some(issue_certificate(app, account.id, csr).await?),
        _ => None,
    };
    let bound = bound(app, &account, &completion.device.thumbprint, certificate).await?;
    Ok(Completed { bound, until })
}

/// The same device asks again: its answer may not have reached it. A certificate that did not come about comes now.
///
/// # Errors
/// As [`complete`].
pub(super) async fn told_again(app: &App, row: &StoredRegistration, csr: Option<&CsrRequest>) -> Result<Bound, Failure> {
    let gone = || anyhow::anyhow!("registration {} has no account", row.id);
    let mut tx = app.store.write().await?;
    let stored = tx.account_of_id_locked(row.account.ok_or_else(gone)?).await?.ok_or_else(gone)?;
    tx.rollback().await?;
    let account = stored.account;
    let certificate = match csr {
        Some(csr) if row.tier == Tier::IamSmartPlus => match certificate_of(app, account.id, csr).await? {
            Some(there) => Some(there),
            None => Some(issue_certificate(app, account.id, csr).await?),
        },
        _ => None,
    };
    bound(app, &account, row.device.as_deref().unwrap_or_default(), certificate).await
}

async fn bound(app: &App, account: &Account, device: &str, certificate: Option<pki::Certificate>) -> Result<Bound, Failure> {
    let (certificate, chain) = match certificate {
        None => (None, Vec::new()),
        Some(certificate) => {
            let mut read = app.store.read().await?;
            let chain = crate::certificate::view::chain_above(&mut read, &certificate.view().issuer).await?;
            (Some(certificate.pem().map_err(anyhow::Error::from)?), chain)
        }
    };
    let device = device.to_owned();
    Ok(Bound { account: account.id, state: account.state(), tier: account.tier, device, certificate, chain })
}

async fn once(app: &App, completion: &Completion<'_>) -> Result<(StoredRegistration, Account, Timestamp), Failure> {
    let &Completion { id, device, csr, request, .. } = completion;
    let mut tx = app.store.write().await?;
    // The register before any row, as everywhere: from here on nobody else registers this card number.
    let ordinal = tx.begin_registering().await?;
    let row = tx.registration_locked(id).await?.ok_or_else(|| Failure::not_found("registration", id))?;
    let now = app.latest();
    let (progress, profile) = match &completion.profile {
        Some(profile) => (row.progress.verify(now)?, profile.clone()),
        None => (row.progress, opened(app, &row)?),
    };
    // Before anything else is looked at: what is over is over for everybody.
    progress.complete(RegistrationKind::First, now)?;
    match (row.tier, csr) {
        (Tier::IamSmartPlus, None) => {
            return Err(csr_wanted("iam-smart-plus needs the certificate request of the signing key").into());
        }
        (Tier::IamSmart, Some(_)) => return Err(csr_wanted("iam-smart has no signing key").into()),
        _ => {}
    }
    let unlocked = app.keys.as_of(&mut tx).await?;
    let before = account_of(&mut tx, &unlocked, &profile).await?;
    let key = match tx.device_by_thumbprint(&device.thumbprint).await? {
        None => DeviceKey::New,
        Some(known) if !known.ended && before.as_ref().is_some_and(|stored| stored.id == known.owner) => DeviceKey::InUse,
        Some(_) => DeviceKey::Spent,
    };
    let kind = kind_of(before.as_ref().map(|stored| &stored.account), key, row.tier)?;
    let progress = progress.complete(kind, now)?;
    let change = Change { app, unlocked: &unlocked, row: &row, profile: &profile, completion, key, now };
    let (account_id, account, ended) = match &before {
        None => change.first(&mut tx, ordinal).await?,
        Some(stored) => change.again(&mut tx, stored, kind).await?,
    };
    if let Some(csr) = csr {
        check_key_is_free(&mut tx, &key_id(csr)?, &Holder::Account(account.id)).await?;
    }
    let tier_before = before.as_ref().map(|stored| stored.account.tier);
    change.events(&mut tx, kind, tier_before).await?;
    let until = match progress {
        Progress::Completed { until, .. } => until,
        _ => now,
    };
    let left = Left {
        code_mac: row.code_mac.as_deref(),
        account: Some(account_id),
        device: Some(&device.thumbprint),
        ..Left::default()
    };
    tx.put_registration(id, progress, left, now).await?;
    let photos = tx.note_photos_deleted(id, "checked", now).await?;
    let facts = json!({
        "registration": id, "kind": kind, "channel": row.channel, "location": row.location, "station": row.station, "tier": row.tier,
        "before": before.as_ref().map(|stored| json!({ "state": stored.account.state(), "tier": stored.account.tier })),
        "ended": ended, "device": device.thumbprint, "photos_deleted": photos,
    });
    let entry = PublicUse {
        actor: PublicActor::Citizen { account: account.id, device: &device.thumbprint },
        action: "registration.complete",
        subject: account.id.to_string(),
        outcome: AuditOutcome::Done,
        request,
        facts,
    };
    tx.commit_public(entry).await?;
    metrics::counter!("iam_registrations_completed_total", "kind" => kind.as_str(), "channel" => row.channel.as_str())
        .increment(1);
    Ok((row, account, until))
}

fn csr_wanted(message: &str) -> Refusal {
    Refusal::new("registration.csr", message).hint("send a certificate request for iam-smart-plus, and for nothing else")
}

/// The person in the row.
fn opened(app: &App, row: &StoredRegistration) -> Result<Profile, Failure> {
    let Some(sealed) = &row.person else {
        // It is over, and its rule says so; the person is gone with it.
        return Err(row.progress.complete(RegistrationKind::First, app.latest()).err().map_or_else(
            || anyhow::anyhow!("registration {} waits for a device and has no person", row.id).into(),
            Failure::from,
        ));
    };
    let opened = app.keys.now().ledger().open_person(sealed, row.id.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Profile::from_bytes(&opened).map_err(anyhow::Error::from)?)
}

/// The account of a card number, locked.
async fn account_of(tx: &mut Write, unlocked: &Unlocked, profile: &Profile) -> Result<Option<StoredAccount>, Failure> {
    for keys in unlocked.indexes().in_columns() {
        let index = keys.hkic(&profile.hkic).map_err(anyhow::Error::from)?;
        if let Some(found) = tx.account_by_hkic(&index).await? {
            return Ok(tx.account_locked(found.account.id).await?);
        }
    }
    Ok(None)
}

/// What changes, and by what.
struct Change<'a> {
    app: &'a App,
    unlocked: &'a Arc<Unlocked>,
    row: &'a StoredRegistration,
    profile: &'a Profile,
    completion: &'a Completion<'a>,
    key: DeviceKey,
    now: Timestamp,
}

impl Change<'_> {
    /// A person without an account gets one.
    async fn first(&self, tx: &mut Write, ordinal: i64) -> Result<(Uuid, Account, Ended), Failure> {
        let StoredRegistration { tier, channel, ref location, .. } = *self.row;
        let id = RequestId::new(self.now, self.app.entropy.as_ref()).uuid();
        let reference = AccountId::random(self.app.entropy.as_ref());
        let account = Account::register(reference, tier, channel, location.clone(), self.now)?;
        let active = &self.unlocked.indexes().active;
        let hkic = active.hkic(&self.profile.hkic).map_err(anyhow::Error::from)?;
        let foreseen = Foreseen { generation: active.generation(), hkic };
        let sealed = Sealer::new(&self.app.keys, Arc::clone(self.unlocked))
            .and_then(|mut sealer| sealer.seal(id, self.profile, foreseen))
            .map_err(anyhow::Error::from)?;
        let new = NewAccount { id, account: account.clone(), sealed: Some(sealed) };
        let rows = std::iter::once(Ok::<_, StoreError>(new));
        tx.insert_accounts(ordinal, &Batch::of(self.unlocked, ""), rows).await?;
        self.bind(tx, id).await?;
        Ok((id, account, Ended::default()))
    }

    /// A person with an account has gone through the procedure again.
    async fn again(
        &self,
        tx: &mut Write,
        stored: &StoredAccount,
        kind: RegistrationKind,
    ) -> Result<(Uuid, Account, Ended), Failure> {
        self.app.keys.learn(tx, &stored.kek_id).await;
        let StoredRegistration { tier, channel, ref location, .. } = *self.row;
        let upgrade = kind == RegistrationKind::Upgrade;
        let account = if upgrade {
            stored.account.upgrade(channel, location.as_ref())?
        } else {
            stored.account.re_register(ReRegistration { tier, channel, location: location.clone() })?
        };
        tx.put_account(stored, &account, None).await?;
        let ended = if upgrade {
            Ended::default()
        } else {
            let (ended, requests) = tx.end_everything(stored, EndReason::ReRegistered, self.now).await?;
            record_ended(self.app, tx, &requests, |_| Outcome::Cancelled).await?;
            settle(tx, &account, self.key, self.now).await?;
            ended
        };
        let profile = reseal(&self.app.keys, stored, self.profile)?
            .ok_or_else(|| anyhow::anyhow!("account {} has no data key", account.id))?;
        let indexes = self.unlocked.indexes();
        let of = |keys| NextIndexes::of(keys, self.profile).map_err(anyhow::Error::from);
        let next = indexes.next.as_ref().map(of).transpose()?;
        tx.put_person(stored.id, &Person { profile: &profile, indexes: of(&indexes.active)?, next }).await?;
        if self.key == DeviceKey::New {
            tx.end_devices(account.id, self.now).await?;
        }
        self.bind(tx, stored.id).await?;
        Ok((stored.id, account, ended))
    }

    async fn bind(&self, tx: &mut Write, account: Uuid) -> Result<(), Failure> {
        let Completion { device, name, .. } = self.completion;
        if self.key == DeviceKey::New {
            tx.insert_device(account, &device.thumbprint, &device.public_key, self.now).await?;
        }
        Ok(tx.put_device_name(account, name).await?)
    }

    /// What statistics keep: year of birth and sex, nothing that leads back to the person.
    async fn events(&self, tx: &mut Write, kind: RegistrationKind, before: Option<Tier>) -> Result<(), Failure> {
        let StoredRegistration { tier, channel, ref location, .. } = *self.row;
        let recorded_at = tx.recording_time().await?;
        for kind in events_of(kind, before, tier) {
            let event = AccountEvent {
                kind,
                tier,
                channel,
                location: location.clone(),
                birth_year: i16::try_from(self.profile.birth_date.year()).unwrap_or(0),
                sex: self.profile.sex,
                at: self.now,
                recorded_at,
                suspension: None,
            };
            tx.account_event(&event).await?;
        }
        Ok(())
    }
}
