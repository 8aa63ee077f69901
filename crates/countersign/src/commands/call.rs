//! `countersign call`: calls a function. While a human is asked, it shows where, and repeats the
//! same call (which joins the same request) until it is answered or the time is over.

use super::tools;
use crate::{
    api::{Api, Problem, refusal},
    arguments,
    cli::{CallArguments, Shared},
    clock,
    exit::{Exit, Failure},
    output::{self, BOLD, DIM, plain, styled},
};
use countersign_identity::Answer;
use countersign_model::Span;
use http::{StatusCode, header};
use serde_json::Value;
use std::time::Duration;

pub(super) async fn run(typed: CallArguments, shared: &Shared) -> Result<(), Failure> {
    if !is_name(&typed.function) {
        let what = format!("`{}` is no function's name", typed.function);
        return Err(Failure::usage(what).next("list what you may call: countersign tools"));
    }
    let given = arguments::parse(&typed.arguments)?;
    let api = Api::open(shared).await?;
    let given = match has_texts(&given) {
        true => fitted(&api, &typed.function, given).await,
        false => given,
    };
    let clock = clock::clock();
    let until = clock.now().plus(typed.timeout);
    let mut held = Held::default();
    loop {
        let left = until.since(clock.now());
        // The first call does not wait, so that the person learns where to ask at once.
        let wait = if held.url.is_some() { WAIT.min(left.duration()) } else { Duration::ZERO };
        let answer_within = left.duration().max(ANSWER_WITHIN_MIN);
        let call = api.call(&typed.function, &given, wait, answer_within);
        let answer = held.show_while(call).await?;
        let Some(problem) = waits(&answer) else {
            held.end();
            return finish(&api, &answer);
        };
        held.learn(&problem);
        if clock.now() >= until {
            held.end();
            return Err(late(&problem, typed.timeout));
        }
        held.show_while(tokio::time::sleep(pause(&answer, wait))).await;
    }
}

/// The refusal that says that a human is asked, and nobody has answered yet.
fn waits(answer: &Answer) -> Option<Problem> {
    if answer.status != StatusCode::FORBIDDEN {
        return None;
    }
    let problem: Problem = answer.json().ok()?;
    (problem.code == "approval_required").then_some(problem)
}

fn finish(api: &Api, answer: &Answer) -> Result<(), Failure> {
    let by_gateway = answer
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/problem+json"));
    if answer.status.is_success() {
        return print(answer);
    }
    if by_gateway {
        let problem: Problem = answer.json().unwrap_or_default();
        if problem.code == "approval_expired" {
            return Err(match refusal(answer.status, &problem, &api.server) {
                Failure::Said { what, next_step, .. } => {
                    Failure::new(Exit::Held, what).next(next_step)
                }
                Failure::NobodyReads => Failure::NobodyReads,
            });
        }
        if !problem.code.is_empty() {
            return Err(refusal(answer.status, &problem, &api.server));
        }
    }
    // The target's own error is the result of the call.
    print(answer)?;
    Err(Failure::failed(format!("the target answered {}", answer.status)))
}

/// The target's answer: byte for byte for programs, readable for people.
fn print(answer: &Answer) -> Result<(), Failure> {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) if output::is_terminal() => {
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            output::line(&plain(&text))
        }
        Ok(_) => {
            output::bytes(&answer.body)?;
            output::bytes(b"\n")
        }
        Err(_) if output::is_terminal() => {
            output::line(&plain(&String::from_utf8_lossy(&answer.body)))
        }
        Err(_) => output::bytes(&answer.body),
    }
}

fn late(problem: &Problem, timeout: Span) -> Failure {
    let url = problem.approval_url.clone().unwrap_or_default();
    Failure::new(Exit::Held, format!("held, and nobody approved it within {timeout}"))
        .next(format!("ask for approval at {}, then repeat the same call", plain(&url)))
}

/// How long to pause before the same call is made again, when the gateway did not wait itself.
fn pause(answer: &Answer, waited: Duration) -> Duration {
    if !waited.is_zero() {
        return Duration::from_millis(200);
    }
    let after = answer.headers.get(header::RETRY_AFTER);
    let after = after.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
    Duration::from_secs(after.unwrap_or(1)).min(Duration::from_secs(2))
}

/// What is shown while a call is held.
#[derive(Default)]
struct Held {
    url: Option<String>,
    turn: usize,
}

impl Held {
    /// Says once where people are asked.
    fn learn(&mut self, problem: &Problem) {
        if self.url.is_some() {
            return;
        }
        let url = problem.approval_url.clone().unwrap_or_default();
        output::note(&format!("{} {}", styled(BOLD, "Held:"), plain(&problem.detail)));
        output::note(&format!("Approve or deny it at {}", plain(&url)));
        if let Some(id) = &problem.approval {
            let id = plain(id);
            output::note(&styled(DIM, &format!("or with: countersign approvals approve {id}")));
        }
        self.url = Some(url);
    }

    /// Turns the spinner until the future is done.
    async fn show_while<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = std::pin::pin!(waiting);
        let mut tick = tokio::time::interval(Duration::from_millis(120));
        loop {
            tokio::select! {
                done = &mut waiting => return done,
                _ = tick.tick() => self.turn(),
            }
        }
    }

    fn turn(&mut self) {
        if self.url.is_some() && output::can_show_progress() {
            let sign = SPINNER.get(self.turn % SPINNER.len()).copied().unwrap_or("");
            self.turn = self.turn.wrapping_add(1);
            output::over(&format!("{sign} waiting for approval"));
        }
    }

    fn end(&self) {
        if self.url.is_some() && output::can_show_progress() {
            output::over("");
        }
    }
}

/// Arguments with texts read as the function's schema wants them; as they are if it is not known.
async fn fitted(api: &Api, function: &str, given: Value) -> Value {
    let Ok(answer) = api.tools("json-schema").await else { return given };
    let is_it = |tool: &&Value| {
        [tool.get("name"), tool.get("tool")].contains(&Some(&Value::from(function)))
    };
    let tool = tools::definitions(&answer).iter().find(is_it);
    arguments::fit(given, tool.and_then(|it| it.get("input")))
}

fn has_texts(arguments: &Value) -> bool {
    arguments.as_object().is_some_and(|it| it.values().any(Value::is_string))
}

fn is_name(text: &str) -> bool {
    let fine = |it: u8| it.is_ascii_alphanumeric() || b"._-".contains(&it);
    !text.is_empty() && text.bytes().all(fine)
}

/// How long the gateway is asked to wait for a human, each time.
const WAIT: Duration = Duration::from_secs(20);
/// A call that runs is given at least this long to answer.
const ANSWER_WITHIN_MIN: Duration = Duration::from_secs(60);
const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];
