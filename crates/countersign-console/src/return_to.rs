//! Where to go after signing in: a page of this console, and nowhere else.

/// The path and query, if it is one of the console's own; the home page otherwise.
pub(crate) fn safe(wanted: Option<&str>) -> &str {
    wanted.filter(|it| is_ours(it)).unwrap_or(HOME)
}

/// Only characters that every browser reads alike: no backslash, no control character, no second
/// slash, and nothing that could name another host.
fn is_ours(path: &str) -> bool {
    let below = path.strip_prefix(HOME);
    let starts = below.is_some_and(|it| it.is_empty() || it.starts_with(['/', '?']));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%+:,".contains(&byte);
    starts
        && path.len() <= PATH_BYTES_MAX
        && path.bytes().all(plain)
        && !path.contains("//")
        && !path.contains("..")
        && !path.starts_with("/console/sign-")
        && !path.starts_with("/console/saml/")
}

const HOME: &str = "/console";
const PATH_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
