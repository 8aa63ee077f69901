//! What a directory says of people, and what follows.

use crate::world::{CUSTOMER, World, ada, caller, demand, held, olivia, on_both, subject};
use countersign_governance::{
    Active, Directory, DirectoryError, DirectoryKey, DirectoryKind, GroupFacts, Members,
    SessionOrigin, UserFacts, WebSession,
};
use countersign_model::{
    ApprovalState, Reason, Span, Subject, approval::Standing, snapshot::Letters,
};

on_both!(
    who_leaves_is_barred_at_once_and_let_in_again,
    a_directory_and_an_administrator_do_not_undo_each_other,
    a_name_passes_without_its_grants,
    an_old_name_stays_barred,
    nobody_else_is_touched,
    a_lift_that_waits_does_not_undo_a_later_deactivation,
    groups_have_members_of_their_own_directory,
);

fn okta() -> Directory {
    Directory { name: "okta".into(), letters: Letters::Folded, groups: None }
}

fn user(name: &str, active: Active) -> UserFacts {
    UserFacts {
        name: name.to_lowercase(),
        external_id: None,
        subject: name.into(),
        active,
        document: format!("{{\"userName\":\"{name}\"}}"),
    }
}

fn barred(world: &World, name: &str) -> bool {
    world.governance.policy().load().bars(&Subject::from(name))
}

fn browser(world: &World, name: &str) -> WebSession {
    WebSession {
        name: format!("browser of {name}"),
        subject: name.into(),
        made_at: world.now(),
        seen_at: world.now(),
        expires_at: world.now().plus(Span::from_days(1)),
        origin: SessionOrigin { issued_at: world.now(), ..SessionOrigin::default() },
        document: "{}".to_owned(),
    }
}

async fn who_leaves_is_barred_at_once_and_let_in_again(world: World) {
    let governance = &world.governance;
    let riley = governance.add_user(&okta(), user("riley", Active::Yes)).await.unwrap();
    assert!(!barred(&world, "riley"));
    let browser = browser(&world, "riley");
    governance.store().add_web_session(&browser).await.unwrap();
    let asked = held(world.now(), "a call", vec![demand(&["owner"], 1)]);
    let asked = governance.open_approval(asked).await.unwrap().approval.id;
    world.pass(Span::from_seconds(1));
    let gone = governance.write_user(&okta(), &riley, user("riley", Active::No)).await.unwrap();
    assert!(barred(&world, "riley") && barred(&world, "RILEY") && !barred(&world, "sam"));
    let actor = governance.actor(&caller("riley", &["platform"]));
    assert_eq!(actor.person.standing, Standing::Suspended);
    let signed_in = governance.store().web_session(&browser.name, world.now()).await.unwrap();
    assert_eq!(signed_in, None);
    let state = governance.approval(asked).await.unwrap().unwrap().state;
    let because = Some(Reason::SubjectDeactivated);
    assert!(
        matches!(state, ApprovalState::Cancelled { because: it, .. } if it == because),
        "{state:?}"
    );
    governance.write_user(&okta(), &gone, user("riley", Active::Yes)).await.unwrap();
    assert!(!barred(&world, "riley"));
    let said: Vec<String> = world
        .entries("stop.changed")
        .iter()
        .map(|it| format!("{} {} {}", it["by"], it["now"], it["what"]).replace('"', ""))
        .collect();
    assert_eq!(
        said,
        [
            "scim:okta stopped sessions:subject:riley",
            "scim:okta stopped subject:riley",
            "scim:okta resumed subject:riley"
        ]
    );
    assert!(world.read_back().iter().all(Result::is_ok));
}

async fn a_directory_and_an_administrator_do_not_undo_each_other(world: World) {
    let governance = &world.governance;
    let riley = governance.add_user(&okta(), user("riley", Active::No)).await.unwrap();
    governance.suspend(&ada(), &"riley".into(), "stolen").await.unwrap();
    let riley = governance.write_user(&okta(), &riley, user("riley", Active::Yes)).await.unwrap();
    assert!(barred(&world, "riley"), "the directory lifted the administrator's");
    governance.resume(&ada(), &"riley".into(), "found").await.unwrap();
    assert!(!barred(&world, "riley"));
    governance.write_user(&okta(), &riley, user("riley", Active::No)).await.unwrap();
    let error = governance.resume(&ada(), &"riley".into(), "back").await.unwrap_err();
    assert_eq!(error.code(), "not_stopped");
    assert!(barred(&world, "riley"), "the administrator lifted the directory's");
    // Another directory that has the same name says nothing about this one's.
    let other = Directory { name: "entra".into(), letters: Letters::Exact, groups: None };
    governance.add_user(&other, user("riley", Active::Yes)).await.unwrap();
    assert!(barred(&world, "riley"));
}

async fn a_name_passes_without_its_grants(world: World) {
    let governance = &world.governance;
    let kept = world.grant(&olivia(), subject("sam"), CUSTOMER).await;
    let grant = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let standing = |id| governance.grant(id).unwrap().grant.ended(world.now()).is_none();
    // Somebody who was known before the directory told of them keeps what they have.
    let first = governance.add_user(&okta(), user("riley", Active::Yes)).await.unwrap();
    assert!(standing(grant));
    governance.remove_user(&okta(), &first).await.unwrap();
    assert!(barred(&world, "riley") && standing(grant));
    // The same name, another person.
    governance.add_user(&okta(), user("riley", Active::Yes)).await.unwrap();
    assert!(!barred(&world, "riley"));
    assert!(!standing(grant) && standing(kept));
}

async fn an_old_name_stays_barred(world: World) {
    let governance = &world.governance;
    let riley = governance.add_user(&okta(), user("riley", Active::No)).await.unwrap();
    // Nobody becomes active by another name.
    let renamed = governance.write_user(&okta(), &riley, user("rye", Active::Yes)).await.unwrap();
    assert!(barred(&world, "riley") && !barred(&world, "rye"));
    let taken = governance.add_user(&okta(), user("RYE", Active::Yes)).await.unwrap_err();
    assert!(matches!(taken, DirectoryError::Taken("userName")), "{taken:?}");
    let late =
        governance.write_user(&okta(), &riley, user("riley", Active::Yes)).await.unwrap_err();
    assert!(matches!(late, DirectoryError::Changed), "{late:?}");
    governance.remove_user(&okta(), &renamed).await.unwrap();
    assert!(barred(&world, "riley") && barred(&world, "rye"));
}

async fn nobody_else_is_touched(world: World) {
    let governance = &world.governance;
    let entra = Directory { name: "entra".into(), letters: Letters::Exact, groups: None };
    let riley = governance.add_user(&okta(), user("riley", Active::Yes)).await.unwrap();
    let kind = DirectoryKind::User;
    let found = governance.directory_row(&entra, kind, DirectoryKey::Id(&riley.id)).await.unwrap();
    assert_eq!(found, None);
    let error = governance.write_user(&entra, &riley, user("riley", Active::No)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NotFound), "{error:?}");
    let error = governance.remove_user(&entra, &riley).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NotFound), "{error:?}");
    assert!(!barred(&world, "riley"));
    let (rows, count) = governance.directory_rows(&entra, kind, 0, 10).await.unwrap();
    assert_eq!((rows.len(), count), (0, 0));
    // A name that is compared exactly bars no other letters.
    governance.add_user(&entra, user("Sam", Active::No)).await.unwrap();
    assert!(barred(&world, "Sam") && !barred(&world, "sam"));
}

/// The ledger is away when the directory says "active", and the entry waits; then it says "inactive".
async fn a_lift_that_waits_does_not_undo_a_later_deactivation(mut world: World) {
    let riley = world.governance.add_user(&okta(), user("riley", Active::No)).await.unwrap();
    world.break_ledger();
    let lifted = world.governance.write_user(&okta(), &riley, user("riley", Active::Yes)).await;
    assert!(lifted.is_err() && barred(&world, "riley"));
    let kind = DirectoryKind::User;
    let key = DirectoryKey::Id(&riley.id);
    let now = world.governance.directory_row(&okta(), kind, key).await.unwrap().unwrap();
    world.governance.write_user(&okta(), &now, user("riley", Active::No)).await.unwrap_err();
    let world = world.restart().await;
    assert!(barred(&world, "riley"), "the end that waited ended a later deactivation");
}

async fn groups_have_members_of_their_own_directory(world: World) {
    let governance = &world.governance;
    let riley = governance.add_user(&okta(), user("riley", Active::Yes)).await.unwrap().id;
    let entra = Directory { name: "entra".into(), letters: Letters::Exact, groups: None };
    let facts = |members: &[&str]| GroupFacts {
        name: "finance".to_owned(),
        external_id: None,
        here: "Finance".to_owned(),
        document: "{}".to_owned(),
        members: members.iter().map(|it| (*it).to_owned()).collect(),
    };
    let group = governance.add_group(&okta(), facts(&[&riley])).await.unwrap();
    let members = governance.directory_members(&okta(), &group.id).await.unwrap();
    assert_eq!(members.users, [riley.as_str()]);
    assert_eq!(governance.directory_groups_of(&okta(), &riley).await.unwrap(), [group.id.as_str()]);
    let error = governance.add_group(&entra, facts(&[&riley])).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NoSuchMember), "{error:?}");
    let group = governance.write_group(&okta(), &group, facts(&[])).await.unwrap();
    let members = governance.directory_members(&okta(), &group.id).await.unwrap();
    assert_eq!(members, Members::default());
    governance.remove_group(&okta(), &group).await.unwrap();
}
