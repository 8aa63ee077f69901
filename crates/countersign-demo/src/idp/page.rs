//! The pages of the sign-in: plain HTML that works without scripts. Every value that comes from
//! elsewhere is escaped here, and nowhere else is HTML written.

use super::Idp;
use crate::people::Person;
use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use std::fmt::{self, Write};

/// Whether the person typed a code before that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Again,
}

/// "Who are you today?", with a button for each person. `fields` go back as they came.
pub(crate) fn who_are_you(idp: &Idp, client: &str, fields: &[(&str, &str)]) -> Html<String> {
    let body = format!(
        "<h1>Who are you today?</h1>\
         <p class=\"lead\"><strong>{client}</strong> asks who you are.</p>{}{}",
        DEMO_ONLY,
        choices(idp, "authorize", fields, "Nobody: go back without signing in"),
        client = Escaped(client),
    );
    layout(idp, "Who are you today?", &body)
}

/// The field for the code that a terminal shows.
pub(crate) fn type_code(idp: &Idp, attempt: Attempt) -> Html<String> {
    let fault = match attempt {
        Attempt::First => "",
        Attempt::Again => {
            "<p class=\"fault\" id=\"fault\" role=\"alert\">No terminal waits for this code. It may \
             be mistyped, used already, or older than ten minutes.</p>"
        }
    };
    let body = format!(
        "<h1>Connect your terminal</h1>\
         <p class=\"lead\">Type the code that your terminal shows.</p>{fault}\
         <form method=\"post\" action=\"{path}/device\">\
         <label for=\"user_code\">Code</label>\
         <input class=\"code\" id=\"user_code\" name=\"user_code\" required maxlength=\"16\" \
         autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
         placeholder=\"XXXX-XXXX\" autofocus{described}>\
         <button class=\"go\">Continue</button></form>",
        path = Escaped(&idp.0.issuer.path),
        described = if attempt == Attempt::Again {
            " aria-invalid=\"true\" aria-describedby=\"fault\""
        } else {
            ""
        },
    );
    layout(idp, "Connect your terminal", &body)
}

/// What the code belongs to, and who says yes to it.
pub(crate) fn confirm_device(idp: &Idp, client: &str, user_code: &str) -> Html<String> {
    let body = format!(
        "<h1>Who are you today?</h1>\
         <p class=\"lead\"><strong>{client}</strong> wants to act for you. Go on only if your \
         terminal shows this code: <span class=\"code\">{code}</span></p>{DEMO_ONLY}{}",
        choices(idp, "device", &[("user_code", user_code)], "This is not my terminal: say no"),
        client = Escaped(client),
        code = Escaped(user_code),
    );
    layout(idp, "Connect your terminal", &body)
}

/// A page that says one thing.
pub(crate) fn message(idp: &Idp, status: StatusCode, title: &str, text: &str) -> impl IntoResponse {
    let body = format!("<h1>{}</h1><p class=\"lead\">{}</p>", Escaped(title), Escaped(text));
    (status, layout(idp, title, &body))
}

/// A page that says what went wrong and what to do.
pub(crate) fn problem(idp: &Idp, status: StatusCode, text: &str) -> Response {
    let text = format!("{text} Go back to the application and start the sign-in again.");
    message(idp, status, "This sign-in can't go on", &text).into_response()
}

pub(crate) async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
    (headers, include_str!("style.css"))
}

pub(crate) async fn not_found(State(idp): State<Idp>) -> Response {
    let text = "There is nothing at this address of the demo identity provider.";
    message(&idp, StatusCode::NOT_FOUND, "Not found", text).into_response()
}

fn choices(idp: &Idp, route: &str, fields: &[(&str, &str)], nobody: &str) -> String {
    let mut html =
        format!("<form method=\"post\" action=\"{}/{route}\">", Escaped(&idp.0.issuer.path));
    for (name, value) in fields {
        push(
            &mut html,
            format_args!(
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                Escaped(name),
                Escaped(value)
            ),
        );
    }
    html.push_str("<ul class=\"people\">");
    for (index, person) in idp.0.people.iter().enumerate() {
        push_person(&mut html, index, person);
    }
    push(
        &mut html,
        format_args!(
            "</ul><button class=\"nobody\" name=\"chosen\" value=\"\">{}</button></form>",
            Escaped(nobody)
        ),
    );
    html
}

fn push_person(html: &mut String, index: usize, person: &Person) {
    let initials: String =
        person.name.split(' ').filter_map(|word| word.chars().next()).take(2).collect();
    push(
        html,
        format_args!(
            "<li><button class=\"person\" name=\"chosen\" value=\"{subject}\">\
         <span class=\"initials tint-{tint}\" aria-hidden=\"true\">{initials}</span>\
         <span class=\"who\"><span class=\"name\">{name}</span>\
         <span class=\"role\">{role}</span>\
         <span class=\"email\">{email}</span></span></button></li>",
            subject = Escaped(&person.subject),
            tint = index % TINTS,
            initials = Escaped(&initials),
            name = Escaped(&person.name),
            role = Escaped(&person.role),
            email = Escaped(&person.email),
        ),
    );
}

fn layout(idp: &Idp, title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} · Countersign demo</title>\
         <link rel=\"stylesheet\" href=\"{path}/style.css\"></head>\
         <body><main><p class=\"brand\">Countersign <span>demo sign-in</span></p>{body}</main>\
         </body></html>",
        title = Escaped(title),
        path = Escaped(&idp.0.issuer.path),
    ))
}

/// Writing to a string does not fail.
fn push(html: &mut String, text: fmt::Arguments<'_>) {
    html.write_fmt(text).unwrap_or_default();
}

/// Text as it may stand in an element or between double quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

const DEMO_ONLY: &str =
    "<p class=\"note\">This sign-in exists only in the demo: no password, pick anybody.</p>";
/// How many colours the style sheet has for initials.
const TINTS: usize = 5;
