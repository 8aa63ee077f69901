//! One target's address, credential and pool of connections.

use super::RequestBody;
use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_model::catalog::{
    Target,
    raw::{Credential, HttpVersion, SecretSource},
};
use http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use std::{fmt, sync::Arc, time::Duration};

/// Reads a target's secret by where it is. An error says why it can't, without the secret.
#[derive(Clone)]
pub struct Secrets(Arc<ReadSecret>);

type ReadSecret = dyn Fn(&SecretSource) -> Result<String, String> + Send + Sync;

impl Secrets {
    /// Reads with `read`.
    pub fn new(
        read: impl Fn(&SecretSource) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// Idle connections are closed before common servers close theirs (Node after 5 s), so that a
/// call seldom meets a connection that is being closed.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Idle connections to one target.
const POOL_IDLE_MAX: usize = 256;

/// One target's address, credential and pool.
pub(crate) struct Upstream {
    client: Result<Client<HttpsConnector<HttpConnector>, RequestBody>, String>,
    base: Box<str>,
    credential: ArcSwap<Result<Shown, String>>,
    secrets: Secrets,
}

/// What the gateway shows a target.
enum Shown {
    Nothing,
    Header(HeaderName, HeaderValue),
    /// `name=value`, escaped.
    Query(String),
}

impl Upstream {
    pub(crate) fn new(target: &Target, secrets: &Secrets, tls: &Tls) -> Self {
        let credential = shown(&target.credential, secrets);
        if let Err(why) = &credential {
            tracing::error!(target = %target.name, why, "target's credential is missing");
        }
        Self {
            client: tls.as_ref().map(|it| client(target, it)).map_err(Clone::clone),
            base: target.url.as_str().into(),
            credential: ArcSwap::from_pointee(credential),
            secrets: secrets.clone(),
        }
    }

    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Error> {
        match &self.client {
            Ok(client) => client.request(request).await,
            // `address` refused before.
            Err(_) => std::future::pending().await,
        }
    }

    /// The whole address of a path below the target, and the header that carries the credential.
    pub(crate) fn address(
        &self,
        path_and_query: &str,
    ) -> Result<(Uri, Option<(HeaderName, HeaderValue)>), String> {
        if let Err(why) = &self.client {
            return Err(why.clone());
        }
        let credential = self.credential.load();
        let mut text = String::with_capacity(self.base.len() + path_and_query.len());
        text.push_str(&self.base);
        text.push_str(path_and_query);
        let header = match credential.as_ref() {
            Ok(Shown::Nothing) => None,
            Ok(Shown::Header(name, value)) => Some((name.clone(), value.clone())),
            Ok(Shown::Query(pair)) => {
                text.push(if path_and_query.contains('?') { '&' } else { '?' });
                text.push_str(pair);
                None
            }
            Err(_) => return Err("the gateway has no credential for it".to_owned()),
        };
        let uri = Uri::try_from(text).map_err(|_| "its address is not valid".to_owned())?;
        Ok((uri, header))
    }

    /// The secret may have been rotated: the next call uses what stands there now.
    pub(crate) fn read_credential_again(&self, target: &Target) {
        tracing::warn!(target = %target.name, "target refuses the gateway's credential");
        self.credential.store(Arc::new(shown(&target.credential, &self.secrets)));
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({})", self.base)
    }
}

/// How TLS is spoken to targets; or why the system's certificates can't be read.
pub(crate) type Tls = Result<ClientConfig, String>;

/// Reads the system's certificates, once for all targets.
pub(crate) fn tls() -> Tls {
    let roots = ClientConfig::builder()
        .try_with_platform_verifier()
        .map_err(|error| format!("the system's certificates can't be read: {error}"))?;
    Ok(roots.with_no_client_auth())
}

fn client(
    target: &Target,
    tls: &ClientConfig,
) -> Client<HttpsConnector<HttpConnector>, RequestBody> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(target.connect_within.duration()));
    // A clone shares roots and sessions with the others.
    let schemes = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
    let connector = match target.http_version {
        HttpVersion::Auto => schemes.enable_all_versions().wrap_connector(connector),
        HttpVersion::Http1 => schemes.enable_http1().wrap_connector(connector),
        HttpVersion::Http2 => schemes.enable_http2().wrap_connector(connector),
    };
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_IDLE_MAX)
        .http2_only(target.http_version == HttpVersion::Http2);
    builder.build(connector)
}

fn shown(credential: &Credential, secrets: &Secrets) -> Result<Shown, String> {
    let read = |source: &SecretSource| (secrets.0)(source);
    let value = |text: String| {
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| "the secret has characters that no header may have".to_owned())?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    };
    match credential {
        Credential::None => Ok(Shown::Nothing),
        Credential::Bearer(source) => {
            let value = value(format!("Bearer {}", read(source)?))?;
            Ok(Shown::Header(header::AUTHORIZATION, value))
        }
        Credential::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{user}:{}", read(password)?));
            Ok(Shown::Header(header::AUTHORIZATION, value(format!("Basic {pair}"))?))
        }
        Credential::Header { name, value: source } => {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?;
            Ok(Shown::Header(name, value(read(source)?)?))
        }
        Credential::Query { name, value } => {
            let secret = read(value)?;
            let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
            Ok(Shown::Query(format!("{name}={}", utf8_percent_encode(&secret, NON_ALPHANUMERIC))))
        }
    }
}
