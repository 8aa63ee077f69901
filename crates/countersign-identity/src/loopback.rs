//! The place on this machine that a browser comes back to after a sign-in for the command line
//! (RFC 8252 §7.3). It listens on 127.0.0.1 only, answers one sign-in, and is gone.

use crate::{Callback, CallbackFault};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

/// A listener for one callback.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    redirect_uri: String,
}

/// A callback that did not come.
#[derive(Debug, thiserror::Error)]
pub enum LoopbackFailed {
    /// No port could be had.
    #[error("no port on 127.0.0.1 could be had")]
    Listen(#[source] std::io::Error),
    /// Nobody came.
    #[error("no browser came back within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// What came is malformed.
    #[error(transparent)]
    Callback(#[from] CallbackFault),
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`LoopbackFailed::Listen`] if there is none.
    pub async fn bind() -> Result<Self, LoopbackFailed> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(LoopbackFailed::Listen)?;
        let port = listener.local_addr().map_err(LoopbackFailed::Listen)?.port();
        Ok(Self { listener, redirect_uri: format!("http://127.0.0.1:{port}{PATH}") })
    }

    /// The URI to send as `redirect_uri`.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the browser, and answers it with `page`, an HTML document.
    ///
    /// # Errors
    /// [`LoopbackFailed`] if it does not come in time or brings nonsense.
    pub async fn callback(self, page: &str, time: Duration) -> Result<Callback, LoopbackFailed> {
        let page = Bytes::copy_from_slice(page.as_bytes());
        let wait = Box::pin(self.first_query(page));
        match tokio::time::timeout(time, wait).await {
            Ok(query) => Ok(Callback::from_query(&query?)?),
            Err(_) => Err(LoopbackFailed::TimedOut(time)),
        }
    }

    async fn first_query(self, page: Bytes) -> Result<String, LoopbackFailed> {
        let (sender, mut queries) = mpsc::channel::<String>(1);
        let page = Arc::new(page);
        // Browsers open connections that they may never use, so one must not hold up the next.
        let mut connections = JoinSet::new();
        let query = loop {
            tokio::select! {
                Some(query) = queries.recv() => break query,
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    let (stream, _) = accepted.map_err(LoopbackFailed::Listen)?;
                    let (sender, page) = (sender.clone(), Arc::clone(&page));
                    let answer = service_fn(move |request| {
                        let response = answer(&request, &page, &sender);
                        std::future::ready(Ok::<_, Infallible>(response))
                    });
                    let mut server = http1::Builder::new();
                    server.keep_alive(false).timer(TokioTimer::new());
                    server.header_read_timeout(HEADER_TIME_MAX);
                    connections.spawn(server.serve_connection(TokioIo::new(stream), answer));
                }
                Some(_ended) = connections.join_next() => {}
            }
        };
        // The page still has to reach the browser.
        let last = async { while connections.join_next().await.is_some() {} };
        drop(tokio::time::timeout(PAGE_TIME_MAX, last).await);
        Ok(query)
    }
}

fn answer(
    request: &Request<Incoming>,
    page: &Bytes,
    sender: &mpsc::Sender<String>,
) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    let (status, body) = if request.uri().path() != PATH {
        (StatusCode::NOT_FOUND, Bytes::new())
    } else if request.method() != Method::GET || query.is_empty() {
        (StatusCode::BAD_REQUEST, Bytes::new())
    } else {
        // If there is one already, the first one counts.
        drop(sender.try_send(query.to_owned()));
        (StatusCode::OK, page.clone())
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

const PATH: &str = "/callback";
const CONNECTIONS_MAX: usize = 16;
const HEADER_TIME_MAX: Duration = Duration::from_secs(10);
const PAGE_TIME_MAX: Duration = Duration::from_secs(1);
