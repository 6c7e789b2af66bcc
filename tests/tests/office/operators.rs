//! Operators come in, and are shut out.

use std::time::Duration;

use api::Role;
use api::operator::{AddOperator, DisableOperator, EnableOperator, ListOperators, OperatorState, ShowOperator, WhoAmI};
use futures_util::future::join_all;
use pki::{KeyKind, PrivateKey};
use tests::both_engines;

fn add(id: &str) -> AddOperator {
    AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::HotlineAgent] }
}

fn request() -> String {
    pki::make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whatever the client says").unwrap()
}

both_engines! {
    async fn a_new_operator_enrols_with_their_code_and_is_who_the_record_says(world: &World) {
        let added = world.first().call(&add("agent-7")).await.unwrap();
        assert_eq!(added.expires_at, domain::Clock::now(&*world.clock).plus(Duration::from_mins(10)));
        let shown = world.first().call(&ShowOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!((shown.state, shown.certificates.len()), (OperatorState::Invited, 0));

        world.enrols("agent-7", &added.code.unwrap()).await;

        let me = world.as_operator("agent-7").call(&WhoAmI {}).await.unwrap();
        assert_eq!((me.operator.as_str(), me.name.as_str(), me.roles.as_slice()), ("agent-7", "Duty officer", &[Role::HotlineAgent][..]));
        assert_eq!(world.audited("operator.enrol").await, [("agent-7".into(), "agent-7".into(), "done".into())]);
        let leaves = world.leaves().await;
        let enrolled = leaves.iter().find(|leaf| leaf["action"] == "operator.enrol").unwrap();
        assert!(enrolled["request_id"].is_string() && enrolled["facts"]["serial"].is_string(), "{enrolled}");
    }

    async fn a_code_read_out_in_small_letters_is_good(world: &World) {
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        world.enrols("agent-7", &format!(" {}\n", code.to_lowercase())).await;
    }

    async fn a_code_works_once(world: &World) {
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        world.enrols("agent-7", &code).await;
        let problem = world.enrolment(&code, &request()).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (403, "enrol.code"));
    }

    async fn of_eight_who_try_one_code_at_once_one_comes_in(world: &World) {
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        let requests: Vec<String> = (0..8).map(|_| request()).collect();
        let answers = join_all(requests.iter().map(|request| world.enrolment(&code, request))).await;
        let came_in = answers.iter().filter(|answer| answer.status == 200).count();
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).map(|answer| answer.status.as_u16()).collect();
        assert_eq!(came_in, 1, "{refused:?}");
        assert!(refused.iter().all(|status| matches!(status, 403 | 409)), "{refused:?}");
        assert_eq!(world.number("SELECT COUNT(*) FROM certificate WHERE holder_kind = 'operator' AND holder = 'agent-7' AND der IS NOT NULL").await, 1);
    }

    async fn a_code_is_good_for_ten_minutes(world: &World) {
        let late = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        let in_time = world.first().call(&add("agent-8")).await.unwrap().code.unwrap();
        world.clock.advance(Duration::from_mins(10));
        world.enrols("agent-8", &in_time).await;
        world.clock.advance(Duration::from_micros(1));
        let problem = world.enrolment(&late, &request()).await.reply.unwrap_err();
        assert_eq!(problem.code, "enrol.code");
        assert!(problem.hint.unwrap().contains("operator add"));
    }

    async fn wrong_spent_and_late_codes_are_told_apart_by_nobody(world: &World) {
        let spent = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        world.enrols("agent-7", &spent).await;
        let late = world.first().call(&add("agent-8")).await.unwrap().code.unwrap();
        world.clock.advance(Duration::from_mins(11));
        let mut told = Vec::new();
        for code in [spent.as_str(), late.as_str(), "0000-0000-0000-0000-0000-0000", ""] {
            let problem = world.enrolment(code, &request()).await.reply.unwrap_err();
            told.push((problem.status, problem.code, problem.message, problem.hint));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    async fn wrong_codes_are_in_the_audit_log_a_few_a_minute_and_counted(world: &World) {
        for _ in 0..10 {
            world.enrolment("0000-0000-0000-0000-0000-0000", &request()).await.reply.unwrap_err();
        }
        assert_eq!(world.audited("operator.enrol").await, vec![("system".into(), String::new(), "refused".into()); 3]);
        world.clock.advance(Duration::from_mins(1));
        world.enrolment("0000-0000-0000-0000-0000-0000", &request()).await.reply.unwrap_err();
        let leaf = world.leaves().await.pop().unwrap();
        assert_eq!((leaf["facts"]["code"].as_str(), leaf["facts"]["left_out"].as_u64()), (Some("enrol.code"), Some(7)));
        assert!(leaf["request_id"].is_string());
    }

    async fn a_second_invitation_spends_the_first_code(world: &World) {
        let first = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        let second = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        assert_eq!(world.enrolment(&first, &request()).await.reply.unwrap_err().code, "enrol.code");
        world.enrols("agent-7", &second).await;
    }

    async fn an_operator_who_lost_their_key_enrols_again_and_the_old_certificate_is_worth_nothing(world: &World) {
        let lost = world.operator("agent-7", &[Role::HotlineAgent]).await;
        let again = AddOperator { name: "Operator agent-7".to_owned(), ..add("agent-7") };
        let code = world.first().call(&again).await.unwrap().code.unwrap();
        lost.call(&WhoAmI {}).await.unwrap();

        world.enrols("agent-7", &code).await;
        let problem = lost.call(&WhoAmI {}).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-revoked"));
        assert!(problem.hint.unwrap().contains("operator add"));
        world.as_operator("agent-7").call(&WhoAmI {}).await.unwrap();
        let shown = world.first().call(&ShowOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!(shown.certificates.iter().filter(|certificate| certificate.revoked_at.is_none()).count(), 1);
        assert_eq!((shown.certificates.len(), shown.state), (2, OperatorState::Active));
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code");
    }

    async fn a_code_changes_neither_the_name_nor_the_roles_of_who_has_enrolled(world: &World) {
        world.operator("agent-7", &[Role::HotlineAgent]).await;
        let as_before = AddOperator { name: "Operator agent-7".to_owned(), ..add("agent-7") };
        for other in [
            AddOperator { name: "Somebody else".to_owned(), ..as_before.clone() },
            AddOperator { roles: vec![Role::HotlineAgent, Role::Administrator], ..as_before.clone() },
        ] {
            let problem = world.first().call(&other).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (409, "operator.exists"));
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE enrolment_mac IS NOT NULL").await, 0);
        world.first().call(&as_before).await.unwrap();
    }

    async fn whoever_was_disabled_and_is_invited_again_stays_out_until_they_enrol(world: &World) {
        let lost = world.operator("agent-7", &[Role::HotlineAgent]).await;
        world.first().call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        let again = AddOperator { name: "Operator agent-7".to_owned(), ..add("agent-7") };
        let code = world.first().call(&again).await.unwrap().code.unwrap();
        assert_eq!(lost.call(&WhoAmI {}).await.unwrap_err().code, "auth.operator-disabled");
        world.enrols("agent-7", &code).await;
        assert_eq!(lost.call(&WhoAmI {}).await.unwrap_err().code, "auth.certificate-revoked");
        world.as_operator("agent-7").call(&WhoAmI {}).await.unwrap();
    }

    async fn an_administrator_renews_their_own_certificate(world: &World) {
        let second = world.operator("administrator-2", &[Role::Administrator]).await;
        let own = AddOperator { name: "Operator administrator-2".to_owned(), roles: vec![Role::Administrator], ..add("administrator-2") };
        let code = second.call(&own).await.unwrap().code.unwrap();
        world.enrols("administrator-2", &code).await;
        world.as_operator("administrator-2").call(&WhoAmI {}).await.unwrap();
    }

    async fn a_dry_run_gives_no_code(world: &World) {
        let tried = world.first().dry_run().call(&add("agent-7")).await.unwrap();
        assert_eq!((tried.code, tried.note.as_deref()), (None, Some("a dry run makes no code")));
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE id = 'agent-7'").await, 0);
    }

    async fn the_last_administrator_is_found_among_more_than_a_thousand(world: &World) {
        world.operator("zz-administrator", &[Role::Administrator]).await;
        for tens in 0..4 {
            let rows: Vec<String> = (0..300)
                .map(|number| format!("('a-{tens}-{number:03}', 'Agent', 'hotline-agent', 'active', 1, 0)"))
                .collect();
            world.execute(&format!("INSERT INTO operator (id, name, roles, state, version, created_at) VALUES {}", rows.join(","))).await;
        }
        let mut read = world.app.store.read().await.unwrap();
        let found: Vec<String> =
            read.active_with_role(Role::Administrator).await.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["first-operator", "zz-administrator"]);
    }

    async fn neither_code_nor_request_is_found_in_the_database(world: &World) {
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        for leaf in world.leaves().await {
            assert!(!leaf.to_string().contains(&code));
        }
        let problem = world.enrolment(&code, "-----BEGIN CERTIFICATE REQUEST-----").await.reply.unwrap_err();
        assert_eq!(problem.status, 422);
        assert!(!format!("{problem:?}").contains(&code));
        world.enrols("agent-7", &code).await;
    }

    async fn an_operator_who_is_disabled_is_refused_at_the_next_request(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        agent.call(&WhoAmI {}).await.unwrap();

        let shut_out = world.first().call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!(shut_out.state, OperatorState::Disabled);

        let problem = agent.call(&WhoAmI {}).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (403, "auth.operator-disabled"));
        assert_eq!(world.audited("operator.whoami").await, [("agent-7".into(), String::new(), "refused".into())]);

        world.first().call(&EnableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        agent.call(&WhoAmI {}).await.unwrap();
    }

    async fn a_disabled_invitation_cannot_be_used(world: &World) {
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        world.first().call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code");
        let again = world.first().call(&EnableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!(again.state, OperatorState::Invited, "let in again, they still need a code");
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code");
    }

    async fn nobody_shuts_themselves_out(world: &World) {
        let second = world.operator("administrator-2", &[Role::Administrator]).await;
        let problem = second.call(&DisableOperator { operator: "administrator-2".parse().unwrap() }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "operator.self"));
        second.call(&DisableOperator { operator: "first-operator".parse().unwrap() }).await.unwrap();
        second.call(&EnableOperator { operator: "first-operator".parse().unwrap() }).await.unwrap();
    }

    async fn two_administrators_cannot_shut_each_other_out_at_once(world: &World) {
        let second = world.operator("administrator-2", &[Role::Administrator]).await;
        let (out_first, out_second) = (
            DisableOperator { operator: "first-operator".parse().unwrap() },
            DisableOperator { operator: "administrator-2".parse().unwrap() },
        );
        let first = world.first();
        let (one, other) = tokio::join!(second.call(&out_first), first.call(&out_second));
        assert_eq!([&one, &other].iter().filter(|done| done.is_ok()).count(), 1, "{one:?} {other:?}");
        // Whoever was slower was let in before or after they were shut out.
        let code = one.err().or(other.err()).unwrap().code;
        assert!(["operator.last-administrator", "auth.operator-disabled"].contains(&code.as_str()), "{code}");
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE state = 'active'").await, 1);
    }

    async fn the_record_decides_what_an_operator_may_and_their_certificate_does_not(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        world.execute("UPDATE operator SET roles = 'auditor' WHERE id = 'agent-7'").await;
        assert_eq!(agent.call(&WhoAmI {}).await.unwrap().roles, [Role::Auditor]);
        assert_eq!(agent.post("audit.list", "{}").await.status, 200);
    }

    async fn operators_are_listed_page_by_page(world: &World) {
        for id in ["agent-a", "agent-b", "agent-c"] {
            world.first().call(&add(id)).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut list = ListOperators::default();
        list.page.limit = Some(2);
        loop {
            let page = world.first().call(&list).await.unwrap();
            seen.extend(page.items.iter().map(|operator| operator.operator.to_string()));
            match page.next {
                Some(next) => list.page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["agent-a", "agent-b", "agent-c", "first-operator"]);
    }

    async fn a_name_with_a_terminal_escape_is_refused(world: &World) {
        for name in ["\u{1b}]0;owned\u{7}", "Duty\u{202e}officer", "", "a\u{200b}b", "tab\there"] {
            let op = AddOperator { name: name.to_owned(), ..add("agent-7") };
            let problem = world.first().call(&op).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "operator.name"), "{name:?}");
            assert!(!problem.message.contains('\u{1b}') && !problem.message.contains('\u{202e}'), "{:?}", problem.message);
        }
        let problem = world.first().call(&AddOperator { roles: Vec::new(), ..add("agent-7") }).await.unwrap_err();
        assert_eq!(problem.code, "operator.roles");
    }
}

/// The slower of two who shut each other out: let in, and shut out themselves while the request waits for its turn. Only
/// PostgreSQL tells who waits.
#[test]
fn the_last_administrator_stays_whoever_was_let_in_before() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let second = world.operator("administrator-2", &[Role::Administrator]).await;
        let other = tests::world::postgres::connect(&world.database.as_ref().unwrap().url()).await;
        let mut held = other.begin().await.unwrap();
        let register = format!("SELECT pg_advisory_xact_lock({})", server::store::Register::Administrators as i64);
        sqlx::raw_sql(sqlx::AssertSqlSafe(register)).execute(&mut *held).await.unwrap();
        let out_first = DisableOperator { operator: "first-operator".parse().unwrap() };
        let meanwhile = async {
            let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
                           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            while world.number(waiting).await == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            world.execute("UPDATE operator SET state = 'disabled' WHERE id = 'administrator-2'").await;
            held.commit().await.unwrap();
        };
        let (asked, ()) = tokio::join!(second.call(&out_first), meanwhile);
        other.close().await;
        let problem = asked.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "operator.last-administrator"));
        assert_eq!(world.texts("SELECT id FROM operator WHERE state = 'active'").await, ["first-operator"]);
    });
}

both_engines! {
    from Setup::production();

    async fn no_request_breaks_the_log_however_long_and_strange_what_it_names(world: &World) {
        let mut op: serde_json::Value = {
            let file = std::fs::read_to_string(tests::fixtures::path("population/lcq5.yaml")).unwrap();
            serde_json::to_value(serde_yaml::from_str::<domain::Population>(&file).unwrap()).unwrap()
        };
        for id in ["x".repeat(2 << 20), "\u{0}\r\n\u{202e}".to_owned()] {
            op["id"] = id.into();
            let body = serde_json::json!({ "population": op, "scale": 0.01, "seed": 7 });
            let answer = world.first().under(&tests::world::desk::fresh_key()).post("sandbox.populate", body.to_string()).await;
            assert_eq!(answer.reply.unwrap_err().code, "population.production");
        }
        let named: Vec<String> = world.audited("sandbox.populate").await.into_iter().map(|entry| entry.1).collect();
        assert_eq!(named.len(), 2);
        assert!(named.iter().all(|subject| subject.len() < 300 && !subject.contains(char::is_control)), "{named:?}");
        // Whether the log still verifies is judged at the end of every test.
    }

    async fn severe_verbs_wait_on_production_until_the_second_administrator_is_in(world: &World) {
        world.first().call(&add("agent-7")).await.unwrap();
        let key_officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let kid = world.texts("SELECT kid FROM key_generation WHERE purpose = 'token-signing' AND state = 'active' ORDER BY kid").await;
        let revoke = format!(r#"{{"kid":"{}","reason":"key-compromise"}}"#, kid[0]);

        let problem = key_officer.under("revoke-0001").post("key.revoke", revoke.clone()).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (403, "approval.second-administrator"));

        world.enrols("second-administrator", world.second_code.as_ref().unwrap()).await;
        assert_eq!(key_officer.under("revoke-0001").post("key.revoke", revoke).await.status, 200, "the refusal was not kept as the reply");
    }
}
