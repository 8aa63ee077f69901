//! Who is told what, once, over which channels; what is tried again and when it ends; and the digest of
//! the day.

use crate::world::{
    CUSTOMER, REFUND, STATUS, World, actor, ada, demand, group, held, okta, olivia, on_both,
    subject,
};
use countersign_governance::{
    Active, ApiKeyRules, Attempt, CLAIMED_FOR, DeliveryQuery, DeliveryRow, DeliveryState,
    NewApiKey, NewGrantRequest, NoticeChoice, NoticeError, NoticeRow, NoticesListed, Outgoing,
    PersonRow, UserFacts,
};
use countersign_model::{Digest, NoticeKind, Span, Timestamp, Verdict};
use std::collections::BTreeSet;

on_both!(
    a_held_call_is_told_to_whoever_may_answer_it,
    an_answer_withdraws_what_was_not_sent,
    of_two_gateways_one_sends,
    a_crash_between_sending_and_writing_sends_again_under_the_same_id,
    a_channel_that_is_away_is_tried_for_a_day,
    a_refusal_is_an_end_and_stands_in_the_ledger,
    whoever_has_no_address_or_has_left_is_sent_nothing,
    one_digest_a_day_whoever_makes_it,
    what_was_answered_is_in_no_digest,
    what_is_due_is_told_once_for_each_lapse,
    people_choose_and_read_their_own,
    a_request_is_told_to_owners_and_its_answer_to_who_asked,
    who_holds_a_grant_hears_what_others_made_of_it,
    a_test_goes_over_every_channel,
);

async fn sees(world: &World, name: &str, groups: &[&str], email: &str) {
    let person = PersonRow {
        subject: name.into(),
        name: format!("The {name}"),
        email: email.to_owned(),
        groups: groups.iter().map(|it| (*it).into()).collect(),
        issuer: "acme".to_owned(),
        seen_at: world.now(),
    };
    world.governance.store().saw_person(&person).await.unwrap();
}

async fn inbox(world: &World, name: &str) -> Vec<NoticeRow> {
    world.governance.notices(&actor(name, &[]), NoticesListed::All, None).await.unwrap()
}

async fn claim(world: &World, channel: &str) -> Vec<Outgoing> {
    world.governance.claim_notices(channel, 100).await.unwrap()
}

async fn deliveries(world: &World) -> Vec<DeliveryRow> {
    let query = DeliveryQuery { limit: 200, ..DeliveryQuery::default() };
    world.governance.deliveries(&ada(), &query).await.unwrap()
}

async fn states(world: &World, channel: &str) -> Vec<DeliveryState> {
    let all = deliveries(world).await.into_iter();
    all.filter(|it| it.channel == channel).map(|it| it.state).collect()
}

fn sent() -> Attempt {
    Attempt::Sent { answer: "250 2.0.0 Ok".to_owned() }
}

fn later(wait: Option<Span>) -> Attempt {
    Attempt::Later { answer: "451".to_owned(), error: "not\r\nnow".to_owned(), wait }
}

async fn a_held_call_is_told_to_whoever_may_answer_it(world: World) {
    let user = UserFacts {
        name: "dora".to_owned(),
        external_id: None,
        subject: "dora".into(),
        active: Active::Yes,
        document: r#"{"userName":"dora","emails":[{"value":"dora@acme.example"}]}"#.to_owned(),
    };
    let dora = world.governance.add_user(&okta(), user).await.unwrap();
    let members = countersign_governance::GroupFacts {
        name: "finance".to_owned(),
        external_id: None,
        here: "finance".to_owned(),
        document: "{}".to_owned(),
        members: BTreeSet::from([dora.id]),
    };
    world.governance.add_group(&okta(), members).await.unwrap();
    sees(&world, "frank", &["okta:finance", "support"], "frank@acme.example").await;
    sees(&world, "riley", &["okta:finance"], "riley@acme.example").await;
    sees(&world, "stale", &["okta:finance"], "stale@acme.example").await;
    sees(&world, "other", &["okta:finance-readers"], "other@acme.example").await;
    world.governance.suspend(&ada(), &"stale".into(), "away").await.unwrap();

    let id = world.held("call", vec![demand(&["owner", "group:okta:finance"], 1)]).await;
    for name in ["olivia", "frank", "dora"] {
        let told = inbox(&world, name).await;
        assert_eq!(told.len(), 1, "{name}");
        assert_eq!(told[0].kind, NoticeKind::ApprovalWaits);
        assert_eq!(told[0].link, format!("/console/approvals/{id}"));
        assert_eq!(told[0].about[0].as_str(), id.to_string());
        assert!(told[0].title.contains("riley") && told[0].title.contains(REFUND), "{told:?}");
        assert!(!format!("{told:?}").contains("900"), "no arguments");
    }
    // The caller, the suspended, and a member of a group whose name only begins so.
    for name in ["riley", "stale", "other", "ada"] {
        assert_eq!(inbox(&world, name).await.len(), 0, "{name}");
    }
    // A room hears of it once, a program of each, and each person alone.
    assert_eq!(states(&world, "slack").await.len(), 1);
    assert_eq!(states(&world, "webhook:siem").await.len(), 3);
    assert_eq!(states(&world, "email").await.len(), 3);
    // The same call again is the same request: nobody is told twice.
    world.held("call", vec![demand(&["owner", "group:okta:finance"], 1)]).await;
    assert_eq!(states(&world, "email").await.len(), 3);
    let to: BTreeSet<String> =
        claim(&world, "email").await.into_iter().filter_map(|it| Some(it.to?.email)).collect();
    // Of olivia no address is known.
    assert_eq!(to, ["dora@acme.example", "frank@acme.example"].map(str::to_owned).into());
}

async fn an_answer_withdraws_what_was_not_sent(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    world.governance.vote(&olivia(), id, Verdict::Approve, "").await.unwrap();
    assert_eq!(states(&world, "email").await, [DeliveryState::Withdrawn]);
    assert!(claim(&world, "email").await.is_empty());
    assert!(inbox(&world, "olivia").await[0].withdrawn_at.is_some());
    assert_eq!(world.governance.notices_unread(&olivia()).await.unwrap(), 0);

    // What is on its way at that moment is not tried again.
    let id = world.held("other", vec![demand(&["owner"], 1)]).await;
    let claimed = claim(&world, "email").await;
    world.governance.vote(&olivia(), id, Verdict::Deny, "no").await.unwrap();
    world.governance.settle_notice(&claimed[0], later(None)).await.unwrap();
    assert_eq!(states(&world, "email").await, [DeliveryState::Withdrawn; 2]);

    // Time ends it too.
    world.held("third", vec![demand(&["owner"], 1)]).await;
    world.pass(Span::from_seconds(901));
    let keeper = tokio::spawn(world.governance.clone().keep_current());
    until_withdrawn(&world, 3).await;
    keeper.abort();
}

async fn until_withdrawn(world: &World, count: usize) {
    for _ in 0..500 {
        if states(world, "email").await == vec![DeliveryState::Withdrawn; count] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it was not withdrawn");
}

async fn of_two_gateways_one_sends(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let other = world.beside("two").await;
    for call in 0..20 {
        world.held(&format!("call {call}"), vec![demand(&["owner"], 1)]).await;
    }
    let (one, two) = tokio::join!(claim(&world, "email"), claim(&other, "email"));
    let ids: BTreeSet<_> = one.iter().chain(&two).map(|it| it.delivery.id).collect();
    assert_eq!((ids.len(), one.len() + two.len()), (20, 20), "each is claimed once");
    for outgoing in one.iter().chain(&two) {
        let by = if outgoing.delivery.gateway == "one" { &world } else { &other };
        by.governance.settle_notice(outgoing, sent()).await.unwrap();
    }
    assert!(states(&world, "email").await.iter().all(|it| *it == DeliveryState::Sent));
    let told = world.entries("notice.sent").len() + other.entries("notice.sent").len();
    assert_eq!(told, 20);
}

async fn a_crash_between_sending_and_writing_sends_again_under_the_same_id(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    world.held("call", vec![demand(&["owner"], 1)]).await;
    let first = claim(&world, "email").await;
    // The gateway sends it and dies before it can say so.
    let world = world.restart().await;
    assert!(claim(&world, "email").await.is_empty(), "the claim stands for a while");
    world.pass(CLAIMED_FOR);
    let second = claim(&world, "email").await;
    assert_eq!(second[0].delivery.id, first[0].delivery.id);
    assert_eq!(second[0].delivery.attempts, 2);
    world.governance.settle_notice(&second[0], sent()).await.unwrap();
    // Had it only been slow, it would say nothing any more: another one has the delivery.
    world.governance.settle_notice(&first[0], later(None)).await.unwrap();
    assert_eq!(states(&world, "email").await, [DeliveryState::Sent]);
    assert_eq!(world.entries("notice.sent").len(), 1);
}

async fn a_channel_that_is_away_is_tried_for_a_day(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let new = held(world.now(), "call", vec![demand(&["owner"], 1)]);
    let new = countersign_governance::NewApproval {
        question: countersign_model::Question { within: Span::from_days(3), ..new.question },
        ..new
    };
    world.governance.open_approval(new).await.unwrap();
    let began = world.now();
    let (mut pauses, mut tries) = (Vec::new(), 0);
    while let [outgoing] = &claim(&world, "email").await[..] {
        tries += 1;
        let wait = (tries == 3).then(|| Span::from_seconds(7_200));
        world.governance.settle_notice(outgoing, later(wait)).await.unwrap();
        let row = deliveries(&world).await.into_iter().find(|it| it.channel == "email").unwrap();
        assert_eq!((row.error.as_str(), row.answer.as_str()), ("not  now", "451"));
        if row.state != DeliveryState::Failed {
            break;
        }
        pauses.push(row.next_at.since(world.now()).millis() / 1_000);
        assert!(claim(&world, "email").await.is_empty(), "not before its time");
        world.pass(row.next_at.since(world.now()));
    }
    assert_eq!(states(&world, "email").await, [DeliveryState::GivenUp]);
    assert!(world.now().since(began) <= Span::from_days(1));
    assert!((15..=30).contains(&pauses[0]) && (30..=60).contains(&pauses[1]), "{pauses:?}");
    assert_eq!(pauses[2], 7_200, "the channel asked for it");
    assert!(pauses[10..].iter().all(|it| (1_800..=3_600).contains(it)), "{pauses:?}");
    let entries = world.entries("notice.sent");
    assert_eq!((entries.len(), &entries[0]["now"]), (1, &"given_up".into()));
    assert_eq!(entries[0]["attempts"], tries);
}

async fn a_refusal_is_an_end_and_stands_in_the_ledger(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let claimed = claim(&world, "email").await;
    let (answer, error) = ("550".to_owned(), "no such user".to_owned());
    let refused = Attempt::Refused { answer, error };
    world.governance.settle_notice(&claimed[0], refused).await.unwrap();
    world.pass(Span::from_days(2));
    assert!(claim(&world, "email").await.is_empty());
    let room = claim(&world, "slack").await;
    world.governance.settle_notice(&room[0], sent()).await.unwrap();
    let entries = world.entries("notice.sent");
    let notice = &claimed[0].notice;
    let text = Digest::of(format!("{}\n{}", notice.title, notice.text).as_bytes());
    assert_eq!(entries[0]["now"], "given_up");
    assert_eq!(entries[0]["to"], "olivia");
    assert_eq!(entries[0]["kind"], "approval_waits");
    assert_eq!(entries[0]["about"][0], id.to_string());
    assert_eq!(entries[0]["channel"], "email");
    assert_eq!(entries[0]["text"], text.to_string());
    assert_eq!((&entries[1]["now"], &entries[1]["channel"]), (&"sent".into(), &"slack".into()));
    assert_eq!(entries[1].get("to"), None, "a room is nobody");
    assert!(world.read_back().iter().all(Result::is_ok));
    let told = world.governance.told_about(&id.to_string(), None).await.unwrap();
    assert_eq!(told.len(), 3, "who was told of it, over what, and what became of it");
}

async fn whoever_has_no_address_or_has_left_is_sent_nothing(world: World) {
    world.held("call", vec![demand(&["owner"], 1)]).await;
    assert!(claim(&world, "email").await.is_empty());
    let row = deliveries(&world).await.into_iter().find(|it| it.channel == "email").unwrap();
    assert_eq!(row.state, DeliveryState::GivenUp);
    assert!(row.error.contains("no address"), "{}", row.error);
    assert_eq!(inbox(&world, "olivia").await.len(), 1, "the console has it");

    sees(&world, "olivia", &[], "olivia@acme.example").await;
    world.held("other", vec![demand(&["owner"], 1)]).await;
    world.governance.suspend(&ada(), &"olivia".into(), "left").await.unwrap();
    assert!(claim(&world, "email").await.is_empty());
    let rows = deliveries(&world).await.into_iter().filter(|it| it.channel == "email");
    assert!(rows.into_iter().next().unwrap().error.contains("suspended"));
}

/// Past the next eight o'clock, a day at most.
fn to_morning(world: &World) {
    let day = 86_400_000;
    let eight = 8 * 3_600_000;
    let now = world.now().millis();
    let next = (now - eight).div_euclid(day) * day + day + eight;
    world.pass(Timestamp::from_millis(next).since(world.now()));
}

async fn one_digest_a_day_whoever_makes_it(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let grant = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    world.grant(&ada(), group("support"), REFUND).await;
    let other = world.beside("two").await;
    to_morning(&world);
    let all = tokio::join!(
        world.governance.daily_notices(),
        other.governance.daily_notices(),
        world.governance.daily_notices()
    );
    // Two that write at once may meet; the day is done by the next look.
    drop(all);
    world.governance.daily_notices().await.unwrap();
    let claimed = claim(&world, "email").await;
    let to: Vec<&str> = claimed.iter().map(|it| it.notice.to.as_str()).collect();
    assert_eq!(to, ["olivia"], "riley has no address, and olivia one digest");
    let digest = &claimed[0];
    assert_eq!((digest.notice.kind, digest.parts.len()), (NoticeKind::Digest, 2));
    assert!(digest.notice.title.starts_with("2 things for you"), "{}", digest.notice.title);
    assert!(digest.notice.text.contains("riley") && digest.notice.text.contains("group:support"));
    let parts: Vec<&str> = digest.parts.iter().map(|it| it.link.as_str()).collect();
    assert!(parts.contains(&&*format!("/console/grants/{grant}")), "{parts:?}");
    world.governance.settle_notice(digest, sent()).await.unwrap();
    let told = world.governance.told_about(&grant.to_string(), None).await.unwrap();
    let emailed = told.iter().filter(|it| it.channel == "email").count();
    assert_eq!(emailed, 2, "olivia's digest, and riley's that had nowhere to go");
    let sent: Vec<_> =
        world.entries("notice.sent").into_iter().filter(|it| it["now"] == "sent").collect();
    assert_eq!(sent[0]["brings"].as_array().unwrap().len(), 2);
    // A room gets no digest; a program had each part at once.
    assert!(states(&world, "slack").await.is_empty());
    // Nothing new: no digest on the next day. The inbox has the parts, not the digest.
    to_morning(&world);
    world.governance.daily_notices().await.unwrap();
    assert!(claim(&world, "email").await.is_empty());
    assert_eq!(inbox(&world, "olivia").await.len(), 2);
}

async fn what_was_answered_is_in_no_digest(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let long = |call: &str| {
        let new = held(world.now(), call, vec![demand(&["owner"], 1)]);
        let question = countersign_model::Question { within: Span::from_days(3), ..new.question };
        countersign_governance::NewApproval { question, ..new }
    };
    let answered = world.governance.open_approval(long("one")).await.unwrap().approval.id;
    let waits = world.governance.open_approval(long("two")).await.unwrap().approval.id;
    let late = world.governance.open_approval(long("three")).await.unwrap().approval.id;
    for outgoing in claim(&world, "email").await {
        world.governance.settle_notice(&outgoing, sent()).await.unwrap();
    }
    world.governance.vote(&olivia(), answered, Verdict::Approve, "").await.unwrap();
    to_morning(&world);
    world.governance.daily_notices().await.unwrap();
    // Between the digest's making and its sending one more is answered.
    world.governance.vote(&olivia(), late, Verdict::Approve, "").await.unwrap();
    let claimed = claim(&world, "email").await;
    let links: Vec<&str> = claimed[0].parts.iter().map(|it| it.link.as_str()).collect();
    assert_eq!(links, [format!("/console/approvals/{waits}")]);
}

async fn a_request_is_told_to_owners_and_its_answer_to_who_asked(world: World) {
    let ask = async |who: &str| {
        let new = NewGrantRequest {
            subject: None,
            functions: vec![CUSTOMER.into(), STATUS.into()],
            reason: "the quarter's complaints".to_owned(),
            constraints: vec![],
            rate: None,
            expires_at: None,
            renews: None,
        };
        world.governance.request_grant(&actor(who, &[]), new).await.unwrap().id
    };
    let id = ask("riley").await;
    for name in ["olivia", "otto"] {
        let told = inbox(&world, name).await;
        assert_eq!((told.len(), told[0].kind), (1, NoticeKind::GrantRequested), "{name}");
        assert_eq!(told[0].link, format!("/console/grant-requests/{id}"));
        assert!(told[0].title.starts_with("riley asks for billing"), "{}", told[0].title);
        assert!(told[0].text.contains("the quarter's complaints"), "{}", told[0].text);
    }
    world.governance.deny_grant_request(&olivia(), id, "use the report").await.unwrap();
    assert!(inbox(&world, "otto").await[0].withdrawn_at.is_some(), "nobody needs to answer it");
    let told = inbox(&world, "riley").await;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::GrantAnswered));
    assert_eq!(told[0].text, "olivia says: use the report");
    // Who asks is not asked, also where they own one of the functions.
    let id = ask("otto").await;
    let of_otto = inbox(&world, "otto").await;
    assert!(of_otto.iter().all(|it| it.about[0].as_str() != id.to_string()), "{of_otto:?}");
    assert_eq!(inbox(&world, "olivia").await[0].about[0].as_str(), id.to_string());
}

async fn who_holds_a_grant_hears_what_others_made_of_it(world: World) {
    let governance = &world.governance;
    let rileys = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let agents = world.grant(&ada(), subject("agent:dunning"), CUSTOMER).await;
    let groups = world.grant(&ada(), group("support"), CUSTOMER).await;
    for id in [rileys, agents, groups] {
        governance.suspend_grant(&ada(), id, "looked at").await.unwrap();
        governance.revoke_grant(&olivia(), id, "moved").await.unwrap();
    }
    for (name, of) in [("riley", "riley"), ("sam", "agent:dunning")] {
        let told = inbox(&world, name).await;
        let titles: Vec<&str> = told.iter().map(|it| it.title.as_str()).collect();
        assert_eq!(
            titles,
            [format!("A grant of {of} was revoked"), format!("A grant of {of} is suspended")]
        );
        assert_eq!(told[0].kind, NoticeKind::GrantChanged);
    }
    // What somebody does themself is no news to them.
    let own = world.grant(&ada(), subject("riley"), STATUS).await;
    governance.revoke_grant(&actor("riley", &[]), own, "not needed").await.unwrap();
    assert_eq!(inbox(&world, "riley").await.len(), 2);
    // It waits for the digest: a review changes many at once.
    assert!(claim(&world, "email").await.is_empty());
}

async fn what_is_due_is_told_once_for_each_lapse(world: World) {
    let due = async |name: &str| {
        world.governance.daily_notices().await.unwrap();
        let kinds: Vec<NoticeKind> = inbox(&world, name).await.iter().map(|it| it.kind).collect();
        kinds
    };
    // Olivia owns the function and makes the grant: it is certified from the beginning.
    let id = world.grant(&olivia(), subject("agent:dunning"), CUSTOMER).await;
    to_morning(&world);
    assert!(due("olivia").await.is_empty());
    world.pass(Span::from_days(170));
    assert_eq!(due("olivia").await, [NoticeKind::GrantDue]);
    assert_eq!(due("sam").await, [NoticeKind::GrantDue], "the sponsor in the agent's place");
    assert!(due("agent:dunning").await.is_empty());
    world.pass(Span::from_days(1));
    assert_eq!(due("olivia").await, [NoticeKind::GrantDue], "once");
    world.pass(Span::from_days(14));
    assert_eq!(due("olivia").await, [NoticeKind::GrantOverdue, NoticeKind::GrantDue]);
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    world.pass(Span::from_days(175));
    assert_eq!(due("olivia").await[0], NoticeKind::GrantDue, "the next lapse is another one");
    world.governance.revoke_grant(&olivia(), id, "over").await.unwrap();
    let before = due("olivia").await;
    world.pass(Span::from_days(40));
    assert_eq!(due("olivia").await, before, "nobody is told of what has ended");

    let rules = ApiKeyRules { lifetime_max: Span::from_days(90) };
    let new = NewApiKey {
        subject: "agent:dunning".into(),
        purpose: "no tokens".to_owned(),
        scopes: vec![],
        expires_at: world.now().plus(Span::from_days(30)),
    };
    let key = world.governance.add_api_key(&ada(), rules, new, Digest::of(b"k")).await.unwrap();
    world.pass(Span::from_days(10));
    assert!(!due("sam").await.contains(&NoticeKind::ApiKeyEnds));
    world.pass(Span::from_days(7));
    assert!(due("sam").await.contains(&NoticeKind::ApiKeyEnds));
    assert_eq!(inbox(&world, "ada").await[0].about[0].as_str(), key.id.to_string());
}

async fn people_choose_and_read_their_own(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let governance = &world.governance;
    let all = governance.notice_choice(&olivia()).await.unwrap();
    assert_eq!((all.now, all.digest), (vec!["email".to_owned()], vec!["email".to_owned()]));
    for name in ["slack", "webhook:siem", "pigeon"] {
        let choice = NoticeChoice { now: vec![name.to_owned()], digest: vec![] };
        let refused = governance.choose_channels(&olivia(), &choice).await.unwrap_err();
        assert!(matches!(refused, NoticeError::Channel(_)), "{name}: {refused:?}");
    }
    let digest_only = NoticeChoice { now: vec![], digest: vec!["email".to_owned()] };
    governance.choose_channels(&olivia(), &digest_only).await.unwrap();
    world.held("call", vec![demand(&["owner"], 1)]).await;
    assert!(states(&world, "email").await.is_empty(), "she does not want it at once");
    assert_eq!(states(&world, "slack").await.len(), 1, "the room does");

    let notice = inbox(&world, "olivia").await.remove(0);
    assert_eq!(governance.notices_unread(&olivia()).await.unwrap(), 1);
    let other = actor("otto", &[]);
    let refused = governance.read_notices(&other, Some(notice.id)).await.unwrap_err();
    assert!(matches!(refused, NoticeError::NotFound));
    assert!(matches!(governance.notice(&other, notice.id).await, Err(NoticeError::NotFound)));
    assert!(governance.notice(&ada(), notice.id).await.is_ok());
    assert_eq!(governance.read_notices(&other, None).await.unwrap(), 0);
    assert_eq!(governance.read_notices(&olivia(), Some(notice.id)).await.unwrap(), 1);
    assert_eq!(governance.read_notices(&olivia(), None).await.unwrap(), 0);
    assert_eq!(governance.notices_unread(&olivia()).await.unwrap(), 0);
    let unread = governance.notices(&olivia(), NoticesListed::Unread, None).await.unwrap();
    assert!(unread.is_empty());
    let before = governance.notices(&olivia(), NoticesListed::All, Some(notice.id)).await.unwrap();
    assert!(before.is_empty());
    let refused = governance.deliveries(&olivia(), &DeliveryQuery::default()).await;
    assert!(matches!(refused, Err(NoticeError::Forbidden(_))));
}

async fn a_test_goes_over_every_channel(world: World) {
    sees(&world, "olivia", &[], "olivia@acme.example").await;
    let nothing = NoticeChoice::default();
    world.governance.choose_channels(&olivia(), &nothing).await.unwrap();
    let notice = world.governance.test_notice(&olivia(), &"olivia".into()).await.unwrap();
    let (_, rows) = world.governance.notice(&olivia(), notice.id).await.unwrap();
    let channels: BTreeSet<&str> = rows.iter().map(|it| it.channel.as_str()).collect();
    assert_eq!(channels, ["email", "slack", "webhook:siem"].into());
    let other = world.governance.test_notice(&olivia(), &"riley".into()).await;
    assert!(matches!(other, Err(NoticeError::Forbidden(_))));
    assert!(world.governance.test_notice(&ada(), &"riley".into()).await.is_ok());
    let auditor = world.governance.test_notice(&actor("al", &["audit"]), &"al".into()).await;
    assert!(matches!(auditor, Err(NoticeError::Forbidden(_))));
    // A channel that no gateway has any more: its deliveries end too.
    world.pass(Span::from_days(2));
    to_morning(&world);
    world.governance.daily_notices().await.unwrap();
    assert!(states(&world, "slack").await.iter().all(|it| *it == DeliveryState::GivenUp));
}
