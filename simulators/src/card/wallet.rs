//! The chips in a wallet and how often each has been used: what a real chip keeps to itself.

use super::chip::{self, ChipRecord};
use super::icc::{IccFields, Reading};
use super::wish::{ChipFault, ChipWish};
use crate::SimError;
use crate::portfolio::Card;
use payment_types::Pan;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a chip without a word about it in the portfolio computes: Visa, version 18.
pub(super) const USUAL_VERSION: u8 = 18;

/// The transaction counters of the chips, by card. In memory, or also in a file, so that a card
/// that is used by hand goes on counting the next day.
#[derive(Debug, Default)]
pub struct Wallet {
    counters: BTreeMap<String, u16>,
    file: Option<PathBuf>,
}

impl Wallet {
    /// The wallet kept in a file, which need not be there yet.
    ///
    /// # Errors
    /// [`SimError::File`], or [`SimError::Setting`] if the file is no wallet.
    pub fn kept_in(file: &Path) -> Result<Self, SimError> {
        let counters = match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                SimError::Setting(format!("{}: no wallet of tamga-sim: {error}", file.display()))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(SimError::file(file)(error)),
        };
        Ok(Self { counters, file: Some(file.to_owned()) })
    }

    /// Writes the counters to the wallet's file, if it has one.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keep(&self) -> Result<(), SimError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::json!(self.counters).to_string();
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder).map_err(SimError::file(folder))?;
        // Whole or not at all, should two of them write at once.
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(SimError::file(folder))?;
        std::io::Write::write_all(&mut new, text.as_bytes()).map_err(SimError::file(file))?;
        new.persist(file).map_err(|error| SimError::file(file)(error.error))?;
        Ok(())
    }

    /// Puts a card into, or holds it to, a terminal: its chip counts on and signs.
    ///
    /// # Errors
    /// [`SimError::Key`] without the issuer's key, [`SimError::Setting`] for a cryptogram version
    /// nobody has.
    pub fn read(
        &mut self,
        card: &Card,
        reading: &Reading<'_>,
        wish: &ChipWish,
    ) -> Result<ChipRecord, SimError> {
        let cvn = wish.cvn.or(card.issue.cryptogram_version).unwrap_or(USUAL_VERSION);
        let atc = self.count(&card.pan, wish);
        let fields = IccFields::of(reading, wish, cvn, atc, card.sequence)?;
        chip::sign(card, cvn, fields, wish.fault)
    }

    /// Counts on without signing: a contactless card in stripe mode.
    pub fn next(&mut self, card: &Card) -> u16 {
        self.count(&card.pan, &ChipWish::default())
    }

    /// The transaction counter of this reading; it moves on, unless that is what is wrong with it.
    fn count(&mut self, pan: &Pan, wish: &ChipWish) -> u16 {
        let counter = self.counters.entry(name_of(pan)).or_default();
        if wish.fault != Some(ChipFault::Atc) {
            *counter = wish.atc.unwrap_or_else(|| counter.saturating_add(1));
        }
        *counter
    }
}

/// Names a card in the file without saying which it is.
fn name_of(pan: &Pan) -> String {
    let digest = Sha256::digest(pan.expose_digits());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_and_survive_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/wallet.json");
        let pan = Pan::from_ascii(b"9417000000000016").unwrap();
        let mut wallet = Wallet::kept_in(&file).unwrap();
        let usual = ChipWish::default();
        assert_eq!((wallet.count(&pan, &usual), wallet.count(&pan, &usual)), (1, 2));
        let replay = ChipWish { fault: Some(ChipFault::Atc), ..ChipWish::default() };
        assert_eq!(wallet.count(&pan, &replay), 2);
        let ahead = ChipWish { atc: Some(40), ..ChipWish::default() };
        assert_eq!(wallet.count(&pan, &ahead), 40);
        wallet.keep().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("9417"), "{text}");
        assert_eq!(Wallet::kept_in(&file).unwrap().count(&pan, &usual), 41);
        std::fs::write(&file, "nonsense").unwrap();
        assert!(Wallet::kept_in(&file).unwrap_err().to_string().contains("no wallet"));
    }
}
