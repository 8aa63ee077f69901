//! Agents that act for people: from two tokens to one, from there to a call, and what the ledger says.

mod assertions;
mod bound;
mod keys;
mod provider;
mod refusals;
mod saml;

use crate::lab::{Answer, Lab};
use countersign_governance::NewGrant;
use countersign_model::{
    Group, Holder, Subject,
    record::{Event, TokenAnswer, TokenAsked, TokenGrant},
};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

const AGENT: &str = "agent:dunning";
/// Somebody who is not the agent's sponsor.
const USER: &str = "amir@acme.example";
const SPONSOR: &str = "riley@acme.example";
const ADMINISTRATOR: &str = "sam@acme.example";
const FUNCTION: &str = "billing.customers.get";
const PATH: &str = "/t/billing/v1/customers/c_81";

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Posts a form to the token endpoint.
async fn post(lab: &Lab, fields: &[(&str, &str)]) -> Answer {
    post_to(lab, lab.address, fields).await
}

async fn post_to(lab: &Lab, address: std::net::SocketAddr, fields: &[(&str, &str)]) -> Answer {
    post_with(lab, address, fields, &[]).await
}

/// The same, with these DPoP proofs beside it.
async fn post_with(
    lab: &Lab,
    address: std::net::SocketAddr,
    fields: &[(&str, &str)],
    proofs: &[&str],
) -> Answer {
    let escaped = |text: &str| {
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
        let one = |it| match plain(it) {
            true => char::from(it).to_string(),
            false => format!("%{it:02X}"),
        };
        text.bytes().map(one).collect::<String>()
    };
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded");
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    lab.send(request.body(pairs.join("&").into()).unwrap()).await
}

/// Asks for a token for the bearer of one token, as the bearer of another.
async fn exchange(lab: &Lab, subject: &str, actor: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = exchanging(subject, actor);
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    post(lab, &fields).await
}

fn exchanging<'f>(subject: &'f str, actor: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", actor),
        ("actor_token_type", ACCESS_TOKEN),
    ]
}

/// The agent's token for a user.
async fn on_behalf(lab: &Lab, user: &str) -> String {
    let answer = exchange(lab, &lab.world.token(user), &lab.world.token(AGENT), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn call(lab: &Lab, token: &str) -> (StatusCode, String) {
    call_at(lab, lab.address, token).await
}

async fn call_at(lab: &Lab, address: std::net::SocketAddr, token: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .uri(format!("http://{address}{PATH}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Default::default())
        .unwrap();
    let answer = lab.send(request).await;
    (answer.status, answer.code())
}

fn claims(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn error(answer: &Answer) -> (u16, String, String) {
    let document = answer.json();
    let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    assert!(!text("error_description").is_empty() && !text("next_step").is_empty(), "{document}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    (answer.status.as_u16(), text("error"), text("code"))
}

/// Who asked for tokens, as the ledger says it.
fn asked(lab: &Lab) -> Vec<TokenAsked> {
    let events = lab.world.entries().into_iter().map(|it| it.event);
    let asked = |it| match it {
        Event::TokenAsked(asked) => Some(*asked),
        _ => None,
    };
    events.filter_map(asked).collect()
}

/// A world in which user and agent may both call.
async fn granted() -> Lab {
    let lab = Lab::new().await;
    lab.grant(USER, &[FUNCTION]).await;
    lab.grant(AGENT, &[FUNCTION]).await;
    lab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_calls_for_a_user_and_the_ledger_names_both() {
    let lab = granted().await;
    let (user, agent) = (lab.world.token(USER), lab.world.token(AGENT));
    let answer = exchange(&lab, &user, &agent, &[("scope", "billing.read")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let document = answer.json();
    let token = document["access_token"].as_str().unwrap();
    assert_eq!(document["token_type"], "Bearer");
    assert_eq!(document["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(document["scope"], "billing.read");
    assert_eq!(document["expires_in"], 300);
    assert_eq!(document.get("refresh_token"), None);

    let said = claims(token);
    assert_eq!(said["sub"], USER);
    assert_eq!(said["act"], json!({"sub": AGENT}));
    assert_eq!((&said["iss"], &said["aud"]), (&json!("http://gateway.test"), &said["iss"]));
    assert_eq!(said["groups"], json!(["finance-approvers"]));
    assert_eq!(said["client_id"], "dunning-agent");

    assert_eq!(call(&lab, token).await, (StatusCode::OK, "granted".to_owned()));
    let [event]: [TokenAsked; 1] = asked(&lab).try_into().unwrap();
    assert_eq!(event.how, TokenGrant::TokenExchange);
    assert_eq!(event.actor.who.subject.as_str(), AGENT);
    assert_eq!(event.subject.unwrap().who.subject.as_str(), USER);
    let TokenAnswer::Issued { issued, jti, .. } = event.answer else { panic!("refused") };
    assert_eq!(issued.who.actors, [Subject::from(AGENT)]);
    assert_eq!(issued.token, countersign_model::Digest::of(token.as_bytes()));
    assert_eq!(said["jti"], jti);

    let world = lab.stop().await;
    let intent = world.entries().into_iter().find_map(|it| match it.event {
        Event::CallIntent(intent) => Some(intent),
        _ => None,
    });
    let intent = intent.unwrap();
    assert_eq!(intent.who.subject.as_str(), USER);
    assert_eq!(intent.who.actors, [Subject::from(AGENT)]);
    assert_eq!(&*intent.who.issuer, "countersign");
    assert_eq!(intent.grants.len(), 2, "one grant for each of the chain");
    written_nowhere(world.directory.path(), &[&user, &agent, token]);
}

/// Looks for tokens in every file of a gateway.
fn written_nowhere(directory: &std::path::Path, tokens: &[&str]) {
    let mut files = 0;
    let mut places = vec![directory.to_path_buf()];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
                continue;
            }
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                // A log of the database that was written back meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            files += 1;
            for part in tokens.iter().flat_map(|it| it.split('.').skip(1)) {
                let found = bytes.windows(part.len()).any(|it| it == part.as_bytes());
                assert!(!found, "a token stands in {}", path.display());
            }
        }
    }
    assert!(files > 2, "nothing was looked at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_what_both_have() {
    let lab = Lab::new().await;
    let token = on_behalf(&lab, USER).await;
    let blocked = (StatusCode::FORBIDDEN, "no_grant".to_owned());
    assert_eq!(call(&lab, &token).await, blocked, "neither");
    lab.grant(AGENT, &[FUNCTION]).await;
    assert_eq!(call(&lab, &token).await, blocked, "the agent alone");
    // The agent's own call is its own affair.
    assert_eq!(lab.get(PATH, AGENT).await.status, StatusCode::OK);
    let new = NewGrant {
        holder: Holder::Group(Group::from("finance-approvers")),
        functions: vec![FUNCTION.into()],
        tags: vec![],
        reason: "a test".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
    };
    let grant = lab.governance.add_grant(&lab.actor("olivia@acme.example"), new).await.unwrap();
    let owner = lab.actor(ADMINISTRATOR);
    lab.governance.certify_grant(&owner, grant.id, grant.version).await.unwrap();
    // The user's groups went with the token.
    assert_eq!(call(&lab, &token).await.0, StatusCode::OK, "both");

    let lab = Lab::new().await;
    lab.grant(USER, &[FUNCTION]).await;
    let token = on_behalf(&lab, USER).await;
    assert_eq!(call(&lab, &token).await, blocked, "the user alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_one_of_them_stops_the_next_call() {
    for suspended in [USER, AGENT, SPONSOR] {
        let lab = granted().await;
        let token = on_behalf(&lab, USER).await;
        assert_eq!(call(&lab, &token).await.0, StatusCode::OK);
        let subject = Subject::from(suspended);
        let administrator = lab.actor(ADMINISTRATOR);
        lab.governance.suspend(&administrator, &subject, "left").await.unwrap();
        let (status, code) = call(&lab, &token).await;
        assert_eq!((status.as_u16(), code.as_str()), (403, "subject_suspended"), "{suspended}");
        let answer = exchange(&lab, &lab.world.token(USER), &lab.world.token(AGENT), &[]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{suspended}");
    }
    let lab = Lab::new().await;
    lab.grant(USER, &[FUNCTION]).await;
    let grant = lab.grant(AGENT, &[FUNCTION]).await;
    let token = on_behalf(&lab, USER).await;
    assert_eq!(call(&lab, &token).await.0, StatusCode::OK);
    lab.governance.revoke_grant(&lab.actor(ADMINISTRATOR), grant.id, "enough").await.unwrap();
    let (status, code) = call(&lab, &token).await;
    assert_eq!((status.as_u16(), code.as_str()), (403, "grant_revoked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_one_gateway_is_good_at_the_other_until_it_ends() {
    let lab = granted().await;
    let token = on_behalf(&lab, USER).await;
    let limits = countersign_gateway::Limits::default();
    let secrets = countersign_gateway::Secrets::new(|_| Ok("s".to_owned()));
    let (_gateway, address) = crate::rig::second_gateway(&lab, secrets, limits).await;
    let ask = async || {
        let request = Request::builder()
            .uri(format!("http://{address}/tools"))
            .header("authorization", format!("Bearer {token}"))
            .body(Default::default())
            .unwrap();
        lab.send(request).await
    };
    let tools = ask().await;
    assert_eq!(tools.status, StatusCode::OK);
    assert_eq!(tools.json()["functions"][0]["name"], FUNCTION);
    lab.world.pass(countersign_model::Span::from_seconds(331));
    assert_eq!(ask().await.json()["code"], "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_say_where_to_ask() {
    let lab = Lab::new().await;
    let get = async |path: &str| {
        let uri = format!("http://{}{path}", lab.address);
        lab.send(Request::builder().uri(uri).body(Default::default()).unwrap()).await
    };
    let server = get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(server["issuer"], "http://gateway.test");
    assert_eq!(server["token_endpoint"], "http://gateway.test/oauth/token");
    let methods = &server["token_endpoint_auth_methods_supported"];
    assert_eq!(*methods, json!(["none", "private_key_jwt"]));
    let algorithms = server["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("HS256")));
    assert!(server["grant_types_supported"].as_array().unwrap().contains(&json!(EXCHANGE)));
    let keys = get("/oauth/jwks").await.json();
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    let servers = lab.gateway.resource_metadata()["authorization_servers"].clone();
    assert!(servers.as_array().unwrap().contains(&json!("http://gateway.test")), "{servers}");
    assert_eq!(get("/oauth/token").await.status, StatusCode::METHOD_NOT_ALLOWED);
    // Under a target's own host name these paths are the target's.
    let request = Request::builder()
        .uri(format!("http://{}/oauth/jwks", lab.address))
        .header("host", "billing.test")
        .body(Default::default())
        .unwrap();
    assert_eq!(lab.send(request).await.status, StatusCode::UNAUTHORIZED);
}
