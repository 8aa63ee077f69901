//! A running gateway: what it is made of, its one port, and its end.

pub(crate) mod assembly;
mod body;
mod callers;
mod logging;
pub(crate) mod notices;
mod operations;
mod patient;
mod port;
mod routes;
mod scim;
mod streams;
mod tls;

pub(crate) use assembly::{Assembly, Keys, Setup};
pub(crate) use logging::start as start_logging;
pub(crate) use port::{EndAsked, SaidIn, listen, serve};
pub(crate) use tls::acceptor as tls_acceptor;
