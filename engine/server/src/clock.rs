//! The one clock of the engine, and the bank's zone.
//!
//! What it is: the source of every [`Moment`] that enters the core, either the system's time or a
//! test clock that stands still until it is moved forward. What it is not: a timer. Deadlines and
//! timeouts of connections use the operating system's monotonic time, also under a test clock.

use jiff::tz::TimeZone;
use payment_types::{BusinessDate, Moment, Timestamp, UtcOffset};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use thiserror::Error;

/// Zone offsets change at whole quarters of an hour in every zone in use, so an offset looked up
/// once is good until the quarter ends.
const QUARTER_MS: i64 = 900_000;

/// Why a clock can't be made or moved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClockError {
    /// No such zone in the time-zone database.
    #[error("unknown time zone {0:?}; names are as in the IANA database, such as Asia/Bishkek")]
    UnknownZone(String),
    /// Not RFC 3339.
    #[error("{0:?} is not an RFC 3339 date and time such as 2026-11-23T10:00:00+06:00")]
    NotATime(String),
    /// The system's clock can't be moved.
    #[error("the engine runs on the system's clock; start it with --test-clock to move its time")]
    NotATestClock,
    /// A test clock goes forward only.
    #[error("the test clock stands at {now}, and it goes forward only")]
    Backwards {
        /// Where it stands, RFC 3339.
        now: String,
    },
}

/// The engine's time. Clones share the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    zone: TimeZone,
    /// Milliseconds of a test clock; `None` for the system's time.
    test: Option<AtomicI64>,
    /// The quarter of an hour last asked about, and the offset in it (see [`pack`]).
    offset: AtomicU64,
}

impl Clock {
    /// The system's time in a zone of the IANA database.
    ///
    /// # Errors
    /// [`ClockError::UnknownZone`].
    pub fn system(zone: &str) -> Result<Self, ClockError> {
        Self::new(zone, None)
    }

    /// A clock that stands at `start` until it is moved.
    ///
    /// # Errors
    /// [`ClockError::UnknownZone`].
    pub fn test(zone: &str, start: Timestamp) -> Result<Self, ClockError> {
        Self::new(zone, Some(AtomicI64::new(start.0)))
    }

    fn new(zone: &str, test: Option<AtomicI64>) -> Result<Self, ClockError> {
        let zone = TimeZone::get(zone)
            .map_err(|_| ClockError::UnknownZone(zone.chars().take(64).collect()))?;
        Ok(Self { inner: Arc::new(Inner { zone, test, offset: AtomicU64::new(u64::MAX) }) })
    }

    /// Whether this clock can be moved.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.inner.test.is_some()
    }

    /// Now, in the bank's zone.
    #[must_use]
    pub fn now(&self) -> Moment {
        let at =
            self.inner.test.as_ref().map_or_else(system_ms, |test| test.load(Ordering::Acquire));
        self.moment_at(Timestamp(at))
    }

    /// Moves a test clock forward; to where it stands is allowed.
    ///
    /// # Errors
    /// [`ClockError::NotATestClock`], or [`ClockError::Backwards`] and the clock stays.
    pub fn advance_to(&self, to: Timestamp) -> Result<Moment, ClockError> {
        let test = self.inner.test.as_ref().ok_or(ClockError::NotATestClock)?;
        let before = test.fetch_max(to.0, Ordering::AcqRel);
        if before > to.0 {
            let now = self.moment_at(Timestamp(before)).rfc3339();
            return Err(ClockError::Backwards { now });
        }
        Ok(self.moment_at(to))
    }

    /// Moves a test clock anywhere, as a system's clock may be moved by somebody's hand: for tests
    /// of what the engine makes of that. The API moves clocks forward only.
    ///
    /// # Errors
    /// [`ClockError::NotATestClock`].
    pub fn jump_to(&self, to: Timestamp) -> Result<Moment, ClockError> {
        let test = self.inner.test.as_ref().ok_or(ClockError::NotATestClock)?;
        test.store(to.0, Ordering::Release);
        Ok(self.moment_at(to))
    }

    /// An instant in the bank's zone.
    #[must_use]
    pub fn moment_at(&self, at: Timestamp) -> Moment {
        let quarter = u32::try_from(at.0.div_euclid(QUARTER_MS)).unwrap_or(u32::MAX);
        let known = self.inner.offset.load(Ordering::Relaxed);
        if let Some(offset) = unpack(known, quarter) {
            return Moment::new(at, offset);
        }
        let offset = self.lookup(at);
        if quarter != u32::MAX {
            self.inner.offset.store(pack(quarter, offset), Ordering::Relaxed);
        }
        Moment::new(at, offset)
    }

    fn lookup(&self, at: Timestamp) -> UtcOffset {
        let seconds = jiff::Timestamp::from_millisecond(at.0)
            .map_or(0, |instant| self.inner.zone.to_offset(instant).seconds());
        UtcOffset(i16::try_from(seconds / 60).unwrap_or_default())
    }

    /// The first instant of a local day.
    #[must_use]
    pub fn start_of(&self, date: BusinessDate) -> Moment {
        // The offset at the first guess may be that of the day before a change; the second is not.
        let guess = date.start(self.moment_at(date.start(UtcOffset(0))).offset);
        self.moment_at(date.start(self.moment_at(guess).offset))
    }
}

/// Reads an RFC 3339 date and time, as `--test-clock` and `POST /test-clock` take it.
///
/// # Errors
/// [`ClockError::NotATime`].
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, ClockError> {
    text.parse::<jiff::Timestamp>()
        .map(|instant| Timestamp(instant.as_millisecond()))
        .map_err(|_| ClockError::NotATime(text.chars().take(64).collect()))
}

fn system_ms() -> i64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// Quarter in the high half, the offset's 16 bits in the low.
fn pack(quarter: u32, offset: UtcOffset) -> u64 {
    u64::from(quarter) << 32 | u64::from(offset.0.cast_unsigned())
}

fn unpack(known: u64, quarter: u32) -> Option<UtcOffset> {
    let offset = u16::try_from(known & 0xFFFF).ok()?;
    (known >> 32 == u64::from(quarter) && quarter != u32::MAX)
        .then_some(UtcOffset(offset.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_test_clock_stands_and_goes_forward_only() {
        let clock = Clock::test("Asia/Bishkek", at("2026-11-23T10:00:00+06:00")).unwrap();
        assert!(clock.is_test());
        assert_eq!(clock.now().rfc3339(), "2026-11-23T10:00:00.000+06:00");
        let twin = clock.clone();
        twin.advance_to(at("2026-11-24T00:00:01+06:00")).unwrap();
        assert_eq!(clock.now().rfc3339(), "2026-11-24T00:00:01.000+06:00");
        let error = clock.advance_to(at("2026-11-24T00:00:00+06:00")).unwrap_err();
        assert!(error.to_string().contains("2026-11-24T00:00:01.000+06:00"), "{error}");
        assert_eq!(clock.now().rfc3339(), "2026-11-24T00:00:01.000+06:00");
    }

    #[test]
    fn the_systems_clock_is_not_moved() {
        let clock = Clock::system("Asia/Bishkek").unwrap();
        assert_eq!(clock.advance_to(clock.now().at), Err(ClockError::NotATestClock));
        assert!(clock.now().at > at("2020-01-01T00:00:00Z"));
    }

    #[test]
    fn offsets_follow_the_zone() {
        let clock = Clock::test("Europe/Berlin", Timestamp(0)).unwrap();
        let offset = |text| clock.moment_at(at(text)).offset.0;
        assert_eq!(offset("2026-10-25T00:59:59Z"), 120);
        assert_eq!(offset("2026-10-25T01:00:00Z"), 60);
        assert_eq!(offset("2026-10-25T00:59:59Z"), 120);
        let newfoundland = Clock::test("America/St_Johns", Timestamp(0)).unwrap();
        assert_eq!(newfoundland.moment_at(at("2026-01-01T00:00:00Z")).offset.0, -210);
    }

    #[test]
    fn a_day_starts_at_local_midnight_whatever_the_season() {
        let clock = Clock::test("Europe/Berlin", Timestamp(0)).unwrap();
        for (day, starts) in [
            ("2026-03-29", "2026-03-28T23:00:00Z"),
            ("2026-03-30", "2026-03-29T22:00:00Z"),
            ("2026-10-25", "2026-10-24T22:00:00Z"),
            ("2026-10-26", "2026-10-25T23:00:00Z"),
        ] {
            let start = clock.start_of(BusinessDate::parse(day).unwrap());
            assert_eq!(start.at, at(starts), "{day}");
            assert_eq!(start.business_date().to_string(), day);
        }
    }

    #[test]
    fn refuses_what_is_no_zone_and_no_time() {
        assert!(matches!(Clock::system("Asia/Bishkekk"), Err(ClockError::UnknownZone(_))));
        for bad in ["", "2026-11-23", "2026-11-23T10:00:00", "tomorrow"] {
            assert!(parse_rfc3339(bad).is_err(), "{bad}");
        }
    }
}
