//! Two services of one office, a plain one and one whose tokens are bound, and citizens with phones.

use std::sync::Arc;

use pki::jws::ProofSigner;
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk, TokenSigner};
use serde_json::json;
use server::instance::open::open;
use server::settings::{File, Settings, Source};
use server::store::Housekeeping;
use tests::daemon::{Daemon, Running};
use tests::world::client::manifest_of;
use tests::world::postgres::Database;
use tests::world::system_ports;

/// An office, ready to log citizens in.
pub struct Office {
    /// What the platform calls itself.
    pub issuer: String,
    /// The client with a secret.
    pub plain: String,
    /// Its secret.
    pub secret: String,
    /// The client with keys.
    pub bound: String,
    /// What that one signs assertions with.
    pub signer: Arc<TokenSigner>,
    /// What that one proves possession with.
    pub prover: Arc<ProofSigner>,
    /// The keys of the citizens' phones.
    pub phones: Vec<Arc<ProofSigner>>,
}

impl Office {
    /// Brings it on board, and registers the citizens.
    pub async fn opens(daemon: &Daemon, running: &Running, citizens: u32) -> Self {
        let (plain, bound) = ("drill-office.plain", "drill-office.bound");
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let jwk = PublicJwk::signing(&key.public().unwrap(), JwsAlgorithm::ES256).unwrap();
        std::fs::write(daemon.folder().join("keys.json"), json!({ "keys": [jwk] }).to_string()).unwrap();
        let mut manifest = manifest_of(&plain.parse().unwrap());
        let mut other = manifest["services"][0].clone();
        manifest["services"][0]["clientProfile"] = "oidc".into();
        manifest["services"][0]["scopes"] = json!(["openid", "profile"]);
        other["id"] = "bound".into();
        other["name"] = json!({ "en": "Another service", "zh-Hant": "另一服務" });
        other["scopes"] = json!(["openid", "profile"]);
        manifest["services"].as_array_mut().unwrap().push(other);
        manifest["credentials"] = json!([{ "kind": "jwks", "file": "keys.json" }]);
        let file = daemon.folder().join("office.yaml");
        std::fs::write(&file, manifest.to_string()).unwrap();
        daemon.json(&["rp", "apply", "-f", &file.display().to_string()], "");
        let added =
            daemon.json(&["rp", "credential", "add", "drill-office", "--kind", "client-secret", "--service", "plain"], "");
        let secret = added[0]["secret"].as_str().unwrap().to_owned();
        let own = PrivateKey::generate(KeyKind::P256).unwrap();
        Self {
            issuer: format!("https://localhost:{}", running.public.port()),
            plain: plain.to_owned(),
            secret,
            bound: bound.to_owned(),
            signer: Arc::new(TokenSigner::new(key.into(), JwsAlgorithm::ES256).unwrap()),
            prover: Arc::new(ProofSigner::new(own.into(), JwsAlgorithm::ES256).unwrap()),
            phones: phones(daemon, citizens).await,
        }
    }
}

/// Citizens out of a file, each with a phone whose key is put on record as if they had registered with it.
async fn phones(daemon: &Daemon, citizens: u32) -> Vec<Arc<ProofSigner>> {
    let people = daemon.folder().join("citizens.jsonl");
    std::fs::write(&people, tests::fixtures::registrations(citizens)).unwrap();
    daemon.json(&["account", "import", "-f", &people.display().to_string()], "");
    let file = File { database_url: daemon.database.as_ref().map(Database::url), ..File::default() };
    let settings = Settings::settle(&daemon.data_dir, &Source::new(), &Source::new(), &file).unwrap();
    let node = open(&daemon.data_dir, settings, system_ports()).await.unwrap();
    let listed = daemon.json(&["account", "list"], "");
    let mut phones = Vec::new();
    for row in listed.as_array().unwrap() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let signer = ProofSigner::new(key.into(), JwsAlgorithm::ES256).unwrap();
        let mut tx = node.store.write().await.unwrap();
        let stored = tx.account(row["account"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
        tx.insert_device(stored.id, signer.thumbprint(), "{}", node.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        phones.push(Arc::new(signer));
    }
    node.store.engine().close().await;
    phones
}
