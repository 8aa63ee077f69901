//! Who is calling. The only maker of [`Identified`].

use crate::{
    Inner,
    accept::Accepted,
    respond::{Stop, Told},
};
use countersign_identity::{Blame, Refused};
use countersign_model::{CallId, Caller, Reason};
use http::HeaderMap;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// A call whose caller is proved. It has no token any more: the token is never sent on.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) caller: Arc<Caller>,
    pub(crate) accepted: Accepted,
}

pub(crate) async fn identify(
    inner: &Inner,
    mut accepted: Accepted,
) -> Result<Identified, Box<Stop>> {
    let caller = caller(inner, &accepted.parts.headers, accepted.call).await?;
    accepted.parts.headers.remove(http::header::AUTHORIZATION);
    Ok(Identified { caller, accepted })
}

/// Proves the caller of a request.
pub(crate) async fn caller(
    inner: &Inner,
    headers: &HeaderMap,
    call: CallId,
) -> Result<Arc<Caller>, Box<Stop>> {
    let token = countersign_identity::bearer_token(headers)
        .map_err(|refused| unidentified(inner, &refused, call))?;
    match inner.verifier.identify(token).await {
        Ok(proved) => Ok(Arc::clone(proved.caller())),
        Err(refused) => {
            tracing::info!(code = refused.code(), detail = refused.detail(), "token refused");
            Err(unidentified(inner, &refused, call))
        }
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
    let stop = Stop::new(Reason::Unidentified, told(refused)).at(call);
    match refused.blame() {
        Blame::Caller => {
            let url = metadata_url(inner);
            let challenge = countersign_identity::challenge(&url, Some(refused));
            Box::new(stop.challenged(refused.code(), challenge))
        }
        Blame::Issuer => Box::new(stop.issuer_away(refused.code())),
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
