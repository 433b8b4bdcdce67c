//! Money is posted here: what a posting does to technical overdrafts, fees due, the minimum balance
//! and the block policy is kept up with it (TOD-1 to TOD-5, BAL-3, BAL-5).

use crate::directory::at;
use crate::{BlockReason, Notice, State};
use ledger::{
    Account, AccountSlot, DebtPart, GeneralAccount, LedgerFault, OpenOverdraft, OverdraftCause,
    Party, Refill, Spent, Transfer,
};
use limits::RepaidPart;
use payment_types::{Balance, BusinessDate, Moment};

/// Working days for repaying a technical overdraft (001 §4.11, TOD-2), and for a service fee that
/// was not covered (TOD-7).
pub(crate) const REPAY_WORKING_DAYS: u16 = 5;
/// Banking days for refilling the minimum balance (BAL-3).
pub(crate) const REFILL_WORKING_DAYS: u16 = 3;

/// The ledger's word that a checked change went through.
pub(crate) fn held<T>(result: Result<T, LedgerFault>) -> T {
    result.unwrap_or_else(|fault| panic!("ledger invariant broken: {fault}"))
}

impl State {
    /// Posts a transfer. A credit repays first what its account owes (BAL-5) and the answer says
    /// how; a debit that is not covered opens or grows a technical overdraft (TOD-1).
    ///
    /// # Panics
    /// On a transfer that the caller had to check: the shard must stop.
    pub(crate) fn post(
        &mut self,
        transfer: &Transfer,
        moment: Moment,
        cause: OverdraftCause,
    ) -> Option<Spent> {
        let date = moment.business_date();
        let amount = Balance::try_from(transfer.amount).unwrap_or(Balance::MAX);
        let spent = match transfer.credit {
            Party::Customer(slot) => self.settle(slot, amount, date),
            Party::General(_) => None,
        };
        let mut before = 0;
        if let Party::Customer(slot) = transfer.debit {
            self.note_account(slot, moment, OverdraftCause::OverdraftEnded);
            before = self.technical_on(slot, date);
        }
        held(self.ledger.post(transfer));
        if let Party::Customer(slot) = transfer.debit {
            self.owe(slot, transfer, before, date);
            self.note_account(slot, moment, cause);
        }
        if let Party::Customer(slot) = transfer.credit {
            self.note_account(slot, moment, cause);
        }
        spent
    }

    /// What the customer is to be told after a debit, if it opened or grew a technical overdraft
    /// (TOD-2), or ate into the minimum balance (BAL-3).
    pub(crate) fn notice_of(
        &self,
        account: AccountSlot,
        before: &Account,
        after: &Account,
        moment: Moment,
    ) -> Option<Notice> {
        let date = moment.business_date();
        let calendar = self.plan().calendar();
        let amount = after.technical_overdraft(date);
        if amount > before.technical_overdraft(date) {
            let known = before.open_overdraft().and_then(|open| open.due_on);
            let due = || calendar.add_working_days(date, REPAY_WORKING_DAYS);
            let due_on = known.unwrap_or_else(due);
            return Some(Notice::TechnicalOverdraft { account, amount, due_on });
        }
        let missing = after.minimum_missing();
        if missing > 0 && after.balance < before.balance {
            let refill = before.debts.as_ref().and_then(|debts| debts.refill);
            let due = || calendar.add_working_days(date, REFILL_WORKING_DAYS);
            let due_on = refill.and_then(|refill| refill.due_on).unwrap_or_else(due);
            return Some(Notice::MinimumBalance { account, missing, due_on });
        }
        None
    }

    /// TOD-2 and BAL-3: a notice was put into the outbox, so the clock runs.
    pub(crate) fn told(&mut self, notice: &Notice, moment: Moment) {
        match *notice {
            Notice::TechnicalOverdraft { account, due_on, .. } => {
                let key = self.listed_under(account);
                let Some(found) = self.ledger.account_mut(account) else { return };
                let debts = found.debts.as_mut();
                if let Some(open) = debts.and_then(|debts| debts.open.as_mut()) {
                    open.notified_at.get_or_insert(moment.at);
                    open.due_on.get_or_insert(due_on);
                }
                self.relist(account, key);
            }
            Notice::MinimumBalance { account, due_on, .. } => {
                let Some(found) = self.ledger.account_mut(account) else { return };
                let refill = found.debts_mut().refill.get_or_insert(Refill {
                    since: moment.at,
                    notified_at: None,
                    due_on: None,
                    told_overdue: false,
                });
                refill.notified_at.get_or_insert(moment.at);
                refill.due_on.get_or_insert(due_on);
            }
            _ => {}
        }
    }

    /// BAL-3: a fact was booked; from when the minimum balance is to be refilled.
    pub(crate) fn note_refill(&mut self, slot: AccountSlot, moment: Moment) {
        let missing = self.ledger.account(slot).map_or(0, Account::minimum_missing);
        let Some(account) = self.ledger.account_mut(slot).filter(|_| missing > 0) else { return };
        let (since, told_overdue) = (moment.at, false);
        let refill = Refill { since, notified_at: None, due_on: None, told_overdue };
        account.debts_mut().refill.get_or_insert(refill);
    }

    /// The product's order of repayment (BAL-5).
    pub(crate) fn repayment_order(&self, product: u32) -> [DebtPart; 3] {
        self.plan().overdraft_terms(product).repayment_order.map(|part| match part {
            RepaidPart::Interest => DebtPart::Interest,
            RepaidPart::Fee => DebtPart::Fee,
            RepaidPart::Principal => DebtPart::Principal,
        })
    }

    fn settle(&mut self, slot: AccountSlot, amount: Balance, date: BusinessDate) -> Option<Spent> {
        let account = self.ledger.account(slot)?;
        let order = self.repayment_order(account.product);
        if account.debts.is_none() {
            return Some(account.spend_credit(amount, date, &order));
        }
        self.ledger.account_mut(slot).map(|account| account.settle(amount, date, &order))
    }

    fn technical_on(&self, slot: AccountSlot, date: BusinessDate) -> Balance {
        self.ledger.account(slot).map_or(0, |account| account.technical_overdraft(date))
    }

    /// What kind of debt a debit is: interest and penalties are owed beside the overdraft, a fee
    /// that is not covered is a part of it.
    fn owe(&mut self, slot: AccountSlot, transfer: &Transfer, before: Balance, date: BusinessDate) {
        let Party::General(income) = transfer.credit else { return };
        let amount = Balance::try_from(transfer.amount).unwrap_or(Balance::MAX);
        match income {
            GeneralAccount::InterestIncome | GeneralAccount::PenaltyIncome => {
                let Some(account) = self.ledger.account_mut(slot) else { return };
                let debts = account.debts_mut();
                let owed = if income == GeneralAccount::InterestIncome {
                    &mut debts.interest
                } else {
                    &mut debts.penalty
                };
                *owed = owed.saturating_add(amount);
            }
            GeneralAccount::FeeIncome => {
                let uncovered = self.technical_on(slot, date).saturating_sub(before).max(0);
                if uncovered > 0 {
                    let calendar = self.plan().calendar();
                    let due_on = calendar.add_working_days(date, REPAY_WORKING_DAYS);
                    if let Some(account) = self.ledger.account_mut(slot) {
                        account.debts_mut().add_fee(uncovered, due_on);
                    }
                }
            }
            _ => {}
        }
    }

    /// TOD-2, TOD-4, TOD-5: what has become of an account's technical overdraft, and its blocks.
    pub(crate) fn note_account(
        &mut self,
        slot: AccountSlot,
        moment: Moment,
        cause: OverdraftCause,
    ) {
        let date = moment.business_date();
        let Some(account) = self.ledger.account(slot) else { return };
        if account.balance >= 0 && account.debts.is_none() {
            return;
        }
        let is_open = account.technical_parts(date).total() > 0;
        let was_open = account.open_overdraft().is_some();
        let key = self.listed_under(slot);
        let Some(account) = self.ledger.account_mut(slot) else { return };
        if account.minimum_missing() == 0
            && let Some(debts) = &mut account.debts
        {
            debts.refill = None;
        }
        match (was_open, is_open) {
            (false, true) => {
                let debts = account.debts_mut();
                let (since, notified_at, due_on) = (moment.at, None, None);
                let told_overdue = false;
                let open = OpenOverdraft { since, cause, notified_at, due_on, told_overdue };
                debts.open = Some(open);
                debts.add_opening(date);
                self.relist(slot, key);
            }
            (true, false) => {
                account.debts_mut().open = None;
                account.tidy_debts();
                self.relist(slot, key);
                self.lift_blocks(slot);
            }
            _ => account.tidy_debts(),
        }
        if is_open {
            self.consider_block(slot, date);
        }
    }

    /// TOD-4: whether the product's policy blocks the cards of an account on a day.
    pub(crate) fn policy_blocks(&self, account: &Account, date: BusinessDate) -> bool {
        let Some(debts) = &account.debts else { return false };
        let Some(open) = debts.open else { return false };
        let policy = self.plan().overdraft_terms(account.product).block;
        let amount = account.technical_overdraft(date).unsigned_abs();
        let too_much = policy.amount_above.is_some_and(|most| amount > most);
        let often = policy.openings.zip(policy.within_days);
        let too_often =
            often.is_some_and(|(openings, days)| debts.openings_within(date, days) >= openings);
        let overdue = policy.when_overdue && open.due_on.is_some_and(|due| due < date);
        too_much || too_often || overdue
    }

    /// TOD-4: blocks the cards of an account as its product's policy says, but those that staff
    /// exempted. Gives how many were blocked.
    pub(crate) fn consider_block(&mut self, slot: AccountSlot, date: BusinessDate) -> u64 {
        let blocks = self.ledger.account(slot).is_some_and(|a| self.policy_blocks(a, date));
        if !blocks {
            return 0;
        }
        let reason = BlockReason::TechnicalOverdraft;
        let mut blocked = 0u64;
        let cards: Vec<u32> = self.cards_of.of(slot.0).collect();
        for card in cards {
            let is_free = self
                .card(card)
                .is_some_and(|card| !card.blocks.contains(reason) && !card.is_exempt_on(date));
            if let Some(card) = self.cards.get_mut(at(card)).filter(|_| is_free) {
                card.blocks.set(reason);
                card.policy_block = true;
                blocked = blocked.saturating_add(1);
            }
        }
        blocked
    }

    /// TOD-5: full repayment lifts the policy's own block, if the policy says so.
    fn lift_blocks(&mut self, slot: AccountSlot) {
        let product = self.ledger.account(slot).map_or(u32::MAX, |account| account.product);
        if !self.plan().overdraft_terms(product).block.lift_on_repayment {
            return;
        }
        let cards: Vec<u32> = self.cards_of.of(slot.0).collect();
        for card in cards {
            let is_ours = self.card(card).is_some_and(|card| card.policy_block);
            if let Some(card) = self.cards.get_mut(at(card)).filter(|_| is_ours) {
                card.blocks.lift(BlockReason::TechnicalOverdraft);
                card.policy_block = false;
            }
        }
    }

    /// Where an account stands in the list of open technical overdrafts: by due date; those of
    /// which the customer was not notified yet come last.
    pub(crate) fn listed_under(&self, slot: AccountSlot) -> Option<(BusinessDate, u32)> {
        let open = self.ledger.account(slot)?.open_overdraft()?;
        Some((open.due_on.unwrap_or(BusinessDate::from_days(i32::MAX)), slot.0))
    }

    fn relist(&mut self, slot: AccountSlot, before: Option<(BusinessDate, u32)>) {
        let now = self.listed_under(slot);
        if now == before {
            return;
        }
        if let Some(before) = before {
            self.open_overdrafts.remove(&before);
        }
        self.open_overdrafts.extend(now);
    }

    /// The accounts whose technical overdraft is open, by due date and position, after a place.
    pub fn open_overdrafts(
        &self,
        after: Option<(BusinessDate, u32)>,
    ) -> impl Iterator<Item = (BusinessDate, AccountSlot)> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = self.open_overdrafts.range((from, std::ops::Bound::Unbounded));
        range.map(|(due, slot)| (*due, AccountSlot(*slot)))
    }

    /// The cards of an account.
    pub fn cards_of(&self, slot: AccountSlot) -> impl Iterator<Item = u32> {
        self.cards_of.of(slot.0)
    }

    /// Whether a card of an account is blocked for its technical overdraft (TOD-4).
    #[must_use]
    pub fn is_blocked_for_overdraft(&self, slot: AccountSlot) -> bool {
        let mut cards = self.cards_of.of(slot.0).filter_map(|card| self.card(card));
        cards.any(|card| card.blocks.contains(BlockReason::TechnicalOverdraft))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Accepted, AccountItem, Command, Done, Outcome, PortfolioItem, ProductItem, Scratch,
    };
    use ledger::Parts;
    use payment_types::{Currency, Sequence, UtcOffset};

    const OFFSET: UtcOffset = UtcOffset(360);

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    fn command(state: &mut State, date: &str, command: Command) -> Outcome {
        let moment = Moment::new(day(date).start(OFFSET), OFFSET);
        let accepted = Accepted { moment, idempotency: None, command };
        let sequence = Sequence(state.last_sequence().0 + 1);
        state.execute(sequence, &accepted, &mut Scratch::new())
    }

    fn bank() -> State {
        let mut state = State::new();
        let items = vec![
            PortfolioItem::Product(ProductItem {
                id: "p".into(),
                currency: Currency::KGS,
                minimum_balance: 0,
                contactless: true,
                partial_approval: false,
                pin_tries: 3,
                hold_days: None,
                security: Default::default(),
            }),
            PortfolioItem::Customer {
                id: "C".into(),
                tier: "standard".into(),
                details: Vec::new(),
            },
            PortfolioItem::Account(AccountItem {
                id: "A".into(),
                customer: "C".into(),
                product: "p".into(),
                currency: Currency::KGS,
                balance: 10_000,
                overdraft_limit: 0,
                overdraft_from: None,
                overdraft_until: None,
            }),
        ];
        command(&mut state, "2026-11-23", Command::Import { part: 0, last: true, items });
        state
    }

    #[test]
    fn tod_7_an_uncovered_fee_is_due_in_five_working_days_and_then_bears_a_penalty() {
        let mut state = bank();
        let slot = AccountSlot(0);
        let moment = Moment::new(day("2026-11-23").start(OFFSET), OFFSET);
        let fee = Transfer {
            debit: Party::Customer(slot),
            credit: Party::General(GeneralAccount::FeeIncome),
            amount: 15_000,
            currency: Currency::KGS,
        };
        state.post(&fee, moment, OverdraftCause::Fee);
        let account = state.ledger().account(slot).unwrap();
        assert_eq!(account.open_overdraft().unwrap().cause, OverdraftCause::Fee);
        let parts = Parts { interest: 0, fee: 5_000, principal: 0 };
        assert_eq!(account.technical_parts(day("2026-11-23")), parts);
        let mut booked = Vec::new();
        while let Some(date) = state.next_day().filter(|date| *date <= day("2026-12-02")) {
            let next = date.plus_days(1).to_string();
            let outcome = command(&mut state, &next, Command::EndOfDay { date });
            let Outcome::Done(Done::Day(part)) = outcome else { panic!("{outcome:?}") };
            booked
                .extend(part.transfers.iter().map(|transfer| (date.to_string(), transfer.amount)));
        }
        let expected = [("2026-12-01", 5), ("2026-12-02", 5)];
        assert_eq!(booked, expected.map(|(date, amount)| (date.to_owned(), amount)));
        let account = state.ledger().account(slot).unwrap();
        let parts = Parts { interest: 0, fee: 5_010, principal: 0 };
        assert_eq!(account.technical_parts(day("2026-12-03")), parts);
        assert_eq!((account.balance, state.ledger().verify()), (-5_010, Ok(())));
        let credit = Command::Credit {
            account: "A".into(),
            amount: 5_010,
            reference: "r".into(),
            purpose: "".into(),
            entered_by: "t".into(),
        };
        command(&mut state, "2026-12-03", credit);
        let account = state.ledger().account(slot).unwrap();
        assert_eq!((account.balance, account.open_overdraft()), (0, None));
    }
}
