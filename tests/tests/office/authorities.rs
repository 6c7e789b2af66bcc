//! Issuing authorities: a new generation beside the old one, certified where the root's key is; the root's lists; revocation.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::key::{ListKeys, RotateKey};
use api::rotation::{AbortPlan, EmergencyRotation, PlanView, ShowPlan};
use domain::{ActivateAt, Clock, KeyPurpose, KeyState, PlanRef, PlanState, RevocationReason, Timestamp};
use pki::{Certificate, RevocationList, Signer, envelope};
use server::certificate::publish::publish_due;
use server::data_dir::ROOT_KEY_FILE;
use server::instance::health;
use server::key::steps::take_due;
use server::root_ca::answer::{RECORDS, RootDesk};
use server::root_ca::install::{Installed, install};
use server::root_ca::papers::{Answer, Request};
use server::root_ca::request::request;
use tests::{World, both_engines};

use super::responders::days_go_by;
use super::revocation::{fetched, gets, issued};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const A_DAY: Duration = Duration::from_hours(24);

/// The machine with the root's key: no database, a clock of its own.
fn root_machine(world: &World, asked: Request) -> anyhow::Result<RootDesk> {
    root_machine_at(world, asked, world.clock.now())
}

fn root_machine_at(world: &World, asked: Request, now: Timestamp) -> anyhow::Result<RootDesk> {
    RootDesk::open(asked, root_key(world), &world.folder(), now)
}

fn root_key(world: &World) -> Arc<dyn Signer> {
    let pem = std::fs::read(world.data_dir.join(ROOT_KEY_FILE)).unwrap();
    envelope::private_key_from_pem(&pem).unwrap().into()
}

/// What goes out and comes back as files does so unchanged.
fn carried(answer: &Answer, folder: &Path) -> Answer {
    let path = folder.join(format!("answer-{}.json", answer.made_at.micros()));
    answer.write(&path).unwrap();
    let read = Answer::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read, *answer);
    read
}

pub(super) async fn asked(world: &World) -> Request {
    request(&world.app).await.unwrap()
}

pub(super) async fn issue(world: &World) -> Installed {
    let answer = root_machine(world, asked(world).await).unwrap().issue().unwrap();
    install(&world.app, &carried(&answer, &world.folder())).await.unwrap()
}

/// The root's lists, signed anew and brought here.
pub(super) async fn signs_lists(world: &World) {
    let answer = root_machine(world, asked(world).await).unwrap().lists().unwrap();
    install(&world.app, &answer).await.unwrap();
}

async fn revoke(world: &World, name: &str, reason: RevocationReason) -> anyhow::Result<Installed> {
    let answer = root_machine(world, asked(world).await)?.revoke(&[name.to_owned()], reason)?;
    install(&world.app, &carried(&answer, &world.folder())).await
}

pub(super) async fn begin(world: &World, line: &str, activate: ActivateAt) -> PlanRef {
    let op = RotateKey { name: Some(line.to_owned()), activate, ..RotateKey::of(KeyPurpose::IssuingCa) };
    world.first().call(&op).await.unwrap()[0].key.plan.unwrap()
}

async fn show(world: &World, plan: PlanRef) -> PlanView {
    world.first().call(&ShowPlan { plan }).await.unwrap()
}

pub(super) async fn states(world: &World, line: &str) -> Vec<(String, KeyState)> {
    let list = ListKeys { purpose: Some(KeyPurpose::IssuingCa), ..ListKeys::default() };
    let keys = world.first().call(&list).await.unwrap().items;
    keys.into_iter().filter(|key| key.name == line).map(|key| (key.kid.to_string(), key.state)).collect()
}

/// Everything that is done by itself, as often as it takes.
pub(super) async fn settles(world: &World) {
    for _ in 0..4 {
        take_due(&world.app).await.unwrap();
        publish_due(&world.app).await.unwrap();
    }
}

/// A new generation of a line, from the first step to its taking over.
async fn rotated(world: &World, line: &str) -> PlanRef {
    let plan = begin(world, line, ActivateAt::AfterPublish).await;
    issue(world).await;
    rotated_by(world, plan).await;
    plan
}

/// What the root has certified takes over.
pub(super) async fn rotated_by(world: &World, plan: PlanRef) {
    settles(world).await;
    world.clock.advance(TEN_MINUTES);
    settles(world).await;
    assert!(show(world, plan).await.activate_at <= world.clock.now());
}

/// `openssl verify -crl_check_all` of a certificate over its chain, with what everybody can fetch.
pub(super) async fn verifies(world: &World, certificate: &Certificate) -> (bool, String) {
    let authority = certificate.view().issuer.clone();
    let desk = fetched(world, &authority).await;
    let roots = openssl::x509::X509Crl::from_der(&gets(world, "/crl/root-1.crl").await).unwrap().to_pem().unwrap();
    let theirs = std::fs::read(desk.folder.path().join("list.pem")).unwrap();
    desk.file("list.pem", [theirs, roots].concat());
    let held = desk.pem("held.pem", certificate.der());
    desk.openssl(&[
        "verify",
        "-attime",
        &desk.at,
        "-crl_check_all",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "issuer.pem",
        "-CRLfile",
        "list.pem",
        held.to_str().unwrap(),
    ])
}

/// The second authority for relying parties issues, the first one drains, and what both have issued verifies: `old`, and a new one.
pub(super) async fn both_chains_hold(world: &World, old: &Certificate) {
    assert_eq!(
        states(world, "relying-parties").await,
        [("relying-parties-1".to_owned(), KeyState::Draining), ("relying-parties-2".to_owned(), KeyState::Active)]
    );
    let new = issued(world).await.0;
    assert_eq!(new.view().issuer, "relying-parties-2");
    for certificate in [old, &new] {
        let (good, said) = verifies(world, certificate).await;
        assert!(good, "{said}");
    }
}

both_engines! {
    async fn a_new_authority_stands_beside_the_old_one(world: &World) {
        let old = issued(world).await.0;
        let plan = begin(world, "relying-parties", ActivateAt::AfterPublish).await;
        take_due(&world.app).await.unwrap();
        let view = show(world, plan).await;
        let work = view.work.unwrap();
        assert!(work.what.contains("iamd ca request") && work.what.contains("iamd ca issue"), "{}", work.what);
        assert_eq!((work.done, work.total), (0, 4));
        // Its day comes, and the root has not signed: it waits, and nothing is an error.
        world.clock.advance(TEN_MINUTES);
        settles(world).await;
        assert_eq!(show(world, plan).await.state, PlanState::Held);
        assert_eq!(issued(world).await.0.view().issuer, "relying-parties-1");
        let waiting = asked(world).await;
        assert_eq!(waiting.wanted.iter().map(|wanted| wanted.name.as_str()).collect::<Vec<_>>(), ["relying-parties-2"]);
        let installed = issue(world).await;
        assert_eq!(installed.certified[0].0, "relying-parties-2");
        settles(world).await;
        both_chains_hold(world, &old).await;
        // The root's machine has written down what it signed, before it did.
        let records = std::fs::read_to_string(world.folder().join(RECORDS)).unwrap();
        let authority = Certificate::from_der(&gets(world, "/ca/relying-parties-2.crt").await).unwrap();
        assert!(records.contains(&authority.view().serial), "{records}");
        assert_eq!(world.audited("ca.install").await.len(), 1);
        // Both are told about, and answered for, until the old one's last certificate has ended.
        world.clock.advance(Duration::from_hours(13));
        publish_due(&world.app).await.unwrap();
        for name in ["relying-parties-1", "relying-parties-2"] {
            let list = RevocationList::from_der(&gets(world, &format!("/crl/{name}.crl")).await).unwrap();
            assert!(world.clock.now().saturating_since(list.this_update()) < A_DAY, "{name}");
        }
    }

    async fn the_old_authority_is_retired_when_its_last_certificate_has_ended(world: &World) {
        let plan = rotated(world, "servers").await;
        days_go_by(world, 364).await;
        assert_eq!(states_in_database(world, "servers-1").await, "draining");
        days_go_by(world, 2).await;
        assert_eq!(states_in_database(world, "servers-1").await, "retired");
        let row = world.app.store.read().await.unwrap().plan(plan).await.unwrap().unwrap();
        assert_eq!(row.state, "done");
        // Neither it nor those who answered for it sign any more.
        let sealed = "SELECT COUNT(*) FROM key_generation WHERE private_sealed IS NOT NULL AND (kid = 'servers-1' OR name = 'servers-1')";
        assert_eq!(world.number(sealed).await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE name = 'servers-1' AND state <> 'retired'").await, 0);
        days_go_by(world, 2).await;
    }

    async fn an_authority_that_is_not_wanted_any_more_is_called_off(world: &World) {
        let plan = begin(world, "citizens", ActivateAt::Time(world.clock.now().plus(A_DAY))).await;
        issue(world).await;
        settles(world).await;
        world.first().call(&AbortPlan { plan }).await.unwrap();
        assert_eq!(states(world, "citizens").await[1], ("citizens-2".to_owned(), KeyState::Retired));
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE name = 'citizens-2' AND state <> 'retired'").await, 0);
        // The next one is the third.
        begin(world, "citizens", ActivateAt::AfterPublish).await;
        assert_eq!(states(world, "citizens").await[2], ("citizens-3".to_owned(), KeyState::Published));
    }

    async fn the_root_signs_only_what_proves_itself(world: &World) {
        let nothing = root_machine(world, asked(world).await).unwrap().issue().unwrap_err().to_string();
        assert!(nothing.contains("iamctl key rotate --purpose issuing-ca"), "{nothing}");
        begin(world, "operators", ActivateAt::AfterPublish).await;
        let good = asked(world).await;
        let signed = |request: Request| root_machine(world, request).and_then(|desk| desk.issue()).map_err(|error| format!("{error:#}"));
        let stranger = pki::PrivateKey::generate(pki::KeyKind::P256).unwrap().public().unwrap();
        let mut other_key = good.clone();
        other_key.wanted[0].public_key = server::root_ca::papers::encoded(stranger.spki_der());
        assert!(signed(other_key).unwrap_err().contains("does not prove itself"));
        let mut other_name = good.clone();
        other_name.wanted[0].name = "servers-2".to_owned();
        assert!(signed(other_name).unwrap_err().contains("does not prove itself"));
        let mut taken = good.clone();
        taken.wanted[0].name = "operators-1".to_owned();
        assert!(signed(taken).unwrap_err().contains("there already"));
        let other_root = Request { environment: domain::Environment::Production, ..good.clone() };
        assert!(signed(other_root).unwrap_err().contains("not the key of the root"));
        // A clock that is wrong, or an old request.
        for at in [world.clock.now().minus(2 * A_DAY), world.clock.now().plus(31 * A_DAY)] {
            let fault = root_machine_at(world, good.clone(), at).err().unwrap().to_string();
            assert!(fault.contains("set the clock right"), "{fault}");
        }
        assert!(!world.folder().join(RECORDS).exists(), "nothing was signed");
        signed(good).unwrap();
    }

    async fn an_answer_is_looked_at_as_though_a_stranger_had_brought_it(world: &World) {
        begin(world, "operators", ActivateAt::AfterPublish).await;
        let good = root_machine(world, asked(world).await).unwrap().issue().unwrap();
        let refused = async |answer: Answer| format!("{:#}", install(&world.app, &answer).await.unwrap_err());
        let elsewhere = Answer { instance: "another".to_owned(), ..good.clone() };
        assert!(refused(elsewhere).await.contains("the answer is for"));
        let mut renamed = good.clone();
        renamed.certificates[0].name = "servers-2".to_owned();
        assert!(refused(renamed).await.contains("no key of servers-2 waits"));
        let mut swapped = good.clone();
        swapped.certificates[0].certificate = Certificate::from_der(&gets(world, "/ca/operators-1.crt").await).unwrap().pem().unwrap();
        assert!(refused(swapped).await.contains("not the one that operators-2 certifies"));
        install(&world.app, &good).await.unwrap();
        assert!(refused(good).await.contains("no key of operators-2 waits"), "the same once more");
        let lists = root_machine(world, asked(world).await).unwrap().lists().unwrap();
        install(&world.app, &lists).await.unwrap();
        assert!(refused(lists).await.contains("was taken in before"));
    }

    async fn the_next_stock_of_lists_follows_on_the_last_one(world: &World) {
        let list = async || RevocationList::from_der(&gets(world, "/crl/root-1.crl").await).unwrap();
        let stock = async || {
            let checks = health::look(&world.app).await;
            checks.into_iter().find(|check| check.id == "root-lists")
        };
        assert!(stock().await.is_none(), "a year and a month");
        days_go_by(world, 337).await;
        let told = stock().await.unwrap();
        assert!(told.detail.contains("59 days") && told.mend.is_none() && told.ok, "{told:?}");
        assert!(health::ready(&health::look(&world.app).await), "a node without them is no worse than any other");
        days_go_by(world, 46).await;
        let told = stock().await.unwrap();
        assert!(!told.ok && told.detail.contains("13 days") && told.mend.unwrap().contains("iamd ca crl"), "{}", told.detail);
        let answer = root_machine(world, asked(world).await).unwrap().lists().unwrap();
        let (first, last, until) = install(&world.app, &answer).await.unwrap().lists.unwrap();
        assert_eq!((first, last), (397, 792));
        assert_eq!(until, world.clock.now().plus(396 * A_DAY));
        assert!(stock().await.is_none());
        assert_eq!(list().await.number(), 397);
        days_go_by(world, 40).await;
        assert_eq!(list().await.number(), 437, "none of the old stock comes up again");
        assert_eq!(world.number("SELECT COUNT(*) FROM revocation_list WHERE issuer = 'root-1'").await, 396);
    }

    async fn a_revoked_authority_is_refused_with_all_that_it_issued(world: &World) {
        let (held, serial) = issued(world).await;
        settles(world).await;
        assert!(verifies(world, &held).await.0);
        let revoked = revoke(world, "relying-parties-1", RevocationReason::CaCompromise).await.unwrap();
        assert_eq!(revoked.revoked[0].0, "relying-parties-1");
        assert!(revoked.revoked[0].1 >= 2, "its responder and the party's certificate");
        let (good, said) = verifies(world, &held).await;
        assert!(!good && said.contains("certificate revoked"), "{said}");
        let root = RevocationList::from_der(&gets(world, "/crl/root-1.crl").await).unwrap();
        let entry = root.entries().next().unwrap();
        assert_eq!((root.number(), root.len(), entry.reason), (397, 1, RevocationReason::CaCompromise));
        let row = world.app.store.read().await.unwrap().certificate(&serial).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.revoked_reason.as_deref()), ("revoked", Some("ca-compromise")));
        assert_eq!(world.number("SELECT COUNT(*) FROM credential WHERE kind = 'certificate' AND state <> 'revoked'").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM revocation_untold").await, 0, "the lists came with it");
        let again = revoke(world, "relying-parties-1", RevocationReason::CaCompromise).await.unwrap_err().to_string();
        assert!(again.contains("revoked already"), "{again}");
        let unknown = revoke(world, "relying-parties-7", RevocationReason::CaCompromise).await.unwrap_err().to_string();
        assert!(unknown.contains("there is no authority"), "{unknown}");
        // Nothing is signed by it any more, and another one takes its place.
        settles(world).await;
        rotated(world, "relying-parties").await;
        let fresh = issued(world).await.0;
        assert_eq!(fresh.view().issuer, "relying-parties-2");
        let (good, said) = verifies(world, &fresh).await;
        assert!(good, "{said}");
    }

    async fn nobody_is_shut_out_for_good(world: &World) {
        let refused = format!("{:#}", revoke(world, "operators-1", RevocationReason::Superseded).await.unwrap_err());
        assert!(refused.contains("nobody could come in"), "{refused}");
        assert_eq!(states(world, "operators").await, [("operators-1".to_owned(), KeyState::Active)]);
        rotated(world, "operators").await;
        world.operator("second", &[api::Role::Administrator, api::Role::KeyOfficer, api::Role::Auditor]).await;
        revoke(world, "operators-1", RevocationReason::Superseded).await.unwrap();
        let problem = world.first().call(&ListKeys::default()).await.unwrap_err();
        assert_eq!(problem.code, "auth.certificate-revoked");
        let keys = world.as_operator("second").call(&ListKeys::default()).await.unwrap().items;
        let revoked: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Revoked).map(|key| key.kid.as_str()).collect();
        assert_eq!(revoked, ["operators-1", "operators-1-ocsp-1"]);
    }

    async fn an_authority_is_no_matter_of_a_moment(world: &World) {
        let op = EmergencyRotation { purpose: KeyPurpose::IssuingCa, name: Some("operators".to_owned()), algorithm: None, reason: RevocationReason::KeyCompromise };
        let problem = world.first().call(&op).await.unwrap_err();
        assert_eq!(problem.code, "key.no-emergency");
        assert!(problem.hint.unwrap().contains("iamd ca revoke"));
        let unnamed = world.first().call(&RotateKey::of(KeyPurpose::IssuingCa)).await.unwrap_err();
        assert!(unnamed.fields[0].message.contains("operators, servers, relying-parties, citizens, time-stamping"), "{unnamed:?}");
    }
}

async fn states_in_database(world: &World, kid: &str) -> String {
    world.texts(&format!("SELECT state FROM key_generation WHERE kid = '{kid}'")).await.remove(0)
}
