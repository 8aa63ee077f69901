//! The one place where asking for a token becomes an answer (RFC 6749 §5, RFC 8693 §2.2).

use super::ask::ACCESS_TOKEN;
use crate::Body;
use bytes::Bytes;
use countersign_identity::{
    Blame, ExchangeFault, Fault, IssuedToken, Refused, SamlFault, SamlRefused, Scheme,
};
use countersign_model::{Caller, Span, record::TokenGrant};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRefused {
    status: StatusCode,
    /// The error of RFC 6749 §5.2.
    error: &'static str,
    /// Ours, more precise.
    code: &'static str,
    sentence: Box<str>,
    next_step: Box<str>,
    /// For the operator's log; may be empty.
    detail: Box<str>,
    /// The nonce that the next proof has to carry (RFC 9449 §8).
    nonce: Option<Box<str>>,
    retry_after: Option<Span>,
}

/// Whose token is at fault, which decides the error that a standard names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blamed {
    /// A token of a token exchange (RFC 8693 §2.2.2).
    Exchange(&'static str),
    /// The proof that comes with the request (RFC 9449 §5).
    Proof,
    /// What authenticates a client (RFC 6749 §5.2).
    Client,
    /// An assertion that stands for a grant (RFC 7521 §4.1.1).
    Grant,
}

impl Blamed {
    pub(super) fn actor_of(how: TokenGrant) -> Self {
        match how {
            TokenGrant::TokenExchange => Self::Exchange("actor_token"),
            TokenGrant::IdentityAssertion => Self::Client,
        }
    }

    pub(super) fn subject_of(how: TokenGrant) -> Self {
        match how {
            TokenGrant::TokenExchange => Self::Exchange("subject_token"),
            TokenGrant::IdentityAssertion => Self::Grant,
        }
    }

    fn error(self) -> &'static str {
        match self {
            Self::Exchange(_) => "invalid_request",
            Self::Proof => "invalid_dpop_proof",
            Self::Client => "invalid_client",
            Self::Grant => "invalid_grant",
        }
    }

    fn parameter(self) -> &'static str {
        match self {
            Self::Exchange(parameter) => parameter,
            Self::Proof => "DPoP",
            Self::Client => "client_assertion",
            Self::Grant => "assertion",
        }
    }
}

impl TokenRefused {
    fn new(error: &'static str, code: &'static str, sentence: &str, next_step: &str) -> Self {
        Self {
            status: match error {
                "invalid_client" => StatusCode::UNAUTHORIZED,
                _ => StatusCode::BAD_REQUEST,
            },
            error,
            code,
            sentence: sentence.into(),
            next_step: next_step.into(),
            detail: "".into(),
            nonce: None,
            retry_after: None,
        }
    }

    /// The precise code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What the operator is told beyond that.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// A token was not accepted.
    pub(super) fn not_proved(refused: &Refused, blamed: Blamed) -> Self {
        let parameter = blamed.parameter();
        let sentence = format!("{parameter}: {}", refused.sentence());
        let (step, away) = match refused.blame() {
            Blame::Caller => (step(refused.fault(), parameter), false),
            Blame::Issuer | Blame::Gateway | Blame::Others => {
                ("Try again in a moment.".to_owned(), true)
            }
        };
        let mut stop = Self::new(blamed.error(), refused.code(), &sentence, &step);
        if away {
            stop.status = StatusCode::SERVICE_UNAVAILABLE;
            stop.error = "temporarily_unavailable";
            stop.retry_after = Some(refused.retry_after().unwrap_or(Span::from_seconds(5)));
        }
        if refused.blame() == Blame::Others {
            stop.status = StatusCode::TOO_MANY_REQUESTS;
        }
        stop.detail = format!("{parameter}: {}", refused.detail()).into();
        stop
    }

    /// What the request shows to hold is not good, or not enough (RFC 9449 §5 and §8).
    pub(super) fn not_held(refused: &Refused) -> Self {
        let mut stop = Self::not_proved(refused, Blamed::Proof);
        stop.error = match (refused.blame(), refused.nonce()) {
            (Blame::Caller, None) => "invalid_dpop_proof",
            (Blame::Caller, Some(_)) => "use_dpop_nonce",
            (Blame::Issuer | Blame::Gateway | Blame::Others, _) => stop.error,
        };
        stop.nonce = refused.nonce().map(Into::into);
        stop
    }

    /// A SAML assertion was not accepted as the subject's token.
    pub(super) fn saml(refused: &SamlRefused) -> Self {
        let sentence = format!("subject_token: {}", refused.sentence());
        let step = "Get a new assertion from the identity provider; the manual's page on SAML has the \
                    code.";
        let mut stop = Self::new("invalid_request", refused.code(), &sentence, step);
        if matches!(
            refused.fault(),
            SamlFault::MetadataUnavailable | SamlFault::RegisterUnavailable
        ) {
            stop.status = StatusCode::SERVICE_UNAVAILABLE;
            stop.error = "temporarily_unavailable";
            stop.next_step = "Try again in a moment; if it stays so, tell an administrator.".into();
            stop.retry_after = Some(Span::from_seconds(5));
        }
        stop.detail = format!("subject_token: {}", refused.detail()).into();
        stop
    }

    /// Both tokens are good, and do not go together.
    pub(super) fn by_rule(fault: ExchangeFault, blamed: Blamed) -> Self {
        let error = match fault {
            ExchangeFault::ScopeExceeded => "invalid_scope",
            ExchangeFault::ActorTokenIsExchanged
            | ExchangeFault::ActorIsAPerson
            | ExchangeFault::ActorNotRegistered
            | ExchangeFault::ActorSuspended
            | ExchangeFault::SponsorSuspended
            | ExchangeFault::ClientMismatch
            | ExchangeFault::SubjectIsNoPerson
            | ExchangeFault::SubjectSuspended
            | ExchangeFault::NotAllowedToAct
            | ExchangeFault::ActorChainCycle
            | ExchangeFault::ActorChainTooLong
            | ExchangeFault::EndsNow
            | ExchangeFault::SubjectTokenIsBound => blamed.error(),
        };
        Self::new(error, fault.code(), fault.sentence(), fault.next_step())
    }

    pub(super) fn malformed(sentence: &str) -> Self {
        let step = "Send one form, application/x-www-form-urlencoded, each parameter once.";
        Self::new("invalid_request", "form_malformed", sentence, step)
    }

    pub(super) fn missing(name: &'static str) -> Self {
        let sentence = format!("The parameter {name} is missing.");
        Self::new("invalid_request", "parameter_missing", &sentence, &format!("Send {name}."))
    }

    pub(super) fn grant_type() -> Self {
        let sentence = "This grant type is not offered here.";
        let step = "/.well-known/oauth-authorization-server names those that are.";
        Self::new("unsupported_grant_type", "grant_type_not_offered", sentence, step)
    }

    pub(super) fn token_type(name: &'static str) -> Self {
        let sentence = format!("The {name} is of a kind that is not taken.");
        let step = "Use an access token, or an ID token or a SAML assertion as subject_token where that \
                    is allowed.";
        Self::new("invalid_request", "token_type_not_offered", &sentence, step)
    }

    pub(super) fn other_resource() -> Self {
        let sentence = "A token is asked for another resource than this gateway.";
        let step = "/.well-known/oauth-protected-resource says what this gateway is called.";
        Self::new("invalid_target", "resource_not_ours", sentence, step)
    }

    pub(super) fn client_secret() -> Self {
        let sentence = "Clients have no secrets here.";
        let step = "Prove the client with its token: actor_token, or client_assertion.";
        Self::new("invalid_client", "client_secret_not_taken", sentence, step)
    }

    pub(super) fn client_missing() -> Self {
        let sentence = "Nothing says which client asks.";
        let step = "Send the client's own access token for this gateway as client_assertion.";
        Self::new("invalid_client", "client_missing", sentence, step)
    }

    pub(super) fn assertion_not_bound() -> Self {
        let sentence =
            "The assertion is bound to no key, and this grant type is for those that are.";
        let step = "Ask with the grant type jwt-bearer, or get an assertion with a DPoP proof.";
        Self::new("invalid_grant", "assertion_not_bound", sentence, step)
    }

    pub(super) fn used_before() -> Self {
        let sentence = "The assertion was used before.";
        let step = "Get a new assertion from the identity provider; each is good for once.";
        Self::new("invalid_grant", "assertion_used_before", sentence, step)
    }

    pub(super) fn too_large() -> Self {
        let sentence = "The token would be too large: the subject is in too many groups.";
        let step = "Have the identity provider send only the groups that this gateway needs.";
        Self::new("invalid_request", "token_would_be_too_large", sentence, step)
    }

    pub(super) fn too_many(retry_after: Span) -> Self {
        let sentence = "Too many tokens are asked for at the moment.";
        let step = "Use each token until it ends, and ask again in a moment.";
        let mut stop = Self::new("temporarily_unavailable", "too_many_requests", sentence, step);
        stop.status = StatusCode::TOO_MANY_REQUESTS;
        stop.retry_after = Some(retry_after);
        stop
    }

    pub(super) fn unavailable() -> Self {
        let sentence = "No tokens can be given at the moment.";
        let step = "Try again in a moment; if it stays so, tell an administrator.";
        let mut stop = Self::new("temporarily_unavailable", "unavailable", sentence, step);
        stop.status = StatusCode::SERVICE_UNAVAILABLE;
        stop.retry_after = Some(Span::from_seconds(5));
        stop
    }

    pub(super) fn method() -> Self {
        let step = "POST to /oauth/token, GET everything else.";
        let mut stop =
            Self::new("invalid_request", "method_not_allowed", "Not with this method.", step);
        stop.status = StatusCode::METHOD_NOT_ALLOWED;
        stop
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let document = json!({
            "error": self.error,
            "error_description": description(&self.sentence),
            "code": self.code,
            "next_step": self.next_step,
        });
        let mut response = json_response(self.status, &document);
        let headers = response.headers_mut();
        if let Some(span) = self.retry_after {
            let seconds = span.millis().max(0).saturating_add(999) / 1000;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.unsigned_abs()));
        }
        if let Some(nonce) = self.nonce.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
            headers.insert("dpop-nonce", nonce);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        response
    }
}

/// A token, for the one who asked.
pub(super) fn answered(how: TokenGrant, issued: &IssuedToken, caller: &Caller) -> Response<Body> {
    let scopes: Vec<&str> = caller.scopes.iter().map(AsRef::as_ref).collect();
    let mut document = json!({
        "access_token": issued.token.reveal(),
        "token_type": match issued.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        },
        "expires_in": issued.expires_in_seconds,
        "scope": scopes.join(" "),
    });
    if let (TokenGrant::TokenExchange, Some(members)) = (how, document.as_object_mut()) {
        members.insert("issued_token_type".to_owned(), json!(ACCESS_TOKEN));
    }
    json_response(StatusCode::OK, &document)
}

/// A public document.
pub(super) fn document(document: &Value) -> Response<Body> {
    let mut response = json_response(StatusCode::OK, document);
    let public = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, public);
    response
}

fn json_response(status: StatusCode, document: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// What whoever asks can do about a token or proof that was not accepted.
fn step(fault: Fault, parameter: &str) -> String {
    let step = if matches!(fault, Fault::ProofMissing | Fault::ProofKeyMismatch) {
        "Send in the header DPoP a proof of the key that it is bound to, made for this request."
    } else if matches!(fault, Fault::CertificateMissing | Fault::CertificateMismatch) {
        "Connect with the client certificate that it is bound to."
    } else if fault == Fault::BindingMissing {
        "Send in the header DPoP a proof of a key of your own, made for this request."
    } else if fault == Fault::ProofNonceNeeded {
        "Make a new proof with the nonce of the header DPoP-Nonce."
    } else if fault == Fault::ClientUnknown {
        "Ask an administrator to register the agent in the catalog with its public key; iss and sub \
         are its subject."
    } else if matches!(
        fault,
        Fault::ClientAssertionNotSelfMade
            | Fault::ClientAssertionTooLong
            | Fault::ClientAssertionWithoutId
            | Fault::ClientAssertionUsed
    ) {
        "Make a new client assertion as RFC 7523 §3 says: iss and sub the agent, aud this gateway, \
         a new jti, and exp in a minute."
    } else if fault == Fault::ProofReplayed {
        "Make a new proof for each request."
    } else if fault.is_proofs() {
        "Make one proof as RFC 9449 §4.2 says: for POST, for this URL under the gateway's public \
         one, and without ath."
    } else {
        return format!("Get a new token for {parameter} from the identity provider.");
    };
    step.to_owned()
}

/// The characters that RFC 6749 §5.2 lets a description have.
fn description(sentence: &str) -> String {
    let plain =
        |it: char| if matches!(it, ' '..='~') && it != '"' && it != '\\' { it } else { '\'' };
    sentence.chars().map(plain).collect()
}
