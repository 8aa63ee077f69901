//! A walk through what waits for somebody, one item at a time, with what each grant was used for. What
//! wants to be looked at most comes first, as on the page.

use super::{all_items, document, past, show};
use crate::{
    api::Api,
    cli::{Shared, VerdictArgument},
    commands::{list, text},
    exit::{Exit, Failure},
    output::{self, BOLD, GREEN, styled},
};
use countersign_model::{CampaignId, GrantId};
use serde_json::{Value, json};

/// What somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Say(VerdictArgument),
    HandOn,
    Undo,
    Skip,
    Stop,
    Help,
}

pub(super) async fn run(api: &Api, campaign: CampaignId, shared: &Shared) -> Result<(), Failure> {
    if shared.json || !output::can_ask() {
        return Err(Failure::usage("nobody can be asked here what they say")
            .next("name the grants, and say --verdict keep, reduce, revoke or dont-know"));
    }
    let waiting = all_items(api, campaign, &[("waiting", Some("me".to_owned()))]).await?;
    let mut items = list(&waiting, "/items").to_vec();
    items.sort_by_key(|it| std::cmp::Reverse(it.pointer("/risk").and_then(Value::as_u64)));
    if items.is_empty() {
        return output::line("Nothing waits for your answer here.");
    }
    output::note(KEYS);
    let (count, mut done, mut last) = (items.len(), 0_usize, None);
    for (place, found) in items.iter().enumerate() {
        let path = format!("/reviews/{campaign}/items/{}", text(found, "/item/grant"));
        let item: Value = api.get(&path).await?;
        output::line(&format!("\n{}", styled(BOLD, &format!("{} of {count}", place + 1))))?;
        show::item(&item)?;
        match one(api, campaign, &item, &mut last).await? {
            Next::Answered => done += 1,
            Next::Skipped => {}
            Next::Stopped => break,
        }
    }
    output::line(&format!("\n{done} answered, {} left.", count.saturating_sub(done)))?;
    if done == count {
        output::note(&format!(
            "When everything is decided: countersign reviews sign-off {campaign}"
        ));
    }
    Ok(())
}

/// How a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Answered,
    Skipped,
    Stopped,
}

/// Asks until one item is answered, skipped, or the walk stopped.
async fn one(
    api: &Api,
    campaign: CampaignId,
    item: &Value,
    last: &mut Option<GrantId>,
) -> Result<Next, Failure> {
    let grant: GrantId = text(item, "/item/grant")
        .parse()
        .map_err(|_| Failure::failed("the item can't be understood"))?;
    loop {
        match key(&output::ask("c/d/r/x/h/u/s/q/?", "")?) {
            Some(Key::Say(verdict)) => {
                if say(api, campaign, item, grant, verdict).await? == Taken::Yes {
                    *last = Some(grant);
                    return Ok(Next::Answered);
                }
            }
            Some(Key::HandOn) => {
                if hand_on(api, campaign, grant).await? == Taken::Yes {
                    return Ok(Next::Answered);
                }
            }
            Some(Key::Undo) => match last.take() {
                None => output::note("There is nothing to undo in this walk."),
                Some(before) => {
                    let path = format!("/reviews/{campaign}/items/{before}/undo");
                    match api.post::<Value>(&path, &json!({})).await {
                        Ok(_) => output::line(&format!("{before}: undone; it waits again"))?,
                        Err(failure) => output::failure(&failure),
                    }
                }
            },
            Some(Key::Skip) => return Ok(Next::Skipped),
            Some(Key::Stop) => return Ok(Next::Stopped),
            Some(Key::Help) | None => output::note(KEYS),
        }
    }
}

/// Sends an answer, with a reason where one is needed.
async fn say(
    api: &Api,
    campaign: CampaignId,
    item: &Value,
    grant: GrantId,
    verdict: VerdictArgument,
) -> Result<Taken, Failure> {
    let needs = list(item, "/needs_reason").iter().any(|it| it.as_str() == Some(code(verdict)));
    let reason = if needs { output::ask("why", "")? } else { String::new() };
    let answer = match document(item, grant, verdict, &reason) {
        Ok(answer) => answer,
        Err(failure) => {
            output::failure(&failure);
            return Ok(Taken::No);
        }
    };
    let path = format!("/reviews/{campaign}/answers");
    let sent: Result<Value, Failure> = api.post(&path, &json!({ "answers": [answer] })).await;
    taken(sent, past(verdict))
}

async fn hand_on(api: &Api, campaign: CampaignId, grant: GrantId) -> Result<Taken, Failure> {
    let to = output::ask("to whom", "")?;
    if to.is_empty() {
        return Ok(Taken::No);
    }
    let why = output::ask("why", "")?;
    let act = json!({"grants": [grant], "to": to, "why": why});
    let path = format!("/reviews/{campaign}/hand-on");
    taken(api.post(&path, &act).await, "handed on")
}

/// Whether the gateway did what somebody said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
}

/// Says what came of it; a refusal is no end of the walk.
fn taken(sent: Result<Value, Failure>, done: &str) -> Result<Taken, Failure> {
    match sent {
        Ok(_) => {
            output::line(&styled(GREEN, done))?;
            Ok(Taken::Yes)
        }
        Err(failure) if matches!(failure.exit(), Exit::Refused | Exit::Failed) => {
            output::failure(&failure);
            Ok(Taken::No)
        }
        Err(failure) => Err(failure),
    }
}

/// A verdict as the gateway calls it.
const fn code(verdict: VerdictArgument) -> &'static str {
    match verdict {
        VerdictArgument::Keep => "certify",
        VerdictArgument::Reduce => "reduce",
        VerdictArgument::Revoke => "revoke",
        VerdictArgument::DontKnow => "dont_know",
    }
}

fn key(typed: &str) -> Option<Key> {
    Some(match typed.to_lowercase().as_str() {
        "c" => Key::Say(VerdictArgument::Keep),
        "d" => Key::Say(VerdictArgument::Reduce),
        "r" => Key::Say(VerdictArgument::Revoke),
        "x" => Key::Say(VerdictArgument::DontKnow),
        "h" => Key::HandOn,
        "u" => Key::Undo,
        "s" => Key::Skip,
        "q" => Key::Stop,
        "?" => Key::Help,
        _ => return None,
    })
}

const KEYS: &str = "\
c keep, d reduce to what was used, r revoke, x don't know, h hand on, u undo the last, s skip, q stop, ? help";
