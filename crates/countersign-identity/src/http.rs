//! A small HTTP client for talking to identity providers and, from the command line, to the
//! gateway: one request, one whole answer.
//!
//! It never follows a redirect (a provider that redirects its keys is refused, not chased), never
//! reads more than the limit, never waits longer than the limit, and never speaks clear text to a
//! host that is not this machine, unless it was configured to.

use crate::strict_json;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, sync::Arc, time::Duration};
use url::{Host, Url};

/// The client. Clones share one pool of connections.
#[derive(Clone)]
pub struct Http(Arc<Wires>);

struct Wires {
    clear: Client<HttpConnector, Full<Bytes>>,
    /// Absent if this machine has no trusted certificates at all.
    encrypted: Option<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
    plain_http: PlainHttp,
}

/// To whom clear text may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine: 127.0.0.0/8, `::1`, `localhost`.
    #[default]
    LoopbackOnly,
    /// To everyone, because the operator said that the network is trusted.
    Everywhere,
}

/// How much of an answer is read, and how long it may take in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes.
    pub bytes_max: usize,
    /// The longest time from the start of connecting to the end of the body.
    pub time: Duration,
}

impl Default for Limits {
    /// 1 MiB and 10 s.
    fn default() -> Self {
        Self { bytes_max: 1024 * 1024, time: Duration::from_secs(10) }
    }
}

/// A whole answer, of whatever status.
#[derive(Clone)]
pub struct Answer {
    /// The status, redirects included.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A request that got no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpFailed {
    /// The text is no absolute `http` or `https` URL, or it carries a user name.
    #[error("not a usable http or https URL")]
    BadUrl,
    /// Clear text to a host that is not this machine.
    #[error("plain http is only spoken to this machine; use https")]
    PlainHttpRefused,
    /// TLS cannot be had.
    #[error("no trusted certificates were found on this machine")]
    TlsUnavailable,
    /// A header, or the body, could not be written.
    #[error("the request cannot be written")]
    BadRequest,
    /// No connection, no TLS, or the connection broke.
    #[error("no connection to {host}, or it broke")]
    Broken {
        /// The host that was asked.
        host: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took longer than [`Limits::time`].
    #[error("{host} did not answer within {} ms", time.as_millis())]
    TimedOut {
        /// The host that was asked.
        host: String,
        /// The limit.
        time: Duration,
    },
    /// The body is longer than [`Limits::bytes_max`].
    #[error("the answer of {host} is longer than {bytes_max} bytes")]
    TooLong {
        /// The host that was asked.
        host: String,
        /// The limit.
        bytes_max: usize,
    },
    /// The body is not the JSON that was expected.
    #[error("the answer is not the expected JSON")]
    NotJson,
}

/// A text that holds no certificate authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no usable certificate authority in PEM")]
pub(crate) struct BadAuthorities;

impl Http {
    /// A client that trusts the certificates of this machine and speaks clear text only to it.
    pub fn new() -> Self {
        Self::speaking(PlainHttp::LoopbackOnly)
    }

    /// A client that trusts the certificates of this machine.
    pub fn speaking(plain_http: PlainHttp) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let encrypted = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(provider)
            .map(|builder| {
                builder.https_only().enable_all_versions().wrap_connector(connector(Scheme::Any))
            });
        if encrypted.is_err() {
            tracing::warn!("no trusted certificates were found: https will be refused");
        }
        let builder = pooled();
        Self(Arc::new(Wires {
            clear: builder.build(connector(Scheme::HttpOnly)),
            encrypted: encrypted.ok().map(|it| builder.build(it)),
            plain_http,
        }))
    }

    /// A client that trusts these certificate authorities (PEM), and no others. It speaks clear
    /// text to whom this one does.
    ///
    /// # Errors
    /// [`BadAuthorities`] if one of them can't be used, or there is none.
    pub(crate) fn trusting(&self, pem: &[u8]) -> Result<Self, BadAuthorities> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| BadAuthorities)?;
            roots.add(certificate).map_err(|_| BadAuthorities)?;
        }
        if roots.is_empty() {
            return Err(BadAuthorities);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| BadAuthorities)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_all_versions()
            .wrap_connector(connector(Scheme::Any));
        Ok(Self(Arc::new(Wires {
            clear: self.0.clear.clone(),
            encrypted: Some(pooled().build(connector)),
            plain_http: self.0.plain_http,
        })))
    }

    /// Asks with GET.
    ///
    /// # Errors
    /// [`HttpFailed`] if there is no whole answer; an error status is an answer.
    pub async fn get(
        &self,
        url: &str,
        headers: HeaderMap,
        limits: Limits,
    ) -> Result<Answer, HttpFailed> {
        self.send(Method::GET, url, headers, Bytes::new(), limits).await
    }

    /// Posts a form (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// [`HttpFailed`] if there is no whole answer; an error status is an answer.
    pub async fn post_form(
        &self,
        url: &str,
        mut headers: HeaderMap,
        fields: &[(&str, &str)],
        limits: Limits,
    ) -> Result<Answer, HttpFailed> {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        headers.insert(header::CONTENT_TYPE, FORM);
        self.send(Method::POST, url, headers, body.into(), limits).await
    }

    /// Sends a JSON document with any method.
    ///
    /// # Errors
    /// [`HttpFailed`] if there is no whole answer; an error status is an answer.
    pub async fn send_json(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        document: &(impl Serialize + Sync),
        limits: Limits,
    ) -> Result<Answer, HttpFailed> {
        let body = serde_json::to_vec(document).map_err(|_| HttpFailed::BadRequest)?;
        headers.insert(header::CONTENT_TYPE, JSON);
        self.send(method, url, headers, body.into(), limits).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpFailed`] if there is no whole answer; an error status is an answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, HttpFailed> {
        let url = Url::parse(url).map_err(|_| HttpFailed::BadUrl)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        headers.entry(header::ACCEPT).or_insert(JSON);
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| HttpFailed::BadUrl)?;
        *request.headers_mut() = headers;

        let answering = self.respond(&url, request)?;
        let whole = async {
            let response = answering.await.map_err(|source| broken(&host, source))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, limits.bytes_max).collect().await;
            let body = body.map_err(|source| {
                if source.is::<http_body_util::LengthLimitError>() {
                    HttpFailed::TooLong { host: host.clone(), bytes_max: limits.bytes_max }
                } else {
                    broken(&host, source)
                }
            })?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        match tokio::time::timeout(limits.time, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpFailed::TimedOut { host: host.clone(), time: limits.time }),
        }
    }

    fn respond(
        &self,
        url: &Url,
        request: http::Request<Full<Bytes>>,
    ) -> Result<hyper_util::client::legacy::ResponseFuture, HttpFailed> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpFailed::BadUrl);
        }
        match url.scheme() {
            "https" => {
                let client = self.0.encrypted.as_ref().ok_or(HttpFailed::TlsUnavailable)?;
                Ok(client.request(request))
            }
            "http" if self.0.plain_http == PlainHttp::Everywhere || is_loopback(url) => {
                Ok(self.0.clear.request(request))
            }
            "http" => Err(HttpFailed::PlainHttpRefused),
            _ => Err(HttpFailed::BadUrl),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// The body as one JSON object, with no member twice and no list in place of an object.
    ///
    /// # Errors
    /// [`HttpFailed::NotJson`] if it is something else.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, HttpFailed> {
        strict_json::read(&self.body).map_err(|_| HttpFailed::NotJson)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`HttpFailed::NotJson`] if it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpFailed> {
        serde_json::from_slice(&self.body).map_err(|_| HttpFailed::NotJson)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("plain_http", &self.0.plain_http).finish_non_exhaustive()
    }
}

/// Shows status and length only: answers carry tokens.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Whether the URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    HttpOnly,
    Any,
}

fn pooled() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(POOL_IDLE).pool_max_idle_per_host(POOL_IDLE_MAX);
    builder.pool_timer(TokioTimer::new());
    builder
}

fn connector(scheme: Scheme) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(matches!(scheme, Scheme::HttpOnly));
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIME_MAX));
    connector
}

fn broken(host: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> HttpFailed {
    HttpFailed::Broken { host: host.to_owned(), source: source.into() }
}

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const POOL_IDLE: Duration = Duration::from_secs(30);
const POOL_IDLE_MAX: usize = 4;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
