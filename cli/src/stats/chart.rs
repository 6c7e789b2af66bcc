//! Figures as bars: in a terminal, and as an SVG of its own.

use std::path::PathBuf;

use api::stats::{Chart, Unit};
use client::files::write_private;
use client::safe::visible;
use client::surroundings;
use client::times::spaced;
use client::width::{Align, columns, fit};
use domain::Bilingual;
use render::{Cell, Row, Said, Table, Without};

use crate::failure::{Failure, NOTHING_SENT};
use crate::flags::Format;
use crate::output::{Answer, Body, Look};
use crate::session::Session;
use crate::stats::document::unwritten;

/// A bar.
pub struct Bar {
    /// Its id: a sector, a month.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// Its length; none where the number is suppressed.
    pub value: Option<u64>,
}

/// Columns of a line where no terminal says how many it has.
const COLUMNS: usize = 80;
/// The longest name that is not cut.
const NAME: usize = 36;

/// Whether a chart was asked for; held before anything is sent.
pub enum Drawn {
    /// Bars of characters.
    Bars,
    /// An SVG, on standard output or in a file.
    Svg(Option<PathBuf>),
}

impl Drawn {
    /// What the flags ask for; none where it is no chart.
    ///
    /// # Errors
    /// When they ask for two things at once.
    pub fn wanted(session: &Session, chart: bool, to: Option<PathBuf>) -> Result<Option<Self>, Failure> {
        let usage = |message: &str, hint: &str| {
            Err(Failure::usage("usage.no-document", message).changed(NOTHING_SENT).hint(hint.to_owned()))
        };
        match (session.flags.output, chart, to) {
            (Some(Format::Svg), false, to) => Ok(Some(Self::Svg(to))),
            (None | Some(Format::Table), true, None) => Ok(Some(Self::Bars)),
            (Some(_), true, _) => usage("'--chart' draws in the terminal", "without '-o', or '-o svg' without '--chart'"),
            (_, _, Some(_)) => usage("'--to-file' takes a document", "'-o svg'"),
            _ => Ok(None),
        }
    }

    /// Draws.
    ///
    /// # Errors
    /// When there is nothing to draw, or the file cannot be written.
    pub fn answer<T: client::Tabular>(
        self,
        session: &Session,
        title: Bilingual,
        shape: Chart,
        bars: &[Bar],
    ) -> Result<Answer<T>, Failure> {
        let to = match self {
            Self::Bars => {
                let look = Look::of_output(session.flags.color, session.terminal);
                let room = look.room.map_or(COLUMNS, usize::from);
                let text = lines(bars, room, surroundings::speaks_utf8());
                return Ok(Answer::of(Body::Document(text.into_bytes())));
            }
            Self::Svg(to) => to,
        };
        let Some(svg) = render::svg(&table(title, shape, bars)) else {
            return Ok(Answer::of(Body::Elsewhere).tell("there is nothing to draw: no number is above 0"));
        };
        let Some(to) = to else { return Ok(Answer::of(Body::Document(svg.into_bytes()))) };
        write_private(&to, svg.as_bytes()).map_err(unwritten)?;
        Ok(Answer::of(Body::Elsewhere).tell(format!("{} bytes are in {}", svg.len(), to.display())))
    }
}

/// A line a bar: name, bar, number; out of ASCII where the locale has nothing else.
fn lines(bars: &[Bar], room: usize, utf8: bool) -> String {
    let (full, cut, hidden) = if utf8 { ("█", "…", "–") } else { ("#", "~", "-") };
    let names: Vec<String> = bars.iter().map(|bar| visible(&bar.name.en).into_owned()).collect();
    let numbers: Vec<String> = bars.iter().map(|bar| bar.value.map_or_else(|| hidden.to_owned(), spaced)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let (name, number) = (widest(&names).min(NAME), widest(&numbers));
    let longest = u64::try_from(room.saturating_sub(name + number + 5).max(8)).unwrap_or(8);
    let highest = bars.iter().filter_map(|bar| bar.value).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for ((bar, label), value) in bars.iter().zip(&names).zip(&numbers) {
        // Whatever is more than nothing is seen.
        let length = (u128::from(bar.value.unwrap_or(0)) * u128::from(longest)).div_ceil(u128::from(highest));
        let length = usize::try_from(length).unwrap_or(0);
        text.push_str(&format!(
            "{}  {}  {}\n",
            fit(label, name, Align::Left, cut),
            fit(value, number, Align::Right, cut),
            full.repeat(length)
        ));
    }
    if bars.iter().any(|bar| bar.value.is_none()) {
        text.push_str(&format!("{hidden} suppressed, so that nobody learns of a few people\n"));
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn table(title: Bilingual, shape: Chart, bars: &[Bar]) -> Table {
    let said = |text: &Bilingual| Said(vec![("en", visible(&text.en).into_owned())]);
    let cell = |value| Cell { value, without: Without::Suppressed, unit: Unit::Count };
    Table {
        id: "chart".to_owned(),
        title: said(&title),
        columns: vec![said(&title)],
        units: vec![Unit::Count],
        rows: bars
            .iter()
            .map(|bar| Row { id: bar.id.clone(), name: said(&bar.name), cells: vec![cell(bar.value)], total: false })
            .collect(),
        chart: Some(shape),
        signs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: Option<u64>) -> Bar {
        Bar { id: name.to_lowercase(), name: Bilingual { en: name.to_owned(), zh_hant: name.to_owned() }, value }
    }

    #[test]
    fn bars_fit_the_terminal_and_say_what_they_hide() {
        let bars =
            [bar("Government", Some(1_200_000)), bar("Private\u{1b}[2J", Some(1)), bar("Public", Some(0)), bar("Other", None)];
        assert_eq!(
            lines(&bars, 50, true),
            "\
Government        1 200 000  ████████████████████
Private\\u{1b}[2J          1  █
Public                    0
Other                     –
– suppressed, so that nobody learns of a few people
"
        );
        let ascii = lines(&bars, 50, false);
        assert!(ascii.is_ascii() && ascii.contains("####"), "{ascii}");
        assert_eq!(lines(&[], 80, true), "");
    }

    #[test]
    fn an_svg_has_a_bar_for_each_number() {
        let title = Bilingual { en: "Uses <by> sector".to_owned(), zh_hant: "使用次數".to_owned() };
        let svg = render::svg(&table(title.clone(), Chart::Bar, &[bar("Government", Some(7)), bar("Private", None)])).unwrap();
        assert!(svg.contains("Uses &lt;by&gt; sector") && svg.contains("Government") && svg.contains('–'), "{svg}");
        assert!(render::svg(&table(title, Chart::Bar, &[bar("Government", Some(0))])).is_none());
    }
}
