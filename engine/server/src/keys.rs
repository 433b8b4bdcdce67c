//! Named keys: what can be asked for, carried out on a running engine and on a data directory at
//! rest alike. Every change is journaled before it is made; key material never is.

pub(crate) mod orders;
mod own;
pub mod watch;

pub use own::{OwnKey, own_keys};

use crate::clock::parse_rfc3339;
use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{Command, KeyEvent, KeyStanding, KeyVersion};
use payment_types::{BusinessDate, Moment, Timestamp, UtcOffset};
use security::{
    CheckValue, KeyAlgorithm, KeyChange, KeyFacts, KeyLife, KeyList, KeyRefusal, KeyUsage,
    MasterKey, NewKey, SoftwareModule, VersionRecord, VersionState,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;
use zeroize::{Zeroize, Zeroizing};

/// A change of a key, as it is asked for. Which fields an action takes:
///
/// | action | fields besides `name` |
/// | --- | --- |
/// | `generate` | `usage`, `algorithm`, `pvki`, `expires_on` |
/// | `rotate` | `accept_old_until`, `pvki`, `expires_on` |
/// | `ceremony` | `components`, `check_value`, and those of `generate` or `rotate` |
/// | `component` | `component`, `check_value` |
/// | `cancel` | |
/// | `import` | `under`, `block`, `check_value`, and those of `generate` or `rotate` |
/// | `export` | `under` |
/// | `retire`, `destroy` | `version` |
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What to do.
    pub action: String,
    /// The key's name.
    pub name: String,
    /// What the key is for, such as `card-verification`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// `tdes`, `aes` or `hmac`; the usage's usual one if not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The index that PVVs carry, 0 to 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pvki: Option<u8>,
    /// When the key should have been rotated; warned about from 30 days before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<String>,
    /// For a new version: until when the old one is accepted, a day or an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_old_until: Option<String>,
    /// How many components, 2 to 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<u8>,
    /// Six hex digits: of the whole key; with `component`, of the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_value: Option<String>,
    /// A custodian's component in hex. Never stored in clear, never logged, never journaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The key-block protection key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<String>,
    /// A key block, TR-31 version B or D.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// Which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

impl Drop for KeyRequest {
    fn drop(&mut self) {
        self.component.zeroize();
    }
}

/// What was done.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyDone {
    /// `generated`, `ceremony_begun`, `component_entered`, `ceremony_completed`,
    /// `ceremony_cancelled`, `imported`, `exported`, `retired`, `changed` or `destroyed`.
    pub action: String,
    /// The key's name.
    pub name: String,
    /// What it is for.
    pub usage: String,
    /// What it computes with.
    pub algorithm: String,
    /// Which version.
    pub version: u32,
    /// Of that version; of the whole key while a ceremony runs.
    pub check_value: String,
    /// More, for people.
    pub detail: String,
    /// The key block of an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
}

/// What is in the store.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeysView {
    /// The keys, by name.
    pub keys: Vec<KeyView>,
    /// The ceremonies that run, by name.
    pub ceremonies: Vec<CeremonyView>,
}

/// A key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Its name, as portfolios write it.
    pub name: String,
    /// What it is for.
    pub usage: String,
    /// What it computes with.
    pub algorithm: String,
    /// Newest last.
    pub versions: Vec<KeyVersionView>,
}

/// A version of a key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyVersionView {
    /// From 1.
    pub version: u32,
    /// `current`, `accepted`, `retired` or `destroyed`.
    pub state: String,
    /// For people to compare.
    pub check_value: String,
    /// Bits of the key.
    pub bits: u16,
    /// When it came.
    pub created_at: String,
    /// Until when it is accepted, of one that was rotated out.
    pub accepted_until: Option<String>,
    /// When it should have been rotated.
    pub expires_on: Option<String>,
    /// Days until then; negative after it.
    pub days_left: Option<i32>,
    /// The index that PVVs carry.
    pub pvki: Option<u8>,
}

/// A ceremony that runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CeremonyView {
    /// The key's name.
    pub name: String,
    /// What it will be for.
    pub usage: String,
    /// What it will compute with.
    pub algorithm: String,
    /// The whole key must have this.
    pub check_value: String,
    /// How many components there will be.
    pub components: u8,
    /// Who gave one, in order.
    pub given_by: Vec<String>,
    /// When it was begun.
    pub begun_at: String,
}

impl KeysView {
    /// For people in the bank's zone, today.
    #[must_use]
    pub fn of(list: &KeyList, now: Moment) -> Self {
        let keys = list.keys.iter().map(|key| KeyView {
            name: key.name.clone(),
            usage: key.usage.to_string(),
            algorithm: key.algorithm.to_string(),
            versions: key.versions.iter().map(|version| version_view(version, now)).collect(),
        });
        let ceremonies = list.ceremonies.iter().map(|ceremony| CeremonyView {
            name: ceremony.name.clone(),
            usage: ceremony.usage.to_string(),
            algorithm: ceremony.algorithm.to_string(),
            check_value: ceremony.check_value.to_string(),
            components: ceremony.components,
            given_by: ceremony.given_by.clone(),
            begun_at: instant(ceremony.begun_at, now.offset),
        });
        Self { keys: keys.collect(), ceremonies: ceremonies.collect() }
    }
}

fn version_view(version: &VersionRecord, now: Moment) -> KeyVersionView {
    let (state, until) = match version.state {
        VersionState::Current => ("current", None),
        VersionState::Accepted(until) => ("accepted", Some(until)),
        VersionState::Retired => ("retired", None),
        VersionState::Destroyed => ("destroyed", None),
    };
    KeyVersionView {
        version: version.version,
        state: state.to_owned(),
        check_value: version.check_value.to_string(),
        bits: u16::from(version.length) * 8,
        created_at: instant(version.created_at, now.offset),
        accepted_until: until.map(|until| instant(until, now.offset)),
        expires_on: version.expires_on.map(|date| date.to_string()),
        days_left: version.expires_on.map(|date| watch::days_left(date, now)),
        pvki: version.pvki,
    }
}

fn instant(at: Timestamp, offset: UtcOffset) -> String {
    Moment::new(at, offset).rfc3339()
}

impl KeyDone {
    /// What the journal says of a change that was asked for before.
    #[must_use]
    pub fn again(event: &KeyEvent, block: Option<String>) -> Self {
        Self {
            action: event.action.to_string(),
            name: event.name.to_string(),
            usage: event.usage.to_string(),
            algorithm: event.algorithm.to_string(),
            version: event.version,
            check_value: event.check_value.to_string(),
            detail: event.detail.to_string(),
            block,
        }
    }

    /// What a change said, and what came of it.
    #[must_use]
    pub fn of(facts: &KeyFacts, block: Option<String>) -> Self {
        Self {
            action: facts.action.name().to_owned(),
            name: facts.name.clone(),
            usage: facts.usage.to_string(),
            algorithm: facts.algorithm.to_string(),
            version: facts.version,
            check_value: facts.check_value.to_string(),
            detail: facts.detail.clone(),
            block,
        }
    }
}

/// What the journal keeps; `store` is the name under which the change is staged.
#[must_use]
pub fn journaled(facts: &KeyFacts, by: &str, store: &str) -> Command {
    Command::Key(Box::new(event_of(facts, by, store)))
}

fn event_of(facts: &KeyFacts, by: &str, store: &str) -> KeyEvent {
    KeyEvent {
        action: facts.action.name().into(),
        name: facts.name.as_str().into(),
        usage: facts.usage.name().into(),
        algorithm: facts.algorithm.name().into(),
        version: facts.version,
        check_value: facts.check_value.to_string().into(),
        detail: facts.detail.as_str().into(),
        by: by.into(),
        store: store.into(),
        versions: facts.versions.iter().map(known_version).collect(),
    }
}

fn known_version(version: &VersionRecord) -> KeyVersion {
    KeyVersion {
        version: version.version,
        check_value: version.check_value.to_string().into(),
        standing: match version.state {
            VersionState::Current => KeyStanding::Current,
            VersionState::Accepted(until) => KeyStanding::Accepted(until),
            VersionState::Retired => KeyStanding::Retired,
            VersionState::Destroyed => KeyStanding::Destroyed,
        },
        expires_on: version.expires_on,
    }
}

const ACTIONS: [&str; 9] = [
    "generate",
    "rotate",
    "ceremony",
    "component",
    "cancel",
    "import",
    "export",
    "retire",
    "destroy",
];

impl KeyRequest {
    /// The change that is meant. Of a key that exists already, usage and algorithm need not be
    /// told.
    ///
    /// # Errors
    /// [`KeyRefusal`] naming the field.
    pub fn change(&self, life: &dyn KeyLife, offset: UtcOffset) -> Result<KeyChange, KeyRefusal> {
        let name = self.name.clone();
        self.only_known_fields()?;
        Ok(match self.action.as_str() {
            "generate" => KeyChange::Generate(self.key(life, offset)?),
            "rotate" => {
                if !life.list().keys.iter().any(|key| key.name == name) {
                    let message = format!("there is no key `{name}` to rotate");
                    return Err(KeyRefusal::not_found("name", message));
                }
                required("accept_old_until", self.accept_old_until.as_ref())?;
                KeyChange::Generate(self.key(life, offset)?)
            }
            "ceremony" => KeyChange::BeginCeremony {
                key: self.key(life, offset)?,
                components: *required("components", self.components.as_ref())?,
                check_value: required("check_value", self.check_value()?.as_ref()).copied()?,
            },
            "component" => KeyChange::Component {
                name,
                component: Zeroizing::new(required("component", self.component.as_ref())?.clone()),
                check_value: self.check_value()?,
            },
            "cancel" => KeyChange::CancelCeremony { name },
            "import" => KeyChange::Import {
                key: self.key(life, offset)?,
                under: required("under", self.under.as_ref())?.clone(),
                block: required("block", self.block.as_ref())?.clone(),
                check_value: self.check_value()?,
            },
            "export" => {
                KeyChange::Export { name, under: required("under", self.under.as_ref())?.clone() }
            }
            "retire" => {
                KeyChange::Retire { name, version: *required("version", self.version.as_ref())? }
            }
            _ => KeyChange::Destroy { name, version: *required("version", self.version.as_ref())? },
        })
    }

    /// Fields that an action does not take are refused rather than passed over.
    fn only_known_fields(&self) -> Result<(), KeyRefusal> {
        let fresh = ["usage", "algorithm", "pvki", "expires_on"];
        let own: &[&str] = match self.action.as_str() {
            "generate" => &[],
            "rotate" => &["accept_old_until"],
            "ceremony" => &["components", "check_value", "accept_old_until"],
            "component" => &["component", "check_value"],
            "cancel" => &[],
            "import" => &["under", "block", "check_value", "accept_old_until"],
            "export" => &["under"],
            "retire" | "destroy" => &["version"],
            _ => {
                let message = format!("must be one of {}", ACTIONS.join(", "));
                return Err(KeyRefusal::invalid("action", message));
            }
        };
        let makes = matches!(self.action.as_str(), "generate" | "rotate" | "ceremony" | "import");
        for (field, given) in [
            ("usage", self.usage.is_some()),
            ("algorithm", self.algorithm.is_some()),
            ("pvki", self.pvki.is_some()),
            ("expires_on", self.expires_on.is_some()),
            ("accept_old_until", self.accept_old_until.is_some()),
            ("components", self.components.is_some()),
            ("check_value", self.check_value.is_some()),
            ("component", self.component.is_some()),
            ("under", self.under.is_some()),
            ("block", self.block.is_some()),
            ("version", self.version.is_some()),
        ] {
            if given && !own.contains(&field) && !(makes && fresh.contains(&field)) {
                let message = format!("`{field}` is no field of the action `{}`", self.action);
                return Err(KeyRefusal::invalid(field, message));
            }
        }
        Ok(())
    }

    fn check_value(&self) -> Result<Option<CheckValue>, KeyRefusal> {
        let Some(text) = &self.check_value else { return Ok(None) };
        let value = CheckValue::from_hex(text);
        value.map(Some).ok_or_else(|| {
            KeyRefusal::invalid("check_value", "a check value is six hex digits, such as 08D7B4")
        })
    }

    fn key(&self, life: &dyn KeyLife, offset: UtcOffset) -> Result<NewKey, KeyRefusal> {
        let list = life.list();
        let stored = list.keys.iter().find(|key| key.name == self.name);
        let usage = match (&self.usage, stored) {
            (Some(name), _) => KeyUsage::from_name(name).ok_or_else(|| {
                let names: Vec<&str> = KeyUsage::ALL.iter().map(|usage| usage.name()).collect();
                KeyRefusal::invalid("usage", format!("must be one of {}", names.join(", ")))
            })?,
            (None, Some(stored)) => stored.usage,
            (None, None) => return Err(KeyRefusal::invalid("usage", "say what the key is for")),
        };
        let algorithm = match (&self.algorithm, stored) {
            (Some(name), _) => Some(KeyAlgorithm::from_name(name).ok_or_else(|| {
                KeyRefusal::invalid("algorithm", "must be one of tdes, aes, hmac")
            })?),
            (None, stored) => stored.map(|stored| stored.algorithm),
        };
        let expires_on = match &self.expires_on {
            None => None,
            Some(text) => Some(BusinessDate::parse(text).map_err(|_| {
                KeyRefusal::invalid("expires_on", "must be a day such as 2029-12-31")
            })?),
        };
        let accept_old_until = match &self.accept_old_until {
            None => None,
            Some(text) => Some(until(text, offset)?),
        };
        let (name, pvki) = (self.name.clone(), self.pvki);
        Ok(NewKey { name, usage, algorithm, pvki, expires_on, accept_old_until })
    }
}

/// The end of a day, or an instant.
fn until(text: &str, offset: UtcOffset) -> Result<Timestamp, KeyRefusal> {
    if let Ok(date) = BusinessDate::parse(text) {
        return Ok(date.plus_days(1).start(offset));
    }
    parse_rfc3339(text).map_err(|_| {
        let message = "must be a day such as 2027-01-31 or an instant (RFC 3339)";
        KeyRefusal::invalid("accept_old_until", message)
    })
}

fn required<'v, T>(field: &'static str, value: Option<&'v T>) -> Result<&'v T, KeyRefusal> {
    value.ok_or_else(|| KeyRefusal::invalid(field, format!("`{field}` is missing")))
}

/// Where `tamga key` works.
#[derive(Debug)]
pub struct KeyPlace {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// A token of the API with the role key_custodian, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
    /// Who does it; a running engine takes the token's name.
    pub by: String,
}

/// What a module without a store is told.
pub(crate) const NO_STORE: &str = "this security module keeps its keys with its own tools";

fn no_store() -> Failure {
    Failure::found(NO_STORE.to_owned())
}

/// Lists the keys.
///
/// # Errors
/// The directory cannot be read, or the engine cannot be asked.
pub fn list(place: &KeyPlace) -> Result<KeysView, Failure> {
    let data = place.data.as_deref().unwrap_or(&place.config.store.path);
    must_exist(data)?;
    match Offline::open(&place.config, data, place.test_clock) {
        Ok(offline) => {
            let life = offline.opened.security.key_life().ok_or_else(no_store)?;
            life.advance(offline.moment().at);
            Ok(KeysView::of(&life.list(), offline.moment()))
        }
        Err(OfflineError::Locked(locked)) => {
            Remote::new(&place.config, place.token.as_deref(), &locked)?.get("/keys", &[])
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts another master key in force, on a data directory at rest: journaled, then done. Gives the
/// check value of the one before.
///
/// # Errors
/// An engine runs on the directory, the module has no master key of its own, or a file cannot be
/// read or written.
pub fn rotate_master(place: &KeyPlace, new: &MasterKey) -> Result<CheckValue, Failure> {
    let data = place.data.as_deref().unwrap_or(&place.config.store.path);
    must_exist(data)?;
    if place.config.security.pkcs11.is_some() {
        return Err(no_store());
    }
    let mut offline = match Offline::open(&place.config, data, place.test_clock) {
        Err(OfflineError::Locked(_)) => {
            let line = "an engine runs on this directory: stop it first, since it keeps what the \
                        master key seals in memory";
            return Err(Failure::found(line.to_owned()));
        }
        other => other?,
    };
    let event = KeyEvent {
        action: "master_rotated".into(),
        name: "master".into(),
        usage: "master".into(),
        algorithm: KeyAlgorithm::Aes.name().into(),
        version: 0,
        check_value: new.check_value().to_string().into(),
        detail: "".into(),
        by: place.by.as_str().into(),
        store: "".into(),
        versions: Vec::new(),
    };
    let _noted = offline.execute(Command::Key(Box::new(event)))?;
    offline.commit()?;
    let master = &place.config.security.master_key_file;
    let rotated = SoftwareModule::rotate_master(data, master, new);
    rotated.map_err(|error| Failure::data(error.to_string()))
}

/// Carries a change out.
///
/// # Errors
/// It is refused, with the reason.
pub fn change(place: &KeyPlace, request: &KeyRequest) -> Result<KeyDone, Failure> {
    let data = place.data.as_deref().unwrap_or(&place.config.store.path);
    if !data.exists() {
        std::fs::create_dir_all(data).map_err(|error| Failure::file(data, "made", &error))?;
    }
    match Offline::open(&place.config, data, place.test_clock) {
        Ok(mut offline) => here(&mut offline, request, &place.by),
        Err(OfflineError::Locked(locked)) => {
            let body = serde_json::to_vec(request)
                .map(Zeroizing::new)
                .map_err(|error| Failure::usage(error.to_string()))?;
            let remote = Remote::new(&place.config, place.token.as_deref(), &locked)?;
            remote.post("/keys", &[], "application/json", &body)
        }
        Err(error) => Err(error.into()),
    }
}

fn here(offline: &mut Offline, request: &KeyRequest, by: &str) -> Result<KeyDone, Failure> {
    let refused = |refusal: KeyRefusal| Failure::found(refusal.message);
    let security = std::sync::Arc::clone(&offline.opened.security);
    let life = security.key_life().ok_or_else(no_store)?;
    let now = offline.moment();
    life.advance(now.at);
    let change = request.change(life, now.offset).map_err(refused)?;
    let mut prepared = life.prepare(&change, by, now.at).map_err(refused)?;
    let (facts, refusal) = (prepared.facts.clone(), prepared.refusal.clone());
    let store = life.stage(&mut prepared).map_err(refused)?;
    let _noted = offline.execute(journaled(&facts, by, &store))?;
    offline.commit()?;
    let completed = life.complete(prepared).map_err(refused)?;
    match refusal {
        Some(refusal) => Err(refused(refusal)),
        None => Ok(KeyDone::of(&facts, completed.block)),
    }
}
