//! Reads what a token endpoint says: tokens (RFC 6749 §5.1) or an error (§5.2). What it says goes into
//! headers, or before people at a terminal: it is taken as the RFC writes it, or not at all.

use crate::{Hidden, Scheme, TokenSet, shown::shown, strict_json};
use countersign_model::{Span, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    access_token: Hidden,
    token_type: String,
    refresh_token: Option<Hidden>,
    id_token: Option<Hidden>,
    scope: Option<String>,
    expires_in: Option<u32>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

/// Tokens, bearer or bound to a key; `None` if these are none.
pub(crate) fn tokens(document: &[u8], now: Timestamp) -> Option<TokenSet> {
    let answer: Answer = serde_json::from_value(strict_json::object(document).ok()?.into()).ok()?;
    let tokens = [Some(&answer.access_token), answer.refresh_token.as_ref()];
    let are_plain = tokens.into_iter().flatten().all(|it| is_visible(it.reveal()));
    let is = |scheme: &str| answer.token_type.eq_ignore_ascii_case(scheme);
    let scheme = match (is("bearer"), is("dpop")) {
        (true, _) => Scheme::Bearer,
        (_, true) => Scheme::Dpop,
        (false, false) => return None,
    };
    if !are_plain {
        return None;
    }
    let seconds = i64::from(answer.expires_in.unwrap_or(EXPIRES_SECONDS_DEFAULT));
    Some(TokenSet {
        access_token: answer.access_token,
        refresh_token: answer.refresh_token,
        id_token: answer.id_token,
        scope: answer.scope,
        scheme,
        expires_at: now.plus(Span::from_seconds(seconds)),
    })
}

/// The error's code, and its description, escaped; `None` if this is no error.
pub(crate) fn refusal(document: &[u8]) -> Option<(String, String)> {
    let answer: ErrorAnswer =
        serde_json::from_value(strict_json::object(document).ok()?.into()).ok()?;
    let description = answer.error_description.as_deref().map(shown).unwrap_or_default();
    Some((plain(&answer.error), description))
}

/// An error code as it is, if it looks like one.
fn plain(error: &str) -> String {
    let is_code = error.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_code && !error.is_empty() && error.len() <= 80 { error.to_owned() } else { shown(error) }
}

/// Tokens are of visible characters and spaces (RFC 6749 appendix A.12 and A.17).
fn is_visible(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|it| matches!(it, b' '..=b'~'))
}

const EXPIRES_SECONDS_DEFAULT: u32 = 300;

#[cfg(test)]
mod tests;
