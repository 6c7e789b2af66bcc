//! Tables for people: columns without borders, ASCII only, as wide as the terminal at most.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::safe::visible;
use crate::tabular::Section;
use crate::width::{self, Align};

/// Lines of a table, heading first, no spaces at their ends. `room` is the terminal's width; cells are wrapped to fit.
#[must_use]
pub fn of(section: &Section, room: Option<u16>) -> Vec<String> {
    with_widths(section, room, &[])
}

/// The same with columns at least so wide: later pages of a list stand under the first one.
#[must_use]
pub fn with_widths(section: &Section, room: Option<u16>, widths: &[usize]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_truncation_indicator("...");
    match room {
        Some(room) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(room),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    let titled = section.headings.iter().any(|(heading, _)| !heading.is_empty());
    if titled {
        table.set_header(section.headings.iter().map(|(heading, _)| heading.as_str()));
    }
    for row in &section.rows {
        table.add_row(row.iter().map(|cell| visible(cell).into_owned()));
    }
    let last = table.column_count().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        // Nothing stands to the right of the last one, so that nothing has to be left free there.
        let apart = if number == last { 0 } else { 2 };
        column.set_padding((0, apart));
        if section.headings.get(number).is_some_and(|(_, align)| *align == Align::Right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if let Some(width) = widths.get(number).and_then(|width| u16::try_from(width + usize::from(apart)).ok()) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// How wide each column of a table wants to be.
#[must_use]
pub fn widths(section: &Section) -> Vec<usize> {
    let mut widths: Vec<usize> = section.headings.iter().map(|(heading, _)| width::columns(heading)).collect();
    for row in &section.rows {
        for (number, cell) in row.iter().enumerate() {
            let wanted = width::columns(&visible(cell));
            match widths.get_mut(number) {
                Some(width) => *width = (*width).max(wanted),
                None => widths.push(wanted),
            }
        }
    }
    widths
}

/// A row of a Markdown table; pipes in cells are escaped.
pub fn markdown_row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut row = String::from("|");
    for cell in cells {
        row.push(' ');
        row.push_str(&visible(cell).replace('|', "\\|"));
        row.push_str(" |");
    }
    row
}

/// The line between the headings and the rows of a Markdown table.
pub fn markdown_rule(aligns: impl Iterator<Item = Align>) -> String {
    let mut rule = String::from("|");
    for align in aligns {
        rule.push_str(match align {
            Align::Left => " --- |",
            Align::Right => " ---: |",
        });
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        Section {
            title: String::new(),
            headings: vec![("RP".into(), Align::Left), ("NAME".into(), Align::Left), ("SERVICES".into(), Align::Right)],
            rows: vec![
                vec!["ird".into(), "稅務局".into(), "4".into()],
                vec!["hostile\u{1b}[2J".into(), "Immigration Department".into(), "12".into()],
            ],
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let lines = of(&section(), None);
        assert_eq!(
            lines,
            [
                "RP                NAME                    SERVICES",
                "ird               稅務局                         4",
                "hostile\\u{1b}[2J  Immigration Department        12",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_cells() {
        let lines = of(&section(), Some(40));
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| width::columns(line) <= 40), "{lines:#?}");
    }

    #[test]
    fn a_later_page_keeps_the_columns_of_the_first() {
        let later = Section { rows: vec![vec!["a".into(), "b".into(), "1".into()]], ..section() };
        let lines = with_widths(&later, None, &widths(&section()));
        assert_eq!(lines.last().map(String::as_str), Some("a                 b                              1"));
    }
}
