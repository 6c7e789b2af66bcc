//! Keys: the list of generations, and one of them in full.

use api::Operation;
use api::key::{KeyDetail, KeyView, RevokeKey, RotateKey};
use api::rotation::EmergencyRotation;
use domain::{ActivateAt, KeyPurpose, KeyState, Kid, Timestamp};

use super::loaded::Loaded;
use super::popup::{Confirm, Popup};
use super::{State, View};
use crate::call::{KeyLine, Read, Write};
use crate::command::{Command, Whether, not};

/// The list, and the key that is shown in full.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) list: Loaded<Vec<KeyView>>,
    pub(crate) selected: Option<Kid>,
    /// Whether retired keys are listed too.
    pub(crate) all: bool,
    pub(crate) open: Option<Kid>,
    pub(crate) detail: Loaded<KeyDetail>,
    pub(crate) scroll: usize,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["enter"],
        name: "open",
        what: "Show the selected key: its public part and what comes next",
        cli: "key show KID",
        enabled: |state| if state.keys.open.is_some() { not("a key is open") } else { selected(state) },
        run: |state| {
            if let Some(kid) = state.keys.at().map(|key| key.kid.clone()) {
                open(state, kid);
            }
        },
    },
    Command {
        keys: &["esc"],
        name: "back",
        what: "Back to the list",
        cli: "",
        enabled: |state| if state.keys.open.is_some() { here(state) } else { not("no key is open") },
        run: |state| state.keys.open = None,
    },
    Command {
        keys: &["r"],
        name: "rotate",
        what: "Publish the next token-signing keys; they take over after the publish interval",
        cli: "key rotate --purpose token-signing",
        enabled: |state| state.may(RotateKey::ROLES),
        run: |state| rotate(state, KeyPurpose::TokenSigning, None, ActivateAt::AfterPublish),
    },
    Command {
        keys: &["e"],
        name: "emergency",
        what: "Emergency: new token-signing keys sign at once, the old ones are trusted no more; call the parties",
        cli: "key rotate --emergency --reason REASON",
        enabled: |state| state.may(EmergencyRotation::ROLES),
        run: |state| {
            let line = KeyLine { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None };
            state.popup = Some(Popup::Emergency { line, selected: 0 });
        },
    },
    Command {
        keys: &["v"],
        name: "revoke",
        what: "Stop trusting the selected key at once; an active one is replaced in the same step",
        cli: "key revoke KID --reason REASON",
        enabled: |state| {
            state.may(RevokeKey::ROLES)?;
            selected(state)?;
            let revoked = state.keys.subject().is_some_and(|key| key.state == KeyState::Revoked);
            if revoked { not("this key is revoked already") } else { Ok(()) }
        },
        run: |state| {
            if let Some(key) = state.keys.subject() {
                state.popup = Some(Popup::Revoke { kid: key.kid.clone(), selected: 0 });
            }
        },
    },
    Command {
        keys: &["a"],
        name: "all",
        what: "List retired and revoked keys too, or only those in use",
        cli: "key list",
        enabled: |state| {
            here(state)?;
            state.may(Read::Keys.roles())
        },
        run: |state| state.keys.all = !state.keys.all,
    },
];

/// What this view asks for.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    std::iter::once(Read::Keys).chain(state.keys.open.clone().map(Read::Key)).collect()
}

fn here(state: &State) -> Whether {
    if state.view == View::Keys { Ok(()) } else { not("go to the keys and select one first") }
}

fn selected(state: &State) -> Whether {
    here(state)?;
    if state.keys.subject().is_some() { Ok(()) } else { not("no key is selected") }
}

/// Shows a key in full.
pub(crate) fn open(state: &mut State, kid: Kid) {
    let keys = &mut state.keys;
    if keys.open.as_ref() != Some(&kid) {
        keys.detail = Loaded::default();
        keys.scroll = 0;
    }
    keys.selected = Some(kid.clone());
    keys.open = Some(kid.clone());
    state.ask(Read::Key(kid));
}

/// Asks whether a rotation is meant.
pub(crate) fn rotate(state: &mut State, purpose: KeyPurpose, algorithm: Option<domain::KeyAlgorithm>, activate: ActivateAt) {
    let when = match activate {
        ActivateAt::AfterPublish => "They take over after the publish interval, when every party has fetched them.".to_owned(),
        ActivateAt::Now => {
            "They take over NOW: parties that hold the old JWKS fail until they fetch it again. For emergencies only.".to_owned()
        }
        ActivateAt::Time(at) => format!("They take over at {}.", client::times::people(at)),
    };
    let question = match algorithm {
        Some(algorithm) => format!("Make a new {purpose} key for {algorithm}? {when}"),
        None => format!("Make new {purpose} keys, one for each algorithm? {when}"),
    };
    state.popup = Some(Popup::Confirm(Confirm::of(Write::RotateKey(purpose, algorithm, activate), question)));
}

impl Keys {
    /// The keys that are listed.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &KeyView> {
        let all = self.all;
        self.list.value.iter().flatten().filter(move |key| all || !matches!(key.state, KeyState::Retired | KeyState::Revoked))
    }

    /// The selected one: the first when that is not shown.
    pub(crate) fn at(&self) -> Option<&KeyView> {
        self.shown().find(|key| Some(&key.kid) == self.selected.as_ref()).or_else(|| self.shown().next())
    }

    /// The key that a command is about: the one that is open, else the selected one.
    pub(crate) fn subject(&self) -> Option<&KeyView> {
        let Some(open) = &self.open else { return self.at() };
        self.detail.value.as_ref().map(|detail| &detail.key).filter(|key| key.kid == *open)
    }

    /// Its place among those that are listed.
    pub(crate) fn place(&self) -> usize {
        self.shown().position(|key| Some(&key.kid) == self.selected.as_ref()).unwrap_or_default()
    }

    /// Moves the selection.
    pub(crate) fn select(&mut self, by: isize) {
        let last = self.shown().count().saturating_sub(1);
        let place = self.place().saturating_add_signed(by).min(last);
        let selected = self.shown().nth(place).map(|key| key.kid.clone());
        self.selected = selected;
    }

    pub(super) fn came(&mut self, keys: Vec<KeyView>, now: Timestamp) {
        self.list.came(keys, now);
        if self.selected.is_none() {
            let first = self.shown().next().map(|key| key.kid.clone());
            self.selected = first;
        }
    }

    pub(super) fn detail_came(&mut self, key: KeyDetail, now: Timestamp) {
        if self.open.as_ref() == Some(&key.key.kid) {
            self.detail.came(key, now);
        }
    }
}
