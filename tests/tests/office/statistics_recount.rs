//! Figures out of counters and of what is not counted yet equal a recount of the raw events, over histories that nobody
//! thought of: late events, events that come twice, corrections, services that move, parties that are suspended, questions of any two dates.
//!
//! The recount here shares no code with the reports: it reads raw rows and asks of each whether it belongs.

use std::collections::BTreeMap;
use std::time::Duration;

use api::relying_party::{ResumeParty, SuspendParty};
use api::stats::{ImportUses, ImportedUse, LegcoReply, LegcoReport, TopServices, UsageBy, UsageReport, View};
use domain::{
    AccountEventKind, Category, Clock, Day, Function, Manifest, Month, Outcome, Sector, ServiceState, Tier, Timestamp,
    UsageChannel,
};
use server::store::Housekeeping;
use server::usage::{Use, record, recount, recount_users};
use tests::fixtures::party;
use tests::{World, both_engines};

use crate::statistics::{account, account_events, brings_on_board, folds, happen, loads, used};

/// The same numbers every time: a failure can be looked at.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn days(&mut self, most: u64) -> i32 {
        i32::try_from(self.roll(most + 1)).unwrap()
    }

    fn one_of<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

struct RawUse {
    service: i32,
    function: i16,
    completed: bool,
    on: Day,
    recorded: Day,
    /// -1 for one that takes another off.
    count: i64,
    from_file: bool,
}

struct RawVersion {
    code: i32,
    recorded: Timestamp,
    client: String,
    sector: Sector,
    category: Option<Category>,
    active: bool,
    since: Day,
}

/// The raw rows of the database.
struct Raw {
    uses: Vec<RawUse>,
    accounts: Vec<(AccountEventKind, Tier, Day, Day)>,
    versions: Vec<RawVersion>,
}

fn numbers(line: &str) -> Vec<i64> {
    line.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn small(number: i64) -> i32 {
    number.try_into().unwrap()
}

fn sum(counts: impl IntoIterator<Item = i64>) -> u64 {
    counts.into_iter().sum::<i64>().try_into().unwrap()
}

/// What a service sent in files, as a clerk would keep it by hand: each event once, crossed out when it was corrected.
#[derive(Default)]
struct Kept {
    events: BTreeMap<String, KeptEvent>,
}

struct KeptEvent {
    sent: ImportedUse,
    recorded: Day,
    crossed_out: Option<Day>,
}

impl Kept {
    /// Some new events, some that came before, some that correct another; sent as one file.
    async fn sends(&mut self, world: &World, dice: &mut Dice) {
        let now = world.clock.now();
        let sql = "SELECT relying_party || '.' || slug FROM service WHERE state <> 'retired' ORDER BY code";
        let services = world.texts(sql).await;
        let mut uses = Vec::new();
        let (mut new, mut again, mut corrected) = (0, 0, 0);
        for _ in 0..dice.roll(25) {
            let keys: Vec<String> = self.events.keys().cloned().collect();
            let known = (!keys.is_empty()).then(|| dice.one_of(&keys).clone());
            let way = dice.roll(4);
            if let Some(known) = known.as_ref().filter(|_| way == 0) {
                uses.push(self.events[known].sent.clone());
                again += 1;
                continue;
            }
            let corrects = known.filter(|known| way == 1 && self.events[known].crossed_out.is_none());
            if let Some(known) = &corrects {
                self.events.get_mut(known).unwrap().crossed_out = Some(now.hk_day());
                corrected += 1;
            }
            let days = if dice.roll(3) == 0 { dice.days(70) } else { dice.days(3) };
            let sent = ImportedUse {
                key: format!("{}", self.events.len()),
                service: dice.one_of(&services).parse().unwrap(),
                function: Function::Authentication,
                tier: *dice.one_of(Tier::ALL),
                channel: *dice.one_of(UsageChannel::ALL),
                outcome: if dice.roll(3) > 0 { Outcome::Completed } else { *dice.one_of(Outcome::ALL) },
                at: now.minus(Duration::from_hours(24 * u64::from(days.unsigned_abs()))),
                corrects,
            };
            self.events.insert(sent.key.clone(), KeptEvent { sent: sent.clone(), recorded: now.hk_day(), crossed_out: None });
            uses.push(sent);
            new += 1;
        }
        if uses.is_empty() {
            return;
        }
        let reply = world.first().call(&ImportUses { source: "counted-there".to_owned(), uses }).await.unwrap();
        assert_eq!((reply.recorded, reply.duplicates, reply.corrections, reply.refused), (new, again, corrected, vec![]));
    }

    /// Uses up to a day as they were known on another.
    fn uses(&self, to: Day, known_at: Day) -> u64 {
        let stands = |event: &&KeptEvent| {
            event.recorded <= known_at && event.crossed_out.is_none_or(|day| day > known_at) && event.sent.at.hk_day() <= to
        };
        self.events.values().filter(|event| event.sent.outcome == Outcome::Completed).filter(stands).count() as u64
    }
}

impl Raw {
    async fn read(world: &World) -> Self {
        let mut raw = Self { uses: Vec::new(), accounts: Vec::new(), versions: Vec::new() };
        for table in ["usage_event", "usage_inbox"] {
            let columns = "CAST(service AS TEXT) || ' ' || CAST(function AS TEXT) || ' ' || CAST(outcome AS TEXT) || ' '
                || CAST(event_day AS TEXT) || ' ' || CAST(recorded_at AS TEXT) || ' ' || CAST(count AS TEXT) || ' '
                || CASE WHEN source_key IS NULL THEN '0' ELSE '1' END";
            for line in world.texts(&format!("SELECT {columns} FROM {table}")).await {
                let row = numbers(&line);
                raw.uses.push(RawUse {
                    service: small(row[0]),
                    function: row[1].try_into().unwrap(),
                    completed: row[2] == i64::from(Outcome::Completed.code()),
                    on: Day::from_number(small(row[3])),
                    recorded: Timestamp::from_micros(row[4]).hk_day(),
                    count: row[5],
                    from_file: row[6] == 1,
                });
            }
        }
        for table in ["account_event", "account_event_inbox"] {
            let columns = "CAST(kind AS TEXT) || ' ' || CAST(tier AS TEXT) || ' ' || CAST(event_day AS TEXT) || ' '
                || CAST(recorded_at AS TEXT)";
            for line in world.texts(&format!("SELECT {columns} FROM {table}")).await {
                let row = numbers(&line);
                let kind = AccountEventKind::from_code(row[0].try_into().unwrap()).unwrap();
                let tier = Tier::from_code(row[1].try_into().unwrap()).unwrap();
                raw.accounts.push((kind, tier, Day::from_number(small(row[2])), Timestamp::from_micros(row[3]).hk_day()));
            }
        }
        let columns =
            "CAST(v.service AS TEXT) || ' ' || CAST(v.valid_from AS TEXT) || ' ' || v.relying_party || '.' || s.slug || ' '
            || v.sector || ' ' || COALESCE(v.category, '-') || ' ' || v.state || ' ' || CAST(v.since AS TEXT)";
        let sql = format!(
            "SELECT {columns} FROM service_version v JOIN service s ON s.code = v.service ORDER BY v.service, v.valid_from"
        );
        for line in world.texts(&sql).await {
            let row: Vec<&str> = line.split(' ').collect();
            raw.versions.push(RawVersion {
                code: row[0].parse().unwrap(),
                recorded: Timestamp::from_micros(row[1].parse().unwrap()),
                client: row[2].to_owned(),
                sector: row[3].parse().unwrap(),
                category: Some(row[4]).filter(|category| *category != "-").map(|category| category.parse().unwrap()),
                active: row[5] == ServiceState::Active.as_str(),
                since: Day::from_number(row[6].parse().unwrap()),
            });
        }
        raw
    }

    /// What a service was at the end of a day, of what was on record at the end of another.
    fn version(&self, code: i32, on: Day, known_at: Day) -> &RawVersion {
        let all = || self.versions.iter().filter(|version| version.code == code);
        let known = || all().filter(|version| version.recorded < known_at.end());
        known().rfind(|version| version.recorded < on.end()).or_else(|| known().next()).or_else(|| all().next()).unwrap()
    }

    fn accessible(&self, on: Day, known_at: Day) -> Vec<&RawVersion> {
        let mut codes: Vec<i32> = self.versions.iter().filter(|v| v.recorded < known_at.end()).map(|v| v.code).collect();
        codes.dedup();
        let versions = codes.into_iter().map(|code| self.version(code, on, known_at));
        versions.filter(|version| version.active && version.since <= on).collect()
    }

    fn uses(&self, from: Day, to: Day, known_at: Day) -> impl Iterator<Item = &RawUse> {
        self.uses.iter().filter(move |used| used.on >= from && used.on <= to && used.recorded <= known_at)
    }

    fn accounts(&self, as_at: Day, known_at: Day, wanted: impl Fn(AccountEventKind, Tier) -> i64) -> u64 {
        let known = self.accounts.iter().filter(|(_, _, on, recorded)| *on <= as_at && *recorded <= known_at);
        known.map(|(kind, tier, _, _)| wanted(*kind, *tier)).sum::<i64>().try_into().unwrap()
    }

    fn last_recorded(&self) -> Day {
        let uses = self.uses.iter().map(|used| used.recorded);
        let accounts = self.accounts.iter().map(|(_, _, _, recorded)| *recorded);
        uses.chain(accounts).chain(self.versions.iter().map(|version| version.recorded.hk_day())).max().unwrap()
    }

    fn top(&self, as_at: Day, known_at: Day, limit: usize) -> Vec<(u64, String, u64)> {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for used in self.uses(Day::MIN, as_at, known_at).filter(|used| used.completed) {
            *counts.entry(self.version(used.service, as_at, known_at).client.clone()).or_default() += used.count;
        }
        counts.retain(|_, uses| *uses != 0);
        let counts: BTreeMap<String, u64> = counts.into_iter().map(|(client, uses)| (client, sum([uses]))).collect();
        let rank = |uses: u64| 1 + counts.values().filter(|other| **other > uses).count();
        let mut top: Vec<(u64, String, u64)> =
            counts.iter().map(|(client, uses)| (rank(*uses) as u64, client.clone(), *uses)).collect();
        top.retain(|(rank, _, _)| *rank <= limit as u64);
        top.sort();
        top
    }

    fn hold_legco(&self, reply: &LegcoReply, question: &str) {
        use AccountEventKind::{Closed, Downgraded, Registered, Upgraded};
        let (as_at, known_at) = (reply.as_at, reply.known_at);
        let uses = |wanted: &dyn Fn(Sector) -> bool| {
            let completed = self.uses(Day::MIN, as_at, known_at).filter(|used| used.completed);
            sum(completed.filter(|used| wanted(self.version(used.service, used.on, known_at).sector)).map(|used| used.count))
        };
        let registered = self.accounts(as_at, known_at, |kind, _| match kind {
            Registered => 1,
            Closed => -1,
            _ => 0,
        });
        let plus = self.accounts(as_at, known_at, |kind, tier| match (kind, tier) {
            (Registered, Tier::IamSmartPlus) | (Upgraded, _) => 1,
            (Closed, Tier::IamSmartPlus) | (Downgraded, _) => -1,
            _ => 0,
        });
        let accessible = self.accessible(as_at, known_at);
        let figures: Vec<u64> = reply.figures.iter().map(|figure| figure.value).collect();
        let private = uses(&|sector| sector == Sector::Private);
        assert_eq!(figures, [registered, plus, accessible.len() as u64, uses(&|_| true), private], "{question}");

        let rows = |id: &str| &reply.tables.iter().find(|table| table.id == id).unwrap().rows;
        for row in &rows("by-sector")[..3] {
            let sector: Sector = row.id.parse().unwrap();
            let open = accessible.iter().filter(|version| version.sector == sector).count() as u64;
            assert_eq!(row.values, [Some(open), Some(uses(&|of| of == sector))], "{question}: {sector}");
        }
        let listed: Vec<(u64, String, u64)> =
            rows("frequently-used").iter().map(|row| (row.values[0].unwrap(), row.id.clone(), row.values[1].unwrap())).collect();
        assert_eq!(listed, self.top(as_at, known_at, 10), "{question}");
        for row in &rows("by-category")[..13] {
            let category: Option<Category> = row.id.parse().ok();
            let open = accessible.iter().filter(|version| version.category == category).count() as u64;
            assert_eq!(row.values[1], Some(open), "{question}: {}", row.id);
        }
    }

    async fn hold_usage(&self, world: &World, by: UsageBy, from: Month, to: Month, known_at: Day) {
        let op = UsageReport { by, from: Some(from), to: Some(to), known_at: Some(known_at), view: None };
        let rows = world.first().call(&op).await.unwrap();
        let mut counts: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for used in self.uses(from.first_day(), to.last_day(), known_at) {
            let id = match by {
                UsageBy::Service => self.version(used.service, to.last_day(), known_at).client.clone(),
                UsageBy::Sector => self.version(used.service, used.on, known_at).sector.to_string(),
                UsageBy::Category => {
                    let category = self.version(used.service, used.on, known_at).category;
                    category.map_or("none".to_owned(), |category| category.to_string())
                }
                UsageBy::Function => Function::from_code(used.function).unwrap().to_string(),
                UsageBy::Month => used.on.month().to_string(),
                UsageBy::Day => used.on.to_string(),
                UsageBy::Department | UsageBy::Industry | UsageBy::Channel | UsageBy::Tier => unreachable!("not asked here"),
            };
            let (completed, not) = counts.entry(id).or_default();
            *(if used.completed { completed } else { not }) += used.count;
        }
        counts.retain(|_, counts| *counts != (0, 0));
        let counts: BTreeMap<String, (u64, u64)> =
            counts.into_iter().map(|(id, (completed, not))| (id, (sum([completed]), sum([not])))).collect();
        let told = rows
            .into_iter()
            .map(|row| (row.id, (row.uses.unwrap(), row.not_completed.unwrap())))
            .filter(|(_, counts)| *counts != (0, 0));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), counts, "{op:?}");
    }
}

const PARTIES: [&str; 4] =
    ["inland-revenue-department", "transport-department", "hospital-authority", "sandbox-electricity-company"];

/// Something happens, as it may on any day.
async fn a_day_at_the_office(world: &World, dice: &mut Dice) {
    let today = world.clock.now().hk_day();
    let id = *dice.one_of(&PARTIES);
    match dice.roll(4) {
        0 => {
            let mut manifest: Manifest = party(id);
            if manifest.industry.is_none() {
                manifest.sector = *dice.one_of(&[Sector::Government, Sector::Public]);
            }
            for service in &mut manifest.services {
                service.category = Some(*dice.one_of(&Category::ALL[..3]));
            }
            // A suspended party is brought up to date all the same; whether this one may be is not what is tested here.
            let _ = world.first().call(&api::relying_party::ApplyParties { manifests: vec![manifest] }).await;
        }
        1 => {
            let suspend = SuspendParty { rp: id.parse().unwrap(), reason: "leaked key".to_owned() };
            let _ = world.first().call(&suspend).await;
        }
        2 => {
            let resume = ResumeParty { rp: id.parse().unwrap(), reason: "new key".to_owned() };
            let _ = world.first().call(&resume).await;
        }
        _ => {}
    }
    world.clock.ticks();

    let services = world.numbers("SELECT CAST(code AS BIGINT) FROM service ORDER BY code").await;
    for way in 0..2 {
        let mut uses = Vec::new();
        for _ in 0..dice.roll(40) {
            let service = small(*dice.one_of(&services));
            let outcome = if dice.roll(3) > 0 { Outcome::Completed } else { *dice.one_of(Outcome::ALL) };
            let late = if dice.roll(4) == 0 { dice.days(70) } else { dice.days(2) };
            uses.push(used(world, service, *dice.one_of(Function::ALL), outcome, today.plus_days(-late)));
        }
        if way == 0 { loads(world, uses).await } else { happen(world, uses).await }
    }
    let mut tx = world.app.store.write().await.unwrap();
    for _ in 0..dice.roll(12) {
        let login = Use {
            service: small(*dice.one_of(&services)),
            function: Function::Authentication,
            tier: *dice.one_of(Tier::ALL),
            channel: UsageChannel::App,
            outcome: *dice.one_of(&[Outcome::Completed, Outcome::Completed, Outcome::Refused]),
            at: world.clock.now(),
            // Of two rows of marks.
            ordinal: i64::from(dice.days(9)) * 1_000,
        };
        record(&world.app, &mut tx, &login).await.unwrap();
    }
    tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
    let mut events = Vec::new();
    for _ in 0..dice.roll(6) {
        let late = dice.days(40);
        events.push(account(world, *dice.one_of(AccountEventKind::ALL), *dice.one_of(Tier::ALL), today.plus_days(-late)));
    }
    account_events(world, events).await;
    if dice.roll(3) == 0 {
        folds(world).await;
    }
}

async fn ask(world: &World, dice: &mut Dice, began: Day, kept: &Kept) {
    let today = world.clock.now().hk_day();
    let raw = Raw::read(world).await;
    let lived = u64::from((today.number() - began.number()).unsigned_abs()) + 80;
    for _ in 0..6 {
        let as_at = today.plus_days(-dice.days(lived));
        // Now and then the end of a month, which is what is asked for most.
        let as_at = if dice.roll(3) == 0 { as_at.month().last_day().min(today) } else { as_at };
        let known_at = (dice.roll(3) > 0).then(|| today.plus_days(-dice.days(lived)));
        let op = LegcoReport { known_at, view: Some(View::Auditor), ..LegcoReport::as_at(as_at) };
        let reply = world.first().call(&op).await.unwrap();
        assert_eq!(reply.known_at, known_at.unwrap_or_else(|| raw.last_recorded()));
        raw.hold_legco(&reply, &format!("as at {as_at} as known at {known_at:?}"));
        let from_files = raw.uses(Day::MIN, as_at, reply.known_at).filter(|used| used.from_file && used.completed);
        assert_eq!(sum(from_files.map(|used| used.count)), kept.uses(as_at, reply.known_at), "as the service has it");

        let op = TopServices { as_at: Some(as_at), known_at, limit: Some(3), view: None };
        let top =
            world.first().call(&op).await.unwrap().into_iter().map(|row| (u64::from(row.rank), row.service, row.uses.unwrap()));
        assert_eq!(top.collect::<Vec<_>>(), raw.top(as_at, reply.known_at, 3));

        let by = *dice.one_of(&[
            UsageBy::Service,
            UsageBy::Category,
            UsageBy::Sector,
            UsageBy::Function,
            UsageBy::Month,
            UsageBy::Day,
        ]);
        let to = as_at.month();
        let from = Month::from_number(to.number() - dice.days(2));
        raw.hold_usage(world, by, from, to, known_at.unwrap_or(today)).await;
    }
}

both_engines! {
    async fn every_report_equals_a_recount(world: &World) {
        let mut dice = Dice(20_220_531);
        let began = world.clock.now().hk_day();
        brings_on_board(world, PARTIES.map(party).to_vec()).await;
        // Enough accounts of each kind that no day has fewer than none.
        let launch: Day = "2020-12-29".parse().unwrap();
        let first = Tier::ALL.iter().flat_map(|tier| (0..60).map(|_| account(world, AccountEventKind::Registered, *tier, launch)));
        account_events(world, first.collect()).await;
        let mut kept = Kept::default();
        for _ in 0..12 {
            world.clock.advance(Duration::from_hours(dice.roll(24 * 9)));
            a_day_at_the_office(world, &mut dice).await;
            kept.sends(world, &mut dice).await;
            ask(world, &mut dice, began, &kept).await;
            assert_eq!(recount(&world.app.store).await.unwrap(), []);
            assert_eq!(recount_users(&world.app.store, &world.app.keys).await.unwrap(), []);
        }
        assert!(kept.events.values().filter(|event| event.crossed_out.is_some()).count() > 5, "something was corrected");
        // Left waiting for the last question.
        a_day_at_the_office(world, &mut dice).await;
        let last = world.clock.now().hk_day();
        let question = LegcoReport { known_at: Some(last), ..LegcoReport::as_at(last) };
        let waiting = world.first().call(&question).await.unwrap();
        folds(world).await;
        assert_eq!(world.first().call(&question).await.unwrap(), waiting, "counting changes nothing");
        let uses = waiting.figures.iter().find(|figure| figure.id == "usage.total").unwrap();
        assert!(uses.value > 100, "there was something to count");
    }
}
