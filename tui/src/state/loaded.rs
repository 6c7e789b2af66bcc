//! Something that the server has told.

use domain::Timestamp;

use crate::event::Trouble;

/// Something that the server has told: the last of it, how old it is, and why there is nothing newer.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    /// The last that came.
    pub(crate) value: Option<T>,
    /// When it came.
    pub(crate) at: Option<Timestamp>,
    /// Why the last try brought nothing.
    pub(crate) trouble: Option<Trouble>,
}

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self { value: None, at: None, trouble: None }
    }
}

impl<T> Loaded<T> {
    /// It came.
    pub(crate) fn came(&mut self, value: T, at: Timestamp) {
        *self = Self { value: Some(value), at: Some(at), trouble: None };
    }

    /// It did not come; what was there stays.
    pub(crate) fn failed(&mut self, trouble: Trouble) {
        self.trouble = Some(trouble);
    }
}
