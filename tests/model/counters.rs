//! What has been counted: a list of everything approved, summed anew for every question.

use crate::world::{
    CARDS, DAY_MS, LIMITS, Limit, Place, TERMINALS, TIER_LIMITS, TIERS, Tier, day_of, editions,
};
use payment_types::BusinessDate;

/// What stands of the preauthorization that an increment adds to, with those before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    pub amount: u64,
    /// Of that, without PIN.
    pub no_pin: u64,
    pub cash: u64,
    pub cash_exact: u64,
}

/// What a rule may ask about a message.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub at: i64,
    pub card: usize,
    pub terminal: usize,
    pub operation: Operation,
    pub contactless: bool,
    pub present: bool,
    pub credit: bool,
    pub increment: bool,
    pub before: Before,
    /// A PIN, or what the bank takes for one, vouches for the holder (CTL-6).
    pub vouched: bool,
    /// Verified online by us (CTL-2).
    pub online: bool,
    pub amount: u64,
    pub cash: u64,
    /// Before rounding (AMT-1).
    pub cash_exact: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Atm,
    Agent,
    Branch,
    Purchase,
    Web,
    CashIn,
    Refund,
}

impl Facts {
    fn holder(&self) -> usize {
        CARDS[self.card].holder
    }

    /// CTL: the card was there, money leaves, and nobody showed to be its holder.
    pub fn without_pin(&self) -> bool {
        self.present && !self.credit && !self.vouched
    }

    /// AGT-4.
    pub fn agent_cash(&self) -> bool {
        TERMINALS[self.terminal].place == Place::Agent && !self.credit && self.cash > 0
    }
}

/// An approval, and what is left of it.
pub struct Counted {
    pub facts: Facts,
    pub amount: u64,
    pub cash: u64,
    pub cash_exact: u64,
    pub counts: bool,
    without_pin: bool,
}

#[derive(Default)]
pub struct Counters {
    pub list: Vec<Counted>,
    /// Of each customer: how long the list was at the last PIN.
    pin_at: [usize; TIERS.len()],
}

/// What the rules make of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// DE 39 if something is over.
    pub over: Option<&'static str>,
    /// What an agent may still hand out (AGT-3).
    pub cap_left: Option<u64>,
    /// The same where nothing is over: what a balance tells.
    pub left: Option<u64>,
    pub asks_pin: bool,
}

/// CTL-1: 30 indicators. AGT: 150.
const NO_PIN: u64 = 300_000;
const CAP: u64 = 1_500_000;

impl Counters {
    /// Newest first, not older than `days`, as far as `is_it` says.
    fn within<'a>(
        &'a self,
        now: i64,
        days: i64,
        is_it: impl Fn(&Counted) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Counted> {
        let oldest = now - days * DAY_MS;
        let recent = self.list.iter().rev().take_while(move |one| one.facts.at >= oldest);
        recent.filter(move |one| is_it(one))
    }

    /// Agents' cash of the day: of the holder (AGT-1), or of the card at the device (AGT-2).
    pub fn agent_cash(&self, draft: bool, card: usize, terminal: usize, now: i64) -> u64 {
        let today = day_of(now);
        let same = move |one: &Counted| {
            let facts = &one.facts;
            let whose = match draft {
                true => facts.card == card && facts.terminal == terminal,
                false => facts.holder() == CARDS[card].holder,
            };
            facts.agent_cash() && whose && day_of(facts.at) == today
        };
        self.within(now, 2, same).map(|one| one.cash).sum()
    }

    /// Of a customer without PIN: today's sum, count and sum since the last PIN.
    pub fn no_pin(&self, holder: usize, now: i64) -> (u64, u64, u64) {
        let today = day_of(now);
        let its = move |one: &Counted| one.without_pin && one.facts.holder() == holder;
        let day = self.within(now, 2, move |one| its(one) && day_of(one.facts.at) == today);
        let day = day.map(|one| one.amount).sum();
        let since = || self.list[self.pin_at[holder]..].iter().filter(move |one| its(one));
        let count = since().filter(|one| one.counts && !one.facts.increment).count();
        (day, count as u64, since().map(|one| one.amount).sum())
    }

    /// What a limit has counted for whoever `now` is about.
    pub fn limit(&self, limit: &'static Limit, now: &Facts) -> u64 {
        let about = *now;
        let same = move |one: &Counted| {
            let of = &one.facts;
            let scope = limit.scope.iter().all(|part| match *part {
                "card" => of.card == about.card,
                "account" => CARDS[of.card].account == CARDS[about.card].account,
                "customer" => of.holder() == about.holder(),
                "device" => of.terminal == about.terminal,
                "agent" => agent(of).is_some() && agent(of) == agent(&about),
                other => panic!("scope {other}"),
            });
            scope && is_meant(limit, of) && in_window(limit.window, of.at, about.at)
        };
        let value = |one: &Counted| match limit.is_count {
            true => u64::from(one.counts && !one.facts.increment),
            false => part(limit, (one.amount, one.cash, one.cash_exact)),
        };
        self.within(now.at, 32, same).map(value).sum()
    }

    /// CTL, AGT and LIM in the order of the rule book; sums before counts (LIM-1).
    pub fn judge(&self, facts: &Facts, rules: u8) -> Verdict {
        let editions = editions(rules);
        let (mut sums, mut counts) = (None, None);
        let mut verdict = Verdict { asks_pin: self.asks_pin(facts, rules), ..Verdict::default() };
        let mut left = None;
        if facts.agent_cash() {
            let used = self.agent_cash(editions.agent_cash, facts.card, facts.terminal, facts.at);
            left = Some(CAP.saturating_sub(used));
            if used + facts.cash > CAP {
                sums = Some("61");
            }
        }
        for limit in &LIMITS {
            if facts.amount == 0 || !is_meant(limit, facts) || !has_scope(limit, facts) {
                continue;
            }
            let used = match limit.window {
                "transaction" if limit.is_count => 0,
                "transaction" => {
                    let before = facts.before;
                    part(limit, (before.amount, before.cash, before.cash_exact))
                }
                _ => self.limit(limit, facts),
            };
            let asked = match limit.is_count {
                true => u64::from(!facts.increment),
                false => part(limit, (facts.amount, facts.cash, facts.cash_exact)),
            };
            if !limit.is_count && limit.counts != "purchase" {
                let leaves = limit.ceiling.saturating_sub(used);
                left = left.map(|left: u64| left.min(leaves));
            }
            if asked > 0 && used + asked > limit.ceiling {
                let which = if limit.is_count { &mut counts } else { &mut sums };
                which.get_or_insert(if limit.is_count { "65" } else { "61" });
            }
        }
        verdict.over = sums.or(counts);
        verdict.left = left;
        verdict.cap_left = left.filter(|_| sums.is_some());
        verdict
    }

    fn asks_pin(&self, facts: &Facts, rules: u8) -> bool {
        // CTL-4: cash never goes without PIN, wherever.
        if facts.cash > 0 && !facts.credit && !facts.vouched {
            return true;
        }
        if !facts.without_pin() {
            return false;
        }
        if !editions(rules).contactless {
            return facts.before.no_pin + facts.amount > NO_PIN;
        }
        let Some(tier) = tier(facts.holder()) else { return false };
        let (day, count, sum) = self.no_pin(facts.holder(), facts.at);
        let over = |ceiling: Option<u64>, used: u64| ceiling.is_some_and(|most| used > most);
        over(tier.single, facts.before.no_pin + facts.amount)
            || over(tier.day, day + facts.amount)
            || over(tier.count, count + u64::from(!facts.increment))
            || over(tier.sum, sum + facts.amount)
    }

    /// Counts an approval; gives its place in the list.
    pub fn count(&mut self, facts: Facts) -> usize {
        self.show_pin(&facts);
        self.list.push(Counted {
            facts,
            amount: facts.amount,
            cash: facts.cash,
            cash_exact: facts.cash_exact,
            counts: true,
            without_pin: facts.without_pin(),
        });
        self.list.len() - 1
    }

    /// CTL-2: a right online PIN ends the row of transactions without one.
    pub fn show_pin(&mut self, facts: &Facts) {
        if facts.online {
            self.pin_at[facts.holder()] = self.list.len();
        }
    }
}

/// The limits of a customer's tier, where the rule set has any.
pub fn tier(holder: usize) -> Option<&'static Tier> {
    TIER_LIMITS.iter().find(|tier| tier.name == TIERS[holder])
}

fn agent(facts: &Facts) -> Option<usize> {
    let terminal = &TERMINALS[facts.terminal];
    (terminal.place == Place::Agent).then_some(terminal.owner)
}

fn has_scope(limit: &Limit, facts: &Facts) -> bool {
    !limit.scope.contains(&"agent") || agent(facts).is_some()
}

/// Whether a limit counts such a transaction at all (LIM-1).
fn is_meant(limit: &Limit, of: &Facts) -> bool {
    let debit = !of.credit;
    match limit.counts {
        "all" => debit,
        "atm_cash" => of.operation == Operation::Atm,
        "agent_cash" => of.agent_cash(),
        "purchase" => of.operation == Operation::Purchase,
        "contactless" => debit && of.contactless,
        "ecommerce" => of.operation == Operation::Web,
        "cash_in" => of.operation == Operation::CashIn,
        other => panic!("counts {other}"),
    }
}

/// Which part of a transaction a limit on sums counts: cash limits the cash, purchases the goods.
fn part(limit: &Limit, (amount, cash, cash_exact): (u64, u64, u64)) -> u64 {
    match limit.counts {
        "atm_cash" | "agent_cash" => cash,
        "purchase" => amount - cash_exact,
        _ => amount,
    }
}

/// Rolling windows are kept in buckets and err to the strict side (deploy/docs/rules.md).
fn in_window(window: &str, then: i64, now: i64) -> bool {
    let rolling = |minutes: i64, buckets: i64| {
        let bucket = |at: i64| at.div_euclid(60_000) / minutes;
        bucket(then) >= bucket(now) - buckets
    };
    let month = |at: i64| {
        let (year, month, _) = BusinessDate::from_days(day_of(at) as i32).ymd();
        (year, month)
    };
    match window {
        "transaction" => false,
        "day" => day_of(then) == day_of(now),
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        "week" => (day_of(then) + 3).div_euclid(7) == (day_of(now) + 3).div_euclid(7),
        "month" => month(then) == month(now),
        "rolling-1h" => rolling(1, 60),
        "rolling-24h" => rolling(15, 96),
        "rolling-7d" => rolling(60, 168),
        "rolling-30d" => rolling(360, 120),
        other => panic!("window {other}"),
    }
}
