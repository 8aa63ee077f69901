//! What becomes of grants, requests for them, denials, and what is explained of access.

use super::{CALLER, Deed, Stage, Way};
use crate::lab::now;
use countersign_model::Span;
use serde_json::{Value, json};

const FUNCTION: &str = "desk.items.get";

pub(super) async fn of_grant(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let (id, version) = stage.grant().await;
    let at = way.path.replace("{id}", &id);
    let verb = way.path.rsplit('/').next()?;
    let because = json!({"why": "a test"});
    match verb {
        "resume" => stage.manage(&format!("POST /grants/{id}/suspend"), &because).await,
        "restore" => stage.manage(&format!("POST /grants/{id}/revoke"), &because).await,
        _ => Value::Null,
    };
    let is_page = way.path.starts_with("/console/");
    let terms = json!({"functions": [FUNCTION], "constraints": ["true"]});
    let deed = match (way.method.as_str(), verb, is_page) {
        ("GET", "history", _) => Deed::new("grant", "read the history", at),
        ("POST", "suspend", true) => Deed::new("grant", "suspend", at).form(&[("why", "a test")]),
        ("POST", "resume", true) => Deed::new("grant", "resume", at).form(&[]),
        ("POST", "restore", true) => Deed::new("grant", "undo a revocation", at).form(&[]),
        ("POST", "suspend", false) => Deed::new("grant", "suspend", at).json(because),
        ("POST", "resume", false) => Deed::new("grant", "resume", at).json(json!({})),
        ("POST", "restore", false) => Deed::new("grant", "undo a revocation", at).json(json!({})),
        ("POST", "narrow", _) => {
            Deed::new("grant", "narrow", at).json(json!({"version": version, "terms": terms}))
        }
        ("POST", "change", _) => {
            Deed::new("grant", "change", at).json(json!({"version": version, "terms": terms}))
        }
        ("POST", "renew", _) => {
            let ends = now().plus(Span::from_days(9));
            Deed::new("grant", "renew", at).json(json!({"expires_at": ends}))
        }
        ("POST", "transfer", _) => Deed::new("grant", "pass to another holder", at)
            .json(json!({"to": {"subject": "somebody.else"}, "why": "a test"})),
        _ => return None,
    };
    Some(deed)
}

pub(super) async fn requests(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let (rest, is_page) = match path.strip_prefix("/api/v1/grant-requests") {
        Some(rest) => (rest, false),
        None => (path.strip_prefix("/console/grant-requests")?, true),
    };
    let ask = json!({"functions": [FUNCTION], "reason": "a test"});
    let deed = match (way.method.as_str(), rest, is_page) {
        ("GET", "", true) => return Some(Deed::new("request", "list what is shown", path)),
        ("GET", "/ask", _) => return Some(Deed::new("request", "begin to ask", path)),
        ("POST", "", true) => Deed::new("request", "ask for a grant", path)
            .form(&[("functions", FUNCTION), ("reason", "a test")]),
        ("POST", "", false) => Deed::new("request", "ask for a grant", path).json(ask),
        _ => {
            let id = stage.request(&ask).await;
            answer(stage, way, rest, &id).await?
        }
    };
    Some(deed)
}

/// What is done with a request of the caller's.
async fn answer(stage: &mut Stage, way: &Way, rest: &str, id: &str) -> Option<Deed> {
    let at = way.path.replace("{id}", id);
    let is_page = way.path.starts_with("/console/");
    let deed = match (way.method.as_str(), rest, is_page) {
        ("GET", "", _) => {
            let all = stage.count("/grant-requests", "grant_requests").await;
            Deed::new("request", "list", at).list("grant_requests", all)
        }
        ("GET", "/{id}", _) => Deed::new("request", "read", at),
        ("POST", "/{id}/preview", true) => Deed::new("request", "preview", at).form(&[]),
        ("POST", "/{id}/preview", false) => Deed::new("request", "preview", at).json(json!({})),
        ("POST", "/{id}/approve", true) => Deed::new("request", "approve", at).form(&[]),
        ("POST", "/{id}/deny", true) => Deed::new("request", "deny", at).form(&[("why", "a test")]),
        ("POST", "/{id}/withdraw", true) => Deed::new("request", "withdraw", at).form(&[]),
        ("POST", "/{id}/approve", false) => Deed::new("request", "approve", at).json(json!({})),
        ("POST", "/{id}/deny", false) => {
            Deed::new("request", "deny", at).json(json!({"why": "a test"}))
        }
        ("POST", "/{id}/withdraw", false) => Deed::new("request", "withdraw", at).json(json!({})),
        _ => return None,
    };
    Some(deed)
}

pub(super) async fn access(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let new = json!({
        "whom": {"subject": "somebody"}, "functions": [FUNCTION], "why": "a test"
    });
    let query = format!("?subject={CALLER}&function={FUNCTION}");
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/denials") => {
            stage.manage("POST /denials", &new).await;
            let all = stage.count("/denials", "denials").await;
            Deed::new("denial", "list", path).list("denials", all)
        }
        ("POST", "/api/v1/denials") => Deed::new("denial", "make", path).json(new),
        ("POST", "/api/v1/denials/{id}/lift") => {
            let made = stage.manage("POST /denials", &new).await;
            let at = path.replace("{id}", made["id"].as_str()?);
            Deed::new("denial", "lift", at).json(json!({"why": "a test"}))
        }
        ("GET", "/api/v1/access/conflicts") => Deed::new("access", "list conflicts", path),
        ("GET", "/api/v1/access/explain" | "/console/access") => {
            Deed::new("access", "explain", format!("{path}{query}"))
        }
        _ => return None,
    };
    Some(deed)
}
