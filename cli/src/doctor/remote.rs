//! What only the server can tell.

use std::time::Duration;

use api::instance::{Check, CheckInstance};
use api::operator::WhoAmI;
use client::{Context, surroundings, times};

use super::{bad, bad_of, good};
use crate::failure::Failure;
use crate::session::Session;

/// Clocks further apart than this break tokens and certificates.
const APART: Duration = Duration::from_secs(5);

/// Tries the way to the server, then asks it.
pub async fn look(session: &Session, context: &Context, checks: &mut Vec<Check>) {
    let connection = match session.connection() {
        Ok(connection) => connection,
        Err(failure) => return checks.push(bad_of("server", &failure)),
    };
    // Only the code tells a machine that is not there from one that is not trusted.
    if let Err(error) = connection.probe().await {
        let id = if error.code().starts_with("tls.") { "tls" } else { "server" };
        return checks.push(bad_of(id, &Failure::from(error)));
    }
    checks.push(good("server", format!("{} answers, TLS 1.3, its certificate leads to the context's CA", context.file.server)));
    let asked = surroundings::now();
    let identity = match session.call(&WhoAmI {}).await {
        Ok(identity) => identity,
        Err(failure) => return checks.push(bad_of("operator", &failure)),
    };
    let answered = surroundings::now();
    let roles = identity.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    if identity.instance == context.file.instance && identity.environment == context.file.environment {
        checks.push(good(
            "operator",
            format!("{} ({roles}), server {}", identity.operator, client::safe::visible(&identity.version)),
        ));
    } else {
        let detail = format!(
            "the server is {} instance {}, the context says otherwise",
            identity.environment,
            client::safe::visible(&identity.instance)
        );
        checks.push(bad("operator", detail, "import the context again, or enrol again"));
    }
    let between = asked.plus(answered.saturating_since(asked) / 2);
    let (apart, side) = if identity.server_time > between {
        (identity.server_time.saturating_since(between), "behind")
    } else {
        (between.saturating_since(identity.server_time), "ahead of")
    };
    checks.push(if apart > APART {
        bad("clock", format!("this machine is {} {side} the server", times::span(apart)), "set both by NTP")
    } else {
        good("clock", format!("within {} s of the server", APART.as_secs()))
    });
    match session.call(&CheckInstance {}).await {
        Ok(server) => checks.extend(server.into_iter().map(|check| Check { id: format!("server.{}", check.id), ..check })),
        Err(failure) => checks.push(bad_of("instance", &failure)),
    }
}
