//! E-mail to a mail server that is not ours (aiosmtpd), over TLS and with a login.

use crate::world::{PUBLIC_URL, World};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_governance::{DeliveryState, NoticesListed};
use countersign_identity::Hidden;
use countersign_model::Span;
use countersign_notify::{EmailSettings, MailTls, Settings, check_mailbox};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A mail server, until it is dropped.
struct Server {
    child: Child,
    port: u16,
}

/// Where its certificate is, and what it took.
struct Place {
    directory: TempDir,
    authority: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().pem().into_bytes();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&own, &issuer).unwrap();
        fs::write(directory.path().join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(directory.path().join("key.pem"), own.serialize_pem()).unwrap();
        Self { directory, authority }
    }

    /// Starts the server, if it is installed.
    fn serve(&self, how: &str, port: u16) -> Option<Server> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail-server");
        let site: PathBuf = tests.join("site");
        if !site.join("aiosmtpd").exists() {
            return None;
        }
        let mut child = Command::new("python3")
            .arg(tests.join("server.py"))
            .args([&*self.directory.path().to_string_lossy(), how, &port.to_string()])
            .env("PYTHONPATH", site)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Server { child, port: line.trim().parse().unwrap() })
    }

    fn messages(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("messages.jsonl"));
        text.unwrap_or_default().lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    }

    fn settings(&self, port: u16, tls: MailTls) -> Settings {
        let email = EmailSettings {
            host: "localhost".to_owned(),
            port,
            tls,
            authorities: (tls != MailTls::None).then(|| self.authority.clone()),
            login: Some(("countersign".to_owned(), Hidden::new("mail-password"))),
            from: "Countersign <countersign@gateway.example.com>".to_owned(),
        };
        Settings { email: Some(email), ..Settings::default() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

macro_rules! serve {
    ($place:expr, $how:literal, $port:expr) => {
        match $place.serve($how, $port) {
            Some(server) => server,
            None => return skipped(),
        }
    };
}

#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
fn skipped() {
    eprintln!("skipped: the Python package aiosmtpd is missing; ./test installs it");
}

/// The headers of a message, unfolded, and its parts by type, decoded.
fn read(data: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (head, body) = data.split_once("\r\n\r\n").unwrap();
    let headers: Vec<String> =
        head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect();
    let kind = headers.iter().find(|it| it.to_lowercase().starts_with("content-type:")).unwrap();
    let boundary = kind.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let delimiter = format!("--{boundary}");
    // After the last one, which ends in two dashes more, comes nothing (RFC 2046 §5.1.1).
    let (body, _) = body.split_once(&format!("{delimiter}--")).unwrap();
    let parts = body.split(delimiter.as_str()).filter(|it| it.contains("\r\n\r\n"));
    let parts = parts.map(|part| {
        let (head, text) = part.split_once("\r\n\r\n").unwrap();
        let kind = if head.contains("text/html") { "html" } else { "plain" };
        let head = head.to_lowercase();
        let text = if head.contains("base64") {
            let bytes = STANDARD.decode(text.replace("\r\n", "")).unwrap();
            String::from_utf8(bytes).unwrap()
        } else if head.contains("quoted-printable") {
            unquoted(text)
        } else {
            text.to_owned()
        };
        (kind.to_owned(), text)
    });
    let parts = parts.collect();
    (headers, parts)
}

/// RFC 2045 §6.7.
fn unquoted(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' && tail.len() >= 2 {
            let pair = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(pair, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_handed_over_encrypted_and_to_people_alone() {
    let place = Place::new();
    let server = serve!(place, "starttls", 0);
    let world = World::start(place.settings(server.port, MailTls::StartTls)).await;
    world.sees("olivia", "Olivia Wörner", "olivia@acme.example").await;
    let approval = world.held("riley", "olivia").await;
    world.send("email").await;
    let row = world.deliveries("email").await.remove(0);
    assert_eq!(row.state, DeliveryState::Sent, "{row:?}");
    assert!(row.answer.starts_with("250") && row.answer.contains("queued as TEST"), "{row:?}");
    let taken = place.messages();
    assert_eq!((&taken[0]["tls"], &taken[0]["login"]), (&Value::Bool(true), &"countersign".into()));
    assert_eq!(taken[0]["to"], serde_json::json!(["olivia@acme.example"]));
    let (headers, parts) = read(taken[0]["data"].as_str().unwrap());
    let has =
        |wanted: &str| assert!(headers.iter().any(|it| it == wanted), "{wanted}: {headers:?}");
    has(&format!("Message-ID: <{}@gateway.example.com>", row.id));
    has("Auto-Submitted: auto-generated");
    has("Subject: riley wants to call billing.refunds.create");
    has("X-Countersign-Kind: approval_waits");
    let link = format!("{PUBLIC_URL}/console/approvals/{}", approval.id);
    assert_eq!(parts.len(), 2);
    for (kind, text) in &parts {
        assert!(text.contains(&link) && text.contains("riley"), "{kind}: {text}");
        assert!(!text.contains("secret-argument"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_from_the_first_byte_and_none_to_this_machine() {
    for (how, tls) in [("implicit", MailTls::Implicit), ("clear", MailTls::None)] {
        let place = Place::new();
        let Some(server) = place.serve(how, 0) else { return skipped() };
        let world = World::start(place.settings(server.port, tls)).await;
        world.sees("olivia", "Olivia", "olivia@acme.example").await;
        world.test_of("olivia").await;
        world.send("email").await;
        let row = world.deliveries("email").await.remove(0);
        assert_eq!(row.state, DeliveryState::Sent, "{how}: {row:?}");
        assert_eq!(place.messages()[0]["tls"], tls == MailTls::Implicit, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_goes_to_a_server_that_is_not_encrypted_or_not_known() {
    let place = Place::new();
    // It offers no STARTTLS.
    let server = serve!(place, "clear", 0);
    let world = World::start(place.settings(server.port, MailTls::StartTls)).await;
    world.sees("olivia", "Olivia", "olivia@acme.example").await;
    world.test_of("olivia").await;
    world.send("email").await;
    assert_ne!(world.deliveries("email").await[0].state, DeliveryState::Sent);
    // Its certificate is by an authority that nobody named.
    let server = serve!(place, "starttls", 0);
    let stranger = Place::new();
    let world = World::start(stranger.settings(server.port, MailTls::StartTls)).await;
    world.sees("olivia", "Olivia", "olivia@acme.example").await;
    world.test_of("olivia").await;
    world.send("email").await;
    let row = world.deliveries("email").await.remove(0);
    assert_eq!(row.state, DeliveryState::Failed, "{row:?}");
    assert!(row.error.to_lowercase().contains("certificate"), "{row:?}");
    assert!(place.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_ends_and_what_is_not_is_tried_again() {
    let place = Place::new();
    let server = serve!(place, "starttls", 0);
    let world = World::start(place.settings(server.port, MailTls::StartTls)).await;
    world.sees("gone", "Gone", "unknown@acme.example").await;
    world.sees("full", "Full", "full@acme.example").await;
    world.test_of("gone").await;
    world.test_of("full").await;
    world.send("email").await;
    let rows = world.deliveries("email").await;
    assert_eq!((rows[0].state, rows[0].answer.as_str()), (DeliveryState::GivenUp, "550"));
    assert!(rows[0].error.contains("no such user"), "{rows:?}");
    assert_eq!((rows[1].state, rows[1].answer.as_str()), (DeliveryState::Failed, "452"));

    // An outage: the same delivery arrives when the server is back.
    let port = server.port;
    drop(server);
    world.sees("full", "Full no more", "emptied@acme.example").await;
    world.pass(Span::from_seconds(60));
    world.send("email").await;
    let row = world.deliveries("email").await.remove(1);
    assert_eq!((row.state, row.attempts), (DeliveryState::Failed, 2), "{row:?}");
    let _server = serve!(place, "starttls", port);
    world.pass(Span::from_seconds(120));
    world.send("email").await;
    let row = world.deliveries("email").await.remove(1);
    assert_eq!((row.state, row.attempts), (DeliveryState::Sent, 3), "{row:?}");
    assert_eq!(place.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_refused_loses_no_message() {
    let place = Place::new();
    let server = serve!(place, "starttls", 0);
    let mut settings = place.settings(server.port, MailTls::StartTls);
    if let Some(email) = &mut settings.email {
        email.login = Some(("countersign".to_owned(), Hidden::new("an-old-password")));
    }
    let world = World::start(settings).await;
    world.sees("olivia", "Olivia", "olivia@acme.example").await;
    world.test_of("olivia").await;
    world.send("email").await;
    let row = world.deliveries("email").await.remove(0);
    assert_eq!((row.state, row.answer.as_str()), (DeliveryState::Failed, "535"), "{row:?}");
    assert!(!row.error.contains("an-old-password"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_wrote_becomes_no_header_no_address_and_no_markup() {
    let place = Place::new();
    let server = serve!(place, "starttls", 0);
    let world = World::start(place.settings(server.port, MailTls::StartTls)).await;
    let name = "Olivia\r\nBcc: mallory@evil.example\r\n\r\n<h1>";
    world.sees("olivia", name, "olivia@acme.example").await;
    let caller = "riley\r\nBcc: mallory@evil.example\r\n\r\n<script>alert(1)</script>\u{202e}\"'&";
    world.held(caller, "olivia").await;
    world.send("email").await;
    let taken = place.messages();
    assert_eq!(taken.len(), 1, "{:?}", world.deliveries("email").await);
    assert_eq!(taken[0]["to"], serde_json::json!(["olivia@acme.example"]));
    let (headers, parts) = read(taken[0]["data"].as_str().unwrap());
    let names: Vec<String> =
        headers.iter().map(|it| it.split(':').next().unwrap().to_lowercase()).collect();
    assert!(!names.contains(&"bcc".to_owned()), "{headers:?}");
    let html = &parts.iter().find(|(kind, _)| kind == "html").unwrap().1;
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(!html.contains("<script") && html.contains("[U+202E]&quot;&#39;&amp;"), "{html}");

    // What is no address is none.
    for email in ["a@b\r\nRCPT TO:<mallory@evil.example>", "a@b,mallory@evil.example", "<x>"] {
        world.sees("odd", "Odd", email).await;
        world.test_of("odd").await;
        world.send("email").await;
        let row = world.deliveries("email").await.pop().unwrap();
        assert_eq!(row.state, DeliveryState::GivenUp, "{email}: {row:?}");
    }
    assert_eq!(place.messages().len(), 1);
    for bad in ["", "x", "a@b\r\nBcc: c@d", "a@b, c@d"] {
        assert!(check_mailbox(bad).is_err(), "{bad}");
    }
    check_mailbox("countersign@example.com").unwrap();
    assert!(!format!("{:?}", world.senders).contains("mail-password"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_has_a_link_for_each_part() {
    let place = Place::new();
    let server = serve!(place, "starttls", 0);
    let world = World::start(place.settings(server.port, MailTls::StartTls)).await;
    world.sees("olivia", "Olivia", "olivia@acme.example").await;
    let (one, two) = (world.held("riley", "olivia").await, world.held("sam", "olivia").await);
    world.send("email").await;
    world.pass(Span::from_days(1));
    world.governance.daily_notices().await.unwrap();
    world.send("email").await;
    let taken = place.messages();
    assert_eq!(taken.len(), 3);
    let (headers, parts) = read(taken[2]["data"].as_str().unwrap());
    assert!(headers.iter().any(|it| it.starts_with("Subject: 2 things for you")), "{headers:?}");
    for (kind, text) in &parts {
        for id in [one.id, two.id] {
            assert!(
                text.contains(&format!("{PUBLIC_URL}/console/approvals/{id}")),
                "{kind}: {text}"
            );
        }
        assert!(text.contains("Calls that wait for an answer"), "{kind}: {text}");
    }
    let mut olivia = crate::world::ada();
    olivia.person.subject = "olivia".into();
    let inbox = world.governance.notices(&olivia, NoticesListed::All, None).await.unwrap();
    assert_eq!(inbox.len(), 2);
}
