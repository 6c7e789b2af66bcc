//! Who a client is: it proves it in the one way that its manifest names, and in no other.
//!
//! Nothing tells from outside whether there is a client of a name: the answer is the same, and so is the work. A client that is
//! suspended hears of it once it has proved who it is.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{ClientAuthentication, ClientId, ClientProfile, CredentialId, CredentialType, Refusal, ServiceState, Timestamp};
use openssl::memcmp;
use openssl::sha::sha256;
use pki::jws::{AssertionRules, Audience, claimed_client, verify_assertion};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk};
use url::form_urlencoded;

use super::client::Client;
use super::error::{OAuthError, OAuthErrorCode};
use super::presented::Presented;
use crate::app::App;
use crate::failure::Failure;
use crate::http::public::surge::Turn;
use crate::keys::hex;
use crate::operator::turned_away::{self, Stranger};
use crate::spent::{Once, spend};
use crate::store::{CredentialRow, Store};

/// As the audit log calls it.
const AUTHENTICATE: &str = "client.authenticate";
/// Why somebody is not let in, as the audit log and `iamctl explain` have it.
const CODE: &str = "client.credential";
/// RFC 7523 section 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What a client that came with HTTP Basic is answered (RFC 6749 section 5.2).
const CHALLENGE: &str = "Basic realm=\"clients\", charset=\"UTF-8\"";
/// The longest secret that is looked at, in bytes; ours are far shorter.
const LONGEST_SECRET: usize = 1024;
/// What keys and certificates sign by here.
const ALGORITHMS: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];

/// What a client shows for itself.
enum Shown {
    /// A secret, in the header (RFC 6749 section 2.3.1) or in the form.
    Secret(String, Basic),
    /// A signed assertion (RFC 7523).
    Assertion(String),
    /// The certificate of its connection (RFC 8705 section 2.1), and nothing else.
    Certificate,
}

/// Whether a secret came by HTTP Basic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Yes,
    No,
}

/// Why a client is not taken for what it says: for the log and the audit log. Whoever asks hears one answer.
#[derive(Debug, Clone, Copy)]
struct NotProven(&'static str);

/// There is no such client, or it proves itself in another way.
const ANOTHER_WAY: NotProven = NotProven("another way, or no such client");

/// A client that has proved who it is, at its turn: what it asks is done while this is kept.
pub struct Authenticated {
    client: Arc<Client>,
    _turn: Turn,
}

impl Deref for Authenticated {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The client that sends this request, once it has proved it. Others of its party may be before it: a rush of one party waits for
/// itself, and whoever has yet to prove who they are waits apart.
///
/// # Errors
/// `invalid_request` for several ways at once, `invalid_client` for whoever does not prove it, `unauthorized_client` for one that
/// is suspended or retired; 429 when too many wait already, and instead of `invalid_client` once that was tried too often. Whoever proves it is let in however
/// often others have tried in its name.
pub async fn authenticate(app: &Arc<App>, presented: &Presented) -> Result<Authenticated, OAuthError> {
    let (id, shown) = shown(presented)?;
    let basic = matches!(shown, Shown::Secret(_, Basic::Yes));
    let door = app.surge.client(presented.from, id.as_ref(), presented.party.as_ref().map(|party| &party.rp)).await?;
    let proven = prove(app, presented, id.as_ref(), shown).await?;
    drop(door);
    match proven {
        Ok((client, credential)) => {
            app.sightings.credential(credential, app.clock.now());
            app.surge.has_proved(&client.id, presented.from);
            if client.state != ServiceState::Active {
                let why = "the client is suspended or retired";
                return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, why));
            }
            let turn = app.surge.enter(&client.id.rp).await?;
            Ok(Authenticated { client, _turn: turn })
        }
        Err((client, why)) => {
            let known = client.as_ref().map(|client| &client.id);
            Err(turn_away(app, presented, (id.as_ref(), known), why, basic).await)
        }
    }
}

/// Who they say they are, and what they show for it.
fn shown(presented: &Presented) -> Result<(Option<ClientId>, Shown), OAuthError> {
    let form = &presented.form;
    let named = form.get("client_id").map(str::to_owned);
    if presented.headers.get_all("authorization").iter().count() > 1 {
        return Err(OAuthError::request("the header Authorization stands twice"));
    }
    let basic = match presented.headers.get("authorization") {
        Some(header) => Some(header.to_str().ok().and_then(from_basic).ok_or(invalid(true))?),
        None => None,
    };
    let assertion = form.get("client_assertion").map(str::to_owned);
    let secret = form.get("client_secret").map(str::to_owned);
    let said = [basic.is_some(), assertion.is_some(), secret.is_some()];
    if said.into_iter().filter(|said| *said).count() > 1 {
        return Err(OAuthError::request("the client proves who it is in several ways at once"));
    }
    if assertion.is_some() != (form.get("client_assertion_type") == Some(ASSERTION_TYPE)) {
        return Err(OAuthError::request("client_assertion_type is not that of a signed assertion"));
    }
    let (id, shown) = match (basic, assertion, secret) {
        (Some((id, secret)), ..) => (Some(id), Shown::Secret(secret, Basic::Yes)),
        (None, Some(assertion), _) => {
            // One that says nothing of itself is judged as the named client's, and is none.
            (claimed_client(&assertion).ok().or_else(|| named.clone()), Shown::Assertion(assertion))
        }
        (None, None, Some(secret)) => (named.clone(), Shown::Secret(secret, Basic::No)),
        (None, None, None) => (named.clone(), Shown::Certificate),
    };
    if named.is_some() && named != id {
        return Err(OAuthError::request("client_id is another one's than the proof"));
    }
    Ok((id.and_then(|id| id.parse().ok()), shown))
}

/// Id and secret of an `Authorization: Basic`, each of them form-encoded first (RFC 6749 section 2.3.1).
fn from_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// Neither `&` nor `=` stands in what is encoded so.
fn form_decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        // Some clients leave the encoding out; ours have no such sign in them.
        return Some(text.to_owned());
    }
    form_urlencoded::parse(text.as_bytes()).next().map_or(Some(String::new()), |(name, _)| Some(name.into_owned()))
}

type Proven = Result<(Arc<Client>, CredentialId), (Option<Arc<Client>>, NotProven)>;

/// The client and the credential that proves it; of a client that does not prove it, what is known of it.
async fn prove(app: &Arc<App>, presented: &Presented, id: Option<&ClientId>, shown: Shown) -> Result<Proven, OAuthError> {
    // What cannot be the id of a client tells nobody anything.
    let Some(asked) = id else { return Ok(Err((None, ANOTHER_WAY))) };
    let (store, of, now) = (app.store.clone(), asked.clone(), app.latest());
    let known = app.clients.read(asked.clone(), move || async move { KnownClient::read(&store, &of, now).await }).await?;
    let (client, rows) = (known.client.clone(), &known.credentials);
    let way = client.as_ref().map(|client| client.authentication);
    let proven = match shown {
        Shown::Secret(secret, _) => {
            let rows = rows.iter().filter(|_| way == Some(ClientAuthentication::ClientSecret));
            by_secret(asked, rows, &secret)
        }
        Shown::Assertion(assertion) => {
            let rows = if way == Some(ClientAuthentication::PrivateKeyJwt) { rows.as_slice() } else { &[] };
            let profile = client.as_ref().map_or(ClientProfile::Fapi2, |client| client.profile);
            by_assertion(app, asked, profile, rows, &assertion).await?
        }
        Shown::Certificate if way == Some(ClientAuthentication::TlsClientAuth) => by_certificate(presented, asked, rows),
        Shown::Certificate => Err(ANOTHER_WAY),
    };
    Ok(match (client, proven) {
        (Some(client), Ok(credential)) => Ok((client, credential)),
        (None, Ok(_)) => Err((None, ANOTHER_WAY)),
        (client, Err(why)) => Err((client, why)),
    })
}

/// A client, where there is one, and what can prove it.
#[derive(Debug)]
pub struct KnownClient {
    client: Option<Arc<Client>>,
    credentials: Vec<CredentialRow>,
}

impl KnownClient {
    /// Of a client that does not exist the same is asked.
    async fn read(store: &Store, id: &ClientId, now: Timestamp) -> Result<Self, Failure> {
        let mut read = store.look().await?;
        let client = Client::read(&mut read, id).await?;
        Ok(Self { client: client.map(Arc::new), credentials: read.usable_credentials(id.rp.as_str(), now).await? })
    }
}

/// Every secret of the service is looked at, whichever is the right one: which it was cannot be told from the time.
fn by_secret<'a>(
    client: &ClientId,
    rows: impl Iterator<Item = &'a CredentialRow>,
    secret: &str,
) -> Result<CredentialId, NotProven> {
    let shown = if secret.len() > LONGEST_SECRET { String::new() } else { hex(&sha256(secret.as_bytes())) };
    let own = |row: &&CredentialRow| {
        row.kind == CredentialType::ClientSecret.as_str() && row.service.as_deref() == Some(client.service.as_str())
    };
    let mut found = None;
    for row in rows.filter(own) {
        if row.content.len() == shown.len() && memcmp::eq(row.content.as_bytes(), shown.as_bytes()) {
            found = row.id().ok();
        }
    }
    found.ok_or(NotProven("secret"))
}

/// A key that nobody has: an assertion of a client that does not exist is verified, too.
static NOBODYS_KEY: LazyLock<Option<PublicJwk>> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyKind::P256).ok()?.public().ok()?;
    Some(PublicJwk { kid: None, ..PublicJwk::signing(&key, JwsAlgorithm::ES256).ok()? })
});

async fn by_assertion(
    app: &Arc<App>,
    client: &ClientId,
    profile: ClientProfile,
    rows: &[CredentialRow],
    assertion: &str,
) -> Result<Result<CredentialId, NotProven>, OAuthError> {
    let (mut keys, mut credentials) = (Vec::new(), Vec::new());
    for row in rows.iter().filter(|row| row.kind == CredentialType::Jwks.as_str()) {
        let jwk: PublicJwk = serde_json::from_str(&row.content).map_err(anyhow::Error::from)?;
        // A key that its party gave no name goes by its thumbprint.
        keys.push(PublicJwk { kid: jwk.kid.or_else(|| row.thumbprint.clone()), ..jwk });
        credentials.push(row.id()?);
    }
    if keys.is_empty() {
        keys.extend(NOBODYS_KEY.clone());
    }
    let name = client.to_string();
    let token_endpoint = format!("{}/oauth2/token", app.issuer_url);
    let plain = [app.issuer_url.as_str(), token_endpoint.as_str()];
    let rules = AssertionRules {
        client: &name,
        audience: match profile {
            ClientProfile::Fapi2 => Audience::Issuer(&app.issuer_url),
            ClientProfile::Oidc => Audience::OneOf(&plain),
        },
        algorithms: ALGORITHMS,
        now: app.latest(),
    };
    let judged = match verify_assertion(assertion, &keys, &rules) {
        Ok(judged) => judged,
        Err(refusal) => {
            tracing::debug!(%refusal, "a client assertion was refused");
            return Ok(Err(NotProven("assertion")));
        }
    };
    let Some(credential) = credentials.get(judged.key).copied() else { return Ok(Err(ANOTHER_WAY)) };
    // Before anything else is done with the request.
    match spend(app, Once::Assertion { client: &name }, &judged.jti, judged.expires_at).await {
        Ok(()) => Ok(Ok(credential)),
        Err(Failure::Refused(Refusal { code: "proof.replayed", .. })) => Ok(Err(NotProven("used before"))),
        Err(failure) => Err(failure.into()),
    }
}

/// The certificate has been held against the record when its connection was ([`crate::http::party`]); here, against the client's
/// credentials of this moment.
fn by_certificate(presented: &Presented, client: &ClientId, rows: &[CredentialRow]) -> Result<CredentialId, NotProven> {
    const NOT_ITS_OWN: NotProven = NotProven("certificate");
    let party = presented.party.as_ref().filter(|party| party.rp == client.rp).ok_or(NOT_ITS_OWN)?;
    let credential = party.credential.ok_or(NOT_ITS_OWN)?;
    rows.iter().any(|row| row.id().is_ok_and(|id| id == credential)).then_some(credential).ok_or(NOT_ITS_OWN)
}

/// One answer for all of them, written down, and slower for whoever tries on in the same name, a client's or not.
async fn turn_away(
    app: &App,
    presented: &Presented,
    (named, client): (Option<&ClientId>, Option<&ClientId>),
    why: NotProven,
    basic: bool,
) -> OAuthError {
    let shown = client.map(ToString::to_string).unwrap_or_default();
    let wait = app.failed_clients.failed(named, app.clock.now());
    let facts = serde_json::Map::from_iter([("why".to_owned(), why.0.into())]);
    let stranger = Stranger { action: AUTHENTICATE, code: CODE, shown, request: Some(presented.id), facts };
    turned_away::note(app, stranger).await;
    match wait {
        Some(wait) => OAuthError::too_many(wait, "the client has failed to prove who it is too often; wait"),
        None => invalid(basic),
    }
}

fn invalid(basic: bool) -> OAuthError {
    let error = OAuthError::new(OAuthErrorCode::InvalidClient, "the client did not prove who it is");
    if basic { error.challenge(CHALLENGE) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_form_encoded_first() {
        let header = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let read = |text: &str| from_basic(&header(text));
        let both = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("bank.online:se%3Acret+x"), both("bank.online", "se:cret x"));
        assert_eq!(read("bank.online:a:b"), both("bank.online", "a:b"));
        assert_eq!(read("bank.online:a=="), both("bank.online", "a=="));
        assert_eq!(read("bank.online:"), both("bank.online", ""));
        assert_eq!(read("bank.online"), None);
        assert_eq!(from_basic("Bearer abc"), None);
        assert_eq!(from_basic("Basic ?"), None);
        assert_eq!(from_basic("Basic"), None);
        assert_eq!(from_basic(&header("a:b").replace("Basic", "bAsIc")), both("a", "b"));
    }

    #[test]
    fn nobody_has_a_key() {
        assert!(NOBODYS_KEY.as_ref().unwrap().algorithm().is_some());
    }
}
