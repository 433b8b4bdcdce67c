//! The keys of a step that say how a message proves itself: chip, card values, 3-D Secure, PIN
//! change, MAC; and the key exchange.

use super::file::Ask;
use crate::SimError;
use crate::card::{ChipFault, ChipWish, CommerceWish, Proof, Proofs, Says};
use crate::device::{Exchange, KeyForm, KeySeal, KeyUse};
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, de::Error as _};
use std::fmt;

/// `chip: true`, or what is special about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chip(pub(super) Option<ChipWish>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChipKeys {
    cvn: Option<u8>,
    atc: Option<u16>,
    #[serde(rename = "break")]
    fault: Option<ChipFault>,
    tvr: Option<String>,
    cvm: Option<String>,
    cvr: Option<String>,
    script_results: Option<String>,
    says: Option<Says>,
}

impl<'de> Deserialize<'de> for Chip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Chip;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a map of keys")
            }
            fn visit_bool<E: de::Error>(self, takes_part: bool) -> Result<Chip, E> {
                Ok(Chip(takes_part.then(ChipWish::default)))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Chip, M::Error> {
                let keys = ChipKeys::deserialize(MapAccessDeserializer::new(map))?;
                let wish = keys.wish().map_err(M::Error::custom)?;
                Ok(Chip(Some(wish)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl ChipKeys {
    fn wish(self) -> Result<ChipWish, String> {
        let bytes = |key: &str, text: Option<String>| {
            let decoded = text.map(|text| hex::decode(text).map_err(|_| format!("{key}: not hex")));
            decoded.transpose()
        };
        Ok(ChipWish {
            cvn: self.cvn,
            atc: self.atc,
            fault: self.fault,
            tvr: exactly("tvr", bytes("tvr", self.tvr)?)?,
            cvm: exactly("cvm", bytes("cvm", self.cvm)?)?,
            cvr: bytes("cvr", self.cvr)?,
            script_results: bytes("script_results", self.script_results)?,
            says: self.says,
        })
    }
}

fn exactly<const N: usize>(key: &str, bytes: Option<Vec<u8>>) -> Result<Option<[u8; N]>, String> {
    let fixed = bytes.map(|bytes| bytes.try_into().map_err(|_| format!("{key}: not {N} bytes")));
    fixed.transpose()
}

/// `three_d_secure`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreeDSecure {
    /// ECI, two digits.
    pub eci: String,
    /// The authentication value.
    pub cavv: Option<Proof>,
    /// The same as an AAV.
    pub aav: Option<Proof>,
}

impl ThreeDSecure {
    fn wish(&self) -> CommerceWish {
        CommerceWish {
            eci: self.eci.clone(),
            value: self.aav.or(self.cavv).unwrap_or(Proof::None),
            aav: self.aav.is_some(),
        }
    }
}

impl Ask {
    /// What the message is to prove itself with.
    pub(super) fn proofs(&self) -> Result<Proofs, SimError> {
        let ksn = self.ksn.as_ref().map(hex::decode).transpose();
        Ok(Proofs {
            chip: self.chip.0.clone(),
            cvv: self.cvv,
            cvv2: self.cvv2,
            commerce: self.three_d_secure.as_ref().map(ThreeDSecure::wish),
            mac: self.mac,
            ksn: ksn.map_err(|_| SimError::Setting("ksn: not hex digits".to_owned()))?,
        })
    }
}

/// `exchange_keys`: a 0800 that asks for, or delivers, a working key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeKeys {
    /// Whose.
    pub terminal: String,
    /// How the key travels, where it is not as the terminal's profile says.
    pub form: Option<KeyForm>,
    /// What it is for.
    #[serde(default)]
    pub key: KeyUse,
    /// The terminal's side makes the key, and the host takes it over.
    #[serde(default)]
    pub deliver: bool,
    /// The check value that is delivered with it.
    pub check_value: Option<Proof>,
    /// The message's MAC, where the terminal has one.
    pub mac: Option<Proof>,
    /// On the network listener.
    #[serde(default)]
    pub network: bool,
}

impl ExchangeKeys {
    pub(super) fn exchange(&self) -> Exchange {
        Exchange {
            form: self.form,
            key: self.key,
            deliver: self.deliver,
            check_value: self.check_value.unwrap_or(Proof::Right),
            seal: match self.mac.unwrap_or(Proof::Right) {
                Proof::Right => KeySeal::InUse,
                Proof::Wrong => KeySeal::Wrong,
                Proof::None => KeySeal::Bare,
            },
        }
    }
}
