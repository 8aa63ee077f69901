//! Moves a streamed answer from the target to the caller, masked, and records how it ended before
//! the caller sees the end. It runs in the call's own task, so a caller that hangs up ends the
//! answer and not its record.

use super::{Capture, Ending, outcome, settle};
use crate::{
    Inner,
    body::{Body, Broken},
    masking::{Pipeline, Unfitting},
    permit::Flight,
};
use bytes::Bytes;
use countersign_governance::Finish;
use countersign_model::Reason;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Frames that may wait for the caller: what is beyond waits at the target.
const FRAMES_WAITING_MAX: usize = 4;

/// A streamed answer on its way.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) inner: Arc<Inner>,
    pub(super) flight: Flight,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
    pub(super) pipeline: Pipeline,
    pub(super) capture: Capture,
    /// The announced length, where the bytes pass unchanged.
    pub(super) bytes: Option<u64>,
}

type Sender = mpsc::Sender<Result<Frame<Bytes>, Broken>>;

/// What is let through only after the record: the last bytes, and the trailers.
#[derive(Debug, Default)]
struct Last {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

impl Pump {
    pub(super) fn start(self) -> Body {
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
        let body = Body::stream(receiver, self.bytes);
        tokio::spawn(self.run(sender));
        body
    }

    async fn run(mut self, sender: Sender) {
        let mut sent = 0;
        let (reason, last) = match self.flow(&sender, &mut sent).await {
            Ok(last) => (self.flight.reason, Some(last)),
            Err(reason) => (reason, None),
        };
        if let Some(last) = &last {
            self.capture.push(&last.bytes);
            sent += length(&last.bytes);
        }
        let masked = self.pipeline.masked();
        let ending = Ending {
            status: self.status.as_u16(),
            headers: Some(&self.headers),
            reason,
            bytes: sent,
            masked,
            response: Some(&self.capture),
        };
        let recorded = outcome(&self.inner, &self.flight, &ending).await;
        self.inner.metrics.masked(masked);
        settle(&self.inner, &self.flight, Finish::Executed).await;
        match (recorded, last) {
            (Ok(()), Some(last)) => deliver(&sender, last).await,
            (Ok(()), None) => drop(sender.send(Err(Broken)).await),
            (Err(error), _) => {
                tracing::error!(call = %self.flight.call(), error = %error, "outcome can't be recorded");
                drop(sender.send(Err(Broken)).await);
            }
        }
    }

    /// Lets frames through until the end, which it keeps back.
    async fn flow(&mut self, sender: &Sender, sent: &mut u64) -> Result<Last, Reason> {
        let idle = self.flight.target().map(|it| it.idle_within.duration()).unwrap_or_default();
        let mut left = self.bytes;
        let mut last = Last::default();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(idle, self.body.frame()) => frame,
                () = sender.closed() => return Err(Reason::CallerGone),
            };
            let frame = match frame {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Err(Reason::TargetBroken),
                Ok(None) => break,
                Err(_) => return Err(Reason::TargetTimeout),
            };
            match frame.into_data() {
                Ok(data) => {
                    left = left.map(|it| it.saturating_sub(length(&data)));
                    let out = self.pipeline.push(data).map_err(reason)?;
                    if left == Some(0) {
                        // The caller knows the length: these are the bytes that end the answer.
                        last.bytes = out;
                    } else if !out.is_empty() {
                        self.capture.push(&out);
                        *sent += length(&out);
                        let passed = sender.send(Ok(Frame::data(out))).await;
                        passed.map_err(|_| Reason::CallerGone)?;
                    }
                }
                Err(frame) => last.trailers = frame.into_trailers().ok(),
            }
        }
        let rest = self.pipeline.finish().map_err(reason)?;
        if !rest.is_empty() {
            last.bytes = rest;
        }
        Ok(last)
    }
}

async fn deliver(sender: &Sender, last: Last) {
    // A caller that went away at the very end has its outcome in the ledger: nothing more to do.
    if !last.bytes.is_empty() && sender.send(Ok(Frame::data(last.bytes))).await.is_err() {
        return;
    }
    if let Some(trailers) = last.trailers {
        let trailers = crate::headers::response(&trailers, crate::headers::Bytes::AsSent);
        drop(sender.send(Ok(Frame::trailers(trailers))).await);
    }
}

fn reason(unfit: Unfitting) -> Reason {
    match unfit {
        Unfitting::Unmaskable(_) | Unfitting::Coding => Reason::UnmaskableResponse,
        Unfitting::TooLarge(_) => Reason::ResponseTooLarge,
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
