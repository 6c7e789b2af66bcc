//! Checkpoints of the audit tree: the C2SP formats `tlog-checkpoint` and `signed-note`, Ed25519 only.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openssl::pkey::{Id, PKey};

use crate::error::{Doing, PkiError};
use crate::generate::{KeyKind, PrivateKey, PublicKey};
use crate::merkle::Hash;

/// The signed-note signature type of Ed25519.
const ED25519: u8 = 0x01;
/// Lines beyond this many make a note not worth reading.
const MOST_SIGNATURES: usize = 64;

const NOTE: &str = "the signed note";
const BODY: &str = "the checkpoint";
const VKEY: &str = "the verifier key";

/// What a signer states: the log of this origin has these leaves and this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the log; here always equal to the signer's key name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// RFC 9162 root over them.
    pub root: Hash,
    /// Further lines, none empty. We write none and keep those we read.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// The text that is signed, with its last line feed.
    pub fn body(&self) -> String {
        let mut body = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root));
        for line in &self.extensions {
            body.push_str(line);
            body.push('\n');
        }
        body
    }

    /// Reads a note's text.
    pub fn parse_body(text: &str) -> Result<Self, PkiError> {
        let bad = |why: &str| PkiError::malformed(BODY, why);
        let mut lines = text.strip_suffix('\n').ok_or_else(|| bad("its text does not end in a line feed"))?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or_else(|| bad("its origin is empty"))?;
        let size = lines.next().ok_or_else(|| bad("it has no tree size"))?;
        let root = lines.next().ok_or_else(|| bad("it has no root hash"))?;
        // `u64::from_str` takes a leading plus sign and zeros, which would give one checkpoint several spellings.
        let canonical = size.parse::<u64>().ok().filter(|parsed| parsed.to_string() == size);
        let size = canonical.ok_or_else(|| bad("its tree size is not a plain decimal number"))?;
        let root = BASE64_STANDARD.decode(root).map_err(|_| bad("its root hash is not base64"))?;
        let root = root.try_into().map_err(|_| bad("its root hash does not have 32 bytes"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(bad("it has an empty extension line"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// The signed note.
    pub fn sign(&self, signer: &NoteSigner) -> Result<String, PkiError> {
        signer.sign(&self.body())
    }
}

/// A note as read: its text and the signatures under it, none of them verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// The signed text, with its last line feed.
    pub text: String,
    /// In the order of their lines.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The first four bytes of the key's hash.
    pub key_id: [u8; 4],
    /// What follows them.
    pub signature: Vec<u8>,
}

impl SignedNote {
    /// Reads a note. Errors when its form is off; signatures are not looked at.
    pub fn parse(note: &str) -> Result<Self, PkiError> {
        let bad = |why: &str| PkiError::malformed(NOTE, why);
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(bad("it holds a control character"));
        }
        let border = note.rfind("\n\n").ok_or_else(|| bad("no blank line parts its text from its signatures"))?;
        let (text, lines) = (&note[..=border], &note[border + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| bad("it does not end in a line feed"))?;
        let signatures: Vec<_> = lines.split('\n').take(MOST_SIGNATURES + 1).map(signature_line).collect::<Result<_, _>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(bad("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Whether `key` signed this text. Errors, naming what is missing or wrong, when it did not.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), PkiError> {
        let mut ours = self.signatures.iter().filter(|line| line.name == key.name && line.key_id == key.key_id);
        let Some(line) = ours.next() else {
            return Err(PkiError::unfit(NOTE, format!("it carries no signature by {}", key.name)));
        };
        if ours.next().is_some() {
            return Err(PkiError::malformed(NOTE, "it carries two signatures by one key"));
        }
        if key.public_key()?.verifies(self.text.as_bytes(), &line.signature)? {
            return Ok(());
        }
        Err(PkiError::unfit(NOTE, format!("its signature by {} does not verify", key.name)))
    }
}

fn signature_line(line: &str) -> Result<NoteSignature, PkiError> {
    let bad = || PkiError::malformed(NOTE, "a signature line is not '— NAME BASE64'");
    let (name, encoded) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or_else(bad)?;
    check_name(name, NOTE)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| bad())?;
    match bytes.split_first_chunk::<4>() {
        Some((key_id, signature)) if !signature.is_empty() => {
            Ok(NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
        }
        _ => Err(bad()),
    }
}

/// Reads and verifies a checkpoint: signed by `key`, and of the log that the key is named after.
pub fn open(note: &str, key: &VerifierKey) -> Result<Checkpoint, PkiError> {
    let note = SignedNote::parse(note)?;
    note.verify(key)?;
    let checkpoint = Checkpoint::parse_body(&note.text)?;
    if checkpoint.origin != key.name {
        return Err(PkiError::unfit(BODY, "its origin is not the name of the key that signed it"));
    }
    Ok(checkpoint)
}

/// Who may state checkpoints: a name and an Ed25519 key. Text form `name+hexkeyid+base64(0x01 || key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    public: [u8; 32],
}

impl VerifierKey {
    /// Names a public key. Errors for a name that the format forbids or a key that is not Ed25519.
    pub fn new(name: &str, key: &PublicKey) -> Result<Self, PkiError> {
        if key.kind()? != KeyKind::Ed25519 {
            return Err(PkiError::unfit(VKEY, "it is not an Ed25519 key"));
        }
        let raw = key.pkey().raw_public_key().doing("read the verifier key")?;
        let public = raw.try_into().map_err(|_| PkiError::malformed(VKEY, "the key does not have 32 bytes"))?;
        Self::from_raw(name, public)
    }

    fn from_raw(name: &str, public: [u8; 32]) -> Result<Self, PkiError> {
        check_name(name, VKEY)?;
        Ok(Self { name: name.to_owned(), key_id: key_id(name, &public), public })
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name || 0x0A || 0x01 || key).
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    fn public_key(&self) -> Result<PublicKey, PkiError> {
        PublicKey::from_pkey(PKey::public_key_from_raw_bytes(&self.public, Id::ED25519).doing("read the verifier key")?)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, crate::text::hex(&self.key_id), BASE64_STANDARD.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self, PkiError> {
        let bad = |why: &str| PkiError::malformed(VKEY, why);
        // base64 may hold plus signs, a name may not: only the first two are borders.
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it is not NAME+KEYID+KEY"));
        };
        let typed = BASE64_STANDARD.decode(encoded).map_err(|_| bad("its key is not base64"))?;
        let Some((ED25519, raw)) = typed.split_first().map(|(kind, raw)| (*kind, raw)) else {
            return Err(bad("its key is not of type Ed25519"));
        };
        let public = raw.try_into().map_err(|_| bad("its key does not have 32 bytes"))?;
        let key = Self::from_raw(name, public)?;
        if crate::text::hex(&key.key_id) != id {
            return Err(bad("its key id does not belong to its name and key"));
        }
        Ok(key)
    }
}

/// An Ed25519 key that signs notes under a name.
#[derive(Clone, Debug)]
pub struct NoteSigner {
    verifier: VerifierKey,
    key: PrivateKey,
}

impl NoteSigner {
    /// Names a private key. Errors for a name that the format forbids or a key that is not Ed25519.
    pub fn new(name: &str, key: PrivateKey) -> Result<Self, PkiError> {
        Ok(Self { verifier: VerifierKey::new(name, &key.public()?)?, key })
    }

    /// What others verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which must end in a line feed and hold no other control character.
    pub fn sign(&self, text: &str) -> Result<String, PkiError> {
        if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(PkiError::unfit("the text", "a note's text is lines without control characters"));
        }
        let mut line = self.verifier.key_id.to_vec();
        line.extend_from_slice(&self.key.sign(text.as_bytes())?);
        Ok(format!("{text}\n\u{2014} {} {}\n", self.verifier.name, BASE64_STANDARD.encode(line)))
    }
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut hasher = openssl::sha::Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update(&[b'\n', ED25519]);
    hasher.update(public);
    let [a, b, c, d, ..] = hasher.finish();
    [a, b, c, d]
}

fn check_name(name: &str, what: &'static str) -> Result<(), PkiError> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        return Err(PkiError::malformed(what, "a key name may not be empty or hold spaces, controls or a plus sign"));
    }
    Ok(())
}
