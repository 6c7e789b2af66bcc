use der::Encode;
use der::asn1::OctetString;
use x509_cert::ext::AsExtension;
use x509_cert::name::Name;
use x509_ocsp::{RevokedInfo, Version};

use super::*;
use crate::ocsp::CertHash;
use crate::office::{DAY, NOW, Office};

/// An answer that is good until a test spoils a part of it; and the office whose citizens it is about.
struct Draft {
    issuer: IssuerIds,
    data: ResponseData,
}

fn time(moment: Timestamp) -> OcspGeneralizedTime {
    moment::date_time(moment).unwrap().into()
}

fn nonce_extension(bytes: &[u8]) -> Extension {
    x509_ocsp::ext::Nonce::new(bytes).unwrap().to_extension(&Name::default(), &[]).unwrap()
}

impl Draft {
    fn good() -> Self {
        let issuer = IssuerIds::of(Office::new().citizens.certificate()).unwrap();
        let single = SingleResponse {
            cert_id: issuer.certificate(CertHash::Sha1, "a5").unwrap().syntax,
            cert_status: CertStatus::good(),
            this_update: time(NOW),
            next_update: Some(time(NOW.plus(DAY))),
            single_extensions: None,
        };
        let data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByKey(OctetString::new([9; 20]).unwrap()),
            produced_at: time(NOW),
            responses: vec![single],
            response_extensions: Some(vec![nonce_extension(b"nonce")]),
        };
        Self { issuer, data }
    }

    fn findings(&self) -> Vec<Finding> {
        let bounds = Bounds { issuer: &self.issuer, key_hash: &[9; 20], validity: [NOW.minus(DAY), NOW.plus(DAY)] };
        lint(&self.data.to_der().unwrap(), &bounds)
    }
}

#[track_caller]
fn breaks(rules: &[&str], spoil: impl FnOnce(&mut Draft)) {
    let mut draft = Draft::good();
    spoil(&mut draft);
    let findings = draft.findings();
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), rules, "{findings:#?}");
}

#[test]
fn every_rule_has_its_own_name_and_a_source() {
    for (at, rule) in RULES.iter().enumerate() {
        assert!(!rule.source.is_empty());
        assert!(RULES[..at].iter().all(|earlier| earlier.name != rule.name), "{}", rule.name);
    }
}

#[test]
fn each_rule_is_broken_by_what_it_is_against() {
    breaks(&[], |_| {});
    breaks(&[], |draft| draft.data.response_extensions = None);
    breaks(&["responder-id"], |draft| draft.data.responder_id = ResponderId::ByName(Name::default()));
    breaks(&["responder-id"], |draft| {
        draft.data.responder_id = ResponderId::ByKey(OctetString::new([8; 20]).unwrap());
    });
    breaks(&["certificates"], |draft| draft.data.responses.clear());
    breaks(&["issuer"], |draft| draft.data.responses[0].cert_id.issuer_key_hash = OctetString::new([8; 20]).unwrap());
    breaks(&["this-update"], |draft| draft.data.responses[0].this_update = time(NOW.plus(OLDEST_UPDATE)));
    breaks(&["this-update-age"], |draft| draft.data.responses[0].this_update = time(NOW.minus(OLDEST_UPDATE * 2)));
    breaks(&["next-update"], |draft| draft.data.responses[0].next_update = None);
    breaks(&["next-update"], |draft| draft.data.responses[0].next_update = Some(time(NOW)));
    breaks(&["next-update"], |draft| draft.data.responses[0].next_update = Some(time(NOW.plus(DAY * 2))));
    breaks(&["responder-validity", "this-update"], |draft| draft.data.produced_at = time(NOW.minus(DAY * 2)));
    breaks(&["extensions-known"], |draft| draft.data.responses[0].single_extensions = Some(vec![nonce_extension(b"nonce")]));
    breaks(&["extensions-known"], |draft| {
        let critical = Extension { critical: true, ..nonce_extension(b"nonce") };
        draft.data.response_extensions = Some(vec![critical]);
    });
    breaks(&["extensions-known"], |draft| {
        let other = Extension { extn_id: x509_ocsp::ext::CrlId::OID, ..nonce_extension(b"nonce") };
        draft.data.response_extensions = Some(vec![other]);
    });
    for bad in [&b""[..], &[7; 129]] {
        breaks(&["nonce"], |draft| draft.data.response_extensions = Some(vec![nonce_extension(bad)]));
    }
    breaks(&["nonce"], |draft| draft.data.response_extensions = Some(vec![nonce_extension(b"a"), nonce_extension(b"b")]));
}

#[test]
fn revocations_are_held_to_their_rules() {
    let revoked = |at, reason| {
        move |draft: &mut Draft| {
            let info = RevokedInfo { revocation_time: time(at), revocation_reason: reason };
            draft.data.responses[0].cert_status = CertStatus::Revoked(info);
        }
    };
    breaks(&[], revoked(NOW, None));
    breaks(&[], revoked(NOW.plus(AHEAD), Some(CrlReason::CertificateHold)));
    breaks(&["revocation-time"], revoked(NOW.plus(AHEAD * 2), None));
    breaks(&["reason"], revoked(NOW, Some(CrlReason::Unspecified)));
    breaks(&["reason"], revoked(NOW, Some(CrlReason::RemoveFromCRL)));
}

#[test]
fn what_is_no_answer_breaks_the_first_rule_of_all() {
    let draft = Draft::good();
    let bounds = Bounds { issuer: &draft.issuer, key_hash: &[9; 20], validity: [NOW, NOW] };
    let findings = lint(b"hello", &bounds);
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["well-formed"]);
}
