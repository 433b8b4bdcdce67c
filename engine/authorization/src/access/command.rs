//! What is done to users, and what users did.

use super::{AlertKind, Roles};
use crate::SignedAs;
use compact_str::CompactString;
use payment_types::Timestamp;
use serde::{Deserialize, Serialize};

/// See the module. `user` is whom it is about, `by` who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessCommand {
    /// A new user, with a password that he must change unless `temporary` is false.
    AddUser {
        /// His name.
        user: CompactString,
        /// His roles.
        roles: Roles,
        /// The sealed hash of his first password.
        password: Vec<u8>,
        /// Whether he must change it.
        temporary: bool,
        /// On what ground (SIG-1).
        authority: Authority,
        /// Who entered it.
        by: CompactString,
    },
    /// Other roles.
    SetRoles {
        /// Whose.
        user: CompactString,
        /// The new ones.
        roles: Roles,
        /// On what ground.
        authority: Authority,
        /// Who entered it.
        by: CompactString,
    },
    /// May log in from now on, or no more.
    SetActive {
        /// Who.
        user: CompactString,
        /// Whether he may.
        active: bool,
        /// On what ground.
        authority: Authority,
        /// Who entered it.
        by: CompactString,
    },
    /// His new password.
    SetPassword {
        /// Whose.
        user: CompactString,
        /// Its sealed hash.
        password: Vec<u8>,
        /// Whether he must change it.
        temporary: bool,
        /// Whether it takes the place of one that was given to him: refused once he has his own.
        first: bool,
        /// Who set it.
        by: CompactString,
    },
    /// A secret for his one-time codes; to be confirmed by a first code.
    EnrolOneTime {
        /// Whose.
        user: CompactString,
        /// Sealed.
        secret: Vec<u8>,
    },
    /// A first code was right.
    ConfirmOneTime {
        /// Whose.
        user: CompactString,
        /// The code's step.
        step: u64,
    },
    /// A right code was used: it is good no more (SIG-3).
    UseCode {
        /// Whose.
        user: CompactString,
        /// Its step.
        step: u64,
        /// For what.
        purpose: CodePurpose,
    },
    /// A security officer asks that something a user lost be reset.
    AskReset {
        /// Whose.
        user: CompactString,
        /// What.
        what: Reset,
        /// The officer.
        by: CompactString,
    },
    /// Another person approves it, and it is reset.
    ApproveReset {
        /// Whose.
        user: CompactString,
        /// The sealed hash of a temporary password, where the password is reset.
        password: Option<Vec<u8>>,
        /// The second person.
        by: CompactString,
    },
    /// A key that he proved to have.
    AddKey {
        /// Whose.
        user: CompactString,
        /// Ed25519, public.
        key: [u8; 32],
        /// What he calls it.
        label: CompactString,
    },
    /// Another person confirms that the key is his.
    ApproveKey {
        /// Whose.
        user: CompactString,
        /// Which.
        key: [u8; 32],
        /// The second person.
        by: CompactString,
    },
    /// A key is good no more.
    WithdrawKey {
        /// Whose.
        user: CompactString,
        /// Which.
        key: [u8; 32],
        /// By whom.
        by: CompactString,
    },
    /// He is in.
    Login {
        /// Who.
        user: CompactString,
        /// From which network.
        network: CompactString,
    },
    /// An attempt was wrong.
    LoginRefused {
        /// Who, if there is such a user.
        user: Option<CompactString>,
        /// Why.
        because: RefusedBecause,
        /// What it was for.
        purpose: CodePurpose,
        /// From which network.
        network: CompactString,
        /// When attempts lock a user.
        terms: LockTerms,
    },
    /// A session ended.
    Logout {
        /// Whose.
        user: CompactString,
        /// Why.
        reason: LogoutReason,
        /// Who ended it; the engine by itself if empty.
        by: CompactString,
    },
    /// Access was denied.
    Denied {
        /// To whom: a user or a token; nobody known if empty.
        user: CompactString,
        /// What was asked: method and route.
        asked: CompactString,
        /// Why not.
        because: CompactString,
        /// From which network.
        network: CompactString,
        /// How often, since it was journaled last.
        times: u32,
    },
    /// A user looks at what belongs to a customer (PII-2). Looks at names and numbers in clear are
    /// [`PersonalCommand::Look`](crate::PersonalCommand::Look).
    Looked {
        /// Who.
        user: CompactString,
        /// `account`, `card`, `customer` or `transaction`.
        kind: CompactString,
        /// Which.
        id: CompactString,
        /// What was asked: method and route.
        asked: CompactString,
    },
    /// Unusual access (PII-2).
    Alert {
        /// Whose.
        user: CompactString,
        /// What.
        kind: AlertKind,
        /// More, for people.
        detail: CompactString,
    },
}

/// On what ground a user's rights change (SIG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authority {
    /// There never were two people yet who could sign an order; journaled as that.
    FirstUsers,
    /// There are none (any more): two people named at the data directory, with no engine running.
    Recovery {
        /// The second one.
        approved_by: CompactString,
    },
    /// An approved order.
    Order(u64),
    /// An installation in test mode.
    TestMode,
    /// A right is taken away, which a security officer may do at once.
    Officer,
}

/// What a password, a one-time code or a personal key was given for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// To log in.
    Login,
    /// To go on with a session that was idle.
    Unlock,
    /// To set another password.
    Password,
    /// To enrol a second factor.
    Enrolment,
    /// To bring a personal key.
    PersonalKey,
    /// To sign, approve or roll back an order (SIG-2).
    Signature {
        /// Which.
        order: u64,
        /// As whom.
        role: SignedAs,
    },
    /// To approve, as the second person, what a colleague enters.
    Approval {
        /// What: method and path.
        asked: CompactString,
        /// Who enters it.
        entered_by: CompactString,
    },
}

impl CodePurpose {
    /// The name in the audit.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Unlock => "unlock",
            Self::Password => "password",
            Self::Enrolment => "enrolment",
            Self::PersonalKey => "personal_key",
            Self::Signature { role: SignedAs::Maker, .. } => "sign_order",
            Self::Signature { role: SignedAs::Checker, .. } => "approve_order",
            Self::Signature { role: SignedAs::Rollback, .. } => "roll_back_order",
            Self::Approval { .. } => "approval",
        }
    }

    /// The name in the register, which holds the step of each signature against it (SIG-3).
    #[must_use]
    pub const fn in_register(&self) -> &'static str {
        match self {
            Self::Signature { .. } => "signature",
            other => other.name(),
        }
    }
}

/// What a user lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// His password.
    Password,
    /// His second factor.
    OneTime,
}

impl Reset {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OneTime => "totp",
        }
    }

    /// That with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Password, Self::OneTime].into_iter().find(|what| what.name() == name)
    }
}

/// When wrong attempts lock a user, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTerms {
    /// So many in a row lock.
    pub after: u32,
    /// The first time for so long; each further wrong attempt doubles it.
    pub first_seconds: u32,
    /// At most so long.
    pub most_seconds: u32,
}

impl LockTerms {
    /// How long a user is locked after so many wrong attempts in a row; 0 for not at all.
    #[must_use]
    pub fn seconds(self, failures: u32) -> u32 {
        let Some(beyond) = failures.checked_sub(self.after.max(1)) else { return 0 };
        let factor = 1u32.checked_shl(beyond).unwrap_or(u32::MAX);
        self.first_seconds.saturating_mul(factor).min(self.most_seconds)
    }
}

/// Why an attempt was wrong. The person who tried is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBecause {
    /// No such user.
    Unknown,
    /// The password.
    Password,
    /// The one-time code.
    Code,
    /// The code was used before.
    CodeUsed,
    /// He is locked.
    Locked,
    /// He may not log in.
    Disabled,
    /// A temporary password, or a login without a second factor, after its time.
    Lapsed,
    /// The signature of a personal key.
    Signature,
}

impl RefusedBecause {
    /// The name in the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_user",
            Self::Password => "password",
            Self::Code => "code",
            Self::CodeUsed => "code_used",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
            Self::Lapsed => "lapsed",
            Self::Signature => "signature",
        }
    }

    /// Whether it counts as a wrong attempt of the user's.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Password | Self::Code | Self::CodeUsed | Self::Signature)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutReason {
    /// The user logged out.
    Asked,
    /// He logged in elsewhere.
    Replaced,
    /// It was as old as a session may be.
    Expired,
    /// He was disabled, or what he logged in with was reset.
    Ended,
    /// Its cookie came from another browser or network.
    Stolen,
}

impl LogoutReason {
    /// The name in the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Stolen => "stolen",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessDone {
    /// It is so from now on, or was noted.
    Noted,
    /// A wrong attempt: until when the user is locked.
    Refused {
        /// Not locked if absent.
        locked_until: Option<Timestamp>,
        /// Whether this attempt locked him.
        now_locked: bool,
    },
    /// A login.
    LoggedIn {
        /// Whether he was in this network before; his first one is not new.
        new_network: bool,
        /// His last login before.
        last_login: Option<Timestamp>,
    },
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessRefusal {
    /// No such user.
    UnknownUser,
    /// There is one of that name.
    UserExists,
    /// A name is 2 to 32 of `a-z 0-9 . _ -`, a letter first.
    BadName,
    /// A user needs a role.
    NoRoles,
    /// There are people who can sign an order (SIG-1), or there were: then it takes two named
    /// people at the data directory.
    NeedsOrder,
    /// Only taking a right away is done without an order.
    OnlyTakesAway,
    /// The code was used, or one after it.
    CodeUsed,
    /// He has no second factor, or has not confirmed it.
    NotEnrolled,
    /// He has one already.
    AlreadyEnrolled,
    /// He has a password of his own by now: a login that began before is over.
    PasswordSet,
    /// He is locked until then.
    Locked(Timestamp),
    /// He may not log in.
    Disabled,
    /// Nothing is asked that could be approved.
    NothingAsked,
    /// The second person must be another one (SIG-1).
    SamePerson,
    /// A reset password needs a new one, and nothing else does.
    PasswordMissing,
    /// He has no such key, or it is withdrawn.
    UnknownKey,
    /// Somebody has this key already.
    KeyKnown,
    /// He has as many keys as a user may have.
    TooManyKeys,
    /// Nobody could manage users afterwards.
    LastOfficer,
    /// Nobody could approve an order about users afterwards.
    LastChecker,
}
