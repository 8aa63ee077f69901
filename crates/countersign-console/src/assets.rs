//! The files that pages are made with: one style sheet, a script for all, one for
//! the work list of reviews, one picture. Their names carry
//! a digest of their content, so a browser may keep them for good.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use countersign_model::Digest;
use http::{HeaderValue, StatusCode, header};
use std::sync::LazyLock;

/// A file that is built in.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: String,
    kind: &'static str,
    bytes: &'static [u8],
}

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    asset("console", "css", "text/css; charset=utf-8", include_bytes!("../assets/console.css"))
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    asset("console", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/console.js"))
});
/// The script of the work list of reviews.
pub(crate) static REVIEWS: LazyLock<Asset> = LazyLock::new(|| {
    asset("reviews", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/reviews.js"))
});
pub(crate) static LOGO: LazyLock<Asset> =
    LazyLock::new(|| asset("logo", "svg", "image/svg+xml", include_bytes!("../assets/logo.svg")));

fn asset(name: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let digest = Digest::of(bytes).short();
    Asset { path: format!("/assets/{name}-{digest}.{extension}"), kind, bytes }
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let wanted = format!("/assets/{name}");
    let all = [&*STYLE, &*SCRIPT, &*REVIEWS, &*LOGO];
    let Some(found) = all.into_iter().find(|it| it.path == wanted) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(found.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, found.bytes).into_response()
}
