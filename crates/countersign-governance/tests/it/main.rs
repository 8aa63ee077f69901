#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics is a test that fails"
)]
//! Every case runs on SQLite, and on PostgreSQL when `COUNTERSIGN_TEST_POSTGRES` names a server
//! (see the store's `tests/with-postgres`).

mod access;
mod api_keys;
mod approvals;
mod catalog;
mod crash;
mod delegates;
#[path = "../../src/evidence/verify/tests/device.rs"]
mod device;
mod directory;
mod directory_groups;
mod evidence;
mod file_grants;
mod gateways;
mod grant_life;
mod grant_requests;
mod grants;
mod history;
mod hoop;
mod notices;
mod numbers;
mod owners;
mod passkeys;
mod policy;
mod reviews;
mod schedules;
mod session_ends;
mod sessions;
mod stops;
mod usage;
mod world;
