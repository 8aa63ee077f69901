//! One target's address, credential and pool of connections.

use super::{
    RequestBody,
    pool::{Lease, Pool, SendError, Spoken},
};
use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_model::catalog::{
    Target,
    raw::{Credential, HttpVersion, SecretSource},
};
use http::{
    HeaderName, HeaderValue, Request, Response, Uri, header,
    uri::{PathAndQuery, Scheme},
};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use std::{fmt, sync::Arc};

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

/// One target's address, credential and pool.
pub(crate) struct Upstream {
    /// Or why the target can't be reached at all.
    pool: Result<Arc<Pool>, String>,
    url: Box<str>,
    /// The path of the target's URL, without a slash at its end.
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
        let url = Uri::try_from(target.url.as_str());
        let base = url.as_ref().map_or("", |it| it.path().trim_end_matches('/'));
        Self {
            base: base.into(),
            pool: match (tls, url) {
                (Ok(tls), Ok(url)) => pool(target, url, tls),
                (Err(why), _) => Err(why.clone()),
                (_, Err(_)) => Err(NO_ADDRESS.to_owned()),
            },
            url: target.url.as_str().into(),
            credential: ArcSwap::from_pointee(credential),
            secrets: secrets.clone(),
        }
    }

    pub(super) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        match &self.pool {
            Ok(pool) => pool.send(request).await,
            // `address` refused before.
            Err(_) => std::future::pending().await,
        }
    }

    /// The address of a path below the target, from the root of its host, and the header that
    /// carries the credential.
    pub(crate) fn address(
        &self,
        path_and_query: &str,
    ) -> Result<(Uri, Option<(HeaderName, HeaderValue)>), String> {
        if let Err(why) = &self.pool {
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
        let uri = Uri::try_from(text).map_err(|_| NO_ADDRESS.to_owned())?;
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
        write!(f, "Upstream({})", self.url)
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

const NO_ADDRESS: &str = "its address is not valid";

fn pool(target: &Target, url: Uri, tls: &ClientConfig) -> Result<Arc<Pool>, String> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(target.connect_within.duration()));
    // A clone shares roots and sessions with the others.
    let schemes = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
    let (connector, spoken) = match target.http_version {
        HttpVersion::Auto => {
            (schemes.enable_all_versions().wrap_connector(connector), Spoken::Http1)
        }
        HttpVersion::Http1 => (schemes.enable_http1().wrap_connector(connector), Spoken::Http1),
        HttpVersion::Http2 => (schemes.enable_http2().wrap_connector(connector), Spoken::Http2),
    };
    let mut origin = url.into_parts();
    let authority = origin.authority.as_ref().ok_or_else(|| NO_ADDRESS.to_owned())?;
    // RFC 9110 §4.2.1 and §4.2.2: the scheme's own port is left out.
    let port = authority.port_u16().filter(|port| match origin.scheme.as_ref() {
        Some(scheme) if *scheme == Scheme::HTTPS => *port != 443,
        Some(_) | None => *port != 80,
    });
    let host = match port {
        Some(port) => format!("{}:{port}", authority.host()),
        None => authority.host().to_owned(),
    };
    let host = HeaderValue::try_from(host).map_err(|_| NO_ADDRESS.to_owned())?;
    origin.path_and_query = Some(PathAndQuery::from_static("/"));
    let origin = Uri::from_parts(origin).map_err(|_| NO_ADDRESS.to_owned())?;
    Ok(Arc::new(Pool::new(connector, origin, host, spoken)))
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
