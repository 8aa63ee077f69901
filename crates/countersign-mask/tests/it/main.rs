//! What must hold for every document, every plan and every cut into chunks.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod documents;
mod properties;
