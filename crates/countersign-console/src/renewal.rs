//! Keeps what an identity provider said of a signed-in person up to date, with the refresh token of
//! their sign-in, which stands sealed beside the session. One request renews; others go on meanwhile
//! with what is known, for as long as the setting allows.

use crate::{
    console::Console,
    sealed::{self, What},
    web_session::{Kept, seen},
};
use countersign_governance::Unavailable;
use countersign_identity::{RenewalFailed, SignIn};
use countersign_model::{Caller, Span};

/// The identity of a session, renewed if that is due; `None` if the session is over.
pub(crate) async fn current(
    console: &Console,
    name: &str,
    kept: Kept,
) -> Result<Option<Caller>, Unavailable> {
    // Who signed in otherwise, or with an issuer that is gone since, is renewed by nobody.
    let Some(sign_in) = console.sign_in(&kept.caller.issuer) else {
        return Ok(Some(kept.caller));
    };
    let now = console.now();
    if now.since(kept.renewed_at).millis() < sign_in.refresh_every().millis() {
        return Ok(Some(kept.caller));
    }
    let taken = kept.is_renewable && {
        let until = now.plus(TRY_AGAIN_AFTER);
        console.governance().store().begin_renewal(name, now, until).await?
    };
    if taken {
        // A task of its own: the refresh token is used up, even if the browser does not wait.
        let task = {
            let (console, sign_in, name) = (console.clone(), sign_in.clone(), name.to_owned());
            async move { renew(&console, &sign_in, &name).await }
        };
        let renewal = tokio::spawn(task);
        match renewal.await {
            Ok(Ok(Renewed::Yes(caller))) => return Ok(Some(*caller)),
            Ok(Ok(Renewed::Ended)) => return end(console, name).await,
            Ok(Ok(Renewed::Away)) | Err(_) => {}
            Ok(Err(error)) => return Err(error),
        }
    }
    if now.since(kept.renewed_at).millis() >= sign_in.identity_max_age().millis() {
        tracing::info!(subject = %kept.caller.subject, "a session ends: it was not renewed");
        return end(console, name).await;
    }
    Ok(Some(kept.caller))
}

enum Renewed {
    Yes(Box<Caller>),
    Ended,
    Away,
}

async fn renew(console: &Console, sign_in: &SignIn, name: &str) -> Result<Renewed, Unavailable> {
    let now = console.now();
    let store = console.governance().store();
    // Read again: another request may have renewed it before this one's turn came.
    let Some(row) = store.web_session(name, now).await? else { return Ok(Renewed::Ended) };
    let Ok(kept) = serde_json::from_str::<Kept>(&row.document) else { return Ok(Renewed::Ended) };
    if now.since(kept.renewed_at).millis() < sign_in.refresh_every().millis() {
        store.end_renewal(name, &row.document).await?;
        return Ok(Renewed::Yes(Box::new(kept.caller)));
    }
    let tokens = kept.sealed.as_deref();
    let tokens = tokens.and_then(|it| sealed::open(console, What::Tokens, name, it));
    let Some(tokens) = tokens else {
        return Ok(Renewed::Ended);
    };
    match sign_in.renew(&tokens, &kept.caller.subject).await {
        Ok(renewed) => {
            let next = Kept {
                caller: renewed.caller,
                sealed: sealed::seal(console, What::Tokens, name, &renewed.kept),
                notes: sealed::seal(console, What::Notes, name, &renewed.notes),
                renewed_at: now,
                is_renewable: kept.is_renewable,
                proved_at: kept.proved_at,
            };
            let Ok(document) = serde_json::to_string(&next) else { return Ok(Renewed::Ended) };
            store.end_renewal(name, &document).await?;
            store.saw_person(&seen(&next.caller, now)).await?;
            Ok(Renewed::Yes(Box::new(next.caller)))
        }
        Err(failed @ (RenewalFailed::Away(_) | RenewalFailed::NoRefreshToken)) => {
            let cause = std::error::Error::source(&failed).map(ToString::to_string);
            tracing::warn!(code = failed.code(), cause, "a session could not be renewed");
            Ok(Renewed::Away)
        }
        Err(
            failed
            @ (RenewalFailed::Ended | RenewalFailed::OtherPerson | RenewalFailed::Refused(_)),
        ) => {
            tracing::info!(code = failed.code(), subject = %kept.caller.subject, "a session ends");
            Ok(Renewed::Ended)
        }
    }
}

async fn end(console: &Console, name: &str) -> Result<Option<Caller>, Unavailable> {
    console.governance().store().remove_web_session(name).await?;
    Ok(None)
}

/// A renewal that does not end, or failed, is tried again after this.
const TRY_AGAIN_AFTER: Span = Span::from_seconds(60);
