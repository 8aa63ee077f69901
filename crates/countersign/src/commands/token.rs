//! `countersign token exchange`: a token with which an agent acts for whoever is signed in. It is
//! written to standard output and kept nowhere.

use super::text;
use crate::{
    api::{ActorShown, Api, ExchangeRefused},
    cli::{Shared, TokenExchangeArguments},
    client_key, clock,
    exit::{Exit, Failure},
    output::{self, DIM, plain, styled},
};
use http::StatusCode;
use std::path::Path;

pub(super) async fn exchange(
    typed: TokenExchangeArguments,
    shared: &Shared,
) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    let actor = match (typed.actor_token, typed.agent, typed.agent_key) {
        (_, Some(agent), Some(file)) => {
            let key = client_key::read(&file)?;
            let issuer = api.token_issuer().await?;
            let assertion =
                key.client_assertion(&agent, &issuer, clock::clock().now(), &clock::entropy()?);
            let failed =
                |error| Failure::caused(Exit::Failed, "the agent's key can't be used", &error);
            ActorShown::Assertion(assertion.map_err(failed)?)
        }
        (Some(token), _, _) => ActorShown::Token(token),
        (None, _, _) => return Err(Failure::usage("nothing says which agent acts")),
    };
    let answer = match api.exchange(&actor, &typed.scopes).await? {
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

/// Makes a key for an agent.
pub(super) fn key(file: &Path, shared: &Shared) -> Result<(), Failure> {
    let key = client_key::make(file)?;
    let mut public = key.public();
    if let Some(members) = public.as_object_mut() {
        members.insert("kid".to_owned(), key.thumbprint().into());
        members.insert("alg".to_owned(), "ES256".into());
    }
    output::note(&styled(DIM, &format!("The private half is in {}.", file.display())));
    if shared.json {
        return output::json(&public);
    }
    output::note("For the agent in the catalog, under `keys:`");
    output::line(&format!("- {public}"))
}

fn failure(status: StatusCode, refused: &ExchangeRefused) -> Failure {
    let exit = match status {
        StatusCode::SERVICE_UNAVAILABLE => Exit::Unreachable,
        _ => Exit::Refused,
    };
    let what = format!("{} ({})", plain(&refused.error_description), plain(&refused.code));
    Failure::new(exit, what).next(plain(&refused.next_step))
}
