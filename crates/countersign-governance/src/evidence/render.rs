//! All files of a pack, from its facts: the same facts, the same bytes.

use super::{
    archive::Files,
    controls,
    facts::Facts,
    lines::{document, joined},
    page, tables,
};
use countersign_model::Digest;
use serde_json::json;
use std::fmt::Write as _;

/// The files that follow from the facts, sums included.
pub(crate) fn files(facts: &Facts) -> Files {
    let mut files = facts.files();
    let campaign = &facts.campaign;
    let made: [(&str, String); 14] = [
        ("README.txt", readme(facts)),
        ("addenda.json", joined(&campaign.addenda)),
        ("against_recommendation.csv", tables::against(facts)),
        ("controls.json", joined(&controls::CONTROLS)),
        ("controls.md", controls::markdown()),
        ("decisions.csv", tables::decisions(facts)),
        ("made_meanwhile.csv", tables::made_meanwhile(facts)),
        ("notices.csv", tables::notices(facts)),
        ("population.csv", tables::population(facts)),
        ("population.json", document(&tables::counts(facts))),
        ("remediation.csv", tables::remediation(facts)),
        ("report.html", page::html_page(facts)),
        ("sign_offs.json", joined(&campaign.sign_offs)),
        ("verify.py", VERIFIER.to_owned()),
    ];
    files.extend(made.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    files.insert(MANIFEST.to_owned(), manifest(facts, &files).into_bytes());
    files.insert(LINES.to_owned(), line_sums(&files).into_bytes());
    files.insert(SUMS.to_owned(), sums(&files).into_bytes());
    files
}

/// What the pack is, and its files.
fn manifest(facts: &Facts, files: &Files) -> String {
    let unproven = facts.entries.iter().filter(|it| it.proof.is_none()).count();
    let listed: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            let sha256 = Digest::of(bytes);
            document(&json!({"name": name, "bytes": bytes.len(), "sha256": sha256}))
        })
        .collect();
    let what = json!({
        "form": FORM,
        "what": "evidence of an access review",
        "product": "countersign",
        "version": VERSION,
        "campaign": facts.campaign.id,
        "title": facts.campaign.title,
        "state": facts.campaign.state.name(),
        "items": facts.items.len(),
        "entries": facts.entries.len(),
        "entries_without_proof": unproven,
    });
    let listed: Vec<&str> = listed.iter().map(|it| it.trim_end()).collect();
    format!(
        "{{\"pack\":{},\n\"files\":[\n{}\n]}}\n",
        document(&what).trim_end(),
        listed.join(",\n")
    )
}

/// The sums of all files but itself, as `sha256sum -c` takes them.
pub(crate) fn sums(files: &Files) -> String {
    let mut text = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != SUMS) {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}  {name}", Digest::of(bytes));
    }
    text
}

/// A short sum of each line, so that what was changed is found by its line. What was changed on
/// purpose is found by the other sums, and by the ledger.
pub(crate) fn line_sums(files: &Files) -> String {
    let mut text = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != SUMS && *name != LINES) {
        text.push_str(name);
        for line in lines(bytes) {
            text.push(' ');
            text.extend(Digest::of(line).to_string().chars().take(LINE_SUM_CHARS));
        }
        text.push('\n');
    }
    text
}

/// The lines of a file, without their line feeds; what follows the last one is a line too.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|it| *it == b'\n')
}

fn readme(facts: &Facts) -> String {
    README
        .replace("{campaign}", &facts.campaign.id.to_string())
        .replace("{title}", &plain(&facts.campaign.title))
        .replace("{version}", VERSION)
}

/// On one line, without what a terminal obeys.
fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// The version of the pack's form.
pub(crate) const FORM: u32 = 1;
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SUMS: &str = "SHA256SUMS";
pub(crate) const LINES: &str = "LINESUMS";
/// Hexadecimal digits of the sum of a line.
const LINE_SUM_CHARS: usize = 8;
const README: &str = include_str!("README.txt");
/// The verifier that needs no product.
pub(crate) const VERIFIER: &str = include_str!("verify.py");
