//! Takes what people are to be told to where they read it: e-mail, Slack, Microsoft Teams, and programs
//! by signed webhooks. What is told, to whom and how often it is tried is governance's affair; here is
//! only how each channel wants it, and what its answer means.
//!
//! Nothing here follows a redirect, decides anything, keeps anything, or is in the way of a call. What
//! callers wrote is text everywhere, never markup, and can't become a header or an address.

mod answer;
mod email;
mod senders;
mod shown;
mod slack;
mod teams;
mod webhooks;
mod worker;

pub use email::{BadMailbox, EmailSettings, MailTls, check_mailbox};
pub use senders::{BadChannel, Senders, Settings};
pub use slack::{SlackPlace, SlackSettings};
pub use webhooks::{BadSigningSecret, SigningSecret, WebhookSettings};
pub use worker::Rest;
