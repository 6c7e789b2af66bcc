//! By what people and programs name a request.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{CitizenRequestId, ComparisonCode};

use crate::keys::HandleKeys;
use crate::store::Shown;

/// The longest text that names a request: the address of a page.
const LONGEST: usize = 512;

/// What a text names, whether there is such a request or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// What a QR code or an app's link carries.
    Link([u8; 16]),
    /// What stands beside it.
    Code(ComparisonCode),
    /// Its id: of its page, or within an `auth_req_id`.
    Id(CitizenRequestId),
}

impl Named {
    /// Reads a text: the address of the page or of the app's link, the id or the secret in them, a comparison code as people type
    /// it, or an `auth_req_id`. None when it is nothing of that.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn read(text: &str, handles: &HandleKeys) -> Result<Option<Self>, pki::PkiError> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Ok(None);
        }
        let part = last_part(text);
        if let Ok(id) = part.parse() {
            return Ok(Some(Self::Id(id)));
        }
        if let Some(id) = handles.read_auth_req_id(part)? {
            return Ok(Some(Self::Id(id)));
        }
        if let Some(link) = BASE64_URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| bytes.try_into().ok()) {
            return Ok(Some(Self::Link(link)));
        }
        Ok(part.parse().ok().map(Self::Code))
    }

    /// As the store takes it.
    #[must_use]
    pub fn shown(&self) -> Shown<'_> {
        match self {
            Self::Link(link) => Shown::Link(link),
            Self::Code(code) => Shown::Code(*code),
            Self::Id(id) => Shown::Id(*id),
        }
    }
}

/// What an address ends in; the text itself when it is none.
fn last_part(text: &str) -> &str {
    if !text.contains("://") {
        return text;
    }
    let path = text.split(['?', '#']).next().unwrap_or(text);
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_in_every_way_in_which_it_is_shown() {
        let handles = HandleKeys::of(&[7; 32], b"instance").unwrap();
        let read = |text: &str| Named::read(text, &handles).unwrap();
        let id = CitizenRequestId::from_bytes(&[0x01; 16]).unwrap();
        let page = format!("https://iam.example/oauth2/requests/{id}");
        let auth_req_id = handles.auth_req_id(id).unwrap();
        for text in [id.to_string(), page.clone(), format!(" {page}/?ui_locales=en#top\n"), auth_req_id.clone()] {
            assert_eq!(read(&text), Some(Named::Id(id)), "{text}");
        }
        let link = [0xfe; 16];
        let carried = BASE64_URL_SAFE_NO_PAD.encode(link);
        for text in [carried.clone(), format!("https://iam.example/app/link/{carried}")] {
            assert_eq!(read(&text), Some(Named::Link(link)), "{text}");
        }
        let code = ComparisonCode::from_number(7).unwrap();
        for text in [code.to_string(), code.spoken(), code.spoken().replace(' ', "-").to_lowercase()] {
            assert_eq!(read(&text), Some(Named::Code(code)), "{text}");
        }
        let bent = format!("{}A", &auth_req_id[..auth_req_id.len() - 1]);
        for text in ["", "https://", "K7Q", &bent, &"A".repeat(LONGEST + 1)] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
