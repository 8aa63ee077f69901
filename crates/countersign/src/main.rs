//! The binary: reads the command line and hands over to one command. Wiring, the clock, the
//! environment and the terminal live in this crate; no rule of access does.

mod api;
mod arguments;
mod catalog_files;
mod cli;
mod client_key;
mod clock;
mod commands;
mod config;
mod exit;
mod login;
mod output;
mod plan;
mod proxies;
mod replay;
mod server;
mod suggest;
mod table;
mod yaml;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    countersign_identity::install_crypto();
    match commands::run(cli::Cli::parse()) {
        Ok(()) => exit::Exit::Done.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit().into()
        }
    }
}
