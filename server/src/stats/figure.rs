//! One number of the reply, and the sentence that says it.

use api::stats::{LegcoFigure, Share, ShareOf, Unit};
use domain::{Bilingual, Comparative, Count, Environment, Figure, FigureEntry, Formula, Grain, Measure, Rule};

use super::facts::Facts;
use super::grid::Span;
use super::ledger::InForce;
use super::outside::{Outside, per_mille};
use super::part::Part;
use super::words::{Word, say};
use crate::failure::Failure;
use crate::store::{StoreError, SuspensionRow};

/// What is said of a figure that was asked for.
pub enum Said {
    /// The figure.
    Figure(Box<LegcoFigure>),
    /// Why there is none, as part of a sentence.
    Unavailable(Bilingual),
}

/// What figures are counted and said with.
pub struct Teller<'r> {
    /// What is counted.
    pub facts: &'r Facts,
    /// What it means.
    pub ledger: &'r InForce,
    /// Numbers from outside.
    pub outside: &'r Outside,
    /// Sandbox or production.
    pub environment: Environment,
    /// Below how many a number is not told; none for the auditor.
    pub threshold: Option<u64>,
}

impl Teller<'_> {
    /// The figure of a definition.
    ///
    /// # Errors
    /// When the ledger or the database contradicts itself.
    pub fn figure(&self, entry: &FigureEntry) -> Result<Said, Failure> {
        let count = match self.counted(entry)? {
            Ok(count) => count,
            Err(because) => return Ok(Said::Unavailable(because)),
        };
        let Some(value) = self.value(count)? else { return few() };
        let rounding = rounded(count, value);
        let text = self.sentence(entry, count, rounding)?;
        let unit = match count.measure {
            Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend => Unit::Seconds,
            _ => Unit::Count,
        };
        let figure = LegcoFigure { id: entry.id.clone(), version: entry.version, unit, value, rounding, text, share: None };
        Ok(Said::Figure(Box::new(figure)))
    }

    /// A figure as a share of a number from outside.
    ///
    /// # Errors
    /// As [`Teller::figure`]; that the denominator is known is held before.
    pub fn share(&self, entry: &FigureEntry, share: &ShareOf) -> Result<Said, Failure> {
        let count = match self.counted(entry)? {
            Ok(count) => count,
            Err(because) => return Ok(Said::Unavailable(because)),
        };
        let as_at = self.facts.as_at;
        let Ok(Some(of)) = self.outside.denominator(&share.of, as_at) else {
            return Ok(Said::Unavailable(say("because-no-denominator", &[("day", date(as_at))])?));
        };
        let Some(part) = self.value(count)? else { return few() };
        let value = per_mille(part, of.value).unwrap_or(0);
        let exact = u128::from(part) * 1_000 == u128::from(of.value) * u128::from(value);
        let rule = if exact { Rule::Exact } else { Rule::About };
        let rounding = Figure { exact: value, shown: value, grain: 1, rule };
        let percent = format!("{}.{}", value / 10, value % 10);
        let text = say(
            if exact { "share-exact" } else { "share-about" },
            &[
                ("day", day(as_at)),
                ("name", entry.name.clone().into()),
                ("percent", percent.into()),
                ("of", of.name.clone().into()),
                ("of-day", date(of.as_at)),
            ],
        )?;
        let share = Share {
            figure: entry.id.clone(),
            part,
            of: of.id.clone(),
            whole: of.value,
            name: of.name.clone(),
            as_at: of.as_at,
            source: of.source.clone(),
        };
        let id = format!("{}/{}", entry.id, of.id);
        let share = Some(share);
        let figure = LegcoFigure { id, version: entry.version, unit: Unit::PerMille, value, rounding, text, share };
        Ok(Said::Figure(Box::new(figure)))
    }

    /// Of what a definition counts, or why nothing can be said by it.
    fn counted<'e>(&self, entry: &'e FigureEntry) -> Result<Result<&'e Count, Bilingual>, Failure> {
        let Facts { as_at, known_at, .. } = *self.facts;
        if let Some(because) = too_early(entry, as_at)? {
            return Ok(Err(because));
        }
        let count = match &entry.formula {
            Formula::Count(count) => count,
            Formula::Unavailable(because) => return Ok(Err(because.clone())),
            Formula::Table(_) => return Err(StoreError::Broken(anyhow::anyhow!("'{}' is a table", entry.id)).into()),
        };
        let because = match count.measure {
            Measure::SandboxParticipants if self.environment == Environment::Production => Some("because-no-sandbox"),
            Measure::Users if as_at != as_at.month().last_day() && known_at > as_at => Some("because-whole-months"),
            Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend => {
                let of = &count.conditions.reason;
                let asked = |row: &&SuspensionRow| of.is_empty() || of.contains(&row.reason);
                let timed = self.facts.suspensions.iter().filter(asked).filter(|row| row.took_ms.is_some()).count() as u64;
                match self.threshold {
                    _ if timed == 0 => Some("because-none-timed"),
                    Some(threshold) if timed < threshold => Some("because-few-timed"),
                    _ => None,
                }
            }
            _ => None,
        };
        Ok(match because {
            Some(key) => Err(say(key, &[])?),
            None => Ok(count),
        })
    }

    /// None where it would tell of a few.
    fn value(&self, count: &Count) -> Result<Option<u64>, StoreError> {
        let span = match count.measure {
            Measure::Users => Span::In(self.facts.as_at.month()),
            _ => Span::ToTheDay,
        };
        let part = Part::of(self.facts, count)?;
        match self.threshold {
            Some(threshold) if count.measure.is_of_people() => part.told(span, threshold),
            _ => part.sum(span, None).map(|cell| Some(cell.value)),
        }
    }

    /// In house style where there is a sentence for the figure, and in one that fits all where there is none.
    fn sentence(&self, entry: &FigureEntry, count: &Count, rounding: Figure) -> Result<Bilingual, Failure> {
        let mut variables = vec![
            ("day", day(self.facts.as_at)),
            ("name", entry.name.clone().into()),
            ("said", said(count, rounding)),
            ("shown", rounding.shown.into()),
            ("month", Bilingual { en: self.facts.as_at.month().english(), zh_hant: self.facts.as_at.month().chinese() }.into()),
        ];
        if entry.id == "accounts.registered"
            && let Some(Formula::Count(plus)) = self.ledger.get("accounts.registered.plus").map(|entry| &entry.formula)
            && let Some(value) = self.value(plus)?
        {
            let rounding = rounded(plus, value);
            variables.extend([("plus", said(plus, rounding)), ("plus-shown", rounding.shown.into())]);
        }
        let own = say(&entry.id.replace('.', "-"), &variables);
        Ok(own.or_else(|_| say("figure", &variables))?)
    }
}

fn few() -> Result<Said, Failure> {
    Ok(Said::Unavailable(say("because-few", &[])?))
}

/// Why there is no figure by a definition as at a day: it holds from a later one on.
///
/// # Errors
/// When the words are missing.
pub fn too_early(entry: &FigureEntry, as_at: domain::Day) -> anyhow::Result<Option<Bilingual>> {
    (as_at < entry.since).then(|| say("because-since", &[("day", date(entry.since))])).transpose()
}

/// Why, as a sentence of its own.
///
/// # Errors
/// When the words are missing.
pub fn unavailable(name: &Bilingual, because: Bilingual) -> anyhow::Result<Bilingual> {
    say("unavailable", &[("name", name.clone().into()), ("because", because.into())])
}

/// A number by the rounding of its definition.
#[must_use]
pub fn rounded(count: &Count, value: u64) -> Figure {
    count.rounding.map_or_else(|| Figure::exactly(value), |rounding| Figure::by(value, rounding.rule, Grain::of(rounding.grain)))
}

fn said(count: &Count, figure: Figure) -> Word {
    let comparative = count.rounding.map_or(Comparative::MoreThan, |rounding| rounding.comparative);
    // Of people the sentence has the measure word.
    Bilingual { en: figure.english(comparative), zh_hant: figure.chinese(count.measure.chinese_measure()) }.into()
}

/// "end-May 2022".
fn day(day: domain::Day) -> Word {
    Bilingual { en: day.as_at_english(), zh_hant: day.as_at_chinese() }.into()
}

/// "31 May 2022".
pub fn date(day: domain::Day) -> Word {
    Bilingual { en: day.english(), zh_hant: day.chinese() }.into()
}

#[cfg(test)]
mod tests {
    use api::stats::Denominator;
    use domain::{AccountEventKind, Category, Day, Month, Sector, ServiceHistory, ServiceState, ServiceVersion, Tier};

    use super::super::facts::AccountCell;
    use super::super::ledger::first_rows;
    use super::super::services::Services;
    use super::super::tally::Cell;
    use super::*;
    use crate::store::{PersonCountRow, SuspensionRow};

    fn on(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn version(code: i32, sector: Sector) -> ServiceVersion {
        let name = Bilingual { en: "Service".to_owned(), zh_hant: "服務".to_owned() };
        ServiceVersion {
            code,
            service: format!("office.service-{code}").parse().unwrap(),
            recorded: on("2020-12-01").start(),
            sector,
            category: Some(Category::Education),
            name: name.clone(),
            state: ServiceState::Active,
            since: Some(on("2020-12-29")),
            industry: None,
            party: name,
            synthetic: false,
        }
    }

    /// Services, accounts of both tiers, uses of all and of private services.
    fn facts(as_at: &str, services: i32, basic: i64, plus: i64, uses: i64, private: i64) -> Facts {
        let month: Month = "2020-12".parse().unwrap();
        let of = |code| if code == 2 { Sector::Private } else { Sector::Government };
        let history = ServiceHistory::new((1..=services).map(|code| version(code, of(code))), Day::MAX);
        let mut facts = Facts::empty((on(as_at), on(as_at)), Services::of(history));
        let registered = |tier: Tier, count| {
            let kind = AccountEventKind::Registered.code();
            let row = PersonCountRow { event: 0, kind, tier: tier.code(), channel: 1, birth_year: 1990, sex: 0, count };
            AccountCell { month, row }
        };
        facts.accounts = vec![registered(Tier::IamSmart, basic), registered(Tier::IamSmartPlus, plus)];
        let cell = |service, count| Cell { day: on("2020-12-30"), service, function: 0, tier: 0, channel: 0, count };
        facts.uses = vec![cell(1, uses - private), cell(2, private)];
        facts.uses.retain(|cell| cell.count != 0);
        facts
    }

    fn known() -> InForce {
        InForce::of(&first_rows().unwrap()).unwrap()
    }

    fn said(facts: &Facts, outside: &Outside, id: &str, share: Option<&str>) -> Result<LegcoFigure, String> {
        let ledger = known();
        let teller = Teller { facts, ledger: &ledger, outside, environment: Environment::Production, threshold: Some(10) };
        let entry = ledger.get(id).unwrap();
        let said = match share {
            None => teller.figure(entry),
            Some(of) => teller.share(entry, &ShareOf { figure: id.to_owned(), of: of.to_owned() }),
        };
        match said.unwrap() {
            Said::Figure(figure) => Ok(*figure),
            Said::Unavailable(because) => Err(because.en),
        }
    }

    const OF_2022: [&str; 5] =
        ["accounts.registered", "accounts.registered.plus", "services.accessible", "usage.total", "usage.private"];

    fn sentences(facts: &Facts) -> Vec<(String, String)> {
        OF_2022
            .iter()
            .map(|id| said(facts, &Outside::default(), id, None).unwrap().text)
            .map(|text| (text.en, text.zh_hant))
            .collect()
    }

    #[test]
    fn the_reply_of_2022_is_told_in_its_own_words() {
        let facts = facts("2022-05-31", 214, 900_130, 412_350, 17_240_000, 203_000);
        let told = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
        assert_eq!(
            sentences(&facts),
            [
                told(
                    "As at end-May 2022, the “iAM Smart” platform had more than 1.3 million registered users, of which more than 400 000 were “iAM Smart+” users.",
                    "截至2022年5月底，「智方便」平台共有超過130萬名登記用戶，當中超過40萬名為「智方便+」用戶。"
                ),
                told(
                    "Of the registered users of the “iAM Smart” platform as at end-May 2022, more than 400 000 were “iAM Smart+” users.",
                    "截至2022年5月底，「智方便」平台的登記用戶當中，超過40萬名為「智方便+」用戶。"
                ),
                told(
                    "As at end-May 2022, over 210 government, public and private online services are accessible through the “iAM Smart” platform.",
                    "截至2022年5月底，共有超過210項政府、公營及私營機構的網上服務可透過「智方便」平台使用。"
                ),
                told(
                    "As at end-May 2022, over 17 million usage counts are recorded.",
                    "截至2022年5月底，「智方便」平台錄得超過1 700萬次使用。"
                ),
                told(
                    "Up to end-May 2022, services provided by private organisations have been accessed and used for about 200 000 times through “iAM Smart”.",
                    "截至2022年5月底，市民透過「智方便」登入及使用私營機構提供的服務約20萬次。"
                ),
            ]
        );
    }

    #[test]
    fn a_young_platform_is_told_to_the_unit() {
        let english: Vec<String> = sentences(&facts("2020-12-30", 1, 1, 0, 1, 0)).into_iter().map(|(en, _)| en).collect();
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
    fn a_share_names_its_denominator_and_never_one_of_a_later_day() {
        let facts = facts("2022-05-31", 2, 900_130, 412_350, 10, 0);
        let of = |as_at: &str, value| Denominator {
            id: "population".to_owned(),
            name: Bilingual { en: "the population of Hong Kong".to_owned(), zh_hant: "香港人口".to_owned() },
            as_at: on(as_at),
            value,
            source: "Census and Statistics Department".to_owned(),
        };
        let denominators = vec![of("2021-12-31", 7_403_100), of("2022-12-31", 1), of("2020-12-31", 2)];
        let outside = Outside { denominators, ..Outside::default() };
        let share = said(&facts, &outside, "accounts.registered", Some("population")).unwrap();
        assert_eq!((share.value, share.rounding.rule, share.unit), (177, Rule::About, Unit::PerMille));
        assert_eq!(
            share.text.en,
            "Registered users as at end-May 2022: about 17.7% of the population of Hong Kong (31 December 2021)."
        );
        assert_eq!(share.text.zh_hant, "截至2022年5月底，登記用戶約佔香港人口（2021年12月31日）的17.7%。");
        let of = share.share.unwrap();
        assert_eq!((of.part, of.whole), (1_312_480, 7_403_100));
        let none = Outside { denominators: outside.denominators[1..2].to_vec(), ..Outside::default() };
        let because = said(&facts, &none, "accounts.registered", Some("population")).unwrap_err();
        assert_eq!(because, "no number to take a share of is given for 31 May 2022 or a day before");
    }

    #[test]
    fn what_cannot_be_given_says_why() {
        let mut facts = facts("2022-05-31", 2, 10, 0, 10, 0);
        let outside = Outside::default();
        let because = |facts: &Facts, id: &str| said(facts, &outside, id, None).unwrap_err();
        assert!(because(&facts, "usage.outside").starts_with("the platform has no record"));
        assert!(because(&facts, "sandbox.participants").starts_with("the programme runs on sandbox"));
        assert!(because(&facts, "suspensions.median-time").starts_with("no account was suspended"));
        let took = |seconds: i64| SuspensionRow {
            day: on("2022-05-01"),
            reason: domain::SuspensionReason::LostDevice,
            took_ms: Some(seconds * 1_000),
        };
        facts.suspensions = (1..=5).map(took).collect();
        assert!(because(&facts, "suspensions.p95-time").starts_with("so few accounts"));
        facts.suspensions = (1..=100).map(took).collect();
        let value = |id: &str| said(&facts, &outside, id, None).unwrap().value;
        assert_eq!((value("suspensions.median-time"), value("suspensions.p95-time"), value("suspensions.total")), (50, 95, 100));
        let words =
            unavailable(&known().get("usage.outside").unwrap().name, Bilingual { en: "x".to_owned(), zh_hant: "甲".to_owned() });
        let words = words.unwrap();
        assert!(words.en.ends_with("not available, because x.") && words.zh_hant.ends_with("未能提供，因為甲。"), "{words:?}");
    }
}
