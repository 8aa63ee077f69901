//! Which trace a span belongs to: W3C Trace Context, read strictly from what a stranger sends.

use countersign_model::Entropy;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// A span in its trace, as it is told to others (W3C Trace Context §3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context {
    trace: [u8; 16],
    span: SpanId,
    flags: u8,
}

/// The id of a span, unique in its trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub(crate) [u8; 8]);

/// A span that begins, and whose part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The span.
    pub context: Context,
    /// The caller's span, if the caller named one.
    pub parent: Option<SpanId>,
}

/// Which part of the traces that begin here is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample(f64);

impl Sample {
    /// From none (0) to all (1); `None` if it is neither of these nor between them.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// Decided by the trace's id alone, so that whoever else samples this way keeps the same traces:
    /// its last 56 bits are random (W3C Trace Context Level 2 §2.2.3.1), and the highest are kept. Of
    /// these 32 bits are looked at.
    fn keeps(self, trace: &[u8; 16]) -> bool {
        let [_, _, _, _, _, _, _, _, _, a, b, c, d, ..] = *trace;
        f64::from(u32::from_be_bytes([a, b, c, d])) >= (1.0 - self.0) * 4_294_967_296.0
    }
}

impl Context {
    /// The context that a request names, if it names one that holds to the specification.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all(TRACEPARENT).iter();
        let (Some(only), None) = (named.next(), named.next()) else { return None };
        Self::parse(only.as_bytes())
    }

    /// A part of the trace that the headers name, or the first span of a new one. A caller's decision
    /// to sample stands, either way.
    pub fn begin(headers: &HeaderMap, sample: Sample, entropy: &Entropy) -> Begun {
        match Self::of(headers) {
            Some(parent) => Begun { context: parent.child(entropy), parent: Some(parent.span) },
            None => {
                let trace = not_zero(entropy.bytes());
                let flags = if sample.keeps(&trace) { SAMPLED } else { 0 };
                let span = SpanId(not_zero(entropy.bytes()));
                Begun { context: Self { trace, span, flags }, parent: None }
            }
        }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(self, entropy: &Entropy) -> Self {
        Self { span: SpanId(not_zero(entropy.bytes())), ..self }
    }

    /// Makes a request one of this span's: in place of whatever trace it named before. The caller's
    /// `tracestate` stays only beside the trace that it belongs to (W3C Trace Context §3.3).
    pub fn name_in(self, headers: &mut HeaderMap, parent: Option<SpanId>) {
        if parent.is_none() {
            headers.remove(TRACESTATE);
        }
        let (trace, span, flags) = (Hex(&self.trace), Hex(&self.span.0), self.flags);
        if let Ok(value) = HeaderValue::from_str(&format!("00-{trace}-{span}-{flags:02x}")) {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// Whether its spans are kept.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The span's id.
    pub fn span(&self) -> SpanId {
        self.span
    }

    pub(crate) fn trace(&self) -> [u8; 16] {
        self.trace
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    /// §3.2.2: `00-` trace `-` parent `-` flags, lower case. A later version may go on behind that
    /// (§3.2.4); version `ff` does not exist.
    fn parse(text: &[u8]) -> Option<Self> {
        let [v1, v2, b'-', rest @ ..] = text else { return None };
        let [version] = bytes::<1>(&[*v1, *v2])?;
        let (trace, rest) = rest.split_at_checked(32)?;
        let (span, rest) = rest.strip_prefix(b"-")?.split_at_checked(16)?;
        let (flags, rest) = rest.strip_prefix(b"-")?.split_at_checked(2)?;
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let (trace, span, [flags]) = (bytes::<16>(trace)?, bytes::<8>(span)?, bytes::<1>(flags)?);
        let named = ends && trace != [0; 16] && span != [0; 8];
        named.then_some(Self { trace, span: SpanId(span), flags: flags & (SAMPLED | RANDOM) })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:02x}", Hex(&self.trace), Hex(&self.span.0), self.flags)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

/// Writes bytes in lower case.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes that lower-case digits write.
fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let mut out = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

/// An id of zeros names nothing (§3.2.2.3).
fn not_zero<const N: usize>(mut id: [u8; N]) -> [u8; N] {
    if id.iter().all(|it| *it == 0)
        && let Some(last) = id.last_mut()
    {
        *last = 1;
    }
    id
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// §3.2.2.5.1.
const SAMPLED: u8 = 1;
/// Level 2: the trace's id is random.
const RANDOM: u8 = 2;

#[cfg(test)]
mod tests;
