//! A chart as SVG 1.1, with its description for who cannot see it.

use std::fmt::Write as _;

use crate::chart::{Anchor, COLOURS, Drawing, Shape, WIDTH, draw};
use crate::outline::Table;

/// The chart of a table as a document of its own; none where it has no chart or nothing to draw.
#[must_use]
pub fn svg(table: &Table) -> Option<String> {
    draw(table).map(|drawing| of(&drawing, &table.title.line()))
}

pub(crate) fn of(drawing: &Drawing, title: &str) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         font-family=\"'Noto Sans CJK HK','Noto Sans CJK TC',sans-serif\">\n<title>{}</title>\n<desc>{}</desc>\n",
        escaped(title),
        escaped(&drawing.alt),
        height = number(drawing.height),
    );
    for shape in &drawing.shapes {
        let _ = match shape {
            Shape::Bar { x, y, width, height, series } => writeln!(
                text,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
                number(*x),
                number(*y),
                number(*width),
                number(*height),
                colour(*series)
            ),
            Shape::Line { points, series } => {
                let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
                writeln!(
                    text,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>",
                    points.join(" "),
                    colour(*series)
                )
            }
            Shape::Rule { from, to } => writeln!(
                text,
                "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#bbb\" stroke-width=\"0.6\"/>",
                number(from.0),
                number(from.1),
                number(to.0),
                number(to.1)
            ),
            Shape::Text { x, y, size, anchor, text: words } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                writeln!(
                    text,
                    "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                    number(*x),
                    number(*y),
                    number(*size),
                    escaped(words)
                )
            }
        };
    }
    text.push_str("</svg>\n");
    text
}

fn colour(series: usize) -> String {
    let [red, green, blue] = COLOURS[series % COLOURS.len()];
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Two decimals at most.
fn number(value: f32) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text for XML and HTML, attributes included.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
