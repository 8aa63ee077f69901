//! `countersign whoami` and `countersign identity test`, against a gateway and without one.

use crate::lab::{
    ADMINISTRATOR, AGENT, APPROVER, AUDIENCE, Process, World, identity_provider, ran,
};
use countersign_model::Span;
use serde_json::Value;

const CALLER: &str = "riley@acme.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_who_they_are_and_why_a_token_is_refused() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, CALLER).await;
    let server = format!("http://{}", process.address);
    let token = world.token(CALLER);
    let line = async |words: &[&str], token: &str| {
        let rest = ["--server", &server, "--token", token];
        ran(world.path(), &[words, &rest].concat()).await
    };

    let who = line(&["whoami"], &token).await;
    assert_eq!(who.code, Some(0), "{who:?}");
    for part in [
        "signed in: Riley Tan <riley@acme.example>, person",
        "issuer  demo",
        "groups  developers",
        "role    caller: 1 grant reaches them",
        "desk.items.get",
    ] {
        assert!(who.stdout.contains(part), "{part}: {}", who.stdout);
    }
    let who = line(&["whoami", "--json"], &world.token(APPROVER)).await;
    let who: Value = serde_json::from_str(&who.stdout).unwrap();
    assert_eq!(who["because"]["approver"], "may answer held calls of desk.payments.make");

    // One's own token, by the gateway that runs.
    let told = line(&["identity", "test"], &token).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in ["issuers[demo].audiences: http://gateway.test", "accepted: riley@acme.example"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    let expired = world.idp.mint(CALLER, AUDIENCE, Span::from_seconds(-3_600)).unwrap();
    let told = line(&["identity", "test"], &expired).await;
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stderr.contains("The token has expired. (token_expired)"), "{}", told.stderr);
    assert!(!told.stdout.contains("issuers["), "a stranger is told no rule: {}", told.stdout);

    // Another one, for who sees everything.
    let forger = identity_provider(&world.idp_site, [9; 32]);
    let forged = forger.mint(CALLER, AUDIENCE, Span::from_seconds(600)).unwrap();
    world.write("token.txt", &format!("Bearer {forged}\n"));
    let admin = world.token(ADMINISTRATOR);
    let told = line(&["identity", "test", "--from", "token.txt"], &admin).await;
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stdout.contains("issuers[demo].audiences"), "{}", told.stdout);
    let refused = told.stdout.lines().find(|it| it.starts_with("no")).unwrap_or_default();
    assert!(refused.contains("signature"), "{}", told.stdout);
    let told = line(&["identity", "test", "--from", "token.txt"], &token).await;
    assert!(told.code == Some(3) && told.stdout.is_empty(), "{told:?}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_catalog_is_called_one_whatever_its_token_says() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    let (server, token) = (format!("http://{}", process.address), world.token(AGENT));
    for (command, expect) in [
        (
            ["identity", "test"],
            "accepted: agent:dunning, agent, as the catalog says; its sponsor is riley@",
        ),
        (["whoami", "--json"], "\"agent\""),
    ] {
        let more = ["--server", &server, "--token", &token];
        let told = ran(world.path(), &[command.as_slice(), &more].concat()).await;
        assert!(told.stdout.contains(expect), "{told:?}");
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_judges_tokens_without_a_gateway() {
    let mut world = World::new().await;
    let (good, other) =
        (world.token(CALLER), world.idp.mint(CALLER, "elsewhere", Span::from_seconds(60)).unwrap());
    world.write("good", &good);
    world.write("other", &other);
    let test = async |world: &World, token: &str| {
        let words = ["identity", "test", "--config", "countersign.yaml", "--from", token];
        ran(world.path(), &words).await
    };
    let told = test(&world, "good").await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("accepted: riley@acme.example, person"), "{}", told.stdout);
    let told = test(&world, "other").await;
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stdout.contains("\"elsewhere\""), "{}", told.stdout);
    assert!(told.stderr.contains("audience_mismatch"), "{}", told.stderr);

    // The issuer is away: what can be said is said, and what would follow.
    world.idp_site.close().await;
    let told = test(&world, "good").await;
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stderr.contains("issuer_unreachable"), "{}", told.stderr);
    let follows = told.stdout.lines().filter(|it| it.starts_with("if")).count();
    assert!(follows >= 4, "{}", told.stdout);
    assert!(!told.stdout.contains("accepted:"), "{}", told.stdout);

    // A mistake of the configuration is named as `check` names it.
    let words = ["identity", "test", "--config", "nowhere.yaml", "--from", "good"];
    assert_eq!(ran(world.path(), &words).await.code, Some(2));
    let nothing = ["identity", "test", "--config", "countersign.yaml"];
    let told = ran(world.path(), &nothing).await;
    assert!(told.code == Some(2) && told.stderr.contains("--from"), "{told:?}");
    for part in good.split('.') {
        assert!(!format!("{told:?}").contains(part));
    }
}
