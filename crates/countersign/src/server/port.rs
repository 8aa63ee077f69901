//! The one port: accepts connections, speaks HTTP/1.1 and HTTP/2 (by ALPN, or with prior knowledge
//! in clear text), and ends in good order. Knows nothing of what is asked.

use super::{assembly::Assembly, operations::Origin, patient::Patient, routes};
use crate::{config::raw::RawLimits, exit::Failure};
use countersign_identity::Thumbprint;
use countersign_model::Span;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;

/// A port that is held.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    /// The address, with the port that the system chose if it was asked to.
    pub(crate) address: SocketAddr,
}

/// How much the port has in hand.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Open connections.
    pub(crate) open: AtomicU64,
    /// Connections since the start.
    pub(crate) all: AtomicU64,
    /// No new calls are taken.
    pub(crate) ending: AtomicBool,
}

/// Where a person says which port it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaidIn {
    /// After `--listen`.
    CommandLine,
    /// Under `listen` in the configuration.
    Configuration,
}

/// Takes the port.
///
/// # Errors
/// When it is taken already, or not this user's to take.
pub(crate) async fn listen(address: SocketAddr, said: SaidIn) -> Result<Listening, Failure> {
    let bound = TcpListener::bind(address).await;
    let listener = bound.map_err(|error| {
        let what = format!("can't listen on {address}");
        let kind = error.kind();
        if kind == io::ErrorKind::AddrInUse {
            let place = match said {
                SaidIn::CommandLine => "--listen",
                SaidIn::Configuration => "in the configuration, listen:",
            };
            let other = another(address);
            let step = format!("end what runs there, or choose another: {place} {other}");
            return Failure::failed(format!("{what}: the port is taken")).next(step);
        }
        if kind == io::ErrorKind::PermissionDenied {
            return Failure::failed(format!("{what}: this user may not"))
                .next("choose a port above 1023, or give the process CAP_NET_BIND_SERVICE");
        }
        Failure::failed(format!("{what}: {error}")).next("check the address")
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::failed(format!("the port can't be used: {error}")))?;
    Ok(Listening { listener, address })
}

/// A hundred ports further, as an example.
fn another(address: SocketAddr) -> SocketAddr {
    let port = address.port().checked_add(100).unwrap_or(7171);
    SocketAddr::new(address.ip(), port)
}

/// The wishes of whoever runs the process that it end. They are received from the moment this is
/// made: before it, a signal kills.
#[derive(Debug)]
pub(crate) struct EndAsked {
    terminate: Signal,
    interrupt: Signal,
}

impl EndAsked {
    /// From now on the process ends in good order when it is asked to. Made before anybody is told
    /// that the gateway listens, since from then on it may be asked.
    ///
    /// # Errors
    /// When signals can't be received.
    pub(crate) fn from_now_on() -> Result<Self, Failure> {
        let no_signals = |error| Failure::failed(format!("signals can't be received: {error}"));
        let terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        Ok(Self { terminate, interrupt })
    }

    /// Returns when the process is asked to end; once for each time.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Answers until the process is asked to end, then finishes what is in hand.
pub(crate) async fn serve(
    assembly: Arc<Assembly>,
    listening: Listening,
    mut end: EndAsked,
    tls: Option<TlsAcceptor>,
    limits: &RawLimits,
    drain_within: Span,
) {
    let port = Arc::new(Port { assembly, tls, limits: limits.clone(), load: Load::default() });
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    loop {
        tokio::select! {
            accepted = accept(&listening.listener, &places) => {
                let (stream, from, place) = accepted;
                Arc::clone(&port).spawn((stream, from), place, graceful.watcher());
            }
            () = end.received() => break,
        }
    }
    // From here on the system refuses new connections, and calls on open ones are refused.
    drop(listening);
    port.load.ending.store(true, Ordering::Relaxed);
    tracing::info!("ending: calls in hand are finished");
    let drained = async {
        tokio::join!(port.assembly.gateway.drain(), graceful.shutdown());
    };
    tokio::select! {
        _ = drained => tracing::info!("every call in hand has ended"),
        () = tokio::time::sleep(drain_within.duration()) => {
            tracing::warn!(%drain_within, "calls in hand did not end in time");
        }
        () = end.received() => tracing::warn!("ending at once: asked a second time"),
    }
}

/// The next connection, when there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip(), place),
            Err(error) => {
                // Out of file descriptors, or a caller that left already: others still come.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

struct Port {
    assembly: Arc<Assembly>,
    tls: Option<TlsAcceptor>,
    limits: RawLimits,
    load: Load,
}

type Watcher = hyper_util::server::graceful::Watcher;

impl Port {
    fn spawn(
        self: Arc<Self>,
        (stream, from): (TcpStream, IpAddr),
        place: Option<OwnedSemaphorePermit>,
        watcher: Watcher,
    ) {
        tokio::spawn(async move {
            self.load.all.fetch_add(1, Ordering::Relaxed);
            self.load.open.fetch_add(1, Ordering::Relaxed);
            // Answers are small and waited for.
            drop(stream.set_nodelay(true));
            let stream = Patient::new(stream, self.limits.answer_taken_within.duration());
            match &self.tls {
                None => self.speak(stream, (from, None), watcher).await,
                Some(tls) => {
                    let within = self.limits.head_within.duration();
                    match tokio::time::timeout(within, tls.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            // Its key was proved to be the caller's in the handshake.
                            let shown = stream.get_ref().1.peer_certificates();
                            let certificate = shown.and_then(<[_]>::first);
                            let certificate = certificate.map(|it| Thumbprint::of(it));
                            self.speak(stream, (from, certificate), watcher).await;
                        }
                        Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
                        Err(_) => tracing::debug!("no TLS came about in time"),
                    }
                }
            }
            self.load.open.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }

    /// Answers on a connection; `from` says whose it is, with the client certificate if there is
    /// one. Nobody who asks can say it: only a proxy that the configuration names says in a header whom
    /// it asks for, and only limits count by that.
    async fn speak<S>(
        self: &Arc<Self>,
        stream: S,
        from: (IpAddr, Option<Thumbprint>),
        watcher: Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let (port, first) = (Arc::clone(self), Arc::clone(&asked));
        let (address, certificate) = from;
        let from = Origin::address(address);
        let service = service_fn(move |mut request: Request<Incoming>| {
            first.store(true, Ordering::Relaxed);
            let peer = port.limits.trusted_proxies.peer(address, request.headers());
            request.extensions_mut().insert(peer);
            if let Some(certificate) = certificate {
                request.extensions_mut().insert(certificate);
            }
            let port = Arc::clone(&port);
            async move {
                Ok::<_, Infallible>(routes::answer(&port.assembly, &port.load, from, request).await)
            }
        });
        let builder = self.builder();
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut connection = std::pin::pin!(watcher.watch(connection));
        // Before the first head, no timer of hyper runs: it waits to see which version is spoken.
        let patience = async {
            tokio::time::sleep(self.limits.head_within.duration()).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
            }
            () = patience => tracing::debug!("a connection asked nothing in time"),
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_within.duration())
            .max_buf_size(self.limits.head_bytes_max);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams_max)
            .max_header_list_size(u32::try_from(self.limits.head_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_WITHIN);
        builder
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often an idle HTTP/2 caller is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
