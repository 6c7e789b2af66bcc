//! Organisations come on board from files: planned, applied, stopped, and let go on.

use api::relying_party::{
    ApplyParties, ListParties, PartyApplied, PartyChange, PartyPlan, PlanParties, ResumeParty, ShowParty, SuspendParty,
};
use api::service::{ListServices, ShowService};
use api::{Problem, Role};
use domain::{ChangeKind, CredentialSource, CredentialState, CredentialType, Manifest, PartyState, Sector, ServiceState};
use serde_json::{Value, json};
use tests::fixtures::{made_up, parties, party};
use tests::world::desk::Desk;
use tests::{World, both_engines};

pub async fn apply(desk: &Desk<'_>, manifests: &[Manifest]) -> Result<Vec<PartyApplied>, Problem> {
    desk.call(&ApplyParties { manifests: manifests.to_vec() }).await
}

pub async fn plan(desk: &Desk<'_>, manifests: &[Manifest]) -> Result<Vec<PartyPlan>, Problem> {
    desk.call(&PlanParties { manifests: manifests.to_vec() }).await
}

pub async fn suspend(desk: &Desk<'_>, rp: &str, reason: &str) -> Result<api::relying_party::PartyView, Problem> {
    desk.call(&SuspendParty { rp: rp.parse().unwrap(), reason: reason.to_owned() }).await
}

pub async fn resume(desk: &Desk<'_>, rp: &str, reason: &str) -> Result<api::relying_party::PartyView, Problem> {
    desk.call(&ResumeParty { rp: rp.parse().unwrap(), reason: reason.to_owned() }).await
}

pub async fn show(world: &World, rp: &str) -> api::relying_party::PartyView {
    world.first().call(&ShowParty { rp: rp.parse().unwrap() }).await.unwrap()
}

/// The manifest with one thing changed, as an officer edits the file.
pub fn edited(manifest: &Manifest, edit: impl FnOnce(&mut Value)) -> Manifest {
    let mut value = serde_json::to_value(manifest).unwrap();
    edit(&mut value);
    serde_json::from_value(value).unwrap()
}

/// `path code` of each wrong part.
pub fn wrong(problem: &Problem) -> Vec<String> {
    let told = |field: &api::Field| format!("{} {}", field.path, field.code.as_deref().unwrap_or_default());
    problem.fields.iter().map(told).collect()
}

both_engines! {
    async fn every_organisation_of_the_papers_comes_on_board(world: &World) {
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let manifests = parties();
        let applied = apply(&officer, &manifests).await.unwrap();
        assert_eq!(applied.len(), manifests.len());
        assert!(applied.iter().all(|party| party.change == PartyChange::Created && party.state == PartyState::Active));
        assert_eq!(applied.iter().map(|party| &party.rp).collect::<Vec<_>>(), manifests.iter().map(|m| &m.id).collect::<Vec<_>>());

        let listed = world.first().call(&ListParties::default()).await.unwrap().items;
        assert_eq!(listed.len(), manifests.len());
        assert!(listed.is_sorted_by(|one, other| one.rp < other.rp));
        for sector in [Sector::Government, Sector::Public, Sector::Private] {
            let only = world.first().call(&ListParties { sector: Some(sector), ..ListParties::default() }).await.unwrap().items;
            assert_eq!(only.len(), manifests.iter().filter(|manifest| manifest.sector == sector).count(), "{sector}");
        }
        let services: usize = manifests.iter().map(|manifest| manifest.services.len()).sum();
        assert_eq!(listed.iter().map(|party| party.services as usize).sum::<usize>(), services);
        let codes = world.numbers("SELECT CAST(code AS BIGINT) FROM service ORDER BY code").await;
        assert!(codes.iter().copied().eq(1..=i64::try_from(services).unwrap()), "codes are dense");

        let etax = show(world, "inland-revenue-department").await;
        assert_eq!(etax.organisation.zh_hant, "稅務局");
        assert_eq!((etax.version, etax.state, etax.warnings.as_slice()), (1, PartyState::Active, [].as_slice()));
        let key = &etax.credentials[0];
        assert_eq!((key.kind, key.state, key.source), (CredentialType::Jwks, CredentialState::Active, CredentialSource::Manifest));
        assert_eq!(etax.manifest, party("inland-revenue-department"));
        assert!(show(world, "cyberport").await.warnings.contains(&"no credentials: the party cannot log anybody in".to_owned()));

        let entries = world.audited("rp.apply").await;
        assert_eq!(entries, [("rp-officer-1".to_owned(), format!("{} relying parties", manifests.len()), "done".to_owned())]);
    }

    async fn a_second_time_nothing_changes_but_the_log(world: &World) {
        let manifests = parties();
        apply(&world.first(), &manifests).await.unwrap();
        let before = world.census().await;
        world.clock.advance(std::time::Duration::from_secs(60));
        let again = apply(&world.first(), &manifests).await.unwrap();
        assert!(again.iter().all(|party| party.change == PartyChange::Unchanged));
        for ((table, before), (_, after)) in before.iter().zip(world.census().await) {
            let more = i64::from(["audit_entry", "idempotency"].contains(&table.as_str()));
            assert_eq!(after, before + more, "{table}");
        }
        assert_eq!(show(world, "hospital-authority").await.version, 1);
        let facts = world.leaves().await.last().unwrap()["facts"].clone();
        assert_eq!(facts, json!({ "created": [], "updated": [], "unchanged": manifests.len() }));
        // Lists are sets: their order is the file's own business.
        let turned = edited(&party("inland-revenue-department"), |m| {
            m["services"][0]["functions"].as_array_mut().unwrap().reverse();
        });
        assert_eq!(apply(&world.first(), &[turned]).await.unwrap()[0].change, PartyChange::Unchanged);
    }

    async fn a_plan_says_what_an_apply_does_and_does_nothing(world: &World) {
        let manifests = parties();
        let before = world.census().await;
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        let planned = plan(&auditor, &manifests).await.unwrap();
        let rehearsed = apply(&world.first().dry_run(), &manifests).await.unwrap();
        for (table, count) in world.census().await {
            let people = ["operator", "certificate", "audit_entry", "idempotency"].contains(&table.as_str());
            assert!(people || before.contains(&(table.clone(), count)), "{table}");
        }
        let applied = apply(&world.first(), &manifests).await.unwrap();
        assert_eq!(rehearsed, applied);
        for (plan, done) in planned.iter().zip(&applied) {
            assert_eq!((&plan.rp, plan.change), (&done.rp, done.change));
            assert!(plan.changes.iter().all(|change| change.kind == ChangeKind::Added && change.before.is_none()));
        }
        let names = planned[0].changes.iter().filter(|change| change.path == "organisation.en").count();
        assert_eq!(names, 1, "a new party is shown with every field");
        assert!(plan(&auditor, &manifests).await.unwrap().iter().all(|plan| plan.change == PartyChange::Unchanged && plan.changes.is_empty()));
        assert_eq!(world.audited("rp.plan").await, [], "looking leaves no entry");
    }

    async fn every_field_that_is_edited_is_planned_and_applied(world: &World) {
        let full = edited(&made_up("drill-office", "Drill Office", "演習處"), |m| {
            m["services"][0]["functions"] = json!(["authentication", "form-filling"]);
            m["services"][0]["formFields"] = json!(["enName"]);
        });
        apply(&world.first(), std::slice::from_ref(&full)).await.unwrap();
        let mut stands = full;
        for (version, (pointer, value, path, lines)) in (2..).zip([
            ("/organisation/en", json!("Exercise Office"), "organisation.en", 1),
            ("/organisation/zh-Hant", json!("演練處"), "organisation.zh-Hant", 1),
            ("/sector", json!("public"), "sector", 1),
            ("/contact/name", json!("night desk"), "contact.name", 1),
            ("/contact/email", json!("night@office.example"), "contact.email", 1),
            ("/services/0/name/en", json!("General Enquiry"), "services[enquiry].name.en", 1),
            ("/services/0/name/zh-Hant", json!("一般查詢"), "services[enquiry].name.zh-Hant", 1),
            ("/services/0/category", json!("education"), "services[enquiry].category", 1),
            ("/services/0/functions", json!(["authentication", "form-filling", "step-up"]), "services[enquiry].functions", 1),
            ("/services/0/redirectUris", json!(["https://drill-office.example/back"]), "services[enquiry].redirectUris", 2),
            ("/services/0/formFields", json!(["enName", "chName"]), "services[enquiry].formFields", 1),
            ("/services/0/since", json!("2021-04-01"), "services[enquiry].since", 1),
            ("/services/0/clientProfile", json!("fapi2"), "services[enquiry].clientProfile", 1),
            ("/services/0/clientAuthentication", json!("private_key_jwt"), "services[enquiry].clientAuthentication", 1),
            ("/services/0/senderConstraint", json!("dpop"), "services[enquiry].senderConstraint", 1),
            ("/services/0/scopes", json!(["openid", "profile"]), "services[enquiry].scopes", 2),
            ("/services/0/postLogoutRedirectUris", json!(["https://drill-office.example/bye"]), "services[enquiry].postLogoutRedirectUris", 1),
            ("/services/0/backchannelLogoutUri", json!("https://drill-office.example/out"), "services[enquiry].backchannelLogoutUri", 1),
            ("/services/0/ciba", json!("poll"), "services[enquiry].ciba", 1),
            ("/services/0/offlineAccess", json!(true), "services[enquiry].offlineAccess", 1),
            ("/services/0/synthetic", json!(true), "services[enquiry].synthetic", 1),
            ("/synthetic", json!(true), "synthetic", 1),
        ]) {
            let edited = edited(&stands, |m| {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                m.pointer_mut(parent).unwrap()[field] = value;
            });
            let planned = plan(&world.first(), std::slice::from_ref(&edited)).await.unwrap().remove(0);
            assert_eq!(planned.change, PartyChange::Updated, "{pointer}");
            assert_eq!(planned.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), vec![path; lines], "{pointer}");
            let applied = apply(&world.first(), std::slice::from_ref(&edited)).await.unwrap();
            assert_eq!(applied[0].change, PartyChange::Updated, "{pointer}");
            let shown = show(world, "drill-office").await;
            assert_eq!((shown.version, &shown.manifest), (version, &edited), "{pointer}");
            stands = edited;
        }
        let view = world.first().call(&ShowService { service: "drill-office.enquiry".parse().unwrap() }).await.unwrap();
        assert_eq!((view.name.en.as_str(), view.organisation.en.as_str(), view.sector), ("General Enquiry", "Exercise Office", Sector::Public));
        assert_eq!(view.redirect_uris, ["https://drill-office.example/back"]);
        assert_eq!(view.form_fields, ["enName", "chName"]);
        assert_eq!(view.since.map(|day| day.to_string()).as_deref(), Some("2021-04-01"));
        assert!(view.synthetic);
    }

    async fn one_bad_manifest_keeps_all_of_them_out(world: &World) {
        let mut manifests = parties();
        let last = manifests.len() - 1;
        manifests[last] = edited(&manifests[last], |m| m["services"][0]["redirectUris"] = json!(["https://a.example/#top", "http://b.example/"]));
        manifests[0] = edited(&manifests[0], |m| m["organisation"]["en"] = json!("Civil\u{1b}[31m Service \u{202e}Bureau"));
        let before = world.census().await;
        for problem in [
            apply(&world.first(), &manifests).await.unwrap_err(),
            plan(&world.first(), &manifests).await.unwrap_err(),
            apply(&world.first().dry_run(), &manifests).await.unwrap_err(),
        ] {
            assert_eq!((problem.status, problem.code.as_str(), problem.exit()), (422, "manifest.invalid", api::Exit::Usage));
            assert_eq!(
                wrong(&problem),
                [
                    "manifests[0].organisation.en name.control".to_owned(),
                    format!("manifests[{last}].services[0].redirectUris[0] redirect-uri.fragment"),
                    format!("manifests[{last}].services[0].redirectUris[1] redirect-uri.scheme"),
                ]
            );
            assert!(problem.fields[0].message.contains("Civil\\u{1b}[31m Service \\u{202e}Bureau"), "{:?}", problem.fields[0]);
        }
        assert_eq!(world.census().await, World::and_one_refusal(before), "nothing applied, nothing kept; a plan and a dry run are no more");
    }

    async fn a_party_stands_once_in_a_request(world: &World) {
        let twice = [made_up("drill-office", "Drill Office", "演習處"), made_up("fire-office", "Fire Office", "消防演習處"), made_up("drill-office", "Other Office", "他處")];
        let problem = apply(&world.first(), &twice).await.unwrap_err();
        assert_eq!(problem.code, "manifest.duplicate-id");
        assert_eq!(wrong(&problem), ["manifests[2].id manifest.duplicate-id"]);
        assert!(problem.message.contains("the party 'drill-office' stands at manifests[0] already"), "{}", problem.message);
    }

    async fn requests_have_an_end(world: &World) {
        let one = made_up("drill-office", "Drill Office", "演習處");
        let many = vec![one.clone(); api::relying_party::MAX_MANIFESTS + 1];
        let problem = apply(&world.first(), &many).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "manifest.too-many"));
        let large = edited(&one, |m| {
            let service = m["services"][0].clone();
            m["services"] = (0..501).map(|n| {
                let mut service = service.clone();
                service["id"] = json!(format!("enquiry-{n}"));
                service["name"]["en"] = json!(format!("Enquiry {n}"));
                service
            }).collect();
        });
        assert_eq!(apply(&world.first(), &[large]).await.unwrap_err().code, "manifest.too-many-services");
        assert_eq!(apply(&world.first(), &[]).await.unwrap(), []);
    }

    async fn mistakes_without_end_are_counted_and_some_are_listed(world: &World) {
        let wrong = edited(&made_up("drill-office", "Drill Office", "演習處"), |m| {
            let service = m["services"][0].clone();
            m["services"] = (0..500).map(|n| {
                let mut service = service.clone();
                service["id"] = json!(format!("enquiry-{n}"));
                service["name"]["en"] = json!(format!("Enquiry\t{n}"));
                service
            }).collect();
        });
        let problem = apply(&world.first(), &[wrong]).await.unwrap_err();
        assert!(problem.message.starts_with("500 mistakes"), "{}", problem.message);
        assert_eq!((problem.code.as_str(), problem.fields.len()), ("name.control", 200));
    }

    async fn a_suspended_party_stays_suspended_when_its_manifest_changes(world: &World) {
        let etax = party("inland-revenue-department");
        apply(&world.first(), std::slice::from_ref(&etax)).await.unwrap();
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let view = suspend(&officer, "inland-revenue-department", "its signing key was published").await.unwrap();
        assert_eq!((view.state, view.version), (PartyState::Suspended, 2));
        assert_eq!(view.suspended_reason.as_deref(), Some("its signing key was published"));
        assert!(view.services.iter().all(|service| service.state == ServiceState::Suspended));
        assert!(view.warnings.contains(&"suspended: none of its services is accessible".to_owned()), "{:?}", view.warnings);

        let more = edited(&etax, |m| m["contact"]["name"] = json!("night desk"));
        let applied = apply(&officer, &[more]).await.unwrap();
        assert_eq!((applied[0].change, applied[0].state), (PartyChange::Updated, PartyState::Suspended));
        let shown = show(world, "inland-revenue-department").await;
        assert_eq!((shown.version, shown.state), (3, PartyState::Suspended));
        assert_eq!(shown.suspended_reason.as_deref(), Some("its signing key was published"));
        let service = world.first().call(&ShowService { service: "inland-revenue-department.etax".parse().unwrap() }).await.unwrap();
        assert_eq!(service.state, ServiceState::Suspended);
        // How its client works is there to be read, said in the manifest or not.
        let client = (service.client_profile.as_str(), service.client_authentication.as_str(), service.sender_constraint.as_str());
        assert_eq!(client, ("fapi2", "private_key_jwt", "dpop"));
        assert_eq!((service.scopes, service.offline_access, service.ciba), (vec!["openid".to_owned()], false, None));
        let suspended = ListParties { state: Some(PartyState::Suspended), ..ListParties::default() };
        assert_eq!(world.first().call(&suspended).await.unwrap().items.len(), 1);

        let back = resume(&officer, "inland-revenue-department", "it has a new key").await.unwrap();
        assert_eq!((back.state, back.suspended_reason), (PartyState::Active, None));
        assert!(back.services.iter().all(|service| service.state == ServiceState::Active));
        assert_eq!(world.audited("rp.suspend").await, [("rp-officer-1".to_owned(), "inland-revenue-department".to_owned(), "done".to_owned())]);
    }

    async fn what_is_done_already_is_refused_by_name(world: &World) {
        apply(&world.first(), &[made_up("drill-office", "Drill Office", "演習處")]).await.unwrap();
        let refused = resume(&world.first(), "drill-office", "it never stopped").await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str(), refused.exit()), (409, "rp.not-suspended", api::Exit::Conflict));
        suspend(&world.first(), "drill-office", "drill").await.unwrap();
        let refused = suspend(&world.first(), "drill-office", "drill again").await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (409, "rp.suspended"));
        assert_eq!(show(world, "drill-office").await.suspended_reason.as_deref(), Some("drill"), "the first reason stays");
        let unknown = suspend(&world.first(), "no-such-office", "drill").await.unwrap_err();
        assert_eq!((unknown.status, unknown.code.as_str()), (404, "relying-party.not-found"));
        let mut outcomes: Vec<String> = world.audited("rp.suspend").await.into_iter().map(|(_, _, outcome)| outcome).collect();
        outcomes.sort();
        assert_eq!(outcomes, ["done", "refused", "refused"], "who tries is on record");
    }

    async fn a_reason_is_one_line_that_can_be_printed(world: &World) {
        apply(&world.first(), &[made_up("drill-office", "Drill Office", "演習處")]).await.unwrap();
        for reason in ["", "  ", "two\nlines", "\u{1b}]0;owned\u{7}", "turned \u{202e}round", &"因".repeat(501)] {
            let problem = suspend(&world.first(), "drill-office", reason).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "rp.reason"), "{reason:?}");
            assert_eq!(wrong(&problem), ["reason rp.reason"]);
            assert!(!problem.message.chars().any(char::is_control));
        }
        assert_eq!(show(world, "drill-office").await.version, 1);
        suspend(&world.first(), "drill-office", &"因".repeat(500)).await.unwrap();
    }

    async fn a_retired_party_is_left_in_peace(world: &World) {
        let office = made_up("drill-office", "Drill Office", "演習處");
        apply(&world.first(), std::slice::from_ref(&office)).await.unwrap();
        world.execute("UPDATE relying_party SET state = 'retired'").await;
        world.execute("UPDATE relying_party_version SET state = 'retired'").await;
        let more = edited(&office, |m| m["contact"]["name"] = json!("night desk"));
        for problem in [
            apply(&world.first(), &[more]).await.map(drop).unwrap_err(),
            suspend(&world.first(), "drill-office", "drill").await.map(drop).unwrap_err(),
            resume(&world.first(), "drill-office", "drill").await.map(drop).unwrap_err(),
        ] {
            assert_eq!((problem.status, problem.code.as_str()), (409, "rp.retired"));
        }
        let view = show(world, "drill-office").await;
        assert!(view.services.iter().all(|service| service.state == ServiceState::Retired));
        assert_eq!(view.warnings[0], "retired: none of its services is accessible any more");
        let service = world.first().call(&ShowService { service: "drill-office.enquiry".parse().unwrap() }).await.unwrap();
        assert_eq!(service.state, ServiceState::Retired);
        let twin = apply(&world.first(), &[made_up("drill-office-two", "Drill Office", "演習處")]).await.unwrap_err();
        assert_eq!(twin.code, "rp.name-confusable", "its name stays its own");
    }

    async fn services_are_found_by_what_they_are(world: &World) {
        let manifests = parties();
        apply(&world.first(), &manifests).await.unwrap();
        let services: usize = manifests.iter().map(|manifest| manifest.services.len()).sum();
        let list = async |wanted: ListServices| world.first().call(&wanted).await.unwrap();
        let all = list(ListServices::default()).await.items;
        assert_eq!(all.len(), services);
        let of = |keep: &dyn Fn(&Manifest, &domain::ServiceManifest) -> bool| {
            manifests.iter().flat_map(|party| party.services.iter().filter(|service| keep(party, service))).count()
        };
        let signing = list(ListServices { function: Some(domain::Function::Signing), ..ListServices::default() }).await.items;
        assert_eq!(signing.len(), of(&|_, service| service.functions.contains(&domain::Function::Signing)));
        let health = list(ListServices { category: Some(domain::Category::MedicalAndHealth), ..ListServices::default() }).await.items;
        assert_eq!(health.len(), of(&|_, service| service.category == Some(domain::Category::MedicalAndHealth)));
        let private = list(ListServices { sector: Some(Sector::Private), ..ListServices::default() }).await.items;
        assert_eq!(private.len(), of(&|party, _| party.sector == Sector::Private));
        let theirs = list(ListServices { rp: Some("transport-department".parse().unwrap()), ..ListServices::default() }).await.items;
        assert_eq!(theirs.len(), of(&|party, _| party.id.as_str() == "transport-department"));

        let mut paged = Vec::new();
        let mut page = api::page::PageRequest { after: None, limit: Some(7) };
        loop {
            let part = list(ListServices { page: page.clone(), ..ListServices::default() }).await;
            assert!(part.items.len() <= 7);
            paged.extend(part.items);
            match part.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(paged, all);
        let lost = ListServices { page: api::page::PageRequest { after: Some("not a service".to_owned()), limit: None }, ..ListServices::default() };
        assert_eq!(world.first().call(&lost).await.unwrap_err().code, "page.after");
        let none = world.first().call(&ShowService { service: "transport-department.no-such".parse().unwrap() }).await.unwrap_err();
        assert_eq!((none.status, none.code.as_str()), (404, "service.not-found"));
    }

    async fn what_stands_in_a_party_s_way_is_said(world: &World) {
        let office = edited(&party("inland-revenue-department"), |m| {
            m["services"][0]["since"] = json!("2026-07-01");
            m["services"][0]["clientAuthentication"] = json!("tls_client_auth");
            m["services"][0]["redirectUris"] = json!([]);
        });
        apply(&world.first(), &[office]).await.unwrap();
        assert_eq!(
            show(world, "inland-revenue-department").await.warnings,
            [
                "service etax opens on 2026-07-01",
                "service etax cannot prove who it is: no credential of kind certificate",
                "service etax has no redirect URI: nobody comes back to it from a login",
            ]
        );
    }
}

both_engines! {
    from Setup::production();

    async fn nothing_made_up_comes_to_production(world: &World) {
        // Severe verbs wait for a second administrator there; bringing a party on board is not one of them.
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let problem = apply(&officer, &[party("sandbox-bank")]).await.unwrap_err();
        assert_eq!((problem.code.as_str(), wrong(&problem).as_slice()), ("manifest.synthetic", ["manifests[0].synthetic manifest.synthetic".to_owned()].as_slice()));
        let local = edited(&party("inland-revenue-department"), |m| m["services"][0]["redirectUris"] = json!(["http://localhost:3000/callback"]));
        assert_eq!(apply(&officer, &[local]).await.unwrap_err().code, "redirect-uri.scheme");
        assert_eq!(apply(&officer, &[party("inland-revenue-department")]).await.unwrap()[0].change, PartyChange::Created);
    }
}
