//! The hotline: a caller has lost the phone, and the account is stopped while they are on the line.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api::Role;
use api::account::{AccountHistory, ImportAccounts, ImportRow, NoticeStatus, ShowAccount, SuspendAccount, Suspension};
use api::hotline::{CloseCall, FindCaller, FoundAccount, Identifier, OpenCall};
use domain::{AccountId, AccountState, CallRef, Channel, Clock, Hkic, SuspensionReason, Tier};
use futures_util::future::join_all;
use server::app::App;
use server::housekeeping::outbox::{Attempt, Courier, deliver_due};
use server::store::{Housekeeping, OutboxRow};
use server::usage::{fold::fold, recount};
use tests::world::desk::Desk;
use tests::{World, both_engines};

const KIOSK: &str = "harbour-road-sports-centre";

async fn agent<'w>(world: &'w World, id: &str) -> Desk<'w> {
    world.operator(id, &[Role::HotlineAgent]).await
}

async fn opens(desk: &Desk<'_>) -> CallRef {
    desk.call(&OpenCall {}).await.unwrap().call
}

fn lost(account: AccountId, call: impl Into<Option<CallRef>>) -> SuspendAccount {
    SuspendAccount { account, reason: SuspensionReason::LostDevice, call: call.into(), note: None }
}

fn by_hkic(call: CallRef, hkic: &Hkic) -> FindCaller {
    FindCaller { call, by: Identifier::Hkic(hkic.clone()) }
}

fn codes(refusal: &Result<impl std::fmt::Debug, api::Problem>) -> (u16, &str) {
    let problem = refusal.as_ref().unwrap_err();
    (problem.status, problem.code.as_str())
}

/// A party that knows the citizen, as a first login will make it known.
async fn knows(world: &World, account: AccountId, parties: &[&str]) {
    let mut tx = world.app.store.write().await.unwrap();
    let stored = tx.account(account).await.unwrap().unwrap();
    tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
    for party in parties {
        super::relying_parties::apply(&world.first(), &[tests::fixtures::party(party)]).await.unwrap();
        let mut tx = world.app.store.write().await.unwrap();
        tx.link_party(stored.id, &party.parse().unwrap(), world.clock.now()).await.unwrap();
        tx.link_party(stored.id, &party.parse().unwrap(), world.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
    }
}

/// A courier whose receivers all confirm.
struct Confirms;

impl Courier for Confirms {
    fn deliver<'a>(&'a self, _: &'a App, _: &'a OutboxRow) -> Pin<Box<dyn Future<Output = Attempt> + Send + 'a>> {
        Box::pin(async { Attempt::Acknowledged })
    }
}

/// A courier whose receivers never do.
struct Refuses;

impl Courier for Refuses {
    fn deliver<'a>(&'a self, _: &'a App, _: &'a OutboxRow) -> Pin<Box<dyn Future<Output = Attempt> + Send + 'a>> {
        Box::pin(async { Attempt::NotYet("no route to host".to_owned()) })
    }
}

both_engines! {
    async fn a_notice_without_a_way_waits_and_one_that_is_refused_is_given_up_when_three_days_have_passed_for_certain(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        knows(world, citizen.account, &["inland-revenue-department"]).await;
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;
        agent.call(&lost(citizen.account, call)).await.unwrap();
        let states = async || world.texts("SELECT state FROM outbox").await;
        let node = world.with_courier(Arc::new(Refuses)).await;

        // A clock that jumps a year ahead, and back, gives nothing up.
        world.seal().await;
        world.clock.advance(Duration::from_hours(24 * 365));
        assert_eq!(deliver_due(&node).await.unwrap(), 1);
        world.clock.turn_back(Duration::from_hours(24 * 365));
        assert_eq!(states().await, ["pending"]);
        world.execute("UPDATE outbox SET next_at = created_at").await;

        world.clock.advance(Duration::from_hours(73));
        opens(&agent).await;
        world.seal().await;
        world.clock.advance(Duration::from_hours(24) + Duration::from_millis(1));
        assert_eq!(deliver_due(&world.app).await.unwrap(), 1, "the world's own courier knows no way");
        assert_eq!(states().await, ["pending"]);
        world.clock.advance(Duration::from_mins(15));
        assert_eq!(deliver_due(&node).await.unwrap(), 1);
        assert_eq!(states().await, ["failed"]);
    }

    async fn a_lost_phone_is_stopped_while_the_caller_is_on_the_line(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk(KIOSK).await;
        let agent = agent(world, "agent-7").await;
        let opened = agent.call(&OpenCall {}).await.unwrap();
        assert_eq!(opened.opened_at, world.clock.now());

        let found = agent.call(&by_hkic(opened.call, &citizen.hkic)).await.unwrap();
        let FoundAccount { account, name_masked, hkic_masked, tier, state, device } = found[0].clone();
        assert_eq!((found.len(), account, tier, state), (1, citizen.account, Tier::IamSmartPlus, AccountState::Active));
        assert_eq!((name_masked.unwrap().as_str(), hkic_masked.unwrap().as_str()), ("CHAN T** M**", "QA000***(*)"));
        assert_eq!(device, None);

        world.clock.advance(Duration::from_secs(5));
        let suspended = agent.call(&lost(citizen.account, opened.call)).await.unwrap();
        assert_eq!((suspended.account, suspended.state, suspended.already), (citizen.account, AccountState::Suspended, false));
        assert_eq!((suspended.call, suspended.suspended_at), (Some(opened.call), world.clock.now()));
        assert_eq!(suspended.ended, api::account::Ended::default());
        assert_eq!(suspended.relying_parties, []);
        let said = &suspended.read_back;
        for words in [&citizen.account.spoken(), &opened.call.spoken(), "09:00 on 5 January 2026", "register again", "mobile team"] {
            assert!(said.en.contains(words), "{words}: {}", said.en);
        }
        for words in [&citizen.account.spoken(), &opened.call.spoken(), "2026年1月5日9時00分", "重新登記"] {
            assert!(said.zh_hant.contains(words), "{words}: {}", said.zh_hant);
        }

        let view = world.first().call(&ShowAccount { account: citizen.account }).await.unwrap();
        let facts = view.suspended.unwrap();
        assert_eq!((view.state, view.version), (AccountState::Suspended, 2));
        let by = facts.by.as_ref().map(domain::OperatorId::as_str);
    assert_eq!((facts.reason, by, facts.call), (SuspensionReason::LostDevice, Some("agent-7"), Some(opened.call)));

        world.clock.advance(Duration::from_secs(30));
        let closed = agent.call(&CloseCall { call: opened.call }).await.unwrap();
        assert_eq!(closed.suspended, [citizen.account]);
        assert_eq!(closed.closed_at.saturating_since(closed.opened_at), Duration::from_secs(35));
    }

    async fn asked_twice_the_suspension_stands_as_it_was_and_says_so(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let (first, second) = (agent(world, "agent-1").await, agent(world, "agent-2").await);
        let (one, two) = (opens(&first).await, opens(&second).await);
        let before = first.call(&lost(citizen.account, one)).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        let again = SuspendAccount { reason: SuspensionReason::SuspectedFraud, ..lost(citizen.account, two) };
        let after = second.call(&again).await.unwrap();
        assert!(!before.already && after.already);
        assert_eq!((after.suspended_at, after.call), (before.suspended_at, Some(one)), "the first call and time stand");

        let view = world.first().call(&ShowAccount { account: citizen.account }).await.unwrap();
        assert_eq!((view.version, view.suspended.unwrap().reason), (2, SuspensionReason::LostDevice));
        assert_eq!(world.audited("account.suspend").await.len(), 2, "asking again is on record too");
        assert_eq!(world.leaves().await.iter().filter(|leaf| leaf["facts"]["already"] == true).count(), 1);
        assert_eq!(second.call(&CloseCall { call: two }).await.unwrap().suspended, [], "not in this call");
        while fold(&world.app).await.unwrap() > 0 {}
        assert_eq!(world.number("SELECT COUNT(*) FROM account_event WHERE kind = 3").await, 1, "one suspension is counted");
        assert!(recount(&world.app.store).await.unwrap().is_empty());
    }

    async fn of_agents_who_race_one_suspends_and_all_get_the_same_answer(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let mut agents = Vec::new();
        for number in 0..6 {
            let desk = agent(world, &format!("agent-{number}")).await;
            let call = opens(&desk).await;
            agents.push((desk, lost(citizen.account, call)));
        }
        let answers = join_all(agents.iter().map(|(desk, suspend)| desk.call(suspend))).await;
        let answers: Vec<Suspension> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.already).count(), 1);
        let winner = answers.iter().find(|answer| !answer.already).unwrap();
        assert!(answers.iter().all(|answer| (answer.call, answer.suspended_at) == (winner.call, winner.suspended_at)));
        assert_eq!(world.number("SELECT version FROM account").await, 2);
        assert_eq!(world.number("SELECT COUNT(*) FROM account_event_inbox").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM hotline_call_account WHERE suspended_at IS NOT NULL").await, 1);
    }

    async fn a_call_that_is_closed_while_an_account_is_suspended_in_it_lists_it_or_refuses_it(world: &World) {
        let agent = agent(world, "agent-1").await;
        for _ in 0..8 {
            let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
            let call = opens(&agent).await;
            let (suspend, close) = (lost(citizen.account, call), CloseCall { call });
            let (suspended, closed) = tokio::join!(agent.call(&suspend), agent.call(&close));
            let listed = closed.unwrap().suspended;
            match suspended {
                Ok(_) => assert_eq!(listed, [citizen.account]),
                Err(problem) => assert_eq!((problem.code.as_str(), listed.len()), ("call.closed", 0)),
            }
        }
    }

    async fn an_agent_acts_in_an_open_call_of_their_own_only(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let (mine, other) = (agent(world, "agent-1").await, agent(world, "agent-2").await);
        let (my_call, other_call) = (opens(&mine).await, opens(&other).await);
        let before = world.number("SELECT version FROM account").await;

        assert_eq!(codes(&mine.call(&lost(citizen.account, None)).await), (403, "account.call-required"));
        assert_eq!(codes(&mine.call(&lost(citizen.account, other_call)).await), (403, "call.not-yours"));
        assert_eq!(codes(&mine.call(&by_hkic(other_call, &citizen.hkic)).await), (403, "call.not-yours"));
        assert_eq!(codes(&mine.call(&CloseCall { call: other_call }).await), (403, "call.not-yours"));
        let unknown = CallRef::from_number(12_345).unwrap();
        assert_eq!(codes(&mine.call(&lost(citizen.account, unknown)).await), (404, "call.not-found"));
        assert_eq!(codes(&mine.call(&by_hkic(unknown, &citizen.hkic)).await), (404, "call.not-found"));
        assert_eq!(codes(&mine.call(&CloseCall { call: unknown }).await), (404, "call.not-found"));
        let nobody = AccountId::from_number(7).unwrap();
        assert_eq!(codes(&mine.call(&lost(nobody, my_call)).await), (404, "account.not-found"));

        mine.call(&CloseCall { call: my_call }).await.unwrap();
        assert_eq!(codes(&mine.call(&lost(citizen.account, my_call)).await), (409, "call.closed"));
        assert_eq!(codes(&mine.call(&by_hkic(my_call, &citizen.hkic)).await), (409, "call.closed"));
        assert_eq!(codes(&mine.call(&CloseCall { call: my_call }).await), (409, "call.closed"));

        assert_eq!(world.number("SELECT version FROM account").await, before);
        let refused = world.audited("account.suspend").await;
        assert_eq!(refused.len(), 5, "every refusal is on record");
        assert!(refused.iter().all(|(operator, _, outcome)| operator == "agent-1" && outcome == "refused"));
    }

    async fn a_supervisor_may_step_in_and_needs_no_call(world: &World) {
        let one = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let two = world.citizen("WONG SIU MING").registers_remotely().await;
        let agent = agent(world, "agent-1").await;
        let supervisor = world.operator("supervisor-1", &[Role::HotlineSupervisor]).await;
        let call = opens(&agent).await;
        assert_eq!(supervisor.call(&by_hkic(call, &one.hkic)).await.unwrap().len(), 1);
        assert_eq!(supervisor.call(&lost(one.account, call)).await.unwrap().call, Some(call));
        let without = supervisor.call(&lost(two.account, None)).await.unwrap();
        assert_eq!((without.call, without.already), (None, false));
        assert!(!without.read_back.en.contains("reference of this call"));
        assert_eq!(supervisor.call(&CloseCall { call }).await.unwrap().suspended, [one.account]);
        assert_eq!(codes(&supervisor.call(&lost(two.account, call)).await), (409, "call.closed"));
    }

    async fn the_caller_is_found_by_what_they_can_say(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let mut family: Vec<ImportRow> = Vec::new();
        for line in 1..=3 {
            let mut registration = world.citizen("CHAN SIU LING").registration(Channel::Remote, None);
            registration.phone = citizen.phone.clone();
            family.push(ImportRow { line, registration });
        }
        world.first().call(&ImportAccounts { file: "0".repeat(64), chunk: 0, rows: family }).await.unwrap();
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;

        let found = agent.call(&FindCaller { call, by: Identifier::Phone(citizen.phone.clone()) }).await.unwrap();
        assert_eq!(found.len(), 4, "a family shares a phone");
        assert!(found.is_sorted_by_key(|found| found.account));
        world.clock.advance(Duration::from_secs(1));
        let found = agent.call(&FindCaller { call, by: Identifier::Account(citizen.account) }).await.unwrap();
        assert_eq!(found[0].account, citizen.account);

        let nobody = AccountId::from_number(7).unwrap();
        for by in [
            Identifier::Hkic("G123456(A)".parse().unwrap()),
            Identifier::Phone("+85261234567".parse().unwrap()),
            Identifier::Account(nobody),
        ] {
            world.clock.advance(Duration::from_secs(1));
            assert_eq!(agent.call(&FindCaller { call, by }).await.unwrap(), []);
        }
        let audited = world.audited("hotline.find").await;
        assert_eq!(audited.len(), 5, "a search that gives nobody is on record too");
        assert!(audited.iter().all(|(_, subject, outcome)| *subject == call.to_string() && outcome == "done"));
        let leaves = world.leaves().await;
        let by: Vec<_> = leaves.iter().filter(|leaf| leaf["action"] == "hotline.find").map(|leaf| &leaf["facts"]["by"]).collect();
        assert_eq!(by, ["phone", "account", "hkic", "phone", "account"]);
        assert_eq!(world.number("SELECT COUNT(*) FROM hotline_call_account").await, 4);
    }

    async fn the_reason_other_needs_a_note_which_is_kept_sealed(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;
        let other = |note: Option<String>| SuspendAccount { reason: SuspensionReason::Other, note, ..lost(citizen.account, call) };
        for (note, code) in [
            (None, "account.note-missing"),
            (Some("  \n ".to_owned()), "account.note-missing"),
            (Some("x".repeat(501)), "account.note"),
            (Some("turned \u{202e} round".to_owned()), "account.note"),
            (Some("\u{1b}]0;owned\u{7}".to_owned()), "account.note"),
        ] {
            let problem = agent.call(&other(note)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str(), problem.fields[0].path.as_str()), (422, code, "note"));
        }
        agent.call(&other(Some("The neighbour called.\nHe sounded calm. 鄰居來電。".to_owned()))).await.unwrap();
        let notes = world.blobs("SELECT sealed FROM account_note").await;
        assert_eq!(notes.len(), 1);
        assert!(!notes[0].windows(9).any(|window| window == b"neighbour"));
        assert!(world.leaves().await.iter().all(|leaf| !leaf.to_string().contains("neighbour")));
    }

    async fn every_party_that_knows_the_citizen_is_told_once(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        knows(world, citizen.account, &["inland-revenue-department", "hospital-authority"]).await;
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;
        let suspended = agent.call(&lost(citizen.account, call)).await.unwrap();
        let told = |suspended: &Suspension| -> Vec<(String, NoticeStatus)> {
            suspended.relying_parties.iter().map(|notice| (notice.rp.to_string(), notice.status)).collect()
        };
        assert_eq!(told(&suspended), [
            ("hospital-authority".to_owned(), NoticeStatus::Pending),
            ("inland-revenue-department".to_owned(), NoticeStatus::Pending),
        ]);
        assert!(suspended.read_back.en.contains("The 2 online services that know this account"), "{}", suspended.read_back.en);
        let payloads = world.texts("SELECT payload FROM outbox").await;
        assert!(payloads.iter().all(|payload| !payload.contains(&citizen.account.to_string())), "{payloads:?}");

        let node = world.with_courier(Arc::new(Confirms)).await;
        assert_eq!(deliver_due(&node).await.unwrap(), 2);
        let again = agent.call(&lost(citizen.account, call)).await.unwrap();
        assert!(again.already);
        assert!(told(&again).iter().all(|(_, status)| *status == NoticeStatus::Acknowledged), "{:?}", told(&again));
        assert_eq!(world.number("SELECT COUNT(*) FROM outbox").await, 2);
    }

    async fn a_closed_account_cannot_be_suspended(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let closing = "UPDATE account SET state = 'closed', closed_since = registered_at, closed_reason = 'departure',
                         data_key = NULL, profile = NULL, hkic_index = NULL, phone_index = NULL";
        world.execute(closing).await;
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;
        assert_eq!(agent.call(&by_hkic(call, &citizen.hkic)).await.unwrap(), []);
        let found = agent.call(&FindCaller { call, by: Identifier::Account(citizen.account) }).await.unwrap();
        assert_eq!((found[0].state, &found[0].name_masked), (AccountState::Closed, &None));
        assert_eq!(codes(&agent.call(&lost(citizen.account, call)).await), (409, "account.closed"));
    }

    async fn a_suspension_sent_twice_under_its_key_is_answered_once(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let agent = agent(world, "agent-1").await.under("the-line-was-bad");
        let call = opens(&agent.under("another-key")).await;
        let first = agent.ask(&lost(citizen.account, call)).await;
        world.clock.advance(Duration::from_secs(2));
        let again = agent.ask(&lost(citizen.account, call)).await;
        assert!(!first.replayed() && again.replayed());
        assert_eq!(first.reply.unwrap(), again.reply.unwrap(), "the first reply, which was no repetition");
        assert_eq!(world.audited("account.suspend").await.len(), 1);
    }

    async fn a_rehearsed_suspension_changes_nothing(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        knows(world, citizen.account, &["hospital-authority"]).await;
        let agent = agent(world, "agent-1").await;
        let call = opens(&agent).await;
        let before = world.census().await;
        let rehearsed = agent.dry_run().call(&lost(citizen.account, call)).await.unwrap();
        assert_eq!((rehearsed.already, rehearsed.relying_parties.len()), (false, 1));
        agent.dry_run().call(&CloseCall { call }).await.unwrap();
        agent.dry_run().call(&OpenCall {}).await.unwrap();
        assert_eq!(world.census().await, before);
        assert_eq!(world.texts("SELECT state FROM account").await, ["active"]);
        assert!(!agent.call(&lost(citizen.account, call)).await.unwrap().already);
    }

    async fn the_history_tells_what_was_done_to_an_account_and_who_looked(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk(KIOSK).await;
        let other = world.citizen("WONG SIU MING").registers_remotely().await;
        let (mine, theirs) = (agent(world, "agent-1").await, agent(world, "agent-2").await);
        let (call, closed) = (opens(&mine).await, opens(&theirs).await);
        let step = || world.clock.advance(Duration::from_secs(1));
        step();
        mine.call(&by_hkic(call, &other.hkic)).await.unwrap();
        mine.call(&by_hkic(call, &citizen.hkic)).await.unwrap();
        step();
        mine.call(&lost(citizen.account, closed)).await.unwrap_err();
        step();
        mine.call(&lost(citizen.account, call)).await.unwrap();
        step();
        theirs.call(&ShowAccount { account: citizen.account }).await.unwrap();

        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        step();
        let history = auditor.call(&AccountHistory { account: citizen.account }).await.unwrap();
        let told: Vec<String> =
            history.iter().map(|event| format!("{} {} {}", event.action, event.operator, event.outcome)).collect();
        assert_eq!(told, [
            "account.registered citizen done",
            "hotline.find agent-1 done",
            "account.suspend agent-1 refused",
            "account.suspend agent-1 done",
            "account.show agent-2 done",
        ]);
        assert!(history.is_sorted_by_key(|event| event.at));
        assert_eq!((&history[0].facts["channel"], &history[0].facts["location"]), (&"kiosk".into(), &KIOSK.into()));
        assert_eq!((&history[2].facts["code"], history[3].call), (&"call.not-yours".into(), Some(call)));
        step();
        let again = auditor.call(&AccountHistory { account: citizen.account }).await.unwrap();
        assert_eq!(again.last().unwrap().action, "account.history", "who read it is in it too");
    }

    async fn a_call_has_a_reference_of_its_own_and_its_day_is_on_record(world: &World) {
        let agent = agent(world, "agent-1").await;
        let mut calls = Vec::new();
        for _ in 0..20 {
            world.clock.advance(Duration::from_secs(1));
            calls.push(opens(&agent).await);
        }
        let opened: Vec<String> = world.audited("hotline.open").await.into_iter().map(|(_, subject, _)| subject).collect();
        assert_eq!(opened, calls.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(world.texts("SELECT call FROM audit_entry WHERE action = 'hotline.open' ORDER BY id").await, opened);
        calls.sort();
        calls.dedup();
        assert_eq!(calls.len(), 20);
    }
}
