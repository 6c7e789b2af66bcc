//! Key sets at addresses of the parties' own: read at once, kept, read again, and never believed for more than their keys.

use std::sync::Arc;
use std::time::Duration;

use api::Role;
use api::credential::{AddCredential, CredentialChange, CredentialView, ReportLeak};
use domain::{CredentialSource, CredentialState, CredentialType, Environment, Manifest, RevocationReason};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk};
use serde_json::{Value, json};
use server::credential::key_sets::{FetchFault, Fetching, KeySets, Served};
use server::credential::refresh::read_due;
use tests::{World, both_engines};
use tokio::sync::Notify;

use super::party_credentials::{credentials, nothing_yet, over, revoke};
use super::party_keys::{fresh_key, office, thumbprint};
use super::relying_parties::{apply, plan, show};

const URL: &str = "https://keys.drill.example/jwks.json";

fn at_address(url: &str) -> AddCredential {
    AddCredential { jwks_url: Some(url.to_owned()), ..nothing_yet() }
}

/// The drill office, with these keys in its manifest.
async fn drill(world: &World, keys: &[Value]) {
    apply(&world.first(), &[office("drill-office", 0, keys)]).await.unwrap();
}

/// The drill office's manifest with an address in place of a file.
fn with_address() -> Manifest {
    super::relying_parties::edited(&office("drill-office", 0, &[]), |m| {
        m["credentials"] = json!([{ "kind": "jwks", "url": URL }]);
    })
}

/// The address among a party's credentials; the last one when there are several.
async fn address(world: &World) -> CredentialView {
    credentials(world, "drill-office").await.into_iter().rfind(|it| it.kind == CredentialType::JwksUrl).unwrap()
}

async fn fault(world: &World) -> Option<String> {
    address(world).await.address.unwrap().fault.map(|fault| fault.code)
}

/// The states of keys, in the order asked for.
async fn states(world: &World, keys: &[&Value]) -> Vec<CredentialState> {
    let mut states = Vec::new();
    for key in keys {
        states.push(over(world, "drill-office", key).await.state);
    }
    states
}

/// Time passes, and what is due is read.
async fn passes(world: &World, time: Duration) -> usize {
    world.clock.advance(time);
    read_due(&world.app).await.unwrap()
}

const HOUR: Duration = Duration::from_hours(1);

/// A key as it is listed, and with its private half beside it.
fn careless() -> (Value, Value) {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let jwk = serde_json::to_value(PublicJwk::signing(&key.public().unwrap(), JwsAlgorithm::ES256).unwrap()).unwrap();
    let secret = key.pkey().ec_key().unwrap().private_key().to_vec_padded(32).unwrap();
    let mut private = jwk.clone();
    private["d"] = json!(base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, secret));
    (jwk, private)
}

both_engines! {
    async fn keys_at_an_address_come_and_go_with_it(world: &World) {
        drill(world, &[]).await;
        let (one, two) = (fresh_key(), fresh_key());
        world.key_sets.serves(URL, &[&one], "max-age=3600");
        let added = world.first().call(&at_address(URL)).await.unwrap();
        let told: Vec<_> = added.iter().map(|it| (it.change, it.credential.kind, it.credential.source, it.credential.under)).collect();
        let id = added[0].credential.id;
        assert_eq!(told, [
            (CredentialChange::Added, CredentialType::JwksUrl, CredentialSource::Added, None),
            (CredentialChange::Added, CredentialType::Jwks, CredentialSource::Url, Some(id)),
        ]);
        let fetched = added[0].credential.address.clone().unwrap();
        assert_eq!((fetched.url.as_str(), fetched.fetched_at, fetched.fault), (URL, Some(world.app.clock.now()), None));
        assert_eq!(show(world, "drill-office").await.warnings, Vec::<String>::new(), "the party can log somebody in");

        // Kept as long as it says, and no longer; what it no longer holds is good for nothing.
        world.key_sets.serves(URL, &[&two], "max-age=3600");
        assert_eq!(passes(world, HOUR - Duration::from_secs(1)).await, 0);
        assert_eq!(states(world, &[&one]).await, [CredentialState::Active]);
        assert_eq!(passes(world, Duration::from_secs(1)).await, 1);
        assert_eq!(states(world, &[&one, &two]).await, [CredentialState::Superseded, CredentialState::Active]);
        // And good again when it is back.
        world.key_sets.serves(URL, &[&one, &two], "max-age=3600");
        assert_eq!(passes(world, HOUR).await, 1);
        assert_eq!(states(world, &[&one, &two]).await, [CredentialState::Active, CredentialState::Active]);
        assert_eq!(passes(world, HOUR).await, 1);

        let steps = world.audited("rp.credential.refresh").await;
        assert_eq!(steps, vec![("system".to_owned(), id.to_string(), "done".to_owned()); 2], "what changes nothing is no entry");
        assert_eq!(world.key_sets.asked().len(), 4);
    }

    async fn a_copy_is_kept_between_five_minutes_and_a_day(world: &World) {
        drill(world, &[]).await;
        let key = fresh_key();
        world.key_sets.serves(URL, &[&key], "no-store");
        world.first().call(&at_address(URL)).await.unwrap();
        assert_eq!(passes(world, Duration::from_mins(5) - Duration::from_micros(1)).await, 0);
        world.key_sets.serves(URL, &[&key], "max-age=31536000");
        assert_eq!(passes(world, Duration::from_micros(1)).await, 1);
        assert_eq!(passes(world, 24 * HOUR - Duration::from_micros(1)).await, 0);
        assert_eq!(passes(world, Duration::from_micros(1)).await, 1);
    }

    async fn a_bad_copy_leaves_the_one_before_it_in_use(world: &World) {
        drill(world, &[]).await;
        let (one, two, stranger, blocked) = (fresh_key(), fresh_key(), fresh_key(), fresh_key());
        apply(&world.first(), &[office("fire-office", 1, std::slice::from_ref(&stranger))]).await.unwrap();
        let known = PublicJwk { numbers: serde_json::from_value(blocked.clone()).unwrap(), usage: None, alg: None, kid: None };
        let pem = known.to_public_key().unwrap().pem().unwrap();
        world.first().call(&ReportLeak { credential: None, public_keys: vec![pem], note: None, since: None }).await.unwrap();
        world.key_sets.serves(URL, &[&one], "max-age=300");
        world.first().call(&at_address(URL)).await.unwrap();
        let served = |body: String| Ok(Served { body: body.into_bytes(), cache_control: None });
        let set = |keys: &[&Value]| served(json!({ "keys": keys }).to_string());
        let named = |key: &Value, kid: &str| { let mut key = key.clone(); key["kid"] = json!(kid); key };
        let weak = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
        let secret = json!({ "kty": "oct", "k": "c2VjcmV0" });
        let many: Vec<Value> = (0..21).map(|_| one.clone()).collect();
        let large = { let mut key = one.clone(); key["note"] = json!("x".repeat(300_000)); key };
        for (answer, code) in [
            (Err(FetchFault { code: "key-set.unreachable", message: "nobody is there".to_owned() }), "key-set.unreachable"),
            (served("<html>".to_owned()), "credential.jwks"),
            (set(&[]), "credential.jwks"),
            (set(&[&json!({ "kty": "EC", "crv": "P-384" })]), "credential.jwks"),
            (set(&many.iter().collect::<Vec<_>>()), "credential.too-many-keys"),
            (set(&[&large]), "credential.too-large"),
            (set(&[&named(&one, "k"), &named(&two, "k")]), "credential.duplicate-kid"),
            (set(&[&two, &two]), "credential.duplicate-key"),
            (set(&[&two, &weak]), "credential.weak-key"),
            (set(&[&two, &secret]), "credential.private-key"),
            (set(&[&two, &blocked]), "credential.key-known"),
            (set(&[&two, &stranger]), "credential.key-of-another-party"),
        ] {
            world.key_sets.answers(URL, answer);
            assert_eq!(passes(world, HOUR).await, 1, "{code}");
            assert_eq!(fault(world).await.as_deref(), Some(code));
            assert_eq!(states(world, &[&one]).await, [CredentialState::Active], "{code}");
        }
        let faulty = address(world).await.address.unwrap();
        let since = faulty.fault.unwrap().since;
        assert_eq!(since, world.app.clock.now().minus(11 * HOUR), "since the first bad copy");
        let warnings = show(world, "drill-office").await.warnings;
        assert!(warnings[0].contains(URL) && warnings[0].contains("the copy before it stays in use"), "{warnings:?}");
        assert_eq!(world.audited("rp.credential.fault").await.len(), 10, "each fault once: three in a row were one");

        world.key_sets.serves(URL, &[&two], "max-age=300");
        assert_eq!(passes(world, HOUR).await, 1);
        assert_eq!((fault(world).await, states(world, &[&one, &two]).await), (None, vec![CredentialState::Superseded, CredentialState::Active]));
        assert_eq!(show(world, "drill-office").await.warnings, Vec::<String>::new());
    }

    async fn one_that_fails_is_asked_less_and_less_often(world: &World) {
        drill(world, &[]).await;
        let added = world.first().call(&at_address(URL)).await.unwrap();
        assert_eq!((added.len(), added[0].change), (1, CredentialChange::Added));
        assert_eq!(added[0].credential.address.clone().unwrap().fault.map(|fault| fault.code).as_deref(), Some("key-set.unreachable"));
        let warnings = show(world, "drill-office").await.warnings;
        assert_eq!(warnings[0], "no credentials: the party cannot log anybody in");
        assert!(warnings[1].contains("there is no copy yet"), "{warnings:?}");
        let mut minutes = Vec::new();
        for _ in 0..9 {
            let mut waited = 0;
            while passes(world, Duration::from_mins(1)).await == 0 {
                waited += 1;
            }
            minutes.push(waited + 1);
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(world.audited("rp.credential.fault").await, [], "it was told with the addition, and nothing is new");
    }

    async fn a_private_key_that_is_served_is_blocked_and_nobody_elses_is(world: &World) {
        let (exposed, private) = careless();
        let (foreign, mut forged) = (fresh_key(), fresh_key());
        apply(&world.first(), &[office("fire-office", 1, std::slice::from_ref(&foreign))]).await.unwrap();
        drill(world, std::slice::from_ref(&exposed)).await;
        // Somebody else's public numbers beside a secret of one's own.
        forged["x"] = foreign["x"].clone();
        forged["y"] = foreign["y"].clone();
        forged["d"] = private["d"].clone();
        forged["kid"] = json!("forged");
        world.key_sets.serves(URL, &[&private, &forged], "max-age=300");
        world.first().call(&at_address(URL)).await.unwrap();
        assert_eq!(fault(world).await.as_deref(), Some("credential.private-key"));
        let revoked = over(world, "drill-office", &exposed).await;
        assert_eq!((revoked.state, revoked.revoked.map(|it| it.reason)), (CredentialState::Revoked, Some(RevocationReason::KeyCompromise)));
        assert_eq!(over(world, "fire-office", &foreign).await.state, CredentialState::Active);
        let blocked = world.texts("SELECT thumbprint || ' ' || source FROM blocked_key").await;
        assert_eq!(blocked, [format!("{} key-set", thumbprint(&exposed))]);
        // Found later, it is the platform that says so.
        let (late, private) = careless();
        world.key_sets.serves(URL, &[&late], "max-age=300");
        passes(world, HOUR).await;
        assert_eq!(over(world, "drill-office", &late).await.state, CredentialState::Active);
        world.key_sets.serves(URL, &[&private], "max-age=300");
        passes(world, HOUR).await;
        assert_eq!(over(world, "drill-office", &late).await.state, CredentialState::Revoked);
        assert_eq!(world.audited("rp.credential.leaked").await, [("system".to_owned(), address(world).await.id.to_string(), "done".to_owned())]);
        for leaf in world.leaves().await {
            assert!(!leaf.to_string().contains(private["d"].as_str().unwrap()));
        }
    }

    async fn a_manifest_may_name_an_address(world: &World) {
        let key = fresh_key();
        world.key_sets.serves(URL, &[&key], "max-age=3600");
        apply(&world.first(), &[with_address()]).await.unwrap();
        assert_eq!(read_due(&world.app).await.unwrap(), 1, "read at once");
        assert_eq!(over(world, "drill-office", &key).await.source, CredentialSource::Url);
        assert_eq!(address(world).await.source, CredentialSource::Manifest);
        assert_eq!(show(world, "drill-office").await.warnings, Vec::<String>::new());
        let emptied = office("drill-office", 0, &[]);
        let planned = plan(&world.first(), std::slice::from_ref(&emptied)).await.unwrap();
        assert_eq!((planned[0].changes[0].path.as_str(), planned[0].notes.len()), ("credentials[jwks].url", 0));
        apply(&world.first(), &[emptied]).await.unwrap();
        assert_eq!((address(world).await.state, states(world, &[&key]).await), (CredentialState::Superseded, vec![CredentialState::Superseded]));
        assert_eq!(passes(world, 48 * HOUR).await, 0, "what nobody names is not asked");
        apply(&world.first(), &[with_address()]).await.unwrap();
        assert_eq!(read_due(&world.app).await.unwrap(), 1);
        assert_eq!(states(world, &[&key]).await, [CredentialState::Active]);
    }

    async fn what_the_manifest_lists_is_the_manifests_wherever_else_it_stands(world: &World) {
        let (ours, theirs) = (fresh_key(), fresh_key());
        drill(world, std::slice::from_ref(&ours)).await;
        world.key_sets.serves(URL, &[&ours, &theirs], "max-age=300");
        world.first().call(&at_address(URL)).await.unwrap();
        assert_eq!(over(world, "drill-office", &ours).await.source, CredentialSource::Manifest);
        world.key_sets.serves(URL, &[&theirs], "max-age=300");
        passes(world, HOUR).await;
        assert_eq!(over(world, "drill-office", &ours).await.state, CredentialState::Active, "the address has no say in it");
        world.key_sets.serves(URL, &[&ours, &theirs], "max-age=300");
        drill(world, &[]).await;
        assert_eq!(states(world, &[&ours, &theirs]).await, [CredentialState::Superseded, CredentialState::Active]);
        passes(world, HOUR).await;
        assert_eq!(over(world, "drill-office", &ours).await.source, CredentialSource::Url, "now the address names it");
        drill(world, std::slice::from_ref(&theirs)).await;
        assert_eq!(over(world, "drill-office", &theirs).await.source, CredentialSource::Manifest, "listed, it is taken over");
    }

    async fn with_an_address_go_its_keys_and_it_may_come_again_as_another(world: &World) {
        drill(world, &[]).await;
        let (one, two) = (fresh_key(), fresh_key());
        world.key_sets.serves(URL, &[&one], "max-age=300");
        let first = world.first().call(&at_address(URL)).await.unwrap()[0].credential.id;
        let key = over(world, "drill-office", &one).await.id;
        let revoked = revoke(&world.first(), first, RevocationReason::KeyCompromise).await.unwrap();
        assert_eq!((revoked.with_it, revoked.blocked, revoked.left), (vec![key], vec![thumbprint(&one)], 0));
        assert_eq!(passes(world, 48 * HOUR).await, 0);
        // The address is no secret: with fresh keys behind it, it is as good as ever.
        world.key_sets.serves(URL, &[&two], "max-age=300");
        let second = world.first().call(&at_address(URL)).await.unwrap();
        assert_eq!((second[0].change, second[0].credential.id == first, second.len()), (CredentialChange::Added, false, 2));
        assert_eq!(states(world, &[&one, &two]).await, [CredentialState::Revoked, CredentialState::Active]);
        // One key of it may be revoked by itself, and stays so although it is still served.
        let key = over(world, "drill-office", &two).await.id;
        revoke(&world.first(), key, RevocationReason::Superseded).await.unwrap();
        passes(world, HOUR).await;
        assert_eq!((states(world, &[&two]).await, fault(world).await), (vec![CredentialState::Revoked], None));
    }

    async fn the_leak_of_an_address_is_the_leak_of_its_keys(world: &World) {
        drill(world, &[]).await;
        let (one, two) = (fresh_key(), fresh_key());
        world.key_sets.serves(URL, &[&one, &two], "max-age=300");
        let id = world.first().call(&at_address(URL)).await.unwrap()[0].credential.id;
        let report = world.first().call(&ReportLeak { credential: Some(id), public_keys: Vec::new(), note: None, since: None }).await.unwrap();
        assert_eq!((report.keys.len(), report.credentials.len(), report.parties[0].left), (2, 3, 0));
        assert!(report.credentials.iter().all(|it| it.state == CredentialState::Revoked));
    }

    async fn what_is_revoked_while_it_is_read_stays_revoked(world: &World) {
        drill(world, &[]).await;
        let key = fresh_key();
        world.key_sets.serves(URL, &[&key], "max-age=300");
        let id = world.first().call(&at_address(URL)).await.unwrap()[0].credential.id;
        world.clock.advance(HOUR);
        let slow = Arc::new(Slow { shelf: Arc::clone(&world.key_sets), asked: Notify::new(), go_on: Notify::new() });
        let node = world.with_key_sets(Arc::<Slow>::clone(&slow)).await;
        let (read, ()) = tokio::join!(read_due(&node), async {
            slow.asked.notified().await;
            revoke(&world.first(), id, RevocationReason::Superseded).await.unwrap();
            slow.go_on.notify_one();
        });
        assert_eq!(read.unwrap(), 1);
        assert_eq!((address(world).await.state, states(world, &[&key]).await), (CredentialState::Revoked, vec![CredentialState::Revoked]));
    }

    async fn one_node_reads_what_is_due(world: &World) {
        drill(world, &[]).await;
        world.key_sets.serves(URL, &[&fresh_key()], "max-age=300");
        world.first().call(&at_address(URL)).await.unwrap();
        let other = world.another_node().await;
        world.clock.advance(HOUR);
        drop(world.key_sets.asked());
        let (here, there) = tokio::join!(read_due(&world.app), read_due(&other));
        assert_eq!((here.unwrap() + there.unwrap(), world.key_sets.asked().len()), (1, 1));
    }

    async fn a_clock_that_ran_ahead_puts_nothing_off_for_a_year(world: &World) {
        drill(world, &[]).await;
        world.key_sets.serves(URL, &[&fresh_key()], "max-age=300");
        world.first().call(&at_address(URL)).await.unwrap();
        let now = world.app.clock.now();
        assert_eq!(passes(world, 24 * 200 * HOUR).await, 1);
        world.clock.set(now);
        assert_eq!(passes(world, Duration::from_mins(1)).await, 1);
        assert_eq!(passes(world, Duration::from_mins(1)).await, 0);
    }

    async fn an_address_of_this_machine_is_for_a_sandbox(world: &World) {
        drill(world, &[]).await;
        for url in ["http://127.0.0.1:3000/jwks", "http://localhost:3000/jwks", "https://localhost:3000/jwks"] {
            world.first().call(&at_address(url)).await.unwrap();
        }
        assert_eq!(world.key_sets.asked().len(), 3);
    }
}

both_engines! {
    from Setup::production();
    async fn a_production_instance_asks_no_machine_of_its_own(world: &World) {
        assert_eq!(world.app.environment, Environment::Production);
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        apply(&officer, &[office("drill-office", 0, &[])]).await.unwrap();
        for url in ["http://127.0.0.1:3000/jwks", "https://localhost/jwks", "https://127.0.0.1/jwks", "https://10.1.2.3/jwks", "https://intranet/jwks"] {
            assert_eq!(officer.call(&at_address(url)).await.unwrap_err().code, "credential.url", "{url}");
        }
        assert_eq!(world.key_sets.asked(), Vec::<String>::new());
    }
}

/// One that answers when it is told to.
struct Slow {
    shelf: Arc<tests::world::shelf::Shelf>,
    asked: Notify,
    go_on: Notify,
}

impl KeySets for Slow {
    fn fetch<'a>(&'a self, url: &'a str, environment: Environment) -> Fetching<'a> {
        Box::pin(async move {
            self.asked.notify_one();
            self.go_on.notified().await;
            self.shelf.fetch(url, environment).await
        })
    }
}
