//! Issuer scripts (SEC-2): what the core tells a chip to do becomes commands with their MAC, each in
//! a template of its own, before the final cryptogram (71) or after it (72), under the identifier by
//! which the terminal reports what came of it (9F18, 9F5B).
//!
//! | what | CLA INS P1 P2 | data |
//! | --- | --- | --- |
//! | application block, unblock | 84 1E 00 00, 84 18 00 00 | none |
//! | card block | 84 16 00 00 | none |
//! | PIN unblock | 84 24 00 00 | none |
//! | PIN change | 84 24 00 02 | the new PIN, enciphered by the module |
//! | put data | 04 DA and the tag | the value |

use crate::concern::Cause;
use crate::pin::{self, new_block};
use crate::security_data::SecurityData;
use crate::verify::serial;
use crate::{DeviceKeys, IssuerKeys};
use authorization::{KeyScheme, ScriptKind, ScriptOrder, ScriptTemplate};
use emv::{Tag, TlvBuilder};
use iso8583::Message;
use security::{
    CryptogramInput, PinData, PinSource, ScriptCommand, ScriptInput, ScriptKeys, SecurityModule,
};

/// Bytes of a command's MAC.
const MAC_LENGTH: usize = 8;

/// Who a script is for, and with what it is made.
pub(crate) struct Writer<'a> {
    pub(crate) request: &'a Message<'a>,
    pub(crate) input: &'a CryptogramInput<'a>,
    pub(crate) keys: &'a IssuerKeys,
    pub(crate) device: Option<&'a DeviceKeys>,
    pub(crate) security: &'a dyn SecurityModule,
    /// The private element that has the new PIN.
    pub(crate) element: u8,
}

impl Writer<'_> {
    /// Appends a script in its template.
    pub(crate) fn push(&self, order: &ScriptOrder, out: &mut Vec<u8>) -> Result<(), Cause> {
        let command = self.command(&order.kind)?;
        let mut builder = TlvBuilder::new(out);
        let template = match order.template {
            ScriptTemplate::BeforeFinal => Tag::ISSUER_SCRIPT_1,
            ScriptTemplate::AfterFinal => Tag::ISSUER_SCRIPT_2,
        };
        let filled = builder.template(template, |script| {
            script
                .push(Tag::ISSUER_SCRIPT_IDENTIFIER, &order.identifier.to_be_bytes())?
                .push(Tag::ISSUER_SCRIPT_COMMAND, &command)?;
            Ok(())
        });
        filled.map(drop).map_err(|_| Cause::Malformed)
    }

    fn command(&self, kind: &ScriptKind) -> Result<ScriptCommand, Cause> {
        let keys = ScriptKeys {
            mac: self.keys.script_mac.as_ref().ok_or(Cause::NoKey)?,
            confidentiality: self.keys.script_secret.as_ref(),
            cryptogram: self.keys.cryptogram.as_ref(),
        };
        let plain = |header: [u8; 4], data: &[u8]| {
            Ok(self.security.script(&keys, &self.script(header, data))?)
        };
        match kind {
            ScriptKind::ApplicationBlock => plain([0x84, 0x1E, 0, 0], &[]),
            ScriptKind::ApplicationUnblock => plain([0x84, 0x18, 0, 0], &[]),
            ScriptKind::CardBlock => plain([0x84, 0x16, 0, 0], &[]),
            ScriptKind::PinUnblock => plain([0x84, 0x24, 0, 0], &[]),
            ScriptKind::PutData { tag, value, length } => {
                let [high, low] = tag.to_be_bytes();
                let data = value.get(..usize::from(*length)).ok_or(Cause::Malformed)?;
                plain([0x04, 0xDA, high, low], data)
            }
            ScriptKind::PinChange => self.new_pin(&keys),
        }
    }

    fn script<'s>(&'s self, header: [u8; 4], data: &'s [u8]) -> ScriptInput<'s> {
        let (card, atc, cryptogram) = (self.input.card, self.input.atc, self.input.cryptogram);
        ScriptInput { card, atc, cryptogram, header, data, mac_length: MAC_LENGTH }
    }

    /// From the block that the terminal sent: the PIN is in clear nowhere but in the module.
    fn new_pin(&self, keys: &ScriptKeys<'_>) -> Result<ScriptCommand, Cause> {
        let device = self.device.ok_or(Cause::UnknownDevice)?;
        let data = SecurityData::read(self.request, self.element).ok().flatten();
        let block = new_block(data.as_deref()).ok_or(Cause::Incomplete)?;
        let format = pin::format(&device.profile)?;
        let input = self.script([0x84, 0x24, 0, 2], &[]);
        let make = |source| {
            let new = PinData { block: block.as_slice(), format, source };
            self.security.pin_script(keys, &input, &new).map_err(Cause::from)
        };
        if device.profile.keys == KeyScheme::Session {
            // By now the device has used the key in use, or has not got it yet.
            let mut made = Err(Cause::NoKey);
            for key in device.pin.all() {
                made = make(PinSource::Session(key));
                if made != Err(Cause::PinBlock) {
                    break;
                }
            }
            return made;
        }
        let base = device.base.as_ref().ok_or(Cause::NoKey)?;
        let ksn = serial(self.request, data.as_deref()).ok_or(Cause::NoSerial)??;
        make(PinSource::Dukpt { base, ksn: ksn.as_slice() })
    }
}
