//! Which DE 39 each outcome gets on a link: data, since codes 70 to 89 mean different things on
//! different networks.
//!
//! A table is total: every outcome has a code. A file names all of them, or a shipped table as its
//! base and what differs. No decline may have a code that an approval has.

use crate::codes_file;
use authorization::{Decision, ResultCode};
use core::fmt;
use iso8583::{BuildError, Dialect, MessageBuilder};
use payment_types::{Mti, ResponseCode};
use std::sync::LazyLock;
use thiserror::Error;

/// DE 39 for every outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTable {
    pub(crate) name: String,
    pub(crate) edition: Edition,
    pub(crate) diagnostic_element: u8,
    /// By the position of the outcome in [`ResultCode::ALL`].
    pub(crate) codes: Vec<ResponseCode>,
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
    /// The codes of one edition for a dialect of another.
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

/// Whose codes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Two characters.
    Of1987,
    /// Action codes of three digits.
    Of1993,
    /// Action codes of four digits.
    Of2003,
}

impl Edition {
    /// The edition of a dialect's version digit.
    const fn of(version: u8) -> Self {
        match version {
            0 => Self::Of1987,
            1 => Self::Of1993,
            _ => Self::Of2003,
        }
    }
}

static ISO87: LazyLock<CodeTable> =
    LazyLock::new(|| shipped(include_str!("../codes/iso87.toml"), "iso87.toml"));
static ISO93: LazyLock<CodeTable> =
    LazyLock::new(|| shipped(include_str!("../codes/iso93.toml"), "iso93.toml"));

static ISO2003: LazyLock<CodeTable> =
    LazyLock::new(|| shipped(include_str!("../codes/iso2003.toml"), "iso2003.toml"));

/// A shipped table; a test reads them all, so that a wrong one is never built.
fn shipped(text: &str, name: &str) -> CodeTable {
    match CodeTable::from_toml(text, name) {
        Ok(table) => table,
        Err(errors) => unreachable!("a shipped table is wrong: {errors}"),
    }
}

impl CodeTable {
    /// The default table of an edition: 0 for 1987, 1 for 1993, above for 2003.
    #[must_use]
    pub fn default_for(version: u8) -> Self {
        Self::shipped_for(Edition::of(version)).clone()
    }

    pub(crate) fn shipped_for(edition: Edition) -> &'static Self {
        match edition {
            Edition::Of1987 => &ISO87,
            Edition::Of1993 => &ISO93,
            Edition::Of2003 => &ISO2003,
        }
    }

    /// Reads a table. `source` names it in errors.
    ///
    /// # Errors
    /// All that is wrong: unknown causes, codes of the wrong shape, outcomes without a code, a
    /// decline with an approval's code.
    pub fn from_toml(text: &str, source: &str) -> Result<Self, CodeTableErrors> {
        codes_file::read(text, source)
    }

    /// Whether a link of this dialect can use the table: its codes are of the dialect's edition and
    /// fit DE 39.
    ///
    /// # Errors
    /// [`CodeTableMisfit`].
    pub fn check_for(&self, dialect: &Dialect) -> Result<(), CodeTableMisfit> {
        if self.edition != Edition::of(dialect.version()) {
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
    /// edition gives what it has for the first decline with that code. It never makes a decline
    /// look like an approval.
    #[must_use]
    pub fn of_decision(&self, decision: &Decision) -> ResponseCode {
        let own = self.code(decision.result);
        let Some(named) = decision.code_override.filter(|_| !decision.result.is_approval()) else {
            return own;
        };
        let code = match self.edition {
            Edition::Of1987 => named,
            _ => ResultCode::ALL
                .iter()
                .find(|result| !result.is_approval() && result.code() == named.as_str())
                .map_or(own, |result| self.code(*result)),
        };
        if self.is_approval(code) { own } else { code }
    }

    pub(crate) fn is_approval(&self, code: ResponseCode) -> bool {
        ResultCode::ALL.iter().any(|result| result.is_approval() && self.code(*result) == code)
    }
}
