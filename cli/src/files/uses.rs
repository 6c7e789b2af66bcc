//! A file of uses, one JSON object a line: checked whole first, then read again in chunks. Memory holds one chunk.

use std::io::BufRead;

use api::Field;
use api::stats::ImportedUse;
use domain::{Finding, read_checked};
use serde_json::Value;

use super::lines::{Fields, Line, Lines, column_of, place_of};
use super::mistakes_found;
use crate::failure::{Failure, Mistake, NOTHING_SENT, Snippet};

/// So many bad lines are told one by one, the others are counted.
const MAX_TOLD: usize = 20;
/// So many lines between two words about how far the checking has come.
const STEP: u64 = 10_000;

/// A file of which every line is a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// SHA-256 of the whole file, lower-case hex.
    pub digest: String,
    /// Uses in it.
    pub rows: u64,
}

/// Checks a whole file; `at_times` is called now and then while it lasts.
///
/// # Errors
/// Every bad line, up to 20 of them one by one.
pub fn check(name: &str, from: impl BufRead, mut at_times: impl FnMut()) -> Result<Checked, Failure> {
    let mut lines = Lines::of(from);
    let (mut rows, mut bad) = (0, 0_usize);
    let mut mistakes = Vec::new();
    while let Some(line) = lines.next(name)? {
        if line.number() % STEP == 0 {
            at_times();
        }
        let found = match line {
            Line::Text { text, .. } if serde_json::from_str::<ImportedUse>(text).is_ok() => {
                rows += 1;
                continue;
            }
            // Looked for only as long as it will be told.
            _ if bad >= MAX_TOLD => Vec::new(),
            Line::Text { number, text } => mistakes_of(name, number, text),
            Line::Bad { number, column, message } => vec![mistake(name, number, column, "", message, None)],
        };
        bad += 1;
        mistakes.extend(found);
    }
    if bad > 0 {
        let mut failure = mistakes_found("import", 1, mistakes);
        let of = format!("of {} lines", lines.number);
        failure.message = match bad {
            1 => format!("1 bad line {of} in {name}"),
            _ if bad <= MAX_TOLD => format!("{bad} bad lines {of} in {name}"),
            _ => format!("{bad} bad lines {of} in {name}, the first {MAX_TOLD} of them told"),
        };
        return Err(failure);
    }
    if rows == 0 {
        return Err(Failure::usage("import.empty", format!("{name} holds no line"))
            .changed(NOTHING_SENT)
            .hint("is it the right file?"));
    }
    Ok(Checked { digest: lines.digest(), rows })
}

/// Reads a checked file again, chunk by chunk.
pub struct Chunks<R> {
    name: String,
    lines: Lines<R>,
    size: usize,
}

impl<R: BufRead> Chunks<R> {
    /// Chunks of `size` uses.
    pub fn of(name: &str, from: R, size: usize) -> Self {
        Self { name: name.to_owned(), lines: Lines::of(from), size }
    }

    /// The next chunk, each use with its line; empty at the end.
    ///
    /// # Errors
    /// When the file is not what it was when it was checked.
    pub fn next(&mut self) -> Result<(Vec<u64>, Vec<ImportedUse>), Failure> {
        let (mut numbers, mut uses) = (Vec::with_capacity(self.size), Vec::with_capacity(self.size));
        while uses.len() < self.size {
            match self.lines.next(&self.name)? {
                Some(Line::Text { number, text }) => {
                    uses.push(serde_json::from_str(text).map_err(|_| super::registrations::changed(&self.name))?);
                    numbers.push(number);
                }
                Some(Line::Bad { .. }) => return Err(super::registrations::changed(&self.name)),
                None => break,
            }
        }
        Ok((numbers, uses))
    }

    /// SHA-256 of what was read.
    pub fn digest(self) -> String {
        self.lines.digest()
    }
}

/// Everything wrong with a line, each with its column.
fn mistakes_of(name: &str, line: u64, text: &str) -> Vec<Mistake> {
    let fields = serde_json::from_str::<Fields<'_>>(text).map(|fields| fields.0).unwrap_or_default();
    let findings = serde_json::from_str::<Value>(text).map(|value| read_checked::<ImportedUse>(&value).findings);
    let mut found = Vec::new();
    for Finding { path, code, message, hint } in findings.into_iter().flatten() {
        let mut mistake = mistake(name, line, place_of(text, &fields, &path), &path, message, hint);
        mistake.field.code = Some(code.to_owned());
        let part = fields.iter().find(|(field, _)| *field == path).map_or("", |(_, raw)| raw.get());
        mistake.snippet = Some(Snippet { line: text.to_owned(), length: part.chars().count() });
        found.push(mistake);
    }
    if found.is_empty() {
        // A field that stands twice, or no JSON object at all.
        let twice =
            fields.iter().enumerate().find(|(place, (field, _))| fields[..*place].iter().any(|(other, _)| other == field));
        found.push(match twice {
            Some((_, (field, raw))) => {
                let mut twice =
                    mistake(name, line, column_of(text, raw), field, format!("the field '{field}' stands twice"), None);
                twice.field.code = Some("import.duplicate-field".to_owned());
                twice
            }
            None => mistake(name, line, 1, "", "the line is no JSON object of a use", None),
        });
    }
    found
}

fn mistake(name: &str, line: u64, column: u64, path: &str, message: impl Into<String>, hint: Option<String>) -> Mistake {
    Mistake {
        field: Field {
            path: path.to_owned(),
            file: Some(name.to_owned()),
            line: Some(line),
            column: Some(column),
            code: Some("import.use".to_owned()),
            message: message.into(),
        },
        hint,
        snippet: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"key":"1","service":"inland-revenue-department.etax","function":"authentication","tier":"iam-smart","channel":"app","outcome":"completed","at":"2022-05-31T10:00:00+08:00"}"#;

    fn told(lines: &[&str]) -> Vec<(u64, u64, String, String)> {
        let failure = check("x.jsonl", (lines.join("\n") + "\n").as_bytes(), || {}).unwrap_err();
        let fields = failure.mistakes.iter().map(|it| &it.field);
        fields.map(|it| (it.line.unwrap(), it.column.unwrap(), it.path.clone(), it.code.clone().unwrap())).collect()
    }

    #[test]
    fn a_good_file_is_read_in_chunks_with_its_lines() {
        let text = format!("\u{feff}{GOOD}\r\n\r\n{GOOD}\n{GOOD}");
        let checked = check("x.jsonl", text.as_bytes(), || {}).unwrap();
        assert_eq!(checked.rows, 3);
        let mut chunks = Chunks::of("x.jsonl", text.as_bytes(), 2);
        assert_eq!(chunks.next().unwrap().0, [1, 3]);
        assert_eq!(chunks.next().unwrap().0, [4]);
        assert!(chunks.next().unwrap().1.is_empty());
        assert_eq!(chunks.digest(), checked.digest);
    }

    #[test]
    fn every_mistake_of_a_line_has_its_column() {
        let word = GOOD.replace("authentication", "authentification").replace("completed", "done");
        let more = GOOD.replace(r#""tier""#, r#""account":"A1","tier""#);
        let less = GOOD.replace(r#""tier":"iam-smart","#, "");
        let when = GOOD.replace("2022-05-31T10:00:00+08:00", "yesterday");
        let twice = GOOD.replace(r#""tier""#, r#""key":"2","tier""#);
        let told = told(&[GOOD, &word, &more, &less, &when, &twice, "not json", "[]"]);
        let at = |needle: &str, text: &str| text[..text.find(needle).unwrap()].chars().count() as u64 + 1;
        let places: Vec<(u64, u64, &str)> = told.iter().map(|it| (it.0, it.1, it.2.as_str())).collect();
        for wanted in [
            (2, at("\"authentif", &word), "function"),
            (2, at("\"done", &word), "outcome"),
            (3, at("\"A1", &more), "account"),
            (4, 1, "tier"),
            (5, at("\"yesterday", &when), "at"),
            (6, at("\"2\"", &twice), "key"),
            (7, 1, ""),
            (8, 1, ""),
        ] {
            assert!(places.contains(&wanted), "{wanted:?} in {told:#?}");
        }
    }

    #[test]
    fn a_file_of_nothing_or_of_too_much_is_told_in_few_words() {
        assert_eq!(check("x.jsonl", &b"\n\n"[..], || {}).unwrap_err().code, "import.empty");
        let failure = check("x.jsonl", "no\n".repeat(30).as_bytes(), || {}).unwrap_err();
        assert_eq!(failure.message, "30 bad lines of 30 lines in x.jsonl, the first 20 of them told");
        assert_eq!(failure.mistakes.len(), 20);
    }
}
