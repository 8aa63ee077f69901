//! What the provider says about itself and about the subject of a token. Read only.

use super::{Idp, tokens::OIDC_SCOPES};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

/// How long discovery and keys may be kept by others.
const CACHE: (http::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=60");

pub(crate) async fn discovery(State(idp): State<Idp>) -> Response {
    let issuer = &idp.0.issuer.text;
    let mut scopes: Vec<&str> = OIDC_SCOPES.to_vec();
    let people = idp.0.people.iter().flat_map(|it| &it.scopes);
    for scope in people.chain(idp.0.agents.iter().flat_map(|it| &it.scopes)) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "device_authorization_endpoint": format!("{issuer}/device_authorization"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/end_session"),
        "jwks_uri": format!("{issuer}/jwks"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported":
            ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "email",
             "email_verified", "groups"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    });
    ([CACHE], Json(document)).into_response()
}

pub(crate) async fn jwks(State(idp): State<Idp>) -> Response {
    ([CACHE], Json(idp.0.key.jwks().clone())).into_response()
}

/// OpenID Connect Core §5.3. The token's audience is the gateway; that this endpoint takes it too is
/// what most providers do.
pub(crate) async fn userinfo(State(idp): State<Idp>, headers: HeaderMap) -> Response {
    let Some(token) = bearer(&headers) else {
        return challenge(StatusCode::UNAUTHORIZED, "Bearer");
    };
    let Some(claims) = idp.live_access_claims(token) else {
        return challenge(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"");
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("scope").split(' ').any(|scope| scope == "openid") {
        let refusal = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
        return challenge(StatusCode::FORBIDDEN, refusal);
    }
    let mut answer = json!({ "sub": text("sub"), "name": text("name") });
    if let (Some(answer), Some(person)) = (answer.as_object_mut(), idp.person(text("sub"))) {
        answer.insert("email".to_owned(), json!(person.email));
        answer.insert("email_verified".to_owned(), json!(true));
        answer.insert("groups".to_owned(), json!(person.groups));
    }
    Json(answer).into_response()
}

/// The one bearer token of a request; two are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn challenge(status: StatusCode, challenge: &'static str) -> Response {
    (status, [(WWW_AUTHENTICATE, challenge)]).into_response()
}
