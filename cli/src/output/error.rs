//! How a failure is told: to people with a next step, to programs as one JSON or YAML document. Always on standard error.

use std::io::{self, Write};

use client::safe::visible;
use client::{json, width, yaml};
use serde::Serialize;

use super::Look;
use crate::failure::{Failure, Mistake, NOTHING_CHANGED};
use crate::flags::Format;

#[derive(Serialize)]
struct Document<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    retryable: bool,
    request_id: Option<&'a str>,
    changed: Option<&'a str>,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    path: &'a str,
    file: Option<&'a str>,
    line: Option<u64>,
    column: Option<u64>,
    code: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
}

/// Tells a failure in the form that fits the format of the data.
///
/// # Errors
/// When it cannot be written.
pub fn tell_failure(to: &mut dyn Write, failure: &Failure, format: Option<Format>, look: Look) -> io::Result<()> {
    match format {
        Some(Format::Json | Format::Jsonl) => {
            json::write_line(&mut *to, &document(failure))?;
            writeln!(to)
        }
        Some(Format::Yaml) => to.write_all(yaml::to_string(&document(failure)).map_err(io::Error::other)?.as_bytes()),
        _ => for_people(to, failure, look),
    }
}

fn document(failure: &Failure) -> Document<'_> {
    let fields = failure
        .mistakes
        .iter()
        .map(|mistake| Field {
            path: &mistake.field.path,
            file: mistake.field.file.as_deref(),
            line: mistake.field.line,
            column: mistake.field.column,
            code: mistake.field.code.as_deref(),
            message: &mistake.field.message,
            hint: mistake.hint.as_deref(),
        })
        .collect();
    Document {
        error: Error {
            code: &failure.code,
            message: &failure.message,
            hint: failure.hint.as_deref(),
            retryable: failure.retryable,
            request_id: failure.request_id.as_deref(),
            changed: failure.changed.as_deref(),
            fields,
        },
    }
}

fn for_people(to: &mut dyn Write, failure: &Failure, look: Look) -> io::Result<()> {
    // Said once: what was changed has a line of its own, and so has the next step.
    let changed = failure.changed.as_deref();
    let message = match failure.message.strip_suffix("; nothing was changed") {
        Some(message) if changed == Some(NOTHING_CHANGED) => message,
        _ => &failure.message,
    };
    // What the server says of the only wrong part of a request is its message already, and its advice the next step.
    let said = |mistake: &&Mistake| {
        let said = mistake.field.message.strip_prefix(message);
        mistake.field.file.is_none()
            && failure.mistakes.len() == 1
            && said.is_some_and(|more| more.is_empty() || more.starts_with("; "))
    };
    let advice =
        failure.mistakes.iter().find(said).and_then(|mistake| mistake.field.message.strip_prefix(message)?.strip_prefix("; "));
    let hint = advice.or(failure.hint.as_deref()).filter(|hint| !message.ends_with(hint));
    for mistake in failure.mistakes.iter().filter(|mistake| !said(mistake)) {
        tell_mistake(to, mistake, look)?;
    }
    writeln!(to, "{} {}", look.bad("error:"), visible(message))?;
    let more = [("changed:", changed), ("next:", hint), ("request:", failure.request_id.as_deref())];
    for (label, text) in more {
        if let Some(text) = text {
            writeln!(to, "  {} {}", look.faint(&width::fit(label, 8, width::Align::Left, "")), visible(text))?;
        }
    }
    Ok(())
}

/// `FILE:12:5: path: message`, the line it stands in and a mark under the part that is meant.
fn tell_mistake(to: &mut dyn Write, mistake: &Mistake, look: Look) -> io::Result<()> {
    let field = &mistake.field;
    let mut place = field.file.as_deref().map(|file| visible(file).into_owned()).unwrap_or_default();
    for number in [field.line, field.column].into_iter().flatten() {
        if !place.is_empty() {
            place.push(':');
        }
        place.push_str(&number.to_string());
    }
    if !place.is_empty() {
        place.push_str(": ");
    }
    let path = if field.path.is_empty() { String::new() } else { format!("{}: ", visible(&field.path)) };
    writeln!(to, "{}{path}{}", look.heading(&place), visible(&field.message))?;
    if let (Some(snippet), Some(line), Some(column)) = (&mistake.snippet, field.line, field.column) {
        let number = line.to_string();
        let gap = " ".repeat(number.len());
        let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
        // A long line is shown around the place that is meant.
        let from = before.saturating_sub(60);
        let shown: String = snippet.line.chars().skip(from).take(160).collect();
        let ahead: String = snippet.line.chars().skip(from).take(before - from).collect();
        let meant: String = snippet.line.chars().skip(before).take(snippet.length.clamp(1, 100)).collect();
        let marks = width::columns(&visible(&meant)).max(1);
        writeln!(to, "  {gap} |")?;
        writeln!(to, "  {number} | {}", visible(&shown))?;
        writeln!(to, "  {gap} | {}{}", " ".repeat(width::columns(&visible(&ahead))), look.bad(&"^".repeat(marks)))?;
    }
    if let Some(hint) = &mistake.hint {
        writeln!(to, "  = {}", visible(hint))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Snippet;
    use api::Exit;

    const PLAIN: Look = Look { color: false, room: None };

    fn failure() -> Failure {
        let mut failure =
            Failure::new(Exit::Usage, "manifest.invalid", "1 mistake in 1 file").changed("nothing was sent, nothing was changed");
        failure.mistakes.push(Mistake {
            field: api::Field {
                path: "services[0].redirectUri".into(),
                file: Some("ird.yaml".into()),
                line: Some(12),
                column: Some(7),
                code: Some("field.unknown".into()),
                message: "unknown field 'redirectUri'".into(),
            },
            hint: Some("did you mean 'redirectUris'?".into()),
            snippet: Some(Snippet { line: "  名:  redirectUri: [\u{202e}]".into(), length: 11 }),
        });
        failure
    }

    fn told(format: Option<Format>) -> String {
        let mut bytes = Vec::new();
        tell_failure(&mut bytes, &failure(), format, PLAIN).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn people_see_the_line_and_the_place() {
        assert_eq!(
            told(None),
            "ird.yaml:12:7: services[0].redirectUri: unknown field 'redirectUri'\n     |\n  12 |   名:  redirectUri: [\\u{202e}]\n     |        ^^^^^^^^^^^\n  = did you mean 'redirectUris'?\nerror: 1 mistake in 1 file\n  changed: nothing was sent, nothing was changed\n  next:    mend them and give the same command again\n"
        );
    }

    #[test]
    fn nothing_is_said_twice() {
        let field = |message: &str| Mistake {
            field: api::Field { path: "csr".into(), file: None, line: None, column: None, code: None, message: message.into() },
            hint: None,
            snippet: None,
        };
        let mut failure =
            Failure::new(Exit::Usage, "x", "the key is weak; nothing was changed").changed(NOTHING_CHANGED).hint("mend");
        failure.mistakes.push(field("the key is weak; make a new key"));
        let mut bytes = Vec::new();
        tell_failure(&mut bytes, &failure, None, PLAIN).unwrap();
        let told = String::from_utf8(bytes).unwrap();
        assert_eq!(told, "error: the key is weak\n  changed: nothing was changed\n  next:    make a new key\n");
    }

    #[test]
    fn a_failure_has_the_form_of_its_format() {
        let json: serde_json::Value = serde_json::from_str(&told(Some(Format::Json))).unwrap();
        assert_eq!(told(Some(Format::Jsonl)), told(Some(Format::Json)));
        let yaml: serde_json::Value = yaml::from_slice(told(Some(Format::Yaml)).as_bytes()).unwrap();
        assert_eq!(yaml, json);
        for format in [Format::Table, Format::Wide, Format::Csv, Format::Name, Format::Md] {
            assert_eq!(told(Some(format)), told(None), "{format:?}");
        }
    }

    #[test]
    fn programs_get_one_line_of_json() {
        let told = told(Some(Format::Json));
        assert_eq!(told.lines().count(), 1);
        let document: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(document["error"]["code"], "manifest.invalid");
        assert_eq!(document["error"]["retryable"], false);
        assert_eq!(document["error"]["fields"][0]["line"], 12);
        assert_eq!(document["error"]["fields"][0]["path"], "services[0].redirectUri");
    }
}
