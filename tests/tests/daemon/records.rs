//! The simulated records of the Immigration Department, a program of its own, and the node that asks them over mutual TLS.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use api::app::registration::{Card, Photo, REGISTRATIONS, Register, Registering};
use api::immigration::RecordVerdict;
use client::phone::{Line, Signed};
use domain::{Channel, Clock, Profile, Tier, synthetic};
use http::Method;
use pki::{KeyKind, PrivateKey};
use server::clock::SystemClock;
use server::population_register::{OverHttps, PopulationRegister, Standing};
use server::settings::ImmigrationDepartment;
use tests::Engine;
use tests::daemon::{Daemon, program};

/// A running `immd-sim`. Dropped, it is killed.
pub(super) struct Simulator {
    child: Child,
    url: String,
    said: Vec<JoinHandle<Vec<u8>>>,
}

impl Simulator {
    fn starts(data_dir: &Path) -> Self {
        let mut command = Command::new(program("immd-sim"));
        command.arg("--data-dir").arg(data_dir).args(["--listen", "127.0.0.1:0"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_until(b'\n', &mut said).unwrap();
        let url = String::from_utf8_lossy(&said).trim().rsplit(' ').next().unwrap().to_owned();
        let mut stderr = child.stderr.take().unwrap();
        let said = std::thread::spawn(move || {
            stdout.read_to_end(&mut said).unwrap();
            said
        });
        let complained = std::thread::spawn(move || {
            let mut complained = Vec::new();
            stderr.read_to_end(&mut complained).unwrap();
            complained
        });
        Self { child, url, said: vec![said, complained] }
    }

    /// Ends it, and gives all that it has ever said.
    pub(super) fn ends(mut self) -> Vec<u8> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let said = std::mem::take(&mut self.said);
        said.into_iter().flat_map(|said| said.join().unwrap()).collect()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An instance that asks a simulator of its own.
pub(super) async fn beside_records(engine: Engine) -> (Daemon, Simulator) {
    let daemon = Daemon::unmade(engine, None).await;
    let simulator = Simulator::starts(&daemon.data_dir);
    let mut init = daemon.init_arguments();
    init.extend(["--immd-url".to_owned(), simulator.url.clone()]);
    let made = daemon.iamd(&init);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (daemon, simulator)
}

fn place(simulator: &Simulator, folder: &Path) -> ImmigrationDepartment {
    let file = |name: &str| folder.join("immd").join(name);
    ImmigrationDepartment {
        url: simulator.url.parse().unwrap(),
        ca_file: file("ca.crt"),
        certificate_file: file("iamd.crt"),
        key_file: file("iamd.key"),
    }
}

pub(super) fn card(number: u32) -> Card {
    let Profile { hkic, name, sex, birth_date, card_issued, .. } = synthetic::person(number).unwrap();
    Card { hkic, name, sex, birth_date, card_issued }
}

/// Sets what is wrong with it, as a person with `curl` does.
fn set(simulator: &Simulator, folder: &Path, fault: &str) {
    let file = |name: &str| folder.join("immd").join(name).display().to_string();
    let body = format!(r#"{{"fault":"{fault}"}}"#);
    let url = format!("{}/v1/fault", simulator.url);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--cacert", &file("ca.crt"), "--cert", &file("iamd.crt")]);
    let done = curl.args(["--key", &file("iamd.key"), "--data", &body, &url]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_records_know_the_people_of_a_sandbox_and_a_node_bears_with_their_faults() {
    crate::on(Engine::Sqlite, async |_| {
        let folder = tempfile::TempDir::with_prefix("immd-").unwrap();
        let simulator = Simulator::starts(folder.path());
        let records = || OverHttps::new(place(&simulator, folder.path()), Arc::new(SystemClock));
        assert_eq!(records().check(&card(7)).await.unwrap(), RecordVerdict::Valid);
        let other = Card { name: card(8).name, ..card(7) };
        assert_eq!(records().check(&other).await.unwrap(), RecordVerdict::DetailsDiffer);
        let standing = records().look().await;
        assert!(matches!(&standing, Standing::Configured { fault: None, left_alone_since: None, .. }), "{standing:?}");
        let nobody = Card { hkic: "A123456(3)".parse().unwrap(), ..card(7) };
        assert_eq!(records().check(&nobody).await.unwrap(), RecordVerdict::NotOnRecord);

        for (fault, told) in
            [("wrong", "of no known form"), ("down", "the connection broke off"), ("slow", "no whole answer within")]
        {
            set(&simulator, folder.path(), fault);
            let records = records().with_patience(Duration::from_millis(300));
            let message = records.check(&card(7)).await.unwrap_err().message;
            assert!(message.contains(told), "{fault}: {message}");
        }
        set(&simulator, folder.path(), "down");
        let records = records();
        let Standing::Configured { fault, left_alone_since, certificate_ends, .. } = records.look().await else {
            panic!("they are configured")
        };
        assert!(fault.is_some_and(|fault| fault.contains("broke off")), "they do not answer");
        assert!(left_alone_since.is_none() && certificate_ends.is_some_and(|end| end > SystemClock.now()));
        for _ in 0..3 {
            records.check(&card(7)).await.unwrap_err();
        }
        let Standing::Configured { left_alone_since, .. } = records.look().await else { panic!("they are configured") };
        assert!(left_alone_since.is_some_and(|since| since <= SystemClock.now()));
        set(&simulator, folder.path(), "none");
        let message = records.check(&card(7)).await.unwrap_err().message;
        assert!(message.contains("left alone"), "who is down is not asked for a while: {message}");

        let stranger = tempfile::TempDir::with_prefix("immd-").unwrap();
        let another = Simulator::starts(stranger.path());
        let mut mixed = place(&simulator, folder.path());
        let theirs = place(&another, stranger.path());
        (mixed.certificate_file, mixed.key_file) = (theirs.certificate_file, theirs.key_file);
        let foreign = OverHttps::new(mixed, Arc::new(SystemClock));
        assert!(foreign.check(&card(7)).await.is_err(), "a foreign certificate");
        assert!(matches!(foreign.look().await, Standing::Configured { fault: Some(_), .. }));
    });
}

#[test]
fn a_citizen_registers_by_phone_at_a_real_node_that_asks_the_real_simulator() {
    crate::on(Engine::Sqlite, async |engine| {
        let (daemon, simulator) = beside_records(engine).await;
        let node = daemon.serves();
        let ca = std::fs::read(daemon.data_dir.join("first-operator/ca.crt")).unwrap();
        let line = Line::open(&format!("https://localhost:{}", node.public.port()), &ca).unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let signed = Signed::by(key).unwrap();
        let register = |number: u32| Register {
            channel: Channel::Remote,
            tier: Tier::IamSmart,
            card: card(number),
            phone: synthetic::person(number).unwrap().phone,
            card_photo: Some(Photo::new(b"of a card".to_vec())),
            selfie: Some(Photo::new(b"of a face".to_vec())),
            device_name: Some("a phone".to_owned()),
        };
        let done: Registering = line.send(&signed, Method::POST, REGISTRATIONS, &register(7)).await.unwrap();
        let bound = done.bound.unwrap();
        assert_eq!(bound.device, signed.thumbprint());
        let shown = daemon.json(&["registration", "show", &done.registration.to_string()], "");
        assert_eq!((&shown["state"], &shown["account"]), (&"completed".into(), &bound.account.to_string().into()));
        assert!(shown["photos"].as_array().unwrap().iter().all(|photo| photo["deleted_at"].is_string()), "{shown}");

        drop(simulator);
        let another = Signed::by(PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
        let refused = line.send::<_, Registering>(&another, Method::POST, REGISTRATIONS, &register(8)).await.unwrap_err();
        assert!(format!("{refused:?}").contains("registration.records-unavailable"), "{refused:?}");
        assert_eq!(daemon.number("SELECT COUNT(*) FROM account").await, 1);
    });
}
