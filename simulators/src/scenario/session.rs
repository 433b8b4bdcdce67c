//! A live session between terminals and a host, written down as a scenario while it goes on.
//!
//! Proxies stand in front of the host's listeners; each message and its answer becomes a step as
//! soon as the answer has gone by. The file is whole after every step. Without a host to record, a
//! fresh engine with the portfolio is started, which is where the scenario will be played.

use super::recorder::{LeftOut, Recorder, Spoken, Strangers, text};
use crate::exchange::{Answer, decode};
use crate::intent::Fields;
use crate::moment::Zone;
use crate::tape::{Proxy, Side, Witness};
use crate::{Endpoint, Portfolio, SimError};
use payment_types::{Moment, Mti};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the file begins with.
#[derive(Debug, Clone)]
pub struct Head {
    /// The scenario's name.
    pub name: String,
    /// Where its clock starts.
    pub clock: Moment,
    /// The portfolio, as the scenario names it.
    pub portfolio: PathBuf,
    /// TOML over the base rule set.
    pub rules: String,
    /// Whether the session's clock moves: a host's does, a fresh engine's stands.
    pub clock_moves: bool,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Messages that are steps now.
    pub steps: usize,
    /// Messages with a card that is not in the portfolio.
    pub strangers: usize,
    /// Messages that no step can say.
    pub untellable: usize,
}

/// A recording.
pub struct Recording {
    proxies: Vec<(Box<str>, Proxy)>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    zone: Zone,
    clock_moves: bool,
    clock: Moment,
}

struct State {
    recorder: Recorder,
    open: Vec<Open>,
    file: File,
    path: PathBuf,
    taken: Taken,
    told: Box<dyn FnMut(&str) + Send>,
}

/// A message whose answer is still to come.
struct Open {
    listener: Box<str>,
    connection: u32,
    answer: Option<Mti>,
    trace: Option<String>,
    mti: Mti,
    fields: Fields,
    at: Moment,
    since: Duration,
    version: u8,
}

struct OfListener {
    listener: Box<str>,
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

impl Recording {
    /// Listens at each address for those who want to speak to the listener behind it; the scenario
    /// is a new file. `told` is handed each step as it is written.
    ///
    /// # Errors
    /// [`SimError::File`] if the scenario can't be made or is there already, [`SimError::Connection`]
    /// if a port can't be had.
    pub fn new(
        path: &Path,
        head: &Head,
        listeners: &[(&str, String, Endpoint)],
        (portfolio, strangers, zone): (Portfolio, Strangers, Zone),
        told: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self, SimError> {
        let portfolio = Arc::new(portfolio);
        let recorder = Recorder::new(portfolio, strangers, head.clock, head.clock_moves);
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = file.map_err(SimError::file(path))?;
        file.write_all(head.text().as_bytes()).map_err(SimError::file(path))?;
        let state = State {
            recorder,
            open: Vec::new(),
            file,
            path: path.to_owned(),
            taken: Taken::default(),
            told: Box::new(told),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            zone,
            clock_moves: head.clock_moves,
            clock: head.clock,
        });
        let mut proxies = Vec::new();
        for (name, bind, endpoint) in listeners {
            let witness = OfListener {
                listener: (*name).into(),
                endpoint: endpoint.clone(),
                shared: Arc::clone(&shared),
            };
            let proxy = Proxy::before(bind, endpoint.clone(), Arc::new(witness));
            match proxy {
                Ok(proxy) => proxies.push(((*name).into(), proxy)),
                Err(error) => {
                    // Nothing is in it: the next attempt finds the place free.
                    std::fs::remove_file(path).map_err(SimError::file(path))?;
                    return Err(error);
                }
            }
        }
        Ok(Self { proxies, shared })
    }

    /// Where it listens, by the listener's name.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub fn addresses(&self) -> Result<Vec<(&str, SocketAddr)>, SimError> {
        self.proxies.iter().map(|(name, proxy)| Ok((&**name, proxy.address()?))).collect()
    }

    /// Records until `stop` is set. A session without a step leaves no file.
    ///
    /// # Errors
    /// [`SimError::File`] if the scenario can't be written.
    pub fn serve(self, stop: &AtomicBool) -> Result<Taken, SimError> {
        std::thread::scope(|scope| {
            let served: Vec<_> = self
                .proxies
                .iter()
                .map(|(_, proxy)| scope.spawn(move || proxy.serve(stop)))
                .collect();
            served.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(SimError::Setting("a proxy failed".into())))
            })
        })?;
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = std::mem::take(&mut state.open);
        for message in open {
            state.write(&message, None)?;
        }
        if state.taken.steps == 0 {
            std::fs::remove_file(&state.path).map_err(SimError::file(&state.path))?;
        }
        Ok(state.taken)
    }
}

impl Head {
    fn text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (name, clock) = (quoted(&self.name), quoted(&self.clock.rfc3339()));
        let portfolio = quoted(&self.portfolio.display().to_string());
        let mut text = format!(
            "# Recorded by `tamga-sim scenario --record`.\nname: {name}\nclock: {clock}\n\
             portfolio: {portfolio}\n"
        );
        if !self.rules.trim().is_empty() {
            text.push_str("rules: |\n");
            for line in self.rules.trim_end().lines() {
                let line = if line.is_empty() { String::new() } else { format!("  {line}") };
                text.push_str(&line);
                text.push('\n');
            }
        }
        text.push_str("steps:\n");
        text
    }
}

impl Witness for OfListener {
    fn looks_first(&self) -> bool {
        true
    }

    fn message(
        &self,
        body: &[u8],
        from: Side,
        (connection, since): (u32, Duration),
    ) -> Result<bool, SimError> {
        let Ok((mti, fields)) = decode(self.endpoint.dialect(), body) else { return Ok(false) };
        let at = if self.shared.clock_moves { self.shared.zone.now() } else { self.shared.clock };
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        match from {
            Side::Terminal => state.open.push(Open {
                listener: self.listener.clone(),
                connection,
                answer: mti.response(),
                trace: text(&fields, 11),
                mti,
                fields,
                at,
                since,
                version: self.endpoint.dialect().version(),
            }),
            Side::Host => {
                let trace = text(&fields, 11);
                let is_it = |open: &Open| {
                    open.listener == self.listener
                        && open.connection == connection
                        && open.answer == Some(mti)
                        && open.trace == trace
                };
                // What answers nothing has no step.
                let Some(at) = state.open.iter().position(is_it) else { return Ok(true) };
                let open = state.open.remove(at);
                let took = since.saturating_sub(open.since);
                let answer = Answer { mti, fields, body: body.to_vec(), took };
                state.write(&open, Some(&answer))?;
            }
        }
        Ok(true)
    }
}

impl State {
    fn write(&mut self, open: &Open, answer: Option<&Answer>) -> Result<(), SimError> {
        let spoken = Spoken {
            listener: &open.listener,
            mti: open.mti,
            fields: &open.fields,
            answer,
            at: open.at,
            version: open.version,
        };
        match self.recorder.steps(&spoken) {
            Ok(steps) => {
                // In one piece: a file that ends here is whole.
                let written = self.file.write_all(steps.as_bytes());
                written.map_err(SimError::file(&self.path))?;
                self.taken.steps += 1;
                (self.told)(&steps);
            }
            Err(LeftOut::Stranger) => self.taken.strangers += 1,
            Err(LeftOut::Untellable) => self.taken.untellable += 1,
        }
        Ok(())
    }
}
