//! Reads an assertion that was verified, and holds it against the rules: for whom it is, where, when,
//! and in answer to what (SAML 2.0 Core §2, Profiles §4.1.4.2). An element or a condition that is not
//! known here refuses the whole.

use super::{
    names::{ASSERTION, BEARER, DSIG},
    refused::{SamlFault, SamlRefused},
    response::{Rules, Unsolicited},
    signature::Verified,
    xml::Element,
};
use crate::refused::shown;
use countersign_model::{Span, Timestamp};
use std::collections::BTreeMap;

/// What an assertion says that was signed by the provider, is for us, and is in time.
#[derive(Clone, Debug)]
pub(crate) struct Believed {
    pub(crate) id: String,
    pub(crate) in_response_to: Option<String>,
    /// When it was made.
    pub(crate) issued_at: Timestamp,
    /// The provider's name for the session, if it has one.
    pub(crate) session_index: Option<String>,
    pub(crate) name_id: String,
    /// The format that `name_id` says it has.
    pub(crate) name_id_format: Option<String>,
    /// The values by the attribute's `Name`. Values that are not plain text are left out.
    pub(crate) attributes: BTreeMap<String, Vec<String>>,
    /// From when its times refuse it, the clock's skew included.
    pub(crate) usable_until: Timestamp,
    /// When it ends: the earliest end that it names.
    pub(crate) ends_at: Timestamp,
    /// When the session at the provider ends, if it says so.
    pub(crate) session_ends: Option<Timestamp>,
    /// When the person proved themself there (`AuthnInstant`); of several, the last.
    pub(crate) authenticated_at: Timestamp,
}

pub(crate) fn read(verified: Verified<'_>, rules: Rules<'_>) -> Result<Believed, SamlRefused> {
    let assertion = verified.element();
    let id = assertion.attribute("ID").filter(|it| !it.is_empty());
    let (Some(id), Some("2.0")) = (id, assertion.attribute("Version")) else {
        return Err(malformed("no assertion of SAML 2.0 with an ID"));
    };
    let parts = Parts::of(assertion)?;
    rules.check_issuer(parts.issuer)?;
    let issued = time(assertion, "IssueInstant")?;
    let issued = issued.ok_or_else(|| malformed("no IssueInstant"))?;
    rules.check_from(issued)?;
    rules.check_until(issued.plus(AGE_MAX))?;
    let subject = Subject::of(parts.subject)?;
    let (in_response_to, confirmed_until) = rules.check_confirmation(subject.confirmation)?;
    let conditions_until = rules.check_conditions(parts.conditions)?;
    let (authenticated_at, session_ends) = rules.check_sessions(&parts.sessions)?;
    Ok(Believed {
        id: id.to_owned(),
        in_response_to: in_response_to.map(str::to_owned),
        issued_at: issued,
        session_index: parts
            .sessions
            .iter()
            .find_map(|it| it.attribute("SessionIndex"))
            .map(str::to_owned),
        name_id: subject.name_id.text().unwrap_or_default().to_owned(),
        name_id_format: subject.name_id.attribute("Format").map(str::to_owned),
        attributes: attributes(&parts.attributes)?,
        usable_until: confirmed_until.plus(rules.skew),
        ends_at: conditions_until.map_or(confirmed_until, |it| it.min(confirmed_until)),
        session_ends,
        authenticated_at,
    })
}

struct Parts<'d> {
    issuer: &'d Element,
    subject: &'d Element,
    conditions: &'d Element,
    sessions: Vec<&'d Element>,
    attributes: Vec<&'d Element>,
}

impl<'d> Parts<'d> {
    fn of(assertion: &'d Element) -> Result<Self, SamlRefused> {
        if !assertion.is(ASSERTION, "Assertion") {
            return Err(malformed("no Assertion"));
        }
        let children = assertion.elements().ok_or_else(|| malformed("text between elements"))?;
        let mut rest = children.into_iter().peekable();
        let mut next = |name: &'static str| {
            // The signature was judged already; here it only has its place.
            while rest.next_if(|it| it.is(DSIG, "Signature")).is_some() {}
            let found = rest.next_if(|it| it.is(ASSERTION, name));
            found.ok_or_else(|| SamlRefused::new(SamlFault::AssertionMalformed, name))
        };
        let (issuer, subject, conditions) =
            (next("Issuer")?, next("Subject")?, next("Conditions")?);
        let (mut sessions, mut attributes) = (Vec::new(), Vec::new());
        for statement in rest {
            if statement.is(ASSERTION, "AuthnStatement") {
                sessions.push(statement);
            } else if statement.is(ASSERTION, "AttributeStatement") {
                attributes.push(statement);
            } else {
                return Err(malformed("a part that is not known"));
            }
        }
        Ok(Self { issuer, subject, conditions, sessions, attributes })
    }
}

struct Subject<'d> {
    name_id: &'d Element,
    confirmation: &'d Element,
}

impl<'d> Subject<'d> {
    fn of(subject: &'d Element) -> Result<Self, SamlRefused> {
        let children = subject.elements().ok_or_else(|| malformed("text in its Subject"))?;
        let [name_id, confirmation] = children.as_slice() else {
            return Err(malformed("a Subject of other than one name and one confirmation"));
        };
        if !name_id.is(ASSERTION, "NameID") || !confirmation.is(ASSERTION, "SubjectConfirmation") {
            return Err(malformed("a Subject of other than one NameID and one confirmation"));
        }
        if name_id.text().is_none_or(str::is_empty) {
            return Err(SamlFault::SubjectMissing.into());
        }
        Ok(Self { name_id, confirmation })
    }
}

impl Rules<'_> {
    /// Bearer, at our address, in time, in answer to this browser's request (Profiles §4.1.4.2).
    fn check_confirmation<'d>(
        &self,
        confirmation: &'d Element,
    ) -> Result<(Option<&'d str>, Timestamp), SamlRefused> {
        let method = confirmation.attribute("Method").unwrap_or_default();
        let refused = || SamlRefused::new(SamlFault::ConfirmationNotAccepted, shown(method));
        if method != BEARER {
            return Err(refused());
        }
        let children = confirmation.elements().unwrap_or_default();
        let [data] = children.as_slice() else { return Err(refused()) };
        if !data.is(ASSERTION, "SubjectConfirmationData") {
            return Err(refused());
        }
        let recipient = data.attribute("Recipient").unwrap_or_default();
        if !self.recipients.iter().any(|it| it == recipient) {
            return Err(SamlRefused::new(SamlFault::RecipientMismatch, shown(recipient)));
        }
        let until = time(data, "NotOnOrAfter")?.ok_or_else(refused)?;
        self.check_until(until)?;
        if let Some(from) = time(data, "NotBefore")? {
            self.check_from(from)?;
        }
        let answers = data.attribute("InResponseTo");
        match (answers, self.request, self.unsolicited) {
            (_, _, Unsolicited::Apart) => Ok((answers, until)),
            (Some(answers), Some(request), _) if answers == request => Ok((Some(answers), until)),
            (Some(_), ..) => Err(SamlFault::InResponseToMismatch.into()),
            (None, _, Unsolicited::Accept) => Ok((None, until)),
            (None, _, Unsolicited::Refuse) => Err(SamlFault::Unsolicited.into()),
        }
    }

    /// In time, and for us; answers when they end, if they say so.
    fn check_conditions(&self, conditions: &Element) -> Result<Option<Timestamp>, SamlRefused> {
        if let Some(from) = time(conditions, "NotBefore")? {
            self.check_from(from)?;
        }
        let until = time(conditions, "NotOnOrAfter")?;
        if let Some(until) = until {
            self.check_until(until)?;
        }
        let children = conditions.elements().ok_or_else(|| malformed("text in its Conditions"))?;
        let mut restricted = false;
        for condition in children {
            if condition.is(ASSERTION, "AudienceRestriction") {
                self.check_audience(condition)?;
                restricted = true;
            } else if !condition.is(ASSERTION, "OneTimeUse")
                && !condition.is(ASSERTION, "ProxyRestriction")
            {
                // Core §2.5.1: it can't be told whether the assertion is valid.
                return Err(malformed("a condition that is not known"));
            }
        }
        if restricted {
            Ok(until)
        } else {
            Err(SamlRefused::new(SamlFault::AudienceMismatch, "no AudienceRestriction"))
        }
    }

    fn check_audience(&self, restriction: &Element) -> Result<(), SamlRefused> {
        let audiences = restriction.elements().unwrap_or_default();
        let ours = |it: &&Element| {
            let named = it.text().filter(|_| it.is(ASSERTION, "Audience"));
            named.is_some_and(|named| self.audiences.iter().any(|it| it == named))
        };
        if audiences.iter().any(ours) {
            return Ok(());
        }
        let first = audiences.first().and_then(|it| it.text()).unwrap_or_default();
        Err(SamlRefused::new(SamlFault::AudienceMismatch, shown(first)))
    }

    /// At least one sign-in, none of the future, and no session that has ended; answers the last sign-in
    /// and the first end.
    fn check_sessions(
        &self,
        sessions: &[&Element],
    ) -> Result<(Timestamp, Option<Timestamp>), SamlRefused> {
        let mut last: Option<Timestamp> = None;
        let mut ends: Option<Timestamp> = None;
        for session in sessions {
            let began =
                time(session, "AuthnInstant")?.ok_or_else(|| malformed("no AuthnInstant"))?;
            self.check_from(began)?;
            last = Some(last.map_or(began, |it| it.max(began)));
            if let Some(end) = time(session, "SessionNotOnOrAfter")? {
                if self.now >= end.plus(self.skew) {
                    return Err(SamlFault::SessionEnded.into());
                }
                ends = Some(ends.map_or(end, |it| it.min(end)));
            }
        }
        Ok((last.ok_or_else(|| malformed("no AuthnStatement"))?, ends))
    }

    fn check_from(&self, from: Timestamp) -> Result<(), SamlRefused> {
        let early = self.now < from.minus(self.skew);
        if early { Err(SamlFault::AssertionNotYetValid.into()) } else { Ok(()) }
    }

    fn check_until(&self, until: Timestamp) -> Result<(), SamlRefused> {
        let late = self.now >= until.plus(self.skew);
        if late { Err(SamlFault::AssertionExpired.into()) } else { Ok(()) }
    }
}

/// Some providers write an attribute of many values as many attributes of one name.
fn attributes(statements: &[&Element]) -> Result<BTreeMap<String, Vec<String>>, SamlRefused> {
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for statement in statements {
        for attribute in statement.elements().ok_or_else(|| malformed("text among attributes"))? {
            if !attribute.is(ASSERTION, "Attribute") {
                return Err(malformed("a part of AttributeStatement that is not known"));
            }
            let name = attribute.attribute("Name").filter(|it| !it.is_empty());
            let name = name.ok_or_else(|| malformed("an attribute without a name"))?;
            let values = attribute.elements().ok_or_else(|| malformed("text among values"))?;
            let texts = values.iter().filter(|it| it.is(ASSERTION, "AttributeValue"));
            let texts = texts.filter_map(|it| it.text()).map(str::to_owned);
            attributes.entry(name.to_owned()).or_default().extend(texts);
        }
    }
    Ok(attributes)
}

/// A time in UTC, as Core §1.3.3 wants it: `2026-11-22T09:30:00Z`, perhaps with a fraction.
pub(crate) fn time(element: &Element, name: &str) -> Result<Option<Timestamp>, SamlRefused> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    let plain = |it: u8| it.is_ascii_digit() || b"-:.TZ".contains(&it);
    let utc = text.len() <= TIME_BYTES_MAX
        && text.bytes().all(plain)
        && text.ends_with('Z')
        && text.as_bytes().get(10) == Some(&b'T');
    match text.parse() {
        Ok(time) if utc => Ok(Some(time)),
        _ => Err(malformed("a time that is not in UTC")),
    }
}

fn malformed(what: &str) -> SamlRefused {
    SamlRefused::new(SamlFault::AssertionMalformed, what)
}

/// An assertion is made for one sign-in; one that is older was kept.
const AGE_MAX: Span = Span::from_seconds(600);
const TIME_BYTES_MAX: usize = 40;
