//! Attacks the judge of SAML responses, from the reader of XML to the person: with documents that nobody
//! signed, with genuine ones whose pieces were moved and hidden, and with assertions that the provider's
//! key has signed. Nobody is believed whom the provider's signature does not cover.
//!
//! The first byte says what an input is: `r` a response as it stands, `s` changes of a genuine response,
//! `e` the same of an assertion that is encrypted afterwards, `x` the same of one that is shown by itself,
//! and `a` an assertion to be signed, with `REQUEST` in place of the request that it answers.

#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_identity::{
    Http, IssuerConfig, SamlAnswer, SamlConfig, SamlPending, SamlRequest, SamlSignIn,
    SamlSurroundings, Use, UseOnce, Verifier,
};
use countersign_model::{Caller, Clock, Entropy, Timestamp};
use idp::{Draft, Envelope, Idp, Keys, MORE, Pair, Style};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use splice::spliced;
use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicI64, Ordering},
};
use tokio::runtime::{Builder, Runtime};

#[expect(dead_code, reason = "what its own tests need beyond this")]
#[path = "../../crates/countersign-identity/tests/it/saml/idp.rs"]
mod idp;
#[path = "../splice.rs"]
mod splice;

const NOW: i64 = 1_800_000_000;
const ENTITY: &str = "https://idp.example/metadata";
const ORIGIN: &str = "https://gateway.example";
const AUDIENCE: &str = "https://gateway.example/console/saml/corp/metadata";
const RECIPIENT: &str = "https://gateway.example/console/saml/corp/response";
const ENDPOINT: &str = "https://gateway.example/oauth/token";
const ALICE: &str = "alice@example.com";

struct World {
    runtime: Runtime,
    sign_in: SamlSignIn,
    verifier: Verifier,
    pending: SamlPending,
    request: String,
    once: UseOnce,
    seconds: Arc<AtomicI64>,
    idp: Idp,
    style: Style,
    /// A genuine response with a signed assertion, one that is signed as a whole, one with both.
    genuine: [String; 3],
    /// A genuine assertion for the token endpoint.
    shown: String,
    pieces: Vec<String>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    countersign_identity::install_crypto();
    let seconds = Arc::new(AtomicI64::new(NOW));
    let told = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_millis(told.load(Ordering::SeqCst) * 1000));
    let idp = Idp::new(&Pair::elliptic());
    let sign_in = sign_in(&idp, clock.clone());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let entropy = Entropy::new(|bytes| bytes.fill(7));
    let (request, pending) = runtime.block_on(sign_in.begin(&entropy)).expect("a request");
    let SamlRequest::Address(request) = request else { panic!("a form") };
    let request = idp::request_of(&url::Url::parse(&request).expect("an address"));
    let request = between(&request, " ID=\"", "\"");
    let style = Style { method: format!("{MORE}ecdsa-sha256"), ..Style::default() };
    let draft = Draft::new(&request);
    let bare = draft.assertion();
    let signed = idp.sign_as(&bare, &style);
    let genuine = [
        draft.response(&signed),
        idp.sign_as(&draft.response(&bare), &style),
        idp.sign_as(&draft.response(&signed), &style),
    ];
    let shown = Draft { recipient: ENDPOINT.into(), ..draft.clone() };
    let shown = idp.sign_as(&shown.assertion(), &style);
    let issuer: IssuerConfig = serde_json::from_value(json!({
        "name": "acme", "url": "https://acme.example", "audiences": [ORIGIN],
    }))
    .expect("a configuration");
    let world = World {
        verifier: Verifier::new(vec![issuer], Http::new(), clock).expect("no fault"),
        pieces: pieces(&bare, &signed, &genuine, &shown),
        once: UseOnce::new(|_, _| async { Ok(Use::First) }),
        runtime,
        sign_in,
        pending,
        request,
        seconds,
        idp,
        style,
        genuine,
        shown,
    };
    for genuine in &world.genuine {
        is_alice(&world.respond(genuine).expect("a genuine response passes"));
    }
    is_alice(&world.show(&world.shown).expect("a genuine assertion passes"));
    let sealed = draft.response(&Envelope::default().seal(&signed));
    is_alice(&world.respond(&sealed).expect("an encrypted assertion passes"));
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let Some((kind, rest)) = bytes.split_first() else { return };
    match (kind, rest.split_first()) {
        (b'r', _) => {
            let Ok(response) = std::str::from_utf8(rest) else { return };
            assert!(world.respond(response).is_none(), "nobody has signed {response}");
            assert!(world.show(response).is_none(), "nobody has signed {response}");
        }
        (b's', Some((which, script))) => {
            let genuine = &world.genuine[usize::from(*which) % world.genuine.len()];
            let changed = spliced(genuine, &world.pieces, script);
            world.respond(&changed).iter().for_each(is_alice);
        }
        (b'e', _) => {
            let draft = Draft::new(&world.request);
            let signed = world.idp.sign_as(&draft.assertion(), &world.style);
            let changed = spliced(&signed, &world.pieces, rest);
            let sealed = Envelope::default().seal(&changed);
            world.respond(&draft.response(&sealed)).iter().for_each(is_alice);
        }
        (b'x', _) => {
            let changed = spliced(&world.shown, &world.pieces, rest);
            world.show(&changed).iter().for_each(is_alice);
        }
        (b'a', _) => {
            let Ok(assertion) = std::str::from_utf8(rest) else { return };
            let assertion = assertion.replace("REQUEST", &world.request);
            // The provider signs what has an ID and an issuer.
            if !assertion.contains(" ID=\"") || !assertion.contains("</saml:Issuer>") {
                return;
            }
            let signed = world.idp.sign_as(&assertion, &world.style);
            if let Some(caller) = world.respond(&Draft::new(&world.request).response(&signed)) {
                read_again(&assertion, &caller, RECIPIENT);
            }
            if let Some(caller) = world.show(&signed) {
                read_again(&assertion, &caller, ENDPOINT);
            }
        }
        _ => {}
    }
});

impl World {
    fn respond(&self, response: &str) -> Option<Caller> {
        self.next_second();
        let answer = SamlAnswer::from_form(idp::form(response.as_bytes()).as_bytes()).ok()?;
        let finish = self.sign_in.finish(Some(&self.pending), &answer, &self.once);
        let signed_in = self.runtime.block_on(finish).ok()?;
        Some(signed_in.caller)
    }

    fn show(&self, assertion: &str) -> Option<Caller> {
        self.next_second();
        let text = URL_SAFE_NO_PAD.encode(assertion);
        let providers = std::slice::from_ref(&self.sign_in);
        let party = self.runtime.block_on(self.verifier.prove_saml(&text, providers)).ok()?;
        Some((**party.caller()).clone())
    }

    /// There are so many sign-ins a second, so each is in another one; never more than one away.
    fn next_second(&self) {
        self.seconds.fetch_xor(1, Ordering::SeqCst);
    }
}

/// The one person of whom the provider signed anything.
fn is_alice(caller: &Caller) {
    assert_eq!(caller.subject.as_str(), "corp:alice@example.com");
    let groups: Vec<_> = caller.groups.iter().map(|it| it.as_str()).collect();
    assert_eq!(groups, ["corp:ops", "corp:staff"]);
    assert_eq!((caller.name.as_deref(), caller.email.as_deref()), (Some("Alice"), Some(ALICE)));
    assert!(caller.actors.is_empty() && caller.client.is_none());
    assert_eq!(&*caller.issuer, "corp");
}

/// Another reading of what passed: it is in canonical form, so what counts stands in it as text.
fn read_again(assertion: &str, caller: &Caller, recipient: &str) {
    assert!(assertion.contains(&format!("Recipient=\"{recipient}\"")));
    assert!(assertion.contains(&format!(">{AUDIENCE}</")));
    assert!(assertion.contains(&format!(">{ENTITY}</")));
    assert!(["<!", "<?", "]]>", "/>"].iter().all(|it| !assertion.contains(it)), "{assertion}");
    let name = caller.subject.as_str().strip_prefix("corp:").expect("the prefix");
    let escaped = |it: &str| it.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(assertion.contains(&format!(">{}</", escaped(name))), "{name} in {assertion}");
    for group in &caller.groups {
        let group = group.as_str().strip_prefix("corp:").expect("the prefix");
        assert!(assertion.contains(&format!(">{}</", escaped(group))), "{group} in {assertion}");
    }
    assert!(caller.expires_at > Timestamp::from_millis((NOW - 61) * 1000));
}

/// What known attacks are made of.
fn pieces(bare: &str, signed: &str, genuine: &[String; 3], shown: &str) -> Vec<String> {
    let signature = |it: &str| {
        format!("<ds:Signature {}</ds:Signature>", between(it, "<ds:Signature ", "</ds:Signature>"))
    };
    let evil = bare.replace(ALICE, "mallory@evil.example").replace(">ops<", ">admins<");
    let other = evil.replace("_assertion-1", "_evil");
    let literal = [
        "<!-- -->",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x y?>",
        "<!DOCTYPE r>",
        "&e;",
        "&#97;",
        "<ds:Object>",
        "</ds:Object>",
        "<samlp:Extensions>",
        "</samlp:Extensions>",
        "</saml:Issuer>",
        "</ds:Signature>",
        "</saml:Assertion>",
        "</samlp:Response>",
        "<saml:Advice>",
        "</saml:Advice>",
        " xmlns:ds=\"urn:x\"",
        " xmlns:q=\"1\"",
        " xmlns=\"\"",
        " ID=\"_evil\"",
        " Id=\"_assertion-1\"",
        "#_assertion-1",
        "#_response-1",
        "_assertion-1",
        "_response-1",
        "_evil",
        "URI=\"\"",
        "mallory@evil.example",
        ALICE,
        ">ops<",
        ">admins<",
        " ",
        "\n",
        "\r",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "#WithComments",
        "ecdsa-sha256",
        "hmac-sha256",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "<saml:AttributeValue>admins",
    ];
    let signatures = [signature(signed), signature(&genuine[1]), signature(shown)];
    let whole = [bare, signed, &genuine[0], &genuine[1], shown, &evil, &other].map(str::to_owned);
    literal.map(str::to_owned).into_iter().chain(signatures).chain(whole).collect()
}

fn sign_in(idp: &Idp, clock: Clock) -> SamlSignIn {
    let keys = Keys::shared();
    let directory = std::env::temp_dir().join(format!("countersign-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let place = |name: &str| directory.join(name);
    for (name, text) in [
        ("saml.key", &keys.own.pem),
        ("saml.crt", &keys.own.certificate_pem),
        ("idp.xml", &idp.metadata("")),
    ] {
        std::fs::write(place(name), text).expect("a file");
    }
    let config: SamlConfig = serde_json::from_value(json!({
        "name": "corp", "entity_id": ENTITY, "metadata": {"file": place("idp.xml")},
        "key": {"file": place("saml.key")}, "certificate": place("saml.crt"),
        "attributes": {"subject_prefix": "corp:"}, "exchange": {}, "metadata_refresh": "24h",
    }))
    .expect("a configuration");
    let surroundings = SamlSurroundings { providers: &[], issuers: &[], public_url: ORIGIN };
    SamlSignIn::new(config, surroundings, Http::new(), clock, |_| None).expect("a provider")
}

fn between(text: &str, from: &str, to: &str) -> String {
    let (_, rest) = text.split_once(from).expect("its begin");
    rest.split_once(to).expect("its end").0.to_owned()
}
