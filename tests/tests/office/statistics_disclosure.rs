//! Whoever collects every published breakdown of a month and takes one from the other learns of no few people.

use std::collections::{BTreeMap, BTreeSet};

use api::stats::{
    AccountsBy, AccountsReport, LegcoAnswer, LegcoReport, LegcoTable, ListDefinitions, RecordDefinitions, TrendOf, TrendReport,
    UsageBy, UsageReport, View,
};
use domain::{AccountEventKind, Day, FigureEntry, Formula, Function, Manifest, Month, Outcome, Sex, Tier};
use serde_json::json;
use server::store::AccountEvent;
use tests::fixtures::parties;
use tests::{World, both_engines};

use crate::statistics::{account, account_events, brings_on_board, code, loads, used};

const THRESHOLD: u64 = 10;
const MONTHS: [&str; 3] = ["2022-02", "2022-03", "2022-04"];
const BREAKDOWNS: [UsageBy; 5] = [UsageBy::Service, UsageBy::Department, UsageBy::Sector, UsageBy::Category, UsageBy::Industry];

/// Every service of the fixtures, used now and then, some by few.
async fn office(world: &World) -> Vec<(String, Manifest, usize)> {
    let manifests = parties();
    brings_on_board(world, manifests.clone()).await;
    let mut uses = Vec::new();
    let mut services = Vec::new();
    let mut dice: u32 = 20_220_531;
    for manifest in &manifests {
        for (place, service) in manifest.services.iter().enumerate() {
            let id = format!("{}.{}", manifest.id, service.id);
            let of = code(world, &id).await;
            for month in MONTHS {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let many = [0, 2, 5, 9, 12, 25, 40, 60][usize::try_from(dice >> 29).unwrap()];
                let on: Day = month.parse::<Month>().unwrap().first_day();
                uses.extend(
                    (0..many)
                        .map(|number| used(world, of, Function::Authentication, Outcome::Completed, on.plus_days(number % 28))),
                );
            }
            services.push((id, manifest.clone(), place));
        }
    }
    loads(world, uses).await;
    services
}

async fn told(world: &World, by: UsageBy, (from, to): (&str, &str), view: View) -> BTreeMap<String, Option<u64>> {
    let op =
        UsageReport { by, from: Some(from.parse().unwrap()), to: Some(to.parse().unwrap()), known_at: None, view: Some(view) };
    world.first().call(&op).await.unwrap().into_iter().map(|row| (row.id, row.uses)).collect()
}

/// Tables of questions with the report that has the same rows.
const TABLES: [(&str, UsageBy); 4] = [
    ("usage-by-service", UsageBy::Service),
    ("usage-by-department", UsageBy::Department),
    ("usage-by-sector", UsageBy::Sector),
    ("usage-by-category", UsageBy::Category),
];

/// The table of a question that begins with a month.
async fn asked(world: &World, table: &str, from: Option<&str>, as_at: Day, view: View) -> LegcoTable {
    let said = json!({ "en": "Asked.", "zh-Hant": "問。" });
    let part = json!({ "asks": said, "from": from, "answers": [{ "table": table }] });
    let question = serde_json::from_value(json!({ "id": "q", "title": said, "parts": [part] })).unwrap();
    let op = LegcoReport { question: Some(question), view: Some(view), ..LegcoReport::as_at(as_at) };
    world.first().call(&op).await.unwrap().tables.remove(0)
}

/// The group of a service in a breakdown.
fn group(by: UsageBy, (id, manifest, place): &(String, Manifest, usize)) -> String {
    match by {
        UsageBy::Department => manifest.id.to_string(),
        UsageBy::Sector => manifest.sector.to_string(),
        UsageBy::Category => manifest.services[*place].category.map_or("none".to_owned(), |category| category.to_string()),
        UsageBy::Industry => manifest.industry.map_or("none".to_owned(), |industry| industry.to_string()),
        _ => id.clone(),
    }
}

fn name(by: UsageBy) -> String {
    format!("{by:?}")
}

/// The unknowns that are the only one left in some combination of the equations.
fn solved(mut rows: Vec<Vec<f64>>) -> BTreeSet<usize> {
    let width = rows.first().map_or(0, Vec::len);
    let mut lead = 0;
    for column in 0..width {
        let Some(pivot) = (lead..rows.len()).find(|row| rows[*row][column].abs() > 1e-9) else { continue };
        rows.swap(lead, pivot);
        let pivot: Vec<f64> = rows[lead].iter().map(|factor| factor / rows[lead][column]).collect();
        for (at, row) in rows.iter_mut().enumerate() {
            let scale = row[column];
            if at != lead {
                row.iter_mut().zip(&pivot).for_each(|(factor, of)| *factor -= scale * of);
            }
        }
        rows[lead] = pivot;
        lead += 1;
    }
    let alone = |row: &Vec<f64>| {
        let of: Vec<usize> = (0..width).filter(|column| row[*column].abs() > 1e-9).collect();
        (of.len() == 1).then(|| of[0])
    };
    rows.iter().filter_map(alone).collect()
}

both_engines! {
    async fn no_breakdown_tells_what_another_leaves_out(world: &World) {
        let services = office(world).await;
        for span in [(MONTHS[0], MONTHS[0]), (MONTHS[1], MONTHS[1]), (MONTHS[0], MONTHS[2])] {
            let mut published = BTreeMap::new();
            let mut exact = BTreeMap::new();
            for by in BREAKDOWNS {
                for (id, value) in told(world, by, span, View::Published).await {
                    published.insert((name(by), id), value);
                }
                for (id, value) in told(world, by, span, View::Auditor).await {
                    exact.insert((name(by), id), value.unwrap());
                }
            }
            for (cell, value) in &published {
                assert!(value.is_none_or(|value| value == exact[cell] && (value == 0 || value >= THRESHOLD)), "{cell:?} {value:?}");
            }
            // What is left out is unknown; each sum that somebody can write down is an equation.
            let hidden: Vec<&(String, String)> = published.iter().filter(|(_, value)| value.is_none()).map(|(cell, _)| cell).collect();
            assert!(hidden.len() > 10, "there is something to find");
            let unknown = |cell: &(String, String)| hidden.iter().position(|of| *of == cell);
            let mut rows = Vec::new();
            for by in &BREAKDOWNS[1..] {
                let mut sums: BTreeMap<String, Vec<f64>> = BTreeMap::new();
                for service in &services {
                    let row = sums.entry(group(*by, service)).or_insert_with(|| vec![0.0; hidden.len()]);
                    if let Some(place) = unknown(&(name(UsageBy::Service), service.0.clone())) {
                        row[place] += 1.0;
                    }
                }
                let mut platform = vec![0.0; hidden.len()];
                for (group, mut row) in sums {
                    if let Some(place) = unknown(&(name(*by), group)) {
                        row[place] -= 1.0;
                        platform[place] += 1.0;
                    }
                    rows.push(row);
                }
                rows.push(platform);
            }
            for place in solved(rows) {
                let value = exact[hidden[place]];
                assert!(value == 0 || value >= THRESHOLD, "{span:?}: {:?} is {value}", hidden[place]);
            }
        }
    }

    async fn a_question_about_some_months_tells_what_their_report_tells(world: &World) {
        office(world).await;
        for (from, to) in [(MONTHS[0], MONTHS[2]), (MONTHS[1], MONTHS[2]), (MONTHS[1], MONTHS[1])] {
            let last = to.parse::<Month>().unwrap().last_day();
            let mut left_out = 0;
            for (table, by) in TABLES {
                for view in [View::Published, View::Auditor] {
                    let report = told(world, by, (from, to), view).await;
                    let asked = asked(world, table, Some(from), last, view).await;
                    let rows: BTreeMap<_, _> = asked.rows.iter().map(|row| (row.id.clone(), row.values[0])).collect();
                    for (id, value) in &report {
                        assert_eq!(rows[id], *value, "{table} {id}, {from} to {to}, {view:?}");
                        left_out += usize::from(value.is_none());
                    }
                    let whole: u64 = told(world, UsageBy::Month, (from, to), View::Auditor).await.values().flatten().sum();
                    assert_eq!((rows.len(), rows["total"]), (report.len() + 1, Some(whole)), "{table}");
                    assert!(asked.columns[0].en.ends_with(&format!(" from {}", from.parse::<Month>().unwrap().english())));
                }
            }
            assert!(left_out > 10, "there is something to find");
        }
    }

    async fn two_days_of_a_question_never_differ_by_a_few(world: &World) {
        office(world).await;
        let mut of_the_day_before: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut moved = 0;
        for number in 9..24 {
            let on = "2022-04-01".parse::<Day>().unwrap().plus_days(number);
            for (from, (table, _)) in [Some("2022-03"), Some("2022-04"), None].into_iter().flat_map(|from| TABLES.map(|of| (from, of))) {
                for row in asked(world, table, from, on, View::Published).await.rows {
                    let Some(value) = row.values[0].filter(|_| row.id != "total") else { continue };
                    let before = of_the_day_before.insert((format!("{table} {from:?}"), row.id.clone()), value);
                    let step = value - before.unwrap_or(value);
                    assert!(step.is_multiple_of(THRESHOLD) || before == Some(0), "{table} {from:?} {}: {step} by {on}", row.id);
                    moved += u64::from(step > 0);
                }
            }
        }
        assert!(moved > 10);
    }

    async fn a_share_of_months_tells_no_number_that_their_report_leaves_out(world: &World) {
        let services = office(world).await;
        let said = json!({ "en": "Asked.", "zh-Hant": "問。" });
        let asks = async |month: &str, uses: u64| {
            let total = |(id, ..): &(String, Manifest, usize)| json!({ "service": id, "from": month, "to": month, "uses": uses, "source": "S" });
            let totals: Vec<_> = services.iter().map(total).collect();
            let answers = json!([{ "table": "usage-by-service" }, { "table": "usage-by-department" }]);
            let question = json!({ "id": "q", "title": said, "parts": [{ "asks": said, "answers": answers }], "serviceTotals": totals });
            let question = Some(serde_json::from_value(question).unwrap());
            let op = LegcoReport { question, view: Some(View::Published), ..LegcoReport::as_at("2022-04-30".parse().unwrap()) };
            world.first().call(&op).await
        };
        for month in MONTHS {
            let report = told(world, UsageBy::Service, (month, month), View::Published).await;
            let reply = asks(month, 1_000).await.unwrap();
            let (mut shown, mut hidden) = (0, 0);
            for row in reply.tables[0].rows.iter().filter(|row| row.id != "total") {
                let uses = report.get(&row.id).copied().unwrap_or(Some(0));
                if let Some(share) = row.values[1] {
                    assert_eq!(uses, Some(share), "{} in {month}", row.id);
                    shown += 1;
                }
                if uses.is_none() {
                    assert!(row.suppressed.contains(&1), "{} in {month}", row.id);
                    hidden += 1;
                }
            }
            assert!(shown > 10 && hidden > 10, "{shown} {hidden}");
            // Nor is it refused because of a number that is left out.
            let problem = asks(month, 1).await.unwrap_err();
            let named = services.iter().map(|(id, ..)| id).find(|id| problem.message.contains(&format!("of {id} than 1 "))).unwrap();
            assert!(report[named].is_some(), "{}", problem.message);
        }
    }

    async fn ages_sexes_and_tiers_tell_nothing_of_each_other(world: &World) {
        let mut dice: u32 = 19_640_101;
        let mut roll = |most: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 16) % most
        };
        for round in 0..4 {
            let mut events = Vec::new();
            for first_born in (1935..2010).step_by(9) {
                for tier in [Tier::IamSmart, Tier::IamSmartPlus] {
                    for sex in [None, Some(Sex::F), Some(Sex::M)] {
                        let many = [0, 1, 2, 4, 9, 30][roll(6) as usize];
                        let of = account(world, AccountEventKind::Registered, tier, "2021-02-01".parse().unwrap());
                        events.extend(vec![AccountEvent { sex, birth_year: first_born, ..of }; many]);
                    }
                }
            }
            account_events(world, events).await;
            let said = json!({ "en": "Asked.", "zh-Hant": "問。" });
            let answers = ["accounts-by-age", "accounts-by-age-and-tier", "accounts-by-sex"].map(|id| json!({ "table": id }));
            let question = json!({ "id": "q", "title": said, "parts": [{ "asks": said, "answers": answers }] });
            let asks = async |view| {
                let question = Some(serde_json::from_value(question.clone()).unwrap());
                let op = LegcoReport { question, view: Some(view), ..LegcoReport::as_at("2021-12-31".parse().unwrap()) };
                world.first().call(&op).await.unwrap().tables
            };
            let (published, exact) = (asks(View::Published).await, asks(View::Auditor).await);
            // What a cell is of: a row of ages or of sexes, and a tier or all accounts.
            let name = |table: &LegcoTable, row: &str, column: usize| {
                let tier = match (&*table.id, table.columns[column].en.as_str()) {
                    (_, "Share") => return None,
                    (_, "Registered users" | "Total") => "all",
                    (_, "“iAM Smart+” users" | "iAM Smart+" | "“iAM Smart+”") => "plus",
                    _ => "smart",
                };
                Some((table.id.starts_with("accounts-by-age"), row.to_owned(), tier))
            };
            let cells = |tables: &[LegcoTable]| {
                let mut cells: BTreeMap<_, BTreeSet<Option<u64>>> = BTreeMap::new();
                for table in tables {
                    for row in &table.rows {
                        for column in 0..table.columns.len() {
                            if let Some(name) = name(table, &row.id, column) {
                                cells.entry(name).or_default().insert(row.values[column]);
                            }
                        }
                    }
                }
                cells
            };
            let (told, exact) = (cells(&published), cells(&exact));
            assert!(told.values().all(|values| values.len() == 1), "each number is told in all of its tables or in none: {told:?}");
            let told: BTreeMap<_, Option<u64>> = told.into_iter().map(|(cell, values)| (cell, values.into_iter().next().unwrap())).collect();
            let hidden: Vec<_> = told.iter().filter(|(_, value)| value.is_none()).map(|(cell, _)| cell.clone()).collect();
            assert!(!hidden.is_empty() || round > 0, "there is something to find: {hidden:?}");
            // Tiers of a row, rows of a tier: each sum is an equation of what is hidden.
            let mut rows = Vec::new();
            let unknown = |cell: &(bool, String, &str)| hidden.iter().position(|of| of == cell);
            let mut equation = |total: (bool, String, &'static str), parts: Vec<(bool, String, &'static str)>| {
                let mut row = vec![0.0; hidden.len()];
                unknown(&total).into_iter().for_each(|place| row[place] -= 1.0);
                parts.iter().filter_map(unknown).for_each(|place| row[place] += 1.0);
                rows.push(row);
            };
            for by_age in [true, false] {
                let groups: BTreeSet<String> = told.keys().filter(|(of, ..)| *of == by_age).map(|(_, row, _)| row.clone()).collect();
                for row in groups.iter().filter(|_| by_age) {
                    equation((by_age, row.clone(), "all"), ["plus", "smart"].map(|tier| (by_age, row.clone(), tier)).to_vec());
                }
                for tier in ["all", "plus", "smart"] {
                    let parts = groups.iter().filter(|row| *row != "total").map(|row| (by_age, row.clone(), tier)).collect();
                    if by_age || tier != "smart" {
                        equation((by_age, "total".to_owned(), tier), parts);
                    }
                }
            }
            for place in solved(rows) {
                let value = exact[&hidden[place]].iter().next().unwrap().unwrap();
                assert!(value == 0 || value >= THRESHOLD, "{:?} is {value}", hidden[place]);
            }
        }
    }

    async fn a_sentence_says_no_number_that_its_table_leaves_out(world: &World) {
        brings_on_board(world, parties()).await;
        let etax = code(world, "inland-revenue-department.etax").await;
        let gas = code(world, "sandbox-gas-company.gas-bills").await;
        let on: Day = "2022-05-02".parse().unwrap();
        for (service, function, many) in [
            (etax, Function::Authentication, 40),
            (etax, Function::FormFilling, 14),
            (etax, Function::Signing, 6),
            (gas, Function::Authentication, 3),
        ] {
            loads(world, vec![used(world, service, function, Outcome::Completed, on); many]).await;
        }
        let registered = |tier, many| vec![account(world, AccountEventKind::Registered, tier, on); many];
        account_events(world, [registered(Tier::IamSmart, 30), registered(Tier::IamSmartPlus, 4)].concat()).await;
        let listed = world.first().call(&ListDefinitions { known_at: None }).await.unwrap();
        let signing = listed.into_iter().find(|row| row.definition.id == "usage.signing").unwrap().definition;
        let mut narrow = FigureEntry { id: "narrow".to_owned(), ..signing };
        let Formula::Count(count) = &mut narrow.formula else { unreachable!("a figure") };
        count.conditions.tier = vec![Tier::IamSmart];
        let file = json!({ "apiVersion": "iam/v1", "kind": "FigureDefinitions", "edition": "2026-1", "figures": [narrow] });
        world.first().call(&RecordDefinitions { definitions: serde_json::from_value(file).unwrap() }).await.unwrap();

        let said = json!({ "en": "Asked.", "zh-Hant": "問。" });
        let figures = [
            "usage.total", "usage.private", "usage.form-filling", "usage.signing", "narrow", "accounts.registered", "accounts.registered.plus",
        ];
        let tables = ["usage-by-function", "accounts-by-tier", "accounts-by-age"];
        let answers: Vec<_> =
            figures.map(|id| json!({ "figure": id })).into_iter().chain(tables.map(|id| json!({ "table": id }))).collect();
        let question = json!({ "id": "q", "title": said, "parts": [{ "asks": said, "answers": answers }] });
        let asks = async |view| {
            let question = Some(serde_json::from_value(question.clone()).unwrap());
            let op = LegcoReport { question, view: Some(view), ..LegcoReport::as_at("2022-05-31".parse().unwrap()) };
            world.first().call(&op).await.unwrap()
        };
        let reply = asks(View::Published).await;
        let told: Vec<_> = reply.figures.iter().map(|figure| (figure.id.as_str(), figure.value)).collect();
        assert_eq!(told, [("usage.total", 63), ("accounts.registered", 34)], "form filling would tell of signing");
        assert!(!reply.figures[1].text.en.contains("Smart+"), "{}", reply.figures[1].text.en);
        let LegcoAnswer::Unavailable { id, text } = &reply.parts[0].answers[1] else { unreachable!("{reply:?}") };
        assert!(id == "usage.private" && text.en.contains("one of a few") && text.zh_hant.contains("過少"), "{text:?}");
        let total = |table: usize| reply.tables[table].rows.last().unwrap();
        assert_eq!((&total(1).values[..1], &total(2).values[..2]), (&[Some(34)][..], &[Some(34), None][..]));
        assert_eq!(total(2).suppressed, [1]);
        assert_eq!(asks(View::Auditor).await.figures.len(), figures.len());
        let op = AccountsReport { by: AccountsBy::Age, as_at: None, known_at: None, view: Some(View::Published) };
        let ages = world.first().call(&op).await.unwrap();
        assert_eq!(ages.last().map(|row| (row.registered, row.plus)), Some((Some(34), None)));
        let op = AccountsReport { by: AccountsBy::Month, ..op };
        let months = world.first().call(&op).await.unwrap();
        let may = months.iter().find(|row| row.id == "2022-05").unwrap();
        assert_eq!((may.registered, may.plus), (Some(34), None));
    }

    async fn a_trend_tells_no_month_that_its_report_leaves_out(world: &World) {
        let services = office(world).await;
        let mut left_out = 0;
        for month in MONTHS {
            let report = told(world, UsageBy::Service, (month, month), View::Published).await;
            for (id, ..) in &services {
                let Some(value) = report.get(id) else { continue };
                let of = TrendOf::Service(id.parse().unwrap());
                let (from, to) = (Some(month.parse().unwrap()), Some(month.parse().unwrap()));
                let op = TrendReport { of, from, to, known_at: None, view: Some(View::Published) };
                let trend = world.first().call(&op).await.unwrap();
                assert_eq!(trend.months[0].value, *value, "{id} in {month}");
                left_out += usize::from(value.is_none());
            }
        }
        assert!(left_out > 10);
    }
}
