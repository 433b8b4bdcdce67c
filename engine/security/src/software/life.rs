//! Changes of the store: checked on a copy, journaled by the caller, then put in the place of the
//! store as a whole.

mod bring;
mod ceremony;
mod versions;

use super::SoftwareModule;
use super::lock;
use super::material::{Material, Origin};
use super::store::{Store, StoredKey, StoredVersion};
use crate::files;
use crate::{
    Completed, KeyAction, KeyAlgorithm, KeyChange, KeyFacts, KeyLife, KeyList, KeyRefusal,
    KeyUsage, NewKey, OWN_PIN_VERIFICATION, OpenError, Prepared, RefusalKind, Settled,
    VersionState, is_key_name,
};
use core::sync::atomic::Ordering;
use payment_types::Timestamp;
use sha2::{Digest, Sha256};

/// A change on its way: what this module puts into [`Prepared`].
struct Change {
    store: Store,
    block: Option<String>,
    changed: bool,
    /// It lies beside the store already.
    staged: bool,
}

impl Change {
    fn prepared(self, mut facts: KeyFacts, refusal: Option<KeyRefusal>) -> Prepared {
        let stored = self.store.keys.get(&facts.name);
        facts.versions = stored.map(StoredKey::records).unwrap_or_default();
        Prepared { facts, refusal, content: Box::new(self) }
    }
}

impl KeyLife for SoftwareModule {
    fn list(&self) -> KeyList {
        lock(&self.store).list(Timestamp(self.now.load(Ordering::Relaxed)))
    }

    fn prepare(
        &self,
        change: &KeyChange,
        by: &str,
        now: Timestamp,
    ) -> Result<Prepared, KeyRefusal> {
        if self.stuck.load(Ordering::Relaxed) {
            let message = "the last change is journaled and could not be written; see to the disk \
                           and start the engine again, which carries it out";
            return Err(KeyRefusal::new(RefusalKind::Storage, "store", message));
        }
        let by = by.split_whitespace().collect::<Vec<_>>().join(" ");
        if by.is_empty() {
            return Err(KeyRefusal::invalid("by", "say who does it"));
        }
        let mut store = lock(&self.store).clone();
        store.generation = store.generation.wrapping_add(1);
        let work = Change { store, block: None, changed: true, staged: false };
        match change {
            KeyChange::Generate(key) => self.generate(work, key, now),
            KeyChange::BeginCeremony { key, components, check_value } => {
                ceremony::begin(work, key, *components, *check_value, now)
            }
            KeyChange::Component { name, component, check_value } => {
                self.component(work, name, component, *check_value, (&by, now))
            }
            KeyChange::CancelCeremony { name } => ceremony::cancel(work, name),
            KeyChange::Import { key, under, block, check_value } => {
                self.import(work, key, (under, block), *check_value, now)
            }
            KeyChange::Export { name, under } => self.export(work, name, under),
            KeyChange::Retire { name, version } => versions::retire(work, name, *version),
            KeyChange::Set(wanted) => versions::set(work, wanted, now),
            KeyChange::Destroy { name, version } => versions::destroy(work, name, *version, now),
        }
    }

    fn complete(&self, prepared: Prepared) -> Result<Completed, KeyRefusal> {
        let change = prepared.content.downcast::<Change>();
        let change = change.map_err(|_| KeyRefusal::conflict("change", "not of this module"))?;
        if change.store.generation != lock(&self.store).generation.wrapping_add(1) {
            let message = "the key store was changed in between; look at it and ask again";
            return Err(KeyRefusal::conflict("change", message));
        }
        if change.changed {
            let written = match &self.path {
                Some(path) if change.staged => files::replace(&Self::staged_at(path), path),
                _ => self.write(&change.store),
            };
            if let Err(error) = written {
                // It is journaled: the next start carries it out, and nothing may come in between.
                self.stuck.store(true, Ordering::Relaxed);
                return Err(not_written(&error));
            }
            self.put_in_place(change.store);
        }
        Ok(Completed { block: change.block })
    }

    fn stage(&self, prepared: &mut Prepared) -> Result<String, KeyRefusal> {
        let change = prepared.content.downcast_mut::<Change>();
        let change = change.ok_or_else(|| KeyRefusal::conflict("change", "not of this module"))?;
        let Some(path) = self.path.as_ref().filter(|_| change.changed) else {
            return Ok(String::new());
        };
        let text = self.sealing().text(&self.own, &change.store);
        files::write(&Self::staged_at(path), text.as_bytes()).map_err(|e| not_written(&e))?;
        change.staged = true;
        Ok(name_of(&text))
    }

    fn settle(&self, journaled: Option<&str>) -> Result<Settled, KeyRefusal> {
        let Some(path) = &self.path else { return Ok(Settled::Nothing) };
        let staged = Self::staged_at(path);
        let Some(text) = files::read(&staged).map_err(|e| not_written(&e))? else {
            return Ok(Settled::Nothing);
        };
        if journaled == Some(name_of(&text).as_str()) {
            self.take_staged(path).map_err(|error| not_written(&error))?;
            return Ok(Settled::CarriedOut);
        }
        files::remove(&staged).map_err(|error| not_written(&error))?;
        Ok(Settled::Dropped)
    }

    fn advance(&self, now: Timestamp) {
        self.now.fetch_max(now.0, Ordering::Relaxed);
    }
}

fn not_written(error: &OpenError) -> KeyRefusal {
    KeyRefusal::new(RefusalKind::Storage, "store", error.to_string())
}

/// Names a store by what is in its file, all of it sealed: half of a SHA-256 in hex.
fn name_of(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl SoftwareModule {
    fn generate(
        &self,
        mut work: Change,
        key: &NewKey,
        now: Timestamp,
    ) -> Result<Prepared, KeyRefusal> {
        let algorithm = checked(&work.store, key, now)?;
        let material = match algorithm {
            KeyAlgorithm::Tdes => {
                super::random_key(16).map_err(|error| error.to_string()).and_then(|key| {
                    let material = Material::from_bytes(algorithm, key.expose_bytes());
                    material.map_err(|error| error.to_string())
                })
            }
            KeyAlgorithm::Aes | KeyAlgorithm::Hmac => {
                let mut bytes = zeroize::Zeroizing::new([0; 32]);
                getrandom::fill(&mut *bytes).map_err(|error| error.to_string()).and_then(|()| {
                    Material::from_bytes(algorithm, &*bytes).map_err(|error| error.to_string())
                })
            }
        };
        let material = material.map_err(|why| KeyRefusal::new(RefusalKind::Storage, "key", why))?;
        let version = self.add(&mut work.store, key, &material, now)?;
        let facts = facts(KeyAction::Generated, key, &material, version, String::new());
        Ok(work.prepared(facts, None))
    }

    /// Puts a key into the store as its next version and says which that is.
    fn add(
        &self,
        store: &mut Store,
        key: &NewKey,
        material: &Material,
        now: Timestamp,
    ) -> Result<u32, KeyRefusal> {
        let (usage, algorithm) = (key.usage, material.algorithm());
        let sealed = material.seal(&self.store_wrap, usage, Origin::Own);
        let sealed = sealed.map_err(|error| KeyRefusal::invalid("key", error.to_string()))?;
        let wrapped = sealed.as_bytes().get(1..).unwrap_or_default().to_vec();
        let stored = store.keys.entry(key.name.clone()).or_insert_with(|| StoredKey {
            usage,
            algorithm,
            versions: Vec::new(),
        });
        let check_value = material.check_value();
        let same = |version: &StoredVersion| version.check_value == check_value;
        if stored.versions.iter().any(same) {
            let message = format!(
                "`{}` had a version with check value {check_value} already: it is the same key",
                key.name
            );
            return Err(KeyRefusal::conflict("key", message));
        }
        let pvki = (usage == KeyUsage::PinVerificationVisa).then(|| {
            let last = stored.versions.iter().rev().find_map(|version| version.pvki);
            key.pvki.unwrap_or_else(|| last.map_or(1, |last| (last + 1) % 10))
        });
        for old in &mut stored.versions {
            if old.state == VersionState::Current {
                let until = key.accept_old_until.filter(|until| *until > now);
                old.state = until.map_or(VersionState::Retired, VersionState::Accepted);
            }
        }
        let number = stored.next_number();
        stored.versions.push(StoredVersion {
            number,
            check_value,
            state: VersionState::Current,
            created_at: now,
            expires_on: key.expires_on,
            pvki,
            length: u8::try_from(material.bytes().len()).unwrap_or(u8::MAX),
            sealed: wrapped,
        });
        Ok(number)
    }
}

/// Whether such a key may be made, and its algorithm.
fn checked(store: &Store, key: &NewKey, now: Timestamp) -> Result<KeyAlgorithm, KeyRefusal> {
    let name = &key.name;
    if !is_key_name(name) {
        let message = "a key's name begins with a small letter and has small letters, digits, \
                       `-`, `_` or `.`, at most 40, and cannot be taken for a key in hex";
        return Err(KeyRefusal::invalid("name", message));
    }
    let algorithm = key.algorithm.unwrap_or_else(|| key.usage.usual_algorithm());
    if key.usage == KeyUsage::Data {
        let message = "data keys are made and kept by the engine itself, one per customer";
        return Err(KeyRefusal::invalid("usage", message));
    }
    if !key.usage.allows(algorithm) {
        let message = format!("a key for {} cannot be of {algorithm}", key.usage);
        return Err(KeyRefusal::invalid("algorithm", message));
    }
    let visa = key.usage == KeyUsage::PinVerificationVisa;
    if key.pvki.is_some_and(|index| !visa || index > 9) {
        let message = "a PVKI is 0 to 9, and only of a key for pin-verification-visa";
        return Err(KeyRefusal::invalid("pvki", message));
    }
    let Some(stored) = store.keys.get(name) else {
        if visa && name == OWN_PIN_VERIFICATION && key.pvki.is_none() {
            let message = "say its PVKI, one that no PVV of a card has: PVVs of all others stay \
                           those of the key that the installation had from the start";
            return Err(KeyRefusal::invalid("pvki", message));
        }
        if key.accept_old_until.is_some() {
            let message = format!("there is no key `{name}` to rotate");
            return Err(KeyRefusal::not_found("name", message));
        }
        return Ok(algorithm);
    };
    if (stored.usage, stored.algorithm) != (key.usage, algorithm) {
        let message = format!(
            "`{name}` is a key for {} ({}): a new version is for the same",
            stored.usage, stored.algorithm
        );
        return Err(KeyRefusal::conflict("usage", message));
    }
    let used = |version: &StoredVersion| version.is_used(now);
    if key.accept_old_until.is_none() && stored.versions.iter().any(used) {
        let message = format!(
            "there is a key `{name}`; to give it a new version, say until when the old one is \
             accepted (`accept_old_until`, `--accept-old-until`)"
        );
        return Err(KeyRefusal::conflict("name", message));
    }
    let index_used = |version: &StoredVersion| used(version) && version.pvki == key.pvki;
    if key.pvki.is_some() && stored.versions.iter().any(index_used) {
        let message = "a version that is still accepted has this PVKI; PVVs made with the two \
                       could not be told apart";
        return Err(KeyRefusal::conflict("pvki", message));
    }
    Ok(algorithm)
}

fn facts(
    action: KeyAction,
    key: &NewKey,
    material: &Material,
    version: u32,
    detail: String,
) -> KeyFacts {
    KeyFacts {
        action,
        name: key.name.clone(),
        usage: key.usage,
        algorithm: material.algorithm(),
        version,
        check_value: material.check_value(),
        detail,
        versions: Vec::new(),
    }
}
