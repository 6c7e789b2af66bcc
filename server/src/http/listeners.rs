//! What the TLS listeners show of themselves and whom they believe: read from the database, and swapped while they serve.
//!
//! A connection keeps what it was accepted with; the next one gets the newest. So a rotation cuts no connection, and no handshake
//! meets a moment without a key. Each node looks once a second, and builds anew only what has changed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use arc_swap::ArcSwapOption;
use domain::{Holder, KeyPurpose, KeyState};
use openssl::sha::Sha256;
use openssl::ssl::SslContext;
use pki::{Authority, Certificate};
use serde_json::json;

use super::reached::Reached;
use super::tls::{self, ServerIdentity};
use crate::app::App;
use crate::certificate::clock::fault;
use crate::certificate::presign::record;
use crate::failure::Failure;
use crate::keys::{LISTENERS, OPERATORS, RELYING_PARTIES, SERVERS};
use crate::store::{Housekeeping, KeyRow, Read};

/// A certificate that ends sooner than this is renewed: its successor is late.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);
/// What follows an authority for servers that has ended.
pub(crate) const NEXT_AUTHORITY: &str = "make the next one: 'iamctl key rotate --purpose issuing-ca --line servers --activate now', and let the root certify it: 'iamd ca issue'";

/// Who comes to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Operators, with certificates of our authority for them.
    Operators,
    /// Relying parties, with or without one of our authority for them, and citizens' apps.
    Everybody,
}

/// What new connections are accepted with; nothing before [`prepare`].
#[derive(Default)]
pub struct Listeners(ArcSwapOption<Shown>);

struct Shown {
    /// Of the key rows that it was read from.
    version: i64,
    /// Digest of the certificates that it is made of.
    basis: [u8; 32],
    operators: SslContext,
    everybody: SslContext,
}

impl Listeners {
    /// What the next connection is accepted with.
    pub fn context(&self, audience: Audience) -> Option<SslContext> {
        let shown = self.0.load_full()?;
        Some(match audience {
            Audience::Operators => shown.operators.clone(),
            Audience::Everybody => shown.everybody.clone(),
        })
    }

    /// Of two who look at once, the one that saw less must not have the last word.
    fn put(&self, fresh: Shown) {
        let fresh = Arc::new(fresh);
        self.0.rcu(|there| match there {
            Some(there) if there.version >= fresh.version => Some(Arc::clone(there)),
            _ => Some(Arc::clone(&fresh)),
        });
    }
}

/// Renews the listeners' certificate where it ends soon or does not cover this node, and shows the one that there is. A certificate
/// that cannot be renewed keeps no node from serving, though it has ended: calls are taken, whatever the clock or an authority is
/// like.
///
/// # Errors
/// When a key is missing or OpenSSL refuses one.
pub async fn prepare(app: &App) -> anyhow::Result<()> {
    if let Err(error) = renew_due(app).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "the listeners' certificate is not renewed at this start; the one that is there serves on"
        );
    }
    let mut read = app.store.read().await?;
    let version = read.keys_version().await?;
    app.listeners.put(Material::read(&mut read).await?.shown(app, version)?);
    Ok(())
}

/// Renews the listeners' certificate, where that is due and can be done; gives how many were. The next generation's, where one
/// waits for its day, is to cover this node too.
///
/// # Errors
/// Why one that has ended, or does not cover this node, is not renewed; what is there stays.
pub async fn renew_due(app: &App) -> anyhow::Result<usize> {
    let mut read = app.store.read().await?;
    let here = here(app, &mut read).await?;
    let servers = read.active_key(KeyPurpose::IssuingCa, SERVERS).await?.context("there is no authority for servers")?;
    let rows = read.keys(Some(KeyPurpose::ServerTls), None).await?;
    drop(read);
    let authority = app.keys.authority(&servers)?;
    let in_use = |row: &&KeyRow| row.name == LISTENERS && ["active", "published"].contains(&row.state.as_str());
    let (mut renewed, mut failed) = (0, Ok(()));
    for row in rows.iter().filter(in_use) {
        match renew(app, &authority, row, here.clone()).await {
            Ok(done) => renewed += usize::from(done),
            Err(error) => failed = Err(error.context(format!("the certificate of {} was not renewed", row.kid))),
        }
    }
    failed.map(|()| renewed)
}

/// A new certificate over the same key, where the one that it has will not do.
async fn renew(app: &App, authority: &Authority, row: &KeyRow, here: Reached) -> anyhow::Result<bool> {
    let now = app.clock.now();
    let held = row.certificate.as_deref().map(Certificate::from_der).transpose()?;
    let longest = authority.certificate().view().not_after;
    if let Some(held) = &held {
        let ends = held.view().not_after;
        // One that its authority's own end cuts short is not renewed over and over.
        let lasts = ends > now.plus(RENEW_BEFORE) || ends >= longest;
        let valid = held.is_valid_at(now);
        if valid && lasts && here.covered_by(held) {
            return Ok(false);
        }
        // By a clock that cannot be believed none is made that nobody takes.
        if let Some(fault) = fault(app, &mut app.store.read().await?, now).await? {
            ensure!(valid, "it is valid from {} to {}, and {}", held.view().not_before.people(), ends.people(), fault.told(now));
            return Ok(false);
        }
    }
    ensure!(
        longest > now,
        "{} has itself ended, at {}; {}",
        authority.certificate().view().subject,
        longest.people(),
        NEXT_AUTHORITY
    );
    let reached = held.iter().fold(here, Reached::and);
    let key = app.keys.listener_key(row)?.public()?;
    let planned = authority.plan_server(&reached.hosts(), &reached.addresses(), &key, None, now)?;
    let recorded = record(app, planned, &Holder::Key(row.kid.parse()?)).await.map_err(Failure::into_error)?;
    let (issued, recorded) = recorded.sign(authority)?;
    let mut tx = app.store.write().await?;
    tx.confirm_certificate(&recorded).await?;
    tx.put_key_certificate(row, issued.der()).await?;
    let facts = json!({ "serial": issued.view().serial, "not_after": issued.view().not_after });
    tx.commit_housekeeping(Housekeeping::Step { action: "cert.issue", subject: row.kid.clone(), facts }).await?;
    app.wake.listeners.notify_one();
    Ok(true)
}

/// Where this node is reached.
async fn here(app: &App, read: &mut Read) -> anyhow::Result<Reached> {
    let instance = read.instance().await?.context("the database holds no instance")?;
    Reached::of(&app.settings, &instance.public_url)
}

/// Where the nodes of the instance are reached, as far as this one knows: where it is itself, and where the certificate of now
/// says.
///
/// # Errors
/// When the database cannot be reached.
pub(crate) async fn reached(app: &App, read: &mut Read) -> anyhow::Result<Reached> {
    let row = read.active_key(KeyPurpose::ServerTls, LISTENERS).await?;
    let held = row.as_ref().and_then(|row| row.certificate.as_deref()).map(Certificate::from_der).transpose()?;
    Ok(held.iter().fold(here(app, read).await?, Reached::and))
}

/// Shows what the database says now, where that is something else than what is shown; gives whether it was. A node that has not
/// prepared its listeners shows nothing.
///
/// # Errors
/// When the database cannot be reached, or OpenSSL refuses a key; what is shown stays.
pub async fn follow(app: &App) -> anyhow::Result<bool> {
    let Some(shown) = app.listeners.0.load_full() else { return Ok(false) };
    let mut read = app.store.read().await?;
    let version = read.keys_version().await?;
    if version == shown.version {
        return Ok(false);
    }
    let material = Material::read(&mut read).await?;
    // It may lie under a key-encryption key that this node has not met yet.
    app.keys.as_of(&mut read).await?;
    drop(read);
    // Another key has changed: sessions that clients have kept go on being resumed.
    let changed = material.basis() != shown.basis;
    let fresh = if changed {
        tracing::info!(key = material.listener.kid, "the listeners show another certificate, or believe other authorities");
        material.shown(app, version)?
    } else {
        let (operators, everybody) = (shown.operators.clone(), shown.everybody.clone());
        Shown { version, basis: shown.basis, operators, everybody }
    };
    app.listeners.put(fresh);
    Ok(changed)
}

/// The rows that the listeners' contexts are made of.
struct Material {
    listener: KeyRow,
    issuer: Certificate,
    certificate: Certificate,
    operators: Vec<Certificate>,
    parties: Vec<Certificate>,
}

impl Material {
    async fn read(read: &mut Read) -> anyhow::Result<Self> {
        let listener = read.active_key(KeyPurpose::ServerTls, LISTENERS).await?.context("there is no key for the listeners")?;
        let authorities = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
        let der = listener.certificate.as_deref().context("the listeners' key has no certificate")?;
        let certificate = Certificate::from_der(der)?;
        let mut issuer = None;
        for authority in of_line(&authorities, SERVERS)? {
            // By the signature: an authority may have been followed by another since.
            let key = authority.x509()?.public_key()?;
            if certificate.x509()?.verify(&key)? {
                issuer = Some(authority);
            }
        }
        let living: Vec<KeyRow> = authorities.into_iter().filter(lives).collect();
        Ok(Self {
            listener,
            certificate,
            issuer: issuer.context("the authority that issued the listeners' certificate is not on record")?,
            operators: of_line(&living, OPERATORS)?,
            parties: of_line(&living, RELYING_PARTIES)?,
        })
    }

    fn basis(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [std::slice::from_ref(&self.certificate), std::slice::from_ref(&self.issuer), &self.operators, &self.parties]
        {
            digest.update(&part.len().to_be_bytes());
            part.iter().for_each(|certificate| digest.update(&certificate.fingerprint()));
        }
        digest.finish()
    }

    fn shown(&self, app: &App, version: i64) -> anyhow::Result<Shown> {
        let identity = ServerIdentity {
            key: app.keys.listener_key(&self.listener)?,
            certificate: self.certificate.clone(),
            chain: vec![self.issuer.clone()],
        };
        Ok(Shown {
            version,
            basis: self.basis(),
            operators: tls::admin(&identity, &self.operators)?,
            everybody: tls::public(&identity, &self.parties)?,
        })
    }
}

/// Whether certificates of an authority are believed: it issues, what it has issued runs out, or it is about to issue, and no node
/// is to meet its first certificate unprepared.
fn lives(row: &KeyRow) -> bool {
    [KeyState::Published, KeyState::Active, KeyState::Draining].iter().any(|state| row.state == state.as_str())
}

fn of_line(rows: &[KeyRow], name: &str) -> anyhow::Result<Vec<Certificate>> {
    let line = rows.iter().filter(|row| row.name == name).filter_map(|row| row.certificate.as_deref());
    Ok(line.map(Certificate::from_der).collect::<Result<_, _>>()?)
}
