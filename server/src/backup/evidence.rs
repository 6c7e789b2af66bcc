//! What the world has seen of an instance, as the operator shows it, beside what the database holds: checkpoints of the audit log
//! and revocation lists. Both are signed by keys of the instance itself, so that nobody else can make evidence up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::{HighWater, KeyPurpose, Revocation, Serial, Timestamp};
use pki::checkpoint::{Checkpoint, SignedNote, VerifierKey};
use pki::crl::{RevocationList, Revoked};
use pki::merkle::{CompactRange, Hash, leaf_hash};
use pki::{AuthorityPurpose, Certificate};

use crate::anchor::Anchor;
use crate::app::App;
use crate::keys::CHECKPOINTS;
use crate::store::{KeyRow, Read};

/// Leaves read at once.
const PAGE: i64 = 5_000;
/// A signed note is a few hundred bytes.
const LONGEST_NOTE: u64 = 64 * 1024;
/// A list of a million certificates has about 40 MB.
const LONGEST_LIST: u64 = 64 << 20;
/// Serial numbers that a finding names.
const NAMED: usize = 5;

/// What the operator shows.
pub struct Evidence<'a> {
    /// The newest checkpoint that anybody outside has.
    pub checkpoint: Option<&'a Path>,
    /// The newest revocation lists that anybody outside has.
    pub lists: &'a [PathBuf],
}

/// What stands in the database.
pub struct Here {
    /// The audit log, recomputed.
    pub log: Log,
    /// Number of the newest list, by authority.
    pub lists: BTreeMap<String, u64>,
    /// Authorities, root and expired ones too.
    pub authorities: Vec<(KeyRow, Certificate)>,
}

/// What was shown, verified as far as the database's own keys can.
pub struct Shown {
    /// This folder's own anchor, where it has one.
    pub anchor: Option<Anchor>,
    /// Checkpoints, the folder's own first.
    pub checkpoints: Vec<ShownCheckpoint>,
    /// Revocation lists.
    pub lists: Vec<ShownList>,
    /// Lists of authorities that this database does not know, in words.
    pub strangers: Vec<String>,
}

/// A checkpoint that somebody has seen.
pub struct ShownCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Where it comes from, in words.
    pub whence: String,
    /// Whether a key of this database signed it.
    pub verified: bool,
}

/// A revocation list of ours that somebody has seen.
pub struct ShownList {
    /// NAME of the authority.
    pub authority: String,
    /// The list.
    pub list: RevocationList,
    /// Its file.
    pub whence: String,
    /// What it names and this database does not hold for revoked.
    pub missing: Vec<Revoked>,
}

impl Here {
    /// Reads it; the roots over these many entries are remembered.
    pub async fn read(read: &mut Read, sizes: impl Iterator<Item = u64>) -> anyhow::Result<Self> {
        let log = Log::read(read, sizes).await?;
        Ok(Self { log, lists: read.revocation_numbers().await?, authorities: authorities(read).await? })
    }

    /// The numbers of it.
    #[must_use]
    pub fn high_water(&self) -> HighWater {
        HighWater { entries: self.log.entries, lists: self.lists.clone() }
    }
}

async fn authorities(read: &mut Read) -> anyhow::Result<Vec<(KeyRow, Certificate)>> {
    let mut rows = read.keys(Some(KeyPurpose::RootCa), None).await?;
    rows.extend(read.keys(Some(KeyPurpose::IssuingCa), None).await?);
    let mut authorities = Vec::new();
    for row in rows {
        let Some(der) = row.certificate.as_deref() else { continue };
        let certificate = Certificate::from_der(der)?;
        authorities.push((row, certificate));
    }
    Ok(authorities)
}

impl Shown {
    /// Reads the files, and the folder's own anchor.
    pub async fn read(read: &mut Read, app: &App, evidence: &Evidence<'_>) -> anyhow::Result<Self> {
        let mut keys = Vec::new();
        for row in read.keys(Some(KeyPurpose::Audit), None).await?.iter().filter(|row| row.name == CHECKPOINTS) {
            keys.push(app.keys.checkpoint_verifier(row)?);
        }
        let anchor = Anchor::read(&app.data_dir)?;
        let mut checkpoints = Vec::new();
        if let Some(note) = anchor.as_ref().and_then(|anchor| anchor.checkpoint.as_ref()) {
            checkpoints.push(seen(note, &keys, "this folder's own anchor")?);
        }
        if let Some(path) = evidence.checkpoint {
            let note = String::from_utf8(read_file(path, LONGEST_NOTE)?).map_err(|_| no_checkpoint(path))?;
            let note = seen(&note, &keys, &path.display().to_string()).with_context(|| no_checkpoint(path))?;
            let origin = keys.first().map(VerifierKey::name).unwrap_or_default();
            ensure!(
                note.checkpoint.origin == origin,
                "{} is of another log ({}); this instance's is {origin}",
                path.display(),
                domain::visible(&note.checkpoint.origin)
            );
            checkpoints.push(note);
        }
        let authorities = authorities(read).await?;
        let (mut lists, mut strangers) = (Vec::new(), Vec::new());
        for path in evidence.lists {
            let whence = path.display().to_string();
            let list = read_list(path)?;
            let issuer = authorities.iter().find(|(_, issuer)| list.is_signed_by(issuer).is_ok_and(|signed| signed));
            match issuer {
                Some((row, _)) => {
                    let missing = missing(read, &list).await?;
                    lists.push(ShownList { authority: row.kid.clone(), list, whence, missing });
                }
                None => strangers.push(format!(
                    "the revocation list in {whence}, number {}, is of an authority that this database does not know: of one that was made later, or of another instance",
                    list.number()
                )),
            }
        }
        Ok(Self { anchor, checkpoints, lists, strangers })
    }

    /// The most that was seen of everything, this folder's own anchor included; of checkpoints only what is verified.
    pub fn high_water(&self) -> anyhow::Result<HighWater> {
        let own = self.anchor.as_ref().map(Anchor::high_water).transpose()?.unwrap_or_default();
        let entries = self.checkpoints.iter().filter(|shown| shown.verified).map(|shown| shown.checkpoint.size).max();
        let mut all = HighWater { entries: entries.unwrap_or_default(), lists: own.lists };
        for shown in &self.lists {
            // One authority's list may have been shown twice.
            let lists = BTreeMap::from([(shown.authority.clone(), shown.list.number())]);
            all = all.with(&HighWater { entries: 0, lists });
        }
        Ok(all)
    }

    /// Why some of it shows nothing: it is older than the backup itself, and says only what the backup says.
    pub fn too_old(&self) -> anyhow::Result<Option<String>> {
        let Some(own) = self.anchor.as_ref().map(Anchor::high_water).transpose()? else { return Ok(None) };
        let checkpoint = self.checkpoints.iter().find(|shown| shown.checkpoint.size < own.entries);
        if let Some(shown) = checkpoint {
            let (whence, size) = (&shown.whence, shown.checkpoint.size);
            return Ok(Some(format!("{whence} has {size} entries, and the backup itself {}", own.entries)));
        }
        // The root's lists are signed for a year ahead: the one that counts today has a lower number than the last.
        let list = self
            .lists
            .iter()
            .filter(|shown| !is_root(&shown.authority))
            .find(|shown| own.lists.get(&shown.authority).is_some_and(|own| shown.list.number() < *own));
        Ok(list.map(|shown| {
            let own = own.lists.get(&shown.authority).copied().unwrap_or_default();
            format!("{} has number {}, and the backup itself {own}", shown.whence, shown.list.number())
        }))
    }

    /// Authorities of which a list should be shown and none was: those that have published one and have not ended.
    #[must_use]
    pub fn without_list(&self, here: &Here, now: Timestamp) -> Vec<String> {
        let shown: BTreeSet<&str> = self.lists.iter().map(|shown| shown.authority.as_str()).collect();
        let publishes = |row: &KeyRow| here.lists.contains_key(&row.kid) && !shown.contains(row.kid.as_str());
        let current = here.authorities.iter().filter(|(row, certificate)| publishes(row) && certificate.is_valid_at(now));
        current.map(|(row, _)| row.kid.clone()).collect()
    }

    /// By what the database is behind, or not the same: each a line.
    pub fn findings(&self, here: &Here) -> anyhow::Result<Vec<String>> {
        let mut findings = Vec::new();
        for ShownCheckpoint { checkpoint, whence, verified } in &self.checkpoints {
            let size = checkpoint.size;
            if !verified {
                findings.push(format!(
                    "the checkpoint of {whence}, over {size} entries, is signed by a key that this database does not know: by a later one, or by a stranger's"
                ));
            } else if size > here.log.entries {
                let lost = size - here.log.entries;
                findings.push(format!(
                    "the audit log has {} of the {size} entries seen ({whence}): {lost} are lost",
                    here.log.entries
                ));
            } else if here.log.roots.get(&size) != Some(&checkpoint.root) {
                findings.push(format!(
                    "the first {size} entries are not those of the checkpoint of {whence}: one of the two logs was rewritten"
                ));
            }
        }
        let numbers = HighWater { entries: here.log.entries, ..self.high_water()? };
        findings.extend(here.high_water().behind(&numbers).map(|behind| behind.to_string()));
        findings.extend(self.lists.iter().filter(|shown| !shown.missing.is_empty()).map(|shown| {
            let named: Vec<&str> = shown.missing.iter().take(NAMED).map(|revoked| revoked.serial.as_str()).collect();
            let more = if shown.missing.len() > NAMED { ", …" } else { "" };
            let (whence, authority, count) = (&shown.whence, &shown.authority, shown.missing.len());
            format!("revoked by {authority} ({whence}) and not here: {count} ({}{more})", named.join(", "))
        }));
        findings.extend(self.strangers.iter().cloned());
        Ok(findings)
    }
}

/// Whether an authority of this NAME is a root.
pub(super) fn is_root(authority: &str) -> bool {
    authority.parse().is_ok_and(|name: pki::AuthorityName| name.purpose == AuthorityPurpose::Root)
}

fn no_checkpoint(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{} is no checkpoint", path.display())
}

fn read_file(path: &Path, longest: u64) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let length = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    ensure!(length <= longest, "{shown} is far too long to be evidence");
    fs::read(path).with_context(|| format!("cannot read {shown}"))
}

/// DER, as it is published, or PEM.
fn read_list(path: &Path) -> anyhow::Result<RevocationList> {
    let bytes = read_file(path, LONGEST_LIST)?;
    let der = match openssl::x509::X509Crl::from_pem(&bytes) {
        Ok(list) => list.to_der()?,
        Err(_) => bytes,
    };
    RevocationList::from_der(&der).with_context(|| format!("{} is no revocation list of ours", path.display()))
}

fn seen(note: &str, keys: &[VerifierKey], whence: &str) -> anyhow::Result<ShownCheckpoint> {
    let note = SignedNote::parse(note)?;
    let verified = keys.iter().any(|key| note.verify(key).is_ok());
    Ok(ShownCheckpoint { checkpoint: Checkpoint::parse_body(&note.text)?, whence: whence.to_owned(), verified })
}

async fn missing(read: &mut Read, list: &RevocationList) -> anyhow::Result<Vec<Revoked>> {
    let mut missing = Vec::new();
    for entry in list.entries() {
        let serial: Serial = entry.serial.parse()?;
        let listed = Revocation { at: entry.at, reason: entry.reason };
        let known = match read.certificate(&serial).await? {
            None => false,
            Some(row) => row.standing()?.listed(listed).is_none(),
        };
        if !known {
            missing.push(entry);
        }
    }
    Ok(missing)
}

/// The audit log in the database, recomputed from its entries.
pub struct Log {
    /// Entries under its newest checkpoint.
    pub entries: u64,
    /// Roots over so many entries.
    roots: BTreeMap<u64, Hash>,
}

impl Log {
    async fn read(read: &mut Read, sizes: impl Iterator<Item = u64>) -> anyhow::Result<Self> {
        let newest = read.last_checkpoint().await?;
        let entries = newest.as_ref().map_or(Ok(0), |row| u64::try_from(row.tree_size))?;
        let wanted: BTreeSet<u64> = sizes.chain([entries]).filter(|size| *size <= entries).collect();
        let (mut tree, mut roots) = (CompactRange::new(), BTreeMap::new());
        roots.insert(0, tree.root());
        while tree.size() < entries {
            let page = read.sealed_leaves(i64::try_from(tree.size())?, PAGE).await?;
            ensure!(
                !page.is_empty(),
                "the audit log ends after {} entries, and its own checkpoint covers {entries}",
                tree.size()
            );
            for row in page {
                ensure!(row.leaf_index == i64::try_from(tree.size())?, "the audit log has a gap at entry {}", tree.size());
                tree.append(leaf_hash(&row.leaf));
                if wanted.contains(&tree.size()) {
                    roots.insert(tree.size(), tree.root());
                }
            }
        }
        let whole = newest.is_none_or(|row| roots.get(&entries).is_some_and(|root| root[..] == row.root[..]));
        ensure!(
            whole,
            "the audit log does not give the root of its own newest checkpoint, over {entries} entries: it was altered, and no proof can be built on it"
        );
        Ok(Self { entries, roots })
    }
}
