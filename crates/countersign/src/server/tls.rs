//! TLS from files: one certificate, read at the start.

use crate::{config::Tls, exit::Failure};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// Reads certificate and key.
///
/// # Errors
/// When one of them can't be read, or they do not belong together.
pub(crate) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Failure> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(&tls.certificate, &error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(&tls.certificate, "there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| unusable(&tls.key, &error.to_string()))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let mut config = config
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&tls.certificate, &error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(file: &Path, why: &str) -> Failure {
    Failure::usage(format!("{} can't be used for TLS: {why}", file.display()))
        .next("name PEM files under `tls.certificate` and `tls.key`")
}

#[cfg(test)]
mod tests;
