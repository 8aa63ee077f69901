//! The only place that writes to the terminal. Colours appear on terminals only; a reader that goes
//! away ends the command quietly.

use crate::exit::Failure;
use anstyle::{AnsiColor, Style};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

/// Headings and names.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is less important.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Added, good.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// Removed, bad.
pub(crate) const RED: Style = AnsiColor::Red.on_default();
/// Changed, waiting.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// A text in a style.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes a line to standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(&format!("{text}\n"))
}

/// Writes to standard output.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Writes bytes to standard output as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Writes JSON to standard output, indented on a terminal and for people who pipe it.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => bytes(format!("{text}\n").as_bytes()),
        Err(_) => Err(Failure::failed("the answer can't be written as JSON")),
    }
}

/// Writes a line to standard error: what is said beside the result. That it is not read is no fault.
pub(crate) fn note(text: &str) {
    let mut stderr = anstream::stderr().lock();
    drop(writeln!(stderr, "{text}"));
}

/// Writes over the current line of standard error.
pub(crate) fn over(text: &str) {
    let mut stderr = anstream::stderr().lock();
    drop(write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush()));
}

/// Says how a command failed, and what to do next.
pub(crate) fn failure(failure: &Failure) {
    match failure {
        Failure::Said { what, next_step, .. } => {
            note(&format!("{} {what}", styled(RED.bold(), "error:")));
            if !next_step.is_empty() {
                note(&format!("{} {next_step}", styled(BOLD, " next:")));
            }
        }
        Failure::NobodyReads => {}
    }
}

/// Whether a person reads standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person reads standard error, where questions and spinners go.
pub(crate) fn can_show_progress() -> bool {
    io::stderr().is_terminal()
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a person for a line; empty means the default.
pub(crate) fn ask(question: &str, default: &str) -> Result<String, Failure> {
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let mut stderr = anstream::stderr().lock();
    let asked = write!(stderr, "{question}{shown}: ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read {
        Ok(0) | Err(_) => Err(Failure::failed("no answer came")),
        Ok(_) if answer.trim().is_empty() => Ok(default.to_owned()),
        Ok(_) => Ok(answer.trim().to_owned()),
    }
}

/// What a person said to a question with two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Go on.
    Yes,
    /// Do not.
    No,
}

/// Asks a person for a yes; anything else is a no.
pub(crate) fn consent(question: &str) -> Result<Consent, Failure> {
    let answer = ask(&format!("{question} (yes/no)"), "no")?;
    Ok(match answer.to_lowercase().as_str() {
        "y" | "yes" => Consent::Yes,
        _ => Consent::No,
    })
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::NobodyReads),
        Err(error) => Err(Failure::failed(format!("the output can't be written: {error}"))),
    }
}

/// Text from elsewhere with everything that could steer a terminal, hide or turn text made visible.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        let steers = letter.is_control() && letter != '\n' && letter != '\t';
        if steers || is_unseen(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Zero-width and bidirectional formatting characters.
const fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests;
