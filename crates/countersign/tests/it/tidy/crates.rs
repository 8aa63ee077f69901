//! Which crate may import what. The table of `ARCHITECTURE.md`, as a test.

use super::{files, none, read};
use std::{collections::BTreeMap, process::Command};

/// Our crates, from the ground up, and what each may import of ours. A crate that is not here does
/// not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("mask", &[]),
    ("ledger", &[]),
    ("store", &["model", "ledger"]),
    ("identity", &["model"]),
    ("telemetry", &["model", "identity"]),
    ("governance", &["model", "ledger", "store", "identity"]),
    ("notify", &["model", "identity", "governance"]),
    ("gateway", &["model", "mask", "ledger", "store", "identity", "telemetry", "governance"]),
    ("console", &["model", "mask", "ledger", "store", "identity", "governance"]),
    ("demo", &["model", "store", "governance"]),
    (
        "countersign",
        &[
            "model",
            "mask",
            "ledger",
            "store",
            "identity",
            "telemetry",
            "governance",
            "notify",
            "gateway",
            "console",
            "demo",
        ],
    ),
];

/// Libraries that have a home: whoever else wants one asks the crate that wraps it.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("jsonwebtoken", &["identity"]),
    ("lettre", &["notify"]),
    ("askama", &["console"]),
    // The binary only mounts the routers of the other two.
    ("axum", &["console", "demo", "countersign"]),
    // Calls to targets, and identity's own small client.
    ("hyper-rustls", &["gateway", "identity"]),
    ("brotli-decompressor", &["gateway"]),
    ("zstd", &["gateway", "ledger"]),
    ("cel", &["model"]),
    ("jsonschema", &["model"]),
    ("jiff", &["model"]),
    ("ryu", &["model"]),
    ("memchr", &["mask"]),
    ("clap", &["countersign"]),
    ("clap_complete", &["countersign"]),
    ("mimalloc", &["countersign"]),
    ("tokio-rustls", &["countersign"]),
    ("tracing-subscriber", &["countersign"]),
];

/// What must not import these can do no I/O of that kind. `tokio` in the ledger is for its channels.
const NEVER: &[(&str, &[&str])] = &[
    ("model", &["tokio", "hyper", "http", "axum", "sqlx", "rand", "reqwest", "tracing", "url"]),
    ("mask", &["tokio", "hyper", "http", "axum", "sqlx", "rand", "reqwest", "tracing", "serde"]),
    ("ledger", &["hyper", "http", "axum", "sqlx", "rand", "reqwest", "serde", "serde_json"]),
    ("console", &["hyper", "hyper-util", "hyper-rustls"]),
];

/// What the sources of some crates must not mention, tests apart: what a dependency table can't see.
const NEVER_MENTIONED: &[(&str, &[&str])] = &[
    ("model", &["std::fs", "std::net", "std::process", "std::thread", "std::env"]),
    // `std::net` has the textual form of IPv6, and no more is wanted of it.
    (
        "mask",
        &[
            "std::fs",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "std::process",
            "std::thread",
            "std::env",
        ],
    ),
    ("ledger", &["std::net", "std::process", "std::env", "tokio::net", "tokio::time"]),
    ("gateway", &["std::fs", "std::process", "sqlx::"]),
    ("console", &["std::process", "countersign_gateway"]),
];

/// The full name of one of our crates.
fn package(short: &str) -> String {
    if short == "countersign" { short.to_owned() } else { format!("countersign-{short}") }
}

/// A crate's dependencies: name and kind.
type Dependencies = Vec<(String, Kind)>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Shipped.
    Normal,
    /// For tests and benches.
    Dev,
}

pub(super) fn third_parties() -> Vec<String> {
    let mut names: Vec<String> = dependencies()
        .into_values()
        .flatten()
        .map(|(name, _)| name)
        .filter(|it| !is_ours(it))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn is_ours(name: &str) -> bool {
    name == "countersign" || name.starts_with("countersign-")
}

fn dependencies() -> BTreeMap<String, Dependencies> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(super::root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let all = all.map(|it| {
                let kind = if it["kind"] == "dev" { Kind::Dev } else { Kind::Normal };
                (it["name"].as_str().unwrap().to_owned(), kind)
            });
            (package["name"].as_str().unwrap().to_owned(), all.collect())
        })
        .collect()
}

#[test]
fn crates_import_only_what_they_may() {
    let all = dependencies();
    let mut faults = Vec::new();
    for (short, _) in MAY_IMPORT {
        if !all.contains_key(&package(short)) {
            faults.push(format!("{} is in the table, but not in the workspace", package(short)));
        }
    }
    for (name, dependencies) in &all {
        let Some((_, may)) = MAY_IMPORT.iter().find(|(short, _)| package(short) == *name) else {
            faults.push(format!("{name} is in the workspace, but not in the table"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let allowed = may.iter().any(|it| package(it) == *dependency);
            // Tests may stand higher up: the gateway's use the demo's identity provider.
            if is_ours(dependency) && *kind == Kind::Normal && !allowed {
                faults.push(format!("{name} must not import {dependency}"));
            }
        }
    }
    none(&faults);
}

#[test]
fn heavy_libraries_live_in_one_home() {
    let mut faults = Vec::new();
    for (name, dependencies) in dependencies() {
        for (dependency, kind) in dependencies {
            let home = HOMES.iter().find(|(library, _)| *library == dependency);
            let homeless = home.is_some_and(|(_, at)| !at.iter().any(|it| package(it) == name));
            let never = NEVER
                .iter()
                .any(|(it, never)| package(it) == name && never.contains(&dependency.as_str()));
            if kind == Kind::Normal && (homeless || never) {
                faults.push(format!("{name} must not import {dependency}"));
            }
        }
    }
    none(&faults);
}

#[test]
fn pure_crates_reach_for_nothing() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|it| it.ends_with(".rs") && !it.is_test()) {
        for (short, never) in NEVER_MENTIONED {
            if !file.path.starts_with(&format!("crates/{}/src/", package(short))) {
                continue;
            }
            for (number, line) in file.text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                let mentioned = never.iter().filter(|it| code.contains(**it));
                faults.extend(mentioned.map(|it| format!("{}:{}: {it}", file.path, number + 1)));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_crate_has_the_lints_and_no_private_version() {
    let mut faults = Vec::new();
    for (short, _) in MAY_IMPORT {
        let path = format!("crates/{}/Cargo.toml", package(short));
        let text = read(&path);
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{path}: has no `[lints] workspace = true`"));
        }
        let versioned =
            text.lines().filter(|it| it.contains("version = \"") && it.contains(" = {"));
        faults.extend(versioned.map(|it| format!("{path}: versions stand in the root: {it}")));
    }
    none(&faults);
}

#[test]
fn every_fuzz_target_is_built() {
    let manifest = read("fuzz/Cargo.toml");
    let mut faults = Vec::new();
    for file in files().iter().filter(|it| it.path.starts_with("fuzz/fuzz_targets/")) {
        let path = file.path.trim_start_matches("fuzz/");
        if !manifest.contains(&format!("path = \"{path}\"")) {
            faults.push(format!("{}: is not in fuzz/Cargo.toml", file.path));
        }
    }
    none(&faults);
}
