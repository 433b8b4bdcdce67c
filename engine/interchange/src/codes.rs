//! Which DE 39 each outcome gets on a link: data, since codes 70 to 89 mean different things on
//! different networks.
//!
//! A table is total: every outcome has a code. A file names all of them, or a shipped table as its
//! base and what differs. No decline may have a code that an approval has.

use authorization::{Decision, ResultCode};
use core::fmt;
use iso8583::{BuildError, Dialect, MessageBuilder};
use payment_types::{Mti, ResponseCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use thiserror::Error;
use toml::Spanned;

/// DE 39 for every outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTable {
    name: String,
    edition: Edition,
    diagnostic_element: u8,
    /// By the position of the outcome in [`ResultCode::ALL`].
    codes: Vec<ResponseCode>,
}

/// What is wrong with a table file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{source_name}:{line}: {message}")]
pub struct CodeTableError {
    /// The file.
    pub source_name: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, for people.
    pub message: String,
}

/// All that is wrong with a table file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTableErrors(pub Vec<CodeTableError>);

impl fmt::Display for CodeTableErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CodeTableErrors {}

/// Why a table is not for a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodeTableMisfit {
    /// Two-character codes for a dialect of 1993 or 2003, or the other way round.
    #[error("the codes are of another edition than the dialect")]
    Edition,
    /// A code that DE 39 of the dialect cannot carry.
    #[error("code {code}: {error}")]
    Code {
        /// Which.
        code: ResponseCode,
        /// Why.
        error: BuildError,
    },
}

/// Any message type serves for trying out whether codes fit.
const NETWORK_ANSWER: Mti = match Mti::from_digits([0, 8, 1, 0]) {
    Ok(mti) => mti,
    Err(_) => panic!("0810 is four digits"),
};

/// Which edition's codes: two characters, or an action code of three or four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edition {
    Of1987,
    Of1993,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    base: Option<Spanned<String>>,
    edition: Option<Spanned<u16>>,
    diagnostic_element: Option<Spanned<u8>>,
    #[serde(default)]
    codes: BTreeMap<String, Spanned<String>>,
}

static ISO87: LazyLock<CodeTable> =
    LazyLock::new(|| shipped(include_str!("../codes/iso87.toml"), "iso87.toml"));
static ISO93: LazyLock<CodeTable> =
    LazyLock::new(|| shipped(include_str!("../codes/iso93.toml"), "iso93.toml"));

/// A shipped table; a test reads them all, so that a wrong one is never built.
fn shipped(text: &str, name: &str) -> CodeTable {
    match CodeTable::from_toml(text, name) {
        Ok(table) => table,
        Err(errors) => unreachable!("a shipped table is wrong: {errors}"),
    }
}

impl CodeTable {
    /// The default table of an edition: 0 for 1987, 1 and above for 1993 and 2003.
    #[must_use]
    pub fn default_for(version: u8) -> Self {
        if version == 0 { ISO87.clone() } else { ISO93.clone() }
    }

    /// Reads a table. `source` names it in errors.
    ///
    /// # Errors
    /// All that is wrong: unknown causes, codes of the wrong shape, outcomes without a code, a
    /// decline with an approval's code.
    pub fn from_toml(text: &str, source: &str) -> Result<Self, CodeTableErrors> {
        let mut reader = Reader { text, source, errors: Vec::new() };
        let table = reader.read();
        match table {
            Some(table) if reader.errors.is_empty() => Ok(table),
            _ => {
                reader.errors.sort_by_key(|error| error.line);
                Err(CodeTableErrors(reader.errors))
            }
        }
    }

    /// Whether a link of this dialect can use the table: the codes are of its edition and fit DE 39.
    ///
    /// # Errors
    /// [`CodeTableMisfit`].
    pub fn check_for(&self, dialect: &Dialect) -> Result<(), CodeTableMisfit> {
        if (self.edition == Edition::Of1987) != (dialect.version() == 0) {
            return Err(CodeTableMisfit::Edition);
        }
        let mut builder = MessageBuilder::new(dialect, NETWORK_ANSWER);
        for code in &self.codes {
            let text = code.as_str().as_bytes();
            builder
                .set_text(39, text)
                .map_err(|error| CodeTableMisfit::Code { code: *code, error })?;
        }
        Ok(())
    }

    /// The table's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the answer to a malformed message names the element: DE 44, or the dialect's own.
    #[must_use]
    pub const fn diagnostic_element(&self) -> u8 {
        self.diagnostic_element
    }

    /// DE 39 for an outcome.
    #[must_use]
    pub fn code(&self, result: ResultCode) -> ResponseCode {
        self.codes.get(result as usize).copied().unwrap_or_default()
    }

    /// DE 39 for a decision. The code that a limit names (LIM-1) is one of 1987; a table of a later
    /// edition gives what it has for the first decline with that code. It never makes a decline look
    /// like an approval.
    #[must_use]
    pub fn of_decision(&self, decision: &Decision) -> ResponseCode {
        let own = self.code(decision.result);
        let Some(named) = decision.code_override.filter(|_| !decision.result.is_approval()) else {
            return own;
        };
        let code = match self.edition {
            Edition::Of1987 => named,
            Edition::Of1993 => ResultCode::ALL
                .iter()
                .find(|result| !result.is_approval() && result.code() == named.as_str())
                .map_or(own, |result| self.code(*result)),
        };
        if self.is_approval(code) { own } else { code }
    }

    fn is_approval(&self, code: ResponseCode) -> bool {
        ResultCode::ALL.iter().any(|result| result.is_approval() && self.code(*result) == code)
    }
}

/// Reads a table and notes all that is wrong.
struct Reader<'a> {
    text: &'a str,
    source: &'a str,
    errors: Vec<CodeTableError>,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<CodeTable> {
        let source: Source = match toml::from_str(self.text) {
            Ok(source) => source,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.error(at, error.message().to_owned());
                return None;
            }
        };
        let base = self.base(&source)?;
        let edition = self.edition(&source, base)?;
        let mut codes = base.map_or_else(
            || vec![None; ResultCode::ALL.len()],
            |base| base.codes.iter().copied().map(Some).collect(),
        );
        let mut places = BTreeMap::new();
        for (name, code) in &source.codes {
            let at = code.span().start;
            let Some(result) = ResultCode::ALL.iter().find(|result| result.name() == name) else {
                self.unknown(at, name);
                continue;
            };
            if let (Some(code), Some(place)) =
                (self.response_code(at, edition, code.get_ref()), codes.get_mut(*result as usize))
            {
                *place = Some(code);
                places.insert(result.name(), at);
            }
        }
        let diagnostic_element = self.diagnostic(&source, base);
        let codes = self.whole(&codes, &source)?;
        let table = CodeTable { name: source.name, edition, diagnostic_element, codes };
        self.approvals_apart(&table, &places);
        Some(table)
    }

    fn base(&mut self, source: &Source) -> Option<Option<&'static CodeTable>> {
        let Some(base) = &source.base else { return Some(None) };
        match base.get_ref().as_str() {
            "iso87" => Some(Some(&ISO87)),
            "iso93" => Some(Some(&ISO93)),
            other => {
                let message = format!("base {other:?} is neither \"iso87\" nor \"iso93\"");
                self.error(base.span().start, message);
                None
            }
        }
    }

    fn edition(&mut self, source: &Source, base: Option<&CodeTable>) -> Option<Edition> {
        let told = match &source.edition {
            None => None,
            Some(edition) => match edition.get_ref() {
                1987 => Some(Edition::Of1987),
                1993 | 2003 => Some(Edition::Of1993),
                other => {
                    let message = format!("edition {other} is none of 1987, 1993, 2003");
                    self.error(edition.span().start, message);
                    return None;
                }
            },
        };
        match (told, base.map(|base| base.edition)) {
            (Some(told), Some(of_base)) if told != of_base => {
                let at = source.edition.as_ref().map_or(0, |edition| edition.span().start);
                self.error(at, "the edition is not that of the base".to_owned());
                None
            }
            (None, None) => {
                self.error(0, "name an edition (1987, 1993, 2003) or a base".to_owned());
                None
            }
            (told, of_base) => told.or(of_base),
        }
    }

    fn diagnostic(&mut self, source: &Source, base: Option<&CodeTable>) -> u8 {
        let Some(element) = &source.diagnostic_element else {
            return base.map_or(44, |base| base.diagnostic_element);
        };
        let number = *element.get_ref();
        let is_free = (43..=63).contains(&number) || (104..=127).contains(&number);
        if !is_free || matches!(number, 45 | 49..=55) {
            let message = format!("DE {number} cannot hold a diagnostic text");
            self.error(element.span().start, message);
        }
        number
    }

    fn response_code(&mut self, at: usize, edition: Edition, text: &str) -> Option<ResponseCode> {
        let fits = match edition {
            Edition::Of1987 => {
                text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
            Edition::Of1993 => {
                matches!(text.len(), 3 | 4) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
        };
        let code = ResponseCode::new(text).filter(|_| fits);
        if code.is_none() {
            let shape = match edition {
                Edition::Of1987 => "two letters or digits",
                Edition::Of1993 => "three or four digits",
            };
            self.error(at, format!("{text:?} is not {shape}"));
        }
        code
    }

    /// The codes of all outcomes, if none is left out.
    fn whole(
        &mut self,
        codes: &[Option<ResponseCode>],
        source: &Source,
    ) -> Option<Vec<ResponseCode>> {
        let whole: Option<Vec<_>> = codes.iter().copied().collect();
        if whole.is_none() {
            let missing: Vec<_> = ResultCode::ALL
                .iter()
                .zip(codes)
                .filter(|(result, code)| {
                    code.is_none() && !source.codes.contains_key(result.name())
                })
                .map(|(result, _)| result.name())
                .collect();
            if !missing.is_empty() {
                let at = self.text.find("[codes]").unwrap_or(0);
                let message = format!("no code for {}; or name a base", missing.join(", "));
                self.error(at, message);
            }
        }
        whole
    }

    fn approvals_apart(&mut self, table: &CodeTable, places: &BTreeMap<&str, usize>) {
        for result in ResultCode::ALL.iter().filter(|result| !result.is_approval()) {
            let code = table.code(*result);
            if table.is_approval(code) {
                let name = result.name();
                let at = places.get(name).copied().unwrap_or(0);
                self.error(at, format!("{name} is a decline and {code} is an approval's code"));
            }
        }
    }

    fn unknown(&mut self, at: usize, name: &str) {
        let distance = |result: &&ResultCode| strsim::damerau_levenshtein(result.name(), name);
        let nearest = ResultCode::ALL.iter().min_by_key(distance);
        let hint = nearest
            .filter(|nearest| distance(nearest) <= 3)
            .map_or_else(String::new, |nearest| format!("; did you mean {}?", nearest.name()));
        self.error(at, format!("{name:?} is not an outcome{hint}"));
    }

    fn error(&mut self, at: usize, message: String) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        self.errors.push(CodeTableError { source_name: self.source.to_owned(), line, message });
    }
}
