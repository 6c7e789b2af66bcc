//! A client of a relying party: one of its services, as its manifest last said, read from the database at each request.

use domain::{
    Bilingual, Ciba, ClientAuthentication, ClientId, ClientProfile, Function, SenderConstraint, ServiceManifest, ServiceState,
};

use crate::store::{ListedServiceRow, Read, StoreError};

/// The scope that says that somebody is to log in.
pub const OPENID: &str = "openid";
/// The scope that asks for refresh tokens.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// A client.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// The integer under which its service's uses are counted.
    pub service: i32,
    /// The worse of the service's state and the party's.
    pub state: ServiceState,
    /// The rules it follows.
    pub profile: ClientProfile,
    /// How it proves who it is, and in no other way.
    pub authentication: ClientAuthentication,
    /// What its tokens are bound to.
    pub constraint: SenderConstraint,
    /// What it may ask of an account.
    pub functions: Vec<Function>,
    /// Scopes it may ask for.
    pub scopes: Vec<String>,
    /// Where citizens come back to after a login.
    pub redirect_uris: Vec<String>,
    /// Where they come back to after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where its server is told of a logout.
    pub backchannel_logout_uri: Option<String>,
    /// How it learns of decisions made on the phone, if it may ask for them.
    pub ciba: Option<Ciba>,
    /// Whether it may have refresh tokens.
    pub offline_access: bool,
    /// Its name.
    pub name: Bilingual,
    /// The organisation that runs it.
    pub organisation: Bilingual,
}

impl Client {
    /// Reads a client; none when there is no such service.
    ///
    /// # Errors
    /// When the database cannot be reached or the row is damaged.
    pub async fn read(read: &mut Read, id: &ClientId) -> Result<Option<Self>, StoreError> {
        read.service(id).await?.map(|row| Self::of(&row)).transpose()
    }

    fn of(row: &ListedServiceRow) -> Result<Self, StoreError> {
        let manifest = row.service.manifest()?;
        Ok(Self {
            service: row.service.code,
            state: row.state()?,
            organisation: row.organisation(),
            ..Self::as_its_manifest_says(row.service.client()?, manifest)
        })
    }

    /// What a manifest says of a service, and what holds where it says nothing.
    fn as_its_manifest_says(id: ClientId, manifest: ServiceManifest) -> Self {
        let (profile, authentication) = (manifest.profile(), manifest.authentication());
        let (constraint, scopes) = (manifest.constraint(), manifest.may_ask_for());
        Self {
            id,
            service: 0,
            state: ServiceState::Active,
            profile,
            authentication,
            constraint,
            functions: manifest.functions,
            scopes,
            redirect_uris: manifest.redirect_uris,
            post_logout_redirect_uris: manifest.post_logout_redirect_uris,
            backchannel_logout_uri: manifest.backchannel_logout_uri,
            ciba: manifest.ciba,
            offline_access: manifest.offline_access,
            organisation: manifest.name.clone(),
            name: manifest.name,
        }
    }

    /// Whether it may ask for the scope.
    #[must_use]
    pub fn may_ask_for(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A client by the part of its manifest that matters.
    pub(in crate::http::public::oauth) fn client(more: &Value) -> Client {
        let mut manifest = json!({
            "id": "online", "name": { "en": "Online", "zh-Hant": "網上" }, "functions": ["authentication"],
            "redirectUris": ["https://bank.example/callback", "https://bank.example/other?x=1"], "since": "2021-01-01"
        });
        for (name, value) in more.as_object().unwrap() {
            manifest[name] = value.clone();
        }
        Client::as_its_manifest_says("sandbox-bank.online".parse().unwrap(), serde_json::from_value(manifest).unwrap())
    }

    #[test]
    fn what_a_manifest_does_not_say_is_the_strictest_of_its_profile() {
        use ClientAuthentication::{ClientSecret, PrivateKeyJwt, TlsClientAuth};
        use ClientProfile::{Fapi2, Oidc};
        use SenderConstraint::{Dpop, Mtls, None};
        for (said, profile, authentication, constraint) in [
            (json!({}), Fapi2, PrivateKeyJwt, Dpop),
            (json!({ "clientProfile": "fapi2" }), Fapi2, PrivateKeyJwt, Dpop),
            (json!({ "clientAuthentication": "tls_client_auth" }), Fapi2, TlsClientAuth, Mtls),
            (json!({ "clientAuthentication": "tls_client_auth", "senderConstraint": "dpop" }), Fapi2, TlsClientAuth, Dpop),
            (json!({ "senderConstraint": "mtls" }), Fapi2, PrivateKeyJwt, Mtls),
            (json!({ "clientProfile": "oidc" }), Oidc, ClientSecret, None),
            (json!({ "clientProfile": "oidc", "clientAuthentication": "private_key_jwt" }), Oidc, PrivateKeyJwt, None),
            (json!({ "clientProfile": "oidc", "senderConstraint": "dpop" }), Oidc, ClientSecret, Dpop),
        ] {
            let client = client(&said);
            assert_eq!(
                (client.profile, client.authentication, client.constraint),
                (profile, authentication, constraint),
                "{said}"
            );
        }
        assert_eq!(client(&json!({})).scopes, ["openid"]);
        assert_eq!(client(&json!({ "offlineAccess": true })).scopes, ["openid", "offline_access"]);
        assert_eq!(client(&json!({ "scopes": ["openid", "profile"] })).scopes, ["openid", "profile"]);
    }
}
