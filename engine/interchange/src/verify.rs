//! Everything a message gives to be checked, brought to the security module: the facts of a request
//! (SEC-1, SEC-2, SEC-4, PIN-1).

use crate::card::CardRead;
use crate::concern::{Cause, Concerns};
use crate::security_data::{Bytes, Group, SecurityData};
use crate::{CardKeys, DeviceKeys, IssuerKeys, Register, card_value, chip, pin, three_d_secure};
use authorization::{Checked, PinFact, SecurityFacts};
use emv::IccData;
use iso8583::{Class, Message};
use payment_types::{EntryMode, Moment, Pan, PanDigest};
use security::SecurityModule;
use std::cell::OnceCell;
use std::sync::Arc;

/// What a message is checked with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) security: &'a dyn SecurityModule,
    pub(crate) register: &'a dyn Register,
    pub(crate) now: Moment,
    /// The private element with security data.
    pub(crate) element: u8,
}

/// A key serial number: 10 bytes for triple DES, 12 for AES.
pub(crate) type Serial = Bytes<12>;

/// The key serial number of a DUKPT device: in the private data, or in DE 53 where the dialect
/// makes that binary.
pub(crate) fn serial(
    message: &Message<'_>,
    data: Option<&SecurityData>,
) -> Option<Result<Serial, Cause>> {
    if let Some(serial) = data.and_then(|data| data.bytes(Group::KeySerial)) {
        return Some(serial.map_err(|_| Cause::Serial));
    }
    let is_binary = message.dialect().element(53).is_some_and(|e| e.class() == Class::Binary);
    let mut scratch = [0; 64];
    let found = message.binary(53, &mut scratch).filter(|_| is_binary)?.ok()?;
    Some(Bytes::new(found).filter(|serial| serial.as_slice().len() >= 10).ok_or(Cause::Serial))
}

/// A message with its card, device and chip data at hand.
pub(crate) struct Evidence<'e, 'm> {
    pub(crate) message: &'e Message<'m>,
    pub(crate) context: &'e Context<'e>,
    pub(crate) device: Option<Arc<DeviceKeys>>,
    pub(crate) data: Option<Box<SecurityData>>,
    pub(crate) pan: &'e Pan,
    pub(crate) digest: PanDigest,
    pub(crate) card: &'e CardRead,
    pub(crate) chip: Option<&'e IccData<'e>>,
    pub(crate) entry_mode: EntryMode,
    pub(crate) keys: OnceCell<Option<CardKeys>>,
}

impl<'e> Evidence<'e, '_> {
    pub(crate) fn security(&self) -> &'e dyn SecurityModule {
        self.context.security
    }

    /// What the card is verified with; looked up once, and only if something asks.
    pub(crate) fn keys(&self) -> Option<&CardKeys> {
        self.keys.get_or_init(|| self.context.register.card(&self.digest)).as_ref()
    }

    /// The card's sequence number.
    pub(crate) fn sequence(&self) -> u8 {
        chip::sequence(self.message, self.chip.map(IccData::cryptogram_data))
    }

    pub(crate) fn serial(&self) -> Option<Result<Serial, Cause>> {
        serial(self.message, self.data.as_deref())
    }
}

/// What was found out about a message: facts for the core, and what its answer needs.
pub(crate) struct Found {
    pub(crate) facts: SecurityFacts,
    /// The issuer's keys, if the chip's cryptogram is right: then it gets an answer (SEC-2).
    pub(crate) issuer: Option<Arc<IssuerKeys>>,
    pub(crate) concerns: Concerns,
}

impl Found {
    /// Nothing was verified.
    pub(crate) fn nothing() -> Self {
        Self { facts: SecurityFacts::default(), issuer: None, concerns: Concerns::new() }
    }
}

/// Brings all there is to the security module. `holder` is what the chip says about the PIN.
pub(crate) fn all(evidence: &Evidence<'_, '_>, changes_pin: bool, holder: PinFact) -> Found {
    let mut concerns = Concerns::new();
    let by_block = pin::by_block(evidence, changes_pin, &mut concerns);
    let (pin, new_pin) = by_block.unwrap_or((holder, None));
    let chip = chip::fact(evidence, &mut concerns);
    let facts = SecurityFacts {
        pin,
        new_pin,
        card_value: card_value::fact(evidence, &mut concerns),
        chip,
        three_d_secure: three_d_secure::fact(evidence, &mut concerns),
        ..SecurityFacts::default()
    };
    let is_right = chip.is_some_and(|chip| chip.cryptogram == Checked::Right);
    let issuer = evidence.keys.get().and_then(Option::as_ref).filter(|_| is_right);
    Found { facts, issuer: issuer.map(|keys| Arc::clone(&keys.issuer)), concerns }
}
