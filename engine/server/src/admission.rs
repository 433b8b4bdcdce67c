//! Who may speak for which device on a connection (WIRE.md): a device by its own listener, for an
//! acquirer of that listener, a client with a certificate only as the device or acquirer that this
//! names.

use crate::client_names::ClientNames;
use crate::register::DeviceRegister;
use interchange::{CardKeys, Claim, DeviceKeys, Register, Trespass};
use payment_types::{PanDigest, TerminalId};
use std::sync::Arc;

/// The register, as one connection may see it.
pub(crate) struct Admission<'a> {
    pub(crate) register: &'a DeviceRegister,
    /// The listener's name.
    pub(crate) listener: &'a str,
    /// Whether the listener takes devices of others: those of networks and hosts do.
    pub(crate) any_terminal: bool,
    /// The acquirers whose messages come in by the listener; all of them if none is told.
    pub(crate) acquirers: &'a [u64],
    /// What the client's certificate names, where that binds.
    pub(crate) names: Option<&'a ClientNames>,
}

impl Admission<'_> {
    /// The certificate of a device speaks for that device; one that names an institution, by the
    /// digits of DE 32 or DE 33, for what comes through it. A device's own id is never taken for an
    /// institution.
    fn is_named(&self, names: &ClientNames, claim: &Claim) -> bool {
        let is_device = |name: &str| {
            TerminalId::new(name.as_bytes()).is_some_and(|id| self.register.knows(&id))
        };
        let told = [claim.acquirer, claim.forwarding];
        let institution = |name: &str| {
            let number = name.parse::<u64>().ok().filter(|_| !is_device(name));
            number.is_some() && told.contains(&number)
        };
        let nothing_told = claim.terminal.is_none() && told == [None, None];
        (nothing_told && !claim.about_acquirer)
            || names.iter().any(|name| {
                claim.terminal.is_some_and(|id| id.as_str() == name) || institution(name)
            })
    }
}

impl Register for Admission<'_> {
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>> {
        self.register.terminal(id)
    }

    fn card(&self, pan: &PanDigest) -> Option<CardKeys> {
        self.register.card(pan)
    }

    fn refuses(&self, claim: &Claim) -> Option<Trespass> {
        if self.names.is_some_and(|names| !self.is_named(names, claim)) {
            return Some(Trespass::OtherCertificate);
        }
        let is_other = |acquirer: u64| !self.acquirers.contains(&acquirer);
        if !self.acquirers.is_empty() && claim.acquirer.is_some_and(is_other) {
            return Some(Trespass::OtherAcquirer);
        }
        if self.any_terminal {
            return None;
        }
        match claim.terminal {
            Some(id) if !self.register.comes_in_by(&id, self.listener) => {
                Some(Trespass::OtherListener)
            }
            None if claim.about_acquirer => Some(Trespass::AcquirersMatter),
            _ => None,
        }
    }
}
