//! The population of the fixtures, made at several scales: what comes out is what it says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use domain::population::{Ended, KnownService, Plan, Population, Position, Scale, Surroundings, SyntheticUse};
use domain::{
    Channel, ClientId, Day, Function, LOCATIONS_YAML, Locations, Manifest, Month, Outcome, Places, Sector, Tier, UsageChannel,
};

fn fixtures(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

fn lcq5() -> Population {
    serde_yaml::from_str(&std::fs::read_to_string(fixtures("population/lcq5.yaml")).unwrap()).unwrap()
}

fn manifests() -> Vec<Manifest> {
    let files = std::fs::read_dir(fixtures("relying-parties")).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    manifests.map(|path| serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn places() -> Places {
    serde_yaml::from_str::<Locations>(LOCATIONS_YAML).unwrap().into()
}

/// An instance to which the fixtures' parties and places have come.
fn surroundings() -> Surroundings {
    let mut services = BTreeMap::new();
    for manifest in manifests() {
        for service in manifest.services {
            let client = ClientId { rp: manifest.id.clone(), service: service.id };
            services.insert(client, KnownService { since: service.since, functions: service.functions });
        }
    }
    Surroundings { locations: places(), services }
}

fn plan(scale: f64) -> Plan {
    let population = lcq5();
    Plan::new(&population, Scale::new(scale).unwrap(), population.seed, &surroundings()).unwrap()
}

/// Counts what a plan's accounts come to.
fn count_accounts(plan: &Plan) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    let mut last = plan.launch.start();
    for (number, account) in (0..).zip(plan.accounts()) {
        assert_eq!(account.number, number);
        assert!(account.registered_at >= last, "in order of registration");
        last = account.registered_at;
        assert!(account.channel.check(account.tier, account.location.as_ref()).is_ok());
        let mut before = account.registered_at;
        let mut add = |what| *counts.entry(what).or_default() += 1;
        let plus = account.final_tier() == Tier::IamSmartPlus;
        if let Some(upgraded) = &account.upgraded {
            add("upgraded");
            assert_eq!(account.tier, Tier::IamSmart);
            assert!(upgraded.channel.check(Tier::IamSmartPlus, upgraded.location.as_ref()).is_ok());
            assert!(upgraded.at > before);
            before = upgraded.at;
        }
        match account.ended {
            Some(Ended::Closed { at, .. }) => {
                add("closed");
                assert!(at > before && at <= plan.as_at.end());
                if plus {
                    add("closedPlus");
                }
            }
            ended => {
                add("registered");
                if plus {
                    add("plus");
                }
                if let Some(Ended::Suspended { at, .. }) = ended {
                    add("suspended");
                    assert!(at > before && at <= plan.as_at.end());
                }
            }
        }
    }
    assert!(last < plan.as_at.end());
    counts
}

#[test]
fn the_fixture_has_no_findings_and_reads_back_as_it_is_written() {
    let population = lcq5();
    assert_eq!(population.findings(), []);
    assert_eq!(population.findings_in(&surroundings()), []);
    let written = serde_json::to_string(&population).unwrap();
    assert_eq!(serde_json::from_str::<Population>(&written).unwrap(), population);
    assert_eq!(serde_yaml::from_str::<Population>(&serde_yaml::to_string(&population).unwrap()).unwrap(), population);
}

#[test]
fn at_scale_1_every_figure_is_the_reply_of_2022() {
    let population = lcq5();
    let plan = plan(1.0);
    let figures = &population.figures;
    assert_eq!((plan.totals.registered, plan.totals.plus), (figures.registered, figures.registered_plus));
    assert_eq!(plan.completed_uses(), figures.uses);
    for (month, planned) in population.registrations.monthly.iter().zip(&plan.months) {
        assert_eq!((month.month, month.accounts), (planned.month, planned.accounts));
    }
    assert_eq!(plan.registrations.iter().map(|count| u64::from(*count)).sum::<u64>(), plan.totals.made());

    let counts = count_accounts(&plan);
    let totals = &population.accounts;
    let expected = [
        ("registered", totals.registered),
        ("plus", totals.plus),
        ("suspended", totals.suspended),
        ("closed", totals.closed),
        ("closedPlus", totals.closed_plus),
        ("upgraded", totals.upgraded),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn services_and_uses_at_scale_1_are_the_reply_of_2022() {
    let population = lcq5();
    let plan = plan(1.0);
    let mut manifests = manifests();
    manifests.extend(population.manifests());
    let accessible =
        manifests.iter().flat_map(|party| &party.services).filter(|service| service.since <= population.as_at).count();
    assert_eq!(accessible as u64, population.figures.services_accessible);

    let private: HashSet<_> = manifests.iter().filter(|party| party.sector == Sector::Private).map(|party| &party.id).collect();
    let of_private = || plan.services.iter().filter(|service| private.contains(&service.client.rp));
    assert_eq!(of_private().map(|service| service.uses).sum::<u64>(), population.figures.uses_private);

    let mut most_used: Vec<_> = plan.services.iter().collect();
    most_used.sort_by_key(|service| std::cmp::Reverse(service.uses));
    let most_used: Vec<_> = most_used.iter().map(|service| &service.client).take(8).collect();
    assert_eq!(most_used, population.figures.frequently_used.iter().collect::<Vec<_>>());

    let mut monthly: BTreeMap<Month, u64> = BTreeMap::new();
    for day in 0..plan.days() {
        let completed: u32 = of_private().map(|service| service.counts(day)[0]).sum();
        *monthly.entry(plan.day(day).month()).or_default() += u64::from(completed);
    }
    // The first private party joined in spring 2021.
    let monthly: Vec<u64> = monthly.into_values().skip_while(|uses| *uses == 0).collect();
    assert_eq!(monthly.len(), 14);
    assert!(monthly.is_sorted_by(|before, after| before < after), "on a steady rise: {monthly:?}");
}

#[test]
fn smaller_scales_are_parts_of_the_whole() {
    for scale in [0.01, 0.001, 0.0001] {
        let population = lcq5();
        let plan = plan(scale);
        let counts = count_accounts(&plan);
        let part = Scale::new(scale).unwrap();
        assert_eq!(counts["registered"], part.of(population.accounts.registered));
        assert_eq!(counts["plus"], part.of(population.accounts.plus));
        assert_eq!(counts.get("closed").copied().unwrap_or(0), part.of(population.accounts.closed));

        let uses: Vec<SyntheticUse> = plan.uses_from(Position::default()).collect();
        assert_eq!(uses.len() as u64, plan.events());
        let mut by_service = vec![0_u64; plan.services.len()];
        for made in uses.iter().filter(|made| made.outcome == Outcome::Completed) {
            by_service[made.service] += 1;
        }
        for (service, made) in plan.services.iter().zip(by_service) {
            assert_eq!(service.uses, made, "{}", service.client);
        }
    }
}

#[test]
fn only_who_may_use_a_service_uses_it() {
    let plan = plan(0.01);
    let lives: Vec<_> = plan.accounts().collect();
    let mut signed = 0;
    for made in plan.uses_from(Position::default()) {
        let life = &lives[made.account as usize];
        assert_eq!(made.at.hk_day(), made.day);
        assert!(life.registered_at.hk_day() <= made.day);
        assert!(life.ended.is_none_or(|ended| ended.at().hk_day() > made.day));
        let upgraded = life.upgraded.as_ref().is_some_and(|upgraded| upgraded.at.hk_day() <= made.day);
        let plus = life.tier == Tier::IamSmartPlus || upgraded;
        assert_eq!(made.tier == Tier::IamSmartPlus, plus);
        if made.function == Function::Signing {
            signed += 1;
            assert!(plus);
        }
        assert!(made.channel == UsageChannel::Backchannel || made.function != Function::Notification);
    }
    assert!(signed > 1_000);
}

#[test]
fn the_week_has_its_rhythm_and_the_surge_is_to_be_seen() {
    let plan = plan(1.0);
    let completed = |day: usize| plan.services.iter().map(|service| u64::from(service.counts(day)[0])).sum::<u64>();
    let month = |text: &str| {
        let month: Month = text.parse().unwrap();
        (0..plan.days()).filter(|day| plan.day(*day).month() == month).map(completed).sum::<u64>()
    };
    assert!(month("2022-03") > 4 * month("2021-10"), "the surge of early 2022");
    let day = |text: &str| usize::try_from(text.parse::<Day>().unwrap().number() - plan.launch.number()).unwrap();
    let (tuesday, sunday) = (day("2022-03-15"), day("2022-03-13"));
    assert!(completed(tuesday) > completed(sunday));
    assert!(plan.registrations[tuesday] > plan.registrations[sunday]);
}

#[test]
fn the_same_seed_gives_the_same_people_and_another_seed_others() {
    let population = lcq5();
    let scale = Scale::new(0.001).unwrap();
    let plans: Vec<Plan> = [7, 7, 8].iter().map(|seed| Plan::new(&population, scale, *seed, &surroundings()).unwrap()).collect();
    let people = |plan: &Plan| -> Vec<_> {
        plan.accounts().map(|account| (plan.reference(account.number), plan.profile(&account), account)).collect()
    };
    assert_eq!(people(&plans[0]), people(&plans[1]));
    assert_ne!(people(&plans[0]), people(&plans[2]));
    let uses = |plan: &Plan| plan.uses_from(Position::default()).collect::<Vec<_>>();
    assert_eq!(uses(&plans[0]), uses(&plans[1]));
    assert_ne!(uses(&plans[0]), uses(&plans[2]));
    assert_eq!(plans[0].events(), plans[2].events(), "totals do not hang on the seed");
}

#[test]
fn these_people_are_the_same_on_every_machine() {
    let plan = plan(0.001);
    let account = plan.accounts().nth(700).unwrap();
    let profile = plan.profile(&account).unwrap();
    let shown = format!(
        "{} {} {} {:?} {} {} {} {}",
        plan.reference(700).unwrap(),
        profile.hkic.expose(),
        profile.name.en,
        profile.name.zh_hant,
        profile.birth_date,
        profile.phone.expose(),
        account.registered_at,
        account.channel
    );
    assert_eq!(
        shown,
        "A7YSHW0XSN3 QU926545(6) KWAN SZE SIN Some(\"關思倩\") 1993-09-27 +85204688422 2021-12-28T01:15:33.795202Z kiosk"
    );
}

#[test]
fn nobody_shares_a_card_a_phone_or_a_reference_and_none_of_them_is_anybodys() {
    let plan = plan(0.02);
    let (mut cards, mut phones, mut references) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut chinese = 0;
    for account in plan.accounts() {
        let profile = plan.profile(&account).unwrap();
        let day = account.registered_at.hk_day();
        assert!(profile.check(day).is_ok());
        assert!(profile.hkic.is_synthetic());
        assert!(!profile.hkic.expose().starts_with("QZ99"), "left to people who are registered by hand");
        assert!(profile.phone.expose().starts_with("+8520"));
        let (age, last_birthday) = (day.year() - profile.birth_date.year(), profile.birth_date);
        assert!((11..=100).contains(&age), "{last_birthday}");
        chinese += u32::from(profile.name.zh_hant.is_some());
        assert!(cards.insert(profile.hkic.expose().to_owned()));
        assert!(phones.insert(profile.phone.expose().to_owned()));
        assert!(references.insert(plan.reference(account.number).unwrap()));
    }
    assert!(chinese > 20_000);
}

#[test]
fn a_stream_of_uses_goes_on_from_any_place() {
    let plan = plan(0.0005);
    let whole: Vec<SyntheticUse> = plan.uses_from(Position::default()).collect();
    for stop in [0, 1, 17, 18, 400, whole.len() - 1] {
        let mut first = plan.uses_from(Position::default());
        let before: Vec<_> = first.by_ref().take(stop).collect();
        let after: Vec<_> = plan.uses_from(first.reached()).collect();
        assert_eq!([before, after].concat(), whole);
    }
}

#[test]
fn what_is_wrong_is_found_where_it_stands() {
    type Spoil = fn(&mut Population);
    let cases: &[(&str, &str, Spoil)] = &[
        ("accounts.plus", "population.part-of", |p| p.accounts.plus = p.accounts.registered + 1),
        ("registrations.monthly", "population.sum", |p| p.registrations.monthly[3].accounts += 1),
        ("registrations.monthly[2].month", "population.months", |p| p.registrations.monthly[2].month = Month::MAX),
        ("registrations.weekdays", "population.shares", |p| p.registrations.weekdays.mon += 1),
        ("registrations.hours.remote", "population.hours", |p| p.registrations.hours.remote.truncate(23)),
        ("registrations.channels.iam-smart-plus.remote", "account.channel-tier", |p| {
            p.registrations.channels.get_mut(&Tier::IamSmartPlus).unwrap().insert(Channel::Remote, 0);
        }),
        ("suspensions.delayDays", "population.span", |p| p.suspensions.delay_days.max = 0),
        ("people.hkic", "population.hkic", |p| p.people.hkic.first = "AA".to_owned()),
        ("people.hkic", "population.hkic", |p| p.people.hkic.last = "QA".to_owned()),
        ("people.phone", "phone.shape", |p| p.people.phone.prefix = "852".to_owned()),
        ("people.phone.digits", "population.phone", |p| {
            p.people.phone.prefix = "+85200".to_owned();
            p.people.phone.digits = 6;
        }),
        ("profiles.flat", "population.months", |p| {
            p.profiles.get_mut("flat").unwrap().pop_first();
        }),
        ("usage.services[1].service", "manifest.duplicate", |p| {
            p.usage.services[1].service = p.usage.services[0].service.clone();
        }),
        ("usage.services[0].profile", "population.profile", |p| p.usage.services[0].profile = "covid-surg".to_owned()),
        ("usage.services[0].functions", "population.shares", |p| {
            p.usage.services[0].functions.insert(Function::Signing, 1);
        }),
        ("syntheticServices[0].relyingParty", "population.party", |p| {
            p.synthetic_services[0].relying_party = "nobody".parse().unwrap();
        }),
        ("syntheticServices[0].services[0].since", "population.since", |p| p.synthetic_services[0].services[0].since = Day::MAX),
        ("asAt", "population.days", |p| p.as_at = p.launch.plus_days(-1)),
    ];
    for (path, code, spoil) in cases {
        let mut population = lcq5();
        spoil(&mut population);
        let findings = population.findings();
        assert!(findings.iter().any(|found| found.path == *path && found.code == *code), "{path} {code}: {findings:#?}");
    }

    // A profile that is above zero at the launch and not any more when a service of the group begins.
    let mut population = lcq5();
    let (name, since) = (population.synthetic_services[0].profile.clone(), population.synthetic_services[0].services[0].since);
    for (month, level) in population.profiles.get_mut(&name).unwrap() {
        *level = u32::from(*month < since.month());
    }
    let found: Vec<_> = population.findings().into_iter().map(|found| (found.path, found.code)).collect();
    assert!(found.contains(&("syntheticServices[0].profile".to_owned(), "population.level")), "{found:?}");

    let mut population = lcq5();
    population.usage.services[0].service = "department-of-health.covid-19-vaccination-and-testing-record".parse().unwrap();
    population.usage.services[1].functions.insert(Function::StepUp, 0);
    let places = population.registrations.locations.get_mut(&Channel::Counter).unwrap();
    places.insert("post-office".parse().unwrap(), 0);
    let codes: BTreeSet<_> = population.findings_in(&surroundings()).into_iter().map(|found| (found.path, found.code)).collect();
    let expected = [
        ("registrations.locations.counter.post-office".to_owned(), "population.location"),
        ("usage.services[0].service".to_owned(), "population.service"),
        ("usage.services[1].functions.step-up".to_owned(), "population.function"),
    ];
    assert_eq!(codes, BTreeSet::from(expected));
    assert!(Plan::new(&population, Scale::FULL, 1, &surroundings()).is_err());
}

#[test]
fn a_scale_that_leaves_nobody_is_refused() {
    let population = lcq5();
    let refused = Plan::new(&population, Scale::new(0.000_000_5).unwrap(), 1, &Surroundings::default()).unwrap_err();
    assert!(refused.iter().any(|found| found.code == "population.service"));
    let nobody = Plan::new(&population, Scale::new(0.000_000_5).unwrap(), 1, &surroundings());
    assert!(nobody.is_ok_and(|plan| plan.totals.registered == 1), "one millionth of 1.3 million is one");
}
