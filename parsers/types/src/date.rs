//! Moments and calendar dates. Nothing here reads a clock: time is always handed in.

use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// Minutes east of UTC at a moment; Asia/Bishkek is 360. Worked out at the edge and journaled with
/// every command, so that a replay needs no time-zone database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct UtcOffset(pub i16);

/// When a command was accepted, in the bank's own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The zone's offset at it.
    pub offset: UtcOffset,
}

/// A text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a date such as 2026-11-23")]
pub struct DateError;

/// A calendar day in the bank's zone: days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct BusinessDate(i32);

/// A calendar month: `year * 12 + month - 1`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Month(pub i32);

const MS_PER_MINUTE: i64 = 60_000;
const MS_PER_DAY: i64 = 86_400_000;

impl Timestamp {
    /// This instant and `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant and `days` times 24 hours.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_ms(days.saturating_mul(MS_PER_DAY))
    }

    /// Milliseconds from `earlier` to this instant; negative if it is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Moment {
    /// The instant in a zone `offset` minutes east of UTC.
    #[must_use]
    pub const fn new(at: Timestamp, offset: UtcOffset) -> Self {
        Self { at, offset }
    }

    const fn local_ms(self) -> i64 {
        self.at.0.saturating_add((self.offset.0 as i64).saturating_mul(MS_PER_MINUTE))
    }

    /// The local calendar day (rule book section 0: the *day* of every cap).
    #[must_use]
    pub fn business_date(self) -> BusinessDate {
        let days = self.local_ms().div_euclid(MS_PER_DAY);
        BusinessDate(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Minutes since local midnight, 0 to 1439.
    #[must_use]
    pub fn minute_of_day(self) -> u16 {
        let minute = self.local_ms().rem_euclid(MS_PER_DAY) / MS_PER_MINUTE;
        u16::try_from(minute).unwrap_or_default()
    }

    /// Local date and time as DE 12 and DE 13 carry them: MMDDhhmmss.
    #[must_use]
    pub fn wire_local(self) -> WireDateTime {
        WireDateTime::of_ms(self.local_ms())
    }

    /// UTC date and time as DE 7 carries them: MMDDhhmmss.
    #[must_use]
    pub fn wire_utc(self) -> WireDateTime {
        WireDateTime::of_ms(self.at.0)
    }

    /// RFC 3339 with the zone's offset: `2026-11-23T10:00:00.000+06:00`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let ms = self.local_ms().rem_euclid(MS_PER_DAY);
        let (sign, offset) = if self.offset.0 < 0 {
            ('-', self.offset.0.unsigned_abs())
        } else {
            ('+', self.offset.0.unsigned_abs())
        };
        format!(
            "{}T{:02}:{:02}:{:02}.{:03}{sign}{:02}:{:02}",
            self.business_date(),
            ms / 3_600_000,
            ms / MS_PER_MINUTE % 60,
            ms / 1000 % 60,
            ms % 1000,
            offset / 60,
            offset % 60
        )
    }
}

impl BusinessDate {
    /// From days since 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The proleptic Gregorian date; `None` if there is no such day.
    #[must_use]
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Option<Self> {
        if !(1..=12).contains(&month) || !(-9999..=9999).contains(&year) || day == 0 {
            return None;
        }
        let (m, d) = (i64::from(month), i64::from(day));
        let y = i64::from(year) - i64::from(m <= 2);
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let day_of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let date = Self(i32::try_from(era * 146_097 + day_of_era - 719_468).ok()?);
        (date.ymd() == (year, month, day)).then_some(date)
    }

    /// Year, month 1-12, day 1-31.
    #[must_use]
    pub fn ymd(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (
            i32::try_from(year).unwrap_or_default(),
            u8::try_from(month).unwrap_or_default(),
            u8::try_from(day).unwrap_or_default(),
        )
    }

    /// Days from Monday: 0 is Monday, 6 is Sunday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        u8::try_from((i64::from(self.0) + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// The number of its ISO week's Monday-based week, counted from 1969-12-29.
    #[must_use]
    pub fn week(self) -> i32 {
        i32::try_from((i64::from(self.0) + 3).div_euclid(7)).unwrap_or_default()
    }

    /// Its calendar month.
    #[must_use]
    pub fn month(self) -> Month {
        let (year, month, _) = self.ymd();
        Month(year * 12 + i32::from(month) - 1)
    }

    /// The day `days` later, or earlier if negative.
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Its first instant in a zone.
    #[must_use]
    pub const fn start(self, offset: UtcOffset) -> Timestamp {
        let local = (self.0 as i64).saturating_mul(MS_PER_DAY);
        Timestamp(local.saturating_sub((offset.0 as i64).saturating_mul(MS_PER_MINUTE)))
    }

    /// Reads `2026-11-23`.
    ///
    /// # Errors
    /// [`DateError`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            parts
                .next()
                .filter(|p| p.len() == length && p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse::<u16>().ok())
                .ok_or(DateError)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let narrow = |value: u16| u8::try_from(value).map_err(|_| DateError);
        let date =
            Self::from_ymd(i32::from(year), narrow(month)?, narrow(day)?).ok_or(DateError)?;
        if parts.next().is_some() { Err(DateError) } else { Ok(date) }
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// MMDDhhmmss, as DE 7 (UTC) and DE 13 with DE 12 (local) carry a moment: without a year, so it
/// identifies but does not order. 0 means "not told".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct WireDateTime(u32);

impl WireDateTime {
    /// From the ten digits as a number; `None` above 9 999 999 999 or where no calendar has it.
    /// Zero is allowed and means "not told".
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        let (date, time) = (number / 1_000_000, number % 1_000_000);
        let real = (1..=12).contains(&(date / 100))
            && (1..=31).contains(&(date % 100))
            && time / 10_000 < 24
            && time / 100 % 100 < 60
            && time % 100 < 60;
        if number == 0 || real { u32::try_from(number).ok().map(Self) } else { None }
    }

    /// The ten digits as a number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// MMDD.
    #[must_use]
    pub const fn date(self) -> u32 {
        self.0 / 1_000_000
    }

    /// hhmmss.
    #[must_use]
    pub const fn time(self) -> u32 {
        self.0 % 1_000_000
    }

    fn of_ms(ms: i64) -> Self {
        let days = i32::try_from(ms.div_euclid(MS_PER_DAY)).unwrap_or_default();
        let (_, month, day) = BusinessDate(days).ymd();
        let second = u32::try_from(ms.rem_euclid(MS_PER_DAY) / 1000).unwrap_or_default();
        let date = u32::from(month) * 100 + u32::from(day);
        let time = second / 3600 * 10_000 + second / 60 % 60 * 100 + second % 60;
        Self(date * 1_000_000 + time)
    }
}

/// DE 14: the last month in which a card is good, YYMM.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExpiryDate(Month);

impl ExpiryDate {
    /// From the four digits YYMM; two-digit years are 2000 to 2099.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        let (year, month) = (number / 100, number % 100);
        let real = year < 100 && (1..=12).contains(&month);
        real.then(|| Self(Month((2000 + i32::from(year)) * 12 + i32::from(month) - 1)))
    }

    /// The four digits YYMM.
    #[must_use]
    pub fn number(self) -> u16 {
        let (year, month) = (self.0.0.div_euclid(12), self.0.0.rem_euclid(12) + 1);
        u16::try_from(year.rem_euclid(100) * 100 + month).unwrap_or_default()
    }

    /// Whether the card is past its last day on `date` (BLK: last day of the expiry month,
    /// business time).
    #[must_use]
    pub fn is_past_on(self, date: BusinessDate) -> bool {
        date.month() > self.0
    }
}

impl fmt::Debug for ExpiryDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        let mut days = -200_000;
        while days < 200_000 {
            let date = BusinessDate(days);
            let (year, month, day) = date.ymd();
            assert_eq!(BusinessDate::from_ymd(year, month, day), Some(date));
            days += 1;
        }
        assert_eq!(BusinessDate::from_ymd(2026, 2, 29), None);
        assert_eq!(BusinessDate::parse("2026-11-23").unwrap().weekday(), 0);
        for bad in ["2026-11-31", "2026-1-01", "2026-11-23x", "26-11-23", ""] {
            assert_eq!(BusinessDate::parse(bad), Err(DateError), "{bad}");
        }
    }

    #[test]
    fn a_day_is_the_local_one() {
        let bishkek = UtcOffset(360);
        let at = Timestamp(1_795_370_399_999); // 2026-11-22T17:59:59.999Z
        let late = Moment::new(at, bishkek);
        assert_eq!(late.rfc3339(), "2026-11-22T23:59:59.999+06:00");
        assert_eq!(late.business_date().to_string(), "2026-11-22");
        let next = Moment::new(at.plus_ms(1), bishkek);
        assert_eq!(next.business_date().to_string(), "2026-11-23");
        assert_eq!(next.business_date().start(bishkek), at.plus_ms(1));
        assert_eq!(next.minute_of_day(), 0);
        assert_eq!(next.wire_local().number(), 1_123_000_000);
        assert_eq!(next.wire_utc().number(), 1_122_180_000);
    }

    #[test]
    fn a_card_is_good_to_the_end_of_its_month() {
        let expiry = ExpiryDate::from_number(2912).unwrap();
        assert!(!expiry.is_past_on(BusinessDate::parse("2029-12-31").unwrap()));
        assert!(expiry.is_past_on(BusinessDate::parse("2030-01-01").unwrap()));
        assert_eq!(expiry.number(), 2912);
        assert_eq!(ExpiryDate::from_number(2913), None);
    }

    #[test]
    fn wire_moments_are_checked() {
        assert!(WireDateTime::from_number(1_231_235_959).is_some());
        for bad in [1_331_000_000u64, 1_232_000_000, 1_231_240_000, 1_231_236_000, 1] {
            assert_eq!(WireDateTime::from_number(bad), None, "{bad}");
        }
    }
}
