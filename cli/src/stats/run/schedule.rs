//! The file that says what a month's pack holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use api::stats::{Question, View};
use domain::ApiVersion;
use render::Fonts;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::{Failure, NOTHING_SENT};
use crate::files::one;
use crate::stats::document::no_font;
use crate::stats::legco::Denominators;

/// A file of reports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schedule {
    /// `iam/v1`.
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    /// `ReportSchedule`.
    #[serde(rename = "kind")]
    _kind: ScheduleKind,
    /// Whether a month that is not closed yet is closed first; otherwise it must be.
    #[serde(default)]
    pub freeze: bool,
    /// The reports.
    pub reports: Vec<Report>,
}

/// What such a file calls itself.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum ScheduleKind {
    /// The one kind there is.
    ReportSchedule,
}

/// One report: a file for each of its formats and, where it is a document, each of its languages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Report {
    /// What its files are called: 1 to 64 lower-case letters, digits and hyphens.
    pub name: String,
    /// What was asked, beside this file; the figures of the reply of mid-2022 when absent.
    pub question: Option<PathBuf>,
    /// Numbers to take shares of, beside this file.
    pub denominators: Option<PathBuf>,
    /// Languages of documents, a file each; both in one when absent.
    #[serde(default)]
    pub languages: Vec<Written>,
    /// Formats.
    pub formats: Vec<Form>,
    /// For whose eyes; the public's when absent.
    pub view: Option<View>,
}

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Written {
    /// English.
    #[serde(rename = "en")]
    En,
    /// Traditional Chinese.
    #[serde(rename = "zh-Hant")]
    ZhHant,
    /// Each thing in English, then in Traditional Chinese.
    #[serde(rename = "both")]
    Both,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Plain text.
    Text,
    /// Markdown.
    Md,
    /// One HTML file.
    Html,
    /// PDF.
    Pdf,
    /// A workbook.
    Xlsx,
    /// Figures and tables as rows; no language.
    Csv,
    /// The reply as the server gave it; no language.
    Json,
}

/// A schedule whose files were all read, and the fonts for its PDFs: nothing of this machine stands in its way any more.
pub struct Ready {
    /// Whether a month that is not closed yet is closed first.
    pub freeze: bool,
    /// The reports and their questions.
    pub reports: Vec<(Report, Option<Question>)>,
    /// For PDFs.
    pub fonts: Option<Fonts>,
}

/// Reads a schedule and everything it names.
///
/// # Errors
/// When a file cannot be read or is wrong; when a PDF is wanted and there is no font.
pub async fn read(file: PathBuf, font: Option<&Path>) -> Result<Ready, Failure> {
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let schedule = one::read::<Schedule>("schedule", file.clone()).await?;
    in_order(&schedule, &file)?;
    let mut reports = Vec::new();
    for report in schedule.reports {
        let mut question = match &report.question {
            Some(path) => Some(one::read::<Question>("question", folder.join(path)).await?),
            None => None,
        };
        if let (Some(question), Some(path)) = (&mut question, &report.denominators) {
            question.denominators.extend(one::read::<Denominators>("denominators", folder.join(path)).await?.denominators);
        }
        reports.push((report, question));
    }
    let pdf = reports.iter().any(|(report, _)| report.formats.contains(&Form::Pdf));
    let fonts = if pdf { Some(Fonts::find(font).map_err(no_font)?) } else { None };
    Ok(Ready { freeze: schedule.freeze, reports, fonts })
}

/// Holds the reports to what files can be called and to what makes sense.
fn in_order(schedule: &Schedule, file: &Path) -> Result<(), Failure> {
    let wrong = |place: usize, field: &str, message: String| {
        let message = format!("{}: reports[{place}].{field}: {message}", file.display());
        Failure::usage("schedule.invalid", message).changed(NOTHING_SENT)
    };
    if schedule.reports.is_empty() {
        return Err(Failure::usage("schedule.invalid", format!("{}: it has no reports", file.display())).changed(NOTHING_SENT));
    }
    let mut names = BTreeSet::new();
    for (place, report) in schedule.reports.iter().enumerate() {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if report.name.is_empty() || report.name.len() > 64 || !report.name.bytes().all(fits) {
            return Err(wrong(place, "name", "1 to 64 lower-case letters, digits and hyphens are wanted".to_owned()));
        }
        if report.name == super::pack::MANIFEST {
            return Err(wrong(place, "name", format!("'{}' is the pack's own", report.name)));
        }
        if !names.insert(report.name.as_str()) {
            return Err(wrong(place, "name", format!("'{}' stands twice", report.name)));
        }
        if report.formats.is_empty() {
            return Err(wrong(place, "formats", "at least one is wanted".to_owned()));
        }
        for (number, format) in report.formats.iter().enumerate() {
            if report.formats[..number].contains(format) {
                return Err(wrong(place, "formats", "one stands twice".to_owned()));
            }
        }
        for (number, language) in report.languages.iter().enumerate() {
            if report.languages[..number].contains(language) {
                return Err(wrong(place, "languages", "one stands twice".to_owned()));
            }
        }
        if report.denominators.is_some() && report.question.is_none() {
            return Err(wrong(place, "denominators", "they need a question that takes shares of them".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(reports: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schedule.yaml");
        std::fs::write(&file, format!("apiVersion: iam/v1\nkind: ReportSchedule\nreports:\n{reports}")).unwrap();
        match read(file, None).await {
            Ok(_) => String::new(),
            Err(failure) => {
                let mistakes: Vec<_> =
                    failure.mistakes.iter().map(|mistake| format!("{:?} {}", mistake.field.line, mistake.field.message)).collect();
                format!("{} {}", failure.message, mistakes.join("; "))
            }
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_before_anything_is_sent() {
        assert_eq!(refused("  - { name: lcq5, formats: [json, csv, md] }\n").await, "");
        for (reports, expected) in [
            ("  - { name: lcq5, formats: [] }\n", "at least one is wanted"),
            ("  - { name: ../lcq5, formats: [json] }\n", "lower-case letters"),
            ("  - { name: manifest, formats: [json] }\n", "the pack's own"),
            ("  - { name: a, formats: [json] }\n  - { name: a, formats: [csv] }\n", "stands twice"),
            ("  - { name: a, formats: [json, json] }\n", "stands twice"),
            ("  - { name: a, languages: [en, en], formats: [md] }\n", "stands twice"),
            ("  - { name: a, denominators: d.yaml, formats: [json] }\n", "need a question"),
            ("  - { name: a, question: gone.yaml, formats: [json] }\n", "gone.yaml"),
            ("  - { name: a, formats: [doc] }\n", "Some(4)"),
            ("  - { name: a, fromats: [json] }\n", "Some(4)"),
        ] {
            let told = refused(reports).await;
            assert!(told.contains(expected), "{reports}: {told}");
        }
    }
}
