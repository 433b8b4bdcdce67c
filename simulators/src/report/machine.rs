//! What a measurement was made on and with; without it the figures mean little.

use payment_types::Moment;
use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Its processor.
    pub processor: String,
    /// How many of them this process may use.
    pub cores: usize,
    /// Gigabytes of memory.
    pub memory_gib: u64,
    /// The operating system.
    pub system: String,
}

impl Machine {
    /// The one this runs on; what the system does not tell is left empty.
    #[must_use]
    pub fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let line = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = line(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            processor: line(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (kib + (1 << 19)) >> 20,
            system: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().to_owned(),
        }
    }
}

/// A moment for people: date and time of day in the terminals' zone.
pub(super) fn readable(moment: Moment) -> String {
    let (year, month, day) = moment.business_date().ymd();
    let time = moment.wire_local().time();
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The command line, with neither the path of the program nor a token.
pub(super) fn command() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_name().unwrap_or_default();
    let mut shown = vec![program.to_string_lossy().into_owned()];
    let mut is_secret = false;
    for word in words {
        let plain = word.strip_prefix("--token=").map_or(word.as_str(), |_| "--token=…");
        let plain = if is_secret { "…" } else { plain };
        is_secret = word == "--token";
        let needs_quotes = plain.contains(' ') || plain.is_empty();
        shown.push(if needs_quotes { format!("'{plain}'") } else { plain.to_owned() });
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_told() {
        let machine = Machine::this();
        assert!(machine.cores > 0 && machine.system.starts_with(std::env::consts::OS));
        if cfg!(target_os = "linux") {
            assert!(machine.memory_gib > 0);
        }
        assert!(!command().starts_with('/') && !command().is_empty());
        let zone = crate::moment::Zone::named("Asia/Bishkek").unwrap();
        let at = zone.parse("2026-11-23T10:03:04+06:00").unwrap();
        assert_eq!(readable(at), "2026-11-23 10:03:04");
    }
}
