//! Writing numbers over numbers in an encoded message, without encoding it again.

/// How the dialect writes digits at a place, read off the template's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bcd,
    Ascii,
    Ebcdic,
}

impl Style {
    /// The style of an element that holds `digits` digits in these bytes.
    pub(crate) fn of(raw: &[u8], digits: usize) -> Self {
        match raw.first() {
            _ if raw.len() < digits => Self::Bcd,
            Some(0xF0..=0xF9) => Self::Ebcdic,
            _ => Self::Ascii,
        }
    }

    /// Writes the number right-justified with leading zeros over all of `place`.
    pub(crate) fn write(self, place: &mut [u8], mut number: u64) {
        for byte in place.iter_mut().rev() {
            *byte = match self {
                Self::Bcd => {
                    let pair = low(number % 100);
                    number /= 100;
                    ((pair / 10) << 4) | (pair % 10)
                }
                Self::Ascii => {
                    let digit = low(number % 10);
                    number /= 10;
                    0x30 | digit
                }
                Self::Ebcdic => {
                    let digit = low(number % 10);
                    number /= 10;
                    0xF0 | digit
                }
            };
        }
    }
}

/// Below 100, so it fits.
fn low(number: u64) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_every_style() {
        for (style, place, bytes) in [
            (Style::Bcd, 3, vec![0x00, 0x12, 0x34]),
            (Style::Ascii, 6, b"001234".to_vec()),
            (Style::Ebcdic, 5, vec![0xF0, 0xF1, 0xF2, 0xF3, 0xF4]),
        ] {
            let mut written = vec![0xAA; place];
            style.write(&mut written, 1234);
            assert_eq!(written, bytes, "{style:?}");
        }
        assert_eq!(Style::of(&[0x00, 0x12, 0x34], 6), Style::Bcd);
        assert_eq!(Style::of(b"001234", 6), Style::Ascii);
        assert_eq!(Style::of(&[0xF0; 6], 6), Style::Ebcdic);
    }
}
