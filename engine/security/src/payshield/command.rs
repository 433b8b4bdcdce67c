//! Host commands: the code of the question, the code of the answer and what both consist of.

use super::commands;
use super::field::{self, Field, WireError};
use super::values::Values;

/// A host command.
#[derive(Debug)]
pub struct Command {
    /// Two characters.
    pub code: &'static str,
    /// The answer's two characters: the second is one further in the alphabet.
    pub answer: &'static str,
    /// The code of a second answer, of commands that print.
    pub second_answer: Option<&'static str>,
    /// What it is for.
    pub what: &'static str,
    /// The fields of the question.
    pub request: &'static [Field],
    /// The fields of the answer after a code that means success.
    pub response: &'static [Field],
    /// Codes other than 00 that mean success and say something besides.
    pub warnings: &'static [&'static str],
}

impl Command {
    /// A command as most are: one answer, success is 00.
    pub(crate) const fn new(
        code: &'static str,
        answer: &'static str,
        what: &'static str,
        request: &'static [Field],
        response: &'static [Field],
    ) -> Self {
        Self { code, answer, second_answer: None, what, request, response, warnings: &[] }
    }

    /// The same where these codes mean success, too.
    pub(crate) const fn warns(mut self, codes: &'static [&'static str]) -> Self {
        self.warnings = codes;
        self
    }

    /// The same with a second answer.
    pub(crate) const fn then(mut self, code: &'static str) -> Self {
        self.second_answer = Some(code);
        self
    }

    /// The command with this code.
    #[must_use]
    pub fn by_code(code: &[u8]) -> Option<&'static Self> {
        commands::all().find(|command| command.code.as_bytes() == code)
    }

    /// The command that is answered with this code.
    #[must_use]
    pub fn by_answer(code: &[u8]) -> Option<&'static Self> {
        let is_it = |answer: &str| answer.as_bytes() == code;
        commands::all()
            .find(|command| is_it(command.answer) || command.second_answer.is_some_and(is_it))
    }

    /// All commands.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        commands::all()
    }

    /// Writes the question: code and fields.
    ///
    /// # Errors
    /// [`WireError`] for a value that is missing or does not fit.
    pub fn write_request(&self, values: &Values, out: &mut Vec<u8>) -> Result<(), WireError> {
        out.extend_from_slice(self.code.as_bytes());
        field::write(self.request, values, out)
    }

    /// Reads the fields of the question, from behind the code.
    ///
    /// # Errors
    /// [`WireError`] naming the field that is not as it should be.
    pub fn read_request(&self, bytes: &[u8]) -> Result<Values, WireError> {
        field::read(self.request, bytes)
    }

    /// Writes an answer: its code, the result and, after success, the fields.
    ///
    /// # Errors
    /// [`WireError`] for a value that is missing or does not fit.
    pub fn write_response(
        &self,
        result: ResultCode,
        values: &Values,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        out.extend_from_slice(self.answer.as_bytes());
        out.extend_from_slice(&result.0);
        if self.means_success(result) { field::write(self.response, values, out) } else { Ok(()) }
    }

    /// Reads an answer's result and fields, from behind its code. What follows an error (some
    /// commands add a diagnosis) is not looked at.
    ///
    /// # Errors
    /// [`WireError`] naming the field that is not as it should be.
    pub fn read_response(&self, bytes: &[u8]) -> Result<Response, WireError> {
        let cut = WireError { field: "error code", why: "cut short" };
        let (code, fields) = bytes.split_at_checked(2).ok_or(cut)?;
        let result = ResultCode([code.first().copied().ok_or(cut)?, code[1]]);
        if !result.0.iter().all(u8::is_ascii_alphanumeric) {
            return Err(WireError { field: "error code", why: "wrong characters" });
        }
        let is_success = self.means_success(result);
        let values = if is_success { field::read(self.response, fields)? } else { Values::new() };
        Ok(Response { result, is_success, values })
    }

    fn means_success(&self, result: ResultCode) -> bool {
        result == ResultCode::OK || self.warnings.iter().any(|code| code.as_bytes() == result.0)
    }
}

/// The two characters that every answer begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultCode(pub [u8; 2]);

impl ResultCode {
    /// Done.
    pub const OK: Self = Self(*b"00");
    /// What was to be verified is wrong.
    pub const WRONG: Self = Self(*b"01");
    /// The parity of the (first) key is wrong: it is not a key under this master key.
    pub const SOURCE_KEY_PARITY: Self = Self(*b"10");
    /// The parity of the second key is wrong.
    pub const DESTINATION_KEY_PARITY: Self = Self(*b"11");
    /// The message is not as the command wants it.
    pub const INPUT: Self = Self(*b"15");
    /// What decrypted is not a PIN block.
    pub const PIN_BLOCK: Self = Self(*b"20");
    /// The account number is not one.
    pub const ACCOUNT: Self = Self(*b"22");
    /// The format code is not one.
    pub const PIN_BLOCK_FORMAT: Self = Self(*b"23");
    /// A PIN of less than four or more than twelve digits.
    pub const PIN_LENGTH: Self = Self(*b"24");
    /// The decimalisation table is not one.
    pub const DECIMALISATION: Self = Self(*b"25");
    /// The key scheme is not one or not for this.
    pub const KEY_SCHEME: Self = Self(*b"26");
    /// The key's length is not for this.
    pub const KEY_LENGTH: Self = Self(*b"27");
    /// The key's type is not one or not for this.
    pub const KEY_TYPE: Self = Self(*b"28");
    /// The key may not be used like that.
    pub const NOT_PERMITTED: Self = Self(*b"29");
    /// The module itself is broken.
    pub const INTERNAL: Self = Self(*b"41");
    /// There is no such command, or it is switched off.
    pub const DISABLED: Self = Self(*b"68");
    /// Data of a length that is not allowed.
    pub const DATA_LENGTH: Self = Self(*b"80");

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// What it says.
    pub result: ResultCode,
    /// Whether that is a success, so that there are values.
    pub is_success: bool,
    /// The fields.
    pub values: Values,
}
