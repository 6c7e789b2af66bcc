//! A document as Markdown (CommonMark, with the tables of GitHub's dialect).

use std::fmt::Write as _;

use client::table::{markdown_row, markdown_rule};
use client::width::Align;

use crate::outline::{Block, Cell, Outline, Said, Table};

/// The document.
#[must_use]
pub fn markdown(outline: &Outline) -> String {
    let mut text = format!("# {}\n\n", escaped(&outline.title.line()));
    for across in &outline.across {
        let _ = writeln!(text, "**{}**\n", escaped(&across.line()));
    }
    let _ = writeln!(text, "{}\n", broken(&outline.as_at));
    let mut listed = false;
    for block in &outline.blocks {
        if std::mem::take(&mut listed) && !matches!(block, Block::Note(_)) {
            text.push('\n');
        }
        let _ = match block {
            Block::Heading(said) => writeln!(text, "## {}\n", escaped(&said.line())),
            Block::Asked(said) => writeln!(text, "{}\n", each(said, |words| format!("*{}*", escaped(words)))),
            Block::Sentence { text: said, exactly } => {
                // The hard breaks keep both languages and the number together.
                let exactly = exactly.iter().map(|exactly| format!("\\\n{}", broken(exactly))).collect::<String>();
                writeln!(text, "{}{exactly}\n", broken(said))
            }
            Block::Table(table) => writeln!(text, "{}", of_table(table)),
            Block::Note(said) => {
                listed = true;
                writeln!(text, "- {}", broken(said).replace('\n', "\n  "))
            }
        };
    }
    text.push('\n');
    let foot: Vec<String> = outline.foot.iter().map(|line| escaped(line)).collect();
    let _ = writeln!(text, "{}", foot.join("\\\n"));
    text
}

fn broken(said: &Said) -> String {
    each(said, escaped)
}

/// Each language on a line of its own.
fn each(said: &Said, as_text: impl Fn(&str) -> String) -> String {
    said.0.iter().map(|(_, words)| as_text(words)).collect::<Vec<_>>().join("\\\n")
}

fn of_table(table: &Table) -> String {
    let mut text = format!("### {}\n\n", escaped(&table.title.line()));
    let headings: Vec<String> = std::iter::once(String::new()).chain(table.columns.iter().map(Said::line)).collect();
    let aligns = std::iter::once(Align::Left).chain(table.columns.iter().map(|_| Align::Right));
    let _ = writeln!(text, "{}", markdown_row(headings.iter().map(String::as_str)));
    let _ = writeln!(text, "{}", markdown_rule(aligns));
    for row in &table.rows {
        let cells: Vec<String> = std::iter::once(row.name.line()).chain(row.cells.iter().map(Cell::shown)).collect();
        let _ = writeln!(text, "{}", markdown_row(cells.iter().map(String::as_str)));
    }
    for sign in &table.signs {
        let _ = write!(text, "\n{}\n", broken(sign));
    }
    text
}

/// Words as words, whatever signs are in them.
fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for sign in words.chars() {
        if matches!(sign, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&') {
            text.push('\\');
        }
        text.push(sign);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(escaped("a *b* [c](d) <e> 智方便+"), r"a \*b\* \[c\](d) \<e\> 智方便+");
    }
}
