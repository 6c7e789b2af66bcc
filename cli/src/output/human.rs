//! For people: columns, records with their sections, lines, Markdown.

use std::io::{self, Write};

use client::safe::visible;
use client::tabular::{Line, Section};
use client::width::{self, Align};
use client::{Tabular, table};

use super::program::Part;
use super::{Columns, Style};
use crate::flags::Format;

/// Rows under headings; later pages stand under the columns of the first one.
pub fn rows<T: Tabular>(
    to: &mut dyn Write,
    style: &Style,
    columns: &Columns<T>,
    items: &[T],
    widths: &mut Vec<usize>,
    part: Part,
) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    if style.format == Format::Table && !columns.asked && items.iter().all(|item| item.lines().is_some()) {
        return items.iter().filter_map(Tabular::lines).try_for_each(|text| lines(to, style, &text));
    }
    let section = Section {
        title: String::new(),
        headings: columns.shown.iter().map(|column| (column.heading.to_owned(), column.kind.align())).collect(),
        rows: items.iter().map(|item| columns.shown.iter().map(|column| (column.people)(item)).collect()).collect(),
    };
    if widths.is_empty() {
        *widths = table::widths(&section);
    }
    let shown = table::with_widths(&section, style.look.room, widths);
    // The heading is one line unless the terminal is too narrow for it; it is told apart by being there or not.
    let headings = if part == Part::Later { heading_lines(&section, style, widths) } else { 0 };
    for (number, line) in shown.iter().enumerate().skip(headings) {
        if number == 0 { writeln!(to, "{}", style.look.heading(line))? } else { writeln!(to, "{line}")? }
    }
    Ok(())
}

fn heading_lines(section: &Section, style: &Style, widths: &[usize]) -> usize {
    let headings_only = Section { rows: Vec::new(), ..section.clone() };
    table::with_widths(&headings_only, style.look.room, widths).len()
}

/// One thing: its fields one below the other, then its sections.
pub fn one<T: Tabular>(to: &mut dyn Write, style: &Style, columns: &Columns<T>, item: &T) -> io::Result<()> {
    if !columns.asked
        && let Some(text) = item.verbatim()
    {
        return to.write_all(text.as_bytes());
    }
    if !columns.asked
        && let Some(text) = item.lines()
    {
        return lines(to, style, &text);
    }
    // A record has room below: what is wide in a list is shown here too, where there is something to show.
    let all = T::columns().iter().collect();
    let shown: &Vec<_> = if columns.asked { &columns.shown } else { &all };
    let room = shown.iter().map(|column| width::columns(column.heading)).max().unwrap_or_default();
    for column in shown {
        let value = (column.people)(item);
        if value.is_empty() && style.format == Format::Table && !columns.asked {
            continue;
        }
        let heading = width::fit(&capitalised(column.heading), room, Align::Left, "");
        writeln!(to, "{}", format!("{}  {}", style.look.faint(&heading), visible(&value)).trim_end())?;
    }
    if columns.asked {
        return Ok(());
    }
    for section in item.sections() {
        writeln!(to)?;
        writeln!(to, "{}", style.look.heading(&visible(&section.title)))?;
        for line in table::of(&section, style.look.room.map(|room| room.saturating_sub(2))) {
            writeln!(to, "{}", format!("  {line}").trim_end())?;
        }
    }
    Ok(())
}

/// Lines in their tones.
pub fn lines(to: &mut dyn Write, style: &Style, lines: &[Line]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(to, "{}", style.look.tone(line.tone, &visible(&line.text))))
}

/// `KID` -> `Kid`, `ACTIVE FROM` -> `Active from`.
fn capitalised(heading: &str) -> String {
    const KEPT: &[&str] = &["RP", "HKIC", "ID", "JWKS", "JWK", "CA", "TLS", "SHA-256"];
    let mut words = heading.split(' ').enumerate().map(|(number, word)| {
        if KEPT.contains(&word) {
            return word.to_owned();
        }
        let lower = word.to_lowercase();
        let mut characters = lower.chars();
        match characters.next() {
            Some(first) if number == 0 => first.to_uppercase().chain(characters).collect(),
            _ => lower,
        }
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |text, word| text + " " + &word)
}

/// Rows of a Markdown table.
pub fn markdown_rows<T: Tabular>(to: &mut dyn Write, columns: &Columns<T>, items: &[T], part: Part) -> io::Result<()> {
    if part != Part::Later {
        writeln!(to, "{}", table::markdown_row(columns.shown.iter().map(|column| column.heading)))?;
        writeln!(to, "{}", table::markdown_rule(columns.shown.iter().map(|column| column.kind.align())))?;
    }
    for item in items {
        let cells: Vec<String> = columns.shown.iter().map(|column| (column.people)(item)).collect();
        writeln!(to, "{}", table::markdown_row(cells.iter().map(String::as_str)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::capitalised;

    #[test]
    fn headings_become_labels() {
        assert_eq!(capitalised("KID"), "Kid");
        assert_eq!(capitalised("ACTIVE FROM"), "Active from");
        assert_eq!(capitalised("IN JWKS"), "In JWKS");
        assert_eq!(capitalised("RP"), "RP");
        assert_eq!(capitalised("機構"), "機構");
    }
}
