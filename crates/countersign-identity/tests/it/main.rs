//! The identity crate against real servers made small: an issuer in this process, and, where one
//! is given, the certified provider of `tests/oidc-provider`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test that panics is a test that fails"
)]

mod api_keys;
mod attack_list;
mod attacks;
mod authorities;
mod cli;
mod cut_offs;
mod directory;
mod dpop;
mod events;
mod explain;
mod forged;
mod http_client;
mod introspection;
mod issuer;
mod key_rotation;
mod logout;
mod oidc_provider;
mod people;
mod renewal;
mod saml;
mod secrecy;
mod signin;
mod signin_attacks;
mod stand_in;
mod workloads;
