//! One look at everything, as the dashboard opens with it.

use std::time::Duration;

use api::Role;
use api::account::SuspendAccount;
use api::instance::{Overview, ShowOverview};
use domain::{AccountState, Clock, Day, Function, KeyState, Outcome, SuspensionReason, Tier};
use tests::both_engines;
use tests::fixtures::party;
use tests::world::desk::Desk;

use crate::statistics::{brings_on_board, code, folds, happen, loads, used};

async fn look(desk: &Desk<'_>, days: Option<u32>) -> Overview {
    desk.call(&ShowOverview { days }).await.unwrap()
}

fn counts(overview: &Overview) -> Vec<(Tier, AccountState, u64)> {
    overview.accounts.iter().map(|count| (count.tier, count.state, count.count)).collect()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

both_engines! {
    async fn a_new_instance_is_empty_but_has_its_keys(world: &World) {
        let overview = look(&world.first(), None).await;
        assert_eq!(overview.instance, world.app.instance);
        assert_eq!((overview.environment, overview.at), (world.app.environment, world.clock.now()));
        assert!(counts(&overview).iter().all(|(_, _, count)| *count == 0));
        assert_eq!(counts(&overview).len(), Tier::ALL.len() * AccountState::ALL.len(), "none is left out");
        assert_eq!((overview.parties, overview.services, overview.uses), (0, 0, 0));
        assert_eq!(overview.uses_per_day, []);
        assert!(overview.keys.iter().any(|key| key.purpose.as_str() == "token-signing"));
        assert!(overview.keys.iter().all(|key| key.state != KeyState::Retired));
        assert_eq!(overview.jobs, []);
    }

    async fn accounts_by_tier_and_state_at_once(world: &World) {
        use AccountState::{Active, Closed, Suspended};
        use Tier::{IamSmart, IamSmartPlus};
        world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let citizen = world.citizen("WONG SIU MING").registers_at_kiosk("harbour-road-sports-centre").await;
        let before = counts(&look(&world.first(), None).await);
        let of = |wanted: AccountState| before.iter().filter(|(_, state, _)| *state == wanted).map(|(_, _, count)| count).sum::<u64>();
        assert_eq!((of(Active), of(Suspended), of(Closed)), (2, 0, 0));

        let supervisor = world.operator("supervisor-1", &[Role::HotlineSupervisor]).await;
        let suspend = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        supervisor.call(&suspend).await.unwrap();
        let suspended = counts(&look(&world.first(), None).await);
        assert_eq!(suspended, counts(&look(&world.first(), None).await));
        let by_state = |state: AccountState| [IamSmart, IamSmartPlus].map(|tier| suspended.iter().find(|row| row.0 == tier && row.1 == state).unwrap().2);
        assert_eq!((by_state(Active).iter().sum::<u64>(), by_state(Suspended).iter().sum::<u64>()), (1, 1));
        folds(world).await;
        assert_eq!(counts(&look(&world.first(), None).await), suspended, "counting changes nothing");
    }

    async fn uses_a_day_have_no_gaps(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department"), party("sandbox-gas-company")]).await;
        let etax = code(world, "inland-revenue-department.etax").await;
        let completed = |on: &str| used(world, etax, Function::Authentication, Outcome::Completed, day(on));
        loads(world, vec![completed("2026-01-01"), completed("2026-01-01"), completed("2026-01-03")]).await;
        happen(world, vec![completed("2026-01-04"), used(world, etax, Function::Signing, Outcome::Refused, day("2026-01-05"))]).await;
        let overview = look(&world.first(), Some(6)).await;
        let days: Vec<(String, u64)> = overview.uses_per_day.iter().map(|count| (count.day.to_string(), count.count)).collect();
        let expected = [("2025-12-31", 0), ("2026-01-01", 2), ("2026-01-02", 0), ("2026-01-03", 1), ("2026-01-04", 1), ("2026-01-05", 0)];
        assert_eq!(days, expected.map(|(day, count)| (day.to_owned(), count)));
        assert_eq!((overview.parties, overview.uses), (2, 4));
        assert_eq!(overview.services, (party("inland-revenue-department").services.len() + party("sandbox-gas-company").services.len()) as u64);
        assert_eq!(look(&world.first(), None).await.uses_per_day.len(), 60);
        for days in [0, 401] {
            let problem = world.first().call(&ShowOverview { days: Some(days) }).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "overview.days"));
        }
    }

    async fn everybody_sees_what_their_roles_reach(world: &World) {
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        world.clock.advance(Duration::from_secs(1));
        let (agent, officer, auditor) = (look(&agent, None).await, look(&officer, None).await, look(&auditor, None).await);
        assert!(agent.keys.is_empty() && agent.jobs.is_empty() && agent.audit.is_empty());
        assert!(!officer.keys.is_empty() && officer.audit.is_empty());
        assert_eq!(auditor.keys, officer.keys);
        assert!(!auditor.audit.is_empty() && auditor.audit.len() <= 10);
        assert!(auditor.audit.is_sorted_by(|newer, older| newer.id > older.id), "newest first");
        assert_eq!(agent.accounts, auditor.accounts);
    }
}
