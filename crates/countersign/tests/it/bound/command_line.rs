//! The command line with a key: it proves to hold what its token is bound to, to the gateway and to the
//! identity provider, with the nonces that both give out. With a certified provider if
//! `COUNTERSIGN_TEST_OIDC` names a running one, which says so if not.

#![expect(clippy::panic, reason = "a test that panics is a test that fails")]

use super::{ITEM, MACHINE, code, say, world};
use crate::lab::{AUDIENCE, Process, Say, World, ran};
use countersign_identity::{Http, Limits};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_a_file_goes_with_its_token_and_binds_a_new_one() {
    let more = json!({"dpop": {"nonces": "required"}, "tokens": {"binding": "required"}});
    let (world, issuer, process) = world(&more).await;
    let made = ran(world.path(), &["token", "key", "dpop.pem", "--json"]).await;
    let public: Value = serde_json::from_str(&made.stdout).unwrap();
    let bound = issuer.token(&json!({"cnf": {"jkt": public["kid"]}}));
    let server = format!("http://{}", process.address);
    let call = async |token: &str, more: &[&str]| {
        let line = ["call", "desk.items.get", "item=7", "--server", &server, "--token", token];
        ran(world.path(), &[&line, more].concat()).await
    };
    let with = ["--dpop-key", "dpop.pem"];
    let answered = call(&bound, &with).await;
    assert_eq!(answered.code, Some(0), "{answered:?}");
    // The management API gives out nonces too.
    let line = ["whoami", "--server", &server, "--token", &bound, "--dpop-key", "dpop.pem"];
    let me = ran(world.path(), &line).await;
    assert!(me.code == Some(0) && me.stdout.contains(MACHINE), "{me:?}");
    let bare = call(&bound, &[]).await;
    assert!(bare.code != Some(0) && bare.stderr.contains("proof_missing"), "{bare:?}");
    // Another key is not its own.
    drop(ran(world.path(), &["token", "key", "other.pem"]).await);
    let other = call(&bound, &["--dpop-key", "other.pem"]).await;
    assert!(other.stderr.contains("proof_key_mismatch"), "{other:?}");

    // A new token for an agent is bound to the key that asks for it.
    let user = "amir@acme.example";
    world.grant_desk(&process, user).await;
    let (user, machine) = (world.token(user), issuer.token(&json!({"client_id": "press"})));
    let line =
        ["token", "exchange", "--server", &server, "--token", &user, "--actor-token", &machine];
    let refused = ran(world.path(), &line).await;
    assert!(refused.stderr.contains("token_binding_missing"), "{refused:?}");
    // The user's token is none that is bound, so it goes by itself.
    let exchanged = ran(world.path(), &[&line[..], &with].concat()).await;
    assert_eq!(exchanged.code, Some(0), "{exchanged:?}");
    let token = exchanged.stdout.trim();
    let answered = call(token, &with).await;
    assert_eq!(answered.code, Some(0), "{answered:?}");
    assert_eq!(code(&say(&process, Say::get(ITEM, token)).await), "401 proof_missing");
    let who = world.intents().pop().unwrap().who;
    assert_eq!(who.actors[0].as_str(), MACHINE);
    let said = process.said();
    process.stop().await;
    let pem = fs::read_to_string(world.path().join("dpop.pem")).unwrap();
    assert!(!said.contains(pem.lines().nth(1).unwrap()) && !said.contains(token));
}

#[expect(clippy::disallowed_methods, reason = "the test is told where the provider is")]
fn provider() -> Option<String> {
    std::env::var("COUNTERSIGN_TEST_OIDC").ok()
}

/// A browser without a screen, as far as the provider's forms need one.
struct Browser {
    base: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn open(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> (Option<String>, String) {
        let http = Http::new();
        let url = if url.starts_with('/') { format!("{}{url}", self.base) } else { url.to_owned() };
        let mut headers = HeaderMap::new();
        let pairs: Vec<_> = self.cookies.iter().map(|(name, it)| format!("{name}={it}")).collect();
        headers.insert(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        let answer = match form {
            Some(form) => http.post_form(&url, headers, form, Limits::default()).await.unwrap(),
            None => http.get(&url, headers, Limits::default()).await.unwrap(),
        };
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let next = answer.headers.get(header::LOCATION).map(|it| it.to_str().unwrap().to_owned());
        let next = next.filter(|_| answer.status.is_redirection());
        (next, String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Confirms a device code as somebody.
    async fn confirm(&mut self, url: &str, person: &str) {
        let between = |page: &str, before: &str| {
            let (_, rest) = page.split_once(before)?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let (_, page) = self.open(url, None).await;
        let token = between(&page, "name=\"xsrf\" value=\"").unwrap();
        let user_code = url.split_once("user_code=").unwrap().1;
        let form = [("xsrf", token.as_str()), ("user_code", user_code), ("confirm", "yes")];
        let (mut next, mut page) = self.open("/device", Some(&form)).await;
        for _ in 0..12 {
            (next, page) = match next {
                Some(url) => self.open(&url, None).await,
                None => {
                    let Some(action) = between(&page, "action=\"") else { return };
                    let Some(prompt) = between(&page, "name=\"prompt\" value=\"") else { return };
                    let form = [("prompt", prompt.as_str()), ("login", person), ("password", "x")];
                    self.open(&action, Some(&form)).await
                }
            };
        }
        panic!("the sign-in does not end");
    }
}

/// Signs in with a device code, by the real command line.
async fn login(directory: &Path, server: &str, base: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["login", "--device", "--dpop", "--issuer", "op", "--server", server])
        .current_dir(directory)
        .env_clear()
        .env("HOME", directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let reader = tokio::task::spawn_blocking(move || {
        let (mut sender, mut said) = (Some(sender), String::new());
        for line in stderr.lines() {
            let line = line.unwrap();
            let url = line.split_whitespace().find(|it| it.contains("user_code="));
            if let (Some(url), Some(sender)) = (url, sender.take_if(|_| url.is_some())) {
                sender.send(url.to_owned()).unwrap();
            }
            said.push_str(&line);
            said.push('\n');
        }
        said
    });
    let url = receiver.await.unwrap();
    let mut browser = Browser { base: base.to_owned(), cookies: BTreeMap::new() };
    browser.confirm(&url, "bob").await;
    let said = reader.await.unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{said}");
}

fn logins(directory: &Path) -> (std::path::PathBuf, Value) {
    let file = directory.join(".config/countersign/logins.json");
    let logins = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    (file, logins)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn a_login_is_bound_to_a_key_by_a_certified_provider_and_renewed_with_it() {
    let Some(url) = provider() else {
        eprintln!("skipped: COUNTERSIGN_TEST_OIDC names no provider");
        return;
    };
    countersign_identity::install_crypto();
    let world = World::new().await;
    world.write("console.secret", "console-secret");
    let demo = json!({
        "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
        "audiences": [AUDIENCE]
    });
    let certified = json!({
        "name": "op", "url": url, "audiences": [AUDIENCE], "claims": {"subject_prefix": "op:"},
        "sign_in": {
            "client_id": "console", "client_secret": {"file": "console.secret"},
            "scopes": ["openid"], "cli_client_id": "cli",
            "cli_scopes": ["openid", "offline_access", "call"],
        },
    });
    world.configure(&json!({"issuers": [demo, certified], "dpop": {"nonces": "required"}}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, "op:bob").await;
    let server = format!("http://{}", process.address);
    login(world.path(), &server, &url).await;

    let (file, kept) = logins(world.path());
    let tokens = kept["servers"][&server]["tokens"].clone();
    assert_eq!(tokens["scheme"], "dpop", "the provider bound it");
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert!(kept["servers"][&server]["key"]["kept"].as_str().unwrap().contains("PRIVATE KEY"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let call = ["call", "desk.items.get", "item=7"];
    let answered = ran(world.path(), &call).await;
    assert_eq!(answered.code, Some(0), "{answered:?}");
    // To whoever has the token alone it is worth nothing.
    assert_eq!(code(&say(&process, Say::get(ITEM, &token)).await), "401 proof_missing");

    // The refresh token is bound too, and is used with the key.
    let mut ended = kept.clone();
    ended["servers"][&server]["tokens"]["expires_at"] = json!("2020-01-01T00:00:00Z");
    fs::write(&file, ended.to_string()).unwrap();
    let answered = ran(world.path(), &call).await;
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let (_, renewed) = logins(world.path());
    let renewed = &renewed["servers"][&server]["tokens"];
    assert_ne!(renewed["access_token"], json!(token));
    assert_eq!(renewed["scheme"], "dpop");
    let out = ran(world.path(), &["logout"]).await;
    assert!(out.stdout.contains("revoked"), "{out:?}");
    process.stop().await;
}
