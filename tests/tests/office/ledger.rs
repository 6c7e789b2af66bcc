//! Who counts in the readiness ledger: each client of a party, seen or not, and nobody who is gone.

use std::time::Duration;

use api::certificate::RevokeCertificate;
use api::inventory::ListInventory;
use api::key::RotateKey;
use api::rotation::PlanRotation;
use domain::{ActivateAt, HoldCause, ItemKind, KeyPurpose, KeyState, Manifest, PlanState, RevocationReason, Verdict};
use http::Method;
use serde_json::json;
use tests::fixtures::{made_up, party};
use tests::{World, both_engines};

use super::inventory::{certified, inventory};
use super::party_connections::{asks, peer};
use super::party_keys::fresh_key;
use super::relying_parties::{apply, edited};
use super::rotation::{fetches, goes_by, of, plan_of, rotate, show, state_of};

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// The drill office with a service of each of these names.
fn with_services(names: &[&str], key: &serde_json::Value) -> Manifest {
    edited(&made_up("drill-office", "Drill Office", "演習處"), |manifest| {
        let service = manifest["services"][0].clone();
        let named = names.iter().map(|name| {
            let mut service = service.clone();
            service["id"] = json!(name);
            service["name"] = json!({ "en": format!("Desk for {name}"), "zh-Hant": format!("{name} 查詢") });
            service
        });
        manifest["services"] = named.collect();
        manifest["credentials"] = json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": [key] } }]);
    })
}

async fn copies(world: &World) -> Vec<String> {
    let kind = ListInventory { kind: Some(ItemKind::Copy), ..ListInventory::default() };
    inventory(world, &kind).await.into_iter().map(|item| item.id).collect()
}

both_engines! {
    async fn one_client_that_fetches_does_not_speak_for_the_five_others(world: &World) {
        let manifest = party("transport-department");
        let clients: Vec<String> = manifest.services.iter().map(|service| format!("transport-department.{}", service.id)).collect();
        assert_eq!(clients.len(), 6);
        apply(&world.first(), &[manifest]).await.unwrap();
        let made = rotate(world).await;
        fetches(world, "transport-department.driving-licence-status").await;
        let plan = show(world, plan_of(&made)).await;
        let told = of(&plan, "transport-department");
        assert_eq!(told.verdict, Verdict::Unknown);
        assert!(told.breaks.ends_with(" were never seen to fetch the key set"), "{}", told.breaks);
        for client in &clients {
            assert_eq!(told.breaks.contains(client), !client.ends_with("driving-licence-status"), "{client}: {}", told.breaks);
        }
        assert_eq!((plan.readiness.unwrap().ready, plan.readiness.unwrap().unknown), (0, 1));
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        let held = show(world, plan.plan).await;
        assert_eq!((held.state, held.held_for), (PlanState::Held, Some(HoldCause::Parties)));

        for client in &clients {
            fetches(world, client).await;
        }
        assert_eq!(of(&show(world, plan.plan).await, "transport-department").breaks, "nothing");
        assert_eq!(goes_by(world, Duration::ZERO).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);
    }

    async fn what_a_service_saw_that_left_the_manifest_holds_nothing_back(world: &World) {
        let key = fresh_key();
        apply(&world.first(), &[with_services(&["account-opening", "enquiry"], &key)]).await.unwrap();
        for client in ["drill-office.account-opening", "drill-office.enquiry"] {
            fetches(world, client).await;
        }
        assert_eq!(copies(world).await.len(), 2);
        apply(&world.first(), &[with_services(&["enquiry"], &key)]).await.unwrap();
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        let plan = show(world, plan_of(&made)).await;
        assert_eq!((of(&plan, "drill-office").verdict, of(&plan, "drill-office").breaks.as_str()), (Verdict::Ready, "nothing"));
        assert_eq!(copies(world).await, ["drill-office/drill-office.enquiry/own-address"], "nobody is asked to fetch it again");
        assert_eq!(goes_by(world, TEN_MINUTES).await, 1);
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active);

        // Back in the manifest, it is a client like the others, and has what it saw last.
        apply(&world.first(), &[with_services(&["account-opening", "enquiry"], &key)]).await.unwrap();
        goes_by(world, TEN_MINUTES).await;
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        let plan = show(world, plan_of(&made)).await;
        let breaks = "drill-office.account-opening would refuse our tokens until the key set is fetched again";
        assert_eq!((of(&plan, "drill-office").verdict, of(&plan, "drill-office").breaks.as_str()), (Verdict::NotReady, breaks));
    }

    async fn who_has_pinned_a_certificate_of_ours_is_not_tracked_and_holds_nothing(world: &World) {
        apply(&world.first(), &[with_services(&["enquiry"], &fresh_key())]).await.unwrap();
        for (purpose, name) in [(KeyPurpose::ServerTls, None), (KeyPurpose::IssuingCa, Some("servers".to_owned()))] {
            let op = PlanRotation { purpose, name, algorithm: None, activate: ActivateAt::AfterPublish };
            let plan = world.first().call(&op).await.unwrap();
            let (told, count) = (of(&plan, "drill-office"), plan.readiness.unwrap());
            assert_eq!(told.verdict, Verdict::NotTracked, "{purpose}");
            assert!(told.breaks.starts_with("not tracked: "), "{}", told.breaks);
            assert_eq!((count.ready, count.awaited(), count.not_tracked), (0, 0, 1));
        }
        let made = world.first().call(&RotateKey::of(KeyPurpose::ServerTls)).await.unwrap().remove(0);
        goes_by(world, TEN_MINUTES).await;
        assert_eq!(state_of(world, &made.key.kid).await, KeyState::Active, "nothing is held by what nobody knows");
    }

    async fn what_somebody_saw_with_a_certificate_ends_with_the_certificate(world: &World) {
        apply(&world.first(), &[with_services(&["enquiry"], &fresh_key())]).await.unwrap();
        let issued = certified(world, 90).await;
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await, 200);
        let made = rotate(world).await;
        fetches(world, "drill-office.enquiry").await;
        let plan = show(world, plan_of(&made)).await;
        let told = of(&plan, "drill-office");
        assert_eq!(told.verdict, Verdict::NotReady);
        assert!(told.breaks.starts_with("whoever fetches it with the party's certificate would refuse"), "{}", told.breaks);
        let revoke = RevokeCertificate { serial: issued.certificate.serial.clone(), reason: RevocationReason::Superseded };
        world.first().call(&revoke).await.unwrap();
        assert_eq!(of(&show(world, plan.plan).await, "drill-office").verdict, Verdict::Ready);
        assert_eq!(copies(world).await, ["drill-office/drill-office.enquiry/own-address"]);
    }
}
