//! The end: what the host's books say of the accounts and cards the oracle spoke for.

use super::rules::{Rules, Scope, What};
use super::world::{Card, Household};
use crate::SimError;
use crate::report::MoneyReport;
use crate::scenario::http::Http;
use payment_types::{DeviceCategory, format_minor, parse_minor};
use serde_json::Value;

const EXAMPLES_MAX: usize = 8;

/// Looks at every account and card of these households through the API.
///
/// # Errors
/// [`SimError::Http`] where there is no reply; a refusal is a difference.
pub(super) fn look(
    http: &mut Http,
    households: &[Household],
    rules: &Rules,
) -> Result<MoneyReport, SimError> {
    let mut books = Books { report: MoneyReport::default(), expected: 0, found: 0 };
    for home in households.iter().filter(|home| !home.is_lost) {
        for account in &home.accounts {
            let path = format!("/accounts/{}", account.id);
            let Some(told) = books.get(http, &path)? else { continue };
            books.report.accounts += 1;
            books.expected += i128::from(account.balance);
            books.found += i128::from(money(&told, "ledger_balance").unwrap_or_default());
            for (key, expected) in [
                ("ledger_balance", account.balance),
                ("holds", account.holds),
                ("available", account.available()),
            ] {
                let found = money(&told, key);
                books.compare(&format!("account {} {key}", account.id), found, expected);
            }
        }
        for (at, card) in home.cards.iter().enumerate() {
            let path = format!("/cards/{}", card.plastic.id);
            let Some(told) = books.get(http, &path)? else { continue };
            books.report.cards += 1;
            books.card(home, (at, card), &told, rules);
        }
    }
    let som = |minor: i128| format_minor(minor, 2);
    (books.report.expected, books.report.found) = (som(books.expected), som(books.found));
    Ok(books.report)
}

struct Books {
    report: MoneyReport,
    expected: i128,
    found: i128,
}

impl Books {
    fn get(&mut self, http: &mut Http, path: &str) -> Result<Option<Value>, SimError> {
        let reply = http.call("GET", path, None)?;
        match &reply.json {
            Some(json) if reply.is_success() => Ok(Some(json.clone())),
            _ => {
                self.differ(format!("GET {path}: {reply}"));
                Ok(None)
            }
        }
    }

    fn differ(&mut self, what: String) {
        self.report.differences += 1;
        if self.report.examples.len() < EXAMPLES_MAX {
            self.report.examples.push(what);
        }
    }

    fn compare(&mut self, what: &str, found: Option<i64>, expected: i64) {
        if found != Some(expected) {
            let found = found.map_or_else(|| "nothing".to_owned(), |found| som(found.into()));
            self.differ(format!("{what} is {found}, should be {}", som(expected.into())));
        }
    }

    /// A card's PIN tries and counters.
    fn card(&mut self, home: &Household, (at, card): (usize, &Card), told: &Value, rules: &Rules) {
        let id = &card.plastic.id;
        let blocks = told.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_blocked = blocks.iter().any(|reason| reason == "pin_tries");
        let was_blocked = card.plastic.blocks.iter().any(|reason| &**reason == "pin_tries");
        if is_blocked != (card.tries >= 3 || was_blocked) {
            self.differ(format!("card {id}: blocked for PIN tries is {is_blocked}"));
        }
        let counters = told.get("counters").and_then(Value::as_array).cloned().unwrap_or_default();
        let used = |is_it: &dyn Fn(&Value) -> bool| {
            let found = counters.iter().find(|counter| is_it(counter))?;
            let used = found.get("used")?;
            let text = used.as_str().map_or_else(|| used.to_string(), str::to_owned);
            let is_amount = found.get("measure").is_some_and(|measure| measure == "amount");
            parse_minor(&text, if is_amount { 2 } else { 0 }).ok()
        };
        let customer = |card: usize| home.cards.get(card).map(|card| card.customer);
        if !rules.agent_cash.per_device {
            let its = home.counted.iter().filter(|one| {
                one.what == What::Cash(DeviceCategory::Agent) && customer(one.card) == customer(at)
            });
            let expected: u64 = its.map(|one| one.amount).sum();
            let found = used(&|counter| counter.get("rule").is_some_and(|rule| rule == "AGT-1"));
            let expected = i64::try_from(expected).unwrap_or(i64::MAX);
            self.compare(&format!("card {id} AGT-1 used"), found.or(Some(0)), expected);
        }
        for limit in rules.limits.iter().filter(|limit| !limit.single) {
            let [scope] = limit.scope.as_slice() else { continue };
            let account = |card: usize| home.cards.get(card).map(|card| card.account);
            let mine = home.counted.iter().filter(|one| {
                limit.is_meant(one.what)
                    && match scope {
                        Scope::Card => one.card == at,
                        Scope::Account => account(one.card) == account(at),
                        _ => customer(one.card) == customer(at),
                    }
            });
            let expected: u64 = if limit.is_count {
                mine.filter(|one| one.amount > 0).map(|_| 1).sum()
            } else {
                mine.map(|one| one.amount).sum()
            };
            let its = |counter: &Value| counter.get("limit").is_some_and(|id| *id == *limit.id);
            let (found, id) = (used(&its), &card.plastic.id);
            let expected = i64::try_from(expected).unwrap_or(i64::MAX);
            self.compare(&format!("card {id} {} used", limit.id), found.or(Some(0)), expected);
        }
    }
}

fn money(told: &Value, key: &str) -> Option<i64> {
    parse_minor(told.get(key)?.as_str()?, 2).ok()
}

fn som(minor: i128) -> String {
    format_minor(minor, 2)
}
