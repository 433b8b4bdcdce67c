//! What was asked for (DE 3), how the card was read (DE 22, DE 25), and on what kind of device.

use core::fmt;
use serde::{Deserialize, Serialize};

/// DE 3: transaction type, account debited, account credited, two digits each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ProcessingCode {
    /// Digits 1-2.
    pub transaction: u8,
    /// Digits 3-4.
    pub from_account: u8,
    /// Digits 5-6.
    pub to_account: u8,
}

/// What DE 3's first two digits ask for (WIRE.md); a code outside the list stays representable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TransactionType {
    /// 00.
    Purchase,
    /// 01: cash at an ATM, and on some networks over the counter.
    Cash,
    /// 09: DE 54 type 40 says which part is cash.
    PurchaseWithCashback,
    /// 17: cash over the counter.
    CashDisbursement,
    /// 20.
    Refund,
    /// 21.
    CashIn,
    /// 22.
    CreditAdjustment,
    /// 26, 28: a credit to the card from elsewhere.
    CreditToCard,
    /// 30, 31.
    BalanceInquiry,
    /// 38.
    MiniStatement,
    /// 40.
    Transfer,
    /// 50.
    Payment,
    /// 70.
    PinChange,
    /// 72.
    Activation,
    /// Any other.
    Other,
}

impl ProcessingCode {
    /// From the number in DE 3, 0 to 999 999.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(Self {
            transaction: u8::try_from(number / 10_000).ok().filter(|pair| *pair < 100)?,
            from_account: u8::try_from(number / 100 % 100).ok()?,
            to_account: u8::try_from(number % 100).ok()?,
        })
    }

    /// The number in DE 3.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.transaction) * 10_000
            + u32::from(self.from_account) * 100
            + u32::from(self.to_account)
    }

    /// What is asked for.
    #[must_use]
    pub const fn transaction_type(self) -> TransactionType {
        match self.transaction {
            0 => TransactionType::Purchase,
            1 => TransactionType::Cash,
            9 => TransactionType::PurchaseWithCashback,
            17 => TransactionType::CashDisbursement,
            20 => TransactionType::Refund,
            21 => TransactionType::CashIn,
            22 => TransactionType::CreditAdjustment,
            26 | 28 => TransactionType::CreditToCard,
            30 | 31 => TransactionType::BalanceInquiry,
            38 => TransactionType::MiniStatement,
            40 => TransactionType::Transfer,
            50 => TransactionType::Payment,
            70 => TransactionType::PinChange,
            72 => TransactionType::Activation,
            _ => TransactionType::Other,
        }
    }
}

impl fmt::Debug for ProcessingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.number())
    }
}

/// DE 22 (1987): two digits of PAN entry, one of PIN entry capability.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct EntryMode(u16);

/// How the card number got into the terminal: DE 22 positions 1-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PanEntry {
    /// 00 and anything not listed.
    Unknown,
    /// 01: keyed, and e-commerce on some hosts.
    Manual,
    /// 02: magnetic stripe, not whole.
    Stripe,
    /// 03: bar code or QR.
    Barcode,
    /// 05, 95: chip in contact.
    Chip,
    /// 07: contactless chip.
    ContactlessChip,
    /// 91: contactless magnetic-stripe data.
    ContactlessStripe,
    /// 80, 79: a chip card read otherwise because the chip would not work.
    Fallback,
    /// 81, 09: e-commerce.
    Ecommerce,
    /// 10: credentials on file.
    OnFile,
    /// 90: whole magnetic stripe.
    FullStripe,
}

impl EntryMode {
    /// From the three digits.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        if number <= 999 { Some(Self(number)) } else { None }
    }

    /// The three digits.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Positions 1-2.
    #[must_use]
    pub const fn pan_entry(self) -> PanEntry {
        match self.0 / 10 {
            1 => PanEntry::Manual,
            2 => PanEntry::Stripe,
            3 => PanEntry::Barcode,
            5 | 95 => PanEntry::Chip,
            7 => PanEntry::ContactlessChip,
            91 => PanEntry::ContactlessStripe,
            79 | 80 => PanEntry::Fallback,
            9 | 81 => PanEntry::Ecommerce,
            10 => PanEntry::OnFile,
            90 => PanEntry::FullStripe,
            _ => PanEntry::Unknown,
        }
    }

    /// CTL-6: positions 1-2 are 07 or 91.
    #[must_use]
    pub const fn is_contactless(self) -> bool {
        matches!(self.pan_entry(), PanEntry::ContactlessChip | PanEntry::ContactlessStripe)
    }

    /// Whether the card itself was not at the terminal.
    #[must_use]
    pub const fn is_card_absent(self) -> bool {
        matches!(self.pan_entry(), PanEntry::Manual | PanEntry::Ecommerce | PanEntry::OnFile)
    }

    /// Position 3.
    #[must_use]
    pub const fn pin_capability(self) -> u8 {
        (self.0 % 10) as u8
    }
}

impl fmt::Debug for EntryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// DE 25, two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct PosConditionCode(pub u8);

/// What a device is, from the register and never from the message (WIRE.md "Sessions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceCategory {
    /// A shop's terminal.
    Merchant,
    /// A terminal at a bank's agent.
    Agent,
    /// A cash machine.
    Atm,
    /// A terminal in the bank's own branch.
    Branch,
    /// A web shop.
    Ecommerce,
}

impl DeviceCategory {
    /// The name used in files and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Agent => "agent",
            Self::Atm => "atm",
            Self::Branch => "branch",
            Self::Ecommerce => "ecommerce",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_modes_say_how_the_card_was_read() {
        for (digits, entry, contactless) in [
            (51, PanEntry::Chip, false),
            (71, PanEntry::ContactlessChip, true),
            (911, PanEntry::ContactlessStripe, true),
            (901, PanEntry::FullStripe, false),
            (801, PanEntry::Fallback, false),
            (12, PanEntry::Manual, false),
            (812, PanEntry::Ecommerce, false),
            (0, PanEntry::Unknown, false),
        ] {
            let mode = EntryMode::from_number(digits).unwrap();
            assert_eq!((mode.pan_entry(), mode.is_contactless()), (entry, contactless), "{digits}");
        }
    }

    #[test]
    fn processing_codes_split_into_pairs() {
        let code = ProcessingCode::from_number(172_030).unwrap();
        assert_eq!((code.transaction, code.from_account, code.to_account), (17, 20, 30));
        assert_eq!(code.number(), 172_030);
        assert_eq!(code.transaction_type(), TransactionType::CashDisbursement);
        assert_eq!(ProcessingCode::from_number(1_000_000), None);
    }
}
