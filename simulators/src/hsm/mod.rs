//! A payment HSM that speaks payShield's host commands, for tests and for learning.
//!
//! It holds the published test master keys (variant scheme), so every key under them that another
//! such module in test mode made works here, and nothing under them is secret. It checks framing
//! and fields strictly, refuses with the codes of the real one, and makes "random" keys from a
//! seed, so that a run can be repeated. It can be told to be slow or to misbehave.
//!
//! The layouts come from the same table as the engine's client, which the conformance vectors hold
//! to what another client sends; what is computed comes from `cryptography`, held by vectors too.

mod cards;
mod exchange;
mod faults;
mod keys;
mod messages;
mod pins;
mod server;

pub use faults::{Control, Misbehaviour};
pub use server::{Hsm, Options, Running};

use keys::Vault;
use security::payshield::{Command, ResultCode, Values, frame};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the module says its firmware is.
const FIRMWARE: &str = "TAMGA-0001";

/// The module itself: what it answers to a message, without any sockets.
pub struct Machine {
    header_length: usize,
    vault: Vault,
    commands: AtomicU64,
}

/// What carrying a command out comes to.
type Answered = Result<Answer, ResultCode>;

struct Answer {
    result: ResultCode,
    values: Values,
}

impl Answer {
    fn with(values: Values) -> Answered {
        Ok(Self { result: ResultCode::OK, values })
    }

    fn done() -> Answered {
        Self::with(Values::new())
    }

    /// Of a verification.
    fn verified(is_right: bool) -> Answered {
        if is_right { Self::done() } else { Err(ResultCode::WRONG) }
    }
}

impl Machine {
    /// A module whose keys come from this seed.
    #[must_use]
    pub fn new(header_length: usize, seed: u64) -> Self {
        Self { header_length, vault: Vault::new(seed), commands: AtomicU64::new(0) }
    }

    /// How many commands were answered.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    /// The answer to a message, both without length; `None` for one too short to have a header and
    /// a code, which the real one does not answer either.
    #[must_use]
    pub fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let parts = frame::split(message, self.header_length).ok()?;
        self.commands.fetch_add(1, Ordering::Relaxed);
        let mut answer = parts.header.to_vec();
        let Some(command) = Command::by_code(parts.code) else {
            answer.extend_from_slice(&unknown(parts.code));
            return Some(answer);
        };
        let carried_out = match command.read_request(parts.fields) {
            Ok(values) => self.carry_out(command.code, &values),
            Err(_) => Err(ResultCode::INPUT),
        };
        let (result, values) = match carried_out {
            Ok(Answer { result, values }) => (result, values),
            Err(result) => (result, Values::new()),
        };
        let start = answer.len();
        if command.write_response(result, &values, &mut answer).is_err() {
            answer.truncate(start);
            answer.extend_from_slice(command.answer.as_bytes());
            answer.extend_from_slice(&ResultCode::INTERNAL.0);
        }
        Some(answer)
    }

    fn carry_out(&self, code: &str, values: &Values) -> Answered {
        let vault = &self.vault;
        match code {
            "NC" => Answer::with(
                Values::new()
                    .with("lmk_check_value", security::payshield::lmk::TEST_LMK_CHECK_VALUE)
                    .with("firmware", FIRMWARE),
            ),
            "B2" => Answer::with(values.clone()),
            "A0" => exchange::generate(vault, values),
            "A6" => exchange::import(vault, values),
            "A8" => exchange::export(vault, values),
            "BU" => exchange::check_value(vault, values),
            "DC" | "EC" => pins::verify_pvv(vault, values, code == "EC"),
            "DA" | "EA" => pins::verify_offset(vault, values, code == "EA"),
            "GQ" => pins::verify_dukpt_pvv(vault, values),
            "GO" => pins::verify_dukpt_offset(vault, values),
            "FW" => pins::make_pvv(vault, values),
            "BK" => pins::make_offset(vault, values),
            "CU" => pins::change_pvv(vault, values),
            "DU" => pins::change_offset(vault, values),
            "CA" => pins::translate_terminal(vault, values),
            "CC" => pins::translate_zone(vault, values),
            "G0" => pins::translate_dukpt(vault, values),
            "CW" => cards::make_cvv(vault, values),
            "CY" => cards::verify_cvv(vault, values),
            "KQ" => cards::cryptogram(vault, values),
            "KW" => cards::cryptogram_emv4(vault, values),
            "KU" => cards::script_mac(vault, values),
            "M6" => messages::make(vault, values),
            "M8" => messages::verify(vault, values),
            "GW" => messages::dukpt(vault, values),
            _ => Err(ResultCode::DISABLED),
        }
    }
}

/// The answer to a code that is none: its second character one further, and "no such command".
fn unknown(code: &[u8]) -> Vec<u8> {
    let (first, second) = match code {
        [first, second] => (*first, second.wrapping_add(1)),
        _ => (b'?', b'?'),
    };
    [&[first, second], &ResultCode::DISABLED.0[..]].concat()
}
