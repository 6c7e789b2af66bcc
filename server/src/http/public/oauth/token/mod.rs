//! The token endpoint (RFC 6749 section 3.2).

mod ciba;
mod client_credentials;
mod code;
mod refresh;

use std::sync::Arc;

use api::audit::AuditOutcome;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{RequestId, Scope, SenderConstraint, Timestamp};
use serde_json::{Value, json};

use super::authenticate::authenticate;
use super::client::Client;
use super::error::{NOT_KEPT, OAuthError, OAuthErrorCode};
use super::form::Parameters;
use super::issue::{ACCESS_LIFE, Binding, Made, Subject, access_token, id_token, refresh_token};
use super::presented::Presented;
use super::proof::proof;
use super::terms::Terms;
use crate::app::App;
use crate::failure::Failure;
use crate::request::{NotRedeemed, redeem};
use crate::store::{CitizenRequestRow, Grant, PublicActor, PublicUse};

/// Its path.
pub(super) const PATH: &str = "/oauth2/token";

/// What tokens are handed out for, as `grant_type` has it.
pub(super) const GRANTS: [&str; 4] =
    ["authorization_code", "refresh_token", "client_credentials", "urn:openid:params:grant-type:ciba"];

/// Answers a client with tokens.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let presented = Presented::receive(&app, request).await?;
    let client = authenticate(&app, &presented).await?;
    let binding = binding(&app, &client, &presented).await?;
    let call = TokenCall { client: &client, form: &presented.form, binding, request: presented.id };
    let grant = call.form.require("grant_type", "grant_type is missing")?;
    let answered = match grant {
        "authorization_code" => code::exchange(&app, &call).await?,
        "refresh_token" => refresh::exchange(&app, &call).await?,
        "client_credentials" => client_credentials::issue(&app, &call).await?,
        "urn:openid:params:grant-type:ciba" => ciba::exchange(&app, &call).await?,
        _ => {
            let unknown = "grant_type is not one that there is";
            return Err(OAuthError::new(OAuthErrorCode::UnsupportedGrantType, unknown));
        }
    };
    Ok((NOT_KEPT, Json(answered.body(&call.binding))).into_response())
}

/// What the tokens of this request are bound to: what the client's manifest says, and nothing less.
async fn binding(app: &Arc<App>, client: &Client, presented: &Presented) -> Result<Binding, OAuthError> {
    let proof = proof(app, presented, None).await?;
    match (client.constraint, proof) {
        (SenderConstraint::Dpop | SenderConstraint::None, Some(proof)) => Ok(Binding::Key(proof.thumbprint)),
        (SenderConstraint::Dpop, None) => {
            Err(OAuthError::new(OAuthErrorCode::InvalidDpopProof, "the tokens of this client are bound: a proof is needed"))
        }
        (SenderConstraint::None, None) => Ok(Binding::Nothing),
        (SenderConstraint::Mtls, _) => match &presented.certificate {
            Some(own) if presented.party.as_ref().is_some_and(|party| party.rp == client.id.rp) => {
                Ok(Binding::Certificate(BASE64_URL_SAFE_NO_PAD.encode(own.fingerprint)))
            }
            _ => Err(OAuthError::request("the tokens of this client are bound: its certificate is needed on the connection")),
        },
    }
}

/// What an authenticated client asks the token endpoint for.
pub(super) struct TokenCall<'a> {
    /// Who.
    pub(super) client: &'a Client,
    /// What.
    pub(super) form: &'a Parameters,
    /// What its access token will be bound to.
    pub(super) binding: Binding,
    /// This request to us.
    pub(super) request: RequestId,
}

impl TokenCall<'_> {
    /// The key of the proof that came with it.
    fn proof_key(&self) -> Option<&String> {
        match &self.binding {
            Binding::Key(thumbprint) => Some(thumbprint),
            Binding::Certificate(_) | Binding::Nothing => None,
        }
    }
}

/// What is handed out.
pub(super) struct Answered {
    access: Made,
    refresh: Option<Made>,
    id_token: Option<String>,
    scopes: Vec<String>,
}

impl Answered {
    /// RFC 6749 section 5.1.
    fn body(self, binding: &Binding) -> Value {
        let mut body = json!({
            "access_token": self.access.token,
            "token_type": binding.token_type(),
            "expires_in": ACCESS_LIFE.as_secs(),
        });
        if !self.scopes.is_empty() {
            body["scope"] = self.scopes.join(" ").into();
        }
        if let Some(refresh) = self.refresh {
            body["refresh_token"] = refresh.token.into();
        }
        if let Some(id_token) = self.id_token {
            body["id_token"] = id_token.into();
        }
        body
    }
}

/// An approved request and what was asked with it.
struct Login<'a> {
    row: &'a CitizenRequestRow,
    terms: &'a Terms,
}

/// Makes a login of an approved request: tokens are signed for what is to be redeemed, then it is redeemed, and only when that is
/// durable they are handed out.
async fn log_in(app: &App, call: &TokenCall<'_>, login: Login<'_>) -> Result<Result<Answered, NotRedeemed>, OAuthError> {
    let Login { row, terms } = login;
    let id = row.id()?;
    // The manifest may have changed since it was asked.
    let scopes: Vec<String> = terms.scopes.iter().filter(|scope| call.client.may_ask_for(scope)).cloned().collect();
    let wants = |scope: Scope| scopes.iter().any(|wanted| wanted == scope.as_str());
    if !wants(Scope::OpenId) {
        let why = "people do not log in to the client any more";
        return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, why));
    }
    let Some(subject) = foreseen(app, call, row).await? else { return Ok(Err(NotRedeemed::Ended)) };
    let access = access_token(app, &call.client.id, Some(&subject), &scopes, &call.binding).await?;
    let id_token = id_token(app, &call.client.id, &subject, terms.nonce.as_deref(), &access.token).await?;
    let now = app.clock.now();
    let refresh = wants(Scope::OfflineAccess).then(|| refresh_token(app, now.plus(refresh::LIFE)));
    let mut tx = app.store.write().await?;
    let redeemed = match redeem(app, &mut tx, &call.client.id.rp, call.client.service, id).await? {
        Ok(redeemed) => redeemed,
        Err(not) => return Ok(Err(not)),
    };
    if redeemed.subject != subject.subject || redeemed.stored.account.tier != subject.tier {
        // The party has met the citizen under another name, or the account got another tier, in this very moment: what was signed
        // is not so. Nothing was redeemed.
        return Err(changed_meanwhile());
    }
    let rows: Vec<_> = std::iter::once(&access).chain(&refresh).map(|made| made.row.clone()).collect();
    let grant = Grant { scopes: scopes.clone(), claims: redeemed.claims.clone() };
    redeemed.log_in(&mut tx, &grant, call.binding.stored(), &rows, now).await?;
    let record = PublicUse {
        actor: PublicActor::Client(&call.client.id),
        action: "request.redeem",
        subject: redeemed.stored.account.id.to_string(),
        outcome: AuditOutcome::Done,
        request: call.request,
        facts: json!({ "request": id, "scopes": grant.scopes, "claims": grant.claims }),
    };
    tx.commit_public(record).await?;
    Ok(Ok(Answered { access, refresh, id_token: Some(id_token), scopes }))
}

/// What was signed is not so any more: nothing was redeemed, and the next try will do.
fn changed_meanwhile() -> OAuthError {
    OAuthError::from(Failure::Unavailable {
        code: "store.contended",
        message: "account or manifest changed at this moment; nothing was redeemed".to_owned(),
        hint: None,
    })
}

/// The citizen as the tokens will speak of them; none when there is no account any more.
async fn foreseen(app: &App, call: &TokenCall<'_>, row: &CitizenRequestRow) -> Result<Option<Subject>, OAuthError> {
    let Some(account) = row.request()?.account else { return Ok(None) };
    let Some(known) = app.store.look().await?.foreseen(account, &call.client.id.rp).await? else { return Ok(None) };
    let subject = match known.subject() {
        Some(subject) => subject,
        None => app.keys.now().subjects().subject(&call.client.id.rp, account).map_err(anyhow::Error::from)?,
    };
    Ok(Some(Subject {
        login: row.id()?,
        subject,
        tier: known.tier()?,
        authenticated_at: Timestamp::from_micros(row.decided_at.unwrap_or(row.asked_at)),
    }))
}
