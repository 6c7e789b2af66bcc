use std::time::Duration;

use api::Page;
use api::certificate::{CertificateView, ListCertificates};
use domain::Serial;

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::CertificateFilter;

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
    };
    let after: Option<Serial> = op
        .page
        .after
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: domain::IdError| Failure::invalid_field(error.code(), "after", error.to_string()))?;
    let rows = app.store.read().await?.certificates(&filter, now, after.as_ref(), limit).await?;
    let items = rows.iter().map(|row| view(row, now)).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |view| view.serial.to_string());
    Ok(Page { items, next })
}
