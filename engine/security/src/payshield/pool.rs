//! The connections to the module: how many at most, who waits for one and for how long, which
//! address is left alone for a while because it does not answer.
//!
//! A caller never waits longer than the timeout, and no more callers wait than are allowed: beyond
//! that the answer is "unavailable" at once. An address that failed is not tried again before its
//! pause is over, which doubles each time; then one caller tries it. So a module that is gone costs
//! callers nothing, and one that came back is found by itself.

use super::command::{Command, Response};
use super::link::{Link, Tls};
use super::settings::{CallOutcome, Settings};
use super::values::Values;
use crate::SecurityError;
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

pub(super) struct Pool {
    settings: Settings,
    tls: Option<Tls>,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    idle: Vec<Link>,
    in_use: usize,
    waiting: usize,
    hosts: Vec<Host>,
    /// Which host gets the next new connection.
    next: usize,
}

struct Host {
    address: String,
    failures: u32,
    not_before: Option<Instant>,
    why: String,
}

impl Host {
    fn failed(&mut self, why: &io::Error) {
        let pause = PAUSE_FIRST.saturating_mul(1 << self.failures.min(8)).min(PAUSE_LONGEST);
        self.failures += 1;
        self.not_before = Some(Instant::now() + pause);
        self.why = why.to_string();
    }
}

/// How the addresses are.
pub(super) struct Addresses {
    pub(super) all: usize,
    /// Those that failed last time, with why.
    pub(super) down: Vec<String>,
}

impl Pool {
    pub(super) fn new(settings: Settings, tls: Option<Tls>) -> Self {
        let hosts = settings.addresses.iter().map(|address| Host {
            address: address.clone(),
            failures: 0,
            not_before: None,
            why: String::new(),
        });
        let state = State { idle: vec![], in_use: 0, waiting: 0, hosts: hosts.collect(), next: 0 };
        Self { settings, tls, state: Mutex::new(state), freed: Condvar::new() }
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn addresses(&self) -> Addresses {
        let state = self.lock();
        let down = state.hosts.iter().filter(|host| host.failures > 0);
        let down = down.map(|host| format!("{}: {}", host.address, host.why)).collect();
        Addresses { all: state.hosts.len(), down }
    }

    /// Sends a command and reads its answer, whatever that says.
    pub(super) fn call(
        &self,
        command: &'static Command,
        values: &Values,
    ) -> Result<Response, SecurityError> {
        let started = Instant::now();
        let (response, outcome) = match self.answer(command, values, started) {
            Ok(response) if response.is_success => (Ok(response), CallOutcome::Done),
            Ok(response) => (Ok(response), CallOutcome::Refused),
            Err((error, outcome)) => (Err(error), outcome),
        };
        if let Some(observer) = &self.settings.observer {
            observer.called(command.code, started.elapsed(), outcome);
        }
        response
    }

    fn answer(
        &self,
        command: &'static Command,
        values: &Values,
        started: Instant,
    ) -> Result<Response, (SecurityError, CallOutcome)> {
        let mut message = Vec::with_capacity(256);
        command
            .write_request(values, &mut message)
            .map_err(|error| (SecurityError::Malformed(error.field), CallOutcome::NotSent))?;
        let deadline = started + self.settings.timeout;
        let answer = self.exchange(&message, deadline);
        zeroize::Zeroize::zeroize(&mut message);
        let answer = answer.map_err(|outcome| (SecurityError::Unavailable, outcome))?;
        let code = command.answer.as_bytes();
        answer
            .strip_prefix(code)
            .and_then(|fields| command.read_response(fields).ok())
            .ok_or((SecurityError::Unavailable, CallOutcome::Unanswered))
    }

    fn exchange(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, CallOutcome> {
        loop {
            let mut link = self.take(deadline)?;
            let (was_used, host) = (link.was_used, link.host);
            match link.exchange(message, deadline) {
                Ok(answer) => {
                    self.give_back(link);
                    return Ok(answer);
                }
                // The other side closed it while it was idle: all its idle ones are as old.
                Err(error) if was_used && is_end(&error) => self.forget(host, None),
                Err(error) => {
                    self.forget(host, Some(&error));
                    return Err(CallOutcome::Unanswered);
                }
            }
        }
    }

    /// A connection for one command.
    fn take(&self, deadline: Instant) -> Result<Link, CallOutcome> {
        let mut state = self.lock();
        loop {
            if let Some(link) = state.idle.pop() {
                state.in_use += 1;
                return Ok(link);
            }
            if state.in_use < self.settings.connections {
                let host = state.pick(deadline).ok_or(CallOutcome::NotSent)?;
                state.in_use += 1;
                let address = state.hosts[host].address.clone();
                drop(state);
                let header = self.settings.header_length;
                match Link::connect(&address, host, self.tls.as_ref(), header, deadline) {
                    Ok(link) => return Ok(link),
                    Err(error) => self.forget(host, Some(&error)),
                }
                state = self.lock();
                continue;
            }
            if state.waiting >= self.settings.waiting {
                return Err(CallOutcome::NotSent);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallOutcome::NotSent);
            }
            state.waiting += 1;
            let (again, _) =
                self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = again;
            state.waiting -= 1;
        }
    }

    fn give_back(&self, link: Link) {
        let mut state = self.lock();
        state.in_use -= 1;
        let host = &mut state.hosts[link.host];
        (host.failures, host.not_before) = (0, None);
        state.idle.push(link);
        drop(state);
        self.freed.notify_one();
    }

    /// A connection that is of no use any more, with the idle ones to the same address. With a
    /// cause, the address is left alone for a while.
    fn forget(&self, host: usize, why: Option<&io::Error>) {
        let mut state = self.lock();
        state.in_use -= 1;
        state.idle.retain(|link| link.host != host);
        if let Some(why) = why {
            state.hosts[host].failed(why);
        }
        drop(state);
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it; and if, the numbers are still right enough.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next address that may be tried. One that failed is given to one caller only, until that
    /// one knows better.
    fn pick(&mut self, deadline: Instant) -> Option<usize> {
        let now = Instant::now();
        let count = self.hosts.len();
        for step in 0..count {
            let at = (self.next + step) % count;
            let host = &mut self.hosts[at];
            if host.not_before.is_some_and(|not_before| now < not_before) {
                continue;
            }
            if host.failures > 0 {
                host.not_before = Some(deadline);
            }
            self.next = at + 1;
            return Some(at);
        }
        None
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}
