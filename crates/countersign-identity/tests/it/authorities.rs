//! Keys behind a certificate authority of their own, as a cluster's API server has one: read with that
//! one, and with no other.

use crate::issuer::{AUDIENCE, Key, TestClock, access_claims};
use bytes::Bytes;
use countersign_identity::{Http, Verifier};
use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::{fs, path::PathBuf, sync::Arc};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves a key set by TLS for `localhost`; the port, and the certificate in PEM.
async fn serve(keys: String) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let keys = keys.clone();
            let service = service_fn(move |_| {
                let answer = Response::new(Full::new(Bytes::from(keys.clone())));
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        }
    }));
    (port, made.cert.pem())
}

async fn code(port: u16, key: &Key, ca_file: Option<PathBuf>) -> &'static str {
    let url = format!("https://localhost:{port}");
    let issuer = serde_json::from_value(json!({
        "name": "cluster", "url": url, "audiences": [AUDIENCE], "jwks_url": format!("{url}/jwks"),
        "ca_file": ca_file,
    }));
    let clock = TestClock::new().clock();
    let verifier = Verifier::new(vec![issuer.unwrap()], Http::new(), clock).unwrap();
    let claims = access_claims(&url).to_string();
    let token = key.token_of(br#"{"alg":"ES256","kid":"ec","typ":"at+jwt"}"#, claims.as_bytes());
    verifier.identify(&token).await.map_or_else(|refused| refused.code(), |_| "accepted")
}

#[tokio::test]
async fn only_the_configured_authorities_vouch_for_the_place_of_the_keys() {
    countersign_identity::install_crypto();
    let key = Key::ec("ec");
    let (port, pem) = serve(json!({"keys": [key.jwk()]}).to_string()).await;
    let (_, other) = serve("{}".into()).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        Some(path)
    };
    let both = format!("{other}{pem}");
    assert_eq!(code(port, &key, file("ca", &pem)).await, "accepted");
    assert_eq!(code(port, &key, file("both", &both)).await, "accepted");
    assert_eq!(code(port, &key, file("other", &other)).await, "issuer_unreachable");
    assert_eq!(code(port, &key, file("empty", "")).await, "issuer_unreachable");
    assert_eq!(code(port, &key, Some(directory.path().join("none"))).await, "issuer_unreachable");
    // This machine's authorities know nothing of it.
    assert_eq!(code(port, &key, None).await, "issuer_unreachable");
}
