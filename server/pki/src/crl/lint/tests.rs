use super::*;
use crate::forge_der::{extension, integer, sequence, tlv};
use crate::office::Office;
use crate::signer::SignatureScheme;

const TIME: &[u8] = b"\x17\x0d220531155959Z";
const NEXT: &[u8] = b"\x17\x0d220601155959Z";
const EARLIER: &[u8] = b"\x17\x0d220530155959Z";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const CRL_NUMBER: &str = "2.5.29.20";
const REASON: &str = "2.5.29.21";

/// A list in parts; each test spoils one. It is never signed: the lint does not look at signatures.
struct Parts {
    version: Vec<u8>,
    inner_algorithm: Vec<u8>,
    outer_algorithm: Vec<u8>,
    name: Vec<u8>,
    updates: Vec<u8>,
    /// revokedCertificates with its header; empty for none.
    revoked: Vec<u8>,
    extensions: Vec<Vec<u8>>,
    issuer: Certificate,
}

/// An entry of revokedCertificates.
fn entry(serial: &[u8], at: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { tlv(0x30, &extensions.concat()) };
    sequence(&[&tlv(2, serial), at, &extensions])
}

fn reason(value: u8) -> Vec<u8> {
    extension(REASON, false, &tlv(0x0a, &[value]))
}

impl Parts {
    fn good() -> Self {
        let issuer = Office::new().citizens.certificate().clone();
        let certificate = RawCertificate::read(issuer.der()).unwrap();
        let identifier = certificate.extension(oid::SUBJECT_KEY_IDENTIFIER).unwrap().value;
        let algorithm = SignatureScheme::EcdsaP256Sha256.algorithm_der().unwrap();
        let (name, identifier) = (certificate.subject.whole.to_vec(), identifier[2..].to_vec());
        Self {
            version: integer(&[1]),
            inner_algorithm: algorithm.clone(),
            outer_algorithm: algorithm,
            name,
            updates: [TIME, NEXT].concat(),
            revoked: sequence(&[&entry(&[0x12], EARLIER, &[]), &entry(&[0x34], TIME, &[reason(6)])]),
            extensions: vec![
                extension(AUTHORITY_KEY_IDENTIFIER, false, &sequence(&[&tlv(0x80, &identifier)])),
                extension(CRL_NUMBER, false, &integer(&[5])),
            ],
            issuer,
        }
    }

    fn updated(first: &[u8], second: &[u8]) -> Self {
        Self { updates: [first, second].concat(), ..Self::good() }
    }

    fn revoking(entries: &[Vec<u8>]) -> Self {
        Self { revoked: tlv(0x30, &entries.concat()), ..Self::good() }
    }

    fn with(mut self, oid: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(oid, critical, value));
        self
    }

    fn instead(mut self, oid: &str, critical: bool, value: &[u8]) -> Self {
        let at = if oid == AUTHORITY_KEY_IDENTIFIER { 0 } else { 1 };
        self.extensions[at] = extension(oid, critical, value);
        self
    }

    fn without(mut self, at: usize) -> Self {
        self.extensions.remove(at);
        self
    }

    fn findings(&self) -> Vec<Finding> {
        let extensions = if self.extensions.is_empty() { Vec::new() } else { tlv(0xa0, &tlv(0x30, &self.extensions.concat())) };
        let parts = [&self.version, &self.inner_algorithm, &self.name, &self.updates, &self.revoked, &extensions];
        let tbs = sequence(&parts.map(Vec::as_slice));
        lint(&tbs, &self.outer_algorithm, &self.issuer)
    }

    #[track_caller]
    fn breaks(&self, rules: &[&str]) {
        let findings = self.findings();
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), rules, "{findings:#?}");
    }
}

#[test]
fn a_good_list_breaks_no_rule() {
    Parts::good().breaks(&[]);
    Parts { revoked: Vec::new(), ..Parts::good() }.breaks(&[]);
}

#[test]
fn every_rule_has_its_own_name_and_a_source() {
    let of_lists = RULES.iter().map(|rule| (rule.name, rule.source));
    let rules: Vec<_> = of_lists.chain(ENTRY_RULES.iter().map(|rule| (rule.name, rule.source))).collect();
    for (at, (name, source)) in rules.iter().enumerate() {
        assert!(!source.is_empty());
        assert!(rules[..at].iter().all(|(earlier, _)| earlier != name), "{name}");
    }
}

#[test]
fn the_basic_fields_are_held_to_their_rules() {
    Parts { version: Vec::new(), ..Parts::good() }.breaks(&["version-2"]);
    Parts { version: integer(&[0]), ..Parts::good() }.breaks(&["version-2"]);
    let other = SignatureScheme::EcdsaP384Sha384.algorithm_der().unwrap();
    Parts { outer_algorithm: other.clone(), ..Parts::good() }.breaks(&["signature-algorithms-agree"]);
    let both = Parts { inner_algorithm: other.clone(), outer_algorithm: other, ..Parts::good() };
    both.breaks(&["signature-algorithm"]);
    Parts { name: sequence(&[]), ..Parts::good() }.breaks(&["issuer-name"]);
    let stranger = Office::new().root.certificate().x509().unwrap().subject_name().to_der().unwrap();
    Parts { name: stranger, ..Parts::good() }.breaks(&["issuer-name"]);
    Parts { version: b"\x02\x02\x01".to_vec(), ..Parts::good() }.breaks(&["well-formed"]);
}

#[test]
fn only_an_authority_signs_lists() {
    let office = Office::new();
    let citizen = office.citizen("A1");
    let name = citizen.x509().unwrap().subject_name().to_der().unwrap();
    let identifier = citizen.x509().unwrap().subject_key_id().unwrap().as_slice().to_vec();
    let identifier = sequence(&[&tlv(0x80, &identifier)]);
    let own = Parts { issuer: citizen, name, ..Parts::good() }.instead(AUTHORITY_KEY_IDENTIFIER, false, &identifier);
    own.breaks(&["issuer-may-sign-lists"]);
}

#[test]
fn updates_are_held_to_their_rules() {
    Parts::updated(TIME, b"").breaks(&["update-order", "update-period", "update-within-issuer"]);
    Parts::updated(TIME, TIME).breaks(&["update-order"]);
    Parts::updated(TIME, EARLIER).breaks(&["update-order"]);
    Parts::updated(TIME, b"\x17\x0d220607155959Z").breaks(&[]);
    Parts::updated(TIME, b"\x17\x0d220607160000Z").breaks(&["update-period"]);
    Parts::updated(TIME, b"\x18\x0f20220601155959Z").breaks(&["update-encoding"]);
    Parts::updated(b"\x18\x0f20220531155959Z", NEXT).breaks(&["update-encoding"]);
    Parts::updated(b"\x18\x0f20500531155959Z", b"\x18\x0f20500601155959Z").breaks(&["update-within-issuer"]);
    let too_early = Parts::updated(b"\x17\x0d220531150000Z", TIME);
    too_early.breaks(&["update-within-issuer", "revocation-date"]);
}

#[test]
fn entries_are_held_to_their_rules() {
    Parts::revoking(&[]).breaks(&["entries-or-none"]);
    let once = |serial: &[u8]| Parts::revoking(&[entry(serial, TIME, &[])]);
    once(&[0]).breaks(&["serial-number"]);
    once(&[0x80]).breaks(&["serial-number"]);
    once(&[0x12; 21]).breaks(&["serial-number"]);
    once(&[0x12; 20]).breaks(&[]);
    once(&[0, 0x80]).breaks(&[]);
    let two = |first: &[u8], second: &[u8]| Parts::revoking(&[entry(first, TIME, &[]), entry(second, TIME, &[])]);
    two(&[0x12], &[0x12]).breaks(&["serial-once"]);
    two(&[0x13], &[0x12]).breaks(&["serial-once"]);
    two(&[0, 0xff], &[1, 0]).breaks(&[]);
    two(&[0x7f], &[0, 0x80]).breaks(&[]);
    let at = |time: &[u8]| Parts::revoking(&[entry(&[0x12], time, &[])]);
    at(b"\x18\x0f20220531155959Z").breaks(&["revocation-date-encoding"]);
    at(b"\x17\x0d220531160459Z").breaks(&[]);
    at(b"\x17\x0d220531160500Z").breaks(&["revocation-date"]);
    at(b"\x17\x0b2205311559Z").breaks(&["revocation-date-encoding", "revocation-date"]);
}

#[test]
fn reasons_are_held_to_their_rules() {
    let extended = |extensions: &[Vec<u8>]| Parts::revoking(&[entry(&[0x12], TIME, extensions)]);
    for good in [1, 2, 3, 4, 5, 6, 9, 10] {
        extended(&[reason(good)]).breaks(&[]);
    }
    for bad in [0, 7, 8, 11] {
        extended(&[reason(bad)]).breaks(&["reason"]);
    }
    extended(&[extension(REASON, false, b"text")]).breaks(&["reason"]);
    extended(&[extension(REASON, true, &tlv(0x0a, &[1]))]).breaks(&["entry-extensions"]);
    extended(&[reason(1), reason(1)]).breaks(&["entry-extensions"]);
    extended(&[extension("2.5.29.24", false, TIME)]).breaks(&["entry-extensions"]);
}

#[test]
fn extensions_are_held_to_their_rules() {
    Parts::good().without(0).breaks(&["authority-key-identifier"]);
    Parts::good().without(1).breaks(&["crl-number"]);
    Parts::good().without(0).without(0).breaks(&["authority-key-identifier", "crl-number"]);
    let number = integer(&[5]);
    Parts::good().with(CRL_NUMBER, false, &number).breaks(&["extensions-known"]);
    Parts::good().with("2.5.29.27", true, &number).breaks(&["extensions-known"]);
    Parts::good().with("2.5.29.28", false, &sequence(&[])).breaks(&["extensions-known"]);
    Parts::good().instead(CRL_NUMBER, true, &number).breaks(&["extensions-known"]);
    Parts::good().instead(CRL_NUMBER, false, &tlv(2, &[0x80])).breaks(&["crl-number"]);
    Parts::good().instead(CRL_NUMBER, false, &tlv(2, &[0x12; 21])).breaks(&["crl-number"]);
    Parts::good().instead(CRL_NUMBER, false, &tlv(2, &[0x12; 20])).breaks(&[]);
    Parts::good().instead(CRL_NUMBER, false, b"text").breaks(&["crl-number"]);
    let stranger = sequence(&[&tlv(0x80, &[7; 20])]);
    Parts::good().instead(AUTHORITY_KEY_IDENTIFIER, false, &stranger).breaks(&["authority-key-identifier"]);
    Parts::good().instead(AUTHORITY_KEY_IDENTIFIER, false, &sequence(&[])).breaks(&["authority-key-identifier"]);
}
