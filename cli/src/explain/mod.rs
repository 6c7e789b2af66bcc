//! `iamctl explain`.

mod fields;

use api::{Approval, Effect, OperationInfo, Role, Severity};
use clap::Args;
use client::Tabular;
use client::tabular::Column;
use domain::{Definitions, FigureEntry, Formula};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Explain operations, commands, fields of files, error codes, roles and exit codes
#[derive(Debug, Args)]
#[command(after_help = "Topics: operations, errors, roles, exit-codes, manifest, population,
registration, use, question, denominators, schedule, definitions, figures; an
operation (account.suspend), a command (hotline.suspend), an error code
(account.closed), a role (rp-officer), a field (manifest.services.redirectUris),
or a figure (usage.total). Works without a server; 'iamctl stats definitions'
lists what is on record on one.

Examples:
  iamctl explain key.rotate
  iamctl explain manifest.services
  iamctl explain errors -o csv")]
pub struct Explain {
    /// An operation, a command, a field, a code, a role; the topics when absent
    topic: Option<String>,
}

/// One thing, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    name: String,
    kind: &'static str,
    what: String,
    meaning: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Tabular for Explained {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("kind", "KIND", |row: &Self| row.kind.to_owned()).wide(),
                Column::text("what", "WHAT", |row: &Self| row.what.clone()),
                Column::text("meaning", "MEANING", |row: &Self| row.meaning.clone()),
                Column::text("next", "NEXT", |row: &Self| row.next.clone().unwrap_or_default()),
            ]
        }
    }
}

impl Verb for Explain {
    type Row = Explained;

    async fn run(self, _: &Session) -> Result<Answer<Explained>, Failure> {
        Ok(Answer::list(explained(self.topic.as_deref())?))
    }
}

const TOPICS: &[(&str, &str)] = &[
    ("operations", "what an operator can ask of the server, and who may"),
    ("errors", "error codes, what they mean and what to do"),
    ("roles", "what operators are trusted with"),
    ("exit-codes", "what a script sees"),
    ("manifest", "fields of a relying party's manifest"),
    ("population", "fields of a synthetic population's description"),
    ("registration", "fields of a line of 'account import'"),
    ("use", "fields of a line of 'stats import'"),
    ("question", "fields of a file of 'stats legco --question'"),
    ("denominators", "fields of a file of 'stats legco --denominators'"),
    ("schedule", "fields of a file of 'stats run'"),
    ("definitions", "fields of a file of 'stats definitions'"),
    ("figures", "figures and tables of the statistics, as this version of the software defines them"),
];

fn explained(topic: Option<&str>) -> Result<Vec<Explained>, Failure> {
    let Some(topic) = topic else {
        return Ok(TOPICS.iter().map(|(name, meaning)| row(name, "topic", "", meaning)).collect());
    };
    match topic {
        "operations" => return Ok(api::operations().iter().map(operation).collect()),
        "errors" => return Ok(api::codes::all().into_iter().map(code).collect()),
        "roles" => return Ok(Role::ALL.iter().map(|role| role_row(*role)).collect()),
        "exit-codes" => {
            return Ok(api::Exit::ALL
                .iter()
                .map(|(exit, meaning)| row(&exit.code().to_string(), "exit-code", "", meaning))
                .collect());
        }
        "figures" => return Ok(figures()?.iter().map(figure).collect()),
        _ => {}
    }
    let figures = figures()?;
    let of_topic: Vec<Explained> = figures.iter().filter(|entry| entry.id == topic).map(figure).collect();
    if !of_topic.is_empty() {
        return Ok(of_topic);
    }
    // A code and a field may share their name: 'manifest.synthetic'.
    let code_of = api::codes::explained(topic).map(code);
    if let Some(rows) = fields::of_file(topic) {
        return Ok(code_of.into_iter().chain(rows).collect());
    }
    if let Some(info) = api::operations().into_iter().find(|info| info.name == topic) {
        let request = fields::of_schema(&(info.request)(), "request");
        let reply = fields::of_schema(&(info.reply)(), "reply");
        return Ok([operation(&info)].into_iter().chain(request).chain(reply).collect());
    }
    if let Some(row) = code_of {
        return Ok(vec![row]);
    }
    if let Ok(role) = topic.parse::<Role>() {
        let operations = api::operations().into_iter().filter(|info| info.roles.contains(&role));
        return Ok([role_row(role)].into_iter().chain(operations.map(|info| operation(&info))).collect());
    }
    if let Some(rows) = commands(topic) {
        return Ok(rows);
    }
    let operations = api::operations();
    let known = TOPICS.iter().map(|(name, _)| *name).chain(operations.iter().map(|info| info.name));
    let known = known.chain(api::codes::all().into_iter().map(|entry| entry.code));
    let known: Vec<&str> = known.chain(figures.iter().map(|entry| entry.id.as_str())).collect();
    let failure = Failure::usage("usage.topic", format!("there is nothing to explain under '{}'", client::safe::visible(topic)));
    Err(match domain::suggest(topic, &known) {
        Some(near) => failure.hint(format!("did you mean '{near}'? 'iamctl explain' lists the topics")),
        None => failure.hint("'iamctl explain' lists the topics"),
    })
}

fn row(name: &str, kind: &'static str, what: &str, meaning: &str) -> Explained {
    Explained { name: name.to_owned(), kind, what: what.to_owned(), meaning: meaning.to_owned(), next: None }
}

fn operation(info: &OperationInfo) -> Explained {
    let mut what = match info.effect {
        Effect::Read => "reads",
        Effect::ReadPersonal => "reads personal data, masked and audited",
        Effect::Write(Severity::Mild) => "writes",
        Effect::Write(Severity::Moderate) => "writes, asks [y/N]",
        Effect::Write(Severity::Severe) => "writes, asks to type the name",
    }
    .to_owned();
    if info.approval == Approval::SecondPerson {
        what.push_str(", a second person agrees");
    }
    let roles = if info.roles.len() == Role::ALL.len() {
        "every role".to_owned()
    } else {
        info.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
    };
    let meaning = fields::description((info.request)().as_value());
    Explained { next: Some(format!("by {roles}")), ..row(info.name, "operation", &what, &meaning) }
}

/// The definitions that come with the software.
fn figures() -> Result<Vec<FigureEntry>, Failure> {
    let unread = |error: String| Failure::new(api::Exit::Failed, "internal", format!("the definitions of figures: {error}"));
    // By way of JSON, in which a formula is named by its member.
    let value: serde_json::Value =
        client::yaml::from_slice(domain::ledger::BUILT_IN.as_bytes()).map_err(|error| unread(error.to_string()))?;
    let definitions: Definitions = serde_json::from_value(value).map_err(|error| unread(error.to_string()))?;
    Ok(definitions.figures)
}

fn figure(entry: &FigureEntry) -> Explained {
    let what = match &entry.formula {
        Formula::Count(_) => "a figure",
        Formula::Table(_) => "a table",
        Formula::Unavailable(_) => "not compiled",
    };
    let what = format!("{what}, version {}, since {}", entry.version, entry.since);
    let mut meaning = format!("{} {} {} {}", entry.name.en, entry.name.zh_hant, entry.meaning.en, entry.meaning.zh_hant);
    if let Formula::Unavailable(because) = &entry.formula {
        meaning.push_str(&format!(" Not available, because {}.", because.en));
    }
    row(&entry.id, "figure", &what, &meaning)
}

/// Commands that ask for an operation of another name.
const ASKING_FOR: &[(&str, &str)] = &[("hotline.suspend", "account.suspend")];

/// A command, or those of a noun, spelled as an operation is: `hotline.suspend`.
fn commands(topic: &str) -> Option<Vec<Explained>> {
    let topic = topic.replace(' ', ".");
    let program = crate::command();
    let mut command = &program;
    for word in topic.split('.') {
        command = command.find_subcommand(word)?;
    }
    let told = |name: &str, command: &clap::Command| {
        let line = format!("iamctl {}", name.replace('.', " "));
        let meaning = command.get_about().map(ToString::to_string).unwrap_or_default();
        let what = if command.has_subcommands() { "a group of commands" } else { "a command" };
        Explained { next: Some(format!("'{line} --help'")), ..row(name, "command", what, &meaning) }
    };
    let mut rows = vec![told(&topic, command)];
    rows.extend(command.get_subcommands().map(|below| told(&format!("{topic}.{}", below.get_name()), below)));
    let operation_of = ASKING_FOR.iter().find(|(name, _)| *name == topic).map(|(_, operation)| *operation);
    rows.extend(api::operations().iter().filter(|info| Some(info.name) == operation_of).map(operation));
    Some(rows)
}

fn code(entry: &api::codes::Code) -> Explained {
    Explained { next: Some(entry.mend.to_owned()), ..row(entry.code, "error", "", entry.meaning) }
}

fn role_row(role: Role) -> Explained {
    let schema = schemars::schema_for!(Role);
    let words = schema.get("oneOf").and_then(serde_json::Value::as_array);
    let word = words.and_then(|words| words.iter().find(|word| word.get("const").is_some_and(|name| name == role.as_str())));
    row(role.as_str(), "role", "", &word.map(fields::description).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_operation_code_and_role_is_explained() {
        for (topic, _) in TOPICS {
            assert!(!explained(Some(topic)).unwrap().is_empty(), "{topic}");
        }
        for info in api::operations() {
            let rows = explained(Some(info.name)).unwrap();
            assert!(!rows[0].meaning.is_empty(), "{}", info.name);
        }
        for entry in api::codes::all() {
            let rows = explained(Some(entry.code)).unwrap();
            assert!(rows[0].next.is_some() && !rows[0].meaning.is_empty(), "{}", entry.code);
        }
        for role in Role::ALL {
            assert!(!explained(Some(role.as_str())).unwrap()[0].meaning.is_empty(), "{role}");
        }
    }

    #[test]
    fn every_command_is_explained() {
        for noun in crate::command().get_subcommands() {
            assert!(!explained(Some(noun.get_name())).unwrap()[0].meaning.is_empty(), "{}", noun.get_name());
            for verb in noun.get_subcommands() {
                let name = format!("{}.{}", noun.get_name(), verb.get_name());
                assert!(!explained(Some(&name)).unwrap()[0].meaning.is_empty(), "{name}");
            }
        }
        let rows = explained(Some("hotline suspend")).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.kind)).collect();
        assert_eq!(told, [("hotline.suspend", "command"), ("account.suspend", "operation")]);
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest() {
        let failure = explained(Some("account.suspand")).unwrap_err();
        assert!(failure.hint.as_ref().unwrap().contains("'account.suspend'"));
    }

    /// The sources in these folders, without their tests and without the lists of codes.
    fn sources(folders: &[&str]) -> Vec<(std::path::PathBuf, String)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
        let mut sources = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("codes.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                    sources.push((path, text.to_owned()));
                }
            }
        }
        sources
    }

    /// A code on the list that nothing answers with would be a promise that is never kept.
    #[test]
    fn every_code_on_the_list_is_given_somewhere() {
        let folders = ["src", "../server/client/src", "../server/src", "../server/domain/src", "../server/pki/src", "../tui/src"];
        let sources = sources(&folders);
        let stands = |text: &str| sources.iter().any(|(_, source)| source.contains(text));
        let given = |code: &str| {
            let (what, kind) = code.rsplit_once('.').unwrap_or((code, ""));
            stands(&format!("\"{code}\""))
                || kind == "not-found"
                    && [what.replace('-', " "), what.to_owned()].iter().any(|what| stands(&format!("not_found(\"{what}\"")))
                || kind == "invalid" && stands(&format!("mistakes_found(\"{what}\""))
        };
        let unused: Vec<&str> = api::codes::all().iter().map(|entry| entry.code).filter(|code| !given(code)).collect();
        assert_eq!(unused, [""; 0]);
    }

    /// Codes that stand in the sources of the server, the client and this program must be on the list.
    #[test]
    fn every_code_is_on_the_list() {
        const CALLS: &[&str] = &[
            "Failure::usage(",
            "ClientError::context(",
            "Failure::new(",
            "Failure::invalid(",
            "Failure::invalid_field(",
            "Refusal::new(",
            "problem(",
        ];
        let mut missing = Vec::new();
        for (path, text) in sources(&["src", "../server/client/src", "../server/src"]) {
            for code in CALLS.iter().flat_map(|call| text.split(call).skip(1)).filter_map(first_code) {
                if api::codes::explained(code).is_none() {
                    missing.push(format!("{code} in {}", path.display()));
                }
            }
            for what in text.split("not_found(\"").skip(1).filter_map(|after| after.split('"').next()) {
                let code = format!("{}.not-found", what.replace(' ', "-"));
                if api::codes::explained(&code).is_none() {
                    missing.push(format!("{code} in {}", path.display()));
                }
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
    }

    /// The first text among the arguments of a call, when it looks like a code.
    fn first_code(after: &str) -> Option<&str> {
        let code = after.split(')').next()?.split('"').nth(1)?;
        let letters = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
        (letters && code.contains('.')).then_some(code)
    }
}
