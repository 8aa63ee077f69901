//! Cuts calls in hand. Whoever waits for a target or a stream waits here for the policy too: each
//! swap of the snapshot has every call in hand judged again, and one that may not go on ends. A call
//! costs nothing for it but its place among those who wait for the next swap.

use crate::{Inner, forward::MAY_HAVE_RUN, permit::Flight, respond::Stop};
use countersign_model::{GrantRef, Reason, Refusal, Snapshot, Timestamp, decide::Cut};
use std::{future::Future as _, task::Poll, time::Duration};

/// The longest sleep until a grant expires: a clock that is set must not be missed for longer.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
/// The shortest one, so that a clock that stands still makes no busy loop.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// Whether the policy that came into force after a call was let through ends it. Costs a look at a
/// number as long as none did.
pub(crate) fn now(inner: &Inner, flight: &Flight) -> Result<(), Box<Cut>> {
    let policy = inner.governance.policy();
    if policy.epoch() == flight.epoch() && flight.expires_at().is_none() {
        return Ok(());
    }
    judge(inner, flight, &policy.load())
}

/// Completes when the call may not go on, and never else.
pub(crate) async fn cut(inner: &Inner, flight: &Flight) -> Box<Cut> {
    let policy = inner.governance.policy();
    let (mut judged, mut ends_at) = (flight.epoch(), flight.expires_at());
    loop {
        // Made before the look: a swap in between is not missed.
        let mut swapped = std::pin::pin!(policy.swapped());
        if policy.epoch() != judged || ends_at.is_some_and(|at| inner.now() >= at) {
            let snapshot = policy.load();
            if let Err(cut) = judge(inner, flight, &snapshot) {
                return cut;
            }
            judged = snapshot.epoch();
            ends_at = expires_at(&flight.grants, &snapshot);
        }
        // Few grants end by a date, and every call would carry the room for the timer.
        let mut ends = ends_at.map(|at| {
            let span = at.since(inner.now()).duration();
            Box::pin(tokio::time::sleep(span.clamp(SLEEP_MIN, SLEEP_MAX)))
        });
        std::future::poll_fn(|context| match (swapped.as_mut().poll(context), &mut ends) {
            (Poll::Pending, Some(ends)) => ends.as_mut().poll(context),
            (other, _) => other,
        })
        .await;
    }
}

fn judge(inner: &Inner, flight: &Flight, snapshot: &Snapshot) -> Result<(), Box<Cut>> {
    flight.may_go_on(snapshot, inner.now())?;
    match inner.governance.policy().cut_offs().of(flight.caller()) {
        None => Ok(()),
        Some(_) => Err(Box::new(Cut {
            reason: Reason::CutBySessionEnd,
            refusal: Refusal {
                reason: Reason::Unidentified,
                sentence: "The session that the call rests on was ended.".to_owned(),
                next_step: "Sign in again, if you still may.".to_owned(),
                retry_after: None,
            },
        })),
    }
}

/// When the first of these grants ends by itself.
pub(crate) fn expires_at(grants: &[GrantRef], snapshot: &Snapshot) -> Option<Timestamp> {
    grants.iter().filter_map(|it| snapshot.grant(it.id)?.expires_at).min()
}

/// What the caller of a call is told that had left.
pub(crate) fn left(cut: &Cut) -> Stop {
    let Refusal { sentence, next_step, .. } = &cut.refusal;
    let sentence = format!("The call was cut, and its outcome is unknown. {sentence}");
    Stop::say(cut.reason, &sentence, &format!("{MAY_HAVE_RUN} {next_step}"))
}
