//! Whether the table of public holidays reaches far enough: due dates are counted by it.

use limits::Calendar;
use payment_types::BusinessDate;

/// How long before its end staff are warned, days.
const WARN_DAYS: u16 = 60;

/// What is wrong with the table, as of a day.
#[must_use]
pub fn warning(calendar: &Calendar, today: BusinessDate) -> Option<String> {
    let Some(end) = calendar.ends_on() else {
        return Some(
            "calendar.holidays is empty: due dates are counted as if there were no public holidays"
                .to_owned(),
        );
    };
    if end < today {
        return Some(format!(
            "calendar.holidays ran out on {end}: due dates from now on are counted as if there \
             were no public holidays; put in force a rule set with the next year's"
        ));
    }
    calendar.runs_out_within(today, WARN_DAYS).then(|| {
        format!(
            "calendar.holidays ends on {end}, within {WARN_DAYS} days: due dates beyond are \
             counted as if there were no public holidays; put in force a rule set with the next \
             year's"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_has_run_out_is_told_and_one_that_ends_soon() {
        let day = |text: &str| BusinessDate::parse(text).unwrap();
        let calendar = Calendar::new(vec![day("2027-01-07")], Vec::new());
        assert_eq!(warning(&calendar, day("2026-11-08")), None);
        let soon = warning(&calendar, day("2026-11-09")).unwrap();
        assert!(soon.contains("ends on 2027-01-07"), "{soon}");
        let over = warning(&calendar, day("2027-01-08")).unwrap();
        assert!(over.contains("ran out on 2027-01-07"), "{over}");
        assert!(warning(&Calendar::default(), day("2026-11-09")).unwrap().contains("is empty"));
    }
}
