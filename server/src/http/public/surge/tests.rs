use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

fn surge(at_work: usize, waiting: usize, wait: Duration) -> Surge {
    Surge::new(SurgeSettings { at_work, waiting, wait, ..SurgeSettings::default() })
}

fn party(id: &str) -> RelyingPartyId {
    id.parse().unwrap()
}

const LONG: Duration = Duration::from_hours(1);

/// Somebody at the door.
type Coming<'a> = Pin<Box<dyn Future<Output = Result<Turn, Refused>> + 'a>>;

fn now<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_rush_waits_for_itself_and_every_place_is_passed_on() {
    let surge = surge(1, 1, LONG);
    let (bank, hospital) = (party("bank"), party("hospital"));
    let first = surge.enter(&bank).await.ok().unwrap();
    let mut second = pin!(surge.enter(&bank));
    assert!(now(second.as_mut()).is_pending());
    let refused = surge.enter(&bank).await.err().unwrap();
    assert_eq!(refused.retry_after, LONG);
    drop(surge.enter(&hospital).await.ok().unwrap());
    drop(surge.citizen(7).await.ok().unwrap());
    drop(surge.station().await.ok().unwrap());
    assert_eq!(surge.inside(), (1, 1));
    drop(first);
    let second = second.await.ok().unwrap();
    assert_eq!(surge.inside(), (1, 0));
    drop(second);
    assert_eq!(surge.inside(), (0, 0));
}

#[tokio::test]
async fn who_hangs_up_while_waiting_or_just_when_called_leaves_no_place_behind() {
    let surge = surge(1, 2, LONG);
    let bank = party("bank");
    let first = surge.enter(&bank).await.ok().unwrap();
    let (mut hangs_up, mut late) = (Box::pin(surge.enter(&bank)), Box::pin(surge.enter(&bank)));
    assert!(now(hangs_up.as_mut()).is_pending() && now(late.as_mut()).is_pending());
    drop(hangs_up);
    assert_eq!(surge.inside(), (1, 1));
    // Called, and gone before it has heard of it.
    drop(first);
    assert_eq!(surge.inside(), (1, 0));
    drop(late);
    assert_eq!(surge.inside(), (0, 0));
}

#[tokio::test]
async fn nobody_waits_for_longer_than_is_said() {
    let surge = surge(1, 1, Duration::ZERO);
    let _first = surge.enter(&party("bank")).await.ok().unwrap();
    let refused = surge.enter(&party("bank")).await.err().unwrap();
    assert_eq!(refused.retry_after, Duration::from_secs(1), "a whole second at least");
    assert_eq!(surge.inside(), (1, 0));
}

fn from(number: u8) -> CameFrom {
    CameFrom([192, 0, 2, number].into())
}

#[tokio::test]
async fn invented_names_share_the_queues_at_the_door_and_are_not_remembered() {
    let surge = surge(1, 0, LONG);
    let mut held = Vec::new();
    for name in 0..10_000_u32 {
        held.extend(surge.door(from(name.to_be_bytes()[3]), format!("invented-{name}").as_bytes()).await);
    }
    assert_eq!(held.len(), TOGETHER);
    drop(surge.enter(&party("bank")).await.ok().unwrap());
    drop(surge.app(from(1)).await.ok().unwrap());
    held.clear();
    assert_eq!(surge.door.turns().count(), (0, 0));
}

#[tokio::test]
async fn one_source_has_a_part_of_the_door_under_however_many_names() {
    let surge = &surge(1, 4, LONG);
    let mut here: Vec<Coming<'_>> = Vec::new();
    for name in 0..10_000_u32 {
        let mut comes: Coming<'_> = Box::pin(async move { surge.door(from(1), &name.to_be_bytes()).await });
        match now(comes.as_mut()) {
            Poll::Ready(Err(_)) => {}
            Poll::Ready(Ok(turn)) => here.push(Box::pin(std::future::ready(Ok(turn)))),
            Poll::Pending => here.push(comes),
        }
    }
    assert_eq!(here.len(), (TOGETHER + 4 * DOORS) / PART_OF_THE_DOOR);
    let mut other = pin!(surge.door(from(2), b"bank.online"));
    assert!(now(other.as_mut()).is_pending(), "who comes from elsewhere finds room to wait");
    drop(here);
    drop(other.await.ok().unwrap());
}

#[tokio::test]
async fn who_has_proved_it_of_late_or_shows_a_certificate_does_not_stand_with_strangers() {
    let surge = surge(1, 0, LONG);
    let bank: ClientId = "bank.online".parse().unwrap();
    let mut held = Vec::new();
    for name in 0..1_000_u32 {
        held.extend(surge.door(from(name.to_be_bytes()[3]), &name.to_be_bytes()).await);
    }
    assert!(surge.client(from(1), Some(&bank), None).await.is_err());
    surge.has_proved(&bank, from(1));
    drop(surge.client(from(1), Some(&bank), None).await.ok().unwrap());
    assert!(surge.client(from(2), Some(&bank), None).await.is_err(), "whoever says so from elsewhere is a stranger");
    // A certificate of one party opens no queue of another's, whatever its holder claims.
    let shop = surge.client(from(3), Some(&bank), Some(&party("shop"))).await.ok().unwrap();
    assert!(surge.client(from(3), None, Some(&party("shop"))).await.is_err());
    drop(surge.client(from(1), Some(&bank), None).await.ok().unwrap());
    drop(shop);
}

#[tokio::test]
async fn one_citizen_takes_a_part_of_what_citizens_have() {
    let surge = surge(8, 9, LONG);
    let mine: Vec<Turn> = [surge.citizen(7).await, surge.citizen(7).await].into_iter().flatten().collect();
    assert_eq!((mine.len(), surge.citizen(7).await.err().map(|refused| refused.retry_after)), (2, Some(LONG)));
    drop(surge.citizen(8).await.ok().unwrap());
}

#[tokio::test]
async fn who_is_asked_to_come_again_is_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let surge = surge(1, 0, LONG);
    let _bank = surge.enter(&party("bank")).await.ok().unwrap();
    assert!(surge.enter(&party("bank")).await.is_err() && surge.enter(&party("bank")).await.is_err());
    let _stations = surge.station().await.ok().unwrap();
    assert!(surge.station().await.is_err());
    let counted = recorder.handle().render();
    assert!(counted.contains(r#"iam_surge_refused_total{share="party",party="bank"} 2"#), "{counted}");
    assert!(counted.contains(r#"iam_surge_refused_total{share="stations",party=""} 1"#), "{counted}");
}

#[test]
fn the_metrics_tell_a_bounded_number_of_parties_apart() {
    let surge = surge(1, 1, LONG);
    let labels: BTreeSet<String> = (0..1_000).map(|n| surge.label(&Share::Party(party(&format!("party-{n}"))))).collect();
    assert_eq!(labels.len(), NAMED + 1);
    assert_eq!(surge.label(&Share::Party(party("party-7"))), "party-7");
    assert_eq!(surge.label(&Share::Door(3)), "");
}
