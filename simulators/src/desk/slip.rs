//! The slip a terminal prints: for the screen, and for a file.

use super::cassettes::Mix;
use super::errand::{Outcome, Reply, Report};
use crate::card::Proof;
use crate::exchange::{AVAILABLE_BALANCE, CAP_LEFT};
use crate::terminal::Deed;
use crate::traffic::meaning;
use payment_types::{Amount, Currency, format_minor};

/// Characters across: 58 mm paper.
pub const WIDTH: usize = 32;

/// A printed slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// What its file is called.
    pub file: String,
    /// What stands on it.
    pub lines: Vec<String>,
}

/// What a slip says besides what is in the messages.
#[derive(Debug, Clone, Default)]
pub struct Heading<'a> {
    /// The shop's or agent's name.
    pub place: &'a str,
    /// DE 41.
    pub terminal: &'a str,
    /// The card, masked.
    pub card: &'a str,
    /// About how much.
    pub amount: Option<Amount>,
    /// What stays, after a partial reversal.
    pub stays: Option<Amount>,
    /// Which transaction it was at first.
    pub deed: Option<Deed>,
    /// The notes that came out.
    pub notes: Option<&'a Mix>,
    /// "by tap", "PIN verified": how the holder showed to be one.
    pub shown_by: String,
}

impl Slip {
    /// Of a message and what became of it.
    #[must_use]
    pub fn of(report: &Report, heading: &Heading<'_>) -> Self {
        let rule = "-".repeat(WIDTH);
        let mut lines = Vec::new();
        if !heading.place.is_empty() {
            lines.push(centred(heading.place));
        }
        lines.extend([centred(report.title), rule.clone(), pair("terminal", heading.terminal)]);
        let (mut stan, mut time) = (0, String::new());
        if let Some(sent) = &report.sent {
            (stan, time) = (sent.stan, sent.local.clone());
            lines.push(pair("time", &sent.local));
            if !heading.card.is_empty() {
                lines.push(pair("card", heading.card));
            }
            if !heading.shown_by.is_empty() {
                lines.push(pair("read", &heading.shown_by));
            }
            lines.push(pair("trace number", &format!("{stan:06}")));
        }
        if let Some(reply) = report.reply() {
            lines.extend(reply.answer.text(37).map(|rrn| pair("reference", &rrn)));
            lines.extend(reply.answer.auth_code().map(|code| pair("approval code", &code)));
        }
        if let Some(amount) = heading.amount.filter(|amount| !amount.is_zero()) {
            lines.extend([rule.clone(), pair("AMOUNT", &with_currency(amount))]);
        }
        if let Some(stays) = heading.stays {
            lines.push(pair("of which stays", &with_currency(stays)));
        }
        lines.push(rule.clone());
        match &report.outcome {
            Outcome::Answered(reply) => answered(reply, report, heading, &mut lines),
            Outcome::Failed(failure) => {
                let head = if failure.may_have_arrived { "NO ANSWER" } else { "NOT SENT" };
                lines.push(centred(head));
                lines.extend(wrapped(&failure.why));
            }
            Outcome::Told(said) => lines.extend(wrapped(said)),
        }
        lines.push(rule);
        let title = report.title.to_lowercase().replace(' ', "-");
        let when: String = time.chars().filter(char::is_ascii_digit).collect();
        let file = format!("{}-{when}-{stan:06}-{title}.txt", file_safe(heading.terminal));
        Self { file, lines }
    }

    /// As a file holds it.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

fn answered(reply: &Reply, report: &Report, heading: &Heading<'_>, lines: &mut Vec<String>) {
    let answer = &reply.answer;
    let code = answer.code();
    let verdict = if reply.is_approved() { "APPROVED" } else { "DECLINED" };
    lines.push(centred(&format!("{verdict}  {code}")));
    if !matches!(code.as_str(), "00" | "000") {
        lines.push(centred(meaning(&code)));
    }
    if let Some(left) = answer.amount(CAP_LEFT) {
        lines.push(pair("left today", &left));
    }
    if let Some(available) = answer.amount(AVAILABLE_BALANCE) {
        lines.push(pair("available", &available));
    }
    if let Some(notes) = heading.notes {
        for (note, count) in notes {
            lines.push(pair("notes", &format!("{count} x {}", format_minor((*note).into(), 2))));
        }
    }
    if heading.deed == Some(Deed::MiniStatement) && report.title == Deed::MiniStatement.title() {
        lines.extend(statement(&answer.text(48).unwrap_or_default()));
    }
    if report.sent.as_ref().is_some_and(|sent| sent.with_chip) {
        let found = match reply.verdict.arpc {
            Proof::Right => "right",
            Proof::Wrong => "WRONG",
            Proof::None => "none",
        };
        lines.push(pair("issuer's ARPC", found));
    }
    for script in &reply.verdict.scripts {
        lines.push(pair("script", &script.to_string()));
    }
    if reply.verdict.mac != Proof::None {
        lines.push(pair("answer's MAC", reply.verdict.mac.name()));
    }
}

/// DE 48 of a mini-statement: 22 characters a movement (see the book, "Mini-statement").
fn statement(text: &str) -> Vec<String> {
    let movements = text.as_bytes().chunks(22).filter_map(|part| std::str::from_utf8(part).ok());
    let lines: Vec<String> = movements.filter_map(movement).collect();
    if lines.is_empty() { vec![centred("no movements")] } else { lines }
}

fn movement(text: &str) -> Option<String> {
    let (month, day) = (text.get(..2)?, text.get(2..4)?);
    let what = match text.get(4..6)? {
        "00" => "purchase",
        "01" | "17" => "cash",
        "20" => "refund",
        "21" => "cash-in",
        "40" => "transfer",
        "70" => "PIN change",
        _ => "other",
    };
    let sign = if text.get(6..7)? == "C" { '+' } else { '-' };
    let minor: i128 = text.get(7..19)?.parse().ok()?;
    let currency = Currency::from_numeric(text.get(19..22)?.parse().ok()?)?;
    let amount = format_minor(minor, currency.exponent());
    Some(pair(&format!("{day}.{month} {what}"), &format!("{sign}{amount}")))
}

fn with_currency(amount: Amount) -> String {
    format!("{amount} {}", amount.currency())
}

fn pair(name: &str, value: &str) -> String {
    let room = WIDTH.saturating_sub(name.chars().count() + 1);
    format!("{name} {value:>room$}")
}

fn centred(text: &str) -> String {
    format!("{text:^WIDTH$}").trim_end().to_owned()
}

fn wrapped(text: &str) -> Vec<String> {
    super::text::wrap(text, WIDTH)
}

/// A terminal's id comes from a file and names a file: nothing but letters and digits of it.
fn file_safe(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mini_statement_is_read_line_by_line() {
        let text = "112200D000000012000417112121C000000050000417112117D00000000010041\u{a0}";
        let lines = statement(text);
        assert_eq!(lines.len(), 2, "the broken third is left out: {lines:?}");
        assert_eq!(lines[0], "22.11 purchase           -120.00");
        assert_eq!(lines[1], "21.11 cash-in            +500.00");
        assert_eq!(statement(""), [centred("no movements")]);
    }

    #[test]
    fn rows_have_the_width_of_the_paper() {
        assert_eq!(pair("terminal", "POS00001").chars().count(), WIDTH);
        assert_eq!(file_safe("../POS 1"), "___POS_1");
    }
}
