//! The proof that something is on stable storage, as types.
//!
//! Only a successful commit makes a [`Committed`], and only with it can a value be sealed into a
//! [`Durable`]. Code that takes `Durable<Decision>` therefore cannot answer before the write.

/// Proof of a successful commit: every record up to [`Committed::durable`] is on stable storage.
///
/// It cannot be made or altered outside this crate:
///
/// ```compile_fail,E0451
/// let forged = journal::Committed { durable: 7 };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    durable: u64,
}

impl Committed {
    pub(crate) const fn new(durable: u64) -> Self {
        Self { durable }
    }

    /// The highest sequence on stable storage.
    #[must_use]
    pub const fn durable(&self) -> u64 {
        self.durable
    }
}

/// A value whose journal record is on stable storage.
///
/// The field is private and there is no constructor but [`Durable::seal`]:
///
/// ```compile_fail,E0423
/// let forged = journal::Durable("approved");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// Seals `value`, whose record has `sequence`, if `proof` covers that sequence.
    #[must_use]
    pub fn seal(value: T, sequence: u64, proof: &Committed) -> Option<Self> {
        (sequence <= proof.durable).then_some(Self(value))
    }

    /// The value.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The value, unsealed: nothing can be proved from it any more.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_only_what_the_commit_covers() {
        let proof = Committed::new(7);
        assert_eq!(Durable::seal("answer", 7, &proof).map(Durable::into_inner), Some("answer"));
        assert!(Durable::seal("answer", 8, &proof).is_none());
    }
}
