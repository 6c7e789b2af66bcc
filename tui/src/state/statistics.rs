//! Statistics: a month, its services and sectors, all months beside it, and one service in full.

use std::path::PathBuf;

use api::Operation;
use api::stats::{FrozenMonth, LegcoReport, Trend, UsageRow};
use domain::{ClientId, Day, LAUNCH, Month, Timestamp};
use serde::{Deserialize, Serialize};

use super::loaded::Loaded;
use super::popup::{Ask, Popup};
use super::{Asked, State, View};
use crate::action::Action;
use crate::call::{Call, Read};
use crate::command::{Command, Whether, not};

/// What a month is shown with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthFigures {
    /// The month.
    pub month: Month,
    /// All whole months.
    pub trend: Trend,
    /// Its uses by service.
    pub services: Vec<UsageRow>,
    /// Its uses by sector.
    pub sectors: Vec<UsageRow>,
    /// How it was closed, if it was.
    pub frozen: Option<FrozenMonth>,
}

/// The month that is shown, and the service that is open.
#[derive(Default)]
pub(crate) struct Statistics {
    /// The month that was asked for; the last one with uses while none was.
    wanted: Option<Month>,
    pub(crate) figures: Loaded<MonthFigures>,
    pub(crate) selected: Option<String>,
    pub(crate) open: Option<ClientId>,
    /// Months of the open service.
    pub(crate) months: Loaded<Trend>,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["left"],
        name: "earlier",
        what: "Go to the month before",
        cli: "",
        enabled: known,
        run: |state| step(state, -1),
    },
    Command {
        keys: &["right"],
        name: "later",
        what: "Go to the next month",
        cli: "",
        enabled: known,
        run: |state| step(state, 1),
    },
    Command {
        keys: &["m"],
        name: "month",
        what: "Go to a month that you type",
        cli: "stats usage --by service --from MONTH --to MONTH",
        enabled: known,
        run: |state| state.popup = Some(Popup::ask(Ask::Month, String::new())),
    },
    Command {
        keys: &["enter"],
        name: "open",
        what: "Show the selected service: its uses by month and what may be said of them",
        cli: "stats trend --service SERVICE",
        enabled: |state| {
            known(state)?;
            if state.statistics.open.is_some() { not("a service is open") } else { Ok(()) }
        },
        run: open,
    },
    Command {
        keys: &["esc"],
        name: "back",
        what: "Close the service",
        cli: "",
        enabled: |state| {
            here(state)?;
            if state.statistics.open.is_some() { Ok(()) } else { not("no service is open") }
        },
        run: |state| state.statistics.open = None,
    },
    Command {
        keys: &["e"],
        name: "export",
        what: "Write the reply as at the end of the month to a file: PDF, workbook, HTML, Markdown, text or JSON",
        cli: "stats legco --as-at DAY -o pdf --to FILE",
        enabled: |state| {
            known(state)?;
            state.may(LegcoReport::ROLES)?;
            if as_at(state).is_some() { Ok(()) } else { not("no day of the month has ended yet") }
        },
        run: |state| {
            if let Some(day) = as_at(state) {
                state.popup = Some(Popup::ask(Ask::Export(day), format!("legco-{day}.pdf")));
            }
        },
    },
];

/// What this view asks for.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    std::iter::once(Read::Month(state.statistics.wanted)).chain(service_read(state)).collect()
}

/// What is asked of the open service: its months up to the one that is shown, or to the last that has ended.
pub(crate) fn service_read(state: &State) -> Option<Read> {
    let now = state.server_now().hk_day().month();
    let to = state.statistics.month().filter(|month| *month < now);
    Some(Read::ServiceMonths(state.statistics.open.clone()?, to))
}

fn here(state: &State) -> Whether {
    if state.view == View::Statistics { Ok(()) } else { not("go to the statistics first") }
}

fn known(state: &State) -> Whether {
    here(state)?;
    if state.statistics.figures.value.is_some() { Ok(()) } else { not("the server has not told the figures yet") }
}

/// The last day of the month, or of what has passed of it.
fn as_at(state: &State) -> Option<Day> {
    let month = state.statistics.month()?;
    let day = month.last_day().min(state.server_now().hk_day().plus_days(-1));
    (day.month() == month).then_some(day)
}

fn step(state: &mut State, by: i32) {
    if let Some(month) = state.statistics.month() {
        go(state, Month::from_number(month.number() + by));
    }
}

/// Goes to a month between the launch and now.
fn go(state: &mut State, month: Month) {
    let now = state.server_now().hk_day().month();
    if month < LAUNCH.month() {
        return state.tell(format!("the platform was launched in {}", LAUNCH.month().english()), None);
    }
    if month > now {
        return state.tell(format!("{} has not begun", month.english()), None);
    }
    state.statistics.wanted = Some(month);
    state.ask(Read::Month(Some(month)));
    ask_for_service(state);
}

/// What was typed for a month.
///
/// # Errors
/// When it is none.
pub(crate) fn typed_month(state: &mut State, typed: &str) -> Result<(), String> {
    let month: Month = typed.trim().parse().map_err(|_| "a month is written 2022-05".to_owned())?;
    go(state, month);
    Ok(())
}

/// Endings of files that the reply can be written to.
pub(crate) const ENDINGS: &[&str] = &["pdf", "xlsx", "html", "md", "txt", "csv", "json"];

/// Where the reply is to be written.
///
/// # Errors
/// When the name does not say as what.
pub(crate) fn typed_file(state: &mut State, day: Day, typed: &str) -> Result<(), String> {
    let file = PathBuf::from(typed.trim());
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !ENDINGS.contains(&ending) {
        return Err(format!("the name ends in what it becomes: .{}", ENDINGS.join(", .")));
    }
    let ticket = state.ticket(Asked::Export);
    state.tell(format!("writing {}", file.display()), None);
    state.actions.push(Action::Call { ticket, call: Call::Export { as_at: day, file }, key: None });
    Ok(())
}

fn open(state: &mut State) {
    let Some(service) = state.statistics.at().and_then(|row| row.id.parse::<ClientId>().ok()) else { return };
    if state.statistics.open.as_ref() != Some(&service) {
        state.statistics.months = Loaded::default();
    }
    state.statistics.open = Some(service);
    ask_for_service(state);
}

fn ask_for_service(state: &mut State) {
    if let Some(read) = service_read(state) {
        state.ask(read);
    }
}

/// Another service of the list; the one that is open goes along.
pub(crate) fn select(state: &mut State, by: isize) {
    let count = state.statistics.services().count();
    let place = state.statistics.place().saturating_add_signed(by).min(count.saturating_sub(1));
    let selected = state.statistics.services().nth(place).map(|row| row.id.clone());
    state.statistics.selected = selected;
    if state.statistics.open.is_some() {
        open(state);
    }
}

impl Statistics {
    /// The month that is shown.
    pub(crate) fn month(&self) -> Option<Month> {
        self.wanted.or_else(|| self.figures.value.as_ref().map(|figures| figures.month))
    }

    pub(crate) fn came(&mut self, wanted: Option<Month>, mut figures: MonthFigures, now: Timestamp) {
        // Somebody has gone on to another month meanwhile.
        if wanted != self.wanted {
            return;
        }
        // The most used first; of equals, and of those that are left out, by id.
        figures.services.sort_by(|one, other| other.uses.cmp(&one.uses).then_with(|| one.id.cmp(&other.id)));
        self.figures.came(figures, now);
    }

    /// Services with uses, or of which nothing may be told.
    pub(crate) fn services(&self) -> impl Iterator<Item = &UsageRow> {
        let all = self.figures.value.iter().flat_map(|figures| &figures.services);
        all.filter(|row| row.uses != Some(0))
    }

    /// The selected service: the first when that is not shown.
    pub(crate) fn at(&self) -> Option<&UsageRow> {
        self.services().find(|row| Some(&row.id) == self.selected.as_ref()).or_else(|| self.services().next())
    }

    pub(crate) fn place(&self) -> usize {
        self.services().position(|row| Some(&row.id) == self.selected.as_ref()).unwrap_or_default()
    }
}
