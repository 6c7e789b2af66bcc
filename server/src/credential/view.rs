//! A credential as the office sees it.

use api::credential::{AddressFaultView, AddressView, CredentialView};
use api::key::Revoked;
use domain::{CredentialLife, CredentialType, Timestamp, days_left};
use pki::{Certificate, PublicJwk, PublicKey};

use crate::failure::Failure;
use crate::store::{CredentialRow, KeySetAddressRow, Read, StoreError};

/// The credential, whole, at a moment.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn view(read: &mut Read, row: &CredentialRow, now: Timestamp) -> Result<CredentialView, StoreError> {
    let address = match row.kind()? {
        CredentialType::JwksUrl => read.key_set_address(row.id).await?.map(|address| address_view(row, address)),
        CredentialType::Jwks | CredentialType::Certificate | CredentialType::ClientSecret => None,
    };
    let life = row.life()?;
    let not_after = row.not_after.map(Timestamp::from_micros);
    Ok(CredentialView {
        id: row.id()?,
        rp: row.rp()?,
        kind: row.kind()?,
        state: row.state(now)?,
        source: row.source()?,
        label: row.label.clone(),
        thumbprint: row.thumbprint.clone(),
        kid: kid(row),
        serial: row.serial.clone(),
        service: row.service()?,
        under: row.under()?,
        not_before: row.not_before.map(Timestamp::from_micros),
        not_after,
        days_left: not_after.map(|end| days_left(end, now)),
        created_at: Timestamp::from_micros(row.created_at),
        last_used_at: row.last_used_at.map(Timestamp::from_micros),
        superseded_at: match life {
            CredentialLife::Superseded { since } => Some(since),
            CredentialLife::Active | CredentialLife::Revoked { .. } => None,
        },
        revoked: match life {
            CredentialLife::Revoked { at, reason } => Some(Revoked { at, reason }),
            CredentialLife::Active | CredentialLife::Superseded { .. } => None,
        },
        address,
    })
}

fn address_view(row: &CredentialRow, address: KeySetAddressRow) -> AddressView {
    let fault = address.fault_code.map(|code| AddressFaultView {
        code,
        message: address.fault.unwrap_or_default(),
        since: Timestamp::from_micros(address.fault_since.unwrap_or(address.next_at)),
    });
    AddressView {
        url: row.content.clone(),
        fetched_at: address.fetched_at.map(Timestamp::from_micros),
        next_at: Timestamp::from_micros(address.next_at),
        fault,
    }
}

fn kid(row: &CredentialRow) -> Option<String> {
    (row.kind == CredentialType::Jwks.as_str()).then(|| serde_json::from_str::<PublicJwk>(&row.content).ok()?.kid)?
}

/// The public key of a credential; an address and a secret have none.
///
/// # Errors
/// When the row is damaged.
pub(crate) fn public_key(row: &CredentialRow) -> Result<Option<PublicKey>, Failure> {
    let key = match row.kind()? {
        CredentialType::JwksUrl | CredentialType::ClientSecret => return Ok(None),
        CredentialType::Jwks => serde_json::from_str::<PublicJwk>(&row.content)
            .map_err(anyhow::Error::from)?
            .to_public_key()
            .map_err(anyhow::Error::from),
        CredentialType::Certificate => Certificate::from_pem(row.content.as_bytes())
            .and_then(|certificate| certificate.public_key())
            .map_err(anyhow::Error::from),
    };
    Ok(Some(key?))
}

/// How many of a party's credentials somebody can log in with at that moment.
///
/// # Errors
/// When a row is damaged.
pub(crate) fn usable(rows: &[CredentialRow], now: Timestamp) -> Result<u32, StoreError> {
    let mut count = 0;
    for row in rows {
        count += u32::from(row.is_usable(now)?);
    }
    Ok(count)
}
