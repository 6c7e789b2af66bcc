//! What a citizen's browser brings from a client: the parameters of an authorization request, and the address to come back to. Apart
//! from the others, for it is the server's own reader.

use std::sync::LazyLock;

use domain::{Bilingual, ClientAuthentication, ClientProfile, Function, SenderConstraint, ServiceState};
use server::http::public::oauth::client::Client;
use server::http::public::oauth::form::Parameters;
use server::http::public::oauth::parameters::{AuthorizationRequest, validate};

const CALLBACK: &str = "https://bank.example/callback";
const OTHER: &str = "https://bank.example/other?x=1";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let name = Bilingual { en: "Online".to_owned(), zh_hant: "網上".to_owned() };
    Client {
        id: "sandbox-bank.online".parse().unwrap(),
        service: 1,
        state: ServiceState::Active,
        profile: ClientProfile::Oidc,
        authentication: ClientAuthentication::ClientSecret,
        constraint: SenderConstraint::None,
        functions: vec![Function::Authentication],
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        redirect_uris: vec![CALLBACK.to_owned(), OTHER.to_owned()],
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        ciba: None,
        offline_access: false,
        name: name.clone(),
        organisation: name,
    }
});

/// The target, as those of `lib.rs` are.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Whether the input is taken. Panics when something does not hold.
    pub run: fn(&[u8]) -> bool,
    /// Honest inputs, to be damaged.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// The only one here.
pub const AUTHORIZE: Target = Target { name: "authorize", run: authorize, seeds };

/// The parameters of an address: nobody is sent anywhere but where the client has registered, to the byte, whatever is wrong; and what
/// is taken is within its bounds.
fn authorize(bytes: &[u8]) -> bool {
    let Ok(asked) = Parameters::read(bytes) else { return false };
    let own = |uri: &str| uri == CALLBACK || uri == OTHER;
    match validate(&CLIENT, &asked, None) {
        Err(unfit) => {
            assert!(
                unfit.back.is_none_or(|back| own(&back.redirect_uri) && asked.get("redirect_uri") == Some(&back.redirect_uri))
            );
            false
        }
        Ok(good) => {
            assert!(own(&good.redirect_uri) && asked.get("redirect_uri") == Some(&good.redirect_uri));
            assert_eq!(good.client, CLIENT.id);
            assert!(good.scopes.iter().any(|scope| scope == "openid"));
            assert!(good.scopes.iter().all(|scope| CLIENT.scopes.contains(scope)), "{:?}", good.scopes);
            assert_eq!(asked.get("code_challenge_method"), Some("S256"));
            assert_eq!(good.code_challenge.len(), 43);
            for text in [&good.state, &good.nonce].into_iter().flatten() {
                assert!(text.len() <= 2_000 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{text:?}");
            }
            // What is kept is read again as it was.
            let kept = serde_json::to_string(&good).unwrap();
            assert_eq!(serde_json::from_str::<AuthorizationRequest>(&kept).unwrap(), good);
            true
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let asked = |uri: &str, more: &str| {
        format!(
            "client_id=sandbox-bank.online&response_type=code&scope=openid%20profile&redirect_uri={uri}\
             &code_challenge={challenge}&code_challenge_method=S256{more}"
        )
    };
    let (callback, other) = ("https%3A%2F%2Fbank.example%2Fcallback", "https%3A%2F%2Fbank.example%2Fother%3Fx%3D1");
    let more = "&state=a+state&nonce=n-0S6_WzA2Mj&prompt=login&max_age=0&ui_locales=zh-HK+en&login_hint=somebody&acr_values=x";
    vec![asked(callback, "").into_bytes(), asked(other, more).into_bytes()]
}
