//! Groups that a directory writes by SCIM, as people of the console meet them.

use crate::world::{Answer, RILEY, World, told_of};
use axum::body::Body;
use countersign_console::{ScimParts, ScimProvider, SubjectFrom, scim_router};
use countersign_identity::Hidden;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TOKEN: &str = "a token of 32 characters, or more";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub(crate) async fn scim(world: &World, method: Method, path: &str, body: &Value) -> Answer {
    let provider = ScimProvider {
        directory: told_of(),
        token: Hidden::new(TOKEN),
        subject_from: SubjectFrom::UserName,
        subject_prefix: String::new(),
        foreign_prefixes: vec![],
    };
    let router = scim_router(ScimParts {
        governance: world.governance.clone(),
        providers: vec![provider],
        public_url: "https://gateway.test".to_owned(),
    });
    let request = Request::builder()
        .method(method)
        .uri(format!("/scim/v2{path}"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/scim+json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_begin_and_end_at_the_next_request() {
    let world = World::new().await;
    let mut browser = world.signed_in(RILEY).await;
    assert_eq!(browser.get("/api/v1/catalog").await.status, StatusCode::FORBIDDEN);
    let user = json!({"userName": RILEY, "active": true});
    let user = scim(&world, Method::POST, "/Users", &user).await.json()["id"].clone();
    let group = json!({"schemas": [GROUP], "displayName": "countersign-auditors",
        "members": [{"value": user}]});
    let group = scim(&world, Method::POST, "/Groups", &group).await.json()["id"].clone();
    assert_eq!(browser.get("/api/v1/catalog").await.status, StatusCode::OK);
    let me = browser.get("/api/v1/me").await.json();
    assert_eq!(me["told_groups"][0]["directory"], "told", "{me}");
    assert_eq!(
        me["because"]["auditor"],
        "a member of countersign-auditors, as the directory told tells"
    );
    let page = browser.get("/console/identity").await.text();
    assert!(page.contains("scim[told].groups: the directory tells"), "{page}");
    let path = format!("/Groups/{}", group.as_str().unwrap());
    let left = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "members"}]});
    let patched = scim(&world, Method::PATCH, &path, &left).await;
    assert_eq!(patched.status, StatusCode::NO_CONTENT);
    assert_eq!(browser.get("/api/v1/catalog").await.status, StatusCode::FORBIDDEN);
    // A name that is another source's is refused.
    let foreign = json!({"schemas": [GROUP], "displayName": "entra:staff"});
    let refused = scim(&world, Method::POST, "/Groups", &foreign).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("another source of groups"), "{}", refused.text());
}
