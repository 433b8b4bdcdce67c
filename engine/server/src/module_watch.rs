//! A security module outside the process, watched: how long its calls take, and whether it answers.
//!
//! A module that did not answer [`TRIES`] calls in a row is taken for gone. It is then asked by one
//! caller every [`PAUSE`] only; all others are told at once that it cannot be asked, so that a dead
//! module does not make every message wait for its timeout. The first answer ends that: nobody has
//! to do anything for it to recover.

use crate::telemetry::ModuleMeter;
use payment_types::{Pan, PanDigest, Timestamp};
use security::{
    ArpcInput, CardValueInput, CardValues, CheckValue, Chips, CryptogramInput, DataProtection,
    Generated, Health, HealthCheck, IssuerAuthenticationData, KeyExchange, KeyUsage, LoadedKey,
    Mac, MacAlgorithm, MacSource, Macs, PinCard, PinChange, PinData, PinOutcome, PinReference,
    Pins, ScriptCommand, ScriptInput, ScriptKeys, SealedKey, SecurityError, SecurityModule,
    TestKey, TestPin, Vault, Verification, WorkingKey,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Calls in a row without an answer after which the module is taken for gone.
const TRIES: u32 = 3;
/// How long a module that is gone is left alone between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct WatchedModule {
    inner: Arc<dyn SecurityModule>,
    watch: Option<Watch>,
}

struct Watch {
    meter: ModuleMeter,
    began: Instant,
    /// Calls in a row without an answer.
    unanswered: AtomicU32,
    /// Milliseconds since `began` at which the next try may be made.
    next_try: AtomicU64,
}

impl WatchedModule {
    /// Watches a module.
    pub(crate) fn new(inner: Arc<dyn SecurityModule>) -> Self {
        let watch = Watch {
            meter: ModuleMeter::new(),
            began: Instant::now(),
            unanswered: AtomicU32::new(0),
            next_try: AtomicU64::new(0),
        };
        Self { inner, watch: Some(watch) }
    }

    /// A module that is never asked and always says that it cannot be: what needs no asking
    /// (digests of card numbers) is done all the same.
    pub(crate) fn unreachable(inner: Arc<dyn SecurityModule>) -> Self {
        Self { inner, watch: None }
    }

    /// Asks the module how it is, so that one that nobody asks is watched as well.
    pub(crate) fn probe(&self) {
        if let Some(watch) = self.watch.as_ref().filter(|watch| watch.may_ask()) {
            let started = Instant::now();
            let health = self.inner.health();
            watch.meter.called("health", started.elapsed());
            watch.heard(!matches!(health, Health::Unavailable(_)));
        }
    }

    fn call<T>(
        &self,
        operation: &'static str,
        ask: impl FnOnce(&dyn SecurityModule) -> Result<T, SecurityError>,
    ) -> Result<T, SecurityError> {
        let watch = self.watch.as_ref().ok_or(SecurityError::Unavailable)?;
        if !watch.may_ask() {
            watch.meter.unavailable();
            return Err(SecurityError::Unavailable);
        }
        let started = Instant::now();
        let answer = ask(self.inner.as_ref());
        watch.meter.called(operation, started.elapsed());
        watch.heard(!matches!(answer, Err(SecurityError::Unavailable)));
        answer
    }
}

impl Watch {
    /// Whether this caller may ask: all while the module answers, else one in each pause.
    fn may_ask(&self) -> bool {
        if self.unanswered.load(Ordering::Relaxed) < TRIES {
            return true;
        }
        let (now, next) = (self.elapsed(), self.next_try.load(Ordering::Relaxed));
        let after = now.saturating_add(millis(PAUSE));
        now >= next
            && self
                .next_try
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn heard(&self, answered: bool) {
        if answered {
            if self.unanswered.swap(0, Ordering::Relaxed) >= TRIES {
                self.meter.back();
            }
            return;
        }
        self.meter.unavailable();
        self.next_try.store(self.elapsed().saturating_add(millis(PAUSE)), Ordering::Relaxed);
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 == TRIES {
            self.meter.gone();
        }
    }

    fn elapsed(&self) -> u64 {
        millis(self.began.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Each method asks the module inside, under its own name.
macro_rules! ask {
    ($(impl $trait:ident {
        $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $answer:ty;)*
    })*) => {
        $(impl $trait for WatchedModule {
            $(fn $name(&self $(, $argument: $kind)*) -> Result<$answer, SecurityError> {
                self.call(stringify!($name), |module| module.$name($($argument),*))
            })*
        })*
    };
}

ask! {
    impl Vault {
        fn load(&self, key: &SealedKey, usage: KeyUsage) -> LoadedKey;
        fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> SealedKey;
        fn named_key(&self, name: &str, usage: KeyUsage) -> SealedKey;
    }
    impl Pins {
        fn verify_pin(&self, pin: &PinData<'_>, card: &PinCard<'_>) -> PinOutcome;
        fn change_pin(
            &self,
            current: Option<&PinData<'_>>,
            new: &PinData<'_>,
            card: &PinCard<'_>
        ) -> PinChange;
    }
    impl CardValues {
        fn verify_card_value(
            &self,
            key: &LoadedKey,
            input: &CardValueInput<'_>,
            given: &[u8]
        ) -> Verification;
        fn verify_cavv(&self, key: &LoadedKey, pan: &Pan, cavv: &[u8]) -> Verification;
        fn verify_aav(&self, key: &LoadedKey, pan: &Pan, aav: &[u8]) -> Verification;
    }
    impl Chips {
        fn verify_cryptogram(&self, key: &LoadedKey, input: &CryptogramInput<'_>) -> Verification;
        fn response_cryptogram(
            &self,
            key: &LoadedKey,
            input: &CryptogramInput<'_>,
            answer: ArpcInput<'_>
        ) -> IssuerAuthenticationData;
        fn script(&self, keys: &ScriptKeys<'_>, input: &ScriptInput<'_>) -> ScriptCommand;
        fn pin_script(
            &self,
            keys: &ScriptKeys<'_>,
            input: &ScriptInput<'_>,
            new: &PinData<'_>
        ) -> ScriptCommand;
    }
    impl Macs {
        fn mac(&self, source: &MacSource<'_>, algorithm: MacAlgorithm, data: &[u8]) -> Mac;
        fn verify_mac(
            &self,
            source: &MacSource<'_>,
            algorithm: MacAlgorithm,
            data: &[u8],
            given: &[u8]
        ) -> Verification;
    }
    impl KeyExchange {
        fn generate_working_key(&self, master: &LoadedKey, wanted: WorkingKey) -> Generated;
        fn import_working_key(
            &self,
            master: &LoadedKey,
            wanted: WorkingKey,
            delivered: &[u8],
            check_value: Option<CheckValue>
        ) -> SealedKey;
    }
    impl DataProtection {
        fn new_data_key(&self) -> SealedKey;
        fn encrypt(&self, key: &LoadedKey, context: &[u8], plain: &[u8]) -> Vec<u8>;
        fn decrypt(
            &self,
            key: &LoadedKey,
            context: &[u8],
            sealed: &[u8]
        ) -> Zeroizing<Vec<u8>>;
    }
}

impl HealthCheck for WatchedModule {
    /// As it was heard of last: does not ask, and so never waits.
    fn health(&self) -> Health {
        let is_up = |watch: &Watch| watch.unanswered.load(Ordering::Relaxed) < TRIES;
        if self.watch.as_ref().is_some_and(is_up) {
            return Health::Ready;
        }
        Health::Unavailable("it does not answer; it is tried again every second".to_owned())
    }

    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

impl SecurityModule for WatchedModule {
    // Made in this process by every module.
    fn pan_digest(&self, pan: &Pan) -> PanDigest {
        self.inner.pan_digest(pan)
    }

    fn fingerprint(&self) -> [u8; 8] {
        self.inner.fingerprint()
    }

    fn time_is(&self, now: Timestamp) {
        self.inner.time_is(now);
    }

    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError> {
        self.inner.reference_for_test_pin(pan, pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use security::SoftwareModule;

    /// A module that can be pulled out and put back: another watch that takes it for gone.
    fn flaky() -> Arc<WatchedModule> {
        Arc::new(WatchedModule::new(Arc::new(SoftwareModule::ephemeral_for_tests())))
    }

    fn pull(module: &WatchedModule, out: bool) {
        let watch = module.watch.as_ref().unwrap();
        watch.unanswered.store(if out { TRIES } else { 0 }, Ordering::Relaxed);
        watch.next_try.store(if out { u64::MAX } else { 0 }, Ordering::Relaxed);
    }

    #[test]
    fn a_module_that_is_gone_is_left_alone_and_comes_back_by_itself() {
        let inner = flaky();
        let outer = WatchedModule::new(Arc::clone(&inner) as Arc<dyn SecurityModule>);
        let ask = || outer.new_data_key().map(drop);
        assert_eq!((ask(), outer.health()), (Ok(()), Health::Ready));
        pull(&inner, true);
        for _ in 0..TRIES {
            assert_eq!(ask(), Err(SecurityError::Unavailable));
        }
        assert!(matches!(outer.health(), Health::Unavailable(_)));
        pull(&inner, false);
        assert_eq!(ask(), Err(SecurityError::Unavailable), "not asked within the pause");
        outer.watch.as_ref().unwrap().next_try.store(0, Ordering::Relaxed);
        assert_eq!((ask(), outer.health()), (Ok(()), Health::Ready));
        assert_eq!(ask(), Ok(()));
    }

    #[test]
    fn one_that_is_never_asked_still_makes_digests() {
        let inner = flaky();
        let unreachable = WatchedModule::unreachable(Arc::clone(&inner) as Arc<dyn SecurityModule>);
        let pan = Pan::from_ascii(b"9417000000000009").unwrap();
        assert_eq!(unreachable.pan_digest(&pan), inner.pan_digest(&pan));
        assert_eq!(unreachable.new_data_key().map(drop), Err(SecurityError::Unavailable));
    }
}
