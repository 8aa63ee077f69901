//! The host that a request is for, by which a target is found. Of two that differ none is believed.

use http::{HeaderMap, Uri, header};

/// The one host that the request names, lower case, without the port.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err("it has more than one Host");
    }
    let header = match first.map(|it| it.to_str()) {
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => return Err("its Host is no host name"),
        None => None,
    };
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let host = match (header, authority) {
        (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
            return Err("its Host and its address name different hosts");
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Ok(None),
    };
    // An IPv6 literal keeps its brackets; a port is what follows the last colon outside of them.
    let end = match host.rfind(']') {
        Some(bracket) => host.get(bracket..).and_then(|it| it.find(':')).map(|it| it + bracket),
        None => host.find(':'),
    };
    Ok(Some(host.get(..end.unwrap_or(host.len())).unwrap_or(host).to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
