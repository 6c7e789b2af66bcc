use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use domain::{Day, Month};

use super::users::marked;
use crate::keys::Keys;
use crate::store::{Store, StoreError};

/// A counter that does not say what a recount says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which table.
    pub table: &'static str,
    /// Which row.
    pub key: String,
    /// What it says; none when there is no such row.
    pub counted: Option<i64>,
    /// What it must say.
    pub recounted: Option<i64>,
}

/// Counts every raw event again and compares. Nothing comes back when all is well. Reads the whole of the event tables: for
/// tests and for doubt, not for every day.
///
/// # Errors
/// When the database cannot be reached.
pub async fn recount(store: &Store) -> Result<Vec<Difference>, StoreError> {
    let mut read = store.read().await?;
    let mut differences = Vec::new();
    let recounted = read.recount_usage().await?;
    compare("usage_daily", &read.usage_daily().await?, &recounted, &mut differences);
    let mut monthly = BTreeMap::new();
    for (key, count) in recounted {
        *monthly.entry(key.monthly()).or_default() += count;
    }
    compare("usage_monthly", &read.usage_monthly().await?, &monthly, &mut differences);

    let recounted = read.recount_account_events().await?;
    compare("account_daily", &read.account_daily().await?, &recounted, &mut differences);
    let mut monthly = BTreeMap::new();
    for (key, count) in recounted {
        *monthly.entry(key.monthly()).or_default() += count;
    }
    compare("account_monthly", &read.account_monthly().await?, &monthly, &mut differences);

    let recounted = read.recount_people().await?;
    compare("account_person_daily", &read.person_daily().await?, &recounted, &mut differences);
    let mut monthly = BTreeMap::new();
    for (key, count) in recounted {
        *monthly.entry(key.monthly()).or_default() += count;
    }
    compare("account_person_monthly", &read.person_monthly().await?, &monthly, &mut differences);
    Ok(differences)
}

/// Looks at every raw use of an account again, and compares with the people who are counted and marked month by month. Reads the
/// whole of the raw uses, as [`recount`] does.
///
/// # Errors
/// When the database cannot be reached, or a month's marks do not open.
pub async fn recount_users(store: &Store, keys: &Keys) -> Result<Vec<Difference>, StoreError> {
    let mut read = store.read().await?;
    let mut months: BTreeSet<i32> = read.usage_monthly().await?.into_keys().map(|key| key.event).collect();
    months.extend(read.users_by_month(Month::MIN, Month::MAX, Day::MAX).await?.into_iter().map(|row| row.number));
    let mut differences = Vec::new();
    for month in months.into_iter().map(Month::from_number) {
        let by_day = |rows: Vec<crate::store::NumberRow>| rows.into_iter().map(|row| ((month, row.number), row.count)).collect();
        let recounted: BTreeMap<(Month, i32), i64> = by_day(read.recount_users(month).await?);
        compare("usage_users_daily", &by_day(read.users_by_recorded_day(month).await?), &recounted, &mut differences);
        let marks = BTreeMap::from([(month, marked(&mut read, keys, month).await?)]);
        compare("usage_month_users", &marks, &BTreeMap::from([(month, recounted.values().sum())]), &mut differences);
    }
    Ok(differences)
}

fn compare<K: Ord + Debug>(
    table: &'static str,
    counted: &BTreeMap<K, i64>,
    recounted: &BTreeMap<K, i64>,
    differences: &mut Vec<Difference>,
) {
    let missing = recounted.iter().filter(|(key, _)| !counted.contains_key(key)).map(|(key, _)| key);
    for key in counted.keys().chain(missing) {
        let (counted, recounted) = (counted.get(key).copied(), recounted.get(key).copied());
        if counted != recounted {
            differences.push(Difference { table, key: format!("{key:?}"), counted, recounted });
        }
    }
}
