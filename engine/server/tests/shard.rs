//! The shard: what it lets out, and when; what becomes of work it can't do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::{Command, Done, IdempotencyKey, OnRequestOf, Outcome, ResultCode};
use payment_types::Sequence;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::{failing_after, gated, open, open_with_bank, purchase, test_clock};
use tamga::clock::Clock;
use tamga::shard::{Envelope, Fate, Reply, Shard, ShardError};
use tamga::storage::Opened;
use tamga::worker::{self, ShardParts, ShardThread};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

struct Desk {
    shard: Shard,
    thread: ShardThread,
    address: UnboundedSender<Reply>,
    mailbox: UnboundedReceiver<Reply>,
    security: std::sync::Arc<dyn security::SecurityModule>,
    _place: tempfile::TempDir,
}

fn desk(prepare: impl FnOnce(&mut Opened), queue_capacity: usize) -> Desk {
    let place = tempfile::tempdir().unwrap();
    let mut opened = open_with_bank(&place.path().join("data"));
    prepare(&mut opened);
    let security = opened.security.clone();
    let (shard, thread) = start(opened, test_clock(), queue_capacity);
    let (address, mailbox) = unbounded_channel();
    Desk { shard, thread, address, mailbox, security, _place: place }
}

fn start(opened: Opened, clock: Clock, queue_capacity: usize) -> (Shard, ShardThread) {
    worker::start(ShardParts {
        state: opened.state,
        journal: opened.journal,
        clock,
        register: opened.register,
        snapshots: None,
        queue_capacity,
    })
    .unwrap()
}

impl Desk {
    fn envelope(&self, slot: u32, minor: u64) -> Envelope {
        let now = Instant::now();
        Envelope {
            request: Box::new(purchase(self.security.as_ref(), u64::from(slot) + 1, minor)),
            slot,
            received: now,
            deadline: now + Duration::from_secs(8),
            reply: self.address.clone(),
        }
    }

    async fn reply(&mut self) -> Reply {
        let reply = tokio::time::timeout(Duration::from_secs(10), self.mailbox.recv()).await;
        reply.expect("no reply in time").unwrap()
    }

    async fn available(&self) -> i64 {
        let look = |state: &authorization::State, _| {
            state.ledger().accounts().map(|(_, account)| account.balance - account.holds).sum()
        };
        self.shard.query(look).await.unwrap()
    }
}

fn block() -> Command {
    let by = OnRequestOf::default();
    Command::Block { card: "K1".into(), reason: authorization::BlockReason::Lost, by }
}

#[tokio::test]
async fn nothing_is_let_out_before_the_commit() {
    let mut gate = None;
    let mut desk = desk(|opened| gate = Some(gated(opened)), 64);
    let gate = gate.unwrap();
    gate.set(true);
    desk.shard.try_authorize(desk.envelope(0, 10_000)).unwrap();
    let shard = desk.shard.clone();
    let query = tokio::spawn(async move { shard.query(|state, _| state.last_sequence()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(desk.mailbox.try_recv().is_err(), "a decision was let out before its commit");
    assert!(!query.is_finished(), "a query saw what is not durable");
    assert_eq!(desk.shard.durable(), 1);
    gate.set(false);
    let Reply { slot: 0, fate: Fate::Decided(decision) } = desk.reply().await else {
        panic!("no decision");
    };
    assert_eq!(decision.get().result, ResultCode::Approved);
    assert_eq!(query.await.unwrap().unwrap(), Sequence(2));
    assert_eq!(desk.shard.durable(), 2);
}

#[tokio::test]
async fn work_past_its_deadline_takes_no_effect() {
    let mut desk = desk(|_| {}, 64);
    let before = desk.available().await;
    let mut envelope = desk.envelope(7, 10_000);
    envelope.deadline = envelope.received;
    desk.shard.try_authorize(envelope).unwrap();
    assert!(matches!(desk.reply().await, Reply { slot: 7, fate: Fate::Late }));
    assert_eq!(desk.available().await, before);
    assert_eq!(desk.shard.durable(), 1, "it was not even recorded");
}

#[tokio::test]
async fn a_full_queue_gives_the_request_back_and_still_takes_commands() {
    let mut gate = None;
    let mut desk = desk(|opened| gate = Some(gated(opened)), 2);
    let gate = gate.unwrap();
    gate.set(true);
    desk.shard.try_authorize(desk.envelope(0, 1_00)).unwrap();
    // The shard takes the first; then the queue has room for two.
    while desk.shard.health().queue_depth > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    desk.shard.try_authorize(desk.envelope(1, 1_00)).unwrap();
    desk.shard.try_authorize(desk.envelope(2, 1_00)).unwrap();
    let refused = desk.shard.try_authorize(desk.envelope(3, 1_00)).unwrap_err();
    assert_eq!(refused.slot, 3);
    let shard = desk.shard.clone();
    let command = tokio::spawn(async move { shard.command(block(), None).await });
    while desk.shard.health().queue_depth < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gate.set(false);
    for _ in 0..3 {
        assert!(matches!(desk.reply().await.fate, Fate::Decided(_)));
    }
    assert_eq!(command.await.unwrap().unwrap().outcome, Outcome::Done(Done::Blocked));
}

#[tokio::test]
async fn a_failed_commit_stops_the_shard_and_approves_nothing() {
    let mut left = None;
    let mut desk = desk(|opened| left = Some(failing_after(opened, 1)), 64);
    desk.shard.try_authorize(desk.envelope(0, 10_000)).unwrap();
    assert!(matches!(desk.reply().await.fate, Fate::Decided(_)));
    assert_eq!(left.unwrap().load(Ordering::Acquire), 0);
    desk.shard.try_authorize(desk.envelope(1, 10_000)).unwrap();
    assert!(matches!(desk.reply().await, Reply { slot: 1, fate: Fate::Unknown }));
    let reason = desk.shard.failed().await;
    assert!(reason.contains("the disk is on fire"), "{reason}");
    assert!(desk.shard.try_authorize(desk.envelope(2, 10_000)).is_err());
    let error = desk.shard.command(block(), None).await.unwrap_err();
    assert_eq!(error, ShardError::Stopped(reason.clone()));
    assert!(desk.shard.query(|_, _| ()).await.is_err(), "the state is ahead of the disk");
    assert_eq!(desk.shard.health().stopped, Some(reason));
    assert!(desk.thread.join().is_none(), "and nobody gets it for a snapshot");
}

#[tokio::test]
async fn what_waits_when_the_shard_stops_is_told_that_it_was_not_taken() {
    let mut parts = None;
    let mut desk = desk(
        |opened| {
            let left = failing_after(opened, 0);
            parts = Some((left, gated(opened)));
        },
        64,
    );
    let (_left, gate) = parts.unwrap();
    gate.set(true);
    desk.shard.try_authorize(desk.envelope(0, 1_00)).unwrap();
    while desk.shard.health().queue_depth > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    desk.shard.try_authorize(desk.envelope(1, 1_00)).unwrap();
    gate.set(false);
    let mut fates = [desk.reply().await, desk.reply().await];
    fates.sort_by_key(|reply| reply.slot);
    assert!(matches!(fates[0].fate, Fate::Unknown), "{fates:?}");
    assert!(matches!(fates[1].fate, Fate::NotTaken), "{fates:?}");
}

#[tokio::test]
async fn a_command_sent_twice_is_done_once() {
    let desk = desk(|_| {}, 64);
    let key = IdempotencyKey { key: [1; 16], content: [2; 16] };
    let credit = || Command::Credit {
        account: "A1".into(),
        amount: 500,
        reference: "r".into(),
        purpose: "salary".into(),
        entered_by: "test".into(),
    };
    let before = desk.available().await;
    let first = desk.shard.command(credit(), Some(key)).await.unwrap();
    let again = desk.shard.command(credit(), Some(key)).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.outcome, again.outcome);
    assert_eq!(desk.available().await, before + 500);
    assert_eq!(desk.shard.durable(), 2, "the repeat left no record");
}

#[tokio::test]
async fn closed_in_good_order_it_carries_out_what_it_has_and_the_disk_agrees() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data");
    let opened = open_with_bank(&path);
    let security = opened.security.clone();
    let (shard, thread) = start(opened, test_clock(), 4096);
    let (address, mut mailbox) = unbounded_channel();
    let now = Instant::now();
    for slot in 0..1000 {
        let envelope = Envelope {
            request: Box::new(purchase(security.as_ref(), u64::from(slot) + 1, 1_00)),
            slot,
            received: now,
            deadline: now + Duration::from_secs(8),
            reply: address.clone(),
        };
        shard.try_authorize(envelope).unwrap();
    }
    shard.close();
    let refused = shard.command(block(), None).await.unwrap_err();
    assert!(refused.to_string().contains("shut down"), "{refused}");
    let end = tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap();
    for _ in 0..1000 {
        assert!(matches!(mailbox.recv().await.unwrap().fate, Fate::Decided(_)));
    }
    assert_eq!(end.state.last_sequence(), Sequence(1001));
    let digest = end.state.digest();
    drop(end);
    let opened = open(&path);
    assert_eq!(opened.state.digest(), digest, "replay and live agree (I8)");
    assert_eq!(opened.state.last_sequence(), Sequence(1001));
}

fn support_options(path: &std::path::Path) -> tamga::storage::StorageOptions {
    let security = support::test_security(path);
    tamga::storage::StorageOptions { segment_bytes: 8 << 20, security }
}

#[test]
fn recovery_replays_to_the_same_state() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data");
    let first = open_with_bank(&path);
    let digest = first.state.digest();
    drop(first);
    let again = open(&path);
    assert_eq!((again.replayed, again.snapshot), (1, None));
    assert_eq!(again.state.digest(), digest);
    tamga::snapshots::write(&path, &again.state).unwrap();
    drop(again);
    let from_snapshot = open(&path);
    assert_eq!((from_snapshot.replayed, from_snapshot.snapshot), (0, Some(Sequence(1))));
    assert_eq!(from_snapshot.state.digest(), digest);
    assert!(from_snapshot.warnings.is_empty(), "{:?}", from_snapshot.warnings);
}

#[test]
fn a_directory_in_use_is_refused_with_one_line() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data");
    let holder = open_with_bank(&path);
    let error = tamga::storage::open(&path, &support_options(&path)).err().unwrap().to_string();
    assert!(error.contains("another process") && !error.contains('\n'), "{error}");
    drop(holder);
}

#[test]
fn a_directory_of_another_layout_is_refused_by_a_plain_word() {
    let directory = tempfile::tempdir().unwrap();
    for (layout, word) in [(1, "older"), (authorization::RECORD_VERSION + 1, "newer")] {
        let path = directory.path().join(word);
        let mut opened = support::open(&path);
        opened.journal.append(&[layout, 0, 0, 0]).unwrap();
        opened.journal.commit().unwrap();
        drop(opened);
        let security = support::test_security(&path);
        let options = tamga::storage::StorageOptions { segment_bytes: 8 << 20, security };
        let refused = tamga::storage::open(&path, &options).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(&format!("layout {layout} is {word}")), "{refused}");
    }
}
