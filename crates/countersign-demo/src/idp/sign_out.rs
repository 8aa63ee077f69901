//! `/end_session`: there is no session here to end, so all it does is lead back to an address that a
//! client registered (OpenID Connect RP-Initiated Logout 1.0 §3). Never leads anywhere else.

use super::{Client, ClientKind, Idp, authorize::with_query, page};
use axum::{
    Form,
    extract::{Query, State, rejection::FormRejection, rejection::QueryRejection},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct SignOut {
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

pub(crate) async fn get(
    State(idp): State<Idp>,
    request: Result<Query<SignOut>, QueryRejection>,
) -> Response {
    leave(&idp, request.ok().map(|Query(it)| it))
}

pub(crate) async fn post(
    State(idp): State<Idp>,
    request: Result<Form<SignOut>, FormRejection>,
) -> Response {
    leave(&idp, request.ok().map(|Form(it)| it))
}

fn leave(idp: &Idp, request: Option<SignOut>) -> Response {
    let Some(request) = request else {
        return page::problem(idp, StatusCode::BAD_REQUEST, "The sign-out was not understood.");
    };
    let Some(wanted) = &request.post_logout_redirect_uri else {
        let text = "You can close this page, or sign in again from the application.";
        return page::message(idp, StatusCode::OK, "You are signed out", text).into_response();
    };
    let asking = |client: &&Client| request.client_id.as_ref().is_none_or(|id| client.id == *id);
    let mut clients = idp.0.clients.iter().filter(asking);
    if !clients.any(|client| may_return(client, wanted)) {
        let text = "The address to return to is not registered for this application.";
        return page::problem(idp, StatusCode::BAD_REQUEST, text);
    }
    let state = request.state.as_deref().map(|state| ("state", state));
    Redirect::to(&with_query(wanted, state.as_slice())).into_response()
}

fn may_return(client: &Client, wanted: &str) -> bool {
    match &client.kind {
        ClientKind::Web { post_logout_redirect_uris, .. } => {
            post_logout_redirect_uris.iter().any(|it| it == wanted)
        }
        ClientKind::Cli | ClientKind::Agent { .. } => false,
    }
}
