//! Weak RSA keys. What they have in common: somebody else can find the private key.

use std::cmp::Ordering;

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;

use super::refusal::{CsrRefusal, refuse};
use crate::generate::PublicKey;

/// Rounds of Fermat's factorisation, as the CA/Browser Forum asks (BR 6.1.1.3): enough for primes that share their upper
/// half, far too few for honest ones.
const FERMAT_ROUNDS: usize = 100;
/// Trial division goes up to here.
const LARGEST_SMALL_FACTOR: usize = 1 << 16;

/// Bits of a number given in big-endian bytes without leading zeros.
fn bits(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(first) => bytes.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

pub(super) fn check_size(modulus: &[u8]) -> Result<(), CsrRefusal> {
    let bits = bits(modulus);
    if matches!(bits, 2048 | 3072 | 4096) {
        return Ok(());
    }
    Err(refuse("csr.rsa-size", format!("the RSA key has {bits} bits")).mend("use 2048, 3072 or 4096 bits"))
}

/// Odd, above 2^16 (FIPS 186-5 section 5.1) and within 64 bits, beyond which verifiers refuse it.
pub(super) fn check_exponent(exponent: &[u8]) -> Result<(), CsrRefusal> {
    let odd = exponent.last().is_some_and(|last| last & 1 == 1);
    if odd && (17..=64).contains(&bits(exponent)) {
        return Ok(());
    }
    let refusal = refuse("csr.rsa-exponent", "the RSA exponent is even, below 65537 or above 64 bits");
    Err(refusal.mend("use the exponent 65537"))
}

/// Refuses a modulus that can be factored. Other kinds of key pass.
pub(super) fn check_factors(key: &PublicKey) -> Result<(), CsrRefusal> {
    let Ok(rsa) = key.pkey().rsa() else { return Ok(()) };
    let weakness = weakness(rsa.n()).map_err(|_| refuse("csr.encoding", "the RSA key cannot be computed with"))?;
    match weakness {
        None => Ok(()),
        Some((code, message)) => Err(refuse(code, message).mend("make a new key with current software")),
    }
}

fn weakness(modulus: &BigNumRef) -> Result<Option<(&'static str, String)>, ErrorStack> {
    if let Some(factor) = small_factor(modulus)? {
        return Ok(Some(("csr.rsa-small-factor", format!("the RSA modulus is divisible by {factor}"))));
    }
    if has_roca_fingerprint(modulus)? {
        return Ok(Some(("csr.rsa-roca", "the RSA key was made by a faulty chip (ROCA, CVE-2017-15361)".to_owned())));
    }
    if has_close_primes(modulus)? {
        return Ok(Some(("csr.rsa-close-primes", "the two primes of the RSA key lie too close together".to_owned())));
    }
    // Not a product at all: then anybody can compute the private exponent.
    let mut context = BigNumContext::new()?;
    if modulus.is_prime(16, &mut context)? {
        return Ok(Some(("csr.rsa-small-factor", "the RSA modulus is a prime".to_owned())));
    }
    Ok(None)
}

fn small_factor(modulus: &BigNumRef) -> Result<Option<usize>, ErrorStack> {
    for prime in primes_below(LARGEST_SMALL_FACTOR) {
        if modulus.mod_word(prime as u32)? == 0 {
            return Ok(Some(prime));
        }
    }
    Ok(None)
}

fn primes_below(end: usize) -> impl Iterator<Item = usize> {
    let mut composite = vec![false; end];
    (2..end).filter(move |n| {
        if composite[*n] {
            return false;
        }
        (n * n..end).step_by(*n).for_each(|multiple| composite[multiple] = true);
        true
    })
}

/// Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's Attack", CCS 2017, section 3.3. The faulty primes are
/// k * M + (65537^a mod M) for a product M of small primes; so modulo each of these the modulus is a power of 65537. An
/// honest modulus is one for all of them with a chance of about 2^-28.
fn has_roca_fingerprint(modulus: &BigNumRef) -> Result<bool, ErrorStack> {
    for prime in primes_below(168).skip(1).map(|prime| prime as u64) {
        let wanted = modulus.mod_word(prime as u32)?;
        let (mut power, mut found) = (1, false);
        for _ in 0..prime {
            found |= power == wanted;
            power = power * 65_537 % prime;
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Fermat: looks for a square a^2 - n, a going up from the root of n; then n = (a - b)(a + b).
fn has_close_primes(modulus: &BigNumRef) -> Result<bool, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let mut middle = floor_root(modulus, &mut context)?;
    let (mut square, mut rest) = (BigNum::new()?, BigNum::new()?);
    for _ in 0..=FERMAT_ROUNDS {
        square.sqr(&middle, &mut context)?;
        // The first round only meets a modulus that is itself a square.
        if square.ucmp(modulus) != Ordering::Less {
            rest.checked_sub(&square, modulus)?;
            if is_square(&rest, &mut context)? {
                return Ok(true);
            }
        }
        middle.add_word(1)?;
    }
    Ok(false)
}

fn is_square(number: &BigNumRef, context: &mut BigNumContext) -> Result<bool, ErrorStack> {
    // Squares are rare among residues: this spares nearly every root.
    for modulus in [64u64, 63, 65, 11] {
        let residue = number.mod_word(modulus as u32)?;
        if !(0..modulus).any(|root| root * root % modulus == residue) {
            return Ok(false);
        }
    }
    let root = floor_root(number, context)?;
    let mut square = BigNum::new()?;
    square.sqr(&root, context)?;
    Ok(square.ucmp(number) == Ordering::Equal)
}

/// The integer square root by Newton's method from above.
fn floor_root(number: &BigNumRef, context: &mut BigNumContext) -> Result<BigNum, ErrorStack> {
    if number.num_bits() == 0 {
        return BigNum::new();
    }
    let mut root = BigNum::new()?;
    root.set_bit((number.num_bits() + 1) / 2)?;
    let (mut quotient, mut next) = (BigNum::new()?, BigNum::new()?);
    loop {
        quotient.checked_div(number, &root, context)?;
        next.checked_add(&root, &quotient)?;
        quotient.rshift1(&next)?;
        if quotient.ucmp(&root) != Ordering::Less {
            return Ok(root);
        }
        std::mem::swap(&mut root, &mut quotient);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn primes_are_primes() {
        assert_eq!(primes_below(30).collect::<Vec<_>>(), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert_eq!(primes_below(LARGEST_SMALL_FACTOR).count(), 6542);
        // The primes of the faulty chips' smallest product.
        assert_eq!((primes_below(168).count(), primes_below(168).last()), (39, Some(167)));
    }

    #[test]
    fn exponents_are_odd_and_neither_small_nor_huge() {
        for good in [&[1, 0, 1][..], &[1, 0, 3], &[0xff; 8]] {
            assert_eq!(check_exponent(good), Ok(()));
        }
        for bad in [&[][..], &[1], &[3], &[17], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 1], &[0xff; 32]] {
            assert_eq!(check_exponent(bad).unwrap_err().code, "csr.rsa-exponent");
        }
    }

    #[test]
    fn sizes_are_exact() {
        for (first, length, bits) in [(0x80, 128, 1024), (0x7f, 256, 2047), (1, 257, 2049), (0x80, 512, 4096), (1, 513, 4097)] {
            let mut modulus = vec![0xff; length];
            modulus[0] = first;
            assert_eq!(check_size(&modulus).is_ok(), bits == 4096, "{bits}");
        }
    }

    proptest! {
        #[test]
        fn roots_are_roots(number: u128) {
            let mut context = BigNumContext::new().unwrap();
            let root = floor_root(&BigNum::from_slice(&number.to_be_bytes()).unwrap(), &mut context).unwrap();
            prop_assert_eq!(root.to_dec_str().unwrap().to_string(), number.isqrt().to_string());
        }

        #[test]
        fn squares_are_known(root: u64, beside in 0u128..3) {
            let mut context = BigNumContext::new().unwrap();
            let number = u128::from(root).pow(2).saturating_add(beside);
            let expected = number.isqrt().pow(2) == number;
            let number = BigNum::from_slice(&number.to_be_bytes()).unwrap();
            prop_assert_eq!(is_square(&number, &mut context).unwrap(), expected);
        }
    }
}
