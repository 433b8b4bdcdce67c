//! Card values (SEC-1), chips (SEC-2), fallback (SEC-3), payments without the card (SEC-4): what the
//! security module found, judged. And what is approved while it can't be asked.

use super::case::Case;
use super::price::Priced;
use crate::atc::ATC_WINDOW;
use crate::scripts::ScriptStep;
use crate::{
    BlockReason, Checked, ChipFact, CryptogramKind, KeyRole, PinFact, ResultCode, RuleId,
    TraceEntry, Verdict,
};
use limits::{Before, ChipAction, ChipSource};
use payment_types::{Balance, Class, DeviceCategory, Function, PanEntry, ResponseCode};

/// DE 25: mail or telephone order; electronic commerce.
const MAIL_OR_TELEPHONE: u8 = 8;
const ELECTRONIC: u8 = 59;

/// What was found on the way that matters only later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// A chip check asks for the PIN, with its own code or the usual one.
    asks_pin: Option<Option<ResponseCode>>,
    /// The security module can't be asked: the chip's word is taken up to this amount, tyiyn.
    stand_in: Option<u64>,
    /// The holder was not authenticated where the acquirer could have done it.
    pub(super) acquirer_liable: bool,
    /// What stands of the transaction that is added to (TXN-4).
    pub(super) before: Before,
    /// Of that, what went over the net without an authenticated holder, tyiyn (SEC-4).
    pub(super) unproven_before: u64,
}

/// How a card is used without being there (SEC-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// Over the net.
    Ecommerce,
    /// By mail or telephone, or keyed in.
    Moto,
}

/// Whether an authentication is whole: Visa's 05, Mastercard's 02. 06 and 01 stand for an attempt.
const fn is_full(eci: u8) -> bool {
    matches!(eci, 5 | 2)
}

impl Case<'_> {
    /// SEC-1 to SEC-3 in this order.
    pub(super) fn secured(&mut self) -> Result<(), ResultCode> {
        self.genuine()?;
        self.fallback()
    }

    /// SEC-1 and SEC-2: whether it is the card. A new one is not activated by what may be a copy.
    pub(super) fn genuine(&mut self) -> Result<(), ResultCode> {
        let checked = self.card_value().and_then(|()| self.chip());
        if checked.is_err()
            && let Some(change) = &mut self.scratch.effects.card
        {
            change.lift.lift(BlockReason::NotActivated);
        }
        checked
    }

    /// SEC-1. The trace says which value it was (1 stripe, 2 chip, 3 printed, 4 dynamic); the answer
    /// does not.
    fn card_value(&mut self) -> Result<(), ResultCode> {
        let fact = self.request.facts.card_value;
        let which = 1 + fact.kind as Balance;
        let verdict = match fact.outcome {
            Checked::NotPresent => return Ok(()),
            Checked::Unavailable => return self.without_module(RuleId::Sec1),
            Checked::Right => Verdict::Pass,
            Checked::Wrong => Verdict::Decline,
            Checked::Unverifiable => Verdict::Note,
        };
        self.trace(RuleId::Sec1, verdict, which, 0, 0);
        if verdict == Verdict::Decline { Err(ResultCode::CardValueWrong) } else { Ok(()) }
    }

    /// SEC-2: the cryptogram, its counter, and what chip and terminal found.
    fn chip(&mut self) -> Result<(), ResultCode> {
        let facts = &self.request.facts;
        let Some(chip) = facts.chip else {
            return self.without_cryptogram(0);
        };
        let atc = Balance::from(chip.atc);
        match chip.cryptogram {
            Checked::Right => self.counter(chip.atc)?,
            Checked::Wrong => {
                self.trace(RuleId::Sec2, Verdict::Decline, atc, self.highest_atc(), 0);
                return Err(ResultCode::CryptogramWrong);
            }
            Checked::NotPresent | Checked::Unverifiable => self.without_cryptogram(atc)?,
            Checked::Unavailable => self.without_module(RuleId::Sec2)?,
        }
        if chip.kind == CryptogramKind::Aac {
            self.trace(RuleId::Sec2, Verdict::Decline, atc, self.highest_atc(), 0);
            return Err(ResultCode::ChipCheckFailed);
        }
        self.chip_checks(&chip)
    }

    /// A card whose product has the key must show a right cryptogram where its chip is read, or
    /// leaving it out would be the way around it; unless the product says otherwise.
    fn without_cryptogram(&mut self, atc: Balance) -> Result<(), ResultCode> {
        let by_chip = matches!(
            self.request.entry_mode.pan_entry(),
            PanEntry::Chip | PanEntry::ContactlessChip
        );
        let required = self.product.is_some_and(|product| product.security.cryptogram_required);
        let has_key = || {
            self.card.is_some_and(|(slot, _)| self.state.card_key(slot, KeyRole::ImkAc).is_some())
        };
        if by_chip && required && has_key() {
            self.trace(RuleId::Sec2, Verdict::Decline, atc, self.highest_atc(), 0);
            return Err(ResultCode::CryptogramWrong);
        }
        if self.request.facts.chip.is_some() {
            self.trace(RuleId::Sec2, Verdict::Note, atc, self.highest_atc(), 0);
        }
        Ok(())
    }

    fn highest_atc(&self) -> Balance {
        let highest = self.card.and_then(|(_, card)| card.atc.highest());
        highest.map_or(-1, Balance::from)
    }

    /// SEC-2: a counter that was seen, or is too far below the highest, is a replay. It counts as
    /// seen whatever comes of the transaction.
    fn counter(&mut self, atc: u16) -> Result<(), ResultCode> {
        let (asked, highest) = (Balance::from(atc), self.highest_atc());
        let Some(window) = self.card.and_then(|(_, card)| card.atc.with(atc)) else {
            self.trace(RuleId::Sec2, Verdict::Decline, asked, highest, ATC_WINDOW.into());
            return Err(ResultCode::CounterReplayed);
        };
        if let Some(change) = self.card_change() {
            change.atc = window;
        }
        self.trace(RuleId::Sec2, Verdict::Pass, asked, highest, ATC_WINDOW.into());
        Ok(())
    }

    /// SEC-2: the rule set's `[[chip_check]]`s, in their order.
    fn chip_checks(&mut self, chip: &ChipFact) -> Result<(), ResultCode> {
        let Some((_, account)) = self.account else { return Ok(()) };
        let plan = self.state.plan();
        for (place, test) in plan.chip_checks(account.product) {
            let found = match test.source {
                ChipSource::Tvr => test.finds(&chip.tvr),
                ChipSource::Cvm => test.finds(&chip.cvm),
                ChipSource::Cvr => test.finds(&chip.cvr),
            };
            let verdict = match test.action {
                _ if !found => continue,
                ChipAction::Decline => Verdict::Decline,
                ChipAction::Flag => Verdict::Note,
                ChipAction::Pin if self.request.facts.pin == PinFact::OnlineVerified => {
                    Verdict::Pass
                }
                ChipAction::Pin => Verdict::AskPin,
            };
            let entry = TraceEntry { limit: place, ..TraceEntry::plain(RuleId::Sec2, verdict) };
            self.scratch.trace.push(entry);
            match verdict {
                Verdict::Decline => {
                    self.code_override = test.code;
                    return Err(ResultCode::ChipCheckFailed);
                }
                Verdict::AskPin => self.found.asks_pin = self.found.asks_pin.or(Some(test.code)),
                _ => {}
            }
        }
        Ok(())
    }

    /// CTL-3's order: what a chip check asks for is asked only of what nothing else declines.
    pub(super) fn chip_asks_pin(&mut self) -> Result<(), ResultCode> {
        let Some(code) = self.found.asks_pin else { return Ok(()) };
        self.code_override = code;
        self.amounts.hand_out = None;
        Err(ResultCode::PinRequired)
    }

    /// SEC-3: the stripe of a chip card at a terminal that reads chips.
    fn fallback(&mut self) -> Result<(), ResultCode> {
        let Some((_, card)) = self.card else { return Ok(()) };
        let Some((_, terminal)) = self.terminal else { return Ok(()) };
        let service_code = Balance::from(card.service_code);
        if !matches!(service_code / 100, 2 | 6) {
            return Ok(());
        }
        let allowed = match self.request.entry_mode.pan_entry() {
            PanEntry::Stripe | PanEntry::FullStripe if terminal.security.reads_chip => false,
            PanEntry::Stripe | PanEntry::FullStripe => {
                self.found.acquirer_liable = true;
                true
            }
            PanEntry::Fallback => self.product.is_some_and(|product| product.security.fallback),
            _ => return Ok(()),
        };
        let verdict = if allowed { Verdict::Pass } else { Verdict::Decline };
        self.trace(RuleId::Sec3, verdict, service_code, 0, 0);
        if allowed { Ok(()) } else { Err(ResultCode::FallbackNotPermitted) }
    }

    fn absent(&self) -> Option<Absent> {
        let (_, terminal) = self.terminal?;
        let (entry, condition) = (self.request.entry_mode, self.request.condition.0);
        let at_web_shop = terminal.category == DeviceCategory::Ecommerce;
        if !entry.is_card_absent() && !at_web_shop {
            return None;
        }
        let over_the_net = matches!(entry.pan_entry(), PanEntry::Ecommerce | PanEntry::OnFile);
        Some(match condition {
            MAIL_OR_TELEPHONE => Absent::Moto,
            ELECTRONIC => Absent::Ecommerce,
            _ if over_the_net || at_web_shop => Absent::Ecommerce,
            _ => Absent::Moto,
        })
    }

    /// SEC-4: the card's switches, and an authentication that is not what it says, whatever the
    /// amount.
    pub(super) fn card_absent(&mut self) -> Result<(), ResultCode> {
        let (Some(absent), Some((_, card))) = (self.absent(), self.card) else { return Ok(()) };
        let on = match absent {
            Absent::Ecommerce => card.ecommerce,
            Absent::Moto => card.moto,
        };
        self.found.acquirer_liable = true;
        if !on {
            self.note(RuleId::Sec4, Verdict::Decline);
            return Err(ResultCode::CardAbsentOff);
        }
        let told = self.request.facts.three_d_secure;
        if absent == Absent::Ecommerce && told.is_some_and(|told| told.outcome == Checked::Wrong) {
            let eci = told.map_or(0, |told| Balance::from(told.eci));
            self.trace(RuleId::Sec4, Verdict::Decline, 0, eci, 0);
            return Err(ResultCode::AuthenticationRequired);
        }
        Ok(())
    }

    /// SEC-4: above the product's threshold the holder must be authenticated. In CTL-3's order, since
    /// the shop is asked for more, not refused for good.
    pub(super) fn authenticated(&mut self, priced: &Priced) -> Result<(), ResultCode> {
        if self.absent() != Some(Absent::Ecommerce) {
            return Ok(());
        }
        let told = self.request.facts.three_d_secure;
        let right = told.filter(|told| told.outcome == Checked::Right);
        self.found.acquirer_liable = right.is_none_or(|told| matches!(told.eci, 7 | 0));
        let threshold = self.product.and_then(|product| product.security.three_d_secure_above);
        // An increment counts with what it adds to, or small steps would lead above the threshold.
        let whole = priced.sums.kgs.saturating_add(self.found.unproven_before);
        let asked = super::money::signed(whole);
        let eci = told.map_or(0, |told| Balance::from(told.eci));
        let above = threshold.filter(|threshold| whole > *threshold);
        let ceiling = threshold.map_or(-1, super::money::signed);
        if above.is_none() || right.is_some_and(|told| is_full(told.eci)) {
            if told.is_some() || threshold.is_some() {
                self.trace(RuleId::Sec4, Verdict::Pass, asked, eci, ceiling);
            }
            return Ok(());
        }
        self.trace(RuleId::Sec4, Verdict::Decline, asked, eci, ceiling);
        match told.map(|told| told.outcome) {
            Some(Checked::Unavailable) => Err(ResultCode::SecurityUnavailable),
            _ => Err(ResultCode::AuthenticationRequired),
        }
    }

    /// The security module can't be asked: declined, unless the rule set stands in for it where a
    /// chip was read. A PIN that can't be checked never gets here.
    fn without_module(&mut self, rule: RuleId) -> Result<(), ResultCode> {
        let product = self.account.map(|(_, account)| account.product);
        let terms = product.map(|product| self.state.plan().stand_in(product)).unwrap_or_default();
        let up_to = match self.request.entry_mode.pan_entry() {
            PanEntry::Chip => terms.chip,
            PanEntry::ContactlessChip => terms.contactless,
            _ => 0,
        };
        if up_to == 0 {
            self.note(rule, Verdict::Decline);
            return Err(ResultCode::SecurityUnavailable);
        }
        self.note(rule, Verdict::Note);
        self.found.stand_in = Some(up_to);
        Ok(())
    }

    /// Up to how much the rule set stands in for the security module.
    pub(super) fn stands_in(&mut self, priced: &Priced) -> Result<(), ResultCode> {
        let Some(up_to) = self.found.stand_in else { return Ok(()) };
        let whole = priced.sums.kgs.saturating_add(self.found.before.amount_kgs);
        let (asked, ceiling) = (super::money::signed(whole), super::money::signed(up_to));
        let fits = asked <= ceiling;
        let verdict = if fits { Verdict::Pass } else { Verdict::Decline };
        self.trace(RuleId::Sec2, verdict, asked, 0, ceiling);
        if fits { Ok(()) } else { Err(ResultCode::SecurityUnavailable) }
    }

    /// Where there is no amount up to which it could.
    pub(super) fn nothing_stands_in(&mut self) -> Result<(), ResultCode> {
        if self.found.stand_in.is_none() {
            return Ok(());
        }
        self.note(RuleId::Sec2, Verdict::Decline);
        Err(ResultCode::SecurityUnavailable)
    }

    /// What the chip is told with the answer, approved or not, and what it did with what it was told
    /// before. Scripts go to chips in contact whose cryptogram is right and no replay: others are
    /// gone before the answer comes, or are no chips of ours.
    pub(super) fn scripts(&self, result: ResultCode) -> ScriptStep {
        let (Some((slot, _)), Some(chip)) = (self.card, self.request.facts.chip) else {
            return ScriptStep::default();
        };
        let mut step = ScriptStep::default();
        if chip.cryptogram != Checked::Wrong {
            step.results = chip.script_results;
        }
        let mti = self.request.mti;
        let is_request = matches!(mti.class(), Class::Authorization | Class::Financial)
            && mti.function() == Function::Request;
        let in_contact = self.request.entry_mode.pan_entry() == PanEntry::Chip;
        let genuine = chip.cryptogram == Checked::Right && result != ResultCode::CounterReplayed;
        if is_request && in_contact && genuine {
            let new_pin = self.scratch.effects.pin.is_some() && result.is_approval();
            step.sent = self.state.scripts_for(slot, new_pin, &step.results);
        }
        step
    }

    /// SEC-2 of a fact: it is booked whatever its chip says, and flagged where that is not right.
    /// Its counter may be that of the request before it: the same chip transaction.
    pub(super) fn flag_chip(&mut self) {
        let Some(chip) = self.request.facts.chip else { return };
        let right = chip.cryptogram == Checked::Right && chip.kind != CryptogramKind::Aac;
        let verdict = if right { Verdict::Pass } else { Verdict::Note };
        self.trace(RuleId::Sec2, verdict, chip.atc.into(), self.highest_atc(), 0);
        if chip.cryptogram == Checked::Right
            && let Some(window) = self.card.and_then(|(_, card)| card.atc.with(chip.atc))
            && let Some(change) = self.card_change()
        {
            change.atc = window;
        }
    }
}
