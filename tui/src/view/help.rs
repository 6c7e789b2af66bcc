//! The help: the keys of the view and of all views, from the views' own lists.

use super::pen::{Pieces, line};
use crate::command::Command;
use crate::state::{State, View, global};
use crate::theme::Tone;
use crate::words::wrapped;

/// Columns of what a command does.
const ROOM: usize = 60;

/// Every command of this view, then those of all views, then those of the other views.
pub(crate) fn lines(state: &State) -> Vec<Pieces> {
    let mut lines = Vec::new();
    part(state, &mut lines, state.view.title(), state.view.commands());
    part(state, &mut lines, "Everywhere", global::COMMANDS);
    for view in View::ALL.iter().filter(|view| **view != state.view) {
        part(state, &mut lines, view.title(), view.commands());
    }
    lines.push(Vec::new());
    lines.push(line(Tone::Faint, "What cannot be used now is faint. ':' takes lines of the command line, such as"));
    lines.push(line(Tone::Faint, "'key rotate --purpose token-signing'; every command shows the line that does the same."));
    lines
}

fn part(state: &State, lines: &mut Vec<Pieces>, title: &str, commands: &[Command]) {
    if commands.is_empty() {
        return;
    }
    if !lines.is_empty() {
        lines.push(Vec::new());
    }
    lines.push(line(Tone::Strong, title));
    for command in commands {
        let usable = (command.enabled)(state).is_ok();
        let tone = if usable { Tone::Plain } else { Tone::Faint };
        let keys = command.keys.join(" ");
        for (row, text) in wrapped(command.what, ROOM).into_iter().enumerate() {
            let keys = if row == 0 { keys.as_str() } else { "" };
            lines.push(vec![(if usable { Tone::Key } else { Tone::Faint }, format!("  {keys:<9} ")), (tone, text)]);
        }
    }
}
