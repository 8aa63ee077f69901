//! Tokens that are bound to a key or to a certificate, opaque tokens, and API keys, through the real
//! process.

mod command_line;
mod issuer;
mod own;
mod provider;

use crate::lab::{
    ADMINISTRATOR, AGENT, AUDIENCE, Answer, Connection, Process, Say, World, ran, until,
};
use issuer::{Issuer, Key, sha256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const ITEM: &str = "/t/desk/v1/items/7";
const MACHINE: &str = "machine:press";

/// A world with an issuer of bound tokens beside the usual one, in which the machine may call.
async fn world(more: &Value) -> (World, Issuer, Process) {
    let (world, issuer) = (World::new().await, Issuer::start().await);
    world.write("introspection.secret", "s3cr3t-of-introspection");
    let demo = json!({
        "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
        "audiences": [AUDIENCE]
    });
    let mut config = json!({"issuers": [demo, issuer.config()]});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    world.configure(&config);
    let process = Process::start(&world).await;
    world.grant_desk(&process, MACHINE).await;
    (world, issuer, process)
}

async fn say(process: &Process, say: Say) -> Answer {
    Connection::once(process.address, say).await.unwrap()
}

fn code(answer: &Answer) -> String {
    match answer.status {
        200 => "200".to_owned(),
        status => format!("{status} {}", answer.json()["code"].as_str().unwrap_or("")),
    }
}

/// Whether a text is in any file below a directory.
fn is_below(directory: &Path, text: &str) -> Option<String> {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = is_below(&path, text) {
                return Some(found);
            }
        } else if fs::read(&path).unwrap().windows(text.len()).any(|it| it == text.as_bytes()) {
            return Some(path.display().to_string());
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_bound_to_a_key_is_worth_nothing_without_it() {
    let (world, issuer, process) = world(&json!({})).await;
    let (holder, thief) = (Key::new(), Key::new());
    let token = issuer.token(&json!({"cnf": {"jkt": holder.thumbprint()}}));
    let url = format!("{AUDIENCE}{ITEM}");
    let ask = async |key: &Key, path: &str, url: &str| {
        let proof = key.proof("GET", url, &token, None);
        let authorization = format!("DPoP {token}");
        say(&process, Say::authorized("GET", path, &authorization).header("dpop", &proof)).await
    };
    let good = ask(&holder, ITEM, &url).await;
    assert_eq!(code(&good), "200", "{good:?}");
    assert_eq!(code(&ask(&holder, ITEM, &format!("{url}?x=1")).await), "200");
    assert_eq!(code(&ask(&holder, "/tools", &format!("{AUDIENCE}/tools")).await), "200");
    assert_eq!(code(&ask(&thief, ITEM, &url).await), "401 proof_key_mismatch");
    let elsewhere = ask(&holder, ITEM, &format!("{AUDIENCE}/t/desk/v1/items/8")).await;
    assert_eq!(code(&elsewhere), "401 proof_url_mismatch");
    let challenge = elsewhere.header("www-authenticate");
    assert!(challenge.starts_with("DPoP algs=\"ES256 "), "{challenge}");
    assert!(challenge.contains("error=\"invalid_dpop_proof\""), "{challenge}");
    // Where a proxy says that it came from has no part in it.
    let proof = holder.proof("GET", &format!("https://evil.example{ITEM}"), &token, None);
    let forwarded = Say::authorized("GET", ITEM, &format!("DPoP {token}"))
        .header("dpop", &proof)
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https");
    assert_eq!(code(&say(&process, forwarded).await), "401 proof_url_mismatch");
    let bearer = say(&process, Say::get(ITEM, &token)).await;
    assert_eq!(code(&bearer), "401 proof_missing");
    assert!(bearer.header("www-authenticate").starts_with("DPoP "), "{bearer:?}");
    let proof = holder.proof("GET", &url, &token, None);
    let once = || Say::authorized("GET", ITEM, &format!("DPoP {token}")).header("dpop", &proof);
    assert_eq!(code(&say(&process, once()).await), "200");
    assert_eq!(code(&say(&process, once()).await), "401 proof_replayed");
    // The management API judges alike.
    let me = ask(&holder, "/api/v1/me", &format!("{AUDIENCE}/api/v1/me")).await;
    assert_eq!((me.status, &me.json()["subject"]), (200, &json!(MACHINE)), "{me:?}");
    assert_eq!(code(&ask(&holder, "/api/v1/me", &url).await), "401 proof_url_mismatch");
    for (_, path) in world.arrivals.all() {
        assert!(path.starts_with("/v1/items/"), "{path}");
    }
    let metadata = say(&process, Say::get("/.well-known/oauth-protected-resource", "x")).await;
    assert_eq!(metadata.json()["dpop_signing_alg_values_supported"][0], "ES256");
    let said = process.said();
    process.stop().await;
    for secret in [&token, &proof] {
        assert!(!said.contains(secret.as_str()));
        assert_eq!(is_below(&world.path().join("state"), secret), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs_carry_nonces_where_they_must_and_all_gateways_remember_them() {
    let dpop = json!({"dpop": {"nonces": "required", "remembered_by": "all_gateways"}});
    let (_world, issuer, process) = world(&dpop).await;
    let holder = Key::new();
    let token = issuer.token(&json!({"cnf": {"jkt": holder.thumbprint()}}));
    let url = format!("{AUDIENCE}{ITEM}");
    let with = |nonce: Option<&str>| {
        let proof = holder.proof("GET", &url, &token, nonce);
        Say::authorized("GET", ITEM, &format!("DPoP {token}")).header("dpop", &proof)
    };
    let refused = say(&process, with(None)).await;
    assert_eq!(code(&refused), "401 proof_nonce_needed");
    assert!(refused.header("www-authenticate").contains("error=\"use_dpop_nonce\""));
    let nonce = refused.header("dpop-nonce").to_owned();
    assert_eq!(code(&say(&process, with(Some(&nonce))).await), "200");
    let once = with(Some(&nonce));
    assert_eq!(code(&say(&process, once.clone()).await), "200");
    assert_eq!(code(&say(&process, once).await), "401 proof_replayed");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opaque_token_is_good_while_its_issuer_says_so() {
    let (world, issuer, process) = world(&json!({})).await;
    let token = "opaque-4f9c2d1e8b7a";
    let ask = async || say(&process, Say::get(ITEM, token)).await;
    assert_eq!(code(&ask().await), "401 token_inactive");
    let active = issuer.claims(&json!({"active": true, "token_type": "Bearer"}));
    *issuer.says.lock().unwrap() = active.clone();
    // The refusal is remembered for some seconds.
    let other = "opaque-again-4f9c2d1e8b7a";
    assert_eq!(code(&say(&process, Say::get(ITEM, other)).await), "200");
    *issuer.says.lock().unwrap() = json!({"active": false});
    until("the answer is asked for again", async || {
        let answer = say(&process, Say::get(ITEM, other)).await;
        (code(&answer) == "401 token_inactive").then_some(())
    })
    .await;
    *issuer.says.lock().unwrap() = json!("active");
    let broken = say(&process, Say::get(ITEM, "opaque-third")).await;
    assert_eq!(code(&broken), "503 issuer_unreachable", "{broken:?}");
    let said = process.said();
    process.stop().await;
    for secret in [token, other, "opaque-third", "s3cr3t-of-introspection"] {
        assert!(!said.contains(secret));
        assert_eq!(is_below(&world.path().join("state"), secret), None);
    }
}

/// A client with a certificate of its own, or without one.
struct Client(Arc<rustls::ClientConfig>);

impl Client {
    fn new(
        server: &CertificateDer<'static>,
        own: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>,
    ) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![own.cert.der().clone()], key).unwrap()
            }
        };
        Self(Arc::new(config))
    }

    async fn connect(&self, process: &Process) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(process.address).await?;
        let name = ServerName::try_from("gateway.test").unwrap();
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }

    async fn say(&self, process: &Process, say: Say) -> Answer {
        let stream = self.connect(process).await.unwrap();
        Connection::over(stream).await.unwrap().say(say).await.unwrap()
    }
}

fn certificate(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_bound_to_a_certificate_is_good_over_its_connection_only() {
    countersign_identity::install_crypto();
    let (world, issuer, process) = world(&json!({})).await;
    process.stop().await;
    let (server, own, other) =
        (certificate("gateway.test"), certificate("press"), certificate("thief"));
    world.write("chain.pem", &server.cert.pem());
    world.write("key.pem", &server.signing_key.serialize_pem());
    let demo = json!({
        "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
        "audiences": [AUDIENCE]
    });
    world.configure(&json!({
        "issuers": [demo, issuer.config()],
        "tls": {"certificate": "chain.pem", "key": "key.pem", "client_certificates": "any"},
    }));
    let process = Process::start(&world).await;
    let thumbprint = sha256(own.cert.der());
    let bound = issuer.token(&json!({"cnf": {"x5t#S256": thumbprint}}));
    let free = issuer.token(&json!({}));
    let client = |own| Client::new(server.cert.der(), own);
    let ask = async |client: &Client, say: Say| code(&client.say(&process, say).await);
    assert_eq!(ask(&client(Some(&own)), Say::get(ITEM, &bound)).await, "200");
    assert_eq!(
        ask(&client(Some(&other)), Say::get(ITEM, &bound)).await,
        "401 certificate_mismatch"
    );
    assert_eq!(ask(&client(None), Say::get(ITEM, &bound)).await, "401 certificate_missing");
    assert_eq!(ask(&client(None), Say::get(ITEM, &free)).await, "200");
    assert_eq!(ask(&client(Some(&other)), Say::get(ITEM, &free)).await, "200");
    assert_eq!(ask(&client(Some(&own)), Say::get("/api/v1/me", &bound)).await, "200");
    // No header makes a certificate.
    let forwarded = format!("Hash={thumbprint};Cert=\"{}\"", own.cert.pem().replace('\n', ""));
    for name in ["x-forwarded-client-cert", "client-cert", "x-client-cert", "ssl-client-cert"] {
        let say = Say::get(ITEM, &bound).header(name, &forwarded);
        assert_eq!(ask(&client(None), say).await, "401 certificate_missing", "{name}");
    }
    // A certificate that belongs to somebody else proves nothing without its key.
    let stolen =
        rcgen::CertifiedKey { cert: certificate("press").cert, signing_key: other.signing_key };
    let config = rustls::ClientConfig::builder()
        .with_root_certificates({
            let mut roots = rustls::RootCertStore::empty();
            roots.add(server.cert.der().clone()).unwrap();
            roots
        })
        .with_client_cert_resolver(Arc::new(Stolen::new(&own, &stolen)));
    let thief = Client(Arc::new(config));
    if let Ok(stream) = thief.connect(&process).await {
        // In TLS 1.3 the client is done before the server has judged.
        let answered = Connection::over(stream).await;
        if let Ok(mut connection) = answered {
            assert!(connection.say(Say::get(ITEM, &bound)).await.is_err());
        }
    }
    process.stop().await;
}

/// Shows one certificate, and signs with the key of another.
#[derive(Debug)]
struct Stolen(Arc<rustls::sign::CertifiedKey>);

impl Stolen {
    fn new(
        shown: &rcgen::CertifiedKey<rcgen::KeyPair>,
        own: &rcgen::CertifiedKey<rcgen::KeyPair>,
    ) -> Self {
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
        Self(Arc::new(rustls::sign::CertifiedKey::new(vec![shown.cert.der().clone()], key)))
    }
}

impl rustls::client::ResolvesClientCert for Stolen {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_key_opens_what_its_agent_may_until_it_is_revoked() {
    let (world, _issuer, process) = world(&json!({"api_keys": {"enabled": true}})).await;
    world.grant_desk(&process, AGENT).await;
    let server = format!("http://{}", process.address);
    let token = world.token(ADMINISTRATOR);
    let line = |more: &[&'static str]| {
        let mut line = vec!["--server".to_owned(), server.clone(), "--token".to_owned()];
        line.push(token.clone());
        line.extend(more.iter().map(|it| (*it).to_owned()));
        line
    };
    let run = async |more: &[&'static str]| {
        let line = line(more);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        ran(world.path(), &line).await
    };
    let create =
        ["api-keys", "create", "--subject", AGENT, "--purpose", "the old press", "--scope", "call"];
    let made = run(&create).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let key = made.stdout.trim().to_owned();
    assert!(key.starts_with("csk_") && key.len() == 53, "{made:?}");
    assert!(made.stderr.contains("shown once") && !made.stderr.contains(&key), "{made:?}");

    let ask = async || say(&process, Say::get(ITEM, &key)).await;
    assert_eq!(code(&ask().await), "200");
    let mistyped = format!("{key}x");
    let refused = say(&process, Say::get(ITEM, &mistyped)).await;
    assert_eq!(code(&refused), "401 api_key_malformed");
    // It administers nothing, whatever it is for.
    let grants = say(
        &process,
        Say::new("POST", "/api/v1/grants", &key).with(&json!({
            "holder": {"subject": AGENT}, "functions": ["desk.notes.add"], "reason": "more"
        })),
    )
    .await;
    assert_eq!(grants.status, 403, "{grants:?}");

    let list = run(&["api-keys", "list"]).await;
    assert!(list.stdout.contains(AGENT) && !list.stdout.contains("csk_"), "{list:?}");
    assert!(!list.stdout.contains("never"), "it was used: {list:?}");
    let id = list.stdout.split_whitespace().find(|it| it.starts_with("key_")).unwrap();
    let id: &'static str = Box::leak(id.to_owned().into_boxed_str());
    let revoked = run(&["api-keys", "revoke", id, "--why", "done"]).await;
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let since = tokio::time::Instant::now();
    let last = until("the key opens nothing", async || {
        Some(code(&ask().await)).filter(|it| it.starts_with("401"))
    })
    .await;
    assert!(since.elapsed().as_secs() < 5, "{last} after {:?}", since.elapsed());
    assert!(["401 api_key_revoked", "401 session_ended"].contains(&last.as_str()), "{last}");

    let said = process.said();
    process.stop().await;
    assert!(!said.contains(&key) && !said.contains(&mistyped));
    assert_eq!(is_below(&world.path().join("state"), &key), None);
    let intents = world.intents();
    let who = &intents[0].who;
    assert_eq!((who.subject.as_str(), who.client.as_deref()), (AGENT, Some(id)));
    assert_eq!(&*who.issuer, "api-keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_their_setting_there_are_no_api_keys() {
    let (world, _issuer, process) = world(&json!({})).await;
    let body = json!({
        "subject": AGENT, "purpose": "x", "expires_at": "2999-01-01T00:00:00.000Z", "scopes": []
    });
    let say_it = Say::new("POST", "/api/v1/api-keys", &world.token(ADMINISTRATOR)).with(&body);
    assert_eq!(code(&say(&process, say_it).await), "404 api_keys_off");
    let key = {
        let entropy =
            countersign_model::Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap());
        countersign_identity::new_api_key(&entropy).0
    };
    assert_eq!(code(&say(&process, Say::get(ITEM, key.reveal())).await), "401 api_keys_off");
    process.stop().await;
}
