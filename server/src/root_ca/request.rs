//! What the root is asked, out of the database.

use domain::{KeyPurpose, KeyState, Timestamp};
use pki::{Certificate, PublicKey, SignatureScheme};

use super::papers::{Entry, Known, Request, Wanted, encoded};
use crate::app::App;
use crate::store::{KeyRow, Read};

/// Certificates that a list may still name: whatever was ever issued.
const EVER: Timestamp = Timestamp::from_micros(0);

/// Writes down how things stand with the root, and which keys wait for a certificate.
///
/// # Errors
/// When the database cannot be reached, or a key does not answer.
pub async fn request(app: &App) -> anyhow::Result<Request> {
    let mut read = app.store.read().await?;
    let root = root_row(&mut read).await?;
    let certificate = Certificate::from_der(root.certificate.as_deref().unwrap_or_default())?;
    let heads = read.revocation_heads().await?;
    let last = heads.iter().find(|head| head.issuer == root.kid).map_or(0, |head| head.number);
    let mut revoked = Vec::new();
    for row in read.revoked_by(&root.kid, EVER).await? {
        let reason = row.revoked_reason.parse().map_err(|_| anyhow::anyhow!("{} has a bad reason", row.serial))?;
        revoked.push(Entry { serial: row.serial, at: Timestamp::from_micros(row.revoked_at), reason });
    }
    let rows = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    drop(read);
    let mut request = Request {
        format: Request::FORMAT.to_owned(),
        instance: app.instance.clone(),
        environment: app.environment,
        pki_url: app.keys.instance().pki_url().to_owned(),
        made_at: app.clock.now(),
        root: root.kid,
        certificate: certificate.pem()?,
        last_list: u64::try_from(last)?,
        revoked,
        authorities: Vec::new(),
        wanted: Vec::new(),
    };
    for row in &rows {
        match &row.certificate {
            Some(der) => {
                let serial = Certificate::from_der(der)?.view().serial.clone();
                request.authorities.push(Known { name: row.kid.clone(), serial });
            }
            None if row.state == KeyState::Published.as_str() => request.wanted.push(wanted(app, row)?),
            None => {}
        }
    }
    Ok(request)
}

fn wanted(app: &App, row: &KeyRow) -> anyhow::Result<Wanted> {
    let spki = row.public_key.as_deref().unwrap_or_default();
    let scheme = SignatureScheme::of_certificates(&PublicKey::from_spki_der(spki)?)?;
    let proof = app.keys.signer(row)?.sign_with(scheme, &Wanted::claim(&app.instance, &row.kid, spki))?;
    Ok(Wanted { name: row.kid.clone(), public_key: encoded(spki), proof: encoded(&proof) })
}

/// The root's row.
///
/// # Errors
/// When there is none.
pub(super) async fn root_row(read: &mut Read) -> anyhow::Result<KeyRow> {
    let row = read.active_key(KeyPurpose::RootCa, crate::keys::ROOT).await?;
    row.ok_or_else(|| anyhow::anyhow!("the database has no root authority"))
}
