//! Relying parties: the list with its filter, and one of them in full.

use api::Operation;
use api::relying_party::{PartySummary, PartyView, ResumeParty, SuspendParty};
use domain::{PartyState, RelyingPartyId, Timestamp};
use tui_input::Input;

use super::loaded::Loaded;
use super::popup::{Popup, Why};
use super::{State, View};
use crate::call::Read;
use crate::command::{Command, Whether, not};

/// The list with its filter, and the party that is shown in full.
#[derive(Default)]
pub(crate) struct Parties {
    pub(crate) list: Loaded<Vec<PartySummary>>,
    pub(crate) filter: Input,
    /// Whether the filter is being typed.
    pub(crate) filtering: bool,
    pub(crate) selected: Option<RelyingPartyId>,
    /// The party that is shown in full.
    pub(crate) open: Option<RelyingPartyId>,
    pub(crate) detail: Loaded<PartyView>,
    /// Its manifest as YAML, made once when it came.
    pub(crate) manifest: Vec<String>,
    pub(crate) page: Page,
    pub(crate) scroll: usize,
}

/// What is shown of a party.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Page {
    #[default]
    Facts,
    Manifest,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["enter"],
        name: "open",
        what: "Show the selected party: services, credentials, warnings",
        cli: "rp show RP",
        enabled: |state| if state.parties.open.is_some() { not("a party is open") } else { selected(state) },
        run: |state| {
            if let Some(rp) = state.parties.at().map(|party| party.rp.clone()) {
                open(state, rp);
            }
        },
    },
    Command {
        keys: &["esc"],
        name: "back",
        what: "Back to the list",
        cli: "",
        enabled: opened,
        run: |state| state.parties.open = None,
    },
    Command {
        keys: &["esc"],
        name: "show all",
        what: "Clear the filter: every party is listed again",
        cli: "",
        enabled: |state| {
            here(state)?;
            if state.parties.filter.value().is_empty() { not("nothing is filtered") } else { Ok(()) }
        },
        run: unfilter,
    },
    Command {
        keys: &["s"],
        name: "suspend",
        what: "Stop the party: none of its services is accessible from that moment",
        cli: "rp suspend RP --reason TEXT",
        enabled: |state| {
            state.may(SuspendParty::ROLES)?;
            in_state(state, PartyState::Active, "only an active party can be suspended")
        },
        run: |state| {
            if let Some((rp, _)) = state.parties.subject() {
                state.popup = Some(Popup::reason(Why::SuspendParty(rp)));
            }
        },
    },
    Command {
        keys: &["r"],
        name: "resume",
        what: "Let a suspended party go on",
        cli: "rp resume RP --reason TEXT",
        enabled: |state| {
            state.may(ResumeParty::ROLES)?;
            in_state(state, PartyState::Suspended, "only a suspended party can be resumed")
        },
        run: |state| {
            if let Some((rp, _)) = state.parties.subject() {
                state.popup = Some(Popup::reason(Why::ResumeParty(rp)));
            }
        },
    },
    Command {
        keys: &["m"],
        name: "manifest",
        what: "Show the manifest as it was last applied, or the facts again",
        cli: "",
        enabled: opened,
        run: |state| {
            let parties = &mut state.parties;
            parties.page = if parties.page == Page::Facts { Page::Manifest } else { Page::Facts };
            parties.scroll = 0;
        },
    },
    Command {
        keys: &["/"],
        name: "filter",
        what: "Show only parties whose id, name, sector or state holds a text",
        cli: "rp list",
        enabled: |state| state.may(Read::Parties.roles()),
        run: |state| {
            state.parties.open = None;
            state.parties.filtering = true;
        },
    },
    Command {
        keys: &["n"],
        name: "next",
        what: "Show the next party of the list",
        cli: "",
        enabled: opened,
        run: |state| step(state, 1),
    },
    Command {
        keys: &["p"],
        name: "previous",
        what: "Show the party before",
        cli: "",
        enabled: opened,
        run: |state| step(state, -1),
    },
];

/// What this view asks for.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    std::iter::once(Read::Parties).chain(state.parties.open.clone().map(Read::Party)).collect()
}

fn here(state: &State) -> Whether {
    if state.view == View::Parties { Ok(()) } else { not("go to the relying parties and select one first") }
}

fn selected(state: &State) -> Whether {
    here(state)?;
    if state.parties.subject().is_some() { Ok(()) } else { not("no party is selected") }
}

fn opened(state: &State) -> Whether {
    here(state)?;
    if state.parties.open.is_some() { Ok(()) } else { not("open a party first") }
}

fn in_state(state: &State, wanted: PartyState, why: &str) -> Whether {
    selected(state)?;
    if state.parties.subject().is_some_and(|(_, state)| state == wanted) { Ok(()) } else { not(why) }
}

/// Shows a party in full.
pub(crate) fn open(state: &mut State, rp: RelyingPartyId) {
    let parties = &mut state.parties;
    if parties.open.as_ref() != Some(&rp) {
        parties.detail = Loaded::default();
        parties.manifest.clear();
        parties.page = Page::Facts;
        parties.scroll = 0;
    }
    parties.selected = Some(rp.clone());
    parties.open = Some(rp.clone());
    state.ask(Read::Party(rp));
}

/// Takes the filter away and says so.
pub(super) fn unfilter(state: &mut State) {
    let parties = &mut state.parties;
    parties.filtering = false;
    if parties.filter.value().is_empty() {
        return;
    }
    parties.filter.reset();
    let all = parties.list.value.as_ref().map_or(0, Vec::len) as u64;
    state.tell(format!("the filter is cleared: {} listed", crate::words::stand(all, "party is", "parties are")), None);
}

fn step(state: &mut State, by: isize) {
    state.parties.select(by);
    if let Some(rp) = state.parties.at().map(|party| party.rp.clone()) {
        open(state, rp);
    }
}

impl Parties {
    /// The parties that the filter lets through.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &PartySummary> {
        let wanted = self.filter.value().trim().to_lowercase();
        self.list.value.iter().flatten().filter(move |party| wanted.is_empty() || holds(party, &wanted))
    }

    /// The selected one: the first when that is not shown.
    pub(crate) fn at(&self) -> Option<&PartySummary> {
        self.shown().find(|party| Some(&party.rp) == self.selected.as_ref()).or_else(|| self.shown().next())
    }

    /// The party that a command is about: the one that is open, else the selected one.
    pub(crate) fn subject(&self) -> Option<(RelyingPartyId, PartyState)> {
        let Some(open) = &self.open else { return self.at().map(|party| (party.rp.clone(), party.state)) };
        let detail = self.detail.value.as_ref().filter(|party| party.rp == *open)?;
        Some((detail.rp.clone(), detail.state))
    }

    /// Its place among those that are shown.
    pub(crate) fn place(&self) -> usize {
        self.shown().position(|party| Some(&party.rp) == self.selected.as_ref()).unwrap_or_default()
    }

    /// Moves the selection.
    pub(crate) fn select(&mut self, by: isize) {
        let last = self.shown().count().saturating_sub(1);
        let place = self.place().saturating_add_signed(by).min(last);
        let selected = self.shown().nth(place).map(|party| party.rp.clone());
        self.selected = selected;
    }

    pub(super) fn came(&mut self, parties: Vec<PartySummary>, now: Timestamp) {
        self.list.came(parties, now);
        if self.selected.is_none() {
            let first = self.shown().next().map(|party| party.rp.clone());
            self.selected = first;
        }
    }

    pub(super) fn detail_came(&mut self, party: PartyView, now: Timestamp) {
        // An answer that comes after another party was opened is of no use.
        if self.open.as_ref().is_some_and(|open| *open != party.rp) {
            return;
        }
        let yaml = client::yaml::to_string(&party.manifest).unwrap_or_default();
        self.manifest = yaml.lines().map(str::to_owned).collect();
        self.detail.came(party, now);
    }
}

fn holds(party: &PartySummary, wanted: &str) -> bool {
    [party.rp.as_str(), party.sector.as_str(), party.state.as_str(), &party.organisation.en, &party.organisation.zh_hant]
        .iter()
        .any(|text| text.to_lowercase().contains(wanted))
        || party.industry.is_some_and(|industry| industry.as_str().contains(wanted))
}
