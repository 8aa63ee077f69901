//! The target of every measurement: answers any request with 1 KiB of JSON that holds an address.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("listen");
    let body = Bytes::from(document());
    loop {
        let (stream, _) = listener.accept().await.expect("accept");
        stream.set_nodelay(true).expect("nodelay");
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let body = body.clone();
                async move {
                    request.into_body().collect().await.ok();
                    let mut response = Response::new(Full::new(body));
                    let json = http::HeaderValue::from_static("application/json");
                    response.headers_mut().insert("content-type", json);
                    Ok::<_, Infallible>(response)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            connection.serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

/// A customer, padded to exactly 1,024 bytes.
fn document() -> String {
    let head = r#"{"id":"c_81","name":"Wren Ashdown","email":"wren.ashdown@mail.example","iban":"GB82WEST12345698765432","balance":120.50,"note":""#;
    let tail = r#""}"#;
    let filler = "Called about the invoice of last month and asked for a copy. ";
    let room = 1024 - head.len() - tail.len();
    let note: String = filler.chars().cycle().take(room).collect();
    format!("{head}{note}{tail}")
}
