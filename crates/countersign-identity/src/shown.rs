//! Texts of strangers, where people read them.

/// A stranger's text made fit for a log line: escaped, and at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
