//! Compiles one target.

use super::{Faults, Place, is_header_name, is_name};
use crate::{
    Span, Subject,
    catalog::{
        Target, TargetName, headers,
        raw::{Credential, RawTarget},
    },
};

const CONNECT_WITHIN: Span = Span::from_seconds(5);
const ANSWER_WITHIN: Span = Span::from_seconds(30);
const IDLE_WITHIN: Span = Span::from_seconds(60);
/// The longest that any of the three may be.
const WITHIN_MAX: Span = Span::from_seconds(3600);
const REQUEST_BYTES_MAX: u64 = 10 * 1024 * 1024;

pub(super) fn target(raw: &RawTarget, faults: &mut Faults) -> Option<Target> {
    let before = faults.0.len();
    let place = Place::Target(raw.name.clone());
    let mut fault = |key: &str, message: String| faults.push(place.clone(), key, message);
    if !is_name(&raw.name) {
        fault("name", "a name has lower-case letters, digits and dashes".to_owned());
    }
    if let Err(message) = check_url(&raw.url) {
        fault("url", message);
    }
    if raw.purpose.trim().is_empty() {
        fault("purpose", "say what the target is for".to_owned());
    }
    if let Some(empty) = raw.owners.iter().position(|owner| owner.trim().is_empty()) {
        fault(&format!("owners[{empty}]"), "is empty".to_owned());
    }
    for (place, host) in raw.hosts.iter().enumerate() {
        let fine = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b".-".contains(&it);
        if host.is_empty() || !host.bytes().all(fine) {
            fault(&format!("hosts[{place}]"), "a lower-case host name without a port".to_owned());
        }
    }
    for (place, name) in raw.forward_headers.iter().enumerate() {
        let stem = name.strip_suffix('*').unwrap_or(name);
        if !is_header_name(stem) {
            fault(&format!("forward_headers[{place}]"), "a lower-case header name".to_owned());
        } else if headers::covers_one_that_never_passes(name) {
            let message = format!("`{name}` would let through a header that never passes");
            fault(&format!("forward_headers[{place}]"), message);
        }
    }
    if let Err((key, message)) = check_credential(&raw.credential) {
        fault(key, message);
    }
    let mut within = |key: &str, value: Option<Span>, default: Span| {
        let value = value.unwrap_or(default);
        if value <= Span::default() || value > WITHIN_MAX {
            fault(key, format!("between 1ms and {WITHIN_MAX}"));
        }
        value
    };
    let connect_within = within("connect_within", raw.connect_within, CONNECT_WITHIN);
    let answer_within = within("answer_within", raw.answer_within, ANSWER_WITHIN);
    let idle_within = within("idle_within", raw.idle_within, IDLE_WITHIN);
    (faults.0.len() == before).then(|| Target {
        name: TargetName::from(raw.name.as_str()),
        kind: raw.kind,
        url: raw.url.trim_end_matches('/').to_owned(),
        purpose: raw.purpose.trim().to_owned(),
        owners: raw.owners.iter().map(|it| Subject::from(it.as_str())).collect(),
        hosts: raw.hosts.clone(),
        credential: raw.credential.clone(),
        forward_headers: raw.forward_headers.clone(),
        http_version: raw.http_version,
        connect_within,
        answer_within,
        idle_within,
        request_bytes_max: raw.request_bytes_max.unwrap_or(REQUEST_BYTES_MAX),
        response_bytes_max: raw.response_bytes_max,
    })
}

fn check_url(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err("must begin with http:// or https://".to_owned());
    };
    let host = rest.split('/').next().unwrap_or("");
    if host.is_empty() || host.contains('@') {
        return Err(
            "name a host, without user and password: those go under `credential`".to_owned()
        );
    }
    if rest.bytes().any(|it| it <= b' ' || it >= 0x7F || b"?#\\%".contains(&it)) {
        return Err("a plain URL without query, fragment or escapes".to_owned());
    }
    if rest.split('/').any(|segment| segment == "." || segment == "..") || rest.contains("//") {
        return Err("a path without empty or dot segments".to_owned());
    }
    Ok(())
}

fn check_credential(credential: &Credential) -> Result<(), (&'static str, String)> {
    match credential {
        Credential::None | Credential::Bearer(_) => Ok(()),
        Credential::Basic { user, .. } if user.is_empty() || user.contains(':') => {
            Err(("credential.basic.user", "a user name without a colon (RFC 7617)".to_owned()))
        }
        Credential::Header { name, .. } if !is_header_name(name) => {
            Err(("credential.header.name", "a lower-case header name".to_owned()))
        }
        Credential::Header { name, .. } if headers::frames(name) => {
            let message =
                format!("the gateway writes `{name}` itself; name the target's own header");
            Err(("credential.header.name", message))
        }
        Credential::Query { name, .. } if name.is_empty() => {
            Err(("credential.query.name", "is empty".to_owned()))
        }
        Credential::Basic { .. } | Credential::Header { .. } | Credential::Query { .. } => Ok(()),
    }
}
