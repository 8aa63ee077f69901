//! Why two proved tokens make no third one: one variant for each rule, with a stable code, and a
//! sentence and a next step for whoever asked.

/// One variant per rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("{}", self.code())]
pub enum ExchangeFault {
    /// The actor's token was exchanged itself.
    ActorTokenIsExchanged,
    /// The actor is a person.
    ActorIsAPerson,
    /// The actor calls itself an agent, and nobody answers for it.
    ActorNotRegistered,
    /// The actor, or an earlier one of the chain, is suspended.
    ActorSuspended,
    /// Who answers for an agent of the chain is suspended.
    SponsorSuspended,
    /// The client is not the one that the token was made for.
    ClientMismatch,
    /// The one to act for is an agent or a service.
    SubjectIsNoPerson,
    /// The one to act for is suspended.
    SubjectSuspended,
    /// The subject's token names another actor (`may_act`).
    NotAllowedToAct,
    /// The actor is in the chain already.
    ActorChainCycle,
    /// The chain would be longer than 5.
    ActorChainTooLong,
    /// A scope is wanted that one of the tokens does not have.
    ScopeExceeded,
    /// One of the tokens ends now.
    EndsNow,
    /// The subject's token is bound to what only its holder can show.
    SubjectTokenIsBound,
}

impl ExchangeFault {
    /// All of them, for tables.
    pub const ALL: [Self; 14] = [
        Self::ActorTokenIsExchanged,
        Self::ActorIsAPerson,
        Self::ActorNotRegistered,
        Self::ActorSuspended,
        Self::SponsorSuspended,
        Self::ClientMismatch,
        Self::SubjectIsNoPerson,
        Self::SubjectSuspended,
        Self::NotAllowedToAct,
        Self::ActorChainCycle,
        Self::ActorChainTooLong,
        Self::ScopeExceeded,
        Self::EndsNow,
        Self::SubjectTokenIsBound,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ActorTokenIsExchanged => "actor_token_is_exchanged",
            Self::ActorIsAPerson => "actor_is_a_person",
            Self::ActorNotRegistered => "actor_not_registered",
            Self::ActorSuspended => "actor_suspended",
            Self::SponsorSuspended => "sponsor_suspended",
            Self::ClientMismatch => "client_mismatch",
            Self::SubjectIsNoPerson => "subject_is_no_person",
            Self::SubjectSuspended => "subject_suspended",
            Self::NotAllowedToAct => "not_allowed_to_act",
            Self::ActorChainCycle => "actor_chain_cycle",
            Self::ActorChainTooLong => "actor_chain_too_long",
            Self::ScopeExceeded => "scope_exceeded",
            Self::EndsNow => "token_ends_now",
            Self::SubjectTokenIsBound => "subject_token_is_bound",
        }
    }

    /// What whoever asked is told.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ActorTokenIsExchanged => "The actor's token was exchanged itself.",
            Self::ActorIsAPerson => "The actor's token is a person's: people act for nobody here.",
            Self::ActorNotRegistered => "The actor is not a registered agent.",
            Self::ActorSuspended => "The actor, or an earlier actor of the chain, is suspended.",
            Self::SponsorSuspended => "The person who answers for the agent is suspended.",
            Self::ClientMismatch => "The client is not the one that the token was made for.",
            Self::SubjectIsNoPerson => "The subject's token is not a person's.",
            Self::SubjectSuspended => "The subject is suspended.",
            Self::NotAllowedToAct => "The subject's token allows another actor only.",
            Self::ActorChainCycle => "The actor is in the chain of the subject's token already.",
            Self::ActorChainTooLong => "The chain of actors would be longer than 5.",
            Self::ScopeExceeded => "A scope was asked for that one of the tokens does not have.",
            Self::EndsNow => "One of the tokens ends at this moment.",
            Self::SubjectTokenIsBound => {
                "The subject's token is bound to a key or certificate that only the subject can show."
            }
        }
    }

    /// What to do next.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::ActorTokenIsExchanged | Self::ActorIsAPerson => {
                "Send as actor_token what the agent got from the identity provider for itself."
            }
            Self::ActorNotRegistered => {
                "Ask an administrator to register the agent in the catalog, with a sponsor."
            }
            Self::ActorSuspended | Self::SubjectSuspended => {
                "Ask an administrator why, and to lift the suspension."
            }
            Self::SponsorSuspended => "Ask an administrator to name another sponsor.",
            Self::ClientMismatch => "Authenticate as the client that the token was made for.",
            Self::SubjectIsNoPerson => {
                "Send the user's token as subject_token, and the agent's as actor_token."
            }
            Self::NotAllowedToAct => "Have the agent act that the user's token names in may_act.",
            Self::ActorChainCycle => "Use the token that the agent has already.",
            Self::ActorChainTooLong => "Let fewer agents hand the task on.",
            Self::ScopeExceeded => "Ask for scopes that both tokens have, or for none by name.",
            Self::EndsNow => "Get new tokens from the identity provider, and exchange those.",
            Self::SubjectTokenIsBound => {
                "Have the identity provider give the user's application a bearer token, an ID token or an identity assertion (ID-JAG) for the agent, and send that."
            }
        }
    }
}
