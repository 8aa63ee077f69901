//! Access reviews: a campaign of one grant of the caller's, in which the owner is asked.

use super::super::{Way, cast::Stage};
use super::Deed;
use crate::lab::{APPROVER, OWNER, now};
use countersign_model::{Span, Timestamp};
use serde_json::{Value, json};

pub(super) async fn api(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let here = Here::new(stage, &way.path).await;
    let (at, grant) = (here.place(path), &here.grant);
    let deed = match (way.method.as_str(), path) {
        ("GET", "/api/v1/reviews") => {
            let all = stage.count("/reviews", "campaigns").await;
            Deed::new("review", "list", path).list("campaigns", all)
        }
        ("POST", "/api/v1/reviews") => {
            Deed::new("review", "open by hand", path).json(Here::campaign(grant, "14d"))
        }
        ("GET", "/api/v1/reviews/{id}") => Deed::new("review", "read", at),
        ("GET", "/api/v1/reviews/{id}/report") => {
            here.signed(stage).await;
            stage.closed(&here.campaign).await;
            Deed::new("review", "read the report", at)
        }
        ("GET", "/api/v1/reviews/{id}/evidence") => {
            here.signed(stage).await;
            stage.closed(&here.campaign).await;
            Deed::new("review", "take the evidence", at)
        }
        ("GET", "/api/v1/reviews/{id}/sample") => {
            Deed::new("review", "draw a sample", format!("{at}?size=1&seed=s"))
        }
        ("GET", "/api/v1/reviews/{id}/items") => {
            Deed::new("review", "list items", at).list("items", 1)
        }
        ("GET", "/api/v1/reviews/{id}/items/{grant}") => Deed::new("review", "read an item", at),
        ("POST", "/api/v1/reviews/{id}/answers") => {
            Deed::new("review", "decide", at).json(here.answer())
        }
        ("POST", "/api/v1/reviews/{id}/items/{grant}/undo") => {
            here.answered(stage).await;
            Deed::new("review", "take a decision back", at).json(json!({}))
        }
        ("POST", "/api/v1/reviews/{id}/hand-on") => Deed::new("review", "hand on", at)
            .json(json!({"grants": [grant], "from": OWNER, "to": APPROVER, "why": "a test"})),
        ("POST", "/api/v1/reviews/{id}/sign-off") => {
            here.answered(stage).await;
            Deed::new("review", "sign the own decisions", at).json(json!({"covers": "own"}))
        }
        ("POST", "/api/v1/reviews/{id}/extend") => Deed::new("review", "give more time", at)
            .json(json!({"end": "due", "until": later(), "why": "a test"})),
        ("POST", "/api/v1/reviews/{id}/confirm") => {
            Deed::new("review", "confirm a stopped end", at).json(json!({}))
        }
        ("POST", "/api/v1/reviews/{id}/addenda") => {
            here.signed(stage).await;
            Deed::new("review", "add a correction", at).json(json!({"text": "a test"}))
        }
        _ => return None,
    };
    Some(deed)
}

pub(super) async fn page(stage: &mut Stage, way: &Way) -> Option<Deed> {
    let path = way.path.as_str();
    let here = Here::new(stage, &way.path).await;
    let at = here.place(path);
    let grant = here.grant.as_str();
    let deed =
        match (way.method.as_str(), path) {
            ("GET", "/console/reviews") => Deed::new("review", "list what is shown", path),
            ("GET", "/console/reviews/{id}") => Deed::new("review", "read", at),
            ("GET", "/console/reviews/{id}/items") => Deed::new("review", "list items", at),
            ("GET", "/console/reviews/{id}/items/{grant}") => {
                Deed::new("review", "read an item", at)
            }
            ("GET", "/console/reviews/{id}/work") => Deed::new("review", "list the own items", at),
            ("GET", "/console/reviews/{id}/sign-off") => {
                Deed::new("review", "look at what is signed", at)
            }
            ("POST", "/console/reviews/{id}/answer") => Deed::new("review", "decide", at).form(&[
                ("grant", grant),
                ("version", "1"),
                ("verdict", "certify"),
                ("reason", "a test"),
            ]),
            ("POST", "/console/reviews/{id}/keep-together") => {
                let grants = format!("{grant}:1");
                let fields = [("grants", grants.as_str()), ("reason", "a test")];
                Deed::new("review", "decide together", at).form(&fields)
            }
            ("POST", "/console/reviews/{id}/undo") => {
                here.answered(stage).await;
                Deed::new("review", "take a decision back", at).form(&[("grant", grant)])
            }
            ("POST", "/console/reviews/{id}/hand-on") => Deed::new("review", "hand on", at)
                .form(&[("grant", grant), ("from", OWNER), ("to", APPROVER), ("why", "a test")]),
            ("POST", "/console/reviews/{id}/sign-off") => {
                here.answered(stage).await;
                let digest = stage.shown_digest(&here.campaign).await;
                let fields = [("covers", "own"), ("digest", digest.as_str())];
                Deed::new("review", "sign the own decisions", at).form(&fields)
            }
            ("POST", "/console/reviews/{id}/extend") => Deed::new("review", "give more time", at)
                .form(&[("end", "due"), ("until", &later().date()), ("why", "a test")]),
            ("POST", "/console/reviews/{id}/confirm") => {
                Deed::new("review", "confirm a stopped end", at).form(&[])
            }
            ("POST", "/console/reviews/{id}/addenda") => {
                here.signed(stage).await;
                Deed::new("review", "add a correction", at).form(&[("text", "a test")])
            }
            _ => return None,
        };
    Some(deed)
}

/// Later than a campaign ends by itself.
fn later() -> Timestamp {
    now().plus(Span::from_days(30))
}

/// A campaign of one grant.
struct Here {
    campaign: String,
    grant: String,
}

impl Here {
    async fn new(stage: &Stage, path: &str) -> Self {
        let is_stopped = path.ends_with("/confirm");
        // What is of high sensitivity is suspended when nobody answers, which is too much here.
        let grant = if is_stopped { stage.high_grant().await } else { stage.grant().await.0 };
        let lasts = if is_stopped { "1s" } else { "14d" };
        let opened = stage.manage("POST /reviews", &Self::campaign(&grant, lasts)).await;
        let campaign = opened["id"].as_str().unwrap().to_owned();
        if is_stopped {
            stage.in_state(&campaign, "stopped").await;
        }
        Self { campaign, grant }
    }

    fn campaign(grant: &str, lasts: &str) -> Value {
        json!({
            "title": "A test", "scope": {"grants": [grant]},
            "rules": {
                "owner": crate::lab::ADMINISTRATOR,
                "stages": [{"reviewers": [{"person": OWNER}], "mode": "any_one"}],
                "fallback": [], "duration": lasts, "grace": "7d", "reminders": [],
                "look_back": "90d", "breaker_percent": 0, "bulk_max": 10,
                "reason": "against_recommendation",
            },
        })
    }

    fn place(&self, path: &str) -> String {
        path.replace("{id}", &self.campaign).replace("{grant}", &self.grant)
    }

    fn answer(&self) -> Value {
        json!({"answers": [
            {"grant": self.grant, "version": 1, "verdict": "certify", "reason": "a test"},
        ]})
    }

    /// The owner keeps it.
    async fn answered(&self, stage: &Stage) {
        let what = format!("POST /reviews/{}/answers", self.campaign);
        stage.manage_as(OWNER, &what, &self.answer()).await;
    }

    /// The owner keeps it, and signs for that.
    async fn signed(&self, stage: &Stage) {
        self.answered(stage).await;
        let what = format!("POST /reviews/{}/sign-off", self.campaign);
        stage.manage_as(OWNER, &what, &json!({"covers": "own"})).await;
    }
}
