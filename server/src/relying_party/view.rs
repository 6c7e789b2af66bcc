//! A party as the office sees it, with what stands in its way.

use api::relying_party::{PartyCredential, PartyService, PartyView};
use domain::{ClientAuthentication, CredentialKind, Function, Manifest, PartyState, ServiceState, Timestamp};

use crate::failure::Failure;
use crate::store::{PartyRow, Read};

/// The party, whole.
pub(super) async fn view(read: &mut Read, row: &PartyRow, now: Timestamp) -> Result<PartyView, Failure> {
    let (state, manifest) = (row.state()?, row.manifest()?);
    let mut services = Vec::new();
    for service in read.party_services(&row.id).await? {
        services.push(PartyService {
            service: service.client()?.service,
            name: service.name(),
            category: service.category()?,
            functions: service.functions()?,
            state: service.state()?.under(state),
        });
    }
    let credentials: Vec<PartyCredential> = read
        .party_credentials(&row.id)
        .await?
        .into_iter()
        .map(|key| PartyCredential {
            id: key.id,
            kind: key.kind,
            state: key.state,
            not_after: key.not_after.map(Timestamp::from_micros),
        })
        .collect();
    Ok(PartyView {
        rp: row.id()?,
        organisation: row.organisation(),
        sector: row.sector()?,
        industry: manifest.industry,
        state,
        suspended_reason: row.suspended_reason.clone(),
        warnings: warnings(state, &manifest, &services, &credentials, now),
        services,
        credentials,
        version: row.version,
        manifest,
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
    })
}

/// What stands in the party's way, in words.
fn warnings(
    state: PartyState,
    manifest: &Manifest,
    services: &[PartyService],
    credentials: &[PartyCredential],
    now: Timestamp,
) -> Vec<String> {
    let mut warnings = Vec::new();
    match state {
        PartyState::Active => {}
        PartyState::Suspended => warnings.push("suspended: none of its services is accessible".to_owned()),
        PartyState::Retired => warnings.push("retired: none of its services is accessible any more".to_owned()),
    }
    if services.iter().all(|service| service.state == ServiceState::Retired) {
        warnings.push("no services that are not retired".to_owned());
    }
    let good = |key: &&PartyCredential| key.state == "active" && key.not_after.is_none_or(|end| now <= end);
    let kinds: Vec<&str> = credentials.iter().filter(good).map(|key| key.kind.as_str()).collect();
    if kinds.is_empty() {
        warnings.push("no credentials: the party cannot log anybody in".to_owned());
    }
    for key in credentials.iter().filter(|key| key.state == "active" && !good(key)) {
        warnings.push(format!("the certificate over key {} has expired", key.id));
    }
    let today = now.hk_day();
    for service in &manifest.services {
        if service.since > today {
            warnings.push(format!("service {} opens on {}", service.id, service.since));
        }
        // The signature on an assertion is the ordinary way; a certificate is asked for by name.
        let wanted = match service.client_authentication {
            Some(ClientAuthentication::TlsClientAuth) => Some(CredentialKind::Certificate),
            Some(ClientAuthentication::PrivateKeyJwt) | None => Some(CredentialKind::Jwks),
            Some(ClientAuthentication::ClientSecret) => None,
        };
        if let Some(wanted) = wanted
            && !kinds.is_empty()
            && !kinds.contains(&wanted.as_str())
        {
            warnings.push(format!("service {} cannot prove who it is: no credential of kind {wanted}", service.id));
        }
        let logs_in = service.functions.contains(&Function::Authentication);
        if logs_in && service.redirect_uris.is_empty() && service.ciba.is_none() {
            warnings.push(format!("service {} has no redirect URI: nobody comes back to it from a login", service.id));
        }
    }
    warnings
}
