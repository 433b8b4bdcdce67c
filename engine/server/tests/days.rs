//! Time travel: each midnight passed ends its day, and holds run out on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::State;
use payment_types::{BusinessDate, Moment, Mti};
use std::time::{Duration, Instant};
use support::{engine, open_with_bank, purchase};
use tamga::clock::parse_rfc3339;
use tamga::day::{AdvanceError, DayTimes, advance_clock};
use tamga::shard::{Envelope, Fate, Shard};

async fn look<R: Send + 'static>(
    shard: &Shard,
    look: impl FnOnce(&State, Moment) -> R + Send + 'static,
) -> R {
    shard.query(look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_midnight_on_the_way_ends_its_day() {
    let place = tempfile::tempdir().unwrap();
    let engine = engine(open_with_bank(&place.path().join("data")), "").await;
    let (shard, clock) = (engine.shard(), engine.clock());
    let before = shard.durable();
    let to = parse_rfc3339("2026-11-26T00:00:00+06:00").unwrap();
    let now = advance_clock(shard, clock, DayTimes::default(), to).await.unwrap();
    assert_eq!(now.rfc3339(), "2026-11-26T00:00:00.000+06:00");
    // The 23rd, 24th and 25th, and the release of holds at the end.
    assert_eq!(shard.durable(), before + 4);
    let (last, moment) = look(shard, |state, now| (state.last_day_ended(), now)).await;
    assert_eq!(last, Some(BusinessDate::parse("2026-11-25").unwrap()));
    assert_eq!(moment, now);
    let error =
        advance_clock(shard, clock, DayTimes::default(), support::start()).await.unwrap_err();
    assert!(matches!(error, AdvanceError::Clock(_)), "{error}");
    // To where it stands already: allowed, and no day ends twice.
    advance_clock(shard, clock, DayTimes::default(), to).await.unwrap();
    assert_eq!(shard.durable(), before + 5);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_runs_out_on_the_way() {
    let place = tempfile::tempdir().unwrap();
    let opened = open_with_bank(&place.path().join("data"));
    let security = opened.security.clone();
    let engine = engine(opened, "").await;
    let (reply, mut mailbox) = tokio::sync::mpsc::unbounded_channel();
    let mut request = purchase(security.as_ref(), 1, 10_000);
    request.mti = Mti::parse("0100").unwrap();
    let now = Instant::now();
    let deadline = now + Duration::from_secs(8);
    let envelope = Envelope { request: Box::new(request), slot: 0, received: now, deadline, reply };
    engine.shard().try_authorize(envelope).unwrap();
    assert!(matches!(mailbox.recv().await.unwrap().fate, Fate::Decided(_)));
    let holds = |state: &State, _| state.ledger().open_hold_count();
    assert_eq!(look(engine.shard(), holds).await, 1);
    let soon = parse_rfc3339("2026-11-29T10:00:00+06:00").unwrap();
    advance_clock(engine.shard(), engine.clock(), DayTimes::default(), soon).await.unwrap();
    assert_eq!(look(engine.shard(), holds).await, 1, "seven days have not passed");
    let later = parse_rfc3339("2026-12-01T10:00:00+06:00").unwrap();
    advance_clock(engine.shard(), engine.clock(), DayTimes::default(), later).await.unwrap();
    assert_eq!(look(engine.shard(), holds).await, 0);
    engine.drain().await.unwrap();
}
