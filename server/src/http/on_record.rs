//! A certificate that a handshake has let through, by the database: no cache decides what it is worth.

use std::time::Duration;

use domain::Timestamp;

use super::accept::PeerCertificate;
use crate::store::{CertificateRow, Read, StoreError};

/// Only of a certificate that ends this soon the log is asked whether it had ended already.
const SOON: Duration = Duration::from_hours(24);

/// The code of a certificate that is not on record.
pub const UNKNOWN: &str = "auth.certificate-unknown";
/// Of one that was revoked.
pub const REVOKED: &str = "auth.certificate-revoked";
/// Of one that has ended.
pub const EXPIRED: &str = "auth.certificate-expired";

/// What the record says of a certificate.
#[derive(Debug)]
pub enum OnRecord {
    /// It is good.
    Good(Box<CertificateRow>),
    /// It is not: a code and words.
    Bad(&'static str, &'static str),
}

/// Whether a certificate that somebody has shown is good at this moment.
///
/// # Errors
/// When the database cannot be reached.
pub async fn on_record(read: &mut Read, certificate: &PeerCertificate, now: Timestamp) -> Result<OnRecord, StoreError> {
    let Some(row) = read.certificate_shown(&certificate.fingerprint).await? else {
        return Ok(OnRecord::Bad(UNKNOWN, "this certificate is not on record here, although its issuer is"));
    };
    if row.revoked_at.is_some() {
        return Ok(OnRecord::Bad(REVOKED, "this certificate has been revoked"));
    }
    // The handshake judged the dates; a connection may outlive them, and a clock that was turned back revives nothing.
    let not_after = Timestamp::from_micros(row.not_after);
    let ends_soon = not_after.saturating_since(now) < SOON;
    if now > not_after || ends_soon && read.has_passed(not_after, now).await? {
        return Ok(OnRecord::Bad(EXPIRED, "this certificate has expired"));
    }
    Ok(OnRecord::Good(Box::new(row)))
}
