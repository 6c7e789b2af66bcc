//! A command line that is not understood, told in the form that the line itself asks for.

use std::ffi::OsString;
use std::io::{self, Write};

use api::Exit;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use client::safe::visible;

use crate::early::Early;
use crate::failure::Failure;
use crate::flags::{ColorChoice, Format};
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
    // Where standard error is closed there is nobody to tell it to.
    let _ = io::stderr().lock().write_all(&told(error, arguments, early, look));
    Exit::Usage
}

/// What is wrong, as it is told on standard error.
fn told(error: &clap::Error, arguments: &[OsString], early: Early, look: Look) -> Vec<u8> {
    let text = without_personal(&error.render().to_string(), arguments);
    let mut bytes = Vec::new();
    if early.format.is_some_and(Format::for_programs) {
        // Writing to memory does not fail.
        let _ = output::tell_failure(&mut bytes, &failure(error, &text), early.format, look);
        return bytes;
    }
    for (number, line) in text.lines().enumerate() {
        let line = visible(line);
        let line = match line.strip_prefix("error:") {
            Some(rest) if number == 0 => format!("{}{rest}", look.bad("error:")),
            _ => line.into_owned(),
        };
        let _ = writeln!(bytes, "{line}");
    }
    bytes
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

/// Somebody may have typed a card or phone number where none belongs, perhaps with a slip in it: it is not repeated.
fn without_personal(text: &str, arguments: &[OsString]) -> String {
    let mut text = text.to_owned();
    for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
        let value = argument.split_once('=').map_or(argument, |(_, value)| value);
        for part in std::iter::once(value).chain(value.split_whitespace()) {
            if is_like_a_card(part) || is_like_a_phone(part) {
                text = text.replace(part, "(a personal number)");
            }
        }
    }
    text
}

/// One or two letters, six digits and perhaps a check character, right or wrong, set apart or not.
fn is_like_a_card(text: &str) -> bool {
    let plain: String = text.chars().filter(|character| !matches!(character, ' ' | '-' | '(' | ')')).collect();
    let digits = plain.trim_start_matches(|first: char| first.is_ascii_alphabetic());
    let (number, check) = digits.split_at_checked(6).unwrap_or_default();
    (1..=2).contains(&(plain.len() - digits.len()))
        && number.len() == 6
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && check.len() <= 1
        && check.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Eight digits or more as they are dialled. A date is none.
fn is_like_a_phone(text: &str) -> bool {
    let plain: String = text.chars().filter(|character| !matches!(character, ' ' | '-' | '(' | ')')).collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    // With a slip in its year too.
    let date = matches!(text.split('-').map(str::len).collect::<Vec<_>>()[..], [4..=6, 1..=2, 1..=2]);
    !date && (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_for(line: &[&str]) -> String {
        let arguments: Vec<OsString> = std::iter::once("iamctl").chain(line.iter().copied()).map(OsString::from).collect();
        let error = crate::command().try_get_matches_from(&arguments).unwrap_err();
        let early = Early::of(&arguments[1..]);
        String::from_utf8(told(&error, &arguments, early, Look { color: false, room: None })).unwrap()
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest() {
        assert!(told_for(&["rp", "aply"]).contains("similar subcommand exists: 'apply'"));
        assert!(told_for(&["rp", "list", "--sektor", "private"]).contains("'--sector'"));
    }

    #[test]
    fn programs_get_their_shape_wherever_they_ask_for_it() {
        for line in [
            &["rp", "list", "--sektor", "x", "-o", "json"][..],
            &["-ojson", "rp", "lst"],
            &["rp", "-o=json"],
            &["--output=json", "key", "revoke", "x"],
        ] {
            let told = told_for(line);
            let document: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{line:?}: {told}"));
            let error = &document["error"];
            assert!(error["code"].as_str().unwrap().starts_with("usage."), "{told}");
            assert!(!error["message"].as_str().unwrap().is_empty() && error["hint"].is_string(), "{told}");
            assert!(api::codes::explained(error["code"].as_str().unwrap()).is_some(), "{told}");
        }
    }

    #[test]
    fn a_slip_is_told_in_the_form_of_every_format() {
        for format in ["json", "jsonl", "yaml", "csv", "name", "md", "wide", "table"] {
            let told = told_for(&["rp", "lst", "-o", format]);
            match format {
                "json" | "jsonl" | "yaml" => {
                    assert!(format == "yaml" || told.lines().count() == 1, "{told}");
                    let document: serde_json::Value = client::yaml::from_slice(told.as_bytes()).unwrap();
                    assert_eq!(document["error"]["code"], "usage.unknown-command", "{format}: {told}");
                }
                _ => assert!(told.starts_with("error: "), "{format}: {told}"),
            }
        }
    }

    #[test]
    fn a_number_that_was_typed_in_the_wrong_place_is_not_repeated() {
        for line in [
            &["hotline", "close", "G123456(A)"][..],
            &["account", "show", "g123456a"],
            &["account", "show", "--account=+85291234567"],
            &["account", "show", "91234567"],
            &["account", "show", "9123-4567"],
            &["account", "show", "+852 9123 4567"],
            &["account", "show", "G123456(7)"],
            &["account", "show", "lost by AB 123456 7", "91234567"],
            &["account", "show", "AB1234567"],
        ] {
            let told = told_for(line);
            let digits: String = told.chars().filter(char::is_ascii_digit).collect();
            assert!(!digits.contains("123456") && !digits.contains("91234567"), "{told}");
        }
    }

    #[test]
    fn a_date_that_is_not_understood_is_repeated() {
        let told = told_for(&["stats", "legco", "--as-at", "20222-05-31"]);
        assert!(told.contains("20222-05-31"), "{told}");
        let told = told_for(&["stats", "usage", "--from", "2022-05-32"]);
        assert!(told.contains("2022-05-32"), "{told}");
    }

    #[test]
    fn what_was_typed_is_printed_visibly() {
        let told = told_for(&["rp", "show", "a\u{1b}[2J\u{202e}"]);
        // Clap has taken the escape sequence out already.
        assert!(told.contains("\\u{202e}"), "{told}");
        assert!(!told.chars().any(|character| character != '\n' && client::safe::is_unsafe(character)));
    }
}
