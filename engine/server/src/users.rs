//! Users from the command line (SIG-4): on a data directory while no engine runs on it, or over the
//! API of the engine that does. The first user is made here; there is no password to begin with.

use crate::access::one_time::Secret;
use crate::access::secrets::Secrets;
use crate::access::{hashing, password};
use crate::config::{Config, Role};
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{
    AccessCommand, AccessRefusal, Authority, Command, Outcome, Refusal, Reset, Roles, User,
};
use payment_types::{Moment, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A user, as lists show him.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// His name.
    pub user: String,
    /// What he may do.
    pub roles: Vec<String>,
    /// Whether he may log in.
    pub active: bool,
    /// Whether his password was given to him and must be changed.
    pub temporary_password: bool,
    /// Whether he has a second factor.
    pub second_factor: bool,
    /// Until when wrong attempts lock him.
    pub locked_until: Option<String>,
    /// His last login.
    pub last_login: Option<String>,
    /// What a security officer asked to be reset, and who: waits for a second person.
    pub reset_asked: Option<ResetView>,
    /// Keys he signs with (SIG-2).
    pub keys: Vec<PersonalKeyView>,
    /// When he was added.
    pub added_at: String,
    /// By whom.
    pub added_by: String,
}

/// A reset that waits for a second person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResetView {
    /// `password` or `totp`.
    pub what: String,
    /// The security officer.
    pub by: String,
    /// When.
    pub at: String,
}

/// A personal key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonalKeyView {
    /// Ed25519, public, hex.
    pub key: String,
    /// What the user calls it.
    pub label: String,
    /// `waiting` for a second person, `good`, or `withdrawn`.
    pub standing: String,
    /// When it was brought.
    pub added_at: String,
    /// The second person.
    pub approved_by: Option<String>,
    /// From when it signs.
    pub approved_at: Option<String>,
    /// From when it signs no more.
    pub withdrawn_at: Option<String>,
}

/// All users.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsersView {
    /// By name.
    pub users: Vec<UserView>,
}

/// A user who has a password to begin with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Begun {
    /// His name.
    pub user: String,
    /// To be handed to him, and changed by him at the next login. Shown this once.
    pub temporary_password: Option<String>,
    /// Of a repeat under the same `Idempotency-Key`: why there is no password in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Begun {
    /// The answer to a first request, or to a repeat of it: then without what is kept nowhere.
    #[must_use]
    pub fn answered(user: String, shown: Option<String>, repeat: bool) -> Self {
        if !repeat {
            return Self { user, temporary_password: shown, note: None };
        }
        let note = "this was done before, under the same Idempotency-Key; a temporary password is \
            shown once and kept nowhere: if it did not arrive, reset the password";
        Self { user, temporary_password: None, note: Some(note.to_owned()) }
    }
}

impl UserView {
    /// As it is now.
    #[must_use]
    pub fn of(name: &str, user: &User, now: Moment) -> Self {
        let text = |at: Timestamp| Moment::new(at, now.offset).rfc3339();
        let key = |key: &authorization::PersonalKey| PersonalKeyView {
            key: hex::encode(key.key),
            label: key.label.to_string(),
            standing: match (key.is_good(), key.withdrawn_at) {
                (_, Some(_)) => "withdrawn".to_owned(),
                (true, None) => "good".to_owned(),
                (false, None) => "waiting".to_owned(),
            },
            added_at: text(key.added_at),
            approved_by: key.approved_by.as_ref().map(ToString::to_string),
            approved_at: key.approved_at.map(text),
            withdrawn_at: key.withdrawn_at.map(text),
        };
        Self {
            user: name.to_owned(),
            roles: user.roles.names(),
            active: user.active,
            temporary_password: user.temporary,
            second_factor: user.one_time.as_ref().is_some_and(|one_time| one_time.confirmed),
            locked_until: user.locked_at(now.at).map(text),
            last_login: user.last_login.map(text),
            reset_asked: user.reset_asked.as_ref().map(|asked| ResetView {
                what: asked.what.name().to_owned(),
                by: asked.by.to_string(),
                at: text(asked.at),
            }),
            keys: user.keys.iter().map(key).collect(),
            added_at: text(user.added_at),
            added_by: user.added_by.to_string(),
        }
    }
}

/// Where `tamga user` works.
#[derive(Debug)]
pub struct UserPlace {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// A token of the API with the role security_officer, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
    /// Who does it; a running engine takes the token's name.
    pub by: String,
    /// The second person, where no engine runs: of a reset, and of giving rights where nobody can
    /// sign an order any more. Empty for nobody.
    pub approved_by: String,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// A new user; the password is made here.
    Add(Roles),
    /// Other roles.
    SetRoles(Roles),
    /// May log in, or no more.
    SetActive(bool),
    /// Something he lost.
    Reset(Reset),
}

impl UserPlace {
    fn open(&self) -> Result<Result<Offline, Remote>, Failure> {
        let data = self.data.as_deref().unwrap_or(&self.config.store.path);
        match Offline::open(&self.config, data, self.test_clock) {
            Ok(offline) => Ok(Ok(offline)),
            Err(OfflineError::Locked(locked)) => {
                Remote::new(&self.config, self.token.as_deref(), &locked).map(Err)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// On what ground it is done. In test mode one person may do everything but leave nobody to
    /// approve an order about users (SIG-1): what takes away is done by two who are named, if they
    /// are.
    fn authority(&self, takes_away: bool) -> Authority {
        let two = || Authority::Recovery { approved_by: self.approved_by.as_str().into() };
        match (self.config.security.test_keys, self.approved_by.is_empty()) {
            (true, false) if takes_away => two(),
            (true, _) => Authority::TestMode,
            (false, true) => Authority::FirstUsers,
            (false, false) => two(),
        }
    }
}

/// Whether a change only takes rights away.
fn takes_away(offline: &Offline, user: &str, change: &UserChange) -> bool {
    match change {
        UserChange::SetActive(active) => !active,
        UserChange::SetRoles(roles) => {
            let now = offline.opened.state.users().get(user).map(|user| user.roles);
            now.is_some_and(|now| roles.iter().all(|role| now.has(role)))
        }
        UserChange::Add(_) | UserChange::Reset(_) => false,
    }
}

/// Lists the users.
///
/// # Errors
/// The directory can't be read, or the engine can't be asked.
pub fn list(place: &UserPlace) -> Result<UsersView, Failure> {
    must_exist(place.data.as_deref().unwrap_or(&place.config.store.path))?;
    match place.open()? {
        Ok(offline) => {
            let now = offline.moment();
            let users = offline.opened.state.users().iter();
            let users = users.map(|(name, user)| UserView::of(name, user, now)).collect();
            Ok(UsersView { users })
        }
        Err(remote) => remote.get("/users", &[]),
    }
}

/// Carries a change out.
///
/// # Errors
/// It is refused, with the reason.
pub fn change(place: &UserPlace, user: &str, change: &UserChange) -> Result<Begun, Failure> {
    match place.open()? {
        Ok(mut offline) => here(&mut offline, place, user, change),
        Err(remote) => there(&remote, user, change),
    }
}

fn there(remote: &Remote, user: &str, change: &UserChange) -> Result<Begun, Failure> {
    let (path, body) = match change {
        UserChange::Add(roles) => {
            ("/users".to_owned(), json!({ "user": user, "roles": roles.names() }))
        }
        UserChange::SetRoles(roles) => {
            (format!("/users/{user}/roles"), json!({ "roles": roles.names() }))
        }
        UserChange::SetActive(active) => {
            (format!("/users/{user}/active"), json!({ "active": active }))
        }
        UserChange::Reset(what) => (format!("/users/{user}/reset"), json!({ "what": what.name() })),
    };
    let body = body.to_string();
    if matches!(change, UserChange::Add(_)) {
        return remote.post(&path, &[], "application/json", body.as_bytes());
    }
    // Only a new user is answered with a password; the others with how he stands now.
    let now: UserView = remote.post(&path, &[], "application/json", body.as_bytes())?;
    Ok(Begun::answered(now.user, None, false))
}

fn here(
    offline: &mut Offline,
    place: &UserPlace,
    user: &str,
    change: &UserChange,
) -> Result<Begun, Failure> {
    let (name, by) = (user.into(), place.by.as_str().into());
    let authority = place.authority(takes_away(offline, user, change));
    let mut begun = Begun::answered(user.to_owned(), None, false);
    let command = match change {
        UserChange::Add(roles) => {
            if place.config.api_tokens.iter().any(|token| token.name == user) {
                return Err(Failure::usage(format!("{user:?} is the name of a service's token")));
            }
            let (password, shown) = first_password(offline, user)?;
            begun.temporary_password = Some(shown.to_string());
            let temporary = true;
            AccessCommand::AddUser { user: name, roles: *roles, password, temporary, authority, by }
        }
        UserChange::SetRoles(roles) => {
            AccessCommand::SetRoles { user: name, roles: *roles, authority, by }
        }
        UserChange::SetActive(active) => {
            AccessCommand::SetActive { user: name, active: *active, authority, by }
        }
        UserChange::Reset(what) => {
            if place.approved_by.is_empty() {
                return Err(Failure::usage("a second person is needed: --approved-by NAME"));
            }
            carry_out(offline, AccessCommand::AskReset { user: name, what: *what, by })?;
            let password = match what {
                Reset::OneTime => None,
                Reset::Password => {
                    let (password, shown) = first_password(offline, user)?;
                    begun.temporary_password = Some(shown.to_string());
                    Some(password)
                }
            };
            let (user, by) = (user.into(), place.approved_by.as_str().into());
            AccessCommand::ApproveReset { user, password, by }
        }
    };
    carry_out(offline, command)?;
    offline.commit()?;
    Ok(begun)
}

fn first_password(offline: &Offline, user: &str) -> Result<(Vec<u8>, Zeroizing<String>), Failure> {
    let shown = password::temporary(user)
        .map_err(|error| Failure::found(format!("no randomness for a password: {error}")))?;
    Ok((sealed(offline, user, &shown)?, shown))
}

fn sealed(offline: &Offline, user: &str, password: &str) -> Result<Vec<u8>, Failure> {
    let hash = hashing::hash(password).map_err(|error| Failure::found(error.to_string()))?;
    let secrets = Secrets::new(Arc::clone(&offline.opened.customer_keys));
    secrets.seal_password(user, &hash).map_err(|error| Failure::found(error.to_string()))
}

fn carry_out(offline: &mut Offline, command: AccessCommand) -> Result<(), Failure> {
    match offline.execute(Command::Access(Box::new(command)))? {
        Outcome::Done(_) => Ok(()),
        Outcome::Refused(Refusal::Access(refusal)) => {
            // A refusal is in the journal, too.
            offline.commit()?;
            Err(Failure::found(in_words(&refusal)))
        }
        other => Err(Failure::found(format!("refused: {other:?}"))),
    }
}

/// Why it was not done, for somebody at the command line.
fn in_words(refusal: &AccessRefusal) -> String {
    match refusal {
        AccessRefusal::UnknownUser => "there is no such user".to_owned(),
        AccessRefusal::UserExists => "there is a user of that name already".to_owned(),
        AccessRefusal::BadName => {
            "a name is 2 to 32 of a-z, 0-9, '.', '_', '-', a letter first".to_owned()
        }
        AccessRefusal::NoRoles => "a user needs at least one role".to_owned(),
        AccessRefusal::NeedsOrder => "there were a security officer and a checker, so rights are \
            given by an order of kind users, approved by a second person; where nobody is left \
            who could sign one, give them here as two people: --by NAME --approved-by NAME (SIG-1)"
            .to_owned(),
        AccessRefusal::SamePerson => "the second person must be another one (SIG-1)".to_owned(),
        AccessRefusal::LastOfficer => "this is the last security officer".to_owned(),
        AccessRefusal::LastChecker => "nobody could approve an order about users then: it takes a \
            second person, --approved-by NAME, neither of you the user himself"
            .to_owned(),
        other => format!("refused: {other:?}"),
    }
}

/// Roles by their names.
///
/// # Errors
/// Which name is no role.
pub fn roles(names: &[String]) -> Result<Roles, Failure> {
    let role = |name: &String| {
        Role::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            Failure::usage(format!("{name:?} is no role; roles are {}", known.join(", ")))
        })
    };
    names.iter().map(role).collect()
}

/// A user who can log in at once, for the demo and for tests: with a password that is told and a
/// second factor that is enrolled. Never made in an installation that is not in test mode.
///
/// # Errors
/// The installation is not in test mode, or the user is refused.
pub fn add_ready(
    offline: &mut Offline,
    config: &Config,
    user: &str,
    roles: &[Role],
    (password, secret): (&str, &Secret),
) -> Result<(), Failure> {
    if !config.security.test_keys {
        return Err(Failure::usage("users with known secrets are made in test mode only"));
    }
    let secrets = Secrets::new(Arc::clone(&offline.opened.customer_keys));
    let sealed_secret = secrets.seal_one_time(user, secret);
    let add = AccessCommand::AddUser {
        user: user.into(),
        roles: roles.iter().copied().collect(),
        password: sealed(offline, user, password)?,
        temporary: false,
        authority: Authority::TestMode,
        by: "demo".into(),
    };
    let secret = sealed_secret.map_err(|error| Failure::found(error.to_string()))?;
    carry_out(offline, add)?;
    carry_out(offline, AccessCommand::EnrolOneTime { user: user.into(), secret })?;
    carry_out(offline, AccessCommand::ConfirmOneTime { user: user.into(), step: 1 })?;
    offline.commit()
}
