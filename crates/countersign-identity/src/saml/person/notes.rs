//! What was read of an assertion that is believed, for the person whom it speaks of.

use super::{PersonMapping, values};
use crate::{
    SignInNotes,
    explain::{prefix, value},
    refused::shown,
    saml::{assertion::Believed, config::SamlConfig},
};
use countersign_model::Caller;
use serde_json::Value;

type Row = (&'static str, Vec<String>, String, String);

impl PersonMapping {
    /// What was read of an assertion, attribute by attribute, and by which rules. `audience` is our
    /// own name.
    pub(crate) fn notes(
        &self,
        believed: &Believed,
        caller: &Caller,
        own: &SamlConfig,
        audience: &str,
    ) -> SignInNotes {
        let key = |key: &str| format!("saml[{}].{key}", self.provider);
        let row =
            |check, read: &str, found, rule| -> Row { (check, vec![read.to_owned()], found, rule) };
        let request = match believed.in_response_to {
            Some(_) => ("the request of this browser", "SAML 2.0 Profiles, once".to_owned()),
            None => ("nothing: begun at the provider", key("idp_initiated")),
        };
        let mut rows = vec![
            row("issuer", "Issuer", shown(&own.entity_id), key("entity_id")),
            row("signature", "Signature", "holds".into(), format!("a key of {}", key("metadata"))),
            row("audience", "AudienceRestriction", shown(audience), "our own entity ID".into()),
            row("answers", "InResponseTo", request.0.to_owned(), request.1),
            row("times", "Conditions", self.times(believed), key("clock_skew")),
        ];
        rows.push(self.subject_row(believed, caller));
        let groups = format!(
            "{}{}: {}",
            key("attributes.groups"),
            prefix(self.attributes.group_prefix()),
            caller.groups.len()
        );
        rows.push(self.attribute("groups", &self.attributes.groups, believed, groups));
        for (check, name) in [("name", &self.attributes.name), ("email", &self.attributes.email)] {
            let rule = format!("{}, to show only", key(&format!("attributes.{check}")));
            rows.push(self.attribute(check, name, believed, rule));
        }
        let read: Vec<String> = rows.iter().flat_map(|it| it.1.clone()).collect();
        let rest = believed.attributes.keys().filter(|it| !read.contains(it)).cloned();
        SignInNotes::accepted(rows, rest.collect::<Vec<_>>().into_iter())
    }

    fn times(&self, believed: &Believed) -> String {
        let made = believed.issued_at;
        match believed.session_ends {
            Some(ends) => format!("made {made}, the provider's session until {ends}"),
            None => format!("made {made}"),
        }
    }

    fn subject_row(&self, believed: &Believed, caller: &Caller) -> Row {
        let rule = |key: &str| {
            format!(
                "saml[{}].{key}{}: {}",
                self.provider,
                prefix(&self.attributes.subject_prefix),
                caller.subject
            )
        };
        match &self.attributes.subject {
            Some(name) => self.attribute("subject", name, believed, rule("attributes.subject")),
            None => {
                let found = shown(&believed.name_id);
                ("subject", vec!["NameID".to_owned()], found, rule("name_id_format"))
            }
        }
    }

    fn attribute(&self, check: &'static str, name: &str, from: &Believed, rule: String) -> Row {
        let found: Vec<Value> =
            values(&from.attributes, name).iter().map(|it| it.as_str().into()).collect();
        let found = if found.is_empty() { "not there".into() } else { value(Some(&found.into())) };
        (check, vec![name.to_owned()], found, rule)
    }
}
