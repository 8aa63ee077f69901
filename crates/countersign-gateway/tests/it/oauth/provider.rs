//! The whole story with a certified provider, the npm package `oidc-provider`: a user signs in, an
//! agent gets its token, and calls for the user. Runs if `COUNTERSIGN_TEST_OIDC` names a running one.

use super::{ACCESS_TOKEN, EXCHANGE, asked, claims, post_to};
use crate::{
    lab::{Lab, TARGET_SECRET, catalog},
    rig::gateway_with,
};
use countersign_gateway::{Limits, Secrets};
use countersign_identity::{Callback, CliLogin, CliSettings, Http, Limits as HttpLimits, TokenSet};
use countersign_model::{Entropy, Subject, catalog::Agent, record::Event};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RESOURCE: &str = "https://gateway.test/api";
const REDIRECT: &str = "http://127.0.0.1:8801/callback";

/// A user signs in by code, as a browser would lead them.
async fn sign_in(lab: &Lab, url: &str, person: &str) -> TokenSet {
    let settings = CliSettings {
        issuer: url.to_owned(),
        client_id: "cli".into(),
        scopes: ["openid", "offline_access", "call"].map(Into::into).to_vec(),
        resource: Some(RESOURCE.into()),
    };
    let clock = lab.governance.clock().clone();
    let login = CliLogin::discover(settings, Http::new(), clock).await.unwrap();
    let entropy = Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap());
    let (start, pending) = login.authorize(REDIRECT, &entropy).unwrap();
    let back = walk(url, start, person).await;
    let callback = Callback::from_query(back.split_once('?').unwrap().1).unwrap();
    login.exchange(pending, &callback).await.unwrap()
}

/// Follows redirects and fills the provider's forms in, until it leads back.
async fn walk(base: &str, start: String, person: &str) -> String {
    let http = Http::new();
    let mut cookies = BTreeMap::new();
    let (mut url, mut form) = (start, None);
    for _ in 0..16 {
        let mut headers = HeaderMap::new();
        let pairs: Vec<_> = cookies.iter().map(|(name, it)| format!("{name}={it}")).collect();
        headers.insert(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        let answer = match form.take() {
            Some(prompt) => {
                let prompt: String = prompt;
                let form = [("prompt", prompt.as_str()), ("login", person), ("password", "x")];
                http.post_form(&url, headers, &form, HttpLimits::default()).await.unwrap()
            }
            None => http.get(&url, headers, HttpLimits::default()).await.unwrap(),
        };
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let absolute = |it: &str| match it.starts_with('/') {
            true => format!("{base}{it}"),
            false => it.to_owned(),
        };
        if let Some(next) = answer.headers.get(header::LOCATION) {
            let next = next.to_str().unwrap();
            if next.starts_with(REDIRECT) {
                return next.to_owned();
            }
            url = absolute(next);
            continue;
        }
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        let between = |before: &str| {
            let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no form: {page}"));
            rest.split_once('"').unwrap().0.to_owned()
        };
        url = absolute(&between("action=\""));
        form = Some(between("name=\"prompt\" value=\""));
    }
    panic!("the sign-in does not end");
}

async fn agents_token(url: &str) -> String {
    let mut headers = HeaderMap::new();
    // `agent:agent-secret`
    let basic = HeaderValue::from_static("Basic YWdlbnQ6YWdlbnQtc2VjcmV0");
    headers.insert(header::AUTHORIZATION, basic);
    let form = [("grant_type", "client_credentials"), ("scope", "call"), ("resource", RESOURCE)];
    let url = format!("{url}/token");
    let answer = Http::new().post_form(&url, headers, &form, HttpLimits::default()).await.unwrap();
    let body: Value = answer.json().unwrap();
    body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn a_user_signs_in_and_an_agent_calls_for_them() {
    let Ok(url) = std::env::var("COUNTERSIGN_TEST_OIDC") else {
        eprintln!("skipped: COUNTERSIGN_TEST_OIDC names no provider");
        return;
    };
    let lab = Lab::new().await;
    let mut registered = catalog(lab.world.targets);
    let agent = Agent {
        subject: "agent".into(),
        name: "The agent".into(),
        sponsor: "bob".into(),
        purpose: "List customers".into(),
        keys: vec![],
        scopes: [].into(),
    };
    registered.agents.insert("agent".into(), agent);
    lab.apply(registered).await;
    let issuer = json!({
        "name": "op", "url": url, "audiences": [RESOURCE],
        "exchange": {"id_tokens": {"clients": ["cli"]}},
    });
    let secrets = Secrets::new(|_| Ok(TARGET_SECRET.to_owned()));
    let (_gateway, address) = gateway_with(&lab, issuer, secrets, Limits::default()).await;
    let (user, actor) = (sign_in(&lab, &url, "alice").await, agents_token(&url).await);
    let id_token = user.id_token.as_ref().unwrap().reveal().to_owned();
    let shown = [
        (user.access_token.reveal().to_owned(), ACCESS_TOKEN, "call"),
        (id_token, "urn:ietf:params:oauth:token-type:id_token", ""),
    ];
    for (subject, kind, scope) in &shown {
        let fields = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", kind),
            ("actor_token", &actor),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        let answer = post_to(&lab, address, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let document = answer.json();
        assert_eq!(document["scope"], *scope);
        let token = document["access_token"].as_str().unwrap();
        let said = claims(token);
        assert_eq!((&said["sub"], &said["act"]["sub"]), (&json!("alice"), &json!("agent")));

        let call = async || {
            let request = Request::builder()
                .uri(format!("http://{address}/t/billing/v1/customers"))
                .header("authorization", format!("Bearer {token}"))
                .body(Default::default())
                .unwrap();
            lab.send(request).await.status
        };
        if kind == &ACCESS_TOKEN {
            assert_eq!(call().await, StatusCode::FORBIDDEN);
            lab.grant("alice", &["billing.customers.list"]).await;
            assert_eq!(call().await, StatusCode::FORBIDDEN);
            lab.grant("agent", &["billing.customers.list"]).await;
        }
        assert_eq!(call().await, StatusCode::OK);
    }
    let chain = [Subject::from("alice"), Subject::from("agent")];
    assert_eq!(asked(&lab).len(), 2);
    let intents = lab.world.entries().into_iter().filter_map(|it| match it.event {
        Event::CallIntent(intent) => Some(intent.who),
        _ => None,
    });
    for who in intents {
        assert_eq!([who.subject, who.actors[0].clone()], chain);
    }
    let tokens: Vec<&str> = shown.iter().map(|(token, _, _)| token.as_str()).collect();
    super::written_nowhere(lab.world.directory.path(), &tokens);
}
