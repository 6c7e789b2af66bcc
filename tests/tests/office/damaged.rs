//! A personal record that does not open, here because another account's lies in its place: the hotline still finds the caller
//! and stops the account.

use api::Role;
use api::account::{ImportAccounts, ImportRow, SuspendAccount};
use api::hotline::{FindCaller, Identifier, OpenCall};
use domain::{AccountState, Channel, SuspensionReason};
use server::usage::{fold::fold, recount};
use tests::world::citizen::Registered;
use tests::{World, both_engines};

/// Two of a family on one phone; the first one's columns then hold what is the second one's.
async fn mixed_up(world: &World, columns: &[&str]) -> [Registered; 2] {
    let mother = world.citizen("CHAN TAI MAN").registers_remotely().await;
    let child = world.citizen("CHAN SIU LING");
    let mut registration = child.registration(Channel::Remote, None);
    registration.phone = mother.phone.clone();
    let rows = vec![ImportRow { line: 1, registration }];
    world.first().call(&ImportAccounts { file: "0".repeat(64), chunk: 0, rows }).await.unwrap();
    let account = world.account_of(&child.hkic).await.unwrap();
    let child = Registered { account, hkic: child.hkic.clone(), phone: mother.phone.clone() };
    for column in columns {
        let other = format!("(SELECT {column} FROM account WHERE reference = {})", child.account.number());
        world.execute(&format!("UPDATE account SET {column} = {other} WHERE reference = {}", mother.account.number())).await;
    }
    [mother, child]
}

both_engines! {
    async fn one_damaged_record_hides_nobody_else_and_itself_not_either(world: &World) {
        let [mother, child] = mixed_up(world, &["profile"]).await;
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let call = agent.call(&OpenCall {}).await.unwrap().call;
        let found = agent.call(&FindCaller { call, by: Identifier::Phone(mother.phone.clone()) }).await.unwrap();
        assert_eq!(found.len(), 2);
        for found in found {
            let shown = (found.name_masked.is_some(), found.hkic_masked.is_some());
            assert_eq!(shown, (found.account == child.account, found.account == child.account), "never the other one's name");
        }
    }

    async fn an_account_whose_record_does_not_open_is_suspended_all_the_same(world: &World) {
        let [mother, _] = mixed_up(world, &["profile", "data_key"]).await;
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let call = agent.call(&OpenCall {}).await.unwrap().call;
        let note = Some("The neighbour called.".to_owned());
        let op = SuspendAccount { account: mother.account, reason: SuspensionReason::Other, call: Some(call), note };
        let suspended = agent.call(&op).await.unwrap();
        assert_eq!((suspended.state, suspended.already), (AccountState::Suspended, false));
        let leaves = world.leaves().await;
        let leaf = leaves.iter().find(|leaf| leaf["action"] == "account.suspend").unwrap();
        assert_eq!(leaf["facts"]["note"], "not kept", "there is no key to seal it under, and open it must not lie");
        assert_eq!(world.number("SELECT COUNT(*) FROM account_note").await, 0);
        while fold(&world.app).await.unwrap() > 0 {}
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        let unknown = "SELECT COUNT(*) FROM account_event WHERE kind = 3 AND birth_year = 0 AND sex = 0";
        assert_eq!(world.number(unknown).await, 1, "the event of statistics says unknown");
    }

    async fn a_note_that_comes_with_a_second_suspension_is_kept(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let call = agent.call(&OpenCall {}).await.unwrap().call;
        for (note, already) in [(None, false), (Some("Somebody else has it now."), true), (None, true)] {
            let op = SuspendAccount {
                account: citizen.account,
                reason: SuspensionReason::LostDevice,
                call: Some(call),
                note: note.map(str::to_owned),
            };
            assert_eq!(agent.call(&op).await.unwrap().already, already);
            world.clock.ticks();
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM account_note").await, 1);
        let told: Vec<_> = world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "account.suspend").collect();
        let notes: Vec<_> = told.iter().map(|leaf| leaf["facts"]["note"].as_str()).collect();
        assert_eq!(notes, [None, Some("kept"), None]);
    }
}
