//! What a caller prefers (RFC 7240): how long it waits for an answer.

use http::HeaderMap;

/// The seconds of `Prefer: wait=N` (§4.3). Of a preference that is given twice the first counts (§2), also
/// when it can't be read: then nothing is asked for.
pub(crate) fn wait_seconds(headers: &HeaderMap) -> Option<u32> {
    let lines = headers.get_all("prefer").iter().filter_map(|it| it.to_str().ok());
    let preferences = lines.flat_map(|line| unquoted(line, ','));
    let waits = preferences.filter_map(|preference| {
        let named = unquoted(preference, ';').next()?;
        let (name, value) = named.split_once('=').unwrap_or((named, ""));
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim())
    });
    let value = { waits }.next()?;
    let inside = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(value);
    let is_number = inside.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| inside.parse().ok()).flatten()
}

/// The parts between separators, without those in quotes (RFC 9110 §5.6.4).
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut escaped) = (false, false);
    text.split(move |it| {
        let is_plain = !in_quotes && !escaped;
        match it {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            _ => {}
        }
        is_plain && it == separator
    })
}

#[cfg(test)]
mod tests;
