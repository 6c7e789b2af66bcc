//! The days between a backup and its restore: what a list still tells of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use api::account::SuspendAccount;
use domain::{CertificateState, Clock, HolderKind, SuspensionReason};
use metrics_exporter_prometheus::PrometheusBuilder;
use pki::{KeyKind, PrivateKey, make_csr};
use server::backup::evidence::Evidence;
use server::backup::prove::{Loss, Outcome, prove};
use server::backup::{make, restore};
use server::certificate::{citizen, publish::publish_due};
use server::instance::health::look;
use server::instance::open::{Ports, open};
use server::serve::Node;
use server::settings::{File, Settings, Source};
use tests::{Engine, Setup, World};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const BURNT: Loss<'_> = Loss { reason: "the disk burnt", administrator: None };
const PASSPHRASE: &str = "correct horse battery";

fn typed(_: &str) -> std::io::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(PASSPHRASE.to_owned()))
}

/// As they were restored.
fn settings_in(dir: &Path) -> Settings {
    let text = fs::read_to_string(dir.join("iamd.yaml")).unwrap();
    Settings::settle(dir, &Source::new(), &Source::new(), &File::parse(&text).unwrap()).unwrap()
}

/// The newest list of citizens' certificates, in a file of somebody who kept it.
async fn kept(world: &World) -> std::path::PathBuf {
    world.clock.advance(Duration::from_mins(1));
    publish_due(&world.app).await.unwrap();
    let list = world.app.store.read().await.unwrap().revocation_list("citizens-1", world.clock.now()).await.unwrap().unwrap();
    let file = world.folder().join("citizens-1.crl");
    fs::write(&file, list.der).unwrap();
    file
}

#[test]
fn a_citizen_who_was_suspended_in_the_lost_days_cannot_sign_and_is_named() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk("harbour-road-sports-centre").await;
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "phone").unwrap();
        citizen::issue(&world.app, citizen.account, &csr).await.unwrap();
        kept(world).await;

        let to = world.folder().join("one.bak");
        let wanted = make::Wanted { to: &to, recipients: &[], ask: &typed };
        let made = make::back_up(&world.data_dir, world.settings.clone(), world.ports(), wanted, &CancellationToken::new()).await;
        made.unwrap();
        let suspend = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        world.first().call(&suspend).await.unwrap();
        let list = kept(world).await;

        let dir = world.folder().join("restored");
        let environment = Source::new();
        let wanted = restore::Wanted { from: &to, key: None, database_url: None, environment: &environment, ask: &typed };
        restore::restore(&dir, wanted, world.ports()).await.unwrap();
        let settings = settings_in(&dir);
        let lists = [list];
        let evidence = || Evidence { checkpoint: None, lists: &lists };
        let outcome = prove(&dir, settings.clone(), world.ports(), evidence(), None).await.unwrap();
        let Outcome::Behind(findings) = outcome else { panic!("it is behind") };
        assert!(findings.iter().any(|finding| finding.contains("revoked by citizens-1")), "{findings:?}");

        let outcome = prove(&dir, settings.clone(), world.ports(), evidence(), Some(BURNT)).await.unwrap();
        let Outcome::Accepted { merged, .. } = outcome else { panic!("somebody answers for it") };
        assert_eq!((merged.revoked, merged.on_hold, merged.unknown), (0, 1, 0));
        assert_eq!(merged.accounts, [citizen.account.to_string()], "an agent looks into it");
        let app = open(&dir, settings, world.ports()).await.unwrap();
        let rows =
            app.store.read().await.unwrap().certificates_of(HolderKind::Account, &citizen.account.to_string()).await.unwrap();
        assert_eq!(rows[0].standing().unwrap().state(rows[0].not_after(), world.clock.now()), CertificateState::OnHold);
        app.store.engine().close().await;
    });
}

#[test]
fn what_is_restored_days_later_signs_once_somebody_has_said_that_the_clock_is_right() {
    tests::world::run(Engine::Sqlite, Setup::production(), async |world| {
        publish_due(&world.app).await.unwrap();
        world.seal().await;
        let to = world.folder().join("one.bak");
        let wanted = make::Wanted { to: &to, recipients: &[], ask: &typed };
        make::back_up(&world.data_dir, world.settings.clone(), world.ports(), wanted, &CancellationToken::new()).await.unwrap();
        world.clock.advance(Duration::from_hours(3 * 24));
        for (folder, said) in [("said-at-the-proof", true), ("said-at-the-start", false)] {
            let dir = world.folder().join(folder);
            let environment = Source::new();
            let wanted = restore::Wanted { from: &to, key: None, database_url: None, environment: &environment, ask: &typed };
            restore::restore(&dir, wanted, world.ports()).await.unwrap();
            world.clock.advance(Duration::from_mins(1));
            let ports = Ports { clock_vouched: said, ..world.ports() };
            let evidence = Evidence { checkpoint: None, lists: &[] };
            let outcome = prove(&dir, settings_in(&dir), ports, evidence, Some(BURNT)).await.unwrap();
            let Outcome::Accepted { clock, .. } = outcome else { panic!("somebody answers for it") };
            assert_eq!(clock.is_none(), said, "{clock:?}");

            let starts = async |clock_vouched| {
                let metrics = PrometheusBuilder::new().build_recorder().handle();
                let ports = Ports { clock_vouched, ..world.ports() };
                let node = Node::prepare(&dir, settings_in(&dir), ports, metrics).await.unwrap();
                let signs = look(&node.app).await.iter().all(|check| check.id != "signing");
                node.app.store.engine().close().await;
                signs
            };
            assert_eq!(starts(false).await, said);
            assert!(starts(true).await && starts(false).await);
        }
    });
}
