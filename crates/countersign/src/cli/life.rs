//! Arguments of what becomes of a grant, of asking for one, and of `countersign access`.

use super::client::{End, end, rate};
use clap::{Args, Subcommand};
use countersign_model::{DenialId, GrantId, GrantRequestId, Span};

/// `countersign grants …`, after a grant was made or before.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GrantLifeCommand {
    /// Have a grant permit less; in force on the next call
    Narrow(GrantTermsArguments),
    /// Have a grant permit something else; it is to be certified anew
    Change(GrantTermsArguments),
    /// Give a grant another end
    Renew {
        /// The grant
        id: GrantId,
        /// When it ends: a date, or a length of time such as 90d
        #[arg(long, value_name = "WHEN", value_parser = end)]
        expires: End,
        /// Ask the owners for it, and say why: for whoever holds the grant
        #[arg(long, value_name = "TEXT")]
        ask: Option<String>,
    },
    /// End a grant and make one like it for another holder
    Transfer(GrantTransferArguments),
    /// Have a grant carry no calls for now; in force on the next call
    Suspend {
        /// The grant
        id: GrantId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Have a suspended grant carry calls again
    Resume {
        /// The grant
        id: GrantId,
    },
    /// Undo a revocation, within 15 minutes of it
    Restore {
        /// The grant
        id: GrantId,
    },
    /// Show each step of a grant, and what it changed
    History {
        /// The grant
        id: GrantId,
    },
    /// Show what a grant would let through, by the calls that were made
    Preview(GrantPreviewArguments),
    /// Ask for a grant, for yourself or for an agent that you answer for
    Request(GrantRequestArguments),
    /// List what was asked for
    Requests {
        /// Also what was answered
        #[arg(long)]
        all: bool,
    },
    /// Say yes to a request
    Approve(GrantApproveArguments),
    /// Say no to a request
    Deny {
        /// The request
        id: GrantRequestId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Take a request back
    Withdraw {
        /// The request
        id: GrantRequestId,
    },
}

/// `countersign grants narrow` and `change`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GrantTermsArguments {
    /// The grant
    pub(crate) id: GrantId,
    /// The version that you looked at; by default the one in force
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
    /// Only these functions instead of all; can be given more than once
    #[arg(long = "function", value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// Functions by these tags, when it is changed; can be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// A condition: beside those that there are, or, when it is changed, instead of them
    #[arg(long = "constraint", value_name = "CEL")]
    pub(crate) constraints: Vec<String>,
    /// At most so many calls in so long, such as 100/1h
    #[arg(long, value_name = "CALLS/TIME", value_parser = rate)]
    pub(crate) rate: Option<(u32, Span)>,
    /// When it ends by itself: a date, or a length of time such as 90d
    #[arg(long, value_name = "WHEN", value_parser = end)]
    pub(crate) expires: Option<End>,
}

/// `countersign grants transfer`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true).args(["subject", "group"]))]
pub(crate) struct GrantTransferArguments {
    /// The grant
    pub(crate) id: GrantId,
    /// To whom: one subject
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// To whom: every member of a group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

/// `countersign grants preview`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["subject", "group", "request"]))]
pub(crate) struct GrantPreviewArguments {
    /// Functions by name; of a request, only these of it
    #[arg(value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// For one subject
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// For every member of a group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// What this request asks for, for whoever answers it
    #[arg(long, value_name = "REQUEST")]
    pub(crate) request: Option<GrantRequestId>,
    /// Functions by tag; can be given more than once
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "request")]
    pub(crate) tags: Vec<String>,
    /// A condition that every call meets; can be given more than once
    #[arg(long = "constraint", value_name = "CEL")]
    pub(crate) constraints: Vec<String>,
    /// How far back calls are looked at; 90d by default
    #[arg(long, value_name = "TIME")]
    pub(crate) look_back: Option<Span>,
}

/// `countersign grants request`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GrantRequestArguments {
    /// Functions by name
    #[arg(value_name = "FUNCTION", required = true)]
    pub(crate) functions: Vec<String>,
    /// For an agent that you answer for, instead of yourself
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Why it is needed
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// A condition that every call meets, such as 'args.amount <= 50.0'; can be given more than once
    #[arg(long = "constraint", value_name = "CEL")]
    pub(crate) constraints: Vec<String>,
    /// At most so many calls in so long, such as 100/1h
    #[arg(long, value_name = "CALLS/TIME", value_parser = rate)]
    pub(crate) rate: Option<(u32, Span)>,
    /// For how long: a date, or a length of time such as 90d
    #[arg(long, value_name = "WHEN", value_parser = end)]
    pub(crate) expires: Option<End>,
}

/// `countersign grants approve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GrantApproveArguments {
    /// The request
    pub(crate) id: GrantRequestId,
    /// Only these functions instead of all; can be given more than once
    #[arg(long = "function", value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// A condition beside those that were asked for; can be given more than once
    #[arg(long = "constraint", value_name = "CEL")]
    pub(crate) constraints: Vec<String>,
    /// When it ends, if earlier: a date, or a length of time such as 30d
    #[arg(long, value_name = "WHEN", value_parser = end)]
    pub(crate) expires: Option<End>,
    /// What to add
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) comment: String,
}

/// `countersign access …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Show whether somebody may call a function, by which way, until when, and what it depends on
    Explain {
        /// Who calls, or for whom
        #[arg(value_name = "SUBJECT")]
        subject: String,
        /// What
        #[arg(value_name = "FUNCTION")]
        function: String,
        /// Who acts for them, the nearest first; can be given more than once
        #[arg(long = "actor", value_name = "SUBJECT")]
        actors: Vec<String>,
    },
    /// List who holds what nobody may hold both of
    Conflicts,
    /// Deny something to somebody, whatever their grants say; in force on the next call
    Deny(AccessDenyArguments),
    /// List what is denied
    Denials,
    /// Lift a denial
    Lift {
        /// The denial
        id: DenialId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

/// `countersign access deny`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["subject", "group"]))]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["functions", "tags", "grant"]))]
pub(crate) struct AccessDenyArguments {
    /// Functions by name
    #[arg(value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// To whom: one subject
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// To whom: every member of a group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Functions by tag; can be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// What rests on this grant, instead of functions
    #[arg(long, value_name = "GRANT", conflicts_with_all = ["functions", "tags"])]
    pub(crate) grant: Option<GrantId>,
    /// Why; callers are told
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// When it ends by itself: a date, or a length of time such as 7d
    #[arg(long, value_name = "WHEN", value_parser = end)]
    pub(crate) until: Option<End>,
}
