//! The billing API as the gateway meets it, nested where the binary nests it.

use super::Billing;
use crate::{
    Secret,
    testing::{Answer, request, send},
};
use axum::Router;
use serde_json::{Value, json};

struct World {
    billing: Billing,
    router: Router,
}

impl World {
    fn new() -> Self {
        let billing = Billing::new(Secret::new("own"));
        let router = Router::new().nest("/demo/billing", billing.router());
        Self { billing, router }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("authorization", "Bearer own"), ("content-type", "application/json")];
        let path = format!("/demo/billing{path}");
        send(&self.router, request(method, &path, &headers, body.to_owned())).await
    }

    async fn refund(&self, body: &Value) -> Answer {
        self.call("POST", "/v1/refunds", &body.to_string()).await
    }
}

#[tokio::test]
async fn only_its_own_credential_opens_it() {
    let world = World::new();
    let rows: [(&[(&str, &str)], u16); 7] = [
        (&[("authorization", "Bearer own")], 200),
        (&[("authorization", "bearer own")], 200),
        (&[], 401),
        (&[("authorization", "Bearer eyJhbGciOi.e30.x")], 401),
        (&[("authorization", "Basic own")], 401),
        (&[("authorization", "Bearer own"), ("authorization", "Bearer caller")], 401),
        (&[("authorization", "Bearer ")], 401),
    ];
    for path in ["/v1/customers/c_1", "/v1/exports/customers", "/counters"] {
        for (headers, expect) in rows {
            let path = format!("/demo/billing{path}");
            let answer = send(&world.router, request("GET", &path, headers, "")).await;
            assert_eq!(answer.status, expect, "{path} {headers:?}");
            if expect == 401 {
                let detail = &answer.json()["detail"];
                let text = "this API only accepts its own credential; call it through Countersign";
                assert_eq!(detail, text);
                assert_eq!(answer.header("content-type"), "application/problem+json");
            }
        }
    }
    let nowhere = request("GET", "/demo/billing/nowhere", &[], "");
    assert_eq!(send(&world.router, nowhere).await.status, 401, "also where nothing is");
    assert_eq!(world.call("GET", "/nowhere", "").await.status, 404);
    assert_eq!(world.call("PUT", "/v1/customers", "").await.status, 405);
}

#[tokio::test]
async fn pages_walk_through_everybody_once() {
    let world = World::new();
    let mut seen = Vec::new();
    let mut path = "/v1/customers?limit=100".to_owned();
    loop {
        let page = world.call("GET", &path, "").await.json();
        let customers = page["customers"].as_array().unwrap();
        seen.extend(customers.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/customers?limit=100&after={next}");
    }
    let expect: Vec<String> = (1..=240).map(|number| format!("c_{number}")).collect();
    assert_eq!(seen, expect);
    let page = world.call("GET", "/v1/customers", "").await.json();
    assert_eq!(page["customers"].as_array().unwrap().len(), 20);
    for bad in
        ["limit=0", "limit=101", "limit=x", "limit=-1", "after=20", "after=c_020", "after=c_x"]
    {
        let answer = world.call("GET", &format!("/v1/customers?{bad}"), "").await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_customer_and_their_invoices_fit_together() {
    let world = World::new();
    let customer = world.call("GET", "/v1/customers/c_81", "").await.json();
    assert!(customer["email"].as_str().unwrap().ends_with(".example"));
    let invoices = world.call("GET", "/v1/customers/c_81/invoices", "").await.json();
    for invoice in invoices["invoices"].as_array().unwrap() {
        assert_eq!(invoice["customer"], "c_81");
        let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
        assert_eq!(world.call("GET", &path, "").await.json(), *invoice);
    }
    for nowhere in [
        "customers/c_0",
        "customers/c_241",
        "customers/x",
        "customers/c_999/invoices",
        "invoices/inv_81_9",
        "invoices/inv_081_1",
        "invoices/81",
        "refunds/r_1",
    ] {
        let answer = world.call("GET", &format!("/v1/{nowhere}"), "").await;
        assert_eq!(answer.status, 404, "{nowhere}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.text().contains('@'), "{nowhere} tells of nobody");
    }
}

#[tokio::test]
async fn refunds_are_paid_counted_and_found_again() {
    let world = World::new();
    let asked = json!({ "customer": "c_81", "amount": 40, "currency": "EUR", "reason": "double" });
    let answer = world.refund(&asked).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), "refunds/r_1");
    let refund = answer.json();
    assert_eq!((&refund["id"], &refund["amount"]), (&json!("r_1"), &json!(40.0)));
    assert_eq!(world.call("GET", "/v1/refunds/r_1", "").await.json(), refund);
    assert_eq!(world.billing.counters().refunds_executed, 1);
}

#[tokio::test]
async fn refunds_that_can_not_be_are_refused_and_a_conflict_names_the_e_mail() {
    let world = World::new();
    let good = json!({ "customer": "c_81", "amount": 40, "currency": "EUR", "reason": "double" });
    let other = |name: &str, value: Value| {
        let mut asked = good.clone();
        asked[name] = value;
        asked
    };
    let rows = [
        (other("amount", json!(0)), 422, false),
        (other("amount", json!(-5)), 422, false),
        (other("amount", json!(100_000.5)), 422, false),
        (other("amount", json!("40")), 400, false),
        (other("reason", json!("")), 422, false),
        (other("reason", json!("x".repeat(501))), 422, false),
        (other("extra", json!(1)), 400, false),
        (other("customer", json!("c_999")), 404, false),
        (other("currency", json!("USD")), 409, true),
        (other("customer", json!("c_9")), 409, true),
        (json!([]), 400, false),
    ];
    for (asked, expect, names_somebody) in rows {
        let answer = world.refund(&asked).await;
        assert_eq!(answer.status, expect, "{asked}");
        assert_eq!(answer.text().contains(".example"), names_somebody, "{}", answer.text());
    }
    let large = other("reason", json!("x".repeat(70_000)));
    assert_eq!(world.refund(&large).await.status, 413);
    assert_eq!(world.billing.counters().refunds_executed, 0);
}

#[tokio::test]
async fn the_oldest_refund_is_forgotten_when_there_are_too_many() {
    let world = World::new();
    let asked = json!({ "customer": "c_81", "amount": 1, "currency": "EUR", "reason": "flood" });
    for _ in 0..=super::REFUNDS_MAX {
        assert_eq!(world.refund(&asked).await.status, 201);
    }
    assert_eq!(world.call("GET", "/v1/refunds/r_1", "").await.status, 404);
    assert_eq!(world.call("GET", "/v1/refunds/r_2", "").await.status, 200);
    assert_eq!(world.billing.counters().refunds_executed, 1_001);
}

#[tokio::test]
async fn a_deleted_customer_is_gone_everywhere() {
    let world = World::new();
    let answer = world.call("DELETE", "/v1/customers/c_2", "").await;
    assert_eq!(answer.json()["deleted"], true);
    assert!(answer.json()["message"].as_str().unwrap().contains(".example"));
    for path in ["/v1/customers/c_2", "/v1/customers/c_2/invoices", "/v1/invoices/inv_2_1"] {
        assert_eq!(world.call("GET", path, "").await.status, 404, "{path}");
    }
    assert_eq!(world.call("DELETE", "/v1/customers/c_2", "").await.status, 404);
    let export = world.call("GET", "/v1/exports/customers", "").await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let ids: Vec<Value> = export
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids.len(), 239);
    assert!(!ids.contains(&json!("c_2")) && export.text().ends_with('\n'));
}

#[tokio::test]
async fn counters_tell_what_came() {
    let world = World::new();
    world.call("GET", "/v1/customers/c_1", "").await;
    world.call("GET", "/v1/customers/c_2", "").await;
    world.call("GET", "/v1/customers", "").await;
    world.call("GET", "/what/is/this", "").await;
    let caller = [("authorization", "Bearer caller")];
    send(&world.router, request("GET", "/demo/billing/v1/customers", &caller, "")).await;
    let counters = world.billing.counters();
    assert_eq!(
        serde_json::to_value(&counters).unwrap(),
        json!({
            "calls": {
                "GET /v1/customers": 1, "GET /v1/customers/{customer}": 2, "unknown": 1,
            },
            "refused": 1,
            // `printf 'Bearer caller' | sha256sum`
            "last_authorization_sha256":
                "50a79a9835007492917191b0c2071f05297c0dc0944d9c17ba83ccae3f104abc",
            "refunds_executed": 0,
        })
    );
    assert_eq!(counters.calls_total(), 4);
    let asked = world.call("GET", "/counters", "").await.json();
    assert_eq!(asked["calls"]["GET /counters"], 1);
}
