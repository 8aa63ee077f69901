//! Where this gateway is, as its configuration says, and whether a URL means a place of it.
//!
//! What a caller says about where it was sent (`X-Forwarded-*`, `Forwarded`) has no part in this.

use std::fmt::Write;
use url::Url;

/// Where this gateway is: scheme, host and port of its public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(Option<Origin>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Home {
    /// The home under this public URL. Under a text that is no URL, no place is this gateway's.
    pub fn new(public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        Self(url.and_then(|url| {
            let scheme = url.scheme().to_owned();
            Some(Origin { scheme, host: url.host_str()?.to_owned(), port: url.port() })
        }))
    }

    /// Whether a URL means this path here, or under another host name of this gateway, whatever its
    /// query and fragment (RFC 9449 §4.3 number 9). Both are normalised as RFC 3986 §6.2.2 and
    /// §6.2.3 say.
    pub(crate) fn is(&self, url: &str, host: Option<&str>, path: &str) -> bool {
        let Some(origin) = &self.0 else { return false };
        let Origin { scheme, host: own, port } = origin;
        let mut asked = format!("{scheme}://{}", host.unwrap_or(own));
        if let Some(port) = port {
            let _infallible = write!(asked, ":{port}");
        }
        asked.push_str(path);
        match (normal(url), normal(&asked)) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => false,
        }
    }
}

/// A URL in its normal form, without query and fragment; `None` for what RFC 3986 does not let a
/// URL be, which a lenient parser would bend into one.
fn normal(text: &str) -> Option<String> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if text.len() > URL_BYTES_MAX || !text.bytes().all(allowed) {
        return None;
    }
    // Lower case of scheme and host, no default port, no dot segments.
    let url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "https" | "http") || has_user(text) {
        return None;
    }
    let mut out = format!("{}://{}", url.scheme(), url.host_str()?);
    if let Some(port) = url.port() {
        let _infallible = write!(out, ":{port}");
    }
    let mut rest = url.path();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let digits = after.get(..2).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        // What needs no escape has none, and what needs one has it in upper case.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
        rest = after.get(2..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// A user name, even an empty one, has no place in a request's URL.
fn has_user(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Longer than any head of a request that is taken.
const URL_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
