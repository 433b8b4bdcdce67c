//! Issuer application data, tag 9F10: what the card's application tells its issuer. Its layout is
//! the network's; here are Visa's (VIS appendix M, formats 0, 1 and 3) and Mastercard's (M/Chip
//! Advance, issuer application data).

/// Whose layout 9F10 has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerDataLayout {
    /// `06`, key index, cryptogram version, card verification results (`03` and three bytes); then
    /// issuer discretionary data with its own length.
    Visa,
    /// Key index, cryptogram version, six bytes of card verification results, two of the card's
    /// authentication code, counters.
    MChip,
}

/// 9F10 taken apart. Borrows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuerApplicationData<'a> {
    /// Whose layout it is.
    pub layout: IssuerDataLayout,
    /// Which of the issuer's keys the card was made with (derivation key index).
    pub key_index: u8,
    /// The cryptogram version number as the byte stands there: `0A`, `12`, `16` of Visa's
    /// versions 10, 18 and 22; `10`, `11`, `14`, `15` of M/Chip's 16, 17, 20 and 21.
    pub version: u8,
    /// The card verification results: what the card found in its own checks.
    pub cvr: &'a [u8],
}

/// The registered application providers whose layouts are known (ISO/IEC 7816-5).
const VISA: &[u8] = &[0xA0, 0, 0, 0, 0x03];
const MASTERCARD: &[u8] = &[0xA0, 0, 0, 0, 0x04];

impl<'a> IssuerApplicationData<'a> {
    /// Takes 9F10 apart. Where both layouts are possible, the application's name (tag 84) says
    /// which it is, and without one the inner length that only Visa's has. `None` for any other
    /// layout: then the product has to say how its cards make cryptograms.
    #[must_use]
    pub fn parse(data: &'a [u8], application: Option<&[u8]>) -> Option<Self> {
        let (visa, mchip) = (Self::visa(data), Self::mchip(data));
        let is_by = |provider| application.is_some_and(|name| name.starts_with(provider));
        match (visa, mchip) {
            (Some(_), Some(_)) if is_by(MASTERCARD) => mchip,
            (Some(_), Some(_)) if !is_by(VISA) && !has_visa_lengths(data) => mchip,
            (Some(_), _) => visa,
            (None, _) => mchip,
        }
    }

    fn visa(data: &'a [u8]) -> Option<Self> {
        match data {
            [6, key_index, version, 3, ..] if data.len() >= 7 => Some(Self {
                layout: IssuerDataLayout::Visa,
                key_index: *key_index,
                version: *version,
                cvr: data.get(3..7)?,
            }),
            _ => None,
        }
    }

    fn mchip(data: &'a [u8]) -> Option<Self> {
        match data {
            [key_index, version @ (0x10 | 0x11 | 0x14 | 0x15), ..] => Some(Self {
                layout: IssuerDataLayout::MChip,
                key_index: *key_index,
                version: *version,
                cvr: data.get(2..8)?,
            }),
            _ => None,
        }
    }
}

/// Seven bytes, or these and issuer discretionary data of the length that comes next.
fn has_visa_lengths(data: &[u8]) -> bool {
    data.len() == 7 || data.get(7).is_some_and(|inner| usize::from(*inner) + 8 == data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(data: &str, application: &str) -> Option<(IssuerDataLayout, u8, u8, String)> {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let (data, name) = (bytes(data), bytes(application));
        let found = IssuerApplicationData::parse(&data, (!name.is_empty()).then_some(&name))?;
        Some((found.layout, found.key_index, found.version, hex::encode_upper(found.cvr)))
    }

    #[test]
    fn tells_the_layouts_apart() {
        use IssuerDataLayout::{MChip, Visa};
        let visa = |version, cvr: &str| Some((Visa, 1, version, cvr.to_owned()));
        assert_eq!(parse("06010A03273B79", ""), visa(10, "03273B79"));
        assert_eq!(parse("06011203FD9630", ""), visa(18, "03FD9630"));
        assert_eq!(parse("06011603D951480201AA", ""), visa(22, "03D95148"));
        for (data, version) in [
            ("0110A93A45E47CCF31BAF9BA93FA230EE53A", 0x10),
            ("011597DD0446C84ADE0B1BFDE62FC51DE4C2", 0x15),
        ] {
            let cvr = data.get(4..16).unwrap().to_owned();
            assert_eq!(parse(data, ""), Some((MChip, 1, version, cvr)));
        }
    }

    #[test]
    fn what_could_be_both_is_told_by_the_application_or_the_length() {
        let both = "06100A03A080000031BAF9BA93FA230EE53A";
        let layout = |data, name| parse(data, name).map(|found| found.0);
        assert_eq!(layout(both, "A0000000031010"), Some(IssuerDataLayout::Visa));
        assert_eq!(layout(both, "A0000000041010"), Some(IssuerDataLayout::MChip));
        assert_eq!(layout(both, ""), Some(IssuerDataLayout::MChip));
        assert_eq!(layout("06100A03A080000201AA", ""), Some(IssuerDataLayout::Visa));
    }

    #[test]
    fn what_is_neither_is_none() {
        for data in
            ["", "06", "06010A03273B", "0112A93A45E47CCF", "0110A93A45E47C", "06010A04273B79"]
        {
            assert_eq!(parse(data, ""), None, "{data}");
        }
    }
}
