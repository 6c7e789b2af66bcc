//! Where everything stands: pages of texts, lines and charts, each with its place in what is read.

use super::paper::{BOTTOM, LEADING, ROOM, SIDE, TOP};
use super::text::{Faces, Letters};
use crate::chart::{Drawing, WIDTH as CHART, draw};
use crate::outline::{Block, Outline, Said, Table};

/// What an element is to who has it read aloud.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Role {
    Heading(u16, String),
    Paragraph,
    Table,
    Head,
    Body,
    Row,
    HeadCell,
    RowCell,
    Cell,
    Figure(String),
}

/// An element and the one that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) role: Role,
    pub(super) within: Option<usize>,
    pub(super) language: &'static str,
}

/// Something on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Text { x: f32, y: f32, size: f32, bold: bool, grey: u8, text: String, element: usize },
    Rule { from: (f32, f32), to: (f32, f32) },
    Chart { x: f32, y: f32, drawing: Drawing, element: usize },
}

/// The document on its pages.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) pages: Vec<Vec<Item>>,
    pub(super) elements: Vec<Element>,
}

struct Pen<'a, 'f> {
    laid: Laid,
    y: f32,
    faces: &'a Faces<'f>,
}

/// Lays a document out.
pub(super) fn layout(outline: &Outline, faces: &Faces<'_>) -> Laid {
    let mut pen = Pen { laid: Laid { pages: vec![Vec::new()], elements: Vec::new() }, y: TOP, faces };
    pen.said(&outline.title, Look { size: 17.0, bold: true, grey: 0 }, Some(1));
    pen.said(&outline.as_at, Look { size: 10.0, bold: false, grey: 70 }, None);
    for block in &outline.blocks {
        match block {
            Block::Heading(said) => {
                pen.space(12.0);
                pen.keep(46.0);
                pen.said(said, Look { size: 12.0, bold: true, grey: 0 }, Some(2));
            }
            Block::Asked(said) => pen.said(said, Look { size: 9.5, bold: false, grey: 70 }, None),
            Block::Sentence { text, exactly } => {
                pen.space(4.0);
                pen.said(text, Look { size: 10.5, bold: false, grey: 0 }, None);
                if let Some(exactly) = exactly {
                    pen.said(exactly, Look { size: 8.0, bold: false, grey: 100 }, None);
                }
            }
            Block::Table(table) => pen.table(table),
            Block::Note(said) => {
                pen.space(2.0);
                pen.said(said, Look { size: 8.5, bold: false, grey: 40 }, None);
            }
        }
    }
    pen.laid
}

#[derive(Clone, Copy)]
struct Look {
    size: f32,
    bold: bool,
    grey: u8,
}

/// Room in a cell, left, right, above and below.
const PAD: f32 = 3.5;
/// Letters of a table.
const TABLE: f32 = 8.5;

impl<'f> Pen<'_, 'f> {
    fn letters(&self, bold: bool) -> &Letters<'f> {
        if bold { &self.faces.bold } else { &self.faces.regular }
    }

    fn element(&mut self, role: Role, within: Option<usize>, language: &'static str) -> usize {
        self.laid.elements.push(Element { role, within, language });
        self.laid.elements.len() - 1
    }

    fn put(&mut self, item: Item) {
        if let Some(page) = self.laid.pages.last_mut() {
            page.push(item);
        }
    }

    fn turn(&mut self) {
        self.laid.pages.push(Vec::new());
        self.y = TOP;
    }

    /// Goes on to the next page where there is not so much room left.
    fn keep(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.turn();
        }
    }

    fn space(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    /// Each language in a paragraph of its own, or in a heading.
    fn said(&mut self, said: &Said, look: Look, heading: Option<u16>) {
        for (language, text) in &said.0 {
            let role = heading.map_or(Role::Paragraph, |level| Role::Heading(level, text.clone()));
            let element = self.element(role, None, language);
            for line in self.letters(look.bold).lines(text, look.size, ROOM) {
                self.keep(look.size * LEADING);
                self.y += look.size * LEADING;
                let y = self.y - look.size * (LEADING - 1.0);
                self.put(Item::Text { x: SIDE, y, size: look.size, bold: look.bold, grey: look.grey, text: line, element });
            }
        }
    }

    fn table(&mut self, table: &Table) {
        self.space(8.0);
        self.keep(90.0);
        self.said(&table.title, Look { size: 10.0, bold: true, grey: 0 }, Some(3));
        self.y += 3.0;
        let widths = widths(table);
        let language = table.title.0.first().map_or("en", |(tag, _)| *tag);
        let whole = self.element(Role::Table, None, language);
        let head = self.element(Role::Head, Some(whole), language);
        let body = self.element(Role::Body, Some(whole), language);
        let mut heads = vec![Vec::new()];
        heads.extend(table.columns.iter().map(|column| column.0.iter().map(|(_, text)| text.clone()).collect()));
        let heads = Line { cells: heads, bold: true, role: Role::HeadCell };
        self.line(&heads, &widths, head, language);
        let mut page = self.laid.pages.len();
        for row in &table.rows {
            let mut cells: Vec<Vec<String>> = vec![row.name.0.iter().map(|(_, text)| text.clone()).collect()];
            cells.extend(row.cells.iter().map(|cell| vec![cell.shown()]));
            let line = Line { cells, bold: row.total, role: Role::Cell };
            let height = self.height(&line, &widths);
            if self.y + height > BOTTOM {
                self.turn();
            }
            if self.laid.pages.len() != page {
                // The heading stands on each page; it is read once.
                self.again(&heads, &widths);
                page = self.laid.pages.len();
            }
            self.line(&line, &widths, body, language);
        }
        for sign in &table.signs {
            self.said(sign, Look { size: 8.0, bold: false, grey: 70 }, None);
        }
        if let Some(drawing) = draw(table) {
            self.space(8.0);
            self.keep(drawing.height + 4.0);
            let element = self.element(Role::Figure(drawing.alt.clone()), None, language);
            let height = drawing.height;
            let (x, y) = (SIDE + (ROOM - CHART).max(0.0) / 2.0, self.y);
            self.put(Item::Chart { x, y, drawing, element });
            self.y += height + 4.0;
        }
    }

    /// The lines of each cell.
    fn broken(&self, line: &Line, widths: &[f32]) -> Vec<Vec<String>> {
        let letters = self.letters(line.bold);
        let broken = |(texts, width): (&Vec<String>, &f32)| {
            texts.iter().flat_map(|text| letters.lines(text, TABLE, width - 2.0 * PAD)).collect()
        };
        line.cells.iter().zip(widths).map(broken).collect()
    }

    fn height(&self, line: &Line, widths: &[f32]) -> f32 {
        let lines = self.broken(line, widths).iter().map(Vec::len).max().unwrap_or(1).max(1);
        TABLE * 1.3 * u16::try_from(lines).map_or(1.0, f32::from) + 2.0 * PAD
    }

    fn line(&mut self, line: &Line, widths: &[f32], within: usize, language: &'static str) {
        let row = self.element(Role::Row, Some(within), language);
        let elements: Vec<usize> = (0..line.cells.len())
            .map(|place| {
                let role = if place == 0 && line.role == Role::Cell { Role::RowCell } else { line.role.clone() };
                self.element(role, Some(row), language)
            })
            .collect();
        self.write(line, widths, &elements);
    }

    /// A heading once more, for the eye: it belongs to the elements that were read before.
    fn again(&mut self, heads: &Line, widths: &[f32]) {
        self.write(heads, widths, &[]);
    }

    fn write(&mut self, line: &Line, widths: &[f32], elements: &[usize]) {
        let height = self.height(line, widths);
        let mut x = SIDE;
        for (place, (texts, width)) in self.broken(line, widths).into_iter().zip(widths).enumerate() {
            for (number, text) in (0_u16..).zip(texts) {
                let right = if place == 0 { 0.0 } else { width - 2.0 * PAD - self.letters(line.bold).width(&text, TABLE) };
                let y = self.y + PAD + TABLE + TABLE * 1.3 * f32::from(number);
                let element = elements.get(place).copied().unwrap_or(usize::MAX);
                self.put(Item::Text { x: x + PAD + right, y, size: TABLE, bold: line.bold, grey: 0, text, element });
            }
            x += width;
        }
        self.y += height;
        self.put(Item::Rule { from: (SIDE, self.y), to: (SIDE + ROOM, self.y) });
    }
}

/// A row as it is written.
struct Line {
    cells: Vec<Vec<String>>,
    bold: bool,
    role: Role,
}

/// The names take what the numbers leave, at least a third.
fn widths(table: &Table) -> Vec<f32> {
    let columns = u16::try_from(table.columns.len()).map_or(1.0, f32::from).max(1.0);
    let each = (ROOM * 0.66 / columns).min(92.0);
    let mut widths = vec![ROOM - each * columns];
    widths.extend(table.columns.iter().map(|_| each));
    widths
}
