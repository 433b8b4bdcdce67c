//! Message authentication (SEC-5): DE 64, or DE 128 where there is a secondary bitmap, over all
//! bytes of the body that come before its value, bitmaps as sent.
//!
//! Verified before anything of the message is used. Only the terminal's id is read before, to find
//! the key: whoever changes it gets another terminal's key and a wrong code.

use crate::concern::Cause;
use crate::elements::text;
use crate::network;
use crate::register::DeviceKeys;
use crate::security_data::{Group, SecurityData};
use crate::verify::{Context, serial};
use crate::{AnswerError, Answered, Secured};
use authorization::{KeyScheme, MacScheme};
use iso8583::{Message, MessageBuilder};
use payment_types::{Class, TerminalId};
use security::{
    KeyAlgorithm, LoadedKey, MacAlgorithm, MacDirection, MacSource, SecurityError, SecurityModule,
    Verification,
};
use std::sync::Arc;

/// Why a message is not taken for the terminal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacProblem {
    /// It has no authentication code where the terminal's profile asks for one.
    Missing,
    /// The code is another one.
    Wrong,
    /// The message cannot be read to its end, so that its code cannot be found.
    Unreadable,
    /// The code cannot be verified.
    Unverifiable(Cause),
}

impl MacProblem {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::Unreadable => "unreadable",
            Self::Unverifiable(cause) => cause.name(),
        }
    }
}

/// A message whose authentication code is not right, with the terminal it says it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAlarm {
    /// DE 41 as the message has it: nothing of it is proven.
    pub terminal: TerminalId,
    /// What is wrong.
    pub problem: MacProblem,
}

/// The terminal by DE 41, and the key its authentication code is under; an error where its profile
/// wants a code and there is not a right one.
pub(crate) fn admit(
    message: &Message<'_>,
    is_broken: bool,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Secured, (Arc<DeviceKeys>, MacAlarm)> {
    let id = text(message, 41, TerminalId::new).ok().flatten();
    let found = id.and_then(|id| Some((id, context.register.terminal(&id)?)));
    let Some((terminal, device)) = found else { return Ok(Secured::default()) };
    if !device.profile.mac_required {
        return Ok(Secured { device: Some(device), ..Secured::default() });
    }
    let verified = if is_broken {
        Err(MacProblem::Unreadable)
    } else {
        verify(message, body, &device, context)
    };
    match verified {
        Err(MacProblem::Missing) if asks_for_a_lost_key(message, &device, context) => {
            Ok(Secured { device: Some(device), ..Secured::default() })
        }
        Ok(place) => Ok(Secured { device: Some(device), mac: Some(place), issuer: None }),
        Err(problem) => Err((device, MacAlarm { terminal, problem })),
    }
}

/// PIN-1: a terminal that has lost its session keys can't make a code, and where its profile lets it,
/// it may ask for new ones without. Nothing of the message is believed by that: the answer's key is
/// under the terminal's master key, and the key in use stays until a later one was used rightly. A
/// key that is brought (`KB`) is not taken so.
fn asks_for_a_lost_key(message: &Message<'_>, device: &DeviceKeys, context: &Context<'_>) -> bool {
    let has_lost_keys = device.profile.key_request_open
        && device.profile.keys == KeyScheme::Session
        && message.mti().class() == Class::NetworkManagement
        && network::asked(message) == Ok(Answered::KeyExchange);
    has_lost_keys
        && SecurityData::read(message, context.element)
            .is_ok_and(|data| data.is_none_or(|data| data.text(Group::Key).is_none()))
}

/// The place of the key under which the code is right.
fn verify(
    message: &Message<'_>,
    body: &[u8],
    device: &DeviceKeys,
    context: &Context<'_>,
) -> Result<u8, MacProblem> {
    let element = message.elements().last().filter(|last| matches!(last, 64 | 128));
    let element = element.ok_or(MacProblem::Missing)?;
    let mut room = [0; 16];
    let given = message.binary(element, &mut room).and_then(Result::ok);
    let (given, carried) = given.zip(message.raw(element)).ok_or(MacProblem::Missing)?;
    // The last element ends where the body ends.
    let covered = body.len().checked_sub(carried.len()).and_then(|end| body.get(..end));
    let covered = covered.ok_or(MacProblem::Missing)?;
    let attempt = |source: &MacSource<'_>| {
        let algorithm = algorithm(device, source);
        context.security.verify_mac(source, algorithm, covered, given)
    };
    let unverifiable = |error: SecurityError| MacProblem::Unverifiable(error.into());
    if device.profile.keys != KeyScheme::Session {
        let base = device.base.as_ref().ok_or(MacProblem::Unverifiable(Cause::NoKey))?;
        let data = SecurityData::read(message, context.element).ok().flatten();
        let ksn = serial(message, data.as_deref())
            .unwrap_or(Err(Cause::NoSerial))
            .map_err(MacProblem::Unverifiable)?;
        let direction = MacDirection::Request;
        let source = MacSource::Dukpt { base, ksn: ksn.as_slice(), direction };
        return match attempt(&source).map_err(unverifiable)? {
            Verification::Right => Ok(0),
            Verification::Wrong => Err(MacProblem::Wrong),
        };
    }
    let mut problem = MacProblem::Unverifiable(Cause::NoKey);
    for (place, key) in device.mac.taken(context.now) {
        match attempt(&MacSource::Session(key)).map_err(unverifiable)? {
            Verification::Right => {
                device.mac.has_used(place);
                return Ok(place);
            }
            Verification::Wrong => problem = MacProblem::Wrong,
        }
    }
    Err(problem)
}

fn algorithm(device: &DeviceKeys, source: &MacSource<'_>) -> MacAlgorithm {
    let key: &LoadedKey = match source {
        MacSource::Session(key) => key,
        MacSource::Dukpt { base, .. } => base,
    };
    match (device.profile.mac_algorithm, key.algorithm()) {
        (MacScheme::Iso9797Alg1, _) => MacAlgorithm::Iso9797Alg1,
        (MacScheme::Iso9797Alg3, _) => MacAlgorithm::Iso9797Alg3,
        (MacScheme::Cmac, KeyAlgorithm::Aes) => MacAlgorithm::CmacAes,
        (MacScheme::Cmac, _) => MacAlgorithm::CmacTdes,
    }
}

/// What an answer's code is made with.
pub(crate) struct Seal<'a> {
    pub(crate) secured: &'a Secured,
    pub(crate) security: &'a dyn SecurityModule,
    /// The private element in which a DUKPT device's request has its key serial number.
    pub(crate) element: u8,
    /// Whether it may go without a code that cannot be made: only what promises nothing.
    pub(crate) may_go_bare: bool,
}

impl Seal<'_> {
    /// Appends the message, with its authentication code if the request had one.
    pub(crate) fn write(
        &self,
        request: &Message<'_>,
        mut builder: MessageBuilder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let Some(place) = self.secured.mac else {
            builder.write(out)?;
            return Ok(());
        };
        let start = out.len();
        let has_secondary = (65..=128).any(|element| builder.has(element));
        let element = if has_secondary { 128 } else { 64 };
        builder.set_binary(element, &[0; 8])?;
        builder.write(out)?;
        let covered = covered(request, out.get(start..).unwrap_or_default());
        let made = self.code(request, place, covered);
        out.truncate(start);
        match made {
            Ok(code) => drop(builder.set_binary(element, &code)?),
            Err(_) if self.may_go_bare => builder.unset(element),
            Err(error) => return Err(error),
        }
        builder.write(out)?;
        Ok(())
    }

    fn code(
        &self,
        request: &Message<'_>,
        place: u8,
        covered: &[u8],
    ) -> Result<[u8; 8], AnswerError> {
        let device = self.secured.device.as_deref().ok_or(AnswerError::NotAuthenticated)?;
        let made = |source: &MacSource<'_>| {
            let made = self.security.mac(source, algorithm(device, source), covered);
            made.map(|mac| mac.eight()).map_err(|_| AnswerError::NotAuthenticated)
        };
        if device.profile.keys == KeyScheme::Session {
            let key = device.mac.at(place).ok_or(AnswerError::NotAuthenticated)?;
            return made(&MacSource::Session(key));
        }
        let data = SecurityData::read(request, self.element).ok().flatten();
        let base = device.base.as_ref().ok_or(AnswerError::NotAuthenticated)?;
        let Some(Ok(ksn)) = serial(request, data.as_deref()) else {
            return Err(AnswerError::NotAuthenticated);
        };
        let direction = MacDirection::Response;
        made(&MacSource::Dukpt { base, ksn: ksn.as_slice(), direction })
    }
}

/// What an authentication code at the end of the body is over: all before its value, which is as
/// long as eight bytes are in the dialect.
fn covered<'o>(request: &Message<'_>, body: &'o [u8]) -> &'o [u8] {
    let carried = Message::parse(request.dialect(), body)
        .ok()
        .and_then(|answer| Some(answer.raw(answer.elements().last()?)?.len()));
    let end = carried.and_then(|carried| body.len().checked_sub(carried));
    body.get(..end.unwrap_or(0)).unwrap_or_default()
}
