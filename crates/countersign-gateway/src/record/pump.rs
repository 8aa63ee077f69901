//! Moves a streamed answer from the target to the caller, masked, and records how it ended before
//! the caller sees the end. It runs in the call's own task, so a caller that hangs up ends the
//! answer and not its record.

use super::{Capture, Ending, outcome, settle};
use crate::{
    Inner,
    body::{Body, Broken, Whole},
    cut,
    forward::{Lease, chain},
    masking::{Pipeline, Unfitting, masked_headers},
    permit::Flight,
};
use bytes::Bytes;
use countersign_governance::Finish;
use countersign_model::Reason;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Frames that may wait for the caller: what is beyond waits at the target.
const FRAMES_WAITING_MAX: usize = 4;
/// Decoded bytes that are gathered before they are let through.
const GATHERED_BYTES: usize = 64 * 1024;

/// A streamed answer on its way.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) inner: Arc<Inner>,
    pub(super) flight: Box<Flight>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) flowing: Flowing,
}

/// What moves.
#[derive(Debug)]
pub(super) struct Flowing {
    pub(super) body: Incoming,
    /// Until the answer was read to its end.
    pub(super) lease: Option<Lease>,
    pub(super) pipeline: Pipeline,
    pub(super) capture: Capture,
    /// The announced length, where the bytes pass unchanged.
    pub(super) bytes: Option<u64>,
    /// How long the target may say nothing.
    pub(super) idle: Duration,
}

/// The way to the caller.
struct Sender {
    frames: mpsc::Sender<Result<Frame<Bytes>, Broken>>,
    whole: Whole,
    within: Duration,
}

/// What is let through only after the record: the last bytes, and the trailers.
#[derive(Debug, Default)]
struct Last {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

impl Pump {
    pub(super) fn start(self) -> Body {
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
        let whole = Whole::default();
        let body = Body::stream(receiver, self.flowing.bytes, whole.clone());
        let within = self.inner.limits.answer_taken_within.duration();
        tokio::spawn(self.run(Sender { frames: sender, whole, within }));
        body
    }

    async fn run(mut self, sender: Sender) {
        let mut sent = 0;
        let flowed = tokio::select! {
            biased;
            cut = cut::cut(&self.inner, &self.flight) => {
                // At once: what the ledger says of it follows.
                sender.whole.cut();
                Err(cut.reason)
            }
            flowed = self.flowing.flow(&sender, &mut sent) => flowed,
        };
        let (reason, mut last) = match flowed {
            Ok(last) => (self.flight.reason, Some(last)),
            Err(reason) => (reason, None),
        };
        if let Some(last) = &mut last {
            self.flowing.capture.push(&last.bytes);
            sent += length(&last.bytes);
            last.trailers = last.trailers.take().map(|it| self.trailers(&it));
        }
        let Flowing { pipeline, capture, .. } = &self.flowing;
        let masked = pipeline.masked();
        let ending = Ending {
            status: self.status.as_u16(),
            headers: Some(&self.headers),
            reason,
            came: pipeline.came(),
            bytes: sent,
            masked,
            kept: capture.kept(),
        };
        let recorded = outcome(&self.inner, &self.flight, &ending).await;
        self.inner.metrics.masked(masked);
        settle(&self.inner, &self.flight, Finish::Executed).await;
        match (recorded, last) {
            (Ok(()), Some(last)) => deliver(&sender, last).await,
            (Ok(()), None) => {
                self.inner.metrics.broke_off(reason);
                // Without the end having been said, the answer is cut where it stands.
                drop(sender);
            }
            (Err(error), _) => {
                self.inner.metrics.broke_off(Reason::OutcomeUnknown);
                tracing::error!(call = %self.flight.call(), error = chain(&error), "outcome can't be recorded");
                drop(sender);
            }
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) -> HeaderMap {
        let passing = crate::headers::response(trailers, crate::headers::Bytes::AsSent);
        let (trailers, finds) = masked_headers(&self.inner, &self.flight, passing);
        self.flowing.pipeline.note(finds);
        trailers
    }
}

impl Flowing {
    /// Lets frames through until the end, which it keeps back.
    async fn flow(&mut self, sender: &Sender, sent: &mut u64) -> Result<Last, Reason> {
        let mut left = self.bytes;
        let mut last = Last::default();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(self.idle, self.body.frame()) => frame,
                () = sender.frames.closed() => return Err(Reason::CallerGone),
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
                    if left == Some(0) {
                        // The caller knows the length: these are the bytes that end the answer.
                        last.bytes = self.pipeline.push(data).map_err(reason)?;
                    } else {
                        self.let_through(data, sender, sent).await?;
                    }
                }
                Err(frame) => last.trailers = frame.into_trailers().ok(),
            }
        }
        if let Some(lease) = self.lease.take() {
            lease.over();
        }
        let rest = self.pipeline.finish().map_err(reason)?;
        if !rest.is_empty() {
            last.bytes = rest;
        }
        Ok(last)
    }

    /// Masks one frame and lets it through, compressed bytes piece by piece.
    async fn let_through(
        &mut self,
        mut data: Bytes,
        sender: &Sender,
        sent: &mut u64,
    ) -> Result<(), Reason> {
        let mut gathered = Vec::new();
        while !data.is_empty() {
            let piece = self.pipeline.piece(&mut data);
            let out = self.pipeline.push(piece).map_err(reason)?;
            let out = if data.is_empty() && gathered.is_empty() {
                out
            } else {
                gathered.extend_from_slice(&out);
                if gathered.len() < GATHERED_BYTES && !data.is_empty() {
                    continue;
                }
                Bytes::from(std::mem::take(&mut gathered))
            };
            if !out.is_empty() {
                self.capture.push(&out);
                *sent += length(&out);
                send(sender, Ok(Frame::data(out))).await.map_err(|Gone| Reason::CallerGone)?;
            }
        }
        Ok(())
    }
}

/// The caller hung up, or takes nothing any more.
#[derive(Debug)]
struct Gone;

async fn send(sender: &Sender, frame: Result<Frame<Bytes>, Broken>) -> Result<(), Gone> {
    match tokio::time::timeout(sender.within, sender.frames.send(frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// A caller that went away at the very end has its outcome in the ledger: nothing more to do.
async fn deliver(sender: &Sender, last: Last) {
    let frames = [
        (!last.bytes.is_empty()).then(|| Frame::data(last.bytes)),
        last.trailers.map(Frame::trailers),
    ];
    for frame in frames.into_iter().flatten() {
        if send(sender, Ok(frame)).await.is_err() {
            return;
        }
    }
    sender.whole.say();
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
