//! The time on a terminal's clock: the machine's, or the one a scenario sets.

use crate::SimError;
use jiff::tz::TimeZone;
use payment_types::{Moment, Timestamp, UtcOffset};

/// The bank's zone where nothing else is said (rule book section 0).
pub const DEFAULT_ZONE: &str = "Asia/Bishkek";

/// A zone in which terminals write DE 12 and DE 13.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of that IANA name.
    ///
    /// # Errors
    /// [`SimError::Setting`] if there is none.
    pub fn named(name: &str) -> Result<Self, SimError> {
        TimeZone::get(name)
            .map(Self)
            .map_err(|error| SimError::Setting(format!("zone {name:?}: {error}")))
    }

    /// Now, by the machine's clock.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.at(jiff::Timestamp::now())
    }

    /// The moment an RFC 3339 text names.
    ///
    /// # Errors
    /// [`SimError::Setting`] if it is none.
    pub fn parse(&self, text: &str) -> Result<Moment, SimError> {
        let at: Result<jiff::Timestamp, _> = text.parse();
        at.map(|at| self.at(at))
            .map_err(|_| SimError::Setting(format!("{text:?} is no RFC 3339 date and time")))
    }

    fn at(&self, at: jiff::Timestamp) -> Moment {
        let minutes = self.0.to_offset(at).seconds() / 60;
        let offset = UtcOffset(i16::try_from(minutes).unwrap_or_default());
        Moment::new(Timestamp(at.as_millisecond()), offset)
    }
}

/// `YYMMDDhhmmss` in the moment's own zone, as DE 12 carries it since the 1993 edition.
#[must_use]
pub fn local_with_year(moment: Moment) -> String {
    let (year, _, _) = moment.business_date().ymd();
    format!("{:02}{:010}", year.rem_euclid(100), moment.wire_local().number())
}

/// A retrieval reference number in the common form YDDDHHnnnnnn: last digit of the year, day of the
/// year, hour, and the STAN.
#[must_use]
pub fn reference_number(moment: Moment, stan: u32) -> String {
    let date = moment.business_date();
    let (year, _, _) = date.ymd();
    let first = payment_types::BusinessDate::from_ymd(year, 1, 1).unwrap_or(date);
    let day = date.days() - first.days() + 1;
    let hour = moment.minute_of_day() / 60;
    format!("{}{day:03}{hour:02}{stan:06}", year.rem_euclid(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_writes_local_time_and_the_network_utc() {
        let zone = Zone::named(DEFAULT_ZONE).unwrap();
        let moment = zone.parse("2026-11-24T00:01:00+06:00").unwrap();
        assert_eq!(moment.wire_utc().number(), 1_123_180_100);
        assert_eq!(moment.wire_local().number(), 1_124_000_100);
        assert_eq!(local_with_year(moment), "261124000100");
        assert_eq!(reference_number(moment, 42), "632800000042");
        assert!(zone.parse("yesterday").is_err() && Zone::named("Mars/Olympus").is_err());
    }
}
