//! The real gateway signs people in with a real SAML provider: `SimpleSAMLphp`, served by PHP from
//! `tests/simplesamlphp`. Runs if `COUNTERSIGN_TEST_SAML` names `SimpleSAMLphp`'s `www` directory (and curl
//! and php are here), and says so if not.

#![expect(clippy::panic, reason = "a test that panics is a test that fails")]

use crate::lab::{Process, World, until};
use serde_json::json;
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
    let provider = Provider::start(&www, &world).await;
    let (landed, process) = signs_in(&world, &provider, "signed").await;
    assert_eq!(landed.status, "303", "{} {}\n{}", landed.head, landed.body, process.said());
    assert_eq!(landed.header("location"), "/console/grants");
    let session = format!("cookie: {}", landed.cookie("countersign="));
    let seen = gateway(process.address, "/console/grants", &["--header", &session]);
    assert_eq!(seen.status, "200");
    assert!(seen.body.contains("signed:alice@example.test"), "{}", seen.body);
    process.stop().await;
}

/// This `SimpleSAMLphp` knows no other way to encrypt than AES-CBC.
#[tokio::test]
async fn what_simplesamlphp_encrypts_with_cbc_is_refused() {
    let Some(www) = www() else { return };
    let world = World::new().await;
    let provider = Provider::start(&www, &world).await;
    let (landed, process) = signs_in(&world, &provider, "sealed").await;
    assert_eq!(landed.status, "403", "{}", landed.head);
    assert!(landed.body.contains("encryption_not_allowed"), "{}", landed.body);
    process.stop().await;
}

/// Walks to the provider and back, and gives what the gateway says to the response.
async fn signs_in(world: &World, provider: &Provider, name: &str) -> (Got, Process) {
    let told = json!({
        "name": name, "entity_id": "urn:test:idp",
        "metadata": {"url": format!("{}saml2/idp/metadata.php", provider.base)},
        "signing_certificates": [provider.fingerprint()],
        "key": {"file": "saml.key"}, "certificate": "saml.crt",
        "attributes": {"subject_prefix": format!("{name}:")},
    });
    world.configure(&json!({"saml": [told]}));
    let process = Process::start(world).await;
    let page = format!("/console/saml/{name}/begin?return_to=/console/grants");
    let begun = gateway(process.address, &page, &[]);
    assert_eq!(begun.status, "303", "{} {}", begun.head, begun.body);
    let cookie = format!("cookie: {}", begun.cookie("countersign-saml="));
    let response = format!("SAMLResponse={}", provider.walk(&begun.header("location")));
    let post = ["--data-urlencode", &response, "--header", &cookie];
    let landed = gateway(process.address, &format!("/console/saml/{name}/response"), &post);
    (landed, process)
}

impl Provider {
    async fn start(www: &Path, world: &World) -> Self {
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
            .env("SSP_CONSOLE", crate::lab::AUDIENCE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let provider = Self { base, state, child };
        until("PHP answers", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        provider
    }

    fn fingerprint(&self) -> String {
        let pem = fs::read_to_string(self.state.path().join("cert/idp.crt")).unwrap();
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let body: String = pem.lines().filter(|it| !it.starts_with("-----")).collect();
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &STANDARD.decode(body).unwrap());
        hash.as_ref().iter().map(|it| format!("{it:02x}")).collect()
    }

    /// What a person does at the provider: the form with name and password. Gives the response that
    /// its last page posts.
    fn walk(&self, url: &str) -> String {
        let jar = self.state.path().join("jar").display().to_string();
        let cookies = ["--location", "--cookie", &jar, "--cookie-jar", &jar];
        let form =
            curl(&[cookies.as_slice(), &["--write-out", "\n%{url_effective}", url]].concat());
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
