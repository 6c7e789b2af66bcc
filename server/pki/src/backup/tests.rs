use std::time::Duration;

use domain::{Environment, Timestamp};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509, X509NameBuilder};
use zeroize::Zeroizing;

use super::*;
use crate::certificate::Certificate;
use crate::error::PkiError;

const PASSPHRASE: &str = "correct horse battery";

fn ec(curve: Nid) -> PKey<Private> {
    PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap()
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// A certificate that its owner has made, as people make one for their backups.
fn certificate(key: &PKey<Private>) -> Certificate {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "Backup recipient").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(365).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    let digest = if key.id() == openssl::pkey::Id::ED25519 { MessageDigest::null() } else { MessageDigest::sha256() };
    builder.sign(key, digest).unwrap();
    Certificate::from_x509(builder.build()).unwrap()
}

fn recipient_key(key: &PKey<Private>) -> RecipientKey {
    RecipientKey::from_pem(&key.private_key_to_pem_pkcs8().unwrap(), || None).unwrap()
}

fn head(locks: Vec<Lock>) -> Head {
    Head {
        instance: "demo".into(),
        environment: Environment::Sandbox,
        made_at: Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(1)),
        program: "0.1.0".into(),
        engine: "sqlite".into(),
        schema: 1,
        holds: vec!["iam.db".into()],
        locks,
    }
}

/// A whole file, as it is written.
fn file(head: &Head, key: &FileKey, chunks: &[&[u8]]) -> Vec<u8> {
    let (mut bytes, mut sealer) = head.seal(key).unwrap();
    let mut sealed = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        let place = if number + 1 == chunks.len() { Place::Last } else { Place::Within };
        sealer.seal(chunk, place, &mut sealed).unwrap();
        bytes.extend_from_slice(&sealed);
    }
    bytes
}

/// Reads a whole file back by its published form.
fn read(file: &[u8], key: &FileKey) -> Result<Vec<u8>, PkiError> {
    let cut = || PkiError::malformed("the backup", "it was cut off in its head");
    let (fixed, rest) = file.split_first_chunk::<{ FixedPart::LENGTH }>().ok_or_else(cut)?;
    let fixed = FixedPart::parse(fixed)?;
    let (json, rest) = rest.split_at_checked(fixed.head).ok_or_else(cut)?;
    let (mac, mut rest) = rest.split_first_chunk::<MAC_LENGTH>().ok_or_else(cut)?;
    let (_, sealed) = Head::parse(json)?;
    let mut opener = sealed.open(mac, key)?;
    let (mut whole, mut plain) = (Vec::new(), Zeroizing::new(Vec::new()));
    loop {
        let (chunk, place) = match rest.split_at_checked(SEALED_CHUNK) {
            Some((chunk, behind)) if !behind.is_empty() => {
                rest = behind;
                (chunk, Place::Within)
            }
            _ => (rest, Place::Last),
        };
        opener.open(chunk, place, &mut plain)?;
        whole.extend_from_slice(&plain);
        if place == Place::Last {
            return Ok(whole);
        }
    }
}

fn fault<T>(result: Result<T, PkiError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn each_kind_of_recipient_opens_and_no_other() {
    let keys = [rsa(2048), ec(Nid::X9_62_PRIME256V1), ec(Nid::SECP384R1), ec(Nid::SECP521R1)];
    let key = FileKey::generate().unwrap();
    let locks: Vec<Lock> =
        keys.iter().map(|owner| Lock::for_certificate(&Certified::new(certificate(owner)).unwrap(), &key).unwrap()).collect();
    for (number, owner) in keys.iter().enumerate() {
        for (other, lock) in locks.iter().enumerate() {
            let opened = lock.open_with_key(&recipient_key(owner)).unwrap();
            assert_eq!(opened.map(|opened| *opened.0), (number == other).then_some(*key.0), "{number} {other}");
            assert!(lock.open_with_passphrase(PASSPHRASE).unwrap().is_none());
        }
    }
    assert!(matches!(&locks[0], Lock::Certificate { subject, .. } if subject == "CN=Backup recipient"));
}

#[test]
fn a_key_that_nothing_can_be_safely_encrypted_to_is_refused() {
    for (key, why) in [
        (rsa(1024), "its RSA key has 1024 bits, and 2048 are the least"),
        (ec(Nid::SECP256K1), "its key must be on P-256, P-384 or P-521"),
        (PKey::generate_ed25519().unwrap(), "its key must be RSA or EC: nothing can be encrypted to another one"),
    ] {
        let expected = format!("the recipient's certificate cannot be used: {why}");
        assert_eq!(fault(Certified::new(certificate(&key))), expected);
    }
}

#[test]
fn a_passphrase_opens_and_another_does_not() {
    let key = FileKey::generate().unwrap();
    let lock = Lock::for_passphrase(PASSPHRASE, &key).unwrap();
    assert_eq!(*lock.open_with_passphrase(PASSPHRASE).unwrap().unwrap().0, *key.0);
    assert!(lock.open_with_passphrase("correct horse batterz").unwrap().is_none());
    assert!(lock.open_with_key(&recipient_key(&ec(Nid::X9_62_PRIME256V1))).unwrap().is_none());
    assert_eq!(
        fault(Lock::for_passphrase("稅務易稅務易稅務易稅務", &key)),
        "the passphrase cannot be used: it must have at least 12 characters"
    );
    // Parameters are not a stranger's to choose: weaker ones give the passphrase away, greater ones take all memory.
    let Lock::Passphrase { n, r, p, salt, sealed } = lock else { panic!() };
    for (n, r, p) in [(n * 1024, r, p), (n / 2, r, p), (n, r, 1), (n, 1, p), (0, 0, 0)] {
        let altered = Lock::Passphrase { n, r, p, salt: salt.clone(), sealed: sealed.clone() };
        assert!(fault(altered.open_with_passphrase(PASSPHRASE)).ends_with("are not those of this format"));
    }
}

#[test]
fn a_recipients_key_is_read_in_its_usual_forms() {
    let key = ec(Nid::X9_62_PRIME256V1);
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    let with = |text: &'static [u8]| move || Some(Zeroizing::new(text.to_vec()));
    assert!(RecipientKey::from_pem(&encrypted, with(b"secret")).is_ok());
    assert!(RecipientKey::from_pem(&key.ec_key().unwrap().private_key_to_pem().unwrap(), || None).is_ok());
    for (read, why) in [
        (RecipientKey::from_pem(&encrypted, with(b"guess")), "it does not open with this passphrase"),
        (RecipientKey::from_pem(&encrypted, || None), "it is encrypted, and no passphrase was given"),
        (RecipientKey::from_pem(b"no key", || None), "it holds no private key in PEM"),
        (RecipientKey::from_pem(&certificate(&key).pem().unwrap().into_bytes(), || None), "it holds no private key in PEM"),
    ] {
        let told = fault(read);
        assert!(told.ends_with(why), "{told}");
    }
}

#[test]
fn a_file_is_read_back_whatever_its_length() {
    let key = FileKey::generate().unwrap();
    let full = vec![7; CHUNK];
    for chunks in [&[&b""[..]][..], &[b"short"], &[&full], &[&full, b""], &[&full, b"end"], &[&full, &full, &full]] {
        let file = file(&head(Vec::new()), &key, chunks);
        assert_eq!(read(&file, &key).unwrap(), chunks.concat(), "{} chunks", chunks.len());
    }
}

#[test]
fn every_altered_byte_shows_and_every_cut_does() {
    let key = FileKey::generate().unwrap();
    let full = vec![7; CHUNK];
    let file = file(&head(Vec::new()), &key, &[&full, b"the end"]);
    let start = file.len() - (b"the end".len() + 16) - SEALED_CHUNK;
    // Every byte of head and last chunk, and some of the first one.
    for at in (0..start).chain((start..file.len() - 64).step_by(7919)).chain(file.len() - 64..file.len()) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(read(&altered, &key).is_err(), "byte {at}");
    }
    for length in (0..start + 40).chain((start + 40..file.len() - 40).step_by(3989)).chain(file.len() - 40..file.len()) {
        assert!(read(&file[..length], &key).is_err(), "cut to {length}");
    }
    assert!(
        fault(read(&file[..start + SEALED_CHUNK], &key))
            .ends_with("it was cut off: chunk 1 is not the last one, and nothing follows it")
    );
    assert!(fault(read(&[&file[..], b"x"].concat(), &key)).ends_with("it was altered or cut off in chunk 2"));
}

#[test]
fn chunks_do_not_change_places_nor_files() {
    let key = FileKey::generate().unwrap();
    let (one, two) = (vec![1; CHUNK], vec![2; CHUNK]);
    let first = file(&head(Vec::new()), &key, &[&one, &two, b"end"]);
    let start = first.len() - (b"end".len() + 16) - 2 * SEALED_CHUNK;
    let chunk = |file: &[u8], number: usize| file[start + number * SEALED_CHUNK..][..SEALED_CHUNK].to_vec();
    let end = &first[start + 2 * SEALED_CHUNK..];
    let swapped = [&first[..start], &chunk(&first, 1), &chunk(&first, 0), end].concat();
    assert!(fault(read(&swapped, &key)).contains("chunk 1"));
    let doubled = [&first[..start], &chunk(&first, 0), &chunk(&first, 0), &chunk(&first, 1), end].concat();
    assert!(fault(read(&doubled, &key)).contains("chunk 2"));
    let without = [&first[..start], &chunk(&first, 0), end].concat();
    assert!(fault(read(&without, &key)).contains("chunk 2"));

    // The same key and length under another head: made a moment later, say.
    let mut later = head(Vec::new());
    later.made_at = later.made_at.plus(Duration::from_secs(60));
    let second = file(&later, &key, &[&two, &two, b"end"]);
    assert_eq!(second.len(), first.len());
    let mixed = [&first[..start], &chunk(&second, 0), &chunk(&first, 1), end].concat();
    assert!(fault(read(&mixed, &key)).contains("chunk 1"));
    let other = FileKey::generate().unwrap();
    assert!(fault(read(&first, &other)).ends_with("its head was altered"));
}

#[test]
fn what_is_no_backup_is_called_so() {
    let part = |bytes: &[u8]| {
        let mut fixed = [0; FixedPart::LENGTH];
        fixed[..bytes.len()].copy_from_slice(bytes);
        fault(FixedPart::parse(&fixed))
    };
    assert!(part(b"SQLite format 3\0").ends_with("it does not begin as one does"));
    assert!(part(b"iam-backup\n\x1a\n").ends_with("it was sent as text"));
    assert!(part(b"iam-backup\r\n\x1a\n\0\x02").ends_with("it is of format 2, and this program reads 1"));
    assert!(part(b"iam-backup\r\n\x1a\n\0\x01\xff\0\0\0").ends_with("its head is too long"));
    assert!(fault(Head::parse(b"{\"instance\":1}")).contains("its head is none (line 1"));
}
