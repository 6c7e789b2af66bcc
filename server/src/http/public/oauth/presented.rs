//! A request of a client to an endpoint of ours, before it is known whether it is one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use domain::RequestId;

use super::error::OAuthError;
use super::form::Parameters;
use crate::app::App;
use crate::http::accept::{CameFrom, Peer, PeerCertificate};
use crate::http::party::Party;

/// What came, and how.
#[derive(Debug)]
pub struct Presented {
    /// The request, as the log and the audit log call it.
    pub id: RequestId,
    /// `POST`, mostly.
    pub method: Method,
    /// The path it came to.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its form.
    pub form: Parameters,
    /// Where it came from.
    pub from: CameFrom,
    /// The party of the connection's certificate, where there is one.
    pub party: Option<Party>,
    /// That certificate.
    pub certificate: Option<Arc<PeerCertificate>>,
}

impl Presented {
    /// Receives a request with its form.
    ///
    /// # Errors
    /// As [`Parameters::receive`].
    pub async fn receive(app: &App, request: Request) -> Result<Self, OAuthError> {
        let (presented, body) = Self::head(app, request);
        let form = Parameters::receive(&presented.headers, body).await?;
        Ok(Self { form, ..presented })
    }

    /// The same without a form: its body is left for others.
    pub fn head(app: &App, request: Request) -> (Self, Body) {
        let (mut parts, body) = request.into_parts();
        let certificate = parts.extensions.remove::<Peer>().and_then(|peer| peer.0);
        let presented = Self {
            id: RequestId::new(app.clock.now(), app.entropy.as_ref()),
            method: parts.method,
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            form: Parameters::default(),
            party: parts.extensions.remove::<Party>(),
            from: parts.extensions.remove::<CameFrom>().unwrap_or_default(),
            certificate,
        };
        (presented, body)
    }

    /// The address that it was sent to, as this platform calls itself; never what its `Host` says.
    #[must_use]
    pub fn address(&self, app: &App) -> String {
        format!("{}{}", app.issuer_url, self.path)
    }
}
