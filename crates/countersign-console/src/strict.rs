//! JSON bodies of the management API: read strictly, so that no two readers could see two things,
//! and refused when they say something that is not understood.

use crate::problem::Problem;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use countersign_model::json::{self, Limits};
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A body that was read. An empty one is an empty object.
#[derive(Debug)]
pub(crate) struct Strict<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.and_then(|it| it.split(';').next()).unwrap_or("").trim().to_owned();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejected| Problem::of_status(rejected.status()))?;
        if !body.is_empty() && !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ..Problem::invalid("The body must be of type application/json.")
            });
        }
        read(&body).map(Self)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let value = if body.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        json::parse(body, LIMITS)
            .map_err(|fault| Problem::invalid(format!("The body is no strict JSON: {fault}.")))?
    };
    serde_json::from_value(value)
        .map_err(|fault| Problem::invalid(format!("The body is not what is asked for: {fault}.")))
}

/// A catalog of thousands of functions fits.
const LIMITS: Limits = Limits { depth_max: 64, members_max: 500_000 };
