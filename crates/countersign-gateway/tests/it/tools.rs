//! `GET /tools`: what a caller may call, in the forms that models take.

use crate::{
    lab::World,
    rig::{AGENT, Target, answer, catalog, function, raw, status_line},
};
use countersign_gateway::Limits;
use http::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_are_what_this_caller_may_call() {
    let target = Target::start(|_| answer(200, &[], "")).await;
    let functions = [
        function("customers.get", "GET", "/v1/customers/{customer}", json!({})),
        function("customers.archive", "POST", "/v1/customers/{customer}:archive", json!({})),
        function("admin.keys", "GET", "/v1/admin/keys", json!({})),
    ];
    let lab = World::new().await.start(Limits::default()).await;
    lab.apply(catalog(target.address, json!({}), &functions)).await;
    lab.grant(AGENT, &["api.customers.get", "api.customers.archive"]).await;
    let list =
        async |format: &str, who: &str| lab.get(&format!("/tools{format}"), who).await.json();
    let mcp = list("?format=mcp", AGENT).await;
    let names: Vec<&str> =
        mcp["tools"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["api__customers__archive", "api__customers__get"]);
    assert_eq!(mcp["tools"][0]["inputSchema"]["type"], "object");
    let openai = list("?format=openai", AGENT).await;
    assert_eq!(openai[0]["type"], "function");
    assert_eq!(openai[0]["function"]["name"], names[0]);
    assert!(openai[0]["function"]["parameters"].is_object());
    let anthropic = list("?format=anthropic", AGENT).await;
    assert_eq!(
        (&anthropic[0]["name"], anthropic[0]["input_schema"].is_object()),
        (&json!(names[0]), true)
    );
    for plain in ["", "?format=json-schema"] {
        let plain = list(plain, AGENT).await;
        assert_eq!(plain["functions"][0]["tool"], names[0]);
        let call = plain["functions"][0]["call"].as_str().unwrap();
        assert_eq!(call, "/call/api.customers.archive");
    }
    assert_eq!(list("", "riley@acme.example").await["functions"], json!([]));
    assert_eq!(lab.get("/tools?format=xml", AGENT).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let stranger =
        raw(lab.address, "GET /tools HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n");
    let answer = stranger.await;
    assert_eq!(status_line(&answer), StatusCode::UNAUTHORIZED);
    assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
}
