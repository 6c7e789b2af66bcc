//! Numbers from outside, as a question brings them: denominators, all uses of services, plans.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use api::stats::{Denominator, Planned, Question, ServiceTotal};
use domain::text::visible;
use domain::{Count, Day, Dimension, Month};

use super::definitions::categories;
use super::facts::Facts;
use super::grid::Span;
use super::nested::{LeftOut, Nested};
use super::tally::whole;
use crate::failure::Failure;

/// For so many spans of months the uses of services may be given: what may be told is worked out for each.
const MOST_SPANS: usize = 64;

/// The numbers of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// Numbers to take shares of.
    pub denominators: Vec<Denominator>,
    /// All uses of services.
    pub service_totals: Vec<ServiceTotal>,
    /// Services planned, where it is not the paper of 2020 that says so.
    pub planned: Vec<Planned>,
}

impl Outside {
    /// Those of a question.
    ///
    /// # Errors
    /// `stats.denominator` when one is nothing or has no source; `stats.service-total` when its months have not ended.
    pub fn of(question: &Question, as_at: Day) -> Result<Self, Failure> {
        let sourced = |path: String, source: &str| match source.trim().is_empty() {
            true => Err(Failure::invalid_field("stats.denominator", path, "a number from outside needs its source")),
            false => Ok(()),
        };
        for (place, number) in question.denominators.iter().enumerate() {
            sourced(format!("question.denominators[{place}].source"), &number.source)?;
            if number.value == 0 {
                let path = format!("question.denominators[{place}].value");
                let message = format!("'{}' is 0, and nothing is a share of 0", visible(&number.id));
                return Err(Failure::invalid_field("stats.denominator", path, message));
            }
            // The same in the question and in the file of denominators is no contradiction.
            let other = |known: &Denominator| known.id == number.id && known.as_at == number.as_at && known != number;
            if question.denominators[..place].iter().any(other) {
                let path = format!("question.denominators[{place}]");
                let message = format!("'{}' of {} stands twice, and the two differ", visible(&number.id), number.as_at);
                return Err(Failure::invalid_field("stats.denominator", path, message));
            }
        }
        for (place, total) in question.service_totals.iter().enumerate() {
            sourced(format!("question.serviceTotals[{place}].source"), &total.source)?;
            let path = |part: &str| format!("question.serviceTotals[{place}].{part}");
            if total.from > total.to {
                return Err(Failure::invalid_field(
                    "stats.service-total",
                    path("from"),
                    format!("{} is after {}", total.from, total.to),
                ));
            }
            if total.to.last_day() > as_at {
                let message =
                    format!("the uses of {} are given up to {}, which has not ended on {as_at}", total.service, total.to);
                return Err(Failure::invalid_field("stats.service-total", path("to"), message));
            }
            if total.uses == 0 {
                let message = format!("the uses of {} are 0, and nothing is a share of 0", total.service);
                return Err(Failure::invalid_field("stats.service-total", path("uses"), message));
            }
            let meets = |known: &ServiceTotal| known.service == total.service && known.from <= total.to && total.from <= known.to;
            if question.service_totals[..place].iter().any(meets) {
                let message = format!("months of {} stand twice", total.service);
                return Err(Failure::invalid_field("stats.service-total", path("from"), message));
            }
        }
        for (place, planned) in question.planned.iter().enumerate() {
            sourced(format!("question.planned[{place}].source"), &planned.source)?;
            let other = |known: &Planned| known.category == planned.category && known.by == planned.by && known != planned;
            if question.planned[..place].iter().any(other) {
                let message = format!("{} by {} stands twice, and the two differ", planned.category, planned.by);
                return Err(Failure::invalid_field("stats.denominator", format!("question.planned[{place}]"), message));
            }
        }
        Ok(Self {
            denominators: question.denominators.clone(),
            service_totals: question.service_totals.clone(),
            planned: question.planned.clone(),
        })
    }

    /// The newest number of an id that is not of a day after `as_at`; `Err` when there is none of that id at all.
    ///
    /// # Errors
    /// Nothing to say: the id is not known.
    pub fn denominator(&self, id: &str, as_at: Day) -> Result<Option<&Denominator>, ()> {
        let mut of_id = self.denominators.iter().filter(|number| number.id == id).peekable();
        of_id.peek().ok_or(())?;
        Ok(of_id.filter(|number| number.as_at <= as_at).max_by_key(|number| number.as_at))
    }

    /// Services planned by category: those of the question or, without any, those of the paper of 2020.
    ///
    /// # Errors
    /// When the catalogue that is compiled in cannot be read.
    pub fn planned_by(&self, as_at: Day) -> anyhow::Result<BTreeMap<String, u64>> {
        if self.planned.is_empty() {
            return Ok(categories()?.categories.iter().map(|entry| (entry.id.to_string(), entry.planned.into())).collect());
        }
        let mut of: Vec<&Planned> = self.planned.iter().filter(|planned| planned.by <= as_at).collect();
        of.sort_by_key(|planned| planned.by);
        Ok(of.into_iter().map(|planned| (planned.category.to_string(), planned.services)).collect())
    }

    /// The share of all uses of services, in parts of a thousand, by group of the dimension; none where what is published of the same
    /// months leaves out the uses it would tell of.
    ///
    /// # Errors
    /// `stats.service-total` when a service is not on record, or when fewer uses are given than were made through the platform.
    pub fn shares(
        &self,
        facts: &Facts,
        count: Option<&Count>,
        by: Dimension,
        threshold: Option<u64>,
    ) -> Result<BTreeMap<i64, Option<u64>>, Failure> {
        let Some(count) = count else { return Ok(BTreeMap::new()) };
        let groups = facts.groups(count, Some(Dimension::Service), None)?;
        let nested = Nested::of(facts, count)?;
        let mut left_out: BTreeMap<(Month, Month), LeftOut> = BTreeMap::new();
        // Ours and all of them; nothing where one of a group's services is left out.
        let mut sums: BTreeMap<i64, Option<(u64, u64)>> = BTreeMap::new();
        for (place, total) in self.service_totals.iter().enumerate() {
            let Some(code) = facts.services.code_of(&total.service) else {
                let path = format!("question.serviceTotals[{place}].service");
                return Err(Failure::invalid_field(
                    "stats.service-total",
                    path,
                    format!("there is no service '{}'", total.service),
                ));
            };
            let series = groups.get(&(code.into(), 0));
            let ours: i64 = series.map_or(0, |series| series.range(total.from..=total.to).map(|(_, count)| count).sum());
            let ours = whole(ours)?;
            let group = match by {
                Dimension::Department => facts.services.department(total.service.rp.as_str()),
                _ => code.into(),
            };
            let sum = sums.entry(group).or_insert(Some((0, 0)));
            if let (Some(threshold), Some(nested)) = (threshold, &nested) {
                let months = (total.from, total.to);
                if left_out.len() == MOST_SPANS && !left_out.contains_key(&months) {
                    let message = format!("uses of services are given for at most {MOST_SPANS} different spans of months");
                    return Err(Failure::invalid_field(
                        "stats.service-total",
                        format!("question.serviceTotals[{place}].from"),
                        message,
                    ));
                }
                if let Entry::Vacant(vacant) = left_out.entry(months) {
                    vacant.insert(nested.left_out(Span::From(total.from, total.to), threshold)?);
                }
                // Not even that there were more than are given, which would tell how many.
                if left_out[&months].contains(&(Dimension::Service, code.into())) {
                    *sum = None;
                    continue;
                }
            }
            if ours > total.uses {
                let path = format!("question.serviceTotals[{place}].uses");
                let message = format!("more uses of {} than {} were made through the platform alone", total.service, total.uses);
                return Err(Failure::invalid_field("stats.service-total", path, message));
            }
            if let Some((of, all)) = sum {
                *of += ours;
                *all = all.saturating_add(total.uses);
            }
        }
        Ok(sums.into_iter().map(|(group, sum)| (group, sum.and_then(|(ours, all)| per_mille(ours, all)))).collect())
    }
}

/// The nearest part of a thousand, half way upwards; none of nothing.
pub fn per_mille(part: u64, whole: u64) -> Option<u64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    u64::try_from((part * 2_000 + whole).checked_div(2 * whole)?).ok()
}
