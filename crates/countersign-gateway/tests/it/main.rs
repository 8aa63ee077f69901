#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that panics is a test that fails"
)]

//! The gateway with everything real around it: an identity provider, targets, a store, a ledger.

mod lab;
mod story;
