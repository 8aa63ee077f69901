//! Why a passkey was not taken: one [`PasskeyFault`] per way to fail, with a stable code, a sentence for
//! the person and, apart from both, a detail for the operator.

use std::fmt;

/// A passkey, or what it signed, that is not taken.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyRefused {
    fault: PasskeyFault,
    detail: Box<str>,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $sentence:literal;)+) => {
        /// One variant per way to fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PasskeyFault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl PasskeyFault {
            /// All of them, in the order in which they can be met.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// A stable, machine-readable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What to tell the person.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
        }
    };
}

faults! {
    /// It is not the JSON that the console's script makes, or a part of it is too long.
    AnswerMalformed = "passkey_answer_malformed",
        "What the browser sent is no answer of a passkey.";
    /// It was begun in another session, for another thing, or not here at all.
    NotBegun = "passkey_not_begun",
        "This was not begun here, in this browser, for this; begin again.";
    /// More than five minutes have passed.
    Expired = "passkey_expired", "It took longer than five minutes; begin again.";
    /// The challenge was answered before.
    Replayed = "passkey_replayed", "This was answered before; begin again.";
    /// `clientDataJSON` is no JSON object, says a member twice, or lacks one.
    ClientDataMalformed = "passkey_client_data_malformed",
        "What the browser says of the signature can't be understood.";
    /// `type` is that of the other ceremony.
    TypeMismatch = "passkey_type_mismatch",
        "A registration was sent as a signature, or a signature as a registration.";
    /// The challenge is another one: of another thing, another moment, or the attacker's.
    ChallengeMismatch = "passkey_challenge_mismatch", "The passkey signed something else.";
    /// The page that asked is not of this console.
    OriginMismatch = "passkey_origin_mismatch", "The passkey was asked by another site.";
    /// The page that asked was framed by another site.
    CrossOrigin = "passkey_cross_origin", "The passkey was asked in a frame of another site.";
    /// The browser says that the signature is bound to a connection.
    TokenBinding = "passkey_token_binding",
        "The signature is bound to a connection, which is not known here.";
    /// The attestation object is not the one map that it has to be.
    AttestationMalformed = "passkey_attestation_malformed",
        "What the browser sent for the new passkey can't be understood.";
    /// Something is no CBOR in the canonical form of CTAP2, or there is more of it than there should be.
    CborMalformed = "passkey_cbor_malformed",
        "What the passkey sent is not written in the one accepted form.";
    /// The authenticator data is too short, or goes on after its end.
    DataMalformed = "passkey_data_malformed", "What the passkey sent is too short or too long.";
    /// It is for another host.
    PartyMismatch = "passkey_party_mismatch", "The passkey was used for another site.";
    /// A reserved flag, a flag of the other ceremony, or a passkey that is backed up and can't be.
    FlagsNotAccepted = "passkey_flags_not_accepted",
        "The passkey says something about itself that is not understood.";
    /// Nobody touched it.
    UserNotPresent = "passkey_user_not_present", "The passkey does not say that you were there.";
    /// It did not ask who touched it.
    UserNotVerified = "passkey_user_not_verified",
        "The passkey did not check that it is you: a fingerprint, a face or a PIN is needed.";
    /// Shorter than 16 bytes, or longer than 1023.
    CredentialIdLength = "passkey_id_length", "The passkey's name is too short or too long.";
    /// The name beside the answer is not the one that the passkey gave.
    CredentialIdMismatch = "passkey_id_mismatch", "The answer is of another passkey.";
    /// An algorithm that is not accepted.
    AlgorithmNotAllowed = "passkey_algorithm_not_allowed",
        "The passkey signs with an algorithm that is not accepted.";
    /// The key is not of its algorithm's kind, too small, or no point of its curve.
    KeyNotAccepted = "passkey_key_not_accepted", "The passkey's key can't be used.";
    /// Nobody has registered it, it was removed, or it is somebody else's.
    Unknown = "passkey_unknown", "This is no passkey of yours.";
    /// It says that it belongs to somebody else.
    UserMismatch = "passkey_user_mismatch", "The passkey says that it is somebody else's.";
    /// The signature is not over this, not by this key, or not in the one form.
    SignatureInvalid = "passkey_signature_invalid", "The passkey's signature does not hold.";
    /// Whether it can be backed up is not what it was at the registration.
    BackupChanged = "passkey_backup_changed",
        "The passkey is not the one that was registered: whether it can be copied has changed.";
    /// Its counter did not go up: there may be a copy of it.
    CounterBack = "passkey_counter_back",
        "The passkey's counter did not go up, so there may be a copy of it: remove it, and add it anew.";
}

impl PasskeyRefused {
    pub(crate) fn new(fault: PasskeyFault, detail: impl Into<Box<str>>) -> Self {
        Self { fault, detail: detail.into() }
    }

    /// Which way it failed.
    pub const fn fault(&self) -> PasskeyFault {
        self.fault
    }

    /// A stable, machine-readable code.
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What to tell the person.
    pub const fn sentence(&self) -> &'static str {
        self.fault.sentence()
    }

    /// What the operator should know beyond the code; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<PasskeyFault> for PasskeyRefused {
    fn from(fault: PasskeyFault) -> Self {
        Self::new(fault, "")
    }
}

impl fmt::Display for PasskeyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for PasskeyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasskeyRefused")
            .field("fault", &self.fault)
            .field("detail", &self.detail)
            .finish()
    }
}

impl std::error::Error for PasskeyRefused {}
