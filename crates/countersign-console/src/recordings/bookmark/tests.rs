//! Bookmarks: what stands in a link comes back as it was, and nothing else is taken.

use super::{BadBookmark, Bookmark};
use countersign_ledger::Place;

#[test]
fn what_is_written_is_read_again_and_nothing_else() {
    let place = Place { segment: 3, offset: u64::MAX, item: 65_535 };
    assert_eq!(Bookmark(place).to_string().parse(), Ok(Bookmark(place)));
    for bad in ["", "3", "3-4", "3-4-5-6", "3-4-65536", "-1-2-3", "+3-4-5", "3-4-x", "3--5"] {
        assert_eq!(bad.parse::<Bookmark>(), Err(BadBookmark), "{bad}");
    }
}
