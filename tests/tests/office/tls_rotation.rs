//! The listeners' certificates, changed while they serve; looked at with the real `openssl s_client`.

use std::time::Duration;

use api::certificate::ShowCertificate;
use api::key::{ListKeys, RotateKey};
use api::operator::WhoAmI;
use api::rotation::{AbortPlan, EmergencyRotation};
use client::CallOptions;
use domain::{ActivateAt, CertificateState, Clock, KeyPurpose, KeyState, RevocationReason};
use futures_util::future::join_all;
use pki::{Authority, Certificate, KeyKind, PrivateKey};
use server::app::App;
use server::http::listeners::{Audience, follow, prepare};
use server::key::schedule::rotate_due;
use server::key::steps::take_due;
use server::store::{Housekeeping, KeyRow};
use tests::world::s_client::Outsider;
use tests::{World, both_engines};
use tokio::sync::mpsc;

const DAY: Duration = Duration::from_hours(24);
const NOTHING: &str = "HTTP/1.1 404 Not Found";
const TEN_MINUTES: Duration = Duration::from_mins(10);

fn at_once() -> RotateKey {
    RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::ServerTls) }
}

/// The certificate that a node shows to the next one who comes.
fn shown(node: &App) -> Certificate {
    let contexts = [Audience::Operators, Audience::Everybody].map(|audience| node.listeners.context(audience).unwrap());
    let [one, other] = contexts.map(|context| Certificate::from_x509(context.certificate().unwrap().to_owned()).unwrap());
    assert_eq!(one.der(), other.der(), "one certificate for both listeners");
    one
}

fn serial(node: &App) -> String {
    shown(node).view().serial.clone()
}

/// The generations of the listeners' key and how each stands.
async fn generations(world: &World) -> Vec<(String, KeyState)> {
    let list = ListKeys { purpose: Some(KeyPurpose::ServerTls), ..ListKeys::default() };
    let keys = world.first().call(&list).await.unwrap().items;
    let mut keys: Vec<_> = keys.into_iter().map(|key| (key.kid.to_string(), key.state)).collect();
    keys.sort();
    keys
}

async fn state_of(world: &World, serial: &str) -> CertificateState {
    world.first().call(&ShowCertificate { serial: serial.parse().unwrap() }).await.unwrap().certificate.state
}

/// Time goes by, and what is due is done.
async fn goes_by(world: &World, time: Duration) {
    world.clock.advance(time);
    take_due(&world.app).await.unwrap();
}

/// A day, with what a node does by itself; entries of the audit log show that it went by.
async fn a_day_goes_by(world: &World, node: &App) {
    for _ in 0..2 {
        world.clock.advance(DAY / 2);
        let tx = node.store.write().await.unwrap();
        let step = Housekeeping::Step { action: "key.watch", subject: "office".into(), facts: serde_json::Value::Null };
        tx.commit_housekeeping(step).await.unwrap();
    }
    take_due(node).await.unwrap();
    rotate_due(node).await.unwrap();
    world.seal().await;
}

both_engines! {
    from Setup::today();

    async fn the_certificate_is_swapped_while_connections_stand_and_no_handshake_fails(world: &World) {
        let node = world.serves().await;
        let (admin, public) = (node.addresses.admin, node.addresses.public);
        let somebody = world.outsider();
        let operator = world.connects(&node, "first-operator");
        operator.call(&WhoAmI {}, &CallOptions::default()).await.unwrap();
        let (standing, answer) = somebody.opens(public).gets("/livez", "ok\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let old = somebody.handshake(public).await.unwrap();
        assert_eq!(somebody.handshake(admin).await.unwrap(), old);

        // They shake hands without a pause until they are shown another one.
        let (began, mut begun) = mpsc::channel(8);
        let crowd: Vec<_> = [admin, public].map(|address| {
            let (somebody, began, old) = (somebody.clone(), began.clone(), old.clone());
            tokio::spawn(async move {
                let mut before = 0;
                loop {
                    let shown = somebody.handshake(address).await.unwrap();
                    if shown != old {
                        return (before, shown);
                    }
                    before += 1;
                    if before == 3 {
                        began.send(()).await.unwrap();
                    }
                }
            })
        }).into();
        for _ in 0..crowd.len() {
            begun.recv().await.unwrap();
        }
        let made = world.first().call(&at_once()).await.unwrap().remove(0);
        assert_eq!(made.key.kid.as_str(), "listeners-2");
        follow(&node.app).await.unwrap();
        let after: Vec<_> = join_all(crowd).await.into_iter().map(Result::unwrap).collect();

        let new = somebody.handshake(public).await.unwrap();
        assert!(new != old && after.iter().all(|(before, shown)| *before >= 3 && *shown == new));
        assert_eq!(somebody.handshake(admin).await.unwrap(), new);
        let (_, answer) = standing.gets("/livez", "ok\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "a connection of before: {answer}");
        operator.call(&WhoAmI {}, &CallOptions::default()).await.unwrap();
        let certificate = world.first().call(&ShowCertificate { serial: new.parse().unwrap() }).await.unwrap().certificate;
        assert_eq!((certificate.state, certificate.profile.as_str()), (CertificateState::Valid, "server"));
        assert_eq!(state_of(world, &old).await, CertificateState::Valid, "nothing is wrong with the old one");
        node.stops().await;

        // The next start shows it again.
        let node = world.serves().await;
        assert_eq!(somebody.handshake(node.addresses.public).await.unwrap(), new);
        node.stops().await;
    }
}

/// Puts the next authority for operators on record, as one whose certificates run out; gives somebody with a certificate of it.
async fn another_authority(world: &World) -> Outsider {
    let (instance, now) = (world.app.keys.instance(), world.clock.now());
    let mut read = world.app.store.read().await.unwrap();
    let root = read.key(&"root-1".parse().unwrap()).await.unwrap().unwrap();
    let first = read.key(&"operators-1".parse().unwrap()).await.unwrap().unwrap();
    drop(read);
    let key = std::fs::read(world.data_dir.join("root-ca.key")).unwrap();
    let key = pki::envelope::private_key_from_pem(&key).unwrap();
    let certificate = Certificate::from_der(root.certificate.as_deref().unwrap()).unwrap();
    let root = Authority::load(instance, "root-1".parse().unwrap(), certificate, key).unwrap();
    let fresh = || PrivateKey::generate(KeyKind::P256).unwrap();
    let second = root.new_issuing("operators-2".parse().unwrap(), fresh(), now).unwrap();
    let certificate = Some(second.certificate().der().to_vec());
    let row = KeyRow { kid: "operators-2".into(), state: KeyState::Draining.to_string(), certificate, ..first };
    let mut tx = world.app.store.write().await.unwrap();
    tx.insert_key(&row).await.unwrap();
    let step = Housekeeping::Step { action: "key.publish", subject: row.kid, facts: serde_json::Value::Null };
    tx.commit_housekeeping(step).await.unwrap();
    let key = fresh();
    let own = second.sign(&second.plan_operator("agent-7", &key.public().unwrap(), None, now).unwrap()).unwrap();
    let chain = [own.pem().unwrap(), second.certificate().pem().unwrap()].concat();
    world.outsider_with(&chain, &pki::envelope::private_key_to_pem(&key).unwrap())
}

both_engines! {
    from Setup::today();

    async fn operators_of_every_living_authority_are_believed_without_a_restart(world: &World) {
        let node = world.serves().await;
        let admin = node.addresses.admin;
        let badge = world.badge("first-operator");
        let first = world.outsider_with(&badge.chain, &badge.key);
        let second = another_authority(world).await;
        follow(&node.app).await.unwrap();
        // There is nothing at that path: whoever is told so has come through the handshake.
        let told = async |somebody: &Outsider| {
            let answer = somebody.gets(admin, "/", &[]).await;
            answer.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!((told(&first).await, told(&second).await), (NOTHING.to_owned(), NOTHING.to_owned()));
        for (state, answer) in [("retired", ""), ("revoked", ""), ("draining", NOTHING)] {
            let text = format!("UPDATE key_generation SET state = '{state}', version = version + 1 WHERE kid = 'operators-2'");
            world.execute(&text).await;
            follow(&node.app).await.unwrap();
            assert_eq!((told(&first).await, told(&second).await), (NOTHING.to_owned(), answer.to_owned()), "{state}");
        }
        node.stops().await;
    }
}

both_engines! {
    async fn every_node_shows_the_new_one(world: &World) {
        let other = world.another_node().await;
        for node in [&world.app, &other] {
            prepare(node).await.unwrap();
        }
        let old = serial(&world.app);
        assert_eq!(serial(&other), old);
        world.first().call(&at_once()).await.unwrap();
        for node in [&world.app, &other] {
            assert_eq!(serial(node), old);
            assert!(follow(node).await.unwrap());
            assert!(!follow(node).await.unwrap(), "there is nothing new");
        }
        assert_ne!(serial(&world.app), old);
        assert_eq!(serial(&other), serial(&world.app));
        // Another key's rotation is nothing to the listeners.
        world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
        assert!(!follow(&world.app).await.unwrap());
        let silent = world.another_node().await;
        assert!(!follow(&silent).await.unwrap(), "one that has no listeners shows nothing");
    }

    async fn it_takes_the_steps_of_every_rotation(world: &World) {
        prepare(&world.app).await.unwrap();
        let old = shown(&world.app);
        world.first().call(&RotateKey::of(KeyPurpose::ServerTls)).await.unwrap();
        follow(&world.app).await.unwrap();
        assert_eq!(serial(&world.app), old.view().serial, "it is published and not shown yet");
        goes_by(world, TEN_MINUTES).await;
        assert!(follow(&world.app).await.unwrap());
        let new = shown(&world.app);
        let names = |certificate: &Certificate| {
            let names = certificate.x509().unwrap().subject_alt_names().unwrap();
            names.iter().map(|name| format!("{:?}{:?}", name.dnsname(), name.ipaddress())).collect::<Vec<_>>()
        };
        assert!(new.der() != old.der() && names(&new) == names(&old));
        let both = [("listeners-1".to_owned(), KeyState::Draining), ("listeners-2".to_owned(), KeyState::Active)];
        assert_eq!(generations(world).await, both);
        goes_by(world, TEN_MINUTES).await;
        assert_eq!(generations(world).await[0].1, KeyState::Retired);
        let left = "SELECT kid FROM key_generation WHERE purpose = 'server-tls' AND private_sealed IS NOT NULL";
        assert_eq!(world.texts(left).await, ["listeners-2"], "nobody can show the old one any more");
    }

    async fn one_that_is_called_off_is_never_shown(world: &World) {
        prepare(&world.app).await.unwrap();
        let old = serial(&world.app);
        let made = world.first().call(&RotateKey::of(KeyPurpose::ServerTls)).await.unwrap().remove(0);
        world.first().call(&AbortPlan { plan: made.key.plan.unwrap() }).await.unwrap();
        goes_by(world, TEN_MINUTES).await;
        assert!(!follow(&world.app).await.unwrap());
        assert_eq!(serial(&world.app), old);
        let revoked = "SELECT state FROM certificate WHERE holder = 'listeners-2'";
        assert_eq!(world.texts(revoked).await, ["revoked"]);
    }

    async fn in_an_emergency_the_old_one_is_revoked_with_its_key(world: &World) {
        prepare(&world.app).await.unwrap();
        let old = serial(&world.app);
        let emergency = EmergencyRotation {
            purpose: KeyPurpose::ServerTls,
            name: None,
            algorithm: None,
            reason: RevocationReason::KeyCompromise,
        };
        world.first().call(&emergency).await.unwrap();
        assert!(follow(&world.app).await.unwrap());
        assert_ne!(serial(&world.app), old);
        assert_eq!(state_of(world, &old).await, CertificateState::Revoked);
        assert_eq!(state_of(world, &serial(&world.app)).await, CertificateState::Valid);
        let both = [("listeners-1".to_owned(), KeyState::Revoked), ("listeners-2".to_owned(), KeyState::Active)];
        assert_eq!(generations(world).await, both);
    }

    async fn it_is_followed_on_schedule_when_a_third_of_its_life_is_left(world: &World) {
        prepare(&world.app).await.unwrap();
        let old = shown(&world.app);
        let life = old.view().not_after.saturating_since(old.view().not_before);
        // Switched off for most of it; and then days on which the clock is believed again.
        world.clock.advance(life - life / 3 - 5 * DAY);
        let node = world.another_node().await;
        prepare(&node).await.unwrap();
        for _ in 0..4 {
            a_day_goes_by(world, &node).await;
            assert_eq!(generations(world).await.len(), 1);
        }
        a_day_goes_by(world, &node).await;
        assert_eq!(generations(world).await[1], ("listeners-2".to_owned(), KeyState::Published));
        goes_by(world, TEN_MINUTES).await;
        assert!(follow(&node).await.unwrap());
        assert!(shown(&node).view().not_after > old.view().not_after);
        let actors = world.audited("key.activate").await;
        assert!(actors.iter().any(|(who, what, _)| who == "system" && what == "listeners-2"), "{actors:?}");
    }

    async fn a_dry_run_changes_nothing(world: &World) {
        prepare(&world.app).await.unwrap();
        let before = world.texts("SELECT serial FROM certificate").await.len();
        world.first().dry_run().call(&at_once()).await.unwrap();
        assert!(!follow(&world.app).await.unwrap());
        assert_eq!((generations(world).await.len(), world.texts("SELECT serial FROM certificate").await.len()), (1, before));
    }
}
