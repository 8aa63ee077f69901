//! A word that two parties share: a client's secret, a target's credential. It is never printed,
//! and is compared in a time that does not depend on how much of it was guessed.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use std::fmt;

/// A shared secret. Debug prints `…`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret. An empty one matches nothing.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether `offered` is this secret.
    pub fn matches(&self, offered: &str) -> bool {
        // Digests, so that not even the length shows in the time.
        let mine = digest(&SHA256, self.0.as_bytes());
        let theirs = digest(&SHA256, offered.as_bytes());
        !self.0.is_empty() && verify_slices_are_equal(mine.as_ref(), theirs.as_ref()).is_ok()
    }

    /// The secret in clear, for the one who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn only_the_very_same_text_matches() {
        let rows = [
            ("hunter2", "hunter2", true),
            ("hunter2", "hunter", false),
            ("hunter2", "hunter22", false),
            ("hunter2", "", false),
            ("", "", false),
        ];
        for (mine, offered, expect) in rows {
            assert_eq!(Secret::new(mine).matches(offered), expect, "{mine} {offered}");
        }
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "…");
    }
}
