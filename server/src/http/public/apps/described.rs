//! What apps may ask, described.

use api::Page;
use api::app::{own, registration, request};
use schemars::JsonSchema;

use crate::http::openapi::{Endpoint, Scheme, Verb};

/// How a request of an app may fail.
const PROBLEMS: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503];

fn signed(verb: Verb, path: &'static str, name: &'static str, says: &'static str) -> Endpoint {
    Endpoint::new(verb, path, name, says).secured(&[Scheme::Device]).problems(PROBLEMS)
}

fn read<T: JsonSchema>(path: &'static str, name: &'static str, says: &'static str) -> Endpoint {
    signed(Verb::Get, path, name, says).gives::<T>(200, "As things stand.")
}

fn done<B: JsonSchema, T: JsonSchema>(path: &'static str, name: &'static str, says: &'static str) -> Endpoint {
    signed(Verb::Post, path, name, says).takes::<B>().gives::<T>(200, "Done, and durable.")
}

pub(super) fn waiting() -> Endpoint {
    read::<Vec<request::AppRequest>>(
        request::REQUESTS,
        "requests.list",
        "The requests that wait for this citizen, the oldest first.",
    )
}

pub(super) fn takes_up() -> Endpoint {
    done::<request::TakeUp, request::AppRequest>(request::CLAIM, "requests.claim", "")
}

const ID: (&str, &str) = ("request", "The request's id.");

pub(super) fn approves() -> Endpoint {
    done::<request::Approval, request::Decided>(request::APPROVE, "requests.approve", "").part(ID.0, ID.1)
}

pub(super) fn refuses() -> Endpoint {
    done::<request::Refuse, request::Decided>(request::REFUSE, "requests.refuse", "").part(ID.0, ID.1)
}

pub(super) fn uses() -> Endpoint {
    read::<Page<own::Use>>(own::USES, "own.uses", "What came of the requests of this citizen, the latest first.")
        .query("after", "Goes on behind this request: the `next` of the page before.", false)
        .query("limit", "Rows of the page, 1 to 200; 200 when left out.", false)
}

pub(super) fn consents() -> Endpoint {
    read::<Vec<own::Consent>>(own::CONSENTS, "own.consents", "What this citizen lets services know.")
}

pub(super) fn withdraws() -> Endpoint {
    signed(Verb::Delete, own::CONSENT, "own.withdraw", "Withdraws a consent; the service's logins end with it.")
        .part("client", "The service, PARTY.SERVICE.")
        .gives::<own::Withdrawn>(200, "Done, and durable.")
}

pub(super) fn suspends() -> Endpoint {
    done::<own::SuspendOwn, own::OwnSuspension>(own::SUSPEND, "own.suspend", "")
}

pub(super) fn login_hint() -> Endpoint {
    read::<own::LoginHint>(own::LOGIN_HINT, "own.login-hint", "What this citizen shows to a service that is to ask for them.")
}

pub(super) fn registers() -> Endpoint {
    let says = "Asks for the registration of a person: a station by its certificate, a phone by the key that it binds.";
    done::<registration::Register, registration::Registering>(registration::REGISTRATIONS, "registrations.begin", says)
        .secured(&[Scheme::Certificate])
}

pub(super) fn binds() -> Endpoint {
    let says = "Binds the key of the app on a citizen's phone: the key that signs this request.";
    done::<registration::BindDevice, registration::Bound>(registration::DEVICE, "registrations.bind", says)
        .part("registration", "The registration's id.")
}
