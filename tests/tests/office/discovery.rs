//! What the interface says that it can do, it does.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::both_engines;
use tests::world::client::{ISSUER, Reply};

both_engines! {
    async fn what_is_announced_is_served(world: &World) {
        let client = world.client("drill-office.counter", &json!({})).await;
        let said = client.fetches("/.well-known/openid-configuration", &[]).await;
        assert_eq!((said.status.as_u16(), &said.headers["cache-control"]), (200, &"max-age=300".parse().unwrap()));
        let same = client.fetches("/.well-known/oauth-authorization-server", &[("host", "evil.example")]).await;
        assert_eq!(said.json, same.json, "whatever a Host says");
        assert_eq!(said.json["issuer"], ISSUER);
        let members = said.json.as_object().unwrap();
        let paths: Vec<&str> = members
            .iter()
            .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
            .map(|(_, address)| address.as_str().unwrap().strip_prefix(ISSUER).unwrap())
            .collect();
        assert!(paths.len() >= 7, "{paths:?}");
        for path in paths {
            // Nobody has said who they are: there is somebody to say it to.
            let found = |reply: &Reply| reply.status != 404 && reply.json["code"] != "operation.not-found";
            assert!(found(&client.fetches(path, &[]).await), "{path}");
            assert!(found(&client.posts(path, "", &[]).await), "{path}");
        }
        for grant in members["grant_types_supported"].as_array().unwrap() {
            let reply = client.asks_with_proof("/oauth2/token", &[("grant_type", grant.as_str().unwrap())]).await;
            assert_ne!(reply.json["error"], "unsupported_grant_type", "{grant}");
        }
        assert_eq!(client.asks_with_proof("/oauth2/token", &[("grant_type", "password")]).await.error(), (400, "unsupported_grant_type"));
        let words = |name: &str| -> BTreeSet<&str> { members[name].as_array().unwrap().iter().filter_map(Value::as_str).collect() };
        assert_eq!(words("code_challenge_methods_supported"), BTreeSet::from(["S256"]));
        assert_eq!(words("subject_types_supported"), BTreeSet::from(["pairwise"]));
        assert_eq!(words("acr_values_supported"), BTreeSet::from(["iam-smart", "iam-smart-plus"]));
    }
}
