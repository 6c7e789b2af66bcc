//! What a listener answers, said in one place: the list that its router is made of is the list that its OpenAPI document is made
//! of, so that nothing is mounted without being described.

pub mod document;
pub mod examples;
mod schemas;

use std::borrow::Cow;
use std::sync::Arc;

use api::Role;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::app::App;

pub use document::Document;

/// Where each listener has its document.
pub const PATH: &str = "/openapi.json";

/// The schema of a type, made where a document is.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type.
#[must_use]
pub fn shape<T: JsonSchema>() -> Shape {
    |generator| generator.subschema_for::<T>()
}

/// HTTP methods that something of ours is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// GET, and HEAD with it.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
    /// HEAD, where it is answered otherwise than GET.
    Head,
}

impl Verb {
    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
            Self::Head => MethodFilter::HEAD,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
            Self::Head => "head",
        }
    }
}

/// How somebody proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// An operator's certificate.
    Operator,
    /// A request signed by the key of a citizen's device.
    Device,
    /// A certificate of our authority for relying parties, a station's or a client's.
    Certificate,
    /// A client's signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// A client's secret.
    Secret,
    /// An access token bound to a key (RFC 9449).
    DpopToken,
    /// Another access token (RFC 6750), bound to a certificate or to nothing.
    BearerToken,
}

/// The form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// Problem documents (RFC 9457).
    Problem,
    /// RFC 6749 section 5.2; a connection's certificate that is not good any more has a problem document here too.
    OAuth,
    /// A page for people, or the same as data for whoever accepts that alone; for a certificate as above.
    Page,
}

/// Something that comes beside the body.
pub struct Parameter {
    name: &'static str,
    place: &'static str,
    says: &'static str,
    required: bool,
}

/// One answer.
pub struct Reply {
    status: u16,
    says: &'static str,
    /// Media type and schema; nothing for an answer without a body.
    content: Option<(&'static str, Option<Shape>)>,
}

/// One method of one path.
pub struct Endpoint {
    verb: Verb,
    path: Cow<'static, str>,
    name: &'static str,
    /// Empty: what the schema of the body says of itself.
    says: &'static str,
    /// Each is enough by itself; nothing where anybody may ask.
    schemes: Vec<Scheme>,
    parameters: Vec<Parameter>,
    body: Option<(&'static str, Shape)>,
    replies: Vec<Reply>,
    errors: Errors,
    statuses: Cow<'static, [u16]>,
    operation: Option<OperationFacts>,
}

/// What is said of an operation besides.
struct OperationFacts {
    roles: &'static [Role],
    effect: api::Effect,
    approval: api::Approval,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Endpoint {
    /// An endpoint that anybody may ask, and that has no answer yet.
    #[must_use]
    pub fn new(verb: Verb, path: impl Into<Cow<'static, str>>, name: &'static str, says: &'static str) -> Self {
        Self {
            verb,
            path: path.into(),
            name,
            says,
            schemes: Vec::new(),
            parameters: Vec::new(),
            body: None,
            replies: Vec::new(),
            errors: Errors::Problem,
            statuses: Cow::Borrowed(&[]),
            operation: None,
        }
    }

    /// It takes one of these.
    #[must_use]
    pub fn secured(mut self, by: &[Scheme]) -> Self {
        self.schemes.extend_from_slice(by);
        self
    }

    /// What a part of the path, in braces, means.
    #[must_use]
    pub fn part(self, name: &'static str, says: &'static str) -> Self {
        self.parameter(Parameter { name, place: "path", says, required: true })
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(self, name: &'static str, says: &'static str, required: bool) -> Self {
        self.parameter(Parameter { name, place: "query", says, required })
    }

    /// A header.
    #[must_use]
    pub fn header(self, name: &'static str, says: &'static str, required: bool) -> Self {
        self.parameter(Parameter { name, place: "header", says, required })
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// It takes a body in JSON.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some((JSON, shape::<T>()));
        self
    }

    /// It answers in JSON.
    #[must_use]
    pub fn gives<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        self.gives_as(status, says, JSON, Some(shape::<T>()))
    }

    /// It answers in something else.
    #[must_use]
    pub fn gives_as(mut self, status: u16, says: &'static str, media: &'static str, shape: Option<Shape>) -> Self {
        self.replies.push(Reply { status, says, content: Some((media, shape)) });
        self
    }

    /// It answers without a body.
    #[must_use]
    pub fn gives_nothing(mut self, status: u16, says: &'static str) -> Self {
        self.replies.push(Reply { status, says, content: None });
        self
    }

    /// It answers in problem documents of these statuses.
    #[must_use]
    pub fn problems(self, statuses: &'static [u16]) -> Self {
        Self { errors: Errors::Problem, statuses: Cow::Borrowed(statuses), ..self }
    }

    /// It answers in the errors of OAuth, of these statuses.
    #[must_use]
    pub fn oauth_errors(self, statuses: &'static [u16]) -> Self {
        Self { errors: Errors::OAuth, statuses: Cow::Borrowed(statuses), ..self }
    }

    /// It answers in pages that say what is wrong, of these statuses.
    #[must_use]
    pub fn page_errors(self, statuses: &'static [u16]) -> Self {
        Self { errors: Errors::Page, statuses: Cow::Borrowed(statuses), ..self }
    }

    /// It takes a form of that shape, each parameter once.
    #[must_use]
    pub fn takes_form(mut self, shape: Shape) -> Self {
        self.body = Some((FORM, shape));
        self
    }

    /// It answers in JSON of that shape.
    #[must_use]
    pub fn gives_json(self, status: u16, says: &'static str, shape: Shape) -> Self {
        self.gives_as(status, says, JSON, Some(shape))
    }

    /// It is an operation of an operator.
    #[must_use]
    pub fn operation<O: api::Operation>() -> Self {
        let path = format!("{}{}", api::ADMIN_PATH, O::NAME);
        let mut endpoint = Self::new(Verb::Post, path, O::NAME, "")
            .secured(&[Scheme::Operator])
            .takes::<O>()
            .gives::<O::Reply>(200, "Done, or with Dry-Run what would be done.")
            .problems(OPERATION);
        if let api::Effect::Write(_) = O::EFFECT {
            let words = "8 to 128 characters out of A-Z a-z 0-9 . _ : -; the same request under the same key is done once.";
            endpoint = endpoint.header("Idempotency-Key", words, true);
            endpoint = endpoint.header("Dry-Run", "true: the same work, and nothing is changed.", false);
        }
        endpoint.operation = Some(OperationFacts { roles: O::ROLES, effect: O::EFFECT, approval: O::APPROVAL });
        endpoint
    }

    /// The path, with its parts in braces.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// How an operation may fail; the codes are listed by `iamctl explain errors`.
const OPERATION: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 422, 500, 503];

/// Endpoints, each with what answers it.
#[derive(Default)]
pub struct Described {
    router: Router<Arc<App>>,
    endpoints: Vec<Endpoint>,
}

impl Described {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An endpoint and what answers it.
    #[must_use]
    pub fn on<H, T>(self, endpoint: Endpoint, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let Self { router, mut endpoints } = self;
        let router = router.route(&endpoint.path, on(endpoint.verb.filter(), handler));
        endpoints.push(endpoint);
        Self { router, endpoints }
    }

    /// Both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.endpoints.extend(other.endpoints);
        Self { router: self.router.merge(other.router), endpoints: self.endpoints }
    }

    /// What answers.
    pub fn into_router(self) -> Router<Arc<App>> {
        self.router
    }

    /// What is described.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}
