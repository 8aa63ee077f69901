//! Arguments of the commands that run a gateway or write its files.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `countersign demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArguments {
    /// Where the demo keeps its state; a second start goes on there
    #[arg(long, value_name = "DIR", default_value = "./countersign-demo")]
    pub(crate) state: PathBuf,
    /// Address and port, on this machine only; `localhost:7070` to try passkeys, which need a name
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    pub(crate) listen: String,
}

/// `countersign init`. Without a terminal, or with --yes, what is not given takes its default.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArguments {
    /// Where to write
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    /// This gateway's name in ledger and logs
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: Option<String>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The URL under which callers reach the gateway
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The identity provider's issuer URL
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The console's client identifier at the identity provider
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The group whose members administer Countersign
    #[arg(long, value_name = "GROUP")]
    pub(crate) administrators: Option<String>,
    /// Ask nothing
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Replace files that exist; a key is never replaced
    #[arg(long)]
    pub(crate) force: bool,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// countersign.yaml
    Config,
    /// A file of the catalog
    Catalog,
}
