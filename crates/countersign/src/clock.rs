//! The only place that reads the system's clock, its random generator, its environment and its
//! arguments. Everything else gets these as values.

use crate::exit::Failure;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use countersign_model::{Clock, Entropy, Timestamp};
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

/// The system's clock.
pub(crate) fn clock() -> Clock {
    Clock::new(now)
}

/// Nanoseconds since 1970, for spans.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub(crate) fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The system's generator of random bytes fit for keys, tried once.
///
/// # Errors
/// When the system gives no random bytes now.
pub(crate) fn entropy() -> Result<Entropy, Failure> {
    let random = SystemRandom::new();
    let refused = || Failure::failed("this system gives no random bytes");
    random.fill(&mut [0_u8; 32]).map_err(|_| refused())?;
    Ok(Entropy::new(move |buffer| {
        let mut filled = random.fill(buffer);
        // A generator that worked at the start does not fail for good; keys made of zeros would.
        while filled.is_err() {
            std::thread::yield_now();
            filled = random.fill(buffer);
        }
    })
    .in_batches())
}

/// The value of an environment variable, if it is set and UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where this user's settings live: `$XDG_CONFIG_HOME`, or `~/.config`.
pub(crate) fn settings_directory() -> Option<PathBuf> {
    let named = environment("XDG_CONFIG_HOME").map(PathBuf::from).filter(|it| it.is_absolute());
    named.or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(".config")))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
