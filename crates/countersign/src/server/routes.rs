//! Who answers what on the one port. A target's own host name belongs to the gateway whole, so that
//! no path of the console can stand before a target's.

use super::{
    assembly::Assembly,
    body::{Body, of_gateway, of_page, own},
    operations::{self, Origin},
    port::Load,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tower::ServiceExt as _;

/// Who answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Calls.
    Gateway,
    /// Pages and the management API.
    Console,
    /// The demo's identity provider and targets.
    Demo,
    Health,
    Readiness,
    Metrics,
    /// Directories, where there are any.
    Scim,
    /// RFC 9728.
    ResourceMetadata,
    /// The start page.
    Root,
}

/// Answers one request.
pub(crate) async fn answer(
    assembly: &Assembly,
    load: &Load,
    from: Origin,
    request: Request<Incoming>,
) -> Response<Body> {
    let is_targets = assembly.gateway.takes_host(request.uri(), request.headers());
    let door = if is_targets { Door::Gateway } else { door(request.uri().path()) };
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    match door {
        Door::Health | Door::Readiness | Door::Metrics | Door::ResourceMetadata | Door::Root
            if !looks =>
        {
            let text = "only GET is answered here\n".to_owned();
            own(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", text)
        }
        Door::Health => operations::health(),
        Door::Readiness => operations::readiness(assembly, load),
        Door::Metrics => operations::metrics_for(assembly, load, from, request.headers()),
        Door::ResourceMetadata => {
            let document = assembly.gateway.resource_metadata().to_string();
            own(StatusCode::OK, "application/json", document)
        }
        Door::Root => {
            let mut response = own(StatusCode::SEE_OTHER, "text/plain", String::new());
            let console = HeaderValue::from_static("/console");
            response.headers_mut().insert(header::LOCATION, console);
            response
        }
        Door::Console => page(assembly.console.clone(), request).await,
        Door::Scim => match assembly.scim.clone() {
            Some(scim) => page(scim, request).await,
            None => of_gateway(assembly.gateway.handle(request).await),
        },
        Door::Demo => match assembly.demo.clone() {
            Some(demo) => page(demo, request).await,
            None => of_gateway(assembly.gateway.handle(request).await),
        },
        Door::Gateway => of_gateway(assembly.gateway.handle(request).await),
    }
}

async fn page(router: axum::Router, request: Request<Incoming>) -> Response<Body> {
    match router.oneshot(request).await {
        Ok(response) => of_page(response),
        Err(never) => match never {},
    }
}

fn door(path: &str) -> Door {
    let under = |stem: &str| {
        path.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match path {
        "/" => Door::Root,
        "/healthz" => Door::Health,
        "/readyz" => Door::Readiness,
        "/metrics" => Door::Metrics,
        _ if under("/.well-known/oauth-protected-resource") => Door::ResourceMetadata,
        _ if under("/console") || under("/api/v1") || under("/assets") => Door::Console,
        _ if under("/.well-known/countersign") || path == "/favicon.ico" => Door::Console,
        // What identity providers push.
        _ if under("/sign-out") || under("/ssf") => Door::Console,
        _ if under("/scim/v2") => Door::Scim,
        _ if under("/demo") => Door::Demo,
        // The gateway answers whatever is left, and says that it is no way in.
        _ => Door::Gateway,
    }
}

#[cfg(test)]
mod tests;
