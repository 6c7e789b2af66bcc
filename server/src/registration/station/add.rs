use api::registration::{AddStation, AddedStation};
use domain::{Channel, Holder, Refusal, Tier};
use pki::{AuthorityPurpose, profile};
use serde_json::json;

use super::view;
use crate::app::{App, Caller, Keep};
use crate::certificate::issue::active_authority;
use crate::certificate::presign::record;
use crate::certificate::request::{check_key_is_free, cut_short, keep_key_free, key_id, life, read_csr};
use crate::certificate::view::{chain_above, view as certificate_view};
use crate::failure::Failure;
use crate::places;
use crate::store::{CertificateRow, Read, StationRow};

/// Puts a station on record and certifies its key, by the authority whose certificates are asked for where it connects. A station
/// that is there, of the same channel and place, gets another certificate; the one before stays good until its own end.
///
/// # Errors
/// `station.channel`, `station.differs`, `station.retired`; by the rules of places, requests (`csr.…`) and certificates (`cert.…`).
pub async fn add(app: &App, caller: &Caller, op: AddStation) -> Result<AddedStation, Failure> {
    let csr = read_csr(&op.csr)?;
    let life = life(app, &profile::STATION, op.validity)?;
    if op.channel == Channel::Remote {
        let message = "citizens' own phones are no station: it is a kiosk, a counter or a mobile team";
        return Err(Failure::invalid_field("station.channel", "channel", message));
    }
    op.channel.check(Tier::IamSmart, Some(&op.location)).map_err(misplaced)?;
    places::known()?.check(op.channel, &op.location).map_err(misplaced)?;
    let holder = Holder::Station(op.station.clone());
    let key = key_id(&csr)?;
    let mut read = app.store.read().await?;
    known(&mut read, &op).await?;
    check_key_is_free(&mut read, &key, &holder).await?;
    let authority = active_authority(app, &mut read, AuthorityPurpose::RelyingParties).await?;
    drop(read);
    let now = app.clock.now();
    let planned = authority.plan_station(op.station.as_str(), csr.public_key(), life, now).map_err(anyhow::Error::from)?;
    let mut ignored = csr.ignored(&profile::STATION, op.station.as_str());
    ignored.extend(cut_short(&planned, life, now));
    let (row, pem) = match caller.keep {
        Keep::Nothing => (CertificateRow { serial: "00".to_owned(), ..CertificateRow::planned(&planned, &holder, now) }, None),
        Keep::Effects => {
            let (certificate, row) = record(app, planned, &holder).await?.sign(&authority)?;
            (row, Some(certificate.pem().map_err(anyhow::Error::from)?))
        }
    };
    let mut tx = app.store.write().await?;
    keep_key_free(&mut tx, &key, &holder).await?;
    let (station, before) = match known(&mut tx, &op).await? {
        Some(station) => (station, "active"),
        None => {
            let station = StationRow {
                id: op.station.to_string(),
                channel: op.channel.to_string(),
                location: op.location.to_string(),
                state: "active".to_owned(),
                version: 1,
                added_at: now.micros(),
                retired_at: None,
            };
            tx.insert_station(&station).await?;
            (station, "none")
        }
    };
    if pem.is_some() {
        tx.confirm_certificate(&row).await?;
    }
    let chain = chain_above(&mut tx, &row.issuer).await?;
    let reply = AddedStation { station: view(&station)?, certificate: certificate_view(&row, now)?, pem, chain, ignored };
    let facts = json!({
        "before": before, "channel": station.channel, "location": station.location, "serial": row.serial, "issuer": row.issuer,
        "key": row.key_id, "not_after": row.not_after(), "ignored": reply.ignored,
    });
    tx.commit(caller.record(&op).facts(facts), reply).await
}

/// The station of that id, where it is the same one.
async fn known(read: &mut Read, op: &AddStation) -> Result<Option<StationRow>, Failure> {
    let Some(row) = read.station(&op.station).await? else { return Ok(None) };
    if !row.is_active() {
        let refusal = Refusal::new("station.retired", format!("the station {} was taken out of service", row.id));
        return Err(refusal.hint("put it into service under another id").into());
    }
    if row.channel()? != op.channel || row.location()? != op.location {
        let message = format!("the station {} is a {} at {}", row.id, row.channel, row.location);
        return Err(Refusal::new("station.differs", message).hint("retire it, and add it under another id").into());
    }
    Ok(Some(row))
}

/// Said of what was typed: no state of things is in its way.
fn misplaced(refusal: Refusal) -> Failure {
    let advice = refusal.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    Failure::invalid_field(refusal.code, "location", format!("{}{advice}", refusal.message))
}
