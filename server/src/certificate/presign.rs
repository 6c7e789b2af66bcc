//! The record of a certificate, durable before anything is signed (promise 5). What a crash leaves behind is a serial number
//! on record that can be revoked, and never a certificate that nobody knows of.

use std::sync::{Mutex, PoisonError};

use domain::Holder;
use pki::{Authority, Certificate, PlannedCertificate};
use tokio::sync::oneshot;

use super::clock::check_clock;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CertificateRow, Housekeeping, StoreError};

/// Records of one commit.
const MOST: usize = 500;

/// Records that wait for a commit. Those who come while one is under way share the next: a commit is as dear for one as for
/// many.
#[derive(Default)]
pub struct Presigner {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    row: CertificateRow,
    done: oneshot::Sender<()>,
}

/// A planned certificate whose record is durable: it may be signed.
#[derive(Debug)]
pub struct Recorded {
    planned: PlannedCertificate,
    row: CertificateRow,
}

impl Recorded {
    /// Lets the authority sign; the row is to be confirmed in the operation's own transaction.
    ///
    /// # Errors
    /// When the key does not answer, or what it made does not verify.
    pub fn sign(&self, authority: &Authority) -> anyhow::Result<(Certificate, CertificateRow)> {
        let certificate = authority.sign(&self.planned)?;
        let row = self.row.signed(&certificate);
        Ok((certificate, row))
    }
}

/// Puts a planned certificate on record and waits until that is durable.
///
/// # Errors
/// `clock.doubted`, and when the database cannot be reached; then nothing was signed and nothing will be.
pub async fn record(app: &App, planned: PlannedCertificate, holder: &Holder) -> Result<Recorded, Failure> {
    let now = app.clock.now();
    check_clock(app, &mut app.store.read().await?, now).await?;
    let row = CertificateRow::planned(&planned, holder, now);
    loop {
        let (done, mut told) = oneshot::channel();
        app.presigner.lock().push(Waiting { row: row.clone(), done });
        let _turn = app.presigner.turn.lock().await;
        match told.try_recv() {
            // Whoever had the turn before took this one along.
            Ok(()) => return Ok(Recorded { planned, row }),
            // Whoever took it along went away, or failed for a reason that may be another's: once more, on one's own account.
            Err(oneshot::error::TryRecvError::Closed) => {}
            Err(oneshot::error::TryRecvError::Empty) => {
                let batch = app.presigner.take(&row);
                match put_down(app, batch.iter().map(|waiting| &waiting.row)).await {
                    Err(StoreError::Unique) => put_down_the_rest(app, &batch).await?,
                    done => done?,
                }
                for waiting in batch {
                    let _ = waiting.done.send(());
                }
                return Ok(Recorded { planned, row });
            }
        }
    }
}

/// Makes records durable, in one commit.
async fn put_down<'a>(app: &App, rows: impl Iterator<Item = &'a CertificateRow>) -> Result<(), StoreError> {
    let mut tx = app.store.write().await?;
    for row in rows {
        tx.insert_certificate(row).await?;
    }
    tx.commit_housekeeping(Housekeeping::Presign).await
}

/// Puts down what is not on record yet: whoever had the turn before may have gone away after its commit, and told nobody whom it
/// had taken along.
///
/// # Errors
/// [`StoreError::Unique`] when a serial number is another certificate's.
async fn put_down_the_rest(app: &App, batch: &[Waiting]) -> Result<(), StoreError> {
    let mut read = app.store.read().await?;
    let mut rest = Vec::new();
    for waiting in batch {
        match read.certificate(&waiting.row.serial()?).await? {
            Some(known) if known.signed_digest == waiting.row.signed_digest => {}
            Some(_) => return Err(StoreError::Unique),
            None => rest.push(&waiting.row),
        }
    }
    drop(read);
    if rest.is_empty() { Ok(()) } else { put_down(app, rest.into_iter()).await }
}

impl Presigner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The own record and those of others, the oldest first. Of those who went away nothing is kept.
    fn take(&self, own: &CertificateRow) -> Vec<Waiting> {
        let mut all = self.lock();
        all.retain(|waiting| !waiting.done.is_closed());
        let own = all.iter().position(|waiting| waiting.row.serial == own.serial);
        let mut batch: Vec<Waiting> = own.map(|at| all.remove(at)).into_iter().collect();
        let others = all.len().min(MOST - 1);
        batch.extend(all.drain(..others));
        batch
    }
}
