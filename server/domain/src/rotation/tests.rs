use super::*;
use crate::key::Revocation;

fn noon() -> Timestamp {
    "2022-05-31T12:00:00+08:00".parse().unwrap()
}

fn after(minutes: u64) -> Timestamp {
    noon().plus(Duration::from_mins(minutes))
}

fn reference(number: u64) -> PlanRef {
    PlanRef::from_number(number).unwrap()
}

fn plan(state: PlanState) -> RotationPlan {
    let run = !matches!(state, PlanState::Planned | PlanState::Lapsed);
    RotationPlan {
        id: reference(7),
        purpose: KeyPurpose::TokenSigning,
        name: "tokens".to_owned(),
        algorithms: vec![KeyAlgorithm::Es256],
        state,
        created_at: noon(),
        created_by: Some("key-officer-1".parse().unwrap()),
        wanted: ActivateAt::AfterPublish,
        times: RotationTimes::default(),
        publish_at: run.then(noon),
        activate_at: run.then(|| after(10)),
        activated_at: None,
        finished_at: None,
        emergency: None,
        overridden: None,
        hold: (state == PlanState::Held).then_some(HoldCause::Parties),
        version: 1,
    }
}

fn active(state: PlanState) -> RotationPlan {
    RotationPlan { activated_at: Some(after(10)), ..plan(state) }
}

fn word() -> Override {
    Override { reason: "told by phone".to_owned(), by: "key-officer-1".parse().unwrap(), at: after(11) }
}

fn key(kid: &str, state: KeyState) -> KeyGeneration {
    KeyGeneration {
        kid: kid.parse().unwrap(),
        purpose: KeyPurpose::TokenSigning,
        name: "tokens".to_owned(),
        algorithm: KeyAlgorithm::Es256,
        state,
        created_at: noon(),
        activate_at: Some(after(10)),
        retire_at: (state == KeyState::Draining).then(|| after(20)),
        revocation: (state == KeyState::Revoked).then(|| Revocation { at: after(5), reason: RevocationReason::KeyCompromise }),
        plan: None,
        drained_by: None,
        version: 1,
    }
}

fn made(kid: &str, state: KeyState) -> KeyGeneration {
    KeyGeneration { plan: Some(reference(7)), ..key(kid, state) }
}

fn drained(kid: &str) -> KeyGeneration {
    KeyGeneration { drained_by: Some(reference(7)), ..key(kid, KeyState::Draining) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Run,
    Pause,
    Resume,
    ResumeAllTheSame,
    Abort,
    Hold,
    Activate,
    Finish,
    Lapse,
}

const VERBS: [Verb; 9] = [
    Verb::Run,
    Verb::Pause,
    Verb::Resume,
    Verb::ResumeAllTheSame,
    Verb::Abort,
    Verb::Hold,
    Verb::Activate,
    Verb::Finish,
    Verb::Lapse,
];

fn told(before: &RotationPlan, verb: Verb) -> Result<PlanState, &'static str> {
    let now = after(11);
    let done = match verb {
        Verb::Run => before.run(now, after(21)),
        Verb::Pause => before.pause(),
        Verb::Resume => before.resume(None),
        Verb::ResumeAllTheSame => before.resume(Some(word())),
        Verb::Abort => before.abort(now),
        Verb::Hold => before.hold(HoldCause::Parties),
        Verb::Activate => before.activate(now),
        Verb::Finish => before.finish(now),
        Verb::Lapse => before.lapse(now),
    };
    let done = done.map_err(|refusal| refusal.code)?;
    assert_eq!(done.finished_at.is_some(), done.is_over(), "{verb:?} of {before:?}");
    assert_eq!(done.hold.is_some(), done.state == PlanState::Held, "{verb:?} of {before:?}");
    Ok(done.state)
}

/// Every state with every verb, before and after the new key has taken over.
#[test]
fn every_verb_in_every_state() {
    use PlanState::{Aborted, Done, Held, Lapsed, Paused, Planned, Running};
    const STATE: Result<PlanState, &str> = Err("key.plan-state");
    const LAPSED: Result<PlanState, &str> = Err("key.plan-lapsed");
    const ACTIVE: Result<PlanState, &str> = Err("key.plan-activated");
    let table = [
        (plan(Planned), [Ok(Running), STATE, STATE, STATE, Ok(Aborted), STATE, STATE, STATE, Ok(Lapsed)]),
        (plan(Running), [STATE, Ok(Paused), STATE, STATE, Ok(Aborted), Ok(Held), Ok(Running), STATE, STATE]),
        (active(Running), [STATE, Ok(Paused), STATE, STATE, ACTIVE, ACTIVE, ACTIVE, Ok(Done), STATE]),
        (plan(Paused), [STATE, STATE, Ok(Running), Ok(Running), Ok(Aborted), STATE, STATE, STATE, STATE]),
        (active(Paused), [STATE, STATE, Ok(Running), Ok(Running), ACTIVE, STATE, STATE, STATE, STATE]),
        (plan(Held), [STATE, Ok(Paused), Err("key.plan-held"), Ok(Running), Ok(Aborted), Ok(Held), Ok(Running), STATE, STATE]),
        (active(Done), [STATE; 9]),
        (plan(Aborted), [STATE; 9]),
        (plan(Lapsed), [LAPSED; 9]),
    ];
    for state in PlanState::ALL {
        assert!(table.iter().any(|(plan, _)| plan.state == *state), "{state} is not in the table");
    }
    for (before, expected) in table {
        for (verb, expected) in VERBS.into_iter().zip(expected) {
            assert_eq!(told(&before, verb), expected, "{verb:?} of {}, active {:?}", before.state, before.activated_at);
        }
    }
}

#[test]
fn at_once_goes_by_readiness_a_word_or_an_emergency() {
    let plain = plan(PlanState::Running);
    let by_word = RotationPlan { overridden: Some(word()), ..plain.clone() };
    let emergency = RotationPlan { emergency: Some(RevocationReason::KeyCompromise), ..plain.clone() };
    for (plan, awaited, expected) in
        [(&plain, 0, Ok(())), (&plain, 1, Err("key.plan-held")), (&by_word, 1, Ok(())), (&emergency, 1, Ok(()))]
    {
        assert_eq!(plan.check_at_once(awaited).map_err(|refusal| refusal.code), expected, "{awaited} of {plan:?}");
    }
}

#[test]
fn nobody_waves_unfinished_work_through() {
    let held = RotationPlan { hold: Some(HoldCause::Work), ..plan(PlanState::Held) };
    for word in [None, Some(word())] {
        assert_eq!(held.resume(word).unwrap_err().code, "key.plan-working");
    }
    assert_eq!(held.activate(after(30)).unwrap().state, PlanState::Running, "when it is finished it goes on by itself");
}

#[test]
fn who_let_it_go_on_is_kept() {
    let running = plan(PlanState::Held).resume(Some(word())).unwrap();
    assert_eq!(running.overridden, Some(word()));
    let again = running.pause().unwrap().resume(None).unwrap();
    assert_eq!(again.overridden, Some(word()), "a pause takes nothing back");
}

#[test]
fn a_plan_is_run_within_a_week_or_not_at_all() {
    let fresh = plan(PlanState::Planned);
    let week = noon().plus(KEPT);
    let running = fresh.run(week, week.plus(Duration::from_mins(10))).unwrap();
    assert_eq!((running.publish_at, running.activate_at), (Some(week), Some(week.plus(Duration::from_mins(10)))));
    let late = week.plus(Duration::from_secs(1));
    assert_eq!(fresh.run(late, late).unwrap_err().code, "key.plan-lapsed");
    assert_eq!((fresh.due(&[], week), fresh.due(&[], late)), (None, Some(Due::Lapse)));
}

#[test]
fn what_is_due_of_a_running_plan_from_beginning_to_end() {
    let kids = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Kid>>();
    let waiting = [key("old", KeyState::Active), made("new", KeyState::Published)];
    let taken_over = [drained("old"), made("new", KeyState::Active)];
    let over = [key("old", KeyState::Retired), made("new", KeyState::Active)];
    let activate = Due::Activate { kids: kids(&["new"]), drains: kids(&["old"]) };
    for (plan, keys, minute, expected) in [
        (plan(PlanState::Running), &waiting, 9, None),
        (plan(PlanState::Running), &waiting, 10, Some(activate.clone())),
        (plan(PlanState::Held), &waiting, 10, Some(activate)),
        (active(PlanState::Running), &taken_over, 19, None),
        (active(PlanState::Running), &taken_over, 20, Some(Due::Retire { kid: "old".parse().unwrap() })),
        (active(PlanState::Running), &over, 20, Some(Due::Finish)),
    ] {
        assert_eq!(plan.due(keys, after(minute)), expected, "{} at {minute}", plan.state);
    }
    for state in [PlanState::Planned, PlanState::Paused, PlanState::Done, PlanState::Aborted, PlanState::Lapsed] {
        for keys in [&waiting, &taken_over, &over] {
            assert_eq!(plan(state).due(keys, after(1_000)), None, "{state}");
            let plan = RotationPlan { created_at: after(1_000), ..active(state) };
            assert_eq!(plan.due(keys, after(1_000)), None, "{state}");
        }
    }
}

#[test]
fn a_plan_touches_no_key_of_another() {
    let other = |key: KeyGeneration| KeyGeneration { plan: key.plan.map(|_| reference(8)), ..key };
    let keys = [
        key("old", KeyState::Active),
        other(made("theirs", KeyState::Published)),
        KeyGeneration { drained_by: Some(reference(8)), ..drained("older") },
        key("from-before-plans", KeyState::Draining),
    ];
    assert_eq!(plan(PlanState::Running).due(&keys, after(1_000)), None);
    assert_eq!(active(PlanState::Running).due(&keys, after(1_000)), Some(Due::Finish));
    // One that replaces nothing drains nothing, and one of two algorithms takes over with the other.
    let ps = |key: KeyGeneration| KeyGeneration { algorithm: KeyAlgorithm::Ps256, ..key };
    let keys = [made("es", KeyState::Published), ps(made("ps", KeyState::Published)), ps(key("ps-old", KeyState::Active))];
    let Some(Due::Activate { kids, drains }) = plan(PlanState::Running).due(&keys, after(10)) else { panic!("nothing is due") };
    assert_eq!((kids.len(), drains), (2, vec!["ps-old".parse().unwrap()]));
}

#[test]
fn a_key_that_was_withdrawn_by_hand_may_end_the_plan() {
    let running = plan(PlanState::Running);
    for (keys, expected) in [
        (vec![key("old", KeyState::Active), made("new", KeyState::Published)], None),
        (vec![key("old", KeyState::Active), made("new", KeyState::Revoked)], Some(PlanState::Aborted)),
        (vec![key("old", KeyState::Revoked), made("new", KeyState::Active)], Some(PlanState::Done)),
        (vec![drained("old"), made("new", KeyState::Active)], None),
    ] {
        assert_eq!(running.settled(&keys, after(5)).map(|plan| plan.state), expected, "{keys:?}");
    }
    let adopted = running.settled(&[made("new", KeyState::Active)], after(5)).unwrap();
    assert_eq!((adopted.activated_at, adopted.finished_at), (Some(after(5)), Some(after(5))));
    for state in [PlanState::Planned, PlanState::Done, PlanState::Aborted, PlanState::Lapsed] {
        assert_eq!(plan(state).settled(&[], after(5)), None, "{state}");
    }
}

#[test]
fn one_rotation_of_a_line_at_a_time() {
    let way = |open: &RotationPlan, purpose, name, algorithm| in_the_way(std::slice::from_ref(open), purpose, name, &[algorithm]);
    let tokens = |open: &RotationPlan| way(open, KeyPurpose::TokenSigning, "tokens", KeyAlgorithm::Es256);
    for state in [PlanState::Running, PlanState::Paused, PlanState::Held] {
        let refusal = tokens(&plan(state)).unwrap_err();
        assert_eq!(refusal.code, "key.rotation-in-progress");
        assert!(refusal.message.contains(&reference(7).to_string()), "{refusal}");
        assert_eq!(tokens(&active(state)), Ok(()), "what drains stands in nobody's way");
        let data = RotationPlan { purpose: KeyPurpose::Data, name: "accounts".to_owned(), ..active(state) };
        assert!(way(&data, KeyPurpose::Data, "accounts", KeyAlgorithm::Es256).is_err(), "but where every record is rewritten");
        assert_eq!(way(&plan(state), KeyPurpose::TokenSigning, "tokens", KeyAlgorithm::Ps256), Ok(()));
        assert_eq!(way(&plan(state), KeyPurpose::TokenSigning, "others", KeyAlgorithm::Es256), Ok(()));
    }
    for state in [PlanState::Planned, PlanState::Done, PlanState::Aborted, PlanState::Lapsed] {
        assert_eq!(tokens(&plan(state)), Ok(()), "{state}");
    }
}

#[test]
fn the_steps_have_dates_before_it_is_run_and_afterwards() {
    use StepState::{Ahead, CalledOff, Done, UnderWay};
    let dates = |plan: &RotationPlan, now| plan.steps(now).map(|step| (step.at, step.until));
    let states = |plan: &RotationPlan| plan.steps(after(15)).map(|step| step.state);
    let planned =
        [(after(3), None), (after(3), Some(after(13))), (after(13), None), (after(13), Some(after(23))), (after(23), None)];
    assert_eq!(dates(&plan(PlanState::Planned), after(3)), planned, "as though it were run now");
    let tonight = RotationPlan { wanted: ActivateAt::Time(after(600)), ..plan(PlanState::Planned) };
    assert_eq!(dates(&tonight, after(3))[2], (after(600), None));
    let late = RotationPlan { activated_at: Some(after(12)), ..plan(PlanState::Running) };
    assert_eq!(dates(&late, after(3))[3], (after(12), Some(after(22))), "what really was counts");

    assert_eq!(states(&plan(PlanState::Planned)), [Ahead; 5]);
    for state in [PlanState::Running, PlanState::Paused, PlanState::Held] {
        assert_eq!(states(&plan(state)), [Done, UnderWay, Ahead, Ahead, Ahead], "{state}");
        assert_eq!(states(&active(state)), [Done, Done, Done, UnderWay, Ahead], "{state}");
    }
    assert_eq!(states(&active(PlanState::Done)), [Done; 5]);
    assert_eq!(states(&plan(PlanState::Aborted)), [Done, CalledOff, CalledOff, CalledOff, CalledOff]);
    assert_eq!(states(&plan(PlanState::Lapsed)), [CalledOff; 5]);
}

#[test]
fn the_settings_behind_a_step_are_named() {
    let basis = RotationBasis { jwks_max_age: Duration::from_mins(5), longest_token: LONGEST_TOKEN };
    let names = |step| plan(PlanState::Planned).settings(step, &basis).iter().map(|setting| setting.name).collect::<Vec<_>>();
    assert_eq!(names(RotationStep::Wait), ["keyPublishInterval", "jwksMaxAge"]);
    assert_eq!(names(RotationStep::Drain), ["keyDrainInterval", "longest token"]);
    for moment in [RotationStep::Publish, RotationStep::Activate, RotationStep::Retire] {
        assert_eq!(names(moment), [""; 0], "{moment}");
    }
}
