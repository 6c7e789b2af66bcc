//! Invariant: this crate does no I/O.
//!
//! The rules and the words of the platform: people and their card numbers, accounts, relying
//! parties, key generations, time and figures. A rule takes values and returns values; time and
//! chance are handed in ([`Clock`], [`Entropy`]). Nothing here opens a file, a socket or a
//! database, reads the environment or asks the system for the time: Cargo enforces it, for no
//! crate that could is among the dependencies.

mod wire;

pub mod account;
pub mod catalogue;
pub mod certificate;
pub mod citizen_request;
pub mod claims;
pub mod codes;
pub mod credential;
pub mod disclosure;
pub mod distinct;
pub mod environment;
pub mod figures;
pub mod finding;
pub mod high_water;
pub mod hkic;
pub mod ids;
pub mod inventory;
pub mod key;
pub mod key_set;
pub mod ledger;
pub mod manifest;
pub mod mask;
pub mod person;
pub mod phone;
pub mod population;
pub mod readiness;
pub mod reference;
pub mod refusal;
pub mod registering;
pub mod registration;
pub mod relying_party;
pub mod rotation;
pub mod service_history;
pub mod synthetic;
pub mod tendency;
pub mod text;
pub mod time;
pub mod usage;

pub use account::{Account, AccountEventKind, AccountState, Channel, ClosureReason, Standing, Suspend, SuspensionReason, Tier};
pub use catalogue::{
    Categories, CategoryEntry, District, LOCATIONS_YAML, Location, Locations, NamedService, NamedServices, Places, PlannedTotal,
};
pub use certificate::{CertificateStanding, CertificateState, Holder, HolderKind, Release, Serial};
pub use citizen_request::{CitizenRequest, RequestState, Wants};
pub use claims::{Claim, Scope, claims_of};
pub use codes::{CODES, Code, explained};
pub use credential::{
    CredentialLife, CredentialSource, CredentialState, CredentialType, KnownKey, Merged, NamedBy, days_left, merge,
};
pub use environment::Environment;
pub use figures::{Comparative, Figure, Grain, Rule, spaced};
pub use finding::{Finding, Reading, read_checked, read_filled};
pub use high_water::{Behind, HighWater};
pub use hkic::{Hkic, HkicError};
pub use ids::{
    AuditId, CitizenRequestId, ClientId, IdError, JobId, Kid, LocationId, OperatorId, RegistrationId, RelyingPartyId, RequestId,
    ServiceSlug, StationId,
};
pub use inventory::{
    CalendarKind, Direction, ItemKind, KeyFacts, Next, NextStep, THRESHOLDS, alarm, crossed, lists_end, next_of_certificate,
    next_of_credential, next_of_key, next_of_lists, renewal_due, rotate_by,
};
pub use key::{
    ActivateAt, KeyAlgorithm, KeyGeneration, KeyPurpose, KeySlot, KeyState, Revocation, RevocationReason, Rotation,
    RotationTimes, Step, next_step, plan_rotation,
};
pub use key_set::{AddressFault, cache_age, check_address, check_key_set_url, retry_after};
pub use ledger::{
    Beside, Conditions, Count, Definitions, DefinitionsKind, Dimension, Drawn, FigureEntry, Formula, Measure, Rounding,
    TableFormula,
};
pub use manifest::{
    ApiVersion, Bilingual, Change, ChangeKind, Ciba, ClientAuthentication, ClientProfile, Contact, Credential, CredentialKind,
    FormField, Manifest, ManifestKind, SenderConstraint, ServiceManifest, UriFault, check_key_set, check_redirect_uri, diff,
    diff_from_nothing, too_many_keys,
};
pub use mask::{Maskable, Masked};
pub use person::{PersonName, Profile, ProfileError, Sex};
pub use phone::{Phone, PhoneError};
pub use population::Population;
pub use readiness::{Attribution, PartyFacts, Sighting, Verdict};
pub use reference::{AccountId, CallRef, ComparisonCode, CredentialId, PlanRef, ReferenceError};
pub use refusal::Refusal;
pub use registering::{DeviceKey, Progress, RegistrationEnd, RegistrationKind, RegistrationState};
pub use registration::{Arrival, LAUNCH, RegistrationRules};
pub use relying_party::{Category, Function, Industry, PartyState, Sector, ServiceState};
pub use rotation::{
    Due, HoldCause, LONGEST_STAMPING, LONGEST_TOKEN, Override, PlanState, PlannedStep, RotationBasis, RotationPlan, RotationStep,
    Setting, StepState, in_the_way, renew_from, renews_itself,
};
pub use service_history::{ServiceHistory, ServiceVersion};
pub use tendency::Tendency;
pub use text::{CharacterFault, TextFault, check_name, check_reason, is_piled, skeleton, suggest, visible};
pub use time::{Clock, Day, Entropy, Month, TimeError, Timestamp};
pub use usage::{Outcome, UsageChannel};
pub use wire::UnknownWord;
