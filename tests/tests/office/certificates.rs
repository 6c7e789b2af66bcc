//! Certificates: on record before they are signed, issued by our records, renewed with an overlap, revoked for good.

use std::time::Duration;

use api::Role;
use api::certificate::{
    CertificateView, CheckCertificates, IssueCertificate, IssuedCertificate, ListCertificates, RenewCertificate,
    RevokeCertificate, ShowCertificate,
};
use api::relying_party::ApplyParties;
use domain::{CertificateState, Clock, Holder, HolderKind, RevocationReason};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::stack::Stack;
use openssl::x509::extension::{ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509NameBuilder, X509ReqBuilder};
use pki::{AuthorityPurpose, Certificate, KeyKind, PrivateKey, make_csr};
use server::certificate::issue::active_authority;
use server::certificate::presign::record;
use server::certificate::request::cut_short;
use server::failure::Failure;
use server::store::{CertificateRow, Housekeeping};
use tests::{World, both_engines, fixtures};

const PARTY: &str = "inland-revenue-department";

async fn onboarded(world: &World) -> tests::world::desk::Desk<'_> {
    let apply = ApplyParties { manifests: vec![fixtures::party(PARTY)] };
    world.first().call(&apply).await.unwrap();
    world.operator("key-officer-1", &[Role::KeyOfficer]).await
}

fn csr_of(key: &PrivateKey) -> String {
    make_csr(key, "whoever").unwrap()
}

fn fresh() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

fn asked(csr: String) -> IssueCertificate {
    IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None }
}

/// A request that asks for everything it must not get.
fn greedy(key: &PrivateKey) -> String {
    let mut request = X509ReqBuilder::new().unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "administrator").unwrap();
    request.set_subject_name(&name.build()).unwrap();
    request.set_pubkey(key.pkey()).unwrap();
    let mut extensions = Stack::new().unwrap();
    extensions.push(SubjectAlternativeName::new().dns("iam.gov.hk").build(&request.x509v3_context(None)).unwrap()).unwrap();
    extensions.push(ExtendedKeyUsage::new().server_auth().build().unwrap()).unwrap();
    request.add_extensions(&extensions).unwrap();
    request.sign(key.pkey(), MessageDigest::sha256()).unwrap();
    String::from_utf8(request.build().to_pem().unwrap()).unwrap()
}

fn read(issued: &IssuedCertificate) -> Certificate {
    Certificate::from_pem(issued.pem.as_ref().unwrap().as_bytes()).unwrap()
}

async fn of_party(world: &World) -> Vec<CertificateView> {
    let list = ListCertificates { holder: Some(PARTY.into()), ..ListCertificates::default() };
    world.first().call(&list).await.unwrap().items
}

both_engines! {
    async fn a_new_instance_has_its_whole_hierarchy_on_record(world: &World) {
        let all = world.first().call(&ListCertificates::default()).await.unwrap().items;
        let mut held: Vec<String> = all.iter().map(|one| format!("{} {} < {}", one.profile, one.holder, one.issuer)).collect();
        held.sort();
        assert_eq!(held, [
            "issuing-ca citizens-1 < root-1",
            "issuing-ca operators-1 < root-1",
            "issuing-ca relying-parties-1 < root-1",
            "issuing-ca servers-1 < root-1",
            "issuing-ca time-stamping-1 < root-1",
            "ocsp-responder citizens-1-ocsp-1 < citizens-1",
            "ocsp-responder operators-1-ocsp-1 < operators-1",
            "ocsp-responder relying-parties-1-ocsp-1 < relying-parties-1",
            "ocsp-responder servers-1-ocsp-1 < servers-1",
            "ocsp-responder time-stamping-1-ocsp-1 < time-stamping-1",
            "operator first-operator < operators-1",
            "root-ca root-1 < root-1",
            "server listeners-1 < servers-1",
            "time-stamping stamps-1 < time-stamping-1",
        ]);
        assert!(all.iter().all(|one| one.state == CertificateState::Valid));
        assert!(all.is_sorted_by_key(|one| one.not_after), "the one that ends first at the top");
        let checked = world.first().call(&CheckCertificates::default()).await.unwrap();
        assert_eq!(checked.len(), 14);
        assert!(checked.iter().all(|one| one.ok), "{checked:#?}");
        // Whoever has the database and the key-encryption key has no root.
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE purpose = 'root-ca' AND private_sealed IS NOT NULL").await, 0);
        assert!(world.data_dir.join("root-ca.key").exists());
    }

    async fn a_party_gets_what_the_records_say_and_not_what_it_asks_for(world: &World) {
        let officer = onboarded(world).await;
        let key = fresh();
        let issued = officer.call(&asked(greedy(&key))).await.unwrap();
        assert_eq!(issued.ignored, ["subject CN=administrator", "subjectAltName DNS:iam.gov.hk", "extendedKeyUsage serverAuth"]);
        let certificate = read(&issued);
        assert_eq!(certificate.view().subject, format!("CN={PARTY}, O=iAM Smart platform (sandbox)"));
        assert_eq!(certificate.public_key().unwrap(), key.public().unwrap());
        assert!(certificate.x509().unwrap().subject_alt_names().is_none());
        let view = &issued.certificate;
        assert_eq!((view.profile.as_str(), view.issuer.as_str(), view.holder.as_str()), ("relying-party", "relying-parties-1", PARTY));
        assert_eq!((view.state, view.days_left), (CertificateState::Valid, 365));
        let chain: Vec<_> = issued.chain.iter().map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap()).collect();
        assert_eq!(chain.len(), 2);
        assert!(certificate.is_signed_by(&chain[0]).unwrap() && chain[0].is_signed_by(&chain[1]).unwrap());
        let shown = officer.call(&ShowCertificate { serial: view.serial.clone() }).await.unwrap();
        assert_eq!((shown.pem, shown.chain), (issued.pem.clone(), issued.chain.clone()));
        assert_eq!(shown.depends, [format!("relying party {PARTY} authenticates and signs requests with it")]);
        let entry = world.audited("cert.issue").await;
        assert_eq!(entry, [("key-officer-1".to_owned(), PARTY.to_owned(), "done".to_owned())]);
    }

    async fn der_is_taken_as_well_as_pem(world: &World) {
        use base64::Engine;
        let officer = onboarded(world).await;
        let der = openssl::x509::X509Req::from_pem(csr_of(&fresh()).as_bytes()).unwrap().to_der().unwrap();
        let base64 = base64::prelude::BASE64_STANDARD.encode(der);
        assert!(officer.call(&asked(base64)).await.is_ok());
        let problem = officer.call(&asked("garbage".into())).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "csr.not-a-csr"));
    }

    async fn a_dry_run_signs_nothing_and_leaves_no_record(world: &World) {
        let officer = onboarded(world).await;
        let issued = officer.dry_run().call(&asked(csr_of(&fresh()))).await.unwrap();
        assert_eq!((issued.pem, issued.certificate.state), (None, CertificateState::Planned));
        assert_eq!(of_party(world).await, []);
        assert_eq!(world.number("SELECT COUNT(*) FROM certificate WHERE holder_kind = 'relying-party'").await, 0);
    }

    async fn a_key_is_one_holders(world: &World) {
        let officer = onboarded(world).await;
        let key = fresh();
        officer.call(&asked(csr_of(&key))).await.unwrap();
        let other = fixtures::made_up("drill-office", "Drill Office", "演習處");
        world.first().call(&ApplyParties { manifests: vec![other] }).await.unwrap();
        let for_other = IssueCertificate { rp: "drill-office".parse().unwrap(), ..asked(csr_of(&key)) };
        let problem = officer.call(&for_other).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "cert.key-in-use"));
        // The same party may have its key certified again.
        assert!(officer.call(&asked(csr_of(&key))).await.is_ok());
        let nobody = IssueCertificate { rp: "nobody-here".parse().unwrap(), ..asked(csr_of(&fresh())) };
        assert_eq!(officer.call(&nobody).await.unwrap_err().code, "relying-party.not-found");
    }

    async fn old_and_new_overlap_when_a_certificate_is_renewed(world: &World) {
        let officer = onboarded(world).await;
        let old = officer.call(&asked(csr_of(&fresh()))).await.unwrap();
        world.days_go_by(340).await;
        let renew = |csr| RenewCertificate { serial: old.certificate.serial.clone(), csr, validity: None };
        let same_key = officer.call(&renew(None)).await.unwrap();
        assert_eq!(read(&same_key).public_key().unwrap(), read(&old).public_key().unwrap());
        let new_key = fresh();
        let rekeyed = officer.call(&renew(Some(csr_of(&new_key)))).await.unwrap();
        assert_eq!(read(&rekeyed).public_key().unwrap(), new_key.public().unwrap());
        let states: Vec<_> = of_party(world).await.iter().map(|one| (one.days_left, one.state)).collect();
        assert_eq!(states, [(25, CertificateState::Valid), (365, CertificateState::Valid), (365, CertificateState::Valid)]);
        let brief = IssueCertificate { validity: Some(60), ..asked(csr_of(&fresh())) };
        let brief = officer.call(&brief).await.unwrap().certificate;
        world.clock.advance(Duration::from_mins(2));
        let first_to_end = of_party(world).await.remove(0);
        assert_eq!((first_to_end.serial.clone(), first_to_end.state), (brief.serial, CertificateState::Expired));
        let late = RevokeCertificate { serial: first_to_end.serial, reason: RevocationReason::Superseded };
        assert_eq!(officer.call(&late).await.unwrap_err().code, "cert.expired");
    }

    async fn what_is_revoked_stays_revoked(world: &World) {
        let officer = onboarded(world).await;
        let issued = officer.call(&asked(csr_of(&fresh()))).await.unwrap();
        let revoke = |reason| RevokeCertificate { serial: issued.certificate.serial.clone(), reason };
        let hold = officer.call(&revoke(RevocationReason::CertificateHold)).await.unwrap_err();
        assert_eq!(hold.code, "cert.no-hold");
        let first = officer.call(&revoke(RevocationReason::KeyCompromise)).await.unwrap();
        let revoked = first.certificate.clone();
        assert_eq!((revoked.state, revoked.revoked_reason), (CertificateState::Revoked, Some(RevocationReason::KeyCompromise)));
        assert_eq!(revoked.revoked_at, Some(world.clock.now()));
        // Again it is as it was; another reason is another thing.
        world.clock.advance(Duration::from_hours(1));
        let again = officer.call(&revoke(RevocationReason::KeyCompromise)).await.unwrap();
        assert!(!first.already && again.already);
        assert_eq!(again.certificate.revoked_at, revoked.revoked_at);
        assert_eq!(world.leaves().await.pop().unwrap()["facts"]["already"], true);
        let problem = officer.call(&revoke(RevocationReason::Superseded)).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "cert.revoked"));
        let since = revoked.revoked_at.unwrap().people();
        assert_eq!(problem.message, format!("the certificate was revoked at {since} (key-compromise)"));
        let again = RenewCertificate { serial: issued.certificate.serial.clone(), csr: None, validity: None };
        assert_eq!(officer.call(&again).await.unwrap_err().code, "csr.key-blocked", "a compromised key is nobody's");
        let unknown = RevokeCertificate { serial: "00ff".parse().unwrap(), reason: RevocationReason::Superseded };
        assert_eq!(officer.call(&unknown).await.unwrap_err().code, "certificate.not-found");
    }

    async fn an_operator_whose_certificate_is_revoked_is_out_at_the_next_request(world: &World) {
        let officer = onboarded(world).await;
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        let held = officer.call(&ListCertificates { holder: Some("agent-7".into()), ..Default::default() }).await.unwrap().items;
        officer.call(&RevokeCertificate { serial: held[0].serial.clone(), reason: RevocationReason::KeyCompromise }).await.unwrap();
        let problem = agent.call(&api::operator::WhoAmI {}).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-revoked"));
        let own = officer.call(&ListCertificates { holder: Some("key-officer-1".into()), ..Default::default() }).await.unwrap().items;
        let problem = officer.call(&RevokeCertificate { serial: own[0].serial.clone(), reason: RevocationReason::Superseded }).await;
        assert_eq!(problem.unwrap_err().code, "cert.own");
    }

    async fn the_platforms_own_are_not_revoked_under_its_feet(world: &World) {
        let officer = onboarded(world).await;
        let all = officer.call(&ListCertificates { holder_kind: Some(HolderKind::Key), ..Default::default() }).await.unwrap().items;
        for one in &all {
            let revoke = RevokeCertificate { serial: one.serial.clone(), reason: RevocationReason::Superseded };
            let code = officer.call(&revoke).await.unwrap_err().code;
            let wanted = if one.profile.ends_with("-ca") { "cert.authority" } else { "cert.in-use" };
            assert_eq!(code, wanted, "{}", one.holder);
        }
    }

    async fn a_crash_between_record_and_certificate_leaves_a_serial_that_can_be_revoked(world: &World) {
        let officer = onboarded(world).await;
        let mut rest = world.app.store.read().await.unwrap();
        let authority = active_authority(&world.app, &mut rest, AuthorityPurpose::RelyingParties).await.unwrap();
        drop(rest);
        let planned = authority.plan_relying_party(PARTY, &fresh().public().unwrap(), None, world.clock.now()).unwrap();
        let serial = planned.view().serial.clone();
        let holder = Holder::RelyingParty(PARTY.parse().unwrap());
        let recorded = record(&world.app, planned, &holder).await.unwrap();
        // Here the power goes: the certificate was signed and nobody stored it.
        let (certificate, row) = recorded.sign(&authority).unwrap();
        assert_eq!(of_party(world).await, [], "a serial that is only planned is no certificate yet");
        let planned = ListCertificates { state: Some(CertificateState::Planned), ..Default::default() };
        let items = officer.call(&planned).await.unwrap().items;
        assert_eq!(items.iter().map(|one| one.serial.as_str()).collect::<Vec<_>>(), [serial.as_str()]);
        let revoke = RevokeCertificate { serial: serial.parse().unwrap(), reason: RevocationReason::CessationOfOperation };
        assert_eq!(officer.call(&revoke).await.unwrap().certificate.state, CertificateState::Revoked);
        // Whoever still had it in hand cannot make it good any more.
        let mut tx = world.app.store.write().await.unwrap();
        assert!(tx.confirm_certificate(&row).await.is_err());
        drop(tx);
        assert_eq!(certificate.view().serial, serial);
        assert_eq!(world.number("SELECT COUNT(*) FROM revocation_untold").await, 1);
    }

    async fn whose_record_was_taken_along_by_somebody_who_went_away_goes_on(world: &World) {
        onboarded(world).await;
        let mut rest = world.app.store.read().await.unwrap();
        let authority = active_authority(&world.app, &mut rest, AuthorityPurpose::RelyingParties).await.unwrap();
        drop(rest);
        let holder = Holder::RelyingParty(PARTY.parse().unwrap());
        let plan = || authority.plan_relying_party(PARTY, &fresh().public().unwrap(), None, world.clock.now()).unwrap();
        let put_down = async |row: CertificateRow| {
            let mut tx = world.app.store.write().await.unwrap();
            tx.insert_certificate(&row).await.unwrap();
            tx.commit_housekeeping(Housekeeping::Presign).await.unwrap();
        };
        // Committed with another's, who told nobody.
        let planned = plan();
        put_down(CertificateRow::planned(&planned, &holder, world.clock.now())).await;
        record(&world.app, planned, &holder).await.unwrap().sign(&authority).unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM certificate WHERE state = 'planned'").await, 1);
        // A serial number that is another certificate's is still nobody else's.
        let planned = plan();
        let row = CertificateRow::planned(&planned, &holder, world.clock.now());
        put_down(CertificateRow { signed_digest: Some(vec![0; 32]), ..row }).await;
        assert!(matches!(record(&world.app, planned, &holder).await, Err(Failure::Conflict(_))));
    }

    async fn a_record_that_waits_an_hour_in_vain_is_revoked(world: &World) {
        onboarded(world).await;
        let mut rest = world.app.store.read().await.unwrap();
        let authority = active_authority(&world.app, &mut rest, AuthorityPurpose::RelyingParties).await.unwrap();
        drop(rest);
        let planned = authority.plan_relying_party(PARTY, &fresh().public().unwrap(), None, world.clock.now()).unwrap();
        record(&world.app, planned, &Holder::RelyingParty(PARTY.parse().unwrap())).await.unwrap();
        world.clock.advance(Duration::from_mins(59));
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(of_party(world).await, []);
        world.clock.advance(Duration::from_mins(2));
        server::housekeeping::sweep(&world.app).await.unwrap();
        let left = of_party(world).await;
        assert_eq!(left[0].state, CertificateState::Revoked);
        assert_eq!(world.audited("cert.abandon").await.len(), 1);
    }

    async fn many_at_once_share_their_records_commit_and_each_gets_one(world: &World) {
        let officer = onboarded(world).await;
        let asked: Vec<_> = (0..12).map(|_| asked(csr_of(&fresh()))).collect();
        let issued = futures_util::future::join_all(asked.iter().map(|op| officer.call(op))).await;
        let mut serials: Vec<_> = issued.into_iter().map(|one| one.unwrap().certificate.serial).collect();
        serials.sort();
        serials.dedup();
        assert_eq!(serials.len(), 12);
        assert_eq!(of_party(world).await.len(), 12);
    }

    async fn a_life_can_be_shorter_and_never_longer(world: &World) {
        let officer = onboarded(world).await;
        let with = |validity| IssueCertificate { validity: Some(validity), ..asked(csr_of(&fresh())) };
        let week = officer.call(&with(7 * 86_400)).await.unwrap();
        assert_eq!(week.certificate.days_left, 7);
        assert_eq!(officer.call(&with(365 * 86_400)).await.unwrap().certificate.days_left, 365);
        for unfit in [0, 365 * 86_400 + 1, 86_400 * 90_000, u64::MAX] {
            assert_eq!(officer.call(&with(unfit)).await.unwrap_err().code, "cert.validity", "{unfit}");
        }
    }

    async fn what_ends_with_its_issuer_says_so_and_an_ended_issuer_issues_nothing(world: &World) {
        let days = |days: u64| Duration::from_hours(24 * days);
        let mut rest = world.app.store.read().await.unwrap();
        world.clock.advance(days(5 * 365 - 100));
        let now = world.clock.now();
        let authority = active_authority(&world.app, &mut rest, AuthorityPurpose::RelyingParties).await.unwrap();
        let said = |life: Option<Duration>| {
            let planned = authority.plan_relying_party(PARTY, &fresh().public().unwrap(), life, now).unwrap();
            cut_short(&planned, life, now)
        };
        assert_eq!([said(None), said(Some(days(99)))], [None, None], "who asks for nothing is told nothing");
        assert!(said(Some(days(200))).unwrap().starts_with("a life of 17280000 s: relying-parties-1 ends at "));
        world.clock.advance(days(101));
        let problem = active_authority(&world.app, &mut rest, AuthorityPurpose::RelyingParties).await.unwrap_err().into_problem(None);
        assert_eq!((problem.status, problem.code.as_str()), (409, "cert.issuer-expired"));
    }

    async fn one_rule_says_which_key_is_certified_again(world: &World) {
        let officer = onboarded(world).await;
        for (reason, again) in [(RevocationReason::Superseded, None), (RevocationReason::CessationOfOperation, Some("cert.key-revoked"))] {
            let key = fresh();
            let serial = officer.call(&asked(csr_of(&key))).await.unwrap().certificate.serial;
            officer.call(&RevokeCertificate { serial: serial.clone(), reason }).await.unwrap();
            let renew = |csr| RenewCertificate { serial: serial.clone(), csr, validity: None };
            let code = |reply: Result<IssuedCertificate, api::Problem>| reply.err().map(|problem| problem.code);
            let each = [
                code(officer.call(&renew(None)).await),
                code(officer.call(&renew(Some(csr_of(&key)))).await),
                code(officer.call(&asked(csr_of(&key))).await),
            ];
            assert_eq!(each, [again; 3].map(|code| code.map(str::to_owned)), "{reason}");
        }
    }

    async fn a_hostile_request_is_on_record(world: &World) {
        let officer = onboarded(world).await;
        assert_eq!(officer.call(&asked("garbage".into())).await.unwrap_err().code, "csr.not-a-csr");
        let entry = world.audited("cert.issue").await;
        assert_eq!(entry, [("key-officer-1".to_owned(), PARTY.to_owned(), "refused".to_owned())]);
    }

    async fn a_certificate_that_somebody_holds_is_looked_over(world: &World) {
        let officer = onboarded(world).await;
        let issued = officer.call(&asked(csr_of(&fresh()))).await.unwrap();
        let check = |pem: &str| CheckCertificates { pem: Some(pem.to_owned()), ends_within_days: None };
        let pem = issued.pem.clone().unwrap();
        let one = officer.call(&check(&pem)).await.unwrap().remove(0);
        assert!(one.ok && one.holder.as_deref() == Some(PARTY), "{one:?}");
        world.clock.advance(Duration::from_hours(24 * 340));
        let one = officer.call(&check(&pem)).await.unwrap().remove(0);
        assert_eq!(one.findings, ["it ends in 25 days"]);
        officer.call(&RevokeCertificate { serial: issued.certificate.serial, reason: RevocationReason::Superseded }).await.unwrap();
        let one = officer.call(&check(&pem)).await.unwrap().remove(0);
        assert_eq!(one.findings, ["it is revoked", "it ends in 25 days"]);
        let whole: String = [pem.clone()].into_iter().chain(issued.chain.clone()).collect();
        let each = officer.call(&check(&whole)).await.unwrap();
        assert_eq!(each.iter().map(|one| one.ok).collect::<Vec<_>>(), [false, true, true], "{each:?}");
        for bad in ["nothing".to_owned(), format!("{pem}-----BEGIN EC PRIVATE KEY-----\n"), csr_of(&fresh())] {
            assert_eq!(officer.call(&check(&bad)).await.unwrap_err().code, "cert.unreadable");
        }
    }
}
