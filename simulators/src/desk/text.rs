//! Text that must fit: cut with an ellipsis, or broken into lines between words.

/// At most `width` characters; what is cut off is told by an ellipsis.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { String::new() } else { kept + "…" }
}

/// Lines of at most `width` characters, broken between words where there are any.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut letters: Vec<char> = word.chars().collect();
        let fits = |line: &String| line.chars().count() + 1 + letters.len() <= width;
        if let Some(line) = lines.last_mut().filter(|line| fits(line)) {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        while letters.len() > width {
            lines.push(letters.drain(..width).collect());
        }
        if !letters.is_empty() {
            lines.push(letters.into_iter().collect());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_its_room() {
        assert_eq!(cut("reference number", 10), "reference…");
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("any", 0), "");
        assert_eq!(wrap("no answer within 10000 ms", 12), ["no answer", "within 10000", "ms"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert!(wrap("", 5).is_empty());
    }
}
