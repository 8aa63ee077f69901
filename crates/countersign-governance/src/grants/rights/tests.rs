use super::*;
use crate::{Role, RoleMap};
use countersign_model::{
    GrantId, GrantState, Group, Person, Timestamp,
    approval::Standing,
    catalog::{
        compile,
        raw::{RawCatalog, RawFile},
    },
};
use serde_json::json;

const HIGH: &str = "billing.refund";
const LOW: &str = "billing.status";
const OTHER: &str = "ops.status";

fn catalog() -> Catalog {
    let function = |name: &str, sensitivity: &str, method: &str| {
        json!({"name": name, "purpose": "x", "sensitivity": sensitivity, "tags": ["all"],
            "http": {"method": method, "path": "/x", "body": "none"}})
    };
    let target = |name: &str, owner: &str| {
        json!({"name": name, "kind": "http", "url": "http://x.internal", "purpose": "x",
            "owners": [owner]})
    };
    let files = [
        json!({"target": target("billing", "olivia"),
            "functions": [function(HIGH, "high", "POST"), function(LOW, "low", "GET")],
            "agents": [{"subject": "bot", "sponsor": "olivia", "purpose": "x"}]}),
        json!({"target": target("ops", "otto"), "functions": [function(OTHER, "low", "GET")]}),
    ];
    let files = files.map(|file| serde_json::from_value::<RawFile>(file).unwrap());
    compile(&RawCatalog::join(files).unwrap(), &|_| Ok(())).unwrap()
}

fn grant(holder: Holder, names: &[&str], maker: &str) -> Grant {
    let (tags, functions): (Vec<&&str>, Vec<&&str>) =
        names.iter().partition(|name| !name.contains('.'));
    Grant {
        id: GrantId::from_bytes([0; 16]),
        version: 1,
        holder,
        functions: functions.into_iter().map(|name| (*name).into()).collect(),
        tags: tags.into_iter().map(|name| (*name).into()).collect(),
        reason: "x".to_owned(),
        constraints: vec![],
        rate: None,
        made_by: maker.into(),
        made_at: Timestamp::default(),
        origin: countersign_model::GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: None,
        state: GrantState::Active,
    }
}

/// `name/group`, with `!` for suspended, `@` for an agent, `$` for a service.
fn actor(text: &str) -> Actor {
    let standing = if text.contains('!') { Standing::Suspended } else { Standing::Good };
    let kind = match () {
        () if text.contains('@') => CallerKind::Agent,
        () if text.contains('$') => CallerKind::Service,
        () => CallerKind::Person,
    };
    let plain = text.trim_matches(['!', '@', '$']);
    let (name, group) = plain.split_once('/').unwrap_or((plain, "staff"));
    let groups = [Group::from(group)].into();
    let map = RoleMap {
        administrators: vec!["platform".into()],
        auditors: vec!["audit".into()],
        ..RoleMap::default()
    };
    let roles = map.roles(&groups);
    assert_eq!(roles.contains(&Role::Administrator), group == "platform");
    let person = Person { subject: name.into(), kind, groups, told: Arc::default(), standing };
    Actor { person, name: name.to_owned(), roles }
}

type Expected = Result<(), Forbidden>;
type Names = &'static [&'static str];

fn riley() -> Holder {
    Holder::Subject("riley".into())
}

#[test]
fn who_may_make() {
    let rows: [(&str, Names, Expected); 13] = [
        ("olivia/audit", &[LOW], Err(Forbidden::Auditor)),
        ("ada/platform", &[HIGH, OTHER], Ok(())),
        ("ada/platform", &["all"], Ok(())),
        ("svc/platform$", &[LOW], Ok(())),
        ("olivia", &[HIGH, LOW], Ok(())),
        ("olivia", &[LOW, OTHER], Err(Forbidden::NotOwner)),
        ("olivia", &["all"], Err(Forbidden::TagsByAdministrator)),
        ("olivia", &[LOW, "all"], Err(Forbidden::TagsByAdministrator)),
        ("olivia", &["billing.gone"], Err(Forbidden::NotOwner)),
        ("riley", &[LOW], Err(Forbidden::NotOwner)),
        ("aud/audit", &[LOW], Err(Forbidden::Auditor)),
        ("ada/platform!", &[LOW], Err(Forbidden::Suspended)),
        ("ada/platform@", &[LOW], Err(Forbidden::NotAPerson)),
    ];
    for (who, names, expected) in rows {
        let found = may_make(&actor(who), &grant(riley(), names, who), &catalog());
        assert_eq!(found, expected, "{who} {names:?}");
    }
}

#[test]
fn who_may_certify() {
    let (bot, staff) = (Holder::Subject("bot".into()), Holder::Group("staff".into()));
    let olivia = || Holder::Subject("olivia".into());
    let ada = || Holder::Subject("ada".into());
    let rows: [(&str, Holder, Names, &str, Expected); 19] = [
        ("olivia/audit", riley(), &[LOW], "ada", Err(Forbidden::Auditor)),
        ("olivia", riley(), &[LOW], "ada", Ok(())),
        ("olivia", riley(), &[HIGH], "ada", Ok(())),
        ("olivia", riley(), &[LOW], "olivia", Ok(())),
        ("olivia", riley(), &[HIGH], "olivia", Err(Forbidden::Maker)),
        ("ada/platform", riley(), &[HIGH], "ada", Err(Forbidden::Maker)),
        ("ada/platform", riley(), &["all"], "ada", Err(Forbidden::Maker)),
        ("ada/platform", riley(), &[LOW], "ada", Ok(())),
        ("ada/platform", riley(), &["billing.gone"], "otto", Ok(())),
        ("olivia", riley(), &["billing.gone"], "ada", Err(Forbidden::NotOwner)),
        ("olivia", riley(), &[LOW, OTHER], "ada", Err(Forbidden::NotOwner)),
        ("olivia", riley(), &["all"], "ada", Err(Forbidden::NotOwner)),
        ("olivia", olivia(), &[LOW], "ada", Err(Forbidden::OwnAccess)),
        ("ada/platform", ada(), &[LOW], "otto", Err(Forbidden::OwnAccess)),
        ("olivia", staff, &[LOW], "ada", Err(Forbidden::OwnAccess)),
        ("olivia", bot, &[LOW], "ada", Err(Forbidden::Sponsor)),
        ("olivia@", riley(), &[LOW], "ada", Err(Forbidden::NotAPerson)),
        ("ada/platform$", riley(), &[LOW], "otto", Err(Forbidden::NotAPerson)),
        ("olivia!", riley(), &[LOW], "ada", Err(Forbidden::Suspended)),
    ];
    for (who, holder, names, maker, expected) in rows {
        let grant = grant(holder, names, maker);
        let found = may_certify(&actor(who), &grant, &catalog());
        assert_eq!(found, expected, "{who} {} {names:?} by {maker}", grant.holder);
    }
}

#[test]
fn who_may_revoke() {
    let staff = || Holder::Group("staff".into());
    let rows: [(&str, Holder, Names, Expected); 11] = [
        ("riley/audit", riley(), &[LOW], Err(Forbidden::Auditor)),
        ("ada/platform", riley(), &[HIGH], Ok(())),
        ("ada/platform", riley(), &["billing.gone"], Ok(())),
        ("olivia", riley(), &[LOW, OTHER], Ok(())),
        ("otto", riley(), &["all"], Ok(())),
        ("riley", riley(), &[LOW], Ok(())),
        ("riley@", riley(), &[LOW], Ok(())),
        ("riley!", riley(), &[LOW], Err(Forbidden::Suspended)),
        ("riley", staff(), &[LOW], Err(Forbidden::NotOwner)),
        ("aud/audit", riley(), &[LOW], Err(Forbidden::Auditor)),
        ("olivia@", riley(), &[LOW], Err(Forbidden::NotAPerson)),
    ];
    for (who, holder, names, expected) in rows {
        let found = may_revoke(&actor(who), &grant(holder, names, "x"), &catalog());
        assert_eq!(found, expected, "{who} {names:?}");
    }
}

#[test]
fn making_is_certifying_only_for_who_could_certify() {
    let catalog = catalog();
    let holders = [
        riley(),
        Holder::Subject("bot".into()),
        Holder::Group("staff".into()),
        Holder::Subject("olivia".into()),
    ];
    let names: [&[&str]; 5] = [&[LOW], &[HIGH], &[LOW, OTHER], &["all"], &["billing.gone"]];
    let people =
        ["olivia", "olivia/sales", "olivia/audit", "ada/platform", "otto", "olivia$", "olivia@"];
    let mut born = 0;
    for who in people {
        for holder in &holders {
            for names in names {
                let actor = actor(who);
                let grant = grant(holder.clone(), names, actor.person.subject.as_str());
                if certified_at_birth(&actor, &grant, &catalog) {
                    born += 1;
                    assert_eq!(may_certify(&actor, &grant, &catalog), Ok(()), "{who} {names:?}");
                }
            }
        }
    }
    // olivia for riley, and in another group also for the group `staff`.
    assert_eq!(born, 3);
}
