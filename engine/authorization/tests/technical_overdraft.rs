//! Technical overdrafts (TOD-1 to TOD-6), the order of repayment (BAL-5), the minimum balance's
//! refill (BAL-3): from opening to repayment, day by day.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::*;
use common::{Bank, PURCHASE, REFUND, at, kgs, message};
use ledger::{Account, AccountSlot, GeneralAccount, OverdraftCause, Party};
use payment_types::{BusinessDate, Currency, Moment, Timestamp};

const POS: &str = "POS00001";

fn day(text: &str) -> BusinessDate {
    BusinessDate::parse(text).unwrap()
}

fn slot(bank: &Bank, id: &str) -> AccountSlot {
    AccountSlot(bank.state.directory().account_position(id).unwrap())
}

fn account(bank: &Bank, id: &str) -> Account {
    bank.state.ledger().account(slot(bank, id)).unwrap().clone()
}

fn technical(bank: &Bank, id: &str) -> i64 {
    account(bank, id).technical_overdraft(bank.now.business_date())
}

fn fact(bank: &mut Bank, card: &str, amount: &str) {
    assert_eq!(bank.code("0220", PURCHASE, POS, card, amount), "00");
}

fn credit(bank: &mut Bank, id: &str, amount: &str) -> ledger::Spent {
    let outcome = bank.command(Command::Credit {
        account: id.into(),
        amount: kgs(amount),
        reference: "r".into(),
        purpose: "salary".into(),
        entered_by: "test".into(),
    });
    match outcome {
        Outcome::Done(Done::Credited { spent, .. }) => spent,
        other => panic!("{other:?}"),
    }
}

/// Ends every day up to `until`, each at the midnight after it, and gives what was done.
fn days_until(bank: &mut Bank, until: &str) -> Vec<DayPart> {
    let mut parts = Vec::new();
    while let Some(date) = bank.state.next_day().filter(|date| *date <= day(until)) {
        let midnight = date.plus_days(1).start(bank.now.offset);
        bank.now = Moment::new(Timestamp(bank.now.at.0.max(midnight.0)), bank.now.offset);
        match bank.command(Command::EndOfDay { date }) {
            Outcome::Done(Done::Day(part)) => parts.push(*part),
            other => panic!("{other:?}"),
        }
        assert_eq!(bank.state.ledger().verify(), Ok(()));
    }
    parts
}

fn rules(overdraft: &str) -> String {
    let (base, _) = common::RULES.split_once("[technical_overdraft]").unwrap();
    format!("{base}[technical_overdraft]\nannual_rate = \"24.00\"\n{overdraft}\n")
}

fn blocked(bank: &Bank, card: &str) -> bool {
    let slot = bank.state.directory().card_position(card).unwrap();
    bank.state.card(slot).unwrap().blocks.contains(BlockReason::TechnicalOverdraft)
}

#[test]
fn tod_1_2_5_and_bal_5_a_fact_opens_it_and_any_credit_repays_it_first() {
    let mut bank = Bank::new();
    fact(&mut bank, "K4", "6500.00");
    let found = account(&bank, "A4");
    let today = bank.now.business_date();
    assert_eq!((found.balance, found.overdraft_used(today)), (-550_000, 500_000));
    assert_eq!(found.technical_overdraft(today), 50_000);
    let open = *found.open_overdraft().unwrap();
    assert_eq!((open.cause, open.notified_at), (OverdraftCause::Advice, Some(bank.now.at)));
    assert_eq!(open.due_on, Some(day("2026-11-30")), "5 working days after Monday 23 November");
    let rules = bank.rules_traced();
    assert!(rules.contains(&("TOD-1", Verdict::Note)) && rules.contains(&("TOD-2", Verdict::Note)));
    // It grows two days later: the deadline stays that of the opening.
    bank.clock("2026-11-25 09:00:00");
    let (_, _) = bank.new_message(message("0220", PURCHASE, POS, "K4", "10.00"));
    let notice = bank.scratch.notice().unwrap();
    let Notice::TechnicalOverdraft { amount, due_on, .. } = notice else { panic!("{notice:?}") };
    assert_eq!((amount, due_on), (51_000, day("2026-11-30")));
    assert_eq!(bank.code("0200", PURCHASE, POS, "K4", "1.00"), "51");
    let spent = credit(&mut bank, "A4", "710.00");
    assert_eq!((spent.technical_overdraft.principal, spent.overdraft), (51_000, 20_000));
    assert_eq!((technical(&bank, "A4"), bank.available("A4")), (0, "200.00".into()));
    assert_eq!(account(&bank, "A4").open_overdraft(), None);
}

#[test]
fn tod_1_the_cause_is_recorded() {
    let mut bank = Bank::new();
    let cause = |bank: &Bank, id| account(bank, id).open_overdraft().map(|open| open.cause);
    let (pre, _) = bank.new_message(message("0100", PURCHASE, POS, "K4", "5000.00"));
    bank.complete(&pre, "6100.00");
    assert_eq!(cause(&bank, "A4"), Some(OverdraftCause::Completion));
    let (pre, _) = bank.new_message(message("0100", PURCHASE, POS, "K1", "25000.00"));
    bank.clock("2026-12-01 10:00:00");
    bank.command(Command::ExpireHolds);
    bank.complete(&pre, "25000.01");
    assert_eq!(cause(&bank, "A1"), Some(OverdraftCause::LatePresentment));
    let (refund, _) = bank.new_message(message("0200", REFUND, POS, "K2", "100.00"));
    assert_eq!(bank.code("0200", PURCHASE, POS, "K2", "50100.00"), "00");
    assert_eq!(bank.reverse(&refund, None), "00");
    assert_eq!(cause(&bank, "A2"), Some(OverdraftCause::Reversal));
    // A refund is a credit like any other, and repays it.
    assert_eq!(bank.code("0200", REFUND, POS, "K2", "100.00"), "00");
    assert_eq!(cause(&bank, "A2"), None);
}

#[test]
fn tod_3_and_4_interest_is_booked_daily_and_the_card_blocked_past_the_due_date() {
    let mut bank = Bank::new();
    fact(&mut bank, "K1", "26000.00");
    let mut booked = Vec::new();
    for part in days_until(&mut bank, "2026-11-29") {
        for transfer in part.transfers {
            assert_eq!(transfer.credit, Party::General(GeneralAccount::InterestIncome));
            booked.push(transfer.amount);
        }
    }
    assert_eq!(booked, [66, 66, 65, 66, 66, 66, 65], "65.753... tyiyn a day, half to even");
    bank.now = at("2026-11-30 23:00:00");
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "1.00"), "51");
    let parts = days_until(&mut bank, "2026-11-30");
    let overdue = parts[0].notices.iter();
    let overdue = overdue.filter(|n| matches!(n, Notice::TechnicalOverdraftOverdue { .. }));
    assert_eq!(overdue.count(), 1);
    assert!(blocked(&bank, "K1") && blocked(&bank, "KS"), "every card of the account");
    bank.now = at("2026-12-01 09:00:00");
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "1.00"), "62");
    let parts = account(&bank, "A1").technical_parts(bank.now.business_date());
    assert_eq!((parts.interest, parts.principal), (526, 100_000));
    let income = GeneralAccount::InterestIncome;
    assert_eq!(bank.state.ledger().general().balance(Currency::KGS, income), 526);
    // It is told once.
    assert_eq!(days_until(&mut bank, "2026-12-01")[0].notices, []);
    let spent = credit(&mut bank, "A1", "1005.92");
    assert_eq!((spent.technical_overdraft.interest, spent.own_use), (592, 0));
    assert!(!blocked(&bank, "K1") && !blocked(&bank, "KS"));
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "0.01"), "51");
    assert_eq!(account(&bank, "A1").balance, 0);
}

#[test]
fn tod_3_the_fraction_survives_repayment_and_the_year_has_360_days() {
    let mut bank = Bank::with_rules(&rules("day_count = \"actual/360\""));
    fact(&mut bank, "K1", "26000.00");
    let parts = days_until(&mut bank, "2026-11-25");
    let booked: Vec<_> = parts.iter().flat_map(|part| &part.transfers).map(|t| t.amount).collect();
    assert_eq!(booked, [67, 66, 67], "66 2/3 tyiyn a day");
    credit(&mut bank, "A1", "2000.00");
    assert_eq!(days_until(&mut bank, "2026-11-26")[0].transfers, []);
    let carried = |bank: &Bank| account(bank, "A1").debts.unwrap().interest_carried;
    assert_eq!(carried(&bank), 0, "three days are whole");
    fact(&mut bank, "K1", "2000.00");
    assert_eq!(days_until(&mut bank, "2026-11-27")[0].transfers[0].amount, 67);
    credit(&mut bank, "A1", "2000.00");
    assert!(carried(&bank) < 0, "a third of a tyiyn was booked too much, and is not forgotten");
}

#[test]
fn bal_5_the_product_may_say_otherwise() {
    let mut bank = Bank::with_rules(&rules(
        "[[technical_overdraft.product]]\nid = \"elcart\"\n\
         repayment_order = [\"principal\", \"interest\", \"fee\"]",
    ));
    fact(&mut bank, "K1", "26000.00");
    days_until(&mut bank, "2026-11-23");
    let spent = credit(&mut bank, "A1", "1000.00");
    assert_eq!(
        (spent.technical_overdraft.principal, spent.technical_overdraft.interest),
        (100_000, 0)
    );
    // The interest is left, bears none itself, and keeps the overdraft open.
    let parts = days_until(&mut bank, "2026-11-24");
    assert_eq!(parts[0].transfers, []);
    assert!(account(&bank, "A1").open_overdraft().is_some());
    assert_eq!(credit(&mut bank, "A1", "0.66").technical_overdraft.interest, 66);
    assert_eq!(account(&bank, "A1").open_overdraft(), None);
}

#[test]
fn tod_4_above_an_amount_and_from_so_many_openings() {
    let policy = "block = { amount_above = \"1000.00\", openings = 3, within_days = 30, \
                  lift_on_repayment = true }";
    let mut bank = Bank::with_rules(&rules(policy));
    fact(&mut bank, "K1", "26000.00");
    assert!(!blocked(&bank, "K1"), "exactly the amount");
    fact(&mut bank, "K1", "0.01");
    assert!(bank.rules_traced().contains(&("TOD-4", Verdict::Note)));
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "1.00"), "62");
    for date in ["2026-11-24", "2026-11-25"] {
        credit(&mut bank, "A1", "2000.00");
        assert!(!blocked(&bank, "K1"));
        bank.clock(&format!("{date} 10:00:00"));
        let left = account(&bank, "A1").balance + 100;
        fact(&mut bank, "K1", &payment_types::format_minor(i128::from(left), 2));
        assert_eq!(technical(&bank, "A1"), 100);
    }
    assert!(blocked(&bank, "K1"), "the third opening in 30 days");
    credit(&mut bank, "A1", "1.00");
    bank.clock("2026-12-24 10:00:00");
    fact(&mut bank, "K1", "1.00");
    assert!(!blocked(&bank, "K1"), "two of the three are more than 30 days ago");
}

fn exempt(bank: &mut Bank, until: Option<&str>) -> Outcome {
    let by = OnRequestOf { note: "on leave abroad".into(), ..OnRequestOf::default() };
    bank.command(Command::ExemptCard { card: "K1".into(), until: until.map(day), by })
}

#[test]
fn tod_4_staff_exempt_one_card_and_the_policy_lifts_only_its_own_block() {
    let policy = "block = { amount_above = \"0.00\", lift_on_repayment = true }";
    let mut bank = Bank::with_rules(&rules(policy));
    fact(&mut bank, "K1", "26000.00");
    assert!(blocked(&bank, "K1") && blocked(&bank, "KS"));
    let changed = |changed| Outcome::Done(Done::Exempted { changed });
    assert_eq!(exempt(&mut bank, Some("2026-11-22")), Outcome::Refused(Refusal::DayPast));
    assert_eq!(exempt(&mut bank, Some("2026-11-24")), changed(true));
    assert!(!blocked(&bank, "K1") && blocked(&bank, "KS"), "one card");
    fact(&mut bank, "K1", "1.00");
    days_until(&mut bank, "2026-11-23");
    assert!(!blocked(&bank, "K1"));
    days_until(&mut bank, "2026-11-24");
    assert!(blocked(&bank, "K1"), "the exemption has run out");
    assert_eq!(exempt(&mut bank, None), changed(false));
    // What staff set by hand stays.
    let (card, reason) = ("KS".into(), BlockReason::TechnicalOverdraft);
    bank.command(Command::Block { card, reason, by: OnRequestOf::default() });
    credit(&mut bank, "A1", "2000.00");
    assert!(!blocked(&bank, "K1") && blocked(&bank, "KS"));
}

#[test]
fn tod_6_the_sweep_is_off_by_default_and_follows_the_products_order() {
    let mut bank = Bank::new();
    fact(&mut bank, "K1", "26000.00");
    days_until(&mut bank, "2026-11-23");
    assert_eq!(technical(&bank, "A1"), 100_000, "A5 of the same customer has 40000.00");
    let mut bank = Bank::with_rules(&rules("sweep_from = [\"elcart-min\", \"elcart\"]"));
    bank.code("0100", PURCHASE, POS, "K5", "39600.00");
    fact(&mut bank, "K1", "26000.00");
    let part = days_until(&mut bank, "2026-11-23").remove(0);
    let swept = part.transfers.last().unwrap();
    let (debit, credit) = (Party::Customer(slot(&bank, "A5")), Party::Customer(slot(&bank, "A1")));
    assert_eq!((swept.debit, swept.credit, swept.amount), (debit, credit, 40_000));
    let done = part.summary.unwrap();
    let sweep = done.job(DayJob::Sweep).unwrap();
    assert_eq!((sweep.changed, &sweep.amounts), (1, &vec![(Currency::KGS, 40_000)]));
    assert_eq!(bank.available("A5"), "0.00", "what is held is left");
    // 0.66 of it went to interest.
    assert_eq!(technical(&bank, "A1"), 60_066);
}

#[test]
fn tod_6_the_sweep_converts_at_the_banks_rate_and_waits_where_there_is_none() {
    let rate = "[[rate]]\nfrom = \"USD\"\nto = \"KGS\"\nvalue = \"87.4500\"\n\
                margin_percent = \"1.0\"\nvalid_from = 2026-11-23T00:00:00+06:00\n";
    for (rates, swept) in [("", 0), (rate, 43_335)] {
        let mut bank = Bank::new();
        let product = ProductItem {
            id: "dollars".into(),
            currency: Currency::USD,
            minimum_balance: 0,
            contactless: true,
            partial_approval: false,
            pin_tries: 3,
            hold_days: None,
            security: Default::default(),
        };
        let dollars = AccountItem {
            id: "AD".into(),
            customer: "C1".into(),
            product: "dollars".into(),
            currency: Currency::USD,
            balance: 500,
            overdraft_limit: 0,
            overdraft_from: None,
            overdraft_until: None,
        };
        let items = vec![PortfolioItem::Product(product), PortfolioItem::Account(dollars)];
        bank.command(Command::Import { part: 0, last: true, items });
        let text = rules(&format!("sweep_from = [\"dollars\"]\n{rates}"));
        let done = bank.command(Command::InstallRules { text });
        assert!(matches!(done, Outcome::Done(_)), "{done:?}");
        fact(&mut bank, "K1", "26000.00");
        days_until(&mut bank, "2026-11-23");
        let left = if swept > 0 { 100_066 - swept } else { 100_000 };
        assert_eq!(technical(&bank, "A1"), left, "66 of interest were paid first");
        // 433.35 KGS at 87.45 are 4.96 USD, with 1 % on it 5.00: a tyiyn more would not fit.
        assert_eq!(account(&bank, "AD").balance, if swept > 0 { 0 } else { 500 });
        let income = GeneralAccount::ExchangeIncome;
        let margin = bank.state.ledger().general().balance(Currency::USD, income);
        assert_eq!(margin, if swept > 0 { 4 } else { 0 });
    }
}

#[test]
fn bal_2_and_tod_2_an_agreed_overdraft_that_ends_while_used() {
    let mut bank = Bank::new();
    let mut item = common::account("AE", "C4", "elcart", "0.00", "500.00");
    if let PortfolioItem::Account(account) = &mut item {
        account.overdraft_until = Some(day("2026-11-24"));
    }
    let card = common::card("KE", "AE", "C4");
    let items = vec![item, PortfolioItem::Card(card)];
    bank.command(Command::Import { part: 0, last: true, items });
    assert_eq!(bank.code("0200", PURCHASE, POS, "KE", "500.00"), "00");
    assert_eq!(days_until(&mut bank, "2026-11-23")[0].notices, []);
    let part = days_until(&mut bank, "2026-11-24").remove(0);
    let due_on = day("2026-12-02");
    let account = slot(&bank, "AE");
    assert_eq!(part.notices, [Notice::TechnicalOverdraft { account, amount: 50_000, due_on }]);
    assert_eq!(part.transfers, [], "on the 24th it was still agreed");
    let found = self::account(&bank, "AE");
    assert_eq!(found.open_overdraft().unwrap().cause, OverdraftCause::OverdraftEnded);
    assert_eq!(days_until(&mut bank, "2026-11-25")[0].transfers.len(), 1);
}

#[test]
fn bal_3_a_fact_eats_into_the_minimum_balance_and_it_is_to_be_refilled_in_three_banking_days() {
    let mut bank = Bank::new();
    bank.clock("2026-11-26 10:00:00");
    let (_, _) = bank.new_message(message("0220", PURCHASE, POS, "K6", "700.00"));
    let due_on = day("2026-12-01");
    let account = slot(&bank, "A6");
    let told = Notice::MinimumBalance { account, missing: 5_000, due_on };
    assert_eq!(bank.scratch.notice(), Some(told));
    let refill = |bank: &Bank| self::account(bank, "A6").debts.and_then(|debts| debts.refill);
    assert_eq!(refill(&bank).unwrap().due_on, Some(due_on), "Thursday and three banking days");
    assert_eq!(technical(&bank, "A6"), 0);
    let notices = |parts: Vec<DayPart>| parts.into_iter().flat_map(|part| part.notices);
    let on_time = days_until(&mut bank, "2026-11-30");
    assert_eq!(notices(on_time).count(), 0);
    let late: Vec<_> = notices(days_until(&mut bank, "2026-12-03")).collect();
    assert_eq!(late, [Notice::MinimumBalanceOverdue { account, missing: 5_000, due_on }]);
    assert_eq!(credit(&mut bank, "A6", "20.00").minimum_balance, 2_000);
    assert!(refill(&bank).is_some());
    let spent = credit(&mut bank, "A6", "40.00");
    assert_eq!((spent.minimum_balance, spent.own_use), (3_000, 1_000));
    assert_eq!(refill(&bank), None);
    // With nothing of it left, both are tracked: the overdraft and the refill.
    fact(&mut bank, "K6", "400.00");
    assert_eq!(technical(&bank, "A6"), 4_000);
    assert_eq!(refill(&bank).unwrap().due_on, None);
    days_until(&mut bank, "2026-12-04");
    assert!(refill(&bank).unwrap().due_on.is_some(), "told at the end of the day");
}

#[test]
fn bal_6_an_account_under_arrest_takes_credits_and_no_debits() {
    let mut bank = Bank::new();
    fact(&mut bank, "K1", "25100.00");
    bank.command(Command::Arrest {
        account: "A1".into(),
        authority: "court".into(),
        document: "order 7".into(),
        entered_by: "test".into(),
    });
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "1.00"), "57");
    let spent = credit(&mut bank, "A1", "300.00");
    assert_eq!((spent.technical_overdraft.total(), spent.own_use), (10_000, 20_000));
    assert_eq!(bank.code("0200", PURCHASE, POS, "K1", "1.00"), "57");
    fact(&mut bank, "K1", "1.00");
}

#[test]
fn what_is_owed_is_in_the_snapshot_and_listed_by_due_date() {
    let mut bank = Bank::new();
    fact(&mut bank, "K1", "26000.00");
    bank.clock("2026-11-25 10:00:00");
    fact(&mut bank, "K4", "6500.00");
    days_until(&mut bank, "2026-11-26");
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let loaded = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(loaded.digest(), bank.state.digest());
    let expected = [(day("2026-11-30"), slot(&bank, "A1")), (day("2026-12-02"), slot(&bank, "A4"))];
    for state in [&loaded, &bank.state] {
        assert_eq!(state.open_overdrafts(None).collect::<Vec<_>>(), expected);
        assert_eq!(state.cards_of(slot(&bank, "A1")).count(), 3);
    }
    credit(&mut bank, "A1", "2000.00");
    assert_eq!(bank.state.open_overdrafts(None).collect::<Vec<_>>(), expected[1..]);
    for (late, age) in [
        (0, Ageing::InTime),
        (1, Ageing::Overdue),
        (30, Ageing::Overdue),
        (31, Ageing::LongOverdue),
    ] {
        let due = day("2026-12-02");
        assert_eq!(Ageing::of(Some(due), due.plus_days(late)), age, "{late}");
    }
}
