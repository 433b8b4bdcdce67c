//! The time of keys: tells the store what time it is, so that old versions cease to be accepted,
//! and warns of keys that should be rotated.

use crate::clock::Clock;
use payment_types::{BusinessDate, Moment};
use security::{KeyList, SecurityModule};
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// From how many days before its date a key is warned about.
pub const WARN_DAYS: i32 = 30;
const EVERY: Duration = Duration::from_secs(10);

/// Days until a date; negative after it.
#[must_use]
pub fn days_left(date: BusinessDate, now: Moment) -> i32 {
    date.days().saturating_sub(now.business_date().days())
}

/// Tells the time once and sets `tamga_key_days_left`.
pub fn tick(security: &dyn SecurityModule, now: Moment) {
    security.time_is(now.at);
    let Some(life) = security.key_life() else { return };
    for key in life.list().keys {
        let left = key.current().and_then(|version| version.expires_on);
        if let Some(date) = left {
            let gauge = metrics::gauge!("tamga_key_days_left", "key" => key.name.clone());
            gauge.set(f64::from(days_left(date, now)));
        }
    }
}

/// What should be rotated, in words.
#[must_use]
pub fn warnings(list: &KeyList, now: Moment) -> Vec<String> {
    let due = list.keys.iter().filter_map(|key| {
        let current = key.current()?;
        let date = current.expires_on?;
        let left = days_left(date, now);
        (left <= WARN_DAYS).then(|| {
            let when = if left < 0 { "was to be rotated by" } else { "is to be rotated by" };
            format!(
                "key {} (version {}, {}) {when} {date}, {left} days from now: tamga key rotate {}",
                key.name, current.version, current.check_value, key.name
            )
        })
    });
    due.collect()
}

/// Goes on as long as the engine runs; warns once a day.
pub async fn watch(security: Arc<dyn SecurityModule>, clock: Clock) {
    let mut warned = None;
    loop {
        let now = clock.now();
        tick(security.as_ref(), now);
        if warned != Some(now.business_date()) {
            warned = Some(now.business_date());
            if let Some(life) = security.key_life() {
                for warning in warnings(&life.list(), now) {
                    warn!("{warning}");
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
