//! Rows of use, and the position that they are counted to.

use crate::world::{NOW, World, grant, on_both};
use countersign_model::{CallId, Span, Timestamp};
use countersign_store::{DeniedRow, UsageKey, UsagePosition, UsageRow, Written};

on_both!(
    rows_are_written_whole_and_read_by_key_grant_and_user,
    calls_that_did_not_run_add_up,
    a_position_moves_from_where_it_stands_only,
    open_calls_are_kept_until_they_end,
);

fn row(key: UsageKey, used: u64) -> UsageRow {
    UsageRow {
        key,
        used,
        failed: 1,
        first_used_at: Some(NOW),
        last_used_at: (used > 1).then_some(NOW),
        history: vec![1, 2, 3],
        arguments: b"{}".to_vec(),
    }
}

async fn rows_are_written_whole_and_read_by_key_grant_and_user(world: World) {
    let grants: Vec<_> = (0..700).map(|_| grant("riley").id).collect();
    let key = |place: usize, user: &str| UsageKey {
        grant: grants[place],
        function: "billing.refunds.create".into(),
        subject: user.into(),
    };
    let rows: Vec<UsageRow> = (0..700).map(|it| row(key(it, "o'hara \"é\""), 1)).collect();
    let mut change = world.store.change().await.unwrap();
    change.write_usage("one", &rows).await.unwrap();
    change.write_usage("two", &rows[..1]).await.unwrap();
    change.write_usage("one", &[row(key(3, "o'hara \"é\""), 7)]).await.unwrap();
    change.write_usage("one", &[]).await.unwrap();
    change.commit().await.unwrap();

    let mut view = world.store.view().await.unwrap();
    let found = view.usage_of(&grants).await.unwrap();
    assert_eq!(found.len(), 701);
    assert_eq!(view.usage_of(&grants[..1]).await.unwrap().len(), 2, "of both gateways");
    let asked = [key(3, "o'hara \"é\""), key(4, "nobody"), key(5, "o'hara \"é\"")];
    let mut found = view.usage_rows("one", &asked).await.unwrap();
    found.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(found.iter().map(|it| it.used).collect::<Vec<_>>(), [7, 1]);
    assert_eq!(found[0], row(key(3, "o'hara \"é\""), 7));
    assert_eq!(view.usage_rows("three", &asked).await.unwrap(), []);
    let all: Vec<UsageKey> = rows.iter().map(|it| it.key.clone()).collect();
    assert_eq!(view.usage_rows("one", &all).await.unwrap().len(), 700);
    assert_eq!(view.usage_by(&["o'hara \"é\"".into()]).await.unwrap().len(), 701);
    assert_eq!(view.usage_by(&["nobody".into()]).await.unwrap(), []);
}

async fn calls_that_did_not_run_add_up(world: World) {
    let denied = |reason: &str, week, calls| DeniedRow {
        subject: "riley".into(),
        function: "billing.refunds.create".into(),
        reason: reason.to_owned(),
        week,
        calls,
    };
    let first = [denied("no_grant", 7, 2), denied("no_grant", 14, 1)];
    let second = [denied("no_grant", 7, 3), denied("rate_limited", 14, 5)];
    for rows in [first, second] {
        let mut change = world.store.change().await.unwrap();
        change.add_denied("one", &rows).await.unwrap();
        change.commit().await.unwrap();
    }
    // Not committed, not counted.
    let mut change = world.store.change().await.unwrap();
    change.add_denied("one", &[denied("no_grant", 7, 100)]).await.unwrap();
    drop(change);
    let mut view = world.store.view().await.unwrap();
    let mut found = view.denied_of(&["riley".into()], 7).await.unwrap();
    found.sort_by_key(|it| (it.week, it.calls));
    let expect =
        [denied("no_grant", 7, 5), denied("no_grant", 14, 1), denied("rate_limited", 14, 5)];
    assert_eq!(found, expect);
    assert_eq!(view.denied_of(&["riley".into()], 14).await.unwrap().len(), 2);
    assert_eq!(view.denied_of(&["max".into()], 0).await.unwrap(), []);
}

fn position(log: &str, entries: u64) -> UsagePosition {
    UsagePosition {
        gateway: "one".to_owned(),
        log: log.to_owned(),
        entries,
        began_at: NOW,
        counted_until: NOW.plus(Span::from_seconds(i64::try_from(entries).unwrap())),
    }
}

async fn a_position_moves_from_where_it_stands_only(world: World) {
    let moves = [
        (0, position("first", 10), Written::Done),
        (0, position("first", 10), Written::Conflict),
        (9, position("first", 20), Written::Conflict),
        (10, position("first", 20), Written::Done),
        (10, position("second", 30), Written::Conflict),
        (0, position("second", 5), Written::Done),
        (20, position("first", 25), Written::Conflict),
    ];
    for (from, to, expect) in moves {
        let mut change = world.store.change().await.unwrap();
        assert_eq!(change.move_usage_position(from, &to).await.unwrap(), expect, "{from} {to:?}");
        change.commit().await.unwrap();
    }
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.usage_positions().await.unwrap(), [position("second", 5)]);
}

async fn open_calls_are_kept_until_they_end(world: World) {
    let calls: Vec<(CallId, String)> = (0..600_u32)
        .map(|it| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&it.to_be_bytes());
            (CallId::from_bytes(bytes), format!("{{\"number\":{it}}}"))
        })
        .collect();
    let mut change = world.store.change().await.unwrap();
    change.add_open_calls("one", &calls).await.unwrap();
    change.add_open_calls("two", &calls[..1]).await.unwrap();
    let ended: Vec<CallId> = calls.iter().skip(2).map(|(call, _)| *call).collect();
    change.remove_open_calls("one", &ended).await.unwrap();
    change.commit().await.unwrap();
    let mut view = world.store.view().await.unwrap();
    let mut open = view.open_calls("one").await.unwrap();
    open.sort();
    assert_eq!(open, calls[..2]);
    drop(view);
    let mut change = world.store.change().await.unwrap();
    change.clear_open_calls("one").await.unwrap();
    change.saw_gateway("one", Timestamp::from_millis(5)).await.unwrap();
    change.commit().await.unwrap();
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.open_calls("one").await.unwrap(), []);
    assert_eq!(view.open_calls("two").await.unwrap().len(), 1);
    let seen = view.gateways_seen().await.unwrap();
    assert_eq!(seen, [("one".to_owned(), Timestamp::from_millis(5))]);
}
