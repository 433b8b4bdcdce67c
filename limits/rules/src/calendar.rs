//! Working days: Monday to Friday less the public holidays (rule book section 0).

use payment_types::BusinessDate;

/// The table of public holidays, with the weekend days the Cabinet made working ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Sorted, each once.
    pub(crate) holidays: Vec<BusinessDate>,
    /// Sorted, each once.
    pub(crate) working: Vec<BusinessDate>,
}

impl Calendar {
    /// From the days off and the working weekend days, in any order.
    #[must_use]
    pub fn new(mut holidays: Vec<BusinessDate>, mut working: Vec<BusinessDate>) -> Self {
        for days in [&mut holidays, &mut working] {
            days.sort_unstable();
            days.dedup();
        }
        Self { holidays, working }
    }

    /// The days off, in order.
    #[must_use]
    pub fn holidays(&self) -> &[BusinessDate] {
        &self.holidays
    }

    /// Whether banks work on the day.
    #[must_use]
    pub fn is_working_day(&self, date: BusinessDate) -> bool {
        if self.holidays.binary_search(&date).is_ok() {
            return false;
        }
        date.weekday() < 5 || self.working.binary_search(&date).is_ok()
    }

    /// The `days`-th working day after `date`; for 0, `date` itself or the next working day.
    /// (A deadline of 5 working days from Monday 23 November is Monday 30 November.)
    #[must_use]
    pub fn add_working_days(&self, date: BusinessDate, days: u16) -> BusinessDate {
        let mut date = date;
        let mut left = days;
        // A table cannot name more days off in a row than it has entries, so this ends.
        while left > 0 || !self.is_working_day(date) {
            date = date.plus_days(1);
            if self.is_working_day(date) {
                left = left.saturating_sub(1);
            }
        }
        date
    }

    /// How many working days begin after `from` until `to`, which counts; at most `most`.
    #[must_use]
    pub fn working_days_between(&self, from: BusinessDate, to: BusinessDate, most: u16) -> u16 {
        let (mut date, mut count) = (from, 0);
        while date < to && count < most {
            date = date.plus_days(1);
            count = count.saturating_add(u16::from(self.is_working_day(date)));
        }
        count
    }

    /// The last day the table says anything about.
    #[must_use]
    pub fn ends_on(&self) -> Option<BusinessDate> {
        self.holidays.last().copied()
    }

    /// Whether the table ends before `days` days after `date` are over, so that staff must load the
    /// next one. An empty table has always run out.
    #[must_use]
    pub fn runs_out_within(&self, date: BusinessDate, days: u16) -> bool {
        self.ends_on().is_none_or(|end| end < date.plus_days(i32::from(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    #[test]
    fn deadlines_skip_weekends_and_holidays() {
        let calendar = Calendar::new(
            ["2027-01-01", "2026-12-31", "2027-01-07", "2027-01-04", "2027-01-04"].map(day).into(),
            vec![day("2026-12-05")],
        );
        for (from, days, to) in [
            ("2026-11-23", 5, "2026-11-30"),
            ("2026-11-27", 1, "2026-11-30"),
            ("2026-11-28", 0, "2026-11-30"),
            ("2026-11-30", 0, "2026-11-30"),
            ("2026-12-04", 1, "2026-12-05"),
            ("2026-12-30", 1, "2027-01-05"),
            ("2026-12-30", 3, "2027-01-08"),
        ] {
            assert_eq!(calendar.add_working_days(day(from), days), day(to), "{from} + {days}");
        }
    }

    #[test]
    fn working_days_are_counted_up_to_a_bound() {
        let calendar = Calendar::new(vec![day("2026-11-25")], Vec::new());
        for (from, to, count) in [
            ("2026-11-21", "2026-11-23", 1),
            ("2026-11-23", "2026-11-23", 0),
            ("2026-11-23", "2026-11-24", 1),
            ("2026-11-23", "2026-11-26", 2),
            ("2026-11-23", "2036-11-26", 4),
            ("2026-11-26", "2026-11-23", 0),
        ] {
            let between = calendar.working_days_between(day(from), day(to), 4);
            assert_eq!(between, count, "{from} to {to}");
        }
    }

    #[test]
    fn an_ending_table_is_seen_in_time() {
        let calendar = Calendar::new(vec![day("2027-01-07")], Vec::new());
        assert!(!calendar.runs_out_within(day("2026-11-08"), 60));
        assert!(calendar.runs_out_within(day("2026-11-09"), 60));
        assert!(Calendar::default().runs_out_within(day("2026-11-09"), 0));
    }
}
