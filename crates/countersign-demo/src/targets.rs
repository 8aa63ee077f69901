//! Two APIs for calls to end at. [`billing`] is full of believable, made-up personal data; [`slow`]
//! answers slowly, hugely, in streams, and wrongly.
//!
//! Both know nothing of Countersign beyond one sentence of their 401: they take one credential, their
//! own, and nobody else's token. They keep what they are told in memory, bounded, and lose it when
//! they end.

pub mod billing;
pub mod slow;

mod credential;
mod iban;
mod made_up;
mod problem;

pub use credential::Counters;
