//! `/healthz`, `/readyz` and `/metrics`: for whoever runs the gateway. Says nothing of calls but
//! numbers.

mod reviews;

use super::{
    assembly::Assembly,
    body::{Body, own},
    port::Load,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_identity::{ForgedCounts, Hidden};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use std::{fmt::Write as _, net::IpAddr, sync::atomic::Ordering};

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
    let streams: Vec<_> = assembly
        .streams
        .status()
        .into_iter()
        .map(|it| {
            json!({"name": it.name, "silent_seconds": it.silent_seconds, "silent": it.is_silent})
        })
        .collect();
    let document = json!({
        "ready": ready,
        "policy_current": policy,
        "ledger_writable": ledger,
        "ending": ending,
        // An issuer that is away does not make the gateway unready: tokens of others go on.
        "issuers": issuers,
        // Nor does a transmitter that says nothing.
        "event_transmitters": streams,
    });
    own(status, "application/json", format!("{document}\n"))
}

/// From where a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This machine.
    Here,
    /// Another one.
    Elsewhere,
}

impl Origin {
    pub(crate) fn address(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Here } else { Self::Elsewhere }
    }
}

/// Metrics, for whoever may read them: who shows the token, or, where none is configured, who asks
/// from this machine and not through a proxy.
pub(crate) fn metrics_for(
    assembly: &Assembly,
    load: &Load,
    from: Origin,
    headers: &HeaderMap,
) -> Response<Body> {
    match may_read(assembly.metrics_token.as_ref(), from, headers) {
        Ok(()) => metrics(assembly, load),
        Err(Closed::Token) => {
            let text = "metrics ask for the token of `metrics.token`\n".to_owned();
            let mut response = own(StatusCode::UNAUTHORIZED, PLAIN, text);
            let challenge = HeaderValue::from_static("Bearer realm=\"metrics\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        Err(Closed::Elsewhere) => {
            let text = "metrics are for this machine; to read them from elsewhere, set \
                        `metrics.token` in the configuration\n";
            own(StatusCode::FORBIDDEN, PLAIN, text.to_owned())
        }
    }
}

/// Why metrics are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    Token,
    Elsewhere,
}

fn may_read(token: Option<&Hidden>, from: Origin, headers: &HeaderMap) -> Result<(), Closed> {
    let Some(token) = token else {
        // What came through a proxy on this machine came from anywhere.
        let passed_on = PROXIES.iter().any(|name| headers.contains_key(*name));
        let here = from == Origin::Here && !passed_on;
        return if here { Ok(()) } else { Err(Closed::Elsewhere) };
    };
    let shown = countersign_identity::bearer_token(headers).map_err(|_| Closed::Token)?;
    verify_slices_are_equal(shown.as_bytes(), token.reveal().as_bytes()).map_err(|_| Closed::Token)
}

/// What proxies write into the requests that they pass on.
const PROXIES: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
const PLAIN: &str = "text/plain; charset=utf-8";

/// The Prometheus text format, version 0.0.4.
fn metrics(assembly: &Assembly, load: &Load) -> Response<Body> {
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
    write_forged(&mut out, assembly.verifier.forged());
    write_streams(&mut out, assembly);
    write_usage(&mut out, assembly);
    reviews::write(&mut out, assembly.governance.review_gauges().as_deref());
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

/// How far counting of use is behind the ledger.
fn write_usage(out: &mut String, assembly: &Assembly) {
    let usage = assembly.governance.usage_progress();
    let lag = assembly.governance.clock().now().since(usage.counted_until);
    let lag = match usage.entries {
        // Nothing was looked at yet: how late that is says `lag_entries`.
        0 => 0,
        _ => u64::try_from(lag.millis() / 1000).unwrap_or(0),
    };
    for (name, kind, help, value) in [
        ("counted_entries", "counter", "Ledger entries that use is counted of.", usage.entries),
        ("lag_entries", "gauge", "Signed entries that use is not counted of.", usage.behind),
        ("lag_seconds", "gauge", "How late counting of use is.", lag),
        (
            "arguments_missed_total",
            "counter",
            "Calls whose arguments were not seen because too many waited.",
            usage.arguments_missed,
        ),
    ] {
        let name = format!("countersign_usage_{name}");
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
}

/// What a flood of forged tokens comes to.
fn write_forged(out: &mut String, counts: ForgedCounts) {
    let name = "countersign_forged_tokens_total";
    let _ =
        writeln!(out, "# HELP {name} Tokens refused for their signature, or beyond the budget.");
    let _ = writeln!(out, "# TYPE {name} counter");
    for (how, count) in [
        ("checked", counts.checked),
        ("remembered", counts.remembered),
        ("over_address", counts.over_address),
        ("over_all", counts.over_all),
    ] {
        let _ = writeln!(out, "{name}{{how=\"{how}\"}} {count}");
    }
}

/// Only where somebody pushes security events.
fn write_streams(out: &mut String, assembly: &Assembly) {
    let streams = assembly.streams.status();
    if streams.is_empty() {
        return;
    }
    for (name, help) in [
        ("silent_seconds", "How long no security event came from a transmitter."),
        ("silent", "Whether that is longer than expected."),
    ] {
        let _ = writeln!(out, "# HELP countersign_event_transmitter_{name} {help}");
        let _ = writeln!(out, "# TYPE countersign_event_transmitter_{name} gauge");
        for stream in &streams {
            let value = match name {
                "silent" => i64::from(stream.is_silent),
                _ => stream.silent_seconds,
            };
            let label = escaped(&stream.name);
            let _ = writeln!(
                out,
                "countersign_event_transmitter_{name}{{transmitter=\"{label}\"}} {value}"
            );
        }
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
