//! Evidence is taken and checked.

use api::app::registration::{Register, Registering};
use api::audit::AuditOutcome;
use domain::{Channel, Profile, Progress, Refusal, RegistrationEnd, RegistrationId, RegistrationState, RequestId, Timestamp};
use serde_json::{Value, json};

use super::complete::{Completion, Device, complete};
use super::evidence::{Evidence, device_name};
use super::{Station, code};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{Housekeeping, Left, PublicActor, PublicUse, StoredRegistration};

/// Registers a person at a station: takes the evidence, checks it, and waits for the citizen's device.
///
/// # Errors
/// By what was brought, by the verdict (`registration.not-valid`), or when the checks could not be made.
pub async fn at_station(app: &App, station: &Station, op: Register, request: RequestId) -> Result<Registering, Failure> {
    let now = app.latest();
    let evidence = Evidence::of(app, Some(station), op, now)?;
    let Taken { id, profile, verdict, .. } = take(app, Some(station), evidence, now).await?;
    if let Some(end) = verdict {
        return Err(ended(app, id, Some(station), end, request).await?);
    }
    let code = code::fresh(app.entropy.as_ref());
    let code_mac = code::digest(&app.keys, id, &code).map_err(anyhow::Error::from)?;
    let person = seal_person(app, id, &profile)?;
    let mut tx = app.store.write().await?;
    let row = tx.registration_locked(id).await?.ok_or_else(|| Failure::not_found("registration", id))?;
    let now = app.latest();
    let progress = row.progress.verify(now)?;
    let Progress::Verified { until, .. } = progress else { return Err(anyhow::anyhow!("a verified registration waits").into()) };
    let left = Left { code_mac: Some(&code_mac), person: Some(&person), ..Left::default() };
    tx.put_registration(id, progress, left, now).await?;
    let photos = tx.note_photos_deleted(id, "checked", now).await?;
    let facts = json!({ "channel": row.channel, "location": row.location, "tier": row.tier, "photos_deleted": photos });
    tx.commit_public(entry(Some(station), "registration.verify", id, AuditOutcome::Done, request, facts)).await?;
    Ok(Registering { registration: id, state: RegistrationState::Verified, code: Some(code), expires_at: until, bound: None })
}

/// Registers a person with their own phone: everything at once.
///
/// # Errors
/// As [`at_station`], and as the binding of a device.
pub async fn remotely(app: &App, op: Register, device: Device, request: RequestId) -> Result<Registering, Failure> {
    let now = app.latest();
    let name = op.device_name.clone().unwrap_or_default();
    let evidence = Evidence::of(app, None, op, now)?;
    let name = device_name(&name)?;
    let Taken { id, profile, verdict, .. } = take(app, None, evidence, now).await?;
    if let Some(end) = verdict {
        return Err(ended(app, id, None, end, request).await?);
    }
    let done = complete(app, &Completion { id, profile: Some(profile), device: &device, name, csr: None, request }).await?;
    Ok(Registering {
        registration: id,
        state: RegistrationState::Completed,
        code: None,
        expires_at: done.until,
        bound: Some(done.bound),
    })
}

/// What was taken, after its checks.
struct Taken {
    id: RegistrationId,
    profile: Profile,
    verdict: Option<RegistrationEnd>,
}

/// Puts down that evidence was taken, before anybody looks at a photo, and checks it.
async fn take(app: &App, station: Option<&Station>, evidence: Evidence, now: Timestamp) -> Result<Taken, Failure> {
    let busy = |_| Failure::Unavailable {
        code: "registration.busy",
        message: "as many people are being registered as this node can check at once; nothing was taken".to_owned(),
        hint: Some("try again in some seconds".to_owned()),
    };
    let _phones = match station {
        None => Some(app.arrivals.checks.try_acquire().map_err(busy)?),
        Some(_) => None,
    };
    let _permit = app.checks.try_acquire().map_err(busy)?;
    let Evidence { profile, card, tier, channel, location, photos } = evidence;
    let id = RegistrationId::new(now, app.entropy.as_ref());
    let row = StoredRegistration {
        id,
        channel,
        location,
        station: station.map(|station| station.id.clone()),
        tier,
        progress: Progress::begin(now),
        begun_at: now,
        ended_at: None,
        code_mac: None,
        person: None,
        account: None,
        device: None,
    };
    let digests = photos.digests(&app.keys, id)?;
    let mut tx = app.store.write().await?;
    tx.insert_registration(&row).await?;
    for (photo, digest) in &digests {
        tx.insert_photo(id, photo, digest, now).await?;
    }
    tx.commit_housekeeping(Housekeeping::Asked).await?;
    let verdict = Evidence::check(app, &card, photos).await;
    Ok(Taken { id, profile, verdict })
}

/// The checks said no, or could not be made: what there is of it is put down, and said without telling which of the checks it was.
async fn ended(
    app: &App,
    id: RegistrationId,
    station: Option<&Station>,
    end: RegistrationEnd,
    request: RequestId,
) -> Result<Failure, Failure> {
    let mut tx = app.store.write().await?;
    let row = tx.registration_locked(id).await?.ok_or_else(|| Failure::not_found("registration", id))?;
    let now = app.latest();
    // Where it was given up meanwhile, that stands.
    if let Ok(progress) = row.progress.end(end) {
        tx.put_registration(id, progress, Left::default(), now).await?;
    }
    let photos = tx.note_photos_deleted(id, if end.is_verdict() { "checked" } else { "not-checked" }, now).await?;
    let facts = json!({
        "channel": row.channel, "location": row.location, "tier": row.tier, "reason": end, "photos_deleted": photos,
    });
    tx.commit_public(entry(station, "registration.verify", id, AuditOutcome::Refused, request, facts)).await?;
    metrics::counter!("iam_registrations_ended_total", "reason" => end.as_str()).increment(1);
    Ok(said(end, row.channel))
}

fn said(end: RegistrationEnd, channel: Channel) -> Failure {
    // Staff look at the card themselves: there are no photos.
    let photos = match channel {
        Channel::Remote | Channel::Kiosk => ", and the photos are deleted",
        Channel::Counter | Channel::MobileTeam => "",
    };
    let away = |code, message: &str| Failure::Unavailable {
        code,
        message: format!("{message}; nobody was registered{photos}"),
        hint: Some("try again later".to_owned()),
    };
    match end {
        RegistrationEnd::MatcherAway => away("registration.face-matcher-unavailable", "the faces could not be compared"),
        end if end.is_verdict() => {
            let refusal = Refusal::new("registration.not-valid", "the person could not be shown to be the card's holder");
            Failure::Denied(refusal.hint(match channel {
                Channel::Remote => "register at a kiosk, a counter or with a mobile team",
                _ => "the staff of an office of the Immigration Department can look into it",
            }))
        }
        _ => away("registration.records-unavailable", "the records of the Immigration Department could not be asked"),
    }
}

fn entry<'a>(
    station: Option<&'a Station>,
    action: &'static str,
    id: RegistrationId,
    outcome: AuditOutcome,
    request: RequestId,
    facts: Value,
) -> PublicUse<'a> {
    let actor = match station {
        Some(station) => PublicActor::Station { station: station.id.as_str(), certificate: &station.certificate },
        None => PublicActor::System,
    };
    PublicUse { actor, action, subject: id.to_string(), outcome, request, facts }
}

/// The person as they lie in the row while a device is waited for.
fn seal_person(app: &App, id: RegistrationId, profile: &Profile) -> Result<Vec<u8>, Failure> {
    Ok(app.keys.now().ledger().seal_person(&profile.to_bytes(), id.as_bytes()).map_err(anyhow::Error::from)?)
}
