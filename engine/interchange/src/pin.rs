//! What is known about the cardholder's PIN (CTL-6): a fact, found once, here.
//!
//! DE 52 (or the group `PB` where a block does not fit it) speaks first: a PIN block is verified,
//! and what it says is final. Without one, the chip data may say that the chip, or the cardholder's
//! own device, checked the holder. The third digit of DE 22 alone is nobody's proof: a terminal that
//! says "PIN verified" (9) is not believed.

use crate::concern::{Cause, Concerns, Subject, note};
use crate::security_data::{Bytes, Group, SecurityData};
use crate::verify::Evidence;
use authorization::{KeyScheme, NewPin, PinFact, TerminalSecurity};
use emv::{CvmResults, IccData, Tvr};
use payment_types::{EntryMode, PanEntry};
use security::{
    KeyUsage, PinBlockFormat, PinCard, PinChange, PinData, PinOutcome, PinReference, PinSource,
    SecurityError, SecurityModule,
};

/// 9F34 means the chip's offline PIN in contact and the holder's device without contact.
pub(crate) fn by_chip(data: &IccData<'_>, entry_mode: EntryMode) -> PinFact {
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

/// What the PIN block says, and what the new PIN of a change is checked against from now on
/// (PIN-4). A block that cannot be verified is not a wrong PIN (PIN-2 counts only those).
pub(crate) fn by_block(
    evidence: &Evidence<'_, '_>,
    changes: bool,
    concerns: &mut Concerns,
) -> Option<(PinFact, Option<NewPin>)> {
    let block = block(evidence)?;
    let found = block.and_then(|block| {
        let new = if changes { new_block(evidence.data.as_deref()) } else { None };
        check(evidence, &block, new.as_ref())
    });
    Some(found.unwrap_or_else(|cause| {
        note(concerns, Subject::Pin, cause);
        let gone = cause == Cause::Unavailable;
        (if gone { PinFact::Unavailable } else { PinFact::Unverifiable }, None)
    }))
}

/// A PIN block under a key.
pub(crate) type Block = Bytes<16>;

/// The block of the PIN; `None` if there is none.
fn block(evidence: &Evidence<'_, '_>) -> Option<Result<Block, Cause>> {
    let data = evidence.data.as_deref();
    if let Some(block) = data.and_then(|data| data.bytes(Group::PinBlock)) {
        return Some(block.map_err(|_| Cause::Malformed));
    }
    let mut scratch = zeroize::Zeroizing::new([0; 64]);
    let block = evidence.message.binary(52, &mut *scratch)?;
    Some(block.ok().and_then(Bytes::new).ok_or(Cause::Malformed))
}

/// The block of the new PIN. One that cannot be read is none: the core says so.
pub(crate) fn new_block(data: Option<&SecurityData>) -> Option<Block> {
    data?.bytes(Group::NewPin)?.ok()
}

/// The layout of a profile's PIN blocks.
pub(crate) const fn format(profile: &TerminalSecurity) -> Result<PinBlockFormat, Cause> {
    match profile.pin_format {
        0 => Ok(PinBlockFormat::Iso0),
        1 => Ok(PinBlockFormat::Iso1),
        3 => Ok(PinBlockFormat::Iso3),
        4 => Ok(PinBlockFormat::Iso4),
        _ => Err(Cause::UnknownVersion),
    }
}

fn check(
    evidence: &Evidence<'_, '_>,
    block: &Block,
    new: Option<&Block>,
) -> Result<(PinFact, Option<NewPin>), Cause> {
    let device = evidence.device.as_deref().ok_or(Cause::UnknownDevice)?;
    let keys = evidence.keys().ok_or(Cause::NoReference)?;
    let reference = keys.pin.as_ref().ok_or(Cause::NoReference)?;
    let card = PinCard {
        pan: evidence.pan,
        reference,
        key: match reference.key_usage() {
            Some(KeyUsage::PinVerificationIbm) => keys.issuer.offset.as_ref(),
            _ => keys.issuer.pvv.as_ref(),
        },
        decimalization: keys.issuer.decimalization(),
    };
    let format = format(&device.profile)?;
    let attempt = |source| attempt(evidence.security(), (source, format), (block, new), &card);
    let (outcome, new) = match device.profile.keys {
        KeyScheme::Session => {
            let mut found = Err(Cause::NoKey);
            for (place, key) in device.pin.taken(evidence.context.now) {
                match attempt(PinSource::Session(key)) {
                    // Perhaps it is under the key before.
                    Err(SecurityError::PinBlock) => found = Err(Cause::PinBlock),
                    Err(error) => return Err(error.into()),
                    Ok(done) => {
                        device.pin.has_used(place);
                        found = Ok(done);
                        break;
                    }
                }
            }
            found?
        }
        KeyScheme::DukptTdes | KeyScheme::DukptAes => {
            let base = device.base.as_ref().ok_or(Cause::NoKey)?;
            let ksn = evidence.serial().ok_or(Cause::NoSerial)??;
            attempt(PinSource::Dukpt { base, ksn: ksn.as_slice() })?
        }
    };
    Ok(match outcome {
        PinOutcome::Verified => {
            (PinFact::OnlineVerified, new.and_then(|new| NewPin::new(&new.to_bytes())))
        }
        PinOutcome::Wrong => (PinFact::OnlineWrong, None),
    })
}

/// Verifies the PIN, and makes the reference of a new one in the same call.
fn attempt(
    security: &dyn SecurityModule,
    (source, format): (PinSource<'_>, PinBlockFormat),
    (block, new): (&Block, Option<&Block>),
    card: &PinCard<'_>,
) -> Result<(PinOutcome, Option<PinReference>), SecurityError> {
    let data = |block| PinData { block, format, source };
    let current = data(block.as_slice());
    let verified = || security.verify_pin(&current, card).map(|outcome| (outcome, None));
    let Some(new) = new else { return verified() };
    match security.change_pin(Some(&current), &data(new.as_slice()), card) {
        Ok(PinChange { outcome, new }) => Ok((outcome, new)),
        Err(SecurityError::Unavailable) => Err(SecurityError::Unavailable),
        // Perhaps the new block is none: the PIN counts all the same (PIN-2).
        Err(_) => verified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctl_6_the_chip_is_believed_in_contact_and_the_device_without() {
        let fact = |hex: &str, mode: u16| {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            by_chip(&IccData::parse(&bytes).unwrap(), EntryMode::from_number(mode).unwrap())
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
