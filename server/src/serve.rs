//! `iamd serve`: everything is opened and bound before anything is served, and SIGTERM lets requests finish.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::anchor::require_reached;
use crate::app::App;
use crate::audit::whole::require_whole;
use crate::backup::unproven::require_proven;
use crate::data_dir::{Held, Lock, hold, lock};
use crate::http::accept::{Bounds, DRAIN, Listener, Transport};
use crate::http::listeners::{self, Audience};
use crate::http::{admin, metrics, pki, public};
use crate::instance::open::{Ports, open};
use crate::key::vouch::vouch;
use crate::settings::Settings;
use crate::stats;

/// Together below the 1 024 files that a process may have open by default. An enrolment is one request.
const ADMIN: Bounds = Bounds { strangers: 128, life: Some(Duration::from_secs(30)), known: 256 };
const PUBLIC: Bounds = Bounds { strangers: 224, life: None, known: 128 };
const PKI: Bounds = Bounds { strangers: 96, life: Some(Duration::from_secs(60)), known: 0 };
const METRICS: Bounds = Bounds { strangers: 64, life: None, known: 0 };

/// How often what was measured is folded up.
const UPKEEP: Duration = Duration::from_secs(5);

/// A node that is opened and bound, and serves nothing yet.
pub struct Node {
    /// The ports, for tests.
    pub app: Arc<App>,
    admin: TcpListener,
    public: TcpListener,
    pki: TcpListener,
    metrics: TcpListener,
    prometheus: PrometheusHandle,
    held: Option<Held>,
}

/// Where a node listens; ports that were 0 are the ones the system chose.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Operators.
    pub admin: SocketAddr,
    /// Relying parties and apps.
    pub public: SocketAddr,
    /// Certificates, revocation lists, OCSP, time stamps.
    pub pki: SocketAddr,
    /// Metrics and health.
    pub metrics: SocketAddr,
}

impl Node {
    /// Opens the instance in `dir` and binds its listeners.
    ///
    /// # Errors
    /// One line with the mend; nothing has been started then.
    pub async fn prepare(dir: &Path, settings: Settings, ports: Ports, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        let held = hold(dir)?;
        // What a backup that was killed has left; one that is being made at this moment keeps it.
        if let Ok(_alone) = lock(dir, Lock::Backup) {
            crate::backup::make::sweep(dir);
        }
        let app = open(dir, settings, ports).await?;
        require_proven(&app).await?;
        require_reached(&app).await?;
        require_whole(&app).await?;
        let admin = bind(app.settings.admin_listen, "admin-listen").await?;
        let public = bind(app.settings.public_listen, "public-listen").await?;
        let pki = bind(app.settings.pki_listen, "pki-listen").await?;
        let metrics = bind(app.settings.metrics_listen, "metrics-listen").await?;
        vouch(&app).await?;
        know_the_log(&app).await?;
        listeners::prepare(&app).await?;
        stats::ledger::keep(&app).await?;
        Ok(Self { app, admin, public, pki, metrics, prometheus, held: Some(held) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            admin: self.admin.local_addr()?,
            public: self.public.local_addr()?,
            pki: self.pki.local_addr()?,
            metrics: self.metrics.local_addr()?,
        })
    }

    /// Serves until `stop`, then drains: no new connections, requests under way finish, tasks end, the database closes.
    pub async fn serve(mut self, stop: CancellationToken) {
        let app = Arc::clone(&self.app);
        let stopping = app.stopping.clone();
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            stopping.cancel();
        });
        let tasks = crate::housekeeping::start(&app, &stop);
        let serving = TaskTracker::new();
        serving.spawn(upkeep(self.prometheus.clone(), stop.clone()));
        let tls = |listener: TcpListener, audience: Audience, router: Router, bounds: Bounds| {
            Listener { listener, transport: Transport::Tls(audience, Arc::clone(&app)), router, bounds }.serve(stop.clone())
        };
        serving.spawn(tls(self.admin, Audience::Operators, admin::router(Arc::clone(&app)), ADMIN));
        serving.spawn(tls(self.public, Audience::Everybody, public::router(Arc::clone(&app)), PUBLIC));
        let pki =
            Listener { listener: self.pki, transport: Transport::Plain, router: pki::router(Arc::clone(&app)), bounds: PKI };
        serving.spawn(pki.serve(stop.clone()));
        let metrics = Listener {
            listener: self.metrics,
            transport: Transport::Plain,
            router: metrics::router(Arc::clone(&app), self.prometheus),
            bounds: METRICS,
        };
        serving.spawn(metrics.serve(stop.clone()));
        serving.close();
        // The listeners bound themselves; what the tasks have under way is cut when the database has vanished under it.
        serving.wait().await;
        if timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time and were cut; they go on at the next start");
        }
        if let Ok(Err(error)) = timeout(DRAIN, crate::keys::watch::leave(&app)).await {
            tracing::warn!(%error, "that this node goes was not noted");
        }
        if let Ok(Err(error)) = timeout(DRAIN, crate::key::sightings::write_down(&app)).await {
            tracing::warn!(%error, "what parties were seen to fetch last was not written down");
        }
        // What was sealed last is noted as well: the next start then knows all of it.
        if let Ok(Err(error)) = timeout(DRAIN, crate::anchor::note(&app)).await {
            tracing::warn!(%error, "how far the instance has come was not noted");
        }
        if timeout(DRAIN, app.store.engine().close()).await.is_err() {
            tracing::warn!("the database did not let go in time");
        }
        drop(self.held.take());
    }
}

/// The newest entry of the log may be of later than the clock says now: then that is the latest moment this node knows of, unless
/// whoever starts it vouches for the clock.
async fn know_the_log(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let newest = app.store.read().await?.last_entry_before(now.plus(Duration::from_hours(24))).await?;
    if let Some(newest) = newest.filter(|newest| *newest > now && !app.clock_vouched) {
        app.latest.moment(newest);
    }
    Ok(())
}

/// Folds what was measured into the summaries. Without it every measured duration would be kept until somebody asks for the
/// metrics, and perhaps nobody does.
async fn upkeep(prometheus: PrometheusHandle, stop: CancellationToken) {
    while timeout(UPKEEP, stop.cancelled()).await.is_err() {
        prometheus.run_upkeep();
    }
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; free it, or choose another with --{setting}"))
}
