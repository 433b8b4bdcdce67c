//! The dates in a message, moved by as much as lies between recording and playing: a host keeps
//! what it has seen, and would take an old message for a repeat.

use crate::intent::Fields;
use iso8583::FieldValue;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// By how much to move, and the year in which the tape was recorded (DE 7 and DE 13 have none).
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    by: SignedDuration,
    year: i16,
}

impl Shift {
    /// From when a tape was recorded to now.
    pub(super) fn since(recorded_at: Timestamp) -> Self {
        let by = Timestamp::now().duration_since(recorded_at);
        Self { by, year: recorded_at.to_zoned(TimeZone::UTC).year() }
    }

    /// Moves DE 7, 12, 13 and the dates in DE 90 and DE 56; what is no date stays.
    pub(super) fn message(&self, fields: &mut Fields, version: u8) {
        let mut replace = |element: u8, change: &dyn Fn(&str) -> Option<String>| {
            if let Some(FieldValue::Text(text)) = fields.get_mut(&element)
                && let Some(changed) = change(text)
            {
                *text = changed;
            }
        };
        replace(7, &|text| self.month_first(text));
        if version == 0 {
            // STAN and date of the original are its digits 5 to 20.
            replace(90, &|text| self.inside(text, 10, 10));
        } else {
            replace(12, &|text| self.year_first(text));
            replace(56, &|text| self.inside(text, if version == 1 { 10 } else { 16 }, 12));
            return;
        }
        let (time, date) = (text(fields, 12), text(fields, 13));
        if let (Some(time), Some(date)) = (time, date)
            && let Some(moved) = self.month_first(&format!("{date}{time}"))
            && let Some((date, time)) = moved.split_at_checked(4)
        {
            fields.insert(12, FieldValue::Text(time.to_owned()));
            fields.insert(13, FieldValue::Text(date.to_owned()));
        }
    }

    /// MMDDhhmmss.
    fn month_first(&self, text: &str) -> Option<String> {
        let moved = self.moved(&format!("{}{text}", self.year))?;
        Some(moved.strftime("%m%d%H%M%S").to_string())
    }

    /// YYMMDDhhmmss, since 2003 with the century.
    fn year_first(&self, text: &str) -> Option<String> {
        let short = text.len() == 12;
        let whole = if short { format!("20{text}") } else { text.to_owned() };
        let format = if short { "%y%m%d%H%M%S" } else { "%Y%m%d%H%M%S" };
        Some(self.moved(&whole)?.strftime(format).to_string())
    }

    fn inside(&self, text: &str, from: usize, length: usize) -> Option<String> {
        let date = text.get(from..from + length)?;
        let moved = if length == 10 { self.month_first(date)? } else { self.year_first(date)? };
        Some(format!("{}{moved}{}", text.get(..from)?, text.get(from + length..)?))
    }

    fn moved(&self, text: &str) -> Option<DateTime> {
        let part = |from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
        let year = text.get(..4)?.parse().ok()?;
        let date = DateTime::new(
            year,
            part(4, 6)?,
            part(6, 8)?,
            part(8, 10)?,
            part(10, 12)?,
            part(12, 14)?,
            0,
        );
        date.ok()?.checked_add(self.by).ok()
    }
}

fn text(fields: &Fields, element: u8) -> Option<String> {
    fields.get(&element).map(crate::exchange::plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_date_moves_by_as_much_and_over_the_end_of_a_year() {
        let shift = Shift { by: SignedDuration::from_hours(30), year: 2026 };
        let of = |element, value: &str| (element, FieldValue::Text(value.into()));
        let mut fields = Fields::from([
            of(7, "1231120000"),
            of(12, "180000"),
            of(13, "1231"),
            of(90, "020000001712311200000000041700100000000000"),
        ]);
        shift.message(&mut fields, 0);
        let shown = |element| text(&fields, element).unwrap();
        assert_eq!([shown(7), shown(12), shown(13)], ["0101180000", "000000", "0102"]);
        assert_eq!(shown(90), "020000001701011800000000041700100000000000");
        let mut fields = Fields::from([of(7, "1231120000"), of(12, "261231180000")]);
        shift.message(&mut fields, 1);
        assert_eq!(text(&fields, 12).unwrap(), "270102000000");
        let mut odd = Fields::from([of(7, "9999999999"), of(12, "x")]);
        shift.message(&mut odd, 0);
        assert_eq!(text(&odd, 7).unwrap(), "9999999999", "what is no date stays");
    }
}
