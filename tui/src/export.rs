//! The reply to the Legislative Council, written to a file as the file's ending says.

use std::path::{Path, PathBuf};

use api::stats::LegcoReply;
use client::Tabular;
use client::files::write_private;
use client::sheet::SheetWriter;
use client::surroundings::report_font;
use render::{Fonts, Language, Outline};

use crate::event::Trouble;

/// Writes it, in both languages, whole or not at all; gives its length. A file that is there is left as it is.
///
/// # Errors
/// When there is a file of that name, no font for a PDF, or no room.
pub(crate) async fn export(reply: LegcoReply, file: PathBuf) -> Result<u64, Box<Trouble>> {
    let done = tokio::task::spawn_blocking(move || write(&reply, &file)).await;
    done.map_err(|error| trouble("internal", &error.to_string(), "nothing was written"))?
}

/// Whether there is room for it; asked before the server is.
///
/// # Errors
/// When there is a file of that name, or no font for a PDF.
pub(crate) fn possible(file: &Path) -> Result<(), Box<Trouble>> {
    if file.symlink_metadata().is_ok() {
        let message = format!("there is {} already, and it is not written over", file.display());
        return Err(trouble("report.exists", &message, "choose another name"));
    }
    if file.extension().is_some_and(|ending| ending == "pdf") {
        fonts()?;
    }
    Ok(())
}

fn fonts() -> Result<Fonts, Box<Trouble>> {
    Fonts::find(report_font().as_deref())
        .map_err(|error| trouble("report.no-font", &error.to_string(), "apt-get install fonts-noto-cjk"))
}

fn trouble(code: &str, message: &str, hint: &str) -> Box<Trouble> {
    Box::new(Trouble::here(code, message, hint))
}

fn write(reply: &LegcoReply, file: &Path) -> Result<u64, Box<Trouble>> {
    possible(file)?;
    let outline = Outline::of(reply, Language::Both);
    let unmade = |error: render::RenderError| trouble("internal", &error.to_string(), "other formats are made otherwise");
    let bytes = match file.extension().and_then(|ending| ending.to_str()) {
        Some("pdf") => render::pdf(&outline, &fonts()?).map_err(unmade)?,
        Some("xlsx") => render::xlsx(&outline).map_err(unmade)?,
        Some("html") => render::html(&outline).into_bytes(),
        Some("md") => render::markdown(&outline).into_bytes(),
        Some("csv") => {
            let mut bytes = Vec::new();
            let written = reply.sheet().map_or(Ok(()), |sheet| SheetWriter::new(&mut bytes).report(&sheet));
            written.map_err(|error| trouble("internal", &error.to_string(), "nothing was written"))?;
            bytes
        }
        Some("json") => {
            let text = serde_json::to_string_pretty(reply);
            text.map_err(|error| trouble("internal", &error.to_string(), "nothing was written"))?.into_bytes()
        }
        _ => render::text(&outline).into_bytes(),
    };
    write_private(file, &bytes).map_err(|fault| trouble("report.write", &fault.to_string(), "nothing was written"))?;
    Ok(bytes.len() as u64)
}
