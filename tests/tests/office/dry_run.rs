//! A dry run takes the server's own path and changes nothing.

use api::Role;
use api::operator::{AddOperator, DisableOperator};
use tests::both_engines;

both_engines! {
    async fn a_dry_run_says_what_would_be_and_leaves_no_trace(world: &World) {
        world.operator("agent-7", &[Role::HotlineAgent]).await;
        let before = world.census().await;
        let desk = world.first().dry_run();

        let add = AddOperator { id: "agent-8".parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::Auditor] };
        assert_eq!(desk.call(&add).await.unwrap().operator.as_str(), "agent-8");
        let out = desk.call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        assert_eq!(out.state, api::operator::OperatorState::Disabled);
        let rotated = desk.under("a-dry-key-1").post("key.rotate", r#"{"purpose":"token-signing"}"#).await;
        assert_eq!(rotated.reply.unwrap().as_array().unwrap().len(), 2, "one generation an algorithm");

        assert_eq!(world.census().await, before);
        assert_eq!(world.texts("SELECT state FROM operator WHERE id = 'agent-7'").await, ["active"]);
    }

    async fn a_dry_run_is_refused_as_the_real_one_would_be_and_is_not_audited(world: &World) {
        let before = world.census().await;
        let problem = world.first().dry_run().call(&DisableOperator { operator: "nobody-here".parse().unwrap() }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (404, "operator.not-found"));
        assert_eq!(world.census().await, before);
    }

    async fn a_dry_run_does_not_use_up_its_key(world: &World) {
        let desk = world.first().under("one-key-for-both");
        let add = AddOperator { id: "agent-8".parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::Auditor] };
        desk.dry_run().call(&add).await.unwrap();
        let real = desk.ask(&add).await;
        assert!(!real.replayed());
        let rehearsed = desk.dry_run().ask(&add).await;
        assert!(!rehearsed.replayed(), "a rehearsal never answers with the real reply");
        assert!(real.reply.is_ok());
    }

    async fn a_dry_run_by_somebody_who_may_not_is_denied_and_audited(world: &World) {
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        let answer = auditor.under("a-dry-key-2").dry_run().post("key.rotate", r#"{"purpose":"token-signing"}"#).await;
        assert_eq!(answer.reply.unwrap_err().code, "auth.role");
        assert_eq!(world.audited("key.rotate").await.len(), 1, "who tries doors is on record, rehearsal or not");
    }

    async fn the_header_says_true_or_false(world: &World) {
        let desk = world.first().under("a-key-0001").with_header(api::DRY_RUN, "perhaps");
        let problem = desk.post("key.rotate", r#"{"purpose":"token-signing"}"#).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "request.dry-run"));
        let desk = world.first().under("a-key-0002").with_header(api::DRY_RUN, "false");
        assert_eq!(desk.post("key.rotate", r#"{"purpose":"token-signing"}"#).await.status, 200);
    }

    async fn a_body_that_is_no_request_changes_nothing_and_says_where(world: &World) {
        let before = world.census().await;
        for (body, words) in [
            ("", "EOF"),
            ("{", "EOF"),
            (r#"{"purpose":"token-signing","colour":"red"}"#, "colour"),
            (r#"{"purpose":"tokens"}"#, "purpose"),
            (r#"{"purpose":7}"#, "purpose"),
            (r#"{"purpose":"token-signing"} and more"#, "follows"),
            (r#"{"purpose":"token-signing","purpose":"token-signing"}"#, "duplicate"),
            ("[[[[[[[[[[[[[[[[[[[[[[", ""),
        ] {
            let problem = world.first().under("a-key-0003").post("key.rotate", body).await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"), "{body}: {problem:?}");
            let told = serde_json::to_string(&problem).unwrap();
            assert!(told.contains(words), "{body}: {told}");
        }
        let deep = "[".repeat(200_000);
        let problem = world.first().under("a-key-0003").post("key.rotate", deep).await.reply.unwrap_err();
        assert_eq!(problem.status, 422);
        assert_eq!(world.census().await, before);
    }
}
