//! How commands travel over TCP: two bytes of length, a header that comes back as it was, the
//! command's code, its fields. The header's length is a setting of the module.

use super::field::WireError;

/// The longest message there is: its length has two bytes.
pub const LENGTH_MAX: usize = 0xFFFF;

/// Puts length and header before a command or an answer.
///
/// # Errors
/// [`WireError`] if the message would be longer than its length can say.
pub fn encode(header: &[u8], message: &[u8]) -> Result<Vec<u8>, WireError> {
    let length = header.len() + message.len();
    let length = u16::try_from(length)
        .map_err(|_| WireError { field: "message", why: "longer than 65535 bytes" })?;
    let mut frame = Vec::with_capacity(2 + usize::from(length));
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(header);
    frame.extend_from_slice(message);
    Ok(frame)
}

/// A message without its length, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'m> {
    /// What the answer repeats.
    pub header: &'m [u8],
    /// Two characters.
    pub code: &'m [u8],
    /// What the command or the answer consists of.
    pub fields: &'m [u8],
}

/// Takes a message apart.
///
/// # Errors
/// [`WireError`] if it is too short to have a header and a code.
pub fn split(message: &[u8], header_length: usize) -> Result<Parts<'_>, WireError> {
    let cut = WireError { field: "header", why: "cut short" };
    let (header, rest) = message.split_at_checked(header_length).ok_or(cut)?;
    let (code, fields) = rest.split_at_checked(2).ok_or(cut)?;
    Ok(Parts { header, code, fields })
}
