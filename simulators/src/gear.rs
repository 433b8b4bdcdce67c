//! What cards and terminals keep between messages, and what they add to one because of it: PIN
//! blocks, chip data, verification values, MACs; and the checking of what comes back.

use crate::SimError;
use crate::card::values::{self, TrackReader};
use crate::card::{ChipRecord, Proof, Proofs, Reading, ScriptSeen, Wallet};
use crate::device::{Devices, Exchange, MessageKeys, Pending};
use crate::exchange::Answer;
use crate::intent::{Fields, Intent, Trace, encode, is_chip, mti_of_version};
use crate::portfolio::{Card, Terminal};
use crate::private::{self, Group, PrivateData};
use iso8583::{Dialect, FieldValue, Message};
use payment_types::Mti;
use sha2::{Digest, Sha256};

/// DE 52 holds eight bytes; a longer block goes into the private data.
const PIN_BLOCK_LEN: usize = 8;
/// A MAC as it stands in DE 64 or DE 128.
pub(crate) const MAC_LEN: usize = 8;
/// DE 70 of a key exchange.
const KEY_EXCHANGE: &str = "101";

/// The chips' counters and the devices' keys.
#[derive(Debug, Default)]
pub struct Gear {
    /// The cards.
    pub wallet: Wallet,
    /// The terminals.
    pub devices: Devices,
}

/// A message ready to be sent, but for its MAC.
#[derive(Debug, Clone)]
pub struct Dressed {
    /// With the version digit of the dialect's edition.
    pub mti: Mti,
    /// The data elements.
    pub fields: Fields,
    seals: Seals,
}

/// What proves a message and its answer: the keys of its MAC, and the chip's part in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seals {
    mac: Option<(MessageKeys, Proof)>,
    chip: Option<ChipRecord>,
}

/// What the terminal and the card make of an answer's proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Tag 91: what the chip finds of the issuer's cryptogram.
    pub arpc: Proof,
    /// DE 64 or DE 128.
    pub mac: Proof,
    /// The commands in 71 and 72.
    pub scripts: Vec<ScriptSeen>,
}

impl Gear {
    /// Adds to what is asked for all that needs keys. Counters move on: each call is a message of
    /// its own.
    ///
    /// # Errors
    /// [`SimError::Key`] where a key is missing in the portfolio; [`SimError::PinBlock`],
    /// [`SimError::Setting`].
    pub fn dress(
        &mut self,
        intent: &Intent<'_>,
        proofs: &Proofs,
        version: u8,
    ) -> Result<Dressed, SimError> {
        let mut fields = intent.fields(version);
        let mut private = PrivateData::default();
        let random = random_of(intent);
        let device = self.devices.of(intent.terminal);
        let mac = device.mac_wish(proofs.mac);
        let with_pin = intent.pin.is_some() || intent.new_pin.is_some();
        let keys = match with_pin || mac.is_some() {
            true => Some(device.next_keys(proofs.ksn.as_deref())?),
            false => None,
        };
        if let Some(keys) = keys.as_ref().filter(|_| with_pin) {
            add_pins(intent, keys, &random, &mut fields, &mut private)?;
        }
        if let Some(serial) = keys.as_ref().and_then(MessageKeys::serial) {
            private.set(Group::KeySerial, hex::encode_upper(serial));
        }
        if let Some(card) = intent.card {
            if let Some(proof) = proofs.cvv {
                let reader = match intent.entry_mode {
                    Some(mode) if mode.starts_with("91") => {
                        TrackReader::Contactless(self.wallet.next(card), random[4])
                    }
                    Some(mode) if is_chip(mode) => TrackReader::Chip,
                    _ => TrackReader::Stripe,
                };
                fields.insert(35, FieldValue::Text(values::track2(card, reader, proof)?));
            }
            add_card_values(card, intent, proofs, &mut private)?;
        }
        let mut chip = None;
        if let (Some(wish), Some(card)) = (&proofs.chip, intent.card) {
            let record = self.wallet.read(card, &reading(intent, &random), wish)?;
            let record = record.with_new_pin(intent.new_pin);
            fields.insert(55, FieldValue::Binary(record.data.clone()));
            chip = Some(record);
        }
        if !private.is_empty() {
            fields.insert(private::ELEMENT, private.value(version));
        }
        let seals = Seals { mac: keys.zip(mac), chip };
        Ok(Dressed { mti: intent.mti_for(version), fields, seals })
    }
}

impl Gear {
    /// A 0800 that asks for a working key, or delivers one.
    ///
    /// # Errors
    /// [`SimError::Key`] without a master key.
    pub fn ask_for_key(
        &mut self,
        terminal: &Terminal,
        trace: &Trace,
        exchange: &Exchange,
        version: u8,
    ) -> Result<(Dressed, Pending), SimError> {
        let mti = Mti::parse("0800").map_err(|error| SimError::Setting(error.to_string()))?;
        let intent = Intent::new(mti, terminal, trace);
        let mut fields = intent.fields(version);
        fields.retain(|element, _| matches!(element, 7 | 11 | 12 | 13 | 41));
        fields.insert(70, FieldValue::Text(KEY_EXCHANGE.to_owned()));
        let device = self.devices.of(terminal);
        let (data, pending) = device.ask_for_key(exchange, &random_of(&intent))?;
        fields.insert(private::ELEMENT, data.value(version));
        // A terminal with a MAC asks for keys with one, too.
        let mac = device.seal_of(exchange.seal)?;
        let mti = mti_of_version(mti, version);
        Ok((Dressed { mti, fields, seals: Seals { mac, chip: None } }, pending))
    }

    /// What terminal and card make of the answer; the chip carries out its scripts.
    ///
    /// # Errors
    /// As [`Dressed::judge`].
    pub fn hear(
        &mut self,
        message: &Dressed,
        dialect: &Dialect,
        answer: &Answer,
    ) -> Result<Verdict, SimError> {
        self.hear_sealed(&message.seals, dialect, answer)
    }

    /// The same of a message of which only its proofs were kept.
    ///
    /// # Errors
    /// As [`Dressed::judge`].
    pub(crate) fn hear_sealed(
        &mut self,
        seals: &Seals,
        dialect: &Dialect,
        answer: &Answer,
    ) -> Result<Verdict, SimError> {
        let verdict = seals.judge(dialect, answer)?;
        if let Some(chip) = &seals.chip {
            self.wallet.carry_out(chip, &verdict.scripts);
        }
        Ok(verdict)
    }

    /// Takes a delivered key into use.
    ///
    /// # Errors
    /// [`SimError::Key`] if it is not there, does not open, or has another check value.
    pub fn take_key(
        &mut self,
        terminal: &Terminal,
        pending: Pending,
        answer: &Answer,
    ) -> Result<(), SimError> {
        self.devices.of(terminal).take_key(pending, answer)?;
        // Before the first message that needs it: from then on the host knows no earlier one.
        self.devices.keep()
    }

    /// How a terminal asks again whose host refused it new keys because of the MAC; nothing if that
    /// is not why, or if there is nothing left to try (PIN-1).
    pub fn asks_again(
        &mut self,
        terminal: &Terminal,
        exchange: Exchange,
        answer: &Answer,
    ) -> Option<Exchange> {
        let is_refused = matches!(answer.code().as_str(), "63" | "122");
        self.devices.of(terminal).with_less(exchange).filter(|_| is_refused)
    }

    /// Writes down what outlives the program: the chips' counters, the devices' keys and counters.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keep(&mut self) -> Result<(), SimError> {
        self.wallet.keep()?;
        self.devices.keep()
    }
}

impl Dressed {
    /// The same once more, as a repeat.
    #[must_use]
    pub fn repeated(&self) -> Self {
        Self { mti: self.mti.as_repeat(), ..self.clone() }
    }

    /// The chip's part in it, where it has one.
    #[must_use]
    pub const fn chip(&self) -> Option<&ChipRecord> {
        self.seals.chip.as_ref()
    }

    /// The data elements, and what is added to them when they are written out.
    #[must_use]
    pub(crate) fn into_parts(self) -> (Mti, Fields, Seals) {
        (self.mti, self.fields, self.seals)
    }

    /// The keys of its MAC, if it has one.
    #[must_use]
    pub(crate) fn into_keys(self) -> Option<MessageKeys> {
        self.seals.mac.map(|(keys, _)| keys)
    }

    /// The bytes, with the MAC over all that stands before it.
    ///
    /// # Errors
    /// [`SimError::Build`], [`SimError::Key`].
    pub fn encode(&self, dialect: &Dialect) -> Result<Vec<u8>, SimError> {
        self.seals.encode(dialect, self.mti, &self.fields)
    }

    /// What terminal and card make of the answer.
    ///
    /// # Errors
    /// [`SimError::Key`] where a key is missing to check something that is there.
    pub fn judge(&self, dialect: &Dialect, answer: &Answer) -> Result<Verdict, SimError> {
        self.seals.judge(dialect, answer)
    }
}

impl Seals {
    /// With these keys and that chip.
    pub(crate) const fn of(mac: Option<(MessageKeys, Proof)>, chip: Option<ChipRecord>) -> Self {
        Self { mac, chip }
    }

    /// Whether the message has a MAC.
    pub(crate) const fn has_mac(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether a chip signed it.
    pub(crate) const fn has_chip(&self) -> bool {
        self.chip.is_some()
    }

    /// The bytes, with the MAC over all that stands before it.
    ///
    /// # Errors
    /// [`SimError::Build`], [`SimError::Key`].
    pub(crate) fn encode(
        &self,
        dialect: &Dialect,
        mti: Mti,
        fields: &Fields,
    ) -> Result<Vec<u8>, SimError> {
        let Some((keys, wish)) = &self.mac else { return encode(dialect, mti, fields) };
        let element = if fields.keys().any(|de| *de > 64) { 128 } else { 64 };
        let mut fields = fields.clone();
        fields.insert(element, FieldValue::Binary(vec![0; MAC_LEN]));
        let unsigned = encode(dialect, mti, &fields)?;
        let mut mac = keys.request_mac(before_mac(dialect, &unsigned, element)?)?;
        if *wish == Proof::Wrong {
            mac[MAC_LEN - 1] ^= 1;
        }
        fields.insert(element, FieldValue::Binary(mac.to_vec()));
        encode(dialect, mti, &fields)
    }

    /// What terminal and card make of the answer.
    ///
    /// # Errors
    /// [`SimError::Key`] where a key is missing to check something that is there.
    pub(crate) fn judge(&self, dialect: &Dialect, answer: &Answer) -> Result<Verdict, SimError> {
        let element = [64, 128].into_iter().find(|element| answer.fields.contains_key(element));
        let mac = match (&self.mac, element) {
            (Some((keys, _)), Some(element)) => {
                let signed = before_mac(dialect, &answer.body, element)?;
                let given = answer.text(element).unwrap_or_default();
                let own = hex::encode_upper(keys.answer_mac(signed)?);
                if given == own { Proof::Right } else { Proof::Wrong }
            }
            _ => Proof::None,
        };
        let (arpc, scripts) = match &self.chip {
            Some(chip) => chip.judge(answer.binary(55).as_deref().unwrap_or_default())?,
            None => (Proof::None, Vec::new()),
        };
        Ok(Verdict { arpc, mac, scripts })
    }
}

/// The bytes of an answer, with the MAC that belongs to the keys of its request.
///
/// # Errors
/// [`SimError::Build`], [`SimError::Key`].
pub(crate) fn sealed_answer(
    keys: &MessageKeys,
    dialect: &Dialect,
    mti: Mti,
    fields: &Fields,
) -> Result<Vec<u8>, SimError> {
    let mut fields = fields.clone();
    fields.retain(|element, _| !matches!(element, 64 | 128));
    let element = if fields.keys().any(|de| *de > 64) { 128 } else { 64 };
    fields.insert(element, FieldValue::Binary(vec![0; MAC_LEN]));
    let unsigned = encode(dialect, mti, &fields)?;
    let mac = keys.answer_mac(before_mac(dialect, &unsigned, element)?)?;
    fields.insert(element, FieldValue::Binary(mac.to_vec()));
    encode(dialect, mti, &fields)
}

/// Whether the MAC of a request is right.
///
/// # Errors
/// [`SimError::Key`].
pub(crate) fn is_sealed(
    keys: &MessageKeys,
    dialect: &Dialect,
    (body, element): (&[u8], u8),
    told: &str,
) -> Result<bool, SimError> {
    let own = keys.request_mac(before_mac(dialect, body, element)?)?;
    Ok(told == hex::encode_upper(own))
}

/// The bytes a MAC is over: all before it, the bitmaps as sent.
fn before_mac<'b>(dialect: &Dialect, body: &'b [u8], element: u8) -> Result<&'b [u8], SimError> {
    let length = Message::parse(dialect, body)?.raw(element).map_or(0, <[u8]>::len);
    Ok(body.get(..body.len().saturating_sub(length)).unwrap_or_default())
}

fn add_pins(
    intent: &Intent<'_>,
    keys: &MessageKeys,
    random: &[u8],
    fields: &mut Fields,
    private: &mut PrivateData,
) -> Result<(), SimError> {
    let no_card = || SimError::Setting("a PIN needs a card".to_owned());
    let card = intent.card.ok_or_else(no_card)?;
    if let Some(typed) = intent.pin {
        let block = keys.pin_block(typed, &card.pan, random)?;
        if block.len() == PIN_BLOCK_LEN {
            fields.insert(52, FieldValue::Binary(block));
        } else {
            private.set(Group::PinBlock, hex::encode_upper(block));
        }
    }
    if let Some(typed) = intent.new_pin {
        let other: Vec<u8> = random.iter().rev().copied().collect();
        let block = keys.pin_block(typed, &card.pan, &other)?;
        private.set(Group::NewPin, hex::encode_upper(block));
    }
    Ok(())
}

fn add_card_values(
    card: &Card,
    intent: &Intent<'_>,
    proofs: &Proofs,
    private: &mut PrivateData,
) -> Result<(), SimError> {
    if let Some(proof) = proofs.cvv2.filter(|proof| *proof != Proof::None) {
        private.set(Group::Cvv2, values::cvv2(card, proof)?);
    }
    if let Some(wish) = &proofs.commerce {
        private.set(Group::CommerceIndicator, wish.eci.clone());
        if wish.value != Proof::None {
            let value = values::authentication(card, wish, intent.trace.stan)?;
            private.set(Group::Authentication, value);
        }
    }
    Ok(())
}

/// What the terminal tells the chip.
fn reading<'a>(intent: &Intent<'a>, random: &[u8]) -> Reading<'a> {
    let code = intent.processing_code.unwrap_or_default();
    let kind = code.get(..2).and_then(|kind| u8::from_str_radix(kind, 16).ok());
    Reading {
        terminal: intent.terminal,
        amount: intent.amount.map_or(0, |amount| amount.minor()),
        currency: intent.currency.numeric(),
        kind: kind.unwrap_or_default(),
        local: intent.trace.local,
        contactless: intent.entry_mode.is_some_and(|mode| mode.starts_with("07")),
        with_pin: intent.pin.is_some(),
        unpredictable: random.first_chunk().copied().unwrap_or_default(),
    }
}

/// What looks random in a message: the same for the same message, so that a run can be repeated.
fn random_of(intent: &Intent<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(intent.terminal.id.as_bytes());
    hash.update(intent.trace.stan.to_be_bytes());
    hash.update(intent.trace.at.at.0.to_be_bytes());
    hash.finalize().into()
}
