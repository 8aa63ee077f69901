//! Arguments of the commands that ask a gateway, and of those that read a ledger.

use clap::{Args, Subcommand, ValueEnum};
use countersign_model::{ApiKeyId, ApprovalId, GrantId, PasskeyId, SessionId, Span, Timestamp};
use std::path::PathBuf;

/// `countersign catalog …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Check the files; asks no gateway
    Check {
        /// The directory with the catalog's files
        #[arg(value_name = "DIR", default_value = "catalog")]
        directory: PathBuf,
    },
    /// Show what applying the files would change, and which grants it touches
    Plan {
        /// The directory with the catalog's files
        #[arg(value_name = "DIR", default_value = "catalog")]
        directory: PathBuf,
    },
    /// Show the plan, ask, and put the files into force
    Apply {
        /// The directory with the catalog's files
        #[arg(value_name = "DIR", default_value = "catalog")]
        directory: PathBuf,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Show the catalog that is in force
    Show {
        /// Only this function or target
        name: Option<String>,
    },
}

/// `countersign grants …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// Let a subject or group call functions
    Add(GrantAddArguments),
    /// List grants
    List(GrantsListArguments),
    /// Show one grant
    Show {
        /// The grant
        id: GrantId,
    },
    /// Confirm that a grant is still needed
    Certify {
        /// The grant
        id: GrantId,
        /// The version that you looked at; by default the one in force
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// End a grant; in force on the next call
    Revoke {
        /// The grant
        id: GrantId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    #[command(flatten)]
    Life(super::GrantLifeCommand),
}

/// `countersign grants add`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("holder").required(true).args(["subject", "group"]))]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["functions", "tags"]))]
pub(crate) struct GrantAddArguments {
    /// Functions by name
    #[arg(value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// Who holds it: one subject
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Who holds it: every member of a group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Functions by tag; can be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Why they need it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// A condition that every call must meet, such as 'args.amount <= 50.0'; can be given more than once
    #[arg(long = "constraint", value_name = "CEL")]
    pub(crate) constraints: Vec<String>,
    /// At most so many calls in so long, such as 100/1h
    #[arg(long, value_name = "CALLS/TIME", value_parser = rate)]
    pub(crate) rate: Option<(u32, Span)>,
    /// When it ends by itself: a date, or a length of time such as 90d
    #[arg(long, value_name = "WHEN", value_parser = end)]
    pub(crate) expires: Option<End>,
}

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At this moment.
    At(Timestamp),
    /// So long from now.
    After(Span),
}

/// `countersign grants list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GrantsListArguments {
    /// Only those that this subject holds itself
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Only those that reach this function
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) function: Option<String>,
    /// Only those in this state
    #[arg(long, value_enum)]
    pub(crate) state: Option<GrantStateArgument>,
}

/// A grant's state, as people filter by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrantStateArgument {
    /// It has not ended
    Active,
    /// It lapses soon
    Due,
    /// Nobody confirmed it in time
    Overdue,
    /// It carries no calls for now
    Suspended,
    /// It was revoked or has expired
    Ended,
}

/// `countersign api-keys …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ApiKeysCommand {
    /// Make a key for an agent, and print it once
    Create {
        /// The agent, as the catalog names it
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
        /// What the key is for, and why a token won't do
        #[arg(long, value_name = "TEXT")]
        purpose: String,
        /// A scope; can be given more than once
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// When it ends: a date, or a length of time
        #[arg(long, value_name = "WHEN", default_value = "30d", value_parser = end)]
        expires: End,
    },
    /// List keys with their last use; never the keys themselves
    List,
    /// End a key
    Revoke {
        /// The key
        id: ApiKeyId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

/// `countersign passkeys …`. They are added in the console, where a browser is.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PasskeysCommand {
    /// List your passkeys, with their last use
    List,
    /// Remove one: it signs nothing any more
    Remove {
        /// The passkey
        id: PasskeyId,
    },
}

/// `countersign approvals …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List calls that wait
    List {
        /// In this state instead of pending; `all` for every state
        #[arg(long, value_name = "STATE", default_value = "pending")]
        state: String,
    },
    /// Show exactly what will run
    Show {
        /// The request; by default the one that waits
        id: Option<ApprovalId>,
    },
    /// Say yes
    Approve {
        /// The request; by default the one that waits
        id: Option<ApprovalId>,
        /// What to add
        #[arg(long, value_name = "TEXT", default_value = "")]
        comment: String,
    },
    /// Say no
    Deny {
        /// The request; by default the one that waits
        id: Option<ApprovalId>,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        comment: String,
    },
}

/// `countersign sessions …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List sessions, newest first
    List {
        /// Only those of this subject, and those in which it acted for another
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 30)]
        limit: u32,
        /// Only those before this one, to page on
        #[arg(long, value_name = "SESSION")]
        before: Option<SessionId>,
    },
    /// Show a session's calls
    Show {
        #[command(flatten)]
        calls: CallsArguments,
    },
    /// Play a session, with the pauses between its calls
    Replay {
        #[command(flatten)]
        calls: CallsArguments,
        /// How many times faster than it was
        #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
        speed: f64,
        /// Do not make pauses longer than this
        #[arg(long, value_name = "TIME", default_value = "3s")]
        pause_max: Span,
    },
}

/// Which calls of a session.
#[derive(Clone, Debug, Args)]
pub(crate) struct CallsArguments {
    /// The session
    pub(crate) id: SessionId,
    /// How many calls at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Where to go on, as an earlier look said
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<String>,
}

/// `countersign ledger …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Verify a ledger's directory, or a copy of it; asks no gateway
    Verify {
        /// The ledger
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The verifier key that it must have, from elsewhere
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
        /// A checkpoint that was kept earlier: finds a ledger that was rolled back or rewritten
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
    },
    /// Print the proof that an entry is in the ledger, or check one
    Proof {
        /// The ledger
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The entry's number
        #[arg(value_name = "INDEX")]
        index: u64,
        /// Check this proof of the entry instead
        #[arg(long, value_name = "FILE", requires = "vkey")]
        check: Option<PathBuf>,
        /// The verifier key to check with
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
    },
    /// Show the head of a gateway's ledger
    Head,
}

/// What is stopped.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhatArguments {
    /// Every call
    #[arg(long)]
    pub(crate) everything: bool,
    /// Calls to a target
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Calls of a function
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) function: Option<String>,
    /// Everything that a subject does
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
}

/// `countersign stop`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StopArguments {
    #[command(flatten)]
    pub(crate) what: WhatArguments,
    /// Why; callers are told
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

/// `countersign resume`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    pub(crate) what: WhatArguments,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

/// `countersign call`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CallArguments {
    /// The function, such as billing.refunds.create
    pub(crate) function: String,
    /// key=text, key:=json, @file.json; texts become numbers where the function's schema wants them
    #[arg(value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
    /// How long to wait for approval, and for the answer after it
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub(crate) timeout: Span,
}

/// A form of tool definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToolFormat {
    /// OpenAI's function tools
    Openai,
    /// Anthropic's tools
    Anthropic,
    /// The Model Context Protocol's tools
    Mcp,
    /// Name, description and input schema
    JsonSchema,
}

/// `countersign login`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoginArguments {
    /// Show a code to type on another device, instead of opening a browser here
    #[arg(long)]
    pub(crate) device: bool,
    /// Sign in with this identity provider, where the gateway knows several
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<String>,
    /// Bind the login to a key, so that its tokens are worth nothing elsewhere; the key is made here and
    /// kept with the login, unless --dpop-key names one
    #[arg(long)]
    pub(crate) dpop: bool,
}

pub(super) fn rate(text: &str) -> Result<(u32, Span), String> {
    let bad = || "write calls and a time, such as 100/1h".to_owned();
    let (calls, per) = text.split_once('/').ok_or_else(bad)?;
    let per: Span = per.parse().map_err(|_| bad())?;
    match calls.parse() {
        Ok(calls) if calls > 0 && per > Span::default() => Ok((calls, per)),
        Ok(_) | Err(_) => Err(bad()),
    }
}

pub(super) fn end(text: &str) -> Result<End, String> {
    let after = text.parse().map(End::After);
    after.or_else(|_| text.parse().map(End::At)).map_err(
        |_: countersign_model::clock::BadTimestamp| {
            "write a date such as 2027-01-31, or a length of time such as 90d".to_owned()
        },
    )
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=1_000.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("a number from 0.01 to 1000".to_owned()),
    }
}
