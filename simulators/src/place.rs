//! Where in a file something is wrong: line and column as an editor counts them, and the known
//! name that was probably meant.

use crate::SimError;
use std::path::Path;

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Place {
    /// Of the byte at `offset` of a text; past its end, of the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |part| part.chars().count());
        Self { line: before.matches('\n').count() + 1, column: column + 1 }
    }
}

/// `file:line:column: cause`.
#[must_use]
pub fn wrong_at(path: &Path, place: Place, cause: &str) -> SimError {
    SimError::Setting(format!("{}:{place}: {cause}", path.display()))
}

/// The known name nearest to one that was mistyped, if one is near enough to have been meant.
#[must_use]
pub fn nearest<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let (found, most) = (found.to_lowercase(), (found.chars().count() / 3).max(1));
    names
        .map(|name| (strsim::damerau_levenshtein(&found, name), name))
        .filter(|(slips, name)| *slips <= most || (found.len() >= 3 && name.starts_with(&found)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// What serde says of a name it does not know, said shorter and with what was probably meant; any
/// other message as it is.
#[must_use]
pub fn with_suggestion(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown ") else { return message.to_owned() };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let Some(found) = quoted.next() else { return message.to_owned() };
    let known: Vec<&str> = quoted.collect();
    let kind = if rest.starts_with("variant") { "word" } else { "key" };
    match nearest(found, known.iter().copied()) {
        Some(name) => format!("unknown {kind} `{found}` (did you mean `{name}`?)"),
        None => format!("unknown {kind} `{found}`; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_an_editor_does() {
        let text = "one\nдва = x\n";
        let at = |offset| (Place::of(text, offset).line, Place::of(text, offset).column);
        assert_eq!((at(0), at(3), at(4)), ((1, 1), (1, 4), (2, 1)));
        let x = text.find('x').unwrap();
        assert_eq!(at(x), (2, 7), "characters, not bytes");
        assert_eq!(at(999), (3, 1));
    }

    #[test]
    fn what_was_meant_is_said() {
        let said = "unknown field `cdoe`, expected one of `code`, `delay`, `drop`";
        assert_eq!(with_suggestion(said), "unknown key `cdoe` (did you mean `code`?)");
        let said = "unknown field `zebra`, expected `code` or `drop`";
        assert_eq!(with_suggestion(said), "unknown key `zebra`; there are code, drop");
        let said = "unknown variant `ecko`, expected one of `echo`, `sign-on`";
        assert_eq!(with_suggestion(said), "unknown word `ecko` (did you mean `echo`?)");
        assert_eq!(with_suggestion("missing field `message`"), "missing field `message`");
    }
}
