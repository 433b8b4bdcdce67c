//! A scheme host: the other side of a network's connection.
//!
//! It connects to a host or listens for some, sends authorizations, presentments, reversals, file
//! actions and network management, and answers what it is asked: by rules, late, twice, wrongly or
//! not at all; or hands it on to the issuer and stands in for it where that does not answer. What
//! it does is in a file ([`file`]); with one seed it does the same again.

mod answerer;
mod event;
pub mod file;
mod hub;
mod making;
mod memory;
mod message;
mod playing;
mod rules;
mod session;
#[cfg(test)]
mod tests;
mod values;

pub use event::{Event, Row, Summary, Way};
pub use file::File;

use crate::gear::Gear;
use crate::moment::Zone;
use crate::{Endpoint, Portfolio, SimError};
use answerer::Answerer;
use hub::{Hub, Out, lock};
use playing::Plan;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

const USUAL_PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Between two attempts to reach a host that is gone.
const AGAIN: Duration = Duration::from_millis(500);
/// How long answers that are on their way are waited for in the end.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// A host to be.
pub struct Settings {
    /// How both sides speak, and where to connect to.
    pub endpoint: Endpoint,
    /// Whether to connect there.
    pub connect: bool,
    /// Where to listen.
    pub listen: Option<String>,
    /// How to answer, what to send.
    pub file: File,
    /// The draws; else the file's, else 1.
    pub seed: Option<u64>,
    /// Cards and terminals.
    pub portfolio: Portfolio,
    /// The chips' counters and the terminals' keys.
    pub gear: Gear,
    /// The zone of terminals' clocks.
    pub zone: Zone,
    /// To end by itself after so long.
    pub duration: Option<Duration>,
    /// Whether events hold both messages decoded.
    pub decode: bool,
}

/// A host that is ready.
pub struct Host {
    hub: Arc<Hub>,
    listener: Option<TcpListener>,
    connect: bool,
    plan: Plan,
    seed: u64,
    duration: Option<Duration>,
}

impl Host {
    /// Takes its port, if it is to listen. Inside a runtime. Events go to `lines`; those that nobody
    /// takes in time are left out and counted.
    ///
    /// # Errors
    /// [`SimError::Connection`] if the port can't be had.
    pub async fn new(settings: Settings, lines: SyncSender<Event>) -> Result<Self, SimError> {
        let Settings { endpoint, connect, listen, file, seed, portfolio, .. } = settings;
        let Settings { gear, zone, duration, decode, .. } = settings;
        let listener = match &listen {
            Some(bind) => {
                let failed = |cause| SimError::Connection { target: bind.clone(), cause };
                Some(TcpListener::bind(bind).await.map_err(failed)?)
            }
            None => None,
        };
        let seed = seed.or(file.seed).unwrap_or(1);
        let answers = file.answer.into_iter().map(toml::Spanned::into_inner).collect();
        let portfolio = Arc::new(portfolio);
        let answerer = Answerer::new(answers, file.stand_in, Arc::clone(&portfolio), seed);
        let plan = Plan {
            sends: file.send.into_iter().map(toml::Spanned::into_inner).collect(),
            traffic: file.traffic.map(toml::Spanned::into_inner),
            exchange_keys: file.session.exchange_keys,
            sign_on: file.session.sign_on.unwrap_or(connect),
            echo_every: file.session.echo_every.map(|time| time.0),
        };
        // Trace numbers go on from run to run: they begin with the time of day.
        let first = u32::try_from(zone.now().at.0.rem_euclid(999_983)).unwrap_or_default();
        let hub = Hub {
            endpoint,
            answerer: Mutex::new(answerer),
            gear: Mutex::new(gear),
            portfolio,
            zone,
            patience: file.session.patience.map_or(USUAL_PATIENCE, |time| time.0),
            summary: Mutex::new(Summary::default()),
            lines,
            unseen: AtomicU64::new(0),
            decode,
            issuer: watch::Sender::new(None),
            backlog: Mutex::default(),
            backlog_grew: Notify::new(),
            next_trace: AtomicU32::new(first),
            began: Instant::now(),
        };
        Ok(Self { hub: Arc::new(hub), listener, connect, plan, seed, duration })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Runs until all is sent and answered, the time is over, or `stop` says so. A host that listens
    /// goes on after all is sent.
    ///
    /// # Errors
    /// [`SimError`] if the host to connect to isn't there, or a message cannot be made. What was
    /// done before is lost with it only if nothing was.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<Summary, SimError> {
        let Self { hub, listener, connect, plan, seed, duration } = self;
        let listens = listener.is_some();
        let mut tasks = tokio::task::JoinSet::new();
        if connect {
            let first = match connected(&hub).await {
                Ok(stream) => Some(stream),
                // The host may come later; whoever asks meanwhile is answered.
                Err(error) if listens => {
                    hub.note(0, format!("{error}; tried again until it is there"));
                    None
                }
                Err(error) => return Err(error),
            };
            tasks.spawn(keep_connected(Arc::clone(&hub), plan.clone(), first));
        }
        if let Some(listener) = listener {
            tasks.spawn(accept(Arc::clone(&hub), listener, (!connect).then(|| plan.clone())));
        }
        tasks.spawn(playing::advise(Arc::clone(&hub)));
        if let Some(every) = plan.echo_every {
            tasks.spawn(playing::echo(Arc::clone(&hub), every));
        }
        let over = duration.map_or(Duration::from_secs(86_400 * 365), |duration| duration);
        let over = tokio::time::sleep(over);
        tokio::pin!(over);
        let mut asked_to_stop = stop.clone();
        let played = tokio::select! {
            played = playing::play(&hub, &plan, seed, &stop), if plan.is_something() => Some(played),
            _ = asked_to_stop.wait_for(|stop| *stop) => None,
            () = &mut over => None,
        };
        let goes_on = listens || !plan.is_something();
        if goes_on && matches!(played, Some(Ok(()))) {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = &mut over => {}
            }
        }
        playing::part(&hub, &plan).await;
        if let Some(peer) = hub.issuer.borrow().clone() {
            let _gone = peer.out.send(Out::Close);
        }
        tokio::time::sleep(LAST_ANSWERS).await;
        tasks.shutdown().await;
        // A chip that was asked has counted, whether there was an answer or not.
        lock(&hub.gear).keep()?;
        let mut summary = std::mem::take(&mut *lock(&hub.summary));
        summary.finish(hub.began.elapsed());
        let left = lock(&hub.backlog).len();
        if left > 0 {
            *summary.happened.entry("the issuer was never told").or_default() +=
                u64::try_from(left).unwrap_or_default();
        }
        let unseen = hub.unseen.load(Ordering::Relaxed);
        if unseen > 0 {
            summary.happened.insert("lines not shown", unseen);
        }
        match played {
            Some(Err(error)) if summary.sent.is_empty() => Err(error),
            Some(Err(error)) => {
                summary.surprised += 1;
                summary.surprises.push(error.to_string());
                Ok(summary)
            }
            _ => Ok(summary),
        }
    }
}

async fn connected(hub: &Hub) -> Result<TcpStream, SimError> {
    let target = hub.endpoint.target();
    let failed = |cause| SimError::Connection { target: target.to_owned(), cause };
    let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(target)).await;
    stream.map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?.map_err(failed)
}

/// The connection to the issuer: opened again whenever it ends.
async fn keep_connected(hub: Arc<Hub>, plan: Plan, first: Option<TcpStream>) {
    let mut ready = first;
    for number in 1.. {
        let stream = match ready.take() {
            Some(stream) => stream,
            None => loop {
                match connected(&hub).await {
                    Ok(stream) => break stream,
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            },
        };
        hub.note(number, format!("connected to {}", hub.endpoint.target()));
        let (peer, ended) = session::open(&hub, stream, number);
        if let Err(error) = playing::greet(&hub, &plan, &peer).await {
            hub.note(number, error.to_string());
        }
        hub.issuer.send_replace(Some(peer));
        let _ended = ended.await;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Those who connect; the first of them is sent to, where this side does not connect itself.
async fn accept(hub: Arc<Hub>, listener: TcpListener, plan: Option<Plan>) {
    // Numbers above those of the connections to the issuer.
    let base = if plan.is_some() { 0 } else { 100 };
    let mut sessions = tokio::task::JoinSet::new();
    for number in base + 1.. {
        let Ok((stream, _)) = listener.accept().await else {
            // One peer's trouble, or too many of them: the host goes on.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        hub.note(number, "somebody connected");
        let (peer, ended) = session::open(&hub, stream, number);
        sessions.spawn(async move {
            let _ended = ended.await;
        });
        while sessions.try_join_next().is_some() {}
        let is_free = hub.issuer.borrow().as_ref().is_none_or(hub::Peer::is_gone);
        if let Some(plan) = plan.clone().filter(|_| is_free) {
            let hub = Arc::clone(&hub);
            tokio::spawn(async move {
                if let Err(error) = playing::greet(&hub, &plan, &peer).await {
                    hub.note(peer.number, error.to_string());
                }
                hub.issuer.send_replace(Some(peer));
            });
        }
    }
}
