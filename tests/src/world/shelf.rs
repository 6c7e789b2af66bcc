//! What parties serve at the addresses of their key sets, without a network.

use std::collections::BTreeMap;
use std::sync::Mutex;

use domain::Environment;
use serde_json::Value;
use server::credential::key_sets::{FetchFault, Fetching, KeySets, Served};

/// Answers by address. What is not there is not reached.
#[derive(Debug, Default)]
pub struct Shelf {
    answers: Mutex<BTreeMap<String, Result<Served, FetchFault>>>,
    asked: Mutex<Vec<String>>,
}

impl Shelf {
    /// From now on these keys are served there, for as long as `Cache-Control` says.
    ///
    /// # Panics
    /// Never.
    pub fn serves(&self, url: &str, keys: &[&Value], cache_control: &str) {
        let body = serde_json::json!({ "keys": keys }).to_string().into_bytes();
        self.answers(url, Ok(Served { body, cache_control: Some(cache_control.to_owned()) }));
    }

    /// From now on this is what comes from there.
    ///
    /// # Panics
    /// Never.
    pub fn answers(&self, url: &str, answer: Result<Served, FetchFault>) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    /// What was asked for since the last time, in order.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl KeySets for Shelf {
    fn fetch<'a>(&'a self, url: &'a str, _: Environment) -> Fetching<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(url.to_owned());
            let nobody = || FetchFault { code: "key-set.unreachable", message: "nobody is there".to_owned() };
            self.answers.lock().unwrap().get(url).cloned().unwrap_or_else(|| Err(nobody()))
        })
    }
}
