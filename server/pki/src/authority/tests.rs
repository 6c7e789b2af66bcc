use domain::Environment;
use openssl::nid::Nid;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509StoreContext, X509VerifyResult};

use super::*;
use crate::generate::KeyKind;
use crate::stamp::{STAMP_OID, Stamp, stamp};

/// 2022-05-31 15:59:59.5 UTC, half a second before midnight in Hong Kong is near enough.
const NOW: Timestamp = Timestamp::from_micros(1_654_012_799_500_000);
const DAY: Duration = Duration::from_secs(86_400);

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

struct Office {
    instance: Instance,
    root: Authority,
    operators: Authority,
    servers: Authority,
}

impl Office {
    fn opened_at(environment: Environment, now: Timestamp) -> Self {
        let instance = Instance::new("demo", environment, "http://127.0.0.1:8080/").unwrap();
        let root = Authority::new_root(&instance, 1, key(), now).unwrap();
        let issuing = |purpose| root.new_issuing(AuthorityName::new(purpose, 1), key(), now).unwrap();
        let (operators, servers) = (issuing(AuthorityPurpose::Operators), issuing(AuthorityPurpose::Servers));
        Self { instance, root, operators, servers }
    }

    fn new() -> Self {
        Self::opened_at(Environment::Sandbox, NOW)
    }

    fn operator(&self, id: &str) -> Certificate {
        self.operators
            .plan_operator(id, &key().public().unwrap(), None, NOW)
            .and_then(|planned| self.operators.sign(&planned))
            .unwrap()
    }

    fn server(&self) -> Certificate {
        let (hosts, addresses) = (["Localhost".to_owned()], ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
        self.servers
            .plan_server(&hosts, &addresses, &key().public().unwrap(), None, NOW)
            .and_then(|planned| self.servers.sign(&planned))
            .unwrap()
    }

    /// What OpenSSL says to a certificate shown for this purpose at this moment.
    fn verified(&self, leaf: &Certificate, purpose: X509PurposeId, at: Timestamp) -> X509VerifyResult {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(self.root.certificate().x509().unwrap().clone()).unwrap();
        let mut parameters = X509VerifyParam::new().unwrap();
        parameters.set_purpose(purpose).unwrap();
        parameters.set_time(at.micros() / 1_000_000);
        parameters.set_flags(X509VerifyFlags::X509_STRICT).unwrap();
        store.set_param(&parameters).unwrap();
        let mut chain = Stack::new().unwrap();
        chain.push(self.operators.certificate().x509().unwrap().clone()).unwrap();
        chain.push(self.servers.certificate().x509().unwrap().clone()).unwrap();
        let mut context = X509StoreContext::new().unwrap();
        context
            .init(&store.build(), leaf.x509().unwrap(), &chain, |context| {
                context.verify_cert()?;
                Ok(context.error())
            })
            .unwrap()
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn an_operator_and_a_server_are_trusted_for_their_own_purpose_only() {
    let office = Office::new();
    let (operator, server) = (office.operator("chan"), office.server());
    assert_eq!(office.verified(&operator, X509PurposeId::SSL_CLIENT, NOW), X509VerifyResult::OK);
    assert_eq!(office.verified(&server, X509PurposeId::SSL_SERVER, NOW), X509VerifyResult::OK);
    assert_ne!(office.verified(&operator, X509PurposeId::SSL_SERVER, NOW), X509VerifyResult::OK);
    assert_ne!(office.verified(&server, X509PurposeId::SSL_CLIENT, NOW), X509VerifyResult::OK);
}

#[test]
fn another_offices_operator_is_not_trusted() {
    let stranger = Office::new().operator("chan");
    assert_ne!(Office::new().verified(&stranger, X509PurposeId::SSL_CLIENT, NOW), X509VerifyResult::OK);
}

#[test]
fn every_certificate_carries_instance_and_environment() {
    for environment in [Environment::Sandbox, Environment::Production] {
        let office = Office::opened_at(environment, NOW);
        let expected = Stamp { instance: "demo".into(), environment };
        for certificate in [
            office.root.certificate(),
            office.operators.certificate(),
            office.servers.certificate(),
            &office.operator("chan"),
            &office.server(),
        ] {
            assert_eq!(certificate.stamp(), Some(&expected));
            assert_eq!(stamp(certificate.x509().unwrap()), Some(expected.clone()));
            let text = String::from_utf8(certificate.x509().unwrap().to_text().unwrap()).unwrap();
            assert!(text.contains(&format!("            {STAMP_OID}: \n")), "not critical, and OpenSSL reads our OID:\n{text}");
        }
    }
}

#[test]
fn names_and_serials_are_as_lists_show_them() {
    let office = Office::new();
    let operator = office.operator("chan-tai-man");
    let view = operator.view();
    assert_eq!(view.subject, "CN=chan-tai-man, O=iAM Smart platform (sandbox)");
    assert_eq!(view.issuer, "operators-1");
    assert_eq!((view.serial.len(), view.serial.to_lowercase()), (32, view.serial.clone()));
    let known = operator.x509().unwrap().serial_number().to_bn().unwrap().to_hex_str().unwrap().to_lowercase();
    assert_eq!(view.serial, known);
    assert_eq!(office.root.certificate().view().subject, "CN=demo root-1, O=iAM Smart platform (sandbox)");
    assert_eq!(office.root.certificate().view().issuer, "root-1");
    assert_eq!(office.operators.certificate().view().issuer, "root-1");
    let production = Office::opened_at(Environment::Production, NOW);
    assert!(production.operator("chan").view().subject.ends_with("O=iAM Smart platform (production)"));
}

#[test]
fn serials_are_never_repeated() {
    let office = Office::new();
    let serials: std::collections::BTreeSet<String> = (0..50).map(|_| office.operator("chan").view().serial.clone()).collect();
    assert_eq!(serials.len(), 50);
}

#[test]
fn lives_are_backdated_a_little_and_end_with_the_issuers() {
    let office = Office::new();
    let operator = office.operator("chan");
    let whole = Timestamp::from_micros(1_654_012_799_000_000);
    assert_eq!(operator.view().not_after, whole.plus(365 * DAY));
    // The issuer was made in the same second, and is not outlived backwards either.
    assert_eq!(operator.view().not_before, whole.minus(minutes(5)));
    assert_eq!(office.root.certificate().view().not_before, whole.minus(minutes(5)));
    assert!(operator.is_valid_at(NOW) && operator.is_valid_at(NOW.minus(minutes(4))));
    assert!(!operator.is_valid_at(NOW.minus(minutes(6))) && !operator.is_valid_at(NOW.plus(366 * DAY)));
    let late = NOW.plus(5 * 365 * DAY).minus(DAY);
    let last = office
        .operators
        .plan_operator("chan", &key().public().unwrap(), None, late)
        .and_then(|planned| office.operators.sign(&planned))
        .unwrap();
    assert_eq!(last.view().not_after, office.operators.certificate().view().not_after);
    assert_eq!(last.view().not_before, Timestamp::from_micros(late.micros() / 1_000_000 * 1_000_000).minus(minutes(5)));
    let too_late = office
        .operators
        .plan_operator("chan", &key().public().unwrap(), None, late.plus(2 * DAY))
        .and_then(|planned| office.operators.sign(&planned));
    assert!(matches!(too_late, Err(PkiError::Unfit { .. })));
}

#[test]
fn a_life_can_be_shortened_and_not_lengthened() {
    let office = Office::new();
    let issue = |life| {
        office
            .operators
            .plan_operator("chan", &key().public().unwrap(), Some(life), NOW)
            .and_then(|planned| office.operators.sign(&planned))
    };
    let end = |life| issue(life).unwrap().view().not_after;
    let whole = Timestamp::from_micros(1_654_012_799_000_000);
    assert_eq!(end(minutes(10)), whole.plus(minutes(10)));
    assert_eq!(end(1000 * DAY), whole.plus(365 * DAY));
    assert!(issue(Duration::ZERO).is_err());
    let expired = issue(Duration::from_secs(1)).unwrap();
    let result = office.verified(&expired, X509PurposeId::SSL_CLIENT, NOW.plus(minutes(1)));
    assert_eq!(result.error_string(), "certificate has expired");
}

#[test]
fn uses_and_path_lengths_are_those_of_the_profiles() {
    let office = Office::new();
    let text = |certificate: &Certificate| String::from_utf8(certificate.x509().unwrap().to_text().unwrap()).unwrap();
    let root = text(office.root.certificate());
    assert!(root.contains("Basic Constraints: critical\n                CA:TRUE, pathlen:1"), "{root}");
    assert!(root.contains("Key Usage: critical\n                Certificate Sign, CRL Sign"), "{root}");
    assert!(
        !root.contains("Extended Key Usage") && !root.contains("CRL Distribution") && !root.contains("Authority Information")
    );
    let operators = text(office.operators.certificate());
    assert!(operators.contains("CA:TRUE, pathlen:0") && operators.contains("Certificate Sign, CRL Sign"), "{operators}");
    assert!(operators.contains("URI:http://127.0.0.1:8080/ca/root-1.crt"), "{operators}");
    assert!(operators.contains("URI:http://127.0.0.1:8080/crl/root-1.crl"), "{operators}");
    let operator = text(&office.operator("chan"));
    assert!(operator.contains("Basic Constraints: critical\n                CA:FALSE"), "{operator}");
    assert!(operator.contains("Key Usage: critical\n                Digital Signature\n"), "{operator}");
    assert!(operator.contains("TLS Web Client Authentication\n") && !operator.contains("TLS Web Server"), "{operator}");
    assert!(operator.contains("CA Issuers - URI:http://127.0.0.1:8080/ca/operators-1.crt"), "{operator}");
    assert!(operator.contains("URI:http://127.0.0.1:8080/crl/operators-1.crl"), "{operator}");
    assert!(!operator.contains("Alternative Name"), "{operator}");
    let server = text(&office.server());
    assert!(server.contains("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"), "{server}");
    assert!(server.contains("TLS Web Server Authentication\n") && !server.contains("TLS Web Client"), "{server}");
    assert!(server.contains("ecdsa-with-SHA256") && server.contains("prime256v1"), "{server}");
}

#[test]
fn key_identifiers_lead_from_leaf_to_root() {
    let office = Office::new();
    let operator = office.operator("chan");
    let own = |certificate: &Certificate| certificate.x509().unwrap().subject_key_id().unwrap().as_slice().to_vec();
    let issuers = |certificate: &Certificate| certificate.x509().unwrap().authority_key_id().unwrap().as_slice().to_vec();
    assert_eq!(issuers(&operator), own(office.operators.certificate()));
    assert_eq!(issuers(office.operators.certificate()), own(office.root.certificate()));
    assert!(operator.is_signed_by(office.operators.certificate()).unwrap());
    assert!(!operator.is_signed_by(office.root.certificate()).unwrap());
    assert!(!operator.is_signed_by(office.servers.certificate()).unwrap());
    assert!(office.root.certificate().is_signed_by(office.root.certificate()).unwrap());
}

#[test]
fn an_authority_is_stored_and_taken_up_again() {
    let kept = key();
    let mut office = Office::new();
    let name = AuthorityName::new(AuthorityPurpose::Operators, 1);
    office.operators = office.root.new_issuing(name, kept.clone(), NOW).unwrap();
    let der = office.operators.certificate().der().to_vec();
    let pkcs8 = kept.to_pkcs8_der().unwrap();
    let read = Certificate::from_der(&der).unwrap();
    let stored = || PrivateKey::from_pkcs8_der(&pkcs8).unwrap();
    let again = Authority::load(&office.instance, office.operators.name(), read.clone(), stored()).unwrap();
    let operator =
        again.plan_operator("wong", &key().public().unwrap(), None, NOW).and_then(|planned| again.sign(&planned)).unwrap();
    assert_eq!(office.verified(&operator, X509PurposeId::SSL_CLIENT, NOW), X509VerifyResult::OK);
    // With another key, under another name, in another instance or environment it is refused.
    let load = |instance: &Instance, name, key| Authority::load(instance, name, read.clone(), key).map(drop);
    assert!(load(&office.instance, office.operators.name(), key()).is_err());
    assert!(load(&office.instance, office.servers.name(), stored()).is_err());
    assert!(load(&office.instance, AuthorityName::new(AuthorityPurpose::Operators, 2), stored()).is_err());
    let other = Instance::new("other", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
    assert!(load(&other, office.operators.name(), stored()).is_err());
    let production = Instance::new("demo", Environment::Production, "http://127.0.0.1:8080").unwrap();
    let fault = load(&production, office.operators.name(), stored()).unwrap_err().to_string();
    assert!(fault.ends_with("it carries the stamp of another instance or environment"), "{fault}");
    // The address may move: it is of the certificates to come.
    let moved = Instance::new("demo", Environment::Sandbox, "http://pki.example").unwrap();
    load(&moved, office.operators.name(), stored()).unwrap();
}

#[test]
fn an_authority_issues_only_what_is_its_own() {
    let office = Office::new();
    let public = key().public().unwrap();
    let hosts = ["localhost".to_owned()];
    assert!(office.servers.plan_operator("chan", &public, None, NOW).and_then(|planned| office.servers.sign(&planned)).is_err());
    assert!(office.root.plan_operator("chan", &public, None, NOW).and_then(|planned| office.root.sign(&planned)).is_err());
    assert!(
        office
            .operators
            .plan_server(&hosts, &[], &public, None, NOW)
            .and_then(|planned| office.operators.sign(&planned))
            .is_err()
    );
    let servers = AuthorityName::new(AuthorityPurpose::Servers, 2);
    assert!(office.operators.new_issuing(servers, key(), NOW).is_err());
    assert!(office.root.new_issuing(AuthorityName::new(AuthorityPurpose::Root, 2), key(), NOW).is_err());
    assert!(office.root.new_issuing(servers, key(), NOW).is_ok());
}

#[test]
fn names_that_are_none_are_not_certified() {
    let office = Office::new();
    let public = key().public().unwrap();
    let long = "x".repeat(65);
    for bad in ["", " chan", "a\0b", "a\nb", "a\u{202e}b", "zero\u{200b}width", &long] {
        assert!(
            office.operators.plan_operator(bad, &public, None, NOW).and_then(|planned| office.operators.sign(&planned)).is_err(),
            "{bad:?}"
        );
    }
    assert!(office.servers.plan_server(&[], &[], &public, None, NOW).and_then(|planned| office.servers.sign(&planned)).is_err());
    for bad in ["", "*.gov.hk", "127.0.0.1", "a b", "a\0b", "稅務.hk"] {
        assert!(
            office
                .servers
                .plan_server(&[bad.to_owned()], &[], &public, None, NOW)
                .and_then(|planned| office.servers.sign(&planned))
                .is_err(),
            "{bad:?}"
        );
    }
}

#[test]
fn a_weak_key_is_caught_before_anything_is_signed() {
    let office = Office::new();
    let weak = openssl::rsa::Rsa::generate(1024).unwrap();
    let weak = PrivateKey::from_pkey(openssl::pkey::PKey::from_rsa(weak).unwrap()).unwrap().public().unwrap();
    let fault =
        office.operators.plan_operator("chan", &weak, None, NOW).and_then(|planned| office.operators.sign(&planned)).unwrap_err();
    assert_eq!(fault.to_string(), "the certificate was not issued: public-key: an RSA key of 1024 bits (RFC 5480 section 2.1.1)");
    let PkiError::Lint { findings, .. } = fault else { panic!("a finding of the lint") };
    assert_eq!(findings[0].rule, "public-key");
}

#[test]
fn other_kinds_of_authority_key_work_as_well() {
    let instance = Instance::new("demo", Environment::Sandbox, "https://pki.example/base/").unwrap();
    for (kind, signature) in [
        (KeyKind::P384, Nid::ECDSA_WITH_SHA384),
        (KeyKind::Rsa3072, Nid::SHA256WITHRSAENCRYPTION),
        (KeyKind::Ed25519, Nid::from_raw(openssl::pkey::Id::ED25519.as_raw())),
    ] {
        let root = Authority::new_root(&instance, 3, PrivateKey::generate(kind).unwrap(), NOW).unwrap();
        assert_eq!(root.certificate().x509().unwrap().signature_algorithm().object().nid(), signature);
        let operators = root.new_issuing(AuthorityName::new(AuthorityPurpose::Operators, 7), key(), NOW).unwrap();
        assert_eq!(operators.certificate().x509().unwrap().signature_algorithm().object().nid(), signature);
        assert!(operators.certificate().is_signed_by(root.certificate()).unwrap());
        assert_eq!(operators.certificate().view().issuer, "root-3");
    }
}

#[test]
fn authority_names_read_as_they_are_written() {
    for name in ["root-1", "operators-1", "servers-12"] {
        assert_eq!(name.parse::<AuthorityName>().unwrap().to_string(), name);
    }
    for bad in
        ["", "root", "root-", "root-0", "root-01", "root-+1", "roots-1", "Root-1", "root-1 ", "../root-1", "root-4294967296"]
    {
        assert!(bad.parse::<AuthorityName>().is_err(), "{bad}");
    }
}

#[test]
fn certificates_travel_as_pem_and_der() {
    let operator = Office::new().operator("chan");
    let pem = operator.pem().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    for read in [Certificate::from_pem(pem.as_bytes()).unwrap(), Certificate::from_der(operator.der()).unwrap()] {
        assert_eq!((read.view(), read.fingerprint()), (operator.view(), operator.fingerprint()));
        assert_eq!(read.public_key().unwrap(), operator.public_key().unwrap());
    }
    assert!(Certificate::from_pem(b"nothing").is_err());
    assert!(Certificate::from_der(&operator.der()[1..]).is_err());
}
