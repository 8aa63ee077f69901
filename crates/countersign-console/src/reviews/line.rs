//! One item as a reviewer sees it in a list and on its page: a line of plain words, what it rests on, and
//! what they can say.

use super::{spark::Spark, words};
use crate::{
    text::Text,
    view::{self, Chip, Moment},
};
use countersign_model::{
    Digest, GrantId, Snapshot, Subject, Timestamp,
    review::{Campaign, Item, Reduced, item::Change},
};

/// One item.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The id of its campaign.
    pub(crate) campaign: String,
    /// Its grant.
    pub(crate) id: String,
    pub(crate) href: String,
    /// What it is and what it was used for, in one line.
    pub(crate) what: Text,
    pub(crate) sensitivity: Chip,
    pub(crate) advice: Chip,
    pub(crate) reasons: Vec<Text>,
    pub(crate) spark: Spark,
    /// When, by whom and why it was made.
    pub(crate) made: Text,
    pub(crate) certified: Text,
    /// What changed since the last certification.
    pub(crate) changes: Vec<Text>,
    /// Whether the grant is another one than in the snapshot.
    pub(crate) is_changed: bool,
    /// The version that stands now: an answer is about it.
    pub(crate) version: u32,
    pub(crate) reduction: Option<Reduction>,
    /// The verdicts that need a reason, by name.
    pub(crate) needs_reason: String,
    pub(crate) state: Chip,
    pub(crate) may_answer: bool,
    /// What its reader said, if they said something that counts.
    pub(crate) said: Option<Text>,
    /// Until when they can undo it.
    pub(crate) undo: Option<Moment>,
}

/// What a grant would be narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Reduction {
    /// What the reader saw, in short: what is done is what they saw, or nothing.
    pub(crate) digest: String,
    pub(crate) why: Vec<Text>,
    pub(crate) functions: Vec<Text>,
    pub(crate) constraints: Vec<Text>,
    /// The gentler choice: only functions go that change something and were not used.
    pub(crate) gentler: Option<Vec<Text>>,
}

impl Line {
    pub(crate) fn of(item: &Item, seen: &Seen<'_>) -> Self {
        let (of, campaign, reader) = (&item.snapshot, seen.campaign, seen.reader);
        let (snapshot, now) = (seen.snapshot, seen.now);
        let version = seen.version(item.grant);
        let counts = item.answers.iter().rev().find(|it| it.by == *reader && it.void.is_none());
        let undo = super::undo_until(item, campaign, reader).filter(|it| *it > now);
        let reduction = super::reduced(item, snapshot).map(|it| Reduction::of(&it));
        Self {
            campaign: item.campaign.to_string(),
            id: item.grant.to_string(),
            href: format!("/console/reviews/{}/items/{}", item.campaign, item.grant),
            what: Text::line(words::line(item, snapshot)),
            sensitivity: view::sensitivity(of.sensitivity),
            advice: words::advice(of.recommendation.advice),
            reasons: sentences(&of.recommendation.reasons),
            spark: Spark(of.usage.weeks.clone()),
            made: Text::line(format!(
                "Made {} by {}: {}",
                of.grant.made_at.date(),
                of.grant.made_by,
                of.grant.reason
            )),
            certified: certified(item),
            changes: sentences(&of.changes),
            is_changed: version.is_some_and(|it| it != of.grant.version),
            version: version.unwrap_or(of.grant.version),
            needs_reason: super::need_reasons(item, campaign).join(" "),
            reduction,
            state: words::item_state(&item.state),
            may_answer: campaign.state.takes_answers() && item.waits_for(reader),
            said: counts.map(|it| {
                let why = if it.reason.is_empty() { "" } else { ": " };
                Text::line(format!("You {}{why}{}", words::said(&it.verdict), it.reason))
            }),
            undo: undo.map(Moment),
        }
    }
}

impl Reduction {
    fn of(reduced: &Reduced) -> Self {
        Self {
            digest: digest(reduced),
            why: sentences(&reduced.why),
            functions: reduced.functions.iter().map(Text::of).collect(),
            constraints: reduced.constraints.iter().map(|it| Text::line(it.clone())).collect(),
            gentler: reduced
                .read_only
                .as_ref()
                .map(|functions| functions.iter().map(Text::of).collect()),
        }
    }
}

/// What a narrowing is told from another by.
pub(crate) fn digest(reduced: &Reduced) -> String {
    Digest::of_json(&serde_json::to_value(reduced).unwrap_or_default()).to_string()
}

/// What items are seen by.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) campaign: &'a Campaign,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) reader: &'a Subject,
    pub(crate) now: Timestamp,
}

impl Seen<'_> {
    /// The version of a grant that stands now; `None` if it is not known any more.
    pub(crate) fn version(&self, grant: GrantId) -> Option<u32> {
        self.snapshot.grant(grant).map(|it| it.version)
    }
}

pub(crate) fn sentences(of: &[Change]) -> Vec<Text> {
    of.iter().map(|it| Text::line(it.sentence.clone())).collect()
}

fn certified(item: &Item) -> Text {
    let grant = &item.snapshot.grant;
    Text::line(match &grant.certified {
        None => "Never certified".to_owned(),
        Some(it) if it.version == grant.version => {
            format!("Last certified {} by {}", it.at.date(), it.by)
        }
        Some(it) => format!(
            "Last certified {} by {}, for an earlier version: it does not count",
            it.at.date(),
            it.by
        ),
    })
}

/// How much of a campaign is done, for a bar and in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) done: u64,
    pub(crate) of: u64,
}

/// The time that is left until a moment, in words; `None` if it is over.
pub(crate) fn left(until: Timestamp, now: Timestamp) -> Option<String> {
    (until > now).then(|| view::span_words(until.since(now)))
}

impl Line {
    /// The campaign of samples.
    pub(crate) const SAMPLE_CAMPAIGN: &'static str = "cmp_01KB0C6Q2N5V8JX3W7T4R9M1ZE";

    /// A made-up item; the last letter of its id is told by the caller.
    pub(crate) fn sample(say: crate::samples::Say, letter: &str) -> Self {
        let id = format!("grt_01KB0C6Q2N5V8JX3W7T4R9M1Z{letter}");
        Self {
            campaign: Self::SAMPLE_CAMPAIGN.to_owned(),
            href: format!("/console/reviews/{}/items/{id}", Self::SAMPLE_CAMPAIGN),
            id,
            what: say(
                "the dunning agent (answered for by riley) may call billing.refunds.create with amount at \
                 most 100. Used 14 times in 90 days, last on 2026-11-20; 7 of 9 like it use it.",
            ),
            sensitivity: view::sensitivity(countersign_model::Sensitivity::High),
            advice: words::advice(countersign_model::review::item::Advice::Reduce),
            reasons: vec![say("Two of three functions were not used.")],
            spark: Spark(vec![0, 0, 3, 1, 0, 4, 5, 1, 0, 0, 0, 0, 1]),
            made: say("Made 2026-03-01 by sam: pay back what was collected twice"),
            certified: say("Last certified 2026-09-01 by olivia"),
            changes: vec![say("The contract of billing.refunds.create changed on 2026-10-02.")],
            is_changed: false,
            version: 3,
            reduction: Some(Reduction {
                digest: "0f".to_owned(),
                why: vec![say("billing.refunds.get was not used.")],
                functions: vec![say("billing.refunds.create")],
                constraints: vec![say("args.amount <= 90.0")],
                gentler: Some(vec![say("billing.refunds.create"), say("billing.refunds.get")]),
            }),
            needs_reason: "certify".to_owned(),
            state: Chip { label: "open", tone: view::Tone::Wait },
            may_answer: true,
            said: None,
            undo: None,
        }
    }
}
