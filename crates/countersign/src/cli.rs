//! The command line as typed. What it means is each command's affair.

mod client;
mod evidence;
mod identity;
mod life;
mod notices;
mod people;
mod reviews;
mod server;
mod token;

pub(crate) use client::{
    ApiKeysCommand, ApprovalsCommand, CallArguments, CallsArguments, CatalogCommand, End,
    GrantAddArguments, GrantsCommand, GrantsListArguments, LedgerCommand, LoginArguments,
    PasskeysCommand, ResumeArguments, SessionsCommand, StopArguments, ToolFormat, WhatArguments,
};
pub(crate) use evidence::{EvidenceCommand, ReviewEvidenceCommand};
pub(crate) use identity::{IdentityCommand, IdentityTestArguments};
pub(crate) use life::{
    AccessCommand, AccessDenyArguments, GrantApproveArguments, GrantLifeCommand,
    GrantPreviewArguments, GrantRequestArguments, GrantTermsArguments, GrantTransferArguments,
};
pub(crate) use notices::NoticesCommand;
pub(crate) use people::{PeopleCommand, PeopleListArguments};
pub(crate) use reviews::{
    AnswerArguments, CoversArgument, DelegatesCommand, ItemsArguments, OpenArguments,
    ReviewsCommand, VerdictArgument,
};
pub(crate) use server::{DemoArguments, InitArguments, SchemaOf};
pub(crate) use token::{TokenCommand, TokenExchangeArguments};

use crate::exit;
use clap::{Args, Parser, Subcommand};
use countersign_identity::Hidden;
use std::path::PathBuf;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    about = "Every function call is backed by a reviewed grant, or it does not run.",
    after_help = exit::HELP,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command that asks a gateway understands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shared {
    /// The gateway to ask; by default the one of the last login
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_SERVER",
        value_name = "URL",
        help_heading = "Asking a gateway"
    )]
    pub(crate) server: Option<String>,
    /// A token to show instead of a login's
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_TOKEN",
        hide_env_values = true,
        value_parser = hidden,
        value_name = "TOKEN",
        help_heading = "Asking a gateway"
    )]
    pub(crate) token: Option<Hidden>,
    /// The key that the token is bound to, or that a new one is to be bound to (DPoP)
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_DPOP_KEY",
        value_name = "FILE",
        help_heading = "Asking a gateway"
    )]
    pub(crate) dpop_key: Option<PathBuf>,
    /// Write JSON instead of tables and sentences
    #[arg(long, global = true, help_heading = "Asking a gateway")]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything in one process, with made-up people and data
    Demo(DemoArguments),
    /// Run a gateway
    Serve {
        /// The configuration
        #[arg(long, short, value_name = "FILE", default_value = "countersign.yaml")]
        config: PathBuf,
    },
    /// Check configuration and catalog; touches nothing
    Check {
        /// The configuration
        #[arg(long, short, value_name = "FILE", default_value = "countersign.yaml")]
        config: PathBuf,
        /// Print the issuers instead, with what their presets filled in
        #[arg(long)]
        show_issuers: bool,
    },
    /// Write a first configuration, key and catalog
    Init(InitArguments),
    /// Print the JSON Schema of a kind of file
    Schema {
        /// Which kind of file
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Check, plan, apply and show the catalog
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Who may call what, and who confirmed it
    #[command(subcommand)]
    Grants(GrantsCommand),
    /// Why somebody may call a function or may not, and what is denied
    #[command(subcommand)]
    Access(AccessCommand),
    /// Keys of agents that can get no token
    #[command(subcommand)]
    ApiKeys(ApiKeysCommand),
    /// Your own passkeys: what you sign reviews with
    #[command(subcommand)]
    Passkeys(PasskeysCommand),
    /// Calls that wait for a human
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Campaigns in which people decide whether each grant is still needed
    #[command(subcommand)]
    Reviews(ReviewsCommand),
    /// What was recorded
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Who is known here, and what they have
    #[command(subcommand)]
    People(PeopleCommand),
    /// What you were told, and whether it arrives
    #[command(subcommand)]
    Notices(NoticesCommand),
    /// Verify evidence of an access review, offline
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Who stands in for whom in reviews
    #[command(subcommand)]
    Delegates(DelegatesCommand),
    /// Verify the ledger, offline
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Stop calls at once, or suspend a subject
    Stop(StopArguments),
    /// Let stopped calls go on
    Resume(ResumeArguments),
    /// Call a function
    Call(CallArguments),
    /// List what you may call, as tool definitions
    Tools {
        /// The form of the definitions
        #[arg(long, value_enum)]
        format: Option<ToolFormat>,
    },
    /// Sign in
    Login(LoginArguments),
    /// Forget the login, and revoke its tokens at the identity provider
    Logout,
    /// Show who you are to the gateway, what you are there, and why
    Whoami,
    /// How tokens are judged
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Tokens with which agents act for people
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// A token that is never printed, not even while debugging.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
fn hidden(text: &str) -> Result<Hidden, std::convert::Infallible> {
    Ok(Hidden::new(text.trim()))
}

#[cfg(test)]
mod tests;
