//! A request's body on its way to a target.

use crate::resolve::OutgoingBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

/// Bytes in one piece, or as they come from the caller.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Whole(Option<Bytes>, Option<&'static str>),
    Stream { body: Incoming, left: u64, progress: Progress },
}

/// How many pieces of a body have left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn pieces(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A caller's body can't be sent on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyRefused {
    #[error("the caller's body is larger than the target's limit")]
    TooLarge,
    #[error("the caller's body broke off")]
    Caller(#[source] hyper::Error),
}

impl RequestBody {
    pub(crate) fn new(body: OutgoingBody, progress: &Progress) -> Self {
        match body {
            OutgoingBody::None => Self::Whole(None, None),
            OutgoingBody::Json(bytes) => Self::Whole(Some(bytes), Some("application/json")),
            OutgoingBody::Form(bytes) => {
                Self::Whole(Some(bytes), Some("application/x-www-form-urlencoded"))
            }
            OutgoingBody::Stream(body, left) => {
                Self::Stream { body, left, progress: progress.clone() }
            }
        }
    }

    /// The media type that the gateway knows of; `None` where the caller's own stands.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Whole(_, media_type) => *media_type,
            Self::Stream { .. } => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Whole(bytes, _) => bytes.is_none(),
            Self::Stream { .. } => false,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyRefused;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyRefused>>> {
        match &mut *self {
            Self::Whole(bytes, _) => Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Self::Stream { body, left, progress } => {
                let frame = match Pin::new(body).poll_frame(context) {
                    Poll::Ready(Some(Ok(frame))) => frame,
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Some(Err(BodyRefused::Caller(error))));
                    }
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return Poll::Pending,
                };
                // Trailers are no argument, so nobody decided on them: they end here.
                let Some(data) = frame.data_ref() else { return Poll::Ready(None) };
                progress.0.fetch_add(1, Ordering::Relaxed);
                match left.checked_sub(u64::try_from(data.len()).unwrap_or(u64::MAX)) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(Some(Err(BodyRefused::TooLarge))),
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes, _) => bytes.is_none(),
            Self::Stream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes, _) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream { body, .. } => body.size_hint(),
        }
    }
}
