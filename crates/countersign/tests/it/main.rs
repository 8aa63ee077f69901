//! Runs the binary as people do.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that panics is a test that fails"
)]

mod agent_keys;
mod bound;
mod browser;
mod cli;
mod crash;
mod doors;
mod failures;
mod forged;
mod identity;
mod lab;
mod large;
mod metrics;
mod notices;
mod people;
mod roles;
mod saml;
mod secrecy;
mod sessions;
mod tidy;
mod traces;
mod usage;
