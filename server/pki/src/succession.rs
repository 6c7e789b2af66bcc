//! How one checkpoint key follows another: signed notes that whoever trusts a key can follow, and which keys somebody trusts who
//! began with one of them. `server/AUDIT-FORMAT.md`, sections 5 and 6, is the specification.

use domain::Timestamp;

use crate::checkpoint::{Checkpoint, NoteSignature, NoteSigner, SignedNote, VerifierKey, sign_note};
use crate::error::PkiError;

const NOTE: &str = "the announcement";

/// How the old key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// It announces the new one, and signs no more once that one has taken over.
    Announced,
    /// Somebody else has it, or may have: the new one says since when nothing that it signs counts.
    Revoked,
}

impl Parting {
    const fn word(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Revoked => "revoked",
        }
    }
}

/// One key follows another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// How the old key goes.
    pub parting: Parting,
    /// The key that goes.
    pub old: VerifierKey,
    /// The key that comes.
    pub new: VerifierKey,
    /// Leaves that the newest checkpoint covers at that moment.
    pub size: u64,
    /// That moment.
    pub at: Timestamp,
}

impl Succession {
    /// The text that is signed, with its last line feed. Its first line is the origin of no log: it cannot be taken for a
    /// checkpoint.
    #[must_use]
    pub fn body(&self) -> String {
        let Self { parting, old, new, size, at } = self;
        format!("{}/succession\n{}\n{old}\n{new}\n{size}\n{at}\n", self.new.name(), parting.word())
    }

    /// The signed note: an announcement by both keys, a revocation by the new one alone.
    ///
    /// # Errors
    /// When OpenSSL fails, or a signer is not the key that the note names.
    pub fn sign(&self, old: Option<NoteSigner>, new: NoteSigner) -> Result<String, PkiError> {
        let signers: Vec<NoteSigner> = std::iter::once(new).chain(old).collect();
        let wanted = self.signers();
        if signers.len() != wanted.len() || !signers.iter().all(|signer| wanted.contains(&signer.verifier())) {
            return Err(PkiError::unfit(NOTE, "it is to be signed by other keys"));
        }
        sign_note(&self.body(), &signers)
    }

    /// Reads a note and verifies its signatures by the keys that it names itself: whether one of those is trusted is another
    /// question.
    ///
    /// # Errors
    /// When it is none, or a signature is missing or wrong.
    pub fn open(note: &str) -> Result<Self, PkiError> {
        let note = SignedNote::parse(note)?;
        let read = Self::parse_body(&note.text)?;
        read.signers().into_iter().try_for_each(|key| note.verify(key))?;
        Ok(read)
    }

    fn signers(&self) -> Vec<&VerifierKey> {
        match self.parting {
            Parting::Announced => vec![&self.new, &self.old],
            Parting::Revoked => vec![&self.new],
        }
    }

    fn parse_body(text: &str) -> Result<Self, PkiError> {
        let bad = |why: &str| PkiError::malformed(NOTE, why);
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let [origin, parting, old, new, size, at, ..] = lines[..] else { return Err(bad("it has fewer than six lines")) };
        let parting = match parting {
            "announced" => Parting::Announced,
            "revoked" => Parting::Revoked,
            _ => return Err(bad("it neither announces nor revokes")),
        };
        let (old, new): (VerifierKey, VerifierKey) = (old.parse()?, new.parse()?);
        if origin != format!("{}/succession", new.name()) || old.name() != new.name() || old == new {
            return Err(bad("it is not of one key after another of one log"));
        }
        let canonical = size.parse::<u64>().ok().filter(|parsed| parsed.to_string() == size);
        let size = canonical.ok_or_else(|| bad("its tree size is not a plain decimal number"))?;
        let at = at.parse().map_err(|_| bad("its time is none"))?;
        Ok(Self { parting, old, new, size, at })
    }
}

/// A key that counts.
#[derive(Clone, Debug)]
struct Trusted {
    key: VerifierKey,
    /// Set when it was revoked: nothing that it signs over more leaves counts.
    until: Option<u64>,
}

/// Which keys count for somebody who trusts one of them, as far as the notes show.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: Vec<Trusted>,
    /// Every note that counts by itself, whoever signed it.
    notes: Vec<Succession>,
    joined: bool,
    read: usize,
}

/// What a checkpoint is to somebody.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Signed by a key that counts.
    Good(Checkpoint),
    /// A checkpoint of this log that no key that counts has signed, and why.
    Unsigned(PkiError),
    /// None, or one with a wrong signature.
    Bad(PkiError),
}

impl Trust {
    /// Begins with one key.
    #[must_use]
    pub fn new(vkey: VerifierKey) -> Self {
        Self { keys: vec![Trusted { key: vkey, until: None }], notes: Vec::new(), joined: false, read: 0 }
    }

    /// The key that it began with.
    fn first(&self) -> &VerifierKey {
        &self.keys[0].key
    }

    /// Follows the notes, in their order, each once: `notes` is all of them that are known, those that were taken in before
    /// included. One that is none, or that nobody has signed who counts at its turn, changes nothing.
    pub fn follow<S: AsRef<str>>(&mut self, notes: &[S]) {
        for note in notes.iter().skip(self.read) {
            self.read += 1;
            if let Ok(succession) = Succession::open(note.as_ref()) {
                self.notes.push(succession.clone());
                self.take_in(succession);
            }
        }
    }

    fn take_in(&mut self, Succession { parting, old, new, size, .. }: Succession) {
        // The key that somebody came in with was not the log's first: what was signed before its time is covered by what it
        // signs itself.
        self.joined |= new == *self.first();
        let place = |keys: &[Trusted], key: &VerifierKey| keys.iter().position(|trusted| trusted.key == *key);
        match (parting, place(&self.keys, &old), place(&self.keys, &new)) {
            (Parting::Announced, Some(old), None) if self.keys[old].until.is_none() => {
                self.keys.push(Trusted { key: new, until: None });
            }
            (Parting::Revoked, Some(old), Some(_)) => {
                let until = &mut self.keys[old].until;
                *until = Some(until.map_or(size, |until| until.min(size)));
            }
            _ => {}
        }
    }

    /// Reads a checkpoint that the auditor kept themselves. It can only find fault, so that the keys before the trusted ones
    /// may have signed it as well.
    pub(crate) fn open_kept(&self, note: &str) -> Opened {
        let mut wider = self.clone();
        for succession in self.notes.iter().rev() {
            let known = |key: &VerifierKey| wider.keys.iter().any(|trusted| trusted.key == *key);
            if known(&succession.new) && !known(&succession.old) {
                wider.keys.push(Trusted { key: succession.old.clone(), until: None });
            }
        }
        wider.open(note)
    }

    /// Whether checkpoints that no trusted key has signed are passed over until one comes that a trusted key has signed.
    pub(crate) fn joined_later(&self) -> bool {
        self.joined
    }

    /// Reads a checkpoint and verifies it by the keys that count.
    pub(crate) fn open(&self, note: &str) -> Opened {
        let note = match SignedNote::parse(note) {
            Ok(note) => note,
            Err(fault) => return Opened::Bad(fault),
        };
        let ours: Vec<&Trusted> =
            self.keys.iter().filter(|trusted| note.signatures.iter().any(|line| line.is_by(&trusted.key))).collect();
        if let Some(fault) = ours.iter().find_map(|trusted| note.verify(&trusted.key).err()) {
            return Opened::Bad(fault);
        }
        let checkpoint = match Checkpoint::parse_body(&note.text) {
            Ok(checkpoint) if checkpoint.origin == self.first().name() => checkpoint,
            Ok(_) if ours.is_empty() => return Opened::Bad(self.unsigned(&note)),
            Ok(_) => {
                return Opened::Bad(PkiError::unfit("the checkpoint", "its origin is not the name of the key that signed it"));
            }
            // What nobody has signed who counts need not be a checkpoint either.
            Err(_) if ours.is_empty() => return Opened::Bad(self.unsigned(&note)),
            Err(fault) => return Opened::Bad(fault),
        };
        if ours.iter().any(|trusted| trusted.until.is_none_or(|until| checkpoint.size <= until)) {
            return Opened::Good(checkpoint);
        }
        Opened::Unsigned(match ours.first() {
            None => self.unsigned(&note),
            Some(revoked) => {
                let until = revoked.until.unwrap_or_default();
                let why =
                    format!("it is signed by {} alone, which was revoked when the log had {until} leaves", revoked.key.short());
                PkiError::unfit("the signed note", why)
            }
        })
    }

    /// Why a note counts for nothing: it names the key that signed it instead.
    fn unsigned(&self, note: &SignedNote) -> PkiError {
        let name = self.first().name();
        let stranger = note.signatures.iter().find(|line| line.name == name);
        let why = match stranger {
            None => format!("it carries no signature by {name}"),
            Some(line) => {
                let hint = self.by_its_own_word(line);
                format!("it is signed by {name}+{}, which no trusted key has announced{hint}", crate::text::hex(&line.key_id))
            }
        };
        PkiError::unfit("the signed note", why)
    }

    /// After a compromise the new key is not announced by the old one: anybody can say that they follow it.
    fn by_its_own_word(&self, line: &NoteSignature) -> String {
        let revoked = |note: &&Succession| {
            note.parting == Parting::Revoked && line.is_by(&note.new) && self.keys.iter().any(|trusted| trusted.key == note.old)
        };
        self.notes.iter().find(revoked).map_or_else(String::new, |note| {
            format!(
                "; by its own word it follows {}, revoked when the log had {} leaves: whether that is so only the office can say, which has to give you its new verifier key by another way than this log",
                note.old.short(),
                note.size
            )
        })
    }
}

#[cfg(test)]
mod tests;
