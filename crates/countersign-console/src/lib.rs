//! The door for people: pages and the management API.
//!
//! A person signs in through an issuer of the configuration, and a program shows a bearer token;
//! both become an actor, and what an actor may do is judged by governance. Every route stands in
//! one table with its guard ([`routes`]); `routes.md` is that table, written by a test.
//!
//! This crate never forwards a call, never decides what a person may approve or certify, shows
//! recordings only as they were masked, and takes no decision on GET.

mod api;
mod approvals;
mod asker;
mod assets;
mod console;
mod cookie;
mod finish;
mod frame;
mod gate;
mod pages;
mod passkeys;
mod people;
mod problem;
mod proof;
mod pushed;
mod recordings;
mod renewal;
mod return_to;
mod reviews;
mod routes;
mod rules;
mod samples;
mod scim;
mod sealed;
mod sight;
mod strict;
mod text;
mod view;
mod web_session;
mod well_known;

pub use console::{CliDoor, ConsoleParts};
pub use routes::{router, table};
#[doc(hidden)]
pub use samples::{sample_assets, sample_pages};
pub use scim::{ScimParts, ScimProvider, SubjectFrom, scim_router};
