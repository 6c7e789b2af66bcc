//! The views, in the order of their tabs.

use super::{State, certificates, hotline, keys, overview, parties, rotating, rotations, statistics};
use crate::call::Read;
use crate::command::Command;

/// The views, in the order of their tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Overview,
    Parties,
    Keys,
    Hotline,
    Certificates,
    Rotations,
    Statistics,
}

impl View {
    pub(crate) const ALL: [Self; 7] =
        [Self::Overview, Self::Parties, Self::Keys, Self::Hotline, Self::Certificates, Self::Rotations, Self::Statistics];

    /// The word on its tab.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Parties => "Parties",
            Self::Keys => "Keys",
            Self::Hotline => "Hotline",
            Self::Certificates => "Certificates",
            Self::Rotations => "Rotations",
            Self::Statistics => "Statistics",
        }
    }

    /// The same where there is little room.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Overview => "Home",
            Self::Parties => "RPs",
            Self::Certificates => "Certs",
            Self::Statistics => "Stats",
            Self::Rotations => "Board",
            other => other.title(),
        }
    }

    /// Its own commands.
    pub(crate) fn commands(self) -> &'static [Command] {
        match self {
            Self::Overview => overview::COMMANDS,
            Self::Parties => parties::COMMANDS,
            Self::Keys => keys::COMMANDS,
            Self::Hotline => hotline::COMMANDS,
            Self::Certificates => certificates::COMMANDS,
            Self::Rotations => rotating::COMMANDS,
            Self::Statistics => statistics::COMMANDS,
        }
    }

    /// What it asks of the server.
    pub(super) fn reads(self, state: &State) -> Vec<Read> {
        match self {
            Self::Overview => overview::reads(state),
            Self::Parties => parties::reads(state),
            Self::Keys => keys::reads(state),
            Self::Hotline => Vec::new(),
            Self::Certificates => certificates::reads(state),
            Self::Rotations => rotations::reads(state),
            Self::Statistics => statistics::reads(state),
        }
    }
}
