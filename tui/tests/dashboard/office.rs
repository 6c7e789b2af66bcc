//! An office with a server of its own: it answers what the dashboard asks, as the real one would.

use std::collections::VecDeque;
use std::time::Duration;

use api::account::{Ended, NoticeStatus, PartyNotice, Suspension};
use api::audit::{AuditOutcome, AuditView};
use api::certificate::{CertificateDetail, CertificateView};
use api::event::ChangeEvent;
use api::hotline::{CallClosed, CallOpened, FoundAccount};
use api::instance::{AccountCount, Check, DayCount, Overview};
use api::inventory::InventoryItem;
use api::job::{JobState, JobView};
use api::key::{KeyDetail, KeyRevocation, KeyView, Notices, Revoked, RotatedKey};
use api::operator::Identity;
use api::relying_party::{PartyCredential, PartyService, PartySummary, PartyView};
use api::rotation::{CredentialSeen, PartyReadiness, PlanView, Readiness, SettingView, StepView};
use api::stats::{FrozenMonth, Trend, TrendMonth, UsageRow};
use api::{Page, Role};
use domain::{
    AccountId, AccountState, Attribution, Bilingual, CallRef, CertificateState, CredentialSource, CredentialState,
    CredentialType, Direction, Environment, HoldCause, HolderKind, ItemKind, KeyAlgorithm, KeyPurpose, KeyState, Kid, Manifest,
    Masked, Month, Override, PartyState, PersonName, PlanRef, PlanState, RevocationReason, RotationStep, ServiceState, Sighting,
    StepState, Tendency, Tier, Timestamp, Verdict,
};
use tui::{Action, Call, Event, Feed, Happened, Look, MonthFigures, Place, Read, Reply, State, Ticket, Trouble, Write};

/// Months to April 2022 that rise, one of them left out.
fn trend(name: &str, months: i32) -> Trend {
    let last: Month = "2022-04".parse().unwrap();
    let months = (0..months).map(|place| {
        let value = (place != 3).then(|| 40_000 * place.unsigned_abs() as u64);
        TrendMonth { month: Month::from_number(last.number() - months + 1 + place), value }
    });
    let text = Bilingual { en: format!("{name}: on a rise, by about 40 000 a month."), zh_hant: "上升".to_owned() };
    Trend { months: months.collect(), tendency: Tendency::Rise, slope_milli: 40_000_000, text }
}

/// 31 May 2022, noon in Hong Kong.
pub const NOON: &str = "2022-05-31T04:00:00Z";

/// An operator at the dashboard, and the server behind it.
pub struct Desk {
    pub state: State,
    pub now: Timestamp,
    pub server: Server,
    pub size: (u16, u16),
    /// Keys pressed, typed data left out.
    pub pressed: usize,
    /// Whether the dashboard was left.
    pub left: bool,
    /// Every event, as it was taken in.
    pub recorder: Option<tui::Recorder<Vec<u8>>>,
}

/// What the server knows and how it feels.
pub struct Server {
    pub roles: Vec<Role>,
    pub parties: Vec<Manifest>,
    pub suspended: Vec<(domain::RelyingPartyId, String)>,
    pub keys: Vec<KeyView>,
    /// In the order in which they end.
    pub certificates: Vec<CertificateView>,
    /// Newest first.
    pub plans: Vec<PlanView>,
    /// What ends within sixty days, the first to end first.
    pub ending: Vec<InventoryItem>,
    pub found: Vec<FoundAccount>,
    pub jobs: Vec<JobView>,
    pub failing: Vec<Check>,
    /// Answers instead of the next replies.
    pub troubles: VecDeque<Trouble>,
    /// Whether answers are held back.
    pub slow: bool,
    /// Whether it cannot be reached.
    pub away: bool,
    /// Calls that were not answered.
    pub held: Vec<(Ticket, Call)>,
    /// Writes that were sent, with the key they were sent under before.
    pub writes: Vec<(Write, Option<String>)>,
    /// Reads that were sent.
    pub reads: Vec<Read>,
    /// How what was named was sent.
    pub named: Vec<String>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

pub fn call() -> CallRef {
    CallRef::from_number(123_456_789).unwrap()
}

/// The manifests of the fixtures.
fn manifests() -> Vec<Manifest> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/relying-parties");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.iter().map(|path| client::yaml::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

pub fn key(
    kid: &str,
    purpose: KeyPurpose,
    name: &str,
    algorithm: KeyAlgorithm,
    state: KeyState,
    dates: [Option<&str>; 2],
) -> KeyView {
    // These end with their certificates.
    let certified = matches!(purpose, KeyPurpose::RootCa | KeyPurpose::IssuingCa | KeyPurpose::ServerTls);
    KeyView {
        kid: kid.parse().unwrap(),
        purpose,
        name: name.to_owned(),
        algorithm,
        state,
        created_at: at(if kid == NEW_KEY { "2022-05-31T03:54:00Z" } else { "2022-05-01T02:00:00Z" }),
        activate_at: dates[0].map(at),
        retire_at: dates[1].map(at).filter(|_| !certified),
        not_after: dates[1].map(at).filter(|_| certified),
        token_object: None,
        revoked: None,
        plan: None,
        work: None,
    }
}

/// A certificate that ends so many hours after noon, as the inventory has it.
pub fn ends(holder: &str, hours: i64) -> InventoryItem {
    let ends_at = Timestamp::from_micros(at(NOON).micros() + hours * 3_600_000_000);
    InventoryItem {
        id: format!("{holder}b3c4d5e6f708192a"),
        kind: ItemKind::Certificate,
        direction: Direction::Ours,
        what: "server".to_owned(),
        holder: holder.to_owned(),
        state: "valid".to_owned(),
        ends_at: Some(ends_at),
        days_left: Some(hours.div_euclid(24)),
        renewed: false,
        depends: Vec::new(),
        next: None,
        how: None,
    }
}

/// The reference of the rotation under test.
pub fn plan() -> PlanRef {
    PlanRef::from_number(123_456_789).unwrap()
}

/// A rotation of the token-signing keys, published at eight minutes to noon, with its steps as they stand in that state.
pub fn rotation(state: PlanState) -> PlanView {
    use RotationStep::{Activate, Drain, Publish, Retire, Wait};
    use StepState::{Ahead, CalledOff, Done, UnderWay};
    // One that is held has come to its date.
    let (publish, activate, retire) = match state {
        PlanState::Held => ("2022-05-31T03:40:00Z", "2022-05-31T03:55:00Z", "2022-05-31T04:05:00Z"),
        _ => ("2022-05-31T03:54:00Z", "2022-05-31T04:09:00Z", "2022-05-31T04:19:00Z"),
    };
    let states = match state {
        PlanState::Planned => [Ahead; 5],
        PlanState::Done => [Done; 5],
        PlanState::Aborted | PlanState::Lapsed => [Done, CalledOff, CalledOff, CalledOff, CalledOff],
        PlanState::Running | PlanState::Paused | PlanState::Held => [Done, UnderWay, Ahead, Ahead, Ahead],
    };
    let stages = [
        (Publish, publish, None),
        (Wait, publish, Some(activate)),
        (Activate, activate, None),
        (Drain, activate, Some(retire)),
        (Retire, retire, None),
    ];
    let settings = |step| match step {
        Wait => vec![
            SettingView { name: "keyPublishInterval".to_owned(), seconds: 900 },
            SettingView { name: "jwksMaxAge".to_owned(), seconds: 300 },
        ],
        _ => Vec::new(),
    };
    let step = |((step, from, until), state): ((RotationStep, &str, Option<&str>), StepState)| StepView {
        step,
        at: at(from),
        until: until.map(at),
        state,
        settings: settings(step),
    };
    let ledger = ledger();
    let count = |verdict| ledger.iter().filter(|party| party.verdict == verdict).count() as u64;
    PlanView {
        plan: plan(),
        purpose: KeyPurpose::TokenSigning,
        name: "tokens".to_owned(),
        algorithms: vec![KeyAlgorithm::Ps256],
        state,
        held_for: (state == PlanState::Held).then_some(HoldCause::Parties),
        created_at: at("2022-05-31T03:30:00Z"),
        created_by: "first-operator".parse().ok(),
        lapses_at: (state == PlanState::Planned).then(|| at("2022-06-07T03:50:00Z")),
        activate_at: at(activate),
        finished_at: matches!(state, PlanState::Done | PlanState::Aborted).then(|| at("2022-05-31T03:59:00Z")),
        emergency: None,
        overridden: None,
        kids: vec![NEW_KEY.parse().unwrap()],
        replaces: Vec::new(),
        work: None,
        steps: stages.into_iter().zip(states).map(step).collect(),
        readiness: Some(Readiness {
            ready: count(Verdict::Ready),
            not_ready: count(Verdict::NotReady),
            unknown: count(Verdict::Unknown),
            not_counted: count(Verdict::NoCredential),
            not_tracked: count(Verdict::NotTracked),
        }),
        ledger,
    }
}

/// The key that the rotation under test has published.
const NEW_KEY: &str = "dS7FF0ZB5pnWCTlKGdTIQjkh3cVXz6oJ0rYtWvLqK2E";

/// One party of each verdict, in the order of their ids.
fn ledger() -> Vec<PartyReadiness> {
    let kid = |kid: &str| kid.parse::<Kid>().unwrap();
    let seen = |minutes: u64, kids: &[&str]| Sighting {
        client: None,
        how: Attribution::OwnAddress,
        at: at(NOON).minus(Duration::from_secs(60 * minutes)),
        kids: kids.iter().map(|one| kid(one)).collect(),
        said_to: None,
    };
    let credential = || CredentialSeen {
        credential: "CR0000000012".parse().unwrap(),
        kind: "jwks".to_owned(),
        last_used_at: Some(at("2022-05-31T03:58:30Z")),
    };
    let party = |rp: &str, verdict, seen, breaks: &str| PartyReadiness {
        rp: rp.parse().unwrap(),
        verdict,
        seen,
        credential: Some(credential()),
        breaks: breaks.to_owned(),
    };
    let old = ["WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"];
    let new = [old[0], old[1], NEW_KEY];
    vec![
        party("civil-service-bureau", Verdict::NoCredential, None, "nothing: it has no credential and logs nobody in"),
        party("hongkong-post", Verdict::Ready, Some(seen(2, &new)), "nothing"),
        party(
            "hospital-authority",
            Verdict::Unknown,
            None,
            "not known: hospital-authority.ha-go was never seen to fetch the key set",
        ),
        party(
            "inland-revenue-department",
            Verdict::NotReady,
            Some(seen(200, &old)),
            "inland-revenue-department.etax would refuse our tokens until the key set is fetched again",
        ),
    ]
}

/// A certificate that ends so many days after noon.
pub fn certificate(number: u32, profile: &str, holder: (HolderKind, &str), days: i64) -> CertificateView {
    let (now, day) = (at(NOON).micros(), 86_400_000_000);
    let (issuer, subject) = match profile {
        "operator" => ("operators-1", format!("CN={},OU=Operators,O=Sandbox identity platform,C=HK", holder.1)),
        "relying-party" => ("relying-parties-1", format!("CN={},OU=稅務局,O=Sandbox identity platform,C=HK", holder.1)),
        _ => ("root-1", format!("CN={},O=Sandbox identity platform,C=HK", holder.1)),
    };
    CertificateView {
        serial: format!("{:08x}b3c4d5e6f708192a3b4c5d6e", 0x4be1_0000 + number).parse().unwrap(),
        profile: profile.to_owned(),
        subject,
        issuer: issuer.to_owned(),
        holder_kind: holder.0,
        holder: holder.1.to_owned(),
        state: if days < 0 { CertificateState::Expired } else { CertificateState::Valid },
        not_before: Timestamp::from_micros(now + (days - 365) * day),
        not_after: Timestamp::from_micros(now + days * day + day / 2),
        days_left: days,
        revoked_at: None,
        revoked_reason: None,
    }
}

/// One at each mark, one that is far from it, one that has ended and one that was revoked.
fn certificates() -> Vec<CertificateView> {
    use HolderKind::{Key, Operator, RelyingParty};
    let mut revoked = certificate(9, "relying-party", (RelyingParty, "sandbox-bank"), 200);
    revoked.state = CertificateState::Revoked;
    revoked.revoked_at = Some(at("2022-05-30T02:00:00Z"));
    revoked.revoked_reason = Some(RevocationReason::KeyCompromise);
    vec![
        certificate(1, "operator", (Operator, "agent-3"), -12),
        certificate(2, "operator", (Operator, "agent-7"), 0),
        certificate(3, "relying-party", (RelyingParty, "hospital-authority"), 5),
        certificate(4, "relying-party", (RelyingParty, "inland-revenue-department"), 12),
        certificate(5, "server", (Key, "listeners-1"), 20),
        certificate(6, "ocsp-responder", (Key, "ocsp-operators-1"), 45),
        certificate(7, "operator", (Operator, "first-operator"), 61),
        revoked,
        certificate(8, "issuing-ca", (Key, "operators-1"), 1_795),
    ]
}

pub fn citizen(number: u64, name: &str, chinese: &str, hkic: &str, state: AccountState) -> FoundAccount {
    FoundAccount {
        account: account(number),
        name_masked: Some(Masked::of(&PersonName { en: name.to_owned(), zh_hant: Some(chinese.to_owned()) })),
        hkic_masked: Some(Masked::of(&hkic.parse().unwrap())),
        tier: Tier::IamSmartPlus,
        state,
        device: Some("Pixel 6".to_owned()),
    }
}

pub fn job(state: JobState, done: u64) -> JobView {
    JobView {
        job: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        kind: "sandbox.populate".to_owned(),
        state,
        operator: "first-operator".to_owned(),
        done,
        total: 18_400_000,
        message: "usage of February 2022".to_owned(),
        created_at: at("2022-05-31T03:50:00Z"),
        started_at: Some(at("2022-05-31T03:50:01Z")),
        finished_at: None,
        error: None,
    }
}

impl Server {
    fn new(roles: &[Role]) -> Self {
        use KeyAlgorithm::{Ed25519, Es256, Ps256};
        use KeyPurpose::{Audit, IssuingCa, RootCa, ServerTls, TokenSigning};
        Self {
            roles: roles.to_vec(),
            parties: manifests(),
            suspended: Vec::new(),
            keys: vec![
                key("checkpoints-1", Audit, "checkpoints", Ed25519, KeyState::Active, [Some("2022-05-01T02:00:00Z"), None]),
                key("operators-1", IssuingCa, "operators", Es256, KeyState::Active, [None, Some("2027-05-01T02:00:00Z")]),
                key("root-1", RootCa, "root", Es256, KeyState::Active, [None, Some("2042-05-01T02:00:00Z")]),
                key("listeners-1", ServerTls, "listeners", Es256, KeyState::Active, [None, Some("2022-06-20T02:00:00Z")]),
                key(
                    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                    TokenSigning,
                    "tokens",
                    Es256,
                    KeyState::Draining,
                    [Some("2022-05-01T02:00:00Z"), Some("2022-05-31T04:04:00Z")],
                ),
                key(
                    "WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q",
                    TokenSigning,
                    "tokens",
                    Es256,
                    KeyState::Active,
                    [Some("2022-05-31T03:54:00Z"), None],
                ),
                key(
                    "dS7FF0ZB5pnWCTlKGdTIQjkh3cVXz6oJ0rYtWvLqK2E",
                    TokenSigning,
                    "tokens",
                    Ps256,
                    KeyState::Published,
                    [Some("2022-05-31T04:09:00Z"), None],
                ),
                key("old-1", ServerTls, "listeners", Es256, KeyState::Retired, [None, Some("2022-05-01T02:00:00Z")]),
            ],
            certificates: certificates(),
            plans: Vec::new(),
            ending: Vec::new(),
            found: vec![citizen(77, "CHAN TAI MAN", "陳大文", "G123456(A)", AccountState::Active)],
            jobs: Vec::new(),
            failing: Vec::new(),
            troubles: VecDeque::new(),
            slow: false,
            away: false,
            held: Vec::new(),
            writes: Vec::new(),
            reads: Vec::new(),
            named: Vec::new(),
        }
    }

    fn state_of(&self, rp: &domain::RelyingPartyId) -> PartyState {
        if self.suspended.iter().any(|(suspended, _)| suspended == rp) { PartyState::Suspended } else { PartyState::Active }
    }

    fn party(&self, rp: &domain::RelyingPartyId) -> Result<Box<PartyView>, Trouble> {
        let Some(manifest) = self.parties.iter().find(|manifest| manifest.id == *rp) else {
            return Err(problem("rp.not-found", &format!("there is no relying party {rp}"), "'iamctl rp list' shows them"));
        };
        let state = self.state_of(rp);
        let credentials: Vec<PartyCredential> = manifest
            .credentials
            .iter()
            .map(|_| PartyCredential {
                id: "CR0000000012".parse().unwrap(),
                kind: CredentialType::Jwks,
                state: CredentialState::Active,
                not_after: None,
                source: CredentialSource::Manifest,
                service: None,
                label: None,
            })
            .collect();
        let service_state = if state == PartyState::Active { ServiceState::Active } else { ServiceState::Suspended };
        let warnings = if credentials.is_empty() {
            vec!["it has no credential: it cannot log anybody in until one is applied".to_owned()]
        } else {
            Vec::new()
        };
        Ok(Box::new(PartyView {
            ended: None,
            rp: rp.clone(),
            organisation: manifest.organisation.clone(),
            sector: manifest.sector,
            industry: manifest.industry,
            state,
            suspended_reason: self.suspended.iter().find(|(suspended, _)| suspended == rp).map(|(_, why)| why.clone()),
            services: manifest
                .services
                .iter()
                .map(|service| PartyService {
                    service: service.id.clone(),
                    name: service.name.clone(),
                    category: service.category,
                    functions: service.functions.clone(),
                    state: service_state,
                })
                .collect(),
            credentials,
            warnings,
            version: 2,
            manifest: manifest.clone(),
            created_at: at("2020-12-29T02:00:00Z"),
            updated_at: at("2022-05-30T02:00:00Z"),
        }))
    }

    fn overview(&self, days: u32, now: Timestamp) -> Overview {
        let last = now.hk_day().plus_days(-1);
        let count = |tier, state, count| AccountCount { tier, state, count };
        let entry = |minutes: u64, operator: &str, action: &str, subject: &str, outcome| AuditView {
            index: Some(minutes),
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            at: at(NOON).minus(Duration::from_secs(60 * minutes)),
            operator: operator.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            outcome,
            call: (action == "account.suspend").then(call),
            request_id: None,
        };
        Overview {
            instance: "01a20229-5b31-740a-bdb1-1cbed7389533".to_owned(),
            environment: Environment::Sandbox,
            version: "0.1.0".to_owned(),
            at: now,
            accounts: vec![
                count(Tier::IamSmart, AccountState::Active, 923_412),
                count(Tier::IamSmart, AccountState::Suspended, 31),
                count(Tier::IamSmart, AccountState::Closed, 7),
                count(Tier::IamSmartPlus, AccountState::Active, 402_113),
                count(Tier::IamSmartPlus, AccountState::Suspended, 12),
            ],
            parties: self.parties.len() as u64,
            services: 212,
            uses: 17_123_456,
            uses_per_day: (0..days)
                .map(|place| {
                    let day = last.plus_days(place as i32 - days as i32 + 1);
                    let rest = if matches!(day.number().rem_euclid(7), 2 | 3) { 2 } else { 1 };
                    DayCount { day, count: (20_000 + u64::from(place) * 700 + u64::from(place % 11) * 900) / rest }
                })
                .collect(),
            keys: self.keys.iter().filter(|key| key.state != KeyState::Retired).cloned().collect(),
            jobs: self.jobs.clone(),
            audit: vec![
                entry(1, "agent-7", "account.suspend", &account(77).to_string(), AuditOutcome::Done),
                entry(2, "agent-7", "hotline.find", &call().to_string(), AuditOutcome::Done),
                entry(3, "first-operator", "rp.suspend", "sandbox-bank", AuditOutcome::Refused),
                entry(6, "system", "key.activate", "WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q", AuditOutcome::Done),
                entry(16, "first-operator", "key.rotate", "token-signing", AuditOutcome::Done),
                entry(1_500, "first-operator", "rp.apply", "44 relying parties", AuditOutcome::Done),
                entry(1_501, "first-operator", "operator.add", "agent-7", AuditOutcome::Done),
            ],
        }
    }

    fn answer(&mut self, call: &Call, now: Timestamp) -> Result<Reply, Trouble> {
        if self.away {
            return Err(unreachable());
        }
        if let Some(trouble) = self.troubles.pop_front() {
            return Err(trouble);
        }
        Ok(match call {
            Call::Read(Read::WhoAmI) => Reply::WhoAmI(Identity {
                operator: "first-operator".parse().unwrap(),
                name: "First operator".to_owned(),
                roles: self.roles.clone(),
                instance: "01a20229-5b31-740a-bdb1-1cbed7389533".to_owned(),
                environment: Environment::Sandbox,
                certificate_not_after: at("2023-05-31T04:00:00Z"),
                server_time: now,
                version: "0.1.0".to_owned(),
            }),
            Call::Read(Read::Overview(days)) => Reply::Overview(self.overview(*days, now)),
            Call::Read(Read::Checks) => {
                let mut checks: Vec<Check> = ["database", "audit", "keys", "clock", "disk", "outbox"]
                    .iter()
                    .map(|id| Check { id: (*id).to_owned(), ok: true, detail: "fine".to_owned(), mend: None })
                    .collect();
                for failing in &self.failing {
                    checks.retain(|check| check.id != failing.id);
                    checks.push(failing.clone());
                }
                Reply::Checks(checks)
            }
            Call::Read(Read::Parties) => Reply::Parties(
                self.parties
                    .iter()
                    .map(|manifest| PartySummary {
                        rp: manifest.id.clone(),
                        organisation: manifest.organisation.clone(),
                        sector: manifest.sector,
                        industry: manifest.industry,
                        state: self.state_of(&manifest.id),
                        services: manifest.services.len() as u32,
                        synthetic: manifest.synthetic,
                        version: 2,
                    })
                    .collect(),
            ),
            Call::Read(Read::Party(rp)) => Reply::Party(self.party(rp)?),
            Call::Read(Read::Keys) => Reply::Keys(self.keys.clone()),
            Call::Read(Read::Key(kid)) => {
                let key = self.keys.iter().find(|key| key.kid == *kid).unwrap().clone();
                let in_jwks = key.purpose == KeyPurpose::TokenSigning;
                let jwk =
                    in_jwks.then(|| serde_json::json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256"}));
                let certificate = (key.purpose == KeyPurpose::RootCa).then(|| {
                    let body = "MIIBszCCAVmgAwIBAgIUFGfSRs1VHbhR1t0hWqTKc1mXo7gwCgYIKoZIzj0EAwIw\n".repeat(14);
                    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
                });
                let (depends, known_to) = Default::default();
                Reply::Key(Box::new(KeyDetail { key, jwk, certificate, in_jwks, next: None, depends, known_to }))
            }
            Call::Read(Read::Certificates(wanted, after)) => {
                let op = wanted.page(after.clone());
                let fits = |row: &&CertificateView| {
                    op.state.is_none_or(|state| row.state == state)
                        && op.holder_kind.is_none_or(|kind| row.holder_kind == kind)
                        && op.holder.as_ref().is_none_or(|holder| row.holder == *holder)
                        && op.issuer.as_ref().is_none_or(|issuer| row.issuer == *issuer)
                        && op.profile.as_ref().is_none_or(|profile| row.profile == *profile)
                        && op.ends_within_days.is_none_or(|days| row.days_left <= i64::from(days))
                };
                let fitting: Vec<&CertificateView> = self.certificates.iter().filter(fits).collect();
                let behind = |serial| fitting.iter().position(|row| row.serial.as_str() == serial).unwrap() + 1;
                let first = after.as_deref().map_or(0, behind);
                let limit = op.page.limit() as usize;
                let items: Vec<_> = fitting.iter().skip(first).take(limit).map(|row| (*row).clone()).collect();
                let more = first + items.len() < fitting.len();
                let next = items.last().filter(|_| more).map(|row| row.serial.to_string());
                Reply::Certificates(Page { items, next })
            }
            Call::Read(Read::Certificate(serial)) => {
                let Some(row) = self.certificates.iter().find(|row| row.serial == *serial).cloned() else {
                    let message = format!("there is no certificate {serial}");
                    return Err(problem("certificate.not-found", &message, "'iamctl cert list' shows them"));
                };
                let body = "MIIBszCCAVmgAwIBAgIUFGfSRs1VHbhR1t0hWqTKc1mXo7gwCgYIKoZIzj0EAwIw\n".repeat(10);
                let pem = format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n");
                Reply::Certificate(Box::new(CertificateDetail {
                    pem: Some(pem.clone()),
                    chain: vec![pem],
                    key: Some("WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q".to_owned()),
                    sha256: None,
                    planned_at: row.not_before,
                    depends: vec![format!("{} {} comes in with it", row.holder_kind, row.holder)],
                    next: Some(format!("renew it from 2022-05-01T04:00:00Z on, before {}", row.not_after)),
                    certificate: row,
                }))
            }
            Call::Read(Read::Ending) => Reply::Ending(Page { items: self.ending.clone(), next: None }),
            Call::Read(Read::Plans) => {
                let short = |plan: &PlanView| PlanView { steps: Vec::new(), ledger: Vec::new(), readiness: None, ..plan.clone() };
                Reply::Plans(self.plans.iter().map(short).collect())
            }
            Call::Read(Read::Plan(plan)) => Reply::Plan(Box::new(self.plan(*plan)?.clone())),
            Call::Read(Read::Month(wanted)) => Reply::Month(Box::new(self.month(*wanted))),
            Call::Read(Read::ServiceMonths(service, _)) => Reply::ServiceMonths(Box::new(trend(&service.to_string(), 9))),
            Call::Export { file, .. } => {
                let file = file.display().to_string();
                Reply::Exported { command: format!("iamctl stats legco -o pdf --to {file}"), file, bytes: 123_456 }
            }
            Call::Find { who, .. } => {
                self.named.push(who.expose().to_owned());
                // As the real client does: what is malformed is not sent.
                if who.expose().starts_with("G123456(3") {
                    return Err(Trouble::here(
                        "hkic.check-character",
                        "the check character of the HKIC number is wrong: one of its characters was mistyped",
                        "ask the caller to read it again, slowly",
                    ));
                }
                Reply::Found(self.found.clone())
            }
            Call::Write(write) => self.done(write, now)?,
        })
    }

    /// Uses grow with the months; in the newest one a service is left out of what is published.
    fn month(&self, wanted: Option<Month>) -> MonthFigures {
        let month = wanted.unwrap_or_else(|| "2022-04".parse().unwrap());
        let row = |id: &str, en: &str, zh_hant: &str, uses: Option<u64>| UsageRow {
            id: id.to_owned(),
            name: Bilingual { en: en.to_owned(), zh_hant: zh_hant.to_owned() },
            uses,
            not_completed: uses.map(|uses| uses / 7),
        };
        let many = u64::from(month.number().unsigned_abs()) * 100;
        let services = vec![
            row("sandbox-bank.e-banking", "e-Banking", "網上理財", Some(many / 5)),
            row("immigration-department.hksar-passport-application", "Application for HKSAR passport", "申請香港特區護照", None),
            row("inland-revenue-department.etax", "eTAX \u{1b}[31m", "税務易", Some(many)),
            row("transport-department.vehicle-licence-renewal", "Renewal of Vehicle Licence", "續領車輛牌照", Some(many)),
            row("hospital-authority.ha-go", "HA Go", "醫管局「HA Go」", Some(0)),
        ];
        let sectors = vec![
            row("government", "Government", "政府", Some(many * 2)),
            row("public", "Public", "公營", Some(0)),
            row("private", "Private", "私營", Some(many / 5)),
        ];
        let frozen = (month == "2022-03".parse().unwrap()).then(|| FrozenMonth {
            month,
            known_at: "2022-04-10".parse().unwrap(),
            definitions: "2022-1".to_owned(),
            uses: many * 2,
            users: 4_711,
            registered: 1_312_480,
            frozen_at: at("2022-04-11T02:00:00Z"),
            operator: "first-operator".parse().unwrap(),
            already: false,
            digest: "4f3a9c1277".repeat(6),
            checkpoint: String::new(),
        });
        MonthFigures { month, trend: trend("Uses", 17), services, sectors, frozen }
    }

    fn plan(&mut self, plan: PlanRef) -> Result<&mut PlanView, Trouble> {
        let message = format!("there is no rotation {plan}");
        let known = self.plans.iter_mut().find(|known| known.plan == plan);
        known.ok_or_else(|| problem("rotation.not-found", &message, "'iamctl key plan --list' shows them"))
    }

    fn becomes(&mut self, plan: PlanRef, state: PlanState, why: Option<&str>, now: Timestamp) -> Result<Reply, Trouble> {
        let plan = self.plan(plan)?;
        let by = "first-operator".parse().unwrap();
        let overridden = why.map(|reason| Override { reason: reason.to_owned(), by, at: now });
        *plan = PlanView { overridden, ..rotation(state) };
        Ok(Reply::PlanChanged(Box::new(plan.clone())))
    }

    fn done(&mut self, write: &Write, now: Timestamp) -> Result<Reply, Trouble> {
        Ok(match write {
            Write::SuspendParty(rp, reason) => {
                self.suspended.push((rp.clone(), reason.clone()));
                Reply::PartySuspended(self.party(rp)?)
            }
            Write::ResumeParty(rp, _) => {
                self.suspended.retain(|(suspended, _)| suspended != rp);
                Reply::PartyResumed(self.party(rp)?)
            }
            Write::RotateKey(purpose, ..) => {
                let made = key(
                    "nExt0nErsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRG",
                    *purpose,
                    "tokens",
                    KeyAlgorithm::Es256,
                    KeyState::Published,
                    [Some("2022-05-31T04:10:00Z"), None],
                );
                self.keys.push(made.clone());
                Reply::Rotated(vec![rotated(made, None)])
            }
            Write::RevokeKey(kid, reason) => {
                let key = self.keys.iter_mut().find(|key| key.kid == *kid).unwrap();
                key.state = KeyState::Revoked;
                key.revoked = Some(Revoked { at: now, reason: *reason });
                Reply::Revoked(KeyRevocation { key: key.clone(), replaced_by: None, readiness: None, notices: None })
            }
            Write::OpenCall => Reply::Opened(CallOpened { call: call(), opened_at: now }),
            Write::SuspendAccount { account, call, .. } => {
                let already = self.found.iter().any(|found| found.account == *account && found.state == AccountState::Suspended);
                for found in self.found.iter_mut().filter(|found| found.account == *account) {
                    found.state = AccountState::Suspended;
                }
                Reply::Suspended(suspension(*account, *call, now, already))
            }
            Write::CloseCall(call) => Reply::Closed(CallClosed {
                call: *call,
                opened_at: now.minus(Duration::from_secs(30)),
                closed_at: now,
                suspended: vec![account(77)],
            }),
            Write::PlanRotation(line, _) => {
                let planned = PlanView { purpose: line.purpose, ..rotation(PlanState::Planned) };
                self.plans.insert(0, planned.clone());
                Reply::Planned(Box::new(planned))
            }
            Write::RunPlan(plan, why) => {
                self.becomes(*plan, PlanState::Running, why.as_deref(), now)?;
                let made = self.keys.iter().filter(|key| key.kid.as_str() == NEW_KEY).cloned();
                Reply::Rotated(made.map(|key| rotated(key, None)).collect())
            }
            Write::PausePlan(plan) => self.becomes(*plan, PlanState::Paused, None, now)?,
            Write::ResumePlan(plan, why) => self.becomes(*plan, PlanState::Running, why.as_deref(), now)?,
            Write::AbortPlan(plan) => self.becomes(*plan, PlanState::Aborted, None, now)?,
            Write::Emergency(..) => {
                let made = self.keys.iter().find(|key| key.kid.as_str() == NEW_KEY).cloned();
                let notices = Notices { on_their_way: 0, without_a_way: vec!["hongkong-post".parse().unwrap()] };
                let active = made.into_iter().map(|key| KeyView { state: KeyState::Active, ..key });
                Reply::Rotated(active.map(|key| rotated(key, Some(notices.clone()))).collect())
            }
            Write::CancelJob(_) => {
                self.jobs[0].state = JobState::Cancelled;
                Reply::Cancelled(self.jobs[0].clone())
            }
        })
    }
}

fn rotated(key: KeyView, notices: Option<Notices>) -> RotatedKey {
    RotatedKey { key, replaced: None, withdrawn: Vec::new(), readiness: Readiness::default(), notices }
}

pub fn suspension(account: AccountId, call: Option<CallRef>, now: Timestamp, already: bool) -> Suspension {
    let notice = |rp: &str, status| PartyNotice { rp: rp.parse().unwrap(), status };
    Suspension {
        account,
        state: AccountState::Suspended,
        already,
        call,
        suspended_at: now,
        took_ms: 4,
        ended: Ended { sessions: 2, tokens: 5, requests: 1, certificates: 1 },
        relying_parties: vec![
            notice("inland-revenue-department", NoticeStatus::Acknowledged),
            notice("hospital-authority", NoticeStatus::Pending),
        ],
        read_back: Bilingual {
            en: format!(
                "Your iAM Smart account is suspended from this moment. Nobody can log in or sign with it. To use it again, register \
                 once more with your identity card at a kiosk or a counter. Your reference is {}.",
                call.map(CallRef::spoken).unwrap_or_default()
            ),
            zh_hant: format!(
                "你的「智方便」帳戶由此刻起已暫停，任何人都不能以它登入或簽署。如要再次使用，請帶同身份證到自助登記站或櫃位重新登記。參考編號是{}。",
                call.map(CallRef::spoken).unwrap_or_default()
            ),
        },
    }
}

/// The text of a screen without its frames and line ends.
fn flowing(screen: &str) -> String {
    screen.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn problem(code: &str, message: &str, hint: &str) -> Trouble {
    Trouble { request_id: Some("01a20229-a48a-7100-a649-cfec5dc4a182".to_owned()), ..Trouble::here(code, message, hint) }
}

pub fn unreachable() -> Trouble {
    Trouble {
        away: true,
        retryable: true,
        ..Trouble::here(
            "server.unreachable",
            "cannot reach https://127.0.0.1:7443: connection refused",
            "see that the server runs ('iamd serve')",
        )
    }
}

/// How a desk is set up.
pub struct Setting {
    pub roles: &'static [Role],
    pub size: (u16, u16),
    pub look: Look,
    pub environment: Environment,
}

impl Default for Setting {
    fn default() -> Self {
        Self { roles: Role::ALL, size: (80, 24), look: Look { ascii: false, color: true }, environment: Environment::Sandbox }
    }
}

impl Desk {
    /// An operator of every role, at a terminal of 80 by 24.
    pub fn new() -> Self {
        Self::with(Setting::default())
    }

    pub fn with(setting: Setting) -> Self {
        let mut desk = Self::before_the_first_answer(setting);
        desk.serve();
        desk.happens(Event::Feed(Feed::Live));
        desk
    }

    pub fn before_the_first_answer(setting: Setting) -> Self {
        let now = at(NOON);
        let place = Place {
            context: "demo".to_owned(),
            server: "https://127.0.0.1:7443".to_owned(),
            environment: setting.environment,
            operator: "first-operator".to_owned(),
        };
        let opened = tui::Opened { at: now, place: place.clone(), look: setting.look, size: setting.size };
        let recorder = Some(tui::Recorder::begin(Vec::new(), &opened).unwrap());
        let (state, actions) = State::open(place, setting.look, Some(crate::grammar::grammar()), setting.size, now);
        let server = Server::new(setting.roles);
        let mut desk = Self { state, now, server, size: setting.size, pressed: 0, left: false, recorder };
        desk.take(actions);
        desk
    }

    /// Something happens, now, with the ticks that are due at once.
    pub fn happens(&mut self, event: Event) {
        self.taken_in(event);
        self.serve();
        for round in 0.. {
            assert!(round < 3, "ticks that are due at once again and again would be a busy loop");
            if self.state.wakes().is_none_or(|wakes| wakes > self.now) {
                return;
            }
            self.taken_in(Event::Tick);
            self.serve();
        }
    }

    fn taken_in(&mut self, event: Event) {
        let happened = Happened { at: self.now, event };
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&self.state, &happened).unwrap();
        }
        let actions = self.state.apply(happened);
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Leave => self.left = true,
                Action::Call { ticket, call, key } => {
                    match &call {
                        Call::Read(read) => self.server.reads.push(read.clone()),
                        Call::Write(write) => self.server.writes.push((write.clone(), key)),
                        Call::Find { .. } | Call::Export { .. } => {}
                    }
                    self.server.held.push((ticket, call));
                }
            }
        }
    }

    /// The server answers what it was asked, unless it is slow.
    pub fn serve(&mut self) {
        while !self.server.slow && !self.server.held.is_empty() {
            let (ticket, call) = self.server.held.remove(0);
            let answer = Box::new(self.server.answer(&call, self.now));
            self.taken_in(Event::Answer { ticket, answer });
        }
    }

    /// Presses keys, by name, parted by spaces.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.pressed += 1;
            self.happens(Event::Key(key.parse().unwrap()));
        }
    }

    /// Types a text, character by character.
    pub fn types(&mut self, text: &str) {
        for character in text.chars() {
            let key = if character == ' ' { "space".to_owned() } else { character.to_string() };
            self.happens(Event::Key(key.parse().unwrap()));
        }
    }

    /// Time passes, with the ticks that the dashboard wants meanwhile.
    pub fn waits(&mut self, span: Duration) {
        let until = self.now.plus(span);
        while let Some(wakes) = self.state.wakes().filter(|wakes| *wakes <= until) {
            self.now = wakes;
            self.happens(Event::Tick);
        }
        self.now = until;
    }

    /// Something was changed on the platform.
    pub fn change(&mut self, action: &str, subject: &str) {
        self.happens(Event::Feed(Feed::Change(ChangeEvent {
            index: 7,
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            at: self.now,
            operator: "agent-7".to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            outcome: "done".to_owned(),
        })));
    }

    /// The screen's text.
    pub fn screen(&self) -> String {
        crate::screen::text(&crate::screen::drawn(&self.state, self.size.0, self.size.1))
    }

    /// The screen with its styles.
    pub fn styled(&self) -> String {
        crate::screen::styled(&crate::screen::drawn(&self.state, self.size.0, self.size.1))
    }

    /// The screen shows this.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        let screen = self.screen();
        assert!(screen.contains(text) || flowing(&screen).contains(text), "'{text}' is wanted on\n{screen}");
    }

    /// The screen does not show this.
    #[track_caller]
    pub fn hides(&self, text: &str) {
        let screen = self.screen();
        assert!(!screen.contains(text), "'{text}' is not wanted on\n{screen}");
    }

    /// The session as it was recorded.
    pub fn recording(&mut self) -> String {
        String::from_utf8(self.recorder.take().unwrap().into_inner()).unwrap()
    }
}
