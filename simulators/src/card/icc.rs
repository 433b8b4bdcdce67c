//! DE 55 of a request: the data objects that chip and terminal contribute to one transaction.

use super::wish::{ChipWish, Says};
use crate::SimError;
use crate::portfolio::Terminal;
use emv::{Tag, TlvBuilder};
use payment_types::{DeviceCategory, Moment};

/// The terminals' country: Kyrgyzstan.
const COUNTRY: u16 = 417;
/// Nobody was asked to verify anything, and nothing went wrong.
const NO_CVM: [u8; 3] = [0x1F, 0x03, 0x02];
/// Enciphered PIN, verified online, outcome not known to the terminal.
const ONLINE_PIN: [u8; 3] = [0x42, 0x03, 0x00];
/// Over the floor limit, therefore online.
const TVR_ONLINE: [u8; 5] = [0, 0, 0, 0x80, 0];
/// The same, with a PIN entered for the issuer.
const TVR_ONLINE_PIN: [u8; 5] = [0, 0, 0x04, 0x80, 0];

/// Whose chip it is: what its application is called and how it writes its own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Visa (and those who took over its formats).
    Visa,
    /// Mastercard M/Chip.
    MChip,
}

impl Family {
    /// The family whose cryptograms have that version number.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a number nobody has.
    pub fn of(cvn: u8) -> Result<Self, SimError> {
        match cvn {
            10 | 18 | 22 => Ok(Self::Visa),
            16 | 17 | 20 | 21 => Ok(Self::MChip),
            _ => Err(unknown_version(cvn)),
        }
    }

    const fn application(self) -> &'static [u8] {
        match self {
            Self::Visa => &[0xA0, 0, 0, 0, 0x03, 0x10, 0x10],
            Self::MChip => &[0xA0, 0, 0, 0, 0x04, 0x10, 0x10],
        }
    }

    const fn profile(self) -> [u8; 2] {
        match self {
            Self::Visa => [0x39, 0x00],
            Self::MChip => [0x19, 0x80],
        }
    }

    const fn application_version(self) -> [u8; 2] {
        match self {
            Self::Visa => [0x00, 0x96],
            Self::MChip => [0x00, 0x02],
        }
    }

    /// 9F10: which key and version, what the chip checked, and its counters.
    fn issuer_data(self, cvn: u8, cvr: Option<&[u8]>, says: Says) -> Vec<u8> {
        const KEY_INDEX: u8 = 1;
        let (mut data, length) = match self {
            Self::Visa => (vec![6, KEY_INDEX, cvn, 3], 3),
            Self::MChip => (vec![KEY_INDEX, cvn], 6),
        };
        let own = [says.verification(), 0, 0, 0, 0, 0];
        let mut cvr = cvr.unwrap_or(&own).to_vec();
        cvr.resize(length, 0);
        data.extend_from_slice(&cvr);
        if self == Self::MChip {
            // Data authentication code and counters, which this chip does not use.
            data.extend_from_slice(&[0; 10]);
        }
        data
    }
}

/// Where and when a card is put into, or held to, a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The terminal.
    pub terminal: &'a Terminal,
    /// DE 4, minor units.
    pub amount: u64,
    /// DE 49.
    pub currency: u16,
    /// The first two digits of DE 3.
    pub kind: u8,
    /// On the terminal's clock.
    pub local: Moment,
    /// Held to, not put in.
    pub contactless: bool,
    /// Whether a PIN was entered.
    pub with_pin: bool,
    /// What the terminal throws in.
    pub unpredictable: [u8; 4],
}

/// The data objects of one transaction, without the cryptogram over them.
#[derive(Debug, Clone)]
pub struct IccFields {
    pub(crate) amount: [u8; 6],
    pub(crate) amount_other: [u8; 6],
    pub(crate) country: [u8; 2],
    pub(crate) tvr: [u8; 5],
    pub(crate) currency: [u8; 2],
    pub(crate) date: [u8; 3],
    pub(crate) kind: u8,
    pub(crate) unpredictable: [u8; 4],
    pub(crate) profile: [u8; 2],
    pub(crate) atc: [u8; 2],
    pub(crate) issuer_data: Vec<u8>,
    pub(crate) sequence: u8,
    family: Family,
    cvm: [u8; 3],
    capabilities: [u8; 3],
    terminal_type: u8,
    serial: [u8; 8],
    script_results: Option<Vec<u8>>,
    says: Says,
}

impl IccFields {
    /// What chip and terminal say in that reading.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a cryptogram version nobody has.
    pub fn of(
        reading: &Reading<'_>,
        wish: &ChipWish,
        cvn: u8,
        atc: u16,
        sequence: u16,
    ) -> Result<Self, SimError> {
        let family = Family::of(cvn)?;
        let says = wish.says.unwrap_or(Says::Arqc);
        let (capabilities, terminal_type) = match reading.terminal.category {
            // Chip and stripe, PIN online only, no cardholder's own verification on the device.
            DeviceCategory::Atm => ([0x60, 0x40, 0x20], 0x14),
            _ => ([0xE0, 0xF8, 0xC8], 0x22),
        };
        let quiet = match (reading.contactless, reading.with_pin) {
            (true, _) => [0; 5],
            (false, true) => TVR_ONLINE_PIN,
            (false, false) => TVR_ONLINE,
        };
        let cvm = if reading.with_pin { ONLINE_PIN } else { NO_CVM };
        let (year, month, day) = reading.local.business_date().ymd();
        let year = u64::try_from(year.rem_euclid(100)).unwrap_or_default();
        let date = year * 10_000 + u64::from(month) * 100 + u64::from(day);
        let mut serial = *b"        ";
        for (to, from) in serial.iter_mut().zip(reading.terminal.id.bytes()) {
            *to = from;
        }
        Ok(Self {
            amount: bcd(reading.amount),
            amount_other: [0; 6],
            country: bcd(COUNTRY.into()),
            tvr: wish.tvr.unwrap_or(quiet),
            currency: bcd(reading.currency.into()),
            date: bcd(date),
            kind: reading.kind,
            unpredictable: reading.unpredictable,
            profile: family.profile(),
            atc: atc.to_be_bytes(),
            issuer_data: family.issuer_data(cvn, wish.cvr.as_deref(), says),
            sequence: bcd::<1>(sequence.into())[0],
            family,
            cvm: wish.cvm.unwrap_or(cvm),
            capabilities,
            terminal_type,
            serial,
            script_results: wish.script_results.clone(),
            says,
        })
    }

    /// DE 55 with a cryptogram.
    #[must_use]
    pub fn data(&self, cryptogram: [u8; 8]) -> Vec<u8> {
        let mut objects: Vec<(u32, &[u8])> = Vec::with_capacity(22);
        let (says, kind, terminal_type) = ([self.says.byte()], [self.kind], [self.terminal_type]);
        let (sequence, version) = ([self.sequence], self.family.application_version());
        objects.extend::<[(u32, &[u8]); 20]>([
            (0x9F26, &cryptogram),
            (0x9F27, &says),
            (0x9F10, &self.issuer_data),
            (0x9F37, &self.unpredictable),
            (0x9F36, &self.atc),
            (0x95, &self.tvr),
            (0x9A, &self.date),
            (0x9C, &kind),
            (0x9F02, &self.amount),
            (0x9F03, &self.amount_other),
            (0x5F2A, &self.currency),
            (0x82, &self.profile),
            (0x9F1A, &self.country),
            (0x9F33, &self.capabilities),
            (0x9F34, &self.cvm),
            (0x9F35, &terminal_type),
            (0x9F1E, &self.serial),
            (0x84, self.family.application()),
            (0x9F09, &version),
            (0x5F34, &sequence),
        ]);
        objects.extend(self.script_results.as_deref().map(|results| (0x9F5B, results)));
        let mut data = Vec::with_capacity(160);
        let mut builder = TlvBuilder::new(&mut data);
        for (tag, value) in objects {
            if let Some(tag) = Tag::new(tag) {
                // Every value is far below the length that could not be written.
                builder.push(tag, value).map(|_| ()).unwrap_or_default();
            }
        }
        data
    }
}

/// For a cryptogram version nobody has.
pub(super) fn unknown_version(cvn: u8) -> SimError {
    SimError::Setting(format!(
        "no cryptogram version {cvn}; there are 10, 18, 22 (Visa), 16, 17, 20, 21 (M/Chip)"
    ))
}

/// The last `2 * N` digits of a number, packed.
pub(crate) fn bcd<const N: usize>(mut number: u64) -> [u8; N] {
    let mut packed = [0; N];
    for byte in packed.iter_mut().rev() {
        let [low, ..] = (number % 10).to_le_bytes();
        let [high, ..] = (number / 10 % 10).to_le_bytes();
        *byte = high << 4 | low;
        number /= 100;
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::terminal;
    use crate::moment::{DEFAULT_ZONE, Zone};
    use emv::IccData;

    fn data(cvn: u8, wish: &ChipWish) -> Vec<u8> {
        let terminal = terminal();
        let local = Zone::named(DEFAULT_ZONE).unwrap().parse("2026-11-23T10:00:00+06:00").unwrap();
        let reading = Reading {
            terminal: &terminal,
            amount: 123_456,
            currency: 417,
            kind: 0x01,
            local,
            contactless: false,
            with_pin: true,
            unpredictable: [1, 2, 3, 4],
        };
        IccFields::of(&reading, wish, cvn, 0x0102, 1).unwrap().data([0xAA; 8])
    }

    #[test]
    fn everything_an_issuer_asks_for_is_there() {
        let bytes = data(18, &ChipWish::default());
        let icc = IccData::parse(&bytes).unwrap();
        let find = |tag| hex::encode_upper(icc.find(Tag::new(tag).unwrap()).unwrap());
        for (tag, value) in [
            (0x9F26, "AAAAAAAAAAAAAAAA"),
            (0x9F27, "80"),
            (0x9F10, "06011203A00000"),
            (0x9F37, "01020304"),
            (0x9F36, "0102"),
            (0x95, "0000048000"),
            (0x9A, "261123"),
            (0x9C, "01"),
            (0x9F02, "000000123456"),
            (0x5F2A, "0417"),
            (0x82, "3900"),
            (0x9F1A, "0417"),
            (0x9F33, "E0F8C8"),
            (0x9F34, "420300"),
            (0x9F35, "22"),
            (0x9F1E, "504F533030303031"),
            (0x84, "A0000000031010"),
            (0x9F09, "0096"),
            (0x5F34, "01"),
        ] {
            assert_eq!(find(tag), value, "{tag:X}");
        }
    }

    #[test]
    fn an_m_chip_writes_its_data_its_own_way() {
        let wish = ChipWish { cvr: Some(vec![0xA4, 1]), ..ChipWish::default() };
        let bytes = data(17, &wish);
        let icc = IccData::parse(&bytes).unwrap();
        let own = icc.find(Tag::ISSUER_APPLICATION_DATA).unwrap();
        assert_eq!(hex::encode_upper(own), "0111A4010000000000000000000000000000");
        assert!(Family::of(11).is_err());
    }
}
