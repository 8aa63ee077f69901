//! What a grant that nobody has made yet would let through: `countersign grants preview`.

use super::grant_life::read;
use crate::{
    api::Api,
    cli::{GrantPreviewArguments, Shared},
    exit::Failure,
    output::{self, BOLD, DIM, styled},
    table::Table,
};
use countersign_model::grant::GrantRequest;
use serde_json::{Value, json};

pub(super) async fn run(
    api: &Api,
    typed: GrantPreviewArguments,
    shared: &Shared,
) -> Result<(), Failure> {
    let answer: Value = match typed.request {
        Some(id) => {
            let asks_less = !typed.functions.is_empty() || !typed.constraints.is_empty();
            let terms = if asks_less {
                let seen: GrantRequest = read(api.get(&format!("/grant-requests/{id}")).await?)?;
                let names: Vec<_> = typed.functions.iter().map(|it| it.as_str().into()).collect();
                Some(seen.terms.reduced(&names, &typed.constraints))
            } else {
                None
            };
            let body = json!({"terms": terms, "look_back": typed.look_back});
            api.post(&format!("/grant-requests/{id}/preview"), &body).await?
        }
        None => {
            let holder = match (&typed.subject, &typed.group) {
                (Some(subject), _) => json!({"subject": subject}),
                (None, Some(group)) => json!({"group": group}),
                (None, None) => return Err(Failure::usage("name a --subject or a --group")),
            };
            let body = json!({
                "holder": holder,
                "functions": typed.functions,
                "tags": typed.tags,
                "constraints": typed.constraints,
                "look_back": typed.look_back,
            });
            api.post("/grants/preview", &body).await?
        }
    };
    if shared.json { output::json(&answer) } else { show(&answer) }
}

fn show(answer: &Value) -> Result<(), Failure> {
    let text = |at: &str| super::text(answer, at);
    output::line(&styled(BOLD, &text("/sentence")))?;
    output::line(&styled(DIM, &text("/basis")))?;
    for (key, of) in [("/ran_why", "calls that ran"), ("/denied_why", "attempts")] {
        for reason in super::list(answer, key) {
            let say = |at: &str| super::text(reason, at);
            let head = format!("{} {} of the {of}", say("/calls"), word(&say("/fate")));
            output::line(&format!("  {head}: {}", say("/sentence")))?;
        }
    }
    let functions = answer.get("functions").and_then(Value::as_object);
    let mut table = Table::new(["function", "pass", "held", "refused", "can't be judged"]);
    for (name, told) in functions.into_iter().flatten() {
        let both = |fate: &str| {
            let calls = |of: &str| super::text(told, &format!("/{of}/{fate}"));
            format!("{} + {}", calls("ran"), calls("denied"))
        };
        table.row([
            name.into(),
            both("pass").into(),
            both("held").into(),
            both("refused").into(),
            both("unknown").into(),
        ]);
    }
    output::write(&table.render("Nothing was called that it would reach."))?;
    output::note("Calls that ran + attempts that did not, as if the grant were certified.");
    Ok(())
}

/// What would become of calls, in a word.
fn word(fate: &str) -> &'static str {
    match fate {
        "held" => "would be held",
        "refused" => "would be refused",
        _ => "can't be judged",
    }
}
