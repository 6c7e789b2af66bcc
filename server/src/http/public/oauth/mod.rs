//! OAuth 2.0 and OpenID Connect: one file an endpoint. What a citizen is asked, and what comes of it, is the core's
//! (`crate::request`); here are the forms in which relying parties' clients speak of it.

pub mod authenticate;
mod authorize;
mod bc_authorize;
pub mod client;
pub mod error;
pub mod failed;
pub mod form;
pub mod hint;
mod introspect;
mod issue;
mod logout;
mod metadata;
pub mod par;
pub mod parameters;
pub mod presented;
pub mod proof;
mod redirect;
mod resource;
mod revoke;
mod terms;
mod token;
mod userinfo;
mod waiting;
mod waiting_page;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Its paths.
pub(super) fn routes() -> Router<Arc<App>> {
    let authorize = get(authorize::by_address).head(authorize::looked_at).post(authorize::by_form);
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata::serve))
        .route("/.well-known/oauth-authorization-server", get(metadata::serve))
        .route(par::PATH, post(par::push))
        .route(bc_authorize::PATH, post(bc_authorize::serve))
        .route(token::PATH, post(token::serve))
        .route(introspect::PATH, post(introspect::serve))
        .route(revoke::PATH, post(revoke::serve))
        .route(userinfo::PATH, get(userinfo::serve).post(userinfo::serve))
        .route(logout::PATH, get(logout::by_address).head(authorize::looked_at).post(logout::by_form))
        .route(authorize::PATH, authorize)
        .route("/oauth2/requests/{id}", get(waiting::show))
        .route("/oauth2/requests/{id}/cancel", post(waiting::give_up))
}
