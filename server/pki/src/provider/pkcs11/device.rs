//! The module and its token as one process has them: loaded, initialised, logged in once, with sessions that are kept.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::PinSource;
use super::fault::{Meaning, meaning, told};
use super::pin::{PinCounter, Refused};
use crate::error::PkiError;

/// Between two looks for a token that was not there.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The token of a module. Its calls block; only the desk's threads make them.
pub(super) struct Device {
    module: PathBuf,
    label: String,
    pins: Box<dyn PinSource>,
    /// The library, once it was loaded.
    library: Mutex<Option<Pkcs11>>,
    /// Read by each call, written by who opens or closes.
    open: RwLock<Option<Open>>,
    refused: Mutex<Refused>,
}

/// An initialised module and a token that is logged in to.
struct Open {
    library: Pkcs11,
    slot: Slot,
    idle: Mutex<Vec<Session>>,
}

fn initialise(library: &Pkcs11) -> Result<(), PkiError> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(told(&error)),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why something within a session was not done.
pub(super) enum Trouble {
    /// The module said so.
    Module(Error),
    /// Something that should be there is not, which may be because the token was taken out and the module did not notice.
    Missing(PkiError),
    /// We did.
    Ours(PkiError),
}

impl Trouble {
    fn is_lost(&self) -> bool {
        match self {
            Self::Module(error) => meaning(error) == Meaning::Lost,
            Self::Missing(_) => true,
            Self::Ours(_) => false,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<PkiError> for Trouble {
    fn from(error: PkiError) -> Self {
        Self::Ours(error)
    }
}

impl Device {
    pub(super) fn new(module: PathBuf, label: String, pins: Box<dyn PinSource>) -> Self {
        Self { module, label, pins, library: Mutex::default(), open: RwLock::default(), refused: Mutex::default() }
    }

    /// Whether the token is there and logged in to.
    pub(super) fn probe(&self) -> Result<(), PkiError> {
        self.with_session(|session| {
            let slot = session.get_session_info()?.slot_id();
            // A token that was taken out, and whose module did not notice, is noticed here.
            let info = self.library()?.get_token_info(slot)?;
            if info.label() != self.label {
                return Err(PkiError::token_unavailable("another token lies in its slot").into());
            }
            Ok(())
        })
    }

    /// Mechanisms of the token.
    pub(super) fn mechanisms(&self) -> Result<Vec<MechanismType>, PkiError> {
        self.with_session(|session| Ok(self.library()?.get_mechanism_list(session.get_session_info()?.slot_id())?))
    }

    /// Does `work` in a session. When what it rests on turns out to be gone, the token is opened anew and `work` done again,
    /// once: it must be something that failed whole.
    pub(super) fn with_session<T>(&self, work: impl Fn(&Session) -> Result<T, Trouble>) -> Result<T, PkiError> {
        let done = match self.in_session(&work) {
            Err(trouble) if trouble.is_lost() => {
                self.close();
                self.in_session(&work)
            }
            other => other,
        };
        done.map_err(|trouble| {
            if trouble.is_lost() {
                self.close();
            }
            match trouble {
                Trouble::Module(error) => told(&error),
                Trouble::Missing(error) | Trouble::Ours(error) => error,
            }
        })
    }

    fn in_session<T>(&self, work: impl Fn(&Session) -> Result<T, Trouble>) -> Result<T, Trouble> {
        loop {
            let guard = self.open.read().unwrap_or_else(PoisonError::into_inner);
            let Some(open) = guard.as_ref() else {
                drop(guard);
                self.log_in()?;
                continue;
            };
            let kept = locked(&open.idle).pop();
            let session = match kept {
                Some(session) => session,
                None => open.library.open_rw_session(open.slot)?,
            };
            let done = work(&session);
            // After a fault of the module's the session may be in the middle of something: it is closed.
            if !matches!(done, Err(Trouble::Module(_))) {
                locked(&open.idle).push(session);
            }
            return done;
        }
    }

    /// Lets go of sessions and module, so that the next call finds slots and token afresh. While other calls are under way it
    /// is left to one of them.
    fn close(&self) {
        let Ok(mut open) = self.open.try_write() else { return };
        if let Some(open) = open.take() {
            drop(open.idle);
            // Whatever it answers, the next call initialises it again and then hears why not.
            let _ = open.library.finalize();
        }
    }

    fn library(&self) -> Result<Pkcs11, PkiError> {
        let mut library = locked(&self.library);
        if let Some(loaded) = library.as_ref() {
            return Ok(loaded.clone());
        }
        let loaded = Pkcs11::new(&self.module).map_err(|error| {
            PkiError::token_unavailable(format!("its module {} cannot be loaded: {error}", self.module.display()))
        })?;
        // It is never unloaded: what it has left with others, with OpenSSL for one, would point to nothing.
        std::mem::forget(loaded.clone());
        Ok(library.insert(loaded).clone())
    }

    fn log_in(&self) -> Result<(), PkiError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(());
        }
        // Before the module is touched: a refused PIN must not even cost a start of it at every call.
        let pin = self.pins.pin()?;
        locked(&self.refused).lets_try(&pin, self.pins.mend())?;
        let library = self.library()?;
        initialise(&library)?;
        let found = self.slot(&library).or_else(|_| {
            // Another process may have been writing just what this one read.
            let _ = library.clone().finalize();
            std::thread::sleep(LOOK_AGAIN);
            initialise(&library)?;
            self.slot(&library)
        });
        match found.and_then(|found| self.log_in_to(&library, found, pin)) {
            Ok(logged_in) => {
                *open = Some(logged_in);
                Ok(())
            }
            Err(error) => {
                // A module lists its slots when it is initialised: who looks again must be able to find something else.
                let _ = library.finalize();
                Err(error)
            }
        }
    }

    fn log_in_to(&self, library: &Pkcs11, (slot, info): (Slot, TokenInfo), pin: Zeroizing<String>) -> Result<Open, PkiError> {
        let counter = PinCounter {
            initialised: info.user_pin_initialized(),
            locked: info.user_pin_locked(),
            final_try: info.user_pin_final_try(),
        };
        counter.lets_try()?;
        let session = library.open_rw_session(slot).map_err(|error| told(&error))?;
        match session.login(UserType::User, Some(&AuthPin::new(Box::from(pin.as_str())))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                locked(&self.refused).forget();
                Ok(Open { library: library.clone(), slot, idle: Mutex::new(vec![session]) })
            }
            Err(error) if meaning(&error) == Meaning::Lost => Err(told(&error)),
            Err(error) => {
                // Whatever it means by it: a PIN that was not taken may have been counted as a wrong one.
                locked(&self.refused).remember(pin);
                let Error::Pkcs11(value, _) = error else { return Err(told(&error)) };
                Err(PkiError::token_unavailable(format!(
                    "it refused the PIN ({value:?}), which is not tried again, lest it be locked; {}",
                    self.pins.mend()
                )))
            }
        }
    }

    fn slot(&self, library: &Pkcs11) -> Result<(Slot, TokenInfo), PkiError> {
        let mut found = None;
        for slot in library.get_slots_with_token().map_err(|error| told(&error))? {
            // One reader that fails must not hide the token in another.
            let Ok(info) = library.get_token_info(slot) else { continue };
            if info.token_initialized() && info.label() == self.label && found.replace((slot, info)).is_some() {
                return Err(PkiError::token_unavailable(format!("two tokens are labelled '{}'", self.label)));
            }
        }
        found.ok_or_else(|| PkiError::token_unavailable(format!("no token labelled '{}' is there", self.label)))
    }
}

impl Drop for Device {
    /// A module that was not told that all is over may fail while the process ends.
    fn drop(&mut self) {
        self.close();
    }
}
