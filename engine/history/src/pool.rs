//! A few read-only connections, opened when needed and kept.

use crate::{HistoryError, schema};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// More would not read faster on the machines this runs on.
const CONNECTIONS_MAX: usize = 8;

pub(crate) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    lent: usize,
}

impl Pool {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `read` on a connection, waiting for one if all are lent.
    pub(crate) fn with<R>(
        &self,
        read: impl FnOnce(&Connection) -> Result<R, HistoryError>,
    ) -> Result<R, HistoryError> {
        let lent = Lent { pool: self, connection: Some(self.take()?) };
        match &lent.connection {
            Some(connection) => read(connection),
            None => Err(HistoryError::Content("no connection")),
        }
    }

    fn take(&self) -> Result<Connection, HistoryError> {
        let mut state = self.lock();
        while state.lent >= CONNECTIONS_MAX {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let connection = match state.idle.pop() {
            Some(connection) => connection,
            None => schema::open_reader(&self.path)?,
        };
        state.lent += 1;
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the connection back however the reading ends.
struct Lent<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent = state.lent.saturating_sub(1);
        state.idle.extend(self.connection.take());
        drop(state);
        self.pool.returned.notify_one();
    }
}
