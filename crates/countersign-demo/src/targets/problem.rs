//! How both targets say no: `application/problem+json` (RFC 9457).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut response = (status, Json(body)).into_response();
    let media_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// For routes that are not there.
pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// For methods that a route does not have.
pub(crate) async fn not_allowed() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method")
}
