//! What must be in order before money is looked at: card, PIN, account, device, type.

use super::case::Case;
use crate::{BlockReason, Extra, NewPin, PinFact, ResultCode, RuleId, Verdict};
use ledger::{AccountSlot, GeneralAccount, Party};
use limits::Operation;
use payment_types::{DeviceCategory, PanEntry, TransactionType};

/// Which way the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the account.
    Debit,
    /// To the account.
    Credit,
    /// Nowhere: an inquiry.
    None,
}

/// What a request does, from DE 3 and the device's category (never from the message's own word
/// about the device).
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) operation: Operation,
    pub(super) direction: Direction,
    /// All of it is cash.
    pub(super) is_cash: bool,
    /// A part of it may be cash (DE 3 = 09).
    pub(super) has_cash_back: bool,
    /// The bank's account on the other side.
    pub(super) counterpart: GeneralAccount,
    /// The customer's account on the other side, of a transfer between cards.
    pub(super) receiver: Option<AccountSlot>,
}

impl Kind {
    /// Whether money moves at all.
    pub(super) fn moves(self) -> bool {
        self.direction != Direction::None
    }

    /// Who is on the other side.
    pub(super) fn other_side(self) -> Party {
        self.receiver.map_or(Party::General(self.counterpart), Party::Customer)
    }
}

impl Case<'_> {
    /// TXN-5: what DE 3 asks for and whether the device may do it.
    pub(super) fn kind(&mut self) -> Result<Kind, ResultCode> {
        let category = self.terminal.map(|(_, terminal)| terminal.category);
        let category = category.ok_or(ResultCode::UnknownTerminal)?;
        let asked = self.request.processing_code.transaction_type();
        let absent = self.request.entry_mode.is_card_absent();
        let kind = kind_of(asked, category, absent);
        let mut kind = kind.inspect_err(|_| self.note(RuleId::Txn5, Verdict::Decline))?;
        if self.terminal.is_some_and(|(_, terminal)| !terminal.on_us) {
            kind.counterpart = GeneralAccount::NetworkSettlement;
        }
        // Whatever else names a card in DE 103, only a transfer is for it.
        kind.receiver = self.receiver().filter(|_| kind.operation == Operation::Transfer);
        Ok(kind)
    }

    /// The account of the card that DE 103 names (TXN-5).
    fn receiver(&self) -> Option<AccountSlot> {
        let Some(Extra::Receiver(card)) = self.request.extra else { return None };
        let card = self.state.card(self.state.card_by_digest(&card.digest)?)?;
        Some(card.account)
    }

    /// TXN-5: a transfer needs an account that can take it: one of ours, another one than the
    /// sender's, open, in the currency of the transfer. Blocks of its cards do not matter (BLK-4).
    pub(super) fn receiver_in_order(&mut self, kind: Kind) -> Result<(), ResultCode> {
        if kind.operation != Operation::Transfer {
            return Ok(());
        }
        let account = kind.receiver.and_then(|slot| self.state.ledger().account(slot));
        let sender = self.account.map(|(slot, _)| slot);
        let told = self.request.extra.is_some() || kind.receiver.is_some();
        let result = match account {
            None if told => ResultCode::UnknownCard,
            None => ResultCode::InvalidTransaction,
            Some(_) if kind.receiver == sender => ResultCode::InvalidTransaction,
            Some(account) if account.closed => ResultCode::AccountClosed,
            Some(account) if account.currency != self.request.amount.currency() => {
                ResultCode::NoRate
            }
            Some(_) => return Ok(()),
        };
        self.note(RuleId::Txn5, Verdict::Decline);
        Err(result)
    }

    /// TXN-2: a reversal that came first kills the request.
    pub(super) fn not_reversed_before(&mut self) -> Result<(), ResultCode> {
        let transactions = self.state.transactions();
        let early = transactions.tombstone(self.request).and_then(|place| transactions.get(place));
        // One that came first in part has lowered the request already.
        if early.is_some_and(|row| row.stands == 0) {
            self.note(RuleId::Txn2, Verdict::Decline);
            return Err(ResultCode::ReversedBeforeArrival);
        }
        Ok(())
    }

    /// BLK-2: the most severe reason answers; expiry is the calendar's; DE 14 must be the card's.
    pub(super) fn card_in_order(&mut self) -> Result<(), ResultCode> {
        self.not_stop_listed()?;
        let Some((_, card)) = self.card else {
            self.note(RuleId::Blk2, Verdict::Decline);
            return Err(ResultCode::UnknownCard);
        };
        if card.pin_block_over(self.date) {
            self.end_pin_block();
        }
        if let Some(obstacle) = card.obstacle(self.date) {
            if obstacle.reason == Some(BlockReason::NotActivated) && self.activates() {
                if let Some(change) = self.card_change() {
                    change.lift.set(BlockReason::NotActivated);
                }
                self.note(RuleId::Blk1, Verdict::Note);
            } else {
                self.note(RuleId::Blk2, Verdict::Decline);
                return Err(obstacle.result);
            }
        }
        if self.request.expiry.is_some_and(|expiry| expiry != card.expiry) {
            self.note(RuleId::Blk2, Verdict::Decline);
            return Err(ResultCode::CardExpired);
        }
        self.note(RuleId::Blk2, Verdict::Pass);
        Ok(())
    }

    /// PIN-3: the block ended by itself when the day began.
    fn end_pin_block(&mut self) {
        if let Some(change) = self.card_change() {
            change.lift.set(BlockReason::PinTries);
            (change.pin_tries, change.pin_tries_end) = (0, None);
        }
        self.note(RuleId::Pin3, Verdict::Note);
    }

    /// BLK-5: a number on the stop-list, ours or not. A card reported lost or stolen says so first.
    fn not_stop_listed(&mut self) -> Result<(), ResultCode> {
        let terms =
            self.request.card.and_then(|card| self.state.stop_list().find(&card, self.date));
        let Some(terms) = terms else { return Ok(()) };
        let worse = self.card.and_then(|(_, card)| card.obstacle(self.date)?.reason);
        if matches!(worse, Some(BlockReason::Stolen | BlockReason::Lost)) {
            return Ok(());
        }
        self.note(RuleId::Blk5, Verdict::Decline);
        Err(if terms.special {
            ResultCode::CardStopListedSpecial
        } else {
            ResultCode::CardStopListed
        })
    }

    /// Activation: the first chip transaction with the right PIN, or one that asks for it with the
    /// right PIN (rule book section 5).
    fn activates(&self) -> bool {
        let asked = self.request.processing_code.transaction_type() == TransactionType::Activation;
        self.request.facts.pin == PinFact::OnlineVerified
            && (asked || self.request.entry_mode.pan_entry() == PanEntry::Chip)
    }

    /// PIN-2: a wrong PIN counts, the last allowed one blocks, a right one resets.
    pub(super) fn pin(&mut self) -> Result<(), ResultCode> {
        let date = self.date;
        let by_itself = self.product.is_some_and(|product| product.security.pin_tries_reset_daily);
        let Some((_, card)) = self.card else { return Err(ResultCode::UnknownCard) };
        let before = self.scratch.effects.card.map_or(card.pin_tries, |change| change.pin_tries);
        let allowed = self.product.map_or(3, |product| product.pin_tries.max(1));
        let tries = i64::from(before);
        match self.request.facts.pin {
            PinFact::OnlineWrong => {
                let pin_tries = before.saturating_add(1);
                let last = pin_tries >= allowed;
                if let Some(change) = self.card_change() {
                    change.pin_tries = pin_tries;
                    if last {
                        change.set.set(BlockReason::PinTries);
                        change.pin_tries_end = by_itself.then(|| date.plus_days(1));
                    }
                }
                self.trace(RuleId::Pin2, Verdict::Decline, 1, tries, i64::from(allowed));
                Err(if last { ResultCode::PinTriesExceeded } else { ResultCode::WrongPin })
            }
            PinFact::Unverifiable => {
                self.note(RuleId::Pin1, Verdict::Decline);
                Err(ResultCode::PinUnverifiable)
            }
            PinFact::Unavailable => {
                self.note(RuleId::Pin1, Verdict::Decline);
                Err(ResultCode::SecurityUnavailable)
            }
            PinFact::OnlineVerified => {
                self.trace(RuleId::Pin2, Verdict::Pass, 0, tries, i64::from(allowed));
                if before > 0
                    && let Some(change) = self.card_change()
                {
                    change.pin_tries = 0;
                }
                Ok(())
            }
            PinFact::NotPresent | PinFact::OfflineVerified | PinFact::DeviceVerified => Ok(()),
        }
    }

    /// PIN-4: a change needs the old PIN, right and online, and a new one that could be read.
    pub(super) fn pin_change(&mut self) -> Result<Option<NewPin>, ResultCode> {
        let facts = &self.request.facts;
        if self.request.processing_code.transaction_type() != TransactionType::PinChange {
            return Ok(None);
        }
        if facts.pin != PinFact::OnlineVerified {
            self.note(RuleId::Pin4, Verdict::AskPin);
            return Err(ResultCode::PinRequired);
        }
        if facts.new_pin.is_none() {
            self.note(RuleId::Pin4, Verdict::Decline);
            return Err(ResultCode::NewPinMissing);
        }
        Ok(facts.new_pin)
    }

    /// BAL-6 and BLK-7: arrest takes credits and no debits; a closed account takes nothing. An
    /// account stops all its cards.
    pub(super) fn account_in_order(&mut self, direction: Direction) -> Result<(), ResultCode> {
        let Some((_, account)) = self.account else { return Err(ResultCode::UnknownCard) };
        if account.closed {
            self.note(RuleId::Blk7, Verdict::Decline);
            return Err(ResultCode::AccountClosed);
        }
        if account.arrested && direction == Direction::Debit {
            self.note(RuleId::Bal6, Verdict::Decline);
            return Err(ResultCode::AccountArrested);
        }
        let contactless = self.product.is_some_and(|product| product.contactless);
        if self.request.entry_mode.is_contactless() && !contactless {
            self.note(RuleId::Txn5, Verdict::Decline);
            return Err(ResultCode::CardNotPermitted);
        }
        Ok(())
    }
}

/// The bank's account for the cash of a device.
const fn cash_account(category: DeviceCategory) -> GeneralAccount {
    match category {
        DeviceCategory::Agent => GeneralAccount::AgentSettlement,
        DeviceCategory::Atm => GeneralAccount::AtmCash,
        DeviceCategory::Branch => GeneralAccount::BranchCash,
        DeviceCategory::Merchant | DeviceCategory::Ecommerce => GeneralAccount::MerchantSettlement,
    }
}

pub(super) fn kind_of(
    asked: TransactionType,
    category: DeviceCategory,
    card_absent: bool,
) -> Result<Kind, ResultCode> {
    use DeviceCategory as At;
    let refuse = Err(ResultCode::TerminalNotPermitted);
    let cash = |operation, counterpart| Kind {
        operation,
        direction: Direction::Debit,
        is_cash: true,
        has_cash_back: false,
        counterpart,
        receiver: None,
    };
    let goods = |operation, direction| Kind {
        operation,
        direction,
        is_cash: false,
        has_cash_back: false,
        counterpart: GeneralAccount::MerchantSettlement,
        receiver: None,
    };
    let cash_account = cash_account(category);
    match (asked, category) {
        (TransactionType::BalanceInquiry | TransactionType::MiniStatement, _) => {
            Ok(goods(Operation::Other, Direction::None))
        }
        (TransactionType::Transfer, At::Merchant) => refuse,
        (TransactionType::Transfer, _) => Ok(goods(Operation::Transfer, Direction::Debit)),
        (TransactionType::PinChange, At::Atm | At::Branch) => {
            Ok(goods(Operation::Other, Direction::None))
        }
        (TransactionType::PinChange, _) => refuse,
        (TransactionType::Activation, At::Ecommerce) => refuse,
        (TransactionType::Activation, _) => Ok(goods(Operation::Other, Direction::None)),
        (TransactionType::Purchase | TransactionType::Refund, At::Atm) => refuse,
        (TransactionType::Purchase, at) if card_absent || at == At::Ecommerce => {
            Ok(goods(Operation::Ecommerce, Direction::Debit))
        }
        (TransactionType::Purchase, _) => Ok(goods(Operation::Purchase, Direction::Debit)),
        (TransactionType::Refund, _) => Ok(goods(Operation::Refund, Direction::Credit)),
        (TransactionType::PurchaseWithCashback, At::Atm | At::Ecommerce) => refuse,
        (TransactionType::PurchaseWithCashback, _) => {
            let kind = goods(Operation::Purchase, Direction::Debit);
            Ok(Kind { has_cash_back: true, counterpart: cash_account, ..kind })
        }
        (TransactionType::Cash | TransactionType::CashDisbursement, At::Agent) => {
            Ok(cash(Operation::AgentCash, cash_account))
        }
        (TransactionType::Cash | TransactionType::CashDisbursement, At::Atm) => {
            Ok(cash(Operation::AtmCash, cash_account))
        }
        (TransactionType::Cash | TransactionType::CashDisbursement, At::Branch) => {
            Ok(cash(Operation::BranchCash, cash_account))
        }
        (TransactionType::Cash | TransactionType::CashDisbursement, _) => refuse,
        (TransactionType::CashIn, At::Agent | At::Atm | At::Branch) => {
            let kind = goods(Operation::CashIn, Direction::Credit);
            Ok(Kind { counterpart: cash_account, ..kind })
        }
        (TransactionType::CashIn, _) => refuse,
        (TransactionType::CreditToCard, _) => Ok(Kind {
            counterpart: GeneralAccount::NetworkSettlement,
            ..goods(Operation::Other, Direction::Credit)
        }),
        _ => Err(ResultCode::InvalidTransaction),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn txn_5_the_register_says_what_a_device_may_do() {
        use DeviceCategory as At;
        use TransactionType as Type;
        for (asked, category, expected) in [
            (Type::Purchase, At::Merchant, Ok(Operation::Purchase)),
            (Type::Purchase, At::Agent, Ok(Operation::Purchase)),
            (Type::Purchase, At::Ecommerce, Ok(Operation::Ecommerce)),
            (Type::Purchase, At::Atm, Err(ResultCode::TerminalNotPermitted)),
            (Type::Cash, At::Agent, Ok(Operation::AgentCash)),
            (Type::CashDisbursement, At::Agent, Ok(Operation::AgentCash)),
            (Type::Cash, At::Atm, Ok(Operation::AtmCash)),
            (Type::CashDisbursement, At::Branch, Ok(Operation::BranchCash)),
            (Type::Cash, At::Merchant, Err(ResultCode::TerminalNotPermitted)),
            (Type::CashIn, At::Merchant, Err(ResultCode::TerminalNotPermitted)),
            (Type::CashIn, At::Agent, Ok(Operation::CashIn)),
            (Type::BalanceInquiry, At::Atm, Ok(Operation::Other)),
            (Type::Transfer, At::Atm, Ok(Operation::Transfer)),
            (Type::Transfer, At::Merchant, Err(ResultCode::TerminalNotPermitted)),
            (Type::PinChange, At::Atm, Ok(Operation::Other)),
            (Type::PinChange, At::Branch, Ok(Operation::Other)),
            (Type::PinChange, At::Merchant, Err(ResultCode::TerminalNotPermitted)),
            (Type::PinChange, At::Agent, Err(ResultCode::TerminalNotPermitted)),
            (Type::Payment, At::Atm, Err(ResultCode::InvalidTransaction)),
            (Type::Other, At::Merchant, Err(ResultCode::InvalidTransaction)),
        ] {
            let kind = kind_of(asked, category, false).map(|kind| kind.operation);
            assert_eq!(kind, expected, "{asked:?} at {category:?}");
        }
    }
}
