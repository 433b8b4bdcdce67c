//! AMT-3, AMT-4, AMT-6, AGT-6: what an amount is on the account, what it costs, and what a reversal
//! gives back.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use authorization::*;
use common::*;
use ledger::GeneralAccount;
use payment_types::*;

const RATES: &str = r#"
[[rate]]
from = "USD"
to = "KGS"
value = "87.4500"
margin_percent = "1.0"
valid_from = 2026-11-20T00:00:00+06:00
[[rate]]
from = "XAU"
to = "KGS"
value = "11200.00"
margin_percent = "2.0"
valid_from = 2026-11-20T00:00:00+06:00
"#;

const FEES: &str = r#"
[[fee]]
id = "atm-cash"
operation = "atm_cash"
percent = "1.0"
min = "10.00"
max = "100.00"
[[fee]]
id = "atm-cash-away"
operation = "atm_cash"
on_us = false
percent = "1.5"
fixed = "50.00"
[[fee]]
id = "atm-balance"
operation = "balance_inquiry"
channel = "atm"
fixed = "5.00"
[[fee]]
id = "hotel"
operation = "purchase"
product = "elcart-min"
percent = "2.0"
"#;

fn currency(alpha: &str) -> Currency {
    Currency::from_alpha(alpha).unwrap()
}

/// An account in another currency, its card, a shop abroad, and another bank's cash machine.
fn more() -> Vec<PortfolioItem> {
    let product = |id: &str, currency| {
        PortfolioItem::Product(ProductItem {
            id: id.into(),
            currency,
            minimum_balance: 0,
            contactless: true,
            partial_approval: true,
            pin_tries: 3,
            hold_days: None,
            security: Default::default(),
        })
    };
    let account = |id: &str, product: &str, currency: Currency, balance: &str| {
        PortfolioItem::Account(AccountItem {
            id: id.into(),
            customer: "C5".into(),
            product: product.into(),
            currency,
            balance: parse_minor(balance, currency.exponent()).unwrap(),
            overdraft_limit: 0,
            overdraft_from: None,
            overdraft_until: None,
        })
    };
    let terminal = |id: &str, category, merchant: Option<&str>, on_us| {
        PortfolioItem::Terminal(TerminalItem {
            id: TerminalId::new(id.as_bytes()).unwrap(),
            category,
            merchant: merchant.map(Into::into),
            agent: None,
            listener: "pos".into(),
            on_us,
            denominations: vec![],
            keys: Default::default(),
            security: Default::default(),
            partial_approval: id == "USAPART1",
            balance_on_decline: false,
        })
    };
    let abroad = PortfolioItem::Merchant {
        id: "M9".into(),
        name: "Shop".into(),
        mcc: 5411,
        country: "US".into(),
    };
    vec![
        product("usd", currency("USD")),
        product("eur", currency("EUR")),
        product("gold", currency("XAU")),
        account("AU", "usd", currency("USD"), "500.00"),
        account("AE", "eur", currency("EUR"), "500.00"),
        account("AG", "gold", currency("XAU"), "10.000"),
        PortfolioItem::Card(card("KU", "AU", "C5")),
        PortfolioItem::Card(card("KE", "AE", "C5")),
        PortfolioItem::Card(card("KG", "AG", "C5")),
        abroad,
        terminal("USA00001", DeviceCategory::Merchant, Some("M9"), false),
        terminal("USAPART1", DeviceCategory::Merchant, Some("M9"), false),
        terminal("ATMAWAY1", DeviceCategory::Atm, None, false),
    ]
}

fn bank(rules: &str) -> Bank {
    let mut bank = Bank::with_rules(&format!("{RULES}{rules}"));
    let done = bank.command(Command::Import { part: 0, last: true, items: more() });
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
    bank
}

fn ledger_balance(bank: &Bank, id: &str) -> i64 {
    let slot = bank.state.directory().account_position(id).unwrap();
    bank.state.ledger().account(ledger::AccountSlot(slot)).unwrap().balance
}

fn general(bank: &Bank, currency: Currency, account: GeneralAccount) -> i128 {
    bank.state.ledger().general().balance(currency, account)
}

/// The trace's lines of a rule: asked, used, ceiling.
fn lines(bank: &Bank, rule: RuleId) -> Vec<(i64, i64, i64)> {
    let of_rule = bank.scratch.trace().iter().filter(|entry| entry.rule == rule);
    of_rule.map(|entry| (entry.asked, entry.used, entry.ceiling)).collect()
}

fn rate(from: &str, value: &str, valid_from: &str) -> RateItem {
    RateItem {
        from: currency(from),
        to: Currency::KGS,
        value: Exact(rust_decimal::Decimal::from_str_exact(value).unwrap()),
        margin_percent: Exact(rust_decimal::Decimal::ONE),
        valid_from: at(valid_from).at,
    }
}

fn load(bank: &mut Bank, rates: Vec<RateItem>) -> Outcome {
    bank.command(Command::LoadRates { rates, entered_by: "treasury".into() })
}

#[test]
fn amt_3_a_purchase_in_som_on_a_dollar_account() {
    let mut bank = bank(RATES);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "1000.00"), "00");
    // 1000 / 87.45 = 11.435..., with 1 % 11.549...
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 1_155);
    assert_eq!(lines(&bank, RuleId::Amt3), [(100_000, 1_144, 87_450_000), (11, 1_144, 0)]);
    let usd = currency("USD");
    assert_eq!(general(&bank, usd, GeneralAccount::Exchange), 1_144);
    assert_eq!(general(&bank, usd, GeneralAccount::ExchangeIncome), 11);
    assert_eq!(general(&bank, Currency::KGS, GeneralAccount::Exchange), -100_000);
    assert_eq!(general(&bank, Currency::KGS, GeneralAccount::MerchantSettlement), 100_000);
}

#[test]
fn amt_3_the_margin_is_against_the_customer_in_both_directions() {
    let mut bank = bank(RATES);
    assert_eq!(bank.code("0200", REFUND, "POS00001", "KU", "1000.00"), "00");
    // 11.435... less 1 % is 11.32.
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 + 1_132);
    assert_eq!(general(&bank, currency("USD"), GeneralAccount::ExchangeIncome), 12);
}

#[test]
fn amt_3_a_purchase_abroad_on_an_account_in_som() {
    let mut bank = bank(RATES);
    let mut request = message("0200", PURCHASE, "USA00001", "K1", "10.00");
    request.amount = Amount::new(1_000, currency("USD"));
    let (request, decision) = bank.new_message(request);
    assert_eq!(decision.result.code(), "00");
    // 874.50 and a margin of 8.745, together 883.245, rounded once, half to even.
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000 - 88_324);
    let owed = general(&bank, currency("USD"), GeneralAccount::NetworkSettlement);
    assert_eq!(owed, 1_000);
    assert_eq!(bank.reverse(&request, Some("4.00")), "00");
    // 4.00 stay: 349.80 and 3.498, together 353.298.
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000 - 35_330);
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000);
    assert!(
        bank.state
            .ledger()
            .general()
            .iter()
            .all(|(_, account, balance)| { balance == 0 || account == GeneralAccount::Opening })
    );
}

#[test]
fn amt_3_a_hold_keeps_its_rate_and_the_completion_takes_the_days() {
    let mut bank = bank(RATES);
    let request = message("0100", PURCHASE, "POS00002", "KU", "1000.00");
    let (request, decision) = bank.new_message(request);
    assert_eq!(decision.result.code(), "00");
    assert_eq!(bank.account("AU").1, "11.55");
    bank.clock("2026-11-24 10:00:00");
    let loaded = load(&mut bank, vec![rate("USD", "80.00", "2026-11-24 00:00:00")]);
    assert_eq!(loaded, Outcome::Done(Done::RatesLoaded { added: 1, known: 0 }));
    assert_eq!(bank.account("AU").1, "11.55", "the hold keeps its rate");
    // A partial reversal of the hold goes by the hold's rate.
    assert_eq!(bank.reverse(&request, Some("500.00")), "00");
    assert_eq!(bank.account("AU").1, "5.77");
    // 500 / 80 = 6.25 and 1 %: 6.3125, half to even.
    let (_, decision) = bank.complete(&request, "500.00");
    assert_eq!(decision.result, ResultCode::Booked);
    assert_eq!(bank.account("AU").1, "0.00");
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 631);
}

#[test]
fn amt_3_without_a_rate_the_request_gets_96_and_nothing_else_is_touched() {
    let mut bank = bank(RATES);
    let (_, decision) = bank.new_message(message("0200", PURCHASE, "POS00001", "KE", "10.00"));
    assert_eq!((decision.result.code(), decision.result), ("96", ResultCode::NoRate));
    assert_eq!(lines(&bank, RuleId::Amt3), [(1_000, 0, 0)]);
    assert_eq!(bank.account("AE"), ("500.00".into(), "0.00".into(), "500.00".into()));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
    // A fact without any rate cannot be booked; the terminal sends it again, and then it can.
    let mut fact = message("0120", PURCHASE, "POS00001", "KE", "10.00");
    fact.facts.pin = PinFact::NotPresent;
    let (_, decision) = bank.new_message(fact);
    assert_eq!(decision.result, ResultCode::NoRate);
    load(&mut bank, vec![rate("EUR", "100.00", "2026-11-23 09:00:00")]);
    let (_, decision) = bank.new_message(fact);
    assert_eq!(decision.result, ResultCode::Booked);
    assert_eq!(ledger_balance(&bank, "AE"), 50_000 - 10);
}

#[test]
fn amt_3_a_stale_rate_declines_what_may_be_declined_and_books_facts() {
    let mut bank = bank(RATES);
    // Friday's rate holds for three working days after it: until Wednesday.
    bank.clock("2026-11-25 23:59:59");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "87.45"), "00");
    bank.clock("2026-11-26 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "87.45"), "96");
    assert_eq!(lines(&bank, RuleId::Amt3), [(8_745, 0, 87_450_000)]);
    assert_eq!(bank.code("0120", PURCHASE, "POS00001", "KU", "87.45"), "00");
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 202);
    load(&mut bank, vec![rate("USD", "88.00", "2026-11-26 00:00:00")]);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "87.45"), "00");
}

#[test]
fn amt_3_from_one_foreign_currency_to_another_goes_over_the_som() {
    let mut bank = bank(RATES);
    load(&mut bank, vec![rate("EUR", "100.00", "2026-11-23 09:00:00")]);
    let mut request = message("0200", PURCHASE, "USA00001", "KE", "10.00");
    request.amount = Amount::new(10_000, currency("USD"));
    assert_eq!(bank.new_message(request).1.result.code(), "00");
    // 100 dollars are 8745 som are 87.45 euro, and 1 %.
    assert_eq!(ledger_balance(&bank, "AE"), 50_000 - 8_832);
}

#[test]
fn amt_3_rates_are_taken_in_whole_or_not_at_all() {
    let mut bank = bank(RATES);
    let friday = "2026-11-20 00:00:00";
    for (rates, word) in [
        (vec![], "no rate"),
        (vec![rate("EUR", "0", "2026-11-23 00:00:00")], "rate 1: a rate must be above 0"),
        (vec![rate("EUR", "-1", "2026-11-23 00:00:00")], "above 0"),
        (vec![rate("KGS", "1", "2026-11-23 00:00:00")], "itself"),
        (vec![rate("EUR", "100", "2028-11-23 00:00:00")], "days ahead"),
        // The rule set has another from that moment.
        (vec![rate("EUR", "100", friday), rate("USD", "90", friday)], "rate 2: USD to KGS"),
        // Two for one moment in one file.
        (vec![rate("EUR", "100", friday), rate("EUR", "101", friday)], "rate 2: EUR to KGS"),
    ] {
        let refused = load(&mut bank, rates.clone());
        let Outcome::Refused(Refusal::Rates(faults)) = refused else {
            panic!("{rates:?}: {refused:?}")
        };
        assert!(faults[0].contains(word), "{faults:?}");
        assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KE", "10.00"), "96");
    }
    let items = vec![rate("EUR", "100", friday), rate("USD", "87.4500", friday)];
    let done = load(&mut bank, items.clone());
    assert_eq!(done, Outcome::Done(Done::RatesLoaded { added: 1, known: 1 }));
    let done = load(&mut bank, items);
    assert_eq!(done, Outcome::Done(Done::RatesLoaded { added: 0, known: 2 }));
}

#[test]
fn amt_3_a_rate_to_come_waits_for_its_moment() {
    let mut bank = bank(RATES);
    load(&mut bank, vec![rate("USD", "100.00", "2026-11-24 00:00:00")]);
    bank.clock("23:59:59");
    let views = bank.state.rates_in_force(bank.now);
    let shown: Vec<_> = views.iter().map(|view| (view.value.to_string(), view.in_force)).collect();
    let expected = [("87.4500", true), ("100.00", false), ("11200.00", true)];
    assert_eq!(shown, expected.map(|(value, holds)| (value.to_owned(), holds)));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "87.45"), "00");
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 101);
    bank.clock("2026-11-24 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KU", "100.00"), "00");
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 202);
}

#[test]
fn amt_6_an_account_in_gold() {
    let mut bank = bank(RATES);
    // 1120 som are a tenth of a gram, and 2 %.
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KG", "1120.00"), "00");
    assert_eq!(ledger_balance(&bank, "AG"), 10_000 - 102);
    assert_eq!(lines(&bank, RuleId::Amt6).len(), 2);
    // Cash comes in som; metal is neither handed out nor taken.
    assert_eq!(bank.code("0200", CASH, "BRN00001", "KG", "1120.00"), "00");
    for terminal in ["POS00001", "BRN00001", "USA00001"] {
        let mut request = message("0200", PURCHASE, terminal, "KG", "1.00");
        request.amount = Amount::new(1_000, currency("XAU"));
        assert_eq!(bank.new_message(request).1.result.code(), "12", "{terminal}");
    }
}

#[test]
fn amt_2_purchases_in_kyrgyzstan_are_in_som() {
    let mut bank = bank(RATES);
    let mut request = message("0200", PURCHASE, "POS00001", "KU", "1.00");
    request.amount = Amount::new(100, currency("USD"));
    assert_eq!(bank.new_message(request).1.result.code(), "12");
}

#[test]
fn agt_6_the_cap_counts_som_whatever_the_account_is_in() {
    let mut bank = bank(&RATES.replace("87.4500", "1.0000"));
    let (first, decision) = bank.new_message(message("0200", CASH, "AGT00001", "KU", "300.00"));
    assert_eq!(decision.result.code(), "00");
    // The same holder's card in som: 150 indicators together.
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K6", "600.00"), "00");
    let usage = |bank: &Bank, card: &str| {
        let slot = bank.state.directory().card_position(card).unwrap();
        let views = bank.state.counters(slot, bank.now);
        views.iter().find(|view| view.rule == limits::Rule::Agt1).unwrap().used
    };
    assert_eq!(usage(&bank, "KU"), 90_000);
    assert_eq!(bank.reverse(&first, Some("100.00")), "00");
    assert_eq!(usage(&bank, "KU"), 70_000);
}

#[test]
fn amt_4_fees_by_side_and_operation_with_their_own_postings() {
    let mut bank = bank(FEES);
    for (terminal, amount, fee) in [
        ("ATM00001", "200.00", 1_000),
        ("ATM00001", "5000.00", 5_000),
        ("ATM00001", "11000.00", 10_000),
        ("ATMAWAY1", "200.00", 5_300),
    ] {
        let before = ledger_balance(&bank, "A5");
        let (request, decision) = bank.new_message(message("0200", CASH, terminal, "K5", amount));
        assert_eq!(decision.result.code(), "00", "{terminal} {amount}");
        let paid = i64::try_from(kgs(amount)).unwrap();
        assert_eq!(ledger_balance(&bank, "A5"), before - paid - fee, "{terminal} {amount}");
        assert_eq!(lines(&bank, RuleId::Amt4), [(fee, paid, 0)]);
        assert_eq!(general(&bank, Currency::KGS, GeneralAccount::FeeIncome), i128::from(fee));
        // The reversal gives the fee back.
        assert_eq!(bank.reverse(&request, None), "00");
        assert_eq!(ledger_balance(&bank, "A5"), before);
        assert_eq!(general(&bank, Currency::KGS, GeneralAccount::FeeIncome), 0);
    }
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K5", "10.00"), "00");
    assert_eq!(lines(&bank, RuleId::Amt4), []);
}

#[test]
fn bal_1_amount_and_fees_together_must_be_there() {
    let mut bank = bank(FEES);
    // A6 has 650 available above its minimum; its product pays 2 %.
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K6", "637.26"), "51");
    assert_eq!(lines(&bank, RuleId::Bal1), [(65_001, 65_000, 0)]);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K6", "637.25"), "00");
    assert_eq!(bank.available("A6"), "0.01");
}

#[test]
fn amt_4_a_partial_reversal_gives_back_what_the_rest_would_not_have_cost() {
    let mut bank = bank(FEES);
    let (request, _) = bank.new_message(message("0200", CASH, "ATM00001", "K5", "5000.00"));
    assert_eq!(bank.account("A5").0, "34950.00");
    assert_eq!(bank.reverse(&request, Some("2000.00")), "00");
    assert_eq!(bank.account("A5").0, "37980.00");
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!(bank.account("A5").0, "40000.00");
}

#[test]
fn amt_4_a_hold_holds_the_fee_and_the_completion_takes_it() {
    let mut bank = bank(FEES);
    let request = message("0100", PURCHASE, "POS00002", "K6", "100.00");
    let (request, decision) = bank.new_message(request);
    assert_eq!(decision.result.code(), "00");
    assert_eq!(bank.account("A6").1, "102.00");
    let mut more = message("0100", PURCHASE, "POS00002", "K6", "50.00");
    more.rrn = request.rrn;
    assert_eq!(bank.new_message(more).1.result.code(), "00");
    assert_eq!(bank.account("A6").1, "153.00");
    bank.complete(&request, "120.00");
    assert_eq!(bank.account("A6"), ("877.60".into(), "0.00".into(), "527.60".into()));
}

#[test]
fn amt_4_asking_for_the_balance_at_a_cash_machine() {
    let mut bank = bank(FEES);
    let (request, decision) = bank.new_message(message("0200", BALANCE, "ATM00001", "K1", "0.00"));
    assert_eq!(decision.result.code(), "00");
    assert_eq!(decision.amounts.ledger, Some((2_499_500, Currency::KGS)));
    assert_eq!(ledger_balance(&bank, "A1"), 2_499_500);
    assert_eq!(bank.code("0200", BALANCE, "POS00001", "K1", "0.00"), "00");
    assert_eq!(ledger_balance(&bank, "A1"), 2_499_500, "only cash machines charge for it");
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000);
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "24996.00"), "00");
    assert_eq!(bank.code("0200", BALANCE, "ATM00001", "K1", "0.00"), "51");
}

#[test]
fn amt_4_a_surcharge_comes_on_top_and_goes_to_the_acquirer() {
    let mut bank = bank("");
    let mut request = message("0200", CASH, "ATMAWAY1", "K1", "1000.00");
    request.surcharge = Some(2_500);
    let (request, decision) = bank.new_message(request);
    assert_eq!(decision.result.code(), "00");
    assert_eq!(decision.amounts.hand_out, Some((100_000, Currency::KGS)));
    assert_eq!(ledger_balance(&bank, "A1"), 2_500_000 - 102_500);
    let owed = |bank: &Bank| general(bank, Currency::KGS, GeneralAccount::NetworkSettlement);
    assert_eq!(owed(&bank), 102_500);
    assert_eq!(lines(&bank, RuleId::Amt4), [(2_500, 100_000, 0)]);
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!((ledger_balance(&bank, "A1"), owed(&bank)), (2_500_000, 0));
    // Nobody else may, and nobody more than is handed out.
    for (terminal, kind, surcharge) in
        [("POS00001", PURCHASE, 100), ("ATMAWAY1", CASH, 100_001), ("AGT00001", CASH, 100)]
    {
        let mut request = message("0200", kind, terminal, "K1", "1000.00");
        request.surcharge = Some(surcharge);
        assert_eq!(bank.new_message(request).1.result.code(), "13", "{terminal}");
    }
}

#[test]
fn amt_4_fees_and_surcharge_on_an_account_in_another_currency() {
    let mut bank = bank(&format!("{RATES}{FEES}"));
    let mut request = message("0200", CASH, "ATMAWAY1", "KU", "874.50");
    request.surcharge = Some(8_745);
    let (request, decision) = bank.new_message(request);
    assert_eq!(decision.result.code(), "00");
    // 10 dollars and their margin, 1.5 % and 50 som (63.12 som) in dollars, one dollar surcharge.
    assert_eq!(ledger_balance(&bank, "AU"), 50_000 - 1_010 - 72 - 100);
    assert_eq!(general(&bank, currency("USD"), GeneralAccount::FeeIncome), 72);
    assert_eq!(bank.reverse(&request, None), "00");
    assert_eq!(ledger_balance(&bank, "AU"), 50_000);
}

#[test]
fn bal_4_a_partial_approval_leaves_room_for_margin_and_fees() {
    let mut bank = bank(RATES);
    let mut request = message("0200", PURCHASE, "USAPART1", "KU", "1.00");
    request.amount = Amount::new(60_000, currency("USD"));
    let (_, decision) = bank.new_message(request);
    assert_eq!((decision.result.code(), decision.amounts.approved), ("10", Some(50_000)));
    assert_eq!(ledger_balance(&bank, "AU"), 0);
}

/// A small generator of numbers, the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % most
    }
}

/// Whatever the rates and fees, and in however many parts: what was taken comes back to the last
/// minor unit, no hold is left, and no income of the bank's either.
#[test]
fn txn_2_amt_3_amt_4_reversals_in_parts_leave_nothing_behind() {
    for seed in 0..40 {
        let mut numbers = Numbers(seed);
        let mut bank = bank(&format!("{RATES}{FEES}"));
        let cards = [("KU", "AU"), ("KG", "AG"), ("K5", "A5"), ("K6", "A6"), ("K1", "A1")];
        let before: Vec<i64> = cards.iter().map(|(_, id)| ledger_balance(&bank, id)).collect();
        for _ in 0..60 {
            let (card, _) = cards[usize::try_from(numbers.below(5)).unwrap()];
            let (mti, code, terminal, usd) = [
                ("0200", PURCHASE, "POS00001", false),
                ("0200", PURCHASE, "USA00001", true),
                ("0100", PURCHASE, "USA00001", true),
                ("0100", PURCHASE, "POS00002", false),
                ("0200", CASH, "ATMAWAY1", false),
                ("0200", REFUND, "POS00001", false),
            ][usize::try_from(numbers.below(6)).unwrap()];
            let mut request = message(mti, code, terminal, card, "1.00");
            let minor = 1 + numbers.below(if usd { 2_000 } else { 60_000 });
            let wire = if usd { currency("USD") } else { Currency::KGS };
            request.amount = Amount::new(minor, wire);
            if code == CASH {
                request.amount = Amount::new(minor.next_multiple_of(100), wire);
                request.surcharge = Some(numbers.below(100));
            }
            let (request, decision) = bank.new_message(request);
            if decision.result.code() != "00" {
                continue;
            }
            let mut undone = request;
            if mti == "0100" && numbers.below(2) == 0 {
                let mut fact = bank.reversal_of(&request, None);
                fact.mti = Mti::parse("0220").unwrap();
                fact.amount = Amount::new(1 + numbers.below(minor * 2), wire);
                assert_eq!(bank.send(&fact).result, ResultCode::Booked);
                undone = fact;
            }
            let mut stays = undone.amount.minor();
            while numbers.below(3) > 0 && stays > 1 {
                stays = 1 + numbers.below(stays);
                let mut part = bank.reversal_of(&undone, None);
                part.replacement = Some(stays);
                assert_eq!(bank.send(&part).result.code(), "00", "seed {seed}");
            }
            assert_eq!(bank.reverse(&undone, None), "00", "seed {seed}");
            let after: Vec<i64> = cards.iter().map(|(_, id)| ledger_balance(&bank, id)).collect();
            assert_eq!(after, before, "seed {seed}: {request:?}");
        }
        assert!(cards.iter().all(|(_, id)| bank.account(id).1.trim_matches(['0', '.']).is_empty()));
        let left = bank.state.ledger().general().iter();
        let left: Vec<_> =
            left.filter(|row| row.2 != 0 && row.1 != GeneralAccount::Opening).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?}");
    }
}
