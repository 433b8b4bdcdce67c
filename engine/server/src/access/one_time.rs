//! One-time codes: TOTP (RFC 6238) over HMAC-SHA-1, six digits, steps of thirty seconds, as every
//! authenticator application makes them. A code of the step before or after is taken, for clocks
//! that differ; which codes were used is the core's matter.

use hmac::{Hmac, KeyInit, Mac};
use payment_types::Timestamp;
use qrcode::QrCode;
use qrcode::render::svg;
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Seconds of a step.
pub const STEP_SECONDS: i64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
const SECRET: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a user's authenticator and the engine share. Wiped when dropped; never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; SECRET];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// From base32, as authenticators show it; blanks and small letters are fine.
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0u32);
        for letter in text.bytes().filter(|byte| !b" -=".contains(byte)) {
            let letter = letter.to_ascii_uppercase();
            let value = BASE32.iter().position(|known| *known == letter)?;
            held = (held << 5 | u32::try_from(value).ok()?) & 0xFFFF;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(held >> bits & 0xFF).ok()?);
            }
        }
        (bytes.len() >= 10).then_some(Self(bytes))
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As authenticators take it by hand.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for chunk in self.0.chunks(5) {
            let mut held = [0u8; 8];
            for (place, byte) in held.iter_mut().skip(3).zip(chunk) {
                *place = *byte;
            }
            let held = u64::from_be_bytes(held);
            let letters = (chunk.len() * 8).div_ceil(5);
            for at in 0..letters {
                let value = usize::try_from(held >> (35 - 5 * at) & 31).unwrap_or_default();
                text.push(char::from(BASE32.get(value).copied().unwrap_or_default()));
            }
        }
        text
    }

    /// What a QR code for an authenticator says.
    #[must_use]
    pub fn uri(&self, issuer: &str, user: &str) -> Zeroizing<String> {
        let (issuer, secret) = (percent(issuer), self.base32());
        let (user, secret) = (percent(user), secret.as_str());
        let seconds = STEP_SECONDS;
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{user}?secret={secret}&issuer={issuer}\
             &algorithm=SHA1&digits={DIGITS}&period={seconds}"
        ))
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: u64) -> String {
        format!("{:0width$}", self.truncated(step) % 1_000_000, width = DIGITS)
    }

    /// The step whose code this is, of the one at `now` and its neighbours.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let current = step_at(now);
        let steps = [current.saturating_sub(1), current, current.saturating_add(1)];
        // All are looked at, whatever was found.
        steps.into_iter().fold(None, |found, step| {
            let same = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            if same { Some(step) } else { found }
        })
    }

    /// RFC 4226 section 5.3.
    fn truncated(&self, step: u64) -> u32 {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else { return 0 };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 0xF);
        let four = digest.get(offset..offset + 4).and_then(|four| four.try_into().ok());
        u32::from_be_bytes(four.unwrap_or_default()) & 0x7FFF_FFFF
    }
}

/// The step at an instant.
#[must_use]
pub fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.0.div_euclid(1000).div_euclid(STEP_SECONDS)).unwrap_or_default()
}

/// A code as people type it: blanks aside, six digits.
#[must_use]
pub fn typed(text: &str) -> Option<String> {
    let code: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_code = code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then_some(code)
}

/// A text as a QR code, SVG; nothing where it does not fit.
#[must_use]
pub fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(220, 220).build())
}

fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> Secret {
        Secret::from_bytes(b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let step = step_at(Timestamp(seconds * 1000));
            assert_eq!(rfc().truncated(step) % 100_000_000, code, "{seconds}");
        }
    }

    #[test]
    fn truncation_is_that_of_rfc_4226_appendix_d() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(rfc().code(step), code, "{step}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_around_now_and_no_further() {
        let now = Timestamp(1_234_567_890_000);
        let step = step_at(now);
        for (difference, found) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let of = step.saturating_add_signed(difference);
            assert_eq!(rfc().step_of(&rfc().code(of), now), found.then_some(of), "{difference}");
        }
        for bad in ["", "00000", "0000000", "abcdef"] {
            assert_eq!(rfc().step_of(bad, now), None);
        }
        assert_eq!(typed(" 123 456 "), Some("123456".to_owned()));
        assert_eq!((typed("12345"), typed("12345x")), (None, None));
    }

    #[test]
    fn secrets_go_out_and_in_as_base32() {
        assert_eq!(*rfc().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for length in 10..40u8 {
            let secret = Secret::from_bytes(&(0..length).collect::<Vec<_>>());
            let text = secret.base32().to_lowercase();
            assert_eq!(Secret::from_base32(&text).unwrap().bytes(), secret.bytes());
        }
        assert!(Secret::from_base32("GEZD GNBV").is_none(), "too short to be secret");
        assert!(Secret::from_base32("GEZDGNBVGY3TQOJ0").is_none(), "0 is no letter of it");
    }

    #[test]
    fn the_uri_is_one_that_authenticators_read_and_has_a_qr_code() {
        let uri = rfc().uri("Tamga Банк", "aida");
        assert!(uri.starts_with("otpauth://totp/Tamga%20%D0%91"), "{}", *uri);
        assert!(uri.contains(":aida?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tamga"));
        assert!(qr(&uri).unwrap().contains("<svg"));
    }
}
