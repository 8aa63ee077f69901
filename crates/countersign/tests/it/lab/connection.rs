//! One connection of one caller. An answer is whole, or there is none.

use super::PATIENCE;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};

/// A connection to a gateway.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

/// The gateway is not there, or went away before its answer was whole.
#[derive(Debug)]
pub(crate) struct Lost(#[expect(dead_code, reason = "it is read where it is printed")] String);

/// What a caller says.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Say {
    pub(crate) fn new(method: &str, path: &str, token: &str) -> Self {
        Self::authorized(method, path, &format!("Bearer {token}"))
    }

    /// With this `Authorization`.
    pub(crate) fn authorized(method: &str, path: &str, authorization: &str) -> Self {
        let headers = vec![("authorization", authorization.to_owned())];
        Self { method: method.to_owned(), path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// Without any credential.
    pub(crate) fn bare(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// With the fields of a form, as a page of the console sends it.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        let body = Bytes::from(encoded.extend_pairs(fields).finish());
        Self { body, ..self }
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", super::AUDIENCE)
            .header("sec-fetch-site", "same-origin")
    }

    pub(crate) fn get(path: &str, token: &str) -> Self {
        Self::new("GET", path, token)
    }

    /// With a body, unless the method has none.
    pub(crate) fn with(self, body: &Value) -> Self {
        if self.method == "GET" {
            return self;
        }
        let body = Bytes::from(body.to_string());
        Self { body, ..self }.header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    /// Status and reason in one: `502 target_broken`.
    pub(crate) fn reason(&self) -> String {
        format!("{} {}", self.status, self.header("countersign-reason"))
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Lost> {
        let stream = TcpStream::connect(address).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        Self::over(stream).await
    }

    /// Over a connection that somebody else opened, such as one with TLS.
    pub(crate) async fn over<S>(stream: S) -> Result<Self, Lost>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, task })
    }

    /// Says something, and waits for the whole answer.
    pub(crate) async fn say(&mut self, say: Say) -> Result<Answer, Lost> {
        let mut request = Request::builder().method(say.method.as_str()).uri(say.path);
        request = request.header("host", "gateway.test");
        for (name, value) in say.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(say.body)).unwrap();
        let answered = async {
            self.sender.ready().await.map_err(lost)?;
            let response = self.sender.send_request(request).await.map_err(lost)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(lost)?.to_bytes();
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        answer.expect("a gateway that runs answers, and one that ends closes its connections")
    }

    /// Gets something, and gives the answer's body as it comes; it must be a 200.
    pub(crate) async fn begin(&mut self, path: &str, token: &str) -> Result<Incoming, Lost> {
        let request = Request::builder()
            .uri(path)
            .header("host", "gateway.test")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(Full::default()).unwrap();
        self.sender.ready().await.map_err(lost)?;
        let response = self.sender.send_request(request).await.map_err(lost)?;
        assert_eq!(response.status(), 200, "{response:?}");
        Ok(response.into_body())
    }

    /// Says one thing on a connection of its own.
    pub(crate) async fn once(address: SocketAddr, say: Say) -> Result<Answer, Lost> {
        Self::open(address).await?.say(say).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lost(error: impl std::error::Error) -> Lost {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let causes: String = causes.map(|it| format!(": {it}")).collect();
    Lost(format!("{error}{causes}"))
}
