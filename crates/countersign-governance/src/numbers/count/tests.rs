use super::*;
use countersign_model::{
    Entropy, Epoch, GrantId, Holder,
    grant::{Certification, GrantOrigin, GrantState},
    review::{
        CampaignOrigin, CampaignRules, ItemResult, Outcome, Scope, schedule::ReasonNeeded,
        usage::WidenedUsage,
    },
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn campaign() -> Campaign {
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
        id: CampaignId::new(NOW, &Entropy::new(|_| {})),
        title: "Q1".to_owned(),
        origin: CampaignOrigin::ByHand { by: "ada".into() },
        scope: Scope::default(),
        rules,
        due_at: NOW.plus(Span::from_days(14)),
        grace_until: NOW.plus(Span::from_days(21)),
        opening: Some(countersign_model::review::campaign::Opening {
            at: NOW,
            epoch: Epoch(1),
            catalog: countersign_model::Digest::default(),
            scope: countersign_model::Digest::default(),
            items: 4,
            excluded: BTreeMap::new(),
            digest: countersign_model::Digest::default(),
            counted_until: BTreeMap::new(),
        }),
        state: CampaignState::Open,
        confirmed: vec![],
        reminded: 0,
        sign_offs: vec![],
        addenda: vec![],
    }
}

fn answer(by: &str, verdict: ReviewVerdict, together: u32, seen_ms: Option<u64>) -> Answer {
    Answer {
        by: by.into(),
        at: NOW,
        stage: 0,
        version: 1,
        verdict,
        reason: String::new(),
        against: false,
        together,
        seen_ms,
        void: None,
    }
}

fn decided(result: ItemResult, by: &[&str], hours: i64) -> Said {
    let outcome = Outcome {
        result,
        at: NOW.plus(Span::from_seconds(hours * 3600)),
        by: by.iter().map(|it| Subject::new(*it)).collect(),
        epoch: Epoch(2),
        verified_at: None,
        version: 1,
        before: None,
        narrowed_from: None,
    };
    Said { answers: vec![], state: ItemState::Decided(outcome) }
}

#[test]
fn a_campaign_is_counted() {
    let items = [
        decided(ItemResult::Certified, &["olivia"], 2),
        decided(ItemResult::Revoked, &["olivia"], 24 * 20),
        decided(ItemResult::NotReviewed, &[], 24 * 14),
        Said { answers: vec![], state: ItemState::Open },
    ];
    let numbers = campaign_numbers(&campaign(), &items, NOW.plus(Span::from_days(15)));
    assert_eq!((numbers.items, numbers.done, numbers.done_percent), (4, 3, 75));
    assert_eq!(numbers.overdue, 1, "open after the due date");
    assert_eq!(numbers.in_time, 1, "people's decisions before it");
    assert_eq!(numbers.revoked_percent, Some(50), "of what people decided");
    assert_eq!(numbers.hours_to_decide, Some(2));
    assert_eq!(numbers.results["not_reviewed"], 1);
    assert_eq!(campaign_numbers(&campaign(), &items, NOW).overdue, 0);
    let empty = campaign_numbers(&campaign(), &[], NOW);
    assert_eq!((empty.done_percent, empty.revoked_percent), (100, None));
}

#[test]
fn who_signs_without_looking_shows() {
    let many = |count: usize, by: &str, together, seen| {
        let answers = vec![answer(by, ReviewVerdict::Certify, together, seen); count];
        Said { answers, state: ItemState::Open }
    };
    let mut careful = many(19, "carl", 1, Some(30_000));
    careful.answers.push(answer("carl", ReviewVerdict::Revoke, 1, Some(60_000)));
    let mut void = answer("carl", ReviewVerdict::Revoke, 1, Some(1));
    void.void = Some("undone".to_owned());
    careful.answers.push(void);
    let items = [many(50, "stan", 50, None), many(30, "hasty", 1, Some(900)), careful];
    let numbers = reviewer_numbers(&items, &[("wilma".into(), 3)]);
    let of = |who: &str| numbers.iter().find(|it| it.reviewer.as_str() == who).unwrap();
    assert_eq!(of("stan").signs, [Sign::KeepsAll, Sign::AnswersInBulk]);
    assert_eq!(of("hasty").signs, [Sign::KeepsAll, Sign::LooksBriefly]);
    assert_eq!(of("carl").signs, [], "{:?}", of("carl"));
    assert_eq!((of("carl").answers, of("carl").kept_percent), (20, Some(95)));
    assert_eq!(of("carl").seen_ms, Some(30_000));
    assert_eq!((of("wilma").waits, of("wilma").answers), (3, 0));
    let few = reviewer_numbers(&[many(19, "new", 19, None)], &[]);
    assert_eq!(few[0].signs, [], "few answers say nothing");
}

fn grant(days_old: i64) -> Grant {
    Grant {
        id: GrantId::from_bytes([1; 16]),
        version: 1,
        holder: Holder::Subject("riley".into()),
        functions: vec!["billing.customers.get".into()],
        tags: vec![],
        reason: "support".to_owned(),
        constraints: vec![],
        rate: None,
        made_by: "ada".into(),
        made_at: NOW.minus(Span::from_days(days_old)),
        origin: GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: None,
        state: GrantState::Active,
    }
}

#[test]
fn grants_are_counted_by_age_use_and_certification() {
    let certified = Certification { by: "olivia".into(), at: NOW, version: 1 };
    let old = Grant { certified: Some(certified), ..grant(400) };
    let young = Grant { expires_at: Some(NOW.plus(Span::from_days(3))), ..grant(5) };
    let whole =
        GrantUsage { since: NOW.minus(Span::from_days(90)), until: NOW, ..GrantUsage::default() };
    let used = GrantUsage { used: 3, ..whole.clone() };
    let since = WidenedUsage { at: NOW.minus(Span::from_days(1)), used: 0 };
    let widened = GrantUsage { widened: Some(since), ..whole.clone() };
    let late = GrantUsage { until: NOW.minus(Span::from_days(3)), ..whole.clone() };
    let of = |grant, usage| GrantFacts { grant, is_overdue: false, is_due: false, usage };
    let all = [
        of(&old, Some(&whole)),
        of(&old, Some(&used)),
        of(&old, Some(&late)),
        of(&old, Some(&widened)),
        of(&young, Some(&whole)),
        GrantFacts { is_overdue: true, is_due: true, ..of(&young, None) },
    ];
    let (look_back, soon) = (Span::from_days(90), Span::from_days(30));
    let numbers = grant_numbers(all.into_iter(), NOW, look_back, soon);
    assert_eq!((numbers.active, numbers.suspended), (6, 0));
    assert_eq!(numbers.unused, 1, "old, counted, and not used");
    assert_eq!(numbers.unknown_use, 4, "late, widened lately, too young, not counted");
    assert_eq!(numbers.never_certified, 2);
    assert_eq!((numbers.overdue, numbers.due), (1, 0), "overdue is not due too");
    assert_eq!(numbers.expiring, 2);
    let ages: Vec<u64> = numbers.age.0.iter().map(|it| it.count).collect();
    assert_eq!(ages, [2, 0, 0, 0, 4, 0]);
}
