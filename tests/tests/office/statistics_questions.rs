//! Members' questions, answered part by part; what is left out of what is published; what figures mean, and when.

use std::time::Duration;

use api::relying_party::ApplyParties;
use api::stats::{
    AccountsBy, AccountsReport, AccountsRow, LegcoAnswer, LegcoReply, LegcoReport, ListDefinitions, Question, RecordDefinitions,
    TopServices, Trend, TrendOf, TrendReport, UsageBy, UsageReport, View,
};
use api::{Problem, Role};
use domain::{
    AccountEventKind, Channel, Day, Definitions, Formula, Function, Manifest, Month, Outcome, Sector, Sex, Tendency, Tier,
};
use serde_json::{Value, json};
use server::store::AccountEvent;
use tests::fixtures::{parties, party, path};
use tests::{World, both_engines};

use crate::statistics::{account, account_events, brings_on_board, code, loads, used};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A file of the fixtures, as the command line sends it.
fn fixture<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let value: Value = serde_yaml::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    serde_json::from_value(value).unwrap()
}

fn question(name: &str) -> Question {
    let mut question: Question = fixture(name);
    let denominators: Value = fixture("denominators.yaml");
    question.denominators = serde_json::from_value(denominators["denominators"].clone()).unwrap();
    question
}

/// An office of some size: 240 accounts of all ages, and uses that grow with the months, those of the gas company steadily.
async fn office(world: &World) {
    brings_on_board(world, parties()).await;
    let mut events: Vec<AccountEvent> = Vec::new();
    for number in 0..240_u8 {
        let on = day("2021-02-01").plus_days(i32::from(number) * 2);
        let tier = if number % 3 == 0 { Tier::IamSmartPlus } else { Tier::IamSmart };
        let channel = if number % 3 == 0 { Channel::Kiosk } else { Channel::Remote };
        let sex = [None, Some(Sex::F), Some(Sex::M)][usize::from(number % 3)];
        // Three are older than everybody else.
        let birth_year = if number < 3 { 1938 } else { 1950 + i16::from(number % 55) };
        let of = account(world, AccountEventKind::Registered, tier, on);
        events.push(AccountEvent { channel, sex, birth_year, ..of });
    }
    account_events(world, events).await;
    let mut uses = Vec::new();
    for (service, each, steps) in [
        ("sandbox-gas-company.gas-bills", 4, 1),
        ("sandbox-electricity-company.electricity-bills", 1, 0),
        ("inland-revenue-department.etax", 12, 2),
        ("transport-department.vehicle-licence-renewal", 15, 0),
        ("hospital-authority.ha-go", 0, 0),
    ] {
        let service = code(world, service).await;
        for month in 0..12 {
            let on = Month::from_number("2021-06".parse::<Month>().unwrap().number() + month).first_day();
            for number in 0..each * 3 + steps * month {
                let tier = if number % 2 == 0 { Tier::IamSmart } else { Tier::IamSmartPlus };
                let row = used(world, service, Function::Authentication, Outcome::Completed, on.plus_days(number % 28));
                uses.push(server::store::UsageRow { tier: tier.code(), ..row });
            }
        }
    }
    // Too few in a department for anybody to be told.
    let passports = code(world, "immigration-department.hksar-passport-application").await;
    uses.extend(
        (0..4).map(|number| used(world, passports, Function::Signing, Outcome::Completed, day("2021-09-01").plus_days(number))),
    );
    loads(world, uses).await;
}

async fn asks(world: &World, as_at: &str, question: Question, view: Option<View>) -> Result<LegcoReply, Problem> {
    world.first().call(&LegcoReport { question: Some(question), view, ..LegcoReport::as_at(day(as_at)) }).await
}

fn values<'r>(reply: &'r LegcoReply, table: &str, row: &str) -> &'r [Option<u64>] {
    let table = reply.tables.iter().find(|found| found.id == table).unwrap();
    &table.rows.iter().find(|found| found.id == row).unwrap().values
}

fn refused<R: std::fmt::Debug>(answer: Result<R, Problem>) -> (u16, String, String) {
    let problem = answer.unwrap_err();
    (problem.status, problem.code, problem.fields.into_iter().map(|field| field.path).collect())
}

fn told(status: u16, code: &str, path: &str) -> (u16, String, String) {
    (status, code.to_owned(), path.to_owned())
}

both_engines! {
    // Byte for byte the same on both engines, and for the public.
    async fn both_questions_on_record_are_answered(world: &World) {
        office(world).await;
        world.clock.advance(Duration::from_hours(24));
        for (name, as_at) in [("lcq5-2022", "2022-05-31"), ("lcq13-2021", "2021-12-31")] {
            let reply = asks(world, as_at, question(&format!("questions/{name}.yaml")), None).await.unwrap();
            assert_eq!(reply.view, View::Published);
            insta::assert_snapshot!(name, serde_json::to_string_pretty(&reply).unwrap());
        }
    }

    async fn every_figure_and_table_on_record_is_answered(world: &World) {
        office(world).await;
        // Upgraded at a kiosk, closed later; registered by the own phone.
        let of = |kind, tier, channel, on| AccountEvent { channel, ..account(world, kind, tier, day(on)) };
        account_events(
            world,
            vec![
                of(AccountEventKind::Registered, Tier::IamSmart, Channel::Remote, "2021-02-01"),
                of(AccountEventKind::Upgraded, Tier::IamSmartPlus, Channel::Kiosk, "2021-03-01"),
                of(AccountEventKind::Closed, Tier::IamSmartPlus, Channel::Remote, "2021-04-01"),
            ],
        )
        .await;
        let listed = world.first().call(&ListDefinitions { known_at: None }).await.unwrap();
        let answers: Vec<Value> = listed
            .iter()
            .map(|row| match row.definition.formula {
                Formula::Table(_) => json!({ "table": row.definition.id }),
                Formula::Count(_) | Formula::Unavailable(_) => json!({ "figure": row.definition.id }),
            })
            .collect();
        let said = json!({ "en": "Everything.", "zh-Hant": "全部。" });
        let asked = json!({ "id": "all", "title": said, "parts": [{ "asks": said, "answers": answers }] });
        for view in [View::Published, View::Auditor] {
            for as_at in ["2021-03-31", "2021-04-01", "2022-05-31"] {
                let reply = asks(world, as_at, serde_json::from_value(asked.clone()).unwrap(), Some(view)).await.unwrap();
                // Some tables have a sentence below them.
                assert!(reply.parts[0].answers.len() >= listed.len(), "{as_at}");
            }
        }
        let mut wrong = listed.iter().find(|row| row.definition.id == "accounts-by-channel").unwrap().definition.clone();
        wrong.version += 1;
        let Formula::Table(table) = &mut wrong.formula else { unreachable!("a table") };
        table.figures.push("accounts.registered.plus".to_owned());
        let file = json!({ "apiVersion": "iam/v1", "kind": "FigureDefinitions", "edition": "2026-1", "figures": [wrong] });
        let record = RecordDefinitions { definitions: serde_json::from_value(file).unwrap() };
        assert_eq!(refused(world.first().call(&record).await), told(422, "stats.definition", "definitions.figures[0].formula.table"));
    }

    async fn a_part_may_begin_with_a_month(world: &World) {
        office(world).await;
        let said = json!({ "en": "Since when?", "zh-Hant": "由何時起？" });
        let since = |from: &str| {
            let answers = json!([
                { "table": "frequently-used" }, { "table": "by-sector" }, { "table": "accounts-by-tier" }, { "figure": "usage.total" }
            ]);
            let parts = json!([{ "asks": said, "answers": answers }, { "asks": said, "from": from, "answers": answers }]);
            serde_json::from_value::<Question>(json!({ "id": "since", "title": said, "parts": parts })).unwrap()
        };
        let reply = asks(world, "2022-05-31", since("2022-05"), None).await.unwrap();
        // eTAX: 36 uses in June 2021 and 2 more each month; vehicle licences: 45 a month.
        let etax = "inland-revenue-department.etax";
        assert_eq!(values(&reply, "frequently-used", etax), [Some(1), Some((0..12).map(|month| 36 + 2 * month).sum())]);
        assert_eq!(values(&reply, "frequently-used#2", etax), [Some(1), Some(58)]);
        let heads = |table: &str| reply.tables.iter().find(|found| found.id == table).unwrap().columns.clone();
        let of = |heads: Vec<domain::Bilingual>| heads.into_iter().map(|head| format!("{} {}", head.en, head.zh_hant)).collect::<Vec<_>>();
        assert_eq!(of(heads("frequently-used#2")), ["Rank 排名", "Usage counts from May 2022 使用次數（由2022年5月起）"]);
        assert_eq!(of(heads("by-sector#2"))[0], of(heads("by-sector"))[0], "services are those of the day");
        assert_eq!(values(&reply, "by-sector#2", "total")[0], values(&reply, "by-sector", "total")[0]);
        let ids: Vec<&str> = reply.tables.iter().map(|table| table.id.as_str()).collect();
        assert_eq!(ids, ["frequently-used", "by-sector", "accounts-by-tier", "frequently-used#2", "by-sector#2"], "accounts are the same");
        assert_eq!(reply.figures.len(), 1, "a sentence counts from the launch");
        let whole = asks(world, "2022-05-31", since("2020-12"), None).await.unwrap();
        assert_eq!(whole.tables.len(), 3, "from the launch is what is counted anyhow");
        for (from, code) in [("2020-11", "stats.month-before-launch"), ("2022-06", "stats.months-order")] {
            let answer = asks(world, "2022-05-31", since(from), None).await;
            assert_eq!(refused(answer), told(422, code, "question.parts[1].from"));
        }
    }

    async fn the_trend_is_said_as_the_numbers_support(world: &World) {
        office(world).await;
        let trend = async |of, view| -> Trend {
            let op = TrendReport { of, from: None, to: Some("2022-05".parse().unwrap()), known_at: None, view };
            world.first().call(&op).await.unwrap()
        };
        let gas = trend(TrendOf::Service("sandbox-gas-company.gas-bills".parse().unwrap()), None).await;
        assert_eq!((gas.tendency, gas.slope_milli), (Tendency::SteadyRise, 1_000));
        assert_eq!(gas.text.en, "Checking of Gas Bills: from June 2021 to May 2022 the monthly number is on a steady rise, by about 1 a month.");
        let flat = trend(TrendOf::Service("transport-department.vehicle-licence-renewal".parse().unwrap()), None).await;
        assert_eq!((flat.tendency, flat.slope_milli), (Tendency::NoTrend, 0));
        let private = trend(TrendOf::Sector(Sector::Private), Some(View::Published)).await;
        let told: Vec<Option<u64>> = private.months.iter().map(|month| month.value).collect();
        assert_eq!(&told[5..8], [Some(0), Some(15), Some(16)]);
        let registered = trend(TrendOf::Registered, None).await;
        assert_eq!(registered.months.last().unwrap().value, Some(240));
        let unknown = TrendReport { of: TrendOf::Service("no-such-party.enquiry".parse().unwrap()), from: None, to: None, known_at: None, view: None };
        assert_eq!(refused(world.first().call(&unknown).await).0, 404);
        let unended = TrendReport { of: TrendOf::Uses, from: None, to: Some("2026-01".parse().unwrap()), known_at: None, view: None };
        assert_eq!(refused(world.first().call(&unended).await), told_of("stats.month-not-ended", "to"));
    }

    async fn a_few_people_are_told_of_to_the_auditor_alone(world: &World) {
        office(world).await;
        let asked = || question("questions/lcq13-2021.yaml");
        let published = asks(world, "2022-05-31", asked(), None).await.unwrap();
        let exact = asks(world, "2022-05-31", asked(), Some(View::Auditor)).await.unwrap();
        assert_eq!(values(&exact, "accounts-by-age", "80-and-over")[..2], [Some(3), Some(1)]);
        assert_eq!(values(&published, "accounts-by-age", "80-and-over")[..2], [None, None]);
        let open = |reply: &LegcoReply| {
            let table = reply.tables.iter().find(|table| table.id == "accounts-by-age").unwrap();
            let (_, parts) = table.rows.split_last().unwrap();
            parts.iter().filter(|row| row.values[0].is_none()).count()
        };
        assert!(open(&published) >= 2, "one alone would follow from the total");
        assert_eq!(open(&exact), 0);
        assert_eq!(values(&published, "accounts-by-age", "total")[0], Some(240), "the whole platform is told");
        assert_eq!(values(&exact, "usage-by-department", "immigration-department")[0], Some(4));
        assert_eq!(values(&published, "usage-by-department", "immigration-department")[0], None);
        assert!(published.notes.iter().any(|note| note.id == "disclosure"));
        assert!(exact.notes.iter().any(|note| note.id == "auditors-view"));

        let statistician = world.operator("statistician-1", &[Role::Statistician]).await;
        let op = LegcoReport { view: Some(View::Auditor), ..LegcoReport::as_at(day("2022-05-31")) };
        assert_eq!(refused(statistician.call(&op).await), (403, "stats.view".to_owned(), String::new()));
        let usage = UsageReport { by: UsageBy::Department, from: None, to: None, known_at: None, view: None };
        let of = |rows: Vec<api::stats::UsageRow>| rows.into_iter().find(|row| row.id == "immigration-department").unwrap().uses;
        assert_eq!(of(statistician.call(&usage).await.unwrap()), None, "anybody else's own view is the public's");
        assert_eq!(of(world.first().call(&usage).await.unwrap()), Some(4));
        let top = TopServices { as_at: None, known_at: None, limit: Some(100), view: Some(View::Published) };
        let top = statistician.call(&top).await.unwrap();
        assert!(top.iter().all(|row| row.service != "immigration-department.hksar-passport-application"), "its place would say how few");
    }

    async fn accounts_by_what_is_known_of_people(world: &World) {
        office(world).await;
        let by = async |by| -> Vec<(String, Option<u64>, Option<u64>)> {
            let op = AccountsReport { by, as_at: Some(day("2022-05-31")), known_at: None, view: None };
            let rows: Vec<AccountsRow> = world.first().call(&op).await.unwrap();
            rows.into_iter().map(|row| (row.id, row.registered, row.plus)).collect()
        };
        let row = |id: &str, registered, plus| (id.to_owned(), Some(registered), plus);
        assert_eq!(by(AccountsBy::Tier).await, [row("iam-smart", 160, Some(0)), row("iam-smart-plus", 80, Some(80)), row("total", 240, Some(80))]);
        assert_eq!(by(AccountsBy::Sex).await, [row("F", 80, Some(0)), row("M", 80, Some(0)), row("not-recorded", 80, Some(80)), row("total", 240, Some(80))]);
        let channels = by(AccountsBy::Channel).await;
        assert_eq!((&channels[0], &channels[1]), (&row("remote", 160, None), &row("kiosk", 80, None)));
        let ages = by(AccountsBy::Age).await;
        assert_eq!(ages.iter().filter(|row| row.0 != "total").filter_map(|row| row.1).sum::<u64>(), 240);
        assert_eq!(ages[7], row("80-and-over", 3, Some(1)), "84 in the year");
        let months = by(AccountsBy::Month).await;
        assert_eq!((months[1].clone(), months[2].clone()), (row("2021-01", 0, Some(0)), row("2021-02", 14, Some(5))));
    }

    async fn a_question_is_held_to_what_there_is(world: &World) {
        brings_on_board(world, vec![party("sandbox-gas-company")]).await;
        let bad = async |change: &dyn Fn(&mut Value)| {
            let mut asked = json!({
                "id": "q", "title": { "en": "Q", "zh-Hant": "問" },
                "parts": [{ "asks": { "en": "A", "zh-Hant": "甲" }, "answers": [
                    { "figure": "usage.total" }, { "share": { "figure": "usage.total", "of": "population" } }, { "table": "by-sector" }] }],
                "denominators": [{ "id": "population", "name": { "en": "P", "zh-Hant": "人" }, "asAt": "2021-12-31", "value": 7, "source": "S" }],
            });
            change(&mut asked);
            asks(world, "2022-05-31", serde_json::from_value(asked).unwrap(), None).await
        };
        assert!(bad(&|_| {}).await.is_ok());
        let answer = bad(&|asked| asked["parts"][0]["answers"][0]["figure"] = "usage.totl".into()).await;
        assert!(answer.as_ref().unwrap_err().message.ends_with("'usage.total' perhaps?"), "{answer:?}");
        assert_eq!(refused(answer), told(422, "stats.unknown-figure", "question.parts[0].answers[0]"));
        for (place, asked) in [(2, json!({ "table": "usage.total" })), (0, json!({ "figure": "by-sector" }))] {
            let answer = bad(&|question| question["parts"][0]["answers"][place] = asked.clone()).await;
            assert_eq!(refused(answer), told(422, "stats.unknown-figure", &format!("question.parts[0].answers[{place}]")));
        }
        let answer = bad(&|asked| asked["parts"][0]["answers"][1]["share"]["of"] = "people".into()).await;
        assert_eq!(refused(answer), told(422, "stats.denominator", "question.parts[0].answers[1].share.of"));
        type Twice<'t> = (&'t str, &'t dyn Fn(&mut Value));
        let twice: [Twice<'_>; 2] = [("denominators", &|number| number["value"] = 8.into()), ("serviceTotals", &|total| total["to"] = "2022-05".into())];
        for (of, change) in twice {
            let answer = |asked: &mut Value| {
                asked["serviceTotals"] = json!([{ "service": "inland-revenue-department.etax", "from": "2022-01", "to": "2022-04", "uses": 9_000_000, "source": "S" }]);
                let mut second = asked[of][0].clone();
                change(&mut second);
                asked[of].as_array_mut().unwrap().push(second);
            };
            let problem = bad(&answer).await.unwrap_err();
            assert!(problem.message.contains("twice"), "{problem:?}");
        }
        let same = |asked: &mut Value| {
            let again = asked["denominators"][0].clone();
            asked["denominators"].as_array_mut().unwrap().push(again);
        };
        assert!(bad(&same).await.is_ok(), "what stands twice and is the same is no contradiction");
        for (path, empty) in [("/parts", json!([])), ("/parts/0/answers", json!([])), ("/parts/0/answers/0", json!({ "text": { "en": " ", "zh-Hant": "字" } })), ("/title/zh-Hant", json!("")), ("/parts/0/asks/en", json!(""))] {
            let answer = bad(&|asked| *asked.pointer_mut(path).unwrap() = empty.clone()).await;
            assert_eq!(answer.unwrap_err().code, "stats.question", "{path}");
        }
        let answer = bad(&|asked| asked["denominators"][0]["source"] = " ".into()).await;
        assert_eq!(refused(answer), told(422, "stats.denominator", "question.denominators[0].source"));
        let answer = bad(&|asked| asked["denominators"][0]["value"] = 0.into()).await;
        assert_eq!(refused(answer), told(422, "stats.denominator", "question.denominators[0].value"));
        let later = bad(&|asked| asked["denominators"][0]["asAt"] = "2022-06-01".into()).await.unwrap();
        let LegcoAnswer::Unavailable { text, .. } = &later.parts[0].answers[1] else { unreachable!("{later:?}") };
        assert!(text.en.contains("not available, because") && text.zh_hant.contains("未能提供，因為"), "{text:?}");
        for (part, value) in [("to", json!("2022-06")), ("from", json!("2022-06")), ("uses", json!(0)), ("service", json!("no-such-party.enquiry"))] {
            let total = json!({ "service": "sandbox-gas-company.gas-bills", "from": "2022-01", "to": "2022-05", "uses": 10, "source": "S" });
            let answer = bad(&|asked| {
                asked["serviceTotals"] = json!([total]);
                asked["serviceTotals"][0][part] = value.clone();
                asked["parts"][0]["answers"][2]["table"] = "usage-by-service".into();
            }).await;
            assert_eq!(refused(answer).1, "stats.service-total", "{part}");
        }
    }

    // A new meaning holds from the day it is recorded; a report of before keeps the old one, byte for byte.
    async fn a_definition_never_changes_under_a_report(world: &World) {
        office(world).await;
        let officer = world.operator("officer-1", &[Role::RpOfficer]).await;
        let known = day("2026-01-05");
        let ask = async |known_at| {
            let op = LegcoReport { known_at: Some(known_at), ..LegcoReport::as_at(day("2022-05-31")) };
            world.first().call(&op).await.unwrap()
        };
        let before = ask(known).await;
        let listed = world.first().call(&ListDefinitions { known_at: None }).await.unwrap();
        let private = listed.iter().find(|row| row.definition.id == "usage.private").unwrap();
        assert_eq!((private.recorded, private.edition.as_str()), (None, "2022-1"), "it was always there");
        let record = |figures: Vec<domain::FigureEntry>| {
            let file: Definitions = serde_json::from_value(json!({ "apiVersion": "iam/v1", "kind": "FigureDefinitions", "edition": "2026-1", "figures": figures })).unwrap();
            RecordDefinitions { definitions: file }
        };
        world.clock.advance(Duration::from_hours(48));
        let mut edited = private.definition.clone();
        edited.meaning.en = "Something else.".to_owned();
        assert_eq!(refused(world.first().call(&record(vec![edited.clone()])).await).1, "stats.definition-edited");
        assert_eq!(world.first().call(&record(vec![private.definition.clone()])).await.unwrap(), [], "as it is, it may stand there");
        edited.version = 3;
        assert_eq!(refused(world.first().call(&record(vec![edited.clone()])).await), told(422, "stats.definition", "definitions.figures[0].version"));
        edited.version = 2;
        let Formula::Count(count) = &mut edited.formula else { unreachable!("a figure") };
        count.conditions.sector = vec![Sector::Private, Sector::Public];
        let recorded = world.first().call(&record(vec![edited])).await.unwrap();
        assert_eq!((recorded.len(), recorded[0].recorded), (1, Some(day("2026-01-07"))));
        assert_eq!(ask(known).await, before, "as known before, nothing is different");
        let after = ask(day("2026-01-07")).await;
        let version = |reply: &LegcoReply| reply.meanings.iter().find(|meaning| meaning.id == "usage.private").unwrap().version;
        assert_eq!((after.definitions.as_str(), version(&after)), ("2026-1", 2));
        assert_eq!((before.definitions.as_str(), version(&before)), ("2022-1", 1));
        let in_force = ListDefinitions { known_at: Some(known) };
        let in_force = world.first().call(&in_force).await.unwrap();
        assert_eq!(in_force.len() + 1, world.first().call(&ListDefinitions { known_at: None }).await.unwrap().len());
        let twice = record(vec![private.definition.clone()]);
        assert!(officer.call(&twice).await.is_err(), "the statistician's and the administrator's");
    }

    async fn a_service_that_moves_within_a_month_is_counted_by_its_history(world: &World) {
        let gas = party("sandbox-gas-company");
        brings_on_board(world, vec![gas.clone()]).await;
        let service = code(world, "sandbox-gas-company.gas-bills").await;
        let uses = |from: &str, days: i32| (0..days).map(|number| used(world, service, Function::Authentication, Outcome::Completed, day(from).plus_days(number))).collect::<Vec<_>>();
        world.clock.advance(Duration::from_hours(24 * 18));
        loads(world, uses("2026-01-01", 23)).await;
        // On 23 January it comes under another industry.
        let moved = Manifest { industry: Some(domain::Industry::Other), ..gas };
        world.first().call(&ApplyParties { manifests: vec![moved] }).await.unwrap();
        world.clock.advance(Duration::from_hours(24 * 30));
        loads(world, uses("2026-01-24", 8)).await;
        let op = UsageReport { by: UsageBy::Industry, from: None, to: None, known_at: None, view: None };
        let rows = world.first().call(&op).await.unwrap();
        let of = |id: &str| rows.iter().find(|row| row.id == id).unwrap().uses;
        assert_eq!((of("public-utilities"), of("other")), (Some(22), Some(9)));
    }

    async fn a_service_that_moves_to_another_department_leaves_its_past_there(world: &World) {
        let (from, to) = (party("transport-department"), party("inland-revenue-department"));
        brings_on_board(world, vec![from.clone(), to.clone()]).await;
        let moves = "transport-department.vehicle-licence-renewal";
        let uses = |service, from: &str, days: i32| (0..days).map(|number| used(world, service, Function::Authentication, Outcome::Completed, day(from).plus_days(number))).collect::<Vec<_>>();
        world.clock.advance(Duration::from_hours(24 * 18));
        loads(world, uses(code(world, moves).await, "2026-01-01", 23)).await;
        // In the middle of January it is taken over.
        let mut without = from.clone();
        let place = without.services.iter().position(|service| service.id.as_str() == "vehicle-licence-renewal").unwrap();
        let service = without.services.remove(place);
        let mut with = to.clone();
        with.services.push(service);
        world.first().call(&ApplyParties { manifests: vec![without, with] }).await.unwrap();
        world.clock.advance(Duration::from_hours(24 * 30));
        loads(world, uses(code(world, "inland-revenue-department.vehicle-licence-renewal").await, "2026-01-24", 8)).await;
        let op = UsageReport { by: UsageBy::Department, from: None, to: None, known_at: None, view: None };
        let rows = world.first().call(&op).await.unwrap();
        let of = |id: &str| rows.iter().find(|row| row.id == id).map(|row| (row.name.en.as_str(), row.uses));
        assert_eq!(of("transport-department"), Some(("Transport Department", Some(23))));
        assert_eq!(of("inland-revenue-department"), Some(("Inland Revenue Department", Some(8))));
    }
}

fn told_of(code: &str, path: &str) -> (u16, String, String) {
    told(422, code, path)
}
