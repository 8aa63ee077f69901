//! Nothing that opens a door is ever written down: after calls, sign-ins and refusals of every kind, at
//! the log level that says most, none of the tokens and secrets that took part is found in the log, in
//! the ledger, the recordings or the database, nor in what pages and answers say.

use crate::lab::{
    ADMINISTRATOR, AGENT, APPROVER, AUDIENCE, AUDITOR, Answer, Browser, Connection, MASTER,
    Process, Say, World, desk, identity_provider, idp_routes, issuer, provider_with_console, ran,
    until,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use countersign_model::Span;
use serde_json::json;
use std::{fs, path::Path};

const CALLER: &str = "riley@acme.example";
const CLIENT_SECRET: &str = "kl1ent-s3cret-of-the-console-77aa";
const TARGET_SECRET: &str = "t4rget-s3cret-that-no-caller-sees-88bb";
const METRICS_SECRET: &str = "m3trics-s3cret-of-the-scraper-99cc";
const GARBAGE: &str = "g4rbage-that-was-sent-as-a-token-00dd";

/// A secret, and what to call it when it is found.
type Secrets = Vec<(String, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_and_no_secret_is_written_anywhere() {
    let world = world().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, CALLER).await;
    world.grant_desk(&process, AGENT).await;
    let mut secrets: Secrets = [CLIENT_SECRET, TARGET_SECRET, METRICS_SECRET, GARBAGE]
        .map(|it| (it.to_owned(), it.to_owned()))
        .into();
    secrets.push(("the master key".to_owned(), STANDARD_NO_PAD.encode(MASTER)));
    let mut said = Vec::new();
    calls(&world, &process, &mut secrets, &mut said).await;
    refusals(&world, &process, &mut secrets, &mut said).await;
    sign_ins(&process, &mut secrets, &mut said).await;
    commands(&world, &process, &mut secrets, &mut said).await;
    until("the sessions are written", async || {
        let seen = world.manage(&process, AUDITOR, "GET /sessions", &json!({})).await;
        let id = seen["sessions"][0]["id"].as_str()?.to_owned();
        let what = format!("GET /sessions/{id}");
        let replayed = world.manage(&process, AUDITOR, &what, &json!({})).await;
        said.push(format!("{seen}{replayed}"));
        (!replayed["calls"].as_array()?.is_empty()).then_some(())
    })
    .await;
    let log = process.said();
    process.signal("TERM");
    let ended = process.ended().await;
    assert!(log.contains("token refused") && log.contains("signature_invalid"), "{log}");
    assert!(secrets.len() > 20, "{} secrets", secrets.len());

    let mut places =
        vec![("the log".to_owned(), ended.stderr), ("answers".to_owned(), said.concat())];
    files(world.path(), &mut places);
    let names: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
    for needed in ["store.sqlite", "ledger", "recordings"] {
        assert!(names.iter().any(|it| it.contains(needed)), "{needed} is not among {names:?}");
    }
    let mut found = Vec::new();
    for (what, secret) in &secrets {
        for form in forms(secret) {
            for (name, text) in places.iter().filter(|(_, text)| text.contains(&form)) {
                let at = text.find(&form).unwrap_or_default();
                let before: String = text.get(at.saturating_sub(80)..at).unwrap_or("").to_owned();
                found.push(format!("{what} in {name}, after {before:?}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    // The search finds what is there.
    assert!(places.iter().any(|(_, text)| text.contains(CALLER)));
    let planted = STANDARD_NO_PAD.encode(format!("xy{GARBAGE}z"));
    assert!(forms(GARBAGE).iter().any(|form| planted.contains(form)));
}

async fn world() -> World {
    let mut world = World::without_idp().await;
    world.idp = provider_with_console(&world.idp_site, CLIENT_SECRET);
    let routes = idp_routes(&world.idp);
    world.idp_site.open(routes).await;
    let mut catalog = desk(&world.target_site);
    catalog["target"]["credential"] = json!({"bearer": {"file": "target.secret"}});
    world.write("catalog/desk.yaml", &catalog.to_string());
    world.write("target.secret", TARGET_SECRET);
    world.write("client.secret", CLIENT_SECRET);
    world.write("metrics.token", METRICS_SECRET);
    world.configure(&json!({
        "issuers": [{
            "name": "demo", "url": issuer(&world.idp_site), "audiences": [AUDIENCE],
            "sign_in": {"client_id": "console", "client_secret": {"file": "client.secret"}},
        }],
        "metrics": {"token": {"file": "metrics.token"}},
        "logging": {"format": "json", "level": "debug"},
    }));
    world
}

/// A token as a secret: whole, and its signature.
fn keep(secrets: &mut Secrets, what: &str, token: &str) {
    secrets.push((format!("{what}, whole"), token.to_owned()));
    if let Some((_, signature)) = token.rsplit_once('.') {
        secrets.push((format!("{what}, its signature"), signature.to_owned()));
    }
}

async fn say(process: &Process, say: Say, said: &mut Vec<String>) -> Answer {
    let answer = Connection::once(process.address, say).await.unwrap();
    said.push(format!("{:?}{}", answer.headers, answer.text()));
    answer
}

/// Calls that run, that are held and approved, and that no grant backs.
async fn calls(world: &World, process: &Process, secrets: &mut Secrets, said: &mut Vec<String>) {
    for who in [CALLER, AGENT, APPROVER] {
        let token = world.token(who);
        keep(secrets, who, &token);
        for path in ["/t/desk/v1/customers/7", "/t/desk/v1/items/7", "/tools", "/api/v1/me"] {
            say(process, Say::get(path, &token), said).await;
        }
    }
    let token = world.token(CALLER);
    let held = Say::new("POST", "/t/desk/v1/payments/1", &token).header("prefer", "wait=0");
    let held = say(process, held, said).await.json()["approval"].as_str().unwrap().to_owned();
    let approver = world.token(APPROVER);
    keep(secrets, "the approver's", &approver);
    let approve = Say::new("POST", &format!("/api/v1/approvals/{held}/approve"), &approver);
    assert_eq!(say(process, approve.with(&json!({})), said).await.status, 200);
    let ran = say(process, Say::new("POST", "/t/desk/v1/payments/1", &token), said).await;
    assert_eq!(ran.status, 200, "{ran:?}");
}

/// Tokens that are refused for all kinds of reasons, in all the places that take one.
async fn refusals(world: &World, process: &Process, secrets: &mut Secrets, said: &mut Vec<String>) {
    let forger = identity_provider(&world.idp_site, [9; 32]);
    let hour = Span::from_seconds(3_600);
    let good = world.token(CALLER);
    let rows = [
        ("forged", forger.mint(CALLER, AUDIENCE, hour).unwrap()),
        ("for another", world.idp.mint(CALLER, "elsewhere", hour).unwrap()),
        ("expired", world.idp.mint(CALLER, AUDIENCE, Span::from_seconds(-3_600)).unwrap()),
        ("cut", format!("{}.{GARBAGE}", head_of(&good))),
        (
            "swapped",
            format!("{}.{}", head_of(&good), world.token(AGENT).rsplit_once('.').unwrap().1),
        ),
        ("garbage", GARBAGE.to_owned()),
        ("three parts of garbage", format!("{GARBAGE}.{GARBAGE}.{GARBAGE}")),
    ];
    let admin = world.token(ADMINISTRATOR);
    keep(secrets, "the administrator's", &admin);
    for (what, token) in rows {
        keep(secrets, what, &token);
        for path in ["/t/desk/v1/items/7", "/api/v1/me", "/api/v1/me/explanation", "/metrics"] {
            let answer = say(process, Say::get(path, &token), said).await;
            assert_eq!(answer.status, 401, "{what} {path}");
        }
        let explain = || Say::new("POST", "/api/v1/identity/explain", &admin);
        let bodies = [json!({"token": token}), json!({"tokens": token}), json!(token)];
        for body in bodies {
            say(process, explain().with(&body), said).await;
        }
        let both = Say::get("/t/desk/v1/items/7", &token)
            .header("authorization", &format!("Basic {GARBAGE}"));
        say(process, both, said).await;
        // Where no token belongs.
        say(process, Say::bare("GET", &format!("/console/{GARBAGE}")), said).await;
        let query = format!("/console/sign-in/callback?code={GARBAGE}&state={GARBAGE}");
        let answer = Connection::once(process.address, Say::bare("GET", &query)).await.unwrap();
        said.push(answer.text());
    }
    said.retain(|it| !it.contains(&format!("/console/{GARBAGE}")));
}

/// What a token's signature is over.
fn head_of(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
}

/// A browser that signs in, looks, changes something and signs out.
async fn sign_ins(process: &Process, secrets: &mut Secrets, said: &mut Vec<String>) {
    let mut browser = Browser::signed_in(process, ADMINISTRATOR).await;
    for (name, value) in browser.spent() {
        secrets.push((format!("{name} of the sign-in"), value.clone()));
    }
    for value in browser.cookies() {
        secrets.push(("the cookie of the session".to_owned(), value.to_owned()));
    }
    for path in ["/console", "/console/identity", "/console/sessions", "/console/grants"] {
        said.push(browser.say(Say::bare("GET", path)).await.text());
    }
    let csrf = browser.csrf().await;
    let out = Say::bare("POST", "/console/sign-out").form(&[("csrf", &csrf)]);
    // The page leads to the provider, with the ID token as a hint: it is for this browser only.
    assert_eq!(browser.say(out).await.status, 200);
}

/// The command line with tokens in its environment, in a file and on its line.
async fn commands(world: &World, process: &Process, secrets: &mut Secrets, said: &mut Vec<String>) {
    let server = format!("http://{}", process.address);
    let token = world.token(ADMINISTRATOR);
    keep(secrets, "the command line's", &token);
    for words in [
        vec!["whoami"],
        vec!["identity", "test"],
        vec!["identity", "test", "--from", "client.secret"],
        vec!["identity", "test", "--config", "countersign.yaml", "--from", "client.secret"],
        vec!["identity", "test", "--config", "countersign.yaml"],
        vec!["grants", "list", "--json"],
        vec!["call", "desk.nothing"],
    ] {
        let rest = ["--server", &server, "--token", &token];
        let ended = ran(world.path(), &[words.as_slice(), &rest].concat()).await;
        said.push(format!("{}{}", ended.stdout, ended.stderr));
    }
}

/// A secret as it stands, in hexadecimal, and in base64 wherever it may begin in it.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for shift in 0..3 {
        let shifted = [vec![0; shift], secret.as_bytes().to_vec()].concat();
        // What stands beside it changes the first and the last letters.
        let inner = |text: String| {
            let end = text.len().saturating_sub(4);
            text.get(4..end).unwrap_or_default().to_owned()
        };
        forms.push(inner(STANDARD_NO_PAD.encode(&shifted)));
        forms.push(inner(URL_SAFE_NO_PAD.encode(&shifted)));
    }
    forms.retain(|it| it.len() > 16);
    assert!(forms.len() > 6, "{secret} is too short to be looked for");
    forms
}

/// Every file below, but those in which people keep the secrets.
fn files(directory: &Path, places: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            files(&path, places);
        } else if ![".secret", ".token", "master.key"].iter().any(|it| name.ends_with(it)) {
            let bytes = fs::read(&path).unwrap();
            places.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}
