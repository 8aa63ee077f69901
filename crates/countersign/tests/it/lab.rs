//! The real gateway as a process of its own, in a temporary directory, with all that is around it in
//! the test's process: the identity provider, a target that notes every call that reaches it, and the
//! callers. What others share lives here; what one test wants to know does not.

#![expect(clippy::panic, clippy::expect_used, reason = "a test that panics is a test that fails")]

mod browser;
mod connection;
mod process;
mod site;

pub(crate) use browser::Browser;
pub(crate) use connection::{Answer, Connection, Lost, Say};
pub(crate) use process::{Process, ran};
pub(crate) use site::{Arrivals, EMAIL, Gate, Site, target};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_demo::{
    Secret,
    idp::{Client, ClientKind, Idp, IdpConfig, SigningSeed},
    people,
};
use countersign_model::{
    Clock, Entropy, Span, Timestamp,
    record::{CallIntent, CallOutcome, Entry, Event},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// What the tokens are made for.
pub(crate) const AUDIENCE: &str = "http://gateway.test";
pub(crate) const AGENT: &str = "agent:dunning";
pub(crate) const ADMINISTRATOR: &str = "sam@acme.example";
pub(crate) const OWNER: &str = "olivia@acme.example";
pub(crate) const APPROVER: &str = "amir@acme.example";
pub(crate) const AUDITOR: &str = "ada@acme.example";
/// The master key's bytes.
pub(crate) const MASTER: [u8; 32] = [3; 32];
/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What outlives a gateway process: its directory, and the world around it.
#[derive(Debug)]
pub(crate) struct World {
    directory: TempDir,
    /// The identity provider, and where it answers.
    pub(crate) idp: Idp,
    pub(crate) idp_site: Site,
    /// The target, and what reached it.
    pub(crate) target_site: Site,
    pub(crate) arrivals: Arrivals,
    pub(crate) gate: Gate,
}

impl World {
    /// A world whose identity provider and target answer.
    pub(crate) async fn new() -> Self {
        let mut world = Self::without_idp().await;
        world.idp_site.open(idp_routes(&world.idp)).await;
        world
    }

    /// A world whose identity provider has an address, and does not answer there yet.
    pub(crate) async fn without_idp() -> Self {
        let (idp_site, mut target_site) = (Site::reserve().await, Site::reserve().await);
        let (arrivals, gate) = (Arrivals::default(), Gate::default());
        target_site.open(target(&arrivals, &gate)).await;
        let directory = tempfile::tempdir().unwrap();
        let idp = identity_provider(&idp_site, [7; 32]);
        let world = Self { directory, idp, idp_site, target_site, arrivals, gate };
        world.write("master.key", &STANDARD.encode(MASTER));
        world.write("catalog/desk.yaml", &desk(&world.target_site).to_string());
        world.configure(&json!({}));
        world
    }

    /// Writes the configuration, with these members beside or in place of the usual ones.
    pub(crate) fn configure(&self, with: &Value) {
        let mut config = json!({
            "listen": "127.0.0.1:0",
            "public_url": AUDIENCE,
            "master_key": {"file": "master.key"},
            "issuers": [{
                "name": "demo", "url": issuer(&self.idp_site), "audiences": [AUDIENCE]
            }],
            "roles": {
                "administrators": ["countersign-admins"], "auditors": ["countersign-auditors"]
            },
            "catalog": {"directory": "catalog", "apply_on_start": true},
            "logging": {"format": "json"},
        });
        for (key, value) in with.as_object().unwrap() {
            config[key] = value.clone();
        }
        // JSON is YAML too.
        self.write("countersign.yaml", &config.to_string());
    }

    /// Writes a file of the world's directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.path().join("state/ledger")
    }

    /// A token of somebody, good for long.
    pub(crate) fn token(&self, who: &str) -> String {
        self.idp.mint(who, AUDIENCE, Span::from_seconds(3_600)).unwrap()
    }

    /// Every entry of the ledger, in its order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = countersign_ledger::entries(&self.ledger()).unwrap();
        entries.map(|it| serde_json::from_slice(&it.unwrap().1).unwrap()).collect()
    }

    /// How calls ended, as the ledger says.
    pub(crate) fn outcomes(&self) -> Vec<CallOutcome> {
        let outcome = |entry: Entry| {
            if let Event::CallOutcome(outcome) = entry.event { Some(outcome) } else { None }
        };
        self.entries().into_iter().filter_map(outcome).collect()
    }

    /// The calls that left, as the ledger says.
    pub(crate) fn intents(&self) -> Vec<CallIntent> {
        let intent = |entry: Entry| {
            if let Event::CallIntent(intent) = entry.event { Some(*intent) } else { None }
        };
        self.entries().into_iter().filter_map(intent).collect()
    }

    /// Lets a subject call all functions of the desk: one person makes the grant, another confirms it.
    pub(crate) async fn grant_desk(&self, process: &Process, subject: &str) {
        let made = self
            .manage(
                process,
                ADMINISTRATOR,
                "POST /grants",
                &json!({"holder": {"subject": subject}, "tags": ["desk"], "reason": "a test"}),
            )
            .await;
        let path = format!("POST /grants/{}/certify", made["id"].as_str().unwrap());
        self.manage(process, OWNER, &path, &json!({"version": made["version"]})).await;
    }

    /// Asks the management API as somebody: `GET /approvals`. It must say yes.
    pub(crate) async fn manage(
        &self,
        process: &Process,
        who: &str,
        what: &str,
        body: &Value,
    ) -> Value {
        let (method, path) = what.split_once(' ').unwrap();
        let say = Say::new(method, &format!("/api/v1{path}"), &self.token(who)).with(body);
        let answer = Connection::once(process.address, say).await.unwrap();
        assert_eq!(answer.status, 200, "{what} as {who}: {answer:?}");
        answer.json()
    }
}

/// The routes of an identity provider, where its issuer says.
pub(crate) fn idp_routes(idp: &Idp) -> axum::Router {
    axum::Router::new().nest("/idp", idp.router())
}

/// An identity provider at this site, with a key from this seed.
pub(crate) fn identity_provider(site: &Site, seed: [u8; 32]) -> Idp {
    Idp::new(provider(site, seed)).unwrap()
}

fn provider(site: &Site, seed: [u8; 32]) -> IdpConfig {
    IdpConfig {
        issuer: issuer(site),
        audience: AUDIENCE.to_owned(),
        clients: vec![],
        people: people::people(),
        agents: people::agents(),
        clock: Clock::new(now),
        entropy: Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap()),
        signing_seed: SigningSeed::new(seed),
    }
}

/// The same, with a client for the console.
pub(crate) fn provider_with_console(site: &Site, secret: &str) -> Idp {
    Idp::new(console_provider(site, secret)).unwrap()
}

/// What that one is made of.
pub(crate) fn console_provider(site: &Site, secret: &str) -> IdpConfig {
    IdpConfig {
        clients: vec![Client {
            id: "console".to_owned(),
            name: "the console".to_owned(),
            kind: ClientKind::Web {
                secret: Secret::new(secret),
                redirect_uris: vec![format!("{AUDIENCE}/console/sign-in/callback")],
                post_logout_redirect_uris: vec![],
            },
        }],
        ..provider(site, [7; 32])
    }
}

pub(crate) fn issuer(site: &Site) -> String {
    format!("http://{}/idp", site.address)
}

#[expect(clippy::disallowed_methods, reason = "a test of the real process has the real time")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// The catalog: a plain call, a masked one, one with a body, a held one and one that waits.
pub(crate) fn desk(site: &Site) -> Value {
    let function = |name: &str, http: Value, more: Value| {
        let mut function = json!({
            "name": format!("desk.{name}"), "purpose": "A test", "sensitivity": "medium",
            "tags": ["desk"], "http": http,
        });
        for (key, value) in more.as_object().unwrap() {
            function[key] = value.clone();
        }
        function
    };
    let get = |path: &str| json!({"method": "GET", "path": path});
    let emails = json!([{"detect": ["email"], "how": "redact"}]);
    json!({
        "target": {
            "name": "desk", "kind": "http", "url": format!("http://{}", site.address),
            "purpose": "A test", "owners": [OWNER],
            "connect_within": "2s", "answer_within": "20s", "idle_within": "20s"
        },
        "functions": [
            function("items.get", get("/v1/items/{item}"), json!({"record": "none"})),
            function("customers.get", get("/v1/customers/{customer}"), json!({"mask": emails})),
            function("lies.get", get("/v1/lies/{lie}"), json!({"mask": emails})),
            function("plainlies.get", get("/v1/plainlies/{lie}"), json!({"record": "none"})),
            function("waits.get", get("/v1/waits/{wait}"), json!({})),
            function("notes.add", json!({"method": "POST", "path": "/v1/notes"}), json!({
                "input": {"type": "object", "properties": {"text": {"type": "string"}}},
            })),
            function(
                "payments.make",
                json!({"method": "POST", "path": "/v1/payments/{number}", "body": "none"}),
                json!({
                    "sensitivity": "high",
                    "approval": [{"from": ["group:finance-approvers"], "within": "1h"}],
                }),
            ),
        ],
        "agents": [{
            "subject": AGENT, "name": "A test's agent", "sponsor": "riley@acme.example",
            "purpose": "To be tested"
        }],
    })
}

/// Waits until something is so, and fails when it does not come about.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(found) => found,
        Err(_) => panic!("never: {what}"),
    }
}
