//! The binary from outside, and the house around the code.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod tidy;
