//! Administrative commands, and the one way in for all of them.

use crate::apply::apply;
use crate::command::{
    Accepted, BlockReason, Command, Decided, Done, Outcome, PortfolioItem, Refusal,
};
use crate::decide::decide_presentment;
use crate::directory::at;
use crate::effects::{Change, Scratch};
use crate::state::Remembered;
use crate::transactions::Status;
use crate::{Decision, Presentment, Request, ScriptKind, State};
use compact_str::CompactString;
use ledger::{AccountSlot, GeneralAccount, MOST_AT_ONCE, OverdraftCause, Party, Transfer};
use payment_types::{Balance, BusinessDate, Moment, Sequence};

impl State {
    /// Carries out a command. A refused one changes nothing but the sequence.
    ///
    /// # Panics
    /// If an invariant breaks, or `sequence` or the moment go backwards: the shard must stop.
    pub fn execute(
        &mut self,
        sequence: Sequence,
        accepted: &Accepted,
        scratch: &mut Scratch,
    ) -> Outcome {
        let moment = accepted.moment;
        if let Command::Authorize(request) = &accepted.command {
            return self.execute_request(sequence, moment, request, scratch);
        }
        if let Command::Present(presentment) = &accepted.command {
            return self.present(sequence, moment, presentment, scratch);
        }
        self.advance(sequence, moment);
        if let Some(outcome) = accepted.idempotency.as_ref().and_then(|key| self.recall(key)) {
            return outcome;
        }
        let outcome = match self.administer(moment, &accepted.command) {
            Ok(done) => Outcome::Done(done),
            Err(refusal) => Outcome::Refused(refusal),
        };
        if let Some(key) = accepted.idempotency {
            let remembered =
                Remembered { content: key.content, at: moment.at, outcome: outcome.clone() };
            self.remembered.insert(key.key, remembered);
        }
        outcome
    }

    fn execute_request(
        &mut self,
        sequence: Sequence,
        moment: Moment,
        request: &Request,
        scratch: &mut Scratch,
    ) -> Outcome {
        let decision = self.authorize(sequence, moment, request, scratch);
        self.decided(decision, scratch)
    }

    /// A presentment of a clearing file: a fact (TOD-1), booked once.
    fn present(
        &mut self,
        sequence: Sequence,
        moment: Moment,
        presentment: &Presentment,
        scratch: &mut Scratch,
    ) -> Outcome {
        self.advance(sequence, moment);
        let decision = decide_presentment(self, sequence, moment, presentment, scratch);
        apply(self, sequence, moment, scratch);
        self.decided(decision, scratch)
    }

    fn decided(&self, decision: Decision, scratch: &Scratch) -> Outcome {
        Outcome::Decided(Box::new(Decided {
            decision,
            movement: scratch.movement,
            parties: scratch.parties,
            original: scratch.original,
            rules: CompactString::from(self.rules_version()),
            trace: scratch.trace.clone(),
            notice: scratch.notice,
        }))
    }

    fn administer(&mut self, moment: Moment, command: &Command) -> Result<Done, Refusal> {
        match command {
            Command::Authorize(_) | Command::Present(_) => {
                unreachable!("messages are decided, not administered")
            }
            Command::InstallRules { text } => self
                .install_rules(text)
                .map(|version| Done::RulesInstalled { version })
                .map_err(Refusal::Rules),
            Command::Import { part, last, items } => self.import(*part, *last, items),
            Command::Block { card, reason, .. } => self.block(moment, card, *reason),
            Command::Dispute(command) => self.dispute_command(moment, command),
            Command::Retire(command) => self.retire(moment, command),
            Command::Personal(command) => self.personal_command(moment, command),
            Command::StopList { actions, .. } => self.put_on_stop_list(moment, actions),
            Command::Unblock { card, reason, .. } => self.unblock(card, *reason),
            Command::ExemptCard { card, until, .. } => self.exempt(moment, card, *until),
            Command::Arrest { account, .. } => self.arrest(account, true),
            Command::LiftArrest { account, .. } => self.arrest(account, false),
            Command::Credit { account, amount, .. } => self.credit(moment, account, *amount),
            Command::SetCard { card, change, .. } => {
                self.set_card((self.sequence, moment), card, change)
            }
            Command::LoadRates { rates, .. } => self.load_rates(moment, rates),
            Command::SetTerminalKey { terminal, role, sealed, in_use, .. } => {
                self.set_terminal_key(moment, terminal, *role, sealed, in_use.as_deref())
            }
            Command::Key(event) => {
                self.note_key(event);
                Ok(Done::KeyNoted(event.clone()))
            }
            Command::Access(command) => self.access(moment, command),
            Command::Order(command) => self.order_command(moment, command),
            Command::Unauthentic { .. } => Ok(Done::UnauthenticNoted),
            Command::ExpireHolds => Ok(self.expire_holds(moment)),
            Command::EndOfDay { date } => {
                self.end_of_day(moment, *date).map(|part| Done::Day(Box::new(part)))
            }
        }
    }

    /// All or nothing: parts are put by until the last one, and part 0 begins anew. A file that
    /// can't be taken in whole leaves nothing.
    fn import(&mut self, part: u32, last: bool, items: &[PortfolioItem]) -> Result<Done, Refusal> {
        if part == 0 {
            self.staged.clear();
        }
        if at(part) != self.staged.len() {
            self.staged.clear();
            return Err(Refusal::Import(format!("part {part} is out of order")));
        }
        self.staged.push(items.to_vec());
        if !last {
            return Ok(Done::ImportStaged);
        }
        let mut next = self.clone();
        let staged = std::mem::take(&mut next.staged);
        self.staged = Vec::new();
        let mut count = 0u64;
        for items in &staged {
            let taken = next.import_items(items);
            count = count.saturating_add(taken.map_err(|e| Refusal::Import(e.to_string()))?);
        }
        next.recompile().map_err(Refusal::Import)?;
        *self = next;
        Ok(Done::Imported { items: count })
    }

    fn card_named(&self, id: &str) -> Result<u32, Refusal> {
        self.directory.card_position(id).ok_or(Refusal::UnknownCard)
    }

    fn account_named(&self, id: &str) -> Result<AccountSlot, Refusal> {
        self.directory.account_position(id).map(AccountSlot).ok_or(Refusal::UnknownAccount)
    }

    /// BLK-1: in force for every request decided after this.
    pub(crate) fn block(
        &mut self,
        moment: Moment,
        card: &str,
        reason: BlockReason,
    ) -> Result<Done, Refusal> {
        let slot = self.card_named(card)?;
        let mut block_chip = false;
        let card = self.cards.get_mut(at(slot)).ok_or(Refusal::UnknownCard)?;
        card.blocks.set(reason);
        if reason == BlockReason::PinTries {
            // PIN-3: what staff set, only staff lift.
            card.pin_tries_end = None;
        }
        if matches!(reason, BlockReason::Lost | BlockReason::Stolen) {
            card.loss_reported_at.get_or_insert(moment.at);
            block_chip = true;
        }
        // TOD-5: what staff set is staff's, and stays when the overdraft is repaid.
        card.policy_block &= reason != BlockReason::TechnicalOverdraft;
        if block_chip && self.rules().block_lost_chips {
            // Not every card has a chip, and one that waits already is enough.
            let _none = self.queue_script(slot, ScriptKind::CardBlock, moment.at);
        }
        Ok(Done::Blocked)
    }

    /// TOD-4: staff exempt one card from the block policy, or end that.
    fn exempt(
        &mut self,
        moment: Moment,
        card: &str,
        until: Option<BusinessDate>,
    ) -> Result<Done, Refusal> {
        let date = moment.business_date();
        if until.is_some_and(|until| until < date) {
            return Err(Refusal::DayPast);
        }
        let slot = self.card_named(card)?;
        let card = self.cards.get_mut(at(slot)).ok_or(Refusal::UnknownCard)?;
        card.exempt_until = until;
        let account = card.account;
        if until.is_none() {
            return Ok(Done::Exempted { changed: self.consider_block(account, date) > 0 });
        }
        let changed = card.policy_block;
        if changed {
            card.blocks.lift(BlockReason::TechnicalOverdraft);
            card.policy_block = false;
        }
        Ok(Done::Exempted { changed })
    }

    /// BLK-2: lifting one reason leaves the others.
    pub(crate) fn unblock(&mut self, card: &str, reason: BlockReason) -> Result<Done, Refusal> {
        let slot = self.card_named(card)?;
        let card = self.cards.get_mut(at(slot)).ok_or(Refusal::UnknownCard)?;
        if !card.blocks.contains(reason) {
            return Err(Refusal::NotBlockedFor);
        }
        if !reason.can_be_lifted() {
            return Err(Refusal::CannotBeLifted);
        }
        card.blocks.lift(reason);
        card.policy_block &= reason != BlockReason::TechnicalOverdraft;
        if reason == BlockReason::PinTries {
            (card.pin_tries, card.pin_tries_end) = (0, None);
        }
        Ok(Done::Unblocked)
    }

    fn arrest(&mut self, account: &str, arrested: bool) -> Result<Done, Refusal> {
        let slot = self.account_named(account)?;
        let account = self.ledger.account_mut(slot).ok_or(Refusal::UnknownAccount)?;
        account.arrested = arrested;
        Ok(if arrested { Done::Arrested } else { Done::ArrestLifted })
    }

    /// BAL-5: a credit is spent in the order of the rule book, whatever it is said to be for.
    fn credit(&mut self, moment: Moment, account: &str, amount: u64) -> Result<Done, Refusal> {
        let slot = self.account_named(account)?;
        let found = self.ledger.account(slot).ok_or(Refusal::UnknownAccount)?;
        if found.closed {
            return Err(Refusal::AccountClosed);
        }
        let transfer = Transfer {
            debit: Party::General(GeneralAccount::IncomingCredits),
            credit: Party::Customer(slot),
            amount,
            currency: found.currency,
        };
        if amount > MOST_AT_ONCE || !self.ledger.fits([transfer].iter()) {
            return Err(Refusal::AmountOutOfRange);
        }
        let spent = self.post(&transfer, moment, OverdraftCause::Fee).unwrap_or_default();
        self.note_operation(slot, moment.business_date());
        let balance = self.ledger.account(slot).map_or(0, |account| account.balance);
        Ok(Done::Credited { account: slot, spent, balance, transfers: vec![transfer] })
    }

    /// TXN-3: releases the holds whose time is up.
    fn expire_holds(&mut self, moment: Moment) -> Done {
        let mut amounts: Vec<(payment_types::Currency, Balance)> = Vec::new();
        let mut transactions = Vec::new();
        for slot in self.ledger.expired_holds(moment.at) {
            let Some((transaction, currency, amount)) = self.expire_hold(slot) else { continue };
            transactions.push(transaction);
            match amounts.iter_mut().find(|row| row.0 == currency) {
                Some(row) => row.1 = row.1.saturating_add(amount),
                None => amounts.push((currency, amount)),
            }
        }
        self.ledger.forget_expired_hours(moment.at);
        let count = u64::try_from(transactions.len()).unwrap_or(u64::MAX);
        Done::HoldsExpired { count, amounts, transactions }
    }

    pub(crate) fn expire_transaction(&mut self, sequence: Sequence) {
        let Some(root) = self.transactions.place_of(sequence) else { return };
        let places: Vec<_> = self.chain_of(root).chain([root]).collect();
        for place in places {
            let Some(row) = self.transactions.get(place) else { continue };
            let change =
                Change { status: Status::Expired, hold: None, ..Change::unchanged(place, row) };
            if let Some(row) = self.transactions.get_mut(place) {
                row.status = change.status;
                row.hold = change.hold;
            }
        }
    }
}
