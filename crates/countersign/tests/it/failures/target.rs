//! The target is away, or lies.

use super::{ITEM, call, is_clear, running};
use crate::lab::{AGENT, Connection, EMAIL, Process, Say, World, target, until};
use std::collections::BTreeMap;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_gone_is_said_and_comes_back_without_a_restart() {
    let (mut world, process) = running().await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    world.target_site.close().await;
    // A connection that was open may break off first; then nobody knows, and it is said so.
    let refused = until("the target is known to be gone", async || {
        let answer = call(&world, &process, ITEM).await;
        assert_eq!(answer.status, 502, "{answer:?}");
        Some(answer).filter(|it| it.reason() == "502 target_unreachable")
    })
    .await;
    is_clear(&refused);
    assert_eq!(outcome(&world, refused.header("countersign-call")), "target_unreachable");

    world.target_site.open(target(&world.arrivals, &world.gate)).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    assert_eq!(world.arrivals.count(), 2);
    process.stop().await;
}

/// What the caller may get of a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// A refusal with this status and reason.
    Refused(&'static str),
    /// An answer that visibly breaks off.
    BrokenOff,
    /// The lie itself, which does not concern the gateway.
    It,
}
use Gets::{BrokenOff, It, Refused};

const BROKEN: Gets = Refused("502 target_broken");
const UNMASKABLE: Gets = Refused("502 unmaskable_response");

/// What the target says, and what is got of it where the answer is masked, and where it is not.
const LIES: [(&str, &str, Gets, Gets); 12] = [
    ("nothing", "", BROKEN, BROKEN),
    ("garbage", "\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n", BROKEN, BROKEN),
    (
        "short",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n\
         {\"email\":\"dora@desk.example\"}",
        BROKEN,
        BROKEN,
    ),
    (
        "short-and-huge",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000000000\r\n\r\n\
         {\"email\":\"dora@desk.example\"}",
        BrokenOff,
        BrokenOff,
    ),
    (
        "beyond-numbers",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}",
        BROKEN,
        BROKEN,
    ),
    (
        "two-lengths",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        BROKEN,
        BROKEN,
    ),
    (
        "broken-chunks",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         1d\r\n{\"email\":\"dora@desk.example\"}\r\nXYZ\r\n",
        BrokenOff,
        BrokenOff,
    ),
    (
        "no-last-chunk",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         1d\r\n{\"email\":\"dora@desk.example\"}\r\n",
        BrokenOff,
        BrokenOff,
    ),
    (
        "other-protocol",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\nhello",
        BROKEN,
        BROKEN,
    ),
    (
        "no-json",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n\
         {dora@desk.example:[1}",
        UNMASKABLE,
        It,
    ),
    (
        "no-gzip",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\
         content-length: 17\r\n\r\ndora@desk.example",
        // Found out while it flows.
        BrokenOff,
        It,
    ),
    ("no-type", "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\ndora@desk.example", UNMASKABLE, It),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_lies_is_found_out_and_nothing_unmasked_gets_through() {
    let (mut world, process) = running().await;
    let listener = world.target_site.listener().await;
    world.target_site.answers(tokio::spawn(lie(listener)));
    for (name, _, masked, plain) in LIES {
        let got = tell(&world, &process, &format!("/t/desk/v1/lies/{name}")).await;
        assert_eq!(got.0, masked.shown(), "{name}, masked: {}", got.1);
        assert!(!got.1.contains(EMAIL), "{name}: {}", got.1);
        let got = tell(&world, &process, &format!("/t/desk/v1/plainlies/{name}")).await;
        assert_eq!(got.0, plain.shown(), "{name}: {}", got.1);
    }
    world.target_site.open(target(&world.arrivals, &world.gate)).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    process.stop().await;

    // Each of them left, and the ledger says how it ended.
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in world.outcomes() {
        *ends.entry(outcome.reason.code().to_owned()).or_default() += 1;
    }
    let expect = [("granted", 4), ("target_broken", 18), ("unmaskable_response", 3)];
    assert_eq!(ends, expect.map(|(reason, count)| (reason.to_owned(), count)).into());
}

impl Gets {
    fn shown(self) -> &'static str {
        match self {
            Refused(reason) => reason,
            BrokenOff => "broken off",
            It => "200 granted",
        }
    }
}

/// What a caller gets: the reason, and what it could read.
async fn tell(world: &World, process: &Process, path: &str) -> (String, String) {
    let say = Say::get(path, &world.token(AGENT));
    match Connection::once(process.address, say).await {
        Ok(answer) => {
            if answer.status != 200 {
                is_clear(&answer);
            }
            (answer.reason(), answer.text())
        }
        Err(lost) => ("broken off".to_owned(), format!("{lost:?}")),
    }
}

/// A target that says what the last part of the path asks for, and hangs up.
async fn lie(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(say_lie(stream));
    }
}

async fn say_lie(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let name = path.rsplit('/').next().unwrap();
    let (_, said, ..) = LIES.iter().find(|(it, ..)| *it == name).unwrap();
    drop(stream.write_all(said.as_bytes()).await);
    drop(stream.shutdown().await);
}

/// The reason of a call's outcome in the ledger.
fn outcome(world: &World, call: &str) -> String {
    let found = world.outcomes().into_iter().find(|it| it.call.to_string() == call);
    found.unwrap().reason.code().to_owned()
}
