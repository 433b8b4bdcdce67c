//! What is set for single cards besides blocks: temporary raises (LIM-4), the primary holder's
//! limits and switches for a supplementary card (LIM-3), travel notes (LIM-6).

use crate::command::{CardChange, CardLimitItem};
use crate::directory::at;
use crate::{Done, Refusal, RuleId, State};
use compact_str::{CompactString, format_compact};
use limits::{CardLimit, Counts, Measure, Raise, Window};
use payment_types::{BusinessDate, Moment, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most travel notes, and the most raises, that one card may have at a time.
const MOST: usize = 32;

/// What a primary holder can switch off for a supplementary card (LIM-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Cash, from machines, agents, branches and shops.
    Cash,
    /// Tapping the card.
    Contactless,
    /// Purchases where the card is not.
    Ecommerce,
    /// Transfers from the card.
    Transfer,
    /// Anything outside Kyrgyzstan.
    Abroad,
}

impl Switch {
    /// Every switch.
    pub const ALL: [Self; 5] =
        [Self::Cash, Self::Contactless, Self::Ecommerce, Self::Transfer, Self::Abroad];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Contactless => "contactless",
            Self::Ecommerce => "ecommerce",
            Self::Transfer => "transfer",
            Self::Abroad => "abroad",
        }
    }

    /// The switch with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|switch| switch.name() == name)
    }
}

/// A journey that the holder told of (LIM-6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TravelNote {
    /// The journal's number of the command that set it.
    pub id: Sequence,
    /// The first day.
    pub from: BusinessDate,
    /// The last day.
    pub until: BusinessDate,
    /// Only these countries (ISO 3166 numeric), sorted; all if empty.
    pub countries: Vec<u16>,
}

impl TravelNote {
    /// Whether it opens a country on a day.
    #[must_use]
    pub fn covers(&self, date: BusinessDate, country: u16) -> bool {
        (self.from..=self.until).contains(&date)
            && (self.countries.is_empty() || self.countries.binary_search(&country).is_ok())
    }
}

/// A higher ceiling for a time (LIM-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRaise {
    /// The limit's id.
    pub limit: CompactString,
    /// The ceiling, as the limit measures.
    pub ceiling: u64,
    /// When it ends, to the minute.
    pub until: Timestamp,
    /// Why.
    pub reason: CompactString,
    /// Who entered it.
    pub entered_by: CompactString,
    /// The second person.
    pub approved_by: CompactString,
}

/// What is set for one card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSettings {
    /// LIM-6, in the order in which they were set.
    pub travel: Vec<TravelNote>,
    /// LIM-4.
    pub raises: Vec<CardRaise>,
    /// LIM-3: ceilings of the primary holder's.
    pub holder_limits: Vec<CardLimitItem>,
    /// LIM-3: what the primary holder switched off, sorted.
    pub off: Vec<Switch>,
}

/// The settings of the cards that have any.
pub(crate) type Settings = BTreeMap<u32, CardSettings>;

pub(crate) fn refused(rule: RuleId, field: &str, detail: impl Into<CompactString>) -> Refusal {
    Refusal::Setting { rule, field: field.into(), detail: detail.into() }
}

impl State {
    /// What is set for a card; nothing for most.
    #[must_use]
    pub fn card_settings(&self, slot: u32) -> Option<&CardSettings> {
        self.settings.get(&slot)
    }

    /// A ceiling in a limit's own words: major units or a count.
    #[must_use]
    pub fn ceiling_text(&self, limit: &str, ceiling: u64) -> String {
        let plan = self.plan();
        let view = plan.limit_named(limit).and_then(|place| plan.limit(place));
        match view.map(|view| view.measure) {
            Some(Measure::Amount) => payment_types::format_minor(i128::from(ceiling), 2),
            _ => ceiling.to_string(),
        }
    }

    /// Changes what is set for a card.
    pub(crate) fn set_card(
        &mut self,
        (sequence, now): (Sequence, Moment),
        card: &str,
        change: &CardChange,
    ) -> Result<Done, Refusal> {
        let slot = self.directory.card_position(card).ok_or(Refusal::UnknownCard)?;
        match change {
            CardChange::CardAbsent { ecommerce, moto } => {
                return self.set_card_absent(slot, *ecommerce, *moto);
            }
            CardChange::QueueScript { kind } => return self.queue_script(slot, *kind, now.at),
            CardChange::CancelScript { identifier } => {
                return self.cancel_script(slot, *identifier);
            }
            _ => {}
        }
        self.set_settings((sequence, now), slot, change)
    }

    /// SEC-4: whether a card pays without being there.
    fn set_card_absent(&mut self, slot: u32, net: bool, orders: bool) -> Result<Done, Refusal> {
        let card = self.cards.get_mut(at(slot)).ok_or(Refusal::UnknownCard)?;
        (card.ecommerce, card.moto) = (net, orders);
        Ok(Done::CardSet)
    }

    fn set_settings(
        &mut self,
        (sequence, now): (Sequence, Moment),
        slot: u32,
        change: &CardChange,
    ) -> Result<Done, Refusal> {
        let mut settings = self.settings.get(&slot).cloned().unwrap_or_default();
        settings.travel.retain(|note| note.until >= now.business_date());
        settings.raises.retain(|raise| raise.until > now.at);
        match change {
            CardChange::Raise(raise) => {
                let raise = self.checked_raise(slot, now, raise)?;
                settings.raises.retain(|other| other.limit != raise.limit);
                settings.raises.push(raise);
            }
            CardChange::EndRaise { limit } => {
                let before = settings.raises.len();
                settings.raises.retain(|raise| raise.limit != *limit);
                if settings.raises.len() == before {
                    return Err(refused(RuleId::Lim4, "limit", "there is no such raise"));
                }
            }
            CardChange::Travel { from, until, countries } => {
                let (from, until) = (*from, *until);
                if until < from || until < now.business_date() {
                    return Err(refused(RuleId::Lim6, "until", "is before from, or over already"));
                }
                let mut countries = countries.clone();
                countries.sort_unstable();
                countries.dedup();
                settings.travel.push(TravelNote { id: sequence, from, until, countries });
            }
            CardChange::EndTravel { id } => {
                let before = settings.travel.len();
                settings.travel.retain(|note| note.id != *id);
                if settings.travel.len() == before {
                    return Err(refused(RuleId::Lim6, "id", "there is no such travel note"));
                }
            }
            CardChange::Holder { primary, limits, off } => {
                self.may_set(slot, primary)?;
                settings.holder_limits = self.checked_holder_limits(limits)?;
                settings.off = off.clone();
                settings.off.sort_unstable();
                settings.off.dedup();
            }
            CardChange::CardAbsent { .. }
            | CardChange::QueueScript { .. }
            | CardChange::CancelScript { .. } => {}
        }
        if settings.travel.len() > MOST || settings.raises.len() > MOST {
            return Err(refused(RuleId::Lim4, "card", format_compact!("has {MOST} already")));
        }
        if settings == CardSettings::default() {
            self.settings.remove(&slot);
        } else {
            self.settings.insert(slot, settings);
        }
        self.apply_settings(slot);
        Ok(Done::CardSet)
    }

    /// LIM-3: only the primary card's holder sets limits, and only for its supplementary cards.
    fn may_set(&self, slot: u32, primary: &str) -> Result<(), Refusal> {
        let of = self.cards.get(at(slot)).and_then(|card| card.supplementary_of);
        let named = self.directory.card_position(primary);
        if named.is_none() || of != named {
            let detail = format_compact!("{primary} is not the card's primary one");
            return Err(refused(RuleId::Lim3, "primary", detail));
        }
        Ok(())
    }

    /// LIM-3: within the bank's limits, so a ceiling may only be lower.
    fn checked_holder_limits(
        &self,
        items: &[CardLimitItem],
    ) -> Result<Vec<CardLimitItem>, Refusal> {
        let plan = self.plan();
        for item in items {
            let id = &item.limit;
            let unknown = || refused(RuleId::Lim3, "limits", format_compact!("no limit {id:?}"));
            let place = plan.limit_named(id).ok_or_else(unknown)?;
            let bank = plan.limit(place).ok_or_else(unknown)?.ceiling;
            let asked = plan.parse_ceiling(place, &item.ceiling);
            let Some(asked) = asked else {
                let detail = format_compact!("{id}: {:?} is no ceiling", item.ceiling);
                return Err(refused(RuleId::Lim3, "limits", detail));
            };
            if asked > bank {
                let bank = self.ceiling_text(id, bank);
                let detail = format_compact!("{id}: above the bank's own {bank}");
                return Err(refused(RuleId::Lim3, "limits", detail));
            }
        }
        Ok(items.to_vec())
    }

    /// LIM-4: a limit of the bank's, raised above what the card has, to an end to come; never above
    /// the regulation.
    fn checked_raise(
        &self,
        slot: u32,
        now: Moment,
        raise: &crate::command::RaiseItem,
    ) -> Result<CardRaise, Refusal> {
        let plan = self.plan();
        let wrong = |field: &str, detail: CompactString| refused(RuleId::Lim4, field, detail);
        let id = &raise.limit;
        let unknown = || wrong("limit", format_compact!("there is no limit {id:?}"));
        let place = plan.limit_named(id).ok_or_else(unknown)?;
        let view = plan.limit(place).ok_or_else(unknown)?;
        let ceiling = plan.parse_ceiling(place, &raise.ceiling).ok_or_else(|| {
            wrong("ceiling", format_compact!("{:?} is no ceiling of {id}", raise.ceiling))
        })?;
        let before = self.usage.ceiling_of(slot, place, plan, now).unwrap_or(view.ceiling);
        if ceiling <= before.min(view.ceiling) {
            let before = self.ceiling_text(id, before);
            return Err(wrong("ceiling", format_compact!("is no raise: the card has {before}")));
        }
        let is_capped = view.counts == Counts::AgentCash
            && view.measure == Measure::Amount
            && matches!(view.window, Window::Transaction | Window::Day);
        let most = plan.agent_cash_most(now.business_date());
        if is_capped && ceiling > most {
            let most = self.ceiling_text(id, most);
            let detail = format_compact!("above the regulation's {most} (AGT-7, 004 §15-1)");
            return Err(refused(RuleId::Agt7, "ceiling", detail));
        }
        if raise.until <= now.at {
            return Err(wrong("until", "must be to come".into()));
        }
        if raise.reason.is_empty() {
            return Err(wrong("reason", "is missing".into()));
        }
        if raise.approved_by.is_empty() || raise.approved_by == raise.entered_by {
            return Err(wrong("approved_by", "must be a second person".into()));
        }
        Ok(CardRaise {
            limit: id.clone(),
            ceiling,
            until: raise.until,
            reason: raise.reason.clone(),
            entered_by: raise.entered_by.clone(),
            approved_by: raise.approved_by.clone(),
        })
    }

    /// Gives a card's settings to the counters' ceilings: after a change, and for a new plan.
    pub(crate) fn apply_settings(&mut self, slot: u32) {
        let plan = Arc::clone(&self.rules.compiled.plan);
        let settings = self.settings.get(&slot).cloned().unwrap_or_default();
        let raises = settings.raises.iter().map(|raise| Raise {
            limit: raise.limit.to_string(),
            ceiling: raise.ceiling,
            until: raise.until,
        });
        let raises: Vec<Raise> = raises.collect();
        let lower: Vec<CardLimit> = crate::rules::known_limits(&plan, &settings.holder_limits);
        self.usage.set_raises(slot, &raises, &plan);
        self.usage.set_holder_limits(slot, &lower, &plan);
    }
}
