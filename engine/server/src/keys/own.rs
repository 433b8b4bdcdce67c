//! The keys that every installation has of its own: what they make, and what another one in their
//! place would mean.

use crate::config::SecurityConfig;
use security::MasterKey;

/// A key of the installation's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// What it is called.
    pub name: String,
    /// Of the master key, which is in a file; the others are never shown.
    pub check_value: Option<String>,
    /// What it is for.
    pub makes: &'static str,
    /// What gives another one, or what that would take.
    pub another: &'static str,
}

const NEW_INSTALLATION: &str =
    "no: cards are imported into a new installation, from where their numbers are known";
const NAMED: &str = "tamga key generate pin-verification --usage pin-verification-visa --pvki N; \
                     old PVVs stay right by their PVKI";
const TABLED: &str = "`pin-verification` in security.key_table";

/// Those of the module that the configuration names.
#[must_use]
pub fn own_keys(config: &SecurityConfig) -> Vec<OwnKey> {
    let one = |name: &str, makes, another| OwnKey {
        name: name.to_owned(),
        check_value: None,
        makes,
        another,
    };
    let digests = "digests, by which cards are found";
    let pvvs = "PVVs where a product names no pvk";
    if config.pkcs11.is_some() {
        return vec![
            one("tamga/wrap/1", "seals working keys and data keys", NEW_INSTALLATION),
            one("tamga/secret/1", digests, NEW_INSTALLATION),
            one("tamga/pin-verification/1", pvvs, TABLED),
        ];
    }
    let master = MasterKey::open(&config.master_key_file).ok();
    let master = OwnKey {
        check_value: master.map(|key| key.check_value().to_string()),
        ..one("master", "seals the store of keys", "tamga key rotate-master")
    };
    let mut keys = vec![
        master,
        one("root", "derives what seals state and journal", NEW_INSTALLATION),
        one("digest", digests, NEW_INSTALLATION),
    ];
    keys.push(match &config.payshield {
        None => one("pin", pvvs, NAMED),
        Some(_) => one("pin-verification", pvvs, TABLED),
    });
    keys
}
