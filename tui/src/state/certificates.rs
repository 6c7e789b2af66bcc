//! Certificates: a page of the list in the order in which they end, what is wanted of it, and one of them in full.

use std::fmt;

use api::certificate::{CertificateDetail, CertificateView, ListCertificates};
use api::page::PageRequest;
use api::{Operation, Page};
use domain::{CertificateState, HolderKind, Serial, Timestamp};
use tui_input::Input;

use super::loaded::Loaded;
use super::{State, View};
use crate::call::{Read, shell_word};
use crate::command::{Command, Whether, not};

/// Rows that are asked for at a time, and held: an inventory of thousands is turned page by page.
const PAGE: u32 = 200;
/// Rows further than any page: what 'home' and 'end' ask for.
const FAR: isize = 10_000;

/// Which certificates are listed. The server sorts them out, so that a page is full of what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only this state; every one but what is only planned when absent.
    pub state: Option<CertificateState>,
    /// Only holders of this kind.
    pub kind: Option<HolderKind>,
    /// Only this holder: an operator, a relying party, an account, a key.
    pub holder: Option<String>,
    /// Only this authority's.
    pub issuer: Option<String>,
    /// Only this profile.
    pub profile: Option<String>,
    /// Only what ends within so many days.
    pub within: Option<u32>,
}

/// What is good now: what has ended would otherwise stand before everything that is about to end.
impl Default for Wanted {
    fn default() -> Self {
        let state = Some(CertificateState::Valid);
        Self { state, kind: None, holder: None, issuer: None, profile: None, within: None }
    }
}

impl Wanted {
    /// Reads a filter: `all`, a state, a kind of holder, days as `30d`, `issuer:NAME`, `profile:NAME`, or a holder.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut wanted = Self::default();
        for word in text.split_whitespace() {
            let days = word.strip_suffix('d').filter(|days| !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit()));
            match word.split_once(':') {
                Some(("issuer", name)) if !name.is_empty() => wanted.issuer = Some(name.to_owned()),
                Some(("profile", name)) if !name.is_empty() => wanted.profile = Some(name.to_owned()),
                Some(("holder", id)) if !id.is_empty() => wanted.holder = Some(id.to_owned()),
                Some((what, _)) => {
                    return Err(format!("'{what}:' is not understood: issuer:NAME, profile:NAME and holder:ID are"));
                }
                None if word == "all" => wanted.state = None,
                None => match (days, word.parse(), word.parse()) {
                    (Some(days), ..) => {
                        let days = days.parse().map_err(|_| format!("{days} days are too many"))?;
                        wanted.within = Some(days);
                    }
                    (None, Ok(state), _) => wanted.state = Some(state),
                    (None, _, Ok(kind)) => wanted.kind = Some(kind),
                    _ if wanted.holder.is_some() => return Err(format!("one holder at a time: '{word}' is one too many")),
                    _ => wanted.holder = Some(word.to_owned()),
                },
            }
        }
        Ok(wanted)
    }

    /// The page of the list behind `after`.
    #[must_use]
    pub fn page(&self, after: Option<String>) -> ListCertificates {
        let wanted = self.clone();
        ListCertificates {
            holder_kind: wanted.kind,
            holder: wanted.holder,
            issuer: wanted.issuer,
            profile: wanted.profile,
            state: wanted.state,
            ends_within_days: wanted.within,
            page: PageRequest { after, limit: Some(PAGE) },
        }
    }

    /// The command that lists the same.
    pub(crate) fn command(&self) -> String {
        let flag = |name: &str, value: Option<String>| value.map(|value| format!(" --{name} {}", shell_word(&value)));
        let flags = [
            flag("state", self.state.map(|state| state.to_string())),
            flag("kind", self.kind.map(|kind| kind.to_string())),
            flag("holder", self.holder.clone()),
            flag("issuer", self.issuer.clone()),
            flag("profile", self.profile.clone()),
            flag("within", self.within.map(|days| days.to_string())),
        ];
        format!("iamctl cert list{}", flags.into_iter().flatten().collect::<String>())
    }
}

/// The words that read back as the same.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            match self.state {
                None => Some("all".to_owned()),
                Some(CertificateState::Valid) => None,
                Some(state) => Some(state.to_string()),
            },
            self.kind.map(|kind| kind.to_string()),
            self.within.map(|days| format!("{days}d")),
            self.issuer.as_ref().map(|name| format!("issuer:{name}")),
            self.profile.as_ref().map(|name| format!("profile:{name}")),
            self.holder.as_ref().map(|id| format!("holder:{id}")),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// Which row of a page is selected once it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// A page that was asked for and is shown when it comes; until then the one before stays.
#[derive(Debug)]
struct Turning {
    /// The pages up to and with it.
    trail: Vec<Option<String>>,
    edge: Edge,
}

/// The list and the certificate that is shown in full.
#[derive(Default)]
pub(crate) struct Certificates {
    pub(crate) list: Loaded<Page<CertificateView>>,
    pub(crate) wanted: Wanted,
    /// The filter as it is typed.
    pub(crate) filter: Input,
    pub(crate) filtering: bool,
    /// What is wrong with it.
    pub(crate) wrong: Option<String>,
    pub(crate) selected: Option<Serial>,
    /// Behind which rows the pages up to the one that is shown begin; empty for the first.
    trail: Vec<Option<String>>,
    turning: Option<Turning>,
    pub(crate) open: Option<Serial>,
    pub(crate) detail: Loaded<CertificateDetail>,
    pub(crate) scroll: usize,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["enter"],
        name: "open",
        what: "Show the selected certificate: whose it is, what depends on it, what comes next",
        cli: "cert show SERIAL",
        enabled: |state| if state.certificates.open.is_some() { not("a certificate is open") } else { selected(state) },
        run: |state| {
            if let Some(serial) = state.certificates.at().map(|row| row.serial.clone()) {
                open(state, serial);
            }
        },
    },
    Command {
        keys: &["esc"],
        name: "back",
        what: "Back to the list",
        cli: "",
        enabled: opened,
        run: |state| state.certificates.open = None,
    },
    Command {
        keys: &["esc"],
        name: "show valid",
        what: "Clear the filter: what is valid is listed again",
        cli: "cert list --state valid",
        enabled: |state| {
            here(state)?;
            if state.certificates.wanted == Wanted::default() { not("nothing is filtered") } else { Ok(()) }
        },
        run: unfilter,
    },
    Command {
        keys: &["/"],
        name: "filter",
        what: "Show only some: a state or 'all', a kind of holder, a holder, 30d for what ends by then, issuer:NAME, profile:NAME",
        cli: "cert list",
        enabled: reached,
        run: |state| {
            state.go(View::Certificates);
            let certificates = &mut state.certificates;
            certificates.open = None;
            certificates.filtering = true;
            certificates.filter = Input::new(certificates.wanted.to_string());
        },
    },
    Command {
        keys: &["a"],
        name: "all",
        what: "List revoked and ended ones too, or only what is valid",
        cli: "cert list",
        enabled: |state| {
            here(state)?;
            reached(state)
        },
        run: |state| {
            let mut wanted = state.certificates.wanted.clone();
            wanted.state = if wanted.state.is_none() { Wanted::default().state } else { None };
            list(state, wanted);
        },
    },
    Command {
        keys: &["n"],
        name: "next",
        what: "Show the next certificate of the list",
        cli: "",
        enabled: opened,
        run: |state| step(state, 1),
    },
    Command {
        keys: &["p"],
        name: "previous",
        what: "Show the certificate before",
        cli: "",
        enabled: opened,
        run: |state| step(state, -1),
    },
];

/// What this view asks for.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    let certificates = &state.certificates;
    std::iter::once(certificates.read()).chain(certificates.open.clone().map(Read::Certificate)).collect()
}

fn here(state: &State) -> Whether {
    if state.view == View::Certificates { Ok(()) } else { not("go to the certificates and select one first") }
}

fn reached(state: &State) -> Whether {
    state.may(ListCertificates::ROLES)
}

fn selected(state: &State) -> Whether {
    here(state)?;
    if state.certificates.at().is_some() { Ok(()) } else { not("no certificate is selected") }
}

fn opened(state: &State) -> Whether {
    here(state)?;
    if state.certificates.open.is_some() { Ok(()) } else { not("open a certificate first") }
}

/// Shows a certificate in full.
pub(crate) fn open(state: &mut State, serial: Serial) {
    let certificates = &mut state.certificates;
    if certificates.open.as_ref() != Some(&serial) {
        certificates.detail = Loaded::default();
        certificates.scroll = 0;
    }
    certificates.selected = Some(serial.clone());
    certificates.open = Some(serial.clone());
    state.ask(Read::Certificate(serial));
}

fn step(state: &mut State, by: isize) {
    // Within the page that is held: what lies behind it is reached from the list.
    let certificates = &mut state.certificates;
    let place = certificates.place().saturating_add_signed(by);
    if let Some(serial) = certificates.rows().get(place).map(|row| row.serial.clone()) {
        open(state, serial);
    }
}

/// Lists what is wanted, from the beginning.
pub(crate) fn list(state: &mut State, wanted: Wanted) {
    let certificates = &mut state.certificates;
    if certificates.wanted != wanted {
        *certificates = Certificates { wanted, ..Certificates::default() };
    }
    certificates.open = None;
    certificates.filtering = false;
    if state.view == View::Certificates {
        let read = state.certificates.read();
        state.ask(read);
    } else {
        state.go(View::Certificates);
    }
}

/// Takes the filter away and says so.
pub(super) fn unfilter(state: &mut State) {
    list(state, Wanted::default());
    state.tell("the filter is cleared: every valid certificate is listed", None);
}

/// What was typed is wanted now.
pub(super) fn filter(state: &mut State) {
    match Wanted::read(state.certificates.filter.value()) {
        Ok(wanted) => list(state, wanted),
        Err(wrong) => state.certificates.wrong = Some(wrong),
    }
}

/// Moves the selection, and turns the page at its edge.
pub(super) fn select(state: &mut State, by: isize) {
    let certificates = &mut state.certificates;
    let (place, last) = (certificates.place(), certificates.rows().len().saturating_sub(1));
    let next = certificates.list.value.as_ref().and_then(|page| page.next.clone());
    let turned = match (by > 0, next) {
        (true, Some(next)) if place == last => {
            let trail = certificates.trail.iter().cloned().chain([Some(next)]).collect();
            Some(Turning { trail, edge: if by > FAR { Edge::Last } else { Edge::First } })
        }
        (false, _) if place == 0 && !certificates.trail.is_empty() => {
            // The first page of all, or the one before.
            let (pages, edge) = if by < -FAR { (0, Edge::First) } else { (certificates.trail.len() - 1, Edge::Last) };
            Some(Turning { trail: certificates.trail[..pages].to_vec(), edge })
        }
        _ => None,
    };
    if let Some(turning) = turned {
        if certificates.turning.is_none() {
            certificates.turning = Some(turning);
            let read = certificates.read();
            state.ask(read);
        }
        return;
    }
    let place = place.saturating_add_signed(by).min(last);
    certificates.selected = certificates.rows().get(place).map(|row| row.serial.clone());
}

impl Certificates {
    /// The rows of the page that is shown.
    pub(crate) fn rows(&self) -> &[CertificateView] {
        self.list.value.as_ref().map_or(&[], |page| &page.items)
    }

    /// The selected one: the first when that is not shown.
    pub(crate) fn at(&self) -> Option<&CertificateView> {
        self.rows().get(self.place())
    }

    /// Its place on the page.
    pub(crate) fn place(&self) -> usize {
        self.rows().iter().position(|row| Some(&row.serial) == self.selected.as_ref()).unwrap_or_default()
    }

    /// How many rows stand on the pages before.
    pub(crate) fn before(&self) -> usize {
        self.trail.len() * PAGE as usize
    }

    /// Whether another page is on its way.
    pub(crate) fn is_turning(&self) -> bool {
        self.turning.is_some()
    }

    /// The page that is wanted next: the one that is turned to, else the one that is shown.
    pub(crate) fn read(&self) -> Read {
        let trail = self.turning.as_ref().map_or(&self.trail, |turning| &turning.trail);
        Read::Certificates(self.wanted.clone(), trail.last().cloned().flatten())
    }

    /// A page has come; one that is not wanted any more is of no use.
    pub(super) fn came(&mut self, read: &Read, page: Page<CertificateView>, now: Timestamp) {
        if *read != self.read() {
            return;
        }
        if let Some(turning) = self.turning.take() {
            let row = if turning.edge == Edge::First { page.items.first() } else { page.items.last() };
            self.selected = row.map(|row| row.serial.clone());
            self.trail = turning.trail;
        } else if !page.items.iter().any(|row| Some(&row.serial) == self.selected.as_ref()) {
            // It has left the list: whatever stands in its place now.
            let place = self.place().min(page.items.len().saturating_sub(1));
            self.selected = page.items.get(place).map(|row| row.serial.clone());
        }
        self.list.came(page, now);
    }

    /// A page has not come: the one that is shown stays.
    pub(super) fn failed(&mut self, read: &Read, trouble: crate::event::Trouble) {
        if *read == self.read() {
            self.turning = None;
            self.list.failed(trouble);
        }
    }

    pub(super) fn detail_came(&mut self, detail: CertificateDetail, now: Timestamp) {
        if self.open.as_ref() == Some(&detail.certificate.serial) {
            self.detail.came(detail, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_back_as_it_was_written() {
        for (text, command) in [
            ("", "iamctl cert list --state valid"),
            ("all", "iamctl cert list"),
            ("revoked relying-party", "iamctl cert list --state revoked --kind relying-party"),
            ("30d issuer:operators-1", "iamctl cert list --state valid --issuer operators-1 --within 30"),
            ("all profile:server holder:listeners-1", "iamctl cert list --holder listeners-1 --profile server"),
        ] {
            let wanted = Wanted::read(text).unwrap();
            assert_eq!((wanted.to_string().as_str(), wanted.command().as_str()), (text, command));
        }
        assert_eq!(Wanted::read("sandbox-bank").unwrap().holder.as_deref(), Some("sandbox-bank"));
        for wrong in ["sandbox-bank hongkong-post", "owner:x", "issuer:", "99999999999d"] {
            assert!(Wanted::read(wrong).is_err(), "{wrong}");
        }
    }
}
