//! What an answer on a virtual phone takes: which request is meant, whose phone answers it, and the app's own way to the server.

use api::Exit;
use api::app::request::{AppRequest, Decided, Decision};
use api::sandbox::{ListRequests, WaitingRequest};
use client::Tabular;
use client::phone::{Drawer, Kept, Line, Phone};
use client::tabular::Column;
use client::times::people;
use domain::{AccountId, CitizenRequestId, Claim, ClientId, Timestamp};
use serde::Serialize;

use super::in_turn::InTurn;
use crate::failure::{Failure, NOTHING_CHANGED};
use crate::session::Session;

/// An answer that a virtual phone has given.
#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    /// To which request.
    pub request: CitizenRequestId,
    /// What was decided.
    pub state: Decision,
    /// By whom.
    pub account: AccountId,
    /// Who had asked.
    pub client: ClientId,
    /// The claims that were released.
    pub claims: Vec<Claim>,
    /// When it was durable.
    pub decided_at: Timestamp,
}

impl Tabular for Answered {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("request", "REQUEST", |row: &Self| row.request.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.as_str().to_owned()),
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("client", "SERVICE", |row: &Self| row.client.to_string()),
                Column::text("claims", "RELEASED", |row: &Self| row.claims.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
                Column::two("decided_at", "DECIDED", |row: &Self| people(row.decided_at), |row: &Self| row.decided_at.to_string()),
            ]
        }
    }
}

/// What is to be answered, and how.
pub struct Asked {
    /// The request, in any of its forms.
    pub request: String,
    /// Whose phone; chosen when absent.
    pub citizen: Option<AccountId>,
    /// What to say.
    pub decision: Decision,
    /// The claims to release; all that are asked for when absent.
    pub claims: Option<Vec<Claim>>,
}

/// Answers a request on a virtual phone.
///
/// # Errors
/// When there is no such request or phone, and what the server says.
pub async fn decide(session: &Session, asked: Asked) -> Result<Answered, Failure> {
    session.no_dry_run("sandbox phone", "is what a citizen does on a phone")?;
    session.no_idempotency_key("sandbox phone", "is what a citizen does on a phone")?;
    let (context, _) = session.context()?;
    let drawer = Drawer::of(&context)?;
    let named = asked.citizen.map(|account| phone_of(&drawer, account)).transpose()?;
    let waiting = session.call(&ListRequests { shown: Some(asked.request.clone()) }).await?;
    let Some(request) = waiting.requests.into_iter().next() else { return Err(nothing_waits(&asked.request)) };
    let line = Line::open(&waiting.public_url, &context.read_ca()?)?;
    let (phone, shown) = match (named, request.account) {
        (Some(kept), _) => on_its_screen(Phone::new(line, &kept)?, &request).await?,
        (None, Some(account)) => on_its_screen(Phone::new(line, &phone_of(&drawer, account)?)?, &request).await?,
        (None, None) => {
            let mut turns = InTurn::new(drawer.phones()?);
            let (kept, phone, shown) = on_any_screen(&mut turns, &line, &request).await?;
            turns.tell(&kept);
            (phone, shown)
        }
    };
    Ok(answer(&phone, shown, asked.decision, asked.claims).await?)
}

/// The request as the phone shows it; one that is nobody's yet is taken up.
///
/// # Errors
/// When it is another citizen's, and what the server says.
pub async fn on_its_screen(phone: Phone, request: &WaitingRequest) -> Result<(Phone, AppRequest), Failure> {
    if request.account.is_none() {
        let shown = phone.take_up(&request.request.to_string()).await?;
        return Ok((phone, shown));
    }
    let shown = phone.requests().await?.into_iter().find(|shown| shown.request == request.request);
    shown.map(|shown| (phone, shown)).ok_or_else(|| nothing_waits(&request.request.to_string()))
}

/// A request that is nobody's yet, taken up by the first phone in turn whose citizen can answer it.
///
/// # Errors
/// When there is none, and what the server says.
pub async fn on_any_screen(
    turns: &mut InTurn,
    line: &Line,
    request: &WaitingRequest,
) -> Result<(Kept, Phone, AppRequest), Failure> {
    loop {
        let kept = turns.next()?;
        let phone = Phone::new(line.clone(), &kept)?;
        match phone.take_up(&request.request.to_string()).await {
            Ok(shown) => return Ok((kept, phone, shown)),
            Err(error) => turns.pass(error)?,
        }
    }
}

/// Gives the answer; it is durable once this returns.
///
/// # Errors
/// What the server says.
pub async fn answer(
    phone: &Phone,
    shown: AppRequest,
    decision: Decision,
    claims: Option<Vec<Claim>>,
) -> Result<Answered, client::ClientError> {
    let claims = match decision {
        Decision::Approved => claims.unwrap_or(shown.claims),
        Decision::Refused => Vec::new(),
    };
    let Decided { request, state, decided_at } = match decision {
        Decision::Approved => phone.approve(shown.request, claims.clone()).await?,
        Decision::Refused => phone.refuse(shown.request).await?,
    };
    Ok(Answered { request, state, account: phone.account(), client: shown.client, claims, decided_at })
}

/// The phone of a citizen.
///
/// # Errors
/// `phone.unknown` when it is not on this machine.
pub fn phone_of(drawer: &Drawer, account: AccountId) -> Result<Kept, Failure> {
    drawer.phone(account)?.ok_or_else(|| {
        let message = format!("there is no virtual phone of account {account} here");
        Failure::new(Exit::NotFound, "phone.unknown", message).changed(NOTHING_CHANGED)
    })
}

fn nothing_waits(request: &str) -> Failure {
    let message = format!("no request waits that '{}' names", client::safe::visible(request));
    Failure::new(Exit::NotFound, "phone.request", message).changed(NOTHING_CHANGED)
}
