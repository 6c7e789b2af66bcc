//! What runs out is told in time: once at each threshold, by one node, and not by a clock that nobody believes.

use std::sync::Arc;
use std::time::Duration;

use api::certificate::RenewCertificate;
use api::credential::AddCredential;
use api::instance::{Check, CheckInstance};
use api::inventory::ShowCalendar;
use domain::{Clock, Serial, Timestamp};
use pki::{KeyKind, PrivateKey};
use serde_json::Value;
use server::app::App;
use server::inventory::alarms::sound_due;
use tests::{World, both_engines};

use super::inventory::certified;
use super::party_credentials::{certificate, nothing_yet};
use super::party_keys::{fresh_key, office};
use super::relying_parties::apply;

const HALF_A_DAY: Duration = Duration::from_hours(12);

async fn onboarded(world: &World) {
    apply(&world.first(), &[office("drill-office", 0, &[fresh_key()])]).await.unwrap();
}

/// What the nodes do by themselves, half a day after the other. Twice a day a list is signed, which shows in the log how time goes by.
async fn days_go_by(world: &World, nodes: &[&Arc<App>], days: u32) {
    for _ in 0..2 * days {
        world.clock.advance(HALF_A_DAY);
        server::certificate::publish::publish_due(&world.app).await.unwrap();
        world.seal().await;
        for node in nodes {
            sound_due(node).await.unwrap();
        }
    }
}

/// Days left at each alarm for this thing, in the order in which they sounded.
async fn alarms(world: &World, subject: &str) -> Vec<i64> {
    let leaves = world.leaves().await;
    let about = leaves.iter().filter(|leaf| leaf["action"] == "expiry.alarm" && leaf["subject"] == subject);
    about.map(|leaf| leaf["facts"]["days"].as_i64().unwrap()).collect()
}

async fn notices(world: &World, serial: &Serial) -> Vec<Value> {
    let mut rows = world.app.store.read().await.unwrap().outbox_about(serial.as_str()).await.unwrap();
    rows.retain(|row| row.kind == "credential.expiring" && row.receiver == "drill-office");
    rows.sort_by_key(|row| row.created_at);
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

/// `20220531155959Z`.
fn asn1_of(at: Timestamp) -> String {
    let seconds = at.to_string().split('.').next().unwrap().replace(['-', ':', 'T'], "");
    format!("{seconds}Z")
}

async fn doctor(world: &World) -> Vec<Check> {
    let mut checks = world.first().call(&CheckInstance {}).await.unwrap();
    checks.retain(|check| check.id == "expiry");
    checks
}

both_engines! {
    async fn each_threshold_sounds_once_whichever_node_comes_first(world: &World) {
        onboarded(world).await;
        let serial = certified(world, 62).await.certificate.serial;
        let other = world.another_node().await;
        let both = [&world.app, &other];
        let mut sounded = Vec::new();
        for day in 1..=63 {
            days_go_by(world, &both, 1).await;
            for days in alarms(world, serial.as_str()).await.split_off(sounded.len()) {
                sounded.push((day, days));
            }
        }
        assert_eq!(sounded, [(2, 60), (32, 30), (48, 14), (55, 7), (61, 1)]);
        let told = notices(world, &serial).await;
        assert_eq!(told.iter().map(|notice| notice["days"].as_i64().unwrap()).collect::<Vec<_>>(), [60, 30, 14, 7, 1]);
        assert!(told.iter().all(|notice| notice["id"] == serial.as_str() && notice["what"] == "relying-party"));
        other.store.engine().close().await;

        // A node that comes up new finds on record what has sounded.
        let restarted = world.another_node().await;
        let before = world.number("SELECT COUNT(*) FROM expiry_alarm").await;
        sound_due(&restarted).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM expiry_alarm").await, before);
        restarted.store.engine().close().await;
    }

    async fn a_renewed_certificate_is_heard_of_no_more(world: &World) {
        onboarded(world).await;
        let old = certified(world, 40).await.certificate.serial;
        let node = [&world.app];
        days_go_by(world, &node, 12).await;
        assert_eq!(alarms(world, old.as_str()).await, [60, 30]);
        let renew = RenewCertificate { serial: old.clone(), csr: None, validity: Some(50 * 86_400) };
        let new = world.first().call(&renew).await.unwrap().certificate.serial;
        days_go_by(world, &node, 27).await;
        assert_eq!(alarms(world, old.as_str()).await, [60, 30], "nothing stops when it ends");
        assert_eq!(alarms(world, new.as_str()).await, [60, 30], "the new one has its own");
        assert!(doctor(world).await.iter().all(|check| !check.detail.contains(old.as_str())));
    }

    async fn after_weeks_switched_off_one_alarm_sounds_and_not_four(world: &World) {
        onboarded(world).await;
        let serial = certified(world, 90).await.certificate.serial;
        let node = [&world.app];
        days_go_by(world, &node, 2).await;
        // Down for eighty days: nobody looked.
        world.clock.advance(Duration::from_hours(24 * 80));
        assert_eq!(sound_due(&world.app).await.unwrap(), 0, "a clock that jumped is believed after a day");
        assert_eq!(alarms(world, serial.as_str()).await, Vec::<i64>::new());
        for _ in 0..3 {
            world.clock.advance(HALF_A_DAY);
            sound_due(&world.app).await.unwrap();
        }
        assert_eq!(alarms(world, serial.as_str()).await, [7]);
        assert_eq!(notices(world, &serial).await.len(), 1);
    }

    async fn a_clock_that_jumps_a_year_and_is_set_right_calls_nobody_out(world: &World) {
        onboarded(world).await;
        let serial = certified(world, 364).await.certificate.serial;
        let node = [&world.app];
        days_go_by(world, &node, 2).await;
        let year = Duration::from_hours(24 * 355);
        world.clock.advance(year);
        for _ in 0..20 {
            assert_eq!(sound_due(&world.app).await.unwrap(), 0);
            world.clock.advance(Duration::from_mins(1));
        }
        world.clock.turn_back(year);
        assert_eq!(sound_due(&world.app).await.unwrap(), 0);
        assert_eq!(alarms(world, serial.as_str()).await, Vec::<i64>::new());
        assert_eq!(world.number("SELECT COUNT(*) FROM expiry_alarm").await, 0);
    }

    async fn what_a_party_has_brought_itself_is_told_to_it_as_well(world: &World) {
        onboarded(world).await;
        let ends = asn1_of(world.clock.now().plus(Duration::from_hours(24 * 20)));
        let own = certificate(&PrivateKey::generate(KeyKind::P256).unwrap(), &ends);
        let add = AddCredential { certificate: Some(own), ..nothing_yet() };
        let added = world.first().call(&add).await.unwrap().remove(0).credential.id.to_string();
        sound_due(&world.app).await.unwrap();
        assert_eq!(alarms(world, &added).await, [30]);
        assert_eq!(world.texts("SELECT receiver FROM outbox WHERE kind = 'credential.expiring'").await, ["drill-office"]);
        let told = doctor(world).await;
        assert!(!told[0].ok && told[0].detail.contains("ends in 19 days") || told[0].detail.contains("ends in 20 days"), "{told:?}");
        assert!(told[0].mend.as_ref().unwrap().contains("iamctl rp credential add drill-office"), "{told:?}");
    }

    async fn what_the_platform_itself_runs_out_of_is_told_to_the_office_alone(world: &World) {
        let node = [&world.app];
        world.execute(&format!("UPDATE revocation_list SET this_update = {} WHERE issuer = 'root-1'",
            world.clock.now().plus(Duration::from_hours(24 * 5)).micros())).await;
        sound_due(&world.app).await.unwrap();
        assert_eq!(alarms(world, "root-1").await, [7]);
        assert_eq!(world.number("SELECT COUNT(*) FROM outbox").await, 0);
        let told = doctor(world).await;
        assert!(told[0].mend.as_ref().unwrap().contains("'iamd ca crl'"), "{told:?}");
        let dated = world.first().call(&ShowCalendar::default()).await.unwrap().items;
        let signed = dated.iter().find(|entry| entry.subject == "root-1").unwrap();
        assert!(signed.how.as_ref().unwrap().contains("'iamd ca crl'"), "{signed:?}");
        assert!(!told[0].ok && told[0].detail.contains("lists up to number 396 root-1"), "{told:?}");
        assert!(server::instance::health::ready(&server::instance::health::look(&world.app).await), "and the node goes on serving");
        days_go_by(world, &node, 1).await;
        assert_eq!(alarms(world, "root-1").await, [7]);
    }

    async fn the_roots_lists_are_sounded_for_at_every_threshold(world: &World) {
        let last = world.clock.now().plus(Duration::from_hours(24 * 61)).micros();
        world.execute(&format!("UPDATE revocation_list SET this_update = {last} WHERE issuer = 'root-1'")).await;
        days_go_by(world, &[&world.app], 61).await;
        assert_eq!(alarms(world, "root-1").await, [60, 30, 14, 7, 1]);
    }

    async fn what_renews_itself_is_heard_of_only_when_it_is_late(world: &World) {
        let serial = world.texts("SELECT serial FROM certificate WHERE holder = 'citizens-1-ocsp-1'").await.remove(0);
        let node = [&world.app];
        days_go_by(world, &node, 60).await;
        assert_eq!(alarms(world, &serial).await, Vec::<i64>::new(), "thirty days are left, and the next one is due now");
        // Nobody has made it: a day later that is told.
        days_go_by(world, &node, 1).await;
        assert_eq!(alarms(world, &serial).await, [30]);
        let told = doctor(world).await;
        assert!(told.iter().any(|check| !check.ok && check.detail.contains(&serial)), "{told:?}");
        // By its rotation it is followed, and that is the end of it.
        server::key::schedule::rotate_due(&world.app).await.unwrap();
        world.clock.advance(HALF_A_DAY);
        server::key::steps::take_due(&world.app).await.unwrap();
        assert!(doctor(world).await.iter().all(|check| !check.detail.contains(&serial)));
    }

    async fn whoever_was_shut_out_is_not_reminded(world: &World) {
        world.operator("agent-7", &[api::Role::HotlineAgent]).await;
        let of_agent = format!("UPDATE certificate SET not_after = {} WHERE holder = 'agent-7'",
            world.clock.now().plus(Duration::from_hours(24 * 10)).micros());
        world.execute(&of_agent).await;
        let serial = world.texts("SELECT serial FROM certificate WHERE holder = 'agent-7'").await.remove(0);
        let disable = api::operator::DisableOperator { operator: "agent-7".parse().unwrap() };
        world.first().call(&disable).await.unwrap();
        sound_due(&world.app).await.unwrap();
        assert_eq!(alarms(world, &serial).await, Vec::<i64>::new());
        world.first().call(&api::operator::EnableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        sound_due(&world.app).await.unwrap();
        assert_eq!(alarms(world, &serial).await, [14]);
    }
}
