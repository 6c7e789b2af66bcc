//! Manual pages: `iamctl.1` and one page a noun, made from the command line itself. `man/` holds them; a test tells drift.

use std::path::PathBuf;

use api::Exit;
use clap::{Arg, Args, Command};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use client::Tabular;
use client::tabular::Column;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::{OWN_FILES, Session};
use crate::verb::Verb;

/// Write the manual pages
#[derive(Debug, Args)]
pub struct Man {
    /// The folder
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// A page that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    page: String,
}

impl Tabular for Page {
    fn columns() -> &'static [Column<Self>] {
        const { &[Column::text("page", "PAGE", |row: &Self| row.page.clone())] }
    }
}

impl Verb for Man {
    type Row = Page;

    async fn run(self, session: &Session) -> Result<Answer<Page>, Failure> {
        session.no_dry_run("man", OWN_FILES)?;
        let fault =
            |error: std::io::Error| Failure::new(Exit::Failed, "file", format!("cannot write {}: {error}", self.to.display()));
        std::fs::create_dir_all(&self.to).map_err(fault)?;
        let mut written = Vec::new();
        for (name, text) in pages() {
            let path = self.to.join(&name);
            // A page that is as it should be keeps its date.
            if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
                continue;
            }
            std::fs::write(&path, text).map_err(fault)?;
            written.push(Page { page: name });
        }
        Ok(Answer::list(written))
    }
}

/// Every page: its file's name and its text.
#[must_use]
pub fn pages() -> Vec<(String, String)> {
    let mut root = crate::command();
    root.build();
    let mut pages = vec![("iamctl.1".to_owned(), main_page(&root))];
    for noun in shown(&root).filter(|command| command.has_subcommands()) {
        pages.push((format!("iamctl-{}.1", noun.get_name()), noun_page(&root, noun)));
    }
    pages
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The verbs of a noun and of the nouns below it, each with the words that lead to it.
fn verbs<'a>(noun: &'a Command, path: &str) -> Vec<(String, &'a Command)> {
    shown(noun)
        .flat_map(|command| {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() { verbs(command, &path) } else { vec![(path, command)] }
        })
        .collect()
}

fn begin(title: &str, about: &str) -> Roff {
    let mut page = Roff::new();
    let source = concat!("iamctl ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [title.to_uppercase().as_str(), "1", "", source, "iamctl manual"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - {}", lower_first(about)))]);
    page
}

fn main_page(root: &Command) -> String {
    let mut page = begin("iamctl", &about(root));
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("iamctl"), roman(" [flags] NOUN VERB [arguments]")]);
    page.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut page, &after_help(root).0);
    page.control("SH", ["NOUNS"]);
    for noun in shown(root).filter(|command| command.has_subcommands()) {
        page.control("TP", []);
        page.text([bold(format!("iamctl-{}", noun.get_name())), roman("(1)")]);
        let verbs: Vec<&str> = shown(noun).map(Command::get_name).collect();
        page.text([roman(format!("{}: {}.", about(noun), verbs.join(", ")))]);
    }
    for verb in shown(root).filter(|command| !command.has_subcommands()) {
        command_section(&mut page, &format!("iamctl {}", verb.get_name()), verb);
    }
    page.control("SH", ["FLAGS OF EVERY COMMAND"]);
    flags(&mut page, root.get_arguments().filter(|flag| !flag.is_hide_set()));
    exit_status(&mut page);
    files(&mut page);
    page.control("SH", ["EXAMPLES"]);
    let examples: Vec<String> = shown(root)
        .flat_map(|noun| shown(noun).next().into_iter().chain((!noun.has_subcommands()).then_some(noun)))
        .flat_map(|verb| first_example(&after_help(verb).1).to_vec())
        .collect();
    verbatim(&mut page, &examples);
    page.control("SH", ["SEE ALSO"]);
    let nouns: Vec<String> =
        shown(root).filter(|command| command.has_subcommands()).map(|noun| format!("iamctl-{}(1)", noun.get_name())).collect();
    page.text([roman(format!("{}, iamd(8)", nouns.join(", ")))]);
    page.render()
}

/// A command that goes on in the next line is not half of one.
fn first_example(lines: &[String]) -> &[String] {
    let end = lines.iter().position(|line| !line.ends_with('\\')).map_or(lines.len(), |last| last + 1);
    &lines[..end]
}

fn noun_page(root: &Command, noun: &Command) -> String {
    let name = noun.get_name();
    let mut page = begin(&format!("iamctl-{name}"), &about(noun));
    page.control("SH", ["SYNOPSIS"]);
    let verbs = verbs(noun, &format!("iamctl {name}"));
    for (path, _) in &verbs {
        page.text([bold(path.clone()), roman(" [flags] [arguments]")]);
        page.control("br", []);
    }
    for (path, verb) in &verbs {
        command_section(&mut page, path, verb);
    }
    work(&mut page, &after_help(noun).0);
    page.control("SH", ["FLAGS OF EVERY COMMAND"]);
    let global: Vec<String> = root
        .get_arguments()
        .filter(|flag| flag.is_global_set())
        .filter_map(|flag| flag.get_long().map(|long| format!("--{long}")))
        .collect();
    page.text([roman(format!("{}: see ", global.join(", "))), bold("iamctl"), roman("(1).")]);
    exit_status(&mut page);
    page.control("SH", ["EXAMPLES"]);
    let examples: Vec<String> = verbs.iter().flat_map(|(_, verb)| after_help(verb).1).collect();
    verbatim(&mut page, &examples);
    files(&mut page);
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("iamctl"), roman("(1), "), bold("iamd"), roman("(8)")]);
    page.render()
}

fn command_section(page: &mut Roff, name: &str, verb: &Command) {
    page.control("SH", [name.to_uppercase().replace("IAMCTL ", "").as_str()]);
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ");
    page.text([bold(usage)]);
    page.control("PP", []);
    page.text([roman(format!("{}.", about(verb)))]);
    if let Some(aliases) = verb.get_visible_aliases().next() {
        page.text([roman(format!("Also '{aliases}'."))]);
    }
    paragraphs(page, &after_help(verb).0);
    let own = verb
        .get_arguments()
        .filter(|flag| !flag.is_global_set() && !flag.is_hide_set() && !matches!(flag.get_id().as_str(), "help" | "version"));
    flags(page, own);
}

fn flags<'a>(page: &mut Roff, flags: impl Iterator<Item = &'a Arg>) {
    for flag in flags {
        page.control("TP", []);
        page.text(flag_title(flag));
        let mut help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let words: Vec<String> = flag.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
        if flag.get_action().takes_values() && !words.is_empty() && !words.iter().all(|word| help.contains(word.as_str())) {
            help = format!("{help}: {}", words.join(", "));
        }
        let defaults: Vec<String> = flag.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if flag.get_action().takes_values() && !defaults.is_empty() {
            help = format!("{help} (default {})", defaults.join(", "));
        }
        page.text([roman(format!("{help}."))]);
    }
}

fn flag_title(flag: &Arg) -> Vec<Inline> {
    let value = flag.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    if flag.is_positional() {
        return vec![italic(value.unwrap_or_else(|| flag.get_id().as_str().to_uppercase()))];
    }
    let mut title = Vec::new();
    if let Some(short) = flag.get_short() {
        title.push(bold(format!("-{short}")));
        title.push(roman(", "));
    }
    title.push(bold(format!("--{}", flag.get_long().unwrap_or_default())));
    if flag.get_action().takes_values() {
        title.push(roman(" "));
        title.push(italic(value.unwrap_or_else(|| flag.get_id().as_str().to_uppercase())));
    }
    title
}

fn exit_status(page: &mut Roff) {
    page.control("SH", ["EXIT STATUS"]);
    for (exit, meaning) in Exit::ALL {
        page.control("TP", []);
        page.text([bold(exit.code().to_string())]);
        page.text([roman(*meaning)]);
    }
}

fn files(page: &mut Roff) {
    page.control("SH", ["FILES"]);
    for (file, meaning) in [
        ("~/.config/iamctl/config.yaml", "the contexts and which one is current ($XDG_CONFIG_HOME where it is set)"),
        ("~/.config/iamctl/contexts/NAME/", "a context: context.yaml, ca.crt, operator.crt, operator.key (mode 0600)"),
        (
            "phones-INSTANCE/",
            "beside a context's file: its virtual phones and stations (mode 0600), and auto.log of 'phone auto'",
        ),
    ] {
        page.control("TP", []);
        page.text([italic(file)]);
        page.text([roman(meaning)]);
    }
    page.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in [
        ("IAMCTL_CONTEXT", "the context to use; --context and --context-file win over it"),
        ("IAMCTL_CONTEXT_FILE", "the context file to use"),
        ("NO_COLOR", "no colour"),
    ] {
        page.control("TP", []);
        page.text([bold(variable)]);
        page.text([roman(meaning)]);
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// What stands after the help: its words, and its examples line by line.
fn after_help(command: &Command) -> (String, Vec<String>) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (words, examples) = text.split_once("Examples:").unwrap_or((&text, ""));
    (
        words.trim().to_owned(),
        examples
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
            .collect(),
    )
}

fn paragraphs(page: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        page.control("PP", []);
        page.text([roman(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))]);
    }
}

/// What stands after a noun's help: what the verbs are for together, each paragraph with its commands.
fn work(page: &mut Roff, text: &str) {
    if !text.is_empty() {
        page.control("SH", ["THE WORK"]);
    }
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let (commands, words): (Vec<&str>, Vec<&str>) = paragraph.lines().partition(|line| line.starts_with("  "));
        paragraphs(page, &words.join(" "));
        verbatim(page, &commands.into_iter().map(|line| line.trim_start().to_owned()).collect::<Vec<_>>());
    }
}

fn verbatim(page: &mut Roff, lines: &[String]) {
    page.control("nf", []);
    for line in lines {
        page.text([roman(line.clone())]);
    }
    page.control("fi", []);
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::pages;

    #[test]
    fn every_noun_has_its_page_with_what_a_script_needs() {
        let pages = pages();
        assert!(pages.iter().any(|(name, _)| name == "iamctl-rp.1"));
        for (name, text) in &pages {
            for section in ["EXIT STATUS", "EXAMPLES", "FILES", "SYNOPSIS"] {
                assert!(
                    text.contains(&format!(".SH \"{section}\"")) || text.contains(&format!(".SH {section}")),
                    "{name}: {section}"
                );
            }
            assert!(!text.contains("iamctl iamctl"), "{name}");
        }
    }
}
