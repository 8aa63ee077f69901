//! Arguments of `countersign reviews` and `countersign delegates`.

use super::client::{End, end};
use clap::{Args, Subcommand, ValueEnum};
use countersign_model::{CampaignId, GrantId, Span, Timestamp};

/// `countersign reviews …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ReviewsCommand {
    /// List campaigns, and how many items wait for you
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<CampaignStateArgument>,
    },
    /// When campaigns open, which grants they review, and who would review how many
    Schedules,
    /// Show one campaign
    Show {
        /// The campaign
        campaign: CampaignId,
    },
    /// List a campaign's items
    Items(ItemsArguments),
    /// Show one item with all that is known of it
    Item {
        /// The campaign
        campaign: CampaignId,
        /// The item's grant
        grant: GrantId,
    },
    /// Answer: walk through what waits for you, or say one thing about named items
    Answer(AnswerArguments),
    /// Take back what you said about an item
    Undo {
        /// The campaign
        campaign: CampaignId,
        /// The item's grant
        grant: GrantId,
    },
    /// Hand items on to somebody else
    HandOn {
        /// The campaign
        campaign: CampaignId,
        /// The items' grants
        #[arg(value_name = "GRANT", required = true)]
        grants: Vec<GrantId>,
        /// To whom
        #[arg(long, value_name = "SUBJECT")]
        to: String,
        /// Whose they are, if they are not yours
        #[arg(long, value_name = "SUBJECT")]
        from: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Answer for what you decided, or for the whole campaign, with your name
    SignOff {
        /// The campaign
        campaign: CampaignId,
        /// For what
        #[arg(long, value_enum, default_value = "own")]
        covers: CoversArgument,
    },
    /// Give a campaign more time
    Extend {
        /// The campaign
        campaign: CampaignId,
        /// Until when: a date, or a length of time from now
        #[arg(long, value_name = "WHEN", value_parser = end)]
        until: End,
        /// Which of its ends
        #[arg(long, value_enum, default_value = "due")]
        end: AutomaticEndArgument,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Let what the breaker stopped end by itself
    Confirm {
        /// The campaign
        campaign: CampaignId,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Write a correction beside a campaign that is closed or signed
    Addendum {
        /// The campaign
        campaign: CampaignId,
        /// What is to be said
        text: String,
        /// About which item
        #[arg(long, value_name = "GRANT")]
        grant: Option<GrantId>,
    },
    /// Open a campaign by hand
    Open(Box<OpenArguments>),
    /// Print a closed campaign's report, the very bytes whose digest the ledger has
    Report {
        /// The campaign
        campaign: CampaignId,
    },
    /// What is taken away from reviews
    #[command(flatten)]
    Evidence(super::ReviewEvidenceCommand),
}

/// `countersign reviews items`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ItemsArguments {
    /// The campaign
    pub(crate) campaign: CampaignId,
    /// Only those that wait for you
    #[arg(long)]
    pub(crate) waiting: bool,
    /// Only those about which this person is or was asked
    #[arg(long, value_name = "SUBJECT", conflicts_with = "waiting")]
    pub(crate) reviewer: Option<String>,
    /// Only those in this state
    #[arg(long, value_enum)]
    pub(crate) state: Option<ItemStateArgument>,
    /// Only those with this result
    #[arg(long, value_enum)]
    pub(crate) result: Option<ItemResultArgument>,
}

/// `countersign reviews answer`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AnswerArguments {
    /// The campaign
    pub(crate) campaign: CampaignId,
    /// The items' grants; without any you walk through what waits for you
    #[arg(value_name = "GRANT", requires = "verdict")]
    pub(crate) grants: Vec<GrantId>,
    /// What you say about them
    #[arg(long, value_enum, requires = "grants")]
    pub(crate) verdict: Option<VerdictArgument>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// `countersign reviews open`.
#[derive(Clone, Debug, Args)]
pub(crate) struct OpenArguments {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: String,
    /// Who answers for it and signs it off
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) owner: String,
    /// Who reviews: owner, sponsor, manager, group:NAME or a subject; the first that finds somebody counts
    #[arg(long = "reviewer", value_name = "RULE", default_value = "owner")]
    pub(crate) reviewers: Vec<String>,
    /// Who reviews what nobody else may
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) fallback: Vec<String>,
    /// Only grants that reach this function; each of these can be given more than once
    #[arg(long = "function", value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,
    /// Only grants that reach a function with this tag
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Only grants that reach a function of this sensitivity: low, medium, high
    #[arg(long = "sensitivity", value_name = "LEVEL")]
    pub(crate) sensitivities: Vec<String>,
    /// Only grants that reach this target
    #[arg(long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Only grants of this group
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Only grants of this subject
    #[arg(long = "holder", value_name = "SUBJECT")]
    pub(crate) holders: Vec<String>,
    /// Only grants of agents
    #[arg(long)]
    pub(crate) agents: bool,
    /// How long people have to decide
    #[arg(long, value_name = "TIME", default_value = "14d")]
    pub(crate) duration: Span,
    /// How long what nobody answered stays suspended before it ends
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(crate) grace: Span,
    /// How long before the due date people are told again; can be given more than once
    #[arg(long = "reminder", value_name = "TIME", default_values = ["3d", "1d"])]
    pub(crate) reminders: Vec<Span>,
    /// How far back use counts
    #[arg(long, value_name = "TIME", default_value = "90d")]
    pub(crate) look_back: Span,
    /// Share of the active grants beyond which an automatic end stops and asks
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) breaker_percent: u8,
    /// The most that may be kept in one act; 0: one by one
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) bulk_max: u32,
}

/// A campaign's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum CampaignStateArgument {
    /// Its snapshot is being made
    Opening,
    /// People decide
    Open,
    /// An automatic end waits for an administrator
    Stopped,
    /// Its due date has passed
    Grace,
    /// Everything is decided
    Closed,
    /// Its owner signed for all of it
    SignedOff,
}

/// An item's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ItemStateArgument {
    /// Reviewers are asked
    Open,
    /// It is decided
    Decided,
    /// Nobody answered, and the grant is suspended
    Suspended,
    /// The grant ended otherwise
    Moot,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ItemResultArgument {
    /// People kept it
    Certified,
    /// People narrowed it
    Reduced,
    /// People ended it
    Revoked,
    /// Nobody answered: it stays, and is not certified
    NotReviewed,
    /// Nobody answered: the rule ended or narrowed it
    EndedByRule,
}

/// What is said about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerdictArgument {
    /// It is needed as it is
    Keep,
    /// It is needed, but narrower: what was used
    Reduce,
    /// It is not needed
    Revoke,
    /// Somebody else should say
    DontKnow,
}

/// What a sign-off is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CoversArgument {
    /// What you decided
    Own,
    /// All of it, by its owner after the close
    Campaign,
}

/// When a campaign ends access by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AutomaticEndArgument {
    /// At the due date
    Due,
    /// When grace is over
    Grace,
}

/// `countersign delegates …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DelegatesCommand {
    /// Say who stands in for you in reviews while you are away
    Set {
        /// Who stands in: a person's subject
        #[arg(long, value_name = "SUBJECT")]
        to: String,
        /// From when: a date or a time; from now on by default
        #[arg(long, value_name = "WHEN")]
        from: Option<Timestamp>,
        /// Until when: a date, or a length of time; at most 90 days
        #[arg(long, value_name = "WHEN", value_parser = end)]
        until: End,
        /// For whom, if not for you; for administrators
        #[arg(long = "for", value_name = "SUBJECT")]
        of: Option<String>,
    },
    /// List who stands in for whom, as far as you have part in it
    List,
    /// End it before its time
    End {
        /// For whom, if not for you
        #[arg(long = "for", value_name = "SUBJECT")]
        of: Option<String>,
    },
}
