//! Histories that do not agree with themselves.

use super::*;
use crate::config::Config;
use crate::import::import_from;
use crate::offline::Offline;
use crate::verify::verify;
use authorization::{Accepted, Command, Done, Outcome, Record, Refusal, Scratch};
use payment_types::Sequence;

const PORTFOLIO: &str = r#"{"type":"product","id":"elcart","currency":"KGS"}
{"type":"customer","id":"C1"}
{"type":"account","id":"A1","customer":"C1","product":"elcart","currency":"KGS","balance":"100.00"}
"#;

fn filled(data: &Path) -> Offline {
    let mut config = Config::built_in([]).unwrap();
    config.security.test_keys = true;
    config.security.master_key_file = crate::demo::master_key_beside(data);
    let mut offline = Offline::open(&config, data, None).unwrap_or_else(|_| panic!("not opened"));
    let source = (Path::new("p.jsonl"), 0);
    let mut progress = Progress::silent();
    import_from(&mut offline, &config, source, PORTFOLIO.as_bytes(), &mut progress).unwrap();
    offline
}

fn credit(amount: u64) -> Command {
    let (account, reference) = ("A1".into(), "r".into());
    let (purpose, entered_by) = ("salary".into(), "test".into());
    Command::Credit { account, amount, reference, purpose, entered_by }
}

fn append(offline: &mut Offline, record: &Record) {
    let mut bytes = Vec::new();
    authorization::encode_record(record, &mut bytes);
    offline.opened.journal.append(&bytes).unwrap();
    offline.commit().unwrap();
}

fn replayed(data: &Path, from_snapshot: bool) -> Result<Replayed, Failure> {
    let options = ReplayOptions { data: data.to_path_buf(), from_snapshot, rules: None };
    replay(&options, &mut Progress::silent())
}

#[test]
fn a_good_history_gives_the_live_digest() {
    let data = tempfile::tempdir().unwrap();
    let mut offline = filled(data.path());
    let outcome = offline.execute(credit(5_000)).unwrap();
    assert!(matches!(outcome, Outcome::Done(Done::Credited { balance: 15_000, .. })));
    offline.commit().unwrap();
    let live = offline.opened.state.digest();
    drop(offline);
    for from_snapshot in [false, true] {
        assert_eq!(replayed(data.path(), from_snapshot).unwrap().digest, live);
    }
    verify(data.path(), &mut Progress::silent()).unwrap();
}

/// Good checksums and a false outcome: the record is named, and what is wrong with it.
#[test]
fn an_outcome_that_does_not_follow_is_found() {
    let data = tempfile::tempdir().unwrap();
    let mut offline = filled(data.path());
    let next = offline.opened.journal.next_sequence();
    let accepted = Accepted { moment: offline.moment(), idempotency: None, command: credit(5_000) };
    let outcome = Outcome::Refused(Refusal::AccountClosed);
    append(&mut offline, &Record { accepted, outcome });
    drop(offline);
    let words = format!("record {next} (credit) comes out otherwise: outcome: recorded Refused");
    for failure in [
        replayed(data.path(), false).unwrap_err(),
        replayed(data.path(), true).unwrap_err(),
        verify(data.path(), &mut Progress::silent()).unwrap_err(),
    ] {
        assert_eq!(failure.code, 1);
        assert!(failure.lines[0].starts_with(&words), "{failure:?}");
    }
}

/// A snapshot of another history than the journal's: the account is named.
#[test]
fn a_snapshot_of_another_history_is_found() {
    let data = tempfile::tempdir().unwrap();
    let mut offline = filled(data.path());
    let mut other = offline.opened.state.clone();
    offline.execute(credit(5_000)).unwrap();
    offline.commit().unwrap();
    let accepted = Accepted { moment: offline.moment(), idempotency: None, command: credit(7) };
    let sequence = offline.opened.state.last_sequence();
    other.execute(sequence, &accepted, &mut Scratch::new());
    crate::snapshots::write(data.path(), &other).unwrap();
    drop(offline);
    let failure = verify(data.path(), &mut Progress::silent()).unwrap_err();
    assert!(failure.lines[0].contains("is not the replay's state: account A1"), "{failure:?}");
}

/// A snapshot that knows more than the journal: its tail is gone.
#[test]
fn a_snapshot_ahead_of_the_journal_is_found() {
    let data = tempfile::tempdir().unwrap();
    let offline = filled(data.path());
    let mut other = offline.opened.state.clone();
    let accepted = Accepted { moment: offline.moment(), idempotency: None, command: credit(7) };
    let ahead = Sequence(other.last_sequence().0 + 5);
    other.execute(ahead, &accepted, &mut Scratch::new());
    crate::snapshots::write(data.path(), &other).unwrap();
    drop(offline);
    let failure = verify(data.path(), &mut Progress::silent()).unwrap_err();
    assert!(failure.lines[0].contains("ahead of the journal"), "{failure:?}");
}
