//! Application cryptograms (ARQC, TC, AAC: book 2 section 8.1) and the issuer's answer (8.2).

use super::keys::ChipKey;
use super::version::{CardData, CryptogramVersion, IssuerAnswer};
use crate::bits::xor;
use crate::mac::algorithm_3;
use crate::{Malformed, Padding, TdesKey};

/// What a cryptogram is made over: elements of DE 55, as sent. What an application does not send
/// is zero; what a version does not take is not looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct AcInput<'a> {
    /// Tag 9F02.
    pub amount_authorized: [u8; 6],
    /// Tag 9F03.
    pub amount_other: [u8; 6],
    /// Tag 9F1A.
    pub terminal_country: [u8; 2],
    /// Tag 95.
    pub tvr: [u8; 5],
    /// Tag 5F2A.
    pub currency: [u8; 2],
    /// Tag 9A.
    pub date: [u8; 3],
    /// Tag 9C.
    pub transaction_type: u8,
    /// Tag 9F37.
    pub unpredictable_number: [u8; 4],
    /// Tag 82.
    pub aip: [u8; 2],
    /// Tag 9F36.
    pub atc: u16,
    /// Tag 9F10, whole.
    pub issuer_application_data: &'a [u8],
}

impl AcInput<'_> {
    /// The bytes a version makes its cryptogram over, before padding.
    ///
    /// # Errors
    /// [`Malformed`] if the issuer application data are too short for the version.
    pub fn data(&self, version: CryptogramVersion) -> Result<Vec<u8>, Malformed> {
        let mut data = Vec::with_capacity(80);
        data.extend(self.amount_authorized);
        data.extend(self.amount_other);
        data.extend(self.terminal_country);
        data.extend(self.tvr);
        data.extend(self.currency);
        data.extend(self.date);
        data.push(self.transaction_type);
        data.extend(self.unpredictable_number);
        data.extend(self.aip);
        data.extend(self.atc.to_be_bytes());
        let own = self.issuer_application_data;
        let part = |from: usize, until: usize| {
            own.get(from..until).ok_or(Malformed("issuer application data"))
        };
        match version.card_data() {
            CardData::VisaCvr => data.extend(part(3, 7)?),
            CardData::Everything => data.extend(part(0, own.len().max(7))?),
            CardData::MChipCvr => data.extend(part(2, 8)?),
            CardData::MChipCvrAndCounters => {
                data.extend(part(2, 8)?);
                data.extend(part(10, 18)?);
            }
        }
        Ok(data)
    }
}

/// The cryptogram a card makes over a transaction. `card` is its key for cryptograms.
///
/// # Errors
/// [`Malformed`] if the issuer application data are too short for the version.
pub fn cryptogram(
    version: CryptogramVersion,
    card: &ChipKey,
    input: &AcInput<'_>,
) -> Result<[u8; 8], Malformed> {
    let key = version.session_key(card, input.atc, input.unpredictable_number);
    Ok(application_cryptogram(&key.tdes(), version.padding(), &input.data(version)?))
}

/// A cryptogram over bytes that are laid out already.
#[must_use]
pub fn application_cryptogram(session: &TdesKey, padding: Padding, data: &[u8]) -> [u8; 8] {
    algorithm_3(session, padding, data)
}

/// Tag 91: the ARPC with what it was made over. `card` is the card's key for cryptograms, `arqc`
/// the cryptogram that was verified.
///
/// # Errors
/// [`Malformed`] for more than 8 bytes of proprietary authentication data.
pub fn response(
    version: CryptogramVersion,
    card: &ChipKey,
    input: &AcInput<'_>,
    arqc: [u8; 8],
    answer: IssuerAnswer<'_>,
) -> Result<Vec<u8>, Malformed> {
    let key = version.response_key(card, input.atc, input.unpredictable_number).tdes();
    Ok(match answer {
        IssuerAnswer::Method1 { response_code } => {
            [&arpc_method_1(&key, arqc, response_code)[..], &response_code].concat()
        }
        IssuerAnswer::Method2 { status_update, proprietary } => {
            let arpc = arpc_method_2(&key, arqc, status_update, proprietary)?;
            [&arpc[..], &status_update, proprietary].concat()
        }
    })
}

/// The ARPC of method 1 (8.2.1): the cryptogram, the response code XORed onto it, encrypted.
#[must_use]
pub fn arpc_method_1(key: &TdesKey, arqc: [u8; 8], response_code: [u8; 2]) -> [u8; 8] {
    let [a, b] = response_code;
    key.encrypt(xor(arqc, &[a, b, 0, 0, 0, 0, 0, 0]))
}

/// The ARPC of method 2 (8.2.2): four bytes of MAC over the cryptogram, the card status update and
/// up to 8 bytes of proprietary authentication data.
///
/// # Errors
/// [`Malformed`] for more than 8 bytes of them.
pub fn arpc_method_2(
    key: &TdesKey,
    arqc: [u8; 8],
    status_update: [u8; 4],
    proprietary: &[u8],
) -> Result<[u8; 4], Malformed> {
    if proprietary.len() > 8 {
        return Err(Malformed("proprietary authentication data"));
    }
    let data = [&arqc[..], &status_update, proprietary].concat();
    let [a, b, c, d, ..] = algorithm_3(key, Padding::Two, &data);
    Ok([a, b, c, d])
}
