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
        /// Each system of the party is known to have the new key.
        Ready = 1 => "ready",
        /// A system of the party has last seen a key set without it.
        NotReady = 2 => "not-ready",
        /// Of a system of the party nothing is known. It counts as not ready.
        Unknown = 3 => "unknown",
        /// It has no credential in use, logs nobody in, and does not count.
        NoCredential = 4 => "no-credential",
        /// None of its services is accessible: it does not count.
        NoService = 5 => "no-service",
        /// Whether it holds a copy of what is replaced is not recorded: nothing waits for it, and nothing says that it is ready.
        NotTracked = 6 => "not-tracked",
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
    /// Its clients, `<rp>.<service>`, whose services are accessible.
    pub clients: Vec<String>,
    /// Credentials in use.
    pub credentials: u64,
    /// Those of them that are certificates.
    pub certificates: u64,
    /// What its systems have seen, in any order; of systems that are gone as well.
    pub sightings: Vec<Sighting>,
}

/// Who lacks a key.
struct Gaps<'a> {
    /// Known to have a key set without it.
    behind: Vec<&'a str>,
    /// Nothing is known of them.
    unseen: Vec<&'a str>,
}

impl PartyFacts {
    /// What the party is for these keys. Before they are published, `kids` is empty and nobody can know them.
    ///
    /// Each client whose service is accessible is a system of its own, and so is whoever comes with a certificate: a party is ready
    /// when all of them are. Who speaks for whom:
    ///
    /// - A fetch from a client's own address speaks for that client.
    /// - A fetch with a certificate is one system's, for a certificate is the party's and of none of its services. Where there is
    ///   one client it can be no other; among several nobody can say which it was, and it speaks for none of them.
    /// - The party's word speaks for all its clients, and covers whatever they were seen to do before.
    pub fn verdict(&self, purpose: KeyPurpose, kids: &[Kid]) -> Verdict {
        if self.clients.is_empty() {
            return Verdict::NoService;
        }
        if self.credentials == 0 {
            return Verdict::NoCredential;
        }
        match purpose {
            KeyPurpose::TokenSigning => {}
            // A party meets it in a connection, a chain or an answer, and may have pinned it; nobody is told which of them have.
            KeyPurpose::RootCa | KeyPurpose::IssuingCa | KeyPurpose::ServerTls | KeyPurpose::Ocsp | KeyPurpose::TimeStamping => {
                return Verdict::NotTracked;
            }
            // Nothing of these ever reaches a party.
            KeyPurpose::Audit | KeyPurpose::Data | KeyPurpose::BlindIndex | KeyPurpose::Pairwise => return Verdict::Ready,
        }
        let gaps = self.gaps(kids);
        match (gaps.behind.is_empty(), gaps.unseen.is_empty()) {
            (true, true) => Verdict::Ready,
            (true, false) => Verdict::Unknown,
            (false, _) => Verdict::NotReady,
        }
    }

    /// What its systems have seen. A client whose service is not accessible, and whoever came with a certificate where none is good
    /// any more, are none: they can fetch nothing again, and nothing of theirs can break.
    pub fn known(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter().filter(|one| match one.how {
            Attribution::OwnAddress => one.client.as_ref().is_some_and(|client| self.clients.contains(client)),
            Attribution::Certificate => self.certificates > 0,
            Attribution::Acknowledgement => true,
        })
    }

    /// The newest key set that the party is known to have seen, of all its systems.
    pub fn last(&self) -> Option<&Sighting> {
        self.known().max_by_key(|sighting| sighting.at)
    }

    /// The systems that are not known to have each of these keys. A word that names them covers what was seen before it; one that
    /// does not is of an earlier rotation, and says something only of a client of which nothing else is known.
    fn gaps(&self, kids: &[Kid]) -> Gaps<'_> {
        let of = |how: Attribution| self.known().find(|one| one.how == how);
        let knows = |one: &Sighting| !kids.is_empty() && kids.iter().all(|kid| one.kids.contains(kid));
        let (word, certificate) = (of(Attribution::Acknowledgement), of(Attribution::Certificate));
        let covered = word.filter(|one| knows(one)).map(|one| one.at);
        let lags = |one: &Sighting| !knows(one) && covered.is_none_or(|word| one.at > word);
        let mut gaps = Gaps { behind: Vec::new(), unseen: Vec::new() };
        let mut stands_in = false;
        for client in &self.clients {
            let own = self.known().find(|one| one.client.as_ref() == Some(client));
            let seen = own.or_else(|| certificate.filter(|_| self.clients.len() == 1));
            stands_in |= own.is_none() && seen.is_some();
            match (seen, word) {
                (Some(seen), _) if lags(seen) => gaps.behind.push(client),
                (None, Some(_)) if covered.is_none() => gaps.behind.push(client),
                (None, None) => gaps.unseen.push(client),
                (Some(_), _) | (None, Some(_)) => {}
            }
        }
        if certificate.is_some_and(lags) && !stands_in {
            gaps.behind.push("whoever fetches it with the party's certificate");
        }
        gaps
    }

    /// What would break were the new key to take over now, in words.
    pub fn what_breaks(&self, verdict: Verdict, kids: &[Kid]) -> String {
        match verdict {
            Verdict::Ready => "nothing".to_owned(),
            Verdict::NoCredential => "nothing: it has no credential and logs nobody in".to_owned(),
            Verdict::NoService => "nothing: none of its services is accessible".to_owned(),
            Verdict::NotTracked => "not tracked: whether it has pinned our certificate is not recorded; ask it".to_owned(),
            Verdict::NotReady | Verdict::Unknown => {
                let Gaps { behind, unseen } = self.gaps(kids);
                let would = format!("{} would refuse our tokens until the key set is fetched again", behind.join(", "));
                let were = if unseen.len() == 1 { "was" } else { "were" };
                let unknown = format!("not known: {} {were} never seen to fetch the key set", unseen.join(", "));
                let told = [(behind, would), (unseen, unknown)];
                let told: Vec<String> = told.into_iter().filter(|(who, _)| !who.is_empty()).map(|(_, words)| words).collect();
                told.join("; ")
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
        let clients = vec!["a.one".to_owned(), "a.two".to_owned()];
        PartyFacts { clients, credentials: 2, certificates: 1, sightings }
    }

    fn verdict(sightings: Vec<Sighting>) -> Verdict {
        party(sightings).verdict(KeyPurpose::TokenSigning, &kids(&["new"]))
    }

    const OLD: &[&str] = &["old"];
    const BOTH: &[&str] = &["old", "new"];

    fn word(minute: i64, names: &[&str]) -> Sighting {
        seen(Attribution::Acknowledgement, None, minute, names)
    }

    fn certificate(minute: i64, names: &[&str]) -> Sighting {
        seen(Attribution::Certificate, None, minute, names)
    }

    #[test]
    fn a_party_is_ready_when_each_of_its_systems_is() {
        for (sightings, expected) in [
            (vec![], Verdict::Unknown),
            (vec![own("a.one", 1, OLD), own("a.two", 1, OLD)], Verdict::NotReady),
            (vec![own("a.one", 1, BOTH), own("a.two", 1, BOTH)], Verdict::Ready),
            (vec![word(1, BOTH)], Verdict::Ready),
            // A client that was never seen is one of its systems all the same.
            (vec![own("a.one", 1, BOTH)], Verdict::Unknown),
            (vec![own("a.two", 1, BOTH)], Verdict::Unknown),
            (vec![own("a.one", 1, OLD)], Verdict::NotReady),
            // Which of two it was that came with the certificate, nobody can say.
            (vec![certificate(1, BOTH)], Verdict::Unknown),
            (vec![certificate(1, OLD)], Verdict::NotReady),
            (vec![certificate(1, BOTH), own("a.one", 1, BOTH)], Verdict::Unknown),
            // One of its systems lags behind, whichever.
            (vec![own("a.one", 2, BOTH), own("a.two", 1, OLD)], Verdict::NotReady),
            (vec![own("a.one", 1, OLD), own("a.two", 2, BOTH)], Verdict::NotReady),
            (vec![own("a.one", 2, BOTH), own("a.two", 2, BOTH), certificate(1, OLD)], Verdict::NotReady),
            // Its word covers what it was seen to do before, and nothing of what it is seen to do afterwards.
            (vec![own("a.one", 1, OLD), word(2, BOTH)], Verdict::Ready),
            (vec![certificate(1, OLD), word(2, BOTH)], Verdict::Ready),
            (vec![own("a.one", 3, OLD), word(2, BOTH)], Verdict::NotReady),
            (vec![own("a.one", 3, OLD), own("a.two", 1, OLD), word(2, BOTH)], Verdict::NotReady),
            (vec![own("a.one", 3, BOTH), own("a.two", 1, OLD), word(2, BOTH)], Verdict::Ready),
            // Of a service that left the manifest, or is suspended, nothing can break, and nothing is known by it.
            (vec![own("a.gone", 1, OLD), own("a.one", 1, BOTH), own("a.two", 1, BOTH)], Verdict::Ready),
            (vec![own("a.gone", 1, OLD)], Verdict::Unknown),
            (vec![own("a.gone", 1, BOTH)], Verdict::Unknown),
        ] {
            assert_eq!(verdict(sightings.clone()), expected, "{sightings:?}");
        }
    }

    #[test]
    fn where_there_is_one_client_a_certificate_can_be_no_others() {
        for (sightings, expected) in [
            (vec![], Verdict::Unknown),
            (vec![certificate(1, BOTH)], Verdict::Ready),
            (vec![certificate(1, OLD)], Verdict::NotReady),
            (vec![certificate(1, OLD), own("a.one", 2, BOTH)], Verdict::NotReady),
            (vec![certificate(2, BOTH), own("a.one", 1, OLD)], Verdict::NotReady),
        ] {
            let one = PartyFacts { clients: vec!["a.one".to_owned()], ..party(sightings.clone()) };
            assert_eq!(one.verdict(KeyPurpose::TokenSigning, &kids(&["new"])), expected, "{sightings:?}");
            // Once no certificate is good any more, nobody comes with one.
            let over = PartyFacts { certificates: 0, ..one };
            let own: Vec<Sighting> = sightings.into_iter().filter(|one| one.how == Attribution::OwnAddress).collect();
            let without = PartyFacts { sightings: own, ..over.clone() };
            let verdict = |facts: &PartyFacts| facts.verdict(KeyPurpose::TokenSigning, &kids(&["new"]));
            assert_eq!((verdict(&over), over.last()), (verdict(&without), without.last()));
        }
    }

    #[test]
    fn the_word_for_an_earlier_rotation_says_nothing_about_this_one() {
        let word = word(2, &["older", "old"]);
        assert_eq!(verdict(vec![word.clone()]), Verdict::NotReady);
        assert_eq!(verdict(vec![word.clone(), own("a.one", 3, BOTH)]), Verdict::NotReady, "all that is known of a.two");
        assert_eq!(verdict(vec![word.clone(), own("a.one", 3, BOTH), own("a.two", 1, BOTH)]), Verdict::Ready);
        assert_eq!(verdict(vec![word, own("a.one", 3, BOTH), own("a.two", 1, OLD)]), Verdict::NotReady);
    }

    #[test]
    fn who_cannot_break_does_not_count() {
        let nothing = party(vec![]);
        for (facts, expected) in [
            (PartyFacts { clients: vec![], ..nothing.clone() }, Verdict::NoService),
            (PartyFacts { credentials: 0, ..nothing.clone() }, Verdict::NoCredential),
            (PartyFacts { credentials: 0, clients: vec![], ..nothing.clone() }, Verdict::NoService),
        ] {
            let verdict = facts.verdict(KeyPurpose::TokenSigning, &kids(&["new"]));
            assert_eq!((verdict, verdict.counts(), verdict.is_awaited()), (expected, false, false));
            assert!(facts.what_breaks(verdict, &[]).starts_with("nothing"));
        }
        assert!(Verdict::Ready.counts() && !Verdict::Ready.is_awaited());
        assert!(Verdict::Unknown.is_awaited() && Verdict::NotReady.is_awaited());
    }

    #[test]
    fn of_which_purposes_anything_is_known() {
        let facts = party(vec![own("a.one", 1, BOTH), own("a.two", 1, BOTH)]);
        for purpose in KeyPurpose::ALL.iter().copied() {
            let expected = match purpose {
                KeyPurpose::TokenSigning
                | KeyPurpose::Audit
                | KeyPurpose::Data
                | KeyPurpose::BlindIndex
                | KeyPurpose::Pairwise => Verdict::Ready,
                _ => Verdict::NotTracked,
            };
            assert_eq!(facts.verdict(purpose, &kids(&["new"])), expected, "{purpose}");
            let nobody = PartyFacts { credentials: 0, ..facts.clone() };
            assert_eq!(nobody.verdict(purpose, &kids(&["new"])), Verdict::NoCredential, "{purpose}");
        }
        assert!(!Verdict::NotTracked.counts() && !Verdict::NotTracked.is_awaited(), "it holds nothing back");
        assert!(facts.what_breaks(Verdict::NotTracked, &[]).starts_with("not tracked: "));
    }

    #[test]
    fn before_a_key_is_published_nobody_knows_it() {
        let facts = party(vec![own("a.one", 1, OLD), own("a.two", 1, OLD)]);
        assert_eq!(facts.verdict(KeyPurpose::TokenSigning, &[]), Verdict::NotReady);
        assert_eq!(
            facts.what_breaks(Verdict::NotReady, &[]),
            "a.one, a.two would refuse our tokens until the key set is fetched again"
        );
        assert_eq!(party(vec![]).verdict(KeyPurpose::TokenSigning, &[]), Verdict::Unknown);
    }

    #[test]
    fn what_breaks_names_each_system() {
        let breaks = |sightings: Vec<Sighting>| {
            let (facts, new) = (party(sightings), kids(&["new"]));
            facts.what_breaks(facts.verdict(KeyPurpose::TokenSigning, &new), &new)
        };
        let lags = |who: &str| format!("{who} would refuse our tokens until the key set is fetched again");
        assert_eq!(breaks(vec![own("a.one", 2, BOTH), own("a.two", 1, OLD)]), lags("a.two"));
        assert_eq!(breaks(vec![own("a.one", 2, BOTH)]), "not known: a.two was never seen to fetch the key set");
        assert_eq!(breaks(vec![]), "not known: a.one, a.two were never seen to fetch the key set");
        assert_eq!(breaks(vec![own("a.one", 2, OLD)]), lags("a.one") + "; not known: a.two was never seen to fetch the key set");
        assert_eq!(
            breaks(vec![own("a.one", 2, BOTH), own("a.two", 2, BOTH), certificate(1, OLD)]),
            lags("whoever fetches it with the party's certificate")
        );
        let facts = party(vec![own("a.one", 2, BOTH), own("a.two", 1, OLD), own("a.gone", 3, BOTH)]);
        assert_eq!(facts.last().unwrap().client.as_deref(), Some("a.one"));
    }
}
