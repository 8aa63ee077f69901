#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    reason = "a test that panics is a test that fails"
)]

//! The gateway with everything real around it: an identity provider, targets, a store, a ledger.

mod children;
mod cut;
mod forward;
mod gone;
mod headers;
mod holds;
mod lab;
mod limits;
mod masks;
mod oauth;
mod protocol;
mod record;
mod resolve;
mod rig;
mod story;
mod tools;
