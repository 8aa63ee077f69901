//! A browser as far as the console sees one: it keeps cookies, and walks through the identity provider.

use super::{AUDIENCE, Answer, Connection, Process, Say};
use countersign_identity::{Http, Limits};
use http::{HeaderMap, header};

/// A browser at one gateway.
#[derive(Debug)]
pub(crate) struct Browser {
    address: std::net::SocketAddr,
    cookies: Vec<(String, String)>,
    /// What the sign-in used up: code, state and the cookies that went away.
    spent: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(process: &Process) -> Self {
        Self { address: process.address, cookies: Vec::new(), spent: Vec::new() }
    }

    /// A browser in which this person has signed in, with the first issuer.
    pub(crate) async fn signed_in(process: &Process, subject: &str) -> Self {
        let mut browser = Self::new(process);
        let begun = browser.say(Say::bare("GET", "/console/sign-in/0")).await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let back = choose(begun.header("location"), subject).await;
        let url = url::Url::parse(&back).unwrap();
        browser.spent.extend(url.query_pairs().into_owned().filter(|(name, _)| name != "iss"));
        browser.spent.extend(browser.cookies.clone());
        let landed = browser.say(Say::bare("GET", back.strip_prefix(AUDIENCE).unwrap())).await;
        assert_eq!((landed.status, landed.header("location")), (303, "/console"), "{landed:?}");
        browser
    }

    /// Says something with the cookies, and keeps those that come back.
    pub(crate) async fn say(&mut self, say: Say) -> Answer {
        let pairs: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let say = if pairs.is_empty() { say } else { say.header("cookie", &pairs.join("; ")) };
        let answer = Connection::once(self.address, say).await.unwrap();
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// The values of the cookies.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|(_, value)| value.as_str())
    }

    /// What the sign-in used up, by name.
    pub(crate) fn spent(&self) -> &[(String, String)] {
        &self.spent
    }

    /// The token that the forms of this session carry.
    pub(crate) async fn csrf(&mut self) -> String {
        let page = self.say(Say::bare("GET", "/console/identity")).await;
        let text = page.text();
        let after = text.split("name=\"csrf\" value=\"").nth(1).unwrap_or_default();
        after.split('"').next().unwrap_or_default().to_owned()
    }
}

/// What the identity provider's page does: where the browser is sent to after it.
pub(crate) async fn choose(authorize: &str, subject: &str) -> String {
    let mut endpoint = url::Url::parse(authorize).unwrap();
    let mut fields: Vec<(String, String)> = endpoint.query_pairs().into_owned().collect();
    fields.push(("chosen".to_owned(), subject.to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    endpoint.set_query(None);
    let answer = Http::new()
        .post_form(endpoint.as_str(), HeaderMap::new(), &fields, Limits::default())
        .await
        .unwrap();
    answer.headers[header::LOCATION].to_str().unwrap().to_owned()
}
