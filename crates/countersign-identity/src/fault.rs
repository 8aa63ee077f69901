//! Every way in which a credential can fail, as one table: its stable code, who is wrong, and the
//! sentence for the caller.

/// What is wrong, and so what an answer says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Nothing was presented.
    Nothing,
    /// The token (RFC 6750 §3.1).
    Token,
    /// The proof beside it (RFC 9449 §7.1).
    Proof,
    /// The proof, which needs a nonce of the server (RFC 9449 §9).
    Nonce,
    /// The identity provider.
    Issuer,
    /// This gateway.
    Gateway,
    /// Others, who send so much that is forged.
    Others,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $wrong:ident, $sentence:literal;)*) => {
        /// One variant per way to fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them, for tables.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The sentence for the caller.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            pub(crate) const fn wrong(self) -> Wrong {
                match self { $(Self::$name => Wrong::$wrong,)* }
            }
        }
    };
}

faults! {
    /// There was no token.
    TokenMissing = "token_missing", Nothing, "No bearer token was sent.";
    /// The token is longer than 16 KiB.
    TokenTooLarge = "token_too_large", Token, "The token is longer than 16 KiB.";
    /// The token is not three base64url parts with a JSON object in each of the first two.
    TokenMalformed = "token_malformed", Token, "The token is not a well-formed signed JWT.";
    /// The token is encrypted (JWE).
    TokenEncrypted = "token_encrypted", Token,
        "The token is encrypted; send a signed access token.";
    /// The header asks for something that is not done: `crit`, `b64`, `zip`, `jwk`, nesting.
    HeaderNotAllowed = "header_not_allowed", Token,
        "The token's header asks for a feature that is not accepted.";
    /// The algorithm is not on the issuer's list.
    AlgorithmNotAllowed = "algorithm_not_allowed", Token,
        "The token is signed with an algorithm that is not allowed.";
    /// The token is of another type, such as an ID token.
    TokenTypeNotAccepted = "token_type_not_accepted", Token,
        "The token is not an access token.";
    /// No configured issuer has this name.
    IssuerUnknown = "issuer_unknown", Token, "The token's issuer is not trusted here.";
    /// The token is for someone else.
    AudienceMismatch = "audience_mismatch", Token, "The token was issued for another audience.";
    /// There is no end to it.
    ExpiryMissing = "expiry_missing", Token, "The token has no expiry.";
    /// It has ended.
    TokenExpired = "token_expired", Token, "The token has expired.";
    /// It has not begun, or was made in the future.
    TokenNotYetValid = "token_not_yet_valid", Token, "The token is not valid yet.";
    /// A claim is of the wrong type or out of range.
    ClaimInvalid = "claim_invalid", Token,
        "A claim of the token has the wrong type or is out of range.";
    /// There is no usable subject.
    SubjectMissing = "subject_missing", Token, "The token names no usable subject.";
    /// The subject belongs to another issuer's names, or is an unverified address.
    SubjectNotAccepted = "subject_not_accepted", Token,
        "The token's issuer may not vouch for this subject.";
    /// The chain of actors is too long or broken.
    ActorChainInvalid = "actor_chain_invalid", Token,
        "The token's chain of actors is too long or malformed.";
    /// The issuer publishes no such key.
    KeyUnknown = "key_unknown", Token,
        "The token is signed with a key that its issuer does not publish.";
    /// More than one key could be meant.
    KeyAmbiguous = "key_ambiguous", Token,
        "The token does not say which of its issuer's keys signed it.";
    /// The key is for another algorithm.
    KeyAlgorithmMismatch = "key_algorithm_mismatch", Token,
        "The token's algorithm does not belong to its key.";
    /// The issuer could not be asked.
    IssuerUnreachable = "issuer_unreachable", Issuer,
        "The identity provider cannot be reached at the moment; try again shortly.";
    /// The signature is not the key's.
    SignatureInvalid = "signature_invalid", Token, "The token's signature is not valid.";
    /// So many forged tokens came lately, from the caller's address or from all, that this one's
    /// signature was not checked.
    TooManyForged = "too_many_forged", Others,
        "So many forged tokens came lately that this token's signature was not checked.";
    /// The session that it belongs to was ended after it was issued.
    SessionEnded = "session_ended", Token,
        "The session that this token belongs to was ended; sign in again.";
    /// A claim is not what the issuer's rules ask for.
    ClaimRuleNotMet = "claim_rule_not_met", Token,
        "The token does not meet the rules for its issuer.";
    /// It is made to live longer than the issuer's tokens may, or does not say since when.
    LifetimeTooLong = "lifetime_too_long", Token,
        "The token is made to live longer than its issuer's tokens may, or does not say since when.";
    /// Which groups the subject is in could not be asked, or not lately enough.
    GroupsUnknown = "groups_unknown", Issuer,
        "Your groups are not in the token, and could not be had from the directory lately enough; try again shortly.";
    /// `cnf` binds the token in a way that is not understood.
    ConfirmationNotAccepted = "confirmation_not_accepted", Token,
        "The token is bound to its holder in a way that is not understood here.";
    /// The token is bound to a key, and came as a bearer token.
    ProofMissing = "proof_missing", Token,
        "The token is bound to a key: send it with the scheme DPoP and a proof of that key.";
    /// The scheme was DPoP, and the token is bound to no key.
    TokenNotBound = "token_not_bound", Token,
        "The token is bound to no key, so no proof can go with it; send it as a bearer token.";
    /// The token is bound to a certificate, and the connection has none.
    CertificateMissing = "certificate_missing", Token,
        "The token is bound to a client certificate, and this connection has shown none.";
    /// The token is bound to another certificate.
    CertificateMismatch = "certificate_mismatch", Token,
        "The token is bound to another client certificate than this connection's.";
    /// The proof is no JWT with a key, or there is not exactly one.
    ProofMalformed = "proof_malformed", Proof,
        "There is not exactly one well-formed DPoP proof.";
    /// The proof's `typ` is not `dpop+jwt`.
    ProofTypeNotAccepted = "proof_type_not_accepted", Proof,
        "The DPoP proof is a token of another type.";
    /// The proof's `alg` is not on the list.
    ProofAlgorithmNotAllowed = "proof_algorithm_not_allowed", Proof,
        "The DPoP proof is signed with an algorithm that is not allowed.";
    /// The proof's `jwk` is private, symmetric, too small or too large, or for another algorithm.
    ProofKeyNotAccepted = "proof_key_not_accepted", Proof,
        "The key in the DPoP proof is not an acceptable public key.";
    /// The proof's key is another one than the token is bound to.
    ProofKeyMismatch = "proof_key_mismatch", Token,
        "The token is bound to another key than the DPoP proof's.";
    /// `htm` is another method.
    ProofMethodMismatch = "proof_method_mismatch", Proof,
        "The DPoP proof was made for another method.";
    /// `htu` is another place.
    ProofUrlMismatch = "proof_url_mismatch", Proof,
        "The DPoP proof was made for another URL than this gateway's public one.";
    /// `ath` is another token's.
    ProofTokenMismatch = "proof_token_mismatch", Proof,
        "The DPoP proof was made for another token.";
    /// `iat` is too old or in the future.
    ProofTimeNotAccepted = "proof_time_not_accepted", Proof,
        "The DPoP proof was not made just now.";
    /// `nonce` is missing or too old.
    ProofNonceNeeded = "proof_nonce_needed", Nonce,
        "The DPoP proof needs the nonce of the header DPoP-Nonce.";
    /// The signature is not the key's.
    ProofSignatureInvalid = "proof_signature_invalid", Proof,
        "The DPoP proof's signature is not valid.";
    /// The proof was used before.
    ProofReplayed = "proof_replayed", Proof, "The DPoP proof was used before.";
    /// There is no more room to remember what was used, or the register of it can't be reached.
    ProofsNotRemembered = "proofs_not_remembered", Gateway,
        "This gateway can't tell at the moment whether the DPoP proof was used before.";
    /// Own tokens have to be bound, and whoever asks for one has shown nothing to bind it to.
    BindingMissing = "token_binding_missing", Proof,
        "Tokens of this gateway are bound to a key of whoever asks, and the request shows none.";
    /// No registered agent with keys of its own has the name that a client assertion says.
    ClientUnknown = "client_unknown", Token,
        "No agent with keys of its own is registered under this name.";
    /// `sub` of a client assertion is another than its `iss`.
    ClientAssertionNotSelfMade = "client_assertion_not_self_issued", Token,
        "A client assertion is about whoever made it: iss and sub are the agent's name.";
    /// It is good for longer than one request takes.
    ClientAssertionTooLong = "client_assertion_too_long", Token,
        "A client assertion ends within five minutes.";
    /// It has no `jti`.
    ClientAssertionWithoutId = "client_assertion_id_missing", Token,
        "A client assertion has a jti, of 255 bytes at most.";
    /// It was used before.
    ClientAssertionUsed = "client_assertion_used_before", Token,
        "The client assertion was used before; make a new one for each request.";
    /// Nobody can tell whether it was.
    UsesNotRemembered = "uses_not_remembered", Gateway,
        "This gateway can't tell at the moment whether that was used before.";
    /// The issuer says that its opaque token is not, or no longer, good.
    TokenInactive = "token_inactive", Token,
        "The token's issuer says that it is not, or no longer, active.";
    /// A text that begins like an API key is none.
    ApiKeyMalformed = "api_key_malformed", Token,
        "The API key is incomplete or mistyped: its checksum is wrong.";
    /// No such API key was made, or its holder is no registered agent any more.
    ApiKeyUnknown = "api_key_unknown", Token, "There is no such API key.";
    /// The API key was revoked.
    ApiKeyRevoked = "api_key_revoked", Token, "The API key was revoked.";
    /// API keys are not taken here.
    ApiKeysOff = "api_keys_off", Token, "API keys are not accepted here.";
    /// API keys can't be looked up.
    ApiKeysUnavailable = "api_keys_unavailable", Gateway,
        "API keys can't be looked up at the moment.";
}
