//! A certificate is revoked because its key is in other hands: everything that rests on the key goes with it.

use api::certificate::{IssueCertificate, ListCertificates, RenewCertificate, RevokeCertificate, ShowCertificate};
use api::credential::{AddCredential, ReportLeak};
use api::{Problem, Role};
use domain::{Clock, CredentialState, Holder, RevocationReason, Serial};
use pki::{AuthorityPurpose, JwsAlgorithm, KeyKind, PrivateKey, PublicJwk, make_csr};
use serde_json::{Value, json};
use server::certificate::issue::active_authority;
use server::certificate::presign::record;
use tests::world::desk::Desk;
use tests::{World, both_engines};

use super::party_credentials::{credentials, nothing_yet};
use super::party_keys::{office, thumbprint};
use super::relying_parties::{apply, wrong};

const PARTY: &str = "drill-office";

fn fresh() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// A key as a key set lists it.
pub fn listed(key: &PrivateKey) -> Value {
    serde_json::to_value(PublicJwk::signing(&key.public().unwrap(), JwsAlgorithm::ES256).unwrap()).unwrap()
}

fn asked(key: &PrivateKey) -> IssueCertificate {
    IssueCertificate { rp: PARTY.parse().unwrap(), csr: make_csr(key, "x").unwrap(), validity: None }
}

async fn compromised(desk: &Desk<'_>, serial: &Serial) -> Result<(), Problem> {
    let revoke = RevokeCertificate { serial: serial.clone(), reason: RevocationReason::KeyCompromise };
    desk.call(&revoke).await.map(drop)
}

async fn reason(world: &World, serial: &Serial) -> Option<RevocationReason> {
    world.first().call(&ShowCertificate { serial: serial.clone() }).await.unwrap().certificate.revoked_reason
}

async fn add(world: &World, key: &PrivateKey) -> Problem {
    let add = AddCredential { jwks: Some(json!({ "keys": [listed(key)] })), ..nothing_yet() };
    world.first().call(&add).await.unwrap_err()
}

/// The certificate that somebody comes in with.
async fn serial_of(world: &World, operator: &str) -> Serial {
    let list = ListCertificates { holder: Some(operator.to_owned()), ..ListCertificates::default() };
    world.first().call(&list).await.unwrap().items.remove(0).serial
}

both_engines! {
    async fn other_certificates_and_credentials_over_the_key_are_revoked_with_it(world: &World) {
        let key = fresh();
        apply(&world.first(), &[office(PARTY, 0, &[listed(&key)])]).await.unwrap();
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let first = officer.call(&asked(&key)).await.unwrap().certificate.serial;
        world.clock.ticks();
        let renew = RenewCertificate { serial: first.clone(), csr: None, validity: None };
        let second = officer.call(&renew).await.unwrap().certificate.serial;
        let other = officer.call(&asked(&fresh())).await.unwrap().certificate.serial;
        assert_eq!(credentials(world, PARTY).await.len(), 4);

        compromised(&officer, &first).await.unwrap();
        assert_eq!(reason(world, &second).await, Some(RevocationReason::KeyCompromise));
        assert_eq!(reason(world, &other).await, None, "it is over another key");
        let held = credentials(world, PARTY).await;
        let gone: Vec<_> = held.iter().filter(|it| it.state == CredentialState::Revoked).collect();
        assert_eq!(gone.len(), 3);
        assert!(gone.iter().all(|it| it.revoked.as_ref().unwrap().reason == RevocationReason::KeyCompromise));
        assert_eq!(wrong(&add(world, &key).await), ["jwks.keys[0] credential.key-known"]);
        let leaf = world.leaves().await.into_iter().find(|leaf| leaf["action"] == "cert.revoke").unwrap();
        assert_eq!(leaf["facts"]["certificates"], json!([second]));
        assert_eq!(leaf["facts"]["credentials"].as_array().unwrap().len(), 2, "besides the certificate's own");
    }

    async fn a_key_whose_certificate_was_never_stored_is_blocked_all_the_same(world: &World) {
        let key = fresh();
        apply(&world.first(), &[office(PARTY, 0, &[])]).await.unwrap();
        // The node dies between the record and the signature.
        let mut read = world.app.store.read().await.unwrap();
        let authority = active_authority(&world.app, &mut read, AuthorityPurpose::RelyingParties).await.unwrap();
        drop(read);
        let planned = authority.plan_relying_party(PARTY, &key.public().unwrap(), None, world.clock.now()).unwrap();
        let serial: Serial = planned.view().serial.parse().unwrap();
        record(&world.app, planned, &Holder::RelyingParty(PARTY.parse().unwrap())).await.unwrap();

        compromised(&world.first(), &serial).await.unwrap();
        assert_eq!(world.texts("SELECT thumbprint FROM blocked_key").await, [thumbprint(&listed(&key))]);
        assert_eq!(world.first().call(&asked(&key)).await.unwrap_err().code, "csr.key-blocked");
        assert_eq!(wrong(&add(world, &key).await), ["jwks.keys[0] credential.key-known"]);
        // Reported with the key itself, it is blocked as it was.
        let public_keys = vec![key.public().unwrap().pem().unwrap()];
        let leak = ReportLeak { credential: None, public_keys, since: None, note: None };
        let reported = world.first().call(&leak).await.unwrap();
        assert_eq!(reported.keys[0].spki_sha256, pki::hex(&key.public().unwrap().spki_digest()));
        assert_eq!(world.number("SELECT COUNT(*) FROM blocked_key").await, 1);
    }

    async fn a_credential_takes_the_certificates_over_its_key_with_it(world: &World) {
        let key = fresh();
        apply(&world.first(), &[office(PARTY, 0, &[listed(&key)])]).await.unwrap();
        let issued = world.first().call(&asked(&key)).await.unwrap().certificate.serial;
        let credential = credentials(world, PARTY).await.into_iter().find(|it| it.serial.is_none()).unwrap().id;
        let revoked = super::party_credentials::revoke(&world.first(), credential, RevocationReason::KeyCompromise).await.unwrap();
        assert_eq!((revoked.with_it.len(), revoked.left), (1, 0));
        assert_eq!(reason(world, &issued).await, Some(RevocationReason::KeyCompromise));
    }

    async fn a_key_officer_does_not_shut_the_last_administrator_out(world: &World) {
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        world.operator("second-administrator", &[Role::Administrator]).await;
        let (first, second) = (serial_of(world, "first-operator").await, serial_of(world, "second-administrator").await);
        let revoke = |serial: &Serial, reason| RevokeCertificate { serial: serial.clone(), reason };
        officer.call(&revoke(&second, RevocationReason::CessationOfOperation)).await.unwrap();
        for reason in [RevocationReason::CessationOfOperation, RevocationReason::KeyCompromise] {
            let refused = officer.call(&revoke(&first, reason)).await.unwrap_err();
            assert_eq!((refused.status, refused.code.as_str()), (409, "operator.last-administrator"), "{reason}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM blocked_key").await, 0);
        // The second one comes back with a new key, and the first one may go.
        world.operator("second-administrator", &[Role::Administrator]).await;
        officer.call(&revoke(&first, RevocationReason::KeyCompromise)).await.unwrap();
        assert_eq!(world.first().call(&api::operator::WhoAmI {}).await.unwrap_err().code, "auth.certificate-revoked");
    }

    async fn an_operator_enrols_with_nobody_elses_key(world: &World) {
        let code = async |id: &str| {
            let add = api::operator::AddOperator { id: id.parse().unwrap(), name: "Agent".into(), roles: vec![Role::HotlineAgent] };
            world.first().call(&add).await.unwrap().code.unwrap()
        };
        world.enrols("agent-7", &code("agent-7").await).await;
        let theirs = pki::envelope::private_key_from_pem(world.badge("agent-7").key.as_bytes()).unwrap();
        let partys = fresh();
        apply(&world.first(), &[office(PARTY, 0, &[listed(&partys)])]).await.unwrap();
        let other = code("agent-8").await;
        for key in [&theirs, &partys] {
            let refused = world.enrolment(&other, &make_csr(key, "x").unwrap()).await.reply.unwrap_err();
            assert_eq!((refused.status, refused.code.as_str()), (409, "cert.key-in-use"));
        }
        world.enrols("agent-8", &other).await;
        // Their own once more is theirs.
        let again = code("agent-7").await;
        world.enrolment(&again, &make_csr(&theirs, "x").unwrap()).await.reply.unwrap();
    }
}
