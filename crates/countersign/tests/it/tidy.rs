//! Keeps the house as `ARCHITECTURE.md` draws it. A rule that no test enforces is a wish.
#![expect(clippy::panic, clippy::string_slice, reason = "a test that panics is a test that fails")]

mod crates;
mod papers;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file of the workspace.
#[derive(Debug)]
struct File {
    /// From the root, with slashes.
    path: String,
    text: String,
}

impl File {
    fn ends_with(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }

    /// Whether it is Rust that only tests see.
    fn is_test(&self) -> bool {
        ["/tests/", "/benches/", "/fuzz_targets/"].iter().any(|it| self.path.contains(it))
            || self.ends_with("/tests.rs")
            || self.ends_with("/testing.rs")
    }
}

/// Everything below the root that people wrote, as far as it is text.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    assert!(found.len() > 200, "only {} files: is this the workspace?", found.len());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What is made and not written.
fn is_made(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, ".git" | "target" | "node_modules" | "Cargo.lock")
        || matches!(path, "fuzz/corpus" | "fuzz/artifacts" | "bench/results" | "countersign-demo")
        // Python packages that tests run.
        || path == "crates/countersign-notify/tests/mail-server/site"
        || path.ends_with(".log")
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if is_made(&path) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &path, found);
        } else if let Ok(text) = String::from_utf8(fs::read(entry.path()).unwrap()) {
            found.push(File { path, text });
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with every fault on a line of its own.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
