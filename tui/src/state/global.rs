//! Commands of every view.

use super::palette::Palette;
use super::popup::{Popup, scrolled};
use super::{State, View, certificates, hotline, rotations, statistics};
use crate::call::Read;
use crate::command::{Command, always};
use crate::key::{Key, Named};
use crate::view;

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["o"],
        name: "open call",
        what: "Open a hotline call, or go back to the one that is open",
        cli: "hotline open",
        enabled: hotline::may_open,
        run: hotline::open,
    },
    Command {
        keys: &["1"],
        name: "overview",
        what: "Go to the overview",
        cli: "",
        enabled: always,
        run: |state| state.go(View::Overview),
    },
    Command {
        keys: &["2"],
        name: "parties",
        what: "Go to the relying parties",
        cli: "rp list",
        enabled: always,
        run: |state| state.go(View::Parties),
    },
    Command {
        keys: &["3"],
        name: "keys",
        what: "Go to the keys",
        cli: "key list",
        enabled: always,
        run: |state| state.go(View::Keys),
    },
    Command {
        keys: &["4"],
        name: "hotline",
        what: "Go to the hotline",
        cli: "",
        enabled: always,
        run: |state| {
            state.go(View::Hotline);
        },
    },
    Command {
        keys: &["5"],
        name: "certificates",
        what: "Go to the certificates, the one that ends first at the top",
        cli: "cert list",
        enabled: always,
        run: |state| state.go(View::Certificates),
    },
    Command {
        keys: &["6"],
        name: "board",
        what: "Go to the board: generations of keys in time, what is under way, who is ready",
        cli: "key plan --list",
        enabled: always,
        run: |state| state.go(View::Rotations),
    },
    Command {
        keys: &["7"],
        name: "statistics",
        what: "Go to the statistics: a month, its services and sectors",
        cli: "stats usage",
        enabled: always,
        run: |state| state.go(View::Statistics),
    },
    Command {
        keys: &["tab"],
        name: "next view",
        what: "Go to the next view",
        cli: "",
        enabled: always,
        run: |state| step(state, 1),
    },
    Command {
        keys: &["backtab"],
        name: "view before",
        what: "Go to the view before",
        cli: "",
        enabled: always,
        run: |state| step(state, View::ALL.len() - 1),
    },
    Command {
        keys: &["up", "k"],
        name: "up",
        what: "Up: another row, or the text of what is open",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::Up),
    },
    Command {
        keys: &["down", "j"],
        name: "down",
        what: "Down",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::Down),
    },
    Command {
        keys: &["pageup"],
        name: "page up",
        what: "A page up",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::PageUp),
    },
    Command {
        keys: &["pagedown"],
        name: "page down",
        what: "A page down",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::PageDown),
    },
    Command {
        keys: &["home"],
        name: "first",
        what: "To the first row",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::Home),
    },
    Command {
        keys: &["end"],
        name: "last",
        what: "To the last row",
        cli: "",
        enabled: always,
        run: |state| scroll(state, Named::End),
    },
    Command {
        keys: &["ctrl-r"],
        name: "refresh",
        what: "Ask the server again now",
        cli: "",
        enabled: always,
        run: |state| {
            state.ask(Read::WhoAmI);
            state.refresh();
            state.tell("asked again", None);
        },
    },
    Command {
        keys: &["w"],
        name: "who am I",
        what: "Show who the server takes you for, and your roles",
        cli: "whoami",
        enabled: |state| if state.identity.value.is_some() { Ok(()) } else { Err("the server has not said it yet".to_owned()) },
        run: |state| state.popup = state.identity.value.as_ref().map(Popup::identity),
    },
    Command {
        keys: &[":", "ctrl-p"],
        name: "commands",
        what: "Find a command by name, or type one as on the command line",
        cli: "",
        enabled: always,
        run: |state| state.popup = Some(Popup::Palette(Palette::default())),
    },
    Command {
        keys: &["?"],
        name: "help",
        what: "Show the keys and what they do",
        cli: "help",
        enabled: always,
        run: |state| state.popup = Some(Popup::Help { scroll: 0 }),
    },
    Command { keys: &["q"], name: "quit", what: "Leave the dashboard", cli: "", enabled: always, run: quit },
];

/// Leaves, unless a caller is on the line or the server has not answered: then it is asked first.
pub(crate) fn quit(state: &mut State) {
    if state.hotline.is_open() || state.unanswered().is_some() {
        state.popup = Some(Popup::Leaving);
    } else {
        state.leave();
    }
}

fn step(state: &mut State, by: usize) {
    let place = View::ALL.iter().position(|view| *view == state.view).unwrap_or_default();
    state.go(View::ALL[(place + by) % View::ALL.len()]);
}

/// Rows that a page has.
fn page(state: &State) -> isize {
    isize::try_from(state.size.1.saturating_sub(8)).unwrap_or(16).max(1)
}

fn scroll(state: &mut State, by: Named) {
    let rows = match by {
        Named::Up => -1,
        Named::Down => 1,
        Named::PageUp => -page(state),
        Named::PageDown => page(state),
        Named::Home => isize::MIN / 2,
        _ => isize::MAX / 2,
    };
    match state.view {
        View::Overview => {}
        View::Parties if state.parties.open.is_some() => {
            let (lines, seen) = (view::parties::lines(state).len(), view::parties::seen(state));
            scrolled(&mut state.parties.scroll, Key::named(by), lines, seen);
        }
        View::Parties => state.parties.select(rows),
        View::Keys if state.keys.open.is_some() => {
            let (lines, seen) = (view::keys::lines(state).len(), view::keys::seen(state));
            scrolled(&mut state.keys.scroll, Key::named(by), lines, seen);
        }
        View::Keys => state.keys.select(rows),
        View::Certificates if state.certificates.open.is_some() => {
            let (lines, seen) = (view::certificates::lines(state).len(), view::certificates::seen(state));
            scrolled(&mut state.certificates.scroll, Key::named(by), lines, seen);
        }
        View::Certificates => certificates::select(state, rows),
        View::Rotations if state.rotations.open => {
            let (lines, seen) = (view::rotations::lines(state).len(), view::rotations::seen(state));
            scrolled(&mut state.rotations.scroll, Key::named(by), lines, seen);
        }
        View::Rotations => rotations::select(state, rows),
        View::Hotline => hotline::select(state, rows),
        View::Statistics => statistics::select(state, rows),
    }
}
