//! What a reviewer's form says. The same form is sent by a page without scripts and by the script of the
//! work list; what is done is what its sender saw, or nothing.

use super::{line, reduced};
use crate::{gate::Fields, problem::Problem};
use countersign_governance::NewAnswer;
use countersign_model::{
    GrantId, Snapshot, Subject,
    review::{Item, ReviewVerdict},
};
use http::StatusCode;

/// What a form asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// An answer about one item.
    Answer(NewAnswer),
    /// Somebody else should say.
    HandOn {
        /// Who.
        to: Subject,
        /// Why.
        why: String,
    },
}

/// Reads an answer about an item.
pub(crate) fn read(fields: &Fields, item: &Item, snapshot: &Snapshot) -> Result<Said, Problem> {
    let reason = fields.text("reason").to_owned();
    let verdict = match fields.text("verdict") {
        "certify" => ReviewVerdict::Certify,
        "revoke" => ReviewVerdict::Revoke,
        "dont_know" => ReviewVerdict::DontKnow,
        "reduce" => narrowed(fields, item, snapshot, Narrowing::ToUsed)?,
        "reduce_gently" => narrowed(fields, item, snapshot, Narrowing::Gently)?,
        "hand_on" => {
            let to = fields.text("to");
            if to.is_empty() {
                return Err(Problem::invalid("The form does not say whom to hand it to."));
            }
            return Ok(Said::HandOn { to: to.into(), why: reason });
        }
        _ => return Err(Problem::invalid("The form says nothing about the grant.")),
    };
    let version = fields.text("version").parse();
    let version = version.map_err(|_| Problem::invalid("The form names no version."))?;
    let seen_ms = fields.text("seen_ms").parse().ok();
    Ok(Said::Answer(NewAnswer { grant: item.grant, version, verdict, reason, seen_ms }))
}

/// The grants that are kept together, each with the version that was shown: `grt_…:3 grt_…:1`.
pub(crate) fn together(fields: &Fields) -> Result<Vec<NewAnswer>, Problem> {
    let reason = fields.text("reason");
    let one = |text: &str| {
        let (grant, version) = text.split_once(':')?;
        let (grant, version): (GrantId, u32) = (grant.parse().ok()?, version.parse().ok()?);
        let (verdict, reason) = (ReviewVerdict::Certify, reason.to_owned());
        Some(NewAnswer { grant, version, verdict, reason, seen_ms: None })
    };
    let named = fields.text("grants").split_whitespace().map(one).collect::<Option<Vec<_>>>();
    named
        .filter(|it| !it.is_empty())
        .ok_or_else(|| Problem::invalid("The form names no grants that could be kept together."))
}

/// To what a grant is narrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrowing {
    ToUsed,
    Gently,
}

fn narrowed(
    fields: &Fields,
    item: &Item,
    snapshot: &Snapshot,
    how: Narrowing,
) -> Result<ReviewVerdict, Problem> {
    let found = reduced(item, snapshot);
    let found = found.filter(|it| line::digest(it) == fields.text("reduced")).ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "other_reduction",
            "What the grant would be narrowed to is not what you were shown. Nothing was changed.",
            "Look at it again as it is now, and decide anew.",
        )
    })?;
    Ok(match (how, found.read_only) {
        (Narrowing::ToUsed, _) => {
            ReviewVerdict::Reduce { functions: found.functions, constraints: found.constraints }
        }
        (Narrowing::Gently, Some(functions)) => {
            ReviewVerdict::Reduce { functions, constraints: Vec::new() }
        }
        (Narrowing::Gently, None) => {
            return Err(Problem::invalid("There is no gentler way to narrow this grant."));
        }
    })
}
