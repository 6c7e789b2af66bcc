//! Virtual phones: the citizen's app of a sandbox, without a handset. A real client of `/app/v1` over TLS; the keys of its devices lie
//! beside the context's file.

mod auto;
mod drawer;
mod line;
mod register;
mod station;

use api::Page;
use api::app::own::{self, Consent, LoginHint, OwnSuspension, SuspendOwn, Use, Withdrawn};
use api::app::request::{self, AppRequest, Approval, Decided, Refuse, TakeUp};
use domain::{AccountId, CitizenRequestId, Claim, ClientId};
use http::Method;

pub use auto::{Auto, RUN};
pub use drawer::{Drawer, Kept, KeptKeys};
pub use line::{Line, Signed};
pub use register::{Wish, register};
pub use station::{Station, StationKey};

use crate::error::ClientError;

/// One virtual phone.
#[derive(Debug)]
pub struct Phone {
    line: Line,
    account: AccountId,
    signed: Signed,
}

impl Phone {
    /// Takes a phone out of the drawer.
    ///
    /// # Errors
    /// When its key cannot be used.
    pub fn new(line: Line, kept: &Kept) -> Result<Self, ClientError> {
        Ok(Self { line, account: kept.account, signed: Signed::by(kept.key()?)? })
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// What waits for its citizen.
    ///
    /// # Errors
    /// A problem of the server, or why there is no reply.
    pub async fn requests(&self) -> Result<Vec<AppRequest>, ClientError> {
        self.line.get(&self.signed, request::REQUESTS).await
    }

    /// Takes up a request by what a screen shows.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn take_up(&self, shown: &str) -> Result<AppRequest, ClientError> {
        self.line.send(&self.signed, Method::POST, request::CLAIM, &TakeUp { shown: shown.to_owned() }).await
    }

    /// Agrees to a request; the reply means that it is durable.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn approve(&self, request: CitizenRequestId, claims: Vec<Claim>) -> Result<Decided, ClientError> {
        let path = request::APPROVE.replace("{request}", &request.to_string());
        self.line.send(&self.signed, Method::POST, &path, &Approval { claims }).await
    }

    /// Says no to a request; the reply means that it is durable.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn refuse(&self, request: CitizenRequestId) -> Result<Decided, ClientError> {
        let path = request::REFUSE.replace("{request}", &request.to_string());
        self.line.send(&self.signed, Method::POST, &path, &Refuse {}).await
    }

    /// What became of its citizen's requests, all of them, the latest first.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn uses(&self) -> Result<Vec<Use>, ClientError> {
        self.uses_by(own::MOST_USES).await
    }

    /// The same, fetched so many at a time.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn uses_by(&self, limit: u32) -> Result<Vec<Use>, ClientError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page: Page<Use> = self.line.get(&self.signed, &format!("{}?limit={limit}{after}", own::USES)).await?;
            all.extend(page.items);
            let Some(next) = page.next else { return Ok(all) };
            after = format!("&after={next}");
        }
    }

    /// What its citizen lets services know.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn consents(&self) -> Result<Vec<Consent>, ClientError> {
        self.line.get(&self.signed, own::CONSENTS).await
    }

    /// Takes a consent back.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn withdraw(&self, client: &ClientId) -> Result<Withdrawn, ClientError> {
        self.line.without_body(&self.signed, Method::DELETE, &own::CONSENT.replace("{client}", &client.to_string())).await
    }

    /// Stops its citizen's own account.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn suspend(&self) -> Result<OwnSuspension, ClientError> {
        self.line.send(&self.signed, Method::POST, own::SUSPEND, &SuspendOwn {}).await
    }

    /// A token by which a service can ask for its citizen.
    ///
    /// # Errors
    /// As [`Phone::requests`].
    pub async fn login_hint(&self) -> Result<LoginHint, ClientError> {
        self.line.get(&self.signed, own::LOGIN_HINT).await
    }
}
