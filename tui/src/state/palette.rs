//! The palette: commands found by name, and lines in the grammar of the command line.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;
use zeroize::Zeroizing;

use super::popup::{Confirm, Popup, ask_to_revoke};
use super::{State, View, certificates, global, hotline, keys, parties, rotating, rotations, typing};
use crate::call::Write;
use crate::command::{Command, Whether};
use crate::grammar::{self, Typed};
use crate::key::{Key, Named};
use crate::view::popup::TEXT_COLUMNS;
use crate::words;

/// What is typed after `:`.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) input: Input,
    pub(crate) selected: usize,
    /// What is wrong with the line, when it was tried.
    pub(crate) wrong: Option<String>,
}

/// A command that fits what was typed.
pub(crate) struct Item {
    pub(crate) command: &'static Command,
    pub(crate) enabled: Whether,
    /// Its command line, filled in with what is selected.
    pub(crate) cli: String,
}

/// The commands that fit, the best first; those of the view before the others where nothing was typed.
pub(crate) fn items(state: &State, palette: &Palette) -> Vec<Item> {
    let others = View::ALL.iter().filter(|view| **view != state.view).flat_map(|view| view.commands());
    let all = state.view.commands().iter().chain(global::COMMANDS).chain(others);
    // Moving about is for the keyboard.
    let all =
        all.filter(|command| !matches!(command.keys.first(), Some(&("up" | "down" | "pageup" | "pagedown" | "home" | "end"))));
    let wanted = Pattern::parse(palette.input.value(), CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, &'static Command)> = all
        .filter_map(|command| {
            let text = format!("{} {} {}", command.name, command.cli, command.what);
            let score = wanted.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
            Some((score, command))
        })
        .collect();
    // Stable: equals keep the order of the views.
    found.sort_by_key(|(score, command)| (std::cmp::Reverse(*score), (command.enabled)(state).is_err()));
    found
        .into_iter()
        .map(|(_, command)| Item { command, enabled: (command.enabled)(state), cli: filled(state, command.cli) })
        .collect()
}

/// A command line with what is selected in the place of the capitals.
fn filled(state: &State, cli: &str) -> String {
    let word = |word: &str| match word {
        "RP" => state.parties.subject().map(|(rp, _)| rp.to_string()),
        "KID" => state.keys.subject().map(|key| key.kid.to_string()),
        "SERIAL" => state
            .certificates
            .open
            .clone()
            .or_else(|| state.certificates.at().map(|row| row.serial.clone()))
            .map(|serial| serial.to_string()),
        "PLAN" => state.rotations.subject().map(|plan| plan.plan.to_string()),
        "PURPOSE" => state.rotations.selected.as_ref().map(|slot| slot.purpose.to_string()),
        "CALL" => state.hotline.call.as_ref().map(|call| call.call.to_string()),
        "MONTH" => state.statistics.month().map(|month| month.to_string()),
        "DAY" => state.statistics.month().map(|month| month.last_day().to_string()),
        "SERVICE" => state.statistics.at().map(|row| row.id.clone()),
        "JOB" => super::overview::running(state).map(|job| job.job.to_string()),
        _ => None,
    };
    cli.split(' ').map(|given| word(given).unwrap_or_else(|| given.to_owned())).collect::<Vec<_>>().join(" ")
}

/// Whether the line, with this pasted at its cursor, holds a person's number or is about to: it is refused, but must not be
/// recorded either.
pub(super) fn is_private(palette: &Palette, pasted: &str) -> bool {
    let mut line = Zeroizing::new(palette.input.value().to_owned());
    let cursor = line.char_indices().nth(palette.input.cursor()).map_or(line.len(), |(at, _)| at);
    line.insert_str(cursor, pasted);
    grammar::names_a_person(&line)
}

/// A key while the palette stands in front; false when it is done with.
pub(super) fn key(state: &mut State, palette: &mut Palette, key: Key) -> bool {
    match key.name() {
        Some(Named::Up) => palette.selected = palette.selected.saturating_sub(1),
        Some(Named::Down) => palette.selected = (palette.selected + 1).min(items(state, palette).len().saturating_sub(1)),
        Some(Named::Tab) => {
            if let Some(item) = items(state, palette).get(palette.selected).filter(|item| !item.cli.is_empty()) {
                palette.input = Input::new(item.cli.clone());
                palette.selected = 0;
            }
        }
        Some(Named::Enter) => return enter(state, palette),
        _ => {
            let key = if key.code == crate::key::Code::Hidden { Key::of(crate::key::Code::Char('?')) } else { key };
            typing::edit(&mut palette.input, key, 600);
            palette.selected = 0;
            palette.wrong = None;
        }
    }
    true
}

fn enter(state: &mut State, palette: &mut Palette) -> bool {
    let line = palette.input.value().trim().to_owned();
    if grammar::is_a_line(state.grammar.as_ref(), &line) {
        match grammar::read(state.grammar.as_ref(), &line) {
            Ok(typed) => {
                if let Err(why) = perform(state, typed) {
                    palette.wrong = Some(why);
                    return true;
                }
                return false;
            }
            Err(wrong) => palette.wrong = Some(wrong),
        }
        return true;
    }
    let found = items(state, palette);
    match found.get(palette.selected).map(|item| (item.command, &item.enabled)) {
        Some((command, Ok(()))) => {
            (command.run)(state);
            false
        }
        Some((_, Err(why))) => {
            palette.wrong = Some(why.clone());
            true
        }
        None => {
            palette.wrong = Some("no command fits; esc closes this, ? shows the keys".to_owned());
            true
        }
    }
}

/// Does what a line says. What would ask on the command line asks here too.
fn perform(state: &mut State, typed: Typed) -> Whether {
    if let Some(write) = typed.write() {
        state.may(write.roles())?;
    }
    let hotline_busy =
        matches!(typed, Typed::Open | Typed::Find { .. } | Typed::Write(Write::SuspendAccount { .. } | Write::CloseCall(_)));
    if hotline_busy && state.hotline.waits() {
        return Err("the server has not answered the last step of the call yet".to_owned());
    }
    // What comes of it is seen in the view it belongs to.
    match &typed {
        Typed::Write(Write::RotateKey(..) | Write::RevokeKey(..)) => state.go(View::Keys),
        Typed::Write(Write::SuspendParty(rp, _) | Write::ResumeParty(rp, _)) => {
            state.go(View::Parties);
            parties::open(state, rp.clone());
        }
        Typed::Write(Write::CancelJob(_)) => state.go(View::Overview),
        Typed::Write(
            Write::PlanRotation(..)
            | Write::RunPlan(..)
            | Write::PausePlan(_)
            | Write::ResumePlan(..)
            | Write::AbortPlan(_)
            | Write::Emergency(..),
        ) => state.go(View::Rotations),
        _ => {}
    }
    match typed {
        Typed::Go(view) => state.go(view),
        Typed::Party(rp) => {
            state.go(View::Parties);
            parties::open(state, rp);
        }
        Typed::Key(kid) => {
            state.go(View::Keys);
            keys::open(state, kid);
        }
        Typed::Plan(plan) => rotations::open(state, plan),
        Typed::Certificates(wanted) => certificates::list(state, wanted),
        Typed::Certificate(serial) => {
            state.go(View::Certificates);
            certificates::open(state, serial);
        }
        Typed::Open => hotline::open(state),
        Typed::Find { call, who } => {
            state.may(hotline::roles())?;
            hotline::take_up(state, call);
            if let Some(account) = who {
                hotline::find_account(state, call, account);
            }
        }
        Typed::Who => {
            let identity = state.identity.value.as_ref().ok_or("the server has not said it yet")?;
            state.popup = Some(Popup::identity(identity));
        }
        Typed::Help => state.popup = Some(Popup::Help { scroll: 0 }),
        Typed::Text(title, text) => {
            let lines = text.lines().flat_map(|text| words::hanging(text, 0, TEXT_COLUMNS)).collect();
            state.popup = Some(Popup::Text { title, lines, scroll: 0 });
        }
        Typed::Leave => global::quit(state),
        Typed::Write(write) => match write {
            Write::SuspendAccount { account, reason, call, note } => {
                hotline::suspend_named(state, account, reason, call, note);
            }
            Write::CloseCall(call) => hotline::close_named(state, call),
            Write::RotateKey(purpose, algorithm, activate) => keys::rotate(state, purpose, algorithm, activate),
            Write::RevokeKey(kid, reason) => ask_to_revoke(state, kid, reason),
            Write::Emergency(line, reason) => rotating::ask_emergency(state, line, reason),
            plan @ (Write::RunPlan(..) | Write::PausePlan(_) | Write::ResumePlan(..) | Write::AbortPlan(_)) => {
                let question = format!("{}?", plan.command());
                state.popup = Some(Popup::Confirm(Confirm::typed(plan, question)));
            }
            other => {
                let question = format!("{}?", other.command());
                state.popup = Some(Popup::Confirm(Confirm::of(other, question)));
            }
        },
    }
    Ok(())
}
