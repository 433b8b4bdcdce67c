//! Writing TLV data into a buffer that is used again and again.

use crate::Tag;
use thiserror::Error;

/// Appends data objects to a buffer, lengths in the shortest form.
pub struct TlvBuilder<'o> {
    out: &'o mut Vec<u8>,
}

/// Why a data object cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The value does not fit a four-byte length.
    #[error("value of more than 4 GiB")]
    TooLong,
    /// Data objects can only be put into a template.
    #[error("tag {0} is not a template")]
    NotATemplate(Tag),
}

impl<'o> TlvBuilder<'o> {
    /// Appends to what the buffer already holds.
    pub const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Appends one data object. The value of a template is taken as it is.
    ///
    /// # Errors
    /// [`BuildError::TooLong`].
    pub fn push(&mut self, tag: Tag, value: &[u8]) -> Result<&mut Self, BuildError> {
        let mut room = [0; 5];
        let length = length_bytes(value.len(), &mut room)?;
        self.push_tag(tag);
        self.out.extend_from_slice(length);
        self.out.extend_from_slice(value);
        Ok(self)
    }

    /// Appends a template that holds what `fill` puts into it.
    ///
    /// # Errors
    /// [`BuildError::NotATemplate`], and those of `fill`; then the buffer is as it was.
    pub fn template(
        &mut self,
        tag: Tag,
        fill: impl FnOnce(&mut TlvBuilder<'_>) -> Result<(), BuildError>,
    ) -> Result<&mut Self, BuildError> {
        if !tag.is_constructed() {
            return Err(BuildError::NotATemplate(tag));
        }
        let start = self.out.len();
        self.push_tag(tag);
        let begin = self.out.len();
        let mut room = [0; 5];
        let filled = fill(&mut TlvBuilder { out: self.out })
            .and_then(|()| length_bytes(self.out.len() - begin, &mut room));
        match filled {
            Ok(length) => drop(self.out.splice(begin..begin, length.iter().copied())),
            Err(error) => {
                self.out.truncate(start);
                return Err(error);
            }
        }
        Ok(self)
    }

    fn push_tag(&mut self, tag: Tag) {
        let mut room = [0; 4];
        let len = tag.bytes(&mut room);
        self.out.extend(room.iter().take(len));
    }
}

/// The shortest definite form (ISO/IEC 8825-1 8.1.3): up to 127 in one byte, else a count of bytes
/// and the bytes.
fn length_bytes(length: usize, room: &mut [u8; 5]) -> Result<&[u8], BuildError> {
    let [a, b, c, d] = u32::try_from(length).map_err(|_| BuildError::TooLong)?.to_be_bytes();
    let from = match length {
        0..=0x7F => {
            *room = [0, 0, 0, 0, d];
            4
        }
        0x80..=0xFF => {
            *room = [0, 0, 0, 0x81, d];
            3
        }
        0x100..=0xFFFF => {
            *room = [0, 0, 0x82, c, d];
            2
        }
        0x1_0000..=0xFF_FFFF => {
            *room = [0, 0x83, b, c, d];
            1
        }
        _ => {
            *room = [0x84, a, b, c, d];
            0
        }
    };
    Ok(room.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, bytes) in [
            (0, "00"),
            (127, "7f"),
            (128, "8180"),
            (255, "81ff"),
            (256, "820100"),
            (65_535, "82ffff"),
            (65_536, "83010000"),
            (1 << 24, "8401000000"),
        ] {
            assert_eq!(hex::encode(length_bytes(length, &mut [0; 5]).unwrap()), bytes);
        }
        assert!(length_bytes(1 << 32, &mut [0; 5]).is_err());
    }

    #[test]
    fn templates_get_their_length_afterwards() {
        let mut out = b"x".to_vec();
        let mut builder = TlvBuilder::new(&mut out);
        let script = Tag::ISSUER_SCRIPT_1;
        builder.push(Tag::AUTHORISATION_RESPONSE_CODE, b"00").unwrap();
        let long = [0; 200];
        let filled = builder.template(script, |inner| {
            inner
                .push(Tag::new(0x9F18).unwrap(), &[1, 2, 3, 4])?
                .push(Tag::new(0x86).unwrap(), &long)?;
            Ok(())
        });
        filled.unwrap().push(Tag::TVR, &[]).unwrap();
        let expected = format!("788a0230307181d29f18040102030486 81c8{}9500", "00".repeat(200));
        assert_eq!(hex::encode(&out), expected.replace(' ', ""));
    }

    #[test]
    fn a_failed_template_leaves_nothing() {
        let mut out = vec![1];
        let mut builder = TlvBuilder::new(&mut out);
        let error = BuildError::NotATemplate(Tag::TVR);
        let inner = builder.template(Tag::ISSUER_SCRIPT_2, |inner| {
            inner.push(Tag::ATC, &[0, 1])?.template(Tag::TVR, |_| Ok(()))?;
            Ok(())
        });
        assert_eq!(inner.err(), Some(error));
        assert_eq!(out, [1]);
    }
}
