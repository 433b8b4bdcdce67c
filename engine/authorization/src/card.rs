//! A card, and the reasons it may be blocked for, kept apart (rule book section 5).

use crate::{AtcWindow, BlockReason, ResultCode, SealedPanBytes};
use arrayvec::ArrayVec;
use ledger::AccountSlot;
use payment_types::{BusinessDate, ExpiryDate, MaskedPan, PanDigest, Timestamp};
use serde::{Deserialize, Serialize};

/// Opaque bytes of the security module: what a PIN is checked against.
pub type PinReferenceBytes = ArrayVec<u8, 24>;

/// A card in the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What it is looked up by.
    pub digest: PanDigest,
    /// Its number, sealed under its holder's key; empty once the holder was erased (PII-3).
    pub sealed_pan: SealedPanBytes,
    /// Its number as people may see it.
    pub masked: MaskedPan,
    /// Its first eight digits, which tell its network (NET-1).
    pub leading: u32,
    /// The account it draws on.
    pub account: AccountSlot,
    /// Who holds it, as a position in the directory.
    pub holder: u32,
    /// Its last month.
    pub expiry: ExpiryDate,
    /// Its sequence number.
    pub sequence: u8,
    /// Its service code.
    pub service_code: u16,
    /// What it is blocked for.
    pub blocks: Blocks,
    /// SEC-4: whether it pays over the net.
    pub ecommerce: bool,
    /// SEC-4: whether it pays by mail and telephone orders.
    pub moto: bool,
    /// Wrong PINs in a row (PIN-2).
    pub pin_tries: u8,
    /// The day on which `pin_tries` ends by itself (PIN-3), where it does.
    pub pin_tries_end: Option<BusinessDate>,
    /// The transaction counters of its chip that were seen (SEC-2).
    pub atc: AtcWindow,
    /// What its PIN is checked against.
    pub pin_reference: PinReferenceBytes,
    /// The primary card's position, for a supplementary one.
    pub supplementary_of: Option<u32>,
    /// The technical overdraft block on it is the policy's own (TOD-4): repayment may lift it.
    pub policy_block: bool,
    /// When it was applied for; where that is not known, when it was taken in.
    pub applied_on: BusinessDate,
    /// When the bank got the report of its loss or theft (BLK-6).
    pub loss_reported_at: Option<Timestamp>,
    /// The last day for which staff exempted it from the block policy (TOD-4).
    pub exempt_until: Option<BusinessDate>,
}

/// A set of block reasons.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blocks(u16);

impl Blocks {
    /// None.
    pub const NONE: Self = Self(0);

    /// With a reason.
    pub fn set(&mut self, reason: BlockReason) {
        self.0 |= Self::bit(reason);
    }

    /// Without a reason; the others stay (BLK-2).
    pub fn lift(&mut self, reason: BlockReason) {
        self.0 &= !Self::bit(reason);
    }

    /// With all reasons of another set.
    pub fn set_all(&mut self, reasons: Self) {
        self.0 |= reasons.0;
    }

    /// Without any reason of another set.
    pub fn lift_all(&mut self, reasons: Self) {
        self.0 &= !reasons.0;
    }

    /// Whether a reason is set.
    #[must_use]
    pub fn contains(self, reason: BlockReason) -> bool {
        self.0 & Self::bit(reason) != 0
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = BlockReason> {
        BlockReason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }

    const fn bit(reason: BlockReason) -> u16 {
        1 << reason as u16
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The order in which reasons answer (BLK-2): stolen, lost, stop-list, fraud, closed, expired,
/// PIN tries, the rest. `None` stands for the calendar's `expired`.
const SEVERITY: [(Option<BlockReason>, ResultCode); 15] = [
    (Some(BlockReason::Stolen), ResultCode::CardStolen),
    (Some(BlockReason::Lost), ResultCode::CardLost),
    (Some(BlockReason::StopList), ResultCode::CardStopListed),
    (Some(BlockReason::SuspectedFraud), ResultCode::CardFraud),
    (Some(BlockReason::Closed), ResultCode::CardClosed),
    (Some(BlockReason::AgreementEnded), ResultCode::CardClosed),
    (Some(BlockReason::NotCollected), ResultCode::CardClosed),
    (None, ResultCode::CardExpired),
    (Some(BlockReason::PinTries), ResultCode::PinTriesExceeded),
    (Some(BlockReason::TechnicalOverdraft), ResultCode::CardRestricted),
    (Some(BlockReason::HolderRequest), ResultCode::CardRestricted),
    (Some(BlockReason::TermsBreach), ResultCode::CardRestricted),
    (Some(BlockReason::DocumentsMissing), ResultCode::CardRestricted),
    (Some(BlockReason::NetworkRules), ResultCode::CardRestricted),
    (Some(BlockReason::NotActivated), ResultCode::CardRestricted),
];

/// The most severe thing that stands against a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason; `None` for expiry, which only the calendar sets.
    pub reason: Option<BlockReason>,
    /// What a request gets for it.
    pub result: ResultCode,
}

impl Card {
    /// TOD-4: whether staff exempted it from the block policy for a day.
    #[must_use]
    pub fn is_exempt_on(&self, date: BusinessDate) -> bool {
        self.exempt_until.is_some_and(|until| date <= until)
    }

    /// PIN-3: whether its block for wrong PINs ended by itself, on this day or before.
    #[must_use]
    pub fn pin_block_over(&self, date: BusinessDate) -> bool {
        self.blocks.contains(BlockReason::PinTries)
            && self.pin_tries_end.is_some_and(|end| date >= end)
    }

    /// What it is blocked for on a day: without a block that ended by itself (PIN-3).
    #[must_use]
    pub fn blocks_on(&self, date: BusinessDate) -> Blocks {
        let mut blocks = self.blocks;
        if self.pin_block_over(date) {
            blocks.lift(BlockReason::PinTries);
        }
        blocks
    }

    /// What stands against the card on a day, most severe first (BLK-2).
    #[must_use]
    pub fn obstacle(&self, date: BusinessDate) -> Option<Obstacle> {
        let (expired, blocks) = (self.expiry.is_past_on(date), self.blocks_on(date));
        if blocks.is_empty() && !expired {
            return None;
        }
        SEVERITY
            .into_iter()
            .find(|(reason, _)| reason.map_or(expired, |reason| blocks.contains(reason)))
            .map(|(reason, result)| Obstacle { reason, result })
    }

    /// The status in one word: `active`, or the most severe reason's name.
    #[must_use]
    pub fn status(&self, date: BusinessDate) -> &'static str {
        match self.obstacle(date) {
            None => "active",
            Some(obstacle) => obstacle.reason.map_or("expired", BlockReason::name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blk_2_the_most_severe_reason_answers() {
        let order = SEVERITY.map(|row| row.0);
        for reason in BlockReason::ALL {
            assert!(order.contains(&Some(reason)), "{reason:?} has no severity");
        }
        let mut card = Card {
            digest: PanDigest::from_bytes([0; 16]),
            sealed_pan: SealedPanBytes::new(),
            masked: MaskedPan::default(),
            leading: 0,
            account: AccountSlot(0),
            holder: 0,
            expiry: ExpiryDate::from_number(2610).unwrap(),
            sequence: 1,
            service_code: 201,
            blocks: Blocks::NONE,
            ecommerce: true,
            moto: true,
            pin_tries: 0,
            pin_tries_end: None,
            atc: AtcWindow::default(),
            pin_reference: PinReferenceBytes::new(),
            supplementary_of: None,
            policy_block: false,
            applied_on: BusinessDate::from_days(0),
            loss_reported_at: None,
            exempt_until: None,
        };
        let last_day = BusinessDate::parse("2026-10-31").unwrap();
        let after = last_day.plus_days(1);
        assert_eq!(card.status(last_day), "active");
        assert_eq!(card.status(after), "expired");
        let mut expected = vec![];
        for (reason, result) in SEVERITY.into_iter().rev() {
            if let Some(reason) = reason {
                card.blocks.set(reason);
                expected.push((reason, result));
                let date = if result == ResultCode::CardRestricted { last_day } else { after };
                let worst = card.obstacle(date).unwrap();
                if result != ResultCode::PinTriesExceeded {
                    assert_eq!((worst.reason, worst.result), (Some(reason), result));
                }
            }
        }
        while let Some((reason, _)) = expected.pop() {
            card.blocks.lift(reason);
        }
        assert!(card.blocks.is_empty());
    }
}
