//! HKDF-SHA256 (RFC 5869): keys derived by label, never shared between purposes.

use openssl::md::Md;
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

use crate::error::{Doing, PkiError};

/// 32 secret bytes, wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// Derives the key of one purpose. The label is the HKDF info; two labels give unrelated keys.
pub fn derive(input: &[u8], salt: &[u8], label: &str) -> Result<Secret, PkiError> {
    let mut output = Secret::default();
    expand(input, salt, label.as_bytes(), output.as_mut())?;
    Ok(output)
}

fn expand(input: &[u8], salt: &[u8], info: &[u8], output: &mut [u8]) -> Result<(), PkiError> {
    const DOING: &str = "derive a key";
    let mut context = PkeyCtx::new_id(Id::HKDF).doing(DOING)?;
    context.derive_init().doing(DOING)?;
    context.set_hkdf_md(Md::sha256()).doing(DOING)?;
    context.set_hkdf_key(input).doing(DOING)?;
    if !salt.is_empty() {
        context.set_hkdf_salt(salt).doing(DOING)?;
    }
    context.add_hkdf_info(info).doing(DOING)?;
    context.derive(Some(output)).doing(DOING)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 5869, appendix A.1 and A.3.
    #[test]
    fn the_published_vectors_come_out() {
        let mut output = [0; 42];
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        expand(&[0x0b; 22], &salt, &info, &mut output).unwrap();
        assert_eq!(hex(&output), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
        expand(&[0x0b; 22], &[], &[], &mut output).unwrap();
        assert_eq!(hex(&output), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    }

    #[test]
    fn labels_and_salts_part_the_keys() {
        let one = derive(&[1; 32], b"demo", "pairwise").unwrap();
        assert_eq!(one, derive(&[1; 32], b"demo", "pairwise").unwrap());
        assert_ne!(one, derive(&[1; 32], b"demo", "blind-index").unwrap());
        assert_ne!(one, derive(&[1; 32], b"else", "pairwise").unwrap());
        assert_ne!(one, derive(&[2; 32], b"demo", "pairwise").unwrap());
    }
}
