use super::*;
use crate::{CallerKind, Subject, Timestamp};
use serde_json::json;

fn schema() -> InputSchema {
    InputSchema::compile(json!({
        "type": "object",
        "properties": {
            "amount": {"type": "number"},
            "count": {"type": "integer"},
            "customer": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "address": {"type": "object", "properties": {"city": {"type": "string"}}}
        }
    }))
    .unwrap()
}

fn caller() -> Caller {
    Caller {
        subject: Subject::from("agent:dunning"),
        kind: CallerKind::Agent,
        actors: vec![],
        client: None,
        issuer: "demo".into(),
        groups: ["agents".into()].into(),
        scopes: ["billing.read".into()].into(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(0),
        issued: crate::Issued::default(),
    }
}

#[test]
fn conditions_judge_arguments_and_callers() {
    let arguments = json!({"amount": 600, "count": 3, "customer": "c_81", "tags": ["a"], "address": {"city": "Ghent"}});
    let rows = [
        ("args.amount > 500", Ok(true)),
        ("args.amount > 600.5", Ok(false)),
        ("args.amount / 7.0 > 85.0", Ok(true)),
        ("args.count % 2 == 1", Ok(true)),
        ("args.customer.startsWith('c_')", Ok(true)),
        ("args.customer.matches('^c_[0-9]+$')", Ok(true)),
        ("'a' in args.tags", Ok(true)),
        ("args.tags.all(tag, size(tag) == 1)", Ok(true)),
        ("args.address.city == 'Ghent'", Ok(true)),
        ("'agents' in caller.groups && caller.kind == 'agent'", Ok(true)),
        ("caller.subject == 'someone'", Ok(false)),
        ("args.amount", Err(())),
        ("args.count / 0 == 1", Err(())),
    ];
    let schema = schema();
    let caller = caller();
    let activation = Activation::new(&caller, &[], &arguments, &schema);
    for (source, expected) in rows {
        let expression = Expression::compile(source, &schema).unwrap();
        assert_eq!(expression.evaluate(&activation).map_err(|_| ()), expected, "{source}");
    }
}

#[test]
fn an_absent_argument_is_an_error_unless_asked_for_with_has() {
    let schema = schema();
    let (caller, none) = (caller(), json!({}));
    let activation = Activation::new(&caller, &[], &none, &schema);
    let evaluate =
        |source: &str| Expression::compile(source, &schema).unwrap().evaluate(&activation);
    assert!(evaluate("args.amount > 500").is_err());
    assert_eq!(evaluate("has(args.amount) && args.amount > 500"), Ok(false));
}

#[test]
fn what_no_call_could_satisfy_is_refused_when_compiled() {
    type Row = (&'static str, fn(&BadExpression) -> bool);
    let rows: [Row; 9] = [
        ("args.amont > 500", |it| *it == BadExpression::UnknownArgument("amont".to_owned())),
        ("args.address.town == ''", |it| {
            *it == BadExpression::UnknownArgument("address.town".to_owned())
        }),
        ("amount > 500", |it| *it == BadExpression::UnknownVariable("amount".to_owned())),
        ("caller.role == 'x'", |it| *it == BadExpression::UnknownCallerField("role".to_owned())),
        ("now() > 3", |it| *it == BadExpression::UnknownFunction("now".to_owned())),
        ("args.tags.all(a, args.tags.all(b, a == b))", |it| *it == BadExpression::NestedLoop),
        ("args.amount >", |it| matches!(it, BadExpression::Syntax(_))),
        ("", |it| matches!(it, BadExpression::Syntax(_))),
        ("has(args.nothing)", |it| *it == BadExpression::UnknownArgument("nothing".to_owned())),
    ];
    for (source, expected) in rows {
        let error = Expression::compile(source, &schema()).unwrap_err();
        assert!(expected(&error), "{source}: {error:?}");
    }
    let long = format!("args.amount > {}", "1".repeat(EXPRESSION_BYTES_MAX));
    assert_eq!(Expression::compile(&long, &schema()).unwrap_err(), BadExpression::TooLong);
}
