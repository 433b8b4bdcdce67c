//! The devices' keys in a file: a terminal that took a key from its host has it after a restart,
//! because the host takes no earlier one from the first message under it (PIN-1).
//!
//! They are test keys in clear, as in a portfolio; only the file's owner can read it.

use super::{Device, Devices};
use crate::keys::TestKey;
use crate::{SimError, files};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// What outlives the program of a device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// What the keys of the portfolio were that these came after: a terminal that was set up anew
    /// begins with what it was given.
    of: String,
    /// Delivered by the host, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac_key: Option<String>,
    /// Transactions of a DUKPT device so far.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    counter: u32,
}

/// Nothing of the keys.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("counter", &self.counter).finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none_yet(counter: &u32) -> bool {
    *counter == 0
}

type Whole = BTreeMap<Box<str>, Kept>;

impl Devices {
    /// The devices whose keys are kept in a file, which need not be there yet.
    ///
    /// # Errors
    /// [`SimError::File`], or [`SimError::Setting`] if the file has no such keys.
    pub fn kept_in(file: &Path) -> Result<Self, SimError> {
        let kept = read(file)?;
        Ok(Self { kept, file: Some(file.to_owned()), ..Self::default() })
    }

    /// Writes what changed to the file, if there is one. Devices that others keep there stay.
    ///
    /// # Errors
    /// As [`Self::kept_in`].
    pub fn keep(&mut self) -> Result<(), SimError> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut changed = Whole::new();
        for (id, device) in &self.by_id {
            let (now, before) = (device.kept(), self.kept.get(id));
            if before != Some(&now) && (before.is_some() || !device.is_as_new()) {
                changed.insert(id.clone(), now);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder).map_err(SimError::file(folder))?;
        // One writer at a time: another window's terminal has its keys in the same file.
        let turn = File::open(folder).map_err(SimError::file(folder))?;
        turn.lock().map_err(SimError::file(folder))?;
        self.kept = read(file)?;
        self.kept.extend(changed);
        files::write_durably(file, &format!("{}\n", serde_json::json!(self.kept)))
    }
}

impl Device {
    /// As it was when the program ended.
    pub(super) fn with(mut self, kept: Option<&Kept>) -> Self {
        let Some(kept) = kept.filter(|kept| kept.of == self.origin()) else { return self };
        let key = |text: &Option<String>| text.as_deref().and_then(TestKey::read);
        (self.pin_key, self.mac_key) = (key(&kept.pin_key), key(&kept.mac_key));
        self.counter = kept.counter;
        self
    }

    fn kept(&self) -> Kept {
        let text = |key: &Option<TestKey>| key.as_ref().map(TestKey::text);
        let (pin_key, mac_key) = (text(&self.pin_key), text(&self.mac_key));
        Kept { of: self.origin(), pin_key, mac_key, counter: self.counter }
    }

    fn is_as_new(&self) -> bool {
        self.pin_key.is_none() && self.mac_key.is_none() && self.counter == 0
    }

    fn origin(&self) -> String {
        let mut digest = Sha256::new();
        for name in ["tmk", "tpk", "tak", "bdk"] {
            digest.update(name);
            if let Ok(key) = self.keys.get(name) {
                digest.update(key.expose());
            }
        }
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn read(file: &Path) -> Result<Whole, SimError> {
    let bad = |why: String| {
        let name = file.display();
        SimError::Setting(format!(
            "{name}: no keys of simulated terminals: {why}; move it away, and they begin with the \
             portfolio's"
        ))
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Whole::new()),
        Err(error) => return Err(SimError::file(file)(error)),
    };
    let whole: Whole = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    for (id, kept) in &whole {
        for key in [&kept.pin_key, &kept.mac_key].into_iter().flatten() {
            // Its digits are nobody's to see.
            TestKey::read(key).ok_or_else(|| bad(format!("{id} has a key that is none")))?;
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests;
    use crate::device::{Exchange, KeySeal, KeyUse, MacDuty};
    use crate::keys::KeySet;
    use crate::portfolio::Terminal;
    use crate::private::PrivateData;
    use std::os::unix::fs::PermissionsExt;

    fn machine(id: &str, master: &str) -> Terminal {
        let first = "0123456789ABCDEFFEDCBA9876543210";
        let keys = [("tmk", master), ("tpk", first), ("tak", first)];
        let mut terminal = tests::terminal();
        terminal.id = id.into();
        terminal.keys = KeySet::new(format!("terminal {id}"), keys).into();
        terminal.security.mac = MacDuty::Required;
        terminal
    }

    const MASTER: &str = "432AEF3B386825707CF7253DD026C80B";

    /// Gives a terminal a new key as its host would, and says what a MAC is under it.
    fn renewed(devices: &mut Devices, terminal: &Terminal, random: u8) -> [u8; 8] {
        let exchange = Exchange::of(KeyUse::Mac);
        let asked = devices.of(terminal).ask_for_key(&exchange, &[]).unwrap().0;
        let asked = PrivateData::read(&asked.text());
        devices.of(terminal).serve_key(&asked, &[random]).unwrap();
        mac(devices, terminal)
    }

    fn mac(devices: &mut Devices, terminal: &Terminal) -> [u8; 8] {
        devices.of(terminal).next_keys(None).unwrap().request_mac(b"message").unwrap()
    }

    #[test]
    fn pin_1_exchanged_keys_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys/host.json");
        let (one, other) = (machine("ATM00001", MASTER), machine("ATM00002", MASTER));
        let mut devices = Devices::kept_in(&file).unwrap();
        let first = mac(&mut devices, &one);
        devices.keep().unwrap();
        assert!(!file.exists(), "the portfolio's keys are in the portfolio");
        let new = renewed(&mut devices, &one, 1);
        assert_ne!(new, first);
        // Another window, which began before that, has its own terminal's keys there too.
        let mut window = Devices::kept_in(&file).unwrap();
        devices.keep().unwrap();
        let others = renewed(&mut window, &other, 2);
        window.keep().unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "keys in clear are nobody else's to read");

        let mut later = Devices::kept_in(&file).unwrap();
        assert_eq!((mac(&mut later, &one), mac(&mut later, &other)), (new, others));
        // Set up anew, with another master key: what was exchanged under the old one is over.
        let anew = machine("ATM00001", "80C4F88CCBD019C44592D3F1BA325115");
        assert_eq!(mac(&mut Devices::kept_in(&file).unwrap(), &anew), first);
    }

    #[test]
    fn pin_1_a_terminal_whose_keys_are_refused_begins_anew() {
        let terminal = machine("ATM00001", MASTER);
        let mut devices = Devices::default();
        let asked = Exchange::of(KeyUse::Pin);
        let seals = |devices: &mut Devices| {
            let device = devices.of(&terminal);
            std::iter::successors(Some(asked), |asked| device.with_less(*asked))
                .map(|asked| asked.seal)
                .collect::<Vec<_>>()
        };
        assert_eq!(seals(&mut devices), [KeySeal::InUse, KeySeal::Bare]);
        let new = renewed(&mut devices, &terminal, 1);
        assert_eq!(seals(&mut devices), [KeySeal::InUse, KeySeal::First, KeySeal::Bare]);
        let first = mac(&mut Devices::default(), &terminal);
        let device = devices.of(&terminal);
        let under = |device: &mut Device, seal| {
            let sealed = device.seal_of(seal).unwrap();
            sealed.map(|(keys, _)| keys.request_mac(b"message").unwrap())
        };
        assert_eq!(under(device, KeySeal::First), Some(first));
        assert_eq!(under(device, KeySeal::Bare), None);
        assert_eq!(under(device, KeySeal::InUse), Some(new), "the key in use is still there");
        let plain = tests::terminal();
        assert!(devices.of(&plain).with_less(asked).is_none(), "without MACs 63 says otherwise");
    }

    #[test]
    fn a_file_of_something_else_is_told_by_name_and_shows_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        for text in ["nonsense", "[]", r#"{"ATM00001":{"of":"x","mac_key":"ABCDEFG"}}"#] {
            std::fs::write(&file, text).unwrap();
            let error = Devices::kept_in(&file).unwrap_err().to_string();
            assert!(error.contains("keys.json: no keys of simulated terminals"), "{error}");
            assert!(!error.contains("ABCDEFG"), "{error}");
        }
    }
}
