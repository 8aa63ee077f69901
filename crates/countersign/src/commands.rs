//! One file for each command; here only which is meant.

mod access;
mod api_keys;
mod approvals;
mod call;
mod catalog;
mod check;
mod completions;
mod delegates;
pub(crate) mod demo;
mod evidence;
mod grant_life;
mod grant_preview;
mod grant_usage;
mod grants;
mod identity;
mod init;
mod ledger;
mod notices;
mod passkeys;
mod people;
mod reviews;
mod schema;
mod serve;
mod sessions;
mod signin;
mod stops;
mod token;
mod tools;
mod whoami;

use crate::{
    cli::{Cli, Command, IdentityCommand, TokenCommand},
    exit::Failure,
    output::plain,
};
use serde_json::Value;
use std::future::Future;

/// Runs a command.
///
/// # Errors
/// How it failed.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { shared, command } = cli;
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Serve { config } => serve::run(&config),
        Command::Check { config, show_issuers: true } => check::show_issuers(&config, &shared),
        Command::Check { config, show_issuers: false } => check::run(&config, &shared),
        Command::Init(arguments) => init::run(&arguments),
        Command::Schema { of } => schema::run(of),
        Command::Catalog(command) => catalog::run(command, &shared),
        Command::Grants(command) => alone(grants::run(command, &shared)),
        Command::Access(command) => alone(access::run(command, &shared)),
        Command::ApiKeys(command) => alone(api_keys::run(command, &shared)),
        Command::Passkeys(command) => alone(passkeys::run(command, &shared)),
        Command::Approvals(command) => alone(approvals::run(command, &shared)),
        Command::Reviews(command) => alone(reviews::run(command, &shared)),
        Command::Sessions(command) => alone(sessions::run(command, &shared)),
        Command::People(command) => alone(people::run(command, &shared)),
        Command::Notices(command) => alone(notices::run(command, &shared)),
        Command::Evidence(command) => evidence::run(command, &shared),
        Command::Delegates(command) => alone(delegates::run(command, &shared)),
        Command::Ledger(command) => ledger::run(command, &shared),
        Command::Stop(arguments) => alone(stops::stop(arguments, &shared)),
        Command::Resume(arguments) => alone(stops::resume(arguments, &shared)),
        Command::Call(arguments) => alone(call::run(arguments, &shared)),
        Command::Tools { format } => alone(tools::run(format, &shared)),
        Command::Login(arguments) => alone(signin::login(arguments, &shared)),
        Command::Logout => alone(signin::logout(&shared)),
        Command::Whoami => alone(whoami::run(&shared)),
        Command::Token(TokenCommand::Exchange(arguments)) => {
            alone(token::exchange(arguments, &shared))
        }
        Command::Token(TokenCommand::Key { file }) => token::key(&file, &shared),
        Command::Identity(IdentityCommand::Test(arguments)) => {
            alone(identity::test(arguments, &shared))
        }
        Command::Completions { shell } => completions::run(shell),
    }
}

/// Runs a command that asks a gateway, on this thread.
fn alone(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("can't start: {error}")))?;
    runtime.block_on(command)
}

/// A text of an answer, made plain; empty if there is none.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => plain(text),
        Some(Value::Null) | None => String::new(),
        Some(other) => plain(&other.to_string()),
    }
}

/// A list of an answer; empty if there is none.
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A list of texts of an answer, in one line.
fn joined(value: &Value, pointer: &str) -> String {
    let items = list(value, pointer).iter().map(|item| text(item, ""));
    items.collect::<Vec<_>>().join(", ")
}

/// A moment as people read it: to the second, UTC.
fn moment(text: &str) -> String {
    match text.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => text.to_owned(),
    }
}
