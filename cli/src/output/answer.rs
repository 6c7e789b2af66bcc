//! What a command gives back to be printed.

use std::pin::Pin;

use api::Exit;
use client::Tabular;
use futures_util::Stream;

use crate::failure::Failure;

/// What a command gives back.
pub struct Answer<T> {
    /// What is printed.
    pub body: Body<T>,
    /// How it ended.
    pub exit: Exit,
    /// A word to the person at the terminal, for after the data; not told where there is none.
    pub told: Vec<String>,
}

/// Items that come one after the other.
pub type Flow<T> = Pin<Box<dyn Stream<Item = Result<T, Failure>> + Send>>;

/// What is printed.
pub enum Body<T> {
    /// One thing.
    One(T),
    /// A list that is whole.
    List(Vec<T>),
    /// A list, page by page.
    Pages(Flow<Vec<T>>),
    /// Things as they happen; each is printed at once.
    Live(Flow<T>),
    /// A document, whole, as it is.
    Document(Vec<u8>),
    /// Nothing: it was written elsewhere.
    Elsewhere,
}

impl<T: Tabular> Answer<T> {
    /// One thing.
    pub fn one(item: T) -> Self {
        Self::of(Body::One(item))
    }

    /// A list.
    pub fn list(items: Vec<T>) -> Self {
        Self::of(Body::List(items))
    }

    /// Any body.
    pub fn of(body: Body<T>) -> Self {
        Self { body, exit: Exit::Done, told: Vec::new() }
    }

    /// With another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// With a word to the person at the terminal.
    #[must_use]
    pub fn tell(mut self, told: impl Into<String>) -> Self {
        self.told.push(told.into());
        self
    }
}
