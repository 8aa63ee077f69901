//! AES-CBC: opened where the configuration allows it and the provider has signed the response around it,
//! and nowhere else. What then fails in the dark fails with one answer.

use super::{
    Stage,
    idp::{Draft, Envelope, Idp, Keys},
    outcome,
};
use aws_lc_rs::{
    cipher::{
        AES_128, AES_192, AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey,
    },
    iv::FixedLength,
};
use serde_json::json;

const ALICE: &str = "corp:alice@example.com";

/// A plain text, encrypted with CBC.
#[derive(Clone)]
struct Cbc {
    name: &'static str,
    how: &'static Algorithm,
    key_bytes: usize,
    padding: Padding,
    /// What becomes of vector and text afterwards.
    bend: fn(&mut Vec<u8>),
    envelope: fn() -> Envelope,
}

/// What stands behind the text, up to the end of a block.
#[derive(Clone, Copy)]
enum Padding {
    /// The last byte counts, the others are these (XML Encryption 1.1 §5.2).
    Filled(u8),
    /// Each byte counts (PKCS #7).
    Counted,
    /// The last byte is this, whatever was added.
    LastIs(u8),
}

impl Cbc {
    fn usual() -> Self {
        Self {
            name: "aes256-cbc",
            how: &AES_256,
            key_bytes: 32,
            padding: Padding::Filled(0x5A),
            bend: |_| {},
            envelope: Envelope::default,
        }
    }

    fn seal(&self, plain: &str) -> String {
        let mut bytes = plain.as_bytes().to_vec();
        let added = 16 - bytes.len() % 16;
        let count = u8::try_from(added).unwrap();
        let (fill, last) = match self.padding {
            Padding::Filled(fill) => (fill, count),
            Padding::Counted => (count, count),
            Padding::LastIs(last) => (0, last),
        };
        bytes.resize(bytes.len() + added - 1, fill);
        bytes.push(last);
        let secret = vec![7; self.key_bytes];
        let key = UnboundCipherKey::new(self.how, &secret).unwrap();
        let key = EncryptingKey::cbc(key).unwrap();
        let vector = EncryptionContext::Iv128(FixedLength::from([3; 16]));
        key.less_safe_encrypt(&mut bytes, vector).unwrap();
        bytes.splice(0..0, [3; 16]);
        (self.bend)(&mut bytes);
        let names = [
            ("aes128-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
            ("aes192-cbc", "http://www.w3.org/2001/04/xmlenc#aes192-cbc"),
            ("aes256-cbc", "http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
            ("tripledes-cbc", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        ];
        let (_, content) = names.into_iter().find(|(name, _)| *name == self.name).unwrap();
        Envelope { content, ..(self.envelope)() }.around(&secret, &bytes)
    }
}

fn open() -> Stage {
    Stage::with(json!({"aes_cbc": "in_signed_responses"}))
}

#[tokio::test]
async fn cbc_is_opened_in_a_signed_response_where_the_configuration_says_so() {
    let stage = open();
    let usual = Cbc::usual();
    let table = [
        usual.clone(),
        Cbc { name: "aes128-cbc", how: &AES_128, key_bytes: 16, ..usual.clone() },
        Cbc { name: "aes192-cbc", how: &AES_192, key_bytes: 24, ..usual.clone() },
        Cbc { padding: Padding::Counted, ..usual.clone() },
        Cbc { padding: Padding::Filled(0), ..usual.clone() },
    ];
    for (place, cbc) in table.iter().enumerate() {
        // Each length of padding, too: an ID longer by one each time.
        for more in 0..16 {
            stage.next_second();
            let waiting = stage.begin().await;
            let id = format!("_c{place}{}", "x".repeat(more));
            let draft = Draft { id, ..waiting.draft() };
            let plain = match more % 2 {
                0 => draft.assertion(),
                _ => stage.idp.sign(&draft.assertion()),
            };
            let response = stage.idp.sign(&draft.response(&cbc.seal(&plain)));
            let result = stage.finish(&waiting, &response).await;
            assert_eq!(outcome(&result), ALICE, "{}, {more}: {result:?}", cbc.name);
        }
    }
    // What the signature does for CBC it does not undo for anything else.
    let waiting = stage.begin().await;
    let draft = Draft { id: "_gcm".into(), ..waiting.draft() };
    let sealed = Envelope::default().seal(&stage.idp.sign(&draft.assertion()));
    assert_eq!(outcome(&stage.finish(&waiting, &draft.response(&sealed)).await), ALICE);
}

type Make = fn(&Draft, &Idp, &Cbc) -> String;
/// What is refused, under which setting, how it is encrypted and put together, and the code.
type Row<'r> = (&'r str, &'r serde_json::Value, &'r Cbc, Make, &'r str);
type Plain = fn(&Draft, &Idp) -> String;

#[tokio::test]
async fn cbc_is_refused_before_anything_is_decrypted() {
    let signed: Make = |draft, idp, cbc| idp.sign(&draft.response(&cbc.seal(&draft.assertion())));
    let inside: Make = |draft, idp, cbc| draft.response(&cbc.seal(&idp.sign(&draft.assertion())));
    let usual = Cbc::usual();
    let old = Cbc { name: "tripledes-cbc", ..usual.clone() };
    let rsa15 = Cbc {
        envelope: || Envelope { transport: RSA_1_5, ..Envelope::default() },
        ..usual.clone()
    };
    let (off, on) = (json!({}), json!({"aes_cbc": "in_signed_responses"}));
    let table: &[Row<'_>] = &[
        ("the setting is off", &off, &usual, signed, "encryption_not_allowed"),
        (
            "the setting is off, and nothing is signed",
            &off,
            &usual,
            inside,
            "encryption_not_allowed",
        ),
        ("only the assertion inside is signed", &on, &usual, inside, "encryption_not_allowed"),
        (
            "nothing is signed",
            &on,
            &usual,
            |draft, _, cbc| draft.response(&cbc.seal(&draft.assertion())),
            "encryption_not_allowed",
        ),
        (
            "the response is signed by somebody else",
            &on,
            &usual,
            |draft, _, cbc| {
                let attacker = Idp::new(&Keys::shared().attacker);
                attacker.sign(&draft.response(&cbc.seal(&draft.assertion())))
            },
            "signature_invalid",
        ),
        ("the ciphertext was changed after it was signed", &on, &usual, changed, "digest_mismatch"),
        (
            "a signed assertion, and an encrypted one behind it",
            &on,
            &usual,
            one_behind_another,
            "assertion_count",
        ),
        (
            "the signature is moved to the assertion's envelope",
            &on,
            &usual,
            moved,
            "encryption_not_allowed",
        ),
        ("3DES", &on, &old, signed, "encryption_not_allowed"),
        ("a key by PKCS #1 v1.5", &on, &rsa15, signed, "encryption_not_allowed"),
    ];
    for (name, setting, cbc, make, code) in table {
        let stage = Stage::with((*setting).clone());
        let waiting = stage.begin().await;
        let result = stage.finish(&waiting, &make(&waiting.draft(), &stage.idp, cbc)).await;
        assert_eq!(outcome(&result), *code, "{name}: {result:?}");
    }
}

fn changed(draft: &Draft, idp: &Idp, cbc: &Cbc) -> String {
    let one = cbc.seal(&draft.assertion());
    let other = cbc.seal(&draft.assertion().replace("alice", "mallo"));
    assert_ne!(one, other);
    idp.sign(&draft.response(&one)).replace(&one, &other)
}

fn one_behind_another(draft: &Draft, idp: &Idp, cbc: &Cbc) -> String {
    let other = Draft { id: "_other".into(), ..draft.clone() };
    let both = format!("{}{}", idp.sign(&draft.assertion()), cbc.seal(&other.assertion()));
    idp.sign(&draft.response(&both))
}

fn moved(draft: &Draft, idp: &Idp, cbc: &Cbc) -> String {
    let signature = idp.signature(&draft.assertion(), &super::idp::Style::default());
    let sealed = cbc.seal(&draft.assertion());
    draft.response(&sealed.replacen("><xenc", &format!(">{signature}<xenc"), 1))
}

/// Signed by the provider, and wrong inside: whoever could have that made learns nothing from it.
#[tokio::test]
async fn whatever_goes_wrong_inside_of_cbc_has_one_answer() {
    let stage = open();
    let usual = Cbc::usual;
    let plain: Plain = |draft, _| draft.assertion();
    let table: Vec<(&str, Cbc, Plain)> = vec![
        ("padding of nothing", Cbc { padding: Padding::LastIs(0), ..usual() }, plain),
        ("padding of 17", Cbc { padding: Padding::LastIs(17), ..usual() }, plain),
        ("padding of 255", Cbc { padding: Padding::LastIs(255), ..usual() }, plain),
        (
            "padding too long by little",
            Cbc { padding: Padding::LastIs(16), ..usual() },
            |draft, _| format!("{}   ", draft.assertion()),
        ),
        ("a vector that was changed", Cbc { bend: |it| it[1] ^= 1, ..usual() }, plain),
        ("a block that was changed", Cbc { bend: |it| it[40] ^= 1, ..usual() }, plain),
        (
            "the last block changed",
            Cbc { bend: |it| *it.last_mut().unwrap() ^= 1, ..usual() },
            plain,
        ),
        ("half a block", Cbc { bend: |it| it.truncate(it.len() - 8), ..usual() }, plain),
        ("a block less", Cbc { bend: |it| it.truncate(it.len() - 16), ..usual() }, plain),
        ("a vector alone", Cbc { bend: |it| it.truncate(16), ..usual() }, plain),
        ("half a vector", Cbc { bend: |it| it.truncate(8), ..usual() }, plain),
        ("no bytes", Cbc { bend: Vec::clear, ..usual() }, plain),
        (
            "a key for somebody else",
            Cbc {
                envelope: || Envelope {
                    key: Keys::shared().attacker.clone(),
                    ..Envelope::default()
                },
                ..usual()
            },
            plain,
        ),
        ("a key that is too short", Cbc { how: &AES_128, key_bytes: 16, ..usual() }, plain),
        ("no XML", usual(), |_, _| "alice".to_owned()),
        ("nothing", usual(), |_, _| String::new()),
        ("a document type", usual(), |draft, _| format!("<!DOCTYPE r>{}", draft.assertion())),
        ("two assertions", usual(), |draft, _| draft.assertion().repeat(2)),
        ("another element", usual(), |_, _| "<x/>".to_owned()),
        ("a signature of somebody else", usual(), |draft, _| {
            Idp::new(&Keys::shared().attacker).sign(&draft.assertion())
        }),
        ("a signature of something else", usual(), |draft, idp| {
            idp.sign(&draft.assertion()).replace("alice@", "mallory@")
        }),
        ("a signature without its parts", usual(), |draft, idp| {
            idp.sign(&draft.assertion()).replace("ds:SignatureValue", "ds:Object")
        }),
    ];
    let mut answers = Vec::new();
    for (name, cbc, make) in table {
        stage.next_second();
        let waiting = stage.begin().await;
        let sealed = cbc.seal(&make(&waiting.draft(), &stage.idp));
        let response = stage.idp.sign(&waiting.draft().response(&sealed));
        let refused = stage.finish(&waiting, &response).await.expect_err(name);
        assert_eq!(refused.code(), "decryption_failed", "{name}: {refused:?}");
        answers.push(refused);
    }
    // Not a word more for one than for another, in the log either.
    assert!(answers.windows(2).all(|it| it[0] == it[1]), "{answers:?}");
    // What is read and is not for us is told: nothing of it was guessed.
    let waiting = stage.begin().await;
    let draft = Draft { conditions: String::new(), ..waiting.draft() };
    let response = stage.idp.sign(&draft.response(&usual().seal(&draft.assertion())));
    assert_eq!(outcome(&stage.finish(&waiting, &response).await), "audience_mismatch");
}

#[test]
fn our_metadata_offer_cbc_only_where_it_is_opened() {
    let cbc = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/>";
    assert!(!Stage::new().sign_in.metadata().contains(cbc));
    let metadata = open().sign_in.metadata();
    let (gcm, _) = metadata.split_once(cbc).unwrap();
    assert!(gcm.contains("xmlenc11#aes256-gcm"), "the better one stands first: {metadata}");
}

const RSA_1_5: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
