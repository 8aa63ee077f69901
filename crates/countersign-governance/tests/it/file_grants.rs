//! Grants that catalog files have: made, changed and ended with them. What people decide of them stands
//! until the files say something else.

use crate::{
    reviews::scene::rules,
    world::{CUSTOMER, REFUND, STATUS, World, actor, ada, catalog, olivia, on_both},
};
use countersign_governance::{CatalogError, PlannedEffect};
use countersign_model::{
    Grant, GrantId, GrantOrigin, GrantState, Reason, catalog::raw::RawCatalog,
    review::ReviewVerdict,
};
use serde_json::{Value, json};

on_both!(
    a_grant_of_a_file_is_made_with_the_catalog_and_waits_for_its_review,
    r11_a_review_ends_a_grant_of_a_file_and_the_plan_proposes_to_take_it_out,
    what_a_review_narrowed_stays_narrow_until_the_file_says_something_else,
    what_is_taken_out_ends_on_the_next_call_and_comes_back_as_another_grant,
    another_holder_is_another_grant,
    what_nobody_may_hold_both_of_no_file_grants,
    r07_no_file_gives_more_of_what_nobody_answers_for,
    two_catalogs_at_once_make_one_grant,
);

/// The catalog with these grants in its files.
fn with(grants: &[Value]) -> RawCatalog {
    let mut catalog = catalog();
    for grant in grants {
        let name = grant["name"].as_str().unwrap().to_owned();
        catalog.grants.insert(name, serde_json::from_value(grant.clone()).unwrap());
    }
    catalog
}

fn reads() -> Value {
    json!({"name": "riley-reads", "holder": {"subject": "riley"}, "reason": "support",
        "functions": [CUSTOMER, STATUS]})
}

impl World {
    async fn apply_files(&self, catalog: RawCatalog) {
        self.governance.apply_catalog(&ada(), catalog, None).await.unwrap();
    }

    /// What a plan says of grants of the files: name, effect.
    async fn plan(&self, catalog: &RawCatalog) -> Vec<(String, PlannedEffect)> {
        let plan = self.governance.plan_catalog(&ada(), catalog).await.unwrap();
        plan.grants.into_iter().map(|it| (it.name, it.effect)).collect()
    }

    /// The grant that stands for a name.
    async fn named(&self, name: &str) -> GrantId {
        let mut view = self.governance.store().view().await.unwrap();
        view.file_grants().await.unwrap()[name]
    }

    async fn of_file(&self, name: &str) -> Grant {
        self.stored(self.named(name).await).await
    }
}

fn effects(of: &[(&str, PlannedEffect)]) -> Vec<(String, PlannedEffect)> {
    of.iter().map(|(name, effect)| ((*name).to_owned(), *effect)).collect()
}

async fn a_grant_of_a_file_is_made_with_the_catalog_and_waits_for_its_review(world: World) {
    let next = with(&[reads()]);
    assert_eq!(world.plan(&next).await, effects(&[("riley-reads", PlannedEffect::Made)]));
    world.apply_files(next.clone()).await;
    let grant = world.of_file("riley-reads").await;
    assert_eq!(grant.origin, GrantOrigin::File { name: "riley-reads".to_owned() });
    assert_eq!((grant.version, grant.certified.is_some()), (1, false));
    assert_eq!(grant.made_by.as_str(), "ada");
    // The file alone does not certify: medium and low hold, as an overdue review does.
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantOverdue);
    world.governance.certify_grant(&ada(), grant.id, 1).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
    // The same files again change nothing.
    assert_eq!(world.plan(&next).await, []);
    let made = world.entries("grant.changed").len();
    world.apply_files(next).await;
    assert_eq!(world.entries("grant.changed").len(), made);
}

async fn r11_a_review_ends_a_grant_of_a_file_and_the_plan_proposes_to_take_it_out(world: World) {
    let next = with(&[reads()]);
    world.apply_files(next.clone()).await;
    let grant = world.of_file("riley-reads").await;
    world.governance.certify_grant(&ada(), grant.id, 1).await.unwrap();
    let opened = world.open_review(rules()).await;
    world.answer(&olivia(), &opened, grant.id, ReviewVerdict::Revoke).await.unwrap();
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
    // The file still has it: it does not come back, with this catalog or the next.
    let plan = world.governance.plan_catalog(&ada(), &next).await.unwrap();
    assert_eq!(plan.changes, []);
    assert_eq!(plan.grants[0].effect, PlannedEffect::Differs);
    assert_eq!(plan.grants[0].id, Some(grant.id));
    assert!(plan.grants[0].text.contains("revoked by olivia"), "{}", plan.grants[0].text);
    assert!(plan.grants[0].text.contains("take it out of the file"), "{}", plan.grants[0].text);
    let mut wider = reads();
    wider["functions"] = json!([CUSTOMER, STATUS, REFUND]);
    for grants in [
        vec![
            reads(),
            json!({"name": "other", "holder": {"group": "support"},
        "reason": "support", "functions": [STATUS]}),
        ],
        vec![wider],
    ] {
        world.apply_files(with(&grants)).await;
        assert_eq!(world.said("riley", &[], CUSTOMER), Reason::GrantRevoked);
        assert_eq!(world.of_file("riley-reads").await.id, grant.id);
    }
}

async fn what_a_review_narrowed_stays_narrow_until_the_file_says_something_else(world: World) {
    world.apply_files(with(&[reads()])).await;
    let grant = world.of_file("riley-reads").await;
    let mut terms = grant.terms();
    terms.functions = vec![STATUS.into()];
    world.governance.narrow_grant(&ada(), grant.id, 1, terms).await.unwrap();
    let mut reworded = reads();
    reworded["reason"] = json!("support, second line");
    // Another reason permits nothing else.
    let next = with(&[reworded]);
    assert_eq!(world.plan(&next).await, effects(&[("riley-reads", PlannedEffect::Differs)]));
    world.apply_files(next).await;
    assert_eq!(world.of_file("riley-reads").await.functions, [STATUS.into()]);
    // What the file says now is what was decided.
    let mut follows = reads();
    follows["functions"] = json!([STATUS]);
    let next = with(&[follows]);
    assert_eq!(world.plan(&next).await, []);
    world.apply_files(next).await;
    assert_eq!(world.of_file("riley-reads").await.version, 2);
    // And what it says beyond is another version, that nobody has certified.
    world.governance.certify_grant(&ada(), grant.id, 2).await.unwrap();
    assert_eq!(world.said("riley", &[], STATUS), Reason::Granted);
    let mut wider = reads();
    wider["functions"] = json!([STATUS, REFUND]);
    let next = with(&[wider]);
    assert_eq!(world.plan(&next).await, effects(&[("riley-reads", PlannedEffect::Widened)]));
    world.apply_files(next).await;
    let stands = world.of_file("riley-reads").await;
    assert_eq!((stands.version, stands.certified), (3, None));
    assert_eq!(world.said("riley", &[], STATUS), Reason::GrantOverdue);
    // Less again: what was certified before is not certified by that.
    let mut less = reads();
    less["functions"] = json!([STATUS]);
    let next = with(&[less]);
    assert_eq!(world.plan(&next).await, effects(&[("riley-reads", PlannedEffect::Narrowed)]));
    world.apply_files(next).await;
    assert_eq!(world.said("riley", &[], REFUND), Reason::NoGrant);
}

async fn what_is_taken_out_ends_on_the_next_call_and_comes_back_as_another_grant(world: World) {
    world.apply_files(with(&[reads()])).await;
    let first = world.of_file("riley-reads").await;
    world.governance.certify_grant(&ada(), first.id, 1).await.unwrap();
    assert_eq!(world.plan(&catalog()).await, effects(&[("riley-reads", PlannedEffect::Revoked)]));
    world.apply_files(catalog()).await;
    assert_eq!(world.said("riley", &[], STATUS), Reason::GrantRevoked);
    assert_eq!(world.plan(&catalog()).await, [], "it is over");
    assert_eq!(
        world.plan(&with(&[reads()])).await,
        effects(&[("riley-reads", PlannedEffect::Made)])
    );
    // Another catalog than the first: the same one is in the store already.
    let mut again = reads();
    again["reason"] = json!("again");
    world.apply_files(with(&[again])).await;
    let second = world.of_file("riley-reads").await;
    assert_ne!(second.id, first.id);
    assert_eq!((second.state, second.certified), (GrantState::Active, None));
}

async fn another_holder_is_another_grant(world: World) {
    world.apply_files(with(&[reads()])).await;
    let mut other = reads();
    other["holder"] = json!({"subject": "mallory"});
    let next = with(&[other]);
    for refused in [
        world.governance.plan_catalog(&ada(), &next).await.unwrap_err(),
        world.governance.apply_catalog(&ada(), next.clone(), None).await.unwrap_err(),
    ] {
        let CatalogError::Faults(faults) = &refused else { panic!("{refused}") };
        assert_eq!(faults[0].to_string().split(':').next(), Some("grant riley-reads"));
        assert_eq!(faults[0].key, "holder");
    }
    assert_eq!(world.of_file("riley-reads").await.holder.to_string(), "riley");
    assert_eq!(world.governance.catalog().digest(), with(&[reads()]).digest());
}

async fn what_nobody_may_hold_both_of_no_file_grants(world: World) {
    let separation = json!({"name": "read-and-pay", "first": [CUSTOMER], "second": [REFUND],
        "why": "who looks up does not pay"});
    let separated = |mut it: RawCatalog| {
        let raw = serde_json::from_value(separation.clone()).unwrap();
        it.separations.insert("read-and-pay".to_owned(), raw);
        it
    };
    world.apply_files(separated(with(&[reads()]))).await;
    let pays = json!({"name": "riley-pays", "holder": {"subject": "riley"}, "reason": "support",
        "functions": [REFUND]});
    let next = separated(with(&[reads(), pays]));
    let refused = world.governance.apply_catalog(&ada(), next, None).await.unwrap_err();
    assert_eq!(refused.code(), "separation_of_duties");
    assert!(refused.to_string().starts_with("grant riley-pays: "), "{refused}");
    assert_eq!(world.said("riley", &[], REFUND), Reason::NoGrant);
}

async fn r07_no_file_gives_more_of_what_nobody_answers_for(world: World) {
    let one = json!({"name": "riley-reads", "holder": {"subject": "riley"}, "reason": "support",
        "functions": [CUSTOMER]});
    world.apply_files(with(&[one])).await;
    world.governance.suspend(&ada(), &"otto".into(), "left").await.unwrap();
    world.look().await;
    let other = json!({"name": "support-status", "holder": {"group": "support"},
        "reason": "support", "functions": [STATUS]});
    for grants in [vec![reads()], vec![other.clone()]] {
        let refused = world.governance.apply_catalog(&ada(), with(&grants), None).await;
        assert_eq!(refused.unwrap_err().code(), "no_living_owner");
    }
    assert_eq!(world.of_file("riley-reads").await.functions, [CUSTOMER.into()]);
    // With the catalog that names another owner, it is made.
    let mut next = with(&[other]);
    next.targets.get_mut("ops").unwrap().owners = vec!["olivia".to_owned()];
    world.apply_files(next).await;
    assert_eq!(world.of_file("support-status").await.version, 1);
}

async fn two_catalogs_at_once_make_one_grant(world: World) {
    let beside = world.beside("b").await;
    let mut other = reads();
    other["reason"] = json!("the other administrator's");
    let (one, two) = (with(&[reads()]), with(&[other]));
    let (ada, adam) = (ada(), actor("adam", &["platform"]));
    let (first, second) = tokio::join!(
        world.governance.apply_catalog(&ada, one, None),
        beside.governance.apply_catalog(&adam, two, None),
    );
    // Both may be applied, one after the other; the database may refuse one of them.
    assert!(first.is_ok() || second.is_ok());
    world.look().await;
    let of_files = world.governance.policy().load();
    let is_of_file = |it: &&std::sync::Arc<Grant>| matches!(it.origin, GrantOrigin::File { .. });
    assert_eq!(of_files.grants().filter(is_of_file).count(), 1);
}
