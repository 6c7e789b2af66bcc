//! A document as a workbook: a sheet of sentences, then a sheet for each table, with a chart of Excel's own.
//!
//! Texts are written as texts and never as formulas, whatever they begin with; numbers are numbers.

use api::stats::{Chart as Kind, Unit};
use rust_xlsxwriter::{Chart, ChartType, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use crate::RenderError;
use crate::outline::{Block, Outline, Said, Table};

/// The longest name of a sheet that Excel takes.
const LONGEST_NAME: usize = 31;

/// The workbook.
///
/// # Errors
/// When the library refuses, which is a fault of ours.
pub fn xlsx(outline: &Outline) -> Result<Vec<u8>, RenderError> {
    write(outline).map_err(|error| RenderError::Workbook(error.to_string()))
}

fn write(outline: &Outline) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let (year, month, day) =
        (outline.known_at.year(), outline.known_at.month().number().rem_euclid(12) + 1, outline.known_at.day_of_month());
    let made = ExcelDateTime::from_ymd(
        u16::try_from(year).unwrap_or(1900),
        u8::try_from(month).unwrap_or(1),
        u8::try_from(day).unwrap_or(1),
    )?;
    workbook.set_properties(&DocProperties::new().set_title(outline.title.line()).set_creation_datetime(&made));
    let style = Style::new();
    sentences(workbook.add_worksheet(), outline, &style)?;
    let tables = outline.blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    for (number, table) in tables.enumerate() {
        of_table(workbook.add_worksheet(), outline, table, number + 1, &style)?;
    }
    workbook.save_to_buffer()
}

/// How cells look.
struct Style {
    title: Format,
    bold: Format,
    text: Format,
    head: Format,
    number: Format,
    percent: Format,
    across: Format,
}

impl Style {
    fn new() -> Self {
        Self {
            title: Format::new().set_bold().set_font_size(14.0),
            bold: Format::new().set_bold(),
            text: Format::new().set_text_wrap().set_align(FormatAlign::Top),
            head: Format::new().set_bold().set_text_wrap().set_background_color(0x00EE_EEEE),
            number: Format::new().set_num_format("# ##0"),
            percent: Format::new().set_num_format("0.0%"),
            across: Format::new().set_bold().set_font_color(0x00A4_0000),
        }
    }
}

/// What stands on every sheet, on the screen and on paper; gives the next row.
fn head(sheet: &mut Worksheet, outline: &Outline, style: &Style) -> Result<u32, XlsxError> {
    let across: Vec<String> = outline.across.iter().map(Said::line).collect();
    let mut row = 0;
    for line in &across {
        sheet.write_string_with_format(row, 0, line, &style.across)?;
        row += 1;
    }
    // An ampersand begins a code in headers.
    if !across.is_empty() {
        sheet.set_header(format!("&C&\"-,Bold\"{}", across.join(" · ").replace('&', "&&")));
    }
    sheet.set_footer(format!("&L&8{}&R&8&P / &N", outline.foot.join("\n").replace('&', "&&")));
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    Ok(row)
}

fn sentences(sheet: &mut Worksheet, outline: &Outline, style: &Style) -> Result<(), XlsxError> {
    sheet.set_name("reply")?;
    sheet.set_column_width(0, 100)?;
    let mut row = head(sheet, outline, style)?;
    let mut line = |sheet: &mut Worksheet, text: &str, format: &Format| -> Result<(), XlsxError> {
        sheet.write_string_with_format(row, 0, text, format)?;
        row += 1;
        Ok(())
    };
    line(sheet, &outline.title.line(), &style.title)?;
    line(sheet, &outline.as_at.line(), &style.text)?;
    for block in &outline.blocks {
        match block {
            Block::Heading(said) => line(sheet, &said.line(), &style.bold)?,
            Block::Asked(said) | Block::Note(said) => said.0.iter().try_for_each(|(_, text)| line(sheet, text, &style.text))?,
            Block::Sentence { text, exactly } => {
                text.0.iter().try_for_each(|(_, text)| line(sheet, text, &style.text))?;
                exactly.iter().try_for_each(|exactly| line(sheet, &exactly.line(), &style.text))?;
            }
            Block::Table(table) => line(sheet, &format!("→ {}", table.title.line()), &style.text)?,
        }
    }
    outline.foot.iter().try_for_each(|text| line(sheet, text, &style.text))
}

fn of_table(sheet: &mut Worksheet, outline: &Outline, table: &Table, number: usize, style: &Style) -> Result<(), XlsxError> {
    let name: String =
        format!("{number} {}", table.id).chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(LONGEST_NAME).collect();
    sheet.set_name(&name)?;
    sheet.set_column_width(0, 46)?;
    let mut row = head(sheet, outline, style)?;
    sheet.write_string_with_format(row, 0, table.title.line(), &style.title)?;
    sheet.write_string(row + 1, 0, outline.as_at.line())?;
    row += 3;
    let heads = row;
    sheet.write_string_with_format(heads, 0, "", &style.head)?;
    for (place, column) in (1_u16..).zip(&table.columns) {
        sheet.set_column_width(place, 18)?;
        sheet.write_string_with_format(heads, place, column.line(), &style.head)?;
    }
    row += 1;
    let first = row;
    let mut last = row;
    for line in &table.rows {
        sheet.write_string_with_format(row, 0, line.name.line(), if line.total { &style.bold } else { &style.text })?;
        for (place, cell) in (1_u16..).zip(&line.cells) {
            match (cell.value, cell.unit) {
                (None, _) => sheet.write_string(row, place, cell.shown())?,
                (Some(value), Unit::PerMille) => {
                    sheet.write_number_with_format(row, place, float(value) / 1_000.0, &style.percent)?
                }
                (Some(value), _) => sheet.write_number_with_format(row, place, float(value), &style.number)?,
            };
        }
        if !line.total {
            last = row;
        }
        row += 1;
    }
    for sign in &table.signs {
        sheet.write_string(row, 0, sign.line())?;
        row += 1;
    }
    for text in &outline.foot {
        sheet.write_string(row + 1, 0, text)?;
        row += 1;
    }
    if let Some(kind) = table.chart.filter(|_| last > first || !table.rows.is_empty()) {
        let mut chart = Chart::new(match kind {
            Kind::Bar => ChartType::Bar,
            Kind::Line => ChartType::Line,
        });
        chart.title().set_name(table.title.line().as_str());
        chart.set_alt_text(table.title.line());
        for (place, _) in (1_u16..).zip(&table.units).filter(|(_, unit)| **unit == Unit::Count) {
            chart
                .add_series()
                .set_name((name.as_str(), heads, place))
                .set_categories((name.as_str(), first, 0, last, 0))
                .set_values((name.as_str(), first, place, last, place));
        }
        let beside = u16::try_from(table.columns.len()).unwrap_or(8) + 2;
        sheet.insert_chart(heads, beside, &chart)?;
    }
    Ok(())
}

/// Excel's numbers are doubles: exact up to nine quadrillion.
#[expect(clippy::cast_precision_loss, reason = "a workbook has no other numbers")]
fn float(value: u64) -> f64 {
    value as f64
}
