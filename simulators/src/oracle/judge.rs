//! What an answer must be, and what it changes.
//!
//! The checks go in the order of the rule book. Where other messages are on their way to the same
//! household, a check may come out either way, and the answer is one of several.

use super::request::{Act, Pin, Request};
use super::rules::{Contactless, Limit, Rules, Scope, What};
use super::world::{Account, Card, Counted, Household, Reply, Standing};
use crate::exchange::{CAP_LEFT, CASH_TO_HAND_OUT};
use crate::load::operation::Operation;
use payment_types::DeviceCategory;

/// How far off the household may have been when the host decided, for what else was on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slack {
    /// So much less may have been available.
    pub(crate) down: i64,
    /// So much more.
    pub(crate) up: i64,
    /// So many others may have been counted already, or not yet.
    pub(crate) others: u64,
}

impl Slack {
    pub(crate) const fn is_none(self) -> bool {
        self.down == 0 && self.up == 0 && self.others == 0
    }
}

/// What may be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The codes that are possible; with a single one it is certain.
    pub(crate) codes: Vec<String>,
    /// DE 54 type 44, where it is certain (AGT-3).
    pub(crate) cap_left: Option<u64>,
    /// DE 54 types 01 and 02, where they are certain.
    pub(crate) balances: Option<(i64, i64)>,
    /// The answer is this one again (TXN-1).
    pub(crate) same_as: Option<Reply>,
}

/// Collects the codes that are possible.
struct Walk {
    codes: Vec<String>,
    /// Nothing after this can be reached.
    is_over: bool,
}

impl Walk {
    /// A check that fails for certain, perhaps, or not.
    fn check(&mut self, fails_at_best: bool, fails_at_worst: bool, code: &str) {
        if self.is_over {
            return;
        }
        if fails_at_worst && !self.codes.iter().any(|known| known == code) {
            self.codes.push(code.to_owned());
        }
        self.is_over |= fails_at_best;
    }

    fn end(mut self) -> Vec<String> {
        self.check(true, true, "00");
        self.codes
    }
}

/// Judges requests of a household.
pub(crate) struct Judge<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) home: &'a Household,
    pub(crate) slack: Slack,
}

impl Judge<'_> {
    /// What may be answered to a request.
    pub(crate) fn verdict(&self, request: &Request) -> Verdict {
        let mut walk = Walk { codes: Vec::new(), is_over: false };
        let certain = |code: &str| Verdict { codes: vec![code.to_owned()], ..Verdict::default() };
        match &request.act {
            Act::Echo | Act::Complete(_) | Act::Reverse(..) | Act::Undo => return certain("00"),
            Act::Changed => return certain("94"),
            Act::Killed => return certain("05"),
            Act::Repeat(reply) => {
                return Verdict { same_as: Some(reply.clone()), ..certain(&reply.code) };
            }
            _ => {}
        }
        let (Some(card), Some(account)) =
            (self.home.cards.get(request.card), self.home.account_of(request.card))
        else {
            return certain("14");
        };
        let mut verdict = Verdict::default();
        match &request.act {
            Act::Balance => {
                in_order(&mut walk, card, request.pin);
                if self.slack.is_none() {
                    verdict.balances = Some((account.balance, account.available()));
                }
            }
            Act::Credit(what) => {
                // BLK-4: money comes through whatever the card's blocks.
                if card.obstacle.is_none() && card.tries < 3 {
                    pin(&mut walk, card, request.pin);
                }
                self.limits(&mut walk, request, *what);
            }
            Act::Debit(what) => {
                verdict.cap_left = self.debit(&mut walk, request, (card, account), *what);
            }
            _ => {
                verdict.cap_left = self.debit(&mut walk, request, (card, account), What::Purchase);
            }
        }
        verdict.codes = walk.end();
        verdict
    }

    fn debit(
        &self,
        walk: &mut Walk,
        request: &Request,
        (card, account): (&Card, &Account),
        what: What,
    ) -> Option<u64> {
        in_order(walk, card, request.pin);
        // SEC-2.
        let is_cloned = request.operation == Operation::ClonedChip;
        walk.check(is_cloned, is_cloned, "05");
        let closed_to_taps = what == What::Tap && !account.contactless;
        walk.check(closed_to_taps, closed_to_taps, "57");
        let cap_left = self.limits(walk, request, what);
        let amount = i64::try_from(request.amount).unwrap_or(i64::MAX);
        let available = account.available();
        let (best, worst) = (available + self.slack.up, available - self.slack.down);
        walk.check(amount > best, amount > worst, "51");
        let (certainly, perhaps) = self.asks_pin(request);
        walk.check(certainly, perhaps, "70");
        cap_left
    }

    /// AGT and LIM: sums before counts. Gives what is left of the agents' cap where that is over.
    fn limits(&self, walk: &mut Walk, request: &Request, what: What) -> Option<u64> {
        let used = |is_mine: &dyn Fn(&Counted) -> bool| -> u64 {
            self.home.counted.iter().filter(|one| is_mine(one)).map(|one| one.amount).sum()
        };
        let mut left = None;
        if what == What::Cash(DeviceCategory::Agent) {
            let used = used(&|one| self.shares_cap(one, request));
            let cap = self.rules.agent_cash.cap;
            let (best, worst) = self.around(used);
            walk.check(best + request.amount > cap, worst + request.amount > cap, "61");
            left = Some(cap.saturating_sub(used));
        }
        let meant = || self.rules.limits.iter().filter(|limit| limit.is_meant(what));
        for limit in meant().filter(|limit| !limit.is_count) {
            let used = if limit.single { 0 } else { used(&|one| self.shares(limit, one, request)) };
            let (best, worst) = if limit.single { (0, 0) } else { self.around(used) };
            let ceiling = limit.ceiling;
            walk.check(
                best + request.amount > ceiling,
                worst + request.amount > ceiling,
                &limit.code,
            );
            if what.is_cash() {
                left = left.map(|left| left.min(ceiling.saturating_sub(used)));
            }
        }
        let over = walk.is_over && walk.codes == ["61"];
        for limit in meant().filter(|limit| limit.is_count) {
            let mine =
                self.home.counted.iter().filter(|one| {
                    !limit.single && one.amount > 0 && self.shares(limit, one, request)
                });
            let used = u64::try_from(mine.count()).unwrap_or(u64::MAX);
            let others = if limit.single { 0 } else { self.slack.others };
            let (best, worst) = (used.saturating_sub(others), used + others);
            walk.check(best + 1 > limit.ceiling, worst + 1 > limit.ceiling, &limit.code);
        }
        left.filter(|_| over && self.slack.is_none())
    }

    /// A used amount at best and at worst.
    fn around(&self, used: u64) -> (u64, u64) {
        let (up, down) = (self.slack.up.unsigned_abs(), self.slack.down.unsigned_abs());
        (used.saturating_sub(up), used + down)
    }

    /// AGT-1, AGT-2: whether both are measured by one cap.
    fn shares_cap(&self, one: &Counted, request: &Request) -> bool {
        let is_cash = one.what == What::Cash(DeviceCategory::Agent);
        is_cash
            && if self.rules.agent_cash.per_device {
                one.card == request.card && one.terminal == request.terminal
            } else {
                self.customer(one.card) == self.customer(request.card)
            }
    }

    fn shares(&self, limit: &Limit, one: &Counted, request: &Request) -> bool {
        let account = |card: usize| self.home.cards.get(card).map(|card| card.account);
        limit.is_meant(one.what)
            && limit.scope.iter().all(|scope| match scope {
                Scope::Card => one.card == request.card,
                Scope::Account => account(one.card) == account(request.card),
                Scope::Customer => self.customer(one.card) == self.customer(request.card),
                Scope::Device => one.terminal == request.terminal,
            })
    }

    fn customer(&self, card: usize) -> Option<usize> {
        self.home.cards.get(card).map(|card| card.customer)
    }

    /// CTL: whether the PIN is asked for, certainly and perhaps.
    fn asks_pin(&self, request: &Request) -> (bool, bool) {
        if request.pin != Pin::None {
            return (false, false);
        }
        let tiers = match &self.rules.contactless {
            Contactless::Fixed(most) => return both(request.amount > *most),
            Contactless::Tiers(tiers) => tiers,
        };
        let holder = self.customer(request.card).and_then(|at| self.home.customers.get(at));
        let Some(holder) = holder else { return both(false) };
        let Some(tier) = tiers.get(&*holder.tier) else { return both(false) };
        let its = |one: &&Counted| {
            one.without_pin && self.customer(one.card) == self.customer(request.card)
        };
        let since = || self.home.counted.iter().skip(holder.pin_at).filter(its);
        let day: u64 = self.home.counted.iter().filter(its).map(|one| one.amount).sum();
        let sum: u64 = since().map(|one| one.amount).sum();
        let count = u64::try_from(since().filter(|one| one.amount > 0).count()).unwrap_or(0);
        let at = |offset: &dyn Fn(u64) -> u64, count: u64| {
            let over = |most: Option<u64>, asked: u64| most.is_some_and(|most| asked > most);
            over(tier.single, request.amount)
                || over(tier.day, offset(day) + request.amount)
                || over(tier.count, count + 1)
                || over(tier.sum, offset(sum) + request.amount)
        };
        let others = self.slack.others;
        (
            at(&|used| self.around(used).0, count.saturating_sub(others)),
            at(&|used| self.around(used).1, count + others),
        )
    }

    /// What the verdict rests on, for people.
    pub(crate) fn because(&self, request: &Request) -> String {
        let (Some(card), Some(account)) =
            (self.home.cards.get(request.card), self.home.account_of(request.card))
        else {
            return "the message says all".to_owned();
        };
        let som = |minor: i64| payment_types::format_minor(minor.into(), 2);
        let mut text = format!(
            "card {} with {} wrong PINs in a row; account {}: balance {}, holds {}, available {}",
            card.plastic.id,
            card.tries,
            account.id,
            som(account.balance),
            som(account.holds),
            som(account.available())
        );
        if let Some(code) = card.obstacle {
            text.push_str(&format!("; the card is not in order ({code})"));
        }
        if !self.slack.is_none() {
            let Slack { down, up, others } = self.slack;
            let (down, up) = (som(down), som(up));
            text.push_str(&format!("; {others} others on their way: up to {down} less, {up} more"));
        }
        text
    }
}

const fn both(certain: bool) -> (bool, bool) {
    (certain, certain)
}

impl What {
    const fn is_cash(self) -> bool {
        matches!(self, Self::Cash(_))
    }
}

/// BLK-2 and PIN-2.
fn in_order(walk: &mut Walk, card: &Card, typed: Pin) {
    if let Some(code) = card.obstacle {
        walk.check(true, true, code);
    }
    pin(walk, card, typed);
}

fn pin(walk: &mut Walk, card: &Card, typed: Pin) {
    walk.check(card.tries >= 3, card.tries >= 3, "75");
    let is_wrong = typed == Pin::Wrong;
    walk.check(is_wrong, is_wrong, if card.tries >= 2 { "75" } else { "55" });
}

impl Verdict {
    /// What is wrong with an answer; nothing if it is one of the possible ones.
    pub(crate) fn fault_of(&self, request: &Request, reply: &Reply) -> Option<String> {
        if !self.codes.contains(&reply.code) {
            return Some(format!("{} was answered {:?}", request.operation, reply.code));
        }
        if let Some(first) = &self.same_as
            && first != reply
        {
            return Some("the second answer to the same message is another one".to_owned());
        }
        let compare = |kind: &str, name: &str, expected: Option<i64>| {
            let told = reply.amount(kind)?;
            let expected = expected.filter(|expected| *expected != told)?;
            Some(format!("{name} is told as {told}, and is {expected} (minor units)"))
        };
        let cap_left = self.cap_left.and_then(|left| i64::try_from(left).ok());
        if cap_left.is_some() && reply.code == "61" && reply.amount(CAP_LEFT).is_none() {
            return Some("what is left of the cap is not told (AGT-3)".to_owned());
        }
        let is_cash = matches!(request.act, Act::Debit(What::Cash(_))) && reply.code == "00";
        let cash = i64::try_from(request.amount).ok().filter(|_| is_cash);
        let (ledger, available) = self.balances.unzip();
        compare(CAP_LEFT, "what is left of the cap", cap_left)
            .or_else(|| compare(CASH_TO_HAND_OUT, "the cash to hand out", cash))
            .or_else(|| compare("01", "the balance", ledger))
            .or_else(|| compare("02", "what is available", available))
    }
}

impl Household {
    /// Does what the host did when it gave that answer.
    pub(crate) fn apply(&mut self, request: &Request, reply: &Reply) {
        let is_approved = reply.code == "00";
        let (is_new, what) = match &request.act {
            Act::Debit(what) | Act::Credit(what) => (true, Some(*what)),
            Act::Hold => (true, Some(What::Purchase)),
            Act::Balance => (true, None),
            _ => (false, None),
        };
        if is_new {
            self.pin_shown(request, is_approved);
        }
        if !is_approved {
            return;
        }
        let money = i64::try_from(request.amount).unwrap_or(i64::MAX);
        if let Some(what) = what {
            let is_credit = matches!(request.act, Act::Credit(_));
            self.counted.push(Counted {
                card: request.card,
                terminal: request.terminal,
                what,
                without_pin: request.pin == Pin::None && !is_credit,
                amount: request.amount,
            });
            if !is_credit {
                let counted = self.counted.len() - 1;
                self.standing.push(request.standing(reply.auth_code.clone(), counted));
                if self.standing.len() > STANDING_MAX {
                    self.standing.remove(0);
                }
            }
        }
        if let Act::Complete(hold) | Act::Reverse(hold, _) = &request.act {
            return self.follow(request, &hold.clone());
        }
        if let Some(account) = self.account_of_mut(request.card) {
            match &request.act {
                Act::Debit(_) => account.balance -= money,
                Act::Hold => account.holds += money,
                Act::Credit(_) => account.balance += money,
                _ => {}
            }
        }
    }

    /// A completion or a reversal was booked.
    fn follow(&mut self, request: &Request, original: &Standing) {
        let money = |minor: u64| i64::try_from(minor).unwrap_or(i64::MAX);
        let stays = match &request.act {
            Act::Reverse(_, stays) => *stays,
            _ => request.amount,
        };
        if let Some(counted) = self.counted.get_mut(original.counted) {
            counted.amount = counted.amount.min(stays);
        }
        let completes = matches!(request.act, Act::Complete(_));
        let Some(account) = self.account_of_mut(request.card) else { return };
        if completes {
            account.holds -= money(original.amount);
            account.balance -= money(stays);
        } else if original.is_hold {
            account.holds -= money(original.amount - stays);
        } else {
            account.balance += money(original.amount - stays);
        }
    }

    /// PIN-2, and CTL-2's row of transactions without PIN.
    fn pin_shown(&mut self, request: &Request, is_approved: bool) {
        let length = self.counted.len();
        let Some(card) = self.cards.get_mut(request.card) else { return };
        if card.obstacle.is_some() || card.tries >= 3 {
            return;
        }
        match request.pin {
            Pin::Wrong => card.tries += 1,
            Pin::Right => card.tries = 0,
            Pin::None => {}
        }
        let customer = card.customer;
        if let Some(customer) = self.customers.get_mut(customer)
            && request.pin == Pin::Right
            && is_approved
        {
            customer.pin_at = length;
        }
    }
}

/// More than these are forgotten: what is not reversed soon is not reversed here.
const STANDING_MAX: usize = 12;
