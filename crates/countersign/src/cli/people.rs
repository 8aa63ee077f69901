//! Arguments of `countersign people`.

use clap::{Args, Subcommand};

/// `countersign people …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// List people; for administrators and auditors
    List(PeopleListArguments),
    /// Show one person with all that they have
    Show {
        /// The person's subject
        #[arg(value_name = "SUBJECT")]
        subject: String,
    },
}

/// `countersign people list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeopleListArguments {
    /// Only those with a word of their subject, name or address that begins so
    #[arg(long, value_name = "TEXT")]
    pub(crate) find: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
    /// Where to go on, as an earlier list said
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<String>,
}
