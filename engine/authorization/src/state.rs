//! Everything a shard owns.

use crate::access::Users;
use crate::apply::apply;
use crate::batch::Reconciliation;
use crate::card::Card;
use crate::clearing::PresentedBefore;
use crate::command::{IdempotencyKey, Outcome, PortfolioItem};
use crate::day::{DaySummary, DayUnderWay};
use crate::decide::decide;
use crate::directory::{Directory, Ids, at};
use crate::disputes::Disputes;
use crate::effects::Scratch;
use crate::links::Links;
use crate::orders::Orders;
use crate::personal::Personal;
use crate::pin_change::PinChanges;
use crate::rates::Rates;
use crate::retirement::Retirement;
use crate::rules::Rules;
use crate::scripts::Scripts;
use crate::settings::Settings;
use crate::stop_list::StopList;
use crate::transactions::{Place, Transactions};
use crate::{CardLimitItem, Decision, KeyVersion, Request, SealedKeys};
use compact_str::CompactString;
use dense::{Chunked, Index};
use ledger::Ledger;
use limits::{CounterView, Keys, Plan, RuleSet, Usage};
use payment_types::{BusinessDate, Moment, PanDigest, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The state of a shard. A clone shares its arrays until one side writes, so it is a snapshot.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct State {
    pub(crate) sequence: Sequence,
    pub(crate) moment: Moment,
    pub(crate) rules: Rules,
    pub(crate) directory: Directory,
    pub(crate) networks: Ids,
    pub(crate) rates: Rates,
    pub(crate) settings: Settings,
    pub(crate) scripts: Scripts,
    /// PIN-4: changes that may be taken back.
    pub(crate) pin_changes: PinChanges,
    /// Cards with keys of their own.
    pub(crate) card_keys: BTreeMap<u32, SealedKeys>,
    /// AMT-5: accounts whose last notification fee was not covered.
    pub(crate) not_notified: BTreeSet<u32>,
    pub(crate) ledger: Ledger,
    pub(crate) cards: Chunked<Card>,
    #[serde(skip)]
    pub(crate) card_index: Index,
    #[serde(skip)]
    pub(crate) cards_of: Links,
    #[serde(skip)]
    pub(crate) accounts_of: Links,
    #[serde(skip)]
    pub(crate) open_overdrafts: BTreeSet<(BusinessDate, u32)>,
    pub(crate) usage: Usage,
    pub(crate) transactions: Transactions,
    pub(crate) presented: PresentedBefore,
    pub(crate) stop_list: StopList,
    pub(crate) disputes: Disputes,
    /// Claims by what they are about. Derived: rebuilt after loading.
    #[serde(skip)]
    pub(crate) claimed: BTreeMap<Sequence, Vec<u32>>,
    pub(crate) retirement: Retirement,
    pub(crate) personal: Personal,
    pub(crate) users: Users,
    pub(crate) orders: Orders,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) staged: Vec<Vec<PortfolioItem>>,
    pub(crate) card_limits: Vec<(u32, Vec<CardLimitItem>)>,
    /// The day of the first command.
    pub(crate) opened_on: Option<BusinessDate>,
    /// The key store that the last journaled change of a key leaves; empty before the first.
    pub(crate) last_key_store: CompactString,
    /// The versions of named keys, as journaled changes left them.
    pub(crate) named_keys: BTreeMap<CompactString, Vec<KeyVersion>>,
    pub(crate) last_day_ended: Option<BusinessDate>,
    pub(crate) last_day: Option<DaySummary>,
    pub(crate) day: Option<DayUnderWay>,
    pub(crate) remembered: BTreeMap<[u8; 16], Remembered>,
}

/// The outcome of a command that came with an idempotency key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) content: [u8; 16],
    pub(crate) at: Timestamp,
    pub(crate) outcome: Outcome,
}

impl State {
    /// Nothing: no portfolio, no rules.
    #[must_use]
    pub fn new() -> Self {
        let mut state = Self::default();
        state.usage.install(&state.rules.compiled.plan);
        state
    }

    /// Decides a message and carries the decision out. Allocates nothing once the buffers have
    /// grown, but for the arrays that keep the transaction.
    ///
    /// # Panics
    /// If an invariant breaks, or `sequence` or `moment` go backwards: the shard must stop.
    pub fn authorize(
        &mut self,
        sequence: Sequence,
        moment: Moment,
        request: &Request,
        scratch: &mut Scratch,
    ) -> Decision {
        self.advance(sequence, moment);
        let decision = decide(self, sequence, moment, request, scratch);
        apply(self, sequence, moment, scratch);
        decision
    }

    /// Steps to the next command.
    pub(crate) fn advance(&mut self, sequence: Sequence, moment: Moment) {
        assert!(sequence > self.sequence, "the sequence must rise");
        assert!(moment.at >= self.moment.at, "time must not go backwards");
        self.sequence = sequence;
        self.moment = moment;
        if self.opened_on.is_none() {
            self.opened_on = Some(moment.business_date());
        }
    }

    /// What a message would get now, without carrying it out.
    #[must_use]
    pub fn preview(&self, moment: Moment, request: &Request, scratch: &mut Scratch) -> Decision {
        let next = Sequence(self.sequence.0.saturating_add(1));
        decide(self, next, moment, request, scratch)
    }

    /// The last command's place in the journal.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.sequence
    }

    /// When the last command was accepted.
    #[must_use]
    pub fn last_moment(&self) -> Moment {
        self.moment
    }

    /// The last day that was ended.
    #[must_use]
    pub fn last_day_ended(&self) -> Option<BusinessDate> {
        self.last_day_ended
    }

    /// The rule set in force.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules.compiled.set
    }

    /// Its text.
    #[must_use]
    pub fn rules_text(&self) -> &str {
        &self.rules.text
    }

    /// Its version.
    #[must_use]
    pub fn rules_version(&self) -> &str {
        &self.rules.compiled.set.version
    }

    /// Whether a rule set was ever installed; before that a built-in one without limits applies.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.rules.installed
    }

    /// The rule set compiled.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.rules.compiled.plan
    }

    /// Accounts, holds, the bank's own accounts.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The counters.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Ids, customers, devices.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What was decided.
    #[must_use]
    pub fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// The presentments that were booked.
    #[must_use]
    pub fn presented(&self) -> &PresentedBefore {
        &self.presented
    }

    /// The stop-list (BLK-5).
    #[must_use]
    pub fn stop_list(&self) -> &StopList {
        &self.stop_list
    }

    /// Totals of terminals and acquirers (TXN-6).
    #[must_use]
    pub fn reconciliation(&self) -> &Reconciliation {
        &self.reconciliation
    }

    /// A card by position.
    #[must_use]
    pub fn card(&self, slot: u32) -> Option<&Card> {
        self.cards.get(at(slot))
    }

    /// All cards in order of position.
    pub fn cards(&self) -> impl Iterator<Item = (u32, &Card)> {
        (0u32..).zip(self.cards.iter())
    }

    /// The position of the card with this number.
    #[must_use]
    pub fn card_by_digest(&self, digest: &PanDigest) -> Option<u32> {
        let is_it = |slot| self.card(slot).is_some_and(|card| card.digest == *digest);
        self.card_index.find(digest.index_hash(), is_it)
    }

    /// The counters that concern a card (LIM-5).
    #[must_use]
    pub fn counters(&self, slot: u32, moment: Moment) -> Vec<CounterView> {
        let Some(card) = self.card(slot) else { return Vec::new() };
        let product = self.ledger.account(card.account).map(|account| account.product);
        let tier = self.directory.customer(card.holder).map(|customer| customer.tier);
        let keys = Keys {
            card: Some(slot),
            account: Some(card.account.0),
            customer: Some(card.holder),
            product,
            tier,
            network: self.network_of(card),
        };
        limits::views(self.plan(), &self.usage, &keys, moment)
    }

    /// The network of a card, by the eight leading digits that are kept of its number.
    pub(crate) fn network_of(&self, card: &Card) -> Option<u32> {
        self.network_by_leading(card.leading)
    }

    /// The network of a number that begins with these eight digits.
    pub(crate) fn network_by_leading(&self, leading: u32) -> Option<u32> {
        self.plan().network_of(u64::from(leading).saturating_mul(1000))
    }

    /// The increments of a preauthorization, newest first, without itself (TXN-4).
    pub(crate) fn chain_of(&self, root: Place) -> impl Iterator<Item = Place> + Clone {
        let transactions = &self.transactions;
        let mut next = transactions.get(root).and_then(|row| row.chain);
        std::iter::from_fn(move || {
            let place = transactions.place_of(next?)?;
            next = transactions.get(place).and_then(|row| row.chain);
            Some(place)
        })
    }

    /// The name of the key store that the last journaled change of a key leaves, if there was one.
    #[must_use]
    pub fn last_key_store(&self) -> Option<&str> {
        Some(self.last_key_store.as_str()).filter(|name| !name.is_empty())
    }

    /// The stored outcome of a command with this key, or a refusal if the key stood for another.
    #[must_use]
    pub fn recall(&self, key: &IdempotencyKey) -> Option<Outcome> {
        let remembered = self.remembered.get(&key.key)?;
        let differs = crate::Refusal::IdempotencyDiffers;
        let same = remembered.content == key.content;
        Some(if same { remembered.outcome.clone() } else { Outcome::Refused(differs) })
    }

    /// Rebuilds what is derived, after the stored part was read.
    pub(crate) fn rebuild(&mut self) -> Result<(), String> {
        self.card_index = Index::with_capacity(self.cards.len());
        for (slot, card) in (0u32..).zip(self.cards.iter()) {
            self.card_index.insert(card.digest.index_hash(), slot);
        }
        (self.cards_of, self.accounts_of) = (Links::default(), Links::default());
        self.cards.iter().for_each(|card| self.cards_of.add(card.account.0));
        self.open_overdrafts.clear();
        let mut open = Vec::new();
        for (slot, account) in self.ledger.accounts() {
            self.accounts_of.add(account.customer);
            open.extend(self.listed_under(slot));
        }
        self.open_overdrafts.extend(open);
        self.index_claims();
        self.ledger.rebuild();
        self.transactions.rebuild();
        self.presented.rebuild();
        self.orders.rebuild();
        self.recompile()
    }
}
