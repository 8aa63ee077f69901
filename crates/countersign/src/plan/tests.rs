use super::Plan;
use serde_json::json;

fn rendered(plan: serde_json::Value) -> String {
    let plan: Plan = serde_json::from_value(plan).unwrap();
    anstream::adapter::strip_str(&plan.render()).to_string()
}

#[test]
fn a_plan_reads_like_a_diff() {
    let plan = json!({
        "base": "sha256:1", "next": "sha256:2",
        "changes": [
            {"kind": "added", "place": "function billing.refunds.get", "lines": ["+ purpose: x"]},
            {"kind": "changed", "place": "function billing.refunds.create", "lines": [
                "- sensitivity: medium", "+ sensitivity: high", "  scopes: […]"]},
            {"kind": "removed", "place": "agent agent:old", "lines": ["- sponsor: x"]},
        ],
        "grants_touched": [{"id": "grt_1", "holder": "agent:dunning",
            "functions": ["billing.refunds.create"], "effect": "the contract changes"}],
    });
    assert_eq!(
        rendered(plan),
        "+ function billing.refunds.get\n    + purpose: x\n\
         ~ function billing.refunds.create\n    - sensitivity: medium\n    + sensitivity: high\n      scopes: […]\n\
         - agent agent:old\n\
         \nGrants that this touches\n\
         GRANT  HOLDER         FUNCTIONS               EFFECT\n\
         grt_1  agent:dunning  billing.refunds.create  the contract changes\n\
         \n1 to add, 1 to change, 1 to remove.\n"
    );
}

#[test]
fn no_change_says_so() {
    let text = rendered(json!({"base": "a", "next": "a", "changes": []}));
    assert_eq!(text, "Nothing changes: the files are what is in force.\n");
}

#[test]
fn colours_are_there_for_terminals() {
    let plan: Plan = serde_json::from_value(json!({"base": "a", "next": "b", "changes": [
        {"kind": "changed", "place": "target x\u{1b}[2J", "lines": ["- a"]}]}))
    .unwrap();
    let text = plan.render();
    assert!(text.contains("\u{1b}[31m- a"), "{text:?}");
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
}
