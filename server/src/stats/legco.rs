//! The reply to the Legislative Council.

use std::collections::BTreeMap;

use api::stats::{LegcoAnswer, LegcoFigure, LegcoNote, LegcoPart, LegcoReply, LegcoReport, LegcoRow, LegcoTable, Unit, View};
use domain::{Bilingual, Category, Day, Environment, Figure, FigureDefinition, Month, Sector, figures};

use super::definitions::{FREQUENT, VERSION, categories};
use super::digest::digest;
use super::question;
use super::ranking;
use super::services::Services;
use super::tally::{self, Accounts, Cell, whole};
use super::window::Window;
use super::words::{Word, say};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Ended, Read, StoreError};

/// The figures as at a day, as known on a day.
pub(crate) async fn legco(app: &App, _: &Caller, op: LegcoReport) -> Result<LegcoReply, Failure> {
    let today = app.clock.now().hk_day();
    question::as_at(op.as_at, today)?;
    question::known_at(op.known_at, today)?;
    let mut read = app.store.read().await?;
    draw_up(&mut read, app.environment, op.as_at, op.known_at).await
}

/// The reply out of one snapshot: the same snapshot and the same days give the same reply, whenever they are asked.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn draw_up(
    read: &mut Read,
    environment: Environment,
    as_at: Day,
    known_at: Option<Day>,
) -> Result<LegcoReply, Failure> {
    let extents = (read.usage_extent().await?, read.account_extent().await?);
    let services = Services::load(read).await?;
    let known_at = match known_at {
        Some(known_at) => known_at,
        None => {
            let tails = [read.usage_tail().await?, read.account_tail().await?];
            tally::last_recorded([extents.0, extents.1], tails, &services).unwrap_or(as_at)
        }
    };
    let services = services.known_by(known_at);
    let window = Window { from: Month::MIN.first_day(), to: as_at, known_at };
    let accounts = Accounts::count(read, &window, extents.1).await?;
    let cells = tally::requests(read, &window, extents.0, &services, Ended::Completed).await?;
    let counted = Counted::of(as_at, &services, &accounts, &cells)?;
    let mut reply = LegcoReply {
        as_at,
        known_at,
        environment,
        view: View::Published,
        definitions: VERSION.to_owned(),
        title: say("title", &[])?,
        parts: parts(),
        figures: counted.figures(as_at)?,
        tables: vec![by_sector(&counted)?, frequently_used(&counted, as_at, &services)?, by_category(&counted)?],
        notes: notes(environment, as_at, known_at, &counted)?,
        meanings: Vec::new(),
        digest: String::new(),
    };
    reply.digest = digest(&reply)?;
    Ok(reply)
}

/// A part for each figure.
fn parts() -> Vec<LegcoPart> {
    let answer = |id: &str| vec![LegcoAnswer::Figure { id: id.to_owned() }];
    (1..)
        .zip(figures::DEFINITIONS)
        .map(|(number, definition)| LegcoPart { number, asks: None, answers: answer(definition.id) })
        .collect()
}

/// Everything counted, before it is put into words.
struct Counted {
    registered: u64,
    plus: u64,
    uses: u64,
    uses_by_sector: BTreeMap<Sector, u64>,
    uses_by_service: BTreeMap<i32, u64>,
    accessible_by_sector: BTreeMap<Sector, u64>,
    accessible_by_category: BTreeMap<Option<Category>, u64>,
}

impl Counted {
    fn of(as_at: Day, services: &Services, accounts: &Accounts, cells: &[Cell]) -> Result<Self, StoreError> {
        let by_sector = tally::sums(cells, |cell| Ok(services.on(cell.service, cell.day)?.sector))?;
        let by_service = tally::sums(cells, |cell| Ok(cell.service))?;
        let mut accessible_by_sector: BTreeMap<Sector, u64> = BTreeMap::new();
        let mut accessible_by_category: BTreeMap<Option<Category>, u64> = BTreeMap::new();
        for version in services.accessible(as_at) {
            *accessible_by_sector.entry(version.sector).or_default() += 1;
            *accessible_by_category.entry(version.category).or_default() += 1;
        }
        Ok(Self {
            registered: whole(accounts.registered())?,
            plus: whole(accounts.plus())?,
            uses: whole(by_sector.values().sum())?,
            uses_by_sector: by_sector
                .into_iter()
                .map(|(sector, uses)| Ok((sector, whole(uses)?)))
                .collect::<Result<_, StoreError>>()?,
            uses_by_service: by_service
                .into_iter()
                .map(|(code, uses)| Ok((code, whole(uses)?)))
                .collect::<Result<_, StoreError>>()?,
            accessible_by_sector,
            accessible_by_category,
        })
    }

    fn accessible(&self) -> u64 {
        self.accessible_by_sector.values().sum()
    }

    fn uses_of(&self, sector: Sector) -> u64 {
        self.uses_by_sector.get(&sector).copied().unwrap_or(0)
    }

    fn rounded(&self, id: &str) -> anyhow::Result<(&'static FigureDefinition, Figure)> {
        let definition = figures::definition(id).ok_or_else(|| anyhow::anyhow!("figure '{id}' has no definition"))?;
        let exact = match id {
            "accounts.registered" => self.registered,
            "accounts.registered.plus" => self.plus,
            "services.accessible" => self.accessible(),
            "usage.total" => self.uses,
            "usage.private" => self.uses_of(Sector::Private),
            _ => anyhow::bail!("nobody counts figure '{id}'"),
        };
        Ok((definition, definition.figure(exact)))
    }

    fn figures(&self, as_at: Day) -> anyhow::Result<Vec<LegcoFigure>> {
        figures::DEFINITIONS.iter().map(|definition| self.figure(definition.id, as_at)).collect()
    }

    fn figure(&self, id: &str, as_at: Day) -> anyhow::Result<LegcoFigure> {
        let (definition, rounding) = self.rounded(id)?;
        let (plus, plus_rounding) = self.rounded("accounts.registered.plus")?;
        let variables = [
            ("day", Word::Said(day(as_at))),
            ("said", Word::Said(said(definition, rounding))),
            ("shown", Word::Number(rounding.shown)),
            ("plus", Word::Said(said(plus, plus_rounding))),
            ("plus-shown", Word::Number(plus_rounding.shown)),
        ];
        let text = say(&id.replace('.', "-"), &variables)?;
        Ok(LegcoFigure { id: id.to_owned(), version: 1, unit: Unit::Count, value: rounding.exact, rounding, text, share: None })
    }
}

fn day(day: Day) -> Bilingual {
    Bilingual { en: day.as_at_english(), zh_hant: day.as_at_chinese() }
}

fn said(definition: &FigureDefinition, figure: Figure) -> Bilingual {
    Bilingual { en: figure.english(definition.comparative), zh_hant: figure.chinese(definition.measure) }
}

fn columns(keys: [&str; 2]) -> anyhow::Result<Vec<Bilingual>> {
    keys.into_iter().map(|key| say(key, &[])).collect()
}

fn by_sector(counted: &Counted) -> anyhow::Result<LegcoTable> {
    let mut rows = Vec::new();
    for sector in Sector::ALL {
        let accessible = counted.accessible_by_sector.get(sector).copied().unwrap_or(0);
        let name = say(&format!("sector-{sector}"), &[])?;
        rows.push(LegcoRow { id: sector.to_string(), name, values: vec![Some(accessible), Some(counted.uses_of(*sector))] });
    }
    rows.push(LegcoRow {
        id: "total".to_owned(),
        name: say("total", &[])?,
        values: vec![Some(counted.accessible()), Some(counted.uses)],
    });
    Ok(LegcoTable {
        id: "by-sector".to_owned(),
        title: say("table-by-sector", &[])?,
        columns: columns(["column-accessible", "column-uses"])?,
        units: vec![Unit::Count; 2],
        chart: None,
        rows,
    })
}

fn frequently_used(counted: &Counted, as_at: Day, services: &Services) -> Result<LegcoTable, Failure> {
    let mut uses = Vec::new();
    for (code, count) in &counted.uses_by_service {
        let version = services.on(*code, as_at)?;
        uses.push((version.service.to_string(), version.name.clone(), *count));
    }
    let rows = ranking::rank(uses, FREQUENT)
        .into_iter()
        .map(|ranked| LegcoRow { id: ranked.id, name: ranked.shown, values: vec![Some(ranked.rank.into()), Some(ranked.uses)] })
        .collect();
    Ok(LegcoTable {
        id: "frequently-used".to_owned(),
        title: say("table-frequently-used", &[])?,
        columns: columns(["column-rank", "column-uses"])?,
        units: vec![Unit::Rank, Unit::Count],
        chart: None,
        rows,
    })
}

fn by_category(counted: &Counted) -> anyhow::Result<LegcoTable> {
    let accessible = |category| counted.accessible_by_category.get(&category).copied().unwrap_or(0);
    let catalogue = categories()?;
    let mut rows = Vec::new();
    for entry in &catalogue.categories {
        let values = vec![Some(entry.planned.into()), Some(accessible(Some(entry.id)))];
        rows.push(LegcoRow { id: entry.id.to_string(), name: entry.name.clone(), values });
    }
    rows.push(LegcoRow { id: "none".to_owned(), name: say("no-category", &[])?, values: vec![Some(0), Some(accessible(None))] });
    let values = vec![Some(catalogue.planned_sum().into()), Some(counted.accessible())];
    rows.push(LegcoRow { id: "total".to_owned(), name: say("total", &[])?, values });
    Ok(LegcoTable {
        id: "by-category".to_owned(),
        title: say("table-by-category", &[])?,
        columns: columns(["column-planned", "column-accessible"])?,
        units: vec![Unit::Count; 2],
        chart: None,
        rows,
    })
}

/// What the same days and the same counters always come with; nothing here asks the clock.
fn notes(environment: Environment, as_at: Day, known_at: Day, counted: &Counted) -> anyhow::Result<Vec<LegcoNote>> {
    let note = |id: &str, variables: &[(&'static str, Word)]| {
        Ok::<_, anyhow::Error>(LegcoNote { id: id.to_owned(), text: say(&format!("note-{id}"), variables)? })
    };
    let date = |day: Day| Word::Said(Bilingual { en: day.english(), zh_hant: day.chinese() });
    let mut notes = Vec::new();
    if environment == Environment::Sandbox {
        notes.push(note("synthetic-data", &[])?);
    }
    if as_at != as_at.month().last_day() {
        let month = Bilingual { en: as_at.month().english(), zh_hant: as_at.month().chinese() };
        notes.push(note("month-not-ended", &[("month", month.into()), ("to", date(as_at))])?);
    }
    if known_at < as_at {
        notes.push(note("known-before-as-at", &[("known", date(known_at))])?);
    }
    notes.push(note("use", &[])?);
    notes.push(note("registered", &[])?);
    notes.push(note("accessible", &[])?);
    let planned = &categories()?.planned;
    notes.push(note("planned", &[("sum", planned.sum.to_string().into()), ("stated", planned.wording.clone().into())])?);
    let grain = |id| Ok::<_, anyhow::Error>(Word::from(figures::spaced(counted.rounded(id)?.1.grain)));
    let grains = [
        ("registered", grain("accounts.registered")?),
        ("plus", grain("accounts.registered.plus")?),
        ("services", grain("services.accessible")?),
        ("uses", grain("usage.total")?),
        ("private", grain("usage.private")?),
    ];
    notes.push(note("rounding", &grains)?);
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// What S22 counted, as the fixtures have it.
    fn of_2022() -> Counted {
        Counted {
            registered: 1_312_480,
            plus: 412_350,
            uses: 17_240_000,
            uses_by_sector: BTreeMap::from([
                (Sector::Government, 16_900_000),
                (Sector::Public, 137_000),
                (Sector::Private, 203_000),
            ]),
            uses_by_service: BTreeMap::new(),
            accessible_by_sector: BTreeMap::from([(Sector::Government, 190), (Sector::Private, 24)]),
            accessible_by_category: BTreeMap::from([(Some(Category::Education), 190), (None, 24)]),
        }
    }

    fn sentences(counted: &Counted, as_at: &str) -> Vec<(String, String, String)> {
        let figures = counted.figures(on(as_at)).unwrap();
        figures.into_iter().map(|figure| (figure.id, figure.text.en, figure.text.zh_hant)).collect()
    }

    fn told(id: &str, english: &str, chinese: &str) -> (String, String, String) {
        (id.to_owned(), english.to_owned(), chinese.to_owned())
    }

    #[test]
    fn the_reply_of_2022_is_told_in_its_own_words() {
        assert_eq!(
            sentences(&of_2022(), "2022-05-31"),
            [
                told(
                    "accounts.registered",
                    "As at end-May 2022, the “iAM Smart” platform had more than 1.3 million registered users, of which more than 400 000 were “iAM Smart+” users.",
                    "截至2022年5月底，「智方便」平台共有超過130萬名登記用戶，當中超過40萬名為「智方便+」用戶。"
                ),
                told(
                    "accounts.registered.plus",
                    "Of the registered users of the “iAM Smart” platform as at end-May 2022, more than 400 000 were “iAM Smart+” users.",
                    "截至2022年5月底，「智方便」平台的登記用戶當中，超過40萬名為「智方便+」用戶。"
                ),
                told(
                    "services.accessible",
                    "As at end-May 2022, over 210 government, public and private online services are accessible through the “iAM Smart” platform.",
                    "截至2022年5月底，共有超過210項政府、公營及私營機構的網上服務可透過「智方便」平台使用。"
                ),
                told(
                    "usage.total",
                    "As at end-May 2022, over 17 million usage counts are recorded.",
                    "截至2022年5月底，「智方便」平台錄得超過1 700萬次使用。"
                ),
                told(
                    "usage.private",
                    "Up to end-May 2022, services provided by private organisations have been accessed and used for about 200 000 times through “iAM Smart”.",
                    "截至2022年5月底，市民透過「智方便」登入及使用私營機構提供的服務約20萬次。"
                ),
            ]
        );
    }

    #[test]
    fn a_young_platform_is_told_to_the_unit() {
        let mut counted = of_2022();
        (counted.registered, counted.plus, counted.uses) = (1, 0, 1);
        counted.accessible_by_sector = BTreeMap::from([(Sector::Private, 1)]);
        counted.uses_by_sector = BTreeMap::new();
        let english: Vec<String> = sentences(&counted, "2020-12-30").into_iter().map(|(_, english, _)| english).collect();
        assert_eq!(
            english,
            [
                "As at 30 December 2020, the “iAM Smart” platform had 1 registered user, of which 0 were “iAM Smart+” users.",
                "Of the registered users of the “iAM Smart” platform as at 30 December 2020, 0 were “iAM Smart+” users.",
                "As at 30 December 2020, 1 government, public and private online service is accessible through the “iAM Smart” platform.",
                "As at 30 December 2020, 1 usage count is recorded.",
                "Up to 30 December 2020, services provided by private organisations have been accessed and used for 0 times through “iAM Smart”.",
            ]
        );
    }

    #[test]
    fn what_a_reader_must_know_besides() {
        let ids = |environment, as_at: &str, known_at: &str| {
            let notes = notes(environment, on(as_at), on(known_at), &of_2022()).unwrap();
            notes.into_iter().map(|note| note.id).collect::<Vec<_>>()
        };
        let always = ["use", "registered", "accessible", "planned", "rounding"];
        assert_eq!(ids(Environment::Production, "2022-05-31", "2022-06-03"), always);
        assert_eq!(ids(Environment::Sandbox, "2022-05-31", "2022-06-03")[0], "synthetic-data");
        assert_eq!(ids(Environment::Production, "2022-05-30", "2022-06-03")[0], "month-not-ended");
        assert_eq!(ids(Environment::Production, "2022-05-31", "2022-05-30")[0], "known-before-as-at");

        let notes = notes(Environment::Sandbox, on("2022-05-15"), on("2022-05-14"), &of_2022()).unwrap();
        let ids: Vec<&str> = notes.iter().take(3).map(|note| note.id.as_str()).collect();
        assert_eq!(ids, ["synthetic-data", "month-not-ended", "known-before-as-at"]);
        assert_eq!(notes[1].text.en, "May 2022 had not ended on 15 May 2022; its figures run up to that day.");
        assert_eq!(notes[2].text.zh_hant, "這些數字不包括2022年5月14日之後記錄的資料。");
        let planned = "they sum to 114, the paper itself says “about 110”.";
        assert!(notes.iter().any(|note| note.text.en.ends_with(planned)), "{notes:?}");
        let grains = "registered users to 100 000, “iAM Smart+” users to 100 000, services to 10, usage counts to 1 000 000; “about” is the nearest 100 000.";
        assert!(notes.iter().any(|note| note.text.en.contains(grains)), "{notes:?}");
    }

    #[test]
    fn the_tables_add_up() {
        let counted = of_2022();
        let sectors = by_sector(&counted).unwrap();
        let names: Vec<(&str, &str, &str)> =
            sectors.rows.iter().map(|row| (row.id.as_str(), row.name.en.as_str(), row.name.zh_hant.as_str())).collect();
        assert_eq!(names[2], ("private", "Private organisations", "私營機構"));
        assert_eq!(sectors.rows[3].values, [Some(214), Some(17_240_000)]);
        let categories = by_category(&counted).unwrap();
        assert_eq!(categories.rows.len(), Category::ALL.len() + 2);
        assert_eq!(categories.rows.last().unwrap().values, [Some(114), Some(214)]);
        assert_eq!(
            (categories.rows[4].id.as_str(), categories.rows[4].values.as_slice()),
            ("education", [Some(9), Some(190)].as_slice())
        );
        for table in [&sectors, &categories] {
            let (total, parts) = table.rows.split_last().unwrap();
            for column in 0..table.columns.len() {
                assert_eq!(
                    parts.iter().map(|row| row.values[column].unwrap()).sum::<u64>(),
                    total.values[column].unwrap(),
                    "{}",
                    table.id
                );
            }
        }
    }
}
