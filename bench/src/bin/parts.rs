//! What the parts of a call's record cost by themselves, in nanoseconds of one thread.

use countersign_model::{
    CallId, Digest, Entropy, Epoch, GrantId, GrantRef, Reason, SessionId, Timestamp,
    digest::Salt,
    exchange::Exchange,
    ids::EntryId,
    record::{CallIntent, CallOutcome, Entry, Event, Who},
};
use serde_json::json;
use std::{hint::black_box, time::Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let entropy = Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).expect("randomness"));
    let batched = entropy.clone().in_batches();
    let now = Timestamp::from_millis(1_795_340_096_789);
    let who = Who {
        subject: "agent:dunning".into(),
        actors: vec![],
        client: Some("dunning-agent".into()),
        issuer: "demo".into(),
    };
    let call = CallId::new(now, &entropy);
    let session = SessionId::new(now, &entropy);
    let grants = vec![GrantRef { id: GrantId::new(now, &entropy), version: 1 }];
    let intent = Entry::new(
        EntryId::new(now, &entropy),
        now,
        Event::CallIntent(Box::new(CallIntent {
            call,
            session,
            epoch: Epoch(12),
            who: who.clone(),
            function: "billing.customers.get".into(),
            contract: Digest([7; 32]),
            target: "billing".into(),
            grants: grants.clone(),
            reason: Reason::Granted,
            approval: None,
            arguments: Digest([9; 32]),
        })),
    );
    let outcome = Entry::new(
        EntryId::new(now, &entropy),
        now,
        Event::CallOutcome(CallOutcome {
            call,
            status: 200,
            reason: Reason::Granted,
            took_ms: 3,
            bytes: 1024,
            masked: 2,
            recording: Some(Digest([8; 32])),
        }),
    );
    let exchange = Exchange {
        call,
        session,
        at: now,
        took_ms: 3,
        who,
        function: "billing.customers.get".into(),
        method: "GET".into(),
        path: "/v1/customers/{customer}".into(),
        arguments: json!({"customer": "c_81"}),
        hidden: vec![],
        reason: Reason::Granted,
        approval: None,
        grants,
        status: 200,
        headers: [("content-type".into(), "application/json".into())].into(),
        response: Some("{\"a\":\"0123456789\"},".repeat(50)),
        cut: false,
        bytes: 1024,
        masked: 2,
        salt: Salt([1; 16]),
    };
    let payload = exchange.to_bytes();
    let salt = [1; 16];
    println!("payload of an exchange: {} bytes", payload.len());
    println!("intent entry: {} bytes", intent.to_bytes().len());
    let id = EntryId::new(now, &entropy);
    measure("id from the system's generator", || EntryId::new(now, &entropy));
    measure("id from batches", || EntryId::new(now, &batched));
    measure("id to text", || id.to_string());
    measure("moment to text", || now.to_string());
    measure("digest to text", || Digest([7; 32]).to_string());
    measure("intent to bytes", || intent.to_bytes());
    measure("outcome to bytes", || outcome.to_bytes());
    measure("exchange to bytes", || exchange.to_bytes());
    measure("commitment to an exchange", || countersign_ledger::commitment(&salt, &payload));
}

/// The best of five rounds.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    const CALLS: u32 = 20_000;
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        for _ in 0..CALLS {
            black_box(work());
        }
        best = best.min(started.elapsed().as_secs_f64() / f64::from(CALLS));
    }
    println!("{:>8.0} ns  {name}", best * 1e9);
}
