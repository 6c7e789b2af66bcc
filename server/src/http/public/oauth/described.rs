//! The endpoints, described. What each parameter is good for, the standards say; which of them are taken is said here.

use domain::Claim;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::waiting::Standing;
use super::{authorize, bc_authorize, introspect, logout, par, revoke, token, userinfo};
use crate::http::openapi::{Endpoint, Scheme, Verb};

/// How a client's request may fail.
const ERRORS: &[u16] = &[400, 401, 408, 413, 429, 500, 503];
/// How a page may.
const PAGES: &[u16] = &[400, 401, 404, 408, 413, 429, 500, 503];
/// How clients prove who they are; a service's manifest names the one that is its own.
const CLIENT: &[Scheme] = &[Scheme::PrivateKeyJwt, Scheme::Certificate, Scheme::Secret];
/// What a client may send of itself in any form.
const OF_ITSELF: [&str; 4] = ["client_id", "client_assertion_type", "client_assertion", "client_secret"];
/// What is asked of a citizen's browser.
const ASKED: [&str; 17] = [
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "prompt",
    "max_age",
    "ui_locales",
    "acr_values",
    "login_hint",
    "id_token_hint",
    "display",
    "request_uri",
];

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn object(always: &[(&str, Value)], sometimes: &[(&str, Value)]) -> Schema {
    let properties: Map<String, Value> =
        always.iter().chain(sometimes).map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    let required: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    json_schema!({ "type": "object", "properties": properties, "required": required })
}

/// A form with a client's proof; what stands first has to be there.
fn form(always: &[&'static str], sometimes: &[&'static str]) -> Schema {
    let of = |names: &[&'static str]| names.iter().map(|name| (*name, text())).collect::<Vec<_>>();
    object(&of(always), &[of(sometimes), of(&OF_ITSELF)].concat())
}

fn asked(_: &mut SchemaGenerator) -> Schema {
    form(&["client_id"], &ASKED)
}

fn of_client(path: &'static str, name: &'static str, says: &'static str) -> Endpoint {
    Endpoint::new(Verb::Post, path, name, says).secured(CLIENT).oauth_errors(ERRORS)
}

const PROOF: &str = "A proof of possession (RFC 9449), where the client's tokens are to be bound to a key.";

pub(super) fn pushed() -> Endpoint {
    of_client(par::PATH, "par", "A client pushes what it will ask of a citizen's browser (RFC 9126).")
        .header("DPoP", PROOF, false)
        .takes_form(|_| form(&[], &ASKED))
        .gives_json(201, "What the browser brings, once, within 90 seconds.", |_| {
            object(&[("request_uri", text()), ("expires_in", number())], &[])
        })
}

pub(super) fn back_channel() -> Endpoint {
    let says = "A client asks for a citizen whom it knows (OpenID Connect CIBA Core 1.0); exactly one hint is given.";
    of_client(bc_authorize::PATH, "bc-authorize", says)
        .takes_form(|_| {
            let hints = ["login_hint", "id_token_hint", "login_hint_token"];
            let more = ["binding_message", "requested_expiry", "acr_values", "client_notification_token"];
            form(&["scope"], &[&hints[..], &more].concat())
        })
        .gives_json(200, "The citizen is asked.", |_| {
            object(&[("auth_req_id", text()), ("expires_in", number()), ("interval", number())], &[])
        })
}

pub(super) fn token() -> Endpoint {
    of_client(token::PATH, "token", "A client is handed tokens (RFC 6749, section 3.2).")
        .header("DPoP", PROOF, false)
        .takes_form(|_| {
            let of_grants = ["code", "redirect_uri", "code_verifier", "refresh_token", "scope", "auth_req_id"];
            form(&["grant_type"], &of_grants)
        })
        .gives_json(200, "Tokens.", |_| {
            let kind = json!({ "enum": ["DPoP", "Bearer"] });
            let always = [("access_token", text()), ("token_type", kind), ("expires_in", number())];
            object(&always, &[("scope", text()), ("refresh_token", text()), ("id_token", text())])
        })
}

pub(super) fn introspection() -> Endpoint {
    of_client(introspect::PATH, "introspect", "Whether a token is good, for the client that it was issued to (RFC 7662).")
        .takes_form(|_| form(&["token"], &["token_type_hint"]))
        .gives_json(200, "What it is; of a token that is not good, or not this client's, no more than that.", |_| {
            let confirmation = object(&[], &[("jkt", text()), ("x5t#S256", text())]).to_value();
            let told = [
                ("iss", text()),
                ("aud", text()),
                ("client_id", text()),
                ("sub", text()),
                ("exp", number()),
                ("iat", number()),
                ("jti", text()),
                ("scope", text()),
                ("token_type", json!({ "enum": ["DPoP", "Bearer"] })),
                ("cnf", confirmation),
            ];
            object(&[("active", json!({ "type": "boolean" }))], &told)
        })
}

pub(super) fn revocation() -> Endpoint {
    of_client(revoke::PATH, "revoke", "A client gives a token back (RFC 7009).")
        .takes_form(|_| form(&["token"], &["token_type_hint"]))
        .gives_nothing(200, "It is not good any more, if it was this client's.")
}

pub(super) fn userinfo(verb: Verb, name: &'static str) -> Endpoint {
    Endpoint::new(verb, userinfo::PATH, name, "What the citizen released (OpenID Connect Core 1.0, section 5.3).")
        .secured(&[Scheme::DpopToken, Scheme::BearerToken])
        .oauth_errors(&[400, 401, 403, 429, 500, 503])
        .gives_json(200, "The claims that were released, as far as the card has them.", |_| {
            let of = |claim: &Claim| match claim {
                Claim::PhoneNumberVerified => json!({ "const": false }),
                Claim::Gender => json!({ "enum": ["female", "male"] }),
                Claim::Birthdate => json!({ "type": "string", "format": "date" }),
                _ => text(),
            };
            let claims: Vec<(&str, Value)> = Claim::ALL.iter().map(|claim| (claim.as_str(), of(claim))).collect();
            object(&[("sub", text())], &claims)
        })
}

/// RFC 8414 and OpenID Connect Discovery 1.0.
fn configuration(path: &'static str, name: &'static str) -> Endpoint {
    Endpoint::new(Verb::Get, path, name, "What the interface can do, and where.").problems(&[401, 429, 503]).gives_json(
        200,
        "As it is now.",
        |_| {
            json_schema!({
                "type": "object",
                "properties": { "issuer": { "type": "string", "format": "uri" } },
                "required": ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"],
                "patternProperties": {
                    "_(endpoint|uri)$": { "type": "string", "format": "uri" },
                    "_(values_|methods_|modes_|algs?_|locales_)?supported$": {
                        "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "boolean" }],
                    },
                    "^(require_pushed_authorization_requests|tls_client_certificate_bound_access_tokens)$": { "type": "boolean" },
                },
            })
        },
    )
}

pub(super) fn openid_configuration() -> Endpoint {
    configuration("/.well-known/openid-configuration", "configuration")
}

pub(super) fn authorization_server() -> Endpoint {
    configuration("/.well-known/oauth-authorization-server", "configuration.oauth")
}

const SENT: &str = "To the page that waits; or back to the client, with what is wrong.";
const ACCEPTS: &str = "application/json: the same as data, for whoever has no browser.";

fn page(verb: Verb, path: &'static str, name: &'static str, says: &'static str) -> Endpoint {
    Endpoint::new(verb, path, name, says).page_errors(PAGES).header("Accept", ACCEPTS, false)
}

pub(super) fn authorization() -> Endpoint {
    let says = "A client sends a citizen's browser (RFC 6749, section 3.1): with client_id and a pushed request_uri, or, of a client \
                of the profile oidc, with plain parameters.";
    let endpoint = page(Verb::Get, authorize::PATH, "authorize", says)
        .query("client_id", "The client's id, PARTY.SERVICE.", true)
        .gives::<Standing>(200, "What was put to the citizen, as data.")
        .gives_nothing(303, SENT);
    ASKED.into_iter().fold(endpoint, |endpoint, name| endpoint.query(name, "As the standards say.", false))
}

pub(super) fn authorization_by_form() -> Endpoint {
    page(Verb::Post, authorize::PATH, "authorize.post", "The same, by a form.")
        .takes_form(asked)
        .gives::<Standing>(200, "What was put to the citizen, as data.")
        .gives_nothing(303, SENT)
}

/// HEAD of what GET would do something for.
fn looked_at(path: &'static str, name: &'static str) -> Endpoint {
    Endpoint::new(Verb::Head, path, name, "Nothing is done for a look at what would be answered.")
        .problems(&[401, 429, 503])
        .gives_nothing(405, "It is asked by GET or POST.")
}

pub(super) fn authorization_looked_at() -> Endpoint {
    looked_at(authorize::PATH, "authorize.head")
}

/// What is said at a logout.
const LEAVES: [&str; 6] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint"];

fn leaves(verb: Verb, name: &'static str, says: &'static str) -> Endpoint {
    page(verb, logout::PATH, name, says)
        .gives_as(200, "A page that says what has ended, or what is not known.", "text/html", None)
        .gives_nothing(303, "Back to the client.")
}

pub(super) fn logout() -> Endpoint {
    let says = "A client sends the citizen's browser once they have logged out there (OpenID Connect RP-Initiated Logout 1.0).";
    let endpoint = leaves(Verb::Get, "logout", says);
    LEAVES.into_iter().fold(endpoint, |endpoint, name| endpoint.query(name, "As the standard says.", false))
}

pub(super) fn logout_by_form() -> Endpoint {
    leaves(Verb::Post, "logout.post", "The same, by a form.").takes_form(|_| form(&[], &LEAVES))
}

pub(super) fn logout_looked_at() -> Endpoint {
    looked_at(logout::PATH, "logout.head")
}

const LANGUAGE: &str = "en or zh-Hant; otherwise as the browser or the client wishes.";

pub(super) fn waiting() -> Endpoint {
    page(Verb::Get, "/oauth2/requests/{id}", "requests.show", "What stands on the screen while the citizen's phone is asked.")
        .part("id", "The request's id.")
        .query("lang", LANGUAGE, false)
        .gives::<Standing>(200, "How it stands.")
        .gives_as(200, "How it stands.", "text/html", None)
        .gives_nothing(303, "Back to the client, with the code or with what came of it.")
}

pub(super) fn giving_up() -> Endpoint {
    page(Verb::Post, "/oauth2/requests/{id}/cancel", "requests.cancel", "The citizen does not want to.")
        .part("id", "The request's id.")
        .query("lang", LANGUAGE, false)
        .gives::<Standing>(200, "How it stands.")
        .gives_as(200, "How it stands.", "text/html", None)
}
