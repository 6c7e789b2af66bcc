//! Credentials of relying parties live beside each other: named by the manifest and by verb, revoked, expired, and stopped
//! everywhere when a private key has leaked.

use std::time::Duration;

use api::certificate::{IssueCertificate, RevokeCertificate, ShowCertificate};
use api::credential::{
    AddCredential, CredentialAdded, CredentialChange, CredentialRevocation, CredentialView, LeakReport, ListCredentials,
    ReportLeak, RevokeCredential,
};
use api::page::PageRequest;
use api::relying_party::PartyChange;
use api::{Problem, Role};
use domain::{CredentialId, CredentialSource, CredentialState, CredentialType, Manifest, RevocationReason, Timestamp};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk};
use serde_json::{Value, json};
use server::store::{CredentialRow, StoreError};
use tests::world::desk::Desk;
use tests::{World, both_engines};

use super::party_keys::{fresh_key, office, thumbprint};
use super::relying_parties::{apply, edited, plan, show, wrong};

/// Every credential of a party, oldest first.
pub async fn credentials(world: &World, rp: &str) -> Vec<CredentialView> {
    let list = ListCredentials { rp: Some(rp.parse().unwrap()), ..ListCredentials::default() };
    world.first().call(&list).await.unwrap().items
}

/// The credential over a key.
pub async fn over(world: &World, rp: &str, key: &Value) -> CredentialView {
    let wanted = thumbprint(key);
    credentials(world, rp).await.into_iter().find(|it| it.thumbprint.as_deref() == Some(&wanted)).unwrap()
}

/// An empty addition to the drill office.
pub fn nothing_yet() -> AddCredential {
    AddCredential {
        rp: "drill-office".parse().unwrap(),
        jwks: None,
        jwks_url: None,
        certificate: None,
        secret_of: None,
        label: None,
        not_after: None,
    }
}

fn by_value(keys: &[&Value]) -> AddCredential {
    AddCredential { jwks: Some(json!({ "keys": keys })), ..nothing_yet() }
}

async fn add(desk: &Desk<'_>, keys: &[&Value]) -> Result<Vec<CredentialAdded>, Problem> {
    desk.call(&by_value(keys)).await
}

pub async fn revoke(desk: &Desk<'_>, id: CredentialId, reason: RevocationReason) -> Result<CredentialRevocation, Problem> {
    desk.call(&RevokeCredential { credential: id, reason }).await
}

fn leaked(id: CredentialId) -> ReportLeak {
    ReportLeak { credential: Some(id), public_keys: Vec::new(), note: None, since: None }
}

fn leaked_key(key: &PrivateKey) -> ReportLeak {
    ReportLeak { credential: None, public_keys: vec![key.public().unwrap().pem().unwrap()], note: None, since: None }
}

async fn report(desk: &Desk<'_>, leak: &ReportLeak) -> Result<LeakReport, Problem> {
    desk.call(leak).await
}

/// The drill office, on board with these keys.
async fn drill(world: &World, keys: &[Value]) -> Manifest {
    let manifest = office("drill-office", 0, keys);
    apply(&world.first(), std::slice::from_ref(&manifest)).await.unwrap();
    manifest
}

fn listed(key: &PrivateKey) -> Value {
    serde_json::to_value(PublicJwk::signing(&key.public().unwrap(), JwsAlgorithm::ES256).unwrap()).unwrap()
}

/// A certificate over a key, as somebody else issued it.
pub fn certificate(key: &PrivateKey, ends: &str) -> String {
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_not_before(&Asn1Time::from_str("20250301000000Z").unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_str(ends).unwrap()).unwrap();
    certificate.set_pubkey(key.pkey()).unwrap();
    certificate.sign(key.pkey(), MessageDigest::sha256()).unwrap();
    String::from_utf8(certificate.build().to_pem().unwrap()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

both_engines! {
    async fn what_an_officer_adds_stands_beside_what_the_manifest_lists(world: &World) {
        let (ours, next) = (fresh_key(), fresh_key());
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let manifest = drill(world, std::slice::from_ref(&ours)).await;
        world.clock.advance(Duration::from_secs(1));

        let added = officer.call(&AddCredential { label: Some("HSM 2".to_owned()), ..by_value(&[&next]) }).await.unwrap();
        assert_eq!((added.len(), added[0].change), (1, CredentialChange::Added));
        let credential = &added[0].credential;
        assert_eq!((credential.kind, credential.state, credential.source), (CredentialType::Jwks, CredentialState::Active, CredentialSource::Added));
        assert_eq!((credential.label.as_deref(), credential.thumbprint.clone()), (Some("HSM 2"), Some(thumbprint(&next))));
        assert!(credential.id.to_string().starts_with("CR"));
        let both: Vec<_> = credentials(world, "drill-office").await.into_iter().map(|it| (it.thumbprint.unwrap(), it.source)).collect();
        assert_eq!(both, [(thumbprint(&ours), CredentialSource::Manifest), (thumbprint(&next), CredentialSource::Added)]);
        let shown: Vec<_> = show(world, "drill-office").await.credentials.into_iter().map(|it| (it.state, it.source)).collect();
        assert_eq!(shown, [(CredentialState::Active, CredentialSource::Manifest), (CredentialState::Active, CredentialSource::Added)]);

        // Another manifest rules over what it lists and listed, and over nothing else; the plan says so.
        assert_eq!(apply(&officer, std::slice::from_ref(&manifest)).await.unwrap()[0].change, PartyChange::Unchanged);
        let emptied = office("drill-office", 0, &[]);
        let planned = plan(&officer, std::slice::from_ref(&emptied)).await.unwrap();
        let note = format!("credential {} (jwks, added) stays: the manifest does not rule over it", credential.id);
        assert_eq!(planned[0].notes, [note]);
        apply(&officer, std::slice::from_ref(&emptied)).await.unwrap();
        assert_eq!(over(world, "drill-office", &ours).await.state, CredentialState::Superseded);
        assert_eq!(over(world, "drill-office", &next).await.state, CredentialState::Active);

        // Listed, it is the manifest's from then on.
        let taken = office("drill-office", 0, std::slice::from_ref(&next));
        assert_eq!(plan(&officer, std::slice::from_ref(&taken)).await.unwrap()[0].notes, Vec::<String>::new());
        apply(&officer, &[taken]).await.unwrap();
        let now = over(world, "drill-office", &next).await;
        assert_eq!((now.id, now.source, now.label.as_deref()), (credential.id, CredentialSource::Manifest, Some("HSM 2")));
        apply(&officer, &[emptied]).await.unwrap();
        assert_eq!(over(world, "drill-office", &next).await.state, CredentialState::Superseded);
        // And added again, it is the officer's.
        let again = add(&officer, &[&next]).await.unwrap();
        assert_eq!((again[0].change, again[0].credential.id, again[0].credential.source), (CredentialChange::Added, credential.id, CredentialSource::Added));
    }

    async fn the_same_again_changes_nothing(world: &World) {
        let (ours, next) = (fresh_key(), fresh_key());
        drill(world, std::slice::from_ref(&ours)).await;
        add(&world.first(), &[&next]).await.unwrap();
        world.clock.ticks();
        let changes: Vec<_> = add(&world.first(), &[&next, &ours]).await.unwrap().into_iter().map(|it| (it.change, it.credential.source)).collect();
        assert_eq!(changes, [(CredentialChange::Unchanged, CredentialSource::Added), (CredentialChange::Unchanged, CredentialSource::Manifest)]);
        world.clock.ticks();
        let labelled = AddCredential { label: Some("old HSM".to_owned()), ..by_value(&[&ours]) };
        let changed = world.first().call(&labelled).await.unwrap();
        assert_eq!((changed[0].change, changed[0].credential.source), (CredentialChange::Updated, CredentialSource::Manifest));
        let leaf = world.leaves().await.pop().unwrap();
        assert_eq!((leaf["action"].as_str(), leaf["subject"].as_str()), (Some("rp.credential.add"), Some("drill-office")));
        assert_eq!(leaf["facts"]["credentials"][0]["thumbprint"], thumbprint(&ours));
    }

    async fn of_what_is_given_all_is_right_or_nothing_is_added(world: &World) {
        let (ours, foreign) = (fresh_key(), fresh_key());
        drill(world, std::slice::from_ref(&ours)).await;
        apply(&world.first(), &[office("fire-office", 1, std::slice::from_ref(&foreign))]).await.unwrap();
        let before = world.census().await;
        let mut private = fresh_key();
        private["d"] = json!("SECRETSECRETSECRET");
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let expired = certificate(&key, "20251231000000Z");
        let pem = |certificate: String| AddCredential { certificate: Some(certificate), ..nothing_yet() };
        let url = |url: &str| AddCredential { jwks_url: Some(url.to_owned()), ..nothing_yet() };
        for (given, path, code) in [
            (by_value(&[&fresh_key(), &foreign]), "jwks.keys[1]", "credential.key-of-another-party"),
            (by_value(&[&ours, &ours]), "jwks.keys[1]", "credential.duplicate-key"),
            (by_value(&vec![&ours; 10_000]), "jwks", "credential.too-many-keys"),
            (by_value(&[&ours; 21]), "jwks", "credential.too-many-keys"),
            (by_value(&[&private]), "jwks.keys[0]", "credential.private-key"),
            (by_value(&[]), "jwks", "credential.jwks"),
            (pem("hello".to_owned()), "certificate", "credential.certificate"),
            (pem(key.pkey().private_key_to_pem_pkcs8().map(|pem| String::from_utf8(pem).unwrap()).unwrap()), "certificate", "credential.private-key"),
            (pem(expired), "certificate", "credential.expired"),
            (AddCredential { not_after: Some(world.app.clock.now()), ..by_value(&[&fresh_key()]) }, "not_after", "credential.expired"),
            (url("http://bank.example/jwks.json"), "jwks_url", "credential.url"),
            (url("https://10.0.0.1/jwks.json"), "jwks_url", "credential.url"),
            (AddCredential { label: Some("a\u{1b}b".to_owned()), ..by_value(&[&fresh_key()]) }, "label", "credential.label"),
            (AddCredential { label: Some("x".repeat(101)), ..by_value(&[&fresh_key()]) }, "label", "credential.label"),
        ] {
            let problem = world.first().call(&given).await.unwrap_err();
            assert_eq!((problem.status, wrong(&problem)), (422, vec![format!("{path} {code}")]), "{problem:?}");
            assert!(!serde_json::to_string(&problem).unwrap().contains("SECRET"));
        }
        for given in [nothing_yet(), AddCredential { jwks_url: Some("https://bank.example/".to_owned()), ..by_value(&[&ours]) }] {
            assert_eq!(world.first().call(&given).await.unwrap_err().code, "credential.empty");
        }
        let absent = AddCredential { rp: "no-such-office".parse().unwrap(), ..by_value(&[&fresh_key()]) };
        assert_eq!(world.first().call(&absent).await.unwrap_err().code, "relying-party.not-found");
        let after: Vec<_> = world.census().await.into_iter().filter(|(table, _)| table != "audit_entry").collect();
        assert_eq!(after, before.into_iter().filter(|(table, _)| table != "audit_entry").collect::<Vec<_>>());
        for leaf in world.leaves().await {
            assert!(!leaf.to_string().contains("SECRET"));
        }
    }

    async fn a_party_has_so_many_active_keys_and_no_more(world: &World) {
        let keys: Vec<Value> = (0..21).map(|_| fresh_key()).collect();
        drill(world, &keys[..15]).await;
        add(&world.first(), &keys[15..20].iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!(add(&world.first(), &[&keys[20]]).await.unwrap_err().code, "credential.too-many-keys");
        let oldest = credentials(world, "drill-office").await[0].id;
        revoke(&world.first(), oldest, RevocationReason::Superseded).await.unwrap();
        add(&world.first(), &[&keys[20]]).await.unwrap();
    }

    async fn revoked_is_for_good(world: &World) {
        let key = fresh_key();
        let manifest = drill(world, std::slice::from_ref(&key)).await;
        let id = over(world, "drill-office", &key).await.id;
        world.clock.advance(Duration::from_secs(1));
        let revoked = revoke(&world.first(), id, RevocationReason::CessationOfOperation).await.unwrap();
        assert_eq!((revoked.credential.state, revoked.left), (CredentialState::Revoked, 0));
        assert_eq!(revoked.credential.revoked.as_ref().map(|it| (it.at, it.reason)), Some((world.app.clock.now(), RevocationReason::CessationOfOperation)));
        assert!(show(world, "drill-office").await.warnings.contains(&"no credentials: the party cannot log anybody in".to_owned()));
        let leaf = world.leaves().await.pop().unwrap();
        assert_eq!((leaf["action"].as_str(), leaf["subject"].as_str()), (Some("rp.credential.revoke"), Some(id.to_string().as_str())));
        assert_eq!((&leaf["facts"]["thumbprint"], &leaf["facts"]["left"], &leaf["facts"]["was"]), (&json!(thumbprint(&key)), &json!(0), &json!("active")));

        // Again it is as it was; another reason is another thing.
        world.clock.advance(Duration::from_hours(1));
        let again = revoke(&world.first(), id, RevocationReason::CessationOfOperation).await.unwrap();
        assert_eq!(again.credential.revoked, revoked.credential.revoked);
        assert!(!revoked.already && again.already);
        let problem = revoke(&world.first(), id, RevocationReason::Superseded).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "credential.revoked"));
        let problem = revoke(&world.first(), id, RevocationReason::CertificateHold).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "key.no-hold"));

        // No source brings it back: not the manifest that lists it, changed or not, and no officer.
        let renamed = edited(&manifest, |m| m["contact"]["name"] = json!("night desk"));
        for manifest in [&manifest, &renamed] {
            for problem in [
                apply(&world.first(), std::slice::from_ref(manifest)).await.unwrap_err(),
                plan(&world.first(), std::slice::from_ref(manifest)).await.unwrap_err(),
            ] {
                assert_eq!(wrong(&problem), ["manifests[0].credentials[0].jwks.keys[0] credential.revoked"]);
                assert!(problem.message.contains(&id.to_string()), "{}", problem.message);
            }
        }
        assert_eq!(add(&world.first(), &[&key]).await.unwrap_err().code, "credential.revoked");
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        assert_eq!(over(world, "drill-office", &key).await.state, CredentialState::Revoked);
        let unknown = revoke(&world.first(), CredentialId::from_number(1).unwrap(), RevocationReason::Superseded).await.unwrap_err();
        assert_eq!((unknown.status, unknown.code.as_str()), (404, "credential.not-found"));
    }

    async fn certificates_over_one_key_follow_each_other(world: &World) {
        drill(world, &[]).await;
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let (old, new) = (certificate(&key, "20260201000000Z"), certificate(&key, "20270201000000Z"));
        let pem = |pem: &str| AddCredential { certificate: Some(pem.to_owned()), ..nothing_yet() };
        let old = world.first().call(&pem(&old)).await.unwrap().remove(0).credential;
        world.clock.ticks();
        assert_eq!((old.kind, old.days_left, old.not_after), (CredentialType::Certificate, Some(26), Some(at("2026-02-01T00:00:00Z"))));
        let earlier = AddCredential { not_after: Some(at("2026-03-01T00:00:00Z")), ..pem(&new) };
        let new = world.first().call(&earlier).await.unwrap().remove(0).credential;
        assert_eq!((new.thumbprint.clone(), new.not_after), (old.thumbprint.clone(), Some(at("2026-03-01T00:00:00Z"))));
        assert_ne!(new.id, old.id);

        world.clock.set(at("2026-02-01T00:00:01Z"));
        let states = async || credentials(world, "drill-office").await.into_iter().map(|it| (it.state, it.days_left)).collect::<Vec<_>>();
        assert_eq!(states().await, [(CredentialState::Expired, Some(-1)), (CredentialState::Active, Some(27))]);
        let expired = ListCredentials { state: Some(CredentialState::Expired), ..ListCredentials::default() };
        assert_eq!(world.first().call(&expired).await.unwrap().items.len(), 1);
        // A clock that was wrong ends nothing for good.
        world.clock.set(at("2026-04-01T00:00:00Z"));
        assert_eq!(states().await, [(CredentialState::Expired, Some(-59)), (CredentialState::Expired, Some(-31))]);
        world.clock.set(at("2026-01-06T00:00:00Z"));
        assert_eq!(states().await, [(CredentialState::Active, Some(26)), (CredentialState::Active, Some(54))]);

        let revoked = revoke(&world.first(), old.id, RevocationReason::KeyCompromise).await.unwrap();
        assert_eq!((revoked.with_it, revoked.blocked, revoked.left), (vec![new.id], vec![old.thumbprint.unwrap()], 0));
    }

    async fn a_leaked_key_is_stopped_everywhere(world: &World) {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let (jwk, other) = (listed(&key), fresh_key());
        let manifest = drill(world, std::slice::from_ref(&jwk)).await;
        world.clock.ticks();
        add(&world.first(), &[&other]).await.unwrap();
        let credential = over(world, "drill-office", &jwk).await;
        world.clock.advance(Duration::from_hours(1));
        let night = world.operator("night-supervisor", &[Role::HotlineSupervisor]).await;
        let leak = ReportLeak { note: Some("found on a code forge".to_owned()), ..leaked(credential.id) };
        let reported = report(&night, &leak).await.unwrap();

        let digest = pki::hex(&key.public().unwrap().spki_digest());
        assert_eq!(reported.keys.iter().map(|it| (it.thumbprint.clone(), it.spki_sha256.clone())).collect::<Vec<_>>(), [(thumbprint(&jwk), digest)]);
        assert_eq!(reported.credentials.iter().map(|it| (it.id, it.state)).collect::<Vec<_>>(), [(credential.id, CredentialState::Revoked)]);
        assert_eq!(reported.credentials[0].revoked.as_ref().map(|it| it.reason), Some(RevocationReason::KeyCompromise));
        assert_eq!(reported.since, credential.created_at);
        assert_eq!(reported.parties.iter().map(|it| (it.rp.as_str(), it.left)).collect::<Vec<_>>(), [("drill-office", 1)]);
        let actions: Vec<&str> = reported.audit.iter().map(|it| it.action.as_str()).collect();
        assert_eq!((actions, reported.audit_entries), (vec!["rp.credential.add", "rp.apply"], 2));
        let leaves = world.leaves().await;
        let leaf = leaves.iter().find(|leaf| leaf["action"] == "rp.credential.leaked").unwrap();
        assert_eq!((leaf["actor"]["id"].as_str(), leaf["facts"]["note"].as_str()), (Some("night-supervisor"), Some("found on a code forge")));

        // Refused wherever a key is brought, by whomever.
        let refused = |problem: Problem| wrong(&problem).concat();
        let of = |place: &str| format!("{place} credential.key-known");
        assert_eq!(refused(apply(&world.first(), &[manifest]).await.unwrap_err()), of("manifests[0].credentials[0].jwks.keys[0]"));
        let stranger = office("fire-office", 1, std::slice::from_ref(&jwk));
        assert_eq!(refused(apply(&world.first(), &[stranger]).await.unwrap_err()), "manifests[0].credentials[0].jwks.keys[0] credential.key-of-another-party");
        assert_eq!(refused(add(&world.first(), &[&jwk]).await.unwrap_err()), of("jwks.keys[0]"));
        let certificate = AddCredential { certificate: Some(certificate(&key, "20270101000000Z")), ..nothing_yet() };
        assert_eq!(refused(world.first().call(&certificate).await.unwrap_err()), of("certificate"));
        let code = world.first().call(&api::operator::AddOperator { id: "agent-7".parse().unwrap(), name: "Agent".to_owned(), roles: vec![Role::HotlineAgent] }).await.unwrap().code.unwrap();
        let problem = world.enrolment(&code, &pki::make_csr(&key, "x").unwrap()).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "csr.key-blocked"));
        world.enrols("agent-7", &code).await;

        // Told again, it answers again, and says since when.
        world.clock.advance(Duration::from_hours(1));
        let again = report(&night, &leaked(credential.id)).await.unwrap();
        assert_eq!((again.keys, again.credentials[0].revoked.clone()), (reported.keys, reported.credentials[0].revoked.clone()));
    }

    async fn a_name_that_stands_twice_hides_nothing(world: &World) {
        drill(world, &[]).await;
        let (good, secret) = (json!([fresh_key()]), json!([{ "kty": "oct", "k": "AAAA" }]));
        let body = format!(r#"{{"rp":"drill-office","jwks":{{"keys":{secret},"keys":{good}}}}}"#);
        let problem = world.first().under("said-twice-1").post("rp.credential.add", body).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "credential.jwks"));
        assert!(credentials(world, "drill-office").await.is_empty());
    }

    async fn a_key_that_nobody_here_has_is_blocked_by_what_was_found(world: &World) {
        drill(world, &[]).await;
        let (one, other) = (PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::Rsa3072).unwrap());
        let mut both = leaked_key(&one);
        both.public_keys.push(other.public().unwrap().pem().unwrap());
        let reported = report(&world.first(), &both).await.unwrap();
        assert_eq!((reported.keys.len(), reported.credentials.len(), reported.parties.len()), (2, 0, 0));
        assert_eq!(reported.since, world.app.clock.now(), "nothing is known of it from before");
        assert_eq!(add(&world.first(), &[&listed(&one)]).await.unwrap_err().code, "credential.key-known");
        assert_eq!(world.audited("rp.credential.leaked").await, [("first-operator".into(), "2 keys".into(), "done".into())]);
    }

    async fn a_private_key_that_is_sent_is_refused_and_kept_nowhere(world: &World) {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let pem = String::from_utf8(key.pkey().private_key_to_pem_pkcs8().unwrap()).unwrap();
        let secret: String = pem.lines().nth(1).unwrap().chars().take(40).collect();
        let leak = ReportLeak { public_keys: vec![pem], ..leaked_key(&key) };
        let problem = report(&world.first(), &leak).await.unwrap_err();
        assert_eq!(wrong(&problem), ["public_keys[0] credential.private-key"]);
        assert!(!serde_json::to_string(&problem).unwrap().contains(&secret));
        assert_eq!(world.number("SELECT COUNT(*) FROM blocked_key").await, 0);
        for leak in [
            ReportLeak { public_keys: Vec::new(), ..leaked_key(&key) },
            ReportLeak { credential: CredentialId::from_number(1), ..leaked_key(&key) },
        ] {
            assert_eq!(report(&world.first(), &leak).await.unwrap_err().code, "credential.empty");
        }
        let noted = ReportLeak { note: Some("a\u{202e}b".to_owned()), ..leaked_key(&key) };
        assert_eq!(report(&world.first(), &noted).await.unwrap_err().code, "credential.note");
        let many = ReportLeak { public_keys: vec!["x".to_owned(); 21], ..leaked_key(&key) };
        assert_eq!(report(&world.first(), &many).await.unwrap_err().code, "credential.too-many-keys");
        let garbage = ReportLeak { public_keys: vec!["x".to_owned()], ..leaked_key(&key) };
        assert_eq!(wrong(&report(&world.first(), &garbage).await.unwrap_err()), ["public_keys[0] credential.key"]);
    }

    async fn a_report_says_what_the_key_could_speak_for_since(world: &World) {
        let key = fresh_key();
        drill(world, std::slice::from_ref(&key)).await;
        let service = world.number("SELECT CAST(code AS BIGINT) FROM service").await;
        let days: [(i32, i64); 3] = [(20_457, 5), (20_458, 7), (20_459, 11)];
        for (day, count) in days {
            let outcome = domain::Outcome::Completed.code();
            world.execute(&format!("INSERT INTO usage_daily (event_day, recorded_day, service, function, tier, channel, outcome, count) VALUES ({day}, {day}, {service}, 1, 1, 1, {outcome}, {count}), ({day}, {day}, {service}, 1, 1, 1, {}, 1000)", outcome + 1)).await;
        }
        let id = over(world, "drill-office", &key).await.id;
        let uses = async |since: &str| {
            let leak = ReportLeak { since: Some(at(since)), ..leaked(id) };
            report(&world.first(), &leak).await.unwrap().parties[0].services[0].uses
        };
        // Midnight in Hong Kong of the second day, 6 January 2026.
        assert_eq!(uses("2026-01-05T16:00:00Z").await, 11);
        assert_eq!(uses("2026-01-05T15:59:59Z").await, 18);
        assert_eq!(uses("2020-01-01T00:00:00Z").await, 23);
    }

    async fn a_certificate_that_we_issue_is_a_credential_for_as_long_as_it_is_good(world: &World) {
        drill(world, &[]).await;
        let issue = async |key: &PrivateKey| {
            let csr = pki::make_csr(key, "x").unwrap();
            world.first().call(&IssueCertificate { rp: "drill-office".parse().unwrap(), csr, validity: None }).await
        };
        let (one, other, third) = (PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::P256).unwrap());
        let serial = issue(&one).await.unwrap().certificate.serial;
        world.clock.ticks();
        let second = issue(&other).await.unwrap().certificate.serial;
        world.clock.ticks();
        let leaking = issue(&third).await.unwrap().certificate.serial;
        let held = credentials(world, "drill-office").await;
        assert_eq!(held.iter().map(|it| (it.kind, it.source, it.state)).collect::<Vec<_>>(), [(CredentialType::Certificate, CredentialSource::Issued, CredentialState::Active); 3]);
        assert_eq!((held[0].serial.as_deref(), held[0].days_left), (Some(serial.as_str()), Some(364)));
        // The manifest has no say in it.
        apply(&world.first(), &[edited(&office("drill-office", 0, &[]), |m| m["contact"]["name"] = json!("night desk"))]).await.unwrap();
        assert_eq!(credentials(world, "drill-office").await, held);

        // Each is revoked with the other, and a key that was compromised is certified for nobody.
        let standing = async |serial: &domain::Serial| world.first().call(&ShowCertificate { serial: serial.clone() }).await.unwrap().certificate.revoked_reason;
        world.first().call(&RevokeCertificate { serial: serial.clone(), reason: RevocationReason::KeyCompromise }).await.unwrap();
        revoke(&world.first(), held[1].id, RevocationReason::Superseded).await.unwrap();
        assert_eq!(standing(&second).await, Some(RevocationReason::Superseded));
        let report = report(&world.first(), &leaked_key(&third)).await.unwrap();
        assert_eq!(report.certificates.iter().map(|it| (it.serial.clone(), it.revoked)).collect::<Vec<_>>(), [(leaking.clone(), true)]);
        assert_eq!(standing(&leaking).await, Some(RevocationReason::KeyCompromise));
        let reasons: Vec<_> = credentials(world, "drill-office").await.into_iter().map(|it| it.revoked.unwrap().reason).collect();
        assert_eq!(reasons, [RevocationReason::KeyCompromise, RevocationReason::Superseded, RevocationReason::KeyCompromise]);
        for (key, code) in [(&one, "csr.key-blocked"), (&third, "csr.key-blocked")] {
            assert_eq!(issue(key).await.unwrap_err().code, code);
        }
        issue(&other).await.unwrap();
        // Nor is the key of another party.
        let foreign = PrivateKey::generate(KeyKind::P256).unwrap();
        apply(&world.first(), &[office("fire-office", 1, &[listed(&foreign)])]).await.unwrap();
        assert_eq!(issue(&foreign).await.unwrap_err().code, "credential.key-of-another-party");
    }

    async fn a_party_has_twenty_credentials_however_they_come(world: &World) {
        let keys: Vec<Value> = (0..19).map(|_| fresh_key()).collect();
        drill(world, &[]).await;
        add(&world.first(), &keys.iter().collect::<Vec<_>>()).await.unwrap();
        let ask = || IssueCertificate { rp: "drill-office".parse().unwrap(), csr: pki::make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "x").unwrap(), validity: None };
        let issued = world.first().call(&ask()).await.unwrap().certificate.serial;
        let planned = world.number("SELECT COUNT(*) FROM certificate").await;
        let renew = api::certificate::RenewCertificate { serial: issued.clone(), csr: None, validity: None };
        let address = AddCredential { jwks_url: Some("https://drill.example/jwks.json".to_owned()), ..nothing_yet() };
        let refusals = [
            world.first().call(&ask()).await.map(drop).unwrap_err(),
            world.first().dry_run().call(&ask()).await.map(drop).unwrap_err(),
            world.first().call(&renew).await.map(drop).unwrap_err(),
            world.first().call(&address).await.map(drop).unwrap_err(),
            add(&world.first(), &[&fresh_key()]).await.unwrap_err(),
        ];
        for problem in refusals {
            assert_eq!((problem.status, problem.code.as_str()), (422, "credential.too-many-keys"));
            assert!(problem.message.contains("would have 21 active keys, certificates and addresses"), "{}", problem.message);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM certificate").await, planned, "nothing was put on record to be signed");
        // One that was withdrawn makes room.
        world.first().call(&RevokeCertificate { serial: issued, reason: RevocationReason::Superseded }).await.unwrap();
        world.first().call(&ask()).await.unwrap();
    }

    async fn an_operator_with_a_leaked_key_is_out_and_the_last_administrator_is_told(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        let key = |id: &str| pki::envelope::private_key_from_pem(world.badge(id).key.as_bytes()).unwrap();
        let reported = report(&world.first(), &leaked_key(&key("agent-7"))).await.unwrap();
        assert_eq!(reported.certificates.iter().map(|it| (it.holder.as_str(), it.revoked)).collect::<Vec<_>>(), [("agent-7", true)]);
        assert_eq!(agent.call(&api::operator::WhoAmI {}).await.unwrap_err().code, "auth.certificate-revoked");

        let reported = report(&world.first(), &leaked_key(&key("first-operator"))).await.unwrap();
        assert_eq!(reported.certificates.iter().map(|it| (it.holder.as_str(), it.revoked)).collect::<Vec<_>>(), [("first-operator", false)]);
        assert!(reported.audit.iter().any(|entry| entry.operator == "first-operator"), "what the operator did since is listed");
        world.operator("second-administrator", &[Role::Administrator]).await;
        let reported = report(&world.first(), &leaked_key(&key("first-operator"))).await.unwrap();
        assert!(reported.certificates[0].revoked);
        assert_eq!(world.first().call(&api::operator::WhoAmI {}).await.unwrap_err().code, "auth.certificate-revoked");
    }

    async fn who_may_do_what(world: &World) {
        let key = fresh_key();
        drill(world, std::slice::from_ref(&key)).await;
        let id = over(world, "drill-office", &key).await.id;
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let keys = world.operator("keys-1", &[Role::KeyOfficer]).await;
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        assert_eq!(report(&agent, &leaked(id)).await.unwrap_err().code, "auth.role");
        assert_eq!(add(&keys, &[&fresh_key()]).await.unwrap_err().code, "auth.role");
        assert_eq!(revoke(&auditor, id, RevocationReason::Superseded).await.unwrap_err().code, "auth.role");
        auditor.call(&ListCredentials::default()).await.unwrap();
        revoke(&keys, id, RevocationReason::Superseded).await.unwrap();
    }

    async fn a_dry_run_says_what_would_happen_and_changes_nothing(world: &World) {
        let key = fresh_key();
        drill(world, std::slice::from_ref(&key)).await;
        let id = over(world, "drill-office", &key).await.id;
        let before = (world.census().await, credentials(world, "drill-office").await);
        let dry = world.first().dry_run();
        assert_eq!(add(&dry, &[&fresh_key()]).await.unwrap()[0].change, CredentialChange::Added);
        assert_eq!(revoke(&dry, id, RevocationReason::KeyCompromise).await.unwrap().left, 0);
        assert_eq!(report(&dry, &leaked(id)).await.unwrap().credentials[0].state, CredentialState::Revoked);
        assert_eq!((world.census().await, credentials(world, "drill-office").await), before);
    }

    async fn a_list_goes_on_where_it_stopped(world: &World) {
        let keys: Vec<Value> = (0..5).map(|_| fresh_key()).collect();
        apply(&world.first(), &[office("drill-office", 0, &keys[..3]), office("fire-office", 1, &keys[3..])]).await.unwrap();
        let mut seen = Vec::new();
        let mut page = PageRequest { after: None, limit: Some(2) };
        loop {
            let list = ListCredentials { page: page.clone(), ..ListCredentials::default() };
            let listed = world.first().call(&list).await.unwrap();
            seen.extend(listed.items.into_iter().map(|it| (it.rp.to_string(), it.thumbprint.unwrap())));
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        let mut expected: Vec<_> = keys.iter().enumerate().map(|(n, key)| (if n < 3 { "drill-office" } else { "fire-office" }.to_owned(), thumbprint(key))).collect();
        assert!(seen.is_sorted_by(|one, other| one.0 <= other.0));
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
        let wrong = ListCredentials { page: PageRequest { after: Some("x".to_owned()), limit: None }, ..ListCredentials::default() };
        assert_eq!(world.first().call(&wrong).await.unwrap_err().code, "page.after");
        let absent = ListCredentials { rp: Some("no-such-office".parse().unwrap()), ..ListCredentials::default() };
        assert_eq!(world.first().call(&absent).await.unwrap_err().code, "relying-party.not-found");
    }

    async fn the_last_use_is_written_down_once_in_a_while(world: &World) {
        let key = fresh_key();
        drill(world, std::slice::from_ref(&key)).await;
        let credential = over(world, "drill-office", &key).await;
        assert_eq!(credential.last_used_at, None);
        let seen = async |minutes: u64| {
            let at = credential.created_at.plus(Duration::from_mins(minutes));
            let mut tx = world.app.store.write().await.unwrap();
            let written = tx.credential_seen(credential.id, at).await.unwrap();
            tx.commit_housekeeping(server::store::Housekeeping::Deliver).await.unwrap();
            written
        };
        assert_eq!([seen(0).await, seen(1).await, seen(4).await, seen(5).await, seen(6).await, seen(60).await], [true, false, false, true, false, true]);
        let last = over(world, "drill-office", &key).await.last_used_at;
        assert_eq!(last, Some(credential.created_at.plus(Duration::from_hours(1))));
    }

    async fn the_store_gives_a_key_to_one_party_for_good(world: &World) {
        let key = fresh_key();
        drill(world, std::slice::from_ref(&key)).await;
        apply(&world.first(), &[office("fire-office", 1, &[])]).await.unwrap();
        let row = |rp: &str, kind, number| CredentialRow {
            thumbprint: Some(thumbprint(&key)),
            ..CredentialRow::new(CredentialId::from_number(number).unwrap(), rp, kind, CredentialSource::Issued, "x".to_owned(), world.app.clock.now())
        };
        let mut tx = world.app.store.write().await.unwrap();
        for (rp, kind) in [("fire-office", CredentialType::Jwks), ("fire-office", CredentialType::Certificate)] {
            assert!(matches!(tx.insert_credential(&row(rp, kind, 1)).await, Err(StoreError::Unique)), "{rp} {kind}");
        }
        tx.insert_credential(&CredentialRow { serial: Some("ab12".to_owned()), ..row("drill-office", CredentialType::Certificate, 2) }).await.unwrap();
        assert_eq!(tx.credential_of_serial("ab12").await.unwrap().map(|row| row.id), Some(2));
        assert_eq!(tx.credentials_of_key(&thumbprint(&key)).await.unwrap().len(), 2);
        tx.rollback().await.unwrap();
    }

    /// What an instance of the version before has on record, brought up to date.
    async fn credentials_of_the_version_before_are_kept(world: &World) {
        let (one, other) = (fresh_key(), fresh_key());
        drill(world, &[one.clone(), other.clone()]).await;
        let keys = [thumbprint(&one), thumbprint(&other)];
        world.execute("DROP TABLE key_set_address").await;
        world.execute("DROP TABLE blocked_key").await;
        world.execute("DROP TABLE credential").await;
        world.execute("CREATE TABLE relying_party_credential (id TEXT NOT NULL PRIMARY KEY, relying_party TEXT NOT NULL REFERENCES relying_party (id), kind TEXT NOT NULL, state TEXT NOT NULL, public_key TEXT NOT NULL, not_after BIGINT, created_at BIGINT NOT NULL)").await;
        for (key, (jwk, state)) in keys.iter().zip([(&one, "active"), (&other, "removed")]) {
            world.execute(&format!("INSERT INTO relying_party_credential VALUES ('{key}', 'drill-office', 'jwks', '{state}', '{jwk}', NULL, 1000000)")).await;
        }
        world.execute("DELETE FROM _sqlx_migrations WHERE version = 3").await;
        world.app.store.engine().migrate().await.unwrap();
        // Version 9, which is not run again, has added it to the table of version 3.
        world.execute("ALTER TABLE credential ADD COLUMN service TEXT").await;
        let kept: Vec<_> = credentials(world, "drill-office").await.into_iter().map(|it| (it.thumbprint.unwrap(), it.state, it.source)).collect();
        let mut expected = vec![
            (keys[0].clone(), CredentialState::Active, CredentialSource::Manifest),
            (keys[1].clone(), CredentialState::Superseded, CredentialSource::Manifest),
        ];
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(kept, expected);
        assert!(credentials(world, "drill-office").await.iter().any(|it| it.superseded_at.is_some()));
        let (manifest, before) = (office("drill-office", 0, &[one, other]), credentials(world, "drill-office").await);
        apply(&world.first(), &[edited(&manifest, |m| m["contact"]["name"] = json!("night desk"))]).await.unwrap();
        let after = credentials(world, "drill-office").await;
        assert_eq!(after.iter().map(|it| it.id).collect::<Vec<_>>(), before.iter().map(|it| it.id).collect::<Vec<_>>());
        assert!(after.iter().all(|it| it.state == CredentialState::Active));
    }
}
