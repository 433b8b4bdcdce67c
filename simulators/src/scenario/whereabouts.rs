//! Where in a scenario file something stands: for errors, and for steps that come out otherwise.

use crate::place::{Place, with_suggestion};

/// The steps of a document: where each begins, and its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// Empty where steps are not written one below the other.
    steps: Vec<(Place, String)>,
}

impl Whereabouts {
    /// Of a document behind as many lines as stand before it in its file.
    pub(super) fn of(text: &str, count: usize) -> Self {
        let mut steps: Vec<(Place, String)> = Vec::new();
        let mut indent = None;
        let lines = text.lines().zip(1..).skip_while(|(line, _)| line.trim_end() != "steps:");
        for (line, number) in lines.skip(1) {
            let trimmed = line.trim_start();
            let depth = line.len() - trimmed.len();
            if trimmed.starts_with("- ") && *indent.get_or_insert(depth) == depth {
                steps.push((Place { line: number, column: depth + 1 }, String::new()));
            }
            if let Some((_, text)) = steps.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        if steps.len() != count {
            steps.clear();
        }
        Self { steps }
    }

    /// Where a step begins; counted from 0.
    #[must_use]
    pub fn step(&self, at: usize) -> Option<Place> {
        self.steps.get(at).map(|(place, _)| *place)
    }

    /// Where in a step the cause of an error stands: the first value the error quotes, else the
    /// step's beginning.
    #[must_use]
    pub fn trouble(&self, at: usize, cause: &str) -> Option<Place> {
        let (start, text) = self.steps.get(at)?;
        let quoted = cause.split(['"', '`']).skip(1).step_by(2).filter(|word| !word.is_empty());
        let offset = quoted.filter_map(|word| text.find(word)).next();
        let Some(offset) = offset else { return Some(*start) };
        let Place { line, column } = Place::of(text, offset);
        Some(Place { line: start.line + line - 1, column })
    }
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub place: Option<Place>,
    pub cause: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.cause),
            None => f.write_str(&self.cause),
        }
    }
}

impl Wrong {
    /// What the YAML reader says of a text, with the place of the key or value that it names.
    pub(super) fn of_yaml(text: &str, error: &serde_yaml_ng::Error) -> Self {
        let said = error.to_string();
        let Some(location) = error.location() else { return Self { place: None, cause: said } };
        let mut place = Place { line: location.line(), column: location.column() };
        let end = format!(" at line {} column {}", place.line, place.column);
        let said = said.replace(&end, "");
        // `steps[0].send: ` says less than the place does.
        let cause = match said.split_once(": ") {
            Some((path, rest)) if !path.contains(' ') => rest,
            _ => said.as_str(),
        };
        let named = cause.split(['`', '"']).nth(1).filter(|name| !name.is_empty());
        if let Some(name) = named {
            let offset = text.lines().take(place.line.saturating_sub(1)).map(|line| line.len() + 1);
            let from: usize = offset.sum();
            let found = text.get(from..).and_then(|rest| find_word(rest, name));
            place = found.map_or(place, |at| Place::of(text, from + at));
        }
        Self { place: Some(place), cause: with_suggestion(cause) }
    }
}

/// Where a word stands that is no part of another.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: n\nsteps:\n  - send: {terminal: T, card: K9}\n    \
                        expect: {code: \"00\"}\n  - at: x\n";

    #[test]
    fn steps_and_what_is_wrong_in_them_have_places() {
        let places = Whereabouts::of(TEXT, 2);
        let at = |line, column| Some(Place { line, column });
        assert_eq!((places.step(0), places.step(1)), (at(3, 3), at(5, 3)));
        assert_eq!(places.trouble(0, "card \"K9\" is not in the portfolio"), at(3, 31));
        assert_eq!(places.trouble(0, "code \"00\""), at(4, 21));
        assert_eq!(places.trouble(1, "no reason"), at(5, 3));
        assert_eq!(places.trouble(9, "no reason"), None);
        assert_eq!(Whereabouts::of(TEXT, 3).step(0), None, "not written one below the other");
    }

    #[test]
    fn a_word_is_found_by_itself() {
        assert_eq!(find_word("codes: 1, code: 2", "code"), Some(10));
        assert_eq!(find_word("codes", "code"), None);
    }
}
