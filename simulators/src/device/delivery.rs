//! How a device gets a new working key: by a 0800 message, under its master key.

use super::message_keys::{aes, clear, tdes};
use super::{Device, KeyForm, MessageKeys};
use crate::SimError;
use crate::card::Proof;
use crate::exchange::Answer;
use crate::keys::TestKey;
use crate::private::{Group, PrivateData};
use cryptography::cipher;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What a working key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// PIN blocks.
    #[default]
    Pin,
    /// MACs.
    Mac,
}

impl KeyUse {
    const fn letter(self) -> &'static str {
        match self {
            Self::Pin => "P",
            Self::Mac => "M",
        }
    }

    /// The portfolio's name for it.
    const fn name(self) -> &'static str {
        match self {
            Self::Pin => "tpk",
            Self::Mac => "tak",
        }
    }

    /// What a key block says that it is for.
    const fn usage(self) -> &'static str {
        match self {
            Self::Pin => "P0",
            Self::Mac => "M3",
        }
    }

    /// The usages a key block of it may name (ANSI X9.143 table 2).
    const fn usages(self) -> &'static [&'static str] {
        match self {
            Self::Pin => &["P0"],
            Self::Mac => &["M0", "M1", "M3", "M6", "M7"],
        }
    }
}

/// What the MAC of a message about keys is made with, where the terminal has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySeal {
    /// The key in use.
    #[default]
    InUse,
    /// The key it was set up with, the portfolio's.
    First,
    /// No MAC: the terminal has lost its keys, and has only the master key left.
    Bare,
    /// A wrong one.
    Wrong,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// How the key travels, where it is not as the profile says.
    pub form: Option<KeyForm>,
    /// What it is for.
    pub key: KeyUse,
    /// This side makes the key.
    pub deliver: bool,
    /// The check value it is delivered with.
    pub check_value: Proof,
    /// What the message proves itself with.
    pub seal: KeySeal,
}

impl Exchange {
    /// What a terminal asks for by itself: a new key of that use.
    #[must_use]
    pub const fn of(key: KeyUse) -> Self {
        let (form, deliver, check_value) = (None, false, Proof::Right);
        Self { form, key, deliver, check_value, seal: KeySeal::InUse }
    }

    /// In a few words.
    #[must_use]
    pub fn label(&self) -> String {
        let key = match self.key {
            KeyUse::Pin => "PIN key",
            KeyUse::Mac => "MAC key",
        };
        let way = if self.deliver { "delivered" } else { "asked for" };
        let wrong = if self.check_value == Proof::Wrong { ", wrong check value" } else { "" };
        let seal = match self.seal {
            KeySeal::InUse => "",
            KeySeal::First => ", MAC with the first key",
            KeySeal::Bare => ", without MAC",
            KeySeal::Wrong => ", wrong MAC",
        };
        format!("{key} {way}{wrong}{seal}")
    }
}

/// An exchange whose answer is still to come.
#[derive(Debug)]
pub struct Pending {
    key: KeyUse,
    form: KeyForm,
    made: Option<TestKey>,
}

impl Device {
    /// The same once more, proven otherwise, after a host refused it for its MAC: a terminal whose
    /// keys the host does not know begins anew, with its first ones, at last with the master key
    /// alone.
    pub(crate) fn with_less(&self, exchange: Exchange) -> Option<Exchange> {
        let seal = match exchange.seal {
            _ if self.mac_wish(None).is_none() => return None,
            KeySeal::InUse if self.mac_key.is_some() => KeySeal::First,
            KeySeal::InUse | KeySeal::First => KeySeal::Bare,
            KeySeal::Bare | KeySeal::Wrong => return None,
        };
        Some(Exchange { seal, ..exchange })
    }

    /// The keys and the MAC of a message about keys.
    pub(crate) fn seal_of(
        &mut self,
        seal: KeySeal,
    ) -> Result<Option<(MessageKeys, Proof)>, SimError> {
        if self.mac_wish(None).is_none() {
            return Ok(None);
        }
        let mac = if seal == KeySeal::Wrong { Proof::Wrong } else { Proof::Right };
        match seal {
            KeySeal::Bare => Ok(None),
            KeySeal::InUse | KeySeal::Wrong => Ok(Some((self.next_keys(None)?, mac))),
            KeySeal::First => {
                let used = (self.pin_key.take(), self.mac_key.take());
                let first = self.keys_of(None);
                (self.pin_key, self.mac_key) = used;
                Ok(Some((first?, mac)))
            }
        }
    }

    /// The private data of the 0800. `random` makes the key where this side makes it.
    ///
    /// # Errors
    /// [`SimError::Key`] without a master key (`keys.tmk`).
    pub(crate) fn ask_for_key(
        &self,
        exchange: &Exchange,
        random: &[u8],
    ) -> Result<(PrivateData, Pending), SimError> {
        let form = exchange.form.unwrap_or(self.profile.key_form);
        let mut data = PrivateData::default();
        data.set(Group::KeyUse, exchange.key.letter());
        let mut made = None;
        if exchange.deliver {
            let key = self.new_key(exchange.key, random)?;
            data.set(Group::KeyBlock, self.wrap(&key, form, exchange.key)?);
            let mut value = check_value(&key)?;
            if exchange.check_value == Proof::Wrong {
                value[0] ^= 1;
            }
            if exchange.check_value != Proof::None {
                data.set(Group::CheckValue, hex::encode_upper(value));
            }
            made = Some(key);
        }
        Ok((data, Pending { key: exchange.key, form, made }))
    }

    /// Takes the key of an answer into use, or the one this side made.
    ///
    /// # Errors
    /// [`SimError::Key`] if it is not there, does not open, or has another check value.
    pub(crate) fn take_key(&mut self, pending: Pending, answer: &Answer) -> Result<(), SimError> {
        let data = PrivateData::of(&answer.fields);
        let key = match pending.made {
            Some(key) => key,
            None => {
                let none = || SimError::Key("the answer has no key (group KB)".to_owned());
                let delivered = data.get(Group::KeyBlock).ok_or_else(none)?;
                self.unwrap(delivered, pending.form, pending.key)?
            }
        };
        let own = hex::encode_upper(check_value(&key)?);
        let given = data.get(Group::CheckValue).unwrap_or_default();
        if given.is_empty() || !own.starts_with(&given.to_uppercase()) {
            let given = if given.is_empty() { "none" } else { given };
            return Err(SimError::Key(format!("the key's check value is {own}, told was {given}")));
        }
        match pending.key {
            KeyUse::Pin => self.pin_key = Some(key),
            KeyUse::Mac => self.mac_key = Some(key),
        }
        Ok(())
    }

    /// The host's side: makes the key a terminal asked for, or takes over the one it brought. What
    /// the answer says of it.
    ///
    /// # Errors
    /// [`SimError::Key`] without a master key, for a key that does not open, and for a wrong check
    /// value.
    pub(crate) fn serve_key(
        &mut self,
        asked: &PrivateData,
        random: &[u8],
    ) -> Result<PrivateData, SimError> {
        let usage = used_for(asked)?;
        let form = self.profile.key_form;
        let mut data = PrivateData::default();
        data.set(Group::KeyUse, usage.letter());
        let key = match asked.get(Group::KeyBlock) {
            None => {
                let key = self.new_key(usage, random)?;
                data.set(Group::KeyBlock, self.wrap(&key, form, usage)?);
                key
            }
            Some(brought) => {
                let key = self.unwrap(brought, form, usage)?;
                let own = hex::encode_upper(check_value(&key)?);
                let told = asked.get(Group::CheckValue).unwrap_or_default().to_uppercase();
                if !own.starts_with(&told) || (told.is_empty() && form == KeyForm::Ecb) {
                    return Err(SimError::Key("the key has another check value".to_owned()));
                }
                key
            }
        };
        data.set(Group::CheckValue, hex::encode_upper(check_value(&key)?));
        match usage {
            KeyUse::Pin => self.pin_key = Some(key),
            KeyUse::Mac => self.mac_key = Some(key),
        }
        Ok(data)
    }

    /// Takes over a key that this terminal and its host have exchanged, as one who hands on their
    /// messages and has the same master key.
    ///
    /// # Errors
    /// As [`Self::take_key`] and [`Self::serve_key`].
    pub(crate) fn overhear(
        &mut self,
        asked: &PrivateData,
        answer: &Answer,
    ) -> Result<(), SimError> {
        if asked.get(Group::KeyBlock).is_some() {
            return self.serve_key(asked, &[]).map(drop);
        }
        let (key, form) = (used_for(asked)?, self.profile.key_form);
        self.take_key(Pending { key, form, made: None }, answer)
    }

    /// A key of the kind that the one it replaces has, or else the master key.
    fn new_key(&self, usage: KeyUse, random: &[u8]) -> Result<TestKey, SimError> {
        let digest = Sha256::digest(random);
        let bytes = digest.first_chunk::<16>().map_or(&[][..], |key| key);
        let replaced = self.keys.get(usage.name()).or_else(|_| self.keys.get("tmk"))?;
        if replaced.is_aes() {
            return Ok(TestKey::new(bytes, true));
        }
        let key = clear(&TestKey::new(bytes, false))?.with_odd_parity();
        Ok(TestKey::new(key.expose_bytes(), false))
    }

    fn wrap(&self, key: &TestKey, form: KeyForm, usage: KeyUse) -> Result<String, SimError> {
        let master = self.keys.get("tmk")?;
        if form == KeyForm::Tr31 {
            return super::key_block::wrap(master, key, usage.usage());
        }
        let bytes = if master.is_aes() {
            cipher::aes_ecb_encrypt(&aes(master)?, key.expose())
        } else {
            cipher::tdes_ecb_encrypt(&tdes(master)?, key.expose())
        };
        bytes.map(hex::encode_upper).map_err(malformed)
    }

    fn unwrap(&self, text: &str, form: KeyForm, usage: KeyUse) -> Result<TestKey, SimError> {
        let master = self.keys.get("tmk")?;
        if form == KeyForm::Tr31 {
            return super::key_block::unwrap(master, text, usage.usages());
        }
        let not_hex = |_| SimError::Key("the key's cryptogram is not hex digits".to_owned());
        let bytes = hex::decode(text).map_err(not_hex)?;
        let clear = if master.is_aes() {
            cipher::aes_ecb_decrypt(&aes(master)?, &bytes)
        } else {
            cipher::tdes_ecb_decrypt(&tdes(master)?, &bytes)
        };
        Ok(TestKey::new(&clear.map_err(malformed)?, master.is_aes()))
    }
}

/// What the key is for that a message asks for or brings.
fn used_for(asked: &PrivateData) -> Result<KeyUse, SimError> {
    let letter = asked.get(Group::KeyUse).unwrap_or_default();
    let usage = [KeyUse::Pin, KeyUse::Mac].into_iter().find(|usage| usage.letter() == letter);
    usage.ok_or_else(|| SimError::Key("no key is named (group KU)".to_owned()))
}

/// The first bytes of zeros encrypted under the key; for AES its CMAC of zeros (X9.24-1).
fn check_value(key: &TestKey) -> Result<[u8; 3], SimError> {
    let value = if key.is_aes() { aes(key)?.check_value() } else { clear(key)?.check_value() };
    Ok(value.bytes())
}

fn malformed(error: cryptography::Malformed) -> SimError {
    SimError::Key(error.to_string())
}
