//! `countersign token exchange`: a token with which an agent acts for whoever is signed in. It is
//! written to standard output and kept nowhere.

use super::text;
use crate::{
    api::{Api, ExchangeRefused},
    cli::{Shared, TokenExchangeArguments},
    exit::{Exit, Failure},
    output::{self, DIM, plain, styled},
};
use http::StatusCode;

pub(super) async fn exchange(
    typed: TokenExchangeArguments,
    shared: &Shared,
) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let answer = match api.exchange(&typed.actor_token, &typed.scopes).await? {
        Ok(answer) => answer,
        Err((status, refused)) => return Err(failure(status, &refused)),
    };
    if shared.json {
        return output::json(&answer);
    }
    let seconds = text(&answer, "/expires_in");
    let scopes = text(&answer, "/scope");
    let scopes = if scopes.is_empty() { "no scopes".to_owned() } else { scopes };
    output::note(&styled(DIM, &format!("good for {seconds} s, {scopes}")));
    output::line(&text(&answer, "/access_token"))
}

fn failure(status: StatusCode, refused: &ExchangeRefused) -> Failure {
    let exit = match status {
        StatusCode::SERVICE_UNAVAILABLE => Exit::Unreachable,
        _ => Exit::Refused,
    };
    let what = format!("{} ({})", plain(&refused.error_description), plain(&refused.code));
    Failure::new(exit, what).next(plain(&refused.next_step))
}
