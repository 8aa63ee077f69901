//! The console with everything real behind it: the demo's identity provider on a port of its own,
//! SQLite, a ledger on disk.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that panics is a test that fails"
)]

mod api_keys;
mod approvals;
mod everyone;
mod grant_life;
mod grants;
mod identity;
mod notices;
mod passkeys;
mod people;
mod recordings;
mod reviews;
mod saml;
mod schedules;
mod scim;
mod scim_groups;
mod session_ends;
mod sessions;
mod sign_in;
mod sign_in_attacks;
mod world;
