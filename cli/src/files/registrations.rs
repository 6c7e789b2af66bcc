//! A file of registrations, one JSON object a line: checked whole first, then read again in batches. Memory holds one batch.
//!
//! Invariant: no message repeats a line; it holds a person's data.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::BufRead;

use api::account::{ImportRow, Registration};
use api::{Exit, Field};
use domain::{
    Arrival, Finding, Hkic, LOCATIONS_YAML, Locations, Phone, Places, Profile, Refusal, RegistrationRules, read_checked,
};
use schemars::schema_for;
use serde_json::Value;

use super::lines::{Fields, Line, Lines, column_of, place_of};
use super::mistakes_found;
use crate::failure::{Failure, Mistake, NOTHING_SENT};

/// So many bad lines are told one by one, the others are counted.
const MAX_TOLD: usize = 20;

/// So many lines between two words about how far the checking has come.
const STEP: u64 = 10_000;

/// A file that is good as far as it can be told without the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// SHA-256 of the whole file, lower-case hex.
    pub digest: String,
    /// Rows in it.
    pub rows: u64,
    /// Whether a card number stands in more than one row. Then the order in which rows arrive decides.
    pub repeats: bool,
}

/// Checks a whole file; `at_times` is called now and then while it lasts.
///
/// # Errors
/// Every bad line, up to 20 of them one by one.
pub fn check(
    name: &str,
    from: impl BufRead,
    against: RegistrationRules<'_>,
    mut at_times: impl FnMut(),
) -> Result<Checked, Failure> {
    let known = known_fields();
    let mut lines = Lines::of(from);
    let (mut rows, mut bad, mut repeats) = (0, 0_usize, false);
    let mut mistakes = Vec::new();
    // Keyed hashes of card numbers. Two that meet by chance cost some speed and nothing else.
    let (hasher, mut seen) = (RandomState::new(), HashSet::new());
    while let Some(line) = lines.next(name)? {
        if line.number() % STEP == 0 {
            at_times();
        }
        let found = match line {
            Line::Text { number, text } => {
                rows += 1;
                match good(text, &known, against) {
                    Some(hkic) => {
                        repeats |= !seen.insert(hasher.hash_one(&hkic));
                        Vec::new()
                    }
                    None => mistakes_of(name, number, text, &known, against),
                }
            }
            Line::Bad { number, column, message } => vec![mistake(name, number, Some(column), "", "import.line", message, None)],
        };
        if !found.is_empty() {
            bad += 1;
            if bad <= MAX_TOLD {
                mistakes.extend(found);
            }
        }
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
    Ok(Checked { digest: lines.digest(), rows, repeats })
}

/// Reads a checked file again, batch by batch.
pub struct Batches<R> {
    name: String,
    lines: Lines<R>,
    size: usize,
}

impl<R: BufRead> Batches<R> {
    /// Batches of `size` rows.
    pub fn of(name: &str, from: R, size: usize) -> Self {
        Self { name: name.to_owned(), lines: Lines::of(from), size }
    }

    /// The next batch; empty at the end.
    ///
    /// # Errors
    /// When the file is not what it was when it was checked.
    pub fn next(&mut self) -> Result<Vec<ImportRow>, Failure> {
        let mut rows = Vec::with_capacity(self.size);
        while rows.len() < self.size {
            match self.lines.next(&self.name)? {
                Some(Line::Text { number, text }) => {
                    let registration = serde_json::from_str(text).map_err(|_| changed(&self.name))?;
                    rows.push(ImportRow { line: number, registration });
                }
                Some(Line::Bad { .. }) => return Err(changed(&self.name)),
                None => break,
            }
        }
        Ok(rows)
    }

    /// SHA-256 of what was read.
    pub fn digest(self) -> String {
        self.lines.digest()
    }
}

/// The places of registration there are.
///
/// # Errors
/// When the list that was built in does not parse; a test reads it.
pub fn places() -> Result<Places, Failure> {
    client::yaml::from_slice::<Locations>(LOCATIONS_YAML.as_bytes())
        .map(Places::from)
        .map_err(|error| Failure::new(Exit::Failed, "internal", format!("the list of locations does not parse: {error}")))
}

/// The file is not what it was.
pub fn changed(name: &str) -> Failure {
    Failure::usage("import.changed", format!("{name} changed while it was read"))
        .hint("give the same command again when nobody writes to it")
}

fn known_fields() -> HashSet<String> {
    let schema = schema_for!(Registration);
    schema.get("properties").and_then(Value::as_object).map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

/// The quick look: nearly every line is good. Gives its card number.
fn good(text: &str, known: &HashSet<String>, against: RegistrationRules<'_>) -> Option<Hkic> {
    let Fields(fields) = serde_json::from_str(text).ok()?;
    if !fields.iter().all(|(name, _)| known.contains(name.as_ref())) {
        return None;
    }
    let registration: Registration = serde_json::from_str(text).ok()?;
    let hkic = registration.hkic.clone();
    rules(registration, against).is_empty().then_some(hkic)
}

/// The long look: everything wrong with a line, each with its column.
fn mistakes_of(name: &str, line: u64, text: &str, known: &HashSet<String>, against: RegistrationRules<'_>) -> Vec<Mistake> {
    let mut value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let column = text.get(..error.column()).map_or(error.column(), |before| before.chars().count());
            let message = match error.classify() {
                serde_json::error::Category::Eof => "the line ends too early for a JSON object",
                _ => "the line is no JSON object",
            };
            return vec![mistake(name, line, Some(column as u64), "", "import.line", message, None)];
        }
    };
    let mut found = Vec::new();
    let fields = serde_json::from_str::<Fields<'_>>(text).map(|fields| fields.0).unwrap_or_default();
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    for (field, raw) in &fields {
        let at = Some(column_of(text, raw));
        if !known.contains(field.as_ref()) {
            let hint = domain::suggest(field, &names).map(|near| format!("did you mean '{near}'?"));
            let message = format!("unknown field '{}'", field.chars().take(64).collect::<String>());
            found.push(mistake(name, line, at, field, "field.unknown", message, hint));
        }
        if !seen.insert(field.as_ref()) {
            found.push(mistake(
                name,
                line,
                at,
                field,
                "import.duplicate-field",
                format!("the field '{field}' stands twice"),
                None,
            ));
        }
    }
    let mut add = |path: &str, code: &str, message: String, hint: Option<String>| {
        found.push(mistake(name, line, Some(place_of(text, &fields, path)), path, code, message, hint));
    };
    // Numbers first: the schema takes them for mere text. A stand-in lets the rest be looked at all the same.
    if let Some(Value::String(hkic)) = value.get_mut("hkic")
        && let Err(error) = hkic.parse::<Hkic>()
    {
        add("hkic", error.code(), error.to_string(), None);
        *hkic = Hkic::synthetic(0).map(|stand_in| stand_in.expose().to_owned()).unwrap_or_default();
    }
    if let Some(Value::String(phone)) = value.get_mut("phone")
        && let Err(error) = phone.parse::<Phone>()
    {
        add("phone", error.code(), error.to_string(), Some("E.164 is wanted: + and 8 to 15 digits".to_owned()));
        *phone = "+85200000000".to_owned();
    }
    let reading = read_checked::<Registration>(&value);
    for Finding { path, code, message, hint } in &reading.findings {
        add(path, code, message.clone(), hint.clone());
    }
    let more = reading.value.map(|registration| rules(registration, against)).unwrap_or_default();
    for (path, refusal) in more {
        add(path, refusal.code, refusal.message, refusal.hint);
    }
    if found.is_empty() {
        found.push(mistake(name, line, Some(1), "", "import.line", "the line is no registration", None));
    }
    found
}

/// What the types do not say: names, dates, times and places.
fn rules(registration: Registration, rules: RegistrationRules<'_>) -> Vec<(&'static str, Refusal)> {
    let Registration { hkic, name, sex, birth_date, card_issued, phone, tier, channel, location, registered_at } = registration;
    let profile = Profile { hkic, name, sex, birth_date, card_issued, phone };
    rules.faults(Arrival { profile: &profile, tier, channel, location: location.as_ref(), registered_at })
}

/// Of what the server found, which knows a row by its place in the batch, says the file and the line.
pub fn located(mut failure: Failure, name: &str, lines: &[u64]) -> Failure {
    for field in failure.mistakes.iter_mut().map(|mistake| &mut mistake.field) {
        let Some((place, path)) = field.path.strip_prefix("rows[").and_then(|rest| rest.split_once(']')) else { continue };
        let Some(line) = place.parse().ok().and_then(|place: usize| lines.get(place)) else { continue };
        (field.file, field.line) = (Some(name.to_owned()), Some(*line));
        field.path = path.trim_start_matches('.').to_owned();
    }
    failure
}

/// Looks up the columns of what was found in lines of the file.
///
/// # Errors
/// When it cannot be read again.
pub fn columns(failure: &mut Failure, name: &str, from: impl BufRead) -> Result<(), Failure> {
    let mut fields: Vec<&mut Field> = failure.mistakes.iter_mut().map(|mistake| &mut mistake.field).collect();
    fields.retain(|field| field.file.as_deref() == Some(name) && field.column.is_none());
    let Some(last) = fields.iter().filter_map(|field| field.line).max() else { return Ok(()) };
    let mut lines = Lines::of(from);
    while let Some(line) = lines.next(name)? {
        let Line::Text { number, text } = line else { continue };
        for field in fields.iter_mut().filter(|field| field.line == Some(number)) {
            let parts = serde_json::from_str::<Fields<'_>>(text).map(|fields| fields.0).unwrap_or_default();
            field.column = Some(place_of(text, &parts, &field.path));
        }
        if number >= last {
            break;
        }
    }
    Ok(())
}

fn mistake(
    name: &str,
    line: u64,
    column: Option<u64>,
    path: &str,
    code: &str,
    message: impl Into<String>,
    hint: Option<String>,
) -> Mistake {
    Mistake {
        field: Field {
            path: path.to_owned(),
            file: Some(name.to_owned()),
            line: Some(line),
            column,
            code: Some(code.to_owned()),
            message: message.into(),
        },
        hint,
        // A line holds a person's data: it is named, not shown.
        snippet: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"hkic":"G123456(A)","name":{"en":"CHAN TAI MAN","zh-Hant":"陳大文"},"sex":"M","birth_date":"1990-01-31","card_issued":"2019-05-01","phone":"+85291234567","tier":"iam-smart-plus","channel":"kiosk","location":"harbour-road-sports-centre","registered_at":"2021-03-04T10:00:00+08:00"}"#;

    fn against(places: &Places) -> RegistrationRules<'_> {
        let now = "2022-05-31T12:00:00+08:00".parse().unwrap();
        RegistrationRules { now, environment: domain::Environment::Sandbox, places }
    }

    fn told(lines: &[&str]) -> Vec<(u64, u64, String, String)> {
        let text = lines.join("\n") + "\n";
        let failure = check("x.jsonl", text.as_bytes(), against(&places().unwrap()), || {}).unwrap_err();
        let shown = format!("{failure:?}");
        assert!(!shown.contains("G123456") && !shown.contains("91234567"), "{shown}");
        let mistakes = failure.mistakes.iter().map(|it| &it.field);
        mistakes.map(|it| (it.line.unwrap(), it.column.unwrap(), it.path.clone(), it.code.clone().unwrap())).collect()
    }

    #[test]
    fn a_good_file_is_counted_and_has_its_digest() {
        let text = format!("\u{feff}{GOOD}\r\n\r\n{GOOD}\n");
        let checked = check("x.jsonl", text.as_bytes(), against(&places().unwrap()), || {}).unwrap();
        assert_eq!((checked.rows, checked.repeats), (2, true));
        assert_eq!(checked.digest.len(), 64);
        let mut batches = Batches::of("x.jsonl", text.as_bytes(), 1);
        assert_eq!(batches.next().unwrap()[0].line, 1);
        assert_eq!(batches.next().unwrap()[0].line, 3);
        assert!(batches.next().unwrap().is_empty());
        assert_eq!(batches.digest(), checked.digest);
    }

    #[test]
    fn every_mistake_of_a_line_has_its_column_and_no_number_is_repeated() {
        let digit = GOOD.replace("G123456(A)", "G123456(7)").replace("+85291234567", "91234567");
        let field = GOOD.replace(r#""tier""#, r#""teir""#);
        let rule = GOOD.replace(r#""kiosk""#, r#""remote""#);
        let word = GOOD.replace(r#""kiosk""#, r#""kisok""#).replace("1990-01-31", "1990-13-31");
        let told = told(&[GOOD, &digit, &field, &rule, &word, "{\"hkic\":", "not json"]);
        let at = |needle: &str, text: &str| text[..text.find(needle).unwrap()].chars().count() as u64 + 1;
        let wanted = [
            (2, at("\"G123", &digit), "hkic"),
            (2, at("\"9123", &digit), "phone"),
            (3, at("\"iam-smart-plus", &field), "teir"),
            (3, 1, "tier"),
            (4, at("\"iam-smart-plus", &rule), "tier"),
            (5, at("\"1990", &word), "birth_date"),
            (5, at("\"kisok", &word), "channel"),
            (6, 8, ""),
            (7, 2, ""),
        ];
        let places: Vec<(u64, u64, &str)> = told.iter().map(|it| (it.0, it.1, it.2.as_str())).collect();
        for wanted in wanted {
            assert!(places.contains(&wanted), "{wanted:?} in {places:#?}");
        }
        assert!(told.iter().any(|it| it.3.starts_with("hkic.")) && told.iter().any(|it| it.3.starts_with("phone.")), "{told:#?}");
    }

    #[test]
    fn what_the_server_would_refuse_is_found_before_anything_is_sent() {
        let place = GOOD.replace("harbour-road-sports-centre", "post-offices");
        let nowhere = GOOD.replace("harbour-road-sports-centre", "moon-base");
        let early = GOOD.replace("2021-03-04", "2020-12-28");
        let late = GOOD.replace("2021-03-04", "2022-06-01");
        let codes: Vec<_> = told(&[&place, &nowhere, &early, &late]).into_iter().map(|it| (it.0, it.2, it.3)).collect();
        let wanted = [
            (1, "location", "account.location-channel"),
            (2, "location", "account.location-unknown"),
            (3, "registered_at", "account.registered-at"),
            (4, "registered_at", "account.registered-at"),
        ];
        assert_eq!(codes, wanted.map(|(line, path, code)| (line, path.to_owned(), code.to_owned())));
        let places = places().unwrap();
        let real = RegistrationRules { environment: domain::Environment::Production, ..against(&places) };
        let synthetic = GOOD.replace("G123456(A)", Hkic::synthetic(0).unwrap().expose());
        let failure = check("x.jsonl", synthetic.as_bytes(), real, || {}).unwrap_err();
        assert_eq!(failure.mistakes[0].field.code.as_deref(), Some("account.synthetic"));
    }

    #[test]
    fn what_only_the_server_found_gets_its_line_and_column() {
        let field = |path: &str| Mistake {
            field: Field { path: path.into(), file: None, line: None, column: None, code: None, message: "no".into() },
            hint: None,
            snippet: None,
        };
        let mut failure = Failure::new(Exit::Usage, "account.rows", "2 rows are wrong");
        failure.mistakes = vec![field("rows[1].location"), field("rows[0].name.en"), field("rows[7].name"), field("file")];
        let mut failure = located(failure, "x.jsonl", &[2, 5]);
        let text = format!("{GOOD}\n{GOOD}\n\n{GOOD}\n{GOOD}\n");
        columns(&mut failure, "x.jsonl", text.as_bytes()).unwrap();
        let at = |needle: &str| GOOD[..GOOD.find(needle).unwrap()].chars().count() as u64 + 1;
        let places: Vec<_> = failure.mistakes.iter().map(|it| (it.field.path.as_str(), it.field.line, it.field.column)).collect();
        assert_eq!(
            places,
            [
                ("location", Some(5), Some(at("\"harbour"))),
                ("name.en", Some(2), Some(at("{\"en\""))),
                ("rows[7].name", None, None),
                ("file", None, None)
            ]
        );
    }

    #[test]
    fn twenty_bad_lines_are_told_and_the_others_counted() {
        let bad = GOOD.replace("(A)", "(0)");
        let mut lines = vec![GOOD; 30];
        lines.extend([bad.as_str(); 25]);
        let text = lines.join("\n");
        let failure = check("x.jsonl", text.as_bytes(), against(&places().unwrap()), || {}).unwrap_err();
        assert_eq!(failure.mistakes.len(), 20);
        assert_eq!(failure.mistakes[0].field.line, Some(31));
        assert_eq!(failure.message, "25 bad lines of 55 lines in x.jsonl, the first 20 of them told");
        assert_eq!(failure.changed.as_deref(), Some(NOTHING_SENT));
    }

    #[test]
    fn an_endless_line_is_passed_over_without_being_kept() {
        let text = format!("{GOOD}\n{}\n{GOOD}\n", "x".repeat(1_000_000));
        let failure = check("x.jsonl", text.as_bytes(), against(&places().unwrap()), || {}).unwrap_err();
        assert_eq!(failure.mistakes.len(), 1);
        assert_eq!(failure.mistakes[0].field.line, Some(2));
        assert_eq!(failure.message, "1 bad line of 3 lines in x.jsonl");
    }
}
