//! Every route of the table, called by everybody: strangers get nowhere, and roles stand as written.

use crate::world::{ADA, AGENT, AMIR, OLIVIA, REFUND, RILEY, SAM, World};
use http::{Request, StatusCode};
use serde_json::json;

/// A row of `routes.md`.
struct Row {
    method: String,
    path: String,
    door: String,
    who: String,
}

fn rows() -> Vec<Row> {
    let table = countersign_console::table();
    let rows = table.lines().filter(|line| line.starts_with("| GET") || line.starts_with("| POST"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let path = cells[2].trim_matches('`');
        // Things that do not exist: who passes the guard is told 404.
        let path = path
            .replace("{id}", "nothing_01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .replace("{grant}", "grt_01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .replace("{call}", "call_01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .replace("{function}", "no.function")
            .replace("{issuer}", "7")
            .replace("{subject}", "nothing_of_this_name")
            .replace("{name}", "nothing.css");
        Row {
            method: cells[1].to_owned(),
            path,
            door: cells[3].to_owned(),
            who: cells[4].to_owned(),
        }
    })
    .collect()
}

fn is_of_numbers(row: &Row) -> bool {
    row.path.ends_with("/reviews/numbers")
}

fn may(row: &Row, who: &str) -> bool {
    let looks = ["/api/v1/catalog/plan", "/api/v1/identity/explain"];
    let looks = looks.contains(&row.path.as_str()) || row.path.ends_with("/preview");
    if who == ADA && row.method != "GET" && !looks {
        return false;
    }
    match row.who.as_str() {
        // Of nobody's campaigns there are no numbers.
        "signed in" if is_of_numbers(row) => [SAM, ADA].contains(&who),
        "anyone" | "signed in" => true,
        "administrator, auditor" => [SAM, ADA].contains(&who),
        "administrator" => who == SAM,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_stranger_gets_nowhere() {
    let world = World::new().await;
    let rows = rows();
    assert!(rows.len() > 40);
    for row in rows {
        let request = Request::builder().method(row.method.as_str()).uri(&row.path);
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        let place = format!("{} {} {}", row.method, row.path, answer.status);
        match (row.door.as_str(), row.method.as_str()) {
            ("open", _) => assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{place}"),
            ("page", "GET") => {
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{place}");
                assert!(answer.location().starts_with("/console/sign-in?return_to="), "{place}");
            }
            ("page", _) => assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{place}"),
            ("API", _) => {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{place}");
                assert!(answer.headers.contains_key("www-authenticate"), "{place}");
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                assert!(answer.json()["next_step"].is_string(), "{place}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_api_admits_whom_the_table_says() {
    let world = World::new().await;
    for row in rows().iter().filter(|it| it.door == "API") {
        for who in [RILEY, OLIVIA, AMIR, ADA, SAM, AGENT] {
            // An empty object is understood by some and refused by others, and changes nothing.
            let body = if row.method == "POST" { "{}" } else { "" };
            let answer = world.api(&row.method, &row.path, who, body).await;
            let place = format!("{who}: {} {} {}", row.method, row.path, answer.text());
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{place}");
            assert!(!answer.status.is_server_error(), "{place}");
            if row.path == "/api/v1/catalog/apply" && who == ADA {
                assert_eq!(
                    answer.json()["next_step"],
                    "Ask who answers for it; to act yourself, leave the group of auditors."
                );
            }
            if may(row, who) {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{place}");
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}");
                let code = if is_of_numbers(row) { "not_yours" } else { "forbidden" };
                assert_eq!(answer.json()["code"], code, "{place}");
            }
        }
    }
}

#[tokio::test]
async fn pages_admit_whoever_signed_in_and_change_nothing_without_the_token() {
    let world = World::new().await;
    for who in [RILEY, OLIVIA, AMIR, ADA, SAM] {
        let mut browser = world.signed_in(who).await;
        for row in rows().iter().filter(|it| it.door == "page" && it.path != "/console/sign-out") {
            let answer = match row.method.as_str() {
                "GET" => browser.get(&row.path).await,
                _ => browser.post(&row.path, &[("csrf", "0")]).await,
            };
            let place = format!("{who}: {} {} {}", row.method, row.path, answer.status);
            let absent = row.path.contains("nothing_") || row.path.contains("no.function");
            let expected = match (row.method.as_str(), absent) {
                ("POST", _) => StatusCode::FORBIDDEN,
                (_, true) => StatusCode::NOT_FOUND,
                (_, false) if !may(row, who) => StatusCode::FORBIDDEN,
                (_, false) if row.path.ends_with("/new") && ![SAM, OLIVIA].contains(&who) => {
                    StatusCode::FORBIDDEN
                }
                (_, false) => StatusCode::OK,
            };
            assert_eq!(answer.status, expected, "{place}");
            assert!(answer.text().contains("<main id=\"main\""), "{place}");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let world = World::new().await;
    for path in
        ["/console/sign-in", "/console/nothing", "/api/v1/nothing", "/.well-known/countersign"]
    {
        let answer = world.api("GET", path, "", "").await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "same-origin", "{path}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn the_suspended_enter_nothing_but_the_way_out() {
    let world = World::new().await;
    let mut browser = world.signed_in(AMIR).await;
    let csrf = browser.get("/console").await.csrf();
    world.governance.suspend(&world.actor(SAM), &AMIR.into(), "left").await.unwrap();
    assert_eq!(browser.get("/console").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.api("GET", "/api/v1/me", AMIR, "").await.status, StatusCode::FORBIDDEN);
    let out = browser.post("/console/sign-out", &[("csrf", &csrf)]).await;
    assert!(out.text().contains("You are signed out here"), "{}", out.text());
}

#[tokio::test]
async fn json_is_read_strictly() {
    let world = World::new().await;
    let table = [
        (r#"{"scope":"everything","why":"a","why":"b"}"#, StatusCode::BAD_REQUEST),
        (r#"{"scope":"everything","why":"a","more":1}"#, StatusCode::BAD_REQUEST),
        (r#"{"scope":{"planet":"x"},"why":"a"}"#, StatusCode::BAD_REQUEST),
        (r#"{"scope":"everything","why":""}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"scope":{"target":"nowhere"},"why":"a"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"scope":{"target":"ops"},"why":"a"}"#, StatusCode::OK),
        (r#"{"scope":{"subject":"mo"},"why":"a"}"#, StatusCode::OK),
    ];
    for (body, expected) in table {
        let answer = world.api("POST", "/api/v1/stops", SAM, body).await;
        assert_eq!(answer.status, expected, "{body}: {}", answer.text());
    }
    let stops = world.api("GET", "/api/v1/stops", RILEY, "").await.json();
    assert_eq!(stops["kills"][0]["scope"]["target"], "ops");
    let resumed = r#"{"scope":{"target":"ops"},"why":"over"}"#;
    let answer = world.api("POST", "/api/v1/stops/resume", SAM, resumed).await.json();
    assert_eq!(answer["kills"].as_array().unwrap().len(), 0);
    let large = format!(r#"{{"why":"{}"}}"#, "a".repeat(2 * 1024 * 1024));
    let answer = world.api("POST", "/api/v1/stops", SAM, &large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn who_asks_is_told_what_they_are_here_and_why() {
    let world = World::new().await;
    world.grant(RILEY, REFUND).await;
    let me = world.api("GET", "/api/v1/me", RILEY, "").await.json();
    assert_eq!(me["roles"], json!(["caller"]));
    assert_eq!(me["because"]["caller"], "1 grant reaches them");
    assert_eq!(me["grants"][0]["functions"][0]["name"], REFUND, "{me}");
    assert_eq!((&me["issuer"], &me["proved_by"]), (&json!("demo"), &json!("token")));
    let me = world.api("GET", "/api/v1/me", OLIVIA, "").await.json();
    assert_eq!(me["roles"], json!(["owner", "approver"]), "{me}");
    let me = world.api("GET", "/api/v1/me", SAM, "").await.json();
    assert_eq!(me["because"]["administrator"], "a member of countersign-admins");

    let page = world.signed_in(OLIVIA).await.get("/console/identity").await.text();
    for part in ["owns billing.refunds.create and 1 more", "issuers[demo].claims.subject: olivia"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        !page.contains("--from FILE"),
        "what only administrators and auditors may is not offered"
    );
    let page = world.signed_in(ADA).await.get("/console/identity").await.text();
    assert!(page.contains("identity test --server"), "{page}");
}

#[tokio::test]
async fn a_token_is_explained_to_its_bearer_and_to_who_sees_everything() {
    let world = World::new().await;
    let own = world.api("GET", "/api/v1/me/explanation", RILEY, "").await.json();
    assert_eq!((&own["outcome"], &own["caller"]["subject"]), (&json!("accepted"), &json!(RILEY)));
    let of_session = world.signed_in(RILEY).await.get("/api/v1/me/explanation").await.json();
    assert_eq!(of_session["caller"]["subject"], json!(RILEY));

    let token = world.token(RILEY);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let forged = format!("{signed}.{}{rest}", if first == "A" { "B" } else { "A" });
    for who in [SAM, ADA] {
        let body = json!({"token": forged}).to_string();
        let told = world.api("POST", "/api/v1/identity/explain", who, &body).await;
        assert_eq!(told.json()["code"], "signature_invalid", "{}", told.text());
        assert!(!told.text().contains(signature) && !told.text().contains(rest));
    }
    // What is no request is not quoted: it may be a token.
    for body in [json!(token), json!([token]), json!({"token": [token]}), json!({"tken": token})] {
        let told = world.api("POST", "/api/v1/identity/explain", SAM, &body.to_string()).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text());
        assert!(!told.text().contains(signature), "{}", told.text());
    }
}

#[tokio::test]
async fn an_auditor_changes_nothing_though_everything_else_is_theirs() {
    let world = World::new().await;
    let grant = world.grant(RILEY, REFUND).await;
    let both = countersign_model::Caller {
        groups: ["countersign-admins", "countersign-auditors", "finance-approvers"]
            .map(|it| it.into())
            .into(),
        ..crate::world::caller(OLIVIA)
    };
    let actor = world.governance.actor(&both);
    let held = world.held(json!({"amount": 900}), &["group:finance-approvers"]).await;
    let governance = &world.governance;
    let (yes, why) = (countersign_model::approval::Verdict::Approve, "a test");
    let refusals = [
        governance.vote(&actor, held.id, yes, "").await.unwrap_err().code(),
        governance.revoke_approval(&actor, held.id).await.unwrap_err().code(),
        governance.certify_grant(&actor, grant.id, grant.version).await.unwrap_err().code(),
        governance.revoke_grant(&actor, grant.id, why).await.unwrap_err().code(),
        governance.suspend(&actor, &RILEY.into(), why).await.unwrap_err().code(),
        governance.resume(&actor, &RILEY.into(), why).await.unwrap_err().code(),
        governance.apply_catalog(&actor, crate::world::catalog(), None).await.unwrap_err().code(),
    ];
    assert_eq!(refusals, ["auditor_changes_nothing"; 7]);
    assert!(governance.plan_catalog(&actor, &crate::world::catalog()).await.is_ok());
}
