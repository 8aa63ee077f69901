//! `/token-for/{name}`: a shortcut that exists in the demo only. It hands an access token of fifteen
//! minutes to any program on this machine, so that a newcomer can paste one `curl` command.

use super::{Idp, TOKEN_SECONDS, guard::is_cross_site};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use countersign_model::Span;
use http::{HeaderMap, StatusCode};

/// Answers with the token alone, without a line end, as `text/plain`.
pub(crate) async fn token_for(
    State(idp): State<Idp>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if is_cross_site(&idp, &headers) {
        return (StatusCode::FORBIDDEN, "only for programs on this machine\n").into_response();
    }
    let Some(subject) = subject_called(&idp, &name) else {
        return (StatusCode::NOT_FOUND, nobody(&idp)).into_response();
    };
    match idp.mint(subject, &idp.0.audience, Span::from_seconds(TOKEN_SECONDS)) {
        Ok(token) => token.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// A person by subject or by what stands before the `@`; an agent by subject or client.
fn subject_called<'a>(idp: &'a Idp, name: &str) -> Option<&'a str> {
    let people = idp.0.people.iter();
    let mut people = people.map(|it| (it.subject.as_str(), short_name(&it.subject)));
    if let Some((subject, _)) = people.find(|(subject, short)| *subject == name || *short == name) {
        return Some(subject);
    }
    let mut agents = idp.0.agents.iter();
    agents.find(|it| it.subject == name || it.client_id == name).map(|it| it.subject.as_str())
}

fn nobody(idp: &Idp) -> String {
    let people = idp.0.people.iter().map(|it| short_name(&it.subject));
    let names: Vec<&str> =
        people.chain(idp.0.agents.iter().map(|it| it.client_id.as_str())).collect();
    format!("nobody in the demo has that name; try one of: {}\n", names.join(", "))
}

fn short_name(subject: &str) -> &str {
    subject.split_once('@').map_or(subject, |(short, _)| short)
}
