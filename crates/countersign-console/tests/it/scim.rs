//! Directories: what Okta and Entra ID really send, what the RFCs show, and what nobody should be able
//! to do. The shapes are those of the providers' own documentation of their SCIM clients.

use crate::world::{ADA, RILEY, World};
use axum::{Router, body::Body};
use countersign_console::{ScimParts, ScimProvider, SubjectFrom, scim_router};
use countersign_governance::Directory;
use countersign_identity::Hidden;
use countersign_model::{Subject, snapshot::Letters};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const OKTA: &str = "okta-token-of-at-least-32-characters";
const ENTRA: &str = "entra-token-of-at-least-32-characters";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

struct Door<'w> {
    world: &'w World,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn id(&self) -> String {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body["id"].as_str().unwrap().to_owned()
    }
}

impl<'w> Door<'w> {
    fn of(world: &'w World) -> Self {
        let provider = |name: &str, token: &str, from, prefix: &str, letters| ScimProvider {
            directory: Directory { name: name.into(), letters, groups: None },
            token: Hidden::new(token),
            subject_from: from,
            subject_prefix: prefix.to_owned(),
            foreign_prefixes: if prefix.is_empty() { vec!["entra:".to_owned()] } else { vec![] },
        };
        let router = scim_router(ScimParts {
            governance: world.governance.clone(),
            providers: vec![
                provider("okta", OKTA, SubjectFrom::UserName, "", Letters::Folded),
                provider("entra", ENTRA, SubjectFrom::ExternalId, "entra:", Letters::Exact),
            ],
            public_url: "https://gateway.test".to_owned(),
        });
        Self { world, router }
    }

    async fn raw(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no JSON: {body:?}"))
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn send(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/scim/v2{path}"))
            .header("authorization", format!("Bearer {token}"));
        let mut bytes = Body::empty();
        if !body.is_null() {
            request = request.header("content-type", "application/scim+json");
            bytes = Body::from(body.to_string());
        }
        self.raw(request.body(bytes).unwrap()).await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(token, Method::GET, path, &Value::Null).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(token, Method::POST, path, &body).await
    }

    async fn patch(&self, token: &str, path: &str, operations: Value) -> Answer {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        self.send(token, Method::PATCH, path, &body).await
    }

    fn barred(&self, name: &str) -> bool {
        self.world.governance.policy().load().bars(&Subject::from(name))
    }
}

fn okta_user(name: &str) -> Value {
    json!({
        "schemas": [USER], "userName": name, "externalId": format!("00u-{name}"), "active": true,
        "name": {"givenName": "Riley", "familyName": "Reed"}, "password": "never kept",
        "emails": [{"primary": true, "value": name, "type": "work"}], "groups": [],
    })
}

fn entra_user(name: &str, object: &str) -> Value {
    json!({
        "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": object, "userName": name, "active": true, "displayName": "Riley Reed",
        "emails": [{"primary": true, "type": "work", "value": name}],
        "meta": {"resourceType": "User"}, "name": {"formatted": "Riley Reed"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"},
        "roles": [],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn okta_provisions_updates_and_deactivates() {
    let world = World::new().await;
    let door = Door::of(&world);
    let filter = format!("/Users?filter=userName%20eq%20%22{RILEY}%22&startIndex=1&count=100");
    let none = door.get(OKTA, &filter).await;
    assert_eq!((none.status, &none.body["totalResults"]), (StatusCode::OK, &json!(0)));
    let made = door.post(OKTA, "/Users", okta_user(RILEY)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.id();
    assert_eq!(made.headers[header::LOCATION], format!("https://gateway.test/scim/v2/Users/{id}"));
    assert_eq!(made.body["meta"]["version"], "W/\"1\"");
    assert!(!made.body.to_string().contains("never kept"));
    let found = door.get(OKTA, &filter.replace("riley", "RILEY")).await;
    assert_eq!(found.body["Resources"][0]["id"], json!(id));
    let again = door.post(OKTA, "/Users", okta_user(RILEY)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.body["scimType"], "uniqueness");
    assert_eq!(again.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(again.body["status"], "409");
    // Okta replaces profiles whole, and deactivates by a value without a path.
    let mut profile = okta_user(RILEY);
    profile["name"]["familyName"] = json!("Reeds");
    let put = door.send(OKTA, Method::PUT, &format!("/Users/{id}"), &profile).await;
    assert_eq!(put.body["name"]["familyName"], "Reeds", "{}", put.body);
    let off = json!([{"op": "replace", "value": {"active": false}}]);
    let gone = door.patch(OKTA, &format!("/Users/{id}"), off).await;
    assert_eq!((gone.status, &gone.body["active"]), (StatusCode::OK, &json!(false)));
    assert!(door.barred(RILEY));
    // What does not say `active` does not activate.
    profile.as_object_mut().unwrap().remove("active");
    door.send(OKTA, Method::PUT, &format!("/Users/{id}"), &profile).await;
    assert!(door.barred(RILEY));
    let on = json!([{"op": "replace", "value": {"active": true}}]);
    door.patch(OKTA, &format!("/Users/{id}"), on).await;
    assert!(!door.barred(RILEY));
    let removed = door.send(OKTA, Method::DELETE, &format!("/Users/{id}"), &Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert!(door.barred(RILEY));
    assert_eq!(door.get(OKTA, &format!("/Users/{id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entra_provisions_updates_and_deactivates() {
    let world = World::new().await;
    let door = Door::of(&world);
    let id = door.post(ENTRA, "/Users", entra_user("riley@acme.example", "0b1c")).await.id();
    let path = format!("/Users/{id}");
    let found = door.get(ENTRA, "/Users?filter=externalId+eq+%220b1c%22").await;
    assert_eq!(found.body["totalResults"], 1, "{}", found.body);
    // Several operations with names that begin with a capital, and a path with a filter.
    let changed = door
        .patch(
            ENTRA,
            &path,
            json!([
                {"op": "Replace", "path": "displayName", "value": "Riley R."},
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "r@acme.example"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1"},
                {"op": "Add", "path": "name.givenName", "value": "Riley"},
                {"op": "Add", "path":
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                    "value": "Finance"},
            ]),
        )
        .await;
    let body = &changed.body;
    assert_eq!(changed.status, StatusCode::OK, "{body}");
    assert_eq!(body["displayName"], "Riley R.");
    assert_eq!(body["emails"][0]["value"], "r@acme.example");
    assert_eq!(body["phoneNumbers"][0], json!({"type": "mobile", "value": "+1"}));
    assert_eq!(body["name"], json!({"formatted": "Riley Reed", "givenName": "Riley"}));
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(body[enterprise]["department"], "Finance");
    // Without a path, names may have dots and be an extension's.
    let whole = json!([{"op": "replace", "value": {
        "name.familyName": "Reed", format!("{enterprise}:department"): "Ops",
    }}]);
    let body = door.patch(ENTRA, &path, whole).await.body;
    assert_eq!(body["name"]["familyName"], "Reed", "{body}");
    assert_eq!(body[enterprise]["department"], "Ops", "{body}");
    // A text for a truth.
    door.patch(ENTRA, &path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert!(door.barred("entra:0b1c") && !door.barred("entra:0B1C"));
    door.patch(ENTRA, &path, json!([{"op": "Replace", "path": "active", "value": "True"}])).await;
    assert!(!door.barred("entra:0b1c"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_manages_whom_is_kept_as_okta_and_entra_say_it() {
    let world = World::new().await;
    let door = Door::of(&world);
    let manager = |of: &'static str| {
        let governance = world.governance.clone();
        async move {
            let facts = governance.review_facts().await.unwrap();
            facts.manager(&Subject::from(of)).map(ToString::to_string)
        }
    };
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    // Okta: in the profile.
    let mona = door.post(OKTA, "/Users", okta_user("mona@acme.example")).await.id();
    let mut profile = okta_user(RILEY);
    profile[enterprise] = json!({"manager": {"value": mona, "displayName": "Mona"}});
    let riley = door.post(OKTA, "/Users", profile).await.id();
    assert_eq!(manager(RILEY).await.as_deref(), Some("mona@acme.example"));
    let shown = world.api("GET", &format!("/api/v1/people/{RILEY}"), ADA, "").await.json();
    assert_eq!(shown["person"]["directories"][0]["manager"], "mona@acme.example", "{shown}");
    // Entra: by a patch, with the id alone; and back.
    let boss = door.post(ENTRA, "/Users", entra_user("boss@acme.example", "1")).await.id();
    let kim = door.post(ENTRA, "/Users", entra_user("kim@acme.example", "2")).await.id();
    let path = format!("{enterprise}:manager");
    let set = json!([{"op": "Add", "path": path, "value": boss}]);
    let changed = door.patch(ENTRA, &format!("/Users/{kim}"), set).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(manager("entra:2").await.as_deref(), Some("entra:1"));
    let unset = json!([{"op": "Remove", "path": path}]);
    door.patch(ENTRA, &format!("/Users/{kim}"), unset).await;
    assert_eq!(manager("entra:2").await, None);
    // Nobody is managed from another directory, by themself, or by who is gone.
    for id in [&mona, &kim] {
        let set = json!([{"op": "Add", "path": path, "value": id}]);
        door.patch(ENTRA, &format!("/Users/{kim}"), set).await;
        assert_eq!(manager("entra:2").await, None, "{id}");
    }
    door.send(OKTA, Method::DELETE, &format!("/Users/{mona}"), &Value::Null).await;
    assert_eq!(manager(RILEY).await, None, "{riley}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_as_okta_and_entra_keep_them() {
    let world = World::new().await;
    let door = Door::of(&world);
    let riley = door.post(ENTRA, "/Users", entra_user("riley@acme.example", "1")).await.id();
    let sam = door.post(ENTRA, "/Users", entra_user("sam@acme.example", "2")).await.id();
    let group = json!({"schemas": [GROUP], "externalId": "g1", "displayName": "Finance",
        "meta": {"resourceType": "Group"}});
    let id = door.post(ENTRA, "/Groups", group).await.id();
    let path = format!("/Groups/{id}");
    let members = async || {
        let body = door.get(ENTRA, &path).await.body;
        let ids = body["members"].as_array().unwrap().iter().map(|it| it["value"].clone());
        ids.map(|it| it.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let both = json!([{"op": "Add", "path": "members",
        "value": [{"$ref": null, "value": riley}, {"value": sam}, {"value": riley}]}]);
    assert_eq!(door.patch(ENTRA, &path, both).await.status, StatusCode::NO_CONTENT);
    assert_eq!(members().await.len(), 2);
    // Entra removes by value; everybody else stays.
    let one = json!([{"op": "Remove", "path": "members", "value": [{"value": riley}]}]);
    door.patch(ENTRA, &path, one).await;
    assert_eq!(members().await, [sam.as_str()]);
    // Okta removes by a filter, and renames by a value with the id in it.
    let okta = json!([{"op": "replace", "value": {"displayName": "Finances"}},
        {"op": "remove", "path": format!("members[value eq \"{sam}\"]")}]);
    assert_eq!(door.patch(ENTRA, &path, okta).await.status, StatusCode::NO_CONTENT);
    assert!(members().await.is_empty());
    let found = door
        .get(ENTRA, "/Groups?excludedAttributes=members&filter=displayName+eq+%22finances%22")
        .await;
    assert_eq!(found.body["Resources"][0]["id"], json!(id), "{}", found.body);
    assert!(found.body["Resources"][0].get("members").is_none());
    let outer = json!({"schemas": [GROUP], "displayName": "Everybody",
        "members": [{"value": id, "type": "Group"}, {"value": riley, "type": "User"}]});
    let outer = door.post(ENTRA, "/Groups", outer).await.body;
    let kinds: Vec<_> = outer["members"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["User", "Group"]);
    let place = outer["members"][1]["$ref"].as_str().unwrap();
    assert!(place.ends_with(&path), "{place}");
    // A change of the rest leaves groups among the members alone.
    let outer = format!("/Groups/{}", outer["id"].as_str().unwrap());
    let less = json!([{"op": "remove", "path": format!("members[value eq \"{riley}\"]")}]);
    assert_eq!(door.patch(ENTRA, &outer, less).await.status, StatusCode::NO_CONTENT);
    assert_eq!(door.get(ENTRA, &outer).await.body["members"][0]["value"], json!(id));
    let gone = door.send(ENTRA, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_reads_and_writes_its_own_only() {
    let world = World::new().await;
    let door = Door::of(&world);
    let okta = door.post(OKTA, "/Users", okta_user(RILEY)).await.id();
    let path = format!("/Users/{okta}");
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(door.get(ENTRA, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(door.patch(ENTRA, &path, off.clone()).await.status, StatusCode::NOT_FOUND);
    let put = door.send(ENTRA, Method::PUT, &path, &entra_user(RILEY, "x")).await;
    assert_eq!(put.status, StatusCode::NOT_FOUND);
    let delete = door.send(ENTRA, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(delete.status, StatusCode::NOT_FOUND);
    assert_eq!(door.get(ENTRA, "/Users").await.body["totalResults"], 0);
    let everybody = "/Users?filter=userName+pr+or+id+pr";
    assert_eq!(door.get(ENTRA, everybody).await.body["totalResults"], 0);
    let group = json!({"schemas": [GROUP], "displayName": "x", "members": [{"value": okta}]});
    assert_eq!(door.post(ENTRA, "/Groups", group).await.status, StatusCode::BAD_REQUEST);
    // The other's names are not its to name, in no letters.
    for name in ["entra:0b1c", "ENTRA:0b1c"] {
        let refused = door.post(OKTA, "/Users", okta_user(name)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
    }
    let renamed = json!([{"op": "replace", "path": "userName", "value": "entra:0b1c"}]);
    assert_eq!(door.patch(OKTA, &path, renamed).await.status, StatusCode::BAD_REQUEST);
    assert!(!door.barred(RILEY) && !door.barred("entra:0b1c"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_token_of_a_directory_gets_nowhere() {
    let world = World::new().await;
    let door = Door::of(&world);
    let long = format!("Bearer {}", "x".repeat(9_000));
    let other = format!("Basic {OKTA}");
    let twice = format!("Bearer {OKTA} {ENTRA}");
    for value in [None, Some("Bearer"), Some("Bearer "), Some(&*long), Some(&*other), Some(&*twice)]
    {
        for path in ["/scim/v2/Users", "/scim/v2/ServiceProviderConfig", "/scim/v2/nothing"] {
            let mut request = Request::get(path);
            if let Some(value) = value {
                request = request.header("authorization", value);
            }
            let answer = door.raw(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{value:?} {path}");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
    let two = Request::get("/scim/v2/Users")
        .header("authorization", format!("Bearer {OKTA}"))
        .header("authorization", format!("Bearer {ENTRA}"));
    let answer = door.raw(two.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!format!("{:?}", door.router).contains(OKTA));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tricks_change_nothing() {
    let world = World::new().await;
    let door = Door::of(&world);
    let id = door.post(OKTA, "/Users", okta_user(RILEY)).await.id();
    let path = format!("/Users/{id}");
    let before = door.get(OKTA, &path).await.body;
    let operations = [
        (json!([{"op": "replace", "path": "id", "value": "other"}]), "mutability"),
        (json!([{"op": "replace", "value": {"id": "other"}}]), "mutability"),
        (json!([{"op": "add", "path": "groups", "value": [{"value": "g"}]}]), "mutability"),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "replace", "path": "active", "value": null}, {"op": "x"}]), "invalidSyntax"),
        (json!([{"op": "replace", "path": "active", "value": "maybe"}]), "invalidValue"),
        (json!([{"op": "replace", "path": "active", "value": 1}]), "invalidValue"),
        (json!([{"op": "replace", "path": "userName", "value": ""}]), "invalidValue"),
        (json!([{"op": "replace", "path": "userName", "value": "a\u{0}b"}]), "invalidValue"),
        (json!([{"op": "remove", "path": "userName"}]), "invalidValue"),
        (json!([{"op": "replace", "path": "userName[", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "emails[type eq \"x\"", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "a.b.c", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "active' OR '1'='1", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "__proto__.x[value pr", "value": 1}]), "invalidPath"),
        (
            json!([{"op": "replace", "path": "emails[not (type eq \"home\") and value co \"zz\"].value",
            "value": "x"}]),
            "noTarget",
        ),
        // All or nothing: the first would be fine.
        (
            json!([{"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "id", "value": "x"}]),
            "mutability",
        ),
    ];
    for (operations, kind) in operations {
        let answer = door.patch(OKTA, &path, operations.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{operations}");
        assert_eq!(answer.body["scimType"], kind, "{operations}: {}", answer.body);
    }
    let filters = [
        "userName eq \"x\" or 1=1",
        "userName eq 'x'",
        "userName eq \"x\"; DROP TABLE scim_resources",
        "userName eq \"x\") or (userName pr",
        "userName like \"%\"",
        "userName eq [\"x\"]",
        "((((((((((userName pr))))))))))",
        "",
    ];
    for text in filters {
        let text = text.replace('%', "%25").replace(' ', "%20").replace('"', "%22");
        let answer = door.get(OKTA, &format!("/Users?filter={text}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}: {}", answer.body);
        assert_eq!(answer.body["scimType"], "invalidFilter", "{text}");
    }
    // A value is a value, whatever stands in it.
    for value in ["' OR '1'='1", "%", "_", "*", "x\\\" or userName pr"] {
        let value = value.replace('%', "%25").replace(' ', "%20").replace('"', "%22");
        let answer = door.get(OKTA, &format!("/Users?filter=userName%20eq%20%22{value}%22")).await;
        assert_eq!(answer.body["totalResults"], 0, "{value}: {}", answer.body);
    }
    let after = door.get(OKTA, &path).await.body;
    assert_eq!(after, before);
    assert!(!door.barred(RILEY));
    let twice = "/Users?filter=id+pr&FILTER=userName+pr";
    assert_eq!(door.get(OKTA, twice).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_taken_over_by_nobody() {
    let world = World::new().await;
    let door = Door::of(&world);
    let first = door.post(OKTA, "/Users", okta_user("ann@acme.example")).await.id();
    let second = door.post(OKTA, "/Users", okta_user("bob@acme.example")).await.id();
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    door.patch(OKTA, &format!("/Users/{first}"), off).await;
    // A name and an externalId belong to one, whatever the letters of the name.
    let rename = json!([{"op": "replace", "path": "userName", "value": "ANN@acme.example"}]);
    let taken = door.patch(OKTA, &format!("/Users/{second}"), rename).await;
    assert_eq!(
        (taken.status, &taken.body["scimType"]),
        (StatusCode::CONFLICT, &json!("uniqueness"))
    );
    let external =
        json!([{"op": "replace", "path": "externalId", "value": "00u-ann@acme.example"}]);
    let taken = door.patch(OKTA, &format!("/Users/{second}"), external).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    // Who is barred does not come back under another name; the old one stays barred.
    let both =
        json!([{"op": "replace", "value": {"userName": "new@acme.example", "active": true}}]);
    let renamed = door.patch(OKTA, &format!("/Users/{first}"), both).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.body);
    assert!(door.barred("ann@acme.example") && !door.barred("new@acme.example"));
    assert!(!door.barred("bob@acme.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_keep_writers_apart() {
    let world = World::new().await;
    let door = Door::of(&world);
    let id = door.post(OKTA, "/Users", okta_user(RILEY)).await.id();
    let with = async |method: Method, name: &str, value: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/scim/v2/Users/{id}"))
            .header("authorization", format!("Bearer {OKTA}"))
            .header("content-type", "application/json")
            .header(name, value);
        door.raw(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let off = json!({"schemas": [PATCH], "Operations": [
        {"op": "replace", "path": "active", "value": false}]});
    let same = with(Method::GET, "if-none-match", "W/\"1\"", Value::Null).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    let stale = with(Method::PATCH, "if-match", "W/\"7\"", off.clone()).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert!(!door.barred(RILEY));
    let fresh = with(Method::PATCH, "if-match", "W/\"1\"", off).await;
    assert_eq!(fresh.headers[header::ETAG], "W/\"2\"");
    // The answer to an earlier reading re-activates nobody.
    let on = json!({"schemas": [PATCH], "Operations": [
        {"op": "replace", "path": "active", "value": true}]});
    let late = with(Method::PATCH, "if-match", "W/\"1\"", on).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert!(door.barred(RILEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_refused() {
    let world = World::new().await;
    let door = Door::of(&world);
    let id = door.post(OKTA, "/Users", okta_user(RILEY)).await.id();
    let many: Vec<Value> = (0..1_001)
        .map(|it| json!({"op": "replace", "path": "title", "value": it.to_string()}))
        .collect();
    let rows = [
        door.patch(OKTA, &format!("/Users/{id}"), json!(many)).await.status,
        door.patch(OKTA, &format!("/Users/{id}"), json!([])).await.status,
        door.post(OKTA, "/Users", json!({"userName": "x", "title": "t".repeat(70_000)}))
            .await
            .status,
    ];
    assert_eq!(rows, [StatusCode::BAD_REQUEST; 3]);
    let huge =
        json!({"displayName": "x", "members": vec![json!({"value": "y".repeat(40)}); 25_000]});
    let answer = door.post(OKTA, "/Groups", huge).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let twice = "{\"userName\": \"a\", \"userName\": \"b\"}";
    let request = Request::post("/scim/v2/Users")
        .header("authorization", format!("Bearer {OKTA}"))
        .header("content-type", "application/scim+json")
        .body(Body::from(twice))
        .unwrap();
    assert_eq!(door.raw(request).await.status, StatusCode::BAD_REQUEST);
    let letters = json!({"userName": "a@acme.example", "active": false, "ACTIVE": true});
    assert_eq!(door.post(OKTA, "/Users", letters).await.status, StatusCode::BAD_REQUEST);
    let form = Request::post("/scim/v2/Users")
        .header("authorization", format!("Bearer {OKTA}"))
        .header("content-type", "text/plain")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(door.raw(form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_pages_and_the_door_says_what_it_can() {
    let world = World::new().await;
    let door = Door::of(&world);
    for number in 0..5 {
        door.post(OKTA, "/Users", okta_user(&format!("u{number}@acme.example"))).await.id();
    }
    let first = door.get(OKTA, "/Users?startIndex=1&count=2").await.body;
    let rest = door.get(OKTA, "/Users?startIndex=3&count=200&attributes=userName").await.body;
    assert_eq!((&first["totalResults"], &first["itemsPerPage"]), (&json!(5), &json!(2)));
    assert_eq!((&rest["totalResults"], &rest["itemsPerPage"]), (&json!(5), &json!(3)));
    assert!(rest["Resources"][0].get("emails").is_none() && rest["Resources"][0]["id"].is_string());
    assert_eq!(door.get(OKTA, "/Users?count=0").await.body["itemsPerPage"], 0);
    let rows = [
        ("userName sw \"u1\"", 1),
        ("userName co \"acme\" and not (userName eq \"u2@acme.example\")", 4),
        ("emails[type eq \"work\" and value sw \"u3\"]", 1),
        ("emails.value eq \"U4@acme.example\"", 0),
        ("active eq true and title pr", 0),
        ("active eq \"True\"", 5),
        ("name.familyName eq \"reed\"", 5),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName ew \"0@acme.example\"", 1),
        ("meta.resourceType eq \"User\" and (userName eq \"u0@acme.example\" or id pr)", 5),
    ];
    for (text, count) in rows {
        let query = text.replace(' ', "%20").replace('"', "%22");
        let body = door.get(OKTA, &format!("/Users?filter={query}")).await.body;
        assert_eq!(body["totalResults"], count, "{text}: {body}");
    }
    let can = door.get(OKTA, "/ServiceProviderConfig").await.body;
    assert_eq!(
        (&can["patch"]["supported"], &can["bulk"]["supported"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(door.get(OKTA, "/ResourceTypes").await.body["totalResults"], 2);
    assert_eq!(door.get(OKTA, "/ResourceTypes/User").await.body["endpoint"], "/Users");
    assert_eq!(door.get(OKTA, &format!("/Schemas/{USER}")).await.body["id"], USER);
    let other = door.send(OKTA, Method::DELETE, "/Users", &Value::Null).await;
    assert_eq!(other.status, StatusCode::METHOD_NOT_ALLOWED);
}
