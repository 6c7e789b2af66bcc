//! The keys and certificates that an instance begins with, and those that one of an earlier version lacks.

use std::sync::Arc;

use anyhow::Context;
use domain::{Holder, KeyAlgorithm, KeyPurpose, KeyState, Timestamp};
use pki::profile::{self, Profile};
use pki::{Authority, AuthorityName, AuthorityPurpose, Certificate, KeyKind, PrivateKey, Secret, Signer};

use super::init::{RootPlace, secret};
use super::open::Ports;
use super::root_lists::{LISTS_BEFOREHAND, lists_beforehand};
use crate::http::reached::Reached;
use crate::keys::{self, FreshKeys, KeyMaker, Kid, MadeKey, Slot};
use crate::root_ca::token::label;
use crate::store::{CertificateRow, KeyRow, Write};

/// Makes them in one transaction: nobody has seen a certificate of it before it is committed, so that the records come with the
/// certificates.
pub(super) struct FirstKeys<'a> {
    pub(super) tx: &'a mut Write,
    pub(super) maker: KeyMaker<'a>,
    /// Takes note of what is made, in case it comes to nothing.
    pub(super) fresh: &'a mut FreshKeys,
    /// Where the root's key is made.
    pub(super) root: &'a RootPlace,
    pub(super) now: Timestamp,
}

/// The authorities that the first certificates of others come from.
pub(super) struct Authorities {
    pub(super) root: Authority,
    pub(super) operators: Authority,
}

impl FirstKeys<'_> {
    /// Everything that a new instance has. The root's private key is given out and lies nowhere in the database, unless it lies
    /// in a token.
    pub(super) async fn make(
        &mut self,
        reached: &Reached,
        payloads: &Secret,
        ports: &Ports,
    ) -> anyhow::Result<(Option<PrivateKey>, Authorities)> {
        let (root_key, root) = self.root().await?;
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
        self.insert(keys::kek_row(self.maker.kek, self.now)).await?;
        let operators = operators.context("there is no authority for operators")?;
        Ok((root_key, Authorities { root, operators }))
    }

    async fn root(&mut self) -> anyhow::Result<(Option<PrivateKey>, Authority)> {
        let slot = Slot { purpose: KeyPurpose::RootCa, name: keys::ROOT, algorithm: KeyAlgorithm::Es256 };
        let kid = AuthorityName::new(AuthorityPurpose::Root, 1).to_string();
        let (given_out, row, signer): (_, _, Arc<dyn Signer>) = match self.root {
            RootPlace::Token(own) => {
                let label = label(self.maker.instance.id(), &kid);
                let key = own.token.generate(KeyKind::P256, move |_| Ok(label.clone()))?;
                let _ = own.made.set(key.object());
                (None, keys::absent_row(slot, &kid, &key.public_key()?, self.now), Arc::new(key))
            }
            RootPlace::WithTheOthers if self.maker.hsm.is_some() => {
                let made = self.key(slot, Kid::Named(&kid))?;
                (None, made.row, made.signer)
            }
            RootPlace::WithTheOthers | RootPlace::File => {
                let key = PrivateKey::generate(KeyKind::P256)?;
                (Some(key.clone()), keys::absent_row(slot, &kid, &key.public()?, self.now), key.into())
            }
        };
        let root = Authority::new_root(self.maker.instance, 1, signer, self.now)?;
        self.insert_certified(row, root.certificate(), &profile::ROOT).await?;
        Ok((given_out, root))
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
        let slot = Slot { purpose: KeyPurpose::IssuingCa, name: purpose.line(), algorithm: KeyAlgorithm::Es256 };
        let made = self.key(slot, Kid::Named(&name.to_string()))?;
        let authority = root.new_issuing(name, made.signer, self.now)?;
        self.insert_certified(made.row, authority.certificate(), purpose.profile()).await?;
        self.responder(&authority).await?;
        Ok(authority)
    }

    async fn responder(&mut self, authority: &Authority) -> anyhow::Result<()> {
        let line = authority.name().to_string();
        let slot = Slot { purpose: KeyPurpose::Ocsp, name: &line, algorithm: KeyAlgorithm::Es256 };
        let made = self.key(slot, Kid::Named(&keys::responder_kid(&line, 1)))?;
        let certificate = authority.sign(&authority.plan_responder(&made.signer.public_key()?, self.now)?)?;
        self.insert_certified(made.row, &certificate, &profile::OCSP_RESPONDER).await
    }

    pub(super) async fn stamps(&mut self, authority: &Authority) -> anyhow::Result<()> {
        let slot = Slot { purpose: KeyPurpose::TimeStamping, name: keys::STAMPS, algorithm: KeyAlgorithm::Es256 };
        let made = self.key(slot, Kid::Named("stamps-1"))?;
        let certificate = authority.sign(&authority.plan_time_stamping(&made.signer.public_key()?, self.now)?)?;
        self.insert_certified(made.row, &certificate, &profile::TIME_STAMPING).await
    }

    async fn listeners(&mut self, authority: &Authority, reached: &Reached) -> anyhow::Result<()> {
        let slot = Slot { purpose: KeyPurpose::ServerTls, name: keys::LISTENERS, algorithm: KeyAlgorithm::Es256 };
        let made = self.key(slot, Kid::Named("listeners-1"))?;
        let public = made.signer.public_key()?;
        let planned = authority.plan_server(&reached.hosts(), &reached.addresses(), &public, None, self.now)?;
        let certificate = authority.sign(&planned)?;
        self.insert_certified(made.row, &certificate, &profile::SERVER).await
    }

    /// What signs without a certificate: checkpoints and tokens.
    async fn signing_keys(&mut self) -> anyhow::Result<()> {
        let slot = Slot { purpose: KeyPurpose::Audit, name: keys::CHECKPOINTS, algorithm: KeyAlgorithm::Ed25519 };
        let made = self.key(slot, Kid::Named("checkpoints-1"))?;
        self.insert(made.row).await?;
        for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Ps256] {
            let slot = Slot { purpose: KeyPurpose::TokenSigning, name: keys::TOKENS, algorithm };
            let made = self.key(slot, Kid::Thumbprint)?;
            self.insert(made.row).await?;
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
            let row = keys::new_secret_row(self.maker.kek, self.maker.instance, slot, &format!("{name}-1"), secret, self.now)?;
            self.insert(row).await?;
        }
        Ok(())
    }

    fn key(&mut self, slot: Slot<'_>, kid: Kid<'_>) -> anyhow::Result<MadeKey> {
        let made = self.maker.make(slot, kid, self.now)?;
        self.fresh.push(&made.row);
        Ok(made)
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
