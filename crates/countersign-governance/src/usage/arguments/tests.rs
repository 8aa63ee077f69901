use super::*;
use serde_json::json;

const DAY: i64 = 20_000;

fn call(arguments: Value, hidden: &[&str]) -> Option<CallArguments> {
    let hidden: Vec<String> = hidden.iter().map(|it| (*it).to_owned()).collect();
    CallArguments::of(arguments, &hidden)
}

/// What is told of a function after calls with these arguments.
fn told(calls: &[(Value, &[&str])]) -> FunctionUsage {
    let mut arguments = Arguments::default();
    for (given, hidden) in calls {
        arguments.add(DAY, call(given.clone(), hidden).as_ref());
        arguments = Arguments::from_bytes(&arguments.to_bytes()).unwrap();
    }
    let mut function = FunctionUsage::default();
    arguments.tell(DAY, &mut function);
    function
}

fn check(calls: &[(Value, &[&str])], name: &str, expect: &Value) {
    let told = told(calls);
    assert_eq!(serde_json::to_value(told.arguments.get(name)).unwrap(), *expect);
}

#[test]
fn values_are_counted_while_they_are_few_and_small() {
    let open: &[&str] = &[];
    check(
        &[(json!({"a": "x"}), open), (json!({"a": "y"}), open), (json!({"a": "x", "b": 1}), open)],
        "a",
        &json!({"present": 3, "values": [["x", 2], ["y", 1]], "more_values": false,
            "least": null, "greatest": null, "hidden": false}),
    );
    check(
        &[(json!({"a": 3}), open), (json!({"a": -1.5}), open)],
        "a",
        &json!({"present": 2, "values": [[3, 1], [-1.5, 1]], "more_values": false,
            "least": -1.5, "greatest": 3.0, "hidden": false}),
    );
    // One that is no number, and there is no range any more.
    check(
        &[(json!({"a": 3}), open), (json!({"a": null}), open), (json!({"a": 4}), open)],
        "a",
        &json!({"present": 3, "values": [[3, 1], [null, 1], [4, 1]], "more_values": false,
            "least": null, "greatest": null, "hidden": false}),
    );
    check(
        &[(json!({"a": {"deep": 1}}), open), (json!({"a": "x".repeat(65)}), open)],
        "a",
        &json!({"present": 2, "values": [], "more_values": true,
            "least": null, "greatest": null, "hidden": false}),
    );
}

#[test]
fn many_values_keep_their_range() {
    let open: &[&str] = &[];
    let calls: Vec<(Value, &[&str])> = (0..40).map(|it| (json!({"a": it}), open)).collect();
    let function = told(&calls);
    let argument = &function.arguments["a"];
    assert_eq!(argument.values.len(), VALUES_MAX);
    assert!(argument.more_values);
    assert_eq!((argument.least, argument.greatest), (Some(0.0), Some(39.0)));
}

#[test]
fn what_is_hidden_is_not_kept() {
    let hidden = json!({"present": 2, "values": [], "more_values": false,
        "least": null, "greatest": null, "hidden": true});
    check(&[(json!({"a": 3}), &[]), (json!({"a": "***"}), &["/a"])], "a", &hidden);
    check(&[(json!({"a": "***"}), &["/a"]), (json!({"a": 3}), &[])], "a", &hidden);
    // A mask that drops the argument, and one that hides a part of it.
    check(&[(json!({}), &["/a"]), (json!({"a": {"b": "*"}}), &["/a/b"])], "a", &hidden);
    let slash: &[&str] = &["/a~1b"];
    assert!(told(&[(json!({"a/b": "*"}), slash)]).arguments["a/b"].hidden);
    assert_eq!(call(json!({}), &[""]), None, "all of them");
}

#[test]
fn calls_whose_arguments_were_not_seen_are_counted_honestly() {
    let mut arguments = Arguments::default();
    arguments.add(DAY, call(json!({"a": 1}), &[]).as_ref());
    arguments.add(DAY, None);
    let mut function = FunctionUsage::default();
    arguments.tell(DAY, &mut function);
    assert_eq!((function.arguments_of, function.arguments_seen), (2, 1));
    assert!(!function.is_complete());
}

#[test]
fn old_quarters_are_not_told_and_forgotten_in_the_end() {
    let mut arguments = Arguments::default();
    let day = 91 * 200;
    let one = call(json!({"a": "old"}), &[]);
    arguments.add(day, one.as_ref());
    arguments.add(day + 91, call(json!({"a": "new"}), &[]).as_ref());
    let tell = |arguments: &Arguments, from| {
        let mut function = FunctionUsage::default();
        arguments.tell(from, &mut function);
        function.arguments_of
    };
    assert_eq!(tell(&arguments, day + 91), 1);
    assert_eq!(tell(&arguments, day + 90), 2);
    arguments.add(day + 91 * 6, None);
    assert_eq!(tell(&arguments, day), 2, "the oldest is gone");
    arguments.add(day, one.as_ref());
    assert_eq!(tell(&arguments, day), 2, "and does not come back");
}

#[test]
fn a_row_stays_small_whatever_is_sent() {
    let mut arguments = Arguments::default();
    for call in 0..400 {
        let members =
            (0..100).map(|it| (format!("name_{it}"), json!("v".repeat(60) + &call.to_string())));
        let given = Value::Object(members.collect());
        arguments.add(DAY, CallArguments::of(given, &[]).as_ref());
    }
    assert!(arguments.to_bytes().len() < 40_000, "{}", arguments.to_bytes().len());
    let mut function = FunctionUsage::default();
    arguments.tell(DAY, &mut function);
    assert!(!function.is_complete(), "some arguments are left out");
}
