//! Accounts: brought in from files, looked at masked, listed without anybody's data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api::Role;
use api::account::{AccountHistory, ImportAccounts, ImportRow, Imported, ListAccounts, Registration, ShowAccount};
use api::page::PageRequest;
use axum::body::Body;
use domain::{AccountId, AccountState, Channel, Clock, Entropy, Hkic, Tier};
use futures_util::future::join_all;
use http::Request;
use http_body_util::BodyExt;
use server::clock::SystemEntropy;
use server::instance::open::{Ports, open};
use server::usage::recount;
use tests::world::desk::fresh_key;
use tests::{World, both_engines};
use tower::ServiceExt;

const KIOSK: &str = "harbour-road-sports-centre";

/// A batch of its own file.
pub fn batch(rows: Vec<Registration>) -> ImportAccounts {
    let rows = rows.into_iter().zip(1..).map(|(registration, line)| ImportRow { line, registration }).collect();
    ImportAccounts { file: "0123456789abcdef".repeat(4), chunk: 0, rows }
}

/// So many people who register remotely.
pub fn people(world: &World, count: usize) -> Vec<Registration> {
    (0..count).map(|_| world.citizen("WONG SIU MING").registration(Channel::Remote, None)).collect()
}

/// The same row again.
pub fn copy(row: &Registration) -> Registration {
    serde_json::from_str(&serde_json::to_string(row).unwrap()).unwrap()
}

fn done(registered: u64, unchanged: u64) -> Imported {
    Imported { registered, unchanged, refused: Vec::new() }
}

/// Everything the database holds, as one heap of bytes: the files on SQLite, every row of every table on PostgreSQL.
async fn everything_stored(world: &World) -> Vec<u8> {
    let mut heap = Vec::new();
    match world.engine {
        tests::Engine::Sqlite => {
            for name in ["iam.db", "iam.db-wal"] {
                heap.extend(std::fs::read(world.data_dir.join(name)).unwrap());
            }
        }
        tests::Engine::Postgres => {
            for (table, _) in world.census().await {
                for row in world.texts(&format!("SELECT CAST(t AS TEXT) FROM {table} AS t")).await {
                    heap.extend(row.into_bytes());
                }
            }
        }
    }
    heap
}

fn holds(heap: &[u8], needle: &str) -> bool {
    let hex = server::keys::hex(needle.as_bytes());
    [needle.as_bytes(), hex.as_bytes()].iter().any(|needle| heap.windows(needle.len()).any(|window| window == *needle))
}

both_engines! {
    async fn a_file_brings_citizens_in_and_the_same_file_again_changes_nothing(world: &World) {
        let rows = people(world, 300);
        let officer = world.operator("officer-1", &[Role::RegistrationOfficer]).await;
        assert_eq!(officer.call(&batch(rows.iter().map(copy).collect())).await.unwrap(), done(300, 0));
        world.clock.advance(Duration::from_secs(1));
    assert_eq!(officer.call(&batch(rows)).await.unwrap(), done(0, 300));

        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 300);
        assert_eq!(world.number("SELECT COUNT(*) FROM account_event").await, 300, "a row that was there is not counted twice");
        assert!(recount(&world.app.store).await.unwrap().is_empty());
        let file = format!("account.import file {}", "0123456789abcdef".repeat(4));
        let subject = format!("file {} batch 0", &world.app.keys.payload_mac(file.as_bytes()).unwrap()[..16]);
        let entry = ("officer-1".to_owned(), subject, "done".to_owned());
        assert_eq!(world.audited("account.import").await, [entry.clone(), entry], "a batch is one entry");
        let leaf = world.leaves().await.pop().unwrap();
        assert_eq!((&leaf["facts"]["registered"], &leaf["facts"]["unchanged"]), (&0.into(), &300.into()));
    }

    async fn a_batch_is_one_entry_with_a_digest_that_only_the_platform_can_make(world: &World) {
        let row = world.citizen("CHAN TAI MAN").registration(Channel::Kiosk, Some(KIOSK));
        let mut other = copy(&row);
        other.hkic = Hkic::synthetic(77).unwrap();
        for row in [copy(&row), row, other] {
            world.clock.advance(Duration::from_secs(1));
            world.first().call(&batch(vec![row])).await.unwrap();
        }
        let digests: Vec<String> = world.leaves().await.iter().rev().take(3)
            .map(|leaf| leaf["facts"]["rows_mac"].as_str().unwrap().to_owned()).collect();
        assert_eq!(digests[2], digests[1], "the same rows");
        assert_ne!(digests[1], digests[0], "another card number");
        assert_eq!(digests[0].len(), 64);
    }

    async fn ordinals_are_dense_whatever_was_refused_or_rolled_back(world: &World) {
        let first = people(world, 3);
        let again = copy(&first[1]);
        world.first().call(&batch(first)).await.unwrap();
        world.first().dry_run().call(&batch(people(world, 5))).await.unwrap();
        let mut next = people(world, 2);
        next.insert(1, again);
        world.first().call(&batch(next)).await.unwrap();
        let ordinals = world.numbers("SELECT ordinal FROM account ORDER BY ordinal").await;
        assert_eq!(ordinals, [0, 1, 2, 3, 4]);
    }

    async fn another_registration_of_the_same_card_is_refused_and_the_rest_goes_through(world: &World) {
        let rows = people(world, 2);
        let known = copy(&rows[0]);
        world.first().call(&batch(rows)).await.unwrap();
        let account = world.account_of(&known.hkic).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        let mut later = copy(&known);
        later.registered_at = world.clock.now();
        let mut elsewhere = copy(&known);
        (elsewhere.channel, elsewhere.location) = (Channel::Counter, Some("post-offices".parse().unwrap()));

        let mut rows = people(world, 2);
        rows.splice(1..1, [later, known, elsewhere]);
        let imported = world.first().call(&batch(rows)).await.unwrap();
        assert_eq!((imported.registered, imported.unchanged), (2, 1));
        let refused: Vec<(u64, &str)> = imported.refused.iter().map(|row| (row.line, row.code.as_str())).collect();
        assert_eq!(refused, [(2, "account.already-registered"), (4, "account.already-registered")]);
        assert_eq!(
            imported.refused[0].message,
            format!("the HKIC number has another registration already: account {account}")
        );
    }

    async fn one_card_twice_in_a_batch_is_registered_once(world: &World) {
        let mut rows = people(world, 3);
        let same = copy(&rows[0]);
        let mut other = copy(&rows[0]);
        other.registered_at = other.registered_at.minus(Duration::from_secs(1));
        rows.extend([same, other]);
        let imported = world.first().call(&batch(rows)).await.unwrap();
        assert_eq!((imported.registered, imported.unchanged), (3, 1));
        assert_eq!((imported.refused[0].line, imported.refused[0].code.as_str()), (5, "account.already-registered"));
        assert!(imported.refused[0].message.ends_with(": line 1"), "{}", imported.refused[0].message);
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 3);
    }

    async fn officers_who_bring_in_the_same_people_at_once_register_each_person_once(world: &World) {
        let rows = people(world, 40);
        let batches: Vec<ImportAccounts> = (0..6_usize)
            .map(|officer| {
                let mut rows: Vec<Registration> = rows.iter().map(copy).collect();
                rows.rotate_left(officer * 7);
                batch(rows)
            })
            .collect();
        let desk = world.first();
        let imported = join_all(batches.iter().map(|batch| desk.call(batch))).await;
        let registered: u64 = imported.iter().map(|reply| reply.as_ref().unwrap().registered).sum();
        let unchanged: u64 = imported.iter().map(|reply| reply.as_ref().unwrap().unchanged).sum();
        assert_eq!((registered, unchanged), (40, 200));
        assert_eq!(world.number("SELECT MAX(ordinal) FROM account").await, 39);
        assert!(recount(&world.app.store).await.unwrap().is_empty());
    }

    async fn a_wrong_row_is_named_and_nothing_of_the_batch_is_registered(world: &World) {
        let before = world.census().await;
        let mut rows = people(world, 4);
        rows[1].location = Some(KIOSK.parse().unwrap());
        rows[2].tier = Tier::IamSmartPlus;
        rows[3].name.en = "CHAN\u{202e}TAI MAN".to_owned();
        rows[3].birth_date = "2077-01-01".parse().unwrap();
        let problem = world.first().call(&batch(rows)).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "account.rows"));
        assert_eq!(problem.message, "3 rows are wrong; nothing was registered");
        let fields: Vec<String> =
            problem.fields.iter().map(|field| format!("{} {}", field.path, field.code.as_deref().unwrap())).collect();
        assert_eq!(fields, [
            "rows[1].location account.location-unexpected",
            "rows[2].tier account.channel-tier",
            "rows[3].name profile.name",
        ]);
        assert_eq!(world.census().await, World::and_one_refusal(before));
    }

    async fn a_mistyped_card_number_is_named_by_its_row_and_never_repeated(world: &World) {
        let mut row: serde_json::Value = serde_json::to_value(&people(world, 1)[0]).unwrap();
        for (card, words) in [("G123456(7)", "check character"), ("G12345", "not an HKIC number")] {
            row["hkic"] = card.into();
            row["line"] = 1.into();
            let body = serde_json::json!({ "file": "0".repeat(64), "chunk": 0, "rows": [row] }).to_string();
            let answer = world.first().under(&fresh_key()).post("account.import", body).await;
            let problem = answer.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"));
            assert_eq!(problem.fields[0].path, "rows[0].hkic");
            let told = serde_json::to_string(&problem).unwrap();
            assert!(told.contains(words), "{told}");
            assert!(!told.contains("12345"), "{told}");
        }
    }

    async fn a_batch_has_an_end_and_a_beginning(world: &World) {
        for (rows, file) in [(0, "0".repeat(64)), (5_001, "0".repeat(64)), (1, "0".repeat(63)), (1, "G".repeat(64))] {
            let import = ImportAccounts { file, ..batch(people(world, rows)) };
            let problem = world.first().call(&import).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "account.batch"), "{rows} rows");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 0);
        assert_eq!(world.first().call(&batch(people(world, 5_000))).await.unwrap(), done(5_000, 0));
    }

    async fn a_batch_sent_twice_under_its_key_is_answered_once(world: &World) {
        let rows = people(world, 10);
        let desk = world.first().under("file-0123456789abcdef-0");
        let first = desk.ask(&batch(rows.iter().map(copy).collect())).await;
        let again = desk.ask(&batch(rows)).await;
        assert!(!first.replayed() && again.replayed());
        assert_eq!(first.reply.unwrap(), again.reply.unwrap());
        assert_eq!(world.audited("account.import").await.len(), 1);
    }

    async fn a_dry_run_of_an_import_counts_and_registers_nobody(world: &World) {
        let before = world.census().await;
        assert_eq!(world.first().dry_run().call(&batch(people(world, 12))).await.unwrap(), done(12, 0));
        assert_eq!(world.census().await, before);
    }

    async fn a_reference_that_is_taken_is_drawn_again(world: &World) {
        let taken = Arc::new(Stuck(AtomicU32::new(0)));
        let ports = Ports { entropy: Arc::<Stuck>::clone(&taken), ..world.ports() };
        let node = open(&world.data_dir, world.settings.clone(), ports).await.unwrap();
        let router = server::http::admin::router(node);
        for row in people(world, 2) {
            taken.0.store(2, Ordering::SeqCst);
            let request = Request::post(format!("{}account.import", api::ADMIN_PATH))
                .header(api::IDEMPOTENCY_KEY, fresh_key())
                .extension(world.badge(tests::world::FIRST).peer)
                .body(Body::from(serde_json::to_vec(&batch(vec![row])).unwrap()))
                .unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(serde_json::from_slice::<Imported>(&body).unwrap(), done(1, 0));
        }
        let references = world.numbers("SELECT reference FROM account ORDER BY ordinal").await;
        assert_eq!(references[0], 0, "chance was stuck");
        assert_ne!(references[1], 0);
    }

    async fn a_look_at_an_account_is_masked_and_on_record(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk(KIOSK).await;
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        let view = auditor.call(&ShowAccount { account: citizen.account }).await.unwrap();
        assert_eq!(view.account, citizen.account);
        assert_eq!((view.state, view.tier, view.channel), (AccountState::Active, Tier::IamSmartPlus, Channel::Kiosk));
        assert_eq!(view.location.unwrap().as_str(), KIOSK);
        assert_eq!(view.name_masked.unwrap().as_str(), "CHAN T** M**");
        assert_eq!(view.hkic_masked.unwrap().as_str(), "QA000***(*)");
        assert_eq!(view.phone_masked.unwrap().as_str(), "+852****0001");
        assert_eq!((view.device, view.suspended, view.version), (None, None, 1));
        assert_eq!(
            world.audited("account.show").await,
            [("auditor-1".to_owned(), citizen.account.to_string(), "done".to_owned())]
        );
    }

    async fn a_reference_that_is_nobodys_is_not_found_and_a_misread_one_says_so(world: &World) {
        let nobody = AccountId::from_number(7).unwrap();
        let problem = world.first().call(&ShowAccount { account: nobody }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (404, "account.not-found"));
        assert_eq!(problem.message, format!("no such account: {nobody}"));
        assert_eq!(world.audited("account.show").await[0].2, "refused");
        let problem = world.first().call(&AccountHistory { account: nobody }).await.unwrap_err();
        assert_eq!(problem.code, "account.not-found");

        let answer = world.first().post("account.show", r#"{"account":"A0000000013"}"#).await;
        let problem = answer.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"));
        assert!(problem.fields[0].message.contains("misread or mistyped"), "{problem:?}");
    }

    async fn the_list_has_no_personal_data_and_comes_in_pages(world: &World) {
        let mut rows = people(world, 25);
        for row in &mut rows[..5] {
            (row.channel, row.location, row.tier) = (Channel::Kiosk, Some(KIOSK.parse().unwrap()), Tier::IamSmartPlus);
        }
        world.first().call(&batch(rows)).await.unwrap();
        let audited = world.leaves().await.len();

        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = PageRequest { after: after.take(), limit: Some(10) };
            let listed = world.first().call(&ListAccounts { page, ..ListAccounts::default() }).await.unwrap();
            seen.extend(listed.items.iter().map(|account| account.account));
            match listed.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen.len(), 25);
        assert!(seen.is_sorted(), "by reference");
        let plus = ListAccounts { tier: Some(Tier::IamSmartPlus), ..ListAccounts::default() };
        assert_eq!(world.first().call(&plus).await.unwrap().items.len(), 5);
        let remote = ListAccounts { channel: Some(Channel::Remote), ..ListAccounts::default() };
        assert_eq!(world.first().call(&remote).await.unwrap().items.len(), 20);
        let suspended = ListAccounts { state: Some(AccountState::Suspended), ..ListAccounts::default() };
        assert_eq!(world.first().call(&suspended).await.unwrap().items.len(), 0);
        assert_eq!(world.leaves().await.len(), audited, "a list reads nothing personal");

        let page = PageRequest { after: Some("A000".to_owned()), limit: None };
        let problem = world.first().call(&ListAccounts { page, ..ListAccounts::default() }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "page.after"));
    }

    async fn nothing_stored_and_nothing_answered_tells_who_a_citizen_is(world: &World) {
        let citizen = world.citizen("ZAPHOD CANARY").registers_remotely().await;
        let agent = world.operator("agent-1", &[Role::HotlineAgent, Role::RegistrationOfficer]).await;
        let call = agent.call(&api::hotline::OpenCall {}).await.unwrap().call;
        let answers = [
            agent.post("account.show", format!(r#"{{"account":"{}"}}"#, citizen.account)).await,
            agent.post("account.list", "{}").await,
            agent.post("hotline.find", format!(r#"{{"call":"{call}","by":{{"hkic":"{}"}}}}"#, citizen.hkic.expose())).await,
            agent.post("hotline.find", format!(r#"{{"call":"{call}","by":{{"phone":"{}"}}}}"#, citizen.phone.expose())).await,
            agent.under("suspend-the-canary").post("account.suspend",
                format!(r#"{{"account":"{}","reason":"other","call":"{call}","note":"SAYS A CANARY NOTE"}}"#, citizen.account)).await,
            agent.post("account.history", format!(r#"{{"account":"{}"}}"#, citizen.account)).await,
            agent.under("close-the-canary-call").post("hotline.close", format!(r#"{{"call":"{call}"}}"#)).await,
        ];
        let mut heap = everything_stored(world).await;
        for leaf in world.leaves().await {
            heap.extend(leaf.to_string().into_bytes());
        }
        for answer in answers {
            heap.extend(answer.reply.unwrap().to_string().into_bytes());
        }
        assert!(holds(&heap, "account.import") && holds(&heap, "ZAPHOD C**"), "the search finds what is there");
        let digits = &citizen.hkic.expose()[..8];
        for secret in [citizen.hkic.expose(), digits, citizen.phone.expose(), "ZAPHOD CANARY", "CANARY", "SAYS A"] {
            assert!(!holds(&heap, secret), "{secret} is to be found");
        }
    }

    async fn a_closed_account_shows_no_person_and_its_card_may_register_anew(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let closing = "UPDATE account SET state = 'closed', closed_since = registered_at, closed_reason = 'departure',
                         data_key = NULL, profile = NULL, hkic_index = NULL, phone_index = NULL";
        assert_eq!(world.execute(closing).await, 1);
        let view = world.first().call(&ShowAccount { account: citizen.account }).await.unwrap();
        assert_eq!((view.state, view.name_masked, view.hkic_masked), (AccountState::Closed, None, None));

        let mut row = people(world, 1);
        row[0].hkic = citizen.hkic.clone();
        assert_eq!(world.first().call(&batch(row)).await.unwrap(), done(1, 0));
        let closed = ListAccounts { state: Some(AccountState::Closed), ..ListAccounts::default() };
        let listed = world.first().call(&closed).await.unwrap().items;
        assert_eq!(listed.iter().map(|account| account.account).collect::<Vec<_>>(), [citizen.account]);
    }

    async fn a_row_that_was_swapped_or_changed_in_the_database_does_not_open(world: &World) {
        let one = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let other = world.citizen("WONG SIU MING").registers_remotely().await;
        let swap = format!(
            "UPDATE account SET profile = (SELECT profile FROM account WHERE reference = {}) WHERE reference = {}",
            other.account.number(), one.account.number()
        );
        assert_eq!(world.execute(&swap).await, 1);
        let problem = world.first().call(&ShowAccount { account: one.account }).await.unwrap_err();
        assert_eq!(problem.status, 500, "a person is never shown under another's reference");
        assert!(world.first().call(&ShowAccount { account: other.account }).await.is_ok());
    }
}

both_engines! {
    from Setup::production();
    async fn simulated_citizens_are_refused_on_production(world: &World) {
        world.enrols("second-administrator", world.second_code.as_ref().unwrap()).await;
        let officer = world.operator("officer-1", &[Role::RegistrationOfficer]).await;
        let problem = officer.call(&batch(people(world, 1))).await.unwrap_err();
        assert_eq!(problem.fields[0].code.as_deref(), Some("account.synthetic"));
        let mut row = people(world, 1);
        row[0].hkic = "G123456(A)".parse().unwrap();
        assert_eq!(officer.call(&batch(row)).await.unwrap(), done(1, 0));
    }
}

/// Chance that gives nothing but zeros for the next few references.
struct Stuck(AtomicU32);

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        let stuck = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match stuck {
            Ok(_) if bytes.len() == 8 => bytes.fill(0),
            Ok(_) => {
                self.0.fetch_add(1, Ordering::SeqCst);
                SystemEntropy.fill(bytes);
            }
            Err(_) => SystemEntropy.fill(bytes),
        }
    }
}
