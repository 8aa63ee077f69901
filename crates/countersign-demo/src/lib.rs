//! The world that `countersign demo` and the tests call through: an identity provider and two
//! targets full of made-up personal data.
//!
//! Nothing here is fit for real use, and nothing here may be reached by `serve`: the identity
//! provider signs anybody in without a password, and refuses any issuer that is not loopback. This
//! crate opens no port; it hands out routers that work under any path prefix.

pub mod idp;
pub mod people;
pub mod secret;
pub mod targets;
pub mod world;

pub use secret::Secret;

#[cfg(test)]
mod testing;
