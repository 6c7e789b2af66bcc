//! Every operation against every role.

use std::collections::BTreeSet;

use api::Role;
use server::http::accept::Peer;
use tests::both_engines;

#[test]
fn every_operation_of_the_contract_is_mounted_and_nothing_else_is() {
    let contract: BTreeSet<&str> = api::operations().iter().map(|operation| operation.name).collect();
    let mounted: BTreeSet<&str> = server::http::admin::mounted_operations().into_iter().collect();
    assert_eq!(contract, mounted);
}

#[test]
fn every_operation_names_at_least_one_role_and_each_role_can_do_something() {
    for operation in api::operations() {
        assert!(!operation.roles.is_empty(), "nobody may {}", operation.name);
    }
    for role in Role::ALL {
        assert!(api::operations().iter().any(|operation| operation.roles.contains(role)), "{role} may do nothing");
    }
}

/// Who may do what, written down: a role that is taken away or given shows here, and its reason belongs into the change.
#[test]
fn who_may_do_what_is_what_was_agreed() {
    let mut told: Vec<String> = api::operations()
        .iter()
        .map(|operation| {
            let mut roles: Vec<&str> = operation.roles.iter().map(|role| role.as_str()).collect();
            roles.sort_unstable();
            format!("{:<22} {}", operation.name, roles.join(", "))
        })
        .collect();
    told.sort();
    insta::assert_snapshot!("who_may_do_what", told.join("\n"));
}

both_engines! {
    async fn an_operation_is_allowed_to_its_roles_and_denied_to_every_other(world: &World) {
        for role in Role::ALL {
            let desk = world.operator(&format!("only-{role}"), &[*role]).await;
            for operation in api::operations() {
                // An empty request: who may ask is decided before what is asked.
                let answer = desk.under(&tests::world::desk::fresh_key()).post(operation.name, "{}").await;
                let code = answer.reply.err().map(|problem| problem.code).unwrap_or_default();
                let denied = answer.status == 403 && code == "auth.role";
                let allowed = operation.roles.contains(role);
                assert_eq!(denied, !allowed, "{role} asks '{}': {} {code}", operation.name, answer.status);
            }
        }
    }

    async fn no_operation_takes_a_field_that_it_does_not_know(world: &World) {
        for operation in api::operations() {
            let first = world.first().under(&tests::world::desk::fresh_key());
            let problem = first.post(operation.name, r#"{"staet":"suspended"}"#).await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"), "{}", operation.name);
            assert!(problem.fields[0].message.contains("unknown field `staet`"), "{}: {problem:?}", operation.name);
        }
    }

    async fn a_denied_request_is_in_the_audit_log(world: &World) {
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        world.clock.ticks();
        let answer = auditor.under("a-key-0001").post("key.rotate", r#"{"purpose":"token-signing"}"#).await;

        let problem = answer.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (403, "auth.role"));
        assert!(problem.hint.unwrap().contains("key-officer"), "the hint names who may");
        assert_eq!(world.audited("key.rotate").await, [("auditor-1".into(), String::new(), "refused".into())]);
        assert_eq!(world.leaves().await.last().unwrap()["facts"]["code"], "auth.role");
    }

    async fn two_roles_are_the_sum_of_both(world: &World) {
        let desk = world.operator("both", &[Role::Auditor, Role::KeyOfficer]).await;
        assert_eq!(desk.post("audit.list", "{}").await.status, 200);
        assert_eq!(desk.post("key.list", "{}").await.status, 200);
        assert_eq!(desk.post("operator.list", "{}").await.status, 200, "an auditor reads the operators");
        assert_eq!(desk.under("a-key-0002").post("operator.add", "{}").await.status, 403);
    }

    async fn without_a_certificate_every_path_but_the_enrolment_is_401(world: &World) {
        let stranger = world.as_peer(Peer(None));
        for operation in api::operations() {
            let problem = stranger.under("a-key-0003").post(operation.name, "{}").await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-missing"), "{}", operation.name);
        }
        let problem = stranger.post("no.such-operation", "{}").await.reply.unwrap_err();
        assert_eq!(problem.code, "auth.certificate-missing", "a stranger is not told which paths there are");
        let problem = world.enrolment("no such code", "no such request").await.reply.unwrap_err();
        assert_ne!(problem.status, 401);
    }
}
