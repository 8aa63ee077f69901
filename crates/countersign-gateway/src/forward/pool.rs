//! Connections to one target, kept between calls while they are good. A request that was never
//! written is sent again on another connection; one that may have left never is.

use super::RequestBody;
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::connect::{Connection as _, HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;
use tower::ServiceExt as _;

/// Idle connections are closed before common servers close theirs (Node after 5 s), so that a
/// call seldom meets a connection that is being closed.
const IDLE_WITHIN: Duration = Duration::from_secs(4);
/// Idle connections to one target.
const IDLE_MAX: usize = 256;
/// How long a connection whose answer is over may take until it is ready for the next request.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// The connections to one target.
pub(super) struct Pool {
    connector: HttpsConnector<HttpConnector>,
    /// Scheme and authority.
    origin: Uri,
    host: HeaderValue,
    spoken: Spoken,
    idle_within: Duration,
    kept: Mutex<Kept>,
}

/// What is spoken where TLS negotiates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

#[derive(Default)]
struct Kept {
    /// The one that was used last stands last.
    idle: Vec<Idle>,
    /// HTTP/2 carries all calls at once.
    shared: Option<http2::SendRequest<RequestBody>>,
    sweep: Sweep,
}

/// Whether somebody closes what idles too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sweep {
    #[default]
    Off,
    On,
}

struct Idle {
    sender: http1::SendRequest<RequestBody>,
    since: Instant,
}

enum Connection {
    /// One call at a time.
    One(http1::SendRequest<RequestBody>),
    Shared(http2::SendRequest<RequestBody>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The request never left.
    #[error("no connection came about")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The request may have left.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
}

/// The connection of an answer that is still being read. Dropped before the end, the connection is
/// closed, since what is left of the answer stands on it.
pub(crate) struct Lease(Option<Leased>);

struct Leased {
    pool: Arc<Pool>,
    sender: http1::SendRequest<RequestBody>,
}

impl Lease {
    /// The answer was read to its end: the connection may serve the next call.
    pub(crate) fn over(self) {
        let Some(Leased { pool, mut sender }) = self.0 else { return };
        if sender.is_ready() {
            pool.keep(sender);
        } else if !sender.is_closed() {
            tokio::spawn(async move {
                if let Ok(Ok(())) = tokio::time::timeout(READY_WITHIN, sender.ready()).await {
                    pool.keep(sender);
                }
            });
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

impl Pool {
    /// Connections to an origin, `https://host:port`. None is made before the first request.
    pub(super) fn new(
        connector: HttpsConnector<HttpConnector>,
        origin: Uri,
        host: HeaderValue,
        spoken: Spoken,
    ) -> Self {
        let kept = Mutex::default();
        Self { connector, origin, host, spoken, idle_within: IDLE_WITHIN, kept }
    }

    /// Sends a request, whose address is its path, and waits for the head of its answer.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        if let Some(kept) = self.take() {
            match self.send_on(kept, request).await {
                Ok(answer) => return Ok(answer),
                // The target closed the connection while it was idle: nothing was written.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Broken(failed.into_error())),
                },
            }
        }
        // Few calls connect, and every call would carry the room for it.
        let fresh = Box::pin(self.connect()).await?;
        let sent = self.send_on(fresh, request).await;
        sent.map_err(|failed| SendError::Broken(failed.into_error()))
    }

    async fn send_on(
        self: &Arc<Self>,
        connection: Connection,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), TrySendError<Request<RequestBody>>> {
        match connection {
            Connection::One(mut sender) => {
                request.headers_mut().insert(header::HOST, self.host.clone());
                let response = sender.try_send_request(request).await?;
                let leased = Leased { pool: Arc::clone(self), sender };
                Ok((response, Lease(Some(leased))))
            }
            Connection::Shared(mut sender) => {
                self.name_whole(&mut request);
                let response = sender.try_send_request(request).await?;
                Ok((response, Lease(None)))
            }
        }
    }

    /// HTTP/2 has the whole address instead of `Host` (RFC 9113 §8.3.1).
    fn name_whole(&self, request: &mut Request<RequestBody>) {
        request.headers_mut().remove(header::HOST);
        let mut whole = self.origin.clone().into_parts();
        whole.path_and_query = request.uri().path_and_query().cloned();
        // Scheme, authority and a path always make an address.
        if let Ok(whole) = Uri::from_parts(whole) {
            *request.uri_mut() = whole;
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Connection, SendError> {
        let stream = self.connector.clone().oneshot(self.origin.clone()).await;
        let stream = stream.map_err(SendError::Connect)?;
        let cannot = |error: hyper::Error| SendError::Connect(Box::new(error));
        if self.spoken == Spoken::Http2 || stream.connected().is_negotiated_h2() {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new());
            let (sender, connection) = builder.handshake(stream).await.map_err(cannot)?;
            tokio::spawn(async move { log(connection.await) });
            self.kept().shared = Some(sender.clone());
            return Ok(Connection::Shared(sender));
        }
        let (sender, connection) = http1::handshake(stream).await.map_err(cannot)?;
        tokio::spawn(async move { log(connection.await) });
        Ok(Connection::One(sender))
    }

    /// A kept connection that is good as far as it is known.
    fn take(&self) -> Option<Connection> {
        let mut kept = self.kept();
        if let Some(shared) = &kept.shared {
            if !shared.is_closed() {
                return Some(Connection::Shared(shared.clone()));
            }
            kept.shared = None;
        }
        while let Some(idle) = kept.idle.pop() {
            if idle.since.elapsed() >= self.idle_within {
                // All below it idle for longer.
                kept.idle.clear();
                return None;
            }
            if idle.sender.is_ready() {
                return Some(Connection::One(idle.sender));
            }
        }
        None
    }

    fn keep(self: Arc<Self>, sender: http1::SendRequest<RequestBody>) {
        let mut kept = self.kept();
        if kept.idle.len() < IDLE_MAX {
            kept.idle.push(Idle { sender, since: Instant::now() });
        }
        if std::mem::replace(&mut kept.sweep, Sweep::On) == Sweep::Off {
            tokio::spawn(sweep(Arc::downgrade(&self), self.idle_within));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what idles too long, until nothing idles.
async fn sweep(pool: Weak<Pool>, idle_within: Duration) {
    loop {
        tokio::time::sleep(idle_within / 4).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut kept = pool.kept();
        kept.idle.retain(|it| it.since.elapsed() < idle_within && !it.sender.is_closed());
        if kept.idle.is_empty() {
            kept.sweep = Sweep::Off;
            return;
        }
    }
}

fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a target broke");
    }
}

#[cfg(test)]
mod tests;
