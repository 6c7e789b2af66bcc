//! Whoever holds a party's private key speaks for it: which keys and names are taken, and by whom at the same moment.

use api::relying_party::PartyChange;
use domain::{CredentialType, Manifest, ServiceManifest};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk};
use serde_json::{Value, json};
use tests::fixtures::made_up;
use tests::{World, both_engines};

use super::party_credentials::credentials;
use super::relying_parties::{apply, edited, plan, show, wrong};

/// A fresh key on P-256 as it is listed.
pub fn fresh_key() -> Value {
    let key = PrivateKey::generate(KeyKind::P256).unwrap().public().unwrap();
    serde_json::to_value(PublicJwk::signing(&key, JwsAlgorithm::ES256).unwrap()).unwrap()
}

pub fn thumbprint(key: &Value) -> String {
    serde_json::from_value::<PublicJwk>(key.clone()).unwrap().numbers.thumbprint()
}

pub fn office(id: &str, number: u32, keys: &[Value]) -> Manifest {
    let words = ["Drill", "Fire", "Water", "Harbour", "Tram", "Ferry", "Lamp", "Clock"];
    let names = ["演習", "消防", "食水", "海港", "電車", "渡輪", "街燈", "時鐘"];
    let number = number as usize;
    edited(&made_up(id, &format!("{} Office", words[number]), &format!("{}處", names[number])), |m| {
        if !keys.is_empty() {
            m["credentials"] = json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": keys } }]);
        }
    })
}

async fn keys(world: &World, rp: &str) -> Vec<(String, String)> {
    let listed = credentials(world, rp).await.into_iter();
    let mut keys: Vec<(String, String)> = listed.map(|key| (key.thumbprint.unwrap(), key.state.to_string())).collect();
    keys.sort();
    keys
}

fn states(of: &[(&Value, &str)]) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = of.iter().map(|(key, state)| (thumbprint(key), (*state).to_owned())).collect();
    keys.sort();
    keys
}

both_engines! {
    async fn keys_come_and_go_and_stay_on_record(world: &World) {
        let (old, new) = (fresh_key(), fresh_key());
        apply(&world.first(), &[office("drill-office", 0, std::slice::from_ref(&old))]).await.unwrap();
        assert_eq!(keys(world, "drill-office").await, states(&[(&old, "active")]));
        apply(&world.first(), &[office("drill-office", 0, &[old.clone(), new.clone()])]).await.unwrap();
        assert_eq!(keys(world, "drill-office").await, states(&[(&old, "active"), (&new, "active")]));
        let planned = plan(&world.first(), &[office("drill-office", 0, std::slice::from_ref(&new))]).await.unwrap();
        assert_eq!(planned[0].changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["credentials[jwks].jwks.keys"]);
        apply(&world.first(), &[office("drill-office", 0, std::slice::from_ref(&new))]).await.unwrap();
        assert_eq!(keys(world, "drill-office").await, states(&[(&old, "superseded"), (&new, "active")]));
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        assert_eq!(keys(world, "drill-office").await, states(&[(&old, "superseded"), (&new, "superseded")]));
        assert!(show(world, "drill-office").await.warnings.contains(&"no credentials: the party cannot log anybody in".to_owned()));
        apply(&world.first(), &[office("drill-office", 0, std::slice::from_ref(&old))]).await.unwrap();
        assert_eq!(keys(world, "drill-office").await, states(&[(&old, "active"), (&new, "superseded")]));
    }

    async fn a_key_belongs_to_one_party_for_good(world: &World) {
        let key = fresh_key();
        apply(&world.first(), &[office("drill-office", 0, std::slice::from_ref(&key))]).await.unwrap();
        let same = office("fire-office", 1, &[fresh_key(), key.clone()]);
        let problem = apply(&world.first(), std::slice::from_ref(&same)).await.unwrap_err();
        assert_eq!(wrong(&problem), ["manifests[0].credentials[0].jwks.keys[1] credential.key-of-another-party"]);
        assert!(problem.message.contains("drill-office"), "{}", problem.message);
        // Removed, it may have been removed because it was no secret any more.
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        assert_eq!(apply(&world.first(), &[same]).await.unwrap_err().code, "credential.key-of-another-party");
        let shared = fresh_key();
        let both = [office("fire-office", 1, std::slice::from_ref(&shared)), office("water-office", 2, &[shared])];
        let problem = apply(&world.first(), &both).await.unwrap_err();
        assert_eq!(wrong(&problem), ["manifests[1].credentials[0].jwks.keys[0] credential.key-of-another-party"]);
    }

    async fn keys_that_others_could_know_are_refused_and_never_repeated(world: &World) {
        let weak = Rsa::generate(1024).unwrap();
        let encode = |bytes: &[u8]| openssl::base64::encode_block(bytes).replace('+', "-").replace('/', "_").replace('=', "");
        let weak = json!({ "kty": "RSA", "n": encode(&weak.n().to_vec()), "e": encode(&weak.e().to_vec()) });
        let mut private = fresh_key();
        private["d"] = json!("SECRETSECRETSECRET");
        let kept = |census: Vec<(String, i64)>| census.into_iter().filter(|(table, _)| table != "audit_entry").collect::<Vec<_>>();
        let before = kept(world.census().await);
        for (key, path, code) in [
            (weak, "manifests[0].credentials[0].jwks.keys[0]", "credential.weak-key"),
            (private, "manifests[0].credentials[0].jwks.keys[0]", "credential.private-key"),
            (json!({ "kty": "oct", "k": "SECRETSECRETSECRET" }), "manifests[0].credentials[0].jwks.keys[0]", "credential.private-key"),
        ] {
            let problem = apply(&world.first(), &[office("drill-office", 0, &[key])]).await.unwrap_err();
            assert_eq!(wrong(&problem), [format!("{path} {code}")]);
            assert!(!serde_json::to_string(&problem).unwrap().contains("SECRETSECRET"));
        }
        assert_eq!(kept(world.census().await), before, "but that it was refused");
        for leaf in world.leaves().await {
            assert!(!leaf.to_string().contains("SECRETSECRET"));
        }
    }

    async fn a_certificate_is_a_credential_with_an_end(world: &World) {
        let (key, ends) = (PrivateKey::generate(KeyKind::P256).unwrap(), "20260301000000Z");
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "drill-office").unwrap();
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        certificate.set_subject_name(&name.build()).unwrap();
        certificate.set_not_before(&Asn1Time::from_str("20250301000000Z").unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::from_str(ends).unwrap()).unwrap();
        certificate.set_pubkey(&PKey::public_key_from_der(key.public().unwrap().spki_der()).unwrap()).unwrap();
        certificate.sign(key.pkey(), MessageDigest::sha256()).unwrap();
        let pem = String::from_utf8(certificate.build().to_pem().unwrap()).unwrap();
        let manifest = edited(&office("drill-office", 0, &[]), |m| {
            m["services"][0]["clientAuthentication"] = json!("tls_client_auth");
            m["credentials"] = json!([{ "kind": "certificate", "file": "drill.pem", "certificate": pem }]);
        });
        apply(&world.first(), std::slice::from_ref(&manifest)).await.unwrap();
        let view = show(world, "drill-office").await;
        assert_eq!(view.warnings, Vec::<String>::new());
        let credential = &view.credentials[0];
        assert_eq!(credential.kind, CredentialType::Certificate);
        assert_eq!(credentials(world, "drill-office").await[0].thumbprint, Some(key.public().unwrap().thumbprint().unwrap()));
        assert_eq!(credential.not_after.map(|end| end.to_string()).as_deref(), Some("2026-03-01T00:00:00.000000Z"));
        world.clock.set("2026-03-01T00:00:01Z".parse().unwrap());
        let warnings = show(world, "drill-office").await.warnings;
        assert_eq!(warnings, ["no credentials: the party cannot log anybody in".to_owned(), format!("credential {} (certificate) has expired", credential.id)]);
        assert_eq!(apply(&world.first(), &[manifest]).await.unwrap()[0].change, PartyChange::Unchanged, "the folder can still be applied");
    }

    async fn a_name_is_told_from_every_other_one_by_eye(world: &World) {
        apply(&world.first(), &[made_up("inland-revenue-department", "Inland Revenue Department", "稅務局")]).await.unwrap();
        for (en, zh_hant, path) in [
            ("Inland Revenue Department", "別局", "organisation.en"),
            ("lnland Revenue Department", "別局", "organisation.en"),
            ("INLAND REVENUE DEPARTMENT", "別局", "organisation.en"),
            ("Inland  Revenue Department".trim(), "別局", "organisation.en"),
            ("Іnland Rеvеnuе Dераrtmеnt", "別局", "organisation.en"),
            ("Other Office", "稅務局", "organisation.zh-Hant"),
            ("Other Office", "Inland Revenue Department", "organisation.zh-Hant"),
        ] {
            let twin = made_up("other-office", en, zh_hant);
            let problem = apply(&world.first(), std::slice::from_ref(&twin)).await.unwrap_err();
            if en.contains("  ") {
                assert_eq!(problem.code, "name.spacing");
                continue;
            }
            assert_eq!(wrong(&problem), [format!("manifests[0].{path} rp.name-confusable")], "{en} {zh_hant}");
            assert!(problem.message.contains("relying party inland-revenue-department ("), "{}", problem.message);
            assert_eq!(plan(&world.first(), &[twin]).await.unwrap_err().code, "rp.name-confusable");
        }
        let itself = made_up("inland-revenue-department", "INLAND REVENUE DEPARTMENT", "稅務局");
        assert_eq!(apply(&world.first(), &[itself]).await.unwrap()[0].change, PartyChange::Updated, "its own name is no stranger");
    }

    async fn names_are_compared_as_they_would_be_afterwards(world: &World) {
        let (drill, fire) = (made_up("drill-office", "Drill Office", "演習處"), made_up("fire-office", "Fire Office", "消防處"));
        let problem = apply(&world.first(), &[drill.clone(), made_up("third-office", "DRILL OFFICE", "第三處")]).await.unwrap_err();
        assert_eq!(wrong(&problem), ["manifests[1].organisation.en rp.name-confusable"]);
        apply(&world.first(), &[drill, fire]).await.unwrap();
        // Two that change their names with each other are two parties before and after.
        let swapped = [made_up("drill-office", "Fire Office", "消防處"), made_up("fire-office", "Drill Office", "演習處")];
        let applied = apply(&world.first(), &swapped).await.unwrap();
        assert!(applied.iter().all(|party| party.change == PartyChange::Updated));
        // A newcomer is at fault, not the one who is there, wherever they stand in the request.
        let problem = apply(&world.first(), &[made_up("third-office", "Drill Office", "第三處"), swapped[1].clone()]).await.unwrap_err();
        assert_eq!(wrong(&problem), ["manifests[0].organisation.en rp.name-confusable"]);
    }

    async fn officers_who_apply_at_once_get_their_turn(world: &World) {
        let (officer, other) = (world.first(), world.first());
        let many = |first: u32| -> Vec<Manifest> {
            (first..first + 4).map(|number| {
                edited(&office(&format!("office-{number}"), number, &[]), |m| {
                    let service = m["services"][0].clone();
                    m["services"] = (0..12).map(|n| {
                        let mut service = service.clone();
                        service["id"] = json!(format!("enquiry-{n}"));
                        service["name"]["en"] = json!(format!("Enquiry {n}"));
                        service
                    }).collect();
                })
            }).collect()
        };
        let (theirs, ours) = (many(0), many(4));
        let (one, two) = tokio::join!(apply(&officer, &theirs), apply(&other, &ours));
        assert!(one.unwrap().iter().chain(&two.unwrap()).all(|party| party.change == PartyChange::Created));
        let codes = world.numbers("SELECT CAST(code AS BIGINT) FROM service ORDER BY code").await;
        assert!(codes.into_iter().eq(1..=96), "dense, and none twice");
    }

    async fn of_two_who_want_one_name_at_once_one_gets_it(world: &World) {
        let (desk, other) = (world.first(), world.first());
        let (one, two) = ([made_up("drill-office", "Drill Office", "演習處")], [made_up("drill-office-two", "DRILL OFFICE", "第二處")]);
        let (one, two) = tokio::join!(apply(&desk, &one), apply(&other, &two));
        let refused = [one.map(drop), two.map(drop)].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert_eq!(refused.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), ["rp.name-confusable"]);
        assert_eq!(world.number("SELECT COUNT(*) FROM relying_party").await, 1);
    }

    async fn changes_of_one_party_at_once_follow_each_other(world: &World) {
        apply(&world.first(), &[office("drill-office", 0, &[])]).await.unwrap();
        let desks: Vec<_> = (0..6).map(|_| world.first()).collect();
        let manifests: Vec<[Manifest; 1]> = (0..6).map(|n| [edited(&office("drill-office", 0, &[]), |m| m["contact"]["name"] = json!(format!("desk {n}")))]).collect();
        let stop = async || super::relying_parties::suspend(&world.first(), "drill-office", "drill").await;
        let applies = futures_util::future::join_all(desks.iter().zip(&manifests).map(|(desk, manifest)| apply(desk, manifest)));
        let (applied, stopped) = tokio::join!(applies, stop());
        assert!(applied.iter().all(Result::is_ok), "{applied:?}");
        assert_eq!(stopped.unwrap().state, domain::PartyState::Suspended);
        let view = show(world, "drill-office").await;
        assert_eq!((view.version, view.state), (8, domain::PartyState::Suspended));
        let versions = world.numbers("SELECT version FROM relying_party_version ORDER BY valid_from").await;
        assert!(versions.into_iter().eq(1..=8));
        assert_eq!(world.number("SELECT COUNT(*) FROM relying_party_version WHERE valid_to IS NULL").await, 1);
    }

    async fn a_party_may_have_as_many_services_as_are_allowed(world: &World) {
        let large = edited(&made_up("drill-office", "Drill Office", "演習處"), |m| {
            let service = m["services"][0].clone();
            m["services"] = (0..500).map(|n| {
                let mut service = service.clone();
                service["id"] = json!(format!("enquiry-{n}"));
                service["name"]["en"] = json!(format!("Enquiry {n}"));
                service
            }).collect();
        });
        apply(&world.first(), std::slice::from_ref(&large)).await.unwrap();
        let view = show(world, "drill-office").await;
        let order = |services: &[ServiceManifest]| services.iter().map(|service| service.id.clone()).collect::<Vec<_>>();
        assert_eq!(view.services.iter().map(|service| service.service.clone()).collect::<Vec<_>>(), order(&large.services));
    }
}
