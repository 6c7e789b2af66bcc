use proptest::prelude::*;

use super::*;
use crate::forge_der::{bits, extension, integer, sequence, tlv};
use crate::generate::KeyKind;
use crate::office::{DAY, Desk, NOW, Office, attime, damaged, list, revoked};

const HOLD: RevocationReason = RevocationReason::CertificateHold;
const COMPROMISED: RevocationReason = RevocationReason::KeyCompromise;

fn entry(serial: &str, reason: RevocationReason) -> Revoked {
    Revoked { serial: serial.to_owned(), at: NOW.minus(DAY), reason }
}

fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_micros(moment.micros().div_euclid(1_000_000) * 1_000_000)
}

/// The part of a list that is signed; signatures differ from one to the next.
fn tbs(list: &RevocationList) -> Vec<u8> {
    SignedList::read(list.der()).unwrap().tbs.to_vec()
}

#[test]
fn a_list_says_what_was_revoked_when_and_why() {
    let office = Office::new();
    let every_reason = RevocationReason::ALL.iter().enumerate();
    let entries: Vec<Revoked> =
        every_reason.map(|(at, reason)| entry(&format!("{:02x}{}", at + 1, "5a".repeat(15)), *reason)).collect();
    let made = list(&office.citizens, 7, entries.clone());
    for list in [&made, &RevocationList::from_der(made.der()).unwrap()] {
        assert_eq!((list.number(), list.len(), list.is_empty()), (7, entries.len(), false));
        assert_eq!((list.this_update(), list.next_update()), (whole(NOW), whole(NOW.plus(DAY))));
        let cut = entries.iter().map(|entry| Revoked { at: whole(entry.at), ..entry.clone() });
        assert_eq!(list.entries().collect::<Vec<_>>(), cut.collect::<Vec<_>>());
        assert!(list.is_signed_by(office.citizens.certificate()).unwrap());
        assert!(!list.is_signed_by(office.operators.certificate()).unwrap());
        assert!(!list.is_signed_by(office.root.certificate()).unwrap());
    }
    assert_eq!(format!("{made:?}"), format!("RevocationList(number 7, {} entries)", entries.len()));
}

#[test]
fn nothing_revoked_is_an_empty_list() {
    let office = Office::new();
    let list = list(&office.root, 1, []);
    assert!(list.is_empty() && list.entries().next().is_none());
    assert!(SignedList::read(list.der()).unwrap().list.revoked.is_none(), "RFC 5280 section 5.1.2.6");
    assert!(list.is_signed_by(office.root.certificate()).unwrap());
}

#[test]
fn the_order_of_the_records_does_not_show() {
    let office = Office::new();
    let mut entries = vec![entry("ff", HOLD), entry("0100", COMPROMISED), entry("7f", HOLD), entry("80", COMPROMISED)];
    let first = list(&office.citizens, 1, entries.clone());
    entries.reverse();
    assert_eq!(tbs(&list(&office.citizens, 1, entries)), tbs(&first));
    let order: Vec<String> = first.entries().map(|entry| entry.serial).collect();
    assert_eq!(order, ["7f", "80", "ff", "0100"], "by number");
    let borrowed = Revoked { serial: "7f", at: NOW, reason: HOLD };
    assert!(RevocationList::issue(&office.citizens, 1, NOW, NOW.plus(DAY), [borrowed]).is_ok());
}

#[test]
fn openssl_verifies_the_list_of_every_kind_of_key() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519] {
        let office = Office::with_issuing_keys(kind);
        let list = list(&office.citizens, 0x1234_5678_9abc_def0, [entry("1234", HOLD), entry("5678", COMPROMISED)]);
        assert!(list.is_signed_by(office.citizens.certificate()).unwrap());
        let desk = Desk::new();
        desk.put_certificates("issuer.pem", &[office.citizens.certificate()]);
        desk.put("list.crl", list.der());
        let (good, said) = desk.openssl("crl -inform DER -in list.crl -CAfile issuer.pem -noout -text");
        assert!(good && said.contains("verify OK"), "{kind:?}: {said}");
        for line in [
            "Version 2 (0x1)",
            "Issuer: O = iAM Smart platform (sandbox), CN = demo citizens-1",
            "Last Update: May 31 15:59:59 2022 GMT",
            "Next Update: Jun  1 15:59:59 2022 GMT",
            "X509v3 CRL Number: \n                1311768467463790320",
            "Serial Number: 1234\n        Revocation Date: May 30 15:59:59 2022 GMT",
            "Certificate Hold",
            "Key Compromise",
        ] {
            assert!(said.contains(line), "{kind:?}: {line} is missing: {said}");
        }
        assert!(!said.contains("critical"), "{said}");
    }
}

#[test]
fn openssl_refuses_who_stands_on_the_list_and_a_released_hold_leaves_it() {
    let office = Office::new();
    let (good, held, stolen) = (office.citizen("A1"), office.citizen("A2"), office.citizen("A3"));
    let at = NOW.minus(std::time::Duration::from_secs(60));
    let first = list(&office.citizens, 1, [revoked(&held, at, HOLD), revoked(&stolen, at, COMPROMISED)]);
    let second = list(&office.citizens, 2, [revoked(&stolen, at, COMPROMISED)]);
    let desk = Desk::new();
    desk.put_certificates("root.pem", &[office.root.certificate()]);
    desk.put_certificates("issuing.pem", &[office.citizens.certificate()]);
    let crl_pem = |list: &RevocationList| openssl::x509::X509Crl::from_der(list.der()).unwrap().to_pem().unwrap();
    let root_list = list(&office.root, 1, []);
    desk.put("first.pem", [crl_pem(&first), crl_pem(&root_list)].concat());
    desk.put("second.pem", [crl_pem(&second), crl_pem(&root_list)].concat());
    let verify = |list: &str, certificate: &Certificate| {
        desk.put_certificates("leaf.pem", &[certificate]);
        let time = attime(NOW);
        desk.openssl(&format!(
            "verify -attime {time} -crl_check_all -CAfile root.pem -untrusted issuing.pem -CRLfile {list} leaf.pem"
        ))
    };
    assert_eq!(verify("first.pem", &good), (true, "leaf.pem: OK\n".to_owned()));
    for certificate in [&held, &stolen] {
        let (passed, said) = verify("first.pem", certificate);
        assert!(!passed && said.contains("certificate revoked"), "{said}");
    }
    assert!(verify("second.pem", &held).0, "released");
    assert!(!verify("second.pem", &stolen).0);
}

#[test]
fn a_hundred_thousand_entries_are_a_list_like_any_other() {
    let office = Office::new();
    let serial = |number: u32| format!("{:08x}{:024x}", number.wrapping_mul(2_654_435_761) | 1 << 24, number);
    let all = (0..100_000).map(|number| entry(&serial(number), HOLD));
    let list = list(&office.citizens, 9, all);
    assert_eq!(list.len(), 100_000);
    assert!(list.is_signed_by(office.citizens.certificate()).unwrap());
    let serials: Vec<String> = list.entries().map(|entry| entry.serial).collect();
    assert_eq!(serials.len(), 100_000);
    assert!(serials.is_sorted());
    let theirs = openssl::x509::X509Crl::from_der(list.der()).unwrap();
    assert!(theirs.verify(&office.citizens.certificate().x509().unwrap().public_key().unwrap()).unwrap());
    assert_eq!(theirs.get_revoked().unwrap().len(), 100_000);
}

#[track_caller]
fn refused(made: Result<RevocationList, PkiError>, rule: &str) {
    let Err(PkiError::Lint { what, findings }) = made else { panic!("a finding of the lint, not {made:?}") };
    assert_eq!(what, "the revocation list");
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [rule], "{findings:#?}");
}

#[test]
fn a_list_with_silly_dates_or_a_serial_twice_is_not_signed() {
    let office = Office::new();
    let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
    let issue = |at: Timestamp, next, entries: Vec<Revoked>| RevocationList::issue(&office.citizens, 1, at, next, entries);
    refused(issue(NOW, NOW, vec![]), "update-order");
    refused(issue(NOW, NOW.minus(DAY), vec![]), "update-order");
    refused(issue(NOW, NOW.plus(7 * DAY + minutes(1)), vec![]), "update-period");
    issue(NOW, NOW.plus(7 * DAY), vec![]).unwrap();
    // A clock that ran ahead for years, or back.
    let expired = office.citizens.certificate().view().not_after.plus(DAY);
    refused(issue(expired, expired.plus(DAY), vec![]), "update-within-issuer");
    refused(issue(NOW.minus(DAY), NOW, vec![]), "update-within-issuer");
    let at = |at| vec![Revoked { serial: "12".to_owned(), at, reason: HOLD }];
    refused(issue(NOW, NOW.plus(DAY), at(NOW.plus(minutes(6)))), "revocation-date");
    issue(NOW, NOW.plus(DAY), at(NOW.plus(minutes(5)))).unwrap();
    refused(issue(NOW, NOW.plus(DAY), vec![entry("12", HOLD), entry("12", HOLD)]), "serial-once");
    refused(issue(NOW, NOW.plus(DAY), vec![entry("12", HOLD), entry("0012", COMPROMISED)]), "serial-once");
    for bad in ["", "0", "00", "1g", "AB", &"11".repeat(21), &"ff".repeat(20)] {
        let made = issue(NOW, NOW.plus(DAY), vec![entry(bad, HOLD)]);
        assert!(matches!(made, Err(PkiError::Malformed { .. })), "{bad:?}: {made:?}");
    }
    assert!(issue(Timestamp::MIN, NOW, vec![]).is_err());
}

/// A list as somebody else may make it. Nobody looks at its signature.
struct Foreign {
    version: Vec<u8>,
    next_update: Vec<u8>,
    entries: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

const CRL_NUMBER: &str = "2.5.29.20";
const REASON: &str = "2.5.29.21";
const TIME: &[u8] = b"\x17\x0d220531155959Z";

impl Foreign {
    fn good() -> Self {
        Self {
            version: integer(&[1]),
            next_update: TIME.to_vec(),
            entries: sequence(&[&sequence(&[&integer(&[0x12]), TIME])]),
            extensions: vec![extension(CRL_NUMBER, false, &integer(&[5]))],
        }
    }

    fn entry(parts: &[&[u8]]) -> Self {
        Self { entries: sequence(&[&sequence(parts)]), ..Self::good() }
    }

    fn extended(extensions: Vec<Vec<u8>>) -> Self {
        Self { extensions, ..Self::good() }
    }

    fn read(&self) -> Result<RevocationList, PkiError> {
        let algorithm = SignatureScheme::EcdsaP256Sha256.algorithm_der().unwrap();
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            some => tlv(0xa0, &tlv(0x30, &some.concat())),
        };
        let name = sequence(&[]);
        let tbs = sequence(&[&self.version, &algorithm, &name, TIME, &self.next_update, &self.entries, &extensions]);
        RevocationList::from_der(&sequence(&[&tbs, &algorithm, &bits(b"signature")]))
    }
}

#[test]
fn lists_of_another_kind_are_not_read() {
    let read = Foreign::good().read().unwrap();
    assert_eq!((read.number(), read.entries().map(|entry| entry.serial).collect::<Vec<_>>()), (5, vec!["12".to_owned()]));
    let number = || extension(CRL_NUMBER, false, &integer(&[5]));
    let reason = |critical, value: u8| sequence(&[&extension(REASON, critical, &tlv(0x0a, &[value]))]);
    let serial = integer(&[0x12]);
    Foreign::entry(&[&serial, TIME, &reason(false, 6)]).read().unwrap();
    Foreign::extended(vec![number(), extension("2.5.29.18", false, b"ignored")]).read().unwrap();
    for (what, foreign) in [
        ("version 1", Foreign { version: Vec::new(), ..Foreign::good() }),
        ("version 3", Foreign { version: integer(&[2]), ..Foreign::good() }),
        ("no next update", Foreign { next_update: Vec::new(), ..Foreign::good() }),
        ("a next update without seconds", Foreign { next_update: tlv(0x17, b"2205311559Z"), ..Foreign::good() }),
        ("no extensions", Foreign::extended(vec![])),
        ("a delta list", Foreign::extended(vec![number(), extension("2.5.29.27", true, &integer(&[4]))])),
        ("a number below zero", Foreign::extended(vec![extension(CRL_NUMBER, false, &tlv(2, &[0x80]))])),
        ("a number beyond counting", Foreign::extended(vec![extension(CRL_NUMBER, false, &integer(&[0x7f; 9]))])),
        ("a number that is text", Foreign::extended(vec![extension(CRL_NUMBER, false, &tlv(0x0c, b"5"))])),
        ("an entry of nothing", Foreign::entry(&[])),
        ("an entry without a date", Foreign::entry(&[&serial])),
        ("a negative serial", Foreign::entry(&[&tlv(2, &[0x80]), TIME])),
        ("a serial in a longer form", Foreign::entry(&[&tlv(2, &[0, 0, 0x12]), TIME])),
        ("an overlong serial", Foreign::entry(&[&integer(&[0x12; 21]), TIME])),
        ("a critical reason", Foreign::entry(&[&serial, TIME, &reason(true, 6)])),
        ("removeFromCRL", Foreign::entry(&[&serial, TIME, &reason(false, 8)])),
        ("a reason that there is not", Foreign::entry(&[&serial, TIME, &reason(false, 7)])),
        ("a foreign list's entry", Foreign::entry(&[&serial, TIME, &sequence(&[&extension("2.5.29.29", true, b"x")])])),
        ("more behind an entry", Foreign::entry(&[&serial, TIME, &reason(false, 6), &serial])),
    ] {
        let read = foreign.read();
        assert!(matches!(read, Err(PkiError::Malformed { .. })), "{what}: {read:?}");
    }
}

#[test]
fn damage_is_an_error_or_shows_in_the_signature() {
    let office = Office::new();
    let good = list(&office.citizens, 7, [entry("1234", HOLD), entry("5678", COMPROMISED)]);
    let issuer = office.citizens.certificate();
    let mut read = 0;
    for bytes in damaged(good.der()) {
        let Ok(list) = RevocationList::from_der(&bytes) else { continue };
        read += 1;
        assert_eq!(list.entries().count(), list.len());
        // A signature has more than one encoding that OpenSSL reads; what was signed has one.
        let same = tbs(&list) == tbs(&good);
        assert!(same || !list.is_signed_by(issuer).unwrap_or(false));
    }
    assert!(read > 0, "some damage leaves the form intact");
    let mut longer = good.der().to_vec();
    longer.push(0);
    assert!(RevocationList::from_der(&longer).is_err());
}

#[test]
fn a_stranger_with_the_same_name_signs_nothing_of_ours() {
    let (ours, theirs) = (Office::new(), Office::new());
    let list = list(&theirs.citizens, 1, []);
    assert_eq!(
        SignedList::read(list.der()).unwrap().list.issuer.whole,
        RawCertificate::read(ours.citizens.certificate().der()).unwrap().subject.whole
    );
    assert!(!list.is_signed_by(ours.citizens.certificate()).unwrap());
    assert!(list.is_signed_by(theirs.citizens.certificate()).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(RevocationList::from_der(&bytes).is_err());
    }
}
