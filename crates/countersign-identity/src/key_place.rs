//! What it takes to read the keys of an issuer that only some may ask: certificate authorities and
//! a bearer token, both in files that others write anew (as a cluster does), so they are read again
//! each time. The token goes to the configured place of the keys and nowhere else.

use crate::{Http, config::IssuerConfig, discovery::DiscoveryFailed};
use http::{HeaderMap, HeaderValue, header};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// The files, if there are any.
pub(crate) struct KeyPlace {
    ca_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

impl KeyPlace {
    pub(crate) fn new(config: &IssuerConfig) -> Self {
        Self { ca_file: config.ca_file.clone(), token_file: config.keys_token_file.clone() }
    }

    /// The client to ask with: `usual`, or one that trusts the configured authorities only.
    pub(crate) fn http(&self, usual: &Http) -> Result<Http, DiscoveryFailed> {
        let Some(path) = &self.ca_file else { return Ok(usual.clone()) };
        let fault = |problem: String| DiscoveryFailed::File { what: "ca_file", problem };
        let pem = read(path).map_err(fault)?;
        usual.trusting(&pem).map_err(|error| fault(error.to_string()))
    }

    /// The headers to ask for the keys with.
    pub(crate) fn headers(&self) -> Result<HeaderMap, DiscoveryFailed> {
        let mut headers = HeaderMap::new();
        let Some(path) = &self.token_file else { return Ok(headers) };
        let fault = |problem: String| DiscoveryFailed::File { what: "keys_token_file", problem };
        let token = read(path).map_err(fault)?;
        let mut value = b"Bearer ".to_vec();
        value.extend_from_slice(token.trim_ascii());
        let mut value = HeaderValue::from_bytes(&value)
            .map_err(|_| fault("it holds more than a token".into()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(headers)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| format!("{}: {error}", path.display()))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(format!("{}: longer than {FILE_BYTES_MAX} bytes", path.display()));
    }
    Ok(bytes)
}

const FILE_BYTES_MAX: u64 = 512 * 1024;

#[cfg(test)]
mod tests;
