use super::*;
use crate::{ActivateAt, Kid, Revocation, RevocationReason, RotationTimes};

const DAY: i64 = 86_400_000_000;

const fn day(number: i64) -> Timestamp {
    Timestamp::from_micros(number * DAY)
}

const fn days(number: u64) -> Duration {
    Duration::from_hours(24 * number)
}

fn key(purpose: KeyPurpose, state: KeyState) -> KeyGeneration {
    let kid: Kid = "some-key-1".parse().unwrap();
    let revocation = (state == KeyState::Revoked).then_some(Revocation { at: day(5), reason: RevocationReason::KeyCompromise });
    KeyGeneration {
        kid,
        purpose,
        name: "line".to_owned(),
        algorithm: KeyAlgorithm::Es256,
        state,
        created_at: day(0),
        activate_at: Some(day(10)),
        retire_at: (state == KeyState::Draining).then_some(day(20)),
        revocation,
        plan: None,
        drained_by: None,
        version: 1,
    }
}

fn plan(state: PlanState, activated_at: Option<Timestamp>) -> RotationPlan {
    RotationPlan {
        id: "R7K39QDX".parse().unwrap(),
        purpose: KeyPurpose::TokenSigning,
        name: "line".to_owned(),
        algorithms: vec![KeyAlgorithm::Es256],
        state,
        created_at: day(0),
        created_by: Some("key-officer-1".parse().unwrap()),
        wanted: ActivateAt::AfterPublish,
        times: RotationTimes::default(),
        publish_at: Some(day(1)),
        activate_at: Some(day(12)),
        activated_at,
        finished_at: None,
        emergency: None,
        overridden: None,
        hold: None,
        version: 1,
    }
}

fn facts() -> KeyFacts {
    KeyFacts { not_before: Some(day(0)), not_after: Some(day(999)), issues_for: days(365), rotate_after: days(90) }
}

#[test]
fn each_state_of_a_key_beside_each_state_of_its_rotation() {
    use KeyState as K;
    use NextStep as N;
    use PlanState as P;
    let open = [None, Some(P::Planned), Some(P::Running), Some(P::Paused), Some(P::Held)];
    for (state, wanted) in [
        (K::Published, [N::Activate, N::Activate, N::Activate, N::GoOn, N::GoOn].map(|step| Some((step, 10)))),
        (
            K::Active,
            [Some((N::Rotate, 100)), Some((N::Rotate, 100)), Some((N::GiveWay, 12)), Some((N::GoOn, 12)), Some((N::GoOn, 12))],
        ),
        (K::Draining, [N::Retire, N::Retire, N::Retire, N::GoOn, N::GoOn].map(|step| Some((step, 20)))),
        (K::Retired, [None; 5]),
        (K::Revoked, [None; 5]),
    ] {
        let generation = key(KeyPurpose::TokenSigning, state);
        for (of, wanted) in open.iter().zip(wanted) {
            let plan = of.map(|state| plan(state, None));
            let next = next_of_key(&generation, &facts(), plan.as_ref());
            assert_eq!(next, wanted.map(|(step, at)| Next::new(step, day(at))), "{state} {of:?}");
        }
    }
    // The one that has taken over counts its own time, whatever is left to do for the old one.
    let running = plan(P::Running, Some(day(12)));
    let next = next_of_key(&key(KeyPurpose::TokenSigning, K::Active), &facts(), Some(&running));
    assert_eq!(next, Some(Next::new(N::Rotate, day(100))));
}

#[test]
fn each_purpose_is_exchanged_by_its_own_calendar() {
    use KeyPurpose as P;
    for (purpose, wanted) in [
        (P::TokenSigning, Some(100)),
        (P::Audit, Some(100)),
        (P::Data, Some(100)),
        (P::TimeStamping, Some(375)),
        (P::RootCa, Some(634)),
        (P::IssuingCa, Some(634)),
        // A third of its life is left.
        (P::Ocsp, Some(666)),
        (P::ServerTls, Some(666)),
        (P::BlindIndex, None),
        (P::Pairwise, None),
    ] {
        assert_eq!(rotate_by(&key(purpose, KeyState::Active), &facts()), wanted.map(day), "{purpose}");
    }
    let secret = KeyGeneration { algorithm: KeyAlgorithm::Hs256, ..key(P::Audit, KeyState::Active) };
    assert_eq!(rotate_by(&secret, &facts()), None);
    let bare = KeyFacts { not_after: None, ..facts() };
    assert_eq!(rotate_by(&key(P::IssuingCa, KeyState::Active), &bare), None, "what has no certificate has no end");
    assert_eq!(rotate_by(&key(P::TimeStamping, KeyState::Active), &bare), None);
    // What nobody outside has to learn comes by itself.
    for purpose in P::ALL.iter().copied() {
        let next = next_of_key(&key(purpose, KeyState::Active), &facts(), None).map(|next| next.step);
        let by_itself = matches!(purpose, P::Ocsp | P::TimeStamping | P::ServerTls);
        assert_eq!(next == Some(NextStep::RenewsItself), by_itself, "{purpose}");
    }
}

#[test]
fn each_state_of_a_certificate_and_of_a_credential() {
    use CertificateState as C;
    for (state, renewed, wanted) in [
        (C::Valid, false, Some((NextStep::Renew, 335))),
        (C::Valid, true, Some((NextStep::LetEnd, 365))),
        (C::OnHold, false, None),
        (C::Planned, false, None),
        (C::Revoked, false, None),
        (C::Expired, false, None),
    ] {
        let next = next_of_certificate(state, day(0), day(365), renewed);
        assert_eq!(next, wanted.map(|(step, at)| Next::new(step, day(at))), "{state} {renewed}");
    }
    use CredentialState as S;
    for (state, end, wanted) in [
        (S::Active, Some(365), Some((NextStep::AskParty, 335))),
        (S::Active, None, None),
        (S::Expired, Some(365), Some((NextStep::AskParty, 365))),
        (S::Revoked, Some(365), None),
        (S::Superseded, Some(365), None),
    ] {
        let next = next_of_credential(state, day(0), end.map(day));
        assert_eq!(next, wanted.map(|(step, at)| Next::new(step, day(at))), "{state} {end:?}");
    }
    assert_eq!(renewal_due(day(0), day(30)), day(20), "a short life is renewed in its last third");
    assert_eq!(next_of_lists(day(400)), Next::new(NextStep::SignLists, day(371)));
}

#[test]
fn each_threshold_sounds_once_and_only_the_nearest_one() {
    let end = day(100);
    for (now, sounded, wanted) in [
        (39, &[][..], None),
        (40, &[], Some(60)),
        (41, &[60], None),
        (70, &[60], Some(30)),
        (86, &[60, 30], Some(14)),
        (93, &[60, 30, 14], Some(7)),
        (99, &[60, 30, 14, 7], Some(1)),
        (100, &[60, 30, 14, 7], Some(1)),
        // Over: what has ended is told otherwise.
        (101, &[], None),
        // After weeks switched off: one alarm, not four.
        (95, &[], Some(7)),
        (95, &[60], Some(7)),
        // A clock that went ahead and was set right again repeats nothing.
        (45, &[7], None),
        (80, &[7], None),
        (99, &[7], Some(1)),
    ] {
        assert_eq!(alarm(end, day(now), sounded), wanted, "{now} {sounded:?}");
    }
}
