//! What the console is made of, handed in by the binary once.

use countersign_governance::{ApiKeyRules, Governance};
use countersign_identity::{Home, Receiver, SamlSignIn, SignIn, UseOnce, Verifier};
use countersign_model::{Entropy, Timestamp};
use std::{fmt, ops::Deref, path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;

/// What the console is made of.
#[derive(Clone)]
pub struct ConsoleParts {
    /// Facts, and what people do with them.
    pub governance: Governance,
    /// Judges bearer tokens of the management API.
    pub verifier: Verifier,
    /// Issuers to sign in with: the configured name, which people see, and the way in.
    pub sign_ins: Vec<(String, SignIn)>,
    /// SAML providers to sign in with.
    pub saml: Vec<SamlSignIn>,
    /// The register of what may be used once, shared by all gateways.
    pub once: UseOnce,
    /// What the command line needs to know to sign in, for each issuer that has a client for it.
    pub cli: Vec<CliDoor>,
    /// Who judges security events that are pushed; `None` if nobody pushes any.
    pub events: Option<Receiver>,
    /// Where browsers find this gateway: scheme, host and port, such as `https://gateway.example`.
    pub public_url: String,
    /// The resource identifier that tokens are for.
    pub resource: String,
    /// What API keys may be; `None` if there are none here.
    pub api_keys: Option<ApiKeyRules>,
    /// The directory of this gateway's ledger.
    pub ledger_directory: PathBuf,
    /// The directory of its recordings.
    pub recordings_directory: PathBuf,
}

/// What `countersign login` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliDoor {
    /// The issuer's configured name.
    pub name: String,
    /// The issuer's URL.
    pub issuer: String,
    /// The command line's client identifier.
    pub client_id: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
}

/// The console's state, shared by all requests.
#[derive(Clone)]
pub(crate) struct Console(Arc<State>);

/// See [`ConsoleParts`]; with what follows from the public URL.
pub(crate) struct State {
    pub(crate) parts: ConsoleParts,
    /// Scheme, host and port as a browser's `Origin` says them.
    pub(crate) origin: String,
    pub(crate) scheme: Scheme,
    /// Where DPoP proofs have to be made for.
    pub(crate) home: Home,
    /// Places for pushes that are looked at.
    pub(crate) pushes: Semaphore,
}

/// How browsers reach the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Cookies are `Secure` and have the `__Host-` prefix.
    Https,
    /// A loopback address, where `Secure` is impossible.
    Http,
}

impl Console {
    pub(crate) fn new(mut parts: ConsoleParts) -> Self {
        parts.public_url.truncate(parts.public_url.trim_end_matches('/').len());
        let uri = parts.public_url.parse::<http::Uri>().ok();
        // Without an origin no browser's matches, so nothing can be changed from one.
        let origin =
            uri.and_then(|it| Some(format!("{}://{}", it.scheme_str()?, it.authority()?.as_str())));
        let scheme =
            if parts.public_url.starts_with("https://") { Scheme::Https } else { Scheme::Http };
        let home = Home::new(&parts.public_url);
        let pushes = Semaphore::new(crate::pushed::AT_ONCE_MAX);
        let origin = origin.unwrap_or_default();
        Self(Arc::new(State { parts, origin, scheme, home, pushes }))
    }

    pub(crate) fn governance(&self) -> &Governance {
        &self.parts.governance
    }

    /// The way in with an issuer, by its configured name.
    pub(crate) fn sign_in(&self, issuer: &str) -> Option<&SignIn> {
        let found = self.parts.sign_ins.iter().find(|(name, _)| name == issuer);
        found.map(|(_, sign_in)| sign_in)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.governance().clock().now()
    }

    /// The page with this path, as a whole address.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.parts.public_url)
    }
}

/// Fills buffers with randomness, as sealing wants it.
pub(crate) fn fill(entropy: &Entropy) -> impl FnMut(&mut [u8]) {
    move |buffer| {
        for chunk in buffer.chunks_mut(32) {
            for (slot, byte) in chunk.iter_mut().zip(entropy.bytes::<32>()) {
                *slot = byte;
            }
        }
    }
}

impl Deref for Console {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl fmt::Debug for ConsoleParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleParts").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}
