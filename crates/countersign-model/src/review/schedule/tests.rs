use super::*;
use crate::fixtures::{catalog, grant, subject};

#[test]
fn a_scope_is_everything_that_it_names() {
    let catalog = catalog();
    let both = &["billing.refunds.create", "billing.status"][..];
    let gone = &["billing.gone"][..];
    let (bob, crew) = (subject("bob"), Holder::Group("crew".into()));
    let agent = subject("agent:dunning");
    let who = r#"{"groups": ["crew"], "holders": ["ann"]}"#;
    let rows = [
        ("{}", &bob, both, true, "all grants"),
        // What the catalog has no more is reviewed by schedules of everything.
        ("{}", &bob, gone, true, "all grants"),
        (r#"{"sensitivities": ["high"]}"#, &bob, both, true, "grants that reach high sensitivity"),
        (r#"{"sensitivities": ["high"]}"#, &bob, gone, false, "grants that reach high sensitivity"),
        // One function has the tag, another one the sensitivity.
        (
            r#"{"tags": ["money"], "sensitivities": ["low"]}"#,
            &bob,
            both,
            true,
            "grants that reach the tag money, that reach low sensitivity",
        ),
        (r#"{"targets": ["crm"]}"#, &bob, both, false, "grants that reach the target crm"),
        (
            r#"{"functions": ["billing.status"]}"#,
            &crew,
            both,
            true,
            "grants that reach billing.status",
        ),
        (who, &crew, both, true, "grants held by the group crew or ann"),
        (who, &bob, both, false, "grants held by the group crew or ann"),
        (r#"{"agents": true}"#, &agent, both, true, "grants held by agents"),
        (r#"{"agents": true}"#, &bob, both, false, "grants held by agents"),
        (r#"{"agents": true}"#, &crew, both, false, "grants held by agents"),
    ];
    for (document, holder, functions, expected, words) in rows {
        let grant = grant(1, holder.clone(), functions, 10);
        let scope = serde_json::from_str::<Scope>(document).unwrap();
        assert_eq!(scope.to_string(), words);
        assert_eq!(scope.includes(&Reviewed::of(&grant, &catalog), &catalog), expected, "{words}");
    }
    let one = grant(1, subject("bob"), both, 10);
    let other = grant(2, subject("bob"), both, 10);
    let named = Scope { grants: [one.id].into(), ..Scope::default() };
    assert!(named.includes(&Reviewed::of(&one, &catalog), &catalog));
    assert!(!named.includes(&Reviewed::of(&other, &catalog), &catalog));
}
