//! Orders about named keys: what they may ask for, and what the core knows of it. The core never
//! sees a key. It knows versions by number and check value, from journaled changes; the security
//! module at the engine's edge prepares the change, and what it prepared comes with the command
//! that puts the order into effect (`KeyStaged`), so that a replay needs no module.
//!
//! ```text
//! key[pvk].current      {"accept_old_until", "expires_on", "pvki"}   a new version, made at random
//! key[pvk-2].current    {"usage", "algorithm", "expires_on", "pvki"} a new key, made at random
//! key[pvk].version[1]   {"check_value", "state", "accepted_until", "expires_on"}
//! ```

use super::rules::{Problems, of_clause, problem};
use super::steps::{Result as Step, standing};
use super::things::parts;
use super::{
    KeyStaged, OrderChange, OrderDraft, OrderKind, OrderProblem, OrderRefusal, OrderStatus,
};
use crate::{KeyEvent, KeyStanding, KeyVersion, State};
use compact_str::CompactString;
use limits::Setting;
use payment_types::{BusinessDate, Moment};
use std::collections::BTreeMap;

/// What an order asks of the security module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyWish {
    /// A new version at random: of a key that is there, or the first of a new one.
    Make {
        /// The key's name.
        name: String,
        /// What a new key is for.
        usage: Option<String>,
        /// What a new key computes with.
        algorithm: Option<String>,
        /// The index that PVVs carry.
        pvki: Option<u8>,
        /// When it should be rotated.
        expires_on: Option<BusinessDate>,
        /// Of a key that is there: until when the old version is accepted, a day or an instant.
        accept_old_until: Option<String>,
    },
    /// How a version shall be.
    Set {
        /// The key's name.
        name: String,
        /// Which version.
        version: u32,
        /// The version's: whoever signs means this key.
        check_value: CompactString,
        /// `current`, `accepted`, `retired` or `destroyed`.
        state: &'static str,
        /// With `accepted`: until when, a day or an instant.
        accepted_until: Option<String>,
        /// When it should be rotated.
        expires_on: Option<BusinessDate>,
    },
}

const STATES: [&str; 4] = ["current", "accepted", "retired", "destroyed"];
const NO_WAY_BACK: &str = "what was made with a new key stays made with it: rotate the key again, \
    or set how its versions are by another order";

impl KeyWish {
    /// What a change asks for.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(change: &OrderChange) -> Result<Self, String> {
        let (name, which) = key_of(&change.path)?;
        let Some(to) = &change.to else {
            return Err(match which {
                None => NO_WAY_BACK.to_owned(),
                Some(_) => "a version is not taken away: retire or destroy it".to_owned(),
            });
        };
        let table = to.as_table().ok_or("must be a table")?;
        match which {
            None => make(name, table),
            Some(version) => set(name, version, table),
        }
    }

    /// Whether the opposite would undo it.
    #[must_use]
    pub fn can_be_undone(&self) -> bool {
        matches!(self, Self::Set { state, .. } if *state != "destroyed")
    }
}

/// The key's name, and which version; none for `key[...].current`.
fn key_of(path: &str) -> Result<(&str, Option<u32>), String> {
    let wrong = "is no path such as key[pvk].current or key[pvk].version[1]";
    let (name, rest) = parts(path, "key")?;
    if rest == "current" {
        return Ok((name, None));
    }
    let (version, rest) = parts(rest, "version").map_err(|_| wrong)?;
    match version.parse() {
        Ok(version) if rest.is_empty() && version > 0 => Ok((name, Some(version))),
        _ => Err(wrong.to_owned()),
    }
}

type Table = BTreeMap<String, Setting>;

fn known(table: &Table, names: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !names.contains(&key.as_str())) {
        Some(unknown) => Err(format!("\"{unknown}\" is none of {}", names.join(", "))),
        None => Ok(()),
    }
}

fn text(table: &Table, name: &str) -> Result<Option<String>, String> {
    match table.get(name) {
        None => Ok(None),
        Some(Setting::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} must be a text")),
    }
}

fn day(table: &Table, name: &str) -> Result<Option<BusinessDate>, String> {
    let Some(text) = text(table, name)? else { return Ok(None) };
    let date = BusinessDate::parse(&text);
    date.map(Some).map_err(|_| format!("{name} must be a day such as 2029-12-31"))
}

fn make(name: &str, table: &Table) -> Result<KeyWish, String> {
    if table.contains_key("version") {
        return Err(NO_WAY_BACK.to_owned());
    }
    known(table, &["usage", "algorithm", "pvki", "expires_on", "accept_old_until"])?;
    let pvki = match table.get("pvki") {
        None => None,
        Some(Setting::Whole(index)) => u8::try_from(*index).ok().filter(|index| *index <= 9),
        Some(_) => None,
    };
    if pvki.is_none() && table.contains_key("pvki") {
        return Err("pvki must be a whole number from 0 to 9".to_owned());
    }
    Ok(KeyWish::Make {
        name: name.to_owned(),
        usage: text(table, "usage")?,
        algorithm: text(table, "algorithm")?,
        pvki,
        expires_on: day(table, "expires_on")?,
        accept_old_until: text(table, "accept_old_until")?,
    })
}

fn set(name: &str, version: u32, table: &Table) -> Result<KeyWish, String> {
    known(table, &["check_value", "state", "accepted_until", "expires_on"])?;
    let state = text(table, "state")?.unwrap_or_default();
    let state = STATES.into_iter().find(|known| *known == state);
    let state = state.ok_or_else(|| format!("state is one of {}", STATES.join(", ")))?;
    let accepted_until = text(table, "accepted_until")?;
    if accepted_until.is_some() != (state == "accepted") {
        return Err("accepted_until goes with the state accepted, and the other way round".into());
    }
    let check_value = text(table, "check_value")?;
    let check_value = check_value.ok_or("check_value is missing: it says which key is meant")?;
    let (name, check_value) = (name.to_owned(), check_value.to_ascii_uppercase().into());
    let expires_on = day(table, "expires_on")?;
    Ok(KeyWish::Set { name, version, check_value, state, accepted_until, expires_on })
}

/// The key store changes in one step, so an order has one change; and a guard needs a way back.
pub(super) fn of_one_change(draft: &OrderDraft) -> Problems {
    let mut problems = Vec::new();
    if draft.changes.len() > 1 {
        let message = "an order about keys has one change: the key store changes in one step";
        problems.push(problem("changes", message));
    }
    let undone = |change: &OrderChange| KeyWish::of(change).is_ok_and(|wish| wish.can_be_undone());
    if draft.guard.is_some() && !draft.changes.iter().all(undone) {
        let message = "a new key, and one that was destroyed, can't be rolled back by a guard";
        problems.push(problem("guard", message));
    }
    problems
}

impl State {
    /// What stands there: of a key its current version, of a version how it is.
    pub(super) fn key_setting(&self, path: &str) -> Result<Option<Setting>, String> {
        let (name, which) = key_of(path)?;
        let versions = self.key_versions(name);
        let row = |name: &str, value: Setting| (name.to_owned(), value);
        let Some(number) = which else {
            let current = versions.iter().find(|one| one.standing == KeyStanding::Current);
            return Ok(current.map(|one| {
                Setting::Table(BTreeMap::from([
                    row("version", super::order::whole(u64::from(one.version))),
                    row("check_value", Setting::from(one.check_value.as_str())),
                ]))
            }));
        };
        let found = self.key_version(name, number)?;
        let mut table = BTreeMap::from([
            row("check_value", Setting::from(found.check_value.as_str())),
            row("state", Setting::from(found.standing.name())),
        ]);
        if let KeyStanding::Accepted(until) = found.standing {
            table.extend([row("accepted_until", Setting::Text(super::order::utc(until)))]);
        }
        table.extend(found.expires_on.map(|d| row("expires_on", Setting::Text(d.to_string()))));
        Ok(Some(Setting::Table(table)))
    }

    fn key_version(&self, name: &str, number: u32) -> Result<&KeyVersion, String> {
        let versions = self.key_versions(name);
        if versions.is_empty() {
            return Err(format!("there is no key \"{name}\" that the engine keeps"));
        }
        let found = versions.iter().find(|one| one.version == number);
        found.ok_or_else(|| format!("\"{name}\" has no version {number}"))
    }

    /// What can be told without the module; it has the last word.
    pub(super) fn check_key(
        &self,
        change: &OrderChange,
        moment: Moment,
    ) -> Result<(), OrderProblem> {
        let wrong = |message: String| problem(&change.path, message);
        match KeyWish::of(change).map_err(wrong)? {
            KeyWish::Make { name, usage, accept_old_until, .. } => {
                let used = |one: &KeyVersion| match one.standing {
                    KeyStanding::Current => true,
                    KeyStanding::Accepted(until) => until > moment.at,
                    KeyStanding::Retired | KeyStanding::Destroyed => false,
                };
                let versions = self.key_versions(&name);
                if versions.is_empty() && usage.is_none() {
                    return Err(wrong("a new key needs a usage".to_owned()));
                }
                if versions.iter().any(used) && accept_old_until.is_none() {
                    let message = "say until when the old version is accepted: accept_old_until";
                    return Err(wrong(message.to_owned()));
                }
                Ok(())
            }
            KeyWish::Set { name, version, check_value, state, .. } => {
                let found = self.key_version(&name, version).map_err(wrong)?;
                if found.check_value != check_value {
                    let is = &found.check_value;
                    return Err(wrong(format!("has the check value {is}, not {check_value}")));
                }
                match found.standing {
                    KeyStanding::Destroyed => {
                        Err(wrong("was destroyed: its material is gone".to_owned()))
                    }
                    KeyStanding::Accepted(until) if until <= moment.at => Ok(()),
                    KeyStanding::Current | KeyStanding::Accepted(_) if state == "destroyed" => {
                        Err(wrong("is in use: retire it first".to_owned()))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Puts an order about a key into effect, as the security module prepared it, or says why it
    /// could not be; then nothing has changed.
    pub(super) fn activate_key(&mut self, moment: Moment, order: u64, staged: &KeyStaged) -> Step {
        let order = self.order(order)?;
        standing(&order, &[OrderStatus::Approved, OrderStatus::Scheduled])?;
        let due = self.orders.waiting_keys.iter().find(|(_, id)| *id == order.id);
        if due.is_none_or(|(at, _)| *at > moment.at) {
            return Err(OrderRefusal::NotDue);
        }
        let path = order.changes.first().map_or("", |change| change.path.as_str());
        let put = match staged {
            KeyStaged::Refused(why) => Err(vec![problem(path, why.as_str())]),
            KeyStaged::Ready(event) => self
                .still(&order)
                .and_then(|()| self.check_things(order.kind, &order.changes, moment))
                .and_then(|()| self.take_key(order.kind, &order.changes, Some(event))),
        };
        self.took_effect(moment, order, put.map(|()| None))
    }

    /// Notes a change of a key, if it is what the order asks for.
    pub(super) fn take_key(
        &mut self,
        kind: OrderKind,
        changes: &[OrderChange],
        staged: Option<&KeyEvent>,
    ) -> Result<(), Problems> {
        let ([change], OrderKind::Keys) = (changes, kind) else { return Ok(()) };
        let wrong = |message: &str| vec![of_clause(&change.path, "bank", "SIG-1", message)];
        let event = staged.ok_or_else(|| wrong("the security module must prepare it first"))?;
        if !is_meant(change, event) {
            return Err(wrong("the security module prepared something else"));
        }
        self.note_key(event);
        Ok(())
    }
}

/// Whether a version stands as a change set it. A key that was made is not taken back, whatever
/// stands there.
pub(super) fn as_put(change: &OrderChange, now: Option<&Setting>) -> bool {
    let (Ok(put), Some(Setting::Table(now))) = (KeyWish::of(change), now) else { return false };
    let KeyWish::Set { check_value, state, expires_on, .. } = put else { return true };
    let is = |name: &str| now.get(name).and_then(Setting::as_text);
    let dated = expires_on.map(|day| day.to_string());
    is("check_value") == Some(check_value.as_str())
        && is("state") == Some(state)
        && (state == "destroyed" || is("expires_on") == dated.as_deref())
}

/// Whether what was prepared is what a change asks for.
fn is_meant(change: &OrderChange, event: &KeyEvent) -> bool {
    let Ok(wish) = KeyWish::of(change) else { return false };
    let now = event.versions.iter().find(|one| one.version == event.version);
    let (Some(now), false) = (now, event.store.is_empty()) else { return false };
    match wish {
        KeyWish::Make { name, .. } => {
            event.name == name && event.makes_a_version() && now.standing == KeyStanding::Current
        }
        KeyWish::Set { name, version, check_value, state, expires_on, .. } => {
            let dated = state == "destroyed" || now.expires_on == expires_on;
            event.name == name
                && event.version == version
                && now.check_value == check_value
                && now.standing.name() == state
                && dated
        }
    }
}
