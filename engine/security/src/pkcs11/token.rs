//! The token: its library, its sessions, and what its answers mean.
//!
//! Sessions are pooled, since each computes one thing at a time. After an error that says the
//! session or the device is gone, all are thrown away and opened again when next needed; keys that
//! lived in them are unwrapped again (see `keys`), which the generation tells.

use super::Pkcs11Settings;
use crate::SecurityError;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// What a token's call gives.
pub(super) type Answer<T> = Result<T, Error>;

pub(super) struct Token {
    context: Pkcs11,
    slot: Slot,
    pin: AuthPin,
    pub(super) label: String,
    pub(super) model: String,
    pool: Mutex<Pool>,
    freed: Condvar,
    limit: usize,
    patience: Duration,
    /// Holds the session in which unwrapped keys live: they go when it closes.
    keeper: Mutex<Option<Session>>,
    /// The key that wraps others, and in which generation it was found.
    wrapping: Mutex<Option<(u64, ObjectHandle)>>,
    generation: AtomicU64,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    open: usize,
}

/// A library may be initialised once per process, so each is kept for good.
fn library(path: &Path) -> Result<Pkcs11, String> {
    static LOADED: OnceLock<Mutex<HashMap<PathBuf, Pkcs11>>> = OnceLock::new();
    let mut loaded = lock(LOADED.get_or_init(Mutex::default));
    if let Some(context) = loaded.get(path) {
        return Ok(context.clone());
    }
    let context = Pkcs11::new(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => (),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    }
    loaded.insert(path.to_owned(), context.clone());
    Ok(context)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Token {
    pub(super) fn open(settings: &Pkcs11Settings) -> Result<Arc<Self>, String> {
        let context = library(&settings.library)?;
        let slots =
            context.get_slots_with_initialized_token().map_err(|error| error.to_string())?;
        let mut found = None;
        for slot in slots {
            let info = context.get_token_info(slot).map_err(|error| error.to_string())?;
            if info.label().trim_end() == settings.token_label {
                let model = format!("{} {}", info.manufacturer_id().trim(), info.model().trim());
                found = Some((slot, model));
            }
        }
        let (slot, model) = found
            .ok_or_else(|| format!("{} has no token of that label", settings.library.display()))?;
        let token = Arc::new(Self {
            context,
            slot,
            pin: AuthPin::new(settings.pin.as_str().into()),
            label: settings.token_label.clone(),
            model,
            pool: Mutex::default(),
            freed: Condvar::new(),
            limit: settings.sessions.max(1),
            patience: settings.patience,
            keeper: Mutex::default(),
            wrapping: Mutex::default(),
            generation: AtomicU64::new(1),
        });
        let session = token.new_session().map_err(|error| match error {
            Error::Pkcs11(RvError::PinIncorrect, _) => "the user PIN is wrong".to_owned(),
            Error::Pkcs11(RvError::PinLocked, _) => "the user PIN is locked".to_owned(),
            other => other.to_string(),
        })?;
        let mut pool = lock(&token.pool);
        pool.idle.push(session);
        pool.open = 1;
        drop(pool);
        Ok(token)
    }

    fn new_session(&self) -> Answer<Session> {
        let session = self.context.open_rw_session(self.slot)?;
        match session.login(UserType::User, Some(&self.pin)) {
            // Logging in once logs in every session of the process.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(error),
        }
    }

    /// Changes whenever keys that lived in sessions are gone.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Does something in a session of the pool.
    ///
    /// # Errors
    /// [`SecurityError::Unavailable`] if there is none in time or the token is gone, else what
    /// [`meaning`] says.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Session) -> Answer<T>,
    ) -> Result<T, SecurityError> {
        let session = self.take()?;
        let answer = work(&session);
        match &answer {
            Err(error) if is_gone(error) => self.forget(Some(session)),
            _ => self.give(session),
        }
        answer.map_err(|error| meaning(&error))
    }

    /// Does something in the session where unwrapped keys live. The generation is the one that the
    /// keys made here belong to.
    pub(super) fn keep<T>(
        &self,
        work: impl FnOnce(&Session) -> Answer<T>,
    ) -> Result<(u64, T), SecurityError> {
        let mut keeper = lock(&self.keeper);
        let session = match keeper.take() {
            Some(session) => session,
            None => self.new_session().map_err(|error| meaning(&error))?,
        };
        let generation = self.generation();
        match work(&session) {
            Ok(made) => {
                *keeper = Some(session);
                Ok((generation, made))
            }
            Err(error) => {
                drop(keeper);
                if is_gone(&error) {
                    drop(session);
                    self.forget(None);
                } else {
                    *lock(&self.keeper) = Some(session);
                }
                Err(meaning(&error))
            }
        }
    }

    /// The key that wraps others: found once in each generation.
    pub(super) fn remembered(
        &self,
        find: impl FnOnce() -> Answer<ObjectHandle>,
    ) -> Answer<ObjectHandle> {
        let generation = self.generation();
        if let Some((at, handle)) = *lock(&self.wrapping)
            && at == generation
        {
            return Ok(handle);
        }
        let handle = find()?;
        *lock(&self.wrapping) = Some((generation, handle));
        Ok(handle)
    }

    /// Asks for a few random bytes, which every token has.
    pub(super) fn ping(&self) -> Result<(), SecurityError> {
        self.with(|session| session.generate_random_vec(8).map(|_| ()))
    }

    fn take(&self) -> Result<Session, SecurityError> {
        let until = Instant::now() + self.patience;
        let mut pool = lock(&self.pool);
        loop {
            if let Some(session) = pool.idle.pop() {
                return Ok(session);
            }
            if pool.open < self.limit {
                pool.open += 1;
                drop(pool);
                return self.new_session().map_err(|_| {
                    self.closed_one();
                    SecurityError::Unavailable
                });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SecurityError::Unavailable);
            }
            let waited = self.freed.wait_timeout(pool, left);
            pool = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn give(&self, session: Session) {
        lock(&self.pool).idle.push(session);
        self.freed.notify_one();
    }

    fn closed_one(&self) {
        let mut pool = lock(&self.pool);
        pool.open = pool.open.saturating_sub(1);
        drop(pool);
        self.freed.notify_one();
    }

    /// Throws sessions away; those in use follow when they fail.
    fn forget(&self, broken: Option<Session>) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let mut pool = lock(&self.pool);
        let gone = pool.idle.len() + usize::from(broken.is_some());
        let idle = core::mem::take(&mut pool.idle);
        pool.open = pool.open.saturating_sub(gone);
        drop(pool);
        drop((idle, broken, lock(&self.keeper).take()));
        self.freed.notify_all();
    }
}

/// Whether the session, or a key that lived in one, is no more.
const fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::TokenNotPresent
                | RvError::UserNotLoggedIn
                | RvError::CryptokiNotInitialized
                | RvError::KeyHandleInvalid
                | RvError::ObjectHandleInvalid
                | RvError::UnwrappingKeyHandleInvalid
                | RvError::WrappingKeyHandleInvalid,
            _
        )
    )
}

/// What a refusal of the token means to whoever asked.
const fn meaning(error: &Error) -> SecurityError {
    match error {
        Error::Pkcs11(RvError::MechanismInvalid | RvError::MechanismParamInvalid, _)
        | Error::NotSupported
        | Error::NullFunctionPointer => {
            SecurityError::Unsupported("the token lacks a mechanism for this")
        }
        Error::Pkcs11(
            RvError::KeyFunctionNotPermitted
            | RvError::KeyTypeInconsistent
            | RvError::KeyUnextractable,
            _,
        ) => SecurityError::WrongUsage,
        Error::Pkcs11(
            RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::WrappedKeyInvalid
            | RvError::WrappedKeyLenRange,
            _,
        ) => SecurityError::NotOurs,
        _ => SecurityError::Unavailable,
    }
}
