//! What is known of people where reviewers are chosen and judged: what the policy has. Managers and who
//! stands in for whom come from directories, and are added where those are read.

use crate::{Governance, Unavailable};
use countersign_model::review::ReviewFacts;

impl Governance {
    /// What is known of people now.
    #[expect(clippy::unused_async, reason = "what directories tell is read from the store")]
    pub(super) async fn review_facts(&self) -> Result<ReviewFacts, Unavailable> {
        Ok(ReviewFacts::of(self.policy().load(), self.clock().now()))
    }
}
