//! From a verified certificate to an operator, by the database, at every request.

use api::Problem;
use api::operator::OperatorState;
use domain::{Holder, OperatorId, RequestId, Timestamp};

use super::super::accept::{CONNECT, Peer};
use super::super::on_record::{EXPIRED, OnRecord, REVOKED, UNKNOWN, on_record};
use super::super::problem::problem;
use crate::app::App;
use crate::failure::Failure;
use crate::keys::hex;
use crate::operator::turned_away::{self, Stranger};

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

impl Unauthenticated {
    /// What they are told, where nothing is asked for that could be refused.
    pub fn into_problem(self, request: RequestId) -> Problem {
        match self {
            Self::Stranger(problem) => problem,
            Self::Disabled(_) => {
                let hint = "an administrator can let them in again: 'iamctl operator enable'";
                problem(403, "auth.operator-disabled", "this operator may not come in at present", Some(hint), request)
            }
            Self::Failure(failure) => failure.into_problem(Some(request.to_string())),
        }
    }
}

const ENROL_AGAIN: &str = "ask an administrator for a new enrolment code ('iamctl operator add' for the same id, with the same name and roles), then 'iamctl enrol'";

pub fn certificate_missing(request: RequestId) -> Problem {
    let hint = "enrol with 'iamctl enrol', or choose the right context with 'iamctl context use'";
    problem(401, "auth.certificate-missing", "no operator certificate was presented", Some(hint), request)
}

/// Who the other side is, as the database says now: no cache decides who is let in. A certificate of ours that is not good any
/// more is written down.
pub async fn authenticate(app: &App, peer: &Peer, request: RequestId) -> Result<Authenticated, Unauthenticated> {
    let known = identify(app, peer, request).await;
    if let (Err(Unauthenticated::Stranger(problem)), Some(certificate)) = (&known, &peer.0)
        && let Some(code) = [UNKNOWN, REVOKED, EXPIRED].into_iter().find(|code| *code == problem.code)
    {
        let shown = hex(&certificate.fingerprint);
        let stranger = Stranger { action: CONNECT, code, shown, request: Some(request), facts: serde_json::Map::new() };
        turned_away::note(app, stranger).await;
    }
    known
}

async fn identify(app: &App, peer: &Peer, request: RequestId) -> Result<Authenticated, Unauthenticated> {
    let Some(certificate) = &peer.0 else { return Err(Unauthenticated::Stranger(certificate_missing(request))) };
    let failed = |error: crate::store::StoreError| Unauthenticated::Failure(error.into());
    let mut read = app.store.read().await.map_err(failed)?;
    let row = match on_record(&mut read, certificate, app.clock.now()).await.map_err(failed)? {
        OnRecord::Good(row) => row,
        OnRecord::Bad(code, message) => {
            return Err(Unauthenticated::Stranger(problem(401, code, message, Some(ENROL_AGAIN), request)));
        }
    };
    let Holder::Operator(id) = row.holder().map_err(failed)? else {
        return Err(Unauthenticated::Failure(anyhow::anyhow!("certificate {} is no operator's", row.serial).into()));
    };
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
