//! The audit log as it is read for an export or a verification, while it grows: every leaf the server has, and checkpoints
//! that were signed no earlier than the leaves before them were read.
//!
//! Invariant: reading ends where the server has no further leaf, never where a checkpoint ends. Whoever has the database can
//! put entries behind the last checkpoint, or take the last checkpoints away.

use api::Operation;
use api::audit::{CheckpointView, ExportAudit, ListCheckpoints, Unplaced, UnsealedAudit};

/// Leaves and checkpoints asked for at a time.
pub const BATCH: u32 = 5_000;

/// Something that calls operations.
pub trait Calls {
    /// What stands between a call and its reply.
    type Error;

    /// Calls an operation.
    fn call<O: Operation>(&self, op: &O) -> impl Future<Output = Result<O::Reply, Self::Error>>;
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// How one verifier key followed another: all that is known by now, oldest first. It comes before the checkpoints that need
    /// it.
    Announcements(Vec<String>),
    /// Checkpoints that cover more than those before them.
    Checkpoints(Vec<CheckpointView>),
    /// Leaves in the order of the tree.
    Leaves(Vec<String>),
}

/// A reading under way. Memory holds the checkpoints' notes of one answer and one page of leaves.
pub struct Reading<'a, C> {
    caller: &'a C,
    vkey: String,
    announcements: Vec<String>,
    root: String,
    told: usize,
    known: Vec<CheckpointView>,
    held: Option<Vec<String>>,
    next: u64,
    tree_size: u64,
    amiss: Option<String>,
    quarantined: u64,
}

impl<'a, C: Calls> Reading<'a, C> {
    /// Begins: the checkpoints that there are come first.
    ///
    /// # Errors
    /// Whatever stands between a call and its reply.
    pub async fn begin(caller: &'a C) -> Result<Self, C::Error> {
        let mut reading = Self {
            caller,
            vkey: String::new(),
            announcements: Vec::new(),
            root: String::new(),
            told: 0,
            known: Vec::new(),
            held: None,
            next: 0,
            tree_size: 0,
            amiss: None,
            quarantined: 0,
        };
        reading.known = reading.newer_checkpoints().await?;
        Ok(reading)
    }

    /// The log's own verifier key.
    #[must_use]
    pub fn vkey(&self) -> &str {
        &self.vkey
    }

    /// How one verifier key followed another, as far as it is known by now.
    #[must_use]
    pub fn announcements(&self) -> &[String] {
        &self.announcements
    }

    /// What time stamps of checkpoints are verified with: the certificate of the instance's root, PEM.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Leaves that the newest known checkpoint covers.
    #[must_use]
    pub fn tree_size(&self) -> u64 {
        self.tree_size
    }

    /// What keeps the server from sealing any further entry, as it last said; none while nothing does.
    #[must_use]
    pub fn amiss(&self) -> Option<&str> {
        self.amiss.as_deref()
    }

    /// Entries that no node of the instance has written, and that are set aside.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        self.quarantined
    }

    /// The next part; none at the end.
    ///
    /// # Errors
    /// Whatever stands between a call and its reply.
    pub async fn next(&mut self) -> Result<Option<Part>, C::Error> {
        if self.announcements.len() > self.told {
            self.told = self.announcements.len();
            return Ok(Some(Part::Announcements(self.announcements.clone())));
        }
        if !self.known.is_empty() {
            return Ok(Some(Part::Checkpoints(std::mem::take(&mut self.known))));
        }
        if let Some(leaves) = self.held.take() {
            return Ok(Some(Part::Leaves(leaves)));
        }
        let page = self.caller.call(&ExportAudit { from: self.next, limit: BATCH }).await?;
        if page.leaves.is_empty() {
            return Ok(None);
        }
        // By the place of the last leaf, not by their number: where one is missing, none comes twice.
        self.next = page.next.filter(|next| *next > self.next).unwrap_or(self.next + page.leaves.len() as u64);
        if self.next > self.tree_size {
            // A leaf gets its place and its checkpoint in one transaction, so one that was read is covered by a checkpoint
            // that can be read now.
            let newer = self.newer_checkpoints().await?;
            if !newer.is_empty() || self.announcements.len() > self.told {
                self.held = Some(page.leaves);
                self.known = newer;
                return Box::pin(self.next()).await;
            }
        }
        Ok(Some(Part::Leaves(page.leaves)))
    }

    async fn newer_checkpoints(&mut self) -> Result<Vec<CheckpointView>, C::Error> {
        let mut newer = Vec::new();
        loop {
            let page = self.caller.call(&ListCheckpoints { after: self.tree_size, limit: BATCH }).await?;
            self.vkey = page.vkey;
            self.announcements = page.announcements;
            self.root = page.root;
            self.amiss = page.amiss;
            self.quarantined = page.quarantined;
            let last = page.checkpoints.last().map_or(self.tree_size, |last| last.tree_size);
            newer.extend(page.checkpoints);
            let further = page.next.is_some() && last > self.tree_size;
            self.tree_size = self.tree_size.max(last);
            if !further {
                return Ok(newer);
            }
        }
    }
}

/// Every entry that has no place in the tree.
///
/// # Errors
/// Whatever stands between a call and its reply.
pub async fn unplaced<C: Calls>(caller: &C, which: Unplaced) -> Result<Vec<String>, C::Error> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = caller.call(&UnsealedAudit { which, after }).await?;
        all.extend(page.leaves);
        match page.next {
            Some(next) if after.is_none_or(|after| next > after) => after = Some(next),
            _ => return Ok(all),
        }
    }
}
