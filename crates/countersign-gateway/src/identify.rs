//! Who is calling. The only maker of [`Identified`].

use crate::{
    Inner,
    accept::{Accepted, Door},
    respond::{Stop, Told},
};
use countersign_identity::{Asked, Blame, Peer, Presented, Refused, Thumbprint};
use countersign_model::{CallId, Caller, Reason};
use http::{Extensions, HeaderMap, Method, Uri};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// A call whose caller is proved. It has neither token nor proof any more: they are never sent on.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) caller: Arc<Caller>,
    pub(crate) accepted: Accepted,
}

pub(crate) async fn identify(
    inner: &Inner,
    mut accepted: Accepted,
) -> Result<Identified, Box<Stop>> {
    let parts = &accepted.parts;
    let host = match &accepted.door {
        Door::Host { host, .. } => Some(host.as_ref()),
        Door::Target { .. } | Door::Uniform { .. } => None,
    };
    let from = From {
        method: &parts.method,
        uri: &parts.uri,
        host,
        headers: &parts.headers,
        extensions: &parts.extensions,
    };
    let caller = caller(inner, from, accepted.call).await?;
    accepted.parts.headers.remove(http::header::AUTHORIZATION);
    accepted.parts.headers.remove("dpop");
    Ok(Identified { caller, accepted })
}

/// What of a request says who it is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'r> {
    pub(crate) method: &'r Method,
    pub(crate) uri: &'r Uri,
    /// The host name of a target's own, if the request came to one.
    pub(crate) host: Option<&'r str>,
    pub(crate) headers: &'r HeaderMap,
    /// Where the port leaves the client certificate of the connection.
    pub(crate) extensions: &'r Extensions,
}

/// Proves the caller of a request.
pub(crate) async fn caller(
    inner: &Inner,
    from: From<'_>,
    call: CallId,
) -> Result<Arc<Caller>, Box<Stop>> {
    let From { method, uri, host, headers, extensions } = from;
    let asked = Asked { method, home: &inner.home, host, path: uri.path() };
    let presented = Presented::of(headers, asked)
        .map_err(|refused| unidentified(inner, &refused, call))?
        .over(extensions.get::<Thumbprint>().copied())
        .sent_by(extensions.get::<Peer>().copied());
    match inner.verifier.identify(presented).await {
        Ok(proved) => Ok(Arc::clone(proved.caller())),
        Err(refused) => Err(unidentified(inner, &refused, call)),
    }
}

/// A call that was held may have outlived its proof: the approval waits, the caller must prove
/// itself again.
pub(crate) fn still_holds(inner: &Inner, caller: &Caller) -> Result<(), Box<Stop>> {
    inner.verifier.still_holds(caller).map_err(|refused| {
        let mut stop = Stop::new(Reason::Unidentified, told(&refused));
        stop.told.next_step =
            format!("{} Repeat the call with it: the approval waits.", stop.told.next_step);
        Box::new(stop.challenged(
            refused.code(),
            countersign_identity::challenge(&metadata_url(inner), Some(&refused)),
        ))
    })
}

fn unidentified(inner: &Inner, refused: &Refused, call: CallId) -> Box<Stop> {
    inner.refusals.token(refused, call, inner.now());
    let stop = Stop::new(Reason::Unidentified, told(refused)).at(call);
    match refused.blame() {
        Blame::Caller => {
            let url = metadata_url(inner);
            let challenge = countersign_identity::challenge(&url, Some(refused));
            Box::new(stop.challenged(refused.code(), challenge).with_nonce(refused.nonce()))
        }
        Blame::Issuer | Blame::Gateway => Box::new(stop.not_judged(refused.code())),
        Blame::Others => Box::new(stop.flooded(refused.code(), refused.retry_after())),
    }
}

fn told(refused: &Refused) -> Told {
    Told {
        sentence: refused.sentence().to_owned(),
        next_step: match refused.blame() {
            Blame::Caller => "Get a token from your identity provider for this gateway; \
                              WWW-Authenticate names where that is described."
                .to_owned(),
            Blame::Issuer => "Try again in a moment; if it stays so, tell an administrator that \
                              the identity provider can't be reached."
                .to_owned(),
            Blame::Others => "Repeat the call in a moment, with the same token: tokens that were \
                              accepted before go on. If it stays so, tell an administrator that \
                              somebody floods this gateway with forged tokens."
                .to_owned(),
            Blame::Gateway => {
                "Try again in a moment; if it stays so, tell an administrator.".to_owned()
            }
        },
    }
}

/// The challenge of a 403 for missing scopes.
pub(crate) fn scope_challenge(inner: &Inner, scopes: &[&str]) -> String {
    countersign_identity::scope_challenge(&metadata_url(inner), scopes)
}

fn metadata_url(inner: &Inner) -> String {
    format!("{}/.well-known/oauth-protected-resource", inner.resource)
}

/// The RFC 9728 document of this gateway, with the scopes that functions ask for.
pub(crate) fn metadata(inner: &Inner) -> Value {
    let snapshot = inner.governance.policy().load();
    let scopes: BTreeSet<&str> = snapshot
        .catalog()
        .functions
        .iter()
        .flat_map(|function| function.scopes.iter().map(AsRef::as_ref))
        .collect();
    let scopes: Vec<&str> = scopes.into_iter().collect();
    countersign_identity::resource_metadata(&inner.resource, &inner.verifier.issuer_urls(), &scopes)
}
