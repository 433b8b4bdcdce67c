//! Issuer scripts: commands to the chip with their MAC (book 2 section 9.2, format 2), secrets in
//! them (9.3), and the command that gives it a new PIN.
//!
//! The MAC is over the command's header, the transaction's counter and cryptogram (which are not
//! sent), and the data.

use super::keys::ChipKey;
use super::version::CryptogramVersion;
use crate::bits::{low_byte, pack};
use crate::cipher::{tdes_cbc_encrypt, tdes_ecb_encrypt};
use crate::mac::{algorithm_3, padded};
use crate::pin_block;
use crate::{Malformed, Padding, Pin, PinBlockFormat};
use payment_types::Pan;
use zeroize::Zeroizing;

/// The MAC of a command. `card` is the card's key for script MACs; `header` is CLA INS P1 P2 Lc,
/// where Lc counts the MAC too.
#[must_use]
pub fn mac(
    version: CryptogramVersion,
    card: &ChipKey,
    atc: u16,
    arqc: [u8; 8],
    header: [u8; 5],
    data: &[u8],
) -> [u8; 8] {
    let key = version.script_key(card, atc, arqc).tdes();
    let whole = [&header[..], &atc.to_be_bytes(), &arqc, data].concat();
    algorithm_3(&key, Padding::Two, &whole)
}

/// A whole command: header, Lc, data, MAC. `header` is CLA INS P1 P2.
///
/// # Errors
/// [`Malformed`] if a MAC has another length than 4 or 8, or data and MAC are more than 255 bytes.
pub fn command(
    version: CryptogramVersion,
    card: &ChipKey,
    (atc, arqc): (u16, [u8; 8]),
    header: [u8; 4],
    data: &[u8],
    mac_len: usize,
) -> Result<Vec<u8>, Malformed> {
    let len = u8::try_from(data.len() + mac_len).map_err(|_| Malformed("script command"))?;
    if !matches!(mac_len, 4 | 8) {
        return Err(Malformed("script command: a MAC has 4 or 8 bytes"));
    }
    let [a, b, c, d] = header;
    let header = [a, b, c, d, len];
    let mac = mac(version, card, atc, arqc, header, data);
    Ok([&header[..], data, mac.get(..mac_len).unwrap_or_default()].concat())
}

/// Encrypts a command's data. `card` is the card's key for secrets in scripts.
///
/// # Errors
/// [`Malformed`] for more than 255 bytes.
pub fn encrypt_data(
    version: CryptogramVersion,
    card: &ChipKey,
    atc: u16,
    arqc: [u8; 8],
    data: &[u8],
) -> Result<Vec<u8>, Malformed> {
    let key = version.script_key(card, atc, arqc).tdes();
    if data.len() > 255 {
        return Err(Malformed("script data"));
    }
    match version {
        CryptogramVersion::VisaCvn10
        | CryptogramVersion::VisaCvn18
        | CryptogramVersion::VisaCvn22 => {
            let whole = Zeroizing::new([&[low_byte(data.len())], data].concat());
            tdes_ecb_encrypt(&key, &Zeroizing::new(padded(Padding::Two, &whole, 8)))
        }
        CryptogramVersion::MChipCvn16
        | CryptogramVersion::MChipCvn17
        | CryptogramVersion::MChipCvn20
        | CryptogramVersion::MChipCvn21 => {
            let whole = data.len().is_multiple_of(8);
            let padding = if whole { Padding::One } else { Padding::Two };
            tdes_cbc_encrypt(&key, [0; 8], &Zeroizing::new(padded(padding, data, 8)))
        }
    }
}

/// The clear block with a new PIN: format 2, or Visa's own, into which the card's key for
/// cryptograms and the current PIN are mixed. Visa's versions 10 and 18 always take their own,
/// version 22 only with a current PIN; M/Chip never looks at the current PIN.
///
/// # Errors
/// [`Malformed`] never for a PIN that was made from digits.
pub fn pin_block(
    version: CryptogramVersion,
    cryptogram_key: &ChipKey,
    new: &Pin,
    current: Option<&Pin>,
) -> Result<Zeroizing<[u8; 8]>, Malformed> {
    let visas_own = match version {
        CryptogramVersion::VisaCvn10 | CryptogramVersion::VisaCvn18 => true,
        CryptogramVersion::VisaCvn22 => current.is_some(),
        _ => false,
    };
    if !visas_own {
        // Format 2 is not bound to a card number, so any does.
        let nobody = Pan::from_ascii(b"00000000").map_err(|_| Malformed("card number"))?;
        return pin_block::encode(PinBlockFormat::Iso2, new, &nobody, &[]);
    }
    let [_, _, _, _, a, b, c, d, ..] = *cryptogram_key.expose();
    let mut block =
        Zeroizing::new(pack([0, new.len].into_iter().chain(new.digits).chain([0xF, 0xF])));
    *block ^= u64::from(u32::from_be_bytes([a, b, c, d]));
    if let Some(current) = current {
        let digits = current.digits.iter().enumerate();
        let zero_filled = digits.map(|(at, digit)| {
            let inside = crate::bits::less(low_byte(at), current.len).wrapping_neg();
            digit & inside
        });
        *block ^= pack(zero_filled.chain([0; 4]));
    }
    Ok(Zeroizing::new(block.to_be_bytes()))
}

/// The command that gives the chip a new PIN (PIN CHANGE/UNBLOCK with new PIN), whole.
///
/// # Errors
/// As [`command`].
pub fn pin_change(
    version: CryptogramVersion,
    [cryptogram_key, mac_key, secrets_key]: [&ChipKey; 3],
    (atc, arqc): (u16, [u8; 8]),
    (new, current): (&Pin, Option<&Pin>),
    mac_len: usize,
) -> Result<Vec<u8>, Malformed> {
    let block = pin_block(version, cryptogram_key, new, current)?;
    let data = encrypt_data(version, secrets_key, atc, arqc, &*block)?;
    let with_current = matches!(
        version,
        CryptogramVersion::VisaCvn10 | CryptogramVersion::VisaCvn18 | CryptogramVersion::VisaCvn22
    ) && current.is_some();
    let header = [0x84, 0x24, 0x00, if with_current { 1 } else { 2 }];
    command(version, mac_key, (atc, arqc), header, &data, mac_len)
}
