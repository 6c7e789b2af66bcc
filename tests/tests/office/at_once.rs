//! Two at the same moment, on PostgreSQL: the first is held where it has done everything and not committed yet, the second begins
//! and sees nothing of it. SQLite has one writer, and nothing of this.

use std::pin::pin;

use api::certificate::{IssueCertificate, RevokeCertificate};
use api::credential::{AddCredential, ReportLeak};
use api::key::{ListKeys, RotateKey};
use api::operator::AddOperator;
use api::rotation::EmergencyRotation;
use api::{Operation, Problem, Role};
use domain::{ActivateAt, KeyAlgorithm, KeyPurpose, KeyState, RevocationReason};
use pki::{KeyKind, PrivateKey, make_csr};
use server::audit::seal::seal;
use server::certificate::citizen;
use tests::world::audit::Export;
use tests::world::desk::Desk;
use tests::{Engine, Setup, World};

use super::compromise::listed;
use super::party_credentials::nothing_yet;
use super::party_keys::office;
use super::relying_parties::{apply, wrong};

/// Lets the first do everything but commit, and the second everything that it can without; then both go on.
async fn at_once<A: Operation, B: Operation>(
    world: &World,
    first: (&Desk<'_>, &A),
    second: (&Desk<'_>, &B),
) -> (Result<A::Reply, Problem>, Result<B::Reply, Problem>) {
    let database = world.database.as_ref().unwrap();
    let held = database.holds("audit_entry").await;
    let rest = async {
        database.until_waiting(1).await;
        let go_on = async {
            database.until_waiting(2).await;
            held.let_go().await;
        };
        tokio::join!(second.0.call(second.1), go_on).0
    };
    tokio::join!(first.0.call(first.1), rest)
}

fn emergency(purpose: KeyPurpose, algorithm: Option<KeyAlgorithm>) -> EmergencyRotation {
    EmergencyRotation { purpose, name: None, algorithm, reason: RevocationReason::KeyCompromise }
}

/// The ES256 keys in a state.
async fn in_state(world: &World, state: KeyState) -> Vec<String> {
    let list = ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() };
    let all = world.first().call(&list).await.unwrap().items;
    let those = all.into_iter().filter(|key| key.algorithm == KeyAlgorithm::Es256 && key.state == state);
    those.map(|key| key.kid.to_string()).collect()
}

#[test]
fn of_two_rotations_to_take_effect_now_the_second_does_not_replace_what_the_first_has_made() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        let op = RotateKey {
            algorithm: Some(KeyAlgorithm::Es256),
            activate: ActivateAt::Now,
            ..RotateKey::of(KeyPurpose::TokenSigning)
        };
        let (won, lost) = at_once(world, (&one, &op), (&other, &op)).await;
        let (won, lost) = (won.unwrap().remove(0), lost.unwrap_err());
        assert_eq!((lost.status, lost.code.as_str()), (409, "key.rotation-in-progress"), "{lost:?}");
        assert_eq!(in_state(world, KeyState::Active).await, [won.key.kid.as_str()]);
        assert_eq!(in_state(world, KeyState::Draining).await, [won.replaced.unwrap().as_str()]);
    });
}

#[test]
fn of_two_emergencies_the_second_does_not_revoke_the_first_ones_fresh_key() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        let op = emergency(KeyPurpose::TokenSigning, Some(KeyAlgorithm::Es256));
        let (won, lost) = at_once(world, (&one, &op), (&other, &op)).await;
        let (won, lost) = (won.unwrap().remove(0), lost.unwrap_err());
        assert_eq!((lost.status, lost.code.as_str()), (409, "key.rotation-in-progress"), "{lost:?}");
        assert_eq!(in_state(world, KeyState::Active).await, [won.key.kid.as_str()]);
        assert_eq!(in_state(world, KeyState::Revoked).await, [won.replaced.unwrap().as_str()]);
    });
}

#[test]
fn a_checkpoint_that_is_under_way_when_its_key_is_revoked_is_one_that_the_revocation_counts() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        // The next key waits, announced: an auditor who knows the first one follows to it.
        let first = world.export().await.vkey;
        world.first().call(&RotateKey::of(KeyPurpose::Audit)).await.unwrap();
        let database = world.database.as_ref().unwrap();
        let held = database.holds("audit_checkpoint").await;
        let rest = async {
            database.until_waiting(1).await;
            let desk = world.first();
            let op = emergency(KeyPurpose::Audit, None);
            let mut revokes = pin!(desk.call(&op));
            // It may come first, if it does not have to wait.
            let done = tokio::select! {
                done = &mut revokes => Some(done),
                () = database.until_waiting(2) => None,
            };
            held.let_go().await;
            match done {
                Some(done) => done,
                None => revokes.await,
            }
        };
        let (sealed, revoked) = tokio::join!(seal(&world.app), rest);
        revoked.unwrap();
        sealed.unwrap();
        world.seal().await;
        let export = world.export().await;
        let later = Export { vkey: first, ..export.clone() };
        for export in [export, later] {
            let verdict = export.verdict(None);
            assert!(verdict.ok, "{verdict:?}");
        }
    });
}

/// Lets somebody ask for a certificate until it is about to be put on record, then reports its key as leaked, and lets them go on.
async fn while_the_key_is_found_elsewhere<T>(world: &World, key: &PrivateKey, asks: impl Future<Output = T>) -> T {
    let database = world.database.as_ref().unwrap();
    let held = database.holds("certificate").await;
    let found = async {
        database.until_waiting(1).await;
        let public_keys = vec![key.public().unwrap().pem().unwrap()];
        let report = ReportLeak { credential: None, public_keys, since: None, note: None };
        world.first().call(&report).await.unwrap();
        held.let_go().await;
    };
    tokio::join!(asks, found).0
}

#[test]
fn a_key_that_is_blocked_while_its_certificate_is_made_is_certified_for_nobody() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let fresh = || PrivateKey::generate(KeyKind::P256).unwrap();
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        let desk = world.first();
        let key = fresh();
        let csr = make_csr(&key, "x").unwrap();
        let issue = IssueCertificate { rp: "drill-office".parse().unwrap(), csr, validity: None };
        let refused = while_the_key_is_found_elsewhere(world, &key, desk.call(&issue)).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (422, "csr.key-blocked"));

        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk("harbour-road-sports-centre").await;
        let key = fresh();
        let csr = make_csr(&key, "phone").unwrap();
        let asks = citizen::issue(&world.app, citizen.account, &csr);
        let refused = while_the_key_is_found_elsewhere(world, &key, asks).await.unwrap_err();
        assert_eq!(refused.code(), "csr.key-blocked");

        let agent = AddOperator { id: "agent-7".parse().unwrap(), name: "Agent".into(), roles: vec![Role::HotlineAgent] };
        let code = world.first().call(&agent).await.unwrap().code.unwrap();
        let key = fresh();
        let csr = make_csr(&key, "x").unwrap();
        let refused = while_the_key_is_found_elsewhere(world, &key, world.enrolment(&code, &csr)).await.reply.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (422, "csr.key-blocked"));
        assert_eq!(world.number("SELECT COUNT(*) FROM certificate WHERE state = 'planned'").await, 3, "and none was stored");
        // The code is not spent: another key is welcome.
        world.enrols("agent-7", &code).await;
    });
}

#[test]
fn a_key_that_is_compromised_at_this_moment_is_not_brought_by_another_door() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        let issue = IssueCertificate { rp: "drill-office".parse().unwrap(), csr: make_csr(&key, "x").unwrap(), validity: None };
        let serial = world.first().call(&issue).await.unwrap().certificate.serial;
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let revoke = RevokeCertificate { serial, reason: RevocationReason::KeyCompromise };
        let keys = serde_json::json!({ "keys": [listed(&key)] });
        let add = AddCredential { jwks: Some(keys), ..nothing_yet() };
        let (revoked, added) = at_once(world, (&officer, &revoke), (&world.first(), &add)).await;
        revoked.unwrap();
        assert_eq!(wrong(&added.unwrap_err()), ["jwks.keys[0] credential.key-known"]);
    });
}
