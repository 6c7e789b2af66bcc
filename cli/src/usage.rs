//! A command line that is not understood, told in the form that the line itself asks for.

use std::ffi::OsString;
use std::io::{self, Write};

use api::Exit;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use client::safe::visible;
use domain::{Hkic, Phone};

use crate::early::Early;
use crate::failure::Failure;
use crate::flags::ColorChoice;
use crate::output::{self, Look, Terminal};

/// The same choice in clap's words.
pub fn clap_color(choice: ColorChoice) -> clap::ColorChoice {
    match choice {
        ColorChoice::Auto => clap::ColorChoice::Auto,
        ColorChoice::Always => clap::ColorChoice::Always,
        ColorChoice::Never => clap::ColorChoice::Never,
    }
}

/// Tells what clap has to say: help and version are data, everything else is a failure.
pub fn tell(error: &clap::Error, arguments: &[OsString], early: Early, terminal: Terminal) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Whoever reads may have seen enough.
        let _ = error.print();
        return Exit::Done;
    }
    let look = Look::of_error(early.color, terminal);
    let text = without_personal(&error.render().to_string(), arguments);
    if early.format.is_some_and(crate::flags::Format::for_programs) {
        let failure = failure(error, &text);
        // Where standard error is closed there is nobody to tell it to.
        let _ = output::tell_failure(&mut io::stderr().lock(), &failure, early.format, look);
        return Exit::Usage;
    }
    let mut to = io::stderr().lock();
    for (number, line) in text.lines().enumerate() {
        let line = visible(line);
        let line = match line.strip_prefix("error:") {
            Some(rest) if number == 0 => format!("{}{rest}", look.bad("error:")),
            _ => line.into_owned(),
        };
        let _ = writeln!(to, "{line}");
    }
    Exit::Usage
}

fn failure(error: &clap::Error, text: &str) -> Failure {
    let message = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let code = match error.kind() {
        ErrorKind::UnknownArgument => "usage.unknown-argument",
        ErrorKind::InvalidSubcommand => "usage.unknown-command",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => "usage.invalid-value",
        ErrorKind::MissingRequiredArgument => "usage.missing-argument",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "usage.missing-command",
        ErrorKind::ArgumentConflict => "usage.conflict",
        _ => "usage",
    };
    if code == "usage.missing-command" {
        return Failure::usage(code, "no command is given").hint("'iamctl --help' lists the commands");
    }
    let tip = text.lines().map(str::trim).find_map(|line| line.strip_prefix("tip: "));
    let hint = match (tip, error.get(ContextKind::Usage)) {
        (Some(tip), _) => tip.to_owned(),
        (None, Some(ContextValue::StyledStr(usage))) => usage.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        (None, _) => "'--help' shows how it is used".to_owned(),
    };
    Failure::usage(code, message).hint(hint)
}

/// Somebody may have typed a card or phone number where none belongs: it is not repeated.
fn without_personal(text: &str, arguments: &[OsString]) -> String {
    let mut text = text.to_owned();
    for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
        let value = argument.split_once('=').map_or(argument, |(_, value)| value);
        if value.len() >= 8 && (value.parse::<Hkic>().is_ok() || value.parse::<Phone>().is_ok()) {
            text = text.replace(value, "(a personal number)");
        }
    }
    text
}
