//! The configuration: from the file that people wrote to values that can't be wrong. Reads the
//! file, and nothing that it names; touches nothing.

mod check;
pub(crate) mod notices;
pub(crate) mod raw;
pub(crate) mod scim;

use crate::{exit::Failure, yaml};
use countersign_governance::ApiKeyRules;
use countersign_identity::{
    IssuerConfig, OwnSettings, PlainHttp, SamlConfig, Secret, TransmitterConfig,
};
use countersign_model::{Span, notice::Daily};
use countersign_telemetry::Sample;
use http::HeaderName;
use notices::RawNotices;
use raw::{RawConfig, RawDpop, RawLimits, RawLogging, RawReviews, RawRoles};
use scim::RawScim;
use serde_json::Value;
use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// Without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) gateway: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) store: StoreUrl,
    pub(crate) ledger: PathBuf,
    pub(crate) recordings: PathBuf,
    pub(crate) master_key: Secret,
    pub(crate) issuers: Vec<IssuerConfig>,
    pub(crate) saml: Vec<SamlConfig>,
    pub(crate) event_transmitters: Vec<TransmitterConfig>,
    pub(crate) dpop: RawDpop,
    /// What API keys may be, if there are any.
    pub(crate) api_keys: Option<ApiKeyRules>,
    pub(crate) plain_http: PlainHttp,
    /// How own tokens are made.
    pub(crate) tokens: OwnSettings,
    pub(crate) roles: RawRoles,
    pub(crate) reviews: RawReviews,
    pub(crate) catalog: Option<CatalogFiles>,
    pub(crate) limits: RawLimits,
    pub(crate) drain_within: Span,
    /// Where the token is that opens `/metrics`.
    pub(crate) metrics_token: Option<Secret>,
    /// Directories that tell by SCIM.
    pub(crate) scim: Vec<RawScim>,
    pub(crate) logging: RawLogging,
    pub(crate) otlp: Option<Otlp>,
    pub(crate) notices: Notices,
    /// Where relative paths of target credentials start.
    pub(crate) directory: PathBuf,
}

/// Files of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Which client certificates callers are asked for.
    pub(crate) clients: Option<ClientCertificates>,
}

/// Which client certificates are taken.
#[derive(Clone, Debug)]
pub(crate) enum ClientCertificates {
    /// Those that an authority of this file vouches for.
    Of(PathBuf),
    /// Any.
    Any,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug)]
pub(crate) struct Otlp {
    /// Where it takes traces.
    pub(crate) url: String,
    pub(crate) headers: Vec<(HeaderName, Secret)>,
    pub(crate) sample: Sample,
    pub(crate) service_name: String,
}

/// Over which channels people are told.
#[derive(Clone, Debug)]
pub(crate) struct Notices {
    /// When digests are due.
    pub(crate) digest: Daily,
    pub(crate) channels: RawNotices,
}

/// Where facts are kept.
#[derive(Clone, Debug)]
pub(crate) enum StoreUrl {
    /// At this URL.
    Url(String),
    /// At the URL that is here.
    From(Secret),
}

/// The catalog's files.
#[derive(Clone, Debug)]
pub(crate) struct CatalogFiles {
    pub(crate) directory: PathBuf,
    pub(crate) apply: Apply,
}

/// Whether a start applies the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apply {
    /// As the gateway itself.
    OnStart,
    /// A person does.
    ByHand,
}

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileFault {
    /// The file, as it was named.
    pub(crate) file: PathBuf,
    /// Where in it, and what.
    pub(crate) fault: yaml::Fault,
}

impl FileFault {
    /// A fault of the file as a whole.
    pub(crate) fn whole(file: &Path, message: impl Into<String>) -> Self {
        let fault = yaml::Fault { line: None, key: String::new(), message: message.into() };
        Self { file: file.to_path_buf(), fault }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.fault.line.is_some() { "" } else { " " };
        write!(f, "{}:{separator}{}", self.file.display(), self.fault)
    }
}

/// Reads and checks a configuration file.
///
/// # Errors
/// Every fault that can be found in one go.
pub(crate) fn load(file: &Path) -> Result<Config, Vec<FileFault>> {
    let text = text_of(file, CONFIG_BYTES_MAX).map_err(|fault| vec![fault])?;
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        Some(_) | None => PathBuf::from("."),
    };
    parse(&text, &directory).map_err(|faults| {
        faults.into_iter().map(|fault| FileFault { file: file.to_path_buf(), fault }).collect()
    })
}

/// Reads and checks a configuration; its relative paths start at `directory`.
pub(crate) fn parse(text: &str, directory: &Path) -> Result<Config, Vec<yaml::Fault>> {
    let raw: RawConfig = yaml::read_filled(text, fill_presets)?;
    check::check(raw, text, directory)
}

/// The issuers of a configuration file that holds, as they are after their presets have filled them.
/// Secrets are not among it: they stand elsewhere.
///
/// # Errors
/// A fault of the file.
pub(crate) fn issuers_shown(file: &Path) -> Result<Value, Vec<FileFault>> {
    let text = text_of(file, CONFIG_BYTES_MAX).map_err(|fault| vec![fault])?;
    let whole: Value = yaml::read_filled(&text, fill_presets).map_err(|faults| {
        let faults = faults.into_iter();
        faults.map(|fault| FileFault { file: file.to_path_buf(), fault }).collect::<Vec<_>>()
    })?;
    Ok(whole.get("issuers").cloned().unwrap_or_default())
}

fn fill_presets(config: &mut Value) {
    let issuers = config.get_mut("issuers").and_then(Value::as_array_mut);
    issuers.into_iter().flatten().for_each(countersign_identity::expand_preset);
}

/// A file's text, if it is not longer than a person would write.
pub(crate) fn text_of(file: &Path, bytes_max: u64) -> Result<String, FileFault> {
    let whole = |message: String| FileFault::whole(file, message);
    let unreadable = |error: std::io::Error| whole(format!("can't be read: {error}"));
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if metadata.len() > bytes_max {
        return Err(whole(format!("is longer than {bytes_max} bytes")));
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| whole("is not UTF-8".to_owned()))
}

/// Faults as the end of a command: one a line.
pub(crate) fn failure(faults: &[FileFault]) -> Failure {
    let many = if faults.len() == 1 { "one fault" } else { "several faults" };
    let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
    Failure::usage(format!("{many} in the files:\n{}", lines.join("\n")))
        .next("correct them, then run `countersign check`")
}

const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
