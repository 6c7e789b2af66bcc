//! OAuth 2.0 and OpenID Connect: one file an endpoint. What a citizen is asked, and what comes of it, is the core's
//! (`crate::request`); here are the forms in which relying parties' clients speak of it.

pub mod authenticate;
mod bc_authorize;
pub mod client;
pub mod error;
pub mod failed;
pub mod form;
pub mod hint;
mod issue;
pub mod par;
pub mod parameters;
pub mod presented;
pub mod proof;
mod resource;
mod terms;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Its paths.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/oauth2/par", post(par::push))
        .route(bc_authorize::PATH, post(bc_authorize::serve))
        .route(token::PATH, post(token::serve))
        .route(userinfo::PATH, get(userinfo::serve).post(userinfo::serve))
}
