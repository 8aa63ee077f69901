//! Who stands in for whom.

use crate::world::{World, actor, ada, olivia, on_both};
use countersign_governance::{NewDelegation, PersonRow};
use countersign_model::{Span, Subject, review::Delegation};

on_both!(
    a_person_says_who_stands_in_and_it_ends,
    who_may_say_so_and_who_may_stand_in,
    standing_in_waits_for_the_ledger,
);

async fn seen(world: &World, name: &str) {
    let person = PersonRow {
        subject: name.into(),
        name: String::new(),
        email: String::new(),
        groups: [].into(),
        issuer: "acme".to_owned(),
        seen_at: world.now(),
    };
    world.governance.store().saw_person(&person).await.unwrap();
}

fn new(world: &World, of: Option<&str>, to: &str, days: i64) -> NewDelegation {
    NewDelegation {
        of: of.map(Subject::from),
        to: to.into(),
        from: None,
        until: world.now().plus(Span::from_days(days)),
    }
}

async fn a_person_says_who_stands_in_and_it_ends(world: World) {
    let governance = &world.governance;
    seen(&world, "dora").await;
    let made = governance.set_delegate(&olivia(), new(&world, None, "dora", 10)).await.unwrap();
    assert_eq!((made.of.as_str(), made.to.as_str()), ("olivia", "dora"));
    let facts = governance.review_facts().await.unwrap();
    assert_eq!(facts.delegation(&"olivia".into()), Some(&made));
    let shown = |actor| async move { governance.delegations(&actor).await.unwrap() };
    let one = std::slice::from_ref(&made);
    assert_eq!(shown(olivia()).await, one);
    assert_eq!(shown(actor("dora", &[])).await, one);
    assert_eq!(shown(ada()).await, one);
    assert_eq!(shown(actor("otto", &[])).await, Vec::<Delegation>::new());
    // Whoever stands in may give it back.
    let of = || Some(Subject::from("olivia"));
    let refused = governance.end_delegate(&actor("otto", &[]), of()).await.unwrap_err();
    assert_eq!(refused.code(), "not_yours");
    governance.end_delegate(&actor("dora", &[]), of()).await.unwrap();
    assert_eq!(governance.delegation_of(&"olivia".into()).await.unwrap(), None);
    let again = governance.end_delegate(&olivia(), None).await.unwrap_err();
    assert_eq!(again.code(), "no_such_delegate");
    let entries = world.entries("delegate.changed");
    let said: Vec<String> = entries
        .iter()
        .map(|it| {
            format!("{} {} for {} by {}", it["change"], it["to"], it["of"], it["by"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(said, ["set dora for olivia by olivia", "ended dora for olivia by dora"]);
    for entry in world.read_back() {
        entry.unwrap();
    }
    // It ends by itself.
    governance.set_delegate(&ada(), new(&world, Some("olivia"), "dora", 1)).await.unwrap();
    world.pass(Span::from_days(1));
    assert_eq!(governance.delegation_of(&"olivia".into()).await.unwrap(), None);
    assert_eq!(governance.review_facts().await.unwrap().delegation(&"olivia".into()), None);
}

async fn who_may_say_so_and_who_may_stand_in(world: World) {
    let governance = &world.governance;
    for name in ["dora", "sue"] {
        seen(&world, name).await;
    }
    governance.suspend(&ada(), &"sue".into(), "away").await.unwrap();
    let auditor = || actor("audrey", &["audit"]);
    let service = || actor("svc:cron", &[]);
    let for_otto = Some("otto");
    let rows = [
        (olivia(), new(&world, for_otto, "dora", 10), "not_administrator"),
        (auditor(), new(&world, None, "dora", 10), "auditor_changes_nothing"),
        (service(), new(&world, None, "dora", 10), "not_a_person"),
        (olivia(), new(&world, None, "olivia", 10), "invalid_delegate"),
        (olivia(), new(&world, None, "agent:dunning", 10), "invalid_delegate"),
        (ada(), new(&world, Some("agent:dunning"), "dora", 10), "invalid_delegate"),
        (olivia(), new(&world, None, "sue", 10), "invalid_delegate"),
        (olivia(), new(&world, None, "nobody", 10), "invalid_delegate"),
        (olivia(), new(&world, None, "dora", 91), "invalid_delegate"),
        (olivia(), new(&world, None, "dora", 0), "invalid_delegate"),
    ];
    for (actor, new, expected) in rows {
        let refused = governance.set_delegate(&actor, new.clone()).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{} {new:?}: {refused}", actor.name);
    }
    governance.set_delegate(&ada(), new(&world, for_otto, "dora", 90)).await.unwrap();
}

async fn standing_in_waits_for_the_ledger(mut world: World) {
    seen(&world, "dora").await;
    world.break_ledger();
    let new = new(&world, None, "dora", 10);
    world.governance.set_delegate(&olivia(), new).await.unwrap_err();
    assert_eq!(world.governance.delegation_of(&"olivia".into()).await.unwrap(), None);
    let world = world.restart().await;
    assert!(world.governance.delegation_of(&"olivia".into()).await.unwrap().is_some());
}
