//! The records of the Immigration Department: the port by which a registration asks whether a card is its holder's.

mod breaker;
mod https;
mod standing;

pub use https::OverHttps;
pub use standing::{Looking, Standing};

use std::future::Future;
use std::pin::Pin;

use api::app::registration::Card;
use api::immigration::RecordVerdict;

/// Why the records gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsFault {
    /// In words; never of the person.
    pub message: String,
}

/// A question on its way.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<RecordVerdict, RecordsFault>> + Send + 'a>>;

/// The records of the Immigration Department.
pub trait PopulationRegister: Send + Sync {
    /// Whether the records say of the card what it says of itself.
    fn check<'a>(&'a self, card: &'a Card) -> Checking<'a>;

    /// Whether they are there, without asking about anybody.
    fn look(&self) -> Looking<'_>;

    /// Whether this instance knows where they are.
    fn is_configured(&self) -> bool {
        true
    }
}

/// An instance whose settings do not say where the records are.
#[derive(Debug, Default)]
pub struct NotReached;

impl PopulationRegister for NotReached {
    fn check<'a>(&'a self, _: &'a Card) -> Checking<'a> {
        let message = "the settings of this node do not say where the records of the Immigration Department are".to_owned();
        Box::pin(async move { Err(RecordsFault { message }) })
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(async { Standing::NotConfigured })
    }

    fn is_configured(&self) -> bool {
        false
    }
}
