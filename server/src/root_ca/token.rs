//! The root's key in a PKCS#11 token: one that is brought for this, or that other keys lie in as well.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use pki::provider::pkcs11::{Named, Token, TokenKey, TokenSettings};
use pki::{PublicKey, Signer};

use super::arguments::{RootName, RootToken, TokenPin};
use crate::keys::PinForOnce;

/// The longest that a signature may take: a card is slower than a machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// An id of a key in a token (CKA_ID): hex digits, two for each byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(Vec<u8>);

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "hex digits are wanted, two for each byte";
        let whole = !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| WANTED);
        if whole { (0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>().map(Self) } else { Err(WANTED) }
    }
}

impl TokenPin {
    /// The PIN, read once: from its file, from an open file, or asked for at the terminal.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn once(&self, token: &str) -> Result<PinForOnce, pki::PkiError> {
        match (&self.root_pin_file, self.root_pin_fd) {
            (Some(path), _) => PinForOnce::in_file(path.clone()),
            (None, Some(number)) => PinForOnce::in_open_file(number),
            (None, None) => PinForOnce::at_the_terminal(token),
        }
    }
}

impl RootToken {
    /// The token that the flags name; none when they name none. It is not touched yet.
    ///
    /// # Errors
    /// When the PIN cannot be had.
    pub fn open(&self) -> anyhow::Result<Option<Token>> {
        let (Some(label), Some(module)) = (&self.root_token, &self.root_module) else { return Ok(None) };
        let settings = TokenSettings { module: module.clone(), label: label.clone(), deadline: DEADLINE };
        Ok(Some(Token::new(settings, self.pin.once(label)?)?))
    }

    /// The root's key in the token that the flags name; none when they name none.
    ///
    /// # Errors
    /// When the token or its PIN cannot be had, or the key is not in it.
    pub fn key(&self, name: &RootName, default: String, public: &PublicKey) -> anyhow::Result<Option<Arc<dyn Signer>>> {
        let Some(token) = self.open()? else { return Ok(None) };
        let named = match (&name.root_label, &name.root_id) {
            (Some(label), _) => Named::Label(label.clone()),
            (None, Some(id)) => Named::Id(id.0.clone()),
            (None, None) => Named::Label(default),
        };
        find(&token, &named, public).map(Some).context("the root's key cannot be used")
    }
}

/// What the root's key is labelled, where `iamd init` made it: `INSTANCE/root-1`.
#[must_use]
pub fn label(instance: &str, root: &str) -> String {
    format!("{instance}/{root}")
}

/// The key in the token that `public` is the other half of. Of several of one label it is the one that the root's certificate
/// names; the others are strangers' business.
///
/// # Errors
/// When there is none of that name, none of them is the root's, or it cannot be told which one is.
pub fn find(token: &Token, named: &Named, public: &PublicKey) -> anyhow::Result<Arc<dyn Signer>> {
    let shown = domain::visible(&token.settings().label).into_owned();
    let called = match named {
        Named::Label(label) => format!("labelled '{}'", domain::visible(label)),
        Named::Id(id) => format!("with the id {}", pki::hex(id)),
    };
    let found = token.named(named, public)?;
    ensure!(
        !found.is_empty(),
        "the token '{shown}' has no private key {called}; name the root's key there by --root-label or --root-id; nothing was signed"
    );
    let mut fitting = Vec::with_capacity(found.len());
    for key in found {
        if key.public_key()? == *public {
            fitting.push(key);
        }
    }
    match (fitting.pop(), fitting.is_empty()) {
        (Some(key), true) => Ok(Arc::new(key)),
        (Some(key), false) => {
            fitting.push(key);
            let ids: Vec<String> = fitting.iter().map(TokenKey::object).collect();
            bail!(
                "the token '{shown}' has {} private keys {called}, and does not show which is the root's; name it by --root-id ({}); nothing was signed",
                ids.len(),
                ids.join(", ")
            )
        }
        (None, _) => bail!(
            "what the token '{shown}' has {called} is not the key of the root that is asked: it is another instance's, or another key; nothing was signed"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_whole_bytes_in_hex() {
        assert_eq!("0aFf".parse(), Ok(KeyId(vec![0x0a, 0xff])));
        for bad in ["", "0", "0a0", "0g", "+1", "é0"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
