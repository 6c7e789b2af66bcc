use api::service::ServiceView;
use domain::Day;

use crate::store::{ListedServiceRow, StoreError};

/// A service as the office sees it.
pub(super) fn view(row: &ListedServiceRow) -> Result<ServiceView, StoreError> {
    let service = &row.service;
    let manifest = service.manifest()?;
    Ok(ServiceView {
        service: service.client()?,
        name: service.name(),
        organisation: row.organisation(),
        sector: row.sector()?,
        category: service.category()?,
        functions: service.functions()?,
        client_profile: manifest.profile(),
        client_authentication: manifest.authentication(),
        sender_constraint: manifest.constraint(),
        scopes: manifest.may_ask_for(),
        ciba: manifest.ciba,
        ciba_notification_uri: manifest.ciba_notification_uri,
        offline_access: manifest.offline_access,
        post_logout_redirect_uris: manifest.post_logout_redirect_uris,
        backchannel_logout_uri: manifest.backchannel_logout_uri,
        redirect_uris: manifest.redirect_uris,
        form_fields: manifest.form_fields.iter().map(ToString::to_string).collect(),
        state: row.state()?,
        since: service.since.map(Day::from_number),
        synthetic: service.synthetic,
    })
}
