//! `iamctl stats trend`.

use std::path::PathBuf;

use api::stats::{Chart, Trend as Told, TrendMonth, TrendOf, TrendReport, View};
use clap::{ArgGroup, Args};
use domain::{Bilingual, ClientId, Day, Month, Sector};

use crate::failure::Failure;
use crate::flags::Format;
use crate::output::Answer;
use crate::session::Session;
use crate::stats::chart::{Bar, Drawn};
use crate::verb::Verb;
use crate::words::{VIEWS, day, word};

/// Months one after the other, and what their numbers support: 'on a steady rise' only where they are
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("of").multiple(false))]
#[command(after_help = "Only months that have ended count. Nothing is said of fewer than six.

Examples:
  iamctl stats trend --sector private
  iamctl stats trend --service inland-revenue-department.etax --from 2021-06
  iamctl stats trend --sector private --chart
  iamctl stats trend --registered -o svg --to-file registered.svg
  iamctl stats trend --registered -o csv")]
pub struct Trend {
    /// Uses of the services of a sector; all uses when nothing is named
    #[arg(long, group = "of", value_parser = word::<Sector>(Sector::WORDS))]
    sector: Option<Sector>,
    /// Uses of a service
    #[arg(long, group = "of")]
    service: Option<ClientId>,
    /// Accounts registered at each month's end
    #[arg(long, group = "of")]
    registered: bool,
    /// Different people in each month
    #[arg(long, group = "of")]
    users: bool,
    /// First month; that of the launch when absent
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month; the last one that has ended when absent
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

impl Verb for Trend {
    type Row = Told;

    const DOCUMENTS: &'static [Format] = &[Format::Svg];

    async fn run(self, session: &Session) -> Result<Answer<Told>, Failure> {
        let drawn = Drawn::wanted(session, self.chart, self.to_file)?;
        let of = match (self.sector, self.service) {
            (Some(sector), _) => TrendOf::Sector(sector),
            (_, Some(service)) => TrendOf::Service(service),
            _ if self.registered => TrendOf::Registered,
            _ if self.users => TrendOf::Users,
            _ => TrendOf::Uses,
        };
        let op = TrendReport { of, from: self.from, to: self.to, known_at: self.known_at, view: self.view };
        let trend = session.call(&op).await?;
        let Some(drawn) = drawn else { return Ok(Answer::one(trend)) };
        let text = trend.text.clone();
        let bar = |row: &TrendMonth| {
            let name = Bilingual { en: row.month.english(), zh_hant: row.month.chinese() };
            Bar { id: row.month.to_string(), name, value: row.value }
        };
        let bars: Vec<Bar> = trend.months.iter().map(bar).collect();
        Ok(drawn.answer(session, text.clone(), Chart::Line, &bars)?.tell(text.en))
    }
}
