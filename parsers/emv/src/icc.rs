//! The chip data of a message, DE 55.

use crate::{
    CryptogramData, CvmResults, MAX_ELEMENTS, Tag, Tlv, TlvCause, TlvError, TlvReader, Tvr,
};
use core::fmt;

/// DE 55, checked as a whole once: every template is readable, and what the engine interprets is
/// there at most once and of the right length. Borrows the message.
#[derive(Clone, Copy)]
pub struct IccData<'a> {
    bytes: &'a [u8],
    cvm_results: Option<CvmResults>,
    cryptogram: CryptogramData<'a>,
    qualifiers: Option<&'a [u8]>,
    form_factor: Option<&'a [u8]>,
}

impl<'a> IccData<'a> {
    /// Reads the raw bytes of DE 55.
    ///
    /// # Errors
    /// [`TlvError`] if they are not TLV data to the last byte, or what is interpreted here is there
    /// twice or of a wrong length. An interpreted data object of length zero counts as absent.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TlvError> {
        let mut data = Self {
            bytes,
            cvm_results: None,
            cryptogram: CryptogramData::default(),
            qualifiers: None,
            form_factor: None,
        };
        let mut seen = 0;
        for tlv in TlvReader::new(bytes) {
            let tlv = tlv?;
            // Templates are few in a request, so that only they are walked into.
            let inner = tlv.children().map_or(Ok(0), |inner| inner.walk().check())?;
            seen += 1 + inner;
            if seen > MAX_ELEMENTS {
                return Err(TlvCause::TooManyElements.at(tlv.offset()));
            }
            match tlv.tag {
                _ if tlv.value.is_empty() => {}
                Tag::CVM_RESULTS => {
                    once(&mut data.cvm_results, &tlv, CvmResults::from_bytes(exactly(&tlv)?))?;
                }
                Tag::CARD_TRANSACTION_QUALIFIERS => once(&mut data.qualifiers, &tlv, tlv.value)?,
                Tag::FORM_FACTOR => once(&mut data.form_factor, &tlv, tlv.value)?,
                _ => data.cryptogram.take(&tlv)?,
            }
        }
        Ok(data)
    }

    /// The bytes it was read from.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The data objects outside templates.
    #[must_use]
    pub const fn elements(&self) -> TlvReader<'a> {
        TlvReader::new(self.bytes)
    }

    /// The value of the first data object with this tag outside templates.
    #[must_use]
    pub fn find(&self, tag: Tag) -> Option<&'a [u8]> {
        self.elements().find(tag).map(|tlv| tlv.value)
    }

    /// 9F34.
    #[must_use]
    pub const fn cvm_results(&self) -> Option<CvmResults> {
        self.cvm_results
    }

    /// 95.
    #[must_use]
    pub fn tvr(&self) -> Option<Tvr> {
        self.cryptogram.tvr.map(Tvr::from_bytes)
    }

    /// 9F36, the card's count of its transactions.
    #[must_use]
    pub fn atc(&self) -> Option<u16> {
        self.cryptogram.atc.map(u16::from_be_bytes)
    }

    /// What an application cryptogram is about (SEC-2).
    #[must_use]
    pub const fn cryptogram_data(&self) -> &CryptogramData<'a> {
        &self.cryptogram
    }

    /// 9F6E: Visa's form factor indicator, Mastercard's third-party data with the device type. Says
    /// what the device is, not that it verified anybody.
    #[must_use]
    pub const fn form_factor(&self) -> Option<&'a [u8]> {
        self.form_factor
    }

    /// 9F6C, card transaction qualifiers.
    #[must_use]
    pub const fn card_transaction_qualifiers(&self) -> Option<&'a [u8]> {
        self.qualifiers
    }

    /// CTL-6: on a contactless transaction, whether the cardholder's device verified the
    /// cardholder: by 9F34, or by byte 2 bit 8 of 9F6C ("consumer device CVM performed", EMV
    /// Contactless Books C-3 and C-7), unless 95 says that verification failed.
    #[must_use]
    pub fn is_consumer_device_verified(&self) -> bool {
        let by_results = self.cvm_results.is_some_and(CvmResults::is_consumer_device_verified);
        let by_qualifiers =
            self.qualifiers.and_then(|bytes| bytes.get(1)).is_some_and(|byte| byte & 0x80 != 0);
        let failed = self.tvr().is_some_and(Tvr::cardholder_verification_failed);
        (by_results || by_qualifiers) && !failed
    }
}

impl fmt::Debug for IccData<'_> {
    // Chip data may hold the card number: only tags and lengths are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.elements().map_while(Result::ok)).finish()
    }
}

pub(crate) fn exactly<const N: usize>(tlv: &Tlv<'_>) -> Result<[u8; N], TlvError> {
    tlv.value.try_into().map_err(|_| TlvCause::WrongLength.at(tlv.offset()))
}

pub(crate) fn once<T>(place: &mut Option<T>, tlv: &Tlv<'_>, value: T) -> Result<(), TlvError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TlvCause::Duplicate.at(tlv.offset())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CvmMethod;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn gives_what_authorization_needs() {
        let raw = bytes("9F3602 0041 9505 0000008000 9F3403 410302 9F6E04 20700000 DFEE0101AA");
        let data = IccData::parse(&raw).unwrap();
        assert_eq!(data.atc(), Some(0x41));
        assert_eq!(data.tvr().map(Tvr::bytes), Some([0, 0, 0, 0x80, 0]));
        let cvm = data.cvm_results().unwrap();
        assert_eq!((cvm.method, cvm.condition), (CvmMethod::PlaintextPin, 3));
        assert_eq!(data.form_factor(), Some(&[0x20, 0x70, 0, 0][..]));
        assert_eq!(data.find(Tag::new(0xDFEE01).unwrap()), Some(&[0xAA][..]));
        assert_eq!(data.find(Tag::ISSUER_APPLICATION_DATA), None);
        assert_eq!(format!("{data:?}"), {
            "[9F36(2 bytes), 95(5 bytes), 9F34(3 bytes), 9F6E(4 bytes), DFEE01(1 bytes)]"
        });
    }

    #[test]
    fn refuses_what_can_be_read_two_ways() {
        let refusal = |text: &str| {
            let error = IccData::parse(&bytes(text)).unwrap_err();
            (error.offset, error.cause)
        };
        assert_eq!(refusal("9F3403 010002 9F3403 1F0000"), (9, TlvCause::Duplicate));
        assert_eq!(refusal("9F3402 0100"), (3, TlvCause::WrongLength));
        assert_eq!(refusal("9504 00000000"), (2, TlvCause::WrongLength));
        assert_eq!(refusal("9F3603 000001"), (3, TlvCause::WrongLength));
        assert_eq!(refusal("7103 860501"), (4, TlvCause::ValueCut));
    }

    #[test]
    fn empty_or_nested_ones_do_not_count() {
        let raw = bytes("9F3400 9F3600 70069F3403010002");
        let data = IccData::parse(&raw).unwrap();
        assert_eq!((data.cvm_results(), data.atc()), (None, None));
        assert!(IccData::parse(&[]).unwrap().cvm_results().is_none());
    }

    #[test]
    fn the_device_may_speak_in_two_places() {
        let verified =
            |text: &str| IccData::parse(&bytes(text)).unwrap().is_consumer_device_verified();
        assert!(verified("9F3403 010002"));
        assert!(verified("9F6C02 0080"));
        assert!(!verified("9F6C02 0080 9505 0000800000"));
        assert!(!verified("9F3403 3F0002 9F6C02 8000"));
        assert!(!verified("9F6E04 20700000"));
    }
}
