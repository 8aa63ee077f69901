//! Attacks by somebody who makes every file and every sum anew: only the ledger's entries and their
//! proofs stand in the way. What the product finds, the verifier of the pack finds too.

mod device;
mod passkeys;

use super::{PackOptions, verify_pack};
use crate::evidence::{
    archive, digests,
    facts::{Facts, Line, MadeMeanwhile},
    render, tables,
};
use countersign_ledger::{
    Log, LogOptions, Prover, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    CampaignId, Digest, Epoch, Grant, GrantId, Holder, Sensitivity, Span, Timestamp,
    grant::{GrantOrigin, GrantState},
    ids::EntryId,
    record::{
        Entry, Event, GrantChange, GrantChanged, PasskeyChanged, ReviewChange, ReviewChanged,
        ReviewClosed, ReviewDecided, ReviewOpened, ReviewSignOffProof, ReviewSignedOff,
    },
    review::{
        Answer, Campaign, CampaignOrigin, CampaignRules, CampaignState, Covers, GrantUsage, Item,
        ItemResult, ItemState, Outcome, Recommendation, ReviewVerdict, Scope, SignOff,
        SignOffProof,
        campaign::{Addendum, Opening},
        item::{Advice, Change, ItemSnapshot, Peers, Reviewer},
        schedule::ReasonNeeded,
    },
};
use std::{collections::BTreeMap, process::Command};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn after(seconds: i64) -> Timestamp {
    NOW.plus(Span::from_seconds(seconds))
}

fn campaign_id(number: u8) -> CampaignId {
    CampaignId::from_bytes([number; 16])
}

fn snapshot(number: u8) -> ItemSnapshot {
    let grant = Grant {
        id: GrantId::from_bytes([number; 16]),
        version: 1,
        holder: Holder::Subject(format!("holder-{number}").as_str().into()),
        functions: vec!["billing.customers.get".into()],
        tags: vec![],
        reason: "support \u{e9}\u{1f600} \"quoted\"".to_owned(),
        constraints: vec!["args.amount <= 50.0".to_owned()],
        rate: None,
        made_by: "ada".into(),
        made_at: NOW.minus(Span::from_days(400)),
        origin: GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: None,
        state: GrantState::Active,
    };
    let mut usage = GrantUsage { used: 17, ..GrantUsage::default() };
    // Numbers that two writers of JSON could write in two ways.
    let argument = countersign_model::review::usage::ArgumentUsage {
        present: 3,
        least: Some(0.1),
        greatest: Some(1e21),
        values: [0.5, 100.0, 1e-7, 123_456_789_012_345_680.0, 2.5e-9]
            .map(|it| (serde_json::Value::from(it), 1))
            .to_vec(),
        ..Default::default()
    };
    let function = countersign_model::review::usage::FunctionUsage {
        used: 17,
        arguments: [("amount".to_owned(), argument)].into(),
        ..Default::default()
    };
    usage.functions.insert("billing.customers.get".into(), function);
    ItemSnapshot {
        grant,
        functions: vec!["billing.customers.get".into()],
        sensitivity: Sensitivity::Medium,
        usage,
        peers: Peers::default(),
        changes: vec![],
        recommendation: Recommendation {
            advice: Advice::Certify,
            reasons: vec![Change { code: "used".to_owned(), sentence: "It was used.".to_owned() }],
        },
    }
}

fn item(number: u8, answers: Vec<Answer>, result: ItemResult) -> Item {
    let snapshot = snapshot(number);
    let by = answers.iter().map(|it| it.by.clone()).collect();
    Item {
        campaign: campaign_id(1),
        grant: snapshot.grant.id,
        digest: snapshot.digest(),
        snapshot,
        stage: 0,
        reviewers: vec![Reviewer { subject: "olivia".into(), why: "owner".to_owned(), since: NOW }],
        answers,
        state: ItemState::Decided(Outcome {
            result,
            at: after(120),
            by,
            epoch: Epoch(4),
            verified_at: Some(after(125)),
            version: 1,
            before: None,
            narrowed_from: None,
        }),
    }
}

fn answer(verdict: ReviewVerdict) -> Answer {
    let against = verdict.is_against(Advice::Certify);
    Answer {
        by: "olivia".into(),
        at: after(120),
        stage: 0,
        version: 1,
        verdict,
        reason: "asked".to_owned(),
        against,
        together: 1,
        seen_ms: Some(9_000),
        void: None,
    }
}

/// A campaign of three items, signed for, whose entries stand in a log.
fn campaign(number: u8) -> Campaign {
    let rules = CampaignRules {
        owner: "cora".into(),
        stages: vec![],
        fallback: vec![],
        duration: Span::from_days(14),
        grace: Span::from_days(7),
        reminders: vec![],
        look_back: Span::from_days(90),
        breaker_percent: 20,
        bulk_max: 100,
        reason: ReasonNeeded::AgainstRecommendation,
    };
    Campaign {
        id: campaign_id(number),
        title: "Quarter 1".to_owned(),
        origin: CampaignOrigin::ByHand { by: "ada".into() },
        scope: Scope::default(),
        rules,
        due_at: NOW.plus(Span::from_days(14)),
        grace_until: NOW.plus(Span::from_days(21)),
        opening: None,
        state: CampaignState::Open,
        confirmed: vec![],
        reminded: 0,
        sign_offs: vec![],
        addenda: vec![],
    }
}

fn facts() -> Facts {
    let items = vec![
        item(1, vec![answer(ReviewVerdict::Certify)], ItemResult::Certified),
        item(2, vec![answer(ReviewVerdict::Revoke)], ItemResult::Revoked),
        item(3, vec![], ItemResult::NotReviewed),
    ];
    let mut campaign = campaign(1);
    let report = format!(
        "{{\"campaign\":\"{}\",\"not_reviewed\":[{{\"grant\":\"{}\",\"holder\":\"lena\"}}]}}",
        campaign.id,
        GrantId::from_bytes([9; 16])
    );
    let digest = Digest::of(report.as_bytes());
    campaign.opening = Some(Opening {
        at: NOW,
        epoch: Epoch(3),
        catalog: Digest::of(b"catalog"),
        scope: digests::scope(&campaign),
        items: 3,
        excluded: BTreeMap::from([("out_of_scope".to_owned(), 5)]),
        digest: digests::snapshot(&items),
        counted_until: BTreeMap::from([("one".to_owned(), NOW)]),
    });
    for (covers, by) in [(Covers::Own, "olivia"), (Covers::Campaign, "cora")] {
        let (at, proof) = (after(300), SignOffProof::SignIn { signed_in_at: after(290) });
        let empty =
            SignOff { by: by.into(), at, covers, items: 0, digest: Digest::default(), proof };
        let (items, digest) = digests::covered(&items, &empty);
        campaign.sign_offs.push(SignOff { items, digest, ..empty });
    }
    campaign.state =
        CampaignState::SignedOff { closed_at: after(200), at: after(300), report: digest };
    let text = "by phone".to_owned();
    campaign.addenda.push(Addendum { by: "cora".into(), at: after(400), grant: None, text });
    let made = MadeMeanwhile {
        grant: GrantId::from_bytes([9; 16]),
        version: 1,
        holder: "lena".to_owned(),
        functions: vec![],
        tags: vec![],
        reason: String::new(),
        made_by: "ada".into(),
        made_at: after(60),
    };
    let mut facts = Facts {
        campaign,
        agents: ["holder-2".into()].into(),
        items,
        made_meanwhile: vec![made],
        notices: vec![],
        entries: vec![],
        report: Some(report),
    };
    facts.entries = log("log.example/one", 7, &entries(&facts, None));
    facts
}

fn opened(campaign: &Campaign) -> Event {
    let opening = campaign.opening.clone().unwrap();
    Event::ReviewOpened(Box::new(ReviewOpened {
        campaign: campaign.id,
        title: campaign.title.clone(),
        origin: campaign.origin.clone(),
        owner: campaign.rules.owner.clone(),
        scope: opening.scope,
        epoch: opening.epoch,
        catalog: opening.catalog,
        items: opening.items,
        excluded: opening.excluded.clone(),
        digest: opening.digest,
        due_at: campaign.due_at,
        grace_until: campaign.grace_until,
    }))
}

/// What the ledger says of a campaign.
fn entries(facts: &Facts, added: impl IntoIterator<Item = PasskeyChanged>) -> Vec<Entry> {
    let Facts { campaign, items, .. } = facts;
    let CampaignState::SignedOff { report, .. } = campaign.state else {
        panic!("it is signed off")
    };
    let mut events = vec![opened(campaign)];
    for item in items {
        let answer = item.answers.first();
        events.push(Event::ReviewDecided(Box::new(ReviewDecided {
            campaign: campaign.id,
            grant: item.grant,
            version: 1,
            by: answer.map(|it| it.by.clone()),
            verdict: answer.map(|it| it.verdict.name().to_owned()),
            stage: 0,
            answer: answer.map(|it| tables::as_given(it).digest()),
            snapshot: item.digest,
            result: item.state.result(),
        })));
        if item.state.result() == Some(ItemResult::Revoked) {
            events.push(Event::GrantChanged(GrantChanged {
                grant: item.grant,
                version: 1,
                change: GrantChange::Revoked,
                by: "olivia".into(),
                digest: Digest::of(b"grant"),
            }));
        }
    }
    events.extend(campaign.sign_offs.iter().map(|it| {
        Event::ReviewSignedOff(ReviewSignedOff {
            campaign: campaign.id,
            by: it.by.clone(),
            covers: it.covers,
            items: it.items,
            digest: it.digest,
            proof: ReviewSignOffProof::from(&it.proof),
        })
    }));
    events.push(Event::ReviewClosed(ReviewClosed {
        campaign: campaign.id,
        report,
        results: BTreeMap::new(),
        made_meanwhile: 1,
    }));
    events.push(Event::ReviewChanged(Box::new(ReviewChanged {
        campaign: campaign.id,
        grant: None,
        change: ReviewChange::Addendum,
        by: Some("cora".into()),
        reviewers: vec![],
        until: None,
        would_end: None,
        text: Some(Digest::of(b"by phone")),
    })));
    events.extend(added.into_iter().map(Event::PasskeyChanged));
    let id = |place: usize| {
        let mut bytes = [0; 16];
        bytes[15] = u8::try_from(place).unwrap() + 1;
        EntryId::from_bytes(bytes)
    };
    let entry = |(place, event)| Entry::new(id(place), after(120), event);
    events.into_iter().enumerate().map(entry).collect()
}

/// Writes entries into a log of their own, and proves them.
fn log(origin: &str, seed: u8, entries: &[Entry]) -> Vec<Line> {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("log");
    let key = SigningKey::from_seed(&[seed; 32]).unwrap();
    let log = Log::open(&directory, origin, key, LogOptions::default()).unwrap();
    let fill = Box::new(|bytes: &mut [u8]| bytes.fill(5));
    let segments =
        Segments::open(&place.path().join("segments"), SegmentOptions::default(), fill).unwrap();
    let (writer, closer) = Writer::start(log, segments, WriterOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        writer.append(b"{\"something\":\"else\"}".to_vec()).await.unwrap();
        for entry in entries {
            writer.append(entry.to_bytes()).await.unwrap();
        }
    });
    closer.close().unwrap();
    let mut prover = Prover::open(&directory).unwrap();
    let line = |(index, entry): (u64, &Entry)| Line {
        id: entry.id,
        gateway: "one".to_owned(),
        index,
        entry: String::from_utf8(entry.to_bytes()).unwrap(),
        vkey: Some(prover.vkey()),
        proof: Some(prover.prove(index).unwrap()),
    };
    (1..).zip(entries).map(line).collect()
}

/// Everything made anew from facts, with all sums.
fn packed(facts: &Facts) -> Vec<u8> {
    archive::write(&facts.campaign.id.to_string(), &render::files(facts))
}

/// How the verifier that needs no product ends, and what it says.
fn without_the_product(pack: &[u8], more: &[&str]) -> (i32, String) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("verify.py"), render::VERIFIER).unwrap();
    std::fs::write(place.path().join("pack.tar"), pack).unwrap();
    let mut python = Command::new("python3");
    let done = python.args(["verify.py", "pack.tar"]).args(more).current_dir(place.path()).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    (done.status.code().unwrap(), said.into_owned())
}

/// Both verifiers must find it, and say so.
fn found(what: &str, facts: &Facts, says: &str) {
    let pack = packed(facts);
    let faults = verify_pack(&pack, &PackOptions::default()).unwrap_err();
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|it| it.contains(says)), "{what}: {said:#?}");
    let (code, said) = without_the_product(&pack, &[]);
    assert_eq!(code, 1, "{what}: {said}");
    assert!(said.contains(says), "{what}: {said}");
}

#[test]
fn a_good_pack_holds_for_both() {
    let facts = facts();
    let pack = packed(&facts);
    let verified = verify_pack(&pack, &PackOptions::default()).unwrap();
    assert_eq!((verified.items, verified.answers, verified.entries), (3, 2, 9));
    assert_eq!(verified.unchecked, Vec::<String>::new());
    let (code, said) = without_the_product(&pack, &[]);
    assert_eq!(code, 0, "{said}");
    let key = facts.entries[0].vkey.clone().unwrap();
    assert_eq!(without_the_product(&pack, &["--vkey", &key]).0, 0);
    let other =
        SigningKey::from_seed(&[8; 32]).unwrap().verifier_key("log.example/one").to_string();
    assert_eq!(without_the_product(&pack, &["--vkey", &other]).0, 1);
    let options = PackOptions { vkeys: vec![other] };
    assert!(verify_pack(&pack, &options).is_err());
    let again = Facts::read(&archive::read(&pack).unwrap().1).unwrap();
    assert_eq!(render::files(&again), render::files(&facts), "what is written is read");
}

#[test]
fn a_changed_decision_is_found() {
    let mut forged = facts();
    forged.items[0].answers[0].verdict = ReviewVerdict::Revoke;
    found("another verdict", &forged, "no entry of the ledger backs the answer of olivia");
    let mut forged = facts();
    forged.items[0].answers[0].reason = "because".to_owned();
    found("another reason", &forged, "no entry of the ledger backs the answer of olivia");
    let mut forged = facts();
    forged.items[1].answers[0].by = "otto".into();
    found("another reviewer", &forged, "no entry of the ledger backs the answer of otto");
    let mut forged = facts();
    forged.items[0].answers[0].at = after(60);
    found("another time", &forged, "backs an answer that is not in items.json");
    let mut forged = facts();
    let ItemState::Decided(outcome) = &mut forged.items[1].state else { panic!("decided") };
    outcome.result = ItemResult::Certified;
    found("another outcome", &forged, "the decisions are not those that cora signed for");
    let mut forged = facts();
    forged.items[1].answers.clear();
    found("no answer any more", &forged, "backs an answer that is not in items.json");
}

#[test]
fn items_that_are_missing_changed_or_out_of_order_are_found() {
    let says = "the items are not those of the opening";
    let mut forged = facts();
    forged.items.remove(1);
    found("a missing item", &forged, says);
    let mut forged = facts();
    forged.items.push(item(4, vec![], ItemResult::NotReviewed));
    found("one more item", &forged, says);
    let mut forged = facts();
    forged.items.swap(0, 2);
    found("another order", &forged, says);
    let mut forged = facts();
    forged.items[0].snapshot.usage.used = 0;
    found("another use", &forged, "the snapshot is not the one that its digest is of");
    let mut forged = facts();
    forged.items[0].snapshot.recommendation.advice = Advice::Revoke;
    forged.items[0].digest = forged.items[0].snapshot.digest();
    found("another recommendation", &forged, says);
    let mut forged = facts();
    forged.campaign.rules.breaker_percent = 90;
    found("other rules", &forged, "scope and rules are not those of the opening");
    let mut forged = facts();
    forged.campaign.opening.as_mut().unwrap().excluded.clear();
    found("fewer exclusions", &forged, "no entry of the ledger has this opening");
}

#[test]
fn sign_offs_reports_and_addenda_are_those_of_the_ledger() {
    let mut forged = facts();
    forged.campaign.sign_offs[1].by = "mallory".into();
    found("somebody else signed", &forged, "no entry of the ledger backs the sign-off of mallory");
    let mut forged = facts();
    let sign_off = forged.campaign.sign_offs[0].clone();
    forged.campaign.sign_offs.push(SignOff { by: "otto".into(), ..sign_off });
    found("one more signed", &forged, "no entry of the ledger backs the sign-off of otto");
    let mut forged = facts();
    forged.report = Some("{\"not_reviewed\":[]}".to_owned());
    found("another report", &forged, "is not the report that the ledger has");
    let mut forged = facts();
    forged.campaign.addenda[0].text = "by letter".to_owned();
    found("another addendum", &forged, "no entry of the ledger backs the addendum of cora");
}

#[test]
fn entries_of_another_campaign_and_proofs_of_other_entries_are_found() {
    let mut forged = facts();
    // Another campaign's sign-off, truly in the log of that name.
    let mut other = facts();
    other.campaign.id = campaign_id(2);
    other.entries = log("log.example/one", 7, &entries(&other, None));
    let signed =
        other.entries.iter().position(|it| it.entry.contains("review.signed_off")).unwrap();
    forged.entries[signed] = other.entries[signed].clone();
    found("another campaign's sign-off", &forged, "is about another campaign");

    let mut forged = facts();
    let proof = forged.entries[1].proof.clone();
    forged.entries[1].proof = forged.entries[2].proof.clone();
    forged.entries[2].proof = proof;
    let faults = verify_pack(&packed(&forged), &PackOptions::default()).unwrap_err();
    assert!(
        faults.iter().any(|it| it.file == "ledger/entries.json" && it.line == Some(3)),
        "{faults:?}"
    );
    let (code, said) = without_the_product(&packed(&forged), &[]);
    assert!(code == 1 && said.contains("ledger/entries.json:3"), "swapped proofs: {said}");

    // A decision that was never made, in a log of the forger's with the same name.
    let mut forged = facts();
    forged.items[0].answers[0].verdict = ReviewVerdict::Revoke;
    forged.entries = log("log.example/one", 66, &entries(&forged, None));
    let pack = packed(&forged);
    let key = facts().entries[0].vkey.clone().unwrap();
    let options = PackOptions { vkeys: vec![key.clone()] };
    let faults = verify_pack(&pack, &options).unwrap_err();
    assert!(faults.iter().any(|it| it.what.contains("another key")), "{faults:?}");
    assert_eq!(
        without_the_product(&pack, &["--vkey", &key]).0,
        1,
        "another log is found by its key"
    );

    // The log's own name and key, with a signature that is not its own.
    let mut forged = facts();
    for line in &mut forged.entries {
        let proof = line.proof.take().unwrap();
        let (head, signature) = proof.trim_end().rsplit_once(' ').unwrap();
        let mut signature: Vec<char> = signature.chars().collect();
        signature[20] = if signature[20] == 'A' { 'B' } else { 'A' };
        line.proof = Some(format!("{head} {}\n", signature.iter().collect::<String>()));
    }
    assert!(verify_pack(&packed(&forged), &PackOptions::default()).is_err());
    let (code, said) = without_the_product(&packed(&forged), &[]);
    assert!(code == 1 && said.contains("is not signed by the log's key"), "{said}");
}

#[test]
fn what_has_no_proof_yet_is_said_and_never_passes_for_whole() {
    let mut waiting = facts();
    let last = waiting.entries.last_mut().unwrap();
    (last.vkey, last.proof) = (None, None);
    let verified = verify_pack(&packed(&waiting), &PackOptions::default()).unwrap();
    assert_eq!(verified.unchecked, ["1 entries of the ledger have no proof yet"]);
    let (code, said) = without_the_product(&packed(&waiting), &[]);
    assert!(code == 3 && said.contains("not everything was checked"), "{said}");
}

#[test]
fn no_other_file_and_no_other_table_passes() {
    let facts = facts();
    let mut files = render::files(&facts);
    let table = String::from_utf8(files["decisions.csv"].clone()).unwrap();
    files.insert("decisions.csv".to_owned(), table.replace("revoke", "certify").into_bytes());
    files.insert("LINESUMS".to_owned(), render::line_sums(&files).into_bytes());
    files.insert("SHA256SUMS".to_owned(), render::sums(&files).into_bytes());
    let pack = archive::write(&facts.campaign.id.to_string(), &files);
    let faults = verify_pack(&pack, &PackOptions::default()).unwrap_err();
    assert!(faults.iter().any(|it| it.file == "decisions.csv" && it.line == Some(3)), "{faults:?}");
    let (code, said) = without_the_product(&pack, &[]);
    assert!(code == 1 && said.contains("decisions.csv:3"), "{said}");

    let mut files = render::files(&facts);
    files.insert("more.html".to_owned(), b"<script>".to_vec());
    files.insert("LINESUMS".to_owned(), render::line_sums(&files).into_bytes());
    files.insert("SHA256SUMS".to_owned(), render::sums(&files).into_bytes());
    let pack = archive::write(&facts.campaign.id.to_string(), &files);
    assert!(verify_pack(&pack, &PackOptions::default()).is_err(), "one file more");
    let pack = archive::write("other", &render::files(&facts));
    assert!(verify_pack(&pack, &PackOptions::default()).is_err(), "another directory");
}
