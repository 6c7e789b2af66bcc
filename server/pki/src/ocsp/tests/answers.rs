//! What is answered.

use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspResponse, OcspResponseStatus};

use super::*;
use crate::error::PkiError;

const ALL_KINDS: [KeyKind; 4] = [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519];

/// What `openssl ocsp` says of an answer to its request about `leaf.pem`: once about the nonce, once about the certificate.
fn verified(desk: &Desk, hash: &str, answer: &[u8]) -> (bool, String) {
    desk.put("answer.der", answer);
    let run = |options: &str| {
        // The answer is one of years ago: its age is no fault here.
        let time = attime(NOW);
        desk.openssl(&format!("ocsp {options} -respin answer.der -CAfile trusted.pem -attime {time} -validity_period 4000000000"))
    };
    let (answered, said) = run("-reqin request.der");
    let (good, words) = run(&format!("{hash} -issuer issuer.pem -cert leaf.pem -no_nonce"));
    (answered && good, said + &words)
}

/// The ResponseData within an answer.
fn data(answer: &[u8]) -> x509_ocsp::ResponseData {
    let response = <x509_ocsp::OcspResponse as der::Decode>::from_der(answer).unwrap();
    let bytes = response.response_bytes.unwrap();
    <x509_ocsp::BasicOcspResponse as der::Decode>::from_der(bytes.response.as_bytes()).unwrap().tbs_response_data
}

#[test]
fn openssl_verifies_what_every_kind_of_key_signs() {
    let office = Office::new();
    let desk = desk(&office, &office.citizen("A1"));
    for kind in ALL_KINDS {
        let responder = responder(&office.citizens, kind);
        for (hash, nonce) in [("-sha1", ""), ("-sha256", ""), ("-sha1", " -no_nonce"), ("-sha256", " -no_nonce")] {
            let request = OcspRequest::from_der(&asked(&desk, &format!(" {hash}{nonce}"))).unwrap();
            assert_eq!(request.issuer_among([(responder.issuer(), ())]), Some(()));
            let answers = [says(&request.certificates()[0], CertificateStatus::Good)];
            let answer = responder.answer(&answers, request.nonce(), NOW).unwrap();
            let (good, said) = verified(&desk, hash, &answer);
            assert!(
                good && said.matches("Response verify OK").count() == 2 && said.contains("leaf.pem: good\n"),
                "{kind:?} {hash}{nonce}: {said}"
            );
            assert!(said.contains("This Update: May 31 15:59:59 2022 GMT"), "{said}");
            assert!(said.contains("Next Update: Jun  1 15:59:59 2022 GMT"), "{said}");
            assert!(!said.contains("WARNING"), "{said}");
        }
    }
}

#[test]
fn a_nonce_is_repeated_and_another_ones_answer_is_noticed() {
    let office = Office::new();
    let desk = desk(&office, &office.citizen("A1"));
    let responder = responder(&office.citizens, KeyKind::P256);
    let request = OcspRequest::from_der(&asked(&desk, "")).unwrap();
    let answers = [says(&request.certificates()[0], CertificateStatus::Good)];
    let kept = responder.answer(&answers, None, NOW).unwrap();
    let (good, said) = verified(&desk, "-sha1", &kept);
    assert!(good && said.contains("WARNING: no nonce in response"), "{said}");
    let other = responder.answer(&answers, Nonce::new(b"another").as_ref(), NOW).unwrap();
    let (good, said) = verified(&desk, "-sha1", &other);
    assert!(!good && said.contains("Nonce Verify error"), "{said}");
    let longest = Nonce::new(&[7; LONGEST_NONCE]).unwrap();
    let answer = responder.answer(&answers, Some(&longest), NOW).unwrap();
    assert_eq!(data(&answer).nonce().unwrap().0.as_bytes(), longest.bytes());
    // Without one, the same is signed for everybody.
    assert_eq!(data(&kept), data(&responder.answer(&answers, None, NOW).unwrap()));
}

#[test]
fn openssl_reads_good_held_revoked_and_unknown() {
    let office = Office::new();
    let desk = desk(&office, &office.citizen("A1"));
    let responder = responder(&office.citizens, KeyKind::P256);
    let request = OcspRequest::from_der(&asked(&desk, "")).unwrap();
    let at = NOW.minus(DAY);
    let revoked = |reason| CertificateStatus::Revoked { at, reason };
    // OpenSSL has no word for the ninth reason.
    for (status, words) in [
        (CertificateStatus::Good, "leaf.pem: good\n"),
        (CertificateStatus::Unknown, "leaf.pem: unknown\n"),
        (revoked(RevocationReason::CertificateHold), "Reason: certificateHold\n\tRevocation Time: May 30 15:59:59 2022 GMT"),
        (revoked(RevocationReason::KeyCompromise), "Reason: keyCompromise\n\tRevocation Time: May 30 15:59:59 2022 GMT"),
        (revoked(RevocationReason::PrivilegeWithdrawn), "Reason: (UNKNOWN)\n"),
        (revoked(RevocationReason::Unspecified), "\tRevocation Time: May 30 15:59:59 2022 GMT"),
    ] {
        let answers = [says(&request.certificates()[0], status)];
        let answer = responder.answer(&answers, request.nonce(), NOW).unwrap();
        let (good, said) = verified(&desk, "-sha1", &answer);
        assert!(good && said.contains("Response verify OK") && said.contains(words), "{status:?}: {said}");
        assert_eq!(said.contains("leaf.pem: revoked"), matches!(status, CertificateStatus::Revoked { .. }), "{said}");
        assert_eq!(said.contains("Reason:"), words.starts_with("Reason"), "unspecified is left out: {said}");
    }
}

#[test]
fn the_library_reads_the_same_as_the_program() {
    let office = Office::new();
    let responder = responder(&office.citizens, KeyKind::P256);
    let citizens: Vec<Certificate> = ["A1", "A2", "A3"].iter().map(|account| office.citizen(account)).collect();
    let ids = citizens.iter().map(|each| responder.issuer().certificate(CertHash::Sha1, &each.view().serial).unwrap());
    let statuses = [
        CertificateStatus::Good,
        CertificateStatus::Revoked { at: NOW, reason: RevocationReason::CertificateHold },
        CertificateStatus::Unknown,
    ];
    let answers: Vec<SingleAnswer> = ids.zip(statuses).map(|(id, status)| says(&id, status)).collect();
    let answer = OcspResponse::from_der(&responder.answer(&answers, None, NOW).unwrap()).unwrap();
    assert_eq!(answer.status(), OcspResponseStatus::SUCCESSFUL);
    let basic = answer.basic().unwrap();
    let expected = [OcspCertStatus::GOOD, OcspCertStatus::REVOKED, OcspCertStatus::UNKNOWN];
    for (citizen, expected) in citizens.iter().zip(expected) {
        let id = |digest| {
            OcspCertId::from_cert(digest, citizen.x509().unwrap(), office.citizens.certificate().x509().unwrap()).unwrap()
        };
        let status = basic.find_status(&id(openssl::hash::MessageDigest::sha1())).unwrap();
        assert_eq!(status.status, expected);
        assert!(basic.find_status(&id(openssl::hash::MessageDigest::sha256())).is_none(), "in the form that was asked for");
    }
}

#[test]
fn an_answer_names_its_responder_by_key_and_repeats_the_question() {
    let office = Office::new();
    let responder = responder(&office.citizens, KeyKind::P256);
    let id = responder.issuer().certificate(CertHash::Sha256, "a5").unwrap();
    let answer = responder.answer(&[says(&id, CertificateStatus::Good)], None, NOW).unwrap();
    let data = data(&answer);
    let key = responder.certificate().public_key().unwrap();
    let point = &key.spki_der()[key.spki_der().len() - 65..];
    let x509_ocsp::ResponderId::ByKey(hash) = &data.responder_id else { panic!("by key") };
    assert_eq!(hash.as_bytes(), openssl::sha::sha1(point));
    assert_eq!(data.responses[0].cert_id, id.syntax);
    let carried = answer.windows(responder.certificate().der().len()).any(|part| part == responder.certificate().der());
    assert!(carried, "its certificate comes along, byte for byte");
}

#[test]
fn only_a_delegate_of_the_authority_itself_answers() {
    let office = Office::new();
    let own = key();
    let public = own.public().unwrap();
    let sign = |authority: &Authority| authority.sign(&authority.plan_responder(&public, NOW).unwrap()).unwrap();
    let issuer = office.citizens.certificate();
    let why = |certificate: Certificate, key: PrivateKey| Responder::load(issuer, certificate, key).unwrap_err().to_string();
    assert!(Responder::load(issuer, sign(&office.citizens), own.clone()).is_ok());
    assert!(why(sign(&office.citizens), key()).contains("it is not the one that its certificate certifies"));
    assert!(why(sign(&office.operators), own.clone()).contains("it was not issued by the authority"));
    assert!(why(sign(&office.root), own.clone()).contains("it was not issued by the authority"));
    let citizen = office.citizens.sign(&office.citizens.plan_citizen("A1", &public, None, NOW).unwrap()).unwrap();
    assert!(why(citizen, own).contains("its extended key usage is not OCSP signing"));
}

#[track_caller]
fn refused(made: Result<Vec<u8>, PkiError>, rules: &[&str]) {
    let Err(PkiError::Lint { what, findings }) = made else { panic!("a finding of the lint") };
    assert_eq!(what, "the OCSP answer");
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), rules, "{findings:#?}");
}

#[test]
fn an_answer_that_breaks_a_rule_is_not_signed() {
    let office = Office::new();
    let responder = responder(&office.citizens, KeyKind::P256);
    let id = responder.issuer().certificate(CertHash::Sha1, "a5").unwrap();
    let good = || says(&id, CertificateStatus::Good);
    let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
    let answer = |single: SingleAnswer, at| responder.answer(&[single], None, at);
    answer(good(), NOW).unwrap();
    answer(good(), NOW.plus(minutes(60))).unwrap();
    refused(answer(good(), NOW.plus(minutes(61))), &["this-update-age"]);
    refused(answer(good(), NOW.minus(minutes(1))), &["this-update"]);
    refused(answer(SingleAnswer { next_update: NOW, ..good() }, NOW), &["next-update"]);
    let passed = SingleAnswer { next_update: NOW.plus(minutes(5)), ..good() };
    refused(answer(passed, NOW.plus(minutes(5))), &["next-update"]);
    let at = |at| says(&id, CertificateStatus::Revoked { at, reason: RevocationReason::KeyCompromise });
    answer(at(NOW.plus(minutes(4))), NOW).unwrap();
    refused(answer(at(NOW.plus(minutes(6))), NOW), &["revocation-time"]);
    refused(responder.answer(&[], None, NOW), &["certificates"]);
    let other = IssuerIds::of(office.operators.certificate()).unwrap().certificate(CertHash::Sha1, "a5").unwrap();
    let foreign = says(&other, CertificateStatus::Unknown);
    refused(responder.answer(&[good(), foreign], None, NOW), &["issuer"]);
    // A clock that ran ahead, or back.
    let life = responder.certificate().view();
    let (late, early) = (life.not_after.plus(minutes(1)), life.not_before.minus(minutes(1)));
    let then = |at: Timestamp| SingleAnswer { this_update: at, next_update: at.plus(DAY), ..good() };
    refused(answer(then(late), late), &["responder-validity", "next-update"]);
    refused(answer(then(early), early), &["responder-validity"]);
    assert!(answer(then(Timestamp::MIN), Timestamp::MIN).is_err());
}

#[test]
fn no_answer_outlives_its_responder() {
    let office = Office::new();
    let responder = responder(&office.citizens, KeyKind::P256);
    let id = responder.issuer().certificate(CertHash::Sha1, "a5").unwrap();
    let last = responder.certificate().view().not_after;
    let at = last.minus(DAY);
    let single =
        SingleAnswer { certificate: id, status: CertificateStatus::Good, this_update: at, next_update: at.plus(7 * DAY) };
    let data = data(&responder.answer(&[single], None, at).unwrap());
    let next = data.responses[0].next_update.unwrap().0.to_date_time();
    assert_eq!(crate::moment::timestamp(next), last);
}
