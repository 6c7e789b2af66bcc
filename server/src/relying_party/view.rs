//! A party as the office sees it, with what stands in its way.

use api::relying_party::{PartyCredential, PartyService, PartyView};
use domain::{
    ClientAuthentication, ClientProfile, CredentialState, CredentialType, Function, Manifest, PartyState, ServiceState, Timestamp,
};

use crate::failure::Failure;
use crate::store::{CredentialRow, PartyRow, Read};

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
    let rows = read.party_credentials(&row.id).await?;
    let mut credentials = Vec::with_capacity(rows.len());
    for row in &rows {
        credentials.push(PartyCredential {
            id: row.id()?,
            kind: row.kind()?,
            state: row.state(now)?,
            not_after: row.not_after.map(Timestamp::from_micros),
            source: row.source()?,
            service: row.service()?,
            label: row.label.clone(),
        });
    }
    let faults = faults(read, &rows).await?;
    Ok(PartyView {
        ended: None,
        rp: row.id()?,
        organisation: row.organisation(),
        sector: row.sector()?,
        industry: manifest.industry,
        state,
        suspended_reason: row.suspended_reason.clone(),
        warnings: warnings(state, &manifest, &services, &credentials, faults, now),
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
    faults: Vec<String>,
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
    let usable = |key: &&PartyCredential| key.state == CredentialState::Active && key.kind != CredentialType::JwksUrl;
    let kinds: Vec<CredentialType> = credentials.iter().filter(usable).map(|key| key.kind).collect();
    if kinds.is_empty() {
        warnings.push("no credentials: the party cannot log anybody in".to_owned());
    }
    for key in credentials.iter().filter(|key| key.state == CredentialState::Expired) {
        warnings.push(format!("credential {} ({}) has expired", key.id, key.kind));
    }
    warnings.extend(faults);
    let today = now.hk_day();
    for service in &manifest.services {
        if service.since > today {
            warnings.push(format!("service {} opens on {}", service.id, service.since));
        }
        // The signature on an assertion is the ordinary way; a certificate is asked for by name.
        let wanted = match service.client_authentication {
            Some(ClientAuthentication::TlsClientAuth) => CredentialType::Certificate,
            Some(ClientAuthentication::ClientSecret) => CredentialType::ClientSecret,
            None if service.client_profile == Some(ClientProfile::Oidc) => CredentialType::ClientSecret,
            Some(ClientAuthentication::PrivateKeyJwt) | None => CredentialType::Jwks,
        };
        if !kinds.is_empty() && !kinds.contains(&wanted) {
            warnings.push(format!("service {} cannot prove who it is: no credential of kind {wanted}", service.id));
        }
        let logs_in = service.functions.contains(&Function::Authentication);
        if logs_in && service.redirect_uris.is_empty() && service.ciba.is_none() {
            warnings.push(format!("service {} has no redirect URI: nobody comes back to it from a login", service.id));
        }
    }
    warnings
}

/// What is wrong with the newest copies of key sets.
async fn faults(read: &mut Read, rows: &[CredentialRow]) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for row in rows.iter().filter(|row| row.kind == CredentialType::JwksUrl.as_str() && row.state == "active") {
        let Some(address) = read.key_set_address(row.id).await? else { continue };
        let Some(fault) = address.fault else { continue };
        let since = Timestamp::from_micros(address.fault_since.unwrap_or(address.next_at)).people();
        let copy = if address.fetched_at.is_some() { "the copy before it stays in use" } else { "there is no copy yet" };
        faults.push(format!("no good key set at {} since {since}: {fault}; {copy}", row.content));
    }
    Ok(faults)
}
