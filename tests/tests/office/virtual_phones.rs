//! Simulated citizens register by the command line, the way that people register, and their virtual phones are theirs.

use std::path::Path;

use api::account::ShowAccount;
use api::registration::ListStations;
use domain::synthetic::FIRST_PLAYED;
use domain::{AccountState, Channel, Hkic, Tier};
use serde_json::Value;
use tests::world::{FIRST, Setup};
use tests::{Engine, World, daemon, world};

/// Runs `iamctl … -o json`: its exit code, and what it printed or told.
async fn iamctl(home: &Path, context: &Path, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["--context-file".to_owned(), context.display().to_string()];
    all.extend(arguments.iter().chain(&["-o", "json", "--yes"]).map(|argument| (*argument).to_owned()));
    let home = home.to_owned();
    let run = move || {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        daemon::run("iamctl", &home, &all, "")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = if output.status.success() { &output.stdout } else { &output.stderr };
    // What is no JSON shows in what the test expects.
    let read = serde_json::from_slice(told).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(told).into_owned()));
    (output.status.code().unwrap(), read)
}

async fn citizens_register_and_have_their_phones(world: &World) {
    let serving = world.serves().await;
    let (home, context) = (world.folder(), world.context(&serving, FIRST));
    let add = async |arguments: &[&str]| iamctl(&home, &context, &[&["sandbox", "citizen", "add"], arguments].concat()).await;

    let (exit, alone) = add(&["--channel", "remote"]).await;
    assert_eq!(exit, 0, "{alone}");
    let first = alone[0]["account"].as_str().unwrap().parse().unwrap();
    assert_eq!(alone[0]["hkic"], Hkic::synthetic(FIRST_PLAYED).unwrap().expose());
    let view = world.first().call(&ShowAccount { account: first }).await.unwrap();
    assert_eq!(
        (view.state, view.channel, view.device.as_deref()),
        (AccountState::Active, Channel::Remote, Some("virtual phone"))
    );

    // A station is put into service the first time, and is the same one afterwards.
    let (exit, one) = add(&[]).await;
    assert_eq!(exit, 0, "{one}");
    let (exit, two) = add(&["--count", "2"]).await;
    assert_eq!((exit, two.as_array().unwrap().len()), (0, 2), "{two}");
    let stations = world.first().call(&ListStations::default()).await.unwrap().items;
    assert_eq!((stations.len(), stations[0].channel), (1, Channel::Kiosk));
    let (exit, plus) = add(&["--channel", "counter", "--tier", "iam-smart-plus"]).await;
    assert_eq!((exit, &plus[0]["tier"]), (0, &"iam-smart-plus".into()), "{plus}");
    let signs = plus[0]["account"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.first().call(&ShowAccount { account: signs }).await.unwrap().tier, Tier::IamSmartPlus);

    let (_, listed) = iamctl(&home, &context, &["sandbox", "citizen", "list"]).await;
    let mut people: Vec<u64> = listed.as_array().unwrap().iter().map(|row| row["person"].as_u64().unwrap()).collect();
    people.sort_unstable();
    assert_eq!(people, (0..5).map(|more| u64::from(FIRST_PLAYED) + more).collect::<Vec<_>>());
    let (_, phones) = iamctl(&home, &context, &["sandbox", "phone", "list"]).await;
    assert!(phones.as_array().unwrap().iter().all(|row| row["state"] == "active"), "{phones}");

    // The same person again: the account stays, and the phone before is nobody's any more.
    let kept = std::fs::read_dir(context.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let folder = kept.into_iter().find(|path| path.display().to_string().contains("/phones-")).unwrap();
    let file = folder.join(format!("{first}.yaml"));
    let before = std::fs::read(&file).unwrap();
    let (_, again) = add(&["--channel", "remote", "--person", &FIRST_PLAYED.to_string()]).await;
    assert_eq!(again[0]["account"], first.to_string());
    assert_ne!(std::fs::read(&file).unwrap(), before);
    std::fs::write(&file, before).unwrap();
    let (_, phones) = iamctl(&home, &context, &["sandbox", "phone", "list"]).await;
    let row = phones.as_array().unwrap().iter().find(|row| row["account"] == first.to_string()).unwrap();
    assert_eq!(row["state"], "replaced");

    let (exit, told) = add(&["--channel", "remote", "--tier", "iam-smart-plus"]).await;
    assert_eq!((exit, told["error"]["code"].as_str()), (2, Some("account.channel-tier")), "{told}");
    let (exit, told) = add(&["--person", "26000000"]).await;
    assert_eq!((exit, told["error"]["code"].as_str()), (2, Some("usage.invalid-value")), "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("0 to 25 999 999"), "{told}");
    let (exit, told) = add(&["--idempotency-key", "twice-the-same"]).await;
    assert_eq!((exit, told["error"]["code"].as_str()), (2, Some("usage.idempotency-key")), "{told}");
    serving.stops().await;
}

#[test]
fn citizens_register_and_have_their_phones_sqlite() {
    world::run(Engine::Sqlite, Setup::today().reached(), citizens_register_and_have_their_phones);
}

#[test]
fn citizens_register_and_have_their_phones_postgres() {
    world::run(Engine::Postgres, Setup::today().reached(), citizens_register_and_have_their_phones);
}
