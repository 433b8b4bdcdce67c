//! Frames: every kind, however the stream is cut, and what is refused.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use bytes::BytesMut;
use iso8583::{Frame, FrameError, Framing, Tpdu};

fn framing(kind: &str, tpdu: bool, header: &[u8]) -> Framing {
    Framing::new(kind, tpdu, header, Framing::DEFAULT_MAX).unwrap()
}

fn next(framing: &Framing, bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    framing.next_frame(&mut BytesMut::from(bytes))
}

#[test]
fn accepts_every_kind() {
    let tpdu = Tpdu::new(0x1234, 0x5678);
    for (kind, with_tpdu, header, wire) in [
        ("u16be", false, &b""[..], &b"\x00\x03abc"[..]),
        ("u16be-incl", false, b"", b"\x00\x05abc"),
        ("ascii4", false, b"", b"0003abc"),
        ("bcd2", false, b"", b"\x00\x03abc"),
        ("u32be", false, b"", b"\x00\x00\x00\x03abc"),
        ("u16be", true, b"", b"\x00\x08\x60\x12\x34\x56\x78abc"),
        ("ascii4", false, b"ISO", b"0006ISOabc"),
        ("bcd2", true, b"HDR", b"\x00\x11\x60\x12\x34\x56\x78HDRabc"),
    ] {
        let framing = framing(kind, with_tpdu, header);
        let mut encoded = Vec::new();
        framing.encode(with_tpdu.then_some(tpdu), b"abc", &mut encoded).unwrap();
        assert_eq!(encoded, wire, "{kind}");
        for cut in 0..wire.len() {
            let mut buffer = BytesMut::from(&wire[..cut]);
            assert_eq!(framing.next_frame(&mut buffer), Ok(None), "{kind} {cut}");
            buffer.extend_from_slice(&wire[cut..]);
            buffer.extend_from_slice(wire);
            for _ in 0..2 {
                let frame = framing.next_frame(&mut buffer).unwrap().unwrap();
                assert_eq!(frame.body.as_ref(), b"abc");
                assert_eq!(frame.tpdu, with_tpdu.then_some(tpdu));
            }
            assert!(buffer.is_empty());
        }
    }
    assert_eq!(tpdu.swapped(), Tpdu::new(0x5678, 0x1234));
}

#[test]
fn refuses_what_is_no_frame() {
    for (kind, tpdu, header, wire, error) in [
        ("u16be", false, &b""[..], &b"\x00\x00"[..], FrameError::Empty),
        ("u16be", false, b"", b"\x20\x01", FrameError::TooLong),
        ("u16be-incl", false, b"", b"\x00\x01", FrameError::BadLength),
        ("u16be-incl", false, b"", b"\x00\x02", FrameError::Empty),
        ("ascii4", false, b"", b"00A", FrameError::BadLength),
        ("ascii4", false, b"", b"GET / HTTP", FrameError::BadLength),
        ("ascii4", false, b"", b"9999", FrameError::TooLong),
        ("bcd2", false, b"", b"\x0A\x00", FrameError::BadLength),
        ("u32be", false, b"", b"\xFF\xFF\xFF\xFF", FrameError::TooLong),
        ("u16be", true, b"", b"\x00\x08\x61", FrameError::BadTpdu),
        ("u16be", true, b"", b"\x00\x05\x60\x00\x01\x00\x02", FrameError::Empty),
        ("u16be", true, b"", b"\x00\x04\x60\x00\x01\x00", FrameError::BadLength),
        ("u16be", false, b"ISO", b"\x00\x06ISXabc", FrameError::BadHeader),
    ] {
        let framing = framing(kind, tpdu, header);
        assert_eq!(next(&framing, wire), Err(error), "{kind} {wire:02x?}");
        let mut buffer = BytesMut::from(wire);
        assert!(framing.next_frame(&mut buffer).is_err());
        assert_eq!(buffer, wire, "the bytes are there to be looked at");
    }
}

#[test]
fn refuses_framings_that_cannot_be() {
    assert!(Framing::new("u24", false, b"", 100).unwrap_err().to_string().contains("u16be-incl"));
    assert!(Framing::new("u16be", true, b"HDR", 8).is_err(), "no room for a message");
    assert!(Framing::new("ascii4", false, b"", 10_000).is_err(), "four digits cannot say it");
    let framing = Framing::new("ascii4", false, b"", 5).unwrap();
    assert_eq!(framing.encode(None, b"123456", &mut Vec::new()), Err(FrameError::TooLong));
    assert_eq!(framing.encode(None, b"", &mut Vec::new()), Err(FrameError::Empty));
}
