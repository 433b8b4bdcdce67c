//! A profile: how a device speaks and what its cards do, as a TOML file. What the command line says
//! goes before; what neither says is the portfolio's and the demo's.

use super::errand::Entry;
use super::host::Habits;
use crate::card::{ChipFault, ChipWish, CommerceWish, Proof};
use crate::device::SecurityProfile;
use crate::keys::KeySet;
use crate::portfolio::Terminal;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All a profile may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Host and port.
    pub target: Option<String>,
    /// How messages are cut.
    pub framing: Option<String>,
    /// Whether frames carry a TPDU.
    pub tpdu: Option<bool>,
    /// A shipped dialect's name, or a dialect file beside the profile.
    pub dialect: Option<String>,
    /// Cards and terminals; a file beside the profile.
    pub portfolio: Option<PathBuf>,
    /// The terminal's id in the portfolio.
    pub terminal: Option<String>,
    /// The card's name in the portfolio.
    pub card: Option<String>,
    /// How cards are usually read.
    pub entry: Option<Entry>,
    /// The amount that is suggested.
    pub amount: Option<String>,
    /// As in ISO 4217.
    pub currency: Option<String>,
    /// Seconds to wait for an answer.
    pub patience: Option<u64>,
    /// The zone of the terminal's clock.
    pub zone: Option<String>,
    /// Where slips are written.
    pub receipts: Option<PathBuf>,
    /// New working keys before anything else.
    pub exchange_keys: bool,
    /// How the terminal protects its messages, in place of what the portfolio says.
    pub security: Option<SecurityProfile>,
    /// Test keys of the terminal by name, before those of the portfolio.
    pub keys: BTreeMap<String, String>,
    /// What chips do.
    pub chip: Option<Chip>,
    /// CVV on track 2.
    pub stripe: Option<Proof>,
    /// What online purchases carry.
    pub online: Option<Online>,
    /// A cash machine's notes: how many of each worth.
    pub notes: BTreeMap<String, u32>,
    /// The bank's API, for cash counts.
    pub api: Option<ApiOf>,
}

/// What chips do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chip {
    /// No DE 55 at all.
    pub off: bool,
    /// The cryptogram version number.
    pub cvn: Option<u8>,
    /// The transaction counter of the next transaction.
    pub atc: Option<u16>,
    /// What is wrong with it: `cryptogram`, `atc`, `amount`.
    #[serde(rename = "break")]
    pub fault: Option<ChipFault>,
    /// Where the counters are kept.
    pub wallet: Option<PathBuf>,
}

/// What online purchases carry.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Online {
    /// Electronic commerce indicator.
    pub eci: String,
    /// The authentication value.
    pub cavv: Proof,
    /// An AAV instead of a CAVV.
    pub aav: bool,
    /// The three digits on the back.
    pub cvv2: Proof,
}

impl Default for Online {
    fn default() -> Self {
        Self { eci: "05".to_owned(), cavv: Proof::Right, aav: false, cvv2: Proof::Right }
    }
}

/// The bank's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiOf {
    /// `http://host:port`.
    pub url: String,
    /// The bearer token.
    pub token: String,
}

impl Profile {
    /// Reads a profile; paths in it are relative to it.
    ///
    /// # Errors
    /// What is wrong with it, as `file:line:column: why`.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let mut profile = Self::parse(&text).map_err(|error| format!("{name}:{error}"))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let beside = |file: &mut PathBuf| *file = folder.join(&*file);
        profile.portfolio.iter_mut().for_each(beside);
        profile.receipts.iter_mut().for_each(beside);
        if let Some(dialect) = &mut profile.dialect {
            let file = folder.join(&*dialect);
            if iso8583::Dialect::shipped(dialect).is_none() && file.exists() {
                *dialect = file.to_string_lossy().into_owned();
            }
        }
        Ok(profile)
    }

    /// Reads the text of a profile.
    ///
    /// # Errors
    /// What is wrong with it, as `line:column: why`. Values are not quoted: one may be a key.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            format!("{line}:{column}: {}", error.message())
        })
    }

    /// Gives a terminal the profile's keys and protection.
    pub fn equip(&self, terminal: &mut Terminal) {
        terminal.security = self.security.unwrap_or(terminal.security);
        if !self.keys.is_empty() {
            let owner = format!("terminal {}", terminal.id);
            let own = self.keys.iter().map(|(name, key)| (name.as_str(), key.as_str()));
            terminal.keys = Arc::new(KeySet::new(owner, own).over(&terminal.keys));
        }
    }

    /// What its cards do.
    #[must_use]
    pub fn habits(&self) -> Habits {
        let chip = self.chip.clone().unwrap_or_default();
        let wish =
            ChipWish { cvn: chip.cvn, atc: chip.atc, fault: chip.fault, ..ChipWish::default() };
        let online = self.online.clone();
        Habits {
            chip: (!chip.off).then_some(wish),
            stripe: self.stripe,
            cvv2: online.as_ref().map(|online| online.cvv2),
            commerce: online.map(|online| CommerceWish {
                eci: online.eci,
                value: online.cavv,
                aav: online.aav,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::KeyScheme;

    #[test]
    fn a_profile_says_how_a_device_speaks() {
        let text = r#"
            target = "10.0.0.1:7000"
            framing = "ascii4"
            entry = "insert"
            stripe = "wrong"
            notes = { "200" = 40, "1000" = 10 }
            [security]
            keys = "dukpt-aes"
            pin_format = 4
            [chip]
            cvn = 10
            break = "cryptogram"
            [online]
            cavv = "none"
        "#;
        let profile = Profile::parse(text).unwrap();
        assert_eq!(profile.entry, Some(Entry::Insert));
        assert_eq!(profile.security.unwrap().keys, KeyScheme::DukptAes);
        let habits = profile.habits();
        assert_eq!(habits.chip.unwrap().fault, Some(ChipFault::Cryptogram));
        assert_eq!(habits.stripe, Some(Proof::Wrong));
        assert_eq!(habits.commerce.unwrap().value, Proof::None);
        assert!(Profile::parse("[chip]\noff = true").unwrap().habits().chip.is_none());
    }

    #[test]
    fn errors_name_line_and_column() {
        for (text, place) in [
            ("target = 5", "1:10: "),
            ("\n\nentry = \"throw\"", "3:9: "),
            ("tagret = \"x\"", "1:1: "),
            ("[chip]\ncvn = 900", "2:7: "),
            ("[chip\n", "1:6: "),
        ] {
            let error = Profile::parse(text).unwrap_err();
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
        let error = Profile::read(Path::new("/nowhere/p.toml")).unwrap_err();
        assert!(error.starts_with("/nowhere/p.toml: "), "{error}");
    }
}
