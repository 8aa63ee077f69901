//! What is known of a sampled call, and the spans that it becomes, named by the OpenTelemetry
//! semantic conventions for HTTP where they have a name. `url.path` and `url.full` are left out,
//! though the conventions ask for them: values of calls stand in them.

use super::{Live, Part, Prefix};
use countersign_model::{
    ApprovalId, CallId, Function, Reason, SessionId,
    catalog::{FunctionName, Target},
};
use countersign_telemetry::{Context, Kind, Span, SpanEnd, Value};
use http::{Method, Uri, Version};

/// What is known of a call so far.
#[derive(Debug)]
pub(super) struct Known {
    began: u64,
    method: &'static str,
    version: Option<&'static str>,
    function: Option<FunctionName>,
    route: Option<String>,
    pub(super) call: Option<CallId>,
    session: Option<SessionId>,
    pub(super) approval: Option<ApprovalId>,
    decision: Decision,
    answered: Option<(u16, Reason)>,
    parts: Vec<PartSpan>,
    asked: Option<Asked>,
    came_back: Option<(u16, Reason)>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Block,
    Hold,
    Forward,
}

#[derive(Debug)]
struct PartSpan {
    part: Part,
    context: Context,
    began: u64,
    ended: Option<u64>,
}

/// What the target was asked.
#[derive(Debug)]
struct Asked {
    method: String,
    template: String,
    address: Option<String>,
    port: Option<u16>,
}

type Attributes = Vec<(&'static str, Value)>;

impl Known {
    pub(super) fn new(began: u64, method: &Method, version: Version) -> Self {
        Self {
            began,
            method: known_method(method),
            version: known_version(version),
            function: None,
            route: None,
            call: None,
            session: None,
            approval: None,
            decision: Decision::Block,
            answered: None,
            parts: Vec::new(),
            asked: None,
            came_back: None,
        }
    }

    pub(super) fn means(&mut self, function: &Function, prefix: Prefix<'_>) {
        let template = &function.http.path;
        self.function = Some(function.name.clone());
        self.route = Some(match prefix {
            Prefix::Target(name) => format!("/t/{name}{template}"),
            Prefix::Host => template.to_string(),
            Prefix::Uniform => "/call/{function}".to_owned(),
        });
    }

    pub(super) fn begins(&mut self, part: Part, context: Context, now: u64) {
        if part == Part::Hold {
            self.decision = Decision::Hold;
        }
        self.parts.push(PartSpan { part, context, began: now, ended: None });
    }

    pub(super) fn ends(&mut self, part: Part, now: u64) {
        let open = self.parts.iter_mut().find(|it| it.part == part && it.ended.is_none());
        if let Some(open) = open {
            open.ended = Some(now);
        }
    }

    pub(super) fn may_run(&mut self, session: SessionId, approval: Option<ApprovalId>) {
        self.session = Some(session);
        self.approval = approval.or(self.approval);
        if approval.is_none() {
            self.decision = Decision::Forward;
        }
    }

    /// The span that the target's own work is a part of.
    pub(super) fn leaves(
        &mut self,
        function: &Function,
        target: &Target,
        context: Context,
        now: u64,
    ) -> Context {
        let (address, port) = address(&target.url.as_str().parse().unwrap_or_default());
        self.asked = Some(Asked {
            method: function.http.method.to_string(),
            template: function.http.path.to_string(),
            address,
            port,
        });
        self.begins(Part::Target, context, now);
        context
    }

    pub(super) fn came_back(&mut self, status: u16, reason: Reason, now: u64) {
        self.came_back = Some((status, reason));
        self.ends(Part::Target, now);
    }

    pub(super) fn answered(&mut self, status: u16, reason: Reason) {
        self.answered = Some((status, reason));
    }

    /// The call's span and its parts. What is open still ends with the call.
    pub(super) fn into_spans(self, live: &Live, now: u64) -> Vec<Span> {
        let error = self.error();
        let mut spans = Vec::with_capacity(1 + self.parts.len());
        spans.push(Span {
            context: live.begun.context,
            parent: live.begun.parent,
            name: self.function.as_ref().map_or_else(|| "call".to_owned(), ToString::to_string),
            kind: Kind::Server,
            began_nanos: self.began,
            ended_nanos: now,
            attributes: self.attributes(live, error.clone()),
            end: end(error.as_ref()),
        });
        spans.extend(self.parts.iter().map(|it| self.part(it, live, now)));
        spans
    }

    fn attributes(&self, live: &Live, error: Option<Value>) -> Attributes {
        let settings = &live.settings;
        let mut all: Attributes = vec![
            ("http.request.method", self.method.into()),
            ("countersign.decision", self.decision.name().into()),
        ];
        let number = |it: u16| Value::from(it);
        let text = |it: &String| Value::from(it.clone());
        let reason = self.answered.map(|(_, reason)| reason.code().into());
        let target = self.function.as_ref().map(|it| it.target().to_owned().into());
        let more = [
            ("url.scheme", settings.scheme.as_ref().map(text)),
            ("server.address", settings.address.as_ref().map(text)),
            ("server.port", settings.port.map(number)),
            ("network.protocol.version", self.version.map(Value::from)),
            ("http.route", self.route.as_ref().map(text)),
            ("http.response.status_code", self.answered.map(|(status, _)| status.into())),
            ("error.type", error),
            ("countersign.call", self.call.map(|it| it.to_string().into())),
            ("countersign.function", self.function.as_ref().map(|it| it.to_string().into())),
            ("countersign.target", target),
            ("countersign.reason", reason),
            ("countersign.session", self.session.map(|it| it.to_string().into())),
            ("countersign.approval", self.approval.map(|it| it.to_string().into())),
        ];
        all.extend(more.into_iter().filter_map(|(key, value)| Some((key, value?))));
        all
    }

    /// What went wrong here or behind, if the call ended in an error. What the caller did wrong is
    /// none of the server's (semantic conventions for HTTP, "Status").
    fn error(&self) -> Option<Value> {
        let Some((status, reason)) = self.answered else {
            return Some(Reason::CallerGone.code().into());
        };
        let broken = self.came_back.map_or(reason, |(_, reason)| reason);
        match status {
            500.. if is_refusal(reason) => Some(reason.code().into()),
            500.. => Some(status.to_string().into()),
            400.. => None,
            // It broke off after its head.
            _ => is_refusal(broken).then(|| broken.code().into()),
        }
    }

    fn part(&self, of: &PartSpan, live: &Live, now: u64) -> Span {
        let mut attributes = Attributes::new();
        let (name, kind) = match of.part {
            Part::Hold => {
                let approval = self.approval.map(|it| it.to_string().into());
                attributes.extend(approval.map(|it| ("countersign.approval", it)));
                ("hold".to_owned(), Kind::Internal)
            }
            Part::Intent => ("ledger.intent".to_owned(), Kind::Internal),
            Part::Outcome => ("ledger.outcome".to_owned(), Kind::Internal),
            Part::Target => (self.asked(&mut attributes), Kind::Client),
        };
        let error = attributes.iter().find(|(key, _)| *key == "error.type").map(|(_, it)| it);
        Span {
            context: of.context,
            parent: Some(live.begun.context.span()),
            name,
            kind,
            began_nanos: of.began,
            ended_nanos: of.ended.unwrap_or(now),
            end: end(error),
            attributes,
        }
    }

    /// The name of the span of a target, and what is known of it.
    fn asked(&self, attributes: &mut Attributes) -> String {
        let Some(asked) = &self.asked else { return String::new() };
        attributes.push(("http.request.method", asked.method.clone().into()));
        attributes.push(("url.template", asked.template.clone().into()));
        let address = asked.address.clone().map(|it| ("server.address", it.into()));
        attributes.extend(address);
        attributes.extend(asked.port.map(|it| ("server.port", it.into())));
        let (status, reason) = self.came_back.unwrap_or((0, Reason::OutcomeUnknown));
        if status != 0 {
            attributes.push(("http.response.status_code", status.into()));
        }
        let error = match status {
            400.. => Some(status.to_string().into()),
            _ => is_refusal(reason).then(|| reason.code().into()),
        };
        attributes.extend(error.map(|it| ("error.type", it)));
        format!("{} {}", asked.method, asked.template)
    }
}

impl Decision {
    fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Hold => "hold",
            Self::Forward => "forward",
        }
    }
}

/// Host and port of an absolute address.
pub(super) fn address(uri: &Uri) -> (Option<String>, Option<u16>) {
    let usual = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        Some(_) | None => None,
    };
    let host = uri.host().map(|it| it.trim_matches(['[', ']']).to_owned());
    (host, uri.port_u16().or(usual))
}

fn end(error: Option<&Value>) -> SpanEnd {
    if error.is_some() { SpanEnd::Failed } else { SpanEnd::Unset }
}

/// Whether a reason is another one than that the call may run.
fn is_refusal(reason: Reason) -> bool {
    !matches!(reason, Reason::Granted | Reason::GrantOverdueWarned | Reason::Approved)
}

/// A method that everybody knows; any other is a text of the caller's own.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|it| *it == method.as_str()).unwrap_or("_OTHER")
}

fn known_version(version: Version) -> Option<&'static str> {
    [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2")]
        .into_iter()
        .find_map(|(it, name)| (it == version).then_some(name))
}

#[cfg(test)]
mod tests;
