//! Rotation as a plan: written down, run, weighed against who is ready, paused, called off, and in an emergency.

use std::sync::Arc;
use std::time::Duration;

use api::key::{ListKeys, RevokeKey, RotateKey, RotatedKey, ShowKey};
use api::operator::AddOperator;
use api::rotation::{
    AbortPlan, AcknowledgeKeys, EmergencyRotation, ListPlans, PartyReadiness, PausePlan, PlanRotation, PlanView, ResumePlan,
    RunPlan, ShowPlan,
};
use api::{Problem, Role};
use axum::body::Body;
use domain::{
    ActivateAt, Attribution, Clock, HoldCause, KeyAlgorithm, KeyPurpose, KeyState, Kid, PlanRef, PlanState, RevocationReason,
    RotationStep, StepState, Verdict,
};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::key::sightings::write_down;
use server::key::sign::{sign_token, verify_token};
use server::key::steps::take_due;
use tests::fixtures::made_up;
use tests::{World, both_engines};
use tower::ServiceExt;

use super::party_keys::fresh_key;
use super::relying_parties::{apply, edited, suspend};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const A_DAY: Duration = Duration::from_hours(24);

fn es256(activate: ActivateAt) -> RotateKey {
    RotateKey { algorithm: Some(KeyAlgorithm::Es256), activate, ..RotateKey::of(KeyPurpose::TokenSigning) }
}

pub(super) async fn rotate(world: &World) -> RotatedKey {
    world.first().call(&es256(ActivateAt::AfterPublish)).await.unwrap().remove(0)
}

pub(super) fn plan_of(made: &RotatedKey) -> PlanRef {
    made.key.plan.unwrap()
}

pub(super) async fn show(world: &World, plan: PlanRef) -> PlanView {
    world.first().call(&ShowPlan { plan }).await.unwrap()
}

pub(super) async fn state_of(world: &World, kid: &Kid) -> KeyState {
    world.first().call(&ShowKey { kid: kid.clone() }).await.unwrap().key.state
}

pub(super) async fn goes_by(world: &World, time: Duration) -> usize {
    world.clock.advance(time);
    write_down(&world.app).await.unwrap();
    take_due(&world.app).await.unwrap()
}

/// What is answered at a path of the public listener.
async fn get(world: &World, path: &str) -> (StatusCode, Value) {
    let router = server::http::public::router(Arc::clone(&world.app));
    let answer = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// The party's system fetches the key set from the address it was given.
pub(super) async fn fetches(world: &World, client: &str) {
    let (status, set) = get(world, &format!("/oauth2/jwks/{client}")).await;
    assert_eq!((status, set), get(world, "/oauth2/jwks").await, "the same content as everybody's");
    write_down(&world.app).await.unwrap();
}

/// A party with a credential.
async fn onboard(world: &World, id: &str, name: [&str; 2]) {
    let party = edited(&made_up(id, name[0], name[1]), |manifest| {
        manifest["credentials"] = json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": [fresh_key()] } }]);
    });
    apply(&world.first(), &[party]).await.unwrap();
}

async fn two_parties(world: &World) {
    onboard(world, "drill-office", ["Drill Office", "演習處"]).await;
    onboard(world, "water-office", ["Water Office", "食水處"]).await;
    // A third one has no credential and logs nobody in.
    apply(&world.first(), &[made_up("tram-office", "Tram Office", "電車處")]).await.unwrap();
}

pub(super) fn of<'a>(plan: &'a PlanView, rp: &str) -> &'a PartyReadiness {
    plan.ledger.iter().find(|party| party.rp.as_str() == rp).unwrap()
}

fn verdicts(plan: &PlanView) -> Vec<(&str, Verdict)> {
    plan.ledger.iter().map(|party| (party.rp.as_str(), party.verdict)).collect()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Problem>) -> (u16, String) {
    let problem = answer.unwrap_err();
    assert!(problem.status == 409 || problem.status == 422 || problem.status == 404, "{problem:?}");
    (problem.status, problem.code)
}

async fn facts(world: &World, action: &str) -> Value {
    let leaves = world.leaves().await;
    leaves.iter().rev().find(|leaf| leaf["action"] == action).unwrap()["facts"].clone()
}

both_engines! {
    async fn a_plan_shows_its_steps_with_dates_and_changes_nothing(world: &World) {
        two_parties(world).await;
        let now = world.clock.now();
        let op = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate: ActivateAt::AfterPublish };
        let plan = world.first().call(&op).await.unwrap();
        assert_eq!((plan.state, plan.activate_at, plan.kids.len()), (PlanState::Planned, now.plus(TEN_MINUTES), 0));
        assert_eq!(plan.algorithms, [KeyAlgorithm::Es256, KeyAlgorithm::Ps256]);
        assert_eq!(plan.replaces.len(), 2);
        assert_eq!(plan.lapses_at, Some(now.plus(7 * A_DAY)));
        let steps: Vec<_> = plan.steps.iter().map(|step| (step.step, step.at, step.until, step.state)).collect();
        let ahead = StepState::Ahead;
        let (active, gone) = (now.plus(TEN_MINUTES), now.plus(2 * TEN_MINUTES));
        assert_eq!(steps, [
            (RotationStep::Publish, now, None, ahead),
            (RotationStep::Wait, now, Some(active), ahead),
            (RotationStep::Activate, active, None, ahead),
            (RotationStep::Drain, active, Some(gone), ahead),
            (RotationStep::Retire, gone, None, ahead),
        ]);
        let settings: Vec<_> = plan.steps.iter().flat_map(|step| &step.settings).map(|s| (s.name.as_str(), s.seconds)).collect();
        assert_eq!(settings, [("keyPublishInterval", 600), ("jwksMaxAge", 300), ("keyDrainInterval", 600), ("longest token", 300)]);
        assert_eq!(verdicts(&plan), [
            ("drill-office", Verdict::Unknown),
            ("tram-office", Verdict::NoCredential),
            ("water-office", Verdict::Unknown),
        ]);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 0);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 0, "nothing happens until it is run");

        // Run, it is published then, and its dates count from then on.
        let made = world.first().call(&RunPlan { plan: plan.plan, override_reason: None }).await.unwrap();
        assert_eq!(made.len(), 2);
        assert!(made.iter().all(|made| made.key.plan == Some(plan.plan) && made.key.state == KeyState::Published));
        assert_eq!(made[0].readiness.unknown, 2);
        let running = show(world, plan.plan).await;
        assert_eq!((running.state, running.activate_at), (PlanState::Running, world.clock.now().plus(TEN_MINUTES)));
        assert_eq!(refused(world.first().call(&RunPlan { plan: plan.plan, override_reason: None }).await), (409, "key.plan-state".into()));
    }

    async fn the_next_plan_of_a_line_takes_the_place_of_one_that_was_not_run(world: &World) {
        let op = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate: ActivateAt::AfterPublish };
        let first = world.first().call(&op).await.unwrap();
        world.clock.ticks();
        let second = world.first().call(&op).await.unwrap();
        assert_eq!(show(world, first.plan).await.state, PlanState::Lapsed);
        assert_eq!(refused(world.first().call(&RunPlan { plan: first.plan, override_reason: None }).await), (409, "key.plan-lapsed".into()));
        world.clock.ticks();
        rotate(world).await;
        assert_eq!(show(world, second.plan).await.state, PlanState::Lapsed, "and a rotation in one breath does as well");
        let listed = world.first().call(&ListPlans::default()).await.unwrap().items;
        assert_eq!(listed.iter().map(|plan| plan.state).collect::<Vec<_>>(), [PlanState::Running, PlanState::Lapsed, PlanState::Lapsed]);
        let only = ListPlans { state: Some(PlanState::Running), ..ListPlans::default() };
        assert_eq!(world.first().call(&only).await.unwrap().items.len(), 1);
    }

    async fn a_plan_that_nobody_runs_lapses_after_a_week(world: &World) {
        let op = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate: ActivateAt::AfterPublish };
        let plan = world.first().call(&op).await.unwrap().plan;
        for day in 0..8 {
            // Somebody works each day.
            world.operator(&format!("agent-{day}"), &[Role::HotlineAgent]).await;
            goes_by(world, A_DAY).await;
        }
        assert_eq!(show(world, plan).await.state, PlanState::Lapsed);
        assert_eq!(world.audited("key.lapse").await, [("system".into(), plan.to_string(), "done".into())]);
    }

    async fn a_planned_rotation_is_taken_when_everybody_has_fetched_the_new_key(world: &World) {
        two_parties(world).await;
        let made = rotate(world).await;
        for client in ["drill-office.enquiry", "water-office.enquiry"] {
            fetches(world, client).await;
        }
        let plan = show(world, plan_of(&made)).await;
        assert_eq!(plan.readiness.unwrap().ready, 2);
        let seen = of(&plan, "drill-office").seen.clone().unwrap();
        assert_eq!((seen.client.as_deref(), seen.how), (Some("drill-office.enquiry"), Attribution::OwnAddress));
        assert!(seen.kids.contains(&made.key.kid) && seen.at == world.clock.now());
        assert_eq!(of(&plan, "drill-office").breaks, "nothing");
        assert_eq!(of(&plan, "drill-office").credential.as_ref().unwrap().kind, "jwks");

        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
        assert_eq!(facts(world, "key.activate").await["readiness"]["ready"], 2);
        assert_eq!(show(world, plan.plan).await.replaces.len(), 1);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        let done = show(world, plan.plan).await;
        assert_eq!((done.state, done.finished_at), (PlanState::Done, Some(world.clock.now())));
        assert!(done.steps.iter().all(|step| step.state == StepState::Done));
    }

    async fn a_party_of_which_nothing_is_known_holds_the_new_key_back(world: &World) {
        two_parties(world).await;
        fetches(world, "water-office.enquiry").await;
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1, "the step is that it is held");
        let plan = show(world, plan_of(&made)).await;
        assert_eq!((plan.state, plan.held_for), (PlanState::Held, Some(HoldCause::Parties)));
        assert_eq!((of(&plan, "drill-office").verdict, of(&plan, "water-office").verdict), (Verdict::Ready, Verdict::NotReady));
        assert_eq!(of(&plan, "water-office").breaks, "water-office.enquiry would refuse our tokens until the key set is fetched again");
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Published);
        assert_eq!(world.audited("key.hold").await, [("system".into(), plan.plan.to_string(), "done".into())]);
        assert_eq!(facts(world, "key.hold").await["parties"], json!(["water-office"]));
        assert_eq!(goes_by(world, TEN_MINUTES).await, 0, "it is held once, not every second");
        let checks = world.first().call(&api::instance::CheckInstance {}).await.unwrap();
        let held = checks.iter().find(|check| check.id == "rotation").unwrap();
        assert!(!held.ok && held.detail.starts_with(&format!("rotation {} of token-signing tokens is held", plan.plan)), "{held:?}");
        assert!(held.mend.as_ref().unwrap().contains(&format!("iamctl key plan {}", plan.plan)), "{held:?}");
        let keys = checks.iter().find(|check| check.id == "keys").unwrap();
        assert!(keys.ok, "the node does its work all the while: {keys:?}");
        let next = world.first().call(&ShowKey { kid: made.key.kid.clone() }).await.unwrap().next.unwrap();
        assert_eq!(next, format!("becomes active when rotation {}, held, goes on", plan.plan));

        // A word is asked for, with a reason that is kept.
        let resume = |reason: Option<&str>| ResumePlan { plan: plan.plan, override_reason: reason.map(str::to_owned) };
        assert_eq!(refused(world.first().call(&resume(None)).await), (409, "key.plan-held".into()));
        assert_eq!(refused(world.first().call(&resume(Some("\u{202e}")))  .await), (422, "key.override".into()));
        let resumed = world.first().call(&resume(Some("told by phone, ticket 4711"))).await.unwrap();
        assert_eq!((resumed.state, resumed.overridden.unwrap().reason.as_str()), (PlanState::Running, "told by phone, ticket 4711"));
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
        assert_eq!(facts(world, "key.activate").await["override"]["reason"], "told by phone, ticket 4711");
    }

    async fn a_held_rotation_goes_on_by_itself_when_the_last_one_is_ready(world: &World) {
        two_parties(world).await;
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        goes_by(world, TEN_MINUTES).await;
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Held);
        // The word of the other one, whose fetches cannot be told from others'.
        let ack = AcknowledgeKeys { rp: "water-office".parse().unwrap(), kids: vec![], plan: made.key.plan };
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let party = officer.call(&ack).await.unwrap();
        assert_eq!(party.verdict, Verdict::Ready);
        let seen = party.seen.unwrap();
        assert_eq!((seen.how, seen.said_to.unwrap().as_str()), (Attribution::Acknowledgement, "rp-officer-1"));
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
    }

    async fn a_word_is_about_keys_that_are_shown(world: &World) {
        two_parties(world).await;
        let made = rotate(world).await;
        let ack = |kids: Vec<Kid>, plan| AcknowledgeKeys { rp: "water-office".parse().unwrap(), kids, plan };
        let unknown = "never-was".parse().unwrap();
        assert_eq!(refused(world.first().call(&ack(vec![unknown], None)).await), (409, "key.not-shown".into()));
        assert_eq!(refused(world.first().call(&ack(vec![], None)).await), (422, "key.ack".into()));
        let nobody = AcknowledgeKeys { rp: "nobody-here".parse().unwrap(), kids: vec![made.key.kid.clone()], plan: None };
        assert_eq!(refused(world.first().call(&nobody).await), (404, "relying-party.not-found".into()));
        assert_eq!(world.first().call(&ack(vec![made.key.kid.clone()], None)).await.unwrap().verdict, Verdict::Ready);
        let plan = plan_of(&made);
        world.first().call(&AbortPlan { plan }).await.unwrap();
        let problem = world.first().call(&ack(vec![], Some(plan))).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "key.plan-state"));
        assert_eq!(problem.message, format!("plan {plan} is aborted: no key of it is shown"));
    }

    async fn a_word_about_the_old_key_says_nothing_of_the_new_one(world: &World) {
        two_parties(world).await;
        let made = rotate(world).await;
        let old = show(world, plan_of(&made)).await.replaces.remove(0);
        let ack = |kids: Vec<Kid>| AcknowledgeKeys { rp: "water-office".parse().unwrap(), kids, plan: None };
        assert_eq!(world.first().call(&ack(vec![old.clone()])).await.unwrap().verdict, Verdict::Ready, "for what it named");
        fetches(world, "drill-office.enquiry").await;
        assert_eq!(of(&show(world, plan_of(&made)).await, "water-office").verdict, Verdict::NotReady);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        assert_eq!(show(world, plan_of(&made)).await.held_for, Some(HoldCause::Parties));
        let both = world.first().call(&ack(vec![old, made.key.kid.clone()])).await.unwrap();
        assert_eq!((both.verdict, both.seen.unwrap().kids.len()), (Verdict::Ready, 2));
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
    }

    async fn who_logs_nobody_in_is_not_waited_for(world: &World) {
        two_parties(world).await;
        suspend(&world.first(), "water-office", "its key leaked").await.unwrap();
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        let plan = show(world, plan_of(&made)).await;
        assert_eq!(verdicts(&plan), [
            ("drill-office", Verdict::Ready),
            ("tram-office", Verdict::NoCredential),
            ("water-office", Verdict::NoService),
        ]);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
    }

    async fn an_address_of_no_client_is_none(world: &World) {
        two_parties(world).await;
        for path in ["nobody.enquiry", "drill-office.nothing", "drill-office", "..", "%00", "drill-office.enquiry.more"] {
            let (status, problem) = get(world, &format!("/oauth2/jwks/{path}")).await;
            assert_eq!((status.as_u16(), problem["code"].as_str()), (404, Some("client.not-found")), "{path}");
        }
        // What shows nobody a key proves nothing.
        let router = server::http::public::router(Arc::clone(&world.app));
        let head = Request::head("/oauth2/jwks/drill-office.enquiry").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(head).await.unwrap().status(), 200);
        get(world, "/oauth2/jwks").await;
        assert_eq!(write_down(&world.app).await.unwrap(), 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM jwks_sighting").await, 0);
    }

    async fn a_thousand_fetches_are_one_row_and_no_entry(world: &World) {
        two_parties(world).await;
        let entries = world.number("SELECT COUNT(*) FROM audit_entry").await;
        for _ in 0..1_000 {
            get(world, "/oauth2/jwks/drill-office.enquiry").await;
        }
        assert_eq!(write_down(&world.app).await.unwrap(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM jwks_sighting").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_entry").await, entries);
    }

    async fn at_once_is_for_when_everybody_is_ready_or_on_somebodys_word(world: &World) {
        let made = world.first().call(&es256(ActivateAt::Now)).await.unwrap().remove(0);
        assert_eq!((made.key.state, made.readiness.awaited()), (KeyState::Active, 0), "there is nobody yet");
        goes_by(world, TEN_MINUTES).await;
        two_parties(world).await;
        let before = world.census().await;
        for desk in [world.first(), world.first().dry_run()] {
            let refused = desk.call(&es256(ActivateAt::Now)).await.unwrap_err();
            assert_eq!((refused.status, refused.code.as_str()), (409, "key.plan-held"), "{refused:?}");
            assert!(refused.hint.unwrap().contains("--override --reason TEXT"));
        }
        let now = world.census().await;
        let changed: Vec<_> = before.iter().zip(&now).filter(|(one, other)| one != other).map(|(one, _)| one.0.as_str()).collect();
        assert_eq!(changed, ["audit_entry"], "only that it was refused");
        let planned = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: Some(KeyAlgorithm::Es256), activate: ActivateAt::Now };
        let plan = world.first().call(&planned).await.unwrap().plan;
        assert_eq!(refused(world.first().call(&RunPlan { plan, override_reason: None }).await), (409, "key.plan-held".into()));

        world.clock.ticks();
        let op = RotateKey { override_reason: Some("told by phone, ticket 4711".to_owned()), ..es256(ActivateAt::Now) };
        let made = world.first().call(&op).await.unwrap().remove(0);
        assert_eq!((made.key.state, made.readiness.awaited()), (KeyState::Active, 2));
        assert_eq!(facts(world, "key.rotate").await["rotation"]["override"]["reason"], "told by phone, ticket 4711");
        assert!(made.replaced.is_some());
        assert_eq!(facts(world, "key.rotate").await["rotation"]["readiness"]["unknown"], 2);
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Running, "the old one drains");
        goes_by(world, TEN_MINUTES).await;
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Done);
    }

    async fn paused_before_its_date_it_waits_and_afterwards_the_old_key_stays(world: &World) {
        let made = rotate(world).await;
        let plan = plan_of(&made);
        let paused = world.first().call(&PausePlan { plan }).await.unwrap();
        assert_eq!(paused.state, PlanState::Paused);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 0);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Published);
        let resume = ResumePlan { plan, override_reason: None };
        world.first().call(&resume).await.unwrap();
        assert_eq!(goes_by(world, Duration::ZERO).await, 1, "what fell due meanwhile is due at once");
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);

        let old = show(world, plan).await.replaces.remove(0);
        world.first().call(&PausePlan { plan }).await.unwrap();
        assert_eq!(goes_by(world, 2 * TEN_MINUTES).await, 0);
        assert_eq!(state_of(world, &old).await, KeyState::Draining, "its tokens are good for as long as it is paused");
        assert_eq!(refused(world.first().call(&PausePlan { plan }).await), (409, "key.plan-state".into()));
        world.first().call(&resume).await.unwrap();
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!((state_of(world, &old).await, show(world, plan).await.state), (KeyState::Retired, PlanState::Done));
    }

    async fn called_off_before_it_signs_the_new_key_is_gone_and_afterwards_it_cannot_be(world: &World) {
        let made = rotate(world).await;
        let plan = plan_of(&made);
        world.first().call(&PausePlan { plan }).await.unwrap();
        let aborted = world.first().call(&AbortPlan { plan }).await.unwrap();
        assert_eq!(aborted.state, PlanState::Aborted);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Retired);
        assert_eq!(facts(world, "key.abort").await["retired"], json!([made.key.kid]));
        assert_eq!(goes_by(world, TEN_MINUTES).await, 0);
        assert_eq!(refused(world.first().call(&AbortPlan { plan }).await), (409, "key.plan-state".into()));

        let made = rotate(world).await;
        goes_by(world, TEN_MINUTES).await;
        let answer = world.first().call(&AbortPlan { plan: plan_of(&made) }).await.unwrap_err();
        assert_eq!(answer.code, "key.plan-activated");
        assert!(answer.hint.unwrap().contains("key rotate"));
    }

    async fn revoking_by_hand_ends_a_plan_that_has_nothing_left_to_do(world: &World) {
        let made = rotate(world).await;
        let op = RevokeKey { kid: made.key.kid.clone(), reason: RevocationReason::KeyCompromise };
        world.first().call(&op).await.unwrap();
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Aborted);

        let made = rotate(world).await;
        let old = show(world, plan_of(&made)).await.replaces.remove(0);
        world.first().call(&RevokeKey { kid: old, reason: RevocationReason::KeyCompromise }).await.unwrap();
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Done, "the waiting one has taken its place");

        let made = rotate(world).await;
        goes_by(world, TEN_MINUTES).await;
        let old = show(world, plan_of(&made)).await.replaces.remove(0);
        world.first().call(&RevokeKey { kid: old, reason: RevocationReason::KeyCompromise }).await.unwrap();
        assert_eq!(show(world, plan_of(&made)).await.state, PlanState::Done);
        rotate(world).await;
    }

    async fn of_two_officers_who_run_one_plan_one_wins(world: &World) {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        for activate in [ActivateAt::AfterPublish, ActivateAt::Now] {
            let op = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate };
            let plan = one.call(&op).await.unwrap().plan;
            let run = RunPlan { plan, override_reason: None };
            let (a, b) = tokio::join!(one.call(&run), other.call(&run));
            let refused: Vec<Problem> = [a, b].into_iter().filter_map(Result::err).collect();
            assert_eq!(refused.len(), 1, "{activate:?}");
            assert!(["key.rotation-in-progress", "key.plan-state"].contains(&refused[0].code.as_str()), "{refused:?}");
            assert_eq!(refused[0].exit(), api::Exit::Conflict);
            goes_by(world, TEN_MINUTES).await;
            goes_by(world, TEN_MINUTES).await;
            assert_eq!(show(world, plan).await.state, PlanState::Done);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE purpose = 'token-signing'").await, 6);
    }
}

async fn signed(world: &World) -> String {
    sign_token(&world.app, pki::JwsAlgorithm::ES256, pki::TokenType::Jwt, br#"{"sub":"x"}"#).await.unwrap()
}

async fn accepted(world: &World, token: &str) -> bool {
    verify_token(&world.app, token).await.unwrap().is_ok()
}

/// What the doctor says of notices.
async fn outbox_check(world: &World) -> api::instance::Check {
    let checks = world.first().call(&api::instance::CheckInstance {}).await.unwrap();
    checks.into_iter().find(|check| check.id == "outbox").unwrap()
}

fn emergency(algorithm: Option<KeyAlgorithm>) -> EmergencyRotation {
    EmergencyRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm, reason: RevocationReason::KeyCompromise }
}

both_engines! {
    async fn at_three_in_the_morning_the_leaked_key_is_worth_nothing_from_that_moment(world: &World) {
        two_parties(world).await;
        let token = signed(world).await;
        assert!(accepted(world, &token).await);
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let made = officer.call(&emergency(None)).await.unwrap();
        assert_eq!(made.len(), 2);
        assert!(made.iter().all(|made| made.key.state == KeyState::Active && made.replaced.is_some()));
        assert!(!accepted(world, &token).await, "a token that the leaked key signed");
        assert!(accepted(world, &signed(world).await).await);
        for made in &made {
            assert_eq!(state_of(world, made.replaced.as_ref().unwrap()).await, KeyState::Revoked);
        }
        let (_, set) = get(world, "/oauth2/jwks").await;
        let mut shown: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
        let mut fresh: Vec<&str> = made.iter().map(|made| made.key.kid.as_str()).collect();
        shown.sort_unstable();
        fresh.sort_unstable();
        assert_eq!(shown, fresh, "only the new ones are shown");

        // Everybody with a credential is told, without any secret.
        let told = world.texts("SELECT receiver FROM outbox WHERE kind = 'key.compromised' ORDER BY receiver").await;
        assert_eq!(told, ["drill-office", "water-office"]);
        let payload: Value = serde_json::from_str(&world.texts("SELECT payload FROM outbox").await[0]).unwrap();
        assert_eq!(payload["reason"], "key-compromise");
        assert_eq!(payload["revoked"].as_array().unwrap().len(), 2);
        assert_eq!(payload["active"], json!(made.iter().map(|made| &made.key.kid).collect::<Vec<_>>()));

        let plan = show(world, plan_of(&made[0])).await;
        assert_eq!((plan.state, plan.emergency), (PlanState::Done, Some(RevocationReason::KeyCompromise)));
        assert_eq!(plan.replaces.len(), 2);
        // No notice reaches them: the reply, the log and the doctor say so, for somebody has to call.
        let notices = made[0].notices.clone().unwrap();
        let names: Vec<&str> = notices.without_a_way.iter().map(domain::RelyingPartyId::as_str).collect();
        assert_eq!((notices.on_their_way, names), (0, vec!["drill-office", "water-office"]));
        assert_eq!(facts(world, "key.emergency").await["notices"]["without_a_way"], json!(["drill-office", "water-office"]));
        let outbox = outbox_check(world).await;
        assert!(!outbox.ok && outbox.detail.contains("2 notices (key.compromised) reach nobody"), "{outbox:?}");
        assert!(outbox.mend.unwrap().contains("iamctl rp show RP"));
    }

    async fn a_key_that_is_revoked_by_hand_is_told_of_like_one_in_an_emergency(world: &World) {
        two_parties(world).await;
        let keys = world.first().call(&ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() }).await.unwrap();
        let old = keys.items.iter().find(|key| key.algorithm == KeyAlgorithm::Es256).unwrap().kid.clone();
        let op = RevokeKey { kid: old.clone(), reason: RevocationReason::KeyCompromise };
        let before = world.census().await;
        let rehearsed = world.first().dry_run().call(&op).await.unwrap();
        assert_eq!(world.census().await, before, "nobody is told of a rehearsal");
        let revoked = world.first().call(&op).await.unwrap();
        assert_eq!(revoked.notices, rehearsed.notices);
        let new = revoked.replaced_by.unwrap();
        assert_eq!(revoked.readiness.unwrap().unknown, 2, "they fail until they fetch the key set");
        assert_eq!(revoked.notices.unwrap().without_a_way.len(), 2);
        let told = world.texts("SELECT receiver FROM outbox WHERE kind = 'key.compromised' ORDER BY receiver").await;
        assert_eq!(told, ["drill-office", "water-office"]);
        let payload: Value = serde_json::from_str(&world.texts("SELECT payload FROM outbox").await[0]).unwrap();
        assert_eq!((&payload["revoked"], &payload["active"]), (&json!([old]), &json!([new])));
        assert_eq!((payload["reason"].as_str(), payload["purpose"].as_str()), (Some("key-compromise"), Some("token-signing")));
        let facts = facts(world, "key.revoke").await;
        assert_eq!((facts["readiness"]["unknown"].as_u64(), facts["replaced_by"].as_str()), (Some(2), Some(new.as_str())));
        assert!(!outbox_check(world).await.ok);
    }

    async fn an_emergency_revokes_what_still_drains_as_well(world: &World) {
        let oldest = signed(world).await;
        let at_once = RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::TokenSigning) };
        let first = world.first().call(&at_once).await.unwrap();
        // Another line's rotation, which is none of this one's business.
        let stamps = world.first().call(&RotateKey::of(KeyPurpose::TimeStamping)).await.unwrap();
        let newer = signed(world).await;
        assert!(accepted(world, &oldest).await && accepted(world, &newer).await);
        assert_eq!(show(world, plan_of(&first[0])).await.state, PlanState::Running);

        let made = world.first().call(&emergency(None)).await.unwrap();
        assert!(!accepted(world, &oldest).await && !accepted(world, &newer).await, "the stolen key may be the one before");
        let (_, set) = get(world, "/oauth2/jwks").await;
        assert_eq!(set["keys"].as_array().unwrap().len(), 2, "only the new ones are shown");
        let mut named: Vec<_> = made.iter().flat_map(|made| made.withdrawn.clone()).collect();
        assert_eq!(made.iter().map(|made| made.withdrawn.len()).collect::<Vec<_>>(), [2, 2]);
        for (made, first) in made.iter().zip(&first) {
            assert_eq!(made.replaced.as_ref(), Some(&first.key.kid), "the one that signed");
        }
        for kid in &named {
            assert_eq!(state_of(world, kid).await, KeyState::Revoked);
        }
        let facts = facts(world, "key.emergency").await;
        let mut noted: Vec<_> = facts["revoked"].as_array().unwrap().iter().map(|kid| kid.as_str().unwrap().to_owned()).collect();
        named.sort();
        noted.sort();
        assert_eq!(noted, named.iter().map(ToString::to_string).collect::<Vec<_>>());
        let plan = show(world, plan_of(&first[0])).await;
        assert_eq!(plan.state, PlanState::Done, "nothing of it is left to wait for");
        assert_eq!(facts["ended"], json!([format!("{} done", plan.plan)]));
        assert_eq!(show(world, plan_of(&stamps[0])).await.state, PlanState::Running);
    }

    async fn after_an_emergency_the_plan_tells_who_has_the_new_keys_by_now(world: &World) {
        two_parties(world).await;
        let made = world.first().call(&emergency(None)).await.unwrap();
        let plan = show(world, plan_of(&made[0])).await;
        assert_eq!((plan.state, plan.has_taken_over()), (PlanState::Done, true));
        assert_eq!(plan.readiness.map(|before| (before.ready, before.awaited())), Some((0, 2)));
        fetches(world, "drill-office.enquiry").await;
        let plan = show(world, plan.plan).await;
        assert_eq!((of(&plan, "drill-office").verdict, of(&plan, "water-office").verdict), (Verdict::Ready, Verdict::Unknown));
        // Of keys that sign no more there is nothing to wait for.
        world.first().call(&emergency(None)).await.unwrap();
        assert_eq!(show(world, plan.plan).await.readiness, None);
    }

    async fn in_an_emergency_the_key_that_waits_takes_over_for_others_may_know_it(world: &World) {
        let waiting = world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
        let made = world.first().call(&emergency(Some(KeyAlgorithm::Es256))).await.unwrap();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].key.kid, waiting[0].key.kid);
        // The rotation that was under way is called off, and what it had published of the other algorithm goes with it.
        assert_eq!(show(world, plan_of(&waiting[0])).await.state, PlanState::Aborted);
        assert_eq!(state_of(world, &waiting[1].key.kid).await, KeyState::Retired);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 0);
        world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
    }

    async fn of_two_emergencies_at_once_one_replaces_the_key(world: &World) {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        let op = emergency(None);
        let (a, b) = tokio::join!(one.call(&op), other.call(&op));
        let refused: Vec<Problem> = [a, b].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].status, refused[0].code.as_str()), (409, "key.rotation-in-progress"));
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'revoked'").await, 2);
    }

    async fn a_token_is_good_until_the_key_that_signed_it_is_retired(world: &World) {
        let token = signed(world).await;
        rotate(world).await;
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        let next = signed(world).await;
        assert_ne!(token.split('.').next(), next.split('.').next(), "another kid");
        assert!(accepted(world, &token).await && accepted(world, &next).await);
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        assert!(!accepted(world, &token).await && accepted(world, &next).await);
        for bad in ["", "a.b", "a.b.c", &format!("{next}x"), &next.replace('.', "..")] {
            assert!(!accepted(world, bad).await, "{bad}");
        }
    }

    async fn a_clock_a_year_ahead_takes_no_step_and_says_so(world: &World) {
        let made = rotate(world).await;
        world.seal().await;
        world.clock.advance(365 * A_DAY);
        assert_eq!(goes_by(world, Duration::ZERO).await, 0, "the date has passed, says a clock that nobody believes");
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Published);
        assert_eq!(world.audited("key.watch").await.len(), 1);
        let checks = world.first().call(&api::instance::CheckInstance {}).await.unwrap();
        let clock = checks.iter().find(|check| check.id == "clock").unwrap();
        assert!(clock.detail.contains("may have jumped") && clock.detail.contains("8760 hours"), "{clock:?}");
        // Somebody works there: that proves nothing yet.
        let colleague = AddOperator { id: "agent-7".parse().unwrap(), name: "Agent 7".to_owned(), roles: vec![Role::HotlineAgent] };
        world.first().call(&colleague).await.unwrap();
        assert_eq!(goes_by(world, Duration::from_hours(2)).await, 0);

        // Set right, it goes on as if nothing had been.
        world.clock.turn_back(365 * A_DAY);
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
        // Ahead again, what drains is not retired either.
        world.clock.advance(365 * A_DAY);
        assert_eq!(goes_by(world, Duration::ZERO).await, 0);
    }

    async fn after_a_month_switched_off_the_steps_wait_for_a_day_and_are_taken(world: &World) {
        let made = rotate(world).await;
        world.clock.advance(30 * A_DAY);
        let mut taken = 0;
        for _ in 0..5 {
            taken += goes_by(world, Duration::from_hours(5)).await;
        }
        assert_eq!((taken, state_of(world, &made.key.kid).await), (0, KeyState::Published));
        assert_eq!(goes_by(world, Duration::from_hours(5)).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
    }

    async fn a_date_that_lies_further_ahead_than_a_key_lives_is_refused(world: &World) {
        let far = ActivateAt::Time("2099-01-01T00:00:00Z".parse().unwrap());
        let planned = PlanRotation { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate: far };
        for refusal in [refused(world.first().call(&es256(far)).await), refused(world.first().call(&planned).await)] {
            assert_eq!(refusal, (409, "key.activation-too-late".into()));
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 0);
    }

    async fn on_an_idle_platform_a_rotation_of_next_week_keeps_its_date(world: &World) {
        let next_week = world.clock.now().plus(7 * A_DAY);
        let made = world.first().call(&es256(ActivateAt::Time(next_week))).await.unwrap().remove(0);
        for _ in 0..27 {
            assert_eq!(goes_by(world, Duration::from_hours(6)).await, 0);
        }
        assert_eq!(goes_by(world, Duration::from_hours(6)).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
        assert!(world.audited("key.watch").await.len() >= 13, "twice a day somebody said that time goes by");
    }

    async fn a_node_that_dies_between_two_steps_leaves_what_the_next_one_goes_on_from(world: &World) {
        two_parties(world).await;
        let made = rotate(world).await;
        let plan = plan_of(&made);
        let step = async |by: Duration| {
            // Each step by a node that was just opened, and that dies after it.
            world.clock.advance(by);
            let node = world.another_node().await;
            let taken = take_due(&node).await.unwrap();
            node.store.engine().close().await;
            (taken, show(world, plan).await.state)
        };
        assert_eq!(step(Duration::ZERO).await, (0, PlanState::Running));
        assert_eq!(step(TEN_MINUTES).await, (1, PlanState::Held));
        world.first().call(&ResumePlan { plan, override_reason: Some("tests of theirs passed".to_owned()) }).await.unwrap();
        assert_eq!(step(Duration::ZERO).await, (1, PlanState::Running));
        assert_eq!(step(Duration::ZERO).await, (0, PlanState::Running));
        assert_eq!(step(TEN_MINUTES).await, (1, PlanState::Done));
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
        assert_eq!(world.audited("key.activate").await.len(), 1);
        assert_eq!(world.audited("key.retire").await.len(), 1);
    }
}
