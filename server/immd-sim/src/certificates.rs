//! The simulator's own authority, its server's certificate, and the one that it gives to the node.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::{Environment, Timestamp};
use pki::envelope::{private_key_from_pem, private_key_to_pem};
use pki::{Authority, AuthorityName, AuthorityPurpose, Certificate, Instance, KeyKind, PrivateKey};

/// What the listener shows, and whom it believes.
pub(crate) struct Identity {
    /// Its key.
    pub(crate) key: PrivateKey,
    /// Its certificate and its issuers.
    pub(crate) chain: Vec<Certificate>,
    /// The authorities that the node's certificate comes from.
    pub(crate) clients: Vec<Certificate>,
}

/// What lies in the folder, made first where it does not.
pub(crate) fn identity(folder: &Path, address: IpAddr) -> anyhow::Result<Identity> {
    if !folder.join("iamd.key").exists() {
        make(folder, address)?;
    }
    let read = |name: &str| fs::read(folder.join(name)).with_context(|| format!("cannot read {}", folder.join(name).display()));
    Ok(Identity {
        key: private_key_from_pem(&read("server.key")?)?,
        chain: pki::held::read_held(&read("server.crt")?)?,
        clients: pki::held::read_held(&read("clients.crt")?)?,
    })
}

fn make(folder: &Path, address: IpAddr) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
    let now = now()?;
    let instance = Instance::new("immd-sim", Environment::Sandbox, "http://localhost")?;
    let key = || PrivateKey::generate(KeyKind::P256);
    let root = Authority::new_root(&instance, 1, key()?, now)?;
    let servers = root.new_issuing(AuthorityName::new(AuthorityPurpose::Servers, 1), key()?, now)?;
    let clients = root.new_issuing(AuthorityName::new(AuthorityPurpose::RelyingParties, 1), key()?, now)?;
    let (server_key, client_key) = (key()?, key()?);
    let hosts = ["localhost".to_owned()];
    let addresses = [address, IpAddr::from([127, 0, 0, 1])];
    let addresses = if address.is_unspecified() { &addresses[1..] } else { &addresses[..] };
    let mut addresses = addresses.to_vec();
    addresses.dedup();
    let server = servers.sign(&servers.plan_server(&hosts, &addresses, &server_key.public()?, None, now)?)?;
    let client = clients.sign(&clients.plan_relying_party("iamd", &client_key.public()?, None, now)?)?;
    let pem =
        |chain: &[&Certificate]| -> anyhow::Result<String> { Ok(chain.iter().map(|it| it.pem()).collect::<Result<_, _>>()?) };
    for (name, text) in [
        ("ca.crt", pem(&[root.certificate()])?),
        ("server.crt", pem(&[&server, servers.certificate()])?),
        ("clients.crt", pem(&[clients.certificate()])?),
        ("iamd.crt", pem(&[&client, clients.certificate()])?),
    ] {
        write(&folder.join(name), text.as_bytes())?;
    }
    write(&folder.join("server.key"), private_key_to_pem(&server_key)?.as_bytes())?;
    // Last: whoever finds it finds the others.
    write(&folder.join("iamd.key"), private_key_to_pem(&client_key)?.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).with_context(|| format!("cannot write {}", path.display()))
}

fn now() -> anyhow::Result<Timestamp> {
    #[expect(clippy::disallowed_methods, reason = "the program's edge: certificates are dated here and nowhere else")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(since.as_micros())?))
}
