//! TLS of the listeners, by OpenSSL.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Clock;
use openssl::sha::sha256;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion};
use openssl::x509::X509StoreContextRef;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use pki::{Certificate, PrivateKey, Stamp};

/// What a listener shows of itself.
pub struct ServerIdentity {
    /// Its key.
    pub key: PrivateKey,
    /// Its certificate.
    pub certificate: Certificate,
    /// Issuers up to and without the root.
    pub chain: Vec<Certificate>,
}

/// Operators only: TLS 1.3, no tickets, client certificates of this instance's authority for operators. Whoever brings none
/// still gets a connection, for `POST /enrol`.
///
/// # Errors
/// When OpenSSL refuses the key or the certificates.
pub fn admin(identity: &ServerIdentity, operators: &[Certificate]) -> anyhow::Result<SslContext> {
    let mut builder = base(identity)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_3))?;
    builder.set_num_tickets(0)?;
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    ask_for_certificates(&mut builder, operators)?;
    Ok(builder.build())
}

/// Relying parties and citizens' apps: TLS 1.3, and 1.2 with ECDHE and AEAD only; client certificates of this instance's authority
/// for relying parties, for those who have one.
///
/// # Errors
/// When OpenSSL refuses the key or the certificates.
pub fn public(identity: &ServerIdentity, parties: &[Certificate]) -> anyhow::Result<SslContext> {
    let mut builder = base(identity)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list("ECDHE+AESGCM:ECDHE+CHACHA20")?;
    ask_for_certificates(&mut builder, parties)?;
    // A session that is resumed brings its certificate along: of another listener, or of a set of authorities that is not believed
    // any more, it is none here.
    builder.set_session_id_context(&session_context(parties))?;
    Ok(builder.build())
}

/// Asks for a certificate of one of these authorities, and takes none that is of another.
fn ask_for_certificates(builder: &mut SslContextBuilder, authorities: &[Certificate]) -> anyhow::Result<()> {
    let mut trusted = X509StoreBuilder::new()?;
    for authority in authorities {
        trusted.add_cert(authority.x509()?.clone())?;
        builder.add_client_ca(authority.x509()?)?;
    }
    // The chain ends at the authority for these people, not at the root: a relying party's certificate, though of the same
    // root, must fail the handshake where operators come, and an operator's where relying parties do.
    trusted.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    builder.set_verify_cert_store(trusted.build())?;
    builder.set_verify(SslVerifyMode::PEER);
    Ok(())
}

fn session_context(authorities: &[Certificate]) -> [u8; 32] {
    let all: Vec<u8> = authorities.iter().flat_map(Certificate::fingerprint).collect();
    sha256(&all)
}

fn base(identity: &ServerIdentity) -> anyhow::Result<SslContextBuilder> {
    let mut builder = SslContext::builder(SslMethod::tls_server())?;
    builder.set_private_key(identity.key.pkey())?;
    builder.set_certificate(identity.certificate.x509()?)?;
    builder.check_private_key()?;
    for issuer in &identity.chain {
        builder.add_extra_chain_cert(issuer.x509()?.clone())?;
    }
    builder.set_alpn_select_callback(|_, offered| {
        openssl::ssl::select_next_proto(b"\x02h2\x08http/1.1", offered).ok_or(openssl::ssl::AlpnError::NOACK)
    });
    Ok(builder)
}

/// A client certificate that failed a handshake.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Why, as clients call it too.
    pub code: &'static str,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// The instance and the environment it says it is of.
    pub stamp: Option<Stamp>,
}

/// Where a handshake leaves what it found wrong with a client certificate.
pub type Finding = Arc<Mutex<Option<Rejected>>>;

/// A connection to be accepted. Certificates are judged by the node's own clock, as everything else is.
///
/// # Errors
/// When OpenSSL has no memory.
pub fn connection(context: &SslContext, clock: &Arc<dyn Clock>) -> anyhow::Result<(Ssl, Finding)> {
    let mut ssl = Ssl::new(context)?;
    ssl.param_mut().set_time(clock.now().micros().div_euclid(1_000_000));
    let finding = Finding::default();
    if context.verify_mode() != SslVerifyMode::NONE {
        let found = Arc::clone(&finding);
        // Judges nothing itself: OpenSSL forgets the certificate that it refuses.
        ssl.set_verify_callback(context.verify_mode(), move |good, chain| {
            if !good {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                *found = found.take().or_else(|| rejected(chain));
            }
            good
        });
    }
    Ok((ssl, finding))
}

fn rejected(chain: &X509StoreContextRef) -> Option<Rejected> {
    let certificate = chain.chain()?.get(0)?;
    let der = certificate.to_der().ok()?;
    let code = match chain.error().as_raw() {
        EXPIRED => "tls.certificate-expired",
        NOT_YET_VALID => "tls.certificate-not-yet-valid",
        NO_ISSUER | NO_LOCAL_ISSUER | UNVERIFIABLE_LEAF | SELF_SIGNED | SELF_SIGNED_IN_CHAIN => "tls.certificate-foreign",
        _ => "tls.certificate-refused",
    };
    Some(Rejected { code, fingerprint: sha256(&der), stamp: pki::stamp(certificate) })
}

// X509_V_ERR_* of OpenSSL.
const NO_ISSUER: i32 = 2;
const NOT_YET_VALID: i32 = 9;
const EXPIRED: i32 = 10;
const SELF_SIGNED: i32 = 18;
const SELF_SIGNED_IN_CHAIN: i32 = 19;
const NO_LOCAL_ISSUER: i32 = 20;
const UNVERIFIABLE_LEAF: i32 = 21;

/// Whether only the owner can read a file that holds a key.
///
/// # Errors
/// With the mend, when others can or the file is not there.
pub fn require_private(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| anyhow::anyhow!("{shown}: {error}"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 && !is_credential(path, mode, metadata.uid(), metadata.gid()) {
        anyhow::bail!("{shown} has mode {mode:04o}, so others could read the key; mend it with: chmod 600 {shown}");
    }
    Ok(())
}

/// Whether a file is one that systemd gives to a service (`LoadCredential=`). It may belong to root and let the service's user in
/// by an access control list, which shows as the group's right to read; the folder is that service's alone.
fn is_credential(path: &Path, mode: u32, owner: u32, group: u32) -> bool {
    path.starts_with("/run/credentials") && (mode, owner, group) == (0o440, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_of_systemd_is_private_though_its_group_seems_to_read_it() {
        let credential = Path::new("/run/credentials/iamd.service/token.pin");
        for (path, mode, owner, group, good) in [
            (credential, 0o440, 0, 0, true),
            (credential, 0o444, 0, 0, false),
            (credential, 0o460, 0, 0, false),
            (credential, 0o440, 1000, 0, false),
            (credential, 0o440, 0, 100, false),
            (Path::new("/etc/iam/token.pin"), 0o440, 0, 0, false),
        ] {
            assert_eq!(is_credential(path, mode, owner, group), good, "{} {mode:o} {owner} {group}", path.display());
        }
    }
}
