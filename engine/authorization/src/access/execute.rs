//! Carrying out what concerns users.

use super::command::{
    AccessCommand, AccessDone, AccessRefusal, Authority, LockTerms, RefusedBecause, Reset,
};
use super::user::{Alert, AlertKind, OneTimeSecret, PersonalKey, ResetAsked, User};
use super::{ENROLMENT_HOURS, FORMER_PASSWORDS, KEYS_MOST, NETWORKS_MOST, Role, Roles, Users};
use crate::orders::Note;
use crate::{Done, Refusal, RegisterAct, State};
use compact_str::CompactString;
use payment_types::{Moment, Timestamp};

type Result<T = AccessDone> = std::result::Result<T, AccessRefusal>;

const HOUR_MS: i64 = 3_600_000;

impl State {
    /// The users.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    pub(crate) fn access(
        &mut self,
        moment: Moment,
        command: &AccessCommand,
    ) -> std::result::Result<Done, Refusal> {
        let sequence = self.sequence.0;
        let done = self.users.carry_out(sequence, moment, command).map_err(Refusal::Access)?;
        self.register_code(moment, command);
        Ok(Done::Access(done))
    }
}

impl State {
    /// SIG-3: every use of a one-time code stands in the register.
    fn register_code(&mut self, moment: Moment, command: &AccessCommand) {
        use AccessCommand as C;
        let (act, by, detail) = match command {
            C::UseCode { user, step, purpose } => {
                let detail = format!("{}, step {step}", purpose.in_register());
                (RegisterAct::CodeUsed, user, detail)
            }
            C::ConfirmOneTime { user, step } => {
                (RegisterAct::CodeUsed, user, format!("enrolment, step {step}"))
            }
            C::LoginRefused { user: Some(user), because, .. }
                if matches!(because, RefusedBecause::Code | RefusedBecause::CodeUsed) =>
            {
                (RegisterAct::CodeRefused, user, because.name().to_owned())
            }
            _ => return,
        };
        let note = Note { by: by.clone(), detail: detail.into(), ..Note::default() };
        self.note(moment, act, note);
    }
}

impl Users {
    /// Carries a command out, without the register.
    pub(crate) fn carry_out(
        &mut self,
        sequence: u64,
        moment: Moment,
        command: &AccessCommand,
    ) -> Result {
        let done = self.one(sequence, moment, command)?;
        self.settled |= self.can_order();
        Ok(done)
    }

    fn one(&mut self, sequence: u64, moment: Moment, command: &AccessCommand) -> Result {
        use AccessCommand as C;
        let at = moment.at;
        match command {
            C::AddUser { user, roles, password, temporary, authority, by } => {
                self.add(at, user, (*roles, authority), (password, *temporary), by)
            }
            C::SetRoles { user, roles, authority, by } => {
                self.set_roles(user, *roles, authority, by)
            }
            C::SetActive { user, active, authority, by } => {
                self.set_active(user, *active, authority, by)
            }
            C::SetPassword { user, password, temporary, first, .. } => {
                let user = self.named(user)?;
                if *first && !user.temporary {
                    return Err(AccessRefusal::PasswordSet);
                }
                user.set_password(at, password, *temporary);
                Ok(AccessDone::Noted)
            }
            C::EnrolOneTime { user, secret } => self.enrol(user, secret),
            C::ConfirmOneTime { user, step } => self.confirm(user, *step),
            C::UseCode { user, step, .. } => self.use_code(at, user, *step),
            C::AskReset { user, what, by } => {
                let asked = ResetAsked { what: *what, by: by.clone(), at };
                self.named(user)?.reset_asked = Some(asked);
                Ok(AccessDone::Noted)
            }
            C::ApproveReset { user, password, by } => {
                self.approve_reset(at, user, password.as_deref(), by)
            }
            C::AddKey { user, key, label } => self.add_key(at, user, key, label),
            C::ApproveKey { user, key, by } => self.approve_key(at, user, key, by),
            C::WithdrawKey { user, key, by } => self.withdraw_key(at, user, key, by),
            C::Login { user, network } => self.login(at, user, network),
            C::LoginRefused { user, because, terms, .. } => {
                Ok(self.refuse(at, user.as_ref(), *because, *terms))
            }
            C::Logout { .. } | C::Denied { .. } | C::Looked { .. } => Ok(AccessDone::Noted),
            C::Alert { user, kind, detail } => {
                let (user, detail) = (user.clone(), detail.clone());
                let (kind, order) = (*kind, None);
                self.note(Alert { sequence, at: moment, kind, user, order, detail });
                Ok(AccessDone::Noted)
            }
        }
    }

    fn named(&mut self, user: &str) -> Result<&mut User> {
        self.users.get_mut(user).ok_or(AccessRefusal::UnknownUser)
    }

    fn add(
        &mut self,
        at: Timestamp,
        name: &CompactString,
        (roles, authority): (Roles, &Authority),
        (password, temporary): (&[u8], bool),
        by: &CompactString,
    ) -> Result {
        if !is_name(name) {
            return Err(AccessRefusal::BadName);
        }
        if self.users.contains_key(name) {
            return Err(AccessRefusal::UserExists);
        }
        if roles.is_empty() {
            return Err(AccessRefusal::NoRoles);
        }
        self.may_give(name, authority, by)?;
        let user = User {
            roles,
            active: true,
            password: password.to_vec(),
            temporary,
            password_set_at: at,
            former_passwords: Vec::new(),
            one_time: None,
            enrol_until: enrolment_end(at),
            keys: Vec::new(),
            failures: 0,
            locked_until: None,
            last_login: None,
            networks: Vec::new(),
            reset_asked: None,
            added_at: at,
            added_by: by.clone(),
        };
        self.users.insert(name.clone(), user);
        Ok(AccessDone::Noted)
    }

    /// SIG-1: rights are given by orders, as soon as there are people who can sign one. Where
    /// there were and are no more, two people give them who are named.
    fn may_give(&self, name: &str, authority: &Authority, by: &str) -> Result<()> {
        match authority {
            Authority::Order(_) | Authority::TestMode => Ok(()),
            Authority::FirstUsers if self.settled => Err(AccessRefusal::NeedsOrder),
            Authority::FirstUsers => Ok(()),
            Authority::Recovery { .. } if self.can_order() => Err(AccessRefusal::NeedsOrder),
            Authority::Recovery { .. } if is_by_two(name, authority, by) => Ok(()),
            Authority::Recovery { .. } => Err(AccessRefusal::SamePerson),
            Authority::Officer => Err(AccessRefusal::OnlyTakesAway),
        }
    }

    fn set_roles(&mut self, name: &str, roles: Roles, authority: &Authority, by: &str) -> Result {
        if roles.is_empty() {
            return Err(AccessRefusal::NoRoles);
        }
        let user = self.users.get(name).ok_or(AccessRefusal::UnknownUser)?;
        if roles.iter().any(|role| !user.roles.has(role)) {
            self.may_give(name, authority, by)?;
        }
        self.change(name, authority, by, |user| user.roles = roles)
    }

    fn set_active(&mut self, name: &str, active: bool, authority: &Authority, by: &str) -> Result {
        self.users.get(name).ok_or(AccessRefusal::UnknownUser)?;
        if active {
            self.may_give(name, authority, by)?;
        }
        self.change(name, authority, by, |user| {
            (user.active, user.failures, user.locked_until) = (active, 0, None);
        })
    }

    /// Changes what a user may do, unless too few people were left. An order is looked at as a
    /// whole, when all its changes are made.
    fn change(
        &mut self,
        name: &str,
        authority: &Authority,
        by: &str,
        change: impl FnOnce(&mut User),
    ) -> Result {
        let before = self.standing();
        let user = self.named(name)?;
        let was = user.clone();
        change(user);
        let may = match authority {
            Authority::Order(_) => Ok(()),
            authority => self.leaves_enough(before, is_by_two(name, authority, by)),
        };
        if may.is_err() {
            *self.named(name)? = was;
        }
        may.map(|()| AccessDone::Noted)
    }

    /// Who is there for what takes certain people.
    pub(crate) fn standing(&self) -> Standing {
        let officer = |user: &User| user.active && user.roles.has(Role::SecurityOfficer);
        Standing { officer: self.users.values().any(officer), pair: self.can_order() }
    }

    /// SIG-1, SIG-4: somebody must be left who can manage users, and another who can approve an
    /// order about them, or one person alone has stopped the bank's orders. What two named people
    /// do at the data directory may leave nobody to approve: they give the rights back as well.
    pub(crate) fn leaves_enough(&self, before: Standing, is_by_two: bool) -> Result<()> {
        let after = self.standing();
        if before.officer && !after.officer {
            return Err(AccessRefusal::LastOfficer);
        }
        if before.pair && !after.pair && !is_by_two {
            return Err(AccessRefusal::LastChecker);
        }
        Ok(())
    }

    fn enrol(&mut self, name: &str, secret: &[u8]) -> Result {
        let user = self.named(name)?;
        if user.one_time.as_ref().is_some_and(|one_time| one_time.confirmed) {
            return Err(AccessRefusal::AlreadyEnrolled);
        }
        // Codes of before a reset stay used.
        let last_step = user.one_time.as_ref().map_or(0, |one_time| one_time.last_step);
        let secret = secret.to_vec();
        user.one_time = Some(OneTimeSecret { secret, confirmed: false, last_step });
        Ok(AccessDone::Noted)
    }

    fn confirm(&mut self, name: &str, step: u64) -> Result {
        let one_time = self.named(name)?.one_time.as_mut().ok_or(AccessRefusal::NotEnrolled)?;
        if one_time.confirmed {
            return Err(AccessRefusal::AlreadyEnrolled);
        }
        if step <= one_time.last_step {
            return Err(AccessRefusal::CodeUsed);
        }
        (one_time.confirmed, one_time.last_step) = (true, step);
        Ok(AccessDone::Noted)
    }

    fn use_code(&mut self, at: Timestamp, name: &str, step: u64) -> Result {
        let user = self.named(name)?;
        user.may_try(at)?;
        let one_time = user.one_time.as_mut().filter(|one_time| one_time.confirmed);
        let one_time = one_time.ok_or(AccessRefusal::NotEnrolled)?;
        if step <= one_time.last_step {
            return Err(AccessRefusal::CodeUsed);
        }
        one_time.last_step = step;
        Ok(AccessDone::Noted)
    }

    fn approve_reset(
        &mut self,
        at: Timestamp,
        name: &CompactString,
        password: Option<&[u8]>,
        by: &CompactString,
    ) -> Result {
        let user = self.named(name)?;
        let asked = user.reset_asked.clone().ok_or(AccessRefusal::NothingAsked)?;
        if by.is_empty() || asked.by == *by || name == by {
            return Err(AccessRefusal::SamePerson);
        }
        match (asked.what, password) {
            (Reset::Password, Some(password)) => user.set_password(at, password, true),
            (Reset::OneTime, None) => {
                user.one_time = None;
                user.enrol_until = enrolment_end(at);
            }
            _ => return Err(AccessRefusal::PasswordMissing),
        }
        (user.reset_asked, user.failures, user.locked_until) = (None, 0, None);
        Ok(AccessDone::Noted)
    }

    fn add_key(
        &mut self,
        at: Timestamp,
        name: &str,
        key: &[u8; 32],
        label: &CompactString,
    ) -> Result {
        let known = self.users.values().flat_map(|user| &user.keys).any(|held| held.key == *key);
        let user = self.named(name)?;
        if known {
            return Err(AccessRefusal::KeyKnown);
        }
        if user.keys.len() >= KEYS_MOST {
            return Err(AccessRefusal::TooManyKeys);
        }
        user.keys.push(PersonalKey {
            key: *key,
            label: label.clone(),
            added_at: at,
            approved_by: None,
            approved_at: None,
            withdrawn_at: None,
            withdrawn_by: CompactString::default(),
        });
        Ok(AccessDone::Noted)
    }

    fn held_key(&mut self, name: &str, key: &[u8; 32]) -> Result<&mut PersonalKey> {
        let keys = &mut self.named(name)?.keys;
        let held = keys.iter_mut().find(|held| held.key == *key && held.withdrawn_at.is_none());
        held.ok_or(AccessRefusal::UnknownKey)
    }

    fn approve_key(
        &mut self,
        at: Timestamp,
        name: &CompactString,
        key: &[u8; 32],
        by: &CompactString,
    ) -> Result {
        let held = self.held_key(name, key)?;
        if by.is_empty() || name == by {
            return Err(AccessRefusal::SamePerson);
        }
        if held.approved_at.is_none() {
            (held.approved_at, held.approved_by) = (Some(at), Some(by.clone()));
        }
        Ok(AccessDone::Noted)
    }

    fn withdraw_key(
        &mut self,
        at: Timestamp,
        name: &str,
        key: &[u8; 32],
        by: &CompactString,
    ) -> Result {
        let held = self.held_key(name, key)?;
        (held.withdrawn_at, held.withdrawn_by) = (Some(at), by.clone());
        Ok(AccessDone::Noted)
    }

    fn login(&mut self, at: Timestamp, name: &str, network: &CompactString) -> Result {
        let user = self.named(name)?;
        user.may_try(at)?;
        let known = user.networks.iter().position(|known| known == network);
        let new_network = known.is_none() && !user.networks.is_empty();
        if let Some(known) = known {
            user.networks.remove(known);
        } else if user.networks.len() >= NETWORKS_MOST {
            user.networks.remove(0);
        }
        user.networks.push(network.clone());
        let last_login = user.last_login.replace(at);
        (user.failures, user.locked_until) = (0, None);
        Ok(AccessDone::LoggedIn { new_network, last_login })
    }

    fn refuse(
        &mut self,
        at: Timestamp,
        name: Option<&CompactString>,
        because: RefusedBecause,
        terms: LockTerms,
    ) -> AccessDone {
        let user = name.and_then(|name| self.users.get_mut(name));
        let Some(user) = user else {
            return AccessDone::Refused { locked_until: None, now_locked: false };
        };
        // While a user is locked no attempt is looked at, so none can lengthen it.
        if !because.counts() || user.locked_at(at).is_some() {
            return AccessDone::Refused { locked_until: user.locked_at(at), now_locked: false };
        }
        user.failures = user.failures.saturating_add(1);
        let seconds = terms.seconds(user.failures);
        if seconds > 0 {
            let until = at.0.saturating_add(i64::from(seconds).saturating_mul(1000));
            user.locked_until = Some(Timestamp(until));
        }
        let locked_until = user.locked_at(at);
        AccessDone::Refused { locked_until, now_locked: locked_until.is_some() }
    }
}

impl User {
    /// Until when he is locked, if he is.
    #[must_use]
    pub fn locked_at(&self, at: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > at)
    }

    fn may_try(&self, at: Timestamp) -> Result<()> {
        match self.locked_at(at) {
            _ if !self.active => Err(AccessRefusal::Disabled),
            Some(until) => Err(AccessRefusal::Locked(until)),
            None => Ok(()),
        }
    }

    fn set_password(&mut self, at: Timestamp, password: &[u8], temporary: bool) {
        let before = std::mem::replace(&mut self.password, password.to_vec());
        self.former_passwords.insert(0, before);
        self.former_passwords.truncate(FORMER_PASSWORDS);
        (self.temporary, self.password_set_at) = (temporary, at);
        if temporary {
            self.enrol_until = enrolment_end(at);
        }
    }
}

/// Whether there are people for what takes certain ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// A security officer.
    officer: bool,
    /// Two who can carry an order about users.
    pair: bool,
}

/// Whether two named people do it, neither of whom it is about.
fn is_by_two(name: &str, authority: &Authority, by: &str) -> bool {
    let Authority::Recovery { approved_by } = authority else { return false };
    let named = !by.is_empty() && !approved_by.is_empty() && by != approved_by;
    named && by != name && approved_by != name
}

fn enrolment_end(at: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_add(ENROLMENT_HOURS.saturating_mul(HOUR_MS)))
}

/// What a user may be called: it goes into the journal, logs and file names.
fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|letter| letter.is_ascii_lowercase());
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    first && (2..=32).contains(&name.len()) && name.bytes().all(rest)
}

impl AlertKind {
    /// That with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl AccessCommand {
    /// Whom it is about; nobody known if empty.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::AddUser { user, .. }
            | Self::SetRoles { user, .. }
            | Self::SetActive { user, .. }
            | Self::SetPassword { user, .. }
            | Self::EnrolOneTime { user, .. }
            | Self::ConfirmOneTime { user, .. }
            | Self::UseCode { user, .. }
            | Self::AskReset { user, .. }
            | Self::ApproveReset { user, .. }
            | Self::AddKey { user, .. }
            | Self::ApproveKey { user, .. }
            | Self::WithdrawKey { user, .. }
            | Self::Login { user, .. }
            | Self::Logout { user, .. }
            | Self::Denied { user, .. }
            | Self::Looked { user, .. }
            | Self::Alert { user, .. } => user,
            Self::LoginRefused { user, .. } => user.as_deref().unwrap_or_default(),
        }
    }
}
