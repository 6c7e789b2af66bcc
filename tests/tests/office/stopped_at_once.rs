//! Sixty-four clients at work while a citizen or a party is stopped: whatever begins after the word is given has nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use api::Role;
use api::account::{Ended, SuspendAccount};
use api::hotline::OpenCall;
use domain::{CallRef, Claim, Outcome, SuspensionReason};
use futures_util::future::join_all;
use tests::world::client::{CALLBACK, ISSUER, Reply, VERIFIER};
use tests::{World, both_engines};
use tokio::sync::Notify;
use url::Url;

use super::logins::Office;

const TOKEN: &str = "/oauth2/token";
/// Logins that are alive when it begins.
const ALIVE: usize = 3;
/// How often everybody comes again when it is over.
const AFTERWARDS: usize = 2;

/// What the clients have in hand, and what they were given.
struct Rush<'w> {
    office: Office<'w>,
    code: String,
    auth_req_id: String,
    /// Access and refresh token of each login that is alive, the newest.
    logins: Vec<Mutex<(String, String)>>,
    acknowledged: AtomicBool,
    redeemed: AtomicUsize,
    refreshed: AtomicUsize,
    answered: AtomicUsize,
    one_more: Notify,
    too_late: AtomicUsize,
}

/// A code that the citizen has approved.
async fn code(office: &Office<'_>) -> String {
    let pairs = [("client_id", office.client.id.to_string()), ("request_uri", office.client.request_uri().await)];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let json = [("accept", "application/json")];
    let shown = office.client.fetches(&format!("/oauth2/authorize?{query}"), &json).await;
    let taken = office.phone.takes_up(shown.text("app_link")).await.unwrap();
    office.phone.approves(taken.request, &[]).await.unwrap();
    let poll = shown.text("poll");
    let approved = office.client.fetches(poll.strip_prefix(ISSUER).unwrap_or(poll), &json).await;
    let redirect = Url::parse(approved.text("redirect")).unwrap();
    redirect.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

fn tokens(reply: &Reply) -> (String, String) {
    (reply.text("access_token").to_owned(), reply.text("refresh_token").to_owned())
}

impl<'w> Rush<'w> {
    async fn gathers(world: &'w World) -> Self {
        let office = Office::opens(world).await;
        let mut logins = Vec::new();
        for _ in 0..ALIVE {
            logins.push(Mutex::new(tokens(&office.logs_in("openid profile offline_access", &[Claim::Name]).await)));
        }
        let code = code(&office).await;
        let asked = office.asks(&[]).await;
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        Self {
            auth_req_id: asked.text("auth_req_id").to_owned(),
            office,
            code,
            logins,
            acknowledged: AtomicBool::new(false),
            redeemed: AtomicUsize::new(0),
            refreshed: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            one_more: Notify::new(),
            too_late: AtomicUsize::new(0),
        }
    }

    /// One try of one client, by its number; whether it had what it wanted.
    async fn tries(&self, number: usize) -> bool {
        let login = &self.logins[number % ALIVE];
        let (access, refresh) = login.lock().unwrap().clone();
        match number {
            0..16 => {
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", self.code.as_str()),
                    ("redirect_uri", CALLBACK),
                    ("code_verifier", VERIFIER),
                ];
                let had = self.office.client.asks_with_proof(TOKEN, &form).await.status == 200;
                self.redeemed.fetch_add(usize::from(had), Ordering::SeqCst);
                had
            }
            16..32 => {
                let had = self.office.polls(&self.auth_req_id).await.status == 200;
                self.redeemed.fetch_add(usize::from(had), Ordering::SeqCst);
                had
            }
            // One for each login: a refresh token that comes twice ends it.
            32..35 => {
                let reply = self.office.refreshes(&refresh).await;
                let had = reply.status == 200;
                if had {
                    *login.lock().unwrap() = tokens(&reply);
                    self.refreshed.fetch_add(1, Ordering::SeqCst);
                }
                had
            }
            _ => self.office.userinfo(&access).await.status == 200,
        }
    }

    /// One client, until it is over and a little longer.
    async fn works(&self, number: usize) {
        let mut afterwards = 0;
        while afterwards < AFTERWARDS {
            let after = self.acknowledged.load(Ordering::SeqCst);
            let had = self.tries(number).await;
            self.too_late.fetch_add(usize::from(after && had), Ordering::SeqCst);
            self.answered.fetch_add(1, Ordering::SeqCst);
            self.one_more.notify_one();
            afterwards += usize::from(after);
        }
    }

    /// Lets sixty-four work, has the word given when so many were answered, and holds what was said against what is kept.
    async fn is_stopped(&self, when: usize, reason: &str, word: impl Future<Output = Ended>) {
        let stops = async {
            while self.answered.load(Ordering::SeqCst) < when {
                self.one_more.notified().await;
            }
            let ended = word.await;
            self.acknowledged.store(true, Ordering::SeqCst);
            ended
        };
        let (_, ended) = tokio::join!(join_all((0..64).map(|number| self.works(number))), stops);
        assert_eq!(self.too_late.load(Ordering::SeqCst), 0, "had something that began after the word was given");

        let world = self.office.world;
        let logins = format!("FROM login WHERE end_reason = '{reason}'");
        let sessions = world.number(&format!("SELECT COUNT(*) {logins}")).await;
        let tokens = world.number(&format!("SELECT COUNT(*) FROM token WHERE login IN (SELECT id {logins})")).await;
        let [redeemed, refreshed] =
            [&self.redeemed, &self.refreshed].map(|count| i64::try_from(count.load(Ordering::SeqCst)).unwrap());
        let said = [ended.sessions, ended.tokens, ended.requests].map(|count| i64::try_from(count).unwrap());
        // Each refresh has ended the token that it used up.
        assert_eq!(said, [sessions, tokens - refreshed, 2 - redeemed]);
        assert!(sessions >= 3 && world.number("SELECT COUNT(*) FROM login WHERE ended_at IS NULL").await == 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM token WHERE ended_at IS NULL").await, 0);
        assert_eq!(self.office.counted(Outcome::Completed).await, 3 + redeemed, "one event for each that was answered");
        let came_to_nothing = self.office.counted(Outcome::Refused).await + self.office.counted(Outcome::Failed).await;
        assert_eq!(came_to_nothing, 2 - redeemed, "a party's requests fail, a citizen's are refused");
    }

    fn lost(&self, call: Option<CallRef>) -> SuspendAccount {
        SuspendAccount { account: self.office.citizen.account, reason: SuspensionReason::LostDevice, call, note: None }
    }
}

both_engines! {
    async fn sixty_four_have_nothing_once_the_account_is_suspended(world: &World) {
        let rush = Rush::gathers(world).await;
        let (first, op) = (world.first(), rush.lost(None));
        rush.is_stopped(24, "account-suspended", async { first.call(&op).await.unwrap().ended }).await;
    }

    async fn sixty_four_have_nothing_once_the_hotline_has_suspended(world: &World) {
        let rush = Rush::gathers(world).await;
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        let op = rush.lost(Some(agent.call(&OpenCall {}).await.unwrap().call));
        rush.is_stopped(100, "account-suspended", async { agent.call(&op).await.unwrap().ended }).await;
    }

    async fn sixty_four_have_nothing_once_the_citizen_has_suspended(world: &World) {
        let rush = Rush::gathers(world).await;
        rush.is_stopped(0, "account-suspended", async { rush.office.phone.suspends().await.unwrap().ended }).await;
    }

    async fn sixty_four_have_nothing_once_their_party_is_suspended(world: &World) {
        let rush = Rush::gathers(world).await;
        let first = world.first();
        let word = async {
            super::relying_parties::suspend(&first, "drill-office", "its keys have leaked").await.unwrap().ended.unwrap()
        };
        rush.is_stopped(8, "party-suspended", word).await;
    }
}
