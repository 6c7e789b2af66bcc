//! A reply as documents, read back by programs that know nothing of how they were made.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;
use std::process::Command;

use api::stats::LegcoReply;
use calamine::{Data, Reader, Xlsx};
use render::{Fonts, Language, Outline, html, pdf, xlsx};

fn reply() -> LegcoReply {
    serde_json::from_str(include_str!("reply.json")).unwrap()
}

fn outline(language: Language) -> Outline {
    Outline::of(&reply(), language)
}

/// Text of a PDF, by page.
fn pages(bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reply.pdf");
    std::fs::write(&file, bytes).unwrap();
    let out = Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().split('\u{c}').filter(|page| !page.trim().is_empty()).map(str::to_owned).collect()
}

/// Without the breaks of lines.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_pdf_says_the_sentences_in_both_languages_and_what_data_they_are_of_on_every_page() {
    let fonts = Fonts::find(None).unwrap();
    let bytes = pdf(&outline(Language::Both), &fonts).unwrap();
    let pages = pages(&bytes);
    let text = joined(&pages.join(" "));
    assert!(text.contains("more than 1.3 million registered users"), "{text}");
    assert!(text.contains("on a steady rise"), "{text}");
    assert!(text.replace(' ', "").contains("超過130萬名登記用戶"), "{text}");
    for page in &pages {
        let page = joined(page);
        assert!(page.contains("SYNTHETIC DATA 模擬數據") && page.contains("3f786850e387550f"), "{page}");
    }
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
    assert!(bytes.len() < 400_000, "fonts are embedded in part: {}", bytes.len());
}

#[test]
fn the_pdf_is_tagged_and_its_fonts_are_within() {
    let fonts = Fonts::find(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reply.pdf");
    std::fs::write(&file, pdf(&outline(Language::En), &fonts).unwrap()).unwrap();
    let told = |program: &str, arguments: &[&str]| {
        let out = Command::new(program).args(arguments).arg(&file).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let info = told("pdfinfo", &[]);
    assert!(info.contains("Tagged:          yes"), "{info}");
    let structure = told("pdfinfo", &["-struct"]);
    for element in ["H1", "H2", "Table", "TH", "TD", "Figure"] {
        assert!(structure.contains(element), "{element}: {structure}");
    }
    let fonts = told("pdffonts", &[]);
    assert!(fonts.lines().skip(2).count() >= 1, "{fonts}");
    for line in fonts.lines().skip(2) {
        assert!(line.contains("yes yes yes"), "embedded, in part, with its characters: {line}");
    }
}

#[test]
fn the_workbook_has_numbers_as_numbers_and_runs_nothing() {
    let bytes = xlsx(&outline(Language::Both)).unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let names = book.sheet_names();
    assert_eq!(names, ["reply", "1 accounts-by-age", "2 usage-private-by-month"]);
    let sheet = book.worksheet_range("1 accounts-by-age").unwrap();
    let cells: Vec<&Data> = sheet.rows().flatten().collect();
    assert!(cells.contains(&&Data::Float(1_312_480.0)) && cells.contains(&&Data::Float(0.058)), "{cells:?}");
    assert!(cells.contains(&&Data::String("–".to_owned())), "a suppressed cell");
    assert!(cells.iter().any(|cell| cell.to_string().contains("=cmd|' /C calc'!A0")), "a name is a text");
    for name in names {
        let formulas = book.worksheet_formula(&name).unwrap();
        assert_eq!(formulas.rows().flatten().filter(|formula| !formula.is_empty()).count(), 0, "{name}");
        let text: Vec<String> = book.worksheet_range(&name).unwrap().rows().flatten().map(ToString::to_string).collect();
        assert!(text.iter().any(|cell| cell.contains("SYNTHETIC DATA")) && text.iter().any(|cell| cell.contains("3f786850")));
    }
}

#[test]
fn the_page_is_whole_and_harmless() {
    let text = html(&outline(Language::Both));
    assert!(text.contains("<span lang=\"zh-Hant\" class=\"zh\">截至2022年5月底"));
    assert!(text.contains("=cmd|&#39; /C calc&#39;!A0") && !text.contains("<script"));
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
    assert_eq!(text.matches("<svg").count(), 2);
    assert!(!text.contains("src=") && !text.contains("url("), "nothing is fetched");
}

#[test]
fn the_same_reply_is_the_same_bytes() {
    let fonts = Fonts::find(None).unwrap();
    for language in [Language::En, Language::ZhHant, Language::Both] {
        let outline = outline(language);
        assert_eq!(pdf(&outline, &fonts).unwrap(), pdf(&outline, &fonts).unwrap());
        assert_eq!(xlsx(&outline).unwrap(), xlsx(&outline).unwrap());
        assert_eq!(html(&outline), html(&outline));
    }
}

#[test]
fn one_language_is_one_language() {
    let english = html(&outline(Language::En));
    assert!(!english.contains("截至") && english.contains("As at end-May 2022"));
    let chinese = html(&outline(Language::ZhHant));
    assert!(chinese.contains("截至") && !chinese.contains("registered users"));
}
