//! What citizens' apps and the stations of the registration service speak: `/app/v1`, JSON, with problem documents for errors.

mod answer;
mod authenticate;
mod described;
mod own;
mod registration;
mod requests;

use crate::http::openapi::Described;

/// Its endpoints.
pub(super) fn routes() -> Described {
    Described::new()
        .on(described::waiting(), requests::waiting)
        .on(described::takes_up(), requests::takes_up)
        .on(described::approves(), requests::approves)
        .on(described::refuses(), requests::refuses)
        .on(described::uses(), own::uses)
        .on(described::consents(), own::consents)
        .on(described::withdraws(), own::withdraws)
        .on(described::suspends(), own::suspends)
        .on(described::login_hint(), own::login_hint)
        .on(described::registers(), registration::registers)
        .on(described::binds(), registration::binds)
}
