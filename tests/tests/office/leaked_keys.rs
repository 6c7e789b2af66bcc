//! What a report of a leaked key does not stop: a person's key, on the word of somebody who may not revoke certificates, and the
//! platform's own keys.

use std::time::Duration;

use api::certificate::{IssueCertificate, ListCertificates, RenewCertificate, RevokeCertificate, ShowCertificate};
use api::credential::{AddCredential, LeakReport, ReportLeak, RevokeCredential};
use api::key::{ListKeys, ShowKey};
use api::operator::WhoAmI;
use api::{Problem, Role};
use domain::{CredentialState, KeyPurpose, RevocationReason, Serial};
use pki::crl::RevocationList;
use pki::party_key::public_halves;
use pki::{KeyKind, PrivateKey, PublicKey, make_csr};
use serde_json::json;
use server::certificate::publish::publish_due;
use tests::world::desk::Desk;
use tests::{World, both_engines};

use super::compromise::listed;
use super::party_credentials::{certificate, credentials, nothing_yet};
use super::party_keys::office;
use super::relying_parties::apply;
use super::revocation::gets;

const PARTY: &str = "drill-office";

fn fresh() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// What the command line makes of a file of evidence.
async fn report(desk: &Desk<'_>, evidence: &[u8]) -> Result<LeakReport, Problem> {
    let keys = public_halves(evidence).unwrap();
    let public_keys = keys.iter().map(|key| key.pem().unwrap()).collect();
    desk.call(&ReportLeak { credential: None, public_keys, note: None, since: None }).await
}

/// The certificate that somebody comes in with, as anybody may see it.
async fn shown(world: &World, operator: &str) -> (Serial, String) {
    let list = ListCertificates { holder: Some(operator.to_owned()), ..ListCertificates::default() };
    let serial = world.first().call(&list).await.unwrap().items.remove(0).serial;
    let pem = world.first().call(&ShowCertificate { serial: serial.clone() }).await.unwrap().pem.unwrap();
    (serial, pem)
}

fn refused(result: Result<LeakReport, Problem>) -> (u16, String, String) {
    let problem = result.unwrap_err();
    (problem.status, problem.code, problem.hint.unwrap_or_default())
}

async fn blocked(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM blocked_key").await
}

both_engines! {
    async fn a_public_certificate_shuts_no_operator_out(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        let (serial, pem) = shown(world, "agent-7").await;
        for (id, role) in [("rp-officer-1", Role::RpOfficer), ("supervisor-1", Role::HotlineSupervisor)] {
            let desk = world.operator(id, &[role]).await;
            let (status, code, hint) = refused(report(&desk, pem.as_bytes()).await);
            assert_eq!((status, code.as_str()), (403, "credential.key-of-a-person"), "{role:?}");
            assert_eq!(hint, format!("report it to a key officer: 'iamctl cert revoke {serial} --reason key-compromise'"));
        }
        assert_eq!(blocked(world).await, 0);
        agent.call(&WhoAmI {}).await.unwrap();
        let mut refusals = world.audited("rp.credential.leaked").await;
        refusals.sort();
        let expected = ["rp-officer-1", "supervisor-1"].map(|by| (by.to_owned(), "agent-7".to_owned(), "refused".to_owned()));
        assert_eq!(refusals, expected, "who wanted to shut whom out is on record");

        // Nor by way of a relying party that is given the operator's key first.
        let officer = world.operator("rp-officer-2", &[Role::RpOfficer]).await;
        apply(&officer, &[office(PARTY, 0, &[])]).await.unwrap();
        let key = public_halves(pem.as_bytes()).unwrap().remove(0);
        let jwk = pki::PublicJwk::signing(&key, pki::JwsAlgorithm::ES256).unwrap();
        let add = AddCredential { jwks: Some(json!({ "keys": [jwk] })), ..nothing_yet() };
        if let Ok(added) = officer.call(&add).await {
            let id = added[0].credential.id;
            let leak = ReportLeak { credential: Some(id), public_keys: Vec::new(), note: None, since: None };
            assert_eq!(refused(officer.call(&leak).await).1, "credential.key-of-a-person");
            let revoke = |reason| RevokeCredential { credential: id, reason };
            let problem = officer.call(&revoke(RevocationReason::KeyCompromise)).await.unwrap_err();
            assert_eq!(problem.code, "credential.key-of-a-person");
            assert_eq!(credentials(world, PARTY).await[0].state, CredentialState::Active);
            officer.call(&revoke(RevocationReason::Superseded)).await.unwrap();
        }
        agent.call(&WhoAmI {}).await.unwrap();
        // Who may revoke the certificate may stop its key.
        let keys = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        assert!(report(&keys, pem.as_bytes()).await.unwrap().certificates[0].revoked);
        assert_eq!(agent.call(&WhoAmI {}).await.unwrap_err().code, "auth.certificate-revoked");
    }

    async fn whoever_is_on_duty_stops_a_partys_key_and_one_that_is_nobodys(world: &World) {
        let (theirs, nobodys) = (fresh(), fresh());
        apply(&world.first(), &[office(PARTY, 0, &[listed(&theirs)])]).await.unwrap();
        let night = world.operator("supervisor-1", &[Role::HotlineSupervisor]).await;
        let reported = report(&night, &theirs.pkey().public_key_to_pem().unwrap()).await.unwrap();
        assert_eq!(reported.credentials[0].state, CredentialState::Revoked);
        report(&night, certificate(&nobodys, "20270101000000Z").as_bytes()).await.unwrap();
        assert_eq!(blocked(world).await, 2);
    }

    async fn a_key_of_ours_is_replaced_and_never_blocked(world: &World) {
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let by_emergency = [KeyPurpose::TokenSigning, KeyPurpose::Ocsp, KeyPurpose::TimeStamping, KeyPurpose::ServerTls, KeyPurpose::Audit];
        let mut refusals = 0;
        for key in officer.call(&ListKeys::default()).await.unwrap().items {
            let read = world.app.store.read().await.unwrap().key(&key.kid).await.unwrap().unwrap();
            let Some(spki) = read.public_key else { continue };
            let pem = PublicKey::from_spki_der(&spki).unwrap().pem().unwrap();
            let problem = report(&officer, pem.as_bytes()).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (409, "credential.key-of-ours"), "{}", key.kid);
            assert_eq!(problem.message, format!("this is the platform's own {} key {}, active", key.purpose, key.kid));
            let hint = problem.hint.unwrap();
            if by_emergency.contains(&key.purpose) {
                let verb = format!("iamctl key rotate --emergency --purpose {}", key.purpose);
                assert!(hint.contains(&verb) && hint.contains("--reason key-compromise"), "{hint}");
            } else if key.purpose == KeyPurpose::IssuingCa {
                assert!(hint.contains("iamd ca revoke"), "{hint}");
            }
            refusals += 1;
            let noted = ("key-officer-1".to_owned(), key.kid.to_string(), "refused".to_owned());
            assert!(world.audited("rp.credential.leaked").await.contains(&noted), "{}", key.kid);
        }
        assert!(refusals > 10, "every line of keys: {refusals}");
        assert_eq!(blocked(world).await, 0);
        // As 'key show KID -o json' prints it.
        let list = ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() };
        let kid = officer.call(&list).await.unwrap().items.remove(0).kid;
        let jwk = officer.call(&ShowKey { kid }).await.unwrap().jwk.unwrap();
        assert_eq!(refused(report(&officer, jwk.to_string().as_bytes()).await).1, "credential.key-of-ours");
    }

    async fn a_certificate_that_was_only_exchanged_is_compromised_from_when_its_key_is(world: &World) {
        apply(&world.first(), &[office(PARTY, 0, &[])]).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        let key = fresh();
        let ask = IssueCertificate { rp: PARTY.parse().unwrap(), csr: make_csr(&key, "x").unwrap(), validity: None };
        let serial = world.first().call(&ask).await.unwrap().certificate.serial;
        world.clock.advance(Duration::from_secs(1));
        let renew = RenewCertificate { serial: serial.clone(), csr: Some(make_csr(&fresh(), "x").unwrap()), validity: None };
        world.first().call(&renew).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.first().call(&RevokeCertificate { serial: serial.clone(), reason: RevocationReason::Superseded }).await.unwrap();
        let shown = async || world.first().call(&ShowCertificate { serial: serial.clone() }).await.unwrap().certificate;
        let before = shown().await;
        assert_eq!(before.revoked_reason, Some(RevocationReason::Superseded));
        let listed = async || {
            publish_due(&world.app).await.unwrap();
            let list = RevocationList::from_der(&gets(world, "/crl/relying-parties-1.crl").await).unwrap();
            list.entries().map(|entry| (entry.serial, entry.reason)).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, [(serial.to_string(), RevocationReason::Superseded)]);
        world.clock.advance(Duration::from_hours(1));

        let reported = report(&world.first(), &key.pkey().public_key_to_pem().unwrap()).await.unwrap();
        let after = shown().await;
        assert_eq!((after.revoked_reason, after.revoked_at), (Some(RevocationReason::KeyCompromise), before.revoked_at));
        assert_eq!(listed().await, [(serial.to_string(), RevocationReason::KeyCompromise)]);

        // What was done to the certificate is part of what the key can have touched.
        let actions: Vec<_> = reported.audit.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["cert.revoke", "cert.renew", "cert.issue"]);
    }

    async fn of_a_certificate_with_its_chain_the_partys_key_alone_is_stopped(world: &World) {
        apply(&world.first(), &[office(PARTY, 0, &[])]).await.unwrap();
        let ask = |key: &PrivateKey| IssueCertificate { rp: PARTY.parse().unwrap(), csr: make_csr(key, "x").unwrap(), validity: None };
        let issued = world.first().call(&ask(&fresh())).await.unwrap();
        // As 'cert issue --out' writes it.
        let file = [issued.pem.unwrap(), issued.chain.concat()].concat();
        let reported = report(&world.first(), file.as_bytes()).await.unwrap();
        assert_eq!(reported.certificates.iter().map(|it| &it.serial).collect::<Vec<_>>(), [&issued.certificate.serial]);
        assert_eq!(blocked(world).await, 1);
        // The authority goes on issuing; brought by itself, its key is not a party's.
        world.first().call(&ask(&fresh())).await.unwrap();
        for authority in &issued.chain {
            assert_eq!(refused(report(&world.first(), authority.as_bytes()).await).1, "credential.key-of-ours");
        }
        let again = RevokeCertificate { serial: issued.certificate.serial, reason: RevocationReason::KeyCompromise };
        assert!(world.first().call(&again).await.unwrap().already);
    }
}
