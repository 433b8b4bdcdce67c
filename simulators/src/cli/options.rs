//! Options that several subcommands share.

use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamga_sim::card::Wallet;
use tamga_sim::device::Devices;
use tamga_sim::{Endpoint, SimError, files};

/// Where the host is and how it wants to be spoken to.
#[derive(Args)]
pub(crate) struct Host {
    /// The host [default: the demo's listener, 127.0.0.1:8583 (pos), :8584 (atm), :8585 (network)]
    #[arg(long, value_name = "HOST:PORT")]
    target: Option<String>,
    /// How messages are cut: u16be, u16be-incl, ascii4, bcd2, u32be [default: the listener's]
    #[arg(long, value_name = "KIND")]
    framing: Option<String>,
    /// Frames carry a TPDU [default: the listener's]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    tpdu: Option<bool>,
    /// A shipped dialect's name or a dialect file [default: the listener's]
    #[arg(long, value_name = "NAME|FILE")]
    dialect: Option<String>,
}

impl Host {
    /// With what a profile says where the command line says nothing.
    pub(crate) fn or_as(self, profile: &tamga_sim::desk::profile::Profile) -> Self {
        // A framing on the command line has a TPDU only if that is said there, too.
        let tpdu = if self.framing.is_some() { self.tpdu } else { self.tpdu.or(profile.tpdu) };
        Self {
            target: self.target.or_else(|| profile.target.clone()),
            framing: self.framing.or_else(|| profile.framing.clone()),
            tpdu,
            dialect: self.dialect.or_else(|| profile.dialect.clone()),
        }
    }

    /// Whether it is the demo's listener that is meant.
    pub(crate) const fn is_demo(&self) -> bool {
        self.target.is_none()
    }

    /// The endpoint; what is not said is as at the demo's listener of that name.
    pub(crate) fn endpoint(&self, listener: &str) -> Result<Endpoint, SimError> {
        let (framing, tpdu, dialect) = self.speech(listener);
        let target = match listener {
            "atm" => "127.0.0.1:8584",
            "network" => "127.0.0.1:8585",
            _ => "127.0.0.1:8583",
        };
        Endpoint::new(self.target.as_deref().unwrap_or(target), &framing, tpdu, &dialect)
    }

    /// Whether a host is named.
    pub(crate) const fn names_target(&self) -> bool {
        self.target.is_some()
    }

    /// Framing, TPDU and dialect; what is not said is as at the demo's listener of that name.
    pub(crate) fn speech(&self, listener: &str) -> (String, bool, String) {
        let (framing, tpdu, dialect) = match listener {
            "atm" => ("ascii4", false, "iso87-ascii"),
            "network" => ("u16be", false, "iso93-bcd"),
            _ => ("u16be", true, "iso87-bcd"),
        };
        // A framing of one's own has no TPDU unless one says so.
        let tpdu = self.tpdu.unwrap_or(tpdu && self.framing.is_none());
        (
            self.framing.clone().unwrap_or_else(|| framing.to_owned()),
            tpdu,
            self.dialect.clone().unwrap_or_else(|| dialect.to_owned()),
        )
    }
}

/// The chips' counters: in that file, else where they are usually kept: in `$XDG_STATE_HOME`, else
/// `~/.local/state`, as the XDG base directories say.
pub(crate) fn wallet(file: Option<PathBuf>) -> Result<Wallet, SimError> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let state = || variable("HOME").map(|home| home.join(".local/state"));
    let folder = || variable("XDG_STATE_HOME").or_else(state);
    let file = file.or_else(|| Some(folder()?.join("tamga-sim/wallet.json")));
    file.map_or_else(|| Ok(Wallet::default()), |file| Wallet::kept_in(&file))
}

/// The terminals' keys at a host: beside the wallet that was named, else the portfolio's each time.
/// Another engine at the same address knows nothing of what was exchanged with the one before it.
pub(crate) fn devices(wallet: Option<&Path>, host: &str) -> Result<Devices, SimError> {
    let Some(folder) = wallet.and_then(Path::parent) else { return Ok(Devices::default()) };
    Devices::kept_in(&folder.join("keys").join(format!("{}.json", files::harmless(host))))
}

/// Reads `10`, `10s`, `1.5s`, `500ms` or `2m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let seconds = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => return Err(format!("{unit:?} is not ms, s or m")),
    };
    let number: f64 = digits.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// Reads `10-500` or `100`: whole units of money.
pub(crate) fn amounts(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let whole = |text: &str| text.trim().parse().map_err(|_| "not whole amounts".to_owned());
    Ok(whole(from)?..=whole(to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_amounts_are_read() {
        for (text, ms) in
            [("10", 10_000), ("10s", 10_000), ("1.5s", 1500), ("500ms", 500), ("2m", 120_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert!(duration("10h").is_err() && duration("s").is_err() && duration("-1").is_err());
        assert_eq!(amounts("10-500"), Ok(10..=500));
        assert_eq!(amounts("7"), Ok(7..=7));
        assert!(amounts("a-b").is_err());
    }
}
