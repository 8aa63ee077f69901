//! Where to go on in the recordings of a session, as it stands in links: segment, byte and number in
//! the frame, with dashes between. It says where to look and gives no right.

use countersign_ledger::Place;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A place among recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Bookmark(pub(crate) Place);

/// No place can be read from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadBookmark;

impl fmt::Display for BadBookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no place among recordings, such as 3-4711-0")
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { segment, offset, item } = self.0;
        write!(f, "{segment}-{offset}-{item}")
    }
}

impl FromStr for Bookmark {
    type Err = BadBookmark;

    fn from_str(text: &str) -> Result<Self, BadBookmark> {
        let mut parts = text.split('-');
        let mut next = || {
            let part = parts.next().filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
            part.and_then(|it| it.parse::<u64>().ok()).ok_or(BadBookmark)
        };
        let (segment, offset, item) = (next()?, next()?, next()?);
        let item = u16::try_from(item).map_err(|_| BadBookmark)?;
        if parts.next().is_some() {
            return Err(BadBookmark);
        }
        Ok(Self(Place { segment, offset, item }))
    }
}

impl TryFrom<String> for Bookmark {
    type Error = BadBookmark;

    fn try_from(text: String) -> Result<Self, BadBookmark> {
        text.parse()
    }
}

impl From<Bookmark> for String {
    fn from(bookmark: Bookmark) -> Self {
        bookmark.to_string()
    }
}

#[cfg(test)]
mod tests;
