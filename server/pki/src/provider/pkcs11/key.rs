//! Key pairs in the token.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;

use super::device::{Device, Trouble};
use super::{Named, Token};
use crate::error::{Doing, PkiError};
use crate::generate::{KeyKind, PublicKey};
use crate::signer::{SignatureScheme, Signer};

/// Bytes of an object's id (CKA_ID): drawn at random for each pair, since a `kid` such as `operators-2` may exist in another
/// instance that uses the same token, and for a moment twice in one, while two nodes rotate at once.
const ID_LENGTH: usize = 16;
/// DER of the object identifiers of the curves (CKA_EC_PARAMS): RFC 5480 section 2.1.1.1, RFC 8410 section 3.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// What stands before a SHA-256 digest in a PKCS#1 v1.5 signature: DigestInfo, RFC 8017 section 9.2, note 1.
const SHA256_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

const PUBLIC_HALF: &str = "the public key in the token";

/// A key whose private half lies in the token. It is found by its object at every signature.
#[derive(Clone, Debug)]
pub struct TokenKey {
    token: Token,
    object: Vec<u8>,
    public: PublicKey,
}

impl TokenKey {
    pub(super) fn new(token: Token, object: &str, public: PublicKey) -> Result<Self, PkiError> {
        Ok(Self { token, object: object_id(object)?, public })
    }

    pub(super) fn of(token: Token, object: Vec<u8>, public: PublicKey) -> Self {
        Self { token, object, public }
    }

    /// What finds it in the token: its CKA_ID in lower-case hex; 32 digits, when it was made here.
    #[must_use]
    pub fn object(&self) -> String {
        crate::text::hex(&self.object)
    }
}

impl Signer for TokenKey {
    fn public_key(&self) -> Result<PublicKey, PkiError> {
        Ok(self.public.clone())
    }

    /// Signs in the token, and verifies here what came back: a token that holds another key than we think, or that computes
    /// wrongly, gives nothing away.
    fn sign_with(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        scheme.require_kind(self.public.kind()?)?;
        let input = match scheme {
            SignatureScheme::EcdsaP256Sha256 | SignatureScheme::RsaPssSha256 => openssl::sha::sha256(message).to_vec(),
            SignatureScheme::EcdsaP384Sha384 => openssl::sha::sha384(message).to_vec(),
            SignatureScheme::RsaPkcs1Sha256 => [SHA256_INFO, &openssl::sha::sha256(message)].concat(),
            SignatureScheme::Ed25519 => message.to_vec(),
        };
        let object = self.object.clone();
        let raw = self.token.call(self.token.settings.deadline, move |device| sign(device, &object, scheme, &input))?;
        let signature = match scheme {
            SignatureScheme::EcdsaP256Sha256 | SignatureScheme::EcdsaP384Sha384 => ecdsa_der(&raw)?,
            _ => raw,
        };
        if !self.public.verifies_with(scheme, message, &signature)? {
            return Err(PkiError::unfit("the token's signature", "it is not one of this key's"));
        }
        Ok(signature)
    }
}

/// An object's id out of the text that [`TokenKey::object`] gave.
pub(super) fn object_id(text: &str) -> Result<Vec<u8>, PkiError> {
    let malformed = || PkiError::malformed("the object in the token", "it must be 32 hex digits");
    if text.len() != 2 * ID_LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    (0..ID_LENGTH).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| malformed())).collect()
}

/// Whether the token lists what makes keys of this kind and signs with them.
pub(super) fn supported(device: &Device, kind: KeyKind) -> Result<bool, PkiError> {
    let needs: &[MechanismType] = match kind {
        KeyKind::P256 | KeyKind::P384 => &[MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA],
        KeyKind::Rsa3072 => &[MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::RSA_PKCS, MechanismType::RSA_PKCS_PSS],
        KeyKind::Ed25519 => &[MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, MechanismType::EDDSA],
    };
    let has = device.mechanisms()?;
    Ok(needs.iter().all(|needed| has.contains(needed)))
}

/// Makes a pair and calls it `name(public half)`. Gives the object's id as text, and the public half.
pub(super) fn generate(
    device: &Device,
    kind: KeyKind,
    name: &dyn Fn(&PublicKey) -> Result<String, PkiError>,
) -> Result<(Vec<u8>, PublicKey), PkiError> {
    let (id, made) = device.with_session(|session| {
        let mut id = [0; ID_LENGTH];
        openssl::rand::rand_bytes(&mut id).doing("draw an object id")?;
        let (mechanism, particulars) = match kind {
            KeyKind::P256 => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(P256.to_vec())]),
            KeyKind::P384 => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(P384.to_vec())]),
            KeyKind::Ed25519 => (Mechanism::EccEdwardsKeyPairGen, vec![Attribute::EcParams(ED25519.to_vec())]),
            KeyKind::Rsa3072 => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![Attribute::ModulusBits(3072.into()), Attribute::PublicExponent(vec![1, 0, 1])],
            ),
        };
        let public = [
            &[Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true), Attribute::Id(id.to_vec())][..],
            &particulars,
        ]
        .concat();
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Id(id.to_vec()),
        ];
        let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
        // From here on the pair is there: another round of this work would make a second one.
        Ok((id, settle(session, public, private, name)))
    })?;
    match made {
        Ok(public) => Ok((id.to_vec(), public)),
        Err(fault) => {
            let _ = destroy(device, &id);
            Err(fault)
        }
    }
}

/// What is left to do once the pair is there: see that it is as it was asked for, and give it its name.
fn settle(
    session: &Session,
    public: ObjectHandle,
    private: ObjectHandle,
    name: &dyn Fn(&PublicKey) -> Result<String, PkiError>,
) -> Result<PublicKey, PkiError> {
    let told = |error| super::fault::told(&error);
    let kept = session
        .get_attributes(private, &[AttributeType::Sensitive, AttributeType::Extractable, AttributeType::Token])
        .map_err(told)?;
    for attribute in [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Token(true)] {
        if !kept.contains(&attribute) {
            return Err(PkiError::unfit("the token", format!("it made a key without {attribute:?}")));
        }
    }
    let half = read_public(session, public)?;
    let label = Attribute::Label(name(&half)?.into_bytes());
    for object in [public, private] {
        session.update_attributes(object, std::slice::from_ref(&label)).map_err(told)?;
    }
    Ok(half)
}

/// The public half of a pair, read from the token; none when the token has no private key of that id.
pub(super) fn public_half(device: &Device, id: &[u8]) -> Result<Option<PublicKey>, PkiError> {
    device.with_session(|session| {
        if one(session, ObjectClass::PRIVATE_KEY, id)?.is_none() {
            return Ok(None);
        }
        let Some(public) = one(session, ObjectClass::PUBLIC_KEY, id)? else { return Ok(None) };
        Ok(Some(read_public(session, public)?))
    })
}

/// A pair that was found: the id of its private key, and its public half where the token shows one.
pub(super) type Found = (Vec<u8>, Option<PublicKey>);

/// Pairs whose private key has that name.
pub(super) fn named(device: &Device, by: &Named) -> Result<Vec<Found>, PkiError> {
    let by = match by {
        Named::Label(label) => Attribute::Label(label.as_bytes().to_vec()),
        Named::Id(id) => Attribute::Id(id.clone()),
    };
    device.with_session(|session| {
        let mut found = Vec::new();
        for private in session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), by.clone()])? {
            let attributes = session.get_attributes(private, &[AttributeType::Id])?;
            let id = attributes.into_iter().find_map(|one| if let Attribute::Id(id) = one { Some(id) } else { None });
            let id = id.unwrap_or_default();
            let public = one(session, ObjectClass::PUBLIC_KEY, &id)?.map(|half| read_public(session, half)).transpose()?;
            found.push((id, public));
        }
        Ok(found)
    })
}

/// Destroys whatever has that id; gives whether anything had.
pub(super) fn destroy(device: &Device, id: &[u8]) -> Result<bool, PkiError> {
    if destroy_what_is_seen(device, id)? {
        return Ok(true);
    }
    // A token that was taken out, and whose module did not notice, has nothing either.
    device.probe()?;
    destroy_what_is_seen(device, id)
}

fn destroy_what_is_seen(device: &Device, id: &[u8]) -> Result<bool, PkiError> {
    device.with_session(|session| {
        let mut found = false;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for object in session.find_objects(&[Attribute::Class(class), Attribute::Id(id.to_vec())])? {
                session.destroy_object(object)?;
                found = true;
            }
        }
        Ok(found)
    })
}

fn sign(device: &Device, id: &[u8], scheme: SignatureScheme, input: &[u8]) -> Result<Vec<u8>, PkiError> {
    let mechanism = match scheme {
        SignatureScheme::EcdsaP256Sha256 | SignatureScheme::EcdsaP384Sha384 => Mechanism::Ecdsa,
        SignatureScheme::RsaPkcs1Sha256 => Mechanism::RsaPkcs,
        SignatureScheme::RsaPssSha256 => Mechanism::RsaPkcsPss(PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: 32.into(),
        }),
        SignatureScheme::Ed25519 => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)),
    };
    device.with_session(|session| {
        let Some(key) = one(session, ObjectClass::PRIVATE_KEY, id)? else {
            return Err(Trouble::Missing(PkiError::token_unavailable(format!("it has no key {}", crate::text::hex(id)))));
        };
        Ok(session.sign(&mechanism, key, input)?)
    })
}

fn one(session: &Session, class: ObjectClass, id: &[u8]) -> Result<Option<ObjectHandle>, Trouble> {
    Ok(session.find_objects(&[Attribute::Class(class), Attribute::Id(id.to_vec())])?.first().copied())
}

fn read_public(session: &Session, object: ObjectHandle) -> Result<PublicKey, PkiError> {
    const DOING: &str = "read the public key in the token";
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut kind, mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None, None);
    for attribute in session.get_attributes(object, &wanted).map_err(|error| super::fault::told(&error))? {
        match attribute {
            Attribute::KeyType(value) => kind = Some(value),
            Attribute::EcParams(value) => curve = Some(value),
            Attribute::EcPoint(value) => point = Some(value),
            Attribute::Modulus(value) => modulus = Some(value),
            Attribute::PublicExponent(value) => exponent = Some(value),
            _ => {}
        }
    }
    let pkey = match (kind, curve, point, modulus, exponent) {
        (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => {
            let modulus = BigNum::from_slice(&modulus).doing(DOING)?;
            let exponent = BigNum::from_slice(&exponent).doing(DOING)?;
            PKey::from_rsa(Rsa::from_public_components(modulus, exponent).doing(DOING)?).doing(DOING)?
        }
        (Some(KeyType::EC), Some(curve), Some(point), ..) => {
            let (curve, length) = match curve.as_slice() {
                P256 => (Nid::X9_62_PRIME256V1, 65),
                P384 => (Nid::SECP384R1, 97),
                _ => return Err(PkiError::unfit(PUBLIC_HALF, "its curve is neither P-256 nor P-384")),
            };
            let group = EcGroup::from_curve_name(curve).doing(DOING)?;
            let mut context = BigNumContext::new().doing(DOING)?;
            let point = EcPoint::from_bytes(&group, &octets(&point, length), &mut context).doing(DOING)?;
            PKey::from_ec_key(EcKey::from_public_key(&group, &point).doing(DOING)?).doing(DOING)?
        }
        (Some(KeyType::EC_EDWARDS), _, Some(point), ..) => {
            PKey::public_key_from_raw_bytes(&octets(&point, 32), Id::ED25519).doing(DOING)?
        }
        _ => return Err(PkiError::malformed(PUBLIC_HALF, "an attribute is missing")),
    };
    PublicKey::from_pkey(pkey)
}

/// CKA_EC_POINT is the DER of an OCTET STRING that holds the point; some makers leave the OCTET STRING away. The point's own
/// length tells: its first byte is that of an OCTET STRING as well, and its second may happen to be a length.
fn octets(value: &[u8], length: usize) -> Vec<u8> {
    match <der::asn1::OctetString as der::Decode>::from_der(value) {
        Ok(wrapped) if value.len() != length => wrapped.into_bytes(),
        _ => value.to_vec(),
    }
}

/// `r || s`, as tokens give it, to `SEQUENCE { r, s }` (RFC 3279 section 2.2.3).
fn ecdsa_der(raw: &[u8]) -> Result<Vec<u8>, PkiError> {
    const DOING: &str = "write the signature";
    let (r, s) = raw.split_at(raw.len() / 2);
    let (r, s) = (BigNum::from_slice(r).doing(DOING)?, BigNum::from_slice(s).doing(DOING)?);
    EcdsaSig::from_private_components(r, s).doing(DOING)?.to_der().doing(DOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_id_is_32_hex_digits() {
        assert_eq!(object_id("000102030405060708090a0b0c0d0eff").unwrap()[13..], [0x0d, 0x0e, 0xff]);
        for bad in [
            "",
            "00",
            "000102030405060708090a0b0c0d0eg0",
            "000102030405060708090a0b0c0d0eff00",
            "+00102030405060708090a0b0c0d0eff",
            "é0102030405060708090a0b0c0d0eff",
        ] {
            assert!(object_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_point_is_taken_with_its_wrapping_or_without() {
        let point = [&[4, 63][..], &[0x55; 63]].concat();
        assert_eq!(octets(&point, 65), point, "it could be an OCTET STRING of 63 bytes, and is none");
        assert_eq!(octets(&[&[4, 65][..], &point].concat(), 65), point);
        assert_eq!(octets(&[&[4, 32][..], &[7; 32]].concat(), 32), [7; 32]);
        assert_eq!(octets(&[7; 32], 32), [7; 32]);
    }
}
