//! Batch files of 0220 and 0320 messages: each is a presentment.

use crate::elements::text;
use crate::verify::Context;
use crate::{CardKeys, DeviceKeys, Fault, Link, Register, request};
use authorization::{PRESENTMENT, Request, SecurityFacts};
use iso8583::{Message, ParseError};
use payment_types::{Class, Function, Moment, Mti, PanDigest, TerminalId, Timestamp, UtcOffset};
use security::SecurityModule;
use std::sync::Arc;
use thiserror::Error;

/// A message of a batch file.
#[derive(Debug, Clone)]
pub struct PresentedMessage {
    /// What it says, kept as a presentment.
    pub request: Request,
    /// DE 31, the acquirer's reference data since 1993; else made of DE 32, 41, 37, 11 and 7, which
    /// together name a message.
    pub reference: String,
}

/// Why a message of a batch file is no presentment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotPresented {
    /// It cannot be read.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// An element cannot be understood.
    #[error("{0}")]
    Element(Fault),
    /// Another type than a batch file may hold.
    #[error("message type {0} is neither 0220 nor 0320")]
    Type(Mti),
}

/// Nothing is verified of what a batch file holds: there are no PINs in it.
struct Nobody;

impl Register for Nobody {
    fn terminal(&self, _: &TerminalId) -> Option<Arc<DeviceKeys>> {
        None
    }

    fn card(&self, _: &PanDigest) -> Option<CardKeys> {
        None
    }
}

/// Reads a message of a batch file.
///
/// # Errors
/// [`NotPresented`].
pub fn read_presentment(
    link: &Link,
    body: &[u8],
    security: &dyn SecurityModule,
) -> Result<PresentedMessage, NotPresented> {
    let message = Message::parse(link.dialect(), body)?;
    let mti = message.mti();
    let is_batch = matches!(mti.class(), Class::Financial | Class::FileAction)
        && mti.function() == Function::Advice;
    if !is_batch {
        return Err(NotPresented::Type(mti));
    }
    let now = Moment::new(Timestamp(0), UtcOffset(0));
    let element = link.security_element();
    let context = Context { security, register: &Nobody, now, element };
    let (told, _) = request::read(&message, link.default_currency(), &context, None)
        .map_err(NotPresented::Element)?;
    // In 1987 DE 31 is an amount of fees.
    let given = match link.dialect().version() {
        0 => None,
        _ => text(&message, 31, |text| Some(String::from_utf8_lossy(text).trim().to_owned()))
            .map_err(NotPresented::Element)?,
    };
    let reference = given.filter(|reference| !reference.is_empty()).unwrap_or_else(|| {
        let rrn = told.rrn.as_ref().map_or("", |rrn| rrn.as_str());
        let (acquirer, terminal) = (told.acquirer.0, told.terminal.as_str());
        let (stan, time) = (told.stan.number(), told.transmission.number());
        format!("{acquirer}-{terminal}-{rrn}-{stan:06}-{time:010}")
    });
    let request = Request {
        mti: PRESENTMENT,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::default(),
        ..told
    };
    Ok(PresentedMessage { request, reference })
}
