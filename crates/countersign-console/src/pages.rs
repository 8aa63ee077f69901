//! One file for each page: what its template is given, and where that comes from.

pub(crate) mod api_keys;
pub(crate) mod approval;
pub(crate) mod approvals;
pub(crate) mod call;
pub(crate) mod catalog;
pub(crate) mod error;
pub(crate) mod function;
pub(crate) mod grant;
pub(crate) mod grant_new;
pub(crate) mod grant_usage;
pub(crate) mod grants;
pub(crate) mod home;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod notice_channels;
pub(crate) mod notice_deliveries;
pub(crate) mod notices;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod saml;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
