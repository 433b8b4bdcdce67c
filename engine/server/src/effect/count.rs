//! What candidate rules would change, counted exactly.

use super::compare::{Decided, Limits, Side, side};
use authorization::{Request, State};
use payment_types::{Currency, Moment, format_minor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Transactions that are kept with both traces.
const KEPT: usize = 500;
/// Rows of each list of the most affected.
const TOP: usize = 10;

/// So many, and so much money by currency, in major units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) amounts: BTreeMap<String, String>,
}

/// Decisions that change in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Row {
    pub(crate) was: String,
    pub(crate) was_code: String,
    pub(crate) would_be: String,
    pub(crate) would_be_code: String,
    /// The rule that makes the difference: the one that declines, now or then.
    pub(crate) rule: String,
    pub(crate) sum: Sum,
}

/// One of the most affected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Top {
    pub(crate) id: String,
    pub(crate) sum: Sum,
}

/// One transaction that would have been decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Affected {
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) terminal: String,
    pub(crate) agent: Option<String>,
    pub(crate) card: Option<String>,
    pub(crate) pan: Option<String>,
    pub(crate) customer: Option<String>,
    #[serde(rename = "type")]
    pub(crate) operation: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    /// The amount in minor units, and the account's currency: what traces are read by.
    pub(crate) minor: i64,
    pub(crate) account_currency: Option<String>,
    /// There until they are shown in another form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) would_be: Option<Side>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Effect {
    /// Decisions compared; answers to retransmissions are not counted.
    pub(crate) decisions: u64,
    /// Approved, and would be declined.
    pub(crate) would_decline: Sum,
    /// Declined, and would be approved.
    pub(crate) would_approve: Sum,
    /// Another code or amount, on the same side.
    pub(crate) would_differ: Sum,
    /// How many of each would see any of that.
    pub(crate) cards: u64,
    pub(crate) customers: u64,
    pub(crate) terminals: u64,
    pub(crate) agents: u64,
    /// The most frequent first.
    pub(crate) by: Vec<Row>,
    pub(crate) top_cards: Vec<Top>,
    pub(crate) top_customers: Vec<Top>,
    pub(crate) top_terminals: Vec<Top>,
    pub(crate) top_agents: Vec<Top>,
    /// The first of them, at most 500, with both traces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transactions: Vec<Affected>,
    /// Whether there are more than are listed.
    pub(crate) more: bool,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    count: u64,
    minor: BTreeMap<Currency, u128>,
}

impl Tally {
    fn add(&mut self, request: &Request) {
        self.count = self.count.saturating_add(1);
        let minor = self.minor.entry(request.amount.currency()).or_default();
        *minor = minor.saturating_add(u128::from(request.amount.minor()));
    }

    fn sum(&self) -> Sum {
        let text = |(currency, minor): (&Currency, &u128)| {
            let minor = i128::try_from(*minor).unwrap_or(i128::MAX);
            (currency.to_string(), format_minor(minor, currency.exponent()))
        };
        Sum { count: self.count, amounts: self.minor.iter().map(text).collect() }
    }
}

/// What makes two changes the same: was, its code, would be, its code, the rule.
type Way = (String, String, String, String, String);

/// The counting.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    decisions: u64,
    declined: Tally,
    approved: Tally,
    other: Tally,
    by: BTreeMap<Way, Tally>,
    cards: BTreeMap<u32, Tally>,
    customers: BTreeMap<u32, Tally>,
    terminals: BTreeMap<u32, Tally>,
    agents: BTreeMap<u32, Tally>,
    transactions: Vec<Affected>,
    more: bool,
}

/// Both decisions about a request.
pub(crate) struct Pair<'p> {
    pub(crate) sequence: u64,
    pub(crate) moment: Moment,
    pub(crate) request: &'p Request,
    pub(crate) was: &'p Decided,
    pub(crate) is: &'p Decided,
    /// The limits of each side's rule set.
    pub(crate) limits: (&'p Limits, &'p Limits),
}

impl Pair<'_> {
    /// Whether the two differ in what the terminal and the account see.
    pub(crate) fn differs(&self) -> bool {
        let (was, is) = (&self.was.decision, &self.is.decision);
        was.result != is.result
            || was.amounts.approved != is.amounts.approved
            || was.code_override != is.code_override
    }

    /// The transaction, with both traces.
    pub(crate) fn affected(&self, state: &State) -> Affected {
        let (request, directory) = (self.request, state.directory());
        let parties = &self.is.parties;
        let amount = request.amount;
        let currency = amount.currency();
        let card = parties.card.and_then(|slot| Some((slot, state.card(slot)?)));
        let agent = agent_of(state, self);
        Affected {
            id: self.sequence.to_string(),
            at: self.moment.rfc3339(),
            terminal: request.terminal.as_str().to_owned(),
            agent: agent.map(|at| directory.agent_id(at).to_owned()),
            card: card.map(|(slot, _)| directory.card_id(slot).to_owned()),
            pan: request.card.map(|card| card.masked.to_string()),
            customer: card.map(|(_, card)| directory.customer_id(card.holder).to_owned()),
            operation: crate::statement::operation(request.processing_code.number()).to_owned(),
            amount: format_minor(i128::from(amount.minor()), currency.exponent()),
            currency: currency.to_string(),
            minor: i64::try_from(amount.minor()).unwrap_or(i64::MAX),
            account_currency: parties
                .account
                .and_then(|slot| state.ledger().account(slot))
                .map(|account| account.currency.to_string()),
            was: Some(side(self.was, self.limits.0, true)),
            would_be: Some(side(self.is, self.limits.1, true)),
        }
    }
}

fn agent_of(state: &State, pair: &Pair<'_>) -> Option<u32> {
    state.directory().terminal_at(pair.is.parties.terminal?)?.agent
}

impl Counter {
    /// Counts a decision; true if it differs.
    pub(crate) fn add(&mut self, state: &State, pair: &Pair<'_>) -> bool {
        if pair.was.decision.is_repeat {
            return false;
        }
        self.decisions = self.decisions.saturating_add(1);
        if !pair.differs() {
            return false;
        }
        let sides = (pair.was.decision.result.is_approval(), pair.is.decision.result.is_approval());
        let tally = match sides {
            (true, false) => &mut self.declined,
            (false, true) => &mut self.approved,
            _ => &mut self.other,
        };
        tally.add(pair.request);
        let (was, is) = (side(pair.was, pair.limits.0, false), side(pair.is, pair.limits.1, false));
        let rule = if sides.1 { was.rule } else { is.rule };
        let way = (was.result, was.code, is.result, is.code, rule);
        self.by.entry(way).or_default().add(pair.request);
        let parties = &pair.is.parties;
        let holder = parties.card.and_then(|slot| state.card(slot)).map(|card| card.holder);
        for (all, one) in [
            (&mut self.cards, parties.card),
            (&mut self.customers, holder),
            (&mut self.terminals, parties.terminal),
            (&mut self.agents, agent_of(state, pair)),
        ] {
            if let Some(one) = one {
                all.entry(one).or_default().add(pair.request);
            }
        }
        if self.transactions.len() < KEPT {
            self.transactions.push(pair.affected(state));
        } else {
            self.more = true;
        }
        true
    }

    /// The figures, with ids from the state.
    pub(crate) fn effect(&self, state: &State) -> Effect {
        let directory = state.directory();
        let count = |all: &BTreeMap<u32, Tally>| u64::try_from(all.len()).unwrap_or(u64::MAX);
        let mut by: Vec<Row> = self.by.iter().map(row).collect();
        by.sort_by_key(|row| std::cmp::Reverse(row.sum.count));
        Effect {
            decisions: self.decisions,
            would_decline: self.declined.sum(),
            would_approve: self.approved.sum(),
            would_differ: self.other.sum(),
            cards: count(&self.cards),
            customers: count(&self.customers),
            terminals: count(&self.terminals),
            agents: count(&self.agents),
            by,
            top_cards: top(&self.cards, |at| directory.card_id(at)),
            top_customers: top(&self.customers, |at| directory.customer_id(at)),
            top_terminals: top(&self.terminals, |at| directory.terminal_id(at)),
            top_agents: top(&self.agents, |at| directory.agent_id(at)),
            transactions: self.transactions.clone(),
            more: self.more,
        }
    }
}

fn row(((was, was_code, would_be, would_be_code, rule), tally): (&Way, &Tally)) -> Row {
    let [was, was_code, would_be, would_be_code, rule] =
        [was, was_code, would_be, would_be_code, rule].map(Clone::clone);
    Row { was, was_code, would_be, would_be_code, rule, sum: tally.sum() }
}

fn top<'s>(all: &BTreeMap<u32, Tally>, id: impl Fn(u32) -> &'s str) -> Vec<Top> {
    let mut rows: Vec<(&u32, &Tally)> = all.iter().collect();
    rows.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count));
    rows.truncate(TOP);
    rows.into_iter().map(|(at, tally)| Top { id: id(*at).to_owned(), sum: tally.sum() }).collect()
}
