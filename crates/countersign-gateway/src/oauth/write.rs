//! What the ledger says about who asked for a token: whom the tokens name, their digests, and what
//! became of it. Never a token, never a claim beyond names and scopes.

use super::TokenRefused;
use crate::Inner;
use countersign_identity::{Actor, Confirmation, IssuedToken, Party};
use countersign_model::{
    Caller,
    record::{Entry, Event, Shown, TokenAnswer, TokenAsked, TokenBinding, TokenGrant, Who},
};

/// Who asks, proved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) how: TokenGrant,
    pub(super) actor: &'a Actor,
}

/// Writes that a token was made, and waits until that is durable: only then it may leave.
pub(super) async fn issued(
    inner: &Inner,
    asked: &Asked<'_>,
    subject: &Party,
    caller: &Caller,
    issued: &IssuedToken,
    confirmation: &Confirmation,
) -> Result<(), TokenRefused> {
    let answer = TokenAnswer::Issued {
        issued: Shown { who: Who::from(caller), token: issued.digest },
        jti: issued.id.clone(),
        scopes: caller.scopes.clone(),
        expires_at: issued.expires_at,
        bound_to: TokenBinding { key: confirmation.key(), certificate: confirmation.certificate() },
    };
    append(inner, asked, Some(subject), answer).await
}

/// Writes that there is none, and why.
pub(super) async fn refusal(
    inner: &Inner,
    asked: &Asked<'_>,
    subject: Option<&Party>,
    refused: TokenRefused,
) -> TokenRefused {
    let answer = TokenAnswer::Refused { reason: refused.code().to_owned() };
    match append(inner, asked, subject, answer).await {
        Ok(()) => refused,
        Err(unavailable) => unavailable,
    }
}

async fn append(
    inner: &Inner,
    asked: &Asked<'_>,
    subject: Option<&Party>,
    answer: TokenAnswer,
) -> Result<(), TokenRefused> {
    let shown = |it: &Party| Shown { who: Who::from(&**it.caller()), token: it.digest() };
    let event = TokenAsked {
        how: asked.how,
        actor: shown(asked.actor),
        subject: subject.map(shown),
        answer,
    };
    let now = inner.now();
    let entry = Entry::new(inner.entry_id(now), now, Event::TokenAsked(Box::new(event)));
    inner.ledger.append(entry.to_bytes()).await.map(drop).map_err(|error| {
        tracing::error!(%error, "ledger can't be written, so no token is given");
        TokenRefused::unavailable()
    })
}
