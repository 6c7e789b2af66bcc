//! What is handed out for a citizen's request and is not stored: the id of the request, perhaps a moment, and a keyed digest of
//! both. Whoever has the database cannot make one.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{CitizenRequestId, ClientId, Timestamp};
use pki::provider::derive;
use pki::{MacKey, PkiError, SealingKey};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of a digest: 2^128 guesses.
const MAC: usize = 16;
/// The longest login hint there is, characters.
const LONGEST_HINT: usize = 128;

/// What a login hint is sealed for.
const HINT: &[u8] = b"login_hint_token";

/// Makes and reads authorization codes and `auth_req_id`s.
pub struct HandleKeys {
    codes: MacKey,
    back_channel: MacKey,
    hints: SealingKey,
    notifications: SealingKey,
}

/// What an authorization code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCode {
    /// The request.
    pub request: CitizenRequestId,
    /// When the code was handed out.
    pub issued_at: Timestamp,
}

impl HandleKeys {
    pub(crate) fn of(payloads: &[u8], salt: &[u8]) -> Result<Self, PkiError> {
        let key = |label| MacKey::new(&derive(payloads, salt, label)?[..]);
        let sealing = |label| SealingKey::new(&*derive(payloads, salt, label)?);
        Ok(Self {
            codes: key("request.code")?,
            back_channel: key("request.auth-req-id")?,
            hints: sealing("request.login-hint")?,
            notifications: sealing("request.notification-token")?,
        })
    }

    /// An authorization code for an approved request (RFC 6749 section 4.1.2).
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn code(&self, request: CitizenRequestId, issued_at: Timestamp) -> Result<String, PkiError> {
        let at = issued_at.micros().to_be_bytes();
        let mac = self.codes.mac_parts(&[request.as_bytes(), &at])?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&request.as_bytes()[..], &at, &mac[..MAC]].concat()))
    }

    /// Reads a code; none when it is not one of ours.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn read_code(&self, code: &str) -> Result<Option<ReadCode>, PkiError> {
        let Some((id, at, mac)) = parts::<8>(code) else { return Ok(None) };
        if !verifies(&self.codes, &[&id, &at], &mac)? {
            return Ok(None);
        }
        let issued_at = Timestamp::from_micros(i64::from_be_bytes(at));
        Ok(CitizenRequestId::from_bytes(&id).ok().map(|request| ReadCode { request, issued_at }))
    }

    /// The `auth_req_id` of a request (CIBA Core 1.0, section 7.3).
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn auth_req_id(&self, request: CitizenRequestId) -> Result<String, PkiError> {
        let mac = self.back_channel.mac_parts(&[request.as_bytes()])?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&request.as_bytes()[..], &mac[..MAC]].concat()))
    }

    /// Reads an `auth_req_id`; none when it is not one of ours.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn read_auth_req_id(&self, given: &str) -> Result<Option<CitizenRequestId>, PkiError> {
        let Some((id, [], mac)) = parts::<0>(given) else { return Ok(None) };
        if !verifies(&self.back_channel, &[&id], &mac)? {
            return Ok(None);
        }
        Ok(CitizenRequestId::from_bytes(&id).ok())
    }

    /// A `login_hint_token` (CIBA Core 1.0, section 7.1) of a citizen. It is sealed: two parties cannot tell by theirs that they
    /// have the same citizen before them.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn login_hint(&self, account: Uuid, expires_at: Timestamp) -> Result<String, PkiError> {
        let says = [&account.as_bytes()[..], &expires_at.micros().to_be_bytes()].concat();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(self.hints.seal(&says, HINT)?))
    }

    /// Reads a `login_hint_token`: whose it is, and its last moment, which is the caller's to judge. None when it is not one of
    /// ours.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn read_login_hint(&self, given: &str) -> Result<Option<(Uuid, Timestamp)>, PkiError> {
        if given.len() > LONGEST_HINT {
            return Ok(None);
        }
        let Ok(sealed) = BASE64_URL_SAFE_NO_PAD.decode(given) else { return Ok(None) };
        let says = match self.hints.open(&sealed, HINT) {
            Ok(says) => says,
            Err(PkiError::NotOpened) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some((account, expires_at)) = says.split_first_chunk::<16>() else { return Ok(None) };
        let Ok(expires_at) = expires_at.try_into() else { return Ok(None) };
        Ok(Some((Uuid::from_bytes(*account), Timestamp::from_micros(i64::from_be_bytes(expires_at)))))
    }

    /// Seals a `client_notification_token` (CIBA Core 1.0, section 7.1), to be kept with the request of that client.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn seal_notification_token(&self, token: &str, client: &ClientId) -> Result<Vec<u8>, PkiError> {
        self.notifications.seal(token.as_bytes(), client.to_string().as_bytes())
    }

    /// Opens one that [`HandleKeys::seal_notification_token`] has sealed for that client.
    ///
    /// # Errors
    /// [`PkiError::NotOpened`] when it was sealed for another client or under another key.
    pub fn open_notification_token(&self, sealed: &[u8], client: &ClientId) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        self.notifications.open(sealed, client.to_string().as_bytes())
    }
}

fn verifies(key: &MacKey, parts: &[&[u8]], mac: &[u8; MAC]) -> Result<bool, PkiError> {
    Ok(openssl::memcmp::eq(&key.mac_parts(parts)?[..MAC], mac))
}

/// An id, `N` bytes and a digest; none for anything else.
fn parts<const N: usize>(given: &str) -> Option<([u8; 16], [u8; N], [u8; MAC])> {
    // Longer than any: nothing is decoded that cannot be one.
    if given.len() > 64 {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(given).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (middle, mac) = rest.split_first_chunk::<N>()?;
    Some((*id, *middle, mac.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> HandleKeys {
        HandleKeys::of(&[7; 32], b"instance").unwrap()
    }

    #[test]
    fn what_was_handed_out_is_read_and_nothing_else() {
        let keys = keys();
        let id = CitizenRequestId::from_bytes(&[3; 16]).unwrap();
        let at: Timestamp = "2022-05-31T12:00:00+08:00".parse().unwrap();
        let (code, auth_req_id) = (keys.code(id, at).unwrap(), keys.auth_req_id(id).unwrap());
        assert_eq!(keys.read_code(&code).unwrap(), Some(ReadCode { request: id, issued_at: at }));
        assert_eq!(keys.read_auth_req_id(&auth_req_id).unwrap(), Some(id));
        assert_eq!(keys.read_auth_req_id(&code).unwrap(), None);
        assert_eq!(keys.read_code(&auth_req_id).unwrap(), None);
        let other = HandleKeys::of(&[8; 32], b"instance").unwrap();
        assert_eq!(other.read_code(&code).unwrap(), None);
        for place in 0..code.len() {
            let mut bent = code.clone().into_bytes();
            bent[place] = if bent[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.read_code(std::str::from_utf8(&bent).unwrap()).unwrap(), None, "{place}");
        }
        for text in ["", "A", "====", &"A".repeat(54), &"A".repeat(65)] {
            assert_eq!(keys.read_code(text).unwrap(), None);
        }
    }
    #[test]
    fn a_login_hint_says_who_to_us_alone() {
        let (keys, anna) = (keys(), Uuid::from_u128(1));
        let at: Timestamp = "2022-05-31T12:00:00+08:00".parse().unwrap();
        let (one, other) = (keys.login_hint(anna, at).unwrap(), keys.login_hint(anna, at).unwrap());
        assert_ne!(one, other, "two parties cannot compare them");
        assert_eq!(keys.read_login_hint(&one).unwrap(), Some((anna, at)));
        assert_eq!(HandleKeys::of(&[8; 32], b"instance").unwrap().read_login_hint(&one).unwrap(), None);
        for text in ["", "A", "=", &one[1..], &format!("{one}A"), &"A".repeat(LONGEST_HINT + 1)] {
            assert_eq!(keys.read_login_hint(text).unwrap(), None, "{text}");
        }
    }
}
