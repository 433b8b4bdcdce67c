//! Keys by components: each custodian gives one, nobody sees the whole.

use super::super::SoftwareModule;
use super::super::material::Material;
use super::super::store::{Ceremony, Store};
use super::{Change, checked};
use crate::{
    AesKey, CheckValue, ClearKey, KeyAction, KeyAlgorithm, KeyFacts, KeyRefusal, NewKey, Prepared,
    RefusalKind,
};
use payment_types::Timestamp;
use zeroize::Zeroizing;

/// Begins one.
pub(super) fn begin(
    mut work: Change,
    key: &NewKey,
    components: u8,
    check_value: CheckValue,
    now: Timestamp,
) -> Result<Prepared, KeyRefusal> {
    let algorithm = checked(&work.store, key, now)?;
    if !(2..=9).contains(&components) {
        let message = "a ceremony has 2 to 9 components, each of its own custodian";
        return Err(KeyRefusal::invalid("components", message));
    }
    if algorithm == KeyAlgorithm::Hmac {
        let message = "HMAC keys come in key blocks, not by components";
        return Err(KeyRefusal::invalid("algorithm", message));
    }
    if work.store.ceremonies.contains_key(&key.name) {
        let message = format!("a ceremony for `{}` runs already; finish or cancel it", key.name);
        return Err(KeyRefusal::conflict("name", message));
    }
    let ceremony = Ceremony {
        key: key.clone(),
        algorithm,
        components,
        check_value,
        begun_at: now,
        given: Vec::new(),
    };
    let facts = said(&work.store, &ceremony, KeyAction::CeremonyBegun);
    work.store.ceremonies.insert(key.name.clone(), ceremony);
    Ok(work.prepared(facts, None))
}

/// Ends one without a key.
pub(super) fn cancel(mut work: Change, name: &str) -> Result<Prepared, KeyRefusal> {
    let ceremony = work.store.ceremonies.remove(name).ok_or_else(|| missing(name))?;
    let facts = said(&work.store, &ceremony, KeyAction::CeremonyCancelled);
    Ok(work.prepared(facts, None))
}

impl SoftwareModule {
    /// Takes a custodian's component; with the last one the key is made.
    pub(super) fn component(
        &self,
        mut work: Change,
        name: &str,
        component: &str,
        check_value: Option<CheckValue>,
        (by, now): (&str, Timestamp),
    ) -> Result<Prepared, KeyRefusal> {
        let mut ceremony = work.store.ceremonies.remove(name).ok_or_else(|| missing(name))?;
        if ceremony.given.iter().any(|(custodian, _)| custodian == by) {
            let message = format!(
                "{by} gave a component of `{name}` already: each component is entered by its own \
                 custodian"
            );
            return Err(KeyRefusal::new(RefusalKind::Forbidden, "by", message));
        }
        let clear = read(component, ceremony.algorithm, check_value)?;
        let mut given = Vec::with_capacity(usize::from(ceremony.components));
        for (_, sealed) in &ceremony.given {
            given.push(self.open_component(sealed)?);
        }
        if given.first().is_some_and(|first| first.len() != clear.len()) {
            let message = "this component has another length than the first one";
            return Err(KeyRefusal::invalid("component", message));
        }
        let number = ceremony.given.len() + 1;
        let detail = format!("component {number} of {}", ceremony.components);
        if number < usize::from(ceremony.components) {
            ceremony.given.push((by.to_owned(), self.seal_component(&clear)?));
            let mut facts = said(&work.store, &ceremony, KeyAction::ComponentEntered);
            facts.detail = detail;
            work.store.ceremonies.insert(name.to_owned(), ceremony);
            return Ok(work.prepared(facts, None));
        }
        given.push(clear);
        match combined(&given, &ceremony) {
            Ok(material) => {
                let version = self.add(&mut work.store, &ceremony.key, &material, now)?;
                let action = KeyAction::CeremonyCompleted;
                let facts = super::facts(action, &ceremony.key, &material, version, detail);
                Ok(work.prepared(facts, None))
            }
            Err(refusal) => {
                let mut facts = said(&work.store, &ceremony, KeyAction::CeremonyFailed);
                facts.detail = detail;
                Ok(work.prepared(facts, Some(refusal)))
            }
        }
    }

    fn seal_component(&self, clear: &[u8]) -> Result<Vec<u8>, KeyRefusal> {
        let mut room = [0; 40];
        let sealed = self.store_wrap.wrap_key(clear, &mut room);
        sealed.map(<[u8]>::to_vec).map_err(|_| KeyRefusal::invalid("component", "its length"))
    }

    fn open_component(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyRefusal> {
        let mut room = Zeroizing::new([0; 32]);
        let clear = self.store_wrap.unwrap_key(sealed, &mut *room);
        clear.map(|clear| Zeroizing::new(clear.to_vec())).map_err(|_| {
            let message = "a component that was given before cannot be opened; cancel the ceremony";
            KeyRefusal::new(RefusalKind::Storage, "store", message)
        })
    }
}

fn missing(name: &str) -> KeyRefusal {
    KeyRefusal::not_found("name", format!("no ceremony for `{name}` runs"))
}

/// What the journal keeps of a ceremony.
fn said(store: &Store, ceremony: &Ceremony, action: KeyAction) -> KeyFacts {
    let stored = store.keys.get(&ceremony.key.name);
    KeyFacts {
        action,
        name: ceremony.key.name.clone(),
        usage: ceremony.key.usage,
        algorithm: ceremony.algorithm,
        version: stored.map_or(1, super::StoredKey::next_number),
        check_value: ceremony.check_value,
        detail: format!("{} components", ceremony.components),
        versions: Vec::new(),
    }
}

/// A component as typed, held to its own check value.
fn read(
    text: &str,
    algorithm: KeyAlgorithm,
    given: Option<CheckValue>,
) -> Result<Zeroizing<Vec<u8>>, KeyRefusal> {
    let digits: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    let refused = |why: &str| KeyRefusal::invalid("component", format!("the component: {why}"));
    let (bytes, check_value) = match algorithm {
        KeyAlgorithm::Tdes => {
            let key = ClearKey::from_hex(&digits).map_err(|error| refused(&error.to_string()))?;
            if key.expose_bytes().len() == 8 {
                return Err(refused("a single-length DES key is not accepted"));
            }
            (Zeroizing::new(key.expose_bytes().to_vec()), key.check_value())
        }
        KeyAlgorithm::Aes => {
            let key = AesKey::from_hex(&digits).map_err(|error| refused(&error.to_string()))?;
            (Zeroizing::new(key.expose_bytes().to_vec()), key.check_value())
        }
        KeyAlgorithm::Hmac => return Err(refused("not of an HMAC key")),
    };
    if let Some(given) = given.filter(|given| *given != check_value) {
        let message = format!(
            "the component's check value is {check_value}, but {given} was given: a digit is \
             wrong; type it again"
        );
        return Err(KeyRefusal::invalid("check_value", message));
    }
    Ok(bytes)
}

/// The key, if it is the one the ceremony is for.
fn combined(
    components: &[Zeroizing<Vec<u8>>],
    ceremony: &Ceremony,
) -> Result<Material, KeyRefusal> {
    let refused = |why: String| KeyRefusal::invalid("check_value", why);
    let parts: Vec<&[u8]> = components.iter().map(|component| &component[..]).collect();
    let bytes = cryptography::components::combine_bytes(&parts)
        .map_err(|error| refused(error.to_string()))?;
    let bytes = match ceremony.algorithm {
        KeyAlgorithm::Tdes => {
            let odd = ClearKey::from_bytes(&bytes).map(ClearKey::with_odd_parity);
            let odd = odd.map_err(|error| refused(error.to_string()))?;
            Zeroizing::new(odd.expose_bytes().to_vec())
        }
        KeyAlgorithm::Aes | KeyAlgorithm::Hmac => bytes,
    };
    let material = Material::from_bytes(ceremony.algorithm, &bytes).map_err(|error| {
        refused(format!("the components give no key: {error}; all were wiped, begin again"))
    })?;
    let made = material.check_value();
    if made == ceremony.check_value {
        return Ok(material);
    }
    Err(refused(format!(
        "the components give a key with check value {made}, but the ceremony is for {}: one of \
         them is wrong; all were wiped, begin again",
        ceremony.check_value
    )))
}
