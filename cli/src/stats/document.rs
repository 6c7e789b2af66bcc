//! A report as a document: which one was asked for, and where it goes.

use std::path::PathBuf;

use api::Exit;
use api::stats::LegcoReply;
use client::files::{FileFault, write_private};
use render::{Fonts, Language, Outline};

use crate::failure::{Failure, NOTHING_SENT};
use crate::flags::Format;
use crate::output::{Answer, Body};
use crate::session::Session;
use crate::stats::legco::Legco;
use crate::verb::Verb;

/// A document that was asked for. Its font is found before anything is sent.
pub struct Document {
    format: Format,
    language: Language,
    to: Option<PathBuf>,
    fonts: Option<Fonts>,
}

impl Document {
    /// What `-o` asks for, and text where a language is asked for alone; none where it is no document.
    ///
    /// # Errors
    /// When a terminal would get what is no text, when there is no font, or when `--to` stands without a document.
    pub fn wanted(
        session: &Session,
        language: Option<Language>,
        to: Option<PathBuf>,
        font: Option<PathBuf>,
    ) -> Result<Option<Self>, Failure> {
        let asked = match session.flags.output {
            // The screen has both languages side by side, and no other way.
            None | Some(Format::Table | Format::Wide) if language.is_some() => Some(Format::Text),
            asked => asked,
        };
        let Some(format) = asked.filter(|format| <Legco as Verb>::DOCUMENTS.contains(format)) else {
            return match to {
                Some(_) => Err(Failure::usage("usage.no-document", "'--to' takes a document")
                    .changed(NOTHING_SENT)
                    .hint("say which: '-o text', '-o md', '-o html', '-o pdf' or '-o xlsx'")),
                None => Ok(None),
            };
        };
        if format.is_binary() && to.is_none() && session.terminal.output {
            return Err(Failure::usage("usage.binary-to-terminal", "a terminal is no place for a PDF or a workbook")
                .changed(NOTHING_SENT)
                .hint("'--to FILE', or redirect standard output"));
        }
        let fonts = match format {
            Format::Pdf => Some(Fonts::find(font.as_deref()).map_err(no_font)?),
            _ => None,
        };
        Ok(Some(Self { format, language: language.unwrap_or(Language::Both), to, fonts }))
    }

    /// The document of a reply, on its way to standard output or in its file.
    ///
    /// # Errors
    /// When it cannot be made or written; what was in its place is untouched then.
    pub fn answer(self, reply: &LegcoReply) -> Result<Answer<LegcoReply>, Failure> {
        let bytes = made(reply, self.language, self.format, self.fonts.as_ref())?;
        let Some(to) = self.to else { return Ok(Answer::of(Body::Document(bytes))) };
        write_private(&to, &bytes).map_err(unwritten)?;
        Ok(Answer::of(Body::Elsewhere).tell(format!("{} bytes are in {}", bytes.len(), to.display())))
    }
}

/// A reply in a language and a format of documents.
///
/// # Errors
/// When it cannot be made.
pub fn made(reply: &LegcoReply, language: Language, format: Format, fonts: Option<&Fonts>) -> Result<Vec<u8>, Failure> {
    let outline = Outline::of(reply, language);
    Ok(match (format, fonts) {
        (Format::Pdf, Some(fonts)) => render::pdf(&outline, fonts).map_err(unmade)?,
        (Format::Pdf, None) => return Err(no_font(render::FontError::None)),
        (Format::Xlsx, _) => render::xlsx(&outline).map_err(unmade)?,
        (Format::Html, _) => render::html(&outline).into_bytes(),
        (Format::Md, _) => render::markdown(&outline).into_bytes(),
        _ => render::text(&outline).into_bytes(),
    })
}

/// What is said where a PDF is wanted and there is no font for it.
pub fn no_font(error: render::FontError) -> Failure {
    Failure::new(Exit::Failed, "report.no-font", error.to_string())
        .changed(NOTHING_SENT)
        .hint("apt-get install fonts-noto-cjk; or name a font with --font FILE or IAMCTL_REPORT_FONT")
}

/// What is said of a document that cannot be written.
pub fn unwritten(fault: FileFault) -> Failure {
    Failure::new(Exit::Failed, "report.write", fault.to_string()).hint("what was there is untouched")
}

fn unmade(error: render::RenderError) -> Failure {
    Failure::new(Exit::Failed, "internal", error.to_string()).hint("'-o html' and '-o json' are made in other ways")
}
