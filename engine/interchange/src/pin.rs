//! What is known about the cardholder's PIN (CTL-6): a fact, found once, here.
//!
//! DE 52 speaks first: a PIN block is verified, and what it says is final. Without one, the chip
//! data may say that the chip, or the cardholder's own device, checked the holder. The third digit
//! of DE 22 alone is nobody's proof: a terminal that says "PIN verified" (9) is not believed.

use crate::elements::LONGEST;
use crate::{Fault, Register};
use authorization::PinFact;
use emv::{CvmResults, IccData, Tvr};
use iso8583::Message;
use payment_types::{EntryMode, Pan, PanDigest, PanEntry, TerminalId};
use security::{
    PinBlockFormat, PinCard, PinData, PinOutcome, PinSource, SecurityModule, USUAL_DECIMALIZATION,
};

/// What the chip data say about the holder. They are checked as a whole, used or not.
pub(crate) fn by_chip(message: &Message<'_>, entry_mode: EntryMode) -> Result<PinFact, Fault> {
    if !message.has(55) {
        return Ok(PinFact::NotPresent);
    }
    let mut scratch = [0; LONGEST];
    let Some(Ok(bytes)) = message.binary(55, &mut scratch) else {
        return Err(Fault::malformed(55));
    };
    let data = IccData::parse(bytes).map_err(|_| Fault::malformed(55))?;
    Ok(fact_of(&data, entry_mode))
}

/// 9F34 means the chip's offline PIN in contact and the holder's device without contact.
fn fact_of(data: &IccData<'_>, entry_mode: EntryMode) -> PinFact {
    let failed = data.tvr().is_some_and(Tvr::cardholder_verification_failed);
    let offline = data.cvm_results().is_some_and(CvmResults::is_offline_pin_verified);
    if entry_mode.is_contactless() && data.is_consumer_device_verified() {
        PinFact::DeviceVerified
    } else if entry_mode.pan_entry() == PanEntry::Chip && offline && !failed {
        PinFact::OfflineVerified
    } else {
        PinFact::NotPresent
    }
}

/// What DE 52 says; `None` if there is none. A block that cannot be verified is not a wrong PIN
/// (PIN-2 counts only those).
pub(crate) fn by_block(
    message: &Message<'_>,
    terminal: &TerminalId,
    card: (&Pan, &PanDigest),
    security: &dyn SecurityModule,
    register: &dyn Register,
) -> Option<PinFact> {
    let mut scratch = [0; 64];
    let block = message.binary(52, &mut scratch)?.ok();
    let keys = register.terminal(terminal);
    let key = keys.as_ref().and_then(|keys| keys.pin.as_ref());
    let (pan, digest) = card;
    let (Some(block), Some(key), Some(reference)) = (block, key, register.pin_reference(digest))
    else {
        return Some(PinFact::Unverifiable);
    };
    let data = PinData { block, format: PinBlockFormat::Iso0, source: PinSource::Session(key) };
    let decimalization = &USUAL_DECIMALIZATION;
    let card = PinCard { pan, reference: &reference, key: None, decimalization };
    let outcome = security.verify_pin(&data, &card);
    Some(match outcome {
        Ok(PinOutcome::Verified) => PinFact::OnlineVerified,
        Ok(PinOutcome::Wrong) => PinFact::OnlineWrong,
        Err(_) => PinFact::Unverifiable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctl_6_the_chip_is_believed_in_contact_and_the_device_without() {
        let fact = |hex: &str, mode: u16| {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            fact_of(&IccData::parse(&bytes).unwrap(), EntryMode::from_number(mode).unwrap())
        };
        for (data, mode, expected) in [
            ("9F3403 410302", 51, PinFact::OfflineVerified),
            ("9F3403 440302", 951, PinFact::OfflineVerified),
            ("9F3403 410301", 51, PinFact::NotPresent),
            ("9F3403 440300", 51, PinFact::NotPresent),
            ("9F3403 020300", 51, PinFact::NotPresent),
            ("9F3403 410302 9505 0000800000", 51, PinFact::NotPresent),
            ("9F3403 010002", 71, PinFact::DeviceVerified),
            ("9F3403 010002", 911, PinFact::DeviceVerified),
            ("9F6C02 0080", 71, PinFact::DeviceVerified),
            ("9F6C02 0080", 51, PinFact::NotPresent),
            ("9F3403 440302", 71, PinFact::NotPresent),
            ("9F3403 410302", 901, PinFact::NotPresent),
            ("9F3403 410302", 801, PinFact::NotPresent),
            ("9F6E04 20700000", 71, PinFact::NotPresent),
            ("", 59, PinFact::NotPresent),
        ] {
            assert_eq!(fact(data, mode), expected, "{data} at {mode}");
        }
    }
}
