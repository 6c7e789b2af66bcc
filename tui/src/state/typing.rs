//! Where typed and pasted text goes.

use domain::SuspensionReason;
use tui_input::{Input, InputRequest};
use zeroize::Zeroizing;

use super::hotline::Stage;
use super::palette::Palette;
use super::popup::Popup;
use super::{State, View, certificates, hotline, palette, parties};
use crate::event::{Event, Pasted, usable};
use crate::key::{Code, Key, Named};
use crate::secret::Secret;

/// A field that text goes into.
enum Field<'a> {
    /// What a caller names, or a note about them.
    Caller,
    /// A line of the palette, which may name a person although it is refused then.
    Palette(&'a Palette),
    /// Nothing of a person.
    Plain,
}

/// Edits a line; it never grows beyond `most` characters.
pub(crate) fn edit(input: &mut Input, key: Key, most: usize) {
    let Some(request) = key.edits() else { return };
    if matches!(request, InputRequest::InsertChar(_)) && input.value().chars().count() >= most {
        return;
    }
    input.handle(request);
}

impl State {
    /// Whether an event that is about to be taken in tells something of a person, so that a recording must not tell it.
    #[must_use]
    pub fn is_private(&self, event: &Event) -> bool {
        match (event, self.field()) {
            (Event::Key(_) | Event::Paste(_), Some(Field::Caller)) => true,
            (Event::Key(_), Some(Field::Palette(palette))) => palette::is_private(palette, ""),
            (Event::Paste(Pasted::Text(text)), Some(Field::Palette(palette))) => palette::is_private(palette, text),
            // Where it goes nowhere, nobody knows what it was meant for.
            (Event::Paste(_), None) => true,
            _ => false,
        }
    }

    /// The field that typed and pasted text goes into.
    fn field(&self) -> Option<Field<'_>> {
        if self.is_too_small() {
            return None;
        }
        match &self.popup {
            Some(Popup::Palette(palette)) => Some(Field::Palette(palette)),
            Some(Popup::Reason { .. } | Popup::Ask { .. }) => Some(Field::Plain),
            // A `y` in a pasted text is no answer to a question.
            Some(Popup::Confirm(confirm)) => confirm.name.as_ref().map(|_| Field::Plain),
            Some(_) => None,
            None => match self.view {
                View::Hotline if self.hotline.takes_text() => Some(Field::Caller),
                View::Parties if self.parties.filtering => Some(Field::Plain),
                View::Certificates if self.certificates.filtering => Some(Field::Plain),
                _ => None,
            },
        }
    }

    /// Whether a text field of the view has taken the key.
    pub(super) fn type_into(&mut self, key: Key) -> bool {
        match self.view {
            View::Hotline if self.hotline.takes_text() => type_in_call(self, key),
            View::Parties if self.parties.filtering => {
                filter(self, key);
                true
            }
            View::Certificates if self.certificates.filtering => {
                filter_certificates(self, key);
                true
            }
            _ => false,
        }
    }

    /// A pasted text goes where text is typed, and nowhere else: it must not be taken for commands.
    pub(super) fn paste(&mut self, pasted: &Pasted) {
        if self.field().is_none() {
            self.tell("there is no field here to paste into", None);
            return;
        }
        match pasted {
            Pasted::Text(text) => usable(text).for_each(|character| self.key(Key::of(Code::Char(character)))),
            Pasted::Hidden(count) => (0..*count).for_each(|_| self.key(Key::of(Code::Hidden))),
        }
    }
}

/// A key while text is typed in a call; false for keys that are no part of a text.
fn type_in_call(state: &mut State, key: Key) -> bool {
    let call = state.hotline.call.as_ref().map(|call| call.call);
    match &mut state.hotline.stage {
        Stage::Asking { field, typing, trouble, nobody } => match (key.name(), call) {
            (Some(Named::Esc), _) => {
                field.clear();
                *typing = false;
            }
            (Some(Named::Enter), Some(call)) if !field.is_empty() => {
                let who = field.take();
                state.hotline.stage = Stage::Finding;
                state.find(call, who);
            }
            (Some(Named::Enter), _) => {}
            _ => {
                let took = type_secret(field, key);
                if took {
                    *trouble = None;
                    *nobody = false;
                }
                return took;
            }
        },
        Stage::Noting { account, note } => match key.name() {
            Some(Named::Esc) => state.hotline.stage = Stage::Choosing { account: account.clone() },
            Some(Named::Enter) if note.expose().trim().is_empty() && note.is_empty() => {}
            Some(Named::Enter) => {
                let account = account.clone();
                let text = Zeroizing::new(note.expose().trim().to_owned());
                hotline::send(state, account, SuspensionReason::Other, Some(text));
            }
            _ => return type_secret(note, key),
        },
        _ => return false,
    }
    true
}

fn type_secret(secret: &mut Secret, key: Key) -> bool {
    match (key.code, key.ctrl || key.alt) {
        (Code::Char(character), false) => secret.push(character),
        (Code::Hidden, _) => secret.push_hidden(),
        (Code::Named(Named::Backspace), false) => secret.pop(),
        (Code::Char('h'), true) => secret.pop(),
        (Code::Char('u' | 'w'), true) => secret.clear(),
        _ => return false,
    }
    true
}

fn filter(state: &mut State, key: Key) {
    let parties = &mut state.parties;
    match key.name() {
        Some(Named::Enter) => parties.filtering = false,
        Some(Named::Esc) => parties::unfilter(state),
        Some(Named::Up) => parties.select(-1),
        Some(Named::Down) => parties.select(1),
        _ => {
            edit(&mut parties.filter, key, 64);
            // What the filter shows first is what is meant.
            let first = parties.shown().next().map(|party| party.rp.clone());
            parties.selected = first;
        }
    }
}

/// The server sorts the certificates out: it is asked once the filter is written.
fn filter_certificates(state: &mut State, key: Key) {
    match key.name() {
        Some(Named::Enter) => certificates::filter(state),
        Some(Named::Esc) => certificates::unfilter(state),
        _ => {
            edit(&mut state.certificates.filter, key, 128);
            state.certificates.wrong = None;
        }
    }
}

/// What the keyboard does while the filter is typed, for the footer.
pub(crate) fn hints(state: &State) -> Option<Vec<(&'static str, &'static str)>> {
    match state.view {
        View::Parties if state.parties.filtering => {
            Some(vec![("enter", "keep it"), ("up/down", "choose"), ("esc", "show all again")])
        }
        View::Certificates if state.certificates.filtering => {
            Some(vec![("enter", "list them"), ("esc", "show what is valid again")])
        }
        View::Hotline if state.hotline.takes_text() => Some(hotline::typing_hints(state)),
        _ => None,
    }
}

/// Whether the filter lets everything through.
pub(crate) fn is_unfiltered(parties: &parties::Parties) -> bool {
    parties.filter.value().trim().is_empty()
}
