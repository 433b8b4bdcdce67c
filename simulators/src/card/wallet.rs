//! The chips in a wallet and how often each has been used: what a real chip keeps to itself.

use super::chip::ScriptSeen;
use super::chip::{self, ChipRecord};
use super::icc::{IccFields, Reading};
use super::wish::{ChipFault, ChipWish, Says};
use crate::SimError;
use crate::portfolio::Card;
use payment_types::Pan;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a chip without a word about it in the portfolio computes: Visa, version 18.
pub(super) const USUAL_VERSION: u8 = 18;

/// Results of scripts that one message reports (9F5B has five bytes of each).
const RESULTS_MOST: usize = 2;

/// What a chip does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    #[default]
    Works,
    /// APPLICATION BLOCK: it declines by itself.
    ApplicationBlocked,
    /// CARD BLOCK: it says nothing any more.
    CardBlocked,
}

/// What a chip keeps to itself, and what its terminal has still to report of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept")]
struct Chip {
    counter: u16,
    standing: Standing,
    /// Results of scripts (9F5B) by identifier, in hex.
    results: Vec<String>,
}

/// A chip as a file may have it: earlier programs kept its counter alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Counter(u16),
    Whole {
        counter: u16,
        #[serde(default)]
        standing: Standing,
        #[serde(default)]
        results: Vec<String>,
    },
}

impl From<Kept> for Chip {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Counter(counter) => Self { counter, ..Self::default() },
            Kept::Whole { counter, standing, results } => Self { counter, standing, results },
        }
    }
}

/// The chips by card. In memory, or also in a file, so that a card that is used by hand goes on
/// counting the next day.
#[derive(Debug, Default)]
pub struct Wallet {
    chips: BTreeMap<String, Chip>,
    file: Option<PathBuf>,
}

impl Wallet {
    /// The wallet kept in a file, which need not be there yet.
    ///
    /// # Errors
    /// [`SimError::File`], or [`SimError::Setting`] if the file is no wallet.
    pub fn kept_in(file: &Path) -> Result<Self, SimError> {
        let chips = match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                let name = file.display();
                SimError::Setting(format!(
                    "{name}: no wallet of tamga-sim: {error}; move it away, and the chips count \
                     from 1, or name another (--wallet)"
                ))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(SimError::file(file)(error)),
        };
        Ok(Self { chips, file: Some(file.to_owned()) })
    }

    /// Where it is kept.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Takes over what others who keep their chips in the same file have done with them since.
    ///
    /// # Errors
    /// As [`Wallet::kept_in`].
    pub fn refresh(&mut self) -> Result<(), SimError> {
        let Some(file) = &self.file else { return Ok(()) };
        for (name, theirs) in Self::kept_in(file)?.chips {
            // Whoever counted further had the card last.
            let own = self.chips.entry(name).or_default();
            if theirs.counter > own.counter {
                *own = theirs;
            }
        }
        Ok(())
    }

    /// Writes the chips to the wallet's file, if it has one.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keep(&self) -> Result<(), SimError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::json!(self.chips).to_string();
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder).map_err(SimError::file(folder))?;
        // Whole or not at all, should two of them write at once.
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(SimError::file(folder))?;
        std::io::Write::write_all(&mut new, text.as_bytes()).map_err(SimError::file(file))?;
        new.persist(file).map_err(|error| SimError::file(file)(error.error))?;
        Ok(())
    }

    /// Puts a card into, or holds it to, a terminal: its chip counts on and signs, and the terminal
    /// reports what came of scripts before. A blocked application declines.
    ///
    /// # Errors
    /// [`SimError::Key`] without the issuer's key, [`SimError::Setting`] for a cryptogram version
    /// nobody has and for a chip that is blocked for good.
    pub fn read(
        &mut self,
        card: &Card,
        reading: &Reading<'_>,
        wish: &ChipWish,
    ) -> Result<ChipRecord, SimError> {
        let cvn = wish.cvn.or(card.issue.cryptogram_version).unwrap_or(USUAL_VERSION);
        let atc = self.count(&card.pan, wish);
        let chip = self.chips.entry(name_of(&card.pan)).or_default();
        let mut wish = wish.clone();
        match (chip.standing, wish.says) {
            // The second cryptogram of a transaction comes before its scripts of template 72.
            (Standing::Works, _) | (_, Some(Says::Tc)) => {}
            (Standing::ApplicationBlocked, _) => wish.says = Some(Says::Aac),
            (Standing::CardBlocked, _) => {
                let id = &card.id;
                return Err(SimError::Setting(format!(
                    "the chip of card {id} is blocked for good"
                )));
            }
        }
        if wish.script_results.is_none() && !chip.results.is_empty() {
            let now = chip.results.len().min(RESULTS_MOST);
            let results: String = chip.results.drain(..now).collect();
            wish.script_results = hex::decode(results).ok();
        }
        let fields = IccFields::of(reading, &wish, cvn, atc, card.sequence)?;
        chip::sign(card, cvn, fields, wish.fault)
    }

    /// The chip carries out the scripts of an answer whose MAC is right and refuses the others; its
    /// terminal will report both with the next message about the card.
    pub fn carry_out(&mut self, record: &ChipRecord, scripts: &[ScriptSeen]) {
        let Some(chip) = self.chips.get_mut(&record.owner) else { return };
        for script in scripts {
            let result = if script.is_good() { 0x20 } else { 0x11 };
            if let Some(identifier) = script.identifier.map(hex::encode_upper) {
                // Of the same script once: the answer to a repeat brings it again.
                chip.results.retain(|told| !told.ends_with(&identifier));
                chip.results.push(format!("{result:02X}{identifier}"));
            }
            chip.standing = match (script.command, chip.standing) {
                (_, standing) if !script.is_good() => standing,
                (_, Standing::CardBlocked) | ("card_block", _) => Standing::CardBlocked,
                ("application_block", _) => Standing::ApplicationBlocked,
                ("application_unblock", _) => Standing::Works,
                (_, standing) => standing,
            };
        }
    }

    /// Counts on without signing: a contactless card in stripe mode.
    pub fn next(&mut self, card: &Card) -> u16 {
        self.count(&card.pan, &ChipWish::default())
    }

    /// The transaction counter of this reading; it moves on, unless that is what is wrong with it.
    fn count(&mut self, pan: &Pan, wish: &ChipWish) -> u16 {
        let chip = self.chips.entry(name_of(pan)).or_default();
        let stands_still = wish.fault == Some(ChipFault::Atc) || wish.says == Some(Says::Tc);
        if !stands_still {
            chip.counter = wish.atc.unwrap_or_else(|| chip.counter.saturating_add(1));
        }
        chip.counter
    }
}

/// Names a card in the file without saying which it is.
pub(super) fn name_of(pan: &Pan) -> String {
    let digest = Sha256::digest(pan.expose_digits());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::{card, terminal};
    use crate::moment::{DEFAULT_ZONE, Zone};
    use emv::{IccData, Tag};

    fn tapped(wallet: &mut Wallet, wish: &ChipWish) -> Result<(ChipRecord, String, u8), SimError> {
        let terminal = terminal();
        let reading = Reading {
            terminal: &terminal,
            amount: 12_000,
            currency: 417,
            kind: 0,
            local: Zone::named(DEFAULT_ZONE).unwrap().parse("2026-11-23T10:00:00+06:00").unwrap(),
            contactless: false,
            with_pin: false,
            unpredictable: [1, 2, 3, 4],
        };
        let record = wallet.read(&card(), &reading, wish)?;
        let data = IccData::parse(&record.data).unwrap();
        let find = |tag| data.find(Tag::new(tag).unwrap());
        let told = find(0x9F5B).map(hex::encode_upper).unwrap_or_default();
        let says = find(0x9F27).unwrap()[0];
        Ok((record, told, says))
    }

    #[test]
    fn sec_2_a_chip_carries_out_what_its_issuer_signed_and_nothing_else() {
        let mut wallet = Wallet::default();
        let usual = ChipWish::default();
        let script = |command, identifier: u8, mac_is_right| ScriptSeen {
            command,
            identifier: Some([0, 0, 0, identifier]),
            before_final: false,
            mac_is_right,
            pin_is_right: true,
        };
        let (record, told, says) = tapped(&mut wallet, &usual).unwrap();
        assert_eq!((told.as_str(), says), ("", 0x80));
        wallet.carry_out(&record, &[script("application_block", 1, false)]);
        let (record, told, says) = tapped(&mut wallet, &usual).unwrap();
        assert_eq!((told.as_str(), says), ("1100000001", 0x80), "a wrong MAC blocks nothing");
        // The answer to a repeat brings the same once more.
        for _ in 0..2 {
            wallet.carry_out(&record, &[script("application_block", 2, true)]);
        }
        let (record, told, says) = tapped(&mut wallet, &usual).unwrap();
        assert_eq!((told.as_str(), says), ("2000000002", 0x00), "it declines by itself");
        let scripts = [script("application_unblock", 3, true), script("put_data", 4, true)];
        wallet.carry_out(&record, &scripts);
        let (record, told, says) = tapped(&mut wallet, &usual).unwrap();
        assert_eq!((told.as_str(), says), ("20000000032000000004", 0x80));
        wallet.carry_out(&record, &[script("card_block", 5, true)]);
        let second = ChipWish { says: Some(Says::Tc), ..ChipWish::default() };
        let (closing, told, says) = tapped(&mut wallet, &second).unwrap();
        assert_eq!((told.as_str(), says), ("2000000005", 0x40));
        assert_eq!(closing.counter(), record.counter(), "the same transaction");
        let gone = tapped(&mut wallet, &usual).unwrap_err().to_string();
        assert!(gone.contains("blocked for good"), "{gone}");
    }

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
        // The card was used elsewhere in between.
        let mut elsewhere = Wallet::kept_in(&file).unwrap();
        assert_eq!(elsewhere.count(&pan, &usual), 41);
        elsewhere.keep().unwrap();
        wallet.refresh().unwrap();
        assert_eq!(wallet.count(&pan, &usual), 42);
        wallet.refresh().unwrap();
        assert_eq!(wallet.count(&pan, &usual), 43, "what the file knows less of stays");
        std::fs::write(&file, format!("{{\"{}\":12}}", name_of(&pan))).unwrap();
        assert_eq!(Wallet::kept_in(&file).unwrap().count(&pan, &usual), 13, "an earlier file");
        std::fs::write(&file, "nonsense").unwrap();
        assert!(Wallet::kept_in(&file).unwrap_err().to_string().contains("no wallet"));
    }
}
