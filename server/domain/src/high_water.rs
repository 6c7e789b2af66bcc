//! How far an instance has come, and whether a database is behind what was seen of it.
//!
//! Two things only ever grow: the leaves of the audit tree, and the number of each authority's revocation list (RFC 5280, 5.2.3).
//! A database that has fewer than somebody has seen is an older copy, however good it looks.

use std::collections::BTreeMap;
use std::fmt;

/// How far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HighWater {
    /// Leaves of the audit tree that a checkpoint covers.
    pub entries: u64,
    /// Number of the newest revocation list, by the authority's NAME; none for one that has published none.
    pub lists: BTreeMap<String, u64>,
}

/// What is missing. Its `Display` is a fragment: "the log has 90 of the 112 entries seen".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Entries there are, and entries seen; none when they are all there.
    pub entries: Option<(u64, u64)>,
    /// Authority, its list's number here (none for no list at all), and the number seen.
    pub lists: Vec<(String, Option<u64>, u64)>,
}

impl HighWater {
    /// What this lacks of what was seen elsewhere; none when it has come as far, or farther.
    pub fn behind(&self, seen: &Self) -> Option<Behind> {
        let entries = (self.entries < seen.entries).then_some((self.entries, seen.entries));
        let lists: Vec<_> = seen
            .lists
            .iter()
            .map(|(authority, seen)| (authority.clone(), self.lists.get(authority).copied(), *seen))
            .filter(|(_, here, seen)| here.is_none_or(|here| here < *seen))
            .collect();
        (entries.is_some() || !lists.is_empty()).then_some(Behind { entries, lists })
    }

    /// The farther of both in each part.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.entries = self.entries.max(other.entries);
        for (authority, number) in &other.lists {
            let here = self.lists.entry(authority.clone()).or_default();
            *here = (*here).max(*number);
        }
        self
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some((here, seen)) = self.entries {
            parts.push(format!("the audit log has {here} of the {seen} entries seen"));
        }
        for (authority, here, seen) in &self.lists {
            parts.push(match here {
                None => format!("{authority} has no revocation list, and number {seen} was seen"),
                Some(here) => format!("the revocation list of {authority} has number {here}, and {seen} was seen"),
            });
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(entries: u64, lists: &[(&str, u64)]) -> HighWater {
        HighWater { entries, lists: lists.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect() }
    }

    #[test]
    fn what_was_seen_and_is_not_there_is_named() {
        let seen = at(112, &[("operators-1", 7), ("servers-1", 3)]);
        for (here, expected) in [
            (at(112, &[("operators-1", 7), ("servers-1", 3)]), None),
            (at(400, &[("operators-1", 9), ("servers-1", 3), ("root-1", 1)]), None),
            (at(90, &[("operators-1", 7), ("servers-1", 3)]), Some("the audit log has 90 of the 112 entries seen")),
            (
                at(113, &[("operators-1", 6), ("servers-1", 3)]),
                Some("the revocation list of operators-1 has number 6, and 7 was seen"),
            ),
            (at(112, &[("operators-1", 7)]), Some("servers-1 has no revocation list, and number 3 was seen")),
            (
                at(0, &[]),
                Some(
                    "the audit log has 0 of the 112 entries seen; operators-1 has no revocation list, and number 7 was seen; \
                     servers-1 has no revocation list, and number 3 was seen",
                ),
            ),
        ] {
            assert_eq!(here.behind(&seen).map(|behind| behind.to_string()).as_deref(), expected, "{here:?}");
        }
        assert_eq!(at(0, &[]).behind(&at(0, &[])), None);
    }

    #[test]
    fn the_mark_only_rises() {
        let low = at(5, &[("operators-1", 7)]);
        let high = at(9, &[("operators-1", 2), ("servers-1", 1)]);
        let both = low.clone().with(&high);
        assert_eq!(both, at(9, &[("operators-1", 7), ("servers-1", 1)]));
        assert_eq!(high.with(&low), both);
        assert_eq!(both.behind(&low), None);
    }
}
