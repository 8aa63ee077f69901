//! Held calls, A1 to A8 of the product, each with the target's own counter as the proof: an approved
//! call ran exactly once, and no other ran. `hoop_…` are defects that another gateway has.

mod again;
mod binding;
mod drain;
mod hidden;
mod many;
mod once;
mod people;
mod restarts;
mod standing;
mod targets;
mod time;

use crate::lab::{Answer, Lab, World, catalog};
use bytes::Bytes;
use countersign_gateway::Limits;
use countersign_governance::{Actor, ApprovalFilter};
use countersign_model::{
    Approval, ApprovalId, Caller, CallerKind, Group, Span, Subject, Verdict,
    catalog::raw::{RawApproval, RawCatalog, RawFile},
};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

const AGENT: &str = "agent:dunning";
const ALICE: &str = "u:alice";
const BOB: &str = "u:bob";
const AMIR: &str = "amir@acme.example";
const OLIVIA: &str = "olivia@acme.example";
const SAM: &str = "sam@acme.example";
const REFUND: &str = "billing.refunds.create";
const REFUNDS: &str = "/t/billing/v1/refunds";
/// How long an approval of a refund waits, for an answer and then for its use: the default.
const WITHIN: Span = Span::from_seconds(15 * 60);
/// Whatever a test waits for comes within this time, or never.
const SOON: Duration = Duration::from_secs(20);

/// A call that can be sent again and again.
#[derive(Clone, Debug)]
struct Call {
    method: Method,
    path: String,
    token: String,
    body: Option<String>,
    prefer: Option<&'static str>,
}

impl Call {
    fn new(token: &str, method: Method, path: &str) -> Self {
        let (token, path) = (token.to_owned(), path.to_owned());
        Self { method, path, token, body: None, prefer: None }
    }

    fn post(token: &str, path: &str, body: &Value) -> Self {
        let call = Self::new(token, Method::POST, path);
        Self { body: Some(body.to_string()), ..call }
    }

    fn refund(token: &str, amount: u32) -> Self {
        Self::post(token, REFUNDS, &refund(amount))
    }

    fn prefer(self, prefer: &'static str) -> Self {
        Self { prefer: Some(prefer), ..self }
    }

    /// The same call by a caller that does not wait.
    fn at_once(&self) -> Self {
        self.clone().prefer("wait=0")
    }

    fn request(&self, to: SocketAddr) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("http://{to}{}", self.path))
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(prefer) = self.prefer {
            request = request.header("prefer", prefer);
        }
        if self.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(self.body.clone().unwrap_or_default().into()).unwrap()
    }

    async fn send(&self, lab: &Lab) -> Answer {
        lab.send(self.request(lab.address)).await
    }

    /// Sends it from a task of its own, as a caller that waits.
    fn spawn(&self, lab: &Arc<Lab>) -> JoinHandle<Answer> {
        let (lab, call) = (Arc::clone(lab), self.clone());
        tokio::spawn(async move { call.send(&lab).await })
    }

    /// Has it held, and gives the request's name.
    async fn held(&self, lab: &Lab) -> ApprovalId {
        held(&self.at_once().send(lab).await)
    }
}

fn refund(amount: u32) -> Value {
    json!({"customer": "c_81", "amount": amount, "currency": "EUR", "reason": "broken"})
}

/// The approval that a held caller is told of.
fn held(answer: &Answer) -> ApprovalId {
    refused(answer, StatusCode::FORBIDDEN, "approval_required");
    answer.json()["approval"].as_str().unwrap().parse().unwrap()
}

/// Whatever refuses says why in a code and a sentence, and what to do next.
fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    let problem = answer.json();
    let said = |member: &str| problem[member].as_str().is_some_and(|it| it.len() > 10);
    assert!(said("detail") && said("next_step") && said("call"), "{problem}");
}

fn ran_as(answer: &Answer, code: &str) {
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(answer.code(), code, "{answer:?}");
}

/// How many refunds the target paid out.
fn paid(lab: &Lab) -> u64 {
    lab.world.billing.counters().refunds_executed
}

fn deleted(lab: &Lab) -> u64 {
    let counters = lab.world.billing.counters();
    counters.calls.get("DELETE /v1/customers/{customer}").copied().unwrap_or(0)
}

/// A gateway with the catalog of these tests, and certified grants for the callers.
async fn lab() -> Lab {
    let lab = World::new().await.start(Limits::default()).await;
    lab.apply(held_catalog(lab.world.targets)).await;
    for caller in [AGENT, ALICE, BOB] {
        lab.grant(caller, &[REFUND, "twin.refunds.create", "billing.customers.delete"]).await;
        lab.grant(caller, &["slow.echo", "slow.sleep", "slow.fail", "gone.ping"]).await;
    }
    lab
}

/// The demo's targets, where more is held, and a second target with the same functions.
fn held_catalog(targets: SocketAddr) -> RawCatalog {
    let mut all = catalog(targets);
    for name in ["slow.echo", "slow.sleep", "slow.fail"] {
        all.functions.get_mut(name).unwrap().approval = vec![rule(&["group:finance-approvers"], 1)];
    }
    let mut twin = all.targets["billing"].clone();
    (twin.name, twin.hosts) = ("twin".to_owned(), vec![]);
    let mut function = all.functions[REFUND].clone();
    function.name = "twin.refunds.create".to_owned();
    all.targets.insert(twin.name.clone(), twin);
    all.functions.insert(function.name.clone(), function);
    let gone: RawFile = serde_json::from_value(json!({
        "target": {
            // Nothing listens on port 1.
            "name": "gone", "kind": "http", "url": "http://127.0.0.1:1", "purpose": "Gone",
            "owners": [OLIVIA]
        },
        "functions": [{
            "name": "gone.ping", "purpose": "Ping", "sensitivity": "low",
            "http": {"method": "GET", "path": "/ping"}
        }]
    }))
    .unwrap();
    let mut gone = RawCatalog::join([gone]).unwrap();
    gone.functions.get_mut("gone.ping").unwrap().approval =
        vec![rule(&["group:finance-approvers"], 1)];
    all.targets.append(&mut gone.targets);
    all.functions.append(&mut gone.functions);
    all
}

fn rule(from: &[&str], people: u32) -> RawApproval {
    serde_json::from_value(json!({"from": from, "people": people, "wait": "20s"})).unwrap()
}

/// A token of anybody, with these claims beside or instead of the usual ones.
fn token(world: &World, subject: &str, claims: Value) -> String {
    let now = world.now().seconds();
    let mut all = json!({
        "iss": format!("http://{}/idp", world.targets), "sub": subject, "aud": world.resource,
        "client_id": "app", "iat": now, "exp": now + 3600, "jti": format!("{subject}-{now}"),
    });
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    all.as_object_mut().unwrap().extend(claims);
    world.idp.sign("at+jwt", &all).unwrap()
}

fn alice(lab: &Lab) -> String {
    token(&lab.world, ALICE, json!({}))
}

/// Anybody who signed in, with these groups.
fn person(lab: &Lab, subject: &str, groups: &[&str]) -> Actor {
    somebody(lab, subject, groups, CallerKind::Person, &[])
}

fn somebody(lab: &Lab, subject: &str, groups: &[&str], kind: CallerKind, actors: &[&str]) -> Actor {
    lab.governance.actor(&Caller {
        subject: Subject::from(subject),
        kind,
        actors: actors.iter().map(|it| Subject::from(*it)).collect(),
        client: None,
        issuer: "demo".into(),
        groups: groups.iter().map(|it| Group::from(*it)).collect(),
        scopes: [].into(),
        name: None,
        email: None,
        expires_at: lab.world.now().plus(Span::from_days(1)),
        issued: countersign_model::Issued::default(),
    })
}

async fn approve(lab: &Lab, who: &str, id: ApprovalId) -> Approval {
    lab.governance.vote(&lab.actor(who), id, Verdict::Approve, "").await.unwrap()
}

async fn state(lab: &Lab, id: ApprovalId) -> &'static str {
    lab.governance.approval(id).await.unwrap().unwrap().state.name()
}

/// The one request that is pending, when it is there.
async fn pending(lab: &Lab) -> Approval {
    let filter = ApprovalFilter { states: vec!["pending".to_owned()], ..Default::default() };
    let mut found = Vec::new();
    until("a pending request", async || {
        found = lab.governance.approvals(&filter).await.unwrap();
        !found.is_empty()
    })
    .await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Waits until so many calls wait for people, each with its request open.
async fn waiting(lab: &Lab, calls: usize) {
    until("waiting calls", async || gauge(lab, "countersign_calls_held") == calls).await;
}

fn gauge(lab: &Lab, name: &str) -> usize {
    let mut text = String::new();
    lab.gateway.metrics(&mut text);
    let line = text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !look().await {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, future).await;
    done.unwrap_or_else(|_| panic!("{what} did not come"))
}
