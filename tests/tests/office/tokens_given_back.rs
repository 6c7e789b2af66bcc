//! Clients ask whether a token is good, and give it back: their own, and nobody else's.

use std::time::Duration;

use domain::Claim;
use serde_json::{Value, json};
use tests::world::client::{Client, ISSUER, Reply};
use tests::{World, both_engines};

use super::logins::Office;

const OFFLINE: &str = "openid offline_access";

async fn introspects(client: &Client<'_>, token: &str) -> Value {
    let reply = client.asks("/oauth2/introspect", &[("token", token)]).await;
    assert_eq!((reply.status.as_u16(), &reply.headers["cache-control"]), (200, &"no-store".parse().unwrap()), "{}", reply.body);
    reply.json
}

async fn revokes(client: &Client<'_>, token: &str) -> Reply {
    let reply = client.asks("/oauth2/revoke", &[("token", token), ("token_type_hint", "whatever")]).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""));
    reply
}

/// What the log says of tokens that were given back.
async fn entries(world: &World) -> Vec<Value> {
    world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "token.revoke").collect()
}

fn nothing() -> Value {
    json!({ "active": false })
}

both_engines! {
    async fn a_token_is_told_about_to_its_own_client(world: &World) {
        let office = Office::opens(world).await;
        let stranger = world.client("drill-shop.online", &json!({})).await;
        let answered = office.logs_in(OFFLINE, &[]).await;
        let (access, refresh) = (answered.text("access_token"), answered.text("refresh_token"));
        let told = introspects(&office.client, access).await;
        let now = office.client.claims()["iat"].clone();
        let expected = json!({
            "active": true, "iss": ISSUER, "aud": ISSUER, "client_id": "drill-office.counter", "token_type": "DPoP",
            "scope": OFFLINE, "iat": now, "exp": now.as_i64().unwrap() + 300, "sub": told["sub"], "jti": told["jti"],
            "cnf": { "jkt": office.client.prover.thumbprint() }
        });
        assert_eq!(told, expected);
        let told = introspects(&office.client, refresh).await;
        assert_eq!((&told["active"], &told["scope"], &told["client_id"]), (&json!(true), &json!(OFFLINE), &json!("drill-office.counter")));

        for token in [access, refresh, answered.text("id_token"), "x", "a.b.c"] {
            assert_eq!(introspects(&stranger, token).await, nothing());
        }
        assert_eq!(introspects(&office.client, answered.text("id_token")).await, nothing());
        assert_eq!(office.client.asks("/oauth2/introspect", &[]).await.error(), (400, "invalid_request"));
        let nobody = office.client.sends("/oauth2/introspect", &[("token", access.to_owned())], &[]).await;
        assert_eq!(nobody.error(), (401, "invalid_client"));

        world.clock.advance(Duration::from_secs(300));
        assert_eq!(introspects(&office.client, access).await, nothing(), "it has ended");
        assert_eq!(introspects(&office.client, refresh).await["active"], true);
        office.is_suspended().await;
        assert_eq!(introspects(&office.client, refresh).await, nothing(), "the account is suspended");
    }

    async fn an_access_token_goes_alone_and_a_refresh_token_takes_its_login_along(world: &World) {
        let office = Office::opens(world).await;
        let stranger = world.client("drill-shop.online", &json!({})).await;
        let first = office.logs_in("openid profile offline_access", &[Claim::Name]).await;
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        for token in [access, refresh] {
            revokes(&stranger, token).await;
        }
        assert_eq!(introspects(&office.client, access).await["active"], true, "another client gives nothing back");
        assert_eq!(entries(world).await, Vec::<Value>::new());

        revokes(&office.client, access).await;
        assert_eq!(introspects(&office.client, access).await, nothing());
        assert_eq!(office.userinfo(access).await.error(), (401, "invalid_token"));
        // The log is read in the order of time.
        world.clock.advance(Duration::from_secs(1));
        let second = office.refreshes(refresh).await;
        assert_eq!(second.status, 200, "{}", second.body);

        revokes(&office.client, second.text("refresh_token")).await;
        for token in [second.text("access_token"), second.text("refresh_token")] {
            assert_eq!(introspects(&office.client, token).await, nothing());
        }
        assert_eq!(office.userinfo(second.text("access_token")).await.error(), (401, "invalid_token"));
        assert_eq!(office.refreshes(second.text("refresh_token")).await.error(), (400, "invalid_grant"));
        // Given back again, nothing is written down again.
        for token in [access, refresh, second.text("refresh_token"), "x"] {
            revokes(&office.client, token).await;
        }
        let entries = entries(world).await;
        let subject = office.citizen.account.to_string();
        assert_eq!(entries.iter().map(|leaf| (&leaf["subject"], &leaf["facts"])).collect::<Vec<_>>(), [
            (&json!(subject), &json!({ "kind": "access" })),
            (&json!(subject), &json!({ "kind": "refresh", "sessions": 1, "tokens": 2 })),
        ]);
        assert_eq!(entries[0]["actor"]["id"], "drill-office.counter");
    }

    async fn a_token_of_a_service_itself_is_given_back_too(world: &World) {
        let office = Office::opens(world).await;
        let answered = office.client.asks_with_proof("/oauth2/token", &[("grant_type", "client_credentials")]).await;
        let token = answered.text("access_token");
        let told = introspects(&office.client, token).await;
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!("drill-office.counter")));
        revokes(&office.client, token).await;
        assert_eq!(introspects(&office.client, token).await, nothing());
        revokes(&office.client, token).await;
        assert_eq!(entries(world).await.len(), 1);
        assert_eq!(entries(world).await[0]["subject"], "drill-office.counter");
    }
}
