//! From a verified certificate to an operator, by the database, at every request.

use api::Problem;
use api::operator::OperatorState;
use domain::{OperatorId, RequestId, Timestamp};

use super::super::accept::Peer;
use super::super::problem::problem;
use crate::app::App;
use crate::failure::Failure;

/// An operator who may come in.
pub struct Authenticated {
    /// Id.
    pub operator: OperatorId,
    /// Name on record.
    pub name: String,
    /// Roles on record.
    pub roles: Vec<api::Role>,
    /// Serial of the certificate.
    pub certificate: String,
    /// Its last moment.
    pub not_after: Timestamp,
}

/// Why somebody is not let in.
pub enum Unauthenticated {
    /// Nobody we know.
    Stranger(Problem),
    /// Somebody we know and have shut out: for the audit log.
    Disabled(Authenticated),
    /// The database could not be asked.
    Failure(Failure),
}

const ENROL_AGAIN: &str =
    "ask an administrator for a new enrolment code ('iamctl operator add' for the same id), then 'iamctl enrol'";

pub fn certificate_missing(request: RequestId) -> Problem {
    let hint = "enrol with 'iamctl enrol', or choose the right context with 'iamctl context use'";
    problem(401, "auth.certificate-missing", "no operator certificate was presented", Some(hint), request)
}

/// Who the other side is, as the database says now: no cache decides who is let in.
pub async fn authenticate(app: &App, peer: &Peer, request: RequestId) -> Result<Authenticated, Unauthenticated> {
    let Some(certificate) = &peer.0 else { return Err(Unauthenticated::Stranger(certificate_missing(request))) };
    let failed = |error: crate::store::StoreError| Unauthenticated::Failure(error.into());
    let mut read = app.store.read().await.map_err(failed)?;
    let Some(row) = read.operator_certificate(&certificate.fingerprint).await.map_err(failed)? else {
        let message = "this certificate is not on record here, although its issuer is";
        let hint = ENROL_AGAIN;
        return Err(Unauthenticated::Stranger(problem(401, "auth.certificate-unknown", message, Some(hint), request)));
    };
    let now = app.clock.now();
    if row.revoked_at.is_some() {
        let message = "this certificate has been revoked";
        return Err(Unauthenticated::Stranger(problem(401, "auth.certificate-revoked", message, Some(ENROL_AGAIN), request)));
    }
    // The handshake judged the dates; a connection may outlive them.
    if now.micros() > row.not_after {
        let message = "this certificate has expired";
        let hint = ENROL_AGAIN;
        return Err(Unauthenticated::Stranger(problem(401, "auth.certificate-expired", message, Some(hint), request)));
    }
    let id: OperatorId = row.operator.parse().map_err(|_| Unauthenticated::Failure(anyhow::anyhow!("bad operator id").into()))?;
    let Some(operator) = read.operator(&id).await.map_err(failed)? else {
        return Err(Unauthenticated::Failure(anyhow::anyhow!("certificate {} has no operator", row.serial).into()));
    };
    let known = Authenticated {
        operator: id,
        roles: operator.roles().map_err(failed)?,
        certificate: certificate.serial.clone(),
        not_after: certificate.not_after,
        name: operator.name.clone(),
    };
    match operator.state().map_err(failed)? {
        OperatorState::Active => Ok(known),
        OperatorState::Invited | OperatorState::Disabled => Err(Unauthenticated::Disabled(known)),
    }
}
