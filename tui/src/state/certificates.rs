//! Certificates: a page of the list in the order in which they end, what is wanted of it, and one of them in full.

use api::certificate::{CertificateDetail, CertificateView, ListCertificates};
use api::{Operation, Page};
use domain::{Serial, Timestamp};
use tui_input::Input;

use super::loaded::Loaded;
use super::wanted::{PAGE, Wanted};
use super::{State, View};
use crate::call::Read;
use crate::command::{Command, Whether, not};

/// Rows further than any page: what 'home' and 'end' ask for.
const FAR: isize = 10_000;

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
