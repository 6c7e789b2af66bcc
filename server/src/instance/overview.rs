use api::Operation;
use api::audit::{AuditView, ListAudit};
use api::instance::{AccountCount, DayCount, Overview, ShowOverview};
use api::job::{JobView, ListJobs};
use api::key::{KeyView, ListKeys};
use domain::{AccountState, Day, KeyState, Tier};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::key::view::view;
use crate::stats::services::Services;
use crate::stats::tally::{self, Accounts, whole};
use crate::stats::window::Window;
use crate::store::{Ended, JobRow, Read};

/// Days of uses when nobody says how many: two months of a sparkline.
const DAYS: u32 = 60;
const MOST_DAYS: u32 = 400;
const JOBS: i64 = 5;
const ENTRIES: i64 = 10;

/// One look at everything, out of one snapshot. Figures are for every role; keys, jobs and audit entries for the roles that may
/// list them.
pub async fn overview(app: &App, caller: &Caller, op: ShowOverview) -> Result<Overview, Failure> {
    let days = op.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Failure::invalid_field("overview.days", "days", format!("an overview has 1 to {MOST_DAYS} days")));
    }
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let accessible = Services::load(&mut read).await?.accessible(now.hk_day()).count();
    Ok(Overview {
        instance: app.instance.clone(),
        environment: app.environment,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: now,
        accounts: accounts(&mut read).await?,
        parties: whole(read.active_parties().await?)?,
        services: accessible as u64,
        uses: whole(read.uses_in_all().await?)?,
        uses_per_day: uses_per_day(&mut read, days).await?,
        keys: keys(&mut read, caller).await?,
        jobs: jobs(&mut read, caller).await?,
        audit: audit(&mut read, caller).await?,
    })
}

/// Everything on record, whenever it happened and whenever it was recorded.
const ALWAYS: Window = Window { from: Day::MIN, to: Day::MAX, known_at: Day::MAX };

/// Out of the counters, which are few however many accounts there are; those that are suspended have an index.
async fn accounts(read: &mut Read) -> Result<Vec<AccountCount>, Failure> {
    let extent = read.account_extent().await?;
    let counted = Accounts::count(read, &ALWAYS, extent).await?;
    let mut accounts = Vec::new();
    for tier in Tier::ALL.iter().copied() {
        let suspended = read.suspended_accounts(tier).await?;
        let active = counted.of_tier(tier) - suspended;
        for (state, count) in
            [(AccountState::Active, active), (AccountState::Suspended, suspended), (AccountState::Closed, counted.closed(tier))]
        {
            accounts.push(AccountCount { tier, state, count: whole(count)? });
        }
    }
    Ok(accounts)
}

/// The last days up to the last one with a use.
async fn uses_per_day(read: &mut Read, days: u32) -> Result<Vec<DayCount>, Failure> {
    let extent = read.usage_extent().await?;
    let tail = read.usage_tail().await?;
    let last = extent.map(|extent| extent.last_event).into_iter().chain(tail.map(|tail| tail.last_event)).max();
    let Some(last) = last else { return Ok(Vec::new()) };
    let back = i32::try_from(days).unwrap_or(i32::MAX) - 1;
    let window = Window { from: last.plus_days(-back), to: last, known_at: Day::MAX };
    let uses = tally::requests_by_day(read, &window, Ended::Completed).await?;
    let mut counts = Vec::new();
    for number in window.from.number()..=window.to.number() {
        let day = Day::from_number(number);
        counts.push(DayCount { day, count: whole(uses.get(&day).copied().unwrap_or(0))? });
    }
    Ok(counts)
}

fn may<O: Operation>(caller: &Caller) -> bool {
    O::ROLES.iter().any(|role| caller.has(*role))
}

async fn keys(read: &mut Read, caller: &Caller) -> Result<Vec<KeyView>, Failure> {
    if !may::<ListKeys>(caller) {
        return Ok(Vec::new());
    }
    let views = read.keys(None, None).await?.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    Ok(views.into_iter().filter(|key| key.state != KeyState::Retired).collect())
}

async fn jobs(read: &mut Read, caller: &Caller) -> Result<Vec<JobView>, Failure> {
    if !may::<ListJobs>(caller) {
        return Ok(Vec::new());
    }
    Ok(read.jobs(None, None, JOBS).await?.into_iter().map(JobRow::view).collect::<Result<_, _>>()?)
}

async fn audit(read: &mut Read, caller: &Caller) -> Result<Vec<AuditView>, Failure> {
    if !may::<ListAudit>(caller) {
        return Ok(Vec::new());
    }
    Ok(read.audit_list(&ListAudit::default(), None, ENTRIES).await?)
}
