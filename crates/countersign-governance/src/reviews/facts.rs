//! What is known of people where reviewers are chosen, read from the store once for many grants.

use crate::{Governance, Unavailable};
use countersign_model::{Subject, review::ReviewFacts};
use countersign_store::{DirectoryUser, DirectoryUserPlace};
use std::collections::{BTreeMap, HashMap};

/// People read at once.
const PAGE: u32 = 2_000;

impl Governance {
    /// What reviewers are chosen by: the policy in force, managers, delegations, the groups of people's
    /// last sign-ins, and who is one person by several names. Costs a look at everybody: ask once for a
    /// campaign, or for one round of the clockwork.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn review_facts(&self) -> Result<ReviewFacts, Unavailable> {
        let now = self.clock().now();
        let mut view = self.store().view().await?;
        let delegations = view.delegations(None, now).await?;
        let mut users: Vec<DirectoryUser> = Vec::new();
        loop {
            let after = users.last().map(|it| &it.place);
            let page = view.directory_users(after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            users.extend(page);
        }
        let mut signed_in = Vec::new();
        loop {
            let after = signed_in.last().map(|(subject, _): &(Subject, _)| subject.clone());
            let page = view.signed_in_groups(after.as_ref(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            signed_in.extend(page);
        }
        drop(view);
        let facts = ReviewFacts::of(self.policy().load(), now)
            .with_managers(managers(&users))
            .with_linked(linked(&users))
            .with_delegations(delegations)
            .with_signed_in(signed_in);
        Ok(facts)
    }
}

/// Who is whose manager, within each directory. Of several directories that say something, the last by
/// name counts.
fn managers(users: &[DirectoryUser]) -> Vec<(Subject, Subject)> {
    let by_place: HashMap<&DirectoryUserPlace, &Subject> =
        users.iter().map(|it| (&it.place, &it.subject)).collect();
    let manager = |it: &DirectoryUser| {
        let place =
            DirectoryUserPlace { directory: it.place.directory.clone(), id: it.manager.clone()? };
        let manager = *by_place.get(&place)?;
        // Whoever is their own manager has none.
        (*manager != it.subject).then(|| (it.subject.clone(), manager.clone()))
    };
    users.iter().filter_map(manager).collect()
}

/// Subjects that directories know by one address: one person, as far as anybody reviews themself.
fn linked(users: &[DirectoryUser]) -> Vec<Vec<Subject>> {
    let mut by_address: BTreeMap<&str, Vec<Subject>> = BTreeMap::new();
    for user in users {
        if let Some(address) = user.email.as_deref() {
            by_address.entry(address).or_default().push(user.subject.clone());
        }
    }
    for subjects in by_address.values_mut() {
        subjects.sort_unstable();
        subjects.dedup();
    }
    by_address.into_values().filter(|it| it.len() > 1).collect()
}
