//! TLS from files: one certificate, read at the start; and the client certificates of callers whose
//! tokens are bound to one (RFC 8705). A caller is never told apart by a certificate alone.

use crate::{
    config::{ClientCertificates, Tls},
    exit::Failure,
};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// Reads certificate and key, and the authorities of client certificates if there are any.
///
/// # Errors
/// When one of them can't be read, or certificate and key do not belong together.
pub(crate) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Failure> {
    let step = "name PEM files under `tls.certificate` and `tls.key`";
    let chain = certificates(&tls.certificate, step)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| unusable(&tls.key, &error.to_string(), step))?;
    let config = rustls::ServerConfig::builder();
    let provider = Arc::clone(config.crypto_provider());
    let config = match &tls.clients {
        None => config.with_no_client_auth(),
        Some(ClientCertificates::Of(file)) => {
            config.with_client_cert_verifier(vouched_for(file, provider)?)
        }
        Some(ClientCertificates::Any) => {
            config.with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
        }
    };
    let mut config = config
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&tls.certificate, &error.to_string(), step))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes certificates of these authorities, and callers without one.
fn vouched_for(
    file: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let step = "name a PEM file with certificates of authorities under \
                `tls.client_certificates.authorities`";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, step)? {
        roots.add(certificate).map_err(|error| unusable(file, &error.to_string(), step))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(file, &error.to_string(), step))
}

/// Takes every certificate whose key the caller proves to hold (RFC 8705 §2.2), and callers without
/// one. It says nothing about who the caller is: only a token that is bound to it does.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn certificates(file: &Path, step: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(file, &error.to_string(), step))?;
    if read.is_empty() {
        return Err(unusable(file, "there is no certificate in it", step));
    }
    Ok(read)
}

fn unusable(file: &Path, why: &str, step: &str) -> Failure {
    Failure::usage(format!("{} can't be used for TLS: {why}", file.display())).next(step)
}

#[cfg(test)]
mod tests;
