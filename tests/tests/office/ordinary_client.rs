//! A whole login by an OpenID client of somebody else's making, unchanged: discovery, the browser's way through the waiting page, the
//! code, the ID token, what was released, refreshing, giving back, logging out.

use api::account::SuspendAccount;
use axum::body::Body;
use domain::{Claim, Clock, SuspensionReason};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl, LanguageTag, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RevocationUrl, Scope,
    TokenIntrospectionResponse, TokenResponse,
};
use serde_json::json;
use tests::world::citizen::Registered;
use tests::world::client::{CALLBACK, Client, ISSUER, Reply};
use tests::world::phone::Phone;
use tests::{World, both_engines};
use url::Url;

const BACK: &str = "https://rp.example/bye";

type Library = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A website that was built upon the library, and a citizen.
struct Website<'w> {
    world: &'w World,
    client: Client<'w>,
    library: Library,
    metadata: ProviderMetadataWithLogout,
    citizen: Registered,
    phone: Phone<'w>,
}

/// A browser that was sent away.
struct Away {
    url: Url,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// What the library sends, and what it is answered.
async fn exchange(world: &World, request: HttpRequest) -> Result<HttpResponse, std::convert::Infallible> {
    let reply = world.public(request.map(Body::from)).await;
    let mut answer = http::Response::new(reply.body.into_bytes());
    (*answer.status_mut(), *answer.headers_mut()) = (reply.status, reply.headers);
    Ok(answer)
}

impl<'w> Website<'w> {
    /// Learns everything from the metadata.
    async fn opens(world: &'w World, way: AuthType) -> Self {
        let more = json!({
            "clientProfile": "oidc", "scopes": ["openid", "profile", "phone", "offline_access"], "offlineAccess": true,
            "postLogoutRedirectUris": [BACK],
        });
        let client = world.client("drill-office.website", &more).await;
        let secret = client.is_given_a_secret().await;
        let http = |request| exchange(world, request);
        let metadata =
            ProviderMetadataWithLogout::discover_async(IssuerUrl::new(ISSUER.to_owned()).unwrap(), &http).await.unwrap();
        let told = client.fetches("/.well-known/openid-configuration", &[]).await;
        let library = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(client.id.to_string()),
            Some(ClientSecret::new(secret)),
        )
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap())
        .set_introspection_url(IntrospectionUrl::new(told.text("introspection_endpoint").to_owned()).unwrap())
        .set_revocation_url(RevocationUrl::new(told.text("revocation_endpoint").to_owned()).unwrap())
        .set_auth_type(way);
        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let phone = citizen.phone(world).await;
        Self { world, client, library, metadata, citizen, phone }
    }

    /// Sends the browser away.
    fn sends_away(&self) -> Away {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = ["profile", "phone", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
        let (url, state, nonce) = self
            .library
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes)
            .add_prompt(CoreAuthPrompt::Consent)
            .set_display(CoreAuthDisplay::Page)
            .set_max_age(std::time::Duration::from_mins(10))
            .add_ui_locale(LanguageTag::new("zh-HK".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Away { url, state, nonce, verifier }
    }

    async fn reads(&self, url: &Url) -> serde_json::Value {
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let read = self.client.fetches(&format!("{}{query}", url.path()), &[("accept", "application/json")]).await;
        assert_eq!(read.status, 200, "{}", read.body);
        read.json
    }

    /// The page that a browser is led to.
    async fn is_shown(&self, away: &Away) -> Reply {
        let html = [("accept", "text/html")];
        let led = self.client.fetches(&format!("{}?{}", away.url.path(), away.url.query().unwrap()), &html).await;
        let page: Url = Url::parse(ISSUER).unwrap().join(led.headers["location"].to_str().unwrap()).unwrap();
        let query = page.query().map_or_else(String::new, |query| format!("?{query}"));
        self.client.fetches(&format!("{}{query}", page.path()), &html).await
    }

    /// The browser waits at the page until the citizen has approved, and comes back with a code.
    async fn comes_back(&self, away: &Away, released: &[Claim]) -> AuthorizationCode {
        let shown = self.reads(&away.url).await;
        let taken = self.phone.takes_up(shown["comparison_code"].as_str().unwrap()).await.unwrap();
        self.phone.approves(taken.request, released).await.unwrap();
        let gone = self.reads(&shown["poll"].as_str().unwrap().parse().unwrap()).await;
        let back: Url = gone["redirect"].as_str().unwrap().parse().unwrap();
        let of = |wanted: &str| back.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
        assert_eq!((of("state"), of("iss")), (away.state.secret().clone(), ISSUER.to_owned()));
        AuthorizationCode::new(of("code"))
    }

    async fn exchanges(&self, code: AuthorizationCode, verifier: PkceCodeVerifier) -> Result<CoreTokenResponse, String> {
        let http = |request| exchange(self.world, request);
        let asked = self.library.exchange_code(code).unwrap().set_pkce_verifier(verifier);
        asked.request_async(&http).await.map_err(|error| format!("{error:?}"))
    }

    /// The ID token as the library takes it.
    fn verified<'t>(&self, tokens: &'t CoreTokenResponse, nonce: &Nonce) -> &'t CoreIdTokenClaims {
        let verifier = self.library.id_token_verifier().set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256]);
        let id_token = tokens.id_token().unwrap();
        let claims = id_token.claims(&verifier, nonce).unwrap();
        let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&verifier).unwrap());
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
        assert_eq!(claims.access_token_hash(), Some(&hash));
        claims
    }

    async fn userinfo(&self, tokens: &CoreTokenResponse, claims: &CoreIdTokenClaims) -> Result<CoreUserInfoClaims, String> {
        let http = |request| exchange(self.world, request);
        // The library refuses what is about another subject than the ID token is.
        let asked = self.library.user_info(tokens.access_token().clone(), Some(claims.subject().clone())).unwrap();
        asked.request_async(&http).await.map_err(|error| format!("{error:?}"))
    }
}

both_engines! {
    // The library holds dates against the system's clock.
    from Setup::today();

    async fn an_ordinary_client_logs_a_citizen_in_and_out_again(world: &World) {
        let http = |request| exchange(world, request);
        for way in [AuthType::BasicAuth, AuthType::RequestBody] {
            let site = Website::opens(world, way).await;
            let away = site.sends_away();
            let page = site.is_shown(&away).await;
            assert!(page.body.starts_with("<!doctype html><html lang=\"zh-Hant\">"), "as ui_locales wants it: {}", page.body);
            let code = site.comes_back(&away, &[Claim::Name, Claim::PhoneNumber]).await;
            let tokens = site.exchanges(code.clone(), away.verifier).await.unwrap();
            let claims = site.verified(&tokens, &away.nonce);
            assert_eq!(claims.auth_context_ref().unwrap().as_str(), "iam-smart");
            assert_eq!(claims.auth_time().unwrap().timestamp(), world.clock.now().micros() / 1_000_000);
            let person = site.userinfo(&tokens, claims).await.unwrap();
            assert_eq!(person.name().unwrap().get(None).unwrap().as_str(), "CHAN TAI MAN");
            assert_eq!(person.phone_number().unwrap().as_str(), site.citizen.phone.expose());

            let told = site.library.introspect(tokens.access_token()).request_async(&http).await.unwrap();
            assert!(told.active());
            let refreshed = site.library.exchange_refresh_token(tokens.refresh_token().unwrap()).unwrap();
            let refreshed = refreshed.request_async(&http).await.unwrap();
            assert_ne!(refreshed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());
            site.userinfo(&refreshed, claims).await.unwrap();
            let back = site.library.revoke_token(refreshed.refresh_token().unwrap().into()).unwrap();
            back.request_async(&http).await.unwrap();
            site.userinfo(&refreshed, claims).await.unwrap_err();

            // Another login, which the citizen ends where they are.
            let away = site.sends_away();
            let code = site.comes_back(&away, &[]).await;
            let second = site.exchanges(code, away.verifier).await.unwrap();
            let claims = site.verified(&second, &away.nonce);
            assert!(site.userinfo(&second, claims).await.unwrap().name().is_none(), "nothing was released");
            let out = LogoutRequest::from(site.metadata.additional_metadata().end_session_endpoint.clone().unwrap())
                .set_id_token_hint(second.id_token().unwrap())
                .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(BACK.to_owned()).unwrap())
                .set_state(CsrfToken::new("out".to_owned()))
                .http_get_url();
            let gone = site.client.fetches(&format!("{}?{}", out.path(), out.query().unwrap()), &[]).await;
            assert_eq!((gone.status.as_u16(), gone.headers["location"].to_str().unwrap()), (303, "https://rp.example/bye?state=out"));
            site.userinfo(&second, claims).await.unwrap_err();
        }
    }

    async fn the_library_is_refused_as_the_standards_say(world: &World) {
        let site = Website::opens(world, AuthType::BasicAuth).await;
        let (first, second) = (site.sends_away(), site.sends_away());
        let code = site.comes_back(&first, &[]).await;
        let other = site.exchanges(code.clone(), second.verifier).await.unwrap_err();
        assert!(other.contains("invalid_grant"), "another browser's verifier: {other}");
        let wrong = CoreClient::from_provider_metadata(
            site.metadata.clone(),
            ClientId::new(site.client.id.to_string()),
            Some(ClientSecret::new("not-the-secret".to_owned())),
        )
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());
        let http = |request| exchange(world, request);
        let refused = wrong.exchange_code(code.clone()).unwrap().request_async(&http).await.unwrap_err();
        assert!(format!("{refused:?}").contains("invalid_client"), "{refused:?}");

        // Approved, and the hotline is faster than the website.
        let op = SuspendAccount { account: site.citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        assert_eq!(world.first().call(&op).await.unwrap().ended.requests, 1);
        let late = site.exchanges(code, first.verifier).await.unwrap_err();
        assert!(late.contains("invalid_grant"), "{late}");
    }
}
