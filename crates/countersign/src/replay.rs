//! When each call of a session is shown at replay. A function of values: the command sleeps.

use countersign_model::{Span, Timestamp};
use std::time::Duration;

/// How fast a session is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tempo {
    /// How many times faster than it was; above zero.
    pub(crate) speed: f64,
    /// No pause is longer than this, after the speed is applied.
    pub(crate) pause_max: Span,
}

/// The pause before each call; none before the first. Calls that overlapped follow at once.
pub(crate) fn pauses(calls: &[Timestamp], tempo: Tempo) -> Vec<Duration> {
    let first = calls.iter().take(1).map(|_| Duration::ZERO);
    let rest = calls.iter().zip(calls.iter().skip(1)).map(|(before, at)| {
        let pause = at.since(*before).duration();
        let scaled = Duration::try_from_secs_f64(pause.as_secs_f64() / tempo.speed);
        scaled.unwrap_or(Duration::MAX).min(tempo.pause_max.duration())
    });
    first.chain(rest).collect()
}

#[cfg(test)]
mod tests;
