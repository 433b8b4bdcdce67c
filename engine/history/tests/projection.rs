//! The projector: rows that say what happened, exactly once, and the same when built again.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use authorization::{BlockReason, Command, Outcome};
use common::{Bank, block, by_staff, purchase, reversal};
use history::{FILE_NAME, Filter, History, Party, TransactionDetail};
use payment_types::{Mti, ProcessingCode, TerminalId};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::path::Path;

/// A day at the bank: every kind of record, two dozen of them.
fn busy_bank() -> (Bank, u64) {
    let mut bank = Bank::open();
    let first = purchase(1, 150_000);
    assert_eq!(bank.send(first), "00"); // 4
    let mut repeat = first;
    repeat.mti = Mti::parse("0201").unwrap();
    assert_eq!(bank.send(repeat), "00"); // 5
    assert_eq!(bank.send(purchase(2, 400_000)), "61"); // 6
    let mut cash = purchase(3, 10_024);
    cash.processing_code = ProcessingCode::from_number(10_000).unwrap();
    cash.terminal = TerminalId::new(b"AGT00001").unwrap();
    assert_eq!(bank.send(cash), "00"); // 7
    assert_eq!(bank.send(reversal(4, &first)), "00"); // 8
    let mut hold = purchase(5, 100_000);
    hold.mti = Mti::parse("0100").unwrap();
    assert_eq!(bank.send(hold), "00"); // 9
    let mut completion = hold;
    completion.mti = Mti::parse("0220").unwrap();
    completion.stan = payment_types::Stan::new(6).unwrap();
    completion.amount = payment_types::Amount::new(110_000, payment_types::Currency::KGS);
    assert_eq!(bank.send(completion), "00"); // 10
    bank.execute(block("K1", BlockReason::HolderRequest)); // 11
    assert_eq!(bank.send(purchase(7, 100)), "62"); // 12
    bank.execute(Command::Unblock {
        card: "K1".into(),
        reason: BlockReason::HolderRequest,
        by: by_staff(),
    }); // 13
    bank.execute(block("K9", BlockReason::Lost)); // 14, refused
    let mut advice = purchase(8, 3_000_000);
    advice.mti = Mti::parse("0220").unwrap();
    assert_eq!(bank.send(advice), "00"); // 15, opens a technical overdraft
    bank.execute(Command::Credit {
        account: "A1".into(),
        amount: 5_000_000,
        reference: "r1".into(),
        purpose: "salary".into(),
        entered_by: "acceptance".into(),
    }); // 16
    bank.execute(Command::Arrest {
        account: "A1".into(),
        authority: "court".into(),
        document: "17".into(),
        entered_by: "acceptance".into(),
    }); // 17
    bank.execute(Command::LiftArrest {
        account: "A1".into(),
        authority: "court".into(),
        document: "18".into(),
        entered_by: "acceptance".into(),
    }); // 18
    bank.now = bank.now.plus_days(1);
    let mut late = purchase(9, 5_000);
    late.mti = Mti::parse("0100").unwrap();
    assert_eq!(bank.send(late), "00"); // 19
    bank.now = bank.now.plus_days(8);
    bank.execute(Command::ExpireHolds); // 20
    bank.execute(Command::EndOfDay { date: common::today() }); // 21
    let watermark = bank.commit();
    assert_eq!(watermark, 21);
    (bank, watermark)
}

fn caught_up(path: &Path, watermark: u64) -> History {
    let (history, mut projector) = History::open(path).unwrap();
    projector.catch_up(watermark).unwrap();
    assert_eq!(history.progress().position(), watermark);
    history
}

fn detail(history: &History, sequence: u64) -> TransactionDetail {
    history.transaction(sequence).unwrap().unwrap()
}

/// Every row of every table.
fn dump(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let sql = Connection::open(path.join(FILE_NAME)).unwrap();
    let mut tables =
        sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |name: &String| {
        let mut all = sql.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = all.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
        let mut rows: Vec<Vec<Value>> =
            all.query_map([], read).unwrap().map(Result::unwrap).collect();
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    names
        .into_iter()
        .map(|name| {
            let rows = rows(&name);
            (name, rows)
        })
        .collect()
}

#[test]
fn a_purchase_has_its_ids_trace_and_postings() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    let found = detail(&history, 4);
    let row = &found.summary;
    assert_eq!((row.card.as_deref(), row.account.as_deref()), (Some("K1"), Some("A1")));
    assert_eq!(row.masked_pan.as_deref(), Some("941700******0016"));
    assert_eq!((row.category.as_deref(), row.merchant.as_deref()), (Some("merchant"), Some("M1")));
    assert_eq!((row.amount, row.code.as_str(), row.result.as_str()), (150_000, "00", "approved"));
    assert_eq!((row.mti, row.stan, row.rrn.as_str()), (200, 1, "000000000001"));
    assert_eq!(row.rules, "test-1");
    assert_eq!(row.moment.rfc3339(), "2026-11-23T10:00:04.000+06:00");
    assert!(row.auth_code.is_some());
    let limit = found.trace.iter().find(|line| line.limit.as_deref() == Some("pos-day")).unwrap();
    assert_eq!((limit.rule.as_str(), limit.verdict.as_str()), ("LIM-1", "pass"));
    assert_eq!(limit.measure.as_deref(), Some("amount"));
    assert_eq!(history.cards_of_account("A1").unwrap(), ["K1"]);
    assert_eq!((limit.asked, limit.used, limit.ceiling), (150_000, 0, 500_000));
    assert!(found.trace.iter().any(|line| line.rule == "BAL-1"));
    let account = Party::Account("A1".into());
    assert_eq!((&found.postings[0].party, found.postings[0].amount), (&account, -150_000));
    assert_eq!(found.postings.iter().map(|posting| posting.amount).sum::<i64>(), 0);
}

#[test]
fn a_retransmission_is_no_second_transaction() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    let first = detail(&history, 4);
    assert_eq!(first.retransmissions.len(), 1);
    assert_eq!(detail(&history, 5), first, "its own sequence leads to the first one");
    let all = history.transactions(&Filter::default(), None, 100).unwrap();
    assert!(all.items.iter().all(|row| row.sequence != 5));
}

#[test]
fn reversals_and_completions_are_linked_both_ways() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    assert_eq!(detail(&history, 8).original.unwrap().sequence, 4);
    let followers = detail(&history, 4).followers;
    assert_eq!((followers.len(), followers[0].sequence, followers[0].mti), (1, 8, 420));
    // The completion names no DE 90: it is found by its retrieval reference number.
    let completion = detail(&history, 10);
    assert_eq!(completion.original.unwrap().sequence, 9);
    assert_eq!(completion.hold.as_deref(), Some("captured"));
    let held = detail(&history, 9);
    assert_eq!((held.hold.as_deref(), held.hold_amount), (Some("placed"), Some(100_000)));
    assert_eq!(detail(&history, 15).original, None, "an advice of its own");
    let expired = detail(&history, 19).hold_expired_at.unwrap();
    assert!(expired.rfc3339().starts_with("2026-12-02T10:00"), "{}", expired.rfc3339());
}

#[test]
fn cash_tells_what_was_handed_out() {
    let (bank, watermark) = busy_bank();
    let found = detail(&caught_up(bank.path(), watermark), 7);
    assert_eq!((found.summary.amount, found.summary.handed_out), (10_024, Some(10_000)));
    assert_eq!(found.summary.agent.as_deref(), Some("G1"));
    let amounts: Vec<i64> = found.postings.iter().map(|posting| posting.amount).collect();
    assert_eq!((amounts.len(), amounts.iter().sum::<i64>()), (4, 0), "{amounts:?}");
}

#[test]
fn search_filters_and_pages() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    let sequences = |filter: Filter| -> Vec<u64> {
        let page = history.transactions(&filter, None, 100).unwrap();
        page.items.iter().map(|row| row.sequence).collect()
    };
    let all = vec![19, 15, 12, 10, 9, 8, 7, 6, 4];
    assert_eq!(sequences(Filter::default()), all);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(sequences(Filter { card: some("K1"), ..Filter::default() }), all);
    assert_eq!(sequences(Filter { account: some("A1"), ..Filter::default() }), all);
    let none: [u64; 0] = [];
    assert_eq!(sequences(Filter { card: some("K2"), ..Filter::default() }), none);
    let agent = Filter { terminal: some("AGT00001"), ..Filter::default() };
    assert_eq!(sequences(agent), [7]);
    assert_eq!(sequences(Filter { code: some("61"), ..Filter::default() }), [6]);
    let both = Filter { code: some("00"), terminal: some("POS00001"), ..Filter::default() };
    assert_eq!(sequences(both), [19, 15, 10, 9, 8, 4]);
    let at = |second: i64| Some(common::START.plus_ms(second * 1000));
    let span = Filter { from: at(6), to: at(9), ..Filter::default() };
    assert_eq!(sequences(span), [8, 7, 6], "from counts, to does not");
    let later = Filter { from: at(4_000_000), ..Filter::default() };
    assert_eq!(sequences(later), none);

    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = history.transactions(&Filter::default(), before, 4).unwrap();
        pages.extend(page.items.iter().map(|row| row.sequence));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, all);
}

/// A card's and a terminal's rows stand together only within a stretch of 65 536 records.
#[test]
fn a_search_walks_all_stretches() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    let sql = Connection::open(bank.path().join(FILE_NAME)).unwrap();
    for stretches in [1, 4] {
        sql.execute_batch(&format!(
            "CREATE TEMP TABLE later AS SELECT * FROM main.transactions WHERE sequence < 20; \
             UPDATE later SET sequence = sequence + {stretches} * 65536, \
                              at = at + {stretches} * 3600000; \
             INSERT INTO main.transactions SELECT * FROM later; DROP TABLE later"
        ))
        .unwrap();
    }
    let all: Vec<u64> = [4, 1, 0]
        .iter()
        .flat_map(|stretch| [19, 15, 12, 10, 9, 8, 7, 6, 4].map(|at| stretch * 65_536 + at))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    let walk = |filter: &Filter, most: u32| {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = history.transactions(filter, before, most).unwrap();
            found.extend(page.items.iter().map(|row| row.sequence));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    };
    for filter in [
        Filter::default(),
        Filter { card: some("K1"), ..Filter::default() },
        Filter { account: some("A1"), ..Filter::default() },
    ] {
        assert_eq!(walk(&filter, 100), all);
        assert_eq!(walk(&filter, 4), all, "in pages");
    }
    let agent = Filter { terminal: some("AGT00001"), ..Filter::default() };
    assert_eq!(walk(&agent, 1), [4 * 65_536 + 7, 65_536 + 7, 7]);
    let at = |second: i64| Some(common::START.plus_ms(3_600_000 + second * 1000));
    let span = Filter { from: at(6), to: at(9), card: some("K1"), ..Filter::default() };
    assert_eq!(walk(&span, 100), [8, 7, 6].map(|at| 65_536 + at));
}

#[test]
fn audit_and_outbox_say_who_did_what() {
    let (bank, watermark) = busy_bank();
    let history = caught_up(bank.path(), watermark);
    let all = history.audit(None, None, 100).unwrap().items;
    let actions: Vec<&str> = all.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = [
        "import",
        "install_rules",
        "block",
        "unblock",
        "block",
        "credit",
        "arrest",
        "lift_arrest",
        "expire_holds",
        "end_of_day",
    ];
    assert_eq!(actions, expected);
    let card = history.audit(Some(("card", "K1")), None, 100).unwrap().items;
    assert_eq!(card.len(), 2);
    assert_eq!(card[1].entered_by.as_deref(), Some("acceptance"));
    assert!(card[1].details.contains("\"identified_by\":\"passport\""), "{}", card[1].details);
    let refused = &history.audit(Some(("card", "K9")), None, 100).unwrap().items[0];
    assert_eq!(refused.refused.as_deref(), Some("unknown card"));
    let credit = &history.audit(Some(("account", "A1")), None, 100).unwrap().items[2];
    assert_eq!(credit.action, "credit");
    for part in ["\"amount\":\"50000.00\"", "\"technical_overdraft\":\"6200.24\""] {
        assert!(credit.details.contains(part), "{}", credit.details);
    }
    let notices = history.notifications(Some("A1"), None, 10).unwrap().items;
    assert_eq!((notices.len(), notices[0].sequence), (1, 15));
    assert_eq!(notices[0].kind, "technical_overdraft");
    assert_eq!(notices[0].due_on.to_string(), "2026-11-30");
    assert_eq!(history.notifications(Some("A2"), None, 10).unwrap().items, []);
    assert_eq!(history.rule_sets().unwrap()[0].version, "test-1");
}

#[test]
fn bal_7_the_postings_sum_to_the_ledger() {
    let (bank, watermark) = busy_bank();
    let _history = caught_up(bank.path(), watermark);
    let sql = Connection::open(bank.path().join(FILE_NAME)).unwrap();
    let sum = |text: &str| sql.query_row(text, [], |row| row.get::<_, i64>(0)).unwrap();
    let unbalanced = "SELECT count(*) FROM (SELECT sequence FROM postings GROUP BY sequence, \
                      currency HAVING sum(amount) <> 0)";
    assert_eq!(sum(unbalanced), 0);
    let account = bank.state.ledger().account(ledger::AccountSlot(0)).unwrap();
    assert_eq!(sum("SELECT sum(amount) FROM postings WHERE account = 0"), account.balance);
}

#[test]
fn exactly_once_wherever_the_projector_is_cut_off() {
    let (bank, watermark) = busy_bank();
    drop(caught_up(bank.path(), watermark));
    let expected = dump(bank.path());
    for size in [1, 2, 3, 5, 8] {
        std::fs::remove_file(bank.path().join(FILE_NAME)).unwrap();
        loop {
            // A new process for every batch, which dies in the middle of the next one.
            let (_history, mut projector) = History::open(bank.path()).unwrap();
            let taken = projector.one_batch(watermark, size).unwrap();
            let sql = Connection::open(bank.path().join(FILE_NAME)).unwrap();
            sql.execute_batch("BEGIN; DELETE FROM transactions; UPDATE position SET sequence = 0")
                .unwrap();
            drop(sql);
            if taken == 0 {
                break;
            }
        }
        assert_eq!(dump(bank.path()), expected, "batches of {size}");
    }
}

#[test]
fn a_failing_batch_leaves_nothing_and_is_taken_in_again() {
    let (bank, watermark) = busy_bank();
    let (history, mut projector) = History::open(bank.path()).unwrap();
    projector.one_batch(watermark, 7).unwrap();
    // Somebody else writes and does not end: a full disk would look the same to the projector.
    let other = Connection::open(bank.path().join(FILE_NAME)).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON transactions WHEN NEW.sequence = 12 \
             BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .unwrap();
    let error = projector.catch_up(watermark).unwrap_err();
    assert!(error.to_string().contains("disk full"), "{error}");
    assert_eq!(history.progress().position(), 7);
    assert_eq!(history.transaction(8).unwrap(), None);
    other.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(projector.catch_up(watermark).unwrap(), watermark - 7);
    let rows = dump(bank.path());
    drop((history, projector, other));
    std::fs::remove_file(bank.path().join(FILE_NAME)).unwrap();
    drop(caught_up(bank.path(), watermark));
    assert_eq!(dump(bank.path()), rows);
}

#[test]
fn only_what_is_durable_is_taken_in() {
    let (bank, _) = busy_bank();
    let (history, mut projector) = History::open(bank.path()).unwrap();
    assert_eq!(projector.catch_up(6).unwrap(), 6);
    assert_eq!(history.progress().position(), 6);
    assert!(history.transaction(6).unwrap().is_some());
    assert!(history.transaction(7).unwrap().is_none());
}

#[test]
fn a_file_of_another_version_or_no_database_is_built_again() {
    let (bank, watermark) = busy_bank();
    drop(caught_up(bank.path(), watermark));
    let expected = dump(bank.path());
    let file = bank.path().join(FILE_NAME);
    let sql = Connection::open(&file).unwrap();
    sql.pragma_update(None, "user_version", 999).unwrap();
    drop(sql);
    let (history, _projector) = History::open(bank.path()).unwrap();
    assert_eq!((history.progress().position(), history.progress().is_rebuilding()), (0, true));
    drop((history, _projector));
    std::fs::write(&file, "not a database, but long enough to be taken for a page of one").unwrap();
    drop(caught_up(bank.path(), watermark));
    assert_eq!(dump(bank.path()), expected);
}

#[test]
fn another_journal_under_the_same_file_is_noticed() {
    let (bank, watermark) = busy_bank();
    drop(caught_up(bank.path(), watermark));
    // The journal of another bank, longer or shorter, for example from a backup.
    for purchases in [1, 40] {
        let mut other = Bank::open();
        for stan in 0..purchases {
            other.send(purchase(stan + 100, 100));
        }
        let watermark = other.commit();
        std::fs::copy(bank.path().join(FILE_NAME), other.path().join(FILE_NAME)).unwrap();
        let history = caught_up(other.path(), watermark);
        let page = history.transactions(&Filter::default(), None, 100).unwrap();
        assert_eq!(page.items.len(), usize::try_from(purchases).unwrap());
        assert!(page.items.iter().all(|row| row.amount == 100));
    }
}

#[test]
fn an_import_that_is_refused_or_begun_anew_leaves_no_ids() {
    let mut bank = Bank::open();
    let import = |part, last, items| Command::Import { part, last, items };
    let extra = |id: &str| vec![common::account(id)];
    bank.execute(import(0, false, extra("A2")));
    bank.execute(import(0, false, extra("A3")));
    let outcome = bank.execute(import(1, true, extra("A1")));
    assert!(matches!(outcome, Outcome::Refused(_)), "A1 is there already");
    bank.execute(import(0, false, extra("A4")));
    bank.execute(import(0, true, extra("A5")));
    let watermark = bank.commit();
    let (_history, mut projector) = History::open(bank.path()).unwrap();
    while projector.one_batch(watermark, 1).unwrap() > 0 {}
    let sql = Connection::open(bank.path().join(FILE_NAME)).unwrap();
    let mut ids = sql.prepare("SELECT slot, id FROM accounts ORDER BY slot").unwrap();
    let ids: Vec<(u32, String)> = ids
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(ids, [(0, "A1".to_owned()), (1, "A5".to_owned())]);
    assert_eq!(bank.state.directory().account_id(1), "A5");
}

#[test]
fn no_clear_card_number_is_in_the_file() {
    let (bank, watermark) = busy_bank();
    drop(caught_up(bank.path(), watermark));
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(bank.path().join(format!("{FILE_NAME}{suffix}")));
        let bytes = bytes.unwrap_or_default();
        assert!(!bytes.windows(common::PAN.len()).any(|window| window == common::PAN));
    }
}

#[test]
fn the_thread_follows_and_stops() {
    let (mut bank, watermark) = busy_bank();
    let durable = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(watermark));
    let theirs = std::sync::Arc::clone(&durable);
    let (history, projector) = History::open(bank.path()).unwrap();
    let thread =
        projector.spawn(move || theirs.load(std::sync::atomic::Ordering::Acquire)).unwrap();
    let wait_for = |sequence| {
        let start = std::time::Instant::now();
        while history.progress().position() < sequence {
            assert!(start.elapsed().as_secs() < 20, "{:?}", history.progress().failure());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    };
    wait_for(watermark);
    bank.send(purchase(500, 100));
    durable.store(bank.commit(), std::sync::atomic::Ordering::Release);
    wait_for(watermark + 1);
    bank.send(purchase(501, 100));
    durable.store(bank.commit(), std::sync::atomic::Ordering::Release);
    thread.stop();
    assert_eq!(history.progress().position(), watermark + 2, "what was durable is taken in");
}
