//! QR codes (ISO/IEC 18004) as drawings that stand in the page itself.

use std::fmt::Write;

use anyhow::Context;
use qrcode::{Color, EcLevel, QrCode};

/// The light margin that a reader needs, in modules.
const MARGIN: usize = 4;

/// A text as an SVG element. `label` is what is read out in its place; it is escaped already.
///
/// # Errors
/// When the text is longer than a code holds.
pub fn svg(text: &str, label: &str) -> anyhow::Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).context("too long for a QR code")?;
    let (width, side) = (code.width(), code.width() + 2 * MARGIN);
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, other| one == other) {
            if run.first() == Some(&Color::Dark) {
                let length = run.len();
                let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + MARGIN, y + MARGIN);
            }
            x += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finder_in_the_corner_is_drawn_and_nothing_is_too_long_in_silence() {
        let drawn = svg("https://iam.example/app/link/AAAAAAAAAAAAAAAAAAAAAA", "a label").unwrap();
        assert!(drawn.contains("M4 4h7v1h-7z"), "seven dark modules begin the first row, behind the margin: {drawn}");
        assert!(drawn.contains("aria-label=\"a label\""));
        assert!(svg(&"x".repeat(4_000), "").is_err());
    }
}
