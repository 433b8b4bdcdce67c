//! The data objects of DE 55 that an application cryptogram is about.

use crate::icc::{exactly, once};
use crate::{Tag, Tlv, TlvCause, TlvError};

/// What an issuer needs of DE 55 to check a cryptogram and to answer it: each at most once and of
/// the length EMV gives it. Nothing in here is checked against anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CryptogramData<'a> {
    /// 9F26, the application cryptogram.
    pub cryptogram: Option<[u8; 8]>,
    /// 9F27, cryptogram information data: what kind of cryptogram it is.
    pub information: Option<[u8; 1]>,
    /// 9F10, issuer application data, up to 32 bytes.
    pub issuer_data: Option<&'a [u8]>,
    /// 9F37, unpredictable number.
    pub unpredictable: Option<[u8; 4]>,
    /// 9F36, application transaction counter.
    pub atc: Option<[u8; 2]>,
    /// 95, terminal verification results.
    pub tvr: Option<[u8; 5]>,
    /// 9A, transaction date.
    pub date: Option<[u8; 3]>,
    /// 9C, transaction type.
    pub kind: Option<[u8; 1]>,
    /// 9F02, amount authorised.
    pub amount: Option<[u8; 6]>,
    /// 9F03, other amount: the cash part.
    pub other_amount: Option<[u8; 6]>,
    /// 5F2A, transaction currency.
    pub currency: Option<[u8; 2]>,
    /// 82, application interchange profile.
    pub profile: Option<[u8; 2]>,
    /// 9F1A, terminal country.
    pub country: Option<[u8; 2]>,
    /// 5F34, the card's sequence number.
    pub pan_sequence: Option<[u8; 1]>,
    /// 84, the name of the application.
    pub application: Option<&'a [u8]>,
    /// 9F5B, issuer script results: five bytes for each script.
    pub script_results: Option<&'a [u8]>,
    /// 9F6A, the numeric unpredictable number of a contactless magnetic-stripe transaction.
    pub numeric_unpredictable: Option<[u8; 4]>,
}

/// What kind of cryptogram the card made (9F27, bits 8 and 7; EMV Book 3 table 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptogramKind {
    /// AAC: declined by the card.
    Declined,
    /// TC: approved offline, or completed.
    Approved,
    /// ARQC: asks the issuer.
    Request,
}

impl<'a> CryptogramData<'a> {
    /// Keeps the data object if it is one of these.
    pub(crate) fn take(&mut self, tlv: &Tlv<'a>) -> Result<(), TlvError> {
        match tlv.tag {
            Tag::APPLICATION_CRYPTOGRAM => once(&mut self.cryptogram, tlv, exactly(tlv)?),
            Tag::CRYPTOGRAM_INFORMATION => once(&mut self.information, tlv, exactly(tlv)?),
            Tag::ISSUER_APPLICATION_DATA => once(&mut self.issuer_data, tlv, at_most(tlv, 32)?),
            Tag::UNPREDICTABLE_NUMBER => once(&mut self.unpredictable, tlv, exactly(tlv)?),
            Tag::ATC => once(&mut self.atc, tlv, exactly(tlv)?),
            Tag::TVR => once(&mut self.tvr, tlv, exactly(tlv)?),
            Tag::TRANSACTION_DATE => once(&mut self.date, tlv, exactly(tlv)?),
            Tag::TRANSACTION_TYPE => once(&mut self.kind, tlv, exactly(tlv)?),
            Tag::AMOUNT_AUTHORISED => once(&mut self.amount, tlv, exactly(tlv)?),
            Tag::AMOUNT_OTHER => once(&mut self.other_amount, tlv, exactly(tlv)?),
            Tag::TRANSACTION_CURRENCY => once(&mut self.currency, tlv, exactly(tlv)?),
            Tag::APPLICATION_INTERCHANGE_PROFILE => once(&mut self.profile, tlv, exactly(tlv)?),
            Tag::TERMINAL_COUNTRY => once(&mut self.country, tlv, exactly(tlv)?),
            Tag::PAN_SEQUENCE => once(&mut self.pan_sequence, tlv, exactly(tlv)?),
            Tag::APPLICATION_NAME => once(&mut self.application, tlv, at_most(tlv, 16)?),
            Tag::ISSUER_SCRIPT_RESULTS => once(&mut self.script_results, tlv, tlv.value),
            Tag::NUMERIC_UNPREDICTABLE => once(&mut self.numeric_unpredictable, tlv, exactly(tlv)?),
            _ => Ok(()),
        }
    }

    /// What kind of cryptogram 9F26 is. Without 9F27 it is taken for a request, which is what an
    /// authorization carries; the reserved value is none.
    #[must_use]
    pub fn cryptogram_kind(&self) -> Option<CryptogramKind> {
        match self.information.map_or(0x80, |[byte]| byte & 0xC0) {
            0x00 => Some(CryptogramKind::Declined),
            0x40 => Some(CryptogramKind::Approved),
            0x80 => Some(CryptogramKind::Request),
            _ => None,
        }
    }
}

fn at_most<'a>(tlv: &Tlv<'a>, most: usize) -> Result<&'a [u8], TlvError> {
    if tlv.value.len() > most {
        return Err(TlvCause::WrongLength.at(tlv.offset()));
    }
    Ok(tlv.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IccData;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn takes_what_a_cryptogram_is_about() {
        let raw = bytes(
            "9F2608 225FEB37A74C8A25 9F2701 80 9F1007 06011203FD9630 9F3704 514FA472 9F3602 5386
             9505 0000000000 9A03 261203 9C01 30 9F0206 000000150000 5F2A02 0417 8202 2000
             9F1A02 0417 9F0306 000000050000 8407 A0000000031010 5F3401 00 9F5B05 2012345678"
                .replace('\n', "")
                .as_str(),
        );
        let icc = IccData::parse(&raw).unwrap();
        let data = icc.cryptogram_data();
        assert_eq!(data.cryptogram, Some([0x22, 0x5F, 0xEB, 0x37, 0xA7, 0x4C, 0x8A, 0x25]));
        assert_eq!(data.cryptogram_kind(), Some(CryptogramKind::Request));
        assert_eq!((data.kind, data.pan_sequence), (Some([0x30]), Some([0])));
        assert_eq!(data.amount, Some([0, 0, 0, 0x15, 0, 0]));
        assert_eq!(data.script_results, Some(&[0x20, 0x12, 0x34, 0x56, 0x78][..]));
        assert_eq!(data.application, Some(&[0xA0, 0, 0, 0, 3, 0x10, 0x10][..]));
    }

    #[test]
    fn sec_2_what_could_be_read_two_ways_is_refused() {
        let refusal = |text: &str| IccData::parse(&bytes(text)).err().map(|error| error.cause);
        let twice = "9F2608 225FEB37A74C8A25 9F2608 225FEB37A74C8A26";
        assert_eq!(refusal(twice), Some(TlvCause::Duplicate));
        assert_eq!(refusal("9F2607 225FEB37A74C8A"), Some(TlvCause::WrongLength));
        assert_eq!(refusal("9F3703 225FEB"), Some(TlvCause::WrongLength));
        assert_eq!(refusal(&format!("9F1021{}", "00".repeat(33))), Some(TlvCause::WrongLength));
        assert_eq!(refusal("9F2600 9F1000"), None, "empty counts as absent");
    }

    #[test]
    fn the_kind_is_in_two_bits() {
        let kind = |text: &str| {
            let raw = bytes(text);
            IccData::parse(&raw).unwrap().cryptogram_data().cryptogram_kind()
        };
        assert_eq!(kind("9F270100"), Some(CryptogramKind::Declined));
        assert_eq!(kind("9F270140"), Some(CryptogramKind::Approved));
        assert_eq!(kind("9F270182"), Some(CryptogramKind::Request));
        assert_eq!(kind("9F2701C0"), None);
        assert_eq!(kind(""), Some(CryptogramKind::Request));
    }
}
