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
    let found = tape_lines(&bytes, &name).or_else(|| hex_lines(&bytes, &name));
    Ok(found.unwrap_or_else(|| vec![Stream::new(name, bytes)]))
}

/// The messages of a tape of `tamga-sim capture`, each a piece of its own: it keeps no frames.
fn tape_lines(bytes: &[u8], name: &str) -> Option<Vec<Stream>> {
    let mut lines = core::str::from_utf8(bytes).ok()?.lines().zip(1..);
    let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
    read(lines.next()?.0)?.get("framing")?;
    let streams: Option<Vec<Stream>> = lines
        .map(|(line, number)| {
            let message = hex::decode(read(line)?.get("message")?.as_str()?).ok()?;
            Some(Stream::new(format!("{name}:{number}"), message))
        })
        .collect();
    streams.filter(|streams| !streams.is_empty())
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
    fn a_tape_is_its_messages_and_not_its_text() {
        let tape = "{\"framing\":\"u16be\",\"tpdu\":true}\n{\"message\":\"0800AB\"}\n";
        let lines = tape_lines(tape.as_bytes(), "t").unwrap();
        let all: Vec<_> = lines.iter().map(|line| (&*line.name, &*line.bytes)).collect();
        assert_eq!(all, [("t:2", &[0x08, 0x00, 0xAB][..])]);
        assert!(tape_lines(b"{\"framing\":\"u16be\"}\n", "t").is_none());
        assert!(tape_lines(b"3030\n", "t").is_none());
    }

    #[test]
    fn an_empty_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(read(file.path()).unwrap_err().to_string().ends_with("is empty"));
        assert!(read(Path::new("/nowhere/at/all")).is_err());
    }
}
