//! Attacks the reader of SAML metadata: with documents as whoever answers at the address could write them,
//! where the provider's key is pinned, and with changes of a document that a federation has signed. Whatever is
//! taken, a browser is led to a web address and, where the document is signed, to the provider's own; and nobody
//! is believed whom a key signed that is not pinned or vouched for.
//!
//! The first byte says what an input is: `p` a document as it stands, `s` changes of the provider's own, both
//! with a pinned key; `f` changes of the signed one.

#![no_main]

use countersign_identity::{
    Http, SamlAnswer, SamlConfig, SamlRequest, SamlSignIn, SamlSurroundings, Use, UseOnce,
};
use countersign_model::{Clock, Entropy, Timestamp};
use idp::{Draft, Idp, Keys, MORE, Pair, Style};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use splice::spliced;
use std::{path::PathBuf, sync::LazyLock};
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
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

struct World {
    runtime: Runtime,
    http: Http,
    directory: PathBuf,
    once: UseOnce,
    provider: Idp,
    attacker: Idp,
    style: Style,
    own: String,
    signed: String,
    pieces: Vec<String>,
    pinned: Value,
    vouched: Value,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    countersign_identity::install_crypto();
    let [provider, federation, attacker] = [(); 3].map(|()| Idp::new(&Pair::elliptic()));
    let style = Style { method: format!("{MORE}ecdsa-sha256"), ..Style::default() };
    let keys = Keys::shared();
    let directory = std::env::temp_dir().join(format!("countersign-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    for (name, text) in [
        ("saml.key", &keys.own.pem),
        ("saml.crt", &keys.own.certificate_pem),
        ("federation.crt", &federation.pair.certificate_pem),
    ] {
        std::fs::write(directory.join(name), text).expect("a file");
    }
    let own = provider.metadata("");
    let signed = vouched_for(&own, &federation, &style);
    let world = World {
        pieces: pieces(&own, &signed, &attacker.metadata("")),
        pinned: json!({"signing_certificates": [provider.pair.fingerprint()]}),
        vouched: json!({"metadata_certificate": directory.join("federation.crt")}),
        runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
        http: Http::new(),
        once: UseOnce::new(|_, _| async { Ok(Use::First) }),
        directory,
        provider,
        attacker,
        style,
        own,
        signed,
    };
    for (document, trust) in [(&world.own, &world.pinned), (&world.signed, &world.vouched)] {
        let taken = world.read(document.as_bytes(), trust).expect("it is taken");
        assert!(world.believes(&taken, &world.provider), "the provider signs people in");
    }
    world
});

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let Some((kind, rest)) = bytes.split_first() else { return };
    let (document, trust) = match kind {
        b'p' => (rest.to_vec(), &world.pinned),
        b's' => (spliced(&world.own, &world.pieces, rest).into_bytes(), &world.pinned),
        b'f' => (spliced(&world.signed, &world.pieces, rest).into_bytes(), &world.vouched),
        _ => return,
    };
    let Some(taken) = world.read(&document, trust) else { return };
    assert!(["http", "https"].contains(&taken.place.scheme()), "{}", taken.place);
    assert!(
        taken.place.has_host() && taken.place.query().is_some_and(|it| it.contains("SAMLRequest="))
    );
    if *kind == b'f' {
        assert!(
            taken.place.as_str().starts_with("https://idp.example/sso?tenant=1&"),
            "{}",
            taken.place
        );
        assert!(world.believes(&taken, &world.provider));
    }
    assert!(!world.believes(&taken, &world.attacker), "nobody vouched for this key");
});

/// Metadata that were taken, and a sign-in by them.
struct Taken {
    sign_in: SamlSignIn,
    place: url::Url,
    pending: countersign_identity::SamlPending,
    request: String,
}

impl World {
    /// Begins a sign-in with the provider of a document, if the document is taken.
    fn read(&self, document: &[u8], trust: &Value) -> Option<Taken> {
        let place = self.directory.join("idp.xml");
        std::fs::write(&place, document).expect("a file");
        let mut config = json!({
            "name": "corp", "entity_id": ENTITY, "metadata": {"file": place},
            "key": {"file": self.directory.join("saml.key")},
            "certificate": self.directory.join("saml.crt"),
            "request_binding": "redirect", "attributes": {"subject_prefix": "corp:"},
        });
        config.as_object_mut()?.extend(trust.as_object()?.clone());
        let config: SamlConfig = serde_json::from_value(config).expect("a configuration");
        let surroundings = SamlSurroundings { providers: &[], issuers: &[], public_url: ORIGIN };
        let clock = Clock::stopped_at(Timestamp::from_millis(NOW * 1000));
        let sign_in = SamlSignIn::new(config, surroundings, self.http.clone(), clock, |_| None);
        let sign_in = sign_in.expect("a provider");
        let entropy = Entropy::new(|bytes| bytes.fill(7));
        let (request, pending) = self.runtime.block_on(sign_in.begin(&entropy)).ok()?;
        let SamlRequest::Address(address) = request else { panic!("a form") };
        let place = url::Url::parse(&address).expect("an address");
        // The last one is ours: a document may have put another into its own address.
        let query = place.query_pairs().filter(|(name, _)| name == "SAMLRequest").last();
        let ours = format!("https://x/?SAMLRequest={}", escaped(&query?.1));
        let request = idp::request_of(&url::Url::parse(&ours).expect("an address"));
        let (_, request) = request.split_once(" ID=\"").expect("its ID");
        let request = request.split_once('"').expect("its end").0.to_owned();
        Some(Taken { sign_in, place, pending, request })
    }

    fn believes(&self, taken: &Taken, signer: &Idp) -> bool {
        let draft = Draft::new(&taken.request);
        let response = draft.response(&signer.sign_as(&draft.assertion(), &self.style));
        let answer = SamlAnswer::from_form(idp::form(response.as_bytes()).as_bytes());
        let answer = answer.expect("a form");
        let finish = taken.sign_in.finish(Some(&taken.pending), &answer, &self.once);
        self.runtime.block_on(finish).is_ok()
    }
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The provider's metadata as a federation signs them: in canonical form, with an end.
fn vouched_for(own: &str, federation: &Idp, style: &Style) -> String {
    let (_, text) = own.trim_end().split_once("-->\n").expect("its root");
    let text = text.replace("\n   ", " ").replace("/>", "></md:SingleSignOnService>");
    let text = text.replace(&format!(" xmlns:ds=\"{DS}\""), "");
    let text = text.replace("<ds:KeyInfo>", &format!("<ds:KeyInfo xmlns:ds=\"{DS}\">"));
    let text = text.replace(" entityID=", " ID=\"_m\" entityID=");
    let until = format!("\"{ENTITY}\" validUntil=\"{}\"", idp::time(NOW + 86_400));
    let text = text.replace(&format!("\"{ENTITY}\""), &until);
    let signature = federation.signature(&text, style);
    text.replacen('>', &format!(">{signature}"), 1)
}

/// What attacks on metadata are made of.
fn pieces(own: &str, signed: &str, evil: &str) -> Vec<String> {
    let within = |it: &str, from: &str, to: &str| {
        let (_, rest) = it.split_once(from).expect("its begin");
        format!("{from}{}{to}", rest.split_once(to).expect("its end").0)
    };
    let role = ("<md:IDPSSODescriptor", "</md:IDPSSODescriptor>");
    let key = ("<md:KeyDescriptor", "</md:KeyDescriptor>");
    let text = ("<ds:X509Certificate>", "</ds:X509Certificate>");
    let mut pieces: Vec<String> = [
        "<!-- -->",
        "<!--",
        "-->",
        "<!DOCTYPE r>",
        "<?x y?>",
        "<![CDATA[",
        "&e;",
        " use=\"signing\"",
        " use=\"encryption\"",
        " ID=\"_m\"",
        " ID=\"_evil\"",
        "#_m",
        "URI=\"\"",
        "https://idp.example/sso?tenant=1",
        "https://evil.example/sso",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "\\\\evil.example",
        "<ds:Object>",
        "</ds:Object>",
        "<md:Extensions>",
        "</md:Extensions>",
        "</md:EntityDescriptor>",
        "<md:EntitiesDescriptor>",
        "</md:EntitiesDescriptor>",
        " xmlns:md=\"urn:x\"",
        " xmlns:q=\"1\"",
        " validUntil=\"2099-01-01T00:00:00Z\"",
        " validUntil=\"2001-01-01T00:00:00Z\"",
        ENTITY,
        "urn:evil",
        "HTTP-Redirect",
        "HTTP-POST",
        " ",
        "\n",
        "SAMLRequest=x",
    ]
    .map(str::to_owned)
    .into();
    for document in [own, evil] {
        pieces.extend([role, key, text].map(|(from, to)| within(document, from, to)));
        pieces.push(document.to_owned());
    }
    pieces.push(within(signed, "<ds:Signature ", "</ds:Signature>"));
    pieces.push(signed.to_owned());
    pieces
}
