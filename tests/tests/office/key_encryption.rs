//! The key-encryption key rotates: every node takes the new one into its file, then it takes over, then every data key is brought
//! over, then the old one is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use api::account::{ImportAccounts, ImportRow, ShowAccount, SuspendAccount};
use api::hotline::{FindCaller, Identifier, OpenCall};
use api::key::{ListKeys, RotateKey, RotatedKey};
use api::rotation::{AbortPlan, EmergencyRotation, ListPlans, PausePlan, PlanView, ResumePlan};
use domain::{ActivateAt, Channel, HoldCause, KeyPurpose, KeyState, PlanState, RevocationReason, SuspensionReason};
use server::app::App;
use server::data_dir::KEY_FILE;
use server::instance::join::join;
use server::instance::open::open;
use server::key::material::{BATCH, advance};
use server::key::steps::take_due;
use server::keys::watch::{leave, watch};
use server::settings::{File, Settings, Source};
use tests::World;
use tests::both_engines;
use tests::world::FIRST;
use tests::world::citizen::Registered;
use tests::world::postgres::Database;

pub(crate) const TEN_MINUTES: Duration = Duration::from_mins(10);

/// So many citizens register at once.
pub(crate) async fn citizens(world: &World, count: u64) -> Vec<Registered> {
    let people: Vec<_> = (0..count).map(|_| world.citizen("CHAN TAI MAN")).collect();
    let rows = people.iter().zip(1..);
    let rows =
        rows.map(|(citizen, line)| ImportRow { line, registration: citizen.registration(Channel::Remote, None) }).collect();
    let file = format!("{:064x}", world.number("SELECT COUNT(*) FROM account").await);
    world.first().call(&ImportAccounts { file, chunk: 0, rows }).await.unwrap();
    let mut registered = Vec::new();
    for citizen in people {
        let account = world.account_of(&citizen.hkic).await.unwrap();
        registered.push(Registered { account, hkic: citizen.hkic, phone: citizen.phone });
    }
    registered
}

pub(crate) async fn rotate(world: &World, activate: ActivateAt) -> RotatedKey {
    let rotate = RotateKey { activate, ..RotateKey::of(KeyPurpose::Data) };
    world.first().call(&rotate).await.unwrap().remove(0)
}

async fn later(world: &World) {
    world.clock.advance(TEN_MINUTES);
    take_due(&world.app).await.unwrap();
}

pub(crate) async fn plan(world: &World) -> PlanView {
    world.first().call(&ListPlans::default()).await.unwrap().items.remove(0)
}

/// Brings everything over that there is, in batches of this size; gives in how many.
pub(crate) async fn work(world: &World, batch: i64) -> usize {
    let mut batches = 0;
    while advance(&world.app, batch).await.unwrap() {
        batches += 1;
    }
    batches
}

/// Ids in the node's key file.
pub(crate) fn in_file(app: &App) -> Vec<String> {
    server::data_dir::read_key(&app.data_dir.join(KEY_FILE)).unwrap().ids()
}

pub(crate) async fn instance_kek(world: &World) -> String {
    world.texts("SELECT kek_id FROM instance").await.remove(0)
}

pub(crate) async fn under(world: &World, kek: &str) -> i64 {
    world.number(&format!("SELECT COUNT(*) FROM account WHERE data_key IS NOT NULL AND kek_id = '{kek}'")).await
}

/// What an agent sees of an account; it takes the data key and the profile.
async fn opens(world: &World, citizen: &Registered) -> bool {
    world.first().call(&ShowAccount { account: citizen.account }).await.unwrap().name_masked.is_some()
}

/// A node with a data folder of its own, whose key file holds this.
async fn a_node_with(world: &World, name: &str, key_file: &[u8]) -> anyhow::Result<Arc<App>> {
    let dir = world.folder().join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(dir.join(KEY_FILE), key_file).unwrap();
    fs::set_permissions(dir.join(KEY_FILE), PermissionsExt::from_mode(0o600)).unwrap();
    open(&dir, world.settings.clone(), world.ports()).await
}

#[test]
fn a_node_joins_at_every_stage_with_any_key_file_that_is_good_then() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let file = File { database_url: world.database.as_ref().map(Database::url), ..File::default() };
        let joins = async |name: &str, key: &std::path::Path| {
            let folder = world.folder().join(name);
            let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file).unwrap();
            join(&folder, key, &file, &settings)
                .await
                .map(|_| server::data_dir::read_key(&folder.join(KEY_FILE)).unwrap().ids().len())
        };
        let (key, before) = (world.data_dir.join(KEY_FILE), world.folder().join("before.key"));
        fs::copy(&key, &before).unwrap();
        watch(&world.app).await.unwrap();
        assert_eq!(joins("first", &key).await.unwrap(), 1);
        rotate(world, ActivateAt::AfterPublish).await;
        assert_eq!(joins("published", &before).await.unwrap(), 2, "it takes the next one along");
        watch(&world.app).await.unwrap();
        assert_eq!(joins("published-both", &key).await.unwrap(), 2);
        later(world).await;
        assert_eq!(joins("draining", &before).await.unwrap(), 2);
        work(world, BATCH).await;
        later(world).await;
        watch(&world.app).await.unwrap();
        assert_eq!(joins("retired", &key).await.unwrap(), 1);
        let told = format!("{:#}", joins("left-behind", &before).await.unwrap_err());
        assert!(told.contains("copy the file from a node that serves") && told.contains("nothing was changed"), "{told}");
    });
}

both_engines! {
    async fn a_rotation_takes_every_data_key_along_and_leaves_nothing_of_the_old(world: &World) {
        let people = citizens(world, 7).await;
        watch(&world.app).await.unwrap();
        let old = instance_kek(world).await;
        world.clock.advance(Duration::from_secs(1));
        let new = rotate(world, ActivateAt::AfterPublish).await.key.kid.to_string();
        assert_eq!(in_file(&world.app), std::slice::from_ref(&old), "a moment before the node looks");
        watch(&world.app).await.unwrap();
        assert_eq!(in_file(&world.app), [old.clone(), new.clone()]);
        let file = world.data_dir.join(KEY_FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(instance_kek(world).await, old, "it does not wrap yet");

        later(world).await;
        assert_eq!(instance_kek(world).await, new);
        watch(&world.app).await.unwrap();
        let foreign = format!("SELECT COUNT(*) FROM key_generation WHERE private_sealed IS NOT NULL AND purpose <> 'data' AND kek_id <> '{new}'");
        assert_eq!(world.number(&foreign).await, 0, "every private key lies under the new one at that moment");
        assert_eq!((under(world, &old).await, under(world, &new).await), (7, 0));
        let eighth = citizens(world, 1).await.remove(0);
        assert_eq!(under(world, &new).await, 1, "whoever registers now is wrapped under the new one");
        assert!(opens(world, &people[0]).await && opens(world, &eighth).await);

        later(world).await;
        assert_eq!(plan(world).await.state, PlanState::Running, "the old one is not retired before everything is brought over");
        assert_eq!(work(world, 3).await, 7, "eight by threes, once more from the beginning, and eight that need nothing");
        assert_eq!((under(world, &old).await, under(world, &new).await), (0, 8));
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
        let progress = plan(world).await.work.unwrap();
        assert_eq!((progress.what.as_str(), progress.done, progress.total), ("data keys rewrapped", 7, 7));
        watch(&world.app).await.unwrap();
        assert_eq!(in_file(&world.app), std::slice::from_ref(&new));
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE purpose = 'data' AND private_sealed IS NOT NULL").await, 0);
        for citizen in &people {
            assert!(opens(world, citizen).await);
        }
        let node = world.another_node().await;
        assert_eq!(node.instance, world.app.instance, "a node starts with the new file");
        let keys = world.first().call(&ListKeys { purpose: Some(KeyPurpose::Data), ..ListKeys::default() }).await.unwrap().items;
        let states: Vec<_> = keys.iter().map(|key| (key.kid.to_string(), key.state)).collect();
        assert_eq!(states, [(old, KeyState::Retired), (new, KeyState::Active)]);
        let said: Vec<String> = world.leaves().await.iter().filter_map(|leaf| leaf["action"].as_str().map(str::to_owned)).collect();
        for action in ["key.rotate", "key.activate", "key.rewrap", "key.retire"] {
            assert!(said.iter().any(|said| said == action), "{action} is not in the log");
        }
    }

    async fn work_that_broke_off_goes_on_where_it_stood(world: &World) {
        let people = citizens(world, 9).await;
        watch(&world.app).await.unwrap();
        let old = instance_kek(world).await;
        let new = rotate(world, ActivateAt::Now).await.key.kid.to_string();
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        assert_eq!(instance_kek(world).await, new, "as soon as the node has it, without the publish interval");
        assert!(advance(&world.app, 4).await.unwrap());
        assert_eq!((under(world, &old).await, under(world, &new).await), (5, 4));
        // The node dies; an account is closed meanwhile, and its data key destroyed.
        let closed = "UPDATE account SET state = 'closed', closed_since = registered_at, closed_reason = 'departure', data_key = NULL, profile = NULL,
                      hkic_index = NULL, phone_index = NULL WHERE ordinal = 6";
        world.execute(closed).await;
        let other = world.another_node().await;
        assert!(advance(&other, 4).await.unwrap());
        assert_eq!((under(world, &old).await, under(world, &new).await), (1, 7));
        while advance(&other, 4).await.unwrap() {}
        assert_eq!(world.number("SELECT COUNT(*) FROM account WHERE data_key IS NOT NULL").await, 8, "what was destroyed stays so");
        for citizen in people.iter().enumerate().filter(|(place, _)| *place != 6).map(|(_, citizen)| citizen) {
            let open = world.first().call(&ShowAccount { account: citizen.account }).await.unwrap();
            assert!(open.name_masked.is_some() || open.state == domain::AccountState::Closed);
        }
    }

    async fn the_hotline_works_in_the_middle_of_it(world: &World) {
        let people = citizens(world, 6).await;
        watch(&world.app).await.unwrap();
        rotate(world, ActivateAt::Now).await;
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        assert!(advance(&world.app, 3).await.unwrap());
        let call = world.first().call(&OpenCall {}).await.unwrap().call;
        for citizen in &people {
            let found = world.first().call(&FindCaller { call, by: Identifier::Hkic(citizen.hkic.clone()) }).await.unwrap();
            assert!(found[0].name_masked.is_some() && found[0].account == citizen.account);
            let suspend = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: Some(call), note: Some("lost at the pier".into()) };
            world.first().call(&suspend).await.unwrap();
        }
        work(world, BATCH).await;
        for citizen in &people {
            assert!(opens(world, citizen).await);
        }
        let kept = world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "account.suspend" && leaf["facts"]["note"] == "kept");
        assert_eq!(kept.count(), 6, "a note is sealed under the data key, wherever that lies");
    }

    async fn activation_waits_for_every_node_that_is_there(world: &World) {
        let file = fs::read(world.data_dir.join(KEY_FILE)).unwrap();
        let other = a_node_with(world, "other", &file).await.unwrap();
        let gone = a_node_with(world, "gone", &file).await.unwrap();
        for node in [&world.app, &other, &gone] {
            watch(node).await.unwrap();
        }
        let old = instance_kek(world).await;
        let new = rotate(world, ActivateAt::AfterPublish).await.key.kid.to_string();
        watch(&world.app).await.unwrap();
        leave(&gone).await.unwrap();
        later(world).await;
        let held = plan(world).await;
        assert_eq!((held.state, held.held_for, instance_kek(world).await), (PlanState::Held, Some(HoldCause::Work), old));
        let waits = held.work.unwrap();
        assert_eq!((waits.what.as_str(), waits.done, waits.total), ("nodes that hold the new key", 1, 2));
        watch(&other).await.unwrap();
        take_due(&world.app).await.unwrap();
        assert_eq!(instance_kek(world).await, new);
        assert_eq!(in_file(&other).len(), 2);
        assert_eq!(in_file(&gone).len(), 1, "nobody waited for the one that had stopped");
        other.store.engine().close().await;
        gone.store.engine().close().await;
    }

    async fn a_node_that_was_away_takes_the_new_key_by_the_old_one_while_that_drains(world: &World) {
        let file = fs::read(world.data_dir.join(KEY_FILE)).unwrap();
        let people = citizens(world, 2).await;
        let asleep = a_node_with(world, "asleep", &file).await.unwrap();
        watch(&asleep).await.unwrap();
        watch(&world.app).await.unwrap();
        let new = rotate(world, ActivateAt::AfterPublish).await.key.kid.to_string();
        watch(&world.app).await.unwrap();
        world.clock.advance(Duration::from_mins(16));
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        assert_eq!(instance_kek(world).await, new, "nothing waits for a node that has been silent for a quarter of an hour");
        advance(&world.app, 1).await.unwrap();
        // It wakes: an operation takes the key in, before its own watch has come round.
        let show = |citizen: &Registered| ShowAccount { account: citizen.account };
        for citizen in &people {
            assert!(world.at_node(&asleep, FIRST).call(&show(citizen)).await.unwrap().name_masked.is_some());
        }
        // One that starts with the old file has both from the first moment, and keeps them.
        let late = a_node_with(world, "late", &file).await.unwrap();
        watch(&late).await.unwrap();
        assert_eq!(in_file(&late).len(), 2);
        // One that has only the new one takes the old one by it.
        let both = fs::read_to_string(late.data_dir.join(KEY_FILE)).unwrap();
        let newer = a_node_with(world, "newer", both.lines().last().unwrap().as_bytes()).await.unwrap();
        assert!(world.at_node(&newer, FIRST).call(&show(&people[1])).await.unwrap().name_masked.is_some());

        work(world, BATCH).await;
        later(world).await;
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
        let told = format!("{:#}", a_node_with(world, "too-late", &file).await.err().unwrap());
        assert!(told.contains("it was rotated while this node was away") || told.contains("copy the file from a node that serves"), "{told}");
        for node in [asleep, late, newer] {
            watch(&node).await.unwrap();
            assert_eq!(in_file(&node), std::slice::from_ref(&new), "every node lets go of the old one");
            node.store.engine().close().await;
        }
    }

    async fn a_rotation_that_is_called_off_leaves_the_file_as_it_was(world: &World) {
        watch(&world.app).await.unwrap();
        let before = in_file(&world.app);
        rotate(world, ActivateAt::AfterPublish).await;
        watch(&world.app).await.unwrap();
        assert_eq!(in_file(&world.app).len(), 2);
        let called_off = plan(world).await.plan;
        world.first().call(&AbortPlan { plan: called_off }).await.unwrap();
        watch(&world.app).await.unwrap();
        assert_eq!(in_file(&world.app), before);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE purpose = 'data' AND private_sealed IS NOT NULL").await, 0);
        citizens(world, 1).await;
        // Another one goes through.
        rotate(world, ActivateAt::Now).await;
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        work(world, BATCH).await;
        assert_eq!(under(world, &before[0]).await, 0);
    }

    async fn a_data_key_that_does_not_open_is_said_and_holds_the_old_key_until_somebody_decides(world: &World) {
        citizens(world, 5).await;
        watch(&world.app).await.unwrap();
        let old = instance_kek(world).await;
        world.execute_with("UPDATE account SET data_key = $1 WHERE ordinal = 2", &[7; 60]).await;
        rotate(world, ActivateAt::Now).await;
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        work(world, 2).await;
        assert_eq!(under(world, &old).await, 1);
        later(world).await;
        let stands = plan(world).await;
        assert_eq!(stands.state, PlanState::Running);
        assert!(stands.work.unwrap().what.contains("1 of accounts whose record is damaged"), "the plan says why");
        world.first().call(&PausePlan { plan: stands.plan }).await.unwrap();
        let resume = ResumePlan { plan: stands.plan, override_reason: Some("A copy is in the vault.".into()) };
        world.first().call(&resume).await.unwrap();
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
    }

    async fn a_key_that_rows_lie_under_is_not_withdrawn_in_one_moment(world: &World) {
        let purpose = KeyPurpose::Data;
        let op = EmergencyRotation { purpose, name: None, algorithm: None, reason: RevocationReason::KeyCompromise };
        let problem = world.first().call(&op).await.unwrap_err();
        assert_eq!(problem.code, "key.no-emergency");
        assert!(problem.hint.unwrap().contains("--activate now"));
    }

    async fn a_dry_run_takes_no_key_in(world: &World) {
        watch(&world.app).await.unwrap();
        let before = instance_kek(world).await;
        let op = RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::Data) };
        world.first().dry_run().call(&op).await.unwrap();
        watch(&world.app).await.unwrap();
        assert_eq!(in_file(&world.app), std::slice::from_ref(&before));
        let citizen = citizens(world, 1).await.remove(0);
        assert_eq!(under(world, &before).await, 1);
        assert!(opens(world, &citizen).await);
    }
}
