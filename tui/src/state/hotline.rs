//! The hotline: a call is opened, the caller found, the account suspended, the sentence read back, the call closed.

use std::time::Duration;

use api::account::Suspension;
use api::hotline::{CallClosed, CallOpened, FindCaller, FoundAccount, OpenCall};
use api::{Operation, Role};
use domain::{AccountId, AccountState, CallRef, SuspensionReason, Timestamp};
use zeroize::Zeroizing;

use super::{State, View};
use crate::call::Write;
use crate::command::{Command, Whether, not};
use crate::event::Trouble;
use crate::secret::Secret;

/// The call that is on the line.
#[derive(Debug, Default)]
pub(crate) struct Hotline {
    pub(crate) call: Option<CallOpened>,
    pub(crate) stage: Stage,
    /// The accounts that fit what the caller named last, and the selected one among them.
    pub(crate) found: Vec<FoundAccount>,
    pub(crate) selected: usize,
    /// The last call that was closed, and how long it took.
    pub(crate) last: Option<(CallClosed, Duration)>,
}

/// How far the call is.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// Nobody is on the line.
    #[default]
    Idle,
    /// The call is being opened.
    Opening,
    /// What the caller names is typed; not shown, and wiped once it is sent.
    Asking { field: Secret, typing: bool, trouble: Option<Trouble>, nobody: bool },
    /// The server is looking.
    Finding,
    /// Accounts fit: which one is the caller's?
    Found,
    /// Why is it to be suspended?
    Choosing { account: Box<FoundAccount> },
    /// What the reason `other` needs.
    Noting { account: Box<FoundAccount>, note: Secret },
    /// The server is suspending.
    Suspending { account: Option<Box<FoundAccount>>, reason: SuspensionReason },
    /// Done: this is read back.
    Done { suspension: Box<Suspension>, scroll: usize },
    /// The call is being closed.
    Closing,
}

/// The longest note, in characters.
const LONGEST_NOTE: usize = domain::text::LONGEST_REASON;

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["enter"],
        name: "choose",
        what: "The selected account is the caller's",
        cli: "",
        enabled: choosable,
        run: choose,
    },
    Command {
        keys: &["enter", "i"],
        name: "find",
        what: "Type what the caller names: HKIC number, phone number or account reference",
        cli: "hotline find --call CALL --hkic -",
        enabled: |state| in_stage(state, |stage| matches!(stage, Stage::Asking { .. }), "open a call first"),
        run: |state| {
            if let Stage::Asking { typing, .. } = &mut state.hotline.stage {
                *typing = true;
            }
        },
    },
    reason(&["l"], "lost", "lost device", |state| suspend(state, SuspensionReason::LostDevice)),
    reason(&["s"], "stolen", "stolen device", |state| suspend(state, SuspensionReason::StolenDevice)),
    reason(&["f"], "fraud", "suspected fraud", |state| suspend(state, SuspensionReason::SuspectedFraud)),
    reason(&["r"], "caller's wish", "the caller asks for it", |state| suspend(state, SuspensionReason::CallerRequest)),
    reason(&["d"], "deceased", "the holder has died", |state| suspend(state, SuspensionReason::Deceased)),
    reason(&["t"], "other", "something else, which needs a note", |state| suspend(state, SuspensionReason::Other)),
    Command {
        keys: &["esc"],
        name: "back",
        what: "Back to the accounts that were found, or to the field",
        cli: "",
        enabled: |state| in_stage(state, |stage| matches!(stage, Stage::Found | Stage::Choosing { .. }), "nothing was found yet"),
        run: |state| {
            let choosing = matches!(state.hotline.stage, Stage::Choosing { .. });
            let several = choosing && state.hotline.found.len() > 1;
            state.hotline.stage = if several { Stage::Found } else { state.hotline.between() };
        },
    },
    Command {
        keys: &["a"],
        name: "look again",
        what: "Find another account in the same call",
        cli: "",
        // No other key leads away from the sentence that is read back.
        enabled: |state| {
            let again = |stage: &Stage| matches!(stage, Stage::Found | Stage::Choosing { .. } | Stage::Done { .. });
            in_stage(state, again, "nothing was found yet")
        },
        run: |state| state.hotline.stage = state.hotline.between(),
    },
    Command {
        keys: &["c"],
        name: "close call",
        what: "Close the call",
        cli: "hotline close CALL",
        enabled: |state| {
            here(state)?;
            match (state.hotline.is_open(), state.hotline.waits()) {
                (true, false) => Ok(()),
                (true, true) => not("the server has not answered yet"),
                (false, _) => not("no call is open"),
            }
        },
        run: close,
    },
];

const fn reason(keys: &'static [&'static str], name: &'static str, what: &'static str, run: fn(&mut State)) -> Command {
    Command {
        keys,
        name,
        what,
        cli: "hotline suspend ACCOUNT --call CALL --reason REASON",
        enabled: |state| in_stage(state, |stage| matches!(stage, Stage::Choosing { .. }), "choose the caller's account first"),
        run,
    }
}

fn here(state: &State) -> Whether {
    if state.view == View::Hotline { Ok(()) } else { not("go to the hotline first") }
}

fn in_stage(state: &State, fits: fn(&Stage) -> bool, why: &str) -> Whether {
    here(state)?;
    if fits(&state.hotline.stage) { Ok(()) } else { not(why) }
}

impl Stage {
    fn asking() -> Self {
        Self::Asking { field: Secret::identifier(), typing: true, trouble: None, nobody: false }
    }
}

impl Hotline {
    /// Whether somebody is on the line.
    pub(crate) fn is_open(&self) -> bool {
        self.call.is_some()
    }

    /// The account that is selected among those found.
    fn account(&self) -> Option<&FoundAccount> {
        self.found.get(self.selected)
    }

    /// Between two steps: the next account can be looked for, or nobody is on the line.
    fn between(&self) -> Stage {
        if self.is_open() { Stage::asking() } else { Stage::Idle }
    }

    /// Whether the server has not answered yet.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Finding | Stage::Suspending { .. } | Stage::Closing)
    }

    /// Whether typed characters are text, and of a person.
    pub(crate) fn takes_text(&self) -> bool {
        matches!(self.stage, Stage::Asking { typing: true, .. } | Stage::Noting { .. })
    }

    /// How long the call has been open.
    pub(crate) fn lasts(&self, now: Timestamp) -> Option<Duration> {
        Some(now.saturating_since(self.call.as_ref()?.opened_at))
    }
}

/// Whether the operator's roles are those of the hotline and no others.
pub(super) fn is_the_only_work(state: &State) -> bool {
    let hotline = [Role::HotlineAgent, Role::HotlineSupervisor];
    state
        .identity
        .value
        .as_ref()
        .is_some_and(|identity| !identity.roles.is_empty() && identity.roles.iter().all(|role| hotline.contains(role)))
}

/// Whether a call can be opened.
pub(crate) fn may_open(state: &State) -> Whether {
    state.may(OpenCall::ROLES)?;
    let hotline = &state.hotline;
    match (hotline.is_open(), hotline.waits()) {
        // The key leads back to the call from every view.
        _ if state.view != View::Hotline => Ok(()),
        (true, _) => not("a call is open already"),
        (false, true) => not("the server has not answered yet"),
        (false, false) => Ok(()),
    }
}

/// Opens a call, or goes back to the one that is open.
pub(crate) fn open(state: &mut State) {
    state.go(View::Hotline);
    // An account may have been suspended without a call: its sentence stands there, and nobody is on the line.
    if !state.hotline.is_open() && !state.hotline.waits() {
        state.hotline.stage = Stage::Opening;
        state.send(Write::OpenCall, None);
    }
}

/// Takes up a call that was opened elsewhere.
pub(crate) fn take_up(state: &mut State, call: CallRef) {
    state.go(View::Hotline);
    if state.hotline.call.as_ref().is_none_or(|open| open.call != call) {
        state.hotline.call = Some(CallOpened { call, opened_at: state.now });
    }
    state.hotline.stage = Stage::asking();
}

/// Looks for an account by its reference, in a call that was taken up.
pub(crate) fn find_account(state: &mut State, call: CallRef, account: AccountId) {
    let mut who = Secret::identifier();
    account.to_string().chars().for_each(|character| who.push(character));
    state.hotline.stage = Stage::Finding;
    state.find(call, who);
}

pub(super) fn opened(state: &mut State, opened: CallOpened) {
    // The clock of this machine counts the call, so that no difference of clocks shows.
    state.hotline.call = Some(CallOpened { opened_at: state.now, ..opened });
    state.hotline.stage = Stage::asking();
}

fn choosable(state: &State) -> Whether {
    in_stage(state, |stage| matches!(stage, Stage::Found), "find the caller first")?;
    match state.hotline.account().map(|account| account.state) {
        Some(AccountState::Closed) => not("this account is closed: there is nothing to suspend"),
        Some(_) => Ok(()),
        None => not("no account is selected"),
    }
}

fn choose(state: &mut State) {
    if let Some(account) = state.hotline.account() {
        state.hotline.stage = Stage::Choosing { account: Box::new(account.clone()) };
    }
}

/// Moves the selection among the accounts found, or the sentence that is read back.
pub(crate) fn select(state: &mut State, by: isize) {
    let Hotline { stage, found, selected, .. } = &mut state.hotline;
    match stage {
        Stage::Found => *selected = selected.saturating_add_signed(by).min(found.len().saturating_sub(1)),
        Stage::Done { scroll, .. } => *scroll = scroll.saturating_add_signed(by.clamp(-10, 10)).min(20),
        _ => {}
    }
}

fn suspend(state: &mut State, reason: SuspensionReason) {
    let Stage::Choosing { account } = &state.hotline.stage else { return };
    let account = account.clone();
    if reason.needs_note() {
        state.hotline.stage = Stage::Noting { account, note: Secret::new(LONGEST_NOTE) };
    } else {
        send(state, account, reason, None);
    }
}

pub(super) fn send(state: &mut State, account: Box<FoundAccount>, reason: SuspensionReason, note: Option<Zeroizing<String>>) {
    // No question is put: suspending protects, and the caller waits.
    let call = state.hotline.call.as_ref().map(|call| call.call);
    let write = Write::SuspendAccount { account: account.account, reason, call, note };
    state.hotline.stage = Stage::Suspending { account: Some(account), reason };
    state.send(write, None);
}

/// Suspends an account that was named on the command line.
pub(crate) fn suspend_named(
    state: &mut State,
    account: AccountId,
    reason: SuspensionReason,
    call: Option<CallRef>,
    note: Option<Zeroizing<String>>,
) {
    state.go(View::Hotline);
    if let Some(call) = call
        && state.hotline.call.as_ref().is_none_or(|open| open.call != call)
    {
        state.hotline.call = Some(CallOpened { call, opened_at: state.now });
    }
    state.hotline.stage = Stage::Suspending { account: None, reason };
    state.send(Write::SuspendAccount { account, reason, call, note }, None);
}

fn close(state: &mut State) {
    if let Some(call) = state.hotline.call.as_ref().map(|call| call.call) {
        close_named(state, call);
    }
}

/// Closes a call.
pub(crate) fn close_named(state: &mut State, call: CallRef) {
    state.go(View::Hotline);
    state.hotline.stage = Stage::Closing;
    state.send(Write::CloseCall(call), None);
}

/// What the keyboard does while text is typed.
pub(crate) fn typing_hints(state: &State) -> Vec<(&'static str, &'static str)> {
    match &state.hotline.stage {
        Stage::Noting { .. } => vec![("enter", "suspend"), ("esc", "another reason")],
        _ => vec![("enter", "find"), ("ctrl-u", "begin again"), ("esc", "leave the field")],
    }
}

pub(super) fn found(state: &mut State, accounts: Vec<FoundAccount>) {
    if !matches!(state.hotline.stage, Stage::Finding) {
        return;
    }
    state.hotline.stage = if accounts.is_empty() {
        Stage::Asking { field: Secret::identifier(), typing: true, trouble: None, nobody: true }
    } else {
        Stage::Found
    };
    state.hotline.found = accounts;
    state.hotline.selected = 0;
}

pub(super) fn not_found(state: &mut State, trouble: Trouble) {
    if matches!(state.hotline.stage, Stage::Finding) {
        state.hotline.stage = Stage::Asking { field: Secret::identifier(), typing: true, trouble: Some(trouble), nobody: false };
    }
}

pub(super) fn suspended(state: &mut State, suspension: Suspension) {
    state.go(View::Hotline);
    state.hotline.stage = Stage::Done { suspension: Box::new(suspension), scroll: 0 };
}

pub(super) fn closed(state: &mut State, closed: CallClosed) {
    // Only what is on the line is over; another call may have been closed by its reference.
    let lasted = match &state.hotline.call {
        Some(open) if open.call == closed.call => state.now.saturating_since(open.opened_at),
        _ => closed.closed_at.saturating_since(closed.opened_at),
    };
    let ours = state.hotline.call.as_ref().is_none_or(|open| open.call == closed.call);
    state.hotline.last = Some((closed, lasted));
    if ours {
        state.hotline.found.clear();
        state.hotline.call = None;
        state.hotline.stage = Stage::Idle;
    } else {
        state.hotline.stage = state.hotline.between();
    }
}

/// A write of the hotline was not done: back to where it was asked for.
pub(super) fn not_done(state: &mut State, write: &Write) {
    let stage = std::mem::take(&mut state.hotline.stage);
    state.hotline.stage = match (write, stage) {
        (Write::OpenCall, Stage::Opening) => Stage::Idle,
        (Write::SuspendAccount { .. }, Stage::Suspending { account: Some(account), .. }) => Stage::Choosing { account },
        (Write::SuspendAccount { .. }, Stage::Suspending { account: None, .. }) | (Write::CloseCall(_), Stage::Closing) => {
            state.hotline.between()
        }
        (_, other) => other,
    };
}

/// The same write goes out once more.
pub(super) fn sent_again(state: &mut State, write: &Write) {
    let stage = std::mem::take(&mut state.hotline.stage);
    state.hotline.stage = match (write, stage) {
        (Write::OpenCall, Stage::Idle) => Stage::Opening,
        (Write::SuspendAccount { reason, .. }, Stage::Choosing { account }) => {
            Stage::Suspending { account: Some(account), reason: *reason }
        }
        (Write::SuspendAccount { reason, .. }, _) => Stage::Suspending { account: None, reason: *reason },
        (Write::CloseCall(_), _) => Stage::Closing,
        (_, other) => other,
    };
}

/// Who may work here.
pub(crate) fn roles() -> &'static [Role] {
    FindCaller::ROLES
}
