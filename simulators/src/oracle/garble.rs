//! Messages broken on purpose, and surely broken: what is left must be no message any more, or the
//! host would be right to act on it.

use iso8583::{Dialect, Message, parse_lenient};

/// The body with a byte changed (or its end cut off) such that it is no message, but still tells
/// its STAN, so that the refusal finds its way back. Nothing where that cannot be had.
pub(super) fn garbled(dialect: &Dialect, body: &[u8], flip: bool, salt: u64) -> Option<Vec<u8>> {
    let length = u64::try_from(body.len()).ok()?;
    (0..64u64).find_map(|attempt| {
        let place = salt.wrapping_add(attempt.wrapping_mul(0x9E37_79B9)) % length.max(1);
        let place = usize::try_from(place).ok()?;
        let broken = if flip {
            let mut broken = body.to_vec();
            *broken.get_mut(place)? ^= 0xFF;
            broken
        } else {
            body.get(..place)?.to_vec()
        };
        is_broken(dialect, body, &broken).then_some(broken)
    })
}

/// The body with a bit of its MAC, which stands at its end, turned over.
pub(super) fn tampered(mut body: Vec<u8>, salt: u64) -> Option<Vec<u8>> {
    *body.last_mut()? ^= 1 << (salt % 8);
    Some(body)
}

fn is_broken(dialect: &Dialect, whole: &[u8], broken: &[u8]) -> bool {
    if Message::parse(dialect, broken).is_ok() {
        return false;
    }
    let (Some(left), Some(_)) = parse_lenient(dialect, broken) else { return false };
    let Ok(whole) = Message::parse(dialect, whole) else { return false };
    let stan = |message: &Message<'_>| message.number(11).and_then(Result::ok);
    left.mti() == whole.mti() && stan(&left).is_some() && stan(&left) == stan(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::MessageBuilder;
    use payment_types::Mti;

    #[test]
    fn what_is_broken_is_no_message_and_tells_its_stan() {
        for name in ["iso87-bcd", "iso87-ascii"] {
            let dialect = Dialect::shipped(name).unwrap();
            let mut builder = MessageBuilder::new(&dialect, Mti::parse("0200").unwrap());
            builder.set_text(2, b"9417000000000016").unwrap();
            builder.set_number(4, 5000).unwrap().set_number(11, 77).unwrap();
            builder.set_number(49, 417).unwrap().set_text(41, b"POS00001").unwrap();
            let mut body = Vec::new();
            builder.write(&mut body).unwrap();
            let mut found = 0;
            for salt in 0..200u64 {
                for flip in [true, false] {
                    let Some(broken) = garbled(&dialect, &body, flip, salt) else { continue };
                    found += 1;
                    assert!(Message::parse(&dialect, &broken).is_err());
                    let (left, error) = parse_lenient(&dialect, &broken);
                    assert_eq!(left.unwrap().number(11).unwrap().unwrap(), 77);
                    assert!(error.is_some() && broken != body);
                }
            }
            assert!(found > 300, "{name}: {found}");
        }
    }
}
