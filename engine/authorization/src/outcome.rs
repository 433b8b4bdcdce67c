//! What a command's outcome says about money and messages, whatever the command: for the read
//! model, `tamga verify` and tests, which book every kind the same way.

use crate::{Done, Notice, Outcome};
use ledger::Transfer;

impl Done {
    /// The money it moved, in order. The opening balances of an import are in its command.
    #[must_use]
    pub fn transfers(&self) -> &[Transfer] {
        match self {
            Self::Credited { transfers, .. } => transfers,
            Self::Day(part) => &part.transfers,
            Self::Disputes(done) => &done.transfers,
            Self::Retired { transfers } => transfers,
            Self::RulesInstalled { .. }
            | Self::ImportStaged
            | Self::Imported { .. }
            | Self::Blocked
            | Self::Unblocked
            | Self::Exempted { .. }
            | Self::Looked
            | Self::Erased { .. }
            | Self::StopListChanged(_)
            | Self::Arrested
            | Self::ArrestLifted
            | Self::CardSet
            | Self::RatesLoaded { .. }
            | Self::TerminalKeySet
            | Self::KeyNoted(_)
            | Self::Access(_)
            | Self::Order(_)
            | Self::UnauthenticNoted
            | Self::HoldsExpired { .. } => &[],
        }
    }

    /// What customers are to be told of it.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        match self {
            Self::Day(part) => &part.notices,
            Self::Disputes(done) => &done.notices,
            Self::RulesInstalled { .. }
            | Self::ImportStaged
            | Self::Imported { .. }
            | Self::Blocked
            | Self::Unblocked
            | Self::Exempted { .. }
            | Self::Looked
            | Self::Erased { .. }
            | Self::StopListChanged(_)
            | Self::Arrested
            | Self::ArrestLifted
            | Self::Credited { .. }
            | Self::CardSet
            | Self::Retired { .. }
            | Self::RatesLoaded { .. }
            | Self::TerminalKeySet
            | Self::KeyNoted(_)
            | Self::Access(_)
            | Self::Order(_)
            | Self::UnauthenticNoted
            | Self::HoldsExpired { .. } => &[],
        }
    }
}

impl Outcome {
    /// Every transfer of it, in order (BAL-7).
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        let (decided, done): (_, &[Transfer]) = match self {
            Self::Decided(decided) => (Some(decided.movement.transfers.iter()), &[]),
            Self::Done(done) => (None, done.transfers()),
            Self::Refused(_) => (None, &[]),
        };
        decided.into_iter().flatten().chain(done)
    }

    /// What customers are to be told of it.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        let (decided, done): (_, &[Notice]) = match self {
            Self::Decided(decided) => (decided.notice.as_ref(), &[]),
            Self::Done(done) => (None, done.notices()),
            Self::Refused(_) => (None, &[]),
        };
        decided.into_iter().chain(done)
    }
}
