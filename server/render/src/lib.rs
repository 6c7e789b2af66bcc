//! A reply to the Legislative Council as a document: text, Markdown, HTML with charts, PDF, and a workbook.
//!
//! Invariant: the same reply, language and font give the same bytes. Nothing here asks for the time or for chance; documents are
//! dated by the day that the reply is known at.
//! Invariant: a reply is laid out once ([`Outline`]) and written by each format from that; no format counts or rounds anything.

mod chart;
mod font;
mod html;
mod markdown;
mod outline;
mod pdf;
mod svg;
mod text;
mod words;
mod xlsx;

pub use font::{FontError, Fonts};
pub use html::html;
pub use markdown::markdown;
pub use outline::{Block, Cell, Language, Outline, Row, Said, Table, Without};
pub use pdf::pdf;
pub use svg::svg;
pub use text::text;
pub use xlsx::xlsx;

/// Why a document could not be made. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The PDF library refused; a fault of ours.
    #[error("the PDF cannot be made: {0}")]
    Pdf(String),
    /// The workbook library refused; a fault of ours.
    #[error("the workbook cannot be made: {0}")]
    Workbook(String),
}
