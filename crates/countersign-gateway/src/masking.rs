//! Masks an answer. [`Masked`] is the only form of an answer that may be recorded or delivered.
//! What cannot be parsed cannot be masked, and what must be masked and cannot be is not delivered.

mod decode;
mod head;
mod pipeline;

pub(crate) use decode::Coding;
pub(crate) use head::masked as masked_headers;
pub(crate) use pipeline::Pipeline;

use crate::{
    Inner, cut,
    forward::{self, Forwarded, Lease},
    headers,
    permit::Flight,
    resolve::path_sent,
    respond::Stop,
};
use bytes::{Bytes, BytesMut};
use countersign_mask::{Format, Unmaskable};
use countersign_model::{Function, Reason, catalog::Target};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

/// Answers of a known length up to this many bytes are masked in one piece.
const WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// An answer that may be recorded and delivered.
#[derive(Debug)]
pub(crate) enum Masked {
    /// In one piece.
    Whole(Box<Whole>),
    /// As it flows.
    Stream(Box<Stream>),
}

/// A masked answer in one piece.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) flight: Box<Flight>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    /// Bytes of the answer as it came.
    pub(crate) came: u64,
    pub(crate) masked: u64,
    /// Whether the bytes are text that a recording may keep.
    pub(crate) legible: Legible,
}

/// An answer that is masked as it flows.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) flight: Box<Flight>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
    pub(crate) lease: Lease,
    pub(crate) pipeline: Pipeline,
    /// The length, where the bytes pass unchanged and the target announced it.
    pub(crate) bytes: Option<u64>,
    pub(crate) legible: Legible,
}

/// Whether an answer's bytes are text that a recording may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Legible {
    Text,
    Opaque,
}

/// An answer that must not be delivered.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) flight: Box<Flight>,
    pub(crate) status: StatusCode,
    pub(crate) stop: Stop,
    pub(crate) bytes: u64,
}

pub(crate) async fn mask(inner: &Inner, forwarded: Forwarded) -> Result<Masked, Unfit> {
    let Forwarded { flight, parts, body, lease } = forwarded;
    let status = parts.status;
    let unfit = |flight, stop, bytes| Unfit { flight, status, stop, bytes };
    let Some(target) = flight.target() else {
        return Err(unfit(flight, crate::resolve::not_catalogued(), 0));
    };
    // Nothing follows, whatever the headers say: the answer to HEAD describes the one to GET.
    let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    let bytes_max = target.response_bytes_max;
    if let (Some(max), Some(length)) = (bytes_max, length)
        && length > max
    {
        return Err(unfit(flight, too_large(max), 0));
    }
    let prepared = match prepare(inner, &flight, &parts, length) {
        Ok(prepared) => prepared,
        Err(stop) => return Err(unfit(flight, stop, 0)),
    };
    let Prepared { mut headers, pipeline, legible } = prepared;
    let sent = || path_sent(flight.function(), &flight.arguments);
    head::lead_through(&inner.resource, target, sent, &mut headers);
    let in_one_piece = length.is_some_and(|it| it <= WHOLE_BYTES_MAX) && !pipeline.decodes();
    if !in_one_piece {
        let bytes = length.filter(|_| flight.answer() == headers::Bytes::AsSent);
        let pipeline = pipeline.limited(bytes_max);
        let stream = Stream { flight, status, headers, body, lease, pipeline, bytes, legible };
        return Ok(Masked::Stream(Box::new(stream)));
    }
    let collected = tokio::select! {
        biased;
        // Most short answers are there already: then nobody waits for the policy.
        collected = collect(target, body, lease) => collected,
        cut = cut::cut(inner, &flight) => Err(cut::left(&cut)),
    };
    let Collected { bytes, trailers } = match collected {
        Ok(collected) => collected,
        Err(stop) => return Err(unfit(flight, stop, 0)),
    };
    let came = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let (trailers, in_trailers) = match trailers {
        Some(trailers) => {
            let passing = headers::response(&trailers, headers::Bytes::AsSent);
            let (trailers, finds) = head::masked(inner, &flight, passing);
            (Some(trailers), finds)
        }
        None => (None, 0),
    };
    match pipeline.whole(bytes) {
        Ok((body, masked)) => {
            let masked = masked + in_trailers;
            let whole = Whole { flight, status, headers, body, trailers, came, masked, legible };
            Ok(Masked::Whole(Box::new(whole)))
        }
        Err(fault) => {
            let stop = unmaskable(flight.function(), &fault.to_string());
            Err(unfit(flight, stop, came))
        }
    }
}

/// A short answer, whole.
struct Collected {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

async fn collect(target: &Target, mut body: Incoming, lease: Lease) -> Result<Collected, Stop> {
    let idle = target.idle_within.duration();
    let (mut first, mut more, mut trailers) = (Bytes::new(), BytesMut::new(), None);
    loop {
        let frame = match tokio::time::timeout(idle, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(forward::broken(target)),
            Ok(None) => break,
            Err(_) => return Err(forward::stood_still(target)),
        };
        match frame.into_data() {
            // Most short answers come in one piece, which is not copied.
            Ok(data) if first.is_empty() => first = data,
            Ok(data) => {
                if more.is_empty() {
                    more.extend_from_slice(&first);
                }
                more.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if body.is_end_stream() {
            break;
        }
    }
    lease.over();
    let bytes = if more.is_empty() { first } else { more.freeze() };
    Ok(Collected { bytes, trailers })
}

/// How one answer is masked.
struct Prepared {
    headers: HeaderMap,
    pipeline: Pipeline,
    legible: Legible,
}

fn prepare(
    inner: &Inner,
    flight: &Flight,
    parts: &http::response::Parts,
    length: Option<u64>,
) -> Result<Prepared, Stop> {
    let from = &parts.headers;
    let cannot = |why: &str| unmaskable(flight.function(), why);
    let plan = flight.route().and_then(|it| it.answer.clone());
    let plan = plan.ok_or_else(|| cannot("its masks could not be compiled"))?;
    let passing = headers::response(from, flight.answer());
    let (headers, finds) = head::masked(inner, flight, passing);
    let format = format(from);
    let coding = Coding::of(from);
    if plan.is_empty() || length == Some(0) {
        let legible = match (format, &coding) {
            (Some(_), Ok(Coding::Identity)) => Legible::Text,
            (_, Ok(_) | Err(_)) => Legible::Opaque,
        };
        return Ok(Prepared { headers, pipeline: Pipeline::passing().noting(finds), legible });
    }
    if parts.status == StatusCode::PARTIAL_CONTENT {
        // Nobody asked for it, and what is looked for may begin before it.
        return Err(cannot("it is a part of the answer only"));
    }
    let coding = coding.map_err(|why| cannot(&why))?;
    let Some(format) = format else {
        let media_type = from.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let media_type = media_type.unwrap_or("unnamed");
        return Err(cannot(&format!("its media type {media_type} is not one that is masked")));
    };
    let pipeline = Pipeline::masking(plan, &inner.mask_key, format, coding).noting(finds);
    Ok(Prepared { headers, pipeline, legible: Legible::Text })
}

/// The format of an answer's bytes by its one media type; `None` for what is no text that could be
/// masked. Text must be in an encoding in which ASCII stands for itself: what else is no UTF-8 is
/// refused by the masker.
fn format(from: &HeaderMap) -> Option<Format> {
    let mut named = from.get_all(header::CONTENT_TYPE).iter();
    let (text, None) = (named.next()?.to_str().ok()?, named.next()) else { return None };
    let mut parts = text.split(';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    let plain = parts.all(|parameter| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            let value = value.trim_matches('"').to_ascii_lowercase();
            matches!(value.as_str(), "utf-8" | "utf8" | "us-ascii" | "iso-8859-1" | "windows-1252")
        }
        Some(_) | None => true,
    });
    if !plain {
        return None;
    }
    match media_type.as_str() {
        "application/json" => Some(Format::Json),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json-lines" => Some(Format::Ndjson),
        "text/event-stream" => Some(Format::Sse),
        "application/xml" | "application/javascript" => Some(Format::Text),
        other if other.starts_with("text/") || other.ends_with("+xml") => Some(Format::Text),
        other if other.starts_with("application/") && other.ends_with("+json") => {
            Some(Format::Json)
        }
        _ => None,
    }
}

/// An answer that must be masked and can't be.
pub(crate) fn unmaskable(function: &Function, why: &str) -> Stop {
    let owners: Vec<&str> =
        function.owners.iter().map(countersign_model::Subject::as_str).collect();
    Stop::say(
        Reason::UnmaskableResponse,
        &format!("The call ran, but its answer can't be masked and is withheld: {why}."),
        &format!("Tell {} (owner of {}).", owners.join(", "), function.name),
    )
}

pub(crate) fn too_large(bytes_max: u64) -> Stop {
    Stop::say(
        Reason::ResponseTooLarge,
        &format!("The call ran, but its answer is larger than {bytes_max} bytes."),
        "Ask for less at once, or ask an administrator to raise the target's limit.",
    )
}

/// Why a stream can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfitting {
    #[error("{0}")]
    Unmaskable(#[from] Unmaskable),
    #[error("its compressed bytes are broken, or expand beyond measure")]
    Coding,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
}

#[cfg(test)]
mod tests;
