//! Shared secrets of clients of plain OpenID Connect: made here, shown once, and kept as a digest. A secret of 256 bits needs no
//! slow digest: nobody guesses it.

use api::credential::{AddCredential, CredentialAdded, CredentialChange};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{
    ClientAuthentication, ClientId, ClientProfile, CredentialId, CredentialSource, CredentialType, Refusal, ServiceManifest,
    ServiceSlug,
};
use openssl::sha::sha256;
use serde_json::json;

use super::add::{check_room, said};
use super::view::view;
use crate::app::{App, Caller, Keep};
use crate::failure::Failure;
use crate::keys::hex;
use crate::store::CredentialRow;

/// Makes another secret for a service, beside those it has.
///
/// # Errors
/// `credential.secret` for a service whose client proves who it is in another way; as [`super::add::add`].
pub(super) async fn make(
    app: &App,
    caller: &Caller,
    op: AddCredential,
    service: ServiceSlug,
) -> Result<Vec<CredentialAdded>, Failure> {
    let record = caller.record(&op);
    let now = app.clock.now();
    let said = said(&op, now)?;
    if op.jwks.is_some() || op.jwks_url.is_some() || op.certificate.is_some() {
        let message = "a secret is made by itself: neither 'jwks' nor 'jwks_url' nor 'certificate' is given with it";
        return Err(Failure::invalid("credential.empty", message));
    }
    let mut chance = [0; 32];
    app.entropy.fill(&mut chance);
    let secret = BASE64_URL_SAFE_NO_PAD.encode(chance);
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let party = tx.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    party.state()?.take_manifest(&op.rp)?;
    let client = ClientId { rp: op.rp.clone(), service };
    let known = tx.service(&client).await?.ok_or_else(|| Failure::not_found("service", &client))?;
    takes_secrets(&client, &known.service.manifest()?)?;
    check_room(&tx.party_credentials(op.rp.as_str()).await?, now)?;
    let id = CredentialId::random(tx.entropy());
    let digest = hex(&sha256(secret.as_bytes()));
    let row = CredentialRow {
        label: said.label.clone(),
        not_after: said.not_after.map(domain::Timestamp::micros),
        service: Some(client.service.to_string()),
        ..CredentialRow::new(id, op.rp.as_str(), CredentialType::ClientSecret, CredentialSource::Added, digest, now)
    };
    tx.insert_credential(&row).await?;
    let credential = view(&mut tx, &row, now).await?;
    let facts = json!({ "credentials": [{ "id": id, "kind": row.kind, "service": client.service, "change": "added" }],
        "label": said.label, "not_after": said.not_after });
    let added = CredentialAdded {
        change: CredentialChange::Added,
        credential,
        secret: (caller.keep == Keep::Effects).then_some(secret),
        note: None,
    };
    tx.commit(record.facts(facts), vec![added]).await
}

/// Only a client of plain OpenID Connect whose manifest says nothing else shares a secret with us.
fn takes_secrets(client: &ClientId, manifest: &ServiceManifest) -> Result<(), Refusal> {
    let plain = manifest.client_profile == Some(ClientProfile::Oidc);
    if plain && manifest.client_authentication.is_none_or(|way| way == ClientAuthentication::ClientSecret) {
        return Ok(());
    }
    Err(Refusal::new("credential.secret", format!("the client {client} does not prove who it is by a secret"))
        .hint("its manifest says how: 'clientProfile: oidc' with 'clientAuthentication: client_secret' for a secret"))
}
