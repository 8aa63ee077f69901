use super::*;
use crate::resolve::OutgoingBody;
use bytes::Bytes;
use http::Version;
use http_body_util::{BodyExt as _, Full};
use hyper::{server, service::service_fn};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const IDLE: Duration = Duration::from_millis(400);

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn pool(port: u16, spoken: Spoken) -> Arc<Pool> {
    countersign_identity::install_crypto();
    let tls = crate::forward::upstream_tls().unwrap();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let host = format!("127.0.0.1:{port}");
    let origin = Uri::try_from(format!("http://{host}/")).unwrap();
    let pool = Pool::new(connector, origin, host.try_into().unwrap(), spoken);
    Arc::new(Pool { idle_within: IDLE, ..pool })
}

fn request(path: &'static str) -> Request<RequestBody> {
    let body = RequestBody::new(OutgoingBody::None, &super::super::body::Progress::default());
    let mut request = Request::new(body);
    *request.uri_mut() = Uri::from_static(path);
    request
}

/// Reads a request's head, byte by byte, so that nothing of the next is taken.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn read(pool: &Arc<Pool>, path: &'static str) -> Result<Bytes, SendError> {
    let (response, lease) = pool.send(request(path)).await?;
    let bytes = response.into_body().collect().await.map_err(SendError::Broken)?.to_bytes();
    lease.over();
    Ok(bytes)
}

#[tokio::test]
async fn one_connection_serves_calls_that_follow_each_other() {
    let (listener, port) = listen().await;
    let target = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heads = Vec::new();
        for _ in 0..3 {
            heads.push(head(&mut stream).await.unwrap());
            stream.write_all(ANSWER).await.unwrap();
        }
        heads
    });
    let pool = pool(port, Spoken::Http1);
    for path in ["/a?b=c", "/b", "/c"] {
        assert_eq!(read(&pool, path).await.unwrap(), "ok");
    }
    let heads = target.await.unwrap();
    let (line, rest) = heads[0].split_once("\r\n").unwrap();
    assert_eq!(line, "GET /a?b=c HTTP/1.1");
    assert!(rest.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{rest}");
}

#[tokio::test]
async fn a_request_that_was_never_written_is_sent_on_another_connection() {
    let (listener, port) = listen().await;
    let target = tokio::spawn(async move {
        let mut seen = 0;
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await.unwrap();
            seen += 1;
            stream.write_all(ANSWER).await.unwrap();
            // Closed while it is idle.
        }
        seen
    });
    let pool = pool(port, Spoken::Http1);
    assert_eq!(read(&pool, "/a").await.unwrap(), "ok");
    // Whether the close is known already or not: the next call finds a connection.
    assert_eq!(read(&pool, "/b").await.unwrap(), "ok");
    assert_eq!(target.await.unwrap(), 2);
}

#[tokio::test]
async fn a_request_that_may_have_left_is_never_sent_again() {
    let (listener, port) = listen().await;
    let target = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await.unwrap();
        stream.write_all(ANSWER).await.unwrap();
        head(&mut stream).await.unwrap();
        // Closed in the middle of the second call.
        drop(stream);
        tokio::time::timeout(Duration::from_millis(300), listener.accept()).await.is_err()
    });
    let pool = pool(port, Spoken::Http1);
    assert_eq!(read(&pool, "/a").await.unwrap(), "ok");
    let failed = read(&pool, "/b").await.unwrap_err();
    assert!(matches!(failed, SendError::Broken(_)), "{failed:?}");
    assert!(target.await.unwrap(), "nobody connects again");
}

#[tokio::test]
async fn a_connection_whose_answer_was_left_is_closed() {
    let (listener, port) = listen().await;
    let target = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").await.unwrap();
        // The end of the connection, not another request.
        stream.read(&mut [0; 1]).await.map_or(0, |it| it)
    });
    let pool = pool(port, Spoken::Http1);
    let (response, lease) = pool.send(request("/a")).await.unwrap();
    drop((response, lease));
    assert_eq!(target.await.unwrap(), 0);
    assert!(pool.take().is_none());
}

#[tokio::test]
async fn a_target_that_takes_no_connection_got_no_request() {
    let (listener, port) = listen().await;
    drop(listener);
    let failed = read(&pool(port, Spoken::Http1), "/a").await.unwrap_err();
    assert!(matches!(failed, SendError::Connect(_)), "{failed:?}");
}

#[tokio::test]
async fn idle_connections_are_closed_before_the_target_closes_them() {
    let (listener, port) = listen().await;
    let target = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await.unwrap();
        stream.write_all(ANSWER).await.unwrap();
        stream.read(&mut [0; 1]).await.unwrap()
    });
    let pool = pool(port, Spoken::Http1);
    let began = Instant::now();
    assert_eq!(read(&pool, "/a").await.unwrap(), "ok");
    assert_eq!(target.await.unwrap(), 0, "the gateway closes it");
    assert!(began.elapsed() >= IDLE, "{:?}", began.elapsed());
    assert!(pool.kept().idle.is_empty());
}

#[tokio::test]
async fn http2_carries_calls_side_by_side_on_one_connection() {
    let (listener, port) = listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let service = service_fn(|request: Request<Incoming>| async move {
                assert_eq!(request.version(), Version::HTTP_2);
                assert!(!request.headers().contains_key(header::HOST));
                let whole = request.uri().to_string();
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(whole))))
            });
            let server = server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    let pool = pool(port, Spoken::Http2);
    let whole = |path: &str| format!("http://127.0.0.1:{port}{path}");
    assert_eq!(read(&pool, "/a").await.unwrap(), whole("/a"));
    let (b, c) = tokio::join!(read(&pool, "/b?d=e"), read(&pool, "/c"));
    assert_eq!((b.unwrap(), c.unwrap()), (whole("/b?d=e").into(), whole("/c").into()));
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}
