//! What has been used of every limit: the counters, and the ceilings set for single cards.
//!
//! Part of the shard's state: a clone is a snapshot and costs next to nothing, the serialised form
//! is the counters in order. Counters belong to limits by id, scope, measure and window, and
//! outlive a change of the rule set; what the current plan uses of them is worked out by
//! [`Usage::install`].

pub(crate) mod cell;
mod overrides;
pub(crate) mod panel;

pub use overrides::{CardLimit, Raise};

use crate::plan::{Limit, Plan};
use crate::scope::Scope;
use crate::window::{Tick, Window};
use crate::{Base, Dimension, Facts, Measure};
use overrides::{Kind, Overrides};
use panel::{COLUMNS_MAX, Column, Panel};
use payment_types::Moment;
use serde::{Deserialize, Serialize};

/// The panel of what the regulation counts for a customer.
pub(crate) const HOLDER: usize = 0;
/// The panel of what it counts for a card at a device.
pub(crate) const CARD_AT_DEVICE: usize = 1;

/// The words of [`HOLDER`], which are also the bits of its receipts.
pub(crate) mod holder {
    /// AGT-1: agent cash of the day.
    pub(crate) const AGENT_CASH: u16 = 0;
    /// CTL-2: no-PIN sum of the day.
    pub(crate) const NO_PIN_DAY: u16 = 1;
    /// CTL-2: no-PIN transactions since the last PIN.
    pub(crate) const COUNT_SINCE_PIN: u16 = 2;
    /// CTL-2: their sum.
    pub(crate) const SUM_SINCE_PIN: u16 = 3;
    /// How many times the PIN has reset the two before.
    pub(crate) const EPOCH: u16 = 4;
}

/// All counters of a shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    panels: Vec<Panel>,
    overrides: Overrides,
    #[serde(skip)]
    seating: Seating,
}

/// Where the installed plan's limits have their counters. Derived, so neither stored nor compared.
#[derive(Debug, Clone, Default)]
struct Seating {
    /// [`Plan::mark`] of the plan; 0 before any was installed.
    mark: u64,
    seats: Vec<Seat>,
    panels: Vec<SeatedPanel>,
}

impl PartialEq for Seating {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Where one limit has its counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// The place in [`Seating::panels`]; `None` for a limit on single transactions.
    pub(crate) panel: Option<u16>,
    /// The first word.
    pub(crate) offset: u16,
    /// The bit in a receipt.
    pub(crate) column: u8,
    /// The number under which cards' own ceilings name the limit.
    pub(crate) override_number: Option<u16>,
}

/// A panel the installed plan uses.
#[derive(Debug, Clone)]
pub(crate) struct SeatedPanel {
    pub(crate) panel: u16,
    /// The operations any of its limits may count.
    pub(crate) operations: u16,
    /// The places of its limits in the plan.
    pub(crate) limits: Vec<u16>,
}

impl Default for Usage {
    fn default() -> Self {
        Self::new()
    }
}

impl Usage {
    /// Nothing used. Call [`Usage::install`] before anything else.
    #[must_use]
    pub fn new() -> Self {
        let sum = |window| Column {
            limit: "".into(),
            window,
            measure: Measure::Amount,
            base: Base::Cash,
            offset: 0,
        };
        let holder = Panel::new(Scope::of(&[Dimension::Customer]), vec![sum(Window::Day); 5]);
        let card_at_device = Scope::of(&[Dimension::Card, Dimension::Device]);
        let card_at_device = Panel::new(card_at_device, vec![sum(Window::Day)]);
        let panels = vec![holder, card_at_device];
        Self { panels, overrides: Overrides::default(), seating: Seating::default() }
    }

    /// Makes `plan` the one that counters are kept for: at the first start, when a rule set takes
    /// effect, and after a snapshot was read. A limit that was there before with the same id,
    /// scope, window and measure goes on with what it has counted (AGT-9); a new one begins at zero.
    /// Installing the same plan again changes nothing. Limits added to a scope later have their
    /// counters in a panel of their own, so that receipts keep their meaning: one more look-up.
    pub fn install(&mut self, plan: &Plan) {
        let mut seating = Seating { mark: plan.mark, ..Seating::default() };
        let mut homeless: Vec<u16> = Vec::new();
        for (at, limit) in (0u16..).zip(&plan.limits) {
            let override_number = self.overrides.number(&limit.id);
            let mut seat = Seat { panel: None, offset: 0, column: 0, override_number };
            if limit.window != Window::Transaction {
                match self.find_column(limit) {
                    Some((panel, column)) => self.seat(&mut seating, &mut seat, panel, column),
                    None => homeless.push(at),
                }
            }
            seating.seats.push(seat);
        }
        self.make_panels(plan, &homeless, &mut seating);
        self.retire_unused(&seating);
        for panel in &mut seating.panels {
            panel.limits.clear();
        }
        for ((at, limit), seat) in (0u16..).zip(&plan.limits).zip(&seating.seats) {
            let panel = seat.panel.and_then(|panel| seating.panels.get_mut(usize::from(panel)));
            if let Some(panel) = panel {
                panel.limits.push(at);
                panel.operations |= limit.operations;
            }
        }
        self.seating = seating;
    }

    fn find_column(&self, limit: &Limit) -> Option<(usize, usize)> {
        let panels = self.panels.iter().enumerate().skip(CARD_AT_DEVICE + 1);
        let mut same_scope = panels.filter(|(_, panel)| panel.scope == limit.scope);
        same_scope.find_map(|(at, panel)| {
            let column = panel.columns.iter().position(|column| {
                *column.limit == *limit.id
                    && column.window == limit.window
                    && column.measure == limit.measure
                    && column.base == limit.counts.base()
            })?;
            Some((at, column))
        })
    }

    fn seat(&self, seating: &mut Seating, seat: &mut Seat, panel: usize, column: usize) {
        let found = self.panels.get(panel).and_then(|panel| panel.columns.get(column));
        let (Some(found), Ok(panel)) = (found, u16::try_from(panel)) else { return };
        let place = seating.panels.iter().position(|seated| seated.panel == panel);
        let place = place.unwrap_or_else(|| {
            seating.panels.push(SeatedPanel { panel, operations: 0, limits: Vec::new() });
            seating.panels.len() - 1
        });
        seat.panel = u16::try_from(place).ok();
        seat.offset = found.offset;
        seat.column = u8::try_from(column).unwrap_or_default();
    }

    /// New panels, one for each scope, for the limits that have no counters yet.
    fn make_panels(&mut self, plan: &Plan, homeless: &[u16], seating: &mut Seating) {
        let limit = |at: &u16| plan.limits.get(usize::from(*at));
        let mut scopes: Vec<Scope> = homeless.iter().filter_map(limit).map(|l| l.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        for scope in scopes {
            let of_scope = |at: &&u16| limit(at).is_some_and(|limit| limit.scope == scope);
            let places: Vec<u16> = homeless.iter().filter(of_scope).copied().collect();
            for places in places.chunks(COLUMNS_MAX) {
                let columns = places.iter().filter_map(limit).map(Column::of).collect();
                self.panels.push(Panel::new(scope, columns));
                let panel = self.panels.len() - 1;
                for (column, place) in places.iter().enumerate() {
                    let mut seats = std::mem::take(&mut seating.seats);
                    if let Some(seat) = seats.get_mut(usize::from(*place)) {
                        self.seat(seating, seat, panel, column);
                    }
                    seating.seats = seats;
                }
            }
        }
    }

    fn retire_unused(&mut self, seating: &Seating) {
        for (at, panel) in (0u16..).zip(&mut self.panels).skip(CARD_AT_DEVICE + 1) {
            if !seating.panels.iter().any(|seated| seated.panel == at) {
                panel.retire();
            }
        }
    }

    /// Sets a card's own ceilings, in place of those it had. They only tighten: the lower of the
    /// bank's and the card's holds. Ids the installed plan does not know wait for one that does.
    pub fn set_card_limits(&mut self, card: u32, limits: &[CardLimit], plan: &Plan) {
        if self.overrides.set(card, Kind::Card, limits) {
            self.install(plan);
        }
    }

    /// Sets the ceilings that a primary holder gives a card, in place of those given before (LIM-3).
    pub fn set_holder_limits(&mut self, card: u32, limits: &[CardLimit], plan: &Plan) {
        if self.overrides.set(card, Kind::Holder, limits) {
            self.install(plan);
        }
    }

    /// Sets a card's raises, in place of those it had (LIM-4).
    pub fn set_raises(&mut self, card: u32, raises: &[Raise], plan: &Plan) {
        if self.overrides.set_raises(card, raises) {
            self.install(plan);
        }
    }

    /// The ceiling that holds now for a card and a limit of the installed plan.
    #[must_use]
    pub fn ceiling_of(&self, card: u32, limit: u16, plan: &Plan, at: Moment) -> Option<u64> {
        let place = usize::from(limit);
        let now = Tick::new(at, at.business_date());
        let (limit, seat) = (plan.limits.get(place)?, self.seats().get(place)?);
        Some(self.ceiling(seat, limit, card, now))
    }

    /// A card's own ceilings.
    #[must_use]
    pub fn card_limits(&self, card: u32) -> Vec<CardLimit> {
        self.overrides.of_card(card)
    }

    /// How many keys have counters, and the bytes these take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        self.panels.iter().map(Panel::size).fold((0, 0), add)
    }

    pub(crate) fn panel(&self, at: usize) -> Option<&Panel> {
        self.panels.get(at)
    }

    /// The panels to write, with the seats and the panels that the plan uses.
    pub(crate) fn parts_mut(&mut self) -> (&mut [Panel], &[Seat], &[SeatedPanel]) {
        (&mut self.panels, &self.seating.seats, &self.seating.panels)
    }

    pub(crate) fn panel_mut(&mut self, at: usize) -> Option<&mut Panel> {
        self.panels.get_mut(at)
    }

    /// Stops where counters would be read through another plan than the one installed: limits
    /// would be missed, and missing them silently is worse.
    pub(crate) fn must_have_installed(&self, plan: &Plan) {
        assert_eq!(plan.mark, self.seating.mark, "the plan is not installed");
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seating.seats
    }

    pub(crate) fn seated_panels(&self) -> &[SeatedPanel] {
        &self.seating.panels
    }

    /// The block of a request's key in a panel.
    pub(crate) fn find(&self, panel: usize, facts: &Facts) -> Option<u32> {
        self.panels.get(panel)?.find_for(facts)
    }

    /// The same, made if need be.
    pub(crate) fn find_or_make(&mut self, panel: usize, facts: &Facts, now: Tick) -> Option<u32> {
        let panel = self.panels.get_mut(panel)?;
        panel.find_or_make_for(facts, now)
    }

    /// The ceiling for a card: the bank's, with what was set for the card.
    pub(crate) fn ceiling(&self, seat: &Seat, limit: &Limit, card: u32, now: Tick) -> u64 {
        let bank = limit.ceiling;
        let number = seat.override_number;
        number.map_or(bank, |number| self.overrides.ceiling(card, number, bank, now))
    }
}

impl Column {
    fn of(limit: &Limit) -> Self {
        Self {
            limit: limit.id.clone(),
            window: limit.window,
            measure: limit.measure,
            base: limit.counts.base(),
            offset: 0,
        }
    }
}
