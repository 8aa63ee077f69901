//! How calls end, in the ledger: the outcome and the masked exchange of a call that left, or the
//! refusal of one that did not. An answer is not whole before its outcome is durable.

mod capture;
mod pump;

use crate::{
    Inner,
    forward::{MAY_HAVE_RUN, NoAnswer, Ran, chain},
    masking::{Legible, Stream, Unfit, Whole},
    permit::{Flight, ledger_unavailable},
    respond::{Answer, Recorded, Stop},
    trace::Part,
};
use capture::{Capture, Kept};
use countersign_governance::Finish;
use countersign_ledger::{LedgerError, Recording, commitment};
use countersign_model::{
    Digest, Reason,
    catalog::RecordRule,
    exchange::Exchange,
    record::{CallOutcome, CallRefused, Entry, Event},
};
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// The kind of a whole exchange among recordings.
pub(crate) const EXCHANGE: u8 = 1;

/// How a call ended.
#[derive(Debug)]
struct Ending<'a> {
    status: u16,
    headers: Option<&'a HeaderMap>,
    /// What the caller was told: the intent's reason when all went well.
    reason: Reason,
    /// Bytes of the answer as it came, and as it was delivered.
    came: u64,
    bytes: u64,
    masked: u64,
    /// The masked answer, as far as it may be kept.
    kept: Kept<'a>,
}

/// Records an answer in one piece, and makes the caller's answer of it.
pub(crate) async fn whole(inner: &Inner, whole: Whole) -> Result<Answer, Box<Stop>> {
    let Whole { flight, status, headers, body, trailers, came, masked, legible } = whole;
    let kept = Kept::of(&body, kept_bytes(inner, &flight, legible));
    let ending = Ending {
        status: status.as_u16(),
        headers: Some(&headers),
        reason: flight.reason,
        came,
        bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
        masked,
        kept,
    };
    if let Err(error) = outcome(inner, &flight, &ending).await {
        return Err(flight.stop(unrecorded(&error)));
    }
    inner.metrics.masked(masked);
    settle(inner, &flight, Finish::Executed).await;
    let body = crate::body::Body::whole_with(body, trailers);
    Ok(Answer { status, headers, body, call: Some(flight.call()), reason: flight.reason })
}

/// Lets an answer flow; the task that pumps it records how it ended before it lets the end through.
pub(crate) fn stream(inner: Arc<Inner>, stream: Stream) -> Answer {
    let Stream { flight, status, headers, body, lease, pipeline, bytes, legible } = stream;
    let capture = Capture::new(kept_bytes(&inner, &flight, legible));
    let (call, reason) = (flight.call(), flight.reason);
    let shown = headers.clone();
    let idle = flight.target().map(|it| it.idle_within.duration()).unwrap_or_default();
    let flowing = pump::Flowing { body, lease: Some(lease), pipeline, capture, bytes, idle };
    let pump = pump::Pump { inner, flight, status, headers: shown, flowing };
    let body = pump.start();
    Answer { status, headers, body, call: Some(call), reason }
}

/// Records a call whose answer must not be delivered, and says what the caller is told. An error
/// of the target keeps its status: that it failed is no secret.
pub(crate) async fn unfit(inner: &Inner, unfit: Unfit) -> Box<Stop> {
    let Unfit { flight, status, stop, bytes } = unfit;
    let ending = Ending {
        status: status.as_u16(),
        headers: None,
        reason: stop.reason,
        came: bytes,
        bytes: 0,
        masked: 0,
        kept: Kept::default(),
    };
    if let Err(error) = outcome(inner, &flight, &ending).await {
        return flight.stop(unrecorded(&error));
    }
    settle(inner, &flight, Finish::Executed).await;
    let failed = status.is_client_error() || status.is_server_error();
    let stop = if failed { stop.with_status(status) } else { stop };
    flight.stop(stop)
}

/// Records a call that got no answer.
pub(crate) async fn no_answer(inner: &Inner, no_answer: NoAnswer) -> Box<Stop> {
    let NoAnswer { flight, stop, ran, status } = no_answer;
    let reason = stop.reason;
    let ending = Ending {
        status: status.map_or(0, |it| it.as_u16()),
        headers: None,
        reason,
        came: 0,
        bytes: 0,
        masked: 0,
        kept: Kept::default(),
    };
    if let Err(error) = outcome(inner, &flight, &ending).await {
        // The caller gets a refusal either way; the intent without outcome shows as unknown.
        tracing::error!(call = %flight.call(), error = chain(&error), "outcome can't be recorded");
    }
    let finish = match ran {
        Ran::No => Finish::Failed(reason),
        Ran::Unknown => Finish::OutcomeUnknown,
    };
    settle(inner, &flight, finish).await;
    flight.stop(stop)
}

/// The call ran, and the ledger can't say how it ended. What it answered is not delivered without
/// its record, and who reads the ledger finds an intent without outcome.
fn unrecorded(error: &LedgerError) -> Stop {
    tracing::error!(error = chain(error), "outcome can't be recorded");
    let sentence =
        "The call ran, but how it ended can't be recorded now, so its answer is withheld.";
    Stop::say(Reason::OutcomeUnknown, sentence, MAY_HAVE_RUN)
}

/// Records the refusal of a known caller's call, and makes the answer. A stranger's is not
/// recorded: who has no token must not be able to fill the ledger.
pub(crate) async fn refuse(inner: &Inner, stop: Stop) -> Answer {
    inner.refusals.call(&stop, inner.now());
    let (Some(who), Some(call), Recorded::NotYet) =
        (&stop.details.who, stop.details.call, stop.details.recorded)
    else {
        return stop.into_answer();
    };
    let refused = CallRefused {
        call,
        epoch: inner.governance.policy().load().epoch(),
        who: (**who).clone(),
        function: stop.details.function.clone(),
        reason: stop.reason,
        approval: stop.details.approval,
    };
    let now = inner.now();
    if let Some(session) = &stop.details.session {
        inner.sessions.refused(session, now);
    }
    let entry = Entry::new(inner.entry_id(now), now, Event::CallRefused(Box::new(refused)));
    if stop.reason == Reason::LedgerUnavailable {
        return stop.into_answer();
    }
    match inner.ledger.append(entry.to_bytes()).await {
        Ok(_) => stop.into_answer(),
        Err(error) => ledger_unavailable(&error).into_answer(),
    }
}

/// Writes the outcome and the exchange, and waits until both are durable.
async fn outcome(inner: &Inner, flight: &Flight, ending: &Ending<'_>) -> Result<(), LedgerError> {
    flight.trace.came_back(ending.status, ending.reason);
    let now = inner.now();
    let took_ms = u64::try_from(now.since(flight.left_at).millis()).unwrap_or(0);
    tracing::debug!(
        call = %flight.call(),
        function = %flight.function().name,
        status = ending.status,
        reason = ending.reason.code(),
        took_ms,
        "call ran"
    );
    let (payload, shown) = match flight.function().record {
        RecordRule::None => (None, None),
        RecordRule::Full | RecordRule::Arguments => {
            let (payload, shown) = exchange(inner, flight, ending, took_ms);
            (Some(payload), shown)
        }
    };
    let event = Event::CallOutcome(CallOutcome {
        call: flight.call(),
        status: ending.status,
        reason: ending.reason,
        took_ms,
        bytes: ending.came,
        masked: ending.masked,
        recording: payload.as_ref().map(|it| Digest(commitment(&flight.salt.0, it))),
    });
    let entry = Entry::new(inner.entry_id(now), now, event).to_bytes();
    flight.trace.begins(Part::Outcome);
    let receipt = match payload {
        None => inner.ledger.append(entry).await?,
        Some(payload) => {
            let recording = Recording {
                session_id: flight.session.id.to_bytes(),
                call_id: flight.call().to_bytes(),
                time_ms: now.millis(),
                kind: EXCHANGE,
                key: Arc::clone(&flight.session.key),
                payload,
            };
            inner.ledger.append_with(entry, recording).await?
        }
    };
    flight.trace.ends(Part::Outcome);
    flight.session.count(now, receipt.place.map(|it| it.segment));
    if let Some(Shown { arguments, hidden }) = shown {
        inner.governance.saw_arguments(flight.call(), arguments, hidden);
    }
    Ok(())
}

/// Masked arguments of a call that succeeded, for what its grant was used for.
struct Shown {
    arguments: serde_json::Value,
    hidden: Vec<String>,
}

/// The bytes of a recording, and the arguments in it if they count as use.
fn exchange(
    inner: &Inner,
    flight: &Flight,
    ending: &Ending<'_>,
    took_ms: u64,
) -> (Vec<u8>, Option<Shown>) {
    let (arguments, hidden) = crate::hold::shown(inner, flight.route(), &flight.arguments);
    let function = flight.function();
    let named = |name: &HeaderName| {
        let value = ending.headers?.get(name)?.to_str().ok()?;
        Some((name.as_str().into(), value.into()))
    };
    let exchange = Exchange {
        call: flight.call(),
        session: flight.session.id,
        at: flight.left_at,
        took_ms,
        who: flight.who.clone(),
        function: function.name.clone(),
        method: Arc::clone(&function.http.method),
        path: Arc::clone(function.http.path.source()),
        arguments,
        hidden,
        reason: ending.reason,
        approval: flight.approval,
        grants: flight.grants.clone(),
        status: ending.status,
        headers: [header::CONTENT_TYPE, header::LOCATION].iter().filter_map(named).collect(),
        response: None,
        cut: ending.kept.cut,
        bytes: ending.bytes,
        masked: ending.masked,
        salt: flight.salt,
    };
    let payload = exchange.with_response(ending.kept.text);
    let line_bytes = payload.len() - ending.kept.text.map_or(0, str::len);
    let is_use = (1..FAILED_FROM).contains(&ending.status) && line_bytes <= SHOWN_BYTES_MAX;
    let Exchange { arguments, hidden, .. } = exchange;
    (payload, is_use.then_some(Shown { arguments, hidden }))
}

/// The first status of calls that failed (RFC 9110 §15.5).
const FAILED_FROM: u16 = 400;
/// Arguments of longer lines are not handed over: thousands may wait.
const SHOWN_BYTES_MAX: usize = 16 * 1024;

/// How much of an answer is kept: `None` when the function's rule, or its bytes, keep none.
fn kept_bytes(inner: &Inner, flight: &Flight, legible: Legible) -> Option<usize> {
    match (flight.function().record, legible) {
        (RecordRule::Full, Legible::Text) => Some(inner.limits.recorded_bytes_max),
        (RecordRule::Full, Legible::Opaque) | (RecordRule::Arguments | RecordRule::None, _) => None,
    }
}

/// Closes the approval that the call used, if any. What can't be written now is settled at the next
/// start as `outcome_unknown`: never as a second run.
async fn settle(inner: &Inner, flight: &Flight, finish: Finish) {
    let Some(approval) = flight.approval else { return };
    // Few calls use an approval, and every call would carry the room for it.
    let finished = Box::pin(inner.governance.finish(approval, flight.call(), finish));
    if let Err(error) = finished.await {
        tracing::error!(approval = %approval, error = chain(&error), "approval can't be closed");
    }
}
