//! Access reviews, rule by rule, with a clock that is moved by hand.

mod answers;
mod clock;
mod events;
mod histories;
mod many;
mod open;
mod people;
pub(crate) mod scene;
mod schedules;
mod sign_off;
