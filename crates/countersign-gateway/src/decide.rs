//! Asks the model, under an epoch that is known to be current.

use crate::{
    Inner,
    rates::{MeterOf, NoMeter},
    resolve::Resolved,
    respond::Stop,
};
use countersign_model::{
    Decision, Reason, Refusal, Span, Timestamp,
    decide::{Call, decide},
};

/// Judges a call for the first time: it counts against rates.
pub(crate) fn judge(inner: &Inner, resolved: &Resolved) -> Result<Decision, Box<Stop>> {
    let now = inner.now();
    refuse_stale(inner, now).map_err(|stop| resolved.stop(stop))?;
    let meter = MeterOf::new(&inner.rates, resolved.snapshot(), now);
    Ok(decide(&call(resolved), resolved.snapshot(), now, &meter))
}

/// Judges a held call again, under the policy of this moment (A3). It was counted before.
pub(crate) fn judge_again(inner: &Inner, resolved: &Resolved) -> Result<Decision, Box<Stop>> {
    let now = inner.now();
    refuse_stale(inner, now).map_err(|stop| resolved.stop(stop))?;
    Ok(decide(&call(resolved), resolved.snapshot(), now, &NoMeter))
}

fn call(resolved: &Resolved) -> Call<'_> {
    Call {
        caller: resolved.caller(),
        function: resolved.function_ix(),
        arguments: resolved.arguments(),
    }
}

/// No call is decided under a policy that may have been replaced elsewhere.
fn refuse_stale(inner: &Inner, now: Timestamp) -> Result<(), Stop> {
    if inner.governance.policy().is_current(now) {
        return Ok(());
    }
    let sentence = "The gateway can't confirm that its policy is current, so it forwards nothing.";
    let step = "Try again in a moment; if it stays so, tell an administrator that the store can't \
                be reached.";
    Err(Stop::say(Reason::PolicyStale, sentence, step).retry_after(Span::from_seconds(5)))
}

/// What a blocked caller is told. A token that lacks scopes is told which, all at once, in the
/// challenge too.
pub(crate) fn refused(inner: &Inner, resolved: &Resolved, refusal: Refusal) -> Box<Stop> {
    let reason = refusal.reason;
    let mut stop = Stop::from(refusal);
    if reason == Reason::MissingScope {
        let scopes: Vec<&str> = resolved.function().scopes.iter().map(AsRef::as_ref).collect();
        stop = stop.asks_scopes(crate::identify::scope_challenge(inner, &scopes));
    }
    resolved.stop(stop)
}
