//! What citizens' apps and the stations of the registration service speak: `/app/v1`, JSON, with problem documents for errors.

mod answer;
mod authenticate;
mod own;
mod registration;
mod requests;

use std::sync::Arc;

use api::app::{own as paths, registration as registering, request};
use axum::Router;
use axum::routing::{delete, get, post};

use crate::app::App;

/// Its paths.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(request::REQUESTS, get(requests::waiting))
        .route(request::CLAIM, post(requests::takes_up))
        .route(request::APPROVE, post(requests::approves))
        .route(request::REFUSE, post(requests::refuses))
        .route(paths::USES, get(own::uses))
        .route(paths::CONSENTS, get(own::consents))
        .route(paths::CONSENT, delete(own::withdraws))
        .route(paths::SUSPEND, post(own::suspends))
        .route(paths::LOGIN_HINT, get(own::login_hint))
        .route(registering::REGISTRATIONS, post(registration::registers))
        .route(registering::DEVICE, post(registration::binds))
}
