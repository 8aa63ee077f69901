//! `countersign reviews`: campaigns in which people keep, reduce or revoke grants, with what each grant was
//! really used for.

mod open;
mod schedules;
mod show;
mod walk;

use super::{list, text};
use crate::{
    api::{Api, Problem, query},
    cli::{
        AnswerArguments, CoversArgument, End, ItemsArguments, ReviewsCommand, Shared,
        VerdictArgument,
    },
    clock,
    exit::{Exit, Failure},
    output::{self, Consent, GREEN, RED, styled},
};
use clap::ValueEnum;
use countersign_model::{CampaignId, GrantId, Timestamp};
use serde_json::{Value, json};

pub(super) async fn run(command: ReviewsCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        ReviewsCommand::Evidence(command) => super::evidence::reviews(&api, command, shared).await,
        ReviewsCommand::List { state } => {
            let answer = api.get(&format!("/reviews{}", query(&[("state", name(state))]))).await?;
            told(&answer, shared, show::campaigns)
        }
        ReviewsCommand::Schedules => {
            let answer: Value = api.get("/reviews/schedules").await?;
            told(&answer, shared, schedules::schedules)
        }
        ReviewsCommand::Show { campaign } => {
            let answer = api.get(&format!("/reviews/{campaign}")).await?;
            told(&answer, shared, show::campaign)
        }
        ReviewsCommand::Items(arguments) => {
            let answer = items(&api, arguments).await?;
            told(&answer, shared, show::items)
        }
        ReviewsCommand::Item { campaign, grant } => {
            let answer = api.get(&format!("/reviews/{campaign}/items/{grant}")).await?;
            told(&answer, shared, show::item)
        }
        ReviewsCommand::Answer(arguments) => answer(&api, &arguments, shared).await,
        ReviewsCommand::Undo { campaign, grant } => undo(&api, campaign, grant, shared).await,
        ReviewsCommand::HandOn { campaign, grants, to, from, why } => {
            let act = json!({"grants": grants, "to": to, "from": from, "why": why});
            let after: Value = api.post(&format!("/reviews/{campaign}/hand-on"), &act).await?;
            results(&after, "/handed_on", &format!("handed on to {to}"), shared)
        }
        ReviewsCommand::Open(arguments) => {
            let after: Value = api.post("/reviews", &open::document(&arguments)?).await?;
            told(&after, shared, |after| {
                let items = text(after, "/opening/items");
                output::line(&format!("{}: open, with {items} item(s)", text(after, "/id")))
            })
        }
        ReviewsCommand::Report { campaign } => {
            let report: Value = api.get(&format!("/reviews/{campaign}/report")).await?;
            // Canonical JSON as the gateway has it: the digest is of these bytes.
            let bytes = countersign_model::json::canonical(&report);
            output::bytes(bytes.as_bytes())
        }
        ReviewsCommand::SignOff { campaign, covers } => {
            sign_off(&api, campaign, covers, shared).await
        }
        ReviewsCommand::Extend { campaign, until, end, why } => {
            let until = moment(until);
            let more = json!({"end": name(Some(end)), "until": until, "why": why});
            let after: Value = api.post(&format!("/reviews/{campaign}/extend"), &more).await?;
            told(&after, shared, |_| {
                output::line(&format!("{campaign}: moved to {}", until.date()))
            })
        }
        ReviewsCommand::Confirm { campaign, yes } => {
            let given = if yes { Consent::Yes } else { Consent::No };
            confirm(&api, campaign, given, shared).await
        }
        ReviewsCommand::Addendum { campaign, text, grant } => {
            let new = json!({"grant": grant, "text": text});
            let after: Value = api.post(&format!("/reviews/{campaign}/addenda"), &new).await?;
            told(&after, shared, |_| output::line(&format!("{campaign}: the addendum is kept")))
        }
    }
}

async fn undo(
    api: &Api,
    campaign: CampaignId,
    grant: GrantId,
    shared: &Shared,
) -> Result<(), Failure> {
    let path = format!("/reviews/{campaign}/items/{grant}/undo");
    let after: Value = api.post(&path, &json!({})).await?;
    told(&after, shared, |after| {
        output::line(&format!("{grant}: undone; it is {} again", text(after, "/item/state/state")))
    })
}

fn moment(of: End) -> Timestamp {
    match of {
        End::At(moment) => moment,
        End::After(span) => clock::clock().now().plus(span),
    }
}

async fn sign_off(
    api: &Api,
    campaign: CampaignId,
    covers: CoversArgument,
    shared: &Shared,
) -> Result<(), Failure> {
    let path = format!("/reviews/{campaign}/sign-off");
    let after: Value = api.post(&path, &json!({"covers": name(Some(covers))})).await?;
    told(&after, shared, |after| {
        let what = match covers {
            CoversArgument::Own => "decision(s) of yours",
            CoversArgument::Campaign => "decision(s) of the campaign",
        };
        let (items, digest) = (text(after, "/items"), text(after, "/digest"));
        output::line(&format!("signed for {items} {what}, digest {digest}"))
    })
}

async fn confirm(
    api: &Api,
    campaign: CampaignId,
    given: Consent,
    shared: &Shared,
) -> Result<(), Failure> {
    let stopped: Value = api.get(&format!("/reviews/{campaign}")).await?;
    let state = "/campaign/state";
    if text(&stopped, &format!("{state}/state")) == "stopped" && given == Consent::No {
        let (ends, of) =
            (text(&stopped, &format!("{state}/would_end")), text(&stopped, &format!("{state}/of")));
        if !output::can_ask() {
            return Err(Failure::usage(format!("{ends} of {of} active grants would end"))
                .next("say --yes to let them end"));
        }
        match output::consent(&format!("Let {ends} of {of} active grants end?"))? {
            Consent::Yes => {}
            Consent::No => return Err(Failure::failed("nothing was changed")),
        }
    }
    let after: Value = api.post(&format!("/reviews/{campaign}/confirm"), &json!({})).await?;
    told(&after, shared, |_| output::line(&format!("{campaign}: confirmed")))
}

async fn items(api: &Api, arguments: ItemsArguments) -> Result<Value, Failure> {
    let wanted = [
        ("waiting", arguments.waiting.then(|| "me".to_owned())),
        ("reviewer", arguments.reviewer),
        ("state", name(arguments.state)),
        ("result", name(arguments.result)),
    ];
    all_items(api, arguments.campaign, &wanted).await
}

/// Every page of a list of items, as one.
async fn all_items(
    api: &Api,
    campaign: CampaignId,
    wanted: &[(&str, Option<String>)],
) -> Result<Value, Failure> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let mut pairs = wanted.to_vec();
        pairs.push(("after", after));
        pairs.push(("limit", Some(PAGE_ITEMS.to_owned())));
        let page: Value = api.get(&format!("/reviews/{campaign}/items{}", query(&pairs))).await?;
        found.extend(list(&page, "/items").iter().cloned());
        after = page.pointer("/next").and_then(Value::as_str).map(str::to_owned);
        if after.is_none() {
            return Ok(json!({ "items": found }));
        }
    }
}

async fn answer(api: &Api, arguments: &AnswerArguments, shared: &Shared) -> Result<(), Failure> {
    let Some(verdict) = arguments.verdict else {
        return walk::run(api, arguments.campaign, shared).await;
    };
    let mut answers = Vec::with_capacity(arguments.grants.len());
    for grant in &arguments.grants {
        let path = format!("/reviews/{}/items/{grant}", arguments.campaign);
        let item: Value = api.get(&path).await?;
        answers.push(document(&item, *grant, verdict, &arguments.reason)?);
    }
    let path = format!("/reviews/{}/answers", arguments.campaign);
    let after: Value = api.post(&path, &json!({ "answers": answers })).await?;
    results(&after, "/answered", past(verdict), shared)
}

/// An answer about an item as it is shown.
fn document(
    item: &Value,
    grant: GrantId,
    verdict: VerdictArgument,
    reason: &str,
) -> Result<Value, Failure> {
    let seen =
        item.pointer("/now/version").or_else(|| item.pointer("/item/snapshot/grant/version"));
    let mut answer = json!({ "grant": grant, "version": seen, "reason": reason });
    let said = match verdict {
        VerdictArgument::Keep => json!({"verdict": "certify"}),
        VerdictArgument::Revoke => json!({"verdict": "revoke"}),
        VerdictArgument::DontKnow => json!({"verdict": "dont_know"}),
        VerdictArgument::Reduce => {
            let to = item.pointer("/reduce_to").filter(|it| it.is_object());
            let to = to.ok_or_else(|| {
                Failure::failed(format!("{grant}: there is nothing that it could be reduced to"))
                    .next("keep it, or revoke it")
            })?;
            json!({
                "verdict": "reduce",
                "functions": to.get("functions"),
                "constraints": to.get("constraints"),
            })
        }
    };
    if let (Some(members), Some(said)) = (answer.as_object_mut(), said.as_object()) {
        members.extend(said.clone());
    }
    Ok(answer)
}

/// What was said, in the past.
const fn past(verdict: VerdictArgument) -> &'static str {
    match verdict {
        VerdictArgument::Keep => "kept",
        VerdictArgument::Reduce => "reduced; in force on the next call",
        VerdictArgument::Revoke => "revoked; in force on the next call",
        VerdictArgument::DontKnow => "left open",
    }
}

/// What became of each item of an act. It failed if one of them did.
fn results(after: &Value, of: &str, done: &str, shared: &Shared) -> Result<(), Failure> {
    let all = list(after, of);
    if shared.json {
        output::json(after)?;
    } else {
        for one in all {
            let grant = text(one, "/grant");
            match refused(one) {
                None => output::line(&format!("{grant}: {}", styled(GREEN, done)))?,
                Some(problem) => {
                    output::line(&format!("{grant}: {}", styled(RED, &problem.detail)))?;
                }
            }
        }
    }
    let Some(problem) = all.iter().find_map(refused) else { return Ok(()) };
    let exit = match problem.code.as_str() {
        "forbidden" | "not_asked" | "auditor_changes_nothing" => Exit::Refused,
        _ => Exit::Failed,
    };
    let count = all.iter().filter(|it| refused(it).is_some()).count();
    Err(Failure::new(exit, format!("{count} of {} not done", all.len())).next(problem.next_step))
}

/// Why one item of an act was not done.
fn refused(one: &Value) -> Option<Problem> {
    let problem = one.pointer("/problem")?;
    Some(serde_json::from_value(problem.clone()).unwrap_or_default())
}

fn told(
    answer: &Value,
    shared: &Shared,
    people: impl FnOnce(&Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if shared.json { output::json(answer) } else { people(answer) }
}

fn name<T: ValueEnum>(of: Option<T>) -> Option<String> {
    of.and_then(|it| it.to_possible_value()).map(|it| it.get_name().to_owned())
}

/// Items that are asked for at once.
const PAGE_ITEMS: &str = "500";
