//! Denials, separations of duties, and what is explained of them.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, catalog_with, group, new_grant, olivia, on_both,
    subject,
};
use countersign_governance::{AccessAnswer, AccessQuestion, Actor, DenialError, NewDenial};
use countersign_model::{FunctionName, GrantId, Holder, Span};
use serde_json::json;

on_both!(
    r11_a_denial_acts_at_once_and_is_lifted_by_the_ledger,
    denials_are_made_by_those_who_answer_for_it,
    nobody_comes_to_hold_both_sides,
    access_is_explained_to_those_whom_it_concerns,
);

fn denial(whom: Holder, functions: &[&str], grant: Option<GrantId>) -> NewDenial {
    let functions = functions.iter().map(|it| FunctionName::from(*it)).collect();
    NewDenial { whom, functions, tags: vec![], grant, why: "moved on".to_owned(), until: None }
}

fn code<T>(result: Result<T, DenialError>) -> &'static str {
    result.err().map_or("done", |it| it.code())
}

async fn explain(world: &World, by: &Actor, who: &str, function: &str) -> AccessAnswer {
    let question =
        AccessQuestion { subject: who.into(), actors: vec![], function: function.into() };
    world.governance.explain_access(by, question).await.unwrap()
}

async fn refused(world: &World, who: &str, function: &str) -> Option<&'static str> {
    explain(world, &ada(), who, function).await.refused.map(|it| it.code)
}

async fn r11_a_denial_acts_at_once_and_is_lifted_by_the_ledger(mut world: World) {
    let governance = world.governance.clone();
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    assert_eq!(refused(&world, "riley", CUSTOMER).await, None);
    let made =
        governance.deny(&olivia(), denial(subject("riley"), &[CUSTOMER], None)).await.unwrap();
    assert_eq!(refused(&world, "riley", CUSTOMER).await, Some("denied"));
    // Nobody lifts what was denied to themself.
    let riley = actor("riley", &["platform"]);
    assert_eq!(code(governance.lift_denial(&riley, made.id, "please").await), "own_access");
    governance.lift_denial(&olivia(), made.id, "back again").await.unwrap();
    assert_eq!(refused(&world, "riley", CUSTOMER).await, None);
    assert_eq!(code(governance.lift_denial(&olivia(), made.id, "again").await), "no_such_denial");
    let said = world.entries("denial.changed");
    assert_eq!(said.len(), 2);
    assert_eq!((&said[0]["now"], &said[1]["now"]), (&json!("stopped"), &json!("resumed")));
    // One that ends by itself.
    let mut short = denial(subject("riley"), &[], Some(id));
    short.until = Some(world.now().plus(Span::from_seconds(60)));
    governance.deny(&olivia(), short).await.unwrap();
    assert_eq!(refused(&world, "riley", CUSTOMER).await, Some("denied"));
    world.pass(Span::from_seconds(60));
    assert_eq!(refused(&world, "riley", CUSTOMER).await, None);
    assert_eq!(governance.denials(&ada()).len(), 0);
    // Without a ledger it is denied all the same, and not lifted.
    let lasting =
        governance.deny(&olivia(), denial(subject("riley"), &[CUSTOMER], None)).await.unwrap();
    world.break_ledger();
    assert_eq!(
        code(governance.lift_denial(&olivia(), lasting.id, "x").await),
        "ledger_unavailable"
    );
    assert_eq!(refused(&world, "riley", CUSTOMER).await, Some("denied"));
    let more = governance.deny(&olivia(), denial(subject("kim"), &[CUSTOMER], None)).await;
    assert_eq!(code(more), "ledger_unavailable");
    assert_eq!(refused(&world, "kim", CUSTOMER).await, Some("denied"));
}

async fn denials_are_made_by_those_who_answer_for_it(world: World) {
    let governance = &world.governance;
    let id = world.grant(&ada(), group("support"), CUSTOMER).await;
    let both = denial(subject("riley"), &[CUSTOMER, STATUS], None);
    let one = || denial(subject("riley"), &[], Some(id));
    let rows = [
        (olivia(), both.clone(), "not_owner"),
        (ada(), both, "done"),
        (olivia(), one(), "done"),
        (actor("otto", &[]), one(), "not_owner"),
        (actor("kim", &["audit", "platform"]), one(), "auditor_changes_nothing"),
        (ada(), denial(subject("riley"), &[], None), "invalid_denial"),
        (ada(), denial(subject("riley"), &[CUSTOMER], Some(id)), "invalid_denial"),
        (ada(), denial(subject("riley"), &["billing.nope"], None), "invalid_denial"),
        (ada(), denial(subject(" "), &[CUSTOMER], None), "invalid_denial"),
        (ada(), NewDenial { why: " ".to_owned(), ..one() }, "invalid_denial"),
        (ada(), NewDenial { until: Some(world.now()), ..one() }, "invalid_denial"),
        (ada(), NewDenial { tags: vec!["nope".into()], grant: None, ..one() }, "invalid_denial"),
    ];
    for (by, new, expected) in rows {
        let said = format!("{} {new:?}", by.name);
        assert_eq!(code(governance.deny(&by, new).await), expected, "{said}");
    }
    assert_eq!(governance.denials(&actor("riley", &[])).len(), 2);
    assert_eq!(governance.denials(&actor("kim", &[])).len(), 0);
}

async fn nobody_comes_to_hold_both_sides(world: World) {
    let governance = &world.governance;
    let separations = json!({"pay-and-look": {"name": "pay-and-look", "first": ["money"],
        "second": [CUSTOMER], "why": "who pays must not choose whom"}});
    governance
        .apply_catalog(&ada(), catalog_with("/separations", separations), None)
        .await
        .unwrap();
    let pay = world.grant(&olivia(), subject("riley"), REFUND).await;
    let refused_here =
        governance.add_grant(&olivia(), new_grant(subject("riley"), &[CUSTOMER])).await;
    let error = refused_here.unwrap_err();
    assert_eq!(error.code(), "separation_of_duties");
    assert!(error.to_string().contains(&pay.to_string()), "{error}");
    let whole =
        governance.add_grant(&olivia(), new_grant(subject("kim"), &[CUSTOMER, REFUND])).await;
    assert_eq!(whole.unwrap_err().code(), "separation_of_duties");
    // Asking, widening and passing on are no other ways to it.
    let look = world.grant(&olivia(), subject("kim"), CUSTOMER).await;
    let passed = governance.transfer_grant(&olivia(), look, subject("riley"), "x").await;
    assert_eq!(passed.unwrap_err().code(), "separation_of_duties");
    let mut terms = governance.grant(look).unwrap().grant.terms();
    terms.functions.push(REFUND.into());
    let widened = governance.widen_grant(&olivia(), look, 1, terms).await;
    assert_eq!(widened.unwrap_err().code(), "separation_of_duties");
    let asked = countersign_governance::NewGrantRequest {
        subject: None,
        functions: vec![CUSTOMER.into()],
        reason: "x".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
        renews: None,
    };
    let asked = governance.request_grant(&actor("riley", &[]), asked).await;
    assert_eq!(asked.unwrap_err().code(), "separation_of_duties");
    assert_eq!(governance.access_conflicts(&ada()), vec![]);
    // Revoking the one lets the other be made; restoring the one is refused then.
    governance.revoke_grant(&olivia(), pay, "x").await.unwrap();
    world.pass(Span::from_seconds(1));
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let restored = governance.restore_grant(&olivia(), pay).await;
    assert_eq!(restored.unwrap_err().code(), "separation_of_duties");
}

async fn access_is_explained_to_those_whom_it_concerns(world: World) {
    let governance = &world.governance;
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let riley = actor("riley", &[]);
    for by in [&riley, &olivia(), &ada(), &actor("kim", &["audit"])] {
        let answer = explain(&world, by, "riley", CUSTOMER).await;
        assert_eq!((answer.may, answer.links[0].grants[0].grant.id), ("yes", id));
        let codes: Vec<&str> = answer.conditions.iter().map(|it| it.code).collect();
        assert_eq!(codes, ["grant_overdue"], "nobody has certified it");
    }
    let question = |function: &str| AccessQuestion {
        subject: "riley".into(),
        actors: vec![],
        function: function.into(),
    };
    let otto = actor("otto", &[]);
    let error = governance.explain_access(&otto, question(CUSTOMER)).await.unwrap_err();
    assert_eq!(error.code(), "not_yours");
    let error = governance.explain_access(&riley, question("nope.nope")).await.unwrap_err();
    assert_eq!(error.code(), "not_catalogued");
    assert_eq!(governance.access_conflicts(&riley), vec![]);
    assert_eq!(refused(&world, "riley", REFUND).await, Some("no_grant"));
    governance.suspend_grant(&olivia(), id, "odd").await.unwrap();
    assert_eq!(refused(&world, "riley", CUSTOMER).await, Some("grant_suspended"));
}
