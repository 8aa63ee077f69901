//! The page of a pack: to read and to print, without scripts and without anything from elsewhere.

use super::{
    controls::CONTROLS,
    facts::Facts,
    lines::html,
    reconcile::{self, AtClosing, AtOpening},
    tables,
};
use countersign_model::{
    Timestamp,
    review::{
        Answer, CampaignOrigin, Covers, Item, ItemState, ReviewVerdict, SignOffProof,
        campaign::ReviewEvent,
    },
};
use std::fmt::Write as _;

/// Decisions that the page lists; all of them stand in `decisions.csv`.
const ROWS_MAX: usize = 2_000;

/// A page in the making. Only words of ours are markup.
struct Page(String);

impl Page {
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    fn fact(&mut self, name: &str, value: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "<dt>{name}</dt><dd>{}</dd>", html(value));
    }

    fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.0, "<p>{}</p>", html(text));
    }

    fn table(&mut self, caption: &str, columns: &[&str], rows: &[Vec<String>]) {
        let _ = writeln!(self.0, "<table><caption>{}</caption>\n<thead><tr>", html(caption));
        for column in columns {
            let _ = writeln!(self.0, "<th scope=\"col\">{}</th>", html(column));
        }
        self.raw("</tr></thead>\n<tbody>");
        for row in rows {
            let cells: String = row.iter().map(|it| format!("<td>{}</td>", html(it))).collect();
            let _ = writeln!(self.0, "<tr>{cells}</tr>");
        }
        self.raw("</tbody></table>");
    }
}

/// The page.
pub(crate) fn html_page(facts: &Facts) -> String {
    let campaign = &facts.campaign;
    let mut page = Page(String::new());
    page.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
    );
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    let title = html(&campaign.title);
    page.raw(&format!(
        "<title>Access review: {title}</title>\n<style>{STYLE}</style></head><body>"
    ));
    page.raw(&format!(
        "<header><p>Evidence of an access review</p><h1>{title}</h1></header><main>"
    ));
    head(&mut page, facts);
    population(&mut page, facts);
    decisions(&mut page, facts);
    sign_offs(&mut page, facts);
    controls(&mut page);
    page.raw("</main><footer>");
    page.paragraph(&format!(
        "{}. What stands here follows from the other files of the pack; README.txt says how to verify them.",
        campaign.id
    ));
    page.raw("</footer></body></html>");
    page.0
}

fn head(page: &mut Page, facts: &Facts) {
    let campaign = &facts.campaign;
    page.raw("<dl>");
    page.fact("Campaign", &campaign.id.to_string());
    page.fact("State", campaign.state.name());
    page.fact("Opened by", &origin(&campaign.origin));
    page.fact("Answers for it", campaign.rules.owner.as_str());
    if let Some(opening) = &campaign.opening {
        page.fact("Opened", &moment(opening.at));
        page.fact("Digest of the snapshot", &opening.digest.to_string());
    }
    page.fact("Due", &moment(campaign.due_at));
    if let Some(closed) = campaign.state.closed_at() {
        page.fact("Closed", &moment(closed));
    }
    page.raw("</dl>");
}

fn population(page: &mut Page, facts: &Facts) {
    let counts = reconcile::of(facts);
    page.raw("<section><h2>Population</h2>");
    if let Some(AtOpening {
        at, grants, active_grants, items, excluded, calls_counted_until, ..
    }) = &counts.opening
    {
        page.paragraph(&format!(
            "At the opening, {}, {grants} grants were known, {active_grants} of which had not ended; {items} are items.",
            moment(*at)
        ));
        let rows: Vec<Vec<String>> =
            excluded.iter().map(|(why, count)| vec![why.clone(), count.to_string()]).collect();
        page.table("Grants that are no items", &["why", "grants"], &rows);
        let rows: Vec<Vec<String>> = calls_counted_until
            .iter()
            .map(|(gateway, until)| vec![gateway.clone(), moment(*until)])
            .collect();
        page.table("Until when calls had been counted", &["gateway", "until"], &rows);
    }
    if let Some(AtClosing { at, grants, made_meanwhile, results, grants_ended, .. }) =
        &counts.closing
    {
        let gone: u64 = grants_ended.values().sum();
        page.paragraph(&format!(
            "At the close, {}: {} items, {gone} of whose grants had ended, and {made_meanwhile} grants made meanwhile: {grants}.",
            moment(*at),
            facts.items.len()
        ));
        let rows: Vec<Vec<String>> =
            results.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
        page.table("Items by result", &["result", "items"], &rows);
    }
    for fault in &counts.faults {
        page.raw("<p class=\"bad\">");
        page.paragraph(fault);
        page.raw("</p>");
    }
    let rows: Vec<Vec<String>> = facts
        .made_meanwhile
        .iter()
        .map(|it| {
            vec![
                it.grant.to_string(),
                it.holder.clone(),
                tables::names(&it.functions),
                it.made_by.to_string(),
                moment(it.made_at),
            ]
        })
        .collect();
    page.table(
        "Made while the review ran, and not reviewed in it",
        &["grant", "holder", "functions", "made by", "made"],
        &rows,
    );
    page.raw("</section>");
}

fn decisions(page: &mut Page, facts: &Facts) {
    page.raw("<section><h2>Decisions</h2>");
    let rows: Vec<Vec<String>> =
        facts.items.iter().flat_map(of_item).take(ROWS_MAX.saturating_add(1)).collect();
    if let Some(listed) = rows.get(..ROWS_MAX) {
        page.table("The first decisions; the others stand in decisions.csv", &COLUMNS, listed);
    } else {
        page.table("Every item", &COLUMNS, &rows);
    }
    page.raw("</section>");
}

const COLUMNS: [&str; 8] =
    ["holder", "functions", "sensitivity", "recommended", "decision", "by", "reason", "result"];

fn of_item(item: &Item) -> Vec<Vec<String>> {
    let result = match &item.state {
        ItemState::Decided(outcome) => {
            format!("{} on {}", outcome.result.name(), moment(outcome.at))
        }
        ItemState::Open => "open".to_owned(),
        ItemState::Suspended { at } => format!("suspended on {}", moment(*at)),
        ItemState::Moot { at, how } => format!("moot: {how}, seen on {}", moment(*at)),
    };
    let row = |answer: Option<&Answer>| {
        let (decision, by, reason) = match answer {
            Some(it) => (said(it), it.by.to_string(), it.reason.clone()),
            None => ("none".to_owned(), "nobody".to_owned(), String::new()),
        };
        vec![
            tables::holder(&item.snapshot.grant.holder),
            tables::names(&item.snapshot.functions),
            item.snapshot.sensitivity.to_string(),
            item.snapshot.recommendation.advice.name().to_owned(),
            decision,
            by,
            reason,
            result.clone(),
        ]
    };
    let mut rows: Vec<Vec<String>> =
        item.answers.iter().filter(|it| it.counts()).map(|it| row(Some(it))).collect();
    if rows.is_empty() {
        rows.push(row(None));
    }
    rows
}

fn said(answer: &Answer) -> String {
    let mut text = match &answer.verdict {
        ReviewVerdict::HandOn { to } => format!("handed on to {to}"),
        ReviewVerdict::Certify
        | ReviewVerdict::Reduce { .. }
        | ReviewVerdict::Revoke
        | ReviewVerdict::DontKnow => answer.verdict.name().to_owned(),
    };
    if answer.against {
        text.push_str(", against the recommendation");
    }
    text
}

fn proved(proof: &SignOffProof) -> String {
    match proof {
        SignOffProof::SignIn { signed_in_at } => format!("a sign-in at {}", moment(*signed_in_at)),
        SignOffProof::Passkey { passkey } => {
            format!("passkey {} at {}", passkey.passkey, passkey.origin)
        }
    }
}

fn sign_offs(page: &mut Page, facts: &Facts) {
    page.raw("<section><h2>Sign-offs</h2>");
    let rows: Vec<Vec<String>> = facts
        .campaign
        .sign_offs
        .iter()
        .map(|it| {
            let covers = match it.covers {
                Covers::Own => "their own decisions",
                Covers::Campaign => "the whole campaign",
            };
            vec![
                it.by.to_string(),
                covers.to_owned(),
                it.items.to_string(),
                moment(it.at),
                proved(&it.proof),
                it.digest.to_string(),
            ]
        })
        .collect();
    page.table(
        "Who answers for it",
        &["who", "for", "items", "when", "proved by", "digest"],
        &rows,
    );
    let rows: Vec<Vec<String>> = facts
        .campaign
        .addenda
        .iter()
        .map(|it| {
            let about = it.grant.map_or_else(|| "the campaign".to_owned(), |it| it.to_string());
            vec![it.by.to_string(), moment(it.at), about, it.text.clone()]
        })
        .collect();
    page.table("Corrections that were written beside it", &["who", "when", "about", "text"], &rows);
    page.raw("</section>");
}

fn controls(page: &mut Page) {
    page.raw("<section><h2>Controls</h2>");
    let rows: Vec<Vec<String>> = CONTROLS
        .iter()
        .map(|it| {
            vec![
                format!("{} {}", it.framework, it.control),
                it.shown.to_owned(),
                it.not_shown.to_owned(),
            ]
        })
        .collect();
    page.table(
        "What this shows of which control; whether it is met is for the auditor to say",
        &["control", "shown here", "not shown here"],
        &rows,
    );
    page.raw("</section>");
}

fn origin(of: &CampaignOrigin) -> String {
    match of {
        CampaignOrigin::Schedule { name, date } => format!("the schedule {name}, for {date}"),
        CampaignOrigin::Event { what, grant } => format!("{}, about {grant}", event(*what)),
        CampaignOrigin::ByHand { by } => by.to_string(),
    }
}

const fn event(of: ReviewEvent) -> &'static str {
    match of {
        ReviewEvent::ContractDrifted => "a function with another contract",
        ReviewEvent::SensitivityRose => "a function that became more sensitive",
        ReviewEvent::SponsorChanged => "another sponsor",
        ReviewEvent::BreakGlass => "break-glass",
        ReviewEvent::UsedAfterIdle => "first use after a long idle",
    }
}

/// To the second, UTC.
fn moment(at: Timestamp) -> String {
    let iso = at.to_string();
    let words: String = iso.chars().take(19).map(|it| if it == 'T' { ' ' } else { it }).collect();
    format!("{words} UTC")
}

const STYLE: &str = "@page{size:A4;margin:16mm 14mm}\
body{font:10.5pt/1.45 system-ui,sans-serif;color:#111;background:#fff;max-width:190mm;margin:1.5rem auto;padding:0 1rem}\
h1{font-size:17pt;margin:.1rem 0 1rem}h2{font-size:13pt;margin:1.4rem 0 .4rem;break-after:avoid}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;margin:.6rem 0 1.2rem;font-size:8.5pt}\
caption{text-align:left;font-weight:600;padding:.2rem 0}\
th,td{border:.4pt solid #888;padding:.15rem .35rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#eee}thead{display:table-header-group}tr{break-inside:avoid}.bad{color:#a00}footer{color:#555;font-size:8.5pt}\
@media print{body{margin:0;padding:0;max-width:none}}";
