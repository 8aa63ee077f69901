//! Every way into the real gateway, tried by a stranger and by each role. What came of it is
//! `docs/roles.md`, which people review: the table is measured, so it can't say other than what the
//! code does.

#![expect(clippy::panic, reason = "a test that panics is a test that fails")]

mod cast;
mod deeds;

use crate::lab::{AUDITOR, Connection, Say};
use cast::{CAST, Credential, Stage};
use countersign_model::record::Event;
use deeds::{Body, Deed};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) door: By,
}

/// How somebody proves who they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// Not at all.
    Open,
    /// By the cookie of a session.
    Page,
    /// By a token.
    Token,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_admits_whom_the_table_says() {
    let mut stage = Stage::new().await;
    let mut rows = Vec::new();
    for way in ways() {
        let mut cells = Vec::new();
        let mut named = None;
        for role in CAST {
            let deed = deeds::of(&mut stage, &way).await.unwrap_or_else(|| {
                panic!(
                    "`{} {}` is a way in that nobody tried as each role. Say in \
                     crates/countersign/tests/it/roles/deeds.rs what it does and how somebody would \
                     use it, run this with UPDATE_EXPECT=1, and review docs/roles.md.",
                    way.method, way.path
                )
            });
            cells.push(tried(&mut stage, role.credential, &way, &deed).await);
            named = Some((deed.resource, deed.action));
        }
        rows.push((named.unwrap(), way, cells));
    }
    an_auditor_changes_nothing(&rows);
    let stage = stage.ended().await;
    the_ledger_names_no_change_by_the_auditor(&stage);
    compare(&table(rows));
}

/// Every route of the console and of the management API, and every other door of the port.
fn ways() -> Vec<Way> {
    let table = countersign_console::table();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let mut ways = Vec::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, method, path, by, ..] = cells.as_slice() else { continue };
        if !methods.contains(method) {
            continue;
        }
        let door = match *by {
            "open" => By::Open,
            "page" => By::Page,
            _ => By::Token,
        };
        let path = path.trim_matches('`').to_owned();
        ways.push(Way { method: (*method).to_owned(), path, door });
    }
    assert!(ways.len() > 40, "the console's table is not read");
    ways.extend(doors());
    ways
}

/// Method, path and proof of what is asked at a door.
type Asked = &'static [(&'static str, &'static str, By)];

/// The doors of `server/routes.rs` beside the console's, each with what is asked of it.
fn doors() -> Vec<Way> {
    let known: &[(&str, Asked)] = &[
        (
            "Gateway",
            &[
                ("GET", "/t/{target}/…", By::Token),
                ("POST", "/call/{function}", By::Token),
                ("GET", "/tools", By::Token),
                // Its proof is in the form, and nothing of it is in the header.
                ("POST", "/oauth/token", By::Open),
                ("GET", "/oauth/jwks", By::Open),
                ("GET", "/.well-known/oauth-authorization-server", By::Open),
            ],
        ),
        ("Console", &[]),
        // A directory proves itself by a token of its own, and none stands in this configuration.
        ("Scim", &[("GET", "/scim/v2/Users", By::Token)]),
        // Only the demo has it, on this machine.
        ("Demo", &[]),
        ("Health", &[("GET", "/healthz", By::Open)]),
        ("Readiness", &[("GET", "/readyz", By::Open)]),
        ("Metrics", &[("GET", "/metrics", By::Token)]),
        ("ResourceMetadata", &[("GET", "/.well-known/oauth-protected-resource", By::Open)]),
        ("Root", &[("GET", "/", By::Open)]),
    ];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/routes.rs");
    let source = fs::read_to_string(source).unwrap();
    let (_, body) = source.split_once("enum Door {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let there: BTreeSet<&str> = body
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|line| line.chars().all(char::is_alphanumeric))
        .collect();
    let listed: BTreeSet<&str> = known.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        there, listed,
        "the doors of crates/countersign/src/server/routes.rs are not those that are tried: say in \
         crates/countersign/tests/it/roles.rs what is asked at a new one"
    );
    every_path_of_the_gateway_is_among(known[0].1);
    let ways = known.iter().flat_map(|(_, ways)| *ways);
    ways.map(|(method, path, door)| Way {
        method: (*method).to_owned(),
        path: (*path).to_owned(),
        door: *door,
    })
    .collect()
}

/// The paths that the gateway's own sources name are tried: each is how a way in begins.
fn every_path_of_the_gateway_is_among(asked: Asked) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../countersign-gateway/src");
    let mut found = 0;
    for file in rust_below(&sources) {
        let text = fs::read_to_string(&file).unwrap();
        for named in text.split('"').skip(1).step_by(2) {
            let is_path = named.len() > 2
                && named.starts_with('/')
                && named.chars().all(|it| it.is_ascii_lowercase() || "/.-".contains(it));
            if !is_path {
                continue;
            }
            found += 1;
            assert!(
                asked.iter().any(|(_, path, _)| path.starts_with(named)),
                "{} names {named}, which nobody tried as each role: say in \
                 crates/countersign/tests/it/roles.rs what is asked there",
                file.display()
            );
        }
    }
    assert!(found >= 5, "{found} paths: the gateway's sources are not read");
}

fn rust_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_below(&path));
        } else if path.extension().is_some_and(|it| it == "rs")
            && path.file_name().is_none_or(|it| it != "tests.rs")
        {
            found.push(path);
        }
    }
    found
}

/// What comes of it, in a word.
async fn tried(stage: &mut Stage, who: Credential, way: &Way, deed: &Deed) -> &'static str {
    let say = Say::bare(&way.method, &deed.path);
    let answer = match (way.door, who) {
        (By::Page, Credential::Agent) => return "–",
        (By::Page, Credential::Person(subject)) => {
            let say = match &deed.body {
                Body::Form(fields) => {
                    let csrf = stage.browser(subject).await.csrf().await;
                    let mut fields: Vec<(&str, &str)> =
                        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    fields.push(("csrf", &csrf));
                    say.form(&fields)
                }
                Body::None | Body::Json(_) => say,
            };
            let answer = stage.browser(subject).await.say(say).await;
            if way.path == "/console/sign-out" {
                stage.end_browsers();
            }
            answer
        }
        (By::Page, Credential::None) => {
            let say = if way.method == "GET" { say } else { say.form(&[("csrf", "0")]) };
            Connection::once(stage.address(), say).await.unwrap()
        }
        (By::Open | By::Token, _) => {
            let say = match &deed.body {
                Body::Json(body) => say.with(body),
                Body::None | Body::Form(_) => say,
            };
            let say = match stage.token(who) {
                Some(token) if way.door == By::Token => {
                    say.header("authorization", &format!("Bearer {token}"))
                }
                Some(_) | None => say,
            };
            Connection::once(stage.address(), say).await.unwrap()
        }
    };
    let to_sign_in = answer.header("location").starts_with("/console/sign-in?return_to=");
    match answer.status {
        200..=299 => listed(deed, &answer.json()),
        303 | 308 if !to_sign_in => "yes",
        303 | 401 | 403 => "no",
        // Where nobody can have a passkey: who comes so far as to be told, may.
        409 if way.path.contains("/me/passkeys") || way.path.contains("/me/signatures") => "yes",
        // What nobody can do with a campaign as it is, or not who tries it.
        409 | 422 if way.path.contains("/reviews/{id}/") => "no",
        404 => "hidden",
        // A callback that no sign-in waits for; a form without any proof.
        400 if ["/console/sign-in/callback", "/oauth/token"].contains(&way.path.as_str()) => "no",
        // What providers push is believed by its token alone.
        400 | 415 if ["/sign-out/back-channel/{issuer}", "/ssf/events"].contains(&&*way.path) => {
            "no"
        }
        status => panic!("{} {} as {who:?}: {status} {}", way.method, deed.path, answer.text()),
    }
}

/// Of a list: whether somebody sees all that there is, some of it or nothing.
fn listed(deed: &Deed, document: &Value) -> &'static str {
    let Some((list, all)) = deed.list else { return "yes" };
    match document[list].as_array().map_or(0, Vec::len) {
        0 => "nothing",
        seen if seen < all => "some",
        _ => "all",
    }
}

fn is_change(way: &Way) -> bool {
    let looks = [
        "/api/v1/catalog/plan",
        "/api/v1/identity/explain",
        "/console/sign-out",
        "/console/saml/{issuer}/response",
        // A provider's to push, and no person's.
        "/sign-out/back-channel/{issuer}",
        "/ssf/events",
        // A call is the target's to judge, and needs a grant; a token is the agent's to ask for.
        "/call/{function}",
        "/oauth/token",
    ];
    // What a grant would let through is looked at before it is made.
    let looks = looks.contains(&way.path.as_str()) || way.path.ends_with("/preview");
    way.method != "GET" && !looks
}

type Row = ((&'static str, &'static str), Way, Vec<&'static str>);

fn an_auditor_changes_nothing(rows: &[Row]) {
    let column = CAST.iter().position(|it| it.name == "auditor").unwrap();
    let mut changes = 0;
    for (_, way, cells) in rows.iter().filter(|(_, way, _)| is_change(way)) {
        assert_eq!(cells[column], "no", "an auditor may {} {}", way.method, way.path);
        // Nobody has a passkey at an address that is no name: whoever may is told that there is none.
        let is_tried = cells.contains(&"yes") || way.path.contains("/me/passkeys/{id}");
        assert!(is_tried, "nobody may {} {}: is it tried right?", way.method, way.path);
        changes += 1;
    }
    assert!(changes > 12, "{changes} changes were tried");
}

fn the_ledger_names_no_change_by_the_auditor(stage: &cast::Ended) {
    let entries = stage.world.entries();
    let looked = |event: &Event| matches!(event, Event::RecordViewed(_) | Event::ReviewEvidence(_));
    let by_auditor = |event: &Event| {
        serde_json::to_value(event).unwrap().pointer("/by").is_some_and(|it| it == AUDITOR)
    };
    assert!(entries.iter().any(|it| looked(&it.event)), "the ledger is read");
    for entry in entries.iter().filter(|it| !looked(&it.event)) {
        let text = serde_json::to_string(&entry.event).unwrap();
        let by = format!("\"by\":\"{AUDITOR}\"");
        assert!(!text.contains(&by) && !by_auditor(&entry.event), "{text}");
    }
}

fn table(mut rows: Vec<Row>) -> String {
    let mut text = String::from(INTRODUCTION);
    let names: Vec<&str> = CAST.iter().map(|it| it.name).collect();
    let _ = writeln!(text, "| resource | action | way in | by | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|---|---|---|{}", "---|".repeat(names.len()));
    rows.sort();
    for ((resource, action), way, cells) in rows {
        let by = match way.door {
            By::Open => "–",
            By::Page => "page",
            By::Token => "token",
        };
        let cells = cells.join(" | ");
        let _ = writeln!(
            text,
            "| {resource} | {action} | `{} {}` | {by} | {cells} |",
            way.method, way.path
        );
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says whether to write")]
fn compare(table: &str) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/roles.md");
    if std::env::var("UPDATE_EXPECT").is_ok() {
        fs::write(&place, table).unwrap();
    }
    let written = fs::read_to_string(&place).unwrap_or_default();
    if written == table {
        return;
    }
    let (before, now): (BTreeSet<&str>, BTreeSet<&str>) =
        (written.lines().collect(), table.lines().collect());
    let gone: Vec<&&str> = before.difference(&now).collect();
    let new: Vec<&&str> = now.difference(&before).collect();
    panic!(
        "docs/roles.md says other than what the gateway does. It says:\n{gone:#?}\nand it does:\n\
         {new:#?}\nIf that is meant, run this with UPDATE_EXPECT=1 and review the page."
    );
}

const INTRODUCTION: &str = "\
<!-- Measured by a test: UPDATE_EXPECT=1 cargo test -p countersign --test it roles -->
# Who may do what

Every way into a gateway, tried by a stranger and by each role on the real program. The grant, the held
call, the session and the notice of this table are the caller's, and the person is the caller. The agent acts for nobody and has a grant of its
own. The auditor is an owner and an approver too, and a member of the administrators: an auditor changes
nothing, whatever else they are. What somebody may do in an access review is
what they are asked about, whatever their role: here the owner is, and the campaign is the administrator's.

- **yes**: it is done or shown. **no**: refused, or sent to the sign-in.
- **hidden**: answered as if it did not exist.
- **all**, **some**, **nothing**: how much of a list is shown.

";
