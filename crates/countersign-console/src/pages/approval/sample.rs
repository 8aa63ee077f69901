//! An approval's page with made-up content.

use super::{ApprovalPage, CallerFacts, Denial, GrantFacts, KnownGrant, VoteFacts};
use crate::{
    approvals::{Difference, Earlier},
    frame::Place,
    pages::function,
    samples::{Sample, Say, at, frame},
    text::Text,
    view::{self, Argument, Chip, Moment, Tone},
};
use countersign_model::{FunctionName, Sensitivity};
use serde_json::json;

impl Sample for ApprovalPage {
    const NAME: &'static str = "approval";

    fn samples(say: Say) -> Vec<Self> {
        let mut waiting = sample(say);
        waiting.may_answer = true;
        let mut other = sample(say);
        other.why_not = say("nobody approves their own call");
        other.earlier = None;
        other.denials = Vec::new();
        let mut denied = sample(say);
        denied.state = Chip { label: "denied", tone: Tone::Bad };
        (denied.is_pending, denied.state_name, denied.runs) = (false, "denied", "What was asked");
        denied.ending = say("Denied by olga@acme.example, 2026-11-22 09:40 UTC: ask first");
        let mut approved = sample(say);
        approved.state = Chip { label: "approved", tone: Tone::Good };
        (approved.is_pending, approved.state_name) = (false, "approved");
        approved.ending = say("Approved. It waits to be used, until 2026-11-22 09:55 UTC.");
        approved.may_revoke = true;
        vec![waiting, other, denied, approved]
    }
}

#[expect(clippy::too_many_lines, reason = "one made-up page, field by field")]
fn sample(say: Say) -> ApprovalPage {
    let argument = |name: &str, value: &str, is_hidden| Argument {
        name: say(name),
        value: say(value),
        is_hidden,
    };
    let raw = json!({"amount": 900, "currency": "EUR", "customer": "c_81", "note": "dépôt", "iban": "DE**"});
    let raw = say(&format!("{raw:#}")).into_block();
    ApprovalPage {
        frame: frame("billing.refunds.create – approval", Place::Approvals, say),
        id: "apr_01KB0C6Q2N5V8JX3W7T4R9M1ZD".to_owned(),
        state: Chip { label: "waiting", tone: Tone::Wait },
        state_name: "pending",
        is_pending: true,
        runs: "What will run",
        function: say("billing.refunds.create"),
        function_href: function::href(&FunctionName::from("billing.refunds.create")),
        purpose: say("Pays money back to a customer's card or account."),
        target: say("billing"),
        sensitivity: view::sensitivity(Sensitivity::High),
        sentence: say(
            "billing.refunds.create needs the approval of one person for calls where args.amount > 500.0.",
        ),
        reason: "approval_required",
        arguments: vec![
            argument("amount", "900", false),
            argument("currency", "EUR", false),
            argument("customer", "c_81", false),
            argument("iban", "DE**", true),
            argument("note", "dépôt de garantie, voir le ticket 4711", false),
        ],
        more_arguments: 0,
        hidden_count: 1,
        raw,
        caller: CallerFacts {
            who: say("agent:dunning, for riley@acme.example,"),
            subject: say("riley@acme.example"),
            kind: "person",
            actors: vec![say("agent:dunning")],
            client: Some(say("dunning-worker")),
            issuer: say("acme"),
            sponsors: vec![say("sam@acme.example")],
            groups: vec![say("support"), say("tier-2")],
        },
        grants: vec![GrantFacts {
            id: "grt_01KB0C6Q2N5V8JX3W7T4R9M1ZE".to_owned(),
            version: 3,
            freshness: Some(Chip { label: "due", tone: Tone::Wait }),
            known: Some(KnownGrant {
                holder: say("group:support"),
                reason: say("Refunds for complaints, process FIN-12"),
                certified_at: Some(Moment(at(-120_000))),
                certified_by: say("olga@acme.example"),
            }),
        }],
        demands: vec![
            say("a member of finance"),
            say("2 different people, each an owner of the function"),
        ],
        votes: vec![VoteFacts {
            by: say("max@acme.example"),
            at: Moment(at(-2)),
            comment: say("ticket checked"),
        }],
        earlier: Some(Earlier {
            id: "apr_01KAZZ0000000000000000000A".to_owned(),
            at: Moment(at(-5_000)),
            rows: vec![
                Difference { name: say("amount"), then: Some(say("40")), now: Some(say("900")) },
                Difference { name: say("note"), then: None, now: Some(say("dépôt de garantie")) },
            ],
            same: 2,
            not_compared: 1,
        }),
        denials: vec![Denial {
            id: Some("apr_01KAZZ0000000000000000000B".to_owned()),
            function: say("customers.export"),
            at: Moment(at(-9_000)),
            by: say("olga@acme.example"),
            comment: say("not without a ticket"),
        }],
        opened: Moment(at(-3)),
        answer_by: Moment(at(12)),
        left: Some("12 min".to_owned()),
        when_approved: Some("This function is of high sensitivity: look twice.".to_owned()),
        may_answer: false,
        why_not: Text::default(),
        may_revoke: false,
        ending: Text::default(),
        digest: "4f1c0d5a".repeat(8),
        digest_short: "4f1c0d5a4f1c".to_owned(),
    }
}
