use super::{party::MayAct, *};
use crate::{Thumbprint, bound::Bound};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_model::{
    Group,
    catalog::{self, raw::RawCatalog, raw::RawFile},
    snapshot::{Facts, Suspension},
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn world(suspended: &[&str]) -> Snapshot {
    let file: RawFile = serde_json::from_value(json!({"agents": [
        {"subject": "agent:dunning", "sponsor": "sam", "purpose": "Remind customers"},
        {"subject": "agent:second", "sponsor": "sue", "purpose": "Help the first"},
    ]}))
    .unwrap();
    let raw = RawCatalog::join([file]).unwrap();
    let suspensions = suspended.iter().map(|subject| Suspension {
        subject: Subject::from(*subject),
        by: "ada".into(),
        at: NOW,
        why: "left".to_owned(),
    });
    Snapshot::compile(Facts {
        catalog: Arc::new(catalog::compile(&raw, &|_| Ok(())).unwrap()),
        suspensions: suspensions.collect(),
        ..Facts::default()
    })
}

fn caller(subject: &str, kind: CallerKind) -> Caller {
    Caller {
        subject: subject.into(),
        kind,
        actors: vec![],
        client: Some("web".into()),
        issuer: "acme".into(),
        groups: [Group::from("ops")].into(),
        scopes: ["read".into(), "write".into()].into(),
        name: Some("Riley Tan".into()),
        email: None,
        expires_at: NOW.plus(Span::from_seconds(900)),
        issued: Issued { at: Some(NOW.minus(Span::from_seconds(60))), ..Issued::default() },
    }
}

fn riley() -> Party {
    Party::made_up(caller("riley", CallerKind::Person), Origin::Configured)
}

/// As its token says it: what makes it an agent is the catalog.
fn agent(subject: &str) -> Party {
    let caller = Caller {
        client: Some(format!("{subject}-client").into()),
        groups: [Group::from("robots")].into(),
        ..caller(subject, CallerKind::Person)
    };
    Party::made_up(caller, Origin::Configured)
}

fn but(party: Party, change: impl FnOnce(&mut Caller)) -> Party {
    let mut caller = (*party.caller).clone();
    change(&mut caller);
    Party { caller: Arc::new(caller), ..party }
}

fn by(subject: &Party, actors: &[&str]) -> Party {
    let chain = actors.iter().map(|it| Subject::from(*it)).collect();
    let delegated = but(subject.clone(), |it| {
        it.actors = chain;
        it.issuer = "countersign".into();
    });
    Party { origin: Origin::Own, ..delegated }
}

fn asked(
    subject: &Party,
    actor: &Party,
    wishes: &Wishes,
    world: &Snapshot,
) -> Result<Exchanged, ExchangeFault> {
    let terms = Terms { snapshot: world, now: NOW, lifetime: Span::from_seconds(300) };
    exchange(subject, &Actor::made_up(actor.clone()), wishes, terms)
}

fn check(subject: &Party, actor: &Party, expect: Result<&[&str], ExchangeFault>) {
    let found = asked(subject, actor, &Wishes::default(), &world(&[]));
    let chain = |it: Exchanged| {
        it.caller().actors.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>()
    };
    let expect = expect.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(found.map(chain), expect, "{:?} by {:?}", subject.caller, actor.caller);
}

#[test]
fn an_agent_gets_the_users_names_and_what_both_may() {
    let riley = but(riley(), |it| it.scopes = ["read".into(), "admin".into()].into());
    let exchanged =
        asked(&riley, &agent("agent:dunning"), &Wishes::default(), &world(&[])).unwrap();
    let caller = exchanged.caller();
    assert_eq!(caller.subject.as_str(), "riley");
    assert_eq!(caller.actors, [Subject::from("agent:dunning")]);
    assert_eq!(caller.client.as_deref(), Some("agent:dunning-client"));
    assert_eq!(&*caller.issuer, "countersign");
    // The user's groups, and nothing of the agent's.
    assert_eq!(caller.groups, [Group::from("ops")].into());
    assert_eq!(caller.scopes, ["read".into()].into());
    assert_eq!(caller.expires_at, NOW.plus(Span::from_seconds(300)));
}

#[test]
fn only_registered_agents_and_services_act() {
    let user = riley();
    let service = Party::made_up(caller("ci", CallerKind::Service), Origin::Configured);
    check(&user, &agent("agent:dunning"), Ok(&["agent:dunning"]));
    check(&user, &service, Ok(&["ci"]));
    let other = Party::made_up(caller("olivia", CallerKind::Person), Origin::Configured);
    check(&user, &other, Err(ExchangeFault::ActorIsAPerson));
    let unknown = Party::made_up(caller("agent:rogue", CallerKind::Agent), Origin::Configured);
    check(&user, &unknown, Err(ExchangeFault::ActorNotRegistered));
}

#[test]
fn subject_and_actor_can_not_be_swapped() {
    check(&agent("agent:dunning"), &riley(), Err(ExchangeFault::ActorIsAPerson));
    let (one, other) = (agent("agent:dunning"), agent("agent:second"));
    check(&one, &other, Err(ExchangeFault::SubjectIsNoPerson));
    let service = Party::made_up(caller("ci", CallerKind::Service), Origin::Configured);
    check(&service, &other, Err(ExchangeFault::SubjectIsNoPerson));
}

#[test]
fn an_actor_proves_itself_with_its_own_token() {
    let own = Party { origin: Origin::Own, ..agent("agent:dunning") };
    check(&riley(), &own, Err(ExchangeFault::ActorTokenIsExchanged));
    let delegated = by(&riley(), &["agent:dunning"]);
    check(&riley(), &delegated, Err(ExchangeFault::ActorTokenIsExchanged));
    let chained = but(agent("agent:dunning"), |it| it.actors = vec!["agent:second".into()]);
    check(&riley(), &chained, Err(ExchangeFault::ActorTokenIsExchanged));
}

#[test]
fn chains_grow_by_one_and_never_turn() {
    let first = by(&riley(), &["agent:dunning"]);
    check(&first, &agent("agent:second"), Ok(&["agent:second", "agent:dunning"]));
    // The same agent again would only live longer.
    check(&first, &agent("agent:dunning"), Err(ExchangeFault::ActorChainCycle));
    let second = by(&riley(), &["agent:second", "agent:dunning"]);
    check(&second, &agent("agent:dunning"), Err(ExchangeFault::ActorChainCycle));
    let four = by(&riley(), &["a", "b", "c", "d"]);
    check(&four, &agent("agent:second"), Ok(&["agent:second", "a", "b", "c", "d"]));
    let five = by(&riley(), &["a", "b", "c", "d", "e"]);
    check(&five, &agent("agent:second"), Err(ExchangeFault::ActorChainTooLong));
    let itself = Party::made_up(caller("riley", CallerKind::Service), Origin::Configured);
    check(&riley(), &itself, Err(ExchangeFault::ActorChainCycle));
}

#[test]
fn may_act_names_the_only_actor_for_good() {
    let named = |subject: &str| Some(MayAct { subject: subject.into() });
    let user = Party { may_act: named("agent:dunning"), ..riley() };
    check(&user, &agent("agent:dunning"), Ok(&["agent:dunning"]));
    check(&user, &agent("agent:second"), Err(ExchangeFault::NotAllowedToAct));
    let exchanged = asked(&user, &agent("agent:dunning"), &Wishes::default(), &world(&[]));
    assert_eq!(exchanged.unwrap().may_act(), Some(&"agent:dunning".into()));
    let next = Party { may_act: named("agent:dunning"), ..by(&riley(), &["agent:dunning"]) };
    check(&next, &agent("agent:second"), Err(ExchangeFault::NotAllowedToAct));
}

#[test]
fn nobody_suspended_takes_part() {
    let (user, second) = (by(&riley(), &["agent:dunning"]), agent("agent:second"));
    for (suspended, expect) in [
        ("riley", ExchangeFault::SubjectSuspended),
        ("agent:second", ExchangeFault::ActorSuspended),
        ("sue", ExchangeFault::SponsorSuspended),
        ("agent:dunning", ExchangeFault::ActorSuspended),
        ("sam", ExchangeFault::SponsorSuspended),
    ] {
        let found = asked(&user, &second, &Wishes::default(), &world(&[suspended]));
        assert_eq!(found, Err(expect), "{suspended}");
    }
    assert!(asked(&user, &second, &Wishes::default(), &world(&["olivia"])).is_ok());
}

#[test]
fn scopes_only_narrow() {
    let user = but(riley(), |it| it.scopes = ["read".into(), "admin".into()].into());
    let wish = |scopes: &[&str]| Wishes {
        scopes: Some(scopes.iter().map(|it| (*it).into()).collect()),
        client: None,
    };
    for (wanted, expect) in [
        (vec!["read"], Ok(1)),
        (vec![], Ok(0)),
        // The user's alone, the agent's alone, nobody's.
        (vec!["admin"], Err(ExchangeFault::ScopeExceeded)),
        (vec!["write"], Err(ExchangeFault::ScopeExceeded)),
        (vec!["read", "other"], Err(ExchangeFault::ScopeExceeded)),
    ] {
        let found = asked(&user, &agent("agent:dunning"), &wish(&wanted), &world(&[]));
        assert_eq!(found.map(|it| it.caller().scopes.len()), expect, "{wanted:?}");
    }
}

#[test]
fn a_token_outlives_neither_of_its_parents() {
    let ends = |seconds: i64| NOW.plus(Span::from_seconds(seconds));
    for (of_user, of_agent, expect) in [
        (900, 900, Ok(300)),
        (120, 900, Ok(120)),
        (900, 90, Ok(90)),
        // Accepted by the skew of clocks only.
        (-5, 900, Err(ExchangeFault::EndsNow)),
        (900, 0, Err(ExchangeFault::EndsNow)),
    ] {
        let user = but(riley(), |it| it.expires_at = ends(of_user));
        let actor = but(agent("agent:dunning"), |it| it.expires_at = ends(of_agent));
        let found = asked(&user, &actor, &Wishes::default(), &world(&[]));
        let found = found.map(|it| it.expires_at());
        assert_eq!(found, expect.map(ends), "{of_user} and {of_agent}");
    }
}

#[test]
fn where_it_came_from_is_kept_and_the_older_of_both_counts() {
    let ago = |seconds: i64| Some(NOW.minus(Span::from_seconds(seconds)));
    let user = but(riley(), |it| it.issued.session = Some("s1".into()));
    for (of_user, of_agent, expect) in [
        (ago(60), ago(10), ago(60)),
        (ago(10), ago(60), ago(60)),
        (None, ago(1), None),
        (ago(1), None, None),
    ] {
        let user = but(user.clone(), |it| it.issued.at = of_user);
        let actor = but(agent("agent:dunning"), |it| it.issued.at = of_agent);
        let first = asked(&user, &actor, &Wishes::default(), &world(&[])).unwrap();
        let issued = first.caller().issued.clone();
        assert_eq!(
            (issued.issuer.as_deref(), issued.session.as_deref()),
            (Some("acme"), Some("s1"))
        );
        assert_eq!(issued.at, expect);
        // Along the chain too.
        let first = Party::made_up(first.caller().clone(), Origin::Own);
        let next = asked(&first, &agent("agent:second"), &Wishes::default(), &world(&[])).unwrap();
        assert_eq!(next.caller().issued.issuer.as_deref(), Some("acme"));
    }
}

#[test]
fn a_subjects_bound_token_is_nobody_elses_to_use() {
    for name in ["jkt", "x5t#S256"] {
        let claims = json!({"cnf": {name: "A".repeat(43)}});
        let bound = Bound::read(claims.as_object().unwrap()).unwrap().map(Arc::new);
        let subject = Party { bound: bound.clone(), ..riley() };
        check(&subject, &agent("agent:dunning"), Err(ExchangeFault::SubjectTokenIsBound));
        // An actor is made of what shows to be its holder.
        let actor = Party { bound, ..agent("agent:dunning") };
        check(&riley(), &actor, Ok(&["agent:dunning"]));
    }
}

#[test]
fn an_assertion_asks_with_what_it_is_bound_to_and_so_does_what_comes_of_it() {
    let (own, other) = (Some(Thumbprint([7; 32])), Some(Thumbprint([8; 32])));
    let shown = |key: Option<[u8; 32]>, shown| Confirmation { key, certificate: None, shown };
    let certificate = json!({"x5t#S256": URL_SAFE_NO_PAD.encode([7; 32])});
    let both = json!({
        "jkt": URL_SAFE_NO_PAD.encode([9; 32]), "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32]),
    });
    let check = |cnf: &Value, shown: Confirmation, expect: Result<&Value, &str>| {
        let claims = json!({ "cnf": cnf });
        let bound = Bound::read(claims.as_object().unwrap()).unwrap().map(Arc::new);
        let held = shown.of_assertion(Party { bound, ..riley() });
        let held = held.map(|(asserted, confirmation)| {
            assert!(asserted.is_bound());
            confirmation.claim().unwrap()
        });
        assert_eq!(held.as_ref().map_err(|it| it.code()), expect, "{cnf}");
    };
    check(&certificate, shown(None, own), Ok(&certificate));
    check(&certificate, shown(None, None), Err("certificate_missing"));
    check(&certificate, shown(None, other), Err("certificate_mismatch"));
    check(&both, shown(Some([9; 32]), own), Ok(&both));
    check(&both, shown(None, own), Err("proof_missing"));
    check(&both, shown(Some([1; 32]), own), Err("proof_key_mismatch"));
    check(&both, shown(Some([9; 32]), other), Err("certificate_mismatch"));
    // A key beside it binds the new token too.
    check(&certificate, shown(Some([9; 32]), own), Ok(&both));
    let (asserted, confirmation) = shown(None, own).of_assertion(riley()).unwrap();
    assert!(!asserted.is_bound() && confirmation.claim().is_none());
}

#[test]
fn a_client_is_who_it_says() {
    for (said, fine) in [("agent:dunning-client", true), ("web", false), ("", false)] {
        let wishes = Wishes { scopes: None, client: Some(said.to_owned()) };
        let found = asked(&riley(), &agent("agent:dunning"), &wishes, &world(&[]));
        assert_eq!(found.is_ok(), fine, "{said}");
    }
}

#[test]
fn an_assertion_is_for_the_client_that_shows_it() {
    let assertion = |client: &str| but(riley(), |it| it.client = Some(client.into()));
    let judged = |assertion: &Party, client: &Party| {
        let world = world(&[]);
        let terms = Terms { snapshot: &world, now: NOW, lifetime: Span::from_seconds(300) };
        let assertion = Asserted::made_up(assertion.clone());
        assert_identity(&assertion, &Actor::made_up(client.clone()), &Wishes::default(), terms)
            .map(|it| it.caller().actors.clone())
    };
    let dunning = agent("agent:dunning");
    let chain = vec![Subject::from("agent:dunning")];
    assert_eq!(judged(&assertion("agent:dunning-client"), &dunning), Ok(chain.clone()));
    let mismatch = Err(ExchangeFault::ClientMismatch);
    assert_eq!(judged(&assertion("agent:second-client"), &dunning), mismatch);
    assert_eq!(judged(&assertion("agent:dunning-client"), &agent("agent:second")), mismatch);
    // The same text of another issuer is another client.
    let elsewhere = but(dunning.clone(), |it| it.issuer = "other".into());
    assert_eq!(judged(&assertion("agent:dunning-client"), &elsewhere), mismatch);
    let nameless = but(dunning.clone(), |it| it.client = None);
    let for_nobody = but(riley(), |it| it.client = None);
    assert_eq!(judged(&for_nobody, &nameless), mismatch);
    // The provider named the agent as the actor itself.
    let named = but(assertion("agent:dunning-client"), |it| it.actors.clone_from(&chain));
    assert_eq!(judged(&named, &dunning), Ok(chain));
    let turned = but(assertion("agent:dunning-client"), |it| {
        it.actors = vec!["agent:second".into(), "agent:dunning".into()];
    });
    assert_eq!(judged(&turned, &dunning), Err(ExchangeFault::ActorChainCycle));
    let swapped = judged(&assertion("web"), &riley());
    assert_eq!(swapped, Err(ExchangeFault::ActorIsAPerson));
}

#[test]
fn every_fault_has_a_code_of_its_own_and_says_what_to_do() {
    let codes: BTreeSet<_> = ExchangeFault::ALL.iter().map(|it| it.code()).collect();
    assert_eq!(codes.len(), ExchangeFault::ALL.len());
    for fault in ExchangeFault::ALL {
        assert!(fault.sentence().ends_with('.') && fault.next_step().ends_with('.'), "{fault:?}");
        // RFC 6749 §5.2.
        let plain = |it: u8| matches!(it, b' '..=b'~') && it != b'"' && it != b'\\';
        assert!(fault.sentence().bytes().all(plain), "{fault:?}");
    }
}
