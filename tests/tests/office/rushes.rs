//! A rush: one party sends more than its share, or a stranger invents names, and everybody else is served as on any other day.

use api::account::ListAccounts;
use api::app::registration::{REGISTRATIONS, Registering};
use axum::body::Body;
use domain::{Channel, Claim, ClientId, Tier};
use futures_util::future::join_all;
use http::{Request, header};
use serde_json::json;
use server::http::accept::{CameFrom, Peer};
use server::http::public::surge::Turn;
use tests::world::client::Reply;
use tests::{World, both_engines};

use super::logins::Office;

const PAR: &str = "/oauth2/par";
const TOKEN: &str = "/oauth2/token";

/// What somebody who is asked to come again has in hand.
fn come_again(reply: &Reply) {
    assert_eq!(reply.error(), (429, "temporarily_unavailable"), "{}", reply.body);
    let after: u64 = reply.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&after));
}

/// All that a party may have at work, as slow as anybody likes.
async fn at_work(world: &World, client: &ClientId) -> Vec<Turn> {
    join_all((0..2).map(|_| world.app.surge.enter(&client.rp))).await.into_iter().map(|turn| turn.ok().unwrap()).collect()
}

both_engines! {
    from Setup::default().with("surge-at-work", "2").with("surge-waiting", "1");

    async fn a_rush_of_one_party_is_its_own_and_nothing_of_it_is_half_done(world: &World) {
        let office = Office::opens(world).await;
        let shop = world.client("drill-shop.online", &json!({})).await;
        let sent = join_all((0..40).map(|_| shop.pushes(&[])));
        let (sent, tokens) = futures_util::join!(sent, office.logs_in("openid profile", &[Claim::Name]));
        let (kept, refused): (Vec<_>, Vec<_>) = sent.iter().partition(|reply| reply.status == 201);
        refused.iter().for_each(|reply| come_again(reply));
        assert!(!kept.is_empty() && refused.len() >= 20, "{} of 40 at once were answered", kept.len());
        let pushed = world.number("SELECT COUNT(*) FROM pushed_request").await;
        assert_eq!(pushed, i64::try_from(kept.len()).unwrap(), "what was answered is kept, and nothing else");
        assert_eq!(office.userinfo(tokens.text("access_token")).await.json["name"], "CHAN TAI MAN");
        assert_eq!(world.app.surge.inside(), (0, 0), "every place is free again");
        assert_eq!(shop.pushes(&[]).await.status, 201);
    }

}

both_engines! {
    from Setup::default().with("surge-at-work", "2").with("surge-waiting", "0");

    async fn a_party_that_is_slow_waits_for_itself_at_every_endpoint_of_its_own(world: &World) {
        let mut office = Office::opens(world).await;
        let tokens = office.logs_in("openid profile", &[Claim::Name]).await;
        let access = tokens.text("access_token");
        let slow = at_work(world, &office.client.id).await;
        let rush = [PAR, TOKEN, "/oauth2/bc-authorize", "/oauth2/introspect", "/oauth2/revoke"];
        let form = [("token", access)];
        let rush = join_all(rush.iter().map(|path| office.client.asks(path, &form))).await;
        rush.iter().chain([&office.userinfo(access).await]).for_each(come_again);

        let shop = json!({ "scopes": ["openid", "profile"], "ciba": "poll" });
        let shop = world.client("drill-shop.online", &shop).await;
        let slow_one = std::mem::replace(&mut office.client, shop);
        let others = office.logs_in("openid profile", &[Claim::Name]).await;
        assert_eq!(office.userinfo(others.text("access_token")).await.json["name"], "CHAN TAI MAN");
        assert_eq!(office.phone.requests().await.unwrap(), []);
        world.first().call(&ListAccounts::default()).await.unwrap();

        drop(slow);
        office.client = slow_one;
        let informed = office.userinfo(access).await;
        assert_eq!(informed.json["name"], "CHAN TAI MAN", "nothing was given back: {}", informed.body);
    }

    async fn strangers_under_invented_names_take_no_place_of_those_who_are_known(world: &World) {
        let office = Office::opens(world).await;
        let kiosk = world.station("wan-chai-kiosk-1", Channel::Kiosk, "harbour-road-sports-centre").await;
        office.logs_in("openid", &[]).await;
        // From everywhere, under names of all kinds: more than may be at the door.
        let mut door = Vec::new();
        for name in 0..2_000_u32 {
            let [.., high, low] = name.to_be_bytes();
            door.extend(futures_util::FutureExt::now_or_never(world.app.surge.door(CameFrom([192, 0, high, low].into()), &name.to_be_bytes())));
        }
        let invented = Request::post(PAR).header("content-type", "application/x-www-form-urlencoded");
        let invented = invented.body(Body::from("client_id=nobody.here&client_secret=x")).unwrap();
        come_again(&world.public(invented).await);

        office.logs_in("openid profile", &[Claim::Name]).await;
        assert_eq!(office.phone.requests().await.unwrap(), []);
        kiosk.registers(&world.citizen("WONG SIU MING").person(), Tier::IamSmart).await.unwrap();
        world.first().call(&ListAccounts::default()).await.unwrap();
        drop(door);
    }

    async fn who_sends_photos_in_crowds_waits_before_they_are_in_memory(world: &World) {
        let from = CameFrom([192, 0, 2, 7].into());
        let kiosk = world.station("wan-chai-kiosk-1", Channel::Kiosk, "harbour-road-sports-centre").await;
        let sending = join_all((0..2).map(|_| world.app.surge.photos(from.0))).await;
        assert!(sending.iter().all(Result::is_ok));
        let person = world.citizen("WONG SIU MING").person();
        let asks = |from: CameFrom| {
            let mut request = world.handset().signed(http::Method::POST, REGISTRATIONS, &person.asks(Channel::Remote, Tier::IamSmart));
            request.extensions_mut().insert(from);
            request.extensions_mut().insert(Peer(None));
            world.apps::<Registering>(request)
        };
        let refused = asks(from).await.unwrap_err();
        assert_eq!((refused.status, &*refused.code, refused.retryable), (429, "surge.full", true));
        assert_eq!(world.number("SELECT COUNT(*) FROM registration").await, 0, "nothing was taken");
        kiosk.registers(&world.citizen("LEE KA YAN").person(), Tier::IamSmart).await.unwrap();
        drop(sending);
        asks(from).await.unwrap();
    }
}
