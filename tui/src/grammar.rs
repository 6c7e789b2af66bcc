//! Lines typed after `:`, read by the command line's own grammar and taken for what the dashboard knows of it.

use clap::error::ErrorKind;
use clap::parser::{MatchesError, ValueSource};
use clap::{ArgMatches, Command};
use domain::{
    AccountId, ActivateAt, CallRef, JobId, KeyPurpose, Kid, PlanRef, RelyingPartyId, RevocationReason, Serial, SuspensionReason,
};
use zeroize::Zeroizing;

use crate::call::{KeyLine, Wanted, Write};
use crate::state::View;
use crate::view::popup::TEXT_COLUMNS;

/// What a line asks for.
#[derive(Debug)]
pub(crate) enum Typed {
    Go(View),
    Party(RelyingPartyId),
    Key(Kid),
    Plan(PlanRef),
    Certificates(Wanted),
    Certificate(Serial),
    Open,
    Find { call: CallRef, who: Option<AccountId> },
    Who,
    Help,
    Text(String, String),
    Leave,
    Write(Write),
}

impl Typed {
    /// The write that it leads to.
    pub(crate) fn write(&self) -> Option<&Write> {
        match self {
            Self::Write(write) => Some(write),
            Self::Open => Some(&Write::OpenCall),
            _ => None,
        }
    }
}

/// Lines of every verb that the dashboard knows. The command line holds them to its grammar.
#[must_use]
pub fn examples() -> Vec<String> {
    let account = AccountId::from_number(7).map(|account| account.to_string()).unwrap_or_default();
    let call = CallRef::from_number(7).map(|call| call.to_string()).unwrap_or_default();
    let plan = PlanRef::from_number(7).map(|plan| plan.to_string()).unwrap_or_default();
    [
        "rp list",
        "rp show inland-revenue-department",
        "rp suspend sandbox-bank --reason 'credential leaked, case 4711'",
        "rp resume sandbox-bank --reason mended",
        "key list",
        "key show WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q",
        "key rotate --purpose token-signing",
        "key rotate --purpose token-signing --algorithm ES256 --activate now",
        "key rotate --plan PLAN",
        "key rotate --plan PLAN --override --reason 'told by phone, ticket 4711'",
        "key rotate --emergency --reason key-compromise",
        "key plan --purpose token-signing",
        "key plan --purpose issuing-ca --line operators --at 2022-06-01T02:00:00+08:00",
        "key plan PLAN",
        "key plan --list",
        "key pause PLAN",
        "key resume PLAN",
        "key resume PLAN --override --reason 'told by phone, ticket 4711'",
        "key abort PLAN",
        "key revoke WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q --reason key-compromise",
        "cert list",
        "cert list --kind relying-party --holder sandbox-bank --issuer relying-parties-1 --profile relying-party",
        "cert list --state revoked --within 30",
        "cert show 4be1a9f2b3c4d5e6f708192a3b4c5d6e",
        "hotline open",
        "hotline find --call CALL --hkic -",
        "hotline find --call CALL --phone -",
        "hotline find --call CALL --account ACCOUNT",
        "hotline suspend ACCOUNT --call CALL --reason lost-device",
        "hotline close CALL",
        "account suspend ACCOUNT --reason suspected-fraud --note 'fraud desk, case 12'",
        "job list",
        "job cancel 01890a5d-ac96-774b-bcce-b302099a8057",
        "whoami",
    ]
    .iter()
    .map(|line| line.replace("ACCOUNT", &account).replace("CALL", &call).replace("PLAN", &plan))
    .collect()
}

/// Whether the dashboard understands a line of this grammar: the words, and the types that they become.
///
/// # Errors
/// What is wrong with it, or that the dashboard leaves it to a shell.
pub fn understands(grammar: &Command, line: &str) -> Result<(), String> {
    read(Some(grammar), line).map(drop)
}

const LEAVE: &[&str] = &["q", "quit", "exit"];

/// Whether a text is meant as a command line, not as a part of a command's name.
pub(crate) fn is_a_line(grammar: Option<&Command>, line: &str) -> bool {
    let line = without_program(line);
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return false };
    if LEAVE.contains(&line) || line == "help" {
        return true;
    }
    let Some(noun) = grammar.and_then(|grammar| grammar.find_subcommand(first)) else { return false };
    words.next().is_some() || !noun.has_subcommands()
}

fn without_program(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("iamctl ").unwrap_or(line).trim()
}

/// Whether a line has come to where a person's number would stand, or holds one. A hyphen there asks for the number to be
/// typed elsewhere.
pub(crate) fn names_a_person(line: &str) -> bool {
    ["--hkic", "--phone"].iter().filter_map(|flag| line.find(flag).map(|at| &line[at + flag.len()..])).any(|after| {
        let value = after.trim_start_matches(['=', ' ']);
        after.starts_with(['=', ' ']) && value != "-" && !value.starts_with("- ")
    })
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, as the command line would say it, or that it is for a shell.
pub(crate) fn read(grammar: Option<&Command>, line: &str) -> Result<Typed, String> {
    let line = without_program(line);
    if LEAVE.contains(&line) {
        return Ok(Typed::Leave);
    }
    if line == "help" {
        return Ok(Typed::Help);
    }
    let grammar = grammar.ok_or("this dashboard was started without the command line's grammar")?;
    let words = split(line)?;
    if personal(&words) {
        return Err("card and phone numbers are not typed here: write '-', and type the number when it is asked for".to_owned());
    }
    let given = std::iter::once("iamctl").chain(words.iter().map(String::as_str));
    let matches = match grammar.clone().color(clap::ColorChoice::Never).term_width(TEXT_COLUMNS).try_get_matches_from(given) {
        Ok(matches) => matches,
        Err(error) => return wrong(&error),
    };
    let Some((noun, inner)) = matches.subcommand() else { return Err("a verb is missing".to_owned()) };
    let known = grammar.find_subcommand(noun);
    let (verb, inner, command) = match inner.subcommand() {
        Some((verb, inner)) => (verb, inner, known.and_then(|noun| noun.find_subcommand(verb))),
        None => ("", inner, known),
    };
    let asks = Asks { matches: inner, line };
    let typed = asks.typed(noun, verb)?;
    let taken = taken(noun, verb);
    let all = command.into_iter().flat_map(Command::get_arguments).chain(grammar.get_arguments());
    for argument in all {
        let id = argument.get_id().as_str();
        let given = matches!(inner.try_contains_id(id), Ok(true)) && inner.value_source(id) == Some(ValueSource::CommandLine);
        if given && !taken.contains(&id) {
            let flag = argument.get_long().unwrap_or(id);
            return Err(format!("the dashboard does not take --{flag}: run this line in a shell"));
        }
    }
    Ok(typed)
}

/// Arguments that the dashboard takes.
fn taken(noun: &str, verb: &str) -> &'static [&'static str] {
    match (noun, verb) {
        ("rp", "show") => &["rp"],
        ("rp", _) => &["rp", "reason"],
        ("key", "rotate") => &["purpose", "algorithm", "activate", "plan", "line", "override", "emergency", "reason"],
        ("key", "plan") => &["plan", "purpose", "line", "algorithm", "at", "list"],
        ("key", "pause" | "abort") => &["plan"],
        ("key", "resume") => &["plan", "override", "reason"],
        ("key", _) => &["kid", "reason"],
        ("cert", "list") => &["kind", "holder", "issuer", "profile", "state", "within"],
        ("cert", "show") => &["serial"],
        ("hotline", "find") => &["call", "hkic", "phone", "account"],
        ("hotline" | "account", "suspend") => &["account", "call", "reason", "note"],
        ("hotline", _) => &["call"],
        ("job", _) => &["job"],
        _ => &[],
    }
}

struct Asks<'a> {
    matches: &'a ArgMatches,
    line: &'a str,
}

impl Asks<'_> {
    fn typed(&self, noun: &str, verb: &str) -> Result<Typed, String> {
        Ok(match (noun, verb) {
            ("rp", "list") => Typed::Go(View::Parties),
            ("rp", "show") => Typed::Party(self.one("rp")?),
            ("rp", "suspend") => Typed::Write(Write::SuspendParty(self.one("rp")?, self.one("reason")?)),
            ("rp", "resume") => Typed::Write(Write::ResumeParty(self.one("rp")?, self.one("reason")?)),
            ("key", "list") => Typed::Go(View::Keys),
            ("key", "show") => Typed::Key(self.one("kid")?),
            ("key", "rotate") => self.rotate()?,
            ("key", "plan") => self.plan()?,
            ("key", "pause") => Typed::Write(Write::PausePlan(self.one("plan")?)),
            ("key", "resume") => Typed::Write(Write::ResumePlan(self.one("plan")?, self.maybe("reason")?)),
            ("key", "abort") => Typed::Write(Write::AbortPlan(self.one("plan")?)),
            ("key", "revoke") => Typed::Write(Write::RevokeKey(self.one("kid")?, self.one::<RevocationReason>("reason")?)),
            ("cert", "list") => Typed::Certificates(Wanted {
                state: self.maybe("state")?,
                kind: self.maybe("kind")?,
                holder: self.maybe("holder")?,
                issuer: self.maybe("issuer")?,
                profile: self.maybe("profile")?,
                within: self.maybe("within")?,
            }),
            ("cert", "show") => Typed::Certificate(self.one("serial")?),
            ("hotline", "open") => Typed::Open,
            ("hotline", "find") => Typed::Find { call: self.one("call")?, who: self.maybe("account")? },
            ("hotline", "suspend") => Typed::Write(self.suspend(Some(self.one("call")?))?),
            ("account", "suspend") => Typed::Write(self.suspend(self.maybe("call")?)?),
            ("hotline", "close") => Typed::Write(Write::CloseCall(self.one("call")?)),
            ("job", "list") => Typed::Go(View::Overview),
            ("job", "cancel") => Typed::Write(Write::CancelJob(self.one::<JobId>("job")?)),
            ("whoami", _) => Typed::Who,
            ("dashboard", _) => return Err("this is the dashboard".to_owned()),
            _ => return Err(format!("the dashboard does not know '{}': run it in a shell", [noun, verb].join(" ").trim())),
        })
    }

    /// A rotation in one breath, one that was planned, or one in an emergency.
    fn rotate(&self) -> Result<Typed, String> {
        let (regardless, emergency) = (self.is_set("override")?, self.is_set("emergency")?);
        if emergency {
            let word: String = self.one("reason")?;
            let reason = word.parse().map_err(|_| format!("'{word}' is no reason to revoke a key"))?;
            let purpose = self.maybe("purpose")?.unwrap_or(KeyPurpose::TokenSigning);
            return Ok(Typed::Write(Write::Emergency(self.line(purpose)?, reason)));
        }
        if let Some(plan) = self.maybe("plan")? {
            return Ok(Typed::Write(Write::RunPlan(plan, self.maybe("reason")?)));
        }
        if regardless || self.maybe::<String>("line")?.is_some() {
            return Err("here a line of keys is planned first, with 'key plan', and then run".to_owned());
        }
        let activate: Option<ActivateAt> = self.maybe("activate")?;
        Ok(Typed::Write(Write::RotateKey(self.one("purpose")?, self.maybe("algorithm")?, activate.unwrap_or_default())))
    }

    /// A rotation that is written down or shown, or all of them.
    fn plan(&self) -> Result<Typed, String> {
        if let Some(plan) = self.maybe("plan")? {
            return Ok(Typed::Plan(plan));
        }
        match (self.maybe("purpose")?, self.is_set("list")?) {
            (None, _) => Ok(Typed::Go(View::Rotations)),
            (Some(_), true) => Err("the board shows every purpose: leave --purpose out".to_owned()),
            (Some(purpose), false) => {
                let at: Option<ActivateAt> = self.maybe("at")?;
                Ok(Typed::Write(Write::PlanRotation(self.line(purpose)?, at.unwrap_or_default())))
            }
        }
    }

    fn line(&self, purpose: KeyPurpose) -> Result<KeyLine, String> {
        Ok(KeyLine { purpose, name: self.maybe("line")?, algorithm: self.maybe("algorithm")? })
    }

    fn is_set(&self, id: &str) -> Result<bool, String> {
        Ok(self.maybe(id)?.unwrap_or(false))
    }

    fn suspend(&self, call: Option<CallRef>) -> Result<Write, String> {
        let reason: SuspensionReason = self.one("reason")?;
        let note: Option<String> = self.maybe("note")?;
        if reason.needs_note() && note.is_none() {
            return Err("the reason 'other' needs a note: --note TEXT".to_owned());
        }
        Ok(Write::SuspendAccount { account: self.one("account")?, reason, call, note: note.map(Zeroizing::new) })
    }

    fn one<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Result<T, String> {
        self.maybe(id)?.ok_or_else(|| self.strange())
    }

    /// Another type than the grammar's is a defect on this side, told rather than hidden.
    fn maybe<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Result<Option<T>, String> {
        match self.matches.try_get_one::<T>(id) {
            Ok(value) => Ok(value.cloned()),
            // What the grammar does not have was not given.
            Err(MatchesError::UnknownArgument { .. }) => Ok(None),
            Err(_) => Err(self.strange()),
        }
    }

    fn strange(&self) -> String {
        format!("'{}' is not understood here: run it in a shell", self.line)
    }
}

fn wrong(error: &clap::Error) -> Result<Typed, String> {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Ok(Typed::Text("iamctl".to_owned(), text));
    }
    // The first paragraph says what is wrong; usage and advice follow.
    let first: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let first = first.join(" ");
    Err(first.strip_prefix("error: ").map(str::to_owned).unwrap_or(first))
}

fn personal(words: &[String]) -> bool {
    words.iter().enumerate().any(|(place, word)| match word.split_once('=') {
        Some(("--hkic" | "--phone", value)) => value != "-",
        Some(_) => false,
        None => matches!(word.as_str(), "--hkic" | "--phone") && words.get(place + 1).is_some_and(|value| value != "-"),
    })
}

/// Words as a shell would part them: at spaces, with quotes and backslashes.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let escaped = characters.next().ok_or("the line ends with a backslash")?;
                word.get_or_insert_default().push(escaped);
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}
