//! The key of the look-up columns rotates: everybody is found at every moment, and a card number has one account at every moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::account::{ImportAccounts, ImportRow, Imported};
use api::hotline::{FindCaller, Identifier, OpenCall};
use api::key::RotateKey;
use api::rotation::{AbortPlan, EmergencyRotation, PausePlan, ResumePlan};
use domain::{ActivateAt, Channel, HoldCause, KeyPurpose, PlanState, RevocationReason};
use server::app::App;
use server::key::material::{BATCH, advance};
use server::key::steps::take_due;
use server::keys::watch::watch;
use tests::World;
use tests::both_engines;
use tests::world::FIRST;
use tests::world::citizen::{Citizen, Registered};

use crate::key_encryption::{TEN_MINUTES, citizens, plan, work};

async fn rotate(world: &World, activate: ActivateAt) -> String {
    let rotate = RotateKey { activate, ..RotateKey::of(KeyPurpose::BlindIndex) };
    world.first().call(&rotate).await.unwrap().remove(0).key.kid.to_string()
}

/// Counts the files that were imported: each is another one.
static FILES: AtomicU64 = AtomicU64::new(0);

/// Imports one registration at a node.
async fn register(world: &World, node: &Arc<App>, citizen: &Citizen<'_>) -> Imported {
    let file = format!("{:064x}", FILES.fetch_add(1, Ordering::Relaxed));
    let rows = vec![ImportRow { line: 1, registration: citizen.registration(Channel::Remote, None) }];
    world.at_node(node, FIRST).call(&ImportAccounts { file, chunk: 0, rows }).await.unwrap()
}

/// Every one of them is found by card and by phone, once, at every one of these nodes.
async fn all_found(world: &World, nodes: &[&Arc<App>], people: &[Registered]) {
    for node in nodes {
        let desk = world.at_node(node, FIRST);
        let call = desk.call(&OpenCall {}).await.unwrap().call;
        for citizen in people {
            for by in [Identifier::Hkic(citizen.hkic.clone()), Identifier::Phone(citizen.phone.clone())] {
                let found = desk.call(&FindCaller { call, by }).await.unwrap();
                assert_eq!(found.iter().map(|found| found.account).collect::<Vec<_>>(), [citizen.account]);
                assert!(found[0].name_masked.is_some());
            }
        }
    }
}

/// Somebody new registers at two nodes at once, one of which has looked at nothing for a while: one registration goes through,
/// and nobody who is there registers again. Gives the new one.
async fn one_account_a_card(world: &World, asleep: &Arc<App>, people: &[Registered], cards: &[Citizen<'_>]) -> Registered {
    world.clock.advance(Duration::from_secs(1));
    for card in cards {
        for node in [&world.app, asleep] {
            let told = register(world, node, card).await;
            assert_eq!((told.registered, told.refused.len()), (0, 1));
            assert_eq!(told.refused[0].code, "account.already-registered");
        }
    }
    let fresh = world.citizen("WONG SIU MING");
    let (here, there) = tokio::join!(register(world, &world.app, &fresh), register(world, asleep, &fresh));
    assert_eq!(here.registered + there.registered, 1, "exactly one wins");
    assert_eq!(here.unchanged + there.unchanged, 1);
    watch(&world.app).await.unwrap();
    let account = world.account_of(&fresh.hkic).await.unwrap();
    let total = world.number("SELECT COUNT(*) FROM account WHERE hkic_index IS NOT NULL").await;
    assert_eq!(total, i64::try_from(people.len()).unwrap() + 1);
    Registered { account, hkic: fresh.hkic, phone: fresh.phone }
}

/// Accounts with second columns, and accounts by generation of the first.
async fn columns(world: &World) -> (i64, i64, i64) {
    let second =
        world.number("SELECT COUNT(*) FROM account WHERE hkic_index_next IS NOT NULL AND phone_index_next IS NOT NULL").await;
    let old = world.number("SELECT COUNT(*) FROM account WHERE index_generation = 1").await;
    let new = world.number("SELECT COUNT(*) FROM account WHERE index_generation = 2").await;
    (second, old, new)
}

both_engines! {
    async fn everybody_is_found_and_a_card_has_one_account_at_every_stage(world: &World) {
        let cards: Vec<Citizen<'_>> = (0..7).map(|_| world.citizen("CHAN TAI MAN")).collect();
        let mut people = Vec::new();
        for card in &cards {
            register(world, &world.app, card).await;
            let account = world.account_of(&card.hkic).await.unwrap();
            people.push(Registered { account, hkic: card.hkic.clone(), phone: card.phone.clone() });
        }
        // Nodes that last looked at the keys before the rotation, one for each stage: nobody may rest on what they remember.
        let mut asleep = Vec::new();
        for _ in 0..6 {
            asleep.push(world.another_node().await);
        }
        watch(&world.app).await.unwrap();
        assert_eq!(rotate(world, ActivateAt::AfterPublish).await, "people-2");
        all_found(world, &[&world.app], &people).await;
        people.push(one_account_a_card(world, &asleep[0], &people, &cards).await);
        assert_eq!(columns(world).await, (1, 8, 0), "whoever registers now has both");
        // Half of them are brought after.
        assert!(advance(&world.app, 3).await.unwrap());
        assert_eq!(columns(world).await, (4, 8, 0));
        people.push(one_account_a_card(world, &asleep[1], &people, &cards).await);
        all_found(world, &[&world.app, &asleep[1]], &people).await;
        // Its date comes before it is ready.
        world.clock.advance(TEN_MINUTES);
        take_due(&world.app).await.unwrap();
        let held = plan(world).await;
        assert_eq!((held.state, held.held_for), (PlanState::Held, Some(HoldCause::Work)));
        let progress = held.work.unwrap();
        assert_eq!((progress.what.as_str(), progress.done, progress.total), ("look-up values computed", 3, 7));
        work(world, 3).await;
        assert_eq!(columns(world).await, (9, 9, 0));
        people.push(one_account_a_card(world, &asleep[2], &people, &cards).await);
        // It takes over.
        take_due(&world.app).await.unwrap();
        assert_eq!(world.texts("SELECT kid FROM key_generation WHERE purpose = 'blind-index' AND state = 'active'").await, ["people-2"]);
        all_found(world, &[&world.app, &asleep[2], &asleep[3]], &people).await;
        people.push(one_account_a_card(world, &asleep[4], &people, &cards).await);
        assert_eq!(columns(world).await, (10, 10, 1), "whoever registers now has the new one alone");
        assert!(advance(&world.app, 4).await.unwrap());
        assert_eq!(columns(world).await, (6, 6, 5));
        people.push(one_account_a_card(world, &asleep[5], &people, &cards).await);
        all_found(world, &[&world.app, &asleep[5]], &people).await;
        // The old one is not retired before its last value is gone.
        world.clock.advance(TEN_MINUTES);
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Running);
        work(world, 4).await;
        assert_eq!(columns(world).await, (0, 0, 12));
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
        let kept = "SELECT kid FROM key_generation WHERE purpose = 'blind-index' AND private_sealed IS NOT NULL";
        assert_eq!(world.texts(kept).await, ["people-2"], "the old key is destroyed");
        watch(&world.app).await.unwrap();
        all_found(world, &[&world.app, &asleep[0], &world.another_node().await], &people).await;
        let said: Vec<String> = world.leaves().await.iter().filter_map(|leaf| leaf["action"].as_str().map(str::to_owned)).collect();
        assert_eq!(said.iter().filter(|said| *said == "key.index").count(), 2, "filled, and put in place");
    }

    async fn a_node_may_die_after_any_step_and_another_goes_on_with_the_look_up_values(world: &World) {
        let people = citizens(world, 9).await;
        let (a, b) = (world.another_node().await, world.another_node().await);
        let op = RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::BlindIndex) };
        let (here, there) = (world.at_node(&a, FIRST), world.at_node(&b, FIRST));
        let (asked, other) = tokio::join!(here.call(&op), there.call(&op));
        assert_eq!([asked.is_ok(), other.is_ok()].iter().filter(|won| **won).count(), 1, "exactly one wins");
        // Every step by a node that dies after it; the batches by two at once.
        let mut steps = 0;
        while plan(world).await.state != PlanState::Done {
            let (one, two) = (world.another_node().await, world.another_node().await);
            let (first, second) = tokio::join!(advance(&one, 4), advance(&two, 4));
            first.unwrap();
            second.unwrap();
            world.clock.advance(Duration::from_mins(1));
            let (first, second) = tokio::join!(take_due(&one), take_due(&two));
            first.unwrap();
            second.unwrap();
            all_found(world, &[&one], &people).await;
            steps += 1;
            assert!(steps < 40, "it goes on and on: {:?}", plan(world).await);
        }
        assert_eq!(columns(world).await, (0, 0, 9));
        watch(&world.app).await.unwrap();
        all_found(world, &[&world.app], &people).await;
    }

    async fn a_rotation_that_is_called_off_leaves_no_second_values_behind(world: &World) {
        let mut people = citizens(world, 5).await;
        rotate(world, ActivateAt::AfterPublish).await;
        assert!(advance(&world.app, 3).await.unwrap());
        let called_off = plan(world).await.plan;
        people.extend(citizens(world, 1).await);
        assert_eq!(columns(world).await, (4, 6, 0));
        world.first().call(&AbortPlan { plan: called_off }).await.unwrap();
        people.extend(citizens(world, 1).await);
        assert_eq!(columns(world).await, (4, 7, 0), "not filled any more");
        work(world, 2).await;
        assert_eq!(columns(world).await, (0, 7, 0));
        assert_eq!(world.number("SELECT COUNT(*) FROM key_work").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE kid = 'people-2' AND private_sealed IS NOT NULL").await, 0);
        // Another one goes through, while the key-encryption key is rotated as well.
        watch(&world.app).await.unwrap();
        assert_eq!(rotate(world, ActivateAt::Now).await, "people-3");
        world.first().call(&RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::Data) }).await.unwrap();
        watch(&world.app).await.unwrap();
        for _ in 0..4 {
            work(world, BATCH).await;
            world.clock.advance(TEN_MINUTES);
            watch(&world.app).await.unwrap();
            take_due(&world.app).await.unwrap();
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM key_plan WHERE state = 'done'").await, 2);
        assert_eq!(world.number("SELECT COUNT(*) FROM account WHERE index_generation = 3 AND hkic_index_next IS NULL").await, 7);
        watch(&world.app).await.unwrap();
        all_found(world, &[&world.app], &people).await;
    }

    async fn a_damaged_record_holds_the_new_key_until_somebody_decides(world: &World) {
        let people = citizens(world, 4).await;
        world.execute_with("UPDATE account SET profile = $1 WHERE ordinal = 2", &[7; 60]).await;
        let damaged = world.number("SELECT reference FROM account WHERE ordinal = 2").await;
        rotate(world, ActivateAt::Now).await;
        work(world, BATCH).await;
        take_due(&world.app).await.unwrap();
        let held = plan(world).await;
        assert_eq!((held.state, held.held_for), (PlanState::Held, Some(HoldCause::Work)));
        assert!(held.work.unwrap().what.contains("1 of accounts whose record is damaged"), "the plan says why");
        world.first().call(&PausePlan { plan: held.plan }).await.unwrap();
        let resume = ResumePlan { plan: held.plan, override_reason: Some("The person is asked to come again.".into()) };
        world.first().call(&resume).await.unwrap();
        take_due(&world.app).await.unwrap();
        work(world, BATCH).await;
        world.clock.advance(TEN_MINUTES);
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
        watch(&world.app).await.unwrap();
        let whole = people.into_iter().filter(|one| i64::try_from(one.account.number()) != Ok(damaged)).collect::<Vec<_>>();
        assert_eq!(whole.len(), 3);
        all_found(world, &[&world.app], &whole).await;
    }

    async fn a_look_up_key_is_not_withdrawn_in_one_moment(world: &World) {
        let (purpose, reason) = (KeyPurpose::BlindIndex, RevocationReason::KeyCompromise);
        let op = EmergencyRotation { purpose, name: None, algorithm: None, reason };
        assert_eq!(world.first().call(&op).await.unwrap_err().code, "key.no-emergency");
    }
}
