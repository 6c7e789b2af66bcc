//! What a service asks of a citizen, under whatever protocol: asked once, decided once, redeemed once.

use std::time::Duration;

use api::account::{Ended, SuspendAccount};
use api::relying_party::SuspendParty;
use domain::citizen_request::{REDEEMED_WITHIN, WAITS};
use domain::{
    AccountId, CitizenRequestId, Claim, Clock, Entropy, Function, Outcome, RelyingPartyId, RequestId, RequestState,
    SuspensionReason, Wants,
};
use futures_util::future::join_all;
use server::clock::SystemEntropy;
use server::failure::Failure;
use server::request::{Ask, Asked, Device, Door, NotRedeemed, approve, ask, expire_due, redeem, refuse, take_up};
use server::store::{CitizenRequestRow, Grant, Housekeeping, NewToken, PublicActor, PublicUse, Shown, StoredAccount, TokenKind};
use server::usage::{fold::fold, recount};
use tests::{World, both_engines};

const BANK: &str = "sandbox-bank";

/// The bank and its first service, a citizen and the device that is bound to their account.
pub struct Office<'w> {
    world: &'w World,
    rp: RelyingPartyId,
    service: i32,
}

impl<'w> Office<'w> {
    pub async fn opens(world: &'w World) -> Self {
        super::relying_parties::apply(&world.first(), &[tests::fixtures::party(BANK)]).await.unwrap();
        let service =
            world.numbers("SELECT CAST(code AS BIGINT) FROM service WHERE relying_party = 'sandbox-bank' ORDER BY code").await[0];
        Self { world, rp: BANK.parse().unwrap(), service: i32::try_from(service).unwrap() }
    }

    async fn citizen(&self, name: &str) -> Phone {
        let citizen = self.world.citizen(name).registers_at_kiosk("harbour-road-sports-centre").await;
        let thumbprint = format!("device-of-{}", citizen.account);
        let mut tx = self.world.app.store.write().await.unwrap();
        let stored = tx.account(citizen.account).await.unwrap().unwrap();
        tx.insert_device(stored.id, &thumbprint, "{}", self.world.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        Phone { stored, thumbprint }
    }

    pub async fn asks(&self, door: Door) -> Result<Asked, Failure> {
        let wants = Wants { claims: vec![Claim::Name, Claim::PhoneNumber], ..Wants::default() };
        let asks = Ask {
            rp: &self.rp,
            service: self.service,
            function: Function::Authentication,
            door,
            wants,
            terms: "{}".to_owned(),
            waits: WAITS,
            notify: None,
            poll: Duration::from_secs(5),
        };
        ask(&self.world.app, asks).await
    }

    pub async fn asked(&self, door: Door) -> CitizenRequestId {
        opened(self.asks(door).await.unwrap()).id().unwrap()
    }

    pub async fn redeems(&self, id: CitizenRequestId) -> Result<(), NotRedeemed> {
        let app = &self.world.app;
        let now = app.clock.now();
        let mut tx = app.store.write().await.unwrap();
        let redeemed = redeem(app, &mut tx, &self.rp, self.service, id).await.unwrap()?;
        let mut jti = [0; 16];
        SystemEntropy.fill(&mut jti);
        let token = NewToken { id: jti.to_vec(), kind: TokenKind::Access, expires_at: now.plus(Duration::from_mins(5)) };
        let grant = Grant { scopes: vec!["openid".to_owned()], claims: redeemed.claims.clone() };
        redeemed.log_in(&mut tx, &grant, None, &[token], now).await.unwrap();
        let client = format!("{BANK}.login").parse().unwrap();
        let record = PublicUse {
            actor: PublicActor::Client(&client),
            action: "request.redeem",
            subject: redeemed.stored.account.id.to_string(),
            outcome: api::audit::AuditOutcome::Done,
            request: RequestId::new(now, &SystemEntropy),
            facts: serde_json::json!({ "request": id }),
        };
        tx.commit_public(record).await.unwrap();
        Ok(())
    }

    async fn outcomes(&self) -> Vec<(i64, i64)> {
        while fold(&self.world.app).await.unwrap() > 0 {}
        assert_eq!(recount(&self.world.app.store).await.unwrap(), []);
        let mut found = Vec::new();
        for outcome in 1..=5 {
            let sql = format!("SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_daily WHERE outcome = {outcome}");
            let count = self.world.numbers(&sql).await[0];
            if count > 0 {
                found.push((outcome, count));
            }
        }
        found
    }
}

struct Phone {
    stored: StoredAccount,
    thumbprint: String,
}

impl Phone {
    fn account(&self) -> AccountId {
        self.stored.account.id
    }

    fn device(&self, world: &World) -> Device<'_> {
        Device {
            owner: self.stored.id,
            account: self.account(),
            thumbprint: &self.thumbprint,
            request: RequestId::new(world.clock.now(), &SystemEntropy),
        }
    }

    fn loses(&self) -> SuspendAccount {
        SuspendAccount { account: self.account(), reason: SuspensionReason::LostDevice, call: None, note: None }
    }
}

pub fn opened(asked: Asked) -> CitizenRequestRow {
    let Asked::Open(row) = asked else { unreachable!("nobody was asked") };
    *row
}

fn code<T: std::fmt::Debug>(done: Result<T, Failure>) -> String {
    done.unwrap_err().code()
}

fn counted(outcome: Outcome, count: i64) -> (i64, i64) {
    (i64::from(outcome.code()), count)
}

both_engines! {
    async fn a_request_is_taken_up_approved_and_redeemed_once(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (office.citizen("CHAN TAI MAN").await, office.citizen("LEE SIU MING").await);
        let row = opened(office.asks(Door::Screen(None)).await.unwrap());
        let id = row.id().unwrap();
        let shown = row.code.as_deref().unwrap().parse().unwrap();
        let taken = take_up(&world.app, &anna.device(world), Shown::Code(shown)).await.unwrap();
        assert_eq!(taken.id, row.id);
        let late = take_up(&world.app, &ben.device(world), Shown::Code(shown)).await;
        assert_eq!(code(late), "request.not-found", "it is Anna's");
        assert_eq!(office.redeems(id).await, Err(NotRedeemed::Waiting));
        let more = approve(&world.app, &anna.device(world), id, &[Claim::Birthdate]).await;
        assert_eq!(code(more), "request.claims");
        let approved = approve(&world.app, &anna.device(world), id, &[Claim::Name]).await.unwrap();
        assert_eq!(approved.granted.as_deref(), Some(r#"["name"]"#));
        assert_eq!(code(refuse(&world.app, &anna.device(world), id).await), "request.over");
        // What a screen showed leads nowhere any more.
        let late = take_up(&world.app, &anna.device(world), Shown::Code(shown)).await;
        assert_eq!(code(late), "request.not-found");
        assert_eq!(office.redeems(id).await, Ok(()));
        assert_eq!(office.redeems(id).await, Err(NotRedeemed::Redeemed));
        assert_eq!(office.outcomes().await, [counted(Outcome::Completed, 1)]);
        let consents = world.app.store.read().await.unwrap().consents_of(anna.stored.id).await.unwrap();
        assert_eq!(consents[0].granted, "name");
    }

    async fn of_sixty_four_who_redeem_at_once_one_has_it(world: &World) {
        let office = Office::opens(world).await;
        let anna = office.citizen("CHAN TAI MAN").await;
        let id = office.asked(Door::Phone(anna.stored.id)).await;
        approve(&world.app, &anna.device(world), id, &[]).await.unwrap();
        let tries = join_all((0..64).map(|_| office.redeems(id))).await;
        assert_eq!(tries.iter().filter(|done| done.is_ok()).count(), 1);
        assert!(tries.iter().all(|done| matches!(done, Ok(()) | Err(NotRedeemed::Redeemed))), "{tries:?}");
        assert_eq!(office.outcomes().await, [counted(Outcome::Completed, 1)]);
    }

    async fn a_suspension_ends_what_is_under_way_and_says_how_much(world: &World) {
        let office = Office::opens(world).await;
        let anna = office.citizen("CHAN TAI MAN").await;
        for _ in 0..2 {
            let id = office.asked(Door::Phone(anna.stored.id)).await;
            approve(&world.app, &anna.device(world), id, &[]).await.unwrap();
            office.redeems(id).await.unwrap();
        }
        let waiting = office.asked(Door::Phone(anna.stored.id)).await;
        let approved = office.asked(Door::Phone(anna.stored.id)).await;
        approve(&world.app, &anna.device(world), approved, &[]).await.unwrap();
        let suspended = world.first().call(&anna.loses()).await.unwrap();
        assert_eq!(suspended.ended, Ended { sessions: 2, tokens: 2, requests: 2, certificates: 0 });
        assert_eq!(office.redeems(approved).await, Err(NotRedeemed::Ended));
        assert_eq!(code(approve(&world.app, &anna.device(world), waiting, &[]).await), "account.suspended");
        assert_eq!(office.asks(Door::Phone(anna.stored.id)).await.unwrap(), Asked::NoCitizen);
        let again = world.first().call(&anna.loses()).await.unwrap();
        assert_eq!(again.ended, Ended::default(), "all of it had ended");
        assert_eq!(office.outcomes().await, [counted(Outcome::Completed, 2), counted(Outcome::Refused, 2)]);
    }

    async fn sixty_four_clients_against_a_suspension_have_nothing_after_it(world: &World) {
        let office = Office::opens(world).await;
        let mut phones = Vec::new();
        let mut approved = Vec::new();
        for number in 0..8 {
            let phone = office.citizen(&format!("CHAN NUMBER {number}")).await;
            for _ in 0..2 {
                let id = office.asked(Door::Phone(phone.stored.id)).await;
                approve(&world.app, &phone.device(world), id, &[]).await.unwrap();
                approved.push(id);
            }
            phones.push(phone);
        }
        let suspensions = join_all(phones.iter().map(async |phone| world.first().call(&phone.loses()).await.unwrap()));
        let (redeemed, suspended) = tokio::join!(join_all(approved.iter().map(|id| office.redeems(*id))), suspensions);
        let got = redeemed.iter().filter(|done| done.is_ok()).count();
        let ended: u64 = suspended.iter().map(|suspended| suspended.ended.sessions + suspended.ended.requests).sum();
        assert_eq!(ended, 16, "each request was either a login that was ended, or ended itself; {got} were redeemed before");
        assert_eq!(world.numbers("SELECT COUNT(*) FROM login WHERE ended_at IS NULL").await, [0]);
        assert_eq!(world.numbers("SELECT COUNT(*) FROM token WHERE ended_at IS NULL").await, [0]);
        for id in approved {
            assert!(office.redeems(id).await.is_err());
        }
    }

    async fn a_party_that_is_suspended_has_nothing_left_and_may_ask_for_nothing(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (office.citizen("CHAN TAI MAN").await, office.citizen("LEE SIU MING").await);
        for phone in [&anna, &ben] {
            let id = office.asked(Door::Phone(phone.stored.id)).await;
            approve(&world.app, &phone.device(world), id, &[]).await.unwrap();
            office.redeems(id).await.unwrap();
        }
        let waits = office.asked(Door::Phone(anna.stored.id)).await;
        let op = SuspendParty { rp: office.rp.clone(), reason: "its keys have leaked".to_owned() };
        let view = world.first().call(&op).await.unwrap();
        assert_eq!(view.ended, Some(Ended { sessions: 2, tokens: 2, requests: 1, certificates: 0 }));
        assert_eq!(code(office.asks(Door::Phone(anna.stored.id)).await), "request.service");
        assert_eq!(code(approve(&world.app, &anna.device(world), waits, &[]).await), "request.over");
        assert_eq!(office.outcomes().await, [counted(Outcome::Completed, 2), counted(Outcome::Failed, 1)]);
    }

    async fn what_nobody_answers_or_redeems_expires_and_is_told_apart(world: &World) {
        let office = Office::opens(world).await;
        let anna = office.citizen("CHAN TAI MAN").await;
        let unanswered = office.asked(Door::Phone(anna.stored.id)).await;
        let unredeemed = office.asked(Door::Phone(anna.stored.id)).await;
        office.asked(Door::Screen(None)).await;
        approve(&world.app, &anna.device(world), unredeemed, &[]).await.unwrap();
        let refused = office.asked(Door::Phone(anna.stored.id)).await;
        assert_eq!(refuse(&world.app, &anna.device(world), refused).await.unwrap().state, RequestState::Refused.as_str());
        assert_eq!(expire_due(&world.app).await.unwrap(), 0);
        world.clock.advance(WAITS.max(REDEEMED_WITHIN));
        assert_eq!(code(approve(&world.app, &anna.device(world), unanswered, &[]).await), "request.expired");
        assert_eq!(office.redeems(unredeemed).await, Err(NotRedeemed::Expired));
        // A clock that is turned back brings none of them to life.
        world.clock.set(world.clock.now().minus(Duration::from_hours(1)));
        assert_eq!(office.redeems(unredeemed).await, Err(NotRedeemed::Expired));
        assert_eq!(expire_due(&world.app).await.unwrap(), 3);
        let outcomes = [counted(Outcome::Failed, 1), counted(Outcome::Refused, 1), counted(Outcome::TimedOut, 1)];
        assert_eq!(office.outcomes().await, outcomes);
    }

    async fn nobody_is_asked_again_and_again(world: &World) {
        let office = Office::opens(world).await;
        let anna = office.citizen("CHAN TAI MAN").await;
        let asked = join_all((0..8).map(|_| office.asks(Door::Phone(anna.stored.id)))).await;
        let open = asked.iter().filter(|asked| asked.is_ok()).count();
        assert_eq!(open, 3, "three of one party may wait at once, however many ask at once");
        let ids: Vec<CitizenRequestId> = asked.into_iter().flatten().map(|asked| opened(asked).id().unwrap()).collect();
        for id in ids {
            refuse(&world.app, &anna.device(world), id).await.unwrap();
        }
        for _ in 3..10 {
            let id = office.asked(Door::Phone(anna.stored.id)).await;
            refuse(&world.app, &anna.device(world), id).await.unwrap();
        }
        assert_eq!(code(office.asks(Door::Phone(anna.stored.id)).await), "request.too-many");
        world.clock.advance(Duration::from_mins(10) + Duration::from_secs(1));
        office.asked(Door::Phone(anna.stored.id)).await;
    }
}
