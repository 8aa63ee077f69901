//! The page for what was not done: a sentence and the next step.

use crate::{
    frame::{Frame, Place},
    problem::Problem,
    samples::{Sample, Say, frame},
    text::Text,
};
use askama::Template;
use http::StatusCode;

/// What was not done, and what to do.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    detail: Text,
    next_step: Text,
    code: &'static str,
    /// Where to go on.
    again: Option<&'static str>,
    again_words: &'static str,
}

impl ErrorPage {
    pub(crate) fn new(frame: Frame, problem: &Problem) -> Self {
        let (again, again_words) = if problem.status == StatusCode::UNAUTHORIZED {
            (Some("/console/sign-in"), "Sign in")
        } else {
            (None, "")
        };
        Self {
            frame,
            status: problem.status.as_u16(),
            heading: Self::heading(problem.status),
            detail: Text::line(problem.detail.clone()),
            next_step: Text::line(problem.next_step.clone()),
            code: problem.code,
            again,
            again_words,
        }
    }

    /// What the page is called.
    pub(crate) fn heading(status: StatusCode) -> &'static str {
        match status.as_u16() {
            401 => "Not signed in",
            403 => "Not for you",
            404 => "Not found",
            405 => "Not in this way",
            409 => "It has changed meanwhile",
            503 => "Not available right now",
            status if status < 500 => "Not understood",
            _ => "Something broke",
        }
    }
}

impl Sample for ErrorPage {
    const NAME: &'static str = "error";

    fn samples(say: Say) -> Vec<Self> {
        let not_found = Problem::not_found(&say("approval").plain());
        let forbidden = Problem::forbidden("This is for an administrator only.", "Ask one.");
        vec![
            Self::new(frame("Not found", Place::Elsewhere, say), &not_found),
            Self::new(frame("Not for you", Place::Elsewhere, say), &forbidden),
            Self::new(Frame::stranger("Something broke"), &Problem::internal()),
        ]
    }
}
