//! The keys and certificates that an instance begins with, and those that one of an earlier version lacks.

use anyhow::Context;
use domain::{Holder, KeyAlgorithm, KeyPurpose, KeyState, Timestamp};
use pki::profile::{self, Profile};
use pki::{
    Authority, AuthorityName, AuthorityPurpose, Certificate, Instance, KeyEncryptionKey, KeyKind, PrivateKey, PublicKey, Secret,
};

use super::init::secret;
use super::open::Ports;
use super::root_lists::{LISTS_BEFOREHAND, lists_beforehand};
use crate::http::reached::Reached;
use crate::keys::{self, Kid, Slot};
use crate::store::{CertificateRow, KeyRow, Write};

/// Makes them in one transaction: nobody has seen a certificate of it before it is committed, so that the records come with the
/// certificates.
pub(super) struct FirstKeys<'a> {
    pub(super) tx: &'a mut Write,
    pub(super) kek: &'a KeyEncryptionKey,
    pub(super) instance: &'a Instance,
    pub(super) now: Timestamp,
}

/// The authorities that the first certificates of others come from.
pub(super) struct Authorities {
    pub(super) root: Authority,
    pub(super) operators: Authority,
}

impl FirstKeys<'_> {
    /// Everything that a new instance has. The root's private key is given out and lies nowhere in the database.
    pub(super) async fn make(
        &mut self,
        reached: &Reached,
        payloads: &Secret,
        ports: &Ports,
    ) -> anyhow::Result<(PrivateKey, Authorities)> {
        let root_key = PrivateKey::generate(KeyKind::P256)?;
        let root = Authority::new_root(self.instance, 1, root_key.clone(), self.now)?;
        self.keep_root(&root, &root_key.public()?).await?;
        self.root_lists(&root).await?;
        let mut operators = None;
        for purpose in AuthorityPurpose::ISSUING {
            let authority = self.authority(&root, *purpose).await?;
            match purpose {
                AuthorityPurpose::Operators => operators = Some(authority),
                AuthorityPurpose::Servers => self.listeners(&authority, reached).await?,
                AuthorityPurpose::TimeStamping => self.stamps(&authority).await?,
                AuthorityPurpose::Root | AuthorityPurpose::RelyingParties | AuthorityPurpose::Citizens => {}
            }
        }
        self.signing_keys().await?;
        self.secrets(payloads, ports).await?;
        self.insert(keys::kek_row(self.kek, self.now)).await?;
        let operators = operators.context("there is no authority for operators")?;
        Ok((root_key, Authorities { root, operators }))
    }

    async fn keep_root(&mut self, root: &Authority, key: &PublicKey) -> anyhow::Result<()> {
        let slot = Slot { purpose: KeyPurpose::RootCa, name: keys::ROOT, algorithm: KeyAlgorithm::Es256 };
        let row = keys::absent_row(slot, &root.name().to_string(), key, self.now);
        self.insert_certified(row, root.certificate(), &profile::ROOT).await
    }

    /// The root's lists for as long as its key may stay away, a day after the other.
    async fn root_lists(&mut self, root: &Authority) -> anyhow::Result<()> {
        for row in lists_beforehand(root, 1, &[], self.now, LISTS_BEFOREHAND)? {
            self.tx.insert_revocation_list(&row).await?;
        }
        Ok(())
    }

    /// An issuing authority, the first of its line, and the responder that answers for it.
    pub(super) async fn authority(&mut self, root: &Authority, purpose: AuthorityPurpose) -> anyhow::Result<Authority> {
        let name = AuthorityName::new(purpose, 1);
        let key = PrivateKey::generate(KeyKind::P256)?;
        let authority = root.new_issuing(name, key.clone(), self.now)?;
        let slot = Slot { purpose: KeyPurpose::IssuingCa, name: purpose.line(), algorithm: KeyAlgorithm::Es256 };
        let row = self.signing(slot, &name.to_string(), &key)?;
        self.insert_certified(row, authority.certificate(), &profile::OPERATORS_CA).await?;
        self.responder(&authority).await?;
        Ok(authority)
    }

    async fn responder(&mut self, authority: &Authority) -> anyhow::Result<()> {
        let key = PrivateKey::generate(KeyKind::P256)?;
        let certificate = authority.sign(&authority.plan_responder(&key.public()?, self.now)?)?;
        let line = authority.name().to_string();
        let slot = Slot { purpose: KeyPurpose::Ocsp, name: &line, algorithm: KeyAlgorithm::Es256 };
        let row = self.signing(slot, &keys::responder_kid(&line, 1), &key)?;
        self.insert_certified(row, &certificate, &profile::OCSP_RESPONDER).await
    }

    pub(super) async fn stamps(&mut self, authority: &Authority) -> anyhow::Result<()> {
        let key = PrivateKey::generate(KeyKind::P256)?;
        let certificate = authority.sign(&authority.plan_time_stamping(&key.public()?, self.now)?)?;
        let slot = Slot { purpose: KeyPurpose::TimeStamping, name: keys::STAMPS, algorithm: KeyAlgorithm::Es256 };
        let row = self.signing(slot, "stamps-1", &key)?;
        self.insert_certified(row, &certificate, &profile::TIME_STAMPING).await
    }

    async fn listeners(&mut self, authority: &Authority, reached: &Reached) -> anyhow::Result<()> {
        let key = PrivateKey::generate(KeyKind::P256)?;
        let planned = authority.plan_server(&reached.hosts(), &reached.addresses(), &key.public()?, None, self.now)?;
        let certificate = authority.sign(&planned)?;
        let slot = Slot { purpose: KeyPurpose::ServerTls, name: keys::LISTENERS, algorithm: KeyAlgorithm::Es256 };
        let row = self.signing(slot, "listeners-1", &key)?;
        self.insert_certified(row, &certificate, &profile::SERVER).await
    }

    /// What signs without a certificate: checkpoints and tokens.
    async fn signing_keys(&mut self) -> anyhow::Result<()> {
        let slot = Slot { purpose: KeyPurpose::Audit, name: keys::CHECKPOINTS, algorithm: KeyAlgorithm::Ed25519 };
        let row = self.signing(slot, "checkpoints-1", &PrivateKey::generate(KeyKind::Ed25519)?)?;
        self.insert(row).await?;
        for (algorithm, kind) in [(KeyAlgorithm::Es256, KeyKind::P256), (KeyAlgorithm::Ps256, KeyKind::Rsa3072)] {
            let slot = Slot { purpose: KeyPurpose::TokenSigning, name: keys::TOKENS, algorithm };
            let key = PrivateKey::generate(kind)?;
            self.insert(keys::new_signing_row(self.kek, self.instance, slot, Kid::Thumbprint, &key, self.now)?).await?;
        }
        Ok(())
    }

    async fn secrets(&mut self, payloads: &Secret, ports: &Ports) -> anyhow::Result<()> {
        for (purpose, name, secret) in [
            (KeyPurpose::Audit, keys::PAYLOADS, payloads),
            (KeyPurpose::BlindIndex, keys::PEOPLE, &secret(ports)),
            (KeyPurpose::Pairwise, keys::SUBJECTS, &secret(ports)),
        ] {
            let slot = Slot { purpose, name, algorithm: KeyAlgorithm::Hs256 };
            let row = keys::new_secret_row(self.kek, self.instance, slot, &format!("{name}-1"), secret, self.now)?;
            self.insert(row).await?;
        }
        Ok(())
    }

    fn signing(&self, slot: Slot<'_>, kid: &str, key: &PrivateKey) -> anyhow::Result<KeyRow> {
        keys::new_signing_row(self.kek, self.instance, slot, Kid::Named(kid), key, self.now)
    }

    async fn insert_certified(&mut self, row: KeyRow, certificate: &Certificate, profile: &Profile) -> anyhow::Result<()> {
        let holder = Holder::Key(row.kid.parse()?);
        self.insert(KeyRow { certificate: Some(certificate.der().to_vec()), ..row }).await?;
        let row = CertificateRow::made(certificate, profile, &holder, self.now)?;
        Ok(self.tx.insert_certificate(&row).await?)
    }

    /// The first generation of a line is active from the start.
    async fn insert(&mut self, row: KeyRow) -> anyhow::Result<()> {
        let row = KeyRow { state: KeyState::Active.to_string(), activate_at: Some(self.now.micros()), ..row };
        Ok(self.tx.insert_key(&row).await?)
    }
}
