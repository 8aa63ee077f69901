//! Approvals: one open request for a digest, the compare-and-set, lists and looks.

use crate::world::{NOW, World, approval, on_both};
use countersign_model::{Approval, ApprovalState, CallId, Span, Timestamp};
use countersign_store::{ApprovalQuery, ApprovalRow, Store, Written};

on_both!(
    one_request_is_open_for_a_digest,
    who_writes_second_conflicts,
    only_one_of_many_writers_wins,
    lists_are_filtered_and_paged,
    looks_find_what_changed_lapsed_or_was_in_use,
);

async fn add(store: &Store, approval: &Approval) -> Written {
    let mut change = store.change().await.unwrap();
    let tick = change.next_tick().await.unwrap();
    let written = change.add_approval(approval, &[7; 16], "one", tick).await.unwrap();
    change.commit().await.unwrap();
    written
}

async fn write(store: &Store, row: &ApprovalRow, state: ApprovalState) -> Written {
    let approval = Approval { state, ..row.approval.clone() };
    let next = ApprovalRow { approval, revision: row.revision };
    let mut change = store.change().await.unwrap();
    let tick = change.next_tick().await.unwrap();
    let written = change.write_approval(&next, "one", tick).await.unwrap();
    change.commit().await.unwrap();
    written
}

async fn stored(store: &Store, approval: &Approval) -> ApprovalRow {
    store.view().await.unwrap().approval(approval.id).await.unwrap().unwrap()
}

async fn one_request_is_open_for_a_digest(world: World) {
    let (first, second) = (approval("riley", "call"), approval("riley", "call"));
    assert_eq!(add(&world.store, &first).await, Written::Done);
    assert_eq!(add(&world.store, &second).await, Written::Conflict);
    let row = stored(&world.store, &first).await;
    assert_eq!(row.approval, first);
    let found = world.store.view().await.unwrap().open_approval(&first.digest).await.unwrap();
    assert_eq!(found, Some(row.clone()));
    assert_eq!(write(&world.store, &row, ApprovalState::Expired { at: NOW }).await, Written::Done);
    assert_eq!(add(&world.store, &second).await, Written::Done);
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.pending_of(&"riley".into()).await.unwrap(), 1);
    assert_eq!(view.approval_salt(second.id).await.unwrap(), Some(vec![7; 16]));
}

async fn who_writes_second_conflicts(world: World) {
    let approval = approval("riley", "call");
    add(&world.store, &approval).await.unwrap_done();
    let row = stored(&world.store, &approval).await;
    let state = ApprovalState::Cancelled { at: NOW, because: None };
    assert_eq!(write(&world.store, &row, state.clone()).await, Written::Done);
    assert_eq!(write(&world.store, &row, state).await, Written::Conflict);
}

async fn only_one_of_many_writers_wins(world: World) {
    let approval = approval("riley", "call");
    add(&world.store, &approval).await.unwrap_done();
    let row = stored(&world.store, &approval).await;
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let (store, row) = (world.store.clone(), row.clone());
            let call = CallId::from_bytes([number; 16]);
            let state = ApprovalState::Redeeming { at: NOW, call };
            tokio::spawn(async move { write(&store, &row, state).await })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        winners += usize::from(writer.await.unwrap() == Written::Done);
    }
    assert_eq!(winners, 1);
}

async fn lists_are_filtered_and_paged(world: World) {
    for number in 0..5 {
        let approval = approval("riley", &format!("call {number}"));
        add(&world.store, &approval).await.unwrap_done();
        if number % 2 == 0 {
            let row = stored(&world.store, &approval).await;
            write(&world.store, &row, ApprovalState::Expired { at: NOW }).await.unwrap_done();
        }
    }
    let list = |query: ApprovalQuery| {
        let store = world.store.clone();
        async move { store.view().await.unwrap().approvals(&query).await.unwrap() }
    };
    let query = ApprovalQuery { limit: 10, ..ApprovalQuery::default() };
    let all = list(query.clone()).await;
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|a, b| a.id > b.id));
    let states = |states: &[&str]| states.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let rows = [
        (ApprovalQuery { states: states(&["pending"]), ..query.clone() }, 2),
        (ApprovalQuery { states: states(&["expired"]), ..query.clone() }, 3),
        (ApprovalQuery { states: states(&["expired", "pending"]), ..query.clone() }, 5),
        (ApprovalQuery { states: states(&["%"]), ..query.clone() }, 0),
        (ApprovalQuery { function: Some("billing.status".into()), ..query.clone() }, 0),
        (ApprovalQuery { function: Some("billing.refunds.create".into()), ..query.clone() }, 5),
        (ApprovalQuery { before: Some(all[2].id), ..query.clone() }, 2),
        (ApprovalQuery { limit: 3, ..query }, 3),
    ];
    for (query, expected) in rows {
        assert_eq!(list(query.clone()).await.len(), expected, "{query:?}");
    }
}

async fn looks_find_what_changed_lapsed_or_was_in_use(world: World) {
    let (first, second) = (approval("riley", "one"), approval("riley", "two"));
    add(&world.store, &first).await.unwrap_done();
    add(&world.store, &second).await.unwrap_done();
    let call = CallId::from_bytes([1; 16]);
    let row = stored(&world.store, &second).await;
    write(&world.store, &row, ApprovalState::Redeeming { at: NOW, call }).await.unwrap_done();

    let mut view = world.store.view().await.unwrap();
    let changed = view.approvals_since(1).await.unwrap();
    assert_eq!(changed, [(second.id, 3)]);
    assert_eq!(view.approvals_since(3).await.unwrap(), []);
    let lapsed = |moment: Timestamp| {
        let store = world.store.clone();
        async move { store.view().await.unwrap().lapsed_approvals(moment).await.unwrap().len() }
    };
    assert_eq!(lapsed(NOW).await, 0);
    assert_eq!(lapsed(NOW.plus(Span::from_seconds(900))).await, 1);
    let used = view.redeeming_approvals("one").await.unwrap();
    assert_eq!(used[0].approval.id, second.id);
    assert_eq!(view.redeeming_approvals("two").await.unwrap(), []);
}

trait UnwrapDone {
    fn unwrap_done(self);
}

impl UnwrapDone for Written {
    fn unwrap_done(self) {
        assert_eq!(self, Self::Done);
    }
}
