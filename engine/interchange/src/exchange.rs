//! Key exchange (0800 with DE 70 = 101, 161 or 162): working keys travel under the terminal's
//! master key, as TR-31 blocks or alone with a check value (WIRE.md, Sessions).
//!
//! Without a key (`KB`) the terminal asks for a new one, and the answer brings it; with one the
//! peer delivers it, and the answer confirms its check value. Either way the new key is journaled
//! before the answer leaves, and the one before stays valid for a while: the answer may get lost.
//! Who asks again before the new one was used gets it again.

use crate::answer::AnswerError;
use crate::concern::Cause;
use crate::elements::{required, text};
use crate::security_data::{Bytes, Group, SecurityData};
use crate::verify::Context;
use crate::{DeviceKeys, Fault, Secured};
use authorization::{KeyForm as ProfileForm, KeyRole, KeyScheme, MacScheme, ResultCode};
use core::fmt;
use iso8583::{Class, Message, MessageBuilder};
use payment_types::{TerminalId, Timestamp};
use security::{CheckValue, KeyAlgorithm, KeyForm, KeyUsage, LoadedKey, SealedKey, WorkingKey};
use zeroize::Zeroizing;

/// A new working key of a terminal: to be journaled, then answered.
pub struct NewKey {
    /// Whose.
    pub terminal: TerminalId,
    /// What for.
    pub role: KeyRole,
    /// To be stored.
    pub sealed: SealedKey,
    /// To be compared.
    pub check_value: CheckValue,
    /// The answer's private element.
    groups: Zeroizing<Vec<u8>>,
    /// When it was made; `None` of one that was delivered, or is handed out again.
    made_at: Option<Timestamp>,
    /// The terminal asked for a key, and brought none.
    asked: bool,
    pub(crate) secured: Secured,
}

/// A key that was made here, as it travels: under the terminal's master key, so no secret.
pub struct HandedOut {
    sealed: SealedKey,
    check_value: CheckValue,
    groups: Zeroizing<Vec<u8>>,
    pub(crate) at: Timestamp,
}

impl HandedOut {
    /// The key as it is kept.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        self.sealed.as_bytes()
    }
}

impl fmt::Debug for HandedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandedOut({})", self.check_value)
    }
}

impl NewKey {
    /// To be handed out again until it is used; `None` where it was not made for this message.
    #[must_use]
    pub fn handed_out(&self) -> Option<HandedOut> {
        let (sealed, groups) = (self.sealed.clone(), self.groups.clone());
        let at = self.made_at?;
        Some(HandedOut { sealed, check_value: self.check_value, groups, at })
    }

    /// Answers with a key that was made for another message since this one was read, where the
    /// terminal asked for one; one that it brought is what it means. Whether it did.
    pub fn give_way_to(&mut self, other: &HandedOut) -> bool {
        if self.asked {
            (self.sealed, self.check_value) = (other.sealed.clone(), other.check_value);
            (self.groups, self.made_at) = (other.groups.clone(), None);
        }
        self.asked
    }

    /// How the answer is secured.
    #[must_use]
    pub const fn secured(&self) -> &Secured {
        &self.secured
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey({}, {:?}, {})", self.terminal.as_str(), self.role, self.check_value)
    }
}

/// Why a key exchange is refused.
pub(crate) enum Refused {
    /// The message.
    Fault(Fault),
    /// What it asks.
    Cause(TerminalId, Cause),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The answer's outcome where a key exchange is refused.
pub(crate) const fn result(cause: Cause) -> ResultCode {
    match cause {
        Cause::UnknownDevice => ResultCode::UnknownTerminal,
        Cause::NoKey => ResultCode::TerminalNotPermitted,
        Cause::Unavailable => ResultCode::SecurityUnavailable,
        _ => ResultCode::KeyRefused,
    }
}

/// Makes the new key, or takes it in.
pub(crate) fn make(
    message: &Message<'_>,
    context: &Context<'_>,
    secured: Secured,
) -> Result<NewKey, Refused> {
    let terminal = required(text(message, 41, TerminalId::new), 41)?;
    let data = SecurityData::read(message, context.element)?;
    let data = data.ok_or(Fault::missing(context.element))?;
    let role = match data.text(Group::KeyUsage) {
        Some(b"P") => KeyRole::Tpk,
        Some(b"M") => KeyRole::Tak,
        Some(_) => return Err(Fault::malformed(context.element).into()),
        None => return Err(Fault::missing(context.element).into()),
    };
    let asked = data.text(Group::Key).is_none();
    let exchanged = exchange(&data, role, context, secured.device.as_deref());
    let Exchanged { sealed, check_value, groups, made_at } =
        exchanged.map_err(|cause| Refused::Cause(terminal, cause))?;
    Ok(NewKey { terminal, role, sealed, check_value, groups, made_at, asked, secured })
}

struct Exchanged {
    sealed: SealedKey,
    check_value: CheckValue,
    groups: Zeroizing<Vec<u8>>,
    made_at: Option<Timestamp>,
}

fn exchange(
    data: &SecurityData,
    role: KeyRole,
    context: &Context<'_>,
    device: Option<&DeviceKeys>,
) -> Result<Exchanged, Cause> {
    let device = device.ok_or(Cause::UnknownDevice)?;
    let master = device.master.as_ref().ok_or(Cause::NoKey)?;
    if device.profile.keys != KeyScheme::Session {
        return Err(Cause::WrongUsage);
    }
    let wanted = wanted(device, master, role);
    let usage = data.text(Group::KeyUsage).unwrap_or_default();
    let mut groups = Zeroizing::new(Vec::with_capacity(256));
    push(&mut groups, *b"KU", usage)?;
    let Some(delivered) = data.text(Group::Key) else {
        let keys = if role == KeyRole::Tak { &device.mac } else { &device.pin };
        if let Some(known) = keys.again(context.now) {
            return Ok(Exchanged {
                sealed: known.sealed.clone(),
                check_value: known.check_value,
                groups: known.groups.clone(),
                made_at: None,
            });
        }
        let made = context.security.generate_working_key(master, wanted)?;
        let delivered = Zeroizing::new(made.delivered);
        match wanted.form {
            KeyForm::Ecb => {
                let digits = Zeroizing::new(hex::encode_upper(&delivered));
                push(&mut groups, *b"KB", digits.as_bytes())?;
            }
            KeyForm::Tr31B | KeyForm::Tr31D => push(&mut groups, *b"KB", &delivered)?,
        }
        push(&mut groups, *b"KV", made.check_value.to_string().as_bytes())?;
        let (sealed, check_value) = (made.sealed, made.check_value);
        return Ok(Exchanged { sealed, check_value, groups, made_at: Some(context.now.at) });
    };
    let told = match data.text(Group::KeyCheck) {
        None => None,
        Some(text) => Some(check_value(text).ok_or(Cause::CheckValue)?),
    };
    let sealed = if wanted.form == KeyForm::Ecb {
        // Nothing else protects a key that travels alone.
        told.ok_or(Cause::CheckValue)?;
        let key = data.bytes::<32>(Group::Key).and_then(Result::ok).ok_or(Cause::Malformed)?;
        import(context, master, wanted, &key, told)?
    } else {
        context.security.import_working_key(master, wanted, delivered, told)?
    };
    let loaded = context.security.load(&sealed, wanted.usage)?;
    push(&mut groups, *b"KV", loaded.check_value().to_string().as_bytes())?;
    Ok(Exchanged { sealed, check_value: loaded.check_value(), groups, made_at: None })
}

fn import(
    context: &Context<'_>,
    master: &LoadedKey,
    wanted: WorkingKey,
    key: &Bytes<32>,
    told: Option<CheckValue>,
) -> Result<SealedKey, Cause> {
    Ok(context.security.import_working_key(master, wanted, key.as_slice(), told)?)
}

/// What kind of key the device's profile wants.
fn wanted(device: &DeviceKeys, master: &LoadedKey, role: KeyRole) -> WorkingKey {
    let by_aes = master.algorithm() == KeyAlgorithm::Aes;
    let is_pin = role == KeyRole::Tpk;
    let wants_aes = if is_pin {
        device.profile.pin_format == 4
    } else {
        by_aes && device.profile.mac_algorithm == MacScheme::Cmac
    };
    WorkingKey {
        usage: if is_pin { KeyUsage::PinEncryption } else { KeyUsage::MacTerminal },
        algorithm: if wants_aes { KeyAlgorithm::Aes } else { KeyAlgorithm::Tdes },
        form: match device.profile.key_form {
            ProfileForm::Ecb => KeyForm::Ecb,
            ProfileForm::Tr31 if by_aes => KeyForm::Tr31D,
            ProfileForm::Tr31 => KeyForm::Tr31B,
        },
    }
}

/// Six hex digits; older systems print more, of which these are the first.
fn check_value(text: &[u8]) -> Option<CheckValue> {
    CheckValue::from_hex(core::str::from_utf8(text.get(..6)?).ok()?)
}

fn push(groups: &mut Vec<u8>, letters: [u8; 2], value: &[u8]) -> Result<(), Cause> {
    if value.len() > 999 {
        return Err(Cause::Malformed);
    }
    groups.extend_from_slice(&letters);
    groups.extend_from_slice(format!("{:03}", value.len()).as_bytes());
    groups.extend_from_slice(value);
    Ok(())
}

/// Puts the groups into the answer's private element.
pub(crate) fn put(
    builder: &mut MessageBuilder<'_>,
    request: &Message<'_>,
    element: u8,
    key: &NewKey,
) -> Result<(), AnswerError> {
    let format = request.dialect().element(element);
    if format.is_some_and(|format| format.class() == Class::Binary) {
        builder.set_binary(element, &key.groups)?;
    } else {
        builder.set_text(element, &key.groups)?;
    }
    Ok(())
}
