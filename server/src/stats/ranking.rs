//! The frequently used services, in order. Equal uses, equal rank; nobody who shares the last rank is left out.

/// A service at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked<T> {
    /// 1-based.
    pub rank: u32,
    /// Its id, by which equals stand in order.
    pub id: String,
    /// What is shown of it.
    pub shown: T,
    /// Completed uses.
    pub uses: u64,
}

/// The first `limit` ranks out of `(id, shown, uses)`. Services without a use are not frequently used.
pub fn rank<T>(services: impl IntoIterator<Item = (String, T, u64)>, limit: u32) -> Vec<Ranked<T>> {
    let mut used: Vec<(String, T, u64)> = services.into_iter().filter(|(_, _, uses)| *uses > 0).collect();
    used.sort_unstable_by(|one, other| other.2.cmp(&one.2).then_with(|| one.0.cmp(&other.0)));
    let mut ranked: Vec<Ranked<T>> = Vec::new();
    for (place, (id, shown, uses)) in (1_u32..).zip(used) {
        let rank = match ranked.last() {
            Some(last) if last.uses == uses => last.rank,
            _ => place,
        };
        if rank > limit {
            break;
        }
        ranked.push(Ranked { rank, id, shown, uses });
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(limit: u32) -> Vec<(u32, String)> {
        let uses = [("ehealth", 50), ("etax", 90), ("gas", 7), ("electricity", 7), ("post", 7), ("unused", 0), ("water", 3)];
        let services = uses.into_iter().map(|(id, uses)| (id.to_owned(), (), uses));
        rank(services, limit).into_iter().map(|ranked| (ranked.rank, ranked.id)).collect()
    }

    #[test]
    fn ties_share_a_rank_and_stay_together() {
        let named = |place: u32, id: &str| (place, id.to_owned());
        let three = [named(1, "etax"), named(2, "ehealth"), named(3, "electricity"), named(3, "gas"), named(3, "post")];
        assert_eq!(ranks(3), three);
        assert_eq!(ranks(2), three[..2]);
        assert_eq!(ranks(6).last(), Some(&named(6, "water")));
        assert_eq!(ranks(100).len(), 6, "what was never used is not frequently used");
    }
}
