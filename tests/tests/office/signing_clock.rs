//! What is dated and signed while the clock is wrong, or a key of no use: lists, answers, stamps, certificates.

use std::time::Duration;

use api::certificate::IssueCertificate;
use api::relying_party::ApplyParties;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Clock;
use http::Request;
use pki::crl::RevocationList;
use pki::{KeyKind, PrivateKey, make_csr};
use server::certificate::publish::publish_due;
use server::instance::health::look as health;
use server::key::clock::doubt;
use tests::{World, both_engines, fixtures};
use tower::ServiceExt;

use super::ended::{ITS_CLOCK_IS_RIGHT, SILENTLY, starts};
use super::revocation::{Desk, PARTY, asks, fetched, gets, issued, posts, to_be_stamped};

const A_DAY: Duration = Duration::from_hours(24);
const LIST: &str = "/crl/relying-parties-1.crl";

async fn number(world: &World, path: &str) -> u64 {
    RevocationList::from_der(&gets(world, path).await).unwrap().number()
}

fn csr() -> String {
    make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap()
}

/// What `openssl ocsp` asks about a certificate, without a nonce.
async fn question(world: &World, desk: &Desk, pem: &str) -> Vec<u8> {
    let name = desk.file("leaf.pem", pem);
    let (made, said) =
        desk.openssl(&["ocsp", "-no_nonce", "-issuer", "issuer.pem", "-cert", name.to_str().unwrap(), "-reqout", "request.der"]);
    assert!(made, "{said} {}", world.clock.now());
    std::fs::read(desk.folder.path().join("request.der")).unwrap()
}

/// One TLV, of more than 127 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

both_engines! {
    async fn on_a_sandbox_every_start_is_good_enough_to_sign_by(world: &World) {
        publish_due(&world.app).await.unwrap();
        world.seal().await;
        world.clock.advance(3 * A_DAY);
        for _ in 0..2 {
            starts(world, SILENTLY).await;
            world.clock.advance(Duration::from_mins(10));
        }
        world.operator("agent-7", &[api::Role::HotlineAgent]).await;
        // What cannot be taken back waits for its day, or for somebody's word.
        let believed = async || doubt(&mut world.app.store.read().await.unwrap(), world.clock.now()).await.unwrap().is_none();
        assert!(!believed().await);
        starts(world, ITS_CLOCK_IS_RIGHT).await;
        assert!(believed().await);
    }

    async fn a_clock_that_is_a_moment_behind_another_nodes_shows_the_newest_list(world: &World) {
        publish_due(&world.app).await.unwrap();
        world.clock.turn_back(Duration::from_secs(2));
        assert_eq!(number(world, LIST).await, 1);
        assert_eq!(publish_due(&world.app).await.unwrap(), 0, "it is no reason for another one");
    }

    async fn a_clock_that_ran_ahead_and_was_set_right_leaves_no_list_of_the_future(world: &World) {
        publish_due(&world.app).await.unwrap();
        world.clock.advance(Duration::from_hours(23));
        publish_due(&world.app).await.unwrap();
        world.seal().await;
        let ahead = number(world, LIST).await;
        world.clock.turn_back(Duration::from_hours(11));
        assert_eq!(publish_due(&world.app).await.unwrap(), 5);
        let list = RevocationList::from_der(&gets(world, LIST).await).unwrap();
        assert!(list.number() == ahead + 1 && list.this_update() <= world.clock.now(), "{list:?}");
    }

    async fn no_list_is_dated_a_day_too_early(world: &World) {
        world.days_go_by(3).await;
        publish_due(&world.app).await.unwrap();
        world.clock.turn_back(2 * A_DAY);
        let refused = publish_due(&world.app).await.unwrap_err().to_string();
        assert!(refused.contains("s ahead of it: nothing is signed by such a clock"), "{refused}");
    }

    async fn nothing_is_stamped_nor_issued_by_a_clock_that_was_turned_back(world: &World) {
        world.first().call(&ApplyParties { manifests: vec![fixtures::party(PARTY)] }).await.unwrap();
        world.seal().await;
        world.clock.turn_back(Duration::from_mins(10));
        let (desk, query) = to_be_stamped(world).await;
        let (status, reply) = posts(world, "/tsa", query.clone()).await;
        desk.file("reply.tsr", &reply);
        let (_, said) = desk.openssl(&["ts", "-reply", "-in", "reply.tsr", "-text"]);
        assert!(status == 200 && said.contains("Status: Rejected.") && said.contains("time source is not available"), "{said}");
        let problem = world.first().call(&IssueCertificate { rp: PARTY.parse().unwrap(), csr: csr(), validity: None }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (503, "clock.doubted"));
        // Within what clocks differ by, it goes on.
        world.clock.advance(Duration::from_mins(9));
        let (_, reply) = posts(world, "/tsa", query).await;
        desk.file("reply.tsr", &reply);
        assert!(desk.openssl(&["ts", "-reply", "-in", "reply.tsr", "-text"]).1.contains("Status: Granted."));
    }

    async fn one_authority_that_cannot_sign_stops_no_other(world: &World) {
        let (certificate, _) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let last = number(world, LIST).await;
        world.execute("UPDATE key_generation SET private_sealed = NULL WHERE kid IN ('citizens-1', 'citizens-1-ocsp-1')").await;
        world.clock.advance(Duration::from_hours(13));
        let node = world.another_node().await;
        let said = format!("{:#}", publish_due(&node).await.unwrap_err());
        assert!(said.contains("the revocation list of citizens-1 was not signed"), "{said}");
        assert_eq!(number(world, LIST).await, last + 1);
        let desk = fetched(world, "relying-parties-1").await;
        let request = Request::post("/ocsp").body(Body::from(question(world, &desk, &certificate.pem().unwrap()).await)).unwrap();
        let answer = server::http::pki::router(node).oneshot(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()), (200, "max-age=20"));
    }

    async fn an_answer_is_kept_by_the_certificate_and_not_by_the_request(world: &World) {
        let (certificate, _) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let desk = fetched(world, "relying-parties-1").await;
        let request = question(world, &desk, &certificate.pem().unwrap()).await;
        let (_, first) = posts(world, "/ocsp", request.clone()).await;
        // Whose request it is, and how long, is no business of the cache: [1] requestorName, padded.
        let inner = &request[4..];
        assert_eq!((request[0], request[1], request[2]), (0x30, inner.len() as u8 + 2, 0x30), "short forms, as openssl writes them");
        let padded = tlv(0x30, &tlv(0x30, &[tlv(0xa1, &tlv(0x82, &[b'a'; 2_000])), inner.to_vec()].concat()));
        let (status, again) = posts(world, "/ocsp", padded).await;
        assert_eq!((status.as_u16(), &again), (200, &first), "the same answer to the byte");
        let encoded = BASE64_STANDARD.encode(&request);
        let path = format!("/ocsp/{}", encoded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
        assert_eq!(asks(world, Request::get(path).body(Body::empty()).unwrap()).await.2, first);
        // What GET takes is no DER.
        assert_eq!(posts(world, "/ocsp", encoded.into_bytes()).await.0, 400);
    }

    async fn an_issuing_authority_points_to_no_responder(world: &World) {
        // Its issuer is offline and answers nobody.
        publish_due(&world.app).await.unwrap();
        let desk = fetched(world, "relying-parties-1").await;
        let (_, text) = desk.openssl(&["x509", "-in", "issuer.pem", "-noout", "-text"]);
        assert!(text.contains("CA Issuers - URI") && text.contains("/crl/root-1.crl") && !text.contains("OCSP - URI"), "{text}");
    }
}

mod production {
    use super::*;

    both_engines! {
        from Setup::production();
        async fn a_start_after_a_month_proves_nothing_until_somebody_vouches_for_the_clock(world: &World) {
            publish_due(&world.app).await.unwrap();
            world.seal().await;
            world.clock.advance(30 * A_DAY);
            let another = starts(world, SILENTLY).await;
            let refused = publish_due(&another).await.unwrap_err().to_string();
            assert!(refused.contains("iamd serve --clock-is-right"), "{refused}");
            assert!(world.audited("clock.vouched").await.is_empty(), "nobody's word is taken but a person's");
            let vouched = starts(world, ITS_CLOCK_IS_RIGHT).await;
            assert_eq!(publish_due(&vouched).await.unwrap(), 5);
            // The word is in the log: it counts at the node that was there before, and for as long as the gap is looked at.
            world.clock.advance(Duration::from_hours(13));
            assert_eq!(publish_due(&another).await.unwrap(), 5);
        }

        async fn a_word_for_the_clock_counts_though_others_have_written_since_and_at_every_later_start(world: &World) {
            publish_due(&world.app).await.unwrap();
            world.seal().await;
            world.clock.advance(3 * A_DAY);
            // Somebody works at a node that was started without a word.
            server::key::clock::watch(&world.app, &[], true).await.unwrap();
            world.clock.advance(Duration::from_hours(1));
            assert!(publish_due(&world.app).await.is_err());
            let vouched = starts(world, ITS_CLOCK_IS_RIGHT).await;
            assert_eq!(publish_due(&vouched).await.unwrap(), 5);
            for word in [ITS_CLOCK_IS_RIGHT, SILENTLY] {
                world.clock.advance(Duration::from_mins(1));
                let later = starts(world, word).await;
                assert_eq!(publish_due(&later).await.unwrap(), 0);
                assert!(health(&later).await.iter().all(|check| check.id != "signing"), "it signs");
            }
            let mut read = world.app.store.read().await.unwrap();
            assert_eq!(doubt(&mut read, world.clock.now()).await.unwrap(), None, "a person has said so: dated steps are taken");
            drop(read);
            assert_eq!(world.audited("clock.vouched").await.len(), 1, "once for a gap");

            // It was said of that gap. A clock that jumps afterwards is doubted, also by the node that was vouched for.
            world.clock.advance(30 * A_DAY);
            assert!(publish_due(&vouched).await.is_err());
            assert!(publish_due(starts(world, SILENTLY).await.as_ref()).await.is_err());
            assert_eq!(publish_due(starts(world, ITS_CLOCK_IS_RIGHT).await.as_ref()).await.unwrap(), 5);
            assert_eq!(world.audited("clock.vouched").await.len(), 2);
        }

        async fn a_word_that_was_given_by_a_wrong_clock_counts_for_nothing_once_that_is_set_right(world: &World) {
            publish_due(&world.app).await.unwrap();
            world.seal().await;
            world.clock.advance(365 * A_DAY);
            let vouched = starts(world, ITS_CLOCK_IS_RIGHT).await;
            assert_eq!(publish_due(&vouched).await.unwrap(), 5);
            world.clock.turn_back(362 * A_DAY);
            let refused = publish_due(&vouched).await.unwrap_err().to_string();
            assert!(refused.contains("iamd serve --clock-is-right"), "{refused}");
        }
    }
}
