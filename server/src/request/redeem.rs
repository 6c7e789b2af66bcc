use domain::{AccountState, CitizenRequestId, Claim, Outcome, RelyingPartyId, RequestState, Timestamp};

use super::outcome::record;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CitizenRequestRow, EndedRequestRow, Grant, LoginRow, NewToken, StoredAccount, Write};

/// A request that was redeemed in this transaction, and its login.
#[derive(Debug, Clone)]
pub struct Redeemed {
    /// The request.
    pub row: CitizenRequestRow,
    /// The citizen; the row stays as it is until the commit.
    pub stored: StoredAccount,
    /// By what name the party knows the citizen.
    pub subject: [u8; 16],
    /// What the citizen released.
    pub claims: Vec<Claim>,
    /// When they approved.
    pub authenticated_at: Timestamp,
}

/// Why nothing was redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRedeemed {
    /// There is no such request of this service.
    Unknown,
    /// The citizen has not decided yet.
    Waiting,
    /// The citizen has said no.
    Refused,
    /// Its time has passed.
    Expired,
    /// It was redeemed before.
    Redeemed,
    /// It was withdrawn, or ended with account, device or party; or one of these is not active.
    Ended,
}

/// Redeems an approved request for the service that asked, makes a login of it and records the use: all of it with the commit
/// of `tx`, or nothing. Personal data may leave once that has succeeded.
///
/// # Errors
/// When the database cannot be reached. The inner error says why nothing was redeemed; the transaction has changed nothing then.
pub async fn redeem(
    app: &App,
    tx: &mut Write,
    rp: &RelyingPartyId,
    service: i32,
    id: CitizenRequestId,
) -> Result<Result<Redeemed, NotRedeemed>, Failure> {
    let (now, judged) = (app.clock.now(), app.latest());
    tx.keep_party(rp).await?;
    let Some(row) = tx.citizen_request(id).await?.filter(|row| row.service == service) else {
        return Ok(Err(NotRedeemed::Unknown));
    };
    let request = row.request()?;
    match request.state_at(judged) {
        RequestState::Approved => {}
        state => return Ok(Err(why_not(state))),
    }
    let account = request.account.ok_or_else(|| anyhow::anyhow!("the approved request {id} has no account"))?;
    let stored = tx.account_kept(account).await?.ok_or_else(|| anyhow::anyhow!("the account of the request {id} is gone"))?;
    if stored.account.state() != AccountState::Active {
        return Ok(Err(NotRedeemed::Ended));
    }
    let Some(row) = tx.redeem_citizen_request(id, service, judged, now).await? else {
        // Somebody was faster, or something has ended since it was read.
        let state = match tx.citizen_request(id).await? {
            Some(row) => row.request()?.state_at(judged),
            None => RequestState::Ended,
        };
        return Ok(Err(match state {
            RequestState::Approved => NotRedeemed::Ended,
            state => why_not(state),
        }));
    };
    let subject = subject(app, tx, rp, &stored, now).await?;
    let ended = EndedRequestRow {
        id: row.id.clone(),
        service,
        function: row.function,
        channel: row.channel,
        account: row.account.clone(),
        decided_at: row.decided_at,
    };
    record(app, tx, &ended, &stored, Outcome::Completed).await?;
    let claims = request.granted.unwrap_or_default();
    let authenticated_at = Timestamp::from_micros(row.decided_at.unwrap_or(row.asked_at));
    Ok(Ok(Redeemed { row, stored, subject, claims, authenticated_at }))
}

const fn why_not(state: RequestState) -> NotRedeemed {
    match state {
        RequestState::Waiting => NotRedeemed::Waiting,
        RequestState::Refused => NotRedeemed::Refused,
        RequestState::Expired => NotRedeemed::Expired,
        RequestState::Redeemed => NotRedeemed::Redeemed,
        RequestState::Approved | RequestState::Cancelled | RequestState::Ended => NotRedeemed::Ended,
    }
}

/// The name by which the party knows the citizen: from the first time on the one on record, whatever key made it.
async fn subject(
    app: &App,
    tx: &mut Write,
    rp: &RelyingPartyId,
    stored: &StoredAccount,
    now: Timestamp,
) -> Result<[u8; 16], Failure> {
    if let Some(subject) = tx.subject_of(stored.id, rp).await? {
        return Ok(subject);
    }
    let unlocked = app.keys.now();
    let subject = unlocked.subjects().subject(rp, stored.id).map_err(anyhow::Error::from)?;
    tx.know_citizen(stored.id, rp, &subject, unlocked.subjects().kid(), now).await?;
    // Of two services of one party that redeem at once, both have what is on record.
    Ok(tx.subject_of(stored.id, rp).await?.unwrap_or(subject))
}

impl Redeemed {
    /// Puts the login on record, with the tokens that are issued for it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn log_in(
        &self,
        tx: &mut Write,
        granted: &Grant,
        bound_to: Option<String>,
        tokens: &[NewToken],
        now: Timestamp,
    ) -> Result<CitizenRequestId, Failure> {
        let id = self.row.id()?;
        let last = tokens.iter().map(|token| token.expires_at).max().unwrap_or(now);
        let login = LoginRow {
            id: self.row.id.clone(),
            account: self.stored.id.as_bytes().to_vec(),
            relying_party: self.row.relying_party.clone(),
            service: self.row.service,
            tier: self.stored.account.tier.to_string(),
            granted: serde_json::to_string(granted).map_err(anyhow::Error::from)?,
            bound_to,
            authenticated_at: self.authenticated_at.micros(),
            expires_at: last.micros(),
            ended_at: None,
            end_reason: None,
        };
        tx.insert_login(&login).await?;
        for token in tokens {
            tx.insert_token(id, token, now).await?;
        }
        Ok(id)
    }
}
