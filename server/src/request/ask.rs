use std::time::Duration;

use domain::citizen_request::{ASKED_A_CITIZEN, BOMBING_WINDOW, PENDING_A_PARTY, WAITS_AT_MOST};
use domain::{
    AccountState, CitizenRequestId, ComparisonCode, Function, Refusal, RelyingPartyId, RequestState, Tier, UsageChannel, Wants,
};
use uuid::Uuid;

use crate::account::seal::seal_message;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CitizenRequestRow, Housekeeping, StoreError, StoredAccount, Write};

/// How often another comparison code is drawn because an open request has it.
const TRIES: u32 = 5;

/// How a citizen comes by a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// By what a screen shows; whose it is turns out when it is taken up. An addressee that is known already sees it at once.
    Screen(Option<Uuid>),
    /// On the phone of this citizen, and nowhere else.
    Phone(Uuid),
}

/// A request to a citizen.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Who asks.
    pub rp: &'a RelyingPartyId,
    /// Code of the service.
    pub service: i32,
    /// What for.
    pub function: Function,
    /// How the citizen comes by it.
    pub door: Door,
    /// What is asked for.
    pub wants: Wants,
    /// What the face that asks keeps with it, JSON.
    pub terms: String,
    /// How long it waits for an answer.
    pub waits: Duration,
    /// How long the client has to wait between two questions how it stands.
    pub poll: Duration,
    /// Sealed: the token by which the client knows who tells it of the decision, if it is to be told.
    pub notify: Option<Vec<u8>>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// It is open.
    Open(Box<CitizenRequestRow>),
    /// There is no such citizen for this service, or not one who may be asked: one answer for all of that.
    NoCitizen,
}

/// Puts a request to a citizen.
///
/// # Errors
/// `request.service` when the service may ask for nothing at this moment; `request.too-many` when the citizen has been asked too
/// much of late.
pub async fn ask(app: &App, ask: Ask<'_>) -> Result<Asked, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let now = app.clock.now();
        let mut tx = app.store.write().await?;
        tx.keep_party(ask.rp).await?;
        check_service(&mut tx, ask.service).await?;
        let (account, channel, on_screen) = match ask.door {
            Door::Screen(account) => (account, UsageChannel::Qr, true),
            Door::Phone(account) => (Some(account), UsageChannel::Backchannel, false),
        };
        let asked = match account {
            Some(account) => match may_be_asked(app, &mut tx, account, channel, &ask).await? {
                Some(stored) => Some(stored),
                None => return Ok(Asked::NoCitizen),
            },
            None => None,
        };
        let id = CitizenRequestId::new(now, app.entropy.as_ref());
        let wants = sealed(app, &mut tx, ask.wants.clone(), asked.as_ref(), id).await?;
        let mut link = [0; 16];
        app.entropy.fill(&mut link);
        let row = CitizenRequestRow {
            id: id.as_bytes().to_vec(),
            link: on_screen.then(|| link.to_vec()),
            code: on_screen.then(|| ComparisonCode::random(app.entropy.as_ref()).to_string()),
            relying_party: ask.rp.to_string(),
            service: ask.service,
            function: ask.function.code(),
            channel: channel.code(),
            state: RequestState::Waiting.to_string(),
            account: account.map(|account| account.as_bytes().to_vec()),
            wants: serde_json::to_string(&wants).map_err(anyhow::Error::from)?,
            terms: ask.terms.clone(),
            granted: None,
            asked_at: now.micros(),
            expires_at: now.plus(ask.waits.min(WAITS_AT_MOST)).micros(),
            decided_at: None,
            ended_at: None,
            polled_at: None,
            poll_micros: i64::try_from(ask.poll.as_micros()).unwrap_or(i64::MAX),
            notify: ask.notify.clone(),
        };
        match tx.insert_citizen_request(&row).await {
            Err(StoreError::Unique) if tries < TRIES => continue,
            done => done?,
        }
        tx.commit_housekeeping(Housekeeping::Asked).await?;
        return Ok(Asked::Open(Box::new(row)));
    }
}

/// Whether a service may ask for something at this moment, and be answered.
///
/// # Errors
/// `request.service`.
pub(super) async fn check_service(tx: &mut Write, service: i32) -> Result<(), Failure> {
    if tx.service_is_accessible(service).await? {
        return Ok(());
    }
    Err(Refusal::new("request.service", "the service is suspended or retired, or its relying party is").into())
}

/// This citizen, if they may be asked that. The account is locked: two who ask at once are counted one after the other.
///
/// # Errors
/// `request.too-many`.
async fn may_be_asked(
    app: &App,
    tx: &mut Write,
    account: Uuid,
    channel: UsageChannel,
    ask: &Ask<'_>,
) -> Result<Option<StoredAccount>, Failure> {
    let Some(stored) = tx.account_of_id_locked(account).await? else { return Ok(None) };
    let tier_will_do = !ask.wants.plus || stored.account.tier == Tier::IamSmartPlus;
    if stored.account.state() != AccountState::Active || !tier_will_do {
        return Ok(None);
    }
    let now = app.latest();
    let since = now.minus(BOMBING_WINDOW);
    let (pending, of_late) = tx.citizen_requests_counted(account, ask.rp.as_str(), channel, now, since).await?;
    if pending >= i64::from(PENDING_A_PARTY) || of_late >= i64::from(ASKED_A_CITIZEN) {
        return Err(too_many(pending >= i64::from(PENDING_A_PARTY)));
    }
    Ok(Some(stored))
}

/// What a service says to the citizen is kept under the account's own key: it is about them. Where nobody is meant yet, there is nobody
/// to say it to.
async fn sealed(
    app: &App,
    tx: &mut Write,
    wants: Wants,
    asked: Option<&StoredAccount>,
    id: CitizenRequestId,
) -> Result<Wants, Failure> {
    let message = match (&wants.message, asked) {
        (Some(text), Some(stored)) => {
            app.keys.learn(tx, &stored.kek_id).await;
            seal_message(&app.keys, stored, id, text)?
        }
        _ => None,
    };
    Ok(Wants { message, ..wants })
}

fn too_many(pending: bool) -> Failure {
    let message = if pending {
        format!("{PENDING_A_PARTY} requests of this relying party wait for the citizen already")
    } else {
        let minutes = BOMBING_WINDOW.as_secs() / 60;
        format!("the citizen was asked {ASKED_A_CITIZEN} times within {minutes} minutes")
    };
    Refusal::new("request.too-many", message).hint("wait for an answer, or some minutes").into()
}
