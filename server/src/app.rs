//! What every operation is given: the ports, built once in `main.rs` and once in the tests' world, and the caller.

use std::path::PathBuf;
use std::sync::Arc;

use api::{Operation, Role};
use domain::{ClientId, Clock, Entropy, Environment, KeyAlgorithm, OperatorId, RequestId, Timestamp};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::anchor::Seen;
use crate::certificate::citizen::Issuer;
use crate::certificate::clock::FoundRight;
use crate::certificate::presign::Presigner;
use crate::clock::Latest;
use crate::credential::key_sets::KeySets;
use crate::face_matcher::FaceMatcher;
use crate::gathered::Gathered;
use crate::housekeeping::outbox::Courier;
use crate::http::listeners::Listeners;
use crate::http::pki::{Responders, Stamping};
use crate::http::public::oauth::authenticate::KnownClient;
use crate::http::public::oauth::failed::FailedClients;
use crate::http::public::surge::Surge;
use crate::job::held_up::HeldUp;
use crate::key::clock::Said;
use crate::key::jwks::KeySet;
use crate::key::sightings::Sightings;
use crate::key::sign::OpenSigners;
use crate::keys::Keys;
use crate::keys::watch::Presence;
use crate::operator::turned_away::TurnedAway;
use crate::population_register::PopulationRegister;
use crate::registration::arrivals::Arrivals;
use crate::request::Guesses;
use crate::settings::Settings;
use crate::spent::Spender;
use crate::store::{KeyRow, Record, Store};

/// Signatures for strangers at once. A token takes tens of milliseconds for one.
pub const FOR_STRANGERS: usize = 4;

/// People whose evidence one node checks at once: their photos are in its memory meanwhile.
pub const CHECKS: usize = 16;

/// The ports.
pub struct App {
    /// The database.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The latest moment that this node has known.
    pub latest: Latest,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Signs, seals and unwraps; never hands a private key out.
    pub keys: Arc<Keys>,
    /// The settings this node runs with.
    pub settings: Settings,
    /// The node's data folder.
    pub data_dir: PathBuf,
    /// The instance's id.
    pub instance: String,
    /// The issuer, what the public listener calls itself (RFC 8414), fixed when the instance was made and never taken from a
    /// request; without a slash at its end.
    pub issuer_url: String,
    /// Sandbox or production; fixed when the instance was made.
    pub environment: Environment,
    /// Puts certificates on record before they are signed.
    pub presigner: Presigner,
    /// Signatures that are made for strangers at this moment, OCSP answers and time stamps: however many ask, and however slow the
    /// token is, operators and citizens have theirs made.
    pub strangers: Semaphore,
    /// Citizens' certificates that wait to be made good.
    pub issuer: Issuer,
    /// Ids that wait to be spent.
    pub spender: Spender,
    /// How often citizens' phones have named requests that there are not.
    pub guesses: Guesses,
    /// Whose turn it is on the public listener.
    pub surge: Surge,
    /// Answers about certificates.
    pub responders: Responders,
    /// Stamps times.
    pub stamping: Stamping,
    /// Whether whoever started this node says that its clock is right; counts once it is written down.
    pub clock_vouched: bool,
    /// When the clock was last found right by what is signed.
    pub clock_found_right: FoundRight,
    /// Carries notices to relying parties.
    pub courier: Arc<dyn Courier>,
    /// Fetches their key sets.
    pub key_sets: Arc<dyn KeySets>,
    /// The records of the Immigration Department.
    pub population_register: Arc<dyn PopulationRegister>,
    /// Compares faces; none where nothing does, and then nobody registers by a photo.
    pub face_matcher: Option<Arc<dyn FaceMatcher>>,
    /// People whose evidence is checked at this moment.
    pub checks: Semaphore,
    /// Phones that register by themselves.
    pub arrivals: Arrivals,
    /// What the TLS listeners accept connections with.
    pub listeners: Listeners,
    /// Wakes the node's own waiters early when something was committed. A hint, never a decision.
    pub wake: Wake,
    /// The job of this node that is held up, and what it waits for.
    pub held_up: HeldUp,
    /// What was written down of late about those who were not let in.
    pub turned_away: TurnedAway,
    /// Who this node is, while it runs.
    pub presence: Presence,
    /// How far this node has seen the instance come.
    pub seen: Seen,
    /// Clients that failed to prove who they are, of late.
    pub failed_clients: FailedClients,
    /// Which key sets relying parties were seen to fetch since it was last written down.
    pub sightings: Sightings,
    /// Whether the scheduler of keys has said that it doubts the clock.
    pub clock_doubted: Said,
    /// Opened token-signing keys; never which of them is active.
    pub signers: OpenSigners,
    /// Which of them is, read by those who sign at the same moment.
    pub signing: Gathered<KeyAlgorithm, Option<KeyRow>>,
    /// The keys that tokens are accepted by, read by those who are shown one at the same moment.
    pub accepted: Gathered<(), KeySet>,
    /// Clients and what proves them, read by their requests of the same moment.
    pub clients: Gathered<ClientId, KnownClient>,
    /// Cancelled when the node stops: what would go on for ever ends then.
    pub stopping: CancellationToken,
}

impl App {
    /// The moment by which codes, tokens and requests are judged to have ended ([`Latest`]).
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.latest.moment(self.clock.now())
    }
}

/// Hints between the tasks of one node.
#[derive(Default)]
pub struct Wake {
    /// Audit entries wait to be sealed.
    pub sealer: Notify,
    /// A checkpoint may be due to be stamped.
    pub stamps: Notify,
    /// Entries were sealed: the change feed has something new.
    pub feed: Notify,
    /// A job waits.
    pub jobs: Notify,
    /// Events wait to be folded.
    pub folder: Notify,
    /// Requests of citizens may have been waited for long enough.
    pub requests: Notify,
    /// A step of a key may be due.
    pub keys: Notify,
    /// A revocation is to be told to others.
    pub revocations: Notify,
    /// Something may have aged out.
    pub sweeper: Notify,
    /// Something runs out, or no longer does.
    pub expiry: Notify,
    /// A registration may be overdue.
    pub registrations: Notify,
    /// The outbox has something due.
    pub outbox: Notify,
    /// There is a newer checkpoint or revocation list.
    pub anchor: Notify,
    /// Key rows have changed.
    pub key_rows: Notify,
    /// A key pair in the token may be of no use any more.
    pub pairs: Notify,
    /// Rows are to be brought from one key to another.
    pub key_work: Notify,
    /// The key set of a party is to be read.
    pub key_sets: Notify,
    /// The listeners may have another certificate to show, or other authorities to believe.
    pub listeners: Notify,
    /// The listeners' certificate may be renewed now.
    pub listener_certificate: Notify,
}

/// Who asks, and how.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The operator on record.
    pub operator: OperatorId,
    /// Their name on record.
    pub name: String,
    /// What they may do, as the database said at the start of this request.
    pub roles: Vec<Role>,
    /// Serial of the certificate they came with, lower-case hex.
    pub certificate: String,
    /// Last moment of that certificate.
    pub certificate_not_after: Timestamp,
    /// This request.
    pub request: RequestId,
    /// The key under which the reply is kept; every write has one.
    pub idempotency: Option<Idempotency>,
    /// Digest of the request's body under the payload key, for the audit entry.
    pub payload_mac: String,
    /// Whether anything is to be kept.
    pub keep: Keep,
}

/// The key under which a reply is kept for repetition.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Keyed digest of the caller's key, lower-case hex.
    pub key: String,
    /// Keyed digest of the request's body.
    pub body_mac: [u8; 32],
}

/// Whether the effects of a request are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Committed.
    Effects,
    /// Rolled back at the end: a dry run.
    Nothing,
}

impl Caller {
    /// The audit record of an operation: its action, subject and call come from the operation itself.
    #[must_use]
    pub fn record<O: Operation>(&self, operation: &O) -> Record<'_, O> {
        Record::new(self, operation.subject(), operation.call())
    }

    /// Whether the caller holds the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
