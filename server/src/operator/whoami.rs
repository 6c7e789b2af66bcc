use api::operator::{Identity, WhoAmI};

use crate::app::{App, Caller};
use crate::failure::Failure;

/// The caller, as the server sees them.
pub async fn whoami(app: &App, caller: &Caller, _: WhoAmI) -> Result<Identity, Failure> {
    Ok(Identity {
        operator: caller.operator.clone(),
        name: caller.name.clone(),
        roles: caller.roles.clone(),
        instance: app.instance.clone(),
        environment: app.environment,
        certificate_not_after: caller.certificate_not_after,
        server_time: app.clock.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
