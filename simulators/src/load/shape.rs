//! How many messages a second fall due, and when: steady, ramps, bursts, the curve of a day.
//!
//! A shape is pieces of time in which the rate goes in a straight line. What a schedule needs of
//! one is the moment by which so many more messages are due, which is a quadratic equation.

use crate::SimError;
use std::path::Path;
use std::time::Duration;

/// Card payments of a working day by the hour, in percent of the busiest.
const DAY: [f64; 24] = [
    9., 5., 3., 2., 3., 6., 15., 34., 52., 61., 68., 78., 92., 88., 74., 70., 76., 90., 100., 95.,
    74., 50., 31., 17.,
];

/// The rate over time. After its last piece it stays at the last rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pieces: Vec<Piece>,
    text: String,
}

/// A straight line from one rate to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece {
    pub(crate) seconds: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Piece {
    /// How long after `into` seconds of this piece `need` more messages are due; or how many of
    /// them are left when it ends.
    pub(crate) fn after(&self, into: f64, need: f64) -> Result<f64, f64> {
        let rest = (self.seconds - into).max(0.0);
        let is_flat = (self.to - self.from).abs() < 1e-9;
        let slope = if is_flat { 0.0 } else { (self.to - self.from) / self.seconds };
        let rate = self.from + slope * into;
        let bend = if is_flat { 0.0 } else { slope * rest * rest / 2.0 };
        let room = rate * rest + bend;
        if room < need || rate + room <= 0.0 {
            return Err(need - room);
        }
        let root = (rate * rate + 2.0 * slope * need).max(0.0).sqrt();
        Ok((2.0 * need / (rate + root)).min(rest))
    }

    fn rate_at(&self, into: f64) -> f64 {
        let part = if self.seconds > 0.0 { (into / self.seconds).clamp(0.0, 1.0) } else { 1.0 };
        self.from + (self.to - self.from) * part
    }
}

impl Shape {
    /// The same rate without end.
    #[must_use]
    pub fn constant(rate: f64) -> Self {
        let text = format!("{rate} a second");
        Self { pieces: vec![Piece { seconds: f64::INFINITY, from: rate, to: rate }], text }
    }

    /// Reads a shape: a file's name, or words such as `ramp 0-5000 30s, hold 5000 1m, burst 9000
    /// 2s, day 4000 60s`. A rate may be in percent of `rate`. A file has a line for each point:
    /// a time since the start or of the day (`HH:MM`), and a rate; a day is squeezed into `whole`.
    ///
    /// # Errors
    /// [`SimError::Setting`] naming the words or the line; [`SimError::File`].
    pub fn read(text: &str, rate: Option<f64>, whole: Option<Duration>) -> Result<Self, SimError> {
        let path = Path::new(text);
        let pieces = if path.is_file() {
            let lines = std::fs::read_to_string(path).map_err(SimError::file(path))?;
            points(&lines, rate, whole.map_or(60.0, |whole| whole.as_secs_f64()))
                .map_err(|cause| SimError::Setting(format!("{text}:{cause}")))?
        } else {
            let pieces = text.split(',').map(|words| piece(words.trim(), rate));
            let pieces: Result<Vec<_>, String> = pieces.collect();
            pieces.map_err(|cause| SimError::Setting(format!("shape: {cause}")))?.concat()
        };
        if pieces.iter().all(|piece| piece.from + piece.to <= 0.0) {
            return Err(SimError::Setting("shape: every rate is 0".to_owned()));
        }
        Ok(Self { pieces, text: text.to_owned() })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How long it is; nothing for one without end.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        let seconds: f64 = self.pieces.iter().map(|piece| piece.seconds).sum();
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The rate so many seconds after the start.
    #[must_use]
    pub fn rate_at(&self, mut at: f64) -> f64 {
        for piece in &self.pieces {
            if at < piece.seconds {
                return piece.rate_at(at);
            }
            at -= piece.seconds;
        }
        self.pieces.last().map_or(0.0, |piece| piece.to)
    }

    /// The greatest rate.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.pieces.iter().flat_map(|piece| [piece.from, piece.to]).fold(0.0, f64::max)
    }

    /// The pieces of a part of the load, after `warm_up` at the rate of the beginning.
    pub(crate) fn share(&self, part: f64, warm_up: Duration) -> Vec<Piece> {
        let first = self.pieces.first().map_or(0.0, |piece| piece.from.max(piece.to / 10.0));
        let warm_up = Piece { seconds: warm_up.as_secs_f64(), from: first, to: first };
        let last = self.pieces.last().map_or(0.0, |piece| piece.to);
        let rest = Piece { seconds: f64::INFINITY, from: last, to: last };
        let all = std::iter::once(&warm_up).chain(&self.pieces).chain(std::iter::once(&rest));
        all.filter(|piece| piece.seconds > 0.0)
            .map(|piece| Piece { from: piece.from * part, to: piece.to * part, ..*piece })
            .collect()
    }
}

fn piece(words: &str, whole: Option<f64>) -> Result<Vec<Piece>, String> {
    let parts: Vec<&str> = words.split_whitespace().collect();
    let [kind, rates, time] = parts.as_slice() else {
        return Err(format!("{words:?} is not KIND RATE TIME, as in \"hold 500 30s\""));
    };
    let seconds = seconds(time)?;
    match *kind {
        "hold" | "burst" => {
            let rate = rate(rates, whole)?;
            Ok(vec![Piece { seconds, from: rate, to: rate }])
        }
        "ramp" => {
            let (from, to) = rates.split_once('-').ok_or("a ramp goes FROM-TO")?;
            Ok(vec![Piece { seconds, from: rate(from, whole)?, to: rate(to, whole)? }])
        }
        "day" => {
            let peak = rate(rates, whole)?;
            let next = DAY.iter().cycle().skip(1);
            let hour = |(from, to): (&f64, &f64)| Piece {
                seconds: seconds / 24.0,
                from: peak * from / 100.0,
                to: peak * to / 100.0,
            };
            Ok(DAY.iter().zip(next).map(hour).collect())
        }
        other => Err(format!("{other:?} is not hold, burst, ramp or day")),
    }
}

/// Straight lines between the points of a file.
fn points(text: &str, whole: Option<f64>, day: f64) -> Result<Vec<Piece>, String> {
    let mut known: Option<(f64, f64)> = None;
    let mut pieces = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        if line.trim().is_empty() {
            continue;
        }
        let end = line.trim_end().len();
        let first = line.len() - line.trim_start().len() + 1;
        let last = line.trim_end().rfind(char::is_whitespace).map_or(first, |at| at + 2).min(end);
        let told = |column: usize, cause: &str| format!("{}:{column}: {cause}", number + 1);
        let wrong = |cause: &str| told(first, cause);
        let mut parts = line.split_whitespace();
        let (Some(at), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("not a time and a rate"));
        };
        let at = match at.split_once(':') {
            Some((hours, minutes)) => {
                let number = |text: &str| text.parse::<u32>().map_err(|_| wrong("not HH:MM"));
                let minutes = number(hours)? * 60 + number(minutes)?;
                f64::from(minutes) / 1440.0 * day
            }
            None => seconds(at).map_err(|cause| wrong(&cause))?,
        };
        let value = rate(value, whole).map_err(|cause| told(last, &cause))?;
        if let Some((before, from)) = known {
            if at < before {
                return Err(wrong("is before the line above it"));
            }
            pieces.push(Piece { seconds: at - before, from, to: value });
        } else if at > 0.0 {
            pieces.push(Piece { seconds: at, from: value, to: value });
        }
        known = Some((at, value));
    }
    Ok(pieces)
}

fn rate(text: &str, whole: Option<f64>) -> Result<f64, String> {
    let number = |text: &str| {
        let number = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate >= 0.0);
        number.ok_or_else(|| format!("{text:?} is not a rate"))
    };
    match (text.strip_suffix('%'), whole) {
        (Some(percent), Some(whole)) => Ok(number(percent)? / 100.0 * whole),
        (Some(_), None) => Err(format!("{text:?} is of a --rate that is not told")),
        (None, _) => number(text),
    }
}

/// Reads `10`, `10s`, `1.5s`, `500ms` or `2m`.
fn seconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is not ms, s, m or h")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{text:?} is not a time"))?;
    if number.is_finite() && number >= 0.0 { Ok(number * unit) } else { Err(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Shape, String> {
        Shape::read(text, Some(1000.0), None).map_err(|error| error.to_string())
    }

    #[test]
    fn words_say_ramps_bursts_and_days() {
        let shape = read("ramp 0-100 10s, hold 50% 1m, burst 2000 500ms").unwrap();
        assert_eq!(shape.length(), Some(Duration::from_millis(70_500)));
        for (at, rate) in [(5.0, 50.0), (10.0, 500.0), (70.2, 2000.0), (99.0, 2000.0)] {
            assert!((shape.rate_at(at) - rate).abs() < 1e-6, "{at}: {}", shape.rate_at(at));
        }
        let day = read("day 400 24s").unwrap();
        assert!((day.peak() - 400.0).abs() < 1e-6 && (day.rate_at(3.0) - 8.0).abs() < 1e-6);
        for (bad, why) in [
            ("hold 5", "KIND RATE TIME"),
            ("jump 5 5s", "not hold"),
            ("hold x 5s", "not a rate"),
            ("ramp 5 5s", "FROM-TO"),
            ("hold 5 5d", "not ms"),
            ("hold 0 5s", "every rate"),
        ] {
            assert!(read(bad).unwrap_err().contains(why), "{bad}: {:?}", read(bad));
        }
        assert!(Shape::read("hold 5% 1s", None, None).is_err());
    }

    #[test]
    fn a_file_has_points_and_its_errors_lines() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "# a day\n00:00 10%\n12:00 100%\n24:00 10%\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let shape = Shape::read(&path, Some(50.0), Some(Duration::from_secs(24))).unwrap();
        assert!((shape.rate_at(12.0) - 50.0).abs() < 1e-6);
        assert!((shape.rate_at(6.0) - 27.5).abs() < 1e-6);
        writeln!(file, "23:00 5").unwrap();
        let error = Shape::read(&path, Some(50.0), None).unwrap_err().to_string();
        assert!(error.contains(":5:1: is before"), "{error}");
        std::fs::write(&path, "00:00 5\n  1:00  many # x\n").unwrap();
        let error = Shape::read(&path, Some(50.0), None).unwrap_err().to_string();
        assert!(error.contains(":2:9: \"many\""), "{error}");
    }

    #[test]
    fn a_ramp_is_due_by_its_area() {
        let ramp = Piece { seconds: 10.0, from: 0.0, to: 100.0 };
        // 5 t² messages after t seconds.
        for (need, at) in [(5.0, 1.0), (20.0, 2.0), (500.0, 10.0)] {
            assert!((ramp.after(0.0, need).unwrap() - at).abs() < 1e-9, "{need}");
        }
        assert!((ramp.after(0.0, 510.0).unwrap_err() - 10.0).abs() < 1e-9);
        let down = Piece { seconds: 10.0, from: 100.0, to: 0.0 };
        assert!((down.after(5.0, 125.0).unwrap() - 5.0).abs() < 1e-6);
    }
}
