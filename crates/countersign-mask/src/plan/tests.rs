use super::*;

fn rule(field: &str, detect: &[Detector], how: How) -> Rule {
    let field = (!field.is_empty()).then(|| FieldPath::parse(field).unwrap());
    Rule { field, detect: detect.to_vec(), how }
}

/// The state at `a/b/0`, where a number is an index.
fn whole(plan: &Plan, steps: &str) -> Option<How> {
    let mut place = Place::ROOT;
    for step in steps.split('/').filter(|step| !step.is_empty()) {
        place = match step.parse() {
            Ok(index) => plan.state(place).element(index),
            Err(_) => plan.state(place).member(step.as_bytes()),
        };
    }
    plan.state(place).whole.map(|hit| hit.how)
}

#[test]
fn fields_are_found_by_path() {
    let check = |field: &str, steps: &str, expect: bool| {
        let plan = Plan::compile(&[rule(field, &[], How::Redact)]).unwrap();
        assert_eq!(whole(&plan, steps).is_some(), expect, "{field} at {steps}");
    };
    check("$", "", true);
    check("$", "a", false);
    check("$.a.b", "a/b", true);
    check("$.a.b", "a", false);
    check("$.a.b", "a/b/c", false);
    check("$.a.b", "a/x", false);
    check("$.a.b", "x/b", false);
    check("$.a[*].b", "a/7/b", true);
    check("$.a[*].b", "a/x/b", true);
    check("$.a[1].b", "a/1/b", true);
    check("$.a[1].b", "a/0/b", false);
    check("$.*", "5", true);
    check("$..b", "b", true);
    check("$..b", "a/0/x/b", true);
    check("$..b.c", "b/b/c", true);
    check("$..b.c", "b/x/c", false);
    check("$..[0]", "a/0", true);
    check("$..[0]", "a/1", false);
    check("$..*", "a/b/c", true);
    check("$..*", "", false);
    check("$.a..b", "b", false);
    check("$.a..b", "a/c/b", true);
}

#[test]
fn the_stricter_rule_wins_in_any_order() {
    for (first, second) in [(How::Partial, How::Drop), (How::Drop, How::Partial)] {
        let plan = Plan::compile(&[rule("$.a", &[], first), rule("$..a", &[], second)]).unwrap();
        assert_eq!(whole(&plan, "a"), Some(How::Drop));
        assert_eq!(whole(&plan, "b/a"), Some(second));
    }
}

#[test]
fn detectors_hold_below_their_field() {
    let plan = Plan::compile(&[
        rule("$.note", &[Detector::Email], How::Redact),
        rule("", &[Detector::Card], How::Partial),
    ])
    .unwrap();
    let root = plan.state(Place::ROOT);
    assert!(!root.detect.wants(Detector::Email) && root.detect.wants(Detector::Card));
    let note = plan.state(root.member(b"note"));
    assert!(note.detect.wants(Detector::Email) && note.detect.wants(Detector::Card));
    assert!(plan.state(note.member(b"deep")).detect.wants(Detector::Email));
    let other = plan.state(root.member(b"other"));
    assert!(!other.detect.wants(Detector::Email) && other.detect.wants(Detector::Card));
    assert!(plan.has_fields() && !plan.drops() && !plan.is_empty());
}

#[test]
fn what_does_not_compile() {
    assert_eq!(
        Plan::compile(&[rule("$.a", &[], How::Redact), rule("", &[], How::Redact)]).unwrap_err(),
        PlanError::Empty { rule: 1 }
    );
    let many = vec![rule("$.a", &[], How::Redact); RULES_MAX + 1];
    assert_eq!(Plan::compile(&many).unwrap_err(), PlanError::TooMany);
    let tangled = format!("$..a{}", ".*".repeat(20));
    assert_eq!(
        Plan::compile(&[rule(&tangled, &[], How::Redact)]).unwrap_err(),
        PlanError::TooComplex
    );
    assert!(Plan::compile(&[]).unwrap().is_empty());
}
