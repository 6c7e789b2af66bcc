//! A document as plain text, 80 columns wide where words allow it.

use client::width::{Align, columns, fit};

use crate::outline::{Block, Outline, Said, Table};

/// Columns of a line.
const WIDTH: usize = 80;

/// The document.
#[must_use]
pub fn text(outline: &Outline) -> String {
    let mut lines = Vec::new();
    for across in &outline.across {
        lines.push(format!("*** {} ***", across.line()));
        lines.push(String::new());
    }
    said(&mut lines, &outline.title, "");
    said(&mut lines, &outline.as_at, "");
    for block in &outline.blocks {
        match block {
            Block::Heading(words) => {
                lines.push(String::new());
                said(&mut lines, words, "");
                lines.push("-".repeat(words.0.first().map_or(0, |(_, text)| columns(text).min(WIDTH))));
            }
            Block::Asked(words) => said(&mut lines, words, "  "),
            Block::Sentence { text, exactly } => {
                lines.push(String::new());
                said(&mut lines, text, "");
                exactly.iter().for_each(|exactly| said(&mut lines, exactly, "  "));
            }
            Block::Table(table) => of_table(&mut lines, table),
            Block::Note(words) => said(&mut lines, words, "- "),
        }
    }
    lines.push(String::new());
    lines.extend(outline.foot.iter().cloned());
    lines.push(String::new());
    lines.join("\n")
}

fn said(lines: &mut Vec<String>, words: &Said, indent: &str) {
    lines.extend(words.0.iter().map(|(_, text)| format!("{indent}{text}")));
}

/// Names on the left, numbers on the right, each column as wide as it needs to be.
fn of_table(lines: &mut Vec<String>, table: &Table) {
    lines.push(String::new());
    said(lines, &table.title, "");
    let mut rows: Vec<Vec<String>> = vec![vec![String::new()]];
    rows[0].extend(table.columns.iter().map(Said::line));
    for row in &table.rows {
        let mut cells = vec![row.name.line()];
        cells.extend(row.cells.iter().map(crate::outline::Cell::shown));
        rows.push(cells);
    }
    let widths: Vec<usize> = (0..=table.columns.len())
        .map(|place| rows.iter().filter_map(|row| row.get(place)).map(|cell| columns(cell)).max().unwrap_or(0))
        .collect();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(place, (cell, width))| fit(cell, *width, if place == 0 { Align::Left } else { Align::Right }, ""))
            .collect();
        lines.push(format!("  {}", cells.join("  ")).trim_end().to_owned());
    }
    table.signs.iter().for_each(|sign| said(lines, sign, "  "));
}
