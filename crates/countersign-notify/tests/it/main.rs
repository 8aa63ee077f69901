#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]
//! Each channel with something real at its other end: a mail server of others, receivers that check what
//! they get as the services document it, the reference implementation of Standard Webhooks.

mod mail;
mod receiver;
mod rooms;
mod webhooks;
mod world;
