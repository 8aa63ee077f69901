//! A flood of forged tokens against the real process, from one address of this machine.

use crate::lab::{AGENT, Answer, Connection, Process, Say, World};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

const ITEM: &str = "/t/desk/v1/items/7";

/// A connection from another address of this machine.
async fn from(last: u8, process: &Process) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0)).unwrap();
    Connection::over(socket.connect(process.address).await.unwrap()).await.unwrap()
}

/// The same claims, with a signature of somebody's imagination.
fn forged(token: &str, number: u32) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    let mut signature = [0x5a; 64];
    signature[..4].copy_from_slice(&number.to_be_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn code(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.json()["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forged_tokens_is_bounded_where_it_comes_from() {
    let world = World::new().await;
    // A second gives one check back, and no more: tests may be slow.
    world.configure(&json!({"limits": {"forged_per_address_second_max": 1}}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let (warm, cold) = (world.token(AGENT), world.token(AGENT));
    let mut attacker = from(9, &process).await;
    let answer = attacker.say(Say::get(ITEM, &warm)).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");

    let mut codes = Vec::new();
    for number in 0..100 {
        let answer = attacker.say(Say::get(ITEM, &forged(&warm, number))).await.unwrap();
        codes.push(code(&answer));
    }
    let checked = codes.iter().filter(|it| *it == "401 signature_invalid").count();
    let turned_away = codes.iter().filter(|it| *it == "429 too_many_forged").count();
    assert!((10..60).contains(&checked) && checked + turned_away == 100, "{codes:?}");

    // Somebody with a good token at that address has to wait, and is told how long.
    let answer = attacker.say(Say::get(ITEM, &cold)).await.unwrap();
    assert_eq!(code(&answer), "429 too_many_forged", "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("www-authenticate"), "");
    let told = answer.json();
    assert!(told["next_step"].as_str().unwrap().contains("same token"), "{told}");
    // What was accepted before goes on, and so does everybody else; so does the page of the console's
    // API, where the same budget stands.
    assert_eq!(attacker.say(Say::get(ITEM, &warm)).await.unwrap().status, 200);
    let answer = attacker.say(Say::get("/api/v1/grants", &forged(&cold, 7))).await.unwrap();
    assert_eq!(answer.status, 429, "{answer:?}");
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &warm),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("actor_token", &forged(&warm, 1000)),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let ask = Say::bare("POST", "/oauth/token").form(&form);
    let answer = attacker.say(ask).await.unwrap();
    assert_eq!(code(&answer), "429 too_many_forged", "{answer:?}");
    let mut other = from(10, &process).await;
    assert_eq!(other.say(Say::get(ITEM, &cold)).await.unwrap().status, 200);

    let metrics = other.say(Say::get("/metrics", "")).await.unwrap().text();
    let series = "countersign_forged_tokens_total{how=\"over_address\"} ";
    let (_, rest) = metrics.split_once(series).unwrap();
    let over: usize = rest.lines().next().unwrap().parse().unwrap();
    assert!(over > turned_away, "{over} {turned_away}");
    let said = process.said();
    assert!((1..4).contains(&said.matches("too many forged tokens").count()), "{said}");
    assert!(said.contains("127.0.0.9") && !said.contains(&warm), "{said}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_named_proxy_each_caller_has_a_budget_and_elsewhere_nobody_is_believed() {
    let world = World::new().await;
    let limits = json!({"forged_per_address_second_max": 1, "trusted_proxies": ["127.0.0.9"]});
    world.configure(&json!({"limits": limits}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let token = world.token(AGENT);
    let through = |number| {
        let say = Say::get(ITEM, &forged(&token, number));
        say.header("x-forwarded-for", &format!("10.0.0.{}, 203.0.113.5", number % 250))
    };
    let mut proxy = from(9, &process).await;
    let mut turned_away = 0;
    for number in 0..60 {
        let answer = proxy.say(through(number)).await.unwrap();
        turned_away += usize::from(code(&answer) == "429 too_many_forged");
    }
    assert!(turned_away > 0, "what an attacker writes before it changes nothing");
    let honest = |token: &str| Say::get(ITEM, token).header("x-forwarded-for", "198.51.100.1");
    assert_eq!(proxy.say(honest(&world.token(AGENT))).await.unwrap().status, 200);

    // The same from an address that is no proxy: whatever it says, it is itself.
    let mut other = from(10, &process).await;
    let mut codes = Vec::new();
    for number in 100..160 {
        let say = Say::get(ITEM, &forged(&token, number));
        let say = say.header("x-forwarded-for", &format!("198.51.100.{number}"));
        codes.push(code(&other.say(say).await.unwrap()));
    }
    assert!(codes.iter().any(|it| it == "429 too_many_forged"), "{codes:?}");
    process.stop().await;
}
