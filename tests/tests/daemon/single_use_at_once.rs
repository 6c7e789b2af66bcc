//! What can be used once, used by sixty-four at the same moment over sixty-four connections to a real server: one of them has it.

use client::phone::{Line, Phone, Wish, register};
use domain::{Channel, Tier};
use serde_json::json;
use tests::daemon::{Daemon, Running};
use tests::party::{Party, Ready, TOKEN};
use tests::world::client::Reply;

use super::killed_citizens::station;
use super::records::beside_records;
use crate::on_both;

const MANY: usize = 64;

async fn phone(daemon: &Daemon, running: &Running) -> Phone {
    let place = "harbour-road-sports-centre";
    let kiosk = station(daemon, running, Channel::Kiosk, place).await;
    let ca = std::fs::read(daemon.data_dir.join("first-operator/ca.crt")).unwrap();
    let line = Line::open(&format!("https://localhost:{}", running.public.port()), &ca).unwrap();
    let wish = Wish { person: 0, channel: Channel::Kiosk, location: Some(place.parse().unwrap()), tier: Tier::IamSmart };
    Phone::new(line.clone(), &register(&line, Some(&kiosk), wish).await.unwrap()).unwrap()
}

/// Sends sixty-four of it at once: one has what it wanted; the others are told one of `errors`, and at least one of them the first.
async fn one_has_it(party: &Party, errors: &[&str], request: impl Fn() -> Ready) -> Reply {
    let replies = party.sends_at_once((0..MANY).map(|_| request()).collect()).await;
    let (had, refused): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(|reply| reply.status.is_success());
    assert_eq!(had.len(), 1, "{:?}", refused.first());
    assert!(refused.iter().any(|reply| reply.text("error") == errors[0]), "nobody else came to it");
    for reply in refused {
        assert!(errors.contains(&reply.text("error")), "{}", reply.body);
    }
    had.into_iter().next().unwrap()
}

on_both! {
    async fn of_sixty_four_connections_one_has_what_can_be_used_once(engine: Engine) {
        let (daemon, _records) = beside_records(engine).await;
        let mut running = daemon.serves();
        let phone = phone(&daemon, &running).await;
        let more = json!({ "ciba": "poll", "scopes": ["openid", "profile"], "offlineAccess": true });
        let party = Party::joins(&daemon, &running, "drill-office.counter", &more).await;
        let scope = [("scope", "openid offline_access")];

        let code = party.code(&phone, scope[0].1, &[]).await;
        one_has_it(&party, &["invalid_grant"], || party.exchange(&code)).await;

        let (auth_req_id, waiting) = party.asks_for(&phone, &scope).await;
        phone.approve(waiting.request, Vec::new()).await.unwrap();
        let answered = one_has_it(&party, &["invalid_grant"], || party.poll(&auth_req_id)).await;

        one_has_it(&party, &["invalid_grant"], || party.refresh(answered.text("refresh_token"))).await;

        let request_uri = party.request_uri(&[]).await;
        let shown = one_has_it(&party, &["invalid_request_uri"], || party.authorization(&request_uri)).await;
        assert!(shown.json["app_link"].is_string(), "{}", shown.body);

        let client_credentials = [("grant_type", "client_credentials")];
        let proof = party.proof("POST", TOKEN, None);
        let with_it = || party.form_with(TOKEN, &client_credentials, &party.assertion(), Some(&proof));
        one_has_it(&party, &["invalid_dpop_proof"], with_it).await;

        // The last, for a client that has failed so often to prove who it is has to wait.
        let assertion = party.assertion();
        let with_it = || party.form_with(TOKEN, &client_credentials, &assertion, Some(&party.proof("POST", TOKEN, None)));
        one_has_it(&party, &["invalid_client", "temporarily_unavailable"], with_it).await;

        // A code and an auth_req_id were redeemed, once each.
        assert_eq!(daemon.number("SELECT COUNT(*) FROM login").await, 2);
        assert!(running.stops().success());
    }
}
