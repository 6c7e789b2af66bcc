//! Which keys are taken, and which are refused by what is known of them.

use super::*;

#[test]
fn other_kinds_of_key_are_refused() {
    let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let refusal = refused(make_csr(&ed25519, "chan").unwrap(), "csr.key-type");
    assert_eq!(refusal.message, "keys of type 1.3.101.112 are not certified here");
    let mut forged = Forged::honest();
    // DSA, and RSA held to PSS.
    for kind in ["1.2.840.10040.4.1", "1.2.840.113549.1.1.10"] {
        forged.public_key = sequence(&[&sequence(&[&oid(kind)]), &bits(&integer(&[5]))]);
        refused(forged.der(), "csr.key-type");
    }
}

#[test]
fn other_curves_are_refused() {
    for curve in [Nid::X9_62_PRIME192V1, Nid::SECP256K1, Nid::SECP521R1, Nid::SECP224R1] {
        let group = EcGroup::from_curve_name(curve).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        refused(Forged::with(key).der(), "csr.curve");
    }
    // P-256 itself, spelled out instead of named.
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    group.set_asn1_flag(openssl::ec::Asn1Flag::EXPLICIT_CURVE);
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let forged = Forged::with(key);
    assert!(forged.public_key.len() > 200, "the parameters are spelled out");
    assert_eq!(refused(forged.der(), "csr.curve").message, "the curve is not given by its name");
    let mut forged = Forged::honest();
    let algorithm = sequence(&[&oid("1.2.840.10045.2.1")]);
    forged.public_key = sequence(&[&algorithm, &bits(&[4; 65])]);
    refused(forged.der(), "csr.curve");
}

#[test]
fn points_off_the_curve_are_refused() {
    let mut forged = Forged::honest();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = BigNumContext::new().unwrap();
    let key = forged.signer.ec_key().unwrap();
    let mut point = |form| key.public_key().to_bytes(&group, form, &mut context).unwrap();
    let good = point(PointConversionForm::UNCOMPRESSED);
    let compressed = point(PointConversionForm::COMPRESSED);
    let hybrid = point(PointConversionForm::HYBRID);
    let p256 = oid("1.2.840.10045.3.1.7");
    let mut off = good.clone();
    off[64] ^= 1;
    let mut beyond = good.clone();
    beyond[1..33].fill(0xff);
    for bad in [
        &off[..],
        &beyond,
        &compressed,
        &hybrid,
        &[0],
        &[],
        &good[..64],
        &[&good[..], &[0]].concat(),
        &[[4; 1].as_slice(), &[0; 64]].concat(),
    ] {
        forged.public_key = ec_info(&p256, bad);
        refused(forged.der(), "csr.point");
    }
    // A point of P-256 said to be one of P-384.
    forged.public_key = ec_info(&oid("1.3.132.0.34"), &good);
    refused(forged.der(), "csr.point");
    forged.public_key = ec_info(&p256, &good);
    accepted(&forged);
}

#[test]
fn rsa_sizes_are_the_three() {
    for size in [1024, 2047, 2056, 3064] {
        refused(Forged::with(rsa(size)).der(), "csr.rsa-size");
    }
    let mut forged = Forged::honest();
    forged.public_key = rsa_info(&[0xff; 8192], &[1, 0, 1]);
    refused(forged.der(), "csr.rsa-size");
    forged.public_key = rsa_info(&[], &[1, 0, 1]);
    refused(forged.der(), "csr.rsa-size");
}

#[test]
fn rsa_exponents_are_neither_small_nor_even_nor_huge() {
    let key = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
    let modulus = key.n().to_vec();
    refused(Forged::with(PKey::from_rsa(key).unwrap()).der(), "csr.rsa-exponent");
    let mut forged = Forged::honest();
    for exponent in [&[][..], &[1], &[17], &[1, 0, 0], &[0xff; 256], &modulus] {
        forged.public_key = rsa_info(&modulus, exponent);
        refused(forged.der(), "csr.rsa-exponent");
    }
    // A negative number is no exponent, and no DER of one.
    forged.public_key = sequence(&[
        &sequence(&[&oid("1.2.840.113549.1.1.1"), &tlv(0x05, &[])]),
        &bits(&sequence(&[&integer(&modulus), &tlv(0x02, &[0xff])])),
    ]);
    refused(forged.der(), "csr.encoding");
}

#[test]
fn rsa_primes_that_lie_close_together_are_refused() {
    // Two leading bits set, so that the product has its full length.
    let mut p = prime(1024);
    p.set_bit(1022).unwrap();
    let p = next_prime(&p);
    let q = next_prime(&p);
    refused(Forged::with(rsa_of(&p, &q)).der(), "csr.rsa-close-primes");
    // A hundred rounds reach further: primes that differ in their lower half only.
    let mut far = (*p).to_owned().unwrap();
    far.set_bit(514).unwrap();
    let q = next_prime(&far);
    refused(Forged::with(rsa_of(&p, &q)).der(), "csr.rsa-close-primes");
    // The extreme case, one prime twice, found in the round before the first.
    let mut square = BigNum::new().unwrap();
    square.sqr(&p, &mut BigNumContext::new().unwrap()).unwrap();
    let key = PKey::from_rsa(Rsa::from_public_components(square, BigNum::from_u32(65_537).unwrap()).unwrap()).unwrap();
    let key = PublicKey::from_pkey(key).unwrap();
    assert_eq!(rsa::check_factors(&key).unwrap_err().code, "csr.rsa-close-primes");
}

#[test]
fn rsa_moduli_with_a_small_factor_are_refused() {
    for factor in [3u32, 251, 65_521] {
        let factor = BigNum::from_u32(factor).unwrap();
        // OpenSSL sets the two leading bits of a prime: the product has 2048 bits.
        let other = prime(2048 - factor.num_bits());
        let refusal = refused(Forged::with(rsa_of(&factor, &other)).der(), "csr.rsa-small-factor");
        assert_eq!(refusal.message, format!("the RSA modulus is divisible by {factor}"));
    }
    // No product at all: with exponent 65537 and a prime modulus everybody can sign.
    let modulus = prime(2048);
    let key = Rsa::from_public_components(modulus, BigNum::from_u32(65_537).unwrap()).unwrap();
    let key = PublicKey::from_pkey(PKey::from_rsa(key).unwrap()).unwrap();
    assert_eq!(rsa::check_factors(&key).unwrap_err().message, "the RSA modulus is a prime");
}

#[test]
fn keys_of_the_faulty_chips_are_refused() {
    refused(Forged::with(rsa_of(&roca_prime(), &roca_prime())).der(), "csr.rsa-roca");
}

#[test]
fn keys_printed_in_a_standard_are_refused() {
    let pem = "-----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n\
        AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n\
        uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n\
        -----END EC PRIVATE KEY-----\n";
    refused(Forged::with(PKey::private_key_from_pem(pem.as_bytes()).unwrap()).der(), "csr.key-blocked");
}

#[test]
fn keys_on_a_list_of_ours_are_refused() {
    let request = accepted(&Forged::honest());
    let digest = request.public_key().spki_digest();
    assert_eq!(request.check_not_blocked(|_| false), Ok(()));
    assert_eq!(request.check_not_blocked(|key| *key == digest).unwrap_err().code, "csr.key-blocked");
}

#[test]
fn a_bare_key_is_held_to_the_same_rules() {
    let check = |pkey: PKey<openssl::pkey::Private>| {
        check_key(&PublicKey::from_spki_der(&pkey.public_key_to_der().unwrap()).unwrap()).map_err(|refusal| refusal.code)
    };
    assert_eq!(check(rsa(2048)), Ok(()));
    assert_eq!(check(PrivateKey::generate(KeyKind::P256).unwrap().pkey().clone()), Ok(()));
    assert_eq!(check(rsa(1024)), Err("csr.rsa-size"));
    assert_eq!(check(PKey::generate_ed25519().unwrap()), Err("csr.key-type"));
    let group = EcGroup::from_curve_name(Nid::SECP256K1).unwrap();
    assert_eq!(check(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()), Err("csr.curve"));
    assert_eq!(check(rsa_of(&roca_prime(), &roca_prime())), Err("csr.rsa-roca"));
}
