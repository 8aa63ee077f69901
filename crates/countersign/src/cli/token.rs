//! Arguments of `countersign token`.

use countersign_identity::Hidden;

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `countersign token …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Get a short-lived token with which an agent acts for you
    #[command(after_help = EXAMPLES)]
    Exchange(TokenExchangeArguments),
    /// Make a key with which an agent proves itself, and show what the catalog has to say of it
    Key {
        /// Where to keep the private half, readable by you alone; nothing is there yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `countersign token exchange`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenExchangeArguments {
    /// The agent's own token; from the environment, so that no list of processes shows it
    #[arg(
        long,
        env = "COUNTERSIGN_ACTOR_TOKEN",
        hide_env_values = true,
        value_parser = super::hidden,
        value_name = "TOKEN",
        required_unless_present = "agent_key"
    )]
    pub(crate) actor_token: Option<Hidden>,
    /// The agent, where it proves itself with a key of its own instead
    #[arg(long, value_name = "SUBJECT", requires = "agent_key")]
    pub(crate) agent: Option<String>,
    /// The file with that key, as `countersign token key` made it
    #[arg(long, value_name = "FILE", requires = "agent", conflicts_with = "actor_token")]
    pub(crate) agent_key: Option<PathBuf>,
    /// Only these scopes; otherwise all that both tokens have
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
}

const EXAMPLES: &str = "\
The user is whoever is signed in, or COUNTERSIGN_TOKEN. The new token goes to standard output, alone:
  export COUNTERSIGN_ACTOR_TOKEN=$(get-the-agents-token)
  COUNTERSIGN_TOKEN=$(countersign token exchange) countersign call billing.customers.get customer=c_81
An agent with a key in the catalog needs no token of its own:
  countersign token exchange --agent agent:dunning --agent-key dunning.pem";
