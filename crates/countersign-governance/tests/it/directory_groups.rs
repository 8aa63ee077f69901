//! Groups that a directory tells of, and what they give and take.

use crate::{
    gateways::until,
    world::{
        CUSTOMER, REFUND, World, ada, boss, caller, demand, group, held, okta, olivia, on_both,
        subject,
    },
};
use countersign_governance::{
    Active, Directory, DirectoryError, DirectoryRow, GroupFacts, Role, UserFacts,
};
use countersign_model::{
    Call, Caller, Decision, Group, Reason, Subject, Verdict, decide,
    decide::{Meter, Taken, could_pass},
};
use serde_json::json;
use std::collections::BTreeSet;

on_both!(
    a_group_gives_what_it_was_granted_and_takes_it_again,
    who_leaves_a_group_has_left_on_the_other_gateway,
    groups_within_groups_count_and_circles_end,
    a_renamed_group_is_another_one,
    a_deleted_group_has_nobody,
    who_joins_is_in_it_when_the_ledger_says_so,
    roles_only_where_the_directory_may_give_them,
    whoever_left_the_group_answers_no_more,
    a_name_that_passes_takes_no_groups_along,
    what_another_source_names_counts_for_nobody,
    an_agent_is_in_no_group_of_a_directory,
    ignored_groups_give_nothing_and_count_when_they_are_let,
);

fn user(name: &str) -> UserFacts {
    UserFacts {
        name: name.to_lowercase(),
        external_id: None,
        subject: name.into(),
        active: Active::Yes,
        document: format!("{{\"userName\":\"{name}\"}}"),
    }
}

fn named(name: &str, members: &[&str]) -> GroupFacts {
    GroupFacts {
        name: name.to_lowercase(),
        external_id: None,
        here: name.to_owned(),
        document: "{}".to_owned(),
        members: members.iter().map(|it| (*it).to_owned()).collect(),
    }
}

async fn add(world: &World, directory: &Directory, name: &str) -> DirectoryRow {
    world.governance.add_user(directory, user(name)).await.unwrap()
}

async fn add_group(world: &World, name: &str, members: &[&str]) -> DirectoryRow {
    world.governance.add_group(&okta(), named(name, members)).await.unwrap()
}

async fn write(world: &World, row: &DirectoryRow, name: &str, members: &[&str]) -> DirectoryRow {
    world.governance.write_group(&okta(), row, named(name, members)).await.unwrap()
}

/// The groups that directories say somebody is in, as decisions see them.
fn told(world: &World, name: &str) -> Vec<String> {
    let policy = world.governance.policy().load();
    policy.told_of(&Subject::from(name)).iter().map(|it| it.group.to_string()).collect()
}

fn may(world: &World, who: &Caller, function: &str) -> bool {
    let policy = world.governance.policy().load();
    let (ix, _) = policy.catalog().by_name(function).unwrap();
    could_pass(who, ix, &policy, world.now())
}

fn riley() -> Caller {
    caller("riley", &[])
}

async fn a_group_gives_what_it_was_granted_and_takes_it_again(world: World) {
    let id = world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let user = add(&world, &okta(), "riley").await.id;
    assert!(!may(&world, &riley(), CUSTOMER));
    let row = add_group(&world, "Support", &[&user]).await;
    assert!(may(&world, &riley(), CUSTOMER) && !may(&world, &riley(), REFUND));
    assert!(!may(&world, &caller("RILEY", &[]), CUSTOMER), "what gives rights is compared exactly");
    assert_eq!(told(&world, "riley"), ["okta:Support"]);
    let seen = world.governance.grants_of(&riley());
    assert_eq!(seen.iter().map(|it| it.grant.id).collect::<Vec<_>>(), [id]);
    write(&world, &row, "Support", &[]).await;
    assert!(!may(&world, &riley(), CUSTOMER));
    let said: Vec<_> = (world.entries("membership.changed").iter())
        .map(|it| json!([it["by"], it["group"], it["joined"], it["left"]]))
        .collect();
    assert_eq!(
        said,
        [
            json!(["scim:okta", "okta:Support", ["riley"], null]),
            json!(["scim:okta", "okta:Support", null, ["riley"]])
        ]
    );
    assert!(world.read_back().iter().all(Result::is_ok));
}

async fn who_leaves_a_group_has_left_on_the_other_gateway(world: World) {
    let other = world.beside("two").await;
    let keeper = tokio::spawn(other.governance.clone().keep_current());
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let user = add(&world, &okta(), "riley").await.id;
    let mut row = add_group(&world, "Support", &[]).await;
    for _ in 0..3 {
        row = write(&world, &row, "Support", &[&user]).await;
        until(|| may(&other, &riley(), CUSTOMER)).await;
        let began = tokio::time::Instant::now();
        row = write(&world, &row, "Support", &[]).await;
        until(|| !may(&other, &riley(), CUSTOMER)).await;
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
    // A gateway that starts later reads what stands.
    write(&world, &row, "Support", &[&user]).await;
    let third = world.beside("three").await;
    assert!(may(&third, &riley(), CUSTOMER));
    keeper.abort();
}

async fn groups_within_groups_count_and_circles_end(world: World) {
    let user = add(&world, &okta(), "riley").await.id;
    let inner = add_group(&world, "Inner", &[&user]).await;
    let middle = add_group(&world, "Middle", &[&inner.id]).await;
    let outer = add_group(&world, "Outer", &[&middle.id]).await;
    assert_eq!(told(&world, "riley"), ["okta:Inner", "okta:Middle", "okta:Outer"]);
    // A circle: everybody is in all of it, once.
    let inner = write(&world, &inner, "Inner", &[&user, &outer.id]).await;
    assert_eq!(told(&world, "riley"), ["okta:Inner", "okta:Middle", "okta:Outer"]);
    let middle = write(&world, &middle, "Middle", &[]).await;
    assert_eq!(told(&world, "riley"), ["okta:Inner"]);
    write(&world, &middle, "Middle", &[&inner.id]).await;
    assert_eq!(told(&world, "riley"), ["okta:Inner", "okta:Middle", "okta:Outer"]);
    // Deeper than is taken: refused, and nothing of it is kept.
    let mut last = outer.id;
    let mut refused = None;
    for depth in 0..20 {
        match world.governance.add_group(&okta(), named(&format!("G{depth}"), &[&last])).await {
            Ok(row) => last = row.id,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert!(matches!(refused, Some(DirectoryError::TooDeep(10))), "{refused:?}");
    assert_eq!(told(&world, "riley").len(), 10, "ten, each within the next");
}

async fn a_renamed_group_is_another_one(world: World) {
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let user = add(&world, &okta(), "riley").await.id;
    let inner = add_group(&world, "Inner", &[&user]).await;
    let row = add_group(&world, "Support", &[&inner.id]).await;
    assert!(may(&world, &riley(), CUSTOMER));
    let row = write(&world, &row, "Helpers", &[&inner.id]).await;
    assert!(!may(&world, &riley(), CUSTOMER));
    assert_eq!(told(&world, "riley"), ["okta:Helpers", "okta:Inner"]);
    // Other letters are another name too.
    write(&world, &row, "SUPPORT", &[&inner.id]).await;
    assert!(!may(&world, &riley(), CUSTOMER));
}

async fn a_deleted_group_has_nobody(world: World) {
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let user = add(&world, &okta(), "riley").await;
    let inner = add_group(&world, "Inner", &[&user.id]).await;
    let row = add_group(&world, "Support", &[&inner.id]).await;
    assert!(may(&world, &riley(), CUSTOMER));
    world.governance.remove_group(&okta(), &row).await.unwrap();
    assert!(!may(&world, &riley(), CUSTOMER));
    assert_eq!(told(&world, "riley"), ["okta:Inner"]);
    world.governance.remove_user(&okta(), &user).await.unwrap();
    assert!(told(&world, "riley").is_empty());
}

async fn who_joins_is_in_it_when_the_ledger_says_so(mut world: World) {
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let user = add(&world, &okta(), "riley").await.id;
    let other = add_group(&world, "Other", &[&user]).await;
    world.break_ledger();
    let joined = world.governance.add_group(&okta(), named("Support", &[&user])).await;
    assert!(joined.is_err() && !may(&world, &riley(), CUSTOMER), "no entry, no right");
    // Who leaves has left all the same.
    world.governance.remove_group(&okta(), &other).await.unwrap_err();
    assert!(told(&world, "riley").is_empty());
    let world = world.restart().await;
    assert_eq!(told(&world, "riley"), ["okta:Support"]);
    assert!(may(&world, &riley(), CUSTOMER));
}

async fn roles_only_where_the_directory_may_give_them(world: World) {
    let governance = &world.governance;
    let quinn = caller("quinn", &[]);
    let user = add(&world, &boss(), "quinn").await.id;
    let platform = named("platform", &[&user]);
    let row = governance.add_group(&boss(), platform).await.unwrap();
    let actor = governance.actor(&quinn);
    assert!(actor.is_administrator());
    let held = governance.held_roles(&quinn);
    let because = held.iter().find(|it| it.role == Role::Administrator).map(|it| &*it.because);
    assert_eq!(because, Some("a member of platform, as the directory boss tells"));
    governance.suspend(&actor, &"sam".into(), "stolen").await.unwrap();
    governance.write_group(&boss(), &row, named("platform", &[])).await.unwrap();
    // Also whoever came before: what they are is judged when they act.
    let late = governance.resume(&actor, &"sam".into(), "found").await.unwrap_err();
    assert_eq!(late.code(), "not_administrator");
    assert!(!governance.actor(&quinn).is_administrator());
    // A directory whose groups count for access gives no role, whatever it calls them.
    let okta_row = Directory { name: "okta".into(), ..boss() };
    let user = add(&world, &okta_row, "quinn").await.id;
    governance.add_group(&okta_row, named("platform", &[&user])).await.unwrap();
    assert_eq!(told(&world, "quinn"), ["okta:platform"]);
    assert!(!governance.actor(&quinn).is_administrator());
}

async fn whoever_left_the_group_answers_no_more(world: World) {
    let governance = &world.governance;
    let (amir, bea) = (add(&world, &okta(), "amir").await.id, add(&world, &okta(), "bea").await.id);
    let row = add_group(&world, "Approvers", &[&amir, &bea]).await;
    let demand = || vec![demand(&["group:okta:Approvers"], 2)];
    let id = world.held("a call", demand()).await;
    let actor = |name: &str| governance.actor(&caller(name, &[]));
    let before = actor("bea");
    governance.vote(&actor("amir"), id, Verdict::Approve, "").await.unwrap();
    let row = write(&world, &row, "Approvers", &[]).await;
    let refused = governance.vote(&before, id, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(refused.code(), "not_asked");
    // The first yes counts no more either.
    let seen = governance.approval(id).await.unwrap().unwrap();
    assert!(seen.votes.is_empty(), "{:?}", seen.votes);
    let row = write(&world, &row, "Approvers", &[&amir, &bea]).await;
    governance.vote(&actor("bea"), id, Verdict::Approve, "").await.unwrap();
    let approved = governance.approval(id).await.unwrap().unwrap();
    assert!(approved.judged_under(&governance.policy().load()).satisfies(&demand()));
    write(&world, &row, "Approvers", &[&amir]).await;
    let policy = governance.policy().load();
    assert!(!approved.judged_under(&policy).satisfies(&demand()));
    assert_eq!(approved.no_longer_standing(&policy), [Subject::from("bea")]);
    // What a token said stands beside what a directory tells.
    let other = governance.open_approval(held(world.now(), "other", demand())).await.unwrap();
    let both = governance.actor(&caller("bea", &["okta:Approvers"]));
    governance.vote(&both, other.approval.id, Verdict::Approve, "").await.unwrap();
}

async fn a_name_that_passes_takes_no_groups_along(world: World) {
    let governance = &world.governance;
    let first = add(&world, &okta(), "riley").await;
    let row = add_group(&world, "Support", &[&first.id]).await;
    let renamed = governance.write_user(&okta(), &first, user("rye")).await.unwrap();
    assert_eq!(told(&world, "riley"), Vec::<String>::new());
    assert_eq!(told(&world, "rye"), ["okta:Support"]);
    add(&world, &okta(), "riley").await;
    assert!(told(&world, "riley").is_empty(), "the name's first holder was in the group");
    governance.remove_user(&okta(), &renamed).await.unwrap();
    assert!(told(&world, "rye").is_empty());
    let members = governance.directory_members(&okta(), &row.id).await.unwrap();
    assert!(members.users.is_empty());
}

async fn what_another_source_names_counts_for_nobody(world: World) {
    let user = add(&world, &okta(), "riley").await.id;
    add_group(&world, "boss:platform", &[&user]).await;
    assert!(told(&world, "riley").is_empty());
    assert!(world.entries("membership.changed").is_empty());
    let other = add(&world, &boss(), "riley").await.id;
    let named = |name: &str| named(name, &[&other]);
    world.governance.add_group(&boss(), named("okta:Support")).await.unwrap();
    assert!(told(&world, "riley").is_empty());
    // Each directory says its own; neither ends what the other says.
    world.governance.add_group(&boss(), named("Support")).await.unwrap();
    let row = add_group(&world, "Support", &[&user]).await;
    assert_eq!(told(&world, "riley"), ["Support", "okta:Support"]);
    write(&world, &row, "Support", &[]).await;
    assert_eq!(told(&world, "riley"), ["Support"]);
}

async fn an_agent_is_in_no_group_of_a_directory(world: World) {
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let agent = add(&world, &okta(), "agent:dunning").await.id;
    let service = add(&world, &okta(), "svc:batch").await.id;
    let person = add(&world, &okta(), "riley").await.id;
    add_group(&world, "Support", &[&agent, &service, &person]).await;
    assert!(!may(&world, &caller("agent:dunning", &[]), CUSTOMER));
    assert!(!may(&world, &caller("svc:batch", &[]), CUSTOMER));
    // An agent that acts for a person has what both have, and the groups are the person's.
    let acting = Caller { actors: vec!["agent:dunning".into()], ..riley() };
    assert!(!may(&world, &acting, CUSTOMER));
    world.grant(&olivia(), subject("agent:dunning"), CUSTOMER).await;
    assert!(may(&world, &acting, CUSTOMER));
    assert!(!world.governance.actor(&acting).is_administrator());
}

async fn ignored_groups_give_nothing_and_count_when_they_are_let(world: World) {
    world.grant(&olivia(), group("okta:Support"), CUSTOMER).await;
    let ignoring = Directory { groups: None, ..okta() };
    // Another gateway's configuration has it that they are ignored; here, what it wrote counts.
    let user = world.governance.add_user(&ignoring, user("riley")).await.unwrap().id;
    world.governance.add_group(&ignoring, named("Support", &[&user])).await.unwrap();
    assert!(world.entries("membership.changed").is_empty());
    let world = world.restart().await;
    assert!(may(&world, &riley(), CUSTOMER));
    // What nobody reads as this directory's is nobody's.
    let stranger = Directory { name: "stranger".into(), ..okta() };
    let user = world.governance.add_user(&stranger, self::user("sam")).await.unwrap().id;
    world.governance.add_group(&stranger, named("Support", &[&user])).await.unwrap();
    assert!(told(&world, "sam").is_empty());
}

/// A rate that is never used up.
struct Free;

impl Meter for Free {
    fn take(
        &self,
        _: &Subject,
        _: countersign_model::catalog::FunctionIx,
        _: countersign_model::catalog::Rate,
    ) -> Taken {
        Taken::Within
    }
}

/// Conditions see the groups of both sources.
#[tokio::test]
async fn conditions_see_what_directories_tell() {
    let world = World::sqlite().await;
    let mut new = crate::world::new_grant(subject("riley"), &[CUSTOMER]);
    new.constraints = vec!["'okta:Support' in caller.groups".to_owned()];
    world.governance.add_grant(&ada(), new).await.unwrap();
    let judged = |world: &World| {
        let policy = world.governance.policy().load();
        let (ix, _) = policy.catalog().by_name(CUSTOMER).unwrap();
        let arguments = json!({"customer": "c_1"});
        let who = riley();
        let call = Call { caller: &who, function: ix, arguments: &arguments };
        match decide(&call, &policy, world.now(), &Free) {
            Decision::Forward(_) => Reason::Granted,
            Decision::Hold(question) => question.reason,
            Decision::Block(refusal) => refusal.reason,
        }
    };
    assert_eq!(judged(&world), Reason::OutsideConstraints);
    let user = add(&world, &okta(), "riley").await.id;
    add_group(&world, "Support", &[&user]).await;
    assert_ne!(judged(&world), Reason::OutsideConstraints);
    let groups: BTreeSet<Group> = ["okta:Support".into()].into();
    assert!(riley().groups.is_disjoint(&groups));
}
