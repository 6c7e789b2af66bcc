//! `kill -9` while citizens register and log in: whoever was told so has what they were told, and nobody has anything twice or half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::registration::AddStation;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use client::phone::{Line, Phone, Station, StationKey, Wish, register};
use client::{CallOptions, ClientError};
use domain::{AccountId, Channel, Outcome, Tier};
use futures_util::future::join_all;
use serde_json::json;
use tests::daemon::{Daemon, Running};
use tests::party::Party;

use super::killed::{everybody, holds, verified};
use super::records::beside_records;
use super::secrets::files;
use crate::on_both;

/// What virtual phones send for a photo.
const PHOTO: &[u8] = b"a photo of nobody";
const CITIZENS: u32 = 12;
const A_ROUND: u32 = 24;
const COMPLETED: i16 = Outcome::Completed.code();

fn url(running: &Running) -> String {
    format!("https://localhost:{}", running.public.port())
}

fn ca(daemon: &Daemon) -> Vec<u8> {
    std::fs::read(daemon.data_dir.join("first-operator/ca.crt")).unwrap()
}

/// A station that was put into service, and its way to the server.
pub(super) async fn station(daemon: &Daemon, running: &Running, channel: Channel, location: &str) -> Line {
    let location = location.parse().unwrap();
    let key = StationKey::new(channel, &location).unwrap();
    let add = AddStation { station: key.station.clone(), channel, location, csr: key.csr.clone(), validity: None };
    let added = daemon.connects().call(&add, &CallOptions::default()).await.unwrap().reply;
    let station: Station = key.certified(&added.pem.unwrap(), &added.chain).unwrap();
    station.line(&url(running), &ca(daemon)).unwrap()
}

fn wish(person: u32) -> Wish {
    let (channel, location) = match person % 2 {
        0 => (Channel::Kiosk, "harbour-road-sports-centre"),
        _ => (Channel::Counter, "post-offices"),
    };
    let tier = if person.is_multiple_of(3) { Tier::IamSmartPlus } else { Tier::IamSmart };
    Wish { person, channel, location: Some(location.parse().unwrap()), tier }
}

/// What can be redeemed once, and the request that it is for.
struct Ticket {
    text: String,
    is_code: bool,
}

impl Ticket {
    /// Both begin with the request's id.
    fn request(&self) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(&self.text).unwrap()[..16].to_vec()
    }

    /// Gives the access token; none when the server is gone.
    async fn is_redeemed(&self, party: &Party) -> Option<Result<String, String>> {
        let request = if self.is_code { party.exchange(&self.text) } else { party.poll(&self.text) };
        let reply = party.tries(request).await.ok()?;
        Some(match reply.status.as_u16() {
            200 => Ok(reply.text("access_token").to_owned()),
            _ => Err(reply.text("error").to_owned()),
        })
    }
}

/// A code and an `auth_req_id` of each citizen, approved.
async fn tickets(party: &Party, phones: &[Phone]) -> Vec<Ticket> {
    let of_each = phones.iter().map(async |phone| {
        let (auth_req_id, waiting) = party.asks_for(phone, &[]).await;
        phone.approve(waiting.request, Vec::new()).await.unwrap();
        let code = party.code(phone, "openid", &[]).await;
        [Ticket { text: auth_req_id, is_code: false }, Ticket { text: code, is_code: true }]
    });
    join_all(of_each).await.into_iter().flatten().collect()
}

/// The requests that are redeemed: each is so as a whole.
async fn redeemed(daemon: &Daemon) -> BTreeSet<Vec<u8>> {
    let redeemed = daemon.blobs("SELECT id FROM citizen_request WHERE state = 'redeemed'").await;
    assert_eq!(daemon.blobs("SELECT id FROM login").await, redeemed, "a login for each, and none besides");
    assert_eq!(COMPLETED, 1);
    let uses =
        "SELECT (SELECT COUNT(*) FROM usage_inbox WHERE outcome = 1) + (SELECT COUNT(*) FROM usage_event WHERE outcome = 1)";
    assert_eq!(daemon.number(uses).await, i64::try_from(redeemed.len()).unwrap(), "a use for each, and none besides");
    redeemed.into_iter().collect()
}

async fn runs_dry(daemon: &Daemon, sql: &'static str) {
    while daemon.number(sql).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often each is there.
fn counted(accounts: &[i64]) -> BTreeMap<String, u32> {
    let mut counted = BTreeMap::new();
    for number in accounts {
        let account = AccountId::from_number(u64::try_from(*number).unwrap()).unwrap();
        *counted.entry(account.to_string()).or_default() += 1;
    }
    counted
}

on_both! {
    async fn a_login_that_was_answered_is_kept_and_none_is_had_twice(engine: Engine) {
        let (daemon, _records) = beside_records(engine).await;
        let mut running = Some(daemon.serves());
        let line = Line::open(&url(running.as_ref().unwrap()), &ca(&daemon)).unwrap();
        let kiosk = station(&daemon, running.as_ref().unwrap(), Channel::Kiosk, "harbour-road-sports-centre").await;
        let mut phones = Vec::new();
        for person in 0..CITIZENS {
            let kept = register(&line, Some(&kiosk), wish(person * 2)).await.unwrap();
            phones.push(Phone::new(line.clone(), &kept).unwrap());
        }
        let party = Party::joins(&daemon, running.as_ref().unwrap(), "drill-office.counter", &json!({ "ciba": "poll" })).await;

        let mut cut_off = 0;
        for (round, at_least) in [(0, 1), (1, 6), (2, 12)] {
            let tickets = tickets(&party, &phones).await;
            let before = i64::try_from(tickets.len()).unwrap() * round;
            assert_eq!(daemon.number("SELECT COUNT(*) FROM login").await, before);
            let tries = join_all(tickets.iter().map(|ticket| ticket.is_redeemed(&party)));
            let kill = async {
                holds(&daemon, "SELECT COUNT(*) FROM login", before + at_least).await;
                running.take().unwrap().is_killed();
            };
            let (answers, ()) = tokio::join!(tries, kill);

            let whole = redeemed(&daemon).await;
            running = Some(daemon.serves());
            assert_eq!(redeemed(&daemon).await, whole, "nothing is redeemed by itself");
            for (ticket, answer) in tickets.iter().zip(answers) {
                let done = whole.contains(&ticket.request());
                let token = match answer {
                    Some(answer) => {
                        assert!(done, "it was answered and is lost");
                        Some(answer.unwrap())
                    }
                    None => {
                        cut_off += 1;
                        // What did not come about comes about now; what did, without anybody having been told, is not had again.
                        let again = ticket.is_redeemed(&party).await.unwrap();
                        assert_eq!(again.is_ok(), !done, "{again:?}");
                        again.ok()
                    }
                };
                if let Some(token) = token {
                    let person = party.sends(party.get("/oauth2/userinfo", Some(&token))).await;
                    assert_eq!(person.status, 200, "{}", person.body);
                }
                assert_eq!(ticket.is_redeemed(&party).await.unwrap(), Err("invalid_grant".to_owned()), "a second try");
            }
        }
        assert!(cut_off > 0, "nobody was under way when the server was killed");

        let all = redeemed(&daemon).await.len();
        assert_eq!(all, usize::try_from(CITIZENS).unwrap() * 2 * 3);
        runs_dry(&daemon, "SELECT COUNT(*) FROM usage_inbox").await;
        let folded = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_daily WHERE outcome = 1";
        assert_eq!(daemon.number(folded).await, i64::try_from(all).unwrap(), "each use is counted once");
        let by_pseudonym = daemon.numbers("SELECT COUNT(*) FROM usage_event WHERE outcome = 1 GROUP BY pseudonym").await;
        assert_eq!(by_pseudonym, daemon.numbers("SELECT COUNT(*) FROM login GROUP BY account").await);
        let owners = "SELECT CAST(account.reference AS BIGINT) FROM login JOIN account ON account.id = login.account";
        assert_eq!(verified(&daemon, "request.redeem"), counted(&daemon.numbers(owners).await), "an entry for each login");
        assert!(running.unwrap().stops().success());
    }

    async fn a_registration_that_was_answered_is_kept_and_nobody_has_two_accounts(engine: Engine) {
        let (daemon, _records) = beside_records(engine).await;
        let mut running = Some(daemon.serves());
        let phones = Line::open(&url(running.as_ref().unwrap()), &ca(&daemon)).unwrap();
        let kiosk = station(&daemon, running.as_ref().unwrap(), Channel::Kiosk, "harbour-road-sports-centre").await;
        let counter = station(&daemon, running.as_ref().unwrap(), Channel::Counter, "post-offices").await;
        let registers = |person: u32| {
            let (phones, station) = (phones.clone(), if person.is_multiple_of(2) { kiosk.clone() } else { counter.clone() });
            async move { register(&phones, Some(&station), wish(person)).await }
        };

        let mut accounts = BTreeMap::new();
        let mut cut_off = 0;
        for (round, at_least) in [(0, 1), (1, 5), (2, 10)] {
            let before = daemon.number("SELECT COUNT(*) FROM account").await;
            let people: Vec<u32> = (round * A_ROUND..(round + 1) * A_ROUND).collect();
            let dead = Arc::new(AtomicBool::new(false));
            let queues = people.chunks(4).map(async |queue| {
                let mut told = Vec::new();
                for person in queue {
                    if dead.load(Ordering::SeqCst) {
                        break;
                    }
                    told.push((*person, registers(*person).await));
                }
                told
            });
            let kill = async {
                holds(&daemon, "SELECT COUNT(*) FROM account", before + at_least).await;
                running.take().unwrap().is_killed();
                dead.store(true, Ordering::SeqCst);
            };
            let (told, ()) = tokio::join!(join_all(queues), kill);

            for (path, bytes) in files(daemon.folder()) {
                assert!(!bytes.windows(PHOTO.len()).any(|part| part == PHOTO), "a photo is in {path}");
            }
            let registered = daemon.number("SELECT COUNT(*) FROM account").await;
            for sql in [
                "SELECT COUNT(*) FROM registration WHERE state = 'completed' AND kind = 'first'",
                "SELECT COUNT(DISTINCT account) FROM registration WHERE state = 'completed' AND kind = 'first'",
                "SELECT COUNT(*) FROM device WHERE ended_at IS NULL",
                "SELECT (SELECT COUNT(*) FROM account_event_inbox WHERE kind = 1) + (SELECT COUNT(*) FROM account_event WHERE kind = 1)",
            ] {
                assert_eq!(daemon.number(sql).await, registered, "{sql}");
            }
            running = Some(daemon.serves());
            let there = everybody(&daemon.connects()).await;
            let mut again = Vec::new();
            for (person, answer) in told.into_iter().flatten() {
                match answer {
                    Ok(kept) => {
                        assert!(there.contains(&kept.account), "it was answered and is lost");
                        accounts.insert(person, kept.account);
                    }
                    Err(refused @ ClientError::Problem(_)) => unreachable!("{refused:?}"),
                    Err(_) => again.push(person),
                }
            }
            cut_off += again.len();
            runs_dry(&daemon, "SELECT COUNT(*) FROM photo_deletion WHERE deleted_at IS NULL").await;
            // Whoever was not told comes again, with a phone that has made another key meanwhile.
            again.extend(people.iter().filter(|person| !accounts.contains_key(person) && !again.contains(person)).collect::<Vec<_>>());
            for person in again {
                accounts.insert(person, registers(person).await.unwrap().account);
            }
            assert_eq!(daemon.number("SELECT COUNT(*) FROM account").await, i64::try_from(accounts.len()).unwrap());
        }
        assert!(cut_off > 0, "nobody was under way when the server was killed");

        let people = i64::from(3 * A_ROUND);
        assert_eq!(accounts.values().collect::<BTreeSet<_>>().len(), usize::try_from(people).unwrap(), "one person, one account");
        runs_dry(&daemon, "SELECT COUNT(*) FROM account_event_inbox").await;
        let counts = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM account_daily WHERE kind = 1";
        assert_eq!(daemon.number(counts).await, people, "each account is counted once");
        let completed = "SELECT CAST(account.reference AS BIGINT) FROM registration
            JOIN account ON account.id = registration.account WHERE registration.state = 'completed'";
        assert_eq!(verified(&daemon, "registration.complete"), counted(&daemon.numbers(completed).await));
        assert_eq!(daemon.number("SELECT COUNT(*) FROM device WHERE ended_at IS NULL").await, people, "one phone each");
        assert!(running.unwrap().stops().success());
    }
}
