//! The management API: one file for each noun. JSON in, strictly; JSON out; errors as
//! `application/problem+json` with a code and a next step.

pub(crate) mod access;
pub(crate) mod api_keys;
pub(crate) mod approvals;
pub(crate) mod catalog;
pub(crate) mod delegates;
pub(crate) mod denials;
pub(crate) mod evidence;
pub(crate) mod grant_life;
pub(crate) mod grant_requests;
pub(crate) mod grants;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod me;
pub(crate) mod notices;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod reviews;
pub(crate) mod sessions;
pub(crate) mod stops;
