//! Renews what an issuer said of a person who is signed in at the console, with the refresh token of
//! their sign-in (OpenID Connect Core §12). What comes back is judged like the first answer: it must
//! be about the same person, for the same client.
//!
//! It never keeps a token: what is to be kept goes out and comes back.

use super::{SignIn, SigninRefused};
use crate::{Hidden, Refused, Revoked, SignInNotes, TokenRefused, TokenSet, explain::Trace};
use countersign_model::{Caller, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the console keeps of a sign-in: to renew it, and to sign out at the issuer. It is written down
/// sealed, and never otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The last ID token, as a hint for [`SignIn::end_session_url`].
    pub id_token: Hidden,
    /// What the next tokens are had with, if the issuer gave one.
    pub(crate) refresh_token: Option<Hidden>,
    pub(crate) nonce: Hidden,
    /// The issuer's `sub`.
    pub(crate) subject: String,
    /// When the person proved themself (`auth_time`), in seconds, if the issuer said.
    pub(crate) auth_time: Option<i64>,
}

/// A person whose identity was renewed.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// What the issuer says of them now.
    pub caller: Caller,
    /// What to keep from now on.
    pub kept: Kept,
    /// What was read now, and by which rules.
    pub notes: SignInNotes,
}

/// An identity that was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewalFailed {
    /// There is nothing to renew it with.
    #[error("the identity provider gave no refresh token")]
    NoRefreshToken,
    /// The issuer says that the session has ended (RFC 6749 §5.2 `invalid_grant`).
    #[error("the identity provider ended the session")]
    Ended,
    /// The issuer now speaks of somebody else.
    #[error("the identity provider speaks of somebody else now")]
    OtherPerson,
    /// The answer is not acceptable.
    #[error(transparent)]
    Refused(SigninRefused),
    /// The issuer can't be asked. The session may go on for a while.
    #[error("the identity provider can't be asked")]
    Away(#[source] SigninRefused),
}

impl RenewalFailed {
    /// A stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRefreshToken => "no_refresh_token",
            Self::Ended => "session_ended_by_issuer",
            Self::OtherPerson => "renewed_subject_mismatch",
            Self::Refused(refused) | Self::Away(refused) => refused.code(),
        }
    }

    fn of(refused: SigninRefused) -> Self {
        match &refused {
            SigninRefused::Token(TokenRefused::Refused { error, .. })
                if error == "invalid_grant" =>
            {
                Self::Ended
            }
            SigninRefused::Token(_)
            | SigninRefused::Discovery(_)
            | SigninRefused::Userinfo(_)
            | SigninRefused::Secret(_)
            | SigninRefused::NotConfigured(_) => Self::Away(refused),
            SigninRefused::IdToken(why) if why.blame() != crate::Blame::Caller => {
                Self::Away(refused)
            }
            SigninRefused::UserinfoMismatch => Self::OtherPerson,
            SigninRefused::Callback(_)
            | SigninRefused::NoIdToken
            | SigninRefused::IdToken(_)
            | SigninRefused::NonceMismatch
            | SigninRefused::AccessTokenMismatch
            | SigninRefused::AuthTimeMissing
            | SigninRefused::AuthTooOld
            | SigninRefused::AcrNotAccepted
            | SigninRefused::NotAPerson => Self::Refused(refused),
        }
    }
}

impl Kept {
    /// Whether it can be renewed at all.
    pub fn is_renewable(&self) -> bool {
        self.refresh_token.is_some()
    }
}

impl SignIn {
    /// What the issuer says of the person now, and what to keep from now on. A refresh token is used
    /// up by this: of two that ask at once with the same one, an issuer that rotates them ends the
    /// session.
    ///
    /// # Errors
    /// [`RenewalFailed`]; with any but [`RenewalFailed::Away`] and [`RenewalFailed::NoRefreshToken`]
    /// the session is over.
    pub async fn renew(&self, kept: &Kept, subject: &Subject) -> Result<Renewed, RenewalFailed> {
        let mut trace = Trace::on();
        let refresh_token = kept.refresh_token.as_ref().ok_or(RenewalFailed::NoRefreshToken)?;
        let discovery = self.issuer.discovery().await;
        let discovery = discovery.map_err(|it| RenewalFailed::Away(it.into()))?;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())];
        let tokens = self.client().ask_for_tokens(&discovery, &fields).await;
        let tokens = tokens.map_err(|it| RenewalFailed::of(it.into()))?;
        let (mut claims, expires_at) = match &tokens.id_token {
            Some(id_token) => {
                let renewed = self.renewed_claims(id_token, &tokens, kept, &mut trace).await;
                renewed.map_err(RenewalFailed::of)?
            }
            // The issuer need not send one again (§12.2): then the user info has to say it all.
            None => (self.bare_claims(kept), tokens.expires_at),
        };
        if claims.get("sub").and_then(Value::as_str) != Some(kept.subject.as_str()) {
            return Err(RenewalFailed::OtherPerson);
        }
        let asked =
            if tokens.id_token.is_some() { super::Ask::IfMissing } else { super::Ask::Always };
        let completed = self.complete(&mut claims, &discovery, &tokens, asked, &mut trace).await;
        completed.map_err(RenewalFailed::of)?;
        let person = self.person(&claims, expires_at, &mut trace).await;
        let caller = person.map_err(RenewalFailed::of)?;
        if caller.subject != *subject {
            return Err(RenewalFailed::OtherPerson);
        }
        let next = Kept {
            id_token: tokens.id_token.unwrap_or_else(|| kept.id_token.clone()),
            refresh_token: tokens.refresh_token.or_else(|| kept.refresh_token.clone()),
            ..kept.clone()
        };
        Ok(Renewed { caller, kept: next, notes: SignInNotes::of(trace) })
    }

    /// Tells the issuer that the refresh token is not wanted any more (RFC 7009).
    ///
    /// # Errors
    /// [`SigninRefused`]; then it ends by itself.
    pub async fn revoke(&self, kept: &Kept) -> Result<Revoked, SigninRefused> {
        let Some(token) = &kept.refresh_token else { return Ok(Revoked::NotOffered) };
        let discovery = self.issuer.discovery().await?;
        Ok(self.client().revoke(&discovery, token, "refresh_token").await?)
    }

    /// The rules of §12.2 beside those for every ID token.
    async fn renewed_claims(
        &self,
        id_token: &Hidden,
        tokens: &TokenSet,
        kept: &Kept,
        trace: &mut Trace,
    ) -> Result<(Map<String, Value>, countersign_model::Timestamp), SigninRefused> {
        let (claims, expires_at) = self.prove_id_token(id_token, tokens, trace).await?;
        if claims.get("nonce").is_some_and(|it| it != kept.nonce.reveal()) {
            return Err(SigninRefused::NonceMismatch);
        }
        if let (Some(first), Some(now)) = (kept.auth_time, super::auth_time(&claims))
            && first != now
        {
            let detail = "auth_time is not that of the sign-in";
            return Err(Refused::new(crate::Fault::ClaimInvalid, detail).into());
        }
        trace.note("renewed", &["nonce", "auth_time"], || {
            ("of the sign-in that was renewed".into(), "OpenID Connect Core".into())
        });
        Ok((claims, expires_at))
    }

    /// What is known of the person without an ID token.
    fn bare_claims(&self, kept: &Kept) -> Map<String, Value> {
        let url = self.issuer.config.url.as_str();
        Map::from_iter([
            ("iss".to_owned(), Value::from(url)),
            ("sub".to_owned(), Value::from(kept.subject.as_str())),
        ])
    }
}
