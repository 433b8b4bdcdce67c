//! One way of speaking: what a listener, or a network's connection, is set up with.

use crate::answer::{Answer, AnswerError};
use crate::{Answered, CodeTable, DropCause, Fault, Received, Register, network, request, special};
use authorization::{Decision, Request, ResultCode};
use iso8583::{Dialect, Message, ParseError, parse_lenient};
use journal::Durable;
use payment_types::{Class, Currency, Function, Moment};
use security::SecurityModule;
use std::sync::Arc;

/// A dialect, its response codes and what to assume where a message is silent. Immutable: one is
/// shared by all connections of a listener.
#[derive(Debug, Clone)]
pub struct Link {
    dialect: Arc<Dialect>,
    codes: CodeTable,
    default_currency: Option<Currency>,
}

impl Link {
    /// A link that assumes nothing.
    #[must_use]
    pub fn new(dialect: Arc<Dialect>, codes: CodeTable) -> Self {
        Self { dialect, codes, default_currency: None }
    }

    /// Reads amounts without DE 49 in this currency. Without it they are a format error: money of
    /// unknown currency is nothing to guess at.
    #[must_use]
    pub fn with_default_currency(mut self, currency: Currency) -> Self {
        self.default_currency = Some(currency);
        self
    }

    pub(crate) const fn default_currency(&self) -> Option<Currency> {
        self.default_currency
    }

    /// The dialect it speaks.
    #[must_use]
    pub fn dialect(&self) -> &Arc<Dialect> {
        &self.dialect
    }

    /// The response codes it uses.
    #[must_use]
    pub fn codes(&self) -> &CodeTable {
        &self.codes
    }

    /// What to do with a message. `body` is what the frame carries after TPDU and header; `now`
    /// dates the answers to network management that lack DE 7. Any bytes are taken: what cannot be
    /// answered is dropped with a cause.
    pub fn receive(
        &self,
        body: &[u8],
        security: &dyn SecurityModule,
        register: &dyn Register,
        now: Moment,
    ) -> Received {
        let (message, broken) = parse_lenient(&self.dialect, body);
        let Some(message) = message else { return Received::Drop(DropCause::Unreadable) };
        if let Some(cause) = no_answer(&message) {
            return Received::Drop(cause);
        }
        if let Some(error) = broken {
            return self.format_error(&message, fault_of(error));
        }
        match message.mti().class() {
            Class::FileAction if message.mti().function() == Function::Request => {
                self.decide(&message, special::file_action(&message, security))
            }
            Class::Reconciliation => self.decide(&message, special::totals(&message)),
            Class::Authorization | Class::Financial | Class::Reversal | Class::FileAction => {
                match request::read(&message, self.default_currency, security, register) {
                    Ok(request) => Received::Decide(Box::new(request)),
                    Err(fault) => self.format_error(&message, fault),
                }
            }
            Class::NetworkManagement => match network::asked(&message) {
                Ok(Answered::CutOver) => self.decide(&message, special::cut_over(&message)),
                Ok(asked) => self.network(&message, asked, now),
                Err(fault) => self.format_error(&message, fault),
            },
            _ => self.at_once(&message, ResultCode::InvalidTransaction, Answered::NotSupported),
        }
    }

    /// Appends the answer to a request that was decided. `request_body` is the body that was
    /// received: its elements are echoed from it. For a retransmission the answer is the first one,
    /// byte for byte (TXN-1).
    ///
    /// # Errors
    /// [`AnswerError`]; nothing is appended then.
    pub fn answer(
        &self,
        request_body: &[u8],
        decision: &Durable<Decision>,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let decision = decision.get();
        let request = self.reread(request_body)?;
        let code = self.codes.of_decision(decision);
        let mut answer = Answer::new(&self.dialect, &request, &code)?;
        answer.decided(&request, decision)?;
        answer.write(out)
    }

    /// Appends an answer that has no effect: shed work, a stopped shard. It needs no proof, so it
    /// must be a decline.
    ///
    /// # Errors
    /// [`AnswerError::NotDurable`] for an approval, else as for [`Self::answer`].
    pub fn refuse(
        &self,
        request_body: &[u8],
        result: ResultCode,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        if result.is_approval() {
            return Err(AnswerError::NotDurable(result));
        }
        let request = self.reread(request_body)?;
        Answer::new(&self.dialect, &request, &self.codes.code(result))?.write(out)
    }

    fn decide(&self, message: &Message<'_>, read: Result<Request, Fault>) -> Received {
        match read {
            Ok(request) => Received::Decide(Box::new(request)),
            Err(fault) => self.format_error(message, fault),
        }
    }

    fn reread<'a>(&'a self, body: &'a [u8]) -> Result<Message<'a>, AnswerError> {
        parse_lenient(&self.dialect, body).0.ok_or(AnswerError::Unreadable)
    }

    fn network(&self, message: &Message<'_>, asked: Answered, now: Moment) -> Received {
        let result = if network::is_done(asked) {
            ResultCode::Approved
        } else {
            ResultCode::InvalidTransaction
        };
        self.build(message, result, asked, |answer| answer.network(message, now))
    }

    fn format_error(&self, message: &Message<'_>, fault: Fault) -> Received {
        let element = self.codes.diagnostic_element();
        self.build(message, ResultCode::FormatError, Answered::FormatError(fault), |answer| {
            answer.diagnose(element, &fault);
            Ok(())
        })
    }

    fn at_once(&self, message: &Message<'_>, result: ResultCode, kind: Answered) -> Received {
        self.build(message, result, kind, |_| Ok(()))
    }

    fn build(
        &self,
        message: &Message<'_>,
        result: ResultCode,
        kind: Answered,
        fill: impl FnOnce(&mut Answer<'_>) -> Result<(), AnswerError>,
    ) -> Received {
        let mut body = Vec::with_capacity(128);
        let built =
            Answer::new(&self.dialect, message, &self.codes.code(result)).and_then(|mut answer| {
                fill(&mut answer)?;
                answer.write(&mut body)
            });
        match built {
            Ok(()) => Received::Answer { body, kind },
            Err(_) => Received::Drop(DropCause::Unanswerable),
        }
    }
}

/// Why a message gets no answer; `None` if it gets one. The version digit says nothing here: what
/// elements mean is the dialect's matter, and hosts that speak 1993 with 0200 exist.
fn no_answer(message: &Message<'_>) -> Option<DropCause> {
    let mti = message.mti();
    if mti.version() > 2 || mti.class() == Class::Reserved {
        return Some(DropCause::UnknownType);
    }
    match mti.function() {
        Function::RequestResponse | Function::AdviceResponse => Some(DropCause::IsAnswer),
        Function::Request | Function::Advice if mti.response().is_some() => None,
        _ => Some(DropCause::WantsNoAnswer),
    }
}

fn fault_of(error: ParseError) -> Fault {
    Fault::malformed(error.element)
}
