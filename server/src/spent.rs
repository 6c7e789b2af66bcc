//! What can be used once: ids of client assertions and of proofs of possession. An id is spent before anything else is done with
//! its request, and stays so whatever becomes of that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{Refusal, Timestamp};
use openssl::sha::Sha256;

use crate::app::App;
use crate::certificate::together::{Together, Verdict};
use crate::failure::Failure;
use crate::store::{Housekeeping, SpentRow};

/// Ids that wait to be spent.
pub type Spender = Together<SpentRow>;

/// For how long an id is remembered after it could have been used: nodes whose clocks differ agree on it.
const MARGIN: Duration = Duration::from_mins(10);
/// Rows forgotten in one transaction.
const SWEPT: i64 = 5_000;

/// What was used: ids of one kind never stand for those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once<'a> {
    /// A client assertion, by client.
    Assertion {
        /// The client's id.
        client: &'a str,
    },
    /// A proof of possession, by key.
    Proof {
        /// RFC 7638 thumbprint of the key.
        key: &'a str,
    },
}

impl Once<'_> {
    /// SHA-256 over kind, owner and id, each with its length, so that no two of them read alike.
    fn digest(self, jti: &str) -> [u8; 32] {
        let (kind, whose) = match self {
            Self::Assertion { client } => ("assertion", client),
            Self::Proof { key } => ("proof", key),
        };
        let mut digest = Sha256::new();
        for part in [kind, whose, jti] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finish()
    }
}

/// Spends an id, which is good until `expires_at` at most. Those who come at once share a commit, and each hears of its own.
///
/// # Errors
/// `proof.replayed` for every use but the first; when the database cannot be reached, and then the id may be spent or not.
pub async fn spend(app: &Arc<App>, once: Once<'_>, jti: &str, expires_at: Timestamp) -> Result<(), Failure> {
    let row = SpentRow { digest: once.digest(jti), expires_at: expires_at.micros() };
    let app = Arc::clone(app);
    // On a task of its own: were it to end with the connection of whoever came, after its commit, those whom it took along would
    // come again and find their ids spent.
    let spent = tokio::spawn(async move { app.spender.commit(row, |rows| put_down(&app, rows)).await });
    spent.await.map_err(anyhow::Error::from)?
}

/// Writes ids down, and says of each whether it was the first.
async fn put_down(app: &App, rows: Vec<SpentRow>) -> Result<Vec<Verdict>, Failure> {
    let mut wanted: Vec<SpentRow> = rows.clone();
    // In one order on every node: two of these transactions never wait for each other.
    wanted.sort_unstable_by_key(|row| row.digest);
    wanted.dedup_by_key(|row| row.digest);
    // Of several that go in by several statements all do or none.
    let mut tx = if wanted.len() == 1 { app.store.write_once().await? } else { app.store.write().await? };
    let mut fresh: HashSet<[u8; 32]> = tx.insert_spent(&wanted).await?.into_iter().collect();
    tx.commit_housekeeping(Housekeeping::Asked).await?;
    // Of several that came at once with the same id, the first.
    Ok(rows.iter().map(|row| if fresh.remove(&row.digest) { Ok(()) } else { Err(replayed().into()) }).collect())
}

fn replayed() -> Refusal {
    Refusal::new("proof.replayed", "this proof or assertion was used before")
        .hint("make another one for each request, with an id of its own")
}

/// Forgets ids, and requests that clients have pushed, that cannot be used any more.
///
/// # Errors
/// When the database cannot be reached.
pub async fn sweep(app: &App) -> Result<(), Failure> {
    let before = app.clock.now().minus(MARGIN);
    loop {
        let mut tx = app.store.write().await?;
        let swept = tx.sweep_spent(before, SWEPT).await? + tx.sweep_pushed_requests(before, SWEPT).await?;
        if swept == 0 {
            tx.rollback().await?;
            return Ok(());
        }
        tx.commit_housekeeping(Housekeeping::Sweep).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_uses_read_alike() {
        let client = |client| Once::Assertion { client };
        let digests = [
            client("a").digest("b"),
            client("ab").digest(""),
            client("").digest("ab"),
            client("a").digest("c"),
            Once::Proof { key: "a" }.digest("b"),
        ];
        let different: HashSet<_> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
        assert_eq!(client("a").digest("b"), client("a").digest("b"));
    }
}
