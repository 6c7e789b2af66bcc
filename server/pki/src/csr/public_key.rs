//! The key of a request: its kind, its form, and the hash it was signed with.

use der::Tag;
use der::asn1::UintRef;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sha::{sha256, sha384, sha512};

use super::refusal::{CsrRefusal, refuse};
use super::rsa;
use super::structure::{Structure, fault};
use crate::generate::PublicKey;
use crate::tlv::{Tlv, Walk, context, dotted};

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P_384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const ECDSA_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA_384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const ECDSA_SHA_512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
/// RSA PKCS#1 v1.5 and ECDSA with SHA-256, SHA-384 and SHA-512.
const SHA_2_SIGNATURES: [&[u8]; 6] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d],
    ECDSA_SHA_256,
    ECDSA_SHA_384,
    ECDSA_SHA_512,
];
const SHA_2: [&[u8]; 3] = [
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
];
const WANTED: &str = "use RSA 2048, 3072 or 4096, P-256 or P-384";

/// An AlgorithmIdentifier: its object identifier and what parameters follow.
fn algorithm<'a>(identifier: &Tlv<'a>) -> der::Result<(&'a [u8], Option<Tlv<'a>>)> {
    let mut walk = identifier.inside()?;
    let oid = walk.next(Tag::ObjectIdentifier)?.value;
    let parameters = if walk.is_finished() { None } else { Some(walk.next(None)?) };
    walk.finish()?;
    Ok((oid, parameters))
}

/// The key of a SubjectPublicKeyInfo, checked as far as that needs no long computation.
pub(super) fn checked(info: &Tlv<'_>) -> Result<PublicKey, CsrRefusal> {
    let read = || {
        let mut walk = info.inside()?;
        let (oid, parameters) = algorithm(&walk.next(Tag::Sequence)?)?;
        let bits = walk.next(Tag::BitString)?;
        walk.finish()?;
        Ok((oid, parameters, bits))
    };
    let (oid, parameters, bits) = read().map_err(fault)?;
    let [0, bytes @ ..] = bits.value else {
        return Err(refuse("csr.encoding", "the public key is not a whole number of bytes"));
    };
    match oid {
        RSA_ENCRYPTION => rsa_key(bytes),
        EC_PUBLIC_KEY => ec_key(parameters, bytes),
        other => Err(refuse("csr.key-type", format!("keys of type {} are not certified here", dotted(other))).mend(WANTED)),
    }
}

/// The kind of a key that was read already: RSA by size and exponent, elliptic curves by name.
pub(crate) fn check_kind(key: &PublicKey) -> Result<(), CsrRefusal> {
    let pkey = key.pkey();
    if let Ok(rsa) = pkey.rsa() {
        rsa::check_size(&rsa.n().to_vec())?;
        return rsa::check_exponent(&rsa.e().to_vec());
    }
    let Ok(key) = pkey.ec_key() else {
        return Err(refuse("csr.key-type", "keys of this type are not used here").mend(WANTED));
    };
    match key.group().curve_name() {
        Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1) => Ok(()),
        _ => Err(refuse("csr.curve", "keys on this curve are not used here").mend(WANTED)),
    }
}

fn rsa_key(bytes: &[u8]) -> Result<PublicKey, CsrRefusal> {
    let read = || -> der::Result<(UintRef<'_>, UintRef<'_>)> {
        let mut walk = Tlv::only(bytes)?.inside()?;
        let pair = (walk.next(Tag::Integer)?.read()?, walk.next(Tag::Integer)?.read()?);
        walk.finish()?;
        Ok(pair)
    };
    let (modulus, exponent) = read().map_err(|_| refuse("csr.encoding", "the RSA key is not DER"))?;
    // By their bytes first, so that no number of 64 KiB reaches the arithmetic.
    rsa::check_size(modulus.as_bytes())?;
    rsa::check_exponent(exponent.as_bytes())?;
    let key = || {
        let rsa = Rsa::from_public_components(BigNum::from_slice(modulus.as_bytes())?, BigNum::from_slice(exponent.as_bytes())?)?;
        PKey::from_rsa(rsa)
    };
    key().ok().and_then(|key| PublicKey::from_pkey(key).ok()).ok_or_else(|| refuse("csr.encoding", "the RSA key cannot be read"))
}

fn ec_key(parameters: Option<Tlv<'_>>, bytes: &[u8]) -> Result<PublicKey, CsrRefusal> {
    let curve = match parameters {
        Some(parameters) if parameters.tag == Tag::ObjectIdentifier => parameters.value,
        // Parameters spelled out can describe a curve that looks like P-256 and is not (CVE-2020-0601).
        _ => return Err(refuse("csr.curve", "the curve is not given by its name").mend(WANTED)),
    };
    let (curve, size) = match curve {
        P_256 => (Nid::X9_62_PRIME256V1, 32),
        P_384 => (Nid::SECP384R1, 48),
        other => return Err(refuse("csr.curve", format!("the curve {} is not certified here", dotted(other))).mend(WANTED)),
    };
    match bytes {
        [4, coordinates @ ..] if coordinates.len() == 2 * size => {}
        [2 | 3, x @ ..] if x.len() == size => {
            return Err(refuse("csr.point", "the point is compressed").mend("give it uncompressed (RFC 5480, section 2.2)"));
        }
        _ => return Err(refuse("csr.point", "the point does not have the form of the curve's points")),
    }
    let key = || {
        let group = EcGroup::from_curve_name(curve)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, bytes, &mut context)?;
        // Nothing more is to be checked: reading refuses what is off the curve, and the cofactor of both curves is 1 (SEC 1
        // version 2, section 3.2.2.1).
        PKey::from_ec_key(EcKey::from_public_key(&group, &point)?)
    };
    key().ok().and_then(|key| PublicKey::from_pkey(key).ok()).ok_or_else(|| refuse("csr.point", "the point is not on the curve"))
}

/// Only SHA-2 with 256 bits or more.
pub(super) fn check_signature_hash(identifier: &Tlv<'_>) -> Result<(), CsrRefusal> {
    let (oid, parameters) = algorithm(identifier).map_err(fault)?;
    let fits = match oid {
        RSASSA_PSS => parameters.is_some_and(|parameters| pss_hash(&parameters).is_ok_and(|hash| SHA_2.contains(&hash))),
        other => SHA_2_SIGNATURES.contains(&other),
    };
    if fits {
        return Ok(());
    }
    let name = match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02..=0x04] => "MD2, MD4 or MD5".to_owned(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => "SHA-1".to_owned(),
        RSASSA_PSS => "RSASSA-PSS without SHA-2".to_owned(),
        other => dotted(other),
    };
    let refusal = refuse("csr.signature-hash", format!("the request is signed with {name}"));
    Err(refusal.mend("sign it with SHA-256, SHA-384 or SHA-512"))
}

/// What an ECDSA signature of a request is over; None for another kind of signature.
pub(super) fn ecdsa_digest(structure: &Structure<'_>) -> Option<Vec<u8>> {
    let (oid, _) = algorithm(&structure.signature_algorithm).ok()?;
    let signed = structure.signed;
    match oid {
        ECDSA_SHA_256 => Some(sha256(signed).to_vec()),
        ECDSA_SHA_384 => Some(sha384(signed).to_vec()),
        ECDSA_SHA_512 => Some(sha512(signed).to_vec()),
        _ => None,
    }
}

/// hashAlgorithm of RSASSA-PSS-params (RFC 4055 section 3.1). Absent means SHA-1 there, and an error here.
fn pss_hash<'a>(parameters: &Tlv<'a>) -> der::Result<&'a [u8]> {
    let mut walk: Walk<'a> = parameters.inside()?;
    let hash = Tlv::only(walk.next(context(0))?.value)?;
    Ok(algorithm(&hash)?.0)
}
