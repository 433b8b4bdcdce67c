//! How the module is, asked in the background: `NC` every while, and again soon where it failed,
//! so that one that came back is found before a customer needs it.

use super::command::Command;
use super::pool::Pool;
use super::values::Values;
use crate::Health;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// While it does not answer, it is asked this often.
const WHILE_DOWN: Duration = Duration::from_millis(200);

pub(super) struct Standing {
    latest: Mutex<Latest>,
    stop: (Mutex<bool>, Condvar),
}

struct Latest {
    health: Health,
    /// What the module said of itself.
    description: String,
    /// The check value of its master key when first asked: keys are under that one.
    master_key: Option<String>,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            latest: Mutex::new(Latest {
                health: Health::Unavailable("not asked yet".to_owned()),
                description: "payShield".to_owned(),
                master_key: None,
            }),
            stop: (Mutex::new(false), Condvar::new()),
        }
    }

    pub(super) fn health(&self) -> Health {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).health.clone()
    }

    pub(super) fn description(&self) -> String {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).description.clone()
    }

    /// Asks once, and notes the answer.
    pub(super) fn ask(&self, pool: &Pool) {
        let answer = Command::by_code(b"NC").map(|command| pool.call(command, &Values::new()));
        let addresses = pool.addresses();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let was_up = !matches!(latest.health, Health::Unavailable(_));
        let mut why = addresses.down.join("; ");
        latest.health = match answer {
            Some(Ok(response)) if response.is_success => {
                let check = response.values.text("lmk_check_value").to_owned();
                let firmware = response.values.text("firmware");
                latest.description =
                    format!("payShield, firmware {firmware}, master key {check:.6}");
                let first = latest.master_key.get_or_insert_with(|| check.clone());
                if *first != check {
                    Health::Degraded("the module's master key is another one now".to_owned())
                } else if addresses.down.is_empty() {
                    Health::Ready
                } else {
                    let (down, all) = (addresses.down.len(), addresses.all);
                    Health::Degraded(format!("{down} of {all} addresses do not answer: {why}"))
                }
            }
            Some(Ok(response)) => {
                why = format!("it answers NC with {}", response.result.as_str());
                Health::Unavailable(why.clone())
            }
            _ => Health::Unavailable(why.clone()),
        };
        let is_up = !matches!(latest.health, Health::Unavailable(_));
        drop(latest);
        if is_up != was_up
            && let Some(observer) = &pool.settings().observer
        {
            observer.turned(is_up, &why);
        }
    }

    /// Asks again and again until [`Self::stop`].
    pub(super) fn keep_asking(self: Arc<Self>, pool: Arc<Pool>) {
        // Where no thread can be had, callers find out how the module is by themselves.
        let thread = thread::Builder::new().name("hsm-health".to_owned()).spawn(move || {
            loop {
                // It was asked when it was started; a second question at once would only be in
                // the way of whoever closes the first connections.
                let every = pool.settings().check_every;
                let is_down = matches!(self.health(), Health::Unavailable(_));
                let pause = if is_down { WHILE_DOWN.min(every) } else { every };
                let (stop, told) = &self.stop;
                let stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = told.wait_timeout_while(stop, pause, |stop| !*stop);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    return;
                }
                self.ask(&pool);
            }
        });
        drop(thread);
    }

    pub(super) fn stop(&self) {
        let (stop, told) = &self.stop;
        *stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        told.notify_all();
    }
}
