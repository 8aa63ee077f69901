//! Spans in, OTLP out: continues the trace that a caller began, keeps finished spans in a bounded
//! queue, and exports them in batches to an OpenTelemetry collector.
//!
//! What a span says is decided by who makes it. This crate knows no call, never waits on the way of
//! one, and lets no collector slow one down: what finds no room, or no collector, is dropped and
//! counted.

mod context;
mod export;
mod otlp;
mod span;

pub use context::{Begun, Context, Sample, SpanId};
pub use export::{Exporting, Settings, Tracer};
pub use span::{Kind, Span, SpanEnd, Value};
