//! What each way in is for, and how somebody would use it: one line for each. What changes something
//! gets a new thing each time.

mod life;
mod reviews;

use super::{
    Way,
    cast::{CALLER, Stage},
};
use crate::lab::{APPROVER, now};
use countersign_model::Span;
use serde_json::{Value, json};

/// What somebody does.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) resource: &'static str,
    pub(crate) action: &'static str,
    pub(crate) path: String,
    pub(crate) body: Body,
    /// For lists: the member of the answer, and how many there are.
    pub(crate) list: Option<(&'static str, usize)>,
}

/// What is sent along.
#[derive(Debug)]
pub(crate) enum Body {
    None,
    Json(Value),
    /// With the session's token added.
    Form(Vec<(&'static str, String)>),
}

impl Deed {
    fn new(resource: &'static str, action: &'static str, path: impl Into<String>) -> Self {
        Self { resource, action, path: path.into(), body: Body::None, list: None }
    }

    fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    fn form(self, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { body: Body::Form(fields), ..self }
    }

    fn list(self, list: &'static str, all: usize) -> Self {
        Self { list: Some((list, all)), ..self }
    }
}

/// How somebody would use this way in, if anybody has said.
pub(crate) async fn of(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/healthz" | "/readyz" | "/metrics") => Deed::new("operations", "read", path),
        ("GET", "/") => Deed::new("console", "find", path),
        ("GET", "/.well-known/oauth-protected-resource") => Deed::new("metadata", "read", path),
        ("POST", "/oauth/token") => Deed::new("token", "get one without any proof", path),
        ("GET", "/oauth/jwks") => Deed::new("metadata", "read the keys", path),
        ("GET", "/.well-known/oauth-authorization-server") => Deed::new("metadata", "read", path),
        ("GET", "/scim/v2/Users") => Deed::new("directory", "list users by SCIM", path),
        ("GET", "/tools") => Deed::new("call", "list what may be called", path),
        ("GET", "/t/{target}/…") => Deed::new("call", "make", "/t/desk/v1/items/7"),
        ("POST", "/call/{function}") => {
            Deed::new("call", "make", "/call/desk.items.get").json(json!({"item": "7"}))
        }
        (_, path) if path.starts_with("/api/v1/") => return api(stage, way).await,
        _ => return page(stage, way).await,
    };
    Some(deed)
}

async fn api(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/me") => Deed::new("identity", "read the own", path),
        ("GET", "/api/v1/me/explanation") => Deed::new("identity", "explain the own token", path),
        _ if path.starts_with("/api/v1/me/passkeys") || path.starts_with("/api/v1/me/sig") => {
            return passkeys(way);
        }
        ("POST", "/api/v1/identity/explain") => {
            Deed::new("identity", "explain a token", path).json(json!({"token": "x"}))
        }
        ("GET", "/api/v1/catalog") => Deed::new("catalog", "read whole", path),
        ("POST", "/api/v1/catalog/plan") => {
            let catalog = stage.manage("GET /catalog", &json!({})).await["catalog"].take();
            Deed::new("catalog", "plan", path).json(catalog)
        }
        ("POST", "/api/v1/catalog/apply") => {
            let catalog = stage.manage("GET /catalog", &json!({})).await["catalog"].take();
            Deed::new("catalog", "apply", path).json(json!({ "catalog": catalog }))
        }
        ("GET", "/api/v1/people" | "/api/v1/people/{subject}") => person(path),
        ("GET", "/api/v1/reviews/numbers") => Deed::new("review", "count", path),
        ("GET", "/api/v1/ledger") => Deed::new("ledger", "read the head", path),
        ("GET", "/api/v1/stops") => Deed::new("stop", "list", path),
        ("POST", "/api/v1/stops") => Deed::new("stop", "stop", path).json(stop()),
        ("POST", "/api/v1/stops/resume") => {
            stage.manage("POST /stops", &stop()).await;
            Deed::new("stop", "resume", path).json(stop())
        }
        _ if path.starts_with("/api/v1/grant-requests") => {
            return life::requests(stage, way).await;
        }
        _ if path.starts_with("/api/v1/denials") || path.starts_with("/api/v1/access") => {
            return life::access(stage, way).await;
        }
        _ if path.starts_with("/api/v1/delegates") => return delegates(stage, way).await,
        ("GET", "/api/v1/reviews/schedules") => Deed::new("review schedule", "list", path),
        _ if path.starts_with("/api/v1/grants") => return grants(stage, way).await,
        _ if path.starts_with("/api/v1/api-keys") => return api_keys(stage, way).await,
        _ if path.starts_with("/api/v1/notices") => return notices(stage, way).await,
        _ if path.starts_with("/api/v1/reviews") => return reviews::api(stage, way).await,
        _ => return held_and_recorded(stage, way).await,
    };
    Some(deed)
}

/// The person of this table is the caller.
fn person(path: &str) -> Deed {
    match path.strip_suffix("/{subject}") {
        None => Deed::new("person", "list", path),
        Some(at) => Deed::new("person", "read", format!("{at}/{CALLER}")),
    }
}

/// The approver stands in for the caller of this table.
async fn delegates(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let until = now().plus(Span::from_days(10));
    let new = json!({"of": CALLER, "to": APPROVER, "until": until});
    let date = until.date();
    let at = path.replace("{subject}", CALLER);
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/delegates") => {
            stage.manage("POST /delegates", &new).await;
            let all = stage.count("/delegates", "delegates").await;
            Deed::new("delegate", "list", path).list("delegates", all)
        }
        ("POST", "/api/v1/delegates") => {
            Deed::new("delegate", "set for the caller", path).json(new)
        }
        ("POST", "/api/v1/delegates/end") => {
            stage.manage("POST /delegates", &new).await;
            Deed::new("delegate", "end the caller's", path).json(json!({"of": CALLER}))
        }
        ("POST", "/console/people/{subject}/delegate") => {
            let fields = [("to", APPROVER), ("until", date.as_str())];
            Deed::new("delegate", "set for the caller", at).form(&fields)
        }
        ("POST", "/console/people/{subject}/delegate/end") => {
            stage.manage("POST /delegates", &new).await;
            Deed::new("delegate", "end the caller's", at).form(&[])
        }
        _ => return None,
    };
    Some(deed)
}

async fn grants(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let (id, version) = stage.grant().await;
    let at = path.replace("{id}", &id);
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/grants") => {
            Deed::new("grant", "list", path).list("grants", stage.count("/grants", "grants").await)
        }
        ("POST", "/api/v1/grants") => Deed::new("grant", "make", path).json(json!({
            "holder": {"subject": "somebody"}, "functions": ["desk.items.get"], "reason": "a test"
        })),
        ("POST", "/api/v1/grants/preview") => Deed::new("grant", "preview", path).json(json!({
            "holder": {"subject": "somebody"}, "functions": ["desk.items.get"]
        })),
        ("GET", "/api/v1/grants/{id}") => Deed::new("grant", "read", at),
        ("POST", "/api/v1/grants/{id}/certify") => {
            Deed::new("grant", "certify", at).json(json!({ "version": version }))
        }
        ("POST", "/api/v1/grants/{id}/revoke") => {
            Deed::new("grant", "revoke", at).json(json!({"why": "a test"}))
        }
        _ => return life::of_grant(stage, way).await,
    };
    Some(deed)
}

async fn api_keys(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let at = path.replace("{id}", &stage.api_key().await);
    let new = Stage::new_api_key();
    let ends = new["expires_at"].as_str()?.split('T').next()?;
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/api-keys") => {
            let all = stage.count("/api-keys", "api_keys").await;
            Deed::new("API key", "list", path).list("api_keys", all)
        }
        ("POST", "/api/v1/api-keys") => Deed::new("API key", "make", path).json(new),
        ("POST", "/api/v1/api-keys/{id}/revoke") => {
            Deed::new("API key", "revoke", at).json(json!({"why": "a test"}))
        }
        ("GET", "/console/api-keys") => Deed::new("API key", "list what is shown", path),
        ("POST", "/console/api-keys") => Deed::new("API key", "make", path).form(&[
            ("subject", new["subject"].as_str()?),
            ("purpose", "a test"),
            ("expires", ends),
        ]),
        ("POST", "/console/api-keys/{id}/revoke") => {
            Deed::new("API key", "revoke", at).form(&[("why", "a test")])
        }
        _ => return None,
    };
    Some(deed)
}

/// The notice of this table is the caller's.
async fn notices(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/notices" | "/console/notices") => {
            Deed::new("notice", "list the own", path)
        }
        ("POST", "/api/v1/notices/read") => {
            Deed::new("notice", "mark the own as read", path).json(json!({}))
        }
        ("POST", "/console/notices/read") => {
            Deed::new("notice", "mark the own as read", path).form(&[])
        }
        ("GET", "/api/v1/notices/channels" | "/console/notices/channels") => {
            Deed::new("notice", "read the own channels", path)
        }
        ("POST", "/api/v1/notices/channels") => {
            Deed::new("notice", "choose the own channels", path)
                .json(json!({"now": [], "digest": []}))
        }
        ("POST", "/console/notices/channels") => {
            Deed::new("notice", "choose the own channels", path).form(&[])
        }
        ("POST", "/api/v1/notices/test") => {
            Deed::new("notice", "send a test", path).json(json!({"to": CALLER}))
        }
        ("POST", "/console/notices/test") => {
            Deed::new("notice", "send a test to oneself", path).form(&[])
        }
        ("GET", "/api/v1/notices/deliveries" | "/console/notices/deliveries") => {
            Deed::new("notice", "list deliveries", path)
        }
        ("GET", "/api/v1/notices/{id}" | "/console/notices/{id}") => {
            let told = stage.manage("POST /notices/test", &json!({"to": CALLER})).await;
            let id = told["notice"]["id"].as_str().unwrap_or_default();
            Deed::new("notice", "read", path.replace("{id}", id))
        }
        _ => return None,
    };
    Some(deed)
}

/// The stage has an IP address, so that there are no passkeys: who comes so far as to be told, may.
fn passkeys(way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let at = path.replace("{id}", "psk_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/me/passkeys" | "/console/me/passkeys") => {
            Deed::new("passkey", "list the own", path)
        }
        ("POST", "/api/v1/me/passkeys/options") => {
            Deed::new("passkey", "begin to add", path).json(json!({}))
        }
        ("POST", "/api/v1/me/signatures/options") => {
            let thing = json!({"kind": "trial", "digest": "0".repeat(64)});
            Deed::new("passkey", "begin to sign", path).json(thing)
        }
        ("POST", "/api/v1/me/passkeys/{id}/remove") => {
            Deed::new("passkey", "remove one that is nobody's", at).json(json!({}))
        }
        ("POST", "/console/me/passkeys") => {
            Deed::new("passkey", "add", path).form(&[("name", "One")])
        }
        ("POST", "/console/me/passkeys/trial") => Deed::new("passkey", "try", path).form(&[]),
        ("POST", "/console/me/passkeys/{id}/name") => {
            Deed::new("passkey", "name one that is nobody's", at).form(&[("name", "One")])
        }
        ("POST", "/console/me/passkeys/{id}/remove") => {
            Deed::new("passkey", "remove one that is nobody's", at).form(&[])
        }
        _ => return None,
    };
    Some(deed)
}

async fn held_and_recorded(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/approvals") => {
            stage.held().await;
            let all = stage.count("/approvals", "approvals").await;
            Deed::new("held call", "list", path).list("approvals", all)
        }
        ("GET", "/api/v1/approvals/{id}") => {
            Deed::new("held call", "read", path.replace("{id}", &stage.held().await.0))
        }
        ("POST", "/api/v1/approvals/{id}/approve") => {
            let at = path.replace("{id}", &stage.held().await.0);
            Deed::new("held call", "approve", at).json(json!({}))
        }
        ("POST", "/api/v1/approvals/{id}/deny") => {
            let at = path.replace("{id}", &stage.held().await.0);
            Deed::new("held call", "deny", at).json(json!({"comment": "a test"}))
        }
        ("GET", "/api/v1/sessions") => {
            let all = stage.count("/sessions", "sessions").await;
            Deed::new("session", "list", path).list("sessions", all)
        }
        ("GET", "/api/v1/sessions/{id}") => {
            Deed::new("session", "replay", path.replace("{id}", &stage.session.0))
        }
        _ => return None,
    };
    Some(deed)
}

async fn page(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/.well-known/countersign") => Deed::new("metadata", "read", path),
        ("GET", "/assets/{name}") => Deed::new("console", "read its looks", stage.asset().await),
        ("GET", "/console/") => Deed::new("console", "find", path),
        ("GET", "/console") => Deed::new("console", "see what waits", path),
        ("GET", "/console/identity") => Deed::new("identity", "read the own", path),
        ("GET", "/console/reviews/numbers") => Deed::new("review", "count", path),
        ("GET", "/console/ledger") => Deed::new("ledger", "read the head", path),
        ("GET", "/console/sign-in") => Deed::new("sign-in", "choose a provider", path),
        ("GET", "/console/sign-in/{issuer}") => Deed::new("sign-in", "begin", "/console/sign-in/0"),
        ("GET", "/console/sign-in/callback") => {
            Deed::new("sign-in", "end one that was not begun here", path)
        }
        ("GET", "/console/sign-in/signed-out") => {
            Deed::new("sign-in", "come back from signing out", path)
        }
        // Whoever pushes proves it by the token in the body; here is none.
        ("POST", "/sign-out/back-channel/{issuer}") => {
            let at = "/sign-out/back-channel/demo";
            Deed::new("sign-in", "push a logout without a token", at)
        }
        ("POST", "/ssf/events") => Deed::new("sign-in", "push an event without a token", path),
        _ if path.starts_with("/console/saml/") => return saml_page(way),
        ("POST", "/console/sign-out") => {
            stage.end_browsers();
            Deed::new("sign-in", "sign out", path).form(&[])
        }
        ("GET", "/console/catalog") => Deed::new("catalog", "read", path),
        ("GET", "/console/catalog/{function}") => {
            Deed::new("catalog", "read a function", "/console/catalog/desk.items.get")
        }
        ("GET", "/console/sessions") => Deed::new("session", "list what is shown", path),
        ("GET", "/console/sessions/{id}" | "/console/sessions/{id}/calls/{call}") => {
            let (session, call) = &stage.session;
            Deed::new("session", "replay", path.replace("{id}", session).replace("{call}", call))
        }
        ("GET", "/console/grants") => Deed::new("grant", "list what is shown", path),
        ("GET", "/console/grants/new") => Deed::new("grant", "begin to make", path),
        ("POST", "/console/grants") => Deed::new("grant", "make", path).form(&[
            ("holder_kind", "subject"),
            ("holder", "somebody"),
            ("functions", "desk.items.get"),
            ("reason", "a test"),
        ]),
        ("POST", "/console/grants/preview") => Deed::new("grant", "preview", path).form(&[
            ("holder_kind", "subject"),
            ("holder", "somebody"),
            ("functions", "desk.items.get"),
        ]),
        _ if path.starts_with("/console/grants/{id}") => {
            let (id, version) = stage.grant().await;
            let at = path.replace("{id}", &id);
            match (way.method.as_str(), path) {
                ("GET", "/console/grants/{id}") => Deed::new("grant", "read", at),
                ("POST", "/console/grants/{id}/certify") => {
                    Deed::new("grant", "certify", at).form(&[("version", &version.to_string())])
                }
                ("POST", "/console/grants/{id}/revoke") => {
                    Deed::new("grant", "revoke", at).form(&[("why", "a test")])
                }
                _ => return life::of_grant(stage, way).await,
            }
        }
        _ if path.starts_with("/console/grant-requests") => {
            return life::requests(stage, way).await;
        }
        ("GET", "/console/access") => return life::access(stage, way).await,
        _ => return approval_pages(stage, way).await,
    };
    Some(deed)
}

/// No SAML provider stands in this configuration: the tests of SAML have one.
fn saml_page(way: &Way) -> Option<Deed> {
    let deed = match (way.method.as_str(), way.path.as_str()) {
        ("GET", "/console/saml/{issuer}/begin") => {
            Deed::new("sign-in", "begin with SAML", "/console/saml/0/begin")
        }
        ("GET", "/console/saml/{issuer}/metadata") => {
            Deed::new("metadata", "read for SAML", "/console/saml/0/metadata")
        }
        ("POST", "/console/saml/{issuer}/response") => {
            Deed::new("sign-in", "end with SAML", "/console/saml/0/response")
        }
        _ => return None,
    };
    Some(deed)
}

async fn approval_pages(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let deed = match (way.method.as_str(), path) {
        ("GET", "/console/approvals") => Deed::new("held call", "list what is shown", path),
        ("GET", "/console/approvals/{id}") => {
            Deed::new("held call", "read", path.replace("{id}", &stage.held().await.0))
        }
        ("POST", "/console/approvals/{id}/answer") => {
            let (id, digest) = stage.held().await;
            let fields = [("digest", digest.as_str()), ("verdict", "approve")];
            Deed::new("held call", "approve", path.replace("{id}", &id)).form(&fields)
        }
        ("POST", "/console/approvals/{id}/revoke") => {
            let (id, _) = stage.approved().await;
            Deed::new("held call", "take an approval back", path.replace("{id}", &id)).form(&[])
        }
        ("GET", "/console/people" | "/console/people/{subject}") => person(path),
        ("GET", "/console/reviews/schedules") => Deed::new("review schedule", "list", path),
        _ if path.starts_with("/console/people/") => return delegates(stage, way).await,
        _ if path.starts_with("/console/api-keys") => return api_keys(stage, way).await,
        _ if path.starts_with("/console/notices") => return notices(stage, way).await,
        _ if path.starts_with("/console/reviews") => return reviews::page(stage, way).await,
        _ if path.starts_with("/console/me/passkeys") => return passkeys(way),
        _ => return None,
    };
    Some(deed)
}

fn stop() -> Value {
    json!({"scope": {"subject": "nobody@acme.example"}, "why": "a test"})
}
