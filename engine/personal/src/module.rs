//! The master key: a data key of the security module, which only wraps other keys.

use crate::PersonalError;
use security::{KeyUsage, LoadedKey, SealedKey, SecurityModule};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The master key, ready for use. With a remote module each call goes over a network.
pub(crate) struct MasterKey {
    module: Arc<dyn SecurityModule>,
    key: LoadedKey,
}

impl MasterKey {
    /// A new one, sealed by the module, as it is to be stored.
    pub(crate) fn create(module: &dyn SecurityModule) -> Result<SealedKey, PersonalError> {
        module.new_data_key().map_err(PersonalError::Module)
    }

    /// Makes a stored one ready.
    pub(crate) fn load(
        module: &Arc<dyn SecurityModule>,
        sealed: &[u8],
    ) -> Result<Self, PersonalError> {
        let sealed = SealedKey::from_bytes(sealed).map_err(PersonalError::Module)?;
        let key = module.load(&sealed, KeyUsage::Data).map_err(PersonalError::Module)?;
        Ok(Self { module: Arc::clone(module), key })
    }

    pub(crate) fn wrap(&self, context: &[u8], key: &[u8]) -> Result<Vec<u8>, PersonalError> {
        self.module.encrypt(&self.key, context, key).map_err(PersonalError::Module)
    }

    pub(crate) fn unwrap(
        &self,
        context: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PersonalError> {
        self.module.decrypt(&self.key, context, wrapped).map_err(PersonalError::Module)
    }
}
