//! Keys in a PKCS#11 token (OASIS PKCS #11, version 2.40 and up): made there, used there, never handed out.
//!
//! Invariant: a PIN that the token refused is not given to it a second time, and none is given at its final try: whatever is
//! set wrongly here, the token is never locked out.
//! Invariant: no caller waits for the token longer than its deadline; while a call hangs, others fail at once.

mod desk;
mod device;
mod fault;
mod key;
mod pin;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use self::desk::{Calling, Desk};
use self::device::Device;
pub use self::key::TokenKey;
use crate::error::PkiError;
use crate::generate::{KeyKind, PublicKey};

/// Calls that a token works on at once, and so the sessions that are kept.
const SESSIONS: usize = 4;
/// How much longer than a signature a key pair may take: an RSA key is found by trying.
const GENERATION_FACTOR: u32 = 12;

/// Which token, and how long a caller waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The maker's library, e.g. `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// The longest that a signature may take. Making a key pair may take twelve times as long.
    pub deadline: Duration,
}

/// Where the user's PIN is read from, anew at each login: who mends a wrong one need not restart anything.
pub trait PinSource: Send + Sync {
    /// The PIN. Errors with [`PkiError::TokenUnavailable`] when there is none to be had.
    fn pin(&self) -> Result<Zeroizing<String>, PkiError>;

    /// What to do when the token refused it.
    fn mend(&self) -> &'static str {
        "put the right one into the PIN file"
    }
}

/// What names a key pair that others than we have made, or that was made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The private key's label (CKA_LABEL).
    Label(String),
    /// Its id (CKA_ID), of any length.
    Id(Vec<u8>),
}

/// A token. It is opened by the first call that needs it, and again after it was gone; clones are the same token.
///
/// A module is initialised and finalised for the whole process, so that one that serves has one of these for a module. A command
/// that brings the root's token may have two, and uses one at a time: what the other's end finalised is opened anew.
#[derive(Clone)]
pub struct Token {
    desk: Arc<Desk<Device>>,
    settings: Arc<TokenSettings>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({:?})", self.settings.label)
    }
}

impl Token {
    /// A token that nothing is known of yet. Errors when no thread can be started.
    pub fn new(settings: TokenSettings, pins: impl PinSource + 'static) -> Result<Self, PkiError> {
        let device = Device::new(settings.module.clone(), settings.label.clone(), Box::new(pins));
        let desk = Desk::new(device, SESSIONS, "pkcs11")
            .map_err(|fault| PkiError::token_unavailable(format!("its threads cannot be started: {fault}")))?;
        Ok(Self { desk: Arc::new(desk), settings: Arc::new(settings) })
    }

    /// Which token it is.
    #[must_use]
    pub fn settings(&self) -> &TokenSettings {
        &self.settings
    }

    /// Asks the token for a sign of life. The only call that is made while another one hangs, so that somebody finds out when
    /// it is back; call it now and then, and from where nobody waits.
    pub fn probe(&self) -> Result<(), PkiError> {
        self.desk.call(Calling::ToSeeWhetherItAnswers, self.settings.deadline, Device::probe, |_, ()| ())
    }

    /// What went wrong with the last call; `Ok` when it was answered, or when there was none yet.
    pub fn standing(&self) -> Result<(), PkiError> {
        self.desk.last_fault().map_or(Ok(()), |what| Err(PkiError::TokenUnavailable { what }))
    }

    /// Whether the token makes keys of this kind and signs with them.
    pub fn can(&self, kind: KeyKind) -> Result<bool, PkiError> {
        self.call(self.settings.deadline, move |device| key::supported(device, kind))
    }

    /// Makes a key pair in the token: sensitive, not extractable, kept. `name` says what the key is called there, for people
    /// who look at the token with its own tools; it is told the public half, since a `kid` may be its thumbprint. What finds
    /// the key again is [`TokenKey::object`], which the caller keeps together with the public half.
    ///
    /// Errors with [`PkiError::Unfit`] when the token does not make such keys. A pair that is finished after the deadline is
    /// destroyed.
    pub fn generate(
        &self,
        kind: KeyKind,
        name: impl Fn(&PublicKey) -> Result<String, PkiError> + Send + 'static,
    ) -> Result<TokenKey, PkiError> {
        let deadline = self.settings.deadline.saturating_mul(GENERATION_FACTOR);
        let (object, public) = self.desk.call(
            Calling::Ordinarily,
            deadline,
            move |device| key::generate(device, kind, &name),
            |device, (object, _)| {
                // Nobody learnt of it. One that cannot be destroyed either is a key that no row names: it signs nothing.
                let _ = key::destroy(device, &object);
            },
        )?;
        self.key(&crate::text::hex(&object), public)
    }

    /// The key of an object, by what [`TokenKey::object`] said and the public half that was kept with it. Asks the token
    /// nothing: whether it has the key shows when it signs. Errors when `object` is no object id.
    pub fn key(&self, object: &str, public: PublicKey) -> Result<TokenKey, PkiError> {
        TokenKey::new(self.clone(), object, public)
    }

    /// Reads the public half of a key in the token; none when there is no such key.
    pub fn find(&self, object: &str) -> Result<Option<TokenKey>, PkiError> {
        let id = key::object_id(object)?;
        let found = self.call(self.settings.deadline, move |device| key::public_half(device, &id))?;
        found.map(|public| self.key(object, public)).transpose()
    }

    /// Key pairs that somebody names by hand, each by its private key. Where the token shows no public half, `public` is taken
    /// for it: what does not belong to it signs nothing.
    pub fn named(&self, by: &Named, public: &PublicKey) -> Result<Vec<TokenKey>, PkiError> {
        let (by, token, public) = (by.clone(), self.clone(), public.clone());
        let found = self.call(self.settings.deadline, move |device| key::named(device, &by))?;
        Ok(found.into_iter().map(|(id, half)| TokenKey::of(token.clone(), id, half.unwrap_or_else(|| public.clone()))).collect())
    }

    /// Destroys a key pair, for good; gives whether there was one. One that is not there is no error: it is gone.
    pub fn destroy(&self, object: &str) -> Result<bool, PkiError> {
        let id = key::object_id(object)?;
        self.call(self.settings.deadline, move |device| key::destroy(device, &id))
    }

    fn call<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl FnOnce(&Device) -> Result<T, PkiError> + Send + 'static,
    ) -> Result<T, PkiError> {
        self.desk.call(Calling::Ordinarily, deadline, work, |_, _| ())
    }
}
