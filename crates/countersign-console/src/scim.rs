//! The door for directories: SCIM 2.0 (RFC 7643, RFC 7644) under `/scim/v2`. A directory proves who it
//! is by its bearer token, and sees and changes what is its own. What follows for people, governance
//! decides; nothing here signs anybody in, and nothing here is for people.

mod error;
mod filter;
mod group;
mod list;
mod patch;
mod resources;
mod schema;
mod user;

use aws_lc_rs::constant_time;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use countersign_governance::{Directory, Governance};
use countersign_identity::Hidden;
use countersign_model::Digest;
use error::ScimError;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What the door is made of.
#[derive(Debug)]
pub struct ScimParts {
    /// Keeps what directories say.
    pub governance: Governance,
    /// The directories.
    pub providers: Vec<ScimProvider>,
    /// Where the gateway is: `https://gateway.acme.example`.
    pub public_url: String,
}

/// A directory that tells by SCIM.
#[derive(Debug)]
pub struct ScimProvider {
    /// Its name here, and how its names are compared.
    pub directory: Directory,
    /// The bearer token that it shows.
    pub token: Hidden,
    /// What names a person in the tokens of its issuer.
    pub subject_from: SubjectFrom,
    /// What stands before a subject of its issuer.
    pub subject_prefix: String,
    /// Prefixes of other issuers that begin with its own: what they name is not its to name.
    pub foreign_prefixes: Vec<String>,
}

/// Which attribute of a user is their name in the issuer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectFrom {
    /// `userName`.
    UserName,
    /// `externalId`.
    ExternalId,
    /// The primary e-mail address.
    Email,
}

impl SubjectFrom {
    fn attribute(self) -> &'static str {
        match self {
            Self::UserName => "userName",
            Self::ExternalId => "externalId",
            Self::Email => "a primary e-mail address",
        }
    }
}

/// A directory as requests see it.
#[derive(Debug)]
struct Provider {
    directory: Directory,
    token: Digest,
    subject_from: SubjectFrom,
    subject_prefix: String,
    foreign_prefixes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Scim(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    governance: Governance,
    providers: Vec<Arc<Provider>>,
    /// Where resources are: `https://gateway.acme.example/scim/v2`.
    base: String,
    turns: Semaphore,
}

/// The door. To be mounted at the root: its paths begin with `/scim/v2`.
pub fn scim_router(parts: ScimParts) -> Router {
    let ScimParts { governance, providers, public_url } = parts;
    let provider = |it: ScimProvider| {
        Arc::new(Provider {
            directory: it.directory,
            token: Digest::of(it.token.reveal().as_bytes()),
            subject_from: it.subject_from,
            subject_prefix: it.subject_prefix,
            foreign_prefixes: it.foreign_prefixes,
        })
    };
    let scim = Scim(Arc::new(Shared {
        governance,
        providers: providers.into_iter().map(provider).collect(),
        base: format!("{}/scim/v2", public_url.trim_end_matches('/')),
        turns: Semaphore::new(REQUESTS_AT_ONCE_MAX),
    }));
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(schema::configuration))
        .route("/scim/v2/ResourceTypes", get(schema::resource_types))
        .route("/scim/v2/ResourceTypes/{name}", get(schema::resource_type))
        .route("/scim/v2/Schemas", get(schema::schemas))
        .route("/scim/v2/Schemas/{name}", get(schema::schema))
        .route("/scim/v2/Users", get(list::users).post(resources::add_user))
        .route(
            "/scim/v2/Users/{id}",
            get(resources::show_user)
                .put(resources::put_user)
                .patch(resources::patch_user)
                .delete(resources::delete_user),
        )
        .route("/scim/v2/Groups", get(list::groups).post(resources::add_group))
        .route(
            "/scim/v2/Groups/{id}",
            get(resources::show_group)
                .put(resources::put_group)
                .patch(resources::patch_group)
                .delete(resources::delete_group),
        )
        .fallback(any(|| async { ScimError::new(404, None, "there is nothing at this path") }))
        .method_not_allowed_fallback(|| async {
            ScimError::new(405, None, "this is not answered here")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(scim.clone(), admit))
        .with_state(scim)
}

/// Lets a directory in, for what is its own.
async fn admit(State(scim): State<Scim>, mut request: Request, next: Next) -> Response {
    let Some(provider) = scim.provider(request.headers()) else {
        return ScimError::new(401, None, "the bearer token is not that of a directory")
            .into_response();
    };
    let Ok(_turn) = scim.0.turns.try_acquire() else {
        return ScimError::new(429, None, "more requests at once than are taken").into_response();
    };
    request.extensions_mut().insert(provider);
    match tokio::time::timeout(ANSWERED_WITHIN, next.run(request)).await {
        Ok(response) => said(response),
        Err(_) => ScimError::new(503, None, "this took too long; try again").into_response(),
    }
}

impl Scim {
    /// Whose token it is. Every token is compared, and its digest, so that time tells nothing.
    fn provider(&self, headers: &HeaderMap) -> Option<Arc<Provider>> {
        let mut named = headers.get_all(header::AUTHORIZATION).iter();
        let (value, None) = (named.next()?.to_str().ok()?, named.next()) else { return None };
        let (scheme, token) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let given = Digest::of(token.trim().as_bytes());
        let mut found = None;
        for provider in &self.0.providers {
            let same = constant_time::verify_slices_are_equal(&given.0, &provider.token.0);
            if same.is_ok() {
                found = Some(Arc::clone(provider));
            }
        }
        found
    }
}

/// What the framework refuses by itself, as this protocol says it.
fn said(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|it| *it == SCIM_JSON);
    if is_error && !is_ours {
        let why = status.canonical_reason().unwrap_or("the request can't be read");
        return ScimError::new(status.as_u16(), None, why).into_response();
    }
    response
}

/// An answer with a body.
fn answer(status: StatusCode, body: &Value) -> Response {
    let json = HeaderValue::from_static(SCIM_JSON);
    let headers = [
        (header::CONTENT_TYPE, json),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body.to_string()).into_response()
}

const SCIM_JSON: &str = "application/scim+json; charset=utf-8";
/// Bytes of a request's body at most: a group with its ten thousand members.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Requests of all directories that are answered at once.
const REQUESTS_AT_ONCE_MAX: usize = 16;
/// How long a request may take, its body included.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
