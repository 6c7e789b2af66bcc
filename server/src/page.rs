//! Pages by keyset.

/// What to go on behind: the last row's key, where the page is full.
pub fn next<T>(rows: &[T], limit: i64, key: impl Fn(&T) -> String) -> Option<String> {
    let full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
    rows.last().filter(|_| full).map(key)
}
