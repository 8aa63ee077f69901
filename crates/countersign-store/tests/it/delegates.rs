//! Who stands in for whom, and who is whose manager.

use crate::world::{NOW, World, deliver, entry, keep, on_both};
use countersign_model::{Span, Subject, review::Delegation};
use countersign_store::{
    DirectoryKind, DirectoryRow, DirectoryUserPlace, Effect, PersonRow, Store, Written,
};
use serde_json::json;

on_both!(
    standing_in_waits_for_the_ledger_and_its_end_does_not,
    people_of_directories_are_read_in_order_with_their_managers,
    groups_of_sign_ins_are_read_in_order,
);

fn delegation(to: &str, days: i64) -> Delegation {
    Delegation {
        of: "olivia".into(),
        to: to.into(),
        from: NOW,
        until: NOW.plus(Span::from_days(days)),
        by: "olivia".into(),
        made_at: NOW,
    }
}

async fn standing(store: &Store) -> Vec<Delegation> {
    store.view().await.unwrap().delegations(None, NOW).await.unwrap()
}

async fn set(store: &Store, delegation: &Delegation) {
    let mut change = store.change().await.unwrap();
    let id = entry();
    change.set_delegation(delegation, id).await.unwrap();
    keep(&mut change, id, "olivia", Effect::AtDelivery).await;
    change.commit().await.unwrap();
}

async fn standing_in_waits_for_the_ledger_and_its_end_does_not(world: World) {
    let store = &world.store;
    let first = delegation("dora", 10);
    set(store, &first).await;
    assert_eq!(standing(store).await, [], "its entry waits");
    deliver(store).await;
    assert_eq!(standing(store).await, std::slice::from_ref(&first));
    // Another one: the first stands no more, the second not yet.
    let second = delegation("dean", 20);
    set(store, &second).await;
    assert_eq!(standing(store).await, []);
    deliver(store).await;
    assert_eq!(standing(store).await, std::slice::from_ref(&second));
    let mut view = store.view().await.unwrap();
    assert_eq!(
        view.delegations(Some(&"olivia".into()), NOW).await.unwrap(),
        std::slice::from_ref(&second)
    );
    assert_eq!(view.delegations(Some(&"dora".into()), NOW).await.unwrap(), []);
    assert_eq!(view.delegations(None, second.until).await.unwrap(), [], "it is over");
    drop(view);
    let mut change = store.change().await.unwrap();
    assert_eq!(change.end_delegation(&"dora".into(), NOW).await.unwrap(), Written::Conflict);
    assert_eq!(change.end_delegation(&"olivia".into(), NOW).await.unwrap(), Written::Done);
    change.commit().await.unwrap();
    assert_eq!(standing(store).await, []);
    set(store, &second).await;
    deliver(store).await;
    let mut change = store.change().await.unwrap();
    change.sweep_delegations(NOW).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(standing(store).await.len(), 1, "what stands is not swept away");
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A person with what their directory says of their manager.
fn user(id: &str, here: &str, extension: &str, manager: serde_json::Value) -> DirectoryRow {
    let address = format!("{here}@Acme.example");
    let mut document = json!({"userName": here, "emails": [{"value": address}]});
    document[extension] = manager;
    DirectoryRow {
        id: id.to_owned(),
        name: here.to_owned(),
        external_id: None,
        here: here.to_owned(),
        revision: 1,
        made_at: NOW,
        changed_at: NOW,
        document: document.to_string(),
    }
}

async fn people_of_directories_are_read_in_order_with_their_managers(world: World) {
    let store = &world.store;
    let folded = ENTERPRISE.to_lowercase();
    let one = || json!({"value": "1"});
    let people = [
        ("okta", user("1", "boss", ENTERPRISE, json!({"department": "top"}))),
        ("okta", user("2", "ann", ENTERPRISE, json!({"manager": one()}))),
        ("okta", user("3", "bob", &folded, json!({"Manager": "1"}))),
        ("okta", user("4", "cy", ENTERPRISE, json!({"manager": [one()]}))),
        ("okta", user("5", "eve", ENTERPRISE, json!({"manager": {"value": "gone"}}))),
        ("sales", user("1", "sue", ENTERPRISE, json!({"manager": {"value": "2"}}))),
    ];
    let mut change = store.change().await.unwrap();
    for (provider, row) in &people {
        let added = change.add_directory_row(provider, DirectoryKind::User, row).await.unwrap();
        assert_eq!(added, Written::Done);
    }
    change.commit().await.unwrap();
    let mut view = store.view().await.unwrap();
    let mut all = Vec::new();
    let mut after: Option<DirectoryUserPlace> = None;
    loop {
        let page = view.directory_users(after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.place.clone());
        all.extend(page);
    }
    drop(view);
    let shown: Vec<String> = all
        .iter()
        .map(|it| format!("{} {}", it.subject, it.manager.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(shown, ["boss -", "ann 1", "bob 1", "cy 1", "eve gone", "sue 2"]);
    assert_eq!(all[0].email.as_deref(), Some("boss@acme.example"));
    // On a person's page: only whom the same directory has.
    let subjects = ["ann", "bob", "cy", "eve", "sue"].map(Subject::from);
    let facts = store.person_facts(&subjects).await.unwrap();
    let managers = subjects.each_ref().map(|it| facts[it].directories[0].manager.clone());
    let boss = || Some(Subject::from("boss"));
    assert_eq!(managers, [boss(), boss(), boss(), None, None]);
}

async fn groups_of_sign_ins_are_read_in_order(world: World) {
    let store = &world.store;
    for name in ["ann", "bob", "cy"] {
        let person = PersonRow {
            subject: name.into(),
            name: name.to_owned(),
            email: String::new(),
            groups: [format!("of-{name}").as_str().into()].into(),
            issuer: "acme".to_owned(),
            seen_at: NOW,
        };
        store.saw_person(&person).await.unwrap();
    }
    let mut view = store.view().await.unwrap();
    let first = view.signed_in_groups(None, 2).await.unwrap();
    assert_eq!(first.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["ann", "bob"]);
    let rest = view.signed_in_groups(Some(&first[1].0), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert!(rest[0].1.contains("of-cy"));
}
