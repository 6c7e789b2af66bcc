//! Whether a relying party is ready for a new key: what is known of the key sets that it has seen, and who counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{KeyPurpose, Kid, OperatorId, Timestamp};

words! {
    /// How it is known that a party has seen a key set.
    pub enum Attribution, "attribution of a key set" {
        /// It was fetched from the address of one of the party's clients, which is given to that client alone.
        OwnAddress = 1 => "own-address",
        /// Whoever fetched it showed a certificate of the party.
        Certificate = 2 => "certificate",
        /// An operator has noted the party's word.
        Acknowledgement = 3 => "acknowledgement",
    }
}

words! {
    /// What a party is for a new key.
    pub enum Verdict, "readiness" {
        /// Each system of the party that is known has seen the new key.
        Ready = 1 => "ready",
        /// A system of the party has last seen a key set without it.
        NotReady = 2 => "not-ready",
        /// No key set is known that the party has seen. It counts as not ready.
        Unknown = 3 => "unknown",
        /// It has no credential in use, logs nobody in, and does not count.
        NoCredential = 4 => "no-credential",
        /// None of its services is accessible: it does not count.
        NoService = 5 => "no-service",
    }
}

impl Verdict {
    /// Whether the party counts: what it does not know, it would refuse.
    pub const fn counts(self) -> bool {
        matches!(self, Verdict::Ready | Verdict::NotReady | Verdict::Unknown)
    }

    /// Whether the new key waits for it.
    pub const fn is_awaited(self) -> bool {
        matches!(self, Verdict::NotReady | Verdict::Unknown)
    }
}

/// The newest key set that one system of a party is known to have seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// Whose address it was fetched from, `<rp>.<service>`; none where the party as a whole is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How it is known.
    pub how: Attribution,
    /// When.
    pub at: Timestamp,
    /// The keys in the set.
    pub kids: Vec<Kid>,
    /// Who noted the party's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_to: Option<OperatorId>,
}

/// What counts of a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyFacts {
    /// Services that are accessible.
    pub services: u64,
    /// Credentials in use.
    pub credentials: u64,
    /// What its systems have seen, in any order.
    pub sightings: Vec<Sighting>,
}

impl PartyFacts {
    /// What the party is for these keys. Before they are published, `kids` is empty and nobody can know them.
    ///
    /// Each client that was ever seen at its own address is a system of its own, and so is whoever comes with a certificate: a
    /// party is ready when all of them are. Its word covers whatever it was seen to do before.
    pub fn verdict(&self, purpose: KeyPurpose, kids: &[Kid]) -> Verdict {
        if self.services == 0 {
            return Verdict::NoService;
        }
        if self.credentials == 0 {
            return Verdict::NoCredential;
        }
        if purpose != KeyPurpose::TokenSigning {
            // Relying parties meet none of the others in a key set.
            return Verdict::Ready;
        }
        if self.sightings.is_empty() {
            return Verdict::Unknown;
        }
        if !kids.is_empty() && self.lagging(kids).next().is_none() { Verdict::Ready } else { Verdict::NotReady }
    }

    /// The newest key set that the party is known to have seen, of all its systems.
    pub fn last(&self) -> Option<&Sighting> {
        self.sightings.iter().max_by_key(|sighting| sighting.at)
    }

    /// The systems whose newest key set lacks one of these keys. A word that names them covers what was seen before it; one that
    /// does not is of an earlier rotation, and says something only where nothing else is known.
    fn lagging<'a>(&'a self, kids: &'a [Kid]) -> impl Iterator<Item = &'a Sighting> {
        let knows = move |one: &Sighting| kids.iter().all(|kid| one.kids.contains(kid));
        let is_word = |one: &Sighting| one.how == Attribution::Acknowledgement;
        let covered = self.sightings.iter().filter(|one| is_word(one) && knows(one)).map(|one| one.at).max();
        let only_words = self.sightings.iter().all(is_word);
        self.sightings.iter().filter(move |one| {
            let counts = only_words || !is_word(one);
            counts && !knows(one) && covered.is_none_or(|word| one.at > word)
        })
    }

    /// What would break were the new key to take over now, in words.
    pub fn what_breaks(&self, verdict: Verdict, kids: &[Kid]) -> String {
        match verdict {
            Verdict::Ready => "nothing".to_owned(),
            Verdict::NoCredential => "nothing: it has no credential and logs nobody in".to_owned(),
            Verdict::NoService => "nothing: none of its services is accessible".to_owned(),
            Verdict::Unknown => "not known: it was never seen to fetch the key set".to_owned(),
            Verdict::NotReady => {
                let everybody = kids.is_empty().then_some(&self.sightings).into_iter().flatten();
                let names: Vec<&str> = everybody.chain(self.lagging(kids)).filter_map(|one| one.client.as_deref()).collect();
                let who = if names.is_empty() { "it".to_owned() } else { names.join(", ") };
                format!("{who} would refuse our tokens until the key set is fetched again")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(minute * 60_000_000)
    }

    fn kids(names: &[&str]) -> Vec<Kid> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn seen(how: Attribution, client: Option<&str>, minute: i64, names: &[&str]) -> Sighting {
        let said_to = (how == Attribution::Acknowledgement).then(|| "key-officer-1".parse().unwrap());
        Sighting { client: client.map(str::to_owned), how, at: at(minute), kids: kids(names), said_to }
    }

    fn own(client: &str, minute: i64, names: &[&str]) -> Sighting {
        seen(Attribution::OwnAddress, Some(client), minute, names)
    }

    fn party(sightings: Vec<Sighting>) -> PartyFacts {
        PartyFacts { services: 2, credentials: 1, sightings }
    }

    fn verdict(sightings: Vec<Sighting>) -> Verdict {
        party(sightings).verdict(KeyPurpose::TokenSigning, &kids(&["new"]))
    }

    #[test]
    fn who_is_ready_and_who_counts() {
        let word = |minute, names| seen(Attribution::Acknowledgement, None, minute, names);
        let certificate = |minute, names| seen(Attribution::Certificate, None, minute, names);
        for (sightings, expected) in [
            (vec![], Verdict::Unknown),
            (vec![own("a.one", 1, &["old"])], Verdict::NotReady),
            (vec![own("a.one", 1, &["old", "new"])], Verdict::Ready),
            (vec![certificate(1, &["old", "new"])], Verdict::Ready),
            (vec![word(1, &["old", "new"])], Verdict::Ready),
            // One of its systems lags behind, whichever.
            (vec![own("a.one", 2, &["old", "new"]), own("a.two", 1, &["old"])], Verdict::NotReady),
            (vec![own("a.one", 1, &["old"]), own("a.two", 2, &["old", "new"])], Verdict::NotReady),
            (vec![own("a.one", 2, &["old", "new"]), certificate(1, &["old"])], Verdict::NotReady),
            // Its word covers what it was seen to do before, and nothing of what it is seen to do afterwards.
            (vec![own("a.one", 1, &["old"]), word(2, &["old", "new"])], Verdict::Ready),
            (vec![own("a.one", 3, &["old"]), word(2, &["old", "new"])], Verdict::NotReady),
            (vec![own("a.one", 3, &["old"]), own("a.two", 1, &["old"]), word(2, &["old", "new"])], Verdict::NotReady),
            (vec![own("a.one", 3, &["old", "new"]), own("a.two", 1, &["old"]), word(2, &["old", "new"])], Verdict::Ready),
        ] {
            assert_eq!(verdict(sightings.clone()), expected, "{sightings:?}");
        }
    }

    #[test]
    fn the_word_for_an_earlier_rotation_says_nothing_about_this_one() {
        let word = seen(Attribution::Acknowledgement, None, 2, &["older", "old"]);
        assert_eq!(verdict(vec![word.clone()]), Verdict::NotReady);
        assert_eq!(verdict(vec![word.clone(), own("a.one", 3, &["old", "new"])]), Verdict::Ready);
        let lags = own("a.two", 1, &["old"]);
        assert_eq!(verdict(vec![word, own("a.one", 3, &["old", "new"]), lags]), Verdict::NotReady);
    }

    #[test]
    fn who_cannot_break_does_not_count() {
        let nothing = party(vec![]);
        for (facts, expected) in [
            (PartyFacts { services: 0, ..nothing.clone() }, Verdict::NoService),
            (PartyFacts { credentials: 0, ..nothing.clone() }, Verdict::NoCredential),
            (PartyFacts { credentials: 0, services: 0, ..nothing.clone() }, Verdict::NoService),
        ] {
            let verdict = facts.verdict(KeyPurpose::TokenSigning, &kids(&["new"]));
            assert_eq!((verdict, verdict.counts(), verdict.is_awaited()), (expected, false, false));
            assert!(facts.what_breaks(verdict, &[]).starts_with("nothing"));
        }
        assert!(Verdict::Ready.counts() && !Verdict::Ready.is_awaited());
        assert!(Verdict::Unknown.is_awaited() && Verdict::NotReady.is_awaited());
        assert_eq!(nothing.verdict(KeyPurpose::Audit, &[]), Verdict::Ready, "no relying party sees a checkpoint key in a JWKS");
    }

    #[test]
    fn before_a_key_is_published_nobody_knows_it() {
        let facts = party(vec![own("a.one", 1, &["old"])]);
        assert_eq!(facts.verdict(KeyPurpose::TokenSigning, &[]), Verdict::NotReady);
        assert_eq!(facts.what_breaks(Verdict::NotReady, &[]), "a.one would refuse our tokens until the key set is fetched again");
    }

    #[test]
    fn what_breaks_names_the_systems_that_lag_behind() {
        let facts = party(vec![own("a.one", 2, &["old", "new"]), own("a.two", 1, &["old"])]);
        assert_eq!(
            facts.what_breaks(Verdict::NotReady, &kids(&["new"])),
            "a.two would refuse our tokens until the key set is fetched again"
        );
        assert_eq!(facts.last().unwrap().client.as_deref(), Some("a.one"));
    }
}
