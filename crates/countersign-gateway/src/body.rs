//! The body of an answer: bytes in one piece, or a stream that the call's own task fills.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// The body of an answer.
pub struct Body(Kind);

enum Kind {
    Whole {
        bytes: Option<Bytes>,
        trailers: Option<Box<HeaderMap>>,
    },
    Stream {
        frames: mpsc::Receiver<Result<Frame<Bytes>, Broken>>,
        bytes: Option<u64>,
        whole: Whole,
    },
}

/// The answer can't go on; the connection is cut, so that the caller sees that it is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct Broken;

/// Whether all of a streamed answer was handed over, which is said last, or it is cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole(Arc<AtomicU8>);

const FLOWING: u8 = 0;
const WHOLE: u8 = 1;
const CUT: u8 = 2;

impl Whole {
    pub(crate) fn say(&self) {
        let _ = self.0.compare_exchange(FLOWING, WHOLE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Ends the answer where it stands: frames that wait for the caller are not handed over.
    pub(crate) fn cut(&self) {
        self.0.store(CUT, Ordering::Release);
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Acquire) == WHOLE
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire) == CUT
    }
}

impl Body {
    /// Bytes in one piece.
    pub fn whole(bytes: Bytes) -> Self {
        Self::whole_with(bytes, None)
    }

    /// Bytes in one piece, and what follows them.
    pub(crate) fn whole_with(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self(Kind::Whole { bytes, trailers: trailers.map(Box::new) })
    }

    /// No bytes.
    pub fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// Frames as they come; `bytes` when their sum is known. When they cease, the answer is whole
    /// only if somebody said so: else it is cut.
    pub(crate) fn stream(
        frames: mpsc::Receiver<Result<Frame<Bytes>, Broken>>,
        bytes: Option<u64>,
        whole: Whole,
    ) -> Self {
        Self(Kind::Stream { frames, bytes, whole })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Kind::Whole { bytes, trailers } => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| Some(Frame::trailers(*trailers.take()?))).map(Ok))
            }
            Kind::Stream { whole, .. } if whole.is_cut() => Poll::Ready(Some(Err(Broken))),
            Kind::Stream { frames, whole, .. } => {
                let frame = std::task::ready!(frames.poll_recv(context));
                let cut = frame.is_none() && !whole.is_said();
                Poll::Ready(if cut { Some(Err(Broken)) } else { frame })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Kind::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { bytes, .. } => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Kind::Stream { bytes: Some(bytes), .. } => SizeHint::with_exact(*bytes),
            Kind::Stream { bytes: None, .. } => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole { bytes, .. } => {
                write!(f, "Body({} bytes)", bytes.as_ref().map_or(0, Bytes::len))
            }
            Kind::Stream { .. } => f.write_str("Body(stream)"),
        }
    }
}
