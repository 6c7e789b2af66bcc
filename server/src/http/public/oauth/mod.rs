//! OAuth 2.0 and OpenID Connect: one file an endpoint. What a citizen is asked, and what comes of it, is the core's
//! (`crate::request`); here are the forms in which relying parties' clients speak of it.

pub mod authenticate;
mod authorize;
mod bc_authorize;
pub mod client;
mod described;
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

use crate::http::openapi::{Described, Verb};

/// Its endpoints.
pub(super) fn routes() -> Described {
    Described::new()
        .on(described::openid_configuration(), metadata::serve)
        .on(described::authorization_server(), metadata::serve)
        .on(described::pushed(), par::push)
        .on(described::back_channel(), bc_authorize::serve)
        .on(described::token(), token::serve)
        .on(described::introspection(), introspect::serve)
        .on(described::revocation(), revoke::serve)
        .on(described::userinfo(Verb::Get, "userinfo"), userinfo::serve)
        .on(described::userinfo(Verb::Post, "userinfo.post"), userinfo::serve)
        .on(described::authorization(), authorize::by_address)
        .on(described::authorization_by_form(), authorize::by_form)
        .on(described::authorization_looked_at(), authorize::looked_at)
        .on(described::logout(), logout::by_address)
        .on(described::logout_by_form(), logout::by_form)
        .on(described::logout_looked_at(), authorize::looked_at)
        .on(described::waiting(), waiting::show)
        .on(described::giving_up(), waiting::give_up)
}

/// Whether clients ask there, who know errors in the form of RFC 6749, section 5.2, alone; at the others there are browsers.
pub(in crate::http) fn speaks_to_clients(path: &str) -> bool {
    [par::PATH, bc_authorize::PATH, token::PATH, introspect::PATH, revoke::PATH, userinfo::PATH].contains(&path)
}
