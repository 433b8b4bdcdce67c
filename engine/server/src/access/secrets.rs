//! Users' secrets at rest: sealed by the security module's data key before they come near the
//! journal, each bound to what it is and whose, so that one can't be put in another's place.

use crate::access::one_time::Secret;
use personal::{CustomerKeys, PersonalError};
use std::sync::Arc;
use zeroize::Zeroizing;

const PASSWORD: &str = "user-password";
const ONE_TIME: &str = "user-totp";

/// Seals and opens them. A module may be on the other side of a network, so its calls block.
#[derive(Clone)]
pub struct Secrets(Arc<CustomerKeys>);

impl Secrets {
    /// With the data key of a data directory.
    #[must_use]
    pub fn new(keys: Arc<CustomerKeys>) -> Self {
        Self(keys)
    }

    /// A password's hash.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn seal_password(&self, user: &str, hash: &[u8]) -> Result<Vec<u8>, PersonalError> {
        self.0.seal_secret(PASSWORD, user, hash)
    }

    /// What [`Self::seal_password`] sealed.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn open_password(
        &self,
        user: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PersonalError> {
        self.0.open_secret(PASSWORD, user, sealed)
    }

    /// The secret of one-time codes.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn seal_one_time(&self, user: &str, secret: &Secret) -> Result<Vec<u8>, PersonalError> {
        self.0.seal_secret(ONE_TIME, user, secret.bytes())
    }

    /// What [`Self::seal_one_time`] sealed.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn open_one_time(&self, user: &str, sealed: &[u8]) -> Result<Secret, PersonalError> {
        self.0.open_secret(ONE_TIME, user, sealed).map(|bytes| Secret::from_bytes(&bytes))
    }
}
