//! What the demo says when it runs: where the console is, who can sign in, and five commands to
//! paste into a second terminal, each of which shows one of the five answers.

use super::Start;
use crate::{
    exit::Failure,
    output::{self, BOLD, DIM, GREEN, styled},
};
use std::path::Path;

/// One of the five answers, and how to see it.
struct Answer {
    title: &'static str,
    what: String,
    commands: Vec<String>,
}

pub(super) fn say(base: &str, state: &Path, start: Start) -> Result<(), Failure> {
    let program = program();
    let state_said = match start {
        Start::First => format!("{} (made now: two hundred days in a moment)", state.display()),
        Start::Again => format!("{} (found again, and gone on with)", state.display()),
    };
    output::line(&format!(
        "\n{}\n",
        styled(BOLD.fg_color(GREEN.get_fg_color()), "The Countersign demo runs.")
    ))?;
    output::line(&format!("  Console   {}", styled(BOLD, &format!("{base}/console"))))?;
    output::line("            Sign in as anybody; there are no passwords:")?;
    for (name, role) in PEOPLE {
        output::line(&format!("              {name:<7} {}", styled(DIM, role)))?;
    }
    output::line(&format!("  State     {state_said}"))?;
    output::line("  End       Ctrl-C; the next start goes on where this one ended\n")?;
    output::line(
        "Paste these into a second terminal. The caller is the dunning agent, an AI agent.\n",
    )?;
    for (number, answer) in (1..).zip(answers(base, &program)) {
        output::line(&format!(
            "{} {}",
            styled(BOLD, &format!("{number}. {}.", answer.title)),
            answer.what
        ))?;
        for command in &answer.commands {
            output::line(&format!("\n{command}"))?;
        }
        output::line("")?;
    }
    output::line(&format!(
        "{} A review asks olivia whether each grant is still needed, with what it\n   was used for: as olivia \
         at {base}/console/reviews, by keys alone if she likes, or here:\n\n\
         COUNTERSIGN_TOKEN=$(curl -s {base}/demo/idp/token-for/olivia) {program} reviews list --server {base}\n",
        styled(BOLD, "And a review waits.")
    ))?;
    output::line(&styled(
        DIM,
        &format!(
            "An agent acts for a person with a token of both; `{program} token exchange --help`:\n\n\
             COUNTERSIGN_TOKEN=$(curl -s {base}/demo/idp/token-for/olivia) \
             COUNTERSIGN_ACTOR_TOKEN=$(curl -s {base}/demo/idp/token-for/dunning-agent) \
             {program} token exchange --server {base}\n"
        ),
    ))?;
    output::line(&styled(
        DIM,
        "What happened is in the console under Sessions, and in the ledger. Verify it yourself:",
    ))?;
    output::line(&format!(
        "\n{program} ledger verify {}\n",
        quoted(&state.join("ledger").display().to_string())
    ))
}

fn answers(base: &str, program: &str) -> [Answer; 5] {
    let token =
        format!("-H \"Authorization: Bearer $(curl -s {base}/demo/idp/token-for/dunning-agent)\"");
    let refund = |amount: &str| {
        format!(
            "curl -sw '\\n' {token} -H 'Content-Type: application/json' -d \
             '{{\"customer\":\"c_81\",\"amount\":{amount},\"currency\":\"EUR\",\"reason\":\"collected twice\"}}' \
             {base}/t/billing/v1/refunds"
        )
    };
    [
        Answer {
            title: "Forwarded and masked",
            what: "A fresh grant carries the call. Compare the e-mail, card and IBAN.".to_owned(),
            commands: vec![format!("curl -sw '\\n' {token} {base}/t/billing/v1/customers/c_81")],
        },
        Answer {
            title: "Held, then approved",
            what: format!(
                "A refund above 100 waits a minute for a person. While it hangs,\n   approve it as \
                 amir at {base}/console/approvals, or in a third terminal with the second line."
            ),
            commands: vec![
                refund("140"),
                format!(
                    "COUNTERSIGN_TOKEN=$(curl -s {base}/demo/idp/token-for/amir) {program} \
                     approvals approve --server {base}"
                ),
            ],
        },
        Answer {
            title: "Blocked for want of a grant",
            what: "Nobody ever let the agent delete customers.".to_owned(),
            commands: vec![format!(
                "curl -sw '\\n' -X DELETE {token} {base}/t/billing/v1/customers/c_81"
            )],
        },
        Answer {
            title: "Held because its review is overdue",
            what:
                "The grant is real, but nobody confirmed it in time: its\n   owner olivia must say \
                   yes to each call. (`Prefer: wait=0` asks for an answer at once.)"
                    .to_owned(),
            commands: vec![format!(
                "curl -sw '\\n' {token} -H 'Prefer: wait=0' {base}/t/billing/v1/exports/customers"
            )],
        },
        Answer {
            title: "Refused for bad arguments",
            what: "An amount is a number.".to_owned(),
            commands: vec![refund("\"lots\"")],
        },
    ]
}

/// How this program is called from here.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "countersign".to_owned() };
    let here = std::env::current_dir().ok();
    let near = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    match near {
        Some(near) => quoted(&format!("./{}", near.display())),
        None => quoted(&path.display().to_string()),
    }
}

/// A text as a shell reads it as one word.
fn quoted(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"/._-+:@%".contains(&it);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

const PEOPLE: [(&str, &str); 5] = [
    ("riley", "builds the dunning agent, and answers for it"),
    ("olivia", "owns the billing functions, and certifies who may call them"),
    ("amir", "approves refunds"),
    ("ada", "audits, and changes nothing"),
    ("sam", "administers Countersign"),
];

#[cfg(test)]
mod tests;
