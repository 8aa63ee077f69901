//! People are found by what they signed in with, what directories say, what they hold and what the
//! catalog says, a page at a time.

use crate::world::{NOW, World, grant, keep, on_both};
use countersign_model::{
    Digest, Grant, Holder, Subject,
    catalog::{Agent, raw::RawCatalog},
};
use countersign_store::{
    CatalogRow, DirectoryKey, DirectoryKind, DirectoryRow, Effect, PeopleQuery, PersonFound,
    PersonRow, Store, Written,
};

on_both!(
    whoever_a_fact_names_is_found,
    pages_have_everybody_once,
    a_directory_decides_by_which_names_its_people_are_found,
    strange_names_are_found_as_they_are,
    facts_of_before_are_found_after_the_migration,
    pages_are_read_by_the_index,
);

fn person(subject: &str, name: &str, email: &str) -> PersonRow {
    PersonRow {
        subject: subject.into(),
        name: name.to_owned(),
        email: email.to_owned(),
        groups: ["support".into()].into(),
        issuer: "acme".to_owned(),
        seen_at: NOW,
    }
}

/// Everybody that is found, three at a time.
async fn found(store: &Store, find: &str) -> Vec<PersonFound> {
    let mut all: Vec<PersonFound> = Vec::new();
    let mut after = None;
    for _ in 0..200 {
        let query = PeopleQuery { find: find.to_owned(), after, limit: 3 };
        let page = store.people(&query).await.unwrap();
        assert!(page.people.len() <= 3);
        all.extend(page.people);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
    all
}

async fn names(store: &Store, find: &str) -> Vec<String> {
    found(store, find).await.into_iter().map(|it| it.subject.as_str().to_owned()).collect()
}

fn user(id: &str, here: &str, document: &str) -> DirectoryRow {
    DirectoryRow {
        id: id.to_owned(),
        name: id.to_owned(),
        external_id: None,
        here: here.to_owned(),
        revision: 1,
        made_at: NOW,
        changed_at: NOW,
        document: document.to_owned(),
    }
}

async fn whoever_a_fact_names_is_found(world: World) {
    let store = &world.store;
    assert_eq!(names(store, "").await, Vec::<String>::new());
    store.saw_person(&person("acme:17", "Riley Tan", "riley@acme.example")).await.unwrap();
    let mut change = store.change().await.unwrap();
    let epoch = change.lock_epoch().await.unwrap();
    let to_group = Grant { holder: Holder::Group("support".into()), ..grant("nobody") };
    for granted in [grant("holder"), to_group] {
        let id = crate::world::entry();
        change.add_grant(&granted, epoch, id).await.unwrap();
        keep(&mut change, id, "grant", Effect::AtDelivery).await;
    }
    let mut catalog = RawCatalog::default();
    let agent = Agent {
        subject: "agent:dunning".into(),
        name: String::new(),
        sponsor: "sponsor".into(),
        purpose: "Dunning".to_owned(),
        keys: vec![],
        scopes: [].into(),
    };
    catalog.agents.insert("agent:dunning".to_owned(), agent);
    let row = CatalogRow { digest: Digest::of(b"one"), catalog };
    let id = crate::world::entry();
    change.add_catalog(&row, &"sam".into(), NOW, id).await.unwrap();
    keep(&mut change, id, "catalog", Effect::AtDelivery).await;
    change.commit().await.unwrap();

    assert_eq!(names(store, "").await, ["acme:17", "holder", "sponsor"]);
    for find in ["ril", "RILEY  T", "tan", "acme", "17", "acme.ex"] {
        assert_eq!(names(store, find).await, ["acme:17"], "{find}");
    }
    for find in ["iley", "support", "agent", "riley tan!", "%", "_"] {
        assert_eq!(names(store, find).await, Vec::<String>::new(), "{find}");
    }
    assert!(store.is_found(&"holder".into()).await.unwrap());
    assert!(!store.is_found(&"nobody".into()).await.unwrap());
    assert!(!store.is_found(&"a\0b".into()).await.unwrap());
    let facts = store.person_facts(&["acme:17".into(), "holder".into()]).await.unwrap();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[&Subject::from("acme:17")].signed_in.as_ref().unwrap().issuer, "acme");

    // Another name at the next sign-in: the earlier one finds nobody.
    store.saw_person(&person("acme:17", "Riley Berg", "riley@acme.example")).await.unwrap();
    assert_eq!(names(store, "tan").await, Vec::<String>::new());
    assert_eq!(names(store, "berg").await, ["acme:17"]);
}

async fn pages_have_everybody_once(world: World) {
    let store = &world.store;
    for number in 0..40 {
        // Each is found by three words that begin so: name, subject and address.
        let subject = format!("rita{:02}", (number * 7) % 40);
        let person =
            person(&subject, &format!("Rita R{number}"), &format!("ri{number}@acme.example"));
        store.saw_person(&person).await.unwrap();
    }
    let mut expect: Vec<String> = (0..40).map(|it| format!("rita{it:02}")).collect();
    assert_eq!(names(store, "").await, expect);
    let by_word = found(store, "ri").await;
    assert!(by_word.is_sorted(), "{by_word:?}");
    let mut subjects: Vec<String> =
        by_word.iter().map(|it| it.subject.as_str().to_owned()).collect();
    subjects.sort();
    assert_eq!(subjects, expect);
    expect.retain(|it| it.starts_with("rita1"));
    assert_eq!(names(store, "rita1").await, expect);
    // A place that nobody is at is as good as any.
    let after = PersonFound { word: String::new(), subject: "rita375".into() };
    let query = PeopleQuery { after: Some(after), limit: 10, ..PeopleQuery::default() };
    let rest = store.people(&query).await.unwrap();
    assert_eq!((rest.people.len(), rest.next), (2, None));
    // The last page says so, also when it is full.
    let query = PeopleQuery { limit: 40, ..PeopleQuery::default() };
    assert_eq!(store.people(&query).await.unwrap().next, None);
}

async fn a_directory_decides_by_which_names_its_people_are_found(world: World) {
    let store = &world.store;
    let kind = DirectoryKind::User;
    let document = r#"{"userName": "riley", "name": {"givenName": "Riley", "familyName": "Tan"},
        "emails": [{"value": "old@acme.example"}, {"value": "tan@acme.example", "primary": true}]}"#;
    let mut change = store.change().await.unwrap();
    change.lock_epoch().await.unwrap();
    let first = change.add_directory_row("okta", kind, &user("u1", "okta:1", document)).await;
    assert_eq!(first.unwrap(), Written::Done);
    let group = user("g1", "okta:staff", r#"{"displayName": "Staff"}"#);
    let group = change.add_directory_row("okta", DirectoryKind::Group, &group).await;
    assert_eq!(group.unwrap(), Written::Done);
    change.commit().await.unwrap();
    for find in ["", "riley tan", "tan@", "old@", "okta:1"] {
        assert_eq!(names(store, find).await, ["okta:1"], "{find}");
    }
    let facts = store.person_facts(&["okta:1".into()]).await.unwrap();
    let told = &facts[&Subject::from("okta:1")].directories[0];
    assert_eq!((told.name.as_str(), told.email.as_str()), ("Riley Tan", "tan@acme.example"));

    let mut change = store.change().await.unwrap();
    let renamed = user("u1", "okta:2", r#"{"userName": "riley", "displayName": "Berg"}"#);
    assert_eq!(change.write_directory_row("okta", kind, &renamed).await.unwrap(), Written::Done);
    change.commit().await.unwrap();
    assert_eq!(names(store, "berg").await, ["okta:2"]);
    assert_eq!(names(store, "tan").await, Vec::<String>::new());
    let mut change = store.change().await.unwrap();
    let row = change.directory_row("okta", kind, DirectoryKey::Id("u1")).await.unwrap();
    assert_eq!(row.unwrap().here, "okta:2");
    assert_eq!(change.remove_directory_row("okta", kind, "u1").await.unwrap(), Written::Done);
    change.commit().await.unwrap();
    // Who left is found by what is still written down of them.
    assert_eq!(names(store, "berg").await, Vec::<String>::new());
    assert_eq!(names(store, "").await, ["okta:1", "okta:2"]);
}

async fn strange_names_are_found_as_they_are(world: World) {
    let store = &world.store;
    let strange = [
        "%",
        "a'b\"c",
        "repo:acme/app:ref:refs/heads/x",
        "spiffe://acme/ns/x",
        "Å\u{10ffff}",
        "\u{202e}evil",
        "..",
        "ß",
    ];
    for subject in strange {
        store.saw_person(&person(subject, "<b>x</b>", "")).await.unwrap();
    }
    let mut sorted: Vec<&str> = strange.to_vec();
    sorted.sort_unstable();
    assert_eq!(names(store, "").await, sorted);
    for find in ["%", "a'b", "acme/app", "spiffe:", "å", ".."] {
        assert_eq!(names(store, find).await.len(), 1, "{find}");
    }
    assert_eq!(names(store, "b>x").await.len(), strange.len());
}

async fn facts_of_before_are_found_after_the_migration(world: World) {
    let World { store, url, directory } = world;
    store.saw_person(&person("riley", "Riley Tan", "")).await.unwrap();
    let mut change = store.change().await.unwrap();
    let epoch = change.lock_epoch().await.unwrap();
    let (id, granted) = (crate::world::entry(), grant("holder"));
    change.add_grant(&granted, epoch, id).await.unwrap();
    keep(&mut change, id, "grant", Effect::AtDelivery).await;
    change.commit().await.unwrap();
    store.forget_people_migration().await.unwrap();
    store.close().await;
    let store = Store::open(&url).await.unwrap();
    assert_eq!(names(&store, "").await, ["holder", "riley"]);
    assert_eq!(names(&store, "tan").await, ["riley"]);
    drop(directory);
}

/// However many there are, a page reads the rows that it shows: by the index, in its order.
async fn pages_are_read_by_the_index(world: World) {
    for plan in world.store.people_plans().await.unwrap() {
        let text = plan.join("\n");
        assert!(!text.contains("SCAN") && !text.contains("Seq Scan"), "{text}");
        assert!(!text.contains("TEMP B-TREE") && !text.contains("Sort"), "{text}");
        assert!(text.contains("people_words"), "{text}");
    }
}
