use super::*;
use crate::{
    Digest, Grant, GrantId, GrantOrigin, GrantState, Holder, Sensitivity, Span, Timestamp,
    review::{
        item::{Advice, Answer, ItemSnapshot, ItemState, Peers, Recommendation, Reviewer},
        schedule::{ReasonNeeded, Stage},
        usage::GrantUsage,
    },
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn rules(modes: &[StageMode]) -> CampaignRules {
    let stage = |mode: &StageMode| Stage { reviewers: vec![], mode: *mode };
    CampaignRules {
        owner: "ada".into(),
        stages: modes.iter().map(stage).collect(),
        fallback: vec![],
        duration: Span::from_days(14),
        grace: Span::from_days(7),
        reminders: vec![],
        look_back: Span::from_days(90),
        breaker_percent: 50,
        bulk_max: 50,
        reason: ReasonNeeded::AgainstRecommendation,
    }
}

/// An item in its last stage. Answers are `who:verdict@stage`; `!` before one makes it void.
fn item(reviewers: &[&str], stage: usize, answers: &[&str]) -> Item {
    let id = GrantId::from_bytes([1; 16]);
    let grant = Grant {
        id,
        version: 1,
        holder: Holder::Subject("agent:a".into()),
        functions: vec!["a.b".into(), "a.c".into(), "a.d".into()],
        tags: vec![],
        reason: String::new(),
        constraints: vec![],
        rate: None,
        made_by: "ada".into(),
        made_at: NOW,
        expires_at: None,
        certified: None,
        origin: GrantOrigin::Direct,
        successor_of: None,
        state: GrantState::Active,
    };
    let snapshot = ItemSnapshot {
        functions: grant.functions.clone(),
        grant,
        sensitivity: Sensitivity::Medium,
        usage: GrantUsage::default(),
        peers: Peers::default(),
        changes: vec![],
        recommendation: Recommendation { advice: Advice::NoData, reasons: vec![] },
    };
    let reviewer =
        |name: &&str| Reviewer { subject: (*name).into(), why: "person".to_owned(), since: NOW };
    Item {
        campaign: crate::CampaignId::from_bytes([2; 16]),
        grant: id,
        snapshot,
        digest: Digest::default(),
        stage,
        reviewers: reviewers.iter().map(reviewer).collect(),
        answers: answers.iter().map(|it| answer(it)).collect(),
        state: ItemState::Open,
    }
}

fn answer(text: &str) -> Answer {
    let (void, text) = match text.strip_prefix('!') {
        Some(rest) => (Some("changed".to_owned()), rest),
        None => (None, text),
    };
    let (by, rest) = text.split_once('=').unwrap();
    let (verdict, stage) = rest.split_once('@').unwrap();
    let verdict = match verdict {
        "certify" => ReviewVerdict::Certify,
        "revoke" => ReviewVerdict::Revoke,
        "dont_know" => ReviewVerdict::DontKnow,
        functions => ReviewVerdict::Reduce {
            functions: functions
                .split('+')
                .filter(|it| it.starts_with("a."))
                .map(Into::into)
                .collect(),
            constraints: functions
                .split('+')
                .filter(|it| !it.starts_with("a."))
                .map(str::to_owned)
                .collect(),
        },
    };
    Answer {
        by: by.into(),
        at: NOW,
        stage: stage.parse().unwrap(),
        version: 1,
        verdict,
        reason: String::new(),
        against: false,
        together: 1,
        seen_ms: None,
        void,
    }
}

fn said(judged: Judged) -> String {
    let names = |by: Vec<Subject>| by.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match judged {
        Judged::Waits => "waits".to_owned(),
        Judged::StageMet => "next stage".to_owned(),
        Judged::Revoked { by } => format!("revoked by {}", names(by)),
        Judged::Certified { by } => format!("certified by {}", names(by)),
        Judged::Reduced { by, functions, constraints } => {
            let functions: Vec<_> = functions.iter().map(ToString::to_string).collect();
            format!(
                "reduced by {} to [{}] {}",
                names(by),
                functions.join(","),
                constraints.join(",")
            )
        }
    }
}

#[test]
fn r12_answers_are_counted_as_the_stage_says_and_a_revoke_beats_them_all() {
    use StageMode::{All, AnyOne, Quorum};
    /// Stages, reviewers, which stage it is, answers, what they make.
    type Row<'a> = (&'a [StageMode], &'a [&'a str], usize, &'a [&'a str], &'a str);
    let rows: &[Row<'_>] = &[
        (&[AnyOne], &["o", "p"], 0, &[], "waits"),
        (&[AnyOne], &["o", "p"], 0, &["o=certify@0"], "certified by o"),
        (&[AnyOne], &["o", "p"], 0, &["o=certify@0", "p=revoke@0"], "revoked by p"),
        (&[AnyOne], &["o", "p"], 0, &["p=revoke@0", "o=certify@0"], "revoked by p"),
        (&[AnyOne], &["o"], 0, &["!o=certify@0"], "waits"),
        (&[AnyOne], &["o"], 0, &["o=dont_know@0"], "waits"),
        (&[All], &["o", "p"], 0, &["o=certify@0"], "waits"),
        (&[All], &["o", "p"], 0, &["o=certify@0", "o=certify@0"], "waits"),
        (&[All], &["o", "p"], 0, &["o=certify@0", "p=certify@0"], "certified by o,p"),
        (&[All], &["o", "p"], 0, &["o=certify@0", "p=revoke@0"], "revoked by p"),
        (&[All], &[], 0, &[], "waits"),
        (&[Quorum(2)], &["o", "p", "q"], 0, &["o=certify@0"], "waits"),
        (&[Quorum(2)], &["o", "p", "q"], 0, &["o=certify@0", "o=certify@0"], "waits"),
        (&[Quorum(2)], &["o", "p", "q"], 0, &["o=certify@0", "q=certify@0"], "certified by o,q"),
        (&[AnyOne, AnyOne], &["o"], 0, &["o=certify@0"], "next stage"),
        (&[AnyOne, AnyOne], &["p"], 1, &["o=certify@0"], "waits"),
        (&[AnyOne, AnyOne], &["p"], 1, &["o=certify@0", "p=certify@1"], "certified by o,p"),
        (&[AnyOne, AnyOne], &["o"], 0, &["o=revoke@0"], "revoked by o"),
        // A stage that the rules do not have is never met.
        (&[AnyOne], &["o"], 1, &["o=certify@1"], "waits"),
        // The sponsor alone is nobody; with another, or in another stage, they count.
        (&[AnyOne], &["sam"], 0, &["sam=certify@0"], "waits"),
        (&[AnyOne], &["sam"], 0, &["sam=revoke@0"], "revoked by sam"),
        (&[All], &["sam"], 0, &["sam=certify@0"], "waits"),
        (&[All], &["sam", "o"], 0, &["sam=certify@0", "o=certify@0"], "certified by o,sam"),
        (&[AnyOne, AnyOne], &["o"], 1, &["sam=certify@0", "o=certify@1"], "certified by o,sam"),
        (&[AnyOne, AnyOne], &["sam"], 1, &["sam=certify@0", "sam=certify@1"], "waits"),
        // Narrowing: what all of them would keep.
        (&[AnyOne], &["o"], 0, &["o=a.b@0"], "reduced by o to [a.b] "),
        (&[AnyOne], &["o"], 0, &["o=x@0"], "reduced by o to [] x"),
        (&[All], &["o", "p"], 0, &["o=a.b+a.c@0", "p=certify@0"], "reduced by o,p to [a.b,a.c] "),
        (
            &[All],
            &["o", "p"],
            0,
            &["o=a.b+a.c+x@0", "p=a.c+a.d+y@0"],
            "reduced by o,p to [a.c] x,y",
        ),
        (&[All], &["o", "p"], 0, &["o=a.b@0", "p=a.c@0"], "revoked by o,p"),
    ];
    for (modes, reviewers, stage, answers, expected) in rows {
        let item = item(reviewers, *stage, answers);
        let judged = judge(&item, &rules(modes), Some(&"sam".into()));
        assert_eq!(said(judged), *expected, "{modes:?} {reviewers:?} {answers:?}");
    }
}

#[test]
fn an_item_waits_for_whoever_has_not_answered_in_its_stage() {
    let waits = |item: &Item, who: &str| item.waits_for(&who.into());
    let item = item(&["o", "p"], 1, &["o=certify@0", "!p=certify@1", "p=dont_know@1"]);
    assert!(waits(&item, "o") && waits(&item, "p") && !waits(&item, "q"));
    let moot = Item { state: ItemState::Moot { at: NOW, how: "revoked".to_owned() }, ..item };
    assert!(!waits(&moot, "o"));
}
