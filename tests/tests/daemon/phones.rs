//! Virtual phones: the real command line answers what services ask of simulated citizens, through the public listener.

use std::sync::Arc;
use std::time::Duration;

use client::phone::{Auto, Drawer, Kept, KeptKeys, Line, Phone};
use client::{Context, surroundings};
use domain::citizen_request::WAITS;
use domain::{AccountId, Channel, CitizenRequestId, Claim, Function, Tier, Wants};
use pki::{KeyKind, PrivateKey};
use serde_json::Value;
use server::app::App;
use server::instance::open::open;
use server::request::{Ask, Asked, Door, ask};
use server::settings::{File, Settings, Source};
use server::store::{CitizenRequestRow, Housekeeping};
use tests::daemon::Daemon;
use tests::world::client::manifest_of;
use tests::world::ear::Ear;
use tests::world::system_ports;

use crate::on_both;

/// A bank that asks, and two citizens with virtual phones.
struct Sandbox<'d> {
    daemon: &'d Daemon,
    /// Another node of the instance: what services ask is put there.
    node: Arc<App>,
    service: i32,
}

impl<'d> Sandbox<'d> {
    async fn opens(daemon: &'d Daemon) -> Self {
        let bank = tests::fixtures::path("relying-parties/sandbox-bank.yaml");
        daemon.json(&["rp", "apply", "-f", &bank.display().to_string()], "");
        let people = daemon.folder().join("people.jsonl");
        std::fs::write(&people, tests::fixtures::registrations(2)).unwrap();
        daemon.json(&["account", "import", "-f", &people.display().to_string()], "");
        let settings = Settings::settle(&daemon.data_dir, &Source::new(), &Source::new(), &file(daemon)).unwrap();
        let node = open(&daemon.data_dir, settings, system_ports()).await.unwrap();
        let sql = "SELECT CAST(MIN(code) AS BIGINT) FROM service WHERE relying_party = 'sandbox-bank'";
        Self { daemon, node, service: i32::try_from(daemon.number(sql).await).unwrap() }
    }

    /// Puts a phone into the drawer whose key is bound to the account.
    async fn phone(&self, account: AccountId, person: u32) {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let mut tx = self.node.store.write().await.unwrap();
        let stored = tx.account(account).await.unwrap().unwrap();
        let now = self.node.clock.now();
        tx.insert_device(stored.id, &key.public().unwrap().thumbprint().unwrap(), "{}", now).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        let keys = KeptKeys::new(&key, None).unwrap();
        let registered_at = surroundings::now();
        let kept = Kept { account, person, tier: Tier::IamSmart, channel: Channel::Remote, location: None, registered_at, keys };
        self.drawer().put(&kept).unwrap();
    }

    fn drawer(&self) -> Drawer {
        Drawer::of(&Context::read(&self.daemon.data_dir.join("first-operator/context.yaml")).unwrap()).unwrap()
    }

    async fn asks(&self, of: Option<AccountId>) -> CitizenRequestRow {
        let door = match of {
            None => Door::Screen(None),
            Some(account) => {
                let mut read = self.node.store.read().await.unwrap();
                Door::Phone(read.account(account).await.unwrap().unwrap().id)
            }
        };
        let asks = Ask {
            rp: &"sandbox-bank".parse().unwrap(),
            service: self.service,
            function: Function::Authentication,
            door,
            wants: Wants { claims: vec![Claim::Name, Claim::PhoneNumber], ..Wants::default() },
            terms: "{}".to_owned(),
            waits: WAITS,
            notify: None,
            poll: Duration::from_secs(5),
        };
        let Asked::Open(row) = ask(&self.node, asks).await.unwrap() else { unreachable!("nobody was asked") };
        *row
    }

    async fn granted(&self, row: &CitizenRequestRow) -> (String, Option<String>) {
        let id = CitizenRequestId::from_bytes(&row.id).unwrap();
        let row = self.node.store.read().await.unwrap().citizen_request(id).await.unwrap().unwrap();
        (row.state, row.granted)
    }

    async fn approved_by_itself(&self, row: &CitizenRequestRow) {
        while self.granted(row).await.0 == "waiting" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.granted(row).await, ("approved".to_owned(), Some(r#"["name","phone_number"]"#.to_owned())));
    }
}

fn file(daemon: &Daemon) -> File {
    File { database_url: daemon.database.as_ref().map(tests::world::postgres::Database::url), ..File::default() }
}

fn accounts(daemon: &Daemon) -> Vec<AccountId> {
    let listed = daemon.json(&["account", "list"], "");
    listed.as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap().parse().unwrap()).collect()
}

/// What is told on standard error, as JSON.
fn refusal(daemon: &Daemon, arguments: &[&str]) -> (i32, String) {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    let output = daemon.iamctl(&all, "");
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    (output.status.code().unwrap(), told["error"]["code"].as_str().unwrap().to_owned())
}

on_both! {
    async fn a_virtual_phone_answers_what_is_asked(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let sandbox = Sandbox::opens(&daemon).await;
        assert_eq!(daemon.json(&["sandbox", "phone", "list"], ""), serde_json::json!([]));
        let shown = sandbox.asks(None).await;
        let code = shown.code.clone().unwrap();
        assert_eq!(refusal(&daemon, &["sandbox", "phone", "approve", &code]), (3, "phone.none".to_owned()));

        let accounts = accounts(&daemon);
        let (anna, ben) = (accounts[0], accounts[1]);
        sandbox.phone(anna, 0).await;
        assert_eq!(refusal(&daemon, &["sandbox", "phone", "approve", "000000"]), (3, "phone.request".to_owned()));
        let stranger = ["sandbox", "phone", "approve", &code, "--citizen", &ben.to_string()];
        assert_eq!(refusal(&daemon, &stranger), (3, "phone.unknown".to_owned()));

        // By what the screen shows, on the only phone there is; when it comes back, it is durable.
        let done = daemon.json(&["sandbox", "phone", "approve", &code, "--release", "name"], "");
        assert_eq!((&done["state"], &done["account"]), (&"approved".into(), &anna.to_string().into()), "{done}");
        assert_eq!(sandbox.granted(&shown).await, ("approved".to_owned(), Some(r#"["name"]"#.to_owned())));
        assert_eq!(refusal(&daemon, &["sandbox", "phone", "approve", &code]), (3, "phone.request".to_owned()), "it is over");

        // What is sent to a phone is answered on that phone, whichever is the newest.
        sandbox.phone(ben, 1).await;
        let sent = sandbox.asks(Some(anna)).await;
        let listed = daemon.json(&["sandbox", "phone", "list"], "");
        let waiting = |account: AccountId| {
            let row = listed.as_array().unwrap().iter().find(|row| row["account"] == account.to_string()).unwrap();
            (row["state"].as_str().unwrap(), row["waiting"].as_array().unwrap().len())
        };
        assert_eq!((waiting(anna), waiting(ben)), (("active", 1), ("active", 0)));
        let id = CitizenRequestId::from_bytes(&sent.id).unwrap();
        let auth_req_id = sandbox.node.keys.now().handles().auth_req_id(id).unwrap();
        let done = daemon.json(&["sandbox", "phone", "refuse", &auth_req_id], "");
        assert_eq!((&done["state"], &done["account"]), (&"refused".into(), &anna.to_string().into()), "{done}");
        assert_eq!(sandbox.granted(&sent).await.0, "refused");

        // What became of them is told in pages, which the phone follows.
        let context = Context::read(&daemon.data_dir.join("first-operator/context.yaml")).unwrap();
        let line = Line::open(&sandbox.node.issuer_url, &context.read_ca().unwrap()).unwrap();
        let phone = Phone::new(line, &sandbox.drawer().phone(anna).unwrap().unwrap()).unwrap();
        let uses: Vec<CitizenRequestId> = phone.uses_by(1).await.unwrap().iter().map(|row| row.request).collect();
        assert_eq!(uses, [id, CitizenRequestId::from_bytes(&shown.id).unwrap()]);
        assert_eq!(phone.uses().await.unwrap().len(), 2);

        // Nobody's yet, and two phones: the newest, and it says so.
        let shown = sandbox.asks(None).await;
        let page = format!("https://localhost/oauth2/requests/{}", CitizenRequestId::from_bytes(&shown.id).unwrap());
        let output = daemon.iamctl(&["sandbox", "phone", "approve", &page, "-o", "json"], "");
        let done: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(done["account"], ben.to_string(), "{done}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("the newest does it, that of {ben}")));

        let hint = daemon.json(&["sandbox", "phone", "login-hint", "--citizen", &anna.to_string()], "");
        let read = sandbox.node.keys.now().handles().read_login_hint(hint["login_hint_token"].as_str().unwrap()).unwrap();
        assert_eq!(read.unwrap().0, sandbox.node.store.read().await.unwrap().account(anna).await.unwrap().unwrap().id);

        daemon.json(&["account", "suspend", &ben.to_string(), "--reason", "lost-device"], "");
        let listed = daemon.json(&["sandbox", "phone", "list"], "");
        assert_eq!((&listed[0]["account"], &listed[0]["state"]), (&ben.to_string().into(), &"suspended".into()));

        // The newest cannot any more: the next one does it, and says so.
        let code = sandbox.asks(None).await.code.unwrap();
        let output = daemon.iamctl(&["sandbox", "phone", "approve", &code, "-o", "json"], "");
        let done: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(done["account"], anna.to_string(), "{done}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("the newest that can does it, that of {anna}")));
        assert_eq!(daemon.json(&["sandbox", "phone", "login-hint"], "")["account"], anna.to_string());
        let code = sandbox.asks(None).await.code.unwrap();
        let bens = ["sandbox", "phone", "approve", &code, "--citizen", &ben.to_string()];
        assert_eq!(refusal(&daemon, &bens), (5, "account.suspended".to_owned()), "who is named is the one who is meant");
        let nobody = ["sandbox", "phone", "approve", "000000", "--citizen", "A0000000012"];
        assert_eq!(refusal(&daemon, &nobody), (3, "phone.unknown".to_owned()), "what is on this machine is looked at first");

        // When nobody can, it says why.
        daemon.json(&["account", "suspend", &anna.to_string(), "--reason", "lost-device"], "");
        assert_eq!(refusal(&daemon, &["sandbox", "phone", "approve", &code]), (5, "account.suspended".to_owned()));
        sandbox.node.store.engine().close().await;
    }

    async fn phones_answer_by_themselves_until_they_are_told_not_to(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let sandbox = Sandbox::opens(&daemon).await;
        let accounts = accounts(&daemon);
        let (anna, ben) = (accounts[0], accounts[1]);
        sandbox.phone(anna, 0).await;
        sandbox.phone(ben, 1).await;
        let auto = |arguments: &[&str]| daemon.json(&[&["sandbox", "phone", "auto"], arguments].concat(), "");

        assert_eq!(auto(&["off"])["state"], "off", "it need not be on to be put off");
        let on = auto(&["on", "--citizen", &anna.to_string()]);
        assert_eq!((&on["state"], &on["citizens"]), (&"on".into(), &serde_json::json!([anna.to_string()])), "{on}");
        let (bens, annas, shown) = (sandbox.asks(Some(ben)).await, sandbox.asks(Some(anna)).await, sandbox.asks(None).await);
        sandbox.approved_by_itself(&annas).await;
        sandbox.approved_by_itself(&shown).await;
        assert_eq!(sandbox.granted(&bens).await.0, "waiting", "it answers for Anna alone");
        let listed = daemon.json(&["sandbox", "phone", "list"], "");
        let auto_of = |account: AccountId| {
            let row = listed.as_array().unwrap().iter().find(|row| row["account"] == account.to_string()).unwrap();
            row["auto"].as_bool().unwrap()
        };
        assert_eq!((auto_of(anna), auto_of(ben)), (true, false));

        let all = auto(&["on"]);
        assert_eq!((&all["pid"], &all["citizens"]), (&on["pid"], &Value::Null), "the same process, for every phone");
        sandbox.approved_by_itself(&bens).await;
        assert_eq!(auto(&["off", "--citizen", &ben.to_string()])["citizens"], serde_json::json!([anna.to_string()]));

        // Whoever is suspended is passed over, the newest as well.
        let all = auto(&["on"]);
        assert_eq!(all["citizens"], Value::Null);
        daemon.json(&["account", "suspend", &ben.to_string(), "--reason", "lost-device"], "");
        sandbox.approved_by_itself(&sandbox.asks(None).await).await;

        let off = auto(&["off"]);
        assert_eq!((&off["state"], &off["pid"]), (&"off".into(), &Value::Null));
        // What has ended has no command any more, whether anybody has asked how it ended or not.
        assert_eq!(std::fs::read_to_string(format!("/proc/{}/cmdline", on["pid"])).unwrap_or_default(), "");
        let log = std::fs::read_to_string(off["log"].as_str().unwrap()).unwrap();
        assert_eq!(log.lines().filter(|line| line.contains("\"approved\"")).count(), 4, "{log}");
        assert!(!log.contains("PRIVATE KEY"));
        sandbox.node.store.engine().close().await;
    }

    async fn a_service_is_told_of_the_decision_and_its_token_is_left_nowhere(engine: Engine) {
        const TOKEN: &str = "canary-8d67dc78-7faa-4d41-aabd-67707b374255";
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let sandbox = Sandbox::opens(&daemon).await;
        let anna = accounts(&daemon)[0];
        sandbox.phone(anna, 0).await;
        let (ear, client) = (Ear::opens().await, "drill-office.counter".parse().unwrap());
        let mut manifest = manifest_of(&client);
        manifest["services"][0]["ciba"] = "ping".into();
        manifest["services"][0]["cibaNotificationUri"] = ear.url("/decided").into();
        daemon.json(&["rp", "apply", "-f", "-"], &manifest.to_string());
        let service = daemon.number("SELECT CAST(code AS BIGINT) FROM service WHERE relying_party = 'drill-office'").await;
        let owner = sandbox.node.store.read().await.unwrap().account(anna).await.unwrap().unwrap().id;
        let keys = sandbox.node.keys.now();
        let asks = Ask {
            rp: &client.rp,
            service: i32::try_from(service).unwrap(),
            function: Function::Authentication,
            door: Door::Phone(owner),
            wants: Wants::default(),
            terms: "{}".to_owned(),
            waits: WAITS,
            notify: Some(keys.handles().seal_notification_token(TOKEN, &client).unwrap()),
            poll: Duration::from_secs(5),
        };
        let Asked::Open(row) = ask(&sandbox.node, asks).await.unwrap() else { unreachable!("nobody was asked") };
        let auth_req_id = keys.handles().auth_req_id(row.id().unwrap()).unwrap();
        // The first try is in vain.
        ear.answers(&[http::StatusCode::SERVICE_UNAVAILABLE]);
        daemon.json(&["sandbox", "phone", "approve", &auth_req_id], "");
        let mut heard = Vec::new();
        while heard.len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            heard.extend(ear.heard());
        }
        for ping in heard {
            assert_eq!(ping.headers["authorization"], format!("Bearer {TOKEN}"));
            assert_eq!(ping.body, serde_json::json!({ "auth_req_id": auth_req_id }).to_string());
        }
        let log = running.log().join("\n");
        assert!(!log.contains(TOKEN), "{log}");
        for (path, bytes) in super::secrets::files(&daemon.data_dir) {
            assert!(!super::secrets::holds(&bytes, TOKEN), "{path} holds the token");
        }
        sandbox.node.store.engine().close().await;
        assert!(running.stops().success());
    }

    async fn one_process_answers_however_many_are_put_on(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let sandbox = Sandbox::opens(&daemon).await;
        sandbox.phone(accounts(&daemon)[0], 0).await;
        let auto = |switch: &'static str| daemon.json(&["sandbox", "phone", "auto", switch], "");

        let started: Vec<Value> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| auto("on"))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(started.iter().all(|on| on["state"] == "on" && on["pid"] == started[0]["pid"]), "{started:?}");
        assert_eq!(watchers(&daemon), 1);
        assert_eq!(auto("off")["state"], "off");
        assert_eq!(watchers(&daemon), 0, "off is off");

        // One whom no note names, as when whoever started it was killed: off waits until it is gone too.
        let stray = daemon.starts_iamctl(&["sandbox", "phone", "watch"]);
        while watchers(&daemon) == 0 || Auto::none_alive(&sandbox.drawer()).unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(auto("off")["state"], "off");
        assert_eq!(watchers(&daemon), 0);
        drop(stray);
        sandbox.node.store.engine().close().await;
    }
}

/// How many processes answer for the phones of this instance.
fn watchers(daemon: &Daemon) -> usize {
    let ours = daemon.data_dir.display().to_string();
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("cmdline")).ok());
    lines.filter(|line| line.contains(&ours) && line.contains("sandbox\0phone\0watch")).count()
}
