//! Against a certified provider, the npm package `oidc-provider`: see `tests/oidc-provider`. Runs if
//! `COUNTERSIGN_TEST_OIDC` names a running one, and says so if not.

use crate::signin::entropy;
use countersign_identity::{
    Callback, CliLogin, CliSettings, DevicePoll, Http, IssuerConfig, Limits, LoginFailed, Revoked,
    SignIn, Verifier,
};
use countersign_model::{CallerKind, Clock, Timestamp, Whose};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

const RESOURCE: &str = "https://gateway.test/api";
const REDIRECT: &str = "http://127.0.0.1:8800/callback";

#[expect(clippy::disallowed_methods, reason = "the test is told where the provider is")]
fn provider() -> Option<String> {
    std::env::var("COUNTERSIGN_TEST_OIDC").ok()
}

#[expect(clippy::disallowed_methods, reason = "a real provider needs the real time")]
fn clock() -> Clock {
    Clock::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap())
    })
}

fn config(url: &str) -> IssuerConfig {
    serde_json::from_value(json!({
        "name": "op", "url": url, "audiences": [RESOURCE],
        "sign_in": {
            "client_id": "console", "client_secret": {"env": "X"},
            "scopes": ["openid", "profile", "email", "groups", "offline_access"],
        },
    }))
    .unwrap()
}

/// A browser without a screen: cookies, redirects, and the provider's development forms.
struct Browser {
    http: Http,
    cookies: BTreeMap<String, String>,
    base: Url,
}

struct Page {
    redirect: Option<String>,
    body: String,
}

impl Browser {
    fn new(base: &str) -> Self {
        Self { http: Http::new(), cookies: BTreeMap::new(), base: Url::parse(base).unwrap() }
    }

    async fn open(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Page {
        let url = self.base.join(url).unwrap();
        let mut headers = HeaderMap::new();
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        headers.insert(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        let answer = match form {
            Some(form) => self.http.post_form(url.as_str(), headers, form, Limits::default()).await,
            None => self.http.get(url.as_str(), headers, Limits::default()).await,
        };
        let answer = answer.unwrap();
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let redirect = answer.headers.get(header::LOCATION).map(|it| it.to_str().unwrap().into());
        let redirect = redirect.filter(|_| answer.status.is_redirection());
        Page { redirect, body: String::from_utf8_lossy(&answer.body).into_owned() }
    }

    /// Signs in and consents, until the browser is sent to `end`, or there is nothing more to do.
    async fn walk(&mut self, mut page: Page, end: &str, person: &str) -> Option<String> {
        for _ in 0..12 {
            page = match page.redirect {
                Some(url) if url.starts_with(end) => return Some(url),
                Some(url) => self.open(&url, None).await,
                None => {
                    let action = between(&page.body, "action=\"", "\"")?;
                    let prompt = between(&page.body, "name=\"prompt\" value=\"", "\"")?;
                    let form = [("prompt", prompt.as_str()), ("login", person), ("password", "x")];
                    self.open(&action, Some(&form)).await
                }
            };
        }
        panic!("the sign-in does not end");
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0.to_owned())
}

fn callback(url: &str) -> Callback {
    Callback::from_query(url.split_once('?').unwrap().1).unwrap()
}

async fn client_credentials(url: &str, scope: &str) -> String {
    let mut headers = HeaderMap::new();
    // `agent:agent-secret`
    let basic = HeaderValue::from_static("Basic YWdlbnQ6YWdlbnQtc2VjcmV0");
    headers.insert(header::AUTHORIZATION, basic);
    let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", RESOURCE)];
    let answer = Http::new()
        .post_form(&format!("{url}/token"), headers, &form, Limits::default())
        .await
        .unwrap();
    let body: Value = answer.json().unwrap();
    body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn everything_works_with_a_certified_provider() {
    let Some(url) = provider() else {
        eprintln!("skipped: COUNTERSIGN_TEST_OIDC names no provider");
        return;
    };
    countersign_identity::install_crypto();
    let verifier = Verifier::new(vec![config(&url)], Http::new(), clock()).unwrap();
    signs_in_at_the_console(&url, &verifier).await;
    signs_in_with_a_device_code(&url, &verifier).await;
    signs_in_with_a_browser_on_this_machine(&url, &verifier).await;
    ends_a_session_from_either_side(&url, &verifier).await;
    revokes_and_notices_a_refresh_token_that_is_used_twice(&url).await;
    verifies_tokens_across_a_rotation(&url, &verifier).await;
}

/// The session is renewed while it lasts; signing out at the provider pushes a logout token, and ends
/// the refresh token with it.
async fn ends_a_session_from_either_side(url: &str, verifier: &Verifier) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}/logout", listener.local_addr().unwrap());
    let to = format!("{url}/test/backchannel?to={here}");
    let sent = Http::new()
        .send(Method::POST, &to, HeaderMap::new(), bytes::Bytes::new(), Limits::default())
        .await;
    assert_eq!(sent.unwrap().status, 204);

    let sign_in = SignIn::new(verifier, "op", |_| Some("console-secret".into())).unwrap();
    let (start, pending) = sign_in.begin(REDIRECT, &entropy()).await.unwrap();
    let mut browser = Browser::new(url);
    let page = browser.open(&start, None).await;
    let back = browser.walk(page, REDIRECT, "alice").await.unwrap();
    let signed_in = sign_in.finish(pending, &callback(&back)).await.unwrap();
    let session = signed_in.issuer_session.clone().unwrap();
    let subject = signed_in.caller.subject.clone();
    let renewed = sign_in.renew(&signed_in.kept, &subject).await.unwrap();
    let kept = renewed.kept;
    assert_eq!(renewed.caller.groups, signed_in.caller.groups);

    let end = sign_in.end_session_url(&kept.id_token, REDIRECT, "state-7").await.unwrap().unwrap();
    let page = browser.open(&end, None).await;
    let action = between(&page.body, "action=\"", "\"").unwrap();
    let xsrf = between(&page.body, "name=\"xsrf\" value=\"", "\"").unwrap();
    let pushed = tokio::spawn(async move { pushed_form(&listener).await });
    let page = browser.open(&action, Some(&[("xsrf", &xsrf), ("logout", "yes")])).await;
    let landed = page.redirect.unwrap();
    assert!(landed.starts_with(REDIRECT) && landed.contains("state=state-7"), "{landed}");

    let form = tokio::time::timeout(Duration::from_secs(10), pushed).await.unwrap().unwrap();
    let token = form.strip_prefix("logout_token=").unwrap();
    let logout = sign_in.judge_logout(token).await.unwrap();
    let issuer = "op".into();
    let whose = Whose::IssuerSession { issuer, session: session.as_str().into() };
    assert_eq!(logout.whose, [whose]);
    assert!(logout.before > signed_in.caller.issued.at.unwrap());
    let once = crate::logout::register();
    logout.used(&once).await.unwrap();
    assert!(sign_in.judge_logout(token).await.unwrap().used(&once).await.is_err());
    // It is no token of any other kind.
    assert!(verifier.identify(token).await.is_err());
}

/// The body of one pushed form, which is answered with 200.
async fn pushed_form(listener: &tokio::net::TcpListener) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = between(&head.to_lowercase(), "content-length: ", "\r\n");
        let length = length
            .or_else(|| head.to_lowercase().split("content-length: ").nth(1).map(str::to_owned));
        if body.len() >= length.unwrap().trim().parse::<usize>().unwrap() {
            let body = body.to_owned();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            return body;
        }
    }
}

async fn revokes_and_notices_a_refresh_token_that_is_used_twice(url: &str) {
    let login = cli(url).await;
    let sign_in = async || {
        let loopback = countersign_identity::Loopback::bind().await.unwrap();
        let (start, pending) = login.authorize(loopback.redirect_uri(), &entropy()).unwrap();
        let mut browser = Browser::new(url);
        let page = browser.open(&start, None).await;
        let back = browser.walk(page, loopback.redirect_uri(), "bob").await.unwrap();
        login.exchange(pending, &callback(&back)).await.unwrap()
    };
    let first = sign_in().await;
    let second = login.refresh(&first).await.unwrap();
    assert!(matches!(login.refresh(&first).await, Err(LoginFailed::Ended)), "used twice");
    assert!(matches!(login.refresh(&second).await, Err(LoginFailed::Ended)), "so all have ended");
    let tokens = sign_in().await;
    assert_eq!(login.revoke(&tokens).await.unwrap(), Revoked::Yes);
    assert!(matches!(login.refresh(&tokens).await, Err(LoginFailed::Ended)));
}

async fn signs_in_at_the_console(url: &str, verifier: &Verifier) {
    let sign_in = SignIn::new(verifier, "op", |_| Some("console-secret".into())).unwrap();
    let (start, pending) = sign_in.begin(REDIRECT, &entropy()).await.unwrap();
    let mut browser = Browser::new(url);
    let page = browser.open(&start, None).await;
    let back = browser.walk(page, REDIRECT, "alice").await.unwrap();
    assert!(back.contains("iss="), "the provider names itself (RFC 9207): {back}");
    let again = pending.clone();
    let signed_in = sign_in.finish(pending, &callback(&back)).await.unwrap();
    assert_eq!(signed_in.caller.subject.as_str(), "alice");
    assert_eq!(signed_in.caller.kind, CallerKind::Person);
    assert_eq!(signed_in.caller.email.as_deref(), Some("alice@example.test"));
    assert!(signed_in.caller.groups.contains("admins"), "{:?}", signed_in.caller);
    // A code is good for once.
    let refused = sign_in.finish(again, &callback(&back)).await.unwrap_err();
    assert_eq!(refused.code(), "code_not_exchanged");
    // Its ID token opens nothing.
    let refused = verifier.identify(signed_in.kept.id_token.reveal()).await.unwrap_err();
    assert_eq!(refused.code(), "token_type_not_accepted");
    assert!(
        sign_in.end_session_url(&signed_in.kept.id_token, REDIRECT, "s1").await.unwrap().is_some()
    );
}

async fn cli(url: &str) -> CliLogin {
    let settings = CliSettings {
        issuer: url.to_owned(),
        client_id: "cli".into(),
        scopes: ["openid", "offline_access", "call"].map(Into::into).to_vec(),
        resource: Some(RESOURCE.into()),
    };
    CliLogin::discover(settings, Http::new(), clock()).await.unwrap()
}

async fn signs_in_with_a_device_code(url: &str, verifier: &Verifier) {
    let login = cli(url).await;
    let mut code = login.device_start().await.unwrap();
    assert!(matches!(login.device_poll(&mut code).await, Ok(DevicePoll::Waiting { .. })));
    let mut browser = Browser::new(url);
    let page = browser.open(code.verification_uri_complete.as_ref().unwrap(), None).await;
    let token = between(&page.body, "name=\"xsrf\" value=\"", "\"").unwrap();
    let form = [("xsrf", token.as_str()), ("user_code", &code.user_code), ("confirm", "yes")];
    let page = browser.open("/device", Some(&form)).await;
    assert_eq!(browser.walk(page, "nowhere", "bob").await, None);
    let Ok(DevicePoll::Done(tokens)) = login.device_poll(&mut code).await else {
        panic!("the device code gave no tokens");
    };
    let proved = verifier.identify(tokens.access_token.reveal()).await.unwrap();
    assert_eq!(proved.subject.as_str(), "bob");
    assert!(proved.scopes.contains("call"), "{proved:?}");

    let next = login.refresh(&tokens).await.unwrap();
    let proved = verifier.identify(next.access_token.reveal()).await.unwrap();
    assert_eq!((proved.subject.as_str(), proved.client.as_deref()), ("bob", Some("cli")));
}

async fn signs_in_with_a_browser_on_this_machine(url: &str, verifier: &Verifier) {
    let login = cli(url).await;
    let loopback = countersign_identity::Loopback::bind().await.unwrap();
    let (start, pending) = login.authorize(loopback.redirect_uri(), &entropy()).unwrap();
    let mut browser = Browser::new(url);
    let page = browser.open(&start, None).await;
    let back = browser.walk(page, loopback.redirect_uri(), "alice").await.unwrap();
    let waiting = tokio::spawn(loopback.callback("done", Duration::from_secs(5)));
    drop(browser.open(&back, None).await);
    let tokens = login.exchange(pending, &waiting.await.unwrap().unwrap()).await.unwrap();
    let proved = verifier.identify(tokens.access_token.reveal()).await.unwrap();
    assert_eq!(proved.subject.as_str(), "alice");
}

async fn verifies_tokens_across_a_rotation(url: &str, verifier: &Verifier) {
    let before = client_credentials(url, "call").await;
    let proved = verifier.identify(&before).await.unwrap();
    assert_eq!((proved.subject.as_str(), proved.kind), ("agent", CallerKind::Service));
    let other = Verifier::new(
        vec![IssuerConfig { audiences: vec!["https://other.test".into()], ..config(url) }],
        Http::new(),
        clock(),
    )
    .unwrap();
    assert_eq!(other.identify(&before).await.unwrap_err().code(), "audience_mismatch");

    let rotate = format!("{url}/test/rotate");
    let http = Http::new();
    let sent =
        http.send(Method::POST, &rotate, HeaderMap::new(), bytes::Bytes::new(), Limits::default());
    assert_eq!(sent.await.unwrap().status, 204);
    let after = client_credentials(url, "call").await;
    let kid = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(kid(&before), kid(&after), "the provider signs with a new key");
    // The new key is found at once, and what the old one signed ends with it.
    assert!(verifier.identify(&after).await.is_ok());
    assert_eq!(verifier.identify(&before).await.unwrap_err().code(), "key_unknown");
}
