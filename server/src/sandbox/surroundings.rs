//! What a population is loaded into: the places of registration, and the services that have joined.

use std::collections::BTreeMap;

use api::Field;
use api::service::ListServices;
use domain::population::{KnownService, Surroundings};
use domain::{ClientId, Day, Finding};

use crate::failure::Failure;
use crate::places;
use crate::store::Read;

const PAGE: i64 = 1_000;

/// Places and services as they are now.
pub(super) async fn surroundings(read: &mut Read) -> Result<Surroundings, Failure> {
    let mut services = BTreeMap::new();
    for (client, (_, known)) in all_services(read).await? {
        services.insert(client, known);
    }
    Ok(Surroundings { locations: places::known()?.clone(), services })
}

/// The code of every service.
pub(super) async fn codes(read: &mut Read) -> Result<BTreeMap<ClientId, i32>, Failure> {
    Ok(all_services(read).await?.into_iter().map(|(client, (code, _))| (client, code)).collect())
}

async fn all_services(read: &mut Read) -> Result<BTreeMap<ClientId, (i32, KnownService)>, Failure> {
    let mut services = BTreeMap::new();
    let mut after: Option<ClientId> = None;
    loop {
        let page = read.services(&ListServices::default(), after.as_ref(), PAGE).await?;
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows >= PAGE);
        for row in page {
            let client = row.service.client()?;
            let since = row.service.since.map_or(Day::MIN, Day::from_number);
            after = Some(client.clone());
            services.insert(client, (row.service.code, KnownService { since, functions: row.service.functions()? }));
        }
        if !full {
            return Ok(services);
        }
    }
}

/// Findings as an answer.
pub(super) fn invalid(findings: Vec<Finding>) -> Failure {
    let code = match findings.as_slice() {
        [first, rest @ ..] if rest.iter().all(|finding| finding.code == first.code) => first.code,
        _ => "population.invalid",
    };
    let message = match findings.as_slice() {
        [only] => format!("{}; nothing was begun", only.message),
        many => format!("{} mistakes in the population; nothing was begun", many.len()),
    };
    let fields = findings.into_iter().take(200).map(|finding| Field {
        path: if finding.path.is_empty() { "population".to_owned() } else { format!("population.{}", finding.path) },
        file: None,
        line: None,
        column: None,
        code: Some(finding.code.to_owned()),
        message: match finding.hint {
            Some(hint) => format!("{}; {hint}", finding.message),
            None => finding.message,
        },
    });
    Failure::Invalid { code, message, fields: fields.collect() }
}
