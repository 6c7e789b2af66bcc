use std::collections::BTreeMap;
use std::fmt::Debug;

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
