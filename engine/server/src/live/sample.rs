//! A decision among others, shown to whoever watches.

use authorization::{Decision, Request, ResultCode, Scratch, State};
use payment_types::{MaskedPan, Moment, format_minor};
use serde::Serialize;
use std::time::Instant;

/// What the shard noted of a decision; nothing that allocates but a limit's id.
pub(crate) struct Sample {
    sequence: u64,
    moment: Moment,
    request: Box<Request>,
    result: ResultCode,
    code: Option<payment_types::ResponseCode>,
    rule: String,
    received: Instant,
    took_us: u64,
}

/// `event: decision`.
#[derive(Serialize)]
struct Shown {
    sequence: u64,
    id: String,
    at: String,
    terminal: String,
    mti: String,
    #[serde(rename = "type")]
    operation: &'static str,
    amount: String,
    currency: String,
    approved: bool,
    result: &'static str,
    code: String,
    rule: String,
    card: Option<String>,
    took_us: u64,
}

impl Sample {
    pub(crate) fn take(
        (sequence, moment): (u64, Moment),
        request: Box<Request>,
        decision: &Decision,
        (state, scratch): (&State, &Scratch),
        received: Instant,
    ) -> Self {
        let (result, trace) = (decision.result, scratch.trace());
        let limit = crate::reason::limit_of(trace).map(|at| state.plan().limit_id(at));
        let rule = crate::reason::rule_of(result, trace, limit);
        let code = decision.code_override;
        Self { sequence, moment, request, result, code, rule, received, took_us: 0 }
    }

    /// It is on stable storage.
    pub(crate) fn committed(&mut self) {
        self.took_us = u64::try_from(self.received.elapsed().as_micros()).unwrap_or(u64::MAX);
    }

    /// As JSON.
    pub(crate) fn shown(&self) -> impl Serialize {
        let amount = self.request.amount;
        let currency = amount.currency();
        let masked = |card: authorization::CardNumber| -> MaskedPan { card.masked };
        Shown {
            sequence: self.sequence,
            id: self.sequence.to_string(),
            at: self.moment.rfc3339(),
            terminal: self.request.terminal.as_str().to_owned(),
            mti: self.request.mti.to_string(),
            operation: crate::statement::operation(self.request.processing_code.number()),
            amount: format_minor(i128::from(amount.minor()), currency.exponent()),
            currency: currency.to_string(),
            approved: self.result.is_approval(),
            result: self.result.name(),
            code: self.code.as_ref().map_or(self.result.code(), |code| code.as_str()).to_owned(),
            rule: self.rule.clone(),
            card: self.request.card.map(|card| masked(card).to_string()),
            took_us: self.took_us,
        }
    }
}
