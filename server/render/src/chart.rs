//! A chart as rectangles, lines and texts: drawn once, written as SVG and into PDF alike.

use api::stats::{Chart, Unit};
use domain::spaced;

use crate::outline::Table;

/// Points wide.
pub(crate) const WIDTH: f32 = 480.0;

/// Colours of the series, told apart in grey too.
pub(crate) const COLOURS: [[u8; 3]; 4] = [[0, 84, 122], [196, 112, 0], [92, 92, 92], [120, 40, 110]];

/// A drawn chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    /// Points high.
    pub height: f32,
    /// What is drawn, the first below.
    pub shapes: Vec<Shape>,
    /// What it shows, for who cannot see it.
    pub alt: String,
}

/// Something drawn; x to the right, y downwards, points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Bar { x: f32, y: f32, width: f32, height: f32, series: usize },
    Line { points: Vec<(f32, f32)>, series: usize },
    Rule { from: (f32, f32), to: (f32, f32) },
    Text { x: f32, y: f32, size: f32, anchor: Anchor, text: String },
}

/// Which point of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Draws a table; none where it has no chart, or nothing that could be drawn.
pub(crate) fn draw(table: &Table) -> Option<Drawing> {
    let series: Vec<usize> = table
        .units
        .iter()
        .enumerate()
        .filter(|(_, unit)| **unit == Unit::Count)
        .map(|(place, _)| place)
        .take(COLOURS.len())
        .collect();
    let rows: Vec<Drawn<'_>> = table
        .rows
        .iter()
        .filter(|row| !row.total)
        .map(|row| Drawn {
            id: &row.id,
            name: row.name.0.first().map_or("", |(_, text)| text),
            values: series.iter().map(|place| row.cells.get(*place)?.value).collect(),
        })
        .collect();
    let highest = rows.iter().flat_map(|row| row.values.iter().flatten()).copied().max().filter(|highest| *highest > 0)?;
    let mut drawing = match table.chart? {
        Chart::Bar => bars(&rows, highest),
        Chart::Line => lines(&rows, series.len(), highest)?,
    };
    legend(&mut drawing, table, &series);
    drawing.alt = alt(table, &rows);
    Some(drawing)
}

struct Drawn<'t> {
    id: &'t str,
    name: &'t str,
    values: Vec<Option<u64>>,
}

/// Lengths are sums of few and large numbers: what f32 loses is less than a hundredth of a point.
fn part(value: u64, highest: u64, length: f32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a length on paper")]
    let share = value as f64 / highest as f64;
    #[expect(clippy::cast_possible_truncation, reason = "a length on paper")]
    let share = share as f32;
    share * length
}

/// A bar a row and series, each with its number.
fn bars(rows: &[Drawn<'_>], highest: u64) -> Drawing {
    const NAMES: f32 = 150.0;
    const BAR: f32 = 11.0;
    let mut shapes = Vec::new();
    let mut y = 4.0;
    for row in rows {
        let middle = y + BAR * small(row.values.len()) / 2.0 + 3.0;
        shapes.push(Shape::Text { x: NAMES - 6.0, y: middle, size: 8.0, anchor: Anchor::End, text: shortened(row.name, 30) });
        for (series, value) in row.values.iter().enumerate() {
            let width = value.map_or(0.0, |value| part(value, highest, WIDTH - NAMES - 70.0));
            shapes.push(Shape::Bar { x: NAMES, y, width, height: BAR - 2.0, series });
            let text = value.map_or_else(|| "–".to_owned(), spaced);
            shapes.push(Shape::Text { x: NAMES + width + 4.0, y: y + 7.5, size: 7.5, anchor: Anchor::Start, text });
            y += BAR;
        }
        y += 5.0;
    }
    shapes.push(Shape::Rule { from: (NAMES, 0.0), to: (NAMES, y) });
    Drawing { height: y, shapes, alt: String::new() }
}

/// A line a series along the rows; a gap where a number is suppressed.
fn lines(rows: &[Drawn<'_>], series: usize, highest: u64) -> Option<Drawing> {
    const LEFT: f32 = 62.0;
    const HIGH: f32 = 130.0;
    if rows.len() < 2 {
        return None;
    }
    let top = nice(highest);
    let step = (WIDTH - LEFT - 20.0) / small(rows.len() - 1);
    let mut shapes = Vec::new();
    for quarter in 0..=4_u8 {
        let y = 8.0 + HIGH - HIGH * f32::from(quarter) / 4.0;
        shapes.push(Shape::Rule { from: (LEFT, y), to: (WIDTH - 20.0, y) });
        let text = spaced(top / 4 * u64::from(quarter));
        shapes.push(Shape::Text { x: LEFT - 5.0, y: y + 2.5, size: 7.5, anchor: Anchor::End, text });
    }
    // By the id, `2022-05`: names of months are too long to stand side by side.
    let every = rows.len().div_ceil(9);
    for (place, row) in rows.iter().enumerate().filter(|(place, _)| place % every == 0) {
        let x = LEFT + step * small(place);
        shapes.push(Shape::Text { x, y: HIGH + 20.0, size: 7.5, anchor: Anchor::Middle, text: shortened(row.id, 14) });
    }
    for series in 0..series {
        let mut points = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            match row.values.get(series).copied().flatten() {
                Some(value) => points.push((LEFT + step * small(place), 8.0 + HIGH - part(value, top, HIGH))),
                None if points.is_empty() => {}
                None => shapes.push(Shape::Line { points: std::mem::take(&mut points), series }),
            }
        }
        if !points.is_empty() {
            shapes.push(Shape::Line { points, series });
        }
    }
    Some(Drawing { height: HIGH + 28.0, shapes, alt: String::new() })
}

/// Which colour is which column, where there are several.
fn legend(drawing: &mut Drawing, table: &Table, series: &[usize]) {
    if series.len() < 2 {
        return;
    }
    let y = drawing.height + 4.0;
    let each = WIDTH / small(series.len());
    for (number, place) in series.iter().enumerate() {
        let x = each * small(number);
        drawing.shapes.push(Shape::Bar { x, y, width: 9.0, height: 9.0, series: number });
        let text = table.columns.get(*place).map(|column| shortened(&column.line(), 40)).unwrap_or_default();
        drawing.shapes.push(Shape::Text { x: x + 13.0, y: y + 7.5, size: 7.5, anchor: Anchor::Start, text });
    }
    drawing.height += 18.0;
}

fn alt(table: &Table, rows: &[Drawn<'_>]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let values: Vec<String> = row.values.iter().map(|value| value.map_or_else(|| "–".to_owned(), spaced)).collect();
            format!("{}: {}", row.name, values.join(", "))
        })
        .collect();
    format!("{}. {}", table.title.line(), rows.join("; "))
}

/// Counts of rows and series are small.
fn small(count: usize) -> f32 {
    u16::try_from(count).map_or(f32::MAX, f32::from)
}

/// The next number that four lines part well.
fn nice(highest: u64) -> u64 {
    let mut unit = 4_u64;
    loop {
        for factor in [1, 2, 5] {
            match unit.checked_mul(factor) {
                Some(top) if top >= highest => return top,
                Some(_) => {}
                None => return highest,
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return highest,
        }
    }
}

fn shortened(text: &str, most: usize) -> String {
    client::width::truncate(text, most, "…")
}
