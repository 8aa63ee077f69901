//! The ledger from outside: real directories, real threads, real processes that are killed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod children;
mod log;
mod place;
mod power;
mod recordings;
mod verify;
mod writer;
