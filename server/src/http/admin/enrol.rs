//! `POST /enrol`: a one-time code and a CSR become an operator's certificate.

use std::sync::Arc;
use std::time::Duration;

use api::enrol::Enrol;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::RequestId;

use super::super::problem::respond;
use crate::app::App;
use crate::failure::Failure;
use crate::operator::turned_away::{self, Stranger};

/// How long an enrolment may take: less than the client waits.
const PATIENCE: Duration = Duration::from_secs(8);

fn out_of_patience() -> Failure {
    Failure::Unavailable {
        code: "store.not-confirmed",
        message: format!("NOT CONFIRMED: the database gave no answer within {} s", PATIENCE.as_secs()),
        hint: Some(
            "try again; if the code is refused then, ask for a new one ('iamctl operator add' for the same id, with the same name and roles)".to_owned(),
        ),
    }
}

pub async fn enrol(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    // Neither the code nor the CSR is repeated in an error: the code is a secret.
    let asked: Result<Enrol, Failure> = serde_json::from_slice(&body)
        .map_err(|_| Failure::invalid("request.invalid", "an enrolment is a JSON object with 'code' and 'csr'"));
    let enrolled = match asked {
        Ok(asked) => match tokio::time::timeout(PATIENCE, crate::operator::enrol::enrol(&app, asked, request)).await {
            Ok(enrolled) => enrolled,
            Err(_) => Err(out_of_patience()),
        },
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
            if let Failure::Denied(refusal) = &failure {
                let stranger = Stranger {
                    action: "operator.enrol",
                    code: refusal.code,
                    shown: String::new(),
                    request: Some(request),
                    facts: serde_json::Map::new(),
                };
                turned_away::note(&app, stranger).await;
            }
            respond(&failure.into_problem(Some(request.to_string())))
        }
    }
}
