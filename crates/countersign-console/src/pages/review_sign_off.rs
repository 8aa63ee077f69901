//! Signing off: what somebody answers for with their name, and the act itself. It rests on a passkey that
//! signs these very decisions, or on a sign-in at the provider that is not older than five minutes;
//! whoever's is older is sent there again.

use crate::{
    asker::Asker,
    console::Console,
    frame::{Frame, Place, page},
    gate::Fields,
    passkeys::{self, SignedThing},
    problem::Problem,
    reviews::{self, words},
    samples::{Sample, Say, at, frame},
    text::Text,
    view::Moment,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use countersign_governance::{ItemFilter, SIGNED_IN_WITHIN};
use countersign_model::{
    Digest, Subject, Timestamp,
    passkey::SignedKind,
    review::{Campaign, CampaignState, Covers, Item, SignOff, SignOffProof},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// What is signed.
#[derive(Debug, Template)]
#[template(path = "review_sign_off.html")]
pub(crate) struct ReviewSignOffPage {
    frame: Frame,
    campaign: String,
    title: Text,
    covers: &'static str,
    what: &'static str,
    counts: Vec<(&'static str, u64)>,
    items: u64,
    /// Items that wait for the reader, so that nothing can be signed yet.
    open: u64,
    digest: String,
    report: Option<String>,
    signed_in_at: Option<Moment>,
    is_fresh: bool,
    /// What a passkey of the reader's would sign; none where they have no passkey here.
    passkey_signs: Option<String>,
    why_not: Option<&'static str>,
}

/// What is to be signed for, and what just happened.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    covers: String,
}

/// What a sign-off is about.
#[derive(Debug)]
pub(crate) struct Signable {
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) items: u64,
    pub(crate) open: u64,
    pub(crate) digest: Digest,
}

/// `GET /console/reviews/{id}/sign-off`.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign(&console, &asker, &id).await?.campaign;
    let covers = covers(&wanted.covers);
    let signable = signable(&console, &asker, &campaign, covers).await?;
    let signs = signed_thing(&asker, &campaign, covers, &signable).digest.to_string();
    let passkey_signs = passkeys::can_sign(&console, &asker).await?.then_some(signs);
    let title = Text::line(format!("{} – sign off", campaign.title)).plain();
    page(&ReviewSignOffPage {
        frame: Frame::new(title, Place::Reviews, asker.signed()),
        campaign: campaign.id.to_string(),
        title: Text::line(campaign.title.clone()),
        covers: name(covers),
        what: match covers {
            Covers::Own => "what you decided",
            Covers::Campaign => "the whole campaign",
        },
        counts: signable.counts.into_iter().collect(),
        items: signable.items,
        open: signable.open,
        digest: signable.digest.to_string(),
        report: match (&campaign.state, covers) {
            (
                CampaignState::Closed { report, .. } | CampaignState::SignedOff { report, .. },
                Covers::Campaign,
            ) => Some(report.to_string()),
            (_, Covers::Own | Covers::Campaign) => None,
        },
        signed_in_at: asker.signed_in_at.map(Moment),
        is_fresh: is_fresh(&asker, console.now()),
        passkey_signs,
        why_not: why_not(&campaign, covers, &asker),
    })
}

/// `POST /console/reviews/{id}/sign-off`.
pub(crate) async fn sign(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Extension(fields): Extension<Fields>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = reviews::campaign(&console, &asker, &id).await?.campaign;
    let covers = covers(fields.text("covers"));
    let by_passkey = fields.text("by") == "passkey";
    if !by_passkey && !is_fresh(&asker, console.now()) {
        let back = format!("{}/sign-off?covers={}", words::href(campaign.id), name(covers));
        return Ok(again(&back));
    }
    let signable = signable(&console, &asker, &campaign, covers).await?;
    if fields.text("digest") != signable.digest.to_string() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "other_decisions",
            "The decisions are not those that you were shown. Nothing was signed.",
            "Look at the campaign as it is now, and sign then.",
        ));
    }
    let proof = if by_passkey {
        let thing = signed_thing(&asker, &campaign, covers, &signable);
        let brought = fields.text("passkey");
        let signed = passkeys::finish_signing(&console, &asker, &headers, thing, brought).await?;
        SignOffProof::Passkey { passkey: Box::new(signed) }
    } else {
        SignOffProof::SignIn { signed_in_at: asker.signed_in_at.unwrap_or_default() }
    };
    console.governance().sign_off(&asker.actor, campaign.id, covers, proof).await?;
    Ok(super::review_acts::back(&words::href(campaign.id), "signed"))
}

/// What a passkey of the asker's signs for these decisions.
fn signed_thing(
    asker: &Asker,
    campaign: &Campaign,
    covers: Covers,
    signable: &Signable,
) -> SignedThing {
    let me = asker.actor.subject();
    let digest = SignOff::signed_digest(campaign.id, me, covers, signable.items, &signable.digest);
    SignedThing { kind: SignedKind::ReviewSignOff, digest }
}

/// To the choice of providers, which is told to ask who it is anew.
fn again(back: &str) -> Response {
    let back = back.replace('?', "%3F").replace('&', "%26");
    Redirect::to(&format!("/console/sign-in?anew=yes&return_to={back}")).into_response()
}

/// Whether somebody signed in lately enough to sign.
pub(crate) fn is_fresh(asker: &Asker, now: Timestamp) -> bool {
    asker.signed_in_at.is_some_and(|at| now.since(at).millis() <= SIGNED_IN_WITHIN.millis())
}

/// Whether somebody may sign for their own decisions: they were asked, and have not signed yet.
pub(crate) fn may_sign_own(campaign: &Campaign, asked: u64, reader: &Subject) -> bool {
    let is_open = match campaign.state {
        CampaignState::Open
        | CampaignState::Stopped { .. }
        | CampaignState::Grace { .. }
        | CampaignState::Closed { .. } => true,
        CampaignState::Opening | CampaignState::SignedOff { .. } => false,
    };
    is_open && asked > 0 && campaign.signed_off_by(reader).is_none()
}

fn why_not(campaign: &Campaign, covers: Covers, asker: &Asker) -> Option<&'static str> {
    let me = asker.actor.subject();
    let may_change = !asker.actor.is_auditor();
    match (covers, &campaign.state) {
        _ if !may_change => Some("An auditor sees everything and changes nothing."),
        (_, CampaignState::SignedOff { .. }) => Some("The campaign is signed off."),
        (Covers::Campaign, _) if *me != campaign.rules.owner && !asker.actor.is_administrator() => {
            Some("The campaign's owner signs for all of it.")
        }
        (Covers::Campaign, CampaignState::Closed { .. }) => None,
        (Covers::Campaign, _) => Some(
            "It is signed off after it is closed: when everything is decided, or by its dates.",
        ),
        (Covers::Own, CampaignState::Opening) => Some("The campaign is not open yet."),
        (Covers::Own, _) => None,
    }
}

/// Counts and digest of what would be signed, as governance makes them when it is.
pub(crate) async fn signable(
    console: &Console,
    asker: &Asker,
    campaign: &Campaign,
    covers: Covers,
) -> Result<Signable, Problem> {
    let me = asker.actor.subject();
    match covers {
        Covers::Own => {
            let items = reviews::items_of(console, asker, campaign.id).await?;
            Ok(own(&items, me, campaign))
        }
        Covers::Campaign => {
            let filter = ItemFilter { campaign: Some(campaign.id), ..ItemFilter::default() };
            Ok(whole(&reviews::all_items(console, asker, filter).await?))
        }
    }
}

fn own(items: &[Item], me: &Subject, campaign: &Campaign) -> Signable {
    let (mut counts, mut bytes, mut signed, mut open) = (BTreeMap::new(), Vec::new(), 0, 0);
    for item in items {
        if campaign.state.takes_answers() && item.waits_for(me) {
            open += 1;
        }
        for answer in item.answers.iter().filter(|it| it.by == *me && it.counts()) {
            signed += 1;
            *counts.entry(words::said(&answer.verdict)).or_default() += 1;
            let digest = Digest::of_json(&json!({
                "grant": item.grant, "snapshot": item.digest, "answer": answer,
            }));
            bytes.extend_from_slice(&digest.0);
        }
    }
    Signable { counts, items: signed, open, digest: Digest::of(&bytes) }
}

fn whole(items: &[Item]) -> Signable {
    let (mut counts, mut bytes) = (BTreeMap::new(), Vec::new());
    for item in items {
        *counts.entry(words::item_state(&item.state).label).or_default() += 1;
        bytes.extend_from_slice(&item.decision().0);
    }
    let items = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Signable { counts, items, open: 0, digest: Digest::of(&bytes) }
}

fn covers(named: &str) -> Covers {
    if named == "campaign" { Covers::Campaign } else { Covers::Own }
}

const fn name(covers: Covers) -> &'static str {
    match covers {
        Covers::Own => "own",
        Covers::Campaign => "campaign",
    }
}

impl Sample for ReviewSignOffPage {
    const NAME: &'static str = "review-sign-off";

    fn samples(say: Say) -> Vec<Self> {
        let page = |open, is_fresh, passkey, why_not| Self {
            frame: frame("Money functions – sign off", Place::Reviews, say),
            campaign: reviews::line::Line::SAMPLE_CAMPAIGN.to_owned(),
            title: say("Money functions, fourth quarter"),
            covers: "own",
            what: "what you decided",
            counts: vec![("kept it", 190), ("revoked it", 7)],
            items: 197,
            open,
            digest: "3f7c1f0e5b9a".repeat(5),
            report: Some("3f7c1f0e5b9a".repeat(5)),
            signed_in_at: Some(Moment(at(-4))),
            is_fresh,
            passkey_signs: passkey,
            why_not,
        };
        let signs = || Some("5b9a3f7c1f0e".repeat(5));
        vec![
            page(0, true, None, None),
            page(0, false, None, None),
            page(0, true, signs(), None),
            page(0, false, signs(), None),
            page(3, true, signs(), None),
            page(0, true, None, Some("An auditor sees everything and changes nothing.")),
        ]
    }
}
