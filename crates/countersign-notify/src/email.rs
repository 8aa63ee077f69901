//! E-mail by SMTP (RFC 5321), always over TLS but to this machine: one message with a text and an HTML
//! part for each delivery. The message's id is the delivery's, so that mail which came twice after a
//! crash is known by it.

use crate::shown::Shown;
use countersign_governance::{Attempt, Outgoing};
use countersign_identity::Hidden;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use std::{
    error::Error as _,
    fmt::{self, Write as _},
    time::{Duration, SystemTime},
};

/// A mail server to hand messages to.
#[derive(Clone, Debug)]
pub struct EmailSettings {
    /// Its host name, which its certificate must have.
    pub host: String,
    /// Its port: 465 for [`MailTls::Implicit`], 587 for [`MailTls::StartTls`] by custom.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Certificate authorities in PEM that alone are trusted; those of this machine if absent.
    pub authorities: Option<Vec<u8>>,
    /// User name and password, if it asks for them.
    pub login: Option<(String, Hidden)>,
    /// Whom messages are from: `Countersign <countersign@example.com>`.
    pub from: String,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte (RFC 8314 §3.3).
    Implicit,
    /// After STARTTLS (RFC 3207); a server that does not offer it gets no message.
    StartTls,
    /// Not at all: for a server on this machine.
    None,
}

/// A text that is no address for mail to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no e-mail address, such as Countersign <countersign@example.com>")]
pub struct BadMailbox;

/// Whether mail can be from this address.
///
/// # Errors
/// [`BadMailbox`].
pub fn check_mailbox(text: &str) -> Result<(), BadMailbox> {
    mailbox(text).map(drop)
}

/// Sends mail.
pub(crate) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What stands behind the `@` of message ids.
    domain: String,
}

/// Why mail can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadEmail {
    #[error(transparent)]
    From(#[from] BadMailbox),
    #[error("the certificate authorities of the mail server can't be used")]
    Tls(#[source] SmtpError),
}

impl Email {
    pub(crate) fn new(settings: &EmailSettings) -> Result<Self, BadEmail> {
        let from = mailbox(&settings.from)?;
        let domain = from.email.domain().to_owned();
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
                .port(settings.port)
                .hello_name(ClientId::Domain(domain.clone()))
                .timeout(Some(EACH_STEP_WITHIN))
                .tls(match settings.tls {
                    MailTls::Implicit => Tls::Wrapper(parameters(settings)?),
                    MailTls::StartTls => Tls::Required(parameters(settings)?),
                    MailTls::None => Tls::None,
                });
        if let Some((name, password)) = &settings.login {
            let credentials = Credentials::new(name.clone(), password.reveal().to_owned());
            builder = builder.credentials(credentials);
        }
        Ok(Self { transport: builder.build(), from, domain })
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing, public_url: &str) -> Attempt {
        let message = match self.message(outgoing, public_url) {
            Ok(message) => message,
            Err(error) => return Attempt::Refused { answer: String::new(), error },
        };
        let sending = self.transport.send(message);
        match tokio::time::timeout(WHOLE_WITHIN, sending).await {
            Ok(Ok(response)) => {
                let said: Vec<&str> = response.message().collect();
                Attempt::Sent { answer: format!("{} {}", response.code(), said.join(" ")) }
            }
            Ok(Err(error)) => failed(&error),
            Err(_) => Attempt::Later {
                answer: String::new(),
                error: "the mail server did not answer in time".to_owned(),
                wait: None,
            },
        }
    }

    fn message(&self, outgoing: &Outgoing, public_url: &str) -> Result<Message, String> {
        let to = outgoing.to.as_ref().ok_or("it is for nobody")?;
        let address: Address =
            to.email.parse().map_err(|_| "the person's address is no e-mail address".to_owned())?;
        let shown = Shown::of(outgoing, public_url);
        let millis = u64::try_from(outgoing.notice.made_at.millis()).unwrap_or(0);
        let own = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        let id = outgoing.delivery.id;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(one_line(&to.name)), address))
            .subject(one_line(&shown.title))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            // RFC 3834 §5: nobody's absence notice answers this.
            .raw_header(own("Auto-Submitted", "auto-generated"))
            .raw_header(own("X-Countersign-Notice", &outgoing.notice.id.to_string()))
            .raw_header(own("X-Countersign-Kind", outgoing.notice.kind.name()))
            .multipart(MultiPart::alternative_plain_html(
                plain(&shown, public_url),
                html(&shown, public_url),
            ))
            .map_err(|error| format!("the message can't be written: {error}"))
    }
}

/// A permanent reply (5yz) is an end, but where it is about the login: that is nothing about the message.
/// Everything else may go well later.
fn failed(error: &SmtpError) -> Attempt {
    // It says its own source itself.
    let mut text = error.to_string();
    let mut source = error.source().and_then(|it| it.source());
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    let answer = error.status().map(|it| it.to_string()).unwrap_or_default();
    if error.is_permanent() && !LOGIN_REFUSED.contains(&&*answer) {
        Attempt::Refused { answer, error: text }
    } else {
        Attempt::Later { answer, error: text, wait: None }
    }
}

fn parameters(settings: &EmailSettings) -> Result<TlsParameters, BadEmail> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.authorities {
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem).map_err(BadEmail::Tls)?);
    }
    builder.build().map_err(BadEmail::Tls)
}

fn mailbox(text: &str) -> Result<Mailbox, BadMailbox> {
    if text.chars().any(char::is_control) {
        return Err(BadMailbox);
    }
    text.parse().map_err(|_| BadMailbox)
}

/// What goes into a header has no line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn plain(shown: &Shown, public_url: &str) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(text, "{}\n", shown.title);
    if !shown.text.is_empty() {
        let _ = writeln!(text, "{}\n", shown.text);
    }
    for group in &shown.groups {
        let _ = writeln!(text, "{}\n", group.heading);
        for line in &group.lines {
            let _ = writeln!(text, "- {}\n  {}", line.title, line.link);
        }
        text.push('\n');
    }
    if shown.more > 0 {
        let _ = writeln!(text, "And {} more.\n", shown.more);
    }
    let _ = writeln!(text, "{}\n\n-- \n{}", shown.link, Shown::footer(public_url));
    text
}

fn html(shown: &Shown, public_url: &str) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body style=\"font:16px/1.5 system-ui,sans-serif;color:#1c1c1c;max-width:40em;\
         margin:1.5em auto;padding:0 1em\">",
    );
    let _ = write!(page, "<h1 style=\"font-size:1.25em\">{}</h1>", Escaped(&shown.title));
    for paragraph in shown.text.split('\n').filter(|it| !it.trim().is_empty()) {
        let _ = write!(page, "<p>{}</p>", Escaped(paragraph));
    }
    for group in &shown.groups {
        let _ = write!(page, "<h2 style=\"font-size:1em\">{}</h2><ul>", Escaped(group.heading));
        for line in &group.lines {
            let (link, title) = (Escaped(&line.link), Escaped(&line.title));
            let _ = write!(page, "<li><a href=\"{link}\">{title}</a></li>");
        }
        page.push_str("</ul>");
    }
    if shown.more > 0 {
        let _ = write!(page, "<p>And {} more.</p>", shown.more);
    }
    let _ = write!(
        page,
        "<p><a href=\"{}\" style=\"display:inline-block;padding:.5em 1em;background:#1c1c1c;\
         color:#fff;text-decoration:none;border-radius:4px\">Open in Countersign</a></p>\
         <p style=\"font-size:.85em;color:#666\">{}</p></body></html>",
        Escaped(&shown.link),
        Escaped(&Shown::footer(public_url))
    );
    page
}

/// A text in HTML, also within an attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in self.0.chars() {
            match it {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(it)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// Replies about the login (RFC 4954 §6).
const LOGIN_REFUSED: [&str; 4] = ["530", "534", "535", "538"];
/// How long the server may take for each of its replies.
const EACH_STEP_WITHIN: Duration = Duration::from_secs(20);
/// How long one message may take in all; shorter than a claim stands.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);
