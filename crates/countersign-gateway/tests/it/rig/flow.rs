//! Bodies whose frames come when a test sends them.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// A body whose frames come when the test sends them; it ends when the sender is dropped.
pub struct Flow(mpsc::Receiver<io::Result<Frame<Bytes>>>);

#[derive(Clone)]
pub struct Source(mpsc::Sender<io::Result<Frame<Bytes>>>);

pub fn flow() -> (Source, Flow) {
    let (sender, receiver) = mpsc::channel(1);
    (Source(sender), Flow(receiver))
}

impl Source {
    /// Whether it was taken.
    pub async fn send(&self, bytes: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(bytes.into()))).await.is_ok()
    }

    pub async fn trailers(&self, name: &'static str, value: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        self.0.send(Ok(Frame::trailers(trailers))).await.unwrap();
    }

    /// Until whoever takes has gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context)
    }
}
