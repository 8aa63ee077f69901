use super::*;
use crate::{
    Grant,
    fixtures::{catalog, grant},
};

fn scope(json: serde_json::Value) -> Scope {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_grant_is_in_scope_if_it_meets_all_that_is_named() {
    let catalog = catalog();
    let riley = || Holder::Subject("riley".into());
    let refunds = grant(1, riley(), &["billing.refunds.create"], 0);
    let both = grant(2, riley(), &["billing.refunds.create", "billing.status"], 0);
    let team = grant(3, Holder::Group("support".into()), &["billing.status"], 0);
    let agent = grant(4, Holder::Subject("agent:dunning".into()), &["billing.customers.get"], 0);
    let gone = grant(5, riley(), &["billing.gone"], 0);
    let tagged = Grant { tags: vec!["read".into()], ..grant(6, riley(), &[], 0) };
    let all = [&refunds, &both, &team, &agent, &gone, &tagged];
    let rows = [
        (serde_json::json!({}), "123456"),
        (serde_json::json!({"functions": ["billing.status"]}), "236"),
        (serde_json::json!({"tags": ["money"]}), "12"),
        (serde_json::json!({"sensitivities": ["high"]}), "12"),
        (serde_json::json!({"sensitivities": ["medium", "low"]}), "2346"),
        (serde_json::json!({"targets": ["billing"]}), "12346"),
        (serde_json::json!({"targets": ["ops"]}), ""),
        (serde_json::json!({"holders": ["riley"]}), "1256"),
        (serde_json::json!({"groups": ["support"]}), "3"),
        (serde_json::json!({"groups": ["support"], "holders": ["agent:dunning"]}), "34"),
        (serde_json::json!({"agents": true}), "4"),
        (serde_json::json!({"agents": true, "holders": ["riley"]}), ""),
        (serde_json::json!({"functions": ["billing.status"], "sensitivities": ["high"]}), "2"),
        (serde_json::json!({"grants": [refunds.id, team.id]}), "13"),
    ];
    for (named, expected) in rows {
        let scope = scope(named);
        let found: String = (1..)
            .zip(all)
            .filter(|(_, grant)| scope.has(&Reviewed::of(grant, &catalog), &catalog))
            .map(|(number, _): (u32, _)| number.to_string())
            .collect();
        assert_eq!(found, expected, "{scope:?}");
    }
}
