//! Citizens log out at a service, which sends their browser: the login that its ID token is of ends, and nobody is sent to an
//! address that is not the client's.

use serde_json::json;
use tests::world::client::{Client, Reply};
use tests::{World, both_engines};
use url::form_urlencoded::Serializer;

use super::logins::Office;

const BACK: &str = "https://rp.example/bye?x=1";

/// A browser that the client has sent.
async fn browser(client: &Client<'_>, asked: &[(&str, &str)]) -> Reply {
    let query = Serializer::new(String::new()).extend_pairs(asked).finish();
    client.fetches(&format!("/oauth2/logout?{query}"), &[("accept", "text/html")]).await
}

/// An office whose client has registered where its citizens come back to.
async fn opens(world: &World) -> Office<'_> {
    Office::opens_with(world, &json!({ "postLogoutRedirectUris": [BACK] })).await
}

fn location(reply: &Reply) -> Option<&str> {
    reply.headers.get("location").map(|address| address.to_str().unwrap())
}

both_engines! {
    async fn an_id_token_ends_its_login_and_the_browser_goes_back(world: &World) {
        let office = opens(world).await;
        let one = office.logs_in("openid profile", &[]).await;
        let other = office.logs_in("openid profile", &[]).await;
        let (hint, access) = (one.text("id_token"), one.text("access_token"));
        assert_eq!(office.userinfo(access).await.status, 200);
        // However old the ID token is.
        world.clock.advance(std::time::Duration::from_secs(301));
        let alive = office.logs_in("openid profile", &[]).await;
        let gone = browser(&office.client, &[("id_token_hint", alive.text("id_token")), ("post_logout_redirect_uri", BACK), ("state", "a b")]).await;
        assert_eq!((gone.status.as_u16(), location(&gone)), (303, Some("https://rp.example/bye?x=1&state=a+b")));
        assert_eq!(office.userinfo(alive.text("access_token")).await.error(), (401, "invalid_token"));
        let gone = browser(&office.client, &[("id_token_hint", hint)]).await;
        assert_eq!((gone.status.as_u16(), location(&gone)), (200, None));
        assert!(gone.body.contains("You are logged out") && gone.headers.contains_key("content-security-policy"));
        let again = browser(&office.client, &[("id_token_hint", hint), ("ui_locales", "zh-HK")]).await;
        assert!(again.body.contains("你已登出"));
        let form = [("id_token_hint", other.text("id_token").to_owned())];
        assert_eq!(office.client.sends("/oauth2/logout", &form, &[]).await.status, 200);
        let ended: Vec<_> = world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "login.end").collect();
        assert_eq!(ended.len(), 3, "each login once");
        assert_eq!(ended[0]["subject"], office.citizen.account.to_string());
        assert_eq!((&ended[0]["facts"]["sessions"], &ended[0]["facts"]["reason"]), (&json!(1), &json!("logout")));
    }

    async fn nobody_is_sent_to_an_address_that_the_client_has_not_registered(world: &World) {
        let office = opens(world).await;
        let other = world.client("drill-shop.online", &json!({})).await;
        let login = office.logs_in("openid profile", &[]).await;
        let hint = login.text("id_token");
        for uri in ["https://rp.example/bye", "https://rp.example/bye?x=1&y", "https://rp.example/bye?x=1#", "https://evil.example/", "javascript:alert(1)"] {
            let refused = browser(&office.client, &[("id_token_hint", hint), ("post_logout_redirect_uri", uri)]).await;
            assert_eq!((refused.status.as_u16(), location(&refused)), (400, None), "{uri}");
            assert!(!refused.body.contains(uri));
        }
        for (client, uri) in [("drill-shop.online", BACK), ("no-such.client", BACK), ("'", BACK)] {
            let refused = browser(&other, &[("client_id", client), ("post_logout_redirect_uri", uri)]).await;
            assert_eq!((refused.status.as_u16(), location(&refused)), (400, None), "{client}");
        }
        let refused = browser(&other, &[("id_token_hint", hint), ("client_id", "drill-shop.online")]).await;
        assert_eq!(refused.status, 400, "another client's");
        let refused = browser(&other, &[("post_logout_redirect_uri", BACK)]).await;
        assert_eq!(refused.status, 400, "nobody's");
        assert_eq!(office.userinfo(login.text("access_token")).await.status, 200, "nothing has ended");
    }

    async fn without_an_id_token_of_ours_it_asks(world: &World) {
        let office = opens(world).await;
        let login = office.logs_in("openid profile", &[]).await;
        for hint in ["", "x", "eyJhbGciOiJub25lIn0.e30.", login.text("access_token"), &office.client.assertion()] {
            let asked = [("id_token_hint", hint), ("client_id", "drill-office.counter"), ("post_logout_redirect_uri", BACK)];
            let asks = browser(&office.client, &asked).await;
            assert_eq!((asks.status.as_u16(), location(&asks)), (200, None));
            assert!(asks.body.contains("Log out?") && asks.body.contains("href=\"https://rp.example/bye?x=1\""), "{}", asks.body);
        }
        assert_eq!(browser(&office.client, &[]).await.status, 200);
        assert_eq!(office.userinfo(login.text("access_token")).await.status, 200, "nothing has ended");
    }
}
