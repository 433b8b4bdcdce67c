//! One way of speaking: what a listener, or a network's connection, is set up with.

use crate::answer::{Answer, AnswerError};
use crate::authentication::{self, MacAlarm, MacProblem, Seal};
use crate::concern::{Cause, Concerns};
use crate::exchange::{self, Refused};
use crate::verify::Context;
use crate::{
    Answered, Asked, CodeTable, DropCause, Fault, IssuerKeys, NewKey, Received, Register, Secured,
    admission, chip_answer, network, request, special,
};
use authorization::{Decision, MacFact, MacWrong, Request, ResultCode};
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
    security_element: u8,
}

/// Where security data are that have no element of their own, where nothing else is said.
const SECURITY_ELEMENT: u8 = 48;

impl Link {
    /// A link that assumes nothing.
    #[must_use]
    pub fn new(dialect: Arc<Dialect>, codes: CodeTable) -> Self {
        let security_element = SECURITY_ELEMENT;
        Self { dialect, codes, default_currency: None, security_element }
    }

    /// Reads security data in another private element than DE 48.
    #[must_use]
    pub fn with_security_element(mut self, element: u8) -> Self {
        self.security_element = element;
        self
    }

    pub(crate) const fn security_element(&self) -> u8 {
        self.security_element
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
    /// dates the answers to network management that lack DE 7, and ends the time of keys that were
    /// replaced. Any bytes are taken: what cannot be answered is dropped with a cause.
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
        if let Some(stranger) = admission::refused(&message, register) {
            return self.bare(
                &message,
                ResultCode::TerminalNotPermitted,
                Answered::NotAdmitted(stranger),
            );
        }
        let context = Context { security, register, now, element: self.security_element };
        // Before anything else: nothing of a message that is not the terminal's own is used (SEC-5).
        match authentication::admit(&message, broken.is_some(), body, &context) {
            Ok(secured) => Admitted { link: self, message, context, secured }.receive(broken),
            Err((device, alarm)) => self.not_authentic(&message, device.profile.mac_wrong, alarm),
        }
    }

    /// Answers a message whose authentication code is not right, or drops it. The answer has no
    /// code: whoever sent the message, nothing is owed to them.
    fn not_authentic(&self, message: &Message<'_>, policy: MacWrong, alarm: MacAlarm) -> Received {
        let result = match (alarm.problem, policy) {
            (MacProblem::Unverifiable(Cause::Unavailable), _) => ResultCode::SecurityUnavailable,
            (_, MacWrong::Drop) => return Received::Drop(DropCause::MacWrong(alarm)),
            (_, MacWrong::Answer) => ResultCode::MacWrong,
        };
        self.bare(message, result, Answered::MacWrong(alarm))
    }

    /// An answer without an authentication code.
    fn bare(&self, message: &Message<'_>, result: ResultCode, kind: Answered) -> Received {
        let mut body = Vec::with_capacity(128);
        let built = Answer::new(&self.dialect, message, &self.codes.code(result))
            .and_then(|answer| answer.write_bare(&mut body));
        match built {
            Ok(()) => Received::Answer { body, kind },
            Err(_) => Received::Drop(DropCause::Unanswerable),
        }
    }

    /// Appends the answer to a request that was decided. `request_body` is the body that was
    /// received: its elements are echoed from it. For a retransmission the answer is the first one,
    /// byte for byte (TXN-1). Says what could not be put into it.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing is appended then.
    pub fn answer(
        &self,
        request_body: &[u8],
        decision: &Durable<Decision>,
        secured: &Secured,
        security: &dyn SecurityModule,
        out: &mut Vec<u8>,
    ) -> Result<Concerns, AnswerError> {
        let decision = decision.get();
        let request = self.reread(request_body)?;
        let code = self.codes.of_decision(decision);
        let mut concerns = Concerns::new();
        let mut answer = Answer::new(&self.dialect, &request, &code)?;
        answer.decided(&request, decision)?;
        let seal = self.seal(secured, security, !decision.result.is_approval());
        if let Some(keys) = &secured.issuer {
            let data = chip_answer::data(&request, decision, keys, &seal, &mut concerns);
            if let Some(data) = data {
                answer.chip(&data);
            }
        }
        answer.write(&request, &seal, out)?;
        Ok(concerns)
    }

    /// Appends the answer to a key exchange. To be called once the key is on stable storage, never
    /// before: the terminal uses it from then on.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing is appended then.
    pub fn key_set(
        &self,
        request_body: &[u8],
        key: &NewKey,
        security: &dyn SecurityModule,
        now: Moment,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let request = self.reread(request_body)?;
        let code = self.codes.code(ResultCode::Approved);
        let mut answer = Answer::new(&self.dialect, &request, &code)?;
        answer.network(&request, now)?;
        answer.key(&request, self.security_element, key)?;
        answer.write(&request, &self.seal(&key.secured, security, false), out)
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
        secured: &Secured,
        security: &dyn SecurityModule,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        if result.is_approval() {
            return Err(AnswerError::NotDurable(result));
        }
        let request = self.reread(request_body)?;
        let answer = Answer::new(&self.dialect, &request, &self.codes.code(result))?;
        answer.write(&request, &self.seal(secured, security, true), out)
    }

    fn seal<'a>(
        &self,
        secured: &'a Secured,
        security: &'a dyn SecurityModule,
        may_go_bare: bool,
    ) -> Seal<'a> {
        Seal { secured, security, element: self.security_element, may_go_bare }
    }

    fn reread<'a>(&'a self, body: &'a [u8]) -> Result<Message<'a>, AnswerError> {
        parse_lenient(&self.dialect, body).0.ok_or(AnswerError::Unreadable)
    }
}

/// A message that may be read: its terminal has no authentication codes, or its code is right.
struct Admitted<'a> {
    link: &'a Link,
    message: Message<'a>,
    context: Context<'a>,
    secured: Secured,
}

impl Admitted<'_> {
    fn receive(self, broken: Option<ParseError>) -> Received {
        if let Some(error) = broken {
            return self.format_error(fault_of(error));
        }
        let message = &self.message;
        match message.mti().class() {
            Class::FileAction if message.mti().function() == Function::Request => {
                let read = special::file_action(message, self.context.security);
                self.decide(read)
            }
            Class::Reconciliation => {
                let read = special::totals(message);
                self.decide(read)
            }
            Class::Authorization | Class::Financial | Class::Reversal | Class::FileAction => {
                let device = self.secured.device.as_ref();
                match request::read(message, self.link.default_currency, &self.context, device) {
                    Ok((request, found)) => self.asked(request, found.issuer, found.concerns),
                    Err(fault) => self.format_error(fault),
                }
            }
            Class::NetworkManagement => match network::asked(message) {
                Ok(Answered::CutOver) => {
                    let read = special::cut_over(message);
                    self.decide(read)
                }
                Ok(Answered::KeyExchange) => self.exchange(),
                Ok(asked) => self.network(asked),
                Err(fault) => self.format_error(fault),
            },
            _ => self.build(ResultCode::InvalidTransaction, Answered::NotSupported, |_, _| Ok(())),
        }
    }

    fn decide(self, read: Result<Request, Fault>) -> Received {
        match read {
            Ok(request) => self.asked(request, None, Concerns::new()),
            Err(fault) => self.format_error(fault),
        }
    }

    fn asked(
        mut self,
        mut request: Request,
        issuer: Option<Arc<IssuerKeys>>,
        concerns: Concerns,
    ) -> Received {
        if self.secured.is_authenticated() {
            request.facts.mac = MacFact::Right;
        }
        self.secured.issuer = issuer;
        Received::Decide(Asked { request: Box::new(request), secured: self.secured, concerns })
    }

    fn exchange(self) -> Received {
        match exchange::make(&self.message, &self.context, self.secured.clone()) {
            Ok(key) => Received::Exchange(Box::new(key)),
            Err(Refused::Fault(fault)) => self.format_error(fault),
            Err(Refused::Cause(terminal, cause)) => {
                let kind = Answered::KeyRefused(terminal, cause);
                let now = self.context.now;
                self.build(exchange::result(cause), kind, |answer, message| {
                    answer.network(message, now)
                })
            }
        }
    }

    fn network(self, asked: Answered) -> Received {
        let result = if network::is_done(asked) {
            ResultCode::Approved
        } else {
            ResultCode::InvalidTransaction
        };
        let now = self.context.now;
        self.build(result, asked, |answer, message| answer.network(message, now))
    }

    fn format_error(self, fault: Fault) -> Received {
        let element = self.link.codes.diagnostic_element();
        self.build(ResultCode::FormatError, Answered::FormatError(fault), |answer, _| {
            answer.diagnose(element, &fault);
            Ok(())
        })
    }

    fn build(
        self,
        result: ResultCode,
        kind: Answered,
        fill: impl FnOnce(&mut Answer<'_>, &Message<'_>) -> Result<(), AnswerError>,
    ) -> Received {
        let (link, message) = (self.link, &self.message);
        let seal = link.seal(&self.secured, self.context.security, !result.is_approval());
        let mut body = Vec::with_capacity(128);
        let built =
            Answer::new(&link.dialect, message, &link.codes.code(result)).and_then(|mut answer| {
                fill(&mut answer, message)?;
                answer.write(message, &seal, &mut body)
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
