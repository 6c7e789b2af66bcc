//! The rows and columns of a dimension: which there are, in which order, and what they are called.

use domain::{
    Bilingual, Channel, Dimension, Function, Industry, Measure, Month, Sector, Sex, SuspensionReason, Tier, UsageChannel,
};

use super::definitions::categories;
use super::facts::Facts;
use super::grouping::{AGES, UNDER_AGE};
use super::words::say;
use crate::store::StoreError;

/// A row or column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its group.
    pub group: i64,
    /// Stable id.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
}

fn head(group: i64, id: &str, key: &str) -> anyhow::Result<Head> {
    Ok(Head { group, id: id.to_owned(), name: say(key, &[])? })
}

/// The row of a month.
#[must_use]
pub fn month(month: Month) -> Head {
    let name = Bilingual { en: month.english(), zh_hant: month.chinese() };
    Head { group: month.number().into(), id: month.to_string(), name }
}

/// Those of a dimension, as the numbers of `found` groups are of: services and departments by what they were called on the day.
///
/// # Errors
/// When words are missing, or a service is not on record.
pub fn heads(facts: &Facts, measure: Measure, dimension: Dimension, found: &[i64]) -> anyhow::Result<Vec<Head>> {
    let mut heads = Vec::new();
    macro_rules! all {
        ($list:expr, $prefix:literal) => {
            for word in $list {
                heads.push(head(
                    i64::from(word.code()),
                    word.as_str(),
                    &format!(concat!($prefix, "-{}"), word.as_str().to_lowercase()),
                )?);
            }
        };
    }
    match dimension {
        Dimension::Sector => all!(Sector::ALL, "sector"),
        Dimension::Function => all!(Function::ALL, "function"),
        Dimension::Tier => all!(Tier::ALL, "tier"),
        Dimension::Channel if measure == Measure::Uses => all!(UsageChannel::ALL, "way"),
        Dimension::Channel => all!(Channel::ALL, "channel"),
        Dimension::Sex => all!(Sex::ALL, "sex"),
        Dimension::Industry => all!(Industry::ALL, "industry"),
        Dimension::Reason => all!(SuspensionReason::ALL, "reason"),
        Dimension::Category => {
            for entry in &categories()?.categories {
                heads.push(Head { group: entry.id.code().into(), id: entry.id.to_string(), name: entry.name.clone() });
            }
        }
        Dimension::Age => {
            if found.contains(&UNDER_AGE) {
                heads.push(head(UNDER_AGE, "under-11", "age-under")?);
            }
            for (first, next) in AGES.iter().zip(AGES.iter().skip(1).map(Some).chain([None])) {
                let range = match next {
                    Some(next) => format!("{first}-{}", next - 1),
                    None => format!("{first}-and-over"),
                };
                let name = match next {
                    Some(next) => {
                        let range = format!("{first}–{}", next - 1);
                        say("age-range", &[("range", range.into())])?
                    }
                    None => say("age-over", &[("first", first.to_string().into())])?,
                };
                heads.push(Head { group: *first, id: range, name });
            }
        }
        Dimension::Service => {
            for group in found {
                let code = i32::try_from(*group).unwrap_or(0);
                let version = facts.services.on(code, facts.as_at)?;
                heads.push(Head { group: *group, id: version.service.to_string(), name: version.name.clone() });
            }
        }
        Dimension::Department => {
            for group in found {
                let (id, name) = facts
                    .services
                    .department_at(*group, facts.as_at)
                    .ok_or_else(|| StoreError::Broken(anyhow::anyhow!("uses are counted for a party that is not on record")))?;
                heads.push(Head { group: *group, id, name });
            }
        }
        Dimension::Month => {}
    }
    let unsaid = match dimension {
        Dimension::Category => Some(("none", "no-category")),
        Dimension::Industry => Some(("none", "no-industry")),
        Dimension::Age => Some(("not-recorded", "not-recorded")),
        Dimension::Sex => Some(("not-recorded", "not-recorded")),
        _ if found.contains(&0) && !matches!(dimension, Dimension::Service | Dimension::Department) => {
            Some(("not-recorded", "not-recorded"))
        }
        _ => None,
    };
    if let Some((id, key)) = unsaid {
        heads.push(head(0, id, key)?);
    }
    Ok(heads)
}
