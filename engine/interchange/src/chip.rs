//! The chip (SEC-2): its cryptogram goes to the security module, what it says about itself goes to
//! the core as facts. What goes back to it is in `chip_answer`.

use crate::card_value::{checked, checked_of};
use crate::concern::{Cause, Concerns, Subject, note};
use crate::elements::{LONGEST, number};
use crate::verify::Evidence;
use crate::{Fault, IssuerKeys};
use authorization::{
    Checked, ChipFact, CryptogramKind as FactKind, SCRIPT_RESULTS, ScriptOutcome, ScriptResult,
};
use emv::{CryptogramData, CryptogramKind, IccData, IssuerApplicationData, IssuerDataLayout};
use iso8583::Message;
use payment_types::Pan;
use security::{ChipCard, CryptogramInput, CryptogramVersion};

/// Reads DE 55 into the room; it is checked as a whole, used or not.
pub(crate) fn read<'b>(
    message: &Message<'b>,
    room: &'b mut [u8; LONGEST],
) -> Result<Option<IccData<'b>>, Fault> {
    if !message.has(55) {
        return Ok(None);
    }
    let Some(Ok(bytes)) = message.binary(55, room) else { return Err(Fault::malformed(55)) };
    IccData::parse(bytes).map(Some).map_err(|_| Fault::malformed(55))
}

/// The card's sequence number: DE 23, else tag 5F34, else 0.
pub(crate) fn sequence(message: &Message<'_>, data: Option<&CryptogramData<'_>>) -> u8 {
    let told = number(message, 23, |number| u8::try_from(number).ok()).ok().flatten();
    let packed = || {
        let [byte] = data?.pan_sequence?;
        let (tens, ones) = (byte >> 4, byte & 0xF);
        (tens < 10 && ones < 10).then_some(tens * 10 + ones)
    };
    told.or_else(packed).filter(|sequence| *sequence < 100).unwrap_or(0)
}

/// What is known about the chip; `None` if it made no cryptogram.
pub(crate) fn fact(evidence: &Evidence<'_, '_>, concerns: &mut Concerns) -> Option<ChipFact> {
    let icc = evidence.chip?;
    let data = icc.cryptogram_data();
    data.cryptogram?;
    let cryptogram = check(evidence, data).unwrap_or_else(|cause| {
        note(concerns, Subject::Cryptogram, cause);
        checked_of(cause)
    });
    let mut fact = ChipFact {
        cryptogram,
        kind: match data.cryptogram_kind() {
            Some(CryptogramKind::Approved) => FactKind::Tc,
            Some(CryptogramKind::Declined) => FactKind::Aac,
            Some(CryptogramKind::Request) | None => FactKind::Arqc,
        },
        atc: data.atc.map_or(0, u16::from_be_bytes),
        tvr: data.tvr.unwrap_or_default(),
        ..ChipFact::default()
    };
    if let Some(Ok(cvm)) = icc.find(emv::Tag::CVM_RESULTS).map(<[u8; 3]>::try_from) {
        fact.cvm = cvm;
    }
    if let Some(told) = issuer_data(data) {
        for (to, from) in fact.cvr.iter_mut().zip(told.cvr) {
            *to = *from;
        }
    }
    let results = data.script_results.unwrap_or_default().chunks_exact(5).take(SCRIPT_RESULTS);
    for (to, from) in fact.script_results.iter_mut().zip(results) {
        *to = script_result(from);
    }
    Some(fact)
}

/// One script's result (EMV Book 4 annex A5): what came of it and which command it was, then the
/// script's identifier.
fn script_result(bytes: &[u8]) -> Option<ScriptResult> {
    let (first, identifier) = bytes.split_first()?;
    let outcome = match first >> 4 {
        0 => ScriptOutcome::NotPerformed,
        1 => ScriptOutcome::Failed,
        2 => ScriptOutcome::Successful,
        _ => return None,
    };
    Some(ScriptResult { identifier: u32::from_be_bytes(identifier.try_into().ok()?), outcome })
}

fn check(evidence: &Evidence<'_, '_>, data: &CryptogramData<'_>) -> Result<Checked, Cause> {
    let keys = evidence.keys().ok_or(Cause::NoKey)?;
    let key = keys.issuer.cryptogram.as_ref().ok_or(Cause::NoKey)?;
    let input = input(evidence.message, evidence.pan, &keys.issuer, data)?;
    checked(evidence.security().verify_cryptogram(key, &input))
}

pub(crate) fn issuer_data<'a>(data: &CryptogramData<'a>) -> Option<IssuerApplicationData<'a>> {
    IssuerApplicationData::parse(data.issuer_data?, data.application)
}

/// What the cryptogram was made over, by which card.
pub(crate) fn input<'a>(
    message: &Message<'_>,
    pan: &'a Pan,
    keys: &IssuerKeys,
    data: &CryptogramData<'a>,
) -> Result<CryptogramInput<'a>, Cause> {
    let version = issuer_data(data).and_then(|told| version(&told)).or(keys.version);
    Ok(CryptogramInput {
        card: ChipCard {
            pan,
            psn: sequence(message, Some(data)),
            derivation: keys.derivation,
            version: version.ok_or(Cause::UnknownVersion)?,
        },
        amount_authorized: data.amount.unwrap_or_default(),
        amount_other: data.other_amount.unwrap_or_default(),
        terminal_country: data.country.unwrap_or_default(),
        tvr: data.tvr.unwrap_or_default(),
        currency: data.currency.unwrap_or_default(),
        date: data.date.unwrap_or_default(),
        transaction_type: data.kind.map_or(0, |[kind]| kind),
        unpredictable_number: data.unpredictable.unwrap_or_default(),
        aip: data.profile.unwrap_or_default(),
        atc: u16::from_be_bytes(data.atc.ok_or(Cause::Incomplete)?),
        issuer_application_data: data.issuer_data.ok_or(Cause::Incomplete)?,
        cryptogram: data.cryptogram.ok_or(Cause::Incomplete)?,
    })
}

const fn version(data: &IssuerApplicationData<'_>) -> Option<CryptogramVersion> {
    match (data.layout, data.version) {
        (IssuerDataLayout::Visa, 10) => Some(CryptogramVersion::VisaCvn10),
        (IssuerDataLayout::Visa, 18) => Some(CryptogramVersion::VisaCvn18),
        (IssuerDataLayout::Visa, 22) => Some(CryptogramVersion::VisaCvn22),
        (IssuerDataLayout::MChip, 0x10) => Some(CryptogramVersion::MChipCvn16),
        (IssuerDataLayout::MChip, 0x11) => Some(CryptogramVersion::MChipCvn17),
        (IssuerDataLayout::MChip, 0x14) => Some(CryptogramVersion::MChipCvn20),
        (IssuerDataLayout::MChip, 0x15) => Some(CryptogramVersion::MChipCvn21),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_2_a_scripts_result_is_told_with_its_identifier() {
        let read = |text: &str| script_result(&hex::decode(text).unwrap());
        let result = |outcome| Some(ScriptResult { identifier: 0x1234_5678, outcome });
        assert_eq!(read("0012345678"), result(ScriptOutcome::NotPerformed));
        assert_eq!(read("1312345678"), result(ScriptOutcome::Failed));
        assert_eq!(read("2012345678"), result(ScriptOutcome::Successful));
        assert_eq!(read("3012345678"), None);
        assert_eq!(read("20123456"), None);
    }
}
