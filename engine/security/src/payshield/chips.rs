//! Chip cryptograms and scripts (SEC-2): KQ where the scheme has its own session keys or none, KW
//! where it has the common ones, KU for the MAC of a script.
//!
//! What a cryptogram is made over is laid out and padded here; the device derives the keys.

use super::module::{PayshieldModule, text_of};
use super::values::Values;
use crate::{
    ArpcInput, ChipCard, Chips, CryptogramInput, CryptogramVersion, Derivation,
    IssuerAuthenticationData, KeyUsage, LoadedKey, PinData, ScriptCommand, ScriptInput, ScriptKeys,
    SecurityError, Verification,
};
use cryptography::mac::padded;

/// Which command and scheme serve a cryptogram version.
struct Scheme {
    command: &'static str,
    id: &'static str,
}

impl Scheme {
    const fn of(version: CryptogramVersion) -> Self {
        match version {
            CryptogramVersion::VisaCvn10 => Self { command: "KQ", id: "0" },
            CryptogramVersion::MChipCvn16 | CryptogramVersion::MChipCvn17 => {
                Self { command: "KQ", id: "1" }
            }
            CryptogramVersion::VisaCvn18
            | CryptogramVersion::VisaCvn22
            | CryptogramVersion::MChipCvn20
            | CryptogramVersion::MChipCvn21 => Self { command: "KW", id: "2" },
        }
    }

    /// The scheme of a script's session key: Visa's counter on the card's key, or the common one
    /// of the cryptogram. With the eight bytes that it takes.
    fn of_script(input: &ScriptInput<'_>) -> (&'static str, [u8; 8]) {
        match input.card.version {
            CryptogramVersion::VisaCvn10 | CryptogramVersion::VisaCvn18 => {
                let [a, b] = input.atc.to_be_bytes();
                ("0", [0, 0, 0, 0, 0, 0, a, b])
            }
            _ => ("1", input.cryptogram),
        }
    }
}

/// The last sixteen digits of card number and sequence number, packed.
fn pan_and_sequence(card: &ChipCard<'_>) -> Result<[u8; 8], SecurityError> {
    let digits = card.pan.expose_digits();
    // Options A and B differ for longer numbers only, and only B is a method for those.
    if card.derivation == Derivation::B && digits.len() > 16 {
        return Err(SecurityError::Unsupported("derivation option B by host command"));
    }
    let text = format!("{}{:02}", String::from_utf8_lossy(digits), card.psn % 100);
    let text = format!("{text:0>16}");
    let last = text.get(text.len() - 16..).unwrap_or_default();
    let mut packed = [0; 8];
    hex::decode_to_slice(last, &mut packed).map_err(|_| SecurityError::Malformed("card number"))?;
    Ok(packed)
}

/// What both commands begin with, and what they are made over.
fn base(
    key: &LoadedKey,
    input: &CryptogramInput<'_>,
    mode: &str,
    with_data: bool,
) -> Result<(Scheme, Values), SecurityError> {
    let scheme = Scheme::of(input.card.version);
    let mut values = Values::new()
        .with("mode_flag", mode)
        .with("scheme_id", scheme.id)
        .with("mkac", text_of(key, &[KeyUsage::ChipCryptogram])?)
        .with("pan_seq_no", pan_and_sequence(&input.card)?)
        .with("atc", input.atc.to_be_bytes())
        .with("unpredictable_number", input.unpredictable_number)
        .with("arqc", input.cryptogram);
    if with_data {
        let version = input.card.version;
        let data = input
            .elements()
            .data(version)
            .map_err(|_| SecurityError::Malformed("issuer application data"))?;
        values.set("transaction_data", &padded(version.padding(), &data, 8));
    }
    Ok((scheme, values))
}

impl Chips for PayshieldModule {
    fn verify_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
    ) -> Result<Verification, SecurityError> {
        let (scheme, values) = base(key, input, "0", true)?;
        let is_right = self.is_right(scheme.command, &values)?;
        Ok(if is_right { Verification::Right } else { Verification::Wrong })
    }

    fn response_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
        answer: ArpcInput<'_>,
    ) -> Result<IssuerAuthenticationData, SecurityError> {
        let malformed = SecurityError::Malformed("issuer authentication data");
        let mut data = IssuerAuthenticationData::new();
        match answer {
            ArpcInput::Method1 { response_code } => {
                let (scheme, values) = base(key, input, "2", false)?;
                let answer = self.ask(scheme.command, &values.with("arc", response_code))?;
                let arpc = answer.get("arpc").ok_or(SecurityError::Unavailable)?;
                data.try_extend_from_slice(arpc).map_err(|_| malformed)?;
                data.try_extend_from_slice(&response_code).map_err(|_| malformed)?;
            }
            ArpcInput::Method2 { status_update, proprietary } => {
                let (scheme, values) = base(key, input, "4", false)?;
                if scheme.command != "KW" {
                    return Err(SecurityError::Unsupported("ARPC method 2 for this version"));
                }
                let values = values.with("csu", status_update).with("pad", proprietary);
                let answer = self.ask(scheme.command, &values)?;
                // Four bytes, filled up with zeros to eight.
                let arpc = answer.get("arpc").and_then(|arpc| arpc.get(..4));
                let arpc = arpc.ok_or(SecurityError::Unavailable)?;
                for part in [arpc, &status_update[..], proprietary] {
                    data.try_extend_from_slice(part).map_err(|_| malformed)?;
                }
            }
        }
        Ok(data)
    }

    fn script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        let malformed = SecurityError::Malformed("script command");
        if !matches!(input.mac_length, 4 | 8) {
            return Err(malformed);
        }
        let length = u8::try_from(input.data.len() + input.mac_length).map_err(|_| malformed)?;
        let [class, instruction, p1, p2] = input.header;
        let header = [class, instruction, p1, p2, length];
        let (scheme, session) = Scheme::of_script(input);
        // The counter and the cryptogram go into the MAC and are not sent.
        let message =
            [&header[..], &input.atc.to_be_bytes(), &input.cryptogram, input.data].concat();
        let values = Values::new()
            .with("mode_flag", "0")
            .with("scheme_id", scheme)
            .with("mksmi", text_of(keys.mac, &[KeyUsage::ChipScriptMac])?)
            .with("pan_seq_no", pan_and_sequence(&input.card)?)
            .with("integrity_session_data", session)
            .with("message_data", message);
        let answer = self.ask("KU", &values)?;
        let mac = answer.get("mac").and_then(|mac| mac.get(..input.mac_length));
        let mac = mac.ok_or(SecurityError::Unavailable)?;
        let mut command = ScriptCommand::new();
        for part in [&header[..], input.data, mac] {
            command.try_extend_from_slice(part).map_err(|_| malformed)?;
        }
        Ok(command)
    }

    fn pin_script(
        &self,
        _keys: &ScriptKeys<'_>,
        _input: &ScriptInput<'_>,
        _new: &PinData<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        Err(SecurityError::Unsupported("a new PIN in a script by host command"))
    }
}
