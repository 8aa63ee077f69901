//! Arguments of `countersign token`.

use countersign_identity::Hidden;

use clap::{Args, Subcommand};

/// `countersign token …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Get a short-lived token with which an agent acts for you
    #[command(after_help = EXAMPLES)]
    Exchange(TokenExchangeArguments),
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
        value_name = "TOKEN"
    )]
    pub(crate) actor_token: Hidden,
    /// Only these scopes; otherwise all that both tokens have
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
}

const EXAMPLES: &str = "\
The user is whoever is signed in, or COUNTERSIGN_TOKEN. The new token goes to standard output, alone:
  export COUNTERSIGN_ACTOR_TOKEN=$(get-the-agents-token)
  COUNTERSIGN_TOKEN=$(countersign token exchange) countersign call billing.customers.get customer=c_81";
