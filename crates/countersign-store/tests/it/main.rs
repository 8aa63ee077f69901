#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]
//! Every case runs on SQLite, and on PostgreSQL when `COUNTERSIGN_TEST_POSTGRES` names a server
//! (see `with-postgres`).

mod approvals;
mod delegates;
mod grants;
mod heard;
mod open;
mod outbox;
mod people;
mod reviews;
mod sessions;
mod stops;
mod unowned;
mod usage;
mod used_once;
mod world;
