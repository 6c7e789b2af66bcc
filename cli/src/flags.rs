//! Flags that every command takes, and those that every list takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

const HEADING: &str = "Flags of every command";

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Print it as table, wide, json, jsonl, yaml, csv, name, md or ics; reports as text, html, pdf, xlsx or svg too
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", help_heading = HEADING, hide_possible_values = true)]
    pub output: Option<Format>,
    /// Only these columns, by comma; 'help' lists them
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',', help_heading = HEADING)]
    pub columns: Vec<String>,
    /// Begin CSV with a byte order mark, for Excel
    #[arg(long, global = true, help_heading = HEADING)]
    pub bom: bool,
    /// Colour: auto, always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", help_heading = HEADING,
          hide_possible_values = true, hide_default_value = true)]
    pub color: ColorChoice,
    /// The context to use [env: IAMCTL_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub context: Option<String>,
    /// The context file to use [env: IAMCTL_CONTEXT_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING, conflicts_with = "context", value_hint = clap::ValueHint::FilePath)]
    pub context_file: Option<PathBuf>,
    /// Answer yes to what would be asked
    #[arg(short, long, global = true, help_heading = HEADING)]
    pub yes: bool,
    /// Have the server go through it and change nothing
    #[arg(long, global = true, help_heading = HEADING)]
    pub dry_run: bool,
    /// Repeat a write safely under the key it had
    #[arg(long, global = true, value_name = "KEY", value_parser = idempotency_key, help_heading = HEADING)]
    pub idempotency_key: Option<String>,
    /// Tell keys and request ids on standard error
    #[arg(short, long, global = true, help_heading = HEADING)]
    pub verbose: bool,
    /// Give up after so long; 30 when absent, 5 in a hotline call
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds, help_heading = HEADING)]
    pub timeout: Option<Duration>,
}

/// Flags that every list takes.
#[derive(Debug, Clone, Default, Args)]
pub struct ListFlags {
    /// At most so many rows; all of them when absent
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Go on after this row
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// How a reply is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// The same with all columns.
    Wide,
    /// One JSON document; a list is an array.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// One YAML document.
    Yaml,
    /// RFC 4180.
    Csv,
    /// Names only, one a line.
    Name,
    /// Markdown.
    Md,
    /// A calendar (RFC 5545), of replies that have days.
    Ics,
    /// Plain text, of reports.
    Text,
    /// One HTML file, of reports.
    Html,
    /// PDF, of reports.
    Pdf,
    /// A workbook (Office Open XML), of reports.
    Xlsx,
    /// A chart, of reports.
    Svg,
}

impl Format {
    /// The format of that name.
    pub fn of(word: &str) -> Option<Self> {
        <Self as ValueEnum>::from_str(word, false).ok()
    }

    /// Whether only a report is written so.
    pub fn is_document(self) -> bool {
        matches!(self, Self::Text | Self::Html | Self::Pdf | Self::Xlsx | Self::Svg)
    }

    /// Whether it is no text, so that a terminal is no place for it.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Pdf | Self::Xlsx)
    }

    /// Whether programs read it.
    pub fn for_programs(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Yaml)
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that can and wants to show it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// The choice of that name.
    pub fn of(word: &str) -> Option<Self> {
        <Self as ValueEnum>::from_str(word, false).ok()
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is wanted, e.g. 30".to_owned())?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("0.1 to 86400 seconds are wanted".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn idempotency_key(text: &str) -> Result<String, String> {
    let good =
        (8..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if good { Ok(text.to_owned()) } else { Err("8 to 128 characters out of A-Z a-z 0-9 . _ : - are wanted".to_owned()) }
}
