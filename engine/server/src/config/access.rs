//! `[access]`: how people get in (SIG-4) and what is unusual about it (PII-2).

use super::section::Section;
use crate::access::SessionTerms;
use authorization::LockTerms;

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// How long sessions last.
    pub sessions: SessionTerms,
    /// When wrong attempts lock a user.
    pub lock: LockTerms,
    /// Attempts from one network in a minute; more are put off.
    pub attempts_per_minute: u32,
    /// What browsers reach this engine as, where a proxy is before it: `https://tamga.bank.kg`.
    pub origin: Option<String>,
    /// The name authenticators show.
    pub issuer: String,
    /// Data of so many customers within an hour is usual for one user or token.
    pub alert_customers_per_hour: u32,
    /// So many refusals within an hour are usual.
    pub alert_refusals_per_hour: u32,
    /// Minutes of the day from which to which it is night; the same for no night.
    pub night: (u32, u32),
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            sessions: SessionTerms {
                idle_seconds: 15 * 60,
                life_seconds: 10 * 3600,
                bind_network: false,
            },
            lock: LockTerms { after: 5, first_seconds: 60, most_seconds: 3600 },
            attempts_per_minute: 30,
            origin: None,
            issuer: "Tamga".to_owned(),
            alert_customers_per_hour: 100,
            alert_refusals_per_hour: 10,
            night: (22 * 60, 6 * 60),
        }
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> AccessConfig {
    let mut config = AccessConfig::default();
    let Some(section) = section else { return config };
    let seconds = |key, range, unit: u64| Some(section.number(key, range)?.saturating_mul(unit));
    let small = |key, range| section.number(key, range).and_then(|value| u32::try_from(value).ok());
    let sessions = &mut config.sessions;
    sessions.idle_seconds = seconds("idle_minutes", 1..=60, 60).unwrap_or(sessions.idle_seconds);
    let life = seconds("session_hours", 1..=24, 3600);
    sessions.life_seconds = life.unwrap_or(sessions.life_seconds);
    sessions.bind_network = section.flag("bind_network").unwrap_or(false);
    let lock = &mut config.lock;
    lock.after = small("lock_after", 3..=20).unwrap_or(lock.after);
    lock.first_seconds = small("lock_seconds", 10..=86_400).unwrap_or(lock.first_seconds);
    lock.most_seconds = small("lock_most_seconds", 10..=86_400).unwrap_or(lock.most_seconds);
    let attempts = small("attempts_per_minute", 5..=10_000);
    config.attempts_per_minute = attempts.unwrap_or(config.attempts_per_minute);
    config.issuer = section.text("issuer").unwrap_or(config.issuer);
    config.origin = section.text("origin").inspect(|origin| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
            section.error("origin", format!("`{origin}` is no origin such as https://tamga.bank"));
        }
    });
    let customers = small("alert_customers_per_hour", 1..=1_000_000);
    config.alert_customers_per_hour = customers.unwrap_or(config.alert_customers_per_hour);
    let refusals = small("alert_refusals_per_hour", 1..=1_000_000);
    config.alert_refusals_per_hour = refusals.unwrap_or(config.alert_refusals_per_hour);
    for (key, place) in [("night_from", 0), ("night_until", 1)] {
        let Some(text) = section.text(key) else { continue };
        match (super::read::time_of_day(&text), place) {
            (Some(minutes), 0) => config.night.0 = minutes,
            (Some(minutes), _) => config.night.1 = minutes,
            (None, _) => section.error(key, format!("`{text}` is no time of day such as 22:00")),
        }
    }
    section.finish();
    config
}
