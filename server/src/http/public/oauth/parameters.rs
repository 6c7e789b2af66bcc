//! What a client asks of a citizen's browser: the parameters of an authorization request, pushed beforehand (RFC 9126) or, by a
//! plain client, given to the browser. Read once, and from then on a value of its own.

use domain::{ClientId, Function, ServiceState, Tier};
use pki::pkce;
use serde::{Deserialize, Serialize};

use super::client::{Client, OPENID};
use super::error::{OAuthError, OAuthErrorCode};
use super::form::Parameters;

/// Longest `state`, in bytes: it stands in an address on its way back.
const LONGEST_STATE: usize = 2_000;
/// Longest `nonce`, in bytes.
const LONGEST_NONCE: usize = 512;
/// Longest list of words, in bytes.
const LONGEST_LIST: usize = 2_000;
/// Characters of a pairwise `sub`: 16 bytes in base64url.
const SUBJECT: usize = 22;
/// Characters of a thumbprint: 32 bytes in base64url.
const THUMBPRINT: usize = 43;

/// What is asked, once it is found good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientId,
    /// Where the browser goes back to, one of the client's own to the byte.
    pub redirect_uri: String,
    /// Scopes, each once, in the order they were asked for; `openid` is one of them.
    pub scopes: Vec<String>,
    /// Given back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Put into the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// RFC 7636, by S256.
    pub code_challenge: String,
    /// Whether nothing may be shown: every login is approved in the app, so the answer is `login_required`.
    #[serde(default)]
    pub prompt_none: bool,
    /// How old a login may be, seconds. Every login is a fresh one; `auth_time` goes into the ID token where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// The pairwise name of the citizen who is meant, where the client says it. Any other hint is forgotten at once: it may be
    /// personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The language of the page and of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Levels that the client would like, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// The key that the code is bound to (RFC 9449 section 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
}

/// A language that people are spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Locale {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Traditional Chinese.
    #[serde(rename = "zh-HK")]
    Traditional,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Simplified,
}

impl Locale {
    /// As `ui_locales` has them, in the order of their declaration.
    pub const ALL: [&'static str; 3] = ["en", "zh-HK", "zh-CN"];

    /// The language that a tag means here (RFC 5646).
    fn of(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let mut parts = tag.split('-');
        let (language, rest) = (parts.next()?, parts.collect::<Vec<_>>());
        match language {
            "en" => Some(Self::English),
            "zh" if rest.iter().any(|part| matches!(*part, "hans" | "cn" | "sg")) && !rest.contains(&"hant") => {
                Some(Self::Simplified)
            }
            "zh" | "yue" => Some(Self::Traditional),
            _ => None,
        }
    }
}

/// What is wrong with a request, and where the browser may be sent with that.
#[derive(Debug)]
pub struct Unfit {
    /// What.
    pub error: OAuthError,
    /// None for as long as the address is not proven to be the client's: then nobody is sent anywhere.
    pub back: Option<Back>,
}

/// Where a browser goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// One of the client's own.
    pub redirect_uri: String,
    /// Given back, where it can be.
    pub state: Option<String>,
}

impl AuthorizationRequest {
    /// Where its answer goes.
    #[must_use]
    pub fn back(&self) -> Back {
        Back { redirect_uri: self.redirect_uri.clone(), state: self.state.clone() }
    }
}

/// Holds parameters against what the client may ask. `subject` is what an `id_token_hint` has already been found to mean; the hint
/// itself is not looked at here.
///
/// # Errors
/// What is wrong first, and where the browser may be sent with it.
pub fn validate(client: &Client, asked: &Parameters, subject: Option<&str>) -> Result<AuthorizationRequest, Unfit> {
    let redirect_uri = redirect_uri(client, asked).map_err(|error| Unfit { error, back: None })?;
    let state = asked.get("state").filter(|state| is_printable(state, LONGEST_STATE)).map(str::to_owned);
    let back = || Back { redirect_uri: redirect_uri.to_owned(), state: state.clone() };
    rest(client, asked, redirect_uri, subject).map_err(|error| Unfit { error, back: Some(back()) })
}

fn redirect_uri<'a>(client: &Client, asked: &'a Parameters) -> Result<&'a str, OAuthError> {
    // Whoever has proved who they are need not say it again.
    if asked.get("client_id").is_some_and(|id| id != client.id.to_string()) {
        return Err(OAuthError::request("client_id is another one's"));
    }
    let uri = asked.require("redirect_uri", "redirect_uri is missing")?;
    // Byte by byte: what only looks the same is somebody else's.
    if client.redirect_uris.iter().any(|own| own == uri) {
        Ok(uri)
    } else {
        Err(OAuthError::request("redirect_uri is not one of those that the client has registered"))
    }
}

fn rest(
    client: &Client,
    asked: &Parameters,
    redirect_uri: &str,
    subject: Option<&str>,
) -> Result<AuthorizationRequest, OAuthError> {
    may_log_in(client)?;
    for (name, code, description) in [
        ("request", OAuthErrorCode::RequestNotSupported, "request objects are not taken; push the parameters"),
        ("registration", OAuthErrorCode::RegistrationNotSupported, "clients are registered by their manifest"),
    ] {
        if asked.get(name).is_some() {
            return Err(OAuthError::new(code, description));
        }
    }
    if asked.require("response_type", "response_type is missing")? != "code" {
        return Err(OAuthError::new(OAuthErrorCode::UnsupportedResponseType, "response_type is not code"));
    }
    if asked.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(OAuthError::request("response_mode is not query"));
    }
    let bounded = |name, longest, description| match asked.get(name) {
        Some(text) if !is_printable(text, longest) => Err(OAuthError::request(description)),
        text => Ok(text.map(str::to_owned)),
    };
    let state = bounded("state", LONGEST_STATE, "state is too long, or not printable ASCII")?;
    let nonce = bounded("nonce", LONGEST_NONCE, "nonce is too long, or not printable ASCII")?;
    let acr_values = bounded("acr_values", LONGEST_LIST, "acr_values is too long, or not printable ASCII")?;
    Ok(AuthorizationRequest {
        client: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scopes: scopes(client, asked)?,
        state,
        nonce,
        code_challenge: code_challenge(asked)?,
        prompt_none: prompt_none(asked)?,
        max_age: max_age(asked)?,
        subject: who_is_meant(asked, subject)?,
        locale: asked.get("ui_locales").and_then(|tags| tags.split(' ').take(20).find_map(Locale::of)),
        acr_values: acr_values
            .map(|values| values.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default(),
        dpop_jkt: dpop_jkt(asked)?,
    })
}

/// A client that can be used at all, and for logins.
pub(super) fn may_log_in(client: &Client) -> Result<(), OAuthError> {
    let why = if client.state != ServiceState::Active {
        "the client is suspended or retired"
    } else if !client.functions.contains(&Function::Authentication) {
        "the client is not one that people log in to"
    } else {
        return Ok(());
    };
    Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, why))
}

pub(super) fn scopes(client: &Client, asked: &Parameters) -> Result<Vec<String>, OAuthError> {
    let invalid = |description| Err(OAuthError::new(OAuthErrorCode::InvalidScope, description));
    match scopes_within(asked.get("scope").unwrap_or_default(), &client.scopes) {
        None => invalid("a scope is not one of those that the client has registered"),
        Some(scopes) if scopes.iter().any(|scope| scope == OPENID) => Ok(scopes),
        Some(_) => invalid("the scope openid is missing"),
    }
}

/// The scopes of a `scope` parameter (RFC 6749 section 3.3), each once, in the order asked; none when one of them is not allowed.
pub(super) fn scopes_within(asked: &str, allowed: &[String]) -> Option<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
        if !allowed.iter().any(|known| known == scope) {
            return None;
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Some(scopes)
}

/// Levels are wishes (OpenID Connect Core section 3.1.2.1); when none but the higher one is wished for, no other will do.
pub(super) fn wants_plus<'a>(levels: impl Iterator<Item = &'a str>) -> bool {
    let mut levels = levels.filter(|level| !level.is_empty()).peekable();
    levels.peek().is_some() && levels.all(|level| level == Tier::IamSmartPlus.as_str())
}

/// RFC 7636, by S256, in both profiles: without it a code would be good for whoever comes by it.
fn code_challenge(asked: &Parameters) -> Result<String, OAuthError> {
    let challenge = asked.require("code_challenge", "code_challenge is missing")?;
    if asked.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::request("code_challenge_method is not S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(OAuthError::request("code_challenge is not base64url of a SHA-256"));
    }
    Ok(challenge.to_owned())
}

fn prompt_none(asked: &Parameters) -> Result<bool, OAuthError> {
    let prompts: Vec<&str> = asked.get("prompt").unwrap_or_default().split(' ').filter(|it| !it.is_empty()).collect();
    if prompts.iter().any(|prompt| !matches!(*prompt, "none" | "login" | "consent" | "select_account")) {
        return Err(OAuthError::request("prompt has a value that there is not"));
    }
    match prompts.contains(&"none") {
        true if prompts.len() > 1 => Err(OAuthError::request("prompt is none and something else")),
        none => Ok(none),
    }
}

fn max_age(asked: &Parameters) -> Result<Option<u32>, OAuthError> {
    let Some(text) = asked.get("max_age") else { return Ok(None) };
    let age = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    age.map(Some).ok_or(OAuthError::request("max_age is not a number of seconds"))
}

/// The one whom the hints mean. A `login_hint` that is not a pairwise name is somebody's address or number: it is let be, and kept
/// nowhere.
fn who_is_meant(asked: &Parameters, subject: Option<&str>) -> Result<Option<String>, OAuthError> {
    let hint = asked.get("login_hint").filter(|hint| is_base64url(hint, SUBJECT));
    match (subject, hint) {
        (Some(one), Some(other)) if one != other => Err(OAuthError::request("id_token_hint and login_hint mean two people")),
        (one, other) => Ok(one.or(other).map(str::to_owned)),
    }
}

fn dpop_jkt(asked: &Parameters) -> Result<Option<String>, OAuthError> {
    match asked.get("dpop_jkt") {
        Some(text) if !is_base64url(text, THUMBPRINT) => Err(OAuthError::request("dpop_jkt is not a thumbprint")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn is_printable(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn is_base64url(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests;
