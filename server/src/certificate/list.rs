use std::time::Duration;

use api::Page;
use api::certificate::{CertificateView, ListCertificates};
use domain::{AccountId, Kid, OperatorId, RelyingPartyId, Serial};

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{CertificateFilter, Read};

/// Certificates in the order in which they end.
pub async fn list(app: &App, _: &Caller, op: ListCertificates) -> Result<Page<CertificateView>, Failure> {
    let (now, limit) = (app.clock.now(), op.page.limit());
    let days = |days: u32| now.plus(Duration::from_hours(24 * u64::from(days)));
    let filter = CertificateFilter {
        holder_kind: op.holder_kind,
        holder: op.holder,
        issuer: op.issuer,
        profile: op.profile,
        state: op.state,
        ends_before: op.ends_within_days.map(days),
        ends_after: op.not_ended.then_some(now),
    };
    let after: Option<Serial> = op
        .page
        .after
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: domain::IdError| Failure::invalid_field(error.code(), "after", error.to_string()))?;
    let mut read = app.store.read().await?;
    let rows = read.certificates(&filter, now, after.as_ref(), limit).await?;
    if rows.is_empty() {
        known(&mut read, &filter).await?;
    }
    let items = rows.iter().map(|row| view(row, now)).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |view| view.serial.to_string());
    Ok(Page { items, next })
}

/// Refuses a holder or an authority that there is not: a slip of the pen is not the same as having no certificate.
async fn known(read: &mut Read, filter: &CertificateFilter) -> Result<(), Failure> {
    if let Some(issuer) = &filter.issuer {
        let there = match issuer.parse::<Kid>() {
            Ok(kid) => read.key(&kid).await?.is_some(),
            Err(_) => false,
        };
        if !there {
            return Err(Failure::not_found("authority", issuer));
        }
    }
    let Some(holder) = &filter.holder else { return Ok(()) };
    let mut there = false;
    if let Ok(party) = holder.parse::<RelyingPartyId>() {
        there |= read.party(&party).await?.is_some();
    }
    if let Ok(operator) = holder.parse::<OperatorId>() {
        there |= read.operator(&operator).await?.is_some();
    }
    if let Ok(account) = holder.parse::<AccountId>() {
        there |= read.account(account).await?.is_some();
    }
    if let Ok(kid) = holder.parse::<Kid>() {
        there |= read.key(&kid).await?.is_some();
    }
    if there { Ok(()) } else { Err(Failure::not_found("holder", holder)) }
}
