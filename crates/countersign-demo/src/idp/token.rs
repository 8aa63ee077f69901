//! `/token`: turns a code, a refresh token, a device's approval or an agent's own secret into tokens.
//! Whatever is redeemed is redeemed once; using it a second time ends all that came of it.

use super::{
    Client, ClientKind, Idp, REFRESH_SECONDS, SignIn, TOKEN_SECONDS, authorize,
    bounded::Found,
    device, key_of,
    token_request::{Asked, TokenError, authenticated},
    tokens::{MintError, granted_scopes},
};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::Span;
use http::{
    HeaderMap,
    header::{CACHE_CONTROL, PRAGMA},
};
use serde::Serialize;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An authorization code that was handed out.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) sign_in: SignIn,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    pub(crate) redeemed: bool,
}

/// A refresh token that was handed out. One that was used stays until it ends, so that its second
/// use is seen.
#[derive(Debug)]
pub(crate) struct Refresh {
    sign_in: SignIn,
    used: bool,
}

/// The answer of RFC 6749 §5.1.
#[derive(Debug, Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

pub(crate) async fn token(
    State(idp): State<Idp>,
    headers: HeaderMap,
    asked: Result<Form<Asked>, FormRejection>,
) -> Response {
    let Ok(Form(asked)) = asked else {
        return TokenError::InvalidRequest("the form can't be read").into_response();
    };
    match redeem(&idp, &headers, &asked) {
        Ok(tokens) => {
            ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(tokens)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn redeem(idp: &Idp, headers: &HeaderMap, asked: &Asked) -> Result<Tokens, TokenError> {
    let secret = asked.client_secret.as_deref();
    let client = authenticated(idp, headers, asked.client_id.as_deref(), secret)?;
    if !authorize::is_ours(idp, asked.resource.as_deref()) {
        return Err(TokenError::InvalidTarget);
    }
    let grant_type = asked.grant_type.as_deref();
    match (grant_type.ok_or(TokenError::InvalidRequest("grant_type is missing"))?, &client.kind) {
        ("authorization_code", ClientKind::Cli | ClientKind::Web { .. }) => {
            by_code(idp, client, asked)
        }
        ("refresh_token", ClientKind::Cli | ClientKind::Web { .. }) => {
            by_refresh_token(idp, client, asked)
        }
        (DEVICE_GRANT, ClientKind::Cli) => {
            let code = asked.device_code.as_deref();
            let code = code.ok_or(TokenError::InvalidRequest("device_code is missing"))?;
            tokens(idp, &device::redeem(idp, client, code)?)
        }
        ("client_credentials", ClientKind::Agent { subject, .. }) => {
            by_own_secret(idp, client, subject, asked)
        }
        ("authorization_code" | "refresh_token" | "client_credentials" | DEVICE_GRANT, _) => {
            Err(TokenError::UnauthorizedClient)
        }
        _ => Err(TokenError::UnsupportedGrantType),
    }
}

fn by_code(idp: &Idp, client: &Client, asked: &Asked) -> Result<Tokens, TokenError> {
    let secret = asked.code.as_deref().ok_or(TokenError::InvalidRequest("code is missing"))?;
    let verifier = asked.code_verifier.as_deref();
    let verifier = verifier.ok_or(TokenError::InvalidRequest("code_verifier is missing"))?;
    let now = idp.now();
    let mut waiting = idp.waiting();
    let code = match waiting.codes.find(&key_of(secret), now) {
        Found::Live(code) if code.sign_in.client_id == client.id => code,
        Found::Live(_) | Found::Expired | Found::Absent => {
            return Err(TokenError::InvalidGrant("the code is not known, or too old"));
        }
    };
    if code.redeemed {
        // RFC 6749 §4.1.2: what the first use led to ends as well.
        let family = code.sign_in.family;
        waiting.refreshes.retain(|refresh| refresh.sign_in.family != family);
        return Err(TokenError::InvalidGrant("the code was used before"));
    }
    // A wrong verifier or address uses the code up too: whoever has it is not who asked for it.
    code.redeemed = true;
    if asked.redirect_uri.as_deref() != Some(code.redirect_uri.as_str()) {
        return Err(TokenError::InvalidGrant("redirect_uri is not the one that was asked with"));
    }
    if !is_verifier_of(verifier, &code.code_challenge) {
        return Err(TokenError::InvalidGrant("code_verifier does not fit the challenge"));
    }
    let sign_in = code.sign_in.clone();
    drop(waiting);
    tokens(idp, &sign_in)
}

/// RFC 7636 §4.1 and §4.6.
fn is_verifier_of(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return false;
    }
    let hashed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    verify_slices_are_equal(hashed.as_bytes(), challenge.as_bytes()).is_ok()
}

fn by_refresh_token(idp: &Idp, client: &Client, asked: &Asked) -> Result<Tokens, TokenError> {
    let secret = asked.refresh_token.as_deref();
    let secret = secret.ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
    let now = idp.now();
    let mut waiting = idp.waiting();
    let refresh = match waiting.refreshes.find(&key_of(secret), now) {
        Found::Live(refresh) if refresh.sign_in.client_id == client.id => refresh,
        Found::Live(_) | Found::Expired | Found::Absent => {
            return Err(TokenError::InvalidGrant("the refresh token is not known, or too old"));
        }
    };
    if refresh.used {
        // RFC 9700 §4.14.2: one of the two who used it is a thief, and we can't tell which.
        let family = refresh.sign_in.family;
        waiting.refreshes.retain(|it| it.sign_in.family != family);
        return Err(TokenError::InvalidGrant("the refresh token was used before"));
    }
    let mut sign_in = refresh.sign_in.clone();
    if let Some(scope) = &asked.scope {
        // RFC 6749 §6: never more than before.
        let wanted: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
        if wanted.is_empty() || !wanted.iter().all(|it| sign_in.scopes.contains(it)) {
            return Err(TokenError::InvalidScope);
        }
        sign_in.scopes = wanted;
    }
    refresh.used = true;
    // The new refresh token keeps all scopes; only this access token is narrower. An ID token from a
    // refresh has no nonce (OpenID Connect Core §12.2).
    let mut next = refresh.sign_in.clone();
    next.nonce = None;
    sign_in.nonce = None;
    drop(waiting);
    let refresh_token = keep_refresh(idp, next)?;
    Ok(Tokens { refresh_token: Some(refresh_token), ..without_refresh(idp, &sign_in)? })
}

fn by_own_secret(
    idp: &Idp,
    client: &Client,
    subject: &str,
    asked: &Asked,
) -> Result<Tokens, TokenError> {
    let account = idp.account(subject).ok_or(TokenError::Unavailable)?;
    let requested = asked.scope.as_deref().unwrap_or_default();
    let mut scopes = granted_scopes(requested, account.scopes);
    // Nobody signs in here, so there is nobody for the OpenID scopes to speak of.
    scopes.retain(|scope| account.scopes.contains(scope));
    if scopes.is_empty() {
        return Err(TokenError::InvalidScope);
    }
    let sign_in = SignIn {
        client_id: client.id.clone(),
        subject: subject.to_owned(),
        scopes,
        nonce: None,
        signed_in_at: idp.now(),
        family: idp.0.entropy.bytes(),
    };
    without_refresh(idp, &sign_in)
}

fn tokens(idp: &Idp, sign_in: &SignIn) -> Result<Tokens, TokenError> {
    let stays = sign_in.scopes.iter().any(|scope| scope == "offline_access");
    let refresh_token = if stays { Some(keep_refresh(idp, sign_in.clone())?) } else { None };
    Ok(Tokens { refresh_token, ..without_refresh(idp, sign_in)? })
}

fn without_refresh(idp: &Idp, sign_in: &SignIn) -> Result<Tokens, TokenError> {
    let unavailable = |_: MintError| TokenError::Unavailable;
    let is_openid = sign_in.scopes.iter().any(|scope| scope == "openid");
    let id_token = if is_openid { Some(idp.id_token(sign_in).map_err(unavailable)?) } else { None };
    Ok(Tokens {
        access_token: idp.access_token_for(sign_in).map_err(unavailable)?,
        token_type: "Bearer",
        expires_in: TOKEN_SECONDS,
        scope: sign_in.scopes.join(" "),
        refresh_token: None,
        id_token,
    })
}

fn keep_refresh(idp: &Idp, sign_in: SignIn) -> Result<String, TokenError> {
    let (secret, key) = idp.fresh_secret();
    let now = idp.now();
    let ends_at = now.plus(Span::from_seconds(REFRESH_SECONDS));
    let refresh = Refresh { sign_in, used: false };
    let kept = idp.waiting().refreshes.insert(key, refresh, ends_at, now);
    kept.map_err(|_| TokenError::Unavailable)?;
    Ok(secret)
}
