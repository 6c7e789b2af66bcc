//! Issuing authorities whose keys lie in a token, as the root's does: followed as those in files are, and their old pairs destroyed.

use std::time::Duration;

use api::certificate::RevokeCertificate;
use api::key::{ListKeys, RevokeKey};
use api::rotation::AbortPlan;
use domain::{ActivateAt, Clock, KeyPurpose, KeyState, RevocationReason};
use serde_json::Value;
use server::data_dir::ROOT_KEY_FILE;
use server::key::destroy::destroy_over;
use server::root_ca::answer::{RECORDS, RootDesk};
use server::root_ca::arguments::{RootName, RootToken, Sign, TokenPin};
use server::root_ca::sign::at_node;
use tests::soft_token::{self, SoftToken};
use tests::{Engine, Setup, World};

use super::authorities::{asked, begin, both_chains_hold, rotated_by, settles, states};
use super::responders::days_go_by;
use super::revocation::{fetched, gets, issued, posts, question};

/// Runs each behaviour on both engines, each in a process of its own that has a token.
macro_rules! in_a_token {
    ($($(#[$attribute:meta])* async fn $name:ident($world:ident: &World, $token:ident: &SoftToken) $body:block)*) => {
        $(
            $(#[$attribute])*
            async fn $name($world: &World, $token: &SoftToken) $body

            mod $name {
                use super::{Engine, with_a_token};

                #[test]
                fn sqlite() {
                    with_a_token(concat!(module_path!(), "::sqlite"), Engine::Sqlite, async |world, token| super::$name(world, token).await);
                }

                #[test]
                fn postgres() {
                    with_a_token(concat!(module_path!(), "::postgres"), Engine::Postgres, async |world, token| super::$name(world, token).await);
                }
            }
        )*
    };
}

fn with_a_token(path: &str, engine: Engine, body: impl AsyncFnOnce(&World, &SoftToken)) {
    let (_, test) = path.split_once("::").unwrap();
    soft_token::apart(test, |token| {
        tests::world::run(engine, Setup::default().in_token(token), async |world| body(world, token).await);
    });
}

/// `iamd ca … --data-dir`, and no more than that.
fn no_flags(world: &World) -> Sign {
    Sign {
        data_dir: Some(world.data_dir.clone()),
        request: None,
        to: None,
        root_key: None,
        passphrase_fd: None,
        token: RootToken { root_token: None, root_module: None, pin: TokenPin { root_pin_file: None, root_pin_fd: None } },
        name: RootName { root_label: None, root_id: None },
    }
}

async fn the_root_signs(world: &World) -> anyhow::Result<Vec<String>> {
    at_node(&world.app, &no_flags(world), RootDesk::issue, world.clock.now()).await
}

/// Pairs that the database names, each by its generation and that one's state.
async fn on_record(world: &World) -> Vec<String> {
    let sql = "SELECT kid || ' ' || state FROM key_generation WHERE token_object IS NOT NULL ORDER BY kid";
    world.texts(sql).await
}

/// What the log says of pairs that were destroyed: whose they were, and whether they were there.
async fn destroyed(world: &World) -> Vec<(String, Value)> {
    let leaves = world.leaves().await;
    let said = leaves.iter().filter(|leaf| leaf["action"] == "key.destroy");
    let mut said: Vec<_> =
        said.map(|leaf| (leaf["subject"].as_str().unwrap().to_owned(), leaf["facts"]["found"].clone())).collect();
    // Two of one moment have no order.
    said.sort_by(|one, other| one.0.cmp(&other.0));
    said
}

in_a_token! {
    async fn an_authority_in_the_token_is_followed_by_another(world: &World, token: &SoftToken) {
        assert!(!world.data_dir.join(ROOT_KEY_FILE).exists(), "the root's key is in the token as well");
        let old = issued(world).await.0;
        let before = token.objects();
        let plan = begin(world, "relying-parties", ActivateAt::AfterPublish).await;
        assert_eq!(token.objects(), before + 2, "its key is made in the token");
        settles(world).await;
        let waiting = asked(world).await;
        assert_eq!(waiting.wanted.len(), 1);
        let said = the_root_signs(world).await.unwrap();
        assert!(said[0].contains("certified    relying-parties-2"), "{said:?}");
        let records = std::fs::read_to_string(world.data_dir.join(RECORDS)).unwrap();
        assert!(records.contains("relying-parties-2"), "on record before it was signed: {records}");
        rotated_by(world, plan).await;
        both_chains_hold(world, &old).await;
        // Both answer, so both pairs are wanted.
        assert_eq!(destroy_over(&world.app).await.unwrap(), 0);
        assert!(!gets(world, "/crl/relying-parties-1.crl").await.is_empty());
    }

    async fn when_its_last_certificate_has_ended_its_pair_is_destroyed(world: &World, token: &SoftToken) {
        let plan = begin(world, "servers", ActivateAt::AfterPublish).await;
        the_root_signs(world).await.unwrap();
        rotated_by(world, plan).await;
        // As though it had drained for a year already.
        let soon = world.clock.now().plus(Duration::from_hours(36)).micros();
        world.execute(&format!("UPDATE key_generation SET retire_at = {soon} WHERE kid = 'servers-1'")).await;
        let has = async |pair: &str| on_record(world).await.contains(&pair.to_owned());
        days_go_by(world, 1).await;
        assert_eq!(destroy_over(&world.app).await.unwrap(), 0);
        assert!(has("servers-1 draining").await, "it signs lists");
        days_go_by(world, 1).await;
        assert!(has("servers-1 retired").await && has("servers-1-ocsp-1 retired").await);
        // A token that is away is left alone, and nothing is said to be destroyed.
        token.is_taken_out();
        assert!(destroy_over(&world.app).await.is_err());
        assert_eq!(destroy_over(&world.app).await.unwrap(), 0, "it is known to be away");
        assert!(has("servers-1 retired").await && destroyed(world).await.is_empty());
        token.is_put_in();
        world.app.keys.hsm().unwrap().probe().await.unwrap();
        assert_eq!(destroy_over(&world.app).await.unwrap(), 2, "the authority and its responder");
        let left = on_record(world).await;
        assert!(!left.iter().any(|pair| pair.ends_with(" retired")), "{left:?}");
        assert_eq!(token.objects(), 2 * left.len(), "the token has what is on record and no more");
        let gone = |kid: &str| (kid.to_owned(), Value::Bool(true));
        assert_eq!(destroyed(world).await, [gone("servers-1"), gone("servers-1-ocsp-1")]);
        assert_eq!(destroy_over(&world.app).await.unwrap(), 0);
        // What it has issued is judged by its certificate, which is shown on.
        assert!(!gets(world, "/ca/servers-1.crt").await.is_empty());
    }

    async fn what_is_called_off_or_revoked_is_destroyed(world: &World, token: &SoftToken) {
        let before = token.objects();
        let plan = begin(world, "citizens", ActivateAt::AfterPublish).await;
        the_root_signs(world).await.unwrap();
        settles(world).await;
        assert!(token.objects() > before);
        world.first().call(&AbortPlan { plan }).await.unwrap();
        assert_eq!(destroy_over(&world.app).await.unwrap(), 2, "the authority and its responder");
        assert_eq!(token.objects(), before);
        let keys = world.first().call(&ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() }).await.unwrap();
        let kid = keys.items[0].kid.clone();
        world.first().call(&RevokeKey { kid: kid.clone(), reason: RevocationReason::KeyCompromise }).await.unwrap();
        assert_eq!(destroy_over(&world.app).await.unwrap(), 1);
        assert_eq!(token.objects(), before, "one is gone, and one took its place");
        let mut wanted = ["citizens-2", "citizens-2-ocsp-1", kid.as_str()].map(|kid| (kid.to_owned(), Value::Bool(true))).to_vec();
        wanted.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(destroyed(world).await, wanted);
    }

    async fn a_node_that_died_after_destroying_says_so_later(world: &World, token: &SoftToken) {
        let plan = begin(world, "citizens", ActivateAt::AfterPublish).await;
        let keys = world.first().call(&ListKeys { purpose: Some(KeyPurpose::IssuingCa), ..ListKeys::default() }).await.unwrap();
        let object = keys.items.into_iter().find(|key| key.kid.as_str() == "citizens-2").unwrap().token_object.unwrap();
        world.first().call(&AbortPlan { plan }).await.unwrap();
        let before = token.objects();
        assert!(world.app.keys.hsm().unwrap().destroy(object).await.unwrap());
        assert_eq!(token.objects(), before - 2);
        assert_eq!(destroy_over(&world.app).await.unwrap(), 1);
        assert_eq!(destroyed(world).await, [("citizens-2".to_owned(), Value::Bool(false))]);
    }

    async fn of_two_nodes_one_says_that_a_pair_is_gone(world: &World, token: &SoftToken) {
        let plan = begin(world, "citizens", ActivateAt::AfterPublish).await;
        world.first().call(&AbortPlan { plan }).await.unwrap();
        let before = token.objects();
        let second = world.another_node().await;
        let (one, other) = tokio::join!(destroy_over(&world.app), destroy_over(&second));
        assert_eq!(one.unwrap() + other.unwrap(), 1);
        assert_eq!(token.objects(), before - 2);
        assert_eq!(destroyed(world).await.len(), 1);
        second.store.engine().close().await;
    }

    async fn the_root_signs_nothing_while_the_token_is_out(world: &World, token: &SoftToken) {
        let plan = begin(world, "operators", ActivateAt::AfterPublish).await;
        settles(world).await;
        token.is_taken_out();
        let refused = the_root_signs(world).await.unwrap_err();
        let away = refused.downcast_ref::<pki::PkiError>();
        assert!(matches!(away, Some(pki::PkiError::TokenUnavailable { .. })), "{refused:#}");
        assert!(!world.data_dir.join(RECORDS).exists(), "nothing was about to be signed");
        token.is_put_in();
        the_root_signs(world).await.unwrap();
        rotated_by(world, plan).await;
        assert_eq!(states(world, "operators").await[1], ("operators-2".to_owned(), KeyState::Active));
    }

    async fn what_ocsp_has_said_is_said_again_while_the_token_is_out(world: &World, token: &SoftToken) {
        let (certificate, serial) = issued(world).await;
        server::certificate::publish::publish_due(&world.app).await.unwrap();
        let request = question(&fetched(world, "relying-parties-1").await, &certificate);
        let (_, said) = posts(world, "/ocsp", request.clone()).await;
        token.is_taken_out();
        // An hour is how long the answer says that it is good.
        for _ in 0..3 {
            world.clock.advance(Duration::from_mins(19));
            assert_eq!(posts(world, "/ocsp", request.clone()).await.1, said);
        }
        world.first().call(&RevokeCertificate { serial, reason: RevocationReason::KeyCompromise }).await.unwrap();
        world.clock.advance(Duration::from_secs(21));
        assert_ne!(posts(world, "/ocsp", request.clone()).await.1, said, "what is not true any more is not said");
        token.is_put_in();
        world.clock.advance(Duration::from_secs(21));
        let (status, answer) = posts(world, "/ocsp", request).await;
        assert_eq!(status, 200);
        let answer = openssl::ocsp::OcspResponse::from_der(&answer).unwrap();
        assert_eq!(answer.status(), openssl::ocsp::OcspResponseStatus::SUCCESSFUL);
    }
}
