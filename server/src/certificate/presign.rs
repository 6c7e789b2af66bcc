//! The record of a certificate, durable before anything is signed (promise 5). What a crash leaves behind is a serial number
//! on record that can be revoked, and never a certificate that nobody knows of.

use domain::Holder;
use pki::{Authority, Certificate, PlannedCertificate};

use super::clock::check_clock;
use super::together::{Together, Verdict};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CertificateRow, Housekeeping, StoreError};

/// Records that wait for a commit.
pub type Presigner = Together<CertificateRow>;

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
    check_clock(app, now).await?;
    let row = CertificateRow::planned(&planned, holder, now);
    app.presigner.commit(row.clone(), |rows| put_down(app, rows)).await?;
    Ok(Recorded { planned, row })
}

/// Makes records durable, in one commit. Those that are on record already are left as they are.
///
/// # Errors
/// `store.unique` when a serial number is another certificate's, and when the database cannot be reached.
async fn put_down(app: &App, rows: Vec<CertificateRow>) -> Result<Vec<Verdict>, Failure> {
    match insert(app, rows.iter()).await {
        Err(StoreError::Unique) => {
            let mut read = app.store.read().await?;
            let mut rest = Vec::new();
            for row in &rows {
                match read.certificate(&row.serial()?).await? {
                    Some(known) if known.signed_digest == row.signed_digest => {}
                    Some(_) => return Err(StoreError::Unique.into()),
                    None => rest.push(row),
                }
            }
            drop(read);
            if !rest.is_empty() {
                insert(app, rest.into_iter()).await?;
            }
        }
        done => done?,
    }
    Ok(rows.iter().map(|_| Ok(())).collect())
}

async fn insert<'a>(app: &App, rows: impl Iterator<Item = &'a CertificateRow>) -> Result<(), StoreError> {
    let mut tx = app.store.write().await?;
    for row in rows {
        tx.insert_certificate(row).await?;
    }
    tx.commit_housekeeping(Housekeeping::Presign).await
}
