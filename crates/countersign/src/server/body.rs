//! The one type of answer's body on the port: the gateway's, the pages', or bytes of our own.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{Either, Full};

/// An answer's body.
pub(crate) type Body = Either<countersign_gateway::Body, Either<axum::body::Body, Full<Bytes>>>;

/// The gateway's answer.
pub(crate) fn of_gateway(answer: Response<countersign_gateway::Body>) -> Response<Body> {
    answer.map(Either::Left)
}

/// A page's answer.
pub(crate) fn of_page(answer: Response<axum::body::Body>) -> Response<Body> {
    answer.map(|body| Either::Right(Either::Left(body)))
}

/// An answer of our own.
pub(crate) fn own(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Right(Either::Right(Full::new(Bytes::from(text)))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
