//! Where a screen that shows a request leads.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::app::App;

/// Path of app links on the public listener; what a link carries follows it.
pub const LINK_PATH: &str = "/app/link/";
/// Path of the pages of requests on the public listener; the id follows it.
pub const PAGE_PATH: &str = "/oauth2/requests/";

/// The address that the QR code holds and the citizen's app opens. `link` are the sixteen bytes of the request.
#[must_use]
pub fn app_link(app: &App, link: &[u8]) -> String {
    format!("{}{LINK_PATH}{}", app.issuer_url, BASE64_URL_SAFE_NO_PAD.encode(link))
}

/// What a link carries, by the part behind [`LINK_PATH`].
#[must_use]
pub fn read_link(text: &str) -> Option<[u8; 16]> {
    // Nothing is decoded that cannot be one.
    if text.len() != 22 {
        return None;
    }
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_carries_sixteen_bytes_and_nothing_else() {
        let bytes = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(read_link("AAECAwQFBgcICQoLDA0ODw"), Some(bytes));
        for text in ["", "AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0O", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0O/w"] {
            assert_eq!(read_link(text), None, "{text}");
        }
    }
}
