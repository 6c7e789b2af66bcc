//! A node that is really served: TLS on ports that the system chose, and clients that connect.

use std::path::PathBuf;
use std::sync::Arc;

use client::{Connection, Context};
use metrics_exporter_prometheus::PrometheusBuilder;
use server::app::App;
use server::serve::{Addresses, Node};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::World;
use super::desk::Badge;

/// A node that serves. [`Serving::stops`] ends it.
pub struct Serving {
    /// Where it listens.
    pub addresses: Addresses,
    /// Its ports.
    pub app: Arc<App>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Serves the instance, with housekeeping, over real TLS. The world must begin [`super::Setup::today`].
    ///
    /// # Panics
    /// When it cannot be served.
    pub async fn serves(&self) -> Serving {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let node = Node::prepare(&self.data_dir, self.settings.clone(), self.ports(), metrics).await.unwrap();
        let addresses = node.addresses().unwrap();
        let app = Arc::clone(&node.app);
        let stop = CancellationToken::new();
        let task = tokio::spawn(node.serve(stop.clone()));
        Serving { addresses, app, stop, task }
    }

    /// Writes a context for an operator at a served node.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn context(&self, serving: &Serving, operator: &str) -> PathBuf {
        let ca = std::fs::read(self.data_dir.join(server::data_dir::FIRST_OPERATOR).join("ca.crt")).unwrap();
        self.context_of(&format!("https://{}", serving.addresses.admin), &self.badge(operator), &ca)
    }

    /// Writes a context of any parts.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn context_of(&self, server: &str, badge: &Badge, ca: &[u8]) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::Builder::new().prefix("context-").tempdir_in(self.folder()).unwrap().keep();
        let file = client::ContextFile {
            name: "test".to_owned(),
            server: server.to_owned(),
            instance: self.app.instance.clone(),
            environment: self.app.environment,
            operator: badge.operator.parse().unwrap(),
            ca: "ca.crt".into(),
            certificate: "operator.crt".into(),
            key: "operator.key".into(),
        };
        std::fs::write(folder.join("ca.crt"), ca).unwrap();
        std::fs::write(folder.join("operator.crt"), &badge.chain).unwrap();
        std::fs::write(folder.join("operator.key"), &badge.key).unwrap();
        std::fs::set_permissions(folder.join("operator.key"), PermissionsExt::from_mode(0o600)).unwrap();
        let path = folder.join("context.yaml");
        std::fs::write(&path, file.to_yaml().unwrap()).unwrap();
        path
    }

    /// A connection of an operator to a served node.
    ///
    /// # Panics
    /// When the context cannot be read.
    #[must_use]
    pub fn connects(&self, serving: &Serving, operator: &str) -> Connection {
        Connection::open(&Context::read(&self.context(serving, operator)).unwrap()).unwrap()
    }
}

impl Serving {
    /// Asks the node to stop, as SIGTERM does, without waiting.
    pub fn is_asked_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the node and waits until it has drained.
    ///
    /// # Panics
    /// When it panicked.
    pub async fn stops(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
