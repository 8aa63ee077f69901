//! Arguments of `countersign identity`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `countersign identity …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Say claim by claim how a token is judged, and why it is refused
    #[command(after_help = EXAMPLES)]
    Test(IdentityTestArguments),
}

/// `countersign identity test`.
#[derive(Clone, Debug, Args)]
pub(crate) struct IdentityTestArguments {
    /// Read the token from this file, or from standard input with `-`; by default the token is the
    /// one of `COUNTERSIGN_TOKEN`, or of the last login
    #[arg(long, value_name = "FILE", conflicts_with = "login")]
    pub(crate) from: Option<PathBuf>,
    /// Sign in and judge the token that comes of it; the login is not kept
    #[arg(long)]
    pub(crate) login: bool,
    /// With --login: show a code to type on another device
    #[arg(long, requires = "login")]
    pub(crate) device: bool,
    /// Judge by this configuration, on this machine, and ask no gateway
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// With --config and --login: the issuer to sign in with
    #[arg(long, value_name = "NAME", requires = "config", requires = "login")]
    pub(crate) issuer: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  countersign identity test                              your own token, by the gateway
  countersign identity test --from token.txt             another one (administrators, auditors)
  countersign identity test -c countersign.yaml --from - by a configuration, without a gateway";
