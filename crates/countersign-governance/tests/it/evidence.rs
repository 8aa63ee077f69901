//! Evidence of a real campaign: opened, answered, signed for, closed; then verified with the product and
//! without it, whole and with any byte changed.

use crate::{
    device::{Device, Said},
    passkeys::of,
    world::{
        CUSTOMER, REFUND, STATUS, World, actor, ada, group, new_grant, olivia, on_both, subject,
    },
};
use countersign_governance::{
    Actor, ItemFilter, NewAnswer, NewCampaign, Pack, PackOptions, read_archive, verify_pack,
};
use countersign_model::{
    CampaignId, Digest, GrantId, Span,
    review::{
        CampaignRules, Covers, ReviewVerdict, ReviewerRule, Scope, SignOff, SignOffProof,
        schedule::{ReasonNeeded, Stage, StageMode},
    },
};
use std::{collections::BTreeMap, path::Path, process::Command};

on_both!(
    r20_a_sign_off_by_a_passkey_is_in_the_pack_and_verifies_for_ever,
    r20_a_campaign_has_one_pack_whoever_hands_it_out,
    r20_only_who_sees_every_grant_and_the_owner_take_it,
    r20_a_sample_is_drawn_again_and_stands_in_the_ledger,
    r03_what_was_made_meanwhile_is_in_the_pack_as_not_reviewed,
);

fn otto() -> Actor {
    actor("otto", &[])
}

fn cora() -> Actor {
    actor("cora", &[])
}

fn rules() -> CampaignRules {
    CampaignRules {
        owner: "cora".into(),
        stages: vec![Stage { reviewers: vec![ReviewerRule::Owner], mode: StageMode::AnyOne }],
        fallback: vec!["fay".into()],
        duration: Span::from_days(14),
        grace: Span::from_days(7),
        reminders: vec![],
        look_back: Span::from_days(90),
        breaker_percent: 100,
        bulk_max: 100,
        reason: ReasonNeeded::AgainstRecommendation,
    }
}

/// A campaign over three grants, as an attacker of pages would name things.
pub(crate) struct Review {
    pub(crate) id: CampaignId,
    customer: GrantId,
    refund: GrantId,
    status: GrantId,
}

pub(crate) async fn open(world: &World) -> Review {
    let add = async |holder, function, reason: &str| {
        let mut new = new_grant(holder, &[function]);
        reason.clone_into(&mut new.reason);
        world.governance.add_grant(&ada(), new).await.unwrap().id
    };
    let customer = add(subject("riley"), CUSTOMER, "=HYPERLINK(\"http://evil\")").await;
    let refund = add(subject("agent:dunning"), REFUND, "reminders").await;
    let status = add(group("support"), STATUS, "<script>alert(1)</script>").await;
    world.pass(Span::from_days(1));
    let new = NewCampaign {
        title: "Quarter <b>1</b>".to_owned(),
        scope: Scope::default(),
        rules: rules(),
    };
    let campaign = world.governance.open_campaign(&ada(), new).await.unwrap();
    Review { id: campaign.id, customer, refund, status }
}

async fn answer(world: &World, by: &Actor, id: CampaignId, grant: GrantId, verdict: ReviewVerdict) {
    world.pass(Span::from_seconds(30));
    let answer = NewAnswer {
        grant,
        version: 1,
        verdict,
        reason: "@asked, \"twice\"\nand again".to_owned(),
        seen_ms: Some(4_000),
    };
    let done = world.governance.answer_items(by, id, vec![answer]).await.unwrap();
    done.into_iter().next().unwrap().result.unwrap();
}

fn by_sign_in(world: &World) -> SignOffProof {
    SignOffProof::SignIn { signed_in_at: world.now() }
}

/// Answers, signs, closes, signs for the whole.
pub(crate) async fn finish(world: &World, review: &Review) {
    let governance = &world.governance;
    answer(world, &olivia(), review.id, review.customer, ReviewVerdict::Certify).await;
    answer(world, &olivia(), review.id, review.refund, ReviewVerdict::Revoke).await;
    answer(world, &otto(), review.id, review.status, ReviewVerdict::Certify).await;
    world.pass(Span::from_seconds(1));
    for who in [olivia(), otto()] {
        governance.sign_off(&who, review.id, Covers::Own, by_sign_in(world)).await.unwrap();
    }
    world.pass(Span::from_seconds(1));
    // The first look notes what every gateway serves, the second sees it.
    for _ in 0..3 {
        governance.run_reviews().await.unwrap();
    }
    governance.sign_off(&cora(), review.id, Covers::Campaign, by_sign_in(world)).await.unwrap();
    let text = "The third grant was asked about by phone.";
    governance.add_addendum(&cora(), review.id, None, text).await.unwrap();
    prove(world).await;
}

/// Until the log's checkpoint covers all entries, and they are proved.
async fn prove(world: &World) {
    for _ in 0..200 {
        world.governance.prove_places(&world.log()).await.unwrap();
        let mut view = world.governance.store().view().await.unwrap();
        let waiting = view.unproven_places(world.governance.gateway(), None).await.unwrap();
        if waiting.is_empty() {
            return;
        }
        drop(view);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the entries were not proved in ten seconds");
}

async fn pack(world: &World, id: CampaignId) -> Pack {
    world.governance.evidence_pack(&ada(), id).await.unwrap()
}

async fn r20_a_campaign_has_one_pack_whoever_hands_it_out(world: World) {
    let review = open(&world).await;
    finish(&world, &review).await;
    let first = pack(&world, review.id).await;
    let verified = verify_pack(&first.bytes, &PackOptions::default()).unwrap();
    assert_eq!((verified.items, verified.answers), (3, 3));
    assert_eq!(verified.state, "signed_off");
    assert_eq!(verified.unchecked, Vec::<String>::new());
    assert_eq!(verified.vkeys.len(), 1);
    let known = PackOptions { vkeys: verified.vkeys };
    verify_pack(&first.bytes, &known).unwrap();
    let other = PackOptions { vkeys: vec!["other.example+00000000+AAAA".to_owned()] };
    assert!(verify_pack(&first.bytes, &other).is_err(), "another key was asked for");

    world.pass(Span::from_days(400));
    assert_eq!(pack(&world, review.id).await, first, "the same a year later");
    let beside = world.beside("two").await;
    assert_eq!(pack(&beside, review.id).await, first, "the same from another gateway");
    let taken = world.entries("review.evidence");
    assert_eq!(taken.len(), 2, "who took it stands in the ledger");
    assert_eq!(taken[0]["digest"], first.digest.to_string());
    assert_eq!(taken[0]["by"], "ada");

    let (directory, files) = read_archive(&first.bytes).unwrap();
    assert_eq!(directory, review.id.to_string());
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    let decisions = text("decisions.csv");
    assert_eq!(decisions.lines().count(), 4);
    for line in decisions.lines().skip(1) {
        assert!(
            line.ends_with(|it: char| it.is_ascii_alphanumeric()),
            "backed by an entry: {line}"
        );
        assert!(line.contains("\"'@asked, \"\"twice\"\" and again\""), "{line}");
    }
    assert!(text("remediation.csv").lines().nth(1).unwrap().contains("revoked,olivia"));
    let page = text("report.html");
    assert!(page.contains("Quarter &lt;b&gt;1&lt;/b&gt;") && !page.contains("<script"));
    for outside in ["http://", "https://", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside} in the page");
    }
    let population: serde_json::Value = serde_json::from_str(&text("population.json")).unwrap();
    assert_eq!(population["faults"], serde_json::json!([]));
    assert_eq!(population["closing"]["grants"], 2);
    assert!(text("notices.csv").contains("review_waits,olivia"));
}

async fn r20_a_sign_off_by_a_passkey_is_in_the_pack_and_verifies_for_ever(world: World) {
    let governance = &world.governance;
    let review = open(&world).await;
    let device = Device::curve();
    let passkey = governance.add_passkey(&cora(), of(&device)).await.unwrap().id;
    let spare = governance.add_passkey(&cora(), of(&Device::edwards(5))).await.unwrap().id;
    answer(&world, &olivia(), review.id, review.customer, ReviewVerdict::Certify).await;
    answer(&world, &olivia(), review.id, review.refund, ReviewVerdict::Revoke).await;
    answer(&world, &otto(), review.id, review.status, ReviewVerdict::Certify).await;
    world.pass(Span::from_seconds(1));
    for who in [olivia(), otto()] {
        governance.sign_off(&who, review.id, Covers::Own, by_sign_in(&world)).await.unwrap();
    }
    world.pass(Span::from_seconds(1));
    for _ in 0..3 {
        governance.run_reviews().await.unwrap();
    }
    let filter = ItemFilter { campaign: Some(review.id), ..ItemFilter::default() };
    let items = governance.items(&ada(), &filter).await.unwrap().items;
    let all: Vec<u8> = items.iter().flat_map(|it| it.decision().0).collect();
    let thing =
        SignOff::signed_digest(review.id, &"cora".into(), Covers::Campaign, 3, &Digest::of(&all));
    let signed = device.sign(passkey, &thing, &Said::default());
    let proof = SignOffProof::Passkey { passkey: Box::new(signed) };
    governance.sign_off(&cora(), review.id, Covers::Campaign, proof).await.unwrap();
    prove(&world).await;
    let first = pack(&world, review.id).await;
    let verified = verify_pack(&first.bytes, &PackOptions::default()).unwrap();
    assert_eq!(verified.unchecked, Vec::<String>::new());
    let text = String::from_utf8_lossy(&first.bytes).into_owned();
    assert!(text.contains(&format!("passkey {passkey} at https://gateway.example")));
    assert!(!text.contains(&spare.to_string()), "what signed nothing is nobody's business");
    // It is removed, and what it signed stands.
    world.pass(Span::from_days(1));
    governance.remove_passkey(&cora(), passkey).await.unwrap();
    prove(&world).await;
    assert_eq!(pack(&world, review.id).await, first);
}

async fn r20_only_who_sees_every_grant_and_the_owner_take_it(world: World) {
    let review = open(&world).await;
    let governance = &world.governance;
    for who in [ada(), actor("gwen", &["audit"]), cora()] {
        assert!(governance.evidence_pack(&who, review.id).await.is_ok(), "{}", who.name);
    }
    for who in [olivia(), otto(), actor("riley", &[])] {
        let refused = governance.evidence_pack(&who, review.id).await.unwrap_err();
        assert_eq!(refused.code(), "no_such_campaign", "{}", who.name);
        let refused = governance.sample_items(&who, review.id, "s", 1).await.unwrap_err();
        assert_eq!(refused.code(), "no_such_campaign", "{}", who.name);
    }
}

async fn r20_a_sample_is_drawn_again_and_stands_in_the_ledger(world: World) {
    let review = open(&world).await;
    let governance = &world.governance;
    let gwen = actor("gwen", &["audit"]);
    let first = governance.sample_items(&gwen, review.id, "2027-Q1", 2).await.unwrap();
    let again = governance.sample_items(&gwen, review.id, "2027-Q1", 2).await.unwrap();
    assert_eq!(first, again);
    assert_eq!((first.items.len(), first.of), (2, 3));
    let drawn = world.entries("review.evidence");
    assert_eq!(drawn[0]["took"], "sample");
    assert_eq!(drawn[0]["seed"], "2027-Q1");
    assert_eq!(drawn[0]["digest"], first.digest.to_string());
    for (seed, size) in [("", 1), ("a\nb", 1), ("s", 0), ("s", 1_001)] {
        let refused = governance.sample_items(&gwen, review.id, seed, size).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_review", "{seed:?} {size}");
    }
}

async fn r03_what_was_made_meanwhile_is_in_the_pack_as_not_reviewed(world: World) {
    let review = open(&world).await;
    world.pass(Span::from_seconds(60));
    let late = world.grant(&ada(), subject("lena"), STATUS).await;
    finish(&world, &review).await;
    let pack = pack(&world, review.id).await;
    verify_pack(&pack.bytes, &PackOptions::default()).unwrap();
    let files = read_archive(&pack.bytes).unwrap().1;
    let table = String::from_utf8(files["made_meanwhile.csv"].clone()).unwrap();
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with(&late.to_string()) && row.ends_with(",no"), "{row}");
    let decisions = String::from_utf8(files["decisions.csv"].clone()).unwrap();
    assert!(!decisions.contains(&late.to_string()));
    // What becomes of it later does not change the evidence.
    world.governance.revoke_grant(&ada(), late, "over").await.unwrap();
    assert_eq!(self::pack(&world, review.id).await, pack);
}

/// Where each file's bytes begin in the archive.
fn places(bytes: &[u8]) -> BTreeMap<String, (usize, usize)> {
    let (mut at, mut found) = (0, BTreeMap::new());
    while bytes[at] != 0 {
        let name = String::from_utf8_lossy(&bytes[at..at + 100]);
        let name = name.trim_end_matches('\0').split_once('/').unwrap().1.to_owned();
        let size = std::str::from_utf8(&bytes[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        found.insert(name, (at + 512, size));
        at += 512 + size.div_ceil(512) * 512;
    }
    found
}

/// Runs the verifier of a pack, which needs no product: what it says, and how it ends.
fn without_the_product(script: &Path, pack: &Path) -> (String, i32) {
    let done = Command::new("python3").arg(script).arg(pack).output().unwrap();
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (said, done.status.code().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r20_any_changed_byte_is_named_with_and_without_the_product() {
    let world = World::sqlite().await;
    let review = open(&world).await;
    finish(&world, &review).await;
    let Pack { bytes, .. } = pack(&world, review.id).await;
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("trusted.py");
    let at = places(&bytes);
    let (from, size) = at["verify.py"];
    std::fs::write(&script, &bytes[from..from + size]).unwrap();
    let file = place.path().join("pack.tar");
    std::fs::write(&file, &bytes).unwrap();
    let (said, code) = without_the_product(&script, &file);
    assert_eq!(code, 0, "a good pack: {said}");
    assert!(said.contains("everything holds"), "{said}");

    // Unpacked by somebody else's tools, the sums and the script hold too.
    let unpacked = place.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let done = Command::new("tar").arg("xf").arg(&file).arg("-C").arg(&unpacked).status().unwrap();
    assert!(done.success(), "tar reads it");
    let folder = unpacked.join(review.id.to_string());
    let sums = ["--strict", "--quiet", "-c", "SHA256SUMS"];
    let done = Command::new("sha256sum").args(sums).current_dir(&folder).status().unwrap();
    assert!(done.success(), "sha256sum reads the sums");
    assert_eq!(without_the_product(&folder.join("verify.py"), &folder).1, 0);

    assert!(at.len() > 20, "every file is tried");
    for (name, (from, size)) in &at {
        for place in [0, size / 2, size - 1] {
            let mut changed = bytes.clone();
            changed[from + place] ^= 0x01;
            let line = bytes[*from..from + place].iter().filter(|it| **it == b'\n').count() + 1;
            let faults = verify_pack(&changed, &PackOptions::default()).unwrap_err();
            let is_sums = ["SHA256SUMS", "LINESUMS", "manifest.json"].contains(&name.as_str());
            let named = faults.iter().any(|it| {
                it.file == *name && (is_sums || it.line.is_none_or(|found| found == line))
            });
            assert!(named, "{name}:{line}, byte {place}: {faults:?}");
            std::fs::write(&file, &changed).unwrap();
            let (said, code) = without_the_product(&script, &file);
            assert_eq!(code, 1, "{name}:{line}, byte {place}: {said}");
            let named = if is_sums { name.clone() } else { format!("{name}:{line}") };
            assert!(said.contains(&named), "{name}:{line}, byte {place}: {said}");
        }
    }
    for length in [0, 100, 512, bytes.len() / 2, bytes.len() - 1] {
        assert!(verify_pack(&bytes[..length], &PackOptions::default()).is_err());
        std::fs::write(&file, &bytes[..length]).unwrap();
        assert_eq!(without_the_product(&script, &file).1, 1, "cut at {length}");
    }
}
