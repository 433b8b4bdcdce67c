//! What the edge keeps of a message to secure its answer.

use crate::{DeviceKeys, IssuerKeys};
use core::fmt;
use std::sync::Arc;

/// With which keys an answer is secured: the authentication code is under the key that the
/// request's was under (SEC-5), and a chip whose cryptogram is right gets its answer (SEC-2).
/// Holds no secret but handles of keys.
#[derive(Clone, Default)]
pub struct Secured {
    pub(crate) device: Option<Arc<DeviceKeys>>,
    /// The place of the key among those of the device; the place of a DUKPT device's is 0.
    pub(crate) mac: Option<u8>,
    pub(crate) issuer: Option<Arc<IssuerKeys>>,
}

impl Secured {
    /// Whether the request had an authentication code, so that its answer gets one.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether making the answer asks the security module.
    #[must_use]
    pub const fn needs_module(&self) -> bool {
        self.mac.is_some() || self.issuer.is_some()
    }
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mac, chip) = (self.mac.is_some(), self.issuer.is_some());
        write!(f, "Secured(authentication code: {mac}, chip: {chip})")
    }
}
