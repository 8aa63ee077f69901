//! Masks personal data in bodies as they stream by: one pass, unchanged bytes copied as they came, the
//! same output wherever chunks end, and memory for the nesting, one key and what is held back.
//!
//! Pure: bytes in, masked bytes out. It does no I/O, reads no clock, and knows nothing of Countersign.
//! What can't be parsed can't be masked, and comes back as an [`Unmaskable`], never as bytes.
//!
//! # What becomes of a field
//!
//! | | string | number | boolean | null | object | array |
//! |---|---|---|---|---|---|---|
//! | `redact` | `"[redacted]"` | `0` | `false` | `null` | `{}` | `[]` |
//! | `partial` | a hint, at most a third | `0` | `false` | `null` | `{}` | `[]` |
//! | `hash` | hash of its text | hash of its digits | `false` | `null` | hash of its bytes | hash of its bytes |
//! | `null` | `null` | `null` | `null` | `null` | `null` | `null` |
//! | `drop` | gone | gone | gone | gone | gone | gone |
//!
//! A hint shows the last characters: a third of them, at most four. Of a number (more digits than other
//! characters) the spaces, signs, dots, dashes, slashes and parentheses are left out first, so that
//! `+33 6 12 34 56 78` and `+33612345678` have one hint, `*******5678`. An e-mail address shows its
//! first character and its domain.
//!
//! A hash is a string, `h_` and 22 characters, of the value alone: the number 42 and the text "42" hash
//! alike, in any field, so that joins work. Only `redact` and `partial` keep a value's type; the
//! result schema must allow for the others. A whole document can't be dropped: it becomes `null`.
//! Duplicate keys are masked each.
//!
//! # What becomes of a find
//!
//! A find is replaced where it stands, in strings, in text and in object keys. `null` and `drop` take the
//! whole string value with them (in a key they become `redact`, in text the find goes). A card number
//! that is a JSON number is masked like a field of that type.
//!
//! Redacted keys of one object may become equal; `hash` keeps them apart.

mod bytes;
mod detect;
mod error;
mod hash;
mod how;
mod json;
mod masker;
mod path;
mod plan;
mod report;
mod sse;
mod text;
mod window;

pub use detect::{Detector, UnknownDetector};
pub use error::{Limits, NUMBER_BYTES_MAX, Unmaskable};
pub use hash::HashKey;
pub use how::{How, REDACTED, UnknownHow};
pub use masker::{Format, Masker, mask_all};
pub use path::{FieldPath, PATH_SEGMENTS_MAX, PathError, PathFault, Segment, Selector};
pub use plan::{Plan, PlanError, RULES_MAX, Rule, STATES_MAX};
pub use report::Report;
