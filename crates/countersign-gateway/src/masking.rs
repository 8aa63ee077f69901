//! Masks an answer. [`Masked`] is the only form of an answer that may be recorded or delivered.
//! What cannot be parsed cannot be masked, and what must be masked and cannot be is not delivered.

mod decode;
mod pipeline;

pub(crate) use decode::Coding;
pub(crate) use pipeline::Pipeline;

use crate::{
    Inner,
    forward::{self, Forwarded},
    headers,
    permit::Flight,
    respond::Stop,
};
use bytes::Bytes;
use countersign_mask::{Format, Unmaskable};
use countersign_model::{Function, Reason, catalog::RecordRule};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
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
    pub(crate) flight: Flight,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) masked: u64,
    /// Whether the bytes are text that a recording may keep.
    pub(crate) legible: Legible,
}

/// An answer that is masked as it flows.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) flight: Flight,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
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
    let Forwarded { flight, parts, body } = forwarded;
    let status = parts.status;
    let unfit = |flight: Flight, stop| Unfit { flight: Box::new(flight), status, stop, bytes: 0 };
    let bytes_max = flight.target().and_then(|it| it.response_bytes_max);
    if let (Some(max), Some(length)) = (bytes_max, body.size_hint().exact())
        && length > max
    {
        let stop = too_large(max);
        return Err(unfit(flight, stop));
    }
    let empty = body.is_end_stream();
    let prepared = match prepare(inner, &flight, &parts.headers, empty) {
        Ok(prepared) => prepared,
        Err(stop) => return Err(unfit(flight, stop)),
    };
    let Prepared { mut headers, pipeline, legible, changed } = prepared;
    adjust_location(inner, &flight, &mut headers);
    let length = body.size_hint().exact();
    let in_one_piece = length.is_some_and(|it| it <= WHOLE_BYTES_MAX) && !pipeline.decodes();
    if !in_one_piece {
        let bytes = if changed == headers::Bytes::AsSent { length } else { None };
        let pipeline = pipeline.limited(bytes_max);
        let stream = Stream { flight, status, headers, body, pipeline, bytes, legible };
        return Ok(Masked::Stream(Box::new(stream)));
    }
    let idle = flight.target().map(|it| it.idle_within.duration()).unwrap_or_default();
    let limit = usize::try_from(WHOLE_BYTES_MAX).unwrap_or(usize::MAX);
    let collected = match tokio::time::timeout(idle, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) | Err(_) => {
            let stop = flight.target().map_or_else(crate::resolve::not_catalogued, forward::broken);
            return Err(unfit(flight, stop));
        }
    };
    match pipeline.whole(collected) {
        Ok((body, masked)) => {
            let whole = Whole { flight, status, headers, body, masked, legible };
            Ok(Masked::Whole(Box::new(whole)))
        }
        Err(fault) => {
            let stop = unmaskable(flight.function(), &fault.to_string());
            Err(unfit(flight, stop))
        }
    }
}

/// How one answer is masked.
struct Prepared {
    headers: HeaderMap,
    pipeline: Pipeline,
    legible: Legible,
    changed: headers::Bytes,
}

fn prepare(
    inner: &Inner,
    flight: &Flight,
    from: &HeaderMap,
    empty: bool,
) -> Result<Prepared, Stop> {
    let function = flight.function();
    let cannot = |why: &str| unmaskable(function, why);
    let plan = flight.route().and_then(|it| it.answer.clone());
    let plan = plan.ok_or_else(|| cannot("its masks could not be compiled"))?;
    let format = format(from);
    let legible = if format.is_some() { Legible::Text } else { Legible::Opaque };
    if plan.is_empty() && function.record != RecordRule::Full || empty {
        let changed = headers::Bytes::AsSent;
        let headers = masked_headers(inner, flight, headers::response(from, changed))?;
        let pipeline = Pipeline::passing();
        let legible =
            if from.contains_key(header::CONTENT_ENCODING) { Legible::Opaque } else { legible };
        return Ok(Prepared { headers, pipeline, legible, changed });
    }
    let coding = Coding::of(from).map_err(|why| cannot(&why))?;
    if plan.is_empty() && coding == Coding::Identity {
        let changed = headers::Bytes::AsSent;
        let headers = headers::response(from, changed);
        return Ok(Prepared { headers, pipeline: Pipeline::passing(), legible, changed });
    }
    let changed = headers::Bytes::Changed;
    let headers = masked_headers(inner, flight, headers::response(from, changed))?;
    let pipeline = match format {
        _ if plan.is_empty() => Pipeline::decoding(coding),
        Some(format) => Pipeline::masking(plan, &inner.mask_key, format, coding),
        None => {
            let media_type = from.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
            let media_type = media_type.unwrap_or("unnamed");
            return Err(cannot(&format!("its media type {media_type} is not one that is masked")));
        }
    };
    Ok(Prepared { headers, pipeline, legible, changed })
}

/// The format of an answer's bytes by its media type; `None` for what is no text.
fn format(from: &HeaderMap) -> Option<Format> {
    let text = from.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = text.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" => Some(Format::Json),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json-lines" => Some(Format::Ndjson),
        "text/event-stream" => Some(Format::Sse),
        "application/xml" | "application/x-www-form-urlencoded" | "application/javascript" => {
            Some(Format::Text)
        }
        other if other.starts_with("text/") || other.ends_with("+xml") => Some(Format::Text),
        other if other.starts_with("application/") && other.ends_with("+json") => {
            Some(Format::Json)
        }
        _ => None,
    }
}

/// Header values can hold personal data too: where a function detects data types, values beyond
/// the standard ones go through the same detectors.
fn masked_headers(
    inner: &Inner,
    flight: &Flight,
    mut headers: HeaderMap,
) -> Result<HeaderMap, Stop> {
    const PLAIN: [&str; 12] = [
        "content-type",
        "content-length",
        "content-encoding",
        "cache-control",
        "date",
        "expires",
        "last-modified",
        "vary",
        "retry-after",
        "content-language",
        "etag",
        "age",
    ];
    let detects = flight.function().masks.iter().any(|it| it.field.is_none());
    let Some(plan) = flight.route().and_then(|it| it.answer.clone()).filter(|_| detects) else {
        return Ok(headers);
    };
    if plan.has_fields() {
        // Fields have no meaning in a header: only what stands everywhere is looked for.
        for (name, _) in headers.clone().iter().filter(|(name, _)| name.as_str().starts_with("x-"))
        {
            headers.remove(name);
        }
        return Ok(headers);
    }
    for (name, value) in &mut headers {
        if PLAIN.contains(&name.as_str()) {
            continue;
        }
        let masked = Pipeline::masking(
            std::sync::Arc::clone(&plan),
            &inner.mask_key,
            Format::Text,
            Coding::Identity,
        )
        .whole(Bytes::copy_from_slice(value.as_bytes()))
        .map_err(|fault| unmaskable(flight.function(), &fault.to_string()))?;
        if let Ok(masked) = http::HeaderValue::from_maybe_shared(masked.0) {
            *value = masked;
        }
    }
    Ok(headers)
}

/// A redirect to the target becomes one through the gateway: its address is nobody's business.
fn adjust_location(inner: &Inner, flight: &Flight, headers: &mut HeaderMap) {
    let Some(target) = flight.target() else { return };
    let location = headers.get(header::LOCATION).and_then(|it| it.to_str().ok());
    let below = location.and_then(|it| it.strip_prefix(target.url.as_str()));
    if let Some(rest) = below.filter(|it| it.is_empty() || it.starts_with(['/', '?'])) {
        let address = format!("{}/t/{}{rest}", inner.resource, target.name);
        if let Ok(value) = http::HeaderValue::try_from(address) {
            headers.insert(header::LOCATION, value);
        }
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
    #[error("its compressed bytes are broken")]
    Coding,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
}

#[cfg(test)]
mod tests;
