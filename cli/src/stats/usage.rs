//! `iamctl stats usage`.

use std::path::PathBuf;

use api::stats::{Chart, UsageBy, UsageReport, UsageRow, View};
use clap::Args;
use domain::{Bilingual, Day, Month};

use crate::failure::Failure;
use crate::flags::Format;
use crate::output::Answer;
use crate::session::Session;
use crate::stats::chart::{Bar, Drawn};
use crate::verb::Verb;
use crate::words::{USAGE_BY, VIEWS, day, word};

/// Completed uses, broken down
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl stats usage --by sector --from 2022-01 --to 2022-05
  iamctl stats usage --by category --chart
  iamctl stats usage --by month -o svg --to-file uses.svg
  iamctl stats usage --by month -o csv --bom > usage.csv")]
pub struct Usage {
    /// What the figures are divided by
    #[arg(long, value_parser = word::<UsageBy>(USAGE_BY))]
    by: UsageBy,
    /// First month; that of the launch when absent
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month; that of --known-at when absent
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// As recorded up to the end of this day; the last one counted when absent. A day is final an hour after it ended
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
    /// For whose eyes; an auditor's own when absent, the public's for anybody else
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
    /// Draw bars in the terminal
    #[arg(long)]
    chart: bool,
    /// Write the chart of '-o svg' to this file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    to_file: Option<PathBuf>,
}

impl Verb for Usage {
    type Row = UsageRow;

    const DOCUMENTS: &'static [Format] = &[Format::Svg];

    async fn run(self, session: &Session) -> Result<Answer<UsageRow>, Failure> {
        let drawn = Drawn::wanted(session, self.chart, self.to_file)?;
        let op = UsageReport { by: self.by, from: self.from, to: self.to, known_at: self.known_at, view: self.view };
        let rows = session.call(&op).await?;
        let Some(drawn) = drawn else { return Ok(Answer::list(rows)) };
        let shape = if matches!(self.by, UsageBy::Month | UsageBy::Day) { Chart::Line } else { Chart::Bar };
        let title = Bilingual { en: "Completed uses".to_owned(), zh_hant: "完成的使用次數".to_owned() };
        let bars: Vec<Bar> = rows.into_iter().map(|row| Bar { id: row.id, name: row.name, value: row.uses }).collect();
        drawn.answer(session, title, shape, &bars)
    }
}
