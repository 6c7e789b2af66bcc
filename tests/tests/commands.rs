//! Every command that a hint, a message, an explanation or a help text names is one that can be given: a next step that is refused
//! is worse than none.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::{fs, iter};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

/// What stands for a value that is filled in by whoever reads: a word in capitals, or a part of a message.
const FILLED_IN: &[(&str, &str)] = &[
    ("ACCOUNT", "A0000000019"),
    ("CALL", "C0000000017"),
    ("CREDENTIAL", "CR0000000012"),
    ("JOB", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ("OPERATION", "key.rotate"),
    ("OPERATOR", "wong"),
    ("PURPOSE", "token-signing"),
    ("ROLE", "auditor"),
    ("RP", "sandbox-bank"),
    ("PARTY", "sandbox-bank"),
    ("SERIAL", "4be1a9f2b3c4d5e6f708192a3b4c5d6e"),
    ("TIME", "2026-12-01T09:00:00+08:00"),
    ("URL", "https://iam.example:7443"),
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<PathBuf> = ["cli/src", "server", "tui/src"].iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                found.push((path, text));
            }
        }
    }
    found
}

/// What stands between single quotes and begins with the program's name, and what is told behind `next:` and `then:`.
fn quoted(text: &str, program: &str) -> Vec<String> {
    let begin = format!("'{program} ");
    let quotes = text.split(&begin).skip(1).filter_map(|rest| rest.split_once('\'')).map(|(inside, _)| inside.to_owned());
    let told = ["next: ", "then: ", "instance with: "].into_iter().flat_map(|word| {
        let begin = format!("{word}{program} ");
        let lines = text.split(&begin).skip(1).map(|rest| rest.split(['"', '\n']).next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>()
    });
    quotes.chain(told).collect()
}

/// The lines of examples in the help of every verb.
fn examples(command: &Command, program: &str) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    let begin = format!("  {program} ");
    let own = help.lines().filter_map(|line| line.strip_prefix(&begin)).map(str::to_owned).collect::<Vec<_>>();
    own.into_iter().chain(command.get_subcommands().flat_map(|inner| examples(inner, program))).collect()
}

/// The words of a command as a shell would take them apart, with what is to be filled in filled in; whether something was.
fn words(line: &str) -> (Vec<String>, bool) {
    let (mut words, mut word, mut within, mut filled) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, within) {
            ('\'' | '"', None) => within = Some(c),
            (c, Some(quote)) if c == quote => within = None,
            ('|' | '>' | '<', None) => break,
            (c, None) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    let words = words.into_iter().filter(|word| !word.is_empty() && word != "…").map(|word| {
        let name = word.trim_matches(['{', '}']).to_uppercase();
        let open = word.contains('{') || word.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '/') && word != "-";
        match FILLED_IN.iter().find(|(place, _)| *place == name) {
            Some((_, value)) if open => (*value).to_owned(),
            _ => {
                filled |= open;
                word
            }
        }
    });
    (words.collect(), filled)
}

/// Whether there is nothing behind the verb: it is spoken of, not given.
fn is_only_named(command: &Command, words: &[String]) -> bool {
    let mut at = command;
    let behind = words.iter().skip_while(|word| match at.find_subcommand(word) {
        Some(inner) => {
            at = inner;
            true
        }
        None => false,
    });
    behind.count() == 0
}

/// Whether it is a rotation that the server refuses for want of a line.
fn lacks_line(words: &[String]) -> bool {
    let rotates =
        words.first().is_some_and(|noun| noun == "key") && words.get(1).is_some_and(|verb| verb == "rotate" || verb == "plan");
    let several = words.windows(2).any(|pair| pair[0] == "--purpose" && (pair[1] == "issuing-ca" || pair[1] == "ocsp"));
    rotates && several && !words.iter().any(|word| word == "--line" || word == "--list")
}

/// Why a command cannot be given. One that is only named, without any of its arguments, can.
fn fault(command: &Command, line: &str) -> Option<String> {
    let (mut words, filled) = words(line);
    let program = command.get_name().to_owned();
    // The data folder is the same in every command of iamd, and a hint leaves it out.
    if program == "iamd" && words.iter().any(|word| word.starts_with("--")) && !words.iter().any(|word| word == "--data-dir") {
        words.extend(["--data-dir".to_owned(), "./iam".to_owned()]);
    }
    let given = command.clone().try_get_matches_from(iter::once(program.clone()).chain(words.clone()));
    if given.is_ok() && lacks_line(&words) {
        return Some(format!("{program} {line}: that purpose has several lines, and none is named"));
    }
    let error = given.err()?;
    // Three dots say that more is to be given.
    let incomplete = line.ends_with('…') || is_only_named(command, &words);
    let missing = error.kind() == ErrorKind::MissingRequiredArgument && incomplete;
    let only_named = missing
        || matches!(
            error.kind(),
            ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelp
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                | ErrorKind::DisplayVersion
        )
        || error.kind() == ErrorKind::InvalidValue && line.split(' ').next_back().is_some_and(|word| word.starts_with("--"));
    let value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let verb = error.kind() == ErrorKind::InvalidSubcommand && line.contains('{');
    let open = filled && (value || verb);
    (!only_named && !open).then(|| format!("{program} {line}: {}", error.to_string().lines().next().unwrap_or_default()))
}

fn faults(command: &Command) -> Vec<String> {
    let program = command.get_name();
    let mut told = examples(command, program).into_iter().map(|line| (String::new(), line)).collect::<Vec<_>>();
    for (path, text) in sources() {
        told.extend(quoted(&text, program).into_iter().map(|line| (path.display().to_string(), line)));
    }
    assert!(told.len() > 5, "{program}: only {} commands were found", told.len());
    told.iter().filter_map(|(place, line)| Some(format!("{place}: {}", fault(command, line)?))).collect()
}

#[test]
fn every_command_that_is_named_can_be_given() {
    let mut iamctl = cli::command();
    iamctl.build();
    let mut iamd = server::arguments::Arguments::command();
    iamd.build();
    let faults: Vec<String> = [iamctl, iamd].iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_command_that_cannot_be_given_is_found() {
    let command = cli::command();
    for good in
        ["cert list", "cert show SERIAL", "cert show {}", "operator enable", "rp credential add {rp} …", "help exit-codes"]
    {
        assert_eq!(fault(&command, good), None, "{good}");
    }
    for bad in [
        "cert shew SERIAL",
        "cert list --stale",
        "cert revoke SERIAL --reason because",
        "key spin",
        "operator add wong",
        "key rotate --activate now",
        "key rotate --purpose ocsp",
    ] {
        assert!(fault(&command, bad).is_some(), "{bad}");
    }
}
