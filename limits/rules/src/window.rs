//! Windows: the stretch of time a counter is summed over (LIM-1).
//!
//! Calendar windows are the local day, the week from Monday and the month. Rolling windows are
//! rings of buckets. An entry counts until its whole bucket has left the window, so a rolling sum
//! errs to the strict side by at most one bucket: 1 minute of `rolling-1h`, 15 minutes of
//! `rolling-24h`, an hour of `rolling-7d`, 6 hours of `rolling-30d`.

use payment_types::{BusinessDate, Moment, Timestamp, UtcOffset};
use serde::{Deserialize, Serialize};

/// The stretch of time a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    /// One transaction; nothing is counted.
    #[serde(rename = "transaction")]
    Transaction,
    /// The local calendar day.
    #[serde(rename = "day")]
    Day,
    /// Monday to Sunday.
    #[serde(rename = "week")]
    Week,
    /// The calendar month.
    #[serde(rename = "month")]
    Month,
    /// The last hour.
    #[serde(rename = "rolling-1h")]
    Rolling1h,
    /// The last 24 hours.
    #[serde(rename = "rolling-24h")]
    Rolling24h,
    /// The last seven times 24 hours.
    #[serde(rename = "rolling-7d")]
    Rolling7d,
    /// The last thirty times 24 hours.
    #[serde(rename = "rolling-30d")]
    Rolling30d,
}

/// How a rolling window is cut into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ring {
    /// Minutes in a bucket.
    pub(crate) minutes: u32,
    /// Whole buckets in the window.
    pub(crate) buckets: u32,
}

impl Ring {
    /// The bucket a minute falls in.
    pub(crate) const fn bucket(self, minute: u32) -> u32 {
        minute / self.minutes
    }

    /// Buckets kept: those of the window and the one being filled.
    pub(crate) const fn kept(self) -> u32 {
        self.buckets + 1
    }
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Transaction,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Rolling1h,
        Self::Rolling24h,
        Self::Rolling7d,
        Self::Rolling30d,
    ];

    /// The name in `rules.toml` and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Rolling1h => "rolling-1h",
            Self::Rolling24h => "rolling-24h",
            Self::Rolling7d => "rolling-7d",
            Self::Rolling30d => "rolling-30d",
        }
    }

    pub(crate) const fn ring(self) -> Option<Ring> {
        match self {
            Self::Rolling1h => Some(Ring { minutes: 1, buckets: 60 }),
            Self::Rolling24h => Some(Ring { minutes: 15, buckets: 96 }),
            Self::Rolling7d => Some(Ring { minutes: 60, buckets: 168 }),
            Self::Rolling30d => Some(Ring { minutes: 360, buckets: 120 }),
            Self::Transaction | Self::Day | Self::Week | Self::Month => None,
        }
    }

    /// Words a counter of this window takes.
    pub(crate) const fn words(self) -> usize {
        match (self, self.ring()) {
            (Self::Transaction, _) => 0,
            (_, Some(ring)) => 1 + ring.kept() as usize,
            (_, None) => 1,
        }
    }
}

/// A moment, in the terms counters are kept in. Good from 1970 to the middle of 2149.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tick {
    /// Days since 1970-01-01, local.
    pub(crate) day: u16,
    /// Weeks since then.
    week: u16,
    /// Months.
    month: u16,
    /// Days until the next week and the next month.
    left: (u8, u8),
    /// Minutes since 1970-01-01T00:00Z.
    pub(crate) minute: u32,
}

impl Tick {
    pub(crate) fn new(moment: Moment, date: BusinessDate) -> Self {
        let minute = u32::try_from(moment.at.0.div_euclid(60_000)).unwrap_or_default();
        Self::from_parts(u16::try_from(date.days()).unwrap_or_default(), minute)
    }

    pub(crate) fn from_parts(day: u16, minute: u32) -> Self {
        let date = BusinessDate::from_days(i32::from(day));
        let (year, month, of_month) = date.ymd();
        Self {
            day,
            week: u16::try_from(date.week()).unwrap_or_default(),
            month: u16::try_from(year * 12 + i32::from(month) - 1).unwrap_or_default(),
            left: (7 - date.weekday(), days_in(year, month) + 1 - of_month),
            minute,
        }
    }

    /// The number of the calendar window this moment is in; 0 where the window is no calendar one.
    pub(crate) const fn calendar(self, window: Window) -> u16 {
        match window {
            Window::Day => self.day,
            Window::Week => self.week,
            Window::Month => self.month,
            _ => 0,
        }
    }

    /// When a calendar window that holds this moment is over.
    pub(crate) fn next(self, window: Window, offset: UtcOffset) -> Option<Timestamp> {
        let days = match window {
            Window::Day => 1,
            Window::Week => self.left.0,
            Window::Month => self.left.1,
            _ => return None,
        };
        Some(BusinessDate::from_days(i32::from(self.day) + i32::from(days)).start(offset))
    }
}

fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(date: &str) -> Tick {
        let date = BusinessDate::parse(date).unwrap();
        Tick::from_parts(u16::try_from(date.days()).unwrap(), 0)
    }

    #[test]
    fn calendar_windows_end_where_the_calendar_says() {
        let next = |date: &str, window| {
            let at = tick(date).next(window, UtcOffset(360)).unwrap();
            Moment::new(at, UtcOffset(360)).rfc3339()
        };
        assert_eq!(next("2026-11-23", Window::Day), "2026-11-24T00:00:00.000+06:00");
        assert_eq!(next("2026-11-23", Window::Week), "2026-11-30T00:00:00.000+06:00");
        assert_eq!(next("2026-11-29", Window::Week), "2026-11-30T00:00:00.000+06:00");
        for (date, first) in [
            ("2026-12-31", "2027-01-01"),
            ("2028-02-01", "2028-03-01"),
            ("2027-02-28", "2027-03-01"),
            ("2100-02-10", "2100-03-01"),
            ("2026-11-30", "2026-12-01"),
        ] {
            assert_eq!(next(date, Window::Month), format!("{first}T00:00:00.000+06:00"));
        }
        assert_eq!(tick("2026-11-30").week, tick("2026-11-29").week + 1);
        assert_eq!(tick("2027-01-01").month, tick("2026-12-31").month + 1);
    }

    #[test]
    fn a_ring_covers_its_window() {
        for (window, minutes) in [
            (Window::Rolling1h, 60),
            (Window::Rolling24h, 24 * 60),
            (Window::Rolling7d, 7 * 24 * 60),
            (Window::Rolling30d, 30 * 24 * 60),
        ] {
            let ring = window.ring().unwrap();
            assert_eq!(ring.minutes * ring.buckets, minutes, "{window:?}");
        }
    }
}
