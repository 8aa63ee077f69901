//! The papers say what is: links lead somewhere, named tests exist, and the pages that are made from
//! the code are up to date.

use super::{crates::third_parties, files, none, read, root};
use countersign_model::Reason;
use http::StatusCode;
use std::{collections::BTreeSet, fmt::Write as _, fs};

/// A link in a Markdown text: `[label](target)`.
struct Link<'a> {
    label: &'a str,
    target: &'a str,
}

fn links(text: &str) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let Some(end) = line[at..].find(')') else { continue };
            let start = line[..at].rfind('[').map_or(0, |it| it + 1);
            found.push(Link { label: &line[start..at], target: &line[at + 2..at + end] });
        }
    }
    found
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|it| it.starts_with('#'));
    headings.map(|it| anchor(it.trim_start_matches('#'))).collect()
}

#[test]
fn links_lead_somewhere_and_named_tests_exist() {
    for page in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/threats.md"]
    {
        assert!(!links(&read(page)).is_empty(), "{page} has no links, or they are not read");
    }
    let mut faults = Vec::new();
    for page in files().iter().filter(|it| it.ends_with(".md")) {
        let directory = page.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for Link { label, target } in links(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let text = if path.is_empty() {
                page.text.clone()
            } else {
                let place = root().join(directory).join(path);
                if place.is_dir() {
                    continue;
                }
                let Ok(text) = fs::read_to_string(place) else {
                    faults.push(format!("{}: there is no {target}", page.path));
                    continue;
                };
                text
            };
            if !fragment.is_empty() && !anchors(&text).contains(fragment) {
                faults.push(format!("{}: there is no heading for {target}", page.path));
            }
            let test = label.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
            let test = test.filter(|it| path.ends_with(".rs") && !it.contains(['/', '.', ':']));
            if let Some(test) = test.filter(|it| !text.contains(&format!("fn {it}("))) {
                faults.push(format!("{}: {path} has no test {test}", page.path));
            }
        }
    }
    none(&faults);
}

/// Paths that a text names in backticks, from the workspace's root.
#[test]
fn places_that_the_papers_name_exist() {
    let starts = ["crates/", "docs/", "catalog/", "deploy/", "fuzz/", "bench/", ".ci/"];
    let mut faults = Vec::new();
    for page in files().iter().filter(|it| it.ends_with(".md")) {
        for named in page.text.split('`').skip(1).step_by(2) {
            let is_path = starts.iter().any(|it| named.starts_with(it))
                && !named.contains([' ', '\n', '*', '{', '<', '…']);
            if is_path && !root().join(named).exists() {
                faults.push(format!("{}: there is no {named}", page.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_dependency_has_its_line() {
    let page = read("docs/decisions/dependencies.md");
    let lines = page.lines().filter_map(|it| it.strip_prefix("| `"));
    let listed: BTreeSet<&str> = lines.filter_map(|it| it.split('`').next()).collect();
    let third_parties = third_parties();
    let used: BTreeSet<&str> = third_parties.iter().map(String::as_str).collect();
    let mut faults: Vec<String> =
        used.difference(&listed).map(|it| format!("{it} has no line")).collect();
    faults.extend(listed.difference(&used).map(|it| format!("{it} is not used any more")));
    none(&faults);
}

#[test]
fn every_decision_is_in_the_list() {
    let list = read("docs/decisions/README.md");
    let mut faults = Vec::new();
    for page in files().iter().filter(|it| it.path.starts_with("docs/decisions/0")) {
        let name = page.path.rsplit('/').next().unwrap_or_default();
        if !list.contains(&format!("({name})")) {
            faults.push(format!("{name} is not in docs/decisions/README.md"));
        }
    }
    none(&faults);
}

/// `UPDATE_EXPECT=1 cargo test` writes the page anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the test says whether to write")]
fn the_page_of_reason_codes_is_up_to_date() {
    let path = "docs/manual/reason-codes.md";
    let mut page = String::from(
        "<!-- Made from `Reason` by a test: UPDATE_EXPECT=1 cargo test -p countersign --test it reason_codes -->\n\
         # Reason codes\n\n\
         Every answer of the gateway carries one of these in the header `countersign-reason`, and every\n\
         outcome and refusal in the ledger. A refusal has it as `code` too, but for `unidentified`, where\n\
         `code` says what is wrong with the token. They are stable: programs may match on them. They stand\n\
         in the order in which a call can meet them. The status is that of a refusal; a call that ran has\n\
         its target's, and a streamed answer that breaks off has had it before.\n\n\
         | code | status | what it means |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let status = match countersign_gateway::status(*reason) {
            StatusCode::OK => "–".to_owned(),
            status => status.as_u16().to_string(),
        };
        writeln!(page, "| `{}` | {status} | {} |", reason.code(), reason.meaning()).unwrap();
    }
    let place = root().join(path);
    if std::env::var("UPDATE_EXPECT").is_ok() {
        fs::write(&place, &page).unwrap();
    }
    let written = fs::read_to_string(&place).unwrap_or_default();
    assert!(written == page, "{path} is not what the code says: run with UPDATE_EXPECT=1");
}
