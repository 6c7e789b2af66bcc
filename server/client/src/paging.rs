//! Lists come in pages; whoever wants the whole asks on.

use std::collections::VecDeque;

use api::page::{MAX_LIMIT, PageRequest};
use api::{Operation, Page};
use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::connection::{CallOptions, Connection};
use crate::error::ClientError;

/// An operation that answers in pages.
pub trait Paged: Operation<Reply = Page<Self::Item>> {
    /// What a row is.
    type Item: Send + 'static;

    /// The part that asks for a page.
    fn page(&mut self) -> &mut PageRequest;
}

macro_rules! paged {
    ($($operation:ty => $item:ty),+ $(,)?) => {
        $(impl Paged for $operation {
            type Item = $item;

            fn page(&mut self) -> &mut PageRequest {
                &mut self.page
            }
        })+
    };
}

paged! {
    api::account::ListAccounts => api::account::AccountSummary,
    api::registration::ListRegistrations => api::registration::RegistrationView,
    api::registration::ListStations => api::registration::StationView,
    api::audit::ListAudit => api::audit::AuditView,
    api::certificate::ListCertificates => api::certificate::CertificateView,
    api::credential::ListCredentials => api::credential::CredentialView,
    api::inventory::ListInventory => api::inventory::InventoryItem,
    api::inventory::ShowCalendar => api::inventory::CalendarEntry,
    api::job::ListJobs => api::job::JobView,
    api::key::ListKeys => api::key::KeyView,
    api::operator::ListOperators => api::operator::OperatorView,
    api::relying_party::ListParties => api::relying_party::PartySummary,
    api::rotation::ListPlans => api::rotation::PlanView,
    api::service::ListServices => api::service::ServiceView,
}

struct Asking<O> {
    connection: Connection,
    op: O,
    options: CallOptions,
    left: Option<u64>,
    over: bool,
}

impl Connection {
    /// The pages of a list, one after the other, until there is no more or `limit` rows were given. `op`'s own `after` is
    /// where it begins; its own `limit` is not looked at.
    pub fn pages<O: Paged>(
        &self,
        op: O,
        options: &CallOptions,
        limit: Option<u64>,
    ) -> impl Stream<Item = Result<Vec<O::Item>, ClientError>> + Send + use<O> {
        let asking = Asking { connection: self.clone(), op, options: options.clone(), left: limit, over: limit == Some(0) };
        try_unfold(asking, |mut asking| async move {
            if asking.over {
                return Ok(None);
            }
            let room = asking.left.map_or(MAX_LIMIT, |left| u32::try_from(left).unwrap_or(MAX_LIMIT).min(MAX_LIMIT));
            asking.op.page().limit = Some(room);
            let page = asking.connection.call(&asking.op, &asking.options).await?.reply;
            let mut items = page.items;
            if let Some(left) = asking.left {
                items.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                asking.left = Some(left - items.len() as u64);
            }
            // A server that names the same page again would be asked for ever.
            asking.over = asking.left == Some(0) || page.next.is_none() || page.next == asking.op.page().after;
            asking.op.page().after = page.next;
            Ok(Some((items, asking)))
        })
    }

    /// A whole list in memory; for lists known to be short.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn list_all<O: Paged>(
        &self,
        op: O,
        options: &CallOptions,
        limit: Option<u64>,
    ) -> Result<Vec<O::Item>, ClientError> {
        use futures_util::TryStreamExt;
        let pages: VecDeque<Vec<O::Item>> = self.pages(op, options, limit).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }
}
