//! Whose phone does what any citizen can do: the newest one that can, each asked in turn.

use std::vec::IntoIter;

use api::Exit;
use client::ClientError;
use client::phone::Kept;

use crate::failure::{Failure, NOTHING_CHANGED};
use crate::output::aside;

/// How a phone stands by what the server refuses it; none when the refusal is of what was asked.
pub fn standing(error: &ClientError) -> Option<&'static str> {
    let ClientError::Problem(problem) = error else { return None };
    match problem.code.as_str() {
        "account.suspended" => Some("suspended"),
        "account.closed" => Some("closed"),
        "device.ended" => Some("replaced"),
        "device.unknown" => Some("unknown"),
        _ => None,
    }
}

/// The phones, the newest first, as they are tried.
pub struct InTurn {
    left: IntoIter<Kept>,
    several: bool,
    /// What the server said of the newest one.
    newest: Option<ClientError>,
}

impl InTurn {
    /// All of those, in their order.
    pub fn new(phones: Vec<Kept>) -> Self {
        Self { several: phones.len() > 1, left: phones.into_iter(), newest: None }
    }

    /// The next to be tried.
    ///
    /// # Errors
    /// `phone.none` when there never was one; when none can do it, what the server says of the newest.
    pub fn next(&mut self) -> Result<Kept, Failure> {
        if let Some(kept) = self.left.next() {
            return Ok(kept);
        }
        let Some(error) = self.newest.take() else {
            return Err(Failure::new(Exit::NotFound, "phone.none", "there is no virtual phone here").changed(NOTHING_CHANGED));
        };
        let failure = Failure::from(error);
        if !self.several {
            return Err(failure);
        }
        let hint = "'iamctl sandbox phone list' shows how each stands, 'sandbox citizen add' registers another citizen";
        let message = format!("no virtual phone here can do it; of the newest: {}", failure.message);
        let mut told = failure.hint(hint);
        told.message = message;
        Err(told)
    }

    /// That one cannot do it, because of how its citizen stands; somebody else's phone may.
    ///
    /// # Errors
    /// The error itself, when it would be the same for everybody.
    pub fn pass(&mut self, error: ClientError) -> Result<(), Failure> {
        let own = standing(&error).is_some() || matches!(&error, ClientError::Problem(problem) if problem.code == "request.tier");
        if !own {
            return Err(error.into());
        }
        self.newest.get_or_insert(error);
        Ok(())
    }

    /// Tells whose phone it was, where it might have been another.
    pub fn tell(&self, whose: &Kept) {
        if self.several {
            let which = if self.newest.is_none() { "the newest" } else { "the newest that can" };
            aside(&format!("of several phones {which} does it, that of {}; --citizen names another", whose.account));
        }
    }
}
