//! The job that loads a population: its parties, its accounts, its uses, batch by batch. Each batch goes the way that an
//! operator's file or a citizen's use goes, in one transaction that also says where to go on.

use std::sync::Arc;

use api::sandbox::Populate;
use domain::population::{Accounts, Plan, Position, Scale, SyntheticUse, Uses};
use domain::{Manifest, OperatorId, Refusal, Timestamp, spaced};
use openssl::sha::Sha256;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::people::People;
use super::surroundings::{codes, invalid, surroundings};
use crate::account::seal::Sealer;
use crate::app::App;
use crate::failure::Failure;
use crate::job::run::{Advance, Next};
use crate::keys::hex;
use crate::relying_party::apply::apply_manifests;
use crate::relying_party::check::check;
use crate::store::{Batch, JobRow, StoreError, UsageRow, Write};
use crate::usage::users::Seen;
use crate::usage::{Pseudonyms, Use};

/// Accounts of one transaction. Their look-up values are random, and each page of an index is written once a transaction:
/// with 1.3 million accounts a batch of 5 000 writes three times as much.
const ACCOUNTS: usize = 40_000;
/// Uses of one transaction.
const USES: usize = 100_000;

/// When a synthetic event counts as recorded: at its own moment, so that the sandbox looks as if it had been there all along
/// and `--known-at` means something in its history.
pub(super) fn recorded_at(at: Timestamp) -> Timestamp {
    at
}

/// How far a load is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Progress {
    /// Whether the parties have joined.
    parties: bool,
    /// Accounts that are there.
    accounts: u64,
    /// Ordinal of the first of them.
    first: i64,
    /// Uses that are there.
    uses: u64,
    /// Where the next one stands.
    position: Position,
}

impl Progress {
    fn of(row: &JobRow) -> anyhow::Result<Self> {
        match row.progress.as_str() {
            "" => Ok(Self::default()),
            progress => Ok(serde_json::from_str(progress)?),
        }
    }
}

/// How many accounts a load has made so far.
pub(super) fn accounts_made(row: &JobRow) -> anyhow::Result<u64> {
    Ok(Progress::of(row)?.accounts)
}

/// A load under way.
pub(crate) struct Populating {
    plan: Arc<Plan>,
    manifests: Vec<Manifest>,
    operator: OperatorId,
    progress: Progress,
    accounts: Option<Accounts<Arc<Plan>>>,
    /// People of the next batch.
    people: Option<People>,
    uses: Option<Making>,
}

/// Uses being made, and the codes of their services.
struct Making {
    uses: Uses<Arc<Plan>>,
    codes: Vec<i32>,
}

impl Populating {
    /// Takes a load up where it stands.
    ///
    /// # Errors
    /// When the population does not fit the instance any more.
    pub(crate) async fn take_up(app: &App, row: &JobRow, payload: &str) -> Result<Self, Failure> {
        let asked: Populate = serde_json::from_str(payload).map_err(anyhow::Error::from)?;
        let progress = Progress::of(row)?;
        let scale = Scale::new(asked.scale)?;
        let surroundings = surroundings(&mut app.store.read().await?).await?;
        let manifests = asked.population.manifests();
        let plan = tokio::task::spawn_blocking(move || Plan::new(&asked.population, scale, asked.seed, &surroundings));
        let plan = Arc::new(plan.await.map_err(anyhow::Error::from)?.map_err(invalid)?);
        let operator = row.operator.parse().map_err(anyhow::Error::from)?;
        Ok(Self { plan, manifests, operator, progress, accounts: None, people: None, uses: None })
    }

    /// Makes ready what the next batch needs, before its transaction begins: nobody waits for the writer meanwhile.
    ///
    /// # Errors
    /// When the database cannot be reached, or a service is gone.
    pub(crate) async fn prepare(&mut self, app: &App) -> Result<(), Failure> {
        if !self.progress.parties {
            return Ok(());
        }
        if self.progress.accounts < self.plan.totals.made() {
            self.people = Some(self.next_people(app).await?);
        } else if self.uses.is_none() {
            self.accounts = None;
            self.uses = Some(self.make_uses(app).await?);
        }
        Ok(())
    }

    /// The next batch.
    ///
    /// # Errors
    /// When the database cannot be reached, or what is there stands in the way.
    pub(crate) async fn batch(&mut self, app: &App, tx: &mut Write) -> Result<Advance, Failure> {
        let facts = if !self.progress.parties {
            self.parties(app, tx).await?
        } else if self.progress.accounts < self.plan.totals.made() {
            self.accounts(app, tx).await?
        } else {
            self.uses(app, tx).await?
        };
        let total = self.plan.totals.made() + self.plan.events();
        let done = self.progress.accounts + self.progress.uses;
        Ok(Advance {
            progress: serde_json::to_string(&self.progress).map_err(anyhow::Error::from)?,
            done,
            total,
            message: self.message(),
            facts,
            next: if done < total { Next::Batch } else { Next::Nothing },
        })
    }

    fn message(&self) -> String {
        let Progress { accounts, uses, .. } = self.progress;
        let totals = &self.plan.totals;
        if accounts < totals.made() {
            return format!("{} of {} accounts", spaced(accounts), spaced(totals.made()));
        }
        if uses < self.plan.events() {
            return format!("{} accounts, {} of {} uses", spaced(accounts), spaced(uses), spaced(self.plan.events()));
        }
        format!(
            "{} accounts (of which {} plus, {} suspended), {} closed ones, {} uses of {} services up to {}",
            spaced(totals.registered),
            spaced(totals.plus),
            spaced(totals.suspended),
            spaced(totals.closed),
            spaced(self.plan.completed_uses()),
            self.plan.services.len(),
            self.plan.as_at
        )
    }

    async fn parties(&mut self, app: &App, tx: &mut Write) -> Result<serde_json::Value, Failure> {
        let manifests = check(app.environment, std::mem::take(&mut self.manifests))?;
        let applied = apply_manifests(app, tx, &manifests, &self.operator).await?;
        // Services whose uses were on record before they were themselves would be in no figure as known then.
        tx.backdate_services().await?;
        self.progress.parties = true;
        Ok(json!({ "part": "parties", "rows": applied.len() }))
    }

    async fn next_people(&mut self, app: &App) -> Result<People, Failure> {
        let mut accounts = match self.accounts.take() {
            Some(accounts) => accounts,
            None => accounts_from(&self.plan, self.progress.accounts).await?,
        };
        let lives = accounts.by_ref().take(ACCOUNTS).collect();
        self.accounts = Some(accounts);
        People::prepare(&self.plan, &app.keys, app.entropy.as_ref(), app.clock.now(), lives).await
    }

    async fn accounts(&mut self, app: &App, tx: &mut Write) -> Result<serde_json::Value, Failure> {
        let people = self.people.take().ok_or_else(|| anyhow::anyhow!("no people were made ready"))?;
        let keys = app.keys.as_ref();
        let done = self.progress.accounts;
        let first = tx.begin_registering().await?;
        if done == 0 {
            self.progress.first = first;
        }
        let unlocked = keys.as_of(tx).await?;
        let batch = Batch::of(&unlocked, self.operator.as_str());
        let sealer = Sealer::new(keys, unlocked).map_err(anyhow::Error::from)?;
        let made = tx.insert_accounts(first, &batch, people.sealed(&self.plan, sealer)).await.map_err(somebody_is_there)?;
        tx.account_events_folded(&people.events).await?;
        self.progress.accounts += made;
        if made != people.len() as u64 {
            return Err(anyhow::anyhow!("{made} accounts were stored, {} were made", people.len()).into());
        }
        Ok(json!({ "part": "accounts", "rows": made, "from": done, "digest": people.digest() }))
    }

    async fn uses(&mut self, app: &App, tx: &mut Write) -> Result<serde_json::Value, Failure> {
        let Some(making) = &mut self.uses else { return Err(anyhow::anyhow!("no uses were made ready").into()) };
        let from = self.progress.uses;
        let first = self.progress.first;
        let mut pseudonyms = Pseudonyms::new(&app.keys);
        let mut digest = Sha256::new();
        let mut seen = Seen::default();
        let Making { uses, codes } = making;
        let rows = uses.by_ref().take(USES).map(|made| {
            let row = row(&made, first, codes, &mut pseudonyms)?;
            add_to(&mut digest, &row);
            seen.take(&row);
            Ok(row)
        });
        let made = tx.insert_uses_folded(rows).await?;
        seen.mark(tx, &app.keys).await?;
        self.progress.uses += made;
        self.progress.position = uses.reached();
        Ok(json!({ "part": "uses", "rows": made, "from": from, "digest": hex(&digest.finish()) }))
    }

    async fn make_uses(&self, app: &App) -> Result<Making, Failure> {
        let known = codes(&mut app.store.read().await?).await?;
        let code = |client| {
            let code = known.get(client).copied();
            code.ok_or_else(|| Failure::not_found("service", client))
        };
        let codes = self.plan.services.iter().map(|service| code(&service.client)).collect::<Result<_, _>>()?;
        let (plan, position) = (Arc::clone(&self.plan), self.progress.position);
        let uses = tokio::task::spawn_blocking(move || Uses::from(plan, position)).await.map_err(anyhow::Error::from)?;
        Ok(Making { uses, codes })
    }
}

/// The plan's accounts behind those that are there. These are drawn again, for chance goes on from where it was; a million of
/// them take longer than anything else may wait for this thread.
async fn accounts_from(plan: &Arc<Plan>, there: u64) -> Result<Accounts<Arc<Plan>>, Failure> {
    let there = usize::try_from(there).map_err(anyhow::Error::from)?;
    let plan = Arc::clone(plan);
    let drawn = tokio::task::spawn_blocking(move || {
        let mut accounts = Accounts::of(plan);
        if let Some(last) = there.checked_sub(1) {
            accounts.nth(last);
        }
        accounts
    });
    Ok(drawn.await.map_err(anyhow::Error::from)?)
}

/// The population's people differ among themselves: who stands in their way was registered by hand meanwhile.
fn somebody_is_there(error: StoreError) -> Failure {
    match error {
        StoreError::Unique => {
            Refusal::new("population.taken", "a card number of the population was registered by hand meanwhile")
                .hint("begin with a fresh sandbox, and register people by hand when the population is loaded")
                .into()
        }
        other => other.into(),
    }
}

/// A use by the same form as one of a moment.
fn row(made: &SyntheticUse, first: i64, codes: &[i32], pseudonyms: &mut Pseudonyms<'_>) -> Result<UsageRow, StoreError> {
    let used = Use {
        service: codes[made.service],
        function: made.function,
        tier: made.tier,
        channel: made.channel,
        outcome: made.outcome,
        at: made.at,
        // In place of the account's own ordinal: people who differ here differ there, and a pseudonym says no more.
        ordinal: first + i64::from(made.account),
    };
    used.row(pseudonyms, recorded_at(made.at)).map_err(|error| StoreError::Broken(error.into()))
}

fn add_to(digest: &mut Sha256, row: &UsageRow) {
    let mut bytes = [0; 28];
    bytes[..4].copy_from_slice(&row.service.to_be_bytes());
    bytes[4..6].copy_from_slice(&row.function.to_be_bytes());
    bytes[6..8].copy_from_slice(&row.tier.to_be_bytes());
    bytes[8..10].copy_from_slice(&row.channel.to_be_bytes());
    bytes[10..12].copy_from_slice(&row.outcome.to_be_bytes());
    bytes[12..20].copy_from_slice(&row.at.to_be_bytes());
    bytes[20..].copy_from_slice(&row.pseudonym.to_be_bytes());
    digest.update(&bytes);
}
