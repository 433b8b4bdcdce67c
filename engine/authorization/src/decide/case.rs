//! A request with everything that was looked up for it.

use super::security::Found;
use crate::card::Card;
use crate::directory::{Product, Terminal};
use crate::effects::{CardChange, Scratch};
use crate::pin_change::PinStep;
use crate::transactions::{Answer, Status, Transaction};
use crate::{
    AnswerAmounts, Decision, Liability, MacFact, NewPin, Request, ResultCode, RuleId, State,
    Statement, StopTerms, TraceEntry, Verdict,
};
use ledger::{Account, AccountSlot, GeneralAccount};
use payment_types::{AuthorizationCode, Balance, BusinessDate, Moment, Rrn, Sequence};

/// A request under decision.
pub(super) struct Case<'a> {
    pub(super) state: &'a State,
    pub(super) sequence: Sequence,
    pub(super) moment: Moment,
    pub(super) date: BusinessDate,
    pub(super) request: &'a Request,
    pub(super) terminal: Option<(u32, &'a Terminal)>,
    pub(super) card: Option<(u32, &'a Card)>,
    pub(super) account: Option<(AccountSlot, &'a Account)>,
    pub(super) product: Option<&'a Product>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) amounts: AnswerAmounts,
    pub(super) statement: Statement,
    pub(super) listed: Option<StopTerms>,
    pub(super) code_override: Option<payment_types::ResponseCode>,
    pub(super) found: Found,
}

/// The digest of DE 2 folded for comparing two messages.
pub(super) fn card_hash(request: &Request) -> u64 {
    request.card.map_or(0, |card| card.digest.index_hash())
}

impl<'a> Case<'a> {
    pub(super) fn new(
        state: &'a State,
        sequence: Sequence,
        moment: Moment,
        request: &'a Request,
        scratch: &'a mut Scratch,
    ) -> Self {
        let terminal = state.directory().terminal(&request.terminal);
        let slot = request.card.and_then(|card| state.card_by_digest(&card.digest));
        let card = slot.and_then(|slot| Some((slot, state.card(slot)?)));
        let account =
            card.and_then(|(_, card)| Some((card.account, state.ledger().account(card.account)?)));
        let product = account.and_then(|(_, account)| state.directory().product(account.product));
        if request.facts.mac == MacFact::Right {
            scratch.trace.push(TraceEntry::plain(RuleId::Sec5, Verdict::Pass));
        }
        scratch.parties.card = slot;
        scratch.parties.account = account.map(|(slot, _)| slot);
        scratch.parties.terminal = terminal.map(|(slot, _)| slot);
        Self {
            state,
            sequence,
            moment,
            date: moment.business_date(),
            request,
            terminal,
            card,
            account,
            product,
            scratch,
            amounts: AnswerAmounts::default(),
            statement: Statement::default(),
            listed: None,
            code_override: None,
            found: Found::default(),
        }
    }

    /// The change to the card, begun if there is none yet; nothing for a card nobody knows.
    pub(super) fn card_change(&mut self) -> Option<&mut CardChange> {
        let (slot, card) = self.card?;
        let change = &mut self.scratch.effects.card;
        Some(change.get_or_insert_with(|| CardChange::unchanged(slot, card)))
    }

    /// PIN-4: the card's PIN is checked against another reference from now on.
    pub(super) fn change_pin(&mut self, new: Option<NewPin>) {
        self.scratch.effects.pin = new.map(PinStep::Set);
        self.note(RuleId::Pin4, Verdict::Pass);
    }

    /// A rule without numbers for the trace.
    pub(super) fn note(&mut self, rule: RuleId, verdict: Verdict) {
        self.scratch.trace.push(TraceEntry::plain(rule, verdict));
    }

    /// A rule with numbers for the trace.
    pub(super) fn trace(
        &mut self,
        rule: RuleId,
        verdict: Verdict,
        asked: Balance,
        used: Balance,
        ceiling: Balance,
    ) {
        self.scratch.trace.push(TraceEntry::numbers(rule, verdict, asked, used, ceiling));
    }

    /// Declines: what was found out about the card stays, money and counters do not move.
    pub(super) fn decline(&mut self, result: ResultCode) -> Decision {
        let kept = self.scratch.effects.card;
        self.scratch.effects = crate::effects::Effects { card: kept, ..Default::default() };
        self.scratch.movement = crate::Movement::default();
        let row = self.row(Status::Declined, GeneralAccount::MerchantSettlement);
        self.finish(row, result, None, Liability::Unset)
    }

    /// The row to keep of this message, before its money is filled in.
    pub(super) fn row(&self, status: Status, counterpart: GeneralAccount) -> Transaction {
        let request = self.request;
        Transaction {
            sequence: self.sequence,
            at: self.moment.at,
            date: self.date,
            mti: request.mti.without_repeat(),
            acquirer: request.acquirer,
            terminal: request.terminal,
            stan: request.stan,
            transmission: request.transmission,
            local: request.local,
            rrn: request.rrn.unwrap_or_else(|| Rrn::from_sequence(self.sequence)),
            rrn_given: request.rrn.is_some(),
            processing_code: request.processing_code,
            amount: request.amount.minor(),
            currency: request.amount.currency(),
            card: self.card.map(|(slot, _)| slot),
            card_hash: card_hash(request),
            account: self.account.map(|(slot, _)| slot),
            status,
            stands: 0,
            cash_exact: 0,
            cash: 0,
            counterpart,
            hold: None,
            follows: None,
            chain: None,
            receiver: None,
            given_back: 0,
            gives_back: None,
            before: None,
            pricing: None,
            moves: (0, 0),
            answer: Answer {
                result: ResultCode::SystemError,
                code_override: None,
                authorization_code: None,
                amounts: AnswerAmounts::default(),
                liability: Liability::Unset,
            },
        }
    }

    /// The decision, and the row that will give the same answer again.
    pub(super) fn finish(
        &mut self,
        mut row: Transaction,
        result: ResultCode,
        authorization_code: Option<AuthorizationCode>,
        liability: Liability,
    ) -> Decision {
        row.answer = Answer {
            result,
            code_override: self.code_override,
            authorization_code,
            amounts: self.amounts,
            liability,
        };
        self.scratch.effects.scripts = self.scripts(result);
        let decision = Decision {
            transaction: self.sequence,
            result,
            code_override: self.code_override,
            authorization_code,
            rrn: row.rrn,
            amounts: self.amounts,
            liability,
            statement: self.statement,
            scripts: self.scratch.effects.scripts.sent,
            listed: self.listed,
            is_repeat: false,
        };
        self.scratch.effects.keep = Some(row);
        decision
    }
}
