//! Compiles one function.

use super::{Faults, MaskCheck, Place, is_header_name, is_name};
use crate::{
    Digest, Span, Subject,
    catalog::{
        ApprovalRule, BlockRule, BodyKind, Function, FunctionName, HttpBinding, MaskRule, Overdue,
        ReviewRule, Sensitivity, Tag, Target, TargetIx,
        headers::never_passes,
        raw::{RawApproval, RawFunction, RawHttp, RawMask, RawReview},
        template::PathTemplate,
    },
    expression::Expression,
    grant::DUE_DEFAULT,
    schema::{self, InputSchema},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const APPROVAL_WITHIN: Span = Span::from_seconds(15 * 60);
const APPROVAL_WAIT: Span = Span::from_seconds(60);
/// The longest that people may take, and the longest that a caller is kept waiting.
const WITHIN_MAX: Span = Span::from_days(30);
const WAIT_MAX: Span = Span::from_seconds(600);
const PEOPLE_MAX: u32 = 20;

/// Faults of one function.
struct At<'a, 'f> {
    place: Place,
    faults: &'a mut Faults,
    raw: &'f RawFunction,
}

impl At<'_, '_> {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(self.place.clone(), key, message);
    }
}

pub(super) fn function(
    raw: &RawFunction,
    target: TargetIx,
    home: &Target,
    masks: MaskCheck<'_>,
    faults: &mut Faults,
) -> Option<Function> {
    let before = faults.0.len();
    let mut at = At { place: Place::Function(raw.name.clone()), faults, raw };
    at.name();
    let owners = at.owners(home);
    let http = at.http();
    at.sendable(home);
    let input = at.input(http.as_ref());
    if let (Some(http), Some(input)) = (&http, &input) {
        at.places(http, input);
    }
    at.result();
    let review = at.review();
    let approvals = at.approvals(input.as_ref(), http.as_ref());
    let blocks = at.blocks(input.as_ref());
    let response_masks = at.masks("mask", &raw.mask, masks);
    let argument_masks = at.masks("mask_arguments", &raw.mask_arguments, masks);
    if raw.rate.is_some_and(|rate| rate.calls == 0 || rate.per <= Span::default()) {
        at.fault("rate", "at least one call in a time above zero");
    }
    let (http, input) = (http?, input?);
    if at.faults.0.len() != before {
        return None;
    }
    Some(Function {
        name: FunctionName::from(raw.name.as_str()),
        target,
        purpose: raw.purpose.trim().to_owned(),
        owners,
        sensitivity: raw.sensitivity,
        tags: raw.tags.iter().map(|tag| Tag::from(tag.as_str())).collect(),
        scopes: raw.scopes.iter().map(|scope| scope.as_str().into()).collect(),
        contract: contract(raw, input.value()),
        http,
        input,
        result: raw.result.clone(),
        review,
        approvals,
        blocks,
        masks: response_masks,
        argument_masks,
        rate: raw.rate,
        record: raw.record,
    })
}

/// What a caller and an approver rely on: it changes when the meaning of a call may have changed.
fn contract(raw: &RawFunction, input: &Value) -> Digest {
    Digest::of_json(&json!({
        "name": raw.name, "purpose": raw.purpose.trim(), "input": input, "result": raw.result,
        "http": raw.http,
    }))
}

impl At<'_, '_> {
    fn name(&mut self) {
        let parts: Vec<&str> = self.raw.name.split('.').collect();
        if parts.len() < 2 || !parts.iter().all(|part| is_name(part)) {
            self.fault("name", "TARGET.FUNCTION, of lower-case letters, digits, dashes and dots");
        }
        if self.raw.purpose.trim().is_empty() {
            self.fault("purpose", "say what the function does and why anybody calls it");
        }
        for (place, tag) in self.raw.tags.iter().enumerate() {
            if !is_name(tag) {
                self.fault(format!("tags[{place}]"), "lower-case letters, digits and dashes");
            }
        }
        for (place, scope) in self.raw.scopes.iter().enumerate() {
            // RFC 6749 §3.3.
            let token =
                |it: u8| it == b'!' || (b'#'..=b'[').contains(&it) || (b']'..=b'~').contains(&it);
            if scope.is_empty() || !scope.bytes().all(token) {
                self.fault(format!("scopes[{place}]"), "not a scope (RFC 6749 §3.3)");
            }
        }
    }

    fn owners(&mut self, home: &Target) -> Vec<Subject> {
        let own: Vec<Subject> =
            self.raw.owners.iter().map(|owner| Subject::from(owner.trim())).collect();
        let owners = if own.is_empty() { home.owners.clone() } else { own };
        if owners.is_empty() || owners.iter().any(|owner| owner.as_str().is_empty()) {
            let message = format!(
                "nobody answers for this function; name an owner here or on target {}",
                home.name
            );
            self.fault("owners", message);
        }
        owners
    }

    fn http(&mut self) -> Option<HttpBinding> {
        let RawHttp { method, path, query, headers, body } = &self.raw.http;
        if !METHODS.contains(&method.as_str()) {
            self.fault("http.method", format!("one of {}", METHODS.join(", ")));
        }
        let default = match method.as_str() {
            "POST" | "PUT" | "PATCH" => BodyKind::Json,
            _ => BodyKind::None,
        };
        let template = PathTemplate::parse(path);
        if let Err(error) = &template {
            self.fault("http.path", error.to_string());
        }
        Some(HttpBinding {
            method: method.as_str().into(),
            path: template.ok()?,
            query: query.iter().map(|it| it.as_str().into()).collect(),
            headers: headers.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
            body: body.unwrap_or(default),
        })
    }

    /// Every header and query argument reaches the target: the gateway writes none of these itself.
    fn sendable(&mut self, home: &Target) {
        let RawHttp { query, headers, .. } = &self.raw.http;
        let mut seen = BTreeSet::new();
        for (argument, header) in headers {
            let message = if !is_header_name(header) {
                "a lower-case header name".to_owned()
            } else if never_passes(header) {
                format!(
                    "`{header}` is the gateway's own to write, and would be refused on every call; \
                     name another header, or leave the argument out"
                )
            } else if home.credential.header() == Some(header) {
                format!(
                    "`{header}` carries the credential of target {}; name another header, or leave \
                     the argument out",
                    home.name
                )
            } else if !seen.insert(header) {
                format!("`{header}` carries another argument already")
            } else {
                continue;
            };
            self.fault(format!("http.headers.{argument}"), message);
        }
        for (place, name) in query.iter().enumerate() {
            if home.credential.query() == Some(name) {
                let message = format!(
                    "`{name}` carries the credential of target {} in the query; a caller must not \
                     be able to set it, so leave the argument out",
                    home.name
                );
                self.fault(format!("http.query[{place}]"), message);
            }
        }
    }

    fn input(&mut self, http: Option<&HttpBinding>) -> Option<InputSchema> {
        let value = match (&self.raw.input, http) {
            (Some(value), _) => value.clone(),
            (None, Some(http)) => schema::of_variables(&http.path.variables().collect::<Vec<_>>()),
            (None, None) => return None,
        };
        InputSchema::compile(value).map_err(|error| self.fault("input", error.to_string())).ok()
    }

    /// Every argument has exactly one place in the request, and every place an argument.
    fn places(&mut self, http: &HttpBinding, input: &InputSchema) {
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        let path = http.path.variables().map(|name| ("http.path", name));
        let query = http.query.iter().map(|name| ("http.query", name.as_ref()));
        let headers = http.headers.keys().map(|name| ("http.headers", name.as_ref()));
        for (key, name) in path.chain(query).chain(headers) {
            if input.property(name).is_none() {
                self.fault(key, format!("the input schema has no argument `{name}`"));
            }
            if !placed.insert(name) {
                self.fault(key, format!("`{name}` has a place already"));
            }
        }
        let has_body = matches!(http.body, BodyKind::Json | BodyKind::Form);
        if !has_body {
            let homeless: Vec<&str> =
                input.properties().filter(|name| !placed.contains(name)).collect();
            if !homeless.is_empty() {
                let message = format!(
                    "{} have no place in the request; list them under http.query or http.headers, \
                     or give the function a body",
                    homeless.join(", ")
                );
                self.fault("input", message);
            }
        }
    }

    fn result(&mut self) {
        if let Some(Err(error)) = self.raw.result.as_ref().map(schema::check_result) {
            self.fault("result", error.to_string());
        }
    }

    fn review(&mut self) -> ReviewRule {
        let by_sensitivity = Span::from_days(match self.raw.sensitivity {
            Sensitivity::Low => 365,
            Sensitivity::Medium => 180,
            Sensitivity::High => 90,
        });
        let Some(RawReview { every, due, overdue }) = self.raw.review.clone() else {
            return ReviewRule { every: by_sensitivity, due: DUE_DEFAULT, overdue: Overdue::Hold };
        };
        let due = due.unwrap_or_else(|| DUE_DEFAULT.min(Span::from_millis(every.millis() / 2)));
        if every <= Span::default() {
            self.fault("review.every", "a time above zero");
        }
        if due >= every {
            self.fault("review.due", "shorter than review.every");
        }
        ReviewRule { every, due, overdue }
    }

    fn approvals(
        &mut self,
        input: Option<&InputSchema>,
        http: Option<&HttpBinding>,
    ) -> Vec<ApprovalRule> {
        if http.is_some_and(|it| it.body == BodyKind::Stream) && !self.raw.approval.is_empty() {
            self.fault("approval", "a function with a streamed body can't be held for approval");
        }
        let rules = self.raw.approval.iter().enumerate();
        rules.filter_map(|(place, rule)| self.approval(place, rule, input)).collect()
    }

    fn approval(
        &mut self,
        place: usize,
        rule: &RawApproval,
        input: Option<&InputSchema>,
    ) -> Option<ApprovalRule> {
        let when = match (&rule.when, input) {
            (Some(source), Some(input)) => {
                Some(self.expression(&format!("approval[{place}].when"), source, input)?)
            }
            (Some(_) | None, _) => None,
        };
        let mut from = Vec::new();
        for (slot, text) in rule.from.iter().enumerate() {
            match text.parse() {
                Ok(approver) => from.push(approver),
                Err(error) => {
                    let error: crate::catalog::BadApprover = error;
                    self.fault(format!("approval[{place}].from[{slot}]"), error.to_string());
                }
            }
        }
        if rule.from.is_empty() {
            self.fault(format!("approval[{place}].from"), "name who may approve");
        }
        let people = rule.people.unwrap_or(1);
        if people == 0 || people > PEOPLE_MAX {
            self.fault(format!("approval[{place}].people"), format!("between 1 and {PEOPLE_MAX}"));
        }
        let within = rule.within.unwrap_or(APPROVAL_WITHIN);
        if within <= Span::default() || within > WITHIN_MAX {
            let message = format!("above zero and at most {WITHIN_MAX}");
            self.fault(format!("approval[{place}].within"), message);
        }
        let wait = rule.wait.unwrap_or(APPROVAL_WAIT);
        if wait < Span::default() || wait > WAIT_MAX {
            self.fault(format!("approval[{place}].wait"), format!("at most {WAIT_MAX}"));
        }
        Some(ApprovalRule { when, from, people, within, wait })
    }

    fn blocks(&mut self, input: Option<&InputSchema>) -> Vec<BlockRule> {
        let Some(input) = input else { return Vec::new() };
        let mut rules = Vec::new();
        for (place, rule) in self.raw.constraints.iter().enumerate() {
            if rule.because.trim().is_empty() {
                self.fault(format!("constraints[{place}].because"), "say why, for the caller");
            }
            let key = format!("constraints[{place}].block");
            if let Some(when) = self.expression(&key, &rule.block, input) {
                rules.push(BlockRule { when, because: rule.because.trim().to_owned() });
            }
        }
        rules
    }

    fn expression(&mut self, key: &str, source: &str, input: &InputSchema) -> Option<Expression> {
        Expression::compile(source, input).map_err(|error| self.fault(key, error.to_string())).ok()
    }

    fn masks(&mut self, key: &str, raw: &[RawMask], check: MaskCheck<'_>) -> Vec<MaskRule> {
        let mut rules = Vec::new();
        for (place, rule) in raw.iter().enumerate() {
            let rule = MaskRule {
                field: rule.field.clone(),
                detect: rule.detect.clone(),
                how: rule.how.clone(),
            };
            if rule.field.is_none() && rule.detect.is_empty() {
                self.fault(
                    format!("{key}[{place}]"),
                    "name a field, data types to detect, or both",
                );
            } else if let Err(message) = check(&rule) {
                self.fault(format!("{key}[{place}]"), message);
            }
            rules.push(rule);
        }
        rules
    }
}
