//! The gateway's own tokens, bound to what the agent that asked for them shows to hold: a key, the
//! certificate of its connection, or both.

use super::{
    Client, ITEM, MACHINE, certificate, code,
    issuer::{Issuer, Key, sha256},
    world,
};
use crate::lab::{AUDIENCE, Answer, Process, Say, World};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const USER: &str = "amir@acme.example";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn cnf(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["cnf"].clone()
}

fn ask(user: &str, machine: &str, key: Option<&Key>) -> Say {
    let say = Say::bare("POST", "/oauth/token").form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", user),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", machine),
        ("actor_token_type", ACCESS_TOKEN),
    ]);
    match key {
        None => say,
        Some(key) => say.header("dpop", &key.first_proof(&format!("{AUDIENCE}/oauth/token"))),
    }
}

/// A token of the machine, which is a service: it may act without standing in the catalog.
fn machines(issuer: &Issuer, confirmation: Option<&Value>) -> String {
    let mut more = json!({"client_id": "press"});
    if let Some(confirmation) = confirmation {
        more["cnf"] = confirmation.clone();
    }
    issuer.token(&more)
}

fn given(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// A gateway that ends TLS and asks for certificates, and the certificate of a client.
struct Stage {
    world: World,
    issuer: Issuer,
    process: Process,
    server: Certificate,
    own: Certificate,
    user: String,
}

type Certificate = rcgen::CertifiedKey<rcgen::KeyPair>;

impl Stage {
    async fn new(tokens: Value) -> Self {
        countersign_identity::install_crypto();
        let (world, issuer, process) = world(&json!({})).await;
        world.grant_desk(&process, USER).await;
        process.stop().await;
        let (server, own) = (certificate("gateway.test"), certificate("press"));
        world.write("chain.pem", &server.cert.pem());
        world.write("key.pem", &server.signing_key.serialize_pem());
        let demo = json!({
            "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
            "audiences": [AUDIENCE]
        });
        world.configure(&json!({
            "issuers": [demo, issuer.config()], "tokens": tokens,
            "tls": {"certificate": "chain.pem", "key": "key.pem", "client_certificates": "any"},
        }));
        let (process, user) = (Process::start(&world).await, world.token(USER));
        Self { world, issuer, process, server, own, user }
    }

    fn client(&self, own: Option<&Certificate>) -> Client {
        Client::new(self.server.cert.der(), own)
    }

    fn thumbprint(&self) -> String {
        sha256(self.own.cert.der())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_token_is_bound_to_what_its_agent_shows() {
    let stage = Stage::new(json!({})).await;
    let Stage { issuer, process, user, .. } = &stage;
    let other = certificate("thief");
    let (with, without) = (stage.client(Some(&stage.own)), stage.client(None));
    let thief = stage.client(Some(&other));
    let say = async |client: &Client, say: Say| client.say(process, say).await;
    // Only where its own token is bound to it, a certificate counts by itself.
    let plain = given(&say(&with, ask(user, &machines(issuer, None), None)).await);
    assert_eq!(cnf(&plain), Value::Null);
    let bound = json!({"x5t#S256": stage.thumbprint()});
    let machine = machines(issuer, Some(&bound));
    let answer = say(&with, ask(user, &machine, None)).await;
    let token = given(&answer);
    assert_eq!((cnf(&token), &answer.json()["token_type"]), (bound, &json!("Bearer")));
    for (client, asked, called) in [
        (&with, "200", "200"),
        (&without, "400 certificate_missing", "401 certificate_missing"),
        (&thief, "400 certificate_mismatch", "401 certificate_mismatch"),
    ] {
        assert_eq!(code(&say(client, ask(user, &machine, None)).await), asked);
        assert_eq!(code(&say(client, Say::get(ITEM, &token)).await), called);
    }

    // To both, and each is asked for.
    let holder = Key::new();
    let both = given(&say(&with, ask(user, &machine, Some(&holder))).await);
    let expect = json!({"jkt": holder.thumbprint(), "x5t#S256": stage.thumbprint()});
    assert_eq!(cnf(&both), expect);
    let call = |key: &Key| {
        let proof = key.proof("GET", &format!("{AUDIENCE}{ITEM}"), &both, None);
        Say::authorized("GET", ITEM, &format!("DPoP {both}")).header("dpop", &proof)
    };
    assert_eq!(code(&say(&with, call(&holder)).await), "200");
    assert_eq!(code(&say(&without, call(&holder)).await), "401 certificate_missing");
    assert_eq!(code(&say(&with, call(&Key::new())).await), "401 proof_key_mismatch");
    let Stage { world, process, .. } = stage;
    process.stop().await;
    let actors: Vec<_> = world.intents().into_iter().flat_map(|it| it.who.actors).collect();
    assert!(!actors.is_empty() && actors.iter().all(|it| it.as_str() == MACHINE), "{actors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_own_tokens_have_to_be_bound_a_certificate_may_do() {
    let stage = Stage::new(json!({"binding": "required", "certificates": "whenever_shown"})).await;
    let Stage { issuer, process, user, .. } = &stage;
    let (with, without) = (stage.client(Some(&stage.own)), stage.client(None));
    let say = async |client: &Client, say: Say| client.say(process, say).await;
    let machine = machines(issuer, None);
    let shown = given(&say(&with, ask(user, &machine, None)).await);
    assert_eq!(cnf(&shown), json!({"x5t#S256": stage.thumbprint()}));
    let refused = code(&say(&without, ask(user, &machine, None)).await);
    assert_eq!(refused, "400 token_binding_missing");
    // No header makes a certificate.
    let pem = stage.own.cert.pem().replace('\n', "");
    let forwarded = ask(user, &machine, None).header("x-forwarded-client-cert", &pem);
    assert_eq!(code(&say(&without, forwarded).await), "400 token_binding_missing");
    let metadata = Say::bare("GET", "/.well-known/oauth-authorization-server");
    let metadata = say(&with, metadata).await.json();
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(metadata["dpop_signing_alg_values_supported"][0], "ES256");
    stage.process.stop().await;
}
