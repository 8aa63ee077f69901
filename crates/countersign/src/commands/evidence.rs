//! `countersign evidence` and what of `countersign reviews` is about evidence: taking it, verifying it
//! offline, drawing samples, numbers.

use super::{list, moment, text};
use crate::{
    api::{Api, query},
    cli::{EvidenceCommand, ReviewEvidenceCommand, Shared},
    exit::{Exit, Failure},
    output::{self, BOLD, DIM, GREEN, RED, YELLOW, plain, styled},
    table::{Cell, Table},
};
use countersign_governance::{PACK_BYTES_MAX, PackFault, PackOptions, PackVerified, verify_pack};
use countersign_model::{CampaignId, Digest};
use serde_json::{Value, json};
use std::{
    fs::OpenOptions,
    io::{Read, Write},
    path::Path,
};

pub(super) fn run(command: EvidenceCommand, shared: &Shared) -> Result<(), Failure> {
    let EvidenceCommand::Verify { file, vkeys } = command;
    let bytes = read(&file)?;
    let vkeys: Vec<String> = vkeys.iter().map(|it| it.trim().to_owned()).collect();
    match verify_pack(&bytes, &PackOptions { vkeys: vkeys.clone() }) {
        Ok(verified) => holds(&verified, &vkeys, shared),
        Err(faults) => Err(broken(&faults, shared)),
    }
}

pub(super) async fn reviews(
    api: &Api,
    command: ReviewEvidenceCommand,
    shared: &Shared,
) -> Result<(), Failure> {
    match command {
        ReviewEvidenceCommand::Export { campaign, out } => {
            export(api, campaign, &out, shared).await
        }
        ReviewEvidenceCommand::Sample { campaign, size, seed } => {
            let query = query(&[("size", Some(size.to_string())), ("seed", Some(seed))]);
            let answer: Value = api.get(&format!("/reviews/{campaign}/sample{query}")).await?;
            if shared.json { output::json(&answer) } else { sample(&answer) }
        }
        ReviewEvidenceCommand::Numbers { campaign } => {
            let query = query(&[("campaign", campaign.map(|it| it.to_string()))]);
            let answer: Value = api.get(&format!("/reviews/numbers{query}")).await?;
            if shared.json { output::json(&answer) } else { numbers(&answer) }
        }
    }
}

async fn export(
    api: &Api,
    campaign: CampaignId,
    out: &Path,
    shared: &Shared,
) -> Result<(), Failure> {
    // Before the gateway works for it, and before it stands in the ledger.
    let mut file = OpenOptions::new().write(true).create_new(true).open(out).map_err(|error| {
        Failure::caused(Exit::Usage, &format!("can't write {}", out.display()), &error)
            .next("name a file that is not there yet")
    })?;
    let fetched = api.file(&format!("/reviews/{campaign}/evidence"), PACK_BYTES_MAX).await;
    let written = fetched.and_then(|answer| {
        let written = file.write_all(&answer.body).and_then(|()| file.sync_all());
        written.map(|()| answer).map_err(|error| {
            Failure::caused(Exit::Failed, &format!("can't write {}", out.display()), &error)
        })
    });
    let answer = match written {
        Ok(answer) => answer,
        Err(failure) => {
            // What is not whole is no evidence. If it can't be removed, it does not verify either.
            drop(std::fs::remove_file(out));
            return Err(failure);
        }
    };
    let digest = Digest::of(&answer.body);
    let unproven = answer.headers.get("countersign-unproven").and_then(|it| it.to_str().ok());
    if shared.json {
        return output::json(&json!({"file": out, "bytes": answer.body.len(), "sha256": digest,
            "entries_without_proof": unproven.and_then(|it| it.parse::<u64>().ok())}));
    }
    output::line(&format!(
        "{} {} bytes in {}",
        styled(GREEN.bold(), "written:"),
        answer.body.len(),
        styled(BOLD, &out.display().to_string())
    ))?;
    output::line(&format!("  sha256 {digest}"))?;
    if unproven.is_some_and(|it| it != "0") {
        output::note("Some entries have no proof yet. Take the evidence again in a few seconds.");
    }
    output::note(&format!("Verify it:  countersign evidence verify {}", out.display()));
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::caused(Exit::Usage, &format!("can't read {}", file.display()), &error)
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(PACK_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn holds(verified: &PackVerified, vkeys: &[String], shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        output::json(verified)?;
    } else {
        output::line(&format!(
            "{} {} ({}): {} items, {} decisions, {} entries of the ledger",
            styled(GREEN.bold(), "verified:"),
            styled(BOLD, &plain(&verified.title)),
            plain(&verified.state),
            verified.items,
            verified.answers,
            verified.entries
        ))?;
        for key in &verified.vkeys {
            output::line(&format!("  key  {}", plain(key)))?;
        }
        if vkeys.is_empty() {
            output::note("The keys were read from the archive. To rule out one that was made up:");
            output::note("  --vkey KEY, kept elsewhere");
        }
    }
    if verified.unchecked.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = verified.unchecked.iter().map(|it| plain(it)).collect();
    let what = format!("nothing is wrong, but not all could be checked: {}", all.join("; "));
    Err(Failure::new(Exit::Unverified, what).next("take the evidence again"))
}

fn broken(faults: &[PackFault], shared: &Shared) -> Failure {
    if shared.json {
        // The failure below says the same if this can't be written.
        drop(output::json(&json!({"faults": faults})));
    } else {
        for fault in faults.iter().take(FAULTS_MAX) {
            output::note(&format!("{} {}", styled(RED, "fault"), plain(&fault.to_string())));
        }
    }
    let what = format!("not verified: {} things do not hold", faults.len());
    Failure::new(Exit::Unverified, what)
        .next("keep this file as it is, and compare it with another copy")
}

fn sample(answer: &Value) -> Result<(), Failure> {
    let mut table =
        Table::new(["item", "holder", "functions", "sensitivity", "advice", "state", "decided by"]);
    for item in list(answer, "/items") {
        let functions: Vec<String> =
            list(item, "/snapshot/functions").iter().map(|it| text(it, "")).collect();
        let by: Vec<String> = list(item, "/state/by").iter().map(|it| text(it, "")).collect();
        let state = match text(item, "/state/result") {
            none if none.is_empty() => text(item, "/state/state"),
            result => result,
        };
        table.row([
            text(item, "/grant").into(),
            holder(item).into(),
            functions.join(" ").into(),
            text(item, "/snapshot/sensitivity").into(),
            text(item, "/snapshot/recommendation/advice").into(),
            state.into(),
            by.join(" ").into(),
        ]);
    }
    output::write(&table.render("The campaign has no items."))?;
    output::line(&styled(
        DIM,
        &format!(
            "{} of {} items, drawn with the seed {:?}; digest {}",
            list(answer, "/items").len(),
            text(answer, "/of"),
            text(answer, "/seed"),
            text(answer, "/digest")
        ),
    ))
}

fn holder(item: &Value) -> String {
    match text(item, "/snapshot/grant/holder/subject") {
        none if none.is_empty() => {
            format!("group:{}", text(item, "/snapshot/grant/holder/group"))
        }
        subject => subject,
    }
}

fn numbers(answer: &Value) -> Result<(), Failure> {
    let mut table = Table::new([
        "campaign",
        "state",
        "due",
        "items",
        "decided",
        "overdue",
        "against",
        "ended or narrowed",
    ]);
    for it in list(answer, "/campaigns") {
        let overdue = text(it, "/overdue");
        let overdue: Cell =
            if overdue == "0" { overdue.into() } else { Cell::styled(overdue, YELLOW) };
        table.row([
            text(it, "/title").into(),
            text(it, "/state").into(),
            moment(&text(it, "/due_at")).into(),
            text(it, "/items").into(),
            percent(it, "/done_percent").into(),
            overdue,
            text(it, "/against").into(),
            percent(it, "/revoked_percent").into(),
        ]);
    }
    output::write(&table.render("There are no campaigns."))?;
    let mut table = Table::new([
        "reviewer",
        "waits",
        "answers",
        "kept",
        "in bulk",
        "looked at for",
        "against",
        "signs",
    ]);
    for it in list(answer, "/reviewers") {
        let signs: Vec<String> =
            list(it, "/signs").iter().map(|it| text(it, "").replace('_', " ")).collect();
        table.row([
            text(it, "/reviewer").into(),
            text(it, "/waits").into(),
            text(it, "/answers").into(),
            percent(it, "/kept_percent").into(),
            percent(it, "/together_percent").into(),
            seconds(it).into(),
            text(it, "/against").into(),
            Cell::styled(signs.join(", "), YELLOW),
        ]);
    }
    output::write(&format!("\n{}", table.render("Nobody was asked yet.")))?;
    let Some(grants) = answer.get("grants").filter(|it| it.is_object()) else { return Ok(()) };
    let mut table = Table::new(["grants", "count"]);
    for (pointer, name) in GRANTS {
        table.row([name.into(), text(grants, pointer).into()]);
    }
    for bar in list(grants, "/age") {
        table.row([text(bar, "/label").into(), text(bar, "/count").into()]);
    }
    output::write(&format!("\n{}", table.render("")))
}

const GRANTS: [(&str, &str); 8] = [
    ("/active", "active"),
    ("/suspended", "suspended"),
    ("/never_certified", "never certified"),
    ("/overdue", "certification lapsed"),
    ("/due", "certification lapses soon"),
    ("/expiring", "end within 30 days"),
    ("/unused", "not used in 90 days"),
    ("/unknown_use", "use not known yet"),
];

fn percent(value: &Value, pointer: &str) -> String {
    match text(value, pointer) {
        none if none.is_empty() => "–".to_owned(),
        number => format!("{number} %"),
    }
}

fn seconds(value: &Value) -> String {
    value
        .get("seen_ms")
        .and_then(Value::as_u64)
        .map_or_else(|| "–".to_owned(), |ms| format!("{} s", ms / 1000))
}

/// Faults that are printed.
const FAULTS_MAX: usize = 50;
