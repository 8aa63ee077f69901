//! `countersign delegates`: who stands in for whom in reviews.

use super::{list, moment, text};
use crate::{
    api::Api,
    cli::{DelegatesCommand, End, Shared},
    clock,
    exit::Failure,
    output::{self, GREEN, RED, styled},
    table::Table,
};
use serde_json::{Value, json};

pub(super) async fn run(command: DelegatesCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        DelegatesCommand::Set { to, from, until, of } => {
            let until = match until {
                End::At(moment) => moment,
                End::After(span) => from.unwrap_or_else(|| clock::clock().now()).plus(span),
            };
            let document = json!({"of": of, "to": to, "from": from, "until": until});
            let made: Value = api.post("/delegates", &document).await?;
            if shared.json {
                return output::json(&made);
            }
            output::line(&format!(
                "{} {} for {} until {}",
                text(&made, "/to"),
                styled(GREEN, "stands in"),
                text(&made, "/of"),
                moment(&text(&made, "/until"))
            ))
        }
        DelegatesCommand::List => table(&api.get("/delegates").await?, shared),
        DelegatesCommand::End { of } => {
            let of = match of {
                Some(of) => of,
                None => text(&api.get("/me").await?, "/subject"),
            };
            let answer: Value = api.post("/delegates/end", &json!({"of": of})).await?;
            if shared.json {
                return output::json(&answer);
            }
            let nobody = styled(RED, "nobody stands in");
            output::line(&format!("{nobody} for {} any more", text(&answer, "/ended")))
        }
    }
}

fn table(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let mut table = Table::new(["for", "stands in", "from", "until", "said by"]);
    for it in list(answer, "/delegates") {
        table.row([
            text(it, "/of").into(),
            text(it, "/to").into(),
            moment(&text(it, "/from")).into(),
            moment(&text(it, "/until")).into(),
            text(it, "/by").into(),
        ]);
    }
    output::write(&table.render("Nobody stands in for anybody that you have part in."))
}
