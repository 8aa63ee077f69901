//! What is written to standard error while a gateway runs. Crates of others are heard from the
//! level of warnings on; none of ours logs payloads or tokens.

use crate::config::raw::{LogFormat, LogLevel, RawLogging};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging. A second start changes nothing.
pub(crate) fn start(logging: &RawLogging) {
    let level = match logging.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let others = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{others},countersign={level}"));
    // A line's own `target` is what a call is for; the module's name would stand beside it.
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match logging.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A subscriber that is there already stays.
    drop(started);
}
