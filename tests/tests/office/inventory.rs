//! Everything with a key or a certificate in one inventory and one calendar, ours and the relying parties'.

use std::sync::Arc;
use std::time::Duration;

use api::Role;
use api::certificate::{IssueCertificate, IssuedCertificate, RenewCertificate, RevokeCertificate};
use api::inventory::{CalendarEntry, InventoryItem, ListInventory, ShowCalendar};
use api::key::{ListKeys, RotateKey, ShowKey};
use api::page::PageRequest;
use api::rotation::{AcknowledgeKeys, PausePlan, PlanRotation};
use axum::body::Body;
use domain::{
    ActivateAt, Attribution, CalendarKind, Clock, Direction, ItemKind, KeyPurpose, KeyState, NextStep, RevocationReason,
};
use http::Request;
use pki::{KeyKind, PrivateKey, make_csr};
use server::key::sightings::write_down;
use server::key::steps::take_due;
use tests::{World, both_engines};
use tower::ServiceExt;

use super::party_keys::{fresh_key, office};
use super::relying_parties::apply;

const A_DAY: Duration = Duration::from_hours(24);

async fn onboarded(world: &World) {
    apply(&world.first(), &[office("drill-office", 0, &[fresh_key()])]).await.unwrap();
}

/// A certificate for the drill office that is good for so many days.
pub async fn certified(world: &World, days: u64) -> IssuedCertificate {
    let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap();
    let op = IssueCertificate { rp: "drill-office".parse().unwrap(), csr, validity: Some(days * 86_400) };
    world.first().call(&op).await.unwrap()
}

pub async fn inventory(world: &World, op: &ListInventory) -> Vec<InventoryItem> {
    world.first().call(op).await.unwrap().items
}

async fn item(world: &World, id: &str) -> InventoryItem {
    inventory(world, &ListInventory::default()).await.into_iter().find(|item| item.id == id).unwrap()
}

async fn calendar(world: &World, op: &ShowCalendar) -> Vec<CalendarEntry> {
    world.first().call(op).await.unwrap().items
}

async fn entries_about(world: &World, subject: &str) -> Vec<(CalendarKind, String)> {
    let all = calendar(world, &ShowCalendar::default()).await;
    all.into_iter().filter(|entry| entry.subject == subject).map(|entry| (entry.kind, entry.day.to_string())).collect()
}

/// The drill office's system fetches the key set from its own address.
async fn fetches(world: &World) {
    let router = server::http::public::router(Arc::clone(&world.app));
    let request = Request::get("/oauth2/jwks/drill-office.enquiry").body(Body::empty()).unwrap();
    assert!(router.oneshot(request).await.unwrap().status().is_success());
    write_down(&world.app).await.unwrap();
}

both_engines! {
    async fn both_directions_stand_in_one_list(world: &World) {
        onboarded(world).await;
        let issued = certified(world, 90).await;
        fetches(world).await;
        let all = inventory(world, &ListInventory::default()).await;
        let count = |kind| all.iter().filter(|item| item.kind == kind).count();
        assert_eq!(
            [ItemKind::Key, ItemKind::Certificate, ItemKind::PartyKey, ItemKind::Copy, ItemKind::Lists].map(count),
            [20, 15, 1, 1, 1]
        );
        assert!(all.is_sorted_by_key(|item| (item.ends_at.is_none(), item.ends_at)), "the one that ends first at the top");
        assert!(all.iter().all(|item| !item.depends.is_empty() && !item.holder.is_empty()), "each says whose it is and what hangs on it");
        let theirs = ListInventory { direction: Some(Direction::Theirs), ..ListInventory::default() };
        let theirs = inventory(world, &theirs).await;
        assert_eq!(theirs.iter().map(|item| (item.kind, item.holder.as_str())).collect::<Vec<_>>(), [
            (ItemKind::PartyKey, "drill-office"), (ItemKind::Copy, "drill-office"),
        ]);

        let serial = issued.certificate.serial.to_string();
        let held = item(world, &serial).await;
        assert_eq!((held.days_left, held.renewed, held.next.unwrap().step), (Some(90), false, NextStep::Renew));
        assert!(held.how.unwrap().contains(&format!("iamctl cert renew {serial}")));
        let soon = ListInventory { ends_within_days: Some(90), holder: Some("drill-office".into()), ..ListInventory::default() };
        assert_eq!(inventory(world, &soon).await.len(), 1);
        let sooner = ListInventory { ends_within_days: Some(89), ..soon };
        assert_eq!(inventory(world, &sooner).await, []);

        // What is revoked is not in use any more.
        let revoke = RevokeCertificate { serial: issued.certificate.serial.clone(), reason: RevocationReason::Superseded };
        world.first().call(&revoke).await.unwrap();
        assert!(inventory(world, &ListInventory::default()).await.iter().all(|item| item.id != serial));
    }

    async fn a_copy_of_our_key_set_grows_stale_with_a_rotation_and_fresh_by_a_word(world: &World) {
        onboarded(world).await;
        fetches(world).await;
        let copy = "drill-office/drill-office.enquiry/own-address";
        assert_eq!(item(world, copy).await.state, "current");
        let made = world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
        let stale = item(world, copy).await;
        let takes_over = made[0].key.activate_at.unwrap();
        assert_eq!((stale.state.as_str(), stale.next.unwrap().at), ("stale", takes_over), "it has to be new by then");
        assert!(stale.how.unwrap().contains(made[0].key.kid.as_str()));
        let active = item(world, made[0].key.kid.as_str()).await;
        assert_eq!(active.next.unwrap().step, NextStep::Activate);
        let word = AcknowledgeKeys { rp: "drill-office".parse().unwrap(), kids: Vec::new(), plan: made[0].key.plan };
        world.first().call(&word).await.unwrap();
        let pinned = item(world, "drill-office/drill-office/acknowledgement").await;
        assert_eq!((pinned.kind, pinned.state.as_str(), pinned.next), (ItemKind::Copy, "current", None));

        // The same from the key's side.
        let shown = async |kid: &domain::Kid| world.first().call(&ShowKey { kid: kid.clone() }).await.unwrap();
        let new = shown(&made[0].key.kid).await;
        let by_word: Vec<_> = new.known_to.iter().map(|known| (known.rp.as_str(), known.client.clone(), known.how)).collect();
        assert_eq!(by_word, [("drill-office", None, Attribution::Acknowledgement)]);
        let all = world.first().call(&ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() }).await.unwrap();
        let old = all.items.iter().find(|key| key.state == KeyState::Active && key.algorithm == made[0].key.algorithm).unwrap();
        let old = shown(&old.kid).await;
        assert_eq!((old.known_to.len(), old.depends.as_slice()), (1, &["relying parties that verify our tokens".to_owned()][..]));
        assert!(old.next.unwrap().starts_with(&format!("another one takes over at {}", takes_over.people())));
        let stamps = shown(&"stamps-1".parse().unwrap()).await;
        assert!(stamps.next.unwrap().starts_with("another one is made by itself from ") && stamps.known_to.is_empty());
    }

    async fn a_renewed_certificate_may_end(world: &World) {
        onboarded(world).await;
        let old = certified(world, 60).await.certificate.serial;
        let renew = RenewCertificate { serial: old.clone(), csr: None, validity: None };
        let new = world.first().call(&renew).await.unwrap().certificate.serial;
        let (old, new) = (item(world, old.as_str()).await, item(world, new.as_str()).await);
        assert_eq!((old.renewed, old.next.unwrap().step, old.how), (true, NextStep::LetEnd, None));
        assert_eq!((new.renewed, new.next.unwrap().step), (false, NextStep::Renew));
    }

    async fn the_calendar_has_the_day_to_act_and_the_day_it_ends(world: &World) {
        onboarded(world).await;
        let today = world.clock.now().hk_day();
        let serial = certified(world, 90).await.certificate.serial;
        let about = entries_about(world, serial.as_str()).await;
        assert_eq!(about, [
            (CalendarKind::Renew, today.plus_days(60).to_string()),
            (CalendarKind::Ends, today.plus_days(90).to_string()),
        ]);
        let all = calendar(world, &ShowCalendar { to: Some(today.plus_days(3_000)), ..ShowCalendar::default() }).await;
        let of = |kind| all.iter().filter(|entry| entry.kind == kind).map(|entry| entry.subject.as_str()).collect::<Vec<_>>();
        assert_eq!(of(CalendarKind::ListsRunOut), ["root-1"]);
        assert!(of(CalendarKind::Rotate).contains(&"citizens-1") && of(CalendarKind::Rotate).contains(&"checkpoints-1"));
        assert!(!of(CalendarKind::Rotate).contains(&"subjects-1"), "the subjects of parties are never exchanged by a date");
        assert!(all.is_sorted_by_key(|entry| entry.at));
        assert!(all.iter().all(|entry| entry.at.hk_day() == entry.day && entry.uid.ends_with(&world.app.instance)));
        let uids: std::collections::BTreeSet<_> = all.iter().map(|entry| &entry.uid).collect();
        assert_eq!(uids.len(), all.len(), "no two entries are taken for one");
        assert_eq!(calendar(world, &ShowCalendar { to: Some(today.plus_days(3_000)), ..ShowCalendar::default() }).await, all);

        // The setting moves the day of what has no certificate.
        let kind = ShowCalendar { kind: Some(CalendarKind::Rotate), ..ShowCalendar::default() };
        let tokens = calendar(world, &kind).await.into_iter().find(|entry| entry.title.contains("token-signing")).unwrap();
        assert_eq!(tokens.day, today.plus_days(365));
    }

    async fn the_steps_of_a_rotation_keep_their_place_when_they_move(world: &World) {
        let plan = PlanRotation { purpose: KeyPurpose::Audit, name: None, algorithm: None, activate: ActivateAt::AfterPublish };
        let planned = world.first().call(&plan).await.unwrap().plan;
        let today = world.clock.now().hk_day();
        assert_eq!(entries_about(world, &planned.to_string()).await, [(CalendarKind::Lapse, today.plus_days(7).to_string())]);
        world.first().call(&api::rotation::RunPlan { plan: planned, override_reason: None }).await.unwrap();
        let id = planned.to_string();
        let of_plan = async || {
            let all = calendar(world, &ShowCalendar::default()).await;
            all.into_iter().filter(|entry| entry.subject == id).collect::<Vec<_>>()
        };
        let running = of_plan().await;
        assert_eq!(running.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [CalendarKind::Activate, CalendarKind::Retire]);
        world.first().call(&PausePlan { plan: planned }).await.unwrap();
        let paused = of_plan().await;
        assert!(paused[0].title.ends_with("the rotation is paused"), "{}", paused[0].title);
        assert_eq!(paused[0].uid, running[0].uid);
        assert!(paused[0].sequence > running[0].sequence, "whoever imports it again sees the newer one");

        // Its day has passed, and it is still to be done: it stands before today's.
        world.clock.advance(3 * A_DAY);
        take_due(&world.app).await.unwrap();
        let late = of_plan().await;
        assert_eq!((late[0].kind, late[0].day), (CalendarKind::Activate, running[0].day));
        let tomorrow = Some(world.clock.now().hk_day().plus_days(1));
        let ahead = calendar(world, &ShowCalendar { from: tomorrow, ..ShowCalendar::default() }).await;
        assert!(ahead.iter().all(|entry| entry.subject != id), "a calendar of days to come has none of it");
    }

    async fn a_hundred_thousand_citizens_are_a_few_lines(world: &World) {
        let today = world.clock.now().hk_day();
        let noon = today.plus_days(100).start().micros() + 43_200_000_000;
        // Ten days of ten thousand.
        world.execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
             INSERT INTO certificate (serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after)
             SELECT 'c' || i, 'citizens-1', 'citizen-signing', 'CN=x', 'account', 'a' || i,
                    'valid', 1, 0, 0, {noon} + (i % 10) * 86400000000
             FROM n"
        )).await;
        let all = calendar(world, &ShowCalendar::default()).await;
        let citizens: Vec<_> = all.iter().filter(|entry| entry.kind == CalendarKind::CitizensEnd).collect();
        assert_eq!(citizens.iter().map(|entry| (entry.day, entry.count)).collect::<Vec<_>>(),
            (100..110).map(|days| (today.plus_days(days), 10_000)).collect::<Vec<_>>());
        assert_eq!(citizens[0].title, "10 000 signing certificates of citizens end");
        assert!(all.len() < 100, "{}", all.len());
        let inventory = inventory(world, &ListInventory::default()).await;
        assert!(inventory.len() < 100, "{}", inventory.len());
        // They were never certificates: the world is held to what must be true of those.
        world.execute("DELETE FROM certificate WHERE holder_kind = 'account'").await;
    }

    async fn the_pages_of_both_make_the_whole(world: &World) {
        onboarded(world).await;
        let whole = inventory(world, &ListInventory::default()).await;
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: Some(7) };
            let part = world.first().call(&ListInventory { page, ..ListInventory::default() }).await.unwrap();
            items.extend(part.items);
            after = part.next;
            if after.is_none() { break }
        }
        assert_eq!(items, whole);
        let whole = calendar(world, &ShowCalendar::default()).await;
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: Some(2) };
            let part = world.first().call(&ShowCalendar { page, ..ShowCalendar::default() }).await.unwrap();
            entries.extend(part.items);
            after = part.next;
            if after.is_none() { break }
        }
        assert_eq!(entries, whole);
    }

    async fn a_calendar_has_its_days_in_order_and_not_too_many(world: &World) {
        let today = world.clock.now().hk_day();
        for (from, to) in [(0, -1), (0, 3_660), (-5_000, 0)] {
            let op = ShowCalendar { from: Some(today.plus_days(from)), to: Some(today.plus_days(to)), ..ShowCalendar::default() };
            let problem = world.first().call(&op).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "calendar.days"), "{from} {to}");
        }
        let one_day = ShowCalendar { from: Some(today), to: Some(today), ..ShowCalendar::default() };
        assert_eq!(calendar(world, &one_day).await, []);
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        assert_eq!(agent.call(&ShowCalendar::default()).await.unwrap_err().code, "auth.role");
    }
}
