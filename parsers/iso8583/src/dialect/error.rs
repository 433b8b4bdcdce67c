//! What is wrong with a dialect file: everything at once, each with the file, the line and the key.

use super::source::Place;
use core::fmt;

/// One mistake in a dialect file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectError {
    source: String,
    line: usize,
    field: String,
    message: String,
}

impl DialectError {
    pub(super) fn new(place: &Place, field: String, message: String) -> Self {
        Self { source: place.source.to_string(), line: place.line, field, message }
    }

    /// The name of the file, as given when it was loaded (or of the shipped dialect it builds on).
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The key, such as `elements.35.format`; empty for a mistake in the file's form.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, field, message } = self;
        match field.as_str() {
            "" => write!(f, "{source}:{line}: {message}"),
            _ => write!(f, "{source}:{line}: {field}: {message}"),
        }
    }
}

/// Everything that is wrong with a dialect file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialectErrors(Vec<DialectError>);

impl DialectErrors {
    pub(super) fn push(&mut self, error: DialectError) {
        self.0.push(error);
    }

    /// The mistakes, by file and line.
    pub fn iter(&self) -> impl Iterator<Item = &DialectError> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_by(|a, b| (&a.source, a.line).cmp(&(&b.source, b.line)));
    }
}

impl fmt::Display for DialectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for DialectErrors {}
