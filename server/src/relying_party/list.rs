use api::Page;
use api::relying_party::{ListParties, PartySummary};
use domain::Bilingual;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{ListedPartyRow, StoreError};

/// Parties by id.
pub async fn list(app: &App, _: &Caller, op: ListParties) -> Result<Page<PartySummary>, Failure> {
    let limit = op.page.limit();
    let mut read = app.store.read().await?;
    let rows = read.parties(op.sector, op.state, op.page.after.as_deref().unwrap_or_default(), limit).await?;
    let items = rows.into_iter().map(summary).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |party| party.rp.to_string());
    Ok(Page { items, next })
}

fn summary(row: ListedPartyRow) -> Result<PartySummary, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("relying party {} has a bad {what}", row.id));
    Ok(PartySummary {
        rp: row.id.parse().map_err(|_| broken("id"))?,
        sector: row.sector.parse().map_err(|_| broken("sector"))?,
        industry: row.industry.as_deref().map(str::parse).transpose().map_err(|_| broken("industry"))?,
        state: row.state.parse().map_err(|_| broken("state"))?,
        services: u32::try_from(row.services).map_err(|_| broken("number of services"))?,
        organisation: Bilingual { en: row.name_en, zh_hant: row.name_zh_hant },
        synthetic: row.synthetic,
        version: row.version,
    })
}
