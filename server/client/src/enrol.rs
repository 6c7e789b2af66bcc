//! Enrolment: a one-time code and a proven key become a certificate. The one request without a client certificate.

use std::time::Duration;

use api::enrol::{Enrol, Enrolled};
use http::HeaderMap;

use crate::connection::{Connection, Post};
use crate::error::ClientError;

/// Sends the code and the CSR to `server`, whose certificate must lead to `ca` (PEM).
///
/// # Errors
/// A problem of the server, or why there is no reply. When no answer came the code may be used up.
pub async fn enrol(server: &str, ca: &[u8], request: &Enrol, timeout: Duration) -> Result<Enrolled, ClientError> {
    let connection = Connection::without_certificate(server, ca)?;
    let post = Post { path: api::enrol::PATH.to_owned(), headers: HeaderMap::new(), operation: "enrol", key: None, write: true };
    Ok(connection.post(post, request, timeout).await?.reply)
}
