//! What stands in front of a view: questions, confirmations, troubles, texts, the palette.

use api::Severity;
use api::operator::Identity;
use domain::{Day, Kid, PlanRef, RelyingPartyId, RevocationReason};
use tui_input::Input;

use super::palette::{self, Palette};
use super::{State, rotating, typing};
use crate::call::{KeyLine, Write, listed};
use crate::event::Trouble;
use crate::key::{Code, Key, Named};
use crate::view;
use crate::words;

/// What stands in front of a view.
pub(crate) enum Popup {
    /// The keys and what they do.
    Help { scroll: usize },
    /// A text to read.
    Text { title: String, lines: Vec<String>, scroll: usize },
    /// Why something is to be done, in words.
    Reason { why: Why, input: Input },
    /// Which reason a key is revoked for.
    Revoke { kid: Kid, selected: usize },
    /// For which reason keys are replaced at once.
    Emergency { line: KeyLine, selected: usize },
    /// Whether a write is meant.
    Confirm(Confirm),
    /// Something went wrong with a write; `again` can be sent once more.
    Trouble { trouble: Trouble, command: Option<String>, again: Option<Write> },
    /// A line is wanted: a month, or where to write.
    Ask { ask: Ask, input: Input, wrong: Option<String> },
    /// Leave with a call open?
    Leaving,
    /// Commands, by name or as command lines.
    Palette(Palette),
}

/// What a line is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Which month to go to.
    Month,
    /// Where to write the reply as at that day.
    Export(Day),
}

impl Ask {
    /// The question.
    pub(crate) fn question(self) -> String {
        match self {
            Self::Month => "Which month? Written 2022-05.".to_owned(),
            Self::Export(day) => format!(
                "Where is the reply as at {day} written? The ending says as what: .{}. A file that is there is not written over.",
                super::statistics::ENDINGS.join(", .")
            ),
        }
    }
}

/// What a reason is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    SuspendParty(RelyingPartyId),
    ResumeParty(RelyingPartyId),
    /// A rotation goes on although parties are not ready: one that is planned is run, another resumed.
    GoWithout {
        plan: PlanRef,
        run: bool,
    },
}

impl Why {
    /// What will be asked of the server.
    fn write(&self, reason: &str) -> Write {
        match self {
            Self::SuspendParty(rp) => Write::SuspendParty(rp.clone(), reason.to_owned()),
            Self::ResumeParty(rp) => Write::ResumeParty(rp.clone(), reason.to_owned()),
            Self::GoWithout { plan, run: true } => Write::RunPlan(*plan, Some(reason.to_owned())),
            Self::GoWithout { plan, run: false } => Write::ResumePlan(*plan, Some(reason.to_owned())),
        }
    }

    /// The question.
    pub(crate) fn question(&self) -> String {
        match self {
            Self::SuspendParty(rp) => format!("Why is {rp} suspended? The reason is kept in its history."),
            Self::ResumeParty(rp) => format!("Why does {rp} go on? The reason is kept in its history."),
            Self::GoWithout { plan, .. } => {
                format!("Why does rotation {plan} go on without parties that are not ready? The reason is kept in the audit log.")
            }
        }
    }

    /// The command as far as it is known.
    pub(crate) fn command(&self, reason: &str) -> String {
        self.write(if reason.is_empty() { "TEXT" } else { reason }).command()
    }
}

/// Whether a write is meant.
pub(crate) struct Confirm {
    pub(crate) write: Write,
    pub(crate) question: String,
    /// What is to be typed; none where a `y` is enough.
    pub(crate) name: Option<String>,
    pub(crate) typed: Input,
    /// Whether something else was typed.
    pub(crate) wrong: bool,
}

impl Confirm {
    /// Asks as the operation's severity wants it.
    pub(crate) fn of(write: Write, question: String) -> Self {
        let name = match write.severity() {
            Severity::Mild | Severity::Moderate => None,
            Severity::Severe => Some(write.name()),
        };
        Self { write, question, name, typed: Input::default(), wrong: false }
    }

    /// Asks for the name, whatever the severity.
    pub(crate) fn typed(write: Write, question: String) -> Self {
        let name = Some(write.name());
        Self { write, question, name, typed: Input::default(), wrong: false }
    }
}

impl Popup {
    /// Asks for a line.
    pub(crate) fn ask(ask: Ask, given: String) -> Self {
        Self::Ask { ask, input: Input::new(given), wrong: None }
    }

    /// Asks for a reason in words.
    pub(crate) fn reason(why: Why) -> Self {
        Self::Reason { why, input: Input::default() }
    }

    /// Who the server takes us for.
    pub(crate) fn identity(identity: &Identity) -> Self {
        let roles: Vec<&str> = identity.roles.iter().map(|role| role.as_str()).collect();
        let lines = [
            format!("Operator      {} ({})", identity.operator, identity.name),
            format!("Roles         {}", roles.join(", ")),
            format!("Instance      {}", identity.instance),
            format!("Environment   {}", identity.environment),
            format!("Certificate   until {}", client::times::people(identity.certificate_not_after)),
            format!("Server        version {}", identity.version),
        ];
        let lines = lines.iter().flat_map(|text| words::hanging(text, 14, view::popup::TEXT_COLUMNS)).collect();
        Self::Text { title: "Who you are".to_owned(), lines, scroll: 0 }
    }

    /// What its keys do, for the footer.
    pub(crate) fn hints(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Help { .. } | Self::Text { .. } => vec![("up/down", "scroll"), ("esc", "back")],
            Self::Ask { .. } | Self::Reason { .. } => vec![("enter", "go on"), ("esc", "leave it")],
            Self::Revoke { .. } | Self::Emergency { .. } => vec![("up/down", "choose"), ("enter", "go on"), ("esc", "leave it")],
            Self::Confirm(Confirm { name: Some(_), .. }) => vec![("enter", "do it, when the name is typed"), ("esc", "leave it")],
            Self::Confirm(_) => vec![("y", "yes, do it"), ("n", "no"), ("esc", "leave it")],
            Self::Trouble { again: Some(_), .. } => vec![("r", "send it again"), ("esc", "back")],
            Self::Trouble { .. } => vec![("esc", "back")],
            Self::Leaving => vec![("y", "leave"), ("n", "stay")],
            Self::Palette(_) => vec![("enter", "do it"), ("tab", "take over"), ("up/down", "choose"), ("esc", "back")],
        }
    }
}

/// Why a key can be revoked, the likeliest first. Those of certificates alone are left out.
pub(crate) const REVOCATIONS: &[RevocationReason] = &[
    RevocationReason::KeyCompromise,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
    RevocationReason::Unspecified,
];

/// A key while something stands in front of the view.
pub(super) fn key(state: &mut State, key: Key) {
    // Taken out while it is looked at; whatever does not put it back has closed it.
    let Some(mut popup) = state.popup.take() else { return };
    if key.name() == Some(Named::Esc) {
        return;
    }
    let stays = match &mut popup {
        Popup::Help { scroll } => {
            scrolled(scroll, key, view::help::lines(state).len(), view::popup::text_rows(state));
            !matches!(key.typed(), Some('q' | '?')) && key.name() != Some(Named::Enter)
        }
        Popup::Text { scroll, lines, .. } => {
            scrolled(scroll, key, lines.len(), view::popup::text_rows(state));
            !matches!(key.typed(), Some('q' | '?')) && key.name() != Some(Named::Enter)
        }
        Popup::Reason { why, input } => reason(state, why, input, key),
        Popup::Ask { ask, input, wrong } => asked(state, *ask, input, wrong, key),
        Popup::Revoke { kid, selected } => choose(selected, key, |reason| ask_to_revoke(state, kid.clone(), reason)),
        Popup::Emergency { line, selected } => {
            choose(selected, key, |reason| rotating::ask_emergency(state, line.clone(), reason))
        }
        Popup::Confirm(confirm) => confirmed(state, confirm, key),
        Popup::Trouble { trouble, again, .. } => match (key.typed(), again.take()) {
            (Some('r'), Some(write)) => {
                super::hotline::sent_again(state, &write);
                state.send(write, trouble.unconfirmed.take());
                false
            }
            (_, kept) => {
                *again = kept;
                key.name() != Some(Named::Enter)
            }
        },
        Popup::Leaving => match key.typed() {
            Some('y' | 'Y') => {
                state.leave();
                false
            }
            Some('n' | 'N') => false,
            _ => true,
        },
        Popup::Palette(palette) => palette::key(state, palette, key),
    };
    if stays {
        state.popup = Some(popup);
    }
}

/// Moves a text of so many lines, of which so many are seen, by a key.
pub(super) fn scrolled(scroll: &mut usize, key: Key, lines: usize, seen: usize) {
    let last = lines.saturating_sub(seen);
    let wanted = match (key.name(), key.typed()) {
        (Some(Named::Up), _) | (_, Some('k')) => scroll.saturating_sub(1),
        (Some(Named::Down), _) | (_, Some('j')) => *scroll + 1,
        (Some(Named::PageUp), _) => scroll.saturating_sub(10),
        (Some(Named::PageDown), _) | (_, Some(' ')) => *scroll + 10,
        (Some(Named::Home), _) => 0,
        (Some(Named::End), _) => last,
        _ => *scroll,
    };
    *scroll = wanted.min(last);
}

fn reason(state: &mut State, why: &Why, input: &mut Input, key: Key) -> bool {
    if key.name() != Some(Named::Enter) {
        typing::edit(input, key, domain::text::LONGEST_REASON);
        return true;
    }
    let reason = input.value().trim().to_owned();
    if reason.is_empty() {
        return true;
    }
    let write = why.write(&reason);
    state.popup = Some(Popup::Confirm(match why {
        Why::SuspendParty(rp) => {
            Confirm::of(write, format!("Suspend {rp}? None of its services is accessible from that moment."))
        }
        Why::ResumeParty(rp) => Confirm::of(write, format!("Let {rp} go on?")),
        Why::GoWithout { plan, .. } => Confirm::typed(write, rotating::go_without(state, *plan)),
    }));
    false
}

fn asked(state: &mut State, ask: Ask, input: &mut Input, wrong: &mut Option<String>, key: Key) -> bool {
    if key.name() != Some(Named::Enter) {
        typing::edit(input, key, 256);
        *wrong = None;
        return true;
    }
    let done = match ask {
        Ask::Month => super::statistics::typed_month(state, input.value()),
        Ask::Export(day) => super::statistics::typed_file(state, day, input.value()),
    };
    *wrong = done.err();
    wrong.is_some()
}

/// A key in a list of reasons; `then` is told which one was chosen.
fn choose(selected: &mut usize, key: Key, then: impl FnOnce(RevocationReason)) -> bool {
    let last = REVOCATIONS.len() - 1;
    match (key.name(), key.typed()) {
        (Some(Named::Up), _) | (_, Some('k')) => *selected = selected.saturating_sub(1),
        (Some(Named::Down), _) | (_, Some('j')) => *selected = (*selected + 1).min(last),
        (Some(Named::Enter), _) => {
            then(REVOCATIONS[(*selected).min(last)]);
            return false;
        }
        _ => {}
    }
    true
}

/// Asks whether a revocation is meant.
pub(crate) fn ask_to_revoke(state: &mut State, kid: Kid, reason: RevocationReason) {
    let question = format!("Revoke key {}? Everything signed with it stops being good.", listed(&kid));
    state.popup = Some(Popup::Confirm(Confirm::of(Write::RevokeKey(kid, reason), question)));
}

fn confirmed(state: &mut State, confirm: &mut Confirm, key: Key) -> bool {
    let Some(name) = &confirm.name else {
        return match key.code {
            Code::Char('y' | 'Y') if !key.ctrl && !key.alt => {
                state.send(confirm.write.clone(), None);
                false
            }
            Code::Char('n' | 'N') | Code::Named(Named::Enter) => false,
            _ => true,
        };
    };
    if key.name() != Some(Named::Enter) {
        typing::edit(&mut confirm.typed, key, 128);
        confirm.wrong = false;
        return true;
    }
    if confirm.typed.value().trim() == name {
        state.send(confirm.write.clone(), None);
        return false;
    }
    confirm.wrong = !confirm.typed.value().is_empty();
    true
}
