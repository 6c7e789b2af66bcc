//! Makes requests that no honest tool makes, for the tests.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa, RsaPrivateKeyBuilder};
use openssl::sign::{RsaPssSaltlen, Signer};

use crate::forge_der::{attribute, bits, integer, oid, sequence, set, tlv};
use crate::generate::{KeyKind, PrivateKey};

pub(super) fn rsa_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid("1.2.840.113549.1.1.1"), &tlv(0x05, &[])]);
    sequence(&[&algorithm, &bits(&sequence(&[&integer(modulus), &integer(exponent)]))])
}

pub(super) fn ec_info(parameters: &[u8], point: &[u8]) -> Vec<u8> {
    sequence(&[&sequence(&[&oid("1.2.840.10045.2.1"), parameters]), &bits(point)])
}

/// A request in parts; each test spoils one.
#[derive(Clone)]
pub(super) struct Forged {
    pub(super) version: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) extensions: Vec<Vec<u8>>,
    pub(super) attributes: Vec<Vec<u8>>,
    pub(super) signature_algorithm: Vec<u8>,
    pub(super) signer: PKey<Private>,
    pub(super) digest: MessageDigest,
    pub(super) pss: bool,
}

impl Forged {
    /// An honest request with a fresh P-256 key.
    pub(super) fn honest() -> Self {
        Self::with(PrivateKey::generate(KeyKind::P256).unwrap().pkey().clone())
    }

    /// An honest request with this key, signed with SHA-256.
    pub(super) fn with(signer: PKey<Private>) -> Self {
        let signature_algorithm = match signer.rsa() {
            Ok(_) => sequence(&[&oid("1.2.840.113549.1.1.11"), &tlv(0x05, &[])]),
            Err(_) => sequence(&[&oid("1.2.840.10045.4.3.2")]),
        };
        Self {
            version: integer(&[0]),
            subject: sequence(&[&attribute("2.5.4.3", 0x0c, b"chan-tai-man")]),
            public_key: signer.public_key_to_der().unwrap(),
            extensions: Vec::new(),
            attributes: Vec::new(),
            signature_algorithm,
            signer,
            digest: MessageDigest::sha256(),
            pss: false,
        }
    }

    pub(super) fn named(mut self, tag: u8, common_name: &[u8]) -> Self {
        self.subject = sequence(&[&attribute("2.5.4.3", tag, common_name)]);
        self
    }

    pub(super) fn asking(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(super) fn info(&self) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        if !self.extensions.is_empty() {
            let extensions = tlv(0x30, &self.extensions.concat());
            attributes.push(sequence(&[&oid("1.2.840.113549.1.9.14"), &set(&[&extensions])]));
        }
        let attributes = tlv(0xa0, &attributes.concat());
        sequence(&[&self.version, &self.subject, &self.public_key, &attributes])
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let info = self.info();
        let mut signer = Signer::new(self.digest, &self.signer).unwrap();
        if self.pss {
            signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::custom(32)).unwrap();
        }
        let signature = signer.sign_oneshot_to_vec(&info).unwrap();
        sequence(&[&info, &self.signature_algorithm, &bits(&signature)])
    }
}

/// An RSA key out of two given primes.
pub(super) fn rsa_of(p: &BigNumRef, q: &BigNumRef) -> PKey<Private> {
    let mut context = BigNumContext::new().unwrap();
    let big = || BigNum::new().unwrap();
    let (mut n, mut p1, mut q1, mut phi, mut d) = (big(), p.to_owned().unwrap(), q.to_owned().unwrap(), big(), big());
    let e = BigNum::from_u32(65_537).unwrap();
    n.checked_mul(p, q, &mut context).unwrap();
    p1.sub_word(1).unwrap();
    q1.sub_word(1).unwrap();
    phi.checked_mul(&p1, &q1, &mut context).unwrap();
    d.mod_inverse(&e, &phi, &mut context).unwrap();
    PKey::from_rsa(RsaPrivateKeyBuilder::new(n, e, d).unwrap().build()).unwrap()
}

pub(super) fn prime(bits: i32) -> BigNum {
    let mut prime = BigNum::new().unwrap();
    prime.generate_prime(bits, false, None, None).unwrap();
    prime
}

/// The first prime above `start` that an RSA key with exponent 65537 can use.
pub(super) fn next_prime(start: &BigNumRef) -> BigNum {
    let mut context = BigNumContext::new().unwrap();
    let mut candidate = start.to_owned().unwrap();
    loop {
        candidate.add_word(2).unwrap();
        if candidate.mod_word(65_537).unwrap() != 1 && candidate.is_prime_fasttest(16, &mut context, true).unwrap() {
            return candidate;
        }
    }
}

/// A prime as the faulty chips make it for RSA 2048: k * M + (65537^a mod M), M the product of the first 126 primes.
pub(super) fn roca_prime() -> BigNum {
    let mut context = BigNumContext::new().unwrap();
    let big = || BigNum::new().unwrap();
    let mut product = BigNum::from_u32(1).unwrap();
    let is_prime = |n: &u32| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
    (2..).filter(is_prime).take(126).for_each(|prime| product.mul_word(prime).unwrap());
    let generator = BigNum::from_u32(65_537).unwrap();
    loop {
        let (mut exponent, mut power, mut k, mut candidate, mut whole) = (big(), big(), big(), big(), big());
        exponent.rand(200, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
        power.mod_exp(&generator, &exponent, &product, &mut context).unwrap();
        k.rand(1024 - product.num_bits(), openssl::bn::MsbOption::TWO_ONES, false).unwrap();
        whole.checked_mul(&k, &product, &mut context).unwrap();
        candidate.checked_add(&whole, &power).unwrap();
        if candidate.num_bits() == 1024 && candidate.is_prime_fasttest(16, &mut context, true).unwrap() {
            return candidate;
        }
    }
}

pub(super) fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}
