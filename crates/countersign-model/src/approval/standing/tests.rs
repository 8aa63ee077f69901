use crate::{
    Approval, Snapshot, Subject, Verdict,
    approval::{
        Voted,
        tests::{approval, demand, person},
    },
    catalog::{compile, raw::RawCatalog},
    fixtures::{NOW, raw_file},
    snapshot::{Epoch, Facts, Suspension},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Who answered, with which groups.
type Answers<'a> = &'a [(&'a str, &'a [&'a str])];

/// A policy in which some are suspended, and the catalog's file was changed.
fn policy(suspended: &[&str], change: fn(&mut Value)) -> Snapshot {
    let mut file = raw_file();
    change(&mut file);
    let raw = RawCatalog::join([serde_json::from_value(file).unwrap()]).unwrap();
    let catalog = Arc::new(compile(&raw, &|_| Ok(())).unwrap());
    let suspension = |it: &&str| Suspension {
        subject: Subject::from(*it),
        by: "sam".into(),
        at: NOW,
        why: "left".to_owned(),
    };
    let suspensions = suspended.iter().map(suspension).collect();
    Snapshot::compile(Facts { epoch: Epoch(2), catalog, suspensions, ..Facts::default() })
}

/// A request that these people, with these groups, said yes to; nobody else was needed.
fn answered(from: &[&str], people: Answers<'_>) -> Approval {
    let needed = u32::try_from(people.len()).unwrap();
    let mut all = approval(vec![demand(from, needed)]);
    for (name, groups) in people {
        match all.vote(&person(name, groups), Verdict::Approve, "", NOW) {
            Ok(Voted::Changed(next)) => all = *next,
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(all.state.name(), "approved");
    all
}

#[test]
fn whose_yes_still_counts() {
    let nothing: fn(&mut Value) = |_| ();
    let other_owner: fn(&mut Value) = |it| it["functions"][0]["owners"] = json!(["amir"]);
    let more_owners: fn(&mut Value) = |it| it["target"]["owners"] = json!(["olivia", "amir"]);
    let agent: fn(&mut Value) = |it| {
        let agent = json!({"subject": "amir", "sponsor": "riley", "purpose": "Acts by itself"});
        it["agents"].as_array_mut().unwrap().push(agent);
    };
    let sponsor: fn(&mut Value) = |it| it["agents"][0]["sponsor"] = json!("amir");
    let gone: fn(&mut Value) = |it| drop(it["functions"].as_array_mut().unwrap().remove(0));
    let finance: &[&str] = &["finance"];
    let amir: Answers<'_> = &[("amir", finance)];
    let olivia: Answers<'_> = &[("olivia", &[])];
    let both: Answers<'_> = &[("amir", finance), ("bea", finance)];
    let rows: [(&str, &[&str], Answers<'_>, _, _, &[&str]); 12] = [
        ("nothing changed", &["group:finance"], amir, policy(&[], nothing), true, &[]),
        ("suspended", &["group:finance"], amir, policy(&["amir"], nothing), false, &["amir"]),
        ("another is suspended", &["group:finance"], amir, policy(&["eve"], nothing), true, &[]),
        ("one of two", &["group:finance"], both, policy(&["bea"], nothing), false, &["bea"]),
        ("an owner no more", &["owner"], olivia, policy(&[], other_owner), false, &["olivia"]),
        ("one owner more", &["owner"], olivia, policy(&[], more_owners), true, &[]),
        (
            "an owner no more, but asked by name",
            &["owner", "person:olivia"],
            olivia,
            policy(&[], other_owner),
            true,
            &[],
        ),
        (
            "an owner no more, but in the group",
            &["owner", "group:finance"],
            &[("olivia", &["finance"])],
            policy(&[], other_owner),
            true,
            &[],
        ),
        ("an agent now", &["group:finance"], amir, policy(&[], agent), false, &["amir"]),
        ("the sponsor now", &["group:finance"], amir, policy(&[], sponsor), false, &["amir"]),
        ("the sponsor now, of two", &["group:finance"], both, policy(&[], sponsor), true, &[]),
        ("the function is gone", &["owner"], olivia, policy(&[], gone), true, &[]),
    ];
    for (what, from, people, policy, stands, left) in rows {
        let approved = answered(from, people);
        let judged = approved.judged_under(&policy);
        assert_eq!(judged.is_met(), stands, "{what}");
        assert_eq!(judged.satisfies(&approved.demands), stands, "{what}");
        let left: Vec<Subject> = left.iter().map(|it| Subject::from(*it)).collect();
        assert_eq!(approved.no_longer_standing(&policy), left, "{what}");
        assert_eq!(judged.state, approved.state, "only the store's transitions change a state");
    }
}

/// A group that nobody asked for says nothing about an answer, and is not kept.
#[test]
fn an_answer_keeps_the_groups_that_were_asked() {
    let approved =
        answered(&["group:finance", "owner"], &[("amir", &["finance", "secret-project"])]);
    let groups: Vec<_> = approved.votes[0].groups.iter().map(|it| it.as_str()).collect();
    assert_eq!(groups, ["finance"]);
    let mut old = serde_json::to_value(&approved).unwrap();
    drop(old["votes"][0].as_object_mut().unwrap().remove("groups"));
    let old: Approval = serde_json::from_value(old).unwrap();
    assert!(!old.judged_under(&policy(&[], |_| ())).is_met(), "what is not known doesn't count");
}
