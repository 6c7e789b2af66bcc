//! A document as one HTML file: no script, nothing fetched from anywhere, charts drawn in place.

use std::fmt::Write as _;

use crate::chart::draw;
use crate::outline::{Block, Outline, Said, Table};
use crate::svg::{escaped, of};

const STYLE: &str = "
body { font-family: 'Noto Sans CJK HK', 'Noto Sans CJK TC', 'Noto Sans', sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #111; line-height: 1.5; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #bbb; }
p { margin: .5rem 0; } .zh { display: block; } .asked { color: #333; font-style: italic; } .exactly, .mark, footer { color: #555; font-size: .85rem; }
.across { border: 2px solid #a40000; color: #a40000; font-weight: bold; text-align: center; padding: .4rem; position: sticky; top: 0; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; } caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { border: 1px solid #bbb; padding: .25rem .5rem; text-align: left; vertical-align: top; } td { text-align: right; white-space: nowrap; }
thead th { background: #eee; } tr.total th, tr.total td { font-weight: bold; border-top: 2px solid #555; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; } li { margin: .3rem 0; font-size: .9rem; }
.digest { word-break: break-all; }
.water { display: none; }
@media print { .across { position: static; } .water { display: block; position: fixed; top: 40%; left: 0; right: 0; text-align: center; font-size: 48pt; color: rgba(164,0,0,.16); transform: rotate(-30deg); } h2, caption { break-after: avoid; } tr, figure { break-inside: avoid; } }
";

/// The document.
#[must_use]
pub fn html(outline: &Outline) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        outline.language.tag(),
        escaped(&outline.title.line())
    );
    for across in &outline.across {
        let _ = writeln!(
            text,
            "<p class=\"across\">{}</p>\n<div class=\"water\" aria-hidden=\"true\">{0}</div>",
            escaped(&across.line())
        );
    }
    let _ = writeln!(text, "<h1>{}</h1>\n<p>{}</p>", spans(&outline.title), spans(&outline.as_at));
    let mut in_list = false;
    for block in &outline.blocks {
        if in_list && !matches!(block, Block::Note(_)) {
            text.push_str("</ul>\n");
            in_list = false;
        }
        let _ = match block {
            Block::Heading(said) => writeln!(text, "<h2>{}</h2>", spans(said)),
            Block::Asked(said) => writeln!(text, "<p class=\"asked\">{}</p>", spans(said)),
            Block::Sentence { text: said, exactly } => {
                let exactly = exactly
                    .as_ref()
                    .map(|exactly| format!("<br><span class=\"exactly\">{}</span>", spans(exactly)))
                    .unwrap_or_default();
                writeln!(text, "<p>{}{exactly}</p>", spans(said))
            }
            Block::Table(table) => writeln!(text, "{}", of_table(table)),
            Block::Note(said) => {
                if !in_list {
                    text.push_str("<ul>\n");
                    in_list = true;
                }
                writeln!(text, "<li>{}</li>", spans(said))
            }
        };
    }
    if in_list {
        text.push_str("</ul>\n");
    }
    text.push_str("<footer>\n");
    for line in &outline.foot {
        let _ = writeln!(text, "<p class=\"digest\">{}</p>", escaped(line));
    }
    text.push_str("</footer>\n</body>\n</html>\n");
    text
}

/// Each language in an element of its own, which says which it is.
fn spans(said: &Said) -> String {
    let span = |(place, (tag, text)): (usize, &(&str, String))| {
        let class = if place > 0 { " class=\"zh\"" } else { "" };
        format!("<span lang=\"{tag}\"{class}>{}</span>", escaped(text))
    };
    said.0.iter().enumerate().map(span).collect()
}

fn of_table(table: &Table) -> String {
    let mut text = format!("<table>\n<caption>{}</caption>\n<thead><tr><th></th>", spans(&table.title));
    for column in &table.columns {
        let _ = write!(text, "<th scope=\"col\">{}</th>", spans(column));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        let class = if row.total { " class=\"total\"" } else { "" };
        let _ = write!(text, "<tr{class}><th scope=\"row\">{}</th>", spans(&row.name));
        for cell in &row.cells {
            let _ = write!(text, "<td>{}</td>", escaped(&cell.shown()));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n");
    for sign in &table.signs {
        let _ = writeln!(text, "<p class=\"mark\">{}</p>", spans(sign));
    }
    if let Some(drawing) = draw(table) {
        let _ = writeln!(text, "<figure>{}</figure>", of(&drawing, &table.title.line()));
    }
    text
}
