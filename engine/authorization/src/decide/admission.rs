//! Whether a card may be used there at all: networks (NET-1, NET-2), money transfers (NET-3),
//! countries and categories (LIM-6), the primary holder's switches (LIM-3).

use super::case::Case;
use super::checks::Kind;
use super::money::HOME_COUNTRY;
use crate::{ResultCode, RuleId, Switch, Verdict};
use limits::{NetworkStanding, Operation};
use payment_types::TransactionType;

impl Case<'_> {
    /// NET-1 and NET-2: a network works while it is registered, to the second. A card of ours goes
    /// through its own network, so it must be registered; of a card that is not ours only what is
    /// known to be not registered is refused here.
    pub(super) fn network_in_order(&mut self) -> Result<(), ResultCode> {
        let plan = self.state.plan();
        if !plan.has_networks() {
            return Ok(());
        }
        let network = match (self.card, self.request.card) {
            (Some((_, card)), _) => self.state.network_of(card),
            (None, Some(number)) => match self.state.network_by_leading(number.leading) {
                Some(network) => Some(network),
                None => return Ok(()),
            },
            (None, None) => return Ok(()),
        };
        let standing = network.map(|network| plan.network_standing(network, self.moment));
        if standing == Some(NetworkStanding::Registered) {
            return Ok(());
        }
        self.note(RuleId::Net1, Verdict::Decline);
        Err(ResultCode::NetworkNotRegistered)
    }

    /// NET-3: who sends money to a card is a registered operator, and says whose money it is.
    pub(super) fn sender_in_order(&mut self) -> Result<(), ResultCode> {
        let request = self.request;
        if request.processing_code.transaction_type() != TransactionType::CreditToCard {
            return Ok(());
        }
        let told = [request.acquirer.0, request.forwarding.0];
        let (now, date) = (self.moment.at, self.date);
        let is_registered = self.state.rules().transfer_operators.iter().any(|operator| {
            operator.institutions.iter().any(|code| told.contains(code))
                && operator.valid_from <= date
                && operator.cancelled_at.is_none_or(|at| now < at)
        });
        if !is_registered {
            self.note(RuleId::Net3, Verdict::Decline);
            return Err(ResultCode::TransferOperatorUnknown);
        }
        if !request.sender_told {
            self.note(RuleId::Net3, Verdict::Decline);
            return Err(ResultCode::SenderMissing);
        }
        self.note(RuleId::Net3, Verdict::Pass);
        Ok(())
    }

    /// LIM-6: high-risk countries and blocked categories, unless a travel note covers the day.
    pub(super) fn place_in_order(&mut self) -> Result<(), ResultCode> {
        let restricted = &self.state.rules().restricted;
        let (country, mcc) = (self.country(), self.mcc());
        let result = if restricted.countries.binary_search(&country).is_ok() {
            ResultCode::CountryRestricted
        } else if restricted.mcc.binary_search(&mcc).is_ok() {
            ResultCode::CategoryRestricted
        } else {
            return Ok(());
        };
        let settings = self.card.and_then(|(slot, _)| self.state.card_settings(slot));
        let notes = settings.map(|settings| settings.travel.as_slice()).unwrap_or_default();
        if notes.iter().any(|note| note.covers(self.date, country)) {
            self.note(RuleId::Lim6, Verdict::Pass);
            return Ok(());
        }
        self.note(RuleId::Lim6, Verdict::Decline);
        Err(result)
    }

    /// LIM-3: what the primary holder switched off.
    pub(super) fn switched_on(&mut self, kind: Kind) -> Result<(), ResultCode> {
        let settings = self.card.and_then(|(slot, _)| self.state.card_settings(slot));
        let Some(settings) = settings.filter(|settings| !settings.off.is_empty()) else {
            return Ok(());
        };
        let is_meant = |switch: &Switch| match switch {
            Switch::Cash => kind.is_cash || kind.has_cash_back,
            Switch::Contactless => self.request.entry_mode.is_contactless(),
            Switch::Ecommerce => kind.operation == Operation::Ecommerce,
            Switch::Transfer => kind.operation == Operation::Transfer,
            Switch::Abroad => self.country() != HOME_COUNTRY,
        };
        let off = settings.off.iter().any(is_meant);
        self.note(RuleId::Lim3, if off { Verdict::Decline } else { Verdict::Pass });
        if off { Err(ResultCode::SwitchedOff) } else { Ok(()) }
    }
}
