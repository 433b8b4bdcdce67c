//! What a chip computes: its cryptogram, and whether the issuer's answer and scripts are real.

use super::icc::IccFields;
use super::values::{derivation, issuer_key, malformed, sequence};
use super::wallet::name_of;
use super::wish::{ChipFault, Proof};
use crate::SimError;
use crate::pin::TypedPin;
use crate::portfolio::Card;
use cryptography::emv::{self as chips, AcInput, ChipKey, CryptogramVersion, IssuerAnswer};
use emv::{IccData, Tag, Tlv};
use std::fmt;

/// A signed transaction, as the chip remembers it until the answer comes.
#[derive(Clone)]
pub struct ChipRecord {
    /// DE 55.
    pub data: Vec<u8>,
    fields: IccFields,
    cryptogram: [u8; 8],
    version: CryptogramVersion,
    key: ChipKey,
    script_key: Option<ChipKey>,
    secrets_key: Option<ChipKey>,
    /// What the holder chose, for the script that brings it.
    new_pin: Option<TypedPin>,
    fault: Option<ChipFault>,
    /// The chip's name in the wallet.
    pub(super) owner: String,
}

/// A command of an issuer's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptSeen {
    /// What it does.
    pub command: &'static str,
    /// Its identifier (9F18), where it has one.
    pub identifier: Option<[u8; 4]>,
    /// Whether it came in template 71: before the final cryptogram.
    pub before_final: bool,
    /// Whether its MAC is the issuer's.
    pub mac_is_right: bool,
    /// Whether the PIN in it is the one that was chosen, where it brings one.
    pub pin_is_right: bool,
}

impl ScriptSeen {
    /// Whether the chip carries it out.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.mac_is_right && self.pin_is_right
    }
}

impl fmt::Display for ScriptSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = if self.before_final { " (71)" } else { "" };
        let wrong = match (self.mac_is_right, self.pin_is_right) {
            (false, _) => " (wrong MAC)",
            (true, false) => " (another PIN)",
            (true, true) => "",
        };
        write!(f, "{}{template}{wrong}", self.command)
    }
}

impl fmt::Debug for ChipRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChipRecord({:?}, ATC {:02X?})", self.version, self.fields.atc)
    }
}

/// The chip of a card signs.
pub(super) fn sign(
    card: &Card,
    cvn: u8,
    mut fields: IccFields,
    fault: Option<ChipFault>,
) -> Result<ChipRecord, SimError> {
    let version = version_of(cvn)?;
    let of_card = |name| {
        let issuer = issuer_key(card, name)?;
        Ok::<_, SimError>(chips::master_key(&issuer, derivation(card), &card.pan, sequence(card)))
    };
    let key = of_card("imk_ac")?;
    let where_known = |name| card.issue.keys.has(name).then(|| of_card(name)).transpose();
    let (script_key, secrets_key) = (where_known("imk_smi")?, where_known("imk_smc")?);
    let mut cryptogram = cryptogram_over(version, &key, &fields)?;
    match fault {
        Some(ChipFault::Cryptogram) => cryptogram[7] ^= 1,
        Some(ChipFault::Amount) => fields.amount[5] ^= 1,
        Some(ChipFault::Atc | ChipFault::Script) | None => {}
    }
    Ok(ChipRecord {
        data: fields.data(cryptogram),
        fields,
        cryptogram,
        version,
        key,
        script_key,
        secrets_key,
        new_pin: None,
        fault,
        owner: name_of(&card.pan),
    })
}

impl ChipRecord {
    /// The transaction counter.
    #[must_use]
    pub const fn counter(&self) -> u16 {
        u16::from_be_bytes(self.fields.atc)
    }

    /// With the PIN that its holder chose at the terminal.
    #[must_use]
    pub(crate) fn with_new_pin(self, new_pin: Option<&TypedPin>) -> Self {
        Self { new_pin: new_pin.cloned(), ..self }
    }

    /// The data objects that were signed.
    pub(crate) const fn fields(&self) -> &IccFields {
        &self.fields
    }

    /// What the chip makes of DE 55 of the answer: the issuer's cryptogram, and its scripts.
    ///
    /// # Errors
    /// [`SimError::Key`] if the data are not what this chip's issuer answers with.
    pub fn judge(&self, answer: &[u8]) -> Result<(Proof, Vec<ScriptSeen>), SimError> {
        let broken = |error: emv::TlvError| SimError::Setting(format!("DE 55: {error}"));
        let data = IccData::parse(answer).map_err(broken)?;
        let arpc = match data.find(Tag::ISSUER_AUTHENTICATION_DATA) {
            Some(given) => self.is_issuers(given)?,
            None => Proof::None,
        };
        let mut scripts = Vec::new();
        for template in data.elements().filter_map(Result::ok) {
            if [Tag::ISSUER_SCRIPT_1, Tag::ISSUER_SCRIPT_2].contains(&template.tag) {
                scripts.extend(self.script(&template));
            }
        }
        Ok((arpc, scripts))
    }

    /// Whether tag 91 is what the issuer would answer this cryptogram with.
    fn is_issuers(&self, given: &[u8]) -> Result<Proof, SimError> {
        let own = |answer| {
            chips::response(self.version, &self.key, &input(&self.fields), self.cryptogram, answer)
                .map_err(malformed)
        };
        let own = if self.version.arpc_method() == 1 {
            let Some(response_code) = given.last_chunk().copied() else { return Ok(Proof::Wrong) };
            own(IssuerAnswer::Method1 { response_code })?
        } else {
            let rest = given.split_at_checked(4).map(|(_, rest)| rest).unwrap_or_default();
            let Some((status_update, proprietary)) = rest.split_first_chunk() else {
                return Ok(Proof::Wrong);
            };
            own(IssuerAnswer::Method2 { status_update: *status_update, proprietary })?
        };
        Ok(if own == given { Proof::Right } else { Proof::Wrong })
    }

    /// The commands of a script template.
    fn script(&self, template: &Tlv<'_>) -> Vec<ScriptSeen> {
        const IDENTIFIER: u32 = 0x9F18;
        const COMMAND: u32 = 0x86;
        let Some(inner) = template.children() else { return Vec::new() };
        let (mut identifier, mut seen) = (None, Vec::new());
        let before_final = template.tag == Tag::ISSUER_SCRIPT_1;
        for tlv in inner.filter_map(Result::ok) {
            match tlv.tag.number() {
                IDENTIFIER => identifier = tlv.value.try_into().ok(),
                COMMAND => {
                    let mut command = tlv.value.to_vec();
                    if let (Some(ChipFault::Script), Some(last)) = (self.fault, command.last_mut())
                    {
                        *last ^= 1;
                    }
                    seen.push(ScriptSeen {
                        command: command_name(&command),
                        identifier,
                        before_final,
                        mac_is_right: self.is_authentic(&command),
                        pin_is_right: self.brings_the_pin(&command),
                    });
                }
                _ => {}
            }
        }
        seen
    }

    /// Whether a command that brings a new PIN brings the one that was chosen; the others bring
    /// none.
    fn brings_the_pin(&self, command: &[u8]) -> bool {
        if command_name(command) != "pin_change" {
            return true;
        }
        let (Some(mac), Some(secrets)) = (&self.script_key, &self.secrets_key) else {
            return false;
        };
        let Some(Ok(new)) = self.new_pin.as_ref().map(TypedPin::pin) else { return false };
        let whose = (self.counter(), self.cryptogram);
        let own =
            chips::pin_change(self.version, [&self.key, mac, secrets], whose, (&new, None), 8);
        // All but the MAC, which is looked at by itself.
        own.is_ok_and(|own| {
            own.len() == command.len() && own.iter().zip(command).rev().skip(8).all(|(a, b)| a == b)
        })
    }

    /// Whether a command ends with its MAC, of 8 bytes or of 4.
    fn is_authentic(&self, command: &[u8]) -> bool {
        let Some((header, rest)) = command.split_first_chunk::<5>() else { return false };
        let Some(key) = &self.script_key else { return false };
        let ends_with = |length: usize| {
            let Some(at) = rest.len().checked_sub(length) else { return false };
            let (data, given) = rest.split_at(at);
            let (atc, arqc) = (self.counter(), self.cryptogram);
            let own = chips::mac(self.version, key, atc, arqc, *header, data);
            own.starts_with(given)
        };
        usize::from(header[4]) == rest.len() && (ends_with(8) || ends_with(4))
    }
}

/// What a command does, by its instruction byte (EMV Book 3 table 27).
fn command_name(command: &[u8]) -> &'static str {
    match command {
        [_, 0x16, ..] => "card_block",
        [_, 0x18, ..] => "application_unblock",
        [_, 0x1E, ..] => "application_block",
        [_, 0x24, _, 0, ..] => "pin_unblock",
        [_, 0x24, ..] => "pin_change",
        [_, 0xDA, ..] => "put_data",
        [_, 0xDC, ..] => "update_record",
        _ => "unknown",
    }
}

/// The cryptogram of a chip over a transaction.
///
/// # Errors
/// [`SimError::Key`] never for data that [`IccFields`] made.
pub(crate) fn cryptogram_over(
    version: CryptogramVersion,
    key: &ChipKey,
    fields: &IccFields,
) -> Result<[u8; 8], SimError> {
    chips::cryptogram(version, key, &input(fields)).map_err(malformed)
}

/// The key and the way a card's chip signs with.
///
/// # Errors
/// [`SimError::Key`] without the issuer's key, [`SimError::Setting`] for a version nobody has.
pub(crate) fn signing_key(card: &Card) -> Result<(CryptogramVersion, ChipKey), SimError> {
    let cvn = card.issue.cryptogram_version.unwrap_or(super::wallet::USUAL_VERSION);
    let issuer = issuer_key(card, "imk_ac")?;
    let key = chips::master_key(&issuer, derivation(card), &card.pan, sequence(card));
    Ok((version_of(cvn)?, key))
}

/// Whether the cryptogram in DE 55 is the card's own over the data beside it; nothing where that
/// cannot be told.
pub(crate) fn cryptogram_is_right(card: &Card, data: &[u8]) -> Option<bool> {
    fn of<const N: usize>(data: &IccData<'_>, tag: u32) -> [u8; N] {
        let value = Tag::new(tag).and_then(|tag| data.find(tag));
        value.and_then(|value| value.try_into().ok()).unwrap_or([0; N])
    }
    let data = IccData::parse(data).ok()?;
    let (version, key) = signing_key(card).ok()?;
    let input = AcInput {
        amount_authorized: of(&data, 0x9F02),
        amount_other: of(&data, 0x9F03),
        terminal_country: of(&data, 0x9F1A),
        tvr: of(&data, 0x95),
        currency: of(&data, 0x5F2A),
        date: of(&data, 0x9A),
        transaction_type: of::<1>(&data, 0x9C)[0],
        unpredictable_number: of(&data, 0x9F37),
        aip: of(&data, 0x82),
        atc: data.atc()?,
        issuer_application_data: data.find(Tag::ISSUER_APPLICATION_DATA)?,
    };
    let own = chips::cryptogram(version, &key, &input).ok()?;
    Some(data.find(Tag::APPLICATION_CRYPTOGRAM)? == own)
}

fn version_of(cvn: u8) -> Result<CryptogramVersion, SimError> {
    Ok(match cvn {
        10 => CryptogramVersion::VisaCvn10,
        18 => CryptogramVersion::VisaCvn18,
        22 => CryptogramVersion::VisaCvn22,
        16 => CryptogramVersion::MChipCvn16,
        17 => CryptogramVersion::MChipCvn17,
        20 => CryptogramVersion::MChipCvn20,
        21 => CryptogramVersion::MChipCvn21,
        _ => return Err(super::icc::unknown_version(cvn)),
    })
}

fn input(fields: &IccFields) -> AcInput<'_> {
    AcInput {
        amount_authorized: fields.amount,
        amount_other: fields.amount_other,
        terminal_country: fields.country,
        tvr: fields.tvr,
        currency: fields.currency,
        date: fields.date,
        transaction_type: fields.kind,
        unpredictable_number: fields.unpredictable,
        aip: fields.profile,
        atc: u16::from_be_bytes(fields.atc),
        issuer_application_data: &fields.issuer_data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::{card, terminal};
    use crate::card::{ChipWish, Reading, Wallet};
    use crate::moment::{DEFAULT_ZONE, Zone};
    use emv::TlvBuilder;

    fn record(cvn: u8, fault: Option<ChipFault>) -> ChipRecord {
        let terminal = terminal();
        let reading = Reading {
            terminal: &terminal,
            amount: 12_000,
            currency: 417,
            kind: 0,
            local: Zone::named(DEFAULT_ZONE).unwrap().parse("2026-11-23T10:00:00+06:00").unwrap(),
            contactless: false,
            with_pin: false,
            unpredictable: [1, 2, 3, 4],
        };
        let wish = ChipWish { cvn: Some(cvn), fault, ..ChipWish::default() };
        Wallet::default().read(&card(), &reading, &wish).unwrap()
    }

    fn answer(record: &ChipRecord) -> Vec<u8> {
        let answer = match record.version.arpc_method() {
            1 => IssuerAnswer::Method1 { response_code: *b"00" },
            _ => IssuerAnswer::Method2 { status_update: [0, 0x82, 0, 0], proprietary: &[] },
        };
        let proof = chips::response(
            record.version,
            &record.key,
            &input(&record.fields),
            record.cryptogram,
            answer,
        );
        let key = record.script_key.as_ref().unwrap();
        let whose = (record.counter(), record.cryptogram);
        let command = [0x84, 0x1E, 0, 0];
        let command = chips::command(record.version, key, whose, command, &[], 8).unwrap();
        let mut data = Vec::new();
        let mut builder = TlvBuilder::new(&mut data);
        builder.push(Tag::ISSUER_AUTHENTICATION_DATA, &proof.unwrap()).unwrap();
        let script = builder.template(Tag::ISSUER_SCRIPT_2, |inner| {
            inner.push(Tag::new(0x9F18).unwrap(), &[0, 0, 0, 7])?;
            inner.push(Tag::new(0x86).unwrap(), &command).map(|_| ())
        });
        script.unwrap();
        data
    }

    #[test]
    fn every_version_knows_its_issuers_answer_from_another() {
        for cvn in [10, 16, 17, 18, 20, 21, 22] {
            let record = record(cvn, None);
            let mut data = answer(&record);
            let (arpc, scripts) = record.judge(&data).unwrap();
            assert_eq!(arpc, Proof::Right, "version {cvn}");
            assert_eq!(scripts[0].to_string(), "application_block", "version {cvn}");
            assert_eq!(scripts[0].identifier, Some([0, 0, 0, 7]));
            assert!(scripts[0].is_good() && !scripts[0].before_final);
            data[3] ^= 1;
            *data.last_mut().unwrap() ^= 1;
            let (arpc, scripts) = record.judge(&data).unwrap();
            assert_eq!(arpc, Proof::Wrong, "version {cvn}");
            assert_eq!(scripts[0].to_string(), "application_block (wrong MAC)");
            assert_eq!(record.judge(&[]).unwrap(), (Proof::None, vec![]));
        }
        assert!(version_of(11).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_chip_is_wrong_in_one_place() {
        let good = record(18, None);
        let differs = |other: &ChipRecord| {
            let both = good.data.iter().zip(&other.data);
            both.enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect::<Vec<_>>()
        };
        // 9F26 with its length comes first.
        assert_eq!(differs(&record(18, Some(ChipFault::Cryptogram))), [10]);
        assert_eq!(differs(&record(18, Some(ChipFault::Amount))).len(), 1);
        assert_eq!(record(18, Some(ChipFault::Atc)).counter(), 0);
    }
}
