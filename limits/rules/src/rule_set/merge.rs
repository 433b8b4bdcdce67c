//! Laying one rule set's text over another's.

use super::RuleError;
use super::error::Place;
use toml::{Table, Value};

/// The text of `base` with that of `over` laid over it: tables merge, everything else, arrays too,
/// is replaced. Comments are lost.
///
/// # Errors
/// The first place where one of the two is no TOML; its file is called `base` or `over`.
pub fn merge_toml(base: &str, over: &str) -> Result<String, RuleError> {
    let mut merged = read(base, "base")?;
    lay_over(&mut merged, read(over, "over")?);
    toml::to_string(&merged).map_err(|error| RuleError {
        file: "over".to_owned(),
        line: 1,
        column: 1,
        key: String::new(),
        message: error.to_string(),
        clause: None,
    })
}

fn read(text: &str, file: &str) -> Result<Table, RuleError> {
    text.parse::<Table>().map_err(|error| {
        let Place { line, column } = Place::of(text, error.span().map_or(0, |span| span.start));
        let (file, message) = (file.to_owned(), error.message().to_owned());
        RuleError { file, line, column, key: String::new(), message, clause: None }
    })
}

fn lay_over(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_merge_and_arrays_replace() {
        let base = "version = \"a\"\n[[edition]]\nname = \"x\"\n[[edition]]\nname = \"y\"\n\
                    [calendar]\nholidays = [2026-01-01, 2026-01-07]\n[c]\nkept = 1\nchanged = 2\n";
        let over = "[[edition]]\nname = \"z\"\n[calendar]\nholidays = [2027-01-01]\n\
                    [c]\nchanged = 3\n[d]\nnew = true\n";
        let merged: Table = merge_toml(base, over).unwrap().parse().unwrap();
        let expected = "version = \"a\"\n[[edition]]\nname = \"z\"\n\
                        [calendar]\nholidays = [2027-01-01]\n\
                        [c]\nkept = 1\nchanged = 3\n[d]\nnew = true\n";
        assert_eq!(merged, expected.parse::<Table>().unwrap());
        let error = merge_toml("a = 1", "\nb = ").unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("over", 2));
    }
}
