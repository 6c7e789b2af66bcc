//! `POST /enrol`: a one-time code and a CSR become an operator's certificate.

use std::sync::Arc;

use api::enrol::Enrol;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::RequestId;

use super::super::problem::respond;
use crate::app::App;
use crate::failure::Failure;

pub async fn enrol(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    // Neither the code nor the CSR is repeated in an error: the code is a secret.
    let asked: Result<Enrol, Failure> = serde_json::from_slice(&body)
        .map_err(|_| Failure::invalid("request.invalid", "an enrolment is a JSON object with 'code' and 'csr'"));
    let enrolled = match asked {
        Ok(asked) => crate::operator::enrol::enrol(&app, asked, request).await,
        Err(failure) => Err(failure),
    };
    match enrolled {
        Ok(enrolled) => {
            app.wake.sealer.notify_one();
            Json(enrolled).into_response()
        }
        Err(failure) => {
            if let Failure::Internal(cause) = &failure {
                tracing::error!(%request, ?cause, "an enrolment failed");
            } else {
                tracing::info!(%request, code = failure.code(), "an enrolment was refused");
            }
            respond(&failure.into_problem(Some(request.to_string())))
        }
    }
}
