//! `tamga generate-portfolio`: portfolios of any size for load tests, with test card numbers.

use payment_types::Pan;
use std::io::{self, Write};

/// The clear test key of every generated terminal, the one of the conformance portfolio.
const TEST_KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
/// The test issuer's keys for chips and card values, and how its chips sign.
const CHIP_KEYS: &str = concat!(
    r#""keys":{"imk_ac":"4315CD768A31E5A8C1D3EA2F0E26EC49","#,
    r#""imk_smi":"5DC41ACE622625E0F84C3145AD68EF92","cvk":"0B6D7F8C25D6498A2C5BA723CEDC51E9"},"#,
    r#""chip":{"cryptogram_version":18,"cryptogram":"if-present"}"#
);
/// The clear MAC key of every generated terminal that has one.
const MAC_KEY: &str = "FEDCBA98765432100123456789ABCDEF";
/// The clear DUKPT base keys of every generated terminal that has one.
const DUKPT_KEY: &str = "544CF8D0D3260B322067BAADE3629D7C";
const DUKPT_AES_KEY: &str = "aes:2A9DAB9DF2E6B6D3731325BCC76270DF";
/// Where generated card numbers begin: above those of hand-written test portfolios.
const FIRST_NUMBER: u64 = 1_000_000;

/// How large a portfolio is to be.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Customers, each with one account and one card.
    pub cards: u64,
    /// Shop terminals, four to a merchant.
    pub pos: u32,
    /// Agents' terminals, two to an agent.
    pub agents: u32,
    /// Cash machines.
    pub atms: u32,
    /// Shop terminals whose messages carry a MAC.
    pub maced_pos: u32,
    /// Shop terminals with DUKPT, of triple DES and of AES by turns.
    pub dukpt_pos: u32,
}

/// The card number of the card `index` (from 0), of the test range, with its check digit.
#[must_use]
pub fn test_pan(index: u64) -> String {
    let body = format!("9417{:011}", FIRST_NUMBER.saturating_add(index));
    let right = |digit: &u8| {
        let number = format!("{body}{digit}");
        Pan::from_ascii(number.as_bytes()).is_ok_and(|pan| pan.has_valid_check_digit())
    };
    let digit = (0..10).find(right).unwrap_or_default();
    format!("{body}{digit}")
}

/// Writes a portfolio.
///
/// # Errors
/// What `out` says.
pub fn generate(size: Size, out: &mut impl Write) -> io::Result<()> {
    let product = r#"{"type":"product","id":"elcart","currency":"KGS","minimum_balance":"0.00""#;
    writeln!(out, r#"{product},"contactless":true,{CHIP_KEYS}}}"#)?;
    devices(size, out)?;
    for index in 0..size.cards {
        let number = index.saturating_add(1);
        let tier = match index % 10 {
            0..=6 => "standard",
            7 | 8 => "low",
            _ => "high",
        };
        writeln!(
            out,
            r#"{{"type":"customer","id":"C{number}","tier":"{tier}","name":"Test Customer {number}","phone":"+99655{number:07}"}}"#
        )?;
        writeln!(
            out,
            r#"{{"type":"account","id":"A{number}","customer":"C{number}","product":"elcart","currency":"KGS","balance":"25000.00","overdraft_limit":"0.00"}}"#
        )?;
        writeln!(
            out,
            r#"{{"type":"card","id":"K{number}","account":"A{number}","holder":"C{number}","pan":"{}","expiry":"2912","sequence":"01","service_code":"201","status":"active","test_pin":"1234"}}"#,
            test_pan(index)
        )?;
    }
    out.flush()
}

fn devices(size: Size, out: &mut impl Write) -> io::Result<()> {
    let keys = format!(r#""keys":{{"tpk":"{TEST_KEY}"}}"#);
    for merchant in 1..=size.pos.div_ceil(4) {
        writeln!(
            out,
            r#"{{"type":"merchant","id":"M{merchant}","name":"Test Shop {merchant}","mcc":"5411","country":"KG"}}"#
        )?;
    }
    for agent in 1..=size.agents.div_ceil(2) {
        writeln!(out, r#"{{"type":"agent","id":"G{agent}","name":"Test Agent {agent}"}}"#)?;
    }
    for number in 1..=size.pos {
        let merchant = number.div_ceil(4);
        writeln!(
            out,
            r#"{{"type":"terminal","id":"P{number:07}","category":"merchant","merchant":"M{merchant}","listener":"pos",{keys}}}"#
        )?;
    }
    for number in 1..=size.maced_pos {
        writeln!(
            out,
            r#"{{"type":"terminal","id":"S{number:07}","category":"merchant","merchant":"M1","listener":"pos","keys":{{"tpk":"{TEST_KEY}","tak":"{MAC_KEY}"}},"security":{{"mac":"required","mac_algorithm":"iso9797-3"}}}}"#
        )?;
    }
    for number in 1..=size.dukpt_pos {
        let (base, security) = match number % 2 {
            1 => (DUKPT_KEY, r#""pin_format":3,"keys":"dukpt-tdes""#),
            _ => (
                DUKPT_AES_KEY,
                r#""pin_format":4,"keys":"dukpt-aes","mac":"required","mac_algorithm":"cmac""#,
            ),
        };
        writeln!(
            out,
            r#"{{"type":"terminal","id":"D{number:07}","category":"merchant","merchant":"M1","listener":"pos","keys":{{"bdk":"{base}"}},"security":{{{security}}}}}"#
        )?;
    }
    for number in 1..=size.agents {
        let agent = number.div_ceil(2);
        writeln!(
            out,
            r#"{{"type":"terminal","id":"A{number:07}","category":"agent","agent":"G{agent}","listener":"pos",{keys}}}"#
        )?;
    }
    for number in 1..=size.atms {
        writeln!(
            out,
            r#"{{"type":"terminal","id":"C{number:07}","category":"atm","listener":"atm",{keys},"denominations":["200","500","1000","5000"]}}"#
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::read_line;
    use security::SoftwareModule;

    #[test]
    fn every_generated_line_is_good() {
        let mut out = Vec::new();
        let size = Size { cards: 25, pos: 5, agents: 3, atms: 1, maced_pos: 2, dukpt_pos: 4 };
        generate(size, &mut out).unwrap();
        let module = SoftwareModule::ephemeral_for_tests();
        let text = String::from_utf8(out).unwrap();
        for line in text.lines() {
            read_line(line, &module).unwrap_or_else(|errors| panic!("{line}\n{errors:?}"));
        }
        assert_eq!(text.lines().count(), 1 + 2 + 2 + 9 + 2 + 4 + 75);
        assert!(test_pan(7).starts_with("9417") && test_pan(7).len() == 16);
    }
}
