//! Making, seeing, certifying and revoking grants, and the catalog behind them.

use crate::world::{ADA, AMIR, OLIVIA, REFUND, RILEY, SAM, STATUS, World, catalog};
use http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn grants_are_seen_by_those_whom_they_concern() {
    let world = World::new().await;
    let grant = world.grant(RILEY, REFUND).await;
    let path = format!("/console/grants/{}", grant.id);
    for (who, sees) in [(RILEY, true), (OLIVIA, true), (ADA, true), (SAM, true), (AMIR, false)] {
        let mut browser = world.signed_in(who).await;
        let list = browser.get("/console/grants").await.text();
        assert_eq!(list.contains(&grant.id.to_string()), sees, "{who}");
        let expected = if sees { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(browser.get(&path).await.status, expected, "{who}");
        let api = world.api("GET", "/api/v1/grants", who, "").await.json();
        assert_eq!(api["grants"].as_array().unwrap().len(), usize::from(sees), "{who}");
    }
    let table = [
        ("state=overdue", 1),
        ("state=due", 0),
        ("state=ended", 0),
        ("subject=riley@acme.example", 1),
        ("subject=nobody", 0),
        ("subject=group:riley@acme.example", 0),
        ("function=billing.refunds.create", 1),
        ("function=ops.status", 0),
    ];
    for (query, count) in table {
        let found = world.api("GET", &format!("/api/v1/grants?{query}"), SAM, "").await.json();
        assert_eq!(found["grants"].as_array().unwrap().len(), count, "{query}");
    }
    let odd = world.api("GET", "/api/v1/grants?state=odd", SAM, "").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_grant_is_made_certified_and_revoked_on_pages() {
    let world = World::new().await;
    let mut owner = world.signed_in(OLIVIA).await;
    let csrf = owner.get("/console/grants/new?function=billing.refunds.create").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("holder_kind", "subject"),
        ("holder", RILEY),
        ("functions", "billing.refunds.creat"),
        ("reason", "complaints"),
        ("constraints", "args.amount <= 100.0\r\nargs.amount > 0.0\r\n"),
    ];
    let refused = owner.post("/console/grants", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = refused.text();
    assert!(text.contains("no function") && text.contains("complaints"), "{text}");
    assert!(!text.contains("⟨U+000D⟩"), "{text}");
    fields[3].1 = REFUND;
    fields[5].1 = "args.amount > 0.0\r\nargs.amont <= 100.0";
    let text = owner.post("/console/grants", &fields).await.text();
    assert!(text.contains("Constraint 2, for billing.refunds.create: the input schema"), "{text}");
    fields[5].1 = "args.amount <= 100.0\r\nargs.amount > 0.0\r\n";
    let made = owner.post("/console/grants", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let path = made.location();
    let path = path.split('?').next().unwrap();
    let page = owner.get(path).await.text();
    assert!(page.contains("args.amount &lt;= 100.0") && page.contains("overdue"), "{page}");
    // At high sensitivity the maker does not certify, and neither does the holder.
    assert!(page.contains("the person who made a grant does not certify it"), "{page}");

    for (who, status) in [
        (OLIVIA, StatusCode::FORBIDDEN),
        (RILEY, StatusCode::FORBIDDEN),
        (AMIR, StatusCode::NOT_FOUND),
        (ADA, StatusCode::FORBIDDEN),
        (SAM, StatusCode::SEE_OTHER),
    ] {
        let mut browser = world.signed_in(who).await;
        let csrf = browser.get("/console").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("version", "1")];
        let answer = browser.post(&format!("{path}/certify"), &fields).await;
        assert_eq!(answer.status, status, "{who}");
    }
    assert!(owner.get(path).await.text().contains(">fresh</span>"));

    let mut holder = world.signed_in(RILEY).await;
    let csrf = holder.get(path).await.csrf();
    let fields = [("csrf", csrf.as_str()), ("why", "done <b>")];
    let answer = holder.post(&format!("{path}/revoke"), &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let page = holder.get(&answer.location()).await.text();
    assert!(page.contains(". Why: done &lt;b&gt;"), "{page}");
    assert!(!page.contains("/certify\""), "an ended grant is not certified");
}

#[tokio::test]
async fn the_api_makes_and_certifies_by_version() {
    let world = World::new().await;
    let new = json!({"holder": {"subject": RILEY}, "functions": [STATUS], "reason": "a look"});
    let refused = world.api("POST", "/api/v1/grants", RILEY, &new.to_string()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["code"], "not_owner");
    let made = world.api("POST", "/api/v1/grants", OLIVIA, &new.to_string()).await.json();
    let path = format!("/api/v1/grants/{}", made["id"].as_str().unwrap());
    let wrong = world.api("POST", &format!("{path}/certify"), SAM, r#"{"version":7}"#).await;
    assert_eq!(
        (wrong.status, wrong.json()["code"].as_str()),
        (StatusCode::CONFLICT, Some("other_version"))
    );
    let done = world.api("POST", &format!("{path}/certify"), SAM, r#"{"version":1}"#).await;
    assert_eq!(done.json()["certified"]["by"], SAM);
    let seen = world.api("GET", &path, RILEY, "").await.json();
    assert_eq!(seen["functions"][0]["freshness"], "fresh");
    let ended = world.api("POST", &format!("{path}/revoke"), OLIVIA, r#"{"why":"over"}"#).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
}

#[tokio::test]
async fn the_catalog_is_planned_and_applied_by_administrators() {
    let world = World::new().await;
    let shown = world.api("GET", "/api/v1/catalog", ADA, "").await.json();
    let base = shown["digest"].as_str().unwrap().to_owned();
    let mut next = catalog();
    next.functions.get_mut(STATUS).unwrap().purpose = "Is it really up".to_owned();
    let raw = serde_json::to_string(&next).unwrap();
    let plan = world.api("POST", "/api/v1/catalog/plan", ADA, &raw).await.json();
    assert_eq!(plan["changes"][0]["kind"], "changed", "{plan}");
    let apply = json!({"catalog": next, "base": base}).to_string();
    assert_eq!(
        world.api("POST", "/api/v1/catalog/apply", ADA, &apply).await.status,
        StatusCode::FORBIDDEN
    );
    let applied = world.api("POST", "/api/v1/catalog/apply", SAM, &apply).await;
    assert_eq!(applied.status, StatusCode::OK, "{}", applied.text());
    let other = json!({"catalog": catalog(), "base": base}).to_string();
    let late = world.api("POST", "/api/v1/catalog/apply", SAM, &other).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    next.functions.get_mut(STATUS).unwrap().http.path = "nowhere".to_owned();
    let raw = serde_json::to_string(&next).unwrap();
    let faulty = world.api("POST", "/api/v1/catalog/plan", SAM, &raw).await;
    assert_eq!(faulty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(faulty.json()["detail"].as_str().unwrap().contains(STATUS), "{}", faulty.text());
}

#[tokio::test]
async fn the_catalog_page_shows_rules_and_no_addresses() {
    let world = World::new().await;
    let mut browser = world.signed_in(RILEY).await;
    let list = browser.get("/console/catalog").await.text();
    assert!(
        list.contains("Invoices &lt;b&gt;and&lt;/b&gt; refunds") && list.contains("held by rule")
    );
    let page = browser.get(&format!("/console/catalog/{REFUND}")).await.text();
    assert!(
        page.contains("Held when args.amount &gt; 500.0: a member of finance-approvers"),
        "{page}"
    );
    assert!(!list.contains("billing.internal") && !page.contains("billing.internal"));
}
