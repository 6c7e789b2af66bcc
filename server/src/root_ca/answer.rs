//! At the root's key: what is asked is looked at, put on record, signed, and read again. Needs no database.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use domain::{RevocationReason, Timestamp};
use pki::{Authority, AuthorityName, AuthorityPurpose, Certificate, Instance, PublicKey, Signer};
use serde_json::json;

use super::papers::{Answer, Certified, Entry, Request, RevokedAuthority, Wanted, decoded, encoded};
use crate::data_dir;
use crate::instance::root_lists::{LISTS_BEFOREHAND, lists_beforehand};

/// The records of what the root signs, beside its key.
pub const RECORDS: &str = "root-ca.records";
/// A request from before is of another state of things.
const OLDEST: Duration = Duration::from_hours(30 * 24);
/// How far the clock of this machine may be behind that of the server.
const BEHIND: Duration = Duration::from_hours(1);

/// The root with its key, and a request that was looked at.
pub struct RootDesk {
    root: Authority,
    request: Request,
    records: PathBuf,
    now: Timestamp,
}

impl RootDesk {
    /// Takes a request up. `records` is the folder in which it is written down what is signed.
    ///
    /// # Errors
    /// When the key is not the root's, or the clock of this machine and the request do not belong together.
    pub fn open(request: Request, key: Arc<dyn Signer>, records: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let made = request.made_at;
        ensure!(
            now.plus(BEHIND) >= made && now <= made.plus(OLDEST),
            "the request is of {} and the clock of this machine says {}: set the clock right, or bring a new request; nothing was signed",
            made.people(),
            now.people()
        );
        let instance = Instance::new(&request.instance, request.environment, &request.pki_url)?;
        let name: AuthorityName = request.root.parse()?;
        let certificate = Certificate::from_pem(request.certificate.as_bytes())?;
        let root = Authority::load(&instance, name, certificate, key)
            .context("this is not the key of the root that is asked; nothing was signed")?;
        // What this machine dates is believed by the server, whose clock may be a little ahead of this one.
        let now = now.max(made);
        Ok(Self { root, request, records: records.join(RECORDS), now })
    }

    /// Certifies every key that waits.
    ///
    /// # Errors
    /// When none waits, or a key does not prove itself; then nothing was signed.
    pub fn issue(&self) -> anyhow::Result<Answer> {
        ensure!(
            !self.request.wanted.is_empty(),
            "no authority waits for the root's signature; begin with 'iamctl key rotate --purpose issuing-ca --line operators', then ask again"
        );
        let mut planned = Vec::with_capacity(self.request.wanted.len());
        for wanted in &self.request.wanted {
            planned.push((wanted.name.clone(), self.root.plan_issuing(self.name(wanted)?, &self.key_of(wanted)?, self.now)?));
        }
        let mut certificates = Vec::with_capacity(planned.len());
        for (name, planned) in planned {
            let view = planned.view();
            self.record(&json!({ "at": self.now, "signs": "certificate", "name": name, "serial": view.serial,
                "profile": planned.profile().name, "subject": view.subject, "digest": pki::hex(&planned.digest()) }))?;
            certificates.push(Certified { name, certificate: self.root.sign(&planned)?.pem()? });
        }
        Ok(Answer { certificates, ..self.empty() })
    }

    /// Signs the next stock of lists, from now on.
    ///
    /// # Errors
    /// When the root cannot sign them any more.
    pub fn lists(&self) -> anyhow::Result<Answer> {
        self.with_lists(Vec::new())
    }

    /// Revokes authorities, and signs a stock of lists that says so.
    ///
    /// # Errors
    /// When there is no such authority, or it is revoked already.
    pub fn revoke(&self, names: &[String], reason: RevocationReason) -> anyhow::Result<Answer> {
        reason.check_for_key().map_err(|refusal| anyhow::anyhow!("{}", refusal.message))?;
        let mut revoked = Vec::with_capacity(names.len());
        for name in names {
            let known = self.request.authorities.iter().find(|known| known.name == *name);
            let Some(known) = known else {
                let names: Vec<&str> = self.request.authorities.iter().map(|known| known.name.as_str()).collect();
                bail!("there is no authority '{}', only {}", domain::visible(name), names.join(", "));
            };
            ensure!(!self.request.revoked.iter().any(|entry| entry.serial == known.serial), "{name} is revoked already");
            let entry = Entry { serial: known.serial.clone(), at: self.now, reason };
            revoked.push(RevokedAuthority { name: name.clone(), entry });
        }
        self.with_lists(revoked)
    }

    fn with_lists(&self, revoked: Vec<RevokedAuthority>) -> anyhow::Result<Answer> {
        let mut all = self.request.revoked();
        all.extend(revoked.iter().map(|one| one.entry.listed()));
        let first = self.request.last_list + 1;
        self.record(&json!({ "at": self.now, "signs": "lists", "from": first, "revoked": revoked, "entries": all.len() }))?;
        let lists = lists_beforehand(&self.root, first, &all, self.now, LISTS_BEFOREHAND)?;
        ensure!(!lists.is_empty(), "the root's own certificate has ended: it signs no more lists");
        let lists = lists.iter().map(|row| encoded(&row.der)).collect();
        Ok(Answer { revoked, lists, ..self.empty() })
    }

    fn empty(&self) -> Answer {
        Answer {
            format: Answer::FORMAT.to_owned(),
            instance: self.request.instance.clone(),
            environment: self.request.environment,
            made_at: self.now,
            certificates: Vec::new(),
            revoked: Vec::new(),
            lists: Vec::new(),
        }
    }

    fn name(&self, wanted: &Wanted) -> anyhow::Result<AuthorityName> {
        let name: AuthorityName = wanted.name.parse()?;
        let taken = self.request.authorities.iter().any(|known| known.name == wanted.name);
        ensure!(name.purpose != AuthorityPurpose::Root && !taken, "{name} is there already; nothing was signed");
        Ok(name)
    }

    fn key_of(&self, wanted: &Wanted) -> anyhow::Result<PublicKey> {
        let what = || format!("the key of {}", domain::visible(&wanted.name));
        let spki = decoded(&wanted.public_key, &what())?;
        let key = PublicKey::from_spki_der(&spki).with_context(what)?;
        let claim = Wanted::claim(&self.request.instance, &wanted.name, &spki);
        let proven = key.verifies(&claim, &decoded(&wanted.proof, "a proof")?)?;
        ensure!(proven, "{} does not prove itself: the request was changed on its way; nothing was signed", what());
        Ok(key)
    }

    /// Durable before anything is signed: what a crash leaves behind is a serial number on record.
    fn record(&self, line: &serde_json::Value) -> anyhow::Result<()> {
        let shown = self.records.display();
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.records)
            .with_context(|| format!("cannot write {shown}; nothing was signed"))?;
        writeln!(file, "{line}").and_then(|()| file.sync_all()).with_context(|| format!("cannot write {shown}"))?;
        self.records.parent().map_or(Ok(()), data_dir::sync_folder)
    }
}
