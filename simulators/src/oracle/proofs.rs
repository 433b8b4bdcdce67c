//! What proves an answer: its authentication code, and the issuer's cryptogram for the chip.

use super::lane::{Answered, Flight, JudgedLane, Purpose};
use super::request::{Act, Request};
use crate::card::Proof;
use crate::exchange::Answer;
use crate::load::operation::Operation;
use crate::load::stats::Tally;
use std::time::Duration;

impl JudgedLane {
    /// What is wrong with the proofs of an answer: its MAC (SEC-5), the issuer's cryptogram for the
    /// chip (SEC-2).
    pub(super) fn unproven(
        &self,
        flight: &Flight,
        answer: &Answered,
        tally: &mut Tally,
    ) -> Option<String> {
        let Request { seals, act, operation, .. } = &*flight.request;
        if flight.purpose == Purpose::Garbage || !(seals.has_mac() || seals.has_chip()) {
            return None;
        }
        let given = Answer {
            mti: answer.mti,
            fields: answer.fields.clone(),
            body: answer.body.clone(),
            took: Duration::ZERO,
        };
        let verdict = match seals.judge(self.shop.endpoint.dialect(), &given) {
            Ok(verdict) => verdict,
            Err(error) => return Some(format!("the answer cannot be proven: {error}")),
        };
        if seals.has_mac() {
            tally.checks.proofs += 1;
            if verdict.mac != Proof::Right {
                return Some(format!(
                    "the answer's authentication code is {:?} (SEC-5)",
                    verdict.mac
                ));
            }
        }
        if !seals.has_chip() {
            return None;
        }
        let is_decided = matches!(act, Act::Debit(_) | Act::Hold | Act::Credit(_) | Act::Balance);
        let is_cloned = *operation == Operation::ClonedChip;
        tally.checks.proofs += u64::from(verdict.arpc == Proof::Right);
        let is_right = match verdict.arpc {
            Proof::Right => !is_cloned,
            Proof::None => is_cloned || !is_decided,
            Proof::Wrong => false,
        };
        let told = verdict.arpc;
        (!is_right).then(|| format!("the issuer's cryptogram for the chip is {told:?} (SEC-2)"))
    }
}
