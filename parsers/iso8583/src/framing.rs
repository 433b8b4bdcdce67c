//! Cutting messages out of a stream: the length in front, an optional TPDU, an optional literal
//! header. Incremental (half a frame is no error) and bounded (a length above the listener's maximum
//! is refused before its bytes are waited for).

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// How the length of a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Two bytes, big-endian.
    U16,
    /// Two bytes, big-endian, counting themselves.
    U16Inclusive,
    /// Four ASCII digits.
    Ascii4,
    /// Four packed digits.
    Bcd2,
    /// Four bytes, big-endian.
    U32,
}

/// The framing of a listener or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framing {
    kind: Kind,
    tpdu: bool,
    header: Box<[u8]>,
    max: usize,
}

/// A framing that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FramingError {
    /// Not one of the kinds.
    #[error("`{0}` is not a framing; known: {known}", known = Framing::KINDS.join(", "))]
    UnknownKind(String),
    /// A maximum that leaves no room for a message, or that the length cannot say.
    #[error("a maximum of {0} bytes cannot be: from 1 (and the TPDU and header) to {1}")]
    Maximum(usize, usize),
}

/// Why a stream is not frames. There is no way to find the next one: the connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The length is above the maximum.
    #[error("the frame is longer than allowed")]
    TooLong,
    /// The frame has no message.
    #[error("the frame is empty")]
    Empty,
    /// The length is not a number, or leaves no room for what must be there.
    #[error("the frame's length makes no sense")]
    BadLength,
    /// The TPDU does not start with 60, or is missing.
    #[error("the frame does not start with a TPDU")]
    BadTpdu,
    /// The literal header is not there.
    #[error("the frame does not start with the header")]
    BadHeader,
}

/// The transport header of terminals: `60`, two bytes of destination, two of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tpdu([u8; 5]);

impl Tpdu {
    /// Its length in bytes.
    pub const LENGTH: usize = 5;
    const ID: u8 = 0x60;

    /// To `dst`, from `src` (network international identifiers).
    #[must_use]
    pub const fn new(dst: u16, src: u16) -> Self {
        let ([a, b], [c, d]) = (dst.to_be_bytes(), src.to_be_bytes());
        Self([Self::ID, a, b, c, d])
    }

    /// From the wire; `None` unless it starts with 60.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 5]) -> Option<Self> {
        if bytes[0] == Self::ID { Some(Self(bytes)) } else { None }
    }

    /// The way back: destination and source change places.
    #[must_use]
    pub const fn swapped(self) -> Self {
        let [id, a, b, c, d] = self.0;
        Self([id, c, d, a, b])
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 5] {
        self.0
    }
}

/// One message cut out of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The TPDU, if the framing has one.
    pub tpdu: Option<Tpdu>,
    /// The message, without TPDU and header.
    pub body: Bytes,
}

impl Framing {
    /// The kinds there are.
    pub const KINDS: [&'static str; 5] = ["u16be", "u16be-incl", "ascii4", "bcd2", "u32be"];
    /// The maximum unless something else is said: 8 KiB.
    pub const DEFAULT_MAX: usize = 8192;

    /// A framing by the name of its kind. `max` bounds what follows the length: TPDU, header, message.
    ///
    /// # Errors
    /// [`FramingError`] if there is no such kind or the maximum makes no sense for it.
    pub fn new(kind: &str, tpdu: bool, header: &[u8], max: usize) -> Result<Self, FramingError> {
        let kind = match kind {
            "u16be" => Kind::U16,
            "u16be-incl" => Kind::U16Inclusive,
            "ascii4" => Kind::Ascii4,
            "bcd2" => Kind::Bcd2,
            "u32be" => Kind::U32,
            _ => return Err(FramingError::UnknownKind(kind.to_owned())),
        };
        let framing = Self { kind, tpdu, header: header.into(), max };
        if max <= framing.overhead() || max > kind.largest() {
            return Err(FramingError::Maximum(max, kind.largest()));
        }
        Ok(framing)
    }

    /// The most bytes that may follow the length.
    #[must_use]
    pub fn max_length(&self) -> usize {
        self.max
    }

    /// Whether frames carry a TPDU.
    #[must_use]
    pub fn has_tpdu(&self) -> bool {
        self.tpdu
    }

    /// Bytes between the length and the message.
    fn overhead(&self) -> usize {
        self.header.len().saturating_add(if self.tpdu { Tpdu::LENGTH } else { 0 })
    }

    /// Takes the next whole frame off the front of `buffer`; `None` until it is all there. After an
    /// error the buffer is as it was, so that its first bytes can be looked at.
    ///
    /// # Errors
    /// [`FrameError`]; the stream cannot be read further.
    pub fn next_frame(&self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let cut = self.cut(buffer)?;
        Ok(cut.map(|(tpdu, body)| Frame { tpdu, body: body.freeze() }))
    }

    /// As [`Framing::next_frame`], with a body that the caller alone has, so that he can wipe it.
    ///
    /// # Errors
    /// As [`Framing::next_frame`].
    pub fn cut(
        &self,
        buffer: &mut BytesMut,
    ) -> Result<Option<(Option<Tpdu>, BytesMut)>, FrameError> {
        let Some(length) = self.kind.read(buffer)? else { return Ok(None) };
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > self.max {
            return Err(FrameError::TooLong);
        }
        let width = self.kind.width();
        // What is already there of the fixed part is checked at once: garbage should not wait.
        let payload = buffer.get(width..).unwrap_or_default();
        let payload = payload.get(..length).unwrap_or(payload);
        if self.tpdu && payload.first().is_some_and(|id| *id != Tpdu::ID) {
            return Err(FrameError::BadTpdu);
        }
        if length <= self.overhead() {
            return Err(if length == self.overhead() {
                FrameError::Empty
            } else {
                FrameError::BadLength
            });
        }
        if payload.len() < length {
            buffer.reserve(length - payload.len());
            return Ok(None);
        }
        let (tpdu, rest) = self.tpdu(payload)?;
        if !rest.starts_with(&self.header) {
            return Err(FrameError::BadHeader);
        }
        buffer.advance(width);
        let mut body = buffer.split_to(length);
        body.advance(self.overhead());
        Ok(Some((tpdu, body)))
    }

    fn tpdu<'p>(&self, payload: &'p [u8]) -> Result<(Option<Tpdu>, &'p [u8]), FrameError> {
        if !self.tpdu {
            return Ok((None, payload));
        }
        let (bytes, rest) = payload.split_first_chunk().ok_or(FrameError::BadTpdu)?;
        let tpdu = Tpdu::from_bytes(*bytes).ok_or(FrameError::BadTpdu)?;
        Ok((Some(tpdu), rest))
    }

    /// Appends a frame with the message to `out`. A framing with TPDU and no TPDU given writes
    /// `60 0000 0000`; one without TPDU ignores it.
    ///
    /// # Errors
    /// [`FrameError::Empty`], [`FrameError::TooLong`]; nothing is appended then.
    pub fn encode(
        &self,
        tpdu: Option<Tpdu>,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        if body.is_empty() {
            return Err(FrameError::Empty);
        }
        let length = body.len().saturating_add(self.overhead());
        if length > self.max {
            return Err(FrameError::TooLong);
        }
        self.kind.write(length, out)?;
        if self.tpdu {
            out.extend_from_slice(&tpdu.unwrap_or(Tpdu::new(0, 0)).0);
        }
        out.extend_from_slice(&self.header);
        out.extend_from_slice(body);
        Ok(())
    }
}

impl Kind {
    const fn width(self) -> usize {
        match self {
            Self::U16 | Self::U16Inclusive | Self::Bcd2 => 2,
            Self::Ascii4 | Self::U32 => 4,
        }
    }

    /// The longest payload the length can say.
    const fn largest(self) -> usize {
        match self {
            Self::U16 => 65_535,
            Self::U16Inclusive => 65_533,
            Self::Ascii4 | Self::Bcd2 => 9_999,
            Self::U32 => 0x7FFF_FFFF,
        }
    }

    /// The length of what follows; `None` until its bytes are there.
    fn read(self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        let length = match self {
            Self::U16 => buffer.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes))),
            Self::U16Inclusive => match buffer.first_chunk() {
                None => None,
                Some(bytes) => {
                    let length = usize::from(u16::from_be_bytes(*bytes));
                    Some(length.checked_sub(2).ok_or(FrameError::BadLength)?)
                }
            },
            Self::Ascii4 => {
                // A wrong digit is known as soon as it comes.
                let digits = buffer.get(..4).unwrap_or(buffer);
                let number = decimal(digits.iter().map(|byte| byte.wrapping_sub(b'0')))?;
                (digits.len() == 4).then_some(number)
            }
            Self::Bcd2 => {
                let digits = buffer.get(..2).unwrap_or(buffer);
                let number = decimal(digits.iter().flat_map(|byte| [byte >> 4, byte & 15]))?;
                (digits.len() == 2).then_some(number)
            }
            Self::U32 => match buffer.first_chunk() {
                None => None,
                Some(bytes) => {
                    let length = usize::try_from(u32::from_be_bytes(*bytes));
                    Some(length.map_err(|_| FrameError::TooLong)?)
                }
            },
        };
        Ok(length)
    }

    fn write(self, length: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let too_long = |_| FrameError::TooLong;
        match self {
            Self::U16 => out.extend(u16::try_from(length).map_err(too_long)?.to_be_bytes()),
            Self::U16Inclusive => {
                let length = u16::try_from(length.saturating_add(2)).map_err(too_long)?;
                out.extend(length.to_be_bytes());
            }
            Self::Ascii4 => out.extend(four_digits(length).map(|digit| b'0' + digit)),
            Self::Bcd2 => {
                let [a, b, c, d] = four_digits(length);
                out.extend([a << 4 | b, c << 4 | d]);
            }
            Self::U32 => out.extend(u32::try_from(length).map_err(too_long)?.to_be_bytes()),
        }
        Ok(())
    }
}

fn decimal(mut digits: impl Iterator<Item = u8>) -> Result<usize, FrameError> {
    digits.try_fold(0, |sum, digit| match digit {
        0..=9 => Ok(sum * 10 + usize::from(digit)),
        _ => Err(FrameError::BadLength),
    })
}

fn four_digits(number: usize) -> [u8; 4] {
    [1000, 100, 10, 1].map(|place| u8::try_from(number / place % 10).unwrap_or_default())
}
