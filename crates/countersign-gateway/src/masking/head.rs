//! An answer's headers and trailers: they can hold personal data and the target's address too.

use crate::{Inner, permit::Flight};
use countersign_mask::{Format, Limits, mask_all};
use countersign_model::catalog::Target;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::borrow::Cow;

/// Headers whose values have a form of their own that holds no personal data, and that a detector
/// could take for some.
const PLAIN: [HeaderName; 12] = [
    header::AGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::RETRY_AFTER,
    header::TRAILER,
    header::VARY,
];

/// Headers as they may be delivered, and how many values were masked: all but the plain ones go
/// through the function's detectors. A value that is no text can't be masked, so it is left out.
pub(crate) fn masked(inner: &Inner, flight: &Flight, mut headers: HeaderMap) -> (HeaderMap, u64) {
    let plan = flight.route().and_then(|it| it.answer_head.as_ref());
    // Without a plan the whole answer is withheld; here it only must not leak.
    let Some(plan) = plan else { return (HeaderMap::new(), 0) };
    if plan.is_empty() {
        return (headers, 0);
    }
    let mut count = 0;
    let mut unfit: Vec<HeaderName> = Vec::new();
    for (name, value) in &mut headers {
        if PLAIN.contains(name) {
            continue;
        }
        let limits = Limits::default();
        let bytes = mask_all(plan, &inner.mask_key, Format::Text, limits, value.as_bytes());
        match bytes.map(|(bytes, report)| (HeaderValue::from_maybe_shared(bytes), report.masked()))
        {
            Ok((_, 0)) => {}
            Ok((Ok(masked), finds)) => {
                *value = masked;
                count += finds;
            }
            Ok((Err(_), _)) | Err(_) => unfit.push(name.clone()),
        }
    }
    for name in unfit {
        headers.remove(name);
    }
    (headers, count)
}

/// References to the target become ones through the gateway: its address is nobody's business.
///
/// A reference that is relative to the request is read as the target meant it, below the path that
/// was `sent` to it: a caller of `/call/…` asked for another.
pub(super) fn lead_through(
    resource: &str,
    target: &Target,
    sent: impl Fn() -> Option<String>,
    headers: &mut HeaderMap,
) {
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let Some(value) = headers.get(&name) else { continue };
        let reference = value.to_str().ok().and_then(|it| absolute(&target.url, it, &sent));
        let place = reference.as_deref().map_or(Place::Hidden, |it| place(&target.url, it));
        match place {
            Place::Elsewhere => {}
            Place::Hidden => drop(headers.remove(name)),
            Place::Below(rest) => {
                let through = format!("{resource}/t/{}{rest}", target.name);
                match HeaderValue::try_from(through) {
                    Ok(value) => drop(headers.insert(name, value)),
                    Err(_) => drop(headers.remove(name)),
                }
            }
        }
    }
}

/// What a URI reference (RFC 3986 §4.1) in a target's answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    /// The target: what follows its URL.
    Below(&'a str),
    /// The target's host, but outside of what the gateway leads to.
    Hidden,
    /// Another host, or the very resource that was asked for.
    Elsewhere,
}

/// The reference with a path from the root, if its own begins elsewhere; `None` if that can't be told.
fn absolute<'a>(
    target_url: &str,
    reference: &'a str,
    sent: impl Fn() -> Option<String>,
) -> Option<Cow<'a, str>> {
    let end = reference.find(['/', '?', '#']).unwrap_or(reference.len());
    let has_scheme = reference.get(..end).is_some_and(|it| it.contains(':'));
    if has_scheme || reference.is_empty() || reference.starts_with(['/', '#']) {
        return Some(reference.into());
    }
    let (_, rest) = target_url.split_once("://")?;
    let base = rest.find('/').and_then(|it| rest.get(it..)).unwrap_or("");
    Some(resolved(&format!("{base}{}", sent()?), reference).into())
}

/// A relative reference below a path (RFC 3986 §5.2).
fn resolved(base: &str, reference: &str) -> String {
    let (path, rest) = reference.split_at(reference.find(['?', '#']).unwrap_or(reference.len()));
    if path.is_empty() {
        return format!("{base}{rest}");
    }
    let mut segments: Vec<&str> = base.split('/').collect();
    segments.truncate(segments.len().saturating_sub(1));
    let mut segment = "";
    for next in path.split('/') {
        segment = next;
        match segment {
            "." => {}
            // The first is the nothing before the first slash.
            ".." => segments.truncate(segments.len().saturating_sub(1).max(1)),
            name => segments.push(name),
        }
    }
    if matches!(segment, "." | "..") {
        segments.push("");
    }
    format!("{}{rest}", segments.join("/"))
}

fn place<'a>(target_url: &str, reference: &'a str) -> Place<'a> {
    let Some((_, rest)) = target_url.split_once("://") else { return Place::Hidden };
    let (own, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = match authority(reference) {
        Some((named, path)) if is_same_host(own, named) => path,
        Some(_) => return Place::Elsewhere,
        None if reference.starts_with('/') => reference,
        None => return Place::Elsewhere,
    };
    let below = path.strip_prefix(base);
    match below.filter(|it| it.is_empty() || it.starts_with(['/', '?', '#'])) {
        Some(rest) => Place::Below(rest),
        None => Place::Hidden,
    }
}

/// The authority of a reference that has one, and what follows.
fn authority(reference: &str) -> Option<(&str, &str)> {
    let scheme = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let rest = match reference.strip_prefix("//") {
        Some(rest) => rest,
        None => reference.split_once("://").filter(|(name, _)| scheme(name))?.1,
    };
    Some(rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())))
}

fn is_same_host(one: &str, other: &str) -> bool {
    let plain = |it: &str| {
        let host = it.rsplit_once('@').map_or(it, |(_, host)| host).to_ascii_lowercase();
        [":80", ":443"].iter().find_map(|it| host.strip_suffix(it)).unwrap_or(&host).to_owned()
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests;
