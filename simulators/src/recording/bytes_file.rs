//! A recording from a file: a packet capture, lines of hex digits, or the bytes as they were.

use super::{Stream, packets};
use crate::SimError;
use std::path::Path;

/// More than anybody looks at; a wrong file should not fill the memory.
const LONGEST: u64 = 256 << 20;

/// Reads a recording. What kind of file it is, its first bytes tell.
///
/// # Errors
/// [`SimError::File`] if it can't be read, [`SimError::Setting`] if it is empty or damaged.
pub fn read(path: &Path) -> Result<Vec<Stream>, SimError> {
    let length = std::fs::metadata(path).map_err(SimError::file(path))?.len();
    if length > LONGEST {
        let cause = format!("{} is larger than {} MiB", path.display(), LONGEST >> 20);
        return Err(SimError::Setting(cause));
    }
    let bytes = std::fs::read(path).map_err(SimError::file(path))?;
    if bytes.is_empty() {
        return Err(SimError::Setting(format!("{} is empty", path.display())));
    }
    if let Some(format) = packets::format_of(&bytes) {
        return packets::streams(format, &bytes, path);
    }
    let name = path.display().to_string();
    Ok(hex_lines(&bytes, &name).unwrap_or_else(|| vec![Stream::new(name, bytes)]))
}

/// Lines of hex digits, each a piece of its own; blanks and colons between the digits are allowed,
/// and so are empty lines and those that begin with `#`. `None` if any line is something else.
fn hex_lines(bytes: &[u8], name: &str) -> Option<Vec<Stream>> {
    let text = core::str::from_utf8(bytes).ok()?;
    let mut streams = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let digits: String = line.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
        if digits.is_empty() || digits.starts_with('#') {
            continue;
        }
        streams.push(Stream::new(format!("{name}:{number}"), hex::decode(digits).ok()?));
    }
    (!streams.is_empty()).then_some(streams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_taken_for_hex_and_all_else_for_bytes() {
        let lines = hex_lines(b"# from the POS\n00 0C 30:32\n\n3030\n", "f").unwrap();
        let all: Vec<_> = lines.iter().map(|line| (&*line.name, line.bytes.len())).collect();
        assert_eq!(all, [("f:2", 4), ("f:4", 2)]);
        assert!(hex_lines(b"0800 is a message", "f").is_none());
        assert!(hex_lines(&[0x00, 0x0C, 0xFF], "f").is_none());
    }

    #[test]
    fn an_empty_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(read(file.path()).unwrap_err().to_string().ends_with("is empty"));
        assert!(read(Path::new("/nowhere/at/all")).is_err());
    }
}
