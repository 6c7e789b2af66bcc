//! Certificates and authorities that have ended, for the clock at least: calls are taken all the same.

use std::sync::Arc;
use std::time::Duration;

use api::instance::Check;
use domain::{ActivateAt, Clock, KeyPurpose};
use metrics_exporter_prometheus::PrometheusBuilder;
use pki::Certificate;
use server::app::App;
use server::http::listeners::{follow, renew_due};
use server::instance::health::{look, ready};
use server::instance::open::Ports;
use server::serve::Node;
use tests::{World, both_engines};

use super::authorities::{begin, issue, settles, signs_lists};

const A_DAY: Duration = Duration::from_hours(24);

/// Whether a node is started with the word that its clock is right.
pub(super) const ITS_CLOCK_IS_RIGHT: bool = true;
pub(super) const SILENTLY: bool = false;

/// A node is started as `iamd serve` does it, and stays.
pub(super) async fn starts(world: &World, clock_vouched: bool) -> Arc<App> {
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let ports = Ports { clock_vouched, ..world.ports() };
    Arc::clone(&Node::prepare(&world.data_dir, world.settings.clone(), ports, metrics).await.unwrap().app)
}

/// What is said of the listeners' certificate, when there is something to say.
async fn said(world: &World, node: &App) -> Option<Check> {
    world.seal().await;
    let checks = look(node).await;
    assert!(ready(&checks), "it takes calls: {checks:?}");
    checks.into_iter().find(|check| check.id == "listeners")
}

/// The certificate that the listeners show.
async fn shown(world: &World) -> Certificate {
    let row = world.app.store.read().await.unwrap().active_key(KeyPurpose::ServerTls, "listeners").await.unwrap().unwrap();
    Certificate::from_der(row.certificate.as_deref().unwrap()).unwrap()
}

both_engines! {
    async fn an_authority_for_servers_that_has_ended_keeps_no_node_from_serving(world: &World) {
        // The next one was certified in its last years, and its day came when nobody served.
        world.days_go_by(300).await;
        begin(world, "servers", ActivateAt::AfterPublish).await;
        issue(world).await;
        world.clock.advance(1_530 * A_DAY);
        let node = starts(world, ITS_CLOCK_IS_RIGHT).await;
        assert!(!shown(world).await.is_valid_at(world.clock.now()));
        let check = said(world, &node).await.unwrap();
        assert!(!check.ok && check.detail.contains("has ended") && check.detail.contains("authority for servers"), "{check:?}");
        let mend = check.mend.unwrap();
        assert!(mend.contains("key rotate --purpose issuing-ca --line servers") && mend.contains("iamd ca issue"), "{mend}");
        let refused = format!("{:#}", renew_due(&node).await.unwrap_err());
        assert!(refused.contains(&mend), "{refused}");
        // The root signs its lists anew, and the next one takes over.
        signs_lists(world).await;
        settles(world).await;
        assert_eq!(renew_due(&node).await.unwrap(), 1);
        assert!(follow(&node).await.unwrap(), "it is shown without a restart");
        assert!(shown(world).await.is_valid_at(world.clock.now()));
        assert_eq!(said(world, &node).await, None);
        assert_eq!(renew_due(&node).await.unwrap(), 0, "once");
    }

    async fn a_certificate_that_its_authority_cuts_short_is_not_renewed_over_and_over(world: &World) {
        world.clock.advance((5 * 365 - 10) * A_DAY);
        let node = starts(world, ITS_CLOCK_IS_RIGHT).await;
        let first = shown(world).await;
        assert!(first.is_valid_at(world.clock.now()), "there were days left, and it was renewed for those");
        assert_eq!(renew_due(&node).await.unwrap(), 0);
        starts(world, SILENTLY).await;
        assert_eq!(shown(world).await.view().serial, first.view().serial);
        let check = said(world, &node).await.unwrap();
        assert!(check.detail.contains("ends soon") && check.mend.unwrap().contains("--line servers"), "{}", check.detail);
    }
}

mod production {
    use super::*;

    both_engines! {
        from Setup::production();
        async fn after_a_year_it_is_served_with_the_certificate_that_is_there_until_somebody_vouches_for_the_clock(world: &World) {
            world.clock.advance(368 * A_DAY);
            let node = starts(world, SILENTLY).await;
            assert!(!shown(world).await.is_valid_at(world.clock.now()));
            let check = said(world, &node).await.unwrap();
            assert!(!check.ok && check.mend.unwrap().contains("iamd serve --clock-is-right"), "{}", check.detail);
            assert!(renew_due(&node).await.is_err());
            // Said at another node's start; this one goes on and renews.
            let vouched = starts(world, ITS_CLOCK_IS_RIGHT).await;
            assert!(shown(world).await.is_valid_at(world.clock.now()));
            assert_eq!((said(world, &vouched).await, said(world, &node).await), (None, None));
            assert!(follow(&node).await.unwrap());
        }
    }
}
