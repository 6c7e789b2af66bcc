//! One reply of each shape in every format.

use api::relying_party::{PartyApplied, PartyChange, PartyPlan};
use api::stats::UsageRow;
use client::Tabular;
use domain::{Bilingual, Change, ChangeKind, PartyState};
use futures_util::stream;

use super::{Body, Columns, Look, Style, print};
use crate::failure::Failure;
use crate::flags::Format;

const FORMATS: [Format; 8] =
    [Format::Table, Format::Wide, Format::Json, Format::Jsonl, Format::Yaml, Format::Csv, Format::Name, Format::Md];

fn printed<T: Tabular>(body: Body<T>, format: Format, columns: &[&str]) -> String {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    let style = Style { format, columns, bom: false, look: Look { color: false, room: None } };
    let mut bytes = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(print(body, &style, &mut bytes)).unwrap_or_else(|broken| panic!("{broken:?}"));
    String::from_utf8(bytes).unwrap()
}

fn in_every_format<T: Tabular>(body: impl Fn() -> Body<T>) -> String {
    FORMATS.map(|format| format!("### {format:?}\n{}\n", printed(body(), format, &[]).replace('\r', "<CR>"))).concat()
}

fn applied() -> Vec<PartyApplied> {
    let party = |rp: &str, change| PartyApplied { rp: rp.parse().unwrap(), change, state: PartyState::Active, ended: None };
    vec![party("inland-revenue-department", PartyChange::Created), party("hongkong-post", PartyChange::Unchanged)]
}

/// A name as somebody hostile would choose it.
fn usage() -> Vec<UsageRow> {
    let row = |id: &str, en: &str, zh: &str, uses| UsageRow {
        id: id.into(),
        name: Bilingual { en: en.into(), zh_hant: zh.into() },
        uses: Some(uses),
        not_completed: Some(7),
    };
    vec![row("ird.etax", "eTAX", "稅務易", 1_234_567), row("x.y", "=cmd|'/C calc'!A0\u{1b}[2J\u{202e}", "\u{200b}|", 0)]
}

#[test]
fn a_list_in_every_format() {
    insta::assert_snapshot!("list", in_every_format(|| Body::List(applied())));
}

#[test]
fn an_empty_list_in_every_format() {
    insta::assert_snapshot!("empty_list", in_every_format(|| Body::List(Vec::<PartyApplied>::new())));
}

#[test]
fn hostile_names_in_every_format() {
    let shown = in_every_format(|| Body::List(usage()));
    assert!(!shown.chars().any(|character| character != '\n' && client::safe::is_unsafe(character)));
    insta::assert_snapshot!("hostile_names", shown);
}

#[test]
fn pages_are_printed_as_one_list() {
    let pages = || {
        let pages = vec![Ok(usage()), Ok(Vec::new()), Ok(usage().into_iter().take(1).collect())];
        Body::Pages(Box::pin(stream::iter(pages)))
    };
    let whole = || Body::List(usage().into_iter().chain(usage().into_iter().take(1)).collect());
    for format in FORMATS {
        assert_eq!(printed(pages(), format, &[]), printed(whole(), format, &[]), "{format:?}");
    }
}

#[test]
fn one_thing_in_every_format() {
    let one = || Body::One(usage().remove(0));
    insta::assert_snapshot!("one", in_every_format(one));
}

#[test]
fn a_plan_is_shown_field_by_field() {
    let change = |path: &str, kind, before: Option<&str>, after: Option<&str>| Change {
        path: path.into(),
        kind,
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    let plan = PartyPlan {
        rp: "inland-revenue-department".parse().unwrap(),
        change: PartyChange::Updated,
        changes: vec![
            change("contact.email", ChangeKind::Changed, Some("old@ird.example"), Some("new@ird.example")),
            change("services[etax].functions", ChangeKind::Added, None, Some("signing")),
            change("services[etax].redirectUris", ChangeKind::Removed, Some("https://old.example/\u{202e}"), None),
        ],
        notes: vec!["credential CR0000000012 (jwks, added) stays: the manifest does not rule over it".to_owned()],
    };
    let plans = || {
        Body::List(vec![
            plan.clone(),
            PartyPlan { change: PartyChange::Unchanged, changes: Vec::new(), notes: Vec::new(), ..plan.clone() },
        ])
    };
    insta::assert_snapshot!("plan", in_every_format(plans));
}

#[test]
fn the_report_to_the_council_in_every_format() {
    let reply = || -> api::stats::LegcoReply {
        serde_json::from_value(serde_json::json!({
            "as_at": "2022-05-31", "known_at": "2022-06-02", "environment": "sandbox", "view": "published",
            "definitions": "2022-1", "title": {"en": "Use", "zh-Hant": "使用情況"},
            "parts": [{"number": 1, "answers": [{"kind": "figure", "id": "accounts.registered"}, {"kind": "table", "id": "by-sector"}]}], "meanings": [],
            "figures": [{
                "id": "accounts.registered", "version": 1, "unit": "count", "value": 1_312_345,
                "rounding": domain::Figure::more_than(1_312_345, domain::Grain::of(100_000)),
                "text": {"en": "more than 1.3 million", "zh-Hant": "超過130萬"},
            }],
            "tables": [{
                "id": "by-sector", "title": {"en": "By sector", "zh-Hant": "按界別"},
                "columns": [{"en": "Usage counts", "zh-Hant": "使用次數"}], "units": ["count"],
                "rows": [{"id": "private", "name": {"en": "Private", "zh-Hant": "私營"}, "values": [200_123]}],
            }],
            "notes": [{"id": "synthetic-data", "text": {"en": "Synthetic.", "zh-Hant": "模擬數據。"}}],
            "digest": "00ff",
        }))
        .unwrap()
    };
    insta::assert_snapshot!("legco", in_every_format(|| Body::One(reply())));
}

#[test]
fn only_the_columns_that_are_asked_for() {
    assert_eq!(
        printed(Body::List(applied()), Format::Csv, &["state", "rp"]),
        "state,rp\r\nactive,inland-revenue-department\r\nactive,hongkong-post\r\n"
    );
    assert_eq!(printed(Body::One(usage().remove(0)), Format::Table, &["uses"]), "Uses  1 234 567\n");
}

/// What is longer than a cell stands below a record and in JSON: whoever asks for it as a column is told so.
#[test]
fn a_long_text_is_no_column() {
    let style = |column: &str| Style {
        format: Format::Table,
        columns: vec![column.to_owned()],
        bom: false,
        look: Look { color: false, room: None },
    };
    let refused = |column: &str| Columns::<api::certificate::CertificateDetail>::chosen(&style(column)).err();
    let failure = refused("pem").unwrap();
    assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, "usage.column"));
    let told = failure.hint.as_deref().unwrap();
    assert!(told.starts_with("the columns are serial, profile, holder, state, "), "{told}");
    assert!(told.ends_with("; '-o json' has long texts as well"), "{told}");
    assert!(refused("holders").unwrap().hint.as_deref().unwrap().starts_with("did you mean 'holder'?"));
    assert!(refused("sha256").is_none());
}

#[test]
fn a_break_between_pages_is_a_failure_after_what_was_printed() {
    let pages = vec![Ok(applied()), Err(Failure::new(api::Exit::Unavailable, "server.no-answer", "gone"))];
    let style = Style { format: Format::Jsonl, columns: Vec::new(), bom: false, look: Look { color: false, room: None } };
    let mut bytes = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let broken = runtime.block_on(print(Body::Pages(Box::pin(stream::iter(pages))), &style, &mut bytes)).unwrap_err();
    assert!(matches!(broken, super::Broken::Failed(failure) if failure.code == "server.no-answer"));
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 2);
}
