//! A test card as its issuer made it: what its chip computes, what is on its stripe and its back,
//! and what an access control server says of its holder.
//!
//! Everything is computed here from the issuer's test keys of the portfolio, as a personalisation
//! bureau, a chip and an ACS would, so that a host cannot tell these cards from real ones.

mod chip;
mod icc;
pub mod values;
mod wallet;
mod wish;

pub use chip::{ChipRecord, ScriptSeen};
pub(crate) use chip::{cryptogram_is_right, cryptogram_over, signing_key};
pub(crate) use icc::bcd;
pub use icc::{Family, IccFields, Reading};
pub use wallet::Wallet;
pub use wish::{ChipFault, ChipWish, CommerceWish, Proof, Proofs, Says};

#[cfg(test)]
pub(crate) mod tests;
