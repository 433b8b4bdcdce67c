//! Mini-statement (TXN-5, processing code 38): the account's last movements.

use super::case::Case;
use crate::decision::{Statement, StatementLine};
use crate::transactions::{Status, Transaction};
use ledger::AccountSlot;
use payment_types::Sequence;

impl Case<'_> {
    /// The last movements of the account as they stand, newest first.
    pub(super) fn mini_statement(&self) -> Statement {
        self.account.map_or(Statement::default(), |(slot, _)| statement(self.state, slot, None))
    }
}

/// Whether it moved money that has stayed moved, a fee at least.
fn moved(row: &Transaction) -> bool {
    row.status == Status::Posted && (row.stands != 0 || row.pricing.is_some())
}

/// The movements of an account before a sequence, or all: what was wholly reversed, or only held,
/// is not among them.
pub(super) fn statement(
    state: &crate::State,
    slot: AccountSlot,
    before: Option<Sequence>,
) -> Statement {
    let mut statement = Statement::default();
    let transactions = state.transactions();
    for place in transactions.of_account(slot) {
        let Some(row) = transactions.get(place) else { continue };
        if before.is_some_and(|before| row.sequence >= before) || !moved(row) {
            continue;
        }
        let line = StatementLine {
            date: row.date,
            transaction: row.processing_code.transaction,
            amount: row.stands,
            currency: row.currency,
        };
        if !statement.push(line) {
            break;
        }
    }
    statement
}
