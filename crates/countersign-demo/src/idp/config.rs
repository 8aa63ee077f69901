//! What the caller of this module decides about the identity provider, and the checks that keep it
//! from being anything but a demo.

use crate::{
    Secret,
    people::{Agent, Person},
};
use countersign_model::{Clock, Entropy};
use std::{fmt, net::IpAddr};

/// The most clients, people or agents that a configuration may list.
const ENTRIES_MAX: usize = 1_000;

/// Everything that a demo identity provider is made from.
#[derive(Debug)]
pub struct IdpConfig {
    /// The issuer as tokens say it, such as `http://127.0.0.1:7070/demo/idp`. Loopback only, no
    /// slash at the end.
    pub issuer: String,
    /// The `aud` of access tokens: the gateway's resource identifier.
    pub audience: String,
    /// The programs that may ask for tokens.
    pub clients: Vec<Client>,
    /// Who can sign in.
    pub people: Vec<Person>,
    /// Which agents can have tokens of their own.
    pub agents: Vec<Agent>,
    /// The time.
    pub clock: Clock,
    /// The source of codes, refresh tokens and token ids.
    pub entropy: Entropy,
    /// The signing key. Kept by the caller, so that a second start signs with the same key.
    pub signing_seed: SigningSeed,
}

/// The 32 bytes that the signing key is made from: the scalar of a P-256 key. Debug prints `…`.
#[derive(Clone)]
pub struct SigningSeed([u8; 32]);

impl SigningSeed {
    /// A seed that was kept from an earlier start.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be kept in a file that only this user can read.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SigningSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A program that may ask for tokens.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its name as the sign-in page shows it.
    pub name: String,
    /// What it may do, and how it proves who it is.
    pub kind: ClientKind,
}

/// The three kinds of client that the demo needs.
#[derive(Debug, Clone)]
pub enum ClientKind {
    /// A program on somebody's machine: no secret, PKCE, `http://127.0.0.1:ANY/callback`
    /// (RFC 8252 §7.3), device codes.
    Cli,
    /// A server with pages: a secret, and exact redirect addresses.
    Web {
        /// What it authenticates with at the token endpoint.
        secret: Secret,
        /// Where a sign-in may return to, compared byte by byte.
        redirect_uris: Vec<String>,
        /// Where a sign-out may return to, compared byte by byte.
        post_logout_redirect_uris: Vec<String>,
    },
    /// An agent that gets tokens for itself by client credentials.
    Agent {
        /// What it authenticates with at the token endpoint.
        secret: Secret,
        /// The agent's subject, one of [`IdpConfig::agents`].
        subject: String,
    },
}

/// Why no identity provider came to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdpError {
    /// The issuer is no plain `http` or `https` address without query, fragment or last slash.
    #[error(
        "the demo identity provider's issuer `{0}` is not an address like http://127.0.0.1:7070/demo/idp"
    )]
    IssuerUnreadable(String),
    /// The issuer is a host that others could reach.
    #[error(
        "the demo identity provider signs anybody in, so it runs on loopback only, not on `{0}`"
    )]
    IssuerNotLoopback(String),
    /// The seed is zero or not below the order of P-256.
    #[error("the demo identity provider's signing seed is not a P-256 key")]
    SeedUnusable,
    /// Two clients, people or agents share a name.
    #[error("`{0}` is listed twice in the demo identity provider")]
    ListedTwice(String),
    /// A client acts for an agent that is not listed.
    #[error("client `{client_id}` acts for agent `{subject}`, which is not listed")]
    UnknownAgent {
        /// The client.
        client_id: String,
        /// The agent that it names.
        subject: String,
    },
    /// More entries than the demo is made for.
    #[error("the demo identity provider takes at most {ENTRIES_MAX} clients, people and agents")]
    TooManyEntries,
}

/// The issuer, taken apart once.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    /// As tokens say it.
    pub(crate) text: String,
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// The path that the router is nested under, without a slash at the end; may be empty.
    pub(crate) path: String,
}

impl Issuer {
    pub(crate) fn parse(text: &str) -> Result<Self, IdpError> {
        let unreadable = || IdpError::IssuerUnreadable(text.to_owned());
        if text.ends_with('/') || text.contains(['?', '#', '@', '"', '\'', '<', '>', ' ']) {
            return Err(unreadable());
        }
        let uri: http::Uri = text.parse().map_err(|_| unreadable())?;
        let scheme = uri.scheme_str().filter(|it| matches!(*it, "http" | "https"));
        let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
            return Err(unreadable());
        };
        if !is_loopback(authority.as_str()) {
            return Err(IdpError::IssuerNotLoopback(authority.to_string()));
        }
        let origin = format!("{scheme}://{authority}");
        let path = text.strip_prefix(&origin).ok_or_else(unreadable)?.to_owned();
        Ok(Self { text: text.to_owned(), origin, path })
    }
}

/// Whether a `Host` value names this machine and no other.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The faults that a configuration can have beside its issuer and its seed.
pub(crate) fn check_entries(config: &IdpConfig) -> Result<(), IdpError> {
    if [config.clients.len(), config.people.len(), config.agents.len()]
        .iter()
        .any(|count| *count > ENTRIES_MAX)
    {
        return Err(IdpError::TooManyEntries);
    }
    no_twins(&config.clients.iter().map(|it| &it.id).collect::<Vec<_>>())?;
    let people = config.people.iter().map(|it| &it.subject);
    let agents = config.agents.iter().map(|it| &it.subject);
    no_twins(&people.chain(agents).collect::<Vec<_>>())?;
    for client in &config.clients {
        if let ClientKind::Agent { subject, .. } = &client.kind
            && !config.agents.iter().any(|agent| agent.subject == *subject)
        {
            let (client_id, subject) = (client.id.clone(), subject.clone());
            return Err(IdpError::UnknownAgent { client_id, subject });
        }
    }
    Ok(())
}

fn no_twins(names: &[&String]) -> Result<(), IdpError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(IdpError::ListedTwice((*name).clone()));
        }
    }
    Ok(())
}
