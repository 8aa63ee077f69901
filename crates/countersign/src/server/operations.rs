//! `/healthz`, `/readyz` and `/metrics`: for whoever runs the gateway. Says nothing of calls but
//! numbers.

use super::{
    assembly::Assembly,
    body::{Body, own},
    port::Load,
};
use http::{Response, StatusCode};
use serde_json::json;
use std::{fmt::Write as _, sync::atomic::Ordering};

/// The process runs and answers.
pub(crate) fn health() -> Response<Body> {
    own(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".to_owned())
}

/// Whether calls would be let through: the policy is current, the ledger takes entries, and the
/// gateway is not ending.
pub(crate) fn readiness(assembly: &Assembly, load: &Load) -> Response<Body> {
    let now = assembly.governance.clock().now();
    let policy = assembly.governance.policy().is_current(now);
    let ledger = assembly.ledger.healthy();
    let ending = load.ending.load(Ordering::Relaxed);
    let ready = policy && ledger && !ending;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let issuers: Vec<_> = assembly
        .verifier
        .status()
        .into_iter()
        .map(|it| json!({"name": it.name, "usable": it.usable}))
        .collect();
    let document = json!({
        "ready": ready,
        "policy_current": policy,
        "ledger_writable": ledger,
        "ending": ending,
        // An issuer that is away does not make the gateway unready: tokens of others go on.
        "issuers": issuers,
    });
    own(status, "application/json", format!("{document}\n"))
}

/// The Prometheus text format, version 0.0.4.
pub(crate) fn metrics(assembly: &Assembly, load: &Load) -> Response<Body> {
    let mut out = String::with_capacity(16 * 1024);
    assembly.gateway.metrics(&mut out);
    let now = assembly.governance.clock().now();
    let head = assembly.ledger.try_head();
    let number = |yes: bool| u64::from(yes);
    let epoch = assembly.governance.policy().load().epoch().0;
    let rows = [
        ("connections", "gauge", "Open connections.", load.open.load(Ordering::Relaxed)),
        ("connections_total", "counter", "Connections accepted.", load.all.load(Ordering::Relaxed)),
        ("epoch", "gauge", "The policy's epoch.", epoch),
        (
            "policy_current",
            "gauge",
            "Whether the policy is confirmed.",
            number(assembly.governance.policy().is_current(now)),
        ),
        ("ledger_entries", "counter", "Durable ledger entries.", head.size),
        ("ledger_signed_entries", "counter", "Entries under a checkpoint.", head.checkpoint_size),
        (
            "ledger_writable",
            "gauge",
            "Whether the ledger takes entries.",
            number(assembly.ledger.healthy()),
        ),
    ];
    for (name, kind, help, value) in rows {
        // Writing to a string can't fail.
        let _ = write!(
            out,
            "# HELP countersign_{name} {help}\n# TYPE countersign_{name} {kind}\n\
             countersign_{name} {value}\n"
        );
    }
    let _ = writeln!(out, "# HELP countersign_issuer_usable Whether an issuer's keys are known.");
    let _ = writeln!(out, "# TYPE countersign_issuer_usable gauge");
    for issuer in assembly.verifier.status() {
        let name = escaped(&issuer.name);
        let usable = number(issuer.usable);
        let _ = writeln!(out, "countersign_issuer_usable{{issuer=\"{name}\"}} {usable}");
    }
    let _ = write!(
        out,
        "# HELP countersign_build_info The version that runs.\n\
         # TYPE countersign_build_info gauge\n\
         countersign_build_info{{version=\"{}\",gateway=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION"),
        escaped(assembly.governance.gateway()),
    );
    own(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", out)
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
