//! An OpenID provider for demos and tests: small, correct, and open to anybody who can reach it.
//!
//! It signs people in by asking who they are today, so it exists on loopback only: its constructor
//! refuses every other issuer, and its routes refuse every other `Host`. It never keeps a session, a
//! password or a token; what waits (codes, device codes, refresh tokens) lives in bounded maps and
//! is gone after a restart. It never opens a port: [`Idp::router`] works under any path prefix.
//!
//! | route | what it is |
//! |---|---|
//! | `GET /.well-known/openid-configuration` | discovery (OpenID Connect Discovery 1.0, RFC 8414) |
//! | `GET /jwks` | the public key (RFC 7517) |
//! | `GET, POST /authorize` | code with PKCE S256 (RFC 6749, RFC 7636, RFC 9207): "Who are you today?" |
//! | `POST /token` | code, refresh token, device code, client credentials |
//! | `POST /device_authorization`, `GET, POST /device` | the device flow (RFC 8628) |
//! | `GET, POST /userinfo` | the claims of a token's subject |
//! | `GET, POST /end_session` | back to a registered address (RP-Initiated Logout 1.0) |
//! | `GET /token-for/{name}` | a shortcut of the demo, no standard: an access token as plain text |

mod authorize;
mod bounded;
mod config;
mod device;
mod guard;
mod keys;
mod metadata;
mod page;
mod shortcut;
mod sign_out;
mod token;
mod token_request;
mod tokens;

pub use config::{Client, ClientKind, IdpConfig, IdpError, SigningSeed};
pub use keys::SignError;
pub use tokens::MintError;

use crate::people::{Agent, Person};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bounded::Bounded;
use config::Issuer;
use countersign_model::{Clock, Entropy, Timestamp};
use keys::SigningKey;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long an authorization code is good, in seconds.
pub const CODE_SECONDS: i64 = 60;
/// How long an access or ID token is good, in seconds.
pub const TOKEN_SECONDS: i64 = 15 * 60;
/// How long a refresh token is good, in seconds. Each use makes a new one.
pub const REFRESH_SECONDS: i64 = 12 * 60 * 60;
/// How long a device code is good, in seconds.
pub const DEVICE_SECONDS: i64 = 10 * 60;
/// How long a device waits between two questions, in seconds.
pub const DEVICE_INTERVAL_SECONDS: i64 = 2;

const CODES_MAX: usize = 4_096;
const REFRESHES_MAX: usize = 16_384;
const DEVICES_MAX: usize = 256;
/// The largest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The identity provider. Clones share their state.
#[derive(Debug, Clone)]
pub struct Idp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: Issuer,
    audience: String,
    clients: Vec<Client>,
    people: Vec<Person>,
    agents: Vec<Agent>,
    clock: Clock,
    entropy: Entropy,
    key: SigningKey,
    waiting: Mutex<Waiting>,
}

/// What was begun and is not yet ended.
#[derive(Debug)]
struct Waiting {
    codes: Bounded<token::Code>,
    refreshes: Bounded<token::Refresh>,
    devices: Bounded<device::Device>,
}

/// What a subject said yes to, from which tokens are made.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    client_id: String,
    subject: String,
    scopes: Vec<String>,
    nonce: Option<String>,
    signed_in_at: Timestamp,
    /// Shared by all refresh tokens that descend from this sign-in.
    family: [u8; 16],
}

impl Idp {
    /// Makes the identity provider.
    ///
    /// # Errors
    /// When the issuer is not loopback, the seed is no key, or the entries contradict each other.
    pub fn new(config: IdpConfig) -> Result<Self, IdpError> {
        let issuer = Issuer::parse(&config.issuer)?;
        config::check_entries(&config)?;
        let key = SigningKey::from_seed(&config.signing_seed)?;
        let waiting = Waiting {
            codes: Bounded::new(CODES_MAX),
            refreshes: Bounded::new(REFRESHES_MAX),
            devices: Bounded::new(DEVICES_MAX),
        };
        let IdpConfig { audience, clients, people, agents, clock, entropy, .. } = config;
        let waiting = Mutex::new(waiting);
        let inner =
            Inner { issuer, audience, clients, people, agents, clock, entropy, key, waiting };
        Ok(Self(Arc::new(inner)))
    }

    /// The routes, to be nested under the issuer's path.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(metadata::discovery))
            .route("/jwks", get(metadata::jwks))
            .route("/style.css", get(page::style))
            .route("/authorize", get(authorize::ask).post(authorize::answer))
            .route("/token", post(token::token))
            .route("/device_authorization", post(device::begin))
            .route("/device", get(device::ask).post(device::answer))
            .route("/userinfo", get(metadata::userinfo).post(metadata::userinfo))
            .route("/end_session", get(sign_out::get).post(sign_out::post))
            .route("/token-for/{name}", get(shortcut::token_for))
            .fallback(page::not_found)
            .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
            .layer(from_fn_with_state(self.clone(), guard::guard))
            .with_state(self.clone())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn client(&self, id: &str) -> Option<&Client> {
        self.0.clients.iter().find(|client| client.id == id)
    }

    fn person(&self, subject: &str) -> Option<&Person> {
        self.0.people.iter().find(|person| person.subject == subject)
    }

    /// A secret that nobody can guess, and the key that finds it again.
    fn fresh_secret(&self) -> (String, [u8; 32]) {
        let secret = URL_SAFE_NO_PAD.encode(self.0.entropy.bytes::<32>());
        let key = key_of(&secret);
        (secret, key)
    }
}

/// Where the maps keep what a secret leads to.
fn key_of(secret: &str) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(digest(&SHA256, secret.as_bytes()).as_ref()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests;
