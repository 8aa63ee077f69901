use super::*;
use crate::fixtures::{catalog, grant, subject};
use serde_json::json;

const REFUND: &str = "billing.refunds.create";
const CUSTOMER: &str = "billing.customers.get";
const STATUS: &str = "billing.status";

fn argument(present: u64, values: &[(Value, u64)]) -> ArgumentUsage {
    let numbers: Vec<f64> = values.iter().filter_map(|(it, _)| it.as_f64()).collect();
    let all = numbers.len() == values.len() && !numbers.is_empty();
    ArgumentUsage {
        present,
        values: values.to_vec(),
        more_values: false,
        least: all.then(|| numbers.iter().copied().fold(f64::INFINITY, f64::min)),
        greatest: all.then(|| numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        hidden: false,
    }
}

fn used(calls: u64, arguments: &[(&str, ArgumentUsage)]) -> FunctionUsage {
    FunctionUsage {
        used: calls,
        last_used_at: None,
        arguments_of: calls,
        arguments_seen: calls,
        arguments: arguments.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect(),
        masked: 0,
    }
}

fn usage(functions: Vec<(&str, FunctionUsage)>) -> GrantUsage {
    GrantUsage {
        used: functions.iter().map(|(_, it)| it.used).sum(),
        functions: functions.into_iter().map(|(name, it)| (name.into(), it)).collect(),
        ..GrantUsage::default()
    }
}

fn names(of: &[FunctionName]) -> Vec<&str> {
    of.iter().map(FunctionName::as_str).collect()
}

#[test]
fn r18_a_grant_is_narrowed_to_the_functions_that_were_used() {
    let held = grant(1, subject("riley"), &[REFUND, CUSTOMER, STATUS], 1);
    let reduced = reduce(&held, &usage(vec![(CUSTOMER, used(3, &[]))]), &catalog()).unwrap();
    assert_eq!(names(&reduced.functions), [CUSTOMER]);
    assert_eq!(reduced.constraints, Vec::<String>::new(), "three calls say nothing of values");
    // Read-only: looking at the status goes on, paying money back does not.
    assert_eq!(names(reduced.read_only.as_deref().unwrap()), [CUSTOMER, STATUS]);
}

#[test]
fn r18_what_was_not_used_or_used_whole_is_not_narrowed() {
    let held = grant(1, subject("riley"), &[CUSTOMER], 1);
    assert_eq!(reduce(&held, &usage(vec![]), &catalog()), None);
    assert_eq!(reduce(&held, &usage(vec![(CUSTOMER, used(3, &[]))]), &catalog()), None);
    let elsewhere = usage(vec![(STATUS, used(30, &[]))]);
    assert_eq!(reduce(&held, &elsewhere, &catalog()), None, "of another function");
}

#[test]
fn r18_a_tag_becomes_the_names_that_were_used() {
    let mut held = grant(1, subject("riley"), &[], 1);
    held.tags = vec!["read".into()];
    let reduced = reduce(&held, &usage(vec![(STATUS, used(3, &[]))]), &catalog()).unwrap();
    assert_eq!(names(&reduced.functions), [STATUS]);
}

/// What constraints are proposed for a grant of refunds, used 40 times.
fn check(arguments: &[(&str, ArgumentUsage)], expect: &[&str]) {
    let held = grant(1, subject("riley"), &[REFUND], 1);
    let given = arguments.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    // Arguments that are not in question: given with many values.
    let many = ArgumentUsage { present: 40, more_values: true, ..ArgumentUsage::default() };
    let rest = ["amount", "customer", "note"].into_iter().filter(|it| !given.contains(it));
    let all: Vec<_> = arguments.iter().cloned().chain(rest.map(|it| (it, many.clone()))).collect();
    let usage = usage(vec![(REFUND, used(40, &all))]);
    let reduced = reduce(&held, &usage, &catalog());
    // Whoever asks only why is told the same.
    let why = reduced.as_ref().map(|it| it.why.clone()).unwrap_or_default();
    assert_eq!(why_reduce(&held, &usage, &catalog()), why);
    let constraints = reduced.map(|it| it.constraints).unwrap_or_default();
    assert_eq!(constraints, expect);
    for constraint in &constraints {
        let catalog = catalog();
        let (_, function) = catalog.by_name(REFUND).unwrap();
        Expression::compile(constraint, &function.input).unwrap();
    }
}

#[test]
fn r18_arguments_are_narrowed_to_what_was_seen() {
    check(&[("customer", argument(40, &[(json!("c_81"), 40)]))], &["args.customer == \"c_81\""]);
    check(
        &[("customer", argument(40, &[(json!("a\"b\\"), 30), (json!("ü\n"), 10)]))],
        &["args.customer in [\"a\\\"b\\\\\", \"ü\\n\"]"],
    );
    check(
        &[("amount", argument(40, &[(json!(40), 20), (json!(12.5), 20)]))],
        &["args.amount in [40.0, 12.5]"],
    );
    let mut range = argument(40, &[(json!(3), 1), (json!(877), 1)]);
    range.more_values = true;
    check(&[("amount", range)], &["(args.amount >= 3.0 && args.amount <= 877.0)"]);
    check(&[("note", argument(0, &[]))], &["!has(args.note)"]);
    let some = argument(30, &[(json!("late"), 30)]);
    check(&[("note", some)], &["!has(args.note) || args.note == \"late\""]);
}

#[test]
fn r18_nothing_is_narrowed_to_what_is_hidden_incomplete_or_various() {
    let hidden = ArgumentUsage { hidden: true, ..argument(40, &[(json!("c_81"), 40)]) };
    check(&[("customer", hidden)], &[]);
    let more = ArgumentUsage { more_values: true, ..argument(40, &[(json!("c_81"), 40)]) };
    check(&[("customer", more)], &[]);
    let each: Vec<_> = (0..30).map(|it| (json!(format!("c_{it}")), 1)).collect();
    check(&[("customer", argument(40, &each))], &[]);
    check(&[("amount", argument(0, &[]))], &[]);

    let held = grant(1, subject("riley"), &[REFUND], 1);
    let mut partly = used(40, &[("customer", argument(39, &[(json!("c_81"), 39)]))]);
    partly.arguments_seen = 39;
    assert_eq!(reduce(&held, &usage(vec![(REFUND, partly)]), &catalog()), None);
}

#[test]
fn r18_a_constraint_must_hold_for_every_function_that_stays() {
    let held = grant(1, subject("riley"), &[REFUND, CUSTOMER], 1);
    let one = argument(40, &[(json!("c_81"), 40)]);
    let of_both = usage(vec![
        (
            REFUND,
            used(40, &[("customer", one.clone()), ("amount", argument(40, &[(json!(5), 40)]))]),
        ),
        (CUSTOMER, used(40, &[("customer", one)])),
    ]);
    let reduced = reduce(&held, &of_both, &catalog()).unwrap();
    assert_eq!(reduced.constraints, ["args.customer == \"c_81\""], "amounts are of one only");
}

#[test]
fn r18_what_a_constraint_speaks_of_already_is_left() {
    let mut held = grant(1, subject("riley"), &[REFUND], 1);
    held.constraints = vec!["args.customer in [\"c_81\", \"c_82\"]".to_owned()];
    let many = ArgumentUsage { present: 40, more_values: true, ..ArgumentUsage::default() };
    let one = used(
        40,
        &[
            ("customer", argument(40, &[(json!("c_81"), 40)])),
            ("amount", many.clone()),
            ("note", many),
        ],
    );
    assert_eq!(reduce(&held, &usage(vec![(REFUND, one)]), &catalog()), None);
}
