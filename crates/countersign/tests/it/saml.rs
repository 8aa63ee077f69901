//! The real gateway signs people in with a real SAML provider: `SimpleSAMLphp`, served by PHP from
//! `tests/simplesamlphp`. Runs if `COUNTERSIGN_TEST_SAML` names `SimpleSAMLphp`'s `www` directory (and curl
//! and php are here), and says so if not.

#![expect(clippy::panic, reason = "a test that panics is a test that fails")]

mod exchanged;
mod leavers;

use crate::lab::{AUDIENCE, Process, World, until};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What curl brings.
struct Got {
    status: String,
    head: String,
    body: String,
}

/// `SimpleSAMLphp`; it ends with this.
struct Provider {
    base: String,
    state: tempfile::TempDir,
    child: Child,
}

#[tokio::test]
async fn a_person_signs_in_with_simplesamlphp() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    let (landed, process) = signs_in(&world, &provider, "signed", &json!({})).await;
    is_alice(&landed, process, "signed").await;
}

/// Both ways are in its metadata; the configuration says which.
#[tokio::test]
async fn simplesamlphp_takes_a_signed_request_by_a_form() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    let changes = json!({"request_binding": "post"});
    let (landed, process) = signs_in(&world, &provider, "signed", &changes).await;
    is_alice(&landed, process, "signed").await;
}

/// It validates: a form that somebody changed gets nobody to its page of names and passwords.
#[tokio::test]
async fn simplesamlphp_refuses_a_request_that_was_changed() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    world.configure(
        &json!({"saml": [provider.told("signed", &json!({"request_binding": "post"}))]}),
    );
    let process = Process::start(&world).await;
    let page = gateway(process.address, "/console/saml/signed/begin", &[]);
    let request = String::from_utf8(STANDARD.decode(page.value("SAMLRequest")).unwrap()).unwrap();
    let posted = |request: &str| {
        let field = format!("SAMLRequest={}", STANDARD.encode(request));
        let post = ["--location", "--data-urlencode", &field, "--cookie", "", &page.action()];
        curl(&post).body
    };
    assert!(posted(&request).contains("name=\"AuthState\""), "the control");
    let changed = request.replace("/response\"", "/respons\"");
    assert_ne!(changed, request);
    assert!(!posted(&changed).contains("name=\"AuthState\""));
    process.stop().await;
}

/// This `SimpleSAMLphp` knows no other way to encrypt than AES-CBC with 128 bits, whatever it is told.
#[tokio::test]
async fn what_simplesamlphp_encrypts_with_cbc_is_opened_where_it_is_signed_and_allowed() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world, AUDIENCE).await;
    let open = json!({"aes_cbc": "in_signed_responses"});
    let (landed, process) = signs_in(&world, &provider, "sealed", &open).await;
    is_alice(&landed, process, "sealed").await;
    // The same without the setting, and with it where only the assertion is signed.
    for (name, changes) in [("sealed", json!({})), ("loose", open)] {
        let (landed, process) = signs_in(&world, &provider, name, &changes).await;
        assert_eq!(landed.status, "403", "{name}: {}", landed.head);
        assert!(landed.body.contains("encryption_not_allowed"), "{name}: {}", landed.body);
        process.stop().await;
    }
}

/// Through Chromium: the page's policy lets its form go to the provider, with its script and without.
#[tokio::test]
async fn a_browser_goes_to_simplesamlphp_and_comes_back() {
    let (Some(www), Some(browser)) = (www(), crate::browser::browser()) else { return };
    let world = World::new().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Another site than the provider's, and one that a browser keeps `Secure` cookies for.
    let public_url = format!("http://localhost:{port}");
    let provider = Provider::start(&www, &world, &public_url).await;
    for binding in ["post", "redirect"] {
        let told = provider.told("signed", &json!({"request_binding": binding}));
        world.configure(&json!({
            "saml": [told], "public_url": public_url, "listen": format!("127.0.0.1:{port}"),
        }));
        let process = Process::start(&world).await;
        let walked = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/saml.mjs"))
            .env("COUNTERSIGN_TEST_BROWSER", &browser)
            .env("COUNTERSIGN_TEST_GATEWAY", &public_url)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [walked.stdout, walked.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(walked.status.success(), "{binding}: {said}\n{}", process.said());
        process.stop().await;
    }
}

async fn is_alice(landed: &Got, process: Process, name: &str) {
    assert_eq!(landed.status, "303", "{} {}\n{}", landed.head, landed.body, process.said());
    assert_eq!(landed.header("location"), "/console/grants");
    let session = format!("cookie: {}", landed.cookie("countersign="));
    let seen = gateway(process.address, "/console/grants", &["--header", &session]);
    assert_eq!(seen.status, "200");
    assert!(seen.body.contains(&format!("{name}:alice@example.test")), "{}", seen.body);
    process.stop().await;
}

/// Walks to the provider and back, and gives what the gateway says to the response.
async fn signs_in(
    world: &World,
    provider: &Provider,
    name: &str,
    changes: &Value,
) -> (Got, Process) {
    world.configure(&json!({"saml": [provider.told(name, changes)]}));
    let process = Process::start(world).await;
    let landed = walks_in(&process, provider, name);
    (landed, process)
}

/// The same, at a gateway that runs.
fn walks_in(process: &Process, provider: &Provider, name: &str) -> Got {
    let page = format!("/console/saml/{name}/begin?return_to=/console/grants");
    let begun = gateway(process.address, &page, &[]);
    let cookie = format!("cookie: {}", begun.cookie("countersign-saml="));
    let response = match begun.status.as_str() {
        "303" => provider.walk(&[&begun.header("location")]),
        "200" => {
            let field = format!("SAMLRequest={}", begun.value("SAMLRequest"));
            provider.walk(&["--data-urlencode", &field, &begun.action()])
        }
        _ => panic!("{} {}", begun.head, begun.body),
    };
    let response = format!("SAMLResponse={response}");
    let post = ["--data-urlencode", &response, "--header", &cookie];
    gateway(process.address, &format!("/console/saml/{name}/response"), &post)
}

impl Provider {
    async fn start(www: &Path, world: &World, console: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        for directory in ["cert", "log", "data", "tmp"] {
            fs::create_dir(state.path().join(directory)).unwrap();
        }
        let rsa =
            || rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        for (name, file) in [("idp", "cert/idp"), ("sp", "cert/sp")] {
            let key = rsa().unwrap();
            let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = certificate.self_signed(&key).unwrap();
            let write = |end: &str, text: &str| {
                fs::write(state.path().join(format!("{file}.{end}")), text).unwrap();
            };
            write("key", &key.serialize_pem());
            write("crt", &certificate.pem());
            if name == "sp" {
                world.write("saml.key", &key.serialize_pem());
                world.write("saml.crt", &certificate.pem());
            }
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("http://127.0.0.1:{port}/simplesaml/");
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simplesamlphp");
        let log = fs::File::create(state.path().join("log/php.log")).unwrap();
        let child = Command::new("php")
            .args(["-d", "error_reporting=0", "-S", &format!("127.0.0.1:{port}")])
            .arg(ours.join("router.php"))
            .env("SIMPLESAMLPHP_CONFIG_DIR", ours.join("config"))
            .env("SSP_WWW", www)
            .env("SSP_STATE", state.path())
            .env("SSP_BASE", &base)
            .env("SSP_CONSOLE", console)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let provider = Self { base, state, child };
        until("PHP answers", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        provider
    }

    /// What the configuration says of it.
    fn told(&self, name: &str, changes: &Value) -> Value {
        let mut told = json!({
            "name": name, "entity_id": "urn:test:idp",
            "metadata": {"url": format!("{}saml2/idp/metadata.php", self.base)},
            "signing_certificates": [self.fingerprint()],
            "key": {"file": "saml.key"}, "certificate": "saml.crt",
            "attributes": {"subject_prefix": format!("{name}:")},
        });
        told.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        told
    }

    fn fingerprint(&self) -> String {
        let pem = fs::read_to_string(self.state.path().join("cert/idp.crt")).unwrap();
        let body: String = pem.lines().filter(|it| !it.starts_with("-----")).collect();
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &STANDARD.decode(body).unwrap());
        hash.as_ref().iter().map(|it| format!("{it:02x}")).collect()
    }

    /// What a person does at the provider, once their browser has brought the request there: the form
    /// with name and password. Gives the response that its last page posts.
    fn walk(&self, request: &[&str]) -> String {
        let jar = tempfile::NamedTempFile::new_in(self.state.path()).unwrap();
        let jar = jar.path().display().to_string();
        let cookies = ["--location", "--cookie", &jar, "--cookie-jar", &jar];
        let form =
            curl(&[&cookies, ["--write-out", "\n%{url_effective}"].as_slice(), request].concat());
        let action = form.body.lines().last().unwrap().split('?').next().unwrap().to_owned();
        let state = form.value("AuthState");
        let fields =
            [format!("AuthState={state}"), "username=alice".into(), "password=alicepw".into()];
        let mut posted: Vec<&str> = cookies.to_vec();
        for field in &fields {
            posted.extend(["--data-urlencode", field]);
        }
        posted.push(&action);
        curl(&posted).value("SAMLResponse")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Got {
    fn header(&self, name: &str) -> String {
        let found = self.head.lines().filter_map(|it| it.split_once(": "));
        let mut found = found.filter(|(it, _)| it.eq_ignore_ascii_case(name));
        found.next().unwrap_or_else(|| panic!("no {name} in {}", self.head)).1.trim().to_owned()
    }

    /// The cookie that begins so, as a browser sends it back.
    fn cookie(&self, begin: &str) -> String {
        let found = self.head.lines().filter_map(|it| it.split_once(": "));
        let mut found = found.filter(|(_, value)| value.starts_with(begin));
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {begin} in {}", self.head));
        value.split(';').next().unwrap().to_owned()
    }

    /// Where its form leads.
    fn action(&self) -> String {
        let (_, rest) = self.body.split_once("<form method=\"post\" action=\"").unwrap();
        rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&")
    }

    /// The value of a hidden field.
    fn value(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) =
            self.body.split_once(&field).unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }
}

fn gateway(address: SocketAddr, path: &str, more: &[&str]) -> Got {
    let url = format!("http://{address}{path}");
    curl(&[more, &["--header", "host: gateway.test", &url]].concat())
}

fn curl(arguments: &[&str]) -> Got {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "30"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The last head is that of the last answer, where redirects were followed.
    let mut rest = text.as_str();
    let mut head = "";
    while rest.starts_with("HTTP/") {
        (head, rest) = rest.split_once("\r\n\r\n").unwrap();
    }
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Got { status, head: head.to_owned(), body: rest.to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "the test is told where SimpleSAMLphp is")]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
fn www() -> Option<PathBuf> {
    let Ok(www) = std::env::var("COUNTERSIGN_TEST_SAML") else {
        eprintln!("skipped: COUNTERSIGN_TEST_SAML names no SimpleSAMLphp");
        return None;
    };
    Some(PathBuf::from(www))
}
