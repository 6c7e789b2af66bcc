use std::time::Duration;

use domain::{Environment, Timestamp};

use super::*;
use crate::authority::{Authority, AuthorityName, AuthorityPurpose};
use crate::forge_der::{attribute, bits, extension, general_names, integer, oid, sequence, tlv};
use crate::generate::{KeyKind, PrivateKey};
use crate::instance::Instance;
use crate::profile;
use crate::stamp::STAMP_OID_CONTENT;
use crate::tlv::Tlv;

/// 2022-05-31 00:00 UTC.
const NOW: Timestamp = Timestamp::from_micros(1_653_955_200_000_000);

/// A certificate in parts; each test spoils one. It is never signed: the lint does not look at signatures.
#[derive(Clone)]
struct Parts {
    version: Vec<u8>,
    serial: Vec<u8>,
    inner_algorithm: Vec<u8>,
    outer_algorithm: Vec<u8>,
    issuer: Vec<u8>,
    validity: [Vec<u8>; 2],
    subject: Vec<u8>,
    public_key: Vec<u8>,
    unique_id: Vec<u8>,
    /// Object identifier content, whole element.
    extensions: Vec<(Vec<u8>, Vec<u8>)>,
    issued_by: Option<Vec<u8>>,
    profile: &'static Profile,
}

impl Parts {
    fn of(der: &[u8], issued_by: Option<&[u8]>, profile: &'static Profile) -> Self {
        let raw = RawCertificate::read(der).unwrap();
        let all = Tlv::only(raw.tbs).unwrap().inside().unwrap().rest(None).unwrap();
        let list = Tlv::only(all.last().unwrap().value).unwrap().inside().unwrap().rest(None).unwrap();
        Self {
            version: tlv(0xa0, raw.version.unwrap()),
            serial: tlv(2, raw.serial),
            inner_algorithm: raw.inner_algorithm.to_vec(),
            outer_algorithm: raw.outer_algorithm.to_vec(),
            issuer: raw.issuer.whole.to_vec(),
            validity: raw.validity.map(|time| time.whole.to_vec()),
            subject: raw.subject.whole.to_vec(),
            public_key: raw.public_key.whole.to_vec(),
            unique_id: Vec::new(),
            extensions: raw.extensions.iter().zip(list).map(|(each, whole)| (each.oid.to_vec(), whole.whole.to_vec())).collect(),
            issued_by: issued_by.map(<[u8]>::to_vec),
            profile,
        }
    }

    fn der(&self) -> Vec<u8> {
        let extensions: Vec<u8> = self.extensions.iter().flat_map(|(_, whole)| whole.clone()).collect();
        let validity = tlv(0x30, &self.validity.concat());
        let tbs = sequence(&[
            &self.version,
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &validity,
            &self.subject,
            &self.public_key,
            &self.unique_id,
            &tlv(0xa3, &tlv(0x30, &extensions)),
        ]);
        sequence(&[&tbs, &self.outer_algorithm, &bits(b"signature")])
    }

    fn without(mut self, dotted: &str) -> Self {
        let wanted = oid(dotted)[2..].to_vec();
        let before = self.extensions.len();
        self.extensions.retain(|(kind, _)| *kind != wanted);
        assert_eq!(self.extensions.len() + 1, before, "{dotted}");
        self
    }

    fn with(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push((Vec::new(), extension(dotted, critical, value)));
        self
    }

    fn instead(self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.without(dotted).with(dotted, critical, value)
    }

    fn findings(&self) -> Vec<Finding> {
        lint(&self.der(), self.issued_by.as_deref(), self.profile)
    }

    #[track_caller]
    fn breaks(&self, rules: &[&str]) {
        let findings = self.findings();
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), rules, "{findings:#?}");
    }
}

struct Office {
    root: Parts,
    operators: Parts,
    operator: Parts,
    server: Parts,
}

fn office() -> Office {
    let key = || PrivateKey::generate(KeyKind::P256).unwrap();
    let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
    let root = Authority::new_root(&instance, 1, key(), NOW).unwrap();
    let issuing = |purpose| root.new_issuing(AuthorityName::new(purpose, 1), key(), NOW).unwrap();
    let (operators, servers) = (issuing(AuthorityPurpose::Operators), issuing(AuthorityPurpose::Servers));
    let operator = operators
        .plan_operator("chan", &key().public().unwrap(), None, NOW)
        .and_then(|planned| operators.sign(&planned))
        .unwrap();
    let hosts = ["localhost".to_owned()];
    let server =
        servers.plan_server(&hosts, &[], &key().public().unwrap(), None, NOW).and_then(|planned| servers.sign(&planned)).unwrap();
    let der = |authority: &Authority| authority.certificate().der().to_vec();
    Office {
        root: Parts::of(&der(&root), None, &profile::ROOT),
        operators: Parts::of(&der(&operators), Some(&der(&root)), &profile::OPERATORS_CA),
        operator: Parts::of(operator.der(), Some(&der(&operators)), &profile::OPERATOR),
        server: Parts::of(server.der(), Some(&der(&servers)), &profile::SERVER),
    }
}

const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const KEY_USAGE: &str = "2.5.29.15";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const CERTIFICATE_POLICIES: &str = "2.5.29.32";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

#[test]
fn what_this_platform_issues_breaks_no_rule() {
    let office = office();
    for parts in [office.root, office.operators, office.operator, office.server] {
        parts.breaks(&[]);
    }
}

#[test]
fn every_rule_has_its_own_name_and_a_source() {
    let rules: Vec<&Rule> = fields::RULES.iter().chain(extensions::RULES).collect();
    let names: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), rules.len());
    assert!(rules.iter().all(|rule| !rule.source.is_empty()));
}

#[test]
fn what_is_no_certificate_is_one_finding() {
    for noise in [&b""[..], b"hello", &[0x30, 0]] {
        let findings = lint(noise, None, &profile::ROOT);
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["well-formed"]);
    }
}

#[test]
fn the_basic_fields_are_held_to_their_rules() {
    let good = office().operator;
    let spoil = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        parts
    };
    spoil(&|parts| parts.version = tlv(0xa0, &integer(&[1]))).breaks(&["version-3"]);
    spoil(&|parts| parts.version = Vec::new()).breaks(&["version-3"]);
    spoil(&|parts| parts.serial = tlv(2, &[0x80; 16])).breaks(&["serial-number"]);
    spoil(&|parts| parts.serial = tlv(2, &[0; 16])).breaks(&["serial-number"]);
    spoil(&|parts| parts.serial = tlv(2, &[1; 21])).breaks(&["serial-number"]);
    spoil(&|parts| parts.serial = integer(&[42])).breaks(&["serial-number"]);
    let sha1 = sequence(&[&oid("1.2.840.10045.4.1")]);
    spoil(&|parts| parts.outer_algorithm = sha1.clone()).breaks(&["signature-algorithms-agree"]);
    spoil(&|parts| (parts.inner_algorithm, parts.outer_algorithm) = (sha1.clone(), sha1.clone()))
        .breaks(&["signature-algorithm"]);
    spoil(&|parts| parts.issuer = sequence(&[])).breaks(&["issuer-name"]);
    spoil(&|parts| parts.issuer = parts.subject.clone()).breaks(&["issuer-name"]);
    spoil(&|parts| parts.unique_id = tlv(0x81, &[0, 1])).breaks(&["no-unique-ids"]);
    spoil(&|parts| parts.public_key = sequence(&[])).breaks(&["public-key"]);
    spoil(&|parts| parts.subject = sequence(&[])).breaks(&["subject-name"]);
    let named = |tag, name: &[u8]| sequence(&[&attribute("2.5.4.3", tag, name)]);
    spoil(&|parts| parts.subject = named(0x16, b"chan")).breaks(&["subject-text"]);
    spoil(&|parts| parts.subject = named(0x0c, b"a\0b")).breaks(&["subject-text"]);
    spoil(&|parts| parts.subject = named(0x0c, "a\u{202e}b".as_bytes())).breaks(&["subject-text"]);
    spoil(&|parts| parts.subject = named(0x0c, b"  ")).breaks(&["subject-text"]);
    spoil(&|parts| parts.subject = named(0x0c, b"\xff")).breaks(&["subject-text"]);
    spoil(&|parts| parts.subject = named(0x0c, &[b'x'; 65])).breaks(&["common-name-length"]);
}

#[test]
fn weak_rsa_keys_are_found() {
    let mut parts = office().operator;
    let small = openssl::rsa::Rsa::generate(1024).unwrap();
    parts.public_key = openssl::pkey::PKey::from_rsa(small).unwrap().public_key_to_der().unwrap();
    parts.breaks(&["public-key"]);
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::SECP256K1).unwrap();
    let other = openssl::ec::EcKey::generate(&group).unwrap();
    parts.public_key = openssl::pkey::PKey::from_ec_key(other).unwrap().public_key_to_der().unwrap();
    parts.breaks(&["public-key"]);
}

#[test]
fn times_are_written_and_ordered_as_they_must() {
    let good = office().operator;
    let with = |before: Vec<u8>, after: Vec<u8>| Parts { validity: [before, after], ..good.clone() };
    let [before, after] = good.validity.clone();
    with(after.clone(), before.clone()).breaks(&["validity-order"]);
    with(before.clone(), before.clone()).breaks(&["validity-order"]);
    with(tlv(0x18, b"20220601000000Z"), after.clone()).breaks(&["validity-encoding"]);
    with(before.clone(), tlv(0x18, b"20510101000000Z")).breaks(&["validity-within-issuer"]);
    with(tlv(0x17, b"200101000000Z"), after).breaks(&["validity-within-issuer"]);
    // Without seconds, and in local time: no DER.
    for odd in [&b"2206010000Z"[..], b"220601000000+0800"] {
        with(tlv(0x17, odd), before.clone()).breaks(&["validity-encoding", "validity-order", "validity-within-issuer"]);
    }
}

#[test]
fn a_life_beyond_2049_is_written_in_four_digits() {
    let mut root = office().root;
    root.validity[1] = tlv(0x18, b"20510101000000Z");
    root.breaks(&[]);
    let key = || PrivateKey::generate(KeyKind::P256).unwrap();
    let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
    let late = NOW.plus(Duration::from_secs(20 * 365 * 86_400));
    let root = Authority::new_root(&instance, 1, key(), late).unwrap();
    assert!(lint(root.certificate().der(), None, &profile::ROOT).is_empty());
}

#[test]
fn the_extensions_of_an_operators_certificate_are_held_to_their_rules() {
    let good = || office().operator;
    let not_authority = sequence(&[]);
    let authority = sequence(&[&tlv(1, &[0xff]), &integer(&[0])]);
    good().with(SUBJECT_KEY_IDENTIFIER, false, &tlv(4, &[7; 20])).breaks(&["extension-once"]);
    good().with("1.2.3", true, b"").breaks(&["critical-extension-known"]);
    good().with("1.2.3", false, b"").breaks(&[]);
    good().without(BASIC_CONSTRAINTS).breaks(&["basic-constraints"]);
    good().instead(BASIC_CONSTRAINTS, false, &not_authority).breaks(&["basic-constraints"]);
    good().instead(BASIC_CONSTRAINTS, true, &sequence(&[&integer(&[0])])).breaks(&["basic-constraints"]);
    good().instead(BASIC_CONSTRAINTS, true, &authority).breaks(&["path-length", "key-usage"]);
    good().without(KEY_USAGE).breaks(&["key-usage"]);
    good().instead(KEY_USAGE, false, &tlv(3, &[7, 0x80])).breaks(&["key-usage"]);
    good().instead(KEY_USAGE, true, &tlv(3, &[2, 0x84])).breaks(&["key-usage"]);
    good().instead(KEY_USAGE, true, &tlv(3, &[0])).breaks(&["key-usage"]);
    good().without(EXTENDED_KEY_USAGE).breaks(&["extended-key-usage", "extended-key-usage-profile"]);
    let any = sequence(&[&oid("1.3.6.1.5.5.7.3.2"), &oid("2.5.29.37.0")]);
    good().instead(EXTENDED_KEY_USAGE, false, &any).breaks(&["extended-key-usage", "extended-key-usage-profile"]);
    let server = sequence(&[&oid("1.3.6.1.5.5.7.3.1")]);
    good().instead(EXTENDED_KEY_USAGE, false, &server).breaks(&[
        "extended-key-usage",
        "extended-key-usage-profile",
        "server-alternative-name",
    ]);
    good().without(SUBJECT_KEY_IDENTIFIER).breaks(&["subject-key-identifier"]);
    good()
        .instead(SUBJECT_KEY_IDENTIFIER, true, &tlv(4, &[7; 20]))
        .breaks(&["critical-extension-known", "subject-key-identifier"]);
    good().instead(SUBJECT_KEY_IDENTIFIER, false, &tlv(4, &[7; 4])).breaks(&["subject-key-identifier"]);
    good().without(AUTHORITY_KEY_IDENTIFIER).breaks(&["authority-key-identifier"]);
    let other = sequence(&[&tlv(0x80, &[7; 20])]);
    good().instead(AUTHORITY_KEY_IDENTIFIER, false, &other).breaks(&["authority-key-identifier"]);
    good().instead(AUTHORITY_KEY_IDENTIFIER, false, b"x").breaks(&["authority-key-identifier"]);
}

#[test]
fn addresses_lead_to_the_web() {
    let good = || office().operator;
    let uri = |address: &[u8]| tlv(0x86, address);
    let describe = |method: &str, address: &[u8]| sequence(&[&oid(method), &uri(address)]);
    let responder = || describe("1.3.6.1.5.5.7.48.1", b"http://pki.example/ocsp");
    let information = |address: &[u8]| sequence(&[&describe("1.3.6.1.5.5.7.48.2", address), &responder()]);
    good()
        .instead(AUTHORITY_INFO_ACCESS, false, &sequence(&[&describe("1.3.6.1.5.5.7.48.2", b"http://pki.example/ca/a-1.crt")]))
        .breaks(&["authority-information"]);
    good().instead(AUTHORITY_INFO_ACCESS, false, &sequence(&[&responder()])).breaks(&["authority-information"]);
    let point = |address: &[u8]| sequence(&[&sequence(&[&tlv(0xa0, &tlv(0xa0, &uri(address)))])]);
    good().instead(AUTHORITY_INFO_ACCESS, false, &information(b"https://pki.example/ca/operators-1.crt")).breaks(&[]);
    good().instead(AUTHORITY_INFO_ACCESS, false, &information(b"ldap://pki.example")).breaks(&["authority-information"]);
    good().without(AUTHORITY_INFO_ACCESS).breaks(&["authority-information"]);
    good().instead(AUTHORITY_INFO_ACCESS, false, b"").breaks(&["authority-information"]);
    good().instead(CRL_DISTRIBUTION_POINTS, false, &point(b"http://pki.example/crl/operators-1.crl")).breaks(&[]);
    good().instead(CRL_DISTRIBUTION_POINTS, false, &point(b"file:///etc")).breaks(&["crl-distribution-point"]);
    good().instead(CRL_DISTRIBUTION_POINTS, false, &sequence(&[])).breaks(&["crl-distribution-point"]);
    good().without(CRL_DISTRIBUTION_POINTS).breaks(&["crl-distribution-point"]);
    let root = || office().root;
    root().with(AUTHORITY_INFO_ACCESS, false, &information(b"http://pki.example")).breaks(&["authority-information"]);
    root().with(CRL_DISTRIBUTION_POINTS, false, &point(b"http://pki.example")).breaks(&["crl-distribution-point"]);
}

#[test]
fn a_servers_names_are_plain() {
    let good = || office().server;
    let names = |names: &[(u8, &[u8])]| general_names(names);
    good()
        .instead(SUBJECT_ALT_NAME, false, &names(&[(0x82, b"iam.gov.hk"), (0x87, &[127, 0, 0, 1]), (0x87, &[0; 16])]))
        .breaks(&[]);
    good().without(SUBJECT_ALT_NAME).breaks(&["server-alternative-name"]);
    for bad in
        [(0x82, &b"*.gov.hk"[..]), (0x82, b"127.0.0.1"), (0x82, b"a\0b"), (0x87, &[1, 2, 3]), (0x86, b"http://x"), (0x0c, b"x")]
    {
        good().instead(SUBJECT_ALT_NAME, false, &names(&[bad])).breaks(&["alternative-name"]);
    }
    good().instead(SUBJECT_ALT_NAME, false, &names(&[])).breaks(&["alternative-name"]);
    good().instead(SUBJECT_ALT_NAME, true, &names(&[(0x82, b"a")])).breaks(&["critical-extension-known", "alternative-name"]);
}

#[test]
fn authorities_are_held_to_theirs() {
    let operators = || office().operators;
    let with_length = |length: u8| sequence(&[&tlv(1, &[0xff]), &integer(&[length])]);
    operators().instead(BASIC_CONSTRAINTS, true, &with_length(1)).breaks(&["path-length"]);
    operators().instead(BASIC_CONSTRAINTS, true, &sequence(&[&tlv(1, &[0xff])])).breaks(&["basic-constraints"]);
    operators().instead(KEY_USAGE, true, &tlv(3, &[1, 0x86])).breaks(&["key-usage"]);
    operators().without(CERTIFICATE_POLICIES).breaks(&["certificate-policies"]);
    operators().instead(CERTIFICATE_POLICIES, false, &sequence(&[&sequence(&[&oid("1.2.3")])])).breaks(&["certificate-policies"]);
    operators().with("1.3.6.1.5.5.7.48.1.5", false, &[5, 0]).breaks(&["ocsp-no-check"]);
    let client = sequence(&[&oid("1.3.6.1.5.5.7.3.2")]);
    office().root.with(EXTENDED_KEY_USAGE, false, &client).breaks(&["extended-key-usage", "extended-key-usage-profile"]);
    // Issued under an end entity.
    let office = office();
    let mut parts = office.operator.clone();
    parts.issued_by = Some(office.operator.der());
    parts.issuer = office.operator.subject.clone();
    let rules: Vec<_> = parts.findings().iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["path-length", "authority-key-identifier"]);
}

#[test]
fn a_certificate_without_the_instances_stamp_is_found() {
    let good = || office().operator;
    let stamp = crate::STAMP_OID;
    let strip = |mut parts: Parts| {
        parts.extensions.retain(|(kind, _)| kind != STAMP_OID_CONTENT);
        parts
    };
    let with = |mut parts: Parts, value: &[u8]| {
        let oid = tlv(6, STAMP_OID_CONTENT);
        parts.extensions.push((Vec::new(), sequence(&[&oid, &tlv(4, value)])));
        parts
    };
    assert!(stamp.starts_with("2.25."));
    strip(good()).breaks(&["stamp"]);
    with(strip(good()), b"x").breaks(&["stamp"]);
    let text = |text: &[u8]| tlv(0x0c, text);
    with(strip(good()), &sequence(&[&text(b"demo"), &text(b"production")])).breaks(&["stamp"]);
    with(strip(good()), &sequence(&[&text(b"other"), &text(b"sandbox")])).breaks(&["stamp"]);
    with(strip(good()), &sequence(&[&text(b"demo"), &text(b"sandbox")])).breaks(&[]);
}

#[test]
fn a_finding_reads_as_a_sentence() {
    let findings = office().operator.without(KEY_USAGE).findings();
    assert_eq!(findings[0].to_string(), "key-usage: it is missing (RFC 5280 section 4.2.1.3)");
}
