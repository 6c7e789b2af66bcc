//! Checkpoints of the audit tree: the C2SP formats `tlog-checkpoint` and `signed-note`, Ed25519 only.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openssl::pkey::{Id, PKey};

use crate::error::{Doing, PkiError};
use crate::generate::{KeyKind, PublicKey};
use crate::merkle::Hash;
use crate::signer::{SignatureScheme, Signer};

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

    /// The note with a signature of each, while one key hands over to another.
    pub fn sign_by(&self, signers: &[NoteSigner]) -> Result<String, PkiError> {
        sign_note(&self.body(), signers)
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

impl NoteSignature {
    /// Whether it says that this key made it.
    pub(crate) fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.key_id == key.key_id
    }
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
        let mut ours = self.signatures.iter().filter(|line| line.is_by(key));
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

    /// Its name and key id: enough for people to tell keys apart.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{}+{}", self.name, crate::text::hex(&self.key_id))
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
    key: Arc<dyn Signer>,
}

impl NoteSigner {
    /// Names a key. Errors for a name that the format forbids or a key that is not Ed25519.
    pub fn new(name: &str, key: impl Into<Arc<dyn Signer>>) -> Result<Self, PkiError> {
        let key = key.into();
        Ok(Self { verifier: VerifierKey::new(name, &key.public_key()?)?, key })
    }

    /// What others verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which must end in a line feed and hold no other control character.
    pub fn sign(&self, text: &str) -> Result<String, PkiError> {
        sign_note(text, std::slice::from_ref(self))
    }

    fn line(&self, text: &str) -> Result<String, PkiError> {
        let mut line = self.verifier.key_id.to_vec();
        line.extend_from_slice(&self.key.sign_with(SignatureScheme::Ed25519, text.as_bytes())?);
        Ok(format!("\u{2014} {} {}\n", self.verifier.name, BASE64_STANDARD.encode(line)))
    }
}

/// A note over a text, which must end in a line feed and hold no other control character, with a signature of each.
pub fn sign_note(text: &str, signers: &[NoteSigner]) -> Result<String, PkiError> {
    if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(PkiError::unfit("the text", "a note's text is lines without control characters"));
    }
    let lines = signers.iter().map(|signer| signer.line(text)).collect::<Result<String, PkiError>>()?;
    Ok(format!("{text}\n{lines}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::PrivateKey;

    const ORIGIN: &str = "demo.iam.example/audit";
    const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PROBLEM: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer() -> NoteSigner {
        NoteSigner::new(ORIGIN, PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap()
    }

    /// The example in the documentation of golang.org/x/mod/sumdb/note, where the format comes from.
    #[test]
    fn a_note_of_the_original_implementation_verifies() {
        let key: VerifierKey = NEUMANN.parse().unwrap();
        assert_eq!((key.name(), key.key_id()), ("PeterNeumann", [0xc7, 0x4f, 0x20, 0xa3]));
        assert_eq!(key.to_string(), NEUMANN);
        let note = SignedNote::parse(PROBLEM).unwrap();
        assert!(note.text.ends_with("problem is.\n"));
        note.verify(&key).unwrap();
        let altered = SignedNote::parse(&PROBLEM.replace("answer", "Answer")).unwrap();
        assert!(altered.verify(&key).is_err());
    }

    #[test]
    fn a_checkpoint_has_the_published_form() {
        let checkpoint = Checkpoint::new(ORIGIN, 20_852_163, crate::merkle::empty_root());
        let body = "demo.iam.example/audit\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        assert_eq!(checkpoint.body(), body);
        let signer = signer();
        let note = checkpoint.sign(&signer).unwrap();
        let start = format!("{body}\n\u{2014} demo.iam.example/audit ");
        let encoded = note.strip_prefix(&start).unwrap().strip_suffix('\n').unwrap();
        let line = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!((line.len(), &line[..4]), (68, &signer.verifier().key_id()[..]));
        assert_eq!(open(&note, signer.verifier()).unwrap(), checkpoint);
    }

    #[test]
    fn the_key_id_and_the_verifier_key_have_the_published_form() {
        let signer = signer();
        let raw = signer.key.public_key().unwrap().pkey().raw_public_key().unwrap();
        let hashed = [ORIGIN.as_bytes(), &[0x0a, 0x01], &raw].concat();
        assert_eq!(signer.verifier().key_id(), openssl::sha::sha256(&hashed)[..4]);
        let text = signer.verifier().to_string();
        let typed = BASE64_STANDARD.encode([&[1], &raw[..]].concat());
        assert_eq!(text, format!("{ORIGIN}+{}+{typed}", crate::text::hex(&signer.verifier().key_id())));
        assert_eq!(text.parse::<VerifierKey>().unwrap(), *signer.verifier());
        assert_eq!(format!("{text}\n").parse::<VerifierKey>().unwrap(), *signer.verifier());
    }

    #[test]
    fn verifier_keys_that_are_none_are_refused() {
        let good = NEUMANN;
        for bad in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a3",
            "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10",
            "PeterNeumann+c74f20a3+****",
            "PeterNeumann+c74f20a3+",
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
            assert_ne!(bad, good);
        }
        let p256 = PrivateKey::generate(KeyKind::P256).unwrap();
        assert!(NoteSigner::new(ORIGIN, p256).is_err());
        for name in ["", "a b", "a+b", "a\nb", "a\u{3000}b", "a\u{7f}b"] {
            assert!(NoteSigner::new(name, PrivateKey::generate(KeyKind::Ed25519).unwrap()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn checkpoints_that_are_none_are_refused() {
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let good = format!("o\n0\n{root}\n");
        assert!(Checkpoint::parse_body(&good).is_ok());
        let with_extension = format!("o\n7\n{root}\nmore\nand more\n");
        let read = Checkpoint::parse_body(&with_extension).unwrap();
        assert_eq!((read.extensions.len(), read.body()), (2, with_extension));
        for bad in [
            String::new(),
            "\n".into(),
            format!("\n7\n{root}\n"),
            "o\n".into(),
            "o\n7\n".into(),
            format!("o\n7\n{root}"),
            format!("o\n07\n{root}\n"),
            format!("o\n+7\n{root}\n"),
            format!("o\n-7\n{root}\n"),
            format!("o\n 7\n{root}\n"),
            format!("o\n18446744073709551616\n{root}\n"),
            format!("o\n\n{root}\n"),
            "o\n7\nAAAA\n".into(),
            format!("o\n7\n{}\n", root.trim_end_matches('=')),
            format!("o\n7\n{root}\n\n"),
            format!("o\n7\n{root}\n\nmore\n"),
        ] {
            assert!(Checkpoint::parse_body(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn notes_that_are_none_are_refused() {
        let signer = signer();
        let good = signer.sign("text\n").unwrap();
        assert!(SignedNote::parse(&good).is_ok());
        for bad in [
            String::new(),
            "text\n".into(),
            "text\n\n".into(),
            good.trim_end().into(),
            good.replace('\u{2014}', "-"),
            good.replace("\u{2014} ", "\u{2014}"),
            good.replace("\n\n", "\n"),
            format!("{good}\n"),
            format!("{good}more\n"),
            good.replace("text", "te\tt"),
            good.replace("text", "te\rt"),
            "text\n\n\u{2014} name AAAA\n".into(),
            "text\n\n\u{2014} name !!!!!!!!\n".into(),
            "text\n\n\u{2014} na+me AAAAAAAA\n".into(),
            "text\n\n\u{2014}  AAAAAAAA\n".into(),
            format!("text\n\n{}", "\u{2014} name AAAAAAAA\n".repeat(MOST_SIGNATURES + 1)),
        ] {
            assert!(SignedNote::parse(&bad).is_err(), "{bad:?}");
        }
        assert!(signer.sign("no line feed").is_err());
        assert!(signer.sign("bell\u{7}\n").is_err());
    }

    #[test]
    fn other_signatures_beside_ours_do_not_matter() {
        let (ours, witness) = (signer(), NoteSigner::new("witness", PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap());
        let checkpoint = Checkpoint::new(ORIGIN, 1, [7; 32]);
        let (note, theirs) = (checkpoint.sign(&ours).unwrap(), checkpoint.sign(&witness).unwrap());
        let line = theirs.lines().last().unwrap();
        assert_eq!(open(&format!("{note}{line}\n"), ours.verifier()).unwrap(), checkpoint);
        // An unknown key of our name, told apart by its id.
        let stranger = signer();
        let line = checkpoint.sign(&stranger).unwrap().lines().last().unwrap().to_owned();
        assert_eq!(open(&format!("{note}{line}\n"), ours.verifier()).unwrap(), checkpoint);
        assert!(open(&note, stranger.verifier()).is_err());
        // The witness signs the same text, and is not who the log belongs to.
        let fault = open(&theirs, witness.verifier()).unwrap_err().to_string();
        assert_eq!(fault, "the checkpoint cannot be used: its origin is not the name of the key that signed it");
        let twice = format!("{note}{}\n", note.lines().last().unwrap());
        assert!(open(&twice, ours.verifier()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn every_flipped_byte_of_a_note_shows(at: proptest::sample::Index, mask in 1u8..128) {
            let signer = NoteSigner::new(ORIGIN, PrivateKey::from_pkey(PKey::private_key_from_raw_bytes(&[7; 32], Id::ED25519).unwrap()).unwrap()).unwrap();
            let note = Checkpoint::new(ORIGIN, 5, [7; 32]).sign(&signer).unwrap();
            let mut bytes = note.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
            if let Ok(altered) = String::from_utf8(bytes) {
                proptest::prop_assert!(open(&altered, signer.verifier()).is_err());
            }
        }

        #[test]
        fn noise_is_no_note(noise: String) {
            let _ = SignedNote::parse(&noise);
            let _ = noise.parse::<VerifierKey>();
            proptest::prop_assert!(Checkpoint::parse_body(&noise).is_err());
        }
    }
}
