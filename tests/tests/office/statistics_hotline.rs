//! What the hotline's month comes to in the figures: calls, suspensions and how fast they were.

use std::time::Duration;

use api::Role;
use api::account::SuspendAccount;
use api::hotline::{CloseCall, OpenCall};
use api::stats::{LegcoReply, LegcoReport, Question, View};
use domain::SuspensionReason;
use serde_json::json;
use tests::both_engines;

use crate::statistics::folds;

const KIOSK: &str = "harbour-road-sports-centre";

fn asked(view: View) -> LegcoReport {
    let question: Question = serde_json::from_value(json!({
        "id": "hotline",
        "title": { "en": "The hotline", "zh-Hant": "熱線" },
        "parts": [{
            "asks": { "en": "How many called, and how soon they were helped.", "zh-Hant": "來電數目及處理時間。" },
            "from": "2026-01",
            "answers": [
                { "figure": "hotline.calls" },
                { "figure": "suspensions.total" },
                { "figure": "suspensions.median-time" },
                { "figure": "suspensions.p95-time" },
                { "table": "suspensions-by-reason" },
                { "table": "calls-by-month" },
            ],
        }],
    }))
    .unwrap();
    let known_at = Some("2026-02-04".parse().unwrap());
    LegcoReport { question: Some(question), view: Some(view), known_at, ..LegcoReport::as_at("2026-01-31".parse().unwrap()) }
}

fn rows(reply: &LegcoReply, table: &str) -> Vec<(String, Option<u64>)> {
    let table = reply.tables.iter().find(|found| found.id == table).unwrap();
    table.rows.iter().filter(|row| row.values[0] != Some(0)).map(|row| (row.id.clone(), row.values[0])).collect()
}

both_engines! {
    async fn calls_and_suspensions_of_a_month(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        for (number, (took, reason)) in [
            (20, SuspensionReason::LostDevice),
            (90, SuspensionReason::LostDevice),
            (40, SuspensionReason::StolenDevice),
        ]
        .into_iter()
        .enumerate()
        {
            let citizen = world.citizen(&format!("CHAN {}", ["TAI MAN", "SIU MING", "MEI LING"][number])).registers_at_kiosk(KIOSK).await;
            let call = agent.call(&OpenCall {}).await.unwrap().call;
            world.clock.advance(Duration::from_secs(took));
            let stopped = SuspendAccount { account: citizen.account, reason, call: Some(call), note: None };
            assert!(!agent.call(&stopped).await.unwrap().already);
            world.clock.advance(Duration::from_secs(300));
            assert!(agent.call(&stopped).await.unwrap().already, "a second one counts nothing");
            agent.call(&CloseCall { call }).await.unwrap();
        }
        // Somebody only wanted to know something.
        agent.call(&OpenCall {}).await.unwrap();
        folds(world).await;
        // A call of February is none of January's.
        world.clock.advance(Duration::from_hours(24 * 30));
        agent.call(&OpenCall {}).await.unwrap();

        let exact = world.first().call(&asked(View::Auditor)).await.unwrap();
        let values: Vec<(&str, u64)> = exact.figures.iter().map(|figure| (figure.id.as_str(), figure.value)).collect();
        assert_eq!(
            values,
            [("hotline.calls", 4), ("suspensions.total", 3), ("suspensions.median-time", 40), ("suspensions.p95-time", 90)]
        );
        let of = |rows: &[(&str, u64)]| rows.iter().map(|(id, value)| ((*id).to_owned(), Some(*value))).collect::<Vec<_>>();
        assert_eq!(rows(&exact, "suspensions-by-reason"), of(&[("lost-device", 2), ("stolen-device", 1), ("total", 3)]));
        assert_eq!(rows(&exact, "calls-by-month"), of(&[("2026-01", 4)]));
        let published = world.first().call(&asked(View::Published)).await.unwrap();
        let told = rows(&published, "suspensions-by-reason");
        assert!(told.iter().all(|(id, value)| value.is_none() == (id != "total")), "three people in all: {told:?}");
    }
}
