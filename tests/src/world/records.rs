//! The records of the Immigration Department, without a network: everybody is who they say, until a test says otherwise.

use std::sync::Mutex;

use api::app::registration::Card;
use api::immigration::RecordVerdict;
use server::population_register::{Checking, Looking, PopulationRegister, RecordsFault, Standing};
use tokio::sync::Notify;

/// What the records do when they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// They say that everything is as the card has it.
    #[default]
    Believing,
    /// They say this of every card.
    Says(RecordVerdict),
    /// They are away.
    Away,
    /// They take the question and never answer.
    Silent,
}

/// The stand-in.
#[derive(Debug, Default)]
pub struct Records {
    mood: Mutex<Mood>,
    asked: Mutex<u32>,
    question: Notify,
}

impl Records {
    /// From now on.
    ///
    /// # Panics
    /// Never.
    pub fn are(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often they were asked.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }

    /// Until somebody asks.
    pub async fn question(&self) {
        self.question.notified().await;
    }
}

impl PopulationRegister for Records {
    fn look(&self) -> Looking<'_> {
        let fault = (*self.mood.lock().unwrap() == Mood::Away).then(|| "nobody is there".to_owned());
        Box::pin(async move {
            let place = "immd.example:443".to_owned();
            Standing::Configured { place, fault, left_alone_since: None, certificate_ends: None }
        })
    }

    fn check<'a>(&'a self, _: &'a Card) -> Checking<'a> {
        let mood = *self.mood.lock().unwrap();
        *self.asked.lock().unwrap() += 1;
        self.question.notify_one();
        Box::pin(async move {
            match mood {
                Mood::Believing => Ok(RecordVerdict::Valid),
                Mood::Says(verdict) => Ok(verdict),
                Mood::Away => Err(RecordsFault { message: "nobody is there".to_owned() }),
                Mood::Silent => std::future::pending().await,
            }
        })
    }
}
