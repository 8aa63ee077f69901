//! The people of the table, and a gateway with something for each of them.

use crate::lab::{
    ADMINISTRATOR, AGENT, APPROVER, AUDIENCE, AUDITOR, Browser, Connection, OWNER, Process, Say,
    World, console_provider, desk, idp_routes, issuer, now, until,
};
use countersign_demo::{
    idp::{Idp, IdpConfig},
    people::{self, Person},
};
use countersign_model::Span;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// Somebody who tries every way in.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) credential: Credential,
}

/// How they prove who they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Credential {
    /// Not at all.
    None,
    /// As this person: by a token, or by a browser's session.
    Person(&'static str),
    /// As the agent, by a token.
    Agent,
}

/// The columns of the table.
pub(crate) const CAST: &[Role] = &[
    Role { name: "stranger", credential: Credential::None },
    Role { name: "signed in", credential: Credential::Person(PAT) },
    Role { name: "caller", credential: Credential::Person(CALLER) },
    Role { name: "agent", credential: Credential::Agent },
    Role { name: "owner", credential: Credential::Person(OWNER) },
    Role { name: "approver", credential: Credential::Person(APPROVER) },
    Role { name: "reviewer", credential: Credential::Person(ROSA) },
    Role { name: "auditor", credential: Credential::Person(AUDITOR) },
    Role { name: "administrator", credential: Credential::Person(ADMINISTRATOR) },
];

/// A gateway that runs, and what there is in it.
pub(crate) struct Stage {
    pub(crate) world: World,
    process: Process,
    browsers: BTreeMap<&'static str, Browser>,
    /// A session of the caller's, and a call of it.
    pub(crate) session: (String, String),
    /// So many payments were asked for.
    payments: u32,
}

/// After the gateway has ended.
pub(crate) struct Ended {
    pub(crate) world: World,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let mut world = World::without_idp().await;
        world.idp = provider(&world);
        let routes = idp_routes(&world.idp);
        world.idp_site.open(routes).await;
        let mut catalog = desk(&world.target_site);
        catalog["target"]["owners"] = json!([OWNER, AUDITOR]);
        // The agent of this table is nobody's of the table.
        catalog["agents"][0]["sponsor"] = json!("nobody@acme.example");
        world.write("catalog/desk.yaml", &catalog.to_string());
        world.write("client.secret", CLIENT_SECRET);
        world.write("metrics.token", "a-token-of-the-scraper");
        world.configure(&json!({
            "issuers": [{
                "name": "demo", "url": issuer(&world.idp_site), "audiences": [AUDIENCE],
                "sign_in": {
                    "client_id": "console", "client_secret": {"file": "client.secret"},
                    "cli_client_id": "cli",
                },
            }],
            "roles": {
                "administrators": ["countersign-admins"], "auditors": ["countersign-auditors"],
                "reviewers": ["countersign-reviewers"],
            },
            "metrics": {"token": {"file": "metrics.token"}},
            "api_keys": {"enabled": true},
        }));
        let process = Process::start(&world).await;
        let session = (String::new(), String::new());
        let mut stage = Self { world, process, browsers: BTreeMap::new(), session, payments: 0 };
        for subject in [CALLER, AGENT] {
            stage.world.grant_desk(&stage.process, subject).await;
        }
        stage.session = stage.recorded().await;
        stage
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    pub(crate) fn token(&self, who: Credential) -> Option<String> {
        match who {
            Credential::None => None,
            Credential::Person(subject) => Some(self.world.token(subject)),
            Credential::Agent => Some(self.world.token(AGENT)),
        }
    }

    /// The browser of a person, who has signed in.
    pub(crate) async fn browser(&mut self, subject: &'static str) -> &mut Browser {
        if !self.browsers.contains_key(subject) {
            let browser = Browser::signed_in(&self.process, subject).await;
            self.browsers.insert(subject, browser);
        }
        self.browsers.get_mut(subject).unwrap()
    }

    /// Forgets who is signed in, because somebody is about to sign out, or did.
    pub(crate) fn end_browsers(&mut self) {
        self.browsers.clear();
    }

    /// Does something as an administrator, which works.
    pub(crate) async fn manage(&self, what: &str, body: &Value) -> Value {
        self.world.manage(&self.process, ADMINISTRATOR, what, body).await
    }

    /// Does something as somebody who may.
    pub(crate) async fn manage_as(&self, who: &str, what: &str, body: &Value) -> Value {
        self.world.manage(&self.process, who, what, body).await
    }

    /// Waits until a campaign is in this state.
    pub(crate) async fn in_state(&self, campaign: &str, state: &str) {
        until("the campaign is in its state", async || {
            let now = self.manage(&format!("GET /reviews/{campaign}"), &json!({})).await;
            (now["campaign"]["state"]["state"] == state).then_some(())
        })
        .await;
    }

    /// Waits until a campaign is closed: everybody who decided has signed.
    pub(crate) async fn closed(&self, campaign: &str) {
        self.in_state(campaign, "closed").await;
    }

    /// The digest of what the owner would sign, as its page shows it.
    pub(crate) async fn shown_digest(&mut self, campaign: &str) -> String {
        let say = Say::bare("GET", &format!("/console/reviews/{campaign}/sign-off"));
        let page = self.browser(OWNER).await.say(say).await.text();
        let (_, after) = page.split_once("name=\"digest\" value=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// A new grant of the caller's that nobody certified: its id and version.
    pub(crate) async fn grant(&self) -> (String, u64) {
        let new = json!({
            "holder": {"subject": CALLER}, "functions": ["desk.items.get"], "reason": "a test"
        });
        let made = self.manage("POST /grants", &new).await;
        (made["id"].as_str().unwrap().to_owned(), made["version"].as_u64().unwrap())
    }

    /// A new grant that reaches a function of high sensitivity: its id.
    pub(crate) async fn high_grant(&self) -> String {
        let new = json!({
            "holder": {"subject": "somebody"}, "functions": ["desk.payments.make"], "reason": "a test"
        });
        let made = self.manage("POST /grants", &new).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// A request of the caller's, the only one of theirs that waits: its id.
    pub(crate) async fn request(&self, ask: &Value) -> String {
        let known =
            self.world.manage(&self.process, CALLER, "GET /grant-requests", &json!({})).await;
        for request in known["grant_requests"].as_array().unwrap() {
            if request["asked_by"] == CALLER {
                let what =
                    format!("POST /grant-requests/{}/withdraw", request["id"].as_str().unwrap());
                self.world.manage(&self.process, CALLER, &what, &json!({})).await;
            }
        }
        let made = self.world.manage(&self.process, CALLER, "POST /grant-requests", ask).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// A new API key of the agent's, the only one that is good: its id.
    pub(crate) async fn api_key(&self) -> String {
        let known = self.manage("GET /api-keys", &json!({})).await;
        for key in known["api_keys"].as_array().unwrap() {
            let what = format!("POST /api-keys/{}/revoke", key["id"].as_str().unwrap());
            self.manage(&what, &json!({"why": "another one"})).await;
        }
        let made = self.manage("POST /api-keys", &Self::new_api_key()).await;
        made["api_key"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn new_api_key() -> Value {
        let expires_at = now().plus(Span::from_days(1));
        json!({"subject": AGENT, "purpose": "a test", "expires_at": expires_at})
    }

    /// A new held call of the caller's: its id and digest.
    pub(crate) async fn held(&mut self) -> (String, String) {
        self.payments += 1;
        let path = format!("/t/desk/v1/payments/{}", self.payments);
        let say = Say::new("POST", &path, &self.world.token(CALLER)).header("prefer", "wait=0");
        let answer = Connection::once(self.address(), say).await.unwrap();
        let id = answer.json()["approval"].as_str().unwrap_or_default().to_owned();
        assert!(!id.is_empty(), "{answer:?}");
        let held = self.manage(&format!("GET /approvals/{id}"), &json!({})).await;
        (id, held["digest"].as_str().unwrap().to_owned())
    }

    /// A call that was approved and not used yet.
    pub(crate) async fn approved(&mut self) -> (String, String) {
        let held = self.held().await;
        let what = format!("POST /approvals/{}/approve", held.0);
        self.world.manage(&self.process, APPROVER, &what, &json!({})).await;
        held
    }

    /// How much there is of a list.
    pub(crate) async fn count(&self, path: &str, list: &str) -> usize {
        let all = self.manage(&format!("GET {path}"), &json!({})).await;
        all[list].as_array().unwrap().len()
    }

    /// Where a page's style is.
    pub(crate) async fn asset(&self) -> String {
        let page = Connection::once(self.address(), Say::bare("GET", "/console/sign-in")).await;
        let text = page.unwrap().text();
        let (_, after) = text.split_once("rel=\"stylesheet\" href=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// Lets the caller make a call, and waits until it is among the recordings.
    async fn recorded(&self) -> (String, String) {
        let say = Say::get("/t/desk/v1/customers/7", &self.world.token(CALLER));
        let answer = Connection::once(self.address(), say).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        until("the session is listed and its call readable", async || {
            let listed = self.manage("GET /sessions", &json!({})).await;
            let id = listed["sessions"][0]["id"].as_str()?.to_owned();
            let session = self.manage(&format!("GET /sessions/{id}"), &json!({})).await;
            let call = session["calls"][0]["call"].as_str()?.to_owned();
            Some((id, call))
        })
        .await
    }

    pub(crate) async fn ended(self) -> Ended {
        self.process.stop().await;
        Ended { world: self.world }
    }
}

/// The demo's provider, with two people more, and an auditor who is all kinds of things.
fn provider(world: &World) -> Idp {
    let mut people = people::people();
    for person in &mut people {
        if person.subject == AUDITOR {
            let more = ["finance-approvers", "countersign-admins", "countersign-reviewers"];
            person.groups.extend(more.map(str::to_owned));
        }
    }
    for (subject, groups) in [(PAT, vec![]), (ROSA, vec!["countersign-reviewers".to_owned()])] {
        people.push(Person {
            subject: subject.to_owned(),
            name: subject.to_owned(),
            email: subject.to_owned(),
            role: String::new(),
            groups,
            scopes: vec![],
        });
    }
    Idp::new(IdpConfig { people, ..console_provider(&world.idp_site, CLIENT_SECRET) }).unwrap()
}

/// Who has no role at all.
const PAT: &str = "pat@acme.example";
const ROSA: &str = "rosa@acme.example";
pub(crate) const CALLER: &str = "riley@acme.example";
const CLIENT_SECRET: &str = "the-secret-of-the-console";
