//! A message as the host sees it: what kind it is, and who and what it is about.

use crate::exchange::plain;
use crate::intent::Fields;
use crate::show;
use iso8583::FieldValue;
use payment_types::{Class, Currency, Function, Mti, format_minor};

/// A message that came, or goes.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub mti: Mti,
    pub fields: Fields,
    /// The edition of the dialect: what an element means depends on it.
    pub version: u8,
}

impl Seen {
    pub(super) fn text(&self, element: u8) -> Option<String> {
        self.fields.get(&element).map(plain)
    }

    /// DE 4, minor units.
    pub(super) fn amount(&self) -> Option<u64> {
        self.text(4)?.parse().ok()
    }

    /// DE 2, else from the track.
    pub(super) fn card_number(&self) -> Option<String> {
        let track = || Some(self.text(35)?.split(['=', 'D', 'd']).next()?.to_owned());
        self.text(2).or_else(track).filter(|number| !number.is_empty())
    }

    /// DE 11.
    pub(super) fn trace_number(&self) -> Option<u32> {
        self.text(11)?.parse().ok()
    }

    /// DE 41, or nothing.
    pub(super) fn terminal(&self) -> String {
        self.text(41).unwrap_or_default()
    }

    /// The card as people may see it.
    pub(super) fn masked_card(&self) -> String {
        self.card_number()
            .map(|number| show::masked(2, &FieldValue::Text(number)))
            .unwrap_or_default()
    }

    /// DE 4 with its decimals and currency.
    pub(super) fn shown_amount(&self) -> String {
        let Some(minor) = self.amount() else { return String::new() };
        let numeric = self.text(49).and_then(|code| code.parse().ok()).unwrap_or(417);
        let currency = Currency::from_numeric(numeric).unwrap_or(Currency::KGS);
        format!("{} {currency}", format_minor(i128::from(minor), currency.exponent()))
    }

    /// The first two digits of DE 3.
    pub(super) fn kind(&self) -> Option<String> {
        self.text(3)?.get(..2).map(str::to_owned)
    }

    /// In a word or two.
    pub(super) fn what(&self) -> &'static str {
        match (self.mti.class(), self.mti.function()) {
            (Class::NetworkManagement, _) => match network_code(self) {
                Some(1) => "sign-on",
                Some(2) => "sign-off",
                Some(301) => "echo",
                Some(101 | 161 | 162) => "key exchange",
                Some(201) => "cut-over",
                _ => "network",
            },
            (Class::FileAction, Function::Request) => "file action",
            (Class::FileAction, _) => "upload",
            (Class::Reversal, _) => "reversal",
            (Class::Reconciliation, _) => "totals",
            (Class::Authorization | Class::Financial, function) => {
                self.payment(function == Function::Advice)
            }
            _ => "message",
        }
    }

    fn payment(&self, is_advice: bool) -> &'static str {
        if is_advice {
            let tells = self.mti.class() == Class::Financial;
            return if tells { "presentment" } else { "advice" };
        }
        match self.kind().as_deref() {
            Some("00") if self.mti.class() == Class::Authorization => "authorization",
            Some("00") => "purchase",
            Some("01" | "17") => "cash",
            Some("09") => "cash-back",
            Some("20") => "refund",
            Some("21") => "cash-in",
            Some("30" | "31") => "balance",
            Some("38") => "statement",
            Some("26" | "28" | "40") => "transfer",
            Some("70") => "PIN change",
            _ => "payment",
        }
    }
}

/// What an 08xx message asks for, as DE 70 has it; since 1993 DE 24 may say it (table A.8).
pub(super) fn network_code(seen: &Seen) -> Option<u16> {
    if seen.mti.class() != Class::NetworkManagement {
        return None;
    }
    let function = seen.text(24).filter(|_| seen.version > 0).and_then(|code| code.parse().ok());
    match function {
        Some(801) => Some(1),
        Some(802) => Some(2),
        Some(811) => Some(101),
        Some(821) => Some(201),
        Some(831) => Some(301),
        _ => seen.text(70).and_then(|code| code.parse().ok()),
    }
}

/// DE 24 of network management since 1993.
pub(super) const fn function_of(network_code: u16) -> Option<&'static str> {
    match network_code {
        1 => Some("801"),
        2 => Some("802"),
        101 => Some("811"),
        201 => Some("821"),
        301 => Some("831"),
        _ => None,
    }
}

/// A response code of 1987 in the edition of a dialect; one of a later edition as it is.
pub(super) fn code_of_edition(code: &str, version: u8) -> String {
    const LATER: &[(&str, &str)] = &[
        ("00", "000"),
        ("10", "002"),
        ("05", "100"),
        ("54", "101"),
        ("59", "102"),
        ("62", "104"),
        ("75", "106"),
        ("13", "110"),
        ("14", "111"),
        ("70", "112"),
        ("51", "116"),
        ("55", "117"),
        ("57", "119"),
        ("58", "120"),
        ("61", "121"),
        ("63", "122"),
        ("65", "123"),
        ("04", "200"),
        ("07", "207"),
        ("41", "208"),
        ("43", "209"),
        ("25", "302"),
        ("12", "902"),
        ("30", "904"),
        ("91", "907"),
        ("96", "909"),
        ("94", "913"),
        ("77", "914"),
    ];
    if version == 0 || code.len() > 2 {
        return code.to_owned();
    }
    let same = LATER.iter().find(|(old, _)| *old == code);
    // What has no like is "do not honour".
    let code = same.map_or("100", |(_, later)| later);
    if version == 1 {
        return code.to_owned();
    }
    // 2003: a digit for the kind of outcome before it (ISO 8583:2003 annex A).
    match code.split_at_checked(1) {
        Some(("9", rest)) => format!("91{rest}"),
        Some((kind, _)) => format!("{kind}{code}"),
        None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mti: &str, fields: &[(u8, &str)]) -> Seen {
        let text = |(de, text): &(u8, &str)| (*de, FieldValue::Text((*text).into()));
        let fields = fields.iter().map(text).collect();
        Seen { mti: Mti::parse(mti).unwrap(), fields, version: 0 }
    }

    #[test]
    fn a_message_is_told_in_a_word() {
        for (mti, code, what) in [
            ("0100", "000000", "authorization"),
            ("0200", "010000", "cash"),
            ("0220", "000000", "presentment"),
            ("0120", "000000", "advice"),
            ("0420", "000000", "reversal"),
            ("0302", "000000", "file action"),
        ] {
            assert_eq!(seen(mti, &[(3, code)]).what(), what);
        }
        assert_eq!(seen("0800", &[(70, "301")]).what(), "echo");
        let track = seen("0200", &[(35, "9417000000000009=2912201"), (4, "000000012000")]);
        assert_eq!(track.masked_card(), "941700******0009");
        assert_eq!(track.shown_amount(), "120.00 KGS");
    }

    #[test]
    fn codes_have_their_like_in_every_edition() {
        assert_eq!(code_of_edition("51", 0), "51");
        assert_eq!(code_of_edition("51", 1), "116");
        assert_eq!(code_of_edition("51", 2), "1116");
        assert_eq!(code_of_edition("94", 2), "9113");
        assert_eq!(code_of_edition("116", 1), "116");
        assert_eq!(code_of_edition("X9", 1), "100");
    }
}
