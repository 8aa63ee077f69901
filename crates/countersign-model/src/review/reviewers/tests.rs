use super::*;
use crate::{
    CallerKind, Group, Holder, Person, Span, Subject, Timestamp, ToldFor, ToldGroup, ToldGroups,
    approval::Standing,
    fixtures::{NOW, catalog, grant, snapshot_of, subject},
    review::{
        delegation::Delegation,
        schedule::{ReasonNeeded, ReviewerRule, StageMode},
    },
    snapshot::{Deactivation, Facts, Letters, Suspension},
};
use std::{collections::BTreeSet, sync::Arc};

fn rules(owner: &str, fallback: &[&str]) -> CampaignRules {
    CampaignRules {
        owner: owner.into(),
        stages: vec![],
        fallback: fallback.iter().map(|it| (*it).into()).collect(),
        duration: Span::from_days(21),
        grace: Span::from_days(7),
        reminders: vec![],
        look_back: Span::from_days(90),
        breaker_percent: 20,
        bulk_max: 0,
        reason: ReasonNeeded::AgainstRecommendation,
    }
}

fn stage(mode: StageMode, reviewers: &[&str]) -> Stage {
    let rule = |text: &&str| match text.split_once(':') {
        None if *text == "owner" => ReviewerRule::Owner,
        None if *text == "sponsor" => ReviewerRule::Sponsor,
        None if *text == "manager" => ReviewerRule::Manager,
        Some(("group", name)) => ReviewerRule::Group(name.into()),
        Some(("person", name)) => ReviewerRule::Person(name.into()),
        None | Some(_) => panic!("{text}"),
    };
    Stage { reviewers: reviewers.iter().map(rule).collect(), mode }
}

/// What is known besides the fixture's catalog.
#[derive(Default)]
struct World {
    suspended: Vec<&'static str>,
    deactivated: Vec<&'static str>,
    told: Vec<(&'static str, &'static str)>,
    managers: Vec<(&'static str, &'static str)>,
    delegations: Vec<(&'static str, &'static str, &'static str)>,
    linked: Vec<Vec<&'static str>>,
    signed_in: Vec<(&'static str, &'static str)>,
    services: Vec<&'static str>,
}

impl World {
    fn facts(&self) -> ReviewFacts {
        let mut told = ToldGroups::default();
        for (person, group) in &self.told {
            let had: Vec<&str> =
                self.told.iter().filter(|it| it.0 == *person).map(|it| it.1).collect();
            assert!(had.contains(group));
            let groups = had.iter().map(|it| ToldGroup {
                group: Group::from(*it),
                directory: "entra".into(),
                counts: ToldFor::Access,
            });
            told.tell(&(*person).into(), "entra", groups.collect());
        }
        let suspension = |it: &&str| Suspension {
            subject: (*it).into(),
            by: "admin".into(),
            at: NOW,
            why: "away".to_owned(),
        };
        let deactivation = |it: &&str| Deactivation {
            subject: (*it).into(),
            directory: "entra".into(),
            at: NOW,
            letters: Letters::Exact,
        };
        let snapshot = snapshot_of(Facts {
            suspensions: self.suspended.iter().map(suspension).collect(),
            deactivations: self.deactivated.iter().map(deactivation).collect(),
            told: Arc::new(told),
            ..Facts::default()
        });
        let groups = |it: &(&str, &str)| (it.0.into(), BTreeSet::from([Group::from(it.1)]));
        ReviewFacts::of(Arc::new(snapshot), NOW)
            .with_managers(self.managers.iter().map(|it| (it.0.into(), it.1.into())))
            .with_delegations(self.delegations.iter().map(|it| delegation(it.0, it.1, it.2)))
            .with_linked(self.linked.iter().map(|it| it.iter().map(|it| (*it).into()).collect()))
            .with_signed_in(self.signed_in.iter().map(groups))
            .with_services(self.services.iter().map(|it| (*it).into()))
    }
}

fn delegation(of: &str, to: &str, by: &str) -> Delegation {
    Delegation {
        of: of.into(),
        to: to.into(),
        from: NOW.minus(Span::from_days(1)),
        until: NOW.plus(Span::from_days(10)),
        by: by.into(),
        made_at: NOW.minus(Span::from_days(2)),
    }
}

fn shown(reviewers: &[Reviewer]) -> Vec<String> {
    reviewers.iter().map(|it| format!("{} ({})", it.subject, it.why)).collect()
}

/// Who is asked about a grant of a holder.
#[track_caller]
fn check(world: &World, holder: Holder, functions: &[&str], stage: &Stage, expected: &[&str]) {
    let grant = grant(1, holder, functions, 10);
    let catalog = catalog();
    let item = Reviewed::of(&grant, &catalog);
    let found = reviewers_for(stage, &rules("campaigner", &["fiona"]), &item, &world.facts());
    assert_eq!(shown(&found), expected);
}

const REFUND: &[&str] = &["billing.refunds.create"];
const READ: &[&str] = &["billing.customers.get"];
const ANY: StageMode = StageMode::AnyOne;

#[test]
fn r04_the_first_rule_that_finds_somebody_eligible_names_them() {
    let world = World {
        managers: vec![("bob", "mona")],
        told: vec![("ann", "risk"), ("zoe", "risk")],
        ..World::default()
    };
    // Olivia owns everything and made the grant: for high sensitivity, that is too much.
    let rows: [(&[&str], &[&str], &[&str]); 7] = [
        (READ, &["owner"], &["olivia (owner)"]),
        (READ, &["owner", "manager"], &["olivia (owner)"]),
        (READ, &["manager", "owner"], &["mona (manager)"]),
        (READ, &["group:risk"], &["ann (group:risk)", "zoe (group:risk)"]),
        (READ, &["group:nobody", "person:pia"], &["pia (person)"]),
        (REFUND, &["owner", "manager"], &["mona (manager)"]),
        (READ, &["sponsor", "person:pia"], &["pia (person)"]),
    ];
    for (functions, names, expected) in rows {
        check(&world, subject("bob"), functions, &stage(ANY, names), expected);
    }
}

#[test]
fn r04_nobody_reviews_their_own_access() {
    let told = vec![("olivia", "crew"), ("ann", "crew")];
    let plain = World::default();
    let world = World { told: told.clone(), ..World::default() };
    let by_token = World { signed_in: vec![("olivia", "crew")], ..World::default() };
    let linked = World { linked: vec![vec!["olivia", "olivia@old"]], ..World::default() };
    let group = || Holder::Group("crew".into());
    // The subject, by any of their names.
    check(&plain, subject("olivia"), READ, &stage(ANY, &["owner"]), &["fiona (fallback)"]);
    check(&linked, subject("olivia@old"), READ, &stage(ANY, &["owner"]), &["fiona (fallback)"]);
    // A member of the group, whoever says so.
    check(&world, group(), READ, &stage(ANY, &["owner"]), &["fiona (fallback)"]);
    check(&by_token, group(), READ, &stage(ANY, &["owner"]), &["fiona (fallback)"]);
    check(&plain, group(), READ, &stage(ANY, &["owner"]), &["olivia (owner)"]);
    // The person who made the grant, at high sensitivity only; here one of their other names made it.
    check(&plain, subject("bob"), REFUND, &stage(ANY, &["owner"]), &["fiona (fallback)"]);
    check(&plain, subject("bob"), READ, &stage(ANY, &["owner"]), &["olivia (owner)"]);
    let mut made = grant(1, subject("bob"), REFUND, 10);
    made.made_by = "olivia@old".into();
    let catalog = catalog();
    let item = Reviewed::of(&made, &catalog);
    let found = reviewers_for(
        &stage(ANY, &["owner"]),
        &rules("campaigner", &["fiona"]),
        &item,
        &linked.facts(),
    );
    assert_eq!(shown(&found), ["fiona (fallback)"]);
}

#[test]
fn r04_an_agents_sponsor_is_never_the_only_one() {
    let agent = || subject("agent:dunning");
    let world = World::default();
    let quorum = |people| StageMode::Quorum(people);
    check(&world, agent(), READ, &stage(ANY, &["sponsor"]), &["olivia (other owner)"]);
    check(&world, agent(), READ, &stage(ANY, &["sponsor", "owner"]), &["olivia (owner)"]);
    let both = ["riley (sponsor)", "olivia (owner)"];
    check(&world, agent(), READ, &stage(quorum(2), &["sponsor", "owner"]), &both);
    check(&world, agent(), READ, &stage(StageMode::All, &["sponsor", "owner"]), &both);
    check(
        &world,
        agent(),
        READ,
        &stage(StageMode::All, &["sponsor"]),
        &["riley (sponsor)", "olivia (other owner)"],
    );
    // Nobody else is left: then nobody.
    let alone = World { suspended: vec!["olivia", "fiona", "campaigner"], ..World::default() };
    check(&alone, agent(), READ, &stage(StageMode::All, &["sponsor"]), &[]);
    check(&alone, agent(), READ, &stage(quorum(2), &["sponsor", "owner"]), &[]);
    check(&alone, agent(), READ, &stage(ANY, &["sponsor", "owner"]), &[]);
    // Nor by somebody whom the sponsor chose.
    let chosen = World {
        suspended: vec!["olivia", "fiona", "campaigner"],
        delegations: vec![("riley", "dora", "riley")],
        ..World::default()
    };
    check(&chosen, agent(), READ, &stage(StageMode::All, &["sponsor"]), &[]);
    check(&chosen, agent(), READ, &stage(ANY, &["sponsor"]), &[]);
}

#[test]
fn r04_agents_services_and_who_left_are_not_asked() {
    let world = World {
        suspended: vec!["sue"],
        deactivated: vec!["dan"],
        services: vec!["svc"],
        ..World::default()
    };
    for name in ["person:agent:dunning", "person:svc", "person:sue", "person:dan"] {
        check(&world, subject("bob"), READ, &stage(ANY, &[name]), &["olivia (other owner)"]);
    }
}

#[test]
fn r04_the_chain_has_its_order() {
    let full = || World {
        suspended: vec!["pia"],
        delegations: vec![("pia", "dora", "pia")],
        managers: vec![("pia", "mona"), ("bob", "mick")],
        ..World::default()
    };
    let pia = stage(ANY, &["person:pia"]);
    let row = |change: fn(&mut World), expected: &[&str]| {
        let mut world = full();
        change(&mut world);
        check(&world, subject("bob"), READ, &pia, expected);
    };
    row(|_| {}, &["dora (delegate of pia)"]);
    row(|it| it.suspended.push("dora"), &["mona (manager of pia)", "mick (manager)"]);
    row(|it| it.suspended.extend(["dora", "mona"]), &["mick (manager)"]);
    row(|it| it.suspended.extend(["dora", "mona", "mick"]), &["olivia (other owner)"]);
    row(|it| it.suspended.extend(["dora", "mona", "mick", "olivia"]), &["fiona (fallback)"]);
    row(
        |it| it.suspended.extend(["dora", "mona", "mick", "olivia", "fiona"]),
        &["campaigner (campaign owner)"],
    );
    row(|it| it.suspended.extend(["dora", "mona", "mick", "olivia", "fiona", "campaigner"]), &[]);
}

#[test]
fn a_delegate_stands_in_unless_the_person_chose_who_reviews_them() {
    let owner = stage(ANY, &["owner"]);
    let by = |who| World { delegations: vec![("olivia", "dora", who)], ..World::default() };
    let delegate = ["dora (delegate of olivia)"];
    check(&by("olivia"), subject("bob"), READ, &owner, &delegate);
    check(&by("admin"), subject("bob"), READ, &owner, &delegate);
    // It is about Olivia: only whom an administrator chose.
    check(&by("olivia"), subject("olivia"), READ, &owner, &["fiona (fallback)"]);
    check(&by("admin"), subject("olivia"), READ, &owner, &delegate);
    check(&by("olivia"), subject("bob"), REFUND, &owner, &["fiona (fallback)"]);
    // It is about Dora: then Olivia herself.
    check(&by("olivia"), subject("dora"), READ, &owner, &["olivia (owner)"]);
    // One step, not two.
    let chain = World {
        delegations: vec![("olivia", "dora", "olivia"), ("dora", "dean", "dora")],
        ..World::default()
    };
    check(&chain, subject("bob"), READ, &owner, &delegate);
    // Before it begins and after it ends, it is nothing.
    for (from, until) in [(1, 2), (-2, 0), (-2, -1)] {
        let it = Delegation {
            from: NOW.plus(Span::from_days(from)),
            until: NOW.plus(Span::from_days(until)),
            ..delegation("olivia", "dora", "olivia")
        };
        let facts = World::default().facts().with_delegations([it]);
        assert!(facts.delegation(&"olivia".into()).is_none(), "{from} to {until}");
    }
}

#[test]
fn a_quorum_is_filled_by_the_chain_and_all_leaves_no_rule_out() {
    let world = World { managers: vec![("bob", "mona")], ..World::default() };
    let bob = || subject("bob");
    check(
        &world,
        bob(),
        READ,
        &stage(StageMode::Quorum(2), &["owner"]),
        &["olivia (owner)", "mona (manager)"],
    );
    check(
        &world,
        bob(),
        READ,
        &stage(StageMode::Quorum(3), &["owner"]),
        &["olivia (owner)", "mona (manager)", "fiona (fallback)"],
    );
    check(
        &world,
        bob(),
        READ,
        &stage(StageMode::All, &["owner", "manager"]),
        &["olivia (owner)", "mona (manager)"],
    );
    // Without a known manager somebody else is the second pair of eyes.
    check(
        &World::default(),
        bob(),
        READ,
        &stage(StageMode::All, &["owner", "manager"]),
        &["olivia (owner)", "fiona (fallback)"],
    );
    // One person by two names is one.
    let linked = World { linked: vec![vec!["olivia", "olivia@old"]], ..World::default() };
    check(
        &linked,
        bob(),
        READ,
        &stage(StageMode::Quorum(2), &["owner", "person:olivia@old"]),
        &["olivia (owner)", "fiona (fallback)"],
    );
}

#[test]
fn r06_who_leaves_loses_open_items_to_the_chain() {
    let grant = grant(1, subject("bob"), READ, 10);
    let catalog = catalog();
    let item = Reviewed::of(&grant, &catalog);
    let rules = rules("campaigner", &["fiona"]);
    let at = NOW.minus(Span::from_days(3));
    let asked = |names: &[(&str, &str)]| -> Vec<Reviewer> {
        let asked = names.iter();
        asked.map(|it| Reviewer { subject: it.0.into(), why: it.1.to_owned(), since: at }).collect()
    };
    let now = |world: &World, mode, names: &[(&str, &str)]| {
        let stage = stage(mode, &["owner"]);
        reviewers_now(&stage, &rules, &item, &asked(names), &world.facts())
            .map(|it| shown(&it).join(", "))
    };
    let both = [("olivia", "owner"), ("pia", "handed on by olivia")];
    let quiet = World::default();
    assert_eq!(now(&quiet, ANY, &both), None, "nothing happened");
    let left = World {
        deactivated: vec!["olivia"],
        managers: vec![("olivia", "mona")],
        ..World::default()
    };
    assert_eq!(now(&left, ANY, &both).unwrap(), "pia (handed on by olivia)");
    assert_eq!(now(&left, ANY, &[("olivia", "owner")]).unwrap(), "mona (manager of olivia)");
    assert_eq!(
        now(&left, StageMode::Quorum(2), &both).unwrap(),
        "pia (handed on by olivia), mona (manager of olivia)"
    );
    assert_eq!(
        now(&left, StageMode::All, &both).unwrap(),
        "mona (manager of olivia), pia (handed on by olivia)"
    );
    // Away, and back.
    let away = World { delegations: vec![("olivia", "dora", "olivia")], ..World::default() };
    assert_eq!(now(&away, ANY, &[("olivia", "owner")]).unwrap(), "dora (delegate of olivia)");
    let stands_in = [("dora", "delegate of olivia")];
    assert_eq!(now(&away, ANY, &stands_in), None);
    assert_eq!(now(&quiet, ANY, &stands_in).unwrap(), "olivia (back from a delegate)");
    // Those who stay keep since when they were asked.
    let stage = stage(ANY, &["owner"]);
    let stay = reviewers_now(&stage, &rules, &item, &asked(&both), &left.facts()).unwrap();
    assert_eq!(stay.iter().map(|it| it.since).collect::<Vec<Timestamp>>(), [at]);
}

#[test]
fn r04_the_same_rules_judge_the_answer() {
    let world = World { linked: vec![vec!["olivia", "olivia@old"]], ..World::default() };
    let facts = world.facts();
    let catalog = catalog();
    let person = |name: &str| Person {
        subject: name.into(),
        kind: CallerKind::Person,
        groups: [].into(),
        told: [].into(),
        standing: Standing::Good,
    };
    let asked = |names: &[&str]| -> Vec<Reviewer> {
        let names = names.iter();
        names
            .map(|it| Reviewer { subject: (*it).into(), why: "person".to_owned(), since: NOW })
            .collect()
    };
    let judged = |person: &Person, holder: Holder, functions: &[&str], names: &[&str], mode| {
        let grant = grant(1, holder, functions, 10);
        let item = Reviewed::of(&grant, &catalog);
        may_review(person, &item, &asked(names), mode, &facts)
    };
    let all = ["olivia", "riley", "bob", "pia", "agent:dunning"];
    let bob = || subject("bob");
    let agent = || subject("agent:dunning");
    let crew = || Holder::Group("crew".into());
    let member = Person { groups: [Group::from("crew")].into(), ..person("pia") };
    let service = Person { kind: CallerKind::Service, ..person("pia") };
    let suspended = Person { standing: Standing::Suspended, ..person("pia") };
    let quorum = StageMode::Quorum(2);
    let rows = [
        (person("pia"), bob(), READ, &all[..], ANY, Ok(())),
        (person("olivia"), bob(), READ, &all, ANY, Ok(())),
        (person("olivia@old"), bob(), READ, &all, ANY, Ok(())),
        (person("bob"), bob(), READ, &all, ANY, Err(ReviewRefused::OwnAccess)),
        (member, crew(), READ, &all, ANY, Err(ReviewRefused::OwnGroup)),
        (person("pia"), crew(), READ, &all, ANY, Ok(())),
        (service, bob(), READ, &all, ANY, Err(ReviewRefused::NotAPerson)),
        (person("agent:dunning"), bob(), READ, &all, ANY, Err(ReviewRefused::NotAPerson)),
        (suspended, bob(), READ, &all, ANY, Err(ReviewRefused::Barred)),
        (person("olivia"), bob(), REFUND, &all, ANY, Err(ReviewRefused::Maker)),
        (person("olivia@old"), bob(), REFUND, &all, ANY, Err(ReviewRefused::Maker)),
        (person("riley"), agent(), READ, &all, ANY, Err(ReviewRefused::SponsorAlone)),
        (person("riley"), agent(), READ, &all, quorum, Ok(())),
        (person("riley"), agent(), READ, &["riley"], quorum, Err(ReviewRefused::SponsorAlone)),
        (
            person("riley"),
            agent(),
            READ,
            &["riley"],
            StageMode::All,
            Err(ReviewRefused::SponsorAlone),
        ),
        (person("stranger"), bob(), READ, &all, ANY, Err(ReviewRefused::NotAsked)),
    ];
    for (person, holder, functions, names, mode, expected) in rows {
        let found = judged(&person, holder.clone(), functions, names, mode);
        assert_eq!(found, expected, "{} about {holder} {functions:?} {mode:?}", person.subject);
    }
}

#[test]
fn a_grant_that_reaches_nothing_known_is_judged_as_high() {
    let mut gone = grant(1, subject("bob"), &["billing.gone"], 10);
    let catalog = catalog();
    assert_eq!(Reviewed::of(&gone, &catalog).sensitivity, Sensitivity::High);
    gone.tags = vec!["read".into()];
    let item = Reviewed::of(&gone, &catalog);
    let names: Vec<&str> = item.functions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["billing.customers.get", "billing.status"]);
    assert_eq!(item.sensitivity, Sensitivity::Medium);
}

#[test]
fn a_hundred_thousand_items_are_cheap() {
    let catalog = catalog();
    let names: Vec<String> = (0..1000).map(|it| format!("person{it}")).collect();
    let facts = World::default()
        .facts()
        .with_managers(names.iter().map(|it| (it.as_str().into(), Subject::from("mona"))));
    let rules = rules("campaigner", &["fiona"]);
    let stage = stage(StageMode::Quorum(2), &["owner", "manager"]);
    let mut asked = 0;
    for name in names.iter().cycle().take(100_000) {
        let grant = grant(1, subject(name), READ, 10);
        asked += reviewers_for(&stage, &rules, &Reviewed::of(&grant, &catalog), &facts).len();
    }
    assert_eq!(asked, 200_000);
}
