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
use server::instance::open::{Ports, open};
use tests::{World, both_engines, fixtures};
use tower::ServiceExt;

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
            let another = world.another_node().await;
            let refused = publish_due(&another).await.unwrap_err().to_string();
            assert!(refused.contains("iamd serve --clock-is-right"), "{refused}");
            let vouched = Ports { clock_vouched: true, ..world.ports() };
            let vouched = open(&world.data_dir, world.settings.clone(), vouched).await.unwrap();
            assert_eq!(publish_due(&vouched).await.unwrap(), 5);
            // What it wrote proves the clock to nobody else for a day; to itself it does, also when it has gone on for a while.
            world.clock.advance(Duration::from_hours(13));
            assert!(publish_due(&another).await.is_err());
            assert_eq!(publish_due(&vouched).await.unwrap(), 5);
        }
    }
}
