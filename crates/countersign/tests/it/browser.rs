//! The console, the demo and the sign-in of the command line in a real browser: the walks of
//! `tests/browser`, each on a demo of its own. They run if `COUNTERSIGN_TEST_BROWSER` names a Chromium
//! and the npm packages are installed, and say so if not.

use countersign_demo::{Secret, targets::billing::Billing};
use http_body_util::BodyExt as _;
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};
use tempfile::TempDir;
use tower::ServiceExt as _;

#[test]
fn a_held_call_is_shown_whole_approved_denied_and_never_believed() {
    walk("approvals");
}

#[test]
fn what_an_owner_certifies_passes_and_what_they_revoke_does_not() {
    walk("reviews");
}

#[test]
fn a_reviewer_of_two_hundred_grants_finishes_by_keys_alone() {
    walk("campaign");
}

#[test]
fn an_auditor_follows_a_call_to_the_ledger_and_sees_nothing_masked() {
    walk("records");
}

#[test]
fn people_are_found_and_their_sign_in_is_explained_to_them() {
    walk("people");
}

#[test]
fn every_page_fits_a_phone_and_is_accessible_with_and_without_scripts() {
    walk("pages");
}

#[test]
fn a_passkey_is_added_signs_one_thing_and_is_removed() {
    walk_at("passkeys", "localhost:0");
}

#[test]
fn a_review_is_signed_off_with_a_passkey_and_verifies_without_the_product() {
    walk_at("sign_off", "localhost:0");
}

#[test]
fn the_command_line_signs_in_through_a_browser_and_by_a_code() {
    walk("login");
}

fn walk(name: &str) {
    walk_at(name, "127.0.0.1:0");
}

#[expect(clippy::panic, reason = "what the walk says belongs into the failure")]
fn walk_at(name: &str, listen: &str) {
    let Some(browser) = browser() else { return };
    // A browser wants both cores; walks beside each other only wait for each other.
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let demo = Demo::start(listen);
    let scratch = tempfile::tempdir().unwrap();
    let walked = Command::new("node")
        .arg(walks().join(name).with_extension("mjs"))
        .env("COUNTERSIGN_TEST_BROWSER", browser)
        .env("COUNTERSIGN_TEST_CUSTOMER", customer())
        .env("COUNTERSIGN_TEST_DEMO", &demo.url)
        .env("COUNTERSIGN_TEST_PROGRAM", PROGRAM)
        .env("COUNTERSIGN_TEST_SCRATCH", scratch.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if !walked.status.success() {
        panic!(
            "{name}: {}\n{}{}\nthe demo said:\n{}",
            walked.status,
            String::from_utf8_lossy(&walked.stdout),
            String::from_utf8_lossy(&walked.stderr),
            demo.said(),
        );
    }
}

/// The browser, if everything that a walk needs is here.
#[expect(clippy::disallowed_methods, reason = "the test is told where the browser is")]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
pub(crate) fn browser() -> Option<String> {
    let Ok(browser) = std::env::var("COUNTERSIGN_TEST_BROWSER") else {
        eprintln!("skipped: COUNTERSIGN_TEST_BROWSER names no browser");
        return None;
    };
    if !walks().join("node_modules/playwright-core").exists() {
        eprintln!("skipped: the npm packages of tests/browser are not installed");
        return None;
    }
    Some(browser)
}

fn walks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// The customer `c_81` as the target has them, unmasked: what no page may show.
fn customer() -> String {
    let asked = http::Request::get("/v1/customers/c_81")
        .header(http::header::AUTHORIZATION, "Bearer told")
        .body(axum::body::Body::empty())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = runtime.block_on(async {
        let answer = Billing::new(Secret::new("told")).router().oneshot(asked).await.unwrap();
        assert_eq!(answer.status(), http::StatusCode::OK);
        answer.into_body().collect().await.unwrap().to_bytes()
    });
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A fresh demo on a free port. It ends, and its state is gone, when this is dropped.
#[derive(Debug)]
struct Demo {
    url: String,
    child: Child,
    directory: TempDir,
}

impl Demo {
    fn start(listen: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["demo", "--listen", listen, "--state"])
            .arg(directory.path().join("state"))
            .current_dir(directory.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.path().join(SAID)).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("http://")?;
            Some(format!("http://{}", rest.split('/').next()?))
        });
        // What the demo goes on to say is read, so that it can say it.
        thread::spawn(move || lines.for_each(drop));
        let demo = Self { url: url.unwrap_or_default(), child, directory };
        assert!(!demo.url.is_empty(), "the demo did not start: {}", demo.said());
        demo
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(SAID)).unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
const SAID: &str = "said";
